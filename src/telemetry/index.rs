//! Which of the names we know may a text be? One row of few candidates, by length and two letters.
//!
//! A row is looked up without a loop over all names; the index is made when the program is
//! compiled, and does not compile where more than four names fall into one row.

/// How many rows an index has.
const ROWS: usize = 512;

/// For each row the places, among the names, of those that may stand in it; 255 for none.
pub(super) type Rows = [[u8; 4]; ROWS];

/// Returns the row of an index in which a name stands, in any case. The factors part our names
/// best; they were found by trying.
#[inline]
pub(super) const fn row(name: &[u8]) -> usize {
    let (Some(first), Some(last)) = (name.first(), name.last()) else { return 0 };
    (name.len() * 13 + (*first | 0x20) as usize * 9 + (*last | 0x20) as usize * 21) % ROWS
}

/// Returns the index of `names`, fewer than 255.
pub(super) const fn rows(names: &[&str]) -> Rows {
    let mut rows = [[u8::MAX; 4]; ROWS];
    let mut place = 0;
    assert!(names.len() < u8::MAX as usize, "too many names for one index");
    while place < names.len() {
        let row = &mut rows[row(names[place].as_bytes())];
        let mut free = 0;
        while row[free] != u8::MAX {
            assert!(!same(names[row[free] as usize], names[place]), "a name stands twice in one index");
            free += 1;
        }
        row[free] = place as u8;
        place += 1;
    }
    rows
}

/// Tells whether two names are the same in any case.
const fn same(one: &str, other: &str) -> bool {
    one.eq_ignore_ascii_case(other)
}
