//! How does a person sign in with an identity provider?
//!
//! By the authorization code flow with PKCE, `state` and `nonce`. Nothing is kept here while somebody
//! is away at the provider, so nobody can fill it up: the browser keeps a random `state` with our
//! signature over it, and `nonce` and code verifier are derived from that. A way begun is good for
//! ten minutes and one code, and ends with a restart; of the ways used the last 4,096 are known. A crate for this exists (`openidconnect`), but brings an RSA
//! with a known weakness and a second JWT implementation beside the one that bearer tokens need.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use data_encoding::BASE64URL_NOPAD;
use hmac::{Hmac, Mac};
use reqwest::Client;
use serde_json::Value;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use tokio::sync::Semaphore;

use super::jwt::{Claims, Disbelief, Expected, believed, name, roleless};
use super::keys::{Endpoints, Keys, NoKey, client, failed, json, word};
use super::settings::{Hidden, OidcSettings};
use super::{Identity, Refusal};
use crate::clock::Clock;

/// Codes that are exchanged at a time.
const AT_ONCE: usize = 16;
/// Ways used that are known; beyond them the oldest is forgotten, whose code the provider knows.
const MAX_USED: usize = 4_096;
/// Where the provider sends people back to.
pub const CALLBACK: &str = "/login/callback";
/// How long somebody may be away at the provider.
const AWAY: Duration = Duration::from_mins(10);
const MAX_CODE: usize = 8 * 1024;

/// People who sign in with an identity provider.
pub struct Oidc {
    settings: OidcSettings<Hidden>,
    redirect: String,
    keys: Keys,
    http: Client,
    clock: Clock,
    exchanges: Semaphore,
    /// States whose code was tried. Held for one look through it.
    used: Mutex<VecDeque<String>>,
    /// Signs what browsers keep for us; gone with the process.
    secret: [u8; 64],
}

impl std::fmt::Debug for Oidc {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Oidc").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// A way begun: where to send the browser, and what it must bring back.
#[derive(Debug)]
pub struct Begun {
    /// The provider's page.
    pub to: String,
    /// The value of a cookie that lives ten minutes.
    pub cookie: String,
}

/// What the provider sends back by way of the browser.
#[derive(Debug, Default)]
pub struct Returned<'a> {
    /// A code that is exchanged for tokens.
    pub code: Option<&'a str>,
    /// What we gave along.
    pub state: Option<&'a str>,
    /// Who says so, if it says that.
    pub iss: Option<&'a str>,
    /// Why there is no code.
    pub error: Option<&'a str>,
}

/// Somebody who has come back to the browser that was sent away, and whose code is not tried yet.
#[derive(Debug)]
pub struct Back {
    code: String,
    state: String,
    /// Where they wanted to go.
    pub next: String,
}

impl Oidc {
    /// Sends people to the provider as configured, and has them come back to `external_url`. Asks
    /// the provider nothing yet.
    ///
    /// # Errors
    ///
    /// Says what is wrong with an address, or that there are no random numbers.
    pub fn new(settings: OidcSettings<Hidden>, external_url: &str, clock: Clock) -> Result<Self, String> {
        let mut secret = [0; 64];
        getrandom::fill(&mut secret).map_err(|error| format!("this machine gives no random numbers: {error}"))?;
        let keys = Keys::new(&settings.issuer, None, clock.clone())?;
        let redirect = format!("{}{CALLBACK}", external_url.trim_end_matches('/'));
        Ok(Self {
            settings,
            redirect,
            keys,
            http: client()?,
            clock,
            exchanges: Semaphore::new(AT_ONCE),
            used: Mutex::default(),
            secret,
        })
    }

    /// Returns how the provider is called on the button.
    pub fn name(&self) -> &str {
        &self.settings.name
    }

