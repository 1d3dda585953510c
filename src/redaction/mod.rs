//! How does a record lose its secrets and its people, and keep everything else?
//!
//! [`Redactor::scan`] works on bytes before anything is decoded: secrets by signature, checksum
//! and context. [`Redactor::finish`] works on the decoded event: what is personal by the meaning
//! of its field. Both put a keyed fingerprint in place of what they hide, so the same secret can
//! be followed everywhere, and both leave every byte outside the hidden spans as it was.

mod bridge;
mod broken;
mod canary;
pub mod explain;
mod facts;
mod fields;
mod filter;
mod fingerprint;
mod finish;
mod identify;
mod key_lines;
mod keyring;
mod kind;
mod links;
pub mod made;
mod message;
mod people;
mod redacted;
mod rules;
mod scan;
mod settings;

pub use explain::{Doubted, Doubts, Explained};
pub use filter::{FilterSummary, LONGEST_LINE, Seen, Teller, filter, filter_telling};
pub use identify::Identified;
pub use keyring::{KeyError, KeyInfo, KeyRing, KeyState};
pub use links::Link;
pub use people::{Action, CEILING as MOST_POLICIES, FieldName, KindName, PathText, PersonalKind, Policy, personal};
pub use redacted::{RedactedEvent, Replacement, redacted_message, splice};
pub use rules::{Rule, RuleProblem, Rules};
pub use settings::{Addresses, RedactionError, Settings};

use std::borrow::Cow;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};

use fingerprint::{Fingerprinter, Memo};
use key_lines::Body;
pub use kind::Kind;
use people::People;
use scan::{Found, Scanner, merge};

use crate::telemetry::{Batch, Confidence, Event, Fingerprint, MessageAt, Original, Scanned, ScannedMessage, Sighting};

/// Tells whether secrets were hidden in `message` before it was read: a fingerprint of one stands in it.
///
/// Whoever can write to a log can make it look so. It is for remarks on what was not seen, and changes nothing that
/// runs.
pub fn hidden_before(message: &[u8]) -> bool {
    // A rule's name may be gone by now, so that any name is a secret's that is not known for something else.
    let is_secret = |name: &[u8]| {
        let known = Kind::ALL.iter().find(|kind| kind.name().is_some_and(|known| known.as_bytes() == name));
        known.is_none_or(|kind| kind.class() == kind::Class::Secret)
    };
    fingerprint::names_in(message).any(is_secret)
}

/// Finds and replaces secrets and personal data. Cheap to share; one serves all workers.
#[derive(Debug)]
pub struct Redactor {
    scanner: Scanner,
    fingerprints: Fingerprinter,
    people: People,
    settings: Settings,
    rules: Arc<Rules>,
    /// Every kind's name, by [`Kind::place`]: shared by all sightings.
    names: Vec<Arc<str>>,
    /// What one batch leaves to the next: most secrets are seen again and again.
    memo: Mutex<Memo>,
}

impl Redactor {
    /// Returns a redactor that makes fingerprints under the key in use of `keys`.
    ///
    /// Reads the rules that `settings` name; fails if they can't be had, or if it does not find the
    /// made-up secrets it is tested with first.
    pub fn new(keys: &KeyRing, settings: &Settings) -> Result<Self, RedactionError> {
        let rules = Rules::load(&settings.rules).map_err(RedactionError::Rules)?;
        let scanner = Scanner::new(rules.clone());
        canary::check(&scanner)?;
        let mut names: Vec<Arc<str>> = Kind::ALL.iter().filter_map(|kind| kind.name()).map(Arc::from).collect();
        names.extend(rules.names());
        let (fingerprints, memo) = (Fingerprinter::new(keys, rules.names()), Mutex::default());
        let people = People::new(keys, settings);
        Ok(Self { scanner, fingerprints, people, settings: settings.clone(), rules, names, memo })
    }

