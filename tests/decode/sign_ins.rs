//! Who signed in to Entra.

use gatewatch::telemetry::{Decision, IdentityKind};

use super::*;

const PERSON: &str = include_str!("../fixtures/decode/sign_in.json");
const ROW: &str = include_str!("../fixtures/decode/sign_in_row.json");
const MANAGED: &str = include_str!("../fixtures/decode/managed_identity.json");

#[test]
fn a_person_who_failed_to_sign_in_is_read_whole() {
    one(PERSON, |event| {
        assert_eq!((event.category, event.kind), (Category::SignInLogs, Kind::SignIn));
        assert_eq!((event.outcome, event.reason), (Outcome::Failure, Reason::Credentials));
        assert_eq!(event.decision, Some(Decision::Denied));
        assert_eq!((event.identity.kind, says(event.identity.provider)), (Some(IdentityKind::User), Some("aad")));
        assert_eq!(says(event.identity.name), Some("ada@corp.example"));
        assert_eq!(says(event.identity.id), Some("95fdefa0-a7b8-47a3-b969-046862c9a979"));
        assert_eq!(says(event.identity.app), Some("04b07795-8ddb-461a-bbee-02f9e1bf7b46"));
        assert_eq!(says(event.identity.tenant), Some("a39bedba-be8f-4c0f-bfe2-b8c7913501ea"));
        let personal: Vec<_> = event.personal.iter().map(|text| text.value).collect();
        assert_eq!(personal, ["Ada of Corp", "Ada Lovelace", "Ada Lovelace", "ADAS-LAPTOP"]);
        assert_eq!((event.source_ip, says(event.country)), (Some("203.0.113.10".parse().unwrap()), Some("NO")));
        assert_eq!(says(event.target), Some("Azure Resource Manager"));
        assert_eq!(says(event.client.agent), Some("Mozilla/5.0 (X11; Linux x86_64)"));
        assert_eq!(says(event.trace), Some("s4OAwbVGQ0CX8sNFq4tAAA"));
        assert_eq!(says(event.correlation), Some("cdab1f54-adff-4d32-91ce-829db00381ae"));
        assert_eq!(says(event.own_id), Some("a08869a8-3b15-46e4-8de3-273849e60100"));
        assert_eq!(
            (says(event.message), says(event.level)),
            (Some("Invalid username or password."), Some("Informational"))
        );
    });
}

#[test]
fn a_workspaces_row_holds_its_objects_in_strings_and_anothers_tenant() {
    one(ROW, |event| {
        assert_eq!((event.category, event.kind), (Category::NonInteractiveUserSignInLogs, Kind::SignIn));
        assert_eq!((event.outcome, event.reason), (Outcome::Failure, Reason::Policy));
        assert_eq!(says(event.rule), Some("Only from Norway"));
        assert_eq!(
            (event.identity.kind, says(event.identity.name)),
            (Some(IdentityKind::Guest), Some("ada@corp.example"))
        );
        assert_eq!(says(event.identity.tenant), Some("99999999-8888-7777-6666-555555555555"));
        assert_eq!((event.source_ip, says(event.country)), (Some("203.0.113.10".parse().unwrap()), Some("NO")));
        assert_eq!(says(event.target), Some("Azure Resource Manager"));
        assert!(event.personal.iter().any(|text| text.value == "ADAS-LAPTOP"));
    });
    let dynamic = ROW
        .replace("\"Status\":\"{\\\"errorCode\\\":53003", "\"Status_dynamic\":\"{\\\"errorCode\\\":50057")
        .replace("LocationDetails", "LocationDetails_dynamic")
        .replace("\"Location\":\"NO\",", "")
        .replace("\"HomeTenantId\"", "\"Nothing\"")
        .replace("53003", "50057");
    one(&dynamic, |event| {
        assert_eq!((event.reason, says(event.country)), (Reason::Locked, Some("NO")));
        assert_eq!(says(event.identity.tenant), None, "the workspace's tenant is nobody's");
    });
}

