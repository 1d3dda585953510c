//! Who may do what?
//!
//! Programs show a token, browsers a session that a token has started; on a loopback address
//! without tokens, whoever can reach it is the operator `local`. Tokens are 256 random bits, so a
//! plain SHA-256 of them is kept: a slow hash would only make every request an attack on
//! ourselves. At most 1,000 tokens and 1,024 sessions.

mod role;
mod sessions;
mod tokens;

use std::net::SocketAddr;
use std::path::Path;

pub use role::{Identity, Role};
pub use sessions::Sessions;
pub use tokens::{NewToken, TokenInfo, Tokens, TokensError};

/// Checks that listening on `addr` is safe: beyond loopback there must be a token with which
/// somebody may look. `data` is the data folder such a token belongs into.
///
/// # Errors
///
/// Says what is wrong and the two ways to mend it.
pub fn check_listen(addr: SocketAddr, has_tokens: bool, data: &Path) -> Result<(), String> {
    if has_tokens || addr.ip().to_canonical().is_loopback() {
        return Ok(());
    }
    Err(format!(
        "Others can reach {addr}, and there is no token to tell friend from foe. Make one with \
         `gatewatch token create NAME --role operator --data {}`, or listen on 127.0.0.1:{}.",
        data.display(),
        addr.port()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(addr: &str, has_tokens: bool) -> bool {
        check_listen(addr.parse().unwrap(), has_tokens, Path::new("/data")).is_ok()
    }

    #[test]
    fn only_loopback_does_without_tokens() {
        assert!(checked("127.0.0.1:8080", false));
        assert!(checked("[::1]:8080", false));
        assert!(checked("[::ffff:127.0.0.1]:8080", false));
        assert!(!checked("0.0.0.0:8080", false));
        assert!(!checked("[::]:8080", false));
        assert!(!checked("192.0.2.1:8080", false));
        assert!(checked("0.0.0.0:8080", true));
    }

    #[test]
    fn an_open_address_without_tokens_says_how_to_mend_it() {
        let error = check_listen("0.0.0.0:8080".parse().unwrap(), false, Path::new("/data")).unwrap_err();
        assert!(error.contains("gatewatch token create NAME --role operator --data /data`"), "{error}");
        assert!(error.contains("127.0.0.1:8080"), "{error}");
    }
}
