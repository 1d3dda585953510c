//! Who comes in, and who does not, whatever they try: tokens of a provider, signing in, App Service's
//! headers, sessions. The provider is ours and local; its keys, signatures and HTTP are real.

#![expect(clippy::unwrap_used, reason = "a test fails where it unwraps")]

mod access_house;

use std::time::Duration;

use access_house::provider::{CLIENT, Grant, Provider, Signer, b64};
use access_house::{AUDIENCE, Answer, Hands, House, easy_auth, jwt, oidc};
use axum::http::{Method, StatusCode, header};
use base64::Engine;
use gatewatch::access::{Algorithm, Networks, Role, Ways};
use serde_json::{Value, json};

const DEFAULT: [Algorithm; 2] = [Algorithm::RS256, Algorithm::ES256];

/// A dashboard that takes tokens of a provider with one key, `k1`.
struct Programs {
    house: House,
    provider: Provider,
    signer: Signer,
    hands: Hands,
}

impl Programs {
    async fn with(signer: Signer) -> Self {
        let hands = Hands::default();
        let provider = Provider::new(vec![signer.jwk("k1")]).await;
        let ways = Ways { jwt: Some(jwt(&provider, &DEFAULT, &hands)), encrypted: true, ..Ways::default() };
        Self { house: House::new(ways, &hands), provider, signer, hands }
    }

    fn claims(&self) -> Value {
        json!({
            "iss": self.provider.issuer, "aud": AUDIENCE, "sub": "s", "azp": "shipper", "roles": ["Gatewatch.Viewer"],
            "iat": self.hands.now(), "nbf": self.hands.now(), "exp": self.hands.now() + 3_600,
        })
    }

    fn claims_with(&self, name: &str, value: Value) -> Value {
        let mut claims = self.claims();
        claims[name] = value;
        claims
    }

    /// A token of `k1` with these claims.
    fn signed(&self, claims: &Value) -> String {
        let alg = if matches!(self.signer, Signer::Rsa(_)) { "RS256" } else { "ES256" };
        self.signer.token(&json!({"alg": alg, "typ": "JWT", "kid": "k1"}), claims)
    }

    async fn of(&self, claims: &Value) -> StatusCode {
        self.house.bearer(&self.signed(claims)).await
    }
}

#[tokio::test]
async fn a_program_comes_in_with_a_token_of_the_provider_and_may_what_its_role_may() {
    for signer in [Signer::rsa(), Signer::p256()] {
        let programs = Programs::with(signer).await;
        assert_eq!(programs.of(&programs.claims()).await, StatusCode::OK);
        let token = programs.signed(&programs.claims());
        let with = [("authorization", format!("Bearer {token}"))];
        let with = [(with[0].0, with[0].1.as_str())];
        let act = programs.house.post("/api/v1/alerts/3f9a001122334455/acknowledge", &with, "").await;
        assert_eq!(act.status, StatusCode::FORBIDDEN);
        assert!(act.body.contains("shipper@127.0.0.1") && act.body.contains("is viewer"), "{}", act.body);
        assert_eq!(programs.provider.fetches(), 1, "keys are kept");
    }
}

#[tokio::test]
async fn who_has_no_role_is_known_and_stays_out() {
    let programs = Programs::with(Signer::p256()).await;
    for roles in
        [json!([]), json!(["Other.Admin"]), json!("gatewatch.viewer"), json!({"Gatewatch.Viewer": 1}), Value::Null]
    {
        assert_eq!(programs.of(&programs.claims_with("roles", roles)).await, StatusCode::FORBIDDEN);
    }
}

