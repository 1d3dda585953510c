//! The files that detectors and Sigma rules come from: have they changed, and can what they say now be gone by?
//!
//! Looked at every two seconds, and at once when poked; read once they have stayed as they are for one look more. All
//! of it is compiled, exceptions and the model of threats are held against it, and what else a start needs is opened.
//! One look costs a question to the system for each file.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};

use crate::clock::Clock;
use crate::config::Config;
use crate::detection::sigma::Rules;
use crate::detection::{Catalogue, passed_over};
use crate::pipeline::{Ask, Look, look, sum, sum_of};

use super::setup;
use super::talk::Failure;

/// How often folders are looked at.
const EVERY: Duration = Duration::from_secs(2);
/// Files of a folder of which each is journalled, and detectors that are named, at most.
const MOST_JOURNALLED: usize = 64;
const MOST_NAMED: usize = 8;
/// How many files are looked at, and how deep folders lie in each other.
const MAX_FILES: usize = 20_000;
const MAX_DEPTH: usize = 8;

/// What a run goes by: detectors, and the files that they are from.
pub type GoingBy = (Catalogue, Files);

/// How files look from outside.
type Looks = BTreeMap<PathBuf, Look>;

/// How often files were read anew: taken, and refused.
pub type Times = [u64; 2];

/// The files that detectors and Sigma rules come from.
#[derive(Debug)]
pub struct Files {
    config: Config,
    clock: Clock,
    folders: Vec<PathBuf>,
    /// Those that run, by their sums.
    running: BTreeMap<String, String>,
    /// The ids of the detectors that run.
    ids: BTreeSet<String>,
    /// What of the Sigma rules was refused when they were taken.
    lame: BTreeSet<String>,
    /// How they looked when they were read last, and a moment ago; those of `[context]` too, which name detectors.
    read: Looks,
    seen: Looks,
    /// Whether what was read last was refused.
    refused: bool,
    times: Times,
    /// What came, went and changed with the last that were taken.
    came: String,
}

/// What came of another look.
#[derive(Debug)]
enum Looked {
    /// What runs is what is there again.
    Mended,
    /// What is there can't run, and why.
    Refused(String),
    /// What is to run.
    Others(Box<Catalogue>),
}

impl Files {
    /// Compiles what `config` names, and returns it with who follows it.
    ///
    /// # Errors
    ///
    /// Every problem of the detectors.
    pub fn begin(config: &Config, clock: &Clock) -> Result<GoingBy, Failure> {
        let detection = &config.detection;
        let folders: Vec<PathBuf> = detection.detectors.iter().chain(&detection.sigma).cloned().collect();
        // What changes while they are read is seen as changed.
        let now = looks(&folders, config);
        let (catalogue, rules) = setup::catalogue(detection, &[])?;
        setup::tell_of_sigma(&rules);
        for passed in detection.detectors.as_deref().map(passed_over).unwrap_or_default() {
            setup::note(&passed.to_string());
        }
        let running = sums(&now, &folders);
        let mut files = Self {
            config: config.clone(),
            clock: clock.clone(),
            folders,
            running,
            ids: BTreeSet::new(),
            lame: BTreeSet::new(),
            read: now.clone(),
            seen: now,
            refused: false,
            times: [0, 0],
            came: String::new(),
        };
        files.know(&catalogue, &rules);
        Ok((catalogue, files))
    }

    fn know(&mut self, catalogue: &Catalogue, rules: &Rules) {
        self.ids = catalogue.detectors.all.iter().map(|one| one.id.to_string()).collect();
        self.lame = rules.refused.iter().map(ToString::to_string).collect();
    }

    /// Returns SHA-256 of each file by its path; of a folder of many, one of all.
    pub fn sums(&self) -> BTreeMap<String, String> {
        let mut shown = self.running.clone();
        for folder in &self.folders {
            let inside = |file: &String| Path::new(file).starts_with(folder);
            let many: Vec<_> = shown.iter().filter(|(file, _)| inside(file)).collect();
            if many.len() <= MOST_JOURNALLED {
                continue;
            }
            let lines: Vec<String> = many.iter().map(|(file, sum)| format!("{sum}  {file}")).collect();
            let (name, count) = (folder.display().to_string(), many.len());
            shown.retain(|file, _| !inside(file));
            shown.insert(format!("{name} ({count} files)"), sum_of(lines.join("\n").as_bytes()));
        }
        shown
    }

