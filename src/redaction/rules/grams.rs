//! Where in a batch does any of a thousand words stand?
//!
//! Where the processor can tell of 64 places at once whether a word's rarest four bytes may stand there, that is
//! asked (`buckets`). Elsewhere, and where the words are too many for it: every text of five bytes holds a run of
//! four that starts at an even place, so of each word two such runs are kept in a bitmap and every second place of the
//! text is asked, sixteen at a time where the processor can (`avx2`): the cost of a clean text does not grow with the
//! number of words. A place that is let through is compared with the word's first bytes before anything else is looked
//! up.
//! Bytes are folded by `| 0x20` as they are read. Of a shorter word a run counts with any byte beside it:
//! the bitmap is laid out so that the fourth byte is known by a bit, and any is 32 bits side by side.
//! Hits take eight bytes; crafted text has at most as many as its words can overlap.

use super::buckets::Buckets;
use crate::redaction::scan::BLOCK;
use crate::telemetry::avx2::{self, AT_ONCE, Bits, FOUR, Pair, SLOTS, slot};

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
    table: Table,
}

impl Grams {
    /// Returns a searcher for `words`.
    pub fn new(words: Vec<Word>) -> Self {
        let buckets = if avx2::has_buckets() { Buckets::new(&words) } else { None };
        Self::with(words, buckets)
    }

    /// Returns a searcher for `words`, which are in `buckets` if there are any.
    fn with(words: Vec<Word>, buckets: Option<Buckets>) -> Self {
        let mut grams = Vec::new();
        let (pairs, backs) = buckets.map_or_else(Default::default, |buckets| (buckets.pairs, buckets.backs));
        for (number, word) in (0_u16..).zip(&words) {
            let folded: Vec<u8> = word.bytes.iter().map(|byte| byte | 0x20).collect();
            let entry = |back| Entry::new(number, back, word);
            let any_behind = |[a, b, c]: [u8; 3], back| {
                // Of the last byte five bits count.
                (0x20..0x40).map(move |last| (gram([a, b, c, last]), entry(back)))
            };
            let any_before = |[a, b, c]: [u8; 3], back| {
                let folded = (0..=u8::MAX).filter(|byte| byte & 0x20 != 0);
                folded.map(move |first| (gram([first, a, b, c]), entry(back)))
            };
            let four = |at| folded.get(at..).and_then(<[u8]>::first_chunk).map_or(0, |four| gram(*four));
            match (folded.as_slice(), backs.get(usize::from(number))) {
                (&[a, b, c], Some(_)) => grams.extend(any_behind([a, b, c], 0)),
                (_, Some(at)) => grams.push((four(usize::from(*at)), entry(i16::from(*at)))),
                (&[a, b, c], None) => {
                    grams.extend(any_behind([a, b, c], 0));
                    grams.extend(any_before([a, b, c], -1));
                }
                (&[a, b, c, d], None) => {
                    grams.push((gram([a, b, c, d]), entry(0)));
                    if common(&[a, b, c]) < common(&[b, c, d]) {
                        grams.extend(any_before([a, b, c], -1));
                    } else {
                        grams.extend(any_behind([b, c, d], 1));
                    }
                }
                _ => {
                    // A head of it will do: the rest is compared.
                    let at = rarest(&folded[..folded.len().min(LONGEST)]);
                    grams.extend([at, at + 1].map(|back| (four(back), entry(back as i16))));
                }
            }
        }
        Self { words, table: Table::new(grams, pairs) }
    }

    /// Tells `hit` of each word in `text`: nearly ascending by where they start. Calls `beside` with the start of each
    /// [`CHUNK`] bytes, ascending, once they have been read: what else reads them then finds them in the nearest cache,
    /// and the next ones are fetched meanwhile.
    pub fn hits(&self, text: &[u8], mut hit: impl FnMut(WordHit), mut beside: impl FnMut(usize)) {
        if self.table.entries.is_empty() {
            return (0..text.len()).step_by(CHUNK).for_each(beside);
        }
        self.table.each(text, |at| self.settle(text, at, &mut hit), &mut beside);
    }

