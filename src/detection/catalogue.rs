//! Which detectors run? Those shipped with the program, or those of a folder.
//!
//! A catalogue is loaded as a whole or not at all: one file that does not compile, and what runs
//! stays as it was. A folder holds `<family>/<name>.yaml`, its cases in `<name>.test.yaml` beside
//! it, and `threats.yaml`; without the latter the shipped threats apply. At most 2,000 files are
//! read, each of at most 256 KB.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use rust_embed::RustEmbed;

use crate::posture::document::MAX_BYTES;
use crate::posture::{Need, Problem, Threats};
use crate::telemetry::Kind;

use super::case::Case;
use super::spec::{Compiled, DetectorSpec};
use super::{Detector, Detectors, Family, Matcher, Rule, sigma};

const THREATS: &str = "threats.yaml";
const CASES: &str = ".test.yaml";
const MAX_FILES: usize = 2000;

#[derive(RustEmbed)]
#[folder = "detectors/"]
struct Shipped;

/// All detectors, what the matcher needs of them, their threats and their cases.
#[derive(Clone, Debug)]
pub struct Catalogue {
    /// What engine, alert book and people need, in order of their ids.
    pub detectors: Arc<Detectors>,
    /// What the matcher needs, in the same order.
    pub rules: Arc<[Rule]>,
    /// The threats that detectors name.
    pub threats: Arc<Threats>,
    /// The cases of each detector, in the same order.
    pub(super) cases: Vec<Vec<Case>>,
    /// The Sigma rules among them.
    sigma: Option<Arc<sigma::Set>>,
}

impl Catalogue {
    /// Returns the detectors that come with the program.
    ///
    /// # Errors
    ///
    /// Returns every problem of every file; a released program has none.
    pub fn shipped() -> Result<Self, Vec<Problem>> {
        let mut files = BTreeMap::new();
        for path in Shipped::iter().filter(|path| is_yaml(path)) {
            if let Some(file) = Shipped::get(&path) {
                files.insert(path.to_string(), String::from_utf8_lossy(&file.data).into_owned());
            }
        }
        Self::build(&files)
    }

    /// Returns the detectors of the folder `dir`, in place of those that come with the program.
    ///
    /// # Errors
    ///
    /// Returns every problem of every file, and what can't be read.
    pub fn load(dir: &Path) -> Result<Self, Vec<Problem>> {
        Self::build(&read_folder(dir)?)
    }

    /// Returns the detectors of `files`: their texts by their paths, such as `key-usage/quota.yaml`.
    ///
    /// # Errors
    ///
    /// Returns every problem of every file, in order of files and lines.
    pub fn build(files: &BTreeMap<String, String>) -> Result<Self, Vec<Problem>> {
        let shipped = Shipped::get(THREATS).map(|file| String::from_utf8_lossy(&file.data).into_owned());
        let threats = files.get(THREATS).or(shipped.as_ref()).map_or("", String::as_str);
        let threats = Threats::read(threats)?;
        let mut problems = Vec::new();
        let mut compiled = Vec::new();
        for (path, text) in files.iter().filter(|(path, _)| *path != THREATS) {
            if let Some(detector) = path.strip_suffix(CASES) {
                if !files.contains_key(&format!("{detector}.yaml")) {
                    problems.push(whole(path, "These cases have no detector beside them. Rename or remove the file."));
                }
                continue;
            }
            if let Err(problem) = family_of(path) {
                problems.push(problem);
                continue;
            }
            match DetectorSpec::read(path, text).map_err(|p| vec![p]).and_then(|spec| spec.compile(&threats)) {
                Ok(one) => compiled.push((path.clone(), one)),
                Err(found) => problems.extend(found),
            }
        }
        let cases = cases_of(&compiled, files, &mut problems);
        if compiled.len() > usize::from(u16::MAX) {
            problems.push(whole("", "There are more than 65,535 detectors."));
        }
        if !problems.is_empty() {
            problems.sort();
            return Err(problems);
        }
        Ok(Self::assemble(compiled, cases, threats))
    }

