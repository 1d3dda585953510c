//! Where does one message of a text end and the next begin?
//!
//! Mostly at a newline. But a text may also be JSON documents over many lines: when a message's
//! first line opens a bracket and does not close it, the message goes on to the line where it
//! closes. A torn first line looks the same; what gives it away is a next line that is whole by
//! itself, or an end of text before the bracket closes: then it is lines after all, and only the
//! torn one is lost. Memory: one line of [`LINE`] or one document of [`DOCUMENT`] bytes.

/// A line's ceiling: only that much of a longer one is handed on, so that it ends as cut off
/// among the dead letters; the rest of the line is skipped.
pub(super) const LINE: usize = 16 << 20;
/// A document's ceiling; a longer one is an error.
pub(super) const DOCUMENT: usize = 64 << 20;

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
    /// A line longer than [`LINE`] whose end is not at hand yet.
    LongLine,
    /// A document longer than [`DOCUMENT`].
    LongDocument,
    /// Its end is not at hand yet.
    Unfinished,
}

/// What has been found out about a text so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    Unknown,
    Lines,
    Documents,
}

/// Finds messages in a growing buffer, looking at each byte once or twice.
#[derive(Debug)]
pub(super) struct Lines {
    shape: Shape,
    /// How much of the current message has been looked at.
    seen: usize,
    brackets: Brackets,
}

impl Lines {
    pub(super) fn new() -> Self {
        Self { shape: Shape::Unknown, seen: 0, brackets: Brackets::default() }
    }

    /// Finds the message at the start of `text`, of which `whole` tells whether more can come.
    /// What is found must be taken away from `text` before the next call.
    pub(super) fn next(&mut self, text: &[u8], whole: bool) -> Found {
        let found = match self.shape {
            Shape::Lines => self.line(text, whole),
            Shape::Documents => self.document(text, whole),
            Shape::Unknown => self.decide(text, whole),
        };
        if matches!(found, Found::Message { .. } | Found::LongLine) {
            self.seen = 0;
            self.brackets = Brackets::default();
        }
        found
    }

    fn line(&mut self, text: &[u8], whole: bool) -> Found {
        let within = text.len().min(LINE + 1);
        if let Some(at) = memchr::memchr(b'\n', &text[self.seen..within]) {
            let bytes = self.seen + at;
            return Found::Message { bytes, with_end: bytes + 1 };
        }
        self.seen = within;
        if text.len() > LINE {
            Found::LongLine
        } else if whole && !text.is_empty() {
            Found::Message { bytes: text.len(), with_end: text.len() }
        } else {
            Found::Unfinished
        }
    }

    /// Looks at the first line, and the second if the first does not close.
    fn decide(&mut self, text: &[u8], whole: bool) -> Found {
        let Some(first) = memchr::memchr(b'\n', &text[..text.len().min(LINE + 1)]) else {
            // One line so far: its brackets are of no interest until there is another.
            return self.line(text, whole);
        };
        let mut brackets = Brackets::default();
        let opens = text[..first].trim_ascii_start().first().is_some_and(|byte| matches!(byte, b'{' | b'['));
        brackets.read(&text[..first]);
        if !opens || brackets.depth <= 0 {
            self.shape = if text[..first].trim_ascii().is_empty() { Shape::Unknown } else { Shape::Lines };
            return Found::Message { bytes: first, with_end: first + 1 };
        }
        let rest = &text[first + 1..];
        let Some(second) = memchr::memchr(b'\n', rest).or(whole.then_some(rest.len())) else {
            return if text.len() > LINE { self.become_lines(text, whole) } else { Found::Unfinished };
        };
        let broken_off =
            text[..first].trim_ascii_end().last().is_none_or(|byte| !matches!(byte, b'{' | b'[' | b',' | b':'));
        if broken_off && is_whole(&rest[..second]) {
            return self.become_lines(text, whole);
        }
        self.shape = Shape::Documents;
        self.seen = 0;
        self.document(text, whole)
    }

    fn document(&mut self, text: &[u8], whole: bool) -> Found {
        if self.seen == 0 && text.first().is_some_and(|byte| matches!(byte, b'\n' | b'\r' | b' ' | b'\t')) {
            // Blank space between documents.
            let blank = text.len() - text.trim_ascii_start().len();
            return Found::Message { bytes: 0, with_end: blank };
        }
        if let Some(at) = self.brackets.read(&text[self.seen..]) {
            let bytes = self.seen + at + 1;
            let with_end = bytes + usize::from(text.get(bytes) == Some(&b'\n'));
            return Found::Message { bytes, with_end };
        }
        self.seen = text.len();
        if text.len() > DOCUMENT {
            Found::LongDocument
        } else if whole && !text.is_empty() {
            self.become_lines(text, whole)
        } else {
            Found::Unfinished
        }
    }

    fn become_lines(&mut self, text: &[u8], whole: bool) -> Found {
        self.shape = Shape::Lines;
        self.seen = 0;
        self.line(text, whole)
    }
}

/// Tells whether `line` is an object or array that is complete by itself.
fn is_whole(line: &[u8]) -> bool {
    let line = line.trim_ascii();
    let mut brackets = Brackets::default();
    line.first().is_some_and(|byte| matches!(byte, b'{' | b'[')) && brackets.read(line) == Some(line.len() - 1)
}

/// Counts open brackets outside of strings.
#[derive(Clone, Copy, Debug, Default)]
struct Brackets {
    depth: i64,
    in_string: bool,
    escaped: bool,
}

impl Brackets {
    /// Reads on; returns where the outermost bracket closes, if it does.
    fn read(&mut self, text: &[u8]) -> Option<usize> {
        for (at, &byte) in text.iter().enumerate() {
            if self.in_string {
                match byte {
                    _ if self.escaped => self.escaped = false,
                    b'\\' => self.escaped = true,
                    b'"' => self.in_string = false,
                    _ => {}
                }
                continue;
            }
            match byte {
                b'"' => self.in_string = true,
                b'{' | b'[' => self.depth += 1,
                b'}' | b']' => {
                    self.depth -= 1;
                    if self.depth <= 0 {
                        return Some(at);
                    }
                }
                _ => {}
            }
        }
        None
    }
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
