//! What stands in a request's body, and how much may?
//!
//! A body arrives within [`PATIENCE`], and has a ceiling of bytes before and after it is
//! uncompressed. It has one of messages as well, [`MESSAGES`]: a message costs far more memory and
//! work than the two bytes that a line may have.

use std::io::Read;
use std::time::Duration;

use axum::body::Body;
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use futures_util::StreamExt as _;

use super::{Denied, Refused};
use crate::sources::admit::Reason;
use crate::sources::file::{FileReader, ReadState};
use crate::telemetry::Batch;

/// How long a body may take to arrive.
const PATIENCE: Duration = Duration::from_secs(30);
/// How many messages a body may have; and how many records that can't be read.
pub const MESSAGES: usize = 50_000;
/// How many bytes of messages are read between two looks at how many there are.
const STEP: usize = 16 << 10;

/// Returns the messages in `body`: its lines, or the JSON documents over many lines in it.
///
/// Fails with [`Refused::Unscannable`] at a document that is longer than any may be, and with
/// [`Refused::TooLarge`] at more than [`MESSAGES`].
pub fn messages(body: Vec<u8>) -> Result<Batch, Refused> {
    let mut batch = Batch::default();
    let mut reader = FileReader::over(body);
    loop {
        let upto = batch.bytes.len() + STEP;
        let state = reader.read(&mut batch, upto).map_err(|error| Refused::Unscannable(error.to_string()))?;
        if batch.messages.len() > MESSAGES {
            return Err(Refused::TooLarge(format!(
                "A body may have {MESSAGES} messages, one a line: send several smaller ones. Nothing of this one was kept."
            )));
        }
        if state == ReadState::End {
            return Ok(batch);
        }
    }
}

/// Says so if the body is meant for `/v1/logs`: its bytes would pass for lines that nobody can read.
pub(super) fn lines_or_json(headers: &HeaderMap) -> Result<(), Denied> {
    let value = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = value.split(';').next().unwrap_or_default().trim();
    if ["application/x-protobuf", "application/protobuf"].iter().any(|other| essence.eq_ignore_ascii_case(other)) {
        let text = "Here lines of JSON are taken, no protobuf: an export of OpenTelemetry belongs at /v1/logs.";
        return Err(Denied::new(Reason::Media, text));
    }
    Ok(())
}

/// Returns the whole body, uncompressed.
pub(super) async fn uncompressed(headers: &HeaderMap, body: Body, limit: usize) -> Result<Vec<u8>, Denied> {
    let coding = headers.get(CONTENT_ENCODING).map_or("", |value| value.to_str().unwrap_or("?").trim());
    let gzip = match coding.to_ascii_lowercase().as_str() {
        "" | "identity" => false,
        "gzip" | "x-gzip" => true,
        _ => {
            let text = "This Content-Encoding is not known: send gzip, or nothing compressed.";
            return Err(Denied::new(Reason::Media, text));
        }
    };
    let Ok(received) = tokio::time::timeout(PATIENCE, received(body, limit)).await else {
        return Err(Denied::new(Reason::Slow, "The body did not arrive within 30 seconds."));
    };
    let mut bytes = received?;
    if gzip {
        let compressed = std::mem::take(&mut bytes);
        let decoder = flate2::read::MultiGzDecoder::new(&compressed[..]);
        let most = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
        if decoder.take(most).read_to_end(&mut bytes).is_err() {
            let text = "The body says it is gzip, and is not, or ends too soon.";
            return Err(Denied::new(Reason::Malformed, text));
        }
        if bytes.len() > limit {
            return Err(Denied::too_large(limit));
        }
    }
    Ok(bytes)
}

/// Returns the body as it arrives, to its end.
async fn received(body: Body, limit: usize) -> Result<Vec<u8>, Denied> {
    let mut chunks = body.into_data_stream();
    let mut bytes = Vec::new();
    while let Some(chunk) = chunks.next().await {
        let Ok(chunk) = chunk else {
            let text = "The body breaks off, or is not chunked as it says; nothing of it was kept.";
            return Err(Denied::new(Reason::Malformed, text));
        };
        if bytes.len() + chunk.len() > limit {
            return Err(Denied::too_large(limit));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_has_a_ceiling_of_messages_however_short_they_are() {
        assert_eq!(messages(b"1\n".repeat(MESSAGES)).map(|batch| batch.messages.len()), Ok(MESSAGES));
        let Err(Refused::TooLarge(text)) = messages(b"1\n".repeat(MESSAGES + 1)) else { panic!("it is taken in") };
        assert!(text.contains("several smaller ones"), "{text}");
    }

    #[tokio::test]
    async fn a_sender_who_hangs_up_is_not_told_that_the_body_is_too_large() {
        let broken = [Ok("{}"), Err(std::io::Error::from(std::io::ErrorKind::UnexpectedEof))];
        let body = Body::from_stream(futures_util::stream::iter(broken));
        let denied = uncompressed(&HeaderMap::new(), body, 1_000).await.err().map(|denied| denied.reason);
        assert_eq!(denied, Some(Reason::Malformed));
    }
}
