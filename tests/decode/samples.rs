//! Real records, where they are at hand.

use std::path::{Path, PathBuf};

use super::*;

fn folder() -> Option<PathBuf> {
    #[expect(clippy::disallowed_methods, reason = "a test's folder is no setting of the product")]
    let named = std::env::var_os("GATEWATCH_SAMPLES").map(PathBuf::from);
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/samples");
    named.or(Some(beside)).filter(|folder| folder.is_dir())
}

/// What a typed sample's record says: kind, app or gateway, time, address, status.
type Expected = (Kind, Option<&'static str>, Option<&'static str>, Option<&'static str>, Option<i64>);

const TYPED: &[(&str, &[Expected])] = &[
    (
        "ApimGatewayLogs/dynatrace__test_api_management_service.extracted.json",
        &[(
            Kind::GatewayRequest,
            Some("weatherapp-api-mgmt"),
            Some("2021-01-29T09:25:05.3511301Z"),
            Some("137.117.214.210"),
            Some(200),
        )],
    ),
    (
        "ApimGatewayLogs/msdocs__api-management-howto-use-azure-monitor.json",
        &[(Kind::GatewayRequest, Some("apim-hello-world"), None, None, Some(200))],
    ),
    (
        "AppServiceHTTPLogs/otel__http-log-string-properties.json",
        &[(Kind::HttpRequest, Some("azure-app-service-name1"), Some("2026-04-07T16:06:21.6250810Z"), None, Some(200))],
    ),
    (
        "AppServiceHTTPLogs/otel__http-log.json",
        &[(Kind::HttpRequest, Some("my-demo-app"), Some("2022-05-08T20:14:15Z"), Some("123.45.67.89"), Some(200))],
    ),
    (
        "FunctionAppLogs/dynatrace__integration_events.json",
        &[
            (Kind::FunctionLog, Some("ingest-logs-function"), Some("2021-02-04T07:45:44.5864815Z"), None, None),
            (Kind::FunctionLog, Some("ingest-logs-function"), Some("2021-02-04T07:45:44.5864815Z"), None, None),
            (Kind::FunctionLog, Some("ingest-logs-function"), Some("2021-02-04T07:45:44.5864815Z"), None, None),
            (Kind::FunctionLog, Some("ingest-logs-function"), Some("2021-02-04T07:45:44.5864815Z"), None, None),
            (Kind::FunctionLog, Some("ik-log-forwarder-function"), Some("2021-04-02T07:45:00Z"), None, None),
        ],
    ),
    (
        "FunctionAppLogs/otel__function-app-log-string-properties.json",
        &[(Kind::FunctionLog, Some("azure-function-app-name1"), Some("2026-04-07T16:06:56Z"), None, None)],
    ),
    (
        "ActivityLog/sumologic__activity_log_fixtures.json",
        &[(
            Kind::ControlOperation,
            Some("sumoazureauditapp"),
            Some("2018-03-07T14:23:51.991Z"),
            Some("111.93.54.106"),
            None,
        )],
    ),
    (
        "ActivityLog/otel__administrative-log.json",
        &[
            (Kind::ControlOperation, None, Some("2025-04-15T10:16:32.9873441Z"), Some("203.0.113.10"), None),
            (Kind::ControlOperation, None, Some("2025-04-15T10:16:33.9873441Z"), Some("203.0.113.10"), None),
        ],
    ),
    (
        "ActivityLog/dynatrace__test_activity_logs.extracted.json",
        &[
            (Kind::ControlOperation, None, Some("2021-02-09T11:15:57.0501894Z"), None, None),
            (Kind::ControlOperation, None, Some("2021-02-09T11:38:31.6315770Z"), Some("40.112.242.0"), Some(404)),
            (Kind::ControlOperation, None, None, None, None),
            (Kind::ControlOperation, None, None, None, None),
        ],
    ),
    (
        "AppServiceAppLogs/otel__app-log.json",
        &[(Kind::AppLog, Some("my-demo-app"), Some("2024-04-24T12:06:12Z"), None, None)],
    ),
    (
        "AppServiceAuditLogs/otel__audit-log.json",
        &[(
            Kind::PublishingLogin,
            Some("my-demo-app"),
            Some("2023-10-16T17:42:32.9322528Z"),
            Some("24.19.191.170"),
            None,
        )],
    ),
    (
        "AppServiceAuthenticationLogs/otel__authentication-log.json",
        &[(Kind::SignIn, Some("my-demo-app"), Some("2023-08-25T22:14:07.6738535Z"), None, None)],
    ),
    (
        "AppServiceConsoleLogs/otel__console-log.json",
        &[(Kind::AppLog, Some("my-demo-app"), Some("2024-04-24T12:06:12Z"), None, None)],
    ),
    (
        "AppServiceFileAuditLogs/otel__file-audit-log.json",
        &[(Kind::FileChange, Some("my-demo-app"), Some("2023-10-16T17:42:32.9322528Z"), None, None)],
    ),
    (
        "AppServiceIPSecAuditLogs/otel__ipsec-audit-log.json",
        &[(Kind::AccessRestriction, Some("my-demo-app"), Some("2024-04-24T12:06:12Z"), Some("42.42.42.42"), None)],
    ),
    (
        "KeyVaultAuditEvent/msdocs__key-vault-logging.json",
        &[(Kind::VaultOperation, None, Some("2016-01-05T01:32:01.2691226Z"), Some("104.40.82.76"), Some(200))],
    ),
    (
        "FrontDoorAccessLog/otel__access-log.json",
        &[(
            Kind::GatewayRequest,
            Some("opentelemetry-frontdoor-profile"),
            Some("2025-04-24T13:14:28Z"),
            Some("2001:1c00:3280:6700:fbfa:bf04:1296:ebfc"),
            Some(200),
        )],
    ),
    (
        "FrontDoorWebApplicationFirewallLog/otel__valid_1.json",
        &[(
            Kind::FirewallMatch,
            Some("opentelemetry-frontdoor-profile"),
            Some("2025-04-24T15:35:06Z"),
            Some("2001:1c00:3280:6700:fbfa:bf04:1296:ebfc"),
            None,
        )],
    ),
    (
        "AppInsights/otel__app-requests.json",
        &[(Kind::AppRequest, Some("func1"), Some("2023-04-18T09:03:00Z"), None, None)],
    ),
    (
        "AppInsights/otel__app-dependencies.json",
        &[
            (Kind::AppDependency, Some("func1"), Some("2023-04-18T09:03:00Z"), None, None),
            (Kind::AppDependency, Some("func2"), Some("2023-04-18T09:03:00Z"), None, Some(200)),
            (Kind::AppDependency, Some("func2"), Some("2023-04-18T09:03:00Z"), None, None),
        ],
    ),
    ("ApplicationGateway/otel__access-log.json", &APPLICATION_GATEWAY),
    ("ApplicationGateway/otel__firewall-log.json", &FIREWALL),
];

/// A sample, how it ended and why, and what else only such records say: who did it, and to what.
type Ended = (&'static str, Outcome, Reason, Option<IdentityKind>, Option<&'static str>);

const ENDED: &[Ended] = &[
    ("AppServiceAppLogs/otel__app-log.json", Outcome::Failure, Reason::Unknown, None, None),
    (
        "AppServiceAuditLogs/otel__audit-log.json",
        Outcome::Success,
        Reason::Unknown,
        Some(IdentityKind::Publishing),
        None,
    ),
    ("AppServiceAuthenticationLogs/otel__authentication-log.json", Outcome::Unknown, Reason::Unknown, None, None),
    ("AppServiceConsoleLogs/otel__console-log.json", Outcome::Unknown, Reason::Unknown, None, None),
    (
        "AppServiceFileAuditLogs/otel__file-audit-log.json",
        Outcome::Success,
        Reason::Unknown,
        Some(IdentityKind::Publishing),
        Some("/path/to/file"),
    ),
    ("AppServiceIPSecAuditLogs/otel__ipsec-audit-log.json", Outcome::Failure, Reason::AddressNotAllowed, None, None),
    (
        "KeyVaultAuditEvent/msdocs__key-vault-logging.json",
        Outcome::Success,
        Reason::Unknown,
        Some(IdentityKind::User),
        None,
    ),
];

#[test]
fn samples_of_app_service_and_key_vault_end_as_they_should() {
    let Some(folder) = folder() else { return };
    for (name, outcome, reason, kind, target) in ENDED {
        let bytes = std::fs::read(folder.join(name)).unwrap();
        decoded(&bytes, |all| {
            let [Ok(event)] = all else { panic!("{name}") };
            assert_eq!((event.outcome, event.reason), (*outcome, *reason), "{name}");
            assert_eq!((event.identity.kind, says(event.target)), (*kind, *target), "{name}");
        });
    }
}

const APPLICATION_GATEWAY: [Expected; 6] = [
    (
        Kind::GatewayRequest,
        Some("application-gateway-name"),
        Some("2017-04-26T19:27:38Z"),
        Some("203.0.113.97"),
        Some(404),
    ),
    (
        Kind::GatewayRequest,
        Some("application-gateway-name"),
        Some("2017-04-26T19:27:38Z"),
        Some("203.0.113.97"),
        Some(404),
    ),
    (
        Kind::GatewayRequest,
        Some("myv2-applicationgateway"),
        Some("2021-10-14T22:17:11Z"),
        Some("185.42.129.24"),
        Some(200),
    ),
    (
        Kind::GatewayRequest,
        Some("myv1-applicationgateway"),
        Some("2017-04-26T19:27:38Z"),
        Some("191.96.249.97"),
        Some(404),
    ),
    (Kind::GatewayRequest, Some("swarajgwlog"), Some("2023-06-12T16:58:39Z"), Some("167.220.238.80"), Some(301)),
    (Kind::GatewayRequest, Some("invalidnumbersjson"), Some("2017-04-26T19:27:38Z"), Some("191.96.249.97"), Some(400)),
];

const FIREWALL: [Expected; 1] = [(
    Kind::FirewallMatch,
    Some("application-gateway-name"),
    Some("2017-03-20T15:52:09.1494499Z"),
    Some("203.0.113.147"),
    None,
)];

#[test]
fn every_sample_decodes_and_the_typed_ones_say_what_they_should() {
    let Some(folder) = folder() else {
        let _ = std::io::Write::write_all(&mut std::io::stderr(), b"skipped: GATEWATCH_SAMPLES names no folder\n");
        return;
    };
    let mut files = Vec::new();
    for category in std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir())
    {
        files.extend(std::fs::read_dir(category).unwrap().map(|entry| entry.unwrap().path()));
    }
    assert!(!files.is_empty());
    for file in files.iter().filter(|file| file.extension().is_some_and(|extension| extension == "json")) {
        let bytes = std::fs::read(file).unwrap();
        decoded(&bytes, |all| {
            assert!(!all.is_empty());
            for one in all {
                let event = one.as_ref().unwrap_or_else(|bad| panic!("{bad:?} in {}", file.display()));
                assert_consistent(event);
                assert!(
                    event.timed || file.ends_with("msdocs__api-management-howto-use-azure-monitor.json"),
                    "{}",
                    file.display()
                );
                assert!(event.resource.is_some(), "{}", file.display());
            }
        });
    }
    for (name, expected) in TYPED {
        let bytes = std::fs::read(folder.join(name)).unwrap();
        decoded(&bytes, |all| {
            assert_eq!(all.len(), expected.len(), "{name}");
            for (event, (kind, place, time, ip, status)) in all.iter().flatten().zip(*expected) {
                assert_eq!((event.kind, says(event.app).or(says(event.gateway))), (*kind, *place), "{name}");
                assert!(time.is_none_or(|time| event.time == at(time)), "{name}: {}", event.time);
                assert!(ip.is_none_or(|ip| event.source_ip == Some(ip.parse().unwrap())), "{name}");
                assert_eq!(event.response.status, *status, "{name}");
            }
        });
    }
}

