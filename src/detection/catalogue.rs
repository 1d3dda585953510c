//! Which detectors run? Those shipped with the program, or those of a folder.
//!
//! A catalogue is loaded as a whole or not at all: one file that does not compile, and what runs
//! stays as it was. A folder holds `<family>/<name>.yaml`, its cases in `<name>.test.yaml` beside
//! it, `threats.yaml` and `groups.yaml`; without these the shipped threats and groups apply.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use rust_embed::RustEmbed;

use crate::posture::{Problem, Threats};

use super::case::Case;
use super::finders;
use super::folder::Folder;
use super::groups::{GROUPS, Groups};
use super::spec::{Compiled, DetectorSpec};
use super::{Detectors, Family, Matcher, Rule, sigma};

/// The file of the threats.
pub(super) const THREATS: &str = "threats.yaml";
/// The file of the controls, which `posture` reads.
const CONTROLS: &str = "controls.yaml";
const CASES: &str = ".test.yaml";

#[derive(RustEmbed)]
#[folder = "detectors/"]
struct Shipped;

/// What a detector was compiled from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DetectorFile {
    /// Where it stands in the folder.
    pub path: String,
    /// What it says.
    pub text: String,
    /// Its cases, as they stand beside it.
    pub cases: Option<String>,
}

/// All detectors, what the matcher needs of them, their threats and their cases.
#[derive(Clone, Debug)]
pub struct Catalogue {
    /// What engine, alert book and people need, in order of their ids.
    pub detectors: Arc<Detectors>,
    /// What the matcher needs, in the same order.
    pub rules: Arc<[Rule]>,
    /// The threats that detectors name.
    pub threats: Arc<Threats>,
    /// What each was compiled from, by its id; a Sigma rule has none.
    pub files: Arc<BTreeMap<Arc<str>, DetectorFile>>,
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
        Self::build(&shipped_files())
    }

    /// Returns the detectors of the folder `dir`, in place of those that come with the program.
    ///
    /// # Errors
    ///
    /// Returns every problem of every file, and what can't be read.
    pub fn load(dir: &Path) -> Result<Self, Vec<Problem>> {
        let folder = Folder::read(dir);
        Parts::read(&folder.files).with(folder.problems).assemble()
    }

    /// Returns the detectors of `files`: their texts by their paths, such as `key-usage/quota.yaml`.
    ///
    /// # Errors
    ///
    /// Returns every problem of every file, in order of files and lines.
    pub fn build(files: &BTreeMap<String, String>) -> Result<Self, Vec<Problem>> {
        Parts::read(files).assemble()
    }

    /// Returns a catalogue of one detector alone, as `text` says it is, with the cases that stand beside it; its
    /// threat is one of ours. It belongs to no group.
    ///
    /// # Errors
    ///
    /// Returns every problem of its file.
    pub(super) fn alone(&self, path: &str, text: &str, cases: Option<&str>) -> Result<Self, Vec<Problem>> {
        family_of(path).map_err(|problem| vec![problem])?;
        let one = DetectorSpec::read(path, text).map_err(|problem| vec![problem])?.compile(&self.threats)?;
        let cases = cases.map_or_else(|| Ok(Vec::new()), |text| Case::read_all(&beside(path), text))?;
        Ok(Self::assemble(vec![(path.to_owned(), one)], vec![cases], (*self.threats).clone()))
    }

    fn assemble(mut compiled: Vec<(String, Compiled)>, cases: Vec<Vec<Case>>, threats: Threats) -> Self {
        finders::wait(compiled.iter_mut().map(|(_, one)| &mut one.detector));
        let mut all: Vec<_> = compiled.into_iter().map(|(_, one)| one).zip(cases).collect();
        all.sort_by(|(a, _), (b, _)| a.detector.id.cmp(&b.detector.id));
        let mut detectors = Detectors::default();
        let (mut rules, mut cases) = (Vec::new(), Vec::new());
        for (one, its_cases) in all {
            detectors.all.push(Arc::new(one.detector));
            rules.push(one.rule);
            cases.push(its_cases);
        }
        let (detectors, threats, files) = (Arc::new(detectors), Arc::new(threats), Arc::default());
        Self { detectors, rules: rules.into(), threats, files, cases, sigma: None }
    }

    /// Returns the detectors with those of `rules` among them.
    ///
    /// # Errors
    ///
    /// Returns that they are too many for the engine, of whose detectors there are 65,535 at most.
    pub fn with_sigma(mut self, rules: &sigma::Rules) -> Result<Self, Vec<Problem>> {
        let own = self.detectors.all.iter().cloned().zip(self.rules.iter().cloned());
        let own = own.zip(std::mem::take(&mut self.cases));
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
        let (detectors, rules) = (Arc::new(detectors), matched.into());
        Ok(Self { detectors, rules, cases, sigma, ..self })
    }

    /// Tells whether a case makes the detector `id` fire.
    pub fn is_tested(&self, id: &str) -> bool {
        let cases = self.detectors.place_of(id).and_then(|place| self.cases.get(place));
        cases.is_some_and(|cases| cases.iter().any(|case| !case.alert.is_empty()))
    }

    /// Tells whether the detector `id` is one of those that come with the program, unchanged; a Sigma rule passes for
    /// one, for it is told of by itself.
    pub(super) fn is_as_shipped(&self, id: &str) -> bool {
        self.files.get(id).is_none_or(|file| text_of(&file.path).is_some_and(|text| text == file.text))
    }

    /// Returns the matcher of these detectors. `key` is the installation's: two halves of a
    /// secret 128-bit key.
    pub fn matcher(&self, key: (u64, u64)) -> Matcher {
        Matcher::new(self.rules.clone(), key).with_sigma(self.sigma.clone())
    }
}

