//! What an epoch holds, and how a core goes on from one.
//!
//! State and positions are taken at one moment, between two batches, so they belong together by
//! construction. Signals that still wait are not in it: their records are read again.

use std::collections::BTreeSet;

use crate::alerts::Transition;
use crate::clock::{Timestamp, Watermarks};
use crate::detection::ShardDelta;
use crate::store::{Epoch, Recovered, ShardBytes, StreamPosition};
use crate::telemetry::StreamId;

use super::CoreSettings;
use super::core::{Core, Progress};
use super::gone::Gone;
use super::posture::{POSTURE, Posture};

const ENGINE: &str = "engine";
const WATERMARKS: &str = "watermarks";
const BOOK: &str = "book";
const GONE: &str = "gone";

impl Core {
    /// Goes on where the newest epoch ended; the store knows the first `streams_stored` streams.
    ///
    /// # Errors
    ///
    /// Says which part of the state can't be read.
    pub fn restore(
        &mut self,
        recovered: Recovered,
        streams_stored: usize,
        settings: &CoreSettings,
    ) -> Result<(), String> {
        let engine: Vec<ShardDelta> = recovered
            .shards
            .iter()
            .filter(|shard| shard.component == ENGINE)
            .map(|shard| ShardDelta { shard: shard.shard, whole: shard.whole, bytes: shard.bytes.clone() })
            .collect();
        self.engine.restore(&engine)?;
        self.released = self.engine.released();
        self.duplicates.restore(&recovered.shards)?;
        if let Some(bytes) = recovered.values.get(WATERMARKS) {
            let kept: Watermarks =
                postcard::from_bytes(bytes).map_err(|error| format!("the watermarks can't be read: {error}"))?;
            self.watermarks = kept.with_tolerances(settings.lateness, settings.idle);
            self.advanced = self.watermarks.silent_until();
            self.advanced_before = self.advanced;
        }
        self.book.restore(recovered.alerts);
        self.posture = Posture::restored(&recovered.posture, recovered.values.get(POSTURE), settings.counts_for);
        if let Some(bytes) = recovered.values.get(BOOK) {
            self.book.restore_snapshot(bytes)?;
        }
        if let Some(bytes) = recovered.values.get(GONE) {
            self.gone = Gone::restored(bytes)?;
        }
        for position in &recovered.positions {
            let told = Some((position.resume, position.absorbed));
            let (absorbed, again) = (position.absorbed, position.resume);
            let progress = Progress { absorbed, known_until: absorbed, again, told };
            self.progress.insert(position.stream, progress);
            if position.resume < position.absorbed {
                self.recovering.insert(position.stream);
            }
            // One that was closed, such as a file rotated away, does not come back.
            if self.watermarks.knows(position.stream.0) || position.resume < position.absorbed {
                self.watermarks.open(position.stream.0);
                self.awaited.insert(position.stream);
            }
        }
        // One that was opened and never read has no position: no source may know of it any more.
        let read: BTreeSet<u32> = recovered.positions.iter().map(|position| position.stream.0).collect();
        self.watermarks.close_others(|stream| read.contains(&stream));
        self.streams_stored = streams_stored;
        self.accounting = recovered.accounting;
        self.forgotten_before = self.accounting.evicted.saturating_sub(self.engine.evicted());
        Ok(())
    }

