//! What is normal for this entity at this hour?
//!
//! Four weeks of hours are remembered, each in two bytes. Normal is a weighted median: of the same hour
//! in the weeks before (which counts three times), of the same hour on other days of the last week of its sort (working
//! days, weekends; twice) and of the hours beside it, of the last day and of the weeks before (once); so an attack in the past is one value among several and moves nothing. The median of the
//! last week's ratios of what came to what was normal, of six hours each, follows level and trend: a new level is normal
//! after half a week. How far values stray upwards and downwards is read off the last two weeks: a Poisson
//! count at least, more where they have strayed more (as a negative binomial does), by their median and by
//! all but the wildest fortieth. All is reckoned by additions, products and square roots, so that every
//! machine gets the same. In the two weeks after clocks were changed in Europe or North America, what is usual an
//! hour earlier or later is usual too: hours here are UTC's, and people's have moved. Bound: 2 KB an entity.

use std::collections::VecDeque;

use chrono::{DateTime, Datelike, Days, NaiveDate, Weekday};
use serde::{Deserialize, Serialize};

use super::compact::{pack, unpack};

/// Hours that are remembered.
pub(super) const HOURS: usize = 4 * WEEK;
/// Hours of which it is remembered what was normal.
pub(super) const PLAIN: usize = 2 * WEEK;
/// All but the wildest hours of those count.
const WILDEST: usize = PLAIN / 40;
const WEEK: usize = 168;
/// Hours by which level and trend are told.
pub(super) const LATELY: usize = WEEK;
/// Hours after which it is looked again how far the values stray.
pub(super) const DAY: usize = 24;
pub(super) const BITS: u32 = 10;
/// Expectations are kept in so many parts of one.
const PARTS: f64 = 16.0;
/// Below this hardly anything is normal.
pub(super) const RARE: f64 = 1.0;
/// The most that is expected.
const MOST: f64 = 1e15;

/// The hours of one entity, and what was expected of them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Season {
    /// The number of the newest hour that is over, since 1970.
    newest: i64,
    hours: VecDeque<u16>,
    /// What was normal of the newest of them, before level and trend.
    plain: VecDeque<u16>,
    strays: Option<Strays>,
}

/// How far values stray to one side: `rare` is a factor for hours in which hardly anything is normal,
/// `excess` by how much the variance of others exceeds a Poisson count's, for each unit of the normal.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Side {
    pub(super) rare: f64,
    pub(super) excess: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Strays {
    pub(super) up: Side,
    pub(super) down: Side,
}

/// What is normal for one hour.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Normal {
    /// What is expected.
    pub expected: f64,
    /// The least and the most that may be: the same, but for some days after clocks were changed.
    pub least: f64,
    most: f64,
    strays: Strays,
}

impl Season {
    /// Takes in what came in `hour`, which is over. In those before it nothing came: which says so, or,
    /// of an average, says nothing.
    pub fn add(&mut self, hour: i64, value: u64, says_nothing: bool) {
        if self.hours.is_empty() {
            self.newest = hour - 1;
        }
        let missing = usize::try_from(hour - self.newest - 1).unwrap_or(0);
        if missing >= HOURS {
            *self = Self { newest: hour - 1, ..Self::default() };
        } else {
            for _ in 0..missing {
                let normal = if says_nothing { self.profile(self.newest + 1) as u64 } else { 0 };
                self.push(normal);
            }
        }
        if hour > self.newest {
            self.push(value);
        }
    }

    fn push(&mut self, value: u64) {
        let plain = self.profile(self.newest + 1).min(MOST);
        self.newest += 1;
        self.hours.push_back(pack(value, BITS));
        self.plain.push_back(pack((plain * PARTS) as u64, BITS));
        for (list, most) in [(&mut self.hours, HOURS), (&mut self.plain, PLAIN)] {
            if list.len() > most {
                list.pop_front();
            }
        }
        if self.newest.rem_euclid(DAY as i64) == 0 || self.strays.is_none() {
            self.strays = self.strayed();
        }
    }

    /// Returns how many hours it remembers.
    pub fn len(&self) -> usize {
        self.hours.len()
    }

    /// Tells whether it remembers as many as it can.
    pub fn is_full(&self) -> bool {
        self.hours.len() >= HOURS
    }

    /// Returns how many entries of 16 bytes it holds.
    pub fn items(&self) -> usize {
        (self.hours.len() + self.plain.len()).div_ceil(8)
    }

