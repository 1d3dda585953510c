//! Is this a key in Azure's common annotated format, old (`JQQJ`) or new (`QJJQ`)?
//!
//! Both say in clear whose key it is and when it was made. The old has 84 characters without any
//! special one, and a checksum; the new has none, but zeros where it pads and ranges that its times
//! keep to. All is read at fixed offsets from the mark, at most 108 characters.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;

use super::bytes::{BASE64_URL, Set, unit_at, unit_before};
use super::dummy::is_dummy;
use super::{Found, Kind};
use crate::clock::Timestamp;
use crate::redaction::facts::Facts;
use crate::redaction::fingerprint::follows_key_id;
use crate::telemetry::Confidence;
use crate::telemetry::marvin::{marvin32, seed};

/// Characters before the old format's mark, and from it to the checksum's end.
const BEFORE: usize = 52;
const BEHIND: usize = 32;
/// Bytes that the old format's checksum is of, and characters they are written with.
const SUMMED: usize = 60;
const WRITTEN: usize = 80;

const PLAIN: Set = Set::word(b"");
const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const BASE64_DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Returns the kind of a key by its provider's mark, in upper case if customers manage it and in
/// lower case if Microsoft does, and by the provider's own data.
pub fn provider(mark: &[u8], data: &[u8]) -> Kind {
    match mark.to_ascii_uppercase().as_slice() {
        b"AZFU" => Kind::FunctionKey,
        b"APIM" => Kind::SubscriptionKey,
        b"AZAC" => Kind::AppConfigurationKey,
        b"AZFR" => Kind::FluidRelayKey,
        b"AZEG" => Kind::EventGridKey,
        b"AZDO" => Kind::DevOpsToken,
        b"AZMR" => Kind::MixedRealityKey,
        b"AZMP" => Kind::MapsKey,
        b"AZCS" => Kind::CommunicationKey,
        b"MSQL" => Kind::SqlPassword,
        b"ACOG" if data == b"AAAB" => Kind::OpenAiKey,
        b"ACOG" => Kind::AiKey,
        _ => Kind::AnnotatedKey,
    }
}

/// Returns the checksum of an old key's first bytes as its last six characters: Marvin's four
/// bytes as a number in base 62, of which the last character keeps two bits.
pub fn checksum(body: &[u8; SUMMED]) -> [u8; 6] {
    let mut number = marvin32(body, seed(*b"Default0")).swap_bytes();
    let mut digits = [b'0'; 6];
    let mut length = 0;
    while number > 0 {
        digits[length] = DIGITS[(number % 62) as usize];
        number /= 62;
        length += 1;
    }
    digits[..length].reverse();
    digits[5] = digit(digits[5]).map_or(digits[5], |value| BASE64_DIGITS[usize::from(value & 0x30)]);
    digits
}

/// Finds the old key whose `JQQJ` starts at `at`.
pub fn legacy(text: &[u8], at: usize, found: &mut Vec<Found>) {
    let Some(start) = at.checked_sub(BEFORE) else { return };
    let Some(key) = text.get(start..at + BEHIND) else { return };
    let behind = &key[BEFORE..];
    let shaped = behind[4] == b'9'
        && matches!(behind[5], b'9' | b'D' | b'H')
        && matches!(behind[7], b'A'..=b'L')
        && behind[24].is_ascii_alphabetic()
        && key.iter().all(|byte| PLAIN.has(*byte));
    if !shaped {
        return;
    }
    let (sum, end) = tail(text, at + BEHIND);
    let proven = sum_holds(key, sum);
    let alone = unit_before(text, start).is_none_or(|unit| !PLAIN.has(unit.byte))
        && unit_at(text, end).is_none_or(|unit| !PLAIN.has(unit.byte));
    if !proven && (!alone || follows_key_id(&text[..start])) {
        return;
    }
    let confidence = if proven { Confidence::Proven } else { Confidence::Suspected };
    let mut this = Found::new(start..end, provider(&behind[24..28], &behind[20..24]), confidence);
    this.dummy = is_dummy(&key[..BEFORE]);
    let month = i64::from(behind[7] - b'A');
    let created = digit(behind[6]).and_then(|year| time([2024 + i64::from(year), month, 0, 0, 0, 0]));
    this.facts = Some(Box::new(Facts { created, ..Facts::default() }));
    found.push(this);
}

/// Returns the two characters more of the long form (of which `==` follows), and where it ends.
fn tail(text: &[u8], from: usize) -> (&[u8], usize) {
    let mut end = from + 2;
    let long = text.get(from..end).is_some_and(|two| two.iter().all(|byte| PLAIN.has(*byte)));
    for _ in 0..2 {
        match unit_at(text, end).filter(|unit| long && unit.byte == b'=') {
            Some(unit) => end += unit.len,
            None => return (&[], from),
        }
    }
    (&text[from..from + 2], end)
}

