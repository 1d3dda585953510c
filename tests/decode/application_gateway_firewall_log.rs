//! Application Gateway's firewall log.

use super::*;

fn json(action: &str) -> String {
    format!(
        r#"{{"category":"ApplicationGatewayFirewallLog","operationName":"ApplicationGatewayFirewall","properties":{{"action":"{action}",
        "clientIp":"203.0.113.9","clientPort":"","details":{{"data":"{{ found within [REQUEST_HEADERS:0]}}","file":"rules/x.conf",
        "line":"1335","message":"Warning. Operator EQ matched 0 at REQUEST_HEADERS. "}},"hostname":"shop.example","instanceId":"appgw_0",
        "message":"Missing User Agent Header","requestUri":"/verify?a=1","ruleId":"920320","ruleSetType":"OWASP_CRS",
        "site":"Global","transactionId":"t-1"}},"timeStamp":"2026-03-01T10:00:00+00:00",
        "resourceId":"/SUBSCRIPTIONS/S/RESOURCEGROUPS/G/PROVIDERS/MICROSOFT.NETWORK/APPLICATIONGATEWAYS/GW-TWO"}}"#
    )
}

#[test]
fn a_match_is_read_although_its_port_is_empty_and_its_time_has_another_name() {
    one(&json("Matched"), |event| {
        assert_eq!((event.kind, event.time), (Kind::FirewallMatch, at("2026-03-01T10:00:00Z")));
        assert_eq!((says(event.source_text), event.source_port), (Some("203.0.113.9"), None));
        assert_eq!((says(event.rule), says(event.message)), (Some("920320"), Some("Missing User Agent Header")));
        assert_eq!((says(event.request.host), says(event.request.path)), (Some("shop.example"), Some("/verify")));
        assert_eq!((says(event.correlation), says(event.gateway)), (Some("t-1"), Some("gw-two")));
    });
}

#[test]
fn only_what_was_blocked_was_kept_out() {
    let what = |action: &str| one(&json(action), |event| (event.decision, event.outcome, event.reason));
    assert_eq!(what("Matched"), (Some(Decision::Matched), Outcome::Unknown, Reason::Unknown));
    assert_eq!(what("Detected"), (Some(Decision::Logged), Outcome::Unknown, Reason::Unknown));
    assert_eq!(what("Blocked"), (Some(Decision::Denied), Outcome::Failure, Reason::Firewall));
    assert_eq!(what("Allowed"), (Some(Decision::Allowed), Outcome::Unknown, Reason::Unknown));
}

#[test]
fn a_row_of_its_own_table_is_read_without_properties() {
    let row = r#"{"TimeGenerated":"2026-03-01T10:00:00Z","Type":"AGWFirewallLogs","Action":"Blocked","ClientIp":"203.0.113.9",
        "_ResourceId":"/subscriptions/s/resourcegroups/g/providers/microsoft.network/applicationgateways/gw-two","Hostname":"shop.example",
        "Message":"m","RequestUri":"/a","RuleId":"949110","TransactionId":"t-1"}"#;
    one(row, |event| {
        assert_eq!((event.kind, event.decision), (Kind::FirewallMatch, Some(Decision::Denied)));
        assert_eq!(
            (says(event.rule), says(event.request.path), says(event.message)),
            (Some("949110"), Some("/a"), Some("m"))
        );
    });
}
