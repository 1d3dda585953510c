//! Which storage key or signature was used, by the hash that Azure logs of it?
//!
//! Storage logs name what opened the account by a SHA-256: `key1(…)`, `SasSignature(…)`. With the
//! bridge on, that hash becomes a fingerprint, and so do the hashes of each storage key and signature
//! that is found in any log, so that a leak and a use meet in one fingerprint. How Azure writes the
//! value before it hashes it has not been tried on a real account; so the likely ways are all
//! taken: three for each secret.

use std::fmt::Write as _;
use std::ops::Range;

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use sha2::{Digest, Sha256};

use super::fingerprint::{Fingerprinter, normalised};
use super::kind::Kind;
use super::scan::Found;
use crate::telemetry::{Confidence, Fingerprint, Sighting};

/// Base64 whose last bits may be anything: Azure takes such keys too.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(base64::engine::DecodePaddingMode::Indifferent),
);

/// The longest text of a storage log that is taken for hashes.
const LONGEST: usize = 1_024;

/// Adds to `sightings` the hashes by which a storage log would name what was `found`, `value`.
pub fn add(
    fingerprints: &Fingerprinter,
    found: &Found,
    value: &[u8],
    sightings: &mut Vec<Sighting>,
    stood: &mut Vec<Range<u32>>,
) {
    let Some(name) = name_of(found.kind) else { return };
    let Some((here, was)) = sightings.last().map(|seen| seen.at.clone()).zip(stood.last().cloned()) else { return };
    if found.dummy || found.confidence == Confidence::Suspected {
        return;
    }
    for hash in hashes(found.kind, value) {
        sightings.push(Sighting {
            kind: name.into(),
            privilege: found.privilege,
            confidence: found.confidence,
            secret: false,
            dummy: false,
            fingerprint: fingerprints.of_hash(name, &hash),
            at: here.clone(),
            about: None,
            original: None,
        });
        stood.push(was.clone());
    }
}

/// What a storage log says of what opened the account.
#[derive(Debug)]
pub struct Logged {
    /// The text with fingerprints in place of the hashes.
    pub written: String,
    /// The fingerprint of what was presented: of a signature itself, rather than of the key that made it.
    pub id: Fingerprint,
}

/// Returns what `text`, such as `key1(…),SasSignature(…)`, says; `None` if it says no such thing.
pub fn logged(fingerprints: &Fingerprinter, text: &str) -> Option<Logged> {
    let mut written = String::new();
    let mut id = None;
    if text.len() > LONGEST {
        return None;
    }
    for (n, part) in text.split(',').enumerate() {
        let (of, hash) = part.trim().strip_suffix(')')?.split_once('(')?;
        let signature = of.eq_ignore_ascii_case("SasSignature");
        if !signature && !matches!(of, "key1" | "key2") {
            return None;
        }
        let hash = data_encoding::HEXLOWER_PERMISSIVE.decode(hash.as_bytes()).ok()?;
        let hash: [u8; 32] = hash.try_into().ok()?;
        let name = if signature { "azure-sas-hash" } else { "azure-storage-key-hash" };
        let fingerprint = fingerprints.of_hash(name, &hash);
        // Writing to a String cannot fail.
        _ = write!(written, "{}{of}({fingerprint})", if n == 0 { "" } else { "," });
        if signature || id.is_none() {
            id = Some(fingerprint);
        }
    }
    Some(Logged { written, id: id? })
}

/// Returns what the hash of a secret of this kind is called, if a storage log may hold one.
const fn name_of(kind: Kind) -> Option<&'static str> {
    match kind {
        Kind::StorageKey => Some("azure-storage-key-hash"),
        Kind::Sas => Some("azure-sas-hash"),
        _ => None,
    }
}

