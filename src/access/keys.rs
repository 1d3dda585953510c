//! Which keys does an identity provider sign with now?
//!
//! Keys are fetched when they are needed: an hour after the last time, or when a token names one
//! that is not known, but at most every [`AGAIN`], one fetch at a time, so that nobody can make us
//! flood the provider or ourselves. While it can't be reached, the keys of the last time are good for
//! [`GOOD_FOR`]; after that nobody comes in. At most 64 keys, of documents of 256 KB at most.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jsonwebtoken::DecodingKey;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, PublicKeyUse};
use reqwest::{Client, Url};
use serde_json::Value;
use tokio::sync::OwnedMutexGuard;

use super::settings::Algorithm;
use crate::clock::Clock;

/// How old keys are fetched again.
pub(super) const REFRESH: Duration = Duration::from_hours(1);
/// How far apart two fetches are at least.
pub(super) const AGAIN: Duration = Duration::from_secs(30);
/// How long keys are good without a fetch that works.
pub(super) const GOOD_FOR: Duration = Duration::from_hours(24);
/// How long a provider may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);
const MAX_KEYS: usize = 64;
const MAX_DOCUMENT: usize = 256 * 1024;

/// Why there is no key. The text has nothing of a token in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum NoKey {
    /// The provider publishes none of that id for that algorithm.
    Unknown,
    /// It could not be asked for too long: what it answered, or that it did not.
    Unavailable(String),
}

#[derive(Debug)]
enum Source {
    Url(Url),
    Discovery { issuer: String },
}

/// Where a provider takes people and codes, as its discovery document says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Endpoints {
    pub(super) authorization: Url,
    pub(super) token: Url,
    /// The client's secret goes into the form rather than into a header.
    pub(super) secret_in_form: bool,
}

struct Published {
    kid: String,
    /// Signs in this way alone, if it says so.
    algorithm: Option<String>,
    kind: Kind,
    key: DecodingKey,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Rsa,
    P256,
    P384,
    Ed25519,
}

#[derive(Default)]
struct State {
    fetched: Option<Duration>,
    tried: Option<Duration>,
    keys: Vec<Published>,
    endpoints: Option<Endpoints>,
    problem: Option<String>,
}

/// The keys of one provider; cheap to clone. The lock is held for a look; another one is held by the task that fetches.
#[derive(Clone)]
pub(super) struct Keys(Arc<Shared>);

struct Shared {
    from: Source,
    http: Client,
    clock: Clock,
    state: Mutex<State>,
    fetching: Arc<tokio::sync::Mutex<()>>,
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keys").field("from", &self.0.from).finish_non_exhaustive()
    }
}

/// What a look at the keys shows.
enum Seen<T> {
    Fresh(T),
    Old(T),
    Missing,
    TooOld,
}

impl Keys {
    /// Returns the keys of `issuer`, from `url` or from where its discovery document says. Fetches nothing yet.
    pub(super) fn new(issuer: &str, url: Option<&str>, clock: Clock) -> Result<Self, String> {
        let from = if let Some(url) = url {
            Source::Url(safe(url)?)
        } else {
            safe(issuer)?;
            Source::Discovery { issuer: issuer.to_owned() }
        };
        let (http, state, fetching) = (client()?, Mutex::default(), Arc::default());
        Ok(Self(Arc::new(Shared { from, http, clock, state, fetching })))
    }

    /// Returns the key `kid` for tokens signed by `algorithm`.
    pub(super) async fn key(&self, kid: &str, algorithm: Algorithm) -> Result<DecodingKey, NoKey> {
        let find = |state: &State| {
            let fits = |key: &&Published| key.kid == kid && key.fits(algorithm);
            state.keys.iter().find(fits).map(|key| key.key.clone())
        };
        self.get(find).await
    }

    /// Returns where people are sent to sign in.
    pub(super) async fn endpoints(&self) -> Result<Endpoints, NoKey> {
        self.get(|state| state.endpoints.clone()).await
    }