#[tokio::test]
async fn expired_and_early_tokens_stay_out_and_a_minute_of_skew_is_forgiven() {
    let programs = Programs::with(Signer::p256()).await;
    let now = programs.hands.now();
    for (claim, at, wanted) in [
        ("exp", json!(now - 59), StatusCode::OK),
        ("exp", json!(now - 60), StatusCode::UNAUTHORIZED),
        ("exp", json!("9999999999"), StatusCode::UNAUTHORIZED),
        ("exp", json!(1e300), StatusCode::UNAUTHORIZED),
        ("exp", json!(-1), StatusCode::UNAUTHORIZED),
        ("nbf", json!(now + 60), StatusCode::OK),
        ("nbf", json!(now + 61), StatusCode::UNAUTHORIZED),
        ("nbf", json!("0"), StatusCode::UNAUTHORIZED),
        ("iat", json!(now + 61), StatusCode::UNAUTHORIZED),
    ] {
        assert_eq!(programs.of(&programs.claims_with(claim, at.clone())).await, wanted, "{claim} {at}");
    }
    programs.hands.pass(Duration::from_mins(2));
    let token = programs.signed(&programs.claims_with("exp", json!("9999999999")));
    let says = programs.house.get("/api/v1/alerts", &[("authorization", &format!("Bearer {token}"))]).await.body;
    assert!(says.contains("its claim `exp` is missing"), "{says}");
    let token = programs.signed(&programs.claims());
    assert_eq!(programs.house.bearer(&token).await, StatusCode::OK);
    programs.hands.pass(Duration::from_mins(61));
    assert_eq!(programs.house.bearer(&token).await, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_token_of_another_issuer_or_for_another_audience_or_without_an_end_stays_out() {
    let programs = Programs::with(Signer::p256()).await;
    for (claim, value) in [
        ("iss", json!("https://evil.example")),
        ("iss", json!(format!("{}/", programs.provider.issuer))),
        ("iss", json!([programs.provider.issuer, "x"])),
        ("aud", json!("api://other")),
        ("aud", json!([])),
        ("aud", json!(7)),
    ] {
        assert_eq!(
            programs.of(&programs.claims_with(claim, value.clone())).await,
            StatusCode::UNAUTHORIZED,
            "{claim} {value}"
        );
    }
    assert_eq!(programs.of(&programs.claims_with("aud", json!(["x", AUDIENCE]))).await, StatusCode::OK);
    for claim in ["iss", "aud", "exp"] {
        let mut claims = programs.claims();
        claims.as_object_mut().unwrap().remove(claim);
        // A stranger may be wrong ten times; this is no stranger.
        programs.hands.pass(Duration::from_mins(1));
        assert_eq!(programs.of(&claims).await, StatusCode::UNAUTHORIZED, "without {claim}");
    }
}

#[tokio::test]
async fn no_trick_with_the_algorithm_lets_anybody_in() {
    let programs = Programs::with(Signer::rsa()).await;
    let claims = programs.claims();
    let good = programs.signed(&claims);
    let parts: Vec<&str> = good.split('.').collect();
    let unsigned = |alg: &str| format!("{}.{}.", b64(json!({"alg": alg, "kid": "k1"}).to_string()), parts[1]);
    let hmac = |secret: &[u8]| {
        let head = format!("{}.{}", b64(json!({"alg": "HS256", "typ": "JWT", "kid": "k1"}).to_string()), parts[1]);
        let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, secret);
        format!("{head}.{}", b64(ring::hmac::sign(&key, head.as_bytes())))
    };
    let published = programs.signer.jwk("k1");
    let modulus = published["n"].as_str().unwrap();
    let stranger = Signer::p256();
    let of = |signer: &Signer, header: Value| signer.token(&header, &claims);
    let tricks = [
        ("no signature", unsigned("none")),
        ("no signature, spelled otherwise", unsigned("nOnE")),
        ("a pinned algorithm without a signature", unsigned("RS256")),
        ("HMAC with the public modulus", hmac(modulus.as_bytes())),
        (
            "HMAC with the decoded modulus",
            hmac(&base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(modulus).unwrap()),
        ),
        ("HMAC with the published key as text", hmac(published.to_string().as_bytes())),
        ("HMAC with nothing", hmac(b"")),
        ("an algorithm that is not pinned, rightly signed", of(&programs.signer, json!({"alg": "RS512", "kid": "k1"}))),
        (
            "a key of its own in the header",
            of(&stranger, json!({"alg": "ES256", "kid": "k1", "jwk": stranger.jwk("k1")})),
        ),
        (
            "a key of its own elsewhere",
            of(&stranger, json!({"alg": "ES256", "kid": "k1", "jku": "http://127.0.0.1:1/"})),
        ),
        ("no key named", of(&programs.signer, json!({"alg": "RS256"}))),
        ("what must be understood", of(&programs.signer, json!({"alg": "RS256", "kid": "k1", "crit": ["exp"]}))),
        ("two algorithms", format!("{}.{}.{}", b64(r#"{"alg":"none","alg":"RS256","kid":"k1"}"#), parts[1], parts[2])),
        ("a fourth part", format!("{good}.x")),
        ("another's signature", format!("{}.{}.{}", parts[0], parts[1], b64([1; 256]))),
        (
            "changed claims",
            format!("{}.{}.{}", parts[0], b64(programs.claims_with("azp", json!("x")).to_string()), parts[2]),
        ),
        ("too long", format!("{good}{}", "A".repeat(20_000))),
        ("nothing", String::new()),
    ];
    for (what, token) in &tricks {
        programs.hands.pass(Duration::from_secs(7));
        assert_eq!(programs.house.bearer(token).await, StatusCode::UNAUTHORIZED, "{what}");
    }
    assert_eq!(programs.house.bearer(&good).await, StatusCode::OK);
}

#[tokio::test]
async fn a_key_of_another_curve_or_use_or_algorithm_does_not_sign_for_us() {
    let programs = Programs::with(Signer::p256()).await;
    let (p384, p256) = (Signer::p384(), Signer::p256());
    let mut encrypts = p256.jwk("encrypts");
    encrypts["use"] = "enc".into();
    let mut other = p256.jwk("other");
    other["alg"] = "ES384".into();
    let secret = json!({"kty": "oct", "k": b64("secret"), "kid": "secret", "alg": "HS256"});
    let broken = json!({"kty": "EC", "crv": "P-256", "kid": 7});
    programs.provider.publish(vec![broken, secret, p384.jwk("p384"), encrypts, other, p256.jwk("good")]);
    for (signer, kid) in [(&p384, "p384"), (&p256, "encrypts"), (&p256, "other"), (&p256, "secret")] {
        let token = signer.token(&json!({"alg": "ES256", "kid": kid}), &programs.claims());
        assert_eq!(programs.house.bearer(&token).await, StatusCode::UNAUTHORIZED, "{kid}");
    }
    let token = p256.token(&json!({"alg": "ES256", "kid": "good"}), &programs.claims());
    assert_eq!(programs.house.bearer(&token).await, StatusCode::OK, "one bad key harms no other");
}

#[tokio::test]
async fn a_new_key_is_learned_when_a_token_names_it_and_one_withdrawn_is_forgotten() {
    let programs = Programs::with(Signer::p256()).await;
    assert_eq!(programs.of(&programs.claims()).await, StatusCode::OK);
    let next = Signer::p256();
    programs.provider.publish(vec![next.jwk("k2")]);
    programs.hands.pass(Duration::from_secs(30));
    let token = next.token(&json!({"alg": "ES256", "kid": "k2"}), &programs.claims());
    assert_eq!(programs.house.bearer(&token).await, StatusCode::OK);
    assert_eq!(programs.of(&programs.claims()).await, StatusCode::UNAUTHORIZED, "k1 is withdrawn");
}

#[tokio::test]
async fn a_key_withdrawn_in_silence_is_forgotten_within_an_hour() {
    let programs = Programs::with(Signer::p256()).await;
    assert_eq!(programs.of(&programs.claims()).await, StatusCode::OK);
    programs.provider.publish(vec![Signer::p256().jwk("k2")]);
    programs.hands.pass(Duration::from_mins(59));
    assert_eq!(programs.of(&programs.claims()).await, StatusCode::OK);
    programs.hands.pass(Duration::from_mins(1));
    assert_eq!(programs.of(&programs.claims()).await, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn tokens_that_name_unknown_keys_make_us_ask_the_provider_twice_a_minute_at_most() {
    let programs = Programs::with(Signer::p256()).await;
    assert_eq!(programs.of(&programs.claims()).await, StatusCode::OK);
    for n in 0..=200 {
        let token = programs.signer.token(&json!({"alg": "ES256", "kid": format!("made-up-{n}")}), &programs.claims());
        let status = programs.house.bearer(&token).await;
        assert!([StatusCode::UNAUTHORIZED, StatusCode::TOO_MANY_REQUESTS].contains(&status), "{status}");
        programs.hands.pass(Duration::from_millis(300));
    }
    assert_eq!(programs.provider.fetches(), 1 + 2, "200 tokens within a minute");
    assert_eq!(programs.of(&programs.claims()).await, StatusCode::OK, "who is right still comes in");
}

#[tokio::test]
async fn a_provider_that_is_down_is_bridged_for_a_day_and_then_nobody_comes_in() {
    let programs = Programs::with(Signer::p256()).await;
    assert_eq!(programs.of(&programs.claims()).await, StatusCode::OK);
    programs.provider.set_down(true);
    programs.hands.pass(Duration::from_hours(24));
    assert_eq!(programs.of(&programs.claims()).await, StatusCode::OK, "the keys of yesterday");
    let ready = programs.house.get("/readyz", &[]).await;
    assert!(ready.body.contains("- keys for bearer tokens can't be fetched\n"), "{}", ready.body);
    let viewer = format!("Bearer {}", programs.house.token("dana", Role::Viewer).token);
    let ready = programs.house.get("/readyz", &[("authorization", &viewer)]).await;
    assert!(ready.body.contains("can't be fetched: 127.0.0.1 answers 502"), "{}", ready.body);
    let unknown = programs.signer.token(&json!({"alg": "ES256", "kid": "k2"}), &programs.claims());
    assert_eq!(programs.house.bearer(&unknown).await, StatusCode::SERVICE_UNAVAILABLE);

    programs.hands.pass(Duration::from_secs(1));
    let token = programs.signed(&programs.claims());
    let closed = programs.house.get("/api/v1/alerts", &[("authorization", &format!("Bearer {token}"))]).await;
    assert_eq!(closed.status, StatusCode::SERVICE_UNAVAILABLE, "fail closed");
    assert!(closed.headers.contains_key(header::RETRY_AFTER) && closed.body.contains("502"), "{}", closed.body);

    programs.provider.set_down(false);
    programs.hands.pass(Duration::from_secs(30));
    assert_eq!(programs.of(&programs.claims()).await, StatusCode::OK, "and it is back");
}

#[tokio::test]
async fn a_provider_that_was_never_reached_lets_nobody_in() {
    let programs = Programs::with(Signer::p256()).await;
    programs.provider.set_down(true);
    assert_eq!(programs.of(&programs.claims()).await, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(programs.house.get("/", &[]).await.status, StatusCode::SEE_OTHER, "nor who sits at the machine");
}

#[tokio::test]
async fn who_is_wrong_too_often_waits_and_who_is_right_does_not() {
    let programs = Programs::with(Signer::p256()).await;
    for _ in 0..10 {
        assert_eq!(programs.house.bearer("gw_0_0").await, StatusCode::UNAUTHORIZED);
    }
    let wrong = programs.house.get("/api/v1/alerts", &[("authorization", "Bearer x.y.z")]).await;
    assert_eq!(wrong.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(wrong.headers[header::RETRY_AFTER], "7");
    let login = programs.house.post("/login", &[], "token=gw_1_2").await;
    assert_eq!(login.status, StatusCode::TOO_MANY_REQUESTS);
    assert!(login.headers.contains_key(header::RETRY_AFTER), "{:?}", login.headers);
    for part in ["<h1>Log in</h1>", "A right token is taken at once"] {
        assert!(login.body.contains(part), "a person is shown the page, and why: {}", login.body);
    }
    assert_eq!(programs.of(&programs.claims()).await, StatusCode::OK);
    let other = programs.house.send("203.0.113.8", Method::POST, "/login", &[], "token=gw_1_2").await;
    assert_eq!(other.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn an_address_is_taken_from_a_trusted_proxy_alone() {
    let hands = Hands::default();
    let proxies = Networks::parse(["10.0.0.0/8"]).unwrap();
    let house = House::new(Ways { proxies, encrypted: true, ..Ways::default() }, &hands);
    let wrong = async |peer: &str, client: &str| {
        let with = [("x-forwarded-for", client), ("authorization", "Bearer gw_0_0")];
        house.send(peer, Method::GET, "/api/v1/alerts", &with, "").await.status
    };
    for n in 0..10 {
        assert_eq!(wrong("198.51.100.1", &format!("203.0.113.{n}")).await, StatusCode::UNAUTHORIZED);
        assert_eq!(wrong("10.0.0.1", &format!("203.0.113.{n}")).await, StatusCode::UNAUTHORIZED);
    }
    assert_eq!(wrong("198.51.100.1", "203.0.113.99").await, StatusCode::TOO_MANY_REQUESTS, "it made its clients up");
    assert_eq!(wrong("10.0.0.1", "203.0.113.99").await, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn an_id_token_is_for_signing_in_and_no_program_s() {
    let programs = Programs::with(Signer::p256()).await;
    for claim in ["nonce", "c_hash"] {
        assert_eq!(programs.of(&programs.claims_with(claim, json!("x"))).await, StatusCode::UNAUTHORIZED, "{claim}");
    }
    assert_eq!(programs.of(&programs.claims()).await, StatusCode::OK);
}

#[tokio::test]
async fn only_a_bearer_token_is_a_token() {
    let hands = Hands::default();
    let house = House::new(Ways { encrypted: true, ..Ways::default() }, &hands);
    let token = house.token("dana", Role::Viewer).token;
    let session = house.post("/login", &[], &format!("token={token}")).await.cookie("__Host-gatewatch").0;
    let ask = async |shown: &str| {
        let with = [("authorization", shown), ("cookie", session.as_str())];
        house.get("/api/v1/alerts", &with).await.status
    };
    for right in
        [format!("bearer {token}"), format!("BEARER  {token}"), "Basic cHJveHk6eA==".into(), "Bearers x".into()]
    {
        assert_eq!(ask(&right).await, StatusCode::OK, "{right}");
    }
    for wrong in ["Bearer gw_0_0", "Bearer", "bearer \u{e9}"] {
        assert_eq!(ask(wrong).await, StatusCode::UNAUTHORIZED, "{wrong}: whatever else it carries");
    }
}

#[tokio::test]
async fn a_sender_can_t_hide_behind_letters_that_are_no_address() {
    let hands = Hands::default();
    let proxies = Networks::parse(["10.0.0.1"]).unwrap();
    let house = House::new(Ways { proxies, encrypted: true, ..Ways::default() }, &hands);
    let with = [("x-forwarded-for", "\u{e9}, 203.0.113.7")];
    house.send("10.0.0.1", Method::POST, "/login", &with, "token=gw_1_2").await;
    assert_eq!(house.audit(1).await[0].2, "203.0.113.7");
}

/// A dashboard that people sign in to, and the provider they do it with.
struct People {
    house: House,
    provider: Provider,
    signer: Signer,
    hands: Hands,
}

/// A browser that was sent to the provider.
struct Away {
    cookie: String,
    asked: reqwest::Url,
}

impl Away {
    fn asked(&self, name: &str) -> String {
        self.asked.query_pairs().find(|(asked, _)| asked == name).map(|(_, value)| value.into_owned()).unwrap()
    }
}

impl People {
    async fn new() -> Self {
        Self::behind(Networks::default()).await
    }

    /// The same behind proxies that are believed.
    async fn behind(proxies: Networks) -> Self {
        let (hands, signer) = (Hands::default(), Signer::p256());
        let provider = Provider::new(vec![signer.jwk("k1")]).await;
        let ways = Ways { oidc: Some(oidc(&provider, &hands)), encrypted: true, proxies, ..Ways::default() };
        Self { house: House::new(ways, &hands), provider, signer, hands }
    }

    async fn leave(&self, next: &str) -> Away {
        let sent = self.house.get(&format!("/login/provider?next={next}"), &[]).await;
        assert_eq!(sent.status, StatusCode::SEE_OTHER, "{}", sent.body);
        let (cookie, with) = sent.cookie("__Host-gatewatch-sign-in");
        assert_eq!(with, "Path=/; HttpOnly; SameSite=Lax; Secure; Max-Age=600");
        Away { cookie, asked: sent.location().parse().unwrap() }
    }

    fn claims(&self, away: &Away) -> Value {
        json!({
            "iss": self.provider.issuer, "aud": CLIENT, "sub": "pairwise", "oid": "0d1d", "tid": "contoso",
            "preferred_username": "dana@contoso.example", "name": "Dana", "roles": ["Gatewatch.Operator"],
            "nonce": away.asked("nonce"), "iat": self.hands.now(), "exp": self.hands.now() + 600,
        })
    }

    /// The provider's user agrees: a code for what was asked, and claims for it.
    fn agree(&self, away: &Away, code: &str, claims: &Value) {
        let id_token = self.signer.token(&json!({"alg": "ES256", "kid": "k1"}), claims);
        let grant = Grant { challenge: away.asked("code_challenge"), redirect: away.asked("redirect_uri"), id_token };
        self.provider.grant(code, grant);
    }

    async fn come_back(&self, cookie: &str, code: &str, state: &str) -> Answer {
        self.house.get(&format!("/login/callback?code={code}&state={state}"), &[("cookie", cookie)]).await
    }

    /// Signs dana in; returns the session's cookie.
    async fn sign_in(&self, code: &str) -> String {
        let away = self.leave("/").await;
        self.agree(&away, code, &self.claims(&away));
        self.come_back(&away.cookie, code, &away.asked("state")).await.cookie("__Host-gatewatch").0
    }

    async fn sees(&self, cookie: &str) -> bool {
        self.house.get("/pipeline", &[("cookie", cookie)]).await.status == StatusCode::OK
    }
}

#[tokio::test]
async fn a_person_signs_in_with_the_provider_and_is_shown_by_name() {
    let people = People::new().await;
    let login = people.house.get("/login?next=%2Fpipeline%3Fx%3D1", &[]).await;
    assert!(login.body.contains("Sign in with Contoso"), "{}", login.body);
    assert!(login.body.contains("href=\"/login/provider?next=%2Fpipeline%3Fx%3D1\""), "{}", login.body);
    let away = people.leave("%2Fpipeline%3Fx%3D1").await;
    assert_eq!(away.asked("response_type"), "code");
    assert_eq!(away.asked("code_challenge_method"), "S256");
    assert_eq!(away.asked("redirect_uri"), "https://gatewatch.example.com/login/callback");
    assert_eq!(away.asked("scope"), "openid profile");
    people.agree(&away, "c1", &people.claims(&away));
    let back = people.come_back(&away.cookie, "c1", &away.asked("state")).await;
    assert_eq!((back.status, back.location()), (StatusCode::SEE_OTHER, "/pipeline?x=1"), "{}", back.body);
    let (session, with) = back.cookie("__Host-gatewatch");
    assert_eq!(with, "Path=/; HttpOnly; SameSite=Lax; Secure");
    assert!(back.cookie("__Host-gatewatch-sign-in").1.ends_with("Max-Age=0"));
    let page = people.house.get("/pipeline", &[("cookie", &session)]).await;
    assert!(page.body.contains(">dana@contoso.example<") && page.body.contains("Log out"), "{}", page.body);
    people.house.post("/logout", &[("cookie", &session)], "").await;
    assert!(!people.sees(&session).await);
}

#[tokio::test]
async fn an_answer_that_belongs_to_another_sign_in_lets_nobody_in() {
    let people = People::new().await;
    let (mine, theirs) = (people.leave("/").await, people.leave("/").await);
    people.agree(&mine, "mine", &people.claims(&mine));
    people.agree(&theirs, "theirs", &people.claims(&theirs));
    let state = mine.asked("state");
    let wrong = StatusCode::UNAUTHORIZED;
    assert_eq!(people.come_back("", "mine", &state).await.status, wrong, "another browser");
    assert_eq!(people.come_back(&theirs.cookie, "mine", &state).await.status, wrong, "another way");
    assert_eq!(people.come_back(&mine.cookie, "mine", "x").await.status, wrong, "a made-up state");
    let forged = format!("{}x", mine.cookie);
    assert_eq!(people.come_back(&forged, "mine", &state).await.status, wrong, "a forged cookie");
    let mixed = format!("/login/callback?code=mine&state={state}&iss=https%3A%2F%2Fevil.example");
    assert_eq!(people.house.get(&mixed, &[("cookie", &mine.cookie)]).await.status, wrong, "another provider's answer");
    assert_eq!(people.come_back(&mine.cookie, "mine", &state).await.status, StatusCode::SEE_OTHER, "the right one");
    let again = people.come_back(&mine.cookie, "mine", &state).await;
    assert!(again.status == wrong && again.body.contains("begin again"), "a way leads back once: {}", again.body);
    let thief = people.leave("/").await;
    let stolen = people.come_back(&thief.cookie, "theirs", &thief.asked("state")).await;
    assert!(stolen.status == wrong && stolen.body.contains("invalid_grant"), "a code fails PKCE: {}", stolen.body);
}

#[tokio::test]
async fn a_token_that_is_not_of_this_sign_in_or_not_for_us_lets_nobody_in() {
    let people = People::new().await;
    for (claim, value, says) in [
        ("nonce", json!("other"), "of another sign-in"),
        ("nonce", Value::Null, "of another sign-in"),
        ("aud", json!("other"), "for somebody else"),
        ("aud", json!([CLIENT, "other"]), "for somebody else"),
        ("azp", json!("other"), "for somebody else"),
        ("iss", json!("https://evil.example"), "for somebody else"),
        ("exp", json!(people.hands.now() - 61), "has expired"),
    ] {
        let away = people.leave("/").await;
        let mut claims = people.claims(&away);
        claims[claim] = value;
        people.agree(&away, "c", &claims);
        let back = people.come_back(&away.cookie, "c", &away.asked("state")).await;
        assert!(back.status == StatusCode::UNAUTHORIZED && back.body.contains(says), "{claim}: {}", back.body);
        assert!(!back.body.contains("evil.example"), "{}", back.body);
    }
}

impl People {
    /// Comes back from `peer` with a code that the provider does not know.
    async fn guess(&self, peer: &str) -> StatusCode {
        let away = self.leave("/").await;
        let path = format!("/login/callback?code=guess&state={}", away.asked("state"));
        self.house.send(peer, Method::GET, &path, &[("cookie", &away.cookie)], "").await.status
    }

    /// Comes back from `peer`, rightly.
    async fn right(&self, peer: &str, code: &str) -> StatusCode {
        let away = self.leave("/").await;
        self.agree(&away, code, &self.claims(&away));
        let path = format!("/login/callback?code={code}&state={}", away.asked("state"));
        self.house.send(peer, Method::GET, &path, &[("cookie", &away.cookie)], "").await.status
    }
}

#[tokio::test]
async fn nobody_keeps_others_at_their_address_from_signing_in() {
    let people = People::new().await;
    for _ in 0..30 {
        assert_eq!(people.come_back("", "x", "y").await.status, StatusCode::UNAUTHORIZED, "not even begun");
        let token = people.house.post("/login", &[], "token=gw_1_2").await.status;
        assert!([StatusCode::UNAUTHORIZED, StatusCode::TOO_MANY_REQUESTS].contains(&token), "{token}");
    }
    assert_eq!(people.right("203.0.113.7", "c1").await, StatusCode::SEE_OTHER);
    for _ in 0..30 {
        assert_eq!(people.guess("203.0.113.7").await, StatusCode::UNAUTHORIZED);
    }
    assert_eq!(people.right("203.0.113.7", "c2").await, StatusCode::SEE_OTHER, "the proxy's address is everybody's");
}

#[tokio::test]
async fn who_guesses_codes_does_not_make_us_flood_the_provider() {
    let people = People::behind(Networks::parse(["10.0.0.1"]).unwrap()).await;
    let away = people.leave("/").await;
    people.come_back(&away.cookie, "guess", &away.asked("state")).await;
    people.agree(&away, "right", &people.claims(&away));
    let again = people.come_back(&away.cookie, "right", &away.asked("state")).await;
    assert!(again.status == StatusCode::UNAUTHORIZED && again.body.contains("begin again"), "{}", again.body);
    people.hands.pass(Duration::from_mins(2));
    for n in 0..20 {
        assert_eq!(people.right("203.0.113.7", &format!("r{n}")).await, StatusCode::SEE_OTHER, "what is right is free");
    }
    for _ in 0..10 {
        assert_eq!(people.guess("203.0.113.7").await, StatusCode::UNAUTHORIZED);
    }
    assert_eq!(people.right("203.0.113.7", "a").await, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(people.right("203.0.113.8", "b").await, StatusCode::SEE_OTHER);
    people.hands.pass(Duration::from_secs(6));
    assert_eq!(people.right("203.0.113.7", "c").await, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn a_person_without_a_role_is_told_so_by_name_and_is_no_viewer() {
    let people = People::new().await;
    let away = people.leave("/").await;
    let mut claims = people.claims(&away);
    claims["roles"] = json!([]);
    claims["preferred_username"] = json!("<b>\u{202e}dana@contoso.example");
    people.agree(&away, "c", &claims);
    let back = people.come_back(&away.cookie, "c", &away.asked("state")).await;
    assert_eq!(back.status, StatusCode::FORBIDDEN);
    assert!(back.body.contains("b&#62;dana@contoso.example") && !back.body.contains('\u{202e}'), "{}", back.body);
    assert!(
        !back
            .headers
            .get_all(header::SET_COOKIE)
            .iter()
            .any(|set| set.to_str().unwrap().starts_with("__Host-gatewatch="))
    );
}

#[tokio::test]
async fn a_way_begun_ends_after_ten_minutes() {
    let people = People::new().await;
    let away = people.leave("/").await;
    people.agree(&away, "c", &people.claims(&away));
    people.hands.pass(Duration::from_secs(601));
    let back = people.come_back(&away.cookie, "c", &away.asked("state")).await;
    assert!(back.status == StatusCode::UNAUTHORIZED && back.body.contains("begin again"), "{}", back.body);
}

#[tokio::test]
async fn what_the_provider_says_of_a_failure_is_shown_as_a_word_alone() {
    let people = People::new().await;
    let away = people.leave("/").await;
    let state = away.asked("state");
    let path =
        format!("/login/callback?state={state}&error=access_denied%3Cscript%3E&error_description=%3Cb%3Esay+this");
    let back = people.house.get(&path, &[("cookie", &away.cookie)]).await;
    assert_eq!(back.status, StatusCode::UNAUTHORIZED);
    assert!(back.body.contains("(access_deniedscript)") && !back.body.contains("say this"), "{}", back.body);
}

#[tokio::test]
async fn signing_in_leads_nowhere_outside() {
    let people = People::new().await;
    let away = people.leave("https%3A%2F%2Fevil.example").await;
    people.agree(&away, "c", &people.claims(&away));
    assert_eq!(people.come_back(&away.cookie, "c", &away.asked("state")).await.location(), "/");
}

#[tokio::test]
async fn a_session_that_somebody_else_planted_is_not_the_one_after_signing_in() {
    let people = People::new().await;
    let planted = people.sign_in("c1").await;
    let away = people.leave("/").await;
    people.agree(&away, "c2", &people.claims(&away));
    let cookies = format!("{planted}; {}", away.cookie);
    let own = people.come_back(&cookies, "c2", &away.asked("state")).await.cookie("__Host-gatewatch").0;
    assert_ne!(own, planted);
    assert!(people.sees(&own).await);
    assert!(!people.sees(&planted).await, "who planted it is out");

    let token = people.house.token("dana", Role::Viewer).token;
    let made_up = format!("__Host-gatewatch={}", "A".repeat(43));
    let set = people.house.post("/login", &[("cookie", &made_up)], &format!("token={token}")).await;
    assert_ne!(set.cookie("__Host-gatewatch").0, made_up);
    assert!(!people.sees(&made_up).await, "a cookie that we did not give is nobody's");
}

#[tokio::test]
async fn over_tls_a_cookie_that_others_could_have_set_is_not_looked_at() {
    let people = People::new().await;
    let session = people.sign_in("c1").await;
    assert!(people.sees(&session).await);
    assert!(!people.sees(session.strip_prefix("__Host-").unwrap()).await);
}

#[tokio::test]
async fn a_session_unused_for_eight_hours_or_a_day_old_is_over() {
    let people = People::new().await;
    let (idle, used) = (people.sign_in("c1").await, people.sign_in("c2").await);
    for _ in 0..6 {
        people.hands.pass(Duration::from_hours(4));
        assert!(people.sees(&used).await);
    }
    assert!(!people.sees(&idle).await);
    people.hands.pass(Duration::from_secs(1));
    assert!(!people.sees(&used).await);
}

#[tokio::test]
async fn a_revoked_token_ends_the_session_it_opened() {
    let hands = Hands::default();
    let house = House::new(Ways { encrypted: true, ..Ways::default() }, &hands);
    let token = house.token("dana", Role::Viewer);
    let session = house.post("/login", &[], &format!("token={}", token.token)).await.cookie("__Host-gatewatch").0;
    assert_eq!(house.get("/pipeline", &[("cookie", &session)]).await.status, StatusCode::OK);
    house.tokens.revoke(&token.id).unwrap();
    hands.pass(Duration::from_secs(1));
    assert_eq!(house.get("/pipeline", &[("cookie", &session)]).await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn a_page_of_a_stranger_can_neither_log_anybody_out_nor_act_with_their_session() {
    let people = People::new().await;
    let session = people.sign_in("c1").await;
    for from in [("sec-fetch-site", "cross-site"), ("sec-fetch-site", "same-site"), ("origin", "https://evil.example")]
    {
        for path in ["/logout", "/login", "/a/3f9a001122334455/acknowledge", "/api/v1/silences"] {
            let answer = people.house.post(path, &[("cookie", &session), from], "x=1").await;
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{path} {from:?}");
        }
    }
    assert!(people.sees(&session).await);
}

#[tokio::test]
async fn a_foreign_host_is_answered_nothing_even_with_a_session() {
    let people = People::new().await;
    let session = people.sign_in("c1").await;
    assert!(people.sees(&session).await);
    let request = axum::http::Request::get("/pipeline").header("cookie", &session).header("host", "evil.example");
    let request = request.body(axum::body::Body::empty()).unwrap();
    let answer = tower::ServiceExt::oneshot(people.house.router.clone(), request).await.unwrap();
    assert_eq!(answer.status(), StatusCode::MISDIRECTED_REQUEST);
}

/// What App Service writes for dana.
fn principal(role: &str) -> String {
    let said = json!({"auth_typ": "aad", "name_typ": "name", "role_typ": "roles", "claims": [
        {"typ": "preferred_username", "val": "dana@contoso.example"}, {"typ": "roles", "val": role},
    ]});
    base64::engine::general_purpose::STANDARD.encode(said.to_string())
}

#[tokio::test]
async fn app_service_s_headers_count_from_its_front_end_alone() {
    let hands = Hands::default();
    let ways = Ways {
        easy_auth: Some(easy_auth("169.254.0.0/16")),
        // A proxy that may name clients may not name people.
        proxies: Networks::parse(["10.0.0.0/8"]).unwrap(),
        encrypted: true,
        ..Ways::default()
    };
    let house = House::new(ways, &hands);
    let header = principal("Gatewatch.Operator");
    let with = [("x-ms-client-principal", header.as_str()), ("x-forwarded-for", "169.254.1.1")];
    let page = house.send("169.254.1.1", Method::GET, "/pipeline", &with, "").await;
    assert!(page.status == StatusCode::OK && page.body.contains(">dana@contoso.example<"), "{}", page.body);
    for stranger in ["203.0.113.7", "10.0.0.1", "127.0.0.1", "::1"] {
        let answer = house.send(stranger, Method::GET, "/pipeline", &with, "").await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{stranger}");
    }
    let nobody = principal("Other");
    let with = [("x-ms-client-principal", nobody.as_str())];
    let page = house.send("169.254.1.1", Method::GET, "/pipeline", &with, "").await;
    assert_eq!(page.status, StatusCode::FORBIDDEN);
    assert!(
        page.body.contains("<h1>") && page.body.contains("dana@contoso.example, who has no role here"),
        "{}",
        page.body
    );
}

#[tokio::test]
async fn app_service_s_headers_count_for_nothing_unless_that_is_configured() {
    let hands = Hands::default();
    let header = principal("Gatewatch.Admin");
    let with = [("x-ms-client-principal", header.as_str()), ("x-ms-client-principal-name", "dana")];
    for ways in [Ways { encrypted: true, ..Ways::default() }, People::new_ways().await] {
        let house = House::new(ways, &hands);
        for peer in ["127.0.0.1", "169.254.1.1"] {
            assert_eq!(house.send(peer, Method::GET, "/pipeline", &with, "").await.status, StatusCode::SEE_OTHER);
        }
    }
}

impl People {
    async fn new_ways() -> Ways {
        let provider = Provider::new(vec![Signer::p256().jwk("k1")]).await;
        Ways { oidc: Some(oidc(&provider, &Hands::default())), encrypted: true, ..Ways::default() }
    }
}

#[tokio::test]
async fn with_another_way_in_nobody_is_let_in_for_sitting_at_the_machine() {
    let hands = Hands::default();
    let here = House::at(None, Ways::default(), &hands);
    assert_eq!(here.get("/", &[("host", "localhost")]).await.status, StatusCode::OK);
    assert_eq!(here.get("/", &[("host", "evil.example")]).await.status, StatusCode::MISDIRECTED_REQUEST);
    let ways = Ways { easy_auth: Some(easy_auth("169.254.0.0/16")), ..Ways::default() };
    let house = House::at(Some("http://localhost:8080"), ways, &hands);
    let answer = tower::ServiceExt::oneshot(
        house.router.clone(),
        axum::http::Request::get("/").header("host", "localhost").body(axum::body::Body::empty()).unwrap(),
    );
    assert_eq!(answer.await.unwrap().status(), StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn whoever_reaches_a_proxy_in_front_of_loopback_is_nobody() {
    let hands = Hands::default();
    let proxies = Networks::parse(["127.0.0.1"]).unwrap();
    for ways in [Ways { encrypted: true, ..Ways::default() }, Ways { proxies, ..Ways::default() }] {
        let house = House::at(None, ways, &hands);
        let answer = house.send("127.0.0.1", Method::GET, "/", &[("host", "127.0.0.1")], "").await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER);
    }
    let house = House::at(None, Ways::default(), &hands);
    for (name, value) in [("forwarded", "for=203.0.113.7"), ("x-forwarded-for", "x"), ("x-forwarded-proto", "https")] {
        let with = [("host", "127.0.0.1"), (name, value)];
        let answer = house.send("127.0.0.1", Method::GET, "/api/v1/alerts", &with, "").await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{name}: a proxy that nobody has told us of");
    }
}

fn line(who: &str, did: &str, address: &str, agent: &str) -> (String, String, String, String) {
    (who.into(), did.into(), address.into(), agent.into())
}

#[tokio::test]
async fn who_comes_in_goes_or_is_refused_stands_in_the_audit_with_address_and_program() {
    let people = People::new().await;
    let session = people.sign_in("c1").await;
    people.house.post("/logout", &[("cookie", &session), ("user-agent", "Firefox/153.0")], "").await;
    let token = people.house.token("eli", Role::Viewer).token;
    people.house.send("2001:db8::7", Method::POST, "/login", &[], &format!("token={token}")).await;
    let dana = "dana@contoso.example";
    let expected = [
        line(dana, "logged in", "203.0.113.7", ""),
        line(dana, "logged out", "203.0.113.7", "Firefox/153.0"),
        line("eli", "logged in", "2001:db8::7", ""),
    ];
    assert_eq!(people.house.audit(3).await, expected);
    people.house.post("/login", &[], "token=gw_1_2").await;
    assert_eq!(people.house.audit(4).await[3], line("somebody", "was refused", "203.0.113.7", ""));
}

#[tokio::test]
async fn a_flood_of_wrong_tokens_fills_no_audit() {
    let hands = Hands::default();
    let house = House::new(Ways { encrypted: true, ..Ways::default() }, &hands);
    for n in 0..200 {
        let with = [("authorization", "Bearer gw_0_0")];
        house.send(&format!("203.0.113.{n}"), Method::GET, "/api/v1/alerts", &with, "").await;
    }
    house.audit(30).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(house.audit(30).await.len(), 30);
}

#[tokio::test]
async fn a_deed_goes_to_the_pipeline_with_where_it_comes_from() {
    let hands = Hands::default();
    let proxies = Networks::parse(["10.0.0.1"]).unwrap();
    let house = House::new(Ways { proxies, encrypted: true, ..Ways::default() }, &hands);
    let bearer = format!("Bearer {}", house.token("dana", Role::Operator).token);
    let with = [("authorization", &*bearer), ("user-agent", "curl/8.1"), ("x-forwarded-for", "203.0.113.7")];
    let act = house.send("10.0.0.1", Method::POST, "/api/v1/alerts/3f9a001122334455/acknowledge", &with, "");
    let ask = async {
        let ask = house.asked().await;
        ask.reply.send(Ok(gatewatch::alerts::Done::default())).unwrap();
        ask.origin
    };
    let (_, origin) = tokio::join!(act, ask);
    assert_eq!((&*origin.address, &*origin.agent), ("203.0.113.7", "curl/8.1"));
}

#[tokio::test]
async fn an_admin_reads_the_audit_page_by_page_and_nobody_else_does() {
    let hands = Hands::default();
    let house = House::new(Ways { encrypted: true, ..Ways::default() }, &hands);
    let admin = format!("Bearer {}", house.token("ada", Role::Admin).token);
    let token = house.token("dana", Role::Operator).token;
    for _ in 0..5 {
        house.post("/login", &[], &format!("token={token}")).await;
    }
    let read = async |query: &str| {
        let answer = house.get(&format!("/api/v1/audit{query}"), &[("authorization", &admin)]).await;
        serde_json::from_str::<Value>(&answer.body).unwrap()
    };
    let newest = read("?limit=2").await;
    let ids = |page: &Value| {
        page["lines"].as_array().unwrap().iter().map(|line| line["id"].as_i64().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(ids(&newest), [4, 5]);
    assert_eq!(newest["lines"][0]["address"], "203.0.113.7");
    assert_eq!(ids(&read("?after=0&limit=3").await), [1, 2, 3]);
    let end = read("?after=5").await;
    assert_eq!((ids(&end).len(), &end["next"]), (0, &json!(5)));
    assert!(read("?who=dana").await.to_string().contains("`who` is no parameter"));
    assert_eq!(house.bearer(&token).await, StatusCode::OK);
    let bearer = format!("Bearer {token}");
    assert_eq!(house.get("/api/v1/audit", &[("authorization", &bearer)]).await.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn many_who_come_at_once_make_us_ask_the_provider_once() {
    let programs = Programs::with(Signer::p256()).await;
    let token = programs.signed(&programs.claims());
    let all = futures_util::future::join_all((0..50).map(|_| programs.house.bearer(&token))).await;
    assert!(all.iter().all(|status| *status == StatusCode::OK), "{all:?}");
    assert_eq!(programs.provider.fetches(), 1);
}

#[tokio::test]
async fn somebody_who_asks_and_hangs_up_takes_nobody_else_s_keys_along() {
    let programs = Programs::with(Signer::p256()).await;
    let token = programs.signed(&programs.claims());
    programs.provider.hold(true);
    let mut hasty = Box::pin(programs.house.bearer(&token));
    while programs.provider.fetches() == 0 {
        assert!(tokio::time::timeout(Duration::from_millis(5), &mut hasty).await.is_err(), "it was answered");
    }
    drop(hasty);
    programs.provider.hold(false);
    assert_eq!(programs.house.bearer(&token).await, StatusCode::OK);
    assert_eq!(programs.provider.fetches(), 1);
}

#[tokio::test]
async fn where_nothing_can_be_recorded_people_come_in_to_see_why() {
    let hands = Hands::default();
    let house = House::new(Ways { encrypted: true, ..Ways::default() }, &hands);
    let token = house.token("dana", Role::Viewer).token;
    std::fs::remove_file(house.folder.path().join("gatewatch.db")).unwrap();
    let login = house.post("/login", &[], &format!("token={token}")).await;
    assert_eq!(login.status, StatusCode::SEE_OTHER);
    let session = login.cookie("__Host-gatewatch").0;
    assert_ne!(house.get("/", &[("cookie", &session)]).await.status, StatusCode::SEE_OTHER);
    house.post("/login", &[], "token=gw_1_2").await;
    let lacks = async {
        while !house.get("/readyz", &[]).await.body.contains("the audit lacks 2 lines") {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), lacks).await.expect("what is lost is counted");
}

#[tokio::test]
async fn while_the_provider_is_down_nobody_is_sent_there_and_the_page_says_why() {
    let people = People::new().await;
    people.provider.set_down(true);
    let answer = people.house.get("/login/provider?next=%2F", &[]).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(answer.body.contains("Signing in does not work at this moment"), "{}", answer.body);
    let token = people.house.token("dana", Role::Viewer).token;
    let login = people.house.post("/login", &[], &format!("token={token}")).await;
    assert_eq!(login.status, StatusCode::SEE_OTHER, "our own tokens still do");
}

#[test]
fn whatever_is_shown_nobody_comes_in_by_it_and_nothing_breaks() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let programs = runtime.block_on(Programs::with(Signer::p256()));
    let good = programs.signed(&programs.claims());
    let mut runner = proptest::test_runner::TestRunner::new(proptest::test_runner::Config::with_cases(300));
    let bent = (proptest::num::usize::ANY, "[ -~]{0,40}");
    let tried = runner.run(&bent, |(at, piece)| {
        // A piece of the good token is replaced by another one.
        let at = at % good.len();
        let end = (at + piece.len()).min(good.len());
        let bent = format!("{}{piece}{}", &good[..at], &good[end..]);
        proptest::prop_assume!(bent != good);
        programs.hands.pass(Duration::from_secs(10));
        let fresh = programs.hands.now() < access_house::NOW + 3_000;
        let status = runtime.block_on(programs.house.bearer(&bent));
        proptest::prop_assert!(!fresh || status == StatusCode::UNAUTHORIZED, "{bent}: {status}");
        Ok(())
    });
    tried.unwrap();
}

/// A change of an alert, for whoever follows.
fn change(id: u64) -> gatewatch::alerts::Transition {
    let mut note = access_house::alert();
    note.id = gatewatch::alerts::AlertId(id);
    gatewatch::alerts::Transition::Opened(note)
}

#[tokio::test]
async fn one_person_can_t_take_what_all_follow_with() {
    let hands = Hands::default();
    let house = House::new(Ways { encrypted: true, ..Ways::default() }, &hands);
    for (path, each) in [("/events", 16), ("/api/v1/tap", 4)] {
        let (dana, eve) =
            (house.token(&format!("dana{each}"), Role::Viewer), house.token(&format!("eve{each}"), Role::Viewer));
        let open = async |token: &str| {
            let request = axum::http::Request::get(path)
                .header("authorization", format!("Bearer {token}"))
                .header("host", "gatewatch.example.com");
            let request = request.body(axum::body::Body::empty()).unwrap();
            tower::ServiceExt::oneshot(house.router.clone(), request).await.unwrap()
        };
        let mut held = Vec::new();
        for _ in 0..each {
            held.push(open(&dana.token).await);
        }
        assert!(held.iter().all(|answer| answer.status() == StatusCode::OK), "{path}");
        let more = open(&dana.token).await;
        assert_eq!(more.status(), StatusCode::SERVICE_UNAVAILABLE, "{path}");
        assert!(more.headers().contains_key("retry-after"), "{path}");
        assert_eq!(open(&eve.token).await.status(), StatusCode::OK, "{path}: others still follow");
        held.pop();
        assert_eq!(open(&dana.token).await.status(), StatusCode::OK, "{path}: what was ended comes back");
    }
}

#[tokio::test]
async fn who_is_revoked_follows_no_longer_however_much_happens() {
    use futures_util::StreamExt;
    let hands = Hands::default();
    let house = House::new(Ways { encrypted: true, ..Ways::default() }, &hands);
    for path in ["/events", "/api/v1/events", "/api/v1/tap"] {
        let token = house.token("dana", Role::Viewer);
        let request = axum::http::Request::get(path)
            .header("authorization", format!("Bearer {}", token.token))
            .header("host", "gatewatch.example.com");
        let request = request.body(axum::body::Body::empty()).unwrap();
        let answer = tower::ServiceExt::oneshot(house.router.clone(), request).await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK, "{path}");
        let mut stream = answer.into_body().into_data_stream();
        assert!(stream.next().await.is_some(), "{path} greets");
        house.tokens.revoke(&token.id).unwrap();
        hands.pass(Duration::from_secs(11));
        let busy = async {
            for n in 0.. {
                house.changes.publish(&change(n));
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        let end = async { while stream.next().await.is_some() {} };
        tokio::select! {
            () = busy => {}
            ended = tokio::time::timeout(Duration::from_secs(12), end) => assert!(ended.is_ok(), "{path} goes on"),
        }
    }
}
