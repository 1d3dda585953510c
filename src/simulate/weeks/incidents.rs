//! What looks like an attack, and is none?
//!
//! Rotations with callers that still have the old key, outages, an identity provider that rolls its
//! keys, a new colleague, a load test. Each has a label that says so: an alert of medium and more
//! about it is false, but by the detectors that it names.

use std::net::IpAddr;

use crate::simulate::activity_log::{Actor, Operation, PIPELINE};
use crate::simulate::attacks::{Place, Plan, Turn};
use crate::simulate::fleet::{APPS, CATALOG, METER, NOTIFY, ORDERS, PAYMENTS};
use crate::simulate::rng::Rng;
use crate::simulate::stage::{BACKEND, Call, KEY_INVALID, SIGNING_KEY, Stage, TOKEN_EXPIRED, path_of};

use super::people::{COLLEAGUE, OFFICE};
use super::records::SignIn;

pub(super) static PLANS: &[Plan] = &[
    Plan::new(
        "control-plane",
        "function-keys-rotated",
        "The pipeline gives an app new keys, and takes the old ones away a day later.",
        keys_rotated,
    )
    .on(NOTIFY)
    .incident(&[])
    .at(Place::FromDay(8))
    .steps(2, 86_400),
    Plan::new(
        "auth-failures",
        "old-subscription-key",
        "A subscription's key was renewed; its owner tries the old one each minute for three hours.",
        old_key,
    )
    .entity(|fleet| fleet.subscriber(0, 10).addresses[0].to_string())
    .incident(&[])
    .at(Place::FromDay(3))
    .steps(180, 10_800),
    Plan::new(
        "auth-failures",
        "old-subscription-key-and-no-patience",
        "A subscription's key was renewed; its owner tries the old one every ten seconds for 20 minutes.",
        old_key_often,
    )
    .entity(|fleet| fleet.subscriber(1, 10).addresses[0].to_string())
    .incident(&[])
    .at(Place::FromDay(3))
    .steps(120, 1_200),
    Plan::new(
        "auth-failures",
        "backend-outage",
        "What lies behind an app is down: every call fails for 25 minutes.",
        outage,
    )
    .on(PAYMENTS)
    .incident(&[])
    .at(Place::FromDay(2))
    .steps(150, 1_500),
    Plan::new("telemetry", "platform-outage", "The platform stops an app for three quarters of an hour.", |_, _, _| {})
        .on(NOTIFY)
        .entity(|_| APPS[NOTIFY].name.into())
        .incident(&["telemetry.app_gone_quiet"])
        .at(Place::FromDay(2))
        .steps(1, 2_700),
    Plan::new(
        "auth-failures",
        "signing-key-rolled",
        "The identity provider rolls its keys before a gateway fetches them: valid tokens are refused for 12 minutes.",
        rollover,
    )
    .incident(&["auth-failures.signing_key_rollover"])
    .at(Place::FromDay(2))
    .steps(150, 720),
    Plan::new(
        "control-plane",
        "new-colleague",
        "A colleague who is new signs in, deploys and changes settings.",
        colleague,
    )
    .entity(|_| COLLEAGUE.object.into())
    .incident(&[])
    .at(Place::FromDay(9))
    .steps(5, 28_800),
    Plan::new(
        "auth-failures",
        "token-never-renewed",
        "A partner's client sends the same expired token every five minutes for two days.",
        never_renewed,
    )
    .entity(|fleet| fleet.subscriber(1, 14).addresses[0].to_string())
    .incident(&[])
    .at(Place::FromDay(2))
    .steps(576, 172_800),
    Plan::new(
        "auth-failures",
        "load-test",
        "The office tries how much the catalogue can bear, for five minutes.",
        load_test,
    )
    .entity(|_| IpAddr::from(OFFICE).to_string())
    .incident(&[])
    .at(Place::FromDay(2))
    .steps(900, 300),
];

