//! One rule: what a secret looks like, what speaks for it, what it opens.
//!
//! What fits the pattern but not what should speak for it (a checksum, its randomness, its end) is
//! hidden all the same where the rule is ours, and alerts nobody; a rule of gitleaks means what it
//! means there.

use std::ops::Range;
use std::sync::Arc;

use super::allowed::Allowed;
use super::grams::Word;
use super::pattern::Pattern;
use super::proof::{Checksum, entropy};
use super::sample;
use super::shape::Stands;
use super::span::Message;
use crate::redaction::kind::Kind;
use crate::redaction::scan::Found;
use crate::redaction::scan::bytes::{Set, Unit, run_of, unit_before};
use crate::redaction::scan::dummy::is_dummy;
use crate::telemetry::Confidence;

/// How often a pattern without a longest match may match in a message before its matches are cut.
const MANY: usize = 256;
/// How long they are then at most, bytes.
const SHORT: usize = 1 << 10;
/// How much more of a word than its pattern knows is hidden, bytes.
const MORE: usize = 256;

const LETTER: Set = Set::word(b"");
const WORD: Set = Set::word(b"_");

/// What a secret looks like, and what it opens.
#[derive(Debug)]
pub struct Rule {
    /// Its name in fingerprints: lower case letters, digits and `-`.
    pub name: Arc<str>,
    /// What it is called.
    pub title: String,
    /// What its holder can do.
    pub can: String,
    pub(super) pattern: Pattern,
    /// Where in its file the pattern stands.
    pub(super) at: Option<Range<usize>>,
    /// The group that is the secret; else the first that holds something, else the whole.
    pub(super) group: Option<usize>,
    /// The words of which one stands in, or near, each match.
    pub(super) words: Vec<Word>,
    /// Where in a match one of them stands.
    pub(super) stands: Stands,
    /// The most bytes of a match, if that is known and not too many.
    pub(super) longest: Option<usize>,
    pub(super) checksum: Option<Checksum>,
    pub(super) confidence: Confidence,
    /// Bits a byte that a secret must have more of.
    pub(super) entropy: f32,
    /// Whether it is ours: stands alone as a word, and is hidden even if little speaks for it.
    pub(super) ours: bool,
    pub(super) allowed: Vec<Arc<Allowed>>,
    /// Texts in which it is found, and texts in which it is not, as templates.
    pub(super) examples: [Vec<String>; 2],
}

impl Rule {
    /// Builds its pattern now, so that whoever wrote it hears of what is wrong.
    pub(super) fn build(&self) -> Result<(), (Option<Range<usize>>, String)> {
        self.pattern.build().map_err(|bad| (self.at.clone(), bad.says))
    }

    /// Makes a fake secret of its kind with `next`'s chance, in a text of its kind, and tells where
    /// in it the secret stands; `None` if it has no examples.
    pub fn made(&self, next: &mut dyn FnMut() -> u64) -> Option<(String, Range<usize>)> {
        sample::made(self.examples[0].first()?, self.checksum, next).ok()
    }

    /// Returns what is wrong with its examples: those it should find whole and does not, those it
    /// should not be sure of and is.
    pub(super) fn examined(&self, next: &mut dyn FnMut() -> u64) -> Vec<String> {
        let [yes, no] = &self.examples;
        let all = yes.iter().map(|template| (template, true)).chain(no.iter().map(|template| (template, false)));
        all.filter_map(|(template, is)| {
            let (text, secret) = match sample::made(template, self.checksum, next) {
                Ok(made) => made,
                Err(part) => return Some(format!("`{part}` in an example of `{}` means nothing", self.name)),
            };
            let mut found = Vec::new();
            self.search(&Message::new(text.as_bytes()), 0..text.len(), 0, &mut found);
            let whole = matches!(&*found, [one] if one.span == secret && one.confidence == self.confidence);
            let sure = found.iter().any(|one| one.confidence > Confidence::Suspected);
            match (is, whole, sure) {
                (true, false, _) => Some(format!("`{}` does not find its example {template}", self.name)),
                (false, _, true) => Some(format!("`{}` is sure of its counter-example {template}", self.name)),
                _ => None,
            }
        })
        .collect()
    }

