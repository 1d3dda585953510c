//! Which words are looked for together, so that few places of a text need be asked for any of them?
//!
//! The processor tells of 64 places at once whether the four bytes there are, each at its place, some word's of a
//! bucket (`avx2::bucketed`). Words of one bucket are mixed up by that, so those are put together that share
//! bytes, or whose bytes are rare: each word, the commonest first, goes where it lets the fewest places more through.
//! Of a word its rarest four bytes count. Of 382 words in sixteen buckets 26 places of 905 bytes of telemetry are
//! let through; where so many words are looked for that nearly any place would be, there are no buckets.

use super::grams::{Case, Word, common};
use crate::telemetry::avx2::{FOUR, Pair};

/// Four bytes of a word, each as the bytes that count as it: 128 bits, for bytes are told apart by seven.
type Sets = [u128; FOUR];

/// How often each byte from the space on stands in ten thousand of telemetry.
const SHARE: [u16; 96] = [
    60, 0, 846, 0, 0, 0, 0, 159, 6, 6, 0, 1, 266, 247, 126, 155, 271, 217, 198, 178, 177, 117, 125, 97, 131, 86, 310,
    3, 0, 14, 0, 0, 0, 80, 52, 96, 43, 124, 61, 38, 25, 170, 0, 3, 20, 40, 70, 86, 84, 3, 129, 171, 102, 50, 22, 24, 2,
    4, 10, 2, 103, 2, 0, 1, 0, 354, 81, 269, 195, 606, 107, 67, 48, 245, 1, 24, 134, 149, 331, 382, 194, 7, 290, 325,
    402, 133, 68, 41, 8, 53, 15, 27, 0, 27, 0, 0,
];
/// Of how many places at most one may be let through before more buckets are taken, and before none are.
const FEW: f64 = 0.013;
const MANY: f64 = 0.03;
/// How many pairs of eight buckets are tried.
const PAIRS: [usize; 2] = [1, 2];
/// Of a longer word the first bytes are enough to know it by.
const LONGEST: usize = 256;

/// Words in buckets.
#[derive(Debug)]
pub struct Buckets {
    /// What is looked up.
    pub pairs: Vec<Pair>,
    /// Of each word, the place of the four bytes by which it is found.
    pub backs: Vec<u8>,
}

impl Buckets {
    /// Returns the buckets of `words`; `None` where they would let nearly any place through.
    pub fn new(words: &[Word]) -> Option<Self> {
        let (backs, mut sets): (Vec<u8>, Vec<Sets>) = words.iter().map(four).unzip();
        sets.sort_unstable_by(|a, b| let_through(b).total_cmp(&let_through(a)).then(a.cmp(b)));
        sets.dedup();
        let (pairs, much) = PAIRS.into_iter().map(|pairs| fill(&sets, pairs)).fold(None, |best, one| match best {
            Some((_, much)) if much <= FEW => best,
            _ => Some(one),
        })?;
        (much <= MANY).then_some(Self { pairs, backs })
    }
}

/// Puts `sets` into so many pairs of buckets; returns them, and of how many places they let one through.
fn fill(sets: &[Sets], pairs: usize) -> (Vec<Pair>, f64) {
    let mut buckets = vec![([0_u128; FOUR], 0.0); pairs * 2 * u8::BITS as usize];
    for set in sets {
        let grown = |(bucket, much): &(Sets, f64)| {
            let both = std::array::from_fn(|nth| bucket[nth] | set[nth]);
            (both, let_through(&both) - much)
        };
        let least =
            buckets.iter_mut().map(|bucket| (grown(bucket), bucket)).min_by(|((_, a), _), ((_, b), _)| a.total_cmp(b));
        if let Some(((both, more), bucket)) = least {
            *bucket = (both, bucket.1 + more);
        }
    }
    let much = buckets.iter().map(|(_, much)| much).sum();
    let mut all = vec![Pair::default(); pairs];
    for (nth, (sets, _)) in buckets.iter().enumerate() {
        for (place, set) in sets.iter().enumerate() {
            (0..128_u8).filter(|byte| set >> byte & 1 == 1).for_each(|byte| all[nth / 16].put(nth % 16, place, byte));
        }
    }
    (all, much)
}

/// Returns how often four bytes of text are of these sets, if each byte stood there by chance.
fn let_through(sets: &Sets) -> f64 {
    sets.iter().map(|set| share(*set)).product()
}

/// Returns how often a byte of text is one of these.
fn share(mut set: u128) -> f64 {
    let mut sum = 0.0;
    if set == u128::MAX {
        return 1.0;
    }
    while set != 0 {
        let byte = set.trailing_zeros() as usize;
        // Of what stands nowhere in ours a little may stand in another's.
        sum += f64::from(byte.checked_sub(0x20).map_or(1, |at| SHARE[at].max(1)));
        set &= set - 1;
    }
    sum / 10_000.0
}

