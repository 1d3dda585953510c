//! Stateful evaluation, one owner a virtual shard, no lock.
//!
//! Signals wait until their detector's watermark has passed them and are then evaluated in
//! canonical order, so neither the order of arrival nor the size of batches nor the number of
//! ticks can change an answer. A detector's watermark never goes back here: what arrives below
//! it is late, and is evaluated by the next tick before all else. Ceilings hold for each detector
//! in each shard, so what is given up does not depend on other detectors or shards either.

mod evidence;
mod found;
mod key;
mod openings;
mod queue;
mod records;
mod reload;
mod saved;
mod settings;
mod standing;
mod table;
#[cfg(test)]
pub mod trial;
mod waiting;
mod why;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::clock::{Timestamp, Watermarks};
use crate::telemetry::{Position, StreamId};

use super::{Counting, Detector, Detectors, Finding, Signal};
use evidence::{about, key_of};
use found::Found;
use queue::Queue;
use records::Records;
pub use saved::ShardDelta;
use saved::{Header, tag_of};
pub use settings::EngineSettings;
use table::{Limits, Rule, Table};
use waiting::{canonical, repeats};

/// For so many bytes of records that may wait, one signal may: what it takes itself, roughly.
const BYTES_A_SIGNAL: usize = 192;
/// So many signals may wait in any case.
const LEAST_SIGNALS: usize = 65_536;
/// Virtual shards.
const SHARDS: usize = 256;
/// Times and values that a shard may keep for one detector, whatever its share of entities.
const LEAST_ITEMS: usize = 16_384;
/// Times and values for each entity of a shard's share, on average.
const ITEMS_AN_ENTITY: usize = 16;

/// Baselines of all detectors together: each takes 3 KB.
const BASELINES: usize = 20_000;

/// Keyed state of all detectors, and the signals that wait for their watermark.
#[derive(Debug)]
pub struct Engine {
    detectors: Arc<Detectors>,
    /// What each detector's state is saved under.
    tags: Vec<u64>,
    lines: Vec<Line>,
    queues: Vec<Queue>,
    shards: Vec<Shard>,
    records: Records,
    limits: Limits,
    /// Entities of a shard that each detector follows which learns what is normal.
    seasonal: usize,
    /// Signals that may wait.
    most: usize,
    evicted: u64,
    late: u64,
    /// The shard whose delta carries what no shard owns, when none has changed.
    carrier: Option<u8>,
    saved_header: Header,
}

/// How far one detector has come.
#[derive(Debug)]
struct Line {
    /// Its place among the queues.
    queue: usize,
    /// Whether an entity's first event must be of its first step.
    in_order: bool,
    /// Whether it sees what others find.
    after: bool,
    late: Vec<Signal>,
    /// What others have found and this one sees, once the watermark has passed it.
    evidence: Vec<Signal>,
    /// Everything up to this has been evaluated.
    released: Timestamp,
    /// Nothing has to leave its tables before this.
    next: Timestamp,
}

#[derive(Debug, Default)]
struct Shard {
    /// One for each detector that has seen an entity here.
    tables: Vec<Option<Box<Table>>>,
    /// Bytes of the last whole state, and of the changes since.
    whole: usize,
    grown: usize,
    must_be_whole: bool,
    /// Whether the last delta had late signals in it.
    had_late: bool,
}

impl Engine {
    /// Returns an engine with empty state.
    pub fn new(detectors: Arc<Detectors>, settings: EngineSettings) -> Self {
        let cells = (settings.max_entities / SHARDS).max(1);
        let limits = Limits {
            cells,
            items: cells.saturating_mul(ITEMS_AN_ENTITY).max(LEAST_ITEMS),
            bytes: (settings.max_waiting_bytes / 4 / SHARDS).max(8 * 1024),
        };
        let mut queues = Vec::new();
        Self {
            tags: detectors.all.iter().map(|detector| tag_of(detector)).collect(),
            lines: detectors.all.iter().map(|detector| Line::new(Queue::of(&mut queues, detector), detector)).collect(),
            queues,
            shards: (0..SHARDS).map(|_| Shard::default()).collect(),
            records: Records::new(settings.max_waiting_bytes),
            limits,
            seasonal: seasonal(&detectors),
            most: (settings.max_waiting_bytes / BYTES_A_SIGNAL).max(LEAST_SIGNALS),
            evicted: 0,
            late: 0,
            carrier: None,
            saved_header: Header::default(),
            detectors,
        }
    }

    /// Takes a signal in; nothing is evaluated before [`Engine::tick`].
    pub fn apply(&mut self, mut signal: Signal) {
        let Some(line) = self.lines.get_mut(usize::from(signal.detector)) else { return };
        self.carrier = Some(signal.shard);
        if line.after {
            signal.key = about(&signal);
        }
        if signal.time <= line.released {
            line.late.push(signal);
            return;
        }
        self.records.admit(&mut signal);
        if let Some(queue) = self.queues.get_mut(line.queue) {
            queue.push(signal, line.in_order);
        }
    }

