//! Where are bodies kept between the answer to their sender and the next epoch?
//!
//! In a [`Spool`]: frames in segment files, synced before [`Spool::append`] returns, so that a
//! `202` is a promise. Appends that come together share one sync. Positions are counted in bytes
//! from the first frame ever written and are never used twice. Its ceiling is the bytes not yet
//! read and committed; at it, appends are refused and the sender is told to come again.

mod frame;
mod left;
mod source;
mod tail;

pub use left::{left_over, spool_names};
pub use source::SpoolSource;

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use crate::telemetry::Sighting;

use tail::{Tail, whole_frames};

/// How long a segment gets before the next one is begun.
const SEGMENT: u64 = 8 << 20;

/// Why something could not be spooled. Nothing of it was kept.
#[derive(Debug, thiserror::Error)]
pub enum SpoolError {
    /// The ceiling is reached: reading must catch up first.
    #[error("the spool is full: {used} of {ceiling} bytes wait to be read")]
    Full {
        /// How many bytes wait.
        used: u64,
        /// How many may wait.
        ceiling: u64,
    },
    /// What should be kept together is more than may wait, even if nothing else does.
    #[error(
        "this takes {needed} bytes on disk and max_spool_bytes is {ceiling}: it would never fit. Send several smaller bodies, or \
         raise max_spool_bytes. Nothing of it was kept."
    )]
    TooMuch {
        /// How many bytes it takes.
        needed: u64,
        /// How many may wait.
        ceiling: u64,
    },
    /// One message is longer than a frame can be.
    #[error("one message of {0} bytes is more than the spool takes (64 MiB)")]
    TooLong(usize),
    /// The disk refuses.
    #[error("the spool in {folder} can't be written: {error}. Check the disk's space and who may write there.")]
    Io {
        /// The spool's folder.
        folder: PathBuf,
        /// What the system says.
        error: io::Error,
    },
}

/// A durable queue of messages; clones are the same queue.
#[derive(Clone, Debug)]
pub struct Spool(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    folder: PathBuf,
    ceiling: u64,
    /// How many bytes of a last frame that is not whole were cut off.
    cut: u64,
    /// Appending, syncing, reading and deleting go on in different threads; held for a write to
    /// the page cache, never for a sync.
    state: Mutex<State>,
    /// Told when a sync has ended.
    synced: Condvar,
}

#[derive(Debug)]
struct State {
    /// The segments' first positions, ascending; the last is being written.
    segments: Vec<u64>,
    file: Arc<File>,
    /// The position behind the last whole frame.
    end: u64,
    /// Up to where everything is on disk.
    durable: u64,
    syncing: bool,
    /// The position below which everything is read and committed.
    read: u64,
    /// The disk has failed to sync: what it kept is not known, so nothing more is promised.
    broken: Option<io::ErrorKind>,
}

impl Spool {
    /// Opens the spool in `folder`, which is made if it is not there, with at most `ceiling`
    /// bytes waiting. A torn last frame is cut off, and [`Spool::cut`] says so: nobody was told that it
    /// was kept.
    pub fn open(folder: &Path, ceiling: u64) -> Result<Self, SpoolError> {
        let (state, cut) = open(folder).map_err(|error| SpoolError::Io { folder: folder.to_owned(), error })?;
        let inner = Inner { folder: folder.to_owned(), ceiling, cut, state: Mutex::new(state), synced: Condvar::new() };
        Ok(Self(Arc::new(inner)))
    }

    /// Appends `message` with what was `seen` in it; returns when it is on disk. Blocks for a sync
    /// of the disk; may be called by many threads at once.
    pub fn append(&self, message: &[u8], seen: &[Sighting]) -> Result<(), SpoolError> {
        self.append_all(&[(message, seen)])
    }

    /// Appends several messages with one sync: all of them, or none.
    pub fn append_all(&self, messages: &[(&[u8], &[Sighting])]) -> Result<(), SpoolError> {
        let mut frames = Vec::new();
        for (message, seen) in messages {
            frames.extend(frame::encode(message, seen).ok_or(SpoolError::TooLong(message.len()))?);
        }
        let (needed, ceiling) = (frames.len() as u64, self.0.ceiling);
        if needed > ceiling {
            return Err(SpoolError::TooMuch { needed, ceiling });
        }
        let mut state = self.lock();
        let used = state.end - state.read.min(state.end);
        if used + needed > ceiling {
            return Err(SpoolError::Full { used, ceiling });
        }
        self.write(&mut state, &frames).map_err(|error| self.io(error))?;
        let end = state.end;
        self.sync(state, end).map_err(|error| self.io(error))
    }

    /// Returns how many bytes were cut off when it was opened, of a last frame that was not whole.
    pub fn cut(&self) -> u64 {
        self.0.cut
    }

    /// Returns how many bytes wait to be read and committed.
    pub fn waiting(&self) -> u64 {
        let state = self.lock();
        state.end - state.read.min(state.end)
    }

    /// Deletes what lies below `position`, which has been read and committed.
    fn forget(&self, position: u64) {
        let mut state = self.lock();
        state.read = state.read.max(position.min(state.end));
        let unread = state.segments.windows(2).take_while(|pair| pair[1] <= position).count();
        let gone: Vec<u64> = state.segments.drain(..unread).collect();
        drop(state);
        for segment in gone {
            // One that can't be deleted now is when the spool is next opened and read past.
            let _ = fs::remove_file(path(&self.0.folder, segment));
        }
    }

