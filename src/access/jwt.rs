//! Is this token the issuer's, for us, and of now?
//!
//! Signed by a pinned algorithm with a key that the issuer publishes for it; `iss`, `aud` and `exp`
//! must be there and right, `nbf` and `iat` right if there. What is wrong is said by its sort,
//! never with a value of the token. A token longer than 16 KB is not read.

use std::time::Duration;

use jsonwebtoken::{Validation, decode, decode_header};
use serde_json::{Map, Value};

use super::keys::{Keys, NoKey};
use super::settings::{Algorithm, JwtSettings};
use super::{Identity, Refusal, signatures};
use crate::clock::{Clock, Timestamp};

const MAX_TOKEN: usize = 16 * 1024;
/// Letters of a name that are kept.
const MAX_NAME: usize = 128;

pub(super) type Claims = Map<String, Value>;

/// What a token must say.
#[derive(Debug)]
pub(super) struct Expected<'a> {
    pub(super) issuer: &'a str,
    pub(super) audience: &'a [String],
    pub(super) algorithms: &'a [Algorithm],
    pub(super) skew: Duration,
}

/// Why a token is not believed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Disbelief {
    #[error("it is not a token that could be read")]
    Malformed,
    #[error("it is signed in a way that is not allowed here, or names no key")]
    Algorithm,
    #[error("its issuer publishes no such key")]
    UnknownKey,
    #[error("its signature is not its issuer's")]
    Signature,
    #[error("it is somebody else's issuer or for somebody else")]
    NotForUs,
    #[error("its claim `{0}` is missing, or is not what that claim should be")]
    Claim(String),
    #[error("it has expired")]
    Expired,
    #[error("it is not valid yet")]
    Early,
    #[error("it is an ID token, which is for signing in: send an access token")]
    IdToken,
    #[error("its issuer's keys can't be had: {0}")]
    NoKeys(String),
}

/// Returns what a token claims, if it is to be believed at `now`.
pub(super) async fn believed(
    token: &str,
    keys: &Keys,
    expected: &Expected<'_>,
    now: Timestamp,
) -> Result<Claims, Disbelief> {
    if token.len() > MAX_TOKEN {
        return Err(Disbelief::Malformed);
    }
    signatures::install();
    let header = decode_header(token).map_err(|_| Disbelief::Algorithm)?;
    let pinned = expected.algorithms.iter().find(|pinned| pinned.of_the_library() == header.alg);
    let (Some(&pinned), Some(kid), None) = (pinned, header.kid, header.crit) else {
        return Err(Disbelief::Algorithm);
    };
    let key = keys.key(&kid, pinned).await.map_err(|why| match why {
        NoKey::Unknown => Disbelief::UnknownKey,
        NoKey::Unavailable(why) => Disbelief::NoKeys(why),
    })?;
    let mut asked = Validation::new(header.alg);
    asked.set_required_spec_claims(&["iss", "aud", "exp"]);
    asked.set_issuer(&[expected.issuer]);
    asked.set_audience(expected.audience);
    // The library reads the system's clock; times are looked at below, by ours.
    asked.validate_exp = false;
    let claims = decode::<Claims>(token, &key, &asked).map_err(|error| {
        use jsonwebtoken::errors::ErrorKind;
        match error.kind() {
            ErrorKind::InvalidSignature => Disbelief::Signature,
            ErrorKind::InvalidIssuer | ErrorKind::InvalidAudience => Disbelief::NotForUs,
            // Its name is one that we asked for, never one of the token's.
            ErrorKind::MissingRequiredClaim(claim) => Disbelief::Claim(claim.clone()),
            _ => Disbelief::Malformed,
        }
    })?;
    let claims = claims.claims;
    // The library would also take a list that the issuer is in.
    if claims.get("iss").and_then(Value::as_str) != Some(expected.issuer) {
        return Err(Disbelief::NotForUs);
    }
    in_time(&claims, expected.skew, now)?;
    Ok(claims)
}

fn in_time(claims: &Claims, skew: Duration, now: Timestamp) -> Result<(), Disbelief> {
    let at = |name: &str| match claims.get(name) {
        None => Ok(None),
        Some(value) => {
            let seconds = value.as_f64().filter(|seconds| (0.0..9e9).contains(seconds));
            seconds
                .map(|seconds| Some(Timestamp::from_millis((seconds * 1e3) as i64)))
                .ok_or_else(|| Disbelief::Claim(name.into()))
        }
    };
    let expires = at("exp")?.ok_or_else(|| Disbelief::Claim("exp".into()))?;
    if now >= expires.plus(skew) {
        return Err(Disbelief::Expired);
    }
    let early = |at: Option<Timestamp>| at.is_some_and(|at| at > now.plus(skew));
    if early(at("nbf")?) || early(at("iat")?) { Err(Disbelief::Early) } else { Ok(()) }
}

