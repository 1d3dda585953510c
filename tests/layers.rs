//! Who called, through which layers, and how often does it count? From configuration and records to
//! signals, through the real stage 1.

#![expect(clippy::unwrap_used, reason = "a test fails where it unwraps")]

use std::sync::Arc;

use bumpalo::Bump;
use gatewatch::clock::Clock;
use gatewatch::context::Topology;
use gatewatch::detection::Catalogue;
use gatewatch::pipeline::Stage;
use gatewatch::redaction::{Addresses, KeyRing, Redactor, Settings};
use gatewatch::telemetry::{Batch, StreamId};

const LAYERS: &str = r#"
    [gateways.fd-contoso]
    addresses = ["azure-front-door"]
    [gateways.apim-contoso]
    addresses = ["20.50.60.70"]
    behind = ["fd-contoso"]
    [apps.fn-orders]
    behind = ["apim-contoso"]
"#;

/// One refused request as Front Door, API Management and the app's web server saw it.
const FRONT_DOOR: &str = r#"{"time":"2026-03-01T10:00:00Z","category":"FrontDoorAccessLog",
    "resourceId":"/SUBSCRIPTIONS/S/RESOURCEGROUPS/G/PROVIDERS/MICROSOFT.CDN/PROFILES/FD-CONTOSO","properties":{"httpMethod":"GET",
    "requestUri":"https://shop.example/api/orders","clientIp":"6.6.6.6","socketIp":"203.0.113.9","httpStatusCode":"401","trackingReference":"0made"}}"#;
const APIM: &str = r#"{"time":"2026-03-01T10:00:00Z","category":"GatewayLogs","callerIpAddress":"147.243.1.1","correlationId":"c-1",
    "resourceId":"/SUBSCRIPTIONS/S/RESOURCEGROUPS/G/PROVIDERS/MICROSOFT.APIMANAGEMENT/SERVICE/APIM-CONTOSO","properties":{"method":"GET",
    "url":"https://apim-contoso.azure-api.net/api/orders","responseCode":401,"lastError":{"reason":"ExpressionValueEvaluationFailure"},
    "requestHeaders":{"X-Forwarded-For":"6.6.6.6, 203.0.113.9","X-Azure-Ref":"0made"}}}"#;
const APP: &str = r#"{"time":"2026-03-01T10:00:00Z","category":"AppServiceHTTPLogs",
    "resourceId":"/SUBSCRIPTIONS/S/RESOURCEGROUPS/G/PROVIDERS/MICROSOFT.WEB/SITES/FN-ORDERS","properties":{"CsMethod":"GET",
    "CsUriStem":"/api/orders","CIp":"20.50.60.70","ScStatus":401}}"#;

/// Returns `detector entity` of each signal that `records` give.
fn signals(config: &str, addresses: Addresses, records: &[&str]) -> Vec<String> {
    let config = gatewatch::config::load("layers.toml", config).unwrap();
    let keys = KeyRing::ephemeral().unwrap();
    let compiled = Catalogue::shipped().unwrap();
    let stage = Stage {
        redactor: Arc::new(Redactor::new(&keys, &Settings { addresses, ..Settings::default() }).unwrap()),
        topology: Topology::new(&config.clients, &config.apps, &config.gateways),
        context: std::sync::Arc::default(),
        matcher: compiled.matcher(keys.siphash_key()),
        content_seed: keys.content_key(),
        keep_redacted: false,
        tap: gatewatch::dashboard::Tap::default(),
        clock: Clock::system(),
    };
    let mut batch = Batch::default();
    let message = format!("{{\"records\":[{}]}}", records.join(","));
    batch.push(message.as_bytes(), StreamId(0), 0, 1, None);
    let worked = stage.work(&batch, &mut Bump::new());
    assert!(worked.dead.is_empty() && worked.records.len() == records.len());
    let named = |n: u16| compiled.detectors.all[usize::from(n)].id.clone();
    let shown = worked.signals.iter().map(|signal| format!("{} {}", named(signal.detector), signal.entity().value));
    shown.collect()
}

fn spikes(config: &str, records: &[&str]) -> Vec<String> {
    let all = signals(config, Addresses::Keep, records).into_iter();
    all.filter_map(|one| one.strip_prefix("auth-failures.spike_from_one_address ").map(str::to_owned)).collect()
}

#[test]
fn a_request_that_three_layers_saw_counts_once_and_for_its_client() {
    assert_eq!(spikes(LAYERS, &[FRONT_DOOR, APIM, APP]), ["203.0.113.9"]);
}

#[test]
fn with_nothing_configured_each_layer_counts_for_whoever_was_connected_to_it() {
    assert_eq!(spikes("", &[FRONT_DOOR, APIM, APP]), ["203.0.113.9", "147.243.1.1", "20.50.60.70"]);
}

#[test]
fn a_request_past_the_gateway_counts_where_it_was_seen() {
    let direct = APP.replace("20.50.60.70", "198.51.100.9");
    assert_eq!(spikes(LAYERS, &[&direct]), ["198.51.100.9"]);
}

#[test]
fn what_only_the_inner_layer_knows_counts_there_for_the_client() {
    let guess = APIM.replace("ExpressionValueEvaluationFailure", "SubscriptionKeyInvalid");
    let found = signals(LAYERS, Addresses::Keep, &[FRONT_DOOR, &guess]);
    let guessing: Vec<_> = found.iter().filter(|one| one.contains("subscription_key_guessing")).collect();
    assert_eq!(guessing, ["auth-failures.subscription_key_guessing 203.0.113.9"]);
}

#[test]
fn the_client_is_told_before_its_address_is_cut() {
    let hop = "[clients]\ntrusted_hops = [\"147.243.1.1\"]\n";
    let found = signals(hop, Addresses::Truncate, &[APIM]);
    assert!(found.contains(&"auth-failures.spike_from_one_address 203.0.113.0".to_owned()), "{found:?}");
}
