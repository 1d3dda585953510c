//! What does a Sigma correlation ask? Its type, the rules it refers to, what it groups by, and its condition.
//!
//! A condition that only an event less could break (`lt`, `lte` or `neq` alone on a number of events) is refused:
//! it holds at the first event of nearly every window, and would say nothing.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::detection::correlation_plan::Limit;
use crate::posture::Problems;
use crate::posture::document::{Located, Node, Section, unknown};

use super::meta::Meta;
use super::modifiers::number;
use super::test::Compare;

/// The types of correlation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Type {
    EventCount,
    ValueCount,
    Temporal,
    TemporalOrdered,
    ValueSum,
    ValueAvg,
    ValuePercentile,
    ValueMedian,
}

/// A correlation as its document has it.
#[derive(Clone, Debug)]
pub(super) struct Correlation {
    pub(super) meta: Meta,
    pub(super) kind: Type,
    /// The rules it refers to, by id or name.
    pub(super) rules: Vec<String>,
    pub(super) group_by: Vec<String>,
    pub(super) within: Duration,
    pub(super) limits: Vec<Limit>,
    /// The fields whose values are counted or measured.
    pub(super) fields: Vec<String>,
    pub(super) percentile: Option<u8>,
    /// By alias, then by rule: the field that it stands for.
    pub(super) aliases: BTreeMap<String, BTreeMap<String, String>>,
    /// Whether the rules it refers to give alerts of their own too.
    pub(super) generate: bool,
    pub(super) version: String,
}

const TYPES: [(&str, Type); 8] = [
    ("event_count", Type::EventCount),
    ("value_count", Type::ValueCount),
    ("temporal", Type::Temporal),
    ("temporal_ordered", Type::TemporalOrdered),
    ("value_sum", Type::ValueSum),
    ("value_avg", Type::ValueAvg),
    ("value_percentile", Type::ValuePercentile),
    ("value_median", Type::ValueMedian),
];
const OPERATORS: [(&str, Compare); 6] = [
    ("gt", Compare::More),
    ("gte", Compare::AtLeast),
    ("lt", Compare::Less),
    ("lte", Compare::AtMost),
    ("eq", Compare::Equal),
    ("neq", Compare::Other),
];
/// Rules that one correlation refers to, at most.
const MAX_RULES: usize = 32;
/// Fields that it groups by or counts, at most.
const MAX_FIELDS: usize = 8;

/// The condition of a correlation.
#[derive(Default)]
struct Condition {
    limits: Vec<Limit>,
    fields: Vec<String>,
    percentile: Option<u8>,
}

impl Type {
    /// Tells whether it is on a number that can't shrink below one at an event.
    fn counts(self) -> bool {
        matches!(self, Self::EventCount | Self::ValueCount | Self::Temporal | Self::TemporalOrdered)
    }

    /// Tells whether it looks at the values of a field.
    pub(super) fn takes_field(self) -> bool {
        !matches!(self, Self::EventCount | Self::Temporal | Self::TemporalOrdered)
    }
}

impl Correlation {
    /// Reads a `correlation`; `generate` is what its document says of that.
    pub(super) fn read(
        meta: Option<Meta>,
        value: Located,
        generate: Option<Located>,
        version: String,
        problems: &mut Problems,
    ) -> Option<Self> {
        let mut section = value.section("`correlation`", problems)?;
        let kind = kind(&mut section, problems);
        let rules = names(&mut section, "rules", MAX_RULES, problems);
        if rules.is_empty() {
            problems.add(section.line, "`rules` is missing. List the ids or names of the rules it refers to.");
        }
        let group_by = names(&mut section, "group-by", MAX_FIELDS, problems);
        let span = section.take("timespan").or_else(|| section.take("timeframe"));
        if span.is_none() {
            problems.add(section.line, "`timespan` is missing. Write a duration, such as `timespan: 10m`.");
        }
        let within = span.and_then(|span| span.duration("`timespan`", problems));
        let line = section.line;
        let condition =
            section.take("condition").map(|condition| (condition.line, self::condition(condition, problems)));
        let (line, condition) = condition.map_or((line, Some(Condition::default())), |(line, found)| (line, found));
        let aliases = section.take("aliases").map(|aliases| self::aliases(aliases, problems)).unwrap_or_default();
        let generate = generate.or_else(|| section.take("generate"));
        let generate = matches!(generate, Some(Located { node: Node::Bool(true), .. }));
        let known = ["type", "rules", "group-by", "timespan", "timeframe", "condition", "aliases", "generate"];
        section.finish("a key of a `correlation`", &known, problems);
        let (kind, condition) = (kind?, condition?);
        let Condition { limits, fields, percentile } = condition;
        let read = Self {
            meta: meta?,
            kind,
            rules,
            group_by,
            within: within?,
            limits,
            fields,
            percentile,
            aliases,
            generate,
            version,
        };
        read.check(line, problems);
        Some(read)
    }

