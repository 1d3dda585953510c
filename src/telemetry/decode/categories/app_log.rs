//! What an app's logger, its container and the platform write: `AppServiceAppLogs`,
//! `AppServiceConsoleLogs` and `AppServicePlatformLogs`.
//!
//! Linux writes the line beside `properties`, in `resultDescription`, with its newlines. A console's
//! level tells only which stream a line went to, so it says nothing of how anything ended. Container
//! Apps, where functions run too, write a console's line as `Log`, and name the app there: their
//! resource is the environment that many apps share.

use crate::telemetry::{Event, Kind, Outcome};

use super::super::doc::lower;
use super::super::record::Record;
use super::super::vocabulary::{Envelope, Property};

/// Fills a line of a container's console; returns the kind of event.
pub(in crate::telemetry::decode) fn console<'s>(event: &mut Event<'s>, record: &Record<'s>) -> Kind {
    let p = &record.properties;
    if event.app.is_none() {
        event.app = p.text(Property::ContainerAppName).map(|name| lower(name, event.arena));
    }
    line(event, record);
    event.level = event.level.or(p.text(Property::Stream));
    event.outcome = Outcome::Unknown;
    Kind::AppLog
}

/// Fills a line of an app's own logger; returns the kind of event.
pub(in crate::telemetry::decode) fn app<'s>(event: &mut Event<'s>, record: &Record<'s>) -> Kind {
    line(event, record);
    Kind::AppLog
}

/// Fills what the platform did with a container; returns the kind of event.
pub(in crate::telemetry::decode) fn platform<'s>(event: &mut Event<'s>, record: &Record<'s>) -> Kind {
    line(event, record);
    Kind::PlatformEvent
}

fn line<'s>(event: &mut Event<'s>, record: &Record<'s>) {
    let (e, p) = (&record.envelope, &record.properties);
    event.operation = e.text(Envelope::OperationName);
    event.level = e.text(Envelope::Level).or(p.text(Property::Level)).or(p.text(Property::CustomLevel));
    let inside = || p.piece(Property::Message).or(p.piece(Property::Log)).and_then(|text| text.trimmed());
    let beside = || e.piece(Envelope::ResultDescription).and_then(|text| text.trimmed());
    let outside = || e.piece(Envelope::Message).and_then(|text| text.trimmed());
    let thrown = || p.piece(Property::Exception).and_then(|text| text.trimmed());
    let opaque = || record.opaque.and_then(|text| text.trimmed());
    event.message = inside().or_else(beside).or_else(outside).or_else(thrown).or_else(opaque);
    let bad = |level: &str| level.eq_ignore_ascii_case("Error") || level.eq_ignore_ascii_case("Critical");
    if event.level.is_some_and(|level| bad(level.value)) {
        event.outcome = Outcome::Failure;
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::one;
    use super::*;
    use crate::telemetry::Category;

    #[test]
    fn a_container_apps_line_is_a_console_line_of_the_app_that_it_names() {
        let record = r#"{"time":"2026-03-02T08:00:00.1234567Z","resourceId":"/SUBSCRIPTIONS/S/RESOURCEGROUPS/RG/PROVIDERS/MICROSOFT.APP/MANAGEDENVIRONMENTS/SHOP-ENV","category":"ContainerAppConsoleLogs","location":"westeurope","properties":{"ContainerAppName":"Orders","RevisionName":"orders--7xk2","ContainerName":"orders","ContainerImage":"shop.example/orders:7","EnvironmentName":"shop-env","Stream":"stderr","Log":" Connecting to the queue\n"}}"#;
        let row = r#"{"TimeGenerated":"2026-03-02T08:00:00.1234567Z","Type":"ContainerAppConsoleLogs","ContainerAppName":"Orders","Stream":"stderr","Log":" Connecting to the queue\n","_ResourceId":"/subscriptions/s/resourcegroups/rg/providers/microsoft.app/managedenvironments/shop-env"}"#;
        for json in [record, row] {
            one(json, |event| {
                assert_eq!((event.category, event.kind), (Category::AppServiceConsoleLogs, Kind::AppLog));
                assert_eq!(event.app.map(|app| app.value), Some("orders"));
                assert_eq!(event.message.map(|line| line.value), Some("Connecting to the queue"));
                assert_eq!((event.level.map(|level| level.value), event.outcome), (Some("stderr"), Outcome::Unknown));
            });
        }
    }
}
