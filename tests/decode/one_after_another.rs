//! A message says the same whatever was decoded before it with the same memory.

use gatewatch::telemetry::Decoder;

use super::*;

/// Messages that leave something behind, and those that have nothing of it.
const MESSAGES: [&[u8]; 14] = [
    br#"{"time":"2026-11-23T14:00:01Z","category":"GatewayLogs","resourceId":"/SUBSCRIPTIONS/S/RESOURCEGROUPS/G/PROVIDERS/MICROSOFT.APIMANAGEMENT/SERVICE/APIM","callerIpAddress":"203.0.113.7","properties":{"method":"GET","url":"https://apim.azure-api.net/a","responseCode":401}}"#,
    br#"{"category":"GatewayLogs"}"#,
    br#"{"time":"2026-11-23T14:00:02Z","category":"FunctionAppLogs","resourceId":"/SUBSCRIPTIONS/S/RESOURCEGROUPS/G/PROVIDERS/MICROSOFT.WEB/SITES/SHOP","level":"Error","properties":"{'message':'it broke','functionName':'Functions.pay','level':'Error'}"}"#,
    br#"{"category":"FunctionAppLogs"}"#,
    br#"{"category":"FunctionAppLogs","properties":{}}"#,
    br#"{"time":"2026-11-23T14:00:03Z","category":"Administrative","resourceId":"/SUBSCRIPTIONS/S/X","identity":{"authorization":{"evidence":{"role":"Owner"}},"claims":{"name":"Ann","appid":"a1"}},"operationName":"Microsoft.Web/sites/write","properties":{"statusCode":"Created"}}"#,
    br#"{"category":"Administrative","operationName":"Microsoft.Web/sites/delete"}"#,
    br#"{"time":"2026-11-23T14:00:04Z","category":"GatewayLogs","properties":{"method":"POST","url":"https://a/b","responseCo"#,
    br#"{"records":[{"category":"GatewayLogs","properties":{"method":"PUT"}},{"category":"AppServiceHTTPLogs"},7]}"#,
    br#"{"resourceLogs":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"shop"}}]},"scopeLogs":[{"logRecords":[{"timeUnixNano":"1763906400000000000","severityText":"Error","body":{"stringValue":"gone"}}]}]}]}"#,
    b"{\"category\":\"GatewayLogs\",\"properties\":{\"method\":\"G\xffT\"}}",
    b"\xff\xfe\x00",
    b"",
    br#"{"category":"AppServiceHTTPLogs","properties":{"CsMethod":"GET","CsHost":"shop.example","ScStatus":200,"UserAgent":"curl/8"}}"#,
];

fn said(one: &Result<&mut Event<'_>, Undecodable>) -> Vec<String> {
    match one {
        Err(undecodable) => vec![format!("{:?} {:?} {}", undecodable.reason, undecodable.bytes, undecodable.index)],
        Ok(e) => {
            let mut said: Vec<String> = texts(e).map(|text| format!("{text:?}")).collect();
            said.push(format!("{:?} {:?} {} {:?} {:?}", e.kind, e.category, e.time, e.source_ip, e.record));
            said.push(format!("{:?} {:?} {:?} {:?}", e.outcome, e.reason, e.decision, e.identity.kind));
            said.push(format!("{:?} {:?} {:?}", e.response.status, e.response.size, e.key.transport));
            said
        }
    }
}

#[test]
fn nothing_of_a_message_is_left_in_the_next() {
    for shift in 0..MESSAGES.len() {
        for stride in [1, 3, 5] {
            let mut batch = Batch::default();
            let order: Vec<&[u8]> =
                (0..3 * MESSAGES.len()).map(|n| MESSAGES[(n * stride + shift) % MESSAGES.len()]).collect();
            for bytes in &order {
                batch.push(bytes, StreamId(7), 42, 43, Some(at(RECEIVED)));
            }
            let (scanned, arena) = (Scanned::new(&batch, Vec::new()), Bump::new());
            let mut decoder = Decoder::new(&scanned, &arena);
            for (number, bytes) in order.into_iter().enumerate() {
                let mut together = Vec::new();
                decoder.decode(number, |one| together.push(said(&one)));
                let alone = decoded(bytes, |all| all.iter().map(said).collect::<Vec<_>>());
                assert_eq!(together, alone, "{}", bytes.escape_ascii());
            }
        }
    }
}
