//! How can a policy with C# in it be read as XML?
//!
//! `@(…)` and `@{…}` hold raw `<`, `&` and quotes, in elements and in attributes, so a policy file
//! is often no XML. [`blanked`] puts as many underscores in the place of each expression, byte for
//! byte and line for line; what is read of the tree afterwards is taken from the original.

/// How deep texts may stand in texts.
const MAX_DEPTH: usize = 32;

/// Returns `text` with every expression blanked; as long, and with the same lines.
pub fn blanked(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = bytes.to_vec();
    let (mut at, mut quote) = (0, None);
    let mut in_tag = false;
    while at < bytes.len() {
        let rest = &bytes[at..];
        if quote.is_none()
            && !in_tag
            && let Some(end) = past(rest, b"<!--", b"-->").or_else(|| past(rest, b"<![CDATA[", b"]]>"))
        {
            if rest.starts_with(b"<!--") && end >= 7 {
                // XML forbids `--` in comments; people write it.
                blank(&mut out[at + 4..at + end - 3]);
            }
            at += end;
            continue;
        }
        match (bytes[at], quote, in_tag) {
            (b'@', _, _) if (quote.is_some() || !in_tag) && matches!(rest.get(1), Some(b'(' | b'{')) => {
                if let Some(end) = closed(bytes, at + 1, 0) {
                    blank(&mut out[at + 2..end - 1]);
                    at = end;
                    continue;
                }
            }
            (b'<', None, false) => in_tag = true,
            // Prefixes of documents in policies are often declared nowhere.
            (b':', None, true) => out[at] = b'_',
            (b'>', None, true) => in_tag = false,
            (open @ (b'"' | b'\''), None, true) => quote = Some(open),
            (close, Some(open), true) if close == open => quote = None,
            _ => {}
        }
        at += 1;
    }
    // Whole expressions were blanked: no character was cut.
    String::from_utf8(out).unwrap_or_default()
}

/// Puts underscores in the place of all but the ends of lines.
fn blank(bytes: &mut [u8]) {
    for byte in bytes.iter_mut().filter(|byte| **byte != b'\n') {
        *byte = b'_';
    }
}

/// Returns how long what begins with `open` is, up to and with `close`.
fn past(rest: &[u8], open: &[u8], close: &[u8]) -> Option<usize> {
    let inner = rest.strip_prefix(open)?;
    Some(memchr::memmem::find(inner, close).map_or(rest.len(), |end| open.len() + end + close.len()))
}

/// Returns where the bracket at `open` is closed: the byte after it.
fn closed(bytes: &[u8], open: usize, depth: usize) -> Option<usize> {
    if depth > MAX_DEPTH {
        return None;
    }
    let mut brackets = 0_u32;
    let mut at = open;
    while at < bytes.len() {
        let rest = &bytes[at..];
        match rest[0] {
            b'(' | b'{' | b'[' => brackets += 1,
            b')' | b'}' | b']' => {
                brackets = brackets.saturating_sub(1);
                if brackets == 0 {
                    return Some(at + 1);
                }
            }
            b'/' if rest.starts_with(b"//") => at += memchr::memchr(b'\n', rest).unwrap_or(rest.len()) - 1,
            b'/' if rest.starts_with(b"/*") => at += past(rest, b"/*", b"*/").unwrap_or(2) - 1,
            b'\'' => at += character(rest) - 1,
            b'"' | b'&' | b'$' | b'@' => at += text(bytes, at, depth)? - 1,
            _ => {}
        }
        at += 1;
    }
    None
}

/// Returns how long a character literal is; an apostrophe that begins none is one byte.
fn character(rest: &[u8]) -> usize {
    if let Some(b'\\') = rest.get(1) {
        return rest.iter().take(12).skip(3).position(|&byte| byte == b'\'').map_or(1, |end| end + 4);
    }
    let near = rest.iter().take(10).skip(2).position(|&byte| byte == b'\'');
    near.filter(|_| !rest[1..].starts_with(b"\n")).map_or(1, |end| end + 3)
}

/// Returns how long the text is that begins at `at`, with what stands before its quote; 1 where
/// none begins. Quotes that are escaped for XML are quotes too. Nothing where it does not end.
fn text(bytes: &[u8], at: usize, depth: usize) -> Option<usize> {
    let rest = &bytes[at..];
    let marks = rest.iter().take(2).take_while(|&&byte| byte == b'$' || byte == b'@').count();
    let (verbatim, filled) = (rest[..marks].contains(&b'@'), rest[..marks].contains(&b'$'));
    let Some(quote) = [&b"\""[..], b"&quot;"].into_iter().find(|quote| rest[marks..].starts_with(quote)) else {
        return Some(1);
    };
    let mut here = at + marks + quote.len();
    while here < bytes.len() {
        let rest = &bytes[here..];
        if rest.starts_with(quote) {
            if verbatim && rest[quote.len()..].starts_with(quote) {
                here += 2 * quote.len();
                continue;
            }
            return Some(here + quote.len() - at);
        }
        if filled && rest[0] == b'{' {
            if rest.get(1) == Some(&b'{') {
                here += 2;
            } else {
                here = closed(bytes, here, depth + 1)?;
            }
            continue;
        }
        if !verbatim && rest[0] == b'\\' {
            // What is escaped may be an escaped quote.
            here += 1 + if rest[1..].starts_with(b"&quot;") { 6 } else { 1 };
            continue;
        }
        here += 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reads(text: &str) -> String {
        let out = blanked(text);
        assert_eq!(out.len(), text.len());
        roxmltree::Document::parse(&out).unwrap_or_else(|error| panic!("{error}: {out}"));
        out
    }

    #[test]
    fn expressions_that_are_no_xml_become_xml() {
        assert_eq!(reads(r#"<a b="@(x["y"])"/>"#), r#"<a b="@(______)"/>"#);
        assert_eq!(reads("<a>@{ if (a < b && c) { return \"</a>\"; } }</a>").matches('<').count(), 2);
        reads(r#"<when condition="@(context.Request.Headers.GetValueOrDefault("X","") != ")" && 1 < 2)"><b/></when>"#);
        reads(r#"<a b="@(s.Replace(&quot;(&quot;, &quot;\&quot;&quot;))" c='@("it\'s")'/>"#);
        reads(r#"<a b="@($"{x["k"]}: {{ {y}")" c="@(@"c:\" + 'x' + '"' + '\'')"/>"#);
        reads("<a><soap:Envelope xsi:type='x:y'/></a>");
        reads("<!-- a -- b @( --><a><!-- --- --></a>");
        reads("<a>@{\n// a ) comment }\n/* another } */ return 'x';\n}</a>");
    }

    #[test]
    fn what_is_no_expression_stays() {
        for same in ["<a b='x@(y'/>", "<a><![CDATA[ @( ]]></a>", "<a b='me@example.org'>@ (</a>"] {
            assert_eq!(blanked(same), same);
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic_or_longer(text in "(@[({]|&quot;|[<>a=\"'(){}\\[\\]$@\\\\/*é\n -]){0,60}") {
            proptest::prop_assert_eq!(blanked(&text).len(), text.len());
        }

        #[test]
        fn any_text_literal_in_an_expression_is_read_around(inner in "[^\"\\\\\n]{0,30}") {
            let policy = format!("<a b=\"@(x == \"{inner}\" ? 1 : 2)\"><c/></a>");
            let out = blanked(&policy);
            proptest::prop_assert!(roxmltree::Document::parse(&out).is_ok(), "{}", out);
        }
    }
}
