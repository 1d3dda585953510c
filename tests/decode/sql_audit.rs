//! What Azure SQL's audit saw.

use super::*;

#[track_caller]
fn whole(json: &str) {
    one(json, |event| {
        assert_eq!((event.category, event.kind), (Category::SQLSecurityAuditEvents, Kind::DatabaseRequest));
        assert_eq!((says(event.operation), says(event.target)), (Some("SELECT"), Some("orders/dbo/customers")));
        assert_eq!((event.source_ip, says(event.client.tls)), ("203.0.113.7".parse().ok(), Some("1.2")));
        assert_eq!(says(event.client.agent), Some("Core Microsoft SqlClient Data Provider"));
        assert_eq!(says(event.identity.app), Some("3686488a-04fc-4d8a-b967-61f98ec41efe"));
        assert_eq!(says(event.identity.tenant), Some("a39bedba-be8f-4c0f-bfe2-b8c7913501ea"));
        assert_eq!((event.identity.kind, says(event.identity.name)), (Some(IdentityKind::ServicePrincipal), None));
        assert_eq!(says(event.message), Some("SELECT name FROM dbo.customers"));
        assert_eq!((event.outcome, event.reason), (Outcome::Failure, Reason::Forbidden));
        assert_eq!(event.response.duration_ms, Some(12));
        assert_eq!(event.personal.iter().map(|text| text.value).collect::<Vec<_>>(), ["shop-app"]);
    });
}

#[test]
fn a_refused_statement_is_read_whole() {
    whole(SQL_AUDIT);
}

#[test]
fn rows_of_both_tables_say_what_the_record_does() {
    let (_, properties) = SQL_AUDIT.split_once("\"properties\":{").unwrap();
    let inside: serde_json::Value =
        serde_json::from_str(&format!("{{{}", properties.trim_end().strip_suffix('}').unwrap())).unwrap();
    let mut own = serde_json::json!({"TimeGenerated": "2026-03-02T10:01:02.483291Z", "Type": "SQLSecurityAuditEvents"});
    let mut shared = serde_json::json!({"TimeGenerated": "2026-03-02T10:01:02.483291Z", "Type": "AzureDiagnostics", "Category": "SQLSecurityAuditEvents"});
    for (name, value) in inside.as_object().unwrap() {
        let words = name.split('_').map(|word| format!("{}{}", word[..1].to_uppercase(), &word[1..]));
        own[words.collect::<String>().replace("Milliseconds", "Ms")] = value.clone();
        shared[format!("{name}_{}", if value.is_number() { "d" } else { "s" })] = value.clone();
    }
    whole(&own.to_string());
    whole(&shared.to_string());
}

#[track_caller]
fn audit<R>(properties: &str, check: impl FnOnce(&Event<'_>) -> R) -> R {
    one(&format!(r#"{{"category":"SQLSecurityAuditEvents","properties":{{{properties}}}}}"#), check)
}

#[test]
fn a_failed_login_is_told_from_a_missing_permission() {
    for properties in [
        r#""action_id":"DBAF","succeeded":"false""#,
        r#""action_id":"DBAF","action_name":"DATABASE AUTHENTICATION FAILED","succeeded":false"#,
        r#""action_name":"LOGIN FAILED","succeeded":0"#,
    ] {
        audit(properties, |event| assert_eq!((event.outcome, event.reason), (Outcome::Failure, Reason::Credentials)));
    }
    audit(r#""succeeded":"True""#, |event| {
        assert_eq!((event.outcome, event.reason), (Outcome::Success, Reason::Unknown));
    });
    audit("", |event| assert_eq!(event.outcome, Outcome::Unknown));
}

#[test]
fn a_login_is_a_name_and_azures_own_address_is_none() {
    audit(r#""server_principal_name":"ada","client_ip":"Internal","database_name":"orders""#, |event| {
        assert_eq!((says(event.identity.name), event.identity.kind), (Some("ada"), None));
        assert_eq!((event.source_ip, says(event.source_text)), (None, Some("Internal")));
        assert_eq!(says(event.target), Some("orders"));
    });
}

#[test]
fn a_connection_without_tls_has_no_version() {
    audit(r#""client_tls_version":0"#, |event| assert!(event.client.tls.is_none()));
    audit(r#""client_tls_version":772"#, |event| assert_eq!(says(event.client.tls), Some("1.3")));
}

#[test]
fn a_users_other_names_are_personal_too_but_those_that_every_database_has() {
    let properties = r#""session_server_principal_name":"Ada","database_principal_name":"dbo""#;
    audit(properties, |event| {
        assert_eq!(event.personal.iter().map(|text| text.value).collect::<Vec<_>>(), ["Ada"]);
    });
}
