//! How are records taken in over HTTP?
//!
//! `POST /v1/ingest` takes lines of JSON or Azure's envelope, `POST /v1/logs` an OTLP export
//! ([`super::otlp`]), gzip or not. They answer `202` and `200` only once the [`Intake`] has redacted
//! and durably kept what came; whatever else they answer, nothing was kept. A body has a ceiling
//! before and after it is uncompressed, as many requests as [`AT_ONCE`] are in work, and a body that
//! trickles in is given up after [`PATIENCE`].

use std::io::Read;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::State;
use axum::http::header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use serde::{Deserialize, Serialize};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::file::{FileReader, ReadState};
use super::otlp;
use crate::telemetry::Batch;

/// How many requests are in work at once; others are told to come again.
const AT_ONCE: usize = 64;
/// How long a body may take to arrive.
const PATIENCE: Duration = Duration::from_secs(30);
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

/// Says who may send.
pub trait Admit: Send + Sync {
    /// Tells whether `bearer`, the token of the `Authorization` header, may send records.
    fn admit(&self, bearer: Option<&str>) -> bool;
}

impl<F: Fn(Option<&str>) -> bool + Send + Sync> Admit for F {
    fn admit(&self, bearer: Option<&str>) -> bool {
        self(bearer)
    }
}

/// Redacts bodies and keeps them durably: the pipeline's side.
pub trait Intake: Send + Sync {
    /// Takes in the messages of `batch` for the source called `source`; returns what became of
    /// them, once they are on disk. All of them or none. May block.
    fn accept(&self, batch: &Batch, source: &str) -> Result<Taken, Refused>;
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

/// Returns the messages in `body`: its lines, or the JSON documents over many lines in it.
///
/// Fails with [`Refused::Unscannable`] at a document that is longer than any may be.
pub fn messages(body: Vec<u8>) -> Result<Batch, Refused> {
    let mut batch = Batch::default();
    let mut reader = FileReader::over(body);
    loop {
        match reader.read(&mut batch, usize::MAX) {
            Ok(ReadState::More) => {}
            Ok(ReadState::End) => return Ok(batch),
            Err(error) => return Err(Refused::Unscannable(error.to_string())),
        }
    }
}

async fn take_in(State(ingest): State<Arc<Ingest>>, headers: HeaderMap, body: Body) -> Response {
    let taken = async {
        let (place, body) = ingest.receive(&headers, body).await?;
        ingest.keep(place, move |ingest| ingest.accept(&messages(body)?)).await
    };
    match taken.await {
        Ok(taken) => {
            let text = format!("{{\"accepted\":{}}}", taken.messages);
            (StatusCode::ACCEPTED, [(CONTENT_TYPE, "application/json")], text).into_response()
        }
        Err(denied) => denied.problem(),
    }
}

impl Ingest {
    /// Returns the whole body, uncompressed, and the request's place among those in work; or why
    /// that can't be.
    pub(super) async fn receive(
        &self,
        headers: &HeaderMap,
        body: Body,
    ) -> Result<(OwnedSemaphorePermit, Vec<u8>), Denied> {
        let bearer = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).and_then(bearer);
        if !self.admit.admit(bearer) {
            let text = "A token that may send records is needed: make one with `gatewatch token create` and send it \
                        as Authorization: Bearer TOKEN.";
            return Err(Denied::new(StatusCode::UNAUTHORIZED, text));
        }
        let Ok(place) = self.places.clone().try_acquire_owned() else {
            let text = "Too many requests are being taken in at once; nothing of this one was kept.";
            return Err(Denied::later(StatusCode::SERVICE_UNAVAILABLE, AGAIN, text));
        };
        Ok((place, uncompressed(headers, body, self.limit).await?))
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
            Err(Denied::later(StatusCode::SERVICE_UNAVAILABLE, AGAIN, text))
        })
    }

    /// Redacts the messages of `batch` and keeps them.
    pub(super) fn accept(&self, batch: &Batch) -> Result<Taken, Denied> {
        Ok(self.intake.accept(batch, &self.source)?)
    }
}

/// Why a request is not taken in; nothing of it was kept.
pub(super) struct Denied {
    /// What to answer.
    pub(super) status: StatusCode,
    /// What a person should know, without a value of the body.
    pub(super) detail: String,
    again: Option<Duration>,
}

