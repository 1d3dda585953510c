//! The kinds that know what an entity does at each hour, against slow and obvious tellings of them.

use crate::detection::in_words::beyond;
use crate::detection::stats::plain_shares::PlainShares;
use crate::detection::stats::plainly::Plainly;
use crate::detection::{Baselining, Flip, Measured};

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
        Measured::Distinct => came.iter().map(|event| event.2).collect::<BTreeSet<_>>().len() as u64,
        Measured::Ratio => panic!("a share is no number of its own"),
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

/// What one entity does each hour for some days: how many events, how many of them of the other sort.
fn mixed() -> impl Strategy<Value = Vec<Said>> {
    let hours = prop::collection::vec((0_i64..9, 0_i64..5), 60..150);
    (hours, 1_i64..6, 1_i64..90).prop_map(|(hours, times, apart)| {
        let of_hour = |(hour, (others, part)): (i64, (i64, i64))| {
            let (others, part) = (others * times, part * times / 2);
            let all = others + part;
            // They come mingled, and never all at once.
            (0..all).map(move |n| (1, hour * HOUR + n * apart % HOUR, u64::from(n * 7 % all.max(1) < part), 0))
        };
        let mut said: Vec<Said> = (0..).zip(hours).flat_map(of_hour).collect();
        said.sort_by_key(|&(_, at, value, _)| (at, value));
        said
    })
}

/// When its share fires for an entity, and when it is too near the edge to say so.
fn shares(of: &[Said], asked: Baselining, end: i64) -> (BTreeSet<i64>, BTreeSet<i64>) {
    let every = asked.every.as_secs() as i64;
    let (mut told, mut unsure, first) = (BTreeSet::new(), BTreeSet::new(), of[0].1 / HOUR);
    let count = |came: &[Said]| (came.len() as f64, came.iter().filter(|event| event.2 == 1).count() as f64);
    let within =
        |from: i64, to: i64| of.iter().filter(|event| (from..to).contains(&event.1)).copied().collect::<Vec<_>>();
    let (mut known, mut last) = (PlainShares::default(), first);
    for hour in first..end / HOUR {
        // An hour in which nothing came is known of once something comes after it.
        if hour > first && !within((hour - 1) * HOUR, hour * HOUR).is_empty() {
            for at in last..hour {
                let (all, part) = count(&within(at * HOUR, (at + 1) * HOUR));
                known.add(first, all, part);
            }
            last = hour;
        }
        for start in (hour * HOUR..(hour + 1) * HOUR).step_by(every as usize) {
            let (all, part) = count(&within(start, start + every));
            if all < 1.0 || all < f64::from(asked.at_least) || (known.len() as u64) < asked.learn.as_secs() / 3_600 {
                continue;
            }
            let (low, high) = known.between(hour, all, f64::from(asked.tolerance) / 10.0);
            let (low, high) = ((low - part) / (1.0 + low), (part - high) / (1.0 + high));
            if known.unsure || [low, high].iter().any(|off| off.abs() < 0.01) {
                unsure.insert(start + every);
            } else if asked.sides.0 && high > 0.0 || asked.sides.1 && low > 0.0 {
                told.insert(start + every);
            }
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
        measured in prop::sample::select(vec![Measured::Count, Measured::Sum, Measured::Average, Measured::Distinct]),
        sides in prop::sample::select(vec![(true, false), (false, true), (true, true)]),
        learn in 1_i64..40, tolerance in prop::sample::select(vec![2_u16, 10, 20]), at_least in 1_u32..3,
    ) {
        // A quarter of an hour where the others have a second: two days. Some events are of the moment an hour begins.
        let said: Vec<Said> = said.into_iter().map(|(who, at, value, step)| (who, at * 900, value, step)).collect();
        // Different values are those of whole hours.
        let part = if measured == Measured::Distinct { 1 } else { part };
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
    fn a_share_against_what_is_usual_is_what_it_says(
        said in mixed(), part in prop::sample::select(vec![1_i64, 2]),
        sides in prop::sample::select(vec![(true, false), (false, true), (true, true)]),
        learn in 1_i64..60, tolerance in prop::sample::select(vec![5_u16, 10, 20, 30]), at_least in 1_u32..20,
    ) {
        prop_assume!(!said.is_empty());
        let every = secs(HOUR / part);
        let asked = Baselining { measured: Measured::Ratio, every, learn: secs(learn * HOUR), tolerance, sides, at_least };
        let end = said.last().unwrap().1 / HOUR * HOUR + 5 * HOUR;
        let found = at_once(Counting::Baseline(asked), 0, &signals(&said), end);
        let (told, unsure) = shares(&said, asked, end);
        let got: BTreeSet<i64> = attacks(&found).into_iter().map(|told| told.1).collect();
        let sure = |all: BTreeSet<i64>| all.into_iter().filter(|one| !unsure.contains(one)).collect::<BTreeSet<_>>();
        prop_assert!(unsure.len() < 100 || unsure.len() * 4 < said.len());
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

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn a_share_lies_in_the_band_at_the_tolerance_that_is_said(
        said in mixed(), part in prop::sample::select(vec![1_i64, 2]), below in any::<bool>(),
    ) {
        let usual = Baselining {
            measured: Measured::Ratio, every: secs(3_600 / part), learn: secs(24 * 3_600), tolerance: 20, sides: (!below, below),
            at_least: 5,
        };
        let fired = |asked: Baselining, said: &[Said]| {
            let found = at_once(Counting::Baseline(asked), 0, &signals(said), 200 * 3_600);
            found.into_iter().filter(|finding| finding.fired).collect::<Vec<_>>()
        };
        let fires = |asked: Baselining, said: &[Said], at| fired(asked, said).iter().any(|one| one.at == at);
        for finding in fired(usual, &said).into_iter().take(3) {
            let (because, at) = (finding.because.clone().unwrap(), finding.at);
            for flip in &because.others {
                let changed = match flip {
                    Flip::Share { normal, part, events } => {
                        let share = *part as f64 / *events as f64;
                        prop_assert!((because.value - share).abs() < 1e-12, "{} {share}", because.value);
                        let Some(tolerance) = normal.tolerance(*part, *events, 500) else { continue };
                        prop_assert!(tolerance > 20);
                        let less = Baselining { tolerance: tolerance - 1, ..usual };
                        prop_assert!(fires(less, &said, at));
                        Baselining { tolerance, ..usual }
                    }
                    Flip::Among(all) => Baselining { at_least: *all as u32 + 1, ..usual },
                    Flip::Known(span) => Baselining { learn: beyond(*span), ..usual },
                    other => panic!("{other:?}"),
                };
                prop_assert!(!fires(changed, &said, at), "{:?} {:?}", flip, because);
            }
            // So many of the other sort fewer, the last ones.
            let end = at.nanos() / 1_000_000_000;
            let fewer = |many: usize| {
                let of_bucket = |one: &Said| one.2 == 1 && (end - usual.every.as_secs() as i64..end).contains(&one.1);
                let gone: BTreeSet<usize> =
                    (0..said.len()).filter(|place| of_bucket(&said[*place])).rev().take(many).collect();
                (0..).zip(&said).filter(|(place, _)| !gone.contains(place)).map(|(_, one)| *one).collect::<Vec<_>>()
            };
            prop_assert_eq!(because.without().is_none(), below);
            if let Some(without) = because.without() {
                prop_assert!(!fires(usual, &fewer(without as usize), at), "{:?}", because);
                prop_assert!(fires(usual, &fewer(without as usize - 1), at), "{:?}", because);
            }
        }
    }
}
