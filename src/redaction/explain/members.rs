//! Which members does a record have, and where does each stand in its bytes?
//!
//! A second, simple reader beside the decoder's, for those who doubt that one: it walks the raw
//! bytes once and goes into JSON that stands in strings by counting backslashes, so every place is
//! one of the raw record. It never fails: where it does not understand it stops. At most
//! [`MAX_MEMBERS`] members are found, 64 levels deep.

use std::ops::Range;

/// Members of a record that are told apart.
pub(super) const MAX_MEMBERS: usize = 1_024;
const MAX_DEPTH: usize = 64;
/// Strings in strings in strings: beyond this a string is a text.
const MAX_LAYERS: u32 = 4;

/// A member of a record, or an element of an array in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Member {
    /// Names from the record down to it: `properties.lastError.reason`.
    pub path: String,
    /// Where its name stands, inside the quotes; empty for an element.
    pub key: Range<usize>,
    /// Where its value stands, inside the quotes.
    pub value: Range<usize>,
    /// Whether it has no members of its own.
    pub leaf: bool,
}

/// How strings are quoted where the walk is.
#[derive(Clone, Copy)]
struct Quoting {
    /// Strings around it.
    layer: u32,
    /// By apostrophes, as Python writes them.
    single: bool,
}

struct Walk<'r> {
    text: &'r [u8],
    at: usize,
    end: usize,
    found: Vec<Member>,
}

/// Returns the members of `record`, each before its own members.
pub(super) fn members(record: &[u8]) -> Vec<Member> {
    let mut walk = Walk { text: record, at: 0, end: record.len(), found: Vec::new() };
    // Where it breaks off, what was found until there counts.
    let _ = walk.value(Quoting { layer: 0, single: false }, "", 0..0, MAX_DEPTH);
    walk.found
}

/// Tells whether a quote behind `run` backslashes ends a string within `layer` others.
fn closes(layer: u32, run: usize) -> bool {
    if layer == 0 { run.is_multiple_of(2) } else { run % 2 == 1 && closes(layer - 1, (run - 1) / 2) }
}

