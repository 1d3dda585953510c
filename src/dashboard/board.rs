//! Snapshots that the pipeline hands to the pages.
//!
//! One `DashMap` a table: the pipeline replaces whole rows, pages clone them; no lock is held
//! across either. Rows are as many as sources, partitions, sinks and elements (at most 10,000).

use std::sync::atomic::AtomicU64;
use std::sync::{Arc, PoisonError, RwLock};

use dashmap::DashMap;
use tokio::sync::watch;

use super::telling::Telling;
use crate::alerts::{Entity, Family, Level, StreamName};
use crate::clock::Timestamp;
use crate::posture::living::Living;
use crate::posture::{ElementKind, Heard, Need};

/// How one source does.
#[derive(Clone, Debug, PartialEq)]
pub struct SourceSeen {
    /// `kafka`, `file`, `stdin` or `http`.
    pub kind: &'static str,
    /// `reading`, `waiting`, `ended` or what is wrong and how to mend it.
    pub state: String,
    /// Whether `state` is a complaint.
    pub failing: bool,
    /// Messages read since the start.
    pub messages: u64,
    /// Records a second over the last ten seconds.
    pub records_per_second: f64,
    /// Bytes a second over the last ten seconds.
    pub bytes_per_second: f64,
}

/// How far one partition or file has been read.
#[derive(Clone, Debug, PartialEq)]
pub struct StreamSeen {
    /// The next offset.
    pub offset: i64,
    /// Messages (bytes for a file) behind the end; `None` where that is not known.
    pub lag: Option<i64>,
    /// The newest event time it has shown.
    pub newest: Option<Timestamp>,
}

/// What has come of an app, a gateway or what else sends telemetry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ElementSeen {
    /// Its resource id, where a record had it.
    pub resource: Option<Arc<str>>,
    /// The oldest event time since the start.
    pub first: Timestamp,
    /// What came of each category since the start, of its own or through the layer in front of it.
    pub heard: Vec<Heard>,
}

/// How one sink does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SinkSeen {
    /// `webhook`, `jsonl`, …
    pub kind: &'static str,
    /// Deliveries that wait.
    pub waiting: u64,
    /// Deliveries that arrived since the start.
    pub delivered: u64,
    /// What the last failure said, and when (wall time), if the last attempt failed.
    pub failing: Option<(String, Timestamp)>,
}

/// A ceiling that cut what sinks were told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CutSeen {
    /// How often, since the first start.
    pub total: u64,
    /// What that means.
    pub says: &'static str,
    /// Whether the log has said so since this start.
    pub said: bool,
}

/// A detector's file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DetectorFileSeen {
    /// Where it stands in the folder of detectors.
    pub path: Arc<str>,
    /// What it says.
    pub text: Arc<str>,
    /// Its cases, as they stand beside it.
    pub cases: Option<Arc<str>>,
}

/// What pages say of a detector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DetectorSeen {
    /// What its alerts are called.
    pub title: String,
    /// What it is about.
    pub family: Family,
    /// Its usual level.
    pub level: Level,
    /// The threat it belongs to; empty for a Sigma rule.
    pub threat: String,
    /// ATT&CK techniques.
    pub techniques: Vec<String>,
    /// The version of ATT&CK that they are of.
    pub attack: String,
    /// Why it matters.
    pub why: String,
    /// When it is wrong.
    pub false_alarms: String,
    /// What to do first.
    pub triage: String,
    /// What fires it, in words.
    pub fires: String,
    /// The tactic that each technique serves, by its place in the order of an attack, and its name.
    pub tactics: Vec<Option<(usize, &'static str)>>,
    /// What it was compiled from; a Sigma rule and what is built in have none here.
    pub file: Option<DetectorFileSeen>,
    /// Its place in [`Board::matched`].
    pub place: usize,
}

/// An exception as it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExceptionSeen {
    /// What it is called.
    pub id: String,
    /// The detectors it is for.
    pub detectors: String,
    /// Who answers for it.
    pub owner: String,
    /// Why.
    pub reason: String,
    /// When it ends.
    pub expires: Timestamp,
    /// `in force`, `ends soon` or `expired`.
    pub standing: &'static str,
    /// Matches it held back since the first start.
    pub held_back: u64,
}

/// What has matched, and waits for its place in the order of events before it is an alert.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AheadSeen {
    /// The detector's id.
    pub detector: Arc<str>,
    /// What its alerts are called.
    pub title: Arc<str>,
    /// How bad it is.
    pub level: Level,
    /// What it is about.
    pub family: Family,
    /// Who or what it is about.
    pub entity: Entity,
    /// The app concerned.
    pub app: Option<Arc<str>>,
    /// When it happened.
    pub at: Timestamp,
}

