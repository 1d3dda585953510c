//! The simulated world is what its labels say, and the same every time.

#![expect(clippy::unwrap_used, reason = "a test fails where it unwraps")]

use std::collections::BTreeSet;
use std::time::Duration;

use base64::Engine as _;
use bumpalo::Bump;
use gatewatch::clock::Timestamp;
use gatewatch::simulate::{Options, World, catalogue};
use gatewatch::telemetry::marvin::{FUNCTIONS, STORAGE};
use gatewatch::telemetry::{Batch, Category, Scanned, StreamId, decode};
use proptest::prelude::*;

const START: Timestamp = Timestamp::from_seconds(1_763_978_400);

/// The demo's world: 20 minutes at 40 records a second.
fn demo() -> Options {
    Options { seed: 7, start: START, duration: Duration::from_mins(20), rate: 40, attacks: Vec::new(), clean: false }
}

fn clean() -> Options {
    Options { clean: true, ..demo() }
}

fn world(options: Options) -> World {
    World::new(options).unwrap()
}

fn text(options: Options) -> String {
    world(options).map(|message| String::from_utf8(message.bytes).unwrap() + "\n").collect()
}

/// Every record of a world that can be parsed, with the number of messages that can't.
fn records(options: Options) -> (Vec<serde_json::Value>, u64) {
    let (mut records, mut broken) = (Vec::new(), 0);
    for message in world(options) {
        let Ok(serde_json::Value::Object(mut parsed)) = serde_json::from_slice(&message.bytes) else {
            broken += 1;
            continue;
        };
        let Some(serde_json::Value::Array(mut more)) = parsed.remove("records") else { panic!("no records") };
        assert!((1..=40).contains(&more.len()), "a message of {} records", more.len());
        records.append(&mut more);
    }
    (records, broken)
}

#[test]
fn a_world_writes_every_category_and_each_record_names_its_resource_and_time() {
    let mut seen = BTreeSet::new();
    let mut batch = Batch::default();
    for message in world(clean()) {
        batch.push(&message.bytes, StreamId(0), 0, 1, Some(message.at));
    }
    let scanned = Scanned::new(&batch, Vec::new());
    for message in 0..batch.messages.len() {
        let arena = Bump::new();
        decode(&scanned, message, &arena, |one| {
            let event = one.unwrap_or_else(|bad| panic!("{bad:?}"));
            assert!(event.timed && event.resource.is_some(), "{:?}", event.category);
            seen.insert(event.category);
        });
    }
    let missing: Vec<_> = Category::ALL.into_iter().filter(|category| !seen.contains(category)).collect();
    assert_eq!(missing, [Category::OtlpLogs, Category::Other]);
}

/// A 64-bit FNV-1a hash, so that the bytes of a seed can be pinned down.
fn fnv(bytes: impl Iterator<Item = u8>) -> u64 {
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    let of = |seed| world(Options { seed, duration: Duration::from_mins(3), ..demo() }).collect::<Vec<_>>();
    assert_eq!(of(7), of(7));
    assert_ne!(of(7), of(8));
}

#[test]
fn the_bytes_of_a_seed_are_the_same_on_every_platform() {
    let short = Options { duration: Duration::from_mins(1), rate: 100, ..demo() };
    let hash = fnv(text(short).into_bytes().into_iter());
    assert_eq!(format!("{hash:016x}"), "6e0f26830e7b3366");
}

#[test]
fn only_messages_that_are_meant_to_be_broken_are_no_json() {
    let options = Options { rate: 400, duration: Duration::from_mins(4), ..demo() };
    let (_, broken) = records(options.clone());
    let mut world = world(options);
    assert!(world.by_ref().last().is_some());
    let tally = world.tally();
    assert_eq!(broken, tally.unquoted + tally.cut_off);
    assert!(tally.unquoted > 0 && tally.cut_off > 0, "{tally:?}");
}

#[test]
fn a_clean_world_is_never_cut_off_and_has_no_labels() {
    let mut world = world(Options { rate: 400, duration: Duration::from_mins(4), ..clean() });
    assert!(world.labels().is_empty());
    assert!(world.by_ref().last().is_some());
    assert_eq!(world.tally().cut_off, 0);
}

#[test]
fn duration_times_rate_is_the_number_of_records() {
    let mut world = world(clean());
    let counted: usize =
        world.by_ref().map(|m| m.bytes.windows(14).filter(|w| w == b"\"resourceId\":\"").count()).sum();
    let tally = world.tally();
    assert!(counted > 40_000);
    let distinct = tally.records - tally.duplicates;
    assert!((48_000..48_010).contains(&distinct), "{tally:?}");
    assert!((30..300).contains(&tally.duplicates), "{tally:?}");
}

