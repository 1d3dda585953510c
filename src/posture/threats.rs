//! The threat catalogue: what could happen to these apps, and what speaks against it.
//!
//! A threat has an id that detectors name, a STRIDE class, the controls that prevent it and the
//! kinds of telemetry without which nobody would see it. At most 1,000 threats are kept.

use std::fmt;

use crate::telemetry::Kind;

use super::document::{self, Located, Node, Section};
use super::{Problem, Problems};

const FILE: &str = "threats.yaml";
const MAX_THREATS: usize = 1000;
const KEYS: [&str; 6] = ["id", "title", "stride", "description", "controls", "needs"];

/// What kind of harm a threat does, after STRIDE.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stride {
    /// Somebody passes for somebody else.
    Spoofing,
    /// Somebody changes what they must not.
    Tampering,
    /// Somebody can deny what they did.
    Repudiation,
    /// Somebody learns what they must not.
    InformationDisclosure,
    /// Something is no longer there for those who need it.
    DenialOfService,
    /// Somebody may do more than they should.
    ElevationOfPrivilege,
}

impl Stride {
    /// Every class.
    pub const ALL: [Self; 6] = [
        Self::Spoofing,
        Self::Tampering,
        Self::Repudiation,
        Self::InformationDisclosure,
        Self::DenialOfService,
        Self::ElevationOfPrivilege,
    ];

    /// Returns its name as threats write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Spoofing => "spoofing",
            Self::Tampering => "tampering",
            Self::Repudiation => "repudiation",
            Self::InformationDisclosure => "information-disclosure",
            Self::DenialOfService => "denial-of-service",
            Self::ElevationOfPrivilege => "elevation-of-privilege",
        }
    }
}

impl fmt::Display for Stride {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Something that could happen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Threat {
    /// What detectors call it, such as `key-theft`.
    pub id: String,
    /// What people call it.
    pub title: String,
    /// What kind of harm it does.
    pub stride: Stride,
    /// What happens, to whom, and why it is bad.
    pub description: String,
    /// What prevents it or limits it, one sentence each.
    pub controls: Vec<String>,
    /// The telemetry in which it would be seen.
    pub needs: Vec<Kind>,
}

/// All threats, in order of their ids.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Threats {
    /// The threats.
    pub all: Vec<Threat>,
}

impl Threats {
    /// Reads the text of `threats.yaml`.
    ///
    /// # Errors
    ///
    /// Returns every problem in it, with its line.
    pub fn read(text: &str) -> Result<Self, Vec<Problem>> {
        let tree = document::read(FILE, text).map_err(|problem| vec![problem])?;
        let mut problems = Problems::of(FILE);
        let mut all = Vec::new();
        match tree.node {
            Node::List(items) => {
                if items.len() > MAX_THREATS {
                    problems.add(tree.line, format!("There are more than {MAX_THREATS} threats. Merge some."));
                }
                for item in items.into_iter().take(MAX_THREATS) {
                    let line = item.line;
                    let Some(threat) = threat(item, &mut problems) else { continue };
                    if all.iter().any(|known: &Threat| known.id == threat.id) {
                        problems.add(line, format!("There are two threats called `{}`. Rename one.", threat.id));
                    }
                    all.push(threat);
                }
            }
            other => problems.add(tree.line, format!("{FILE} must be a list of threats, not {}.", other.describe())),
        }
        if !problems.is_empty() {
            return Err(problems.into_list());
        }
        all.sort_by(|a, b| a.id.cmp(&b.id));
        Ok(Self { all })
    }

    /// Returns the threat `id`.
    pub fn named(&self, id: &str) -> Option<&Threat> {
        self.all.binary_search_by(|threat| threat.id.as_str().cmp(id)).ok().map(|at| &self.all[at])
    }

    /// Says that there is no threat `id`, and which may have been meant.
    pub fn unknown(&self, id: &str) -> String {
        document::unknown(id, "a threat of threats.yaml", self.all.iter().map(|threat| threat.id.as_str()))
    }
}

fn threat(item: Located, problems: &mut Problems) -> Option<Threat> {
    let mut section = item.section("A threat", problems)?;
    let id = section.demand_text("id", "Name the threat, such as `id: key-theft`.", problems);
    let title = section.demand_text("title", "Say in a few words what happens.", problems);
    let description = section.demand_text("description", "Say what happens, to whom, and why it is bad.", problems);
    let stride = stride(&mut section, problems);
    let controls = section.demand("controls", "List what prevents it.", problems);
    let controls = controls.map(|list| list.texts("A control", problems)).unwrap_or_default();
    let needs = section.demand("needs", "List the kinds of telemetry in which it would be seen.", problems);
    let needs = needs.map(|list| kinds(&list, problems)).unwrap_or_default();
    section.finish("a key of a threat", &KEYS, problems);
    let controls = controls.into_iter().map(|(text, _)| text).collect();
    Some(Threat { id: id?, title: title?, stride: stride?, description: description?, controls, needs })
}

fn stride(section: &mut Section, problems: &mut Problems) -> Option<Stride> {
    let value = section.demand("stride", "Give its STRIDE class, such as `stride: spoofing`.", problems)?;
    let name = value.text("`stride`", problems)?;
    let found = Stride::ALL.into_iter().find(|class| class.name() == name);
    if found.is_none() {
        problems.add(value.line, document::unknown(&name, "a STRIDE class", Stride::ALL.iter().map(|c| c.name())));
    }
    found
}

fn kinds(list: &Located, problems: &mut Problems) -> Vec<Kind> {
    let mut kinds = Vec::new();
    for (name, line) in list.texts("A kind", problems) {
        match Kind::named(&name) {
            Some(kind) => kinds.push(kind),
            None => {
                problems.add(line, document::unknown(&name, "a kind of event", Kind::ALL.iter().map(|k| k.name())));
            }
        }
    }
    kinds
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "\
- id: key-theft
  title: A key is stolen
  stride: spoofing
  description: Somebody else calls with our key.
  controls: [Rotate keys.]
  needs: [http.request]
";

    #[test]
    fn a_threat_is_found_by_its_id() {
        let threats = Threats::read(GOOD).unwrap();
        assert_eq!(threats.named("key-theft").unwrap().stride, Stride::Spoofing);
        assert_eq!(
            threats.unknown("key-teft"),
            "`key-teft` is not a threat of threats.yaml. Did you mean `key-theft`?"
        );
    }

    #[test]
    fn every_problem_of_the_file_is_reported() {
        let text = "- id: a\n  stride: spofing\n  needs: [http.reqest]\n  colour: red\n  controls: []\n";
        let said: Vec<_> = Threats::read(text).unwrap_err().iter().map(ToString::to_string).collect();
        assert_eq!(
            said,
            [
                "threats.yaml:1: `description` is missing. Say what happens, to whom, and why it is bad.",
                "threats.yaml:1: `title` is missing. Say in a few words what happens.",
                "threats.yaml:2: `spofing` is not a STRIDE class. Did you mean `spoofing`?",
                "threats.yaml:3: `http.reqest` is not a kind of event. Did you mean `http.request`?",
                "threats.yaml:4: `colour` is not a key of a threat. Use one of: id, title, stride, description, controls, needs.",
            ]
        );
    }

    #[test]
    fn two_threats_of_one_name_are_a_problem() {
        let problems = Threats::read(&format!("{GOOD}{GOOD}")).unwrap_err();
        assert_eq!(problems[0].says, "There are two threats called `key-theft`. Rename one.");
    }
}
