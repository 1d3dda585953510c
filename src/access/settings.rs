//! What does the configuration say about who may come in?
//!
//! One table for each way in, `[dashboard.jwt]`, `[dashboard.oidc]`, `[dashboard.easy_auth]`, and
//! one for TLS. What can't be said here can't be done: an algorithm with a shared secret has no name.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Networks, Role};
use crate::clock::duration;

/// The certificate that the dashboard shows.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct TlsSettings {
    /// A PEM file: the certificate, then those that lead from it to a root.
    pub certificate: PathBuf,
    /// A PEM file: its private key.
    pub key: PathBuf,
}

/// How a token may be signed: by keys that only its issuer has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[expect(missing_docs, reason = "the names of RFC 7518 and RFC 8037")]
pub enum Algorithm {
    RS256,
    RS384,
    RS512,
    PS256,
    PS384,
    PS512,
    ES256,
    ES384,
    EdDSA,
}

impl Algorithm {
    /// Returns how the library calls it.
    pub(super) const fn of_the_library(self) -> jsonwebtoken::Algorithm {
        match self {
            Self::RS256 => jsonwebtoken::Algorithm::RS256,
            Self::RS384 => jsonwebtoken::Algorithm::RS384,
            Self::RS512 => jsonwebtoken::Algorithm::RS512,
            Self::PS256 => jsonwebtoken::Algorithm::PS256,
            Self::PS384 => jsonwebtoken::Algorithm::PS384,
            Self::PS512 => jsonwebtoken::Algorithm::PS512,
            Self::ES256 => jsonwebtoken::Algorithm::ES256,
            Self::ES384 => jsonwebtoken::Algorithm::ES384,
            Self::EdDSA => jsonwebtoken::Algorithm::EdDSA,
        }
    }
}

fn algorithms() -> Vec<Algorithm> {
    vec![Algorithm::RS256, Algorithm::ES256]
}

fn a_minute() -> Duration {
    Duration::from_mins(1)
}

/// Which values of a claim give which role; who has none of them does not come in.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct RoleSettings {
    /// The claim that is looked at, such as `roles` or `groups`.
    pub claim: String,
    /// Values that make a viewer.
    pub viewer: Vec<String>,
    /// Values that make an operator.
    pub operator: Vec<String>,
    /// Values that make an admin.
    pub admin: Vec<String>,
}

impl Default for RoleSettings {
    fn default() -> Self {
        Self { claim: "roles".into(), viewer: Vec::new(), operator: Vec::new(), admin: Vec::new() }
    }
}

impl RoleSettings {
    /// Tells whether a value is empty, which somebody might be given by mistake.
    pub fn hold_nothing(&self) -> bool {
        let mut all = self.viewer.iter().chain(&self.operator).chain(&self.admin);
        all.any(|value| value.trim().is_empty())
    }

    /// Tells whether no value gives any role.
    pub fn admit_nobody(&self) -> bool {
        self.viewer.is_empty() && self.operator.is_empty() && self.admin.is_empty()
    }

    /// Returns the highest role that one of `values` gives.
    pub fn role<'a>(&self, values: &(impl Iterator<Item = &'a str> + Clone)) -> Option<Role> {
        let given = |list: &[String]| values.clone().any(|value| list.iter().any(|known| known == value));
        match () {
            () if given(&self.admin) => Some(Role::Admin),
            () if given(&self.operator) => Some(Role::Operator),
            () if given(&self.viewer) => Some(Role::Viewer),
            () => None,
        }
    }

    /// Returns the role that these claims give. A claim is a list or one value; `scp` and `scope` are words with
    /// spaces between, as RFC 8693 has them.
    pub(super) fn role_of(&self, claims: &Map<String, Value>) -> Option<Role> {
        match claims.get(&self.claim)? {
            Value::String(words) if matches!(&*self.claim, "scp" | "scope") => self.role(&words.split(' ')),
            Value::String(value) => self.role(&std::iter::once(value.as_str())),
            Value::Array(list) => self.role(&list.iter().filter_map(Value::as_str)),
            _ => None,
        }
    }
}

