//! What would a secret of this kind look like, if somebody had one?
//!
//! Examples in the tables are templates (`ghp_{base62:30}{checksum}`), so that nothing in the
//! repository looks like a live key, and each run makes others. `«` and `»` stand around the secret;
//! without them the whole is.

use std::ops::Range;

use super::proof::Checksum;

const BASE62: &[u8] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// The alphabets, by their names; letters first, so that a part of one can be told from a number.
const ALPHABETS: [(&str, &[u8]); 13] = [
    ("base62", BASE62),
    ("base64", b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"),
    ("base64url", b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"),
    ("hex", b"0123456789abcdef"),
    ("HEX", b"0123456789ABCDEF"),
    ("letters", b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"),
    ("lower", b"abcdefghijklmnopqrstuvwxyz0123456789"),
    ("upper", b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"),
    ("base32", b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"),
    ("base32low", b"abcdefghijklmnopqrstuvwxyz234567"),
    ("base58", b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"),
    ("bech32", b"QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L"),
    ("digits", b"0123456789"),
];

/// The most characters that one part of a template asks for.
const LONGEST: usize = 4_096;

/// Returns a text made after `template` with `next`'s chance, and where its secret stands; or the
/// part of the template that means nothing.
pub fn made<'t>(
    template: &'t str,
    checksum: Option<Checksum>,
    next: &mut dyn FnMut() -> u64,
) -> Result<(String, Range<usize>), &'t str> {
    let mut out = String::new();
    let (mut start, mut end) = (0, None);
    let mut rest = template;
    while let Some(letter) = rest.chars().next() {
        let behind = &rest[letter.len_utf8()..];
        match (letter, part(rest)) {
            ('«', _) => start = out.len(),
            ('»', _) => end = Some(out.len()),
            ('{', Some((name, length))) => {
                let whole = &rest[..length];
                match name.split_once(':') {
                    None if name == "uuid" => out.push_str(&uuid(next)),
                    None if name == "checksum" => {
                        let sum = checksum.and_then(|sum| sum.of(&out.as_bytes()[start..])).ok_or(whole)?;
                        out.push_str(&sum);
                    }
                    Some((name, count)) => {
                        let (_, alphabet) = ALPHABETS.iter().find(|(known, _)| *known == name).ok_or(whole)?;
                        let count = count.parse::<usize>().ok().filter(|count| *count <= LONGEST).ok_or(whole)?;
                        out.extend((0..count).map(|_| char::from(alphabet[(next() >> 33) as usize % alphabet.len()])));
                    }
                    None => return Err(whole),
                }
                rest = &rest[length..];
                continue;
            }
            _ => out.push(letter),
        }
        rest = behind;
    }
    let end = end.unwrap_or(out.len());
    Ok((out, start..end))
}

/// Returns what stands in the braces at the start of `text` and the length of it all, if it can be
/// part of a template.
fn part(text: &str) -> Option<(&str, usize)> {
    let inside = text.strip_prefix('{')?;
    let name = &inside[..inside.find('}')?];
    let may = |byte: u8| byte.is_ascii_alphanumeric() || byte == b':';
    (name.starts_with(|first: char| first.is_ascii_alphabetic()) && name.bytes().all(may))
        .then(|| (name, name.len() + 2))
}

fn uuid(next: &mut dyn FnMut() -> u64) -> String {
    let (a, b) = (next(), next());
    format!(
        "{:08x}-{:04x}-4{:03x}-a{:03x}-{:012x}",
        a >> 32,
        a >> 16 & 0xffff,
        a & 0xfff,
        b >> 48 & 0xfff,
        b & 0xffff_ffff_ffff
    )
}