/// How it ended and why, the function, what was acted on.
type Meant = (Outcome, Reason, Option<&'static str>, Option<&'static str>);

const MEANT: &[(&str, &[Meant])] = &[
    ("AppInsights/otel__app-requests.json", &[(Outcome::Success, Reason::Unknown, Some("func1/method1"), None)]),
    (
        "AppInsights/otel__app-dependencies.json",
        &[
            (Outcome::Success, Reason::Unknown, Some("func1/method1"), Some("kafka.topic1")),
            (Outcome::Success, Reason::Unknown, Some("func2/httphandler2"), Some("example.org")),
            (Outcome::Failure, Reason::Unknown, Some("func2/internalmethod1"), Some("func2.InternalMethod1")),
        ],
    ),
    (
        "ActivityLog/sumologic__activity_log_fixtures.json",
        &[(Outcome::Unknown, Reason::Unknown, None, Some("microsoft.web/sites/sumoazureauditapp/config/appsettings"))],
    ),
    (
        "ActivityLog/dynatrace__test_activity_logs.extracted.json",
        &[
            (
                Outcome::Success,
                Reason::Unknown,
                None,
                Some("microsoft.insights/activitylogalerts/aa - alert administracyjny"),
            ),
            (Outcome::Failure, Reason::NotFound, None, Some("microsoft.storage/storageaccounts/dtmwstorage1")),
            (
                Outcome::Success,
                Reason::Unknown,
                None,
                Some(
                    "microsoft.compute/virtualmachinescalesets/cb989d3e-4bcc-4abc-bc32-d1b6dfa2e6b0-azurebatch-vmss-d",
                ),
            ),
            (Outcome::Unknown, Reason::Unknown, None, Some("microsoft.network/loadbalancers/kubernetes")),
        ],
    ),
    (
        "ActivityLog/otel__administrative-log.json",
        &[
            (
                Outcome::Unknown,
                Reason::Unknown,
                None,
                Some("microsoft.insights/diagnosticsettings/example-collect-sample-logs"),
            ),
            (
                Outcome::Unknown,
                Reason::Unknown,
                None,
                Some("microsoft.insights/diagnosticsettings/example-collect-sample-logs"),
            ),
        ],
    ),
];

#[test]
fn samples_of_programs_and_of_operations_mean_what_they_should() {
    let Some(folder) = folder() else { return };
    for (name, expected) in MEANT {
        let bytes = std::fs::read(folder.join(name)).unwrap();
        decoded(&bytes, |all| {
            let meant: Vec<_> = all
                .iter()
                .flatten()
                .map(|event| (event.outcome, event.reason, says(event.function), says(event.target)))
                .collect();
            assert_eq!(meant, *expected, "{name}");
        });
    }
}
