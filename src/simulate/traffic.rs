//! What happens on an ordinary day?
//!
//! Requests of callers, browsers and phones in the rhythm of the day; beside them, on the clock
//! and not by volume, what always goes wrong a little (an expired token, a typo, a 500), the
//! platform's own pings, and the pipeline that deploys. Mishaps are rare for each address
//! whatever the rate is, so that an ordinary day stays ordinary under load.

use std::time::Duration;

use crate::clock::Timestamp;

use super::activity_log::{OPERATOR, Operation, PIPELINE};
use super::fleet::{self, APPS, BROWSERS, CATALOG, Caller, METER, NOTIFY, ORDERS, ORIGINS, loopback};
use super::rng::Rng;
use super::stage::{BACKEND, Call, KEY_MISSING, NO_OPERATION, Stage, TOKEN_EXPIRED, path_of};
use super::weeks::{Calendar, Curve};

/// How busy each hour of the day is (UTC), in thousandths of the busiest.
pub(super) static BUSY: [u64; 25] = [
    310, 260, 230, 220, 240, 300, 420, 580, 740, 860, 930, 970, 1000, 990, 960, 950, 940, 930, 900, 850, 760, 640, 510,
    400, 310,
];

/// Returns how busy the minute of `at` is, in thousandths of the busiest.
pub(super) fn busy(at: Timestamp) -> u64 {
    let minute = (at.nanos().div_euclid(60_000_000_000)).rem_euclid(1_440) as usize;
    let (hour, past) = (minute / 60, minute as u64 % 60);
    (BUSY[hour] * (60 - past) + BUSY[hour + 1] * past) / 60
}

/// What a rhythm does each time.
pub(super) type Play = fn(&mut Stage, Timestamp, &mut Rng);

/// Something that comes back on the clock.
#[derive(Debug)]
pub(super) struct Rhythm {
    pub(super) next: Timestamp,
    pause: Pause,
    act: Play,
}

/// How long it is until something comes back.
#[derive(Debug)]
pub(super) enum Pause {
    /// The shortest and the longest, milliseconds.
    Between(u64, u64),
    /// So many milliseconds on average where it is busiest, by chance alone, and longer where it is not.
    Chance(u64, Curve),
}

impl Pause {
    fn length(&self, calendar: &Calendar, at: Timestamp, rng: &mut Rng) -> Duration {
        Duration::from_millis(match *self {
            Self::Between(low, high) => rng.between(low, high),
            Self::Chance(mean, curve) => rng.around(mean * 1_000 / calendar.busy(curve, at).max(1)).max(1),
        })
    }
}

impl Rhythm {
    /// Returns what comes back in an ordinary world that begins at `start`. At fewer than ten
    /// records a second the pauses are longer, so that the clock does not outrun the rate.
    pub(super) fn all(start: Timestamp, rate: u32, rng: &mut Rng) -> Vec<Self> {
        let stretch = 10_u64.div_ceil(u64::from(rate.max(1)));
        let rhythms: [((u64, u64), Play); 6] = [
            ((5, 17), mishap),
            ((8, 12), ping),
            ((1, 5), Stage::other),
            ((20, 40), timer),
            ((150, 900), operate),
            ((3_000, 9_000), deploy_one),
        ];
        let begin = |((low, high), act): ((u64, u64), Play)| {
            let (low, high) = (low * 1_000 * stretch, high * 1_000 * stretch);
            let pause = Pause::Between(low, high);
            Self { next: start.plus(Duration::from_millis(rng.below(low))), pause, act }
        };
        rhythms.into_iter().map(begin).collect()
    }

    /// Returns what comes back by chance, every `mean` milliseconds where it is busiest.
    pub(super) fn by_chance(start: Timestamp, mean: u64, curve: Curve, act: Play, rng: &mut Rng) -> Self {
        let next = start.plus(Duration::from_millis(rng.below(mean)));
        Self { next, pause: Pause::Chance(mean, curve), act }
    }

    /// Plays this once and sets its next time.
    pub(super) fn play(&mut self, stage: &mut Stage, rng: &mut Rng) {
        (self.act)(stage, self.next, rng);
        self.next = self.next.plus(self.pause.length(&stage.calendar, self.next, rng));
    }
}

