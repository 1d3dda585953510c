//! Where in a batch does a literal stand that is worth a look?
//!
//! The whole batch is searched at once, message borders and all, and for the words of all rules in the
//! same pass (`grams`): most messages have no hit and are never looked at again. Of a literal the rarest
//! five bytes count, so it should have some that are rare in telemetry. A hit takes eight bytes; crafted
//! text has at most one every second byte.

use std::ops::Range;
use std::sync::{Arc, LazyLock};

use super::gates::{Gates, Watch};
use crate::redaction::rules::{Case, RuleHits, Rules, Word};

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
    Pkcs8,
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

/// The last two are no words: they are looked for as runs.
pub const MARKS: [(&str, Mark); 46] = [
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
    ("IBADANBgkqhkiG9w0BAQEF", Mark::Pkcs8),
    (PADDING, Mark::Padding),
    ("", Mark::Run),
];

/// The first of [`MARKS`] that is no word, and the other.
const ALONE: usize = MARKS.len() - 2;
const RUN: usize = MARKS.len() - 1;

const PADDING: &str = "==";

/// Folded by `| 0x20`: `|` is a backslash too.
pub const ENDINGS: [(&str, Ending); 62] = [
    ("ode=", Ending::Name(1)),
    ("key=", Ending::Name(1)),
    ("key\"", Ending::Name(1)),
    ("key|", Ending::Name(1)),
    ("key'", Ending::Name(1)),
    ("key:", Ending::Name(1)),
    ("key>", Ending::Name(1)),
    ("key<", Ending::Name(1)),
    ("key =", Ending::Name(2)),
    ("key :", Ending::Name(2)),
    ("key,", Ending::Name(1)),
    ("key1\"", Ending::Name(1)),
    ("key1|", Ending::Name(1)),
    ("key2\"", Ending::Name(1)),
    ("key2|", Ending::Name(1)),
    ("pass=", Ending::Name(1)),
    ("pass:", Ending::Name(1)),
    ("pass\"", Ending::Name(1)),
    ("pass|", Ending::Name(1)),
    ("pass'", Ending::Name(1)),
    ("passphrase", Ending::Name(0)),
    ("passcode", Ending::Name(0)),
    ("kennwort", Ending::Name(0)),
    ("identity\x7fheader", Ending::Name(0)),
    ("identity-header", Ending::Name(0)),
    // `code[]=`, and with its brackets encoded.
    ("ode{}=", Ending::Name(3)),
    ("ode%5b%5d=", Ending::Name(7)),
    ("-key ", Ending::Name(1)),
    ("sig=", Ending::Name(1)),
    ("sig\"", Ending::Name(1)),
    ("sig|", Ending::Name(1)),
    ("sig'", Ending::Name(1)),
    ("sig:", Ending::Name(1)),
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
    ("phone>", Ending::Phone),
    ("mobile>", Ending::Phone),
    ("phones", Ending::Phone),
    ("honenumber", Ending::Phone),
    ("hone\x7fnumber", Ending::Phone),
    ("mobile\"", Ending::Phone),
    ("msisdn", Ending::Phone),
];

/// For so many bytes of text there is room for one of each of the commoner sorts from the start.
pub const ROOM_FOR_ONE: usize = 256;

/// A literal as it is looked for.
struct Literal {
    word: Word,
    /// Whether it is one of [`ENDINGS`], or of [`MARKS`].
    ending: bool,
    /// Its place there.
    number: u8,
    length: u8,
    /// How many bytes of the word stand before it.
    before: u8,
}

