//! How are log records of OpenTelemetry taken in?
//!
//! `POST /v1/logs` takes an export (OTLP/HTTP) as protobuf or as JSON and keeps it as one message in
//! OTLP's JSON, the form in which the collector's Kafka exporter writes it too: what is decoded is the
//! same, wherever it came from. A resource is kept once an export, not once a record, so a message
//! is never much longer than what was sent. A record that makes no sense as protobuf is left out
//! and counted in the answer's partial success; so is one that can't be decoded, which is kept all
//! the same, as a dead letter.

mod wire;

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use prost::Message;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::admit::Reason;
use super::http::{Denied, Ingest, Sender, Taken, Wanted};
use crate::telemetry::{Batch, StreamId};

pub use wire::Malformed;

/// The two encodings of OTLP/HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// `application/x-protobuf`.
    Protobuf,
    /// `application/json`.
    Json,
}

/// An export in OTLP's JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Export {
    /// The export.
    pub json: Vec<u8>,
    /// How many log records are in it.
    pub records: usize,
    /// How many were left out because their protobuf makes no sense.
    pub left_out: usize,
}

/// Reads an export of logs; the memory it takes is a small multiple of the body.
///
/// Fails if it is none: then nothing of it can be told apart.
pub fn read(body: Vec<u8>, encoding: Encoding) -> Result<Export, Malformed> {
    match encoding {
        Encoding::Protobuf => wire::translate(body),
        Encoding::Json => {
            let text = std::str::from_utf8(&body).map_err(|error| Malformed(format!("it is not UTF-8: {error}")))?;
            let export: Json = serde_json::from_str(text).map_err(|error| malformed(&error))?;
            // Whatever else may be added one day: one that has only that is meant for somebody else.
            if export.resource_logs.is_none() && !text.split_ascii_whitespace().eq(["{}"]) {
                return Err(Malformed("it has no resourceLogs".to_owned()));
            }
            let records = export.records();
            Ok(Export { json: body, records, left_out: 0 })
        }
    }
}

/// Says where it is wrong and how, but not what stands there.
fn malformed(error: &serde_json::Error) -> Malformed {
    let how = match error.classify() {
        serde_json::error::Category::Data => "it is JSON, but no ExportLogsServiceRequest",
        serde_json::error::Category::Eof => "it ends too soon",
        _ => "it is not JSON",
    };
    Malformed(format!("{how} (line {}, column {})", error.line(), error.column()))
}

/// As much of an export's shape as must hold for its records to be told apart.
#[derive(Deserialize)]
struct Json {
    #[serde(default, rename = "resourceLogs")]
    resource_logs: Option<Vec<JsonResource>>,
}

#[derive(Deserialize)]
struct JsonResource {
    #[serde(default, rename = "scopeLogs")]
    scope_logs: Option<Vec<JsonScope>>,
}

#[derive(Deserialize)]
struct JsonScope {
    #[serde(default, rename = "logRecords")]
    log_records: Option<Vec<IgnoredAny>>,
}

impl Json {
    fn records(&self) -> usize {
        let scopes = self.resource_logs.iter().flatten().flat_map(|resource| resource.scope_logs.iter().flatten());
        scopes.map(|scope| scope.log_records.as_ref().map_or(0, Vec::len)).sum()
    }
}

/// Answers `POST /v1/logs`.
pub(super) async fn take_in(State(ingest): State<Arc<Ingest>>, sender: Sender, body: Body) -> Response {
    let known = encoding(&sender.headers);
    let mut who = None;
    let taken = async {
        let Some(encoding) = known else {
            return Err(Denied::new(Reason::Media, "Send application/x-protobuf or application/json."));
        };
        let (place, body) = ingest.receive(&sender, &mut who, |_| Ok(()), body).await?;
        ingest.keep(place, move |ingest| keep(ingest, body, encoding)).await
    };
    let taken = taken.await;
    let encoding = known.unwrap_or(Encoding::Json);
    match taken {
        Ok(rejected) => accepted(rejected, encoding),
        Err(denied) => {
            ingest.turned_away(&denied, &sender, who.as_deref());
            status(&denied, encoding)
        }
    }
}

/// Keeps the export; returns how many records were left out or can't be decoded.
fn keep(ingest: &Ingest, body: Vec<u8>, encoding: Encoding) -> Result<usize, Denied> {
    let export = read(body, encoding).map_err(|Malformed(why)| {
        Denied::new(Reason::Malformed, format!("The body is no export of logs: {why}. Nothing of it was kept."))
    })?;
    if export.records == 0 {
        return Ok(export.left_out);
    }
    let mut batch = Batch::default();
    let next = i64::try_from(export.json.len()).unwrap_or(i64::MAX);
    batch.push(&export.json, StreamId(0), 0, next, None);
    let Taken { undecodable, .. } = ingest.accept(&batch, Wanted::Nothing)?;
    Ok(export.left_out + undecodable)
}

fn encoding(headers: &HeaderMap) -> Option<Encoding> {
    let value = headers.get(CONTENT_TYPE)?.to_str().ok()?;
    let essence = value.split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case("application/x-protobuf") {
        Some(Encoding::Protobuf)
    } else if essence.eq_ignore_ascii_case("application/json") {
        Some(Encoding::Json)
    } else {
        None
    }
}

impl Encoding {
    fn content_type(self) -> &'static str {
        match self {
            Self::Protobuf => "application/x-protobuf",
            Self::Json => "application/json",
        }
    }
}

/// Answers with an `ExportLogsServiceResponse`.
fn accepted(rejected: usize, encoding: Encoding) -> Response {
    let why = "They could not be read as log records; do not send them again.";
    let body = match (encoding, rejected) {
        (Encoding::Protobuf, 0) => Vec::new(),
        (Encoding::Json, 0) => b"{}".to_vec(),
        (Encoding::Protobuf, _) => {
            let rejected_log_records = i64::try_from(rejected).unwrap_or(i64::MAX);
            let partial = wire::PartialSuccess { rejected_log_records, error_message: why.to_owned() };
            wire::Answer { partial_success: Some(partial) }.encode_to_vec()
        }
        (Encoding::Json, _) => {
            let partial = serde_json::json!({ "rejectedLogRecords": rejected.to_string(), "errorMessage": why });
            serde_json::json!({ "partialSuccess": partial }).to_string().into_bytes()
        }
    };
    (StatusCode::OK, [(CONTENT_TYPE, encoding.content_type())], body).into_response()
}

/// Answers with a `google.rpc.Status`, as OTLP has it.
fn status(denied: &Denied, encoding: Encoding) -> Response {
    let code = match denied.reason.status() {
        StatusCode::UNAUTHORIZED => 16,
        StatusCode::FORBIDDEN => 7,
        StatusCode::TOO_MANY_REQUESTS | StatusCode::PAYLOAD_TOO_LARGE => 8,
        StatusCode::SERVICE_UNAVAILABLE => 14,
        StatusCode::REQUEST_TIMEOUT => 4,
        _ => 3,
    };
    let body = match encoding {
        Encoding::Protobuf => wire::Status { code, message: denied.detail.clone() }.encode_to_vec(),
        Encoding::Json => serde_json::json!({ "code": code, "message": denied.detail }).to_string().into_bytes(),
    };
    denied.answer(encoding.content_type(), body)
}

#[cfg(test)]
mod tests;
