//! Travel and risk, against slow and obvious tellings of them.

use std::collections::BTreeMap;

use crate::detection::kinds::{pack_place, value_of};
use crate::detection::{Risking, Traveling};

use super::*;

/// Latitude and longitude of Berlin, Potsdam, Paris, Tokyo, and two places on either side of the date line.
const PLACES: [(f64, f64); 6] =
    [(52.52, 13.405), (52.39, 13.065), (48.857, 2.352), (35.676, 139.65), (-17.5, 179.5), (-17.5, -179.5)];

/// The angle between two directions from the middle of the earth, as kilometres on its face.
fn kilometres(a: (f64, f64), b: (f64, f64)) -> f64 {
    let direction = |(latitude, longitude): (f64, f64)| {
        let (up, round) = (latitude.to_radians(), longitude.to_radians());
        [up.cos() * round.cos(), up.cos() * round.sin(), up.sin()]
    };
    let (a, b) = (direction(a), direction(b));
    let across = [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
    let along: f64 = a.iter().zip(b).map(|(a, b)| a * b).sum();
    across.iter().map(|part| part * part).sum::<f64>().sqrt().atan2(along) * 6_371.0
}

/// What a finding is worth after some seconds: half after each half-life, in a straight line in between.
fn worth(level: Level, seconds: i64, half_life: i64) -> f64 {
    let whole = match level {
        Level::Informational => 2.0,
        Level::Low => 10.0,
        Level::Medium => 25.0,
        Level::High => 50.0,
        Level::Critical => 80.0,
    };
    let (lives, rest) = (seconds / half_life, seconds % half_life);
    let (before, after) = (whole / f64::from(1 << lives), whole / f64::from(2 << lives));
    before + (after - before) * rest as f64 / half_life as f64
}

/// What a finding of the random input is of: its detector, its tactic and its level.
fn finding(event: Said) -> (u64, u8, Level) {
    (event.2, (event.2 % 3) as u8, [Level::Low, Level::High, Level::Critical][usize::from(event.3)])
}

proptest! {
    #[test]
    fn travel_is_what_it_says(
        said in said(), faster_than in 1_u32..4_000, at_least in 1_u32..3_000, within in 0_i64..200, quiet in 0_i64..60,
    ) {
        // Ten minutes where the others have a second.
        let said: Vec<Said> = said.into_iter().map(|(who, at, value, step)| (who, at * 600, value, step)).collect();
        let (within, quiet) = (within * 600, quiet * 600);
        let placed = |(event, mut signal): (&Said, Signal)| {
            let (latitude, longitude) = PLACES[event.2 as usize];
            signal.value = pack_place(latitude, longitude).unwrap();
            signal
        };
        let signals: Vec<Signal> = said.iter().zip(signals(&said)).map(placed).collect();
        let asked = Traveling { faster_than, at_least, within: secs(within) };
        let found = at_once(Counting::Travel(asked), quiet as u64, &signals, END * 600);
        let too_far = |from: Said, to: Said| {
            let (far, apart) = (kilometres(PLACES[from.2 as usize], PLACES[to.2 as usize]), to.1 - from.1);
            // What is of one moment is taken to be a second apart.
            let speed = far / (apart.max(1) as f64 / 3_600.0);
            apart <= within && far >= f64::from(at_least) && speed > f64::from(faster_than)
        };
        let belongs = |all: &[Said], event: Said| all.last().is_some_and(|last| too_far(*last, event));
        let fires = |all: &[Said], event: Said| {
            let last = all[..all.len() - 1].last().filter(|last| too_far(**last, event));
            last.map(|last| (last.1, 2))
        };
        prop_assert_eq!(attacks(&found), slowly_since(&said, quiet, false, belongs, fires));
    }

    #[test]
    fn risk_is_what_it_says(
        // Fractions of these are exact, so that a score that is just enough is so here and there.
        said in said(), at_least in 1_u32..200, tactics in 1_u32..4, half_life in prop::sample::select(vec![4_i64, 8, 16, 32]),
        quiet in 0_i64..60,
    ) {
        let of_finding = |(event, mut signal): (&Said, Signal)| {
            let (detector, tactic, level) = finding(*event);
            (signal.value, signal.level) = (value_of(tactic, detector << 16), level);
            signal
        };
        let signals: Vec<Signal> = said.iter().zip(signals(&said)).map(of_finding).collect();
        let asked = Risking { at_least, tactics, half_life: secs(half_life) };
        let found = at_once(Counting::Risk(asked), quiet as u64, &signals, END);
        let fires = |since: &[Said], event: Said| {
            let worth = |one: Said, now: i64| worth(finding(one).2, now - one.1, half_life);
            let remembered = |one: &Said, now: i64| one.1 >= now - 8 * half_life;
            let mut counts: BTreeMap<u64, Said> = BTreeMap::new();
            for &one in since {
                // Of two of one detector that counts which is worth more when the second comes.
                let held = counts.get(&finding(one).0).copied().filter(|held| remembered(held, one.1));
                if held.is_none_or(|held| worth(one, one.1) >= worth(held, one.1)) {
                    counts.insert(finding(one).0, one);
                }
            }
            counts.retain(|_, one| remembered(one, event.1));
            let mut of_tactics: BTreeMap<u8, Vec<f64>> = BTreeMap::new();
            for one in counts.values() {
                of_tactics.entry(finding(*one).1).or_default().push(worth(*one, event.1));
            }
            let score: f64 = of_tactics.values().map(|of| {
                let heaviest = of.iter().copied().fold(0.0, f64::max);
                heaviest + (of.iter().sum::<f64>() - heaviest) / 2.0
            }).sum();
            let enough = counts.len() >= 2 && of_tactics.len() >= tactics as usize && score >= f64::from(at_least);
            enough.then(|| (counts.values().map(|one| one.1).min().unwrap(), counts.len() as u64))
        };
        prop_assert_eq!(attacks(&found), slowly(&said, quiet, |_, _| true, fires));
    }
}
