//! Fresh fake secrets, each with a checksum that holds: for tests, the demo and drills.
//!
//! They open nothing. `next` gives 64 random bits a call, so that the same chance makes the same
//! secrets. The self-test at start makes its canaries here.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

use super::scan::{base32, cask, entra, identifiable};
use crate::telemetry::Privilege;
use crate::telemetry::marvin::{API_MANAGEMENT, EVENT_HUBS, FUNCTIONS, Family, RELAY, SERVICE_BUS, STORAGE};

/// Returns `count` bytes of chance.
pub fn bytes(next: &mut dyn FnMut() -> u64, count: usize) -> Vec<u8> {
    let mut bytes: Vec<u8> = (0..count.div_ceil(8)).flat_map(|_| next().to_le_bytes()).collect();
    bytes.truncate(count);
    bytes
}

/// Makes a Functions key that may do what `privilege` says: function, master or system (any other
/// is made a function's).
pub fn function_key(next: &mut dyn FnMut() -> u64, privilege: Privilege) -> String {
    key(next, FUNCTIONS, privilege)
}

/// Makes an API Management key: subscription, manage, gateway or git.
pub fn apim_key(next: &mut dyn FnMut() -> u64, privilege: Privilege) -> String {
    key(next, API_MANAGEMENT, privilege)
}

/// Makes an API Management subscription key in its older form, 32 hexadecimal digits.
pub fn apim_hex_key(next: &mut dyn FnMut() -> u64) -> String {
    data_encoding::HEXLOWER.encode(&bytes(next, 16))
}

/// Makes a Storage account key.
pub fn storage_key(next: &mut dyn FnMut() -> u64) -> String {
    key(next, STORAGE, Privilege::Manage)
}

/// Makes a Service Bus key: send, listen, manage or system.
pub fn service_bus_key(next: &mut dyn FnMut() -> u64, privilege: Privilege) -> String {
    key(next, SERVICE_BUS, privilege)
}

/// Makes an Event Hubs key: send, listen, manage or system.
pub fn event_hubs_key(next: &mut dyn FnMut() -> u64, privilege: Privilege) -> String {
    key(next, EVENT_HUBS, privilege)
}

/// Makes a Relay key: send, listen, manage or system.
pub fn relay_key(next: &mut dyn FnMut() -> u64, privilege: Privilege) -> String {
    key(next, RELAY, privilege)
}

/// Makes a JSON web token for `subject`, signed with chance.
pub fn jwt(next: &mut dyn FnMut() -> u64, subject: &str) -> String {
    let header = r#"{"alg":"RS256","typ":"JWT","kid":"made-up"}"#;
    let payload = serde_json::json!({ "iss": "https://made-up.invalid/", "sub": subject, "jti": next().to_string() });
    let [header, payload] = [header.to_owned(), payload.to_string()].map(|part| URL_SAFE_NO_PAD.encode(part));
    format!("{header}.{payload}.{}", URL_SAFE_NO_PAD.encode(bytes(next, 256)))
}

/// Makes the query of a shared access signature, as it stands in a URL.
pub fn sas(next: &mut dyn FnMut() -> u64) -> String {
    let signature = STANDARD.encode(bytes(next, 32)).replace('+', "%2B").replace('/', "%2F").replace('=', "%3D");
    format!("sv=2024-11-04&sr=b&sp=r&se=2030-01-01T00%3A00%3A00Z&sig={signature}")
}

/// Makes an Azure DevOps personal access token in its older form, base32.
pub fn devops_token(next: &mut dyn FnMut() -> u64) -> String {
    let mut random = [0; 32];
    random.copy_from_slice(&bytes(next, 32));
    base32::make(random)
}

/// Makes a client secret of an Entra application.
pub fn entra_secret(next: &mut dyn FnMut() -> u64) -> String {
    let mut secret = letters(next, 37);
    secret.replace_range(3..6, "8Q~");
    let sum = entra::checksum(secret.as_bytes());
    secret.extend(sum[..3].iter().map(|byte| char::from(*byte)));
    secret
}

/// Makes a key in the older common annotated format of the provider marked `mark` (four letters),
/// with `data` of its own (four more); of June 2026.
pub fn annotated_key(next: &mut dyn FnMut() -> u64, mark: &str, data: &str) -> String {
    let mut key = format!("{}JQQJ99CFAAAAAAAAAAAA{data}{mark}", letters(next, 52));
    let mut body = [0; 60];
    _ = STANDARD.decode_slice(&key, &mut body);
    key.extend(cask::checksum(&body)[..4].iter().map(|byte| char::from(*byte)));
    key
}

/// Makes a key in the newer common annotated format of the provider marked `mark` (four letters);
/// of 15 June 2026.
pub fn dated_key(next: &mut dyn FnMut() -> u64, mark: &str) -> String {
    format!("{}AAQJJQABA9{mark}AABFOMAA", letters(next, 42))
}

/// Makes one secret of every kind, provider and privilege that proves itself, with its kind's name
/// and what it lets its holder do.
pub fn proven(next: &mut dyn FnMut() -> u64) -> Vec<(&'static str, Option<Privilege>, String)> {
    let mut all = Vec::new();
    for family in Family::ALL {
        let kind = identifiable::kind(family.signature).name().unwrap_or_default();
        for seed in family.seeds {
            let random = bytes(next, family.bytes);
            let key = family.make_with(&random, seed).unwrap_or_default();
            let replaced = key.replace('+', "P").replace('/', "F");
            if replaced != key && family.seed_of_letters(replaced.trim_end_matches('=').as_bytes()).is_some() {
                all.push((kind, seed.privilege, replaced));
            }
            all.push((kind, seed.privilege, key));
        }
    }
    let marks = ["AZFU", "AZAC", "AZFR", "AZEG", "AZDO", "AZMR", "AZMP", "AZCS", "ACOG", "msql", "TEST"];
    for (mark, data) in marks.map(|mark| (mark, "AAAA")).into_iter().chain([("ACOG", "AAAB")]) {
        let kind = cask::provider(mark.as_bytes(), data.as_bytes()).name().unwrap_or_default();
        all.push((kind, None, annotated_key(next, mark, data)));
        if data == "AAAA" {
            all.push((kind, None, dated_key(next, mark)));
        }
    }
    all.push(("azure-devops-token", None, devops_token(next)));
    all.push(("entra-client-secret", None, entra_secret(next)));
    all.push(("jwt", None, jwt(next, "canary")));
    all
}

/// Returns `count` letters and digits of chance.
fn letters(next: &mut dyn FnMut() -> u64, count: usize) -> String {
    const LETTERS: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    (0..count).map(|_| char::from(LETTERS[(next() % 62) as usize])).collect()
}

fn key(next: &mut dyn FnMut() -> u64, family: Family, privilege: Privilege) -> String {
    let random = bytes(next, family.bytes);
    let known = family.make(&random, privilege);
    let first = || family.make_with(&random, family.seeds.first()?);
    known.or_else(first).unwrap_or_default()
}
