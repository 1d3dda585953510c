//! A dashboard to test, with a pipeline that answers as told.

pub mod fleet;

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, HeaderName, Method, Request, StatusCode, header};
use axum::response::Response;
use gatewatch::access::{Role, Tokens};
use gatewatch::alerts::{
    Alert, AlertId, AlertState, Attack, Command, Deed, Done, Entity, EntityKind, Family, Level, Streams, Transition,
};
use gatewatch::clock::{Clock, Timestamp};
use gatewatch::dashboard::{Ask, Bench, Board, Changes, Health, Parts, Settings, Tap, router};
use gatewatch::metrics::Metrics;
use gatewatch::sinks::native;
use tokio::sync::{Mutex, mpsc};
use tower::ServiceExt;

pub const NOW: Timestamp = Timestamp::from_seconds(1_795_442_400);

/// A dashboard over an empty data folder.
pub struct House {
    router: Router,
    board: Arc<Board>,
    tokens: Arc<Tokens>,
    changes: Changes,
    pub tap: Tap,
    asks: Arc<Mutex<mpsc::Receiver<Ask>>>,
    folder: tempfile::TempDir,
}

/// An answer, read to its end.
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: String,
}

impl Answer {
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }
}

/// A request in the making.
pub struct Asked {
    method: Method,
    path: String,
    headers: HeaderMap,
    body: String,
}

pub fn request(method: Method, path: &str) -> Asked {
    Asked { method, path: path.into(), headers: HeaderMap::new(), body: String::new() }
}

pub fn get(path: &str) -> Asked {
    request(Method::GET, path)
}

pub fn post(path: &str) -> Asked {
    request(Method::POST, path)
}

impl Asked {
    pub fn header(mut self, name: HeaderName, value: &str) -> Self {
        self.headers.insert(name, value.parse().unwrap());
        self
    }

    pub fn body(mut self, body: &str) -> Self {
        self.body = body.into();
        self
    }
}

impl House {
    pub fn new() -> Self {
        Self::listening("127.0.0.1:8080", None)
    }

    pub fn listening(addr: &str, external_url: Option<&str>) -> Self {
        Self::named(addr, external_url, &[])
    }

    /// A dashboard that also answers under these names.
    pub fn named(addr: &str, external_url: Option<&str>, hosts: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        drop(gatewatch::store::Store::open(folder.path()).unwrap());
        let board = Arc::new(Board::default());
        let tokens = Arc::new(Tokens::open(folder.path().join("tokens.json")).unwrap());
        let (changes, tap) = (Changes::new(7), Tap::default());
        let (commands, asks) = mpsc::channel(1);
        let router = router(Parts {
            board: board.clone(),
            data: folder.path().into(),
            commands,
            changes: changes.clone(),
            tap: tap.clone(),
            tokens: tokens.clone(),
            sessions: Arc::default(),
            clock: Clock::fixed(NOW),
            streams: Streams::default(),
            metrics: Arc::new(Metrics::new("0.0.0").unwrap()),
            bench: Bench::default(),
            open_metrics: false,
            hide: gatewatch::dashboard::Hide::new(|text, _| text.replace("hunter2", "hidden")),
            settings: Settings::default(),
            offers: gatewatch::dashboard::Offers::new(|_, _| Err("nothing is offered here".to_owned())),
            native,
            listen: addr.parse().unwrap(),
            external_url: external_url.map(str::to_owned),
            hosts: hosts.iter().map(|&host| host.into()).collect(),
        });
        let asks = Arc::new(Mutex::new(asks));
        Self { router: router.unwrap(), board, tokens, changes, tap, asks, folder }
    }

    /// Puts an alert into the store.
    pub fn keep(&self, alert: &Alert) {
        let mut store = gatewatch::store::Store::open(self.folder.path()).unwrap();
        let transitions = vec![(Transition::Opened(alert.clone()), NOW)];
        store.commit(&gatewatch::store::Epoch { transitions, ..gatewatch::store::Epoch::default() }).unwrap();
    }

    pub fn token(&self, name: &str, role: Role) -> String {
        self.tokens.create(name, role, NOW).unwrap().token
    }

    /// Leaves a file of tokens that can't be read.
    pub fn break_tokens(&self) {
        std::fs::write(self.folder.path().join("tokens.json"), "{").unwrap();
    }

    pub async fn open(&self, asked: Asked) -> Response {
        let kind = if asked.body.starts_with('{') { "application/json" } else { "application/x-www-form-urlencoded" };
        let mut request =
            Request::builder().method(asked.method).uri(&asked.path).body(Body::from(asked.body)).unwrap();
        *request.headers_mut() = asked.headers;
        request.headers_mut().entry(header::HOST).or_insert("127.0.0.1:8080".parse().unwrap());
        request.headers_mut().insert(header::CONTENT_TYPE, kind.parse().unwrap());
        self.router.clone().oneshot(request).await.unwrap()
    }

    /// Sends a request and reads the answer; of a live stream only its head.
    pub async fn send(&self, asked: Asked) -> Answer {
        let live = asked.path.starts_with("/events")
            || asked.path.starts_with("/api/v1/events")
            || asked.path.starts_with("/api/v1/tap");
        let (parts, body) = self.open(asked).await.into_parts();
        let bytes = if live { Vec::new() } else { to_bytes(body, 10_000_000).await.unwrap().to_vec() };
        Answer { status: parts.status, headers: parts.headers, body: String::from_utf8(bytes).unwrap() }
    }

    /// Lets the pipeline do whatever is asked; returns what that was.
    pub fn answer_commands(&self) -> mpsc::Receiver<Command> {
        let (done, seen) = mpsc::channel(100);
        self.reply(Ok(Done::default()), done);
        seen
    }

    pub fn refuse_commands(&self, why: &str) {
        self.reply(Err(why.into()), mpsc::channel(100).0);
    }

    fn reply(&self, with: Result<Done, String>, done: mpsc::Sender<Command>) {
        let asks = self.asks.clone();
        tokio::spawn(async move {
            while let Some(ask) = asks.lock().await.recv().await {
                let _ = ask.reply.send(with.clone());
                if let Deed::One(command) = ask.deed {
                    let _ = done.try_send(command);
                }
            }
        });
    }

    pub fn set_ready(&self, ready: bool, complaints: &[&str]) {
        let complaints = complaints.iter().map(|&text| text.to_owned()).collect();
        self.board.set_health(Health { at: Some(NOW), ready, complaints, ..Health::default() });
    }

    /// Says what may be amiss though it is ready.
    pub fn remark(&self, says: &str) {
        let remarks = vec![says.to_owned()];
        self.board.set_health(Health { at: Some(NOW), ready: true, remarks, ..Health::default() });
    }

    /// Tells open pages that an alert has opened.
    pub fn open_alert(&self) {
        self.changes.publish(&Transition::Opened(alert()));
    }
}

pub fn alert() -> Alert {
    let entity = Entity::new(EntityKind::Ip, "203.0.113.7");
    Alert {
        id: AlertId(0x3f9a_0011_2233_4455),
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
        app: Some("fn-orders".into()),
        owner: None,
        first_seen: NOW,
        opened_at: NOW,
        last_seen: NOW,
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
