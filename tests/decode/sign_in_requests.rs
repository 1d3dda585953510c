//! Requests to Easy Auth's own endpoints, in the web server's log.

use super::*;

#[test]
fn a_refused_callback_is_read_whole() {
    one(HTTP_SIGN_IN, |event| {
        assert_eq!((event.category, event.kind), (Category::AppServiceHTTPLogs, Kind::SignIn));
        assert_eq!((says(event.operation), says(event.identity.provider)), (Some("callback"), Some("github")));
        assert_eq!((event.outcome, event.reason), (Outcome::Failure, Reason::Protocol));
        assert_eq!(says(event.request.path), Some("/.auth/login/github/callback"));
        assert_eq!(says(event.request.query), Some("code=oauth-code:k1:ABCDEFGHIJKLMNOP&state=x"));
        assert!(event.key.id.is_none() && event.key.transport.is_none(), "a login's code is no key");
        assert_eq!(says(event.own_id), Some("820d6db3-32ed-4b18-b1d2-2ce575080071"));
    });
}

fn request<R>(path: &str, status: i64, more: &str, check: impl FnOnce(&Event<'_>) -> R) -> R {
    let properties = format!(r#""CsUriStem":"{path}","ScStatus":{status}{more}"#);
    one(&format!(r#"{{"category":"AppServiceHTTPLogs","properties":{{{properties}}}}}"#), check)
}

#[test]
fn each_endpoint_is_a_sign_in_with_its_provider() {
    for (path, operation, provider) in [
        ("/.auth/login/aad", "login", Some("aad")),
        ("/.auth/login/AzureActiveDirectory/callback", "callback", Some("aad")),
        ("/.auth/login/twitter", "login", Some("twitter")),
        ("/.auth/login/x/callback", "callback", Some("twitter")),
        ("/.auth/login/google", "login", Some("google")),
        ("/.auth/login/facebook", "login", Some("facebook")),
        ("/.auth/login/My-OIDC/callback", "callback", Some("my-oidc")),
        ("\\/.Auth\\/ME", "me", None),
        ("/.auth/logout", "logout", None),
        ("/.auth/refresh", "refresh", None),
    ] {
        request(path, 200, "", |event| {
            assert_eq!((event.kind, event.outcome), (Kind::SignIn, Outcome::Success), "{path}");
            assert_eq!((says(event.operation), says(event.identity.provider)), (Some(operation), provider), "{path}");
        });
    }
    for path in ["/.auth/login", "/.auth/login/aad/x", "/.auth", "/auth/me", "/api/.auth/me"] {
        request(path, 200, "", |event| assert_eq!((event.kind, event.operation.is_none()), (Kind::HttpRequest, true)));
    }
}

#[test]
fn a_browser_sent_to_log_in_is_told() {
    request("/.auth/login/aad", 302, "", |event| {
        assert_eq!((event.outcome, event.reason), (Outcome::Success, Reason::RedirectedToLogin));
    });
    request("/.auth/login/aad/callback", 302, "", |event| assert_eq!(event.reason, Reason::Unknown));
    request("/.auth/logout", 302, "", |event| assert_eq!(event.reason, Reason::Unknown));
}

#[test]
fn easy_auths_substatus_says_why_on_any_path() {
    for (status, substatus, reason) in [
        (401, "71", Reason::AuthenticationRequired),
        (401, "73", Reason::Protocol),
        (401, "83", Reason::TokenMalformed),
        (401, "0", Reason::AuthenticationRequired),
        (403, "6", Reason::AddressNotAllowed),
        (403, "0", Reason::Forbidden),
        (404, "71", Reason::NotFound),
    ] {
        let more = format!(r#","ScSubStatus":"{substatus}""#);
        for path in ["/api/pay", "/.auth/me"] {
            request(path, status, &more, |event| assert_eq!(event.reason, reason, "{status}.{substatus}"));
        }
    }
}

#[test]
fn easy_auth_refuses_before_anybody_looks_at_a_key() {
    let key = r#","CsUriQuery":"code=azure-function-key:k1:ABCDEFGHIJKLMNOP","ScSubStatus":"#;
    request("/api/pay", 401, &format!("{key}71"), |event| assert_eq!(event.reason, Reason::AuthenticationRequired));
    request("/api/pay", 401, &format!("{key}0"), |event| assert_eq!(event.reason, Reason::KeyInvalid));
}

#[test]
fn port_80_of_a_linux_record_is_no_plain_http() {
    one(LINUX_HTTP, |event| {
        assert!(LINUX_HTTP.contains(r#"SPort\":\"80\""#));
        // The port is the container's, behind the front end that speaks TLS; nothing is made of it.
        assert_eq!((event.source_port, event.client.tls.is_none()), (None, true));
        assert_eq!((event.outcome, event.reason), (Outcome::Success, Reason::Unknown));
    });
}
