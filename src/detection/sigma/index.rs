//! Which rules can an event fulfil? Found by what its values are and contain, without trying each rule.
//!
//! Of every rule one set of keys is chosen, the rarest by a guess, of which an event has at least one if it
//! fulfils the rule. Values that a field must be stand in a table; texts that it must contain are looked for by one
//! automaton for each field. Rules without keys, which ask for nothing certain, are tried on every event.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
use bumpalo::Bump;

use super::cond::Cond;
use super::expr::{Key, Keys};
use super::reading::Reading;
use super::test::number;
use crate::detection::words::Parts;

/// Values longer than this are not looked up, but looked for.
const LONGEST: usize = 256;
/// Bytes of a text of which a copy is made to look for parts of words in it.
const MOST_COPIED: usize = 16 * 1024;
/// Bytes of patterns up to which an automaton is of the quick kind, which takes more memory.
const QUICK: usize = 64 * 1024;

/// Finds the rules of one category.
#[derive(Clone, Debug, Default)]
pub(super) struct Index {
    /// Rules that are tried always, as bits.
    always: Vec<u64>,
    /// The fields whose values are looked up.
    exact: Vec<u16>,
    /// Rules by field and value.
    table: HashMap<u64, Vec<u32>, BuildHasherDefault<OfHash>>,
    searches: Vec<Search>,
}

#[derive(Clone, Debug)]
struct Search {
    slot: u16,
    /// The words' parts, if they are few: a SIMD search for those passes over most of a long text.
    parts: Option<Parts>,
    automaton: AhoCorasick,
    rules: Vec<Vec<u32>>,
}

impl Index {
    /// Returns an index of `rules`; its numbers are their places.
    pub(super) fn new<'c>(rules: impl ExactSizeIterator<Item = &'c Cond>) -> Self {
        let mut index = Self { always: vec![0; rules.len().div_ceil(64)], ..Self::default() };
        let mut parts: HashMap<u16, HashMap<String, Vec<u32>>> = HashMap::new();
        for (number, cond) in (0_u32..).zip(rules) {
            let Some((_, keys)) = keys_of(cond) else {
                set(&mut index.always, number);
                continue;
            };
            for (slot, key) in keys {
                match key {
                    Key::Is(text) if text.len() > LONGEST => {
                        parts.entry(slot).or_default().entry(text).or_default().push(number);
                    }
                    Key::Part(text) => parts.entry(slot).or_default().entry(text).or_default().push(number),
                    Key::Is(text) => index.add_exact(slot, hash_text(slot, text.as_bytes()), number),
                    Key::Number(value) => index.add_exact(slot, hash_number(slot, value), number),
                }
            }
        }
        let mut slots: Vec<_> = parts.into_iter().collect();
        slots.sort_unstable_by_key(|(slot, _)| *slot);
        for (slot, words) in slots {
            index.add_search(slot, words);
        }
        index
    }

    /// Returns an index by which all of `rules` rules are tried.
    #[cfg(test)]
    pub(super) fn of_all(rules: usize) -> Self {
        let mut index = Self { always: vec![0; rules.div_ceil(64)], ..Self::default() };
        (0..rules as u32).for_each(|rule| set(&mut index.always, rule));
        index
    }

    fn add_exact(&mut self, slot: u16, hash: u64, rule: u32) {
        if !self.exact.contains(&slot) {
            self.exact.push(slot);
        }
        self.table.entry(hash).or_default().push(rule);
    }

    fn add_search(&mut self, slot: u16, words: HashMap<String, Vec<u32>>) {
        let mut words: Vec<_> = words.into_iter().collect();
        words.sort_unstable();
        let bytes: usize = words.iter().map(|(word, _)| word.len()).sum();
        let kind = (bytes <= QUICK).then_some(AhoCorasickKind::DFA);
        let built = AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .match_kind(MatchKind::Standard)
            // Of so many words bytes are hardly rare: looking ahead for those takes longer than it spares.
            .prefilter(false)
            .kind(kind)
            .build(words.iter().map(|(word, _)| word));
        let parts = Parts::of(words.iter().map(|(word, _)| word.as_str()));
        match built {
            Ok(automaton) => {
                self.searches.push(Search {
                    slot,
                    parts,
                    automaton,
                    rules: words.into_iter().map(|(_, rules)| rules).collect(),
                });
            }
            Err(_) => words.iter().flat_map(|(_, rules)| rules).for_each(|rule| set(&mut self.always, *rule)),
        }
    }

    /// Gives `each` the rules that the event may fulfil, in order.
    pub(super) fn candidates<'g, 'e, 's: 'e>(
        &self,
        reading: &mut Reading<'g, 'e, 's>,
        mut each: impl FnMut(u32, &mut Reading<'g, 'e, 's>),
    ) {
        let mut found = bumpalo::collections::Vec::from_iter_in(self.always.iter().copied(), reading.arena());
        for &slot in &self.exact {
            for said in reading.get(slot).0 {
                let text = said.text.trim_ascii();
                if said.null || said.text.len() > LONGEST {
                    continue;
                }
                let mut hit =
                    |hash| self.table.get(&hash).into_iter().flatten().for_each(|rule| set(&mut found, *rule));
                hit(hash_text(slot, said.text.as_bytes()));
                if let Some(number) = number(text) {
                    hit(hash_number(slot, number));
                }
            }
        }
        for search in &self.searches {
            let arena = reading.arena();
            for said in reading.get(search.slot).0 {
                if search.passes_over(said.text, arena) {
                    continue;
                }
                for part in search.automaton.find_overlapping_iter(said.text) {
                    let rules = search.rules.get(part.pattern().as_usize());
                    rules.into_iter().flatten().for_each(|rule| set(&mut found, *rule));
                }
            }
        }
        for (place, &bits) in found.iter().enumerate() {
            let mut bits = bits;
            while bits != 0 {
                each(place as u32 * 64 + bits.trailing_zeros(), reading);
                bits &= bits - 1;
            }
        }
    }
}

