//! What must hold, whatever comes in?
//!
//! One function a fuzz target; each panics where something does not hold. `tests/fuzz.rs` runs the
//! kept corpus through the same functions, without a fuzzer.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::OnceLock;

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use base64::engine::{GeneralPurpose, GeneralPurposeConfig};
use bumpalo::Bump;
use gatewatch::detection::Catalogue;
use gatewatch::detection::sigma::{Placeholders, Rules};
use gatewatch::redaction::{Addresses, KeyRing, Redactor, Settings, made};
use gatewatch::sources::otlp as exports;
use gatewatch::telemetry::{
    Batch, Category, Event, Privilege, Scanned, ScannedMessage, Sighting, StreamId, Text, Undecodable, decode,
};
use serde_json::Value;

/// Reads base64 whose last bits say nothing.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(base64::engine::DecodePaddingMode::Indifferent),
);

/// A target: its name and what it holds of any bytes.
pub type Target = (&'static str, fn(&[u8]));

/// Every target.
pub const TARGETS: [Target; 11] = [
    ("envelope", envelope),
    ("decoders", decoders),
    ("repair", repair),
    ("scanner", scanner),
    ("base64", base64),
    ("escapes", escapes),
    ("folds", folds),
    ("principal", principal),
    ("splice", splice),
    ("otlp", otlp),
    ("sigma", sigma),
];

/// Sigma documents: any text is understood or refused, and what is understood can run.
pub fn sigma(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes).into_owned();
    let rules = Rules::build(&[("fuzzed.yml".to_owned(), text)], &Placeholders::new());
    let Ok(none) = Catalogue::build(&BTreeMap::new()) else { return };
    let all = none.with_sigma(&rules).expect("a file names few fields");
    assert!(all.detectors.all.len() + rules.silent.len() == rules.understood(), "each is told once");
    drop(all.matcher((7, 9)));
}

/// Any message: every record is one event or one reason, in order and apart; and where
/// `serde_json` reads it and it wraps nothing, there are as many as it says.
pub fn envelope(bytes: &[u8]) {
    let count = decoded(bytes, &[], |_| {});
    let folded = bytes.to_ascii_lowercase();
    // Its name may be written with escapes.
    let wraps = [&b"records"[..], b"resourcelogs", b"\\u"].iter().any(|name| holds(&folded, name));
    if wraps {
        return;
    }
    // Deeper than that are records of which neither knows how many.
    let Ok(value) = serde_json::from_slice::<Value>(bytes) else { return };
    match &value {
        Value::Array(records) => assert_eq!(count, records.len(), "one a record of the array"),
        _ => assert_eq!(count, 1, "one value, one record"),
    }
}

/// A record of each category, in each form that Azure writes them in: one event of that category or
/// one reason. The first byte chooses the category, the second the form.
pub fn decoders(bytes: &[u8]) {
    let [category, form, text @ ..] = bytes else { return };
    let category = Category::ALL[usize::from(*category) % Category::ALL.len()];
    let text = String::from_utf8_lossy(text);
    let object = serde_json::from_str::<Value>(&text).ok().and_then(|value| value.as_object().cloned());
    let Some(record) = written(category, *form, &text, object.is_some()) else { return };
    // Members at the top of the record may say that it is of another.
    let another = object.is_some_and(|members| {
        matches!(form % 6, 1 | 4)
            && members.keys().any(|key| ["category", "type"].contains(&&*key.to_ascii_lowercase()))
    });
    let count = decoded(record.as_bytes(), &[], |event| {
        assert!(event.category == category || another || form % 6 == 5, "{:?} is of {category:?}", event.category);
    });
    assert!(count == 1 || form % 6 == 5, "one record, one event: {count}");
}

