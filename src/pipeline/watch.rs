//! What the coordinator shows: the board for pages, the metrics, and the log.
//!
//! Every figure and every log line of the running daemon is written here, so that the rooms
//! beneath need neither. Totals come from the accounting, which survives a restart; rates are
//! taken over ten seconds.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use crate::alerts::{AlertState, Level, Transition};
use crate::clock::{Lanes, Timestamp};
use crate::dashboard::{Board, Changes, Health, SinkSeen, SourceSeen, StreamSeen, visible};
use crate::metrics::{Metrics, reach};
use crate::store::Accounting;
use crate::telemetry::{StreamId, Streams};

use super::Core;
use super::core::Absorbed;
use super::deliveries::Settled;

mod cuts;
mod drifts;
mod left;
mod matched;
mod sources;
mod surround;
mod telling;

/// Rates are over this long.
const RATE_WINDOW: Duration = Duration::from_secs(10);
/// How long before an exception ends that is said, where nobody has said otherwise.
pub const WARN_BEFORE: Duration = Duration::from_hours(7 * 24);

/// A source as it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceInfo {
    /// Its name in the configuration.
    pub name: String,
    /// `kafka`, `file`, `stdin` or `http`.
    pub kind: &'static str,
}

#[derive(Debug, Default)]
struct Rate {
    messages: u64,
    records: u64,
    bytes: u64,
    /// Elapsed time, records and bytes so far, over the window.
    past: VecDeque<(Duration, u64, u64)>,
}

/// Fills the board and the metrics and writes the log.
#[derive(Debug)]
pub struct Watch {
    board: Arc<Board>,
    metrics: Arc<Metrics>,
    changes: Changes,
    rates: HashMap<String, Rate>,
    last_health: Duration,
    last_coverage: Duration,
    last_epoch: Option<Timestamp>,
    store_complaint: Option<String>,
    output_complaint: Option<String>,
    detectors_complaint: Option<String>,
    detectors: usize,
    /// By the source's number: bytes that it keeps on disk.
    spooled: BTreeMap<usize, u64>,
    /// By the source's number: what it can't do as it is, though it reads.
    source_complaints: BTreeMap<usize, String>,
    source_remarks: BTreeMap<usize, String>,
    context: surround::Said,
    /// Sinks that are no more, for which deliveries wait: said once each.
    left_behind: BTreeSet<String>,
    /// How long before an exception ends that is said.
    pub warn_before: Duration,
}

impl Watch {
    /// Returns a watch that shows `sources` as waiting for their first batch, their figures at 0.
    pub fn new(
        board: Arc<Board>,
        metrics: Arc<Metrics>,
        changes: Changes,
        sources: &[SourceInfo],
        detectors: usize,
    ) -> Self {
        for source in sources {
            let seen = SourceSeen {
                kind: source.kind,
                state: "waiting".into(),
                failing: false,
                messages: 0,
                records_per_second: 0.0,
                bytes_per_second: 0.0,
            };
            board.sources.insert(source.name.clone(), seen);
            metrics.messages.add(&[&source.name], 0);
            metrics.bytes.add(&[&source.name], 0);
        }
        Self {
            board,
            metrics,
            changes,
            rates: HashMap::new(),
            last_health: Duration::ZERO,
            last_coverage: Duration::ZERO,
            last_epoch: None,
            store_complaint: None,
            output_complaint: None,
            detectors_complaint: None,
            detectors,
            spooled: BTreeMap::new(),
            source_complaints: BTreeMap::new(),
            source_remarks: BTreeMap::new(),
            context: surround::Said::default(),
            left_behind: BTreeSet::new(),
            warn_before: WARN_BEFORE,
        }
    }

    /// Shows how far streams are behind their ends.
    pub fn lag(&self, streams: &Streams, lag: &[(StreamId, i64)]) {
        for &(stream, behind) in lag {
            let Some(name) = streams.name(stream) else { continue };
            self.metrics.source_lag.set(&[&name.source, &name.topic, &name.partition.to_string()], behind);
            if let Some(mut seen) = self.board.streams.get_mut(&*name) {
                seen.lag = Some(behind);
            }
        }
    }

    /// Shows how many bytes a source keeps on disk until they are read and committed.
    pub fn spooled(&mut self, source: usize, bytes: u64) {
        self.spooled.insert(source, bytes);
        let all: u64 = self.spooled.values().sum();
        self.metrics.spool_bytes.set(i64::try_from(all).unwrap_or(i64::MAX));
    }

    /// Shows what a source can't do as it is, though it reads.
    pub fn source_complains(&mut self, source: usize, complaint: Option<String>) {
        say_once(&mut self.source_complaints, source, complaint);
    }

    /// Shows what may be amiss with a source that does all that it can: that keeps nothing from being ready.
    pub fn source_remarks(&mut self, source: usize, remark: Option<String>) {
        say_once(&mut self.source_remarks, source, remark);
    }

