//! Which of the names we know is a text? By its first and last eight bytes, as two numbers.
//!
//! Nearly all names have at most sixteen bytes, of which the two tell all: no loop over bytes, no call to
//! compare them. Names are matched in any case; one that is written as we write it is matched fastest. The
//! index is made when the program is compiled, of at most 254 names.

/// How many rows an index has.
const ROWS: usize = 1024;
/// Where there is no name.
const NONE: u8 = u8::MAX;
/// Makes small letters of capitals, and of some other characters others.
const FOLD: u64 = 0x2020_2020_2020_2020;

/// An index of names.
pub(super) struct Index<const N: usize> {
    /// For each row the first name in it.
    rows: [u8; ROWS],
    names: [Name; N],
    texts: [&'static str; N],
}

#[derive(Clone, Copy)]
struct Name {
    ends: [u64; 2],
    /// Its second eight bytes, if it has more than sixteen.
    middle: u64,
    /// Its length, at most 255.
    length: u8,
    /// The next name in the same row.
    next: u8,
}

impl<const N: usize> Index<N> {
    /// Returns the index of `texts`.
    pub(super) const fn new(texts: [&'static str; N]) -> Self {
        assert!(N < NONE as usize, "too many names for one index");
        let nobody = Name { ends: [0; 2], middle: 0, length: 0, next: NONE };
        let mut index = Self { rows: [NONE; ROWS], names: [nobody; N], texts };
        let mut place = 0;
        while place < N {
            let text = texts[place];
            let ends = ends(text.as_bytes());
            let row = row(ends);
            let mut other = index.rows[row];
            while other != NONE {
                assert!(!texts[other as usize].eq_ignore_ascii_case(text), "a name stands twice in one index");
                other = index.names[other as usize].next;
            }
            assert!(text.len() <= u8::MAX as usize, "a name is too long");
            let (middle, length) = (middle(text.as_bytes()), text.len() as u8);
            index.names[place] = Name { ends, middle, length, next: index.rows[row] };
            index.rows[row] = place as u8;
            place += 1;
        }
        index
    }

    /// Returns the place of `name` among the index's texts.
    #[inline]
    pub(super) fn place(&self, name: &[u8]) -> Option<usize> {
        let ends = ends(name);
        let place = self.rows[row(ends)];
        let known = self.names.get(usize::from(place))?;
        if known.ends == ends
            && usize::from(known.length) == name.len()
            && (name.len() <= 16 || name.len() <= 24 && known.middle == middle(name))
        {
            return Some(usize::from(place));
        }
        self.otherwise(name, ends, place)
    }

    /// Returns the one from `place` on in its row that is `name`, in any case.
    #[inline(never)]
    fn otherwise(&self, name: &[u8], [first, last]: [u64; 2], mut place: u8) -> Option<usize> {
        while let (Some(known), Some(text)) = (self.names.get(usize::from(place)), self.texts.get(usize::from(place))) {
            let [known_first, known_last] = known.ends;
            let folded = ((known_first ^ first) | (known_last ^ last)) & !FOLD == 0;
            if folded
                && text.len() == name.len()
                && (same(text.as_bytes(), name) || text.as_bytes().eq_ignore_ascii_case(name))
            {
                return Some(usize::from(place));
            }
            place = known.next;
        }
        None
    }
}

/// Tells whether two texts of one length, up to 32 bytes, are the same: their halves overlap.
#[inline]
fn same(one: &[u8], other: &[u8]) -> bool {
    let halves = |text: &[u8]| {
        let [first, last] = [text.first_chunk()?, text.last_chunk()?].map(|half| u128::from_le_bytes(*half));
        Some((first, last))
    };
    match (halves(one), halves(other)) {
        (Some(one_half), Some(other_half)) => one_half == other_half && one.len() <= 32,
        _ => false,
    }
}

/// Returns the first and the last eight bytes of `name`; of a shorter one all of it in the first number.
#[inline]
const fn ends(name: &[u8]) -> [u64; 2] {
    if name.len() >= 8 {
        let (Some(first), Some(last)) = (name.first_chunk(), name.last_chunk()) else { return [0; 2] };
        return [u64::from_le_bytes(*first), u64::from_le_bytes(*last)];
    }
    if name.len() >= 4 {
        let (Some(first), Some(last)) = (name.first_chunk(), name.last_chunk()) else { return [0; 2] };
        return [u32::from_le_bytes(*first) as u64 | (u32::from_le_bytes(*last) as u64) << 32, 0];
    }
    let all = match *name {
        [a, b, c] => u32::from_le_bytes([a, b, c, 0]),
        [a, b] => u32::from_le_bytes([a, b, 0, 0]),
        [a] => a as u32,
        _ => 0,
    };
    [all as u64, 0]
}

/// Returns the second eight bytes of `name`, zero if there are none.
#[inline]
const fn middle(name: &[u8]) -> u64 {
    let Some((_, behind)) = name.split_first_chunk::<8>() else { return 0 };
    match behind.first_chunk() {
        Some(middle) => u64::from_le_bytes(*middle),
        None => 0,
    }
}

/// Returns the row in which a name with such ends stands, in any case.
#[inline]
const fn row([first, last]: [u64; 2]) -> usize {
    let both = (first | FOLD) ^ (last | FOLD).rotate_left(13);
    (both.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - ROWS.trailing_zeros())) as usize
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TEXTS: [&str; 9] = [
        "",
        "a",
        "ab",
        "Abc",
        "abcd",
        "abcdEfgh",
        "abcdefghIjklmnop",
        "abcdefgh-ijklmnop",
        "abcdefgh-ijklmnop-abcdefgh-ijklmnop",
    ];
    static INDEX: Index<9> = Index::new(TEXTS);

    proptest! {
        #[test]
        fn a_name_is_known_in_any_case_and_no_other_is(which in 0..9_usize, at in 0..40_usize, byte in any::<u8>(), cut in 0..40_usize) {
            let mut name = TEXTS[which].as_bytes().to_vec();
            if let Some(changed) = name.get_mut(at) {
                *changed = byte;
            }
            name.truncate(name.len().min(cut));
            let slow = TEXTS.iter().position(|text| text.as_bytes().eq_ignore_ascii_case(&name));
            prop_assert_eq!(INDEX.place(&name), slow);
        }
    }
}
