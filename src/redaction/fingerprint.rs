//! By what is a hidden value recognised?
//!
//! A fingerprint is `kind:key id:base32`: HMAC-SHA-256 of the value under its class's sub-key, cut
//! to 80 bits, which tells a billion values apart. Values are undone of their escapes before they
//! are hashed, so one secret has one fingerprint in a URL, in JSON and in JSON in JSON. A
//! [`Memo`] holds at most 1,024 values; beyond that values are hashed again.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;

use data_encoding::BASE32;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use siphasher::sip128::{Hasher128, SipHasher24};

use super::keyring::KeyRing;
use super::kind::{Class, Kind};
use super::links::Links;
use super::scan::bytes::{Set, hex, is_base32};
use super::scan::entity;
use crate::telemetry::Fingerprint;

/// The length of the base32 part: 80 bits.
const LENGTH: usize = 16;

/// The most characters of a kind's name.
pub const LONGEST_NAME: usize = 48;

/// How often escapes are undone: JSON in JSON in JSON, percent in percent in percent.
const ROUNDS: usize = 3;
/// What a word that is folded over lines is made of.
const FOLDED: Set = Set::word(b"+/-_.~=:!$");

/// Makes fingerprints. Its Debug shows the key's id only.
pub struct Fingerprinter {
    macs: Macs,
    /// During the overlap of a rotation: the key that is coming, and what it calls what was seen.
    coming: Option<(Macs, Arc<Links>)>,
    memo: (u64, u64),
    /// The names of the rules, by their numbers.
    rules: Vec<Arc<str>>,
}

/// One key's sub-keys, a class each.
struct Macs {
    id: String,
    secret: Hmac<Sha256>,
    person: Hmac<Sha256>,
    address: Hmac<Sha256>,
}

/// Fingerprints made before, by a keyed hash of kind and value, with those that are coming.
#[derive(Debug, Default)]
pub struct Memo(HashMap<u128, (Fingerprint, Option<Fingerprint>), BuildHasherDefault<Keyed>>);

impl Memo {
    const CEILING: usize = 1_024;

    /// Forgets everything if it is half full: a flood of values must not keep it from those that
    /// come again.
    pub fn make_room(&mut self) {
        if self.0.len() > Self::CEILING / 2 {
            self.0.clear();
        }
    }
}

/// Takes a keyed hash as it is.
#[derive(Debug, Default)]
pub struct Keyed(u64);

impl Hasher for Keyed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u128(&mut self, key: u128) {
        self.0 = key as u64;
    }
}

impl Fingerprinter {
    /// Returns the maker of fingerprints under the key in use of `keys`; `rules` names its rules.
    pub fn new(keys: &KeyRing, rules: Vec<Arc<str>>) -> Self {
        let coming = keys.coming().map(|keys| (Macs::new(&keys), Arc::default()));
        Self { macs: Macs::new(keys), coming, memo: keys.siphash_key(), rules }
    }

    /// Returns what the key that is coming calls what was seen; `None` where none is coming.
    pub fn links(&self) -> Option<&Arc<Links>> {
        self.coming.as_ref().map(|(_, links)| links)
    }

    /// Returns the fingerprint of `raw`, a value of `kind` as it stands in a record.
    pub fn of(&self, kind: Kind, raw: &[u8], memo: &mut Memo) -> Fingerprint {
        let value = normalised(kind, raw);
        let mut hasher = SipHasher24::new_with_keys(self.memo.0, self.memo.1);
        Hasher::write_usize(&mut hasher, kind.place());
        Hasher::write(&mut hasher, &value);
        let key = hasher.finish128().as_u128();
        let known = memo.0.get(&key).cloned();
        let made = known.unwrap_or_else(|| {
            let made = self.make(kind, &value);
            if memo.0.len() < Memo::CEILING {
                memo.0.insert(key, made.clone());
            }
            made
        });
        if let ((now, Some(coming)), Some((_, links))) = (&made, &self.coming) {
            links.keep(now, coming);
        }
        made.0
    }

    /// Returns the fingerprint of a secret of which only the SHA-256 is known; `name` is its kind's.
    pub fn of_hash(&self, name: &str, hash: &[u8; 32]) -> Fingerprint {
        let now = self.macs.make(Class::Secret, name, hash);
        if let Some((macs, links)) = &self.coming {
            links.keep(&now, &macs.make(Class::Secret, name, hash));
        }
        now
    }

