//! Where does the memory of a batch's records go when none of them waits any more?
//!
//! Back to the worker that asked for it. It is a quarter of a megabyte a batch: given back to the system and asked
//! for anew, each page of it is mapped and cleared again, which takes longer than writing the records. Bound: 16
//! pieces of 512 KB lie ready for a worker at most, the rest is given back to the system.

use std::sync::{Arc, Mutex, PoisonError};

/// Pieces that lie ready.
const MOST: usize = 16;
/// Bytes of a piece that is kept.
const LARGEST: usize = 512 * 1024;

/// Memory that lies ready for one worker.
#[derive(Debug, Default)]
pub(super) struct Spare {
    /// Behind a lock, for the engine gives back what the worker takes; each does so once a batch.
    pieces: Mutex<Vec<Vec<u8>>>,
}

/// Bytes in lent memory, which goes back where it came from when they go.
#[derive(Debug, Default)]
pub(super) struct Lent {
    bytes: Vec<u8>,
    home: Option<Arc<Spare>>,
}

impl Spare {
    /// Returns no bytes yet, with room for `room`.
    pub(super) fn lend(self: &Arc<Self>, room: usize) -> Lent {
        let mut bytes = self.pieces().pop().unwrap_or_default();
        // Exactly: what grows beyond what is kept would not come back.
        bytes.reserve_exact(room);
        Lent { bytes, home: Some(Arc::clone(self)) }
    }

    fn take_back(&self, mut bytes: Vec<u8>) {
        let mut pieces = self.pieces();
        if pieces.len() < MOST && bytes.capacity() <= LARGEST {
            bytes.clear();
            pieces.push(bytes);
        }
    }

    fn pieces(&self) -> std::sync::MutexGuard<'_, Vec<Vec<u8>>> {
        self.pieces.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lent {
    /// Returns the bytes.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Adds bytes.
    pub(super) fn extend(&mut self, more: &[u8]) {
        self.bytes.extend_from_slice(more);
    }

    /// Gives back at once what was lent and is not needed, if that is more than half.
    pub(super) fn trim(&mut self) {
        if self.bytes.capacity() > 2 * self.bytes.len() {
            *self = Self { bytes: self.bytes.as_slice().into(), home: None };
        }
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if let Some(home) = self.home.take() {
            home.take_back(std::mem::take(&mut self.bytes));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ready(spare: &Spare) -> usize {
        spare.pieces().len()
    }

    #[test]
    fn memory_comes_back_empty_and_is_lent_again() {
        let spare = Arc::new(Spare::default());
        let mut lent = spare.lend(1_000);
        lent.extend(&[7; 900]);
        let at = lent.bytes().as_ptr();
        drop(lent);
        let again = spare.lend(1_000);
        assert_eq!((again.bytes(), again.bytes().as_ptr(), ready(&spare)), (&[][..], at, 0));
    }

    #[test]
    fn a_piece_that_was_a_little_too_small_stays_one_that_is_kept() {
        let spare = Arc::new(Spare::default());
        for room in [263_000, 264_000, 300_000, 350_000] {
            let mut lent = spare.lend(room);
            lent.extend(&vec![1; room]);
            lent.trim();
            drop(lent);
            assert_eq!(ready(&spare), 1);
        }
    }

    #[test]
    fn what_is_hardly_used_goes_back_at_once() {
        let spare = Arc::new(Spare::default());
        let mut lent = spare.lend(1_000);
        lent.extend(b"little");
        lent.trim();
        assert_eq!((lent.bytes(), ready(&spare)), (&b"little"[..], 1));
        drop(lent);
        assert_eq!(ready(&spare), 1, "what was copied is nobody's");
    }

    #[test]
    fn what_lies_ready_is_bounded() {
        let spare = Arc::new(Spare::default());
        drop(spare.lend(LARGEST + 1));
        assert_eq!(ready(&spare), 0);
        let many: Vec<Lent> = (0..2 * MOST).map(|_| spare.lend(10)).collect();
        drop(many);
        assert_eq!(ready(&spare), MOST);
    }
}
