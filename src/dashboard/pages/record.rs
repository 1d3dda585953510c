//! How is an event shown that an alert kept?

use super::super::pretty::pretty;
use super::super::words::When;
use crate::alerts::{Evidence, Streams};
use crate::clock::Timestamp;

/// An event that was kept, as the page shows it.
pub(super) struct Record {
    pub(super) when: When,
    pub(super) category: &'static str,
    pub(super) lies: String,
    /// Laid out for reading, where it is whole JSON.
    pub(super) pretty: Option<String>,
    pub(super) raw: Option<String>,
}

impl Record {
    /// Returns how `one` is shown.
    pub(super) fn of(one: &Evidence, streams: &Streams, now: Timestamp) -> Self {
        let stream =
            streams.name(one.position.stream).map_or_else(|| "a file that is gone".into(), |name| name.to_string());
        let raw = one.record.as_deref().map(str::to_owned);
        Self {
            when: When::new(one.time, now),
            category: one.category.name(),
            lies: format!("{stream}, offset {}, record {}", one.position.offset, one.position.index),
            pretty: raw.as_deref().and_then(pretty),
            raw,
        }
    }
}
