//! What is planned, and harmless?
//!
//! Nightly batches, weekly reports, releases, policies, the office's Monday morning, colleagues at the
//! portal, crawlers, and small scans from the internet. None of it has a label: an alert of medium
//! and more about it is false.

use std::net::IpAddr;
use std::time::Duration;

use crate::simulate::activity_log::{Operation, PIPELINE};
use crate::simulate::attacks::{Act, Plan, Turn};
use crate::simulate::fleet::{self, APPS, CATALOG, Caller, ORDERS, PARTNER, PAYMENTS};
use crate::simulate::rng::Rng;
use crate::simulate::stage::{Call, KEY_MISSING, RATE, Stage, TOKEN_EXPIRED, path_of};
use crate::simulate::traffic;

use super::calendar::Calendar;
use super::people::{KEEPERS, OFFICE, PEOPLE};
use super::records::SignIn;
use super::rounds::{scan, stranger};

const HOUR: u64 = 3_600;

const fn plan(name: &'static str, act: Act) -> Plan {
    Plan::new("everyday", name, "", act).ordinary()
}

static NIGHTLY: Plan = plan("nightly-batch", batch).steps(150, 900);
static WEEKLY: [Plan; 2] = [plan("weekly-report", invoices).steps(20, 300), plan("weekly-list", lists).steps(20, 300)];
static MONDAY: Plan = plan("monday-morning", expired_at_the_office).steps(25, 2_400);
static CONFUSED: Plan = plan("expired-and-again", expired).steps(12, 180);
static GONE: Plan = plan("deleted-records", gone).steps(45, 480);
static KEYLESS: Plan = plan("key-forgotten", keyless).steps(30, 600);
static LIMITED: Plan = plan("rate-limited", limited).steps(40, 300);
static CRAWL: Plan = plan("crawler", crawl).steps(40, 1_200);
static SCAN: Plan = plan("small-scan", small_scan).steps(8, 40);
static WORKDAY: Plan = plan("workday", workday).steps(6, 8 * HOUR);
static UPKEEP: Plan = plan("upkeep", upkeep);
static KEYS: Plan = plan("keys-looked-up", keys_looked_up).steps(2, 120);
static POLICY: Plan = plan("policy-released", policy);
static RELEASES: [Plan; 6] = [
    plan("release", |stage, turn, rng| release(stage, turn, 0, rng)),
    plan("release", |stage, turn, rng| release(stage, turn, 1, rng)),
    plan("release", |stage, turn, rng| release(stage, turn, 2, rng)),
    plan("release", |stage, turn, rng| release(stage, turn, 3, rng)),
    plan("release", |stage, turn, rng| release(stage, turn, 4, rng)),
    plan("release", |stage, turn, rng| release(stage, turn, 5, rng)),
];
static BROKEN: Plan = plan("broken-release", broken).steps(30, 180);

/// Returns each day's plans: the day, the second of it, the plan.
pub(super) fn planned(days: u64, calendar: &Calendar, rng: &mut Rng) -> Vec<(u64, u64, &'static Plan)> {
    let mut all: Vec<(u64, u64, &Plan)> = Vec::new();
    for day in 0..days {
        all.push((day, 2 * HOUR + rng.below(1_200), &NIGHTLY));
        for _ in 0..3 {
            all.push((day, rng.below(23 * HOUR), &CRAWL));
        }
        if rng.below(14) < 5 {
            all.push((day, rng.below(23 * HOUR), &SCAN));
        }
        all.push((day, rng.between(6 * HOUR, 20 * HOUR), &CONFUSED));
        match calendar.weekday(day) {
            2 => all.extend(WEEKLY.iter().map(|plan| (day, 6 * HOUR, plan))),
            4 => all.push((day, 3 * HOUR, &LIMITED)),
            _ => {}
        }
        if calendar.works(day) {
            working_day(day, calendar.weekday(day) == 0, &mut all, rng);
        }
    }
    for month in 0..days / 28 {
        all.extend([(28 * month + rng.between(3, 26), rng.between(8 * HOUR, 16 * HOUR), &KEYLESS)]);
    }
    for half in 0..days / 14 {
        all.push((14 * half + rng.between(1, 12), rng.between(4 * HOUR, 20 * HOUR), &GONE));
    }
    all
}

