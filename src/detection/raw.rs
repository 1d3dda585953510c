//! Does a value at a path of the raw record fulfil what a detector asks for?
//!
//! For what has no field of its own: `raw.properties.backendUrl: { contains: … }`. Values are texts,
//! and numbers where an operator compares numbers; of the values that `[*]` leads to, one is enough.
//! A record is walked for each such condition, so it is tried after all others and costs nothing
//! where those have failed, or where no detector asks.

use std::fmt::Write as _;

use ipnet::IpNet;
use regex::{Regex, escape};

use crate::posture::Problems;
use crate::posture::document::{Key, Located, Node, unknown};
use crate::redaction::RedactedEvent;
use crate::telemetry::RawPath;

use super::when::expression;
use super::words::Case;

/// With what the name of a raw field begins.
pub(super) const PREFIX: &str = "raw.";
const MAX_DEPTH: usize = 4;
const MAX_WORDS: usize = 500;
/// Compiled size of a regular expression, bytes.
const MAX_PATTERN: usize = 1 << 20;
const OPERATORS: [&str; 12] =
    ["exists", "contains", "starts_with", "ends_with", "regex", "in_network", "gt", "gte", "lt", "lte", "not", "cased"];

/// A condition on the values at a path.
#[derive(Clone, Debug)]
pub(super) struct RawTest {
    pub(super) path: RawPath,
    pub(super) test: Test,
}

/// What is asked of the values there.
#[derive(Clone, Debug)]
pub(super) enum Test {
    /// All of these hold, each for a value of its own.
    All(Vec<Test>),
    /// This does not hold.
    Not(Box<Test>),
    /// There is a value.
    Exists,
    /// The expression finds something in a value.
    Pattern(Regex),
    /// A value is a number from the first to the second, both included.
    Range(f64, f64),
    /// A value is an address in one of these networks.
    Network(Vec<IpNet>),
    /// It could not be compiled, which is a problem of its file.
    Unsound,
}

impl RawTest {
    /// Tells whether `event`'s record fulfils the condition.
    pub(super) fn holds(&self, event: &RedactedEvent<'_>) -> bool {
        self.test.holds(&self.path, event)
    }
}

impl Test {
    fn holds(&self, path: &RawPath, event: &RedactedEvent<'_>) -> bool {
        match self {
            Self::All(all) => all.iter().all(|test| test.holds(path, event)),
            Self::Not(test) => !test.holds(path, event),
            Self::Exists => event.raw(path, |_| true),
            Self::Pattern(pattern) => event.raw(path, |value| pattern.is_match(value)),
            Self::Range(least, most) => event.raw(path, |value| {
                let number = value.trim().parse().ok().filter(|number: &f64| number.is_finite());
                number.is_some_and(|number| (*least..=*most).contains(&number))
            }),
            Self::Network(networks) => event.raw(path, |value| {
                let ip = value.trim().parse::<std::net::IpAddr>().map(|ip| ip.to_canonical());
                ip.is_ok_and(|ip| networks.iter().any(|network| network.contains(&ip)))
            }),
            Self::Unsound => false,
        }
    }
}

/// Compiles the condition `value` on the raw field `key`; what is wrong goes to `problems`.
pub(super) fn compile(key: &Key, value: Located, problems: &mut Problems) -> Option<RawTest> {
    let path = path(key, problems);
    let test = test(&key.text, value, false, 0, problems);
    Some(RawTest { path: path?, test })
}

/// Returns the path that `key` names behind its `raw.`; there being none is a problem.
pub(super) fn path(key: &Key, problems: &mut Problems) -> Option<RawPath> {
    let text = key.text.strip_prefix(PREFIX).unwrap_or_default();
    text.parse()
        .map_err(|wrong: crate::telemetry::NoPath| {
            let at = text.floor_char_boundary(wrong.at.min(text.len()));
            let (before, behind) = text.split_at(at);
            let here = if behind.is_empty() {
                "at its end".to_owned()
            } else {
                format!("at `{}`", &behind[..behind.floor_char_boundary(24)])
            };
            let after = if before.is_empty() {
                String::new()
            } else {
                format!(", after `{}`", &before[before.ceil_char_boundary(before.len().saturating_sub(24))..])
            };
            problems.add(
                key.line,
                format!(
                    "`{}` is not a path into the record: {} ({here}{after}). Write `raw.properties.errors[0].reason`.",
                    short(&key.text),
                    wrong.says
                ),
            );
        })
        .ok()
}

fn short(text: &str) -> &str {
    &text[..text.floor_char_boundary(80)]
}

fn test(name: &str, value: Located, cased: bool, depth: usize, problems: &mut Problems) -> Test {
    if !matches!(value.node, Node::Map(_)) {
        return words(name, &value, cased, ("^(?:", ")$"), problems);
    }
    let line = value.line;
    if depth > MAX_DEPTH {
        problems.add(line, format!("Conditions on `{name}` are nested deeper than {MAX_DEPTH}."));
        return Test::Unsound;
    }
    let entries = value.section("A condition", problems).map(|mut section| section.rest()).unwrap_or_default();
    if entries.is_empty() {
        problems.add(line, format!("The condition on `{name}` is empty. Write a value, or an operator."));
    }
    let all: Vec<_> =
        entries.into_iter().map(|(key, value)| operator(name, &key, value, cased, depth, problems)).collect();
    Test::All(all)
}

