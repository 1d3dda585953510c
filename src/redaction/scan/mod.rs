//! Where in these bytes are secrets and addresses of people?
//!
//! Searchers look for rare literals: signatures in the bytes as they are, endings of names in a
//! copy folded by `| 0x20` (`hits`), words of the rules that are content (`rules`). Only what stands at a hit is verified, at fixed offsets or by
//! walks with a bound, and the search goes on behind the plain end of what is hidden (`ends`): a crafted
//! line costs as much as its length. What is written in base64, with escapes or over several lines
//! is read and searched again (`views`).

mod authorization;
pub mod base32;
pub mod bytes;
pub mod cask;
mod claims;
mod classes;
mod context;
mod cookie;
pub mod dummy;
mod element;
mod ends;
pub mod entra;
mod gates;
mod hits;
pub mod identifiable;
mod jwt;
mod little;
mod merge;
mod names;
mod pairs;
mod pem;
mod person;
mod sas;
mod service;
mod spaces;
pub mod value;
mod views;

use std::ops::Range;
use std::sync::Arc;

pub use classes::BLOCK;
pub use hits::literals;

use hits::{ENDINGS, Ending, Hit, Hits, MARKS, Mark};

use super::facts::Facts;
use super::kind::Kind;
use super::people::{self, People};
use super::rules::Rules;
use crate::telemetry::{Confidence, Privilege};

pub use gates::Gates;
pub use merge::merge;
pub use pem::private_key_title;
pub use person::is_address;
use views::Looking;
pub use views::{Inside, entity};

/// How many signs may stand between a value and an escape that breaks off.
const SIGNS: usize = 16;

/// Something that must be hidden.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The bytes to hide.
    pub span: Range<usize>,
    /// The bytes that are hashed: the secret itself, without what only belongs to its surroundings.
    pub value: Range<usize>,
    /// What it is.
    pub kind: Kind,
    /// What it lets its holder do.
    pub privilege: Option<Privilege>,
    /// How sure we are.
    pub confidence: Confidence,
    /// Whether it is a dummy.
    pub dummy: bool,
    /// Whether it gives way to anything found inside it, such as a whole connection string to the
    /// password in it.
    pub yields: bool,
    /// Whether it is a fingerprint already: nothing to hide, but what yields gives way to it.
    pub already: bool,
    /// What it says of itself.
    pub facts: Option<Box<Facts>>,
    /// How it was read, if it was found in a text that had to be decoded: then this holds the value.
    pub inside: Option<Box<Inside>>,
}

impl Found {
    /// Returns a find of `kind` at `span`, with `confidence`.
    pub fn new(span: Range<usize>, kind: Kind, confidence: Confidence) -> Self {
        let value = span.clone();
        let (dummy, yields, already) = (false, false, false);
        Self { span, value, kind, privilege: None, confidence, dummy, yields, already, facts: None, inside: None }
    }

    /// Takes in an escape that breaks off behind it, at the end of the `text` it was found in, with the signs between
    /// them, of which a value leaves off the last.
    fn take_rest(&mut self, text: &[u8]) {
        let rest = &text[self.span.end..];
        let signs = rest.iter().take(SIGNS).take_while(|sign| value::is_left_off(**sign)).count();
        // What is proven is whole: no key holds a percent sign.
        let whole = self.confidence == Confidence::Proven && rest[signs..].starts_with(b"%");
        if whole || self.already || !self.kind.secret() || !value::breaks_off(&rest[signs..]) {
            return;
        }
        match &mut self.inside {
            Some(inside) if inside.is_packed() => return,
            Some(inside) => inside.value.extend_from_slice(rest),
            None if self.value.end == self.span.end => self.value.end = text.len(),
            None => {}
        }
        self.span.end = text.len();
    }

    /// Returns the secret itself, found in `text`.
    pub fn read<'f>(&'f self, text: &'f [u8]) -> &'f [u8] {
        self.inside.as_ref().map_or_else(|| &text[self.value.clone()], |inside| &inside.value)
    }
}

/// Looks for secrets and addresses of people. Cheap to share.
#[derive(Debug)]
pub struct Scanner {
    rules: Arc<Rules>,
    /// A text on which it panics, as a bug would.
    #[cfg(test)]
    breaks_on: Option<&'static [u8]>,
}

impl Scanner {
    /// Returns what looks for what is code, and by `rules`, which are content.
    pub fn new(rules: Arc<Rules>) -> Self {
        Self {
            rules,
            #[cfg(test)]
            breaks_on: None,
        }
    }

    /// Makes it panic on any text that holds `text`.
    #[cfg(test)]
    pub fn breaks_on(&mut self, text: &'static [u8]) {
        self.breaks_on = Some(text);
    }

    /// Returns where in `text`, all messages of a batch, there is something worth a look.
    fn hits(&self, text: &[u8]) -> Hits {
        Hits::of(text, &self.rules)
    }

