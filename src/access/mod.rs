//! Who may do what?
//!
//! Programs show a token, ours or that of an identity provider; browsers a session that a token or
//! a sign-in has started; on a loopback address without any of these, whoever can reach it is the
//! operator `local`. Our tokens are 256 random bits, so a plain SHA-256 of them is kept: a slow hash
//! would only make every request an attack on ourselves. At most 1,000 tokens and 1,024 sessions.

mod attempts;
mod easy_auth;
mod expiry;
mod jwt;
mod keys;
mod networks;
mod oidc;
mod role;
mod sessions;
mod settings;
mod signatures;
mod tls;
mod tokens;
mod ways;

use std::fmt::Write;
use std::net::SocketAddr;
use std::path::Path;

pub use attempts::Attempts;
pub(crate) use attempts::network;
pub use easy_auth::EasyAuth;
pub use jwt::Jwt;
pub use networks::Networks;
pub use oidc::{Back, Begun, CALLBACK, Oidc, Returned};
pub use role::{Identity, Role};
pub use sessions::Sessions;
pub use settings::{Algorithm, EasyAuthSettings, Hidden, JwtSettings, OidcSettings, RoleSettings, TlsSettings};
pub use tls::{Looked, Tls};
pub use tokens::{NewToken, TokenInfo, Tokens, TokensError, TokensTrouble};
pub use ways::{Refusal, Ways};

/// Checks that listening on `addr` is safe: beyond loopback, or behind a proxy, there must be a way to
/// tell who comes in (`known`), a token or an identity provider, and beyond loopback TLS, ours or a
/// proxy's. `data` is the data folder a token belongs into.
///
/// # Errors
///
/// Says everything that is wrong, and the ways to mend it.
pub fn check_listen(addr: SocketAddr, known: bool, ways: &Ways, data: &Path) -> Result<(), String> {
    let loopback = addr.ip().to_canonical().is_loopback();
    let encrypted = ways.encrypted || loopback;
    if encrypted && (known || (loopback && !ways.proxied())) {
        return Ok(());
    }
    let mut says = if loopback {
        format!("Whoever reaches the proxy in front of {addr} reaches the dashboard.")
    } else {
        format!("Others can reach {addr}.")
    };
    if !known {
        let _ = write!(
            says,
            " There is no token to tell friend from foe: make one with `gatewatch token create NAME --role operator \
             --data {}`, or name an identity provider in [dashboard.oidc], [dashboard.jwt] or [dashboard.easy_auth].",
            data.display()
        );
    }
    if !encrypted {
        says += " What they send would go in the clear: write [dashboard.tls] with certificate and key, or \
                 behind_tls_proxy = true in [dashboard] if a proxy in front of it ends TLS.";
    }
    Err(if loopback {
        format!("{says} Or leave out behind_tls_proxy and trusted_proxies in [dashboard] if there is no proxy.")
    } else {
        format!("{says} Or listen on 127.0.0.1:{}.", addr.port())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxied() -> Ways {
        Ways { encrypted: true, ..Ways::default() }
    }

    fn checked(addr: &str, known: bool, encrypted: bool) -> bool {
        let ways = if encrypted { proxied() } else { Ways::default() };
        check_listen(addr.parse().unwrap(), known, &ways, Path::new("/data")).is_ok()
    }

    #[test]
    fn only_loopback_does_without_tokens_and_tls() {
        for here in ["127.0.0.1:8080", "[::1]:8080", "[::ffff:127.0.0.1]:8080"] {
            assert!(checked(here, false, false), "{here}");
        }
        for there in ["0.0.0.0:8080", "[::]:8080", "192.0.2.1:8080"] {
            assert!(!checked(there, false, false), "{there}");
            assert!(!checked(there, true, false), "{there}");
            assert!(!checked(there, false, true), "{there}");
            assert!(checked(there, true, true), "{there}");
        }
    }

    #[test]
    fn behind_a_proxy_loopback_is_no_better_than_any_other_address() {
        let listed = Ways { proxies: Networks::parse(["127.0.0.1"]).unwrap(), ..Ways::default() };
        for ways in [proxied(), listed] {
            let check = |known| check_listen("127.0.0.1:8080".parse().unwrap(), known, &ways, Path::new("/data"));
            let says = check(false).unwrap_err();
            assert!(says.contains("reaches the proxy") && says.contains("token create"), "{says}");
            assert!(says.contains("leave out behind_tls_proxy") && !says.contains("in the clear"), "{says}");
            assert!(check(true).is_ok());
        }
    }

    #[test]
    fn an_open_address_says_all_that_is_missing_and_how_to_mend_it() {
        let error = |known, encrypted| {
            let ways = if encrypted { proxied() } else { Ways::default() };
            check_listen("0.0.0.0:8080".parse().unwrap(), known, &ways, Path::new("/data")).unwrap_err()
        };
        let both = error(false, false);
        assert!(both.contains("gatewatch token create NAME --role operator --data /data`"), "{both}");
        assert!(both.contains("[dashboard.tls]") && both.contains("behind_tls_proxy = true"), "{both}");
        assert!(both.ends_with("Or listen on 127.0.0.1:8080."), "{both}");
        assert!(!error(true, false).contains("token create") && !error(false, true).contains("in the clear"));
    }
}