    /// Takes up reading at `resume`; returns where there is something to read from then on.
    ///
    /// The store may know of more than is here, after a restore for one: positions below
    /// `absorbed` are then not used again, for what comes under them would pass for known.
    fn begin_at(&self, resume: u64, absorbed: u64) -> io::Result<u64> {
        let mut state = self.lock();
        let known = absorbed.max(resume);
        if known <= state.end {
            state.read = state.read.max(resume);
            return Ok(resume);
        }
        let from = if resume < state.end { resume } else { known };
        state.end = known;
        state.durable = known;
        state.read = known;
        self.begin_segment(&mut state)?;
        Ok(from)
    }

    /// Returns how many bytes lie behind `position`.
    fn behind(&self, position: u64) -> u64 {
        self.lock().end.saturating_sub(position)
    }

    fn write(&self, state: &mut State, frames: &[u8]) -> io::Result<()> {
        if let Some(kind) = state.broken {
            return Err(kind.into());
        }
        let start = state.segments.last().copied().unwrap_or_default();
        if state.end - start >= SEGMENT {
            if let Err(error) = state.file.sync_data() {
                state.broken = Some(error.kind());
                return Err(error);
            }
            state.durable = state.end;
            self.begin_segment(state)?;
        }
        let start = state.segments.last().copied().unwrap_or_default();
        let mut file = &*state.file;
        if let Err(error) = file.write_all(frames) {
            // Half a frame must not stand before the next one.
            let back = file.set_len(state.end - start).and_then(|()| file.seek(SeekFrom::End(0)));
            if back.is_err() {
                state.broken = Some(error.kind());
            }
            return Err(error);
        }
        state.end += frames.len() as u64;
        Ok(())
    }

    /// Waits until everything below `end` is on disk: syncs, or waits for whoever is syncing.
    fn sync<'a>(&'a self, mut state: MutexGuard<'a, State>, end: u64) -> io::Result<()> {
        loop {
            if state.durable >= end {
                return Ok(());
            }
            if let Some(kind) = state.broken {
                return Err(kind.into());
            }
            if state.syncing {
                state = self.0.synced.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            state.syncing = true;
            let (file, upto) = (state.file.clone(), state.end);
            drop(state);
            let done = file.sync_data();
            state = self.lock();
            state.syncing = false;
            match done {
                Ok(()) => state.durable = state.durable.max(upto),
                // After a failed sync the kernel may have dropped the pages: no second try can be trusted.
                Err(error) => state.broken = Some(error.kind()),
            }
            self.0.synced.notify_all();
        }
    }

    fn begin_segment(&self, state: &mut State) -> io::Result<()> {
        let file = create(&self.0.folder, state.end)?;
        state.file = Arc::new(file);
        state.segments.push(state.end);
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn io(&self, error: io::Error) -> SpoolError {
        SpoolError::Io { folder: self.0.folder.clone(), error }
    }
}

fn path(folder: &Path, start: u64) -> PathBuf {
    folder.join(format!("{start:020}.spool"))
}

fn create(folder: &Path, start: u64) -> io::Result<File> {
    let mut options = OpenOptions::new();
    let file = options.create(true).truncate(true).read(true).write(true).mode(0o600).open(path(folder, start))?;
    File::open(folder)?.sync_all()?;
    Ok(file)
}

/// Returns the first positions of the segments in `folder`, ascending.
fn segments(folder: &Path) -> io::Result<Vec<u64>> {
    let mut segments = Vec::new();
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name();
        let start = name.to_str().and_then(|name| name.strip_suffix(".spool"));
        segments.extend(start.and_then(|start| start.parse::<u64>().ok()));
    }
    segments.sort_unstable();
    Ok(segments)
}

/// Opens what is in `folder`; returns also how many bytes of a torn frame were cut off.
fn open(folder: &Path) -> io::Result<(State, u64)> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let segments = segments(folder)?;
    let Some(&last) = segments.last() else {
        let file = Arc::new(create(folder, 0)?);
        let state = State { segments: vec![0], file, end: 0, durable: 0, syncing: false, read: 0, broken: None };
        return Ok((state, 0));
    };
    let mut file = OpenOptions::new().read(true).write(true).open(path(folder, last))?;
    let mut length = file.metadata()?.len();
    let (mut damaged, mut cut) = (false, 0);
    match whole_frames(&mut file)? {
        Tail::Whole => {}
        Tail::Torn { at, zeros } => {
            file.set_len(at)?;
            file.sync_all()?;
            cut = if zeros { 0 } else { length - at };
            length = at;
        }
        // What is behind damage can't be found, but must not be written over either.
        Tail::Damaged => damaged = true,
    }
    file.seek(SeekFrom::End(0))?;
    let end = last + length;
    let read = segments.first().copied().unwrap_or_default();
    let mut state = State { segments, file: Arc::new(file), end, durable: end, syncing: false, read, broken: None };
    if damaged {
        state.file = Arc::new(create(folder, end)?);
        state.segments.push(end);
    }
    Ok((state, cut))
}