    /// Tells whether a checksum proves what it finds.
    pub fn is_summed(&self) -> bool {
        self.checksum.is_some()
    }

    /// Returns how many secrets it finds in `text`, a message by itself.
    pub fn count(&self, text: &[u8]) -> usize {
        let mut found = Vec::new();
        self.search(&Message::new(text), 0..text.len(), 0, &mut found);
        found.len()
    }

    /// Appends what it finds in `window` of `message`; `number` is its place among the rules.
    pub(super) fn search(&self, message: &Message<'_>, window: Range<usize>, number: u16, found: &mut Vec<Found>) {
        let text = message.text;
        let mut from = window.start;
        let mut times = 0;
        while from < window.end {
            let cut = self.pattern.longest().is_none() && times >= MANY;
            let to = if cut { window.end.min(from + SHORT) } else { window.end };
            let Some(whole) = self.pattern.first(text, from..to) else {
                if to == window.end {
                    break;
                }
                from = to;
                continue;
            };
            times += 1;
            from = whole.end.max(whole.start + 1);
            if let Some(secret) = self.secret(text, &whole) {
                self.judge(message, &whole, secret, number, found);
            }
        }
    }

    /// Appends what it finds at the `starts` of its words, ascending: for a rule whose matches begin
    /// with one and have a longest length.
    pub(super) fn search_at(
        &self,
        message: &Message<'_>,
        starts: impl Iterator<Item = usize>,
        number: u16,
        found: &mut Vec<Found>,
    ) {
        let text = message.text;
        let mut from = 0;
        for start in starts {
            let end = text.len().min(start + self.longest.unwrap_or(SHORT));
            if start < from {
                continue;
            }
            let Some(whole) = self.pattern.at(text, start..end) else { continue };
            from = whole.end;
            if let Some(secret) = self.secret(text, &whole) {
                self.judge(message, &whole, secret, number, found);
            }
        }
    }

    /// Returns the secret in a match.
    fn secret(&self, text: &[u8], whole: &Range<usize>) -> Option<Range<usize>> {
        let groups = self.pattern.groups();
        if groups == 0 {
            return Some(whole.clone());
        }
        let found = self.pattern.groups_of(text, whole.clone())?;
        let group = |number| found.get_group(number).map(|span| span.range()).filter(|span| !span.is_empty());
        match self.group {
            Some(number) => group(number),
            None => (1..=groups).find_map(group).or_else(|| Some(whole.clone())),
        }
    }

    fn judge(
        &self,
        message: &Message<'_>,
        whole: &Range<usize>,
        mut secret: Range<usize>,
        number: u16,
        found: &mut Vec<Found>,
    ) {
        let text = message.text;
        let mut confidence = self.confidence;
        let value = &text[secret.clone()];
        let dull = self.entropy > 0.0 && entropy(value) <= self.entropy;
        if self.ours {
            let inside = |unit: Unit| LETTER.has(unit.byte);
            if secret.start == whole.start && unit_before(text, secret.start).is_some_and(inside) {
                return;
            }
            let more = run_of(&text[secret.end..], &WORD, MORE);
            if more > 0 || dull || self.checksum.is_some_and(|sum| !sum.holds(value)) {
                confidence = Confidence::Suspected;
            }
            secret.end += more;
        } else if dull {
            return;
        }
        let allows = |list: &Arc<Allowed>| list.allows(text, &self.pattern.with_lead(text, whole), &secret);
        if secret.is_empty() || self.allowed.iter().any(allows) {
            return;
        }
        let dummy = is_dummy(&text[secret.clone()]);
        let mut parts = Vec::new();
        message.parts(secret, &mut parts);
        found.extend(parts.into_iter().map(|part| {
            let mut this = Found::new(part, Kind::Rule(number), confidence);
            this.dummy = dummy;
            this
        }));
    }
}
