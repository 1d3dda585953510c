//! Is this an international bank account number?
//!
//! Two letters of a country that has them, that country's length, and check digits that hold (ISO
//! 13616: MOD 97-10), written in one piece or in groups of four, in capitals. Each place that is told
//! is walked once, over at most [`LONGEST`] bytes to each side.

use std::ops::Range;

use super::national::iban as holds;
use crate::redaction::scan::bytes::unit_before;

/// The longest run that is looked at: 34 characters in groups.
const LONGEST: usize = 48;

/// How long the numbers of each country are: the registry of ISO 13616, as of 2025.
const LENGTHS: &[(&[u8; 2], usize)] = &[
    (b"AD", 24),
    (b"AE", 23),
    (b"AL", 28),
    (b"AT", 20),
    (b"AZ", 28),
    (b"BA", 20),
    (b"BE", 16),
    (b"BG", 22),
    (b"BH", 22),
    (b"BI", 27),
    (b"BR", 29),
    (b"BY", 28),
    (b"CH", 21),
    (b"CR", 22),
    (b"CY", 28),
    (b"CZ", 24),
    (b"DE", 22),
    (b"DJ", 27),
    (b"DK", 18),
    (b"DO", 28),
    (b"EE", 20),
    (b"EG", 29),
    (b"ES", 24),
    (b"FI", 18),
    (b"FK", 18),
    (b"FO", 18),
    (b"FR", 27),
    (b"GB", 22),
    (b"GE", 22),
    (b"GI", 23),
    (b"GL", 18),
    (b"GR", 27),
    (b"GT", 28),
    (b"HN", 28),
    (b"HR", 21),
    (b"HU", 28),
    (b"IE", 22),
    (b"IL", 23),
    (b"IQ", 23),
    (b"IS", 26),
    (b"IT", 27),
    (b"JO", 30),
    (b"KW", 30),
    (b"KZ", 20),
    (b"LB", 28),
    (b"LC", 32),
    (b"LI", 21),
    (b"LT", 20),
    (b"LU", 20),
    (b"LV", 21),
    (b"LY", 25),
    (b"MC", 27),
    (b"MD", 24),
    (b"ME", 22),
    (b"MK", 19),
    (b"MN", 20),
    (b"MR", 27),
    (b"MT", 31),
    (b"MU", 30),
    (b"NI", 28),
    (b"NL", 18),
    (b"NO", 15),
    (b"OM", 23),
    (b"PK", 24),
    (b"PL", 28),
    (b"PS", 29),
    (b"PT", 25),
    (b"QA", 29),
    (b"RO", 24),
    (b"RS", 22),
    (b"RU", 33),
    (b"SA", 24),
    (b"SC", 31),
    (b"SD", 18),
    (b"SE", 24),
    (b"SI", 19),
    (b"SK", 24),
    (b"SM", 27),
    (b"SO", 23),
    (b"ST", 25),
    (b"SV", 28),
    (b"TL", 23),
    (b"TN", 24),
    (b"TR", 26),
    (b"UA", 29),
    (b"VA", 22),
    (b"VG", 24),
    (b"XK", 20),
    (b"YE", 30),
];

/// Returns the number around `at`, if there is one.
pub fn around(text: &[u8], at: usize) -> Option<Range<usize>> {
    let inside = |byte: u8| byte.is_ascii_digit() || byte.is_ascii_uppercase();
    let mut start = at;
    loop {
        if let Some((code, end)) = (at - start <= LONGEST).then(|| whole(text, start)).flatten()
            && end > at
            && holds(&code)
        {
            return Some(start..end);
        }
        // Where the word before begins.
        let before = start.checked_sub(1)?;
        let last = if text[before] == b' ' { before.checked_sub(1)? } else { before };
        if !inside(text[last]) || at - last > LONGEST {
            return None;
        }
        start = last + 1 - text[..=last].iter().rev().take(LONGEST).take_while(|byte| inside(**byte)).count();
    }
}

