//! Telemetry in which there is no secret: how often would somebody be woken?
//!
//! GUIDs, hashes, trace ids, base64 of texts and of bytes, versions, stack traces, URLs with all kinds
//! of parameters. `GATEWATCH_CLEAN_MB` says how much is made (20 unless it is set): `./dev clean`.

use std::fmt::Write as _;

use data_encoding::{BASE64, BASE64URL_NOPAD, HEXLOWER};
use gatewatch::redaction::made;
use gatewatch::telemetry::{Batch, Confidence, StreamId};

use crate::{chance, redactor, scan};

const WORDS: [&str; 24] = [
    "orders",
    "invoice",
    "Function",
    "executed",
    "Host",
    "lock",
    "lease",
    "acquired",
    "instance",
    "timer",
    "trigger",
    "queue",
    "message",
    "completed",
    "request",
    "gateway",
    "backend",
    "cache",
    "token",
    "key",
    "secret",
    "rotation",
    "password",
    "policy",
];
const TYPES: [&str; 6] = [
    "System.InvalidOperationException",
    "Microsoft.Azure.WebJobs.Host.FunctionInvocationException",
    "System.Net.Http.HttpRequestException",
    "Azure.RequestFailedException",
    "Orders.Worker.KeyRotationJob",
    "Grpc.Core.RpcException",
];

type Chance<'c> = &'c mut dyn FnMut() -> u64;

