//! Detectors that change while the daemon runs.
//!
//! A thread looks at the folders of detectors and of Sigma rules every two seconds, and at once at SIGHUP. What has
//! changed, and stayed so for one look more, is compiled. If all of it is in order, the daemon ends in order and goes
//! on in the same process: it takes its state from its store, so that of detectors that did not change is kept, and
//! what waited for its time is read again; its sockets stay open meanwhile, so whoever connects waits a moment. If
//! anything is wrong, what ran before goes on, and the log and `/readyz` say so until it is mended.

use std::collections::BTreeMap;
use std::io::IsTerminal as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};

use crate::access::Sessions;
use crate::clock::Clock;
use crate::config::Config;
use crate::detection::Catalogue;
use crate::pipeline::{Ask, Look, look, sum};

use super::talk::Failure;
use super::{around, setup};

/// How often folders are looked at.
const EVERY: Duration = Duration::from_secs(2);
/// How many files are looked at, and how deep folders lie in each other.
const MAX_FILES: usize = 20_000;
const MAX_DEPTH: usize = 8;

/// What ends one run of the daemon, and what outlasts it.
#[derive(Debug)]
pub struct Turns {
    /// Speaks when the run is to end.
    pub stop: Receiver<()>,
    tell: Sender<()>,
    /// Whether the process was told to end.
    told: Arc<AtomicBool>,
    /// What the next run goes by.
    next: Arc<Mutex<Option<(Catalogue, Files)>>>,
    /// Whether this run is not the first.
    later: AtomicBool,
    sockets: Mutex<BTreeMap<(String, SocketAddr), std::net::TcpListener>>,
    /// Who has logged in.
    pub sessions: Arc<Sessions>,
}

impl Turns {
    /// Returns those of a process, which is told to end by SIGTERM, SIGINT or Ctrl-C. Told a second time, by either, it
    /// ends at once: the next start reads again what is not durable.
    ///
    /// # Errors
    ///
    /// If no thread can be started.
    pub fn begin() -> Result<Self, Failure> {
        let (tell, stop) = bounded(1);
        let told = Arc::new(AtomicBool::new(false));
        until_told(tell.clone(), told.clone())
            .map_err(|error| Failure::Io(format!("signals can't be listened for: {error}")))?;
        let (next, sockets, sessions) = (Arc::default(), Mutex::default(), Arc::default());
        Ok(Self { stop, tell, told, next, later: AtomicBool::new(false), sockets, sessions })
    }

    /// Returns what the next run goes by, unless the process was told to end.
    pub fn next(&self) -> Option<(Catalogue, Files)> {
        if self.told.load(Ordering::SeqCst) {
            return None;
        }
        let next = self.next.lock().unwrap_or_else(PoisonError::into_inner).take();
        self.later.fetch_or(next.is_some(), Ordering::SeqCst);
        next
    }

    /// Tells whether this run goes by detectors that were taken while the daemon ran.
    pub fn is_later(&self) -> bool {
        self.later.load(Ordering::SeqCst)
    }

    /// Returns a socket that listens on `at` for `whom`: the one of the run before, if there was one. To be called
    /// inside a runtime.
    ///
    /// # Errors
    ///
    /// What the system says if it can't listen there.
    pub fn listen(&self, whom: &str, at: SocketAddr) -> std::io::Result<tokio::net::TcpListener> {
        let mut sockets = self.sockets.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (whom.to_owned(), at);
        let socket = if let Some(socket) = sockets.get(&key) {
            socket.try_clone()?
        } else {
            let socket = std::net::TcpListener::bind(at)?;
            socket.set_nonblocking(true)?;
            sockets.insert(key, socket.try_clone()?);
            socket
        };
        tokio::net::TcpListener::from_std(socket)
    }

