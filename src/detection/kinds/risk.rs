//! Risk: is there so much evidence against this entity that it matters together?
//!
//! Its events are what other detectors have found, each worth what its level is worth and half of that
//! after each half-life, in a straight line in between. A detector counts once: of two findings with the one that is worth more
//! when the second comes. Of one tactic the heaviest counts in full and each other one half, so that ten detectors of the same thing are not an attack of many steps;
//! tactics add up. Bound: 32 findings an entity, the lightest give way.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::detection::in_words::amount;
use crate::detection::{Flip, Level, Signal};

use super::kept::Newest;
use super::{Cost, Firing, Room};

const MOST: usize = 32;
/// Half-lives after which a finding is forgotten.
const FORGOTTEN: u32 = 8;

/// What a detector asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Risking {
    /// Fires at this score.
    pub at_least: u32,
    /// From so many tactics or more.
    pub tactics: u32,
    /// After which a finding is worth half.
    pub half_life: Duration,
}

/// The evidence against one entity.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Risk {
    pieces: Vec<Piece>,
    kept: Newest,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Piece {
    tactic: u8,
    detector: u64,
    weight: u32,
    at: Timestamp,
}

/// A finding of another detector, and what it is worth by now.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Weighed {
    /// The tactic it serves, by its number.
    pub tactic: u8,
    /// By what its detector is known.
    pub detector: u64,
    /// When it was found.
    pub at: Timestamp,
    /// What it was worth then.
    pub fresh: u32,
    /// What is left of that.
    pub worth: f64,
    /// How much of it counts: all, or half if another of its tactic is worth more.
    pub counts: f64,
}

/// Returns what a finding of that level is worth.
pub const fn weight(level: Level) -> u32 {
    match level {
        Level::Informational => 2,
        Level::Low => 10,
        Level::Medium => 25,
        Level::High => 50,
        Level::Critical => 80,
    }
}

/// Returns the value of a signal about a finding: the tactic it serves, and which detector found it.
pub fn value_of(tactic: u8, detector: u64) -> u64 {
    u64::from(tactic) << 56 | detector >> 8
}

impl Risk {
    /// Takes in a finding; returns what it completes.
    pub fn observe(&mut self, asked: Risking, signal: &Signal, room: &Room) -> Option<Firing> {
        let before = self.pieces.clone();
        let score = self.add(asked, signal);
        let (first, last) = (self.pieces.iter().map(|piece| piece.at).min()?, self.newest()?);
        let mut tactics: Vec<u8> = self.pieces.iter().map(|piece| piece.tactic).collect();
        tactics.sort_unstable();
        tactics.dedup();
        let enough = self.pieces.len() > 1 && tactics.len() >= asked.tactics as usize;
        if enough && score >= f64::from(asked.at_least) {
            // What is forgotten counts for nothing, whether or not it has been put away yet.
            let kept = self.kept.take_since(last.minus(asked.span()));
            let (count, distinct) = (self.pieces.len() as u64, tactics.len() as u64);
            let flips = self.flips(asked, before, signal, last);
            return Some(Firing { value: score, distinct, kept, flips, ..Firing::of(count, first, last) });
        }
        self.kept.push(signal, room);
        None
    }

    /// Returns what is left without the finding that made it fire, of the evidence `before`, and of how many tactics
    /// it is.
    fn flips(&self, asked: Risking, before: Vec<Piece>, signal: &Signal, now: Timestamp) -> Vec<Flip> {
        let left = Self { pieces: before, kept: Newest::default() };
        let score = left.score(asked, now);
        let title = signal.shown().filter(|_| score < f64::from(asked.at_least));
        let finding = title.map(|title| Flip::Finding { title: title.to_owned(), left: score });
        let tactics: BTreeSet<u8> = self.pieces.iter().map(|piece| piece.tactic).collect();
        finding.into_iter().chain([Flip::Tactics(tactics.len() as u64)]).collect()
    }

    /// Takes in a finding while the alert is open; returns the score.
    pub fn further(&mut self, asked: Risking, signal: &Signal) -> f64 {
        self.add(asked, signal)
    }

