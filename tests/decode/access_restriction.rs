//! What access restrictions let in and kept out.

use super::*;

#[test]
fn a_denied_request_is_read_whole() {
    one(ACCESS_RESTRICTION, |event| {
        assert_eq!((event.category, event.kind), (Category::AppServiceIPSecAuditLogs, Kind::AccessRestriction));
        assert_eq!((says(event.app), says(event.request.host)), (Some("shop"), Some("shop.azurewebsites.net")));
        assert_eq!((event.source_ip, event.source_port), ("203.0.113.9".parse().ok(), Some(52580)));
        assert_eq!(says(event.forwarded), Some("198.51.100.4, 10.0.0.1"));
        assert_eq!((event.decision, says(event.rule)), (Some(Decision::Denied), Some("0.0.0.0/0")));
        assert_eq!((event.outcome, event.reason), (Outcome::Failure, Reason::AddressNotAllowed));
        assert_eq!(says(event.message), Some("Denied by 0.0.0.0/0 rule."));
    });
}

#[test]
fn an_allowed_request_was_refused_nothing() {
    let json = r#"{"category":"AppServiceIPSecAuditLogs","properties":{"Result":"Allowed","CIp":"2001:db8::1","XForwardedFor":"","Details":"Allowed by Office rule"}}"#;
    one(json, |event| {
        assert_eq!((event.decision, event.outcome), (Some(Decision::Allowed), Outcome::Success));
        assert_eq!((event.reason, says(event.rule)), (Reason::Unknown, Some("Office")));
        assert!(event.forwarded.is_none() && event.source_port.is_none());
    });
}

#[test]
fn without_a_result_the_sentence_tells() {
    let json = r#"{"category":"AppServiceIPSecAuditLogs","properties":{"Details":"denied by Deny all rule."}}"#;
    one(json, |event| assert_eq!((event.decision, says(event.rule)), (Some(Decision::Denied), Some("Deny all"))));
    let json = r#"{"category":"AppServiceIPSecAuditLogs","properties":{"CIp":"203.0.113.7"}}"#;
    one(json, |event| assert_eq!((event.decision, event.outcome), (None, Outcome::Unknown)));
}
