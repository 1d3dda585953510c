//! The same of different values, and of shares: beside them the thresholds that do best in hindsight.
//!
//! Different values: how many addresses are refused in an hour, where a client that tries again makes hundreds of
//! refusals out of one address, and an attack is a few dozen more that try once each. Shares: which of the requests are
//! refused, where a sale brings three times as many of both, and an attack is more that are refused.

use std::collections::BTreeSet;

use gatewatch::detection::Measured;

use super::{Dice, HOURS, LEARNT, Score, Series, fires, season};

const SORTS: [&str; 4] = ["flat", "seasons", "sparse", "sales and retries"];

/// Hours with their events' values, and what is known of them.
struct Told {
    hours: Vec<Vec<u64>>,
    known: Series,
}

/// Six attacks, one in each week after the first two, by day and at night; each hour gets what `add` makes.
fn attack(dice: &mut Dice, hours: &mut [Vec<u64>], mut add: impl FnMut(&mut Dice, usize) -> Vec<u64>) -> Series {
    let mut attacks = Vec::new();
    for week in 2..8 {
        let night = dice.next() < 0.5;
        let start = week * 168 + dice.below(5) * 24 + if night { 1 + dice.below(3) } else { 9 + dice.below(6) };
        let long = 1 + dice.below(4);
        for (hour, values) in (start..).zip(&mut hours[start..start + long]) {
            values.extend(add(dice, hour));
        }
        attacks.push((start, start + long));
    }
    Series { values: Vec::new(), attacks, excused: (0, 0) }
}

/// Tells whether an hour lies in a sale: two days, twice.
fn is_sale(hour: usize) -> bool {
    matches!(hour / 24, 24 | 25 | 44 | 45)
}

fn usual(sort: usize, hour: usize) -> f64 {
    match sort {
        0 => 1.0,
        2 => 0.05,
        _ => season(hour),
    }
}

fn addresses(sort: usize, seed: u64) -> Told {
    let mut dice = Dice(seed << 8 | sort as u64 | 1 << 20);
    let of_hour = |hour: usize| {
        let pool = 200;
        let mut values: Vec<u64> = (0..dice.count(25.0 * usual(sort, hour))).map(|_| dice.below(pool) as u64).collect();
        // A client with an old key tries it all the time.
        if sort == 3 && dice.next() < 0.02 {
            values.extend(std::iter::repeat_n(7, 300));
        }
        values
    };
    let mut hours: Vec<Vec<u64>> = (0..HOURS).map(of_hour).collect();
    let mut next = 1_000_000;
    let known = attack(&mut dice, &mut hours, |dice, hour| {
        let more = if usual(sort, hour) < 0.2 { 25.0 } else { 50.0 };
        next += 1_000;
        (0..dice.count(more)).map(|number| next + number).collect()
    });
    Told { hours, known }
}

fn requests(sort: usize, seed: u64) -> Told {
    let mut dice = Dice(seed << 8 | sort as u64 | 1 << 21);
    let of_hour = |hour: usize| {
        let sale = if sort == 3 && is_sale(hour) { 3.0 } else { 1.0 };
        // One day differs a little from the other in what is refused.
        let share = 0.04 * (1.0 + 0.15 * dice.normal()).max(0.2);
        let all = dice.count(300.0 * usual(sort, hour) * sale);
        (0..all).map(|_| u64::from(dice.next() < share)).collect()
    };
    let mut hours: Vec<Vec<u64>> = (0..HOURS).map(of_hour).collect();
    let known = attack(&mut dice, &mut hours, |dice, hour| {
        let more = 10.0 + 75.0 * usual(sort, hour).max(0.15);
        vec![1; dice.count(more) as usize]
    });
    Told { hours, known }
}

fn distinct(hour: &[u64]) -> f64 {
    hour.iter().collect::<BTreeSet<_>>().len() as f64
}

fn refused(hour: &[u64]) -> f64 {
    hour.iter().sum::<u64>() as f64
}

