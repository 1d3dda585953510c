//! Where in a batch does any of a thousand words stand?
//!
//! Every text of four bytes holds a run of three that starts at an even place, so of each word two
//! such runs are kept in a bitmap and every second place of the text is asked, sixteen at a time where
//! the processor can (`avx2`): the cost of a clean text does not grow with the number of words. A place
//! that the bitmap lets through is compared with the word's first bytes before anything else is looked
//! up. Bytes are folded by `| 0x20` as they are read. A word of three bytes is known by itself and by two
//! of its bytes with any beside them; where its case does not matter it has a bitmap of its own, asked at
//! every place. Hits take eight bytes; crafted text has at most as many as its words can overlap.

use crate::redaction::scan::BLOCK;
use crate::telemetry::avx2::{self, Bits, SLOTS, slot};

/// A word that is looked for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Word {
    /// Its bytes: at least three.
    pub bytes: Vec<u8>,
    /// What counts as the same.
    pub case: Case,
}

/// When is a text a word?
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Case {
    /// Byte by byte.
    Exact,
    /// Whatever the case of its letters.
    Ignored,
    /// When its bytes, `| 0x20`, are the word's.
    Folded,
}

impl Word {
    /// The fewest bytes of a word: what is shorter stands everywhere.
    pub const LEAST: usize = 3;

    fn stands_at(&self, text: &[u8], start: usize) -> bool {
        let Some(here) = text.get(start..start + self.bytes.len()) else { return false };
        match self.case {
            Case::Exact => here == self.bytes,
            Case::Ignored => here.eq_ignore_ascii_case(&self.bytes),
            Case::Folded => here.iter().zip(&self.bytes).all(|(byte, wanted)| byte | 0x20 == *wanted),
        }
    }
}

/// A word that stands in the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct WordHit {
    /// Where it starts.
    pub start: u32,
    /// Which it is.
    pub word: u16,
}

/// Looks for words.
#[derive(Debug)]
pub struct Grams {
    words: Vec<Word>,
    long: Table,
    short: Table,
}

impl Grams {
    /// Returns a searcher for `words`.
    pub fn new(words: Vec<Word>) -> Self {
        let (mut long, mut short) = (Vec::new(), Vec::new());
        for (number, word) in (0_u16..).zip(&words) {
            let folded: Vec<u8> = word.bytes.iter().map(|byte| byte | 0x20).collect();
            let entry = |back| Entry::new(number, back, word);
            match *folded {
                [a, b, c] if word.case == Case::Ignored => short.push((gram(&[a, b, c]), entry(0))),
                [a, b, c] => {
                    long.push((gram(&[a, b, c]), entry(0)));
                    // Every byte has this bit once it is folded.
                    let beside = (0..=u8::MAX).filter(|byte| byte & 0x20 != 0);
                    if rank(a) + rank(b) >= rank(b) + rank(c) {
                        long.extend(beside.map(|before| (gram(&[before, a, b]), entry(-1))));
                    } else {
                        long.extend(beside.map(|behind| (gram(&[b, c, behind]), entry(1))));
                    }
                }
                _ => {
                    // A head of it will do: the rest is compared.
                    let at = rarest(&folded[..folded.len().min(LONGEST)]);
                    long.extend([at, at + 1].map(|back| (gram(&folded[back..]), entry(back as i16))));
                }
            }
        }
        Self { words, long: Table::new(long), short: Table::new(short) }
    }

    /// Tells `hit` of each word in `text`: nearly ascending by where they start, those of three bytes
    /// whose case does not matter behind all others.
    pub fn hits(&self, text: &[u8], mut hit: impl FnMut(WordHit)) {
        if !self.long.entries.is_empty() {
            self.long.each::<2>(text, |at| self.settle(&self.long, text, at, &mut hit));
        }
        if !self.short.entries.is_empty() {
            self.short.each::<1>(text, |at| self.settle(&self.short, text, at, &mut hit));
        }
    }

