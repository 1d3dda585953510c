//! Is this base64, and does it decode to text?
//!
//! Every [`STRIDE`]th byte is looked at (`gates`): a run of base64 that holds a secret covers one, with
//! [`WINDOW`] characters behind it. Where a group of four starts is not known, for a path or an escape
//! may stand right before it, so each of four places is tried; two groups that decode to text are
//! followed both ways as long as text comes out. Some texts come out as text from a wrong place too,
//! and go on longer there: all that come out are read. Text of UTF-16 is known by its zeros. Random
//! characters fail at once, and each byte is decoded once from each place.

use std::ops::Range;

use super::super::bytes::unit_at;
use super::super::gates::STRIDE;
use super::inside::{self, Alphabet, Packed};
use super::{Cursor, Found, Gathering, How};

/// How many characters are looked at.
const WINDOW: usize = 12;
/// The fewest characters that are read.
const LEAST: usize = 20;
/// The fewest if they are UTF-16.
const LEAST_WIDE: usize = 32;
/// How many groups in a row may decode to no text.
const GAP: usize = 4;

const NONE: u8 = 0xff;
/// A space may have been a `+` before a form was decoded: no letter, and 62 in its last six bits.
const SPACE: u8 = 0xfe;
/// The value of each character, of both alphabets.
const VALUES: [u8; 256] = {
    let letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut values = [NONE; 256];
    let mut at = 0;
    while at < 64 {
        values[letters[at] as usize] = at as u8;
        at += 1;
    }
    values[b'-' as usize] = 62;
    values[b'_' as usize] = 63;
    values[b' ' as usize] = SPACE;
    values
};

const fn is_letter(byte: u8) -> bool {
    VALUES[byte as usize] < 64
}

/// Reads every run of base64 that decodes to text, from each place on from which it does.
pub fn gather(to: &mut Gathering<'_>) {
    let (text, mut cursor) = (to.texts.text, Cursor::default());
    // Up to where each of four places has been read, and over spaces; what is hidden for sure needs no look at any.
    let (mut floors, mut joins, mut at) = ([0; 4], [0; 4], 0);
    for here in to.texts.gates.packed.iter().map(|here| *here as usize) {
        let Some(window) = text.get(here..).and_then(<[u8]>::first_chunk::<WINDOW>).filter(|_| here >= at) else {
            continue;
        };
        let places = sample(window);
        if places == [None; 4] {
            continue;
        }
        let Some((parent, range)) = cursor.around(to.texts, here).filter(|(_, range)| here + WINDOW <= range.end)
        else {
            continue;
        };
        if let Some(end) = cursor.covered(&to.covered, here) {
            at = (here + STRIDE).max(end / STRIDE * STRIDE);
            continue;
        }
        for ((place, wide), floor) in places.into_iter().enumerate().zip(&mut floors) {
            let Some(wide) = wide.filter(|_| here + place >= *floor) else { continue };
            let within = range.start.max(*floor)..range.end;
            let Some(outer) = region(text, &within, here + place, wide) else { continue };
            *floor = outer.end;
            // A walk over spaces takes in all up to where it comes, so that none begins before that.
            let join = &mut joins[place];
            let joined = (outer.end > *join).then(|| over_spaces(text, &within, &outer, wide, join)).flatten();
            for outer in with_edges(text, &within, outer).into_iter().flatten().chain(joined) {
                if to.may(parent, &outer) {
                    read(to, parent, outer, wide);
                }
            }
        }
    }
}

fn read(to: &mut Gathering<'_>, parent: usize, outer: Range<usize>, wide: bool) {
    let from = to.text.len();
    let letters = &to.texts.text[outer.clone()];
    let alphabet = alphabet(letters);
    if !wide {
        decode(letters, &mut to.text);
        to.view(parent, outer, from, How::Packed { wide: None, alphabet });
        return;
    }
    let mut bytes = Vec::new();
    decode(letters, &mut bytes);
    let (offsets, mut at) = (to.offsets.len(), 0);
    let big = bytes.first() == Some(&0);
    while let Some(two) = bytes.get(at..bytes.len().min(at + 2)).filter(|two| !two.is_empty()) {
        // Which byte of two is the letter's: the one that is not zero. It may change on the way.
        if matches!(two, [0, second] if *second != 0) {
            at += 1;
            continue;
        }
        let (byte, length) = match *two {
            [letter] | [letter, 0] => (letter, 2),
            // The last before one beyond ASCII, if their zeros come first.
            [letter, _] if big && bytes[..at].ends_with(&[0]) => (letter, 2),
            _ if bytes.get(at + 2) == Some(&0) => (0xff, 1),
            _ => (0xff, 2),
        };
        to.text.push(byte);
        to.offsets.push(at as u32);
        at += length;
    }
    to.offsets.push(bytes.len() as u32);
    to.view(parent, outer, from, How::Packed { wide: Some(offsets), alphabet });
}

