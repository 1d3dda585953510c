//! How is a document with a very long list written, without a tree of all of it?

use std::fmt::Write as _;

use serde_json::Value;

/// What stands in the place of a long list, which is written item by item: told by the name before
/// it, for an element may be called so.
pub const HOLE: &str = "\u{0}";

/// Writes `all` with `items` in its hole, one a line: a tree of all of them would be as large again.
pub fn filled(all: &Value, items: impl Iterator<Item = Value>) -> String {
    let outer = format!("{all:#}\n");
    let (before, after) = outer.split_once("\"results\": \"\\u0000\"").unwrap_or((&outer, ""));
    let mut out = before.to_owned();
    out.push_str("\"results\": [");
    for (nth, item) in items.enumerate() {
        out.push_str(if nth == 0 { "\n    " } else { ",\n    " });
        // Writing to a string can't fail.
        _ = write!(out, "{item}");
    }
    out.push_str("\n  ]");
    out.push_str(after);
    out
}