fn pick<'w>(next: Chance<'_>, words: &[&'w str]) -> &'w str {
    words[(next() >> 33) as usize % words.len()]
}

fn hex(next: Chance<'_>, bytes: usize) -> String {
    HEXLOWER.encode(&made::bytes(next, bytes))
}

fn guid(next: Chance<'_>) -> String {
    let hex = hex(next, 16);
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}

fn sentence(next: Chance<'_>, words: usize) -> String {
    (0..words).map(|_| pick(next, &WORDS)).collect::<Vec<_>>().join(" ")
}

fn stack(next: Chance<'_>) -> String {
    let mut out = format!("{}: {}", pick(next, &TYPES), sentence(next, 6));
    for _ in 0..next() % 6 + 2 {
        let (of, line) = (pick(next, &TYPES), next() % 900);
        _ = write!(
            out,
            "\r\n   at {of}.{}Async[T](CancellationToken token) in /src/{of}.cs:line {line}",
            pick(next, &WORDS)
        );
    }
    out
}

/// A payload in base64: a text, JSON or bytes.
fn payload(next: Chance<'_>) -> String {
    let length = (next() % 400) as usize;
    match next() % 5 {
        0 => BASE64.encode(sentence(next, length / 8 + 1).as_bytes()),
        1 => BASE64.encode(body(next).as_bytes()),
        2 => BASE64URL_NOPAD.encode(body(next).as_bytes()),
        3 => BASE64
            .encode(&sentence(next, length / 12 + 2).encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>()),
        _ => BASE64.encode(&made::bytes(next, length + 1)),
    }
}

fn body(next: Chance<'_>) -> String {
    serde_json::json!({
        "id": guid(next), "kind": pick(next, &WORDS), "etag": format!("\"0x{}\"", hex(next, 8).to_uppercase()),
        "sha256": hex(next, 32), "note": sentence(next, 8), "version": version(next), "amount": next() % 100_000,
    })
    .to_string()
}

fn version(next: Chance<'_>) -> String {
    format!("{}.{}.{}.{}-beta.{}+{}", next() % 20, next() % 40, next() % 9_999, next() % 99, next() % 9, hex(next, 10))
}

fn url(next: Chance<'_>) -> String {
    format!(
        "https://{}.azurewebsites.net/api/{}/{}?api-version=2024-{:02}-01&traceId={}&page={}&redirect=https%3A%2F%2Fa.invalid%2F{}%3Fid%3D{}&q={}",
        pick(next, &WORDS),
        pick(next, &WORDS),
        guid(next),
        next() % 12 + 1,
        hex(next, 16),
        next() % 50,
        pick(next, &WORDS),
        guid(next),
        sentence(next, 3).replace(' ', "%20"),
    )
}

fn record(next: Chance<'_>) -> String {
    let trace = format!("00-{}-{}-01", hex(next, 16), hex(next, 8));
    let properties = match next() % 6 {
        0 => {
            serde_json::json!({ "message": sentence(next, 12), "exceptionDetails": stack(next), "hostVersion": version(next) })
        }
        1 => {
            serde_json::json!({ "url": url(next), "traceparent": trace, "userAgent": "azsdk-net-Storage.Blobs/12.19.1 (.NET 8.0.1; Debian GNU/Linux 12)" })
        }
        2 => {
            serde_json::json!({ "body": payload(next), "contentMd5": BASE64.encode(&made::bytes(next, 16)), "etag": format!("0x8D{}", hex(next, 7).to_uppercase()) })
        }
        3 => {
            serde_json::json!({ "x-azure-ref": format!("0{}", BASE64.encode(&made::bytes(next, 40))), "image": format!("mcr.microsoft.com/azure-functions/dotnet:4-{}@sha256:{}", version(next), hex(next, 32)) })
        }
        4 => {
            serde_json::json!({ "commit": hex(next, 20), "operationId": guid(next), "blob": format!("{}/{}/{}.parquet", guid(next), hex(next, 32), pick(next, &WORDS)), "crc64": BASE64.encode(&made::bytes(next, 8)) })
        }
        _ => {
            serde_json::json!({ "message": format!("{}\n{}\n{}", sentence(next, 9), body(next), payload(next)), "eTag": format!("W/\"{}\"", hex(next, 16)) })
        }
    };
    // Half of Azure's categories write their properties as a text.
    let properties =
        if next().is_multiple_of(2) { properties } else { serde_json::Value::from(properties.to_string()) };
    serde_json::json!({
        "time": format!("2026-03-{:02}T{:02}:{:02}:{:02}.{:07}Z", next() % 28 + 1, next() % 24, next() % 60, next() % 60, next() % 10_000_000),
        "resourceId": format!("/SUBSCRIPTIONS/{}/RESOURCEGROUPS/RG-{}/PROVIDERS/MICROSOFT.WEB/SITES/{}", guid(next).to_uppercase(), pick(next, &WORDS).to_uppercase(), pick(next, &WORDS).to_uppercase()),
        "category": "FunctionAppLogs", "operationName": "Microsoft.Web/sites/functions/log", "correlationId": guid(next),
        "location": "West Europe", "level": "Informational", "properties": properties,
    })
    .to_string()
}

/// What begins as their tokens do, and goes on in letters and digits alone for as long, was one in twelve.
#[test]
fn random_base64_is_no_token_of_facebook_for_its_first_letters() {
    let next = &mut chance(7);
    let mut woken = 0;
    for _ in 0..4_000 {
        let text = format!(r#"{{"body":"EAA{}"}}"#, BASE64.encode(&made::bytes(next, 240)));
        let seen = scan(text.as_bytes());
        woken += usize::from(seen.sightings.iter().any(|one| one.confidence > Confidence::Suspected));
    }
    // Of all texts of base64 one in 262,144 begins so.
    assert!(woken <= 20, "{woken} of 4000");
}

#[test]
#[expect(
    clippy::disallowed_methods,
    clippy::disallowed_macros,
    reason = "whoever runs it says how much, and reads how much it was"
)]
fn clean_telemetry_wakes_nobody() {
    let megabytes = std::env::var("GATEWATCH_CLEAN_MB").ok().and_then(|text| text.parse::<usize>().ok()).unwrap_or(20);
    let next = &mut chance(0xC1EA);
    let (mut bytes, mut records, mut hidden) = (0, 0_u64, 0);
    let mut alerts = Vec::new();
    while bytes < megabytes << 20 && alerts.len() < 20 {
        let mut batch = Batch::default();
        while batch.bytes.len() < 256 << 10 {
            batch.push(record(next).as_bytes(), StreamId(0), 0, 1, None);
        }
        bytes += batch.bytes.len();
        records += batch.messages.len() as u64;
        let scanned = redactor().scan(&batch);
        for message in 0..batch.messages.len() {
            let seen = scanned.sightings(message);
            hidden += seen.len();
            for one in seen.iter().filter(|one| one.secret && one.confidence > Confidence::Suspected && !one.dummy) {
                alerts.push(format!("{} in {}", one.fingerprint, String::from_utf8_lossy(batch.message(message))));
            }
        }
    }
    println!("{records} records, {} MB: {} alerts, {hidden} hidden as suspected", bytes >> 20, alerts.len());
    assert_eq!(alerts, Vec::<String>::new());
}
