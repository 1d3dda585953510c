//! Keys used as their owners never would.

use crate::simulate::fleet::{ORDERS, attacker};
use crate::simulate::rng::Rng;
use crate::simulate::stage::{Call, QUOTA, RATE, Stage, path_of};

use super::{Place, Plan, Turn};

const FAMILY: &str = "key-usage";

/// The partner whose key is stolen, the one who tries something new, the one who overdoes it.
const STOLEN: usize = 2;
const CURIOUS: usize = 1;
const GREEDY: usize = 9;

pub(super) static PLANS: &[Plan] = &[
    Plan::new(
        FAMILY,
        "one-key-many-addresses",
        "A partner's subscription is suddenly used from 40 addresses, with success.",
        many_addresses,
    )
    .entity(|fleet| fleet.subscriber(1, STOLEN).subscription.clone())
    .level("high")
    .at(Place::Early(45))
    .steps(240, 180),
    Plan::new(
        FAMILY,
        "master-key-on-admin",
        "Somebody holds an app's master key: keys are read and files opened under /admin, and answered.",
        master_on_admin,
    )
    .on(ORDERS)
    .entity(|_| attacker(10).to_string())
    .also(&["probing"])
    .level("high")
    .at(Place::Share(230))
    .steps(15, 120),
    Plan::new(
        FAMILY,
        "key-on-new-operation",
        "A subscription that only ever read and created orders begins to refund them.",
        new_operation,
    )
    .entity(|fleet| fleet.subscriber(0, CURIOUS).subscription.clone())
    .at(Place::Share(860))
    .steps(12, 90),
    Plan::new(FAMILY, "quota-storm", "A subscription runs into its quota and rate limit and does not stop.", storm)
        .entity(|fleet| fleet.subscriber(1, GREEDY).subscription.clone())
        .level("low")
        .at(Place::Share(560))
        .steps(160, 240),
    Plan::new(
        FAMILY,
        "all-access-subscription",
        "The gateway's built-in all-access subscription is used from outside.",
        all_access,
    )
    .entity(|_| "master".into())
    .at(Place::Share(380))
    .steps(20, 120),
];

fn many_addresses(stage: &mut Stage, turn: &Turn, rng: &mut Rng) {
    let victim = stage.fleet.subscriber(1, STOLEN);
    let ((app, function), subscription) = (victim.habits[0], victim.subscription.clone());
    let path = path_of(app, function, rng);
    let call = Call::of(turn.at, app, function, &path, attacker(40 + (turn.step % 40) as u8));
    stage.call(&Call { subscription: &subscription, agent: "python-requests/2.31.0", ..call }, rng);
}

fn master_on_admin(stage: &mut Stage, turn: &Turn, rng: &mut Rng) {
    const PATHS: [(&str, &str, u16); 5] = [
        ("GET", "/admin/host/keys", 200),
        ("GET", "/admin/functions", 200),
        ("GET", "/admin/host/systemkeys/_master", 200),
        ("GET", "/admin/vfs/home/site/wwwroot/host.json", 200),
        ("POST", "/admin/functions/get-order", 202),
    ];
    let (method, path, status) = PATHS[turn.step as usize % PATHS.len()];
    let call = Call::new(turn.at, ORDERS, path, attacker(10));
    stage.direct(&Call { method, status, agent: "curl/8.9.1", ..call }, rng);
}

fn new_operation(stage: &mut Stage, turn: &Turn, rng: &mut Rng) {
    let caller = stage.fleet.subscriber(0, CURIOUS);
    let (ip, agent, subscription) = (caller.addresses[0], caller.agent, caller.subscription.clone());
    let path = path_of(ORDERS, 4, rng);
    let call = Call::of(turn.at, ORDERS, 4, &path, ip);
    stage.call(&Call { subscription: &subscription, agent, ..call }, rng);
}

fn storm(stage: &mut Stage, turn: &Turn, rng: &mut Rng) {
    let caller = stage.fleet.subscriber(1, GREEDY);
    let ((app, function), ip, agent) = (caller.habits[0], caller.addresses[0], caller.agent);
    let subscription = caller.subscription.clone();
    let path = path_of(app, function, rng);
    let call = Call { subscription: &subscription, agent, ..Call::of(turn.at, app, function, &path, ip) };
    stage.call(&call.refused(if turn.step.is_multiple_of(4) { &QUOTA } else { &RATE }), rng);
}

fn all_access(stage: &mut Stage, turn: &Turn, rng: &mut Rng) {
    let path = path_of(ORDERS, 2, rng);
    let call = Call::of(turn.at, ORDERS, 2, &path, attacker(11));
    stage.call(&Call { subscription: "master", agent: "PostmanRuntime/7.42.0", ..call }, rng);
}
