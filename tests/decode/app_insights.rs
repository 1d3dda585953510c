//! What Application Insights saw.

use super::*;

const REQUEST: &str = include_str!("../fixtures/decode/app_request.json");
const EXCEPTION: &str = include_str!("../fixtures/decode/app_exception.json");

/// A record of type `kind` with some members more.
fn of_type(kind: &str, more: &str) -> String {
    format!(r#"{{"time":"2026-03-07T14:23:51Z","Type":"{kind}","AppRoleName":"shop",{more}}}"#)
}

#[test]
fn a_request_names_app_function_and_invocation() {
    one(REQUEST, |event| {
        assert_eq!((event.category, event.kind), (Category::AppRequests, Kind::AppRequest));
        assert_eq!((says(event.app), says(event.function)), (Some("shop"), Some("shop/pay")));
        assert!(says(event.resource).unwrap().ends_with("microsoft.insights/components/appi-shop"));
        assert_eq!(says(event.correlation), Some("b1e3c2a0-5d4f-4e6a-8b7c-9d0e1f2a3b4c"));
        assert_eq!(says(event.trace), Some("4bf92f3577b34da6a3ce929d0e0e4736"));
        assert_eq!((event.outcome, event.response.status), (Outcome::Success, Some(202)));
        assert_eq!((event.response.duration_ms, says(event.level)), (Some(15), Some("Information")));
        assert_eq!(
            (says(event.request.method), says(event.request.host)),
            (Some("POST"), Some("shop.azurewebsites.net"))
        );
        assert_eq!(says(event.request.path), Some("/api/pay"));
        assert_eq!(says(event.request.query), Some("basket=7&code=azure-function-key:k1:ABCDEFGHIJKLMNOP"));
        assert_eq!(says(event.key.id), Some("azure-function-key:k1:ABCDEFGHIJKLMNOP"));
        assert_eq!(event.key.transport, Some(Transport::Query));
    });
}

#[test]
fn one_record_of_a_sample_stands_for_many() {
    one(REQUEST, |event| assert_eq!(event.weight, 4));
    for (count, weight) in [("1", 1), ("0", 1), ("-3", 1), ("\"7\"", 7), ("99999999999", u32::MAX), ("\"many\"", 1)] {
        one(&of_type("AppTraces", &format!(r#""ItemCount":{count}"#)), |event| assert_eq!(event.weight, weight));
    }
    one(r#"{"Type":"AppTraces"}"#, |event| assert_eq!(event.weight, 1));
}

#[test]
fn a_masked_address_is_none_and_the_country_survives() {
    one(REQUEST, |event| {
        assert_eq!((event.source_ip, says(event.source_text)), (None, None));
        assert_eq!(says(event.country), Some("Norway"));
    });
    one(&of_type("AppRequests", r#""ClientIP":"203.0.113.7""#), |event| {
        assert_eq!(event.source_ip, Some("203.0.113.7".parse().unwrap()));
    });
}

#[test]
fn a_triggers_result_code_of_zero_is_no_status() {
    let json = of_type("AppRequests", r#""Name":"Sweep","ResultCode":"0","Success":false,"DurationMs":"7.9""#);
    one(&json, |event| {
        assert_eq!((event.response.status, event.outcome), (None, Outcome::Failure));
        assert_eq!((event.response.duration_ms, event.reason), (Some(7), Reason::Unknown));
        assert_eq!((says(event.function), says(event.request.path)), (Some("shop/sweep"), None));
    });
}

#[test]
fn a_401_is_a_failure_though_the_sdk_calls_it_a_success() {
    for (code, success, outcome, reason) in [
        ("401", true, Outcome::Failure, Reason::AuthenticationRequired),
        ("404", true, Outcome::Success, Reason::Unknown),
        ("403", false, Outcome::Failure, Reason::Forbidden),
        ("200", false, Outcome::Failure, Reason::Unknown),
        ("500", false, Outcome::Failure, Reason::Backend),
    ] {
        let json = of_type("AppRequests", &format!(r#""ResultCode":"{code}","Success":{success}"#));
        one(&json, |event| assert_eq!((event.outcome, event.reason), (outcome, reason), "{json}"));
    }
    one(&of_type("AppRequests", r#""ResultCode":500"#), |event| assert_eq!(event.outcome, Outcome::Failure));
}

#[test]
fn a_function_is_known_by_what_the_host_says_or_by_a_plain_name() {
    for (more, function) in [
        (r#""Name":"GET /api/x","Properties":{"FullName":"Functions.Pay"}"#, Some("shop/pay")),
        (r#""Properties":{"Category":"Function.Pay.User"}"#, Some("shop/pay")),
        (r#""Properties":{"Category":"Function.Pay"}"#, Some("shop/pay")),
        (r#""Properties":{"Category":"Host.Results","prop__functionName":"Functions.Pay"}"#, Some("shop/pay")),
        (r#""Properties":{"Category":"Function."}"#, None),
        (r#""OperationName":"Pay""#, Some("shop/pay")),
        (r#""OperationName":"GET /api/pay","Name":"GET /api/pay""#, None),
        (r#""Name":"Pay""#, Some("shop/pay")),
    ] {
        one(&of_type("AppRequests", more), |event| assert_eq!(says(event.function), function, "{more}"));
    }
}

#[test]
fn a_workspaces_row_says_the_same_with_properties_in_a_string() {
    let json = r#"{"TimeGenerated":"2026-03-07T14:23:51Z","_ResourceId":"/subscriptions/s/providers/microsoft.insights/components/a","Type":"AppRequests","AppRoleName":"Shop","Name":"Pay","Success":"True","ResultCode":"200","Properties":"{\"InvocationId\":\"b1e3\",\"FullName\":\"Functions.Pay\"}","ItemCount":"2"}"#;
    one(json, |event| {
        assert_eq!((event.category, event.timed), (Category::AppRequests, true));
        assert_eq!((says(event.app), says(event.function)), (Some("shop"), Some("shop/pay")));
        assert_eq!((says(event.correlation), event.outcome, event.weight), (Some("b1e3"), Outcome::Success, 2));
    });
}

#[test]
fn a_dependency_names_what_was_called_and_how() {
    let more = r#""OperationName":"Pay","Target":"store.example","DependencyType":"HTTP","Name":"GET /images","Data":"https://store.example/images?x=1","Success":false,"ResultCode":"403""#;
    one(&of_type("AppDependencies", more), |event| {
        assert_eq!((event.kind, says(event.function)), (Kind::AppDependency, Some("shop/pay")));
        assert_eq!((says(event.target), says(event.operation)), (Some("store.example"), Some("GET /images")));
        assert_eq!((says(event.request.host), says(event.request.path)), (Some("store.example"), Some("/images")));
        assert_eq!((says(event.request.method), event.response.status), (Some("GET"), Some(403)));
        assert_eq!((event.outcome, event.reason), (Outcome::Failure, Reason::Forbidden));
    });
    let query =
        r#""DependencyType":"SQL","Name":"SQL: db","Target":"db","Data":"SELECT 1 WHERE a = 'b://c'","Success":true"#;
    one(&of_type("AppDependencies", query), |event| {
        assert_eq!((says(event.target), event.outcome), (Some("db"), Outcome::Success));
    });
}

#[test]
fn a_trace_is_a_log_line_with_its_severity_by_name() {
    for (severity, level, outcome) in [
        ("0", "Verbose", Outcome::Unknown),
        ("1", "Information", Outcome::Unknown),
        ("\"3\"", "Error", Outcome::Failure),
        ("4", "Critical", Outcome::Failure),
        ("\"Warning\"", "Warning", Outcome::Unknown),
    ] {
        let more = format!(r#""Message":" Paid.\n","SeverityLevel":{severity},"Properties":{{"InvocationId":"b1"}}"#);
        one(&of_type("AppTraces", &more), |event| {
            assert_eq!((event.kind, says(event.message)), (Kind::AppLog, Some("Paid.")));
            assert_eq!((says(event.level), event.outcome), (Some(level), outcome));
            assert_eq!(says(event.correlation), Some("b1"));
        });
    }
}

#[test]
fn an_exception_has_its_type_and_its_message() {
    one(EXCEPTION, |event| {
        assert_eq!((event.kind, event.outcome), (Kind::AppException, Outcome::Failure));
        assert_eq!(says(event.operation), Some("System.InvalidOperationException"));
        assert_eq!(says(event.message), Some("The basket is empty."));
        assert_eq!((says(event.level), says(event.function)), (Some("Error"), Some("shop/pay")));
    });
    for details in [
        r#"[{"type":"T","message":"M","parsedStack":[{"level":0}]},{"type":"U","message":"N"}]"#,
        r#""[{\"type\":\"T\",\"message\":\"M\"}]""#,
    ] {
        one(&of_type("AppExceptions", &format!(r#""Details":{details}"#)), |event| {
            assert_eq!((says(event.operation), says(event.message)), (Some("T"), Some("M")), "{details}");
        });
    }
}

#[test]
fn a_wrapper_of_records_may_have_a_name() {
    assert_eq!(outline(br#"{"name":"batch","id":"1","records":[{"message":"a"},{"message":"b"}]}"#), ["a", "b"]);
}
