//! Which files have been read to their ends, and as what?
//!
//! A file that is there still, but closed, is taken up again as soon as it is not what it was: an
//! archive that grows, or is written anew. One that ends in the middle is mostly being written, and
//! only said to be damaged if it stays so.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;

use super::tail::QUIET;

/// What shows that a file has changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Stamp {
    length: u64,
    changed: (i64, i64),
}

impl Stamp {
    pub(super) fn of(meta: &Metadata) -> Self {
        Self { length: meta.len(), changed: (meta.mtime(), meta.mtime_nsec()) }
    }
}

/// A file that has been read to its end.
#[derive(Debug)]
pub(super) struct Done {
    pub(super) number: i32,
    /// What it was like before it was read for the last time.
    pub(super) stamp: Stamp,
    /// The look at which it was found to end in the middle, and what to say of it.
    pub(super) torn: Option<(u64, String)>,
}

impl Done {
    /// Returns what is to be said of a file that has ended in the middle for too long at this `look`; once.
    pub(super) fn says(&mut self, look: u64) -> Option<String> {
        self.torn.take_if(|(since, _)| *since + QUIET <= look).map(|(_, says)| says)
    }
}