fn working_day(day: u64, monday: bool, all: &mut Vec<(u64, u64, &'static Plan)>, rng: &mut Rng) {
    if monday {
        all.push((day, 8 * HOUR, &MONDAY));
    }
    for _ in 0..3 {
        all.push((day, 8 * HOUR + rng.below(HOUR), &WORKDAY));
    }
    let office = |rng: &mut Rng| rng.between(9 * HOUR, 16 * HOUR);
    all.extend([(day, office(rng), &UPKEEP), (day, office(rng), &UPKEEP)]);
    // About once a week each: keys looked up, a policy; twice a week: a release of each app.
    if rng.one_in(5) {
        all.push((day, office(rng), &KEYS));
    }
    if rng.one_in(5) {
        all.push((day, office(rng), &POLICY));
    }
    for plan in &RELEASES {
        if rng.below(5) < 2 {
            let at = office(rng);
            all.push((day, at, plan));
            if rng.one_in(4) {
                all.push((day, at + 60, &BROKEN));
            }
        }
    }
}

fn as_caller(stage: &Stage, (gateway, number): (usize, usize)) -> (IpAddr, &'static str, String, (usize, usize)) {
    let Caller { subscription, addresses, agent, habits } = stage.fleet.subscriber(gateway, number);
    (addresses[0], agent, subscription.clone(), habits[0])
}

/// Calls function `of` of an app as `who`; `change` says how it ends.
fn called(
    stage: &mut Stage,
    turn: &Turn,
    who: (usize, usize),
    of: Option<(usize, usize)>,
    change: impl for<'a> FnOnce(Call<'a>) -> Call<'a>,
    rng: &mut Rng,
) {
    let (ip, agent, subscription, habit) = as_caller(stage, who);
    let (app, function) = of.unwrap_or(habit);
    let path = path_of(app, function, rng);
    let call = Call { agent, subscription: &subscription, ..Call::of(turn.at, app, function, &path, ip) };
    stage.call(&change(call), rng);
}

fn batch(stage: &mut Stage, turn: &Turn, rng: &mut Rng) {
    called(stage, turn, (1, 6), None, |call| call, rng);
}

fn invoices(stage: &mut Stage, turn: &Turn, rng: &mut Rng) {
    called(stage, turn, (1, 3), Some((PARTNER, 3)), |call| call, rng);
}

fn lists(stage: &mut Stage, turn: &Turn, rng: &mut Rng) {
    called(stage, turn, (0, 2), Some((ORDERS, 2)), |call| call, rng);
}

/// The weekend was longer than anybody's token.
fn expired_at_the_office(stage: &mut Stage, turn: &Turn, rng: &mut Rng) {
    let path = path_of(PAYMENTS, 2, rng);
    let call = Call::of(turn.at, PAYMENTS, 2, &path, IpAddr::from(OFFICE));
    let agent = *rng.pick(&fleet::BROWSERS);
    stage.call(&Call { agent, ..call }.refused(&TOKEN_EXPIRED), rng);
}

fn expired(stage: &mut Stage, turn: &Turn, rng: &mut Rng) {
    let who = turn.same.clone().below(16) as usize;
    called(stage, turn, (turn.step as usize % 2, who), None, |call| call.refused(&TOKEN_EXPIRED), rng);
}

/// A batch over records that were deleted last night.
fn gone(stage: &mut Stage, turn: &Turn, rng: &mut Rng) {
    called(stage, turn, (1, 12), Some((PARTNER, 0)), |call| Call { status: 404, ..call }, rng);
}

/// A partner's release has lost the key.
fn keyless(stage: &mut Stage, turn: &Turn, rng: &mut Rng) {
    called(stage, turn, (1, 13), None, |call| Call { subscription: "", ..call }.refused(&KEY_MISSING), rng);
}

