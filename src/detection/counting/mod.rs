//! How does a detector count? From YAML to a [`Counting`] and what it is keyed by.
//!
//! A detector has exactly one kind. The ceilings here bound what the engine keeps for one entity: at
//! most 10,000 times, a million values (sketched beyond 1,024) and 8 steps.

mod seasonal;
mod steps;
mod values;

use std::time::Duration;

use crate::posture::Problems;
use crate::posture::document::Section;
use crate::telemetry::EntityKind;

use super::condition::Condition;
use super::finders::Named;
use super::rule::{Term, Weigh};
use super::scene::entity_kind;
use super::spec::level_named;
use super::when;
use super::{Bulk, Counting, Level, Only, Risking, Traveling};
use seasonal::baseline;
use steps::sequence;
use values::{apart, count, duration, missing, no_entity, number, path, share, terms, window};

/// The kinds of counting, as detectors write them.
pub(super) const KINDS: [&str; 13] = [
    "match",
    "threshold",
    "distinct",
    "ratio",
    "sum",
    "average",
    "percentile",
    "sequence",
    "first_seen",
    "absence",
    "baseline",
    "risk",
    "travel",
];
const MOST: i64 = 10_000;
/// Different values that a detector may ask for: beyond 1,024 they are sketched.
const MOST_VALUES: i64 = 1_000_000;
/// Values of an entity that shows few.
const MOST_FEW: i64 = 500;

/// What the counting part of a detector says.
pub(super) struct Counted {
    pub(super) counting: Counting,
    pub(super) by: Vec<Term>,
    pub(super) entity: EntityKind,
    pub(super) value: Vec<Term>,
    /// How the value becomes a signal's.
    pub(super) weigh: Weigh,
    /// A condition for each step of a sequence; empty for the other kinds.
    pub(super) steps: Vec<Condition>,
    /// What the steps name whose findings they take.
    pub(super) finders: Vec<Named>,
}

/// Takes the one kind of counting out of a detector's keys.
pub(super) fn take(detector: &mut Section, problems: &mut Problems) -> Option<Counted> {
    let found: Vec<_> = KINDS.into_iter().filter_map(|kind| Some((kind, detector.take(kind)?))).collect();
    if found.len() != 1 {
        let got = found.iter().map(|(kind, _)| *kind).collect::<Vec<_>>().join(" and ");
        let got = if got.is_empty() { "none".to_owned() } else { got };
        let line = found.first().map_or(detector.line, |(_, value)| value.line);
        problems.add(
            line,
            format!("A detector counts in exactly one way, this one has {got}. Use one of: {}.", KINDS.join(", ")),
        );
    }
    let (kind, value) = found.into_iter().next()?;
    let mut section = value.section(&format!("`{kind}`"), problems)?;
    let counted = kind_of(kind, &mut section, problems);
    apart(kind, &mut section, problems);
    section.finish(&format!("a key of `{kind}`"), keys(kind), problems);
    counted
}

fn keys(kind: &str) -> &'static [&'static str] {
    match kind {
        "match" => &["by"],
        "threshold" => &["by", "at_least", "within", "window"],
        "distinct" => &["count", "by", "more_than", "within", "window"],
        "ratio" => &["of", "by", "at_least", "among", "within", "window"],
        "sum" => &["of", "by", "more_than", "within", "window"],
        "average" => &["of", "by", "more_than", "among", "within", "window"],
        "percentile" => &["of", "rank", "by", "more_than", "among", "within", "window"],
        "sequence" => &["by", "within", "steps", "order", "gap"],
        "first_seen" => &["of", "by", "learn", "forget", "few", "settled", "bulk"],
        "travel" => &["by", "latitude", "longitude", "faster_than", "at_least", "within"],
        "risk" => &["by", "at_least", "half_life", "tactics"],
        "baseline" => &["by", "of", "count", "measure", "every", "learn", "tolerance", "side", "at_least"],
        _ => &["by", "after", "at_least", "once", "expected", "within", "missing", "learn"],
    }
}

