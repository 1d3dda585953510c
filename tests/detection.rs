//! What does the person on call see of a labelled world? Every attack that the shipped detectors
//! claim to find, once, and nothing on a quiet day.
//!
//! The simulated worlds go through the real path: scan, decode, redact, match, engine, alert book.

#![expect(clippy::unwrap_used, reason = "a test fails where it unwraps")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bumpalo::Bump;
use gatewatch::alerts::{Alert, AlertId, AlertState, EntityKind, Transition};
use gatewatch::clock::Timestamp;
use gatewatch::detection::{Catalogue, Level};
use gatewatch::pipeline::{Core, CoreSettings, Stage};
use gatewatch::redaction::{KeyRing, Redactor, Settings};
use gatewatch::simulate::{Label, Options, World};
use gatewatch::telemetry::{Batch, StreamId, StreamName, Streams};

/// 2026-03-02T08:00:00Z, a Monday.
const START: Timestamp = Timestamp::from_seconds(1_772_438_400);
const BATCH_BYTES: usize = 256 * 1024;
/// It is seen against what a key did for eight days: `./dev bench detection` has them, and the detector's cases.
const TAKES_DAYS: &str = "key-on-new-operation";

fn attacked(seed: u64) -> Options {
    Options { seed, start: START, duration: Duration::from_mins(40), rate: 10, attacks: Vec::new(), clean: false }
}

/// Returns the final alerts of a world, by opening, and its labels.
fn play(options: Options) -> (Vec<Alert>, Vec<Label>) {
    let keys = KeyRing::ephemeral().unwrap();
    let compiled = Catalogue::shipped().unwrap();
    let stage = Stage {
        redactor: Arc::new(Redactor::new(&keys, &Settings::default()).unwrap()),
        topology: gatewatch::context::Topology::default(),
        context: std::sync::Arc::default(),
        matcher: compiled.matcher(keys.siphash_key()),
        content_seed: keys.content_key(),
        keep_redacted: false,
        tap: gatewatch::dashboard::Tap::default(),
        clock: gatewatch::clock::Clock::system(),
    };
    let streams = Streams::restore(vec![StreamName { source: "test".into(), topic: "world".into(), partition: 0 }]);
    let mut core = Core::new(compiled.detectors.clone(), streams, &CoreSettings::replay());
    let mut finals = BTreeMap::new();
    let mut arena = Bump::new();
    let mut world = World::new(options).unwrap();
    let labels = world.labels();
    let mut batch = Batch::default();
    for (offset, message) in (0_i64..).zip(&mut world) {
        batch.push(&message.bytes, StreamId(0), offset, offset + 1, None);
        if batch.bytes.len() >= BATCH_BYTES {
            core.absorb(stage.work(&std::mem::take(&mut batch), &mut arena));
            keep(&mut finals, &core.tick());
        }
    }
    core.absorb(stage.work(&batch, &mut arena));
    keep(&mut finals, &core.tick());
    keep(&mut finals, &core.finish());
    finals.extend(core.book().alerts().map(|alert| (alert.id, alert.clone())));
    let mut alerts: Vec<Alert> = finals.into_values().collect();
    alerts.sort_by_key(|alert| (alert.opened_at, alert.id));
    (alerts, labels)
}

fn keep(finals: &mut BTreeMap<AlertId, Alert>, transitions: &[Transition]) {
    let closed = transitions.iter().map(Transition::alert).filter(|alert| alert.state == AlertState::Closed);
    finals.extend(closed.map(|alert| (alert.id, alert.clone())));
}

/// Tells whether the alert is about what the label says, however bad it takes it to be.
fn is_about(alert: &Alert, label: &Label) -> bool {
    let families = || label.also.iter().chain([&label.family]);
    families().any(|family| alert.families().any(|seen| family == seen.name()))
        && (label.entity.is_empty() || *alert.entity.value == *label.entity)
        && alert.app.as_deref().is_none_or(|app| label.app.as_deref().is_none_or(|expected| app == expected))
        && alert.first_seen <= label.end
        && alert.last_seen >= label.start
}

fn about(alert: &Alert) -> (&str, &str) {
    (&alert.entity.value, alert.family.name())
}

fn level(label: &Label) -> Level {
    Level::ALL.into_iter().find(|level| level.name() == label.min_level).unwrap()
}

fn missed(alerts: &[Alert], labels: &[Label]) -> Vec<String> {
    let found = |label: &&Label| alerts.iter().any(|alert| alert.level >= level(label) && is_about(alert, label));
    labels.iter().filter(|label| !found(label)).map(|label| label.name.clone()).collect()
}

fn told(alerts: &[&Alert]) -> Vec<String> {
    alerts.iter().map(|alert| format!("{} {}: {}", alert.level, alert.detector, alert.why)).collect()
}

/// Every attack is found, nothing is reported that is none, and nothing twice.
fn is_seen_once(seed: u64) {
    let (alerts, labels) = play(attacked(seed));
    assert_eq!(missed(&alerts, &labels), [TAKES_DAYS], "seed {seed}");
    let strange: Vec<&Alert> =
        alerts.iter().filter(|alert| !labels.iter().any(|label| is_about(alert, label))).collect();
    // Behind a gateway an app sees the gateway's address, and nothing in its log says so.
    assert_eq!(
        strange.iter().map(|alert| &*alert.detector).collect::<Vec<_>>(),
        ["suspicious-origins.metadata_target"],
        "seed {seed}: {:#?}",
        told(&strange)
    );
    let all: Vec<&Alert> = alerts.iter().collect();
    assert!(alerts.len() <= labels.len() + 1, "seed {seed}: {:#?}", told(&all));
    let mut seen: Vec<_> = alerts.iter().filter(|alert| alert.entity.kind == EntityKind::Ip).map(about).collect();
    seen.sort_unstable();
    let before = seen.len();
    seen.dedup();
    assert_eq!(seen.len(), before, "seed {seed}: an address has two alerts of one family: {:#?}", told(&all));
    for alert in &alerts {
        let sound = alert.why.ends_with('.') && !alert.why.contains(['{', '}']) && !alert.why.contains("unknown");
        assert!(sound && alert.why.starts_with(|first: char| !first.is_lowercase()), "{}", alert.why);
    }
}

#[test]
fn every_attack_of_world_1_is_seen_once() {
    is_seen_once(1);
}

#[test]
fn every_attack_of_world_2_is_seen_once() {
    is_seen_once(2);
}

#[test]
fn every_attack_of_world_3_is_seen_once() {
    is_seen_once(3);
}

#[test]
fn two_quiet_hours_wake_nobody() {
    let (alerts, _) = play(Options { duration: Duration::from_hours(2), rate: 5, clean: true, ..attacked(1) });
    assert_eq!(told(&alerts.iter().collect::<Vec<_>>()), [""; 0]);
}
