//! What does this byte mean, and is it one character of an escape?
//!
//! Secrets stand in plain text, in JSON strings (`\/`, `\u0026`), in JSON in JSON (`\\\/`) and in
//! URLs (`%2B`, `%252B`). A [`Unit`] is one character as written, whatever its escapes; units are
//! read forwards and backwards in constant time each.

/// The longest run of backslashes that is read as one escape: five strings deep.
const BACKSLASHES: usize = 31;

/// A set of bytes, by bit.
#[derive(Clone, Copy, Debug)]
pub struct Set([u64; 4]);

impl Set {
    /// Returns the letters, the digits and `more`.
    pub const fn word(more: &[u8]) -> Self {
        Self([0; 4]).with(b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ").with(more)
    }

    /// Returns exactly `bytes`.
    pub const fn of(bytes: &[u8]) -> Self {
        Self([0; 4]).with(bytes)
    }

    /// Returns the set with `more` in it too.
    pub const fn and(self, more: &[u8]) -> Self {
        self.with(more)
    }

    const fn with(mut self, bytes: &[u8]) -> Self {
        let mut at = 0;
        while at < bytes.len() {
            self.0[(bytes[at] >> 6) as usize] |= 1 << (bytes[at] & 63);
            at += 1;
        }
        self
    }

    /// Tells whether `byte` is in the set.
    pub const fn has(&self, byte: u8) -> bool {
        self.0[(byte >> 6) as usize] >> (byte & 63) & 1 == 1
    }
}

/// What a name of a field, header or parameter is made of.
pub const NAME: Set = Set::word(b"_-.");
/// Base64 in the standard alphabet.
pub const BASE64: Set = Set::word(b"+/");
/// Base64 in the URL-safe alphabet.
pub const BASE64_URL: Set = Set::word(b"-_");

/// Returns the value of a hexadecimal digit.
pub const fn hex(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

/// Tells whether `byte` is of base32's alphabet.
pub const fn is_base32(byte: u8) -> bool {
    matches!(byte, b'A'..=b'Z' | b'2'..=b'7')
}

/// One character as written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unit {
    /// The character it stands for; those beyond ASCII are 0xFF.
    pub byte: u8,
    /// How many bytes it is written with.
    pub len: usize,
    /// Whether it is written as an escape.
    pub escaped: bool,
}

/// Returns the character that ends right before `end`.
pub fn unit_before(text: &[u8], end: usize) -> Option<Unit> {
    let text = text.get(..end)?;
    Some(escape_before(text).unwrap_or(Unit { byte: *text.last()?, len: 1, escaped: false }))
}

/// Returns the escape that `text` ends with.
pub fn escape_before(text: &[u8]) -> Option<Unit> {
    let percent = match *text {
        [.., b'%', high, low] => pair(high, low).map(|byte| (byte, 3)),
        [.., b'%', b'2', b'5', high, low] => pair(high, low).map(|byte| (byte, 5)),
        _ => None,
    };
    if let Some((byte, len)) = percent {
        return Some(Unit { byte, len, escaped: true });
    }
    // A `%` that is none may stand before one of JSON: `100%\n`.
    let (byte, len) = match *text {
        [.., b'\\', b'u', a, b, c, d] => (code_unit([a, b, c, d])?, 5),
        [.., b'\\', b'/'] => (b'/', 1),
        [.., b'\\', b'n'] => (b'\n', 1),
        [.., b'\\', b'r'] => (b'\r', 1),
        [.., b'\\', b't'] => (b'\t', 1),
        [.., b'\\', b'b' | b'f'] => (b'\x0c', 1),
        _ => return None,
    };
    let before = &text[..text.len() - len];
    Some(Unit { byte, len: len + backslashes_before(before), escaped: true })
}

/// Returns the character that starts at `at`.
pub fn unit_at(text: &[u8], at: usize) -> Option<Unit> {
    let text = text.get(at..)?;
    let first = *text.first()?;
    let plain = Unit { byte: first, len: 1, escaped: false };
    let found = match first {
        b'%' => percent_at(text),
        b'\\' => {
            let run = text.iter().take(BACKSLASHES).take_while(|byte| **byte == b'\\').count();
            match text[run..] {
                [b'u', a, b, c, d, ..] => code_unit([a, b, c, d]).map(|byte| (byte, run + 5)),
                [b'/', ..] => Some((b'/', run + 1)),
                [b'n' | b'r', ..] => Some((b'\n', run + 1)),
                [b't', ..] => Some((b'\t', run + 1)),
                _ => None,
            }
        }
        _ => None,
    };
    Some(found.map_or(plain, |(byte, len)| Unit { byte, len, escaped: true }))
}

fn percent_at(text: &[u8]) -> Option<(u8, usize)> {
    match *text {
        [b'%', b'2', b'5', high, low, ..] if pair(high, low).is_some() => pair(high, low).map(|byte| (byte, 5)),
        [b'%', high, low, ..] => pair(high, low).map(|byte| (byte, 3)),
        _ => None,
    }
}

fn pair(high: u8, low: u8) -> Option<u8> {
    Some(hex(high)? << 4 | hex(low)?)
}

fn code_unit([a, b, c, d]: [u8; 4]) -> Option<u8> {
    let (high, low) = (pair(a, b)?, pair(c, d)?);
    Some(if high == 0 && low < 0x80 { low } else { 0xff })
}

/// Returns how many backslashes (at most [`BACKSLASHES`]) `text` ends with.
pub fn backslashes_before(text: &[u8]) -> usize {
    text.iter().rev().take(BACKSLASHES).take_while(|byte| **byte == b'\\').count()
}

/// Returns the length of a colour that a terminal is told at `at`: `ESC[` or `\u001b[`, digits, `m`.
pub fn colour_at(text: &[u8], at: usize) -> Option<usize> {
    let escape = unit_at(text, at).filter(|unit| unit.byte == 0x1b)?.len;
    let digits = text.get(at + escape..)?.strip_prefix(b"[")?;
    let length = digits.iter().take(16).take_while(|byte| matches!(byte, b'0'..=b'9' | b';')).count();
    (digits.get(length) == Some(&b'm')).then_some(escape + length + 2)
}

/// Tells whether a colour ends at `at`.
pub fn ends_colour(text: &[u8], at: usize) -> bool {
    let Some(before) = text[..at].strip_suffix(b"m") else { return false };
    let length = before.iter().rev().take(16).take_while(|byte| matches!(byte, b'0'..=b'9' | b';')).count();
    let before = before[..before.len() - length].strip_suffix(b"[");
    before.is_some_and(|before| unit_before(before, before.len()).is_some_and(|unit| unit.byte == 0x1b))
}

/// Tells whether a name can start at `at`: nothing that belongs to a name stands before it.
pub fn starts_name(text: &[u8], at: usize) -> bool {
    unit_before(text, at).is_none_or(|unit| !NAME.has(unit.byte))
}

/// Tells whether `text` holds `word` (lower case) at its end, in any case.
pub fn ends_with(text: &[u8], word: &[u8]) -> bool {
    text.len().checked_sub(word.len()).is_some_and(|from| text[from..].eq_ignore_ascii_case(word))
}

/// Tells whether `text` starts with `word`, in any case.
pub fn starts_with(text: &[u8], word: &[u8]) -> bool {
    text.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word))
}