    /// Evaluates, in canonical order, every waiting signal that the watermarks have passed, and
    /// what follows from time alone (absence). Returns findings in order of time.
    pub fn tick(&mut self, now: &Watermarks) -> Vec<Finding> {
        let mut found = Found::default();
        let detectors = Arc::clone(&self.detectors);
        for number in (0..self.lines.len()).filter(|&number| !detectors.all[number].counting.sees_findings()) {
            let mut late = std::mem::take(&mut self.lines[number].late);
            late.sort_unstable_by(canonical);
            self.evaluate(&detectors, true, &late, &mut found);
        }
        let share = self.share();
        for number in (0..self.queues.len()).filter(|&number| !self.queues[number].after).collect::<Vec<_>>() {
            let reached = now.of(self.queues[number].needs);
            self.queues[number].pass(reached, share);
            self.release(&detectors, number, reached, &mut found);
        }
        self.settle(&detectors, false, &mut found);
        self.hand_over(&detectors, &found);
        self.go_by_findings(&detectors, now, share, &mut found);
        self.settle(&detectors, true, &mut found);
        self.records.forget();
        self.evicted += std::mem::take(&mut found.evicted);
        found.into_findings()
    }

    /// Evaluates what a queue has let pass; what lies behind `reached` is evaluated early.
    fn release(&mut self, detectors: &Detectors, number: usize, reached: Timestamp, found: &mut Found) {
        let queue = &mut self.queues[number];
        queue.put_in_order(&self.shards);
        let passed = queue.passed;
        let mut waiting = std::mem::take(&mut queue.waiting);
        for due in waiting.due(passed) {
            self.evicted += (due.len() - due.partition_point(|signal| signal.time <= reached)) as u64;
            self.evaluate(detectors, false, due, found);
        }
        waiting.let_go(passed);
        self.queues[number].waiting = waiting;
    }

    /// Notes how far detectors have evaluated, and lets time reach their entities: for those that see
    /// what others find, or for the others.
    fn settle(&mut self, detectors: &Detectors, after: bool, found: &mut Found) {
        for (number, detector) in detectors.all.iter().enumerate() {
            if detector.counting.sees_findings() != after {
                continue;
            }
            let line = &mut self.lines[number];
            line.released = self.queues[line.queue].passed.max(line.released);
            let passed = line.released;
            let limits = self.limits_of(detector);
            let rule = Rule { detector, number: number as u16, released: passed, late: false, limits, common: true };
            self.sweep(&rule, passed, found);
        }
    }

    /// Evaluates signals; those of one detector must stand in canonical order.
    fn evaluate(&mut self, detectors: &Detectors, late: bool, signals: &[Signal], found: &mut Found) {
        let mut previous = None;
        let mut untold = Found::default();
        for signal in signals {
            if previous.is_some_and(|previous| repeats(previous, signal)) {
                continue;
            }
            previous = Some(signal);
            let number = usize::from(signal.detector);
            let Some(detector) = detectors.all.get(number) else { continue };
            let limits = self.limits_of(detector);
            let Some(line) = self.lines.get_mut(number) else { continue };
            let mut rule =
                Rule { detector, number: signal.detector, released: line.released, late, limits, common: true };
            self.late += u64::from(late && !signal.learns);
            if let Some(settled) = detector.counting.settled() {
                // A value's cell lies in a shard of its own, for all entities may show it.
                let values = self.shards[usize::from(signal.value as u8)].table(number);
                rule.common = values.is_common(&rule, settled, signal, &mut untold);
                line.next = line.next.min(values.next());
            }
            found.shard = signal.shard;
            let table = self.shards[usize::from(signal.shard)].table(number);
            let known = line.after.then(|| Signal { key: key_of(&signal.entity()), ..signal.clone() });
            table.take(&rule, known.as_ref().unwrap_or(signal), if signal.learns { &mut untold } else { found });
            if line.next == Timestamp::MAX || detector.counting.is_timed() {
                line.next = line.next.min(table.next());
            }
        }
        found.evicted += untold.evicted;
    }

    /// Lets go what no longer matters. Silence is seen here, so its detectors are swept as soon
    /// as something is due; for the others it is tidying, and an eighth of their span will do.
    fn sweep(&mut self, rule: &Rule<'_>, passed: Timestamp, found: &mut Found) {
        let number = usize::from(rule.number);
        if passed < self.lines[number].next {
            return;
        }
        let mut next = Timestamp::MAX;
        for (shard, place) in self.shards.iter_mut().zip(0_u8..=u8::MAX) {
            found.shard = place;
            if let Some(Some(table)) = shard.tables.get_mut(number) {
                table.expire(rule, passed, found);
                next = next.min(table.next());
            }
        }
        let tidies = next < Timestamp::MAX && !rule.detector.counting.is_timed();
        self.lines[number].next = if tidies { next.max(passed.plus(patience(rule.detector))) } else { next };
    }

