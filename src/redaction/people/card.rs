//! Is this the number of a payment card?
//!
//! Fourteen to nineteen digits of an issuer's range, of a length that issuer has, whose Luhn sum
//! holds, written in one piece or in the groups that are on cards. Nothing of a longer number, a
//! GUID, a decimal or a trace id is one, nor what a member calls an id of that sort; but a year, an
//! amount or a security code may stand beside one that is grouped, with the same sign between. Old Visa
//! numbers of thirteen digits are left out, for they look like times. At most [`LONGEST`] bytes on either
//! side are looked at for each place that is told, and none more than five times.

use std::ops::Range;

use super::national::luhn;
use crate::redaction::scan::bytes::unit_before;

/// How far a run of groups is looked at to either side, bytes.
const LONGEST: usize = 64;
/// The most bytes that a number in groups has, and the sign behind it.
const WIDEST: usize = 24;

/// Issuers: the first digits from and to, and the lengths their numbers have.
const ISSUERS: [(u32, u32, Range<usize>); 25] = [
    // Visa
    (4, 4, 16..17),
    (4, 4, 19..20),
    // Mastercard
    (51, 55, 16..17),
    (2221, 2720, 16..17),
    // American Express
    (34, 34, 15..16),
    (37, 37, 15..16),
    // Diners Club
    (300, 305, 14..20),
    (309, 309, 14..20),
    (36, 36, 14..20),
    (38, 39, 14..20),
    // Discover
    (6011, 6011, 16..20),
    (644, 649, 16..20),
    (65, 65, 16..20),
    // JCB
    (3528, 3589, 16..20),
    // UnionPay
    (62, 62, 16..20),
    (81, 81, 16..20),
    // Maestro
    (5018, 5018, 16..20),
    (5020, 5020, 16..20),
    (5038, 5038, 16..20),
    (6304, 6304, 16..20),
    (6759, 6763, 16..20),
    // Mir
    (2200, 2204, 16..20),
    // RuPay
    (508, 508, 16..17),
    (60, 60, 16..17),
    // Troy
    (9792, 9792, 16..17),
];

/// The most digits beside a number in groups that are no part of it.
const BESIDE: usize = 6;

/// How numbers are grouped on cards.
const GROUPS: [&[usize]; 4] = [&[4, 4, 4, 4, 3], &[4, 4, 4, 4], &[4, 6, 5], &[4, 6, 4]];

/// What a member is called whose digits are an id or a time, in lower case without `_` and `-`.
const IDS: [&str; 12] = [
    "traceid",
    "spanid",
    "parentid",
    "operationid",
    "requestid",
    "correlationid",
    "transactionid",
    "instanceid",
    "ticks",
    "sequencenumber",
    "offset",
    "timestamp",
];

/// A row of digits, and the separator before it: 0 if it is the first.
struct Group {
    at: Range<usize>,
    before: u8,
}

/// Appends the numbers in the run around `at` to `found`; returns where to look on: behind the
/// run, or where a number may begin that was cut.
pub fn around(text: &[u8], at: usize, found: &mut Vec<Range<usize>>) -> usize {
    let run = run(text, at);
    let groups = if may_hold(text, &run) { groups(text, &run) } else { Vec::new() };
    for n in 0..groups.len() {
        let number = GROUPS.iter().find_map(|lengths| grouped(text, &groups, n, lengths));
        let Some(span) = number.or_else(|| whole(text, &groups, n)) else { continue };
        // Of several that overlap one is the card: by chance the digits beside it may be one as well.
        match found.last_mut().filter(|last| span.start < last.end) {
            Some(last) => last.end = last.end.max(span.end),
            None => found.push(span),
        }
    }
    if run.end > at + LONGEST { (run.end - WIDEST).max(at + 1) } else { run.end }
}

