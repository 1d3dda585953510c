//! Past the gateway, from pages that only look right, and with headers that are not true.

use crate::simulate::attacks::{Place, Plan, Turn};
use crate::simulate::fleet::{BROWSERS, CATALOG, ORDERS, PAYMENTS, attacker, browser};
use crate::simulate::rng::Rng;
use crate::simulate::stage::{Call, Stage};

use super::calls;

const FAMILY: &str = "suspicious-origins";
const HOMOGLYPH: &str = "https://shop.xn--cntoso-jua.example";

pub(super) static PLANS: &[Plan] = &[
    Plan::new(FAMILY, "gateway-bypass", "Somebody calls an app past its gateway, and is answered.", bypass)
        .on(PAYMENTS)
        .entity(|_| attacker(32).to_string())
        .level("high")
        .at(Place::FromDay(1))
        .steps(30, 10_800),
    Plan::new(
        FAMILY,
        "patient-cors-probing",
        "One address asks every ten minutes whether another origin would be allowed.",
        slow_cors,
    )
    .entity(|_| attacker(33).to_string())
    .level("low")
    .at(Place::FromDay(1))
    .steps(30, 18_000),
    Plan::new(FAMILY, "origins-reflected", "One address finds that every origin it names is allowed.", reflected)
        .entity(|_| attacker(35).to_string())
        .level("low")
        .at(Place::FromDay(1))
        .steps(16, 400),
    Plan::new(FAMILY, "homoglyph-origin", "A page whose name only looks like the shop's is allowed.", homoglyph)
        .entity(|_| HOMOGLYPH.into())
        .level("high")
        .at(Place::FromDay(1))
        .steps(8, 1_800),
    Plan::new(FAMILY, "forged-forwarding", "A client claims to call from within, to get past a filter.", forwarding)
        .entity(|_| attacker(34).to_string())
        .at(Place::FromDay(1))
        .steps(6, 900),
];

fn bypass(stage: &mut Stage, turn: &Turn, rng: &mut Rng) {
    calls(stage, turn, (PAYMENTS, 2), attacker(32), false, |call| call, rng);
}

fn preflight(stage: &mut Stage, turn: &Turn, n: u8, reflected: bool, rng: &mut Rng) {
    let origin = format!("https://try-{}.example", turn.step);
    let allow_origin = if reflected { origin.as_str() } else { "" };
    let call = Call::of(turn.at, ORDERS, 0, "/api/orders", attacker(n));
    stage.call(&Call { method: "OPTIONS", origin: &origin, allow_origin, agent: "Go-http-client/2.0", ..call }, rng);
}

fn slow_cors(stage: &mut Stage, turn: &Turn, rng: &mut Rng) {
    preflight(stage, turn, 33, false, rng);
}

fn reflected(stage: &mut Stage, turn: &Turn, rng: &mut Rng) {
    preflight(stage, turn, 35, true, rng);
}

fn homoglyph(stage: &mut Stage, turn: &Turn, rng: &mut Rng) {
    let (ip, agent) = (browser(rng), *rng.pick(&BROWSERS));
    calls(
        stage,
        turn,
        (CATALOG, 1),
        ip,
        true,
        |call| Call { origin: HOMOGLYPH, allow_origin: HOMOGLYPH, agent, ..call },
        rng,
    );
}

fn forwarding(stage: &mut Stage, turn: &Turn, rng: &mut Rng) {
    calls(
        stage,
        turn,
        (ORDERS, 2),
        attacker(34),
        true,
        |call| Call { status: 403, forwarded: "127.0.0.1", ..call },
        rng,
    );
}
