//! Does the name before a value make it a secret?
//!
//! A hit is the end of a name; the whole name is read around it and says what follows. Where a
//! value has been hidden, the search goes on behind its plain end (`ends`). A value that yields to its parts is
//! walked once, however many names are in it.

use std::ops::Range;

use super::authorization::{authorization, is_space, looks_opaque};
use super::bytes::{NAME, ends_with, run_of, starts_name, unit_at, unit_before};
use super::cookie;
use super::dummy::is_dummy;
use super::ends::{Member, Shapes, in_list};
use super::little::{is_guid, is_hexadecimal, is_reference, is_word_of, says_little, says_nothing, too_short};
use super::names::{self, Rule, rule};
use super::pairs;
use super::person::is_address;
use super::value::{self, Place, Quote};
use super::{Found, Kind, sas, service};
use crate::redaction::fingerprint::{is_fingerprint, is_last_part, tail_at};
use crate::telemetry::Confidence;

/// The longest name that is read.
const LONGEST: usize = 64;
/// What XML writes behind the name of a property, in the name of the field that .NET keeps it in.
const FIELD: &[u8] = b"_x003E_k__BackingField";
/// How far around a `code=` its path is looked for.
const AROUND: usize = 512;

/// The walk over one text's names.
#[derive(Default)]
pub struct Walk {
    /// Up to where a value that yields has been walked.
    outer: usize,
    /// Where the last name ended of which a rule tells: it may be hit often.
    ruled: usize,
    /// Up to where parameters around a signature have been read.
    read: usize,
    /// What is whole for its shape.
    shapes: Shapes,
    /// Whether the text is a stretch of another: it ends where that goes on.
    stretch: bool,
}

impl Walk {
    /// Returns a walk that has not begun, over a text or a `stretch` of one.
    pub fn over(stretch: bool) -> Self {
        Self { stretch, ..Self::default() }
    }

    /// Settles the name around `hit..end`; `separator` is 0 if the name may go on behind it.
    /// Returns where to go on, if that is behind the hit.
    pub fn name(
        &mut self,
        text: &[u8],
        hit: usize,
        end: usize,
        separator: usize,
        found: &mut Vec<Found>,
    ) -> Option<usize> {
        let end = if separator == 0 { end + run_of(&text[end..], &NAME, LONGEST) } else { end };
        if let Some(len) = tail_at(&text[end..]) {
            return Some(end + len);
        }
        let before = text[..hit].iter().rev().take(LONGEST).take_while(|byte| NAME.has(**byte)).count();
        let name = &text[hit - before..end];
        if is_last_part(&text[..hit - before], name, &text[end..]) {
            return None;
        }
        let last = |word: &[u8]| ends_with(name, word) && starts_name(text, end - word.len());
        if last(b"code") {
            return code(text, end, &mut self.shapes, found);
        }
        if last(b"sig") {
            return self.signature(text, end, found);
        }
        if last(b"cookie") || last(b"set-cookie") || last(b"cookies") {
            let set = last(b"set-cookie");
            return each(text, end, |place| cookie::header(text, place, set, &mut self.shapes, found));
        }
        if ends_with(name, b"authorization") {
            return each(text, end, |place| authorization(text, place, &mut self.shapes, found));
        }
        if let Some(confidence) = cookie::named(text, hit, name) {
            return cookie::single(text, end, confidence, &mut self.shapes, found);
        }
        if std::mem::replace(&mut self.ruled, end) == end {
            return None;
        }
        match rule(name.strip_suffix(FIELD).unwrap_or(name)) {
            Some(rule) => {
                self.ruled(text, hit - before..end, rule, found).or_else(|| self.spoken(text, hit - before..end, found))
            }
            None => self.spoken(text, hit - before..end, found),
        }
    }

