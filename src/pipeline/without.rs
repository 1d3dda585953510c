//! Which streams does detection go on without?
//!
//! Those that nobody has brought back since a restart, and those of a source that can't read: they must
//! not hold event time back for all others. They hold it again once they are read.

use std::collections::BTreeSet;

use crate::telemetry::StreamId;

use super::Core;

impl Core {
    /// Gives up waiting for streams that no source has brought back since the restart; returns them.
    pub fn stop_recovering(&mut self) -> Vec<StreamId> {
        let gone: BTreeSet<StreamId> =
            std::mem::take(&mut self.recovering).into_iter().chain(std::mem::take(&mut self.awaited)).collect();
        for stream in &gone {
            self.watermarks.at_end(stream.0, true);
            // One that was only slow holds event time again as soon as it is read.
            self.set_aside.insert(*stream);
        }
        gone.into_iter().collect()
    }

    /// Goes on without the streams of a source that can't read at present; they hold event time
    /// again once it does.
    pub fn go_on_without(&mut self, source: &str) {
        for (stream, _) in self.streams.since(0).into_iter().filter(|(_, name)| name.source == source) {
            if self.watermarks.is_held_by(stream.0) {
                self.watermarks.at_end(stream.0, true);
                self.set_aside.insert(stream);
            }
            self.awaited.remove(&stream);
            self.recovering.remove(&stream);
        }
    }

    /// Tells whether streams from before the restart have not come back or been read again yet.
    pub fn is_recovering(&self) -> bool {
        !(self.recovering.is_empty() && self.awaited.is_empty())
    }
}