    fn check(&self, line: usize, problems: &mut Problems) {
        let mut add = |says: &str| problems.add(line, says);
        let needs = !matches!(self.kind, Type::Temporal | Type::TemporalOrdered);
        if needs && self.limits.is_empty() {
            add("`condition` is missing. Write a number to compare with, such as `condition: { gte: 10 }`.");
        }
        if self.kind.takes_field() && self.fields.is_empty() {
            add("`condition` names no `field`. Name the one whose values count.");
        }
        if !self.kind.takes_field() && !self.fields.is_empty() {
            add("`field` says nothing to this type. Use `value_count`, or leave it out.");
        }
        let least = |limit: &Limit| matches!(limit.how, Compare::AtLeast | Compare::More | Compare::Equal);
        if self.kind.counts() && !self.limits.is_empty() && !self.limits.iter().any(least) {
            add("`lt`, `lte` and `neq` alone hold at the first event of nearly every window. Add `gt`, `gte` or `eq`.");
        }
        if self.kind != Type::ValueCount && self.fields.len() > 1 {
            add("several fields can be counted together, but not measured. Name one.");
        }
        if self.kind == Type::ValuePercentile && self.percentile.is_some_and(|percent| percent > 100) {
            add("`percentile` is a number from 0 to 100.");
        }
        let most = self.limits.iter().map(|limit| limit.to()).fold(0.0, f64::max);
        if self.kind == Type::ValueCount && most > 10_000.0 {
            add("at most 10,000 different values are told apart. Ask for fewer.");
        }
        let all = self.rules.len() as f64;
        if self.kind == Type::TemporalOrdered && !self.limits.is_empty() && !Limit::all_hold(&self.limits, all) {
            add("in order, all rules must happen. Leave the condition out, or use `temporal`.");
        }
    }
}

fn kind(section: &mut Section, problems: &mut Problems) -> Option<Type> {
    let value = section.demand("type", "Write `type: event_count`, or another.", problems)?;
    let name = value.text("`type`", problems)?;
    let found = TYPES.iter().find(|(known, _)| *known == name).map(|(_, kind)| *kind);
    if found.is_none() {
        problems.add(value.line, unknown(&name, "a type of correlation", TYPES.iter().map(|(name, _)| *name)));
    }
    found
}

fn names(section: &mut Section, key: &str, most: usize, problems: &mut Problems) -> Vec<String> {
    let Some(value) = section.take(key).filter(|value| value.node != Node::Null) else { return Vec::new() };
    let names = value.texts(&format!("`{key}`"), problems);
    if names.len() > most {
        problems.add(value.line, format!("`{key}` lists more than {most}."));
    }
    names.into_iter().map(|(name, _)| name).collect()
}

fn condition(value: Located, problems: &mut Problems) -> Option<Condition> {
    let line = value.line;
    if matches!(value.node, Node::Text(_)) {
        problems.add(line, "`condition` is a text. Of a correlation it is a map, such as `{ gte: 10 }`.");
        return None;
    }
    let mut section = value.section("`condition`", problems)?;
    let mut found = Condition { fields: names(&mut section, "field", MAX_FIELDS, problems), ..Condition::default() };
    if let Some(percentile) = section.take("percentile") {
        let percent = percentile.number("`percentile`", 0, 100, problems);
        found.percentile = percent.and_then(|percent| u8::try_from(percent).ok());
    }
    for (name, how) in OPERATORS {
        let Some(value) = section.take(name) else { continue };
        match number(&value.node) {
            Some(limit) => found.limits.push(Limit::new(how, limit)),
            None => problems.add(value.line, format!("`{name}` takes a number, not {}.", value.node.describe())),
        }
    }
    let known: Vec<&str> = OPERATORS.iter().map(|(name, _)| *name).chain(["field", "percentile"]).collect();
    section.finish("a key of a correlation's `condition`", &known, problems);
    Some(found)
}

fn aliases(value: Located, problems: &mut Problems) -> BTreeMap<String, BTreeMap<String, String>> {
    let mut found = BTreeMap::new();
    let Some(mut section) = value.section("`aliases`", problems) else { return found };
    for (alias, fields) in section.rest() {
        let Some(mut fields) = fields.section(&format!("The alias `{}`", alias.text), problems) else { continue };
        let mut of = BTreeMap::new();
        for (rule, field) in fields.rest() {
            if let Some(field) = field.text("A field's name", problems) {
                of.insert(rule.text, field);
            }
        }
        found.insert(alias.text, of);
    }
    found
}
