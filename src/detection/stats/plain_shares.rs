//! Which share is normal for an entity at an hour, reckoned slowly and in so many words?
//!
//! It follows what `detectors/README.md` and the head of [`Shares`](super::Shares)'s file say in shares, not odds, and
//! keeps numbers as they are. For tests alone.

use super::plainly::{clocks_changed, spread, weekend};

/// Hours of an entity, the first of which is `first`.
#[derive(Clone, Debug, Default)]
pub struct PlainShares {
    first: i64,
    /// Events, and those of the other sort.
    came: Vec<(f64, f64)>,
    /// Which share had been normal, where that was known.
    usual: Vec<Option<f64>>,
    strays: Option<[(f64, f64); 2]>,
    /// Whether an hour lay so near the edge of what counts that floats decided.
    pub unsure: bool,
}

impl PlainShares {
    /// Tells it what came in the next hour, or in `first` if it is the first.
    pub fn add(&mut self, first: i64, events: f64, part: f64) {
        if self.came.is_empty() {
            self.first = first;
        }
        let hour = self.first + self.came.len() as i64;
        let usual = self.share(hour).filter(|(_, known)| *known >= 30.0).map(|(share, _)| share);
        self.usual.push(usual);
        self.came.push((events, part));
        if hour % 24 == 0 || self.strays.is_none() {
            self.strays = self.strayed();
        }
    }

    pub fn len(&self) -> usize {
        self.came.len()
    }

    fn at(&self, hour: i64) -> Option<(f64, f64)> {
        let (place, all) = (hour - self.first, self.came.len() as i64);
        let there = place >= 0 && place < all && place >= all - 4 * 168;
        there.then(|| self.came[place as usize]).filter(|(events, _)| *events > 0.0)
    }

    /// The share of its like, and by how many events it is known.
    fn share(&mut self, hour: i64) -> Option<(f64, f64)> {
        let mut like: Vec<(f64, f64, f64)> = Vec::new();
        let mut counts = |then: i64, times: f64| like.extend(self.at(then).map(|(all, part)| (times, all, part)));
        for week in [168, 336, 504, 672] {
            counts(hour - week, 3.0);
            counts(hour - week - 1, 1.0);
            counts(hour - week + 1, 1.0);
        }
        for day in 1..7 {
            if weekend(hour - 24 * day) == weekend(hour) {
                counts(hour - 24 * day, 2.0);
            }
        }
        counts(hour - 1, 1.0);
        let mut sizes: Vec<f64> = like.iter().map(|one| one.1).collect();
        sizes.sort_by(f64::total_cmp);
        // No hour counts for more than two of an hour in the middle.
        let most = 2.0 * sizes.get(sizes.len() / 2)?;
        let cut: Vec<(f64, f64, f64)> =
            like.iter().map(|&(times, all, part)| (times, all.min(most), part / all * all.min(most))).collect();
        let mut shares: Vec<(f64, f64)> = cut.iter().map(|(times, all, part)| (part / all, times * all)).collect();
        shares.sort_by(|a, b| a.0.total_cmp(&b.0));
        let weight: f64 = shares.iter().map(|one| one.1).sum();
        let mut below = 0.0;
        let reaches = |one: &&(f64, f64)| {
            below += one.1;
            2.0 * below >= weight - 1e-9
        };
        let median = shares.iter().find(reaches)?.0;
        let of_hour = |sum: f64| sum / 3.0;
        let all = of_hour(weight);
        let median = (median * all + 0.5) / (all + 1.0);
        let excess = self.strays.map_or(1.0, |[up, down]| up.1.max(down.1));
        let far = |&(_, all, part): &(f64, f64, f64)| {
            let (wanted, got) = poisson(median, all, part);
            let wide = (1.0 + excess * wanted).sqrt();
            (2.0 * ((got + 0.375).sqrt() - (wanted + 0.375).sqrt()) / wide).abs()
        };
        self.unsure |= cut.iter().any(|one| (far(one) - 4.0).abs() < 0.02);
        let near = |one: &&(f64, f64, f64)| far(one) <= 4.0;
        let part = of_hour(cut.iter().filter(near).map(|one| one.0 * one.2).sum());
        let all = of_hour(cut.iter().filter(near).map(|one| one.0 * one.1).sum());
        Some(((part + 0.5) / (all + 1.0), all))
    }

