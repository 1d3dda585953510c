//! Which files are there, which of them are new, and which have been rotated away?
//!
//! [`Files`] looks at its patterns once a second and keeps each file open that it reads, so that
//! a renamed file is read to its end under its own name before the file that took its path. A
//! file that became shorter, or whose first bytes or last message changed, is written anew: what
//! stands there is read from its beginning, whether or not its first line is the same.
//! At most [`CEILING`] files are open; the others are parked, see [`super::parked`].

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fs::File;
use std::path::{Path, PathBuf};

use crate::sources::{ResumePoints, SourceError, Start};
use crate::telemetry::{Batch, Mark, StreamId, StreamName, Streams};

use super::gone::Gone;
use super::identity::{Inode, beside, identity, is_archive, next_line};
use super::parked::Parked;
use super::place::{self, LastRead};
use super::reader::{FileReader, ReadState};
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
    numbers: HashSet<i32>,
    pub(super) tails: Vec<Tail>,
    /// Files that are followed without being open.
    pub(super) parked: BTreeMap<Inode, Parked>,
    /// How many files wait for a place to be read, and how many are more than can be followed.
    pub(super) crowd: (usize, usize),
    /// Files that were read and are nowhere to be found.
    pub(super) gone: Gone,
    /// How often we have looked.
    pub(super) looks: u64,
    /// Files that have been read to their end and are still there.
    done: BTreeMap<Inode, i32>,
    /// How long files were a second ago that are not open.
    sizes: BTreeMap<Inode, u64>,
    first: bool,
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
        let (tails, done, starts) = (Vec::new(), BTreeMap::new(), Vec::new());
        Self {
            source: source.to_owned(),
            settings,
            streams,
            resume,
            numbers,
            tails,
            parked: BTreeMap::new(),
            crowd: (0, 0),
            gone: Gone::new(),
            looks: 0,
            done,
            sizes: BTreeMap::new(),
            first: true,
            turn: 0,
            unread: BTreeMap::new(),
            starts,
        }
    }

    /// Looks for new, renamed and truncated files; what is to be said about them goes into `batch`.
    ///
    /// Fails with [`SourceError::Fatal`] if a pattern makes no sense. What can't be opened is complained of
    /// ([`Files::complaint`]).
    pub(super) fn look(&mut self, batch: &mut Batch) -> Result<(), SourceError> {
        self.unread.clear();
        let paths = self.paths()?;
        if self.first && !self.settings.follow && paths.is_empty() {
            return Err(SourceError::Fatal(format!(
                "The source {} has nothing to read: no file matches {}.",
                self.source,
                self.settings.paths.join(", ")
            )));
        }
        self.looks += 1;
        self.check_open(&paths, batch);
        if self.first {
            self.finish_rotated(&paths, batch);
        }
        let mut there = BTreeSet::new();
        self.crowd.1 = 0;
        let mut open: BTreeSet<Inode> = self.tails.iter().map(|tail| tail.inode).collect();
        // What was there is read to its end before what took its path.
        let busy: HashSet<PathBuf> = self.tails.iter().map(|tail| tail.path.clone()).collect();
        for path in &paths {
            let Ok(meta) = std::fs::metadata(path) else { continue };
            let inode = Inode::of(&meta);
            if meta.is_file() {
                there.insert(inode);
                if !busy.contains(path) && open.insert(inode) {
                    self.see(path, inode, meta.len(), batch)?;
                }
            }
        }
        self.find_moved(&there, batch);
        self.give_places(batch)?;
        self.done.retain(|inode, _| there.contains(inode));
        self.sizes.retain(|inode, _| there.contains(inode));
        self.first = false;
        self.say_gone(batch);
        Ok(())
    }

    /// Returns the numbers of the files that are there.
    pub(super) fn present(&self) -> impl Iterator<Item = i32> {
        let parked = self.parked.values().map(|parked| parked.number);
        self.tails.iter().map(|tail| tail.number).chain(parked).chain(self.done.values().copied())
    }

    /// Looks at a file that is not open, and begins it if it is new.
    fn see(&mut self, path: &Path, inode: Inode, length: u64, batch: &mut Batch) -> Result<(), SourceError> {
        if let Some(parked) = self.parked.get_mut(&inode) {
            parked.see(path, length, batch);
            return Ok(());
        }
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            Err(error) => {
                self.unread.insert(path.to_owned(), error.to_string());
                return Ok(());
            }
        };
        // It may have been replaced since.
        let same = file.metadata().is_ok_and(|now| Inode::of(&now) == inode);
        // An archive that is still being written has no end to read to.
        let growing = self.settings.follow && self.sizes.insert(inode, length) != Some(length);
        if !same || (growing && is_archive(&file)) {
            return Ok(());
        }
        let Ok(Some(number)) = identity(&file, inode, self.settings.follow) else { return Ok(()) };
        if self.done.get(&inode) == Some(&number) {
            return Ok(());
        }
        self.begin(path, file, inode, number, batch)
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
            tail.reader.set_grows(!tail.last);
            let state = match tail.reader.read(batch, FULL) {
                Ok(state) => state,
                Err(error) => {
                    // A damaged archive ends where it is damaged: it will not mend itself.
                    tail.last |= tail.reader.compressed();
                    tail.at_end |= tail.last;
                    return Err(error);
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
                if tail.reader.compressed() {
                    tail.last = true;
                }
                if !std::mem::replace(&mut tail.at_end, true) && !tail.last {
                    batch.marks.push(Mark::AtEnd(tail.id, true));
                }
            }
        }
        Ok(more)
    }

    /// Closes files of which nothing more will come; `true` if none is left and none will come.
    pub(super) fn close_finished(&mut self, batch: &mut Batch) -> bool {
        let Self { done, resume, .. } = self;
        self.tails.retain(|tail| {
            let finished = tail.last && tail.at_end;
            if finished {
                batch.marks.push(Mark::Closed(tail.id));
                done.insert(tail.inode, tail.number);
                resume.insert(tail.name.clone(), tail.reader.position());
            }
            !finished
        });
        self.tails.is_empty() && self.parked.is_empty() && !self.settings.follow && !self.first
    }

    fn paths(&mut self) -> Result<Vec<PathBuf>, SourceError> {
        let mut paths = BTreeSet::new();
        for pattern in &self.settings.paths {
            let found = glob::glob(pattern).map_err(|error| {
                SourceError::Fatal(format!("The path {pattern} of the source {} is no pattern: {error}.", self.source))
            })?;
            // A folder that can't be entered hides its files; the others are read all the same.
            for path in found {
                match path {
                    Ok(path) => _ = paths.insert(path),
                    Err(error) => _ = self.unread.insert(error.path().to_owned(), error.error().to_string()),
                }
            }
        }
        Ok(paths.into_iter().collect())
    }

    /// Sees which open files have been renamed, deleted or replaced in place.
    fn check_open(&mut self, paths: &[PathBuf], batch: &mut Batch) {
        let Self { settings: FileSettings { follow, .. }, resume, .. } = self;
        self.tails.retain_mut(|tail| {
            let still = || std::fs::metadata(&tail.path).is_ok_and(|meta| Inode::of(&meta) == tail.inode);
            // What was renamed is read to its end.
            tail.last |= !*follow || paths.binary_search(&tail.path).is_err() || !still();
            // What was truncated away is gone.
            let same = !tail.replaced();
            if !same {
                batch.marks.push(Mark::Closed(tail.id));
                resume.insert(tail.name.clone(), place::anew(tail.reader.position()));
            }
            same
        });
    }

    /// Begins what a rotation moved away while nobody looked: files beside ours that are known by
    /// their number, but not to their end.
    fn finish_rotated(&mut self, paths: &[PathBuf], batch: &mut Batch) {
        let ours: BTreeSet<&str> = self.resume.keys().map(|name| name.topic.as_str()).collect();
        let ours: Vec<PathBuf> = ours.into_iter().map(PathBuf::from).collect();
        for path in
            ours.iter().filter(|path| paths.binary_search(path).is_ok() || path.parent().is_some_and(Path::exists))
        {
            for moved in beside(path) {
                let Ok(file) = File::open(&moved) else { continue };
                let Ok(meta) = file.metadata() else { continue };
                let inode = Inode::of(&meta);
                // An archive that is still being written has no end to read to.
                let growing = self.settings.follow && self.sizes.insert(inode, meta.len()) != Some(meta.len());
                if growing && is_archive(&file) {
                    continue;
                }
                let Ok(Some(number)) = identity(&file, inode, true) else { continue };
                let name =
                    StreamName { source: self.source.clone(), topic: path.display().to_string(), partition: number };
                let Some(&from) = self.resume.get(&name) else { continue };
                if self.tails.len() < CEILING && (meta.len() as i64) > place::in_text(from) {
                    // Under its first name, for that is how its position is kept.
                    let _ = self.open(path, file, (inode, number), name, from, batch);
                }
                self.done.insert(inode, number);
            }
        }
        for tail in &mut self.tails {
            tail.last = true;
        }
    }

    /// Begins a file, where it was left or else as `start` says.
    fn begin(
        &mut self,
        path: &Path,
        file: File,
        inode: Inode,
        number: i32,
        batch: &mut Batch,
    ) -> Result<(), SourceError> {
        let topic = path.display().to_string();
        let name = StreamName { source: self.source.clone(), topic, partition: number };
        let name =
            if self.resume.contains_key(&name) { name } else { self.renamed(path, inode, number).unwrap_or(name) };
        let length = file.metadata().map_or(0, |meta| meta.len());
        let from = match self.resume.get(&name) {
            // Shorter than what was read of it: it was written anew while nobody looked.
            Some(&from) if (length as i64) < place::in_text(from) && !is_archive(&file) => place::anew(from),
            Some(&from) => from,
            None if self.first && self.settings.start == Start::Latest && self.settings.follow => {
                next_line(&file, length).unwrap_or(0) as i64
            }
            None => 0,
        };
        if self.tails.len() >= CEILING {
            self.park_new(path, &file, (inode, number), name, from, batch);
            return Ok(());
        }
        self.open(path, file, (inode, number), name, from, batch)
    }

    /// Returns under which name the file at `path` was read before it was renamed within its folder.
    fn renamed(&self, path: &Path, inode: Inode, number: i32) -> Option<StreamName> {
        if !self.numbers.contains(&number) {
            return None;
        }
        let known = self.resume.keys().find(|name| {
            let old = Path::new(&name.topic);
            let elsewhere = || std::fs::metadata(old).map_or(true, |meta| Inode::of(&meta) != inode);
            name.partition == number && old.parent() == path.parent() && elsewhere()
        });
        known.cloned()
    }

    pub(super) fn open(
        &mut self,
        path: &Path,
        file: File,
        (inode, number): (Inode, i32),
        name: StreamName,
        from: i64,
        batch: &mut Batch,
    ) -> Result<(), SourceError> {
        let id = self.streams.id(&name);
        let again = file
            .try_clone()
            .map_err(|error| SourceError::Transient(format!("{} could not be kept open: {error}.", path.display())))?;
        let reader = FileReader::of(path, file, id, from)?;
        self.starts.push((id, from));
        self.numbers.insert(number);
        batch.marks.push(Mark::Opened(id));
        let (last, opened) = (!self.settings.follow, self.looks);
        let (path, last_read) = (path.to_owned(), LastRead::default());
        self.tails.push(Tail {
            path,
            inode,
            number,
            name,
            id,
            reader,
            file: again,
            last_read,
            last,
            at_end: false,
            opened,
        });
        Ok(())
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
