//! Where does the value behind this name begin and end?
//!
//! Names and values meet as `name=value`, `name%3Dvalue`, `"name":"value"`, `\"name\":\"value\"`,
//! `\u0022name\u0022:\u0022value\u0022`, `'name':'value'`, `Name: value`, `<name>value</name>`,
//! `"name":{"value":"…"}`, and `{"name":"x-functions-key","value":"…"}`,
//! `{"key":"x-functions-key","value":{"stringValue":"…"}}`. A quoted value ends at its own quote, counted
//! by its backslashes, so what is hidden never cuts an escape in two. One pass, forwards.

use std::ops::Range;

use super::bytes::{Set, hex, starts_with, unit_at};
use super::element;
use super::pairs::{behind_type, bracketed, byte, member, paired};
use super::spaces::{blanks, ends_text, separator, spaces};

/// How a value is quoted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quote {
    /// Not at all.
    Bare,
    /// By `"`, inside this many strings.
    Double(u8),
    /// By `'`.
    Single,
    /// By `'` behind this many backslashes: Linux hosts write every `"` as `'`, and so `\"` as `\'`.
    Slashed(u8),
    /// By an escape that stands for a quote (`%22`, `\u0022`), of this many bytes.
    Escape(u8),
    /// By the element whose value it is, which ends here.
    Element(usize),
}

/// Where a value begins, and what is known of its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Its first byte.
    pub start: usize,
    /// How it is quoted.
    pub quote: Quote,
    /// Whether `=` stands before it rather than `:`.
    pub equals: bool,
    /// Whether it is the first of a JSON array.
    pub listed: bool,
    /// Whether it names its type, as OpenTelemetry's `{"stringValue":"…"}` does.
    pub typed: bool,
    /// How often its separator is percent-encoded.
    pub(super) level: u8,
}

/// How .NET names the field behind a property, behind the property's name in brackets.
const FIELD: &[u8] = b"k__BackingField";

/// How many blanks a table may have between a name and its separator.
const COLUMN: usize = 40;
/// The longest part of a value behind a sign that may have ended it.
const PART: usize = 64;
/// The longest value in braces.
const BRACED: usize = 128;

const CONTROLS: &[u8] = b"\0\x01\x02\x03\x04\x05\x06\x07\x08\t\n\x0b\x0c\r\x0e\x0f\
    \x10\x11\x12\x13\x14\x15\x16\x17\x18\x19\x1a\x1b\x1c\x1d\x1e\x1f\x7f";

const fn stops(more: &[u8]) -> Set {
    Set::of(CONTROLS).and(b" \"'<>`").and(more)
}

/// Ends a value in a URL's query.
pub const QUERY: Set = stops(b"&#");
/// Ends an assigned value.
pub const ASSIGNED: Set = stops(b"&;");
/// Ends a value in a connection string, where `&` belongs to it.
pub const CONNECTION: Set = stops(b";");
/// Ends a header's value of one word.
pub const WORD: Set = stops(b",;");
/// Ends a line, or its column.
pub const LINE: Set = Set::of(b"\r\n\t\0\"'");

/// Returns where the value behind a name begins that ends at `at`.
pub fn after(text: &[u8], at: usize) -> Option<Place> {
    let at = behind_field(text, at);
    let closing = quote_at(text, at);
    if closing.is_none()
        && unit_at(text, at).is_some_and(|unit| unit.byte == b'>' || unit.byte.is_ascii_whitespace())
        && let Some(inside) = element::value(text, at)
    {
        return Some(in_element(inside));
    }
    if let Some((_, len)) = closing
        && let Some(end) = behind_index(text, at + len)
    {
        return opened(text, end, None);
    }
    let at = if closing.is_none() { behind_bracket(text, at) } else { at };
    let at = before_separator(text, at + closing.map_or(0, |(_, len)| len));
    if let Some((quote, _)) = closing
        && text.get(at) == Some(&b',')
    {
        return paired(text, at + 1, quote);
    }
    // `<add key="name" value="…" />`
    if let Some((quote, _)) = closing
        && starts_with(&text[at..], b"value")
    {
        return opened(text, at + b"value".len(), None).filter(|place| place.quote == quote && place.equals);
    }
    if closing.is_none() && text.get(at) == Some(&b',') {
        return bracketed(text, at);
    }
    opened(text, at, closing.map(|(quote, _)| quote))
}