/// Returns where the rarest four bytes of `word` stand, and what counts as each of them.
fn four(word: &Word) -> (u8, Sets) {
    let head = &word.bytes[..word.bytes.len().min(LONGEST)];
    let sets = |at: usize| -> Sets {
        std::array::from_fn(|nth| head.get(at + nth).map_or(u128::MAX, |byte| set(*byte, word.case)))
    };
    let known = |at: usize| {
        let Some(four) = head.get(at..at + FOUR) else { return 0 };
        let folded: [u8; FOUR] = std::array::from_fn(|nth| four[nth] | 0x20);
        // What is common is not written in capitals.
        let capitals = word.case == Case::Exact && four.iter().any(u8::is_ascii_uppercase);
        if capitals { 0 } else { common(&folded[..3]).min(common(&folded[1..])) }
    };
    let places = 0..=head.len().saturating_sub(FOUR);
    let rarest = places.min_by(|a, b| {
        known(*a).cmp(&known(*b)).then_with(|| let_through(&sets(*a)).total_cmp(&let_through(&sets(*b))))
    });
    let at = rarest.unwrap_or_default();
    (at as u8, sets(at))
}

/// Returns what counts as `byte`.
fn set(byte: u8, case: Case) -> u128 {
    let same: &dyn Fn(u8) -> bool = match case {
        Case::Exact => &|other| other == byte,
        Case::Ignored => &|other: u8| other.eq_ignore_ascii_case(&byte),
        Case::Folded => &|other| other | 0x20 == byte | 0x20,
    };
    (0..=u8::MAX).filter(|other| same(*other)).fold(0, |set, other| set | 1 << (other & 127))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(texts: &[&str], case: Case) -> Vec<Word> {
        texts.iter().map(|text| Word { bytes: text.as_bytes().to_vec(), case }).collect()
    }

    /// Tells whether the buckets let through what stands at `at`.
    fn lets_through(buckets: &Buckets, text: &[u8], at: usize) -> bool {
        let bytes: [u8; FOUR] = std::array::from_fn(|nth| text.get(at + nth).copied().unwrap_or_default());
        buckets.pairs.iter().any(|pair| pair.holds(bytes))
    }

    #[test]
    fn each_word_is_let_through_where_its_rarest_bytes_stand() {
        for case in [Case::Exact, Case::Ignored, Case::Folded] {
            let words = words(&["ghp_", "hf_", "application", "Pläne", "x-functions-key", "AKIA"], case);
            let buckets = Buckets::new(&words).unwrap();
            for (word, back) in words.iter().zip(&buckets.backs) {
                assert!(lets_through(&buckets, &word.bytes, usize::from(*back)), "{word:?}");
                let other: Vec<u8> = match case {
                    Case::Exact => word.bytes.clone(),
                    Case::Ignored => word.bytes.to_ascii_uppercase(),
                    Case::Folded => word.bytes.iter().map(|byte| byte ^ 0x20).collect(),
                };
                assert!(lets_through(&buckets, &other, usize::from(*back)), "{word:?}");
            }
            assert!(!lets_through(&buckets, b"....", 0));
        }
    }

    #[test]
    fn of_a_word_its_rarest_bytes_count() {
        let back = |text: &str| four(&words(&[text], Case::Ignored)[0]).0;
        assert_eq!((back("hf_"), back("connectionstring"), back("tokenqzj")), (0, 12, 4));
    }

    #[test]
    fn the_words_that_come_with_the_program_let_few_places_through() {
        let rules = crate::redaction::rules::Rules::shipped();
        let words: Vec<Word> = rules.words().cloned().collect();
        let (_, mut sets): (Vec<u8>, Vec<Sets>) = words.iter().map(four).unzip();
        sets.sort_unstable();
        sets.dedup();
        let pairs = Buckets::new(&words).unwrap().pairs;
        assert_eq!(pairs.len(), 1);
        let record = br#"{"time":"2026-11-26T21:02:30.1234567Z","category":"FunctionAppLogs","operationName":
            "Microsoft.Web/sites/functions/log","level":"Informational","properties":{"message":"Executed 'Functions.pay'"}}"#;
        let many = (0..record.len() - 3).filter(|at| {
            let bytes = *record[*at..].first_chunk().unwrap();
            pairs.iter().any(|pair| pair.holds(bytes))
        });
        assert!(many.count() * 20 < record.len());
    }

    #[test]
    fn of_so_many_words_that_any_place_would_do_there_are_no_buckets() {
        let mut random = 1_u32;
        let mut byte = || {
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            b' ' + (random >> 16) as u8 % 95
        };
        let many: Vec<Word> =
            (0..20_000).map(|_| Word { bytes: [(); 4].map(|()| byte()).to_vec(), case: Case::Exact }).collect();
        assert!(Buckets::new(&many).is_none());
        assert!(Buckets::new(&[]).unwrap().backs.is_empty());
    }
}