    fn limits_of(&self, detector: &Detector) -> Limits {
        let most = if detector.counting.is_seasonal() { self.seasonal } else { usize::MAX };
        Limits { cells: self.limits.cells.min(most), ..self.limits }
    }

    /// How many signals each queue may keep: all of them, unless there are too many.
    fn share(&self) -> usize {
        let waiting: usize = self.queues.iter().map(|queue| queue.waiting.len()).sum();
        if waiting > self.most { self.most / self.queues.len().max(1) } else { usize::MAX }
    }

    /// Returns how many signals wait of those that may, 0 to 1; beyond 1 until the next tick.
    pub fn fullness(&self) -> f64 {
        self.held().0 as f64 / self.most as f64
    }

    /// Tells whether a signal of `detector` at `time` was already evaluated by an earlier tick:
    /// after a restart, records are read again from the oldest one that was still waiting.
    pub fn evaluated(&self, detector: u16, time: Timestamp) -> bool {
        self.lines.get(usize::from(detector)).is_none_or(|line| time <= line.released)
    }

    /// Returns up to when each detector has evaluated, in the detectors' order.
    pub fn released(&self) -> Vec<Timestamp> {
        self.lines.iter().map(|line| line.released).collect()
    }

    /// Returns, for each stream, the oldest position whose signals still wait.
    pub fn waiting(&self) -> BTreeMap<StreamId, Position> {
        let mut oldest = BTreeMap::new();
        self.queues.iter().for_each(|queue| queue.waiting.oldest(&mut oldest));
        oldest
    }

    /// Returns how many signals wait, and how many bytes of records they hold, with some that were just evaluated.
    pub fn held(&self) -> (usize, usize) {
        let waiting: usize = self.queues.iter().map(|queue| queue.waiting.len()).sum();
        let late: usize = self.lines.iter().map(|line| line.late.len()).sum();
        (waiting + late, self.records.held())
    }

    /// Returns how many entities each detector follows, in the detectors' order.
    pub fn entities(&self) -> Vec<usize> {
        let mut entities = vec![0; self.lines.len()];
        for (number, table) in self.shards.iter().flat_map(|shard| shard.tables.iter().enumerate()) {
            entities[number] += table.as_ref().map_or(0, |table| table.len());
        }
        entities
    }

    /// Returns what changed since the last call. Now and then, when a shard's changes have grown
    /// larger than its state, a shard comes whole. Belongs into one epoch with the findings of the
    /// ticks since; engines that share the shards must have ticked with the same watermarks.
    pub fn delta(&mut self) -> Vec<ShardDelta> {
        self.save()
    }

    /// Restores state from the newest whole of each shard and the changes after it, in order.
    ///
    /// # Errors
    ///
    /// Names the shard whose bytes do not match their checksum or version.
    pub fn restore(&mut self, deltas: &[ShardDelta]) -> Result<(), String> {
        self.load(deltas)
    }

    /// Returns entities given up so far because a ceiling was reached, and signals evaluated early.
    pub fn evicted(&self) -> u64 {
        self.evicted
    }

    /// Returns signals evaluated so far that came later than the allowed lateness.
    pub fn late(&self) -> u64 {
        self.late
    }
}

impl Line {
    fn new(queue: usize, detector: &Detector) -> Self {
        let in_order = matches!(detector.counting, Counting::Sequence { any_order: false, .. });
        let (after, released, next) = (detector.counting.sees_findings(), Timestamp::MIN, Timestamp::MAX);
        Self { queue, in_order, after, late: Vec::new(), evidence: Vec::new(), released, next }
    }
}

impl Shard {
    fn table(&mut self, number: usize) -> &mut Table {
        if self.tables.len() <= number {
            self.tables.resize_with(number + 1, || None);
        }
        self.tables[number].get_or_insert_with(|| Box::new(Table::new()))
    }

    fn has_changed(&self) -> bool {
        self.must_be_whole || self.had_late || self.tables.iter().flatten().any(|table| table.has_changed())
    }
}

/// Returns how many baselines of one detector a shard may hold.
fn seasonal(detectors: &Detectors) -> usize {
    let learn = detectors.all.iter().filter(|detector| detector.counting.is_seasonal()).count();
    (BASELINES / SHARDS / learn.max(1)).max(1)
}