/// Returns where the name ends, if a bracket closes it that ends at `at`, or a pair of them, as in the names of forms:
/// `user[password]=…`, `code[]=…`.
fn behind_bracket(text: &[u8], at: usize) -> usize {
    let bracket =
        |at: usize, wanted: u8| unit_at(text, at).filter(|unit| unit.byte == wanted).map(|unit| at + unit.len);
    let end = bracket(bracket(at, b'[').unwrap_or(at), b']');
    let named = |end: &usize| separator(text, before_separator(text, *end)).is_some_and(|(equals, ..)| equals);
    end.filter(named).unwrap_or(at)
}

/// Returns where the separator stands behind a quoted name in brackets, `config["password"] = …`; it ends at `at`.
fn behind_index(text: &[u8], at: usize) -> Option<usize> {
    let bracket = unit_at(text, at).filter(|unit| unit.byte == b']')?;
    let end = before_separator(text, at + bracket.len);
    separator(text, end).filter(|(equals, ..)| *equals).map(|_| end)
}

/// Passes the blanks before the separator at `at`: a table of names and values has many.
fn before_separator(text: &[u8], at: usize) -> usize {
    let end = spaces(text, at);
    let more = end + text.get(end..).unwrap_or_default().iter().take(COLUMN).take_while(|byte| **byte == b' ').count();
    if more > end && separator(text, more).is_some() { more } else { end }
}

/// Returns where the value begins of the element whose name ends at `at`, if it is cut off and was one to the eye.
pub fn cut_off(text: &[u8], at: usize) -> Option<Place> {
    element::cut_off(text, at).map(in_element)
}

/// Returns where the value begins that stands before the `name` that closes its element, or in the element behind its.
pub fn in_markup(text: &[u8], name: &Range<usize>) -> Option<Place> {
    element::closed_by(text, name.end).or_else(|| element::paired(text, name.clone())).map(in_element)
}

fn in_element(inside: Range<usize>) -> Place {
    let (start, quote) = (inside.start, Quote::Element(inside.end));
    Place { start, quote, equals: true, listed: false, typed: false, level: 0 }
}

/// Returns where the name ends, if it ends at `at` for what it is called: .NET calls the field behind a property
/// `<Name>k__BackingField`.
fn behind_field(text: &[u8], at: usize) -> usize {
    let bracket = unit_at(text, at).filter(|unit| unit.byte == b'>').map_or(0, |unit| unit.len);
    let end = at + bracket + FIELD.len();
    let named = bracket > 0 && text.get(at + bracket..end) == Some(FIELD) && quote_at(text, end).is_some();
    if named { end } else { at }
}

/// Reads the separator at `at` and what opens the value; `closing` is the quote behind the name.
pub fn opened(text: &[u8], at: usize, closing: Option<Quote>) -> Option<Place> {
    let (equals, level, len) = separator(text, at)?;
    let mut at = spaces(text, at + len);
    // A parameter of a deployment: `"adminPassword":{"value":"…"}`.
    if let (Some(quote), Some(b'{')) = (closing, text.get(at)) {
        let inside = member(text, at + 1, quote, b"value")
            .or_else(|| member(text, behind_type(text, at + 1, quote)?, quote, b"value"))?;
        let (opening, len) = quote_at(text, inside).filter(|(opening, _)| *opening == quote)?;
        return Some(Place { start: inside + len, quote: opening, equals, listed: false, typed: false, level });
    }
    let listed = closing.is_some() && text.get(at) == Some(&b'[');
    if listed {
        at = spaces(text, at + 1);
    }
    at = behind_prefix(text, at);
    let (quote, len) = match (closing, quote_at(text, at)) {
        (Some(name), Some((value, len))) if name == value => (value, len),
        // A number or an object: it can't be replaced by a word.
        (Some(_), _) => return None,
        // `"…password="`: the quote ends the text, it opens nothing.
        (None, Some((_, len))) if ends_text(text, at + len) => return None,
        (None, Some(opening)) => opening,
        // `Header=[value]`: the bracket is none of the value's.
        (None, None) => (Quote::Bare, usize::from(equals && text.get(at) == Some(&b'['))),
    };
    Some(Place { start: at + len, quote, equals, listed, typed: false, level })
}

