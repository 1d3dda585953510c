//! `AppServiceIPSecAuditLogs`: what an app's access restrictions let in and kept out.
//!
//! The rule stands in a sentence, `Denied by 0.0.0.0/0 rule.`. The address is that of the last
//! hop; which Front Door a request says to have come through tells one's own from another tenant's.

use std::ops::Range;

use crate::telemetry::{Decision, Event, Kind, Outcome, Reason};

use super::super::record::{Record, source};
use super::super::vocabulary::{Envelope, Property};

/// Fills what is particular to this category; returns the kind of event.
pub(in crate::telemetry::decode) fn fill<'s>(event: &mut Event<'s>, record: &Record<'s>) -> Kind {
    let p = &record.properties;
    if let Some(address) = p.piece(Property::CIp) {
        source(event, &address);
    }
    event.operation = record.envelope.text(Envelope::OperationName);
    event.level = record.envelope.text(Envelope::Level);
    event.forwarded = p.text(Property::XForwardedFor).or(event.forwarded);
    event.front_door.id = p.text(Property::XAzureFdid);
    event.request.host = p.text(Property::CsHost);
    let details = p.piece(Property::Details);
    event.message = details.and_then(|text| text.trimmed());
    event.rule = details.map(|text| text.part(rule(text.value)));
    let said = p.text(Property::Result).or(event.message).map_or("", |text| text.value);
    let is = |word: &str| said.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word));
    if is("Denied") {
        event.decision = Some(Decision::Denied);
        (event.outcome, event.reason) = (Outcome::Failure, Reason::AddressNotAllowed);
    } else if is("Allowed") {
        event.decision = Some(Decision::Allowed);
        event.outcome = Outcome::Success;
    }
    Kind::AccessRestriction
}

/// Returns where the rule's name stands in `Denied by NAME rule.`; all of it in another sentence.
fn rule(details: &str) -> Range<usize> {
    let from = details.find(" by ").map_or(0, |at| at + " by ".len());
    let text = details.get(from..).unwrap_or_default().trim_end().trim_end_matches('.');
    let name = text.strip_suffix(" rule").or_else(|| text.strip_suffix(" Rule")).unwrap_or(text).trim();
    if from == 0 || name.is_empty() {
        return 0..details.len();
    }
    let start = from + text.len() - text.trim_start().len();
    start..start + name.len()
}

#[cfg(test)]
mod tests {
    use super::rule;

    #[test]
    fn a_rule_is_found_in_its_sentence() {
        for (details, expected) in [
            ("Denied by 0.0.0.0/0 rule.", "0.0.0.0/0"),
            ("Allowed by Office rule", "Office"),
            ("Denied by  Deny all. ", "Deny all"),
            ("Service endpoint", "Service endpoint"),
            ("Denied by rule.", "rule"),
            ("Denied by ", "Denied by "),
            ("", ""),
        ] {
            assert_eq!(&details[rule(details)], expected, "{details}");
        }
    }
}