/// Plays one request of an ordinary day.
pub(super) fn ordinary(stage: &mut Stage, at: Timestamp, rng: &mut Rng) {
    match rng.below(100) {
        0..22 => browse(stage, at, rng),
        22..25 => webhook(stage, at, rng),
        25..29 => queue(stage, at, rng),
        _ => {
            let number = rng.below(stage.fleet.callers.len() as u64) as usize;
            regular(stage, number, at, rng);
        }
    }
}

/// Copies what a call needs of caller `number`, so that the stage is free to write.
pub(super) fn traits(caller: &Caller, rng: &mut Rng) -> ((usize, usize), std::net::IpAddr, &'static str, String) {
    (*rng.pick(&caller.habits), *rng.pick(&caller.addresses), caller.agent, caller.subscription.clone())
}

pub(super) fn regular(stage: &mut Stage, number: usize, at: Timestamp, rng: &mut Rng) {
    let ((app, function), ip, agent, subscription) = traits(&stage.fleet.callers[number], rng);
    let path = path_of(app, function, rng);
    let call = Call { agent, subscription: &subscription, ..Call::of(at, app, function, &path, ip) };
    let status = if call.method == "POST" && rng.one_in(3) { 201 } else { 200 };
    stage.call(&Call { status, ..call }, rng);
}

pub(super) fn browse(stage: &mut Stage, at: Timestamp, rng: &mut Rng) {
    let ip = fleet::browser(rng);
    let origin = ORIGINS[usize::from(rng.one_in(4))];
    let agent = *rng.pick(&BROWSERS);
    let function = rng.below(3) as usize;
    let path = path_of(CATALOG, function, rng);
    let query = if function == 0 { format!("q=lamp&page={}", rng.between(1, 9)) } else { String::new() };
    let call =
        Call { agent, origin, allow_origin: origin, query: &query, ..Call::of(at, CATALOG, function, &path, ip) };
    if rng.one_in(12) {
        let call = Call { path: "/api/products", query: "", method: "OPTIONS", ..call };
        return stage.call(&call, rng);
    }
    stage.call(&call, rng);
}

/// A service calls back with the key that it was given: in the URL, by design.
pub(super) fn webhook(stage: &mut Stage, at: Timestamp, rng: &mut Rng) {
    let number = rng.below(stage.fleet.webhooks.len() as u64) as usize;
    let hook = &stage.fleet.webhooks[number];
    let (path, app) = (hook.path, if number == 0 { NOTIFY } else { ORDERS });
    let query = if number == 0 {
        format!("functionName=send-mail&code={}", hook.key)
    } else {
        format!("taskHub=orders&connection=Storage&code={}", hook.key)
    };
    let ip = std::net::IpAddr::V4(std::net::Ipv4Addr::new(203, 0, 113, 244 + number as u8));
    let agent = if number == 0 { "Microsoft-EventGrid/1.0" } else { "azsdk-net-DurableTask/2.13" };
    let method = if number == 0 { "POST" } else { "GET" };
    stage.direct(&Call { method, agent, query: &query, ..Call::new(at, app, path, ip) }, rng);
}

/// A function that a queue wakes, not a request.
pub(super) fn queue(stage: &mut Stage, at: Timestamp, rng: &mut Rng) {
    let function = &APPS[NOTIFY].functions[rng.between(2, 3) as usize];
    stage.run(at, NOTIFY, function, "New queue message detected on 'outgoing'.", true, rng);
}

pub(super) fn timer(stage: &mut Stage, at: Timestamp, rng: &mut Rng) {
    let app = if rng.one_in(2) { METER } else { super::fleet::PAYMENTS };
    stage.run(at, app, &APPS[app].functions[3], "Timer fired at the scheduled time", true, rng);
}