fn operator(name: &str, key: &Key, value: Located, cased: bool, depth: usize, problems: &mut Problems) -> Test {
    match key.text.as_str() {
        "exists" => match value.node {
            Node::Bool(true) => Test::Exists,
            Node::Bool(false) => Test::Not(Box::new(Test::Exists)),
            ref other => {
                problems.add(value.line, format!("`exists` takes `true` or `false`, not {}.", other.describe()));
                Test::Unsound
            }
        },
        "contains" => words(name, &value, cased, ("", ""), problems),
        "starts_with" => words(name, &value, cased, ("^(?:", ")"), problems),
        "ends_with" => words(name, &value, cased, ("(?:", ")$"), problems),
        "regex" => match value.text(&format!("`{name}`"), problems) {
            Some(text) => pattern(&text, cased, value.line, problems),
            None => Test::Unsound,
        },
        "in_network" => networks(&value, problems),
        "gt" | "gte" | "lt" | "lte" => range(key, &value, problems),
        "not" => Test::Not(Box::new(test(name, value, cased, depth + 1, problems))),
        "cased" => test(name, value, true, depth + 1, problems),
        other => {
            problems.add(key.line, unknown(other, "an operator", OPERATORS.into_iter()));
            Test::Unsound
        }
    }
}

/// Compiles one of several words between `around` into an expression.
fn words(name: &str, value: &Located, cased: bool, around: (&str, &str), problems: &mut Problems) -> Test {
    let words = value.texts(&format!("`{name}`"), problems);
    if words.is_empty() || words.len() > MAX_WORDS {
        problems.add(value.line, format!("`{name}` takes 1 to {MAX_WORDS} values."));
        return Test::Unsound;
    }
    let mut text = String::from(around.0);
    for (place, (word, _)) in words.iter().enumerate() {
        let or = if place > 0 { "|" } else { "" };
        _ = write!(text, "{or}{}", escape(word));
    }
    text.push_str(around.1);
    pattern(&text, cased, value.line, problems)
}

fn pattern(text: &str, cased: bool, line: usize, problems: &mut Problems) -> Test {
    match expression(text, if cased { Case::Kept } else { Case::Ignored }, MAX_PATTERN) {
        Ok(pattern) => Test::Pattern(pattern),
        Err(error) => {
            let says = error.to_string();
            let last = says.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
            problems.add(line, format!("The regular expression can't be compiled: {last}. See docs.rs/regex."));
            Test::Unsound
        }
    }
}

fn range(key: &Key, value: &Located, problems: &mut Problems) -> Test {
    let limit = match value.node {
        Node::Number(number) => number as f64,
        Node::Real(number) => number,
        ref other => {
            problems.add(value.line, format!("`{}` takes a number, not {}.", key.text, other.describe()));
            return Test::Unsound;
        }
    };
    match key.text.as_str() {
        "gt" => Test::Range(limit.next_up(), f64::INFINITY),
        "gte" => Test::Range(limit, f64::INFINITY),
        "lt" => Test::Range(f64::NEG_INFINITY, limit.next_down()),
        _ => Test::Range(f64::NEG_INFINITY, limit),
    }
}

