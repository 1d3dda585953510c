//! `AppServiceAuditLogs`: logins to publish to an app, by FTP, Kudu or WebDeploy.
//!
//! Only logins that succeeded are logged. `$` and the app's name are its own publishing
//! credentials, which name nobody; a user of the directory is a 16-digit id, and its display name
//! names the person.

use crate::telemetry::{Event, IdentityKind, Kind, Outcome, Text};

use super::super::doc::lower;
use super::super::record::{Record, source};
use super::super::vocabulary::{Envelope, Property};

/// Fills what is particular to this category; returns the kind of event.
pub(in crate::telemetry::decode) fn fill<'s>(event: &mut Event<'s>, record: &Record<'s>) -> Kind {
    let (e, p) = (&record.envelope, &record.properties);
    if let Some(address) = p.piece(Property::UserAddress) {
        source(event, &address);
    }
    let protocol = p.text(Property::Protocol).map(|text| lower(text, event.arena));
    event.operation = protocol.or(e.text(Envelope::OperationName));
    event.level = e.text(Envelope::Level);
    event.identity.provider = protocol.filter(|text| text.value == "aad");
    who(event, p.text(Property::User), p.text(Property::UserDisplayName));
    event.outcome = match p.text(Property::Result).map_or("", |result| result.value) {
        "Failure" | "Failed" | "Denied" => Outcome::Failure,
        _ => Outcome::Success,
    };
    Kind::PublishingLogin
}

fn who<'s>(event: &mut Event<'s>, user: Option<Text<'s>>, shown: Option<Text<'s>>) {
    let own = |text: &Text<'_>| text.value.starts_with('$');
    let Some(user) = user.or(shown) else { return };
    let shown = shown.filter(|shown| !own(shown));
    if own(&user) {
        event.identity.id = Some(user);
        event.identity.kind = Some(IdentityKind::Publishing);
        event.personal.extend(shown);
    } else if is_puid(user.value) {
        event.identity.id = Some(user);
        event.identity.name = shown;
        event.identity.kind = Some(IdentityKind::User);
    } else {
        event.identity.name = Some(user);
        event.identity.kind = Some(IdentityKind::User);
        event.personal.extend(shown.filter(|shown| shown.start != user.start));
    }
}

/// Tells whether `user` is an id of the directory.
fn is_puid(user: &str) -> bool {
    user.len() == 16 && user.bytes().all(|byte| byte.is_ascii_hexdigit())
}
