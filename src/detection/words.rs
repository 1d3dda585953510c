//! Does a text stand so to one of many words? Nearly always it does not, and that is found first.
//!
//! A word is compared only where its first or last eight bytes, bar their case, are the text's. A
//! [`Gate`] looks at a request's path and query once for all words that any detector looks for in
//! them: the rarest part of each, by a SIMD search. What it lets through is then looked at in earnest.

use aho_corasick::packed::{Config, MatchKind as Packed, Searcher};
use aho_corasick::{AhoCorasick, BuildError, MatchKind};

use crate::redaction::RedactedEvent;
use crate::telemetry::{Field, Value};

/// How a text must stand to a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum How {
    Is,
    Starts,
    Ends,
}

/// Whether case matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Case {
    Ignored,
    Kept,
}

/// Words that a text may be, begin with or end with.
#[derive(Clone, Debug)]
pub(super) struct Words {
    how: How,
    case: Case,
    list: Vec<Word>,
}

#[derive(Clone, Debug)]
struct Word {
    text: Box<str>,
    /// Its first or last eight bytes, [`FOLD`]ed, and which of them count.
    edge: u64,
    mask: u64,
}

/// Words that a text may contain, in any case.
#[derive(Clone, Debug)]
pub(super) struct Sought {
    words: Vec<Box<str>>,
    automaton: AhoCorasick,
}

/// Tells of most paths and queries that they contain none of all words that are sought there.
#[derive(Clone, Debug)]
pub(super) struct Gate {
    searcher: Searcher,
}

/// The bit that letters differ in by case, in eight bytes. Some other bytes differ in it too: the
/// words that are let through for it are compared in full.
const FOLD: u64 = u64::from_ne_bytes([0x20; 8]);
/// What a gate looks at, at most.
const LONGEST: usize = 512;
/// Parts that a gate looks for, at most: the SIMD search takes no more.
const PARTS: usize = 64;
/// Bytes of URLs, the most common first, as far as that matters.
const COMMON: &[u8] = b"etaoinsrlhdcump/gfybvwk-0123456789=&.qxzj_";

impl Words {
    /// Tells whether `of` holds of one of them.
    pub(super) fn any(&self, of: impl Fn(&str) -> bool) -> bool {
        self.list.iter().any(|word| of(&word.text))
    }

    /// Returns `words`, to which a text is to stand so.
    pub(super) fn new(how: How, case: Case, words: impl IntoIterator<Item = String>) -> Self {
        let word = |text: String| {
            let known = text.len().min(8);
            let all = u64::MAX.checked_shr(64 - 8 * known as u32).unwrap_or(0);
            let mask = if how == How::Ends { all.checked_shl(64 - 8 * known as u32).unwrap_or(0) } else { all };
            let edge = edge(how, text.as_bytes()) & mask;
            Word { text: text.into(), edge, mask }
        };
        Self { how, case, list: words.into_iter().map(word).collect() }
    }

    /// Returns how they are meant.
    pub(super) fn how(&self) -> How {
        self.how
    }

    /// Returns whether case matters.
    pub(super) fn case(&self) -> Case {
        self.case
    }

    /// Returns the words.
    pub(super) fn iter(&self) -> impl Iterator<Item = &str> {
        self.list.iter().map(|word| &*word.text)
    }

    /// Returns the edge of each, and which of its bytes count.
    pub(super) fn edges(&self) -> impl Iterator<Item = (u64, u64)> {
        self.list.iter().map(|word| (word.edge, word.mask))
    }

    /// Tells whether `text` stands so to one of them.
    pub(super) fn hold(&self, text: &str) -> bool {
        let text = text.as_bytes();
        let edge = edge(self.how, text);
        self.list.iter().any(|word| edge & word.mask == word.edge && self.holds(text, word.text.as_bytes()))
    }

    fn holds(&self, text: &[u8], word: &[u8]) -> bool {
        let part = match self.how {
            How::Is => Some(text),
            How::Starts => text.get(..word.len()),
            How::Ends => text.len().checked_sub(word.len()).and_then(|from| text.get(from..)),
        };
        part.is_some_and(|part| match self.case {
            Case::Ignored => part.eq_ignore_ascii_case(word),
            Case::Kept => part == word,
        })
    }
}

