//! Every number in valid and invalid examples: specimens that the issuers' own papers and
//! encyclopaedias print, and numbers made here by trying check digits.

use super::*;
use crate::redaction::people::chance;

/// Specimens as they are printed where the numbers are explained, or made by what is explained there.
const SPECIMENS: [(&str, &str); 43] = [
    ("ar", "20-05536168-2"),
    ("at", "1237 010180"),
    ("au", "123 456 782"),
    ("be", "85.07.30-033.28"),
    ("bg", "7523169263"),
    ("br", "111.444.777-35"),
    ("ca", "130 692 544"),
    ("ch", "756.9217.0769.85"),
    ("cl", "12.531.909-2"),
    ("cn", "11010519491231002X"),
    ("cz", "736028/5163"),
    ("de", "86 095 742 719"),
    ("dk", "211062-5629"),
    ("ee", "37605030299"),
    ("es", "12345678Z"),
    ("fi", "131052-308T"),
    ("fr", "2 55 08 14 168 025 38"),
    ("gb", "943 476 5919"),
    ("gr", "01013099997"),
    ("hk", "A123456(3)"),
    ("hr", "33392005961"),
    ("hu", "111 111 110"),
    ("ie", "1234567T"),
    ("il", "123456782"),
    ("in", "2345 6789 0124"),
    ("is", "120174-3399"),
    ("it", "RSSMRA85T10A562S"),
    ("jp", "1234 5678 9018"),
    ("kr", "920408-1234564"),
    ("mx", "BOXW310820HNERXN09"),
    ("nl", "111222333"),
    ("no", "010190 00083"),
    ("nz", "49-091-850"),
    ("pl", "44051401359"),
    ("pt", "123456789"),
    ("ro", "1800101221144"),
    ("se", "811228-9874"),
    ("sg", "S1234567D"),
    ("si", "0101006500006"),
    ("th", "1-1017-00230-70-8"),
    ("tr", "10000000146"),
    ("tw", "A123456789"),
    ("za", "8001015009087"),
];

fn named(country: &str) -> &'static National {
    let of = |one: &&National| one.kind.name().unwrap().ends_with(&format!("-{country}"));
    NUMBERS.iter().find(of).unwrap_or_else(|| panic!("{country}"))
}

fn code_of(national: &National, written: &str) -> Option<Vec<u8>> {
    national.shapes.iter().find_map(|shape| {
        let mut code = [0; LONGEST];
        let (length, end, _) = shaped(written.as_bytes(), 0, shape, &mut code)?;
        (end == written.len()).then(|| code[..length].to_vec())
    })
}

/// The text with `…` for each number that was found.
fn hidden(text: &str, kinds: &[&'static National]) -> String {
    let mut found = Vec::new();
    find(text.as_bytes(), kinds, &mut found);
    let mut out = text.to_owned();
    for one in found.iter().rev() {
        out.replace_range(one.span.clone(), "…");
    }
    out
}

#[test]
fn every_printed_specimen_holds_and_with_another_last_character_it_does_not() {
    let mut wrong = Vec::new();
    for (country, specimen) in SPECIMENS {
        let national = named(country);
        let Some(code) = code_of(national, specimen) else { panic!("{country}: {specimen} has no shape") };
        if !(national.holds)(&code) {
            wrong.push(format!("{country}: {specimen} should hold"));
        }
        let last = code.len() - 1;
        let others = if code[last].is_ascii_digit() { b'0'..=b'9' } else { b'A'..=b'Z' };
        for other in others.filter(|other| *other != code[last]) {
            let mut altered = code.clone();
            altered[last] = other;
            // Iceland's last digit tells the century; the check digit stands before it.
            if (national.holds)(&altered) && country != "is" {
                wrong.push(format!("{country}: {} should not hold", String::from_utf8_lossy(&altered)));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert_eq!(SPECIMENS.len(), NUMBERS.len());
}

/// A number of this shape whose check digits hold, made by trying.
fn made(national: &National, shape: &str, next: &mut impl FnMut() -> u64) -> String {
    for _ in 0..2_000_000 {
        let written: String = shape
            .bytes()
            .map(|byte| match byte {
                b'A' | b'*' if next().is_multiple_of(2) || byte == b'A' => (b'A' + (next() % 26) as u8) as char,
                b'9' | b'*' => (b'0' + (next() % 10) as u8) as char,
                b'~' => '-',
                b'-' => ' ',
                other => other as char,
            })
            .collect();
        if code_of(national, &written).is_some_and(|code| (national.holds)(&code)) {
            return written;
        }
    }
    panic!("no number of shape {shape} holds for {:?}", national.kind);
}

#[test]
fn every_number_is_hidden_beside_its_word_and_stays_with_a_wrong_digit() {
    let mut next = chance(11);
    for national in NUMBERS {
        // Of these shapes too many would have to be tried: their specimens stand for them.
        let hard = [Kind::NationalIt, Kind::NationalMx, Kind::NationalCn].contains(&national.kind);
        let shapes = national.shapes.iter().filter(|_| !hard);
        for shape in shapes {
            let written = made(national, shape, &mut next);
            let word = national.words.first().copied().unwrap_or("id");
            for form in ["{\"W\":\"N\"}", "W N, and on", "?W=N&x=1", "{\\\"W\\\":\\\"N\\\"}", "W\\nN\\n"] {
                let text = form.replace('W', word).replace('N', &written);
                assert_eq!(hidden(&text, &[national]), form.replace('W', word).replace('N', "…"), "{written}");
            }
            for (before, behind) in [("7", ""), ("", "7"), ("a", ""), ("", "-7"), ("3.", ""), ("", "_x")] {
                let text = format!("{word} x{before}{written}{behind} x");
                assert_eq!(hidden(&text, &[national]), text);
            }
            // Any change of one digit of the last two is seen by most checks, and by all in one of them.
            let at = written.rfind(|c: char| c.is_ascii_digit()).unwrap();
            let altered = (b'0'..=b'9').map(|digit| {
                let mut altered = written.clone();
                altered.replace_range(at..=at, &(digit as char).to_string());
                format!("{word}={altered}")
            });
            assert!(altered.filter(|text| hidden(text, &[national]) == *text).count() >= 7, "{written}");
        }
    }
}

#[test]
fn numbers_that_are_common_elsewhere_need_a_word_beside_them() {
    for (country, text) in [("nl", "id 111222333"), ("pt", "order 123456789"), ("au", "x=123456782")] {
        assert_eq!(hidden(text, &[named(country)]), text);
    }
    assert_eq!(hidden("userBsn=111222333", &[named("nl")]), "userBsn=…");
    assert_eq!(hidden("business 130692544", &[named("ca")]), "business 130692544");
}

#[test]
fn what_a_log_is_full_of_is_nobodys_number() {
    let all: Vec<&National> = NUMBERS.iter().collect();
    for text in [
        "2026-11-26T21:02:30.1234567Z",
        "12345678-1234-1234-1234-123456789012",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "/SUBSCRIPTIONS/12CABCB4-86E8-404F-A3D2-1DC9982F45CA/RESOURCEGROUPS/TEST-RG",
        "54108609-638204200593759681",
        "4.1041.200.1",
        "Chrome/108.0.0.0 Safari/537.36",
        "1764191000000",
        "Duration=42ms, 203.0.113.77:52580",
    ] {
        assert_eq!(hidden(text, &all), text);
    }
}

proptest::proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "[0-9A-Za-z .%\\\\+()/_-]{0,60}") {
        let all: Vec<&National> = NUMBERS.iter().collect();
        hidden(&text, &all);
    }
}
