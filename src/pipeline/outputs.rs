//! The redacted stream: every message without secrets and people, at least once.
//!
//! Messages are handed to the writers as they are absorbed and flushed before each epoch. A
//! writer that fails keeps its message here, and while anything is kept no epoch is committed,
//! so a restart reads it again.

use crate::sinks::{RedactedStream, SinkError};
use crate::telemetry::StreamName;

/// Where redacted messages go.
#[derive(Debug, Default)]
pub struct Outputs {
    writers: Vec<RedactedStream>,
    failed: Option<String>,
    /// A message was refused for good: no epoch is committed past it, so that a restart, once the
    /// receiver is mended, writes it again.
    refused: Option<String>,
    /// Messages that could not be handed over, by writer, in order; the sources stand still
    /// while there are any, so they are at most what the batches under way hold.
    kept: Vec<(usize, StreamName, i64, Vec<u8>)>,
}

impl Outputs {
    /// Returns outputs to `writers`.
    pub fn new(writers: Vec<RedactedStream>) -> Self {
        Self { writers, failed: None, refused: None, kept: Vec::new() }
    }

    /// Tells whether there is anything to write to.
    pub fn is_empty(&self) -> bool {
        self.writers.is_empty()
    }

    /// Tells whether messages wait for a writer that failed.
    pub fn is_stuck(&self) -> bool {
        !self.kept.is_empty() || self.refused.is_some()
    }

    /// Hands a message to every writer.
    pub fn append(&mut self, stream: &StreamName, offset: i64, bytes: &[u8]) {
        for (n, writer) in self.writers.iter_mut().enumerate() {
            let behind = self.kept.iter().any(|(writer, ..)| *writer == n);
            let written = if behind {
                Err(String::new())
            } else {
                writer.append(stream, offset, bytes).map_err(|e| e.to_string())
            };
            if let Err(says) = written {
                if !says.is_empty() {
                    self.failed = Some(says);
                }
                self.kept.push((n, stream.clone(), offset, bytes.to_vec()));
            }
        }
    }

    /// Makes everything handed over durable.
    ///
    /// # Errors
    ///
    /// Says which writer fails and how to mend it; nothing is lost, call again.
    pub fn flush(&mut self) -> Result<(), String> {
        for (n, stream, offset, bytes) in std::mem::take(&mut self.kept) {
            let behind = self.kept.iter().any(|(writer, ..)| *writer == n);
            let written = if behind {
                Err(String::new())
            } else {
                self.writers[n].append(&stream, offset, &bytes).map_err(|e| e.to_string())
            };
            if let Err(says) = written {
                if !says.is_empty() {
                    self.failed = Some(says);
                }
                self.kept.push((n, stream, offset, bytes));
            }
        }
        if !self.kept.is_empty() {
            return Err(self.failed.clone().unwrap_or_else(|| "the redacted stream can't be written".into()));
        }
        self.failed = None;
        for writer in &mut self.writers {
            match writer.flush() {
                Ok(()) => {}
                Err(SinkError::Reject(says)) => {
                    self.refused.get_or_insert(format!("{says} Mend it, then restart Gatewatch: nothing is lost."));
                }
                Err(error) => return Err(error.to_string()),
            }
        }
        self.refused.clone().map_or(Ok(()), Err)
    }
}
