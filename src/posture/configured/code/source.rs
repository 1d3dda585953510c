//! Where in a source file stands code, and where text and comments?
//!
//! Not a parser: [`Source`] blanks comments and the insides of texts, byte for byte, so that calls
//! and their brackets are found by looking for them, and what they were given is read from a copy
//! without the comments.

use std::ops::Range;

/// A source file and the same without comments and texts.
pub struct Source<'t> {
    /// As it is written.
    pub text: &'t str,
    /// The same length, with blanks for comments and for what stands in quotes.
    pub code: String,
    /// The same length, with blanks for comments alone.
    plain: String,
}

/// How a language writes comments and texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// `#` and triple quotes.
    Python,
    /// `//`, `/* */`, and backticks.
    JavaScript,
    /// `//`, `/* */`, and verbatim texts.
    CSharp,
}

impl<'t> Source<'t> {
    /// Reads `text`.
    pub fn new(text: &'t str, language: Language) -> Self {
        let bytes = text.as_bytes();
        let (mut code, mut plain) = (bytes.to_vec(), bytes.to_vec());
        let mut at = 0;
        while at < bytes.len() {
            let Some((end, inner)) = skipped(bytes, at, language) else {
                at += 1;
                continue;
            };
            if is_comment(bytes.get(at..).unwrap_or_default(), language) {
                blank(plain.get_mut(inner.clone()).unwrap_or_default());
            }
            blank(code.get_mut(inner).unwrap_or_default());
            at = end.max(at + 1);
        }
        // Whole texts and comments were blanked, so no character was cut.
        let whole = |bytes| String::from_utf8(bytes).unwrap_or_default();
        Self { text, code: whole(code), plain: whole(plain) }
    }

    /// Returns the line of byte `at`, from 1.
    pub fn line(&self, at: usize) -> u32 {
        let passed = self.text.as_bytes().get(..at).unwrap_or_default();
        u32::try_from(memchr::memchr_iter(b'\n', passed).count()).unwrap_or(0) + 1
    }

    /// Returns where the arguments of the call stand whose `(` is the first one at or after `at`.
    pub fn arguments(&self, at: usize) -> Option<Range<usize>> {
        let open = at + self.code.get(at..)?.find('(')?;
        let mut depth = 0_u32;
        for (offset, byte) in self.code.as_bytes().get(open..)?.iter().enumerate() {
            match byte {
                b'(' | b'[' | b'{' => depth += 1,
                b')' | b']' | b'}' => {
                    depth = depth.saturating_sub(1);
                    if depth == 0 {
                        return Some(open + 1..open + offset);
                    }
                }
                _ => {}
            }
        }
        None
    }

    /// Returns where the arguments of the call of `word`, which stands at `at`, stand; nothing where it is no call.
    pub fn called(&self, at: usize, word: &str) -> Option<Range<usize>> {
        let after = at + word.len();
        self.code.get(after..)?.trim_start().starts_with('(').then(|| self.arguments(after)).flatten()
    }

    /// Splits a range at its commas that stand in no bracket.
    pub fn split(&self, range: Range<usize>) -> Vec<Range<usize>> {
        let (mut parts, mut depth, mut from) = (Vec::new(), 0_i32, range.start);
        for (offset, byte) in self.code.as_bytes().get(range.clone()).unwrap_or_default().iter().enumerate() {
            match byte {
                b'(' | b'[' | b'{' => depth += 1,
                b')' | b']' | b'}' => depth -= 1,
                b',' if depth == 0 => {
                    parts.push(from..range.start + offset);
                    from = range.start + offset + 1;
                }
                _ => {}
            }
        }
        parts.push(from..range.end);
        parts
    }

    /// Returns what is written in `range`, with blanks for comments.
    pub fn written(&self, range: Range<usize>) -> &str {
        self.plain.get(range).unwrap_or_default().trim()
    }

    /// Returns where what is written in `range` begins.
    pub fn start(&self, range: Range<usize>) -> usize {
        let written = self.plain.get(range.clone()).unwrap_or_default();
        range.start + written.len() - written.trim_start().len()
    }