    fn add(&mut self, asked: Risking, signal: &Signal) -> f64 {
        let (at, detector) = (signal.time, signal.value << 8);
        let piece = Piece { tactic: (signal.value >> 56) as u8, detector, weight: weight(signal.level), at };
        let newest = self.newest().map_or(at, |newest| newest.max(at));
        let start = newest.minus(asked.half_life.saturating_mul(FORGOTTEN));
        self.pieces.retain(|piece| piece.at >= start);
        match self.pieces.iter_mut().find(|known| known.detector == detector) {
            Some(known) => {
                let (known_worth, worth) = (known.worth(asked, newest), piece.worth(asked, newest));
                // Of two that are worth the same the newer one lasts longer.
                if worth > known_worth || (worth >= known_worth && at >= known.at) {
                    *known = piece;
                }
            }
            None => self.pieces.push(piece),
        }
        if self.pieces.len() > MOST {
            let worth = |piece: &Piece| (piece.worth(asked, newest) * 1_000.0) as u64;
            let lightest = self.pieces.iter().enumerate().min_by_key(|(_, piece)| (worth(piece), piece.detector));
            if let Some((place, _)) = lightest {
                self.pieces.remove(place);
            }
        }
        self.score(asked, newest)
    }

    fn score(&self, asked: Risking, now: Timestamp) -> f64 {
        let mut tactics: BTreeMap<u8, (f64, f64)> = BTreeMap::new();
        let mut pieces: Vec<_> = self.pieces.iter().collect();
        // Sums of fractions depend on their order.
        pieces.sort_by_key(|piece| (piece.tactic, piece.detector));
        for piece in pieces {
            let worth = piece.worth(asked, now);
            let (heaviest, all) = tactics.entry(piece.tactic).or_default();
            (*heaviest, *all) = (heaviest.max(worth), *all + worth);
        }
        tactics.values().map(|(heaviest, all)| f64::midpoint(*heaviest, *all)).sum()
    }

    /// Returns each finding with what it is worth at the newest one, by tactic, the heaviest of each first.
    pub fn weighed(&self, asked: Risking) -> Vec<Weighed> {
        let Some(now) = self.newest() else { return Vec::new() };
        let of = |piece: &Piece| {
            let worth = piece.worth(asked, now);
            let &Piece { tactic, detector, weight, at } = piece;
            Weighed { tactic, detector, at, fresh: weight, worth, counts: worth }
        };
        let mut all: Vec<Weighed> = self.pieces.iter().map(of).collect();
        all.sort_by(|a, b| a.tactic.cmp(&b.tactic).then(b.worth.total_cmp(&a.worth)).then(a.detector.cmp(&b.detector)));
        let mut before = None;
        for piece in &mut all {
            if before.replace(piece.tactic) == Some(piece.tactic) {
                piece.counts = piece.worth / 2.0;
            }
        }
        all
    }

    /// Returns when its newest finding was.
    pub fn newest(&self) -> Option<Timestamp> {
        self.pieces.iter().map(|piece| piece.at).max()
    }

    /// Says what the evidence is worth.
    pub fn standing(&self, asked: Risking) -> String {
        let score = self.newest().map_or(0.0, |newest| self.score(asked, newest));
        let tactics: BTreeSet<u8> = self.pieces.iter().map(|piece| piece.tactic).collect();
        format!(
            "{} findings of {} tactics are worth {}; it fires at {}, of {} tactics or more",
            self.pieces.len(),
            tactics.len(),
            amount(score),
            asked.at_least,
            asked.tactics
        )
    }

    /// Returns what it takes.
    pub fn cost(&self) -> Cost {
        Cost { items: 2 * self.pieces.len(), bytes: self.kept.bytes() }
    }
}

impl Piece {
    /// What is left of its weight: half after each half-life, in a straight line in between.
    fn worth(&self, asked: Risking, now: Timestamp) -> f64 {
        let lives = now.since(self.at).as_secs_f64() / asked.half_life.as_secs_f64().max(1.0);
        let halved = (0..lives.floor().min(64.0) as u32).fold(f64::from(self.weight), |left, _| left / 2.0);
        halved * (1.0 - lives.fract() / 2.0)
    }
}

