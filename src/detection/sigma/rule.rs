//! What does one Sigma document say: a rule, a correlation or a filter?
//!
//! Each is read by itself here, with all its problems; what refers to others is tied together afterwards.

use std::collections::BTreeSet;

use crate::posture::document::{Located, Node, Section};
use crate::posture::{Problem, Problems};

use super::condition::{self, Selections};
use super::correlation::Correlation;
use super::documents::Document;
use super::expr::{Asked, Expr};
use super::fields::is_personal;
use super::logsource::LogSource;
use super::meta::Meta;
use super::modifiers::{Placeholders, Reader};
use super::slips::{self, Slip};

/// A document that was understood.
#[derive(Clone, Debug)]
pub(super) enum Rule {
    Detection(Detection),
    Correlation(Correlation),
    Filter(Filter),
}

/// A rule on single events.
#[derive(Clone, Debug)]
pub(super) struct Detection {
    pub(super) meta: Meta,
    pub(super) source: LogSource,
    pub(super) when: Expr,
    /// Its condition, as it is written.
    pub(super) condition: String,
    /// Placeholders whose values nobody has given.
    pub(super) missing: Vec<String>,
    /// All that its meaning depends on, as text.
    pub(super) version: String,
}

/// What takes events away from other rules.
#[derive(Clone, Debug)]
pub(super) struct Filter {
    pub(super) meta: Meta,
    pub(super) source: LogSource,
    /// The rules by id or name; `None` for all of the log source.
    pub(super) rules: Option<Vec<String>>,
    /// What is taken away.
    pub(super) without: Expr,
    pub(super) missing: Vec<String>,
    pub(super) version: String,
}

/// Why a document is refused, and the names by which others refer to it.
#[derive(Clone, Debug)]
pub(super) struct Refused {
    pub(super) problems: Vec<Problem>,
    pub(super) names: Vec<String>,
    /// Of a filter, the rules that it would have been for.
    pub(super) filtered: Vec<String>,
    /// The rules that it counts, if it is a correlation.
    pub(super) counted: Vec<String>,
}

/// Reads a document.
pub(super) fn read(document: Document, placeholders: &Placeholders) -> Result<Rule, Box<Refused>> {
    let file = document.file.clone();
    let mut problems = Problems::of(&file);
    let mut names = names_of(&document.tree);
    let [filtered, counted] = ["filter", "correlation"].map(|section| rules_of(&document.tree, section));
    let title = names.pop().unwrap_or_default();
    let mut canonical = String::new();
    if let Node::Map(entries) = &document.tree.node {
        for (key, value) in entries {
            if matches!(key.text.as_str(), "logsource" | "detection" | "correlation" | "filter" | "taxonomy") {
                canonical.push_str(&key.text);
                value.node.canonical(&mut canonical);
            }
        }
    }
    let read = document
        .tree
        .section("A Sigma rule", &mut problems)
        .and_then(|section| any(&file, section, placeholders, canonical, &mut problems));
    match read {
        Some(rule) if problems.is_empty() => Ok(rule),
        _ => {
            let said = |problem: Problem| Problem {
                says: format!("Sigma rule \u{201c}{title}\u{201d} is refused: {}", problem.says),
                ..problem
            };
            let problems = problems.into_list().into_iter().map(said).collect();
            Err(Box::new(Refused { problems, names, filtered, counted }))
        }
    }
}