/// Returns the digits around `at`, with single separators between.
fn run(text: &[u8], at: usize) -> Range<usize> {
    let digit = |at: usize| text.get(at).is_some_and(u8::is_ascii_digit);
    let Some(first) = (at..text.len().min(at + 8)).find(|at| digit(*at)) else { return at..at };
    let goes_on = |byte: u8, next: Option<&u8>| {
        byte.is_ascii_digit() || matches!(byte, b' ' | b'-' | b'+') && next.is_some_and(u8::is_ascii_digit)
    };
    let (before, behind) = text.split_at(first);
    let before = &before[first.saturating_sub(LONGEST + 2)..];
    let (mut start, mut end) = (first, first);
    for (at, byte) in before.iter().enumerate().rev().take(LONGEST + 1) {
        if !goes_on(*byte, at.checked_sub(1).and_then(|at| before.get(at))) {
            break;
        }
        start -= 1;
    }
    for (at, byte) in behind.iter().enumerate().take(LONGEST + 1) {
        if !goes_on(*byte, behind.get(at + 1)) {
            break;
        }
        end += 1;
    }
    // The last digits of an escape are none of the number's.
    let escape = match text[..start] {
        [.., b'%'] if text[start..].starts_with(b"25") => 4,
        [.., b'%'] => 2,
        [.., b'\\', b'u'] => 4,
        _ => 0,
    };
    (start + escape).min(end)..end
}

/// Tells whether the run holds a group that may be a number by itself, or two with which one begins.
fn may_hold(text: &[u8], run: &Range<usize>) -> bool {
    let (mut last, mut digits, mut before) = (0, 0, 0);
    // A run that was cut may end with a sign.
    let text = &text[run.clone()];
    for byte in text.strip_suffix(b"-").unwrap_or(text).iter().chain([&0]) {
        if byte.is_ascii_digit() {
            digits += 1;
            continue;
        }
        let alone = (14..=19).contains(&digits) && before != b'-' && *byte != b'-';
        if alone || last == 4 && matches!(digits, 4 | 6) {
            return true;
        }
        (last, digits, before) = (digits, 0, *byte);
    }
    false
}

fn groups(text: &[u8], run: &Range<usize>) -> Vec<Group> {
    let (mut groups, mut at, mut before) = (Vec::new(), run.start, 0);
    while at < run.end {
        let length = text[at..run.end].iter().take_while(|byte| byte.is_ascii_digit()).count();
        groups.push(Group { at: at..at + length, before });
        before = text.get(at + length).copied().unwrap_or_default();
        at += length + 1;
    }
    groups
}

/// Returns the number that the groups from `n` on make, if their lengths are `lengths`.
fn grouped(text: &[u8], groups: &[Group], n: usize, lengths: &[usize]) -> Option<Range<usize>> {
    let own = groups.get(n..n + lengths.len())?;
    let separator = own[1].before;
    let fit = own
        .iter()
        .zip(lengths)
        .enumerate()
        .all(|(at, (group, length))| group.at.len() == *length && (at == 0 || group.before == separator));
    if !fit {
        return None;
    }
    let span = own[0].at.start..own.last()?.at.end;
    let digits: Vec<u8> = text[span.clone()].iter().copied().filter(u8::is_ascii_digit).collect();
    (is_card(&digits) && stands_alone(text, &span, separator == b'-')).then_some(span)
}

/// Returns group `n` if it is a number by itself.
fn whole(text: &[u8], groups: &[Group], n: usize) -> Option<Range<usize>> {
    let span = groups[n].at.clone();
    let hyphen = groups[n].before == b'-' || groups.get(n + 1).is_some_and(|next| next.before == b'-');
    let is = !hyphen && is_card(&text[span.clone()]) && stands_alone(text, &span, false) && !is_id(text, span.start);
    is.then_some(span)
}

fn is_card(digits: &[u8]) -> bool {
    if !(14..=19).contains(&digits.len()) || digits.windows(2).all(|pair| pair[0] == pair[1]) {
        return false;
    }
    let starts = |from: u32, to: u32| {
        let length = from.ilog10() as usize + 1;
        let first = digits[..length].iter().fold(0, |number, digit| number * 10 + u32::from(digit - b'0'));
        (from..=to).contains(&first)
    };
    ISSUERS.iter().any(|(from, to, lengths)| lengths.contains(&digits.len()) && starts(*from, *to)) && luhn(digits)
}

