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
    for part in path.split('/').skip(1) {
        match part {
            "." => {}
            ".." => _ = parts.pop(),
            part => parts.push(part),
        }
    }
    let ends = path.ends_with("/.") || path.ends_with("/..");
    let end = if ends && !parts.is_empty() { "/" } else { "" };
    Cow::Owned(format!("/{}{end}", parts.join("/")))
}

/// Undoes what is escaped, slashes aside; what would be no text stays as it is.
fn unescaped(path: &str) -> Cow<'_, str> {
    if !path.contains('%') {
        return Cow::Borrowed(path);
    }
    let bytes = path.as_bytes();
    let (mut out, mut at) = (Vec::with_capacity(bytes.len()), 0);
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'%' => match escaped(bytes.get(at + 1..at + 3)) {
                Some(b'/' | b'\\' | b'%') | None => out.push(byte),
                Some(plain) => {
                    out.push(plain);
                    at += 2;
                }
            },
            byte => out.push(byte),
        }
        at += 1;
    }
    String::from_utf8(out).map_or(Cow::Borrowed(path), Cow::Owned)
}

fn escaped(digits: Option<&[u8]>) -> Option<u8> {
    let [high, low] = digits? else { return None };
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