    /// Hides what stands behind a name of two words, `API key: …`, if it does not look like a word.
    fn spoken(&mut self, text: &[u8], name: Range<usize>, found: &mut Vec<Found>) -> Option<usize> {
        let blank = unit_before(text, name.start).filter(|unit| is_space(unit.byte))?;
        let last = name.start - blank.len;
        let first = last - text[..last].iter().rev().take(LONGEST).take_while(|byte| NAME.has(**byte)).count();
        let rule = names::spoken(&text[first..last], &text[name.clone()])?;
        // Asked before the walk: what is walked and not hidden is walked again.
        let place = value::after(text, name.end).filter(|place| looks_opaque(&text[place.start..]))?;
        let ends = self.shapes.ends(text, place, rule.stop, found);
        // The primary key of a row.
        if is_guid(&text[ends.start..ends.whole.max(ends.start)]) {
            return None;
        }
        let sure = Rule { header: true, ..*rule };
        let opaque = looks_opaque(&text[ends.start..ends.whole.max(ends.start)]);
        (opaque && hide(text, Place { start: ends.start, ..place }, ends.whole, &sure, found)).then_some(ends.plain)
    }

    fn ruled(&mut self, text: &[u8], name: Range<usize>, rule: &Rule, found: &mut Vec<Found>) -> Option<usize> {
        if rule.yields && name.start < self.outer {
            return None;
        }
        let member = (rule.kind == Kind::Password).then(|| Member::at(text, name.start)).flatten();
        let stop = match unit_before(text, name.start).map(|unit| unit.byte) {
            // Between `;` and `;` an `&` belongs to the value.
            _ if matches!(member, Some(Member::Next | Member::Spaced)) => &value::CONNECTION,
            // `host:6380,password=…,ssl=True`
            Some(b',') if rule.kind == Kind::Password => &value::WORD,
            _ => rule.stop,
        };
        let of_service = Rule { kind: service::named(text, name.start, rule.kind).unwrap_or(rule.kind), ..*rule };
        let rule =
            if of_service.kind == rule.kind { rule } else { &Rule { confidence: Confidence::Context, ..of_service } };
        let own_header = rule.kind == Kind::ApiKey && text[name.clone()].eq_ignore_ascii_case(b"api-key");
        let mut hidden = false;
        let last = each(text, name.end, |place| {
            // Decided before the walk: what is walked and not hidden is walked again.
            if rule.strict && place.quote == Quote::Bare && !place.equals {
                return place.start;
            }
            let ends = self.shapes.ends(text, place, stop, found);
            let list = member.filter(|_| place.quote == Quote::Bare);
            let list = list.and_then(|member| in_list(text, place.start, ends.plain, member));
            let (whole, sure) = list.unwrap_or((ends.whole, ends.whole));
            // `PWD=/home/site`: where a program runs.
            let own = is_word_of(&text[name.clone()], &text[ends.start..whole.max(ends.start)]);
            // A header's own name, as it was first written: Node keeps it beside the value.
            if own && place.listed && rule.header {
                return ends.plain;
            }
            let folder = matches!(&text[name.clone()], b"PWD" | b"OLDPWD") && text.get(ends.start) == Some(&b'/');
            let doubt = Rule { confidence: Confidence::Suspected, ..*rule };
            let rule = if folder || own { &doubt } else { rule };
            let hides = hide(text, Place { start: ends.start, ..place }, whole, rule, found);
            if let Some(this) = found.last_mut().filter(|this| hides && !this.already) {
                this.value.end = sure;
            }
            hidden |= hides;
            if let Some(this) = found.last_mut().filter(|this| own_header && is_hexadecimal(&text[this.value.clone()]))
            {
                this.kind = Kind::AiKey;
            }
            ends.plain
        });
        let settled = last.map(|last| (last, hidden));
        let settled = settled.or_else(|| self.in_markup(text, name.clone(), rule, found));
        let (last, hidden) = settled.or_else(|| self.following(text, &name, rule, found))?;
        if rule.yields {
            self.outer = last;
        }
        (hidden && !rule.yields).then_some(last)
    }
}

impl Walk {
    /// Hides what stands in markup around `name`, in another way than between a start and an end of its own; of what
    /// is cut off nobody is told. Returns where that ends, and whether it is hidden.
    fn in_markup(&self, text: &[u8], name: Range<usize>, rule: &Rule, found: &mut Vec<Found>) -> Option<(usize, bool)> {
        let doubt = Rule { confidence: Confidence::Suspected, ..*rule };
        let cut_off = || value::cut_off(text, name.end).filter(|_| !self.stretch).map(|place| (place, &doubt));
        let (place, rule) = value::in_markup(text, &name).map(|place| (place, rule)).or_else(cut_off)?;
        let last = value::end(text, place, rule.stop);
        Some((last, hide(text, place, last, rule, found)))
    }

