//! What is said of deliveries that wait for a sink that is no more?
//!
//! Once after each start, for nothing else would tell: it is neither tried nor failing. They are kept, for a
//! sink that is named so again.

use super::Watch;

impl Watch {
    /// Says that `waiting` deliveries are for a sink that the configuration does not have.
    pub fn left_behind(&mut self, sink: &str, waiting: u64) {
        if self.left_behind.insert(sink.to_owned()) {
            tracing::warn!(
                sink,
                waiting,
                "deliveries wait for a sink that is in the configuration no more: nobody gets them. They go once a sink \
                 has this name again; `gatewatch sinks deliveries` lists them"
            );
        }
    }
}