fn alphabet(letters: &[u8]) -> Alphabet {
    let has = |sign: u8| memchr::memchr(sign, letters).is_some();
    match () {
        () if has(b'-') || has(b'_') => Alphabet::UrlSafe,
        () if has(b' ') && !has(b'+') => Alphabet::Form,
        () => Alphabet::Standard,
    }
}

/// Tells whether `letters` are base64 of nothing but text, so that they are no key.
pub fn is_packed_text(letters: &[u8]) -> bool {
    let mut bytes = Vec::with_capacity(letters.len());
    decode(letters, &mut bytes);
    // Of UTF-16 about every second byte is zero, of a key hardly any.
    let zeros = memchr::memchr_iter(0, &bytes).count();
    if zeros > 0 && (bytes.len() * 2..=bytes.len() * 3).contains(&(zeros * 5)) {
        return true;
    }
    let text = |letter: char| !letter.is_control() || letter.is_ascii_whitespace();
    std::str::from_utf8(&bytes).is_ok_and(|read| !read.is_empty() && read.chars().all(text))
}

/// Appends what `letters` decode to, less the last bits of what is no whole byte.
fn decode(letters: &[u8], to: &mut Vec<u8>) {
    let value = |letter: &u8| u32::from(VALUES[usize::from(*letter)]) & 63;
    for group in letters.chunks(4) {
        let bits = group.iter().fold(0, |bits, letter| bits << 6 | value(letter)) << (6 * (4 - group.len()));
        to.extend_from_slice(&bits.to_be_bytes()[1..group.len()]);
    }
}

/// Tells of each place in `window` whether the group that starts there decodes to text with the one
/// behind it, and whether that is UTF-16.
fn sample(window: &[u8; WINDOW]) -> [Option<bool>; 4] {
    /// The highest bit of each of six bytes.
    const HIGHEST: u64 = 0x8080_8080_8080;
    let values = window.map(|letter| VALUES[usize::from(letter)]);
    let mut told = [None; 4];
    if values.iter().fold(0, |all, value| all | value) & 0xc0 != 0 {
        return told;
    }
    let bits = values.iter().fold(0_u128, |bits, value| bits << 6 | u128::from(*value));
    for (place, told) in told.iter_mut().enumerate() {
        let six = (bits >> (6 * (4 - place))) as u64 & (u64::MAX >> 16);
        // Most decode to what is neither.
        if six & HIGHEST == 0 {
            let [_, _, bytes @ ..] = six.to_be_bytes();
            *told = kind_of(bytes);
        }
    }
    told
}

/// Tells whether six bytes are text, and whether of UTF-16.
fn kind_of(bytes: [u8; 6]) -> Option<bool> {
    if bytes.iter().all(|byte| is_text(*byte)) {
        return Some(false);
    }
    // Of UTF-16 every second byte is zero, in one order or the other.
    let every_second = |zero: usize| {
        let mut all = bytes.iter().enumerate();
        all.all(|(at, byte)| if at % 2 == zero { *byte == 0 } else { is_text(*byte) })
    };
    (every_second(0) || every_second(1)).then_some(true)
}

fn three(values: &[u8], at: usize) -> [u8; 3] {
    let [a, b, c, d] = [values[at], values[at + 1], values[at + 2], values[at + 3]];
    [a << 2 | b >> 4, b << 4 | c >> 2, c << 6 | d]
}

const fn is_text(byte: u8) -> bool {
    matches!(byte, b' '..=b'~' | b'\t' | b'\n' | b'\r')
}

