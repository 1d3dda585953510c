//! Where in a file, and in which writing of it?
//!
//! A file that is truncated and written to the same first line again keeps its name. So that what
//! is read of it then does not pass for what was read before, the upper bits of its offsets count
//! how often that was seen: they only ever rise, over restarts too. A file may have 16 TiB of
//! text, and be written anew half a million times.

use std::fs::File;
use std::os::unix::fs::FileExt;

/// The bits of an offset within a text.
const TEXT_BITS: u32 = 44;
/// How much of the last message is kept, to see whether it still stands there.
const KEPT: usize = 512;

/// Returns how far into its text `offset` is.
pub(super) const fn in_text(offset: i64) -> i64 {
    if offset < 0 { 0 } else { offset & ((1 << TEXT_BITS) - 1) }
}

/// Returns the beginning of the writing after that of `offset`; of the last one there can be, the same.
pub(super) const fn anew(offset: i64) -> i64 {
    let next = (offset >> TEXT_BITS) + 1;
    if next >> (63 - TEXT_BITS) > 0 { offset - in_text(offset) } else { next << TEXT_BITS }
}

/// The end of the last message that was read, and where it stands in the text.
#[derive(Debug, Default)]
pub(super) struct LastRead {
    at: i64,
    bytes: Vec<u8>,
}

impl LastRead {
    /// Keeps the end of `message`, which begins at `offset`.
    pub(super) fn keep(&mut self, message: &[u8], offset: i64) {
        let from = message.len().saturating_sub(KEPT);
        self.at = in_text(offset) + from as i64;
        self.bytes.clear();
        self.bytes.extend_from_slice(&message[from..]);
    }

    /// Tells whether it stands there still: else the file has been written anew.
    pub(super) fn is_in(&self, file: &File) -> bool {
        let mut now = [0; KEPT];
        let now = &mut now[..self.bytes.len()];
        self.bytes.is_empty() || (file.read_exact_at(now, self.at.unsigned_abs()).is_ok() && now == self.bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_writing_begins_behind_all_offsets_of_the_one_before() {
        assert_eq!((in_text(7), in_text(-1)), (7, 0));
        let second = anew(7_000);
        assert!(second > 7_000 && in_text(second) == 0);
        let third = anew(second + 12);
        assert!(third > second + 12 && in_text(third + 5) == 5);
        let last = i64::MAX;
        assert_eq!(anew(last), last - in_text(last));
    }
}
