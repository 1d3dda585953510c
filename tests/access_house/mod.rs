//! A dashboard with other ways in than tokens of its own, a provider, and a clock that is turned by hand.

pub mod provider;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::ConnectInfo;
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use gatewatch::access::{
    Algorithm, EasyAuth, EasyAuthSettings, Jwt, JwtSettings, Networks, Oidc, OidcSettings, Role, RoleSettings, Tokens,
    Ways,
};
use gatewatch::alerts::{Alert, AlertId, AlertState, Attack, Entity, EntityKind, Family, Level};
use gatewatch::clock::{Clock, Timestamp};
use gatewatch::dashboard::{Ask, Bench, Board, Changes, Parts, Settings, Tap, router_with};
use gatewatch::metrics::Metrics;
use provider::{CLIENT, Provider, SECRET};
use tokio::sync::mpsc;
use tower::ServiceExt;

pub const NOW: i64 = 1_795_442_400;
pub const AUDIENCE: &str = "api://gatewatch";
pub const URL: &str = "https://gatewatch.example.com";

/// Hands of a clock: milliseconds since [`NOW`].
#[derive(Clone, Default)]
pub struct Hands(Arc<AtomicU64>);

impl Hands {
    pub fn clock(&self) -> Clock {
        let hands = self.0.clone();
        Clock::steered(Timestamp::from_seconds(NOW), move || Duration::from_millis(hands.load(Ordering::SeqCst)))
    }

    pub fn pass(&self, time: Duration) {
        self.0.fetch_add(u64::try_from(time.as_millis()).unwrap(), Ordering::SeqCst);
    }

    /// Seconds since 1970.
    pub fn now(&self) -> i64 {
        NOW + i64::try_from(self.0.load(Ordering::SeqCst)).unwrap() / 1_000
    }
}

pub fn roles() -> RoleSettings {
    let one = |name: &str| vec![format!("Gatewatch.{name}")];
    RoleSettings { claim: "roles".into(), viewer: one("Viewer"), operator: one("Operator"), admin: one("Admin") }
}

pub fn jwt(provider: &Provider, algorithms: &[Algorithm], hands: &Hands) -> Jwt {
    let settings = JwtSettings {
        issuer: provider.issuer.clone(),
        audience: vec![AUDIENCE.into()],
        algorithms: algorithms.to_vec(),
        jwks_url: None,
        skew: Duration::from_mins(1),
        roles: roles(),
    };
    Jwt::new(settings, hands.clock()).unwrap()
}

pub fn oidc(provider: &Provider, hands: &Hands) -> Oidc {
    let settings = OidcSettings {
        issuer: provider.issuer.clone(),
        client_id: CLIENT.into(),
        client_secret: Some(SECRET),
        name: "Contoso".into(),
        scopes: vec!["profile".into()],
        algorithms: vec![Algorithm::ES256],
        skew: Duration::from_mins(1),
        roles: roles(),
    };
    Oidc::new(settings.with_secret(|secret| Ok(secret.to_owned())).unwrap(), URL, hands.clock()).unwrap()
}

pub fn easy_auth(trusted: &str) -> EasyAuth {
    EasyAuth::new(EasyAuthSettings { trusted: Networks::parse([trusted]).unwrap(), roles: roles() })
}

/// An answer, read to its end.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: String,
}

impl Answer {
    /// What a cookie of this answer sets, name and value, and with which attributes.
    pub fn cookie(&self, name: &str) -> (String, String) {
        let mut set = self.headers.get_all(header::SET_COOKIE).iter().map(|set| set.to_str().unwrap());
        let set = set.rfind(|set| set.starts_with(&format!("{name}=")));
        let (pair, with) = set.unwrap_or_else(|| panic!("no cookie {name}: {self:?}")).split_once("; ").unwrap();
        (pair.to_owned(), with.to_owned())
    }

    pub fn location(&self) -> &str {
        self.headers[header::LOCATION].to_str().unwrap()
    }
}

pub struct House {
    pub router: Router,
    pub tokens: Arc<Tokens>,
    pub folder: tempfile::TempDir,
    pub changes: Changes,
    asks: tokio::sync::Mutex<mpsc::Receiver<Ask>>,
}

impl House {
    /// A dashboard that others reach at [`URL`].
    pub fn new(ways: Ways, hands: &Hands) -> Self {
        Self::at(Some(URL), ways, hands)
    }

