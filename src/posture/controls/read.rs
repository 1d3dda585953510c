//! What does `controls.yaml` say, and what is wrong with it?
//!
//! Every problem is told at once, with its line: a setting or check that is none, a threat that is
//! in no catalogue, a control without a way to mend it.

use super::super::configured::{Setting, Sort};
use super::super::document::{self, Located, Node, Section};
use super::super::level::Level;
use super::super::living::Proof;
use super::super::{Problem, Problems, Threats};
use super::check::Check;
use super::control::{Absent, Control, Controls, FILE, REFERENCES, Test, Want, WhenOff};

/// Controls read.
const MAX_CONTROLS: usize = 1000;
const KEYS: [&str; 24] = [
    "id",
    "title",
    "level",
    "applies_to",
    "threats",
    "checklist",
    "references",
    "why",
    "mend",
    "would_tell",
    "only_when",
    "when_off",
    "setting",
    "is",
    "one_of",
    "none_of",
    "at_least",
    "has",
    "absent",
    "check",
    "contradicted_by",
    "of_site",
    "behind",
    "observed",
];

impl Controls {
    /// Reads the text of `controls.yaml`.
    ///
    /// # Errors
    ///
    /// Returns every problem in it, with its line.
    pub fn read(text: &str, threats: &Threats) -> Result<Self, Vec<Problem>> {
        let tree = document::read(FILE, text).map_err(|problem| vec![problem])?;
        let mut problems = Problems::of(FILE);
        let mut all: Vec<Control> = Vec::new();
        match tree.node {
            Node::List(items) => {
                if items.len() > MAX_CONTROLS {
                    problems.add(tree.line, format!("There are more than {MAX_CONTROLS} controls. Merge some."));
                }
                for item in items.into_iter().take(MAX_CONTROLS) {
                    let Some(control) = control(item, threats, &mut problems) else { continue };
                    if all.iter().any(|known| known.id == control.id) {
                        problems
                            .add(control.line, format!("There are two controls called `{}`. Rename one.", control.id));
                    }
                    all.push(control);
                }
            }
            other => problems.add(tree.line, format!("The file must be a list of controls, not {}.", other.describe())),
        }
        if problems.is_empty() { Ok(Self { all }) } else { Err(problems.into_list()) }
    }
}

fn control(item: Located, threats: &Threats, problems: &mut Problems) -> Option<Control> {
    let line = item.line;
    let mut section = item.section("A control", problems)?;
    let id = section.demand_text("id", "Give it a name, such as `id: app.https-only`.", problems);
    let title = section.demand_text("title", "Say in a sentence what should be so.", problems);
    let level = named(&mut section, "level", "a level", Level::ALL, Level::name, problems);
    let applies_to = named(&mut section, "applies_to", "a sort of element", Sort::ALL, Sort::name, problems);
    let works_against = section.demand("threats", "Name the threats it works against.", problems);
    let works_against = works_against.map(|list| known_threats(&list, threats, problems)).unwrap_or_default();
    let checklist = texts(&mut section, "checklist", problems);
    let references = references(&mut section, problems);
    let why = section.demand_text("why", "Say why it matters.", problems);
    let mend = section.demand_text("mend", "Say which setting to write.", problems);
    let would_tell = section.demand_text("would_tell", "Say what would tell where it is unknown.", problems);
    let only_when = only_when(&mut section, problems);
    let when_off = when_off(&mut section, problems);
    let test = test(&mut section, problems);
    let contradicted_by = texts(&mut section, "contradicted_by", problems);
    let of_site = section.flag("of_site", problems);
    let behind = section.flag("behind", problems);
    let observed = section.take("observed").and_then(|value| proof(&value, problems));
    section.finish("a key of a control", &KEYS, problems);
    Some(Control {
        id: id?,
        title: title?,
        level: level?,
        applies_to: applies_to?,
        threats: works_against,
        checklist,
        references,
        why: why?,
        mend: mend?,
        would_tell: would_tell?,
        only_when,
        when_off,
        test: test?,
        contradicted_by,
        of_site,
        behind,
        observed,
        line,
    })
}

