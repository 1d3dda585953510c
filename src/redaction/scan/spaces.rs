//! What lies between a name and its value: separators, blanks, and what shows as none.

use super::bytes::{colour_at, unit_at};

/// Returns whether the separator at `at` is `=`, how often it is percent-encoded, and its length.
pub fn separator(text: &[u8], at: usize) -> Option<(bool, u8, usize)> {
    let unit = unit_at(text, at)?;
    let level = match (unit.escaped, text[at], unit.len) {
        (true, b'%', 3) => 1,
        (true, b'%', _) => 2,
        _ => 0,
    };
    let behind = text.get(at + unit.len).filter(|_| !unit.escaped);
    match (unit.byte, behind) {
        (b'=', Some(b'>')) | (b':', Some(b'=')) => Some((true, level, unit.len + 1)),
        (b'=' | b':', _) => Some((unit.byte == b'=', level, unit.len)),
        _ => None,
    }
}

/// Passes blanks, and what shows as none: tabs written as escapes, hard spaces, the colours of a terminal.
pub fn spaces(text: &[u8], at: usize) -> usize {
    let blanks = |at: usize| {
        at + text.get(at..).unwrap_or_default().iter().take(4).take_while(|byte| matches!(byte, b' ' | b'\t')).count()
    };
    let mut at = blanks(at);
    for _ in 0..3 {
        let rest = text.get(at..).unwrap_or_default();
        let unseen = match rest.first() {
            Some(b'\\') => match unit_at(text, at).filter(|unit| unit.escaped) {
                Some(unit) if unit.byte == b'\t' => Some(unit.len),
                Some(unit) if rest[..unit.len].to_ascii_lowercase().ends_with(b"u00a0") => Some(unit.len),
                _ => colour_at(text, at),
            },
            Some(0xc2) if rest.get(1) == Some(&0xa0) => Some(2),
            Some(0x1b) => colour_at(text, at),
            _ => None,
        };
        match unseen {
            Some(len) => at = blanks(at + len),
            None => break,
        }
    }
    at
}

/// Passes white space between the parts of a structure, over lines too.
pub fn blanks(text: &[u8], at: usize) -> usize {
    at + text.get(at..).unwrap_or_default().iter().take(256).take_while(|byte| byte.is_ascii_whitespace()).count()
}

/// Tells whether a text has ended before `at`: what follows is the structure around it.
pub fn ends_text(text: &[u8], at: usize) -> bool {
    text.get(at).is_none_or(|next| matches!(next, b',' | b'}' | b']' | b':' | b' ' | b'\t' | b'\r' | b'\n'))
}
