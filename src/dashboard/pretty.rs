//! JSON laid out for reading: every token and its order as written, only the space between changed.
//!
//! Parsing and writing anew would reorder keys and round numbers; evidence must stay what it
//! was. Output is at most as deep as 24 levels of indentation and grows linearly with the input.

use serde::de::IgnoredAny;

/// Deeper levels are not indented further.
const MAX_INDENT: usize = 24;

/// Returns `json` with a line for each member, or `None` if it is not whole, valid JSON.
pub(super) fn pretty(json: &str) -> Option<String> {
    serde_json::from_str::<IgnoredAny>(json).ok()?;
    let mut out = String::with_capacity(json.len() * 2);
    let mut depth = 0_usize;
    let mut letters = json.chars().peekable();
    let line = |out: &mut String, depth: usize| {
        out.push('\n');
        out.extend(std::iter::repeat_n("  ", depth.min(MAX_INDENT)));
    };
    while let Some(letter) = letters.next() {
        match letter {
            ' ' | '\t' | '\n' | '\r' => {}
            '"' => {
                out.push('"');
                while let Some(inside) = letters.next() {
                    out.push(inside);
                    match inside {
                        '\\' => out.extend(letters.next()),
                        '"' => break,
                        _ => {}
                    }
                }
            }
            '{' | '[' => {
                out.push(letter);
                while letters.next_if(char::is_ascii_whitespace).is_some() {}
                if let Some(close) = letters.next_if(|&next| next == '}' || next == ']') {
                    out.push(close);
                } else {
                    depth += 1;
                    line(&mut out, depth);
                }
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                line(&mut out, depth);
                out.push(letter);
            }
            ',' => {
                out.push(',');
                line(&mut out, depth);
            }
            ':' => out.push_str(": "),
            other => out.push(other),
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn members_get_lines_and_keep_their_order_and_spelling() {
        let laid_out = pretty(r#"{"b":1.50,"a":["x, \"y\"",{}, [] ],"c":{ }}"#).unwrap();
        assert_eq!(
            laid_out,
            "{\n  \"b\": 1.50,\n  \"a\": [\n    \"x, \\\"y\\\"\",\n    {},\n    []\n  ],\n  \"c\": {}\n}"
        );
    }

    #[test]
    fn what_was_cut_off_is_not_laid_out() {
        assert_eq!(pretty(r#"{"a": "b"#), None);
        assert_eq!(pretty("2026-11-23 error"), None);
    }

    proptest! {
        #[test]
        fn laying_out_changes_no_value(text in "[\\[\\]{}\",: a1\\\\\n]{0,60}") {
            if let Some(laid_out) = pretty(&text) {
                let value: serde_json::Value = serde_json::from_str(&text).unwrap();
                prop_assert_eq!(serde_json::from_str::<serde_json::Value>(&laid_out).unwrap(), value);
            }
        }
    }
}
