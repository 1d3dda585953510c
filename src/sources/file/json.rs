//! Can this text go on to be one JSON document?
//!
//! A [`Json`] reads a text as it comes, and says where its document closes, or where no document
//! can go on as the text does: there a torn one ends, long before its brackets would be seen never
//! to close. It is no judge of what is inside of words and strings, and takes single quotes and a
//! comma too many, which can be repaired. It remembers [`DEEP`] brackets at most; what opens more is wrong.

/// How many brackets may be open at once.
const DEEP: u32 = 128;

/// How far a text was a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Read {
    /// All of it; it is not closed.
    Open,
    /// Its outermost bracket closes at this byte.
    Closed(usize),
    /// At this byte stands what no document has there.
    Wrong(usize),
}

/// What may stand next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    Value,
    /// A key, or the end of an object.
    Key,
    Colon,
    /// A comma, or the end of an object or array.
    Comma,
}

/// Reads a document that comes in pieces.
#[derive(Clone, Debug)]
pub(super) struct Json {
    /// Which of the open brackets are objects': the innermost is the lowest bit.
    objects: u128,
    depth: u32,
    next: Next,
    /// The quote that ends the string we are in.
    quote: Option<u8>,
    escaped: bool,
    word: bool,
}

impl Json {
    pub(super) fn new() -> Self {
        Self { objects: 0, depth: 0, next: Next::Value, quote: None, escaped: false, word: false }
    }

    /// Reads on.
    pub(super) fn read(&mut self, text: &[u8]) -> Read {
        let mut at = 0;
        while at < text.len() {
            if let Some(quote) = self.quote {
                let Some(after) = self.string(&text[at..], quote) else { return Read::Open };
                at += after;
                if text[at - 1] == b'\n' {
                    return Read::Wrong(at - 1);
                }
                continue;
            }
            let byte = text[at];
            if self.word && (byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'+' | b'-')) {
                at += 1;
                continue;
            }
            self.word = false;
            match self.mark(byte) {
                Some(true) => return Read::Closed(at),
                Some(false) => at += 1,
                None => return Read::Wrong(at),
            }
        }
        Read::Open
    }

    /// Tells whether `text` is one whole object or array, and nothing beside it.
    pub(super) fn is_whole(text: &[u8]) -> bool {
        let text = text.trim_ascii();
        text.first().is_some_and(|first| matches!(first, b'{' | b'['))
            && Self::new().read(text) == Read::Closed(text.len() - 1)
    }

    /// Reads within a string; returns how far, at most behind its end or a newline, which ends it too soon.
    fn string(&mut self, text: &[u8], quote: u8) -> Option<usize> {
        let mut at = 0;
        if std::mem::take(&mut self.escaped) && text[0] != b'\n' {
            at = 1;
        }
        while let Some(found) = memchr::memchr3(quote, b'\\', b'\n', &text[at..]) {
            at += found + 1;
            if text[at - 1] != b'\\' {
                self.quote = None;
                return Some(at);
            }
            match text.get(at) {
                None => self.escaped = true,
                Some(b'\n') => {}
                Some(_) => at += 1,
            }
        }
        None
    }

    /// Takes in a byte outside of strings and words; returns whether it closes the document, if it may stand there.
    fn mark(&mut self, byte: u8) -> Option<bool> {
        match (byte, self.next) {
            (b' ' | b'\t' | b'\r' | b'\n', _) => {}
            (b'{' | b'[', Next::Value) if self.depth < DEEP => {
                let object = byte == b'{';
                self.objects = self.objects << 1 | u128::from(object);
                self.depth += 1;
                self.next = if object { Next::Key } else { Next::Value };
            }
            (b'}', Next::Key | Next::Comma) if self.in_object() => return Some(self.close()),
            (b']', Next::Value | Next::Comma) if self.depth > 0 && !self.in_object() => return Some(self.close()),
            (b'"' | b'\'', Next::Value | Next::Key) if self.depth > 0 => {
                self.quote = Some(byte);
                self.next = if self.next == Next::Key { Next::Colon } else { Next::Comma };
            }
            (b':', Next::Colon) => self.next = Next::Value,
            (b',', Next::Comma) => self.next = if self.in_object() { Next::Key } else { Next::Value },
            (b'-' | b'0'..=b'9' | b't' | b'f' | b'n' | b'T' | b'F' | b'N' | b'I', Next::Value) if self.depth > 0 => {
                (self.word, self.next) = (true, Next::Comma);
            }
            _ => return None,
        }
        Some(false)
    }

    fn in_object(&self) -> bool {
        self.objects & 1 == 1
    }

    fn close(&mut self) -> bool {
        self.objects >>= 1;
        self.depth -= 1;
        self.next = Next::Comma;
        self.depth == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Read {
        Json::new().read(text.as_bytes())
    }

    #[test]
    fn a_document_closes_where_its_outermost_bracket_does() {
        for whole in [
            r#"{"a": [1, -2.5e+3, true, null, "}\"]"], "b": {}}"#,
            "[]",
            "{\n 'a': {'b': [None, NaN]},\n}",
            "[\n{\"a\":1},\n{\"b\":[\r\n]}\n]",
        ] {
            assert_eq!(read(whole), Read::Closed(whole.len() - 1), "{whole}");
            assert_eq!(read(&whole[..whole.len() - 1]), Read::Open, "{whole}");
        }
    }

    #[test]
    fn what_no_document_has_is_wrong_where_it_stands() {
        for (text, at) in [
            (r#"{"a":1,{"b":2}"#, 7),
            (r#"{"a":{"b":1}{"#, 12),
            ("{\"a\":\"torn\n", 10),
            ("{\"a\":\"torn\\\n", 11),
            ("[warn it", 1),
            ("[{]", 2),
            ("{\"a\"}", 4),
            ("[1}", 2),
            ("{x", 1),
        ] {
            assert_eq!(read(text), Read::Wrong(at), "{text}");
        }
        assert_eq!(read(&"[".repeat(129)), Read::Wrong(128));
    }

    #[test]
    fn a_document_in_pieces_is_read_as_one_at_once() {
        let text = r#"{"a\\": "\"x", "b": [12, {"c": null}]}"#;
        for split in 1..text.len() {
            let mut json = Json::new();
            assert_eq!(json.read(&text.as_bytes()[..split]), Read::Open, "{split}");
            assert_eq!(json.read(&text.as_bytes()[split..]), Read::Closed(text.len() - 1 - split), "{split}");
        }
    }
}
