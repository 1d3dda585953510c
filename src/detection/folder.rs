//! Which files of a folder of detectors are read, and which would be passed over without a word?
//!
//! A detector that is not read watches for nothing, and looks as if it did: a file that is YAML by another ending is a
//! problem, and what else may have been meant is named. At most 2,000 files are read, each of at most 256 KB.

use std::collections::BTreeMap;
use std::path::Path;

use crate::posture::Problem;
use crate::posture::document::MAX_BYTES;

use super::catalogue::{is_yaml, whole};

const MAX_FILES: usize = 2000;
/// What stands beside detectors for people to read, by how its name ends.
const FOR_PEOPLE: [&str; 8] = ["md", "txt", "rst", "adoc", "html", "png", "svg", "pdf"];

/// What a folder holds.
#[derive(Debug, Default)]
pub(super) struct Folder {
    /// The texts of the files that are read, by their paths in the folder.
    pub(super) files: BTreeMap<String, String>,
    /// What can't be read, or would not be.
    pub(super) problems: Vec<Problem>,
    /// What is passed over and may have been meant as a detector.
    pub(super) passed: Vec<Problem>,
}

impl Folder {
    /// Reads the YAML files of `dir` and of the folders in it.
    pub(super) fn read(dir: &Path) -> Self {
        let mut folder = Self::default();
        folder.fill(dir, "");
        if folder.files.is_empty() && folder.problems.is_empty() {
            let says = "There is no `.yaml` file here. Name the folder that holds the families' folders.";
            folder.problems.push(whole(&dir.display().to_string(), says));
        }
        folder
    }

    fn fill(&mut self, dir: &Path, prefix: &str) {
        let entries = match std::fs::read_dir(dir) {
            Ok(entries) => entries,
            Err(error) => {
                let says = format!("The folder can't be read: {error}. Check the path and its permissions.");
                self.problems.push(whole(&dir.display().to_string(), &says));
                return;
            }
        };
        for entry in entries.flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.starts_with('.') {
                // An editor's, or the folders that Kubernetes keeps behind its links.
                continue;
            }
            self.take(&entry.path(), &name, prefix);
            if self.files.len() > MAX_FILES {
                self.problems.push(whole(prefix, &format!("There are more than {MAX_FILES} files.")));
                return;
            }
        }
    }

    fn take(&mut self, path: &Path, name: &str, prefix: &str) {
        let full = format!("{prefix}{name}");
        if path.is_dir() {
            match prefix {
                "" => self.fill(path, &format!("{name}/")),
                _ if holds_yaml(path) => {
                    let says = "Folders in a family's folder are not read. Move its detectors up if they are to run.";
                    self.passed.push(whole(&full, says));
                }
                _ => {}
            }
        } else if is_yaml(name) && path.is_file() {
            match read_file(path) {
                Ok(text) => _ = self.files.insert(full, text),
                Err(error) => self.problems.push(whole(&full, &error)),
            }
        } else if is_yaml(name) {
            self.problems.push(whole(&full, "It is no file, or a link that leads to none. Mend or remove it."));
        } else if let Some(stem) = any_yaml(name) {
            let says = format!("Only files that end in `.yaml` are read. Rename it to `{stem}.yaml`.");
            self.problems.push(whole(&full, &says));
        } else if !is_for_people(name) {
            let says = "It is not read: a detector's file ends in `.yaml`. Rename it if it is one.";
            self.passed.push(whole(&full, says));
        }
    }
}

/// Returns the files of `dir` that are passed over and may have been meant as detectors.
pub fn passed_over(dir: &Path) -> Vec<Problem> {
    let mut passed = Folder::read(dir).passed;
    passed.sort();
    passed
}

/// Returns a file's name without its ending, if that is one of YAML's in any spelling.
fn any_yaml(name: &str) -> Option<&str> {
    let (stem, ending) = name.rsplit_once('.')?;
    (ending.eq_ignore_ascii_case("yaml") || ending.eq_ignore_ascii_case("yml")).then_some(stem)
}

fn is_for_people(name: &str) -> bool {
    name.rsplit_once('.').is_none_or(|(_, ending)| FOR_PEOPLE.iter().any(|one| ending.eq_ignore_ascii_case(one)))
}

fn holds_yaml(dir: &Path) -> bool {
    let names = std::fs::read_dir(dir).into_iter().flatten().flatten().map(|entry| entry.file_name());
    names.take(MAX_FILES).any(|name| any_yaml(&name.to_string_lossy()).is_some())
}

fn read_file(path: &Path) -> Result<String, String> {
    let too_large = std::fs::metadata(path).is_ok_and(|about| about.len() > MAX_BYTES as u64);
    if too_large {
        return Err(format!("The file is larger than {} KB. Split it.", MAX_BYTES / 1024));
    }
    std::fs::read_to_string(path).map_err(|error| format!("The file can't be read: {error}."))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detection::{Catalogue, check};

    #[test]
    fn no_file_that_may_be_a_detector_is_passed_over_without_a_word() {
        let dir = tempfile::tempdir().unwrap();
        let put = |name: &str| {
            let path = dir.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "nonsense: true\n").unwrap();
        };
        for name in [
            "key-usage/second.yml",
            "key-usage/second.test.YML",
            "key-usage/old/third.yaml",
            "key-usage/fourth.yaml.bak",
            "key-usage/README.md",
            "key-usage/.#fifth.yml",
            "key-usage/pictures/a.json",
            "LICENSE",
        ] {
            put(name);
        }
        std::fs::copy("detectors/threats.yaml", dir.path().join("threats.yaml")).unwrap();
        let refused = [
            "key-usage/second.test.YML: Only files that end in `.yaml` are read. Rename it to `second.test.yaml`.",
            "key-usage/second.yml: Only files that end in `.yaml` are read. Rename it to `second.yaml`.",
        ];
        let text = |problems: Vec<Problem>| problems.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(text(Catalogue::load(dir.path()).unwrap_err()), refused);
        assert_eq!(text(check(Some(dir.path()))), refused);
        assert_eq!(
            text(passed_over(dir.path())),
            [
                "key-usage/fourth.yaml.bak: It is not read: a detector's file ends in `.yaml`. Rename it if it is one.",
                "key-usage/old: Folders in a family's folder are not read. Move its detectors up if they are to run.",
            ]
        );
    }
}
