//! What comes back all the time?
//!
//! Requests by chance, each kind of caller in its own rhythm, and beside them the small failures, the
//! platform's pings, the office behind one address, the monitors and the lone scans that every public
//! address sees. Tens of records a minute for each app at most.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::clock::Timestamp;
use crate::simulate::fleet::{self, APPS, CATALOG, Function, METER, NOTIFY, ORDERS, PARTNER};
use crate::simulate::rng::Rng;
use crate::simulate::stage::{Call, NO_OPERATION, Stage, path_of};
use crate::simulate::traffic::{self, Play};

use super::calendar::Curve;
use super::people::OFFICE;

const MINUTE: u64 = 60_000;

/// Every so many milliseconds where it is busiest, in whose rhythm, what.
pub(super) static ROUNDS: [(u64, Curve, Play); 14] = [
    (10_000, Curve::Shop, shopper),
    (8_000, Curve::Shop, browser),
    (12_000, Curve::Office, partner),
    (30_000, Curve::Shop, notified),
    (10_000, Curve::Flat, meter),
    (MINUTE, Curve::Flat, traffic::webhook),
    (45_000, Curve::Shop, traffic::queue),
    (MINUTE, Curve::Flat, traffic::timer),
    (5 * MINUTE, Curve::Flat, traffic::ping),
    (MINUTE, Curve::Flat, Stage::other),
    (6 * MINUTE, Curve::Shop, traffic::mishap),
    (3 * MINUTE, Curve::Office, colleague),
    (2 * MINUTE, Curve::Flat, monitor),
    (180 * MINUTE, Curve::Flat, lone_scan),
];

/// The function that the shop releases on some day.
static EXPORT: Function = Function { name: "export-orders", method: "GET", path: "/orders/export" };

/// Returns the id of the subscription of a partner who joins late.
pub(super) fn newcomer(fleet: &fleet::Fleet) -> String {
    format!("{:024x}", fleet.instances[PARTNER] >> 32)
}

fn shopper(stage: &mut Stage, at: Timestamp, rng: &mut Rng) {
    let number = rng.below(24) as usize;
    if stage.calendar.joined.is_some_and(|joined| at >= joined) && rng.one_in(12) {
        let subscription = newcomer(&stage.fleet);
        let path = path_of(ORDERS, 0, rng);
        let ip = IpAddr::V4(Ipv4Addr::new(203, 0, 113, 210));
        let call = Call::of(at, ORDERS, 0, &path, ip);
        return stage.call(&Call { subscription: &subscription, agent: "okhttp/4.12.0", status: 201, ..call }, rng);
    }
    if stage.calendar.released.is_some_and(|released| at >= released) && rng.one_in(8) {
        let (_, ip, agent, subscription) = traffic::traits(&stage.fleet.callers[number], rng);
        let call = Call { function: Some(&EXPORT), ..Call::new(at, ORDERS, "/api/orders/export", ip) };
        return stage.call(&Call { subscription: &subscription, agent, ..call }, rng);
    }
    traffic::regular(stage, number, at, rng);
}

fn browser(stage: &mut Stage, at: Timestamp, rng: &mut Rng) {
    if !stage.calendar.on_sale(at) {
        return traffic::browse(stage, at, rng);
    }
    // A sale brings people who were never here before.
    let ip = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0x5a1e, rng.below(5_000) as u16, 0, 0, 0, 1));
    let (path, agent, origin) = (path_of(CATALOG, 1, rng), *rng.pick(&fleet::BROWSERS), fleet::ORIGINS[0]);
    let call = Call { agent, origin, allow_origin: origin, ..Call::of(at, CATALOG, 1, &path, ip) };
    stage.call(&call, rng);
}

fn partner(stage: &mut Stage, at: Timestamp, rng: &mut Rng) {
    let number = 24 + rng.below(22) as usize;
    traffic::regular(stage, number, at, rng);
}

fn notified(stage: &mut Stage, at: Timestamp, rng: &mut Rng) {
    let number = 46 + rng.below(7) as usize;
    traffic::regular(stage, number, at, rng);
}

fn meter(stage: &mut Stage, at: Timestamp, rng: &mut Rng) {
    let number = 53 + rng.below(7) as usize;
    traffic::regular(stage, number, at, rng);
}

/// Somebody of the office, all of it behind one address: now and then a session has run out.
fn colleague(stage: &mut Stage, at: Timestamp, rng: &mut Rng) {
    let path = path_of(NOTIFY, 0, rng);
    let agent = *rng.pick(&fleet::BROWSERS);
    let status = if rng.one_in(6) { 401 } else { 200 };
    stage.direct(&Call { status, agent, ..Call::of(at, NOTIFY, 0, &path, IpAddr::from(OFFICE)) }, rng);
}

/// A monitor asks from one of five places whether the apps without a gateway live.
fn monitor(stage: &mut Stage, at: Timestamp, rng: &mut Rng) {
    let ip = IpAddr::V4(Ipv4Addr::new(203, 0, 113, 220 + rng.below(5) as u8));
    for app in [NOTIFY, METER] {
        let agent = "Mozilla/5.0 (compatible; uptime-check/3.1)";
        stage.direct(&Call { agent, ..Call::new(at, app, "/api/health", ip) }, rng);
    }
}

/// Somebody on the internet asks for one or two things, and is gone.
fn lone_scan(stage: &mut Stage, at: Timestamp, rng: &mut Rng) {
    let ip = stranger(rng);
    for _ in 0..rng.between(1, 2) {
        scan(stage, at, ip, rng);
    }
}

/// An address of nobody in particular.
pub(super) fn stranger(rng: &mut Rng) -> IpAddr {
    IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0x0ff0, rng.below(60_000) as u16, 0, 0, 0, 1))
}

/// Asks for something that is not there: at a gateway, whose name is in public certificates, three
/// times of four, else at an app.
pub(super) fn scan(stage: &mut Stage, at: Timestamp, ip: IpAddr, rng: &mut Rng) {
    const PATHS: [&str; 12] = [
        "/.env",
        "/.git/config",
        "/wp-login.php",
        "/api/.env",
        "/owa/auth/logon.aspx",
        "/.aws/credentials",
        "/phpinfo.php",
        "/cgi-bin/luci",
        "/actuator/health",
        "/backup/.env",
        "/server-status",
        "/docker-compose.yml",
    ];
    let app = *rng.pick(&[CATALOG, ORDERS, PARTNER, NOTIFY]);
    let path = *rng.pick(&PATHS);
    let call = Call { agent: "Mozilla/5.0 zgrab/0.x", ..Call::new(at, app, path, ip) };
    if APPS[app].gateway.is_some() {
        stage.call(&call.refused(&NO_OPERATION), rng);
    } else {
        stage.direct(&Call { status: 404, ..call }, rng);
    }
}
