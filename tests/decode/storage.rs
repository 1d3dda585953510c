//! What was asked of a storage account.

use super::*;

#[test]
fn a_refused_signature_is_read_whole_and_so_is_its_row() {
    for json in [STORAGE, STORAGE_ROW] {
        one(json, |event| {
            assert_eq!((event.category, event.kind), (Category::StorageRead, Kind::StorageRequest));
            assert_eq!(event.time, at("2026-03-02T14:05:27.0031555Z"));
            assert_eq!((event.source_ip, event.source_port), ("203.0.113.7".parse().ok(), Some(56029)));
            assert_eq!(
                (says(event.operation), says(event.target)),
                (Some("GetBlob"), Some("/shopdata/invoices/2026/03.pdf"))
            );
            assert_eq!((event.identity.kind, event.key.transport), (Some(IdentityKind::Sas), Some(Transport::Query)));
            assert!(says(event.key.id).unwrap().ends_with("CF6300)"));
            assert_eq!((event.outcome, event.reason), (Outcome::Failure, Reason::KeyInvalid));
            assert_eq!((event.response.status, event.response.duration_ms), (Some(403), Some(9)));
            assert_eq!((event.request.size, event.response.size), (Some(0), Some(246)));
            assert_eq!((says(event.client.tls), says(event.client.agent)), (Some("1.2"), Some("curl/8.5.0")));
            assert_eq!(says(event.request.host), Some("shopdata.blob.core.windows.net"));
            assert_eq!(says(event.request.query), Some("sv=2021-06-08&sr=b&sig=storage-sas:k1:ABCDEFGHIJKLMNOP"));
            assert_eq!(says(event.correlation), Some("4402587b-901e-0055-0c78-902644000000"));
            assert_eq!(says(event.referrer), Some("https://shop.example/"));
            // The row's TenantId is the workspace's.
            assert!(event.identity.tenant.is_none() && event.own_id.is_none());
        });
    }
}

#[track_caller]
fn asked<R>(record: &str, check: impl FnOnce(&Event<'_>) -> R) -> R {
    one(&format!(r#"{{"category":"StorageWrite",{record}}}"#), check)
}

#[test]
fn a_managed_identity_names_its_resource() {
    let by = r#""identity":{"type":"OAuth","tokenHash":"t","requester":{"appId":"a","objectId":"o","tenantId":"t1","audience":"https://storage.azure.com/","tokenIssuer":"https://sts.windows.net/t1/"},"delegatedResource":{"resourceId":"/subscriptions/s/providers/Microsoft.Web/sites/Shop","objectId":"o","tenantId":"t1"}}"#;
    asked(by, |event| {
        assert_eq!(event.identity.kind, Some(IdentityKind::ManagedIdentity));
        assert_eq!(says(event.identity.resource), Some("/subscriptions/s/providers/microsoft.web/sites/shop"));
        assert_eq!((says(event.identity.app), says(event.identity.id)), (Some("a"), Some("o")));
        assert_eq!((says(event.identity.tenant), event.key.transport), (Some("t1"), None));
    });
}

#[test]
fn each_way_to_authenticate_is_told_apart() {
    for (identity, kind) in [
        (r#"{"type":"AccountKey","tokenHash":"key1(00)"}"#, Some(IdentityKind::AccountKey)),
        (r#"{"type":"SAS"}"#, Some(IdentityKind::Sas)),
        (r#"{"type":"DelegationSas"}"#, Some(IdentityKind::Sas)),
        (r#"{"type":"Anonymous"}"#, Some(IdentityKind::Anonymous)),
        (r#"{"type":"TrustedAccess"}"#, Some(IdentityKind::Platform)),
        (r#"{"type":"OAuth","requester":{"upn":"ada@corp.example"}}"#, Some(IdentityKind::User)),
        (r#"{"type":"OAuth","requester":{"appId":"a"}}"#, Some(IdentityKind::ServicePrincipal)),
        (r#"{"type":"OAuth","requester":"none"}"#, None),
        (r#""{\"type\":\"AccountKey\"}""#, Some(IdentityKind::AccountKey)),
        (r#""somebody""#, None),
        ("[1]", None),
    ] {
        asked(&format!(r#""identity":{identity}"#), |event| assert_eq!(event.identity.kind, kind, "{identity}"));
    }
}

#[test]
fn a_status_text_says_more_than_the_status() {
    for (status, text, outcome, reason) in [
        ("403", "IpAuthorizationError", Outcome::Failure, Reason::AddressNotAllowed),
        ("403", "AuthorizationPermissionMismatch", Outcome::Failure, Reason::Forbidden),
        ("403", "AuthenticationFailed", Outcome::Failure, Reason::TokenMalformed),
        ("401", "NoAuthenticationInformation", Outcome::Failure, Reason::TokenMissing),
        ("503", "ServerBusy", Outcome::Failure, Reason::Rate),
        ("500", "ClientTimeoutError", Outcome::Failure, Reason::Timeout),
        ("404", "BlobNotFound", Outcome::Failure, Reason::NotFound),
        ("206", "Success", Outcome::Success, Reason::Unknown),
        ("\"200\"", "AnonymousSuccess", Outcome::Success, Reason::Unknown),
        ("\"\"", "SASSuccess", Outcome::Success, Reason::Unknown),
        ("null", "", Outcome::Unknown, Reason::Unknown),
    ] {
        asked(&format!(r#""statusCode":{status},"statusText":"{text}""#), |event| {
            assert_eq!((event.outcome, event.reason), (outcome, reason), "{status} {text}");
        });
    }
}

#[test]
fn without_an_objects_key_the_url_names_what_was_asked_for() {
    let uri = r#""uri":"https://a.table.core.windows.net/orders(PartitionKey='1')?x=1""#;
    asked(uri, |event| assert_eq!(says(event.target), Some("/orders(PartitionKey='1')")));
    asked(r#""properties":{"objectKey":"\"\""}"#, |event| assert_eq!(says(event.target), None));
}