    /// Returns what is normal for `hour`, which is not over.
    pub fn normal(&self, hour: i64) -> Normal {
        let level = self.level();
        let expected = |hour: i64| self.known(hour).map(|usual| (usual * level).min(MOST));
        let (now, strays) = (expected(hour).unwrap_or(0.0), self.strays.unwrap_or_default());
        if !is_after_change(hour) {
            return Normal { expected: now, least: now, most: now, strays };
        }
        // An hour that nothing is known of is no zero.
        let beside = [expected(hour - 1), expected(hour + 1)].into_iter().flatten();
        let (least, most) = beside.fold((now, now), |(low, high), one| (low.min(one), high.max(one)));
        Normal { expected: now, least, most, strays }
    }

    fn profile(&self, hour: i64) -> f64 {
        self.known(hour).unwrap_or(0.0)
    }

    /// What came at such an hour, by the median of the weeks and days before, if any was seen.
    fn known(&self, hour: i64) -> Option<f64> {
        let mut seen: Vec<(u64, u32)> = Vec::with_capacity(24);
        seen.extend(like(hour).filter_map(|(then, weight)| Some((self.at(then)?, weight))));
        (!seen.is_empty()).then(|| weighted_median(&mut seen))
    }

    /// By how much the last days were above or below what their weeks before had led to expect.
    fn level(&self) -> f64 {
        let mut ratios: Vec<f64> = Vec::with_capacity(LATELY / 6);
        let lately = self.plain.iter().rev().zip(self.hours.iter().rev()).take(LATELY);
        let (mut came, mut expected, mut hours) = (0.0, 0.0, 0);
        for (&wanted, &got) in lately {
            came += unpack(got, BITS) as f64;
            expected += unpack(wanted, BITS) as f64 / PARTS;
            hours += 1;
            if hours == 6 {
                // Shrunk towards no change by what one lucky event does.
                ratios.push((came + 3.0) / (expected + 3.0));
                (came, expected, hours) = (0.0, 0.0, 0);
            }
        }
        if ratios.len() < LATELY / 24 {
            return 1.0;
        }
        let middle = ratios.len() / 2;
        let (_, &mut median, _) = ratios.select_nth_unstable_by(middle, f64::total_cmp);
        median.clamp(0.1, 10.0)
    }

    /// How far the hours of the last two weeks have strayed from what is normal at the level of now.
    fn strayed(&self) -> Option<Strays> {
        if self.plain.len() < 2 * DAY {
            return None;
        }
        let level = self.level();
        let pairs = self.plain.iter().rev().zip(self.hours.iter().rev());
        let pairs = pairs.map(|(&plain, &got)| (level * unpack(plain, BITS) as f64 / PARTS, unpack(got, BITS) as f64));
        let (rare, common): (Vec<_>, Vec<_>) = pairs.partition(|(wanted, _)| *wanted < RARE);
        Some(Strays { up: Side::of(&rare, &common, 1.0), down: Side::of(&rare, &common, -1.0) })
    }

    fn at(&self, hour: i64) -> Option<u64> {
        let back = usize::try_from(self.newest - hour).ok()?;
        let place = self.hours.len().checked_sub(back + 1)?;
        self.hours.get(place).map(|&code| unpack(code, BITS))
    }
}

impl Default for Strays {
    /// As far as is assumed of what is not known for two days.
    fn default() -> Self {
        let side = Side { rare: 1.0, excess: 1.0 };
        Self { up: side, down: side }
    }
}

impl Side {
    /// Reads it off pairs of what was normal and what came, on the side that `sign` says.
    pub(super) fn of(rare: &[(f64, f64)], common: &[(f64, f64)], sign: f64) -> Self {
        let factor = spread(rare, 0.0, sign).max(1.0);
        let (mut low, mut high) = (0.0_f64, 16.0_f64);
        if spread(common, 0.0, sign) <= 1.0 {
            return Self { rare: factor, excess: 0.0 };
        }
        for _ in 0..14 {
            let middle = f64::midpoint(low, high);
            if spread(common, middle, sign) > 1.0 { low = middle } else { high = middle }
        }
        Self { rare: factor, excess: high }
    }

    fn reach(self, expected: f64, tolerance: f64) -> f64 {
        let common = (1.0 + self.excess * expected).sqrt();
        tolerance / 2.0 * if expected < RARE { common.max(self.rare) } else { common }
    }
}