impl Search {
    /// Tells whether a text certainly contains none of the words, which only pays to ask of a long one; of one that is
    /// too long to be copied it is not asked.
    fn passes_over(&self, text: &str, arena: &Bump) -> bool {
        let long = (Parts::LEAST..=MOST_COPIED).contains(&text.len());
        let Some(parts) = self.parts.as_ref().filter(|_| long) else { return false };
        let lower = arena.alloc_slice_copy(text.as_bytes());
        lower.make_ascii_lowercase();
        parts.are_absent(lower)
    }
}

/// Takes a hash as it is.
#[derive(Clone, Debug, Default)]
struct OfHash(u64);

impl Hasher for OfHash {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

fn set(bits: &mut [u64], number: u32) {
    if let Some(word) = bits.get_mut(number as usize / 64) {
        *word |= 1 << (number % 64);
    }
}

/// Returns the same for texts that differ in case alone, and for some others: what is found by it is tried.
fn hash_text(slot: u16, text: &[u8]) -> u64 {
    let (words, rest) = text.as_chunks();
    let last = rest.iter().fold(text.len() as u64, |word, byte| word << 8 | u64::from(*byte));
    let start = u64::from(slot).wrapping_mul(SPREAD);
    let hash = words.iter().fold(start, |hash, word| mixed(hash, u64::from_le_bytes(*word) | FOLD));
    mixed(hash, last | FOLD)
}

fn hash_number(slot: u16, number: f64) -> u64 {
    // Zero has two signs.
    mixed(!u64::from(slot).wrapping_mul(SPREAD), (number + 0.0).to_bits())
}

const FOLD: u64 = 0x2020_2020_2020_2020;
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;

#[inline]
const fn mixed(hash: u64, word: u64) -> u64 {
    let mixed = (hash ^ word).wrapping_mul(SPREAD);
    mixed ^ mixed >> 32
}

/// Returns keys of which an event has at least one if it fulfils `cond`, and how common they are.
fn keys_of(cond: &Cond) -> Option<(u32, Vec<(u16, Key)>)> {
    match cond {
        Cond::Is(slot, sound) => match &sound.keys {
            Keys::Unknown => None,
            Keys::OneOf(keys) => Some((sound.keys.commonness(), keys.iter().map(|key| (*slot, key.clone())).collect())),
        },
        Cond::Same(..) | Cond::Not(_) => None,
        Cond::All(parts) => parts.iter().filter_map(keys_of).min_by_key(|(common, _)| *common),
        Cond::Any(parts) => {
            let mut all = (0_u32, Vec::new());
            for part in parts {
                let (common, keys) = keys_of(part)?;
                all.0 = all.0.saturating_add(common);
                all.1.extend(keys);
            }
            (!all.1.is_empty()).then_some(all)
        }
    }
}
