//! How is a name written, so that it is the same wherever it stands?
//!
//! In lower case, but for fingerprints, whose case carries meaning. Callers choose many names, an origin or
//! a key's id for instance, and so their length: what is longer than 256 bytes is cut and ends in a hash of
//! the whole, so that two long ones stay apart. It keeps no state.

use std::borrow::Cow;
use std::fmt::Write as _;

use xxhash_rust::xxh3::xxh3_64;

/// Bytes of a name.
pub const MOST_NAME: usize = 256;
/// Bytes of what stands for the rest of one that was cut: `…` and twelve digits.
const REST: usize = 15;

/// Cuts the name that `out` holds from `start` on, if it is too long.
pub fn cut_name(out: &mut String, start: usize) {
    let name = &out[start..];
    if name.len() <= MOST_NAME {
        return;
    }
    let whole = xxh3_64(name.as_bytes()) >> 16;
    let end = name.floor_char_boundary(MOST_NAME - REST);
    out.truncate(start + end);
    // Writing to a string can't fail.
    let _ = write!(out, "…{whole:012x}");
}

/// Returns a name as alerts write it, whoever has written it how.
pub fn written(name: &str) -> Cow<'_, str> {
    let lower = name.bytes().any(|byte| byte.is_ascii_uppercase()) && !is_fingerprint(name);
    if !lower && name.len() <= MOST_NAME {
        return Cow::Borrowed(name);
    }
    let mut written = if lower { name.to_ascii_lowercase() } else { name.to_owned() };
    cut_name(&mut written, 0);
    Cow::Owned(written)
}

/// Tells whether `name` is a fingerprint, `kind:key id:base32`.
fn is_fingerprint(name: &str) -> bool {
    let mut parts = name.split(':');
    let (Some(kind), Some(key), Some(body), None) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
        return false;
    };
    let base32 = |byte: u8| byte.is_ascii_uppercase() || matches!(byte, b'2'..=b'7');
    !kind.is_empty() && !key.is_empty() && body.len() >= 8 && body.bytes().all(base32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_in_lower_case_but_a_fingerprint_stays_as_it_is() {
        assert_eq!(written("Partner-A"), "partner-a");
        assert_eq!(written("azure-function-key:k1:7Q2MABCDEFGHIJKL"), "azure-function-key:k1:7Q2MABCDEFGHIJKL");
        assert!(matches!(written("partner-a"), Cow::Borrowed(_)));
    }

    #[test]
    fn a_long_name_is_cut_between_letters_and_two_of_them_stay_apart() {
        let long = |end: &str| written(&format!("{}{end}", "é".repeat(3_000))).into_owned();
        let (one, other) = (long("a"), long("b"));
        assert!(one.len() <= MOST_NAME && one.starts_with("éé"), "{one}");
        assert!(one != other && one == long("A"), "{one} {other}");
        assert_eq!(written(&one), one, "what was cut is a name itself");
        assert_eq!(written(&"x".repeat(256)), "x".repeat(256));
    }
}
