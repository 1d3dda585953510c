//! The code of the daemon over files, at full speed.
//!
//! Several files are partitions of one stream; the one whose event time is furthest behind is
//! read next, so that little has to wait. A replay starts with empty state, keeps none, touches
//! no daemon's store, and ends with the final watermark. What is configured is read once, before the first
//! event, as a daemon does when it begins.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use serde::Serialize;

use crate::alerts::{Alert, AlertId, AlertState};
use crate::clock::{Clock, Timestamp};
use crate::detection::Detectors;
use crate::posture::intended::Intended;
use crate::redaction::hidden_before;
use crate::sources::{FileReader, ReadState};
use crate::telemetry::{Batch, Mark, StreamId, StreamName, Streams};

use super::{Core, CoreSettings, Crew, Reading, Stage, Surroundings, Worked};

/// What to replay and how.
#[derive(Clone, Debug)]
pub struct ReplayOptions {
    /// The files; `-` is standard input.
    pub files: Vec<PathBuf>,
    /// Workers.
    pub threads: usize,
    /// Bytes read at a time.
    pub batch_bytes: usize,
    /// How the core behaves.
    pub core: CoreSettings,
}

/// What a replay holds what happens against, beside its stage.
#[derive(Debug, Default)]
pub struct Against {
    /// What is meant to be.
    pub intended: Arc<Intended>,
    /// What is configured.
    pub reading: Option<Reading>,
}

/// Why a replay failed.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// A file can't be read; says which and why.
    #[error("{0}")]
    Read(String),
    /// What was asked for can't be written.
    #[error("{0}")]
    Write(String),
}

/// What a replay found.
#[derive(Debug)]
pub struct Replayed {
    /// Every alert in its final state, by `opened_at` and id.
    pub alerts: Vec<Alert>,
    /// Names of the streams that the alerts' evidence lies in.
    pub streams: Streams,
    /// The counters, as `--summary` writes them.
    pub summary: Summary,
    /// Messages whose secrets were hidden before they were read: no detector sees them.
    pub hidden_before: u64,
}

/// `replay --summary`.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Summary {
    /// Messages read.
    pub messages: u64,
    /// Records in them.
    pub records: u64,
    /// Bytes read.
    pub bytes: u64,
    /// From the first open to the last write.
    pub seconds: f64,
    /// Decoded records by category.
    pub decoded: BTreeMap<String, u64>,
    /// Dead letters by reason.
    pub dead_letters: BTreeMap<String, u64>,
    /// Records seen before.
    pub duplicates: u64,
    /// Replacements by kind.
    pub redactions: BTreeMap<String, u64>,
    /// Alerts by family and level.
    pub alerts: BTreeMap<String, BTreeMap<String, u64>>,
    /// Matches that an exception held back, by its id.
    pub held_back: BTreeMap<String, u64>,
    /// Signals that came too late.
    pub late: u64,
    /// Entities given up because a ceiling was reached.
    pub evicted: u64,
    /// The most memory the process ever held.
    pub peak_rss_bytes: u64,
}

struct Open {
    reader: FileReader,
    stream: StreamId,
    ended: bool,
}

/// Replays files; `redacted` takes each message without secrets and people, in the order read,
/// and `progress` hears how many bytes were absorbed so far.
///
/// # Errors
///
/// [`ReplayError::Read`] for a file that can't be read, [`ReplayError::Write`] from `redacted`.
pub fn replay(
    options: &ReplayOptions,
    (stage, against): (Stage, Against),
    detectors: &Arc<Detectors>,
    clock: &Clock,
    mut redacted: impl FnMut(&StreamName, i64, &[u8]) -> Result<(), ReplayError>,
    mut progress: impl FnMut(u64),
) -> Result<Replayed, ReplayError> {
    let began = clock.elapsed();
    let streams = Streams::default();
    let mut core = Core::new(detectors.clone(), streams.clone(), &options.core);
    let intended = against.intended;
    core.set_surroundings(Surroundings { intended: intended.clone(), ..Surroundings::of(&stage) });
    if let Some(reading) = against.reading {
        core.configured(reading, &intended);
    }
    let mut crew = Crew::new(options.threads, Arc::new(ArcSwap::from_pointee(stage)));
    let mut files = open(options, &streams, &mut core)?;
    let mut finals: BTreeMap<AlertId, Alert> = BTreeMap::new();
    let mut hidden = 0;
    loop {
        let next = next_file(&mut files, &core);
        if let Some(file) = next {
            let batch = read(file, options.batch_bytes)?;
            hidden += (0..batch.messages.len()).filter(|message| hidden_before(batch.message(*message))).count() as u64;
            crew.submit(batch);
        }
        while crew.under_way() > 0 && (!crew.has_room() || next_file(&mut files, &core).is_none()) {
            let Some(worked) = crew.take() else { break };
            absorb(&mut core, worked, &streams, &mut redacted)?;
            progress(core.accounting().bytes);
            keep(&mut finals, core.tick());
        }
        if crew.under_way() == 0 && files.iter().all(|file| file.ended) {
            break;
        }
    }
    keep(&mut finals, core.finish());
    for alert in core.book().alerts() {
        finals.insert(alert.id, alert.clone());
    }
    let mut alerts: Vec<Alert> = finals.into_values().collect();
    alerts.sort_by_key(|alert| (alert.opened_at, alert.id));
    let summary = summary(&core, &alerts, clock.elapsed().saturating_sub(began));
    Ok(Replayed { alerts, streams, summary, hidden_before: hidden })
}

