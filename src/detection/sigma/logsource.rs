//! Which of our records does a Sigma log source mean? By category, product and service.
//!
//! What nothing of ours makes (Windows, AWS, …) has no reach: such a rule compiles, and never runs. `product: azure`
//! takes any of Azure's category names as its `service`, lower case as Sigma writes them; one that we do not
//! decode is told by the name that its records give.

use crate::detection::Family;
use crate::posture::Problems;
use crate::posture::document::{Located, Node};
use crate::telemetry::{Category, Kind};

use super::slips::{self, Slip};

/// What a rule or filter says of its log source, in lower case.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct LogSource {
    pub(super) category: Option<String>,
    pub(super) product: Option<String>,
    pub(super) service: Option<String>,
}

/// The names by which rules of a log source call fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Table {
    /// W3C's, of access logs.
    Web,
    /// Those of the Activity log.
    Activity,
    /// Those of Entra's sign-ins.
    SignIn,
    /// Those of Entra's audit log.
    Audit,
    /// Those of other records of Azure.
    Azure,
    /// None but the record's own and ours.
    Own,
}

/// The records that a log source means.
#[derive(Clone, Debug)]
pub(super) struct Reach {
    pub(super) categories: Vec<Category>,
    /// Of records that we do not decode by their category, the names that they give.
    pub(super) writers: Vec<String>,
    pub(super) table: Table,
    pub(super) family: Family,
}

const ACCESS: [Category; 4] = [
    Category::AppServiceHTTPLogs,
    Category::GatewayLogs,
    Category::FrontDoorAccessLog,
    Category::ApplicationGatewayAccessLog,
];
const APP_LOGS: [Category; 6] = [
    Category::FunctionAppLogs,
    Category::AppServiceConsoleLogs,
    Category::AppServiceAppLogs,
    Category::AppTraces,
    Category::AppExceptions,
    Category::OtlpLogs,
];
const DATABASES: [Category; 2] = [Category::SQLSecurityAuditEvents, Category::DataPlaneRequests];
const SIGN_INS: [Category; 4] = [
    Category::SignInLogs,
    Category::NonInteractiveUserSignInLogs,
    Category::ServicePrincipalSignInLogs,
    Category::ManagedIdentitySignInLogs,
];
const RISKS: [&str; 4] =
    ["UserRiskEvents", "AADUserRiskEvents", "ServicePrincipalRiskEvents", "AADServicePrincipalRiskEvents"];
const PIM: [&str; 3] = ["UserRiskEvents", "AADUserRiskEvents", "SecurityAlert"];
/// What runs in apps and writes to their logs.
const RUNTIMES: [&str; 9] = ["jvm", "java", "python", "django", "nodejs", "ruby_on_rails", "spring", "velocity", "sql"];

impl LogSource {
    /// Reads a `logsource`; keys that say nothing become `slips`.
    pub(super) fn read(value: Located, slips: &mut Vec<Slip>, problems: &mut Problems) -> Option<Self> {
        let line = value.line;
        let mut section = value.section("`logsource`", problems)?;
        let mut part = |name: &str, problems: &mut Problems| match section.take(name) {
            None | Some(Located { node: Node::Null, .. }) => None,
            Some(value) => value.text(&format!("`{name}`"), problems).map(|text| text.to_ascii_lowercase()),
        };
        let (category, product, service) =
            (part("category", problems), part("product", problems), part("service", problems));
        slips.extend(slips::of_source(&section.rest()));
        let found = Self { category, product, service };
        if found == Self::default() {
            problems.add(line, "`logsource` names neither category, product nor service. Name one.");
            return None;
        }
        Some(found)
    }

    /// Tells whether what `other` says is said here too: a filter for `product: azure` takes in all services.
    pub(super) fn is_within(&self, other: &Self) -> bool {
        let said = |wanted: &Option<String>, here: &Option<String>| wanted.is_none() || wanted == here;
        said(&other.category, &self.category)
            && said(&other.product, &self.product)
            && said(&other.service, &self.service)
    }

    /// Returns the records it means; `None` if nothing of ours makes them.
    pub(super) fn reach(&self) -> Option<Reach> {
        let (category, product) = (self.category.as_deref(), self.product.as_deref());
        let reach = |categories: &[Category], table, family| {
            Some(Reach { categories: categories.to_vec(), writers: Vec::new(), table, family })
        };
        match (category, product, self.service.as_deref()) {
            (None, Some("azure"), service) => Some(azure(service)),
            (kind, Some("gatewatch"), service) => own(kind, service),
            (Some("webserver" | "proxy"), None | Some("azure"), None) => reach(&ACCESS, Table::Web, Family::Probing),
            (Some("application"), None, None) => reach(&APP_LOGS, Table::Own, Family::Probing),
            (Some("application"), Some(product), None) if RUNTIMES.contains(&product) => {
                reach(&APP_LOGS, Table::Own, Family::Probing)
            }
            (Some("antivirus"), None | Some("azure"), None) => {
                reach(&[Category::AppServiceAntivirusScanAuditLogs], Table::Own, Family::Probing)
            }
            (Some("database"), None | Some("azure"), None) => reach(&DATABASES, Table::Own, Family::Probing),
            _ => None,
        }
    }
}

impl Table {
    /// Returns a name that tells it apart.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Web => "web",
            Self::Activity => "activity",
            Self::SignIn => "sign-in",
            Self::Audit => "audit",
            Self::Azure => "azure",
            Self::Own => "own",
        }
    }
}