/// Returns the groups around the two from `start` on that decode to text, if they are enough.
fn region(text: &[u8], within: &Range<usize>, start: usize, wide: bool) -> Option<Range<usize>> {
    let group = |at: usize| -> Option<[u8; 3]> {
        let four: [u8; 4] = *text.get(at..at + 4)?.first_chunk()?;
        let values = four.map(|letter| VALUES[usize::from(letter)]);
        (values.iter().fold(0, |all, value| all | value) & 0xc0 == 0).then(|| three(&values, 0))
    };
    let plain = |bytes: [u8; 3]| is_plain(bytes, wide);
    // What is text without doubt must be long enough; then letters beyond ASCII are text too.
    let (mut end, mut first) = (start + 8, start);
    while end + 4 <= within.end && end - start < LEAST_WIDE && group(end).is_some_and(plain) {
        end += 4;
    }
    while first >= within.start + 4 && end - first < LEAST_WIDE && group(first - 4).is_some_and(plain) {
        first -= 4;
    }
    if end - first < if wide { LEAST_WIDE } else { LEAST } {
        return None;
    }
    let good = |bytes: [u8; 3]| is_good(bytes, wide);
    let (mut at, mut bad) = (end, 0);
    while at + 4 <= within.end && bad <= GAP {
        let Some(bytes) = group(at) else { break };
        at += 4;
        bad = if good(bytes) { 0 } else { bad + 1 };
        end = if bad == 0 { at } else { end };
    }
    let more = text[at..within.end].iter().take(4).take_while(|letter| is_letter(**letter)).count();
    if at == end && matches!(more, 2 | 3) {
        end += more;
    }
    let (mut at, mut bad) = (first, 0);
    while at >= within.start + 4 && bad <= GAP {
        let Some(bytes) = group(at - 4) else { break };
        at -= 4;
        bad = if good(bytes) { 0 } else { bad + 1 };
        first = if bad == 0 { at } else { first };
    }
    let first = behind_escape(text, within.start, first);
    (first < end).then_some(first..end)
}

/// Tells whether `bytes` are text without doubt.
fn is_plain(bytes: [u8; 3], wide: bool) -> bool {
    let zero = wide && bytes.contains(&0);
    zero == wide && bytes.iter().all(|byte| is_text(*byte) || wide && *byte == 0)
}

/// Tells whether `bytes` may be of a text, with letters beyond ASCII.
fn is_good(bytes: [u8; 3], wide: bool) -> bool {
    is_plain(bytes, wide) || !wide && bytes.iter().all(|byte| is_text(*byte) || *byte >= 0x80)
}

/// Returns `outer` with all that it goes on with, both ways, over spaces between two letters that were a `+`
/// before a form was decoded; `None` if there is no such. A group with one decodes to text, and one right
/// beside it does so without doubt: the next word of a sentence seldom does. `reached` is set to how far it was read.
fn over_spaces(
    text: &[u8],
    within: &Range<usize>,
    outer: &Range<usize>,
    wide: bool,
    reached: &mut usize,
) -> Option<Range<usize>> {
    let letter = |at: usize| within.contains(&at) && is_letter(text[at]);
    // What stands in a group, and whether a space is among it.
    let group = |at: usize| -> Option<([u8; 3], bool)> {
        let four: [u8; 4] = *text.get(at..within.end)?.first_chunk()?;
        let fits =
            (at..at + 4).all(|at| letter(at) || text[at] == b' ' && letter(at.wrapping_sub(1)) && letter(at + 1));
        let values = four.map(|letter| VALUES[usize::from(letter)] & 63);
        (at >= within.start && fits).then(|| (three(&values, 0), four.contains(&b' ')))
    };
    let plain = |at: usize| group(at).is_some_and(|(bytes, _)| is_plain(bytes, wide));
    let good = |at: usize| group(at).is_some_and(|(bytes, _)| is_good(bytes, wide));
    // The last letters, if no whole group is left and they are text.
    let tail = |at: usize| {
        let letters = text.get(at..within.end)?;
        let length = letters.iter().take(4).take_while(|letter| is_letter(**letter)).count();
        let mut bytes = Vec::with_capacity(3);
        decode(&letters[..length], &mut bytes);
        let fits = matches!(length, 2 | 3) && bytes.iter().all(|byte| is_text(*byte) || wide && *byte == 0);
        fits.then_some(length)
    };
    let mut end = outer.start + outer.len() / 4 * 4;
    let (aligned, mut start, mut spaces) = (end, outer.start, 0);
    while let Some((bytes, spaced)) = group(end).filter(|(bytes, _)| is_good(*bytes, wide)) {
        let text = plain(end + 4) || good(end + 4) && plain(end + 8);
        let on = text || is_plain(bytes, wide) && tail(end + 4).is_some();
        if spaced && !on {
            break;
        }
        spaces += usize::from(spaced);
        end += 4;
    }
    while let Some((bytes, spaced)) = start.checked_sub(4).and_then(group).filter(|(bytes, _)| is_good(*bytes, wide)) {
        if spaced && !is_plain(bytes, wide) && !start.checked_sub(8).is_some_and(plain) {
            break;
        }
        spaces += usize::from(spaced);
        start -= 4;
    }
    end = if end > aligned { end + tail(end).unwrap_or(0) } else { outer.end };
    *reached = end;
    let start = behind_escape(text, within.start, start);
    (spaces > 0 && start < end).then_some(start..end)
}