    /// Shows what a batch brought.
    pub fn absorbed(&mut self, done: &Absorbed, streams: &Streams, core: &Core) {
        for (&stream, &(messages, bytes)) in &done.messages {
            let Some(name) = streams.name(stream) else { continue };
            self.metrics.messages.add(&[&name.source], messages);
            self.metrics.bytes.add(&[&name.source], bytes);
            let rate = self.rates.entry(name.source.clone()).or_default();
            rate.messages += messages;
            rate.bytes += bytes;
            rate.records += done.records * messages / done.messages.values().map(|(n, _)| n).sum::<u64>().max(1);
            let lag = self.board.streams.get(&*name).and_then(|seen| seen.lag);
            let newest = core.watermarks().newest_of(stream.0);
            self.board.streams.insert((*name).clone(), StreamSeen { offset: core.absorbed_of(stream), lag, newest });
        }
        self.written(done.written);
        for element in &done.elements {
            super::coverage::show(&self.board, element);
        }
        if done.retried != (0, 0) {
            let (decoded, failed) = done.retried;
            tracing::info!(decoded, failed, "dead letters were tried again");
        }
        for name in done.closed.iter().filter_map(|&stream| streams.name(stream)) {
            self.board.streams.remove(&*name);
            self.metrics.source_lag.remove(&[&name.source, &name.topic, &name.partition.to_string()]);
        }
        for &(stream, from, to) in &done.gaps {
            let name = streams.name(stream).map(|name| name.to_string()).unwrap_or_default();
            tracing::error!(
                stream = name,
                from,
                to,
                "the broker no longer has these messages: they were never seen. Raise the topic's retention, or keep Gatewatch running"
            );
        }
    }

    /// Says that a stream known from before the restart did not come back.
    pub fn never_came_back(&self, streams: &Streams, stream: StreamId) {
        let name = streams.name(stream).map(|name| name.to_string()).unwrap_or_default();
        tracing::warn!(stream = name, "no source has brought this stream back; detection goes on without it");
    }

    /// Counts a delivery.
    pub fn delivery(&mut self, settled: &Settled, now: Timestamp) {
        let outcome = settled.outcome_word();
        self.metrics.deliveries.add(&[&settled.sink, outcome], 1);
        let mut seen = self.board.sinks.entry(settled.sink.clone()).or_insert_with(|| SinkSeen {
            kind: settled.kind,
            waiting: 0,
            delivered: 0,
            failing: None,
        });
        match &settled.failure {
            None => {
                seen.delivered += 1;
                seen.failing = None;
            }
            Some(says) => {
                if seen.failing.as_ref().map(|(said, _)| said) != Some(says) {
                    tracing::warn!(sink = settled.sink, "{says}");
                }
                seen.failing = Some((says.clone(), now));
            }
        }
    }

    /// Shows how many deliveries wait.
    pub fn waiting(&mut self, sink: &str, kind: &'static str, waiting: u64) {
        self.metrics.deliveries_waiting.set(&[sink], i64::try_from(waiting).unwrap_or(i64::MAX));
        let seen = || SinkSeen { kind, waiting: 0, delivered: 0, failing: None };
        self.board.sinks.entry(sink.to_owned()).or_insert_with(seen).waiting = waiting;
    }

    /// Says what the store let go that somebody may miss.
    pub fn pruned(&mut self, pruned: &crate::store::Pruned) {
        if pruned.given_up > 0 {
            tracing::error!(
                deliveries = pruned.given_up,
                "deliveries were given up: more waited than max_waiting_deliveries in [store]. Mend the sink"
            );
            self.metrics.deliveries.add(&["all", "given_up"], pruned.given_up as u64);
        }
    }

    /// Says that the redacted stream can't be written, so nothing is committed.
    pub fn output_failing(&mut self, says: &str) {
        if self.output_complaint.as_deref() != Some(says) {
            tracing::error!("{says}");
        }
        self.output_complaint = Some(says.to_owned());
    }

    /// Says that the store's disk is full, so nothing more is read.
    pub fn store_full(&mut self, says: &str) {
        if self.store_complaint.as_deref() != Some(says) {
            tracing::error!("{says}");
        }
        self.store_complaint = Some(says.to_owned());
    }

    /// Shows and logs what an epoch made durable.
    pub fn committed(&mut self, transitions: &[(Transition, Timestamp)], core: &Core, took: Duration, now: Timestamp) {
        self.store_complaint = None;
        self.output_complaint = None;
        self.last_epoch = Some(now);
        self.metrics.epochs.inc();
        self.metrics.epoch_commit_seconds.observe(took.as_secs_f64());
        for (transition, _) in transitions {
            let alert = transition.alert();
            match transition {
                Transition::Opened(_) => {
                    tracing::info!(alert = %alert.id, level = %alert.level, detector = &*alert.detector, "opened: {}", visible(&alert.why));
                }
                Transition::Closed(..) => tracing::info!(alert = %alert.id, detector = &*alert.detector, "closed"),
                Transition::Updated(..) => {}
            }
            self.changes.publish(transition);
        }
        let mut open: BTreeMap<Level, i64> = Level::ALL.into_iter().map(|level| (level, 0)).collect();
        for alert in core.book().alerts().filter(|alert| alert.state != AlertState::Closed) {
            *open.entry(alert.level).or_default() += 1;
        }
        for (level, n) in open {
            self.metrics.alerts_open.set(&[level.name()], n);
        }
    }