/// How much further they stray than a normal distribution would, to one side: the larger of what their
/// median says, and the wildest but those few that may have been attacks.
fn spread(pairs: &[(f64, f64)], excess: f64, sign: f64) -> f64 {
    let mut strays: Vec<f64> = pairs.iter().map(|&(wanted, got)| stray(got, wanted, excess)).collect();
    let Some(last) = strays.len().checked_sub(1 + WILDEST) else { return 1.0 };
    let side = |stray: f64| stray * sign;
    let wild = side(*strays.select_nth_unstable_by(last, |a, b| side(*a).total_cmp(&side(*b))).1) / 2.0;
    let middle = strays.len() / 2;
    let usual = strays.select_nth_unstable_by(middle, |a, b| a.abs().total_cmp(&b.abs())).1.abs() / 0.6745;
    usual.max(wild)
}

impl Normal {
    /// Returns what is normal where nothing is known.
    pub fn unknown() -> Self {
        Self { expected: 0.0, least: 0.0, most: 0.0, strays: Strays::default() }
    }

    /// Returns the same for `part` of an hour.
    pub fn of_part(self, part: f64) -> Self {
        let [expected, least, most] = [self.expected, self.least, self.most].map(|number| number * part);
        Self { expected, least, most, ..self }
    }

    /// Returns the least tolerance, in tenths and up to `most`, with which `value` lies in the band.
    pub fn tolerance(self, value: f64, most: u16) -> Option<u16> {
        let holds = |tenths: u16| {
            let (low, high) = self.band(f64::from(tenths) / 10.0);
            (low..=high).contains(&value)
        };
        let (mut low, mut high) = (0, most);
        while low < high {
            let middle = low.midpoint(high);
            if holds(middle) { high = middle } else { low = middle + 1 }
        }
        holds(low).then_some(low)
    }

    /// Returns the band that values stay in, but for one that strays by more than `tolerance` times
    /// what is usual.
    pub fn band(self, tolerance: f64) -> (f64, f64) {
        let [least, most] = [self.least, self.most].map(|number| (number + 0.375).sqrt());
        let low = (least - self.strays.down.reach(self.least, tolerance)).max(0.0);
        let high = most + self.strays.up.reach(self.most, tolerance);
        ((low * low - 0.375).max(0.0).ceil(), (high * high - 0.375).floor())
    }
}

/// How far `got` is from `wanted`, in what is usual: a count's root strays by about a half, whatever
/// the count is.
pub(super) fn stray(got: f64, wanted: f64, excess: f64) -> f64 {
    2.0 * ((got + 0.375).sqrt() - (wanted + 0.375).sqrt()) / (1.0 + excess * wanted).sqrt()
}

/// How long after a change of clocks the weeks before say little of an hour, days.
const CHANGED: u64 = 14;

/// Tells whether clocks were changed in the two weeks before an hour since 1970: on the last Sundays of March and
/// October (Directive 2000/84/EC), or the second of March and the first of November (15 U.S.C. 260a).
pub(super) fn is_after_change(hour: i64) -> bool {
    let Some(day) = hour.checked_mul(3_600).and_then(|at| DateTime::from_timestamp(at, 0)).map(|at| at.date_naive())
    else {
        return false;
    };
    let sunday = |month: u32, number: u8| NaiveDate::from_weekday_of_month_opt(day.year(), month, Weekday::Sun, number);
    let last = |month: u32| sunday(month, 5).or_else(|| sunday(month, 4));
    let changes = [last(3), last(10), sunday(3, 2), sunday(11, 1)];
    changes.into_iter().flatten().any(|change| change <= day && day < change + Days::new(CHANGED))
}

/// Returns the hours that `hour` is held against, and what each counts: the same hour in four weeks and those beside
/// it, the same hour on other days of its sort, and the one before.
pub(super) fn like(hour: i64) -> impl Iterator<Item = (i64, u32)> {
    let weeks = (1..=4).map(move |week| hour - week * WEEK as i64);
    let weeks = weeks.flat_map(|then| [(then, 3), (then - 1, 1), (then + 1, 1)]);
    let days = (1..7).map(move |day| hour - day * 24);
    let days = days.filter(move |then| is_weekend(*then) == is_weekend(hour)).map(|then| (then, 2));
    weeks.chain(days).chain([(hour - 1, 1)])
}

/// Tells whether an hour since 1970, which began on a Thursday, lies in a weekend.
fn is_weekend(hour: i64) -> bool {
    matches!(hour.div_euclid(24).rem_euclid(7), 2 | 3)
}

