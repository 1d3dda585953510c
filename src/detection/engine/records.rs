//! How many bytes of records may waiting signals hold?
//!
//! A sheet's records, and what else stands on it, are charged once, when the first of its signals comes, and as
//! long as the sheet lives: until the last of them has left its bucket (`waiting`). Beyond the ceiling a sheet
//! waits without its records: evidence keeps position and time.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::detection::Signal;
use crate::detection::sheet::Sheet;

/// The records that waiting signals hold.
#[derive(Debug)]
pub struct Records {
    limit: usize,
    held: Arc<AtomicUsize>,
    /// The sheet for which there was no room last, and what its signals hold instead.
    bare: Option<(Arc<Sheet>, Arc<Sheet>)>,
}

impl Records {
    /// Returns a ceiling of `limit` bytes.
    pub fn new(limit: usize) -> Self {
        Self { limit, held: Arc::default(), bare: None }
    }

    /// Admits a signal, without its record if there is no room.
    pub fn admit(&mut self, signal: &mut Signal) {
        let sheet = &signal.sheet;
        if sheet.record_bytes() == 0 || sheet.is_charged() {
            return;
        }
        if let Some((full, bare)) = &self.bare
            && Arc::ptr_eq(full, sheet)
        {
            signal.sheet = Arc::clone(bare);
            return;
        }
        if self.held().saturating_add(sheet.weight()) <= self.limit {
            sheet.charge_to(&self.held);
            return;
        }
        let bare = Arc::new(sheet.bare());
        self.bare = Some((std::mem::replace(&mut signal.sheet, Arc::clone(&bare)), bare));
    }

    /// Lets go of what it remembers between ticks.
    pub fn forget(&mut self) {
        self.bare = None;
    }

    /// Returns the bytes held.
    pub fn held(&self) -> usize {
        self.held.load(Ordering::Relaxed)
    }
}