    async fn get<T>(&self, find: impl Fn(&State) -> Option<T>) -> Result<T, NoKey> {
        match self.look(&find) {
            Seen::Fresh(found) => return Ok(found),
            // Others go on with what is there while one fetches.
            Seen::Old(_) => self.fetch_alone(self.0.fetching.clone().try_lock_owned().ok()).await,
            Seen::Missing | Seen::TooOld => self.fetch_alone(Some(self.0.fetching.clone().lock_owned().await)).await,
        }
        match self.look(&find) {
            Seen::Fresh(found) | Seen::Old(found) => Ok(found),
            Seen::Missing => Err(self.problem().map_or(NoKey::Unknown, NoKey::Unavailable)),
            Seen::TooOld => Err(NoKey::Unavailable(self.problem().unwrap_or_else(|| "not fetched yet".into()))),
        }
    }

    fn look<T>(&self, find: impl Fn(&State) -> Option<T>) -> Seen<T> {
        let now = self.0.clock.elapsed();
        let state = self.state();
        let Some(age) = state.fetched.map(|at| now.saturating_sub(at)).filter(|age| *age <= GOOD_FOR) else {
            return Seen::TooOld;
        };
        match find(&state) {
            Some(found) if age < REFRESH => Seen::Fresh(found),
            Some(found) => Seen::Old(found),
            None => Seen::Missing,
        }
    }

    /// Fetches, if this is the one who does and the last time is long enough ago. A task of its own does it:
    /// somebody who asks and hangs up must not take the fetch along, and the next one's turn with it.
    async fn fetch_alone(&self, turn: Option<OwnedMutexGuard<()>>) {
        let Some(turn) = turn else { return };
        let now = self.0.clock.elapsed();
        {
            let mut state = self.state();
            if state.tried.is_some_and(|at| now.saturating_sub(at) < AGAIN) {
                return;
            }
            state.tried = Some(now);
        }
        let keys = self.clone();
        let fetching = tokio::spawn(async move {
            let _turn = turn;
            let fetched = keys.0.fetch().await;
            let mut state = keys.state();
            match fetched {
                Ok((keys, endpoints)) => {
                    *state = State { fetched: Some(now), tried: Some(now), keys, endpoints, problem: None };
                }
                Err(problem) => state.problem = Some(problem),
            }
        });
        // It can't be cancelled, and does not panic.
        let _ = fetching.await;
    }

