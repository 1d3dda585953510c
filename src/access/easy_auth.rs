//! Whom has App Service signed in before they reach us?
//!
//! `X-MS-CLIENT-PRINCIPAL` is JSON in base64 without any signature: whoever reaches our port can
//! write it. So it counts only if this way in is configured, and only from a peer in `trusted`: the
//! connection's other end, never what a header says of it. A header longer than 16 KB is not read.

use std::net::IpAddr;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use serde::Deserialize;

use super::jwt::cleaned;
use super::settings::EasyAuthSettings;
use super::{Identity, Refusal};

const MAX_HEADER: usize = 16 * 1024;
/// What the platform calls a person's name in long.
const NAME: &str = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/name";

/// The header, decoded.
#[derive(Deserialize)]
struct Principal {
    auth_typ: Option<String>,
    #[serde(default)]
    name_typ: Option<String>,
    #[serde(default)]
    role_typ: Option<String>,
    #[serde(default)]
    claims: Vec<Claim>,
}

#[derive(Deserialize)]
struct Claim {
    typ: String,
    val: String,
}

/// People whom App Service signed in.
#[derive(Debug)]
pub struct EasyAuth {
    settings: EasyAuthSettings,
}

impl EasyAuth {
    /// Believes the platform as the configuration says.
    pub fn new(settings: EasyAuthSettings) -> Self {
        Self { settings }
    }

    /// Tells whether what `peer` writes in these headers counts.
    pub fn trusts(&self, peer: Option<IpAddr>) -> bool {
        peer.is_some_and(|peer| self.settings.trusted.contain(peer))
    }

    /// Returns whom the header `principal` of a trusted peer names.
    pub fn identity(&self, principal: &str) -> Result<Identity, Refusal> {
        let unreadable = || Refusal::Wrong("what App Service says of the caller can't be read".into());
        if principal.len() > MAX_HEADER {
            return Err(unreadable());
        }
        let bytes = STANDARD.decode(principal).or_else(|_| STANDARD_NO_PAD.decode(principal));
        let bytes = bytes.map_err(|_| unreadable())?;
        let said: Principal = serde_json::from_slice(&bytes).map_err(|_| unreadable())?;
        let of = |typ: &str| said.claims.iter().find(|claim| claim.typ == typ).map(|claim| claim.val.trim());
        let named = said.name_typ.as_deref().and_then(of);
        let named = ["preferred_username", "upn"].into_iter().find_map(of).or(named).or_else(|| of(NAME));
        let named = named.or_else(|| of("appid")).or_else(|| of("sub")).filter(|name| !name.is_empty());
        let name = cleaned(named.ok_or_else(unreadable)?, said.auth_typ.as_deref().unwrap_or("app-service"));
        let roles = &self.settings.roles;
        let ours = |typ: &str| typ == roles.claim || (roles.claim == "roles" && said.role_typ.as_deref() == Some(typ));
        let values = said.claims.iter().filter(|claim| ours(&claim.typ)).map(|claim| claim.val.as_str());
        match roles.role(&values) {
            Some(role) => Ok(Identity { name, role }),
            None => Err(Refusal::NoRole {
                name,
                says: format!("none of the values of `{}` gives a role here", roles.claim),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::{Networks, Role, RoleSettings};

    fn easy_auth() -> EasyAuth {
        EasyAuth::new(EasyAuthSettings {
            trusted: Networks::parse(["169.254.0.0/16"]).unwrap(),
            roles: RoleSettings { operator: vec!["Gatewatch.Operator".into()], ..RoleSettings::default() },
        })
    }

    fn named(json: &str) -> Result<Identity, Refusal> {
        easy_auth().identity(&STANDARD.encode(json))
    }

    #[test]
    fn whom_the_platform_signed_in_comes_in_by_name_and_role() {
        let json = r#"{"auth_typ":"aad","name_typ":"name","role_typ":"http://x/role","claims":[
            {"typ":"preferred_username","val":"dana@contoso.example"},{"typ":"http://x/role","val":"Gatewatch.Operator"}]}"#;
        assert_eq!(named(json), Ok(Identity { name: "dana@contoso.example".into(), role: Role::Operator }));
    }

    #[test]
    fn who_has_no_role_is_no_viewer() {
        let json =
            r#"{"auth_typ":"aad","claims":[{"typ":"upn","val":"dana@contoso.example"},{"typ":"roles","val":"x"}]}"#;
        assert!(matches!(named(json), Err(Refusal::NoRole { name, .. }) if name == "dana@contoso.example"));
    }

    #[test]
    fn a_header_that_can_t_be_read_is_nobody() {
        for wrong in ["", "{", "{\"claims\":7}", "{\"auth_typ\":\"aad\",\"claims\":[]}"] {
            assert!(matches!(named(wrong), Err(Refusal::Wrong(_))), "{wrong}");
        }
        assert!(matches!(easy_auth().identity("%%%"), Err(Refusal::Wrong(_))));
        assert!(matches!(easy_auth().identity(&"A".repeat(20_000)), Err(Refusal::Wrong(_))));
    }

    #[test]
    fn only_the_peer_itself_is_trusted_and_one_that_is_not_known_is_not() {
        let trusts = |peer: &str| easy_auth().trusts(peer.parse().ok());
        assert!(trusts("169.254.130.1") && trusts("::ffff:169.254.130.1"));
        assert!(!trusts("203.0.113.7") && !trusts("127.0.0.1") && !trusts("nobody"));
    }
}