    /// Returns the fingerprint under the key in use, and that under the one that is coming.
    fn make(&self, kind: Kind, value: &[u8]) -> (Fingerprint, Option<Fingerprint>) {
        let name =
            kind.name().unwrap_or_else(|| self.rules.get(kind.place() - Kind::ALL.len()).map_or("secret", |name| name));
        let coming = self.coming.as_ref().map(|(macs, _)| macs.make(kind.class(), name, value));
        (self.macs.make(kind.class(), name, value), coming)
    }
}

impl Macs {
    fn new(keys: &KeyRing) -> Self {
        let mac = |purpose| Hmac::<Sha256>::new(&block(&keys.derive(purpose)).into());
        Self { id: keys.id().to_owned(), secret: mac("secret"), person: mac("person"), address: mac("address") }
    }

    fn make(&self, class: Class, name: &str, value: &[u8]) -> Fingerprint {
        let mac = match class {
            Class::Secret => &self.secret,
            Class::Person => &self.person,
            Class::Address => &self.address,
        };
        let sum = mac.clone().chain_update(value).finalize().into_bytes();
        let mut text = String::with_capacity(name.len() + self.id.len() + LENGTH + 2);
        text.extend([name, ":", &self.id, ":"]);
        BASE32.encode_append(&sum[..LENGTH * 5 / 8], &mut text);
        Fingerprint(text.into())
    }
}

impl fmt::Debug for Fingerprinter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprinter({})", self.macs.id)
    }
}

/// Widens a key to HMAC's block, which is what HMAC does itself; so making one can't fail.
fn block(key: &[u8; 32]) -> [u8; 64] {
    let mut block = [0; 64];
    block[..32].copy_from_slice(key);
    block
}

/// Returns the length of the fingerprint that starts at the start of `text`, if one does in
/// exactly its shape: a kind's name, a key id, 16 characters of base32.
pub fn fingerprint_at(text: &[u8]) -> Option<usize> {
    let colon = text.iter().take(LONGEST_NAME + 1).position(|byte| *byte == b':')?;
    (colon > 0 && colon == name_before(&text[..colon])).then_some(())?;
    Some(colon + tail_at(&text[colon..])?)
}

/// Returns the length of a kind's name that `text` ends with, 0 if there is none: any word, for
/// a rule's name may be gone by the time its fingerprint is read.
pub(super) fn name_before(text: &[u8]) -> usize {
    let from = text.len().saturating_sub(LONGEST_NAME);
    let name = |byte: &&u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || **byte == b'-';
    let length = text[from..].iter().rev().take_while(name).count();
    let word = &text[text.len() - length..];
    if word.iter().any(u8::is_ascii_lowercase) { length } else { 0 }
}

/// Returns the length of a fingerprint's `:k1:BASE32` that `text` starts with.
pub fn tail_at(text: &[u8]) -> Option<usize> {
    let rest = text.strip_prefix(b":k")?;
    let digits = rest.iter().take(4).take_while(|byte| byte.is_ascii_digit()).count();
    let rest = rest[digits..].strip_prefix(b":").filter(|_| (1..=3).contains(&digits))?;
    let code = rest.get(..LENGTH)?;
    code.iter().all(|byte| is_base32(*byte)).then_some(2 + digits + 1 + LENGTH)
}

/// Tells whether `text` ends with `:k1:`, so that what follows it is a fingerprint's last part.
pub fn follows_key_id(text: &[u8]) -> bool {
    let Some(rest) = text.strip_suffix(b":") else { return false };
    let digits = rest.iter().rev().take(4).take_while(|byte| byte.is_ascii_digit()).count();
    (1..=3).contains(&digits) && rest[..rest.len() - digits].ends_with(b":k")
}

/// Tells whether `word`, which stands between `before` and `behind`, is a fingerprint's last part, perhaps
/// filled up: it may end as the name of a secret does, in `PWD` or `KEY`.
pub fn is_last_part(before: &[u8], word: &[u8], behind: &[u8]) -> bool {
    let filled = behind.iter().find(|byte| **byte != b'=').is_none_or(|next| !next.is_ascii_alphanumeric());
    word.len() == LENGTH && word.iter().all(|byte| is_base32(*byte)) && follows_key_id(before) && filled
}

/// The most `=` that a fingerprint in base64 is filled up with: three deep, any length comes out even.
pub const PADDING: usize = 26;

/// Tells whether `text` is a fingerprint and nothing else, but for `=` it may be filled up with.
pub fn is_fingerprint(text: &[u8]) -> bool {
    fingerprint_at(text).is_some_and(|length| {
        let padding = &text[length..];
        padding.len() <= PADDING && padding.iter().all(|byte| *byte == b'=')
    })
}