fn kind_of(kind: &str, section: &mut Section, problems: &mut Problems) -> Option<Counted> {
    let by = by(section, problems);
    let (mut value, mut steps, mut weigh) = (Vec::new(), Vec::new(), Weigh::Hash);
    let mut finders = Vec::new();
    let counting = match kind {
        "match" => Some(Counting::Match),
        "threshold" => {
            let at_least = count(section, "at_least", MOST, problems);
            let within = window(section, problems);
            at_least.zip(within).map(|(at_least, within)| Counting::Threshold { at_least, within })
        }
        "distinct" => {
            value = terms(section, "count", problems);
            let more_than = count(section, "more_than", MOST_VALUES, problems);
            let within = window(section, problems);
            more_than.zip(within).map(|(more_than, within)| Counting::Distinct { more_than, within })
        }
        "ratio" => {
            let of =
                section.demand("of", "Say which events the share is of, such as `of: { outcome: failure }`.", problems);
            weigh = of.map_or(Weigh::Hash, |of| Weigh::Part(when::compile(of, problems)));
            ratio(section, problems)
        }
        "sum" | "average" | "percentile" => {
            value = number(section, problems);
            weigh = Weigh::Number;
            of_number(kind, section, problems)
        }
        "sequence" => {
            let (read, counting) = sequence(by.as_ref().map_or(&[], |(by, _)| by), section, problems);
            (steps, finders) = (read.conditions, read.finders);
            counting
        }
        "first_seen" => {
            value = terms(section, "of", problems);
            first_seen(section, problems)
        }
        "risk" => risk(by.as_ref().map_or(&[], |(by, _)| by), section, problems),
        "travel" => {
            let paths = path(section, "latitude", problems).zip(path(section, "longitude", problems));
            weigh = paths.map_or(Weigh::Hash, |paths| Weigh::Place(Box::new(paths)));
            travel(section, problems)
        }
        "baseline" => {
            let what = seasonal::what(section, problems);
            let measured = what.as_ref().map(|(measured, ..)| *measured);
            (value, weigh) = what.map_or((Vec::new(), Weigh::Hash), |(_, value, weigh)| (value, weigh));
            baseline(measured, section, problems)
        }
        _ => {
            let (conditions, counting) = absence(section, problems);
            steps = conditions;
            counting
        }
    };
    let (by, entity) = by?;
    Some(Counted { counting: counting?, by, entity, value, weigh, steps, finders })
}

/// Reads one of the three ways to be absent.
fn absence(section: &mut Section, problems: &mut Problems) -> (Vec<Condition>, Option<Counting>) {
    if section.has("missing") {
        let missing = missing(section, problems);
        let learn = duration(section, "learn", problems);
        let rhythm = missing.zip(learn);
        let rhythm = rhythm.map(|((missing, minutes), learn)| Counting::Rhythm { missing, minutes, learn });
        return (Vec::new(), rhythm);
    }
    if section.has("once") || section.has("expected") {
        let mut steps = Vec::new();
        for (key, mend) in [("once", "Say what must be followed."), ("expected", "Say what must follow.")] {
            let when = section.demand(key, mend, problems);
            steps.extend(when.map(|when| when::compile(when, problems)));
        }
        let within = duration(section, "within", problems).filter(|_| steps.len() == 2);
        return (steps, within.map(|within| Counting::Unanswered { within }));
    }
    let after = duration(section, "after", problems);
    let at_least = count(section, "at_least", MOST, problems);
    (Vec::new(), after.zip(at_least).map(|(after, at_least)| Counting::Absence { after, at_least }))
}

fn risk(by: &[Term], section: &mut Section, problems: &mut Problems) -> Option<Counting> {
    if by.len() > 1 || by.iter().any(|term| term.sole().is_none()) {
        problems.add(section.line, "`by` of `risk` takes one field: evidence is about one entity.");
    }
    let at_least = count(section, "at_least", MOST, problems);
    let half_life = duration(section, "half_life", problems);
    let tactics = if section.has("tactics") { count(section, "tactics", 14, problems) } else { Some(2) };
    Some(Counting::Risk(Risking { at_least: at_least?, tactics: tactics?, half_life: half_life? }))
}

