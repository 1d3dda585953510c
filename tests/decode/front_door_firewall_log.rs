//! Front Door's firewall log.

use super::*;

fn json(action: &str, mode: &str) -> String {
    format!(
        r#"{{"time":"2026-03-01T10:00:00Z","resourceId":"/SUBSCRIPTIONS/S/RESOURCEGROUPS/G/PROVIDERS/MICROSOFT.CDN/PROFILES/FD-CONTOSO",
        "category":"FrontDoorWebApplicationFirewallLog","operationName":"Microsoft.Cdn/Profiles/WebApplicationFirewallLog/Write",
        "properties":{{"clientIP":"6.6.6.6","clientPort":"44200","socketIP":"203.0.113.9","requestUri":"http://shop.example:80/a?q=' or 1=1",
        "ruleName":"DefaultRuleSet-1.0-SQLI-942330","policy":"wafpolicy","action":"{action}","host":"shop.example",
        "trackingReference":"0made","policyMode":"{mode}","details":{{"matches":[{{"matchVariableName":"QueryParamValue:q",
        "matchVariableValue":"' or 1=1"}}],"msg":"SQL injection","data":"x"}}}}}}"#
    )
}

fn decided(action: &str, mode: &str) -> (Option<Decision>, Outcome, Reason) {
    one(&json(action, mode), |event| (event.decision, event.outcome, event.reason))
}

#[test]
fn a_match_says_which_rule_matched_for_whom_and_joins_the_access_log() {
    one(&json("Block", "prevention"), |event| {
        assert_eq!(event.kind, Kind::FirewallMatch);
        assert_eq!((says(event.source_text), says(event.forwarded)), (Some("203.0.113.9"), Some("6.6.6.6")));
        assert_eq!((says(event.rule), says(event.trace)), (Some("DefaultRuleSet-1.0-SQLI-942330"), Some("0made")));
        assert_eq!((says(event.request.host), says(event.request.path)), (Some("shop.example"), Some("/a")));
        assert_eq!((says(event.message), says(event.gateway)), (Some("SQL injection"), Some("fd-contoso")));
    });
}

#[test]
fn a_block_in_detection_mode_blocked_nothing() {
    assert_eq!(decided("Block", "prevention"), (Some(Decision::Denied), Outcome::Failure, Reason::Firewall));
    assert_eq!(decided("block", "Detection"), (Some(Decision::Logged), Outcome::Unknown, Reason::Unknown));
}

#[test]
fn every_action_has_its_meaning() {
    let what = |action| decided(action, "prevention").0;
    assert_eq!(what("Allow"), Some(Decision::Allowed));
    assert_eq!(what("Log"), Some(Decision::Logged));
    assert_eq!((what("AnomalyScoring"), what("logandscore")), (Some(Decision::Matched), Some(Decision::Matched)));
    assert_eq!(
        (what("JSChallenge"), what("JSChallengeIssued")),
        (Some(Decision::Challenged), Some(Decision::Challenged))
    );
    assert_eq!((what("JSChallengePass"), what("JSChallengeBlock")), (Some(Decision::Allowed), Some(Decision::Denied)));
    assert_eq!(what("Redirect"), Some(Decision::Denied));
    assert_eq!(what("Something"), None);
}

#[test]
fn details_may_stand_in_a_string_or_in_columns() {
    let text = json("Log", "prevention").replace(
        r#""details":{"matches":[{"matchVariableName":"QueryParamValue:q",
        "matchVariableValue":"' or 1=1"}],"msg":"SQL injection","data":"x"}"#,
        r#""details":"{\"msg\":\"SQL injection\"}""#,
    );
    one(&text, |event| assert_eq!(says(event.message), Some("SQL injection")));
    let row = r#"{"TimeGenerated":"2026-03-01T10:00:00Z","Type":"AzureDiagnostics","Category":"FrontdoorWebApplicationFirewallLog",
        "ResourceId":"/SUBSCRIPTIONS/S/RESOURCEGROUPS/G/PROVIDERS/MICROSOFT.NETWORK/FRONTDOORS/FD-OLD","clientIP_s":"203.0.113.9",
        "action_s":"Block","policyMode_s":"prevention","ruleName_s":"own","details_msg_s":"m","requestUri_s":"https://a.example/b"}"#;
    one(row, |event| {
        assert_eq!((event.decision, says(event.message)), (Some(Decision::Denied), Some("m")));
        assert_eq!((says(event.gateway), says(event.rule)), (Some("fd-old"), Some("own")));
    });
}