/// What was read of the files of a catalogue, whatever is wrong with some of them.
pub(super) struct Parts {
    /// The detectors that compile, with their paths.
    pub(super) compiled: Vec<(String, Compiled)>,
    /// The cases of each detector whose cases can be read, by its path.
    pub(super) cases: BTreeMap<String, Vec<Case>>,
    /// The threats that detectors name.
    pub(super) threats: Threats,
    /// What they see together.
    pub(super) groups: Groups,
    /// What each was compiled from, by its id.
    files: BTreeMap<Arc<str>, DetectorFile>,
    /// Everything that is wrong.
    pub(super) problems: Vec<Problem>,
}

impl Parts {
    /// Reads `files`: their texts by their paths.
    pub(super) fn read(files: &BTreeMap<String, String>) -> Self {
        let mut problems = Vec::new();
        let shipped = text_of(THREATS).unwrap_or_default();
        let threats = Threats::read(files.get(THREATS).unwrap_or(&shipped)).unwrap_or_else(|found| {
            problems.extend(found);
            // What is wrong with detectors is told all the same.
            Threats::read(&shipped).unwrap_or_default()
        });
        let groups = groups(files, &threats, &mut problems);
        let (compiled, cases, of) = (Vec::new(), BTreeMap::new(), BTreeMap::new());
        let mut parts = Self { compiled, cases, threats, groups, files: of, problems };
        for (path, text) in files.iter().filter(|(path, _)| !is_common(path)) {
            match path.strip_suffix(CASES) {
                Some(detector) => parts.cases(&format!("{detector}.yaml"), path, text, files),
                None => parts.detector(path, text, files),
            }
        }
        parts.strays();
        parts.problems.extend(finders::unfit(&parts.compiled, |id| files.contains_key(&path_of(id))));
        if parts.compiled.len() > usize::from(u16::MAX) {
            parts.problems.push(whole("", "There are more than 65,535 detectors."));
        }
        parts
    }

    fn with(mut self, problems: Vec<Problem>) -> Self {
        self.problems.extend(problems);
        self
    }

    fn detector(&mut self, path: &str, text: &str, files: &BTreeMap<String, String>) {
        if let Err(problem) = family_of(path) {
            self.problems.push(problem);
            return;
        }
        match DetectorSpec::read(path, text).map_err(|p| vec![p]).and_then(|spec| spec.compile(&self.threats)) {
            Ok(mut one) => match self.groups.place(path, &mut one) {
                Ok(()) => {
                    let cases = files.get(&beside(path)).cloned();
                    let file = DetectorFile { path: path.to_owned(), text: text.to_owned(), cases };
                    self.files.insert(Arc::clone(&one.detector.id), file);
                    self.compiled.push((path.to_owned(), one));
                }
                Err(problem) => self.problems.push(problem),
            },
            Err(found) => self.problems.extend(found),
        }
    }