#[test]
fn messages_arrive_in_order_and_records_a_few_seconds_late_at_most() {
    let mut last = Timestamp::MIN;
    for message in world(Options { duration: Duration::from_mins(5), ..demo() }) {
        assert!(message.at >= last);
        last = message.at;
        let Ok(parsed) = serde_json::from_slice::<serde_json::Value>(&message.bytes) else { continue };
        for record in parsed["records"].as_array().unwrap() {
            let Some(time) = record["time"].as_str().and_then(Timestamp::parse_rfc3339) else { continue };
            assert!(message.at.since(time) < Duration::from_secs(15), "{record} came at {}", message.at);
            assert!(time.since(message.at) < Duration::from_secs(2), "{record} came at {}", message.at);
        }
    }
}

#[test]
fn labels_lie_within_the_run_and_name_their_family_and_level() {
    let world = world(demo());
    let end = START.plus(demo().duration);
    for label in world.labels() {
        assert!(START <= label.start && label.start < label.end && label.end <= end, "{label:?}");
        assert!(FAMILIES.contains(&label.family.as_str()), "{label:?}");
        assert!(label.also.iter().all(|also| FAMILIES.contains(&also.as_str())), "{label:?}");
        assert!(["low", "medium", "high", "critical"].contains(&label.min_level.as_str()), "{label:?}");
    }
}

const FAMILIES: [&str; 8] = [
    "auth-failures",
    "key-usage",
    "leaked-secrets",
    "suspicious-origins",
    "probing",
    "control-plane",
    "identity",
    "telemetry",
];

#[test]
fn every_main_family_has_three_attacks_and_one_within_the_first_two_minutes() {
    let labels = world(demo()).labels();
    for family in &FAMILIES[..4] {
        let of_family: Vec<_> = labels.iter().filter(|label| label.family == *family).collect();
        assert!(of_family.len() >= 3, "{family}");
        assert!(of_family[0].start < START.plus(Duration::from_mins(2)), "{family}: {:?}", of_family[0]);
    }
}

#[test]
fn every_attack_writes_records_that_name_its_entity() {
    for info in catalogue().into_iter().filter(|info| !info.only_by_name && info.family != "telemetry") {
        let options = Options { rate: 0, attacks: vec![info.name.into()], ..demo() };
        let label = world(options.clone()).labels().remove(0);
        let (records, _) = records(options);
        assert!(!records.is_empty(), "{} writes nothing", info.name);
        let entity = |record: &&serde_json::Value| record.to_string().contains(&label.entity);
        assert!(records.iter().any(|record| entity(&record)), "{} does not show {}", info.name, label.entity);
        for time in records.iter().filter_map(|record| Timestamp::parse_rfc3339(record["time"].as_str()?)) {
            assert!(label.start <= time && time <= label.end, "{}: {time} outside {label:?}", info.name);
        }
    }
}

#[test]
fn an_app_gone_quiet_writes_nothing_for_as_long_as_its_label_says() {
    let options = Options { attacks: vec!["app-gone-quiet".into()], ..demo() };
    let label = world(options.clone()).labels().remove(0);
    assert_eq!((label.entity.as_str(), label.app.as_deref()), ("meter-ingest", Some("meter-ingest")));
    let within = |options| {
        let (records, _) = records(options);
        let of_app = records.into_iter().filter(|record| record["resourceId"].to_string().contains("METER-INGEST\""));
        let times = of_app.filter_map(|record| Timestamp::parse_rfc3339(record["time"].as_str()?));
        let quiet = label.start.plus(Duration::from_secs(2))..label.end.minus(Duration::from_secs(2));
        times.filter(|time| quiet.contains(time)).count()
    };
    assert_eq!(within(options), 0);
    assert!(within(clean()) > 100);
}

#[test]
fn a_clean_world_holds_no_proven_key_but_those_of_its_webhooks() {
    let planted: BTreeSet<String> = world(clean()).webhook_keys().iter().map(|hook| hook.key.clone()).collect();
    assert_eq!(proven(&text(clean())), planted);
    let leaks = Options { rate: 0, ..demo() };
    assert!(proven(&text(leaks)).len() >= 3);
}

/// Every Functions or storage key in `text` whose checksum holds.
fn proven(text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (family, mark, length) in [(FUNCTIONS, "AzFu", 56), (STORAGE, "+ASt", 88)] {
        for (at, _) in text.match_indices(mark) {
            let from = (at + 12).saturating_sub(length);
            let Some(key) = text.get(from..from + length) else { continue };
            let standard = key.replace('-', "+").replace('_', "/");
            let Ok(bytes) = base64::engine::general_purpose::STANDARD.decode(standard) else { continue };
            if family.privilege(&bytes).is_some() {
                found.insert(key.to_owned());
            }
        }
    }
    found
}

