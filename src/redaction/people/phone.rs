//! Is this a telephone number?
//!
//! Seven to fifteen digits (ITU-T E.164) look like anything, so only what stands behind a name that
//! says so is one: `phone`, `mobile`, `msisdn`. A number is at most [`LONGEST`] bytes, brackets,
//! dots and blanks in it counted.

use super::Kind;
use crate::redaction::scan::bytes::{NAME, run_of, unit_at};
use crate::redaction::scan::{Found, value};
use crate::telemetry::Confidence;

/// The longest number as written, bytes.
const LONGEST: usize = 40;

/// Country codes of two digits (ITU-T E.164 assigned); `1` and `7` have one, all others three.
const TWO: [u8; 43] = [
    20, 27, 30, 31, 32, 33, 34, 36, 39, 40, 41, 43, 44, 45, 46, 47, 48, 49, 51, 52, 53, 54, 55, 56, 57, 58, 60, 61, 62,
    63, 64, 65, 66, 81, 82, 84, 86, 90, 91, 92, 93, 94, 95,
];

/// Hides the numbers behind the name around `at..end`; returns where to go on.
pub fn named(text: &[u8], at: usize, end: usize, found: &mut Vec<Found>) -> Option<usize> {
    let from = at - text[..at].iter().rev().take(64).take_while(|byte| NAME.has(**byte)).count();
    let mut end = at + run_of(&text[at..], &NAME, 64).max(end.min(text.len()) - at);
    while end > at && !NAME.has(text[end - 1]) {
        end -= 1;
    }
    let name = text[from..end].to_ascii_lowercase();
    let ends = [
        &b"phone"[..],
        b"phones",
        b"phonenumber",
        b"phone_number",
        b"phone-number",
        b"mobile",
        b"mobilenumber",
        b"msisdn",
        b"telephonenumber",
    ];
    // An `iPhone` is followed by its version.
    let before = name.strip_suffix(b"iphone").map(<[u8]>::last);
    let device = before.is_some_and(|last| last.is_none_or(|last| !last.is_ascii_alphanumeric()));
    if !ends.iter().any(|word| name.ends_with(word)) || device {
        return None;
    }
    let mut next = value::after(text, end);
    let mut last = None;
    while let Some(place) = next {
        let length = number(&text[place.start..])?;
        found.push(Found::new(place.start..place.start + length, Kind::Phone, Confidence::Context));
        last = Some(place.start + length);
        next = value::next_listed(text, place.start + length, place);
    }
    last
}

/// Returns the length of the number that `text` starts with.
fn number(text: &[u8]) -> Option<usize> {
    let (mut at, mut digits, mut end) = (0, 0, 0);
    while let Some(unit) = unit_at(text, at).filter(|_| at < LONGEST) {
        match unit.byte {
            b'0'..=b'9' => {
                digits += 1;
                end = at + unit.len;
            }
            b'+' if at == 0 => {}
            b' ' | b'-' | b'.' | b'(' | b')' | b'/' => {}
            byte if byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'@' => return None,
            _ => break,
        }
        at += unit.len;
    }
    // A decimal or a version has dots, and no other sign.
    (7..=17).contains(&digits).then_some(end)
}

/// Returns the number that all ways of writing have in common: digits, behind a `+` where the
/// country is told.
pub fn normal(written: &str) -> String {
    let plus = written.trim_start().starts_with('+');
    let digits: String = written.chars().filter(char::is_ascii_digit).collect();
    match digits.strip_prefix("00").filter(|_| !plus) {
        Some(rest) => format!("+{rest}"),
        None if plus => format!("+{digits}"),
        None => digits,
    }
}

/// Returns the country code of a [`normal`] number that has one.
pub fn country(number: &str) -> Option<&str> {
    let digits = number.strip_prefix('+')?;
    let two: Option<u8> = digits.get(..2)?.parse().ok();
    let length = match digits.as_bytes() {
        [b'1' | b'7', ..] => 1,
        _ if two.is_some_and(|two| two == 98 || TWO.contains(&two)) => 2,
        _ => 3,
    };
    digits.get(..length)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::redaction::people::hidden;

    #[test]
    fn a_number_behind_a_name_that_says_so_is_hidden() {
        for form in [
            r#"{"phone":"¤"}"#,
            r#"{"mobilePhone":"¤","x":1}"#,
            r#"{\"phone_number\":\"¤\"}"#,
            "{'PhoneNumber':'¤'}",
            r#"{"businessPhones":["¤"]}"#,
            "phone=¤&x=1",
            "msisdn: ¤",
            r#"{"mobile": "¤"}"#,
            "<phone>¤</phone>",
            r#"{"m":"<a:mobile>¤<\/a:mobile>"}"#,
        ] {
            for number in
                ["+49 151 23456789", "+1 (425) 555-0100", "0049-151-23456789", "0151 2345678", "+4915123456789"]
            {
                let hidden = hidden(&form.replace('¤', number));
                let (before, behind) = form.split_once('¤').unwrap();
                assert!(hidden.starts_with(before) && hidden.ends_with(behind), "{hidden}");
                assert!(hidden[before.len()..].starts_with("phone:k1:"), "{hidden}");
            }
        }
    }

    #[test]
    fn what_is_no_telephone_number_stays() {
        for text in [
            "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5_1 like Mac OS X) Mobile/15E148",
            r#"{"number":"+4915123456789"}"#,
            r#"{"phone":"12345"}"#,
            r#"{"phoneModel":"+4915123456789"}"#,
            r#"{"mobile":true,"phone":null}"#,
            r#"{"phone":"b7f1a2c3-0000"}"#,
        ] {
            assert_eq!(hidden(text), text);
        }
    }

    #[test]
    fn one_number_is_one_however_it_is_written() {
        assert_eq!(normal("+49 (151) 2345"), normal("0049 151/2345"));
        assert_eq!(
            ["+4915", "+1425", "+35312", "+982"].map(|number| country(number).unwrap()),
            ["49", "1", "353", "98"]
        );
        assert_eq!(country("0151"), None);
    }
}
