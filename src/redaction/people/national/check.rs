//! What do check digits have in common? Sums, moduli, dates.
//!
//! All take digits and letters without separators, in upper case; a byte that is no digit counts as
//! its letter's place behind 9, as ISO 7064 and the tables of passports have it. None panics, and
//! each is linear in what it is given, which is at most [`super::LONGEST`] characters.

/// Returns what `byte` counts: a digit itself, `A` 10, `Z` 35.
pub fn value(byte: u8) -> u32 {
    match byte {
        b'0'..=b'9' => u32::from(byte - b'0'),
        b'A'..=b'Z' => u32::from(byte - b'A') + 10,
        _ => 0,
    }
}

/// Returns the digit at `at`, 0 where there is none.
pub fn digit(code: &[u8], at: usize) -> u32 {
    code.get(at).map_or(0, |byte| value(*byte))
}

/// Returns the number that the digits of `code[from..to]` make.
pub fn number(code: &[u8], from: usize, to: usize) -> u64 {
    let digits = code.get(from..to).unwrap_or_default();
    digits.iter().fold(0, |number, byte| number.wrapping_mul(10).wrapping_add(u64::from(value(*byte))))
}

/// Returns the sum of the digits, each times its weight; as many as there are weights.
pub fn weighted(code: &[u8], weights: &[u32]) -> u32 {
    code.iter().zip(weights).map(|(byte, weight)| value(*byte) * weight).sum()
}

/// Tells whether the digits fulfil Luhn's formula (ISO/IEC 7812-1, annex B).
pub fn luhn(code: &[u8]) -> bool {
    let doubled = |digit: u32| if digit > 4 { digit * 2 - 9 } else { digit * 2 };
    let digits = code.iter().rev().enumerate();
    let sum: u32 = digits.map(|(at, byte)| if at % 2 == 1 { doubled(value(*byte)) } else { value(*byte) }).sum();
    sum.is_multiple_of(10)
}

/// Tells whether the digits fulfil ISO 7064's hybrid system MOD 11,10.
pub fn mod_11_10(code: &[u8]) -> bool {
    let Some((last, digits)) = code.split_last() else { return false };
    let product = digits.iter().fold(10, |product, byte| {
        let sum = (product + value(*byte)) % 10;
        (if sum == 0 { 10 } else { sum }) * 2 % 11
    });
    (11 - product) % 10 == value(*last)
}

/// Returns the number modulo 97, letters as ISO 7064 MOD 97-10 has them.
pub fn mod_97(code: impl Iterator<Item = u8>) -> u32 {
    code.fold(0, |rest, byte| {
        let value = value(byte);
        (rest * if value > 9 { 100 } else { 10 } + value) % 97
    })
}

/// Verhoeff's permutation.
const PERMUTED: [u32; 10] = [1, 5, 7, 6, 2, 8, 3, 0, 9, 4];

/// Tells whether the digits fulfil Verhoeff's formula over the dihedral group of order ten.
pub fn verhoeff(code: &[u8]) -> bool {
    // Multiplication in the group: rotations 0 to 4, reflections 5 to 9.
    let times = |a: u32, b: u32| match (a < 5, b < 5) {
        (true, true) => (a + b) % 5,
        (true, false) => (a + b) % 5 + 5,
        (false, true) => (a - 5 + 5 - b) % 5 + 5,
        (false, false) => (a + 5 - b) % 5,
    };
    let permuted = |digit: u32, often: usize| (0..often).fold(digit, |digit, _| PERMUTED[digit as usize % 10]);
    let digits = code.iter().rev().enumerate();
    digits.fold(0, |sum, (at, byte)| times(sum, permuted(value(*byte), at % 8))) == 0
}

/// Tells whether there is such a day and month, in any year.
pub fn date(day: u32, month: u32) -> bool {
    (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && !(day == 31 && matches!(month, 2 | 4 | 6 | 9 | 11))
        && !(day == 30 && month == 2)
}

/// Tells whether two digits at `day` and two at `month` are a date.
pub fn date_at(code: &[u8], day: usize, month: usize) -> bool {
    date(number(code, day, day + 2) as u32, number(code, month, month + 2) as u32)
}

/// Tells whether all characters are the same: what people type to fill a field.
pub fn uniform(code: &[u8]) -> bool {
    code.windows(2).all(|pair| pair[0] == pair[1])
}
