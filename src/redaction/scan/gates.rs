//! Where in a batch do runs of few characters begin that are worth a look, and signs that announce something?
//!
//! Numbers, base64 and long tokens have no literal to search for. One pass tells the classes of all bytes
//! (`classes`), and runs are found by shifting their bits, four or eight blocks at a time where the processor
//! can. A place may be told in vain; whoever is told looks around it. A place takes four bytes, and there is
//! at most one of a sort for every two bytes of text.

use super::bytes::NAME;
use super::classes::{
    self, ACCOUNT, ALL, AT, BASE32, BITS, BLOCK, BREAK, EQUALS, ESCAPE, Masks, NUMBER, PACKED, TOGETHER,
};
use super::hits::ROOM_FOR_ONE;
use super::views;
use crate::redaction::rules::CHUNK;
use crate::telemetry::avx2::{self, Wide};

/// How far apart the places are at which base64 is looked for.
pub const STRIDE: usize = 16;
/// One bit in [`STRIDE`].
const EVERY_STRIDE: u64 = 0x0001_0001_0001_0001;
/// One bit in two of them: of any 52 characters of base32 one stands there with fifteen behind it.
const EVERY_OTHER: u64 = 0x0000_0001_0000_0001;
/// The second of each eight bytes.
const SECONDS: u64 = 0x0202_0202_0202_0202;
/// How many bytes behind the first of eight can stand in a number.
const SEVEN: usize = 7;

// A chunk is what is told of together.
const _: () = assert!(CHUNK == TOGETHER * BLOCK);

/// Places in a text, ascending.
#[derive(Debug, Default)]
pub struct Gates {
    /// In the block where a run ends of fourteen and more digits, spaces, hyphens and `+`, and in the block
    /// before it, if in one of the two digits stand as a card's: each eight bytes that may be of such a number. Of the
    /// digits that a text begins with nothing may be told.
    pub cards: Vec<u32>,
    /// The same of fifteen capitals, digits and spaces, if in one of the two blocks one may begin as an account's
    /// number does.
    pub accounts: Vec<u32>,
    /// Where twelve characters of base64 begin of which, from the first four places on, some may be text.
    pub packed: Vec<u32>,
    /// Inside runs of sixteen and more characters of base32; of any 52 of them at least one is told, for
    /// texts lie side by side and a run may go on in the next one.
    pub base32: Vec<u32>,
    /// Where two or more `=` begin.
    pub paddings: Vec<u32>,
    /// Where an escape begins: of `%20` and the like too.
    pub escapes: Vec<u32>,
    /// Where a line breaks: its `\n`, or the last backslash of one that is written as an escape.
    pub breaks: Vec<u32>,
    /// Of `@` before what may be a name's.
    pub ats: Vec<u32>,
}

/// For each block, as bits, what of it is worth a look.
#[derive(Debug)]
pub struct Worth {
    /// Where runs end that are long enough for a card's number.
    cards: [u64; TOGETHER],
    /// For an account's.
    accounts: [u64; TOGETHER],
    packed: [u64; TOGETHER],
    base32: [u64; TOGETHER],
    paddings: [u64; TOGETHER],
    /// Whatever of these there is, and of the pairs.
    any: [u64; TOGETHER],
}

/// Tells the places in a text, chunk by chunk.
pub struct Watch<'t> {
    text: &'t [u8],
    /// The places so far.
    pub gates: Gates,
    masks: Masks,
    worth: Worth,
    /// Where the block is whose numbers were told last, of cards and accounts.
    told: [usize; 2],
}

impl<'t> Watch<'t> {
    /// Returns what has told nothing yet of `text`.
    pub fn over(text: &'t [u8]) -> Self {
        let room = || Vec::with_capacity(text.len() / ROOM_FOR_ONE);
        let (cards, packed, escapes, ats) = (room(), room(), room(), room());
        let gates = Gates { cards, packed, escapes, ats, ..Gates::default() };
        let none = [0; TOGETHER];
        let worth = Worth { cards: none, accounts: none, packed: none, base32: none, paddings: none, any: none };
        Self { text, gates, masks: [[0; TOGETHER + 1]; ALL], worth, told: [usize::MAX; 2] }
    }

