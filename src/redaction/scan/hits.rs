//! Where in a batch does a literal stand that is worth a look?
//!
//! The whole batch is searched at once, message borders and all: searchers that are started once
//! a message cost four times as much. Most messages have no hit and are never looked at again.
//! Literals are chosen by their first three bytes, by which the searchers go: rare in telemetry,
//! and few to a searcher. A hit takes eight bytes; crafted text has at most one every second byte.

use std::ops::Range;
use std::sync::Arc;

use aho_corasick::{AhoCorasick, BuildError, Input, MatchKind};

use super::bytes::NAME;
use super::gates::Gates;
use crate::redaction::rules::{RuleHits, Rules};

/// What is looked for in the bytes as they are.
#[derive(Clone, Copy)]
pub enum Mark {
    /// A key's signature, or all of it but a `+` or `/` that it starts with.
    Identifiable(&'static str),
    Jwt,
    Pem,
    /// A key in the common annotated format, old or new.
    Annotated {
        old: bool,
    },
    /// A client secret of Entra, of whose mark the given number of bytes stand before its `Q`.
    Entra(usize),
    Pkcs12,
    Padding,
    /// A long run of base32.
    Run,
    At,
    /// The start of a claim's name, or of what stands before it.
    Claim,
}

/// What is looked for in the folded bytes: how a name and what follows it can end.
#[derive(Clone, Copy)]
pub enum Ending {
    /// A name and the given number of bytes of its separator.
    Name(usize),
    /// A name of which the given number of bytes stand before the literal.
    Behind(usize),
    /// The word `Bearer` before a token.
    Bearer,
    /// A name that a telephone number follows.
    Phone,
}

/// The second searcher looks for those from [`SECOND`] on, and the last two are looked for by
/// themselves: they would slow down the search for all others.
pub const MARKS: [(&str, Mark); 45] = [
    ("AzFu", Mark::Identifiable("AzFu")),
    ("APIM", Mark::Identifiable("APIM")),
    // The `+` before these is often written `%2B` or `\u002B`.
    ("ASt", Mark::Identifiable("+ASt")),
    ("ASb", Mark::Identifiable("+ASb")),
    ("AEh", Mark::Identifiable("+AEh")),
    ("ARm", Mark::Identifiable("+ARm")),
    ("eyJ", Mark::Jwt),
    ("ewog", Mark::Jwt),
    ("eyAi", Mark::Jwt),
    ("-----BEGIN", Mark::Pem),
    ("%40", Mark::At),
    ("%2540", Mark::At),
    ("\\u0040", Mark::At),
    ("given_name", Mark::Claim),
    ("family_name", Mark::Claim),
    ("unique_name", Mark::Claim),
    ("preferred_username", Mark::Claim),
    ("auth_typ", Mark::Claim),
    ("/claims/", Mark::Claim),
    ("\"upn", Mark::Claim),
    ("'upn", Mark::Claim),
    ("\"oid", Mark::Claim),
    ("\"puid", Mark::Claim),
    ("ACDb", Mark::Identifiable("ACDb")),
    ("AIoT", Mark::Identifiable("AIoT")),
    ("AZEG", Mark::Identifiable("AZEG")),
    ("AzCa", Mark::Identifiable("AzCa")),
    ("AzSe", Mark::Identifiable("AzSe")),
    ("ACR", Mark::Identifiable("+ACR")),
    ("ABa", Mark::Identifiable("+ABa")),
    ("AMC", Mark::Identifiable("+AMC")),
    ("AM7", Mark::Identifiable("/AM7")),
    // `SQL` alone stands in many a log.
    ("+SQL", Mark::Identifiable("+SQL")),
    ("2BSQL", Mark::Identifiable("+SQL")),
    ("2bSQL", Mark::Identifiable("+SQL")),
    ("JQQJ", Mark::Annotated { old: true }),
    ("QJJQ", Mark::Annotated { old: false }),
    ("7Q~", Mark::Entra(1)),
    ("8Q~", Mark::Entra(1)),
    ("Q%7E", Mark::Entra(0)),
    ("Q%7e", Mark::Entra(0)),
    ("Q%257E", Mark::Entra(0)),
    ("IBAzCC", Mark::Pkcs12),
    (PADDING, Mark::Padding),
    ("", Mark::Run),
];

/// The first of [`MARKS`] that the second searcher looks for.
const SECOND: usize = 23;
/// The first of [`MARKS`] that is looked for by itself, and the other.
const ALONE: usize = MARKS.len() - 2;
const RUN: usize = MARKS.len() - 1;

const PADDING: &str = "==";

/// Folded by `| 0x20`: `|` is a backslash too. The second searcher looks for those behind
/// [`WORDS`], whose starts are common where those of the others are rare.
pub const ENDINGS: [(&str, Ending); 34] = [
    ("ode=", Ending::Name(1)),
    ("key=", Ending::Name(1)),
    ("key\"", Ending::Name(1)),
    ("key|", Ending::Name(1)),
    ("key'", Ending::Name(1)),
    ("key:", Ending::Name(1)),
    ("sig=", Ending::Name(1)),
    ("%3d", Ending::Name(3)),
    ("%253d", Ending::Name(5)),
    ("|u003d", Ending::Name(6)),
    ("pwd", Ending::Name(0)),
    ("passw", Ending::Name(0)),
    ("secret", Ending::Name(0)),
    ("token", Ending::Name(0)),
    // `connectionstring`: `tio` stands in every record, `nne` in few.
    ("nnectionstring", Ending::Name(0)),
    ("cookie", Ending::Name(0)),
    ("horization", Ending::Name(0)),
    ("-principal", Ending::Name(0)),
    // `_principal`, folded.
    ("\x7fprincipal", Ending::Name(0)),
    ("arraffinity", Ending::Name(0)),
    ("pserviceauth", Ending::Behind(2)),
    (".aspnetcore.", Ending::Name(0)),
    ("icwebappsauth", Ending::Behind(4)),
    ("bearer", Ending::Bearer),
    // `phone` alone stands in every telephone's user agent.
    ("phone\"", Ending::Phone),
    ("phone|", Ending::Phone),
    ("phone'", Ending::Phone),
    ("phone=", Ending::Phone),
    ("phone:", Ending::Phone),
    ("phones", Ending::Phone),
    ("honenumber", Ending::Phone),
    ("hone\x7fnumber", Ending::Phone),
    ("mobile\"", Ending::Phone),
    ("msisdn", Ending::Phone),
];

/// The first of [`ENDINGS`] that the second searcher looks for.
const WORDS: usize = 15;

/// How much is folded at a time: it stays in the first cache.
const CHUNK: usize = 16 << 10;

/// How far a literal reaches over the end of a chunk.
const OVERLAP: usize = 16;

/// A literal that stands in the bytes.
#[derive(Clone, Copy)]
pub struct Hit {
    start: u32,
    length: u8,
    literal: u8,
}

impl Hit {
    /// Returns where it stands in the text that starts at `base`.
    pub fn at(self, base: usize) -> Range<usize> {
        let start = self.start as usize - base;
        start..start + usize::from(self.length)
    }

