//! What was done to resources.

use gatewatch::telemetry::{IdentityKind, Stage};

use super::*;

#[test]
fn an_operation_names_who_did_what_to_what() {
    one(ACTIVITY, |event| {
        assert_eq!((event.category, event.kind), (Category::ActivityLog, Kind::ControlOperation));
        assert_eq!(says(event.operation), Some("microsoft.web/sites/functions/listkeys/action"));
        assert_eq!((says(event.app), says(event.function)), (Some("shop"), Some("shop/pay")));
        assert_eq!(event.source_ip, Some("203.0.113.10".parse().unwrap()));
        assert_eq!(says(event.identity.name), Some("ada@corp.example"));
        assert_eq!(says(event.identity.id), Some("95fdefa0-a7b8-47a3-b969-046862c9a979"));
        assert_eq!(says(event.identity.app), Some("f64071b9-a79b-4655-9dad-3b3535e00b84"));
        assert_eq!(says(event.identity.tenant), Some("a39bedba-be8f-4c0f-bfe2-b8c7913501ea"));
        let personal: Vec<_> = event.personal.iter().map(|text| text.value).collect();
        assert_eq!(personal, ["Lovelace", "Ada", "Ada Lovelace", "ada.login@corp.example"]);
        assert_eq!((event.outcome, event.reason), (Outcome::Failure, Reason::Forbidden));
        assert_eq!(says(event.correlation), Some("cdab1f54-adff-4d32-91ce-829db00381ae"));
        assert!(event.own_id.is_none());
    });
}