    pub fn at(external_url: Option<&str>, ways: Ways, hands: &Hands) -> Self {
        let folder = tempfile::tempdir().unwrap();
        drop(gatewatch::store::Store::open(folder.path()).unwrap());
        let tokens = Arc::new(Tokens::open(folder.path().join("tokens.json")).unwrap());
        let (commands, asks) = mpsc::channel(1);
        let changes = Changes::new(7);
        let parts = Parts {
            board: Arc::new(Board::default()),
            data: folder.path().into(),
            commands,
            changes: changes.clone(),
            tap: Tap::default(),
            tokens: tokens.clone(),
            sessions: Arc::default(),
            clock: hands.clock(),
            streams: gatewatch::alerts::Streams::default(),
            metrics: Arc::new(Metrics::new("0.0.0").unwrap()),
            native: gatewatch::sinks::native,
            listen: "127.0.0.1:8080".parse().unwrap(),
            external_url: external_url.map(str::to_owned),
            hosts: Vec::new(),
            bench: Bench::default(),
            open_metrics: false,
            hide: gatewatch::dashboard::Hide::new(|text, _| text.replace("hunter2", "hidden")),
            settings: Settings::default(),
            offers: gatewatch::dashboard::Offers::new(|_, _| Err("nothing is offered here".to_owned())),
        };
        let router = router_with(parts, ways).unwrap();
        Self { router, tokens, folder, changes, asks: tokio::sync::Mutex::new(asks) }
    }

    pub fn token(&self, name: &str, role: Role) -> gatewatch::access::NewToken {
        self.tokens.create(name, role, Timestamp::from_seconds(NOW)).unwrap()
    }

    /// Sends a request as `peer` with these headers; a body is a form.
    pub async fn send(&self, peer: &str, method: Method, path: &str, with: &[(&str, &str)], form: &str) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        if !with.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
            request = request.header(header::HOST, "gatewatch.example.com");
        }
        if !form.is_empty() {
            request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        }
        for (name, value) in with {
            request = request.header(*name, *value);
        }
        let mut request = request.body(Body::from(form.to_owned())).unwrap();
        request.extensions_mut().insert(ConnectInfo(SocketAddr::new(peer.parse().unwrap(), 4711)));
        let answer = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = answer.into_parts();
        let body = String::from_utf8(to_bytes(body, 10_000_000).await.unwrap().to_vec()).unwrap();
        Answer { status: parts.status, headers: parts.headers, body }
    }

    pub async fn get(&self, path: &str, with: &[(&str, &str)]) -> Answer {
        self.send("203.0.113.7", Method::GET, path, with, "").await
    }

    pub async fn post(&self, path: &str, with: &[(&str, &str)], form: &str) -> Answer {
        self.send("203.0.113.7", Method::POST, path, with, form).await
    }

    /// What a program with this bearer token is told.
    pub async fn bearer(&self, token: &str) -> StatusCode {
        self.get("/api/v1/alerts", &[("authorization", &format!("Bearer {token}"))]).await.status
    }

    /// What reaches the pipeline next.
    pub async fn asked(&self) -> Ask {
        self.asks.lock().await.recv().await.unwrap()
    }

    /// The audit once it has `lines` lines: who, did, address, agent.
    pub async fn audit(&self, lines: usize) -> Vec<(String, String, String, String)> {
        let reader = gatewatch::store::Reader::open(self.folder.path()).unwrap();
        for _ in 0..200 {
            let found = reader.audited(0, 1_000).unwrap();
            if found.len() >= lines {
                return found.into_iter().map(|line| (line.who, line.did, line.address, line.agent)).collect();
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("the audit has {:?}", reader.audited(0, 1_000).unwrap());
    }
}

pub fn alert() -> Alert {
    let entity = Entity::new(EntityKind::Ip, "203.0.113.7");
    let at = Timestamp::from_seconds(NOW);
    Alert {
        id: AlertId(7),
        fingerprint: 1,
        revision: 1,
        group: None,
        members: Vec::new(),
        detector: "auth-failures.guessing".into(),
        family: Family::AuthFailures,
        level: Level::High,
        title: "Somebody guesses keys".into(),
        entities: vec![entity.clone()],
        entity,
        app: None,
        owner: None,
        first_seen: at,
        opened_at: at,
        last_seen: at,
        count: 40,
        why: "40 wrong keys in a minute.".into(),
        because: None,
        triage: "1. Look.".into(),
        attack: Attack::default(),
        threat: "key-guessing".into(),
        state: AlertState::Open,
        assignee: None,
        closing: None,
        evidence: Vec::new(),
        late: false,
    }
}
