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
use crate::detection::{Level, Signal};

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

/// Returns what a finding of that level is worth.
const fn weight(level: Level) -> u32 {
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
        let score = self.add(asked, signal);
        let (first, last) = (self.pieces.iter().map(|piece| piece.at).min()?, self.newest()?);
        let mut tactics: Vec<u8> = self.pieces.iter().map(|piece| piece.tactic).collect();
        tactics.sort_unstable();
        tactics.dedup();
        let enough = self.pieces.len() > 1 && tactics.len() >= asked.tactics as usize;
        if enough && score >= f64::from(asked.at_least) {
            let kept = self.kept.take_since(Timestamp::MIN);
            let (count, distinct) = (self.pieces.len() as u64, tactics.len() as u64);
            return Some(Firing { value: score, distinct, kept, ..Firing::of(count, first, last) });
        }
        self.kept.push(signal, room);
        None
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