    /// Returns everything that must become durable together with `transitions`, at wall time `at`.
    pub fn epoch(&mut self, transitions: Vec<(Transition, Timestamp)>, at: Timestamp) -> Epoch {
        let streams = self.streams.since(self.streams_stored);
        let streams = streams.into_iter().map(|(stream, name)| (stream, (*name).clone())).collect();
        let forgotten = self.gone.for_good(at);
        for stream in &forgotten {
            self.progress.remove(stream);
        }
        let waiting = self.engine.waiting();
        let mut positions = Vec::new();
        let mut retries_done = 0;
        for (&stream, progress) in &mut self.progress {
            let oldest = waiting.get(&stream).map_or(progress.absorbed, |position| position.offset);
            // What has not been read again still waits, though the engine knows nothing of it.
            let oldest = if progress.again < progress.known_until { oldest.min(progress.again) } else { oldest };
            let (resume, absorbed) = (oldest.min(progress.absorbed), progress.absorbed);
            if Some(stream) == self.retries.stream() {
                retries_done = resume;
            }
            let changed = progress.told.replace((resume, absorbed)) != Some((resume, absorbed));
            // One that was forgotten at this very moment has no name to keep its position under.
            if changed && self.streams.name(stream).is_some() {
                positions.push(StreamPosition { stream, resume, absorbed });
            }
        }
        let mut shards: Vec<ShardBytes> = self
            .engine
            .delta()
            .into_iter()
            .map(|delta| ShardBytes { component: ENGINE, shard: delta.shard, whole: delta.whole, bytes: delta.bytes })
            .collect();
        shards.extend(self.duplicates.delta());
        let mut values = vec![(BOOK, self.book.snapshot())];
        if let Ok(bytes) = postcard::to_stdvec(&self.watermarks) {
            values.push((WATERMARKS, bytes));
        }
        values.extend(self.posture.save().map(|bytes| (POSTURE, bytes)));
        values.extend(self.gone.save(at).map(|bytes| (GONE, bytes)));
        let people = std::mem::take(&mut self.people);
        Epoch {
            at,
            streams,
            positions,
            forgotten,
            shards,
            values,
            transitions,
            outbox: Vec::new(),
            commands: people.commands,
            bulks: people.bulks,
            undone: people.undone,
            silences: Vec::new(),
            marks: Vec::new(),
            audit: Vec::new(),
            origins: Vec::new(),
            reloads: std::mem::take(&mut self.reloads),
            dead_letters: std::mem::take(&mut self.dead_letters),
            retried: std::mem::take(&mut self.retries.settled),
            retries_done,
            links: std::mem::take(&mut self.links),
            key_usage: self.keys.take(self.watermarks.newest()),
            posture: self.posture.rows(),
            accounting: self.accounting(),
        }
    }

    /// Says where reading of streams began that have not shown a message yet, so that a restart
    /// begins there too.
    pub fn begins(&mut self, starts: &[(StreamId, i64)]) {
        for &(stream, offset) in starts {
            self.progress.entry(stream).or_insert(Progress { absorbed: offset, ..Progress::default() });
        }
    }

    /// Tells the core that an epoch with `streams` named streams is durable.
    pub fn committed(&mut self, epoch: &Epoch) {
        self.streams_stored += epoch.streams.len();
        epoch.forgotten.iter().for_each(|&stream| self.streams.forget(stream));
    }

    /// Notes that `stream` ends where it has been read to: if that is before what was known of it, it was cut off
    /// meanwhile, and what comes there now is new.
    pub(super) fn ends_before(&mut self, stream: StreamId) {
        if let Some(progress) = self.progress.get_mut(&stream).filter(|known| known.again < known.known_until) {
            (progress.known_until, progress.absorbed) = (progress.again, progress.again);
        }
    }

    /// Returns where a source that is opened anew goes on in every stream: behind what was absorbed, or where reading
    /// again after a restart has come to.
    pub fn reopening(&self) -> Vec<(StreamId, i64)> {
        let at = |progress: &Progress| {
            if progress.again < progress.known_until { progress.again } else { progress.absorbed }
        };
        self.progress.iter().map(|(stream, progress)| (*stream, at(progress))).collect()
    }

