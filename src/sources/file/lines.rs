//! Where does one message of a text end and the next begin?
//!
//! Mostly at a newline. But a text may also hold JSON documents over many lines, among lines or
//! alone: a line that opens a bracket and does not close it begins one, which goes on to where it
//! closes. Whoever reads on at a message finds what follows as whoever came to it. A torn document
//! ends where no document can go on so, at the latest before the line at which another one begins;
//! a whole line that it seemed to swallow is given back. It costs itself alone. Memory: one line
//! of [`LINE`] or one document of [`DOCUMENT`] bytes.

use super::json::{Json, Read};

/// A line's ceiling: only that much of a longer one is handed on, so that it ends as cut off
/// among the dead letters; the rest of the line is skipped.
pub(super) const LINE: usize = 16 << 20;
/// A document's ceiling; of a longer one as much is handed on as of a line.
pub(super) const DOCUMENT: usize = 64 << 20;
/// How often a document is looked for within a torn one.
const TRIES: u32 = 16;
/// What some editors and shells put before a text.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Where the next message lies in the bytes at hand.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// It is `bytes` long, and `with_end` with its newline.
    Message {
        /// Its length.
        bytes: usize,
        /// How far to move on.
        with_end: usize,
    },
    /// A line longer than [`LINE`] whose end is not at hand yet; [`Lines::skip`] finds it.
    LongLine,
    /// A document longer than [`DOCUMENT`]; [`Lines::skip`] finds its end.
    LongDocument,
    /// Its end is not at hand yet.
    Unfinished,
}

/// A document over many lines.
#[derive(Debug)]
struct Document {
    json: Json,
    /// It can't be one: what follows belongs to it as long as it looks like the rest of one.
    torn: bool,
}

/// Finds messages in a growing buffer, looking at each byte once or twice.
#[derive(Debug)]
pub(super) struct Lines {
    /// How much of the current message has been looked at.
    seen: usize,
    /// What the current message is, if its first line opens what it does not close.
    document: Option<Document>,
    /// What is skipped ends at a line that begins no rest of a document, not at the next.
    long_document: bool,
    /// What is skipped has come to where a line begins.
    line_begins: bool,
}

impl Lines {
    pub(super) fn new() -> Self {
        Self { seen: 0, document: None, long_document: false, line_begins: false }
    }

    /// Finds the message at the start of `text`, of which `whole` tells whether more can come.
    /// What is found must be taken away from `text` before the next call.
    pub(super) fn next(&mut self, text: &[u8], whole: bool) -> Found {
        let found = match &self.document {
            None => self.first_line(text, whole),
            Some(document) if document.torn => self.torn(text, whole),
            Some(_) => self.document(text, whole),
        };
        if found != Found::Unfinished {
            self.long_document = found == Found::LongDocument;
            (self.seen, self.document, self.line_begins) = (0, None, false);
        }
        found
    }

    /// Skips what is left of a message that is too long; returns how many bytes of `text` that are, and whether its
    /// end is among them.
    pub(super) fn skip(&mut self, text: &[u8]) -> (usize, bool) {
        let mut at = 0;
        while let Some(&first) = text.get(at) {
            if std::mem::take(&mut self.line_begins) && !(self.long_document && goes_on(first)) {
                return (at, true);
            }
            let Some(end) = memchr::memchr(b'\n', &text[at..]) else { break };
            at += end + 1;
            if !self.long_document {
                return (at, true);
            }
            self.line_begins = true;
        }
        (text.len(), false)
    }

    /// Looks at the first line: mostly it is all of the message.
    fn first_line(&mut self, text: &[u8], whole: bool) -> Found {
        if text.starts_with(BYTE_ORDER_MARK) {
            return Found::Message { bytes: 0, with_end: BYTE_ORDER_MARK.len() };
        }
        let within = text.len().min(LINE + 1);
        let Some(end) = memchr::memchr(b'\n', &text[self.seen..within]).map(|at| self.seen + at) else {
            // One line so far: its brackets are of no interest until there is another.
            self.seen = within;
            return if text.len() > LINE {
                Found::LongLine
            } else if whole && !text.is_empty() {
                Found::Message { bytes: text.len(), with_end: text.len() }
            } else {
                Found::Unfinished
            };
        };
        let line = text[..end].trim_ascii();
        let mut json = Json::new();
        let closed = match (line.first(), line.last()) {
            (Some(b'{'), Some(b'}')) | (Some(b'['), Some(b']')) => true,
            (Some(b'{' | b'['), _) => json.read(&text[..=end]) != Read::Open,
            _ => true,
        };
        if closed {
            return Found::Message { bytes: end, with_end: end + 1 };
        }
        (self.seen, self.document) = (end + 1, Some(Document { json, torn: false }));
        self.document(text, whole)
    }