    /// Returns its place in [`MARKS`] or [`ENDINGS`].
    pub fn literal(self) -> usize {
        self.literal.into()
    }
}

/// Hits, ascending, given out message by message.
#[derive(Default)]
pub struct Lane {
    hits: Vec<Hit>,
    next: usize,
}

impl Lane {
    /// Returns the hits that lie wholly in `range`; ranges must be asked for in ascending order.
    pub fn within(&mut self, range: &Range<usize>) -> &[Hit] {
        let rest = self.hits.get(self.next..).unwrap_or_default();
        let first = self.next + rest.iter().take_while(|hit| (hit.start as usize) < range.start).count();
        let rest = self.hits.get(first..).unwrap_or_default();
        let inside = rest.iter().take_while(|hit| hit.at(0).end <= range.end).count();
        self.next = first + inside;
        self.hits.get(first..self.next).unwrap_or_default()
    }

    fn push(&mut self, start: usize, length: usize, literal: usize) {
        self.hits.push(Hit { start: start as u32, length: length as u8, literal: literal as u8 });
    }

    fn sort(&mut self) {
        self.hits.sort_by_key(|hit| hit.start);
    }
}

/// All hits of a batch.
pub struct Hits {
    /// Of [`MARKS`].
    pub marks: Lane,
    /// Of [`ENDINGS`].
    pub endings: Lane,
    /// Of `@`.
    pub ats: Lane,
    /// Of the rules' words.
    pub rules: RuleHits,
    /// What stands in runs of few characters.
    pub gates: Gates,
}

/// Looks for the literals.
#[derive(Debug)]
pub struct Searchers {
    marks: [AhoCorasick; 2],
    endings: [AhoCorasick; 2],
}

impl Searchers {
    /// Builds the searchers.
    pub fn new() -> Result<Self, BuildError> {
        // The default match kind would be twenty times slower: it does without SIMD.
        let build = |literals: &[&str]| AhoCorasick::builder().match_kind(MatchKind::LeftmostFirst).build(literals);
        let marks = MARKS.map(|(literal, _)| literal);
        let endings = ENDINGS.map(|(literal, _)| literal);
        Ok(Self {
            marks: [build(&marks[..SECOND])?, build(&marks[SECOND..ALONE])?],
            endings: [build(&endings[..WORDS])?, build(&endings[WORDS..])?],
        })
    }

