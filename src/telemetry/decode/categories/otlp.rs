//! `OtlpLogs`: log records of OpenTelemetry, as Functions in OpenTelemetry mode send them.
//!
//! An attribute is `{"key":"…","value":{"stringValue":"…"}}`; the names are those of the semantic
//! conventions, of today and of before 2023, and `cloud.resource.id`, which Functions alone write.
//! A resource stands outside its records: what an event takes from it has no place of its own in
//! the record, and two records are the same only if their resource is. Bytes (`bytesValue`) can't
//! be searched for secrets and are hidden whole.

use std::ops::Range;

use bumpalo::collections::String;
use memchr::memmem;
use xxhash_rust::xxh3::Xxh3;

use crate::clock::Timestamp;
use crate::telemetry::{Category, Event, Kind, Layers, Outcome, Text};

use super::super::any_value::{Any, any, attributes, plain, walk};
use super::super::cursor::{Cursor, Fault, Shape, Value};
use super::super::doc::{Doc, Piece, lower};
use super::super::members::{Members, Name as _};
use super::super::record::{Message, blank, seen, source};
use super::super::refusal;
use super::super::resource::{KnownResources, Resources, of_app};
use super::super::url;
use super::super::vocabulary::{ExportPart, LogAttribute, ResourceAttribute};

/// An export while it is read.
pub(in crate::telemetry::decode) struct Export<'s> {
    resource: Members<'s, ResourceAttribute>,
    resources: Resources<'s>,
    known: &'s KnownResources,
    /// Where the resource and the scope lie.
    shared: [Range<usize>; 2],
    scope: Option<Value>,
    /// What tells the records of this resource and scope from those of others, once it was asked for.
    known_by: Option<&'s str>,
    log: Members<'s, ExportPart>,
    attributes: Members<'s, LogAttribute>,
    /// Up to where what was seen belongs to an earlier record.
    seen: usize,
}

impl<'s> Export<'s> {
    /// Returns an export of `doc` of which nothing is read yet.
    pub(in crate::telemetry::decode) fn new(doc: Doc<'s>, known: &'s KnownResources) -> Self {
        Self {
            resource: Members::new(doc),
            resources: Resources::default(),
            known,
            shared: [0..0, 0..0],
            scope: None,
            known_by: None,
            log: Members::new(doc),
            attributes: Members::new(doc),
            seen: 0,
        }
    }

    /// Makes ready for the logs of the next resource, which stand from `start` on.
    pub(in crate::telemetry::decode) fn begin_resource(&mut self, start: usize) {
        self.resource.clear(self.resource.doc);
        self.shared[0] = 0..0;
        self.seen = self.seen.max(start);
        self.begin_scope();
    }

    /// Makes ready for the logs of the next scope.
    pub(in crate::telemetry::decode) fn begin_scope(&mut self) {
        self.scope = None;
        self.shared[1] = 0..0;
        self.known_by = None;
    }

    /// Makes ready for the next record.
    pub(in crate::telemetry::decode) fn begin_log(&mut self) {
        self.log.clear(self.log.doc);
        self.attributes.clear(self.attributes.doc);
    }

    /// Tells whether what was read is no record.
    pub(in crate::telemetry::decode) fn says_nothing(&self) -> bool {
        self.log.is_empty() && self.attributes.is_empty()
    }

    /// What was seen before `at` belongs to records before it.
    pub(in crate::telemetry::decode) fn seen_to(&mut self, at: usize) {
        self.seen = at;
    }

    /// Reads the value of the member `part` at the cursor.
    pub(in crate::telemetry::decode) fn read(
        &mut self,
        part: ExportPart,
        cursor: &mut Cursor<'s>,
    ) -> Result<(), Fault> {
        match (part, cursor.space()) {
            (ExportPart::Attributes, Some(b'[')) => attributes(&mut self.attributes, cursor, 2),
            // Those have been read ahead.
            (ExportPart::Resource | ExportPart::Scope, Some(b'{')) => cursor.value(2).map(drop),
            _ => {
                let value = cursor.value(2)?;
                self.log.keep(part, value);
                Ok(())
            }
        }
    }

