//! What is normal for an entity at an hour, reckoned slowly and in so many words?
//!
//! It follows what `detectors/README.md` and the head of [`Season`](super::Season)'s file say, and shares no
//! code with it: numbers are kept as they are, dates are looked up day by day. For tests alone.

use chrono::{DateTime, Datelike, Weekday};

/// Hours of an entity, the first of which is `first`.
#[derive(Clone, Debug, Default)]
pub struct Plainly {
    first: i64,
    came: Vec<f64>,
    /// What had been normal of each, before level and trend.
    usual: Vec<f64>,
    /// How far values stray upwards and downwards: a factor where hardly anything is normal, and an excess.
    strays: Option<[(f64, f64); 2]>,
}

/// What values of one hour lie between, before it is rounded inwards.
#[derive(Clone, Copy, Debug)]
pub struct Between {
    pub low: f64,
    pub high: f64,
    /// The least that is expected.
    pub least: f64,
}

impl Plainly {
    /// Tells it what came in the next hour, or in `first` if it is the first.
    pub fn add(&mut self, first: i64, came: f64) {
        if self.came.is_empty() {
            self.first = first;
        }
        let hour = self.first + self.came.len() as i64;
        self.usual.push(self.median(hour).unwrap_or(0.0));
        self.came.push(came);
        // How far they stray is looked at when a day begins.
        if hour % 24 == 0 || self.strays.is_none() {
            self.strays = self.strayed();
        }
    }

    pub fn len(&self) -> usize {
        self.came.len()
    }

    /// What it was in an hour of the last four weeks.
    fn at(&self, hour: i64) -> Option<f64> {
        let (place, all) = (hour - self.first, self.came.len() as i64);
        (place >= 0 && place < all && place >= all - 4 * 168).then(|| self.came[place as usize])
    }

    /// The weighted median of its like.
    pub fn median(&self, hour: i64) -> Option<f64> {
        let mut like: Vec<f64> = Vec::new();
        let mut counts =
            |then: i64, times: usize| like.extend(self.at(then).into_iter().flat_map(|came| vec![came; times]));
        for week in [168, 336, 504, 672] {
            counts(hour - week, 3);
            counts(hour - week - 1, 1);
            counts(hour - week + 1, 1);
        }
        for day in 1..7 {
            if weekend(hour - 24 * day) == weekend(hour) {
                counts(hour - 24 * day, 2);
            }
        }
        counts(hour - 1, 1);
        like.sort_by(f64::total_cmp);
        // The lower one of two in the middle.
        like.get(like.len().saturating_sub(1) / 2).copied()
    }

    /// The median of what came for what was normal, over the last week in stretches of six hours.
    fn level(&self) -> f64 {
        let from = self.came.len().saturating_sub(168);
        let stretch =
            |of: &[f64]| of[from..].rchunks_exact(6).map(|six| six.iter().sum::<f64>() + 3.0).collect::<Vec<_>>();
        let mut ratios: Vec<f64> =
            stretch(&self.came).into_iter().zip(stretch(&self.usual)).map(|(came, usual)| came / usual).collect();
        ratios.sort_by(f64::total_cmp);
        if ratios.len() < 7 { 1.0 } else { ratios[ratios.len() / 2].clamp(0.1, 10.0) }
    }

    fn strayed(&self) -> Option<[(f64, f64); 2]> {
        let (all, level) = (self.came.len(), self.level());
        let from = all.saturating_sub(336);
        let hours: Vec<(f64, f64)> = (from..all).map(|at| (level * self.usual[at], self.came[at])).collect();
        let side = |sign: f64| {
            let of = |rare: bool| hours.iter().filter(|hour| (hour.0 < 1.0) == rare).copied().collect::<Vec<_>>();
            let (mut low, mut high) = (0.0, 16.0);
            if spread(&of(false), 0.0, sign) <= 1.0 {
                high = 0.0;
            }
            // The least excess with which they stray no further than a normal distribution would, to a thousandth.
            for _ in 0..14 {
                let middle = f64::midpoint(low, high);
                if spread(&of(false), middle, sign) > 1.0 { low = middle } else { high = middle }
            }
            (spread(&of(true), 0.0, sign).max(1.0), high)
        };
        (all >= 48).then(|| [side(1.0), side(-1.0)])
    }

    /// What values of `part` of `hour` lie between.
    pub fn between(&self, hour: i64, part: f64, tolerance: f64) -> Between {
        let level = self.level();
        let of = |hour: i64| self.median(hour).map(|usual| usual * level * part);
        let own = of(hour).unwrap_or(0.0);
        let mut all = vec![own];
        if clocks_changed(hour) {
            all.extend(of(hour - 1).into_iter().chain(of(hour + 1)));
        }
        let (least, most) = (all.iter().copied().fold(own, f64::min), all.iter().copied().fold(own, f64::max));
        let [up, down] = self.strays.unwrap_or([(1.0, 1.0); 2]);
        let reach = |expected: f64, (rare, excess): (f64, f64)| {
            let wide = (1.0 + excess * expected).sqrt();
            tolerance / 2.0 * if expected < 1.0 { wide.max(rare) } else { wide }
        };
        let low = ((least + 0.375).sqrt() - reach(least, down)).max(0.0);
        let high = (most + 0.375).sqrt() + reach(most, up);
        Between { low: low * low - 0.375, high: high * high - 0.375, least }
    }
}