    /// Returns the hits in `text`.
    pub fn hits(&self, text: &[u8], rules: &Arc<Rules>) -> Hits {
        let (marks, endings, ats) = (Lane::default(), Lane::default(), Lane::default());
        let mut hits = Hits { marks, endings, ats, rules: rules.hits(text), gates: Gates::of(text) };
        for (searcher, first) in self.marks.iter().zip([0, SECOND]) {
            each(searcher, text, text.len(), |start, length, literal| hits.marks.push(start, length, first + literal));
        }
        hits.gates.base32.iter().for_each(|start| hits.marks.push(*start as usize, 1, RUN));
        // Of a row of `=` the first two are a key's.
        hits.gates.paddings.iter().for_each(|start| hits.marks.push(*start as usize, PADDING.len(), ALONE));
        for start in memchr::memchr_iter(b'@', text) {
            // Of a row of `@` none has an address on both sides.
            if text.get(start + 1).is_some_and(|next| NAME.has(*next)) {
                hits.ats.push(start, 1, 0);
            }
        }
        let mut folded = Vec::with_capacity(text.len().min(CHUNK + OVERLAP));
        for base in (0..text.len()).step_by(CHUNK) {
            folded.clear();
            fold(&text[base..text.len().min(base + CHUNK + OVERLAP)], &mut folded);
            for (searcher, first) in self.endings.iter().zip([0, WORDS]) {
                each(searcher, &folded, CHUNK, |start, length, literal| {
                    hits.endings.push(base + start, length, first + literal);
                });
            }
        }
        hits.marks.sort();
        hits.endings.sort();
        hits
    }
}

/// Tells `hit` of every place in `text` before `end` where a literal starts, of its length and
/// which it is.
fn each(searcher: &AhoCorasick, text: &[u8], end: usize, mut hit: impl FnMut(usize, usize, usize)) {
    let mut from = 0;
    while let Some(found) = searcher.find(Input::new(text).range(from..)).filter(|found| found.start() < end) {
        hit(found.start(), found.len(), found.pattern().as_usize());
        from = found.start() + 1;
    }
}

/// Appends `text` to `folded`, upper case made lower; not only letters change, so a hit in it is
/// verified in the text itself.
fn fold(text: &[u8], folded: &mut Vec<u8>) {
    folded.extend(text.iter().map(|byte| byte | 0x20));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_literal_is_longer_than_chunks_overlap() {
        assert!(ENDINGS.iter().all(|(literal, _)| literal.len() <= OVERLAP));
    }

    #[test]
    fn literals_across_chunks_are_found_once_and_those_across_messages_never() {
        let searchers = Searchers::new().unwrap();
        for shift in 0..24 {
            let text = [vec![b'.'; CHUNK - shift], b"x-functions-key=AzFu==@a".to_vec()].concat();
            let mut hits = searchers.hits(&text, &Rules::shipped());
            let all = 0..text.len();
            assert_eq!(hits.endings.within(&all).len(), 1, "{shift}");
            assert_eq!((hits.marks.within(&all).len(), hits.ats.within(&all).len()), (2, 1));
        }
        let text = b"..key=..cookie..key=";
        let mut hits = searchers.hits(text, &Rules::shipped());
        let mut starts = |range| hits.endings.within(&range).iter().map(|hit| hit.at(0).start).collect::<Vec<_>>();
        assert_eq!([starts(0..5), starts(5..9), starts(9..20)], [vec![], vec![], vec![16]]);
    }
}
