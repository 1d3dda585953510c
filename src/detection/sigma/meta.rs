//! What does a Sigma document say of itself? Title, id, level, tags: what an alert will tell people.
//!
//! Keys of one's own may stand in a document; those that the specification has are checked.

use crate::detection::{Attack, Level};
use crate::posture::Problems;
use crate::posture::document::{Located, Node, Section, unknown};

use super::fields::Taxonomy;
use super::slips::Slip;

/// The version of ATT&CK whose numbers Sigma's tags are.
const ATTACK: &str = "18";

/// What a document says of itself.
#[derive(Clone, Debug)]
pub(super) struct Meta {
    pub(super) file: String,
    pub(super) line: usize,
    pub(super) title: String,
    /// The names by which others may refer to it: its id and its name.
    pub(super) names: Vec<String>,
    /// Such as `sigma.5638f7c0-ac70-491d-8465-2a65075e0d86`.
    pub(super) id: String,
    pub(super) level: Option<Level>,
    pub(super) why: String,
    pub(super) false_alarms: String,
    pub(super) references: Vec<String>,
    pub(super) attack: Attack,
    pub(super) taxonomy: Taxonomy,
    /// What in the document may be a slip.
    pub(super) slips: Vec<Slip>,
}

impl Meta {
    /// Reads what a document says of itself out of its keys.
    pub(super) fn take(file: &str, section: &mut Section, problems: &mut Problems) -> Option<Self> {
        let line = section.line;
        let title = section.demand_text("title", "Say in a few words what an alert is called.", problems);
        let mut text = |name: &str| match section.take(name) {
            Some(Located { node: Node::Text(text), .. }) => {
                Some(text.trim().to_owned()).filter(|text| !text.is_empty())
            }
            Some(Located { node: Node::Number(number), .. }) => Some(number.to_string()),
            _ => None,
        };
        let (id, name, description) = (text("id"), text("name"), text("description"));
        let (status, level, taxonomy) = (text("status"), text("level"), text("taxonomy"));
        let list = |value: Option<Located>| -> Vec<String> {
            let Some(value) = value else { return Vec::new() };
            let items = match value.node {
                Node::List(items) => items,
                _ => vec![value],
            };
            items
                .into_iter()
                .filter_map(|item| if let Node::Text(text) = item.node { Some(text) } else { None })
                .collect()
        };
        let (tags, false_alarms) = (list(section.take("tags")), list(section.take("falsepositives")));
        let references = list(section.take("references"));
        if status.as_deref() == Some("unsupported") {
            problems.add(line, "its status is `unsupported`: its author says that it can't be used as it is.");
        }
        let level = level.map(|name| level_named(&name, line, problems));
        let taxonomy = match taxonomy.as_deref() {
            None | Some("sigma") => Taxonomy::Sigma,
            Some("ecs") => Taxonomy::Ecs,
            Some(other) => {
                problems
                    .add(line, format!("its taxonomy is `{other}`. `sigma` and `ecs` are known: rename its fields."));
                Taxonomy::Sigma
            }
        };
        let title = title?;
        let id_of = id.as_deref().or(name.as_deref()).unwrap_or(&title);
        Some(Self {
            file: file.to_owned(),
            line,
            id: format!("sigma.{}", slug(id_of)),
            why: description.unwrap_or_else(|| format!("{title}.")),
            false_alarms: told(&false_alarms),
            references,
            attack: Attack { version: ATTACK.to_owned(), techniques: techniques(&tags) },
            names: id.into_iter().chain(name).collect(),
            level: level.flatten(),
            taxonomy,
            slips: Vec::new(),
            title,
        })
    }

    /// Returns what to do first.
    pub(super) fn triage(&self) -> String {
        let mut text = String::from(
            "1. Look at the records below: who did it, from where, and is it theirs to do?\n\
             2. If so, silence the alert for them, or add a Sigma filter that says so.\n\
             3. If not, stop whoever it is, and look for what else they did.",
        );
        if !self.references.is_empty() {
            text.push_str("\nRead on: ");
            text.push_str(&self.references.join(", "));
        }
        text
    }
}

fn level_named(name: &str, line: usize, problems: &mut Problems) -> Option<Level> {
    let level = Level::ALL.into_iter().find(|level| level.name().eq_ignore_ascii_case(name));
    if level.is_none() {
        problems.add(line, unknown(name, "a level", Level::ALL.iter().map(|level| level.name())));
    }
    level
}

fn told(cases: &[String]) -> String {
    let known: Vec<&String> = cases.iter().filter(|case| !case.eq_ignore_ascii_case("unknown")).collect();
    match known.as_slice() {
        [] => "Its author knows of none. Silence it where it is wrong, or add a Sigma filter.".to_owned(),
        [one] => (*one).clone(),
        several => several.iter().map(|case| format!("- {case}")).collect::<Vec<_>>().join("\n"),
    }
}

/// Returns the techniques among `tags`: `attack.t1110.001` is `T1110.001`.
fn techniques(tags: &[String]) -> Vec<String> {
    let digits = |text: &str, many| text.len() == many && text.bytes().all(|byte| byte.is_ascii_digit());
    let technique = |tag: &String| {
        let low = tag.to_ascii_lowercase();
        let number = low.strip_prefix("attack.t")?;
        let (main, sub) = number.split_once('.').unwrap_or((number, "000"));
        (digits(main, 4) && digits(sub, 3)).then(|| format!("T{number}"))
    };
    tags.iter().filter_map(technique).collect()
}

/// Returns `text` as a part of an id: letters, digits, `_` and `-`, at most 64 of them.
fn slug(text: &str) -> String {
    let mut slug = String::new();
    for one in text.chars() {
        let one = one.to_ascii_lowercase();
        if one.is_ascii_alphanumeric() || matches!(one, '-' | '_') {
            slug.push(one);
        } else if !slug.ends_with('_') {
            slug.push('_');
        }
        if slug.len() >= 64 {
            break;
        }
    }
    slug
}
