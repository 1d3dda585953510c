//! What does a `baseline` ask?

use std::time::Duration;

use crate::detection::rule::{Term, Weigh};
use crate::detection::{Baselining, Counting, Measured, when};
use crate::posture::Problems;
use crate::posture::document::{Located, Node, Section, unknown};

use super::values::{count, duration, number, terms};

const HOUR: Duration = Duration::from_hours(1);
/// The least that may be asked for at most: sums are of bytes too.
const MOST: i64 = 4_000_000_000;

/// What of each bucket is held against what is normal: how it is measured, the fields it is of, and how they become a
/// signal's value.
pub(super) type What = (Measured, Vec<Term>, Weigh);

/// Reads what of each bucket is held against what is normal.
pub(super) fn what(section: &mut Section, problems: &mut Problems) -> Option<What> {
    let Some(measured) = measured(section, problems) else {
        // What they say depends on what is measured.
        for key in ["of", "count"] {
            section.take(key);
        }
        return None;
    };
    // A key of another measure is told here, and not again as one that is unknown.
    let strange = match measured {
        Measured::Count => &["of", "count"][..],
        Measured::Distinct => &["of"],
        Measured::Sum | Measured::Average | Measured::Ratio => &["count"],
    };
    for key in strange {
        if let Some(value) = section.take(key) {
            problems.add(value.line, format!("`{key}` says nothing {}.", beside(measured)));
        }
    }
    Some(match measured {
        Measured::Count => (measured, Vec::new(), Weigh::Hash),
        Measured::Distinct => (measured, terms(section, "count", problems), Weigh::Hash),
        Measured::Sum | Measured::Average => (measured, number(section, problems), Weigh::Number),
        Measured::Ratio => {
            let mend = "Say which events the share is of, such as `of: { outcome: failure }`.";
            let of = section.demand("of", mend, problems)?;
            if !matches!(of.node, Node::Map(_)) {
                let got = of.node.describe();
                problems.add(of.line, format!("`of` of a ratio is a condition, not {got}. {mend}"));
                return None;
            }
            (measured, Vec::new(), Weigh::Part(when::compile(of, problems)))
        }
    })
}

fn beside(measured: Measured) -> &'static str {
    match measured {
        Measured::Count => "where events are counted: leave it out, or say what to `measure` of it",
        Measured::Distinct => "beside `measure: distinct`: name the field whose values are told apart in `count`",
        Measured::Ratio => "beside `measure: ratio`: its share is of what `of` says",
        Measured::Sum | Measured::Average => "of a number: leave it out, or write `measure: distinct`",
    }
}

/// Reads `measure`; without it, what the other keys say.
fn measured(section: &mut Section, problems: &mut Problems) -> Option<Measured> {
    const NAMES: [(&str, Measured); 5] = [
        ("count", Measured::Count),
        ("distinct", Measured::Distinct),
        ("sum", Measured::Sum),
        ("average", Measured::Average),
        ("ratio", Measured::Ratio),
    ];
    let Some(value) = section.take("measure") else {
        let usual = if section.has("of") { Measured::Sum } else { Measured::Count };
        return Some(if section.has("count") { Measured::Distinct } else { usual });
    };
    let text = value.text("`measure`", problems)?;
    let found = NAMES.iter().find(|(name, _)| *name == text);
    if found.is_none() {
        problems.add(value.line, unknown(&text, "a value of `measure`", NAMES.iter().map(|(name, _)| *name)));
    }
    found.map(|(_, measured)| *measured)
}

/// Reads how that is held against what is normal.
pub(super) fn baseline(measured: Option<Measured>, section: &mut Section, problems: &mut Problems) -> Option<Counting> {
    let line = section.line_of("every");
    let mut or = |key: &str, usual: Duration, problems: &mut Problems| {
        if section.has(key) { duration(section, key, problems) } else { Some(usual) }
    };
    let every = or("every", HOUR, problems);
    let learn = or("learn", 7 * 24 * HOUR, problems);
    let every = every.filter(|every| {
        let is_part = every.as_secs() >= 60 && 3_600_u64.is_multiple_of(every.as_secs());
        let is_whole = measured != Some(Measured::Distinct) || *every == HOUR;
        if !is_part {
            problems.add(section.line, "`every` must be a part of an hour, from `1m` to `1h`, such as `10m`.");
        } else if !is_whole {
            problems.add(
                line,
                "`measure: distinct` looks at whole hours, and fires within them: different values of parts of an hour \
                 don't add up. Leave `every` out.",
            );
        }
        is_part && is_whole
    });
    let learn = learn.filter(|learn| {
        let is_known = *learn <= 4 * 7 * 24 * HOUR;
        if !is_known {
            problems.add(section.line, "`learn` is at most `28d`: no more is remembered.");
        }
        is_known
    });
    let at_least = if section.has("at_least") { count(section, "at_least", MOST, problems) } else { Some(10) };
    let tolerance = match section.take("tolerance") {
        None => Some(40),
        Some(value) => tolerance(&value, problems),
    };
    let side = match section.take("side") {
        None => Some((true, false)),
        Some(value) => match value.text("`side`", problems)?.as_str() {
            "above" => Some((true, false)),
            "below" => Some((false, true)),
            "both" => Some((true, true)),
            other => {
                problems.add(value.line, unknown(other, "a side", ["above", "below", "both"].into_iter()));
                None
            }
        },
    };
    let (every, learn, sides) = (every?, learn?, side?);
    let (measured, tolerance, at_least) = (measured?, tolerance?, at_least?);
    Some(Counting::Baseline(Baselining { measured, every, learn, tolerance, sides, at_least }))
}

/// Reads how far a value may stray, in tenths.
fn tolerance(value: &Located, problems: &mut Problems) -> Option<u16> {
    let number = match value.node {
        Node::Number(number) => number as f64,
        Node::Real(number) => number,
        _ => 0.0,
    };
    if !(2.0..=50.0).contains(&number) {
        let got = value.node.describe();
        problems.add(value.line, format!("`tolerance` must be a number from 2 to 50, not {got}. 4 is usual."));
        return None;
    }
    Some((number * 10.0).round() as u16)
}
