//! What was changed in Entra's directory.

use gatewatch::telemetry::IdentityKind;

use super::*;

const CHANGE: &str = include_str!("../fixtures/decode/directory.json");

fn change(properties: &str) -> String {
    format!(r#"{{"category":"AuditLogs","identity":"Ada Lovelace","properties":{{{properties}}}}}"#)
}

#[test]
fn a_change_names_who_changed_what() {
    one(CHANGE, |event| {
        assert_eq!((event.category, event.kind), (Category::AuditLogs, Kind::DirectoryChange));
        assert_eq!(says(event.operation), Some("update application – certificates and secrets management"));
        assert_eq!((event.outcome, says(event.target)), (Outcome::Success, Some("shop-deploy")));
        assert_eq!(
            (event.identity.kind, says(event.identity.name)),
            (Some(IdentityKind::User), Some("ada@corp.example"))
        );
        assert_eq!(says(event.identity.id), Some("95fdefa0-a7b8-47a3-b969-046862c9a979"));
        assert_eq!(says(event.identity.tenant), Some("a39bedba-be8f-4c0f-bfe2-b8c7913501ea"));
        assert_eq!(event.source_ip, Some("203.0.113.10".parse().unwrap()));
        assert_eq!(says(event.client.agent), Some("Mozilla/5.0 (X11; Linux x86_64)"));
        assert!(event.personal.iter().all(|text| text.value == "Ada Lovelace") && event.personal.len() == 2);
        assert!(says(event.own_id).unwrap().starts_with("Directory_"));
    });
}

#[test]
fn the_activity_of_a_change_may_end_in_a_space() {
    one(CHANGE, |event| assert!(says(event.operation).is_some_and(|name| name.ends_with("management"))));
}

#[test]
fn an_applications_name_is_no_persons() {
    let by = r#""initiatedBy":{"app":{"appId":"04b07795","displayName":"Ada Lovelace","servicePrincipalId":"b981"}}"#;
    one(&change(by), |event| {
        assert_eq!(event.identity.kind, Some(IdentityKind::ServicePrincipal));
        assert_eq!((says(event.identity.app), says(event.identity.id)), (Some("04b07795"), Some("b981")));
        assert!(event.identity.name.is_none() && event.personal.is_empty());
    });
    one(&change(r#""result":"failure""#), |event| assert_eq!(event.personal.len(), 1));
}

#[test]
fn people_and_devices_are_targets_by_their_id() {
    for (kind, target, personal) in [
        ("User", "a7d5", ["Grace Hopper", "Grace Hopper", "grace"].as_slice()),
        ("Device", "a7d5", &["Grace Hopper", "Grace Hopper", "grace"]),
        ("Other", "a7d5", &["Grace Hopper", "Grace Hopper", "grace"]),
        ("ServicePrincipal", "Grace Hopper", &[]),
        ("role", "Grace Hopper", &[]),
    ] {
        let json = change(&format!(
            r#""initiatedBy":{{"app":{{"appId":"x"}}}},"targetResources":[{{"id":"a7d5","displayName":"Grace Hopper","userPrincipalName":"grace","type":"{kind}","modifiedProperties":[{{"displayName":"Surname","oldValue":null,"newValue":"Grace Hopper"}},{{"displayName":"Role.DisplayName","newValue":"Global Administrator"}}]}}]"#
        ));
        one(&json, |event| {
            assert_eq!(says(event.target), Some(target), "{kind}");
            let mut hidden: Vec<_> = event.personal.iter().map(|text| text.value).collect();
            hidden.sort_unstable();
            assert_eq!(hidden, personal, "{kind}");
        });
    }
}

#[test]
fn a_workspaces_row_holds_arrays_in_strings_and_its_own_tenant() {
    let json = r#"{"TimeGenerated":"2026-03-07T14:23:51Z","Type":"AuditLogs","Category":"Policy","TenantId":"workspace","AADTenantId":"a39b","ActivityDisplayName":"Add policy","Result":"timeout","ResultReason":"too slow","InitiatedBy":"{\"user\":{\"id\":\"95fd\",\"userPrincipalName\":\"ada@corp.example\",\"ipAddress\":\"0.0.0.0\"}}","TargetResources":"[{\"id\":\"a7d5\",\"type\":\"Policy\",\"displayName\":\"No legacy login\"}]","ResourceId":"/tenants/a39b/providers/Microsoft.aadiam"}"#;
    one(json, |event| {
        assert_eq!((event.category, says(event.operation)), (Category::AuditLogs, Some("add policy")));
        assert_eq!((says(event.target), says(event.identity.tenant)), (Some("No legacy login"), Some("a39b")));
        assert_eq!((says(event.identity.id), event.source_ip), (Some("95fd"), None));
        assert_eq!(
            (event.outcome, event.reason, says(event.message)),
            (Outcome::Failure, Reason::Timeout, Some("too slow"))
        );
    });
}

#[test]
fn the_tenant_stands_in_the_resource_where_nothing_else_names_it() {
    let json = r#"{"category":"AuditLogs","resourceId":"/Tenants/a39b/providers/Microsoft.aadiam"}"#;
    one(json, |event| assert_eq!(says(event.identity.tenant), Some("a39b")));
    one(r#"{"category":"AuditLogs","resourceId":"/tenants/"}"#, |event| assert!(event.identity.tenant.is_none()));
}
