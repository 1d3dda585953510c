//! The forms that `properties` come in.

use super::*;

fn with(properties: &str) -> String {
    format!(r#"{{"time":"2026-01-01T00:00:00Z","category":"FunctionAppLogs","properties":{properties},"level":"L"}}"#)
}

#[track_caller]
fn reads(properties: &str, layers: u8) {
    let json = with(properties);
    one(&json, |event| {
        assert_eq!(says(event.message), Some("say \"hi\""), "{json}");
        assert_eq!(says(event.level), Some("Information"), "{json}");
        assert_eq!(says(event.app), Some("shop"));
        let level = event.level.unwrap();
        assert_eq!(&json[level.start as usize..level.end as usize], "Information");
        assert_eq!(level.layers.0, layers);
    });
}

#[test]
fn every_form_of_properties_says_the_same() {
    reads(r#"{"appName":"shop","message":"say \"hi\"","level":"Information"}"#, 1);
    reads(r#""{\"appName\":\"shop\",\"message\":\"say \\\"hi\\\"\",\"level\":\"Information\"}""#, 2);
    reads(r#""{'appName':'shop','message':'say \\'hi\\'','level':'Information'}""#, 2);
    reads(r"{'appName':'shop','message':'say \'hi\'','level':'Information'}", 1);
    reads(r" {  'appName' : 'shop', 'message':'say \'hi\'','level':'Information' } ", 1);
}

#[test]
fn a_single_quoted_object_leaves_the_records_around_it_whole() {
    let bare = with("{'message':'it {is} [bare'}");
    let message = format!(r#"{{"records":[{{"message":"don't"}},{bare},{{"message":"can't"}}]}}"#);
    assert_eq!(outline(message.as_bytes()), ["don't", "it {is} [bare", "can't"]);
}

#[test]
fn control_characters_in_strings_are_kept() {
    let json = with("{\"message\":\"a\nb\tc\u{1}\"}");
    one(&json, |event| assert_eq!(says(event.message), Some("a\nb\tc\u{1}")));
}

#[test]
fn properties_that_break_off_say_what_they_said_before() {
    let json = with(r#""{'appName':'shop','message':'all good','level':'Infor""#);
    one(&json, |event| {
        assert_eq!((says(event.app), says(event.message)), (Some("shop"), Some("all good")));
        assert_eq!(says(event.level), Some("L"));
    });
}

#[test]
fn properties_that_are_no_object_are_kept_as_text() {
    one(&with(r#""plain \"text\" ""#), |event| assert_eq!(says(event.message), Some("plain \"text\"")));
    for nothing in ["null", "7", "[]", "\"\"", "{}", "\"{}\"", "true"] {
        one(&with(nothing), |event| assert!(event.message.is_none_or(|text| text.value == "{}"), "{nothing}"));
    }
}

#[test]
fn a_workspaces_data_export_is_read_without_properties() {
    let json = r#"{"TimeGenerated":"2026-01-01T00:00:00Z","Type":"ApiManagementGatewayLogs","CallerIpAddress":"203.0.113.7",
        "_ResourceId":"/subscriptions/s/providers/microsoft.apimanagement/service/apim-1","Method":"GET",
        "Url":"https://apim-1.azure-api.net/a","ResponseCode":401,"LastErrorReason":"SubscriptionKeyNotFound","CorrelationId":"c"}"#;
    one(json, |event| {
        assert_eq!(
            (event.kind, event.outcome, event.reason),
            (Kind::GatewayRequest, Outcome::Failure, Reason::KeyMissing)
        );
        assert_eq!((says(event.gateway), says(event.request.path)), (Some("apim-1"), Some("/a")));
    });
}
