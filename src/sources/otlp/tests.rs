//! What OTLP/HTTP answers, and that whatever is encoded comes out as it was.

use std::io::Write;
use std::sync::Mutex;
use std::time::Duration;

use axum::body::to_bytes;
use axum::http::Request;
use axum::http::header::RETRY_AFTER;
use proptest::prelude::*;
use prost::bytes::Bytes;
use tower::ServiceExt;

use super::super::http::{HttpSettings, Intake, Refused, router};
use super::wire::{AnyValue, KeyValue, LogRecord, Request as Export, Resource, ResourceLogs, ScopeLogs, Several};
use super::*;

/// Takes in what it is told to, and remembers the messages.
struct Fake {
    answer: Option<Refused>,
    undecodable: usize,
    taken: Mutex<Vec<String>>,
}

impl Intake for Fake {
    fn accept(&self, batch: &Batch, _source: &str, _: Wanted) -> Result<Taken, Refused> {
        if let Some(refused) = &self.answer {
            return Err(refused.clone());
        }
        let texts = (0..batch.messages.len()).map(|at| String::from_utf8_lossy(batch.message(at)).into_owned());
        self.taken.lock().unwrap().extend(texts);
        Ok(Taken { messages: batch.messages.len(), undecodable: self.undecodable })
    }
}

fn fake() -> Fake {
    Fake { answer: None, undecodable: 0, taken: Mutex::new(Vec::new()) }
}

async fn send(fake: Fake, headers: &[(&str, &str)], body: Vec<u8>) -> (StatusCode, HeaderMap, Vec<u8>, Vec<String>) {
    let intake = Arc::new(fake);
    let admit = |bearer: Option<&str>| bearer == Some("right");
    let settings = HttpSettings { max_body_bytes: 1_000, ..HttpSettings::default() };
    let router = router("http", &settings, Arc::new(admit), intake.clone());
    let mut request = Request::post("/v1/logs");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = router.oneshot(request.body(Body::from(body)).unwrap()).await.unwrap();
    let (parts, body) = response.into_parts();
    let taken = intake.taken.lock().unwrap().clone();
    (parts.status, parts.headers, to_bytes(body, 10_000).await.unwrap().to_vec(), taken)
}

const RIGHT: (&str, &str) = ("authorization", "Bearer right");
const PROTOBUF: (&str, &str) = ("content-type", "application/x-protobuf");
const JSON: (&str, &str) = ("content-type", "application/json; charset=utf-8");

fn bytes(message: &impl Message) -> Bytes {
    message.encode_to_vec().into()
}

fn text(text: &str) -> AnyValue {
    AnyValue { string: Some(Bytes::copy_from_slice(text.as_bytes())), ..AnyValue::default() }
}

fn attribute(key: &str, value: &AnyValue) -> Bytes {
    bytes(&KeyValue { key: Bytes::copy_from_slice(key.as_bytes()), value: Some(bytes(value)) })
}

fn export(records: Vec<Bytes>) -> Vec<u8> {
    let resource = Resource { attributes: vec![attribute("service.name", &text("fn-orders"))] };
    let scope_logs = vec![bytes(&ScopeLogs { scope: None, log_records: records })];
    let logs = ResourceLogs { resource: Some(bytes(&resource)), scope_logs };
    Export { resource_logs: vec![bytes(&logs)] }.encode_to_vec()
}

fn said(body: &str) -> LogRecord {
    LogRecord { time: 1_772_438_400_000_000_000, body: Some(bytes(&text(body))), ..LogRecord::default() }
}

#[tokio::test]
async fn both_encodings_are_taken_in_as_one_message() {
    let (status, headers, body, taken) = send(fake(), &[RIGHT, PROTOBUF], export(vec![bytes(&said("hi"))])).await;
    assert_eq!((status.as_u16(), headers[CONTENT_TYPE].to_str().unwrap(), body), (200, PROTOBUF.1, vec![]));
    let json = r#"{"resourceLogs":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"fn-orders"}}]},"scopeLogs":[{"logRecords":[{"timeUnixNano":"1772438400000000000","body":{"stringValue":"hi"}}]}]}]}"#;
    assert_eq!(taken, [json]);
    let (status, headers, body, taken) = send(fake(), &[RIGHT, JSON], json.into()).await;
    assert_eq!(
        (status.as_u16(), headers[CONTENT_TYPE].to_str().unwrap(), &body[..]),
        (200, "application/json", &b"{}"[..])
    );
    assert_eq!(taken, [json]);
}

