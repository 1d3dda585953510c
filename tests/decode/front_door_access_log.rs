//! Front Door's access log, of both its products.

use super::*;

const STANDARD: &str = r#"{"time":"2026-03-01T10:00:00.0000000Z",
    "resourceId":"/SUBSCRIPTIONS/S/RESOURCEGROUPS/G/PROVIDERS/MICROSOFT.CDN/PROFILES/FD-CONTOSO",
    "category":"FrontDoorAccessLog","operationName":"Microsoft.Cdn/Profiles/AccessLog/Write","properties":{
    "trackingReference":"20260301T100000Z-made-up-0001","httpMethod":"POST","httpVersion":"2.0.0.0",
    "requestUri":"https://shop.example:443/api/orders?code=azure-function-key:k1:ABCDEFGHIJKLMNOP&q=1","requestBytes":"640",
    "responseBytes":"1624","userAgent":"curl/8.5.0","clientIp":"6.6.6.6","clientPort":"55262","socketIp":"203.0.113.9",
    "timeToFirstByte":"0.030","timeTaken":"0.0355","requestProtocol":"HTTPS","securityProtocol":"TLS 1.3",
    "rulesEngineMatchNames":[],"httpStatusCode":"401","httpStatusDetails":"401","pop":"PAR","errorInfo":"NoError",
    "ErrorInfo":"NoError","result":"N/A","hostName":"shop.example","routingRuleName":"orders-route",
    "originName":"fn-orders.azurewebsites.net:443","referer":"","clientCountry":"Netherlands","originCryptProtocol":"N/A"}}"#;

#[test]
fn a_record_whose_numbers_are_strings_and_whose_times_are_seconds_is_read_whole() {
    one(STANDARD, |event| {
        assert_eq!((event.category, event.kind), (Category::FrontDoorAccessLog, Kind::GatewayRequest));
        assert_eq!((says(event.gateway), event.time), (Some("fd-contoso"), at("2026-03-01T10:00:00Z")));
        assert_eq!((event.request.size, event.response.size), (Some(640), Some(1624)));
        assert_eq!((event.response.status, event.response.duration_ms), (Some(401), Some(36)));
        assert_eq!((event.outcome, event.reason), (Outcome::Failure, Reason::AuthenticationRequired));
        assert_eq!((says(event.client.tls), says(event.client.agent)), (Some("1.3"), Some("curl/8.5.0")));
        assert_eq!((says(event.country), says(event.operation)), (Some("Netherlands"), Some("orders-route")));
        assert_eq!(says(event.target), Some("fn-orders.azurewebsites.net"));
        assert_eq!(says(event.trace), Some("20260301T100000Z-made-up-0001"));
        assert!(event.referrer.is_none() && event.layer.is_none());
    });
}

#[test]
fn the_full_url_gives_host_path_query_and_the_key_in_it() {
    one(STANDARD, |event| {
        assert_eq!(says(event.request.method), Some("POST"));
        assert_eq!((says(event.request.host), says(event.request.path)), (Some("shop.example"), Some("/api/orders")));
        assert_eq!(says(event.request.query), Some("code=azure-function-key:k1:ABCDEFGHIJKLMNOP&q=1"));
        assert_eq!(says(event.key.id), Some("azure-function-key:k1:ABCDEFGHIJKLMNOP"));
        assert_eq!(event.key.transport, Some(Transport::Query));
    });
}

#[test]
fn who_was_connected_is_the_source_and_who_the_client_says_it_is_only_claimed() {
    one(STANDARD, |event| {
        assert_eq!(event.source_ip, Some("203.0.113.9".parse().unwrap()));
        assert_eq!((says(event.source_text), says(event.forwarded)), (Some("203.0.113.9"), Some("6.6.6.6")));
        assert_eq!(event.source_port, None, "the port is the claimed client's");
    });
    one(&STANDARD.replace("6.6.6.6", "203.0.113.9"), |event| {
        assert!(event.forwarded.is_none());
        assert_eq!(event.source_port, Some(55262));
    });
    one(&STANDARD.replace(r#","socketIp":"203.0.113.9""#, ""), |event| {
        assert_eq!((says(event.source_text), event.forwarded.is_none()), (Some("6.6.6.6"), true));
    });
}