    /// Appends what must be hidden in `text` to `found`.
    pub fn find(&self, text: &[u8], found: &mut Vec<Found>) {
        let whole = 0..text.len();
        found.extend(self.find_all(text, std::slice::from_ref(&whole), None).into_iter().map(|(_, one)| one));
    }

    /// Returns what must be hidden in the messages at `ranges` (ascending) of `batch`, as they are and
    /// decoded: with the number of the message, in whose order they are, and counted from its start.
    /// Numbers of people are found by `people`.
    pub fn find_all(&self, batch: &[u8], ranges: &[Range<usize>], people: Option<&People>) -> Vec<(u32, Found)> {
        #[cfg(test)]
        assert!(self.breaks_on.is_none_or(|bug| memchr::memmem::find(batch, bug).is_none()), "a bug was found");
        let mut hits = self.hits(batch);
        let mut numbers = people.map(|people| (people, people.hits(&mut hits.gates)));
        let (mut all, mut found) = (Vec::new(), Vec::new());
        for (number, range) in (0_u32..).zip(ranges) {
            settle(batch, range.clone(), false, &mut hits, &mut found);
            if let Some((people, numbers)) = &mut numbers {
                people.settle(batch, range.clone(), numbers, &mut found);
            }
            all.extend(found.drain(..).map(|one| (number, one)));
        }
        views::look(&Looking { scanner: self, people }, batch, &hits.gates, ranges, &mut all);
        for (number, one) in &mut all {
            one.take_rest(&batch[ranges[*number as usize].clone()]);
        }
        all
    }
}

/// Appends what must be hidden in message `range` of `batch`, or in this `stretch` of one, to `found`, its places
/// counted from the message's start; ranges must be asked for in ascending order.
#[inline]
fn settle(batch: &[u8], range: Range<usize>, stretch: bool, hits: &mut Hits, found: &mut Vec<Found>) {
    settle_shapes(batch, range.clone(), hits, found);
    let Some(text) = batch.get(range.clone()) else { return };
    let walk = context::Walk::over(stretch);
    settle_endings(text, range.start, walk, hits.endings.within(&range), found);
    let mut from = 0;
    for hit in hits.ats.within(&range) {
        person::at_sign(text, hit.at(range.start), &mut from, found);
    }
}

/// Appends what must be hidden for its look alone, whatever name stands before it.
#[inline]
fn settle_shapes(batch: &[u8], range: Range<usize>, hits: &mut Hits, found: &mut Vec<Found>) {
    let Some(text) = batch.get(range.clone()) else { return };
    // First: what a rule finds as surely as a name does is named by the rule.
    hits.rules.settle(batch, range.clone(), found);
    settle_marks(text, range.start, hits.marks.within(&range), found);
}

fn settle_marks(text: &[u8], base: usize, hits: &[Hit], found: &mut Vec<Found>) {
    let (mut from, mut people, mut tokens) = (0, 0, 0);
    let mut claims = people::Claims::default();
    for hit in hits {
        let at = hit.at(base);
        if at.start < from {
            continue;
        }
        match MARKS[hit.literal()].1 {
            Mark::Identifiable(signature) => identifiable::key(text, at.end, signature, found),
            Mark::Jwt if at.start >= tokens => tokens = jwt::token(text, at.start, found),
            Mark::Jwt => {}
            Mark::Pem => from = pem::private_key(text, at.start, found),
            Mark::Annotated { old: true } => cask::legacy(text, at.start, found),
            Mark::Annotated { old: false } => cask::current(text, at.start, found),
            Mark::Entra(before) => entra::secret(text, at.start + before, found),
            Mark::Pkcs12 => from = pem::der(text, at.start, Kind::Pkcs12, found),
            Mark::Pkcs8 => from = pem::der(text, at.start, Kind::PrivateKey, found),
            Mark::Run => base32::token(text, at.start, found),
            Mark::Padding => identifiable::legacy(text, at.start, found),
            Mark::At => person::at_sign(text, at, &mut people, found),
            Mark::Claim => claims.at(text, at.start, found),
        }
    }
}

fn settle_endings(text: &[u8], base: usize, mut walk: context::Walk, hits: &[Hit], found: &mut Vec<Found>) {
    let (mut from, mut walked) = (0, 0);
    for hit in hits {
        let at = hit.at(base);
        if at.start < from {
            continue;
        }
        let next = match ENDINGS[hit.literal()].1 {
            Ending::Name(separator) => walk.name(text, at.start, at.end - separator, separator, found),
            Ending::Behind(before) => walk.name(text, at.start.saturating_sub(before), at.end, 0, found),
            Ending::Bearer => authorization::bearer(text, at.start, at.end, &mut walked, found),
            Ending::Phone => people::phone(text, at.start, at.end, found),
        };
        from = next.unwrap_or(from).max(from);
    }
}
