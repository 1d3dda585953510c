//! Opens what the configuration names: sources, sinks, and outputs of the redacted stream.

use std::path::Path;
use std::sync::Arc;

use tokio::runtime::Runtime;

use crate::access::{Role, Tokens};
use crate::clock::Clock;
use crate::config::{Config, Http, variable};
use crate::pipeline::{Open, SpoolIntake};
use crate::redaction::Redactor;
use crate::sinks::{Outlet, RedactedFile, RedactedStream, RedactedTopic};
use crate::sources::{Admit, AnySource, FileSource, KafkaReader, ResumePoints, SourceError, Spool, SpoolSource};
use crate::telemetry::{StreamId, Streams};

use super::anew::Turns;
use super::setup;
use super::talk::Failure;

/// A source that is open.
pub struct Opened {
    /// Its name in the configuration.
    pub name: String,
    /// What reads.
    pub source: AnySource,
    /// Opens it again after it has failed for good.
    pub open: Open,
    /// For an HTTP source: what takes bodies in, and where it listens.
    pub http: Option<Ingest>,
}

/// What an HTTP source needs to listen.
#[derive(Debug)]
pub struct Ingest {
    name: String,
    settings: Http,
    intake: SpoolIntake,
}

/// What opening any source takes.
#[derive(Clone, Debug)]
struct Ground {
    streams: Streams,
    clock: Clock,
}

/// Opens every configured source, to go on at `resume`; up to `absorbed` the store knows each stream.
pub fn open(
    config: &Config,
    data: &Path,
    redactor: &Arc<Redactor>,
    streams: &Streams,
    (resume, absorbed): (&ResumePoints, &ResumePoints),
    clock: &Clock,
) -> Result<Vec<Opened>, Failure> {
    let ground = Ground { streams: streams.clone(), clock: clock.clone() };
    let mut opened = Vec::new();
    for (name, settings) in config.sources.kafka.clone() {
        opened.push(first(&ground, resume, name.clone(), None, move |ground, resume| {
            let reader = KafkaReader::open(&name, &settings, ground.streams.clone(), resume, &ground.clock, &variable);
            reader.map(AnySource::Kafka)
        })?);
    }
    for (name, settings) in config.sources.file.clone() {
        opened.push(first(&ground, resume, name.clone(), None, move |ground, resume| {
            FileSource::open(&name, settings.clone(), ground.streams.clone(), resume).map(AnySource::File)
        })?);
    }
    for (name, settings) in config.sources.http.clone() {
        let spool = Spool::open(&data.join("spool").join(&name), settings.limits.max_spool_bytes);
        let spool = spool.map_err(|error| Failure::Io(error.to_string()))?;
        let intake = SpoolIntake::new(redactor.clone(), spool.clone());
        let ingest = Ingest { name: name.clone(), settings, intake };
        let absorbed = absorbed.clone();
        opened.push(first(&ground, resume, name.clone(), Some(ingest), move |ground, resume| {
            SpoolSource::open(&name, spool.clone(), &ground.streams, resume, &absorbed).map(AnySource::Http)
        })?);
    }
    Ok(opened)
}

/// Opens a source the first time, and keeps what opens it again.
fn first(
    ground: &Ground,
    resume: &ResumePoints,
    name: String,
    http: Option<Ingest>,
    open: impl Fn(&Ground, &ResumePoints) -> Result<AnySource, SourceError> + Send + 'static,
) -> Result<Opened, Failure> {
    let source = open(ground, resume).map_err(|error| Failure::Config(error.to_string()))?;
    let ground = ground.clone();
    let again: Open = Box::new(move |absorbed| {
        let named = |&(stream, offset): &(StreamId, i64)| Some(((*ground.streams.name(stream)?).clone(), offset));
        open(&ground, &absorbed.iter().filter_map(named).collect())
    });
    Ok(Opened { name, source, open: again, http })
}

#[derive(Debug)]
struct Bearers {
    tokens: Tokens,
    clock: Clock,
}

impl Admit for Bearers {
    fn admit(&self, bearer: Option<&str>) -> bool {
        let who = bearer.and_then(|bearer| self.tokens.verify(bearer, self.clock.elapsed()));
        who.is_some_and(|who| who.role.may(Role::Ingest))
    }
}

/// Listens for bodies until `end`.
pub fn listen(
    (runtime, turns): (&Runtime, &Turns),
    http: Ingest,
    data: &Path,
    clock: &Clock,
    end: impl Future<Output = ()> + Send + 'static,
) -> Result<(), Failure> {
    let tokens = Tokens::open(data.join(setup::TOKENS)).map_err(|error| Failure::Io(error.to_string()))?;
    let listen = http.settings.listen;
    if !listen.ip().to_canonical().is_loopback() {
        tracing::warn!(
            "others can reach the source {} on {listen}, where tokens and records go in the clear: put a proxy with TLS \
             in front of it, or listen on 127.0.0.1",
            http.name
        );
    }
    let listener = turns.listen(&http.name, listen).map_err(|error| {
        Failure::Io(format!(
            "the source {} can't listen on {listen}: {error}. Choose another address with listen in [sources.http.{}].",
            http.name, http.name
        ))
    })?;
    let admit = Arc::new(Bearers { tokens, clock: clock.clone() });
    let router = crate::sources::router(&http.name, &http.settings.limits, admit, Arc::new(http.intake));
    runtime.spawn(async move {
        if let Err(error) = crate::dashboard::serve(listener, router, end).await {
            tracing::error!("the HTTP source stopped: {error}");
        }
    });
    Ok(())
}

/// Opens every configured sink, or the one called `only`.
pub fn sinks(config: &Config, only: Option<&str>, clock: &Clock) -> Result<Vec<Outlet>, Failure> {
    let opened = config.sinks.open(only, config.dashboard.external_url.as_deref(), clock);
    opened.map_err(|wrong| Failure::Config(wrong.join("\n")))
}

/// Opens every configured output of the redacted stream.
pub fn outputs(config: &Config) -> Result<Vec<RedactedStream>, Failure> {
    let mut outputs = Vec::new();
    if let Some(path) = &config.redacted.file {
        let file = RedactedFile::resume(path).map_err(|error| Failure::Io(error.to_string()))?;
        outputs.push(RedactedStream::File(file));
    }
    if let Some(kafka) = &config.redacted.kafka {
        let settings = crate::sources::KafkaSettings {
            profile: kafka.profile,
            security: kafka.security.clone(),
            advanced: kafka.advanced.clone(),
            ..crate::sources::KafkaSettings::new(kafka.brokers.clone(), &[])
        };
        let properties = crate::sources::producer_properties(&settings, &variable)
            .map_err(|why| Failure::Config(format!("[redacted.kafka]: {why}")))?;
        let topic = RedactedTopic::new(&properties, &kafka.topic).map_err(Failure::Config)?;
        outputs.push(RedactedStream::Topic(topic));
    }
    Ok(outputs)
}
