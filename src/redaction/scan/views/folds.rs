//! Does this value go on in the next line?
//!
//! Base64 is folded at 64 or 76 characters, long tokens wherever a screen ends. What stands on both
//! sides of a line break, however it is written, is read as one word if the first part is long. In
//! such a word only what proves or shapes itself counts, over a break, and only if it was not whole
//! before. A value that a name announced goes on only where the next line is nothing but the rest of a
//! key ([`goes_on`]). Each byte is read twice, where lines are short five times more, and behind a name once more.

use std::ops::Range;

use super::super::bytes::{Set, backslashes_before, changes, unit_at, unit_before};
use super::super::names::rule;
use super::super::spaces::ends_text;
use super::super::value::quote_at;
use super::{Cursor, Found, Gathering, How, Kind, Texts, View};
use crate::redaction::fingerprint::holds_fingerprint;
use crate::telemetry::Confidence;

/// The fewest characters before a break.
const LEAST: usize = 12;
/// How many lines are read together once more, if a value may begin in the first of them.
const TOGETHER: usize = 3;
/// How long the lines of base64 are at least, but for the last one.
const WIDTH: usize = 60;
/// How much white space a line may begin with, characters.
const INDENT: usize = 32;
/// How many of a hundred characters of what goes on must be of another class than the one before:
/// words are seldom, keys always.
pub const RESTLESS: usize = 28;
/// The fewest characters of which that can be told.
const TELLING: usize = 6;

/// How many lines a value that a name announced goes on in.
const LINES: usize = 64;
/// How much of the line before a value is read with it, bytes: the words by which a rule knows it.
const CONTEXT: usize = 128;
/// How long a part of a key is that need hold no digit.
const LONG: usize = 16;

/// What is left of a key in the next line is made of this.
const REST: Set = Set::word(b"+/-_");

/// What a value that is folded is made of.
const TOKEN: Set = Set::word(b"+/-_.~=:!$");

/// Reads every value that goes on in the next line.
pub fn gather(to: &mut Gathering<'_>) {
    let text = to.texts.text;
    let (mut cursor, mut floor) = (Cursor::default(), 0);
    for at in to.texts.gates.breaks.iter().map(|at| *at as usize) {
        let at = if text[at] == b'\n' { at } else { at - backslashes_before(&text[..at]) };
        // Most lines end with a sign or a short word.
        if at < floor || !long_before(&text[floor..at]) {
            continue;
        }
        let Some((parent, range)) = cursor.around(to.texts, at).filter(|(parent, _)| !to.texts.is_folded(*parent))
        else {
            continue;
        };
        if cursor.covered(&to.covered, at).is_none()
            && let Some(outer) = unfold(to, parent, &(floor.max(range.start)..range.end), at)
        {
            floor = outer;
        }
    }
}

/// Returns where the next line goes on with the word that ends at `at`, if it looks folded there.
pub fn onwards(text: &[u8], at: usize) -> Option<usize> {
    let next = next_line(text, at).filter(|_| is_long(&text[..at]))?;
    unit_at(text, next).is_some_and(|unit| TOKEN.has(unit.byte)).then_some(next)
}

/// Returns where the value at `value` ends, of which a name says that it is a secret, if it goes on in the next
/// line: it looks like a part of a key, and so does what stands there alone, or with an indent.
pub fn goes_on(text: &[u8], value: Range<usize>) -> usize {
    let first = &text[value.clone()];
    let token = |byte: &u8| TOKEN.has(*byte) || matches!(byte, b'%' | b'\\');
    if first.len() < LEAST || !first.iter().all(token) || !is_restless(first) || is_whole(first) {
        return value.end;
    }
    let (mut letters, mut at) = (0, value.start);
    while let Some(unit) = unit_at(text, at).filter(|_| at < value.end) {
        at += unit.len;
        letters += 1;
    }
    let mut before = Part { end: value.end, letters, all: letters, padded: false };
    for _ in 0..LINES {
        let Some(part) = next_line(text, before.end).and_then(|next| rest(text, next, &before)) else { break };
        before = part;
        if before.padded {
            break;
        }
    }
    before.end
}

