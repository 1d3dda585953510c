//! Which category is a record of, and who reads it? One file a category, or a family of them.
//!
//! To add a category: its line in `telemetry/category.rs`, the names it asks for in
//! `vocabulary.rs`, and here its file and its arm in [`fill`].

mod access_restriction;
mod activity;
mod antivirus;
mod app_log;
mod app_service_http;
mod application_gateway;
mod cosmos;
mod directory;
mod easy_auth;
mod file_audit;
mod firewall;
mod front_door;
mod function_app;
mod gateway;
mod insights;
mod key_vault;
mod other;
pub(super) mod otlp;
mod publishing;
mod signin;
mod sql_audit;
mod storage;
mod web_socket;

use crate::telemetry::{Category, Event, Kind};

use super::record::Record;
use super::vocabulary::Envelope;

/// Returns the category that `record` says it is of: a table's row may have a `category` that
/// means another thing, such as a logger's.
pub(super) fn category(record: &Record<'_>) -> Category {
    let named = |name| record.envelope.piece(name).and_then(|piece| Category::named(piece.value));
    named(Envelope::Category)
        .or_else(|| named(Envelope::Type))
        .or_else(|| activity::is_of(record).then_some(Category::ActivityLog))
        .unwrap_or(Category::Other)
}

/// Tells whether records of `category` have no properties but what stands at their top level,
/// which their file asks for there.
pub(super) fn is_flat(category: Category) -> bool {
    matches!(
        category,
        Category::AppRequests
            | Category::AppDependencies
            | Category::AppTraces
            | Category::AppExceptions
            | Category::Other
    )
}

/// Fills what is particular to the event's category; returns the kind of event.
pub(super) fn fill<'s>(event: &mut Event<'s>, record: &Record<'s>) -> Kind {
    match event.category {
        Category::FunctionAppLogs => function_app::fill(event, record),
        Category::AppServiceHTTPLogs => app_service_http::fill(event, record),
        Category::GatewayLogs => gateway::fill(event, record),
        Category::WebSocketConnectionLogs => web_socket::fill(event, record),
        Category::FrontDoorAccessLog => front_door::access(event, record),
        Category::FrontDoorWebApplicationFirewallLog => front_door::firewall(event, record),
        Category::ApplicationGatewayAccessLog => application_gateway::access(event, record),
        Category::ApplicationGatewayFirewallLog => application_gateway::firewall(event, record),
        Category::ActivityLog => activity::fill(event, record),
        Category::AppServiceAuthenticationLogs => easy_auth::fill(event, record),
        Category::AppServiceAuditLogs => publishing::fill(event, record),
        Category::AppServiceIPSecAuditLogs => access_restriction::fill(event, record),
        Category::AppServiceConsoleLogs => app_log::console(event, record),
        Category::AppServiceAppLogs => app_log::app(event, record),
        Category::AppServicePlatformLogs => app_log::platform(event, record),
        Category::AppServiceFileAuditLogs => file_audit::fill(event, record),
        Category::AppServiceAntivirusScanAuditLogs => antivirus::fill(event, record),
        Category::AuditEvent => key_vault::fill(event, record),
        Category::StorageRead | Category::StorageWrite | Category::StorageDelete => storage::fill(event, record),
        Category::SQLSecurityAuditEvents => sql_audit::fill(event, record),
        Category::DataPlaneRequests => cosmos::fill(event, record),
        Category::AppRequests => insights::request(event, record),
        Category::AppDependencies => insights::dependency(event, record),
        Category::AppTraces => insights::trace(event, record),
        Category::AppExceptions => insights::exception(event, record),
        Category::SignInLogs
        | Category::NonInteractiveUserSignInLogs
        | Category::ServicePrincipalSignInLogs
        | Category::ManagedIdentitySignInLogs => signin::fill(event, record),
        Category::AuditLogs => directory::fill(event, record),
        _ => other::fill(event, record),
    }
}

#[cfg(test)]
mod tests {
    use bumpalo::Bump;

    use crate::telemetry::{Batch, Event, Scanned, StreamId, decode};

    /// Decodes a message of one record, and gives what came of it to `check`.
    #[track_caller]
    pub(super) fn one<R>(json: &str, check: impl Fn(&Event<'_>) -> R) -> R {
        let mut batch = Batch::default();
        batch.push(json.as_bytes(), StreamId(7), 42, 43, None);
        let (scanned, arena) = (Scanned::new(&batch, Vec::new()), Bump::new());
        let mut all = Vec::new();
        decode(&scanned, 0, &arena, |event| all.push(check(event.unwrap())));
        assert_eq!(all.len(), 1, "{json}");
        all.remove(0)
    }

    #[test]
    fn of_several_addresses_the_last_connected_and_those_before_it_were_forwarded() {
        one(r#"{"category":"GatewayLogs","callerIpAddress":"198.51.100.7, 10.0.0.4:5432"}"#, |event| {
            assert_eq!((event.source_ip, event.source_port), ("10.0.0.4".parse().ok(), Some(5432)));
            assert_eq!(event.source_text.map(|text| text.value), Some("10.0.0.4"));
            assert_eq!(event.forwarded.map(|text| text.value), Some("198.51.100.7"));
        });
        one(r#"{"category":"GatewayLogs","callerIpAddress":"unknown, none"}"#, |event| {
            assert_eq!((event.source_ip, event.forwarded.is_none()), (None, true));
            assert_eq!(event.source_text.map(|text| text.value), Some("unknown, none"));
        });
    }
}
