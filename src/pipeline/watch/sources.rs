//! What is shown of a source as it comes and goes?
//!
//! A row of the board for each; the log says what changes, once.

use super::{SourceInfo, Watch};

impl Watch {
    /// Shows that a source reads.
    pub fn source_well(&self, source: &SourceInfo) {
        tracing::info!(source = source.name, "reading again");
        if let Some(mut seen) = self.board.sources.get_mut(&source.name) {
            seen.state = "reading".into();
            seen.failing = false;
        }
    }

    /// Shows that a source can't read.
    pub fn source_failing(&self, source: &SourceInfo, says: &str) {
        if let Some(mut seen) = self.board.sources.get_mut(&source.name) {
            if seen.state != says {
                tracing::warn!(source = source.name, "{says}");
            }
            says.clone_into(&mut seen.state);
            seen.failing = true;
        }
    }

    /// Shows that a source has read everything.
    pub fn source_ended(&self, source: &SourceInfo) {
        tracing::info!(source = source.name, "everything was read");
        if let Some(mut seen) = self.board.sources.get_mut(&source.name) {
            seen.state = "ended".into();
            seen.failing = false;
        }
    }
}