    /// Returns how often they were taken and refused, and what the last that were taken brought.
    pub fn told(&self) -> (Times, &str) {
        (self.times, &self.came)
    }

    /// Tells whether there is no file to look at.
    pub fn are_none(&self) -> bool {
        self.folders.is_empty()
    }

    /// Tells whether a source can't be read again, so that nothing may end before the process does.
    pub fn pass(&self) -> bool {
        super::config::passing(&self.config).is_some()
    }

    /// Looks until what is there is others, and in order; or until the other end of `pokes` or `to` is gone.
    pub fn until_others(mut self, pokes: &Receiver<()>, to: &Sender<Ask>) -> Option<GoingBy> {
        loop {
            let poked = match pokes.recv_timeout(EVERY) {
                Ok(()) => true,
                Err(RecvTimeoutError::Timeout) => false,
                Err(RecvTimeoutError::Disconnected) => return None,
            };
            let says = match self.check(poked) {
                None => continue,
                Some(Looked::Others(catalogue)) => return Some((*catalogue, self)),
                Some(Looked::Mended) => None,
                Some(Looked::Refused(says)) => Some(says),
            };
            to.send(Ask::DetectorsRefused(says)).ok()?;
        }
    }

    fn check(&mut self, poked: bool) -> Option<Looked> {
        let now = looks(&self.folders, &self.config);
        let settled = now == self.seen;
        self.seen.clone_from(&now);
        if !poked && (!settled || now == self.read) {
            return None;
        }
        let sums = sums(&now, &self.folders);
        // What changes while it is read is read again.
        self.read = now;
        if sums == self.running {
            return std::mem::take(&mut self.refused).then_some(Looked::Mended);
        }
        Some(match self.compile(&sums) {
            Ok((catalogue, rules)) => {
                self.came = self.what_came(&catalogue, &sums);
                self.know(&catalogue, &rules);
                (self.running, self.refused) = (sums, false);
                self.times[0] += 1;
                Looked::Others(Box::new(catalogue))
            }
            Err(says) => {
                self.refused = true;
                self.times[1] += 1;
                Looked::Refused(says)
            }
        })
    }

    /// Compiles what is there; says why it can't be gone by.
    fn compile(&self, sums: &BTreeMap<String, String>) -> Result<(Catalogue, Rules), String> {
        let says = |failure: Failure| failure.says().to_owned();
        let (catalogue, rules) = setup::catalogue(&self.config.detection, &[]).map_err(says)?;
        let lame: Vec<String> = rules.refused.iter().map(ToString::to_string).collect();
        let lame: Vec<&str> = lame.iter().filter(|one| !self.lame.contains(*one)).map(String::as_str).collect();
        if !lame.is_empty() {
            return Err(format!("{}\nSigma rules that can't run are taken with a restart alone", lame.join("\n")));
        }
        let empty = |folder: &&PathBuf| {
            let any = |sums: &BTreeMap<String, String>| sums.keys().any(|file| Path::new(file).starts_with(folder));
            any(&self.running) && !any(sums)
        };
        if let Some(folder) = self.folders.iter().find(empty) {
            return Err(format!("{}: nothing is left in it. If that is meant, restart", folder.display()));
        }
        if catalogue.detectors.all.is_empty() {
            return Err("no detector is left. If that is meant, restart".to_owned());
        }
        // Exceptions and the model of threats name detectors.
        let around = crate::config::surroundings(&self.config, &catalogue.detectors, self.clock.now());
        around.map_err(|problems| problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))?;
        // A run that ends must be able to begin again.
        super::sources::sinks(&self.config, None, &self.clock).map_err(says)?;
        Ok((catalogue, rules))
    }

    /// Says how many detectors run now, and which came, went and may have changed.
    fn what_came(&self, catalogue: &Catalogue, sums: &BTreeMap<String, String>) -> String {
        let ids: BTreeSet<String> = catalogue.detectors.all.iter().map(|one| one.id.to_string()).collect();
        let files =
            sums.iter().filter(|(file, sum)| self.running.get(*file).is_some_and(|before| before != *sum)).count();
        let named = |mut of: Vec<&str>| {
            let more = of.len().saturating_sub(MOST_NAMED);
            of.truncate(MOST_NAMED);
            match (of.len(), more) {
                (0, _) => "none".to_owned(),
                (_, 0) => of.join(", "),
                _ => format!("{} and {more} more", of.join(", ")),
            }
        };
        let without = |a: &BTreeSet<String>, b: &BTreeSet<String>| named(a.difference(b).map(String::as_str).collect());
        let (came, went) = (without(&ids, &self.ids), without(&self.ids, &ids));
        format!("{} run; came: {came}; went: {went}; files that changed: {files}", ids.len())
    }
}

