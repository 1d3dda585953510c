//! Attacks on who may come in.

use std::net::{IpAddr, Ipv6Addr};

use crate::simulate::fleet::{CATALOG, NOTIFY, ORDERS, PARTNER, attacker};
use crate::simulate::keys;
use crate::simulate::rng::Rng;
use crate::simulate::stage::{Call, KEY_INVALID, KEY_MISSING, Stage, TOKEN_SIGNATURE, path_of};

use super::{Place, Plan, Turn};

const FAMILY: &str = "auth-failures";

pub(super) static PLANS: &[Plan] = &[
    Plan::new(FAMILY, "failure-spike", "One address is refused 120 times in three minutes at one app.", spike)
        .on(ORDERS)
        .entity(|_| attacker(2).to_string())
        .at(Place::Early(20))
        .steps(120, 180),
    Plan::new(
        FAMILY,
        "distributed-failures",
        "80 addresses are refused at one function, each of them only a few times.",
        distributed,
    )
    // A Linux plan logs no substatus: it may be people who have yet to sign in.
    .on(NOTIFY)
    .at(Place::Share(150))
    .steps(320, 300),
    Plan::new(
        FAMILY,
        "failures-then-success",
        "One address is refused 70 times, then let in: it has found a credential.",
        then_success,
    )
    .on(PARTNER)
    .entity(|_| attacker(3).to_string())
    .level("high")
    .at(Place::Share(60))
    .steps(84, 200),
    Plan::new(
        FAMILY,
        "subscription-key-guessing",
        "One address tries subscription keys at the gateway, none of them valid.",
        subscription_keys,
    )
    .entity(|_| attacker(4).to_string())
    .level("high")
    .at(Place::Share(20))
    .steps(90, 240),
    Plan::new(FAMILY, "forged-tokens", "One address sends tokens whose signatures are wrong.", forged)
        .entity(|_| attacker(5).to_string())
        .level("high")
        .at(Place::Share(300))
        .steps(45, 180),
    Plan::new(
        FAMILY,
        "missing-key-sweep",
        "One address tries every operation of a gateway without any key.",
        without_key,
    )
    .entity(|_| attacker(6).to_string())
    .at(Place::Share(700))
    .steps(63, 180),
    Plan::new(
        FAMILY,
        "function-key-guessing",
        "One address tries function keys in the URL, another one each time.",
        function_keys,
    )
    .on(NOTIFY)
    .entity(|_| attacker(7).to_string())
    .also(&["leaked-secrets"])
    .level("high")
    .at(Place::Share(420))
    .steps(48, 240),
    Plan::new(
        FAMILY,
        "address-flood",
        "Ten million addresses are refused once each over the whole run: for load tests.",
        flood,
    )
    .on(NOTIFY)
    .at(Place::Throughout)
    .steps(10_000_000, 1)
    .only_by_name(),
];

fn spike(stage: &mut Stage, turn: &Turn, rng: &mut Rng) {
    let path = path_of(ORDERS, 1, rng);
    let call = Call::of(turn.at, ORDERS, 1, &path, attacker(2));
    stage.direct(&Call { status: 401, agent: "python-requests/2.31.0", ..call }, rng);
}

fn distributed(stage: &mut Stage, turn: &Turn, rng: &mut Rng) {
    let path = path_of(NOTIFY, 0, rng);
    let call = Call::of(turn.at, NOTIFY, 0, &path, attacker(100 + (turn.step % 80) as u8));
    stage.direct(&Call { status: 401, agent: "Go-http-client/2.0", ..call }, rng);
}

fn then_success(stage: &mut Stage, turn: &Turn, rng: &mut Rng) {
    let path = path_of(PARTNER, 3, rng);
    let status = if turn.step < 70 { 401 } else { 200 };
    let call = Call::of(turn.at, PARTNER, 3, &path, attacker(3));
    stage.direct(&Call { status, agent: "curl/8.9.1", ..call }, rng);
}

fn subscription_keys(stage: &mut Stage, turn: &Turn, rng: &mut Rng) {
    let path = path_of(CATALOG, 1, rng);
    let call = Call { agent: "curl/8.9.1", ..Call::of(turn.at, CATALOG, 1, &path, attacker(4)) };
    stage.call(&call.refused(&KEY_INVALID), rng);
}

fn forged(stage: &mut Stage, turn: &Turn, rng: &mut Rng) {
    let path = path_of(PARTNER, 0, rng);
    let call = Call::of(turn.at, PARTNER, 0, &path, attacker(5));
    stage.call(&call.refused(&TOKEN_SIGNATURE), rng);
}

fn without_key(stage: &mut Stage, turn: &Turn, rng: &mut Rng) {
    let step = turn.step as usize % 9;
    let (app, function) = if step < 5 { (ORDERS, step) } else { (CATALOG, step - 5) };
    let path = path_of(app, function, rng);
    let call = Call { agent: "curl/8.9.1", ..Call::of(turn.at, app, function, &path, attacker(6)) };
    stage.call(&call.refused(&KEY_MISSING), rng);
}

/// Guessed keys have the form of one but no valid checksum.
fn function_keys(stage: &mut Stage, turn: &Turn, rng: &mut Rng) {
    let path = path_of(NOTIFY, 1, rng);
    let key = keys::function_key(rng);
    let wrong = if key.starts_with('A') { 'B' } else { 'A' };
    let query = format!("code={wrong}{}", key.get(1..).unwrap_or_default());
    let call = Call::of(turn.at, NOTIFY, 1, &path, attacker(7));
    stage.direct(&Call { status: 401, query: &query, ..call }, rng);
}

fn flood(stage: &mut Stage, turn: &Turn, rng: &mut Rng) {
    let (high, low) = ((turn.step >> 16) as u16, turn.step as u16);
    let ip = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0xf100, high, low, 0, 0, 1));
    let path = path_of(NOTIFY, 0, rng);
    stage.direct(&Call { status: 401, ..Call::of(turn.at, NOTIFY, 0, &path, ip) }, rng);
}