fn operate(stage: &mut Stage, turn: &Turn, actor: &Actor, app: usize, action: &str, below: &str, rng: &mut Rng) {
    let resource = format!("Microsoft.Web/sites/{}{below}", APPS[app].name);
    let operation = Operation { at: turn.at, actor, action, resource: &resource, app, old_form: false, body: "" };
    stage.operate(&operation, rng);
}

fn keys_rotated(stage: &mut Stage, turn: &Turn, rng: &mut Rng) {
    let verb = if turn.step == 0 { "write" } else { "delete" };
    let action = format!("Microsoft.Web/sites/host/functionKeys/{verb}");
    for key in ["orders", "shop"] {
        let below = format!("/host/default/functionKeys/{key}");
        operate(stage, turn, &PIPELINE, NOTIFY, &action, &below, rng);
    }
}

/// Calls with a key that holds no longer: the gateway does not know whose it was.
fn with_old_key(stage: &mut Stage, turn: &Turn, (gateway, number): (usize, usize), rng: &mut Rng) {
    let caller = stage.fleet.subscriber(gateway, number);
    let ((app, function), ip, agent) = (caller.habits[0], caller.addresses[0], caller.agent);
    let path = path_of(app, function, rng);
    stage.call(&Call { agent, ..Call::of(turn.at, app, function, &path, ip) }.refused(&KEY_INVALID), rng);
}

fn old_key(stage: &mut Stage, turn: &Turn, rng: &mut Rng) {
    with_old_key(stage, turn, (0, 10), rng);
}

fn old_key_often(stage: &mut Stage, turn: &Turn, rng: &mut Rng) {
    with_old_key(stage, turn, (1, 10), rng);
}

fn outage(stage: &mut Stage, turn: &Turn, rng: &mut Rng) {
    let number = rng.below(16) as usize;
    let caller = stage.fleet.subscriber(1, number);
    let (ip, agent, subscription) = (caller.addresses[0], caller.agent, caller.subscription.clone());
    let function = rng.below(3) as usize;
    let path = path_of(PAYMENTS, function, rng);
    let call = Call { agent, subscription: &subscription, ..Call::of(turn.at, PAYMENTS, function, &path, ip) };
    stage.call(&call.refused(&BACKEND), rng);
}

fn rollover(stage: &mut Stage, turn: &Turn, rng: &mut Rng) {
    let caller = stage.fleet.subscriber(1, turn.step as usize % 14);
    let ((app, function), ip, agent) = (caller.habits[0], caller.addresses[0], caller.agent);
    let path = path_of(app, function, rng);
    stage.call(&Call { agent, ..Call::of(turn.at, app, function, &path, ip) }.refused(&SIGNING_KEY), rng);
}

fn colleague(stage: &mut Stage, turn: &Turn, rng: &mut Rng) {
    match turn.step {
        0 | 3 => stage.sign_in(&SignIn::new(turn.at, &COLLEAGUE), rng),
        1 => operate(stage, turn, &COLLEAGUE, ORDERS, "Microsoft.Web/sites/restart/action", "", rng),
        2 => operate(stage, turn, &COLLEAGUE, ORDERS, "Microsoft.Web/sites/config/write", "/config/appsettings", rng),
        _ => operate(stage, turn, &COLLEAGUE, METER, "Microsoft.Web/sites/extensions/write", "", rng),
    }
}

fn never_renewed(stage: &mut Stage, turn: &Turn, rng: &mut Rng) {
    let caller = stage.fleet.subscriber(1, 14);
    let ((app, function), ip, agent) = (caller.habits[0], caller.addresses[0], caller.agent);
    let path = path_of(app, function, rng);
    stage.call(&Call { agent, ..Call::of(turn.at, app, function, &path, ip) }.refused(&TOKEN_EXPIRED), rng);
}

fn load_test(stage: &mut Stage, turn: &Turn, rng: &mut Rng) {
    let path = path_of(CATALOG, 1, rng);
    let call = Call::of(turn.at, CATALOG, 1, &path, IpAddr::from(OFFICE));
    stage.call(&Call { agent: "k6/0.54.0", ..call }, rng);
}
