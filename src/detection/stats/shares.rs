//! Which share of what this entity does is of the other sort, as a rule, at this hour?
//!
//! Of four weeks each hour's events are remembered, and how many of them were of the other sort, two bytes each. What is
//! normal is told by the same hours as in a [`Season`](super::Season): each says as much as it has events, those of one
//! hour no more than twice those of an hour in the middle, so that a busy night of guessing is one hour among many. Hours
//! that lie far from the median of their shares are left out, and the rest is added up: so hours with few events teach
//! little, and never 0 % or 100 %, for half an event is added of either sort. The level of the last week is reckoned as
//! there. A number of events is then held against a binomial's spread: more where the shares have strayed more in two
//! weeks, and more where there are more events than the share is known by. As `n` events with odds of `o` are as
//! likely to stray as a Poisson count of `n * o` whose events count `1 + o` times, it is reckoned with as one. Bound: 4 KB an entity.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::compact::{pack, unpack};
use super::season::{
    BITS, DAY, HOURS, LATELY, PLAIN, RARE, Side, Strays, is_after_change, like, stray, weighted_median,
};

/// Odds are kept in so many parts of one.
const PARTS: f64 = 4_294_967_296.0;
/// Events by which a share is known well enough to be told by how much later hours strayed from it.
const SOUND: f64 = 30.0;
/// Events of an hour that count at most.
const MOST: u64 = 1_000_000;
/// Like hours that stray further than this from their median are left out.
const FAR: f64 = 4.0;

/// The hours of one entity: how many events, and how many of them of the other sort.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Shares {
    /// The number of the newest hour that is over, since 1970.
    newest: i64,
    hours: VecDeque<(u16, u16)>,
    /// The odds that were normal for the newest of them, before the level; 0 where they were not known.
    plain: VecDeque<u16>,
    strays: Option<Strays>,
}

/// What is known of a share: its odds, and by how many events.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Known {
    odds: f64,
    events: f64,
}

/// Which share is normal for one hour.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Proportion {
    /// The same, but for some days after clocks were changed.
    least: Known,
    most: Known,
    strays: Strays,
}

/// An hour that another is held against.
struct Like {
    /// In thirds: whole, so that sums are the same in whatever order they are taken.
    thirds: f64,
    events: f64,
    part: f64,
}

impl Shares {
    /// Takes in that `part` of `events` were of the other sort in `hour`, which is over. Hours before it in which nothing
    /// came say nothing.
    pub fn add(&mut self, hour: i64, events: u64, part: u64) {
        if self.hours.is_empty() {
            self.newest = hour - 1;
        }
        let missing = usize::try_from(hour - self.newest - 1).unwrap_or(0);
        if missing >= HOURS {
            *self = Self { newest: hour - 1, ..Self::default() };
        } else {
            (0..missing).for_each(|_| self.push(0, 0));
        }
        if hour > self.newest {
            self.push(events, part);
        }
    }

