//! What about files for which there is no place?
//!
//! Only so many files are open at once. One that has been read to its end gives its place to one
//! that has more; if all have more, they take turns of some seconds. A parked file is known by
//! its inode and its position, and looked at like the others; while it has more to read it holds
//! event time back, so that it is not late for waiting. Up to [`MANY`] files are followed; what
//! is beyond them is said, and not read.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};

use crate::sources::SourceError;
use crate::telemetry::{Batch, Mark, StreamId, StreamName};

use super::follow::{CEILING, Files};
use super::identity::{Folders, Inode, identity, is_archive};
use super::place::{self, LastRead};
use super::reader::Ending;
use super::tail::QUIET;

/// How many files of one source are followed, open or parked.
const MANY: usize = 65_536;
/// How many looks (seconds) a busy file keeps its place while others wait.
const TURN: u64 = 10;

/// A file that is followed without being open.
#[derive(Debug)]
pub(super) struct Parked {
    path: PathBuf,
    pub(super) number: i32,
    pub(super) name: StreamName,
    pub(super) id: StreamId,
    /// Where to go on.
    at: i64,
    last_read: LastRead,
    pub(super) archive: bool,
    length: i64,
    /// The look at which it was parked; 0 for one that never had a place.
    since: u64,
    /// What the pipeline was told: that there is nothing more to read in it.
    at_end: bool,
    /// No path that matches leads to it any more.
    left: bool,
    /// The look at which its length changed last, or it was left.
    grown: u64,
}

impl Parked {
    /// Takes in how long the file is now, and where it stands.
    pub(super) fn see(&mut self, path: &Path, length: u64, look: u64, batch: &mut Batch) {
        if self.path != path {
            path.clone_into(&mut self.path);
        }
        self.left = false;
        self.measure(length, look, batch);
    }

    fn measure(&mut self, length: u64, look: u64, batch: &mut Batch) {
        if self.length != length as i64 {
            (self.length, self.grown) = (length as i64, look);
        }
        if self.at_end == self.has_more() {
            self.at_end = !self.has_more();
            batch.marks.push(Mark::AtEnd(self.id, self.at_end));
        }
    }

    /// Returns how much of it is still to be read, bytes.
    pub(super) fn lag(&self) -> i64 {
        (self.length - place::in_text(self.at)).max(0)
    }

    /// Tells whether there is something to read in it, if only that it became shorter.
    fn has_more(&self) -> bool {
        self.archive || self.length != place::in_text(self.at)
    }
}

impl Files {
    /// Says what is wrong with the files, if something is: one can't be read, or there are too many.
    pub(super) fn complaint(&self) -> Option<String> {
        let name = &self.source;
        if let Some((path, says)) = self.unread.first_key_value() {
            let more = self.unread.len() - 1;
            let more = if more > 0 { format!(", and {more} more") } else { String::new() };
            return Some(format!(
                "{} of the source {name} can't be read: {says}{more}. If the user that Gatewatch runs as lacks the right to \
                 read it, give it: a source that follows begins it then, without a restart.",
                path.display()
            ));
        }
        match self.crowd {
            (0, 0) => None,
            _ if !self.settings.follow => None,
            (waiting, 0) => Some(format!(
                "{waiting} files of the source {name} wait: {CEILING} are open and all of them have more to read. They \
                 take turns, so nothing is lost, but it takes longer: give some of them to a second source."
            )),
            (_, beyond) => Some(format!(
                "{beyond} files of the source {name} are not read: it can follow {MANY}. Move away what is no longer \
                 written, narrow its `paths`, or give some of them to a second source."
            )),
        }
    }

    /// Says what may be amiss though all is read that there is: a file that went unread, or paths that lead to none.
    pub(super) fn remark(&self) -> Option<String> {
        self.missed().or_else(|| self.fruitless())
    }

    /// Parks a file that is new.
    pub(super) fn park_new(
        &mut self,
        path: &Path,
        file: &File,
        (inode, number): (Inode, i32),
        name: StreamName,
        from: i64,
        batch: &mut Batch,
    ) {
        if self.parked.len() + CEILING >= MANY {
            self.crowd.1 += 1;
            return;
        }
        let id = self.streams.id(&name);
        let length = file.metadata().map_or(0, |meta| meta.len());
        self.starts.push((id, from));
        batch.marks.push(Mark::Opened(id));
        let (archive, last_read) = (is_archive(file), LastRead::default());
        let mut parked = Parked {
            path: path.into(),
            number,
            name,
            id,
            at: from,
            last_read,
            archive,
            length: 0,
            since: 0,
            at_end: false,
            left: false,
            grown: self.looks,
        };
        parked.see(path, length, self.looks, batch);
        self.parked.insert(inode, parked);
    }