/// Reads the number that starts at `start`: its characters, and where it ends.
fn whole(text: &[u8], start: usize) -> Option<(Vec<u8>, usize)> {
    let &[a, b, c, d, ..] = text.get(start..)? else { return None };
    if !a.is_ascii_uppercase() || !b.is_ascii_uppercase() || !c.is_ascii_digit() || !d.is_ascii_digit() {
        return None;
    }
    let &(_, length) = LENGTHS.iter().find(|(country, _)| **country == [a, b])?;
    // The first letter of a word may be an escape's last.
    let goes_on = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    if unit_before(text, start).is_some_and(|unit| !unit.escaped && goes_on(unit.byte)) {
        return None;
    }
    let spaced = text.get(start + 4) == Some(&b' ');
    let (mut code, mut at) = (Vec::with_capacity(length), start);
    while code.len() < length {
        if spaced && !code.is_empty() && code.len().is_multiple_of(4) {
            (text.get(at) == Some(&b' ')).then_some(())?;
            at += 1;
        }
        let byte = *text.get(at)?;
        (byte.is_ascii_digit() || byte.is_ascii_uppercase()).then_some(())?;
        code.push(byte);
        at += 1;
    }
    (!text.get(at).copied().is_some_and(goes_on)).then_some((code, at))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::redaction::scan::Gates;

    fn hidden(text: &str) -> String {
        let mut found: Vec<Range<usize>> = Vec::new();
        Gates::of(text.as_bytes()).accounts.iter().map(|at| *at as usize).for_each(|at| {
            if found.last().is_none_or(|last| last.end <= at) {
                found.extend(around(text.as_bytes(), at));
            }
        });
        let mut out = text.to_owned();
        for span in found.iter().rev() {
            out.replace_range(span.clone(), "…");
        }
        out
    }

    /// Examples of the registry, and one made for each of its countries.
    const PRINTED: [&str; 12] = [
        "DE89370400440532013000",
        "GB29NWBK60161331926819",
        "FR1420041010050500013M02606",
        "NL91ABNA0417164300",
        "NO9386011117947",
        "MT84MALT011000012345MTLCAST001S",
        "CH9300762011623852957",
        "IT60X0542811101000000123456",
        "BE68539007547034",
        "QA58DOHB00001234567890ABCDEFG",
        "SC18SSCB11010000000000001497USD",
        "KW81CBKU0000000000001234560101",
    ];

    fn made() -> Vec<String> {
        let of = |(country, length): &(&[u8; 2], usize)| {
            let country = String::from_utf8_lossy(*country).into_owned();
            let rest: String = (0..length - 4).map(|at| (b'0' + (at * 7 % 10) as u8) as char).collect();
            let all = (2..99).map(|check| format!("{country}{check:02}{rest}"));
            all.into_iter().find(|iban| holds(iban.as_bytes())).unwrap()
        };
        LENGTHS.iter().map(of).collect()
    }

    fn spaced(iban: &str) -> String {
        let groups: Vec<&str> = iban.as_bytes().chunks(4).map(|group| std::str::from_utf8(group).unwrap()).collect();
        groups.join(" ")
    }

    #[test]
    fn the_account_of_any_country_is_hidden_in_every_place_a_text_has() {
        for iban in PRINTED.iter().map(|iban| (*iban).to_owned()).chain(made()) {
            for written in [iban.clone(), spaced(&iban)] {
                for form in [
                    "N",
                    "{\"iban\":\"N\"}",
                    "iban=N&x=1",
                    "to N, and",
                    "{\\\"n\\\":\\\"N\\\"}",
                    "\\nN\\n",
                    "account N.",
                ] {
                    assert_eq!(hidden(&form.replace('N', &written)), form.replace('N', "…"));
                }
            }
        }
    }

    #[test]
    fn what_is_no_account_stays() {
        for iban in made() {
            let last = iban.len() - 1;
            let other = if iban.ends_with('0') { "1" } else { "0" };
            for text in [
                format!("{}{other}", &iban[..last]),
                format!("{iban}1"),
                format!("A{iban}"),
                iban[..last].to_owned(),
                format!("XX{}", &iban[2..]),
            ] {
                assert_eq!(hidden(&text), text);
            }
        }
        for text in [
            "/SUBSCRIPTIONS/12CABCB4-86E8-404F-A3D2-1DC9982F45CA/RESOURCEGROUPS",
            "ln1xsdlwk0004MD WEBWK00000A",
            "DE89 3704 0044 0532 0130",
        ] {
            assert_eq!(hidden(text), text);
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[0-9A-FGE -]{0,90}") {
            hidden(&text);
        }
    }
}