pub(super) fn weighted_median(seen: &mut [(u64, u32)]) -> f64 {
    seen.sort_unstable();
    let all: u32 = seen.iter().map(|&(_, weight)| weight).sum();
    let mut below = 0;
    let reaches = |&&(_, weight): &&(u64, u32)| {
        below += weight;
        2 * below >= all
    };
    seen.iter().find(reaches).map_or(0.0, |&(value, _)| value as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seasonal(hour: i64) -> u64 {
        let day = [2, 1, 1, 1, 2, 4, 10, 30, 60, 80, 90, 90, 80, 85, 90, 88, 70, 50, 30, 20, 12, 8, 5, 3];
        let value = day[hour.rem_euclid(24) as usize];
        if is_weekend(hour) { value / 4 } else { value }
    }

    fn known(weeks: i64, value: impl Fn(i64) -> u64) -> Season {
        let mut season = Season::default();
        (0..weeks * WEEK as i64).for_each(|hour| season.add(hour, value(hour), false));
        season
    }

    #[test]
    fn an_hour_is_held_against_its_like() {
        let season = known(4, seasonal);
        for hour in 4 * 168..5 * 168 {
            let (wanted, normal) = (seasonal(hour) as f64, season.profile(hour));
            assert!((normal - wanted).abs() <= 0.35 * wanted + 3.0, "hour {hour}: {normal} instead of {wanted}");
        }
    }

    #[test]
    fn an_attack_in_the_past_moves_nothing() {
        let attacked = known(4, |hour| seasonal(hour) + if (400..408).contains(&hour) { 5_000 } else { 0 });
        let quiet = known(4, seasonal);
        for hour in 4 * 168..5 * 168 {
            let (one, other) = (attacked.normal(hour).expected, quiet.normal(hour).expected);
            assert!((one - other).abs() <= 0.3 * other + 3.0, "hour {hour}: {one} instead of {other}");
        }
    }

    #[test]
    fn few_events_at_night_are_no_anomaly_and_zeros_have_a_band() {
        let season = known(4, |_| 0);
        let (low, high) = season.normal(4 * 168).band(4.0);
        assert!(low == 0.0 && (4.0..9.0).contains(&high), "{high}");
    }

    #[test]
    fn a_new_level_is_normal_after_days_and_not_after_hours() {
        let shifted = |hour: i64| if hour >= 4 * 168 { 300 } else { 100 };
        let at = |hours: i64| {
            let mut season = known(4, shifted);
            (0..hours).for_each(|hour| season.add(4 * 168 + hour, 300, false));
            season.normal(4 * 168 + hours).expected
        };
        assert!(at(12) < 130.0, "{}", at(12));
        assert!((240.0..360.0).contains(&at(96)), "{}", at(96));
        assert!((240.0..360.0).contains(&at(300)), "{}", at(300));
    }

    #[test]
    fn after_clocks_were_changed_what_is_usual_an_hour_beside_is_no_anomaly() {
        let office = |hour: i64| if (8..18).contains(&hour.rem_euclid(24)) && !is_weekend(hour) { 80 } else { 0 };
        let bands = |sunday: i64| {
            let mut season = Season::default();
            (sunday * 24 - 4 * 168..sunday * 24 + 24).for_each(|hour| season.add(hour, office(hour), false));
            [31, 41].map(|hour| season.normal(sunday * 24 + hour).band(4.0))
        };
        // The Monday after 29 March 2026: who came at 8 comes at 7 by UTC, and is gone at 17.
        let [morning, evening] = bands(20_541);
        assert!(morning.1 >= 80.0 && evening.0 <= 0.0, "{morning:?} {evening:?}");
        let [morning, evening] = bands(20_541 + 70);
        assert!(morning.1 < 40.0 && evening.0 > 20.0, "{morning:?} {evening:?}");
    }

    #[test]
    fn after_clocks_were_changed_an_hour_that_nothing_is_known_of_is_no_zero() {
        let mut season = Season::default();
        // From Thursday 12 March 2026 to ten on Saturday: no weekend before it.
        let thursday = 20_524 * 24;
        (thursday..thursday + 58).for_each(|hour| season.add(hour, 60, false));
        let normal = season.normal(thursday + 58);
        assert!(is_after_change(thursday) && (normal.least, normal.expected) == (60.0, 60.0), "{normal:?}");
    }

    #[test]
    fn after_a_long_silence_it_begins_anew() {
        let mut season = known(1, |_| 7);
        season.add(10_000, 3, false);
        assert_eq!((season.len(), season.newest), (1, 10_000));
    }
}