fn travel(section: &mut Section, problems: &mut Problems) -> Option<Counting> {
    let faster_than = count(section, "faster_than", MOST, problems);
    let at_least = count(section, "at_least", MOST, problems);
    let within = duration(section, "within", problems);
    Some(Counting::Travel(Traveling { faster_than: faster_than?, at_least: at_least?, within: within? }))
}

fn first_seen(section: &mut Section, problems: &mut Problems) -> Option<Counting> {
    let learn = if section.has("learn") { duration(section, "learn", problems) } else { Some(Duration::ZERO) };
    let forget = duration(section, "forget", problems);
    let few = if section.has("few") { count(section, "few", MOST_FEW, problems).map(Some) } else { Some(None) };
    let settled = if section.has("settled") { duration(section, "settled", problems).map(Some) } else { Some(None) };
    let bulk = match section.take("bulk") {
        None => Some(None),
        Some(value) => value.section("`bulk`", problems).and_then(|bulk| bulk_of(bulk, forget, problems)).map(Some),
    };
    let only = Only { few: few?, settled: settled? };
    Some(Counting::FirstSeen { learn: learn?, forget: forget?, bulk: bulk?, only })
}

/// Reads when many new values at once are one event.
fn bulk_of(mut section: Section, forget: Option<Duration>, problems: &mut Problems) -> Option<Bulk> {
    let more_than = count(&mut section, "more_than", MOST, problems);
    let within = duration(&mut section, "within", problems);
    let level = match section.take("level") {
        None => Some(Level::Low),
        Some(level) => level.text("`level`", problems).and_then(|name| level_named(&name, level.line, problems)),
    };
    if within.zip(forget).is_some_and(|(within, forget)| within > forget) {
        problems.add(section.line, "`within` of `bulk` is longer than `forget`. Make it minutes.");
    }
    section.finish("a key of `bulk`", &["more_than", "within", "level"], problems);
    Some(Bulk { more_than: more_than?, within: within?, level: level? })
}

fn ratio(section: &mut Section, problems: &mut Problems) -> Option<Counting> {
    let at_least = share(section, "at_least", problems);
    let among = count(section, "among", MOST, problems);
    let within = window(section, problems);
    Some(Counting::Ratio { at_least: at_least?, among: among?, within: within? })
}

/// Reads what is asked of a number.
fn of_number(kind: &str, section: &mut Section, problems: &mut Problems) -> Option<Counting> {
    let more_than = section.demand("more_than", "Write a number, such as `more_than: 5000`.", problems);
    let more_than = more_than.and_then(|limit| limit.number("`more_than`", 0, i64::MAX, problems));
    let rank = (kind == "percentile").then(|| {
        let rank = section.demand("rank", "Write a percentage from 1 to 99, such as `rank: 95`.", problems)?;
        rank.number("`rank`", 1, 99, problems)
    });
    let among = if kind == "sum" { Some(1) } else { count(section, "among", MOST, problems) };
    let within = window(section, problems);
    let (more_than, among, within) = (more_than?, among?, within?);
    Some(match rank {
        Some(rank) => Counting::Percentile { rank: u8::try_from(rank?).ok()?, more_than, among, within },
        None => Counting::Amount { average: kind == "average", more_than, among, within },
    })
}

/// Reads `by`: its first term names the entity, so all its alternatives are of one kind of entity.
fn by(section: &mut Section, problems: &mut Problems) -> Option<(Vec<Term>, EntityKind)> {
    let line = section.line;
    let terms = terms(section, "by", problems);
    let first = terms.first()?;
    let kinds: Vec<_> = first.fields().map(entity_kind).collect();
    let entity = kinds.first().copied().flatten();
    if entity.is_none() || kinds.iter().any(|kind| *kind != entity) {
        problems.add(line, no_entity(first));
        return None;
    }
    Some((terms, entity?))
}

#[cfg(test)]
mod tests;