impl std::fmt::Display for LogSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let parts = [("category", &self.category), ("product", &self.product), ("service", &self.service)];
        let mut first = true;
        for (name, value) in parts.iter().filter_map(|(name, value)| Some((name, value.as_ref()?))) {
            write!(f, "{}{name} {value}", if first { "" } else { ", " })?;
            first = false;
        }
        Ok(())
    }
}

fn azure(service: Option<&str>) -> Reach {
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<String>>();
    let (mut categories, mut writers) = (Vec::new(), Vec::new());
    let (table, family) = match service {
        Some("activitylogs") => {
            categories.push(Category::ActivityLog);
            (Table::Activity, Family::ControlPlane)
        }
        Some("signinlogs") => {
            categories.push(Category::SignInLogs);
            (Table::SignIn, Family::Identity)
        }
        Some("auditlogs") => {
            categories.push(Category::AuditLogs);
            (Table::Audit, Family::Identity)
        }
        Some("riskdetection") => {
            writers = names(&RISKS);
            (Table::Azure, Family::Identity)
        }
        Some("pim") => {
            categories.push(Category::AuditLogs);
            writers = names(&PIM);
            (Table::Audit, Family::Identity)
        }
        Some(service) => {
            let known = Category::named(service).filter(|category| *category != Category::Other);
            categories.extend(known);
            if known.is_none() {
                writers.push(service.to_owned());
            }
            known.map_or((Table::Azure, Family::ControlPlane), |category| {
                (of_category(category), of_kind(category.makes()))
            })
        }
        None => {
            categories.extend(SIGN_INS);
            categories.extend([Category::AuditLogs, Category::ActivityLog]);
            writers = names(&RISKS);
            (Table::Azure, Family::Identity)
        }
    };
    if !writers.is_empty() {
        categories.push(Category::Other);
    }
    Reach { categories, writers, table, family }
}

/// Records by our own words: a kind of event as `category`, one of Azure's categories as `service`.
fn own(kind: Option<&str>, service: Option<&str>) -> Option<Reach> {
    let category = service.map(|service| Category::named(service).ok_or(())).transpose().ok()?;
    let kind = kind.map(|kind| Kind::named(kind).ok_or(())).transpose().ok()?;
    let all = Category::ALL.into_iter().filter(|one| category.is_none_or(|category| category == *one));
    let categories: Vec<Category> = all.filter(|one| kind.is_none_or(|kind| one.makes().contains(&kind))).collect();
    let family = match (kind, categories.first()?) {
        (Some(kind), _) => of_kind(&[kind]),
        (None, category) => of_kind(category.makes()),
    };
    Some(Reach { categories, writers: Vec::new(), table: Table::Own, family })
}

fn of_category(category: Category) -> Table {
    match category {
        Category::ActivityLog => Table::Activity,
        Category::AuditLogs => Table::Audit,
        _ if SIGN_INS.contains(&category) => Table::SignIn,
        _ if ACCESS.contains(&category) => Table::Web,
        _ => Table::Azure,
    }
}

fn of_kind(kinds: &[Kind]) -> Family {
    match kinds.first() {
        Some(Kind::SignIn | Kind::DirectoryChange) => Family::Identity,
        Some(Kind::ControlOperation | Kind::PublishingLogin | Kind::PlatformEvent | Kind::FileChange) => {
            Family::ControlPlane
        }
        Some(Kind::VaultOperation | Kind::StorageRequest) => Family::KeyUsage,
        _ => Family::Probing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(category: &str, product: &str, service: &str) -> LogSource {
        let part = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        LogSource { category: part(category), product: part(product), service: part(service) }
    }

    #[test]
    fn a_log_source_means_the_records_that_azure_writes_for_it() {
        for (category, product, service, first, writers) in [
            ("", "azure", "activitylogs", Some(Category::ActivityLog), 0),
            ("", "azure", "signinlogs", Some(Category::SignInLogs), 0),
            ("", "azure", "auditlogs", Some(Category::AuditLogs), 0),
            ("", "azure", "riskdetection", Some(Category::Other), 4),
            ("", "azure", "pim", Some(Category::AuditLogs), 3),
            ("", "azure", "functionapplogs", Some(Category::FunctionAppLogs), 0),
            ("", "azure", "microsoftgraphactivitylogs", Some(Category::Other), 1),
            ("", "azure", "", Some(Category::SignInLogs), 4),
            ("webserver", "", "", Some(Category::AppServiceHTTPLogs), 0),
            ("application", "nodejs", "", Some(Category::FunctionAppLogs), 0),
            ("http.request", "gatewatch", "", Some(Category::AppServiceHTTPLogs), 0),
            ("", "gatewatch", "gatewaylogs", Some(Category::GatewayLogs), 0),
            ("http.request", "gatewatch", "gatewaylogs", None, 0),
            ("nothing", "gatewatch", "", None, 0),
            ("process_creation", "windows", "", None, 0),
            ("webserver", "windows", "", None, 0),
            ("application", "kubernetes", "audit", None, 0),
        ] {
            let reach = source(category, product, service).reach();
            let found = reach.as_ref().map(|reach| (reach.categories.first().copied(), reach.writers.len()));
            assert_eq!(found, first.map(|first| (Some(first), writers)), "{category} {product} {service}");
        }
    }

    #[test]
    fn a_filter_for_a_product_takes_in_its_services() {
        let (azure, sign_ins) = (source("", "azure", ""), source("", "azure", "signinlogs"));
        assert!(sign_ins.is_within(&azure) && !azure.is_within(&sign_ins));
        assert_eq!(sign_ins.to_string(), "product azure, service signinlogs");
    }
}