    /// Returns the text literal that all of `range` is.
    pub fn literal(&self, range: Range<usize>) -> Option<&str> {
        let written = self.written(range);
        let quote = written.chars().next().filter(|c| matches!(c, '"' | '\'' | '`'))?;
        let inner = written.strip_prefix(quote)?.strip_suffix(quote)?;
        (!inner.contains(quote) && !inner.contains("${")).then_some(inner)
    }

    /// Returns where whole words `word` stand.
    pub fn words(&self, word: &str) -> Vec<usize> {
        let part = |c: char| c.is_alphanumeric() || c == '_';
        self.code
            .match_indices(word)
            .map(|(at, _)| at)
            .filter(|&at| !self.code[..at].ends_with(part) && !self.code[at + word.len()..].starts_with(part))
            .collect()
    }
}

/// Tells whether a comment begins here.
fn is_comment(rest: &[u8], language: Language) -> bool {
    match language {
        Language::Python => rest.starts_with(b"#"),
        _ => rest.starts_with(b"//") || rest.starts_with(b"/*"),
    }
}

fn blank(bytes: &mut [u8]) {
    for byte in bytes.iter_mut().filter(|byte| **byte != b'\n') {
        *byte = b' ';
    }
}

/// Returns where what begins at `at` and is no code ends, and what of it is blanked.
fn skipped(bytes: &[u8], at: usize, language: Language) -> Option<(usize, Range<usize>)> {
    let rest = bytes.get(at..)?;
    let line =
        |from: usize| from + memchr::memchr(b'\n', bytes.get(from..).unwrap_or_default()).unwrap_or(bytes.len() - from);
    if language == Language::Python {
        if rest.starts_with(b"#") {
            return Some((line(at), at..line(at)));
        }
        for triple in [&b"\"\"\""[..], b"'''"] {
            if rest.starts_with(triple) {
                let end = memchr::memmem::find(&rest[3..], triple).map_or(bytes.len(), |end| at + end + 6);
                return Some((end, at..end));
            }
        }
    } else if rest.starts_with(b"//") {
        return Some((line(at), at..line(at)));
    } else if rest.starts_with(b"/*") {
        let end = memchr::memmem::find(&rest[2..], b"*/").map_or(bytes.len(), |end| at + end + 4);
        return Some((end, at..end));
    }
    if language == Language::CSharp
        && (rest.starts_with(b"@\"") || rest.starts_with(b"$@\"") || rest.starts_with(b"@$\""))
    {
        let open = at + rest.iter().position(|&byte| byte == b'"')?;
        let mut end = open + 1;
        while end < bytes.len() {
            if bytes[end] == b'"' {
                if bytes.get(end + 1) == Some(&b'"') {
                    end += 1;
                } else {
                    break;
                }
            }
            end += 1;
        }
        return Some(((end + 1).min(bytes.len()), open + 1..end.min(bytes.len())));
    }
    let quote = match rest.first()? {
        quote @ (b'"' | b'\'') => *quote,
        b'`' if language == Language::JavaScript => b'`',
        _ => return None,
    };
    let mut end = at + 1;
    while end < bytes.len() && bytes[end] != quote && (quote == b'`' || bytes[end] != b'\n') {
        end += if bytes[end] == b'\\' { 2 } else { 1 };
    }
    let end = end.min(bytes.len());
    Some((end + 1, at + 1..end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_and_comments_are_no_code() {
        let source = Source::new("a('x)', b) // a(\n/* a( */ a(`é`)", Language::JavaScript);
        assert_eq!(source.code.len(), source.text.len());
        let calls = source.words("a");
        assert_eq!(calls.len(), 2, "{}", source.code);
        let first = source.arguments(calls[0]).unwrap();
        assert_eq!(source.split(first.clone()).len(), 2);
        assert_eq!(source.literal(source.split(first)[0].clone()), Some("x)"));
        assert_eq!(source.line(calls[1]), 2);
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[a(){},\"'`é\\\\/*#@$\n]{0,40}") {
            for language in [Language::Python, Language::JavaScript, Language::CSharp] {
                let source = Source::new(&text, language);
                for at in source.words("a") {
                    _ = source.arguments(at).map(|range| source.split(range));
                }
            }
        }
    }
}
