//! Is this run of base32 a personal access token of Azure DevOps?
//!
//! Such a token has no mark: 52 small letters and digits, of which four bytes are a CRC-32 of the
//! others. Of any 52 such characters `gates` tells one. Runs of more than [`LONGEST`] are none.

use super::bytes::Set;
use super::{Found, Kind};
use crate::telemetry::Confidence;

/// A token's length, characters.
const LENGTH: usize = 52;
/// The longest run in which tokens are looked for: an escape's last letters may stand before one.
const LONGEST: usize = 60;
/// Where the checksum's bytes stand, the lowest first.
const PLACES: [usize; 4] = [22, 8, 7, 2];
/// What the checksum is combined with: a user's, an application's.
const MAGIC: [u32; 2] = [0xE0B9_692D, 0x1019_F92E];

const LETTERS: Set = Set::of(DIGITS);
const DIGITS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

fn run_around(text: &[u8], at: usize) -> std::ops::Range<usize> {
    let before = text[..at].iter().rev().take(LONGEST + 1).take_while(|byte| LETTERS.has(**byte)).count();
    let behind = text[at..].iter().take(LONGEST + 1).take_while(|byte| LETTERS.has(**byte)).count();
    at - before..at + behind
}

/// Finds the token in the run around `at`.
pub fn token(text: &[u8], at: usize, found: &mut Vec<Found>) {
    let run = run_around(text, at);
    if run.len() > LONGEST {
        return;
    }
    for start in run.start..(run.end + 1).saturating_sub(LENGTH) {
        let span = start..start + LENGTH;
        if decoded(&text[span.clone()]).is_some_and(|bytes| sum_holds(&bytes)) {
            found.push(Found::new(span, Kind::DevOpsToken, Confidence::Proven));
            return;
        }
    }
}

fn decoded(letters: &[u8]) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    let (mut bits, mut held) = (0_u32, 0_u32);
    let mut slots = bytes.iter_mut();
    for letter in letters {
        let value = match letter {
            b'a'..=b'z' => letter - b'a',
            b'2'..=b'7' => letter - b'2' + 26,
            _ => return None,
        };
        held = held << 5 | u32::from(value);
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            if let Some(slot) = slots.next() {
                *slot = (held >> bits) as u8;
            }
        }
    }
    // What is left over is padding, and zero.
    (held.trailing_zeros() >= 4).then_some(bytes)
}

fn body(bytes: &[u8; 32]) -> Vec<u8> {
    (0..32).filter(|at| !PLACES.contains(at)).map(|at| bytes[at]).collect()
}

fn sum_holds(bytes: &[u8; 32]) -> bool {
    let stated = u32::from_le_bytes(PLACES.map(|at| bytes[at]));
    let sum = crc32fast::hash(&body(bytes));
    MAGIC.iter().any(|magic| sum ^ magic == stated)
}

/// Makes a token of `random` bytes, a user's.
pub fn make(mut random: [u8; 32]) -> String {
    let sum = crc32fast::hash(&body(&random)) ^ MAGIC[0];
    for (at, byte) in PLACES.into_iter().zip(sum.to_le_bytes()) {
        random[at] = byte;
    }
    data_encoding::BASE32_NOPAD.encode(&random).to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::super::gates::Gates;
    use super::*;

    fn told(text: &str, found: &mut Vec<Found>) {
        Gates::of(text.as_bytes()).base32.iter().for_each(|at| token(text.as_bytes(), *at as usize, found));
    }

    #[test]
    fn a_token_is_found_wherever_it_stands() {
        let token = make([0x5a; 32]);
        for shift in 0..120 {
            for (before, behind) in [(" ", " "), ("\\n", "\""), ("%3d", "&"), ("", "")] {
                let text = format!("{}{before}{token}{behind}", ".".repeat(shift));
                let mut found = Vec::new();
                told(&text, &mut found);
                assert!(!found.is_empty(), "{text}");
                assert!(found.iter().all(|one| text[one.span.clone()] == token), "{text}");
            }
        }
    }

    #[test]
    fn a_long_word_is_no_token() {
        for text in ["a".repeat(52), "a".repeat(500), make([0x5a; 32]).repeat(2)] {
            let mut found = Vec::new();
            told(&text, &mut found);
            assert_eq!(found, [], "{text}");
        }
    }
}
