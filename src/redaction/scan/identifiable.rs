//! Does this signature belong to a key, and does the key's checksum hold?
//!
//! From its end an identifiable key always reads the same: four characters of signature, six of
//! checksum, padding. So the signature is found first and the key around it counted off, at most
//! 76 characters back and 6 forward, each through its escapes. Shape without checksum is hidden
//! too, as suspected.

use super::bytes::{BASE64, BASE64_URL, Set, Unit, unit_at, unit_before};
use super::dummy::is_dummy;
use super::views::is_packed_text;
use super::{Found, Kind};
use crate::redaction::fingerprint::follows_key_id;
use crate::telemetry::Confidence;
use crate::telemetry::marvin::{Alphabet, Family, LONGEST};

/// How many characters of signature a key has.
const SIGNATURE: usize = 4;
/// How many characters of checksum follow the signature.
const CHECKSUM: usize = 6;

/// Returns the kind of the keys that bear `signature`.
pub fn kind(signature: &str) -> Kind {
    match signature {
        "AzFu" => Kind::FunctionKey,
        "APIM" => Kind::SubscriptionKey,
        "+ASt" => Kind::StorageKey,
        "+ASb" => Kind::ServiceBusKey,
        "+AEh" => Kind::EventHubsKey,
        "+ARm" => Kind::RelayKey,
        "ACDb" => Kind::CosmosKey,
        "AIoT" => Kind::IotKey,
        "AZEG" => Kind::EventGridKey,
        "AzCa" => Kind::RedisKey,
        "AzSe" => Kind::SearchKey,
        "+ACR" => Kind::RegistryPassword,
        "+ABa" => Kind::BatchKey,
        "+AMC" | "/AM7" => Kind::MachineLearningKey,
        _ => Kind::SqlPassword,
    }
}

/// Finds the key with this `signature`, which ends at `end`; the `+` or `/` that it may start with
/// may be an escape.
pub fn key(text: &[u8], end: usize, signature: &'static str, found: &mut Vec<Found>) {
    let bytes = signature.as_bytes();
    let behind = end - (SIGNATURE - 1);
    let start = match unit_before(text, behind) {
        Some(Unit { byte, len, .. })
            if (byte == bytes[0] || byte == b' ' && bytes[0] == b'+') && text[behind..end] == bytes[1..] =>
        {
            behind - len
        }
        _ => return,
    };
    for family in Family::ALL.iter().filter(|family| family.signature == signature) {
        if let Some(this) = of_family(text, start, end, family) {
            found.push(this);
            return;
        }
    }
}

fn of_family(text: &[u8], signature: usize, end: usize, family: &Family) -> Option<Found> {
    let set = match family.alphabet {
        Alphabet::UrlSafe => BASE64_URL,
        Alphabet::Base62 => Set::word(b""),
        Alphabet::Standard | Alphabet::Redis => BASE64,
    };
    let (tail, after, mut spaces) = forwards(text, end, &set)?;
    let cut = tail.contains(&CUT);
    let length = family.letters();
    let before = length - CHECKSUM - SIGNATURE;
    let mut letters = [0u8; LONGEST];
    letters[before..before + SIGNATURE].copy_from_slice(family.signature.as_bytes());
    letters[before + SIGNATURE..length].copy_from_slice(&tail);
    let mut start = signature;
    for slot in letters[..before].iter_mut().rev() {
        let unit = unit_before(text, start)?;
        *slot = letter(unit, &set, &mut spaces)?;
        start -= unit.len;
    }
    let seed = if cut { None } else { family.seed_of_letters(&letters[..length]) };
    if seed.is_none() && spaces {
        return None;
    }
    let alone = unit_before(text, start).is_none_or(|unit| !set.has(unit.byte))
        && unit_at(text, after).is_none_or(|unit| !set.has(unit.byte));
    if seed.is_none() && (!alone || follows_key_id(&text[..start])) {
        return None;
    }
    let confidence = if seed.is_some() { Confidence::Proven } else { Confidence::Suspected };
    let mut this = Found::new(start..padding(text, after), kind(family.signature), confidence);
    this.privilege = seed.and_then(|seed| seed.privilege);
    this.dummy = is_dummy(&letters[..before]);
    Some(this)
}

/// Finds keys made before signatures came, by their length and padding alone: 54 characters and
/// `==` (Functions), 86 and `==` (Storage, Cosmos DB, Batch). `at` is the padding.
pub fn legacy(text: &[u8], at: usize, found: &mut Vec<Found>) {
    let mut start = at;
    // Without their escapes, the last one first.
    let (mut letters, mut length) = ([0; 87], 0);
    for letter in &mut letters {
        match unit_before(text, start) {
            // A path is no key: `/` counts, but only once the length is right.
            Some(unit) if BASE64.has(unit.byte) => {
                *letter = unit.byte;
                start -= unit.len;
                length += 1;
            }
            _ => break,
        }
    }
    let kind = match length {
        54 => Kind::FunctionKey,
        86 => Kind::StorageKey,
        _ => return,
    };
    letters[..length].reverse();
    // What it begins with may be the letters of an escape that was cut off.
    if is_packed_text(&letters[..length]) || is_packed_text(&letters[4..length]) {
        return;
    }
    let goes_on = text.get(at + 2).is_some_and(|next| *next == b'=' || BASE64.has(*next));
    if goes_on || follows_key_id(&text[..start]) {
        return;
    }
    let mut this = Found::new(start..at + 2, kind, Confidence::Suspected);
    this.dummy = is_dummy(&text[start..at]);
    found.push(this);
}

/// Returns the letter that `unit` is of a key in the alphabet `set`. A form that was decoded has `spaces` for `+`:
/// then the checksum has to hold.
fn letter(unit: Unit, set: &Set, spaces: &mut bool) -> Option<u8> {
    if unit.byte == b' ' && set.has(b'+') {
        *spaces = true;
        return Some(b'+');
    }
    set.has(unit.byte).then_some(unit.byte)
}

/// Stands for a letter of the checksum where a key is cut off: what is left of it is all that was drawn by lot.
const CUT: u8 = 0;

/// Reads the checksum at `from`; a text that ends, or goes on with dots, may have cut it off.
fn forwards(text: &[u8], from: usize, set: &Set) -> Option<([u8; CHECKSUM], usize, bool)> {
    let (mut tail, mut at, mut spaces) = ([CUT; CHECKSUM], from, false);
    for slot in &mut tail {
        let Some(unit) = unit_at(text, at) else { break };
        match letter(unit, set, &mut spaces) {
            Some(letter) => *slot = letter,
            None if unit.byte == b'"'
                || ["...", "\u{2026}"].iter().any(|dots| text[at..].starts_with(dots.as_bytes())) =>
            {
                break;
            }
            None => return None,
        }
        at += unit.len;
    }
    Some((tail, at, spaces))
}

/// Returns where the padding that starts at `at` ends; at most two characters.
fn padding(text: &[u8], mut at: usize) -> usize {
    for _ in 0..2 {
        match unit_at(text, at) {
            Some(unit) if unit.byte == b'=' => at += unit.len,
            _ => break,
        }
    }
    at
}
