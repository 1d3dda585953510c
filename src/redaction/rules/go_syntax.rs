//! What does a pattern for Go's `regexp` mean to ours?
//!
//! Both are RE2's kin: linear, without look-around and back references. What reads alike and means
//! something else is written anew (`[a&&b]`, `[[]`, `\<`, `{` as a letter, `\Q…\E`, octal), the
//! rest stays; what Go does not know either is refused by name. Classes like `\w` are ASCII in Go
//! and so are ours, for patterns are read without Unicode first.

use std::fmt::Write as _;

/// Returns `pattern` in our syntax, or what of it can't be had, with its place in bytes.
pub fn translated(pattern: &str) -> Result<String, (usize, &'static str)> {
    let mut out = String::with_capacity(pattern.len() + 16);
    let mut class = Class::Outside;
    let mut rest = pattern.char_indices().peekable();
    while let Some((at, letter)) = rest.next() {
        match (letter, class) {
            ('\\', _) => escape(pattern, at, &mut rest, &mut out)?,
            ('[', Class::Outside) => {
                out.push('[');
                if rest.next_if(|(_, next)| *next == '^').is_some() {
                    out.push('^');
                }
                if rest.next_if(|(_, next)| *next == ']').is_some() {
                    out.push_str("\\]");
                }
                class = Class::Inside;
            }
            ('[', Class::Inside) => match named_class(&pattern[at..]) {
                Some(length) => {
                    out.push_str(&pattern[at..at + length]);
                    while rest.next_if(|(next, _)| *next < at + length).is_some() {}
                }
                None => out.push_str("\\["),
            },
            (']', Class::Inside) => {
                out.push(']');
                class = Class::Outside;
            }
            // Doubled, these are operations on sets to us.
            ('&' | '~', Class::Inside) => {
                let _ = write!(out, "\\{letter}");
            }
            ('-', Class::Inside) if out.ends_with('-') => out.push_str("\\-"),
            ('{', Class::Outside) if !is_repetition(&pattern[at..]) => out.push_str("\\{"),
            ('}', Class::Outside) if !ends_repetition(&pattern[..at]) => out.push_str("\\}"),
            ('(', Class::Outside) => {
                refuse_group(pattern, at)?;
                out.push('(');
            }
            _ => out.push(letter),
        }
    }
    Ok(out)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Outside,
    Inside,
}

type Letters<'p> = std::iter::Peekable<std::str::CharIndices<'p>>;

fn escape(pattern: &str, at: usize, rest: &mut Letters<'_>, out: &mut String) -> Result<(), (usize, &'static str)> {
    let Some((_, letter)) = rest.next() else { return Err((at, "ends with a backslash")) };
    match letter {
        'Q' => {
            while let Some((here, letter)) = rest.next() {
                if pattern[here..].starts_with("\\E") {
                    rest.next();
                    break;
                }
                literal(letter, out);
            }
        }
        'E' => {}
        'C' => return Err((at, "has \\C, a single byte of a letter: write . instead")),
        'Z' | 'G' | 'K' | 'R' | 'X' | 'h' | 'H' | 'N' | 'V' => {
            return Err((at, "has an escape that Go's regexp does not know either"));
        }
        '1'..='9' if !rest.peek().is_some_and(|(_, next)| matches!(next, '0'..='7')) => {
            return Err((at, "has a back reference, which no linear engine knows"));
        }
        '0'..='7' => {
            let mut code = letter.to_digit(8).unwrap_or(0);
            for _ in 0..2 {
                let Some((_, digit)) = rest.next_if(|(_, next)| matches!(next, '0'..='7')) else { break };
                code = code * 8 + digit.to_digit(8).unwrap_or(0);
            }
            let _ = write!(out, "\\x{{{code:X}}}");
        }
        'p' | 'P' | 'x' => {
            out.push('\\');
            out.push(letter);
            // Its braces are its own.
            if rest.next_if(|(_, next)| *next == '{').is_some() {
                out.push('{');
                for (_, letter) in rest.by_ref() {
                    out.push(letter);
                    if letter == '}' {
                        break;
                    }
                }
            }
        }
        letter if letter.is_ascii_alphanumeric() => {
            out.push('\\');
            out.push(letter);
        }
        letter => literal(letter, out),
    }
    Ok(())
}

