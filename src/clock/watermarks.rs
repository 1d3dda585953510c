//! How far has event time come?
//!
//! A detector may evaluate an event once nothing older that it needs can still arrive. Each
//! partition promises that for itself, lane by lane (a lane is a category of telemetry): the
//! newest time it has shown, less the allowed lateness; an event exactly that late is still in
//! time, and so is a second one of the newest time. The slowest partition holds all others back,
//! unless it has been read to its end: then it moves with the time of the others.
//! Memory: one timestamp for each partition and lane that has shown an event.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Timestamp;

/// A set of lanes, as bits: lane `n` is category number `n`, at most 64 of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Lanes(pub u64);

impl Lanes {
    /// Every lane.
    pub const ALL: Self = Self(u64::MAX);

    /// Returns this set with lane `lane` in it.
    #[must_use]
    pub const fn with(self, lane: u8) -> Self {
        Self(self.0 | (1 << (lane & 63)))
    }

    /// Tells whether lane `lane` is in the set.
    pub const fn has(self, lane: u8) -> bool {
        self.0 & (1 << (lane & 63)) != 0
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Partition {
    /// The newest event time shown by each lane.
    lanes: BTreeMap<u8, Timestamp>,
    newest: Option<Timestamp>,
    /// Read to its end, or ended: it holds nobody back.
    at_end: bool,
}

/// The event time that each partition has reached, and what follows for all of them together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watermarks {
    lateness: Duration,
    idle: Duration,
    partitions: BTreeMap<u32, Partition>,
    newest: Option<Timestamp>,
    /// Where total silence or the end of a replay has moved every watermark.
    floor: Timestamp,
}

impl Watermarks {
    /// Returns watermarks that allow events to be `lateness` out of order, and a lane that has
    /// gone quiet within a busy partition to hold detectors back by `idle` at most.
    pub fn new(lateness: Duration, idle: Duration) -> Self {
        Self { lateness, idle, partitions: BTreeMap::new(), newest: None, floor: Timestamp::MIN }
    }

    /// Returns these watermarks with other tolerances: those of the settings after a restart.
    #[must_use]
    pub fn with_tolerances(mut self, lateness: Duration, idle: Duration) -> Self {
        self.lateness = lateness;
        self.idle = idle;
        self
    }

    /// Announces a partition that has something to read: until it shows an event or turns out
    /// to be at its end, it holds every watermark back.
    pub fn open(&mut self, stream: u32) {
        self.partitions.entry(stream).or_default().at_end = false;
    }

    /// Records that `stream` has shown an event of `lane` at `at`.
    pub fn observe(&mut self, stream: u32, lane: u8, at: Timestamp) {
        let partition = self.partitions.entry(stream).or_default();
        let shown = partition.lanes.entry(lane).or_insert(at);
        *shown = at.max(*shown);
        partition.newest = partition.newest.max(Some(at));
        self.newest = self.newest.max(Some(at));
    }

    /// Says whether `stream` has been read to its present end.
    pub fn at_end(&mut self, stream: u32, at_end: bool) {
        self.partitions.entry(stream).or_default().at_end = at_end;
    }

    /// Tells whether `stream` has something to read: opened, and not at its end.
    pub fn is_held_by(&self, stream: u32) -> bool {
        self.partitions.get(&stream).is_some_and(|partition| !partition.at_end)
    }

    /// Tells whether `stream` is read: opened, and not closed since.
    pub fn knows(&self, stream: u32) -> bool {
        self.partitions.contains_key(&stream)
    }

    /// Tells whether every partition has been read to its present end: if nothing comes, there
    /// is nothing.
    pub fn all_at_end(&self) -> bool {
        self.partitions.values().all(|partition| partition.at_end)
    }

    /// Forgets `stream`: it was taken away from us, or its file has ended for good.
    pub fn close(&mut self, stream: u32) {
        self.partitions.remove(&stream);
    }

    /// Returns how far total silence has moved every watermark.
    pub fn silent_until(&self) -> Timestamp {
        self.floor
    }

    /// Moves every watermark to `to` at least: total silence, as the pipeline sees it.
    pub fn advance(&mut self, to: Timestamp) {
        self.floor = self.floor.max(to);
    }

