//! What do detectors that add up evidence see? What the others have found.
//!
//! A finding becomes a signal about its entity, which stays in its shard, and waits until the watermark
//! of all telemetry has passed it: by then every detector has found what there is to find until then, so
//! the order is canonical whatever each of them waited for. Signals that wait are saved, for no record
//! brings them back. Bound: 65,536 that wait for each detector; beyond it they are evaluated early, which
//! counts as evicted.

use sha2::{Digest, Sha256};
use xxhash_rust::xxh3::xxh3_64;

use crate::detection::kinds::value_of;
use crate::detection::tactics::tactic_of;
use crate::detection::{Detector, Detectors, Finding, Observed, Signal};
use crate::telemetry::Entity;

use super::found::Found;
use super::waiting::canonical;
use super::{Engine, LEAST_SIGNALS};

impl Engine {
    /// Hands what this tick has found to the detectors that add up evidence, and evaluates what is due.
    pub(super) fn add_up(&mut self, detectors: &Detectors, found: &mut Found) {
        let adds_up = |detector: &Detector| detector.counting.is_risk();
        for number in (0..detectors.all.len()).filter(|&number| adds_up(&detectors.all[number])) {
            let entity = detectors.all[number].entity;
            let fired = found.fired().filter(|(other, _, finding)| {
                finding.entity.kind == entity && !adds_up(&detectors.all[usize::from(*other)])
            });
            let signal = |(other, shard, finding): (u16, u8, &Finding)| {
                signal(number, shard, finding, &detectors.all[usize::from(other)])
            };
            let fresh: Vec<Signal> = fired.filter_map(signal).collect();
            let line = &mut self.lines[number];
            line.evidence.extend(fresh);
            line.evidence.sort_unstable_by(canonical);
            let passed = self.queues[line.queue].passed;
            let due = line.evidence.partition_point(|signal| signal.time <= passed);
            let early = line.evidence.len().saturating_sub(LEAST_SIGNALS).saturating_sub(due);
            self.evicted += early as u64;
            let due: Vec<Signal> = line.evidence.drain(..due + early).collect();
            let (late, due) = due.split_at(due.partition_point(|signal| signal.time <= line.released));
            self.evaluate(detectors, true, late, found);
            self.evaluate(detectors, false, due, found);
        }
    }
}

fn signal(number: usize, shard: u8, finding: &Finding, detector: &Detector) -> Option<Signal> {
    let last = finding.evidence.last()?;
    let key = key_of(&finding.entity);
    let observed = Observed {
        time: finding.at,
        hash: content(finding, detector, key),
        position: last.position,
        category: last.category,
        app: finding.app.clone(),
        entities: finding.entities.clone(),
        record: last.record.clone(),
    };
    Some(Signal {
        detector: number as u16,
        level: finding.level,
        shard,
        key,
        value: value_of(tactic_of(detector), xxh3_64(detector.id.as_bytes())),
        ..Signal::new(&observed, &finding.entity, Some(&detector.title))
    })
}

/// Returns what the evidence against an entity is kept by.
pub fn key_of(entity: &Entity) -> u128 {
    hash(&[entity.kind.name().as_bytes(), entity.value.as_bytes()])
}

/// Hashes all of a finding that its alert may show: one detector may find two things about an entity at
/// one time, such as of two of its functions, and their order must not be that of arrival.
fn content(finding: &Finding, detector: &Detector, key: u128) -> u128 {
    let numbers = [finding.at.nanos(), finding.first.nanos(), finding.count.cast_signed()].map(i64::to_be_bytes);
    let (key, why) = (key.to_be_bytes(), finding.why.as_bytes());
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