    /// Returns what was wrong the last time keys were fetched.
    pub(super) fn problem(&self) -> Option<String> {
        self.state().problem.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shared {
    async fn fetch(&self) -> Result<(Vec<Published>, Option<Endpoints>), String> {
        let (url, endpoints) = match &self.from {
            Source::Url(url) => (url.clone(), None),
            Source::Discovery { issuer } => {
                let at = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
                let document = get(&self.http, safe(&at)?).await?;
                if document["issuer"].as_str() != Some(issuer) {
                    return Err("its discovery document names another issuer than is configured".into());
                }
                let jwks = document["jwks_uri"].as_str().ok_or("its discovery document names no jwks_uri")?;
                (discovered(issuer, jwks)?, endpoints(issuer, &document)?)
            }
        };
        let document = get(&self.http, url).await?;
        let list = document["keys"].as_array().ok_or("what it publishes is no list of keys")?;
        // One key that can't be read is no reason to lose the others.
        let keys: Vec<Published> = list.iter().take(MAX_KEYS).filter_map(Published::read).collect();
        if keys.is_empty() { Err("it publishes no key that could sign a token".into()) } else { Ok((keys, endpoints)) }
    }
}

impl Published {
    fn read(value: &Value) -> Option<Self> {
        let jwk: Jwk = serde_json::from_value(value.clone()).ok()?;
        if jwk.common.public_key_use.as_ref().is_some_and(|used| *used != PublicKeyUse::Signature) {
            return None;
        }
        let kind = match &jwk.algorithm {
            AlgorithmParameters::RSA(_) => Kind::Rsa,
            AlgorithmParameters::EllipticCurve(curve) if curve.curve == EllipticCurve::P256 => Kind::P256,
            AlgorithmParameters::EllipticCurve(curve) if curve.curve == EllipticCurve::P384 => Kind::P384,
            AlgorithmParameters::OctetKeyPair(curve) if curve.curve == EllipticCurve::Ed25519 => Kind::Ed25519,
            // Above all no shared secret: one that is published is none.
            _ => return None,
        };
        let key = DecodingKey::from_jwk(&jwk).ok()?;
        Some(Self { kid: jwk.common.key_id?, algorithm: value["alg"].as_str().map(str::to_owned), kind, key })
    }

    fn fits(&self, algorithm: Algorithm) -> bool {
        use Algorithm::{ES256, ES384, EdDSA, PS256, PS384, PS512, RS256, RS384, RS512};
        let kind = match algorithm {
            RS256 | RS384 | RS512 | PS256 | PS384 | PS512 => Kind::Rsa,
            ES256 => Kind::P256,
            ES384 => Kind::P384,
            EdDSA => Kind::Ed25519,
        };
        self.kind == kind && self.algorithm.as_deref().is_none_or(|own| own == format!("{algorithm:?}"))
    }
}

fn endpoints(issuer: &str, document: &Value) -> Result<Option<Endpoints>, String> {
    let at = |name: &str| document[name].as_str().map(|url| discovered(issuer, url)).transpose();
    let (Some(authorization), Some(token)) = (at("authorization_endpoint")?, at("token_endpoint")?) else {
        return Ok(None);
    };
    let methods = document["token_endpoint_auth_methods_supported"].as_array();
    let secret_in_form = methods.is_some_and(|methods| !methods.iter().any(|method| method == "client_secret_basic"));
    Ok(Some(Endpoints { authorization, token, secret_in_form }))
}

/// Returns a client that goes where it is told and no further.
pub(super) fn client() -> Result<Client, String> {
    // A provider that is there already is as good.
    drop(rustls::crypto::ring::default_provider().install_default());
    let client = Client::builder().redirect(reqwest::redirect::Policy::none()).timeout(PATIENCE);
    client.build().map_err(|error| format!("no connection can be made: {error}"))
}

/// Returns an address that may be asked: by TLS, or on this machine.
pub(super) fn safe(url: &str) -> Result<Url, String> {
    let wrong = || format!("`{url}` is no https:// address: keys and codes go over TLS alone, but on this machine");
    let url = Url::parse(url).map_err(|_| wrong())?;
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    let here = host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback());
    if url.scheme() == "https" || (url.scheme() == "http" && here) { Ok(url) } else { Err(wrong()) }
}

/// Returns an address that an issuer names; one elsewhere may not send us to this machine in the clear.
fn discovered(issuer: &str, url: &str) -> Result<Url, String> {
    let url = safe(url)?;
    if url.scheme() == "https" || issuer.starts_with("http://") {
        return Ok(url);
    }
    Err(format!("its discovery document names {}, which is not https://", url.origin().ascii_serialization()))
}

async fn get(http: &Client, url: Url) -> Result<Value, String> {
    let host = url.host_str().unwrap_or_default().to_owned();
    let answer = http.get(url).header("accept", "application/json").send().await;
    json(answer.map_err(|error| failed(&host, error))?, &host).await
}

/// Reads an answer, as far as one may be long.
pub(super) async fn json(mut answer: reqwest::Response, host: &str) -> Result<Value, String> {
    let status = answer.status();
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(|error| failed(host, error))? {
        if body.len() + chunk.len() > MAX_DOCUMENT {
            return Err(format!("{host} answers with more than {MAX_DOCUMENT} bytes"));
        }
        body.extend_from_slice(&chunk);
    }
    if !status.is_success() {
        let code = serde_json::from_slice::<Value>(&body).ok().and_then(|said| said["error"].as_str().map(word));
        return Err(format!("{host} answers {status} {}", code.unwrap_or_default()).trim_end().to_owned());
    }
    serde_json::from_slice(&body).map_err(|_| format!("{host} answers with something else than JSON"))
}

/// Returns what of a stranger's error code may be shown.
pub(super) fn word(code: &str) -> String {
    code.chars().filter(|c| c.is_ascii_lowercase() || *c == '_').take(40).collect()
}

/// Says why there is no answer, without the address asked, which may hold a code.
pub(super) fn failed(host: &str, error: reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = &error.without_url();
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    format!("{host} does not answer ({cause})")
}
