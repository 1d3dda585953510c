//! What does a Sigma rule ask, clause by clause, and what does an event say there? For `explain`.
//!
//! A [`Walk`] holds the rules that one detector counts, compiled once more and apart from the [`Set`](super::Set) that
//! runs, with the names that selections and fields have in the rule. So it costs a daemon nothing, and looks at a record
//! as the set does. It tells at most [`MOST_CLAUSES`] clauses of a rule, and how many it left out.

use crate::detection::examine::Look;
use crate::redaction::RedactedEvent;
use crate::telemetry::Category;

use super::cond::Cond;
use super::expr::{Asked, Expr};
use super::load::{Ready, Rules};
use super::reading::{Reading, Slots};
use super::set::{Asks, Building, Target};
use super::test::number;
use super::tree::Tree;

/// Clauses of a rule that are told.
const MOST_CLAUSES: usize = 500;

/// The rules that one detector counts.
#[derive(Clone, Debug)]
pub struct Walk {
    rules: Vec<Walked>,
}

/// A rule that a detector counts.
#[derive(Clone, Debug)]
struct Walked {
    title: String,
    source: String,
    condition: String,
    target: Target,
    /// What it asks of the records of each of its categories.
    asks: Vec<InCategory>,
}

/// What a rule asks of the records of one category.
#[derive(Clone, Debug)]
struct InCategory {
    category: Category,
    slots: Slots,
    tree: Tree,
    by: Vec<u16>,
    value: Vec<u16>,
}

impl Rules {
    /// Returns the rules that the detector `id` counts, to be looked at clause by clause; `None` if it is none of
    /// these.
    pub fn walk(&self, id: &str) -> Option<Walk> {
        let of = |ready: &Ready| {
            let targets = ready.targets.iter().filter(|(target, _)| target == id);
            targets.map(|(_, target)| Walked::new(ready, target)).collect::<Vec<_>>()
        };
        let mut rules: Vec<Walked> = self.detections.iter().flat_map(of).collect();
        rules.sort_by_key(|rule| rule.target.step);
        (!rules.is_empty()).then_some(Walk { rules })
    }
}

impl Walk {
    /// Says what its rules ask for, and by what a correlation keeps events apart; a line each.
    pub fn describe(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for rule in &self.rules {
            lines.push(format!("{}, log source {}", self.name(rule), rule.source));
            lines.push(format!("  condition: {}", rule.condition));
            let Some(asks) = rule.asks.first() else { continue };
            let mut clauses = asks.tree.clauses(None);
            let left_out = clauses.len().saturating_sub(MOST_CLAUSES);
            clauses.truncate(MOST_CLAUSES);
            lines.extend(clauses.iter().map(|one| format!("{}{}", "  ".repeat(one.depth + 1), one.asks)));
            if left_out > 0 {
                lines.push(format!("  and {left_out} clauses more"));
            }
            lines.extend(rule.counts().map(|counts| format!("  {counts}")));
        }
        lines
    }

    /// Returns what each rule says to `event` that looks at records of its category.
    pub(in crate::detection) fn looks(&self, event: &RedactedEvent<'_>) -> Vec<Look> {
        let look = |rule: &Walked| {
            let asks = rule.of(event)?;
            let mut reading = Reading::new(&asks.slots, event);
            let holds = asks.tree.holds(&mut reading);
            let mut clauses = asks.tree.clauses(Some(&mut reading));
            clauses.truncate(MOST_CLAUSES);
            let of = if self.rules.len() > 1 { self.name(rule) } else { String::new() };
            Some(Look { of, holds, clauses })
        };
        self.rules.iter().filter_map(look).collect()
    }

    /// Says why an event gives no signal, where that is no clause's doing.
    pub(in crate::detection) fn why_not(&self, event: &RedactedEvent<'_>) -> Option<String> {
        let concerned: Vec<(&Walked, &InCategory)> =
            self.rules.iter().filter_map(|rule| Some((rule, rule.of(event)?))).collect();
        if concerned.is_empty() {
            return Some(format!("its log source is {}, and this record is of another", self.sources()));
        }
        let lacks = |(rule, asks): &(&Walked, &InCategory)| {
            let mut reading = Reading::new(&asks.slots, event);
            if asks.tree.holds(&mut reading) { rule.lacks(asks, &mut reading) } else { None }
        };
        concerned.iter().find_map(lacks)
    }

    /// Returns the name by which the plan of a correlation calls a rule.
    fn name(&self, rule: &Walked) -> String {
        if self.rules.len() > 1 {
            format!("rule {}, \u{201c}{}\u{201d}", u32::from(rule.target.step) + 1, rule.title)
        } else {
            format!("\u{201c}{}\u{201d}", rule.title)
        }
    }

