//! Is a request one to Easy Auth's own endpoints?
//!
//! They answer under `/.auth/` of every app that has Easy Auth switched on, whatever the case. A
//! path that only begins like one of them is an ordinary request, and so is one whose provider has
//! a name that no provider can have. At most five parts of a path are looked at.

use std::ops::Range;

use bumpalo::Bump;

use crate::telemetry::Text;

use super::doc::lower;

const START: &str = "/.auth/";
/// The longest name of a provider.
const LONGEST: usize = 64;

/// What is asked of Easy Auth, by where it stands in the path.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Asked {
    /// `login`, `callback`, `me`, `logout` or `refresh`.
    pub(super) operation: Range<usize>,
    /// The provider's name.
    pub(super) provider: Option<Range<usize>>,
}

/// Returns what `path` asks of Easy Auth.
pub(super) fn asked(path: &str) -> Option<Asked> {
    path.get(..START.len()).filter(|start| start.eq_ignore_ascii_case(START))?;
    let rest = path.get(START.len()..)?;
    let mut from = START.len();
    let mut parts = rest.strip_suffix('/').unwrap_or(rest).split('/').map(|part| {
        let here = from..from + part.len();
        from = here.end + 1;
        (part, here)
    });
    let is = |part: &str, name: &str| part.eq_ignore_ascii_case(name);
    match (parts.next()?, parts.next(), parts.next(), parts.next()) {
        ((one, at), None, None, None) if is(one, "me") || is(one, "logout") || is(one, "refresh") => {
            Some(Asked { operation: at, provider: None })
        }
        ((one, at), Some((name, provider)), None, None) if is(one, "login") && named(name) => {
            Some(Asked { operation: at, provider: Some(provider) })
        }
        ((one, _), Some((name, provider)), Some((last, at)), None)
            if is(one, "login") && named(name) && is(last, "callback") =>
        {
            Some(Asked { operation: at, provider: Some(provider) })
        }
        _ => None,
    }
}

/// Tells whether a provider may have this name; `done` is a page that says so.
fn named(provider: &str) -> bool {
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    (1..=LONGEST).contains(&provider.len())
        && provider.bytes().all(letter)
        && !provider.eq_ignore_ascii_case("done")
        && !provider.eq_ignore_ascii_case("complete")
}

/// Returns a provider's name, of which some have several, as everybody else writes it.
pub(super) fn provider<'s>(name: Text<'s>, arena: &'s Bump) -> Text<'s> {
    let name = lower(name, arena);
    let value = match name.value {
        "entra" | "azureactivedirectory" => "aad",
        "x" => "twitter",
        own => own,
    };
    Text { value, ..name }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(path: &str) -> Option<(&str, Option<&str>)> {
        asked(path).map(|asked| (&path[asked.operation], asked.provider.map(|at| &path[at])))
    }

    #[test]
    fn each_endpoint_is_known_in_any_case() {
        assert_eq!(read("/.auth/login/aad"), Some(("login", Some("aad"))));
        assert_eq!(read("/.AUTH/Login/My-OIDC_1/Callback/"), Some(("Callback", Some("My-OIDC_1"))));
        for name in ["me", "logout", "refresh"] {
            assert_eq!(read(&format!("/.auth/{name}")), Some((name, None)));
        }
    }

    #[test]
    fn what_only_begins_like_an_endpoint_is_none() {
        for path in [
            "/.auth/",
            "/.auth",
            "/.auth/login",
            "/.auth/login//callback",
            "/.auth/login/done",
            "/.auth/login/aad/callback/x",
            "/.auth/login/.env",
            "/.auth/me/x",
            "/.auth/metrics",
            "/api/.auth/me",
            "/.auth/login/ä",
            "",
        ] {
            assert_eq!(read(path), None, "{path}");
        }
        assert_eq!(read(&format!("/.auth/login/{}", "a".repeat(65))), None);
    }

    proptest! {
        #[test]
        fn no_path_does_harm(path in "(/.auth/)?(login/)?.{0,20}(/callback)?/?") {
            if let Some((operation, _)) = read(&path) {
                prop_assert!(!operation.contains('/'));
            }
        }
    }
}
