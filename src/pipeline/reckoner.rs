//! Who reads configuration and reckons the threat model?
//!
//! A thread of its own, for both take long: nothing of it holds events up. It looks at the files of
//! `[posture] configured` every `read_every`, or when it is poked, and reads them once they have changed
//! and stayed so. What it is given to reckon with it makes a model of, shows it on the board and says what
//! has changed by it. Of what waits to be reckoned, the newest counts.

use std::collections::{BTreeMap, HashSet};
use std::io::Read as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, select};
use sha2::{Digest as _, Sha256};

use crate::clock::{Clock, Timestamp};
use crate::dashboard::Board;
use crate::detection::Catalogue;
use crate::detection::cases::proven;
use crate::metrics::Metrics;
use crate::posture::configured::{MAX_BYTES, files, read};
use crate::posture::controls::Controls;
use crate::posture::intended::Intended;
use crate::posture::living::{Living, Seer, Sends, Setup, Sources, Stands, build, drift};
use crate::posture::{PostureSettings, Threats};
use crate::redaction::Redactor;
use crate::store::Reader;

use super::parts::Ask;
use super::posture::Reading;

/// How often it looks whether it is time to look at the files.
const LOOK: Duration = Duration::from_secs(1);

/// Returns the detectors as coverage asks for them: of each the threat, and whether a test makes it fire.
/// Rules of others come without such tests.
pub fn seers(catalogue: &Catalogue) -> Vec<Seer> {
    let needs = catalogue.needs();
    let kinds = |id: &str| needs.iter().find(|need| *need.detector == *id).map(|need| need.kinds.clone());
    let own = catalogue.detectors.all.iter().filter(|detector| !detector.is_sigma());
    let seer = |detector: &Arc<crate::detection::Detector>| {
        Some(Seer {
            detector: detector.id.clone(),
            threat: detector.threat.clone(),
            kinds: kinds(&detector.id)?,
            steps: catalogue.steps(&detector.id),
            tested: catalogue.is_tested(&detector.id),
            fired: false,
        })
    };
    own.filter_map(seer).collect()
}

/// Reads configuration and reckons the threat model.
#[derive(Debug)]
pub struct Reckoner {
    settings: PostureSettings,
    redactor: Arc<Redactor>,
    controls: Arc<Controls>,
    threats: Arc<Threats>,
    seers: Vec<Seer>,
    board: Arc<Board>,
    metrics: Arc<Metrics>,
    clock: Clock,
    /// What is meant: configuration is held against it.
    intended: Arc<Intended>,
    /// How the files looked when they were read last, and a moment ago.
    read: Option<u64>,
    seen: Option<u64>,
    looked: Option<Duration>,
    /// What was reckoned last.
    last: Arc<Living>,
    /// Detectors whose cases nobody has run.
    unproven: Option<Catalogue>,
}

impl Reckoner {
    /// Returns one that has read nothing.
    pub fn new(
        settings: PostureSettings,
        redactor: Arc<Redactor>,
        (controls, threats, seers): (Controls, Arc<Threats>, Vec<Seer>),
        (board, metrics, clock): (Arc<Board>, Arc<Metrics>, Clock),
    ) -> Self {
        Self {
            settings,
            redactor,
            controls: Arc::new(controls),
            threats,
            seers,
            board,
            metrics,
            clock,
            intended: Arc::default(),
            read: None,
            seen: None,
            looked: None,
            last: Arc::default(),
            unproven: None,
        }
    }

    /// Holds configuration against `intended`. What was read before is read again if that is another.
    pub fn mean(&mut self, intended: &Arc<Intended>) {
        if !Arc::ptr_eq(&self.intended, intended) && *self.intended != **intended {
            (self.read, self.looked) = (None, None);
        }
        self.intended = intended.clone();
    }

    /// Notes which detectors have fired before.
    pub fn fired(&mut self, reader: &Reader) {
        let fired: HashSet<String> = reader.fired(Timestamp::MIN).unwrap_or_default().into_keys().collect();
        for seer in &mut self.seers {
            seer.fired |= fired.contains(&*seer.detector);
        }
    }

    /// Notes that nobody has run the cases of these detectors: they are run before anything is reckoned, so
    /// that what is said to be covered is seen by a detector that has fired.
    pub fn doubt(&mut self, catalogue: &Catalogue) {
        self.unproven = Some(catalogue.clone());
    }

    fn prove(&mut self) {
        let Some(catalogue) = self.unproven.take() else { return };
        let proven = proven(&catalogue, &self.redactor);
        for seer in &mut self.seers {
            seer.tested &= proven.contains(&seer.detector);
        }
    }

    /// Reads and reckons until the other end of `to` or of `wanted` is gone.
    pub fn run(mut self, wanted: &Receiver<Sources>, pokes: &Receiver<()>, to: &Sender<Ask>) {
        if !self.settings.configured.is_empty() {
            let first = self.look(true).map_or(Ask::Unread, |reading| Ask::Configured(Box::new(reading)));
            if to.send(first).is_err() {
                return;
            }
        }
        self.prove();
        loop {
            let poked = select! {
                recv(wanted) -> sources => match sources {
                    Ok(sources) => {
                        let drifts = self.reckon(sources);
                        if !drifts.is_empty() && to.send(Ask::Drifted(drifts)).is_err() {
                            return;
                        }
                        false
                    }
                    Err(_) => return,
                },
                recv(pokes) -> poke => poke.is_ok(),
                default(LOOK) => false,
            };
            if let Some(reading) = self.look(poked)
                && to.send(Ask::Configured(Box::new(reading))).is_err()
            {
                return;
            }
        }
    }

