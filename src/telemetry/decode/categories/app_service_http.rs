//! `AppServiceHTTPLogs`: the access log of a function app's web server.
//!
//! Windows (IIS) writes `-` for nothing and `+` for a space, has a substatus and adds the front
//! end's `X-ARR-LOG-ID` to the query; Linux has none of these. Only a Windows record's id is
//! believed, and only as the last parameter, where no client can put it: else a client could
//! choose the id by which duplicates are told. No headers are logged, so a 401 says little; and
//! Linux says `SPort` 80 behind TLS, so the port says nothing of it. What is asked of Easy Auth's
//! own endpoints is a sign-in, whose `code` in the query is no key.

use std::ops::Range;

use memchr::{memchr2, memrchr};

use crate::telemetry::{Event, Kind, Outcome, Reason, Text, Transport};

use super::super::doc::{Piece, lower};
use super::super::record::{Record, source};
use super::super::vocabulary::{Envelope, Property};
use super::super::{asked, auth_path, refusal};
use super::easy_auth;

const FRONT_END_ID: &str = "X-ARR-LOG-ID=";

/// Fills what is particular to this category; returns the kind of event.
pub(in crate::telemetry::decode) fn fill<'s>(event: &mut Event<'s>, record: &Record<'s>) -> Kind {
    let p = &record.properties;
    let windows = p.get(Property::ScSubStatus).is_some() || p.get(Property::ScWin32Status).is_some();
    if let Some(address) = p.piece(Property::CIp) {
        source(event, &address);
    }
    event.client.agent = p.text(Property::UserAgent).map(|agent| spaced(event, agent));
    event.identity.name = p.text(Property::CsUsername);
    event.request.method = p.text(Property::CsMethod);
    event.request.host = p.text(Property::CsHost);
    let path = p.piece(Property::CsUriStem);
    event.request.path = path.map(|path| path.whole());
    let kind = path.map_or(Kind::HttpRequest, |path| asked(event, &path));
    event.request.size = p.number(Property::CsBytes);
    if let Some(sent) = p.piece(Property::CsUriQuery) {
        query(event, &sent, windows, kind);
    }
    event.response.status = p.number(Property::ScStatus);
    event.response.substatus = p.number(Property::ScSubStatus);
    event.response.size = p.number(Property::ScBytes);
    event.response.duration_ms = p.number(Property::TimeTaken).or(record.envelope.number(Envelope::DurationMs));
    event.referrer = p.text(Property::Referer);
    event.cookie = p.text(Property::Cookie);
    ended(event, kind);
    kind
}

/// Fills what is asked of Easy Auth, if it is; returns the kind of event.
fn asked<'s>(event: &mut Event<'s>, path: &Piece<'s>) -> Kind {
    let Some(asked) = auth_path::asked(path.value) else { return Kind::HttpRequest };
    event.operation = Some(lower(path.part(asked.operation), event.arena));
    event.identity.provider = asked.provider.map(|at| auth_path::provider(path.part(at), event.arena));
    Kind::SignIn
}

fn ended(event: &mut Event<'_>, kind: Kind) {
    let status = event.response.status.unwrap_or(0);
    event.outcome = refusal::outcome(status);
    if event.outcome == Outcome::Failure {
        // Easy Auth refuses before the app looks at a key.
        let coded = easy_auth::by_substatus(status, event.response.substatus);
        let key = (status == 401 && event.key.transport == Some(Transport::Query)).then_some(Reason::KeyInvalid);
        event.reason = coded.or(key).unwrap_or_else(|| refusal::by_status(status));
    } else if kind == Kind::SignIn
        && (300..400).contains(&status)
        && event.operation.is_some_and(|operation| operation.value == "login")
    {
        event.reason = Reason::RedirectedToLogin;
    }
}

fn query<'s>(event: &mut Event<'s>, sent: &Piece<'s>, windows: bool, kind: Kind) {
    let text = sent.value;
    let start = usize::from(text.starts_with('?'));
    let added = if windows { front_end_id(text, start) } else { None };
    let end = added.as_ref().map_or(text.len(), |id| id.start.saturating_sub(FRONT_END_ID.len() + 1)).max(start);
    if let Some(id) = added {
        event.correlation = Some(sent.part(id));
        event.own_id = event.correlation;
    }
    let Some(query) = text.get(start..end).filter(|query| !query.is_empty()) else { return };
    event.request.query = Some(sent.part(start..end));
    if kind == Kind::SignIn {
        return;
    }
    if let Some(key) = asked::key(event, sent, start, query, "code") {
        event.key.id = Some(key);
        event.key.transport = Some(Transport::Query);
    }
}

/// Returns where the front end's id stands: in the query's last parameter.
fn front_end_id(query: &str, start: usize) -> Option<Range<usize>> {
    let last = memrchr(b'&', query.as_bytes()).map_or(start, |at| at + 1);
    let id = query.get(last..)?.strip_prefix(FRONT_END_ID)?;
    (!id.is_empty()).then(|| query.len() - id.len()..query.len())
}

/// Returns `agent` with its spaces, which IIS writes as `+`.
fn spaced<'s>(event: &Event<'s>, agent: Text<'s>) -> Text<'s> {
    if memchr2(b'+', b' ', agent.value.as_bytes()).is_none_or(|at| agent.value.as_bytes()[at] == b' ') {
        return agent;
    }
    let mut value = bumpalo::collections::String::with_capacity_in(agent.value.len(), event.arena);
    for (word, part) in agent.value.split('+').enumerate() {
        value.push_str(if word > 0 { " " } else { "" });
        value.push_str(part);
    }
    Text { value: value.into_bump_str(), ..agent }
}
