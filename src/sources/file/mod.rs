//! What is new in files, or on standard input?
//!
//! A [`FileSource`] reads files on a thread of its own and looks for new ones every second. A
//! file's stream is called by its path and a number made of its inode and first bytes, so that a
//! rotation neither reads a file again nor skips its end, not even over a restart. One batch is
//! filled at a time; a slow pipeline stops the thread.

mod begin;
mod done;
mod follow;
mod found;
mod gone;
mod identity;
mod json;
mod lines;
mod missed;
mod parked;
mod place;
mod reader;
mod settings;
mod tail;
#[cfg(test)]
mod tests;

pub use reader::{FileReader, ReadState};
pub use settings::FileSettings;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::clock::Clock;
use crate::telemetry::{Batch, Mark, StreamId, StreamName, Streams};

use super::pump::{NAP, Outlet, Pump};
use super::{ResumePoints, Source, SourceError};
use follow::Files;

/// How often files are looked for.
const LOOKS: Duration = Duration::from_secs(1);
/// How full a batch of standard input gets.
const FULL: usize = 256 * 1024;

/// Reads the files of one source, or standard input.
///
/// After [`SourceError::Transient`] it may be asked again: it goes on trying by itself.
#[derive(Debug)]
pub struct FileSource {
    pump: Pump,
    /// The reading thread writes it, the pipeline's side reads it, each for a copy's time.
    seen: Arc<Mutex<Seen>>,
}

/// What a [`FileSource`] can be asked at any time.
#[derive(Debug, Default)]
struct Seen {
    lag: Vec<(StreamId, i64)>,
    starts: Vec<(StreamId, i64)>,
    held: BTreeSet<StreamId>,
    complaint: Option<String>,
    remark: Option<String>,
}

impl FileSource {
    /// Begins to read as `settings` say, as the source called `name`.
    ///
    /// Fails with [`SourceError::Fatal`] if the settings can't work.
    pub fn open(
        name: &str,
        settings: FileSettings,
        streams: Streams,
        resume: &ResumePoints,
        clock: &Clock,
    ) -> Result<Self, SourceError> {
        let stdin = settings.paths.iter().any(|path| path == "-");
        if settings.paths.is_empty() || (stdin && settings.paths.len() > 1) {
            return Err(SourceError::Fatal(format!(
                "The source {name} can't be read: `paths` must name files, or be - alone for standard input."
            )));
        }
        let seen = Arc::new(Mutex::new(Seen::default()));
        let (thread, title) = (seen.clone(), format!("files {name}"));
        let pump = if stdin {
            let of = StreamName { source: name.to_owned(), topic: "-".to_owned(), partition: 0 };
            // What comes now is not what came in an earlier run: it must not pass for read.
            let from = resume.get(&of).map_or(0, |at| place::anew(*at));
            let id = streams.id(&of);
            Pump::start(&title, move |outlet| read_stdin(id, from, &outlet))?
        } else {
            let (files, clock) = (Files::new(name, settings, streams, resume), clock.clone());
            Pump::start(&title, move |outlet| run(files, &outlet, &thread, &clock))?
        };
        Ok(Self { pump, seen })
    }

    /// Returns how many bytes of each open file are still to be read, as of the last second;
    /// none for compressed files and standard input.
    pub fn lag(&self) -> Vec<(StreamId, i64)> {
        lock(&self.seen).lag.clone()
    }

    /// Says that there are more files than can be read at once, or one that can't be read, and what to do.
    pub fn complaint(&self) -> Option<String> {
        lock(&self.seen).complaint.clone()
    }

    /// Says what may be amiss though all is read that there is: a file that went unread, or paths that lead to none yet.
    pub fn remark(&self) -> Option<String> {
        lock(&self.seen).remark.clone()
    }

    /// Returns the offset at which each file was begun since the last call.
    pub fn starts(&self) -> Vec<(StreamId, i64)> {
        std::mem::take(&mut lock(&self.seen).starts)
    }
}

impl Source for FileSource {
    async fn next(&mut self) -> Result<Batch, SourceError> {
        self.pump.next().await
    }

    fn committed(&mut self, _: &[(StreamId, i64)]) {}

    fn hold(&mut self, streams: &[StreamId]) {
        lock(&self.seen).held = streams.iter().copied().collect();
    }
}

fn lock(seen: &Mutex<Seen>) -> MutexGuard<'_, Seen> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Reads files until nobody wants them any more, or there is nothing more to come.
fn run(mut files: Files, outlet: &Outlet, seen: &Mutex<Seen>, clock: &Clock) {
    let mut last: Option<Duration> = None;
    while !outlet.closed() {
        let mut batch = Batch::default();
        let mut looked = Ok(());
        let now = clock.elapsed();
        if last.is_none_or(|last| now.saturating_sub(last) >= LOOKS) {
            last = Some(now);
            looked = files.look(&mut batch);
            let mut seen = lock(seen);
            seen.lag = files.lag();
            seen.starts.append(&mut files.starts);
            seen.complaint = files.complaint();
            seen.remark = files.remark();
        }
        // What was opened is said before any of its messages, and of other files' ones.
        if !batch.is_empty() && !outlet.send(Ok(std::mem::take(&mut batch))) {
            return;
        }
        let held = lock(seen).held.clone();
        let read = looked.and_then(|()| files.read(&mut batch, &held));
        let ended = files.close_finished(&mut batch);
        let idle = batch.messages.is_empty();
        if !batch.is_empty() && !outlet.send(Ok(batch)) {
            return;
        }
        match read {
            Err(error) => {
                let fatal = matches!(error, SourceError::Fatal(_));
                if !outlet.send(Err(error)) || fatal {
                    return;
                }
            }
            Ok(_) if ended => return,
            Ok(true) if !idle => continue,
            Ok(_) => {}
        }
        if idle {
            std::thread::sleep(NAP);
        }
    }
}

/// Reads standard input to its end.
fn read_stdin(id: StreamId, from: i64, outlet: &Outlet) {
    let opened = Batch { marks: vec![Mark::Opened(id)], ..Batch::default() };
    if !outlet.send(Ok(opened)) {
        return;
    }
    // Whatever happens, it holds no other source's time afterwards.
    let fail = |error| {
        outlet.send(Ok(Batch { marks: vec![Mark::Closed(id)], ..Batch::default() }));
        outlet.send(Err(error));
    };
    let mut reader = match FileReader::open(Path::new("-"), id, from) {
        Ok(reader) => reader,
        Err(error) => return fail(error),
    };
    loop {
        let mut batch = Batch::default();
        let state = reader.read_available(&mut batch, FULL);
        if matches!(state, Ok(ReadState::End)) {
            batch.marks.push(Mark::Closed(id));
        }
        if !batch.is_empty() && !outlet.send(Ok(batch)) {
            return;
        }
        match state {
            Ok(ReadState::More) => {}
            Ok(ReadState::End) => return,
            Err(error) => return fail(error),
        }
    }
}