    /// Moves the metrics up to the totals that survive a restart: once before anybody can look, so
    /// that a restart is no jump. Returns the totals.
    pub fn totals(&self, core: &Core) -> Accounting {
        let counted = core.accounting();
        for (category, &n) in &counted.decoded {
            self.metrics.records.reach(&[category], n);
        }
        for (reason, &n) in &counted.dead_letters {
            self.metrics.dead_letters.reach(&[reason], n);
        }
        for (kind, &n) in &counted.redactions {
            self.metrics.redactions.reach(&[kind], n);
        }
        for (exception, &n) in &counted.held_back {
            self.metrics.held_back.reach(&[exception], n);
        }
        for (&(family, level), &n) in core.findings() {
            self.metrics.findings.reach(&[family, level], n);
        }
        reach(&self.metrics.duplicates, counted.duplicates);
        reach(&self.metrics.filtered, counted.filtered);
        reach(&self.metrics.late, counted.late);
        reach(&self.metrics.evicted, counted.evicted);
        reach(&self.metrics.lost_upstream, counted.lost_upstream);
        self.matches(core);
        counted
    }

    /// Refreshes health, rates and totals; a few times a second is enough.
    pub fn beat(
        &mut self,
        core: &Core,
        failing: &BTreeMap<usize, String>,
        stuck: bool,
        now: Timestamp,
        elapsed: Duration,
    ) {
        if elapsed.saturating_sub(self.last_health) < Duration::from_millis(500) {
            return;
        }
        self.last_health = elapsed;
        self.rates(elapsed);
        self.surrounded(core, now, elapsed);
        let counted = self.totals(core);
        let decoded: u64 = counted.decoded.values().sum();
        let dead: u64 = counted.dead_letters.values().sum();
        let watermark = core.watermarks().of(Lanes::ALL);
        let watermark = (watermark > Timestamp::MIN).then_some(watermark);
        self.metrics.watermark_age_seconds.set(watermark.map_or(f64::NAN, |at| now.since(at).as_secs() as f64));
        self.metrics.waiting_ratio.set(core.fullness());
        let complaints = self.complaints(failing, core);
        let health = Health {
            at: Some(now),
            ready: complaints.is_empty() && !stuck,
            complaints,
            remarks: self.source_remarks.values().cloned().collect(),
            watermark,
            newest: core.watermarks().newest(),
            last_epoch: self.last_epoch,
            records: [counted.records, decoded, dead, counted.filtered, counted.duplicates],
            late: counted.late,
            evicted: counted.evicted,
            detectors: self.detectors,
        };
        self.board.set_health(health);
        if elapsed.saturating_sub(self.last_coverage) >= super::coverage::EVERY {
            self.last_coverage = elapsed;
            super::coverage::figures(&self.board, &self.metrics, now);
        }
    }

    fn complaints(&self, failing: &BTreeMap<usize, String>, core: &Core) -> Vec<String> {
        let mut complaints: Vec<String> = failing.values().cloned().collect();
        complaints.extend(self.source_complaints.values().cloned());
        complaints.extend(self.store_complaint.clone());
        complaints.extend(self.output_complaint.clone());
        complaints.extend(self.context.complaint.clone());
        complaints.extend(self.detectors_complaint.clone());
        if core.is_recovering() {
            complaints.push("Catching up after a restart: detection goes on once every stream is back.".into());
        }
        complaints
    }

    fn rates(&mut self, elapsed: Duration) {
        for (source, rate) in &mut self.rates {
            rate.past.push_back((elapsed, rate.records, rate.bytes));
            while rate.past.len() > 2
                && rate.past.front().is_some_and(|past| elapsed.saturating_sub(past.0) > RATE_WINDOW)
            {
                rate.past.pop_front();
            }
            let Some(&(since, records, bytes)) = rate.past.front() else { continue };
            let seconds = elapsed.saturating_sub(since).as_secs_f64().max(0.5);
            if let Some(mut seen) = self.board.sources.get_mut(source) {
                if !seen.failing && seen.state == "waiting" {
                    seen.state = "reading".into();
                }
                seen.messages = rate.messages;
                seen.records_per_second = (rate.records - records) as f64 / seconds;
                seen.bytes_per_second = (rate.bytes - bytes) as f64 / seconds;
            }
        }
    }
}
/// Keeps what is said of a source, or that nothing is any more; the log has it the first time.
fn say_once(said: &mut BTreeMap<usize, String>, source: usize, says: Option<String>) {
    match says {
        None => drop(said.remove(&source)),
        Some(says) => {
            if !said.contains_key(&source) {
                tracing::warn!("{says}");
            }
            said.insert(source, says);
        }
    }
}