    /// Returns the rules it goes by, beside what is code.
    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    /// Finds the secrets in every message of `batch` and splices fingerprints in their place.
    ///
    /// A message in UTF-16 or UTF-32 is hidden whole: what stands in it would not be found. One on which the search fails is hidden field by field, as `unscanned`, or whole if it is no
    /// JSON, and harms no other.
    pub fn scan<'b>(&self, batch: &'b Batch) -> Scanned<'b> {
        let range = |message: &MessageAt| message.bytes.start as usize..message.bytes.end as usize;
        let ranges: Vec<_> = batch.messages.iter().map(range).collect();
        let all = caught(|| self.hidden(&batch.bytes, &ranges, &batch.messages));
        let mut all = all.unwrap_or_else(|| self.one_by_one(batch, &ranges));
        for (index, range) in (0_u32..).zip(&ranges).filter(|(_, range)| is_wide(&batch.bytes[(*range).clone()])) {
            let whole = (index, self.unscanned(&batch.bytes[range.clone()]));
            match all.binary_search_by_key(&index, |(index, _)| *index) {
                Ok(at) => all[at] = whole,
                Err(at) => all.insert(at, whole),
            }
        }
        Scanned::new(batch, all)
    }

    /// Scans the lines of `batch`, of which `bodies` tells what they are of a private key over several of them.
    fn scan_lines<'b>(&self, batch: &'b Batch, bodies: &[Body]) -> Scanned<'b> {
        let scanned = self.scan(batch);
        if bodies.iter().all(|body| *body == Body::Not) {
            return scanned;
        }
        let one = |(index, body): (usize, &Body)| match body {
            Body::Not => scanned.changed(index).cloned(),
            // One key is one that somebody must be told of.
            Body::First => Some(self.body_of_key(batch.message(index), Confidence::Proven)),
            Body::Later => Some(self.body_of_key(batch.message(index), Confidence::Suspected)),
        };
        let all = bodies.iter().enumerate().filter_map(|place| Some((place.0 as u32, one(place)?)));
        Scanned::new(batch, all.collect())
    }

    fn body_of_key(&self, line: &[u8], confidence: Confidence) -> ScannedMessage {
        let start = line.len() - line.trim_ascii_start().len();
        let body = Found::new(start..line.trim_ascii_end().len(), Kind::PrivateKey, confidence);
        self.replaced(line, &[body], &[], &mut Memo::default())
    }

    /// Returns those of the messages at `ranges` of `bytes` that hide something, by their numbers.
    fn hidden(&self, bytes: &[u8], ranges: &[Range<usize>], messages: &[MessageAt]) -> Vec<(u32, ScannedMessage)> {
        let mut all = self.scanner.find_all(bytes, ranges, Some(&self.people)).into_iter().peekable();
        let mut found = Vec::new();
        // Whoever comes while another has it begins with an empty one.
        let mut memo = self.memo.try_lock().map(|mut memo| std::mem::take(&mut *memo)).unwrap_or_default();
        memo.make_room();
        let mut hidden = Vec::new();
        while let Some((index, one)) = all.next() {
            found.clear();
            found.push(one);
            while let Some((_, one)) = all.next_if(|(next, _)| *next == index) {
                found.push(one);
            }
            merge(&mut found);
            let (message, range) = (&messages[index as usize], ranges[index as usize].clone());
            if !found.is_empty() {
                hidden.push((index, self.replaced(&bytes[range], &found, &message.seen, &mut memo)));
            }
        }
        if let Ok(mut left) = self.memo.try_lock() {
            *left = memo;
        }
        hidden
    }

    #[cold]
    fn one_by_one(&self, batch: &Batch, ranges: &[Range<usize>]) -> Vec<(u32, ScannedMessage)> {
        let mut hidden = Vec::new();
        for ((index, range), message) in (0_u32..).zip(ranges).zip(&batch.messages) {
            let bytes = &batch.bytes[range.clone()];
            let whole = 0..bytes.len();
            let alone = || self.hidden(bytes, std::slice::from_ref(&whole), std::slice::from_ref(message));
            match caught(alone) {
                Some(one) => hidden.extend(one.into_iter().map(|(_, message)| (index, message))),
                None => hidden.push((index, self.unscanned(bytes))),
            }
        }
        hidden
    }

    /// Returns what is left of a text in which it can't be told what must be hidden.
    fn unscanned(&self, text: &[u8]) -> ScannedMessage {
        self.field_by_field(text).unwrap_or_else(|| {
            let whole = Found::new(0..text.len(), Kind::Unscanned, Confidence::Suspected);
            self.replaced(text, &[whole], &[], &mut Memo::default())
        })
    }

    /// Hides what is personal in `event`; cannot fail: in doubt it hides.
    pub fn finish<'s>(&self, event: &'s mut Event<'s>) -> RedactedEvent<'s> {
        let hashes = self.settings.authentication_hash;
        finish::finish(&self.people, &self.fingerprints, hashes, event).linked(self.fingerprints.links())
    }

    /// Returns, during the overlap of a rotation, what has got a second fingerprint since the last
    /// call: the one in use, and the one that is coming.
    pub fn new_links(&self) -> Vec<Link> {
        self.fingerprints.links().map_or_else(Vec::new, |links| links.fresh())
    }

    /// Hides every secret and address of a person in a free text: log lines, error messages,
    /// dead letters. Returns the text itself where there is nothing to hide.
    pub fn hide<'t>(&self, text: &'t [u8]) -> Cow<'t, [u8]> {
        self.hide_those(text, |_| true)
    }

    /// Hides every secret in a free text and leaves people: for the names by which they are called.
    pub fn hide_secrets<'t>(&self, text: &'t [u8]) -> Cow<'t, [u8]> {
        self.hide_those(text, Kind::secret)
    }

    fn hide_those<'t>(&self, text: &'t [u8], which: impl Fn(Kind) -> bool) -> Cow<'t, [u8]> {
        if is_wide(text) {
            return Cow::Owned(self.unscanned(text).bytes);
        }
        let without = caught(|| {
            let mut found = self.find(text);
            found.retain(|one| which(one.kind));
            merge(&mut found);
            (!found.is_empty()).then(|| self.replaced(text, &found, &[], &mut Memo::default()).bytes)
        });
        match without {
            Some(None) => Cow::Borrowed(text),
            Some(Some(bytes)) => Cow::Owned(bytes),
            None => Cow::Owned(self.unscanned(text).bytes),
        }
    }

    /// Returns what must be hidden in `text`.
    fn find(&self, text: &[u8]) -> Vec<Found> {
        let whole = 0..text.len();
        let found = self.scanner.find_all(text, std::slice::from_ref(&whole), Some(&self.people));
        found.into_iter().map(|(_, one)| one).collect()
    }

    /// Returns `text` with fingerprints in place of what was `found` (ascending, apart), and all
    /// that was seen in it, now or `before`.
    fn replaced(&self, text: &[u8], found: &[Found], before: &[Sighting], memo: &mut Memo) -> ScannedMessage {
        let mut bytes = Vec::with_capacity(text.len() + found.len() * 16);
        let mut sightings = Vec::with_capacity(found.len() + before.len());
        let mut stood = Vec::with_capacity(found.len() + before.len());
        let mut earlier = before.iter().peekable();
        let mut from = 0;
        for one in found {
            while let Some(seen) = earlier.next_if(|seen| (seen.at.start as usize) < one.span.start) {
                sightings.push(moved(seen, bytes.len() as i64 - from as i64));
                stood.push(seen.at.clone());
            }
            bytes.extend_from_slice(&text[from..one.span.start]);
            let Stands { fingerprint, shown, quote, original } = self.stands(text, one, memo);
            bytes.extend_from_slice(quote.as_bytes());
            let start = bytes.len() as u32;
            match &one.inside {
                None => bytes.extend_from_slice(shown.as_bytes()),
                Some(inside) => bytes.extend_from_slice(&inside.written(&shown)),
            }
            sightings.push(Sighting {
                kind: self.names[one.kind.place()].clone(),
                privilege: one.privilege,
                confidence: one.confidence,
                secret: one.kind.secret(),
                dummy: one.dummy,
                fingerprint,
                at: start..bytes.len() as u32,
                about: one.facts.as_ref().and_then(|facts| self.about(facts, memo)),
                original,
            });
            bytes.extend_from_slice(quote.as_bytes());
            stood.push(one.span.start as u32..one.span.end as u32);
            if self.settings.authentication_hash {
                bridge::add(&self.fingerprints, one, one.read(text), &mut sightings, &mut stood);
            }
            from = one.span.end;
        }
        stood.extend(earlier.clone().map(|seen| seen.at.clone()));
        sightings.extend(earlier.map(|seen| moved(seen, bytes.len() as i64 - from as i64)));
        bytes.extend_from_slice(&text[from..]);
        ScannedMessage { bytes, sightings, stood }
    }

    /// Returns what stands in the place of `one`, which was found in `text`.
    fn stands(&self, text: &[u8], one: &Found, memo: &mut Memo) -> Stands {
        let (mut quote, mut original) = ("", None);
        let (fingerprint, shown) = if one.kind.secret() {
            let fingerprint = self.fingerprints.of(one.kind, one.read(text), memo);
            // A number of JSON takes quotes around it; where they can't be told, another number.
            let around = if one.inside.is_some() { Some("") } else { people::quote(text, &one.span) };
            quote = around.unwrap_or_default();
            (fingerprint.clone(), if around.is_some() { fingerprint.0 } else { Arc::from("0") })
        } else if one.inside.is_some() {
            let instead = self.people.inside(&self.fingerprints, one.kind, one.read(text), memo);
            (Fingerprint(instead.clone()), instead)
        } else {
            let instead = self.people.before(&self.fingerprints, text, one, memo);
            (quote, original) = (instead.quote, instead.original);
            (instead.fingerprint, instead.text)
        };
        Stands { fingerprint, shown, quote, original }
    }
}

