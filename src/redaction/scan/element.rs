//! Is this name an element's, and what stands in it?
//!
//! `<name>value</name>`, with a namespace, attributes or CDATA, its brackets as they are or escaped. What is cut off
//! before it is closed counts only where the text is XML to the eye, behind another tag or at the start of a string:
//! `<password>` alone is a placeholder, `List<Password>` a type, `<GetToken>d__5` a compiler's. At most 256 bytes of
//! attributes and of what stands before the element are read, 512 of the CDATA before a tag that closes one; any other
//! value is read to the next tag, CDATA to where the next begins, and 1 KiB over brackets that are escaped in another
//! way, so that all elements of a line together cost its length.

use std::ops::Range;

use super::bytes::{NAME, Unit, backslashes_before, run_of, starts_with, unit_at, unit_before};
use super::value::{Quote, closing, quote_at};

/// The longest name, with its namespace.
const NAMED: usize = 64;
/// How many bytes of attributes are read over.
const ATTRIBUTES: usize = 256;
/// How many bytes before an element are searched for the quote of the string it stands in.
const BEFORE: usize = 256;
/// How many bytes of CDATA are read backwards.
const PACKED: usize = 512;
/// How far a value is read over brackets that are written in another way than its own.
const FOREIGN: usize = 1 << 10;
/// How many quotes there may be between, of other strings.
const QUOTES: usize = 16;
/// How many blanks are read over.
const BLANKS: usize = 64;
/// The fewest bytes of a value that is cut off.
const LEAST: usize = 4;
const CDATA: &[u8] = b"![CDATA[";

/// Returns what stands in the element whose name ends at `at`, if it is closed.
pub fn value(text: &[u8], at: usize) -> Option<Range<usize>> {
    Some(Opening::of(text, at)?.closed()?.0)
}

/// Returns what stands in the element whose name ends at `at`, if it is cut off before it is closed: one word.
pub fn cut_off(text: &[u8], at: usize) -> Option<Range<usize>> {
    let opening = Opening::of(text, at)?;
    let End::Cut(end) = opening.end()? else { return None };
    let inside = opening.inside(end);
    // A quote and a colon close the name of a member.
    let behind = quote_at(text, end).and_then(|(_, len)| unit_at(text, forwards(text, end + len)));
    let named = behind.is_some_and(|unit| unit.byte == b':');
    let below = unit_at(text, opening.start).is_some_and(|unit| is_blank(&unit));
    (!named && !below && opening.is_markup() && is_word(&text[inside.clone()])).then_some(inside)
}

/// Returns what stands in the element that is closed by the name which ends at `at`: what ends as few names do is
/// looked for with a `>` behind it, which attributes keep from the name in front.
pub fn closed_by(text: &[u8], at: usize) -> Option<Range<usize>> {
    unit_at(text, at).filter(|unit| unit.byte == b'>')?;
    let name = name_before(text, at);
    let slash = unit_before(text, name).filter(|unit| unit.byte == b'/')?;
    let bracket = unit_before(text, name - slash.len).filter(|unit| unit.byte == b'<')?;
    let end = name - slash.len - bracket.len;
    let mut start = end;
    while let Some(unit) = unit_before(text, start).filter(|unit| unit.byte != b'>') {
        if unit.byte == b'<' {
            return None;
        }
        start -= unit.len;
    }
    let start = before_cdata(text, start);
    // The start of the element, whatever its attributes are.
    let mut tag = start;
    while let Some(unit) = unit_before(text, tag).filter(|unit| start - tag < ATTRIBUTES && unit.byte != b'<') {
        tag -= unit.len;
    }
    let opening = Opening::of(text, tag + (at - name)).filter(|opening| opening.name == &text[name..at])?;
    opening.closed().filter(|(_, closed)| *closed == end).map(|(inside, _)| inside)
}

/// Returns what stands behind `name`, if it stands in an element and the next one holds what it names, as in a list of
/// Apple's or Hadoop's: `<key>name</key><string>value</string>`, `<name>name</name><value>value</value>`.
pub fn paired(text: &[u8], name: Range<usize>) -> Option<Range<usize>> {
    let of = unit_before(text, name.start).filter(|unit| unit.byte == b'>').map(|unit| name.start - unit.len)?;
    let first = Opening::of(text, of).filter(|first| matches!(first.name, b"key" | b"name"))?;
    if !first.is_closed(name.end) {
        return None;
    }
    let close = tag_name(text, name.end, 2)?;
    let behind = unit_at(text, close.end).filter(|unit| unit.byte == b'>').map(|unit| close.end + unit.len)?;
    let next = tag_name(text, forwards(text, behind), 1)?;
    matches!(&text[next.clone()], b"string" | b"value").then(|| value(text, next.end)).flatten()
}

