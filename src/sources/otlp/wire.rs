//! From OTLP's protobuf to its JSON.
//!
//! Each level is decoded by itself, its inner messages left as bytes that borrow from the body: a
//! tree of a body of two-byte records would take hundreds of times its length. Texts that are not
//! UTF-8 come out with U+FFFD where they are not; bytes that are text come out as text, so that they
//! are searched for secrets like any, others as base64.

use std::io::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use prost::Message;
use prost::bytes::Bytes;

use super::Export;

/// How many values may lie in one another. What is deeper is left empty: the record is then nested
/// deeper than any may be, and becomes a dead letter.
const DEEPEST: usize = 24;

/// Why a body is no export of logs. Holds no value of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Malformed(pub String);

// The field numbers are those of opentelemetry-proto 1.x: logs/v1, resource/v1 and common/v1.

#[derive(Clone, PartialEq, Message)]
pub(super) struct Request {
    #[prost(bytes = "bytes", repeated, tag = "1")]
    pub(super) resource_logs: Vec<Bytes>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct ResourceLogs {
    #[prost(bytes = "bytes", optional, tag = "1")]
    pub(super) resource: Option<Bytes>,
    #[prost(bytes = "bytes", repeated, tag = "2")]
    pub(super) scope_logs: Vec<Bytes>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Resource {
    #[prost(bytes = "bytes", repeated, tag = "1")]
    pub(super) attributes: Vec<Bytes>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct ScopeLogs {
    #[prost(bytes = "bytes", optional, tag = "1")]
    pub(super) scope: Option<Bytes>,
    #[prost(bytes = "bytes", repeated, tag = "2")]
    pub(super) log_records: Vec<Bytes>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Scope {
    #[prost(bytes = "bytes", tag = "1")]
    pub(super) name: Bytes,
    #[prost(bytes = "bytes", tag = "2")]
    pub(super) version: Bytes,
    #[prost(bytes = "bytes", repeated, tag = "3")]
    pub(super) attributes: Vec<Bytes>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct LogRecord {
    #[prost(fixed64, tag = "1")]
    pub(super) time: u64,
    #[prost(int32, tag = "2")]
    pub(super) severity: i32,
    #[prost(bytes = "bytes", tag = "3")]
    pub(super) severity_text: Bytes,
    #[prost(bytes = "bytes", optional, tag = "5")]
    pub(super) body: Option<Bytes>,
    #[prost(bytes = "bytes", repeated, tag = "6")]
    pub(super) attributes: Vec<Bytes>,
    #[prost(uint32, tag = "7")]
    pub(super) dropped_attributes: u32,
    #[prost(fixed32, tag = "8")]
    pub(super) flags: u32,
    #[prost(bytes = "bytes", tag = "9")]
    pub(super) trace_id: Bytes,
    #[prost(bytes = "bytes", tag = "10")]
    pub(super) span_id: Bytes,
    #[prost(fixed64, tag = "11")]
    pub(super) observed: u64,
    #[prost(bytes = "bytes", tag = "12")]
    pub(super) event_name: Bytes,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct KeyValue {
    #[prost(bytes = "bytes", tag = "1")]
    pub(super) key: Bytes,
    #[prost(bytes = "bytes", optional, tag = "2")]
    pub(super) value: Option<Bytes>,
}

/// One of these; of several all are written, so that none hides another.
#[derive(Clone, PartialEq, Message)]
pub(super) struct AnyValue {
    #[prost(bytes = "bytes", optional, tag = "1")]
    pub(super) string: Option<Bytes>,
    #[prost(bool, optional, tag = "2")]
    pub(super) bool: Option<bool>,
    #[prost(int64, optional, tag = "3")]
    pub(super) int: Option<i64>,
    #[prost(double, optional, tag = "4")]
    pub(super) double: Option<f64>,
    #[prost(bytes = "bytes", optional, tag = "5")]
    pub(super) array: Option<Bytes>,
    #[prost(bytes = "bytes", optional, tag = "6")]
    pub(super) members: Option<Bytes>,
    #[prost(bytes = "bytes", optional, tag = "7")]
    pub(super) bytes: Option<Bytes>,
}

/// An `ArrayValue` or a `KeyValueList`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Several {
    #[prost(bytes = "bytes", repeated, tag = "1")]
    pub(super) values: Vec<Bytes>,
}

/// An `ExportLogsServiceResponse`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Answer {
    /// Missing where everything was taken.
    #[prost(message, optional, tag = "1")]
    pub(super) partial_success: Option<PartialSuccess>,
}

/// What was not taken.
#[derive(Clone, PartialEq, Message)]
pub(super) struct PartialSuccess {
    /// How many records.
    #[prost(int64, tag = "1")]
    pub(super) rejected_log_records: i64,
    /// Why.
    #[prost(string, tag = "2")]
    pub(super) error_message: String,
}

/// A `google.rpc.Status`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Status {
    /// A code of gRPC.
    #[prost(int32, tag = "1")]
    pub(super) code: i32,
    /// What a person should know.
    #[prost(string, tag = "2")]
    pub(super) message: String,
}

/// Returns the export that `body` is, as JSON.
pub(super) fn translate(body: Vec<u8>) -> Result<Export, Malformed> {
    let request: Request = whole(&Bytes::from(body))?;
    let mut writer = Writer { out: Vec::new(), records: 0, left_out: 0 };
    writer.raw("{\"resourceLogs\":[");
    for resource in &request.resource_logs {
        writer.between();
        writer.resource_logs(&whole(resource)?)?;
    }
    writer.raw("]}");
    Ok(Export { json: writer.out, records: writer.records, left_out: writer.left_out })
}

fn whole<M: Message + Default>(bytes: &Bytes) -> Result<M, Malformed> {
    M::decode(bytes.clone()).map_err(|_| Malformed("it is not the protobuf of an ExportLogsServiceRequest".to_owned()))
}

/// Writes JSON; commas by what stands before.
struct Writer {
    out: Vec<u8>,
    records: usize,
    left_out: usize,
}

impl Writer {
    fn raw(&mut self, text: &str) {
        self.out.extend_from_slice(text.as_bytes());
    }

    /// Writes the comma before what comes next, if it is not the first.
    fn between(&mut self) {
        if !matches!(self.out.last(), Some(b'{' | b'[')) {
            self.out.push(b',');
        }
    }

    fn name(&mut self, name: &str) {
        self.between();
        self.out.push(b'"');
        self.raw(name);
        self.raw("\":");
    }

    fn text(&mut self, name: &str, bytes: &[u8]) {
        self.name(name);
        self.string(&String::from_utf8_lossy(bytes));
    }

    fn text_if_any(&mut self, name: &str, bytes: &[u8]) {
        if !bytes.is_empty() {
            self.text(name, bytes);
        }
    }

    fn string(&mut self, text: &str) {
        // A text can always be written, and so can a Vec.
        let _ = serde_json::to_writer(&mut self.out, text);
    }

    /// Writes what `shown` says; between quotes, as OTLP's JSON has 64-bit numbers.
    fn quoted(&mut self, name: &str, shown: impl std::fmt::Display) {
        self.name(name);
        let _ = write!(self.out, "\"{shown}\"");
    }

    fn number(&mut self, name: &str, shown: impl std::fmt::Display) {
        self.name(name);
        let _ = write!(self.out, "{shown}");
    }

    fn hex(&mut self, name: &str, bytes: &[u8]) {
        if !bytes.is_empty() {
            self.quoted(name, data_encoding::HEXLOWER.encode(bytes));
        }
    }

    fn resource_logs(&mut self, logs: &ResourceLogs) -> Result<(), Malformed> {
        self.raw("{");
        if let Some(resource) = &logs.resource {
            self.name("resource");
            self.raw("{");
            self.attributes(&whole::<Resource>(resource)?.attributes, 0)?;
            self.raw("}");
        }
        self.name("scopeLogs");
        self.raw("[");
        for scope in &logs.scope_logs {
            self.between();
            self.scope_logs(&whole(scope)?)?;
        }
        self.raw("]}");
        Ok(())
    }

    fn scope_logs(&mut self, logs: &ScopeLogs) -> Result<(), Malformed> {
        self.raw("{");
        if let Some(scope) = &logs.scope {
            let scope: Scope = whole(scope)?;
            self.name("scope");
            self.raw("{");
            self.text_if_any("name", &scope.name);
            self.text_if_any("version", &scope.version);
            self.attributes(&scope.attributes, 0)?;
            self.raw("}");
        }
        self.name("logRecords");
        self.raw("[");
        for record in &logs.log_records {
            let before = self.out.len();
            self.between();
            if self.record(record).is_ok() {
                self.records += 1;
            } else {
                // One bad record harms no other.
                self.out.truncate(before);
                self.left_out += 1;
            }
        }
        self.raw("]}");
        Ok(())
    }

    fn record(&mut self, record: &Bytes) -> Result<(), Malformed> {
        let record: LogRecord = whole(record)?;
        self.raw("{");
        if record.time > 0 {
            self.quoted("timeUnixNano", record.time);
        }
        if record.observed > 0 {
            self.quoted("observedTimeUnixNano", record.observed);
        }
        if record.severity != 0 {
            self.number("severityNumber", record.severity);
        }
        self.text_if_any("severityText", &record.severity_text);
        self.text_if_any("eventName", &record.event_name);
        if let Some(body) = &record.body {
            self.name("body");
            self.value(body, 0)?;
        }
        self.attributes(&record.attributes, 0)?;
        if record.dropped_attributes > 0 {
            self.number("droppedAttributesCount", record.dropped_attributes);
        }
        if record.flags > 0 {
            self.number("flags", record.flags);
        }
        self.hex("traceId", &record.trace_id);
        self.hex("spanId", &record.span_id);
        self.raw("}");
        Ok(())
    }

    fn attributes(&mut self, attributes: &[Bytes], depth: usize) -> Result<(), Malformed> {
        if attributes.is_empty() {
            return Ok(());
        }
        self.name("attributes");
        self.members(attributes, depth)
    }

    fn members(&mut self, members: &[Bytes], depth: usize) -> Result<(), Malformed> {
        self.raw("[");
        for member in members {
            let member: KeyValue = whole(member)?;
            self.between();
            self.raw("{");
            // The key stands first, for it says whether the value is a secret.
            self.text("key", &member.key);
            if let Some(value) = &member.value {
                self.name("value");
                self.value(value, depth)?;
            }
            self.raw("}");
        }
        self.raw("]");
        Ok(())
    }

    fn value(&mut self, value: &Bytes, depth: usize) -> Result<(), Malformed> {
        if depth > DEEPEST {
            self.raw("{}");
            return Ok(());
        }
        let value: AnyValue = whole(value)?;
        self.raw("{");
        if let Some(text) = &value.string {
            self.text("stringValue", text);
        }
        if let Some(bool) = value.bool {
            self.number("boolValue", bool);
        }
        if let Some(int) = value.int {
            self.quoted("intValue", int);
        }
        match value.double {
            Some(double) if double.is_finite() => self.number("doubleValue", shown(double)),
            Some(double) if double.is_nan() => self.quoted("doubleValue", "NaN"),
            Some(double) => self.quoted("doubleValue", if double > 0.0 { "Infinity" } else { "-Infinity" }),
            None => {}
        }
        if let Some(array) = &value.array {
            self.name("arrayValue");
            self.raw("{\"values\":[");
            for (at, one) in whole::<Several>(array)?.values.iter().enumerate() {
                self.raw(if at > 0 { "," } else { "" });
                self.value(one, depth + 1)?;
            }
            self.raw("]}");
        }
        if let Some(members) = &value.members {
            self.name("kvlistValue");
            self.raw("{\"values\":");
            self.members(&whole::<Several>(members)?.values, depth + 1)?;
            self.raw("}");
        }
        match &value.bytes {
            Some(bytes) if std::str::from_utf8(bytes).is_ok() => self.text("stringValue", bytes),
            Some(bytes) => self.quoted("bytesValue", STANDARD.encode(bytes)),
            None => {}
        }
        self.raw("}");
        Ok(())
    }
}

/// Returns `double` as JSON has numbers, the shortest that reads as the same.
fn shown(double: f64) -> String {
    serde_json::Number::from_f64(double).map_or_else(String::new, |number| number.to_string())
}
