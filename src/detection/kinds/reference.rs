//! Each kind against a slow and obvious telling of what it means.

use std::collections::BTreeSet;
use std::time::Duration;

use proptest::prelude::*;

use crate::detection::engine::trial::{Told, at_once, attacks, signal_of};
use crate::detection::{Bulk, Counting, Level, Only, Share, Signal, Window};

mod evidence;
mod flips;
mod found;
mod seasons;
mod sequences;

/// Who, when, value, step.
type Said = (u64, i64, u64, u8);

const END: i64 = 400;

fn said() -> impl Strategy<Value = Vec<Said>> {
    prop::collection::vec((0_u64..3, 0_i64..200, 0_u64..6, 0_u8..3), 0..60).prop_map(|mut said| {
        said.sort_by_key(|&(_, at, _, step)| (at, step));
        said
    })
}

fn signals(said: &[Said]) -> Vec<Signal> {
    said.iter().zip(0..).map(|(&(who, at, value, step), n)| signal_of(who, at, value, step, n)).collect()
}

/// Tells the attacks of each entity: `fires` sees the events since the last attack and returns
/// the first of them and how many there are, `belongs` says which events prolong an attack.
fn slowly(
    said: &[Said],
    quiet: i64,
    belongs: impl FnMut(&[Said], Said) -> bool,
    fires: impl FnMut(&[Said], Said) -> Option<(i64, u64)>,
) -> Vec<Told> {
    slowly_since(said, quiet, true, belongs, fires)
}

/// The same; `afresh` says whether `fires` sees what came since the last attack alone.
fn slowly_since(
    said: &[Said],
    quiet: i64,
    afresh: bool,
    mut belongs: impl FnMut(&[Said], Said) -> bool,
    mut fires: impl FnMut(&[Said], Said) -> Option<(i64, u64)>,
) -> Vec<Told> {
    let mut told: Vec<Told> = Vec::new();
    for who in 0..3 {
        let (mut since, mut all, mut attack): (Vec<Said>, Vec<Said>, Option<Told>) = (Vec::new(), Vec::new(), None);
        for &event in said.iter().filter(|event| event.0 == who) {
            let at = event.1;
            if let Some(mut open) = attack.take() {
                if at <= open.3 + quiet {
                    if belongs(&all, event) {
                        (open.3, open.4) = (at, open.4 + 1);
                    }
                    attack = Some(open);
                    all.push(event);
                    continue;
                }
                told.push(open);
                since.clear();
            }
            since.push(event);
            all.push(event);
            if let Some((first, count)) = fires(if afresh { &since } else { &all }, event) {
                attack = Some((format!("203.0.113.{who}"), at, first, at, count));
                since.clear();
            }
        }
        told.extend(attack);
    }
    told.sort();
    told
}

/// Tells the attacks of each entity, of a kind that may fire anew while one goes on, four times at most. `beside` says what is counted and prolongs nothing.
fn slowly_anew(
    said: &[Said],
    quiet: i64,
    fires: impl Fn(&[Said]) -> Option<(i64, u64)>,
    beside: impl Fn(Said) -> bool,
) -> Vec<Told> {
    let mut told: Vec<Told> = Vec::new();
    for who in 0..3 {
        let mut of: Vec<Said> = said.iter().filter(|event| event.0 == who).copied().collect();
        of.sort_by_key(|event| (event.1, event.3));
        let (mut since, mut open): (Vec<Said>, Option<(i64, u32)>) = (Vec::new(), None);
        for event in of {
            let at = event.1;
            since.push(event);
            open = open.filter(|(last, _)| at <= last + quiet);
            match (fires(&since), &mut open) {
                (Some(row), None) => {
                    told.push((format!("203.0.113.{who}"), at, row.0, at, row.1));
                    open = Some((at, 4));
                    since.clear();
                }
                (Some(row), Some((last, left))) => {
                    *last = at;
                    since.clear();
                    if *left > 0 {
                        *left -= 1;
                        told.push((format!("203.0.113.{who}"), at, row.0, at, row.1));
                    } else if let Some(newest) = told.last_mut() {
                        (newest.3, newest.4) = (at, newest.4 + 1);
                    }
                }
                (None, Some(_)) if beside(event) => {
                    if let Some(newest) = told.last_mut() {
                        (newest.3, newest.4) = (at, newest.4 + 1);
                    }
                }
                _ => {}
            }
        }
    }
    told
}

