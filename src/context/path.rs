//! Which path does a server make of what was asked for?
//!
//! Servers undo `%6f` and `..` before they look for a function, so what is meant for `/api/orders` holds for
//! `/api/%6frders` and `/api/x/../orders` too. An escaped slash stays one, as it does there. Paths without
//! either are handed back as they came; the others take one pass.

use std::borrow::Cow;

/// Returns the path as a server sees it.
pub fn plain_path(path: &str) -> Cow<'_, str> {
    let path = unescaped(path);
    if !path.contains("/.") {
        return path;
    }
    let mut parts: Vec<&str> = Vec::new();
    let (start, inner) = path.strip_prefix('/').map_or(("", &*path), |inner| ("/", inner));
    for part in inner.split('/') {
        match part {
            "." => {}
            ".." => _ = parts.pop(),
            part => parts.push(part),
        }
    }
    let ends = path.ends_with("/.") || path.ends_with("/..");
    let end = if ends && !parts.is_empty() { "/" } else { "" };
    Cow::Owned(format!("{start}{}{end}", parts.join("/")))
}

/// Undoes what is escaped, slashes aside; what would be no text stays as it is, and nothing else with it.
fn unescaped(path: &str) -> Cow<'_, str> {
    if !path.contains('%') {
        return Cow::Borrowed(path);
    }
    let (mut out, mut rest) = (String::with_capacity(path.len()), path);
    while let Some(at) = rest.find('%') {
        out.push_str(&rest[..at]);
        let escapes = &rest[at..];
        let bytes: Vec<u8> = escapes.as_bytes().chunks_exact(3).map_while(escaped).collect();
        let (run, after) = escapes.split_at((3 * bytes.len()).max(1));
        if bytes.is_empty() {
            out.push_str(run);
        } else {
            unescape(run, &bytes, &mut out);
        }
        rest = after;
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// Adds what a run of escapes, three bytes each, is the text of.
fn unescape(run: &str, bytes: &[u8], out: &mut String) {
    let mut at = 0;
    for chunk in bytes.utf8_chunks() {
        for plain in chunk.valid().chars() {
            if matches!(plain, '/' | '\\' | '%') {
                out.push_str(&run[3 * at..3 * at + 3]);
            } else {
                out.push(plain);
            }
            at += plain.len_utf8();
        }
        let end = at + chunk.invalid().len();
        out.push_str(&run[3 * at..3 * end]);
        at = end;
    }
}

fn escaped(escape: &[u8]) -> Option<u8> {
    let [b'%', high, low] = escape else { return None };
    let digit = |byte: &u8| char::from(*byte).to_digit(16);
    u8::try_from(digit(high)? * 16 + digit(low)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_read_as_servers_read_it() {
        for (asked, wanted) in [
            ("/api/orders", "/api/orders"),
            ("/api/%6frders", "/api/orders"),
            ("/api/%4F%72ders", "/api/Orders"),
            ("/api/x/../orders", "/api/orders"),
            ("/api/%2e%2E/admin/./host", "/admin/host"),
            ("/../../api", "/api"),
            ("/api/..", "/"),
            ("/api/v1/.", "/api/v1/"),
            ("/api/a%2Fb", "/api/a%2Fb"),
            ("/api/%256frders", "/api/%256frders"),
            ("/api/%zz%4", "/api/%zz%4"),
            ("/api/%ff", "/api/%ff"),
            ("/%61dmin/host/keys/x%ff/..", "/admin/host/keys/"),
            ("/api/%6frders/%fF%c3%A9%2f%C3x", "/api/orders/%fFé%2f%C3x"),
            ("api/x/../orders", "api/orders"),
            ("/api/.well-known", "/api/.well-known"),
            ("", ""),
        ] {
            assert_eq!(plain_path(asked), wanted, "{asked}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_path_makes_it_panic(path in "[ -~é%/.]{0,40}") {
            _ = plain_path(&path);
        }
    }
}
