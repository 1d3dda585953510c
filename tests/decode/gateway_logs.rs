//! API Management's access log.

use super::*;

#[test]
fn a_refused_request_is_read_whole() {
    one(GATEWAY, |event| {
        assert_eq!((event.category, event.kind), (Category::GatewayLogs, Kind::GatewayRequest));
        assert_eq!(event.time, at("2026-01-29T09:25:05.351130100Z"));
        assert_eq!((says(event.gateway), event.app.is_none()), (Some("apim-1"), true));
        assert_eq!((event.source_ip, event.source_port), (Some("203.0.113.7".parse().unwrap()), Some(4711)));
        assert_eq!(says(event.source_text), Some("203.0.113.7"));
        assert_eq!((says(event.operation), says(event.level)), (Some("get-weather"), Some("Informational")));
        assert_eq!(says(event.request.host), Some("apim-1.azure-api.net"));
        assert_eq!(says(event.request.path), Some("/weather/current"));
        assert_eq!(says(event.request.query), Some("subscription-key=apim-subscription-key:k1:ABCDEFGHIJKLMNOP&q=1"));
        assert_eq!((says(event.key.id), event.key.transport), (Some("sub-1"), Some(Transport::Query)));
        assert_eq!(says(event.client.tls), Some("1.2"));
        assert_eq!((says(event.origin), says(event.response.allow_origin)), (Some("https://shop.example"), Some("*")));
        assert_eq!(says(event.client.agent), Some("curl/8.5.0"));
        assert_eq!((event.request.size, event.response.size), (Some(288), Some(838)));
        assert_eq!((event.response.status, event.response.duration_ms), (Some(401), Some(166)));
        assert_eq!((event.outcome, event.reason), (Outcome::Failure, Reason::KeyInvalid));
        assert_eq!(says(event.own_id), Some("bf0d72ed-e82f-4549-a642-223ebc40e5cc"));
        assert_eq!(says(event.correlation), says(event.own_id));
    });
}