/// Tells whether nothing around `span` goes on with it; `hyphens` stand between its groups, perhaps.
fn stands_alone(text: &[u8], span: &Range<usize>, hyphens: bool) -> bool {
    let before = unit_before(text, span.start).is_none_or(|unit| match unit.byte {
        // A percent escape of anything ends what stood before it.
        _ if unit.escaped => true,
        sign @ (b'.' | b'-') => is_apart(text[..span.start - 1].iter().rev(), hyphens && sign == b'-'),
        byte => !byte.is_ascii_alphanumeric() && byte != b'_',
    });
    let behind = match text.get(span.end..).unwrap_or_default() {
        [sign @ (b'.' | b'-'), rest @ ..] => is_apart(rest.iter(), hyphens && *sign == b'-'),
        [next, ..] => !next.is_ascii_alphanumeric() && *next != b'_',
        [] => true,
    };
    before && behind
}

/// Tells whether the word that begins here has no digit in it, or is a short `number` of its own.
fn is_apart<'b>(word: impl Iterator<Item = &'b u8>, number: bool) -> bool {
    let (mut digits, mut letters) = (0, 0);
    for byte in word.take(40).take_while(|byte| byte.is_ascii_alphanumeric()) {
        if byte.is_ascii_digit() {
            digits += 1;
        } else {
            letters += 1;
        }
    }
    digits == 0 || number && letters == 0 && digits <= BESIDE
}

