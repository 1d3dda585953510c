//! How far can a pattern reach, and does each of its matches hold one of its words?
//!
//! Where both are known, only a window around each word is searched; else the whole message. Read
//! from the parsed pattern; at most 256 ways of writing are followed, beyond that it is taken as
//! not known, which costs time and misses nothing.

use regex_syntax::hir::{Class, Hir, HirKind};

/// The most ways of writing that are followed side by side.
const WAYS: usize = 256;
/// The most bytes of a class that are followed one by one.
const CHOICES: usize = 10;

/// Where in a match one of its words stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stands {
    /// At its start, always.
    First,
    /// Somewhere in it, always.
    Inside,
    /// Perhaps not in it at all.
    Unknown,
}

/// Returns where in the matches of `pattern` one of `words` (any case) stands.
pub fn stands(pattern: &Hir, words: &[&[u8]]) -> Stands {
    let words: Vec<Vec<u8>> = words.iter().map(|word| word.to_ascii_lowercase()).collect();
    let mut ways = vec![Way::default()];
    let walk = Walk { words: &words };
    walk.walk(pattern, &mut ways);
    walk.anything(&mut ways);
    if ways.iter().all(|way| way.first == Some(true)) {
        Stands::First
    } else if ways.iter().all(|way| way.seen) {
        Stands::Inside
    } else {
        Stands::Unknown
    }
}

/// One way of writing: what stood last, and whether a word has been seen.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Way {
    last: Vec<u8>,
    seen: bool,
    /// Whether it began with a word, once that is known.
    first: Option<bool>,
}

impl Way {
    fn holds(&self, words: &[Vec<u8>]) -> bool {
        self.seen || words.iter().any(|word| memchr::memmem::find(&self.last, word).is_some())
    }
}

struct Walk<'w> {
    words: &'w [Vec<u8>],
}

impl Walk<'_> {
    fn walk(&self, pattern: &Hir, ways: &mut Vec<Way>) {
        match pattern.kind() {
            HirKind::Empty | HirKind::Look(_) => {}
            HirKind::Literal(literal) => {
                for way in ways {
                    way.last.extend(literal.0.iter().map(u8::to_ascii_lowercase));
                }
            }
            HirKind::Class(class) => match choices(class) {
                Some(choices) if ways.len() * choices.len() <= WAYS => {
                    let each = |byte| {
                        ways.iter().cloned().map(move |mut way: Way| {
                            way.last.push(byte);
                            way
                        })
                    };
                    *ways = choices.into_iter().flat_map(each).collect();
                }
                _ => self.anything(ways),
            },
            HirKind::Capture(capture) => self.walk(&capture.sub, ways),
            HirKind::Concat(parts) => parts.iter().for_each(|part| self.walk(part, ways)),
            HirKind::Alternation(branches) => self.either(branches.iter().map(Some), ways),
            HirKind::Repetition(times) if times.min == 0 && times.max == Some(1) => {
                self.either([None, Some(&*times.sub)].into_iter(), ways);
            }
            HirKind::Repetition(times) => {
                if times.min > 0 {
                    self.walk(&times.sub, ways);
                }
                self.anything(ways);
            }
        }
    }

    fn either<'h>(&self, branches: impl Iterator<Item = Option<&'h Hir>>, ways: &mut Vec<Way>) {
        let mut all = Vec::new();
        for branch in branches {
            let mut taken = ways.clone();
            if let Some(branch) = branch {
                self.walk(branch, &mut taken);
            }
            all.append(&mut taken);
            if all.len() > WAYS {
                // What has been seen is still known of all, if it is of each.
                self.anything(&mut all);
            }
        }
        *ways = all;
    }

    /// Something unknown comes next.
    fn anything(&self, ways: &mut Vec<Way>) {
        for way in ways.iter_mut() {
            way.seen = way.holds(self.words);
            way.first.get_or_insert_with(|| self.words.iter().any(|word| way.last.starts_with(word)));
            way.last.clear();
        }
        ways.sort();
        ways.dedup();
    }
}

/// Returns the bytes of a class in lower case, if they are few.
fn choices(class: &Class) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut add = |from: u32, to: u32| {
        (to - from < 64 && to < 0x80).then(|| bytes.extend((from..=to).map(|byte| (byte as u8).to_ascii_lowercase())))
    };
    match class {
        Class::Bytes(class) => class.iter().try_for_each(|one| add(one.start().into(), one.end().into()))?,
        Class::Unicode(class) => class.iter().try_for_each(|one| add(one.start().into(), one.end().into()))?,
    }
    bytes.sort_unstable();
    bytes.dedup();
    (bytes.len() <= CHOICES && !bytes.is_empty()).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(pattern: &str, words: &[&str]) -> bool {
        let words: Vec<&[u8]> = words.iter().map(|word| word.as_bytes()).collect();
        stands(&regex_syntax::parse(pattern).unwrap(), &words) != Stands::Unknown
    }

    #[test]
    fn a_word_that_every_match_holds_is_seen_through_cases_groups_and_branches() {
        assert!(holds(r"(?i)[\w.-]{0,50}?(?:adafruit)(?:[ \t\w.-]{0,20})([a-z0-9_-]{32})", &["adafruit"]));
        assert!(holds(r"\b((?:A3T[A-Z0-9]|AKIA|ASIA)[A-Z2-7]{16})\b", &["a3t", "akia", "asia"]));
        assert!(holds(r"[rs]k_live_[0-9]{9}", &["sk_live_", "rk_live_"]));
        assert!(holds(r"gh[ps]?_x", &["ghp_", "ghs_", "gh_"]));
        assert!(holds(r"(?:abc)+", &["abc"]));
    }

    #[test]
    fn a_word_at_the_start_of_every_match_is_told_from_one_inside() {
        let at = |pattern, words: &[&[u8]]| stands(&regex_syntax::parse(pattern).unwrap(), words);
        assert_eq!(at(r"\b(?:ghp_|gho_)[0-9]{9}", &[b"ghp_", b"gho_"]), Stands::First);
        assert_eq!(at("(?i:twilio)[a-z]{0,9}=x", &[b"twilio"]), Stands::First);
        assert_eq!(at("[a-z]?twilio", &[b"twilio"]), Stands::Inside);
        assert_eq!(at("[0-9]{4}abcd", &[b"abcd"]), Stands::Inside);
        assert_eq!(at("x|abcd", &[b"abcd"]), Stands::Unknown);
    }

    #[test]
    fn a_word_that_a_match_can_do_without_is_not_taken_for_granted() {
        assert!(!holds(r"SK[0-9a-f]{32}", &["twilio"]));
        assert!(!holds(r"\b((?:AKIA|ASIA)[A-Z2-7]{16})\b", &["akia"]));
        assert!(!holds(r"(?:abc)*x", &["abc"]));
        assert!(!holds(r"(?:abc)?x", &["abc"]));
        assert!(!holds(r"a.c", &["abc"]));
        assert!(!holds(r"x", &[]));
    }
}
