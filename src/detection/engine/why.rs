//! What does an alert say?
//!
//! The detector's sentence with its placeholders filled in, in one pass: what is filled in comes
//! from records, and is never itself looked at for placeholders. Values are cut after 120 bytes.
//! A sentence that begins with one of our own words begins with a capital.

use std::fmt::Write as _;
use std::sync::Arc;

use crate::clock::Timestamp;
use crate::detection::because::Because;
use crate::detection::in_words::in_words;
use crate::detection::{Signal, secret_words};
use crate::telemetry::{Entity, EntityKind};

/// The longest value that a sentence shows, in bytes.
const LONGEST: usize = 120;
/// What begins with a word of ours, such as `address`, and not with one from a record.
const OWN_WORDS: [&str; 4] = ["{entity}", "{secret}", "{where}", "{from}"];

/// What the placeholders stand for.
#[derive(Debug)]
pub struct Told<'a> {
    /// The event that fired.
    pub signal: &'a Signal,
    /// `{count}`.
    pub count: u64,
    /// `{distinct}`.
    pub distinct: u64,
    /// `{examples}`.
    pub examples: &'a [Arc<str>],
    /// `{since}`, and where `{window}` begins.
    pub first: Timestamp,
    /// `{at}`, and where `{window}` ends.
    pub at: Timestamp,
    /// `{measured}` and `{limit}`.
    pub because: &'a Because,
}

/// Returns `says` with its placeholders filled in; one it does not know stays as it is.
pub fn render(says: &str, told: &Told<'_>) -> String {
    let mut out = String::with_capacity(says.len() + 64);
    let mut rest = says;
    while let Some((before, behind)) = rest.split_once('{') {
        out.push_str(before);
        let filled = behind.split_once('}').and_then(|(name, after)| told.fill(name, &mut out).then_some(after));
        rest = filled.unwrap_or_else(|| {
            out.push('{');
            behind
        });
    }
    out.push_str(rest);
    if OWN_WORDS.iter().any(|word| says.starts_with(word))
        && let Some(first) = out.get_mut(..1)
    {
        first.make_ascii_uppercase();
    }
    out
}

impl Told<'_> {
    fn fill(&self, name: &str, out: &mut String) -> bool {
        let observed = self.signal.observed();
        match name {
            "entity" => out.push_str(&called(&self.signal.entity())),
            "secret" => self.push_secret(out),
            "can" => out.push_str(secret_words::can(self.signal.shown().unwrap_or_default())),
            "where" => self.push_first(&[EntityKind::Function, EntityKind::App, EntityKind::Gateway], out),
            "from" => self.push_first(&[EntityKind::Ip, EntityKind::Identity], out),
            "count" => push(out, self.count),
            "measured" => out.push_str(&self.because.value_said()),
            "limit" => out.push_str(&self.because.limit_said()),
            "distinct" => push(out, self.distinct),
            "examples" => self.push_examples(out),
            "value" => out.push_str(&cut(self.signal.shown().unwrap_or("an unknown value"))),
            "app" => out.push_str(&cut(observed.app.as_deref().unwrap_or("an unknown app"))),
            "function" => {
                let function = observed.entities.iter().find(|entity| entity.kind == EntityKind::Function);
                out.push_str(&cut(function.map_or("an unknown function", |function| &function.value)));
            }
            "window" => out.push_str(&in_words(self.at.since(self.first))),
            "since" => push_time(out, self.first),
            "at" => push_time(out, self.at),
            _ => return false,
        }
        true
    }

    /// The secret by its kind and name: `function key amber-falcon`.
    fn push_secret(&self, out: &mut String) {
        let (noun, name) = (self.signal.shown().unwrap_or("secret"), self.signal.entity().sayable());
        let name = name.split_once(' ').map_or(&*name, |(_, name)| name);
        out.push_str(&cut(noun));
        out.push(' ');
        out.push_str(&cut(name));
    }

    /// The first of `kinds` that the record names.
    fn push_first(&self, kinds: &[EntityKind], out: &mut String) {
        let observed = self.signal.observed();
        let named = |kind: &EntityKind| observed.entities.iter().find(|entity| entity.kind == *kind);
        match (kinds.iter().find_map(named), &observed.app) {
            (Some(entity), _) => out.push_str(&called(entity)),
            (None, Some(app)) if kinds.contains(&EntityKind::App) => {
                out.push_str("app ");
                out.push_str(&cut(app));
            }
            (None, _) if kinds.contains(&EntityKind::Ip) => out.push_str("an unknown address"),
            (None, _) => out.push_str("a resource that the log does not name"),
        }
    }

    fn push_examples(&self, out: &mut String) {
        for (number, example) in self.examples.iter().enumerate() {
            out.push_str(match number {
                0 => "",
                _ if number + 1 == self.examples.len() => " and ",
                _ => ", ",
            });
            out.push_str(&cut(example));
        }
        if self.examples.is_empty() {
            out.push_str("none shown");
        }
    }
}

fn push(out: &mut String, value: impl std::fmt::Display) {
    // Writing to a String cannot fail.
    let _ = write!(out, "{value}");
}

/// An entity as people say it; `ip` is a word for machines.
fn called(entity: &Entity) -> String {
    let said = entity.sayable();
    match said.strip_prefix("ip ") {
        Some(address) if entity.kind == EntityKind::Ip => cut(&format!("address {address}")),
        _ => cut(&said),
    }
}

/// To the second, and without letters between day and time.
fn push_time(out: &mut String, at: Timestamp) {
    let text = at.to_string();
    match (text.get(..10), text.get(11..19)) {
        (Some(day), Some(time)) => push(out, format_args!("{day} {time} UTC")),
        _ => out.push_str(&text),
    }
}

fn cut(text: &str) -> String {
    if text.len() <= LONGEST {
        return text.to_owned();
    }
    format!("{}…", &text[..text.floor_char_boundary(LONGEST)])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detection::Counting;
    use crate::detection::engine::trial::signal;
    use crate::detection::kinds::Firing;

    #[test]
    fn a_sentence_is_filled_in_once_whatever_a_value_says() {
        let event = signal(7, 252);
        let event = Signal::new(event.observed(), &event.entity(), Some("{count}"));
        let because = Because::of(&Counting::Match, &Firing::of(1, event.time, event.time), event.time);
        let told = Told {
            because: &because,
            signal: &event,
            count: 21,
            distinct: 3,
            examples: &["a".into(), "b".into(), "c".into()],
            first: Timestamp::from_seconds(0),
            at: event.time,
        };
        let says =
            "{entity}: {count} calls with {distinct} ({examples}) in {window}, last {value} at {at} on {app}; {x} {";
        assert_eq!(
            render(says, &told),
            "Address 203.0.113.7: 21 calls with 3 (a, b and c) in 4 min 12 s, last {count} at 1970-01-01 00:04:12 UTC on shop; {x} {"
        );
    }

    #[test]
    fn a_long_value_is_cut_between_characters() {
        assert!(cut(&"ü".repeat(500)).len() <= LONGEST + 3);
    }
}