/// Returns every kind of personal data.
pub fn personal_kinds() -> impl Iterator<Item = Kind> {
    Kind::ALL.into_iter().filter(|kind| !kind.secret())
}

/// What stands in the place of something that was found.
struct Stands {
    fingerprint: Fingerprint,
    /// As it is written there, but for the way in which its surroundings are.
    shown: Arc<str>,
    /// What is put on both sides of it.
    quote: &'static str,
    /// What stood there, where its place decides.
    original: Option<Box<Original>>,
}

/// Returns the name of every kind of secret and personal data that the code knows.
pub fn kinds() -> Vec<&'static str> {
    Kind::ALL.iter().filter_map(|kind| kind.name()).collect()
}

/// Tells whether a text is written in letters of two or four bytes, in which nothing would be found: among its first
/// bytes is a zero.
fn is_wide(text: &[u8]) -> bool {
    text.first_chunk::<4>().is_some_and(|first| first.contains(&0))
}

/// Does `work`; nothing if a bug in it panics.
fn caught<T>(work: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(work)).ok()
}

/// Returns `seen`, moved by `by` bytes.
fn moved(seen: &Sighting, by: i64) -> Sighting {
    let shift = |at: u32| u32::try_from(i64::from(at) + by).unwrap_or(0);
    Sighting { at: shift(seen.at.start)..shift(seen.at.end), ..seen.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::StreamId;

    fn redactor() -> Redactor {
        let mut redactor = Redactor::new(&KeyRing::ephemeral().unwrap(), &Settings::default()).unwrap();
        redactor.scanner.breaks_on(b"the bug");
        redactor
    }

    #[test]
    fn a_message_was_redacted_before_if_the_fingerprint_of_a_secret_stands_in_it() {
        for (message, hidden) in [
            ("?code=azure-function-key:k1:AAAA2222BBBB3333&b", true),
            ("by a-rule-of-theirs:k12:AAAA2222BBBB3333", true),
            ("%22person:k1:AAAA2222BBBB3333%22 from email:k1:AAAA2222BBBB3333", false),
            ("{\"a\":{\"b\":k1}} azure-function-key:k1:aaaa", false),
        ] {
            assert_eq!(hidden_before(message.as_bytes()), hidden, "{message}");
        }
    }

    #[test]
    fn a_message_on_which_the_search_fails_is_hidden_whole_and_harms_no_other() {
        let redactor = redactor();
        let mut batch = Batch::default();
        for message in ["?code=hunter2-a&b", "the bug beside ?code=hunter2-b&c", "plain", "", "?code=hunter2-a&b"] {
            batch.push(message.as_bytes(), StreamId(0), 0, 1, None);
        }
        let scanned = redactor.scan(&batch);
        let text = |message| String::from_utf8_lossy(scanned.bytes(message)).into_owned();
        assert!(text(0).starts_with("?code=azure-function-key:k1:") && text(0).ends_with("&b"), "{}", text(0));
        assert_eq!((text(2).as_str(), text(3).as_str(), text(4)), ("plain", "", text(0)));
        assert!(text(1).starts_with("unscanned:k") && text(1).len() < 40, "{}", text(1));
        let seen: Vec<_> = scanned.sightings(1).iter().map(|one| (&*one.kind, one.confidence)).collect();
        assert_eq!(seen, [("unscanned", Confidence::Suspected)]);
    }

    #[test]
    fn a_record_on_which_the_search_fails_is_hidden_field_by_field_and_each_is_counted() {
        let redactor = redactor();
        let mut batch = Batch::default();
        let text = r#"{"time": "2026", "level": 4, "properties": {"message": "the bug beside hunter2", "sure": true}}"#;
        batch.push(text.as_bytes(), StreamId(0), 0, 1, None);
        let scanned = redactor.scan(&batch);
        let seen: Vec<_> = scanned.sightings(0).iter().map(|one| (&*one.kind, one.confidence)).collect();
        assert_eq!(seen, [("unscanned", Confidence::Suspected); 3]);
        let mut shown = String::from_utf8_lossy(scanned.bytes(0)).into_owned();
        for (nth, one) in scanned.sightings(0).iter().enumerate().rev() {
            assert_eq!(&shown[one.at.start as usize..one.at.end as usize], &*one.fingerprint.0);
            let stood = scanned.stood(0, nth).unwrap();
            shown.replace_range(
                one.at.start as usize..one.at.end as usize,
                &text[stood.start as usize..stood.end as usize],
            );
        }
        assert_eq!(shown, text.replace(" 4,", " \"4\","));
    }

    #[test]
    fn what_a_message_ends_with_says_nothing_of_the_next() {
        let redactor = redactor();
        let secrets = ["4111111111111111", "-378282246310005", "3782 822463 10005", "GB29NWBK60161331926819"];
        for before in ["x 5-", "77", "A-", "\\u00", "%", "4111 1111 ", "code=", "\n"] {
            for secret in secrets {
                let mut batch = Batch::default();
                for text in [before, secret, "end"] {
                    batch.push(text.as_bytes(), StreamId(0), 0, 1, None);
                }
                assert_eq!(redactor.scan(&batch).sightings(1).len(), 1, "{before} {secret}");
            }
        }
    }

    #[test]
    fn a_text_on_which_the_search_fails_is_hidden_whole() {
        let redactor = redactor();
        assert!(redactor.hide(b"the bug beside hunter2").starts_with(b"unscanned:k"));
        assert_eq!(&*redactor.hide(b"plain"), b"plain");
    }

    #[test]
    fn what_is_hidden_already_and_what_alerts_are_called_stays_as_it_is() {
        let redactor = redactor();
        let typed = "the caller sent ?code=hunter2-a& for dana@example.com";
        let hide = |text: &str, all: bool| {
            let hidden = if all { redactor.hide(text.as_bytes()) } else { redactor.hide_secrets(text.as_bytes()) };
            String::from_utf8(hidden.into_owned()).unwrap()
        };
        let (once, name) = (hide(typed, true), hide(typed, false));
        assert!(!once.contains("hunter2") && !once.contains("dana@example.com"), "{once}");
        assert!(!name.contains("hunter2") && name.ends_with(" for dana@example.com"), "{name}");
        assert_eq!((hide(&once, true), hide(&name, false)), (once.clone(), name));
        let words = once.split(['=', '&', ' ']).filter(|word| word.matches(':').count() == 2).count();
        assert_eq!(words, 2, "the key and the person have their fingerprints: {once}");
        for entity in [
            "ip/203.0.113.7",
            "app/fn-orders",
            "key/partner-a",
            "key/azure-function-key:k1:FAAEH5CXIMLEATIK",
            "function/fn-orders/checkout",
            "level>=high -app:pay",
        ] {
            assert_eq!(hide(entity, true), entity);
        }
    }

    #[test]
    fn tokens_that_touch_in_memory_are_all_hidden() {
        let redactor = redactor();
        let tokens: Vec<String> = (1..7).map(|n| scan::base32::make([n * 37; 32])).collect();
        let packed: Vec<String> = tokens
            .iter()
            .map(|token| data_encoding::BASE64.encode(format!("the token is {token}").as_bytes()))
            .collect();
        let one_text = packed.join(" ");
        let mut batch = Batch::default();
        for message in tokens.iter().chain(&packed).chain([&one_text]) {
            batch.push(message.as_bytes(), StreamId(0), 0, 1, None);
        }
        let scanned = redactor.scan(&batch);
        let seen: Vec<usize> = (0..batch.messages.len()).map(|message| scanned.sightings(message).len()).collect();
        assert_eq!(seen, [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 6]);
        for (message, token) in tokens.iter().enumerate() {
            assert!(!scanned.bytes(message).windows(token.len()).any(|bytes| bytes == token.as_bytes()));
        }
    }
}