#[test]
fn an_error_without_a_status_is_a_failure_with_its_reason() {
    let with = |status: &str, error: &str| {
        let json = STANDARD.replace(r#""httpStatusCode":"401""#, &format!(r#""httpStatusCode":"{status}""#));
        one(&json.replace("NoError", error), |event| (event.outcome, event.reason))
    };
    assert_eq!(with("0", "ClientDisconnected"), (Outcome::Failure, Reason::ClientGone));
    assert_eq!(with("0", "NoError"), (Outcome::Unknown, Reason::Unknown));
    assert_eq!(with("503", "OriginTimeout"), (Outcome::Failure, Reason::Timeout));
    assert_eq!(with("503", "DNSNameNotResolved"), (Outcome::Failure, Reason::Backend));
    assert_eq!(with("403", "ClientGeoBlocked"), (Outcome::Failure, Reason::AddressNotAllowed));
    assert_eq!(with("403", "NoError"), (Outcome::Failure, Reason::Forbidden));
    assert_eq!(with("421", "SSLMismatchedSNI"), (Outcome::Failure, Reason::Protocol));
    assert_eq!(with("404", "SomethingNew"), (Outcome::Failure, Reason::NotFound));
}

#[test]
fn a_key_that_stands_twice_in_two_cases_is_read_once() {
    let json = STANDARD.replace(r#""errorInfo":"NoError""#, r#""errorInfo":"""#);
    let json = json.replace(r#""ErrorInfo":"NoError""#, r#""ErrorInfo":"OriginTimeout""#);
    one(&json, |event| assert_eq!(event.reason, Reason::Timeout));
}

#[test]
fn a_record_of_the_classic_product_names_its_backend_and_its_shield() {
    let json = r#"{"time":"2026-03-01T10:00:00Z","category":"FrontdoorAccessLog","operationName":"Microsoft.Network/FrontDoor/AccessLog/Write",
        "resourceId":"/SUBSCRIPTIONS/S/RESOURCEGROUPS/G/PROVIDERS/MICROSOFT.NETWORK/FRONTDOORS/FD-OLD","properties":{
        "trackingReference":"0made+up==","httpMethod":"GET","httpVersion":"1.1.0.0","requestUri":"http://old.azurefd.net:80/a",
        "requestBytes":"160","responseBytes":"2","userAgent":"x","clientIp":"203.0.113.9","socketIp":"203.0.113.9","timeTaken":"1.5",
        "securityProtocol":"","routingRuleName":"default","backendHostname":"fn-old.azurewebsites.net:80","httpStatusCode":"200",
        "isReceivedFromClient":false}}"#;
    one(json, |event| {
        assert_eq!((event.category, says(event.gateway)), (Category::FrontDoorAccessLog, Some("fd-old")));
        assert_eq!((says(event.target), event.client.tls.is_none()), (Some("fn-old.azurewebsites.net"), true));
        assert_eq!((event.response.duration_ms, event.outcome), (Some(1500), Outcome::Success));
        assert_eq!(event.layer, Some(Layer::Inner), "the shield repeats what the edge has logged");
    });
    one(&json.replace("false", "true"), |event| assert_eq!(event.layer, None));
}

#[test]
fn a_row_of_the_table_that_all_services_share_is_read_by_its_columns() {
    let json = r#"{"TimeGenerated":"2026-03-01T10:00:00Z","Type":"AzureDiagnostics","Category":"FrontDoorAccessLog",
        "ResourceId":"/SUBSCRIPTIONS/S/RESOURCEGROUPS/G/PROVIDERS/MICROSOFT.CDN/PROFILES/FD-CONTOSO","httpMethod_s":"GET",
        "requestUri_s":"https://shop.example/a","clientIp_s":"203.0.113.9","socketIp_s":"203.0.113.9","httpStatusCode_d":404.0,
        "timeTaken_s":"0.1","trackingReference_s":"0made","isReceivedFromClient_b":true}"#;
    one(json, |event| {
        assert_eq!((event.kind, says(event.gateway)), (Kind::GatewayRequest, Some("fd-contoso")));
        assert_eq!((says(event.source_text), says(event.request.path)), (Some("203.0.113.9"), Some("/a")));
        assert_eq!((event.response.status, event.reason), (Some(404), Reason::NotFound));
        assert_eq!((event.response.duration_ms, says(event.trace)), (Some(100), Some("0made")));
    });
}
