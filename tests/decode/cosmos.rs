//! What was asked of a Cosmos DB account.

use super::*;

#[test]
fn a_throttled_query_is_read_whole() {
    one(COSMOS, |event| {
        assert_eq!((event.category, event.kind), (Category::DataPlaneRequests, Kind::DatabaseRequest));
        assert_eq!((says(event.operation), says(event.target)), (Some("Query"), Some("/dbs/orders/colls/customers")));
        assert_eq!(event.source_ip, "203.0.113.7".parse().ok());
        assert_eq!((event.request.size, event.response.size), (Some(72), Some(209)));
        assert_eq!((event.response.status, event.response.duration_ms), (Some(429), Some(12)));
        assert_eq!((event.outcome, event.reason), (Outcome::Failure, Reason::Rate));
        assert_eq!(
            (event.identity.kind, says(event.key.id)),
            (Some(IdentityKind::AccountKey), Some("shop-db/PrimaryMasterKey"))
        );
        assert_eq!(says(event.correlation), Some("66a0c647-af38-4b8d-a92a-c48a805d6460"));
        assert_eq!(says(event.client.agent), Some("cosmos-netstandard-sdk/3.35.0"));
    });
}

#[track_caller]
fn asked<R>(properties: &str, check: impl FnOnce(&Event<'_>) -> R) -> R {
    one(&format!(r#"{{"category":"DataPlaneRequests","properties":{{{properties}}}}}"#), check)
}

#[test]
fn who_asked_is_told_by_the_key_or_the_token() {
    asked(r#""authTokenType":"SecondaryReadonlyMasterKey""#, |event| {
        assert_eq!(
            (event.identity.kind, says(event.key.id)),
            (Some(IdentityKind::AccountKey), Some("SecondaryReadonlyMasterKey"))
        );
    });
    asked(r#""authTokenType":"AadToken","aadPrincipalId":"p1""#, |event| {
        assert_eq!((event.identity.kind, says(event.identity.id)), (None, Some("p1")));
    });
    asked(r#""keyType":"SystemReadOnly""#, |event| assert_eq!(event.identity.kind, Some(IdentityKind::Platform)));
    asked(r#""keyType":"ResourceToken""#, |event| {
        assert_eq!((event.identity.kind, event.key.id.is_none()), (None, true));
    });
}

#[test]
fn a_refused_key_is_told_from_a_refused_token() {
    let reason = |properties: &str| asked(properties, |event| event.reason);
    assert_eq!(reason(r#""statusCode":"401","keyType":"PrimaryMasterKey""#), Reason::KeyInvalid);
    assert_eq!(reason(r#""statusCode":401,"authTokenType":"AadToken""#), Reason::AuthenticationRequired);
    assert_eq!(reason(r#""statusCode":"403""#), Reason::Forbidden);
}

#[test]
fn without_a_resource_the_names_say_what_was_asked_for() {
    asked(r#""databaseName":"d","collectionName":"c","requestResourceId":"""#, |event| {
        assert_eq!(says(event.target), Some("d/c"));
    });
    asked(r#""databaseName":"d","collectionName":"""#, |event| assert_eq!(says(event.target), Some("d")));
}