    /// Returns the length of word `word`.
    pub fn length(&self, word: u16) -> usize {
        self.words.get(usize::from(word)).map_or(0, |word| word.bytes.len())
    }

    #[inline]
    fn settle(&self, table: &Table, text: &[u8], at: usize, hit: &mut impl FnMut(WordHit)) {
        for entry in table.at(text, at) {
            let Some(start) = at.checked_add_signed(-isize::from(entry.back)) else { continue };
            if (load(text, start) as u32 | entry.fold) & entry.mask != entry.head {
                continue;
            }
            if self.words[usize::from(entry.word)].stands_at(text, start) {
                hit(WordHit { start: start as u32, word: entry.word });
            }
        }
    }
}

/// What words have in common with the names and values of Azure's telemetry, the commonest first:
/// each stands in more than one record of thirty.
const COMMON: &str = "\
    ion tio ent pro eve cti ati unc cat res ons api ven tes ess ost ate rce web lev vel rod app age -ap ces ser men \
    ken est -pr end inf gro ies nti d-a sio s-p aws -am ack cke ord ner ver cce use ata ppl nse ipa rol com cal typ \
    ype odu uct duc ssi nin sti sid nap tps ps: tat uri ort ice pay mar pri rys erv ntn ecu cli ont ana man gem nto \
    ode gen sec ere ing -or ica ist et- ede eta pse ook ake cip oki kie coo pos e-a cor one was tic ela s.s lsv vis \
    ses rvi vic aut uth cre dme ndr .co ity ffi .au and dar apt acc lic pli nt- ars -ag p.a -ty t-o p.c x-a pme hip shi ntr \
    ss- sen den red eck ail lar 1.0 ill hon hor ori tia ial mac -ad -te cel .st mai";

/// Returns the place of the four bytes of `word` that are least common in telemetry.
fn rarest(word: &[u8]) -> usize {
    // The earlier among the common ones, the more is to be avoided.
    let common =
        |gram: &[u8]| COMMON.as_bytes().chunks(4).rev().position(|one| one[..3] == *gram).map_or(0, |at| at + 1);
    let score = |at: &usize| {
        let four = &word[*at..*at + 4];
        (std::cmp::Reverse(common(&four[..3]) + common(&four[1..])), four.iter().copied().map(rank).sum::<u32>())
    };
    (0..=word.len() - 4).rev().max_by_key(score).unwrap_or(0)
}

/// Returns how rare a byte is in telemetry.
const fn rank(byte: u8) -> u32 {
    match byte {
        b'e' | b't' | b'a' | b'o' | b'i' | b'n' | b's' | b'r' | b'0' | b' ' | b'"' | b':' | b'/' | b'.' | b'-' => 1,
        b'1'..=b'9' | b'l' | b'c' | b'd' | b'u' | b'm' | b'p' => 2,
        b'h' | b'f' | b'g' | b'y' | b'w' | b'b' => 3,
        _ => 5,
    }
}

/// Returns the first three bytes as a number.
fn gram(bytes: &[u8]) -> u32 {
    match bytes {
        [a, b, c, ..] => u32::from_le_bytes([*a, *b, *c, 0]),
        _ => 0,
    }
}

/// Three bytes of a word and how far behind its start they stand.
#[derive(Clone, Copy, Debug)]
struct Entry {
    /// The first four bytes of the word, or three.
    head: u32,
    mask: u32,
    /// What is set in the text's bytes before they are compared with the head.
    fold: u32,
    word: u16,
    back: i16,
}

impl Entry {
    fn new(number: u16, back: i16, word: &Word) -> Self {
        let mask = if word.bytes.len() > Word::LEAST { u32::MAX } else { 0xff_ffff };
        let fold = if word.case == Case::Exact { 0 } else { FOLD as u32 };
        Self { head: (load(&word.bytes, 0) as u32 | fold) & mask, mask, fold, word: number, back }
    }
}

