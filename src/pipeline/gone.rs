//! Which files are gone for good?
//!
//! A rotation leaves names and positions behind that nobody needs any more. A file that has been
//! nowhere to be found for [`KEPT`] is forgotten; until then it is known, so that a folder that
//! comes back is not read again. Since when each is gone is kept with the epochs.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::clock::Timestamp;
use crate::telemetry::StreamId;

/// How long a file that is gone is remembered, in wall time.
const KEPT: Duration = Duration::from_hours(30 * 24);

/// The files that are gone, and since when.
#[derive(Debug, Default)]
pub(super) struct Gone {
    /// `None` until the next epoch says what time it is.
    since: BTreeMap<StreamId, Option<Timestamp>>,
    changed: bool,
}

impl Gone {
    /// Returns what [`Gone::save`] has kept.
    ///
    /// # Errors
    ///
    /// Says that the bytes can't be read.
    pub(super) fn restored(bytes: &[u8]) -> Result<Self, String> {
        let kept: BTreeMap<StreamId, Timestamp> = postcard::from_bytes(bytes)
            .map_err(|error| format!("the list of files that are gone can't be read: {error}"))?;
        Ok(Self { since: kept.into_iter().map(|(stream, at)| (stream, Some(at))).collect(), changed: false })
    }

    /// Records that nobody finds the file.
    pub(super) fn say(&mut self, stream: StreamId) {
        self.since.entry(stream).or_insert_with(|| {
            self.changed = true;
            None
        });
    }

    /// Records that the file is there again.
    pub(super) fn back(&mut self, stream: StreamId) {
        self.changed |= self.since.remove(&stream).is_some();
    }

    /// Takes out the streams to forget at wall time `now`.
    pub(super) fn for_good(&mut self, now: Timestamp) -> Vec<StreamId> {
        let mut forgotten = Vec::new();
        self.since.retain(|&stream, since| {
            let keep = now.since(*since.get_or_insert(now)) < KEPT;
            if !keep {
                forgotten.push(stream);
            }
            keep
        });
        self.changed |= !forgotten.is_empty();
        forgotten
    }

    /// Returns what to keep with the epoch of wall time `now`, if it has changed.
    pub(super) fn save(&mut self, now: Timestamp) -> Option<Vec<u8>> {
        if std::mem::take(&mut self.changed) { self.all(now) } else { None }
    }

    /// Returns all there is to keep.
    pub(super) fn all(&self, now: Timestamp) -> Option<Vec<u8>> {
        let since: BTreeMap<StreamId, Timestamp> =
            self.since.iter().map(|(&stream, since)| (stream, since.unwrap_or(now))).collect();
        postcard::to_stdvec(&since).ok()
    }
}