fn share(hour: &[u64]) -> f64 {
    if hour.len() < 10 { 0.0 } else { refused(hour) / hour.len() as f64 }
}

fn by_baseline(told: &Told, measured: Measured) -> Vec<usize> {
    let events =
        told.hours.iter().enumerate().flat_map(|(hour, values)| values.iter().map(move |value| (hour, *value)));
    fires(measured, events)
}

fn all(of: fn(usize, u64) -> Told, alarms: impl Fn(&Told) -> Vec<usize>) -> Vec<Score> {
    let mut scores = vec![Score::default(); SORTS.len() + 1];
    for sort in 0..SORTS.len() {
        for seed in 0..4 {
            let told = of(sort, seed);
            let alarms = alarms(&told);
            scores[sort].add(&told.known, &alarms);
            scores[SORTS.len()].add(&told.known, &alarms);
        }
    }
    scores
}

/// Returns how the limit does that does best over all series in hindsight.
fn best(of: fn(usize, u64) -> Told, limits: impl Iterator<Item = f64>, number: fn(&[u64]) -> f64) -> Vec<Score> {
    let above =
        |limit: f64| all(of, |told| (LEARNT..HOURS).filter(|&hour| number(&told.hours[hour]) > limit).collect());
    limits.map(above).max_by(|a, b| a[SORTS.len()].both().total_cmp(&b[SORTS.len()].both())).unwrap()
}

#[expect(clippy::disallowed_macros, reason = "the table is for the README")]
fn table(what: &str, columns: [(&str, &[Score]); 3]) {
    let [one, two, three] = columns;
    println!("| {what} | {}: precision, recall | {} | {} |\n| --- | --- | --- | --- |", one.0, two.0, three.0);
    for (place, sort) in SORTS.iter().chain(&["all"]).enumerate() {
        let cell = |score: Score| format!("{:.2}, {:.2}", score.precision(), score.recall());
        println!("| {sort} | {} | {} | {} |", cell(one.1[place]), cell(two.1[place]), cell(three.1[place]));
    }
}

#[test]
fn more_addresses_than_usual_are_told_where_a_threshold_and_a_count_cry_wolf_or_miss_them() {
    let ours = all(addresses, |told| by_baseline(told, Measured::Distinct));
    let count = all(addresses, |told| by_baseline(told, Measured::Count));
    let threshold = best(addresses, (1..25).map(|step| f64::from(step * 3)), distinct);
    table("different values", [("baseline", &ours), ("threshold", &threshold), ("baseline of the count", &count)]);
    let (ours, threshold, count) = (ours[SORTS.len()], threshold[SORTS.len()], count[SORTS.len()]);
    assert!(ours.precision() > 0.9 && ours.recall() > 0.9, "{ours:?}");
    assert!(
        ours.both() > threshold.both() + 0.1 && ours.precision() > count.precision() + 0.1,
        "{threshold:?} {count:?}"
    );
}

#[test]
fn a_larger_share_than_usual_is_told_where_a_fixed_share_and_a_count_cry_wolf_or_miss_it() {
    let ours = all(requests, |told| by_baseline(told, Measured::Ratio));
    let threshold = best(requests, (2..40).map(|step| f64::from(step) / 50.0), share);
    let of_refused = |told: &Told| {
        let refused = told.hours.iter().enumerate().map(|(hour, values)| (hour, refused(values) as u64));
        fires(Measured::Sum, refused.filter(|(_, many)| *many > 0))
    };
    let count = all(requests, of_refused);
    table("shares", [("baseline", &ours), ("fixed share", &threshold), ("baseline of the count", &count)]);
    let (ours, threshold, count) = (ours[SORTS.len()], threshold[SORTS.len()], count[SORTS.len()]);
    assert!(ours.precision() > 0.9 && ours.recall() > 0.8, "{ours:?}");
    assert!(ours.both() > threshold.both() && ours.precision() > count.precision(), "{threshold:?} {count:?}");
}