    /// Reads the resource or the scope at the cursor.
    pub(in crate::telemetry::decode) fn shared(
        &mut self,
        part: ExportPart,
        cursor: &mut Cursor<'s>,
    ) -> Result<(), Fault> {
        let (doc, start) = (self.log.doc, cursor.at);
        let mut key = cursor.first_key()?;
        while let Some(at) = key {
            let name = ExportPart::of(doc.says(at).as_bytes());
            match (name, cursor.space()) {
                (Some(ExportPart::Attributes), Some(b'[')) if part == ExportPart::Resource => {
                    attributes(&mut self.resource, cursor, 3)?;
                }
                (Some(ExportPart::Name), Some(b'"')) if part == ExportPart::Scope => {
                    self.scope = Some(cursor.value(3)?);
                }
                _ => drop(cursor.value(3)?),
            }
            key = cursor.next_key()?;
        }
        self.shared[usize::from(part == ExportPart::Scope)] = start..cursor.at;
        Ok(())
    }

    /// Returns the event of the record that stands at `range` and has been read.
    pub(in crate::telemetry::decode) fn event(
        &mut self,
        message: &Message<'s>,
        index: u32,
        range: Range<usize>,
    ) -> Event<'s> {
        let mut event = blank(message, index, range.clone());
        // A secret in a resource is told with the resource's first record.
        event.sightings = seen(message.sightings, &(self.seen.min(range.start) as u32..range.end as u32));
        (event.category, event.kind) = (Category::OtlpLogs, Kind::AppLog);
        let nanos = |name| self.log.number_of_nanos(name);
        let time = nanos(ExportPart::TimeUnixNano).or_else(|| nanos(ExportPart::ObservedTimeUnixNano));
        (event.time, event.timed) = (time.or(message.received).unwrap_or_default(), time.is_some());
        self.resource(&mut event);
        self.function(&mut event);
        self.asked(&mut event);
        self.came_from(&mut event);
        self.who(&mut event);
        self.said(&mut event);
        self.ended(&mut event);
        event.own_id = Some(self.own_id(&event, range));
        event
    }

    fn attribute(&self, names: &[LogAttribute]) -> Option<Piece<'s>> {
        names.iter().find_map(|&name| self.attributes.piece(name))
    }

    fn text(&self, names: &[LogAttribute]) -> Option<Text<'s>> {
        names.iter().find_map(|&name| self.attributes.text(name))
    }

    fn number(&self, names: &[LogAttribute]) -> Option<i64> {
        names.iter().find_map(|&name| self.attributes.number(name))
    }

    fn resource(&mut self, event: &mut Event<'s>) {
        let of = |name| self.resource.piece(name);
        let id = of(ResourceAttribute::CloudResourceId).or_else(|| of(ResourceAttribute::CloudResourceIdOfFunctions));
        let service = self.resource.text(ResourceAttribute::ServiceName);
        if let Some(id) = id {
            self.resources.fill(event, id, self.known);
        }
        if event.app.is_none() && event.gateway.is_none() {
            event.app = service.map(|name| lower(name, event.arena));
        }
        for text in [&mut event.resource, &mut event.app, &mut event.gateway, &mut event.function] {
            *text = text.map(|text| outside(text, event.record.start));
        }
    }

    fn function(&self, event: &mut Event<'s>) {
        let start = event.record.start;
        if let Some(name) = self.attributes.piece(LogAttribute::FaasName) {
            event.function = Some(of_app(event, last_part(&name)));
            return;
        }
        let app = event.app.map_or("", |app| app.value);
        // Some name the app here.
        let named =
            self.resource.piece(ResourceAttribute::FaasName).filter(|name| !name.value.eq_ignore_ascii_case(app));
        let scope = || {
            let scope = self.log.doc.piece(self.scope?);
            let name = scope.value.strip_prefix("Function.")?;
            let end = scope.value.len() - name.len() + name.strip_suffix(".User").unwrap_or(name).len();
            (end > "Function.".len()).then(|| scope.part("Function.".len()..end))
        };
        let name = named.map(|name| last_part(&name)).or_else(scope);
        if let Some(name) = name {
            event.function = Some(outside(of_app(event, name), start));
        }
    }

    fn asked(&self, event: &mut Event<'s>) {
        use LogAttribute as A;
        event.request.method = self.text(&[A::RequestMethod, A::Method]);
        event.request.size = self.number(&[A::RequestSize, A::RequestContentLength]);
        if let Some(sent) = self.attribute(&[A::UrlFull, A::HttpUrl]) {
            split(event, &sent);
        }
        if let Some(sent) = self.attribute(&[A::UrlPath, A::HttpTarget]) {
            let host = event.request.host;
            split(event, &sent);
            event.request.host = host;
        }
        event.request.query = self.text(&[A::UrlQuery]).or(event.request.query);
        event.request.host =
            event.request.host.or_else(|| self.text(&[A::ServerAddress, A::HostHeader, A::HttpHost, A::NetHostName]));
        event.referrer = self.text(&[A::Referer]);
        event.origin = self.text(&[A::Origin]);
        event.cookie = self.text(&[A::CookieHeader]);
        event.client.agent = self.text(&[A::UserAgent, A::HttpUserAgent, A::UserAgentHeader]);
        event.client.tls = self.text(&[A::TlsVersion]);
        event.response.status = self.number(&[A::StatusCode, A::HttpStatusCode]);
        event.response.size = self.number(&[A::ResponseSize, A::ResponseContentLength]);
        event.response.allow_origin = self.text(&[A::AllowOrigin]);
    }

    fn came_from(&self, event: &mut Event<'s>) {
        use LogAttribute as A;
        let client = self.attribute(&[A::ClientAddress, A::HttpClientIp, A::SourceAddress]);
        let peer = self.attribute(&[A::PeerAddress, A::NetPeerIp, A::NetSockPeerAddr]);
        let port = if client.is_some() { A::ClientPort } else { A::PeerPort };
        if let Some(address) = client.or(peer) {
            source(event, &address);
            let port = self.number(&[port]).and_then(|port| u16::try_from(port).ok());
            event.source_port = event.source_port.or(port);
        }
        event.peer = peer.filter(|_| client.is_some()).map(|peer| peer.whole());
        event.forwarded = self.text(&[A::Forwarded]);
    }

    fn who(&self, event: &mut Event<'s>) {
        use LogAttribute as A;
        for name in [A::UserName, A::UserEmail, A::EnduserId, A::UserId, A::UserFullName] {
            let Some(text) = self.attributes.text(name) else { continue };
            if matches!(name, A::EnduserId | A::UserId) && is_guid(text.value) {
                event.identity.id = event.identity.id.or(Some(text));
            } else if event.identity.name.is_none() {
                event.identity.name = Some(text);
            } else {
                event.personal.push(text);
            }
        }
        let record = event.scanned.get(event.record.start as usize..event.record.end as usize).unwrap_or_default();
        if memmem::find(record, b"bytesValue").is_some() {
            let doc = self.log.doc;
            // It was read before, so it can be read.
            let _ = walk(doc, &mut doc.cursor(event.record.start as usize), &mut |key, value| {
                if key == Some(Any::Bytes) && matches!(value.shape, Shape::String | Shape::Scalar) {
                    event.personal.push(doc.text(value));
                }
            });
        }
    }

    fn said(&self, event: &mut Event<'s>) {
        let doc = self.log.doc;
        event.level = self.log.text(ExportPart::SeverityText).or_else(|| {
            let text = self.log.text(ExportPart::SeverityNumber)?;
            Some(Text { value: level(self.severity())?, ..text })
        });
        let body = self.log.get(ExportPart::Body).and_then(|body| {
            let inner = match body.shape {
                Shape::Object => any(doc, &mut doc.cursor(body.start as usize), 1).ok().flatten(),
                _ => Some(body),
            };
            match inner {
                Some(text) if matches!(text.shape, Shape::String | Shape::Scalar) => doc.piece(text).trimmed(),
                Some(_) => Some(Text { value: plain(doc, body), ..doc.text(body) }),
                None => None,
            }
        });
        let exception = || self.attribute(&[LogAttribute::ExceptionMessage, LogAttribute::ExceptionType])?.trimmed();
        event.message = body.or_else(exception).or_else(|| self.log.text(ExportPart::EventName));
        event.trace = self.log.text(ExportPart::TraceId);
        let (id, execution) = (LogAttribute::FaasInvocationId, LogAttribute::FaasExecution);
        event.correlation =
            self.text(&[id, execution, LogAttribute::InvocationId, LogAttribute::FunctionsInvocationId]);
    }

    fn severity(&self) -> i64 {
        self.log.number(ExportPart::SeverityNumber).unwrap_or(0)
    }

    fn ended(&self, event: &mut Event<'s>) {
        let status = event.response.status.unwrap_or(0);
        let thrown = self.attribute(&[LogAttribute::ExceptionType, LogAttribute::ExceptionMessage]).is_some();
        let said = event.level.map_or("", |level| level.value);
        let bad = ["error", "critical", "fatal"].iter().any(|bad| said.eq_ignore_ascii_case(bad));
        event.outcome = match refusal::outcome(status) {
            Outcome::Unknown if thrown || bad || self.severity() >= 17 => Outcome::Failure,
            outcome => outcome,
        };
        if event.outcome == Outcome::Failure {
            event.reason = refusal::by_status(status);
        }
    }

    /// Returns what the record is known by: its bytes, and its resource's and scope's.
    fn own_id(&mut self, event: &Event<'s>, range: Range<usize>) -> Text<'s> {
        let doc = self.log.doc;
        let text = |range: Range<usize>| doc.text.get(range).unwrap_or_default();
        let shared = self.shared.clone();
        let known_by = *self.known_by.get_or_insert_with(|| {
            let mut hash = Xxh3::new();
            for range in shared {
                hash.update(text(range).as_bytes());
            }
            bumpalo::format!(in event.arena, "{:032x}", hash.digest128()).into_bump_str()
        });
        let record = text(range);
        let mut id = String::with_capacity_in(known_by.len() + record.len(), event.arena);
        id.push_str(known_by);
        id.push_str(record);
        let at = event.record.start;
        Text { value: id.into_bump_str(), start: at, end: at, layers: Layers(1) }
    }
}

