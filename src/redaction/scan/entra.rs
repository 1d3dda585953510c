//! Is this a client secret of an Entra application?
//!
//! Three characters, a digit and `Q~`, then 31 (`7`) or 34 (`8`) more. The format is a strong one
//! by itself; the checksum, which few published ones keep, only makes surer. At most 40 characters
//! are read.

use super::bytes::{Set, unit_at, unit_before};
use super::dummy::is_dummy;
use super::{Found, Kind};
use crate::telemetry::Confidence;
use crate::telemetry::marvin::{marvin32, seed};

const LETTERS: Set = Set::word(b"_.~-");
/// The digits of the checksum.
const DIGITS: &[u8; 66] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ1234567890.-_~";
/// Characters before the mark's digit.
const BEFORE: usize = 3;
/// Characters of the mark.
const MARK: usize = 3;
/// The longest.
const LONGEST: usize = 40;

/// Finds the secret whose mark's `Q` stands at `at`.
pub fn secret(text: &[u8], at: usize, found: &mut Vec<Found>) {
    let length = match at.checked_sub(1).and_then(|digit| text.get(digit)) {
        Some(b'7') => 37,
        Some(b'8') => LONGEST,
        _ => return,
    };
    let mut start = at - 1;
    for _ in 0..BEFORE {
        match unit_before(text, start).filter(|unit| LETTERS.has(unit.byte)) {
            Some(unit) => start -= unit.len,
            None => return,
        }
    }
    let mut letters = [0; LONGEST];
    let mut end = start;
    for slot in &mut letters[..length] {
        match unit_at(text, end).filter(|unit| LETTERS.has(unit.byte)) {
            Some(unit) => (*slot, end) = (unit.byte, end + unit.len),
            None => return,
        }
    }
    if letters[BEFORE + 2] != b'~' {
        return;
    }
    let letters = &letters[..length];
    let proven = letters[BEFORE] == b'8' && sum_holds(letters);
    // With more of its letters beside it, it may be part of something else: it is hidden, and wakes nobody.
    let confidence = match (alone(text, start, end), proven) {
        (true, true) => Confidence::Proven,
        (true, false) => Confidence::Context,
        (false, _) => Confidence::Suspected,
    };
    let mut this = Found::new(start..end, Kind::EntraSecret, confidence);
    this.dummy = is_dummy(&letters[BEFORE + MARK..]);
    found.push(this);
}

/// Tells whether nothing of its alphabet stands around `start..end`, but for a sentence's end.
fn alone(text: &[u8], start: usize, end: usize) -> bool {
    let behind = unit_at(text, end).is_none_or(|unit| match unit.byte {
        b'.' => unit_at(text, end + unit.len).is_none_or(|next| !LETTERS.has(next.byte)),
        byte => !LETTERS.has(byte),
    });
    behind && unit_before(text, start).is_none_or(|unit| !LETTERS.has(unit.byte))
}

fn sum_holds(letters: &[u8]) -> bool {
    let Some((body, written)) = letters.split_last_chunk::<3>() else { return false };
    let sum = checksum(body);
    // A short sum is written as it is, or led by the digit for zero.
    let zeros = sum.iter().take_while(|digit| **digit == DIGITS[0]).count().min(3);
    sum.starts_with(written) || sum[zeros..].starts_with(written)
}

/// Returns the checksum of a secret's text, its six digits; the last three of a secret are its
/// first three.
pub fn checksum(body: &[u8]) -> [u8; 6] {
    let mut number = marvin32(body, seed(*b"AadPwd00"));
    let mut digits = [DIGITS[0]; 6];
    for slot in digits.iter_mut().rev() {
        *slot = DIGITS[(number % 66) as usize];
        number /= 66;
    }
    digits
}