#[test]
fn a_clean_world_shows_no_attacker_and_no_secret_by_name() {
    let text = text(clean());
    for never in
        ["198.51.100.", "AccountKey=", "SharedAccessKey=", "&sig=", "Bearer ", "169.254.169.254", "\"Origin\":\"null\""]
    {
        assert!(!text.contains(never), "{never} in a clean world");
    }
    assert!(!text.contains("listkeys") && !text.contains("LISTKEYS"));
}

#[test]
fn an_unknown_attack_gets_the_nearest_name() {
    let wrong = World::new(Options { attacks: vec!["failure-spikes".into()], ..demo() }).unwrap_err();
    assert_eq!(
        wrong.to_string(),
        "there is no attack called `failure-spikes` (did you mean `failure-spike`?); `gatewatch simulate --list` shows all"
    );
    let strange = World::new(Options { attacks: vec!["x".into()], ..demo() }).unwrap_err();
    assert_eq!(strange.did_you_mean, None);
}

#[test]
fn linux_hosts_quote_as_linux_hosts_do() {
    let (records, _) = records(Options { duration: Duration::from_mins(1), ..clean() });
    let linux = records.iter().filter(|r| r["resourceId"].to_string().contains("CATALOG-API"));
    let logs: Vec<_> = linux.filter(|r| r["category"] == "FunctionAppLogs").collect();
    assert!(logs.len() > 10);
    for log in logs {
        let properties = log["properties"].as_str().unwrap();
        assert!(!properties.contains('"'), "{properties}");
        let mended: serde_json::Value = serde_json::from_str(&properties.replace('\'', "\"")).unwrap();
        assert_eq!(mended["appName"], "catalog-api");
        assert!(log["time"].as_str().unwrap().contains('/'), "{log}");
    }
    let web = records.iter().filter(|r| r["category"] == "AppServiceHTTPLogs" && r["properties"].is_string());
    for record in web {
        let inner: serde_json::Value = serde_json::from_str(record["properties"].as_str().unwrap()).unwrap();
        assert!(inner["ScStatus"].is_string() && inner["TimeTaken"].is_number());
    }
}

proptest! {
    // 256 is what there is unless PROPTEST_CASES says how many.
    #![proptest_config(ProptestConfig { cases: match ProptestConfig::default().cases { 256 => 16, told => told }, ..ProptestConfig::default() })]

    #[test]
    fn any_world_ends_and_keeps_its_labels_inside(seed: u64, seconds in 0_u64..200, rate in 0_u32..30, start in -9_000_000_000_i64..9_000_000_000) {
        let start = Timestamp::from_seconds(start);
        let options = Options { seed, start, duration: Duration::from_secs(seconds), rate, ..demo() };
        let world = world(options);
        for label in world.labels() {
            prop_assert!(label.start <= label.end && label.end <= start.plus(Duration::from_secs(seconds)));
        }
        for message in world {
            let envelope = message.bytes.starts_with(b"{\"records\":[");
            prop_assert!(envelope);
        }
    }
}

#[test]
fn an_ordinary_day_stays_far_below_what_an_attack_looks_like() {
    let (mut refused, mut pairs) = (std::collections::BTreeMap::<String, usize>::new(), Vec::new());
    for record in records(Options { duration: Duration::from_mins(5), rate: 100, ..clean() }).0 {
        let properties = match &record["properties"] {
            serde_json::Value::String(text) => serde_json::from_str(&text.replace('\'', "\"")).unwrap_or_default(),
            other => other.clone(),
        };
        let status = properties["ScStatus"].as_str().and_then(|text| text.parse().ok());
        let status = status.or(properties["ScStatus"].as_u64()).or(properties["responseCode"].as_u64());
        let caller = properties["CIp"].as_str().or(record["callerIpAddress"].as_str()).unwrap_or_default();
        if matches!(status, Some(401 | 403)) {
            *refused.entry(caller.to_owned()).or_default() += 1;
        }
        if let (Some(key), Some(200..400)) = (properties["apimSubscriptionId"].as_str(), status) {
            pairs.push((key.to_owned(), caller.to_owned()));
        }
    }
    assert!(refused.values().all(|&times| times < 8), "{refused:?}");
    pairs.sort();
    pairs.dedup();
    let most = pairs.chunk_by(|a, b| a.0 == b.0).map(<[_]>::len).max();
    assert_eq!(most, Some(12), "the phones' addresses");
}
