//! What does a detector's `when` ask for? From YAML to a [`Condition`].
//!
//! Every field has a shape, so that `response.status: "4xx"`, a reason that does not exist or a
//! network that is none are told at once and not by an alert that never comes. Nested at most
//! 16 deep; a condition has at most 500 words, a `when` 10,000 parts and 200 regular expressions.

use ipnet::IpNet;
use regex::{Regex, RegexBuilder};

use crate::posture::Problems;
use crate::posture::document::{Key, Located, Node, unknown};
use crate::posture::intended::Authentication;
use crate::telemetry::{
    Category, Confidence, Decision, Field, IdentityKind, Kind, Layer, Outcome, Privilege, Reason, Stage, Transport,
};

use super::condition::Condition;
use super::networks::Networks;
use super::raw;
use super::words::{Case, How, Sought, Words};

const MAX_DEPTH: usize = 16;
const MAX_WORDS: usize = 500;
/// Compiled size of a regular expression, bytes.
const MAX_PATTERN: usize = 1 << 20;
/// Conditions and values of one `when`, nested ones too, and how many of them are regular expressions: each of those
/// may take a megabyte and some milliseconds to compile.
const MAX_PARTS: usize = 10_000;
const MAX_PATTERNS: usize = 200;
/// With what a regular expression begins in which case does not matter.
pub(super) const INSENSITIVE: &str = "(?i)";
const OPERATORS: [&str; 12] =
    ["exists", "contains", "starts_with", "ends_with", "regex", "in_network", "gt", "gte", "lt", "lte", "not", "cased"];

/// What values a field has.
enum Shape {
    Text,
    Number,
    Address,
    /// One of these names.
    Names(Vec<&'static str>),
}

fn shape(field: Field) -> Shape {
    match field {
        Field::SourceIp => Shape::Address,
        Field::SourcePort
        | Field::RequestSize
        | Field::ResponseStatus
        | Field::ResponseSubstatus
        | Field::ResponseSize
        | Field::ResponseDuration
        | Field::Weight
        | Field::SourceAsn
        | Field::KeyOverdueDays
        | Field::SecretCreated
        | Field::SecretExpires
        | Field::SecretAgeDays
        | Field::SecretDaysLeft => Shape::Number,
        Field::Kind => Shape::Names(Kind::ALL.map(Kind::name).to_vec()),
        Field::Category => Shape::Names(Category::ALL.map(Category::name).to_vec()),
        Field::Outcome => {
            Shape::Names([Outcome::Success, Outcome::Failure, Outcome::Unknown].map(Outcome::name).to_vec())
        }
        Field::Reason => Shape::Names(Reason::ALL.map(Reason::name).to_vec()),
        Field::IdentityKind => Shape::Names(IdentityKind::ALL.map(IdentityKind::name).to_vec()),
        Field::Decision => Shape::Names(Decision::ALL.map(Decision::name).to_vec()),
        Field::Layer => Shape::Names(Layer::ALL.map(Layer::name).to_vec()),
        Field::Stage => Shape::Names(Stage::ALL.map(Stage::name).to_vec()),
        Field::KeyTransport => Shape::Names([Transport::Header, Transport::Query].map(Transport::name).to_vec()),
        Field::SecretPrivilege => Shape::Names(Privilege::ALL.map(Privilege::name).to_vec()),
        Field::SecretConfidence => Shape::Names(
            [Confidence::Suspected, Confidence::Context, Confidence::Proven].map(Confidence::name).to_vec(),
        ),
        Field::AppKnown
        | Field::FunctionKnown
        | Field::OriginKnown
        | Field::KeyKnown
        | Field::KeyExpected
        | Field::IntendedDeclared
        | Field::IntendedOrigin
        | Field::IntendedNetwork
        | Field::IntendedReach
        | Field::IntendedSensitive => Shape::Names(vec!["true", "false"]),
        Field::IntendedAuthentication => Shape::Names(Authentication::ALL.map(Authentication::name).to_vec()),
        Field::IntendedProof => Shape::Names(vec!["shown", "missing"]),
        Field::IntendedToken => Shape::Names(vec!["intended", "issuer", "audience"]),
        Field::IntendedWay => Shape::Names(vec!["gateway", "past", "straight"]),
        Field::SecretWhere => Shape::Names(vec!["query", "message", "referrer", "cookie", "header", "record"]),
        _ => Shape::Text,
    }
}

/// Tells whether a field's value is a number.
pub(super) fn is_number(field: Field) -> bool {
    matches!(shape(field), Shape::Number)
}

/// Returns the names a field's value is one of, where they are known.
pub(super) fn names(field: Field) -> Option<Vec<&'static str>> {
    match shape(field) {
        Shape::Names(names) => Some(names),
        _ => None,
    }
}

