//! With which command does an element begin to send what is missing?
//!
//! A command is for copying into a shell, and the resource id in it came in a record that somebody
//! else may have written: an id with any unusual character is left out for a placeholder. Each command
//! makes a diagnostic setting of its own, so that none that is there is replaced. One line each.

use std::fmt::Write as _;

use crate::telemetry::Category;

use super::ElementKind;

/// Stands for the event hub's name.
pub const HUB: &str = "EVENT_HUB";
/// Stands for the id of an authorization rule of the event hub's namespace.
pub const RULE: &str = "AUTHORIZATION_RULE_ID";

/// Returns the commands by which an element of `kind`, with this resource id where it is known,
/// begins to send `categories` to an event hub. Categories that are no setting's come to nothing.
pub fn commands(kind: ElementKind, resource: Option<&str>, categories: &[Category]) -> Vec<String> {
    let plain = resource.filter(|id| is_plain(id));
    let of_insights = |category: &&Category| is_of_insights(**category);
    let own: Vec<&str> =
        categories.iter().filter(|one| !of_insights(one)).filter_map(|one| written(kind, plain, *one)).collect();
    let insights: Vec<&str> = categories.iter().filter(of_insights).map(|one| one.name()).collect();
    let mut commands = Vec::new();
    if let Some(first) = own.first() {
        commands.push(match kind {
            ElementKind::Subscription => of_subscription(plain),
            ElementKind::Tenant => of_tenant(&own),
            _ => of_resource(&target(kind, plain), first, &own),
        });
    }
    if let Some(first) = insights.first() {
        commands.push(of_resource("APPLICATION_INSIGHTS_RESOURCE_ID", first, &insights));
    }
    commands
}

fn of_resource(resource: &str, first: &str, categories: &[&str]) -> String {
    format!(
        "az monitor diagnostic-settings create --name 'gatewatch-{first}' --resource '{resource}' \
         --event-hub {HUB} --event-hub-rule {RULE} --logs '{}'",
        logs(categories)
    )
}

fn of_subscription(resource: Option<&str>) -> String {
    let id = resource.and_then(|id| id.rsplit('/').next()).unwrap_or("SUBSCRIPTION_ID");
    format!(
        "az monitor diagnostic-settings subscription create --name gatewatch --subscription '{id}' --location westeurope \
         --event-hub-name {HUB} --event-hub-auth-rule {RULE} --logs '{}'",
        logs(&["Administrative", "Security", "Policy"])
    )
}

fn of_tenant(categories: &[&str]) -> String {
    format!(
        "az rest --method put --url 'https://management.azure.com/providers/microsoft.aadiam/diagnosticSettings/gatewatch?api-version=2017-04-01' \
         --body '{{\"properties\":{{\"eventHubAuthorizationRuleId\":\"{RULE}\",\"eventHubName\":\"{HUB}\",\"logs\":{}}}}}'",
        logs(categories)
    )
}

fn logs(categories: &[&str]) -> String {
    let mut logs = String::from("[");
    for (place, category) in categories.iter().enumerate() {
        let comma = if place > 0 { "," } else { "" };
        _ = write!(logs, "{comma}{{\"category\":\"{category}\",\"enabled\":true}}");
    }
    logs.push(']');
    logs
}

/// Returns the id of what holds the setting.
fn target(kind: ElementKind, resource: Option<&str>) -> String {
    let id = resource.unwrap_or("RESOURCE_ID");
    match kind {
        ElementKind::Storage => format!("{id}/blobServices/default"),
        ElementKind::Sql => format!("{id}/databases/master"),
        _ => id.to_owned(),
    }
}

/// Returns the category as a setting of the element writes it.
fn written(kind: ElementKind, resource: Option<&str>, category: Category) -> Option<&'static str> {
    if !kind.sends().iter().any(|(sent, _)| *sent == category) {
        return None;
    }
    let classic = resource.is_some_and(|id| id.contains("/microsoft.network/frontdoors/"));
    Some(match category {
        Category::FrontDoorAccessLog if classic => "FrontdoorAccessLog",
        Category::FrontDoorWebApplicationFirewallLog if classic => "FrontdoorWebApplicationFirewallLog",
        _ => category.name(),
    })
}

