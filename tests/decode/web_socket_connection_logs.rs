//! WebSocket connections through API Management.

use super::*;

#[test]
fn a_connection_says_where_to_and_why_it_failed() {
    let json = r#"{"time":"2026-03-01T10:00:00Z","category":"WebSocketConnectionLogs","correlationId":"c-1",
        "operationName":"Microsoft.ApiManagement/WebSocketConnectionLogs","callerIpAddress":"203.0.113.9",
        "resourceId":"/SUBSCRIPTIONS/S/RESOURCEGROUPS/G/PROVIDERS/MICROSOFT.APIMANAGEMENT/SERVICE/APIM-1","properties":{
        "eventName":"ConnectionClosed","source":"Client","destination":"wss://chat.example:443/room?x=1","error":"BackendConnectionFailure"}}"#;
    one(json, |event| {
        assert_eq!((event.kind, says(event.gateway)), (Kind::GatewayConnection, Some("apim-1")));
        assert_eq!((says(event.operation), says(event.correlation)), (Some("ConnectionClosed"), Some("c-1")));
        assert_eq!((says(event.request.host), says(event.request.path)), (Some("chat.example"), Some("/room")));
        assert_eq!((event.outcome, event.reason), (Outcome::Failure, Reason::Backend));
        assert_eq!((says(event.source_text), says(event.target)), (Some("203.0.113.9"), Some("chat.example")));
    });
}

#[test]
fn a_row_without_an_error_says_not_how_it_ended() {
    let json = r#"{"TimeGenerated":"2026-03-01T10:00:00Z","Type":"ApiManagementWebSocketConnectionLogs","CorrelationId":"c-1",
        "_ResourceId":"/subscriptions/s/providers/microsoft.apimanagement/service/apim-1","EventName":"RequestReceived",
        "Source":"203.0.113.9:4711","Destination":"Gateway","Error":""}"#;
    one(json, |event| {
        assert_eq!((event.kind, event.outcome), (Kind::GatewayConnection, Outcome::Unknown));
        assert_eq!((says(event.source_text), event.source_port), (Some("203.0.113.9"), Some(4711)));
        assert_eq!((says(event.target), says(event.operation)), (Some("Gateway"), Some("RequestReceived")));
    });
}
