//! What sends telemetry, and of what does it speak? Apps, gateways and what they lean on.
//!
//! An element is named by the resource id of its records, without what stands below it: slots and
//! functions belong to their app, a blob service to its account. The Activity log belongs to a
//! subscription and sign-ins to a tenant, whatever resource their records name.

use std::fmt;

use crate::telemetry::Category;

/// What sort of thing sends telemetry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ElementKind {
    /// A function app.
    App,
    /// An API Management service.
    ApiManagement,
    /// A Front Door, classic or not.
    FrontDoor,
    /// An Application Gateway.
    ApplicationGateway,
    /// A Key Vault.
    KeyVault,
    /// A storage account.
    Storage,
    /// A server of Azure SQL.
    Sql,
    /// A Cosmos DB account.
    Cosmos,
    /// A subscription, whose Activity log tells what is done to all its resources.
    Subscription,
    /// A tenant of Entra.
    Tenant,
}

impl ElementKind {
    /// Every kind.
    pub const ALL: [Self; 10] = [
        Self::App,
        Self::ApiManagement,
        Self::FrontDoor,
        Self::ApplicationGateway,
        Self::KeyVault,
        Self::Storage,
        Self::Sql,
        Self::Cosmos,
        Self::Subscription,
        Self::Tenant,
    ];

    /// Returns what people call it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::App => "function app",
            Self::ApiManagement => "API Management",
            Self::FrontDoor => "Front Door",
            Self::ApplicationGateway => "Application Gateway",
            Self::KeyVault => "Key Vault",
            Self::Storage => "storage account",
            Self::Sql => "SQL server",
            Self::Cosmos => "Cosmos DB",
            Self::Subscription => "subscription",
            Self::Tenant => "Entra tenant",
        }
    }

    /// Returns the kind of a resource of this provider and type, both lower case.
    fn of(provider: &str, resource: &str) -> Option<Self> {
        Some(match (provider, resource) {
            ("microsoft.web", "sites") => Self::App,
            ("microsoft.apimanagement", "service") => Self::ApiManagement,
            ("microsoft.network", "frontdoors") | ("microsoft.cdn", "profiles") => Self::FrontDoor,
            ("microsoft.network", "applicationgateways") => Self::ApplicationGateway,
            ("microsoft.keyvault", "vaults") => Self::KeyVault,
            ("microsoft.storage", "storageaccounts") => Self::Storage,
            ("microsoft.sql", "servers") => Self::Sql,
            ("microsoft.documentdb", "databaseaccounts") => Self::Cosmos,
            _ => return None,
        })
    }
}

impl fmt::Display for ElementKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// An element as a record names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Named<'r> {
    /// What sort of thing it is.
    pub kind: ElementKind,
    /// Its name, lower case.
    pub name: &'r str,
    /// Its own resource id, lower case, where the record has it.
    pub resource: Option<&'r str>,
}

/// Returns the element that a lower-case resource id names or lies below.
pub fn of_resource(id: &str) -> Option<Named<'_>> {
    let (mut provider, mut kind, mut at) = ("", None, 0);
    // The segments that follow the last `providers`: its name, then type and name in turn.
    let mut since = usize::MAX;
    for segment in id.split('/') {
        let end = at + segment.len();
        match since {
            0 => provider = segment,
            1 => kind = ElementKind::of(provider, segment),
            2 => {
                if let Some(kind) = kind.filter(|_| !segment.is_empty()) {
                    return Some(Named { kind, name: segment, resource: id.get(..end) });
                }
            }
            _ => {}
        }
        since = if segment == "providers" { 0 } else { since.saturating_add(1) };
        at = end + 1;
    }
    None
}

/// Returns the element that wrote a record of `category` with this resource, app and gateway (all
/// lower case).
pub fn sender<'r>(
    category: Category,
    resource: Option<&'r str>,
    app: Option<&'r str>,
    gateway: Option<&'r str>,
) -> Option<Named<'r>> {
    let of_app = |name| Named { kind: ElementKind::App, name, resource: None };
    match category {
        Category::ActivityLog => resource.and_then(|id| below(id, "subscriptions", ElementKind::Subscription)),
        Category::SignInLogs
        | Category::NonInteractiveUserSignInLogs
        | Category::ServicePrincipalSignInLogs
        | Category::ManagedIdentitySignInLogs
        | Category::AuditLogs => {
            Some(resource.and_then(|id| below(id, "tenants", ElementKind::Tenant)).unwrap_or(Named {
                kind: ElementKind::Tenant,
                name: "entra",
                resource: None,
            }))
        }
        _ => resource.and_then(of_resource).or_else(|| match (gateway_kind(category), gateway) {
            (Some(kind), Some(name)) => Some(Named { kind, name, resource: None }),
            (Some(_), None) => None,
            (None, _) => app.map(of_app),
        }),
    }
}

/// Returns the element that a record of `category` speaks of, where it is not the one that wrote
/// it: the app behind a gateway, the resource that somebody did something to.
pub fn spoken_of<'r>(category: Category, resource: Option<&'r str>, app: Option<&'r str>) -> Option<Named<'r>> {
    match (category, gateway_kind(category)) {
        (Category::ActivityLog, _) => resource.and_then(of_resource),
        (_, Some(_)) => app.map(|name| Named { kind: ElementKind::App, name, resource: None }),
        _ => None,
    }
}