/// Returns the field called `name`; there being none is a problem.
pub(super) fn field(name: &str, line: usize, problems: &mut Problems) -> Option<Field> {
    let found = Field::named(name);
    if name.starts_with(raw::PREFIX) {
        problems.add(line, format!("`{name}` is not a field of an event: raw fields may stand in `when` alone."));
    } else if found.is_none() {
        problems.add(line, unknown(name, "a field of an event", Field::ALL.iter().map(|field| field.name())));
    }
    found
}

/// Compiles a `when`; what is wrong goes to `problems`, and holds always.
pub(super) fn compile(when: Located, problems: &mut Problems) -> Condition {
    let (parts, patterns) = weight(&when.node);
    if parts > MAX_PARTS || patterns > MAX_PATTERNS {
        let says = format!(
            "The condition has {parts} conditions and values, {patterns} of them regular expressions; at most \
             {MAX_PARTS} and {MAX_PATTERNS} are taken. Split the detector."
        );
        problems.add(when.line, says);
        return Condition::Always;
    }
    clauses(when, 0, problems)
}

/// Counts what there is to compile, and the regular expressions in it. As deep as YAML is read.
fn weight(node: &Node) -> (usize, usize) {
    let add = |(parts, patterns): (usize, usize), (more, of_them): (usize, usize)| (parts + more, patterns + of_them);
    match node {
        Node::List(items) => items.iter().map(|item| weight(&item.node)).fold((1, 0), add),
        Node::Map(entries) => entries.iter().fold((1, 0), |all, (key, value)| {
            add(add(all, weight(&value.node)), (0, usize::from(key.text == "regex")))
        }),
        _ => (1, 0),
    }
}

fn clauses(when: Located, depth: usize, problems: &mut Problems) -> Condition {
    let line = when.line;
    if depth > MAX_DEPTH {
        problems.add(line, format!("Conditions are nested deeper than {MAX_DEPTH}. Split the detector."));
        return Condition::Always;
    }
    let Some(mut section) = when.section("A condition (`field: value`)", problems) else { return Condition::Always };
    let entries = section.rest();
    if entries.is_empty() {
        problems.add(line, "The condition is empty. Write `field: value`, or leave it out.");
    }
    Condition::all(entries.into_iter().map(|(key, value)| clause(&key, value, depth, problems)).collect())
}

/// Compiles one entry of a condition; what is wrong goes to `problems`, and holds always.
pub(super) fn clause(key: &Key, value: Located, depth: usize, problems: &mut Problems) -> Condition {
    match key.text.as_str() {
        "any" => Condition::any(group(value, depth, problems)),
        "all" => Condition::all(group(value, depth, problems)),
        "not" => Condition::Not(Box::new(clauses(value, depth + 1, problems))),
        name if name.starts_with(raw::PREFIX) => {
            raw::compile(key, value, problems).map_or(Condition::Always, |test| Condition::Raw(Box::new(test)))
        }
        name => match field(name, key.line, problems) {
            Some(field) => test(field, value, Case::Ignored, depth, problems),
            None => Condition::Always,
        },
    }
}

