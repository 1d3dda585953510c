//! Secrets that end up where logs keep them.

use crate::simulate::fleet::{APPS, CATALOG, ORDERS, PAYMENTS};
use crate::simulate::keys;
use crate::simulate::rng::Rng;
use crate::simulate::stage::{Call, Stage, path_of};

use super::{Place, Plan, Turn};

const FAMILY: &str = "leaked-secrets";

pub(super) static PLANS: &[Plan] = &[
    Plan::new(FAMILY, "function-key-in-url", "A partner sends its function key in the URL.", function_key)
        .on(ORDERS)
        .at(Place::Early(35))
        .steps(6, 60),
    Plan::new(FAMILY, "storage-key-in-log", "A function logs a storage connection string.", storage_key)
        .on(CATALOG)
        .level("high")
        .at(Place::Share(90))
        .steps(3, 30),
    Plan::new(FAMILY, "token-in-log", "A function logs a bearer token that is still good.", token)
        .on(ORDERS)
        .level("high")
        .at(Place::Share(200))
        .steps(4, 40),
    Plan::new(
        FAMILY,
        "subscription-key-in-url",
        "A partner sends its subscription key in the URL, where every log keeps it.",
        subscription_key,
    )
    .at(Place::Share(340))
    .steps(5, 60),
    Plan::new(FAMILY, "sas-in-log", "A function logs a storage URL with its shared access signature.", sas)
        .on(CATALOG)
        // It may only read and list.
        .level("medium")
        .at(Place::Share(520))
        .steps(4, 40),
    Plan::new(FAMILY, "service-bus-key-in-log", "A function logs a Service Bus connection string.", service_bus)
        .on(PAYMENTS)
        .level("high")
        .at(Place::Share(640))
        .steps(3, 30),
    Plan::new(
        FAMILY,
        "master-key-in-url",
        "Somebody sends an app's master key in the URL of an ordinary function.",
        master_key,
    )
    .on(PAYMENTS)
    .also(&["key-usage"])
    .level("high")
    .at(Place::Share(760))
    .steps(3, 30),
];

fn key_in_url(stage: &mut Stage, turn: &Turn, app: usize, function: usize, key: &str, rng: &mut Rng) {
    let caller = stage.fleet.subscriber(0, 6);
    let (ip, agent) = (caller.addresses[0], caller.agent);
    let path = path_of(app, function, rng);
    let query = format!("lang=en&code={key}");
    let call = Call::of(turn.at, app, function, &path, ip);
    stage.direct(&Call { query: &query, agent, ..call }, rng);
}

fn function_key(stage: &mut Stage, turn: &Turn, rng: &mut Rng) {
    let key = keys::function_key(&mut turn.same.clone());
    key_in_url(stage, turn, ORDERS, 1, &key, rng);
}

fn master_key(stage: &mut Stage, turn: &Turn, rng: &mut Rng) {
    let key = keys::master_key(&mut turn.same.clone());
    key_in_url(stage, turn, PAYMENTS, 2, &key, rng);
}

fn logged(stage: &mut Stage, turn: &Turn, app: usize, function: usize, message: &str, rng: &mut Rng) {
    let invocation = rng.guid();
    stage.say(turn.at, app, APPS[app].functions[function].name, invocation, message, rng);
}

fn storage_key(stage: &mut Stage, turn: &Turn, rng: &mut Rng) {
    let message = format!("Opening the image store with {}", keys::storage_connection(&mut turn.same.clone()));
    logged(stage, turn, CATALOG, 3, &message, rng);
}

fn service_bus(stage: &mut Stage, turn: &Turn, rng: &mut Rng) {
    let message = format!("Settings: bus={}", keys::service_bus_connection(&mut turn.same.clone()));
    logged(stage, turn, PAYMENTS, 3, &message, rng);
}

fn token(stage: &mut Stage, turn: &Turn, rng: &mut Rng) {
    // Made once: a token's times are those of its issue, not of each line that shows it.
    let issued = crate::clock::Timestamp::from_seconds(turn.at.nanos() / 3_600_000_000_000 * 3_600 + 1_800);
    let message = format!("Request headers: Authorization: Bearer {}", keys::token(issued, &mut turn.same.clone()));
    logged(stage, turn, ORDERS, 0, &message, rng);
}

fn sas(stage: &mut Stage, turn: &Turn, rng: &mut Rng) {
    let signature = keys::shared_access_signature(turn.at, &mut turn.same.clone());
    let message = format!("Fetching https://stcontoso.blob.core.windows.net/images/lamp.png?{signature}");
    logged(stage, turn, CATALOG, 3, &message, rng);
}

fn subscription_key(stage: &mut Stage, turn: &Turn, rng: &mut Rng) {
    let caller = stage.fleet.subscriber(0, 5);
    let ((app, function), ip, agent) = (caller.habits[0], caller.addresses[0], caller.agent);
    let subscription = caller.subscription.clone();
    let path = path_of(app, function, rng);
    let query = format!("subscription-key={}", keys::subscription_key(&mut turn.same.clone()));
    let call =
        Call { subscription: &subscription, agent, query: &query, ..Call::of(turn.at, app, function, &path, ip) };
    stage.call(&call, rng);
}