fn open(options: &ReplayOptions, streams: &Streams, core: &mut Core) -> Result<Vec<Open>, ReplayError> {
    let mut files = Vec::new();
    for (n, path) in options.files.iter().enumerate() {
        let name = StreamName { source: "replay".into(), topic: path.display().to_string(), partition: n as i32 };
        let stream = streams.id(&name);
        let reader = FileReader::open(path, stream, 0).map_err(|error| ReplayError::Read(error.to_string()))?;
        files.push(Open { reader, stream, ended: false });
        core.absorb(Worked { marks: vec![Mark::Opened(stream)], ..Worked::default() });
    }
    Ok(files)
}

/// The file that is furthest behind in event time.
fn next_file<'f>(files: &'f mut [Open], core: &Core) -> Option<&'f mut Open> {
    let behind = |file: &Open| core.watermarks().newest_of(file.stream.0).unwrap_or(Timestamp::MIN);
    files.iter_mut().filter(|file| !file.ended).min_by_key(|file| behind(file))
}

fn read(file: &mut Open, batch_bytes: usize) -> Result<Batch, ReplayError> {
    let mut batch = Batch::default();
    let state = file.reader.read(&mut batch, batch_bytes).map_err(|error| ReplayError::Read(error.to_string()))?;
    if state == ReadState::End {
        file.ended = true;
        batch.marks.push(Mark::AtEnd(file.stream, true));
    }
    Ok(batch)
}

fn absorb(
    core: &mut Core,
    mut worked: Worked,
    streams: &Streams,
    redacted: &mut impl FnMut(&StreamName, i64, &[u8]) -> Result<(), ReplayError>,
) -> Result<(), ReplayError> {
    for message in &mut worked.messages {
        if let Some(bytes) = message.redacted.take()
            && let Some(name) = streams.name(message.stream)
        {
            redacted(&name, message.offset, &bytes)?;
        }
    }
    core.absorb(worked);
    Ok(())
}

fn keep(finals: &mut BTreeMap<AlertId, Alert>, transitions: Vec<crate::alerts::Transition>) {
    for transition in transitions {
        let alert = transition.alert();
        if alert.state == AlertState::Closed {
            finals.insert(alert.id, alert.clone());
        }
    }
}

fn summary(core: &Core, alerts: &[Alert], took: Duration) -> Summary {
    let counted = core.accounting();
    let mut by_family: BTreeMap<String, BTreeMap<String, u64>> = BTreeMap::new();
    for alert in alerts {
        *by_family.entry(alert.family.name().into()).or_default().entry(alert.level.name().into()).or_default() += 1;
    }
    Summary {
        messages: counted.messages,
        records: counted.records,
        bytes: counted.bytes,
        seconds: took.as_secs_f64(),
        decoded: counted.decoded,
        dead_letters: counted.dead_letters,
        duplicates: counted.duplicates,
        redactions: counted.redactions,
        alerts: by_family,
        held_back: counted.held_back,
        late: counted.late,
        evicted: counted.evicted,
        peak_rss_bytes: peak_rss_bytes(),
    }
}

/// Returns the most memory this process ever held, in bytes; 0 where the system does not say.
fn peak_rss_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    let kib: u64 = line.trim().trim_end_matches("kB").trim().parse().unwrap_or(0);
    kib * 1024
}