    /// Makes the model of `sources` and shows it; returns what has changed by what events prove.
    pub fn reckon(&mut self, mut sources: Sources) -> Vec<crate::posture::living::Drift> {
        self.mean(&sources.intended);
        for seer in &mut self.seers {
            seer.fired |= sources.alerts.iter().any(|alert| alert.detectors.contains(&seer.detector));
        }
        sources.stale_after = Some(self.settings.stale_after);
        sources.seers.clone_from(&self.seers);
        sources.threats.clone_from(&self.threats);
        if sources.configured.controls.all.is_empty() {
            // Nothing was read: what events prove is told all the same.
            sources.configured = Arc::new(Setup { controls: self.controls.clone(), ..Setup::default() });
        }
        sources.sends = self
            .board
            .elements
            .iter()
            .map(|one| Sends {
                kind: one.key().0,
                name: one.key().1.clone(),
                resource: one.resource.clone(),
                heard: one.heard.clone(),
            })
            .collect();
        sources.sends.sort_by(|a, b| (a.kind.name(), &a.name).cmp(&(b.kind.name(), &b.name)));
        let living = Arc::new(build(&sources));
        let drifts = drift(&self.last, &living);
        self.figures(&living);
        self.board.set_living(living.clone());
        self.last = living;
        drifts
    }

    fn figures(&self, living: &Living) {
        let mut counts = [0_i64; Stands::ALL.len()];
        for standing in living.parts.iter().flat_map(|part| &part.standings) {
            counts[standing.stands as usize] += 1;
        }
        for (stands, count) in Stands::ALL.into_iter().zip(counts) {
            self.metrics.posture.controls.set(&[stands.name()], count);
        }
    }

    /// Looks at the files if it is time; reads them if they have changed and stayed so, or if `poked`.
    pub fn look(&mut self, poked: bool) -> Option<Reading> {
        let now = self.clock.elapsed();
        // One that changes is looked at again at once, to see whether it stays.
        let every = if self.seen == self.read { self.settings.read_every } else { LOOK };
        let due = self.looked.is_none_or(|last| now.saturating_sub(last) >= every);
        if self.settings.configured.is_empty() || !due && !poked {
            return None;
        }
        self.looked = Some(now);
        let look = look(&self.settings.configured);
        let settled = self.seen.replace(look) == Some(look) || self.read.is_none();
        if !poked && (!settled || self.read == Some(look)) {
            return None;
        }
        self.read = Some(look);
        let reading = self.take();
        self.metrics.posture.readings.add(&[if reading.is_some() { "taken" } else { "refused" }], 1);
        reading
    }

    fn take(&self) -> Option<Reading> {
        let known = (&self.controls, &*self.intended, &*self.redactor);
        let reading = read_configured(&self.settings.configured, known, self.clock.now());
        match reading {
            Ok(reading) => {
                let elements = reading.configured.elements.len();
                tracing::info!(elements, "what is configured was read");
                Some(reading)
            }
            Err(unwalked) => {
                tracing::error!("[posture] configured: {unwalked} What was read before holds.");
                None
            }
        }
    }
}

/// Reads what is configured in `paths`, and holds it against the controls and what is meant.
///
/// # Errors
///
/// Says which of them can't be gone through.
pub fn read_configured(
    paths: &[PathBuf],
    (controls, intended, redactor): (&Arc<Controls>, &Intended, &Redactor),
    at: Timestamp,
) -> Result<Reading, String> {
    let found = files(paths).map_err(|unwalked| unwalked.to_string())?;
    let names: Vec<String> = found.files.keys().cloned().collect();
    let mut sum = Sha256::new();
    let mut load = |name: &str| {
        let path = found.files.get(name).ok_or_else(|| "it is not among the files".to_owned())?;
        let mut bytes = Vec::new();
        let file = std::fs::File::open(path).map_err(|error| error.to_string())?;
        file.take(MAX_BYTES as u64 + 1).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
        sum.update(name.as_bytes());
        sum.update(Sha256::digest(&bytes));
        Ok(bytes)
    };
    let mut model = read(&names, &mut load, redactor);
    for (folder, says) in found.unread {
        model.problem(&folder, 0, says);
    }
    let mut configured = Setup::of(&model, controls, intended);
    let paths: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
    configured.read = paths.iter().map(|path| (path.clone(), at)).collect();
    let sum = data_encoding::HEXLOWER.encode(&sum.finalize());
    Ok(Reading { configured, sums: BTreeMap::from([(paths.join(", "), sum)]), at })
}

/// Returns how the files look from outside: their names, sizes and when they were written.
fn look(paths: &[PathBuf]) -> u64 {
    use std::os::unix::fs::MetadataExt as _;
    let mut hash = xxhash_rust::xxh3::Xxh3::new();
    for (name, path) in files(paths).map(|found| found.files).unwrap_or_default() {
        hash.update(name.as_bytes());
        if let Ok(about) = std::fs::metadata(path) {
            for number in [about.mtime(), about.mtime_nsec(), about.size().cast_signed(), about.ino().cast_signed()] {
                hash.update(&number.to_le_bytes());
            }
        }
    }
    hash.digest()
}