/// Tells whether a fingerprint stands anywhere in `text`; linear, since colons are rare.
pub fn holds_fingerprint(text: &[u8]) -> bool {
    memchr::memchr_iter(b':', text).any(|colon| tail_at(&text[colon..]).is_some() && name_before(&text[..colon]) > 0)
}

/// Returns the name of the kind of each fingerprint in `text`, in order; linear.
pub fn names_in(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    memchr::memmem::find_iter(text, b":k").filter_map(|colon| {
        tail_at(&text[colon..])?;
        let before = &text[..colon];
        let (rest, name) = before.split_at(before.len() - name_before(before));
        let name = name.get(escaped_before(rest, name)..).unwrap_or_default();
        (!name.is_empty()).then_some(name)
    })
}

/// Returns how much of what seems to be a `name` is the end of an escape that `before` begins: `%22person`.
fn escaped_before(before: &[u8], name: &[u8]) -> usize {
    let digits = |from: usize, many: usize| {
        name.get(from..from + many).is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    };
    match before.last() {
        Some(b'%') if digits(0, 2) => 2,
        Some(b'\\') if name.first() == Some(&b'u') && digits(1, 4) => 5,
        Some(b'\\') if name.first().is_some_and(|letter| b"bfnrt".contains(letter)) => 1,
        _ => 0,
    }
}

/// Returns the value behind `raw`: escapes and entities undone, padding of base64 keys and case of addresses
/// of people taken away.
pub fn normalised(kind: Kind, raw: &[u8]) -> Cow<'_, [u8]> {
    let mut value = Cow::Borrowed(raw);
    for _ in 0..ROUNDS {
        if !value.contains(&b'\\') {
            break;
        }
        value = Cow::Owned(unescaped(&value));
    }
    for _ in 0..ROUNDS {
        match percent_decoded(&value) {
            Some(decoded) => value = Cow::Owned(decoded),
            None => break,
        }
    }
    if let Some(read) = without_entities(&value) {
        value = Cow::Owned(read);
    }
    if kind.class() == Class::Person {
        let text = String::from_utf8_lossy(&value).trim().to_lowercase();
        return Cow::Owned(text.into_bytes());
    }
    if memchr::memchr2(b'\n', b'\r', &value).is_some()
        && let Some(joined) = unfolded(&value).filter(|_| kind != Kind::PrivateKey)
    {
        value = Cow::Owned(joined);
    }
    let end = value.iter().rposition(|byte| *byte != b'=').map_or(0, |last| last + 1);
    if memchr::memchr(b' ', &value[..end]).is_some() && is_form_decoded(&value[..end]) {
        value.to_mut().iter_mut().filter(|byte| **byte == b' ').for_each(|byte| *byte = b'+');
    }
    if end == value.len() || end == 0 {
        return value;
    }
    match value {
        Cow::Borrowed(value) => Cow::Borrowed(&value[..end]),
        Cow::Owned(mut value) => {
            value.truncate(end);
            Cow::Owned(value)
        }
    }
}

/// Returns `value` without its line breaks and the indent of each next line, if it is a word that was folded.
fn unfolded(value: &[u8]) -> Option<Vec<u8>> {
    let mut lines = value.split(|byte| matches!(byte, b'\n' | b'\r'));
    let mut joined = lines.next().unwrap_or_default().to_vec();
    lines.for_each(|line| joined.extend_from_slice(line.trim_ascii_start()));
    joined.iter().all(|byte| FOLDED.has(*byte)).then_some(joined)
}

/// Tells whether `letters` are a key of a usual length in base64, with spaces where a form that was decoded had
/// a `+`.
fn is_form_decoded(letters: &[u8]) -> bool {
    let fits = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/ ".contains(byte);
    matches!(letters.len(), 43 | 52 | 54 | 86) && letters.iter().all(fits)
}

/// Undoes one layer of JSON escapes; what is no escape stays.
pub fn unescaped(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut at = 0;
    while at < text.len() {
        let byte = text[at];
        at += 1;
        if byte != b'\\' {
            out.push(byte);
            continue;
        }
        let Some(next) = text.get(at) else {
            out.push(byte);
            break;
        };
        at += 1;
        match next {
            b'n' => out.push(b'\n'),
            b'r' => out.push(b'\r'),
            b't' => out.push(b'\t'),
            b'u' => match text.get(at..at + 4).and_then(|digits| std::str::from_utf8(digits).ok()) {
                Some(digits) if u16::from_str_radix(digits, 16).is_ok() => {
                    let unit = u16::from_str_radix(digits, 16).unwrap_or_default();
                    let letter = char::from_u32(unit.into()).unwrap_or(char::REPLACEMENT_CHARACTER);
                    out.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
                    at += 4;
                }
                _ => out.extend_from_slice(b"\\u"),
            },
            other => out.push(*other),
        }
    }
    out
}

