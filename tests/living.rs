//! What is intended, configured and observed, held against each other: from records and files to the state
//! of each control, and from one reading to the next through the real stages, a store and a restart.

#![expect(clippy::unwrap_used, reason = "a test fails where it unwraps")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use bumpalo::Bump;
use gatewatch::alerts::{Alert, AlertState, Closing, Transition};
use gatewatch::clock::{Clock, Timestamp};
use gatewatch::context::Topology;
use gatewatch::detection::Catalogue;
use gatewatch::pipeline::{Core, CoreSettings, Reading, Stage, Surroundings, seers};
use gatewatch::posture::configured::Sort;
use gatewatch::posture::controls::{Controls, State, shipped};
use gatewatch::posture::intended::Intended;
use gatewatch::posture::living::{
    Alerted, Configuration, Drift, DriftKind, Flow, Found, Living, PartKind, Proof, Sends, Setup, Sources, Standing,
    Stands, build, drift,
};
use gatewatch::posture::observed::{Fact, Observed};
use gatewatch::posture::{ElementKind, Heard, Level};
use gatewatch::redaction::{KeyRing, Redactor, Settings};
use gatewatch::simulate::{SCENE, Weakness, configured, intended};
use gatewatch::store::Store;
use gatewatch::telemetry::{Batch, Category, StreamId, Streams};

const ORDERS: &str = "/SUBSCRIPTIONS/S/RESOURCEGROUPS/G/PROVIDERS/MICROSOFT.WEB/SITES/ORDERS-API";
const APIM: &str = "/SUBSCRIPTIONS/S/RESOURCEGROUPS/G/PROVIDERS/MICROSOFT.APIMANAGEMENT/SERVICE/APIM-SHOP";

fn controls() -> Arc<Controls> {
    Arc::new(shipped().unwrap())
}

fn at(time: &str) -> Timestamp {
    Timestamp::parse_rfc3339(&format!("2026-03-01T{time}Z")).unwrap()
}

fn redactor() -> Redactor {
    Redactor::new(&KeyRing::ephemeral().unwrap(), &Settings::default()).unwrap()
}

/// The detectors that come with the program.
fn catalogue() -> &'static Catalogue {
    static SHIPPED: LazyLock<Catalogue> = LazyLock::new(|| Catalogue::shipped().unwrap());
    &SHIPPED
}

/// Stage 1, with an app behind a gateway.
fn stage() -> &'static Stage {
    static STAGE: LazyLock<Stage> = LazyLock::new(|| {
        let config = gatewatch::config::load("layers.toml", BEHIND).unwrap();
        let keys = KeyRing::ephemeral().unwrap();
        Stage {
            redactor: Arc::new(Redactor::new(&keys, &Settings::default()).unwrap()),
            topology: Topology::new(&config.clients, &config.apps, &config.gateways),
            context: Arc::default(),
            matcher: catalogue().matcher(keys.siphash_key()),
            content_seed: keys.content_key(),
            keep_redacted: false,
            tap: gatewatch::dashboard::Tap::default(),
            clock: Clock::fixed(at("12:00:00")),
        }
    });
    &STAGE
}

const BEHIND: &str = "[apps.orders-api]\nbehind = ['apim-shop']\n[gateways.apim-shop]\naddresses = ['203.0.113.251']\n\
    [apps.stock-fn]\nbehind = ['fd']\n[gateways.fd]\naddresses = ['azure-front-door']\n\
    front_door_id = 'aaaaaaaa-0000-0000-0000-000000000001'\n";

fn observed(records: &[String]) -> Observed {
    let mut batch = Batch::default();
    batch.push(format!("{{\"records\":[{}]}}", records.join(",")).as_bytes(), StreamId(0), 0, 1, None);
    let worked = stage().work(&batch, &mut Bump::new());
    assert_eq!((worked.dead.len(), worked.records.len()), (0, records.len()));
    let mut observed = Observed::default();
    observed.add(worked.seeing);
    observed
}

/// A record of the app's web server: who called, with which query, how it was answered.
fn web(time: &str, ip: &str, query: &str, status: u16) -> String {
    format!(
        r#"{{"time":"2026-03-01T{time}Z","category":"AppServiceHTTPLogs","resourceId":"{ORDERS}","properties":{{"CsMethod":"GET","CsUriStem":"/api/orders","CsUriQuery":"{query}","CIp":"{ip}","ScStatus":{status}}}}}"#
    )
}

/// A record of the gateway: members of its `properties`.
fn gateway(time: &str, properties: &str) -> String {
    format!(
        r#"{{"time":"2026-03-01T{time}Z","category":"GatewayLogs","callerIpAddress":"198.51.100.7","resourceId":"{APIM}","properties":{{"method":"GET","url":"https://apim-shop.azure-api.net/orders/1","apiId":"orders","operationId":"get-order","backendUrl":"https://orders-api.azurewebsites.net/api/orders/1",{properties}}}}}"#
    )
}

fn facts(observed: &Observed, name: &str) -> Vec<&'static str> {
    let facts = &observed.endpoints[name].facts;
    Fact::ALL.iter().filter(|fact| facts.of(**fact).is_some()).map(|fact| fact.name()).collect()
}

fn reading(weakness: Weakness) -> Setup {
    let files = configured(weakness);
    let names: Vec<String> = files.keys().cloned().collect();
    let mut load = |name: &str| Ok(files[name].clone().into_bytes());
    let model = gatewatch::posture::configured::read(&names, &mut load, &redactor());
    assert_eq!(model.problems, []);
    Setup::of(&model, &controls(), &meant())
}

fn meant() -> Arc<Intended> {
    Arc::new(Intended::read("model.yaml", &intended(), &controls(), at("12:00:00")).unwrap())
}

fn sources(observed: Observed) -> Sources {
    let catalogue = catalogue();
    Sources {
        configured: Arc::new(reading(Weakness::default())),
        intended: meant(),
        observed: Arc::new(observed),
        seers: seers(catalogue),
        threats: catalogue.threats.clone(),
        at: Some(at("12:00:00")),
        ..Sources::default()
    }
}

fn standing<'l>(living: &'l Living, part: &str, control: &str) -> &'l Standing {
    let of = living.parts.iter().filter(|one| *one.name == *part).flat_map(|one| &one.standings);
    of.into_iter().find(|one| one.control(&living.controls).unwrap().id == control).unwrap()
}

fn flow<'l>(living: &'l Living, from: &str, to: (PartKind, &str)) -> Option<&'l Flow> {
    let part = |place: u32| &living.parts[place as usize];
    let is = |flow: &&Flow| *part(flow.from).name == *from && (part(flow.to).kind, &*part(flow.to).name) == to;
    living.flows.iter().find(is)
}

