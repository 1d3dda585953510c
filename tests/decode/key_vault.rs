//! What was asked of a Key Vault.

use super::*;

#[test]
fn a_refused_managed_identity_is_read_whole() {
    one(KEY_VAULT, |event| {
        assert_eq!((event.category, event.kind), (Category::AuditEvent, Kind::VaultOperation));
        assert_eq!((says(event.operation), says(event.target)), (Some("SecretGet"), Some("secrets/db-password")));
        assert_eq!((event.source_ip, event.app.is_none()), ("203.0.113.7".parse().ok(), true));
        assert_eq!(says(event.client.agent), Some("azsdk-net-Security.KeyVault.Secrets/4.6.0"));
        assert_eq!(says(event.client.tls), Some("1.3"));
        assert_eq!(says(event.identity.id), Some("d4ba3e84-0444-4841-aaf7-aaaaaaaaaaaa"));
        assert_eq!(says(event.identity.app), Some("3686488a-04fc-4d8a-b967-61f98ec41efe"));
        assert_eq!(event.identity.kind, Some(IdentityKind::ManagedIdentity));
        let resource = "/subscriptions/12345678/resourcegroups/rg/providers/microsoft.web/sites/shop";
        assert_eq!(says(event.identity.resource), Some(resource));
        assert_eq!(
            (says(event.request.host), says(event.request.query)),
            (Some("shop-vault.vault.azure.net"), Some("api-version=7.4"))
        );
        assert_eq!((event.response.status, event.response.duration_ms), (Some(403), Some(76)));
        assert_eq!((event.outcome, event.reason), (Outcome::Failure, Reason::Forbidden));
        assert!(event.own_id.is_none() && event.decision.is_none() && event.personal.is_empty());
    });
}

#[track_caller]
fn asked<R>(envelope: &str, properties: &str, check: impl FnOnce(&Event<'_>) -> R) -> R {
    one(
        &format!(r#"{{"category":"AuditEvent","resultType":"Success"{envelope},"properties":{{{properties}}}}}"#),
        check,
    )
}

#[test]
fn a_result_type_of_success_says_nothing() {
    for (envelope, properties, outcome, reason) in [
        (r#","resultSignature":"OK""#, r#""httpStatusCode":200"#, Outcome::Success, Reason::Unknown),
        (r#","resultSignature":"Not Found""#, r#""httpStatusCode":404"#, Outcome::Failure, Reason::NotFound),
        ("", r#""httpStatusCode":"409""#, Outcome::Failure, Reason::Unknown),
        (r#","resultSignature":"Forbidden""#, r#""httpStatusCode":200"#, Outcome::Failure, Reason::Forbidden),
        (r#","resultSignature":"Unauthorized""#, "", Outcome::Failure, Reason::TokenMissing),
        (r#","resultSignature":"Created""#, "", Outcome::Success, Reason::Unknown),
        ("", "", Outcome::Unknown, Reason::Unknown),
    ] {
        asked(envelope, properties, |event| assert_eq!((event.outcome, event.reason), (outcome, reason), "{envelope}"));
    }
}

#[test]
fn a_first_request_without_a_token_is_a_challenge() {
    let said = r#","resultDescription":"AKV10000: Request is missing a Bearer or PoP token.","resultSignature":"Unauthorized","identity":{}"#;
    asked(said, r#""httpStatusCode":401"#, |event| {
        assert_eq!((event.outcome, event.reason), (Outcome::Failure, Reason::TokenMissing));
        assert_eq!((event.decision, event.identity.kind), (Some(Decision::Challenged), Some(IdentityKind::Anonymous)));
    });
    let said = r#","resultDescription":"AKV10022: Invalid audience.","identity":{"claim":{"appid":"a"}}"#;
    asked(said, r#""httpStatusCode":401"#, |event| {
        assert_eq!((event.reason, event.decision), (Reason::Audience, None));
        assert_eq!(event.identity.kind, Some(IdentityKind::ServicePrincipal));
    });
}

#[test]
fn an_address_that_the_vaults_firewall_keeps_out_is_told_from_a_missing_right() {
    let outside = r#","resultDescription":"Client address is not authorized and caller is not a trusted service""#;
    asked(outside, r#""httpStatusCode":403"#, |event| assert_eq!(event.reason, Reason::AddressNotAllowed));
    asked("", r#""httpStatusCode":403,"isAddressAuthorized":false"#, |event| {
        assert_eq!(event.reason, Reason::AddressNotAllowed);
    });
}

#[test]
fn what_was_asked_for_is_named_by_its_id_or_else_by_the_url() {
    let target = |properties: &str| asked("", properties, |event| says(event.target).map(str::to_owned));
    let named = |name: &str| Some(name.to_owned());
    assert_eq!(target(r#""id":"https://v.vault.azure.net/keys/Sign/1""#), named("keys/sign"));
    assert_eq!(
        target(r#""id":"","requestUri":"https://v.vault.azure.net/certificates/web?x""#),
        named("certificates/web")
    );
    assert_eq!(
        target(r#""id":"https://v.vault.azure.net/","requestUri":"https://v.vault.azure.net/secrets?a=1""#),
        None
    );
    assert_eq!(target(r#""requestUri":"https://c.vaultcore.azure.net/subscriptions/s/vaults/v""#), None);
}

#[test]
fn a_person_is_told_from_an_application() {
    let who = |claims: &str| {
        asked(&format!(r#","identity":{{"claim":{{{claims}}}}}"#), "", |event| {
            (event.identity.kind, says(event.identity.name).map(str::to_owned))
        })
    };
    let person = r#""oid":"o","appid":"a","upn":"ada@corp.example","ipaddr":"203.0.113.7""#;
    assert_eq!(who(person), (Some(IdentityKind::User), Some("ada@corp.example".to_owned())));
    assert_eq!(who(r#""appid":"a","oid":"o""#), (Some(IdentityKind::ServicePrincipal), None));
    assert_eq!(who(""), (None, None));
}
