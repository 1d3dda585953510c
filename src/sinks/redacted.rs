//! Where does the redacted stream go?
//!
//! Every message that was read, with its secrets spliced out and every other byte as it was: to
//! a Kafka topic or a file, each with the position it was read at. The pipeline appends while it
//! reads and flushes before it commits the epoch, so after a crash a message may be there twice,
//! known by its position, but none is missing. Both writers block the thread that calls them:
//! that is the back-pressure. Kafka's queue holds at most 64 MiB, the file's buffer 1 MiB.

mod file;
mod topic;

pub use file::RedactedFile;
pub use topic::RedactedTopic;

use crate::telemetry::StreamName;

use super::SinkError;

/// Either of the writers.
#[derive(Debug)]
pub enum RedactedStream {
    /// To a Kafka topic.
    Topic(RedactedTopic),
    /// To a file, with a `.positions` file beside it.
    File(RedactedFile),
}

impl RedactedStream {
    /// Adds one message: `bytes`, redacted, read at `offset` of `stream`.
    ///
    /// # Errors
    ///
    /// After [`SinkError::Retry`] the same message may be appended again; a
    /// [`SinkError::Reject`] means that this message can't go there.
    pub fn append(&mut self, stream: &StreamName, offset: i64, bytes: &[u8]) -> Result<(), SinkError> {
        match self {
            Self::Topic(topic) => topic.append(stream, offset, bytes),
            Self::File(file) => file.append(stream, offset, bytes),
        }
    }

    /// Waits until everything appended is durable; only then may the epoch be committed.
    ///
    /// # Errors
    ///
    /// After [`SinkError::Retry`] nothing is forgotten: flush again. After a
    /// [`SinkError::Reject`] messages were refused for good and the epoch must not be committed.
    pub fn flush(&mut self) -> Result<(), SinkError> {
        match self {
            Self::Topic(topic) => topic.flush(),
            Self::File(file) => file.flush(),
        }
    }
}