fn any(
    file: &str,
    mut section: Section,
    placeholders: &Placeholders,
    version: String,
    problems: &mut Problems,
) -> Option<Rule> {
    let mut meta = Meta::take(file, &mut section, problems);
    let mut slips = Vec::new();
    let line = section.line;
    let parts = ["detection", "correlation", "filter"];
    let has: Vec<&str> = parts.into_iter().filter(|part| section.has(part)).collect();
    match has.as_slice() {
        ["detection"] => {
            let source = source(&mut section, &mut slips, problems);
            let (when, condition, missing) = detection(section.take("detection")?, placeholders, problems)?;
            keep(&mut meta, slips, section);
            Some(Rule::Detection(Detection { meta: meta?, source: source?, when, condition, missing, version }))
        }
        ["correlation"] => {
            let generate = section.take("generate");
            let inner = section.take("correlation")?;
            keep(&mut meta, slips, section);
            Some(Rule::Correlation(Correlation::read(meta, inner, generate, version, problems)?))
        }
        ["filter"] => {
            let source = source(&mut section, &mut slips, problems);
            let (rules, without, missing) = filter(section.take("filter")?, placeholders, problems)?;
            keep(&mut meta, slips, section);
            Some(Rule::Filter(Filter { meta: meta?, source: source?, rules, without, missing, version }))
        }
        [] => {
            problems
                .add(line, "it has neither `detection` nor `correlation` nor `filter`. Add what it is to look for.");
            None
        }
        several => {
            problems.add(line, format!("it has {} at once. Write a document for each.", several.join(" and ")));
            None
        }
    }
}

fn source(section: &mut Section, slips: &mut Vec<Slip>, problems: &mut Problems) -> Option<LogSource> {
    let value = section.demand("logsource", "Name category, product or service.", problems)?;
    LogSource::read(value, slips, problems)
}

/// Keeps what may be a slip in the document of which `rest` is left.
fn keep(meta: &mut Option<Meta>, mut slips: Vec<Slip>, mut rest: Section) {
    slips.extend(slips::of_document(&rest.rest()));
    if let Some(meta) = meta {
        meta.slips = slips;
    }
}

/// Reads search identifiers and the condition on them.
fn detection(
    value: Located,
    placeholders: &Placeholders,
    problems: &mut Problems,
) -> Option<(Expr, String, Vec<String>)> {
    let line = value.line;
    let mut section = value.section("`detection`", problems)?;
    let condition = section.demand("condition", "Say which search identifiers must hold.", problems);
    if section.has("timeframe") {
        problems
            .add(line, "it has a `timeframe`, which Sigma no longer has. Write a correlation with `timespan` instead.");
        return None;
    }
    let (selections, missing) = selections(section, placeholders, problems)?;
    if selections.is_empty() {
        problems.add(line, "`detection` has no search identifier. Add one, such as `selection`.");
        return None;
    }
    let condition = condition?;
    let line = condition.line;
    let texts = condition.texts("`condition`", problems);
    let mut any = Vec::new();
    for (text, _) in &texts {
        match condition::compile(text, &selections) {
            Ok(expr) => any.push(expr),
            Err(says) => problems.add(line, says),
        }
    }
    let written = texts.iter().map(|(text, _)| text.as_str()).collect::<Vec<_>>().join(", or: ");
    (any.len() == texts.len() && !any.is_empty()).then(|| (Expr::any(any), written, missing))
}

fn selections(
    mut section: Section,
    placeholders: &Placeholders,
    problems: &mut Problems,
) -> Option<(Selections, Vec<String>)> {
    let mut reader = Reader { placeholders, missing: Vec::new(), problems };
    let mut sound = true;
    let mut selections = Selections::new();
    for (key, value) in section.rest() {
        match reader.selection(&key.text, value) {
            Some(expr) => selections.push((key.text, expr)),
            None => sound = false,
        }
    }
    sound.then_some((selections, reader.missing))
}