/// Writes `letter` so that it stands for itself.
fn literal(letter: char, out: &mut String) {
    if letter.is_ascii_alphanumeric() || !letter.is_ascii() {
        out.push(letter);
    } else {
        let _ = write!(out, "\\x{:02X}", letter as u32);
    }
}

/// Returns the length of a `[:alpha:]` at the start of `text`.
fn named_class(text: &str) -> Option<usize> {
    let inside = text.strip_prefix("[:")?;
    let end = inside.find(":]")?;
    let name = inside[..end].trim_start_matches('^');
    (!name.is_empty() && name.bytes().all(|byte| byte.is_ascii_lowercase())).then_some(end + 4)
}

/// Tells whether `text` starts with `{n}`, `{n,}` or `{n,m}`.
fn is_repetition(text: &str) -> bool {
    let Some(end) = text.find('}') else { return false };
    let inside = &text[1..end];
    let (least, most) = inside.split_once(',').unwrap_or((inside, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    !least.is_empty() && digits(least) && digits(most)
}

fn ends_repetition(text: &str) -> bool {
    text.rfind('{').is_some_and(|open| is_repetition(&format!("{}}}", &text[open..])))
}

fn refuse_group(pattern: &str, at: usize) -> Result<(), (usize, &'static str)> {
    let behind = &pattern[at + 1..];
    let Some(kind) = behind.strip_prefix('?') else { return Ok(()) };
    let looks = ["=", "!", "<=", "<!"].iter().any(|start| kind.starts_with(start));
    if looks {
        return Err((at, "looks ahead or behind, which Go's regexp does not know either"));
    }
    if kind.starts_with('>') || kind.starts_with('#') || kind.starts_with('|') {
        return Err((at, "has a group that Go's regexp does not know either"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn matches(pattern: &str, text: &str) -> bool {
        regex::Regex::new(&translated(pattern).unwrap()).unwrap().is_match(text)
    }

    #[test]
    fn what_go_reads_as_letters_is_read_as_letters() {
        for (pattern, text) in [
            (r"^[[a]+$", "[a["),
            (r"^[a&&b]+$", "a&b"),
            (r"^[]a]+$", "]a"),
            (r"^[^]a]$", "b"),
            (r"^[a~~b]+$", "a~b"),
            (r"^x{,5}$", "x{,5}"),
            (r"^a{b}$", "a{b}"),
            (r"^\<\>\_\-\/$", "<>_-/"),
            (r"^\Qa.b\E.$", "a.bc"),
            (r"^\101\0$", "A\0"),
            (r"^[[:alpha:]_]{2}$", "a_"),
            (r"^[\w\-.=]{2,3}$", "a-="),
            (r"^\x{41}\x42\pL$", "ABc"),
            (r"(?i)^k(?P<n>ey)(?:s)?$", "KEYs"),
        ] {
            assert!(matches(pattern, text), "{pattern}");
        }
    }

    #[test]
    fn what_go_does_not_know_is_refused_by_name() {
        for (pattern, word) in [
            ("(?=a)", "ahead"),
            ("(?<!a)b", "behind"),
            (r"(a)\1", "back reference"),
            ("a\\", "backslash"),
            ("(?>a)", "group"),
        ] {
            let (_, why) = translated(pattern).unwrap_err();
            assert!(why.contains(word), "{pattern}: {why}");
        }
    }

    proptest! {
        #[test]
        fn no_text_breaks_the_translation(pattern in r"[\[\]{}()\\^$&~0-9a-zQE:?,.|ü-]{0,40}") {
            let _ = translated(&pattern);
        }
    }
}