    /// What was normal and what came, of the last hours that say something, oldest first.
    fn told(&self, hours: usize) -> Vec<(f64, f64, f64)> {
        let from = self.came.len().saturating_sub(hours);
        let all = (from..self.came.len()).filter(|at| self.came[*at].0 > 0.0);
        all.filter_map(|at| Some((self.usual[at]?, self.came[at].0, self.came[at].1))).collect()
    }

    /// By how much the odds of the last week were higher than usual: the median of six hours each.
    fn level(&self) -> f64 {
        let told: Vec<(f64, f64)> =
            self.told(168).into_iter().map(|(share, all, part)| poisson(share, all, part)).collect();
        let ratio = |six: &[(f64, f64)]| {
            (six.iter().map(|one| one.1).sum::<f64>() + 3.0) / (six.iter().map(|one| one.0).sum::<f64>() + 3.0)
        };
        let mut ratios: Vec<f64> = told.rchunks_exact(6).map(ratio).collect();
        ratios.sort_by(f64::total_cmp);
        if ratios.len() < 7 { 1.0 } else { ratios[ratios.len() / 2].clamp(0.1, 10.0) }
    }

    fn strayed(&mut self) -> Option<[(f64, f64); 2]> {
        let level = self.level();
        let hours: Vec<(f64, f64)> =
            self.told(336).into_iter().map(|(share, all, part)| poisson(leveled(share, level), all, part)).collect();
        self.unsure |= hours.iter().any(|hour| (hour.0 - 1.0).abs() < 0.005);
        let of = |rare: bool| hours.iter().filter(|hour| (hour.0 < 1.0) == rare).copied().collect::<Vec<_>>();
        let (rare, common) = (of(true), of(false));
        let side = |sign: f64| {
            let (mut low, mut high) = (0.0, 16.0);
            if spread(&common, 0.0, sign) <= 1.0 {
                high = 0.0;
            }
            for _ in 0..14 {
                let middle = f64::midpoint(low, high);
                if spread(&common, middle, sign) > 1.0 { low = middle } else { high = middle }
            }
            (spread(&rare, 0.0, sign).max(1.0), if common.len() < 24 { 1.0 } else { high })
        };
        (hours.len() >= 48).then(|| [side(1.0), side(-1.0)])
    }

    /// Between which numbers of `events` those of the other sort lie, before they are rounded inwards.
    pub fn between(&mut self, hour: i64, events: f64, tolerance: f64) -> (f64, f64) {
        let level = self.level();
        let Some(own) = self.share(hour) else { return (0.0, events) };
        let mut all = vec![own];
        if clocks_changed(hour) {
            all.extend([hour - 1, hour + 1].into_iter().filter_map(|beside| self.share(beside)));
        }
        let least = all.iter().copied().fold(own, |a, b| if b.0 < a.0 { b } else { a });
        let most = all.iter().copied().fold(own, |a, b| if b.0 > a.0 { b } else { a });
        let [up, down] = self.strays.unwrap_or([(1.0, 1.0); 2]);
        let edge = |(share, known): (f64, f64), (rare, excess): (f64, f64), sign: f64| {
            let share = leveled(share, level);
            let wanted = events * share / (1.0 - share);
            let wide = (1.0 + excess * wanted + events / known).sqrt();
            let wide = if wanted < 1.0 { wide.max(rare) } else { wide };
            let root = ((wanted + 0.375).sqrt() + sign * tolerance / 2.0 * wide).max(0.0);
            (root * root - 0.375) * (1.0 - share)
        };
        (edge(least, down, -1.0).max(0.0), edge(most, up, 1.0).min(events))
    }
}

/// A binomial's expectation and value as those of a Poisson count, whose variance is its expectation.
fn poisson(share: f64, all: f64, part: f64) -> (f64, f64) {
    (all * share / (1.0 - share), part / (1.0 - share))
}

/// A share whose odds are so many times what they were.
fn leveled(share: f64, level: f64) -> f64 {
    let odds = share / (1.0 - share) * level;
    odds / (1.0 + odds)
}
