//! Logins to publish.

use super::*;

#[test]
fn a_persons_login_is_read_whole() {
    one(PUBLISHING, |event| {
        assert_eq!((event.category, event.kind), (Category::AppServiceAuditLogs, Kind::PublishingLogin));
        assert_eq!((says(event.app), event.source_port), (Some("shop"), Some(5432)));
        assert_eq!((event.source_ip, event.time), ("203.0.113.7".parse().ok(), at("2026-03-02T12:17:57.2735099Z")));
        assert_eq!((says(event.operation), says(event.identity.provider)), (Some("aad"), Some("aad")));
        assert_eq!(
            (says(event.identity.id), says(event.identity.name)),
            (Some("1003200AACED1234"), Some("Ada Lovelace"))
        );
        assert_eq!((event.identity.kind, event.outcome), (Some(IdentityKind::User), Outcome::Success));
    });
}

fn login<R>(properties: &str, check: impl FnOnce(&Event<'_>) -> R) -> R {
    one(&format!(r#"{{"Category":"AppServiceAuditLogs","Properties":{{{properties}}}}}"#), check)
}

#[test]
fn an_apps_own_credentials_name_nobody() {
    login(r#""User":"$shop","UserDisplayName":"$shop","UserAddress":"203.0.113.7","Protocol":"FTP""#, |event| {
        assert_eq!((says(event.identity.id), event.identity.kind), (Some("$shop"), Some(IdentityKind::Publishing)));
        assert!(event.identity.name.is_none() && event.personal.is_empty() && event.identity.provider.is_none());
        assert_eq!((says(event.operation), event.source_port), (Some("ftp"), None));
    });
}

#[test]
fn a_display_name_is_personal() {
    login(r#""User":"ada-deploys","UserDisplayName":"Ada Lovelace""#, |event| {
        assert_eq!((says(event.identity.name), event.identity.kind), (Some("ada-deploys"), Some(IdentityKind::User)));
        assert_eq!(event.personal.iter().map(|text| text.value).collect::<Vec<_>>(), ["Ada Lovelace"]);
    });
    login(r#""User":"-","UserDisplayName":"Ada Lovelace""#, |event| {
        assert_eq!((says(event.identity.name), event.personal.len()), (Some("Ada Lovelace"), 0));
    });
}
