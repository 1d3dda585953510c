//! What has changed since the last delta?
//!
//! As long as that is little, the keys. Once it is an eighth of the entities, those that are there are known by a
//! mark of their own, and only those that are gone by their keys; once even they are more than the entities are
//! worth, all of them count as changed.

use super::Cells;
use crate::detection::engine::key::Key;

/// Keys that are noted before marks are gone by, however few entities there are.
const FEW: usize = 256;
/// Keys of the gone that are noted, however few entities there are.
const GONE: usize = 4_096;

/// What has changed.
#[derive(Debug)]
pub enum Changes {
    /// These entities, there or gone.
    Some(Vec<Key>),
    /// Those that are marked, and these, which were gone at some time.
    Marked(Vec<Key>),
    /// Too many to say.
    Many,
}

impl Changes {
    /// Returns that nothing has.
    pub const fn none() -> Self {
        Self::Some(Vec::new())
    }

    /// Notes that the entity of `key`, which was not marked, has changed, or (marked or not) that it `is_gone`.
    pub fn note(&mut self, key: Key, is_gone: bool, cells: &Cells) {
        match self {
            Self::Some(keys) => {
                keys.push(key);
                if keys.len() > cells.len() / 8 + FEW {
                    keys.retain(|&key| !cells.contains(key));
                    *self = Self::Marked(std::mem::take(keys));
                }
            }
            Self::Marked(gone) if is_gone => {
                gone.push(key);
                if gone.len() > 2 * cells.len() + GONE {
                    *self = Self::Many;
                }
            }
            Self::Marked(_) | Self::Many => {}
        }
    }

    /// Tells whether nothing has.
    pub fn is_nothing(&self) -> bool {
        matches!(self, Self::Some(keys) if keys.is_empty())
    }

    /// Returns the keys of all that has changed, there or gone, in any order and some of them twice; `None` if
    /// everything counts as changed.
    pub fn keys(self, cells: &mut Cells) -> Option<Vec<Key>> {
        let changed = match self {
            Self::Some(keys) => Some(keys),
            Self::Marked(mut keys) => {
                keys.extend(cells.iter().filter(|(_, cell)| cell.dirty).map(|(key, _)| key));
                Some(keys)
            }
            Self::Many => None,
        };
        match &changed {
            Some(keys) => {
                for &key in keys {
                    if let Some(cell) = cells.get_mut(key) {
                        cell.dirty = false;
                    }
                }
            }
            None => cells.iter_mut().for_each(|(_, cell)| cell.dirty = false),
        }
        changed
    }
}
