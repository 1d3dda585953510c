//! Opens what the configuration names: sources, sinks, and outputs of the redacted stream.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::runtime::Runtime;

use crate::access::{Attempts, Role, Tokens};
use crate::clock::Clock;
use crate::config::{Config, Http, variable};
use crate::dashboard::{REFUSED, agent, note_meanwhile};
use crate::metrics::Metrics;
use crate::pipeline::{Open, SpoolIntake};
use crate::redaction::Redactor;
use crate::sinks::{Outlet, RedactedFile, RedactedStream, RedactedTopic};
use crate::sources::{
    Admit, AnySource, Away, FileSource, KafkaReader, Reason, ResumePoints, SourceError, Spool, SpoolSource, Unwelcome,
    left_over, spool_names,
};
use crate::store::{AuditEntry, Origin};
use crate::telemetry::{StreamId, Streams};

use super::anew::Turns;
use super::serving::Serving;
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
        let clusters = data.join("clusters");
        opened.push(first(&ground, resume, name.clone(), None, move |ground, resume| {
            let (streams, known) = (ground.streams.clone(), (&ground.clock, &*clusters));
            let reader = KafkaReader::open(&name, &settings, streams, resume, known, &variable);
            reader.map(AnySource::Kafka)
        })?);
    }
    for (name, settings) in config.sources.file.clone() {
        opened.push(first(&ground, resume, name.clone(), None, move |ground, resume| {
            FileSource::open(&name, settings.clone(), ground.streams.clone(), resume, &ground.clock)
                .map(AnySource::File)
        })?);
    }
    for (name, settings) in config.sources.http.clone() {
        let spool = Spool::open(&data.join("spool").join(&name), settings.limits.max_spool_bytes);
        let spool = spool.map_err(|error| Failure::Io(error.to_string()))?;
        tell_cut(&name, &spool);
        let intake = SpoolIntake::new(redactor.clone(), spool.clone());
        let ingest = Ingest { name: name.clone(), settings, intake };
        let absorbed = absorbed.clone();
        opened.push(first(&ground, resume, name.clone(), Some(ingest), move |ground, resume| {
            SpoolSource::open(&name, spool.clone(), &ground.streams, resume, &absorbed).map(AnySource::Http)
        })?);
    }
    for (name, spool) in left(config, data, resume)? {
        let absorbed = absorbed.clone();
        opened.push(first(&ground, resume, name.clone(), None, move |ground, resume| {
            SpoolSource::open(&name, spool.clone(), &ground.streams, resume, &absorbed).map(AnySource::Http)
        })?);
    }
    Ok(opened)
}

/// Returns what HTTP sources took in that are not configured any more, to be read to its end.
fn left(config: &Config, data: &Path, resume: &ResumePoints) -> Result<Vec<(String, Spool)>, Failure> {
    let (folder, sources) = (data.join("spool"), &config.sources);
    let mut left = Vec::new();
    let names = spool_names(&folder).map_err(|error| Failure::Io(error.to_string()))?;
    for name in names.into_iter().filter(|name| !sources.http.contains_key(name)) {
        if let Err(error) = std::fs::read_dir(folder.join(&name)) {
            // A disk of its own has a folder for what is found of lost files.
            tracing::warn!("{} is not looked into: {error}", folder.join(&name).display());
            continue;
        }
        let spool = left_over(&name, &folder.join(&name), resume);
        let Some(spool) = spool.map_err(|error| Failure::Io(error.to_string()))? else { continue };
        tell_cut(&name, &spool);
        if sources.kafka.contains_key(&name) || sources.file.contains_key(&name) {
            return Err(Failure::Config(format!(
                "what [sources.http.{name}] took in before is not read yet, and another source is called {name} now: give that \
                 one another name until that has been read, or delete {}",
                folder.join(&name).display()
            )));
        }
        tracing::warn!(
            "[sources.http.{name}] is not configured any more: what it has taken in and was not read yet is read to its \
             end under its old name"
        );
        left.push((name, spool));
    }
    Ok(left)
}

