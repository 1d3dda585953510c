//! `SQLSecurityAuditEvents`: what Azure SQL's audit saw.
//!
//! The names are those of SQL Server, with underscores, or a table's. What succeeded is the login
//! or the check of a permission, not the statement. The statement is the message; who asked may
//! be a login, a person, or an application as `id@tenant`.

use crate::telemetry::{Event, IdentityKind, Kind, Outcome, Reason, Text};

use super::super::doc::Piece;
use super::super::members::Members;
use super::super::record::{Record, source};
use super::super::tls;
use super::super::vocabulary::{Envelope, SqlAudit};

/// Users that every database has.
const BUILT_IN: [&str; 5] = ["dbo", "guest", "public", "sys", "sa"];

/// Fills what is particular to this category; returns the kind of event.
pub(in crate::telemetry::decode) fn fill<'s>(event: &mut Event<'s>, record: &Record<'s>) -> Kind {
    event.operation = record.envelope.text(Envelope::OperationName);
    event.level = record.envelope.text(Envelope::Level);
    if let Some(audit) = record.properties_as(event.record.start as usize) {
        audited(event, &audit);
    }
    Kind::DatabaseRequest
}

fn audited<'s>(event: &mut Event<'s>, audit: &Members<'s, SqlAudit>) {
    let text = |names: [SqlAudit; 3]| names.into_iter().find_map(|name| audit.text(name));
    let piece = |names: [SqlAudit; 3]| names.into_iter().find_map(|name| audit.piece(name));
    if let Some(address) = piece([SqlAudit::ClientIp, SqlAudit::ClientIpTable, SqlAudit::ClientIpColumn]) {
        source(event, &address);
    }
    let action = text([SqlAudit::ActionName, SqlAudit::ActionNameTable, SqlAudit::ActionNameColumn]);
    let id = text([SqlAudit::ActionId, SqlAudit::ActionIdTable, SqlAudit::ActionIdColumn]);
    event.operation = action.or(id).or(event.operation);
    event.client.agent = text([SqlAudit::Application, SqlAudit::ApplicationTable, SqlAudit::ApplicationColumn]);
    let version = piece([SqlAudit::Tls, SqlAudit::TlsTable, SqlAudit::TlsColumn]);
    // 0 is no TLS, or none that was logged.
    event.client.tls = version.filter(|text| text.value != "0").map(|text| tls::version(&text));
    let took = [SqlAudit::Milliseconds, SqlAudit::MillisecondsTable, SqlAudit::MillisecondsColumn];
    event.response.duration_ms = took.into_iter().find_map(|name| audit.number(name));
    event.message =
        audit.piece(SqlAudit::Statement).or(audit.piece(SqlAudit::StatementColumn)).and_then(|t| t.trimmed());
    event.target = target(
        event,
        [
            text([SqlAudit::Database, SqlAudit::DatabaseTable, SqlAudit::DatabaseColumn]),
            text([SqlAudit::Schema, SqlAudit::SchemaTable, SqlAudit::SchemaColumn]),
            text([SqlAudit::Object, SqlAudit::ObjectTable, SqlAudit::ObjectColumn]),
        ],
    );
    if let Some(name) = piece([SqlAudit::Principal, SqlAudit::PrincipalTable, SqlAudit::PrincipalColumn]) {
        who(event, &name);
    }
    let session = text([SqlAudit::Session, SqlAudit::SessionTable, SqlAudit::SessionColumn]);
    let user = text([SqlAudit::User, SqlAudit::UserTable, SqlAudit::UserColumn]);
    event.personal.extend(session.into_iter().chain(user).filter(|name| !BUILT_IN.contains(&name.value)));
    let succeeded = audit.text(SqlAudit::Succeeded).or(audit.text(SqlAudit::SucceededColumn));
    event.outcome = match succeeded.map_or("", |text| text.value).trim() {
        "true" | "True" | "1" => Outcome::Success,
        "false" | "False" | "0" => Outcome::Failure,
        _ => Outcome::Unknown,
    };
    if event.outcome == Outcome::Failure {
        let login =
            |text: Text<'_>| text.value.contains("AUTHENTICATION FAILED") || text.value.contains("LOGIN FAILED");
        let login = action.is_some_and(login) || id.is_some_and(|id| matches!(id.value.trim(), "DBAF" | "LGIF"));
        event.reason = if login { Reason::Credentials } else { Reason::Forbidden };
    }
}

/// Returns `database/schema/object`, as far as the record says them.
fn target<'s>(event: &Event<'s>, parts: [Option<Text<'s>>; 3]) -> Option<Text<'s>> {
    let place = parts.iter().rev().find_map(|part| *part)?;
    let length = parts.iter().flatten().map(|part| part.value.len() + 1).sum();
    let mut value = bumpalo::collections::String::with_capacity_in(length, event.arena);
    for part in parts.iter().flatten() {
        if !value.is_empty() {
            value.push('/');
        }
        value.push_str(part.value);
    }
    Some(Text { value: value.into_bump_str(), ..place })
}

fn who<'s>(event: &mut Event<'s>, principal: &Piece<'s>) {
    match principal.value.split_once('@') {
        Some((app, tenant)) if is_guid(app) && is_guid(tenant) => {
            event.identity.app = Some(principal.part(0..app.len()));
            event.identity.tenant = Some(principal.part(app.len() + 1..principal.value.len()));
            event.identity.kind = Some(IdentityKind::ServicePrincipal);
        }
        _ => event.identity.name = principal.trimmed(),
    }
}

fn is_guid(text: &str) -> bool {
    text.len() == 36 && text.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
}