fn limited(stage: &mut Stage, turn: &Turn, rng: &mut Rng) {
    called(stage, turn, (0, 8), None, |call| call.refused(&RATE), rng);
}

/// A search engine's crawler: three of ten pages are gone by now.
fn crawl(stage: &mut Stage, turn: &Turn, rng: &mut Rng) {
    let ip = IpAddr::from([203, 0, 113, 230 + turn.same.clone().below(4) as u8]);
    let path = path_of(CATALOG, 1, rng);
    let status = if rng.below(10) < 3 { 404 } else { 200 };
    let agent = "Mozilla/5.0 (compatible; findbot/2.1; +https://find.example/bot.html)";
    stage.call(&Call { status, agent, ..Call::of(turn.at, CATALOG, 1, &path, ip) }, rng);
}

/// One address asks for a handful of things that are not there.
fn small_scan(stage: &mut Stage, turn: &Turn, rng: &mut Rng) {
    let ip = stranger(&mut turn.same.clone());
    scan(stage, turn.at, ip, rng);
}

/// A colleague signs in, now and then with a typing error.
fn workday(stage: &mut Stage, turn: &Turn, rng: &mut Rng) {
    let who = *turn.same.clone().pick(&PEOPLE);
    let code = if rng.one_in(10) { 50_126 } else { 0 };
    stage.sign_in(&SignIn { code, ..SignIn::new(turn.at, who) }, rng);
}

fn upkeep(stage: &mut Stage, turn: &Turn, rng: &mut Rng) {
    let app = rng.below(6) as usize;
    let actor = *rng.pick(&PEOPLE);
    let site = format!("Microsoft.Web/sites/{}", APPS[app].name);
    let action = *rng.pick(&[
        "Microsoft.Web/sites/restart/action",
        "Microsoft.Web/sites/write",
        "Microsoft.Insights/metricAlerts/write",
        "Microsoft.Web/sites/slots/slotsswap/action",
    ]);
    let old_form = rng.one_in(2);
    stage.operate(&Operation { at: turn.at, actor, action, resource: &site, app, old_form, body: "" }, rng);
}

/// Those who look after keys look one up.
fn keys_looked_up(stage: &mut Stage, turn: &Turn, rng: &mut Rng) {
    let mut same = turn.same.clone();
    let (app, actor) = (same.below(6) as usize, *same.pick(&KEEPERS));
    let host = format!("Microsoft.Web/sites/{}/host/default", APPS[app].name);
    let action = "Microsoft.Web/sites/host/listkeys/action";
    stage.operate(&Operation { at: turn.at, actor, action, resource: &host, app, old_form: false, body: "" }, rng);
}

/// The pipeline releases an API's policy with the API.
fn policy(stage: &mut Stage, turn: &Turn, rng: &mut Rng) {
    let app = rng.below(4) as usize;
    let Some((gateway, api)) = APPS[app].gateway else { return };
    let resource =
        format!("Microsoft.ApiManagement/service/{}/apis/{api}/policies/policy", fleet::GATEWAYS[gateway].name);
    let action = "Microsoft.ApiManagement/service/apis/policies/write";
    let step = Operation { at: turn.at, actor: &PIPELINE, action, resource: &resource, app, old_form: false, body: "" };
    stage.operate(&step, rng);
}

fn release(stage: &mut Stage, turn: &Turn, app: usize, rng: &mut Rng) {
    traffic::deploy(stage, turn.at, app, rng);
}

/// What was released fails for three minutes, until it is rolled back.
fn broken(stage: &mut Stage, turn: &Turn, rng: &mut Rng) {
    let number = rng.below(60) as usize;
    let ((app, function), ip, agent, subscription) = traffic::traits(&stage.fleet.callers[number], rng);
    let path = path_of(app, function, rng);
    let at = turn.at.plus(Duration::from_millis(rng.below(100)));
    let call = Call { agent, subscription: &subscription, status: 500, ..Call::of(at, app, function, &path, ip) };
    stage.call(&call, rng);
}