    /// Hides what stands behind `name` without a separator. Returns where that ends, and whether it is hidden.
    fn following(
        &mut self,
        text: &[u8],
        name: &Range<usize>,
        rule: &Rule,
        found: &mut Vec<Found>,
    ) -> Option<(usize, bool)> {
        let number = || pairs::number(text, name.end).filter(|_| rule.kind == Kind::Password && !rule.strict);
        let place = pairs::follows(text, name).or_else(number)?;
        let ends = self.shapes.ends(text, place, rule.stop, found);
        // `--password is required`, `"password":20260302`
        let value = &text[ends.start..ends.whole];
        let word = value.iter().all(|byte| byte.is_ascii_alphabetic() || *byte == b' ');
        let doubt = Rule { confidence: Confidence::Suspected, ..*rule };
        let rule = if word || value.iter().all(u8::is_ascii_digit) { &doubt } else { rule };
        Some((ends.plain, hide(text, Place { start: ends.start, ..place }, ends.whole, rule, found)))
    }

    /// Hides the signature behind `sig`, whose name ends at `end`, and reads what is said around it.
    fn signature(&mut self, text: &[u8], end: usize, found: &mut Vec<Found>) -> Option<usize> {
        let place = value::after(text, end)?;
        let ends = self.shapes.ends(text, place, &value::QUERY, found);
        let last = ends.whole;
        let length = last - ends.start;
        // As a member, a signature is known by its length alone: 32 bytes.
        if too_short(&text[ends.start..last], 8) || !place.equals && !is_signature(&text[ends.start..last]) {
            return None;
        }
        let confidence = if length >= 40 { Confidence::Context } else { Confidence::Suspected };
        push(text, ends.start..last, Kind::Sas, confidence, found);
        // Of several signatures in one text the first is read with all that is said around it.
        if let Some(this) = found.last_mut().filter(|this| !this.already && end >= self.read) {
            (this.facts, this.privilege, self.read) = sas::facts(text, end - b"sig".len()..last, self.read);
        }
        Some(ends.plain)
    }
}

/// Tells whether `value` is 32 bytes in base64, its signs encoded or not.
fn is_signature(value: &[u8]) -> bool {
    let mut at = 0;
    let letters = std::iter::from_fn(|| {
        let unit = unit_at(value, at)?;
        at += unit.len;
        Some(unit.byte)
    });
    let body = value.len() <= 64 && !value.contains(&b' ');
    let (letters, padding): (Vec<u8>, Vec<u8>) = letters.take(64).partition(|letter| *letter != b'=');
    let base64 = |letter: &u8| letter.is_ascii_alphanumeric() || matches!(letter, b'+' | b'/' | b'-' | b'_');
    body && letters.len() == 43 && padding.len() <= 1 && letters.iter().all(base64)
}

/// Calls `one` for the value behind a name that ends at `end`, and for the others of its array;
/// returns where the last of them ends.
fn each(text: &[u8], end: usize, mut one: impl FnMut(Place) -> usize) -> Option<usize> {
    let mut place = value::after(text, end)?;
    loop {
        let last = one(place);
        match value::next_listed(text, last, place) {
            Some(next) => place = next,
            None => return Some(last),
        }
    }
}

/// Hides the value at `place` as `rule` says; tells whether it did.
fn hide(text: &[u8], place: Place, end: usize, rule: &Rule, found: &mut Vec<Found>) -> bool {
    let span = place.start..end;
    let value = &text[span.clone()];
    if says_nothing(value) || rule.strict && too_short(value, rule.least) {
        return false;
    }
    if rule.words && value.len() <= 24 && value.iter().all(u8::is_ascii_alphabetic) {
        return false;
    }
    let address = rule.kind == Kind::Person && is_address(value);
    if is_reference(value) {
        return false;
    }
    let sure = !says_little(rule.kind, value, place)
        && value.len() >= rule.least
        && (place.quote != Quote::Bare || place.equals || rule.header);
    let confidence = if sure { rule.confidence } else { Confidence::Suspected };
    push(text, span, if address { Kind::Email } else { rule.kind }, confidence, found);
    if let Some(this) = found.last_mut().filter(|this| !this.already) {
        this.yields = rule.yields;
    }
    true
}