#[test]
fn an_old_verb_counts_only_beside_such_an_operation() {
    for (category, operation, is) in [
        ("Write", "MICROSOFT.WEB/SITES/CONFIG/WRITE", true),
        ("Action", "Microsoft.Web/sites/host/listkeys/action", true),
        ("Delete", "MICROSOFT.WEB/SITES/DELETE", true),
        ("Write", "FileWrite", false),
        ("Write", "MICROSOFT.WEB/SITES/DELETE", false),
        ("Security", "", true),
        ("policy", "x", true),
        ("Other", "MICROSOFT.WEB/SITES/DELETE", false),
    ] {
        let json = format!(r#"{{"operationName":"{operation}","category":"{category}"}}"#);
        let expected = if is { Category::ActivityLog } else { Category::Other };
        one(&json, |event| assert_eq!(event.category, expected, "{json}"));
    }
}

#[test]
fn how_it_ended_is_known_when_it_ended() {
    for (result, signature, outcome, reason) in [
        ("Start", "Started.", Outcome::Unknown, Reason::Unknown),
        ("Accept", "Accepted.", Outcome::Unknown, Reason::Unknown),
        ("Accepted", "", Outcome::Unknown, Reason::Unknown),
        ("Success", "Succeeded.Created", Outcome::Success, Reason::Unknown),
        ("Succeeded.", "", Outcome::Success, Reason::Unknown),
        ("Failure", "Failed.NotFound", Outcome::Failure, Reason::NotFound),
        ("Failed", "Forbidden", Outcome::Failure, Reason::Forbidden),
        ("Failure", "403", Outcome::Failure, Reason::Forbidden),
        ("Failure", "", Outcome::Failure, Reason::Unknown),
    ] {
        let json =
            format!(r#"{{"category":"Administrative","resultType":"{result}","resultSignature":"{signature}"}}"#);
        one(&json, |event| assert_eq!((event.outcome, event.reason), (outcome, reason), "{json}"));
    }
}

const API: &str = include_str!("../fixtures/decode/activity_api.json");
const ROW: &str = include_str!("../fixtures/decode/activity_row.json");

#[test]
fn the_rest_shape_is_known_without_a_category() {
    one(API, |event| {
        assert_eq!((event.category, event.kind, event.timed), (Category::ActivityLog, Kind::ControlOperation, true));
        assert_eq!(event.time, at("2026-03-07T14:23:51.991Z"));
        assert_eq!(says(event.operation), Some("microsoft.web/sites/config/list/action"));
        assert_eq!((says(event.app), event.source_ip), (Some("shop"), Some("203.0.113.10".parse().unwrap())));
        assert_eq!(says(event.request.method), Some("POST"));
        assert_eq!(says(event.target), Some("microsoft.web/sites/shop/config/appsettings"));
        assert_eq!((says(event.rule), event.stage), (Some("Contributor"), Some(Stage::Ended)));
        assert_eq!((event.outcome, event.reason), (Outcome::Failure, Reason::Policy));
        assert_eq!((event.response.status, says(event.message)), (Some(403), Some("A policy says no.")));
        assert_eq!(
            (event.identity.kind, says(event.identity.name)),
            (Some(IdentityKind::User), Some("ada@corp.example"))
        );
        assert_eq!(says(event.identity.id), Some("95fdefa0-a7b8-47a3-b969-046862c9a979"));
        assert_eq!(says(event.identity.tenant), Some("a39bedba-be8f-4c0f-bfe2-b8c7913501ea"));
        assert_eq!(says(event.trace), Some("s4OAwbVGQ0CX8sNFq4tAAA"));
        assert_eq!(says(event.correlation), Some("cdab1f54-adff-4d32-91ce-829db00381ae"));
        assert_eq!(says(event.own_id), Some("44ade6b4-3813-45e6-ae27-7420a95fa2f8"));
    });
}

#[test]
fn a_workspaces_row_has_columns_of_its_own_and_every_claim_twice() {
    one(ROW, |event| {
        assert_eq!((event.category, event.kind), (Category::ActivityLog, Kind::ControlOperation));
        assert_eq!(says(event.operation), Some("microsoft.web/sites/config/write"));
        assert_eq!((says(event.app), says(event.rule)), (Some("shop"), Some("Owner")));
        assert_eq!(says(event.target), Some("microsoft.web/sites/shop/config/appsettings"));
        assert_eq!((event.stage, event.outcome), (Some(Stage::Accepted), Outcome::Unknown));
        assert_eq!((event.response.status, says(event.request.method)), (Some(202), Some("PUT")));
        assert_eq!(says(event.identity.tenant), Some("a39bedba-be8f-4c0f-bfe2-b8c7913501ea"));
        let mut hidden: Vec<_> = event.personal.iter().map(|text| text.value).collect();
        hidden.sort_unstable();
        let twice = ["Ada", "Ada", "Ada Lovelace", "Ada Lovelace", "Lovelace", "Lovelace"];
        assert_eq!(hidden, [&twice[..], &["ada@corp.example", "ada@corp.example"]].concat());
    });
    let without_type = ROW.replace(r#""Type":"AzureActivity","#, "").replace(r#""Category":"Administrative","#, "");
    one(&without_type, |event| assert_eq!(event.category, Category::ActivityLog));
}

#[test]
fn each_record_of_an_operation_says_which_it_is() {
    for (result, signature, stage) in [
        ("Start", "Started.", Some(Stage::Started)),
        ("", "Started.", Some(Stage::Started)),
        ("Accept", "Accepted.Accepted", Some(Stage::Accepted)),
        ("Accepted", "", Some(Stage::Accepted)),
        ("Success", "Succeeded.Created", Some(Stage::Ended)),
        ("Succeeded.", "", Some(Stage::Ended)),
        ("Failure", "Failed.NotFound", Some(Stage::Ended)),
        ("Resolved", "", Some(Stage::Ended)),
        ("Whatever", "", None),
    ] {
        let json =
            format!(r#"{{"category":"Administrative","resultType":"{result}","resultSignature":"{signature}"}}"#);
        one(&json, |event| assert_eq!(event.stage, stage, "{json}"));
    }
}

#[test]
fn what_was_wrong_is_an_object_a_string_or_plain_text() {
    for (said, reason, message) in [
        (r#"{"error":{"code":"AuthorizationFailed","message":"No."}}"#, Reason::Forbidden, "No."),
        (r#""{\"error\":{\"code\":\"ResourceNotFound\",\"message\":\"No.\"}}""#, Reason::NotFound, "No."),
        (r#""{\"status\":\"Failed\",\"code\":\"QuotaExceeded\",\"message\":\"No.\"}""#, Reason::Quota, "No."),
        (r#"" plain text\n""#, Reason::BadRequest, "plain text"),
    ] {
        let json = format!(
            r#"{{"category":"Administrative","resultType":"Failure","resultSignature":"Failed.BadRequest","properties":{{"statusMessage":{said}}}}}"#
        );
        one(&json, |event| {
            assert_eq!((event.reason, says(event.message)), (reason, Some(message)), "{json}");
            assert_eq!(event.response.status, Some(400));
        });
    }
}

#[test]
fn a_caller_is_a_person_by_name_or_anybody_by_id() {
    let of = |caller: &str| {
        format!(
            r#"{{"operationName":{{"value":"a/b/write"}},"eventTimestamp":"2026-03-07T14:23:51Z","caller":"{caller}"}}"#
        )
    };
    one(&of("95fdefa0-a7b8-47a3-b969-046862c9a979"), |event| {
        assert_eq!(says(event.identity.id), Some("95fdefa0-a7b8-47a3-b969-046862c9a979"));
        assert!(event.identity.name.is_none() && event.identity.kind.is_none());
    });
    one(&of("ada@corp.example"), |event| {
        assert_eq!(
            (says(event.identity.name), event.identity.kind),
            (Some("ada@corp.example"), Some(IdentityKind::User))
        );
    });
    one(&of("Microsoft.Advisor"), |event| assert_eq!(event.identity.kind, None));
}

#[test]
fn a_managed_identitys_token_names_its_resource() {
    let json = r#"{"category":"Administrative","identity":{"authorization":{"scope":"/subscriptions/s","evidence":{"role":"Reader","principalType":"ServicePrincipal"}},"claims":{"appid":"a","idtyp":"app","xms_mirid":"/subscriptions/s/resourcegroups/g/providers/Microsoft.Web/sites/Shop"}}}"#;
    one(json, |event| {
        assert_eq!(event.identity.kind, Some(IdentityKind::ManagedIdentity));
        let resource = "/subscriptions/s/resourcegroups/g/providers/microsoft.web/sites/shop";
        assert_eq!(says(event.identity.resource), Some(resource));
        assert_eq!((says(event.rule), says(event.target)), (Some("Reader"), Some("/subscriptions/s")));
    });
    let app = json.replace("xms_mirid", "x");
    one(&app, |event| assert_eq!(event.identity.kind, Some(IdentityKind::ServicePrincipal)));
}

#[test]
fn what_lies_on_a_resource_is_a_target_of_its_own() {
    let json = r#"{"category":"Administrative","resourceId":"/SUBSCRIPTIONS/S/PROVIDERS/MICROSOFT.WEB/SITES/SHOP/PROVIDERS/MICROSOFT.INSIGHTS/DIAGNOSTICSETTINGS/HUB"}"#;
    one(json, |event| {
        assert_eq!(
            (says(event.app), says(event.target)),
            (Some("shop"), Some("microsoft.insights/diagnosticsettings/hub"))
        );
    });
}
