//! The kinds that know what an entity does at each hour, against slow and obvious tellings of them.

use crate::detection::stats::plainly::Plainly;
use crate::detection::{Baselining, Measured};

use super::*;

const HOUR: i64 = 3_600;

/// Two days of an entity: the hours begin anew at `first`, and an average says nothing of an hour in which nothing came.
fn known(of: &[Said], hour: i64, measured: Measured) -> Plainly {
    let mut known = Plainly::default();
    let first = of[0].1 / HOUR;
    let last = of.iter().map(|event| event.1 / HOUR).filter(|at| *at < hour).max().unwrap_or(first - 1);
    let end = if measured == Measured::Average { last + 1 } else { hour };
    for at in first..end {
        let came: Vec<Said> = of.iter().filter(|event| event.1 / HOUR == at).copied().collect();
        let says_nothing = measured == Measured::Average && came.is_empty();
        let came = if says_nothing { known.median(at).unwrap_or(0.0) } else { measure(&came, measured) };
        known.add(first, came);
    }
    known
}

fn measure(came: &[Said], measured: Measured) -> f64 {
    let sum: u64 = came.iter().map(|event| event.2).sum();
    (match measured {
        Measured::Count => came.len() as u64,
        Measured::Sum => sum,
        Measured::Average => sum.checked_div(came.len() as u64).unwrap_or(0),
    }) as f64
}

/// When it must fire for one entity, and when it is too near the edge to say so.
fn strays(of: &[Said], asked: Baselining, end: i64) -> (BTreeSet<i64>, BTreeSet<i64>) {
    let (every, average) = (asked.every.as_secs() as i64, asked.measured == Measured::Average);
    let part = if average { 1.0 } else { every as f64 / HOUR as f64 };
    let (mut told, mut unsure) = (BTreeSet::new(), BTreeSet::new());
    let mut judge = |at: i64, says: Option<bool>| match says {
        Some(true) => _ = told.insert(at),
        Some(false) => {}
        None => _ = unsure.insert(at),
    };
    let least = f64::from(asked.at_least);
    let buckets = of[0].1 / every..end / every;
    let mut now = (i64::MIN, Plainly::default());
    for bucket in buckets {
        let hour = bucket * every / HOUR;
        if now.0 != hour {
            now = (hour, known(of, hour, asked.measured));
        }
        if (now.1.len() as u64) < asked.learn.as_secs() / 3_600 {
            continue;
        }
        let between = now.1.between(hour, part, f64::from(asked.tolerance) / 10.0);
        let came: Vec<Said> = of.iter().filter(|event| event.1 / every == bucket).copied().collect();
        for many in (1..=came.len()).filter(|_| asked.sides.0 && !average) {
            let value = measure(&came[..many], asked.measured);
            judge(came[many - 1].1, between.is_exceeded_by(value).map(|above| above && value >= least));
        }
        let (over, value) = ((bucket + 1) * every, measure(&came, asked.measured));
        let below = between.is_undercut_by(value);
        if average && came.len() >= asked.at_least as usize {
            let above = between.is_exceeded_by(value);
            judge(over, below.zip(above).map(|(below, above)| asked.sides.1 && below || asked.sides.0 && above));
        } else if !average && asked.sides.1 && between.least >= least {
            judge(over, below);
        }
    }
    (told, unsure)
}

/// How many signs of life come in each hour of a day, how many days, and in which of the hours none come.
fn lively() -> impl Strategy<Value = Vec<Said>> {
    let day = prop::collection::vec(0_u8..5, 24);
    let silent = prop::collection::btree_set(0_i64..240, 0..40);
    (day, 3_i64..10, silent, 1_i64..700).prop_map(|(day, days, silent, apart)| {
        let hours = (0..24 * days).filter(|hour| !silent.contains(hour));
        let signs = hours.flat_map(|hour| {
            (0..i64::from(day[(hour % 24) as usize])).map(move |n| (1, hour * HOUR + 37 + n * apart, 0, 0))
        });
        signs.collect()
    })
}