#[test]
fn a_managed_identity_belongs_to_a_resource_and_has_no_address() {
    one(MANAGED, |event| {
        assert_eq!((event.category, event.kind), (Category::ManagedIdentitySignInLogs, Kind::SignIn));
        assert_eq!((event.outcome, event.decision), (Outcome::Success, Some(Decision::Allowed)));
        assert_eq!(event.identity.kind, Some(IdentityKind::ManagedIdentity));
        assert_eq!((says(event.identity.resource), says(event.target)), (Some("shop"), Some("Azure Key Vault")));
        assert_eq!(says(event.identity.id), Some("9d370547-cb61-4753-be23-68534909af90"));
        assert_eq!((event.source_ip, says(event.country), says(event.message)), (None, None, None));
    });
    let told = MANAGED.replace(
        r#""tokenIssuerType""#,
        r#""managedServiceIdentity":{"msiType":"systemAssigned","associatedResourceId":"/subscriptions/s/SITES/Shop"},"tokenIssuerType""#,
    );
    one(&told, |event| assert_eq!(says(event.identity.resource), Some("/subscriptions/s/sites/shop")));
}

#[test]
fn an_application_signs_in_with_a_credential_that_has_an_id() {
    let json = MANAGED.replace("ManagedIdentity", "ServicePrincipal").replace(
        r#""tokenIssuerType""#,
        r#""servicePrincipalCredentialKeyId":"11d0b7f3-0000-4000-8000-1f2e3d4c5b6a","tokenIssuerType""#,
    );
    let json = json.replace(r#""errorCode":0"#, r#""errorCode":7000222"#);
    one(&json, |event| {
        assert_eq!(event.identity.kind, Some(IdentityKind::ServicePrincipal));
        assert_eq!((event.outcome, event.reason), (Outcome::Failure, Reason::Credentials));
        assert_eq!(says(event.key.id), Some("11d0b7f3-0000-4000-8000-1f2e3d4c5b6a"));
        assert_eq!(says(event.identity.resource), None);
        assert!(event.personal.is_empty());
    });
    for (identity, personal) in [("Shop", 0), ("Ada Lovelace", 1)] {
        let json = json.replace(r#""Level":4"#, &format!(r#""Level":4,"identity":"{identity}""#));
        one(&json, |event| assert_eq!(event.personal.len(), personal, "{identity}"));
    }
}

#[test]
fn a_sign_in_that_only_asks_something_has_not_ended() {
    for (code, outcome, decision) in [
        (50140, Outcome::Unknown, Decision::Challenged),
        (50074, Outcome::Failure, Decision::Challenged),
        (53003, Outcome::Failure, Decision::Denied),
        (0, Outcome::Success, Decision::Allowed),
    ] {
        let json = PERSON.replace("50126", &code.to_string());
        one(&json, |event| assert_eq!((event.outcome, event.decision), (outcome, Some(decision)), "{code}"));
    }
}

#[test]
fn a_result_is_a_code_or_a_word_or_missing() {
    for (result, outcome) in [
        (r#""resultType":"50126""#, Outcome::Failure),
        (r#""resultType":50126"#, Outcome::Failure),
        (r#""resultType":"Success""#, Outcome::Success),
        (r#""resultType":"Failure""#, Outcome::Failure),
        (r#""resultType":"odd""#, Outcome::Unknown),
        (r#""x":1"#, Outcome::Unknown),
    ] {
        let json = format!(r#"{{"category":"SignInLogs",{result},"properties":{{"id":"1"}}}}"#);
        one(&json, |event| assert_eq!(event.outcome, outcome, "{json}"));
    }
}

#[test]
fn a_sign_in_without_a_time_has_that_of_its_creation() {
    let json = PERSON.replace(r#""time":"2026-03-07T14:23:51.9910000Z","#, "").replace("51.991+00:00", "52.5-05:00");
    one(&json, |event| assert_eq!((event.time, event.timed), (at("2026-03-07T19:23:52.5Z"), true)));
}

#[test]
fn a_federated_sign_in_has_its_provider() {
    let json = PERSON.replace("AzureAD", "ADFederationServices");
    one(&json, |event| assert_eq!(says(event.identity.provider), Some("adfs")));
}
