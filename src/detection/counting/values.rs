//! What do the keys of all kinds of counting hold? Numbers, spans, windows, shares and fields.

use std::time::Duration;

use crate::detection::rule::Term;
use crate::detection::scene::entity_kind;
use crate::detection::{Share, Window, raw, when};
use crate::posture::Problems;
use crate::posture::document::{Key, Node, Section, parse_duration, unknown};
use crate::telemetry::{Field, RawPath};

/// Reads the one field with numbers that `of` names.
pub(super) fn number(section: &mut Section, problems: &mut Problems) -> Vec<Term> {
    let line = section.line;
    let terms = terms(section, "of", problems);
    if terms.len() > 1 || terms.iter().flat_map(Term::fields).any(|field| !when::is_number(field)) {
        let named: Vec<_> =
            Field::ALL.iter().filter(|field| when::is_number(**field)).map(|field| field.name()).collect();
        problems.add(line, format!("`of` takes one field with a number. Use one of: {}.", named.join(", ")));
    }
    terms
}

/// Reads `within`, and whether its windows slide.
pub(super) fn window(section: &mut Section, problems: &mut Problems) -> Option<Window> {
    let within = duration(section, "within", problems);
    let tumbling = named(section, "window", ["sliding", "tumbling"], problems).map(|name| name == "tumbling");
    Some(Window { within: within?, tumbling: tumbling? })
}

/// Reads one of these names, the first where there is none.
pub(super) fn named(
    section: &mut Section,
    key: &str,
    names: [&'static str; 2],
    problems: &mut Problems,
) -> Option<&'static str> {
    let Some(value) = section.take(key) else { return Some(names[0]) };
    let text = value.text(&format!("`{key}`"), problems)?;
    let found = names.into_iter().find(|name| *name == text);
    if found.is_none() {
        problems.add(value.line, unknown(&text, &format!("a value of `{key}`"), names.into_iter()));
    }
    found
}

/// Reads a share such as `50%` or `0.5`.
pub(super) fn share(section: &mut Section, key: &str, problems: &mut Problems) -> Option<Share> {
    let value = section.demand(key, &format!("Write a share, such as `{key}: 50%`."), problems)?;
    let of_one = match &value.node {
        Node::Real(share) => Some(*share),
        Node::Text(text) => {
            text.strip_suffix('%').and_then(|text| text.trim().parse::<f64>().ok()).map(|share| share / 100.0)
        }
        _ => None,
    };
    let share = of_one.filter(|share| *share > 0.0 && *share <= 1.0);
    if share.is_none() {
        let got = value.node.describe();
        problems.add(
            value.line,
            format!("`{key}` must be a share such as `50%` or `0.5`, above 0 and up to 100%, not {got}."),
        );
    }
    share.map(|share| Share((share * 1e6).round() as u32))
}

pub(super) fn count(section: &mut Section, key: &str, most: i64, problems: &mut Problems) -> Option<u32> {
    let value = section.demand(key, &format!("Write a number, such as `{key}: 20`."), problems)?;
    value.number(&format!("`{key}`"), 1, most, problems).and_then(|number| u32::try_from(number).ok())
}

pub(super) fn duration(section: &mut Section, key: &str, problems: &mut Problems) -> Option<Duration> {
    let value = section.demand(key, &format!("Write a duration, such as `{key}: 10m`."), problems)?;
    value.duration(&format!("`{key}`"), problems)
}

/// Reads how much should have come: seconds with an event as a number, or minutes with one as a duration.
pub(super) fn missing(section: &mut Section, problems: &mut Problems) -> Option<(u32, bool)> {
    let value =
        section.demand("missing", "Write how much should have come, such as `missing: 30` or `30m`.", problems)?;
    let Node::Text(text) = &value.node else {
        let number = value.number("`missing`", 1, super::MOST, problems)?;
        return Some((u32::try_from(number).ok()?, false));
    };
    let minutes = parse_duration(text).filter(|span| span.as_secs().is_multiple_of(60)).map(|span| span.as_secs() / 60);
    let minutes =
        minutes.and_then(|many| u32::try_from(many).ok()).filter(|many| (1..=super::MOST as u32).contains(many));
    if minutes.is_none() {
        let got = value.node.describe();
        problems.add(value.line, format!("`missing` must be a whole number or minutes such as `30m`, not {got}."));
    }
    minutes.map(|minutes| (minutes, true))
}

/// Reads one field, `a | b`, or a list of such.
pub(super) fn terms(section: &mut Section, key: &str, problems: &mut Problems) -> Vec<Term> {
    let Some(value) = section.demand(key, &format!("Name a field, such as `{key}: source.ip`."), problems) else {
        return Vec::new();
    };
    let texts = value.texts(&format!("`{key}`"), problems);
    if texts.len() > 4 {
        problems.add(value.line, format!("`{key}` takes at most 4 fields."));
    }
    let mut terms = Vec::new();
    for (text, line) in texts {
        let fields = text.split('|').filter_map(|name| when::field(name.trim(), line, problems)).collect::<Vec<_>>();
        terms.extend(Term::of(&fields));
    }
    terms
}

/// Says why an alert can't be about `first`, the first of `by`.
pub(super) fn no_entity(first: &Term) -> String {
    let name = |field: Field| field.name();
    if first.fields().all(|field| entity_kind(field).is_some()) {
        let alternatives: Vec<_> = first.fields().map(name).collect();
        return format!(
            "An alert is about one kind of entity, and `{}` are several. Name one of them, or such as \
             `identity.id | identity.name`, which are one kind.",
            alternatives.join(" | ")
        );
    }
    let known = Field::ALL.iter().copied().filter(|field| entity_kind(*field).is_some());
    let named: Vec<_> = known.map(name).collect();
    let first = "The first of `by` names who or what an alert is about. Put one of these first:";
    format!("{first} {}.", named.join(", "))
}

/// Reports keys of another form of `kind` than the one that was read: `absence` has three.
pub(super) fn apart(kind: &str, section: &mut Section, problems: &mut Problems) {
    if kind != "absence" {
        return;
    }
    for key in ["after", "at_least", "once", "expected", "within", "missing", "learn"] {
        let line = section.line_of(key);
        if section.take(key).is_some() {
            let says = "belongs to another form of `absence`. Write one of: `after` and `at_least`; `missing` and \
                        `learn`; `once`, `expected` and `within`.";
            problems.add(line, format!("`{key}` {says}"));
        }
    }
}

/// Reads the path of a value in the raw record.
pub(super) fn path(section: &mut Section, key: &str, problems: &mut Problems) -> Option<RawPath> {
    let mend = format!("Name where it stands in the record, such as `{key}: raw.properties.location.{key}`.");
    let value = section.demand(key, &mend, problems)?;
    let text = value.text(&format!("`{key}`"), problems)?;
    if !text.starts_with(raw::PREFIX) {
        problems.add(value.line, format!("`{key}` is a path into the record. {mend}"));
        return None;
    }
    raw::path(&Key { text, line: value.line }, problems)
}