/// Every literal that is looked for as a word, in the order of their numbers.
static LITERALS: LazyLock<Vec<Literal>> = LazyLock::new(|| {
    let mut all = Vec::new();
    let mut put = |before: &[u8], literal: &str, ending, number| {
        let bytes = [before, literal.as_bytes()].concat();
        let word = Word { bytes, case: if ending { Case::Folded } else { Case::Exact } };
        all.push(Literal { word, ending, number, length: literal.len() as u8, before: before.len() as u8 });
    };
    for (number, (literal, mark)) in (0_u8..).zip(&MARKS[..ALONE]) {
        match mark {
            // The sign before it is often written as an escape, `%2B` or `\u002B`, which ends in `B`; a form that was
            // decoded has a space for `+`, and one that was encoded again `%20`.
            Mark::Identifiable(key) if key.len() > literal.len() => {
                let signs: &[u8] = if key.starts_with('+') { b"+Bb 0" } else { b"/Ff" };
                for sign in signs {
                    put(&[*sign], literal, false, number);
                }
            }
            _ => put(&[], literal, false, number),
        }
    }
    for (number, (literal, _)) in (0_u8..).zip(&ENDINGS) {
        put(&[], literal, true, number);
    }
    all
});

/// Returns the words that are looked for, in the order of their numbers.
pub fn literals() -> impl Iterator<Item = Word> {
    LITERALS.iter().map(|literal| literal.word.clone())
}

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
    #[inline]
    pub fn within(&mut self, range: &Range<usize>) -> &[Hit] {
        let rest = self.hits.get(self.next..).unwrap_or_default();
        if rest.first().is_none_or(|hit| hit.start as usize >= range.end) {
            return &[];
        }
        self.some_within(range)
    }

    fn some_within(&mut self, range: &Range<usize>) -> &[Hit] {
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

    /// Puts a hit in its place: they come nearly ascending.
    fn put(&mut self, start: usize, literal: &Literal) {
        let hit = Hit { start: start as u32, length: literal.length, literal: literal.number };
        let behind = self.hits.iter().rev().take_while(|other| other.start > hit.start).count();
        self.hits.insert(self.hits.len() - behind, hit);
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

impl Hits {
    /// Returns the hits in `text`, those of `rules` among them.
    pub fn of(text: &[u8], rules: &Arc<Rules>) -> Self {
        // Telemetry has a few of each in a thousand bytes.
        let lane = || Lane { hits: Vec::with_capacity(text.len() / ROOM_FOR_ONE), next: 0 };
        let (mut marks, mut endings, mut ats) = (lane(), lane(), lane());
        let literals = &*LITERALS;
        let mut watch = Watch::over(text);
        let literal = |start: usize, number: usize| {
            let literal = &literals[number];
            let lane = if literal.ending { &mut endings } else { &mut marks };
            lane.put(start + usize::from(literal.before), literal);
        };
        let rules = rules.hits(text, literal, |chunk| watch.pass(chunk));
        let gates = watch.gates;
        gates.base32.iter().for_each(|start| marks.push(*start as usize, 1, RUN));
        gates.paddings.iter().for_each(|start| marks.push(*start as usize, PADDING.len(), ALONE));
        gates.ats.iter().for_each(|start| ats.push(*start as usize, 1, 0));
        marks.sort();
        Self { marks, endings, ats, rules, gates }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_two_literals_none_begins_with_the_other() {
        for ending in [false, true] {
            let these = || LITERALS.iter().filter(|literal| literal.ending == ending);
            for one in these() {
                let begins = these().filter(|other| other.word.bytes.starts_with(&one.word.bytes));
                assert_eq!(begins.count(), 1, "{}", one.word.bytes.escape_ascii());
            }
        }
    }

    #[test]
    fn literals_are_found_once_wherever_they_stand_and_those_across_messages_never() {
        for shift in 0..140 {
            let text = [vec![b'.'; shift], b"x-functions-key=AzFu==@a %2BASt".to_vec()].concat();
            let mut hits = Hits::of(&text, &Rules::shipped());
            let all = 0..text.len();
            assert_eq!(hits.endings.within(&all).len(), 1, "{shift}");
            assert_eq!((hits.marks.within(&all).len(), hits.ats.within(&all).len()), (3, 1));
        }
        let text = b"..key=..cookie..key=";
        let mut hits = Hits::of(text, &Rules::shipped());
        let mut starts = |range| hits.endings.within(&range).iter().map(|hit| hit.at(0).start).collect::<Vec<_>>();
        assert_eq!([starts(0..5), starts(5..9), starts(9..20)], [vec![], vec![], vec![16]]);
    }
}
