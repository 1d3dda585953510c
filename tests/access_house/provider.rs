//! An identity provider of our own: discovery, keys and tokens over HTTP on this machine, strict
//! about the code flow as RFC 6749 and RFC 7636 have it. It signs real tokens with real keys.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::extract::{Form, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Json, Response};
use axum::routing::{get, post};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, KeyPair, RSA_PKCS1_SHA256,
    RSA_PKCS1_SHA512, RsaKeyPair,
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

pub const CLIENT: &str = "0f6c1f0e-0000-4000-8000-00000000c11e";
pub const SECRET: &str = "s3cret/with+signs & spaces";

/// A key that signs.
pub enum Signer {
    Rsa(RsaKeyPair),
    P256(EcdsaKeyPair),
    P384(EcdsaKeyPair),
}

pub fn b64(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

impl Signer {
    /// The RSA key of the tests, made for them alone: ring can't make one.
    pub fn rsa() -> Self {
        let text = include_str!("../fixtures/access/rsa.pkcs8.base64").replace('\n', "");
        Self::Rsa(RsaKeyPair::from_pkcs8(&STANDARD.decode(text).unwrap()).unwrap())
    }

    pub fn p256() -> Self {
        let (random, kind) = (SystemRandom::new(), &ECDSA_P256_SHA256_FIXED_SIGNING);
        let made = EcdsaKeyPair::generate_pkcs8(kind, &random).unwrap();
        Self::P256(EcdsaKeyPair::from_pkcs8(kind, made.as_ref(), &random).unwrap())
    }

    pub fn p384() -> Self {
        let (random, kind) = (SystemRandom::new(), &ECDSA_P384_SHA384_FIXED_SIGNING);
        let made = EcdsaKeyPair::generate_pkcs8(kind, &random).unwrap();
        Self::P384(EcdsaKeyPair::from_pkcs8(kind, made.as_ref(), &random).unwrap())
    }

    pub fn sign(&self, message: &[u8], sha512: bool) -> Vec<u8> {
        let random = SystemRandom::new();
        match self {
            Self::Rsa(key) => {
                let mut signature = vec![0; key.public().modulus_len()];
                let padding: &'static dyn ring::signature::RsaEncoding =
                    if sha512 { &RSA_PKCS1_SHA512 } else { &RSA_PKCS1_SHA256 };
                key.sign(padding, &random, message, &mut signature).unwrap();
                signature
            }
            Self::P256(key) | Self::P384(key) => key.sign(&random, message).unwrap().as_ref().to_vec(),
        }
    }

    /// As it is published under `kid`.
    pub fn jwk(&self, kid: &str) -> Value {
        let curve = |key: &EcdsaKeyPair, name: &str| {
            let point = &key.public_key().as_ref()[1..];
            let (x, y) = point.split_at(point.len() / 2);
            json!({"kty": "EC", "crv": name, "x": b64(x), "y": b64(y), "kid": kid, "use": "sig"})
        };
        match self {
            Self::Rsa(key) => {
                let public = ring::rsa::PublicKeyComponents::<Vec<u8>>::from(key.public());
                json!({"kty": "RSA", "n": b64(public.n), "e": b64(public.e), "kid": kid, "use": "sig"})
            }
            Self::P256(key) => curve(key, "P-256"),
            Self::P384(key) => curve(key, "P-384"),
        }
    }

    pub fn token(&self, header: &Value, claims: &Value) -> String {
        let head = format!("{}.{}", b64(header.to_string()), b64(claims.to_string()));
        let signature = self.sign(head.as_bytes(), header["alg"] == "RS512");
        format!("{head}.{}", b64(signature))
    }
}

/// What stands behind a code.
#[derive(Clone)]
pub struct Grant {
    pub challenge: String,
    pub redirect: String,
    pub id_token: String,
}

#[derive(Default)]
pub struct Desk {
    pub keys: Mutex<Vec<Value>>,
    pub grants: Mutex<HashMap<String, Grant>>,
    pub down: AtomicBool,
    pub fetches: AtomicUsize,
    /// Keys are asked for and not answered yet.
    pub held: AtomicBool,
    issuer: Mutex<String>,
}

/// The provider, served.
pub struct Provider {
    pub issuer: String,
    pub desk: Arc<Desk>,
}

impl Provider {
    pub async fn new(keys: Vec<Value>) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address: SocketAddr = listener.local_addr().unwrap();
        let issuer = format!("http://{address}/contoso/v2.0");
        let desk = Arc::new(Desk::default());
        *desk.keys.lock().unwrap() = keys;
        issuer.clone_into(&mut desk.issuer.lock().unwrap());
        let router = axum::Router::new()
            .route("/contoso/v2.0/.well-known/openid-configuration", get(discovery))
            .route("/keys", get(keys_now))
            .route("/token", post(token))
            .with_state(desk.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { issuer, desk }
    }

    pub fn publish(&self, keys: Vec<Value>) {
        *self.desk.keys.lock().unwrap() = keys;
    }

    pub fn set_down(&self, down: bool) {
        self.desk.down.store(down, Ordering::SeqCst);
    }

    pub fn hold(&self, held: bool) {
        self.desk.held.store(held, Ordering::SeqCst);
    }

    /// How often keys were asked for.
    pub fn fetches(&self) -> usize {
        self.desk.fetches.load(Ordering::SeqCst)
    }

    pub fn grant(&self, code: &str, grant: Grant) {
        self.desk.grants.lock().unwrap().insert(code.into(), grant);
    }
}

fn refuse(error: &str) -> Response {
    (StatusCode::BAD_REQUEST, Json(json!({ "error": error }))).into_response()
}

async fn discovery(State(desk): State<Arc<Desk>>) -> Response {
    if desk.down.load(Ordering::SeqCst) {
        return StatusCode::BAD_GATEWAY.into_response();
    }
    let issuer = desk.issuer.lock().unwrap().clone();
    let host = issuer.split("/contoso").next().unwrap().to_owned();
    Json(json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{host}/authorize"),
        "token_endpoint": format!("{host}/token"),
        "jwks_uri": format!("{host}/keys"),
    }))
    .into_response()
}

