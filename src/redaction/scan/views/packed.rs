//! Is this base64, and does it decode to text?
//!
//! Every [`STRIDE`]th byte is looked at (`gates`): a run of base64 that holds a secret covers one, with
//! [`WINDOW`] characters behind it. Where a group of four starts is not known, for a path or an escape
//! may stand right before it, so each of four places is tried; two groups that decode to text are
//! followed both ways as long as text comes out. Text of UTF-16 is known by its zeros. Random
//! characters fail at once, and each byte is decoded once.

use std::ops::Range;

use super::super::gates::STRIDE;
use super::inside::{self, Packed};
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
    values
};

/// Reads every run of base64 that decodes to text.
pub fn gather(to: &mut Gathering<'_>) {
    let (text, mut cursor) = (to.texts.text, Cursor::default());
    let (mut at, mut floor) = (0, 0);
    for here in to.texts.packed.iter().map(|here| *here as usize) {
        let Some(window) = text.get(here..).and_then(<[u8]>::first_chunk::<WINDOW>).filter(|_| here >= at) else {
            continue;
        };
        let next = here + STRIDE;
        let places = sample(window);
        if places == [None; 4] {
            continue;
        }
        let Some((parent, range)) = cursor.around(to.texts, here).filter(|(_, range)| here + WINDOW <= range.end)
        else {
            continue;
        };
        if let Some(end) = cursor.covered(&to.covered, here) {
            at = next.max(end / STRIDE * STRIDE);
            continue;
        }
        let within = floor.max(range.start)..range.end;
        // What repeats itself is text from several places on: the right one is the one that goes on.
        let regions = (0..4).filter_map(|place| {
            let wide = places[place]?;
            Some((region(text, &within, here + place, wide)?, wide))
        });
        let Some((outer, wide)) = regions.max_by_key(|(outer, _)| outer.len()) else { continue };
        floor = outer.end;
        at = next.max(floor.div_ceil(STRIDE) * STRIDE);
        if to.may(parent, &outer) {
            read(to, parent, outer, wide);
        }
    }
}

fn read(to: &mut Gathering<'_>, parent: usize, outer: Range<usize>, wide: bool) {
    let from = to.text.len();
    let letters = &to.texts.text[outer.clone()];
    let url = letters.iter().any(|letter| matches!(letter, b'-' | b'_'));
    if !wide {
        decode(letters, &mut to.text);
        to.view(parent, outer, from, How::Packed { wide: None, url });
        return;
    }
    let mut bytes = Vec::new();
    decode(letters, &mut bytes);
    let offsets = to.offsets.len();
    // Which byte of two is the letter's: the one that is not zero.
    let phase = usize::from(bytes.first() == Some(&0));
    for (number, two) in bytes[phase..].chunks(2).enumerate() {
        let byte = if two.get(1).is_none_or(|high| *high == 0) { two[0] } else { 0xff };
        to.text.push(byte);
        to.offsets.push((phase + number * 2) as u32);
    }
    to.offsets.push(bytes.len() as u32);
    to.view(parent, outer, from, How::Packed { wide: Some(offsets), url });
}