/// Returns how the YAML files of `folders` look, and of the folders in them, and the files that name detectors.
fn looks(folders: &[PathBuf], config: &Config) -> Looks {
    let mut all: Looks = config.context.files().into_iter().chain(config.posture.model.clone()).map(seen).collect();
    for folder in folders {
        if folder.is_dir() {
            walk(folder, 0, &mut all);
        } else {
            all.extend([seen(folder.clone())]);
        }
    }
    all
}

fn walk(folder: &Path, depth: usize, all: &mut Looks) {
    // One that can't be read is complained of by who reads the files.
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let (path, name) = (entry.path(), entry.file_name());
        if all.len() >= MAX_FILES || name.to_string_lossy().starts_with('.') {
            continue;
        }
        if path.is_dir() && depth < MAX_DEPTH {
            walk(&path, depth + 1, all);
        } else if path.extension().is_some_and(is_yaml) {
            all.extend([seen(path)]);
        }
    }
}

fn is_yaml(extension: &OsStr) -> bool {
    extension.eq_ignore_ascii_case("yml") || extension.eq_ignore_ascii_case("yaml")
}

fn seen(path: PathBuf) -> (PathBuf, Look) {
    let looks = look(&path);
    (path, looks)
}

fn sums(looks: &Looks, folders: &[PathBuf]) -> BTreeMap<String, String> {
    let rules = looks.keys().filter(|file| folders.iter().any(|folder| file.starts_with(folder)));
    rules.map(|file| (file.display().to_string(), sum(file).unwrap_or_default())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUIET: &str = "title: A made-up rule\nid: 8f1f3b0e-6b1a-4d7e-9a55-0c1d2e3f4a5b\nstatus: test\nlogsource:\n  \
        product: azure\n  service: activitylogs\ndetection:\n  one:\n    operationName: A/B\n  condition: one\nlevel: low\n";

    fn files(folder: &Path) -> Files {
        let text = format!("[detection]\nsigma = ['{}']\n", folder.display());
        Files::begin(&toml::from_str(&text).unwrap(), &Clock::system()).unwrap().1
    }

    #[test]
    fn rules_are_taken_once_they_have_changed_and_stayed_so() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("one.yml");
        std::fs::write(&file, QUIET).unwrap();
        let mut files = files(folder.path());
        assert!(files.check(false).is_none() && files.check(true).is_none(), "nothing has changed");
        std::fs::write(folder.path().join("two.yml"), QUIET.replace("A/B", "C/D").replace("8f1f", "9f1f")).unwrap();
        assert!(files.check(false).is_none(), "it may still be written");
        let Some(Looked::Others(catalogue)) = files.check(false) else { panic!("they are others") };
        assert!(catalogue.detectors.all.iter().any(|one| one.id.contains("9f1f")));
    }

    #[test]
    fn rules_that_broke_or_are_gone_are_refused_and_those_that_run_go_on() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("one.yml");
        std::fs::write(&file, QUIET).unwrap();
        let mut files = files(folder.path());
        let refused = |files: &mut Files, says: &str| {
            assert!(files.check(false).is_none());
            let Some(Looked::Refused(why)) = files.check(false) else { panic!("it is refused") };
            assert!(why.contains(says), "{why}");
        };
        std::fs::write(&file, &QUIET[..QUIET.len() - 40]).unwrap();
        refused(&mut files, "one.yml");
        std::fs::remove_file(&file).unwrap();
        refused(&mut files, "nothing is left in it");
        assert_eq!(files.told().0, [0, 2]);
        std::fs::write(&file, QUIET).unwrap();
        assert!(files.check(false).is_none());
        assert!(matches!(files.check(false), Some(Looked::Mended)));
    }

    #[test]
    fn what_an_exception_keeps_from_going_is_let_go_once_the_exception_is_mended() {
        let folder = tempfile::tempdir().unwrap();
        let rules = folder.path().join("rules");
        std::fs::create_dir(&rules).unwrap();
        for (name, first) in [("one.yml", "8f1f"), ("two.yml", "9f1f")] {
            std::fs::write(rules.join(name), QUIET.replace("8f1f", first)).unwrap();
        }
        let exceptions = folder.path().join("exceptions.yaml");
        let id =
            |files: &Files, first: &str| files.ids.iter().find(|id| id.contains(first)).cloned().unwrap_or_default();
        let config =
            |more: &str| toml::from_str(&format!("[detection]\nsigma = ['{}']\n{more}", rules.display())).unwrap();
        let (_, plain) = Files::begin(&config(""), &Clock::system()).unwrap();
        let (gone, stays) = (id(&plain, "9f1f"), id(&plain, "8f1f"));
        let excepted = |whom: &str| {
            let text = format!(
                "- {{ id: a, detectors: {whom}, when: {{ app: x }}, owner: Dana, reason: A test, created: 2026-03-01, expires: 2099-01-01 }}\n"
            );
            std::fs::write(&exceptions, text).unwrap();
        };
        excepted(&gone);
        let more = format!("[context]\nexceptions = '{}'\n", exceptions.display());
        let (_, mut files) = Files::begin(&config(&more), &Clock::system()).unwrap();
        std::fs::remove_file(rules.join("two.yml")).unwrap();
        assert!(files.check(false).is_none());
        assert!(matches!(files.check(false), Some(Looked::Refused(_))), "the exception names it");
        excepted(&stays);
        assert!(files.check(false).is_none());
        assert!(matches!(files.check(false), Some(Looked::Others(_))));
        assert!(files.told().1.contains(&format!("came: none; went: {gone}")), "{}", files.told().1);
    }

    #[test]
    fn what_names_a_detector_that_is_gone_is_refused_until_it_is_back() {
        let folder = tempfile::tempdir().unwrap();
        let own = folder.path().join("own");
        let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("detectors");
        std::fs::create_dir_all(own.join("probing")).unwrap();
        std::fs::copy(shipped.join("threats.yaml"), own.join("threats.yaml")).unwrap();
        let copy =
            || std::fs::copy(shipped.join("probing/kudu_used.yaml"), own.join("probing/kudu_used.yaml")).unwrap();
        copy();
        let text = format!("[detection]\ndetectors = '{}'\n", own.display());
        let mut files = Files::begin(&toml::from_str(&text).unwrap(), &Clock::system()).unwrap().1;
        std::fs::write(own.join("probing/kudu_used.yaml"), "id: nonsense\n").unwrap();
        assert!(files.check(false).is_none());
        let Some(Looked::Refused(says)) = files.check(false) else { panic!("it is refused") };
        assert!(says.contains("probing/kudu_used.yaml"), "{says}");
        copy();
        assert!(files.check(false).is_none());
        assert!(matches!(files.check(false), Some(Looked::Mended)), "what runs is there again");
        std::fs::write(own.join("probing/second.YML"), "id: probing.second\n").unwrap();
        assert!(files.check(false).is_none());
        let Some(Looked::Refused(says)) = files.check(false) else { panic!("it would be passed over") };
        assert!(says.contains("Rename it to `second.yaml`"), "{says}");
    }
}