    /// Tells the places in the [`CHUNK`] bytes from `base` on, the start of the text or where the chunk passed last ends.
    pub fn pass(&mut self, base: usize) {
        let Self { text, gates, masks, worth, told } = self;
        let blocks = classes::classify(&text[base..], masks);
        avx2::widely(Telling { masks, blocks, to: worth });
        for (block, any) in worth.any[..blocks].iter().enumerate() {
            if *any != 0 {
                gates.block(text, base + block * BLOCK, masks, worth, block, told);
            }
        }
    }
}

impl Gates {
    /// Returns the places in `text`.
    #[cfg(test)]
    pub fn of(text: &[u8]) -> Self {
        let mut watch = Watch::over(text);
        (0..text.len()).step_by(CHUNK).for_each(|base| watch.pass(base));
        watch.gates
    }

    /// Tells what of a block is worth a look.
    #[inline(never)]
    fn block(&mut self, text: &[u8], at: usize, masks: &Masks, worth: &Worth, block: usize, told: &mut [usize; 2]) {
        let (cards, accounts) = (worth.cards[block], worth.accounts[block]);
        if cards | accounts != 0 {
            self.numbers(text, at, masks, block, [cards, accounts], told);
        }
        self.runs(at, worth, block);
        if masks[ESCAPE][block + 1] | masks[BREAK][block + 1] | masks[AT][block + 1] != 0 {
            self.pairs(text, at, masks, block);
        }
    }

    #[inline]
    fn runs(&mut self, at: usize, worth: &Worth, block: usize) {
        each(worth.packed[block], |bit| self.packed.push((at + bit) as u32));
        each(worth.base32[block], |bit| self.base32.push((at + bit) as u32));
        // The second of two is told; of a row of `=` the first two are a key's.
        each(worth.paddings[block], |bit| self.paddings.push((at + bit - 1) as u32));
    }

    #[inline]
    fn pairs(&mut self, text: &[u8], at: usize, masks: &Masks, block: usize) {
        each(masks[ESCAPE][block + 1], |bit| {
            if views::is_escape(&text[at + bit..]) {
                self.escapes.push((at + bit) as u32);
            }
        });
        each(masks[BREAK][block + 1], |bit| {
            // Before one of a row of breaks no long word stands.
            if !text[..at + bit].ends_with(b"\n") {
                self.breaks.push((at + bit) as u32);
            }
        });
        each(masks[AT][block + 1], |bit| {
            // Of a row of `@` none has an address on both sides.
            let starts = |next: &u8| NAME.has(*next) || !next.is_ascii() || matches!(next, b'\\' | b'%');
            if text.get(at + bit + 1).is_some_and(starts) {
                self.ats.push((at + bit) as u32);
            }
        });
    }

    /// Tells of the numbers in the block at `at`, and in the one before.
    #[inline]
    fn numbers(&mut self, text: &[u8], at: usize, masks: &Masks, block: usize, ends: [u64; 2], told: &mut [usize; 2]) {
        for (account, ends) in ends.into_iter().enumerate() {
            if ends == 0 || account == 0 && !may_hold_card(text, at, masks, block) {
                continue;
            }
            if let Some(before) = at.checked_sub(BLOCK).filter(|before| told[account] != *before) {
                self.number(text, before, masks, block, account == 1);
            }
            self.number(text, at, masks, block + 1, account == 1);
            told[account] = at;
        }
    }