fn group(list: Located, depth: usize, problems: &mut Problems) -> Vec<Condition> {
    match list.node {
        Node::List(items) if !items.is_empty() => {
            items.into_iter().map(|item| clauses(item, depth + 1, problems)).collect()
        }
        other => {
            let got = if matches!(other, Node::List(_)) { "an empty one".to_owned() } else { other.describe() };
            problems.add(list.line, format!("`any` and `all` take a list of conditions, not {got}."));
            vec![Condition::Always]
        }
    }
}

fn test(field: Field, value: Located, case: Case, depth: usize, problems: &mut Problems) -> Condition {
    if !matches!(value.node, Node::Map(_)) {
        return equals(field, &value, case, problems);
    }
    if depth > MAX_DEPTH {
        problems.add(value.line, format!("Conditions are nested deeper than {MAX_DEPTH}. Split the detector."));
        return Condition::Always;
    }
    let line = value.line;
    let entries = value.section("A condition", problems).map(|mut section| section.rest()).unwrap_or_default();
    if entries.is_empty() {
        problems.add(line, format!("The condition on `{}` is empty. Write a value, or an operator.", field.name()));
    }
    let tests = entries.into_iter().map(|(key, value)| operator(field, &key, value, case, depth, problems));
    Condition::all(tests.collect())
}

fn operator(field: Field, key: &Key, value: Located, case: Case, depth: usize, problems: &mut Problems) -> Condition {
    match key.text.as_str() {
        "exists" => exists(field, &value, problems),
        "contains" if case == Case::Ignored => contains(field, &value, problems),
        "contains" => {
            problems.add(key.line, "`cased` and `contains` do not go together. Use `regex` with `cased`.");
            Condition::Always
        }
        "starts_with" => words(field, How::Starts, &value, case, problems),
        "ends_with" => words(field, How::Ends, &value, case, problems),
        "regex" => pattern(field, &value, case, problems),
        "in_network" => networks(field, &value, problems),
        "gt" | "gte" | "lt" | "lte" => range(field, key, &value, problems),
        "not" => Condition::Not(Box::new(test(field, value, case, depth + 1, problems))),
        "cased" => test(field, value, Case::Kept, depth + 1, problems),
        other => {
            problems.add(key.line, unknown(other, "an operator", OPERATORS.into_iter()));
            Condition::Always
        }
    }
}

fn exists(field: Field, value: &Located, problems: &mut Problems) -> Condition {
    match value.node {
        Node::Bool(true) => Condition::Exists(field),
        Node::Bool(false) => Condition::Not(Box::new(Condition::Exists(field))),
        ref other => {
            problems.add(value.line, format!("`exists` takes `true` or `false`, not {}.", other.describe()));
            Condition::Always
        }
    }
}

fn equals(field: Field, value: &Located, case: Case, problems: &mut Problems) -> Condition {
    match shape(field) {
        Shape::Number => numbers(field, value, problems),
        Shape::Address => networks(field, value, problems),
        Shape::Text => words(field, How::Is, value, case, problems),
        Shape::Names(names) => {
            for (word, line) in value.texts(field.name(), problems) {
                if !names.iter().any(|name| name.eq_ignore_ascii_case(&word)) {
                    let what = format!("a value of `{}`", field.name());
                    problems.add(line, unknown(&word, &what, names.iter().copied()));
                }
            }
            words(field, How::Is, value, case, problems)
        }
    }
}