/// One of the small failures of every day.
pub(super) fn mishap(stage: &mut Stage, at: Timestamp, rng: &mut Rng) {
    let number = rng.below(stage.fleet.callers.len() as u64) as usize;
    let ((app, function), ip, agent, subscription) = traits(&stage.fleet.callers[number], rng);
    let path = path_of(app, function, rng);
    let call = Call { agent, subscription: &subscription, ..Call::of(at, app, function, &path, ip) };
    let through_gateway = APPS[app].gateway.is_some();
    match rng.below(8) {
        0 if through_gateway => stage.call(&call.refused(&TOKEN_EXPIRED), rng),
        1 if through_gateway => stage.call(&Call { subscription: "", ..call }.refused(&KEY_MISSING), rng),
        2 if through_gateway => {
            let path = format!("/api/v0/{}", rng.below(20));
            stage.call(&Call { path: &path, function: None, ..call }.refused(&NO_OPERATION), rng);
        }
        3 if through_gateway => stage.call(&call.refused(&BACKEND), rng),
        4 => stage.call(&Call { status: 500, ..call }, rng),
        5 => {
            let (ip, agent) = (fleet::browser(rng), *rng.pick(&BROWSERS));
            let path = *rng.pick(&["/favicon.ico", "/robots.txt", "/apple-touch-icon.png"]);
            stage.direct(&Call { status: 404, agent, ..Call::new(at, rng.below(6) as usize, path, ip) }, rng);
        }
        6 => stage.call(&Call { status: 403, ..call }, rng),
        _ if through_gateway => stage.call(&Call { status: 404, ..call }, rng),
        _ => stage.call(&Call { status: 401, ..call }, rng),
    }
}

/// The platform keeps apps warm and asks whether they live.
pub(super) fn ping(stage: &mut Stage, at: Timestamp, rng: &mut Rng) {
    for app in 0..APPS.len() {
        let (path, agent) = match rng.below(8) {
            0 => ("/admin/host/ping", "HealthCheck/1.0"),
            1 => ("/admin/warmup", "SiteWarmup"),
            2 => ("/api/health", "Edge Health Probe"),
            _ => ("/", "AlwaysOn"),
        };
        let at = super::stage::jitter(at, 900, rng);
        stage.web(&Call { agent, ..Call::new(at, app, path, loopback()) }, rng);
    }
}

/// Somebody of the operations team does something ordinary.
fn operate(stage: &mut Stage, at: Timestamp, rng: &mut Rng) {
    let app = rng.below(5) as usize;
    let action = *rng.pick(&[
        "Microsoft.Web/sites/restart/action",
        "Microsoft.Web/sites/write",
        "Microsoft.Insights/metricAlerts/write",
    ]);
    let resource = format!("Microsoft.Web/sites/{}", APPS[app].name);
    let old_form = rng.one_in(2);
    stage.operate(&Operation { at, actor: &OPERATOR, action, resource: &resource, app, old_form, body: "" }, rng);
}

fn deploy_one(stage: &mut Stage, at: Timestamp, rng: &mut Rng) {
    let app = rng.below(5) as usize;
    deploy(stage, at, app, rng);
}

/// The pipeline deploys an app: its settings, its package, its restart.
pub(super) fn deploy(stage: &mut Stage, at: Timestamp, app: usize, rng: &mut Rng) {
    let site = format!("Microsoft.Web/sites/{}", APPS[app].name);
    let settings = format!("{site}/config/appsettings");
    let later = |millis| at.plus(Duration::from_millis(millis));
    let steps: [(u64, &str, &str); 3] = [
        (0, "Microsoft.Web/sites/config/write", &settings),
        (700, "Microsoft.Web/sites/extensions/write", &site),
        (1_100, "Microsoft.Web/sites/restart/action", &site),
    ];
    for (millis, action, resource) in steps {
        let step = Operation { at: later(millis), actor: &PIPELINE, action, resource, app, old_form: false, body: "" };
        stage.operate(&step, rng);
    }
    let ip = std::net::IpAddr::V4(std::net::Ipv4Addr::new(203, 0, 113, 240));
    let package = Call {
        method: "POST",
        status: 202,
        agent: "AzurePipelines/1.0",
        scm: true,
        ..Call::new(later(600), app, "/api/zipdeploy", ip)
    };
    stage.web(&package, rng);
}