fn window(since: &[Said], at: i64, within: i64) -> impl Iterator<Item = &Said> {
    since.iter().filter(move |event| event.1 >= at - within)
}

/// The events of the window at `at`, sliding or side by side.
fn lies(since: &[Said], at: i64, (within, tumbling): (i64, bool)) -> Vec<Said> {
    let start = if tumbling { at - at.rem_euclid(within) } else { at - within };
    since.iter().filter(|event| event.1 >= start).copied().collect()
}

fn windows() -> impl Strategy<Value = (i64, bool)> {
    (1_i64..80, any::<bool>())
}

fn span((within, tumbling): (i64, bool)) -> Window {
    Window { within: secs(within), tumbling }
}

fn secs(seconds: i64) -> Duration {
    Duration::from_secs(seconds as u64)
}

proptest! {
    #[test]
    fn match_is_what_it_says(said in said(), quiet in 0_i64..60) {
        let found = at_once(Counting::Match, quiet as u64, &signals(&said), END);
        prop_assert_eq!(attacks(&found), slowly(&said, quiet, |_, _| true, |_, event| Some((event.1, 1))));
    }

    #[test]
    fn threshold_is_what_it_says(said in said(), at_least in 1_u32..7, within in 0_i64..80, quiet in 0_i64..60) {
        let counting = Counting::Threshold { at_least, within: secs(within).into() };
        let found = at_once(counting, quiet as u64, &signals(&said), END);
        let fires = |since: &[Said], event: Said| {
            let count = window(since, event.1, within).count();
            (count >= at_least as usize).then(|| (window(since, event.1, within).next().unwrap().1, count as u64))
        };
        prop_assert_eq!(attacks(&found), slowly(&said, quiet, |_, _| true, fires));
    }

    #[test]
    fn a_tumbling_threshold_is_what_it_says(said in said(), at_least in 1_u32..7, of in windows(), quiet in 0_i64..60) {
        let found = at_once(Counting::Threshold { at_least, within: span(of) }, quiet as u64, &signals(&said), END);
        let fires = |since: &[Said], event: Said| {
            let inside = lies(since, event.1, of);
            (inside.len() >= at_least as usize).then(|| (inside[0].1, inside.len() as u64))
        };
        prop_assert_eq!(attacks(&found), slowly(&said, quiet, |_, _| true, fires));
    }

    #[test]
    fn ratio_is_what_it_says(said in said(), percent in 1_u32..101, among in 1_u32..6, of in windows(), quiet in 0_i64..60) {
        let said: Vec<Said> = said.into_iter().map(|(who, at, value, step)| (who, at, u64::from(value % 2 == 1), step)).collect();
        let counting = Counting::Ratio { at_least: Share(percent * 10_000), among, within: span(of) };
        let found = at_once(counting, quiet as u64, &signals(&said), END);
        let fires = |since: &[Said], event: Said| {
            let inside = lies(since, event.1, of);
            let part = inside.iter().filter(|event| event.2 == 1).count();
            let enough = inside.len() >= among as usize && part > 0 && part * 100 >= percent as usize * inside.len();
            enough.then(|| (inside[0].1, part as u64))
        };
        prop_assert_eq!(attacks(&found), slowly(&said, quiet, |_, event| event.2 == 1, fires));
    }

    #[test]
    fn sum_and_average_are_what_they_say(
        said in said(), average in any::<bool>(), more_than in 0_i64..12, among in 1_u32..6, of in windows(), quiet in 0_i64..60,
    ) {
        let found = at_once(Counting::Amount { average, more_than, among, within: span(of) }, quiet as u64, &signals(&said), END);
        let fires = |since: &[Said], event: Said| {
            let inside = lies(since, event.1, of);
            let (sum, events) = (inside.iter().map(|event| event.2 as i64).sum::<i64>(), inside.len() as i64);
            let above = if average { events >= i64::from(among) && sum > more_than * events } else { sum > more_than };
            above.then(|| (inside[0].1, events as u64))
        };
        let belongs = |_: &[Said], event: Said| !average || event.2 as i64 > more_than;
        prop_assert_eq!(attacks(&found), slowly(&said, quiet, belongs, fires));
    }

    #[test]
    fn percentile_is_what_it_says(
        said in said(), rank in 1_u8..100, more_than in 0_i64..6, among in 1_u32..6, of in windows(), quiet in 0_i64..60,
    ) {
        let found = at_once(Counting::Percentile { rank, more_than, among, within: span(of) }, quiet as u64, &signals(&said), END);
        let fires = |since: &[Said], event: Said| {
            let inside = lies(since, event.1, of);
            // The smallest number that so many percent of all do not exceed.
            let reaches = |number: &u64| {
                inside.iter().filter(|event| event.2 <= *number).count() * 100 >= usize::from(rank) * inside.len()
            };
            let number = inside.iter().map(|event| event.2).filter(reaches).min().unwrap();
            (inside.len() >= among as usize && number as i64 > more_than).then(|| (inside[0].1, inside.len() as u64))
        };
        prop_assert_eq!(attacks(&found), slowly(&said, quiet, |_, event| event.2 as i64 > more_than, fires));
    }

    #[test]
    fn distinct_is_what_it_says(said in said(), more_than in 0_u32..5, within in 0_i64..80, quiet in 0_i64..60) {
        let counting = Counting::Distinct { more_than, within: secs(within).into() };
        let found = at_once(counting, quiet as u64, &signals(&said), END);
        let fires = |since: &[Said], event: Said| {
            let values: BTreeSet<_> = window(since, event.1, within).map(|event| event.2).collect();
            let first = window(since, event.1, within).next().unwrap().1;
            (values.len() > more_than as usize).then(|| (first, window(since, event.1, within).count() as u64))
        };
        let belongs = |all: &[Said], event: Said| {
            let values = window(all, event.1, within).map(|event| event.2).chain([event.2]);
            values.collect::<BTreeSet<_>>().len() > more_than as usize
        };
        prop_assert_eq!(attacks(&found), slowly_since(&said, quiet, false, belongs, fires));
    }

    #[test]
    fn a_tumbling_distinct_is_what_it_says(said in said(), more_than in 0_u32..5, of in windows(), quiet in 0_i64..60) {
        let found = at_once(Counting::Distinct { more_than, within: span(of) }, quiet as u64, &signals(&said), END);
        let values = |inside: &[Said]| inside.iter().map(|event| event.2).collect::<BTreeSet<_>>().len();
        let fires = |all: &[Said], event: Said| {
            let inside = lies(all, event.1, of);
            (values(&inside) > more_than as usize).then(|| (inside[0].1, inside.len() as u64))
        };
        let belongs = |all: &[Said], event: Said| {
            values(&[lies(all, event.1, of), vec![event]].concat()) > more_than as usize
        };
        prop_assert_eq!(attacks(&found), slowly_since(&said, quiet, false, belongs, fires));
    }

    #[test]
    fn bulk_novelty_is_one_finding_of_its_own_level(said in said(), more_than in 1_u32..4, within in 1_i64..20) {
        let bulk = Some(Bulk { more_than, within: secs(within), level: Level::Low });
        let counting = Counting::FirstSeen { learn: secs(10), forget: secs(400), bulk, only: Only::default() };
        let found = at_once(counting, 0, &signals(&said), END);
        let mut told: Vec<(Told, Level)> = Vec::new();
        for who in 0..3 {
            let of: Vec<_> = said.iter().filter(|event| event.0 == who).collect();
            let is_new = |n: usize| of[..n].iter().all(|old| old.2 != of[n].2) && of[n].1 >= of[0].1 + 10;
            let fresh: Vec<i64> = (0..of.len()).filter(|&n| is_new(n)).map(|n| of[n].1).collect();
            let mut next = 0;
            while let Some(&first) = fresh.get(next) {
                let held = fresh[next..].iter().take_while(|&&at| at <= first + within).count();
                let level = if held > more_than as usize { Level::Low } else { Level::High };
                let last = fresh[next + held - 1];
                told.push(((format!("203.0.113.{who}"), first + within, first, last, held as u64), level));
                next += held;
            }
        }
        told.sort();
        let mut got: Vec<_> =
            found.iter().filter(|finding| finding.fired).map(|one| (attacks(std::slice::from_ref(one)).remove(0), one.level)).collect();
        got.sort();
        prop_assert_eq!(got, told);
    }

    #[test]
    fn first_seen_is_what_it_says(
        said in said(), learn in 0_i64..80, forget in 20_i64..100, quiet in 0_i64..20,
        few in prop::option::of(1_u32..4), settled in prop::option::of(1_i64..60),
    ) {
        let only = Only { few, settled: settled.map(secs) };
        let counting = Counting::FirstSeen { learn: secs(learn), forget: secs(forget), bulk: None, only };
        let found = at_once(counting, quiet as u64, &signals(&said), END);
        // An entity that said nothing for `forget` is forgotten altogether.
        let known = |all: &[Said]| {
            let gap = all.windows(2).rposition(|pair| pair[1].1 > pair[0].1 + forget);
            all[gap.map_or(0, |gap| gap + 1)..].to_vec()
        };
        let is_new = |all: &[Said], event: Said| {
            !known(all).iter().any(|old| old.2 == event.2 && old.1 >= event.1 - forget)
        };
        let is_told = |before: &[Said], event: Said| {
            let recent = known(before).into_iter().filter(|old| old.1 >= event.1 - forget);
            let values: BTreeSet<u64> = recent.map(|old| old.2).chain([event.2]).collect();
            // Whoever showed it: since when without a longer pause?
            let shown: Vec<Said> = said.iter().filter(|one| one.2 == event.2 && one.1 <= event.1).copied().collect();
            let common = settled.is_none_or(|settled| event.1 >= known(&shown)[0].1 + settled);
            is_new(before, event) && few.is_none_or(|few| values.len() <= few as usize) && common
        };
        let mut told: Vec<Told> = Vec::new();
        for who in 0..3 {
            let of: Vec<Said> = said.iter().filter(|event| event.0 == who).copied().collect();
            let mut open: Option<(i64, u32)> = None;
            for (n, &event) in of.iter().enumerate() {
                let at = event.1;
                open = open.filter(|(last, _)| at <= last + quiet);
                let learnt = open.is_some() || at >= known(&of[..=n])[0].1 + learn;
                if !is_told(&of[..n], event) || !learnt {
                    continue;
                }
                let left = open.map_or(5, |(_, left)| left);
                open = Some((at, left.saturating_sub(1)));
                if left > 0 {
                    told.push((format!("203.0.113.{who}"), at, at, at, 1));
                } else if let Some(newest) = told.last_mut() {
                    (newest.3, newest.4) = (at, newest.4 + 1);
                }
            }
        }
        told.sort();
        prop_assert_eq!(attacks(&found), told);
    }

    #[test]
    fn absence_is_what_it_says(said in said(), after in 1_i64..80, at_least in 1_u32..5) {
        let counting = Counting::Absence { after: secs(after), at_least };
        let found = at_once(counting, 10, &signals(&said), END);
        let mut told: Vec<Told> = Vec::new();
        for who in 0..3 {
            let times: Vec<i64> = said.iter().filter(|event| event.0 == who).map(|event| event.1).collect();
            for (n, &last) in times.iter().enumerate() {
                let next = times.get(n + 1).copied().unwrap_or(i64::MAX);
                let count = times[..=n].iter().filter(|&&at| at >= last - after).count();
                if next > last + after && last + after <= END && count >= at_least as usize {
                    told.push((format!("203.0.113.{who}"), last + after, last, last + after, count as u64));
                }
            }
        }
        told.sort();
        prop_assert_eq!(attacks(&found), told);
    }
}
