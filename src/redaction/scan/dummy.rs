//! Is this a secret, or what documentation puts in a secret's place?
//!
//! Dummies are hidden like any other (who knows), but nobody is woken for them. Looks at the first
//! 256 bytes of a value.

use std::sync::OnceLock;

use aho_corasick::packed::Searcher;

use super::bytes::starts_with;

/// How much of a value is looked at.
const LONGEST: usize = 256;

/// Words that no real secret holds, lower case.
const WORDS: [&[u8]; 14] = [
    b"example",
    b"your-",
    b"your_",
    b"yourkey",
    b"your key",
    b"placeholder",
    b"changeme",
    b"change-me",
    b"dummy",
    b"redacted",
    b"hidden",
    b"deadbeef",
    b"deaddead",
    b"not-a-real",
];

/// Tells whether `value` is a dummy: one repeated character, or a word of documentation.
pub fn is_dummy(value: &[u8]) -> bool {
    let value = &value[..value.len().min(LONGEST)];
    let body = value.iter().rposition(|byte| *byte != b'=').map_or(value, |last| &value[..=last]);
    if body.len() >= 3 && body.iter().all(|byte| *byte == body[0]) {
        return true;
    }
    if matches!(value.first(), Some(b'{' | b'$' | b'%' | b'<' | b'[')) && value.len() <= 32 && !starts_escape(value) {
        return true;
    }
    let masked = value.len() >= 5 && value.starts_with(b"**") && value.ends_with(b"**");
    masked || holds_word(value)
}

/// Tells whether a word of documentation stands in `value`.
fn holds_word(value: &[u8]) -> bool {
    static SEARCHER: OnceLock<Option<Searcher>> = OnceLock::new();
    let Some(searcher) = SEARCHER.get_or_init(|| Searcher::new(WORDS)) else {
        return (0..value.len()).any(|at| starts_word(&value[at..]));
    };
    // A SIMD search of a few bytes is none: the zeros behind them are looked at too.
    let mut folded = [0; LONGEST];
    let part = &mut folded[..value.len()];
    part.copy_from_slice(value);
    part.make_ascii_lowercase();
    searcher.find(&folded[..value.len().max(64)]).is_some()
}

/// Tells whether a word of documentation stands at the start of `value`; asks the two bytes first
/// that most values fail at.
fn starts_word(value: &[u8]) -> bool {
    let [first, second, ..] = *value else { return false };
    let may =
        matches!(&[first | 0x20, second | 0x20], b"ex" | b"yo" | b"pl" | b"ch" | b"du" | b"re" | b"hi" | b"de" | b"no");
    may && WORDS.iter().any(|word| starts_with(value, word))
}

/// A percent escape starts a value like any other character; `%s` and `%KEY%` are placeholders.
fn starts_escape(value: &[u8]) -> bool {
    matches!(value, [b'%', high, low, ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_looked_for() {
        for word in WORDS {
            assert!(is_dummy(&[b"q0Zk3".as_slice(), &word.to_ascii_uppercase()].concat()), "{}", word.escape_ascii());
        }
    }

    #[test]
    fn what_documentation_writes_is_a_dummy_and_what_is_random_is_not() {
        for value in
            ["xxxxxxxx", "0000000000==", "<your-key>", "YOUR_KEY_HERE", "EXAMPLEKEY", "{0}", "$(key)", "%s", "***"]
        {
            assert!(is_dummy(value.as_bytes()), "{value}");
        }
        for value in ["hunter2", "q0Zk3vYdXw==", "%41bcdef", "a", ""] {
            assert!(!is_dummy(value.as_bytes()), "{value}");
        }
    }
}