/// Returns how often the class of a character changes in `text`: lower case, upper case, digit or other.
pub fn changes(text: &[u8]) -> usize {
    let class = |byte: &u8| match byte {
        b'a'..=b'z' => 0,
        b'A'..=b'Z' => 1,
        b'0'..=b'9' => 2,
        _ => 3,
    };
    text.windows(2).filter(|two| class(&two[0]) != class(&two[1])).count()
}

/// Returns how many bytes at the start of `text` are in `set`, of at most `limit`.
pub fn run_of(text: &[u8], set: &Set, limit: usize) -> usize {
    text.iter().take(limit).take_while(|byte| set.has(**byte)).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_character_is_read_through_its_escapes_from_both_sides() {
        let forms: [(&[u8], u8); 12] = [
            (b"x", b'x'),
            (b"%2B", b'+'),
            (b"%252b", b'+'),
            (b"\\/", b'/'),
            (b"\\\\\\/", b'/'),
            (b"\\u0026", b'&'),
            (b"\\\\u003D", b'='),
            (b"\\n", b'\n'),
            (b"\\t", b'\t'),
            (b"\\u20ac", 0xff),
            (b"%3d", b'='),
            (b"\\\\n", b'\n'),
        ];
        for (form, byte) in forms {
            let want = Unit { byte, len: form.len(), escaped: form.len() > 1 };
            let text = [b"-".as_slice(), form].concat();
            assert_eq!(unit_before(&text, text.len()), Some(want), "{}", form.escape_ascii());
            assert_eq!(unit_at(&text, 1), Some(want), "{}", form.escape_ascii());
        }
        for (text, len) in [(&b"50%\\n"[..], 2), (b"%\\b", 2), (b"%25%\\t", 2), (b"%255\\n", 2), (b"%n", 1)] {
            assert_eq!(unit_before(text, text.len()).map(|unit| unit.len), Some(len), "{}", text.escape_ascii());
        }
        assert_eq!(unit_before(b"", 0), None);
        assert_eq!(unit_at(b"%2", 0), Some(Unit { byte: b'%', len: 1, escaped: false }));
    }

    #[test]
    fn a_name_starts_behind_a_separator_in_any_encoding() {
        for before in ["?", "&", "%3F", "%2526", "\\u0026", "&amp;", "\\n", " ", "", "\""] {
            assert!(starts_name(format!("{before}code").as_bytes(), before.len()), "{before}");
        }
        for before in ["response", "status_", "x-", "%2D", "3F"] {
            assert!(!starts_name(format!("{before}code").as_bytes(), before.len()), "{before}");
        }
    }
}