/// Returns where the name stands that begins so many signs behind `at`.
fn tag_name(text: &[u8], at: usize, signs: usize) -> Option<Range<usize>> {
    let start = (0..signs).try_fold(at, |at, _| unit_at(text, at).map(|unit| at + unit.len))?;
    Some(start..start + run_of(text.get(start..)?, &NAME, NAMED))
}

/// Returns where the name begins that ends at `at`, with its namespace.
fn name_before(text: &[u8], at: usize) -> usize {
    let mut name = at;
    while let Some(unit) =
        unit_before(text, name).filter(|unit| at - name < NAMED && (NAME.has(unit.byte) || unit.byte == b':'))
    {
        name -= unit.len;
    }
    name
}

/// Where an element ends.
enum End {
    /// At the tag that closes it.
    Closed(usize),
    /// With the string or the text around it.
    Cut(usize),
}

/// The start of an element.
struct Opening<'t> {
    text: &'t [u8],
    /// Its `<`.
    bracket: Range<usize>,
    name: &'t [u8],
    /// Where its value starts.
    start: usize,
}

impl<'t> Opening<'t> {
    /// Reads the start of the element whose name ends at `at`.
    fn of(text: &'t [u8], at: usize) -> Option<Self> {
        let name = name_before(text, at);
        let bracket = name - unit_before(text, name).filter(|unit| unit.byte == b'<')?.len..name;
        Some(Self { text, bracket, name: &text[name..at], start: behind_start(text, at)? })
    }

    /// Returns what stands in it, and where the tag begins that closes it.
    fn closed(&self) -> Option<(Range<usize>, usize)> {
        let End::Closed(end) = self.end()? else { return None };
        // `Promise<AccessToken> rejected`: a sentence goes on behind a type.
        let sentence = self.is_behind_word() && unit_at(self.text, self.start).is_some_and(|unit| is_blank(&unit));
        Some((self.inside(end), end)).filter(|(inside, _)| !sentence && !inside.is_empty())
    }

    /// Tells whether a word stands right before it, of which it may be the parameter.
    fn is_behind_word(&self) -> bool {
        let before = unit_before(self.text, self.bracket.start);
        before.is_some_and(|unit| unit.byte.is_ascii_alphanumeric() || unit.byte == b'_')
    }

    /// Tells whether it stands where markup does: first in its text or string, right behind another tag, or in the
    /// line below.
    fn is_markup(&self) -> bool {
        let line = backwards(self.text, self.bracket.start);
        let Some(before) = unit_before(self.text, line) else { return true };
        let below = line == self.bracket.start || unit_at(self.text, line).is_some_and(|unit| is_break(unit.byte));
        before.byte == b'>' && below || opened(self.text, line)
    }

    /// Returns the quote that opens the string it stands in: of those before it that are not closed before it as well.
    fn around(&self) -> Option<Quote> {
        let (mut at, mut quotes, mut closed) = (self.bracket.start, 0, [None; QUOTES]);
        let floor = at.saturating_sub(BEFORE);
        while let Some(unit) = unit_before(self.text, at).filter(|_| at > floor && quotes < QUOTES) {
            if let Some((quote, opens)) = quote_before(self.text, at) {
                match closed.iter_mut().find(|one| **one == Some(quote)) {
                    Some(one) => *one = None,
                    None if opens => return Some(quote),
                    None => closed[quotes] = Some(quote),
                }
                quotes += 1;
            }
            at -= unit.len;
        }
        None
    }

    /// Returns where its value ends.
    fn end(&self) -> Option<End> {
        let (text, json) = (self.text, is_json(self.text));
        let (mut around, mut cut, mut cdata) = (None, None, false);
        let mut at = self.start;
        while let Some(unit) = unit_at(text, at) {
            let mut behind = at + unit.len;
            match unit.byte {
                b'<' if unit.len == self.bracket.len() || !unit.escaped || at - self.start > FOREIGN => {
                    let begins = starts_with(&text[behind..], CDATA);
                    match (begins, cdata) {
                        (true, false) => cdata = true,
                        (false, true) => {}
                        (false, false) if self.is_closed(at) => return Some(End::Closed(at)),
                        _ => return cut.map(End::Cut),
                    }
                }
                b']' if cdata => {
                    if let Some(end) = behind_cdata(text, behind) {
                        (cdata, behind) = (false, end);
                    }
                }
                b'"' | b'\'' => {
                    let around = around.get_or_insert_with(|| self.around());
                    if let Some((end, last)) = self.string_end(at, unit, *around, json) {
                        let cut = *cut.get_or_insert(end);
                        if last {
                            return Some(End::Cut(cut));
                        }
                    }
                }
                // Between two parameters stands what is not encoded.
                b'&' | b' ' if self.is_percent() && !unit.escaped => return Some(End::Cut(cut.unwrap_or(at))),
                _ => {}
            }
            at = behind;
        }
        Some(End::Cut(cut.unwrap_or(text.len())))
    }