/// Undoes one layer of percent escapes; `None` where there is none.
fn percent_decoded(text: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let mut from = 0;
    for at in memchr::memchr_iter(b'%', text) {
        let Some(&[high, low]) = text.get(at + 1..at + 3) else { break };
        let (Some(high), Some(low)) = (hex(high), hex(low)) else { continue };
        if at < from {
            continue;
        }
        out.extend_from_slice(&text[from..at]);
        out.push(high << 4 | low);
        from = at + 3;
    }
    (from > 0).then(|| {
        out.extend_from_slice(&text[from..]);
        out
    })
}

/// Undoes the entities of XML that stand for ASCII; `None` where there is none.
fn without_entities(text: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let mut from = 0;
    for at in memchr::memchr_iter(b'&', text) {
        let Some((byte, length)) = entity(&text[at..]).filter(|(byte, _)| byte.is_ascii()) else { continue };
        out.extend_from_slice(&text[from..at]);
        out.push(byte);
        from = at + length;
    }
    (from > 0).then(|| {
        out.extend_from_slice(&text[from..]);
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fingerprint(kind: Kind, raw: &str) -> String {
        let keys = KeyRing::from_text("k1 AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=").unwrap();
        Fingerprinter::new(&keys, Vec::new()).of(kind, raw.as_bytes(), &mut Memo::default()).to_string()
    }

    #[test]
    fn one_secret_has_one_fingerprint_however_it_is_written() {
        let plain = fingerprint(Kind::StorageKey, "ab+c/d==");
        let forms = [
            "ab+c/d",
            "ab+c\\/d==",
            "ab+c\\\\\\/d==",
            "ab%2Bc%2Fd%3D%3D",
            "ab%252bc%252fd%253d%253d",
            "ab\\u002Bc/d\\u003d\\u003d",
            "ab\\\\u002Bc/d",
        ];
        for form in forms {
            assert_eq!(fingerprint(Kind::StorageKey, form), plain, "{form}");
        }
    }

    #[test]
    fn an_address_of_a_person_has_one_fingerprint_in_any_case() {
        assert_eq!(fingerprint(Kind::Email, "Ann@Contoso.com"), fingerprint(Kind::Email, "ann%40contoso.com"));
    }

    #[test]
    fn classes_can_not_be_joined_but_kinds_of_a_class_can() {
        let code = |text: String| text.rsplit(':').next().unwrap().to_owned();
        assert_eq!(code(fingerprint(Kind::Password, "x1")), code(fingerprint(Kind::FunctionKey, "x1")));
        assert_ne!(code(fingerprint(Kind::Password, "x1")), code(fingerprint(Kind::Person, "x1")));
    }

    #[test]
    fn only_the_exact_shape_is_a_fingerprint() {
        let text = fingerprint(Kind::Email, "a@b.de");
        assert!(is_fingerprint(text.as_bytes()));
        assert!(holds_fingerprint(format!("x {text} y").as_bytes()));
        let nameless = text["email".len()..].to_owned();
        for wrong in [format!("{text}A"), nameless, text[..text.len() - 1].to_owned(), text.to_lowercase()] {
            assert!(!is_fingerprint(wrong.as_bytes()), "{wrong}");
        }
    }

    #[test]
    fn fingerprints_are_found_wherever_they_stand_with_their_kinds() {
        let (key, person) = (fingerprint(Kind::FunctionKey, "x1"), fingerprint(Kind::Person, "y"));
        let text = format!("{{\"url\":\"https://a:key/?code={key}&x=%22{person}%22\",\"k\":\":k1:{key} :k1:AB\"}}");
        let names: Vec<_> = names_in(text.as_bytes()).map(|name| std::str::from_utf8(name).unwrap()).collect();
        assert_eq!(names, ["azure-function-key", "person", "azure-function-key"]);
        for before in ["\\n", "\\u0022", "%20", "\\\\", "?"] {
            let text = format!("{before}{person}");
            assert_eq!(names_in(text.as_bytes()).collect::<Vec<_>>(), [b"person"], "{before}");
        }
    }

    #[test]
    fn a_memo_gives_what_hashing_gives() {
        let maker = Fingerprinter::new(&KeyRing::ephemeral().unwrap(), Vec::new());
        let mut memo = Memo::default();
        let first = maker.of(Kind::Password, b"hunter2", &mut memo);
        assert_eq!(maker.of(Kind::Password, b"hunter2", &mut memo), first);
        assert_eq!(maker.of(Kind::Password, b"hunter2", &mut Memo::default()), first);
    }
}