    /// Begins a way to the provider and back to `next`.
    pub async fn begin(&self, next: &str) -> Result<Begun, Refusal> {
        let Endpoints { authorization, .. } = self.endpoints().await?;
        let mut random = [0; 32];
        getrandom::fill(&mut random).map_err(|error| Refusal::Unavailable(error.to_string()))?;
        let state = BASE64URL_NOPAD.encode(&random);
        let until = (self.clock.elapsed() + AWAY).as_secs();
        let kept = format!("{state}.{until}.{}", BASE64URL_NOPAD.encode(next.as_bytes()));
        let challenge = BASE64URL_NOPAD.encode(&Sha256::digest(self.derived("verifier", &state)));
        let scope = format!("openid {}", self.settings.scopes.join(" "));
        let mut to = authorization;
        to.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", &self.settings.client_id)
            .append_pair("redirect_uri", &self.redirect)
            .append_pair("scope", scope.trim())
            .append_pair("state", &state)
            .append_pair("nonce", &self.derived("nonce", &state))
            .append_pair("code_challenge", &challenge)
            .append_pair("code_challenge_method", "S256");
        let cookie = format!("{kept}.{}", self.derived("kept", &kept));
        Ok(Begun { to: to.into(), cookie })
    }

    /// Returns what has come back, if it belongs to a way that was begun in this browser. Asks nobody.
    pub fn back(&self, cookie: Option<&str>, returned: &Returned<'_>) -> Result<Back, Refusal> {
        let (state, next) = cookie.and_then(|cookie| self.kept(cookie)).ok_or_else(|| {
            Refusal::Wrong("this sign-in was not begun in this browser within the last ten minutes: begin again".into())
        })?;
        let same: bool = returned.state.unwrap_or_default().as_bytes().ct_eq(state.as_bytes()).into();
        if !same || returned.iss.is_some_and(|iss| iss != self.settings.issuer) {
            return Err(Refusal::Wrong("this answer belongs to another sign-in: begin again".into()));
        }
        if let Some(error) = returned.error {
            return Err(Refusal::Wrong(format!("the provider let nobody in ({})", word(error))));
        }
        let code = returned.code.filter(|code| code.len() <= MAX_CODE);
        let code = code.ok_or_else(|| Refusal::Wrong("the provider sent no code".into()))?;
        Ok(Back { code: code.to_owned(), state, next })
    }

    /// Asks the provider who has come back. A way leads back once.
    pub async fn finish(&self, back: &Back) -> Result<Identity, Refusal> {
        let _place = self.exchanges.try_acquire().map_err(|_| Refusal::Unavailable("many sign in just now".into()))?;
        if !self.first(&back.state) {
            return Err(Refusal::Wrong("this sign-in is over: begin again".into()));
        }
        let token = self.exchange(&back.code, &back.state).await?;
        self.person(&token, &back.state).await
    }

    /// Tells whether no code was tried for `state` before.
    fn first(&self, state: &str) -> bool {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        if used.iter().any(|known| known == state) {
            return false;
        }
        if used.len() >= MAX_USED {
            used.pop_front();
        }
        used.push_back(state.to_owned());
        true
    }

    /// Reads what a browser kept: the state, and where its reader wanted to go.
    fn kept(&self, cookie: &str) -> Option<(String, String)> {
        let (kept, mac) = cookie.rsplit_once('.')?;
        if !bool::from(self.derived("kept", kept).as_bytes().ct_eq(mac.as_bytes())) {
            return None;
        }
        let (state, rest) = kept.split_once('.')?;
        let (until, next) = rest.split_once('.')?;
        let next = String::from_utf8(BASE64URL_NOPAD.decode(next.as_bytes()).ok()?).ok()?;
        (self.clock.elapsed().as_secs() <= until.parse().ok()?).then(|| (state.to_owned(), next))
    }

    async fn endpoints(&self) -> Result<Endpoints, Refusal> {
        self.keys.endpoints().await.map_err(|why| match why {
            NoKey::Unavailable(why) => Refusal::Unavailable(why),
            NoKey::Unknown => Refusal::Unavailable("its discovery document names no place to sign in".into()),
        })
    }