/// A part of a folded key.
struct Part {
    end: usize,
    /// How many letters it has.
    letters: usize,
    /// How many it has with those before it.
    all: usize,
    /// Whether `=` fills it up, so that no more follows.
    padded: bool,
}

/// Returns what of a key stands at `next`, where a line begins, if it went on from `before`.
fn rest(text: &[u8], next: usize, before: &Part) -> Option<Part> {
    let (mut at, mut letters, mut padding) = (next, 0, 0);
    while let Some(unit) = unit_at(text, at).filter(|unit| REST.has(unit.byte)) {
        at += unit.len;
        letters += 1;
    }
    let part = &text[next..at];
    while let Some(unit) = unit_at(text, at).filter(|unit| unit.byte == b'=' && padding < 2) {
        at += unit.len;
        padding += 1;
    }
    // A quote that closes the text the value stands in, or one that opens another name's value.
    let quote = quote_at(text, at).map(|(_, len)| ends_text(text, at + len));
    let all = before.all + letters + padding;
    if padding > 0 && (!all.is_multiple_of(4) || quote == Some(false) || rule(part).is_some()) {
        return None;
    }
    let ends = match unit_at(text, at).map(|unit| unit.byte) {
        None | Some(b'\n' | b'\r' | b'"' | b'\'' | b'&' | b';' | b',' | b'<' | b'\\') => true,
        Some(b' ') => matches!(text[next - 1], b' ' | b'\t'),
        _ => false,
    };
    let short = before.letters >= WIDTH || quote == Some(true);
    (ends && is_rest(part, short)).then_some(Part { end: at, letters, all, padded: padding > 0 })
}

/// Tells whether `part`, which stands in a line of its own, may be what is left of a key: words, numbers and ids are
/// not, and few characters only if they may be `short`.
fn is_rest(part: &[u8], short: bool) -> bool {
    let digits = part.iter().filter(|byte| byte.is_ascii_digit()).count();
    let capital = part.iter().skip(1).any(u8::is_ascii_uppercase) && part.iter().any(u8::is_ascii_lowercase);
    let mixed = digits > 0 && digits < part.len();
    match part.len() {
        0 | 1 => false,
        2..TELLING => short && (mixed || capital),
        _ if is_id(part) => false,
        length => {
            let hexadecimal = mixed && part.iter().all(u8::is_ascii_hexdigit);
            hexadecimal || is_restless(part) && (digits > 0 || length >= LONG)
        }
    }
}

/// Tells whether `value` is no part of a key by the look of it, but all of one.
fn is_whole(value: &[u8]) -> bool {
    is_id(value) || value.ends_with(b"=") || holds_fingerprint(value)
}

/// Tells whether `value` is hexadecimal and as long as ids and digests are.
fn is_id(value: &[u8]) -> bool {
    let hexadecimal = value.iter().all(|byte| byte.is_ascii_hexdigit() || *byte == b'-');
    let hyphens = memchr::memchr_iter(b'-', value).count();
    hexadecimal && matches!((value.len(), hyphens), (32 | 40 | 64, 0) | (36, 4))
}

/// Returns where the next line starts behind what `view` was read from, if it breaks there.
pub fn onwards_at(texts: &Texts<'_>, view: &View) -> Option<usize> {
    next_line(&texts.text[..texts.ranges[view.parent as usize].end], view.outer.end)
}

/// Returns where the line before ends, if what begins at `at` looks like the rest of a word that was
/// folded there.
pub fn backwards(text: &[u8], at: usize) -> Option<usize> {
    let (mut end, mut breaks) = (at, 0);
    for _ in 0..INDENT {
        let Some(unit) = unit_before(text, end) else { break };
        match unit.byte {
            b' ' | b'\t' if breaks == 0 => {}
            b'\n' | b'\r' if breaks < 2 => breaks += 1,
            _ => break,
        }
        end -= unit.len;
    }
    (breaks > 0 && is_long(&text[..end])).then_some(end)
}