/// Passes what a literal begins with before its quote: `N'…'` in SQL, `b'…'` and `r"…"` in Python.
fn behind_prefix(text: &[u8], at: usize) -> usize {
    let letters = text[at..].iter().take(2).take_while(|byte| b"NnBbRrUuFf".contains(byte)).count();
    let quote = quote_at(text, at + letters).filter(|(quote, _)| letters > 0 && !matches!(quote, Quote::Escape(_)));
    quote.filter(|(_, len)| !ends_text(text, at + letters + len)).map_or(at, |_| at + letters)
}

/// Returns where the next value of the same array begins, behind the one that ends at `end`.
pub fn next_listed(text: &[u8], end: usize, place: Place) -> Option<Place> {
    let (quote, len) = quote_at(text, end).filter(|_| place.listed)?;
    let mut at = blanks(text, end + len);
    if place.typed {
        at = blanks(text, byte(text, at, b'}')?);
    }
    at = blanks(text, byte(text, at, b',')?);
    if place.typed {
        at = member(text, byte(text, at, b'{')?, quote, b"stringValue")?;
    }
    let (next, len) = quote_at(text, at)?;
    (next == quote).then_some(Place { start: at + len, ..place })
}

/// Returns where the value at `place` ends; `stop` ends it if it is not quoted.
pub fn end(text: &[u8], place: Place, stop: &Set) -> usize {
    match place.quote {
        Quote::Bare => braced(text, place).unwrap_or_else(|| bare(text, place.start, place.level, stop)),
        Quote::Double(level) => double(text, place.start, level),
        Quote::Single => single(text, place.start),
        Quote::Slashed(run) => slashed(text, place.start, run.into()),
        Quote::Escape(len) => escaped(text, place.start, len),
        Quote::Element(end) => end,
    }
}

/// Returns where the value in braces at `place` ends: in a connection string of ODBC they quote it.
fn braced(text: &[u8], place: Place) -> Option<usize> {
    let rest = text.get(place.start..).filter(|rest| place.equals && rest.first() == Some(&b'{'))?;
    let length =
        rest.iter().skip(1).take(BRACED).position(|byte| matches!(byte, b'{' | b'}' | b'"' | b'\'' | b'\n'))?;
    let end = place.start + length + 2;
    let closed = rest[length + 1] == b'}' && text.get(end).is_none_or(|next| matches!(next, b';' | b'"' | b'\''));
    closed.then_some(end)
}

fn bare(text: &[u8], start: usize, level: u8, stop: &Set) -> usize {
    let mut at = start;
    while let Some(&byte) = text.get(at) {
        match byte {
            b'\\' => match unit_at(text, at) {
                Some(unit) if unit.escaped && stop.has(unit.byte) && !is_blank_in(&text[start..at], unit.byte) => break,
                Some(unit) if unit.escaped => at += unit.len,
                _ => {
                    let run = text[at..].iter().take(8).take_while(|byte| **byte == b'\\').count();
                    if matches!(text.get(at + run), None | Some(b'"' | b'\'')) || breaks_off(&text[at..]) {
                        break;
                    }
                    at += run;
                }
            },
            b'%' if at > start && breaks_off(&text[at..]) => break,
            b'%' if level > 0 => match unit_at(text, at) {
                // One level deeper than its separator: the value's own escape.
                Some(unit) if unit.len == 5 && level == 1 => at += unit.len,
                Some(unit) if unit.escaped && stop.has(unit.byte) => break,
                Some(unit) => at += unit.len,
                None => break,
            },
            // Where separators are encoded, this one stands between what is encoded and what follows.
            b'&' if level > 0 => break,
            b'<' | b'\'' | b'`' if at > start && goes_on(&text[at + 1..], stop) => at += 1,
            _ if stop.has(byte) && !is_blank_in(&text[start..at], byte) => break,
            _ => at += 1,
        }
    }
    while at > start && is_left_off(text[at - 1]) {
        at -= 1;
    }
    at
}

/// Tells whether a value goes on behind a sign that quotes or opens elsewhere: what follows ends as a parameter does.
fn goes_on(rest: &[u8], stop: &Set) -> bool {
    let ends =
        |byte: &u8| !byte.is_ascii_graphic() || matches!(byte, b'"' | b'\'' | b'<' | b'>' | b'`' | b'\\' | b'&' | b';');
    let end = rest.iter().take(PART).position(ends);
    let next = end.filter(|end| *end > 0 && rest[0].is_ascii_alphanumeric()).map(|end| rest[end]);
    next.is_some_and(|next| matches!(next, b'&' | b';') && stop.has(next))
}

