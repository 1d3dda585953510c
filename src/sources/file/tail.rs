//! One file that is being read, and whether it is still the one that it was.
//!
//! A file that was renamed is still written for a while: until its writer has heard of it. So it
//! stays open until nothing has come for [`QUIET`] looks, or [`UNLINKED`] if it was deleted as well.

use std::fs::{File, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::telemetry::{StreamId, StreamName};

use super::done::Stamp;
use super::identity::{Inode, identity};
use super::place::LastRead;
use super::reader::{Ending, FileReader};

/// After how many looks (seconds) without a byte a file that was renamed is closed.
pub(super) const QUIET: u64 = 60;
/// The same for one that was deleted: it takes up room on the disk for as long as it is open.
const UNLINKED: u64 = 5;
/// After how many such looks a last line that is whole JSON needs no newline.
pub(super) const LAST_LINE: u64 = 5;

/// A file that is being read.
#[derive(Debug)]
pub(super) struct Tail {
    pub(super) path: PathBuf,
    pub(super) inode: Inode,
    pub(super) number: i32,
    pub(super) name: StreamName,
    pub(super) id: StreamId,
    pub(super) reader: FileReader,
    /// A second hold on the file, to see whether it is still the same.
    pub(super) file: File,
    /// What the file was like when it was opened.
    pub(super) stamp: Stamp,
    pub(super) last_read: LastRead,
    /// No path that matches leads to it any more.
    pub(super) left: bool,
    /// Nothing more will come: it is read to its end once more and closed.
    pub(super) last: bool,
    /// It was read to its end since it was left, or since its last reading began.
    pub(super) drained: bool,
    /// What the pipeline was told: that there is nothing more to read in it.
    pub(super) at_end: bool,
    /// It is an archive that ends in the middle, and what to say of it if it stays so.
    pub(super) torn: Option<String>,
    /// The look at which it was opened.
    pub(super) opened: u64,
    /// How long it was when we looked, and the look at which that changed.
    pub(super) length: u64,
    pub(super) grown: u64,
}

impl Tail {
    /// Takes in whether, and where, a path that matches leads to it at this `look`.
    pub(super) fn see(&mut self, place: Option<&Path>, look: u64) {
        match place {
            Some(path) => {
                if path != self.path {
                    path.clone_into(&mut self.path);
                }
                self.left = false;
            }
            None if !self.left => {
                (self.left, self.drained, self.grown) = (true, false, look);
            }
            None => {}
        }
        let Ok(meta) = self.file.metadata() else { return };
        if meta.len() != self.length {
            (self.length, self.grown) = (meta.len(), look);
        }
        let wait = if meta.nlink() == 0 { UNLINKED } else { QUIET };
        if self.left && !self.last && self.drained && look.saturating_sub(self.grown) >= wait {
            (self.last, self.drained) = (true, false);
        }
    }

    /// Says what becomes of a last line without a newline at this `look`.
    pub(super) fn ending(&self, look: u64) -> Ending {
        match look.saturating_sub(self.grown) {
            _ if self.last => Ending::Final,
            LAST_LINE.. => Ending::Quiet,
            _ => Ending::Growing,
        }
    }

    /// Tells whether what stands behind its last line break may have been handed out before a restart: as long as it has
    /// not come again the file has not been read to where it was, and what comes then is not new.
    pub(super) fn may_end_later(&self, look: u64) -> bool {
        let wait = if self.left { QUIET } else { LAST_LINE };
        look <= self.opened + wait && !self.last && self.lag() > 0
    }

    /// Tells whether the file was truncated and written anew: shorter than what was read, with
    /// other bytes where the last message stood, or with other first ones.
    pub(super) fn replaced(&self) -> bool {
        if self.reader.compressed() {
            return false;
        }
        let length = self.file.metadata().map_or(0, |meta| meta.len() as i64);
        match length.cmp(&self.reader.offset()) {
            std::cmp::Ordering::Less => true,
            std::cmp::Ordering::Equal => !self.last_read.is_in(&self.file),
            std::cmp::Ordering::Greater => {
                !self.last_read.is_in(&self.file)
                    || !identity(&self.file, self.inode, Ending::Final).is_ok_and(|now| now == Some(self.number))
            }
        }
    }

    /// Returns how much of it is still to be read, bytes.
    pub(super) fn lag(&self) -> i64 {
        let length = self.file.metadata().as_ref().map_or(0, Metadata::len) as i64;
        (length - self.reader.offset()).max(0)
    }
}
