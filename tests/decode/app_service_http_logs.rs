//! The web server's access log.

use super::*;

#[test]
fn a_windows_record_is_read_whole() {
    one(WINDOWS_HTTP, |event| {
        assert_eq!((event.category, event.kind), (Category::AppServiceHTTPLogs, Kind::HttpRequest));
        assert_eq!((says(event.app), event.source_ip), (Some("shop"), Some("203.0.113.7".parse().unwrap())));
        assert_eq!(says(event.client.agent), Some("Mozilla/5.0 (Windows NT 10.0; Win64; x64)"));
        assert_eq!(says(event.request.host), Some("shop.azurewebsites.net"));
        assert_eq!((says(event.request.method), says(event.request.path)), (Some("POST"), Some("/api/pay")));
        assert_eq!(says(event.request.query), Some("code=azure-function-key:k1:ABCDEFGHIJKLMNOP&x=1"));
        assert_eq!(says(event.key.id), Some("azure-function-key:k1:ABCDEFGHIJKLMNOP"));
        assert_eq!(event.key.transport, Some(Transport::Query));
        assert_eq!((event.response.status, event.response.substatus), (Some(401), Some(0)));
        assert_eq!(
            (event.request.size, event.response.size, event.response.duration_ms),
            (Some(1523), Some(778), Some(179))
        );
        assert_eq!((event.outcome, event.reason), (Outcome::Failure, Reason::KeyInvalid));
        assert_eq!(says(event.own_id), Some("820d6db3-32ed-4b18-b1d2-2ce575080071"));
        assert_eq!(says(event.correlation), says(event.own_id));
        assert!(event.cookie.is_none() && event.identity.name.is_none() && event.referrer.is_none());
    });
}

#[test]
fn a_linux_record_is_read_whole() {
    one(LINUX_HTTP, |event| {
        assert_eq!((event.category, event.kind), (Category::AppServiceHTTPLogs, Kind::HttpRequest));
        assert_eq!(event.time, at("2024-09-18T09:18:29.915294Z"));
        assert_eq!((says(event.app), event.source_ip), (Some("shop"), Some("198.51.100.9".parse().unwrap())));
        assert_eq!(says(event.request.path), Some("/connect/token"));
        assert_eq!(says(event.request.query), Some("a=/b&X-ARR-LOG-ID=chosen-by-a-client"));
        assert_eq!((event.response.status, event.response.size), (Some(200), Some(25461)));
        assert_eq!((event.outcome, event.reason), (Outcome::Success, Reason::Unknown));
        assert_eq!(says(event.client.agent), Some("curl/8.5.0 (linux)"));
        assert_eq!(says(event.cookie), Some("ARRAffinity: b0f7ccff; "));
        assert!(event.own_id.is_none() && event.correlation.is_none() && event.referrer.is_none());
        let query = event.request.query.unwrap();
        assert_eq!(&LINUX_HTTP[query.start as usize..query.end as usize], "a=\\\\/b&X-ARR-LOG-ID=chosen-by-a-client");
    });
}

#[test]
fn each_status_has_its_reason() {
    for (status, outcome, reason) in [
        (200, Outcome::Success, Reason::Unknown),
        (302, Outcome::Success, Reason::Unknown),
        (400, Outcome::Failure, Reason::BadRequest),
        (401, Outcome::Failure, Reason::AuthenticationRequired),
        (403, Outcome::Failure, Reason::Forbidden),
        (404, Outcome::Failure, Reason::NotFound),
        (405, Outcome::Failure, Reason::MethodNotAllowed),
        (429, Outcome::Failure, Reason::Rate),
        (500, Outcome::Failure, Reason::Backend),
        (503, Outcome::Failure, Reason::Backend),
        (418, Outcome::Failure, Reason::Unknown),
        (0, Outcome::Unknown, Reason::Unknown),
    ] {
        let json = format!(r#"{{"category":"AppServiceHTTPLogs","properties":{{"ScStatus":"{status}"}}}}"#);
        one(&json, |event| assert_eq!((event.outcome, event.reason), (outcome, reason), "{status}"));
    }
}

fn query<R>(query: &str, check: impl FnOnce(&Event<'_>) -> R) -> R {
    let json = format!(
        r#"{{"category":"AppServiceHTTPLogs","properties":{{"ScSubStatus":"0","ScStatus":401,"CsUriQuery":"{query}"}}}}"#
    );
    one(&json, check)
}

#[test]
fn only_the_front_ends_own_id_is_believed() {
    query("X-ARR-LOG-ID=one", |event| {
        assert_eq!((says(event.own_id), says(event.request.query)), (Some("one"), None));
    });
    query("X-ARR-LOG-ID=mine&a=1&X-ARR-LOG-ID=real", |event| {
        assert_eq!(says(event.own_id), Some("real"));
        assert_eq!(says(event.request.query), Some("X-ARR-LOG-ID=mine&a=1"));
    });
    query("X-ARR-LOG-ID=mine&a=1", |event| {
        assert_eq!((says(event.own_id), says(event.request.query)), (None, Some("X-ARR-LOG-ID=mine&a=1")));
    });
}

#[test]
fn a_code_that_is_no_fingerprint_is_no_key() {
    query("?code=hello", |event| {
        assert_eq!((event.key.transport, event.reason), (None, Reason::AuthenticationRequired));
        assert_eq!(says(event.request.query), Some("code=hello"));
    });
}