/// Tells whether `byte`, which ends a value, is the tab between two parts of a line, of which `before` is read.
fn is_blank_in(before: &[u8], byte: u8) -> bool {
    byte == b'\t' && matches!(before, [.., b';' | b','])
}

/// Tells whether no value that is not quoted ends with `sign`: the sentence around it goes on.
pub const fn is_left_off(sign: u8) -> bool {
    matches!(sign, b',' | b'.' | b')' | b']' | b'}' | b';' | b':')
}

/// Tells whether `rest` is an escape that breaks off, or percent in percent of which both do, and nothing else. No
/// value holds it, for it may go on in the next line, if what was read is base64: where it can't it is a value's all
/// the same ([`super::Found::take_rest`]).
pub fn breaks_off(rest: &[u8]) -> bool {
    let digit = |digit: u8| hex(digit).is_some();
    match *rest {
        [b'%'] | [b'%', b'%'] => return true,
        [b'%', one] | [b'%', b'%', one] | [b'%', one, b'%'] => return digit(one),
        [b'%', one, b'%', other] => return digit(one) && digit(other),
        _ => {}
    }
    let Some(sign) = rest.iter().take(8).position(|byte| *byte != b'\\').filter(|run| *run > 0) else {
        return false;
    };
    let digits = rest[sign..].strip_prefix(b"u");
    digits.is_some_and(|digits| digits.len() < 4 && digits.iter().all(|one| digit(*one)))
}

fn double(text: &[u8], start: usize, level: u8) -> usize {
    for stop in memchr::memchr2_iter(b'"', b'\n', &text[start..]) {
        let stop = start + stop;
        if text[stop] == b'\n' {
            return stop;
        }
        let run = text[start..stop].iter().rev().take_while(|byte| **byte == b'\\').count();
        if let Some(own) = closing(run, level) {
            return stop - own.min(stop - start);
        }
    }
    text.len()
}

/// Returns how many backslashes belong to a `"` behind `run` of them, if it closes a string inside at most `level`
/// others.
pub fn closing(mut run: usize, level: u8) -> Option<usize> {
    for depth in 0..=level {
        if run.is_multiple_of(2) {
            return Some((1 << depth) - 1);
        }
        run = (run - 1) / 2;
    }
    None
}

fn single(text: &[u8], start: usize) -> usize {
    let stop = text[start..].iter().position(|byte| matches!(byte, b'\'' | b'"' | b'\n'));
    stop.map_or(text.len(), |stop| {
        let stop = start + stop;
        if text[stop] == b'"' { stop - slashes_before(&text[start..stop]) } else { stop }
    })
}

/// Returns where the value ends that is quoted by `'` behind `run` backslashes: at one behind as many, or fewer.
fn slashed(text: &[u8], start: usize, run: usize) -> usize {
    for stop in memchr::memchr3_iter(b'\'', b'"', b'\n', &text[start..]).map(|stop| start + stop) {
        let before = text[start..stop].iter().rev().take_while(|byte| **byte == b'\\').count();
        match text[stop] {
            b'\n' => return stop,
            b'\'' if before > run => {}
            _ => return stop - before,
        }
    }
    text.len()
}

/// Returns how many backslashes `text` ends with, all of them.
fn slashes_before(text: &[u8]) -> usize {
    text.iter().rev().take_while(|byte| **byte == b'\\').count()
}

fn escaped(text: &[u8], start: usize, len: u8) -> usize {
    let mut at = start;
    while let Some(unit) = unit_at(text, at) {
        match unit.byte {
            b'"' if !unit.escaped => return at - slashes_before(&text[start..at]),
            b'\n' if !unit.escaped => return at,
            b'"' | b'\'' if unit.escaped && unit.len <= len.into() => return at,
            _ => at += unit.len,
        }
    }
    text.len()
}

