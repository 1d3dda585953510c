//! Where do the cells of a table lie?
//!
//! Side by side, without gaps, with an index of four bytes a cell beside them: floods are made of
//! entities that speak once, and a hash table that holds its cells itself is half empty for half of its
//! life. The last cell takes the place of one that leaves. Cells lie in blocks that never move, for what
//! thousands of growing lists leave behind in the heap would be a quarter of it.

use hashbrown::HashTable;

use super::Cell;
use crate::clock::Timestamp;
use crate::detection::engine::key::Key;

/// Cells of a block.
const BLOCK: usize = 128;

/// A cell and whose it is.
#[derive(Debug)]
struct Row {
    key: Key,
    cell: Cell,
}

/// Cells by their keys.
#[derive(Debug, Default)]
pub struct Cells {
    places: HashTable<u32>,
    rows: Rows,
}

/// Rows in blocks: all but the last are full.
#[derive(Debug, Default)]
struct Rows {
    blocks: Vec<Vec<Row>>,
    len: usize,
}

impl Rows {
    fn at(&self, place: usize) -> &Row {
        &self.blocks[place / BLOCK][place % BLOCK]
    }

    fn at_mut(&mut self, place: usize) -> &mut Row {
        &mut self.blocks[place / BLOCK][place % BLOCK]
    }

    fn push(&mut self, row: Row) {
        match self.blocks.last_mut() {
            Some(last) if last.len() < BLOCK => last.push(row),
            _ => {
                // Most tables hold a few cells for ever; one that has filled a block will fill another.
                let mut block = Vec::with_capacity(if self.blocks.is_empty() { 4 } else { BLOCK });
                block.push(row);
                self.blocks.push(block);
            }
        }
        self.len += 1;
    }

    /// Takes out the row at `place`, and puts the last one there.
    fn swap_remove(&mut self, place: usize) -> Option<Row> {
        let last = self.blocks.last_mut()?.pop()?;
        if self.blocks.last().is_some_and(Vec::is_empty) {
            self.blocks.pop();
        }
        self.len -= 1;
        Some(if place == self.len { last } else { std::mem::replace(self.at_mut(place), last) })
    }
}

impl Cells {
    /// Returns how many there are.
    pub fn len(&self) -> usize {
        self.rows.len
    }

    /// Returns the cell of `key`.
    pub fn get(&self, key: Key) -> Option<&Cell> {
        Some(&self.rows.at(self.place(key)?).cell)
    }

    /// Returns the cell of `key`, to change it.
    pub fn get_mut(&mut self, key: Key) -> Option<&mut Cell> {
        let place = self.place(key)?;
        Some(&mut self.rows.at_mut(place).cell)
    }

    /// Tells whether there is one of `key`.
    pub fn contains(&self, key: Key) -> bool {
        self.place(key).is_some()
    }

    /// Returns the cell that is queued at `queued` and whose key mixes to `mixed`, and its key.
    pub fn queued(&mut self, queued: Timestamp, mixed: u64) -> Option<(Key, &mut Cell)> {
        let rows = &self.rows;
        let is_it = |&place: &u32| {
            let row = rows.at(place as usize);
            row.key.mixed() == mixed && row.cell.queued == queued
        };
        let place = *self.places.find(mixed, is_it)?;
        let row = self.rows.at_mut(place as usize);
        Some((row.key, &mut row.cell))
    }

    /// Returns where the cell of `key` lies, until one is taken out.
    pub fn place(&self, key: Key) -> Option<usize> {
        self.places.find(key.mixed(), |&place| self.rows.at(place as usize).key == key).map(|&place| place as usize)
    }

    /// Returns the cell that lies at `place`.
    pub fn at(&mut self, place: usize) -> &mut Cell {
        &mut self.rows.at_mut(place).cell
    }

    /// Puts `cell` in, in place of the one that `key` had; returns where it lies.
    pub fn insert(&mut self, key: Key, cell: Cell) -> usize {
        if let Some(place) = self.place(key) {
            self.rows.at_mut(place).cell = cell;
            return place;
        }
        self.rows.push(Row { key, cell });
        let place = self.rows.len - 1;
        let rows = &self.rows;
        self.places.insert_unique(key.mixed(), place as u32, |&of| rows.at(of as usize).key.mixed());
        place
    }

    /// Takes the cell of `key` out.
    pub fn remove(&mut self, key: Key) -> Option<Cell> {
        let rows = &self.rows;
        let found = self.places.find_entry(key.mixed(), |&place| rows.at(place as usize).key == key).ok()?;
        let (place, _) = found.remove();
        let last = self.rows.len - 1;
        if place as usize != last {
            let mixed = self.rows.at(last).key.mixed();
            if let Some(moved) = self.places.find_mut(mixed, |&of| of as usize == last) {
                *moved = place;
            }
        }
        let row = self.rows.swap_remove(place as usize)?;
        if self.places.capacity() > 256 && self.rows.len < self.places.capacity() / 8 {
            // What a flood has left behind is given back.
            let rows = &self.rows;
            self.places.shrink_to(rows.len * 2, |&of| rows.at(of as usize).key.mixed());
        }
        Some(row.cell)
    }

    /// Returns all of them, in no order that matters.
    pub fn iter(&self) -> impl Iterator<Item = (Key, &Cell)> {
        self.rows.blocks.iter().flatten().map(|row| (row.key, &row.cell))
    }

    /// Returns all of them, to change them.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (Key, &mut Cell)> {
        self.rows.blocks.iter_mut().flatten().map(|row| (row.key, &mut row.cell))
    }

    /// Keeps those for which `stays` holds.
    pub fn retain(&mut self, stays: impl Fn(&Cell) -> bool) {
        let leave: Vec<Key> = self.iter().filter(|(_, cell)| !stays(cell)).map(|(key, _)| key).collect();
        for key in leave {
            self.remove(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::detection::kinds::State;

    fn cell(queued: i64) -> Cell {
        Cell { state: State::Match, episode: None, queued: Timestamp::from_seconds(queued), dirty: false }
    }

    #[test]
    fn a_cell_of_an_entity_that_speaks_once_takes_64_bytes() {
        assert_eq!(size_of::<Row>(), 64);
    }

    proptest! {
        #[test]
        fn cells_are_found_under_their_keys_whatever_came_and_went(
            steps in prop::collection::vec((any::<bool>(), 0_u64..40, 0_i64..9), 0..300),
        ) {
            let (mut cells, mut plain) = (Cells::default(), BTreeMap::new());
            // Such as values have: one half is the same in all.
            let key = |n: u64| Key::from(!u128::from(n << 8));
            for (comes, n, queued) in steps {
                if comes {
                    cells.insert(key(n), cell(queued));
                    plain.insert(n, queued);
                } else {
                    prop_assert_eq!(cells.remove(key(n)).is_some(), plain.remove(&n).is_some());
                }
            }
            prop_assert_eq!(cells.len(), plain.len());
            for n in 0..40 {
                let queued = plain.get(&n).map(|&at| Timestamp::from_seconds(at));
                prop_assert_eq!(cells.get(key(n)).map(|cell| cell.queued), queued);
                if let Some(queued) = queued {
                    prop_assert_eq!(cells.queued(queued, key(n).mixed()).map(|(found, _)| found), Some(key(n)));
                }
            }
        }
    }
}