impl Between {
    /// Tells whether a number lies above it; nothing, where it is too near the edge to say so in floats.
    pub fn is_exceeded_by(self, number: f64) -> Option<bool> {
        ((number - self.high).abs() > 0.01).then_some(number > self.high)
    }

    /// Tells whether a number lies below it.
    pub fn is_undercut_by(self, number: f64) -> Option<bool> {
        ((number - self.low).abs() > 0.01).then_some(number < self.low)
    }
}

/// The larger of what the median says of how far they stray, and the wildest on that side but one in forty of two weeks.
pub(super) fn spread(hours: &[(f64, f64)], excess: f64, sign: f64) -> f64 {
    let stray = |&(usual, came): &(f64, f64)| {
        2.0 * ((came + 0.375).sqrt() - (usual + 0.375).sqrt()) / (1.0 + excess * usual).sqrt()
    };
    let mut aside: Vec<f64> = hours.iter().map(|hour| sign * stray(hour)).collect();
    let mut either: Vec<f64> = hours.iter().map(|hour| stray(hour).abs()).collect();
    aside.sort_by(f64::total_cmp);
    either.sort_by(f64::total_cmp);
    if aside.len() < 9 {
        return 1.0;
    }
    (either[either.len() / 2] / 0.6745).max(aside[aside.len() - 9] / 2.0)
}

/// Tells whether the day of an hour is one of the fourteen from a Sunday on at which clocks were changed.
pub(super) fn clocks_changed(hour: i64) -> bool {
    (0..14).any(|back| {
        let day = DateTime::from_timestamp((hour - 24 * back) * 3_600, 0).unwrap().date_naive();
        let of_europe = [3, 10].contains(&day.month()) && day.day() >= 25;
        let of_america = day.month() == 3 && (8..15).contains(&day.day()) || day.month() == 11 && day.day() < 8;
        day.weekday() == Weekday::Sun && (of_europe || of_america)
    })
}

pub(super) fn weekend(hour: i64) -> bool {
    let day = DateTime::from_timestamp(hour * 3_600, 0).unwrap().weekday();
    matches!(day, Weekday::Sat | Weekday::Sun)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::detection::stats::Season;

    use super::Plainly;

    /// Hours of up to six weeks: what a day brings, on which days less, what strays, and an attack or a new level.
    fn hours() -> impl Strategy<Value = Vec<u64>> {
        let day = prop::collection::vec(prop_oneof![Just(0_u64), 0_u64..4, 0_u64..60], 24);
        let noise = prop::collection::vec(0_u64..5, 7..40);
        (day, noise, 1_usize..900, 0_usize..900, 1_u64..4, prop::option::of(0_usize..900)).prop_map(
            |(day, noise, many, shift, times, attack)| {
                let of = |hour: usize| {
                    let plain =
                        day[hour % 24] * if hour >= shift { times } else { 1 } / if hour / 24 % 7 >= 5 { 3 } else { 1 };
                    let attacked = attack.is_some_and(|attack| (attack..attack + 6).contains(&hour));
                    // Below 128 what is remembered in two bytes is exact, in sixteenths too.
                    (plain + noise[hour % noise.len()] + if attacked { 100 } else { 0 }).min(127)
                };
                (0..many).map(of).collect()
            },
        )
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn what_is_normal_is_what_the_documentation_says(
            hours in hours(), first in prop_oneof![0_i64..500_000, 490_000_i64..494_000], tenths in 20_i32..80, parts in 1_i32..5,
        ) {
            let (mut season, mut plainly) = (Season::default(), Plainly::default());
            for (hour, &came) in (first..).zip(&hours) {
                season.add(hour, came, false);
                plainly.add(hour, came as f64);
            }
            prop_assert_eq!(season.len(), plainly.len().min(4 * 168));
            let (tolerance, part) = (f64::from(tenths) / 10.0, 1.0 / f64::from(parts));
            // The hours to come of a day: beyond the next one, as one who was silent sees them.
            for hour in (first + hours.len() as i64..).take(24) {
                let normal = season.normal(hour).of_part(part);
                let (wanted, (low, high)) = (plainly.between(hour, part, tolerance), normal.band(tolerance));
                prop_assert!((normal.least - wanted.least).abs() < 0.01 * (1.0 + wanted.least), "{:?} {:?}", normal, wanted);
                let off = 0.01 * (1.0 + wanted.high.abs() / 100.0);
                prop_assert!(high >= (wanted.high - off).floor() && high <= (wanted.high + off).floor(), "{} {:?}", high, wanted);
                prop_assert!(low >= (wanted.low.max(0.0) - off).ceil() && low <= (wanted.low.max(0.0) + off).ceil(), "{} {:?}", low, wanted);
            }
        }
    }
}