    fn cases(&mut self, detector: &str, path: &str, text: &str, files: &BTreeMap<String, String>) {
        if !files.contains_key(detector) {
            self.problems.push(whole(path, "These cases have no detector beside them. Rename or remove the file."));
        }
        match Case::read_all(path, text) {
            Ok(cases) => _ = self.cases.insert(detector.to_owned(), cases),
            Err(found) => self.problems.extend(found),
        }
    }

    /// A case that names a detector stands beside that one.
    fn strays(&mut self) {
        for (path, one) in &self.compiled {
            let id = &*one.detector.id;
            for case in self.cases.get(path).map(Vec::as_slice).unwrap_or_default() {
                if let Some(named) = case.detector.as_deref().filter(|named| *named != id) {
                    let says = format!("The case is for `{named}`, and stands with those of `{id}`. Move it.");
                    self.problems.push(Problem { file: case.file.clone(), line: case.line, says });
                }
            }
        }
    }

    fn assemble(mut self) -> Result<Catalogue, Vec<Problem>> {
        if !self.problems.is_empty() {
            self.problems.sort();
            return Err(self.problems);
        }
        let of = |path: &String| self.cases.get(path).cloned().unwrap_or_default();
        let cases = self.compiled.iter().map(|(path, _)| of(path)).collect();
        let files = Arc::new(self.files);
        Ok(Catalogue { files, ..Catalogue::assemble(self.compiled, cases, self.threats) })
    }
}

/// Returns the groups of `files`, or the shipped ones; those whose threats are none of `threats` fit nobody there.
fn groups(files: &BTreeMap<String, String>, threats: &Threats, problems: &mut Vec<Problem>) -> Groups {
    let Some(own) = files.get(GROUPS) else {
        let shipped = text_of(THREATS).and_then(|text| Threats::read(&text).ok()).unwrap_or_default();
        return Groups::read(&text_of(GROUPS).unwrap_or_default(), &shipped).unwrap_or_default();
    };
    Groups::read(own, threats).unwrap_or_else(|found| {
        problems.extend(found);
        Groups::default()
    })
}

/// Returns the files that come with the program.
pub(super) fn shipped_files() -> BTreeMap<String, String> {
    let paths = Shipped::iter().filter(|path| is_yaml(path));
    paths.filter_map(|path| Some((path.to_string(), text_of(&path)?))).collect()
}

fn text_of(path: &str) -> Option<String> {
    Shipped::get(path).map(|file| String::from_utf8_lossy(&file.data).into_owned())
}

/// Tells whether a file is about all detectors: threats, or groups; or about controls, which are no detectors.
fn is_common(path: &str) -> bool {
    path == THREATS || path == GROUPS || path == CONTROLS
}

/// Returns the path at which the detector `id` stands.
fn path_of(id: &str) -> String {
    format!("{}.yaml", id.replacen('.', "/", 1))
}

/// Returns the path of the cases beside the detector at `path`.
pub(super) fn beside(path: &str) -> String {
    format!("{}{CASES}", path.trim_end_matches(".yaml"))
}

/// Tells whether a detector stands at `path`, by its name.
pub(super) fn is_detector(path: &str) -> bool {
    !is_common(path) && !path.ends_with(CASES)
}

/// Tells whether a file is one that is read, by its name.
pub(super) fn is_yaml(path: &str) -> bool {
    Path::new(path).extension().is_some_and(|extension| extension == "yaml")
}

/// Returns a problem of a whole file.
pub(super) fn whole(file: &str, says: &str) -> Problem {
    Problem { file: file.to_owned(), line: 0, says: says.to_owned() }
}

fn family_of(path: &str) -> Result<Family, Problem> {
    let folder = path.split_once('/').map_or("", |(folder, _)| folder);
    Family::ALL.into_iter().find(|family| family.name() == folder).ok_or_else(|| {
        let families: Vec<_> = Family::ALL.iter().map(|family| family.name()).collect();
        whole(path, &format!("A detector stands in the folder of its family: {}.", families.join(", ")))
    })
}
