//! `AppServiceAntivirusScanAuditLogs`: the daily scan of a site's files.
//!
//! A scan that found something has the decision *matched* and the infected files as its target;
//! both that and a scan that failed are failures.

use crate::telemetry::{Decision, Event, Kind, Outcome};

use super::super::record::Record;
use super::super::vocabulary::{Envelope, Property};

/// Fills what is particular to this category; returns the kind of event.
pub(in crate::telemetry::decode) fn fill<'s>(event: &mut Event<'s>, record: &Record<'s>) -> Kind {
    let (e, p) = (&record.envelope, &record.properties);
    event.operation = e.text(Envelope::OperationName);
    event.level = e.text(Envelope::Level);
    let error = p.piece(Property::ErrorMessage).and_then(|text| text.trimmed());
    let status = p.text(Property::ScanStatus);
    event.message = error.or(status).or(e.piece(Envelope::ResultDescription).and_then(|text| text.trimmed()));
    // A text in some records, an array in others.
    let list = p.get(Property::ListOfInfectedFiles).map(|value| p.doc.text(value));
    event.target = list.filter(|list| !matches!(list.value.trim(), "" | "[]" | "null" | "None"));
    let infected = p.number(Property::NumberOfInfectedFiles);
    if infected.is_some_and(|number| number > 0) || (infected.is_none() && event.target.is_some()) {
        event.decision = Some(Decision::Matched);
        event.outcome = Outcome::Failure;
    } else if error.is_some() || status.is_some_and(|status| failed(status.value)) {
        event.outcome = Outcome::Failure;
    } else if infected.is_some() || status.is_some() {
        event.outcome = Outcome::Success;
    }
    Kind::MalwareScan
}

fn failed(status: &str) -> bool {
    ["Fail", "Error"].iter().any(|word| status.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word)))
}