fn answer(envelope: &str, properties: &str) -> (Outcome, Reason) {
    let json = format!(r#"{{"category":"GatewayLogs"{envelope},"properties":{{{properties}}}}}"#);
    one(&json, |event| (event.outcome, event.reason))
}

#[test]
fn the_reason_is_found_in_every_place_it_is_written() {
    for error in [
        r#""lastError":{"reason":"TokenSignatureKeyNotFound","source":"validate-jwt"}"#,
        r#""lastError":"{\"reason\":\"TokenSignatureKeyNotFound\"}""#,
        r#""errors":[{"source":"x","reason":"TokenSignatureKeyNotFound"},{"reason":"Timeout"}]"#,
        r#""LastErrorReason":"TokenSignatureKeyNotFound""#,
        r#""lastError_reason_s":"TokenSignatureKeyNotFound""#,
    ] {
        let properties = format!(r#""responseCode":401,{error}"#);
        assert_eq!(answer("", &properties), (Outcome::Failure, Reason::SigningKeyUnknown), "{error}");
    }
    let named = |name: &str| answer("", &format!(r#""responseCode":403,"lastError":{{"reason":"{name}"}}"#)).1;
    assert_eq!(named("CallerIpBlocked"), Reason::AddressNotAllowed);
    assert_eq!(named("HeaderNotFound"), Reason::Header);
    assert_eq!(named("New"), Reason::Forbidden);
}

#[test]
fn a_request_without_a_status_ended_as_the_record_says_it_did() {
    assert_eq!(
        answer("", r#""responseCode":0,"lastError":{"reason":"ClientConnectionFailure"}"#),
        (Outcome::Failure, Reason::ClientGone)
    );
    assert_eq!(answer(r#","isRequestSuccess":false"#, ""), (Outcome::Failure, Reason::Unknown));
    assert_eq!(answer(r#","isRequestSuccess":true"#, ""), (Outcome::Success, Reason::Unknown));
    assert_eq!(answer("", ""), (Outcome::Unknown, Reason::Unknown));
}

#[test]
fn a_redirect_to_login_is_told_where_the_answers_headers_are_logged() {
    let properties = r#""responseCode":302,"responseHeaders":{"LOCATION":"https://a.example/.auth/login/aad"}"#;
    assert_eq!(answer("", properties), (Outcome::Success, Reason::RedirectedToLogin));
    assert_eq!(answer("", r#""responseCode":302"#), (Outcome::Success, Reason::Unknown));
}

#[test]
fn the_error_tells_people_what_happened_wherever_it_stands() {
    for error in [
        r#""lastError":{"reason":"CallerIpNotAllowed","message":"not allowed"}"#,
        r#""LastErrorReason":"CallerIpNotAllowed","LastErrorMessage":"not allowed""#,
        r#""errors":[{"reason":"CallerIpNotAllowed","message":"not allowed"},{"message":"later"}]"#,
        r#""errors":"[{\"reason\":\"CallerIpNotAllowed\",\"message\":\"not allowed\"}]""#,
    ] {
        let json = format!(r#"{{"category":"GatewayLogs","properties":{{"responseCode":403,{error}}}}}"#);
        one(&json, |event| {
            assert_eq!(
                (event.reason, says(event.message)),
                (Reason::AddressNotAllowed, Some("not allowed")),
                "{error}"
            );
        });
    }
}

#[test]
fn the_host_behind_the_gateway_and_the_built_in_subscription_are_told() {
    let json = r#"{"category":"GatewayLogs","properties":{"apimSubscriptionId":"master","responseCode":200,
        "backendUrl":"https://fn-orders.azurewebsites.net/api/orders?code=x"}}"#;
    one(json, |event| {
        assert_eq!((says(event.target), says(event.key.id)), (Some("fn-orders.azurewebsites.net"), Some("master")));
    });
}

#[test]
fn the_forwarded_chain_and_the_ids_of_other_layers_are_read_from_the_headers() {
    let with =
        |headers: &str| format!(r#"{{"category":"GatewayLogs","properties":{{"requestHeaders":{{{headers}}}}}}}"#);
    let all = r#""x-forwarded-for":"6.6.6.6, 203.0.113.9","X-Azure-ClientIP":"6.6.6.6","X-Azure-SocketIP":"203.0.113.9",
        "traceparent":"00-0123456789abcdef0123456789abcdef-0123456789abcdef-01","X-Azure-Ref":"0made""#;
    one(&with(all), |event| {
        assert_eq!(says(event.forwarded), Some("6.6.6.6, 203.0.113.9"));
        assert_eq!(
            (says(event.front_door.client), says(event.front_door.socket)),
            (Some("6.6.6.6"), Some("203.0.113.9"))
        );
        assert_eq!(says(event.trace), Some("0made"), "Front Door knows no other id");
        assert!(event.source_ip.is_none() && event.peer.is_none(), "who may be believed is not decided here");
    });
    let trace = |headers: &str| one(&with(headers), |event| says(event.trace).map(str::to_owned));
    let parent = r#""traceparent":"00-0123456789abcdef0123456789abcdef-0123456789abcdef-01""#;
    assert_eq!(trace(parent).as_deref(), Some("0123456789abcdef0123456789abcdef"));
    assert_eq!(trace(r#""traceparent":"00-short""#), None);
    assert_eq!(trace(r#""X-ARR-LOG-ID":"a-1""#).as_deref(), Some("a-1"));
}

#[test]
fn a_client_that_says_itself_who_is_signed_in_is_told_by_the_first_header_that_does() {
    let header = |headers: &str| {
        let json = format!(r#"{{"category":"GatewayLogs","properties":{{"requestHeaders":{headers}}}}}"#);
        one(&json, |event| says(event.identity.header).map(str::to_owned))
    };
    let first = r#"{"Accept":"x-ms-client-principal","x-ms-client-principal-id":"u","X-MS-TOKEN-AAD-ID-TOKEN":"t"}"#;
    assert_eq!(header(first).as_deref(), Some("x-ms-client-principal-id"));
    assert_eq!(header(r#""{\"X-MS-CLIENT-PRINCIPAL\":\"\"}""#).as_deref(), Some("X-MS-CLIENT-PRINCIPAL"));
    assert_eq!(header(r#"{"X-MS-CLIENT":"p","x-ms-tokens":"x-ms-token-a"}"#), None);
}

#[test]
fn a_row_of_the_gateways_table_and_one_of_the_shared_table_say_the_same() {
    let own = r#"{"TimeGenerated":"2026-01-01T00:00:00Z","Type":"ApiManagementGatewayLogs","CallerIpAddress":"203.0.113.7","Category":"GatewayLogs",
        "_ResourceId":"/subscriptions/s/providers/microsoft.apimanagement/service/apim-1","Method":"GET","IsRequestSuccess":false,
        "Url":"https://apim-1.azure-api.net/a","ResponseCode":401,"LastErrorReason":"SubscriptionKeyNotFound","TotalTime":7,
        "LastErrorMessage":"m","BackendUrl":"https://fn.azurewebsites.net/a","Errors":"[]","ApimSubscriptionId":"s-1"}"#;
    let shared = r#"{"TimeGenerated":"2026-01-01T00:00:00Z","Type":"AzureDiagnostics","CallerIPAddress":"203.0.113.7","Category":"GatewayLogs",
        "ResourceId":"/SUBSCRIPTIONS/S/PROVIDERS/MICROSOFT.APIMANAGEMENT/SERVICE/APIM-1","method_s":"GET","isRequestSuccess_b":false,
        "url_s":"https://apim-1.azure-api.net/a","responseCode_d":401,"lastError_reason_s":"SubscriptionKeyNotFound","DurationMs":7,
        "lastError_message_s":"m","backendUrl_s":"https://fn.azurewebsites.net/a","apimSubscriptionId_s":"s-1"}"#;
    for row in [own, shared] {
        one(row, |event| {
            assert_eq!((event.kind, says(event.gateway)), (Kind::GatewayRequest, Some("apim-1")), "{row}");
            assert_eq!((event.reason, says(event.message)), (Reason::KeyMissing, Some("m")), "{row}");
            assert_eq!((says(event.request.path), says(event.target)), (Some("/a"), Some("fn.azurewebsites.net")));
            assert_eq!((event.response.duration_ms, says(event.key.id)), (Some(7), Some("s-1")), "{row}");
            assert_eq!(says(event.source_text), Some("203.0.113.7"));
        });
    }
}