/// Reads the rules that a filter is for, and what it takes away from them.
fn filter(
    value: Located,
    placeholders: &Placeholders,
    problems: &mut Problems,
) -> Option<(Option<Vec<String>>, Expr, Vec<String>)> {
    let mut section = value.section("`filter`", problems)?;
    let rules = section.demand("rules", "List the ids or names of rules, or write `any`.", problems)?;
    let named = rules.texts("A rule's id or name", problems);
    let all = named.len() == 1 && named.first().is_some_and(|(name, _)| is_all(name));
    if named.is_empty() {
        problems.add(rules.line, "`rules` is empty. List the ids or names of rules, or write `any`.");
    }
    let condition = section.demand("condition", "Write `condition: selection`.", problems);
    let (selections, missing) = selections(section, placeholders, problems)?;
    let text = condition?.text("`condition`", problems)?;
    let holds = match condition::compile(&text, &selections) {
        Ok(expr) => expr,
        Err(says) => {
            problems.add(rules.line, says);
            return None;
        }
    };
    // Both ways to write it mean that what is selected is taken away: the specification's `selection`, and the
    // `not selection` of tools that add the condition to the rule's own with `and`.
    let without = match (is_negated(&text), holds) {
        (true, Expr::Not(inner)) => *inner,
        (true, other) => Expr::Not(Box::new(other)),
        (false, other) => other,
    };
    let rules = (!all).then(|| named.into_iter().map(|(name, _)| name).collect());
    Some((rules, without, missing))
}

/// Tells whether a filter's condition begins with the word `not`, in brackets or not: then it is one that is added to
/// the rule's own. A selection may be called `not_prod`, and may hold a `neq` of its own.
fn is_negated(condition: &str) -> bool {
    let first = condition.trim_start_matches(|sign: char| sign == '(' || sign.is_whitespace());
    let rest = first.get(..3).filter(|word| word.eq_ignore_ascii_case("not")).map(|_| &first[3..]);
    rest.is_some_and(|rest| rest.starts_with(|sign: char| sign == '(' || sign.is_whitespace()))
}

/// Tells whether a filter says by this that it is for all rules.
pub(super) fn is_all(name: &str) -> bool {
    name.eq_ignore_ascii_case("any") || name.eq_ignore_ascii_case("all")
}

/// Returns the names by which others refer to a document; the last is how to call it in a message.
fn names_of(tree: &Located) -> Vec<String> {
    let Node::Map(entries) = &tree.node else { return vec!["a document".to_owned()] };
    let text = |name: &str| {
        entries.iter().find(|(key, _)| key.text == name).and_then(|(_, value)| match &value.node {
            Node::Text(text) => Some(text.trim().to_owned()),
            Node::Number(number) => Some(number.to_string()),
            _ => None,
        })
    };
    let mut names: Vec<String> = [text("id"), text("name")].into_iter().flatten().collect();
    let called = text("title").or_else(|| names.first().cloned()).unwrap_or_else(|| "without a title".to_owned());
    names.push(called.chars().take(100).collect());
    names
}

/// Returns the rules that a `section` names: a filter, or a correlation.
fn rules_of(tree: &Located, section: &str) -> Vec<String> {
    let Node::Map(entries) = &tree.node else { return Vec::new() };
    let inner = |entries: &[(crate::posture::document::Key, Located)], name: &str| {
        entries.iter().find(|(key, _)| key.text == name).map(|(_, value)| value.node.clone())
    };
    let Some(Node::Map(filter)) = inner(entries, section) else { return Vec::new() };
    let text = |node: Node| if let Node::Text(text) = node { Some(text) } else { None };
    match inner(&filter, "rules") {
        Some(Node::List(items)) => items.into_iter().filter_map(|item| text(item.node)).collect(),
        Some(one) => text(one).into_iter().collect(),
        None => Vec::new(),
    }
}

/// Returns the fields of `when` that hold a person's name and are compared with a text.
pub(super) fn personal(when: &Expr) -> Vec<String> {
    let mut found = BTreeSet::new();
    collect(when, &mut found);
    found.into_iter().collect()
}

fn collect(expr: &Expr, found: &mut BTreeSet<String>) {
    match expr {
        Expr::All(parts) | Expr::Any(parts) => parts.iter().for_each(|part| collect(part, found)),
        Expr::Not(inner) | Expr::Named(_, inner) => collect(inner, found),
        Expr::Is(Asked::Field(name), sound) if is_personal(name) && sound.test.compares() => {
            found.insert(name.clone());
        }
        _ => {}
    }
}
