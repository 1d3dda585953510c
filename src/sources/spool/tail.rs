//! How does a segment end?
//!
//! With a whole frame, or one that was being written when the power went: that one was never
//! acknowledged, and is cut off. What looks torn and has a whole frame behind it is damaged instead,
//! for behind a torn frame nothing was ever written; it is left as it is, and reading tells of the
//! gap. One frame is in memory at a time; of a segment that does not end well all that follows.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

use super::frame::{self, Frame, HEADER, LONGEST};

/// How many bytes are summed at most to find a whole frame; beyond that there is one, to be safe.
const SUMMED: usize = 1 << 30;

/// How a segment ends.
pub(super) enum Tail {
    /// With a whole frame.
    Whole,
    /// With a torn frame at this place, or with `zeros` that nobody wrote.
    Torn { at: u64, zeros: bool },
    /// A frame before its end is damaged.
    Damaged,
}

/// Walks over a segment's frames.
pub(super) fn whole_frames(file: &mut File) -> io::Result<Tail> {
    let length = file.metadata()?.len();
    let (mut at, mut bytes) = (0_u64, Vec::new());
    while at < length {
        let left = usize::try_from(length - at).unwrap_or(usize::MAX);
        read_at(file, at, left.min(HEADER), &mut bytes)?;
        if let Frame::Short { length: needed } = frame::decode(&bytes)
            && needed > HEADER
        {
            read_at(file, at, left.min(needed), &mut bytes)?;
        }
        let may_be_torn = match frame::decode(&bytes) {
            Frame::Whole { length, .. } => {
                at += length as u64;
                continue;
            }
            Frame::Short { .. } => true,
            Frame::Damaged { length } => length == Some(left),
        };
        // A file may be longer than what was written to it: the rest is zeros then.
        if is_zero(file, at)? {
            return Ok(Tail::Torn { at, zeros: true });
        }
        let torn = may_be_torn && !holds_a_frame(file, at + 1)?;
        return Ok(if torn { Tail::Torn { at, zeros: false } } else { Tail::Damaged });
    }
    Ok(Tail::Whole)
}

/// Tells whether a whole frame begins anywhere from `at` on.
fn holds_a_frame(file: &mut File, at: u64) -> io::Result<bool> {
    let mut rest = Vec::new();
    file.seek(SeekFrom::Start(at))?;
    file.read_to_end(&mut rest)?;
    let mut summed = 0;
    for start in 0..rest.len() {
        match frame::decode(&rest[start..]) {
            Frame::Whole { .. } => return Ok(true),
            Frame::Damaged { length: Some(length) } => summed += length,
            Frame::Damaged { length: None } | Frame::Short { .. } => {}
        }
        if summed > SUMMED {
            return Ok(true);
        }
    }
    Ok(false)
}

fn read_at(file: &mut File, at: u64, length: usize, bytes: &mut Vec<u8>) -> io::Result<()> {
    bytes.clear();
    file.seek(SeekFrom::Start(at))?;
    file.take(length.min(HEADER + LONGEST) as u64).read_to_end(bytes)?;
    Ok(())
}

fn is_zero(file: &mut File, at: u64) -> io::Result<bool> {
    file.seek(SeekFrom::Start(at))?;
    let mut chunk = [0; 4096];
    loop {
        let read = file.read(&mut chunk)?;
        if read == 0 {
            return Ok(true);
        }
        if chunk[..read].iter().any(|&byte| byte != 0) {
            return Ok(false);
        }
    }
}
