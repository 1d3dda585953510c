//! One file that is being read, and whether it is still the one that it was.

use std::fs::File;
use std::path::PathBuf;

use crate::telemetry::{StreamId, StreamName};

use super::identity::{Inode, identity};
use super::place::LastRead;
use super::reader::FileReader;

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
    pub(super) last_read: LastRead,
    /// Nothing more will come: it was renamed, deleted, or is not followed.
    pub(super) last: bool,
    pub(super) at_end: bool,
    /// The look at which it was opened.
    pub(super) opened: u64,
}

impl Tail {
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
                    || !identity(&self.file, self.inode, false).is_ok_and(|now| now == Some(self.number))
            }
        }
    }

    /// Returns how much of it is still to be read, bytes.
    pub(super) fn lag(&self) -> i64 {
        let length = self.file.metadata().map_or(0, |meta| meta.len() as i64);
        (length - self.reader.offset()).max(0)
    }
}