    /// Returns where the string `around` ends, if the quote at `at` closes it, and whether nothing behind that can
    /// belong to the element: the end of JSON's own string is sure, any other quote may be the value's own.
    fn string_end(&self, at: usize, unit: Unit, around: Option<Quote>, json: bool) -> Option<(usize, bool)> {
        if unit.escaped {
            let percent = self.is_percent() && self.text[at] == b'%';
            let ends = percent || matches!(around, Some(Quote::Escape(len)) if unit.len <= len.into());
            return ends.then_some((at, false));
        }
        if unit.byte == b'\'' {
            return (around == Some(Quote::Single)).then_some((at, false));
        }
        // Not as many as make one escape, but all: they tell where the string of the JSON itself ends.
        let run = self.text[self.start..at].iter().rev().take_while(|byte| **byte == b'\\').count();
        let last = json && run.is_multiple_of(2);
        match around {
            Some(Quote::Double(level)) => closing(run, level).map(|own| (at - own.min(run), last)),
            _ => Some((at - run, last)),
        }
    }

    /// Tells whether it is closed at `at`, as far as its string goes.
    fn is_closed(&self, at: usize) -> bool {
        let Some(bracket) = unit_at(self.text, at).filter(|unit| unit.byte == b'<') else { return false };
        let Some(slash) = unit_at(self.text, at + bracket.len).filter(|unit| unit.byte == b'/') else { return false };
        let from = at + bracket.len + slash.len;
        let same = self.text[from..].iter().zip(self.name).take_while(|(one, other)| one == other).count();
        match unit_at(self.text, from + same) {
            None => true,
            Some(unit) if same == self.name.len() && (unit.byte == b'>' || unit.byte.is_ascii_whitespace()) => true,
            Some(_) => quote_at(self.text, from + same).is_some(),
        }
    }

    /// Returns what stands between its start and `end`, without blanks and CDATA around it.
    fn inside(&self, end: usize) -> Range<usize> {
        let blank = |unit: &Unit, at: usize| is_blank(unit) && (self.text[at] != b'%' || self.is_percent());
        let (mut start, mut end) = (self.start, end);
        while let Some(unit) = unit_at(self.text, start).filter(|unit| start < end && blank(unit, start)) {
            start += unit.len;
        }
        let text = &self.text[..end];
        while let Some(unit) = unit_before(text, end).filter(|unit| start + unit.len <= end) {
            if !blank(&unit, end - unit.len) {
                break;
            }
            end -= unit.len;
        }
        let behind = unit_at(text, start).filter(|unit| unit.byte == b'<').map(|unit| start + unit.len);
        if let Some(cdata) = behind.filter(|at| starts_with(&text[*at..end.max(*at)], CDATA)) {
            start = cdata + CDATA.len();
            end = before(text, before(text, before(text, end, b'>'), b']'), b']');
        }
        start..end.max(start)
    }

    fn is_percent(&self) -> bool {
        self.text[self.bracket.start] == b'%'
    }
}

/// Tells whether `value`, which was cut off, may be one: it is a word, and no rest of a sentence, of a URL or of a
/// compiler's name behind a placeholder.
fn is_word(value: &[u8]) -> bool {
    let begins = !matches!(value, [b'&' | b'@' | b'/' | b'?' | b'.' | b':' | b'-' | b'_' | b',' | b';', ..]);
    let begins = begins && !matches!(value, [b')' | b']' | b'|' | b'=' | b'\\', ..]);
    let compiled = matches!(value, [b'a'..=b'z', b'_', b'_', ..]);
    let (mut at, mut word) = (0, true);
    while let Some(unit) = unit_at(value, at) {
        word &= !is_blank(&unit) && unit.byte != b'>';
        at += unit.len;
    }
    value.len() >= LEAST && begins && !compiled && word
}

