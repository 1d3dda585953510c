//! `AppServiceFileAuditLogs`: files of a site that were written or deleted.
//!
//! `Process` is who did it, if it begins with `$`: the site's publishing credentials; else a program.

use crate::telemetry::{Event, IdentityKind, Kind, Outcome};

use super::super::record::Record;
use super::super::vocabulary::{Envelope, Property};

/// Fills what is particular to this category; returns the kind of event.
pub(in crate::telemetry::decode) fn fill<'s>(event: &mut Event<'s>, record: &Record<'s>) -> Kind {
    let (e, p) = (&record.envelope, &record.properties);
    event.operation = e.text(Envelope::OperationName);
    event.level = e.text(Envelope::Level);
    event.target = p.text(Property::Path);
    match p.text(Property::Process) {
        Some(user) if user.value.starts_with('$') => {
            event.identity.id = Some(user);
            event.identity.kind = Some(IdentityKind::Publishing);
        }
        program => event.client.agent = program,
    }
    event.identity.name = p.text(Property::User);
    // What is logged has been done.
    event.outcome = Outcome::Success;
    Kind::FileChange
}
