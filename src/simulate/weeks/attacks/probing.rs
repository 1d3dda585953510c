//! Looking for what might be open: patiently, and with what works at once.

use crate::simulate::attacks::{Place, Plan, Turn};
use crate::simulate::fleet::{CATALOG, NOTIFY, ORDERS, PARTNER, attacker};
use crate::simulate::rng::Rng;
use crate::simulate::stage::{Call, Stage, path_of};

use super::asks;

const FAMILY: &str = "probing";
const HOUR: u64 = 3_600;

pub(super) static PLANS: &[Plan] = &[
    Plan::new(FAMILY, "patient-path-scan", "One address asks for an unknown path every minute, for six hours.", paths)
        .on(NOTIFY)
        .entity(|_| attacker(36).to_string())
        .level("low")
        .at(Place::FromDay(1))
        .steps(360, 6 * HOUR),
    Plan::new(
        FAMILY,
        "patient-injection",
        "One address tries an injection every twenty minutes, for a day.",
        injections,
    )
    .on(ORDERS)
    .entity(|_| attacker(37).to_string())
    .level("low")
    .at(Place::FromDay(1))
    .steps(72, 24 * HOUR),
    Plan::new(FAMILY, "deployment-console-used", "Somebody runs commands at an app's deployment site.", console)
        .on(ORDERS)
        .entity(|_| attacker(38).to_string())
        .level("critical")
        .at(Place::FromDay(1))
        .steps(4, 300),
    Plan::new(FAMILY, "secret-file-served", "An app hands out its settings to whoever asks.", served)
        .on(CATALOG)
        .entity(|_| attacker(39).to_string())
        .level("high")
        .at(Place::FromDay(1))
        .steps(2, 120),
    Plan::new(FAMILY, "command-injection", "One address tries to run commands through a function.", commands)
        .on(ORDERS)
        .entity(|_| attacker(80).to_string())
        .at(Place::FromDay(1))
        .steps(8, 240),
    Plan::new(FAMILY, "injection-that-breaks", "What is injected breaks the function.", breaks)
        .on(ORDERS)
        .entity(|_| attacker(81).to_string())
        .level("high")
        .at(Place::FromDay(1))
        .steps(6, 120),
    Plan::new(FAMILY, "strange-methods", "One address tries methods that no client uses.", methods)
        .on(NOTIFY)
        .entity(|_| attacker(82).to_string())
        .level("low")
        .at(Place::FromDay(1))
        .steps(18, 300),
    Plan::new(
        FAMILY,
        "ids-walked",
        "A partner's key asks for one foreign invoice after another, and is refused.",
        walking,
    )
    .entity(|fleet| fleet.subscriber(1, 7).subscription.clone())
    .at(Place::FromDay(1))
    .steps(60, 480),
    Plan::new(FAMILY, "serialized-payloads", "One address sends objects that would run code when read.", payloads)
        .on(ORDERS)
        .entity(|_| attacker(83).to_string())
        .level("high")
        .at(Place::FromDay(1))
        .steps(5, 300),
];

fn paths(stage: &mut Stage, turn: &Turn, rng: &mut Rng) {
    let path = format!("/api/v{}/{}", turn.step % 9, ["users", "export", "config", "debug"][turn.step as usize % 4]);
    let path = format!("{path}/{}", turn.step);
    asks(stage, turn, NOTIFY, &path, attacker(36), |call| Call { status: 404, ..call }, rng);
}

fn list(stage: &mut Stage, turn: &Turn, n: u8, status: u16, query: &str, rng: &mut Rng) {
    asks(stage, turn, ORDERS, "/api/orders", attacker(n), |call| Call { query, status, ..call }, rng);
}

fn injections(stage: &mut Stage, turn: &Turn, rng: &mut Rng) {
    let queries = ["id=1%27%20OR%20%271%27%3D%271", "id=1%20UNION%20SELECT%20NULL--", "file=..%2F..%2Fetc%2Fpasswd"];
    list(stage, turn, 37, 400, queries[turn.step as usize % 3], rng);
}

fn console(stage: &mut Stage, turn: &Turn, rng: &mut Rng) {
    let change = |call| Call { method: "POST", scm: true, ..call };
    asks(stage, turn, ORDERS, "/api/command", attacker(38), change, rng);
}

fn served(stage: &mut Stage, turn: &Turn, rng: &mut Rng) {
    asks(stage, turn, CATALOG, "/local.settings.json", attacker(39), |call| call, rng);
}

fn commands(stage: &mut Stage, turn: &Turn, rng: &mut Rng) {
    let queries = ["name=x%3Bwhoami", "name=%60id%60", "name=x%7Ccat%20%2Fetc%2Fpasswd"];
    list(stage, turn, 80, 400, queries[turn.step as usize % 3], rng);
}

fn breaks(stage: &mut Stage, turn: &Turn, rng: &mut Rng) {
    list(stage, turn, 81, 500, "id=1%20UNION%20SELECT%20password%20FROM%20users--", rng);
}

fn methods(stage: &mut Stage, turn: &Turn, rng: &mut Rng) {
    let method = ["TRACE", "PROPFIND", "DEBUG"][turn.step as usize % 3];
    asks(stage, turn, NOTIFY, "/api/preferences/1", attacker(82), |call| Call { method, status: 405, ..call }, rng);
}

fn walking(stage: &mut Stage, turn: &Turn, rng: &mut Rng) {
    let caller = stage.fleet.subscriber(1, 7);
    let (ip, agent, subscription) = (caller.addresses[0], caller.agent, caller.subscription.clone());
    let path = path_of(PARTNER, 3, rng);
    let call = Call { agent, subscription: &subscription, status: 403, ..Call::of(turn.at, PARTNER, 3, &path, ip) };
    stage.call(&call, rng);
}

fn payloads(stage: &mut Stage, turn: &Turn, rng: &mut Rng) {
    list(stage, turn, 83, 400, "state=rO0ABXNyABdqYXZhLnV0aWwuUHJpb3JpdHlRdWV1ZQ", rng);
}