    /// Returns the length of word `word`.
    pub fn length(&self, word: u16) -> usize {
        self.words.get(usize::from(word)).map_or(0, |word| word.bytes.len())
    }

    #[inline]
    fn settle(&self, text: &[u8], at: usize, hit: &mut impl FnMut(WordHit)) {
        for entry in self.table.at(text, at) {
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
    ion tio ent pro eve cti ati api unc cat res ons api ven tes ess ost ate rce web lev vel rod app age -ap ces ser men \
    ken est -pr end inf gro ies nti d-a sio s-p aws -am ack cke ord ner ver cce use ata ppl nse ipa rol com cal typ \
    ype odu uct duc ssi nin sti sid nap tps ps: tat uri ort ice pay mar pri rys erv ntn ecu cli ont ana man gem nto \
    ode gen sec ere ing -or ica ist et- ede eta pse ook ake cip oki kie coo pos e-a cor one was tic ela s.s lsv vis \
    ses rvi vic aut uth cre dme ndr .co ity ffi .au and dar apt acc lic pli nt- ars -ag p.a -ty t-o p.c x-a pme hip shi ntr \
    ss- sen den red eck ail lar 1.0 ill hon hor ori tia ial mac -ad -te cel .st mai";

/// Returns how common three bytes are in telemetry, 0 if they are in no list.
pub fn common(gram: &[u8]) -> usize {
    COMMON.as_bytes().chunks(4).rev().position(|one| one[..3] == *gram).map_or(0, |at| at + 1)
}

/// Returns the place of the five bytes of `word` that are least common in telemetry.
fn rarest(word: &[u8]) -> usize {
    // Four bytes are as rare as the rarer three of them.
    let four = |four: &[u8]| common(&four[..3]).min(common(&four[1..]));
    let score = |at: &usize| {
        let five = &word[*at..*at + 5];
        (std::cmp::Reverse(four(&five[..4]) + four(&five[1..])), five.iter().copied().map(rank).sum::<u32>())
    };
    (0..=word.len() - 5).rev().max_by_key(score).unwrap_or(0)
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

/// Returns four bytes as a number.
const fn gram(four: [u8; 4]) -> u32 {
    u32::from_le_bytes(four)
}

/// Four bytes of a word and how far behind its start they stand.
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
    /// One bit for the first three bytes of each gram, by another hash.
    others: Box<[u32; OTHERS]>,
    /// How many bits are set before each four bytes of them.
    ranks: Box<Bits>,
    /// Where the entries of each set bit start; one more for the end.
    heads: Vec<u32>,
    entries: Vec<Entry>,
    /// What is asked first of every place, rather than of every second one the bits. Then of each word one gram is
    /// in the table.
    pairs: Vec<Pair>,
}

/// Of a longer word the first bytes are enough to know it by.
const LONGEST: usize = 256;
/// How many blocks are asked before any of their places is looked at.
const TOGETHER: usize = 64;
/// How many bytes that are.
pub const CHUNK: usize = TOGETHER * BLOCK;
const FOLD: u64 = 0x2020_2020_2020_2020;
/// How many places of a block are listed whether there are as many or not.
const FEW: usize = 2;
/// How many times 32 bits know the first three bytes of the grams once more.
const OTHERS: usize = 1 << 11;

impl Table {
    fn new(mut grams: Vec<(u32, Entry)>, pairs: Vec<Pair>) -> Self {
        let mut others = Box::new([0_u32; OTHERS]);
        for (gram, _) in &grams {
            let (word, bit) = other(*gram);
            others[word] |= 1 << bit;
        }
        // Of two that fall on one slot, though another byte stands before, one will do.
        let key = |(gram, entry): &(u32, Entry)| (slot(*gram), entry.word, entry.back);
        grams.sort_unstable_by_key(key);
        grams.dedup_by_key(|one| key(one));
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
        Self { bits, others, ranks, heads, entries: grams.into_iter().map(|(_, entry)| entry).collect(), pairs }
    }

    /// Calls `one` for every place, or every second one, at which the text may hold a gram.
    fn each(&self, text: &[u8], mut one: impl FnMut(usize), beside: &mut impl FnMut(usize)) {
        let whole = self.blocks(text, &mut one, beside);
        for at in (whole..text.len()).step_by(if self.pairs.is_empty() { 2 } else { 1 }) {
            let slot = slot((load(text, at) | FOLD) as u32);
            if self.bits[slot / 32] >> (slot % 32) & 1 == 1 {
                one(at);
            }
        }
        // Of the last chunk no block may be whole.
        (whole / CHUNK * CHUNK..text.len()).step_by(CHUNK).for_each(beside);
    }

    /// Does so as long as there are whole blocks; returns where they end. Calls `beside` for whole chunks alone.
    fn blocks(&self, text: &[u8], one: &mut impl FnMut(usize), beside: &mut impl FnMut(usize)) -> usize {
        let blocks = (text.len() + 1).saturating_sub(FOUR) / BLOCK;
        if blocks == 0 {
            return 0;
        }
        let (mut masks, mut places) = ([0; TOGETHER], [0; TOGETHER * BLOCK + AT_ONCE]);
        for first in (0..blocks).step_by(TOGETHER) {
            let (masks, text) = (&mut masks[..TOGETHER.min(blocks - first)], &text[first * BLOCK..]);
            let told = if self.pairs.is_empty() {
                avx2::places(text, &self.bits, masks)
            } else {
                avx2::bucketed(text, &self.pairs, masks)
            };
            if !told {
                self.plain(text, masks);
            }
            let many = avx2::listed(masks, &mut places).unwrap_or_else(|| listed(masks, &mut places));
            for at in self.likely(text, &mut places[..many]) {
                one(first * BLOCK + usize::from(*at));
            }
            if masks.len() == TOGETHER {
                beside(first * BLOCK);
            }
        }
        blocks * BLOCK
    }

    /// Does what is done of many places at once place by place.
    fn plain(&self, text: &[u8], masks: &mut [u64]) {
        if self.pairs.is_empty() {
            return plain(text, &self.bits, masks);
        }
        for (nth, mask) in masks.iter_mut().enumerate() {
            let four = |at| text.get(at..).and_then(<[u8]>::first_chunk).is_some_and(|four| self.holds(*four));
            *mask = (0..BLOCK).fold(0, |mask, at| mask | u64::from(four(nth * BLOCK + at)) << at);
        }
    }

    /// Tells whether these bytes may be a word's.
    fn holds(&self, four: [u8; FOUR]) -> bool {
        self.pairs.iter().any(|pair| pair.holds(four))
    }

    /// Returns those of the `places` in `text` at which all bits let a gram stand. Which do can't be foreseen, so
    /// nothing branches on it.
    #[inline]
    fn likely<'p>(&self, text: &[u8], places: &'p mut [u16]) -> &'p [u16] {
        let mut kept = 0;
        for nth in 0..places.len() {
            let at = places[nth];
            let four = text.get(usize::from(at)..).and_then(<[u8]>::first_chunk).map_or(0, |four| gram(*four));
            let four = four | FOLD as u32;
            let ((word, bit), slot) = (other(four), slot(four));
            places[kept] = at;
            kept += (self.others[word] >> bit & self.bits[slot / 32] >> (slot % 32) & 1) as usize;
        }
        &places[..kept]
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

/// Puts the place of each bit of `masks` into `places`; returns how many there are.
#[inline]
fn listed(masks: &[u64], places: &mut [u16; TOGETHER * BLOCK + AT_ONCE]) -> usize {
    let mut many = 0;
    for (base, mask) in (0..).step_by(BLOCK).zip(masks) {
        let mut seen = *mask;
        let mut put = |seen: &mut u64| {
            places[many % places.len()] = base + seen.trailing_zeros() as u16;
            many += usize::from(*seen != 0);
            *seen &= seen.wrapping_sub(1);
        };
        // Most have as few: how many can't be foreseen.
        (0..FEW).for_each(|_| put(&mut seen));
        while seen != 0 {
            put(&mut seen);
        }
    }
    many
}

/// Returns which of [`Table::others`] the lowest three bytes have, and which bit of it.
#[inline]
const fn other(four: u32) -> (usize, u32) {
    let hash = (four << 8).wrapping_mul(0x85eb_ca6b);
    ((hash >> 21) as usize, hash >> 16 & 31)
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

    impl Grams {
        /// Returns every word, by its number.
        pub fn words(&self) -> impl Iterator<Item = &Word> {
            self.words.iter()
        }
    }

    fn word(text: &str, case: Case) -> Word {
        Word { bytes: text.as_bytes().to_vec(), case }
    }

    fn hits(grams: &Grams, text: &[u8]) -> Vec<WordHit> {
        let mut hits = Vec::new();
        grams.hits(text, |hit| hits.push(hit), |_| {});
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

    #[test]
    fn a_short_word_is_found_once_whatever_stands_beside_it() {
        let words = ["hf_", "ghp_", "dapi"];
        let grams = Grams::new(words.map(|text| word(text, Case::Exact)).to_vec());
        for beside in 0..=u8::MAX {
            for (nth, word) in (0_u16..).zip(words) {
                for before in 1..3 {
                    let text = [&vec![beside; before], word.as_bytes(), &[beside; 3]].concat();
                    assert_eq!(hits(&grams, &text), [WordHit { start: before as u32, word: nth }], "{beside}");
                }
            }
        }
    }

    #[test]
    fn each_chunk_is_told_once_it_has_been_read() {
        for words in [vec![], vec![word("ghp_", Case::Exact)]] {
            let grams = Grams::new(words);
            for length in [0, 1, 63, 66, 67, CHUNK - 1, CHUNK, CHUNK + 2, CHUNK + 3, 2 * CHUNK, 2 * CHUNK + 70] {
                let mut told = Vec::new();
                grams.hits(&vec![b'.'; length], |_| {}, |start| told.push(start));
                assert_eq!(told, (0..length).step_by(CHUNK).collect::<Vec<_>>(), "{length}");
            }
        }
    }

    proptest! {
        #[test]
        fn places_are_listed_alike_one_by_one_and_at_once(masks in prop::collection::vec(any::<u64>(), 0..=TOGETHER)) {
            let [mut slow, mut at_once] = [(); 2].map(|()| Box::new([0; TOGETHER * BLOCK + AT_ONCE]));
            let many = listed(&masks, &mut slow);
            let bits = masks.iter().zip(0..).flat_map(|(mask, block)| {
                (0..64).filter(move |bit| mask >> bit & 1 == 1).map(move |bit| 64 * block + bit)
            });
            prop_assert_eq!(&slow[..many], bits.collect::<Vec<u16>>());
            if let Some(many) = avx2::listed(&masks, &mut *at_once) {
                prop_assert_eq!(&at_once[..many], &slow[..many]);
            }
        }

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
            let buckets = Buckets::new(&words);
            for grams in [Grams::with(words.clone(), None), Grams::with(words, buckets)] {
                prop_assert_eq!(hits(&grams, text.as_bytes()), &*plain);
            }
        }

        #[test]
        fn buckets_are_told_alike_one_by_one_and_at_once(
            texts in prop::collection::vec("[a-cA-C_é]{3,6}", 1..90), text in prop::collection::vec(any::<u8>(), 67..400),
        ) {
            let words: Vec<Word> = texts.iter().map(|text| word(text, Case::Ignored)).collect();
            let Some(buckets) = Buckets::new(&words) else { return Ok(()) };
            let grams = Grams::with(words, Some(buckets));
            for text in [text.clone(), text.iter().map(|byte| b"abcABC_\xc3"[usize::from(byte % 8)]).collect()] {
                let blocks = (text.len() - 3) / BLOCK;
                let [mut one, mut other] = [vec![u64::MAX; blocks], vec![u64::MAX; blocks]];
                grams.table.plain(&text, &mut one);
                if avx2::bucketed(&text, &grams.table.pairs, &mut other) {
                    prop_assert_eq!(one, other);
                }
            }
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