    /// Tells of each eight bytes of the block at `at` whose last seven can stand in a number.
    #[cold]
    fn number(&mut self, text: &[u8], at: usize, masks: &Masks, block: usize, account: bool) {
        let mask = masks[if account { ACCOUNT } else { NUMBER }][block];
        // Digits, and spaces.
        let both = masks[ACCOUNT][block] & masks[NUMBER][block];
        let two = mask & mask >> 1;
        let four = two & two >> 2;
        each(four & four >> 3 & SECONDS, |bit| {
            if (both >> bit & ((1 << SEVEN) - 1)).count_ones() < 2 {
                return;
            }
            let digits = text[at + bit..].iter().take(SEVEN).filter(|byte| byte.is_ascii_digit()).count();
            if digits >= 2 {
                let to = if account { &mut self.accounts } else { &mut self.cards };
                to.push((at + bit) as u32);
            }
        });
    }
}

/// Tells whether digits stand in the block at `at` or in the one before as those of a card may: fourteen and more that no
/// hyphen joins to a digit before them, or a group of four and one of four or six. Where a run reaches into what is
/// not seen, they may: a run that begins before the two blocks, or behind half an escape. A run that goes on behind them
/// is looked at again with the block it ends in. Of a text's first digits the sign before them may be another text's.
fn may_hold_card(text: &[u8], at: usize, masks: &Masks, block: usize) -> bool {
    let both = |class: usize| u128::from(masks[class][block + 1]) << BLOCK | u128::from(masks[class][block]);
    // Neither signs, which are no account's, nor spaces, which are not base64.
    let (number, digits) = (both(NUMBER), both(NUMBER) & both(ACCOUNT) & both(PACKED));
    let other = !digits;
    let fourteen = |of: u128| {
        let eight = of & of >> 1;
        let eight = eight & eight >> 2;
        let eight = eight & eight >> 4;
        eight & eight >> 6
    };
    if number & 1 != 0 {
        return true;
    }
    let before = |place: usize, by: usize| (at + place).checked_sub(BLOCK + by).and_then(|before| text.get(before));
    let joined = |place| before(place, 1) == Some(&b'-') && before(place, 2).is_some_and(u8::is_ascii_digit);
    let begin = |of: u128| fourteen(of) & !(of << 1);
    if any_of(begin(number), |place| matches!(before(place, 1), Some(b'%' | b'u')))
        || any_of(begin(digits), |place| !joined(place))
    {
        return true;
    }
    let first = digits & !(digits << 1);
    let two = digits & digits >> 1;
    let four = two & two >> 2;
    let (of_four, of_six) = (first & four & other >> 4, first & four & two >> 4 & other >> 6);
    of_four & (number & other) >> 4 & (of_four | of_six) >> 5 != 0
}

/// Tells whether `is` holds of one of these places.
fn any_of(mut places: u128, is: impl Fn(usize) -> bool) -> bool {
    while places != 0 {
        if is(places.trailing_zeros() as usize) {
            return true;
        }
        places &= places - 1;
    }
    false
}

/// Tells what of each of so many blocks is worth a look.
struct Telling<'m> {
    masks: &'m Masks,
    blocks: usize,
    to: &'m mut Worth,
}

impl Wide for Telling<'_> {
    #[expect(clippy::inline_always, reason = "it must be compiled anew for a processor that does more at a time")]
    #[inline(always)]
    fn work(self) {
        worth(self.masks, self.blocks, self.to);
    }
}