/// Tells whether `letters` are base64 of nothing but text, so that they are no key.
pub fn is_packed_text(letters: &[u8]) -> bool {
    let mut bytes = Vec::with_capacity(letters.len());
    decode(letters, &mut bytes);
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
    let values = window.map(|letter| VALUES[usize::from(letter)]);
    if values.contains(&NONE) {
        return [None; 4];
    }
    [0, 1, 2, 3].map(|place| {
        let (first, second) = (three(&values, place), three(&values, place + 4));
        if first.iter().chain(&second).all(|byte| is_text(*byte)) {
            return Some(false);
        }
        // Of UTF-16 every second byte is zero, in one order or the other.
        let every_second = |zero: usize| {
            let mut all = first.iter().chain(&second).enumerate();
            all.all(|(at, byte)| if at % 2 == zero { *byte == 0 } else { is_text(*byte) })
        };
        (every_second(0) || every_second(1)).then_some(true)
    })
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
    let plain = |bytes: [u8; 3]| {
        let zero = wide && bytes.contains(&0);
        zero == wide && bytes.iter().all(|byte| is_text(*byte) || wide && *byte == 0)
    };
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
    let good = |bytes: [u8; 3]| plain(bytes) || !wide && bytes.iter().all(|byte| is_text(*byte) || *byte >= 0x80);
    let (mut at, mut bad) = (end, 0);
    while at + 4 <= within.end && bad <= GAP {
        let Some(bytes) = group(at) else { break };
        at += 4;
        bad = if good(bytes) { 0 } else { bad + 1 };
        end = if bad == 0 { at } else { end };
    }
    let more = text[at..within.end].iter().take(4).take_while(|letter| VALUES[usize::from(**letter)] != NONE).count();
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

/// Returns the start of the first group from `first` on that holds no letter of an escape before it.
fn behind_escape(text: &[u8], floor: usize, first: usize) -> usize {
    let before = &text[floor..first];
    let letters = before.iter().rev().take(5).take_while(|letter| VALUES[usize::from(**letter)] != NONE).count();
    let Some(sign) = before.len().checked_sub(letters + 1).map(|at| floor + at) else { return first };
    let end = match text[sign..] {
        [b'\\', b'u', ..] => sign + 6,
        [b'\\', ..] => sign + 2,
        [b'%', b'2', b'5', ..] => sign + 5,
        [b'%', ..] => sign + 3,
        _ => return first,
    };
    first + end.saturating_sub(first).div_ceil(4) * 4
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
    url: bool,
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
            url,
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

    use super::*;

    /// What is read out of the first run of base64 in `text`.
    fn inner(text: &str) -> Option<String> {
        let bytes = text.as_bytes();
        let mut at = 0;
        loop {
            let window = bytes.get(at..)?.first_chunk()?;
            let places = sample(window);
            let regions = (0..4).filter_map(|place| region(bytes, &(0..bytes.len()), at + place, places[place]?));
            let found = regions.max_by_key(Range::len);
            if let Some(outer) = found {
                let mut out = Vec::new();
                decode(&bytes[outer], &mut out);
                return Some(String::from_utf8_lossy(&out).into_owned());
            }
            at += STRIDE;
        }
    }

    #[test]
    fn text_in_base64_is_read_wherever_it_stands_and_whatever_its_length() {
        for length in 21..70 {
            let plain: String = (0..length).map(|at| char::from(b'a' + (at % 26) as u8)).collect();
            for encoded in [STANDARD.encode(&plain), URL_SAFE_NO_PAD.encode(&plain)] {
                for shift in 0..STRIDE {
                    for before in ["", " ", "\"", "\\n", "/api/", "%3D", "\\u003d", "x="] {
                        let text = format!("{}{before}{encoded} ", ".".repeat(shift));
                        let read = inner(&text).unwrap_or_else(|| panic!("{text}"));
                        assert!(read.ends_with(&plain), "{text} {read}");
                    }
                }
            }
        }
    }

    #[test]
    fn of_several_places_at_which_text_may_start_the_right_one_is_read() {
        let plain = format!("u={}BEGIN and on", "%2D".repeat(12));
        for shift in 0..STRIDE {
            let text = format!("{}={} ", ".".repeat(shift), STANDARD.encode(&plain));
            assert_eq!(inner(&text).as_deref(), Some(&*plain), "{text}");
        }
    }

    #[test]
    fn text_of_utf_16_is_read_in_both_orders() {
        for swap in [false, true] {
            let bytes: Vec<u8> =
                "Get-Thing -Key abcdefgh".bytes().flat_map(|byte| if swap { [0, byte] } else { [byte, 0] }).collect();
            let text = format!("-enc {} x", STANDARD.encode(bytes));
            let read = inner(&text).unwrap().replace('\0', "");
            assert_eq!(read, "Get-Thing -Key abcdefgh");
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
            assert_eq!(inner(&STANDARD.encode(&random)).filter(|read| read.len() > 30), None);
        }
        for text in
            ["/SUBSCRIPTIONS/12CABCB4-86E8-404F-A3D2-1DC9982F45CA/RESOURCEGROUPS/X", "0123456789abcdef0123456789abcdef"]
        {
            assert_eq!(inner(text), None, "{text}");
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
    }
}
