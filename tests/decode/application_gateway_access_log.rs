//! Application Gateway's access log, of both its versions.

use super::*;

fn first(more: &str) -> String {
    format!(
        r#"{{"resourceId":"/SUBSCRIPTIONS/S/RESOURCEGROUPS/G/PROVIDERS/MICROSOFT.NETWORK/APPLICATIONGATEWAYS/Gw-One",
        "operationName":"ApplicationGatewayAccess","timestamp":"2026-03-01T10:00:00Z","category":"ApplicationGatewayAccessLog",
        "properties":{{"instanceId":"ApplicationGatewayRole_IN_0","clientIP":"203.0.113.9","clientPort":46886,"httpMethod":"GET",
        "requestUri":"/a","userAgent":"-","httpStatus":404,"httpVersion":"HTTP/1.0","receivedBytes":65,"sentBytes":553,
        "timeTaken":205,"sslEnabled":"off","host":"10.0.0.1","originalHost":"www.contoso.example"{more}}}}}"#
    )
}

fn second(more: &str) -> String {
    format!(
        r#"{{"timeStamp":"2026-03-01T10:00:00+00:00","resourceId":"/SUBSCRIPTIONS/S/RESOURCEGROUPS/G/PROVIDERS/MICROSOFT.NETWORK/APPLICATIONGATEWAYS/GW-TWO",
        "listenerName":"https-listener","ruleName":"r","backendPoolName":"p","operationName":"ApplicationGatewayAccess",
        "category":"ApplicationGatewayAccessLog","properties":{{"instanceId":"appgw_2","clientIP":"203.0.113.9","clientPort":"45057",
        "sslProtocol":"TLSv1.2","serverRouted":"10.4.0.4:443","originalHost":"shop.example","transactionId":"0123456789abcdef0123456789abcdef"{more}}}}}"#
    )
}

