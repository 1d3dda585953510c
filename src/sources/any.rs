//! Which kinds of sources are there?
//!
//! A closed set: adding a kind adds a variant here and an arm to each `match` below.

use crate::telemetry::{Batch, StreamId};

use super::{FileSource, KafkaReader, Source, SourceError, SpoolSource};

/// A source of any kind.
#[derive(Debug)]
pub enum AnySource {
    /// A Kafka cluster or an Event Hubs namespace.
    Kafka(KafkaReader),
    /// Files, or standard input.
    File(FileSource),
    /// What came over HTTP.
    Http(SpoolSource),
}

impl AnySource {
    /// Returns its kind's name, for metrics and pages.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Kafka(_) => "kafka",
            Self::File(_) => "file",
            Self::Http(_) => "http",
        }
    }

    /// Returns how much of each open stream is still to be read: messages of a partition, bytes
    /// of a file or of the spool.
    pub fn lag(&self) -> Vec<(StreamId, i64)> {
        match self {
            Self::Kafka(source) => source.lag(),
            Self::File(source) => source.lag(),
            Self::Http(source) => source.lag(),
        }
    }

    /// Returns how many bytes it keeps on disk because they have not been read and committed yet.
    pub fn kept(&self) -> u64 {
        match self {
            Self::Kafka(_) | Self::File(_) => 0,
            Self::Http(source) => source.kept(),
        }
    }

    /// Says what it can't do as it is, though it reads: such as follow all of its files at once,
    /// or read a topic that was made anew.
    pub fn complaint(&self) -> Option<String> {
        match self {
            Self::File(source) => source.complaint(),
            Self::Kafka(source) => source.complaint(),
            Self::Http(_) => None,
        }
    }

    /// Says what may be amiss though it does all that it can: paths that have led to no file yet.
    pub fn remark(&self) -> Option<String> {
        if let Self::File(source) = self { source.remark() } else { None }
    }

    /// Returns the offset at which each stream was begun (a file: since the last call): the resume
    /// point of a stream that has shown no message yet, so that a first start at `latest` stays
    /// where it was.
    pub fn starts(&self) -> Vec<(StreamId, i64)> {
        match self {
            Self::Kafka(source) => source.starts(),
            Self::File(source) => source.starts(),
            Self::Http(_) => Vec::new(),
        }
    }
}

impl Source for AnySource {
    async fn next(&mut self) -> Result<Batch, SourceError> {
        match self {
            Self::Kafka(source) => source.next().await,
            Self::File(source) => source.next().await,
            Self::Http(source) => source.next().await,
        }
    }

    fn committed(&mut self, positions: &[(StreamId, i64)]) {
        match self {
            Self::Kafka(source) => source.committed(positions),
            Self::File(source) => source.committed(positions),
            Self::Http(source) => source.committed(positions),
        }
    }

    fn hold(&mut self, streams: &[StreamId]) {
        match self {
            Self::Kafka(source) => source.hold(streams),
            Self::File(source) => source.hold(streams),
            Self::Http(source) => source.hold(streams),
        }
    }
}