#[derive(Debug)]
struct Table {
    /// One bit for each slot: all that clean text touches.
    bits: Box<Bits>,
    /// How many bits are set before each four bytes of them.
    ranks: Box<Bits>,
    /// Where the entries of each set bit start; one more for the end.
    heads: Vec<u32>,
    entries: Vec<Entry>,
}

/// Of a longer word the first bytes are enough to know it by.
const LONGEST: usize = 256;
/// How many blocks are asked before any of their places is looked at.
const TOGETHER: usize = 64;
const FOLD: u64 = 0x2020_2020_2020_2020;
/// How many places one load of eight bytes answers for.
const STRIDE: usize = 6;

impl Table {
    fn new(mut grams: Vec<(u32, Entry)>) -> Self {
        grams.sort_by_key(|(gram, _)| slot(*gram));
        let (mut bits, mut ranks) = (Box::new([0_u32; SLOTS / 32]), Box::new([0_u32; SLOTS / 32]));
        let mut heads = Vec::new();
        let mut last = None;
        for (place, (gram, _)) in (0_u32..).zip(&grams) {
            let slot = slot(*gram);
            if last.replace(slot) != Some(slot) {
                heads.push(place);
                bits[slot / 32] |= 1 << (slot % 32);
            }
        }
        heads.push(grams.len() as u32);
        let mut before = 0;
        for (rank, bits) in ranks.iter_mut().zip(bits.iter()) {
            *rank = before;
            before += bits.count_ones();
        }
        Self { bits, ranks, heads, entries: grams.into_iter().map(|(_, entry)| entry).collect() }
    }

    /// Calls `one` for every `STEP`th place at which the text may hold a gram.
    fn each<const STEP: usize>(&self, text: &[u8], mut one: impl FnMut(usize)) {
        let mut base = if STEP == 2 { self.blocks(text, &mut one) } else { 0 };
        while base < text.len() {
            let word = load(text, base) | FOLD;
            for at in (0..STRIDE).step_by(STEP) {
                let slot = slot((word >> (8 * at)) as u32);
                if self.bits[slot / 32] >> (slot % 32) & 1 == 1 {
                    one(base + at);
                }
            }
            base += STRIDE;
        }
    }

    /// Does so for every second place, as long as there are whole blocks; returns where they end.
    fn blocks(&self, text: &[u8], one: &mut impl FnMut(usize)) -> usize {
        let blocks = text.len().saturating_sub(2) / BLOCK;
        let mut masks = [0; TOGETHER];
        for first in (0..blocks).step_by(TOGETHER) {
            let (masks, text) = (&mut masks[..TOGETHER.min(blocks - first)], &text[first * BLOCK..]);
            if !avx2::places(text, &self.bits, masks) {
                plain(text, &self.bits, masks);
            }
            for (nth, mask) in masks.iter().enumerate() {
                let mut seen = *mask;
                while seen != 0 {
                    one((first + nth) * BLOCK + seen.trailing_zeros() as usize);
                    seen &= seen - 1;
                }
            }
        }
        blocks * BLOCK
    }

    /// Returns the entries of the gram at `at`.
    #[inline]
    fn at(&self, text: &[u8], at: usize) -> &[Entry] {
        let slot = slot((load(text, at) | FOLD) as u32);
        let below = self.bits[slot / 32] & ((1 << (slot % 32)) - 1);
        let rank = self.ranks[slot / 32] as usize + below.count_ones() as usize;
        let (Some(&from), Some(&to)) = (self.heads.get(rank), self.heads.get(rank + 1)) else { return &[] };
        self.entries.get(from as usize..to as usize).unwrap_or_default()
    }
}

/// Does what [`avx2::places`] does, place by place.
fn plain(text: &[u8], bits: &Bits, masks: &mut [u64]) {
    for (nth, mask) in masks.iter_mut().enumerate() {
        *mask = 0;
        for at in (0..BLOCK).step_by(2) {
            let slot = slot((load(text, nth * BLOCK + at) | FOLD) as u32);
            *mask |= u64::from(bits[slot / 32] >> (slot % 32) & 1) << at;
        }
    }
}

