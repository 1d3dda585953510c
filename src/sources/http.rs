//! How are records taken in over HTTP?
//!
//! `POST /v1/ingest` takes lines of JSON or Azure's envelope, `POST /v1/logs` an OTLP export
//! ([`super::otlp`]), gzip or not. They answer `202` and `200` only once the [`Intake`] has redacted
//! and durably kept what came; whatever else they answer, nothing was kept. As many requests as
//! [`AT_ONCE`] are in work, and a body has its own ceilings (`body`).

mod body;

pub use body::{MESSAGES, messages};

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, FromRequestParts, State};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use serde::{Deserialize, Serialize};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::admit::{Admit, Away, Reason, Unwelcome};
use super::otlp;
use crate::telemetry::Batch;

/// How many requests are in work at once; others are told to come again.
const AT_ONCE: usize = 64;
/// When to come again, where nothing better is known.
const AGAIN: Duration = Duration::from_secs(1);

/// What the configuration says about taking records in over HTTP.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HttpSettings {
    /// How many bytes a body may have, before and after it is uncompressed.
    pub max_body_bytes: usize,
    /// How many bytes may be kept on disk until they are read; beyond that senders are told `429`.
    pub max_spool_bytes: u64,
}

impl Default for HttpSettings {
    fn default() -> Self {
        Self { max_body_bytes: 4 << 20, max_spool_bytes: 1 << 30 }
    }
}

/// Redacts bodies and keeps them durably: the pipeline's side.
pub trait Intake: Send + Sync {
    /// Takes in the messages of `batch` for the source called `source`; returns what became of
    /// them, once they are on disk. All of them or none, and none if less can be read than is
    /// `wanted`. May block.
    fn accept(&self, batch: &Batch, source: &str, wanted: Wanted) -> Result<Taken, Refused>;
}

/// How much of a body must be readable for it to be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// One record at least, if there is anything at all: what has none was meant for somebody else.
    OneRecord,
    /// It has been found to be what it should: its records may all be dead letters.
    Nothing,
}

/// What was taken in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Taken {
    /// How many messages.
    pub messages: usize,
    /// How many records in them can't be decoded: they will be dead letters.
    pub undecodable: usize,
}

/// Why a body was not taken in. Nothing of it was kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    /// The spool is full: come again later. Answered with `429`.
    Full {
        /// When to come again.
        retry_after: Duration,
    },
    /// It could not be searched for secrets, so it can't be kept. Answered with `422`; the text
    /// says why, without a value of the body.
    Unscannable(String),
    /// It has more in it than one body may have, or than can ever be kept. Answered with `413`; the
    /// text says of what.
    TooLarge(String),
    /// Nothing of it can be read as a record, or far too much can't. Answered with `400`.
    Unreadable(String),
    /// The daemon stops or the disk fails. Answered with `503`.
    Unavailable(String),
}

/// What the handlers work with.
pub(super) struct Ingest {
    source: String,
    limit: usize,
    admit: Arc<dyn Admit>,
    intake: Arc<dyn Intake>,
    /// A place for each request in work.
    places: Arc<Semaphore>,
}

/// Returns the routes `POST /v1/ingest` and `POST /v1/logs` for the source called `source`.
pub fn router(source: &str, settings: &HttpSettings, admit: Arc<dyn Admit>, intake: Arc<dyn Intake>) -> Router {
    let places = Arc::new(Semaphore::new(AT_ONCE));
    let limit = settings.max_body_bytes;
    let ingest = Arc::new(Ingest { source: source.to_owned(), limit, admit, intake, places });
    Router::new().route("/v1/ingest", post(take_in)).route("/v1/logs", post(otlp::take_in)).with_state(ingest)
}

async fn take_in(State(ingest): State<Arc<Ingest>>, sender: Sender, body: Body) -> Response {
    let mut who = None;
    let taken = async {
        let (place, body) = ingest.receive(&sender, &mut who, body::lines_or_json, body).await?;
        ingest.keep(place, move |ingest| ingest.accept(&messages(body)?, Wanted::OneRecord)).await
    };
    match taken.await {
        Ok(taken) => {
            let text = format!("{{\"accepted\":{},\"undecodable\":{}}}", taken.messages, taken.undecodable);
            (StatusCode::ACCEPTED, [(CONTENT_TYPE, "application/json")], text).into_response()
        }
        Err(denied) => {
            ingest.turned_away(&denied, &sender, who.as_deref());
            denied.problem()
        }
    }
}

/// Who sends, before it is known who that is.
pub(super) struct Sender {
    pub(super) headers: HeaderMap,
    /// The connection's other end.
    from: Option<IpAddr>,
}

impl<S: Sync> FromRequestParts<S> for Sender {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        let from = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|peer| peer.0.ip().to_canonical());
        Ok(Self { headers: parts.headers.clone(), from })
    }
}

