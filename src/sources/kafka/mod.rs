//! What is new in Kafka, or in Azure Event Hubs, which speaks its protocol?
//!
//! A [`KafkaReader`] reads at our own positions, whatever the broker remembers: the store's at
//! the start, its own after a rebalance. Nothing is skipped silently: what the broker deleted
//! before we read it comes as a [`Mark::Gap`](crate::telemetry::Mark::Gap) with its exact range.
//! librdkafka's thread-safe client is polled on a thread of its own; about 65 MB are read ahead.

mod assign;
mod cluster;
mod explain;
mod filling;
mod gaps;
mod pausing;
mod poll;
mod producing;
mod properties;
mod settings;
mod track;
mod trying;

pub use producing::producer_properties;
pub use settings::{KafkaSettings, Profile, Sasl, Security};
pub use trying::{Purpose, try_kafka};

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use rdkafka::config::{ClientConfig, FromClientConfigAndContext};
use rdkafka::consumer::base_consumer::BaseConsumer;

use crate::clock::Clock;
use crate::telemetry::{Batch, StreamId, Streams};

use super::pump::Pump;
use super::{ResumePoints, Source, SourceError};

use assign::Assigner;
use cluster::Cluster;
use explain::Explainer;
use poll::Poller;
use properties::Properties;
use track::Shared;

/// Reads the topics of one cluster.
///
/// After [`SourceError::Transient`] the same reader may be asked again: it goes on trying by
/// itself. After [`SourceError::Fatal`] it has ended. Dropping it leaves the group, in the
/// background and within about a second.
#[derive(Debug)]
pub struct KafkaReader {
    pump: Pump,
    /// The polling thread and the pipeline both change it, each for a look-up's time.
    shared: Arc<Shared>,
}

impl KafkaReader {
    /// Begins to read as `settings` say, as the source called `name`. `env` looks up variables
    /// that [`Secret`](super::Secret)s name, and `clusters` is the folder that knows which cluster each
    /// source has read. Returns before the cluster has answered.
    ///
    /// Fails with [`SourceError::Fatal`] if the settings can't work, whatever the cluster says.
    pub fn open(
        name: &str,
        settings: &KafkaSettings,
        streams: Streams,
        resume: &ResumePoints,
        (clock, clusters): (&Clock, &Path),
        env: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, SourceError> {
        let wrong = |what: String| SourceError::Fatal(format!("The source {name} can't be read: {what}."));
        let properties = Properties::of(settings, name, env).map_err(wrong)?;
        let explainer = Explainer::new(settings, properties.secrets);
        let mut config = ClientConfig::new();
        for (key, value) in &properties.pairs {
            config.set(key, value);
        }
        let shared = Arc::new(Shared::default());
        let assigner = Assigner {
            shared: shared.clone(),
            source: name.to_owned(),
            streams,
            resume: resume.iter().filter(|(stream, _)| stream.source == name).map(|(k, v)| (k.clone(), *v)).collect(),
            start: settings.start,
            opened: clock.now(),
            before: AtomicBool::new(false),
        };
        let cluster = Cluster::of(clusters, name, settings, !assigner.resume.is_empty());
        let consumer = BaseConsumer::from_config_and_context(&config, assigner).map_err(|error| {
            wrong(format!("librdkafka refuses the settings ({})", explainer.hidden(&error.to_string())))
        })?;
        let topics = settings.topics.iter().map(|topic| pattern(topic)).collect();
        let (thread, clock) = (shared.clone(), clock.clone());
        let pump = Pump::start(&format!("kafka {name}"), move |outlet| {
            Poller::new(consumer, (thread, outlet, explainer), (topics, cluster), clock).run();
        })?;
        Ok(Self { pump, shared })
    }

    /// Returns how many messages each of our partitions has still to hand out, as of the last second.
    pub fn lag(&self) -> Vec<(StreamId, i64)> {
        self.shared.lock().lag()
    }

    /// Says which partitions are not read as they are, or that the cluster is another one than
    /// before, and what to do.
    pub fn complaint(&self) -> Option<String> {
        self.shared.lock().complaint()
    }

    /// Returns the offset at which this reader began each partition it has had: the resume point
    /// of a partition that has not shown a message yet.
    pub fn starts(&self) -> Vec<(StreamId, i64)> {
        self.shared.lock().starts()
    }
}

impl Source for KafkaReader {
    async fn next(&mut self) -> Result<Batch, SourceError> {
        self.pump.next().await
    }

    fn committed(&mut self, positions: &[(StreamId, i64)]) {
        self.shared.lock().commit = positions.to_vec();
    }

    fn hold(&mut self, streams: &[StreamId]) {
        let mut track = self.shared.lock();
        track.hold = streams.iter().copied().collect();
        track.hold_changed = true;
    }
}

/// Returns `topic` as librdkafka wants it: `/regex/` matches anywhere in the name, and begins with `^`.
fn pattern(topic: &str) -> String {
    match topic.strip_prefix('/').and_then(|rest| rest.strip_suffix('/')) {
        Some(regex) if regex.starts_with('^') => regex.to_owned(),
        Some(regex) => format!("^.*({regex})"),
        None => topic.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_stands_between_slashes() {
        assert_eq!(pattern("logs"), "logs");
        assert_eq!(pattern("/^logs-/"), "^logs-");
        assert_eq!(pattern("/gateway|functions/"), "^.*(gateway|functions)");
    }
}