async fn keys_now(State(desk): State<Arc<Desk>>) -> Response {
    desk.fetches.fetch_add(1, Ordering::SeqCst);
    while desk.held.load(Ordering::SeqCst) {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    if desk.down.load(Ordering::SeqCst) {
        return StatusCode::BAD_GATEWAY.into_response();
    }
    Json(json!({ "keys": *desk.keys.lock().unwrap() })).into_response()
}

async fn token(
    State(desk): State<Arc<Desk>>,
    headers: HeaderMap,
    Form(form): Form<HashMap<String, String>>,
) -> Response {
    // RFC 6749, 2.3.1: both are form-encoded before they are put together.
    let encoded =
        |text: &str| percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string();
    let basic = format!("Basic {}", STANDARD.encode(format!("{}:{}", encoded(CLIENT), encoded(SECRET))));
    if headers.get(header::AUTHORIZATION).is_none_or(|shown| shown != basic.as_str()) {
        return refuse("invalid_client");
    }
    let of = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
    // A code is good once.
    let Some(grant) = desk.grants.lock().unwrap().remove(of("code")) else { return refuse("invalid_grant") };
    let challenge = b64(Sha256::digest(of("code_verifier")));
    let right = of("grant_type") == "authorization_code"
        && of("redirect_uri") == grant.redirect
        && challenge == grant.challenge
        && of("code_verifier").len() >= 43;
    if !right {
        return refuse("invalid_grant");
    }
    Json(json!({"access_token": "opaque", "token_type": "Bearer", "id_token": grant.id_token})).into_response()
}
