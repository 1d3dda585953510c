//! How are texts of others written into YAML, so that they stay texts?
//!
//! In double quotes, with all escaped that ends a line, closes the quotes or can't be seen: what an attacker
//! wrote adds no key, and hides nothing from who reads it.

use std::fmt::Write as _;

/// Returns `text` in double quotes.
pub(super) fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        // Writing to a String cannot fail.
        let _ = match c {
            '"' => out.write_str("\\\""),
            '\\' => out.write_str("\\\\"),
            '\n' => out.write_str("\\n"),
            '\t' => out.write_str("\\t"),
            c if unseen(c) && u32::from(c) > 0xffff => write!(out, "\\U{:08x}", u32::from(c)),
            c if unseen(c) => write!(out, "\\u{:04x}", u32::from(c)),
            c => out.write_char(c),
        };
    }
    out.push('"');
    out
}

/// Tells whether a reader can't see a character, or sees others because of it.
fn unseen(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// Returns `text` on one line, to stand in a comment or a name.
pub(super) fn line(text: &str, most: usize) -> String {
    text.chars().map(|c| if unseen(c) { ' ' } else { c }).take(most).collect()
}

/// Returns a JSON value as YAML on one line.
pub(super) fn flow(value: &serde_json::Value) -> String {
    use serde_json::Value;
    match value {
        Value::String(text) => quoted(text),
        Value::Array(items) => format!("[{}]", items.iter().map(flow).collect::<Vec<_>>().join(", ")),
        Value::Object(members) => {
            let member = |(name, value): (&String, &Value)| format!("{}: {}", quoted(name), flow(value));
            format!("{{{}}}", members.iter().map(member).collect::<Vec<_>>().join(", "))
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_quoted_stays_one_text() {
        assert_eq!(quoted("a\"b\\c\nd: [e]"), r#""a\"b\\c\nd: [e]""#);
        assert_eq!(quoted("x\u{202e}y\u{0}\u{85}\u{e0041}"), r#""x\u202ey\u0000\u0085\U000e0041""#);
        assert_eq!(line("a\nb\u{2028}c", 4), "a b ");
    }

    #[test]
    fn json_becomes_yaml_of_the_same_meaning() {
        let value = serde_json::json!({"a": [1, null, "x: y\n"], "b\"": {"c": true}});
        assert_eq!(flow(&value), r#"{"a": [1, null, "x: y\n"], "b\"": {"c": true}}"#);
    }
}