    fn document(&mut self, text: &[u8], whole: bool) -> Found {
        let Some(document) = &mut self.document else { return Found::Unfinished };
        let read = document.json.read(&text[self.seen..]);
        match read {
            Read::Closed(at) => {
                let bytes = self.seen + at + 1;
                if bytes > DOCUMENT {
                    return Found::LongDocument;
                }
                let with_end = bytes + usize::from(text.get(bytes) == Some(&b'\n'));
                Found::Message { bytes, with_end }
            }
            Read::Wrong(at) => {
                let line = memchr::memrchr(b'\n', &text[..self.seen + at]).map_or(0, |end| end + 1);
                if let Some(found) = swallowed(&text[..line]) {
                    return found;
                }
                document.torn = true;
                self.seen = line;
                self.torn(text, whole)
            }
            Read::Open => {
                self.seen = text.len();
                if !whole && text.len() <= DOCUMENT {
                    return Found::Unfinished;
                }
                let all = Found::Message { bytes: text.len(), with_end: text.len() };
                swallowed(text).unwrap_or(if text.len() > DOCUMENT { Found::LongDocument } else { all })
            }
        }
    }

    /// Finds the line before which a torn document ends.
    fn torn(&mut self, text: &[u8], whole: bool) -> Found {
        while let Some(&first) = text.get(self.seen) {
            if !goes_on(first) {
                return Found::Message { bytes: self.seen - 1, with_end: self.seen };
            }
            let Some(end) = memchr::memchr(b'\n', &text[self.seen..]) else { break };
            self.seen += end + 1;
        }
        if text.len() > DOCUMENT {
            Found::LongDocument
        } else if whole {
            Found::Message { bytes: text.len(), with_end: text.len() }
        } else {
            Found::Unfinished
        }
    }
}

/// Tells whether a line that begins so may be the rest of a document over many lines.
fn goes_on(first: u8) -> bool {
    matches!(first, b' ' | b'\t' | b'\r' | b'\n' | b'}' | b']' | b',')
}