/// Returns what the holder of these claims is called: a person by what the provider calls them, never by what
/// they call themselves; else by the first of `ids`. What has no `@` gets the issuer's host, and no token
/// of ours has one: so nobody is called as a token is.
pub(super) fn name(claims: &Claims, issuer: &str, ids: &[&str]) -> String {
    let text = |name: &&str| claims.get(*name).and_then(Value::as_str).map(str::trim).filter(|text| !text.is_empty());
    let verified = claims.get("email_verified").and_then(Value::as_bool) == Some(true);
    let person = ["preferred_username", "upn"].iter().find_map(&text);
    let person = person.or_else(|| text(&"email").filter(|_| verified));
    let named = person.or_else(|| ids.iter().find_map(text));
    let issuer = issuer.split("://").nth(1).unwrap_or(issuer).split('/').next().unwrap_or_default();
    cleaned(named.unwrap_or("somebody"), issuer)
}

/// Returns a name that can be shown, kept, and taken for no token's.
pub(super) fn cleaned(name: &str, whose: &str) -> String {
    let hidden = |c: &char| {
        c.is_control()
            || matches!(
                c,
                '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
                    | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{e0000}'..='\u{e0fff}'
            )
    };
    let mut name: String = name.chars().filter(|c| !hidden(c)).take(MAX_NAME).collect();
    if !name.contains('@') {
        name = format!("{name}@{whose}");
    }
    name
}

/// Says what is known of the groups of somebody who has no role.
pub(super) fn roleless(claims: &Claims, claim: &str) -> String {
    let too_many = claims.get("_claim_names").is_some_and(|names| names.get(claim).is_some());
    if too_many || claims.contains_key("hasgroups") {
        return format!("too many {claim} to stand in the token, so none does: map app roles instead of groups");
    }
    format!("none of the values of `{claim}` gives a role here")
}

/// Programs' tokens.
#[derive(Debug)]
pub struct Jwt {
    settings: JwtSettings,
    keys: Keys,
    clock: Clock,
}

impl Jwt {
    /// Takes tokens as the configuration says. Asks the issuer nothing yet.
    ///
    /// # Errors
    ///
    /// Says what is wrong with an address.
    pub fn new(settings: JwtSettings, clock: Clock) -> Result<Self, String> {
        let keys = Keys::new(&settings.issuer, settings.jwks_url.as_deref(), clock.clone())?;
        Ok(Self { settings, keys, clock })
    }

    /// Returns who shows this token.
    pub async fn identity(&self, token: &str) -> Result<Identity, Refusal> {
        let JwtSettings { issuer, audience, algorithms, skew, roles, .. } = &self.settings;
        let expected = Expected { issuer, audience, algorithms, skew: *skew };
        let claims = match believed(token, &self.keys, &expected, self.clock.now()).await {
            Ok(claims) => claims,
            Err(Disbelief::NoKeys(why)) => return Err(Refusal::Unavailable(why)),
            Err(why) => return Err(Refusal::Wrong(why.to_string())),
        };
        if ["nonce", "c_hash"].iter().any(|claim| claims.contains_key(*claim)) {
            return Err(Refusal::Wrong(Disbelief::IdToken.to_string()));
        }
        let name = name(&claims, issuer, &["azp", "appid", "client_id", "sub"]);
        match roles.role_of(&claims) {
            Some(role) => Ok(Identity { name, role }),
            None => Err(Refusal::NoRole { says: roleless(&claims, &roles.claim), name }),
        }
    }

    /// Returns what was wrong the last time keys were fetched.
    pub fn problem(&self) -> Option<String> {
        self.keys.problem()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(json: &str, ids: &[&str]) -> String {
        name(&serde_json::from_str(json).unwrap(), "https://login.example/tenant", ids)
    }

    #[test]
    fn nobody_is_called_by_what_they_call_themselves() {
        let of = |json: &str| named(json, &["sub"]);
        assert_eq!(
            of(r#"{"name":"dana@contoso.example","email":"dana@contoso.example","sub":"s1"}"#),
            "s1@login.example"
        );
        assert_eq!(of(r#"{"email":"dana@contoso.example","email_verified":false,"sub":"s1"}"#), "s1@login.example");
        assert_eq!(of(r#"{"email":"dana@contoso.example","email_verified":true,"sub":"s1"}"#), "dana@contoso.example");
        assert_eq!(of(r#"{"preferred_username":"local","sub":"s1"}"#), "local@login.example");
        assert_eq!(named(r#"{"azp":"shipper","sub":"s1"}"#, &["azp", "sub"]), "shipper@login.example");
    }

    #[test]
    fn what_can_t_be_seen_is_no_part_of_a_name() {
        let hidden =
            "da\u{ad}\u{61c}\u{180e}\u{200b}\u{2028}\u{2029}\u{202e}\u{2066}\u{206a}\u{feff}\u{e0001}\u{e007f}na@x";
        assert_eq!(cleaned(hidden, "y"), "dana@x");
    }
}