const fn is_of_insights(category: Category) -> bool {
    matches!(
        category,
        Category::AppRequests | Category::AppDependencies | Category::AppTraces | Category::AppExceptions
    )
}

/// Tells whether a resource id holds nothing that a shell or a reader might take for something else.
fn is_plain(id: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'-' | b'_' | b'.' | b'(' | b')');
    id.starts_with('/') && id.len() <= 512 && id.bytes().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    const APP: &str = "/subscriptions/0f00/resourcegroups/shop/providers/microsoft.web/sites/fn-orders";

    #[test]
    fn an_app_gets_a_setting_of_its_own_for_what_is_missing() {
        assert_eq!(
            commands(ElementKind::App, Some(APP), &[Category::AppServiceHTTPLogs, Category::FunctionAppLogs]),
            [format!(
                "az monitor diagnostic-settings create --name 'gatewatch-AppServiceHTTPLogs' --resource '{APP}' \
                 --event-hub EVENT_HUB --event-hub-rule AUTHORIZATION_RULE_ID \
                 --logs '[{{\"category\":\"AppServiceHTTPLogs\",\"enabled\":true}},{{\"category\":\"FunctionAppLogs\",\"enabled\":true}}]'"
            )]
        );
    }

    #[test]
    fn a_resource_id_that_would_run_in_a_shell_is_left_out() {
        for id in [
            "/subscriptions/x'; rm -rf ~; '",
            "/a b",
            "/$(id)",
            "/a\n",
            "/`id`",
            "no-id",
            "/\u{202e}x",
            &"/x".repeat(300),
        ] {
            let command = commands(ElementKind::App, Some(id), &[Category::FunctionAppLogs]).concat();
            assert!(command.contains("--resource 'RESOURCE_ID'") && !command.contains(id), "{command}");
        }
        let group = "/subscriptions/s/resourcegroups/a(b)_c.d-e/providers/microsoft.web/sites/x";
        assert!(commands(ElementKind::App, Some(group), &[Category::FunctionAppLogs]).concat().contains(group));
    }

    #[test]
    fn application_insights_has_a_setting_of_its_own() {
        let found = commands(ElementKind::App, Some(APP), &[Category::AppServiceHTTPLogs, Category::AppRequests]);
        assert_eq!(found.len(), 2);
        assert!(found[1].contains("APPLICATION_INSIGHTS_RESOURCE_ID") && !found[0].contains("AppRequests"));
    }

    #[test]
    fn subscriptions_tenants_accounts_and_servers_have_their_own_ways() {
        let one = |kind, id, category| commands(kind, id, &[category]).concat();
        let subscription = one(ElementKind::Subscription, Some("/subscriptions/0f00"), Category::ActivityLog);
        assert!(subscription.contains("--subscription '0f00'") && subscription.contains("Administrative"));
        assert!(one(ElementKind::Tenant, None, Category::SignInLogs).contains("microsoft.aadiam"));
        let account = "/subscriptions/s/resourcegroups/g/providers/microsoft.storage/storageaccounts/d";
        assert!(one(ElementKind::Storage, Some(account), Category::StorageRead).contains("/d/blobServices/default'"));
        assert!(
            one(ElementKind::Sql, None, Category::SQLSecurityAuditEvents).contains("RESOURCE_ID/databases/master'")
        );
        let classic = "/subscriptions/s/resourcegroups/g/providers/microsoft.network/frontdoors/fd";
        assert!(
            one(ElementKind::FrontDoor, Some(classic), Category::FrontDoorAccessLog).contains("\"FrontdoorAccessLog\"")
        );
        assert_eq!(one(ElementKind::ApiManagement, None, Category::FunctionAppLogs), "");
    }
}