    fn assemble(compiled: Vec<(String, Compiled)>, cases: Vec<Vec<Case>>, threats: Threats) -> Self {
        let mut all: Vec<_> = compiled.into_iter().map(|(_, one)| one).zip(cases).collect();
        all.sort_by(|(a, _), (b, _)| a.detector.id.cmp(&b.detector.id));
        let mut detectors = Detectors::default();
        let (mut rules, mut cases) = (Vec::new(), Vec::new());
        for (one, its_cases) in all {
            detectors.all.push(Arc::new(one.detector));
            rules.push(one.rule);
            cases.push(its_cases);
        }
        Self { detectors: Arc::new(detectors), rules: rules.into(), threats: Arc::new(threats), cases, sigma: None }
    }

    /// Returns the detectors with those of `rules` among them.
    ///
    /// # Errors
    ///
    /// Returns that they are too many for the engine, of whose detectors there are 65,535 at most.
    pub fn with_sigma(self, rules: &sigma::Rules) -> Result<Self, Vec<Problem>> {
        let own = self.detectors.all.iter().cloned().zip(self.rules.iter().cloned()).zip(self.cases);
        let mut all: Vec<_> = own.collect();
        let compiled = |one: &sigma::Sound| ((Arc::new(one.detector.clone()), one.rule.clone()), Vec::new());
        all.extend(rules.sound.iter().map(compiled));
        all.sort_by(|((a, _), _), ((b, _), _)| a.id.cmp(&b.id));
        if all.len() > usize::from(u16::MAX) {
            return Err(vec![whole("", "There are more than 65,535 detectors. Load fewer Sigma rules.")]);
        }
        let mut detectors = Detectors::default();
        let (mut matched, mut cases) = (Vec::new(), Vec::new());
        for ((detector, rule), its_cases) in all {
            detectors.all.push(detector);
            matched.push(rule);
            cases.push(its_cases);
        }
        let number = |id: &str| {
            let at = detectors.all.binary_search_by(|detector| (*detector.id).cmp(id)).ok()?;
            u16::try_from(at).ok()
        };
        let set = rules.set(number).map_err(|says| vec![whole("", &says)])?;
        let sigma = set.map(Arc::new);
        Ok(Self { detectors: Arc::new(detectors), rules: matched.into(), threats: self.threats, cases, sigma })
    }

    /// Returns which kinds of events each detector is told of, in the same order.
    pub fn needs(&self) -> Vec<Need> {
        let need = |(detector, rule): (&Arc<Detector>, &Rule)| Need {
            detector: detector.id.clone(),
            title: detector.title.clone(),
            kinds: if rule.kinds.len() == Kind::ALL.len() { Vec::new() } else { rule.kinds.clone() },
        };
        // A Sigma rule is somebody else's: that nothing tells it something is no gap in what we watch.
        let own = self.detectors.all.iter().zip(self.rules.iter()).filter(|(detector, _)| !detector.is_sigma());
        own.map(need).collect()
    }

    /// Returns the matcher of these detectors. `key` is the installation's: two halves of a
    /// secret 128-bit key.
    pub fn matcher(&self, key: (u64, u64)) -> Matcher {
        Matcher::new(self.rules.clone(), key).with_sigma(self.sigma.clone())
    }
}

