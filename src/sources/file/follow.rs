//! Which files are there, which of them are new, and which have been rotated away?
//!
//! [`Files`] looks at its patterns once a second and keeps each file open that it reads. One that
//! was renamed is followed where it went, if that matches; else it is read to its end under its own
//! name before the file that took its path, and stays open beside that until it has long been
//! quiet, see [`super::tail`]. A file that became shorter, or whose first bytes or last message
//! changed, is written anew: what stands there is read from its beginning, whether or not its first
//! line is the same. At most [`CEILING`] files are open; the others are parked, see [`super::parked`].

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::PathBuf;

use crate::sources::{ResumePoints, SourceError};
use crate::telemetry::{Batch, Mark, StreamId, StreamName, Streams};

use super::done::Done;
use super::found::Found;
use super::gone::Gone;
use super::identity::Inode;
use super::parked::Parked;
use super::place;
use super::reader::ReadState;
use super::settings::FileSettings;
use super::tail::Tail;

/// How many files are open at once.
pub(super) const CEILING: usize = 512;
/// How full a batch gets.
const FULL: usize = 256 * 1024;

/// All files of one source.
#[derive(Debug)]
pub(super) struct Files {
    pub(super) source: String,
    pub(super) settings: FileSettings,
    pub(super) streams: Streams,
    pub(super) resume: ResumePoints,
    /// The numbers of all files in `resume`, and some that were.
    pub(super) numbers: HashSet<i32>,
    /// Nothing of the source was ever read: it begins where `start` says.
    pub(super) fresh: bool,
    pub(super) tails: Vec<Tail>,
    /// Files that are followed without being open.
    pub(super) parked: BTreeMap<Inode, Parked>,
    /// How many files wait for a place to be read, and how many are more than can be followed.
    pub(super) crowd: (usize, usize),
    /// Files that were read and are nowhere to be found.
    pub(super) gone: Gone,
    /// Until it was looked for them: the files that were read last, by their paths.
    pub(super) known: Vec<StreamName>,
    /// Paths of files that were not found again.
    pub(super) missed: BTreeSet<String>,
    /// How often we have looked.
    pub(super) looks: u64,
    /// Files that have been read to their end and are still there.
    pub(super) done: BTreeMap<Inode, Done>,
    /// How long files are that are not open, and since which look.
    pub(super) sizes: BTreeMap<Inode, (u64, u64)>,
    pub(super) first: bool,
    /// By their place in the settings: the patterns that have never led to a file, and why not.
    pub(super) fruitless: BTreeMap<usize, String>,
    /// Which file the next round begins with.
    turn: usize,
    /// What could not be opened when we looked last, and why.
    pub(super) unread: BTreeMap<PathBuf, String>,
    /// Where files were begun since somebody asked.
    pub(super) starts: Vec<(StreamId, i64)>,
}

impl Files {
    pub(super) fn new(source: &str, settings: FileSettings, streams: Streams, resume: &ResumePoints) -> Self {
        let ours = resume.iter().filter(|(name, _)| name.source == source);
        let resume: ResumePoints = ours.map(|(name, at)| (name.clone(), *at)).collect();
        let numbers = resume.keys().map(|name| name.partition).collect();
        let fresh = resume.is_empty();
        let mut files = Self {
            source: source.to_owned(),
            settings,
            streams,
            resume,
            numbers,
            fresh,
            tails: Vec::new(),
            parked: BTreeMap::new(),
            crowd: (0, 0),
            gone: Gone::new(),
            known: Vec::new(),
            missed: BTreeSet::new(),
            looks: 0,
            done: BTreeMap::new(),
            sizes: BTreeMap::new(),
            first: true,
            fruitless: BTreeMap::new(),
            turn: 0,
            unread: BTreeMap::new(),
            starts: Vec::new(),
        };
        files.known = files.newest();
        files
    }

    /// Looks for new, renamed and truncated files; what is to be said about them goes into `batch`.
    ///
    /// Fails with [`SourceError::Fatal`] if a pattern makes no sense. What can't be opened is complained of
    /// ([`Files::complaint`]).
    pub(super) fn look(&mut self, batch: &mut Batch) -> Result<(), SourceError> {
        self.unread.clear();
        let found = self.find()?;
        let there: BTreeMap<Inode, PathBuf> = found.iter().map(|(path, file)| (file.inode, path.clone())).collect();
        self.looks += 1;
        self.check_open(&found, &there, batch);
        if self.first {
            self.finish_rotated(&there, batch);
        }
        self.crowd.1 = 0;
        let mut open: BTreeSet<Inode> = self.tails.iter().map(|tail| tail.inode).collect();
        // What was there is read to its end before what took its path.
        let unread = |tail: &&Tail| !tail.drained && (tail.left || tail.last);
        let busy: HashSet<PathBuf> = self.tails.iter().filter(unread).map(|tail| tail.path.clone()).collect();
        for (path, file) in &found {
            if !busy.contains(path) && open.insert(file.inode) {
                self.see(path, file, batch)?;
            }
        }
        self.find_moved(&there, batch);
        self.give_places(batch)?;
        self.done.retain(|inode, _| there.contains_key(inode));
        self.sizes.retain(|inode, _| there.contains_key(inode));
        self.first = false;
        self.say_gone(batch);
        self.find_missed(&found);
        let looks = self.looks;
        self.done
            .values_mut()
            .find_map(|done| done.says(looks))
            .map_or(Ok(()), |says| Err(SourceError::Transient(says)))
    }