/// Returns `outer` as it is, and with the groups right beside it that are no text but begin or end as text,
/// each by itself and both: the first or last letter of a secret may stand in one, or it may be none of it.
fn with_edges(text: &[u8], within: &Range<usize>, outer: Range<usize>) -> [Option<Range<usize>>; 4] {
    let read = |at: usize, length: usize| {
        let mut bytes = Vec::with_capacity(3);
        let letters = text.get(at..(at + length).min(within.end))?;
        let all = letters.iter().all(|letter| is_letter(*letter));
        all.then(|| decode(letters, &mut bytes))?;
        Some(bytes)
    };
    let before = outer.start.checked_sub(4).filter(|at| *at >= within.start);
    let before = before.filter(|at| read(*at, 4).is_some_and(|bytes| bytes.last().is_some_and(|byte| is_text(*byte))));
    let first = before.map_or(outer.start, |at| behind_escape(text, within.start, at));
    let behind = (2..=4).rev().find_map(|length| Some((length, read(outer.end, length)?)));
    let behind = behind.filter(|(_, bytes)| bytes.first().is_some_and(|byte| is_text(*byte)));
    let end = within.end.min(outer.end + behind.map_or(0, |(length, _)| length));
    let (starts, ends) = (first < outer.start, end > outer.end);
    [
        Some(outer.clone()),
        starts.then_some(first..outer.end),
        ends.then_some(outer.start..end),
        (starts && ends).then_some(first..end),
    ]
}

/// Returns the start of the first group from `first` on that holds no letter of an escape before it.
fn behind_escape(text: &[u8], floor: usize, first: usize) -> usize {
    let before = &text[floor..first];
    let letters = before.iter().rev().take(5).take_while(|letter| is_letter(**letter)).count();
    let Some(sign) = before.len().checked_sub(letters + 1).map(|at| floor + at) else { return first };
    // Any other sign stands for itself, and letters that follow it are a secret's, perhaps.
    let Some(escape) = unit_at(text, sign).filter(|unit| unit.escaped) else { return first };
    first + (sign + escape.len).saturating_sub(first).div_ceil(4) * 4
}