/// Returns the part of a torn document that ends before the first line, after its own, with which begins what is whole
/// by itself. After [`TRIES`] lines that only look so it is not looked for any more.
fn swallowed(text: &[u8]) -> Option<Found> {
    let (mut at, mut tries) = (0, 0);
    while let Some(end) = memchr::memchr(b'\n', &text[at..]) {
        at += end + 1;
        if !matches!(text.get(at), Some(b'{' | b'[')) {
            continue;
        }
        if let Read::Closed(closed) = Json::new().read(&text[at..]) {
            let after = text[at + closed + 1..].iter().find(|byte| !matches!(byte, b' ' | b'\t' | b'\r'));
            if after.is_none_or(|after| *after == b'\n') {
                return Some(Found::Message { bytes: at - 1, with_end: at });
            }
            at += closed + 1;
        } else {
            tries += 1;
            if tries == TRIES {
                break;
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn split(text: &str) -> Vec<String> {
        let (mut lines, mut rest, mut all) = (Lines::new(), text.as_bytes(), Vec::new());
        while !rest.is_empty() {
            let Found::Message { bytes, with_end } = lines.next(rest, true) else { panic!("{rest:?}") };
            all.push(String::from_utf8(rest[..bytes].to_vec()).unwrap());
            rest = &rest[with_end..];
        }
        all.retain(|message| !message.trim().is_empty());
        all
    }

    #[test]
    fn each_line_is_a_message() {
        assert_eq!(split("{\"a\":1}\n[2]\n3"), ["{\"a\":1}", "[2]", "3"]);
    }

    #[test]
    fn a_document_over_many_lines_is_one_message() {
        let text = "{\n \"records\": [\n  {\"a\": \"}\\\"\"}\n ]\n}";
        assert_eq!(split(text), [text]);
        assert_eq!(split(&format!("{text}\n{text}\n")), [text, text]);
    }

    #[test]
    fn an_array_with_one_element_a_line_is_one_message() {
        assert_eq!(split("[\n{\"a\":1}\n]\n"), ["[\n{\"a\":1}\n]"]);
    }

    #[test]
    fn a_torn_first_line_costs_itself_alone() {
        assert_eq!(split("{\"a\": \"torn\n{\"b\":1}\n{\"c\":1}\n"), ["{\"a\": \"torn", "{\"b\":1}", "{\"c\":1}"]);
        assert_eq!(split("{\"a\": {\n{\"b\":1}\n{\"c\":1}\n"), ["{\"a\": {", "{\"b\":1}", "{\"c\":1}"]);
    }

    #[test]
    fn a_torn_document_costs_itself_alone() {
        let whole = "{\n  \"records\": [\n    {\n      \"a\": 1\n    }\n  ]\n}";
        for lines in 1..6 {
            let torn = whole.lines().take(lines).collect::<Vec<_>>().join("\n");
            assert_eq!(split(&format!("{whole}\n{torn}\n{whole}\n{whole}\n")), [whole, &torn, whole, whole]);
        }
        let torn = "{\n  \"records\": [\n    {\n      \"a\": \"torn in a string";
        assert_eq!(split(&format!("{whole}\n{torn}\n{whole}\n{whole}")), [whole, torn, whole, whole]);
    }

    #[test]
    fn a_torn_line_ends_before_the_next_whatever_it_ends_with() {
        for torn in ["{\"a\": 1,", "{\"a\": ", "{\"a\": [", "[", "{", "{\"a\": [{\"b\":1},"] {
            let text = format!("{{\"x\":1}}\n{torn}\n{{\"b\":1}}\n{{\"c\":1}}\nplain\n");
            assert_eq!(split(&text), ["{\"x\":1}", torn, "{\"b\":1}", "{\"c\":1}", "plain"]);
        }
    }

    #[test]
    fn wherever_a_document_is_torn_what_follows_is_found() {
        let pretty =
            "{\n  \"records\": [\n    {\n      \"a\": [\"\\\"x\", -1.5],\n      \"b\": {}\n    },\n    null\n  ]\n}";
        let column_0 = "[\n{\"a\": 1},\n{\n\"b\": [\n2]},\n[\n]\n]";
        let line = r#"{"a": "b\\", "c": [{"d": null}], "e": true}"#;
        for torn in [pretty, column_0, line] {
            for cut in 1..=torn.len() {
                for follows in [[r#"{"x":1}"#, r#"{"x":2}"#, "plain"], [pretty, line, pretty], ["[1]", pretty, line]] {
                    let found = split(&format!("{}\n{}\n", &torn[..cut], follows.join("\n")));
                    assert_eq!(found[found.len() - 3..], follows, "after {}: {found:?}", &torn[..cut]);
                }
            }
        }
    }

    #[test]
    fn documents_and_lines_may_be_mixed() {
        let pretty = "{\n \"a\": 1\n}";
        let text = format!("{{\"b\":1}}\n{pretty}\n[warn it\nplain\n{pretty}\n\n{{\"c\":1}}");
        assert_eq!(split(&text), ["{\"b\":1}", pretty, "[warn it", "plain", pretty, "{\"c\":1}"]);
    }

    #[test]
    fn a_byte_order_mark_is_passed_over() {
        assert_eq!(split("\u{feff}{\n \"a\": 1\n}\n"), ["{\n \"a\": 1\n}"]);
    }

    #[test]
    fn what_is_no_json_but_laid_out_like_it_is_one_message() {
        let text = "{\n \"a\": 1,\n // why\n \"b\": [\n 2\n]\n}";
        assert_eq!(split(&format!("{text}\n{{\"c\":1}}\n")), [text, "{\"c\":1}"]);
    }

    #[test]
    fn a_document_without_an_end_is_given_up_where_one_begins() {
        let mut lines = Lines::new();
        let mut text = b"[\n".to_vec();
        while text.len() <= DOCUMENT {
            text.extend_from_slice(b" {\"a\": 1},\n");
        }
        assert_eq!(lines.next(&text, false), Found::LongDocument);
        assert_eq!(lines.skip(b"\n {\"a\": 1}\n"), (11, false));
        assert_eq!(lines.skip(b"]\n{\"b\": 1}\n"), (2, true));
        assert_eq!(lines.next(b"{\"b\": 1}\n", false), Found::Message { bytes: 8, with_end: 9 });
    }

    proptest! {
        #[test]
        fn no_byte_is_lost_and_none_read_twice(text in "[\\[\\]{}\",:a\\\\ \n]{0,60}") {
            let (mut lines, mut rest, mut steps) = (Lines::new(), text.as_bytes(), 0);
            while !rest.is_empty() {
                let Found::Message { bytes, with_end } = lines.next(rest, true) else { panic!() };
                prop_assert!(bytes <= with_end && with_end > 0);
                rest = &rest[with_end..];
                steps += 1;
                prop_assert!(steps < 100);
            }
        }

        #[test]
        fn what_comes_in_pieces_is_split_as_what_comes_at_once(text in "([a-z{}]{0,6}\n){0,8}", piece in 1usize..9) {
            let (mut lines, mut pieces, mut end, mut start) = (Lines::new(), Vec::new(), 0, 0);
            let bytes = text.as_bytes();
            while start < bytes.len() {
                match lines.next(&bytes[start..end], end == bytes.len()) {
                    Found::Message { bytes: length, with_end } => {
                        pieces.push(String::from_utf8(bytes[start..start + length].to_vec()).unwrap());
                        start += with_end;
                    }
                    _ => end = (end + piece).min(bytes.len()),
                }
            }
            pieces.retain(|message| !message.trim().is_empty());
            prop_assert_eq!(pieces, split(&text));
        }
    }
}