#[expect(clippy::inline_always, reason = "it must be compiled anew for a processor that does more at a time")]
#[inline(always)]
fn worth(masks: &Masks, blocks: usize, to: &mut Worth) {
    let blocks = blocks.min(TOGETHER);
    for n in 0..blocks {
        let of = |class: usize| (masks[class][n], masks[class][n + 1]);
        to.cards[n] = runs(of(NUMBER), 14);
        let begins = |n: usize| begins(masks[ACCOUNT][n], masks[NUMBER][n]);
        to.accounts[n] = if begins(n) | begins(n + 1) == 0 { 0 } else { runs(of(ACCOUNT), 15) };
    }
    for n in 0..blocks {
        let here = |class: usize| masks[class][n + 1];
        // Of the groups that begin at a place and four places behind it, each is text if none of these is set.
        let no_text = here(BITS[0]) | here(BITS[1]) >> 1 | here(BITS[2]) >> 2;
        let may = !(no_text | no_text >> 4);
        let may = may | may >> 1;
        let may = may | may >> 2;
        to.packed[n] = run_ahead(here(PACKED), 12) & may & EVERY_STRIDE;
        to.base32[n] = run_ahead(here(BASE32), 16) & EVERY_OTHER;
        let (before, equals) = (masks[EQUALS][n], here(EQUALS));
        to.paddings[n] = equals & (equals << 1 | before >> 63) & !(equals << 2 | before >> 62);
        let runs = to.cards[n] | to.accounts[n] | to.packed[n] | to.base32[n] | to.paddings[n];
        to.any[n] = runs | here(ESCAPE) | here(BREAK) | here(AT);
    }
}

/// Returns where in a block an account's number may begin: two capitals and two digits. What the block behind
/// it would have to tell is taken for granted.
#[inline(always)]
fn begins(account: u64, number: u64) -> u64 {
    const LAST: u64 = 1 << 61 | 1 << 62 | 1 << 63;
    let (capitals, digits) = (account & !number, account & number);
    capitals & (capitals >> 1 | LAST) & (digits >> 2 | LAST) & (digits >> 3 | LAST)
}

/// Returns where a run ends that has `least` characters or more, 8 to 16, of a block and the one before.
#[expect(clippy::inline_always, reason = "as `worth`, of which it is a part")]
#[inline(always)]
fn runs((before, block): (u64, u64), least: u32) -> u64 {
    // Of the block before only the last bits count, and those are right though what is before it is not known.
    let join = |(before, block): (u64, u64), by: u32| {
        (before & before << by, block & (block << by | before >> (u64::BITS - by)))
    };
    let eight = join(join(join((before, block), 1), 2), 4);
    join(eight, least - 8).1
}

/// Returns where `length` characters begin, 12 or 16, within a block.
#[expect(clippy::inline_always, reason = "as `worth`, of which it is a part")]
#[inline(always)]
fn run_ahead(block: u64, length: u32) -> u64 {
    let two = block & block >> 1;
    let four = two & two >> 2;
    let eight = four & four >> 4;
    if length == 12 { eight & four >> 8 } else { eight & eight >> 8 }
}