const fn gateway_kind(category: Category) -> Option<ElementKind> {
    Some(match category {
        Category::GatewayLogs | Category::WebSocketConnectionLogs => ElementKind::ApiManagement,
        Category::FrontDoorAccessLog | Category::FrontDoorWebApplicationFirewallLog => ElementKind::FrontDoor,
        Category::ApplicationGatewayAccessLog | Category::ApplicationGatewayFirewallLog => {
            ElementKind::ApplicationGateway
        }
        _ => return None,
    })
}

/// Returns the subscription or tenant that a resource id begins with.
fn below<'r>(id: &'r str, root: &str, kind: ElementKind) -> Option<Named<'r>> {
    let rest = id.strip_prefix('/')?.strip_prefix(root)?.strip_prefix('/')?;
    let name = rest.split('/').next().filter(|name| !name.is_empty())?;
    Some(Named { kind, name, resource: id.get(..id.len() - rest.len() + name.len()) })
}

#[cfg(test)]
mod tests {
    use super::*;

    const GROUP: &str = "/subscriptions/0f00/resourcegroups/sites/providers";

    fn named(id: &str) -> Option<(ElementKind, String, String)> {
        of_resource(id).map(|found| (found.kind, found.name.to_owned(), found.resource.unwrap_or_default().to_owned()))
    }

    #[test]
    fn what_lies_below_an_element_belongs_to_it() {
        let app = format!("{GROUP}/microsoft.web/sites/shop");
        for below in ["", "/slots/staging", "/functions/pay/keys/default", "/config/appsettings"] {
            assert_eq!(named(&format!("{app}{below}")), Some((ElementKind::App, "shop".into(), app.clone())));
        }
        let setting = "/providers/microsoft.insights/diagnosticsettings/gatewatch";
        assert_eq!(named(&format!("{app}{setting}")).unwrap().0, ElementKind::App);
        let blobs = format!("{GROUP}/microsoft.storage/storageaccounts/data1");
        assert_eq!(
            named(&format!("{blobs}/blobservices/default")),
            Some((ElementKind::Storage, "data1".into(), blobs.clone()))
        );
    }

    #[test]
    fn every_kind_of_resource_is_known() {
        for (kind, resource) in [
            (ElementKind::ApiManagement, "microsoft.apimanagement/service/x"),
            (ElementKind::FrontDoor, "microsoft.cdn/profiles/x"),
            (ElementKind::FrontDoor, "microsoft.network/frontdoors/x"),
            (ElementKind::ApplicationGateway, "microsoft.network/applicationgateways/x"),
            (ElementKind::KeyVault, "microsoft.keyvault/vaults/x"),
            (ElementKind::Sql, "microsoft.sql/servers/x/databases/master"),
            (ElementKind::Cosmos, "microsoft.documentdb/databaseaccounts/x"),
        ] {
            assert_eq!(named(&format!("{GROUP}/{resource}")).unwrap().0, kind, "{resource}");
        }
        for nothing in ["", "/", "providers", "/providers/microsoft.web/sites/", "/providers/microsoft.web/plans/x"] {
            assert_eq!(named(nothing), None, "{nothing}");
        }
    }

    #[test]
    fn the_activity_log_is_its_subscriptions_and_speaks_of_the_resource() {
        let id = format!("{GROUP}/microsoft.web/sites/shop");
        let from = sender(Category::ActivityLog, Some(&id), Some("shop"), None).unwrap();
        assert_eq!(
            (from.kind, from.name, from.resource),
            (ElementKind::Subscription, "0f00", Some("/subscriptions/0f00"))
        );
        assert_eq!(spoken_of(Category::ActivityLog, Some(&id), None).unwrap().name, "shop");
    }

    #[test]
    fn a_record_without_a_resource_is_its_apps_or_its_gateways() {
        let from = |category, app, gateway| sender(category, None, app, gateway).map(|found| (found.kind, found.name));
        assert_eq!(from(Category::AppRequests, Some("shop"), None), Some((ElementKind::App, "shop")));
        assert_eq!(from(Category::GatewayLogs, Some("shop"), Some("g")), Some((ElementKind::ApiManagement, "g")));
        assert_eq!(from(Category::GatewayLogs, Some("shop"), None), None);
        assert_eq!(from(Category::SignInLogs, None, None), Some((ElementKind::Tenant, "entra")));
        assert_eq!(spoken_of(Category::GatewayLogs, None, Some("shop")).unwrap().kind, ElementKind::App);
        assert_eq!(spoken_of(Category::AppServiceHTTPLogs, None, Some("shop")), None);
    }

    proptest::proptest! {
        #[test]
        fn no_resource_id_makes_it_panic(id in "(/?(providers|microsoft.web|sites|subscriptions|tenants|é|[a-z]{0,3})/?){0,12}") {
            _ = (of_resource(&id), sender(Category::ActivityLog, Some(&id), None, None));
        }
    }
}