    /// Finds parked files that are no longer where they were: what was renamed is read to its end, and on while it
    /// is written.
    pub(super) fn find_moved(&mut self, there: &BTreeMap<Inode, PathBuf>, batch: &mut Batch) {
        let mut folders = Folders::default();
        let looks = self.looks;
        self.parked.retain(|inode, parked| {
            if there.contains_key(inode) {
                return true;
            }
            if !std::mem::replace(&mut parked.left, true) {
                parked.grown = looks;
            }
            if let Some((path, length)) = folders.find(&parked.path, *inode) {
                parked.path = path;
                parked.measure(length, looks, batch);
                if parked.has_more() || looks.saturating_sub(parked.grown) < QUIET {
                    return true;
                }
            }
            batch.marks.push(Mark::Closed(parked.id));
            false
        });
    }

    /// Opens the parked files that have more to read, those first that have waited longest.
    pub(super) fn give_places(&mut self, batch: &mut Batch) -> Result<(), SourceError> {
        let more = self.parked.iter().filter(|(_, parked)| parked.has_more());
        let mut waiting: Vec<(u64, Inode)> = more.map(|(&inode, parked)| (parked.since, inode)).collect();
        waiting.sort_unstable();
        self.make_room(waiting.len());
        let places = CEILING.saturating_sub(self.tails.len());
        self.crowd.0 = waiting.len().saturating_sub(places);
        for (_, inode) in waiting.into_iter().take(places) {
            let Some(parked) = self.parked.remove(&inode) else { continue };
            let opened = File::open(&parked.path);
            if let Err(error) = &opened
                && error.kind() != std::io::ErrorKind::NotFound
            {
                // Such as too many open files: it is what it was, and read once that is over.
                self.unread.insert(parked.path.clone(), error.to_string());
                self.parked.insert(inode, parked);
                continue;
            }
            let file = opened.ok().filter(|file| {
                let same = file.metadata().is_ok_and(|meta| Inode::of(&meta) == inode);
                let known = || identity(file, inode, Ending::Final).is_ok_and(|number| number == Some(parked.number));
                same && (parked.archive || known())
            });
            let whole = |file: &File| {
                parked.archive || (parked.length >= place::in_text(parked.at) && parked.last_read.is_in(file))
            };
            match file {
                Some(file) if whole(&file) => {
                    self.open(&parked.path, file, (inode, parked.number), parked.name, parked.at, batch)?;
                }
                // Written anew, or another file: the next look begins it.
                _ => {
                    batch.marks.push(Mark::Closed(parked.id));
                    self.resume.insert(parked.name, place::anew(parked.at));
                }
            }
        }
        Ok(())
    }

    /// Parks open files so that `wanted` others may have their places: those that have been read
    /// to their ends, then those that have had their turn.
    fn make_room(&mut self, wanted: usize) {
        let missing = wanted.saturating_sub(CEILING.saturating_sub(self.tails.len()));
        if missing == 0 {
            return;
        }
        let mut order: Vec<(bool, u64, usize)> = Vec::new();
        for (n, tail) in self.tails.iter().enumerate().filter(|(_, tail)| !tail.last) {
            let busy = !tail.at_end || tail.lag() > 0;
            // What is left to read in one that is nowhere any more can be read from here alone.
            if tail.left && busy {
                continue;
            }
            if !busy || tail.opened + TURN <= self.looks {
                order.push((busy, tail.opened, n));
            }
        }
        order.sort_unstable();
        let mut leave: Vec<usize> = order.into_iter().take(missing).map(|(.., n)| n).collect();
        leave.sort_unstable();
        while let Some(n) = leave.pop() {
            let tail = self.tails.swap_remove(n);
            let (at, archive) = (tail.reader.position(), tail.reader.compressed());
            self.resume.insert(tail.name.clone(), at);
            let length = place::in_text(at) + tail.lag();
            let parked = Parked {
                path: tail.path,
                number: tail.number,
                name: tail.name,
                id: tail.id,
                at,
                last_read: tail.last_read,
                archive,
                length,
                since: self.looks,
                at_end: tail.at_end,
                left: tail.left,
                grown: tail.grown,
            };
            self.parked.insert(tail.inode, parked);
        }
    }
}
