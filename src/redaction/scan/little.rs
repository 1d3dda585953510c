//! Does a value say too little to be a secret?
//!
//! What stands where a secret might: nothing, a reference to where it is kept, a complaint about it, its state, an id.

use super::Kind;
use super::bytes::ends_with;
use super::value::Place;
use crate::redaction::fingerprint::{holds_fingerprint, is_fingerprint};

/// How long a reference to a key vault may be.
const REFERENCE: usize = 512;

/// Tells whether a value says where the secret is kept, and nothing else: a reference to a key vault.
pub fn is_reference(value: &[u8]) -> bool {
    let inside = value.strip_prefix(b"@Microsoft.KeyVault(").filter(|inside| inside.len() <= REFERENCE);
    let inside = inside.map(|inside| inside.strip_suffix(b")").unwrap_or(inside));
    inside.is_some_and(|inside| {
        let named = inside.starts_with(b"SecretUri=https://") || inside.starts_with(b"VaultName=");
        named && !inside.iter().any(|byte| matches!(byte, b'(' | b')' | b' ' | b'@'))
    })
}

/// Tells whether a value looks like what stands in a secret's place: a complaint about it, its state, a parameter of a
/// query, a type.
pub fn says_little(kind: Kind, value: &[u8], place: Place) -> bool {
    let sentence = place.listed && value.contains(&b' ');
    let parameter = match value.strip_prefix(b"@") {
        Some([b'p', number @ ..]) => !number.is_empty() && number.iter().all(u8::is_ascii_digit),
        Some(rest) => rest.starts_with(b"__"),
        None => false,
    };
    let state = kind != Kind::Password && value.len() <= 12 && value.iter().all(u8::is_ascii_lowercase);
    let named = matches!(kind, Kind::ApiKey | Kind::BearerToken);
    let words = named && value.len() <= 40 && value.iter().all(u8::is_ascii_alphabetic);
    sentence || parameter || state || words || value.starts_with(b"System.") || value == b"string"
}

/// Tells whether `value` is the last word of `name`: a complaint about `Password: 'Password'` quotes it.
pub fn is_word_of(name: &[u8], value: &[u8]) -> bool {
    value.len() >= 4 && ends_with(name, value)
}

/// Tells whether a value is a GUID.
pub fn is_guid(value: &[u8]) -> bool {
    let hyphen = |at: usize| matches!(at, 8 | 13 | 18 | 23);
    let fits = |(at, byte): (usize, &u8)| if hyphen(at) { *byte == b'-' } else { byte.is_ascii_hexdigit() };
    value.len() == 36 && value.iter().enumerate().all(fits)
}

/// Tells whether a value is 32 hexadecimal digits, as keys of Azure's AI services were.
pub fn is_hexadecimal(value: &[u8]) -> bool {
    value.len() == 32 && value.iter().all(u8::is_ascii_hexdigit)
}

/// Tells whether a value is what programs write where there is none.
pub fn says_nothing(value: &[u8]) -> bool {
    matches!(
        value,
        b"" | b"-"
            | b"--"
            | b"null"
            | b"(null)"
            | b"None"
            | b"nil"
            | b"true"
            | b"false"
            | b"undefined"
            | b"YES"
            | b"NO"
    )
}

/// Tells whether `value` has fewer than `least` bytes, or may have had before something in it was
/// hidden: what was too short to hide once stays so.
pub fn too_short(value: &[u8], least: usize) -> bool {
    value.len() < least || value.len() <= 256 && holds_fingerprint(value) && !is_fingerprint(value)
}