    /// Exchanges a code for an ID token.
    async fn exchange(&self, code: &str, state: &str) -> Result<String, Refusal> {
        let Endpoints { token, secret_in_form, .. } = self.endpoints().await?;
        let host = token.host_str().unwrap_or_default().to_owned();
        let verifier = self.derived("verifier", state);
        let mut form = vec![
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", &self.redirect),
            ("client_id", &self.settings.client_id),
            ("code_verifier", &verifier),
        ];
        let secret = self.settings.client_secret.as_ref().map(|Hidden(secret)| secret.as_str());
        form.extend(secret.filter(|_| secret_in_form).map(|secret| ("client_secret", secret)));
        let mut request = self.http.post(token).header("accept", "application/json");
        if let Some(secret) = secret.filter(|_| !secret_in_form) {
            request = request.basic_auth(encoded(&self.settings.client_id), Some(encoded(secret)));
        }
        let request = request.header("content-type", "application/x-www-form-urlencoded").body(pairs(&form));
        let answer = request.send().await.map_err(|error| Refusal::Unavailable(failed(&host, error)))?;
        let bad_request = answer.status() == reqwest::StatusCode::BAD_REQUEST;
        // All else that goes wrong there is not the person's fault.
        let said = json(answer, &host).await.map_err(|why| {
            let wrong = bad_request && why.ends_with(" invalid_grant");
            if wrong { Refusal::Wrong(why) } else { Refusal::Unavailable(why) }
        })?;
        let token = said["id_token"].as_str().map(str::to_owned);
        token.ok_or_else(|| Refusal::Wrong("the provider sent no ID token".into()))
    }

    /// Returns whom an ID token names, if it is the one of this sign-in.
    async fn person(&self, token: &str, state: &str) -> Result<Identity, Refusal> {
        let OidcSettings { issuer, client_id, algorithms, skew, roles, .. } = &self.settings;
        let audience = std::slice::from_ref(client_id);
        let expected = Expected { issuer, audience, algorithms, skew: *skew };
        let claims = believed(token, &self.keys, &expected, self.clock.now()).await.map_err(|why| match why {
            Disbelief::NoKeys(why) => Refusal::Unavailable(why),
            why => Refusal::Wrong(format!("the provider's token is not believed: {why}")),
        })?;
        let nonce = claims.get("nonce").and_then(Value::as_str).unwrap_or_default();
        let same: bool = nonce.as_bytes().ct_eq(self.derived("nonce", state).as_bytes()).into();
        if !same || !for_us(&claims, client_id) {
            return Err(Refusal::Wrong("the provider's token is of another sign-in, or for somebody else".into()));
        }
        let name = name(&claims, issuer, &["sub"]);
        match roles.role_of(&claims) {
            Some(role) => Ok(Identity { name, role }),
            None => Err(Refusal::NoRole { says: roleless(&claims, &roles.claim), name }),
        }
    }

    /// Returns what only we can make of `text`, for one purpose.
    fn derived(&self, purpose: &str, text: &str) -> String {
        let mut mac = <Hmac<Sha256> as Mac>::new(&self.secret.into());
        mac.update(purpose.as_bytes());
        mac.update(b"\0");
        mac.update(text.as_bytes());
        BASE64URL_NOPAD.encode(&mac.finalize().into_bytes())
    }

    /// Returns what was wrong the last time keys were fetched.
    pub fn problem(&self) -> Option<String> {
        self.keys.problem()
    }
}

/// Tells whether a token of several audiences was made for us.
fn for_us(claims: &Claims, client_id: &str) -> bool {
    let several = claims.get("aud").and_then(Value::as_array).is_some_and(|aud| aud.len() > 1);
    match claims.get("azp") {
        Some(azp) => azp.as_str() == Some(client_id),
        None => !several,
    }
}

/// Writes a form.
fn pairs(pairs: &[(&str, &str)]) -> String {
    let pairs: Vec<String> = pairs.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
    pairs.join("&")
}

fn encoded(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}