/// Programs that show a JWT of an identity provider.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct JwtSettings {
    /// Who issues them: exactly what stands in `iss`.
    pub issuer: String,
    /// For whom they must be: one of these stands in `aud`.
    pub audience: Vec<String>,
    /// How they may be signed.
    #[serde(default = "algorithms")]
    pub algorithms: Vec<Algorithm>,
    /// Where the issuer's keys are; without it, where its discovery document says.
    #[serde(default)]
    pub jwks_url: Option<String>,
    /// How far the issuer's clock and ours may be apart.
    #[serde(default = "a_minute", with = "duration")]
    pub skew: Duration,
    /// Who may what.
    #[serde(default)]
    pub roles: RoleSettings,
}

/// People who sign in with an identity provider. `S` is the client's secret, or where to find it.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct OidcSettings<S> {
    /// The provider: exactly what stands in `iss`, and where its discovery document lies.
    pub issuer: String,
    /// The id under which we are registered there.
    pub client_id: String,
    /// What we prove that with; a public client has none.
    #[serde(default = "none")]
    pub client_secret: Option<S>,
    /// How the button calls the provider.
    #[serde(default = "a_provider")]
    pub name: String,
    /// What we ask for beside `openid`.
    #[serde(default = "scopes")]
    pub scopes: Vec<String>,
    /// How its tokens may be signed.
    #[serde(default = "algorithms")]
    pub algorithms: Vec<Algorithm>,
    /// How far its clock and ours may be apart.
    #[serde(default = "a_minute", with = "duration")]
    pub skew: Duration,
    /// Who may what.
    #[serde(default)]
    pub roles: RoleSettings,
}

fn none<S>() -> Option<S> {
    None
}

fn a_provider() -> String {
    "single sign-on".into()
}

fn scopes() -> Vec<String> {
    vec!["profile".into(), "email".into()]
}

impl<S> OidcSettings<S> {
    /// Fetches the secret from where it is.
    ///
    /// # Errors
    ///
    /// What `fetch` says.
    pub fn with_secret(self, fetch: impl FnOnce(S) -> Result<String, String>) -> Result<OidcSettings<Hidden>, String> {
        Ok(OidcSettings {
            client_secret: self.client_secret.map(fetch).transpose()?.map(Hidden),
            issuer: self.issuer,
            client_id: self.client_id,
            name: self.name,
            scopes: self.scopes,
            algorithms: self.algorithms,
            skew: self.skew,
            roles: self.roles,
        })
    }
}

/// App Service has signed people in before they reach us, and says so in headers.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct EasyAuthSettings {
    /// From where its headers are believed; from anywhere else they count for nothing.
    pub trusted: Networks,
    /// Who may what.
    #[serde(default)]
    pub roles: RoleSettings,
}

/// A secret that is not printed.
#[derive(Clone)]
pub struct Hidden(pub(super) String);

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hidden")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_role_counts_and_who_has_none_is_no_viewer() {
        let roles = RoleSettings {
            viewer: vec!["v".into()],
            operator: vec!["o".into()],
            admin: vec!["a".into()],
            ..RoleSettings::default()
        };
        let of = |json: Value| roles.role_of(json.as_object().unwrap());
        assert_eq!(of(serde_json::json!({"roles": ["v", "a", "x"]})), Some(Role::Admin));
        assert_eq!(of(serde_json::json!({"roles": "o"})), Some(Role::Operator));
        assert_eq!(of(serde_json::json!({"roles": "x o"})), None, "one value that somebody chose");
        let scopes = RoleSettings { claim: "scp".into(), ..roles.clone() };
        assert_eq!(scopes.role_of(serde_json::json!({"scp": "x o"}).as_object().unwrap()), Some(Role::Operator));
        for nobody in ["{}", r#"{"roles":[]}"#, r#"{"roles":["V"]}"#, r#"{"roles":7}"#, r#"{"groups":["a"]}"#] {
            assert_eq!(of(serde_json::from_str(nobody).unwrap()), None, "{nobody}");
        }
    }

    #[test]
    fn an_algorithm_with_a_shared_secret_or_none_has_no_name() {
        for name in ["HS256", "HS512", "none", "None", "NONE", "rs256"] {
            assert!(serde_json::from_value::<Algorithm>(name.into()).is_err(), "{name}");
        }
        assert_eq!(serde_json::from_value::<Algorithm>("ES256".into()).unwrap(), Algorithm::ES256);
    }
}
