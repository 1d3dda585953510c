//! Keys in other hands: used late, seldom, from few places, or much more than ever.

use std::net::{IpAddr, Ipv6Addr};

use crate::simulate::attacks::{Place, Plan, Turn};
use crate::simulate::fleet::{CATALOG, Fleet, METER, NOTIFY, ORDERS, PARTNER, attacker};
use crate::simulate::keys;
use crate::simulate::rng::Rng;
use crate::simulate::stage::{Call, Stage, path_of};

use super::asks;

const FAMILY: &str = "key-usage";
const LEAKS: &str = "leaked-secrets";
const HOUR: u64 = 3_600;
const DAY: u64 = 86_400;

pub(super) static PLANS: &[Plan] = &[
    Plan::new(LEAKS, "function-key-in-log", "A function logs a function key of the orders app.", leaks)
        .on(ORDERS)
        .at(Place::FromDay(1))
        .steps(3, 30),
    Plan::new(
        LEAKS,
        "leaked-key-used-weeks-later",
        "The key that a function logged two weeks ago is used from an address that nobody knows.",
        leaked_used,
    )
    .entity(|_| attacker(25).to_string())
    .also(&[FAMILY, "suspicious-origins"])
    .level("high")
    .at(Place::FromDay(20))
    .steps(12, 2 * HOUR),
    Plan::new(LEAKS, "private-key-in-log", "A function logs a private key.", private_key)
        .on(PARTNER)
        .level("high")
        .at(Place::FromDay(1))
        .steps(2, 20),
    Plan::new(FAMILY, "dormant-subscription", "A subscription that nobody has used for weeks is used again.", dormant)
        .entity(forgotten)
        .at(Place::FromDay(17))
        .steps(20, 2 * HOUR),
    Plan::new(
        FAMILY,
        "dormant-function-key",
        "A function key that nobody has used for weeks is used again.",
        dormant_key,
    )
    .entity(|_| attacker(27).to_string())
    .also(&[LEAKS])
    .at(Place::FromDay(17))
    .steps(6, HOUR),
    Plan::new(
        FAMILY,
        "stolen-key-quietly-used",
        "A partner's key is used from one more address, as the partner would, for three days.",
        quietly,
    )
    .entity(|fleet| fleet.subscriber(1, 5).subscription.clone())
    .level("low")
    .at(Place::FromDay(9))
    .steps(60, 3 * DAY),
    Plan::new(
        FAMILY,
        "key-passed-around",
        "A partner's key is used from thirty addresses over four days, a few times from each.",
        passed_around,
    )
    .entity(|fleet| fleet.subscriber(1, 11).subscription.clone())
    .level("low")
    .at(Place::FromDay(9))
    .steps(160, 4 * DAY),
    Plan::new(
        FAMILY,
        "quiet-exfiltration",
        "A subscription reads one order after another for ten hours, each with success.",
        exfiltrates,
    )
    .entity(|fleet| fleet.subscriber(0, 9).subscription.clone())
    .level("low")
    .at(Place::FromDay(9))
    .steps(2_400, 10 * HOUR),
    Plan::new(FAMILY, "master-key-now-and-then", "Somebody with the master key looks in once a day.", now_and_then)
        .on(METER)
        .entity(|_| attacker(29).to_string())
        .also(&["probing"])
        .level("high")
        .at(Place::FromDay(2))
        .steps(6, 6 * DAY),
    Plan::new(FAMILY, "system-key-off-its-path", "A webhook's key is used for functions.", off_its_path)
        .on(NOTIFY)
        .also(&[LEAKS])
        .level("high")
        .at(Place::FromDay(2))
        .steps(5, 600),
];

/// The function key that leaks; the same in the leak and in its use.
fn leaked(fleet: &Fleet) -> String {
    keys::function_key(&mut Rng::new(fleet.instances[ORDERS] as u64, 77))
}

fn forgotten(fleet: &Fleet) -> String {
    format!("{:024x}", fleet.instances[CATALOG] >> 32)
}