#[test]
fn version_1_writes_milliseconds_and_adds_to_the_query_what_is_not_the_clients() {
    let own = "X-AzureApplicationGateway-CACHE-HIT=0&SERVER-ROUTED=10.4.0.4&X-AzureApplicationGateway-LOG-ID=log-1&SERVER-STATUS=404";
    one(&first(&format!(r#","requestQuery":"q=1&{own}""#)), |event| {
        assert_eq!((event.kind, says(event.gateway)), (Kind::GatewayRequest, Some("gw-one")));
        assert_eq!(event.time, at("2026-03-01T10:00:00Z"));
        assert_eq!((says(event.source_text), event.source_port), (Some("203.0.113.9"), Some(46886)));
        assert_eq!((says(event.request.path), says(event.request.query)), (Some("/a"), Some("q=1")));
        assert_eq!((says(event.request.host), event.client.agent.is_none()), (Some("www.contoso.example"), true));
        assert_eq!((says(event.target), says(event.correlation)), (Some("10.4.0.4"), Some("log-1")));
        assert_eq!((event.response.duration_ms, event.response.status), (Some(205), Some(404)));
        assert_eq!((event.request.size, event.response.size, event.reason), (Some(65), Some(553), Reason::NotFound));
    });
    one(&first(&format!(r#","requestQuery":"{own}""#)), |event| assert!(event.request.query.is_none()));
}

#[test]
fn a_client_cannot_hide_its_query_behind_the_gateways_own_words() {
    let forged = "a=' or 1=1&X-AzureApplicationGateway-CACHE-HIT=0&SERVER-ROUTED=1.2.3.4&SERVER-STATUS=404&b=2";
    one(&second(&format!(r#","requestQuery":"{forged}","requestUri":"/a""#)), |event| {
        assert_eq!((says(event.request.query), says(event.target)), (Some(forged), Some("10.4.0.4")));
    });
    let own = "X-AzureApplicationGateway-CACHE-HIT=0&SERVER-ROUTED=10.4.0.4&SERVER-STATUS=404";
    one(&first(&format!(r#","requestQuery":"{forged}&{own}""#)), |event| {
        assert_eq!((says(event.request.query), says(event.target)), (Some(forged), Some("10.4.0.4")));
    });
}

#[test]
fn version_2_writes_seconds_and_its_listener_beside_properties() {
    let more = r#","httpMethod":"GET","originalRequestUriWithArgs":"\/search?q=books&subscription-key=apim-subscription-key:k1:ABCDEFGHIJKLMNOP",
        "requestUri":"\/rewritten","requestQuery":"q=changed","httpStatus":"301","timeTaken":0.0134"#;
    one(&second(more), |event| {
        assert_eq!((event.response.duration_ms, event.response.status), (Some(13), Some(301)));
        assert_eq!((says(event.operation), says(event.client.tls)), (Some("https-listener"), Some("1.2")));
        assert_eq!(says(event.request.path), Some("/search"), "what the client asked, not what it was rewritten to");
        assert_eq!(
            says(event.request.query),
            Some("q=books&subscription-key=apim-subscription-key:k1:ABCDEFGHIJKLMNOP")
        );
        assert_eq!(
            (says(event.key.id), event.key.transport),
            (Some("apim-subscription-key:k1:ABCDEFGHIJKLMNOP"), Some(Transport::Query))
        );
        assert_eq!((says(event.trace), event.source_port), (Some("0123456789abcdef0123456789abcdef"), Some(45057)));
        assert_eq!((event.outcome, says(event.target)), (Outcome::Success, Some("10.4.0.4")));
    });
    for (taken, ms) in [("2", 2000), ("\"0.5\"", 500), ("0", 0)] {
        one(&second(&format!(r#","timeTaken":{taken}"#)), |event| {
            assert_eq!(event.response.duration_ms, Some(ms), "whole seconds have no point");
        });
    }
}

#[test]
fn garbage_that_was_no_http_is_told_from_a_bad_request() {
    let reason = |more: &str| one(&second(more), |event| (event.outcome, event.reason));
    assert_eq!(reason(r#","httpMethod":"","requestUri":"","httpStatus":400"#), (Outcome::Failure, Reason::Protocol));
    assert_eq!(
        reason(r#","httpMethod":"GET","requestUri":"/","httpStatus":400"#),
        (Outcome::Failure, Reason::BadRequest)
    );
}

#[test]
fn the_gateways_error_says_more_than_the_status() {
    let reason = |more: &str| one(&second(more), |event| event.reason);
    let with = |status: u16, error: &str| {
        reason(&format!(r#","httpMethod":"GET","httpStatus":{status},"error_info":"{error}""#))
    };
    assert_eq!(with(502, "ERRORINFO_UPSTREAM_NO_LIVE"), Reason::Backend);
    assert_eq!(with(504, "ERRORINFO_UPSTREAM_TIMED_OUT"), Reason::Timeout);
    assert_eq!(with(400, "ERRORINFO_HTTP_TO_HTTPS"), Reason::Protocol);
    assert_eq!(with(403, "ERRORINFO_NO_ERROR"), Reason::Forbidden);
}

#[test]
fn a_row_of_its_own_table_is_read_without_properties() {
    let json = r#"{"TimeGenerated":"2026-03-01T10:00:00Z","Type":"AGWAccessLogs","OperationName":"ApplicationGatewayAccess",
        "_ResourceId":"/subscriptions/s/resourcegroups/g/providers/microsoft.network/applicationgateways/gw-two","ListenerName":"l",
        "ClientIp":"203.0.113.9","ClientPort":45057,"HttpMethod":"GET","RequestUri":"/a","RequestQuery":"b=1","HttpStatus":502,
        "TimeTaken":0.25,"TransactionId":"t","ErrorInfo":"ERRORINFO_UPSTREAM_TIMED_OUT","OriginalHost":"shop.example","SslProtocol":"TLSv1.3"}"#;
    one(json, |event| {
        assert_eq!((event.kind, says(event.gateway)), (Kind::GatewayRequest, Some("gw-two")));
        assert_eq!((says(event.request.path), says(event.request.query)), (Some("/a"), Some("b=1")));
        assert_eq!((event.response.duration_ms, event.reason), (Some(250), Reason::Timeout));
        assert_eq!((says(event.operation), says(event.source_text)), (Some("l"), Some("203.0.113.9")));
    });
}
