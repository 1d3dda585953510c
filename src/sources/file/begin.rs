//! Where does a file begin that is not open yet?
//!
//! Where it was left, if it is known: by its number under its path, under the name it had before it
//! was renamed, or, an archive, by the number it had while it was shorter. Else at its first byte,
//! and at its end only if nothing of the source was ever read and `start` says so.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};

use crate::sources::{SourceError, Start};
use crate::telemetry::{Batch, Mark, StreamName};

use super::done::{Done, Stamp};
use super::follow::{CEILING, Files};
use super::found::Found;
use super::identity::{Inode, beside, former, identity, is_archive, next_line};
use super::place::{self, LastRead};
use super::reader::{Ending, FileReader};
use super::tail::{LAST_LINE, Tail};

impl Files {
    /// Looks at a file that is not open, and begins it if it is new or not what it was when it was read.
    pub(super) fn see(&mut self, path: &Path, found: &Found, batch: &mut Batch) -> Result<(), SourceError> {
        let &Found { inode, length, stamp } = found;
        if let Some(parked) = self.parked.get_mut(&inode) {
            parked.see(path, length, self.looks, batch);
            return Ok(());
        }
        if self.done.get(&inode).is_some_and(|done| !self.settings.follow || done.stamp == stamp) {
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
        let growing = self.settings.follow && self.grows(inode, length);
        if !same || (growing && is_archive(&file)) {
            return Ok(());
        }
        let ending = match self.sizes.get(&inode) {
            _ if !self.settings.follow => Ending::Final,
            Some((_, since)) if since + LAST_LINE <= self.looks => Ending::Quiet,
            _ => Ending::Growing,
        };
        let Ok(Some(number)) = identity(&file, inode, ending) else { return Ok(()) };
        self.begin(path, file, inode, number, batch)
    }

    /// Tells whether a file that is not open has another length than when it was last looked at, or never was.
    fn grows(&mut self, inode: Inode, length: u64) -> bool {
        let grows = self.sizes.get(&inode).is_none_or(|(before, _)| *before != length);
        if grows {
            self.sizes.insert(inode, (length, self.looks));
        }
        grows
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
        let name = self.known(path, &file, inode, number);
        let number = name.partition;
        let length = file.metadata().map_or(0, |meta| meta.len());
        let from = match self.resume.get(&name) {
            // Shorter than what was read of it: it was written anew while nobody looked.
            Some(&from) if (length as i64) < place::in_text(from) && !is_archive(&file) => place::anew(from),
            Some(&from) => from,
            None if self.first && self.fresh && self.settings.start == Start::Latest && self.settings.follow => {
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

    /// Returns the name of the file at `path`: the one under which it was read, or its own if it is new.
    fn known(&self, path: &Path, file: &File, inode: Inode, number: i32) -> StreamName {
        let topic = path.display().to_string();
        let own = StreamName { source: self.source.clone(), topic, partition: number };
        if self.resume.contains_key(&own) {
            return own;
        }
        if is_archive(file) {
            let mut shorter = former(file, inode).into_iter().map(|partition| StreamName { partition, ..own.clone() });
            if let Some(known) = shorter.find(|name| self.resume.contains_key(name)) {
                return known;
            }
        }
        self.renamed(path, inode, number).unwrap_or(own)
    }

    /// Returns under which name the file at `path` was read before it was renamed.
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

    /// Takes up what a rotation moved away while nobody looked: files beside ours that are known by
    /// their number and that no path leads to. They are read to their ends, and on while they are written.
    pub(super) fn finish_rotated(&mut self, there: &BTreeMap<Inode, PathBuf>, batch: &mut Batch) {
        let mut ours: Vec<PathBuf> = self.resume.keys().map(|name| PathBuf::from(&name.topic)).collect();
        ours.dedup();
        for path in ours {
            for moved in beside(&path) {
                // What a pipe has is not asked: it might never answer.
                if !std::fs::metadata(&moved).is_ok_and(|meta| meta.is_file()) {
                    continue;
                }
                let Ok(file) = File::open(&moved) else { continue };
                let Ok(meta) = file.metadata() else { continue };
                let inode = Inode::of(&meta);
                let ours = self.parked.contains_key(&inode) || self.tails.iter().any(|tail| tail.inode == inode);
                if ours || there.contains_key(&inode) || (self.settings.follow && is_archive(&file)) {
                    continue;
                }
                let Ok(Some(number)) = identity(&file, inode, Ending::Final) else { continue };
                let name =
                    StreamName { source: self.source.clone(), topic: path.display().to_string(), partition: number };
                let Some(&from) = self.resume.get(&name) else { continue };
                let more = (meta.len() as i64) > place::in_text(from);
                // Under its first name, for that is how its position is kept.
                if more && self.tails.len() < CEILING {
                    let _ = self.open(&path, file, (inode, number), name, from, batch);
                } else if self.settings.follow && (meta.len() as i64) >= place::in_text(from) {
                    self.park_new(&path, &file, (inode, number), name, from, batch);
                }
            }
        }
        for tail in &mut self.tails {
            tail.left = true;
        }
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
        let meta = file.metadata().ok();
        let stamp = meta.as_ref().map(Stamp::of);
        let opened = file
            .try_clone()
            .map_err(|error| SourceError::Transient(format!("{} could not be kept open: {error}.", path.display())));
        let id = self.streams.id(&name);
        let reader = opened.and_then(|again| Ok((FileReader::of(path, file, id, from)?.cutting(), again)));
        let (reader, again) = match reader {
            Ok(reader) => reader,
            Err(error) => return self.unopened(path, (inode, number), stamp, error),
        };
        self.starts.push((id, from));
        self.numbers.insert(number);
        batch.marks.push(Mark::Opened(id));
        self.tails.push(Tail {
            path: path.to_owned(),
            inode,
            number,
            name,
            id,
            reader,
            file: again,
            stamp: stamp.unwrap_or_default(),
            last_read: LastRead::default(),
            left: false,
            last: !self.settings.follow,
            drained: false,
            at_end: false,
            torn: None,
            opened: self.looks,
            length: meta.map_or(0, |meta| meta.len()),
            grown: self.looks,
        });
        Ok(())
    }

    /// Keeps a file that can't be begun from stopping the others of a source that follows: an archive is tried again
    /// when it has changed, another file at the next look.
    fn unopened(
        &mut self,
        path: &Path,
        (inode, number): (Inode, i32),
        stamp: Option<Stamp>,
        error: SourceError,
    ) -> Result<(), SourceError> {
        if !self.settings.follow {
            return Err(error);
        }
        let archive = File::open(path).is_ok_and(|file| is_archive(&file));
        match stamp.filter(|_| archive) {
            Some(stamp) => {
                self.done.insert(inode, Done { number, stamp, torn: Some((self.looks, error.to_string())) });
            }
            None => _ = self.unread.insert(path.to_owned(), error.to_string().trim_end_matches('.').to_owned()),
        }
        Ok(())
    }
}
