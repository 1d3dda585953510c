//! The escaper that every value in every template goes through.
//!
//! Telemetry is written by attackers. HTML's own characters are escaped as anywhere; on top of
//! that, characters that hide or turn text (controls, bidirectional marks, zero-width ones) are
//! shown as `⟨U+202E⟩`, so that what is read is what was written. It keeps no state.

use std::fmt::{self, Write as _};

use askama::filters::{Escaper, Html};

use crate::alerts::hides;

/// Escapes HTML, and makes visible what would hide or turn text. Newlines and tabs stay.
#[derive(Clone, Copy, Debug, Default)]
pub struct Visible;

impl Escaper for Visible {
    fn write_escaped_str<W: fmt::Write>(&self, mut dest: W, string: &str) -> fmt::Result {
        let mut rest = string;
        while let Some((at, hidden)) = rest.char_indices().find(|&(_, c)| hides(c)) {
            Html.write_escaped_str(&mut dest, &rest[..at])?;
            write!(dest, "\u{27e8}U+{:04X}\u{27e9}", hidden as u32)?;
            rest = &rest[at + hidden.len_utf8()..];
        }
        Html.write_escaped_str(dest, rest)
    }
}

/// Returns `text` for a terminal: what would hide or turn text, or command the terminal, is shown
/// by number, newlines and tabs too.
pub fn visible(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if hides(c) || matches!(c, '\n' | '\t') {
            // Writing to a string can't fail.
            let _ = write!(out, "\u{27e8}U+{:04X}\u{27e9}", c as u32);
        } else {
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        let mut out = String::new();
        Visible.write_escaped_str(&mut out, text).unwrap();
        out
    }

    #[test]
    fn markup_is_shown_and_not_obeyed() {
        assert_eq!(shown("<script>\"'&"), "&#60;script&#62;&#34;&#39;&#38;");
    }

    #[test]
    fn a_terminal_is_shown_what_would_command_it() {
        assert_eq!(visible("a\u{1b}[2J\nb\u{202e} grün"), "a⟨U+001B⟩[2J⟨U+000A⟩b⟨U+202E⟩ grün");
    }

    #[test]
    fn characters_that_hide_or_turn_text_are_shown_by_number() {
        assert_eq!(shown("a\u{202e}b\u{1b}[31m\r\u{0}"), "a⟨U+202E⟩b⟨U+001B⟩[31m⟨U+000D⟩⟨U+0000⟩");
        assert_eq!(shown("gr\u{fc}n\n\t日本"), "grün\n\t日本");
    }
}