    /// Returns what the newest epoch says of every stream.
    pub fn positions(&self) -> Vec<StreamPosition> {
        let told = |(&stream, progress): (&StreamId, &Progress)| {
            let (resume, absorbed) = progress.told?;
            Some(StreamPosition { stream, resume, absorbed })
        };
        self.progress.iter().filter_map(told).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::detection::Detectors;
    use crate::pipeline::Worked;
    use crate::pipeline::uses::Noted;
    use crate::pipeline::worker::{MessageSeen, RecordSeen};
    use crate::telemetry::{Category, Mark, StreamName, Streams};

    fn settings() -> CoreSettings {
        CoreSettings { durable: true, ..CoreSettings::replay() }
    }

    fn core(streams: &Streams) -> Core {
        Core::new(Arc::new(Detectors { all: Vec::new() }), streams.clone(), &settings())
    }

    fn streams() -> Streams {
        Streams::restore(vec![StreamName { source: "logs".into(), topic: "a.log".into(), partition: 7 }])
    }

    /// A message with one record of `seconds` at `offset`, and what the source says after it.
    fn message(offset: i64, seconds: i64, marks: Vec<Mark>) -> Worked {
        let stream = StreamId(0);
        let message =
            MessageSeen { stream, offset, next: offset + 10, size: 10, records: 0..1, dead: 0..0, redacted: None };
        let record = RecordSeen {
            index: 0,
            hash: offset as u128,
            time: Timestamp::from_seconds(seconds),
            category: Category::GatewayLogs,
            signals: 0..0,
            held: 0..0,
            noted: Noted::Nothing,
        };
        Worked { messages: vec![message], records: vec![record], marks, ..Worked::default() }
    }

    /// Ends `core` after an epoch and begins another one from it.
    fn restarted(core: Core, streams: &Streams) -> Core {
        restarted_at(core, streams, Timestamp::from_seconds(0))
    }

    fn restarted_at(mut core: Core, streams: &Streams, at: Timestamp) -> Core {
        let mut epoch = core.epoch(Vec::new(), at);
        epoch.values.extend(core.gone.all(at).map(|bytes| (GONE, bytes)));
        let recovered = Recovered {
            positions: core.positions(),
            shards: epoch.shards,
            values: epoch.values.into_iter().map(|(name, bytes)| (name.to_owned(), bytes)).collect(),
            accounting: epoch.accounting,
            ..Recovered::default()
        };
        let mut next = self::core(streams);
        next.restore(recovered, 1, &settings()).unwrap();
        next
    }

    /// A core of which three messages were absorbed before a restart, and signals of all of them waited.
    fn recovering(streams: &Streams) -> Core {
        let mut core = core(streams);
        let positions = vec![StreamPosition { stream: StreamId(0), resume: 0, absorbed: 30 }];
        core.restore(Recovered { positions, ..Recovered::default() }, 1, &settings()).unwrap();
        core
    }

    #[test]
    fn what_has_not_been_read_again_stays_what_the_next_restart_resumes_at() {
        let streams = streams();
        let mut core = recovering(&streams);
        let resumes = |core: &mut Core| {
            core.epoch(Vec::new(), Timestamp::from_seconds(0));
            let positions: Vec<_> = core.positions().iter().map(|at| (at.resume, at.absorbed)).collect();
            (positions, core.reopening())
        };
        assert_eq!(resumes(&mut core), (vec![(0, 30)], vec![(StreamId(0), 0)]));
        core.absorb(message(0, 1, vec![Mark::Opened(StreamId(0))]));
        assert_eq!(resumes(&mut core), (vec![(10, 30)], vec![(StreamId(0), 10)]));
        // A source that fails for good and is opened anew goes on there; a rebalance takes nothing away.
        core.absorb(message(10, 2, vec![Mark::Closed(StreamId(0))]));
        assert_eq!(resumes(&mut core), (vec![(20, 30)], vec![(StreamId(0), 20)]));
        core.absorb(message(20, 3, Vec::new()));
        assert_eq!(resumes(&mut core), (vec![(30, 30)], vec![(StreamId(0), 30)]));
        assert_eq!(core.accounting().records, 0);
    }

    #[test]
    fn what_comes_where_a_log_was_cut_off_meanwhile_is_new() {
        let mut core = recovering(&streams());
        core.absorb(message(0, 1, vec![Mark::AtEnd(StreamId(0), true)]));
        core.epoch(Vec::new(), Timestamp::from_seconds(0));
        assert_eq!(core.positions(), [StreamPosition { stream: StreamId(0), resume: 10, absorbed: 10 }]);
        core.absorb(message(10, 2, vec![Mark::AtEnd(StreamId(0), false)]));
        assert_eq!(core.accounting().records, 1);
    }

    #[test]
    fn what_the_broker_no_longer_has_is_not_asked_for_again() {
        let mut core = recovering(&streams());
        let gap = Mark::Gap { stream: StreamId(0), from: 0, to: 45 };
        core.absorb(Worked { marks: vec![gap], ..Worked::default() });
        core.epoch(Vec::new(), Timestamp::from_seconds(0));
        assert_eq!(core.positions(), [StreamPosition { stream: StreamId(0), resume: 45, absorbed: 45 }]);
    }

    #[test]
    fn a_stream_of_which_nothing_was_ever_read_does_not_hold_time_after_a_restart() {
        let streams = streams();
        let mut core = core(&streams);
        core.absorb(message(0, 100, vec![Mark::Opened(StreamId(0)), Mark::Opened(StreamId(9))]));
        assert_eq!(core.watermarks().of(crate::clock::Lanes::ALL), Timestamp::MIN);
        let core = restarted(core, &streams);
        assert!(core.watermarks().of(crate::clock::Lanes::ALL) > Timestamp::MIN);
    }

    #[test]
    fn an_epoch_names_the_positions_that_have_changed() {
        let streams = streams();
        let mut core = core(&streams);
        core.absorb(message(0, 1_000, vec![]));
        let at = StreamPosition { stream: StreamId(0), resume: 10, absorbed: 10 };
        assert_eq!(core.epoch(Vec::new(), Timestamp::MIN).positions, std::slice::from_ref(&at));
        assert_eq!(core.epoch(Vec::new(), Timestamp::MIN).positions, []);
        assert_eq!(core.positions(), [at]);
        let mut core = restarted(core, &streams);
        core.absorb(message(10, 1_000, vec![]));
        assert_eq!(core.positions()[0].absorbed, 10, "not before the epoch says so");
        assert_eq!(core.epoch(Vec::new(), Timestamp::MIN).positions[0].absorbed, 20);
        assert_eq!(core.positions()[0].absorbed, 20);
    }

    #[test]
    fn a_file_that_is_gone_for_a_month_is_forgotten_and_one_that_comes_back_is_not() {
        let day = |days: i64| Timestamp::from_seconds(days * 86_400);
        let gone =
            || message(0, 1_000, vec![Mark::Opened(StreamId(0)), Mark::Closed(StreamId(0)), Mark::Gone(StreamId(0))]);
        let streams = streams();
        let mut core = core(&streams);
        assert_eq!(core.absorb(gone()).closed, [StreamId(0)]);
        assert_eq!(core.epoch(Vec::new(), day(1)).forgotten, []);
        let mut core = restarted_at(core, &streams, day(2));
        // Said again after the restart, it is gone since it was first said.
        core.absorb(Worked { marks: vec![Mark::Gone(StreamId(0))], ..Worked::default() });
        assert_eq!(core.epoch(Vec::new(), day(30)).forgotten, []);
        let epoch = core.epoch(Vec::new(), day(32));
        assert_eq!((epoch.forgotten.as_slice(), core.positions()), ([StreamId(0)].as_slice(), vec![]));
        assert!(streams.name(StreamId(0)).is_some(), "not before it is durable");
        core.committed(&epoch);
        assert_eq!(streams.name(StreamId(0)), None);

        let streams = self::streams();
        let mut core = self::core(&streams);
        core.absorb(gone());
        core.epoch(Vec::new(), day(1));
        core.absorb(Worked { marks: vec![Mark::Opened(StreamId(0))], ..Worked::default() });
        assert_eq!(core.epoch(Vec::new(), day(99)).forgotten, []);
    }

    #[test]
    fn a_source_that_fails_for_good_holds_nobody_back_until_it_reads_again() {
        let streams = streams();
        let broken = streams.id(&StreamName { source: "hub".into(), topic: "t".into(), partition: 0 });
        let mut core = core(&streams);
        let opened = vec![Mark::Opened(StreamId(0)), Mark::Opened(broken)];
        core.absorb(message(0, 1_000, opened));
        let reached = |core: &Core| core.watermarks().of(crate::clock::Lanes::ALL);
        assert_eq!(reached(&core), Timestamp::MIN, "the other one has not shown anything");
        core.go_on_without("logs of somebody else");
        assert_eq!(reached(&core), Timestamp::MIN);
        for _ in 0..2 {
            core.go_on_without("hub");
        }
        assert!(reached(&core) > Timestamp::from_seconds(960));
        // It reads again, and is behind: from now on it counts.
        let mut late = message(0, 980, vec![]);
        late.messages[0].stream = broken;
        late.records[0].hash = 99;
        core.absorb(late);
        assert!(reached(&core) < Timestamp::from_seconds(950));
        core.absorb(Worked { marks: vec![Mark::AtEnd(broken, true)], ..Worked::default() });
        assert!(reached(&core) > Timestamp::from_seconds(960));
    }

    #[test]
    fn a_silence_goes_on_after_a_restart_where_it_was() {
        let streams = streams();
        let mut before = core(&streams);
        before.absorb(message(0, 1_000, vec![Mark::AtEnd(StreamId(0), true)]));
        assert_eq!(before.silent_from(), Some(Timestamp::from_seconds(1_000)));
        assert!(before.advance_once(Timestamp::from_seconds(1_600)));
        let mut after = restarted(before, &streams);
        assert_eq!(after.watermarks().of(crate::clock::Lanes::ALL), Timestamp::from_seconds(1_600));
        assert_eq!(after.silent_from(), Some(Timestamp::from_seconds(1_600)));
        assert!(!after.advance_once(Timestamp::from_seconds(1_600)), "it has moved there already");
        // Once somebody speaks again, silence is counted from that.
        after.absorb(message(10, 2_000, vec![Mark::AtEnd(StreamId(0), true)]));
        assert_eq!(after.silent_from(), Some(Timestamp::from_seconds(2_000)));
    }
}