/// Returns the finds of `list` (ascending, apart), found in the view `read`, where they stand in the
/// base64 `letters` it was read from, which start at `start`; `places` says which bytes of UTF-16 the
/// view's were. Two finds that share a group share it out.
pub fn mapped(
    list: &mut Vec<Found>,
    read: &[u8],
    letters: &[u8],
    start: usize,
    places: Option<&[u32]>,
    alphabet: Alphabet,
) -> Vec<Found> {
    let mut bytes = Vec::with_capacity(letters.len());
    decode(letters, &mut bytes);
    let mut put: Vec<Found> = Vec::with_capacity(list.len());
    // Up to which byte, and which group, the last find has taken.
    let (mut taken, mut groups) = (0, 0);
    for mut one in list.drain(..) {
        let (span, wide) = match places {
            None => (one.span.clone(), None),
            Some(places) => {
                let from = places[one.span.start] as usize;
                let to = places[one.span.end - 1] as usize + 2;
                (from..to.min(bytes.len()), Some(to <= bytes.len()))
            }
        };
        let (mut first, last) = (span.start / 3, span.end.div_ceil(3));
        let mut head = first * 3;
        if first < groups {
            let before = put.last_mut().and_then(|before| before.inside.as_mut()?.packed());
            if last <= groups {
                // It stands wholly in the other's last group: it goes with it.
                if let Some(before) = before {
                    before.tail = bytes[span.end..bytes.len().min(groups * 3)].to_vec();
                }
                taken = span.end;
                continue;
            }
            if let Some(before) = before {
                (before.tail, before.over) = (Vec::new(), 0);
            }
            (first, head) = (groups, taken);
        }
        let end = bytes.len().min(last * 3);
        let packed = Packed {
            head: bytes[head..span.start].to_vec(),
            tail: bytes[span.end..end].to_vec(),
            over: end % 3,
            alphabet,
            wide,
        };
        (taken, groups) = (span.end, last);
        inside::pack(&mut one, read, packed);
        one.span = start + first * 4..start + (last * 4).min(letters.len());
        put.push(one);
    }
    put
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

    use super::super::Texts;
    use super::*;
    use crate::redaction::scan::Gates;

    /// All that is read out of the base64 in `text`.
    fn readings(text: &str) -> Vec<String> {
        let gates = Gates::of(text.as_bytes());
        let whole = 0..text.len();
        let ranges = std::slice::from_ref(&whole);
        let mut to = Gathering {
            texts: &Texts { text: text.as_bytes(), gates: &gates, ranges, views: &[] },
            covered: Vec::new(),
            deepest: false,
            spent: &mut Vec::new(),
            limits: ranges,
            text: Vec::new(),
            offsets: Vec::new(),
            views: Vec::new(),
            refused: Vec::new(),
        };
        gather(&mut to);
        let read = |view: &super::super::View| String::from_utf8_lossy(&to.text[view.inner.clone()]).into_owned();
        to.views.iter().map(read).collect()
    }

    #[track_caller]
    fn reads(text: &str, plain: &str) {
        let all = readings(text);
        assert!(all.iter().any(|read| read.contains(plain)), "{plain} is not read out of {text}, but {all:?}");
    }

    #[test]
    fn text_in_base64_is_read_wherever_it_stands_and_whatever_its_length() {
        for length in 21..70 {
            let plain: String = (0..length).map(|at| char::from(b'a' + (at % 26) as u8)).collect();
            for encoded in [STANDARD.encode(&plain), URL_SAFE_NO_PAD.encode(&plain)] {
                for shift in 0..STRIDE {
                    for before in ["", " ", "\"", "\\n", "/api/", "%3D", "\\u003d", "x=", "C:\\", "C:\\\\", "50%"] {
                        reads(&format!("{}{before}{encoded} ", ".".repeat(shift)), &plain);
                    }
                }
            }
        }
    }

    /// A form that is decoded has spaces for `+`.
    #[test]
    fn text_in_base64_is_read_over_spaces_that_were_pluses() {
        let mut tried = 0;
        for sign in ["~", ">", "o\u{2019}", "\u{20ac}\u{be}"] {
            for length in 0..40 {
                let secret = format!("the-secret-is-somewhere-here{sign}in-the-middle-of-all-that{sign}it all");
                let plain = format!("{}{sign}{secret}", &"0123456789".repeat(4)[..length]);
                let spaced = STANDARD.encode(&plain).trim_end_matches('=').replace('+', " ");
                tried += usize::from(spaced.contains(' '));
                for shift in 0..STRIDE {
                    for behind in ["\"", " end of it", "=&x=y", ""] {
                        reads(&format!("{}\"{spaced}{behind}", ".".repeat(shift)), secret.trim_end_matches('l'));
                    }
                }
            }
        }
        assert!(tried > 60, "{tried}");
        for text in
            ["payload VGhlIHF1aWNrIGJyb3duIGZveA then it was done", "the key VGhlIHF1aWNrIGJyb3duIGZveA was read"]
        {
            assert!(
                readings(text).iter().all(|read| read.is_ascii() && read.len() < 40),
                "{text}: {:?}",
                readings(text)
            );
        }
    }

    #[test]
    fn a_letter_that_shares_a_group_with_what_is_no_text_is_read() {
        let plain = "the-secret-in-the-middle";
        for before in 0..7 {
            for behind in 0..7 {
                for sign in [0, 1, 0x7f, 0xff] {
                    let bytes = [&vec![sign; before], plain.as_bytes(), &vec![sign; behind]].concat();
                    for shift in 0..STRIDE {
                        reads(&format!("{}/{} x", ".".repeat(shift), STANDARD.encode(&bytes)), plain);
                    }
                }
            }
        }
        // A path before it never ends in a letter, however it is read: `/` is the last six bits of a sign.
        for before in ["/api/", "/v1/x9a/", "/abc/def/", "/a/b/c/d/"] {
            let text = format!("{before}{} x", STANDARD.encode(plain));
            let alone = |read: &String| {
                read.strip_suffix(plain)
                    .is_some_and(|before| !before.ends_with(|letter: char| letter.is_ascii_alphanumeric()))
            };
            assert!(readings(&text).iter().any(alone), "{text}");
        }
    }

    #[test]
    fn of_several_places_at_which_text_may_start_each_is_read() {
        for repeated in ["%2D", "%2c", "%5d", "1234", "UVWX"] {
            let plain = format!("u={}BEGIN and on", repeated.repeat(12));
            for before in ["=", "/d/", "/", "x/", "12/"] {
                for shift in 0..STRIDE {
                    reads(&format!("{}{before}{} ", ".".repeat(shift), STANDARD.encode(&plain)), &plain);
                }
            }
        }
    }

    /// From a wrong place on the second is text as well, so that one reading goes over both.
    #[test]
    fn of_two_that_stand_side_by_side_each_is_read() {
        for length in 30..42 {
            let first = "%2c%5d%2f".repeat(6)[..length].to_owned();
            let second = format!("{}BEGIN", "%2c".repeat(20));
            for between in ["/", "//", "-", "_a_", ""] {
                let text = format!("/{}{between}{}/x", URL_SAFE_NO_PAD.encode(&first), URL_SAFE_NO_PAD.encode(&second));
                reads(&text, &first);
                reads(&text, &second);
            }
        }
    }

    #[test]
    fn text_of_utf_16_is_read_in_both_orders() {
        for swap in [false, true] {
            let wide = |text: &str| -> Vec<u8> {
                text.bytes().flat_map(|byte| if swap { [0, byte] } else { [byte, 0] }).collect()
            };
            let plain = "Get-Thing -Key abcdefgh";
            reads(&format!("-enc {} x", STANDARD.encode(wide(plain))), plain);
            // A byte more or less between two texts changes which of two is the letter's.
            for between in [&b"\0"[..], b"\x80\x81\x82", b"x"] {
                let both = [&wide(plain), between, &wide("Set-Other -Key ijklmnop")].concat();
                let text = format!("-enc {} x", STANDARD.encode(both));
                reads(&text, plain);
                reads(&text, "Set-Other -Key ijklmnop");
            }
        }
    }

    #[test]
    fn what_is_no_text_is_not_read() {
        let mut state = 1_u64;
        for _ in 0..2_000 {
            let random: Vec<u8> = (0..60)
                .map(|_| {
                    state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    (state >> 56) as u8
                })
                .collect();
            assert!(readings(&STANDARD.encode(&random)).iter().all(|read| read.len() <= 30));
        }
        for text in
            ["/SUBSCRIPTIONS/12CABCB4-86E8-404F-A3D2-1DC9982F45CA/RESOURCEGROUPS/X", "0123456789abcdef0123456789abcdef"]
        {
            assert_eq!(readings(text), Vec::<String>::new(), "{text}");
        }
    }

    #[test]
    fn base64_of_text_is_told_from_a_key() {
        let wide: Vec<u8> = "it was 12 — and so".encode_utf16().flat_map(u16::to_le_bytes).collect();
        for text in ["at 12:00 we saw".as_bytes(), "né à 12h €".as_bytes(), &wide] {
            assert!(is_packed_text(STANDARD.encode(text).trim_end_matches('=').as_bytes()), "{}", text.escape_ascii());
        }
        for key in [&[0; 32][..], &[7, 200, 0, 31, 5, 90, 0, 9, 1], b""] {
            assert!(!is_packed_text(STANDARD.encode(key).trim_end_matches('=').as_bytes()), "{key:?}");
        }
    }

    #[test]
    fn no_letter_of_an_escape_is_taken_for_base64() {
        let text = b"\\u0041abcdefghijklmnop";
        assert_eq!(behind_escape(text, 0, 2), 6);
        assert_eq!(behind_escape(text, 0, 6), 6);
        assert_eq!(behind_escape(b"x\\nabcdefgh", 0, 2), 6);
        assert_eq!(behind_escape(b"x\\nabcdefgh", 0, 3), 3);
        assert_eq!(behind_escape(b"%3Dabcdefgh", 0, 1), 5);
        assert_eq!(behind_escape(b"C:\\abcdefgh", 0, 3), 3);
        assert_eq!(behind_escape(b"50%abcdefgh".as_slice(), 0, 3), 7);
        assert_eq!(behind_escape(b"50%QUJDRUZH".as_slice(), 0, 3), 3);
    }
}