    /// Moves every watermark to the newest event: nothing more will come.
    pub fn finish(&mut self) {
        if let Some(newest) = self.newest {
            self.advance(newest);
        }
    }

    /// Returns the newest event time any partition has shown.
    pub fn newest(&self) -> Option<Timestamp> {
        self.newest
    }

    /// Returns the newest event time that `stream` has shown.
    pub fn newest_of(&self, stream: u32) -> Option<Timestamp> {
        self.partitions.get(&stream)?.newest
    }

    /// Returns the time up to which, itself included, a detector that needs `lanes` may evaluate.
    pub fn of(&self, lanes: Lanes) -> Timestamp {
        let held = self.partitions.values().filter(|partition| !partition.at_end);
        let slowest = held.map(|partition| self.reached(partition, lanes)).min();
        let reached = slowest.or(self.newest).unwrap_or(Timestamp::MIN);
        let settled = reached.minus(self.lateness).minus(Duration::from_nanos(1));
        settled.max(self.floor)
    }

    /// Closes every partition of which `known` does not hold.
    pub fn close_others(&mut self, known: impl Fn(u32) -> bool) {
        let others: Vec<u32> = self.partitions.keys().copied().filter(|partition| !known(*partition)).collect();
        for partition in others {
            self.close(partition);
        }
    }

    /// Returns the partitions that are more than `by` ahead of the slowest one still being read.
    pub fn ahead(&self, by: Duration) -> Vec<u32> {
        let reading = || self.partitions.iter().filter(|(_, partition)| !partition.at_end);
        let Some(slowest) = reading().map(|(_, p)| p.newest.unwrap_or(Timestamp::MIN)).min() else {
            return Vec::new();
        };
        let limit = slowest.plus(by);
        reading().filter(|(_, p)| p.newest.is_some_and(|at| at > limit)).map(|(&s, _)| s).collect()
    }

    fn reached(&self, partition: &Partition, lanes: Lanes) -> Timestamp {
        let Some(newest) = partition.newest else { return Timestamp::MIN };
        partition
            .lanes
            .iter()
            .filter(|&(&lane, _)| lanes.has(lane))
            .map(|(_, &shown)| shown.max(newest.minus(self.idle)))
            .min()
            .unwrap_or(newest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HTTP: Lanes = Lanes(1);

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(seconds)
    }

    /// The last moment before `seconds`.
    fn before(seconds: i64) -> Timestamp {
        at(seconds).minus(Duration::from_nanos(1))
    }

    fn ten_seconds_late() -> Watermarks {
        Watermarks::new(Duration::from_secs(10), Duration::from_mins(5))
    }

    #[test]
    fn the_slowest_partition_holds_the_others_back() {
        let mut marks = ten_seconds_late();
        marks.observe(1, 0, at(100));
        marks.observe(2, 0, at(50));
        assert_eq!(marks.of(HTTP), before(40));
    }

    #[test]
    fn an_event_as_late_as_is_allowed_is_in_time() {
        let mut marks = Watermarks::new(Duration::ZERO, Duration::from_mins(5));
        marks.observe(1, 0, at(100));
        assert!(marks.of(HTTP) < at(100));
    }

    #[test]
    fn a_partition_at_its_end_moves_with_the_others() {
        let mut marks = ten_seconds_late();
        marks.observe(1, 0, at(100));
        marks.observe(2, 0, at(50));
        marks.at_end(2, true);
        assert_eq!(marks.of(HTTP), before(90));
    }

    #[test]
    fn a_partition_that_has_shown_nothing_holds_everything() {
        let mut marks = ten_seconds_late();
        marks.observe(1, 0, at(100));
        marks.open(2);
        assert_eq!(marks.of(HTTP), Timestamp::MIN);
    }

    #[test]
    fn a_quiet_lane_holds_its_detectors_back_by_the_idle_time_at_most() {
        let mut marks = ten_seconds_late();
        marks.observe(1, 0, at(100));
        marks.observe(1, 1, at(1000));
        assert_eq!(marks.of(HTTP), before(690));
        assert_eq!(marks.of(Lanes(2)), before(990));
    }

    #[test]
    fn the_final_watermark_is_the_newest_event() {
        let mut marks = ten_seconds_late();
        marks.observe(1, 0, at(100));
        marks.finish();
        assert_eq!(marks.of(HTTP), at(100));
    }
}