#[test]
fn a_key_that_no_log_names_is_unknown_and_never_nothing() {
    let seen = observed(&[
        web("11:00:00", "203.0.113.251", "-", 200),
        web("11:00:01", "198.51.100.9", "-", 200),
        web("11:00:02", "203.0.113.251", "-", 401),
    ]);
    assert_eq!(
        facts(&seen, "orders-api"),
        ["asked", "answered", "unknown", "refused", "through a gateway", "past the gateway"]
    );
    let seen = observed(&[
        gateway("11:00:00", r#""responseCode":200,"apimSubscriptionId":"shop-web","clientTlsVersion":"1.3""#),
        gateway("11:00:01", r#""responseCode":200,"clientTlsVersion":"1.0""#),
        gateway("11:00:02", r#""responseCode":401,"lastError":{"reason":"TokenExpired"}"#),
    ]);
    let expected = [
        "asked",
        "answered",
        "subscription key",
        "unknown",
        "no subscription",
        "refused",
        "refused without a valid token",
        "TLS 1.2 or newer",
        "TLS before 1.2",
    ];
    assert_eq!(facts(&seen, "apim-shop/get-order"), expected);
}

#[test]
fn events_hold_or_contradict_what_is_configured_and_say_so() {
    let silent = build(&sources(Observed::default()));
    let gateway_only = |living: &Living| standing(living, "orders-api", "app.gateway-only").clone();
    assert_eq!(gateway_only(&silent).stands, Stands::ConfiguredOnly);
    let through = web("11:00:00", "203.0.113.251", "-", 200);
    let held = build(&sources(observed(std::slice::from_ref(&through))));
    assert_eq!(gateway_only(&held).stands, Stands::Held);
    let past = build(&sources(observed(&[through.clone(), web("11:55:00", "198.51.100.9", "-", 200)])));
    let standing = gateway_only(&past);
    assert_eq!((standing.stands, &*standing.says), (Stands::Contradicted, "let in once past the gateway"));
    assert_eq!(standing.evidence.as_ref().unwrap().last, at("11:55:00"));
    let way = flow(&past, "the internet", (PartKind::App, "orders-api")).unwrap();
    assert_eq!((way.stands, way.since), (Stands::Contradicted, Some(at("11:55:00"))));
    assert_eq!(flow(&past, "apim-shop", (PartKind::App, "orders-api")).unwrap().stands, Stands::Held);
}

#[test]
fn a_contradiction_heals_once_it_is_over_and_newer_events_agree() {
    let records =
        |times: &[(&str, &str)]| -> Vec<String> { times.iter().map(|(time, ip)| web(time, ip, "-", 200)).collect() };
    let (gateway, stranger) = ("203.0.113.251", "198.51.100.9");
    let stands = |times: &[(&str, &str)]| {
        standing(&build(&sources(observed(&records(times)))), "orders-api", "app.gateway-only").stands
    };
    assert_eq!(stands(&[("11:40:00", stranger)]), Stands::Contradicted, "nothing newer speaks for it");
    let calls = [("11:40:00", stranger), ("11:41:00", gateway)];
    assert_eq!(stands(&calls), Stands::Contradicted, "that it is called as it should be closes no door");
    let read = |time: &str, calls: &[(&str, &str)]| {
        let configured = Arc::new(Setup { at: Some(at(time)), ..reading(Weakness::default()) });
        build(&Sources { configured, ..sources(observed(&records(calls))) })
    };
    let of = |living: &Living| standing(living, "orders-api", "app.gateway-only").stands;
    assert_eq!(of(&read("11:39:00", &calls)), Stands::Contradicted, "it was read before");
    assert_eq!(of(&read("11:56:00", &[("11:55:00", stranger)])), Stands::Contradicted, "it is minutes ago");
    let before = build(&sources(observed(&records(&[("11:40:00", stranger)]))));
    let after = read("11:42:00", &calls);
    assert_eq!(of(&after), Stands::Held);
    let told: Vec<_> = drift(&before, &after).into_iter().filter(|one| !one.control.is_empty()).collect();
    let of_control = told.iter().find(|one| &*one.control == "app.gateway-only").unwrap();
    assert_eq!((of_control.kind, of_control.states), (DriftKind::Stronger, Some((Stands::Contradicted, Stands::Held))));
}

#[test]
fn an_open_alert_contradicts_the_control_that_it_speaks_of_and_an_accepted_risk_is_told_as_such() {
    let mut sources = sources(Observed::default());
    sources.alerts.push(Alerted {
        id: "a1".into(),
        detectors: vec!["control-plane.basic_auth_enabled".into()],
        threat: "control-plane-abuse".into(),
        level: Level::High,
        names: vec!["orders-api".into()],
        behind: Vec::new(),
        why: "Passwords were allowed.".into(),
        first: at("11:00:00"),
        last: at("11:00:00"),
        count: 1,
    });
    let living = build(&sources);
    let said = standing(&living, "orders-api", "app.scm-basic-auth");
    assert_eq!((said.stands, said.evidence.as_ref().unwrap().alert.as_deref()), (Stands::Contradicted, Some("a1")));
    let risk = living.risks.iter().find(|risk| &*living.parts[risk.part as usize].name == "orders-api").unwrap();
    assert!(risk.score > 0 && risk.reasons.iter().any(|(_, _, says)| says.contains("Passwords were allowed")));
    let accepted = format!(
        "{}accepted:\n  - {{ control: app.scm-basic-auth, on: orders-api, owner: shop, reason: \"An old pipeline.\", expires: 2026-06-01 }}\n",
        intended()
    );
    sources.intended = Arc::new(Intended::read("model.yaml", &accepted, &controls(), at("12:00:00")).unwrap());
    let living = build(&sources);
    let said = standing(&living, "orders-api", "app.scm-basic-auth");
    assert_eq!(said.stands, Stands::Contradicted, "what events prove is not what was accepted");
    assert_eq!(&*said.says, "Passwords were allowed; was accepted by shop");
}

#[test]
fn controls_of_the_model_are_there_with_a_model_alone() {
    let meant_controls = |living: &Living| {
        let of = living.parts.iter().flat_map(|part| &part.standings);
        of.filter(|one| one.control(&living.controls).unwrap().id.contains(".intended-")).count()
    };
    let with = sources(Observed::default());
    let living = build(&with);
    assert!(meant_controls(&living) > 0);
    let proof = standing(&living, "orders-api/get-order", "function.intended-proof");
    assert_ne!(proof.stands, Stands::Unknown, "{}", proof.says);
    let configured = Arc::new(Setup { controls: controls(), ..Setup::default() });
    let seen = observed(&[web("11:00:00", "203.0.113.251", "-", 200)]);
    let without = Sources { configured, intended: Arc::default(), observed: Arc::new(seen), ..with };
    assert_eq!(meant_controls(&build(&without)), 0);
}

#[test]
fn what_came_long_ago_covers_nothing_and_every_step_needs_what_it_waits_for() {
    let mut sources = sources(Observed::default());
    let covered = |sources: &Sources| {
        let living = build(sources);
        living.parts.iter().find(|part| &*part.name == "orders-api").unwrap().covered.len()
    };
    let send = |category: Category, time: Timestamp| {
        let mut heard = Heard::nothing(category);
        heard.hear(time, 1, None);
        Sends { kind: ElementKind::App, name: "orders-api".into(), resource: None, heard: vec![heard] }
    };
    sources.sends = vec![send(Category::AppServiceHTTPLogs, at("11:00:00"))];
    assert!(covered(&sources) > 0);
    sources.sends = vec![send(Category::AppServiceHTTPLogs, at("11:00:00").minus(Duration::from_hours(24)))];
    assert_eq!(covered(&sources), 0, "it came yesterday");
    sources.sends = vec![send(Category::FunctionAppLogs, at("11:00:00"))];
    sources.seers.retain(|seer| &*seer.detector == "leaked-secrets.leaked_then_used");
    assert_eq!((sources.seers.len(), covered(&sources)), (1, 0), "nothing tells of its use");
    sources.sends[0].heard.extend(send(Category::AppServiceHTTPLogs, at("11:00:00")).heard);
    assert_eq!(covered(&sources), 1);
}

#[test]
fn nothing_is_covered_without_a_tested_detector_and_telemetry_that_arrives() {
    let endpoints = |living: &Living| -> Vec<(PartKind, Vec<(u16, bool)>)> {
        let is = |kind| {
            matches!(kind, PartKind::App | PartKind::Gateway | PartKind::Api | PartKind::Operation | PartKind::Function)
        };
        living.parts.iter().filter(|part| is(part.kind)).map(|part| (part.kind, part.covered.clone())).collect()
    };
    let mut sources = sources(Observed::default());
    let blind = endpoints(&build(&sources));
    assert!(blind.len() > 40 && blind.iter().all(|(_, covered)| covered.is_empty()), "nothing arrives");
    let mut heard = Heard::nothing(Category::AppServiceHTTPLogs);
    heard.hear(at("11:00:00"), 1, None);
    let sends = Sends { kind: ElementKind::App, name: "orders-api".into(), resource: None, heard: vec![heard] };
    sources.sends.push(sends);
    let living = build(&sources);
    let made = Category::AppServiceHTTPLogs.makes();
    for part in &living.parts {
        let site = part.name.split('/').next().unwrap();
        assert!(part.covered.is_empty() || site == "orders-api", "{} sends nothing", part.name);
        for (threat, _) in &part.covered {
            let id = &living.threats.all[usize::from(*threat)].id;
            let sees = |seer: &&gatewatch::posture::living::Seer| {
                *seer.threat == **id
                    && seer.tested
                    && (seer.kinds.is_empty() || seer.kinds.iter().any(|kind| made.contains(kind)))
            };
            assert!(sources.seers.iter().any(|seer| sees(&seer)), "{} on {id}", part.name);
        }
    }
    let function = living.parts.iter().find(|part| &*part.name == "orders-api/get-order").unwrap();
    assert!(!function.covered.is_empty());
    sources.seers.iter_mut().for_each(|seer| seer.tested = false);
    assert!(endpoints(&build(&sources)).iter().all(|(_, covered)| covered.is_empty()), "no test has made one fire");
}

#[test]
fn what_controls_name_as_their_contradiction_is_a_detector() {
    let detectors = catalogue().detectors.clone();
    for control in &controls().all {
        for id in &control.contradicted_by {
            assert!(detectors.named(id).is_some(), "{} names {id}", control.id);
        }
    }
}

/// A core over a store, as the daemon has it, without its threads.
struct Daemon {
    core: Core,
    store: Store,
    wall: i64,
    offset: i64,
}

fn daemon(data: &std::path::Path) -> Daemon {
    let settings = CoreSettings { durable: true, ..CoreSettings::replay() };
    let mut store = Store::open(data).unwrap();
    let mut recovered = store.recover(Timestamp::MIN).unwrap();
    let streams = Streams::restore(std::mem::take(&mut recovered.streams).into_iter().flatten().collect());
    let mut core = Core::new(catalogue().detectors.clone(), streams.clone(), &settings);
    core.restore(recovered, streams.given(), &settings).unwrap();
    Daemon { core, store, wall: 0, offset: 0 }
}

impl Daemon {
    fn read(&mut self, weakness: Weakness) -> Vec<Transition> {
        self.read_as(weakness, &meant())
    }

    fn read_as(&mut self, weakness: Weakness, meant: &Arc<Intended>) -> Vec<Transition> {
        self.wall += 60;
        let read_at = at("11:00:00").plus(Duration::from_secs(self.wall.unsigned_abs()));
        let reading = Reading { configured: reading(weakness), sums: BTreeMap::new(), at: read_at };
        self.core.configured(reading, meant)
    }

    fn commit(&mut self, transitions: &[Transition]) {
        let now = at("12:00:00");
        let epoch = self.core.epoch(transitions.iter().map(|one| (one.clone(), now)).collect(), now);
        self.store.commit(&epoch).unwrap();
        self.core.committed(&epoch);
    }

    fn absorb(&mut self, records: &[String]) {
        self.absorb_message(format!("{{\"records\":[{}]}}", records.join(",")).as_bytes());
    }

    fn absorb_message(&mut self, bytes: &[u8]) {
        let (mut batch, from) = (Batch::default(), self.offset);
        self.offset += 1;
        batch.push(bytes, StreamId(0), from, from + 1, None);
        self.core.absorb(stage().work(&batch, &mut Bump::new()));
    }
}

const NO_TOKEN: Weakness = Weakness { token_unchecked: true, anonymous: false };
const ANONYMOUS: Weakness = Weakness { token_unchecked: false, anonymous: true };

fn shown(transitions: &[Transition]) -> Vec<String> {
    let each = |transition: &Transition| {
        let alert: &Alert = transition.alert();
        let what = match transition {
            Transition::Opened(_) => "opened",
            Transition::Updated(..) => "updated",
            Transition::Closed(_, Closing::Healed) => "healed",
            Transition::Closed(_, Closing::Gone) => "gone",
            Transition::Closed(..) => "closed",
        };
        format!("{what} {} {}", alert.entity.kind, alert.entity.value)
    };
    transitions.iter().map(each).collect()
}

#[test]
fn what_got_weaker_is_one_alert_over_a_restart_and_heals_by_itself() {
    let data = tempfile::tempdir().unwrap();
    let mut first = daemon(data.path());
    first.absorb(&[format!(
        r#"{{"time":"2026-03-01T10:59:00Z","category":"Administrative","operationName":"MICROSOFT.APIMANAGEMENT/SERVICE/APIS/POLICIES/WRITE","resultType":"Success","callerIpAddress":"198.51.100.30","resourceId":"{APIM}/APIS/ORDERS/POLICIES/POLICY","identity":{{"claims":{{"appid":"3b1c54f0-2a55-4a0e-8f0e-8a7f6d5c4b3a"}}}}}}"#
    )]);
    assert_eq!(shown(&first.read(Weakness::default())), Vec::<String>::new(), "the first reading is no change");
    first.commit(&[]);
    let opened = first.read(NO_TOKEN);
    assert_eq!(shown(&opened), ["opened gateway apim-shop/orders"]);
    assert_eq!(opened[0].alert().level, Level::High, "the owner asks for tokens there");
    let why = &opened[0].alert().why;
    for part in ["api apim-shop/orders got weaker", "198.51.100.30", "2026-03-01 10:59:00 UTC", "3b1c54f0"] {
        assert!(why.contains(part), "{why}");
    }
    // Killed before the epoch: the same alert is opened again, and only then.
    drop(first);
    let mut killed = daemon(data.path());
    let again = killed.read(NO_TOKEN);
    assert_eq!(again[0].alert().fingerprint, opened[0].alert().fingerprint);
    killed.commit(&again);
    drop(killed);
    let mut next = daemon(data.path());
    assert_eq!(shown(&next.read(NO_TOKEN)), Vec::<String>::new(), "it was told before the restart");
    assert_eq!(next.core.posture().drifts()[0].alert.as_deref(), Some(&*again[0].alert().id.to_string()));
    let open = next.core.book().alerts().filter(|alert| alert.state != AlertState::Closed).count();
    assert_eq!(open, 1);
    next.commit(&[]);
    let healed = next.read(Weakness::default());
    assert_eq!(shown(&healed), ["healed gateway apim-shop/orders"]);
    assert_eq!(healed[0].alert().id, again[0].alert().id);
    next.commit(&healed);
    let history: Vec<_> = next.core.posture().drifts().iter().map(|one| (one.kind, one.control.clone())).collect();
    assert!(history.contains(&(DriftKind::Weaker, "api.token-checked".into())), "{history:?}");
    assert!(history.contains(&(DriftKind::Stronger, "api.token-checked".into())), "{history:?}");
}

#[test]
fn a_function_that_goes_anonymous_is_an_alert_of_its_own_and_turns_its_way() {
    let data = tempfile::tempdir().unwrap();
    let mut daemon = daemon(data.path());
    daemon.read(Weakness::default());
    let opened = daemon.read(ANONYMOUS);
    assert_eq!(shown(&opened), ["opened function notify-fn/preferences"]);
    assert_eq!(opened[0].alert().level, Level::High);
    let living = build(&Sources { threats: catalogue().threats.clone(), ..daemon.core.sources(&meant()) });
    let way = flow(&living, "the internet", (PartKind::Function, "notify-fn/preferences")).unwrap();
    assert_eq!(way.stands, Stands::NotConfigured);
    assert_eq!((&*way.by, way.alert.as_deref()), ("nothing", Some(&*opened[0].alert().id.to_string())));
    assert_eq!(shown(&daemon.read(Weakness::default())), ["healed function notify-fn/preferences"]);
}

#[test]
fn what_was_observed_outlives_a_restart() {
    let data = tempfile::tempdir().unwrap();
    let mut first = daemon(data.path());
    first.absorb(&[web("11:00:00", "203.0.113.251", "-", 200), gateway("11:00:01", r#""responseCode":200"#)]);
    let before = first.core.posture().observed.clone();
    first.commit(&[]);
    drop(first);
    let after = daemon(data.path()).core.posture().observed.clone();
    assert!(before.endpoints.len() > 1 && !before.flows.is_empty());
    assert_eq!((before.endpoints, before.flows), (after.endpoints, after.flows));
}

/// The ways that are not as they should be: from where, to what.
fn bad(living: &Living) -> BTreeSet<String> {
    let part = |place: u32| &living.parts[place as usize];
    let told = |flow: &Flow| format!("{} → {} {}", part(flow.from).name, part(flow.to).kind.name(), part(flow.to).name);
    living.flows.iter().filter(|flow| flow.stands >= Stands::NotConfigured).map(told).collect()
}

#[test]
fn what_the_demo_undoes_turns_every_way_that_it_concerns_and_no_other_and_heals() {
    let data = tempfile::tempdir().unwrap();
    let mut daemon = daemon(data.path());
    let threats = catalogue().threats.clone();
    let turned = |daemon: &Daemon| {
        let now = daemon.core.watermarks().newest();
        build(&Sources { threats: threats.clone(), at: now, ..daemon.core.sources(&meant()) })
    };
    daemon.absorb(&[web("10:00:00", "203.0.113.251", "-", 200)]);
    daemon.read(Weakness::default());
    assert_eq!(bad(&turned(&daemon)), BTreeSet::new());
    let orders = turned(&daemon);
    let operations = orders.parts.iter().filter(|part| part.name.starts_with("apim-shop/orders/"));
    let of_orders = operations.map(|part| format!("the internet → operation {}", part.name));
    let policy: BTreeSet<String> = of_orders.chain(["the internet → API apim-shop/orders".to_owned()]).collect();
    assert_eq!(policy.len(), 6);
    let function = BTreeSet::from(["the internet → function notify-fn/preferences".to_owned()]);
    let past = BTreeSet::from(["the internet → app orders-api".to_owned()]);
    let wanted = [policy.clone(), &policy | &function, &(&policy | &function) | &past, &function | &past, past];
    for (step, wanted) in SCENE.iter().zip(wanted) {
        let now = at("11:00:00").plus(step.after);
        for message in step.play(7, now) {
            daemon.absorb_message(&message.bytes);
        }
        daemon.read(step.weakness);
        assert_eq!(bad(&turned(&daemon)), wanted, "after {:?}", step.after);
    }
    daemon.absorb(&[web("11:20:00", "203.0.113.251", "-", 200)]);
    assert_eq!(bad(&turned(&daemon)), BTreeSet::new(), "all of it is undone");
}

/// A gateway with an API whose operations differ in their own policies.
fn with_policies(api: &str, list: &str, get: &str) -> Setup {
    let of = |kind: &str, name: &str, properties: serde_json::Value| serde_json::json!({ "type": format!("Microsoft.ApiManagement/service{kind}"), "name": name, "properties": properties });
    let policy = |inbound: &str| {
        let value = format!("<policies><inbound>{inbound}</inbound></policies>");
        serde_json::json!({ "format": "rawxml", "value": value })
    };
    let template = serde_json::json!({
        "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
        "resources": [
            of("", "apim", serde_json::json!({})),
            of("/apis", "apim/shop", serde_json::json!({ "path": "shop", "protocols": ["https"], "subscriptionRequired": true })),
            of("/apis/operations", "apim/shop/list", serde_json::json!({ "method": "GET", "urlTemplate": "/" })),
            of("/apis/operations", "apim/shop/get", serde_json::json!({ "method": "GET", "urlTemplate": "/{id}" })),
            of("/apis/policies", "apim/shop/policy", policy(api)),
            of("/apis/operations/policies", "apim/shop/list/policy", policy(list)),
            of("/apis/operations/policies", "apim/shop/get/policy", policy(get)),
        ],
    });
    let mut load = |_: &str| Ok(template.to_string().into_bytes());
    let model = gatewatch::posture::configured::read(&["main.json".to_owned()], &mut load, &redactor());
    assert_eq!(model.problems, []);
    Setup::of(&model, &controls(), &tokens_meant())
}

fn tokens_meant() -> Arc<Intended> {
    let text = "version: 1\ngateways:\n  - { name: apim, authentication: [jwt] }\n";
    Arc::new(Intended::read("model.yaml", text, &controls(), at("12:00:00")).unwrap())
}

const CHECK: &str = "<base /><validate-jwt header-name='Authorization'><openid-config url='https://id.example/t/v2.0' /></validate-jwt>";

#[test]
fn an_operation_that_checks_tokens_itself_is_not_blamed_for_its_api_and_one_that_drops_the_check_is() {
    let of = |api: &str, list: &str, get: &str| {
        let configured = Arc::new(with_policies(api, list, get));
        bad(&build(&Sources { configured, intended: tokens_meant(), ..sources(Observed::default()) }))
    };
    let way = |to: &str| format!("the internet → {to}");
    let base = "<base />";
    assert_eq!(of(CHECK, base, base), BTreeSet::new());
    let api = way("API apim/shop");
    let (list, get) = (way("operation apim/shop/list"), way("operation apim/shop/get"));
    assert_eq!(of(base, base, base), BTreeSet::from([api.clone(), list.clone(), get.clone()]));
    assert_eq!(of(base, CHECK, base), BTreeSet::from([api.clone(), get.clone()]), "it checks tokens itself");
    assert_eq!(of(CHECK, base, "<rate-limit calls='1' renewal-period='1' />"), BTreeSet::from([api, get]), "no base");
}

#[test]
fn an_alert_that_names_an_operation_turns_no_way_to_another() {
    let alerted = |names: &[&str]| {
        let alert = Alerted {
            id: "a1".into(),
            detectors: vec!["auth-failures.forged_token_accepted".into()],
            threat: "token-forgery".into(),
            level: Level::High,
            names: names.iter().map(|name| (*name).into()).collect(),
            behind: Vec::new(),
            why: "A forged token was let in.".into(),
            first: at("11:00:00"),
            last: at("11:00:00"),
            count: 1,
        };
        let configured = Arc::new(with_policies(CHECK, "<base />", "<base />"));
        bad(&build(&Sources {
            configured,
            intended: tokens_meant(),
            alerts: vec![alert],
            ..sources(Observed::default())
        }))
    };
    let way = |to: &str| format!("the internet → {to}");
    let (api, get) = (way("API apim/shop"), way("operation apim/shop/get"));
    let named = alerted(&["apim", "apim/shop", "apim/shop/get"]);
    assert_eq!(named, BTreeSet::from([api.clone(), get.clone()]));
    let unknown = alerted(&["apim", "apim/shop", "apim/shop/gone"]);
    assert_eq!(unknown, BTreeSet::from([api.clone()]), "an operation that no file has");
    assert_eq!(alerted(&["apim", "apim/shop"]), BTreeSet::from([api, get, way("operation apim/shop/list")]));
}

#[test]
fn a_refusal_at_one_operation_heals_nothing_at_another() {
    let text = "version: 1\ngateways:\n  - { name: apim-shop, authentication: [subscription-key] }\n";
    let meant = Arc::new(Intended::read("model.yaml", text, &controls(), at("12:00:00")).unwrap());
    let asked =
        |operation: &str, time: &str, properties: &str| gateway(time, properties).replace("get-order", operation);
    let stands = |refused: &str| {
        let seen = observed(&[
            asked("get-order", "10:00:00", r#""responseCode":200,"apimSubscriptionId":"shop-web""#),
            asked("get-order", "10:01:00", r#""responseCode":200"#),
            asked(refused, "11:00:00", r#""responseCode":401,"lastError":{"reason":"SubscriptionKeyNotFound"}"#),
        ]);
        let living = build(&Sources { intended: meant.clone(), ..sources(seen) });
        let way = |name: &str| flow(&living, "the internet", (PartKind::Operation, name)).unwrap().stands;
        let of = standing(&living, "apim-shop/orders", "api.authenticated").stands;
        (of, way("apim-shop/orders/get-order") == Stands::Contradicted)
    };
    assert_eq!(stands("create-order"), (Stands::Contradicted, true));
    assert_ne!(stands("get-order").0, Stands::Contradicted, "it was refused there");
}

#[test]
fn an_operation_that_checks_tokens_itself_does_not_turn_with_any_control_about_callers() {
    let weaker = |control: &str| {
        let states = Some((Stands::ConfiguredOnly, Stands::NotConfigured));
        let (part, control, says) = ("apim/shop".into(), control.into(), "so".into());
        Drift { at: at("11:00:00"), kind: DriftKind::Weaker, part, control, states, says, by: None, alert: None }
    };
    let configured = Arc::new(with_policies("<base />", CHECK, "<base />"));
    let drifts = vec![weaker("api.token-checked"), weaker("api.intended-proof")];
    let sources = sources(Observed::default());
    let living = build(&Sources { configured, intended: tokens_meant(), drifts, ..sources });
    let way = |to: &str| format!("the internet → {to}");
    assert_eq!(bad(&living), BTreeSet::from([way("API apim/shop"), way("operation apim/shop/get")]));
}

#[test]
fn an_app_answers_for_what_its_gateway_did_only_where_the_control_says_so() {
    let turned = |detector: &str, id: &str| {
        let controls = controls();
        let place = controls.all.iter().position(|control| control.id == id).unwrap();
        let found =
            Found { control: u16::try_from(place).unwrap(), state: State::Configured, says: "set".into(), place: None };
        let app = Configuration {
            sort: Sort::App,
            name: "orders-api".into(),
            of: None,
            asks: None,
            token: None,
            identity: false,
            http: true,
            found: vec![found],
            layers: Vec::new(),
        };
        let alert = Alerted {
            id: "a1".into(),
            detectors: vec![detector.into()],
            threat: "cross-origin-abuse".into(),
            level: Level::High,
            names: vec!["apim-shop".into()],
            behind: vec!["orders-api".into()],
            why: "It happened at the gateway.".into(),
            first: at("11:00:00"),
            last: at("11:00:00"),
            count: 1,
        };
        let configured = Arc::new(Setup { controls, elements: vec![app], ..Setup::default() });
        let living =
            build(&Sources { configured, alerts: vec![alert], at: Some(at("12:00:00")), ..Sources::default() });
        standing(&living, "orders-api", id).stands == Stands::Contradicted
    };
    assert!(!turned("suspicious-origins.strange_origin_allowed", "app.cors-origins"));
    assert!(turned("suspicious-origins.forged_principal", "auth.required"));
}

/// The owner's model, with a risk that the shop answers for until then.
fn accepted_until(expires: &str) -> Arc<Intended> {
    let text = format!(
        "{}accepted:\n  - {{ control: api.token-checked, on: apim-shop/orders, owner: shop, reason: \"For the fair.\", expires: \"{expires}\" }}\n",
        intended()
    );
    Arc::new(Intended::read("model.yaml", &text, &controls(), at("12:00:00")).unwrap())
}

#[test]
fn what_somebody_answered_for_is_an_alert_once_event_time_has_come_to_its_end() {
    let data = tempfile::tempdir().unwrap();
    let mut daemon = daemon(data.path());
    let meant = accepted_until("2026-03-01T11:30:00Z");
    daemon.core.set_surroundings(Surroundings { intended: meant.clone(), ..Surroundings::default() });
    daemon.absorb(&[web("11:00:00", "203.0.113.251", "-", 200)]);
    assert_eq!(shown(&daemon.read_as(Weakness::default(), &meant)), [""; 0]);
    assert_eq!(shown(&daemon.read_as(NO_TOKEN, &meant)), [""; 0], "the shop answers for it");
    daemon.absorb(&[web("11:29:00", "203.0.113.251", "-", 200)]);
    assert_eq!(shown(&daemon.core.tick()), [""; 0]);
    daemon.absorb(&[web("11:45:00", "203.0.113.251", "-", 200)]);
    let ended = daemon.core.tick();
    assert_eq!(shown(&ended), ["opened gateway apim-shop/orders"]);
    assert_eq!(ended[0].alert().opened_at, at("11:30:00"), "by the clock of events");
    let why = &ended[0].alert().why;
    assert!(why.contains("that shop answers for it has ended at 2026-03-01 11:30:00 UTC"), "{why}");
    daemon.commit(&ended);
    drop(daemon);
    let mut next = self::daemon(data.path());
    next.core.set_surroundings(Surroundings { intended: meant.clone(), ..Surroundings::default() });
    assert_eq!(shown(&next.read_as(NO_TOKEN, &meant)), [""; 0], "it was told before the restart");
    let longer = accepted_until("2026-04-01T00:00:00Z");
    assert_eq!(shown(&next.core.meant(&longer)), ["healed gateway apim-shop/orders"], "accepted anew");
}

#[test]
fn a_withdrawn_acceptance_is_told_as_of_now_and_not_of_the_last_reading() {
    let data = tempfile::tempdir().unwrap();
    let mut daemon = daemon(data.path());
    let meant = accepted_until("2026-04-01T00:00:00Z");
    daemon.absorb(&[web("09:00:00", "203.0.113.251", "-", 200)]);
    daemon.read_as(Weakness::default(), &meant);
    assert_eq!(shown(&daemon.read_as(NO_TOKEN, &meant)), [""; 0]);
    daemon.absorb(&[web("11:00:00", "203.0.113.251", "-", 200)]);
    let withdrawn = daemon.core.meant(&self::meant());
    assert_eq!(shown(&withdrawn), ["opened gateway apim-shop/orders"]);
    assert_eq!(withdrawn[0].alert().opened_at, at("11:00:00"));
    let again = daemon.core.meant(&meant);
    assert_eq!(shown(&again), ["healed gateway apim-shop/orders"]);
    let twice = daemon.core.meant(&self::meant());
    assert_eq!(shown(&twice), ["updated gateway apim-shop/orders"], "it is open again");
    let of_tokens = |one: &&Drift| &*one.control == "api.token-checked" && one.kind == DriftKind::Weaker;
    let times: Vec<_> = daemon.core.posture().drifts().iter().filter(of_tokens).map(|one| one.at).collect();
    assert!(times.len() == 2 && times[0] > times[1], "no two are of one moment: {times:?}");
}

#[test]
fn what_ended_while_nobody_read_is_told_at_its_end_by_the_first_reading_after_a_restart() {
    let data = tempfile::tempdir().unwrap();
    let mut first = daemon(data.path());
    let meant = accepted_until("2026-03-01T10:30:00Z");
    first.absorb(&[web("10:00:00", "203.0.113.251", "-", 200)]);
    first.read_as(Weakness::default(), &meant);
    first.read_as(NO_TOKEN, &meant);
    first.commit(&[]);
    drop(first);
    let mut next = daemon(data.path());
    next.offset = 10;
    next.absorb(&[web("11:00:00", "203.0.113.251", "-", 200)]);
    let ended = next.read_as(NO_TOKEN, &meant);
    assert_eq!(shown(&ended), ["opened gateway apim-shop/orders"]);
    assert_eq!(ended[0].alert().opened_at, at("10:30:00"));
}

#[test]
fn what_ended_before_the_oldest_event_is_not_told_whenever_it_comes_and_over_a_restart() {
    let data = tempfile::tempdir().unwrap();
    let mut first = daemon(data.path());
    let meant = accepted_until("2026-03-01T10:00:00Z");
    first.core.set_surroundings(Surroundings { intended: meant.clone(), ..Surroundings::default() });
    first.read_as(NO_TOKEN, &meant);
    first.absorb(&[web("10:00:20", "203.0.113.251", "-", 200)]);
    assert_eq!(shown(&first.core.tick()), [""; 0]);
    first.absorb(&[web("10:00:05", "203.0.113.251", "-", 200)]);
    first.commit(&[]);
    drop(first);
    let mut next = daemon(data.path());
    next.core.set_surroundings(Surroundings { intended: meant.clone(), ..Surroundings::default() });
    next.offset = 10;
    next.absorb(&[web("11:00:00", "203.0.113.251", "-", 200)]);
    assert_eq!(shown(&next.read_as(NO_TOKEN, &meant)), [""; 0]);
    assert_eq!(shown(&next.core.tick()), [""; 0], "nobody has watched when it ended");
}

/// A record of the Activity log: a write to an app.
fn write(time: &str, app: &str) -> String {
    format!(
        r#"{{"time":"2026-03-01T{time}Z","category":"Administrative","operationName":"MICROSOFT.WEB/SITES/WRITE","resultType":"Success","callerIpAddress":"198.51.100.30","resourceId":"/SUBSCRIPTIONS/S/RESOURCEGROUPS/G/PROVIDERS/MICROSOFT.WEB/SITES/{app}","identity":{{"claims":{{"appid":"3b1c54f0-2a55-4a0e-8f0e-8a7f6d5c4b3a"}}}}}}"#
    )
}

#[test]
fn writes_that_come_late_stand_among_the_changes_in_their_place_and_none_is_told_twice() {
    let data = tempfile::tempdir().unwrap();
    let mut first = daemon(data.path());
    let told = |daemon: &Daemon| {
        let of = |time: Timestamp| time.to_string()[11..16].to_owned();
        daemon.core.posture().drifts().iter().map(|one| format!("{} {}", of(one.at), one.part)).collect::<Vec<_>>()
    };
    first.absorb(&[write("11:00:00", "SHOP"), write("11:20:00", "SHOP")]);
    first.absorb(&[write("11:10:00", "SHOP"), write("09:00:00", "CARTS"), write("11:20:00", "SHOP")]);
    let wanted = ["11:20 shop", "11:10 shop", "11:00 shop", "09:00 carts"];
    assert_eq!(told(&first), wanted);
    first.commit(&[]);
    drop(first);
    let mut next = daemon(data.path());
    assert_eq!(told(&next), wanted);
    next.offset = 10;
    next.absorb(&[write("09:00:00", "CARTS"), write("08:00:00", "CARTS")]);
    assert_eq!(told(&next).len(), 5);
}

#[test]
fn a_reading_before_any_event_is_not_after_one_and_heals_nothing_that_events_prove() {
    let data = tempfile::tempdir().unwrap();
    let mut daemon = daemon(data.path());
    daemon.read(Weakness::default());
    assert_eq!(daemon.core.posture().configured.at, None);
    daemon.absorb(&[web("10:00:00", "198.51.100.9", "-", 200), web("10:30:00", "203.0.113.251", "-", 200)]);
    let stands = |daemon: &Daemon| {
        let living = build(&Sources { at: Some(at("10:45:00")), ..daemon.core.sources(&meant()) });
        standing(&living, "orders-api", "app.gateway-only").stands
    };
    assert_eq!(stands(&daemon), Stands::Contradicted, "the clock's eleven is no time of events");
    daemon.read(Weakness::default());
    assert_eq!(daemon.core.posture().configured.at, Some(at("10:30:00")), "event time, though the clock is ahead");
    assert_eq!(stands(&daemon), Stands::Held);
}

#[test]
fn what_events_proved_counts_for_a_time_and_says_when_it_was_seen_last() {
    let days =
        |days: u64| Timestamp::parse_rfc3339("2026-03-01T11:00:00Z").unwrap().plus(Duration::from_hours(24 * days));
    let month = Some(Duration::from_hours(30 * 24));
    let seen_at = |seen: &Observed, at| Sources { at: Some(at), stale_after: month, ..sources(seen.clone()) };
    let seen = |records: &[String], after: u64| build(&seen_at(&observed(records), days(after)));
    let gateway_only = |living: &Living| standing(living, "orders-api", "app.gateway-only").clone();
    let through = [web("11:00:00", "203.0.113.251", "-", 200)];
    assert_eq!(gateway_only(&seen(&through, 30)).stands, Stands::Held);
    let way = |living: &Living| flow(living, "apim-shop", (PartKind::App, "orders-api")).unwrap().clone();
    assert_eq!(way(&seen(&through, 30)).stands, Stands::Held);
    let old = seen(&through, 31);
    let (aged, way) = (gateway_only(&old), way(&old));
    assert_eq!(aged.stands, Stands::ConfiguredOnly);
    assert!(aged.says.ends_with("last at 2026-03-01 11:00:00 UTC: too long ago to count"), "{}", aged.says);
    assert_eq!(
        (way.stands, &*way.says),
        (Stands::ConfiguredOnly, "configured; no traffic was seen since 2026-03-01 11:00:00 UTC")
    );
    let past = [web("11:00:00", "198.51.100.9", "-", 200)];
    assert_eq!(gateway_only(&seen(&past, 30)).stands, Stands::Contradicted, "nothing has mended it");
    let aged = gateway_only(&seen(&past, 31));
    assert_eq!(aged.stands, Stands::Unknown, "that nobody was seen to do it since proves nothing either");
    assert!(aged.says.contains("let in once past the gateway, last at"), "{}", aged.says);
    let long_ago = web("11:00:00", "198.51.100.9", "-", 200).replace("2026-03-01", "2026-01-29");
    let both = observed(&[long_ago, web("11:00:00", "203.0.113.251", "-", 200)]);
    let after = seen_at(&both, days(0));
    let aged = gateway_only(&build(&after));
    assert_eq!(aged.stands, Stands::Unknown, "ordinary calls since close no door: {}", aged.says);
    let before = build(&seen_at(&both, days(0).minus(Duration::from_hours(24))));
    assert_eq!(gateway_only(&before).stands, Stands::Contradicted);
    let told = drift(&before, &build(&after));
    assert!(!told.iter().any(|one| one.kind == DriftKind::Stronger), "{told:?}");
    let unread = Arc::new(Setup { controls: controls(), ..Setup::default() });
    let without = |after| {
        let sources = seen_at(&observed(&past), days(after));
        gateway_only(&build(&Sources { configured: unread.clone(), intended: Arc::default(), ..sources })).stands
    };
    assert_eq!((without(30), without(31)), (Stands::Contradicted, Stands::Unknown), "no file says anything");
}

/// A record of the gateway, with a time and the members of its `properties`.
fn refused(status: u16, reason: &str) -> String {
    gateway("11:00:00", &format!(r#""responseCode":{status},"lastError":{{"reason":"{reason}"}}"#))
}

/// A record of Application Insights: a function of the orders API was called from this address.
fn app_request(ip: &str) -> String {
    format!(
        r#"{{"time":"2026-03-01T11:55:00Z","resourceId":"{ORDERS}","Type":"AppRequests","AppRoleName":"orders-api","OperationName":"get-order","Name":"get-order","ClientIP":"{ip}","Url":"https://orders-api.azurewebsites.net/api/orders/1","Success":"true","ResultCode":"200","Properties":{{"HttpPath":"/api/orders/1","HttpMethod":"GET"}}}}"#
    )
}

/// A record of the Activity log: a key of a function was written.
fn key_write() -> String {
    write("11:00:00", "ORDERS-API/FUNCTIONS/GET-ORDER/KEYS/DEFAULT")
        .replace("SITES/WRITE", "SITES/FUNCTIONS/KEYS/WRITE")
}

/// A record of a vault: the app's identity read a secret.
fn vault_read() -> String {
    format!(
        r#"{{"time":"2026-03-01T11:00:00Z","category":"AuditEvent","operationName":"SecretGet","resultSignature":"OK","callerIpAddress":"203.0.113.9","resourceId":"/SUBSCRIPTIONS/S/RESOURCEGROUPS/G/PROVIDERS/MICROSOFT.KEYVAULT/VAULTS/KV-SHOP","properties":{{"httpStatusCode":200}},"identity":{{"claim":{{"appid":"3b1c54f0-2a55-4a0e-8f0e-8a7f6d5c4b3a","xms_mirid":"{ORDERS}"}}}}}}"#
    )
}

/// What holds a control, if events alone or with the configuration can; and what proves the contrary, if
/// requests can.
fn proves(proof: Proof) -> (Vec<String>, Vec<String>) {
    let (through, past) = ("203.0.113.251", "198.51.100.9");
    let one = |record: String| vec![record];
    let none = Vec::new;
    match proof {
        Proof::TokenAsked => (one(refused(401, "TokenExpired")), none()),
        Proof::CredentialAsked => (
            one(refused(401, "SubscriptionKeyNotFound")),
            vec![
                gateway("11:54:00", r#""responseCode":200,"apimSubscriptionId":"shop-web""#),
                gateway("11:55:00", r#""responseCode":200"#),
            ],
        ),
        Proof::BehindGateway => (one(app_request(through)), one(app_request(past))),
        Proof::GatewayOnly => (one(web("11:00:00", through, "-", 200)), one(web("11:55:00", past, "-", 200))),
        Proof::AddressKeptOut => (
            one(web("11:00:00", past, "-", 403).replace(r#""ScStatus":403"#, r#""ScStatus":403,"ScSubStatus":6"#)),
            none(),
        ),
        Proof::KeyWritten => (one(key_write()), none()),
        Proof::AdminIsolated => {
            (none(), one(web("11:55:00", past, "-", 200).replace("/api/orders", "/admin/host/status")))
        }
        Proof::IdentityUsed => (one(vault_read()), none()),
        Proof::LogsArrive | Proof::AccessLogArrives => (one(web("11:00:00", through, "-", 200)), none()),
        Proof::Revalidated => (one(write("10:00:00", "ORDERS-API")), none()),
        Proof::LoginAsked => (
            one(gateway(
                "11:00:00",
                r#""responseCode":302,"responseHeaders":{"Location":"https://orders-api.azurewebsites.net/.auth/login/aad"}"#,
            )),
            none(),
        ),
        Proof::NewTls => (
            one(gateway("11:00:00", r#""responseCode":200,"clientTlsVersion":"1.3""#)),
            one(gateway("11:55:00", r#""responseCode":200,"clientTlsVersion":"1.0""#)),
        ),
        Proof::Limited => (one(refused(429, "RateLimitExceeded")), none()),
        Proof::QuotaUsedUp => (one(refused(403, "QuotaExceeded")), none()),
    }
}

/// The logs that come of the app and of the gateway.
fn logs() -> Vec<Sends> {
    let of = |kind, name: &str, categories: &[Category]| {
        let heard = categories.iter().map(|category| {
            let mut heard = Heard::nothing(*category);
            heard.hear(at("11:00:00"), 1, None);
            heard
        });
        Sends { kind, name: name.into(), resource: None, heard: heard.collect() }
    };
    let app = [
        Category::AppServiceHTTPLogs,
        Category::FunctionAppLogs,
        Category::AppServiceAuditLogs,
        Category::AppServiceIPSecAuditLogs,
    ];
    vec![
        of(ElementKind::App, "orders-api", &app),
        of(ElementKind::ApiManagement, "apim-shop", &[Category::GatewayLogs]),
    ]
}

/// Every control that names what events prove of it, on an element of its sort that is set as it should be.
#[test]
fn what_events_are_said_to_prove_of_a_control_they_prove_by_real_records() {
    let controls = controls();
    let text = "version: 1\ngateways:\n  - { name: apim-shop, authentication: [subscription-key] }\n";
    let meant = Arc::new(Intended::read("model.yaml", text, &controls, at("12:00:00")).unwrap());
    let element = |sort, name: &str, of: Option<&str>, found| Configuration {
        sort,
        name: name.into(),
        of: of.map(Into::into),
        asks: None,
        token: None,
        identity: false,
        http: true,
        found,
        layers: Vec::new(),
    };
    let mut wrong = Vec::new();
    for (place, control) in controls.all.iter().enumerate() {
        let Some(proof) = control.observed else { continue };
        let found =
            Found { control: u16::try_from(place).unwrap(), state: State::Configured, says: "set".into(), place: None };
        let (name, of) = match control.applies_to {
            Sort::App => ("orders-api", None),
            Sort::Function => ("orders-api/get-order", Some("orders-api")),
            Sort::Gateway => ("apim-shop", None),
            Sort::Api => ("apim-shop/orders", Some("apim-shop")),
            other => panic!("{}: no records of a {}", control.id, other.name()),
        };
        let operation = element(Sort::Operation, "apim-shop/orders/get-order", Some("apim-shop/orders"), Vec::new());
        let mut elements = vec![element(control.applies_to, name, of, vec![found]), operation];
        if control.applies_to != Sort::Api {
            elements.push(element(Sort::Api, "apim-shop/orders", Some("apim-shop"), Vec::new()));
        }
        let configured =
            Arc::new(Setup { controls: controls.clone(), elements, at: Some(at("11:30:00")), ..Setup::default() });
        let stands = |records: &[String]| {
            let sources = Sources {
                configured: configured.clone(),
                intended: meant.clone(),
                observed: Arc::new(observed(records)),
                sends: logs(),
                at: Some(at("12:00:00")),
                ..Sources::default()
            };
            standing(&build(&sources), name, &control.id).stands
        };
        let (holds, against) = proves(proof);
        assert!(!holds.is_empty() || !against.is_empty(), "{} by {}: nothing proves it", control.id, proof.name());
        for (records, wanted) in [(holds, Stands::Held), (against, Stands::Contradicted)] {
            if !records.is_empty() && stands(&records) != wanted {
                wrong.push(format!("{} by {}: {:?}", control.id, proof.name(), stands(&records)));
            }
        }
    }
    assert_eq!(wrong, [""; 0]);
}

#[test]
fn an_app_that_lets_in_the_front_door_of_another_tenant_is_not_closed_to_all_but_its_own() {
    let let_in = |id: &str, result: &str| {
        let record = format!(
            r#"{{"time":"2026-03-01T11:55:00Z","category":"AppServiceIPSecAuditLogs","resourceId":"/SUBSCRIPTIONS/S/RESOURCEGROUPS/G/PROVIDERS/MICROSOFT.WEB/SITES/STOCK-FN","properties":{{"Result":"{result}","CsHost":"stock-fn.azurewebsites.net","Details":"{result} by front door rule.","CIp":"147.243.0.7","XAzureFDID":"{id}"}}}}"#
        );
        let seen = observed(&[record]);
        seen.endpoints.get("stock-fn").is_some_and(|app| app.facts.of(Fact::PastGateway).is_some())
    };
    assert!(let_in("bbbbbbbb-0000-0000-0000-000000000002", "Allowed"));
    assert!(!let_in("bbbbbbbb-0000-0000-0000-000000000002", "Denied"));
    assert!(!let_in("AAAAAAAA-0000-0000-0000-000000000001", "Allowed"), "it is its own");
}