/// Returns the hashes that Azure may make of `value`: of its base64 as it is issued, of that as a
/// URL holds it or without padding, and of its bytes. None of what is too short or too long to be one.
fn hashes(kind: Kind, value: &[u8]) -> Vec<[u8; 32]> {
    let bare = normalised(kind, value);
    let Ok(bytes) = LENIENT.decode(&*bare) else { return Vec::new() };
    let long = if kind == Kind::Sas { 32 } else { 64 };
    if bytes.len() != long {
        return Vec::new();
    }
    let text = String::from_utf8_lossy(&bare).into_owned();
    let padded = format!("{text}{}", "=".repeat(text.len().next_multiple_of(4) - text.len()));
    let other =
        if kind == Kind::Sas { padded.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D") } else { text };
    [padded.as_bytes(), other.as_bytes(), &bytes].map(|value| Sha256::digest(value).into()).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::redaction::{KeyRing, Redactor, Settings, made};
    use crate::telemetry::{Batch, StreamId};

    fn chance() -> impl FnMut() -> u64 {
        let mut state = 11_u64;
        move || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            state
        }
    }

    fn redactor(authentication_hash: bool) -> Redactor {
        let settings = Settings { authentication_hash, ..Settings::default() };
        Redactor::new(&KeyRing::ephemeral().unwrap(), &settings).unwrap()
    }

    /// Returns the hashes seen in a log line.
    fn seen(redactor: &Redactor, line: &str) -> Vec<Fingerprint> {
        let mut batch = Batch::default();
        batch.push(line.as_bytes(), StreamId(0), 0, 0, None);
        let scanned = redactor.scan(&batch);
        scanned.sightings(0).iter().filter(|seen| seen.is_hash()).map(|seen| seen.fingerprint.clone()).collect()
    }

    fn hex(value: &[u8]) -> String {
        data_encoding::HEXUPPER.encode(&Sha256::digest(value))
    }

    #[test]
    fn a_leaked_key_and_its_use_have_one_fingerprint_however_azure_hashes_it() {
        let redactor = redactor(true);
        let key = made::storage_key(&mut chance());
        let leaked = seen(&redactor, &format!("AccountName=shop;AccountKey={key};EndpointSuffix=core.windows.net"));
        let bytes = LENIENT.decode(&key).unwrap();
        for hash in [hex(key.as_bytes()), hex(key.trim_end_matches('=').as_bytes()), hex(&bytes)] {
            let used = logged(&redactor.fingerprints, &format!("key1({hash})")).unwrap();
            assert!(leaked.contains(&used.id), "{}", used.id);
            assert!(!used.written.contains(&hash), "{}", used.written);
        }
        let other = logged(&redactor.fingerprints, &format!("key2({})", hex(b"another"))).unwrap();
        assert!(!leaked.contains(&other.id));
    }

    #[test]
    fn a_leaked_signature_and_its_use_have_one_fingerprint() {
        let redactor = redactor(true);
        let query = made::sas(&mut chance());
        let leaked = seen(&redactor, &format!("GET https://shop.blob.core.windows.net/c/b?{query}"));
        let sent = query.split("sig=").nth(1).unwrap();
        let text = sent.replace("%2B", "+").replace("%2F", "/").replace("%3D", "=");
        for hash in [hex(sent.as_bytes()), hex(text.as_bytes()), hex(&LENIENT.decode(&text).unwrap())] {
            let used = logged(&redactor.fingerprints, &format!("key1({}),SasSignature({hash})", hex(b"k"))).unwrap();
            assert!(leaked.contains(&used.id), "{}", used.id);
        }
    }

    #[test]
    fn it_is_off_unless_it_is_chosen() {
        let key = made::storage_key(&mut chance());
        assert!(seen(&redactor(false), &format!("AccountKey={key}")).is_empty());
    }

    #[test]
    fn what_is_no_list_of_hashes_is_left_alone() {
        let redactor = redactor(true);
        for text in ["", "key1", "key1()", "key1(00)", "key9(ab)", "key1(xyz),", "SasSignature(é)"] {
            assert!(logged(&redactor.fingerprints, text).is_none(), "{text}");
        }
    }
}
