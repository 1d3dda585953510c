//! What do detectors see that go by what the others have found?
//!
//! A finding becomes a signal about its entity, which stays in its shard, and waits until the watermark
//! of its detector's needs has passed it: by then every detector it goes by has found what there is to find until
//! then, for it waits for all that any of them needs, so the order is canonical whatever each of them waited for. A
//! `risk` takes each finding about one of its entities, and each event that is worse than what was found; a sequence
//! takes what its steps name, each once, and evaluates it among its own events. What waits is saved, for no record
//! brings a finding back. Bound: 65,536 findings that wait for each detector; beyond it they are evaluated early, which
//! counts as evicted.

use sha2::{Digest, Sha256};
use xxhash_rust::xxh3::{xxh3_64, xxh3_128};

use crate::clock::Watermarks;
use crate::detection::kinds::value_of;
use crate::detection::tactics::tactic_of;
use crate::detection::{Counting, Detector, Detectors, Observed, Signal};
use crate::telemetry::Entity;

use super::found::{Found, Noted};
use super::waiting::canonical;
use super::{Engine, LEAST_SIGNALS};

/// The half of a finding's hash by which it is known with the event at which it was found.
const OF_EVENT: u128 = 0xffff_ffff << 32;

impl Engine {
    /// Hands what this tick has found to the detectors that see it.
    pub(super) fn hand_over(&mut self, detectors: &Detectors, found: &Found) {
        for (number, own) in detectors.all.iter().enumerate().filter(|(_, own)| own.counting.sees_findings()) {
            let about = found.fired().filter(|noted| noted.finding.entity.kind == own.entity);
            for noted in about {
                let Some(by) = detectors.all.get(usize::from(noted.number)) else { continue };
                let steps = steps_of(own, by, noted);
                let signals = steps.filter_map(|step| Some(Signal { step, ..signal(number, own, by, noted)? }));
                self.lines[number].evidence.extend(signals);
            }
        }
    }

    /// Evaluates what is due for the detectors that see what others have found.
    pub(super) fn go_by_findings(&mut self, detectors: &Detectors, now: &Watermarks, share: usize, found: &mut Found) {
        for queue in (0..self.queues.len()).filter(|&queue| self.queues[queue].after).collect::<Vec<_>>() {
            let reached = now.of(self.queues[queue].needs);
            self.queues[queue].pass(reached, share);
            let of_queue =
                |engine: &Self, number: &usize| engine.lines[*number].after && engine.lines[*number].queue == queue;
            let numbers: Vec<usize> = (0..self.lines.len()).filter(|number| of_queue(self, number)).collect();
            let mut early = Vec::new();
            for number in numbers {
                early.push(self.take_due(detectors, number, found));
            }
            self.release(detectors, queue, reached, found);
            for early in early {
                self.evaluate(detectors, false, &early, found);
            }
        }
    }

    /// Evaluates what comes too late for a detector, and puts the findings that are due among its events; returns those that are
    /// too many to wait.
    fn take_due(&mut self, detectors: &Detectors, number: usize, found: &mut Found) -> Vec<Signal> {
        let line = &mut self.lines[number];
        line.evidence.sort_unstable_by(canonical);
        let queue = &mut self.queues[line.queue];
        let passed = queue.passed.max(line.released);
        let due = line.evidence.partition_point(|signal| signal.time <= passed);
        let early = line.evidence.len().saturating_sub(LEAST_SIGNALS).saturating_sub(due);
        self.evicted += early as u64;
        let mut rest: Vec<Signal> = line.evidence.drain(..due + early).collect();
        let early = rest.split_off(due);
        let due = rest.split_off(rest.partition_point(|signal| signal.time <= line.released));
        let in_order = line.in_order;
        for signal in due {
            queue.hear(signal, in_order);
        }
        let mut late = std::mem::take(&mut line.late);
        late.extend(rest);
        late.sort_unstable_by(canonical);
        self.evaluate(detectors, true, &late, found);
        early
    }
}

/// Returns the steps of `own` for which it counts that `by` has found something.
fn steps_of<'s>(own: &'s Detector, by: &'s Detector, noted: &Noted) -> impl Iterator<Item = u8> + use<'s> {
    let fired = noted.finding.fired;
    let is_risk = own.counting.is_risk();
    // That an attack is worse than was known is no second finding of it.
    let taken = own.counting.finders().iter().map(move |finders| fired && finders.take(by));
    let taken = taken.chain(std::iter::repeat_n(true, usize::from(is_risk)));
    (0_u8..).zip(taken).filter(|(_, taken)| *taken).map(|(step, _)| step)
}

fn signal(number: usize, own: &Detector, by: &Detector, noted: &Noted) -> Option<Signal> {
    let Noted { shard, event, finding, .. } = noted;
    let last = finding.evidence.last()?;
    let content = content(noted, by);
    let (level, value, hash) = match own.counting {
        Counting::Risk(_) => (finding.level, value_of(tactic_of(by), xxh3_64(by.id.as_bytes())), content),
        _ => (own.level, 0, content & !OF_EVENT | event & OF_EVENT),
    };
    let observed = Observed {
        time: finding.at,
        hash,
        position: last.position,
        category: last.category,
        app: finding.app.clone(),
        entities: finding.entities.clone(),
        record: last.record.clone(),
    };
    let signal = Signal::new(&observed, &finding.entity, Some(&by.title));
    let key = about(&signal);
    Some(Signal { detector: number as u16, level, shard: *shard, key, value, ..signal })
}

/// Returns what a signal that waits is known by: a hash of the entity that it is about, which somebody may have made the
/// same as another's. So it says only what may matter.
pub fn about(signal: &Signal) -> u128 {
    let (kind, name) = signal.entity_parts();
    xxh3_128(name.as_bytes()) ^ kind as u128
}

/// Returns what the evidence against an entity is kept by.
pub fn key_of(entity: &Entity) -> u128 {
    hash(&[entity.kind.name().as_bytes(), entity.value.as_bytes()])
}

/// Hashes all of a finding that its alert may show: one detector may find two things about an entity at
/// one time, such as of two of its functions, and their order must not be that of arrival.
fn content(noted: &Noted, detector: &Detector) -> u128 {
    let finding = &noted.finding;
    let numbers = [finding.at.nanos(), finding.first.nanos(), finding.count.cast_signed()].map(i64::to_be_bytes);
    let (key, why) = (key_of(&finding.entity).to_be_bytes(), finding.why.as_bytes());
    let mut parts: Vec<&[u8]> = vec![detector.id.as_bytes(), &key, why, finding.level.name().as_bytes()];
    parts.extend(numbers.iter().map(<[u8; 8]>::as_slice));
    for entity in &finding.entities {
        parts.extend([entity.kind.name().as_bytes(), entity.value.as_bytes()]);
    }
    parts.extend(finding.evidence.iter().filter_map(|event| event.record.as_deref()).map(str::as_bytes));
    hash(&parts)
}

/// Hashes names that others may have chosen.
fn hash(parts: &[&[u8]]) -> u128 {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().iter().take(16).fold(0, |hash, &byte| hash << 8 | u128::from(byte))
}