/// How the daemon does as a whole.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Health {
    /// Wall time of this snapshot; pages say «stale» when it is old.
    pub at: Option<Timestamp>,
    /// Whether sources are assigned, the store is writable and keys are loaded.
    pub ready: bool,
    /// Why not, one sentence each.
    pub complaints: Vec<String>,
    /// What may be amiss though it is ready, one sentence each.
    pub remarks: Vec<String>,
    /// The time up to which detectors have evaluated.
    pub watermark: Option<Timestamp>,
    /// The newest event time seen.
    pub newest: Option<Timestamp>,
    /// Wall time of the last committed epoch.
    pub last_epoch: Option<Timestamp>,
    /// Records since the first start, and of them decoded, dead letters, filtered, duplicates.
    pub records: [u64; 5],
    /// Signals that came too late.
    pub late: u64,
    /// Entities evicted.
    pub evicted: u64,
    /// Detectors that run.
    pub detectors: usize,
}

/// Everything pages show of the running pipeline.
#[derive(Debug, Default)]
pub struct Board {
    /// By the source's name.
    pub sources: DashMap<String, SourceSeen>,
    /// By stream.
    pub streams: DashMap<StreamName, StreamSeen>,
    /// By kind and name.
    pub elements: DashMap<(ElementKind, Arc<str>), ElementSeen>,
    /// Records of elements for which `elements` had no room.
    pub unplaced: AtomicU64,
    /// What detectors need; replaced whole, the lock is held to copy the pointer.
    pub needs: RwLock<Arc<[Need]>>,
    /// What counts for nothing; replaced whole, the lock is held to copy the pointer.
    pub exceptions: RwLock<Arc<[ExceptionSeen]>>,
    /// By the sink's name.
    pub sinks: DashMap<String, SinkSeen>,
    /// What a ceiling cut of what sinks were told, by which.
    pub cuts: DashMap<&'static str, CutSeen>,
    /// By the detector's id; replaced when detectors are reloaded.
    pub detectors: DashMap<String, DetectorSeen>,
    /// How many events each detector has matched since the start, by its place; replaced whole, the lock is held
    /// to copy the pointer.
    pub matched: RwLock<Arc<[u64]>>,
    /// Replaced whole, a few times a second; the lock is held to copy it.
    pub health: RwLock<Health>,
    /// What is wrong with the file of tokens; replaced whole, the lock is held to copy it.
    pub door: RwLock<Option<String>>,
    /// What becomes of alerts that no delivery is about; replaced whole, the lock is held to copy the pointer.
    pub telling: RwLock<Arc<Telling>>,
    /// What has matched and is no alert yet; replaced whole, and who follows a page is woken.
    pub ahead: watch::Sender<Arc<[AheadSeen]>>,
    /// The threat model; replaced whole every few seconds, the lock is held to copy the pointer.
    pub living: RwLock<Arc<Living>>,
}

impl Board {
    /// Returns a copy of the daemon's health.
    pub fn health(&self) -> Health {
        self.health.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Returns what counts for nothing.
    pub fn exceptions(&self) -> Arc<[ExceptionSeen]> {
        self.exceptions.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Replaces what counts for nothing.
    pub fn set_exceptions(&self, exceptions: Vec<ExceptionSeen>) {
        *self.exceptions.write().unwrap_or_else(PoisonError::into_inner) = exceptions.into();
    }

    /// Returns what detectors need.
    pub fn needs(&self) -> Arc<[Need]> {
        self.needs.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Replaces what detectors need.
    pub fn set_needs(&self, needs: Vec<Need>) {
        *self.needs.write().unwrap_or_else(PoisonError::into_inner) = needs.into();
    }

    /// Returns the threat model as it was a few seconds ago.
    pub fn living(&self) -> Arc<Living> {
        self.living.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Replaces the threat model.
    pub fn set_living(&self, living: Arc<Living>) {
        *self.living.write().unwrap_or_else(PoisonError::into_inner) = living;
    }

    /// Returns how many events each detector has matched.
    pub fn matched(&self) -> Arc<[u64]> {
        self.matched.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Replaces how many events each detector has matched.
    pub fn set_matched(&self, matched: Arc<[u64]>) {
        *self.matched.write().unwrap_or_else(PoisonError::into_inner) = matched;
    }

    /// Returns which alerts wait to be told, and of which nobody is.
    pub fn telling(&self) -> Arc<Telling> {
        self.telling.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Replaces which alerts wait to be told, and of which nobody is.
    pub fn set_telling(&self, telling: Telling) {
        *self.telling.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(telling);
    }

    /// Returns what is wrong with the file of tokens, if it can't be read.
    pub fn door(&self) -> Option<String> {
        self.door.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Replaces what is wrong with the file of tokens; returns what it was.
    pub fn set_door(&self, wrong: Option<String>) -> Option<String> {
        std::mem::replace(&mut *self.door.write().unwrap_or_else(PoisonError::into_inner), wrong)
    }

    /// Replaces the daemon's health.
    pub fn set_health(&self, health: Health) {
        *self.health.write().unwrap_or_else(PoisonError::into_inner) = health;
    }
}
