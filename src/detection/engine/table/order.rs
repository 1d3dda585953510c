//! Who stops mattering first?
//!
//! A heap of moments, each with half a key: 16 bytes an entity. What has left or has moved forward stays
//! in it until it comes to the front, or until such leftovers are more than half of it.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::Cells;
use crate::clock::Timestamp;
use crate::detection::engine::key::Key;

/// Moments, the first in front.
#[derive(Debug, Default)]
pub struct Order(BinaryHeap<Reverse<(Timestamp, u64)>>);

impl Order {
    /// Returns the first moment and what the key of its cell mixes to.
    pub fn first(&self) -> Option<(Timestamp, u64)> {
        self.0.peek().map(|&Reverse(first)| first)
    }

    /// Takes the first away.
    pub fn pop(&mut self) {
        self.0.pop();
    }

    /// Puts the cell of `key` in, at `queued`.
    pub fn push(&mut self, queued: Timestamp, key: Key) {
        if self.0.len() == self.0.capacity() {
            self.0.reserve_exact(self.0.len() / 4 + 4);
        }
        self.0.push(Reverse((queued, key.mixed())));
    }

    /// Drops what no cell stands behind, once that is more than half.
    pub fn tidy(&mut self, cells: &Cells) {
        if self.0.len() > 2 * cells.len() + 64 {
            self.refill(cells);
        }
    }

    /// Takes up every cell, at the moment at which it is queued.
    pub fn refill(&mut self, cells: &Cells) {
        let all = cells.iter().filter(|(_, cell)| cell.queued != Timestamp::MAX);
        self.0 = all.map(|(key, cell)| Reverse((cell.queued, key.mixed()))).collect::<Vec<_>>().into();
    }
}