/// Tells whether the name before `at` says that what follows is an id or a time.
fn is_id(text: &[u8], at: usize) -> bool {
    let before = &text[at.saturating_sub(LONGEST)..at];
    let between = |byte: &u8| matches!(byte, b'"' | b'\'' | b'\\' | b':' | b'=' | b' ');
    let end = before.iter().rposition(|byte| !between(byte)).map_or(0, |last| last + 1);
    let name = |byte: &&u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    let length = before[..end].iter().rev().take_while(name).count();
    let mut word = before[end - length..end].to_ascii_lowercase();
    word.retain(u8::is_ascii_alphanumeric);
    IDS.iter().any(|id| word.ends_with(id.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::redaction::scan::Gates;

    fn hidden(text: &str) -> String {
        let (mut found, mut from) = (Vec::new(), 0);
        Gates::of(text.as_bytes()).cards.iter().map(|at| *at as usize).for_each(|at| {
            if at >= from {
                from = around(text.as_bytes(), at, &mut found);
            }
        });
        let mut out = text.to_owned();
        for span in found.iter().rev() {
            out.replace_range(span.clone(), "…");
        }
        out
    }

    /// Numbers that payment providers print for tests.
    const CARDS: [&str; 14] = [
        "4111111111111111",
        "5555555555554444",
        "2223003122003222",
        "378282246310005",
        "36227206271667",
        "6011111111111117",
        "3566002020360505",
        "6200000000000005",
        "4111 1111 1111 1111",
        "5555-5555-5555-4444",
        "3782 822463 10005",
        "3622 720627 1667",
        "6304000000000000",
        "2200000000000004",
    ];

    #[test]
    fn a_card_is_hidden_in_every_place_a_text_has() {
        for card in CARDS {
            for form in [
                "N",
                "{\"card\":\"N\"}",
                "card=N&x=1",
                "pan: N, cvc",
                "{\\\"n\\\":\\\"N\\\"}",
                "at 10 N",
                "\\nN\\n",
                "order-N",
                "x%20N%20y",
            ] {
                assert_eq!(hidden(&form.replace('N', card)), form.replace('N', "…"), "{card}");
            }
        }
        assert_eq!(hidden("2026-11-26 4111 1111 1111 1111 5555555555554444"), "2026-11-26 … …");
    }

    #[test]
    fn a_card_in_groups_is_hidden_beside_other_digits_with_the_same_sign_between() {
        for sign in [" ", "-", "+"] {
            for card in ["4111 1111 1111 1111", "3782 822463 10005", "3622 720627 1667"] {
                for form in
                    ["2026 N", "N 2027", "N 123", "12345 N 2027 123", "26 11 2026 N", "1 22 333 4444 55555 N 9", "N N"]
                {
                    let text = form.replace('N', card).replace(' ', sign);
                    assert_eq!(hidden(&text), form.replace('N', "…").replace(' ', sign), "{text}");
                }
            }
        }
        // However many numbers stand before it.
        for numbers in 0..60 {
            let text = "1234 ".repeat(numbers) + "4111 1111 1111 1111" + &" 17".repeat(numbers);
            assert_eq!(hidden(&text), text.replace("4111 1111 1111 1111", "…"));
        }
        // Where by chance the digits beside it are one as well, all are hidden.
        assert_eq!(hidden("4111 1111 1111 1111 1111"), "… 1111");
        assert_eq!(hidden("4000 0000 0000 0002 0000"), "… 0000");
    }

    #[test]
    fn a_card_is_hidden_wherever_a_run_is_cut() {
        let card = "4111 1111 1111 1111";
        for filler in ["1 ", "12 ", "123 ", "1234 ", "12345 "] {
            for count in 0..60 {
                for shift in ["", "1 ", "12 ", "1 1 1 ", "12345 "] {
                    for behind in ["", " 17", " 17 18 19", " 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1"] {
                        let text = shift.to_owned() + &filler.repeat(count) + card + behind;
                        assert_eq!(hidden(&text), text.replace(card, "…"), "{text}");
                    }
                }
            }
        }
    }

    #[test]
    fn what_is_no_card_stays() {
        for text in [
            // Luhn does not hold, no issuer, wrong length, wrong groups.
            "4111111111111112",
            "order 4242424242424241",
            "1764191000000000",
            "9111111111111111",
            "411111111111111",
            "41111 11111 11111 1",
            "4111 1111-1111 1111",
            "0000000000000000",
            // Parts of something longer.
            "41111111111111111111",
            "4111-1111-1111-1111-12ab",
            "1a2b-4111-1111-1111-1111",
            "4111-1111-1111-1111-1234567",
            "a4111111111111111",
            "4111111111111111a",
            "0.4111111111111111",
            "4111111111111111.5",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-4111111111111111-01",
            "54108609-4111111111111111",
            "41111111-1111-1111-1111-111111111111",
            "638204200593759681",
            "\"spanId\":\"4111111111111111\"",
            "span_id=4111111111111111",
            "2026-11-26 21:02:30",
        ] {
            assert_eq!(hidden(text), text);
        }
    }

    /// The numbers found if every digit is looked at.
    fn everywhere(text: &str) -> Vec<Range<usize>> {
        let mut found = Vec::new();
        for at in (0..text.len()).filter(|at| text.as_bytes()[*at].is_ascii_digit()) {
            let mut here = Vec::new();
            around(text.as_bytes(), at, &mut here);
            found.extend(here);
        }
        found.sort_unstable_by_key(|span| span.start);
        found.dedup();
        found
    }

    /// Tells whether a place is told in each run in which a number is found.
    fn told(text: &str) -> bool {
        let gates = Gates::of(text.as_bytes());
        let mut all = Vec::new();
        for at in &gates.cards {
            around(text.as_bytes(), *at as usize, &mut all);
        }
        everywhere(text)
            .iter()
            .all(|span| span.start == 0 || all.iter().any(|one| one.start <= span.start && span.end <= one.end))
    }

    proptest::proptest! {
        #[test]
        fn no_number_is_passed_over(
            parts in proptest::collection::vec((proptest::sample::select(CARDS.to_vec()), "[0-9]{0,6}|[-+ %u\"a25]{0,2}|[0-9]{20}", 0..3_usize), 1..6),
            before in "[x0-9 -]{0,140}",
        ) {
            let sign = |card: &str, nth: usize| card.replace([' ', '-'], ["-", " ", "+"][nth]);
            let text: String = parts.iter().map(|(card, more, nth)| sign(card, *nth) + more).collect();
            proptest::prop_assert!(told(&format!("x{before}{text}")), "x{before}{text}");
        }

        #[test]
        fn no_text_makes_it_panic(text in "[0-9A-F +-]{0,90}") {
            hidden(&text);
        }
    }
}
