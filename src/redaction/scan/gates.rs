//! Where in a batch do runs of few characters begin that are worth a look?
//!
//! Numbers, base64 and long tokens have no literal to search for. One pass tells the classes of all bytes
//! (`classes`), and runs are found by shifting their bits. A place may be told in vain; whoever is told
//! looks around it. A place takes four bytes, and there is at most one for every two bytes of text.

use super::classes::{self, ACCOUNT, BASE32, BITS, BLOCK, EQUALS, Masks, NUMBER, PACKED};

/// Blocks that are told of before any of them is looked at: they stay in the first cache.
const TOGETHER: usize = 64;
/// How far apart the places are at which base64 is looked for.
pub const STRIDE: usize = 16;
/// One bit in [`STRIDE`].
const EVERY_STRIDE: u64 = 0x0001_0001_0001_0001;
/// One bit in two of them: of any 52 characters of base32 one stands there with fifteen behind it.
const EVERY_OTHER: u64 = 0x0000_0001_0000_0001;
/// The last seven of each eight bytes.
const SEVEN: u64 = 0x7f;

/// Places in a text, ascending.
#[derive(Debug, Default)]
pub struct Gates {
    /// In the block where a run ends of fourteen and more digits, spaces, hyphens and `+`, or of fifteen capitals,
    /// digits and spaces, and in the block before it: each eight bytes that may be of such a number.
    pub numbers: Vec<u32>,
    /// Where twelve characters of base64 begin of which, from the first four places on, some may be text.
    pub packed: Vec<u32>,
    /// Inside runs of sixteen and more characters of base32; of any 52 of them at least one is told, for
    /// texts lie side by side and a run may go on in the next one.
    pub base32: Vec<u32>,
    /// Where two or more `=` begin.
    pub paddings: Vec<u32>,
}

/// What is known of the block before.
#[derive(Default)]
struct Before {
    number: u64,
    account: u64,
    equals: u64,
    /// Whether its numbers were told.
    told: bool,
}

impl Gates {
    /// Returns the places in `text`.
    pub fn of(text: &[u8]) -> Self {
        let mut gates = Self::default();
        let mut masks = [Masks::default(); TOGETHER];
        let mut before = Before::default();
        for (n, part) in text.chunks(TOGETHER * BLOCK).enumerate() {
            let masks = &mut masks[..part.len().div_ceil(BLOCK)];
            classes::classify(part, masks);
            for (block, mask) in masks.iter().enumerate() {
                gates.block(text, (n * TOGETHER + block) * BLOCK, mask, &mut before);
            }
        }
        gates
    }

    #[inline]
    fn block(&mut self, text: &[u8], at: usize, masks: &Masks, before: &mut Before) {
        let number = runs(before.number, masks[NUMBER], 14);
        let account = runs(before.account, masks[ACCOUNT], 15);
        if number | account == 0 {
            before.told = false;
        } else {
            if !before.told && at > 0 {
                self.numbers(text, at - BLOCK, before.number, before.account);
            }
            self.numbers(text, at, masks[NUMBER], masks[ACCOUNT]);
            before.told = true;
        }
        (before.number, before.account) = (masks[NUMBER], masks[ACCOUNT]);

        // Of the groups that begin at a place and four places behind it, each is text if none of these is set.
        let [first, second, third] = BITS.map(|class| masks[class]);
        let no_text = first | second >> 1 | third >> 2;
        let may = !(no_text | no_text >> 4);
        let may = may | may >> 1;
        let may = may | may >> 2;
        each(run_ahead(masks[PACKED], 12) & may & EVERY_STRIDE, |bit| self.packed.push((at + bit) as u32));

        each(run_ahead(masks[BASE32], 16) & EVERY_OTHER, |bit| self.base32.push((at + bit) as u32));

        let equals = masks[EQUALS];
        if equals != 0 {
            let one_before = equals << 1 | before.equals >> 63;
            let two_before = equals << 2 | before.equals >> 62;
            each(equals & one_before & !two_before, |bit| self.paddings.push((at + bit - 1) as u32));
        }
        before.equals = equals;
    }

    /// Tells of each eight bytes of a block whose last seven can stand in a number.
    #[cold]
    fn numbers(&mut self, text: &[u8], at: usize, number: u64, account: u64) {
        for start in (0..BLOCK).step_by(8) {
            let seven = |mask: u64| mask >> (start + 1) & SEVEN == SEVEN;
            if !seven(number) && !seven(account) {
                continue;
            }
            let digits = text[at + start + 1..].iter().take(7).filter(|byte| byte.is_ascii_digit()).count();
            if digits >= 2 {
                self.numbers.push((at + start + 1) as u32);
            }
        }
    }
}

/// Returns where a run ends that has `least` characters or more, 8 to 16, of a block and the one `before`.
#[inline]
fn runs(before: u64, block: u64, least: u32) -> u64 {
    let both = u128::from(block) << 64 | u128::from(before);
    let two = both & both << 1;
    let four = two & two << 2;
    let eight = four & four << 4;
    ((eight & eight << (least - 8)) >> 64) as u64
}

/// Returns where `length` characters begin, 12 or 16, within a block.
#[inline]
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
                let told = Gates::of(text.as_bytes()).numbers;
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
        assert_eq!((gates.numbers, gates.base32, gates.paddings), (vec![], vec![], vec![]));
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
