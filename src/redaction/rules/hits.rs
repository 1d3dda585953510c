//! Which rules have something to look for in this message, and where?
//!
//! Words are found batch by batch and given out message by message. A rule's windows are merged
//! before its pattern runs, so each byte is searched once a rule, however often its word stands
//! there. What is kept is bounded by the hits of one message.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use super::Rules;
use super::grams::WordHit;
use super::shape::Stands;
use super::span::Message;
use crate::redaction::scan::Found;

/// The words that were found in a batch.
pub struct RuleHits {
    rules: Arc<Rules>,
    hits: Vec<WordHit>,
    next: usize,
    /// Kept from message to message: hits by word, rules to run, windows of one rule.
    by_word: Vec<(u16, u32)>,
    due: Vec<u16>,
    windows: Vec<Range<usize>>,
    starts: Vec<u32>,
}

impl fmt::Debug for RuleHits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RuleHits({})", self.hits.len())
    }
}

impl RuleHits {
    /// Returns no hits of `rules`.
    pub(super) fn new(rules: Arc<Rules>) -> Self {
        let hits = Vec::new();
        Self { rules, hits, next: 0, by_word: Vec::new(), due: Vec::new(), windows: Vec::new(), starts: Vec::new() }
    }

    /// Takes a hit.
    pub(super) fn push(&mut self, hit: WordHit) {
        self.hits.push(hit);
    }

    /// Puts them in order, before the first is asked for.
    pub(super) fn sort(&mut self) {
        self.hits.sort_unstable();
    }

    /// Appends what the rules find in message `range` of `batch`, places counted from its start;
    /// ranges must be asked for in ascending order.
    #[inline]
    pub fn settle(&mut self, batch: &[u8], range: Range<usize>, found: &mut Vec<Found>) {
        let rest = self.hits.get(self.next..).unwrap_or_default();
        if self.rules.everywhere.is_empty() && rest.first().is_none_or(|hit| hit.start as usize >= range.end) {
            return;
        }
        let first = self.next + rest.iter().take_while(|hit| (hit.start as usize) < range.start).count();
        let rest = self.hits.get(first..).unwrap_or_default();
        let inside = rest.iter().take_while(|hit| (hit.start as usize) < range.end).count();
        self.next = first + inside;
        if inside > 0 || !self.rules.everywhere.is_empty() {
            self.look(batch, range, first..first + inside, found);
        }
    }

    #[cold]
    fn look(&mut self, batch: &[u8], range: Range<usize>, hits: Range<usize>, found: &mut Vec<Found>) {
        let Some(text) = batch.get(range.clone()) else { return };
        let rules = self.rules.clone();
        self.by_word.clear();
        let ends_within = |hit: &&WordHit| hit.start as usize + rules.length(hit.word) <= range.end;
        let hits = self.hits[hits].iter().filter(ends_within);
        self.by_word.extend(hits.map(|hit| (hit.word, hit.start - range.start as u32)));
        self.by_word.sort_unstable();
        self.due.clear();
        self.due.extend_from_slice(&rules.everywhere);
        for same in self.by_word.chunk_by(|(a, _), (b, _)| a == b) {
            self.due.extend_from_slice(&rules.by_word[usize::from(same[0].0)]);
        }
        self.due.sort_unstable();
        self.due.dedup();
        let message = Message::new(text);
        for number in &self.due {
            let rule = &rules.all[usize::from(*number)];
            let words = &rules.words_of[usize::from(*number)];
            self.windows.clear();
            match (rule.longest, rule.stands) {
                (Some(_), Stands::First) => {
                    self.starts.clear();
                    self.starts.extend(words.iter().flat_map(|word| of(&self.by_word, *word)));
                    self.starts.sort_unstable();
                    rule.search_at(&message, self.starts.iter().map(|start| *start as usize), *number, found);
                }
                (Some(longest), Stands::Inside) => {
                    around(&self.by_word, words, &rules, longest, text.len(), &mut self.windows);
                }
                _ => self.windows.push(0..text.len()),
            }
            for window in &self.windows {
                rule.search(&message, window.clone(), *number, found);
            }
        }
    }
}

/// Puts the parts of a text of `length` bytes that are at most `reach` bytes from a hit of `words`
/// into `windows`, ascending and apart.
fn around(
    hits: &[(u16, u32)],
    words: &[u16],
    rules: &Rules,
    reach: usize,
    length: usize,
    windows: &mut Vec<Range<usize>>,
) {
    for word in words {
        windows.extend(of(hits, *word).map(|start| {
            let start = start as usize;
            let end = start + rules.length(*word);
            end.saturating_sub(reach).min(start)..(start + reach).max(end).min(length)
        }));
    }
    if words.len() > 1 {
        windows.sort_unstable_by_key(|window| window.start);
    }
    let mut kept = 0;
    for at in 1..windows.len() {
        if windows[at].start <= windows[kept].end {
            windows[kept].end = windows[kept].end.max(windows[at].end);
        } else {
            kept += 1;
            windows.swap(kept, at);
        }
    }
    windows.truncate(kept + 1);
}

/// Returns where `word` stands, of `hits` sorted by word and place.
fn of(hits: &[(u16, u32)], word: u16) -> impl Iterator<Item = u32> {
    let first = hits.partition_point(|(other, _)| *other < word);
    hits[first..].iter().take_while(move |(other, _)| *other == word).map(|(_, start)| *start)
}