impl Walk<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied().filter(|_| self.at < self.end)
    }

    /// Passes white space, also where it is escaped.
    fn space(&mut self, quoting: Quoting) {
        while let Some(byte) = self.peek() {
            if byte.is_ascii_whitespace() {
                self.at += 1;
                continue;
            }
            let run = self.backslashes();
            let escaped = byte == b'\\' && quoting.layer > 0;
            let white = matches!(self.text.get(self.at + run), Some(b'n' | b'r' | b't'));
            if !(escaped && white && self.at + run < self.end) {
                return;
            }
            self.at += run + 1;
        }
    }

    fn backslashes(&self) -> usize {
        self.text[self.at..self.end].iter().take_while(|byte| **byte == b'\\').count()
    }

    /// Passes the quote that opens a string, if one stands here.
    fn open(&mut self, quoting: Quoting) -> Option<()> {
        let run = if quoting.single { 0 } else { (1 << quoting.layer) - 1 };
        let quote = if quoting.single { b'\'' } else { b'"' };
        let opens = self.backslashes() == run && self.text[..self.end].get(self.at + run) == Some(&quote);
        opens.then(|| self.at += run + 1)
    }

    /// Passes a string; returns where it stands, inside its quotes.
    fn string(&mut self, quoting: Quoting) -> Option<Range<usize>> {
        self.open(quoting)?;
        let start = self.at;
        loop {
            let quote = self.at + memchr::memchr2(b'"', b'\'', self.text.get(self.at..self.end)?)?;
            let run = self.text[start..quote].iter().rev().take_while(|byte| **byte == b'\\').count();
            self.at = quote + 1;
            if quoting.single {
                if self.text[quote] == b'\'' && run.is_multiple_of(2) {
                    return Some(start..quote);
                }
            } else if self.text[quote] == b'"' && closes(quoting.layer, run) {
                return Some(start..quote - ((1 << quoting.layer) - 1));
            }
        }
    }

    fn keep(&mut self, path: &str, key: Range<usize>, value: Range<usize>, leaf: bool) -> Option<usize> {
        if self.found.len() >= MAX_MEMBERS {
            return None;
        }
        if !path.is_empty() {
            self.found.push(Member { path: path.to_owned(), key, value, leaf });
        }
        Some(self.found.len())
    }

    fn value(&mut self, quoting: Quoting, path: &str, key: Range<usize>, depth: usize) -> Option<()> {
        self.space(quoting);
        let start = self.at;
        match self.peek()? {
            b'{' | b'[' => {
                let depth = depth.checked_sub(1)?;
                let kept = self.keep(path, key, start..start, false)?;
                let done = if self.text[start] == b'{' {
                    self.object(quoting, path, depth)
                } else {
                    self.array(quoting, path, depth)
                };
                if !path.is_empty() {
                    let leaf = self.found.len() == kept;
                    self.found[kept - 1].value = start..self.at;
                    self.found[kept - 1].leaf = leaf;
                }
                done
            }
            b'"' | b'\\' | b'\'' => {
                let inner = self.string(quoting)?;
                let kept = self.keep(path, key, inner.clone(), true)?;
                self.nested(quoting, path, inner, depth);
                if self.found.len() > kept && !path.is_empty() {
                    self.found[kept - 1].leaf = false;
                }
                Some(())
            }
            _ => {
                let stops =
                    |byte: &u8| matches!(byte, b',' | b'}' | b']' | b'"' | b'\\' | b'\'') || byte.is_ascii_whitespace();
                let rest = &self.text[start..self.end];
                self.at = start + rest.iter().position(stops).unwrap_or(rest.len());
                self.keep(path, key, start..self.at, true)?;
                (self.at > start).then_some(())
            }
        }
    }

    /// Walks the JSON that stands in the string at `inner`, if any does.
    fn nested(&mut self, quoting: Quoting, path: &str, inner: Range<usize>, depth: usize) {
        if quoting.single || quoting.layer >= MAX_LAYERS {
            return;
        }
        let (after, end) = (self.at, self.end);
        (self.at, self.end) = (inner.start, inner.end);
        let quoting = Quoting { layer: quoting.layer + 1, single: false };
        self.space(quoting);
        if self.peek() == Some(b'{') {
            let begin = self.at;
            self.at += 1;
            self.space(quoting);
            let single = self.peek() == Some(b'\'');
            self.at = begin;
            if let Some(depth) = depth.checked_sub(1) {
                // What does not end well is a text from there on.
                let _ = self.object(Quoting { single, ..quoting }, path, depth);
            }
        }
        (self.at, self.end) = (after, end);
    }

    fn object(&mut self, quoting: Quoting, path: &str, depth: usize) -> Option<()> {
        self.at += 1;
        loop {
            self.space(quoting);
            match self.peek()? {
                b'}' => {
                    self.at += 1;
                    return Some(());
                }
                b',' => self.at += 1,
                _ => {
                    let key = self.string(quoting)?;
                    let name = String::from_utf8_lossy(&self.text[key.clone()]).into_owned();
                    let below = if path.is_empty() { name } else { format!("{path}.{name}") };
                    self.space(quoting);
                    if self.peek()? != b':' {
                        return None;
                    }
                    self.at += 1;
                    self.value(quoting, &below, key, depth)?;
                }
            }
        }
    }

    fn array(&mut self, quoting: Quoting, path: &str, depth: usize) -> Option<()> {
        self.at += 1;
        let mut element = 0;
        loop {
            self.space(quoting);
            match self.peek()? {
                b']' => {
                    self.at += 1;
                    return Some(());
                }
                b',' => self.at += 1,
                _ => {
                    self.value(quoting, &format!("{path}[{element}]"), 0..0, depth)?;
                    element += 1;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Path and value of each leaf.
    fn leaves(record: &str) -> Vec<(String, String)> {
        let leaf = |member: Member| (member.path, record[member.value].to_owned());
        members(record.as_bytes()).into_iter().filter(|member| member.leaf).map(leaf).collect()
    }

    fn pairs(of: &[(&str, &str)]) -> Vec<(String, String)> {
        of.iter().map(|&(path, value)| (path.to_owned(), value.to_owned())).collect()
    }

    #[test]
    fn members_are_found_in_objects_arrays_and_strings_of_json() {
        let record =
            r#"{"a": 1, "b":{"c":"x\"y","d":[true,{"e":null}]},"p":"{\"q\":\"it's\",\"r\":{\"s\": 2}}","z":""}"#;
        let wanted = [
            ("a", "1"),
            ("b.c", "x\\\"y"),
            ("b.d[0]", "true"),
            ("b.d[1].e", "null"),
            ("p.q", "it's"),
            ("p.r.s", "2"),
            ("z", ""),
        ];
        assert_eq!(leaves(record), pairs(&wanted));
    }

    #[test]
    fn strings_in_strings_and_apostrophes_are_followed_too() {
        let inner = serde_json::json!({ "deep": "v\"w" }).to_string();
        let middle = serde_json::json!({ "in": inner, "n": 3 }).to_string();
        let record = format!(r#"{{"last":4,"p":{}}}"#, serde_json::json!(middle));
        let found: Vec<String> = leaves(&record).into_iter().map(|(path, _)| path).collect();
        assert_eq!(found, ["last", "p.in.deep", "p.n"]);
        let python = r#"{"p":"{'a':'b','n': 5}","q":7}"#;
        assert_eq!(leaves(python), pairs(&[("p.a", "b"), ("p.n", "5"), ("q", "7")]));
    }

    #[test]
    fn what_breaks_off_counts_until_there() {
        assert_eq!(leaves(r#"{"a":"b","c":"d"#), pairs(&[("a", "b")]));
        assert_eq!(leaves(r#"{"p":"{\"a\":\"b\",\"c"}"#), pairs(&[("p.a", "b")]));
        assert!(leaves("no object").is_empty());
        assert!(members("[".repeat(100_000).as_bytes()).len() <= MAX_MEMBERS);
    }

    proptest! {
        #[test]
        fn any_bytes_are_walked_and_every_place_lies_in_them(record in "[\\[\\]{}\"':,\\\\ a1né]{0,80}") {
            for member in members(record.as_bytes()) {
                prop_assert!(member.value.start <= member.value.end && member.value.end <= record.len());
                prop_assert!(member.key.end <= record.len());
            }
        }
    }
}