impl Ingest {
    /// Returns the whole body, uncompressed, and the request's place among those in work; or why
    /// that can't be. `who` becomes the name of whoever may send; `suits` says, once that is known,
    /// whether what the headers announce belongs here.
    pub(super) async fn receive(
        &self,
        sender: &Sender,
        who: &mut Option<String>,
        suits: impl FnOnce(&HeaderMap) -> Result<(), Denied>,
        body: Body,
    ) -> Result<(OwnedSemaphorePermit, Vec<u8>), Denied> {
        let bearer = sender.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).and_then(bearer);
        match self.admit.admit(bearer, sender.from) {
            Ok(name) => *who = Some(name),
            Err(unwelcome) => {
                if let Unwelcome::NoRole(name) = &unwelcome {
                    *who = Some(name.clone());
                }
                return Err(unwelcome.into());
            }
        }
        let Ok(place) = self.places.clone().try_acquire_owned() else {
            let text = "Too many requests are being taken in at once; nothing of this one was kept.";
            return Err(Denied::later(Reason::Unavailable, AGAIN, text));
        };
        suits(&sender.headers)?;
        Ok((place, body::uncompressed(&sender.headers, body, self.limit).await?))
    }

    /// Tells that a request was not taken in.
    pub(super) fn turned_away(&self, denied: &Denied, sender: &Sender, who: Option<&str>) {
        self.admit.turned_away(&Away { reason: denied.reason, who, from: sender.from, headers: &sender.headers });
    }

    /// Does `work`, which may block: not on a thread that serves others. It holds `place` till its end.
    pub(super) async fn keep<T: Send + 'static>(
        self: &Arc<Self>,
        place: OwnedSemaphorePermit,
        work: impl FnOnce(&Self) -> Result<T, Denied> + Send + 'static,
    ) -> Result<T, Denied> {
        let ingest = self.clone();
        let work = move || {
            let done = work(&ingest);
            drop(place);
            done
        };
        tokio::task::spawn_blocking(work).await.unwrap_or_else(|_| {
            let text = "Taking this in failed; nothing of it was kept.";
            Err(Denied::later(Reason::Unavailable, AGAIN, text))
        })
    }

    /// Redacts the messages of `batch` and keeps them.
    pub(super) fn accept(&self, batch: &Batch, wanted: Wanted) -> Result<Taken, Denied> {
        Ok(self.intake.accept(batch, &self.source, wanted)?)
    }
}

/// A request that is not taken in; nothing of it was kept.
pub(super) struct Denied {
    /// Why.
    pub(super) reason: Reason,
    /// What a person should know, without a value of the body.
    pub(super) detail: String,
    again: Option<Duration>,
}

impl Denied {
    /// Returns a denial for good.
    pub(super) fn new(reason: Reason, detail: impl Into<String>) -> Self {
        Self { reason, detail: detail.into(), again: None }
    }

    fn later(reason: Reason, after: Duration, detail: impl Into<String>) -> Self {
        Self { again: Some(after), ..Self::new(reason, detail) }
    }

    fn too_large(limit: usize) -> Self {
        let text = format!(
            "A body may have {limit} bytes, also when uncompressed: send several smaller ones, or raise max_body_bytes."
        );
        Self::new(Reason::TooLarge, text)
    }

    /// Returns the answer with `body`.
    pub(super) fn answer(&self, content_type: &'static str, body: Vec<u8>) -> Response {
        let mut answer = (self.reason.status(), [(CONTENT_TYPE, content_type)], body).into_response();
        if let Some(after) = self.again {
            answer.headers_mut().insert(RETRY_AFTER, after.as_secs().max(1).into());
        }
        if self.reason == Reason::Token {
            answer.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        answer
    }

    /// Returns the answer as RFC 9457 describes problems.
    fn problem(&self) -> Response {
        let status = self.reason.status();
        let title = status.canonical_reason().unwrap_or_default();
        let body = serde_json::json!({ "status": status.as_u16(), "title": title, "detail": self.detail });
        self.answer("application/problem+json", body.to_string().into_bytes())
    }
}

impl From<Unwelcome> for Denied {
    fn from(unwelcome: Unwelcome) -> Self {
        match unwelcome {
            Unwelcome::Unknown => {
                let text = "A token that may send records is needed: make one with `gatewatch token create` and send it \
                            as Authorization: Bearer TOKEN.";
                Self::new(Reason::Token, text)
            }
            Unwelcome::NoRole(name) => {
                let text = format!(
                    "The token {name} may not send records: make one with `gatewatch token create NAME --role ingest`."
                );
                Self::new(Reason::Role, text)
            }
            Unwelcome::TooOften(wait) => {
                let text = "Too much from this address was wrong: wait, and look for what sends it.";
                Self::later(Reason::TooOften, wait + AGAIN, text)
            }
            Unwelcome::Unsure => {
                let text =
                    "The token file can't be read at this moment: the daemon's log says why. Send it again later.";
                Self::later(Reason::Unavailable, AGAIN, text)
            }
        }
    }
}

impl From<Refused> for Denied {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Full { retry_after } => {
                let text =
                    "What was sent before has not been worked off yet; nothing of this was kept. Send it again later.";
                Self::later(Reason::Full, retry_after, text)
            }
            Refused::Unscannable(why) => Self::new(Reason::Unscannable, why),
            Refused::TooLarge(why) => Self::new(Reason::TooLarge, why),
            Refused::Unreadable(why) => Self::new(Reason::Malformed, why),
            Refused::Unavailable(why) => Self::later(Reason::Unavailable, AGAIN, why),
        }
    }
}

fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::Mutex;

    use axum::body::to_bytes;
    use axum::http::Request;
    use tower::ServiceExt;

    use super::*;

    /// Takes in what it is told to, and remembers the messages.
    struct Fake {
        answer: Option<Refused>,
        taken: Mutex<Vec<String>>,
    }

    impl Intake for Fake {
        fn accept(&self, batch: &Batch, source: &str, _: Wanted) -> Result<Taken, Refused> {
            assert_eq!(source, "http");
            if let Some(refused) = &self.answer {
                return Err(refused.clone());
            }
            let texts = (0..batch.messages.len()).map(|at| String::from_utf8_lossy(batch.message(at)).into_owned());
            self.taken.lock().unwrap().extend(texts);
            Ok(Taken { messages: batch.messages.len(), undecodable: 0 })
        }
    }

    async fn send(
        answer: Option<Refused>,
        headers: &[(&str, &str)],
        body: Vec<u8>,
    ) -> (StatusCode, HeaderMap, String, Vec<String>) {
        let intake = Arc::new(Fake { answer, taken: Mutex::new(Vec::new()) });
        let admit = |bearer: Option<&str>| bearer == Some("right");
        let settings = HttpSettings { max_body_bytes: 1_000, ..HttpSettings::default() };
        let router = router("http", &settings, Arc::new(admit), intake.clone());
        let mut request = Request::post("/v1/ingest");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = router.oneshot(request.body(Body::from(body)).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        let text = String::from_utf8(to_bytes(body, 10_000).await.unwrap().to_vec()).unwrap();
        let taken = intake.taken.lock().unwrap().clone();
        (parts.status, parts.headers, text, taken)
    }

    const RIGHT: (&str, &str) = ("authorization", "Bearer right");

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[tokio::test]
    async fn lines_and_envelopes_are_taken_in() {
        let (status, _, text, taken) = send(None, &[RIGHT], b"{\"a\":1}\n{\"b\":2}\n".to_vec()).await;
        assert_eq!((status.as_u16(), text.as_str()), (202, "{\"accepted\":2,\"undecodable\":0}"));
        assert_eq!(taken, ["{\"a\":1}", "{\"b\":2}"]);
        let envelope = "{\n  \"records\": [\n    {}\n  ]\n}";
        assert_eq!(send(None, &[RIGHT], envelope.into()).await.3, [envelope]);
    }

    #[tokio::test]
    async fn a_wrong_or_missing_token_is_refused_before_the_body_is_read() {
        for headers in [&[][..], &[("authorization", "Bearer wrong")], &[("authorization", "Basic right")]] {
            let (status, answer, text, _) = send(None, headers, vec![b'x'; 5_000]).await;
            assert_eq!(status, StatusCode::UNAUTHORIZED);
            assert_eq!(answer[WWW_AUTHENTICATE], "Bearer");
            assert!(!text.contains("wrong"), "{text}");
        }
    }

    /// Knows one who may send, one who may not, and one address that was wrong too often; keeps what it hears.
    #[derive(Default)]
    struct Keeper(Mutex<Vec<(&'static str, Option<String>)>>);

    impl Admit for Keeper {
        fn admit(&self, bearer: Option<&str>, from: Option<IpAddr>) -> Result<String, Unwelcome> {
            match bearer {
                Some("right") => Ok("fleet".to_owned()),
                Some("reads") => Err(Unwelcome::NoRole("dana".to_owned())),
                _ if from.is_some() => Err(Unwelcome::TooOften(Duration::from_secs(5))),
                _ => Err(Unwelcome::Unknown),
            }
        }

        fn turned_away(&self, away: &Away<'_>) {
            self.0.lock().unwrap().push((away.reason.name(), away.who.map(str::to_owned)));
        }
    }

    #[tokio::test]
    async fn whatever_is_not_taken_in_is_told_once_with_why_and_whose_it_was() {
        let keeper = Arc::new(Keeper::default());
        let intake = Arc::new(Fake { answer: None, taken: Mutex::new(Vec::new()) });
        let settings = HttpSettings { max_body_bytes: 1_000, ..HttpSettings::default() };
        let router = router("http", &settings, keeper.clone(), intake);
        let mut answered = Vec::new();
        for path in ["/v1/ingest", "/v1/logs"] {
            for (token, from, length) in [
                ("right", false, 2),
                ("right", false, 1_001),
                ("reads", false, 2),
                ("wrong", false, 2),
                ("wrong", true, 2),
            ] {
                let mut request = Request::post(path)
                    .header("authorization", format!("Bearer {token}"))
                    .header("content-type", "application/json")
                    .body(Body::from(if length == 2 { "{}".to_owned() } else { "x".repeat(length) }))
                    .unwrap();
                if from {
                    request.extensions_mut().insert(ConnectInfo(SocketAddr::from(([203, 0, 113, 7], 1))));
                }
                let answer = router.clone().oneshot(request).await.unwrap();
                let again = answer.headers().get(RETRY_AFTER).map(|after| after.to_str().unwrap().to_owned());
                answered.push((answer.status().as_u16(), again));
            }
        }
        let six = Some("6".to_owned());
        let answers = |taken| [(taken, None), (413, None), (403, None), (401, None), (429, six.clone())];
        assert_eq!(answered, [answers(202), answers(200)].concat());
        let told = [("too_large", Some("fleet")), ("role", Some("dana")), ("token", None), ("too_often", None)];
        let told: Vec<_> = told.iter().map(|(reason, who)| (*reason, who.map(str::to_owned))).collect();
        assert_eq!(*keeper.0.lock().unwrap(), [told.clone(), told].concat());
    }

    #[tokio::test]
    async fn a_body_is_bounded_before_and_after_it_is_uncompressed() {
        assert_eq!(send(None, &[RIGHT], vec![b'x'; 1_001]).await.0, StatusCode::PAYLOAD_TOO_LARGE);
        let compressed = [RIGHT, ("content-encoding", "gzip")];
        let (status, _, text, _) = send(None, &compressed, gzip(&vec![b'x'; 100_000])).await;
        assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
        assert!(text.contains("1000 bytes"), "{text}");
        assert_eq!(send(None, &compressed, gzip(b"{}\n")).await.3, ["{}"]);
        assert_eq!(send(None, &compressed, b"{}\n".to_vec()).await.0, StatusCode::BAD_REQUEST);
        let loud = [RIGHT, ("content-encoding", "GZIP")];
        assert_eq!(send(None, &loud, gzip(b"{}\n")).await.3, ["{}"], "codings have no case");
        assert_eq!(send(None, &[RIGHT, ("content-encoding", "br")], Vec::new()).await.0.as_u16(), 415);
    }

    #[tokio::test]
    async fn an_exporter_with_a_wrong_path_is_told_the_right_one() {
        let protobuf = [RIGHT, ("content-type", "application/x-protobuf; charset=utf-8")];
        let (status, _, text, taken) = send(None, &protobuf, b"\x0a\x00".to_vec()).await;
        assert_eq!((status.as_u16(), taken.len()), (415, 0));
        assert!(text.contains("/v1/logs"), "{text}");
        let stranger = send(None, &protobuf[1..], Vec::new()).await.0;
        assert_eq!(stranger, StatusCode::UNAUTHORIZED, "who may not send hears of nothing else");
    }

    #[tokio::test]
    async fn what_is_nothing_or_never_fits_is_not_asked_for_again() {
        for (refused, expected) in [(Refused::Unreadable("no".into()), 400), (Refused::TooLarge("no".into()), 413)] {
            let (status, headers, ..) = send(Some(refused), &[RIGHT], b"{}".to_vec()).await;
            assert_eq!((status.as_u16(), headers.get(RETRY_AFTER)), (expected, None));
        }
    }

    #[tokio::test]
    async fn a_full_spool_says_when_to_come_again() {
        let full = Refused::Full { retry_after: Duration::from_secs(7) };
        let (status, headers, ..) = send(Some(full), &[RIGHT], b"{}".to_vec()).await;
        assert_eq!((status.as_u16(), headers[RETRY_AFTER].to_str().unwrap()), (429, "7"));
        let failing = Refused::Unavailable("The disk is full.".to_owned());
        let (status, headers, text, _) = send(Some(failing), &[RIGHT], b"{}".to_vec()).await;
        assert_eq!((status.as_u16(), headers[RETRY_AFTER].to_str().unwrap()), (503, "1"));
        assert!(text.contains("The disk is full."), "{text}");
    }
}