/// Tells whether the quote that ends at `behind`, if there is one, opens a string.
fn opened(text: &[u8], behind: usize) -> bool {
    quote_before(text, behind).is_some_and(|(_, opens)| opens)
}

/// Returns the quote that ends at `behind`, and whether it opens a string.
fn quote_before(text: &[u8], behind: usize) -> Option<(Quote, bool)> {
    let unit = unit_before(text, behind).filter(|unit| matches!(unit.byte, b'"' | b'\''))?;
    let at = behind - unit.len;
    let at = at - if unit.escaped { 0 } else { backslashes_before(&text[..at]) };
    let before = unit_before(text, backwards(text, at));
    let opens = before.is_none_or(|unit| matches!(unit.byte, b':' | b'[' | b',' | b'{' | b'('));
    quote_at(text, at).filter(|(_, len)| at + len == behind).map(|(quote, _)| (quote, opens))
}

/// Returns the place behind the `>` that ends the start of the element whose name ends at `at`.
fn behind_start(text: &[u8], at: usize) -> Option<usize> {
    let (mut here, mut last, mut inside) = (at, 0, None);
    while let Some(unit) = unit_at(text, here).filter(|_| here - at <= ATTRIBUTES) {
        if let Some((quote, len)) = quote_at(text, here) {
            match inside {
                None if last == b'=' => inside = Some(quote),
                Some(opening) if opening == quote => inside = None,
                Some(Quote::Single | Quote::Escape(_)) if quote != Quote::Double(0) || !is_json(text) => {}
                Some(Quote::Double(level)) if !matches!(quote, Quote::Double(other) if other < level) => {}
                // It ends the text.
                _ => return None,
            }
            here += len;
            last = b'"';
            continue;
        }
        match unit.byte {
            b'>' if inside.is_none() => return (last != b'/').then_some(here + unit.len),
            b'<' => return None,
            other if here == at && !other.is_ascii_whitespace() => return None,
            other if !other.is_ascii_whitespace() => last = other,
            _ => {}
        }
        here += unit.len;
    }
    None
}

/// Returns the place behind `]>`, if CDATA, of which one `]` stands before `at`, ends with that.
fn behind_cdata(text: &[u8], at: usize) -> Option<usize> {
    let bracket = unit_at(text, at).filter(|unit| unit.byte == b']')?;
    unit_at(text, at + bracket.len).filter(|unit| unit.byte == b'>').map(|unit| at + bracket.len + unit.len)
}

/// Returns the place before the CDATA and the blanks that end at `at`, and `at` if none does.
fn before_cdata(text: &[u8], at: usize) -> usize {
    let end = before(text, at, b'>');
    if end == at || !text[..end].ends_with(b"]]") {
        return at;
    }
    let floor = end.saturating_sub(PACKED);
    let begins = memchr::memmem::rfind(&text[floor..end], CDATA).map(|begins| floor + begins);
    begins.map_or(at, |begins| backwards(text, before(text, begins, b'<')))
}

/// Tells whether `text` is JSON, so that no string in it holds a quote as it is: `[` alone begins many a line of a
/// log, and `{` a text in other quotes. Many blanks behind `{` are the indent of the first member.
fn is_json(text: &[u8]) -> bool {
    let mut signs = text.iter().take(BLANKS).filter(|byte| !byte.is_ascii_whitespace());
    match signs.next() {
        Some(b'{') => matches!(signs.next(), None | Some(b'"' | b'}')),
        Some(b'[') => matches!(signs.next(), Some(b'{' | b'[' | b'"')),
        _ => false,
    }
}

const fn is_break(byte: u8) -> bool {
    matches!(byte, b'\n' | b'\r')
}

fn is_blank(unit: &Unit) -> bool {
    unit.byte.is_ascii_whitespace()
}

/// Returns the place before the character `byte`, if it ends at `at`, and `at` if another does.
fn before(text: &[u8], at: usize, byte: u8) -> usize {
    unit_before(text, at).filter(|unit| unit.byte == byte).map_or(at, |unit| at - unit.len)
}

/// Returns the place behind the blanks at `at`.
fn forwards(text: &[u8], at: usize) -> usize {
    let mut end = at;
    while let Some(unit) = unit_at(text, end).filter(|unit| end - at < BLANKS && is_blank(unit)) {
        end += unit.len;
    }
    end
}

/// Returns the place before the blanks that end at `at`.
fn backwards(text: &[u8], at: usize) -> usize {
    let mut start = at;
    while let Some(unit) = unit_before(text, start).filter(|unit| at - start < BLANKS && is_blank(unit)) {
        start -= unit.len;
    }
    start
}
