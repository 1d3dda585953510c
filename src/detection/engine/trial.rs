//! Signals and detectors for tests.

use std::sync::Arc;
use std::time::Duration;

use crate::clock::{Lanes, Timestamp, Watermarks};
use crate::detection::{
    Attack, Counting, Detector, Detectors, Engine, EngineSettings, Family, Finding, Level, Observed, Signal,
};
use crate::telemetry::{Category, Entity, EntityKind, Position, StreamId};

/// Returns a signal about entity `who`, at `seconds`, with content of its own.
pub fn signal(who: u64, seconds: i64) -> Signal {
    signal_of(who, seconds, 0, 0, seconds as u128)
}

pub fn signal_of(who: u64, seconds: i64, value: u64, step: u8, hash: u128) -> Signal {
    let entity = Entity::new(EntityKind::Ip, format!("203.0.113.{who}"));
    let observed = Observed {
        time: Timestamp::from_seconds(seconds),
        hash,
        position: Position { stream: StreamId((hash % 3) as u32), offset: seconds, index: 0 },
        category: Category::GatewayLogs,
        app: Some("shop".into()),
        entities: vec![entity.clone(), Entity::new(EntityKind::App, "shop")],
        record: Some(format!("{{\"n\":{hash}}}").into()),
    };
    Signal {
        detector: 0,
        level: Level::High,
        step,
        shard: (who % 256) as u8,
        key: u128::from(who) << 64 | u128::from(who),
        value,
        ..Signal::new(&observed, &entity, Some(&format!("v{value}")))
    }
}

pub fn detector(id: &str, counting: Counting, quiet: u64) -> Detector {
    Detector {
        id: id.into(),
        family: Family::KeyUsage,
        title: "A title".into(),
        level: Level::High,
        threat: "key-theft".into(),
        group: None,
        attack: Attack::default(),
        needs: Lanes::ALL,
        why: "".into(),
        triage: "".into(),
        false_alarms: "".into(),
        says: "{entity}: {count} in {window}".into(),
        entity: EntityKind::Ip,
        counting,
        quiet: Duration::from_secs(quiet),
        version: 1,
    }
}

pub fn settings() -> EngineSettings {
    EngineSettings { max_entities: 256_000, max_waiting_bytes: 1 << 20 }
}

pub fn engine(detectors: Vec<Detector>) -> Engine {
    engine_with(detectors, settings())
}

pub fn engine_with(detectors: Vec<Detector>, settings: EngineSettings) -> Engine {
    Engine::new(Arc::new(Detectors { all: detectors.into_iter().map(Arc::new).collect() }), settings)
}

pub fn until(seconds: i64) -> Watermarks {
    let mut now = Watermarks::new(Duration::ZERO, Duration::ZERO);
    now.advance(Timestamp::from_seconds(seconds));
    now
}

/// Returns what an engine finds that gets everything at once.
pub fn at_once(counting: Counting, quiet: u64, signals: &[Signal], end: i64) -> Vec<Finding> {
    let mut engine = engine(vec![detector("t", counting, quiet)]);
    signals.iter().cloned().for_each(|signal| engine.apply(signal));
    engine.tick(&until(end))
}

/// An attack as findings tell it: entity, opened at, first, last, events, evidence times.
pub type Told = (String, i64, i64, i64, u64);

/// Adds up findings to attacks, in order of opening.
pub fn attacks(findings: &[Finding]) -> Vec<Told> {
    let mut told: Vec<Told> = Vec::new();
    for finding in findings.iter().filter(|finding| !finding.resumes()) {
        let seconds = |at: Timestamp| at.nanos() / 1_000_000_000;
        let (at, first, last) = (seconds(finding.at), seconds(finding.first), seconds(finding.last));
        let who = finding.entity.value.to_string();
        if finding.fired {
            told.push((who, at, first, last, finding.count));
        } else if let Some(open) = told.iter_mut().rev().find(|open| open.0 == who) {
            (open.2, open.3, open.4) = (open.2.min(first), open.3.max(last), open.4 + finding.count);
        }
    }
    told.sort();
    told
}

/// Adds further findings to the one that fired, so that only what the attack was remains.
pub fn folded(findings: Vec<Finding>) -> Vec<Finding> {
    let mut folded: Vec<Finding> = Vec::new();
    for finding in findings {
        if finding.resumes() {
            continue;
        }
        if finding.fired {
            folded.push(finding);
            continue;
        }
        let open =
            folded.iter_mut().rev().find(|open| open.entity == finding.entity && open.detector == finding.detector);
        let open = open.expect("more of an attack comes after its beginning");
        open.first = open.first.min(finding.first);
        open.last = open.last.max(finding.last);
        open.count += finding.count;
        open.level = open.level.max(finding.level);
        open.late |= finding.late;
        open.evidence.extend(finding.evidence);
        for entity in finding.entities {
            if !open.entities.contains(&entity) {
                open.entities.push(entity);
            }
        }
    }
    folded.sort_by(|a, b| (a.at, &a.detector, &a.entity).cmp(&(b.at, &b.detector, &b.entity)));
    folded
}

/// How an input is read: in which order, when it is looked at, when the engine is killed.
#[derive(Clone, Debug)]
pub struct Reading {
    /// How much later than its time each signal arrives, in seconds.
    pub delays: Vec<i64>,
    /// After which signals there is a tick.
    pub ticks: Vec<bool>,
    /// After which ticks there is an epoch.
    pub epochs: Vec<bool>,
    /// After which epochs the engine is killed some signals later.
    pub kills: Vec<bool>,
}

/// Runs signals through an engine as `reading` says; no signal is late.
pub fn read(reading: &Reading, mut signals: Vec<Signal>, new: impl Fn() -> Engine, end: i64) -> Vec<Finding> {
    let delay = |index: usize| reading.delays[index % reading.delays.len()];
    let mut arrivals: Vec<(i64, Signal)> = signals
        .drain(..)
        .enumerate()
        .map(|(index, signal)| (signal.time.nanos() + delay(index) * 1_000_000_000, signal))
        .collect();
    arrivals.sort_by_key(|(arrival, _)| *arrival);
    let arrivals: Vec<Signal> = arrivals.into_iter().map(|(_, signal)| signal).collect();
    let (mut engine, mut found, mut durable) = (new(), Vec::new(), (Vec::new(), 0, 0));
    let mut killed = vec![false; arrivals.len()];
    let mut at = 0;
    while at < arrivals.len() {
        engine.apply(arrivals[at].clone());
        at += 1;
        if reading.ticks[at % reading.ticks.len()] {
            let ahead = arrivals[at..].iter().map(|signal| signal.time).min();
            let mut now = until(end);
            if let Some(ahead) = ahead {
                now = Watermarks::new(Duration::ZERO, Duration::ZERO);
                now.advance(ahead.minus(Duration::from_nanos(1)));
            }
            found.extend(engine.tick(&now));
            if reading.epochs[at % reading.epochs.len()] {
                durable.0.extend(engine.delta());
                durable.1 = at;
                durable.2 = found.len();
            }
        }
        if reading.kills[at % reading.kills.len()] && !std::mem::replace(&mut killed[at - 1], true) {
            engine = new();
            engine.restore(&durable.0).unwrap();
            found.truncate(durable.2);
            at = durable.1;
            for signal in &arrivals[..at] {
                if !engine.evaluated(signal.detector, signal.time) {
                    engine.apply(signal.clone());
                }
            }
        }
    }
    found.extend(engine.tick(&until(end)));
    found
}