/// Returns the quote at `at` and its length.
pub fn quote_at(text: &[u8], at: usize) -> Option<(Quote, usize)> {
    let unit = unit_at(text, at)?;
    if unit.escaped {
        return matches!(unit.byte, b'"' | b'\'').then_some((Quote::Escape(unit.len as u8), unit.len));
    }
    if unit.byte == b'\'' {
        return Some((Quote::Single, 1));
    }
    let run = text[at..].iter().take(32).take_while(|byte| **byte == b'\\').count();
    if run > 0 && text.get(at + run) == Some(&b'\'') {
        return Some((Quote::Slashed(run as u8), run + 1));
    }
    let level = match run {
        0 => 0,
        1 => 1,
        3 => 2,
        7 => 3,
        15 => 4,
        31 => 5,
        _ => return None,
    };
    (text.get(at + run) == Some(&b'"')).then_some((Quote::Double(level), run + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The value behind the first `name` in `text`.
    fn value(text: &str) -> Option<&str> {
        let place = after(text.as_bytes(), text.find("name").unwrap() + 4)?;
        Some(&text[place.start..end(text.as_bytes(), place, &ASSIGNED)])
    }

    #[test]
    fn a_value_is_found_in_every_form_of_writing() {
        let forms = [
            "name=abc&x",
            "name=abc",
            "name=abc;d",
            "?name%3Dabc%26x%3D1",
            "name%253Dabc%2526",
            r#"{"name":"abc"}"#,
            r#"{"name" : "abc"}"#,
            r#"{\"name\":\"abc\"}"#,
            r#"{\\\"name\\\":\\\"abc\\\"}"#,
            "{'name':'abc'}",
            "name: abc\r\n",
            r"name: abc\r\n",
            r#"{"name":["abc"]}"#,
            r#"{"x":"name","value":"abc"}"#,
            "{\"x\" : \"name\",\n    \"value\" : \"abc\"}",
            r#"{"key":"name","value":{"stringValue":"abc"}}"#,
            r#"{\"key\":\"name\",\"value\":{\"stringValue\":\"abc\"}}"#,
            "{\n  \"key\": \"name\",\n  \"value\": {\n    \"stringValue\": \"abc\"\n  }\n}",
            r#"{"key":"name","value":{"arrayValue":{"values":[{"stringValue":"abc"}]}}}"#,
            r"{\u0022name\u0022:\u0022abc\u0022}",
            "%22name%22%3A%22abc%22",
            r#"{"m":"name=abc"}"#,
            "(name=abc).",
            r#"{"m":"a name=abc\u0026x"}"#,
            r#"name=\"abc\""#,
            "<name>abc</name>",
            r#"<add key="name" value="abc" />"#,
            r#"{"m":"<input id=\"name\" value=\"abc\">"}"#,
            r#"{"m":"<a:name>abc<\/a:name>"}"#,
            r"\u003cname\u003eabc\u003c/name\u003e",
            r#"{"name":{"value":"abc"}}"#,
            r#"{"name":{"type":"SecureString", "value":"abc"}}"#,
            "<name a=\"b\">abc</name>",
            "<name><![CDATA[abc]]></name>",
            r#"{\"name\": {\"value\": \"abc\"}}"#,
        ];
        for form in forms {
            assert_eq!(value(form), Some("abc"), "{form}");
        }
    }

    #[test]
    fn a_value_keeps_the_escapes_that_belong_to_it() {
        assert_eq!(value(r#"{"name":"a\"b\\"}"#), Some(r#"a\"b\\"#));
        assert_eq!(value(r#"{\"name\":\"a\\\"b\",\"x\":1}"#), Some(r#"a\\\"b"#));
        assert_eq!(value(r#""name=a\/b\u002Bc""#), Some(r"a\/b\u002Bc"));
        assert_eq!(value("name%3Da%252Fb%26"), Some("a%252Fb"));
    }

    #[test]
    fn an_escape_that_breaks_off_ends_a_value_with_the_text_alone() {
        assert_eq!(value(r"name=hunter\uabc"), Some("hunter"));
        assert_eq!(value(r"name=hunter\u"), Some("hunter"));
        assert_eq!(value(r#""name=hunter\uab""#), Some(r"hunter\uab"));
        assert_eq!(value(r"name=hunter\uabc&x"), Some(r"hunter\uabc"));
    }

    #[test]
    fn the_structure_around_a_text_is_no_value() {
        let none = [
            r#"{"m":"name=","x":1}"#,
            r#"{"name":1}"#,
            r#"{"name":{"a":"b"}}"#,
            r#"{"name":null}"#,
            "name of",
            "a name> b",
            "List<x> name>b",
            "List<name> b",
            "-u <name> c</x>",
        ];
        for text in none {
            assert_eq!(value(text), None, "{text}");
        }
        assert_eq!(value(r#"{"name":""}"#), Some(""));
    }
}
