//! Sequences that go by what others find, against a slow and obvious telling of them.

use crate::detection::engine::trial::{Reading, detector, engine, read};
use crate::detection::{Detector, Finders, Finding};

use super::sequences::row;
use super::*;

/// What steps take: events, or what one of two detectors finds.
const EVENTS: &str = "";
const STEPS: [&[&str]; 7] = [
    &["a", EVENTS],
    &[EVENTS, "a"],
    &["a", "b"],
    &["b", EVENTS, "a"],
    &[EVENTS, "b", EVENTS],
    &["a", EVENTS, EVENTS],
    &[EVENTS, EVENTS, "b"],
];

fn finders(step: &&str) -> Finders {
    let detectors = if *step == EVENTS { Vec::new() } else { vec![(*step).into()] };
    Finders { detectors, families: Vec::new() }
}

/// Two that find something in events, and one that goes by what they find.
fn detectors(sequence: Counting, quiet: u64) -> Vec<Detector> {
    vec![
        detector("a", Counting::Threshold { at_least: 3, within: secs(20).into() }, 5),
        detector("b", Counting::Distinct { more_than: 2, within: secs(30).into() }, 9),
        detector("c", sequence, quiet),
    ]
}

fn found_by(name: &str, found: &[Finding]) -> Vec<Finding> {
    found.iter().filter(|one| *one.detector == *name).cloned().collect()
}

proptest! {
    #[test]
    fn a_sequence_of_findings_and_events_is_what_it_says(
        by_others in prop::collection::vec((0_u64..3, 0_i64..200, 0_u64..6, 0_u8..2), 0..120),
        own in said(), steps in prop::sample::select(STEPS.to_vec()), more in 0_usize..3, within in 0_i64..80,
        quiet in 0_i64..60,
        delays in prop::collection::vec(0_i64..30, 1..9), ticks in prop::collection::vec(prop::bool::weighted(0.4), 3..17),
    ) {
        let mut counts = vec![1_u32; steps.len()];
        counts[more % steps.len()] = 2;
        let found = steps.iter().map(finders).collect();
        let counting = Counting::Sequence {
            steps: counts.clone(), within: secs(within), gap: None, any_order: false, found,
        };
        let own: Vec<Said> = own.into_iter().filter(|event| steps.get(usize::from(event.3)) == Some(&EVENTS)).collect();
        // No two share half a hash, so none is one with another.
        let hash = |n: usize| (n as u128 + 1) << 40;
        let others = by_others.iter().enumerate().map(|(n, &(who, at, value, number))| {
            Signal { detector: number.into(), ..signal_of(who, at, value, 0, hash(n)) }
        });
        let its = own.iter().enumerate().map(|(n, &(who, at, value, step))| {
            Signal { detector: 2, ..signal_of(who, at, value, step, hash(n + 1_000)) }
        });
        let mut signals: Vec<Signal> = others.chain(its).collect();
        signals.sort_by_key(|signal| signal.time);
        let reading = Reading { delays, ticks, epochs: vec![false], kills: vec![false] };
        let found = read(&reading, signals, || engine(detectors(counting.clone(), quiet as u64)), END);

        let place = |name: &str| (0_u8..).zip(steps).find(|(_, step)| **step == name).map(|(place, _)| place);
        let mut said = own;
        for name in ["a", "b"] {
            let Some(step) = place(name) else { continue };
            let fired = found_by(name, &found).into_iter().filter(|one| one.fired);
            said.extend(fired.map(|one| {
                let who = one.entity.value.rsplit_once('.').unwrap().1.parse().unwrap();
                (who, one.at.nanos() / 1_000_000_000, 0, step)
            }));
        }
        said.sort_by_key(|event| (event.1, event.3));
        let last = counts.len() as u8 - 1;
        let fires = |since: &[Said]| row(&counts, within, i64::MAX, since);
        let mut told = slowly_anew(&said, quiet, fires, |event| event.3 == last);
        told.sort();
        prop_assert_eq!(attacks(&found_by("c", &found)), told);
    }
}
