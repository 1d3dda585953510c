//! What apps, their containers and the platform write.

use super::*;

#[test]
fn a_consoles_line_stands_beside_the_properties_with_its_newlines() {
    one(CONSOLE, |event| {
        assert_eq!((event.category, event.kind), (Category::AppServiceConsoleLogs, Kind::AppLog));
        assert_eq!((says(event.app), event.time), (Some("shop"), at("2026-03-02T09:54:20.834410441Z")));
        assert_eq!(says(event.message), Some("Request for index page received"));
    });
}

#[test]
fn a_consoles_level_is_its_stream_and_says_nothing_of_an_outcome() {
    one(CONSOLE, |event| assert_eq!((says(event.level), event.outcome), (Some("Error"), Outcome::Unknown)));
}

#[test]
fn an_apps_own_line_is_read_whole() {
    one(APP_LOG, |event| {
        assert_eq!((event.category, event.kind), (Category::AppServiceAppLogs, Kind::AppLog));
        assert_eq!((says(event.level), event.outcome), (Some("Critical"), Outcome::Failure));
        assert_eq!(says(event.message), Some("The printer is out of paper"));
        assert!(event.function.is_none());
    });
    let json = r#"{"category":"AppServiceAppLogs","properties":{"CustomLevel":"WARN","Exception":"boom"}}"#;
    one(json, |event| assert_eq!((says(event.level), says(event.message)), (Some("WARN"), Some("boom"))));
}

#[test]
fn what_the_platform_did_is_read_whole() {
    one(PLATFORM, |event| {
        assert_eq!((event.category, event.kind), (Category::AppServicePlatformLogs, Kind::PlatformEvent));
        assert_eq!((says(event.operation), event.outcome), (Some("ContainerLogs"), Outcome::Failure));
        assert_eq!(says(event.message), Some("Container shop_0 did not start within 230 s"));
    });
    let json = r#"{"category":"AppServicePlatformLogs","level":"Informational","resultDescription":"Site started\n"}"#;
    one(json, |event| {
        assert_eq!((says(event.message), event.outcome), (Some("Site started"), Outcome::Unknown));
    });
}

#[test]
fn properties_that_are_plain_text_are_the_line() {
    let json = r#"{"category":"AppServiceConsoleLogs","properties":"it 'works'"}"#;
    one(json, |event| assert_eq!(says(event.message), Some("it 'works'")));
}
