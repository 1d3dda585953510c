//! What comes out of `decode` for what Azure writes, and for what it should never have written.

#![expect(clippy::unwrap_used, reason = "a test may stop at once")]

mod access_restriction;
mod activity_log;
mod against_serde_json;
mod antivirus;
mod app_logs;
mod app_service_http_logs;
mod application_gateway_access_log;
mod application_gateway_firewall_log;
mod bad_input;
mod cosmos;
mod easy_auth;
mod envelope;
mod file_audit;
mod front_door_access_log;
mod front_door_firewall_log;
mod function_app_logs;
mod gateway_logs;
mod key_vault;
mod otlp;
mod properties;
mod publishing;
mod samples;
mod shapes;
mod sign_in_requests;
mod sql_audit;
mod storage;
mod web_socket_connection_logs;

mod app_insights;
mod directory_changes;
mod mangled;
mod one_after_another;
mod personal;
mod sign_ins;

use bumpalo::Bump;
use gatewatch::clock::Timestamp;
use gatewatch::telemetry::{
    Batch, Category, Confidence, Decision, Event, Fingerprint, IdentityKind, Kind, Layer, Outcome, Reason, Scanned,
    ScannedMessage, Sighting, StreamId, Text, Transport, Undecodable, decode,
};

const RECEIVED: &str = "2026-11-23T14:00:00Z";

fn at(text: &str) -> Timestamp {
    Timestamp::parse_rfc3339(text).unwrap()
}

fn batch(bytes: &[u8]) -> Batch {
    let mut batch = Batch::default();
    batch.push(bytes, StreamId(7), 42, 43, Some(at(RECEIVED)));
    batch
}

/// Decodes one message and gives all that came of it to `check`, with the message.
fn decoded<R>(bytes: &[u8], check: impl FnOnce(&[Result<&mut Event<'_>, Undecodable>]) -> R) -> R {
    let batch = batch(bytes);
    let (scanned, arena) = (Scanned::new(&batch, Vec::new()), Bump::new());
    let mut all = Vec::new();
    decode(&scanned, 0, &arena, |one| all.push(one));
    check(&all)
}

/// Decodes a message of one record.
#[track_caller]
fn one<R>(json: &str, check: impl FnOnce(&Event<'_>) -> R) -> R {
    decoded(json.as_bytes(), |all| match all {
        [Ok(event)] => {
            assert_consistent(event);
            check(event)
        }
        [Err(undecodable)] => panic!("{:?}: {json}", undecodable.reason),
        _ => panic!("{} results: {json}", all.len()),
    })
}

/// What came of each record: its message's text, or the reason it could not be decoded.
fn outline(bytes: &[u8]) -> Vec<String> {
    decoded(bytes, |all| {
        let mut places = Vec::new();
        let outline = all
            .iter()
            .map(|one| match one {
                Ok(event) => {
                    assert_consistent(event);
                    places.push((event.position.index, event.record.clone()));
                    event.message.map_or("-", |text| text.value).to_owned()
                }
                Err(undecodable) => {
                    places.push((undecodable.index, undecodable.bytes.clone()));
                    undecodable.reason.name().to_owned()
                }
            })
            .collect();
        for (expected, (index, range)) in places.iter().enumerate() {
            assert_eq!(*index as usize, expected);
            assert!(range.start <= range.end && range.end as usize <= bytes.len());
        }
        assert!(places.windows(2).all(|two| two[0].1.end <= two[1].1.start), "{places:?}");
        outline
    })
}

fn texts<'e, 's>(event: &'e Event<'s>) -> impl Iterator<Item = Text<'s>> + 'e {
    let e = event;
    [e.resource, e.app, e.function, e.gateway, e.operation, e.source_text, e.client.agent, e.client.tls]
        .into_iter()
        .chain([e.identity.name, e.identity.id, e.identity.app, e.identity.tenant, e.key.id, e.request.method])
        .chain([e.request.host, e.request.path, e.request.query, e.response.allow_origin, e.origin, e.referrer])
        .chain([e.cookie, e.correlation, e.level, e.message, e.own_id, e.forwarded, e.peer, e.country])
        .chain([e.identity.provider, e.identity.resource, e.rule, e.target, e.trace])
        .chain([e.front_door.client, e.front_door.socket])
        .flatten()
        .chain(e.personal.iter().copied())
}

/// Every text lies in its record, and its raw bytes say what it says.
fn assert_consistent(event: &Event<'_>) {
    for text in texts(event) {
        if text.start == text.end && text.start == event.record.start {
            // What stands outside the record, as the resource of an OpenTelemetry export does.
            continue;
        }
        assert!(event.record.start <= text.start && text.start <= text.end && text.end <= event.record.end, "{text:?}");
        let raw = &event.scanned[text.start as usize..text.end as usize];
        assert!(std::str::from_utf8(raw).is_ok());
        let plain = !raw.contains(&b'\\') && !raw.contains(&b'+');
        let said_otherwise = ["aad", "adfs", "twitter", "1.0", "1.1", "1.2", "1.3"].contains(&text.value);
        // Levels that are numbers come out as names, structured bodies as plain JSON.
        let written = raw.iter().all(u8::is_ascii_digit) || raw.starts_with(b"{");
        let derived = text.value.contains('/') || written || said_otherwise;
        if plain && !derived && std::str::from_utf8(event.scanned).is_ok() {
            assert!(text.value.eq_ignore_ascii_case(std::str::from_utf8(raw).unwrap()), "{} {raw:?}", text.value);
        }
    }
}

fn says(text: Option<Text<'_>>) -> Option<&str> {
    text.map(|text| text.value)
}

const LINUX_HTTP: &str = include_str!("../fixtures/decode/http_linux.json");
const WINDOWS_HTTP: &str = include_str!("../fixtures/decode/http_windows.json");
const GATEWAY: &str = include_str!("../fixtures/decode/gateway.json");
const FUNCTION: &str = include_str!("../fixtures/decode/function.json");
const ACTIVITY: &str = include_str!("../fixtures/decode/activity.json");
const EASY_AUTH: &str = include_str!("../fixtures/decode/easy_auth.json");
const PUBLISHING: &str = include_str!("../fixtures/decode/publishing.json");
const ACCESS_RESTRICTION: &str = include_str!("../fixtures/decode/access_restriction.json");
const CONSOLE: &str = include_str!("../fixtures/decode/console.json");
const APP_LOG: &str = include_str!("../fixtures/decode/app_log.json");
const PLATFORM: &str = include_str!("../fixtures/decode/platform.json");
const FILE_AUDIT: &str = include_str!("../fixtures/decode/file_audit.json");
const ANTIVIRUS: &str = include_str!("../fixtures/decode/antivirus.json");
const KEY_VAULT: &str = include_str!("../fixtures/decode/key_vault.json");
const STORAGE: &str = include_str!("../fixtures/decode/storage.json");
const STORAGE_ROW: &str = include_str!("../fixtures/decode/storage_row.json");
const SQL_AUDIT: &str = include_str!("../fixtures/decode/sql_audit.json");
const COSMOS: &str = include_str!("../fixtures/decode/cosmos.json");
const HTTP_SIGN_IN: &str = include_str!("../fixtures/decode/http_sign_in.json");
