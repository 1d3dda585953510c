//! A small fleet under attack: a store with alerts, a full board, and a pipeline that obeys.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, header};
use axum::response::Response;
use gatewatch::access::Tokens;
use gatewatch::alerts::{
    Alert, AlertBook, AlertId, AlertState, Attack, BookSettings, Change, Closing, Deed, Done, Entity, EntityKind,
    Evidence, Family, Level, Mutes, Position, StreamId, StreamName, Streams, Transition,
};
use gatewatch::clock::{Clock, Timestamp};
use gatewatch::dashboard::{
    Ask, Bench, Board, Changes, DetectorSeen, ElementSeen, Health, Parts, Settings, SinkSeen, SourceSeen, StreamSeen,
    Tap, router, serve as serve_router,
};
use gatewatch::metrics::Metrics;
use gatewatch::sinks::native;
use gatewatch::store::{Accounting, Delivery, Epoch, NewDeadLetter, Store, StreamPosition};
use gatewatch::telemetry::Category;
use tokio::sync::mpsc;
use tower::ServiceExt;

use crate::dashboard_api::document::conforms;

/// How many alerts a fleet begins with.
pub const ALERTS: usize = 14;

/// Title, detector, family, level, entity, app, minutes since last seen, events, why.
type Sample =
    (&'static str, &'static str, Family, Level, (EntityKind, &'static str), &'static str, u64, u64, &'static str);

const SAMPLES: [Sample; ALERTS] = [
    (
        "Master key used",
        "key-usage.master_key_used",
        Family::KeyUsage,
        Level::Critical,
        (EntityKind::Key, "azure-function-key:k1:7Q2MFJ4TKX"),
        "fn-orders",
        1,
        3,
        "A master key of fn-orders was used 3 times from 203.0.113.77, which had never called it before. Nobody should use a master key for requests.",
    ),
    (
        "One key used from many addresses",
        "key-usage.one_key_many_addresses",
        Family::KeyUsage,
        Level::High,
        (EntityKind::Key, "azure-function-key:k1:M3XH2Y6PQA"),
        "fn-orders",
        2,
        1_284,
        "In 10 minutes one function key came from 43 addresses; over the 30 days before it came from 2.",
    ),
    (
        "Somebody guesses function keys",
        "auth-failures.key_guessing",
        Family::AuthFailures,
        Level::High,
        (EntityKind::Ip, "198.51.100.23"),
        "fn-orders",
        4,
        612,
        "198.51.100.23 sent 612 requests with wrong keys to fn-orders in 5 minutes, none with the right one.",
    ),
    (
        "A storage key stands in the logs",
        "leaked-secrets.storage_key",
        Family::LeakedSecrets,
        Level::Critical,
        (EntityKind::Secret, "azure-storage-key:k1:PLM4T7V2ZC"),
        "fn-legacy-import",
        9,
        17,
        "fn-legacy-import wrote the key of a storage account into its log 17 times. Whoever may read the logs may read and write the storage.",
    ),
    (
        "Requests from an anonymising network",
        "suspicious-origins.tor_exit",
        Family::SuspiciousOrigins,
        Level::Medium,
        (EntityKind::Ip, "2001:db8:4f:9::1701"),
        "fn-identity-callback",
        14,
        88,
        "88 requests to fn-identity-callback came from an exit of an anonymising network.",
    ),
    (
        "Many 401 after a deployment",
        "auth-failures.burst",
        Family::AuthFailures,
        Level::Low,
        (EntityKind::Function, "fn-billing/createinvoice"),
        "fn-billing",
        22,
        140,
        "140 requests to createinvoice were refused within 10 minutes; the day before there were 2.",
    ),
    (
        "A browser origin never seen before",
        "suspicious-origins.new_origin",
        Family::SuspiciousOrigins,
        Level::Low,
        (EntityKind::Origin, "https://orders-portal.example.net"),
        "fn-orders",
        31,
        9,
        "https://orders-portal.example.net called fn-orders from browsers for the first time in 30 days.",
    ),
    (
        "A bearer token in a query string",
        "leaked-secrets.token_in_url",
        Family::LeakedSecrets,
        Level::High,
        (EntityKind::Secret, "jwt:k1:9WRT55ZKQJ"),
        "apim-contoso-prod-westeurope",
        44,
        2,
        "A bearer token stood in the query string of 2 requests, so it stands in every log between the caller and the gateway.",
    ),
    (
        "Paths that scanners try",
        "probing.scanner_paths",
        Family::Probing,
        Level::Informational,
        (EntityKind::Ip, "192.0.2.144"),
        "fn-billing",
        58,
        46,
        "192.0.2.144 asked for 46 paths that scanners try, such as /.env and /wp-login.php; all were refused.",
    ),
    (
        "Expired subscription key still in use",
        "key-usage.expired_subscription",
        Family::KeyUsage,
        Level::Medium,
        (EntityKind::Key, "64f0c2a91b5e4d0012ab34cd"),
        "apim-contoso-prod-westeurope",
        75,
        310,
        "A subscription key that was suspended is still sent with 310 requests, all refused.",
    ),
    (
        "An app has gone quiet",
        "telemetry.app_silent",
        Family::Telemetry,
        Level::Medium,
        (EntityKind::App, "fn-legacy-import"),
        "fn-legacy-import",
        96,
        0,
        "fn-legacy-import has sent nothing for 60 minutes; in the hour before it sent 2,140 records.",
    ),
    (
        "Names written by an attacker <script>alert(1)</script> \u{202e}drowssap",
        "probing.odd_user_agent",
        Family::Probing,
        Level::Low,
        (EntityKind::Ip, "198.51.100.99"),
        "fn-orders",
        118,
        5,
        "User agent: \"><img src=x onerror=alert(1)> \u{1b}[31mred\u{1b}[0m aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    ),
    (
        "Admin endpoint called from outside",
        "suspicious-origins.admin_from_outside",
        Family::SuspiciousOrigins,
        Level::High,
        (EntityKind::Ip, "203.0.113.77"),
        "fn-orders",
        130,
        11,
        "203.0.113.77 called /admin/host/status of fn-orders 11 times and was let in.",
    ),
    (
        "Logins fail for many accounts",
        "auth-failures.spray",
        Family::AuthFailures,
        Level::Medium,
        (EntityKind::Gateway, "apim-contoso-prod-westeurope"),
        "apim-contoso-prod-westeurope",
        400,
        230,
        "230 tokens of 74 different people were refused within 10 minutes.",
    ),
];

/// A dashboard over a store with alerts in it.
pub struct Fleet {
    router: Router,
    board: Arc<Board>,
    clock: Clock,
    store: Arc<Mutex<Store>>,
    changes: Changes,
    _folder: tempfile::TempDir,
}

impl Fleet {
    pub fn new(listen: &str) -> Self {
        Self::with_clock(listen, Clock::fixed(super::NOW))
    }

    fn with_clock(listen: &str, clock: Clock) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut store = Store::open(folder.path()).unwrap();
        store.commit(&epoch(clock.now())).unwrap();
        let board = Arc::new(Board::default());
        fill(&board, clock.now());
        let changes = Changes::new(7);
        let (commands, asks) = mpsc::channel(8);
        let router = router(Parts {
            board: board.clone(),
            data: folder.path().into(),
            commands,
            changes: changes.clone(),
            tap: Tap::default(),
            tokens: Arc::new(Tokens::open(folder.path().join("tokens.json")).unwrap()),
            sessions: Arc::default(),
            clock: clock.clone(),
            streams: Streams::restore(vec![stream(0), stream(1), stream(2)]),
            metrics: Arc::new(Metrics::new("0.0.0").unwrap()),
            bench: Bench::default(),
            open_metrics: false,
            hide: gatewatch::dashboard::Hide::new(|text, _| text.replace("hunter2", "hidden")),
            settings: Settings::default(),
            offers: gatewatch::dashboard::Offers::new(|_, _| Err("nothing is offered here".to_owned())),
            native,
            listen: listen.parse().unwrap(),
            external_url: None,
            hosts: Vec::new(),
        });
        let store = Arc::new(Mutex::new(store));
        tokio::spawn(obey(asks, store.clone(), changes.clone(), clock.clone()));
        Self { router: router.unwrap(), board, clock, store, changes, _folder: folder }
    }

    async fn send(&self, request: Request<Body>) -> String {
        let answer = self.router.clone().oneshot(request).await.unwrap();
        String::from_utf8(to_bytes(answer.into_body(), 10_000_000).await.unwrap().to_vec()).unwrap()
    }

    pub async fn body(&self, path: &str) -> String {
        self.send(Request::get(path).header(header::HOST, "localhost").body(Body::empty()).unwrap()).await
    }

    pub async fn post(&self, path: &str, form: &str) {
        let request = Request::post(path)
            .header(header::HOST, "localhost")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        self.send(request.body(Body::from(form.to_owned())).unwrap()).await;
    }

    /// Sends a request; returns status, headers and body of an answer that has an end.
    pub async fn raw(&self, request: Request<Body>) -> (u16, HeaderMap, Vec<u8>) {
        let (method, path) = (request.method().clone(), request.uri().to_string());
        let (parts, body) = self.router.clone().oneshot(request).await.unwrap().into_parts();
        let body = to_bytes(body, 10_000_000).await.unwrap().to_vec();
        let kind = parts.headers.get(header::CONTENT_TYPE).map_or("", |kind| kind.to_str().unwrap());
        if path.starts_with("/api/") {
            conforms(&method, &path, parts.status.as_u16(), kind, &body);
        }
        (parts.status.as_u16(), parts.headers, body)
    }

    /// Sends a request whose answer may go on.
    pub async fn open_stream(&self, request: Request<Body>) -> Response {
        self.router.clone().oneshot(request).await.unwrap()
    }

    /// Sends JSON as a program does; returns the status and the answer.
    pub async fn ask(&self, path: &str, body: &serde_json::Value) -> (u16, serde_json::Value) {
        let request = Request::post(path).header(header::HOST, "localhost");
        let request = request.header(header::CONTENT_TYPE, "application/json").body(Body::from(body.to_string()));
        self.answer(request.unwrap()).await
    }

    /// Reads JSON as a program does; returns the status and the answer.
    pub async fn read(&self, path: &str) -> (u16, serde_json::Value) {
        self.answer(Request::get(path).header(header::HOST, "localhost").body(Body::empty()).unwrap()).await
    }

    async fn answer(&self, request: Request<Body>) -> (u16, serde_json::Value) {
        let (status, headers, bytes) = self.raw(request).await;
        let kind = headers[header::CONTENT_TYPE].to_str().unwrap().to_owned();
        let json: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
        let problem = kind == "application/problem+json";
        assert_eq!(problem, status >= 400, "{kind} {json}");
        assert!(!problem || (json["status"] == status && json["detail"] == json["error"]), "{json}");
        (status, json)
    }

    /// One more alert opens.
    pub fn open(&self, id: u64, app: &str) {
        let mut more = alert(0, self.clock.now());
        (more.id, more.fingerprint, more.app) = (AlertId(id), id, Some(app.into()));
        let transitions = vec![(Transition::Opened(more), self.clock.now())];
        self.store.lock().unwrap().commit(&Epoch { transitions, ..Epoch::default() }).unwrap();
    }

    pub async fn first_id(&self) -> String {
        let answer: serde_json::Value = serde_json::from_str(&self.body("/api/v1/alerts?limit=1").await).unwrap();
        answer["alerts"][0]["id"].as_str().unwrap().to_owned()
    }
}

/// Serves a fleet at `listen` for `time`; an alert opens every ten seconds.
pub async fn serve(listen: &str, time: Duration) {
    let fleet = Fleet::with_clock(listen, Clock::system());
    let listener = tokio::net::TcpListener::bind(listen).await.unwrap();
    let (board, clock) = (fleet.board.clone(), fleet.clock.clone());
    let (store, changes) = (fleet.store.clone(), fleet.changes.clone());
    let live = tokio::spawn(async move {
        for round in 0_u64.. {
            fill(&board, clock.now());
            if round % 10 == 9 {
                let mut new = alert(usize::try_from(round).unwrap() % ALERTS, clock.now());
                new.id = AlertId(round);
                new.last_seen = clock.now();
                let opened = Transition::Opened(new);
                let transitions = vec![(opened.clone(), clock.now())];
                store
                    .lock()
                    .unwrap()
                    .commit(&Epoch { transitions, accounting: accounting(), ..Epoch::default() })
                    .unwrap();
                changes.publish(&opened);
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    });
    serve_router(listener, fleet.router, tokio::time::sleep(time)).await.unwrap();
    live.abort();
}

/// Does what is asked as the pipeline does: by the book, in one commit, then the answer.
async fn obey(mut asks: mpsc::Receiver<Ask>, store: Arc<Mutex<Store>>, changes: Changes, clock: Clock) {
    let hour = Duration::from_hours(1);
    let mut mutes = Mutes::default();
    while let Some(Ask { deed, reply, .. }) = asks.recv().await {
        if let Deed::Silence(deed) = deed {
            let done = mutes.act(deed).map(|_| Done::default());
            let epoch = Epoch { silences: mutes.take_changed(), accounting: accounting(), ..Epoch::default() };
            store.lock().unwrap().commit(&epoch).unwrap();
            let _ = reply.send(done);
            continue;
        }
        let stored = {
            let store = store.lock().unwrap();
            let known = |id| Some((id, store.alert(id).unwrap()?));
            deed.alerts().into_iter().filter_map(known).collect()
        };
        let mut book = AlertBook::new(BookSettings { update_every: hour, cooldown: hour, max_alerts: 1_000 });
        let acted = match book.act(&deed, &stored) {
            Ok(acted) => acted,
            Err(why) => {
                let _ = reply.send(Err(why));
                continue;
            }
        };
        let transitions: Vec<_> = acted.transitions.into_iter().map(|one| (one, clock.now())).collect();
        let undone = acted.undone.map(|id| (id, "somebody".to_owned())).into_iter().collect();
        let epoch = Epoch {
            transitions: transitions.clone(),
            commands: acted.commands,
            bulks: acted.bulk.into_iter().collect(),
            undone,
            accounting: accounting(),
            ..Epoch::default()
        };
        store.lock().unwrap().commit(&epoch).unwrap();
        for (transition, _) in &transitions {
            changes.publish(transition);
        }
        let _ = reply.send(Ok(acted.done));
    }
}

fn stream(partition: i32) -> StreamName {
    StreamName { source: "fleet".into(), topic: "insights-logs".into(), partition }
}

fn minutes(count: u64) -> Duration {
    Duration::from_secs(count * 60)
}

fn alert(at: usize, now: Timestamp) -> Alert {
    let (title, detector, family, level, (kind, value), app, since, count, why) = SAMPLES[at];
    let last_seen = now.minus(minutes(since));
    let entity = Entity::new(kind, value);
    let record = r#"{"time":"2026-11-23T13:51:07.4471203Z","resourceId":"/SUBSCRIPTIONS/00000000-0000-0000-0000-000000000000/RESOURCEGROUPS/RG-SHOP/PROVIDERS/MICROSOFT.WEB/SITES/FN-ORDERS","category":"AppServiceHTTPLogs","properties":{"CsMethod":"POST","CsUriStem":"/api/orders","CsUriQuery":"code=azure-function-key:k1:M3XH2Y6PQA","ScStatus":200,"CIp":"203.0.113.77","UserAgent":"python-requests/2.32.3","TimeTaken":41,"ScBytes":1204}}"#;
    let evidence = (0..3_i64).map(|n| Evidence {
        position: Position { stream: StreamId(0), offset: 88_120 + n, index: 2 },
        time: last_seen.minus(Duration::from_secs(3)),
        category: if n == 2 { Category::FunctionAppLogs } else { Category::AppServiceHTTPLogs },
        record: Some(if n == 2 { record[..300].into() } else { record.into() }),
    });
    Alert {
        id: AlertId(0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(at as u64 + 1)),
        fingerprint: at as u64,
        revision: 1,
        group: None,
        members: Vec::new(),
        detector: detector.into(),
        family,
        level,
        title: title.into(),
        entities: vec![entity.clone(), Entity::new(EntityKind::Ip, "203.0.113.77"), Entity::new(EntityKind::App, app)],
        entity,
        app: Some(app.into()),
        owner: None,
        first_seen: last_seen.minus(minutes(12)),
        opened_at: last_seen.minus(minutes(11)),
        last_seen,
        count,
        why: why.into(),
        because: None,
        triage: "1. Who owns the key, and do the new addresses belong to them?\n2. If not: create a second key, move the owner over, revoke this one. `gatewatch keys readiness` shows who still uses it.\n3. Look at what the requests did in the meantime.".into(),
        attack: Attack { version: "18".into(), techniques: vec!["T1078.004".into(), "T1552.001".into()] },
        threat: "key-theft".into(),
        state: AlertState::Open,
        assignee: None,
        closing: None,
        evidence: if count == 0 { Vec::new() } else { evidence.collect() },
        late: at == 4,
    }
}

fn epoch(now: Timestamp) -> Epoch {
    let mut transitions: Vec<(Transition, Timestamp)> = Vec::new();
    for at in 0..ALERTS {
        let opened = alert(at, now);
        transitions.push((Transition::Opened(opened.clone()), opened.opened_at));
        let mut later = Alert { revision: 2, ..opened };
        if at == 2 || at == 9 {
            later.state = AlertState::Acknowledged;
            later.assignee = Some("dana".into());
            let at = later.last_seen;
            transitions.push((Transition::Updated(later, Change::Acknowledged { by: "dana".into() }), at));
        } else if at >= 12 {
            later.state = AlertState::Closed;
            later.closing = Some(Closing::Quiet);
            let at = later.last_seen;
            transitions.push((Transition::Closed(later, Closing::Quiet), at));
        }
    }
    let outbox = (0..2).map(|at| Delivery::new("pager", &format!("{}:1", alert(at, now).id), "{}".into(), now));
    let dead =
        [("not_json", "{\"time\": \"2026-11-23T13:5"), ("not_an_object", "<html><body>502 Bad Gateway</body></html>")];
    Epoch {
        at: now,
        streams: (0..3).map(|n| (StreamId(n), stream(i32::try_from(n).unwrap()))).collect(),
        positions: (0..3).map(|n| StreamPosition { stream: StreamId(n), resume: 88_000, absorbed: 88_200 }).collect(),
        transitions,
        outbox: outbox.collect(),
        dead_letters: dead
            .iter()
            .zip(0_u32..)
            .map(|(&(reason, bytes), n)| NewDeadLetter {
                position: Position { stream: StreamId(1), offset: 87_000 + i64::from(n), index: 0 },
                reason,
                bytes: bytes.into(),
                size: u32::try_from(bytes.len()).unwrap(),
            })
            .collect(),
        accounting: accounting(),
        ..Epoch::default()
    }
}

fn accounting() -> Accounting {
    let map = |pairs: &[(&str, u64)]| pairs.iter().map(|&(name, count)| (name.to_owned(), count)).collect();
    Accounting {
        messages: 48_210,
        records: 1_204_553,
        bytes: 981_000_000,
        decoded: map(&[("AppServiceHTTPLogs", 702_113), ("FunctionAppLogs", 301_884), ("GatewayLogs", 199_021)]),
        dead_letters: map(&[("not_json", 12), ("not_an_object", 1)]),
        filtered: 1_200,
        duplicates: 322,
        redactions: map(&[
            ("azure-function-key", 418_020),
            ("jwt", 88_421),
            ("email", 40_013),
            ("apim-subscription-key", 9_120),
        ]),
        late: 14,
        ..Accounting::default()
    }
}

fn fill(board: &Board, now: Timestamp) {
    let ago = |seconds| now.minus(Duration::from_secs(seconds));
    let source = SourceSeen {
        kind: "kafka",
        state: "reading 3 partitions of insights-logs".into(),
        failing: false,
        messages: 48_210,
        records_per_second: 1_520.4,
        bytes_per_second: 1_440_000.0,
    };
    board.sources.insert("fleet".into(), source);
    for partition in 0..3 {
        let lag = if partition == 1 { 1_204 } else { 0 };
        board.streams.insert(stream(partition), StreamSeen { offset: 88_200, lag: Some(lag), newest: Some(ago(3)) });
    }
    elements(board, now);
    let failing = Some(("503 from hooks.example.com: trying again in 40 s".into(), ago(20)));
    board.sinks.insert("pager".into(), SinkSeen { kind: "webhook", waiting: 3, delivered: 41, failing });
    board.sinks.insert("archive".into(), SinkSeen { kind: "jsonl", waiting: 0, delivered: 1_022, failing: None });
    for sample in SAMPLES {
        let detector = DetectorSeen {
            title: "One key used from many addresses".into(),
            family: gatewatch::alerts::Family::KeyUsage,
            level: gatewatch::alerts::Level::High,
            threat: "key-theft".into(),
            techniques: vec!["T1078.004".into()],
            attack: "18".into(),
            why: "A function key is a shared secret with a known set of callers. When many addresses use it within minutes, someone copied it.".into(),
            false_alarms: "A mobile app that ships a key; a client behind rotating egress addresses. Silence by key, or raise `more_than`.".into(),
            triage: "1. Who owns the key?".into(),
            fires: "at more than 20 different values for one key over 10m".into(),
            tactics: vec![Some((2, "initial-access"))],
            file: None,
            place: 0,
        };
        board.detectors.insert(sample.1.into(), detector);
    }
    board.set_health(Health {
        at: Some(now),
        ready: true,
        watermark: Some(ago(13)),
        newest: Some(ago(2)),
        last_epoch: Some(ago(1)),
        records: [1_204_553, 1_203_018, 13, 1_200, 322],
        late: 14,
        detectors: 14,
        ..Health::default()
    });
}

/// Three apps, of which one has no access log, and a gateway.
fn elements(board: &Board, now: Timestamp) {
    use gatewatch::posture::{ElementKind, Heard, Need};
    use gatewatch::telemetry::{Category, Kind};
    let senders = [
        (ElementKind::App, "fn-orders", &[Category::AppServiceHTTPLogs, Category::FunctionAppLogs][..], 2),
        (ElementKind::App, "fn-billing", &[Category::AppServiceHTTPLogs, Category::FunctionAppLogs], 5),
        (ElementKind::ApiManagement, "apim-contoso-prod-westeurope", &[Category::GatewayLogs], 3),
        (ElementKind::App, "fn-legacy-import", &[Category::FunctionAppLogs], 5_760),
    ];
    for (kind, name, categories, seconds) in senders {
        let at = now.minus(std::time::Duration::from_secs(seconds));
        let mut heard: Vec<Heard> = categories.iter().copied().map(Heard::nothing).collect();
        for heard in &mut heard {
            (0..40).for_each(|_| heard.hear(at, 1, Some(at.plus(std::time::Duration::from_secs(7)))));
        }
        let resource = format!("/subscriptions/0f00/resourcegroups/contoso/providers/microsoft.web/sites/{name}");
        let first = now.minus(std::time::Duration::from_hours(2));
        let seen = ElementSeen { resource: Some(resource.into()), first, heard };
        board.elements.insert((kind, name.into()), seen);
    }
    let need = |id: &str, title: &str, kinds: &[Kind]| Need {
        detector: id.into(),
        title: title.into(),
        kinds: kinds.to_vec(),
    };
    board.set_needs(vec![
        need("probing.kudu_used", "Kudu used", &[Kind::HttpRequest]),
        need("probing.injection", "Injection", &[Kind::GatewayRequest, Kind::HttpRequest]),
        need("leaked-secrets.token_in_log", "A token in a log", &[Kind::FunctionLog]),
    ]);
}