/// Returns a record of `category` that says `text`, which may be an `object`, in the form asked for.
fn written(category: Category, form: u8, text: &str, object: bool) -> Option<String> {
    let name = category.name();
    let head = format!(
        r#""time":"2026-03-02T08:00:00Z","resourceId":"/S/0/PROVIDERS/MICROSOFT.WEB/SITES/FN","operationName":"Microsoft.Web/sites/functions/log","category":"{name}","level":4,"callerIpAddress":"203.0.113.7:99","identity":{{"claims":{{"upn":"a@example.com"}}}}"#
    );
    let inside = || text.trim().strip_prefix('{')?.strip_suffix('}').map(str::trim).filter(|_| object);
    let members = || inside().map(|inside| format!("{}{inside}", if inside.is_empty() { "" } else { "," }));
    if category == Category::OtlpLogs {
        // They come in an export, whole or broken.
        let log = if form % 6 == 5 { text } else { text.trim() };
        return (object || form % 6 == 5).then(|| {
            format!(
                r#"{{"resourceLogs":[{{"resource":{{"attributes":[{{"key":"service.name","value":{{"stringValue":"fn"}}}}]}},"scopeLogs":[{{"scope":{{"name":"Function.pay"}},"logRecords":[{log}]}}]}}]}}"#
            )
        });
    }
    Some(match form % 6 {
        0 if object => format!(r#"{{{head},"properties":{text}}}"#),
        // A table's row: members at the top.
        1 => format!(r#"{{"Type":"{name}","TimeGenerated":"2026-03-02T08:00:00Z"{}}}"#, members()?),
        2 => format!(r#"{{{head},"properties":{}}}"#, Value::from(text.replace('\'', "").replace('"', "'"))),
        // All but the category, its envelope too.
        4 => format!(r#"{{"category":"{name}"{}}}"#, members()?),
        // As it stands: perhaps no JSON, and then perhaps no longer one record.
        5 => format!(r#"{{{head},"properties":{text}}}"#),
        _ => format!(r#"{{{head},"properties":{}}}"#, Value::from(text)),
    })
}

/// Rubbish between two whole records: the first comes out whatever follows it.
pub fn repair(bytes: &[u8]) {
    let [form, rubbish @ ..] = bytes else { return };
    let record = |name: &str| {
        format!(r#"{{"time":"2026-01-01T00:00:00Z","category":"Other","properties":{{"message":"{name}"}}}}"#)
    };
    let (before, between, after) = match form % 4 {
        0 => ("{\"records\":[", ",", "]}"),
        1 => ("[", ",", "]"),
        2 => ("", "\n", ""),
        _ => ("{\"records\":[", ",", ""),
    };
    let mut message = format!("{before}{}{between}", record("first")).into_bytes();
    message.extend_from_slice(rubbish);
    if form % 4 != 3 {
        message.extend_from_slice(format!("{between}{}{after}", record("last")).as_bytes());
    }
    let mut first = None;
    decoded(&message, &[], |event| {
        first.get_or_insert_with(|| event.message.map(|text| text.value.to_owned()));
    });
    assert_eq!(first.flatten().as_deref(), Some("first"), "a whole record comes out");
}

/// Any bytes are searched for secrets: what stands outside of what was found stays as it was, what
/// was JSON is JSON, after a second search too, and each fingerprint stands where it is said to.
pub fn scanner(bytes: &[u8]) {
    let batch = batch(bytes);
    let scanned = redactor().scan(&batch);
    let (once, seen) = (scanned.bytes(0), scanned.sightings(0));
    stands(once, seen);
    // The spans go; what is left of both must agree from both ends.
    if let (Some(first), Some(last)) = (seen.first(), seen.last()) {
        let head = first.at.start as usize;
        let tail = once.len() - last.at.end as usize;
        // A number gets quotes.
        let (mut head, mut tail) = (&once[..head], &once[once.len() - tail..]);
        let quote = |byte: &u8| matches!(byte, b'\\' | b'"' | b'\'');
        while !first.secret && !bytes.starts_with(head) && head.last().is_some_and(quote) {
            head = &head[..head.len() - 1];
        }
        while !last.secret && !bytes.ends_with(tail) && tail.first().is_some_and(quote) {
            tail = &tail[1..];
        }
        assert!(bytes.starts_with(head) && bytes.ends_with(tail), "only spans change");
    } else {
        assert_eq!(once, bytes, "nothing found, nothing changed");
    }
    still_json(bytes, once);
    let hidden = redactor().hide(bytes);
    assert_eq!(&*hidden, once, "a text is searched as a message is");
    let again = redactor().hide(once);
    still_json(once, &again);
}

/// Any bytes in base64, by the first byte in which alphabet, as UTF-16 or twice, with a secret among
/// them: it can't be read out of what is left, and what stands before and behind decodes to the same.
pub fn base64(bytes: &[u8]) {
    let [form, at, rest @ ..] = bytes else { return };
    let (before, after) = rest.split_at(usize::from(*at).min(rest.len()));
    let plain = [before, b" ", secret(), b" ", after].concat();
    let wide = form & 1 == 1;
    let read = if wide { plain.iter().flat_map(|byte| [*byte, 0]).collect() } else { plain };
    let engine = if form & 2 == 2 { &URL_SAFE_NO_PAD } else { &STANDARD_NO_PAD };
    let mut text = engine.encode(&read);
    if form & 4 == 4 {
        text = engine.encode(text);
    }
    let message = if form & 8 == 8 { text.replace('/', "\\/") } else { text };
    planted(format!("{{\"p\":\"{message}\"}}").as_bytes(), rest);
}

/// Any bytes with escapes of all sorts, by the first byte, and a secret among them.
pub fn escapes(bytes: &[u8]) {
    let [form, at, rest @ ..] = bytes else { return };
    let (before, after) = rest.split_at(usize::from(*at).min(rest.len()));
    let plain = [before, b" ", secret(), b"&", after].concat();
    let every = |start: &str, width: usize| {
        let written: Vec<String> = plain.iter().map(|byte| format!("{start}{byte:0width$x}")).collect();
        written.concat()
    };
    let text = match form % 6 {
        0 => every("%", 2),
        1 => every("%25", 2),
        2 => every("\\u", 4),
        3 => every("\\\\u", 4),
        4 => plain.iter().map(|byte| format!("&#{byte};")).collect::<Vec<_>>().concat(),
        _ => String::from_utf8_lossy(&plain).replace('A', "%41").replace('/', "\\/"),
    };
    planted(format!("x {text} y").as_bytes(), rest);
}

/// Any bytes with a secret that goes on in the next line, by the first two bytes where and how.
pub fn folds(bytes: &[u8]) {
    let [form, at, rest @ ..] = bytes else { return };
    let (before, after) = rest.split_at(usize::from(*at).min(rest.len()));
    let with: &[u8] = match form % 5 {
        0 => b"\n",
        1 => b"\r\n",
        2 => b"\\n",
        3 => b"\\r\\n  ",
        _ => b"\n\t",
    };
    let (first, second) = secret().split_at(12 + usize::from(form / 5) % 36);
    planted(&[before, b" ", first, with, second, b" ", after].concat(), rest);
}

/// Any bytes as the claims of a caller that is echoed: what was JSON is JSON.
pub fn principal(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    for message in [
        format!("{{\"auth_typ\":\"aad\",\"claims\":[{{\"typ\":\"name\",\"val\":\"{text}\"}}]}}"),
        format!("{{\"auth_typ\":\"aad\",{text}}}"),
        format!("{{\"m\":{}}}", Value::from(format!("{{\"auth_typ\":\"aad\",{text}}}"))),
    ] {
        scanner(message.as_bytes());
    }
}

/// A function key with a checksum that holds, made up.
fn secret() -> &'static [u8] {
    static ONE: OnceLock<String> = OnceLock::new();
    let mut state = 1_u64;
    let mut next = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state.rotate_left(23)
    };
    ONE.get_or_init(|| made::function_key(&mut next, Privilege::Master)).as_bytes()
}

/// Searches `message`, in which [`secret`] is written with something `around` it: nothing of it is left in
/// what anybody decodes.
fn planted(message: &[u8], around: &[u8]) {
    scanner(message);
    // A part of it that stands there by itself is no secret.
    let around: Vec<u8> = around.iter().copied().filter(|byte| *byte != 0).collect();
    if [&secret()[..20], &secret()[36..]].iter().any(|part| holds(&around, part)) {
        return;
    }
    let scanned = redactor().hide(message);
    let left = decodings(&scanned, 3).iter().any(|text| holds(text, &secret()[..20]) || holds(text, &secret()[36..]));
    assert!(!left, "a secret is left of {} in {}", lossy(message), lossy(&scanned));
}

/// Returns all that `bytes` decode to, so many times deep.
fn decodings(bytes: &[u8], depth: usize) -> Vec<Vec<u8>> {
    let mut all = vec![bytes.to_vec()];
    if depth == 0 {
        return all;
    }
    let letter = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/-_".contains(byte);
    for run in bytes.split(|byte| !letter(byte)).filter(|run| run.len() >= 24) {
        for from in 0..4 {
            let mut letters: Vec<u8> = run[from..].to_vec();
            letters.truncate(letters.len() - usize::from(letters.len() % 4 == 1));
            for one in &mut letters {
                *one = match *one {
                    b'-' => b'+',
                    b'_' => b'/',
                    other => other,
                };
            }
            let Ok(read) = LENIENT.decode(&letters) else { continue };
            let narrow: Vec<u8> = read.iter().copied().filter(|byte| *byte != 0).collect();
            all.extend(decodings(&narrow, depth - 1));
        }
    }
    all
}

/// A message goes the whole way, under each policy: what was JSON is JSON, people's places agree, and
/// what was spooled is read back to as many records with nothing more to hide.
pub fn splice(bytes: &[u8]) {
    for redactor in redactors() {
        let batch = batch(bytes);
        let scanned = redactor.scan(&batch);
        let arena = Bump::new();
        let (mut records, mut all) = (0, Vec::new());
        decode(&scanned, 0, &arena, |one| {
            records += 1;
            if let Ok(event) = one {
                let redacted = redactor.finish(event);
                still_json(redacted.scanned_record(), &redacted.record());
                for sighting in redacted.sightings() {
                    redacted.place_of(sighting);
                }
                all.extend_from_slice(redacted.replacements());
            }
        });
        assert!(all.windows(2).all(|two| two[0].raw.end <= two[1].raw.start), "replacements are apart: {all:?}");
        let (kept, _) = redactor.finish_message(&scanned, 0, &arena);
        still_json(bytes, &kept.bytes);
        let again = decoded(&kept.bytes, &kept.sightings, |_| {});
        if std::str::from_utf8(bytes).is_ok() && serde_json::from_slice::<Value>(bytes).is_ok() {
            assert_eq!(again, records, "as many records after redaction as before");
        }
    }
}

/// An export of OpenTelemetry, by the first byte protobuf or JSON: never a panic, and as many events or
/// reasons as records.
pub fn otlp(bytes: &[u8]) {
    let [encoding, body @ ..] = bytes else { return };
    let encoding = if encoding % 2 == 0 { exports::Encoding::Protobuf } else { exports::Encoding::Json };
    let Ok(export) = exports::read(body.to_vec(), encoding) else { return };
    if encoding == exports::Encoding::Protobuf {
        serde_json::from_slice::<serde::de::IgnoredAny>(&export.json).expect("what is translated is JSON");
        assert!(export.json.len() <= 64 + body.len() * 24, "it grows within bounds");
        assert_eq!(decoded(&export.json, &[], |_| {}), export.records, "one a record");
    } else {
        decoded(&export.json, &[], |_| {});
    }
}

/// Decodes a message, checks what must hold of every event, and returns how many came of it.
fn decoded(bytes: &[u8], seen: &[Sighting], mut each: impl FnMut(&Event<'_>)) -> usize {
    let batch = batch(bytes);
    let hidden = ScannedMessage { bytes: bytes.to_vec(), sightings: seen.to_vec(), stood: Vec::new() };
    let scanned = Scanned::new(&batch, vec![(0, hidden)]);
    let (arena, mut count, mut end) = (Bump::new(), 0_u32, 0);
    decode(&scanned, 0, &arena, |one: Result<&mut Event<'_>, Undecodable>| {
        let (index, range) = match &one {
            Ok(event) => {
                sound(event);
                each(event);
                (event.position.index, event.record.clone())
            }
            Err(undecodable) => (undecodable.index, undecodable.bytes.clone()),
        };
        assert_eq!(index, count, "counted in order");
        assert!(end <= range.start && range.start <= range.end && range.end as usize <= bytes.len(), "in order, apart");
        (count, end) = (count + 1, range.end);
    });
    // However small it is, a record takes some 1,500 bytes, and the arena doubles.
    let bound = (1 << 20) + bytes.len() * 64 + count as usize * 4_096;
    assert!(arena.allocated_bytes() <= bound, "memory within bounds");
    count as usize
}

/// Every text of an event lies in its record, on whole characters.
fn sound(event: &Event<'_>) {
    for text in texts(event) {
        let outside = text.start == text.end && text.start == event.record.start;
        let Range { start, end } = event.record;
        assert!(outside || start <= text.start && text.start <= text.end && text.end <= end, "{text:?} {start}..{end}");
        let raw = &event.scanned[text.start as usize..text.end as usize];
        assert!(std::str::from_utf8(raw).is_ok(), "{text:?} is cut through a character");
    }
    assert!(event.weight >= 1);
}

fn texts<'e, 's>(event: &'e Event<'s>) -> impl Iterator<Item = Text<'s>> + 'e {
    let e = event;
    [e.resource, e.app, e.function, e.gateway, e.operation, e.source_text, e.forwarded, e.peer, e.country]
        .into_iter()
        .chain([e.client.agent, e.client.tls, e.identity.name, e.identity.id, e.identity.app, e.identity.tenant])
        .chain([e.identity.provider, e.identity.resource, e.key.id, e.request.method, e.request.host, e.request.path])
        .chain([e.request.query, e.response.allow_origin, e.rule, e.target, e.origin, e.referrer, e.cookie])
        .chain([e.correlation, e.trace, e.level, e.message, e.own_id])
        .flatten()
        .chain(e.personal.iter().copied())
}

/// Every fingerprint stands where it is said to, in order.
fn stands(bytes: &[u8], seen: &[Sighting]) {
    let mut end = 0;
    for sighting in seen {
        assert!(end <= sighting.at.start, "in order");
        end = sighting.at.end;
        let written = &bytes[sighting.at.start as usize..end as usize];
        let print = sighting.fingerprint.0.as_bytes();
        let read = decodings(written, 6);
        // A number of a person's in a list, where no quotes fit, is a number still.
        let number = !sighting.secret && LENIENT.decode(written).is_ok_and(|read| read.ends_with(b"0"));
        let is_there = written == print || read.iter().any(|read| holds(read, print));
        assert!(is_there || number, "{}", lossy(written));
    }
}

fn still_json(before: &[u8], after: &[u8]) {
    let json = |bytes: &[u8]| {
        std::str::from_utf8(bytes).is_ok_and(|text| serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok())
    };
    assert!(!json(before) || json(after), "what was JSON is JSON still:\n{}\n{}", lossy(before), lossy(after));
}

fn lossy(bytes: &[u8]) -> std::borrow::Cow<'_, str> {
    String::from_utf8_lossy(bytes)
}

fn holds(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

fn batch(bytes: &[u8]) -> Batch {
    let mut batch = Batch::default();
    batch.push(bytes, StreamId(0), 0, 1, None);
    batch
}

fn redactors() -> &'static [Redactor] {
    static ALL: OnceLock<Vec<Redactor>> = OnceLock::new();
    ALL.get_or_init(|| {
        let keys = KeyRing::from_text("k1 AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=").expect("a key");
        let policies = [Addresses::Keep, Addresses::Truncate, Addresses::Fingerprint];
        policies
            .map(|addresses| Redactor::new(&keys, &Settings { addresses, ..Settings::default() }).expect("a redactor"))
            .into()
    })
}

fn redactor() -> &'static Redactor {
    &redactors()[0]
}
