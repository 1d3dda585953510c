//! Does a text stand so to one of many words? Nearly always it does not, and that is found first.
//!
//! A word is compared only where its first or last eight bytes, bar their case, are the text's. A
//! [`Gate`] looks at a request's path and query once for all words that any detector looks for in
//! them: the rarest part of each, by a SIMD search. What it lets through is then looked at in earnest.
//! Another does so for what clients call themselves.

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

/// Tells of most texts of some fields that they contain none of all words that are sought there.
#[derive(Clone, Debug)]
pub(super) struct Gate {
    fields: &'static [Field],
    parts: Parts,
}

/// The rarest parts of words, by which a text that holds none of the words is passed over.
#[derive(Clone, Debug)]
pub(super) struct Parts(Searcher);

/// The gates there may be: for URLs and for clients.
#[derive(Clone, Debug, Default)]
pub(super) struct Gates([Option<Gate>; GATED.len()]);

/// What each gate looks at.
const GATED: [&[Field]; 2] = [&[Field::RequestPath, Field::RequestQuery], &[Field::ClientAgent]];

/// Some of the gates, as bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Gated(u8);

impl Gated {
    /// None of them.
    pub(super) const NONE: Self = Self(0);

    /// All there may be.
    pub(super) const ALL: [Self; GATED.len()] = [Self(1), Self(2)];

    /// Returns the one that looks at a field; none if none does.
    pub(super) const fn of(field: Field) -> Self {
        let mut gate = 0;
        while gate < GATED.len() {
            let mut place = 0;
            while place < GATED[gate].len() {
                if GATED[gate][place] as usize == field as usize {
                    return Self::ALL[gate];
                }
                place += 1;
            }
            gate += 1;
        }
        Self::NONE
    }

    /// Tells whether it is none.
    pub(super) const fn is_none(self) -> bool {
        self.0 == 0
    }

    /// Returns those that are in both.
    pub(super) const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Returns those that are in one of them.
    pub(super) const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// The bit that letters differ in by case, in eight bytes. Some other bytes differ in it too: the
/// words that are let through for it are compared in full.
const FOLD: u64 = u64::from_ne_bytes([0x20; 8]);
/// What a gate looks at, at most.
const LONGEST: usize = 512;
/// Parts that a gate looks for, at most: the SIMD search takes no more.
const PARTS: usize = 64;
/// Bytes of URLs, and about as much of other texts, the most common first, as far as that matters.
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
#[inline]
pub(super) fn edge(how: How, text: &[u8]) -> u64 {
    let whole = if how == How::Ends { text.last_chunk() } else { text.first_chunk() };
    let word = whole.map_or_else(
        || {
            let missing = 64 - 8 * text.len() as u32;
            if how == How::Ends { short(text).checked_shl(missing).unwrap_or(0) } else { short(text) }
        },
        |eight| u64::from_le_bytes(*eight),
    );
    word | FOLD
}

/// Returns fewer than eight bytes as a number: without a loop or a call, for methods and countries are short.
#[inline]
fn short(text: &[u8]) -> u64 {
    if let (Some(first), Some(last)) = (text.first_chunk(), text.last_chunk()) {
        let behind = 8 * (text.len() - 4) as u32;
        return u64::from(u32::from_le_bytes(*first)) | u64::from(u32::from_le_bytes(*last)) << behind;
    }
    match *text {
        [a, b, c] => u64::from(u32::from_le_bytes([a, b, c, 0])),
        [a, b] => u64::from(u16::from_le_bytes([a, b])),
        [a] => a.into(),
        _ => 0,
    }
}

impl Sought {
    /// Returns `words`, one of which a text is to contain.
    pub(super) fn new(words: Vec<String>) -> Result<Self, BuildError> {
        // Texts are short: looking ahead for rare bytes takes longer than it spares.
        let automaton = AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .match_kind(MatchKind::LeftmostFirst)
            .prefilter(false)
            .build(&words)?;
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

impl Gates {
    /// Returns gates for all of these, each sought in its field.
    pub(super) fn new(sought: &[(Field, &Sought)]) -> Self {
        let of = |fields: &'static [Field]| {
            Gate::new(fields, sought.iter().filter(|(field, _)| fields.contains(field)).map(|(_, sought)| *sought))
        };
        Self(GATED.map(of))
    }

    /// Returns which of those `asked` say that nothing in `event` is sought.
    #[inline]
    pub(super) fn calm(&self, asked: Gated, event: &RedactedEvent<'_>) -> Gated {
        let says = |(_, gate): &(Gated, &Option<Gate>)| gate.as_ref().is_some_and(|gate| gate.is_calm(event));
        let asked = Gated::ALL.into_iter().zip(&self.0).filter(|(one, _)| !one.and(asked).is_none());
        asked.filter(says).fold(Gated::NONE, |calm, (one, _)| calm.or(one))
    }

    /// Tells whether there is one for each sort of field.
    #[cfg(test)]
    pub(super) fn are_all_there(&self) -> bool {
        self.0.iter().all(Option::is_some)
    }
}

impl Gate {
    /// Returns a gate for all of these; `None` if there are none, or they are too many or too short.
    fn new<'w>(fields: &'static [Field], sought: impl Iterator<Item = &'w Sought>) -> Option<Self> {
        let parts = Parts::of(sought.flat_map(|sought| &sought.words).map(|word| &**word))?;
        Some(Self { fields, parts })
    }

    /// Tells whether `event` certainly contains none of the words.
    fn is_calm(&self, event: &RedactedEvent<'_>) -> bool {
        let mut folded = [0_u8; LONGEST];
        let mut end = 0;
        for field in self.fields {
            let Some(Value::Text(text)) = event.get(*field) else { continue };
            let Some(part) = folded.get_mut(end..end + text.len()) else { return false };
            part.copy_from_slice(text.as_bytes());
            part.make_ascii_lowercase();
            // No word spans the two.
            end += text.len() + 1;
        }
        // The zeros behind them are looked at too.
        self.parts.are_absent(&folded[..end.clamp(Parts::LEAST, LONGEST)])
    }
}

impl Parts {
    /// A SIMD search of fewer bytes is none.
    pub(super) const LEAST: usize = 64;

    /// Returns the parts of these words; `None` if there are none, or they are too many or too short.
    pub(super) fn of<'w>(words: impl Iterator<Item = &'w str>) -> Option<Self> {
        let mut parts: Vec<Vec<u8>> = words.map(rarest).collect();
        parts.sort_unstable();
        parts.dedup();
        if parts.len() > PARTS || parts.iter().any(|part| part.len() < 3) {
            return None;
        }
        Config::new().match_kind(Packed::LeftmostFirst).builder().extend(&parts).build().map(Self)
    }

    /// Tells whether a text, in lower case, certainly contains none of the words.
    #[inline]
    pub(super) fn are_absent(&self, lower: &[u8]) -> bool {
        self.0.find(lower).is_none()
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

    #[test]
    fn an_edge_is_the_first_or_the_last_eight_bytes_and_zeros_for_those_that_are_missing() {
        for length in 0..12 {
            let text: Vec<u8> = (1..=length).map(|n| 0x20 | n).collect();
            let first: Vec<u8> = text.iter().copied().chain([0; 8]).take(8).collect();
            let last: Vec<u8> = text.iter().rev().copied().chain([0; 8]).take(8).collect();
            let number = |bytes: &[u8]| u64::from_le_bytes(bytes.try_into().unwrap()) | FOLD;
            assert_eq!(edge(How::Is, &text), number(&first), "{length}");
            assert_eq!(edge(How::Ends, &text), number(&last).swap_bytes(), "{length}");
        }
    }

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