impl Members<'_, ExportPart> {
    /// Returns `name` as nanoseconds since 1970; 0 is no time.
    fn number_of_nanos(&self, name: ExportPart) -> Option<Timestamp> {
        let nanos: u64 = self.piece(name)?.value.trim().parse().ok().filter(|&nanos| nanos > 0)?;
        Some(Timestamp::from_nanos(i64::try_from(nanos).unwrap_or(i64::MAX)))
    }
}

/// Returns `text`, which stands outside the record that begins at `start`: with no place in it.
fn outside(text: Text<'_>, start: u32) -> Text<'_> {
    Text { start, end: start, ..text }
}

/// Returns a function's name without the app's before it.
fn last_part<'s>(name: &Piece<'s>) -> Text<'s> {
    let start = name.value.rfind('/').map_or(0, |slash| slash + 1);
    name.part(start..name.value.len())
}

/// Fills host, path and query from a URL, or from a path with its query.
fn split<'s>(event: &mut Event<'s>, sent: &Piece<'s>) {
    let parts = url::url(sent.value);
    event.request.host = parts.host.map(|at| sent.part(at));
    event.request.path = parts.path.map(|at| sent.part(at));
    event.request.query = parts.query.map(|at| sent.part(at)).or(event.request.query);
}

fn is_guid(text: &str) -> bool {
    let dash = |at: usize| matches!(at, 8 | 13 | 18 | 23);
    text.len() == 36
        && text.bytes().enumerate().all(|(at, byte)| if dash(at) { byte == b'-' } else { byte.is_ascii_hexdigit() })
}

/// Returns the name that .NET gives to the level of a severity number.
fn level(severity: i64) -> Option<&'static str> {
    match severity {
        1..=4 => Some("Trace"),
        5..=8 => Some("Debug"),
        9..=12 => Some("Information"),
        13..=16 => Some("Warning"),
        17..=20 => Some("Error"),
        21..=24 => Some("Critical"),
        _ => None,
    }
}