/// Hides `span`, unless it is a fingerprint already.
pub fn push(text: &[u8], span: Range<usize>, kind: Kind, confidence: Confidence, found: &mut Vec<Found>) {
    let value = &text[span.clone()];
    let mut this = Found::new(span, kind, confidence);
    this.already = is_fingerprint(value);
    this.dummy = is_dummy(value);
    found.push(this);
}

fn code(text: &[u8], end: usize, shapes: &mut Shapes, found: &mut Vec<Found>) -> Option<usize> {
    let place = value::after(text, end).filter(|place| place.equals)?;
    let ends = shapes.ends(text, place, &value::QUERY, found);
    let last = ends.whole;
    let span = ends.start..last;
    let value = &text[span.clone()];
    let in_query = unit_before(text, end - 4).is_none_or(|unit| matches!(unit.byte, b'?' | b'&' | b';' | b'"' | b'\''));
    if says_nothing(value) || !in_query && too_short(value, 16) {
        return None;
    }
    // Codes of currencies, vouchers and one-time passwords are short, or words.
    let word = value.len() < 12 || value.len() <= 16 && value.iter().all(u8::is_ascii_alphanumeric);
    // A number of an article, a reason: no key is made of capitals alone.
    let code = |byte: &u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || matches!(byte, b'_' | b'-');
    let word = word || is_guid(value) || value.len() < 40 && value.iter().all(code);
    let sure = in_query && !word;
    let confidence = if sure { Confidence::Context } else { Confidence::Suspected };
    let kind = if is_sign_in(text, end, last) { Kind::OauthCode } else { Kind::FunctionKey };
    push(text, span, kind, confidence, found);
    Some(ends.plain)
}

/// Tells whether the record around `start..end` is a sign-in coming back: its path says so, in the
/// same URL or in another field of the same object.
fn is_sign_in(text: &[u8], start: usize, end: usize) -> bool {
    let bound = |byte: &u8| matches!(byte, b'{' | b'}' | b'\n');
    let floor = start.saturating_sub(AROUND);
    let from = text[floor..start].iter().rposition(bound).map_or(floor, |at| floor + at);
    let ceiling = (end + AROUND).min(text.len());
    let to = text[end..ceiling].iter().position(bound).map_or(ceiling, |at| end + at);
    let shown = |part: &[u8]| {
        memchr::memmem::find(part, b".auth").is_some_and(|at| memchr::memmem::find(&part[at..], b"callback").is_some())
            || memchr::memmem::find(part, b"signin-oidc").is_some()
    };
    shown(&text[from..start]) || shown(&text[end..to]) || answers(text, start, end)
}

/// Tells whether the query around `start..end` holds what a server sends back with an authorization code (RFC 6749
/// 4.1.2, RFC 9207, OpenID Connect Session Management), and the value does not end as a key does.
fn answers(text: &[u8], start: usize, end: usize) -> bool {
    // A key ends so, however its signs are written.
    let equals =
        |end: usize| unit_before(&text[..end], end).filter(|unit| unit.byte == b'=').map(|unit| end - unit.len);
    if equals(end).and_then(equals).is_some() {
        return false;
    }
    let stops = |byte: &u8| matches!(byte, b'"' | b'\'' | b' ' | b'\n' | b'\\');
    let floor = start.saturating_sub(AROUND);
    let from = text[floor..start].iter().rposition(stops).map_or(floor, |at| floor + at + 1);
    let ceiling = (end + AROUND).min(text.len());
    let to = text[end..ceiling].iter().position(stops).map_or(ceiling, |at| end + at);
    let has = |part: &[u8]| {
        let beside = [&b"&state="[..], b"?state=", b"&session_state=", b"?session_state=", b"&iss=", b"?iss="];
        beside.iter().any(|name| memchr::memmem::find(part, name).is_some())
    };
    // An API's own parameters may be called so.
    let api = memchr::memmem::find(&text[from..start], b"/api/").is_some();
    let login = [&b"callback"[..], b"signin", b"login", b"auth"];
    let signs_in = login.iter().any(|word| memchr::memmem::find(&text[from..start], word).is_some());
    (!api || signs_in) && (has(&text[from..start]) || has(&text[end..to]))
}