/// Returns the eight bytes at `at`, zeros behind the end.
#[inline]
fn load(text: &[u8], at: usize) -> u64 {
    if let Some(Ok(bytes)) = text.get(at..at + 8).map(<[u8; 8]>::try_from) {
        return u64::from_le_bytes(bytes);
    }
    let mut bytes = [0; 8];
    for (to, from) in bytes.iter_mut().zip(text.get(at..).unwrap_or_default()) {
        *to = *from;
    }
    u64::from_le_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn word(text: &str, case: Case) -> Word {
        Word { bytes: text.as_bytes().to_vec(), case }
    }

    fn hits(grams: &Grams, text: &[u8]) -> Vec<WordHit> {
        let mut hits = Vec::new();
        grams.hits(text, |hit| hits.push(hit));
        hits.sort_unstable();
        hits
    }

    #[test]
    fn what_is_common_are_three_characters_each() {
        let common: Vec<&str> = COMMON.split(' ').collect();
        assert!(common.iter().all(|gram| gram.len() == 3), "{common:?}");
    }

    #[test]
    fn a_word_is_found_at_every_place_and_at_both_ends() {
        let grams = Grams::new(vec![
            word("ghp_", Case::Exact),
            word("hf_", Case::Exact),
            word("Datadog", Case::Ignored),
            word("key", Case::Ignored),
            word("%3d", Case::Folded),
        ]);
        for shift in (0..20).chain(60..70) {
            let text = format!("{}ghp_hf_aDATADOGxKEY%3D", ".".repeat(shift));
            let starts: Vec<_> =
                hits(&grams, text.as_bytes()).iter().map(|hit| (hit.start as usize - shift, hit.word)).collect();
            assert_eq!(starts, [(0, 0), (4, 1), (8, 2), (16, 3), (19, 4)], "{shift}");
        }
        assert!(hits(&grams, b"GHP_ HF_A ghp ke").is_empty());
        assert!(hits(&grams, b"").is_empty());
    }

    proptest! {
        #[test]
        fn nothing_is_found_but_what_a_plain_search_finds(
            words in prop::collection::vec(("[a-cA-C_]{3,6}", 0..3), 0..12),
            text in "[a-cA-C_ ]{0,200}",
        ) {
            let case = |nth: i32| [Case::Exact, Case::Ignored, Case::Folded][nth as usize];
            let words: Vec<Word> = words
                .iter()
                .map(|(text, nth)| match case(*nth) {
                    Case::Folded => Word { bytes: text.bytes().map(|byte| byte | 0x20).collect(), case: Case::Folded },
                    case => word(text, case),
                })
                .collect();
            let mut plain = Vec::new();
            for start in 0..text.len() {
                let stands = |(_, word): &(u16, &Word)| word.stands_at(text.as_bytes(), start);
                let here = (0_u16..).zip(&words).filter(stands);
                plain.extend(here.map(|(word, _)| WordHit { start: start as u32, word }));
            }
            prop_assert_eq!(hits(&Grams::new(words), text.as_bytes()), plain);
        }

        #[test]
        fn both_ways_tell_the_same_places(text in prop::collection::vec(any::<u8>(), 66..400), seed in any::<u32>()) {
            let mut bits = Box::new([0_u32; SLOTS / 32]);
            for (nth, bits) in bits.iter_mut().enumerate() {
                *bits = (nth as u32).wrapping_mul(seed | 1).rotate_left(7);
            }
            let blocks = (text.len() - 2) / BLOCK;
            let [mut one, mut other] = [vec![u64::MAX; blocks], vec![u64::MAX; blocks]];
            plain(&text, &bits, &mut one);
            if avx2::places(&text, &bits, &mut other) {
                prop_assert_eq!(one, other);
            }
        }
    }
}