/// Tells `one` of each bit.
#[inline]
fn each(mut bits: u64, mut one: impl FnMut(usize)) {
    while bits != 0 {
        one(bits.trailing_zeros() as usize);
        bits &= bits - 1;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_number_is_told_wherever_it_stands() {
        for number in
            ["36148900647913", "4111 1111 1111 1111", "NO9386011117947", "NL91ABNA0417164300", "GB29NWBK60161331926819"]
        {
            for before in 0..140 {
                let text = format!("{}\"{number}\"", "x".repeat(before));
                let gates = Gates::of(text.as_bytes());
                let told = if number.contains('N') { gates.accounts } else { gates.cards };
                let range = before + 1..before + 1 + number.len();
                assert!(
                    !told.is_empty() && told.iter().all(|at| range.contains(&(*at as usize))),
                    "{number} behind {before}: {told:?}"
                );
                assert!(told.is_sorted(), "{told:?}");
            }
        }
    }

    #[test]
    fn words_times_paths_and_ids_are_not_told() {
        let text = r#"{"time":"2026-11-26T21:02:30.1234567Z","category":"FunctionAppLogs","resourceId":
            "/SUBSCRIPTIONS/12CABCB4-86E8-404F-A3D2-1DC9982F45CA/RESOURCEGROUPS/X","took":1234567890"}"#;
        let gates = Gates::of(text.as_bytes());
        assert_eq!([gates.cards, gates.accounts, gates.base32, gates.paddings].concat(), Vec::<u32>::new());
    }

    #[test]
    fn a_long_number_behind_a_hyphen_is_told_of_as_no_card_and_as_an_account_only_behind_two_capitals() {
        for before in 0..140 {
            let text = format!("{}'1386444128-638678282453229290'", "x".repeat(before));
            let gates = Gates::of(text.as_bytes());
            assert_eq!((gates.cards, gates.accounts), (vec![], vec![]), "{before}");
            let gates = Gates::of(format!("{}'1386444128 638678282453229290'", "x".repeat(before)).as_bytes());
            assert_eq!((gates.cards.is_empty(), gates.accounts), (false, vec![]), "{before}");
        }
    }

    #[test]
    fn escapes_breaks_and_addresses_are_told_wherever_they_stand() {
        let signs = ["%2f", "\\u0041", "\\/", "&quot;", "&#43;", "\n", "\\n", "@a"];
        let others = ["%zz", "\\u1041", "\\t", "&page", "%1f", "@@", "\\"];
        for before in 0..140 {
            let told = |sign: &str| {
                let gates = Gates::of(format!("{}{sign}", "x".repeat(before)).as_bytes());
                [gates.escapes, gates.breaks, gates.ats].concat()
            };
            for sign in signs {
                assert_eq!(told(sign), [before as u32], "{sign}");
            }
            for sign in others {
                assert!(told(sign).is_empty(), "{sign}");
            }
        }
    }

    #[test]
    fn two_equal_signs_are_told_once() {
        for before in 0..140 {
            let text = format!("{}=a=={}y====b=", "x".repeat(before), "y".repeat(before));
            let wanted = [before + 2, 2 * before + 5].map(|at| at as u32);
            assert_eq!(Gates::of(text.as_bytes()).paddings, wanted, "{before}");
        }
    }

    #[test]
    fn of_any_fifty_two_characters_of_base32_one_is_told() {
        for before in 0..140 {
            for length in 52..240 {
                let text = format!("{} {} ", "X".repeat(before), "y2".repeat(120).split_at(length).0);
                let told = Gates::of(text.as_bytes()).base32;
                let run = before + 1..before + 1 + length;
                for token in run.start..=run.end - 52 {
                    let here = told.iter().any(|at| (token..token + 52).contains(&(*at as usize)));
                    assert!(here, "{before} {length} {token} {told:?}");
                }
                assert!(told.iter().all(|at| run.contains(&(*at as usize))), "{before} {length} {told:?}");
            }
        }
    }

    proptest! {
        /// Slow and obvious: what is told of base64 is what may be text.
        #[test]
        fn base64_is_told_where_two_groups_may_be_text(text in "[A-Za-z0-9+/_. -]{0,200}", packed in "[ -~]{0,90}") {
            use base64::Engine as _;
            let text = text + &base64::engine::general_purpose::STANDARD.encode(packed);
            let bytes = text.as_bytes();
            let told = Gates::of(bytes).packed;
            let value = |byte: u8| classes_value(byte);
            let mut wanted = Vec::new();
            for at in (0..bytes.len().saturating_sub(11)).step_by(STRIDE) {
                let window = &bytes[at..at + 12];
                if window.iter().any(|byte| value(*byte).is_none()) {
                    continue;
                }
                let group = |at: usize| {
                    let of = |n: usize| value(window[at + n]).unwrap();
                    of(0) >> 5 & 1 == 0 && of(1) >> 3 & 1 == 0 && of(2) >> 1 & 1 == 0
                };
                if (0..4).any(|place| group(place) && group(place + 4)) {
                    wanted.push(at as u32);
                }
            }
            prop_assert_eq!(told, wanted);
        }
    }

    fn classes_value(byte: u8) -> Option<u8> {
        Some(match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            _ => return None,
        })
    }
}