/// Says so if the end of a spool was not whole.
fn tell_cut(name: &str, spool: &Spool) {
    if spool.cut() > 0 {
        tracing::warn!(
            "the spool of {name} ended with a record that was not whole, and {} bytes of it were cut off: the machine went \
             down while it was written, and its sender got no answer; if it did not, look at the disk",
            spool.cut()
        );
    }
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

/// Who may send to one source, and what becomes known of those who may not.
#[derive(Debug)]
struct Bearers {
    source: String,
    tokens: Arc<Tokens>,
    clock: Clock,
    data: PathBuf,
    metrics: Arc<Metrics>,
    /// Who was wrong too often, and the lines of the audit that may be written of those who may not send.
    attempts: Attempts,
    /// The lines that may be written of what is told to come later: those come in floods.
    pressing: Attempts,
}

impl Admit for Bearers {
    fn admit(&self, bearer: Option<&str>, from: Option<IpAddr>) -> Result<String, Unwelcome> {
        let elapsed = self.clock.elapsed();
        match bearer.and_then(|bearer| self.tokens.verify(bearer, elapsed)) {
            Some(who) if who.role.may(Role::Ingest) => Ok(who.name),
            Some(who) => Err(Unwelcome::NoRole(who.name)),
            // The file would tell, and can't be read: what is not known may be right.
            None if bearer.is_some() && self.tokens.trouble(elapsed).is_some() => Err(Unwelcome::Unsure),
            None => Err(self.attempts.wrong(from, elapsed).map_or(Unwelcome::Unknown, Unwelcome::TooOften)),
        }
    }

    fn turned_away(&self, away: &Away<'_>) {
        self.metrics.ingest_refused.add(&[away.reason.name()], 1);
        let (lines, why) = match away.reason {
            Reason::Token => (&self.attempts, "this token is not known"),
            Reason::Role => (&self.attempts, "this token may not send records"),
            Reason::TooLarge => (&self.attempts, "the body is too large"),
            Reason::TooOften => (&self.pressing, "too much from this address was wrong"),
            Reason::Full => (&self.pressing, "the spool is full"),
            // Figures tell of these: nobody is kept out.
            Reason::Malformed | Reason::Media | Reason::Slow | Reason::Unscannable | Reason::Unavailable => return,
        };
        if !lines.worth_a_line(self.clock.elapsed()) {
            return;
        }
        let with = serde_json::json!({ "why": why, "source": self.source }).to_string();
        let who = away.who.unwrap_or("somebody").into();
        let origin = Origin {
            address: away.from.map(|address| address.to_string()).unwrap_or_default(),
            agent: agent(away.headers),
        };
        let entry = AuditEntry { at: self.clock.now(), who, did: REFUSED, with };
        note_meanwhile(self.data.clone(), entry, origin, self.metrics.clone());
    }
}

/// Listens for bodies.
pub fn listen(
    (runtime, turns, serving): (&Runtime, &Turns, &Serving),
    http: Ingest,
    (data, metrics): (&Path, &Arc<Metrics>),
    clock: &Clock,
) -> Result<(), Failure> {
    let tokens = turns.tokens(data)?;
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
    let admit = Arc::new(Bearers {
        source: http.name.clone(),
        tokens,
        clock: clock.clone(),
        data: data.to_owned(),
        metrics: metrics.clone(),
        attempts: Attempts::default(),
        pressing: Attempts::default(),
    });
    let router = crate::sources::router(&http.name, &http.settings.limits, admit, Arc::new(http.intake));
    let end = serving.ending();
    serving.add(runtime.spawn(async move {
        if let Err(error) = crate::dashboard::serve(listener, router, end).await {
            tracing::error!("the HTTP source stopped: {error}");
        }
    }));
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