/// Checks the folder `dir`, or the shipped detectors, as `gatewatch detectors check` does: beside
/// what loading demands, every detector has a case in which it fires and one in which it is silent,
/// and every threat is watched for by a detector.
pub fn check(dir: Option<&Path>) -> Vec<Problem> {
    let loaded = match dir {
        Some(dir) => Catalogue::load(dir),
        None => Catalogue::shipped(),
    };
    let catalogue = match loaded {
        Ok(catalogue) => catalogue,
        Err(problems) => return problems,
    };
    let mut problems = Vec::new();
    for (detector, cases) in catalogue.detectors.all.iter().zip(&catalogue.cases) {
        let file = format!("{}.yaml", detector.id.replacen('.', "/", 1));
        if !cases.iter().any(|case| !case.alert.is_empty()) {
            problems.push(whole(&file, "No case makes it fire. Add one to its `.test.yaml`."));
        }
        if !cases.iter().any(|case| case.alert.is_empty()) {
            problems
                .push(whole(&file, "No case shows when it is silent. Add one with `alert: []` to its `.test.yaml`."));
        }
    }
    for threat in &catalogue.threats.all {
        if dir.is_none() && !catalogue.detectors.all.iter().any(|detector| *detector.threat == *threat.id) {
            problems
                .push(whole(THREATS, &format!("No detector watches for `{}`. Write one, or remove it.", threat.id)));
        }
    }
    problems
}

fn cases_of(
    compiled: &[(String, Compiled)],
    files: &BTreeMap<String, String>,
    problems: &mut Vec<Problem>,
) -> Vec<Vec<Case>> {
    let read = |(path, _): &(String, Compiled)| {
        let path = format!("{}{CASES}", path.trim_end_matches(".yaml"));
        let text = files.get(&path)?;
        Case::read_all(&path, text).map_err(|found| problems.extend(found)).ok()
    };
    compiled.iter().map(read).map(Option::unwrap_or_default).collect()
}

fn is_yaml(path: &str) -> bool {
    Path::new(path).extension().is_some_and(|extension| extension == "yaml")
}

fn whole(file: &str, says: &str) -> Problem {
    Problem { file: file.to_owned(), line: 0, says: says.to_owned() }
}

fn family_of(path: &str) -> Result<Family, Problem> {
    let folder = path.split_once('/').map_or("", |(folder, _)| folder);
    Family::ALL.into_iter().find(|family| family.name() == folder).ok_or_else(|| {
        let families: Vec<_> = Family::ALL.iter().map(|family| family.name()).collect();
        whole(path, &format!("A detector stands in the folder of its family: {}.", families.join(", ")))
    })
}

/// Reads the YAML files of `dir` and of the folders in it.
fn read_folder(dir: &Path) -> Result<BTreeMap<String, String>, Vec<Problem>> {
    let mut files = BTreeMap::new();
    let mut problems = Vec::new();
    read_into(dir, "", &mut files, &mut problems);
    if files.is_empty() && problems.is_empty() {
        let says = "There is no `.yaml` file here. Name the folder that holds the families' folders.";
        problems.push(whole(&dir.display().to_string(), says));
    }
    if problems.is_empty() { Ok(files) } else { Err(problems) }
}

fn read_into(dir: &Path, prefix: &str, files: &mut BTreeMap<String, String>, problems: &mut Vec<Problem>) {
    let entries = match std::fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) => {
            let says = format!("The folder can't be read: {error}. Check the path and its permissions.");
            problems.push(whole(&dir.display().to_string(), &says));
            return;
        }
    };
    for entry in entries.flatten() {
        let path = entry.path();
        let name = entry.file_name().to_string_lossy().into_owned();
        if path.is_dir() && prefix.is_empty() && !name.starts_with('.') {
            read_into(&path, &format!("{name}/"), files, problems);
        } else if is_yaml(&name) && path.is_file() {
            let name = format!("{prefix}{name}");
            match read_file(&path) {
                Ok(text) => _ = files.insert(name, text),
                Err(error) => problems.push(whole(&name, &error)),
            }
        }
        if files.len() > MAX_FILES {
            problems.push(whole(prefix, &format!("There are more than {MAX_FILES} files.")));
            return;
        }
    }
}

fn read_file(path: &Path) -> Result<String, String> {
    let too_large = std::fs::metadata(path).is_ok_and(|about| about.len() > MAX_BYTES as u64);
    if too_large {
        return Err(format!("The file is larger than {} KB. Split it.", MAX_BYTES / 1024));
    }
    std::fs::read_to_string(path).map_err(|error| format!("The file can't be read: {error}."))
}