/// How long what no longer matters may lie about.
fn patience(detector: &Detector) -> Duration {
    (detector.counting.span().max(detector.quiet) / 8).clamp(Duration::from_secs(1), Duration::from_hours(1))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;
    use proptest::strategy::ValueTree as _;
    use proptest::test_runner::TestRunner;

    use super::trial::{
        Reading, attacks, detector, engine, engine_with, folded, read, settings, signal, signal_of, until,
    };
    use super::*;
    use crate::clock::Lanes;
    use crate::detection::correlation_plan::{Compare, Input, Joint, Limit, Node, Plan};
    use crate::detection::kinds::pack_place;
    use crate::detection::{
        Baselining, Bulk, Counting, Family, Finders, Level, Measured, Only, Risking, Share, Traveling, Window,
    };

    fn secs(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    /// The place among all kinds of the one that adds up evidence.
    const RISK: u16 = 18;
    const TRAVEL: u16 = 21;
    /// Of those that learn what an hour brings: one entity, over hours.
    const SEASONAL: [u16; 6] = [15, 16, 17, 20, 23, 24];
    /// When all of the random input is over, and what follows from silence.
    const END: i64 = 13_000;

    fn all_kinds() -> Vec<Detector> {
        vec![
            detector("a.match", Counting::Match, 9),
            detector("b.threshold", Counting::Threshold { at_least: 4, within: secs(30).into() }, 12),
            detector("c.distinct", Counting::Distinct { more_than: 2, within: secs(30).into() }, 40),
            detector("d.sequence", sequence(vec![2, 1, 1], None), 20),
            detector(
                "e.first",
                Counting::FirstSeen { learn: secs(10), forget: secs(60), bulk: None, only: Only::default() },
                15,
            ),
            detector("f.absence", Counting::Absence { after: secs(25), at_least: 2 }, 15),
            detector("g.tumbling", Counting::Threshold { at_least: 3, within: Window::tumbling(secs(30)) }, 9),
            detector("h.ratio", Counting::Ratio { at_least: Share(600_000), among: 3, within: secs(40).into() }, 9),
            detector("i.sum", amount(false, 6), 12),
            detector("j.average", amount(true, 2), 12),
            detector("k.percentile", percentile(), 9),
            detector("l.together", together(), 20),
            detector("m.gap", sequence(vec![2, 1], Some(15)), 20),
            detector(
                "n.bulk",
                Counting::FirstSeen { learn: secs(10), forget: secs(60), bulk: Some(bulk()), only: Only::default() },
                15,
            ),
            detector("o.unanswered", Counting::Unanswered { within: secs(12) }, 15),
            detector("p.baseline", baseline(Measured::Sum), 9),
            detector("q.average", baseline(Measured::Average), 9),
            detector("r.rhythm", Counting::Rhythm { missing: 1, minutes: false, learn: Duration::ZERO }, 9),
            detector("s.risk", risk(), 9),
            detector("t.only", Counting::FirstSeen { learn: secs(10), forget: secs(60), bulk: None, only: only() }, 15),
            detector("u.minutes", Counting::Rhythm { missing: 1, minutes: true, learn: Duration::ZERO }, 9),
            detector("v.travel", travel(), 9),
            detector("w.correlation", correlation(), 9),
            detector("wa.values", hourly(Measured::Distinct), 9),
            detector("wb.share", hourly(Measured::Ratio), 9),
            detector("x.after", after(vec![by("b.threshold"), Finders::default()], false), 15),
            detector("y.joined", after(vec![Finders::default(), by("c.distinct")], true), 15),
            detector("z.found", after(vec![by("a.match"), of_family(), by("g.tumbling")], false), 15),
        ]
    }

    /// Steps of which some are what others find.
    fn after(found: Vec<Finders>, any_order: bool) -> Counting {
        Counting::Sequence { steps: vec![1; found.len()], within: secs(60), gap: None, any_order, found }
    }

    fn by(id: &str) -> Finders {
        Finders { detectors: vec![id.into()], families: Vec::new() }
    }

    fn of_family() -> Finders {
        Finders { detectors: Vec::new(), families: vec![Family::KeyUsage] }
    }

    fn only() -> Only {
        Only { few: Some(4), settled: Some(secs(12)) }
    }

    fn amount(average: bool, more_than: i64) -> Counting {
        Counting::Amount { average, more_than, among: 2, within: secs(30).into() }
    }

    fn percentile() -> Counting {
        Counting::Percentile { rank: 60, more_than: 2, among: 2, within: secs(30).into() }
    }

    fn sequence(steps: Vec<u32>, gap: Option<u64>) -> Counting {
        Counting::Sequence { steps, within: secs(60), gap: gap.map(secs), any_order: false, found: Vec::new() }
    }

    fn baseline(measured: Measured) -> Counting {
        let (every, learn) = (secs(60), Duration::ZERO);
        Counting::Baseline(Baselining { measured, every, learn, tolerance: 20, sides: (true, true), at_least: 2 })
    }

    fn hourly(measured: Measured) -> Counting {
        let (every, learn) = (secs(3_600), Duration::ZERO);
        Counting::Baseline(Baselining { measured, every, learn, tolerance: 2, sides: (true, true), at_least: 1 })
    }

    fn risk() -> Counting {
        Counting::Risk(Risking { at_least: 60, tactics: 1, half_life: secs(20) })
    }

    fn travel() -> Counting {
        Counting::Travel(Traveling { faster_than: 100, at_least: 200, within: secs(60) })
    }

    /// Two of a row of steps and two values of one, in order: every sort of memory that a correlation has.
    fn correlation() -> Counting {
        let limit = |to| vec![Limit::new(Compare::AtLeast, to)];
        let node = |inputs, joint, within| Node { inputs, joint, within: secs(within) };
        let nodes = vec![
            node(vec![Input::Step(0), Input::Step(1)], Joint::Count(limit(2.0)), 30),
            node(vec![Input::Step(1), Input::Step(2)], Joint::Values(limit(2.0)), 40),
            node(vec![Input::Node(0), Input::Node(1)], Joint::Together(2), 20),
            node(vec![Input::Step(0), Input::Node(2)], Joint::Ordered, 60),
        ];
        Counting::Correlation(Arc::new(Plan { nodes }))
    }

    /// What `value` is to the detector: to the one that travels, a place.
    fn meant(detector: u16, value: u64) -> u64 {
        let places = [(52.5, 13.4), (52.4, 13.1), (48.9, 2.4), (35.7, 139.7), (-33.9, 151.2)];
        let (latitude, longitude) = places[value as usize];
        if detector == TRAVEL { pack_place(latitude, longitude).unwrap() } else { value }
    }

    #[test]
    fn of_random_input_every_kind_fires() {
        let mut silent: BTreeSet<String> = all_kinds().iter().map(|one| one.id.to_string()).collect();
        let mut runner = TestRunner::deterministic();
        for _ in 0..64 {
            let signals = input().new_tree(&mut runner).unwrap().current();
            let once = Reading { delays: vec![0], ticks: vec![false], epochs: vec![false], kills: vec![false] };
            for finding in read(&once, signals, || engine(all_kinds()), END).iter().filter(|one| one.fired) {
                silent.remove(&*finding.detector);
            }
        }
        assert_eq!(silent, BTreeSet::new());
    }

    fn together() -> Counting {
        Counting::Sequence {
            steps: vec![1, 2, 1],
            within: secs(60),
            gap: Some(secs(20)),
            any_order: true,
            found: Vec::new(),
        }
    }

    fn bulk() -> Bulk {
        Bulk { more_than: 1, within: secs(8), level: Level::Low }
    }

    fn input() -> impl Strategy<Value = Vec<Signal>> {
        prop::collection::vec((0_u16..26, 0_u64..2, 0_i64..120, 0_u64..5, 0_u8..3), 0..300).prop_map(|said| {
            let signals = said.into_iter().zip(0..);
            let mut signals: Vec<Signal> = signals
                .map(|((number, who, at, value, step), n)| {
                    // One that adds up evidence gets no events, and neither does the last, which sees findings alone.
                    let number = if number < RISK { number } else { number + 1 };
                    let (who, at) = if SEASONAL.contains(&number) { (0, at / 4 * 400 + at % 4) } else { (who, at) };
                    Signal { detector: number, ..signal_of(who, at, meant(number, value), step, n) }
                })
                .collect();
            signals.sort_by_key(|signal| signal.time);
            signals
        })
    }

    fn reading(kills: bool) -> impl Strategy<Value = Reading> {
        let often = |chance| prop::collection::vec(prop::bool::weighted(chance), 7..20);
        (prop::collection::vec(0_i64..30, 1..9), often(0.5), often(0.5), often(if kills { 0.2 } else { 1e-9 }))
            .prop_map(move |(delays, ticks, epochs, killed)| {
                let kills_at = if kills { killed } else { vec![false] };
                Reading { delays, ticks, epochs, kills: kills_at }
            })
    }

    proptest! {
        #[test]
        fn neither_order_of_arrival_nor_ticks_change_an_answer(signals in input(), reading in reading(false)) {
            let once = Reading { delays: vec![0], ticks: vec![false], epochs: vec![false], kills: vec![false] };
            let expected = folded(read(&once, signals.clone(), || engine(all_kinds()), END));
            prop_assert_eq!(folded(read(&reading, signals, || engine(all_kinds()), END)), expected);
        }

        #[test]
        fn a_kill_at_any_moment_changes_no_answer(signals in input(), reading in reading(true)) {
            let once = Reading { delays: vec![0], ticks: vec![false], epochs: vec![false], kills: vec![false] };
            let expected = folded(read(&once, signals.clone(), || engine(all_kinds()), END));
            prop_assert_eq!(folded(read(&reading, signals, || engine(all_kinds()), END)), expected);
        }

        #[test]
        fn what_a_ceiling_gives_up_does_not_depend_on_ticks_or_kills(signals in input(), reading in reading(true)) {
            let small = || engine_with(all_kinds(), EngineSettings { max_entities: 256, max_waiting_bytes: 1 << 20 });
            let crowded = |mut signal: Signal| {
                signal.shard = 7;
                signal
            };
            let signals: Vec<_> = signals.into_iter().map(crowded).collect();
            let once = Reading { delays: vec![0], ticks: vec![false], epochs: vec![false], kills: vec![false] };
            let expected = folded(read(&once, signals.clone(), small, END));
            prop_assert_eq!(folded(read(&reading, signals, small, END)), expected);
        }
    }

    #[test]
    fn a_signal_below_the_watermark_is_evaluated_by_the_next_tick_and_marked_late() {
        let mut engine = engine(vec![detector("t", Counting::Match, 60)]);
        engine.tick(&until(100));
        engine.apply(signal(1, 50));
        let found = engine.tick(&until(100));
        assert_eq!((found.len(), found[0].late, engine.late()), (1, true, 1));
    }

    #[test]
    fn however_many_signals_wait_the_ceiling_holds_and_nothing_is_lost() {
        let threshold = Counting::Threshold { at_least: 3, within: secs(60).into() };
        let settings = EngineSettings { max_waiting_bytes: 0, ..settings() };
        let other = Detector { needs: Lanes(1), ..detector("u", Counting::Match, 60) };
        let mut engine = engine_with(vec![detector("t", threshold, 60), other], settings);
        let flood = LEAST_SIGNALS as i64 + 10;
        // Nothing is passed: a partition stands still, and the others are full of one attack.
        for n in 0..flood {
            engine.apply(signal_of(1, 100 + n / 100, 0, 0, n as u128));
        }
        assert!(engine.held().0 > LEAST_SIGNALS);
        let found = engine.tick(&until(0));
        let left = engine.held().0;
        assert!(left <= LEAST_SIGNALS / 2, "{left} wait");
        assert!(found[0].fired);
        assert_eq!(engine.evicted(), flood as u64 - left as u64);
        // A detector within its share waits as ever; what is passed now is late.
        engine.apply(Signal { detector: 1, ..signal(1, 50) });
        engine.apply(signal(2, 101));
        engine.tick(&until(0));
        assert_eq!((engine.late(), engine.held().0), (1, left + 1));
    }

    #[test]
    fn a_late_signal_that_no_tick_has_seen_survives_a_kill() {
        let mut before = engine(vec![detector("t", Counting::Match, 60)]);
        before.tick(&until(100));
        before.apply(signal(1, 50));
        let deltas = before.delta();
        let mut after = engine(vec![detector("t", Counting::Match, 60)]);
        after.restore(&deltas).unwrap();
        assert_eq!(after.tick(&until(100)), before.tick(&until(100)));
    }

    #[test]
    fn a_late_event_takes_its_place_in_the_window() {
        let mut engine = engine(vec![detector("t", Counting::Threshold { at_least: 3, within: secs(60).into() }, 60)]);
        for at in [50, 90] {
            engine.apply(signal(1, at));
        }
        assert_eq!(engine.tick(&until(100)), []);
        engine.apply(signal(1, 70));
        let found = engine.tick(&until(100));
        assert_eq!(attacks(&found), [("203.0.113.1".to_owned(), 70, 50, 90, 3)]);
        assert!(found[0].late);
    }

    #[test]
    fn a_record_read_twice_counts_once() {
        let mut engine = engine(vec![detector("t", Counting::Threshold { at_least: 2, within: secs(60).into() }, 60)]);
        engine.apply(signal(1, 10));
        engine.apply(signal(1, 10));
        assert_eq!(engine.tick(&until(20)), []);
    }

    #[test]
    fn a_flood_of_entities_costs_no_more_than_the_ceiling_and_is_counted() {
        let counting = Counting::Threshold { at_least: 2, within: secs(3_600).into() };
        let mut engine =
            engine_with(vec![detector("t", counting, 60)], EngineSettings { max_entities: 2_560, ..settings() });
        for who in 0..10_000 {
            engine.apply(signal(who, who as i64 / 100));
        }
        engine.tick(&until(100));
        assert_eq!((engine.entities(), engine.evicted()), (vec![2_560], 10_000 - 2_560));
        engine.tick(&until(10_000));
        assert_eq!(engine.entities(), [0]);
    }

    #[test]
    fn evidence_is_what_led_to_the_firing_and_what_came_next() {
        let mut engine = engine(vec![detector("t", Counting::Threshold { at_least: 10, within: secs(60).into() }, 60)]);
        (0..20).for_each(|at| engine.apply(signal(1, at)));
        let found = folded(engine.tick(&until(30)));
        let times: Vec<_> = found[0].evidence.iter().map(|event| event.time).collect();
        assert_eq!(times, [6, 7, 8, 9, 10].map(Timestamp::from_seconds));
        assert_eq!((found[0].count, &*found[0].why), (20, "Address 203.0.113.1: 10 in 9 s"));
    }

    #[test]
    fn waiting_names_the_oldest_record_of_each_stream_that_is_still_needed() {
        let mut engine = engine(vec![detector("t", Counting::Match, 60)]);
        (1..10).for_each(|at| engine.apply(signal(1, at)));
        engine.tick(&until(5));
        let oldest: Vec<_> = engine.waiting().into_values().map(|position| position.offset).collect();
        assert_eq!((oldest, engine.held().0), (vec![6, 7, 8], 4));
    }

    #[test]
    fn an_attack_is_of_the_first_app_that_its_events_name_however_many_a_tick_takes() {
        let of = |at: i64, app: Option<&str>| {
            let (one, app) = (signal(1, at), app.map(Arc::from));
            let observed = crate::detection::Observed { app, ..one.observed().as_ref().clone() };
            Signal { key: one.key, shard: one.shard, ..Signal::new(&observed, &one.entity(), None) }
        };
        for ticks in [vec![9], vec![1, 2, 3, 4, 9]] {
            let mut engine = engine(vec![detector("t", Counting::Match, 60)]);
            for signal in [of(1, None), of(2, None), of(3, Some("shop")), of(4, Some("till"))] {
                engine.apply(signal);
            }
            let found: Vec<Finding> = ticks.iter().flat_map(|at| engine.tick(&until(*at))).collect();
            assert_eq!(found.iter().find_map(|one| one.app.as_deref()), Some("shop"), "{ticks:?}");
        }
    }

    #[test]
    fn records_beyond_the_ceiling_leave_time_and_place() {
        let of_one = signal(1, 1).sheet.weight();
        let ceiling = EngineSettings { max_waiting_bytes: of_one * 3 / 2, ..settings() };
        let mut engine = engine_with(vec![detector("t", Counting::Match, 0)], ceiling);
        for at in [1, 2] {
            engine.apply(signal(at, at as i64));
        }
        let found = engine.tick(&until(5));
        assert_eq!(found.iter().map(|found| found.evidence[0].record.is_some()).collect::<Vec<_>>(), [true, false]);
    }

    #[test]
    fn a_shard_comes_whole_when_its_changes_have_outgrown_it() {
        let mut engine =
            engine(vec![detector("t", Counting::Threshold { at_least: 900, within: secs(9_999).into() }, 60)]);
        let mut wholes = 0;
        for at in 0..400 {
            engine.apply(signal(1, at));
            engine.tick(&until(at));
            wholes += engine.delta().iter().filter(|delta| delta.whole).count();
        }
        assert!((1..20).contains(&wholes), "{wholes}");
        assert_eq!(engine.delta(), []);
    }

    #[test]
    fn state_of_a_detector_that_has_changed_is_dropped() {
        let counting = Counting::Threshold { at_least: 2, within: secs(60).into() };
        let mut old = engine(vec![detector("t", counting.clone(), 60)]);
        old.apply(signal(1, 10));
        old.tick(&until(20));
        let deltas = old.delta();
        let mut new = engine(vec![Detector { version: 2, ..detector("t", counting, 60) }]);
        new.restore(&deltas).unwrap();
        assert_eq!((new.entities(), new.evaluated(0, Timestamp::from_seconds(20))), (vec![0], false));
    }

    #[test]
    fn damaged_state_is_refused_by_the_name_of_its_shard() {
        let mut old = engine(vec![detector("t", Counting::Match, 60)]);
        old.apply(signal(3, 10));
        old.tick(&until(20));
        let mut deltas = old.delta();
        *deltas[0].bytes.last_mut().unwrap() ^= 1;
        let refusal = engine(vec![detector("t", Counting::Match, 60)]).restore(&deltas).unwrap_err();
        assert!(refusal.starts_with("the saved state of shard 3 does not match its checksum"), "{refusal}");
    }

    #[test]
    fn a_reload_keeps_what_the_detectors_that_stay_know() {
        let counting = Counting::Threshold { at_least: 3, within: secs(60).into() };
        let stays = || Arc::new(detector("b.stays", counting.clone(), 60));
        let mut engine = engine(vec![detector("a.goes", Counting::Match, 60), (*stays()).clone()]);
        for at in [10, 30] {
            engine.apply(Signal { detector: 1, ..signal(1, at) });
        }
        engine.tick(&until(20));
        engine.reload(Arc::new(Detectors { all: vec![stays()] }));
        engine.apply(signal(1, 40));
        assert_eq!(attacks(&engine.tick(&until(50))), [("203.0.113.1".to_owned(), 40, 10, 40, 3)]);
    }

    #[test]
    fn an_entity_is_held_against_its_own_rhythm() {
        // Every minute from 8 to 18 o'clock, for ten days; on the eleventh it stops at 11.
        let mut engine =
            engine(vec![detector("t", Counting::Rhythm { missing: 30, minutes: false, learn: secs(7 * 86_400) }, 60)]);
        let hour = |at: i64| at.rem_euclid(86_400) / 3_600;
        let stops = 10 * 86_400 + 11 * 3_600;
        for at in (0..stops).step_by(60).filter(|&at| (8..18).contains(&hour(at))) {
            engine.apply(signal(1, at));
        }
        let fired: Vec<_> = attacks(&engine.tick(&until(stops + 7_200))).iter().map(|told| told.1).collect();
        assert_eq!(fired.len(), 1);
        assert!((stops + 1_500..stops + 2_400).contains(&fired[0]), "{} s later", fired[0] - stops);
        engine.apply(signal(1, stops + 8_000));
        assert!(engine.tick(&until(stops + 9_000))[0].resumes());
    }

    #[test]
    fn an_hour_with_too_little_is_told_though_the_next_event_comes_at_the_moment_it_ends() {
        let asked = Baselining {
            measured: Measured::Count,
            every: secs(3_600),
            learn: secs(86_400),
            tolerance: 40,
            sides: (false, true),
            at_least: 10,
        };
        for next in [72 * 3_600 - 1, 72 * 3_600, 72 * 3_600 + 1] {
            let mut engine = engine(vec![detector("t", Counting::Baseline(asked), 60)]);
            (0..71 * 3_600).step_by(60).for_each(|at| engine.apply(signal(1, at)));
            engine.apply(signal(1, next));
            let told: Vec<_> = attacks(&engine.tick(&until(72 * 3_600 + 60))).iter().map(|told| told.1).collect();
            assert_eq!(told, [72 * 3_600], "the next event at {next}");
        }
    }

    #[test]
    fn one_that_falls_silent_while_it_is_learnt_is_not_forgotten() {
        // One a minute; sixty of them are missing at the very moment an hour ends.
        let counting = Counting::Rhythm { missing: 60, minutes: true, learn: secs(7 * 86_400) };
        let mut engine = engine(vec![detector("t", counting, 60)]);
        (0..=48 * 3_600).step_by(60).for_each(|at| engine.apply(signal(1, at)));
        engine.tick(&until(51 * 3_600));
        assert_eq!(engine.entities(), [1]);
    }

    #[test]
    fn of_minutes_a_burst_is_not_more_than_the_minutes_it_lasts() {
        // Every night from 2 o'clock on, 15 minutes of an event a second, and then nothing till the next night.
        let nightly = |minutes, missing| {
            let counting = Counting::Rhythm { missing, minutes, learn: secs(7 * 86_400) };
            let mut engine = engine(vec![detector("t", counting, 60)]);
            for night in 0..10 {
                (7_200..8_100).for_each(|second| engine.apply(signal(1, night * 86_400 + second)));
            }
            attacks(&engine.tick(&until(10 * 86_400))).len()
        };
        assert!(nightly(false, 20) > 0);
        assert_eq!(nightly(true, 20), 0);
    }

    #[test]
    fn what_took_weeks_to_learn_does_not_give_way_to_new_names() {
        let learn = secs(7 * 86_400);
        let mut engine = engine(vec![detector("t", Counting::Rhythm { missing: 30, minutes: false, learn }, 60)]);
        let in_one = |who, at| Signal { shard: 3, ..signal(who, at) };
        for day in 0..9 {
            (0..70).for_each(|who| engine.apply(in_one(who, day * 86_400)));
        }
        (1_000..1_100).for_each(|who| engine.apply(in_one(who, 9 * 86_400)));
        engine.tick(&until(9 * 86_400));
        assert_eq!((engine.entities()[0], engine.evicted()), (78, 92));
    }

    #[test]
    fn one_that_falls_silent_fires_once_until_it_speaks_again() {
        let mut engine = engine(vec![detector("t", Counting::Absence { after: secs(10), at_least: 2 }, 60)]);
        for at in [1, 2, 12] {
            engine.apply(signal(1, at));
        }
        let speaks = |found: Vec<Finding>| found.iter().map(|one| (one.resumes(), one.at)).collect::<Vec<_>>();
        assert_eq!(speaks(engine.tick(&until(21))), [(true, Timestamp::from_seconds(1))]);
        assert_eq!(attacks(&engine.tick(&until(22))), [("203.0.113.1".to_owned(), 22, 12, 22, 2)]);
        assert_eq!(engine.tick(&until(1_000)), []);
        // That it speaks is said once, when it begins to.
        for at in [2_000, 2_001] {
            engine.apply(signal(1, at));
        }
        assert_eq!(speaks(engine.tick(&until(2_005))), [(true, Timestamp::from_seconds(2_000))]);
    }
}