/// Takes one of a closed set by its name.
fn named<T: Copy, const N: usize>(
    section: &mut Section,
    key: &str,
    what: &str,
    all: [T; N],
    name: fn(T) -> &'static str,
    problems: &mut Problems,
) -> Option<T> {
    let value = section.demand(key, &format!("Give {what}."), problems)?;
    let text = value.text(&format!("`{key}`"), problems)?;
    let found = all.into_iter().find(|one| name(*one) == text);
    if found.is_none() {
        problems.add(value.line, document::unknown(&text, what, all.iter().map(|one| name(*one))));
    }
    found
}

fn proof(value: &Located, problems: &mut Problems) -> Option<Proof> {
    let text = value.text("`observed`", problems)?;
    let found = Proof::named(&text);
    if found.is_none() {
        problems.add(value.line, document::unknown(&text, "a proof", Proof::ALL.iter().map(|one| one.name())));
    }
    found
}

fn known_threats(list: &Located, threats: &Threats, problems: &mut Problems) -> Vec<String> {
    let mut known = Vec::new();
    for (name, line) in list.texts("A threat", problems) {
        if threats.named(&name).is_none() {
            problems.add(line, threats.unknown(&name));
        }
        known.push(name);
    }
    known
}

fn texts(section: &mut Section, key: &str, problems: &mut Problems) -> Vec<String> {
    let list = section.take(key).map(|list| list.texts(&format!("`{key}`"), problems)).unwrap_or_default();
    list.into_iter().map(|(text, _)| text).collect()
}

fn references(section: &mut Section, problems: &mut Problems) -> Vec<(String, Vec<String>)> {
    let Some(mut inner) = section.take("references").and_then(|all| all.section("`references`", problems)) else {
        return Vec::new();
    };
    let names = REFERENCES.map(|(name, _)| name);
    let mut found = Vec::new();
    for name in names {
        let ids = texts(&mut inner, name, problems);
        if !ids.is_empty() {
            found.push((name.to_owned(), ids));
        }
    }
    inner.finish("a catalogue", &names, problems);
    found
}

fn setting(name: &str, line: usize, problems: &mut Problems) -> Option<Setting> {
    let found = Setting::named(name);
    if found.is_none() {
        problems.add(line, document::unknown(name, "a setting", Setting::ALL.iter().map(|one| one.name())));
    }
    found
}

fn only_when(section: &mut Section, problems: &mut Problems) -> Vec<(Setting, String)> {
    let Some(inner) = section.take("only_when").and_then(|all| all.section("`only_when`", problems)) else {
        return Vec::new();
    };
    let mut inner = inner;
    let mut found = Vec::new();
    for (key, value) in inner.rest() {
        let text = value.text("A value of `only_when`", problems);
        if let (Some(setting), Some(text)) = (setting(&key.text, key.line, problems), text) {
            found.push((setting, text));
        }
    }
    found
}

fn when_off(section: &mut Section, problems: &mut Problems) -> WhenOff {
    let Some(value) = section.take("when_off") else { return WhenOff::default() };
    match value.text("`when_off`", problems).as_deref() {
        Some("let-go") => WhenOff::LetGo,
        Some("kept") => WhenOff::Kept,
        Some("weaker") => WhenOff::Weaker,
        Some(other) => {
            let known = ["let-go", "kept", "weaker"];
            problems.add(value.line, document::unknown(other, "what becomes of a control", known.into_iter()));
            WhenOff::default()
        }
        None => WhenOff::default(),
    }
}