/// Tells whether `text` ends with a long word, some of it written with escapes perhaps.
fn is_long(text: &[u8]) -> bool {
    let mut end = text.len();
    (0..LEAST).all(|_| {
        let unit = unit_before(text, end).filter(|unit| TOKEN.has(unit.byte));
        end -= unit.map_or(0, |unit| unit.len);
        unit.is_some()
    })
}

/// Tells whether `text` ends with a long word, perhaps with the `\r` of a line break behind it.
fn long_before(text: &[u8]) -> bool {
    let end = text.len() - line_end(text);
    let word = &text[end.saturating_sub(LEAST)..end];
    word.len() == LEAST && word.iter().all(|byte| TOKEN.has(*byte))
}

/// Returns the length of the `\r` that `text` ends with, however it is written.
fn line_end(text: &[u8]) -> usize {
    unit_before(text, text.len()).filter(|unit| unit.byte == b'\r').map_or(0, |unit| unit.len)
}

/// Reads the word around the break at `at`; returns up to where.
fn unfold(to: &mut Gathering<'_>, parent: usize, within: &Range<usize>, at: usize) -> Option<usize> {
    let text = &to.texts.text[..within.end];
    let mut end = at - line_end(&text[within.start..at]);
    let mut start = end;
    while start > within.start && TOKEN.has(text[start - 1]) {
        start -= 1;
    }
    // The letters of an escape before it are none of its own; any other sign stands for itself.
    if start > within.start
        && let Some(escape) = unit_at(text, start - 1).filter(|unit| unit.escaped)
    {
        start = end.min(start - 1 + escape.len);
    }
    let context = text[to.texts.ranges[parent].start..start].iter().rev().take(CONTEXT);
    let context = context.take_while(|byte| !matches!(byte, b'\n' | b'\r')).count();
    let context = context - cut_word(&text[start - context..start]);
    let mut parts = Vec::new();
    parts.push(start - context..end);
    while end - parts.last().map_or(end, |part| part.start.max(start)) >= LEAST {
        let Some(next) = next_line(text, end) else { break };
        let length = text[next..].iter().take_while(|byte| TOKEN.has(**byte)).count();
        if length == 0 {
            break;
        }
        end = next + length;
        parts.push(next..end);
    }
    let outer = start - context..end;
    if parts.len() < 2 {
        return None;
    }
    if !to.may_or_hide(parent, &outer, &(start..end)) {
        // It is hidden: whoever walks it again finds nothing.
        return Some(end);
    }
    with_and_without(to, parent, &parts);
    // The first words may be the text's too: the value may begin behind each that is no line of base64.
    for at in 1..parts.len() - 1 {
        let (before, window) = (&parts[at - 1], &parts[at..parts.len().min(at + TOGETHER)]);
        let full = before.len() == window[0].len() && before.len() >= WIDTH;
        let outer = window[0].start..window.last().map_or(end, |last| last.end);
        if !full && to.may(parent, &outer) {
            with_and_without(to, parent, window);
        }
    }
    Some(end)
}

/// Returns the length of the word or escape that `context` may begin within, if it is no whole line.
fn cut_word(context: &[u8]) -> usize {
    let inside = |byte: &u8| TOKEN.has(*byte) || matches!(byte, b'%' | b'\\');
    if context.len() < CONTEXT { 0 } else { context.iter().take_while(|byte| inside(byte)).count() }
}

/// Reads `parts` as one word. The last may be the text's again: it is read with it and without.
fn with_and_without(to: &mut Gathering<'_>, parent: usize, parts: &[Range<usize>]) {
    if parts.len() > 2 {
        joined(to, parent, &parts[..parts.len() - 1]);
    }
    joined(to, parent, parts);
}