/// Returns the first eight bytes of `text`, or the last, folded; what is missing is zero.
pub(super) fn edge(how: How, text: &[u8]) -> u64 {
    let word = if how == How::Ends {
        text.last_chunk().map_or_else(
            || {
                let mut padded = [0; 8];
                padded[8 - text.len()..].copy_from_slice(text);
                padded
            },
            |last| *last,
        )
    } else {
        text.first_chunk().map_or_else(
            || {
                let mut padded = [0; 8];
                padded[..text.len()].copy_from_slice(text);
                padded
            },
            |first| *first,
        )
    };
    u64::from_le_bytes(word) | FOLD
}

impl Sought {
    /// Returns `words`, one of which a text is to contain.
    pub(super) fn new(words: Vec<String>) -> Result<Self, BuildError> {
        let automaton =
            AhoCorasick::builder().ascii_case_insensitive(true).match_kind(MatchKind::LeftmostFirst).build(&words)?;
        Ok(Self { words: words.into_iter().map(Into::into).collect(), automaton })
    }

    /// Returns the words.
    pub(super) fn iter(&self) -> impl Iterator<Item = &str> {
        self.words.iter().map(|word| &**word)
    }

    /// Tells whether `text` contains one of them.
    pub(super) fn hold(&self, text: &str) -> bool {
        self.automaton.is_match(text)
    }
}

impl Gate {
    /// Returns a gate for all of these; `None` if there are none, or they are too many or too short.
    pub(super) fn new<'w>(sought: impl Iterator<Item = &'w Sought>) -> Option<Self> {
        let mut parts: Vec<Vec<u8>> = sought.flat_map(|sought| &sought.words).map(|word| rarest(word)).collect();
        parts.sort_unstable();
        parts.dedup();
        if parts.len() > PARTS || parts.iter().any(|part| part.len() < 3) {
            return None;
        }
        let searcher = Config::new().match_kind(Packed::LeftmostFirst).builder().extend(&parts).build()?;
        Some(Self { searcher })
    }

    /// Tells whether a gate looks at this field.
    pub(super) const fn looks_at(field: Field) -> bool {
        matches!(field, Field::RequestPath | Field::RequestQuery)
    }

    /// Tells whether `event` certainly contains none of the words.
    pub(super) fn is_calm(&self, event: &RedactedEvent<'_>) -> bool {
        let mut folded = [0_u8; LONGEST];
        let mut end = 0;
        for field in [Field::RequestPath, Field::RequestQuery] {
            let Some(Value::Text(text)) = event.get(field) else { continue };
            let Some(part) = folded.get_mut(end..end + text.len()) else { return false };
            part.copy_from_slice(text.as_bytes());
            part.make_ascii_lowercase();
            // No word spans the two.
            end += text.len() + 1;
        }
        // A SIMD search of a few bytes is none: the zeros behind them are looked at too.
        self.searcher.find(&folded[..end.clamp(64, LONGEST)]).is_none()
    }
}

/// Returns the end of `word` from its rarest three bytes on, in lower case.
fn rarest(word: &str) -> Vec<u8> {
    let word = word.to_ascii_lowercase().into_bytes();
    let rarity = |byte: &u8| COMMON.iter().position(|common| common == byte).unwrap_or(2 * COMMON.len());
    let of = |start: usize| word[start..start + 3].iter().map(rarity).sum::<usize>();
    let start = (0..word.len().saturating_sub(2)).max_by_key(|&start| (of(start), word.len() - start)).unwrap_or(0);
    word[start..].to_vec()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn words_hold_as_they_would_one_by_one(text in "[a-cA-C/@]{0,12}", words in prop::collection::vec("[a-cA-C/`]{0,10}", 1..4)) {
            for (how, case) in [How::Is, How::Starts, How::Ends].into_iter().flat_map(|how| [(how, Case::Ignored), (how, Case::Kept)]) {
                let fold = |text: &str| if case == Case::Ignored { text.to_ascii_lowercase() } else { text.to_owned() };
                let slow = words.iter().any(|word| match how {
                    How::Is => fold(&text) == fold(word),
                    How::Starts => fold(&text).starts_with(&fold(word)),
                    How::Ends => fold(&text).ends_with(&fold(word)),
                });
                prop_assert_eq!(Words::new(how, case, words.clone()).hold(&text), slow);
            }
        }

        #[test]
        fn the_rarest_part_is_a_part(word in ".{3,20}") {
            let part = rarest(&word);
            prop_assert!(part.len() >= 3 && word.to_ascii_lowercase().as_bytes().ends_with(&part));
        }
    }
}