/// Returns the texts of a condition on a text; asking that of a number or an address is a problem.
fn wanted(field: Field, value: &Located, problems: &mut Problems) -> Vec<(String, usize)> {
    let name = field.name();
    match shape(field) {
        Shape::Number => {
            problems.add(value.line, format!("`{name}` is a number: use a number, a list of numbers, `gte` or `lt`."));
        }
        Shape::Address => problems.add(value.line, format!("`{name}` is an address: use an address or `in_network`.")),
        Shape::Text | Shape::Names(_) => {}
    }
    let texts = value.texts(name, problems);
    if texts.is_empty() || texts.len() > MAX_WORDS {
        problems.add(value.line, format!("`{name}` takes 1 to {MAX_WORDS} values."));
    }
    texts
}

fn words(field: Field, how: How, value: &Located, case: Case, problems: &mut Problems) -> Condition {
    let words = wanted(field, value, problems);
    Condition::Text(field, Words::new(how, case, words.into_iter().map(|(word, _)| word)))
}

fn contains(field: Field, value: &Located, problems: &mut Problems) -> Condition {
    let words = wanted(field, value, problems);
    match Sought::new(words.into_iter().map(|(word, _)| word).collect()) {
        Ok(words) => Condition::Contains(field, words),
        Err(error) => {
            problems.add(value.line, format!("`contains` can't be compiled: {error}. Use fewer words."));
            Condition::Always
        }
    }
}

fn pattern(field: Field, value: &Located, case: Case, problems: &mut Problems) -> Condition {
    let Some((text, line)) = wanted(field, value, problems).into_iter().next() else { return Condition::Always };
    match expression(&text, case, MAX_PATTERN) {
        Ok(pattern) => Condition::Pattern(field, pattern),
        Err(error) => {
            let says = error.to_string();
            let last = says.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
            problems.add(line, format!("The regular expression can't be compiled: {last}. See docs.rs/regex."));
            Condition::Always
        }
    }
}

/// Compiles a regular expression; that case does not matter stands in it, so that it can be told.
pub(super) fn expression(text: &str, case: Case, most: usize) -> Result<Regex, regex::Error> {
    let flag = if case == Case::Ignored { INSENSITIVE } else { "" };
    RegexBuilder::new(&format!("{flag}{text}")).size_limit(most).build()
}

fn numbers(field: Field, value: &Located, problems: &mut Problems) -> Condition {
    let name = format!("`{}`", field.name());
    let list = match &value.node {
        Node::List(items) => items.as_slice(),
        _ => std::slice::from_ref(value),
    };
    let numbers = list.iter().filter_map(|item| item.number(&name, i64::MIN, i64::MAX, problems)).collect();
    Condition::Number(field, numbers)
}

fn range(field: Field, key: &Key, value: &Located, problems: &mut Problems) -> Condition {
    if !matches!(shape(field), Shape::Number) {
        problems.add(key.line, format!("`{}` is not a number: `{}` can't compare it.", field.name(), key.text));
        return Condition::Always;
    }
    let limit = value.number(&format!("`{}`", key.text), i64::MIN, i64::MAX, problems).unwrap_or_default();
    match key.text.as_str() {
        "gt" => Condition::Range(field, limit.saturating_add(1), i64::MAX),
        "gte" => Condition::Range(field, limit, i64::MAX),
        "lt" => Condition::Range(field, i64::MIN, limit.saturating_sub(1)),
        _ => Condition::Range(field, i64::MIN, limit),
    }
}

fn networks(field: Field, value: &Located, problems: &mut Problems) -> Condition {
    if !matches!(shape(field), Shape::Address) {
        problems.add(value.line, format!("`{}` is not an address: `in_network` can't look at it.", field.name()));
        return Condition::Always;
    }
    let mut networks = Vec::new();
    for (text, line) in value.texts("An address or network", problems) {
        let parsed = text.parse::<IpNet>().ok().or_else(|| text.parse().ok().map(|ip: std::net::IpAddr| ip.into()));
        match parsed {
            Some(network) => networks.push(network),
            None => problems
                .add(line, format!("`{text}` is not an address or network. Write `203.0.113.7` or `10.0.0.0/8`.")),
        }
    }
    Condition::Network(field, Networks::new(networks))
}
