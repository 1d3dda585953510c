//! How does a name that a stranger chose stand in a file that a tool reads?
//!
//! Characters that hide or turn text are written by number, and what is very long is cut in the
//! middle: its beginning and its end tell most. Nothing else is changed.

use std::fmt::Write as _;

/// Characters kept of one text.
const LONGEST: usize = 2_000;

/// Returns `text` without what hides or turns it, at most 2,000 characters long.
pub fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if hides(c) {
            // Writing to a string can't fail.
            _ = write!(out, "\u{27e8}U+{:04X}\u{27e9}", c as u32);
        } else {
            out.push(if c.is_whitespace() { ' ' } else { c });
        }
    }
    cut(&out, LONGEST)
}

/// Returns at most `most` characters: beginning and end, with an ellipsis between them.
pub fn cut(text: &str, most: usize) -> String {
    let count = text.chars().count();
    if count <= most {
        return text.to_owned();
    }
    let tail = most.saturating_sub(1) / 2;
    let head = most.saturating_sub(1) - tail;
    let front = text.chars().take(head);
    front.chain(std::iter::once('…')).chain(text.chars().skip(count - tail)).collect()
}

const fn hides(c: char) -> bool {
    matches!(c,
        '\0'..='\u{8}' | '\u{b}'..='\u{c}' | '\u{e}'..='\u{1f}' | '\u{7f}'..='\u{9f}'
        | '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_hides_or_turns_text_is_written_by_number() {
        assert_eq!(plain("a\u{202e}b\u{1b}[2J\nc"), "a⟨U+202E⟩b⟨U+001B⟩[2J c");
    }

    #[test]
    fn a_long_text_keeps_its_beginning_and_its_end() {
        assert_eq!(cut("orders-api/get-order", 9), "orde…rder");
        assert_eq!(cut("short", 5), "short");
        assert_eq!(plain(&"x".repeat(5_000)).chars().count(), LONGEST);
    }
}