#[tokio::test]
async fn an_export_may_be_compressed_but_is_no_bomb() {
    let gzip = |bytes: &[u8]| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    };
    let headers = [RIGHT, PROTOBUF, ("content-encoding", "gzip")];
    assert_eq!(send(fake(), &headers, gzip(&export(vec![bytes(&said("hi"))]))).await.3.len(), 1);
    let (status, _, body, taken) =
        send(fake(), &headers, gzip(&export(vec![bytes(&said(&"x".repeat(100_000)))]))).await;
    assert_eq!((status, taken.len()), (StatusCode::PAYLOAD_TOO_LARGE, 0));
    assert!(wire::Status::decode(&body[..]).unwrap().message.contains("1000 bytes"));
}

#[tokio::test]
async fn what_is_no_export_is_refused_in_its_own_encoding() {
    let (status, headers, body, taken) = send(fake(), &[RIGHT, PROTOBUF], b"\xff\xff".to_vec()).await;
    assert_eq!((status, headers[CONTENT_TYPE].to_str().unwrap()), (StatusCode::BAD_REQUEST, PROTOBUF.1));
    assert!(wire::Status::decode(&body[..]).unwrap().message.contains("protobuf") && taken.is_empty());
    for (body, why) in [
        ("{\"resourceLogs\":[", "ends too soon"),
        ("secret!", "not JSON"),
        ("{\"resourceSpans\":[]}", "no resourceLogs"),
        ("{\"resourceLogs\":7}", "no Export"),
    ] {
        let (status, _, answer, _) = send(fake(), &[RIGHT, JSON], body.into()).await;
        let answer = String::from_utf8(answer).unwrap();
        assert!(status == StatusCode::BAD_REQUEST && answer.contains(why) && !answer.contains("secret"), "{answer}");
    }
    let (status, ..) = send(fake(), &[RIGHT, ("content-type", "text/plain")], vec![]).await;
    assert_eq!(status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let (status, headers, ..) = send(fake(), &[PROTOBUF], vec![]).await;
    assert_eq!((status, headers["www-authenticate"].to_str().unwrap()), (StatusCode::UNAUTHORIZED, "Bearer"));
}

#[tokio::test]
async fn a_full_spool_says_when_to_come_again() {
    let full = Fake { answer: Some(Refused::Full { retry_after: Duration::from_secs(7) }), ..fake() };
    let (status, headers, ..) = send(full, &[RIGHT, PROTOBUF], export(vec![bytes(&said("hi"))])).await;
    assert_eq!((status.as_u16(), headers[RETRY_AFTER].to_str().unwrap()), (429, "7"));
}

#[tokio::test]
async fn an_empty_export_is_a_success_and_keeps_nothing() {
    for (headers, body) in [([RIGHT, PROTOBUF], Vec::new()), ([RIGHT, JSON], b"{}".to_vec())] {
        let (status, _, _, taken) = send(fake(), &headers, body).await;
        assert_eq!((status, taken.len()), (StatusCode::OK, 0));
    }
}

#[tokio::test]
async fn records_that_cannot_be_read_are_told_as_a_partial_success() {
    let body = export(vec![bytes(&said("one")), Bytes::from_static(b"\x09\x01"), bytes(&said("two"))]);
    let (status, _, answer, taken) = send(Fake { undecodable: 2, ..fake() }, &[RIGHT, PROTOBUF], body).await;
    assert_eq!(status, StatusCode::OK);
    let partial = wire::Answer::decode(&answer[..]).unwrap().partial_success.unwrap();
    assert_eq!(partial.rejected_log_records, 3);
    assert!(taken[0].contains("one") && taken[0].contains("two"), "{taken:?}");
    let one = br#"{"resourceLogs":[{"scopeLogs":[{"logRecords":[7]}]}]}"#.to_vec();
    let answer = send(Fake { undecodable: 1, ..fake() }, &[RIGHT, JSON], one).await.2;
    let answer: serde_json::Value = serde_json::from_slice(&answer).unwrap();
    assert_eq!(answer["partialSuccess"]["rejectedLogRecords"], "1");
}

/// What `record` becomes as JSON.
fn written(record: &LogRecord) -> serde_json::Value {
    let export = read(export(vec![bytes(record)]), Encoding::Protobuf).unwrap();
    let json: serde_json::Value = serde_json::from_slice(&export.json).unwrap();
    json["resourceLogs"][0]["scopeLogs"][0]["logRecords"][0].clone()
}

#[test]
fn bytes_that_are_text_can_be_searched_and_texts_that_are_not_utf8_are_kept() {
    let of =
        |value: AnyValue| written(&LogRecord { body: Some(bytes(&value)), ..LogRecord::default() })["body"].clone();
    let hidden = AnyValue { bytes: Some(Bytes::from_static(b"code=1")), ..AnyValue::default() };
    assert_eq!(of(hidden), serde_json::json!({ "stringValue": "code=1" }));
    let binary = AnyValue { bytes: Some(Bytes::from_static(b"\xff\x00")), ..AnyValue::default() };
    assert_eq!(of(binary), serde_json::json!({ "bytesValue": "/wA=" }));
    let broken = AnyValue { string: Some(Bytes::from_static(b"a\xffb")), ..AnyValue::default() };
    assert_eq!(of(broken), serde_json::json!({ "stringValue": "a\u{fffd}b" }));
}

#[test]
fn numbers_are_written_as_otlps_json_has_them() {
    let of =
        |value: AnyValue| written(&LogRecord { body: Some(bytes(&value)), ..LogRecord::default() })["body"].to_string();
    assert_eq!(of(AnyValue { int: Some(-1), ..AnyValue::default() }), r#"{"intValue":"-1"}"#);
    assert_eq!(of(AnyValue { bool: Some(false), ..AnyValue::default() }), r#"{"boolValue":false}"#);
    assert_eq!(of(AnyValue { double: Some(0.5), ..AnyValue::default() }), r#"{"doubleValue":0.5}"#);
    assert_eq!(
        of(AnyValue { double: Some(f64::NEG_INFINITY), ..AnyValue::default() }),
        r#"{"doubleValue":"-Infinity"}"#
    );
    assert_eq!(of(AnyValue { double: Some(f64::NAN), ..AnyValue::default() }), r#"{"doubleValue":"NaN"}"#);
}

fn any_value() -> impl Strategy<Value = AnyValue> {
    let some = |bytes: Vec<u8>| Some(Bytes::from(bytes));
    let leaf = prop_oneof![
        Just(AnyValue::default()),
        any::<Vec<u8>>().prop_map(move |bytes| AnyValue { string: some(bytes), ..AnyValue::default() }),
        any::<Vec<u8>>().prop_map(move |bytes| AnyValue { bytes: some(bytes), ..AnyValue::default() }),
        any::<i64>().prop_map(|int| AnyValue { int: Some(int), ..AnyValue::default() }),
        any::<f64>().prop_map(|double| AnyValue { double: Some(double), bool: Some(true), ..AnyValue::default() }),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(|values| {
                let values = values.iter().map(bytes).collect();
                AnyValue { array: Some(bytes(&Several { values })), ..AnyValue::default() }
            }),
            prop::collection::vec((".{0,6}", inner), 0..4).prop_map(|members| {
                let values = members.iter().map(|(key, value)| attribute(key, value)).collect();
                AnyValue { members: Some(bytes(&Several { values })), ..AnyValue::default() }
            }),
        ]
    })
}

fn log_record() -> impl Strategy<Value = LogRecord> {
    let attributes = prop::collection::vec((".{0,12}", any_value()), 0..4);
    (any::<(u64, i32, Vec<u8>, Vec<u8>, u32, u32)>(), any_value(), attributes).prop_map(|(own, body, attributes)| {
        LogRecord {
            time: own.0,
            severity: own.1,
            severity_text: own.2.into(),
            trace_id: own.3.into(),
            flags: own.4,
            dropped_attributes: own.5,
            body: Some(bytes(&body)),
            attributes: attributes.iter().map(|(key, value)| attribute(key, value)).collect(),
            ..LogRecord::default()
        }
    })
}

proptest! {
    // 256 is what there is unless PROPTEST_CASES says how many.
    #![proptest_config(ProptestConfig { cases: match ProptestConfig::default().cases { 256 => 200, told => told }, ..ProptestConfig::default() })]

    #[test]
    fn any_export_is_json_of_as_many_records(records in prop::collection::vec(log_record(), 0..6)) {
        let count = records.len();
        let export = read(export(records.iter().map(bytes).collect()), Encoding::Protobuf).unwrap();
        prop_assert_eq!((export.records, export.left_out), (count, 0));
        serde_json::from_slice::<serde_json::Value>(&export.json).unwrap();
    }

    #[test]
    fn any_bytes_are_an_export_or_none(body: Vec<u8>, cut in 0..200_usize) {
        for encoding in [Encoding::Protobuf, Encoding::Json] {
            let _ = read(body.clone(), encoding);
        }
        let mut whole = export(vec![bytes(&said("one")), bytes(&said("two"))]);
        whole.truncate(cut);
        if let Ok(export) = read(whole, Encoding::Protobuf) {
            serde_json::from_slice::<serde_json::Value>(&export.json).unwrap();
        }
    }
}