impl Denied {
    /// Returns a denial for good.
    pub(super) fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self { status, detail: detail.into(), again: None }
    }

    fn later(status: StatusCode, after: Duration, detail: impl Into<String>) -> Self {
        Self { again: Some(after), ..Self::new(status, detail) }
    }

    fn too_large(limit: usize) -> Self {
        let text = format!(
            "A body may have {limit} bytes, also when uncompressed: send several smaller ones, or raise max_body_bytes."
        );
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, text)
    }

    /// Returns the answer with `body`.
    pub(super) fn answer(&self, content_type: &'static str, body: Vec<u8>) -> Response {
        let mut answer = (self.status, [(CONTENT_TYPE, content_type)], body).into_response();
        if let Some(after) = self.again {
            answer.headers_mut().insert(RETRY_AFTER, after.as_secs().max(1).into());
        }
        if self.status == StatusCode::UNAUTHORIZED {
            answer.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        answer
    }

    /// Returns the answer as RFC 9457 describes problems.
    fn problem(&self) -> Response {
        let title = self.status.canonical_reason().unwrap_or_default();
        let body = serde_json::json!({ "status": self.status.as_u16(), "title": title, "detail": self.detail });
        self.answer("application/problem+json", body.to_string().into_bytes())
    }
}

impl From<Refused> for Denied {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Full { retry_after } => {
                let text =
                    "What was sent before has not been worked off yet; nothing of this was kept. Send it again later.";
                Self::later(StatusCode::TOO_MANY_REQUESTS, retry_after, text)
            }
            Refused::Unscannable(why) => Self::new(StatusCode::UNPROCESSABLE_ENTITY, why),
            Refused::Unavailable(why) => Self::later(StatusCode::SERVICE_UNAVAILABLE, AGAIN, why),
        }
    }
}

/// Returns the whole body, uncompressed.
async fn uncompressed(headers: &HeaderMap, body: Body, limit: usize) -> Result<Vec<u8>, Denied> {
    let gzip = match headers.get(CONTENT_ENCODING).map(|value| value.to_str().unwrap_or("?").trim()) {
        None | Some("" | "identity") => false,
        Some("gzip" | "x-gzip") => true,
        Some(_) => {
            let text = "This Content-Encoding is not known: send gzip, or nothing compressed.";
            return Err(Denied::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, text));
        }
    };
    let received = tokio::time::timeout(PATIENCE, to_bytes(body, limit)).await;
    let Ok(received) = received else {
        return Err(Denied::new(StatusCode::REQUEST_TIMEOUT, "The body did not arrive within 30 seconds."));
    };
    let Ok(received) = received else { return Err(Denied::too_large(limit)) };
    let mut bytes = Vec::from(received);
    if gzip {
        let compressed = std::mem::take(&mut bytes);
        let decoder = flate2::read::MultiGzDecoder::new(&compressed[..]);
        let most = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
        if decoder.take(most).read_to_end(&mut bytes).is_err() {
            let text = "The body says it is gzip, and is not, or ends too soon.";
            return Err(Denied::new(StatusCode::BAD_REQUEST, text));
        }
        if bytes.len() > limit {
            return Err(Denied::too_large(limit));
        }
    }
    Ok(bytes)
}

fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::Mutex;

    use axum::http::Request;
    use tower::ServiceExt;

    use super::*;

    /// Takes in what it is told to, and remembers the messages.
    struct Fake {
        answer: Option<Refused>,
        taken: Mutex<Vec<String>>,
    }

    impl Intake for Fake {
        fn accept(&self, batch: &Batch, source: &str) -> Result<Taken, Refused> {
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
        assert_eq!((status.as_u16(), text.as_str()), (202, "{\"accepted\":2}"));
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

    #[tokio::test]
    async fn a_body_is_bounded_before_and_after_it_is_uncompressed() {
        assert_eq!(send(None, &[RIGHT], vec![b'x'; 1_001]).await.0, StatusCode::PAYLOAD_TOO_LARGE);
        let compressed = [RIGHT, ("content-encoding", "gzip")];
        let (status, _, text, _) = send(None, &compressed, gzip(&vec![b'x'; 100_000])).await;
        assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
        assert!(text.contains("1000 bytes"), "{text}");
        assert_eq!(send(None, &compressed, gzip(b"{}\n")).await.3, ["{}"]);
        assert_eq!(send(None, &compressed, b"{}\n".to_vec()).await.0, StatusCode::BAD_REQUEST);
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