    /// Returns the numbers of the files that are there.
    pub(super) fn present(&self) -> impl Iterator<Item = i32> {
        let parked = self.parked.values().map(|parked| parked.number);
        self.tails.iter().map(|tail| tail.number).chain(parked).chain(self.done.values().map(|done| done.number))
    }

    /// Reads on in every file, in turn, until `batch` is full, but for those that are `held`; `true` if there may be more.
    pub(super) fn read(&mut self, batch: &mut Batch, held: &BTreeSet<StreamId>) -> Result<bool, SourceError> {
        let mut more = false;
        // Where the last round stopped, the next begins: no file waits for a busy one for ever.
        let turn = self.turn.min(self.tails.len());
        self.turn = (turn + 1) % self.tails.len().max(1);
        let (done, next) = self.tails.split_at_mut(turn);
        for tail in next.iter_mut().chain(done).filter(|tail| !held.contains(&tail.id)) {
            if batch.bytes.len() >= FULL {
                return Ok(true);
            }
            let before = batch.messages.len();
            if !tail.last && tail.replaced() {
                // The next look closes it; what is there now is another file.
                continue;
            }
            tail.reader.set_ending(tail.ending(self.looks));
            let state = match tail.reader.read(batch, FULL) {
                Ok(state) => state,
                Err(error) => {
                    let archive = tail.reader.compressed();
                    // A damaged archive ends where it is damaged: it will not mend itself.
                    tail.last |= archive;
                    (tail.at_end, tail.drained) = (tail.at_end || archive, tail.drained || archive);
                    if !(self.settings.follow && tail.reader.unfinished()) {
                        return Err(error);
                    }
                    // One that ends in the middle is being written: it is taken up again when it has grown.
                    tail.torn = Some(error.to_string());
                    ReadState::End
                }
            };
            if batch.messages.len() > before {
                let last = batch.messages.len() - 1;
                tail.last_read.keep(batch.message(last), batch.messages[last].offset);
                if std::mem::take(&mut tail.at_end) {
                    batch.marks.push(Mark::AtEnd(tail.id, false));
                }
            }
            more |= state == ReadState::More;
            if state == ReadState::End {
                tail.drained = true;
                if tail.reader.compressed() {
                    tail.last = true;
                }
                if !tail.may_end_later(self.looks) && !std::mem::replace(&mut tail.at_end, true) && !tail.last {
                    batch.marks.push(Mark::AtEnd(tail.id, true));
                }
            }
        }
        Ok(more)
    }

    /// Closes files of which nothing more will come; `true` if none is left and none will come.
    pub(super) fn close_finished(&mut self, batch: &mut Batch) -> bool {
        let Self { done, resume, looks, .. } = self;
        self.tails.retain_mut(|tail| {
            let finished = tail.last && tail.drained;
            if finished {
                batch.marks.push(Mark::Closed(tail.id));
                let torn = tail.torn.take().map(|says| (*looks, says));
                done.insert(tail.inode, Done { number: tail.number, stamp: tail.stamp, torn });
                resume.insert(tail.name.clone(), tail.reader.position());
            }
            !finished
        });
        self.tails.is_empty() && self.parked.is_empty() && !self.settings.follow && !self.first
    }

    /// Sees which open files have been renamed, deleted or replaced in place.
    fn check_open(&mut self, found: &BTreeMap<PathBuf, Found>, there: &BTreeMap<Inode, PathBuf>, batch: &mut Batch) {
        let Self { settings: FileSettings { follow, .. }, resume, looks, .. } = self;
        self.tails.retain_mut(|tail| {
            let still = found.get(&tail.path).is_some_and(|file| file.inode == tail.inode);
            if *follow && still {
                let path = tail.path.clone();
                tail.see(Some(&path), *looks);
            } else if *follow {
                tail.see(there.get(&tail.inode).map(PathBuf::as_path), *looks);
            }
            // What was truncated away is gone.
            let same = !tail.replaced();
            if !same {
                batch.marks.push(Mark::Closed(tail.id));
                resume.insert(tail.name.clone(), place::anew(tail.reader.position()));
            }
            same
        });
    }

    /// Returns how many bytes of each file are still to be read, if it is not compressed; a file
    /// that has been read and is not open is left out.
    pub(super) fn lag(&self) -> Vec<(StreamId, i64)> {
        let open = self.tails.iter().filter(|tail| !tail.reader.compressed()).map(|tail| (tail.id, tail.lag()));
        let parked = self.parked.values().filter(|parked| !parked.archive && parked.lag() > 0);
        let parked = parked.map(|parked| (parked.id, parked.lag()));
        open.chain(parked).collect()
    }
}
