//! What does a `baseline` ask?

use std::time::Duration;

use crate::detection::{Baselining, Counting, Measured};
use crate::posture::Problems;
use crate::posture::document::{Located, Node, Section, unknown};

use super::values::{count, duration, named};

const HOUR: Duration = Duration::from_hours(1);
/// The least that may be asked for at most: sums are of bytes too.
const MOST: i64 = 4_000_000_000;

/// Reads what of each bucket is held against what is normal.
pub(super) fn measured(section: &mut Section, problems: &mut Problems) -> Option<Measured> {
    let usual = if section.has("of") { "sum" } else { "count" };
    let others: [&'static str; 2] = if section.has("of") { ["sum", "average"] } else { [usual, usual] };
    Some(match named(section, "measure", others, problems)? {
        "sum" => Measured::Sum,
        "average" => Measured::Average,
        _ => Measured::Count,
    })
}

pub(super) fn baseline(measured: Option<Measured>, section: &mut Section, problems: &mut Problems) -> Option<Counting> {
    let mut or = |key: &str, usual: Duration, problems: &mut Problems| {
        if section.has(key) { duration(section, key, problems) } else { Some(usual) }
    };
    let every = or("every", HOUR, problems);
    let learn = or("learn", 7 * 24 * HOUR, problems);
    if every.is_some_and(|every| every.as_secs() < 60 || !3_600_u64.is_multiple_of(every.as_secs())) {
        problems.add(section.line, "`every` must be a part of an hour, from `1m` to `1h`, such as `10m`.");
        return None;
    }
    if learn.is_some_and(|learn| learn > 4 * 7 * 24 * HOUR) {
        problems.add(section.line, "`learn` is at most `28d`: no more is remembered.");
        return None;
    }
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