fn joined(to: &mut Gathering<'_>, parent: usize, parts: &[Range<usize>]) {
    let (Some(first), Some(last)) = (parts.first(), parts.last()) else { return };
    let (from, offsets) = (to.text.len(), to.offsets.len());
    let mut breaks = Vec::with_capacity(parts.len());
    for part in parts {
        breaks.push((to.text.len() - from) as u32);
        to.offsets.extend(part.clone().map(|at| at as u32));
        to.text.extend_from_slice(&to.texts.text[part.clone()]);
    }
    to.offsets.push(last.end as u32);
    to.view(parent, first.start..last.end, from, How::Folded { offsets, breaks: breaks.split_off(1) });
}

/// Returns where the next line's first word starts, if a line ends at `at`.
fn next_line(text: &[u8], at: usize) -> Option<usize> {
    let (mut next, mut breaks) = (at, 0);
    for _ in 0..INDENT {
        let Some(unit) = unit_at(text, next) else { break };
        match unit.byte {
            b' ' | b'\t' if breaks > 0 => {}
            b'\n' | b'\r' if breaks < 2 => breaks += 1,
            _ => break,
        }
        next += unit.len;
    }
    (breaks > 0).then_some(next)
}

/// What was found in the texts that views were read from, ascending.
pub struct Seen {
    /// What is beyond doubt.
    pub proven: Vec<Range<usize>>,
    /// Every secret.
    pub secret: Vec<Range<usize>>,
}

/// Tells whether `one`, found in the view `read` with these `breaks`, is a folded value: it goes over
/// a break, and if it was whole before the last one, as far as `seen` tells and what was found without
/// the `last` word, what goes on looks like more of it.
pub fn holds(one: &Found, read: &[u8], breaks: &[u32], places: &[u32], seen: &Seen, last: &Range<usize>) -> bool {
    if one.inside.is_some() {
        return true;
    }
    let crossed = &breaks[..breaks.partition_point(|at| (*at as usize) < one.span.end)];
    let Some(over) = crossed.last().map(|at| *at as usize).filter(|at| *at > one.span.start && one.kind.secret())
    else {
        return false;
    };
    let (from, before) = (places[one.span.start] as usize, places[over - 1] as usize);
    let whole = |spans: &[Range<usize>]| {
        let known = spans.partition_point(|span| span.end <= before);
        let mut spans = spans.get(known).into_iter().chain([last]);
        spans.any(|span| span.contains(&before) && span.end > from)
    };
    let better = one.confidence == Confidence::Proven && !whole(&seen.proven);
    better || !whole(&seen.secret) || is_restless(&read[over..one.span.end])
}

/// Makes `one` no surer than it is: what has no checksum may go on behind a break by a word that
/// happens to stand there. It is hidden, and wakes nobody.
pub fn doubt(one: &mut Found, read: &[u8], breaks: &[u32]) {
    let last = breaks.iter().rev().map(|at| *at as usize).find(|at| *at > one.span.start && *at < one.span.end);
    let word = |tail: &[u8]| tail.iter().all(u8::is_ascii_lowercase);
    if matches!(one.kind, Kind::Rule(_)) && last.is_some_and(|at| word(&read[at..one.span.end])) {
        one.confidence = Confidence::Suspected;
    }
}

