//! What functions and their host log.

use super::*;

#[test]
fn a_functions_line_names_app_function_and_invocation() {
    one(FUNCTION, |event| {
        assert_eq!((event.category, event.kind), (Category::FunctionAppLogs, Kind::FunctionLog));
        assert_eq!(event.time, at("2025-10-07T18:07:56Z"));
        assert_eq!((says(event.app), says(event.function)), (Some("shop"), Some("shop/pay")));
        assert_eq!(says(event.correlation), Some("11111111-2222-3333-4444-555555555555"));
        assert_eq!(says(event.level), Some("Information"));
        assert_eq!(
            says(event.message),
            Some("Executed Functions.Pay (Succeeded, Id=11111111-2222-3333-4444-555555555555, Duration=12ms)")
        );
        assert_eq!((event.outcome, event.own_id.is_none()), (Outcome::Success, true));
    });
}

fn line(properties: &str) -> String {
    format!(r#"{{"category":"FunctionAppLogs","resourceId":"/SITES/SHOP/SLOTS/BLUE","properties":{{{properties}}}}}"#)
}

#[test]
fn the_outcome_follows_level_and_message() {
    for (properties, outcome) in [
        (r#""level":"Error","message":"x""#, Outcome::Failure),
        (r#""level":"Critical""#, Outcome::Failure),
        (r#""message":"Executed 'Functions.A' (Failed, Id=1, Duration=3ms)""#, Outcome::Failure),
        (r#""message":"Executed 'Functions.A' (Succeeded, Id=1, Duration=3ms)""#, Outcome::Success),
        (r#""message":"Executing Functions.A (Reason=x, Id=1)""#, Outcome::Unknown),
        (r#""message":"user says (Succeeded""#, Outcome::Unknown),
    ] {
        one(&line(properties), |event| assert_eq!(event.outcome, outcome, "{properties}"));
    }
}

#[test]
fn a_function_is_known_by_its_name_or_its_lines_category() {
    for (properties, function) in [
        (r#""functionName":"Functions.Pay""#, Some("shop/pay")),
        (r#""functionName":"Pay""#, Some("shop/pay")),
        (r#""category":"Function.Pay""#, Some("shop/pay")),
        (r#""category":"Function.Pay.User""#, Some("shop/pay")),
        (r#""category":"Host.Results""#, None),
        (r#""functionName":"","category":"Function.""#, None),
    ] {
        one(&line(properties), |event| assert_eq!(says(event.function), function, "{properties}"));
    }
}

#[test]
fn an_exception_speaks_where_the_message_is_empty() {
    let json = line(r#""message":"","exceptionMessage":"Result: Failure\n""#);
    one(&json, |event| assert_eq!(says(event.message), Some("Result: Failure")));
}
