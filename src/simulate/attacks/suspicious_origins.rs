//! Requests from pages and towards places that have no business here.

use crate::simulate::fleet::{BROWSERS, CATALOG, ORDERS, attacker, browser};
use crate::simulate::rng::Rng;
use crate::simulate::stage::{Call, Stage, path_of};

use super::{Place, Plan, Turn};

const FAMILY: &str = "suspicious-origins";
const LOOK_ALIKE: &str = "https://shop.contoso.example.account-check.example";

pub(super) static PLANS: &[Plan] = &[
    Plan::new(
        FAMILY,
        "null-origin-allowed",
        "Pages without an origin call an API, and the answer allows them with credentials.",
        null_origin,
    )
    .entity(|_| "null".into())
    .level("high")
    .at(Place::Early(50))
    .steps(12, 90),
    Plan::new(
        FAMILY,
        "look-alike-origin-allowed",
        "A page whose address only begins like the shop's is allowed with credentials.",
        look_alike,
    )
    .entity(|_| LOOK_ALIKE.into())
    .level("high")
    .at(Place::Share(130))
    .steps(12, 90),
    Plan::new(
        FAMILY,
        "metadata-target",
        "A request asks a function to fetch the platform's own metadata and its tokens.",
        metadata,
    )
    .on(CATALOG)
    .entity(|_| attacker(15).to_string())
    .level("high")
    .at(Place::Share(270))
    .steps(6, 60),
    Plan::new(
        FAMILY,
        "preflight-spray",
        "One address asks for 60 different origins whether they would be allowed.",
        preflights,
    )
    .entity(|_| attacker(16).to_string())
    .level("low")
    .at(Place::Share(600))
    .steps(60, 180),
];

fn from_origin(stage: &mut Stage, turn: &Turn, origin: &str, rng: &mut Rng) {
    let function = rng.below(3) as usize;
    let path = path_of(CATALOG, function, rng);
    let (ip, agent) = (browser(rng), *rng.pick(&BROWSERS));
    let call = Call::of(turn.at, CATALOG, function, &path, ip);
    stage.call(&Call { origin, allow_origin: origin, agent, ..call }, rng);
}

fn null_origin(stage: &mut Stage, turn: &Turn, rng: &mut Rng) {
    from_origin(stage, turn, "null", rng);
}

fn look_alike(stage: &mut Stage, turn: &Turn, rng: &mut Rng) {
    from_origin(stage, turn, LOOK_ALIKE, rng);
}

fn metadata(stage: &mut Stage, turn: &Turn, rng: &mut Rng) {
    const QUERIES: [&str; 3] = [
        "url=http://169.254.169.254/metadata/identity/oauth2/token%3Fapi-version%3D2018-02-01",
        "url=http://169.254.169.254/metadata/instance%3Fapi-version%3D2021-02-01",
        "url=http%3A%2F%2F169.254.169.254%2Fmetadata%2Fidentity%2Foauth2%2Ftoken",
    ];
    let path = path_of(CATALOG, 3, rng);
    let query = QUERIES[turn.step as usize % QUERIES.len()];
    let call = Call::of(turn.at, CATALOG, 3, &path, attacker(15));
    stage.call(&Call { query, status: 500, agent: "curl/8.9.1", ..call }, rng);
}

fn preflights(stage: &mut Stage, turn: &Turn, rng: &mut Rng) {
    let path = path_of(ORDERS, 0, rng);
    let origin = format!("https://site-{}.example", turn.step);
    let call = Call::of(turn.at, ORDERS, 0, &path, attacker(16));
    stage.call(&Call { method: "OPTIONS", origin: &origin, agent: "Go-http-client/2.0", ..call }, rng);
}