/// When its silence fires for an entity of these signs of life.
fn silences(signs: &[Said], missing: u32, learn: i64, end: i64) -> Vec<f64> {
    let mut fired = Vec::new();
    let first = signs[0].1 / HOUR;
    let mut known = Plainly::default();
    let mut rates: Vec<f64> = Vec::new();
    for hour in first..=end / HOUR {
        // In its first hour nothing is known of it.
        rates.push(if hour == first { 0.0 } else { known.between(hour, 1.0, 1.0).least });
        known.add(first, signs.iter().filter(|sign| sign.1 / HOUR == hour).count() as f64);
    }
    for (n, sign) in signs.iter().enumerate() {
        let until = signs.get(n + 1).map_or(end, |next| next.1);
        let (mut from, mut missed) = (sign.1 as f64, 0.0);
        for hour in sign.1 / HOUR..=until / HOUR {
            let over = (((hour + 1) * HOUR) as f64).min(until as f64);
            let rate = rates[(hour - first) as usize];
            let full = from + (f64::from(missing) - missed) / rate * HOUR as f64;
            // A sign at that very moment counts as one.
            if rate > 0.0 && full <= over + 1e-6 && (full < until as f64 - 1e-6 || until == end) {
                if hour - first >= learn {
                    fired.push(full);
                    break;
                }
                // It is not known for long enough: it begins anew with the next hour.
                missed = 0.0;
            } else {
                missed += rate * (over - from) / HOUR as f64;
            }
            from = over;
        }
    }
    fired
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn baseline_is_what_it_says(
        said in said(), part in prop::sample::select(vec![1_i64, 2, 4]),
        measured in prop::sample::select(vec![Measured::Count, Measured::Sum, Measured::Average]),
        sides in prop::sample::select(vec![(true, false), (false, true), (true, true)]),
        learn in 1_i64..40, tolerance in prop::sample::select(vec![2_u16, 10, 20]), at_least in 1_u32..3,
    ) {
        // A quarter of an hour where the others have a second: two days. Some events are of the moment an hour begins.
        let said: Vec<Said> = said.into_iter().map(|(who, at, value, step)| (who, at * 900, value, step)).collect();
        let asked = Baselining { measured, every: secs(HOUR / part), learn: secs(learn * HOUR), tolerance, sides, at_least };
        let end = 80 * HOUR;
        let found = at_once(Counting::Baseline(asked), 0, &signals(&said), end);
        let (mut told, mut unsure) = (BTreeSet::new(), BTreeSet::new());
        for who in 0..3 {
            let of: Vec<Said> = said.iter().filter(|event| event.0 == who).copied().collect();
            if !of.is_empty() {
                let name = |at: i64| (format!("203.0.113.{who}"), at);
                let (of_it, of_edge) = strays(&of, asked, end);
                told.extend(of_it.into_iter().map(name));
                unsure.extend(of_edge.into_iter().map(name));
            }
        }
        let got: BTreeSet<_> = attacks(&found).into_iter().map(|told| (told.0, told.1)).collect();
        let sure = |all: BTreeSet<(String, i64)>| all.into_iter().filter(|one| !unsure.contains(one)).collect::<BTreeSet<_>>();
        prop_assert_eq!(sure(got), sure(told));
    }

    #[test]
    fn silence_by_its_own_rhythm_is_what_it_says(signs in lively(), missing in 1_u32..8, learn in 0_i64..100) {
        prop_assume!(!signs.is_empty());
        let end = signs.last().unwrap().1 + 24 * HOUR;
        let counting = Counting::Rhythm { missing, minutes: false, learn: secs(learn * HOUR) };
        let found = at_once(counting, 0, &signals(&signs), end);
        let (got, told) = (attacks(&found), silences(&signs, missing, learn, end));
        let off = got.iter().zip(&told).map(|(got, told)| (got.1 as f64 - told).abs()).fold(0.0, f64::max);
        prop_assert!(got.len() == told.len() && off <= 1.0, "{:?} {:?}", got, told);
    }
}