fn sum_holds(key: &[u8], more: &[u8]) -> bool {
    let mut body = [0; SUMMED];
    if STANDARD_NO_PAD.decode_slice(&key[..WRITTEN], &mut body) != Ok(SUMMED) {
        return false;
    }
    let written = [&key[WRITTEN..], more].concat();
    // A second reading of what is published: the bytes in base64, not in base 62.
    let plain = STANDARD_NO_PAD.encode(marvin32(&body, seed(*b"Default0")).to_le_bytes());
    checksum(&body).starts_with(&written) || plain.as_bytes().starts_with(&written)
}

/// Finds the new key whose `QJJQ` starts at `at`.
pub fn current(text: &[u8], at: usize, found: &mut Vec<Found>) {
    let behind = |place: usize| text.get(at + place).copied().unwrap_or(0);
    let (body, zeros, last) = match behind(5) {
        b'B' => (44, b"A".as_slice(), 0x03),
        b'C' => (88, b"AA".as_slice(), 0x0f),
        _ => return,
    };
    let optional = match behind(6) {
        count @ b'A'..=b'K' => usize::from(count - b'A') * 4,
        _ => return,
    };
    let (Some(start), end) = (at.checked_sub(body), at + 20 + optional) else { return };
    let Some(key) = text.get(start..end) else { return };
    let (data, times) = (&key[..body], &key[key.len() - 8..]);
    let filled = digit(data[body - zeros.len() - 1]).is_some_and(|value| value & last == 0);
    let [Some(year), Some(month), Some(day), Some(hour), Some(minute), Some(second)] =
        [2, 3, 4, 5, 6, 7].map(|place| digit(times[place]).map(i64::from))
    else {
        return;
    };
    let padded = behind(4) == b'A' && data.ends_with(zeros) && filled && times.starts_with(b"AA");
    let in_range = month < 12 && day < 31 && hour < 24 && minute < 60 && second < 60;
    let alone = unit_before(text, start).is_none_or(|unit| !BASE64_URL.has(unit.byte))
        && text.get(end).is_none_or(|next| !BASE64_URL.has(*next));
    if !padded || !in_range || !alone || !key.iter().all(|byte| BASE64_URL.has(*byte)) {
        return;
    }
    let mark = &key[body + 8..body + 12];
    let mut this = Found::new(start..end, provider(mark, &[]), Confidence::Proven);
    this.dummy = is_dummy(&data[..body - zeros.len() - 1]);
    let created = time([2025 + year, month, day, hour, minute, second]);
    this.facts = Some(Box::new(Facts { created, ..Facts::default() }));
    found.push(this);
}

/// Returns what a character stands for in URL-safe base64 (the old format uses those of plain).
fn digit(byte: u8) -> Option<u8> {
    BASE64_DIGITS.iter().position(|known| *known == byte).map(|place| place as u8)
}

/// Returns the time of a year, and of a month, a day, an hour, a minute and a second from 0.
fn time([year, month, day, hour, minute, second]: [i64; 6]) -> Option<Timestamp> {
    let text = format!("{year:04}-{:02}-{:02}T{hour:02}:{minute:02}:{second:02}Z", month + 1, day + 1);
    Timestamp::parse_rfc3339(&text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Option<Found> {
        let mut found = Vec::new();
        match (text.find("JQQJ"), text.find("QJJQ")) {
            (Some(at), _) => legacy(text.as_bytes(), at, &mut found),
            (None, Some(at)) => current(text.as_bytes(), at, &mut found),
            (None, None) => {}
        }
        found.pop()
    }

    fn created(found: &Found) -> String {
        found.facts.as_ref().unwrap().created.unwrap().to_string()
    }

    #[test]
    fn the_published_example_of_a_new_key_is_read_to_the_second() {
        let text = format!("{}8AQJJQABBMTESTABCDAAAAAAAA", "_".repeat(42));
        let this = found(&text).unwrap();
        assert_eq!((this.span.len(), this.kind, this.dummy), (68, Kind::AnnotatedKey, true));
        assert_eq!(created(&this), "2025-01-01T00:00:00Z");
        assert_eq!(found(&text.replace("8AQJJQ", "9AQJJQ")), None, "its padding is not zero");
        assert_eq!(found(&text.replace("AAAAAAAA", "AAAMAAAA")), None, "there is no thirteenth month");
        assert_eq!(found(&format!("x{text}")), None);
    }

    #[test]
    fn a_key_of_the_old_format_before_its_checksum_was_settled_is_suspected() {
        let text = format!("{}JQQJ99AEACAAAAAAAAAAAAAAAZFUabcd", "x7".repeat(26));
        let this = found(&text).unwrap();
        assert_eq!((this.confidence, this.kind), (Confidence::Suspected, Kind::FunctionKey));
        assert_eq!(created(&this), "2024-05-01T00:00:00Z");
    }
}