fn networks(value: &Located, problems: &mut Problems) -> Test {
    let mut networks = Vec::new();
    for (text, line) in value.texts("An address or network", problems) {
        let parsed = text.parse::<IpNet>().ok().or_else(|| text.parse().ok().map(|ip: std::net::IpAddr| ip.into()));
        match parsed {
            Some(network) => networks.push(network),
            None => problems
                .add(line, format!("`{text}` is not an address or network. Write `203.0.113.7` or `10.0.0.0/8`.")),
        }
    }
    Test::Network(networks)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::OnceLock;

    use crate::detection::cases::rehearse;
    use crate::detection::{Case, Catalogue};
    use crate::redaction::{KeyRing, Redactor, Settings};

    const HEAD: &str = "\
id: probing.x
title: t
threat: key-theft
attack: { version: '18', techniques: [] }
why: w
triage: t
false_alarms: f
says: s
level: low
needs: any
match: { by: app }
";

    fn redactor() -> &'static Redactor {
        static ONE: OnceLock<Redactor> = OnceLock::new();
        ONE.get_or_init(|| Redactor::new(&KeyRing::ephemeral().unwrap(), &Settings::default()).unwrap())
    }

    fn build(when: &str) -> Result<Catalogue, Vec<String>> {
        let files = BTreeMap::from([("probing/x.yaml".to_owned(), format!("{HEAD}when: {when}\n"))]);
        Catalogue::build(&files).map_err(|problems| problems.iter().map(ToString::to_string).collect())
    }

    fn cases(event: &str) -> Result<Vec<Case>, Vec<String>> {
        let text = format!("- name: n\n  alert: []\n  given:\n    - event: {{ kind: other, app: a, {event} }}\n");
        Case::read_all("x.test.yaml", &text).map_err(|problems| problems.iter().map(ToString::to_string).collect())
    }

    fn fires(when: &str, event: &str) -> bool {
        let catalogue = build(when).unwrap_or_else(|problems| panic!("{problems:?}"));
        let cases = cases(event).unwrap_or_else(|problems| panic!("{problems:?}"));
        !rehearse(&cases[0], &catalogue.matcher((7, 9)), redactor()).signals.is_empty()
    }

    #[test]
    fn a_condition_on_a_raw_field_reads_as_it_is_written() {
        let event = "raw: { properties: { backendUrl: 'https://Shop.example/x', tries: 12, ip: '10.1.2.3', errors: [ { reason: a }, { reason: B } ] } }";
        for (when, holds) in [
            ("{ raw.properties.backendUrl: 'https://shop.EXAMPLE/x' }", true),
            ("{ raw.properties.backendUrl: shop }", false),
            ("{ raw.properties.backendUrl: { contains: [nothing, SHOP] } }", true),
            ("{ raw.properties.backendUrl: { starts_with: https, ends_with: /X } }", true),
            ("{ raw.properties.backendUrl: { cased: { ends_with: /X } } }", false),
            ("{ raw.properties.backendUrl: { regex: '^https://[a-z.]+/' } }", true),
            ("{ raw.properties.backendUrl: { not: { contains: shop } } }", false),
            ("{ raw.properties.backendUrl: { gte: 1 } }", false),
            ("{ raw.properties.tries: 12 }", true),
            ("{ raw.properties.tries: { gt: 11.5, lte: 12 } }", true),
            ("{ raw.properties.tries: { lt: 12 } }", false),
            ("{ raw.properties.ip: { in_network: [192.0.2.0/24, 10.0.0.0/8] } }", true),
            ("{ 'raw.properties.errors[*].reason': b }", true),
            ("{ 'raw.properties.errors[0].reason': b }", false),
            ("{ raw.properties.errors: { contains: reason } }", true),
            ("{ raw.properties.nothing: { exists: false } }", true),
            ("{ raw.properties.nothing: { not: x } }", true),
            ("{ raw.properties.tries: { exists: true }, app: a }", true),
            ("{ any: [ { app: b }, { raw.PROPERTIES.TRIES: '12' } ] }", true),
        ] {
            assert_eq!(fires(when, event), holds, "{when}");
        }
    }

    #[test]
    fn a_case_may_name_raw_fields_one_by_one_and_vary_them() {
        assert!(fires("{ raw.properties.user.name: u-1 }", "raw.properties.user.name: 'u-{n}', raw.properties.x: 1"));
        let listed = cases("'raw.a[0]': x").unwrap_err();
        assert_eq!(listed, ["x.test.yaml:4: `raw.a[0]` has brackets: in a case, write a list in `raw: { … }`."]);
    }

    #[test]
    fn a_raw_field_is_read_after_redaction() {
        let event = "identity.name: Ada Lovelace";
        assert!(!fires("{ 'raw.[\"identity.name\"]': { contains: lovelace } }", event));
        assert!(fires("{ 'raw.[\"identity.name\"]': { starts_with: 'person:' } }", event));
    }

    #[test]
    fn what_is_wrong_with_a_path_or_its_condition_is_told() {
        assert_eq!(
            build("{ raw.properties..url: x, 'raw.a[b]': y, raw.b: { gte: many, contians: z }, raw.c: { regex: '(' }, raw.d: {} }").err().unwrap(),
            [
                "probing/x.yaml:12: The condition on `raw.d` is empty. Write a value, or an operator.",
                "probing/x.yaml:12: The regular expression can't be compiled: unclosed group. See docs.rs/regex.",
                "probing/x.yaml:12: `contians` is not an operator. Did you mean `contains`?",
                "probing/x.yaml:12: `gte` takes a number, not `many`.",
                "probing/x.yaml:12: `raw.a[b]` is not a path into the record: in brackets stands a number from 0, `*` or a quoted name (at `[b]`, after `a`). Write `raw.properties.errors[0].reason`.",
                "probing/x.yaml:12: `raw.properties..url` is not a path into the record: a name is missing; one with dots, spaces or brackets is written `[\"name\"]` (at `.url`, after `properties.`). Write `raw.properties.errors[0].reason`.",
            ]
        );
        let by = format!("{HEAD}when: {{ app: a }}\n").replace("by: app", "by: [app, raw.x]");
        let files = BTreeMap::from([("probing/x.yaml".to_owned(), by)]);
        let said: Vec<_> = Catalogue::build(&files).unwrap_err().iter().map(ToString::to_string).collect();
        assert_eq!(
            said,
            ["probing/x.yaml:11: `raw.x` is not a field of an event: raw fields may stand in `when` alone."]
        );
    }
}