    fn sources(&self) -> String {
        let mut sources: Vec<&str> = self.rules.iter().map(|rule| rule.source.as_str()).collect();
        sources.dedup();
        sources.join("; ")
    }
}

impl Walked {
    fn new(ready: &Ready, target: &Target) -> Self {
        let detection = &ready.detection;
        let of = Asks {
            expr: &detection.when,
            table: ready.reach.table,
            taxonomy: detection.meta.taxonomy,
            writers: &ready.reach.writers,
            targets: &[],
        };
        let asks = ready.reach.categories.iter().map(|category| InCategory::new(*category, &of, target)).collect();
        Self {
            title: detection.meta.title.clone(),
            source: detection.source.to_string(),
            condition: detection.condition.clone(),
            target: target.clone(),
            asks,
        }
    }

    fn of(&self, event: &RedactedEvent<'_>) -> Option<&InCategory> {
        self.asks.iter().find(|asks| asks.category == event.category())
    }

    /// Says what a correlation groups by and counts; `None` where the rule stands alone.
    fn counts(&self) -> Option<String> {
        let by = self.target.by.as_ref()?;
        let grouped = if by.fields.is_empty() {
            "counted for all together".to_owned()
        } else {
            format!("counted for each {}", by.fields.join(", "))
        };
        let what = if self.target.measured { "whose number is taken" } else { "whose values are told apart" };
        let value = &self.target.value;
        Some(if value.is_empty() { grouped } else { format!("{grouped}; {}, {what}", value.join(", ")) })
    }

    /// Says what an event lacks that is grouped by or counted.
    fn lacks(&self, asks: &InCategory, reading: &mut Reading<'_, '_, '_>) -> Option<String> {
        let fields = self.target.by.as_ref().map_or(&[][..], |by| &by.fields);
        let missing = |names: &[String], slots: &[u16], reading: &mut Reading<'_, '_, '_>| {
            names.iter().zip(slots).find(|(_, slot)| reading.first(**slot).is_none()).map(|(name, _)| name.clone())
        };
        if let Some(name) = missing(fields, &asks.by, reading) {
            return Some(format!("it lacks `{name}`, which is grouped by"));
        }
        if let Some(name) = missing(&self.target.value, &asks.value, reading) {
            return Some(format!("it lacks `{name}`, which is counted"));
        }
        let measured = asks.value.first().filter(|_| self.target.measured).and_then(|slot| reading.first(*slot))?;
        let name = self.target.value.first()?;
        number(measured).is_none().then(|| format!("what `{name}` says is no number"))
    }
}

impl InCategory {
    fn new(category: Category, of: &Asks<'_>, target: &Target) -> Self {
        let mut building = Building::default();
        let mut tree = tree(of.expr, &mut building, of);
        if let Some(written) = of.written(category) {
            let written = self::tree(&written, &mut building, of);
            tree = match tree {
                Tree::All(mut all) => {
                    all.insert(0, written);
                    Tree::All(all)
                }
                one => Tree::All(vec![written, one]),
            };
        }
        let mut slots = |names: &[String]| -> Vec<u16> {
            names.iter().map(|name| building.slot(Asked::Field(name.clone()), of)).collect()
        };
        let by = target.by.as_ref().map(|by| slots(&by.fields)).unwrap_or_default();
        let value = slots(&target.value);
        Self { category, tree, by, value, slots: building.slots() }
    }
}

fn tree(expr: &Expr, building: &mut Building, of: &Asks<'_>) -> Tree {
    let mut all = |parts: &[Expr]| parts.iter().map(|part| tree(part, building, of)).collect();
    match expr {
        Expr::All(parts) => Tree::All(all(parts)),
        Expr::Any(parts) => Tree::Any(all(parts)),
        Expr::Not(inner) => Tree::Not(Box::new(tree(inner, building, of))),
        Expr::Named(name, inner) => Tree::Named(name.clone(), Box::new(tree(inner, building, of))),
        Expr::Is(asked, sound) => {
            let field = match asked {
                Asked::Field(name) => name.as_str(),
                Asked::Record => "the record",
                Asked::Writer => "what wrote the record",
            };
            leaf(format!("{field} {}", sound.test.asks()), building.cond(expr, of))
        }
        Expr::Same(one, how, other, _) => {
            use crate::detection::words::How;
            let how = match how {
                Some(How::Is) => "is what",
                Some(How::Starts) => "begins with what",
                Some(How::Ends) => "ends with what",
                None => "contains what",
            };
            leaf(format!("{one} {how} {other} says"), building.cond(expr, of))
        }
    }
}

fn leaf(asks: String, cond: Cond) -> Tree {
    Tree::Leaf { asks, cond }
}