fn leaks(stage: &mut Stage, turn: &Turn, rng: &mut Rng) {
    let message = format!("Retrying https://orders-api.azurewebsites.net/api/orders?code={}", leaked(&stage.fleet));
    let invocation = rng.guid();
    stage.say(turn.at, ORDERS, "create-order", invocation, &message, rng);
}

fn leaked_used(stage: &mut Stage, turn: &Turn, rng: &mut Rng) {
    let query = format!("code={}", leaked(&stage.fleet));
    asks(stage, turn, ORDERS, "/api/orders", attacker(25), |call| Call { query: &query, ..call }, rng);
}

fn private_key(stage: &mut Stage, turn: &Turn, rng: &mut Rng) {
    let mut bytes = [0; 1_190];
    turn.same.clone().fill(&mut bytes);
    // The beginning of every RSA key in PKCS #8.
    bytes[..26].copy_from_slice(&[
        0x30, 0x82, 0x04, 0xa2, 0x02, 0x01, 0x00, 0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01,
        0x01, 0x01, 0x05, 0x00, 0x04, 0x82, 0x04, 0x8c,
    ]);
    let text = data_encoding::BASE64.encode(&bytes);
    let message = format!("Signing with -----BEGIN PRIVATE KEY-----\n{text}\n-----END PRIVATE KEY-----");
    let invocation = rng.guid();
    stage.say(turn.at, PARTNER, "quote", invocation, &message, rng);
}

fn dormant(stage: &mut Stage, turn: &Turn, rng: &mut Rng) {
    let subscription = forgotten(&stage.fleet);
    let call = Call { subscription: &subscription, ..Call::of(turn.at, ORDERS, 2, "/api/orders", attacker(26)) };
    stage.call(&call, rng);
}

fn dormant_key(stage: &mut Stage, turn: &Turn, rng: &mut Rng) {
    let query = format!("code={}", keys::function_key(&mut turn.same.clone()));
    asks(stage, turn, NOTIFY, "/api/preferences/10017", attacker(27), |call| Call { query: &query, ..call }, rng);
}

/// Calls what caller `number` of `gateway` is used to, with its subscription, from `ip`.
fn as_owner(stage: &mut Stage, turn: &Turn, number: usize, ip: IpAddr, rng: &mut Rng) {
    let caller = stage.fleet.subscriber(1, number);
    let (habit, subscription, agent) = (caller.habits[0], caller.subscription.clone(), caller.agent);
    let path = path_of(habit.0, habit.1, rng);
    let call = Call { subscription: &subscription, agent, ..Call::of(turn.at, habit.0, habit.1, &path, ip) };
    stage.call(&call, rng);
}

fn quietly(stage: &mut Stage, turn: &Turn, rng: &mut Rng) {
    as_owner(stage, turn, 5, attacker(28), rng);
}

fn passed_around(stage: &mut Stage, turn: &Turn, rng: &mut Rng) {
    let ip = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0xa77c, (turn.step * 7 % 30) as u16, 0, 0, 0, 1));
    as_owner(stage, turn, 11, ip, rng);
}

fn exfiltrates(stage: &mut Stage, turn: &Turn, rng: &mut Rng) {
    let caller = stage.fleet.subscriber(0, 9);
    let (ip, agent, subscription) = (caller.addresses[0], caller.agent, caller.subscription.clone());
    let path = format!("/api/orders/{}", 20_000 + turn.step);
    let call = Call { subscription: &subscription, agent, ..Call::of(turn.at, ORDERS, 1, &path, ip) };
    stage.call(&call, rng);
}

fn now_and_then(stage: &mut Stage, turn: &Turn, rng: &mut Rng) {
    asks(stage, turn, METER, "/admin/functions", attacker(29), |call| call, rng);
}

fn off_its_path(stage: &mut Stage, turn: &Turn, rng: &mut Rng) {
    let query = format!("code={}", stage.fleet.webhooks[0].key);
    asks(stage, turn, NOTIFY, "/api/preferences/10018", attacker(31), |call| Call { query: &query, ..call }, rng);
}