    /// Follows `files`: ends the run once they are others and in order.
    ///
    /// # Errors
    ///
    /// If no thread can be started.
    pub fn follow(&self, runtime: &Runtime, files: Files, to: Sender<Ask>) -> Result<(), Failure> {
        if files.folders.is_empty() {
            return Ok(());
        }
        if files.config.sources.file.values().any(|source| source.paths.iter().any(|path| path == "-")) {
            tracing::info!("standard input can't be read again, so changed detectors are taken with the next start");
            return Ok(());
        }
        let (poke, pokes) = bounded(1);
        runtime.spawn(async move {
            let Ok(mut hangup) = signal(SignalKind::hangup()) else { return std::future::pending().await };
            while hangup.recv().await.is_some() {
                // One that waits already is enough.
                let _ = poke.try_send(());
            }
        });
        let (tell, next) = (self.tell.clone(), self.next.clone());
        let thread = std::thread::Builder::new().name("detectors".into()).spawn(move || {
            if let Some(others) = files.until_others(&pokes, &to) {
                *next.lock().unwrap_or_else(PoisonError::into_inner) = Some(others);
                // Whatever waits there ends the run too.
                let _ = tell.try_send(());
            }
        });
        thread.map(drop).map_err(|error| Failure::Io(format!("the detectors' files can't be followed: {error}")))
    }
}

/// Tells when the process is told to end.
fn until_told(tell: Sender<()>, told: Arc<AtomicBool>) -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    // Listened for at once: until then either kills us.
    let (mut terminate, mut interrupt) = {
        let _inside = runtime.enter();
        (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?)
    };
    // A terminal that closes ends what runs in it; a service that is told to reload goes on.
    if !std::io::stderr().is_terminal() {
        let mut hangup = {
            let _inside = runtime.enter();
            signal(SignalKind::hangup())?
        };
        runtime.spawn(async move {
            while hangup.recv().await.is_some() {
                tracing::info!("SIGHUP: files of [context], of [posture] and of detectors are read; the configuration itself takes a restart");
            }
        });
    }
    let listen = async move {
        for time in 0.. {
            let code = tokio::select! {
                _ = terminate.recv() => 143,
                _ = interrupt.recv() => 130,
            };
            if time > 0 {
                std::process::exit(code);
            }
            told.store(true, Ordering::SeqCst);
            let _ = tell.try_send(());
        }
    };
    std::thread::Builder::new().name("signals".into()).spawn(move || runtime.block_on(listen)).map(drop)
}

/// How files look from outside.
type Looks = BTreeMap<PathBuf, Look>;

/// The files that detectors and Sigma rules come from.
#[derive(Debug)]
pub struct Files {
    config: Config,
    clock: Clock,
    folders: Vec<PathBuf>,
    /// Those that run.
    running: BTreeMap<String, String>,
    /// How they looked when they were read last, and a moment ago.
    read: Looks,
    seen: Looks,
    /// Whether what was read last was refused.
    refused: bool,
}

/// What came of another look.
#[derive(Debug)]
enum Looked {
    /// What runs is what is there again.
    Mended,
    /// What is there can't run, and why.
    Refused(String),
    /// What is to run.
    Others(Box<Catalogue>),
}

impl Files {
    /// Returns those that `config` names, as they are now. To be called before they are read, lest a change pass unseen.
    pub fn of(config: &Config, clock: &Clock) -> Self {
        let detection = &config.detection;
        let folders: Vec<PathBuf> = detection.detectors.iter().chain(&detection.sigma).cloned().collect();
        let now = looks(&folders);
        let (config, clock, running) = (config.clone(), clock.clone(), sums(&now));
        Self { config, clock, folders, running, read: now.clone(), seen: now, refused: false }
    }

    /// Returns SHA-256 of each file, by its path.
    pub fn sums(&self) -> &BTreeMap<String, String> {
        &self.running
    }

    /// Looks until what is there is others, and in order; or until the other end of `pokes` or `to` is gone.
    fn until_others(mut self, pokes: &Receiver<()>, to: &Sender<Ask>) -> Option<(Catalogue, Self)> {
        loop {
            let poked = match pokes.recv_timeout(EVERY) {
                Ok(()) => true,
                Err(RecvTimeoutError::Timeout) => false,
                Err(RecvTimeoutError::Disconnected) => return None,
            };
            let says = match self.check(poked) {
                None => continue,
                Some(Looked::Others(catalogue)) => return Some((*catalogue, self)),
                Some(Looked::Mended) => None,
                Some(Looked::Refused(says)) => Some(says),
            };
            to.send(Ask::DetectorsRefused(says)).ok()?;
        }
    }

