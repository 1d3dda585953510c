//! Detectors that change while the daemon runs.
//!
//! A thread looks at the folders of detectors and of Sigma rules every two seconds, and at once at SIGHUP. What has
//! changed, and stayed so for one look more, is compiled, and what else a start needs is looked for. If all of it is in
//! order, the daemon answers what it was asked, ends in order and goes on in the same process: it takes its state from
//! its store, so that of detectors that did not change is kept, and what waited for its time is read again. Its sockets
//! stay open, and keys, rules of redaction, tokens and ways in stay as they were at the start. If anything is wrong, what
//! ran before goes on, and the log and `/readyz` say so until it is mended.

use std::collections::BTreeMap;
use std::io::IsTerminal as _;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, bounded};
use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};

use crate::access::{Role, Sessions, Tokens, Ways, check_listen};
use crate::clock::Clock;
use crate::config::Config;
use crate::pipeline::Ask;

use super::detector_files::{Files, GoingBy};
use super::serving::Serving;
use super::setup::{self, Hiding};
use super::talk::Failure;

/// After what time a run that could not go on is tried again.
const AGAIN: Duration = Duration::from_secs(5);

/// What ends one run of the daemon, and what outlasts it.
#[derive(Debug)]
pub struct Turns {
    /// Speaks when the run is to end.
    pub stop: Receiver<()>,
    tell: Sender<()>,
    /// Whether the process was told to end.
    told: Arc<AtomicBool>,
    /// What the next run goes by.
    next: Arc<Mutex<Option<GoingBy>>>,
    /// Whether this run is not the first.
    later: AtomicBool,
    hiding: OnceLock<Hiding>,
    tokens: OnceLock<Arc<Tokens>>,
    ways: OnceLock<Arc<Ways>>,
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
        Ok(Self {
            stop,
            tell,
            told,
            next: Arc::default(),
            later: AtomicBool::new(false),
            hiding: OnceLock::new(),
            tokens: OnceLock::new(),
            ways: OnceLock::new(),
            sockets: Mutex::default(),
            sessions: Arc::default(),
        })
    }

    /// Returns what the next run goes by, unless the process was told to end.
    pub fn next(&self) -> Option<GoingBy> {
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

    /// Waits a while before a run that could not go on is tried again.
    ///
    /// # Errors
    ///
    /// `failure`, if the process is told to end meanwhile.
    pub fn wait(&self, failure: Failure) -> Result<(), Failure> {
        tracing::error!(
            "Gatewatch can't go on with what was read anew, and tries again in five seconds: {}",
            failure.says()
        );
        match self.stop.recv_timeout(AGAIN) {
            Ok(()) if self.told.load(Ordering::SeqCst) => Err(failure),
            _ => Ok(()),
        }
    }

    /// Returns what hides things: in the first run what `make` makes, in later ones the same.
    ///
    /// # Errors
    ///
    /// Those of `make`.
    pub fn hiding(&self, make: impl FnOnce() -> Result<Hiding, Failure>) -> Result<Hiding, Failure> {
        if let Some(hiding) = self.hiding.get() {
            return Ok(hiding.clone());
        }
        let hiding = make()?;
        Ok(self.hiding.get_or_init(|| hiding).clone())
    }

    /// Returns the tokens in the data folder.
    ///
    /// # Errors
    ///
    /// If they can't be read.
    pub fn tokens(&self, data: &Path) -> Result<Arc<Tokens>, Failure> {
        if let Some(tokens) = self.tokens.get() {
            return Ok(tokens.clone());
        }
        let tokens = Tokens::open(data.join(setup::TOKENS)).map_err(|error| Failure::Io(error.to_string()))?;
        Ok(self.tokens.get_or_init(|| Arc::new(tokens)).clone())
    }

    /// Returns who may come in, and by which ways, once it is sure that nobody else can.
    ///
    /// # Errors
    ///
    /// If what is configured can't be had, or would let anybody in.
    pub fn door(&self, config: &Config, data: &Path, clock: &Clock) -> Result<(Arc<Tokens>, Arc<Ways>), Failure> {
        let tokens = self.tokens(data)?;
        if let Some(ways) = self.ways.get() {
            return Ok((tokens, ways.clone()));
        }
        let list = tokens.list().map_err(|error| Failure::Io(error.to_string()))?;
        let ways = crate::config::ways(&config.dashboard, clock).map_err(Failure::Config)?;
        let known = ways.any() || list.iter().any(|token| token.role.may(Role::Viewer));
        check_listen(config.dashboard.listen, known, &ways, data).map_err(Failure::Config)?;
        Ok((tokens, self.ways.get_or_init(|| Arc::new(ways)).clone()))
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

    /// Follows `files`: ends the run, `serving` first, once they are others and in order.
    ///
    /// # Errors
    ///
    /// If no thread can be started.
    pub fn follow(
        &self,
        runtime: &Runtime,
        files: Files,
        to: Sender<Ask>,
        serving: Arc<Serving>,
    ) -> Result<(), Failure> {
        if files.are_none() {
            return Ok(());
        }
        if files.pass() {
            tracing::info!("standard input can't be read again, so changed detectors are taken with the next start");
            return Ok(());
        }
        let pokes = super::around::pokes(runtime);
        let (tell, next, handle) = (self.tell.clone(), self.next.clone(), runtime.handle().clone());
        let thread = std::thread::Builder::new().name("detectors".into()).spawn(move || {
            if let Some(others) = files.until_others(&pokes, &to) {
                handle.block_on(serving.close());
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