impl Risking {
    /// Returns how long a finding is remembered.
    pub fn span(self) -> Duration {
        self.half_life.saturating_mul(FORGOTTEN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detection::engine::trial::signal_of;

    const ASKED: Risking = Risking { at_least: 100, tactics: 2, half_life: Duration::from_secs(100) };

    fn of(tactic: u8, detector: u64, level: Level, at: i64) -> Signal {
        Signal { level, ..signal_of(1, at, value_of(tactic, detector << 8), 0, at as u128) }
    }

    fn tenths(risk: &mut Risk, signal: &Signal) -> u64 {
        (risk.add(ASKED, signal) * 10.0).round() as u64
    }

    #[test]
    fn tactics_add_up_and_within_one_others_count_half() {
        let mut risk = Risk::default();
        assert_eq!(tenths(&mut risk, &of(1, 1, Level::High, 0)), 500);
        assert_eq!(tenths(&mut risk, &of(1, 2, Level::High, 0)), 750);
        assert_eq!(tenths(&mut risk, &of(2, 3, Level::Medium, 0)), 1000);
        assert_eq!(tenths(&mut risk, &of(2, 3, Level::Medium, 0)), 1000, "a detector counts once");
    }

    #[test]
    fn what_counts_of_each_finding_adds_up_to_the_score() {
        let mut risk = Risk::default();
        for (tactic, detector, level, at) in
            [(1, 1, Level::High, 0), (1, 2, Level::Critical, 50), (2, 3, Level::Medium, 100), (1, 4, Level::Low, 100)]
        {
            risk.add(ASKED, &of(tactic, detector, level, at));
        }
        let weighed = risk.weighed(ASKED);
        let told: Vec<_> = weighed.iter().map(|one| (one.tactic, one.fresh, one.worth, one.counts)).collect();
        let expected = [(1, 80, 60.0, 60.0), (1, 50, 25.0, 12.5), (1, 10, 10.0, 5.0), (2, 25, 25.0, 25.0)];
        assert_eq!(told, expected);
        assert_eq!(amount(risk.score(ASKED, Timestamp::from_seconds(100))), "102");
        assert!(risk.standing(ASKED).starts_with("4 findings of 2 tactics are worth 102;"));
    }

    #[test]
    fn a_lighter_finding_of_a_detector_takes_nothing_from_its_heavier_one() {
        let mut risk = Risk::default();
        risk.add(ASKED, &of(1, 1, Level::Critical, 0));
        assert_eq!(tenths(&mut risk, &of(1, 1, Level::Low, 0)), 800);
        assert_eq!(tenths(&mut risk, &of(1, 1, Level::Medium, 300)), 250, "until it is worth more by now");
    }

    #[test]
    fn evidence_is_worth_half_after_a_half_life_and_then_forgotten() {
        let mut risk = Risk::default();
        risk.add(ASKED, &of(1, 1, Level::Critical, 0));
        assert_eq!(tenths(&mut risk, &of(2, 2, Level::Informational, 100)), 420);
        assert_eq!(tenths(&mut risk, &of(2, 2, Level::Informational, 150)), 320);
        assert_eq!(tenths(&mut risk, &of(2, 2, Level::Informational, 900)), 20);
    }

    #[test]
    fn one_detector_or_one_tactic_alone_is_no_risk() {
        let room = Room { spare: 0, spare_bare: 0, evicted: 0, common: true };
        let mut risk = Risk::default();
        let any = Risking { at_least: 1, ..ASKED };
        assert!(risk.observe(any, &of(1, 1, Level::High, 0), &room).is_none());
        assert!(risk.observe(any, &of(1, 2, Level::High, 1), &room).is_none());
        assert!(risk.observe(any, &of(2, 3, Level::Low, 2), &room).is_some());
    }

    #[test]
    fn an_entity_keeps_no_more_than_its_ceiling() {
        let mut risk = Risk::default();
        (0..200).for_each(|detector| _ = risk.add(ASKED, &of(1, detector, Level::Low, 0)));
        assert_eq!(risk.pieces.len(), MOST);
    }
}
