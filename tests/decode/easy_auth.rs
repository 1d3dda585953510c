//! What Easy Auth refused.

use super::*;

#[test]
fn a_refused_token_is_read_whole() {
    one(EASY_AUTH, |event| {
        assert_eq!((event.category, event.kind), (Category::AppServiceAuthenticationLogs, Kind::SignIn));
        assert_eq!((says(event.app), says(event.level)), (Some("shop"), Some("Warning")));
        assert_eq!(event.time, at("2026-03-02T08:10:36.6738535Z"));
        assert_eq!(says(event.request.host), Some("shop.azurewebsites.net"));
        assert_eq!((event.response.status, event.response.substatus), (Some(401), Some(83)));
        assert_eq!((event.outcome, event.reason), (Outcome::Failure, Reason::Audience));
        assert_eq!(says(event.correlation), Some("3b0e7c1a-0001-4a6e-9d3f-aaaaaaaaaaaa"));
        assert!(event.source_ip.is_none() && event.own_id.is_none());
    });
}

#[track_caller]
fn ends(properties: &str, outcome: Outcome, reason: Reason) {
    let json = format!(r#"{{"category":"AppServiceAuthenticationLogs","properties":{{{properties}}}}}"#);
    one(&json, |event| assert_eq!((event.outcome, event.reason), (outcome, reason), "{json}"));
}

#[test]
fn each_substatus_has_its_reason() {
    for (status, substatus, reason) in [
        ("401", "71", Reason::AuthenticationRequired),
        ("401", "73", Reason::Protocol),
        ("401", "78", Reason::Protocol),
        ("401", "83", Reason::TokenMalformed),
        ("401", "\"401.71\"", Reason::AuthenticationRequired),
        ("\"401\"", "\"83\"", Reason::TokenMalformed),
        ("400", "73", Reason::Protocol),
        ("400", "83", Reason::TokenMalformed),
        ("403", "83", Reason::Forbidden),
        ("403", "null", Reason::Forbidden),
        ("401", "\"\"", Reason::AuthenticationRequired),
    ] {
        ends(&format!(r#""statusCode":{status},"subStatusCode":{substatus}"#), Outcome::Failure, reason);
    }
}

#[test]
fn a_sentence_says_what_is_wrong_with_the_token() {
    for (sentence, reason) in [
        ("JWT validation failed: Audience validation failure", Reason::Audience),
        ("JWT validation failed: IDX10205: Issuer validation failed.", Reason::Issuer),
        ("JWT validation failed: IDX10223: Lifetime validation failed. The token is expired.", Reason::TokenExpired),
        ("JWT validation failed: IDX10222: Lifetime validation failed.", Reason::TokenNotYetValid),
        ("JWT validation failed: IDX10501: Signature validation failed.", Reason::SigningKeyUnknown),
        ("JWT validation failed: IDX10511: Signature validation failed.", Reason::TokenSignature),
        ("JWT validation failed: something new", Reason::Unknown),
    ] {
        ends(&format!(r#""message":"{sentence}""#), Outcome::Failure, reason);
    }
    let sentence = "\"message\":\"Refused\",\"details\":\"JWT validation failed: IDX10214: Audience\"";
    ends(&format!("{sentence},\"statusCode\":401"), Outcome::Failure, Reason::Audience);
}

#[test]
fn a_substatus_that_blames_something_else_than_the_token_counts_before_the_sentence() {
    ends(
        r#""statusCode":401,"subStatusCode":73,"message":"no token and no nonce""#,
        Outcome::Failure,
        Reason::Protocol,
    );
}

#[test]
fn a_warning_about_settings_refuses_nobody() {
    ends(
        r#""message":"Cannot deserialize app setting A, value is JwtClaimChecksV1","taskName":"MiddlewareWarning""#,
        Outcome::Unknown,
        Reason::Unknown,
    );
    ends(r#""statusCode":200,"message":"JWT validation failed: issuer""#, Outcome::Success, Reason::Unknown);
    ends(r#""statusCode":0"#, Outcome::Unknown, Reason::Unknown);
}

#[test]
fn without_a_resource_the_site_names_the_app() {
    let json = r#"{"category":"AppServiceAuthenticationLogs","properties":{"siteName":"Shop-1"}}"#;
    one(json, |event| assert_eq!(says(event.app), Some("shop-1")));
}