/// Tells whether `text` looks like a part of a key: its characters are of many classes.
fn is_restless(text: &[u8]) -> bool {
    text.len() >= TELLING && changes(text) * 100 >= (text.len() - 1) * RESTLESS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_goes_on_behind_any_break_and_its_indent() {
        for text in ["ab\ncd", "ab\r\ncd", "ab\r\n  cd", r"ab\ncd", r"ab\r\n\tcd", r"ab\\r\\ncd", "ab%0D%0Acd"] {
            assert_eq!(next_line(text.as_bytes(), 2).map(|at| &text[at..]), Some("cd"), "{text}");
        }
        for text in ["ab cd", "ab\n\n\ncd", "abcd", "ab\tcd", r"ab\tcd", r"ab\t\ncd"] {
            assert_ne!(next_line(text.as_bytes(), 2).map(|at| &text[at..]), Some("cd"), "{text}");
        }
    }

    #[test]
    fn a_word_goes_on_over_a_break_from_both_sides_if_it_is_long() {
        for (before, between, behind) in [
            ("abcdefghijkl", r"\r\n", "mn"),
            (r"abcdef\u002bghijk", r"\n", "mn"),
            (r"\/bcdef\/ghijk\/", r"\\r\\n", r"\/mn"),
            ("abcdefghijk%2B", "\r\n  ", "mn"),
            ("abcdefghijkl", "%0D%0A", "mn"),
        ] {
            let text = [before, between, behind].concat();
            let next = before.len() + between.len();
            assert_eq!(onwards(text.as_bytes(), before.len()), Some(next), "{text}");
            assert_eq!(backwards(text.as_bytes(), next), Some(before.len()), "{text}");
        }
        for (before, between, behind) in [
            ("abcdefghijk", "\n", "mn"),
            ("abcdefghijkl", " ", "mn"),
            ("abcdefghijkl", "\n\n\n", "mn"),
            ("abcdefghijkl", "\n", ""),
        ] {
            let text = [before, between, behind].concat();
            assert_eq!(onwards(text.as_bytes(), before.len()), None, "{text}");
        }
        assert_eq!(backwards(b"abcdefghijk\nmn", 12), None);
        assert_eq!(backwards(b"abcdefghijkl mn", 13), None);
    }

    #[test]
    fn a_named_value_goes_on_where_the_rest_of_a_key_stands_and_nowhere_else() {
        let first = "kDgHHLXOqipdiurNIuy4iD";
        let goes = |first: &str, rest: &str| goes_on(format!("{first}{rest}").as_bytes(), 0..first.len()) > first.len();
        for rest in
            ["\nf11NAV2SZr_4x", "\\nf11NAV2SZr_4x\"", "\r\n  f11NAV2SZr_4x and so", "\nf11NAV\\/2SZr%2B4x3w==;Y=1"]
        {
            assert!(goes(first, rest), "{rest}");
        }
        for rest in [
            "",
            "\n",
            " f11NAV2SZr_4x",
            "\nf11NAV2SZr_4x and so",
            "\nAccept: b",
            "\nX-Req-1a2B: c",
            "\n2026-03-02T08:00:00Z a",
            "\nGET /api/v1/Ab3dE HTTP/1.1",
            "\nSystem.InvalidOperationException",
            "\n\n\nf11NAV2SZr_4x",
            "\nf11NAV/2SZr+4x==;Y=1",
            "\nDB1_PWD=\"hunter2\"",
            "\nX1_Y2_Z3=\"hunter2\"",
            "\nDB1_PWD=hunter,2more",
            "\nP1v3",
            "\n466b2784acf5c115466b2784acf5c115",
        ] {
            assert!(!goes(first, rest), "{rest}");
        }
        for whole in [
            "466b2784acf5c115466b2784acf5c115",
            "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0",
            "kDgHHLXOqipdiurNIuy4iD==",
            "hunter2",
            "azure-function-key:k1:PV4ALWT5YGMLQRY2",
        ] {
            assert!(!goes(whole, "\nf11NAV2SZr_4x"), "{whole}");
        }
    }

    #[test]
    fn keys_are_restless_and_words_are_not() {
        for text in ["aB3kQ9zP", "0f1e2d3c4b5a", "x7Kd9fLmQ2pZ"] {
            assert!(is_restless(text.as_bytes()), "{text}");
        }
        for text in ["System.InvalidOperationException", "User", "message", "2026", "authentication-failed"] {
            assert!(!is_restless(text.as_bytes()), "{text}");
        }
    }
}
