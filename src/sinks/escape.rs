//! How is an attacker's text shown in a channel without being obeyed there?
//!
//! Names, paths and addresses in an alert were written by whoever attacks. Each channel has its own
//! markup, so each has its own escaping; before that, whatever hides or turns text is written out by
//! number, and what would begin a new line becomes a space. All of it is made anew, none is kept.

use std::fmt::Write as _;

/// Returns `text` on one line, with what hides or turns text written out as `⟨U+202E⟩`, cut after
/// `most` characters.
pub(super) fn plain(text: &str, most: usize) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' | '\r' | '\t' => out.push(' '),
            c if hides(c) => {
                // Writing to a string can't fail.
                let _ = write!(out, "\u{27e8}U+{:04X}\u{27e9}", c as u32);
            }
            c => out.push(c),
        }
    }
    cut(out, most)
}

/// Cuts a text after `most` characters, and says so with an ellipsis.
pub(super) fn cut(text: String, most: usize) -> String {
    if text.chars().count() <= most {
        return text;
    }
    let mut short: String = text.chars().take(most.saturating_sub(1)).collect();
    short.push('…');
    short
}

/// Returns `text` for Slack's mrkdwn: no mention, link or formatting comes of it.
pub(super) fn mrkdwn(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let (mut before, mut rest) = (' ', text.chars().peekable());
    while let Some(c) = rest.next() {
        let within_a_word = before.is_alphanumeric() && rest.peek().is_some_and(|next| next.is_alphanumeric());
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            // A mark between two invisible spaces formats nothing; within a word it does not anyway,
            // and names such as fn_orders can be copied.
            '*' | '_' | '~' if within_a_word => out.push(c),
            '*' | '_' | '~' | '`' | '@' | '#' => {
                out.push('\u{200b}');
                out.push(c);
                out.push('\u{200b}');
            }
            c => out.push(c),
        }
        before = c;
    }
    out
}

/// Returns `text` for a text block of an Adaptive Card, which is Markdown with functions in `{{…}}`.
pub(super) fn card(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '{' => out.push_str("{\u{200b}"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '(' | ')' | '#' | '+' | '-' | '!' | '~' | '|' => {
                out.push('\\');
                out.push(c);
            }
            // Neither an address nor a scheme is made a link.
            ':' => out.push_str(":\u{200b}"),
            c => out.push(c),
        }
    }
    out
}

/// Returns `text` with addresses written so that no program makes a link of them: `https[:]//evil[.]example`.
pub(super) fn unlinked(text: &str) -> String {
    let part_of_a_name = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_');
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest.find(|c| !part_of_a_name(c)).unwrap_or(rest.len());
        let (name, after) = rest.split_at(end);
        match name.trim_end_matches('.').rsplit_once('.') {
            // With `_` it is a name of ours, such as a detector's.
            Some((host, last))
                if last.chars().count() > 1 && last.chars().all(char::is_alphabetic) && !host.contains('_') =>
            {
                out.extend([host, "[.]", last, &name[host.len() + 1 + last.len()..]]);
            }
            _ => out.push_str(name),
        }
        rest = after;
        if let Some(after) = rest.strip_prefix("://") {
            out.push_str("[:]//");
            rest = after;
        } else if let Some(c) = rest.chars().next() {
            out.push(c);
            rest = &rest[c.len_utf8()..];
        }
    }
    out
}

/// Returns what `make` makes of values that are cut so short that it has `most` characters: what is escaped is cut
/// before, so that neither markup nor what is escaped ends in the middle.
pub(super) fn fitting(most: usize, make: impl Fn(usize) -> String) -> String {
    let mut limit = most;
    loop {
        let made = make(limit);
        if made.chars().count() <= most {
            return made;
        }
        if limit < 16 {
            return cut(made, most);
        }
        limit /= 2;
    }
}

/// Returns `text` for HTML, in an attribute or between tags.
pub(super) fn html(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

const fn hides(c: char) -> bool {
    matches!(c,
        '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' // controls
        | '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_hides_or_turns_text_is_written_out_and_a_line_stays_one() {
        assert_eq!(plain("a\u{202e}b\0c\r\nBcc: x", 99), "a⟨U+202E⟩b⟨U+0000⟩c  Bcc: x");
        assert_eq!(plain("abcdef", 4), "abc…");
        assert_eq!(plain("äöü€", 4), "äöü€");
    }

    #[test]
    fn no_mention_or_link_comes_of_a_text_in_slack() {
        let shown = mrkdwn("<!channel> <https://evil.example|ok> *b* &amp;");
        assert!(!shown.contains('<') && !shown.contains('>'), "{shown}");
        assert!(shown.starts_with("&lt;!channel&gt;") && shown.ends_with("&amp;amp;"), "{shown}");
        assert!(!shown.contains("*b*"), "{shown}");
        assert_eq!(mrkdwn("fn_orders"), "fn_orders");
    }

    #[test]
    fn no_link_or_function_comes_of_a_text_in_a_card() {
        let shown = card("[x](https://evil.example) {{DATE(2020,SHORT)}} **b** <at>all</at>");
        assert!(!shown.contains("](") && !shown.contains("{{") && !shown.contains("**"), "{shown}");
        assert!(!shown.contains("https://") && !shown.contains("<at>"), "{shown}");
    }

    #[test]
    fn no_link_comes_of_an_address_that_an_attacker_chose() {
        for (text, shown) in [
            ("from https://shop.evil.example/a?b=c.d", "from https[:]//shop.evil[.]example/a?b=c.d"),
            ("HTTPS://EVIL.EXAMPLE.", "HTTPS[:]//EVIL[.]EXAMPLE."),
            ("www.evil.example, then", "www.evil[.]example, then"),
            ("//shоp.example", "//shоp[.]example"),
            ("203.0.113.7 at 08:12:05, 3.5 times. fn-orders", "203.0.113.7 at 08:12:05, 3.5 times. fn-orders"),
            ("key-usage.one_key and probing_x.many", "key-usage.one_key and probing_x.many"),
            ("javascript:alert(1) a..b", "javascript:alert(1) a..b"),
        ] {
            assert_eq!(unlinked(text), shown);
        }
    }

    #[test]
    fn a_text_that_is_too_long_is_cut_before_it_is_escaped() {
        let make = |limit| format!("<x|*{}*>", html(&cut("&".repeat(9_000), limit)));
        let made = fitting(3_000, make);
        assert!(made.chars().count() <= 3_000 && made.ends_with("&amp;…*>"), "{made}");
    }

    #[test]
    fn no_tag_comes_of_a_text_in_a_mail() {
        assert_eq!(html("<a href='x'>\"&"), "&lt;a href=&#39;x&#39;&gt;&quot;&amp;");
    }
}
