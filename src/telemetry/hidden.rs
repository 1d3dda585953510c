//! Which letters hide or turn a text, so that what is read is not what was written?
//!
//! Controls, bidirectional marks and those without a width; newline and tab do neither. A closed list.

/// Tells whether `c` hides text, turns it, or commands whatever shows it.
pub const fn hides(c: char) -> bool {
    matches!(c,
        '\0'..='\u{8}' | '\u{b}'..='\u{1f}' | '\u{7f}'..='\u{9f}' // controls but tab and newline
        | '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}
