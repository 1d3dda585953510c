//! Where in a batch does any of a thousand words stand?
//!
//! Every text of four bytes holds a run of three that starts at an even place, so of each word two
//! such runs are kept in a bitmap and every second place of the text is asked: the cost of a clean
//! text does not grow with the number of words. A place that the bitmap lets through is compared with
//! the word's first bytes before anything else is looked up. Bytes are folded by `| 0x20` as they are read.
//! Words of three bytes have a bitmap of their own and are asked at every place. Hits take eight
//! bytes; crafted text has at most as many as its words can overlap.

/// A word that is looked for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Word {
    /// Its bytes: at least three.
    pub bytes: Vec<u8>,
    /// Whether its case counts.
    pub exact: bool,
}

impl Word {
    /// The fewest bytes of a word: what is shorter stands everywhere.
    pub const LEAST: usize = 3;

    fn stands_at(&self, text: &[u8], start: usize) -> bool {
        let Some(here) = text.get(start..start + self.bytes.len()) else { return false };
        if self.exact { here == self.bytes } else { here.eq_ignore_ascii_case(&self.bytes) }
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

/// What may follow a word of three bytes that is made into longer ones.
const FOLLOWERS: &[u8] = b"abcdefghijklmnopqrstuvwxyz0123456789-_";

impl Grams {
    /// Returns a searcher for `words`. Those of three bytes that are exact must be followed by a
    /// letter, a digit, `-` or `_` to be found.
    pub fn new(words: Vec<Word>) -> Self {
        let (mut long, mut short) = (Vec::new(), Vec::new());
        for (number, word) in (0_u16..).zip(&words) {
            let mut folded: Vec<u8> = word.bytes.iter().map(|byte| byte | 0x20).collect();
            if folded.len() > Word::LEAST {
                let at = rarest(&folded);
                for back in [at, at + 1] {
                    long.push((gram(&folded[back..]), Entry::new(number, back, &folded)));
                }
            } else if word.exact && folded.len() == Word::LEAST {
                let [first, second] = [0, 1].map(|back| Entry::new(number, back, &folded));
                long.push((gram(&folded), first));
                for follower in FOLLOWERS {
                    folded.truncate(Word::LEAST);
                    folded.push(follower | 0x20);
                    long.push((gram(&folded[1..]), second));
                }
            } else if folded.len() == Word::LEAST {
                short.push((gram(&folded), Entry::new(number, 0, &folded)));
            }
        }
        Self { words, long: Table::new(long), short: Table::new(short) }
    }

    /// Returns where the words stand in `text`, ascending.
    pub fn hits(&self, text: &[u8]) -> Vec<WordHit> {
        let mut hits = Vec::new();
        if !self.long.entries.is_empty() {
            self.long.each::<2>(text, |at| self.settle(&self.long, text, at, &mut hits));
        }
        if !self.short.entries.is_empty() {
            self.short.each::<1>(text, |at| self.settle(&self.short, text, at, &mut hits));
        }
        hits.sort_unstable();
        hits.dedup();
        hits
    }

    /// Returns the length of word `word`.
    pub fn length(&self, word: u16) -> usize {
        self.words.get(usize::from(word)).map_or(0, |word| word.bytes.len())
    }

    #[inline]
    fn settle(&self, table: &Table, text: &[u8], at: usize, hits: &mut Vec<WordHit>) {
        for entry in table.at(text, at) {
            let Some(start) = at.checked_sub(entry.back.into()) else { continue };
            if (load(text, start) | FOLD) as u32 & entry.mask != entry.head {
                continue;
            }
            if self.words[usize::from(entry.word)].stands_at(text, start) {
                hits.push(WordHit { start: start as u32, word: entry.word });
            }
        }
    }
}

/// What rules' words have in common with the names and values of Azure's telemetry, the commonest first:
/// each stands in more than one record of thirty.
const COMMON: &str = "\
    ion tio ent pro eve cti ati unc cat res ons api ven tes ess ost ate rce web lev vel rod app age -ap ces ser men \
    ken est -pr end inf gro ies nti d-a sio s-p aws -am ack cke ord ner ver cce use ata ppl nse ipa rol com cal typ \
    ype odu uct duc ssi nin sti sid nap tps ps: tat uri ort ice pay mar pri rys erv ntn ecu cli ont ana man gem nto \
    ode gen sec ere ing -or ica ist et- ede eta pse ook ake cip oki kie coo pos e-a cor one was tic ela s.s lsv vis \
    ses aut uth cre dme ndr .co ity ffi .au and dar apt acc lic pli nt- ars -ag p.a -ty t-o p.c x-a pme hip shi ntr \
    ss- sen den red eck ail lar 1.0 ill hon tia ial mac -ad -te cel .st mai";

/// Returns the place of the four bytes of `word` that are least common in telemetry.
fn rarest(word: &[u8]) -> usize {
    // The earlier among the common ones, the more is to be avoided.
    let common =
        |gram: &[u8]| COMMON.as_bytes().chunks(4).rev().position(|one| one[..3] == *gram).map_or(0, |at| at + 1);
    let rank = |byte: &u8| match byte {
        b'e' | b't' | b'a' | b'o' | b'i' | b'n' | b's' | b'r' | b' ' | b'"' | b':' | b'/' | b'.' | b'-' => 1,
        b'0'..=b'9' | b'l' | b'c' | b'd' | b'u' | b'm' | b'p' => 2,
        b'h' | b'f' | b'g' | b'y' | b'w' | b'b' => 3,
        _ => 5_u32,
    };
    let score = |at: &usize| {
        let four = &word[*at..*at + 4];
        (std::cmp::Reverse(common(&four[..3]) + common(&four[1..])), four.iter().map(rank).sum::<u32>())
    };
    (0..=word.len() - 4).rev().max_by_key(score).unwrap_or(0)
}

/// Returns the first three bytes as a number.
fn gram(bytes: &[u8]) -> u32 {
    match bytes {
        [a, b, c, ..] => u32::from_le_bytes([*a, *b, *c, 0]),
        _ => 0,
    }
}

/// Returns the slot of the lowest three bytes of `word`: the factor moves the fourth out.
#[inline]
const fn slot(word: u32) -> usize {
    (word.wrapping_mul(0x9e37_79b1 << 8) >> 16) as usize
}

/// Three bytes of a word and how far behind its start they stand.
#[derive(Clone, Copy, Debug)]
struct Entry {
    /// The first four bytes of the word, folded, or three.
    head: u32,
    mask: u32,
    word: u16,
    back: u16,
}

impl Entry {
    fn new(word: u16, back: usize, folded: &[u8]) -> Self {
        let mask = if folded.len() > Word::LEAST { u32::MAX } else { 0xff_ffff };
        Self { head: load(folded, 0) as u32 & mask, mask, word, back: back as u16 }
    }
}

#[derive(Debug)]
struct Table {
    /// One bit for each slot: all that clean text touches.
    bits: Box<[u64; SLOTS / 64]>,
    /// How many bits are set before each eight bytes of them.
    ranks: Box<[u32; SLOTS / 64]>,
    /// Where the entries of each set bit start; one more for the end.
    heads: Vec<u32>,
    entries: Vec<Entry>,
}

const SLOTS: usize = 1 << 16;
const FOLD: u64 = 0x2020_2020_2020_2020;
/// How many places one load of eight bytes answers for.
const STRIDE: usize = 6;
/// How many places are asked before any of them is looked at, and how many bytes that takes.
const BLOCK: usize = 8 * STRIDE;
const BLOCK_BYTES: usize = BLOCK + 2;

impl Table {
    fn new(mut grams: Vec<(u32, Entry)>) -> Self {
        grams.sort_by_key(|(gram, _)| slot(*gram));
        let (mut bits, mut ranks) = (Box::new([0_u64; SLOTS / 64]), Box::new([0_u32; SLOTS / 64]));
        let mut heads = Vec::new();
        let mut last = None;
        for (place, (gram, _)) in (0_u32..).zip(&grams) {
            let slot = slot(*gram);
            if last.replace(slot) != Some(slot) {
                heads.push(place);
                bits[slot / 64] |= 1 << (slot % 64);
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
        let ask = |word: u64, first: usize| {
            let mut seen = 0_u64;
            for at in (0..STRIDE).step_by(STEP) {
                let slot = slot((word >> (8 * at)) as u32);
                seen |= (self.bits[slot / 64] >> (slot % 64) & 1) << ((first + at) / STEP);
            }
            seen
        };
        let mut tell = |base: usize, mut seen: u64| {
            while seen != 0 {
                one(base + STEP * seen.trailing_zeros() as usize);
                seen &= seen - 1;
            }
        };
        let mut base = 0;
        while let Some(block) = text.get(base..).and_then(|rest| rest.first_chunk::<BLOCK_BYTES>()) {
            let mut seen = 0;
            for first in (0..BLOCK).step_by(STRIDE) {
                seen |= ask(block[first..].first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes)) | FOLD, first);
            }
            tell(base, seen);
            base += BLOCK;
        }
        while base < text.len() {
            tell(base, ask(load(text, base) | FOLD, 0));
            base += STRIDE;
        }
    }

    /// Returns the entries of the gram at `at`.
    #[inline]
    fn at(&self, text: &[u8], at: usize) -> &[Entry] {
        let slot = slot((load(text, at) | FOLD) as u32);
        let below = self.bits[slot / 64] & ((1 << (slot % 64)) - 1);
        let rank = self.ranks[slot / 64] as usize + below.count_ones() as usize;
        let (Some(&from), Some(&to)) = (self.heads.get(rank), self.heads.get(rank + 1)) else { return &[] };
        self.entries.get(from as usize..to as usize).unwrap_or_default()
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

    fn word(text: &str, exact: bool) -> Word {
        Word { bytes: text.as_bytes().to_vec(), exact }
    }

    #[test]
    fn what_is_common_are_three_characters_each() {
        let common: Vec<&str> = COMMON.split(' ').collect();
        assert!(common.iter().all(|gram| gram.len() == 3), "{common:?}");
    }

    #[test]
    fn a_word_is_found_at_every_place_and_at_both_ends() {
        let grams = Grams::new(vec![word("ghp_", true), word("hf_", true), word("Datadog", false), word("key", false)]);
        for shift in 0..20 {
            let text = format!("{}ghp_hf_aDATADOGxKEY", ".".repeat(shift));
            let starts: Vec<_> =
                grams.hits(text.as_bytes()).iter().map(|hit| (hit.start as usize - shift, hit.word)).collect();
            assert_eq!(starts, [(0, 0), (4, 1), (8, 2), (16, 3)], "{shift}");
        }
        assert!(grams.hits(b"GHP_ HF_A ghp ke").is_empty());
        assert!(grams.hits(b"").is_empty());
    }

    proptest! {
        #[test]
        fn whatever_a_plain_search_finds_is_found(
            words in prop::collection::vec(("[a-cA-C_]{3,6}", any::<bool>()), 0..12),
            text in "[a-cA-C_ ]{0,80}",
        ) {
            let words: Vec<Word> = words.iter().map(|(text, exact)| word(text, *exact)).collect();
            let mut plain = Vec::new();
            for start in 0..text.len() {
                for (number, word) in (0_u16..).zip(&words) {
                    let here = text.as_bytes().get(start..start + word.bytes.len());
                    let follows = text.as_bytes().get(start + word.bytes.len());
                    let needs = word.exact && word.bytes.len() == 3;
                    if here.is_some_and(|here| if word.exact { here == word.bytes } else { here.eq_ignore_ascii_case(&word.bytes) })
                        && (!needs || follows.is_some_and(|byte| FOLLOWERS.contains(&byte.to_ascii_lowercase())))
                    {
                        plain.push(WordHit { start: start as u32, word: number });
                    }
                }
            }
            let hits = Grams::new(words).hits(text.as_bytes());
            prop_assert!(plain.iter().all(|hit| hits.contains(hit)), "{plain:?} {hits:?}");
        }
    }
}