    fn check(&mut self, poked: bool) -> Option<Looked> {
        let now = looks(&self.folders);
        let settled = now == self.seen;
        self.seen.clone_from(&now);
        if !poked && (!settled || now == self.read) {
            return None;
        }
        let sums = sums(&now);
        // What changes while it is read is read again.
        self.read = now;
        if sums == self.running {
            return std::mem::take(&mut self.refused).then_some(Looked::Mended);
        }
        let compiled = setup::running(&self.config.detection, &[]);
        // Exceptions and the model of threats name detectors.
        let fits = compiled.and_then(|it| around::read(&self.config, &it, &self.clock).map(|_| it));
        Some(match fits {
            Ok(catalogue) => {
                (self.running, self.refused) = (sums, false);
                Looked::Others(Box::new(catalogue))
            }
            Err(failure) => {
                self.refused = true;
                Looked::Refused(failure.says().to_owned())
            }
        })
    }
}

/// Returns how the YAML files of `folders` look, and of the folders in them.
fn looks(folders: &[PathBuf]) -> Looks {
    let mut all = Looks::new();
    for folder in folders {
        if folder.is_dir() {
            walk(folder, 0, &mut all);
        } else {
            all.insert(folder.clone(), look(folder));
        }
    }
    all
}

fn walk(folder: &Path, depth: usize, all: &mut Looks) {
    // One that can't be read is complained of by who reads the files.
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let (path, name) = (entry.path(), entry.file_name());
        if all.len() >= MAX_FILES || name.to_string_lossy().starts_with('.') {
            continue;
        }
        if path.is_dir() && depth < MAX_DEPTH {
            walk(&path, depth + 1, all);
        } else if path.extension().is_some_and(|extension| extension == "yml" || extension == "yaml") {
            let looks = look(&path);
            all.insert(path, looks);
        }
    }
}

fn sums(looks: &Looks) -> BTreeMap<String, String> {
    looks.keys().map(|file| (file.display().to_string(), sum(file).unwrap_or_default())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUIET: &str = "title: A made-up rule\nid: 8f1f3b0e-6b1a-4d7e-9a55-0c1d2e3f4a5b\nstatus: test\nlogsource:\n  \
        product: azure\n  service: activitylogs\ndetection:\n  one:\n    operationName: A/B\n  condition: one\nlevel: low\n";

    fn files(folder: &Path) -> Files {
        let text = format!("[detection]\nsigma = ['{}']\n", folder.display());
        Files::of(&toml::from_str(&text).unwrap(), &Clock::system())
    }

    #[test]
    fn rules_are_taken_once_they_have_changed_and_stayed_so() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("one.yml");
        std::fs::write(&file, QUIET).unwrap();
        let mut files = files(folder.path());
        assert!(files.check(false).is_none() && files.check(true).is_none(), "nothing has changed");
        std::fs::write(folder.path().join("two.yml"), QUIET.replace("A/B", "C/D").replace("8f1f", "9f1f")).unwrap();
        assert!(files.check(false).is_none(), "it may still be written");
        let Some(Looked::Others(catalogue)) = files.check(false) else { panic!("they are others") };
        assert!(catalogue.detectors.all.iter().any(|one| one.id.contains("9f1f")));
    }

    #[test]
    fn what_names_a_detector_that_is_gone_is_refused_until_it_is_back() {
        let folder = tempfile::tempdir().unwrap();
        let own = folder.path().join("own");
        let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("detectors");
        std::fs::create_dir_all(own.join("probing")).unwrap();
        std::fs::copy(shipped.join("threats.yaml"), own.join("threats.yaml")).unwrap();
        let copy =
            || std::fs::copy(shipped.join("probing/kudu_used.yaml"), own.join("probing/kudu_used.yaml")).unwrap();
        copy();
        let text = format!("[detection]\ndetectors = '{}'\n", own.display());
        let mut files = Files::of(&toml::from_str(&text).unwrap(), &Clock::system());
        std::fs::write(own.join("probing/kudu_used.yaml"), "id: nonsense\n").unwrap();
        assert!(files.check(false).is_none());
        let Some(Looked::Refused(says)) = files.check(false) else { panic!("it is refused") };
        assert!(says.contains("probing/kudu_used.yaml"), "{says}");
        copy();
        assert!(files.check(false).is_none());
        assert!(matches!(files.check(false), Some(Looked::Mended)), "what runs is there again");
    }
}