fn test(section: &mut Section, problems: &mut Problems) -> Option<Test> {
    let line = section.line;
    if let Some(value) = section.take("check") {
        let name = value.text("`check`", problems)?;
        let found = Check::ALL.iter().copied().find(|check| check.name() == name);
        if found.is_none() {
            problems.add(value.line, document::unknown(&name, "a check", Check::ALL.iter().map(|check| check.name())));
        }
        return found.map(Test::Check);
    }
    let value = section.demand("setting", "Name the setting that decides, or a `check`.", problems)?;
    let name = value.text("`setting`", problems)?;
    let setting = setting(&name, value.line, problems);
    let absent = absent(section, problems);
    let wants: Vec<Want> = [
        section.take("is").and_then(|value| match value.node {
            Node::Bool(flag) => Some(Want::Is(flag)),
            ref other => {
                problems.add(value.line, format!("`is` must be `true` or `false`, not {}.", other.describe()));
                None
            }
        }),
        list(section, "one_of", problems).map(Want::OneOf),
        list(section, "none_of", problems).map(Want::NoneOf),
        list(section, "has", problems).map(Want::Has),
        section.take("at_least").and_then(|value| value.text("`at_least`", problems)).map(Want::AtLeast),
    ]
    .into_iter()
    .flatten()
    .collect();
    if let Ok([want]) = <[Want; 1]>::try_from(wants) {
        return Some(Test::Setting(setting?, want, absent?));
    }
    problems.add(line, "Say what the setting should be by one of `is`, `one_of`, `none_of`, `at_least`, `has`.");
    None
}

/// Takes a list; an empty text is an item like others.
fn list(section: &mut Section, key: &str, problems: &mut Problems) -> Option<Vec<String>> {
    let value = section.take(key)?;
    let Node::List(items) = value.node else {
        problems.add(value.line, format!("`{key}` must be a list."));
        return None;
    };
    Some(
        items
            .into_iter()
            .filter_map(|item| match item.node {
                Node::Text(text) => Some(text),
                _ => item.text(&format!("An item of `{key}`"), problems),
            })
            .collect(),
    )
}

fn absent(section: &mut Section, problems: &mut Problems) -> Option<Absent> {
    let mend = "Say what it means that nobody wrote it down: `configured`, `not-configured` or `unknown`.";
    let value = section.demand("absent", mend, problems)?;
    let name = value.text("`absent`", problems)?;
    match name.as_str() {
        "configured" => Some(Absent::Configured),
        "not-configured" => Some(Absent::NotConfigured),
        "unknown" => Some(Absent::Unknown),
        _ => {
            let known = ["configured", "not-configured", "unknown"];
            problems.add(value.line, document::unknown(&name, "a state", known.into_iter()));
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn threats() -> Threats {
        Threats::read(
            "- { id: t, title: T, stride: spoofing, description: D, controls: [C.], needs: [http.request] }\n",
        )
        .unwrap()
    }

    #[test]
    fn every_problem_of_the_file_is_told_with_its_line() {
        let text = "- id: a\n  title: A\n  level: hihg\n  applies_to: apps\n  threats: [u]\n  why: W\n  mend: M\n  would_tell: T\n  setting: http-only\n  absent: maybe\n  is: yes please\n  colour: red\n";
        let said: Vec<_> = Controls::read(text, &threats()).unwrap_err().iter().map(ToString::to_string).collect();
        assert_eq!(
            said,
            [
                "controls.yaml:1: Say what the setting should be by one of `is`, `one_of`, `none_of`, `at_least`, `has`.",
                "controls.yaml:3: `hihg` is not a level. Did you mean `high`?",
                "controls.yaml:4: `apps` is not a sort of element. Did you mean `app`?",
                "controls.yaml:5: `u` is not a threat of threats.yaml. Did you mean `t`?",
                "controls.yaml:9: `http-only` is not a setting. Did you mean `https-only`?",
                "controls.yaml:10: `maybe` is not a state. Use one of: configured, not-configured, unknown.",
                "controls.yaml:11: `is` must be `true` or `false`, not `yes please`.",
                "controls.yaml:12: `colour` is not a key of a control. Use one of: id, title, level, applies_to, threats, checklist, references, why, mend, would_tell, only_when, when_off, setting, is, one_of, none_of, at_least, has, absent, check, contradicted_by, of_site, behind, observed.",
            ]
        );
    }

    #[test]
    fn the_shipped_controls_are_in_order() {
        let controls = super::super::shipped().unwrap_or_else(|problems| panic!("{problems:#?}"));
        assert!(controls.all.len() > 60, "{}", controls.all.len());
    }
}