    fn push(&mut self, events: u64, part: u64) {
        let plain = self.known(self.newest + 1).filter(|known| known.events >= SOUND);
        let plain = plain.map_or(0, |known| pack((known.odds * PARTS) as u64, BITS).max(1));
        self.newest += 1;
        self.hours.push_back((pack(events, BITS), pack(part.min(events), BITS)));
        self.plain.push_back(plain);
        if self.hours.len() > HOURS {
            self.hours.pop_front();
        }
        if self.plain.len() > PLAIN {
            self.plain.pop_front();
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
        (2 * self.hours.len() + self.plain.len()).div_ceil(8)
    }

    /// Returns what is normal for `hour`, which is not over.
    pub fn normal(&self, hour: i64) -> Proportion {
        let (level, strays) = (self.level(), self.strays.unwrap_or_default());
        let of = |hour: i64| self.known(hour).map(|known| Known { odds: known.odds * level, ..known });
        let Some(now) = of(hour) else { return Proportion { strays, ..Proportion::unknown() } };
        let (mut least, mut most) = (now, now);
        if is_after_change(hour) {
            for one in [of(hour - 1), of(hour + 1)].into_iter().flatten() {
                least = if one.odds < least.odds { one } else { least };
                most = if one.odds > most.odds { one } else { most };
            }
        }
        Proportion { least, most, strays }
    }

    /// What such an hour is like, by those before it; `None` if there was no event in any.
    fn known(&self, hour: i64) -> Option<Known> {
        let seen = |(then, weight): (i64, u32)| self.at(then).filter(|seen| seen.0 > 0).map(|seen| (seen, weight));
        let seen: Vec<((u64, u64), u32)> = like(hour).filter_map(seen).collect();
        let mut events: Vec<u64> = seen.iter().map(|((events, _), _)| *events).collect();
        let middle = events.len() / 2;
        let most = 2 * *events.get_mut(..)?.select_nth_unstable_by(middle.min(seen.len().checked_sub(1)?), u64::cmp).1;
        let share = |events: u64, part: u64| (part as f64 / events as f64 * PARTS) as u64;
        let weigh = |events: u64, weight: u32| weight * events.min(most).min(MOST) as u32;
        let mut shares: Vec<(u64, u32)> =
            seen.iter().map(|&((events, part), weight)| (share(events, part), weigh(events, weight))).collect();
        let median = weighted_median(&mut shares) / PARTS;
        let like: Vec<Like> = seen.iter().map(|&(seen, weight)| Like::of(seen, weight, most.min(MOST))).collect();
        let all = like.iter().map(|one| one.thirds * one.events).sum::<f64>() / 3.0;
        let odds = rounded(median * all, all).odds;
        let excess = self.strays.map_or(1.0, |strays| strays.up.excess.max(strays.down.excess));
        let near = |one: &&Like| stray(one.part * (1.0 + odds), one.events * odds, excess).abs() <= FAR;
        let add =
            |(part, events): (f64, f64), one: &Like| (part + one.thirds * one.part, events + one.thirds * one.events);
        let (part, events) = like.iter().filter(near).fold((0.0, 0.0), add);
        Some(rounded(part / 3.0, events / 3.0))
    }

    /// By how much the odds of the last days were above or below what their weeks before had led to expect: the median of
    /// what came for what was normal, of six hours each.
    fn level(&self) -> f64 {
        let pairs: Vec<(f64, f64)> = self.pairs(LATELY, 1.0).collect();
        let (six, _) = pairs.as_chunks::<6>();
        let sum = |six: &[(f64, f64); 6]| six.iter().fold((3.0, 3.0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
        let mut ratios: Vec<f64> = six.iter().map(sum).map(|(wanted, got)| got / wanted).collect();
        if ratios.len() < LATELY / DAY {
            return 1.0;
        }
        let middle = ratios.len() / 2;
        let (_, &mut median, _) = ratios.select_nth_unstable_by(middle, f64::total_cmp);
        median.clamp(0.1, 10.0)
    }

    /// What was normal and what came in the newest `hours`, those left out in which nothing came or not enough was known:
    /// as Poisson counts, the newest first.
    fn pairs(&self, hours: usize, level: f64) -> impl Iterator<Item = (f64, f64)> {
        let lately = self.plain.iter().rev().zip(self.hours.iter().rev()).take(hours);
        lately.filter(|(plain, (events, _))| **plain > 0 && *events > 0).map(move |(&plain, &(events, part))| {
            let odds = unpack(plain, BITS) as f64 / PARTS * level;
            (unpack(events, BITS) as f64 * odds, unpack(part, BITS) as f64 * (1.0 + odds))
        })
    }

    /// How far the hours of the last two weeks have strayed from what is normal at the level of now.
    fn strayed(&self) -> Option<Strays> {
        let pairs = self.pairs(PLAIN, self.level());
        let (rare, common): (Vec<_>, Vec<_>) = pairs.partition(|(wanted, _)| *wanted < RARE);
        if rare.len() + common.len() < 2 * DAY {
            return None;
        }
        let side = |sign: f64| {
            let side = Side::of(&rare, &common, sign);
            // Of what has hardly ever come it is not known how far it strays.
            if common.len() < DAY { Side { excess: 1.0, ..side } } else { side }
        };
        Some(Strays { up: side(1.0), down: side(-1.0) })
    }

    fn at(&self, hour: i64) -> Option<(u64, u64)> {
        let back = usize::try_from(self.newest - hour).ok()?;
        let place = self.hours.len().checked_sub(back + 1)?;
        self.hours.get(place).map(|&(events, part)| (unpack(events, BITS), unpack(part, BITS)))
    }
}

impl Like {
    /// Returns an hour with no more than `most` events: the rest says nothing that those don't.
    fn of((events, part): (u64, u64), weight: u32, most: u64) -> Self {
        let counted = events.min(most) as f64;
        Self { thirds: f64::from(weight), events: counted, part: part as f64 * (counted / events as f64) }
    }
}

/// Returns what so many events say, with half an event of either sort added.
fn rounded(part: f64, events: f64) -> Known {
    Known { odds: (part + 0.5) / (events - part + 0.5), events }
}

impl Known {
    /// Returns how many of `events` are the root's edge on one side.
    fn edge(self, events: f64, side: Side, reach: f64) -> f64 {
        let wanted = events * self.odds;
        let common = (1.0 + side.excess * wanted + events / self.events).sqrt();
        let wide = if wanted < RARE { common.max(side.rare) } else { common };
        let root = ((wanted + 0.375).sqrt() + reach * wide).max(0.0);
        (root * root - 0.375) / (1.0 + self.odds)
    }
}

impl Proportion {
    /// Returns what is normal where nothing is known: anything.
    pub fn unknown() -> Self {
        let nothing = rounded(0.0, 0.0);
        Self { least: nothing, most: nothing, strays: Strays::default() }
    }

    /// Returns how many of `events`, which are one or more, may be of the other sort.
    pub fn band(self, events: u64, tolerance: f64) -> (f64, f64) {
        let all = events as f64;
        let low = self.least.edge(all, self.strays.down, -tolerance / 2.0);
        let high = self.most.edge(all, self.strays.up, tolerance / 2.0);
        (low.max(0.0).ceil(), high.floor().min(all))
    }

    /// Returns the least tolerance, in tenths and up to `most`, with which `part` of `events` lie in the band.
    pub fn tolerance(self, part: u64, events: u64, most: u16) -> Option<u16> {
        let holds = |tenths: &u16| {
            let (low, high) = self.band(events, f64::from(*tenths) / 10.0);
            (low..=high).contains(&(part as f64))
        };
        let (mut low, mut high) = (0, most);
        while low < high {
            let middle = low.midpoint(high);
            if holds(&middle) { high = middle } else { low = middle + 1 }
        }
        Some(low).filter(holds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Four weeks of hours, as many events as `events` says, of which `part` are of the other sort.
    fn known(events: impl Fn(i64) -> u64, part: impl Fn(i64) -> u64) -> Shares {
        let mut shares = Shares::default();
        (0..4 * 168).for_each(|hour| shares.add(hour, events(hour), part(hour)));
        shares
    }

    /// The share that is too much, of so many events.
    fn too_much(shares: &Shares, events: u64) -> f64 {
        shares.normal(4 * 168).band(events, 4.0).1 / events as f64
    }

    #[test]
    fn few_events_stray_widely_and_many_do_not() {
        let shares = known(|_| 200, |hour| 8 + hour.rem_euclid(5) as u64);
        let [few, some, many] = [5, 50, 1_000].map(|events| too_much(&shares, events));
        assert!(few >= 0.6 && (0.15..0.3).contains(&some) && (0.06..0.1).contains(&many), "{few} {some} {many}");
    }

    #[test]
    fn nights_with_an_event_or_two_teach_neither_nothing_nor_all() {
        let night = |hour: i64| hour.rem_euclid(24) < 6;
        let shares = known(|hour| if night(hour) { 1 } else { 100 }, |hour| if night(hour) { 0 } else { 5 });
        // 168 * 4 is midnight: one event in each such hour, and none of them failed.
        let (low, high) = shares.normal(4 * 168 + 2).band(100, 4.0);
        assert!(low == 0.0 && high >= 30.0, "{high}");
        let (_, high) = shares.normal(4 * 168 + 12).band(100, 4.0);
        assert!((12.0..20.0).contains(&high), "{high}");
    }

    #[test]
    fn a_night_of_guessing_last_week_moves_nothing() {
        let attacked = |hour: i64| (500..508).contains(&hour);
        let shares =
            known(|hour| if attacked(hour) { 3_000 } else { 60 }, |hour| if attacked(hour) { 2_950 } else { 3 });
        for hour in 4 * 168 - 6..4 * 168 + 6 {
            let high = shares.normal(hour).band(60, 4.0).1;
            assert!((8.0..16.0).contains(&high), "hour {hour}: {high}");
        }
    }

    #[test]
    fn a_new_share_is_normal_after_days_and_not_after_hours() {
        let at = |hours: i64| {
            let mut shares = known(|_| 100, |_| 5);
            (0..hours).for_each(|hour| shares.add(4 * 168 + hour, 100, 20));
            let (low, high) = shares.normal(4 * 168 + hours).band(100, 4.0);
            low <= 20.0 && high >= 20.0
        };
        assert_eq!([6, 24, 96, 300].map(at), [false, false, true, true]);
    }

    #[test]
    fn more_events_than_the_share_is_known_by_stray_further() {
        let shares = known(|_| 2, |_| 0);
        let known_well = known(|_| 200, |_| 0);
        assert!(too_much(&shares, 500) > 2.0 * too_much(&known_well, 500));
    }
}
