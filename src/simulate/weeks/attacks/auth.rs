//! Attacks on who may come in: patient ones, and those on people's own sign-ins.

use std::net::{IpAddr, Ipv6Addr};

use crate::simulate::activity_log::Actor;
use crate::simulate::attacks::{Place, Plan, Turn};
use crate::simulate::fleet::{CATALOG, METER, NOTIFY, ORDERS, PARTNER, attacker};
use crate::simulate::keys;
use crate::simulate::rng::Rng;
use crate::simulate::stage::{Call, KEY_INVALID, Stage, TOKEN_ISSUER, TOKEN_SIGNATURE};
use crate::simulate::weeks::people::PEOPLE;
use crate::simulate::weeks::records::SignIn;

use super::{asks, calls};

const FAMILY: &str = "auth-failures";
const DAY: u64 = 86_400;

pub(super) static PLANS: &[Plan] = &[
    Plan::new(
        FAMILY,
        "patient-key-guessing",
        "One address tries a subscription key every seven minutes, for days.",
        patient,
    )
    .entity(|_| attacker(8).to_string())
    .level("low")
    .at(Place::FromDay(2))
    .steps(720, 7 * DAY / 2),
    Plan::new(
        FAMILY,
        "spread-and-patient",
        "Sixty addresses are refused at an app, each three times a day, for five days.",
        spread,
    )
    .on(NOTIFY)
    .entity(|_| "2001:db8:a77a:".into())
    .level("low")
    .at(Place::FromDay(2))
    .steps(900, 5 * DAY),
    Plan::new(
        FAMILY,
        "patient-function-key-guessing",
        "One address tries another function key every eight minutes for two days.",
        function_keys,
    )
    .on(METER)
    .entity(|_| attacker(24).to_string())
    .level("low")
    .at(Place::FromDay(2))
    .steps(360, 2 * DAY),
    Plan::new(FAMILY, "sign-in-spray", "One address tries a password for thirty people within 20 minutes.", spray)
        .entity(|_| attacker(9).to_string())
        .at(Place::FromDay(1))
        .steps(30, 1_200),
    Plan::new(
        FAMILY,
        "patient-sign-in-spray",
        "One address tries a password for forty people, three an hour.",
        slow_spray,
    )
    .entity(|_| attacker(12).to_string())
    .level("low")
    .at(Place::FromDay(1))
    .steps(40, 46_800),
    Plan::new(
        FAMILY,
        "one-person-from-many-addresses",
        "Thirty addresses try one person's password within 40 minutes.",
        one_person,
    )
    .entity(|_| PEOPLE[2].object.into())
    .at(Place::FromDay(1))
    .steps(60, 2_400),
    Plan::new(FAMILY, "easy-auth-guessing", "One address fails at an app's own login again and again.", easy_auth)
        .on(NOTIFY)
        .entity(|_| attacker(13).to_string())
        .at(Place::FromDay(1))
        .steps(24, 480),
    Plan::new(
        FAMILY,
        "publishing-password-guessing",
        "One address tries passwords at an app's deployment site.",
        publishing,
    )
    .on(ORDERS)
    .entity(|_| attacker(14).to_string())
    .level("high")
    .at(Place::FromDay(1))
    .steps(30, 600),
    Plan::new(FAMILY, "forged-token-accepted", "Forged tokens are refused, then one is let in.", accepted)
        .entity(|_| attacker(17).to_string())
        .level("critical")
        .at(Place::FromDay(1))
        .steps(12, 480),
    Plan::new(FAMILY, "foreign-tokens", "Tokens of somebody else's directory are tried at a gateway.", foreign)
        .entity(|_| attacker(18).to_string())
        .level("high")
        .at(Place::FromDay(1))
        .steps(6, 500),
    Plan::new(FAMILY, "login-guessing", "One address tries passwords at a login of an app's own.", login)
        .on(NOTIFY)
        .entity(|_| attacker(19).to_string())
        .at(Place::FromDay(1))
        .steps(40, 480),
];

fn patient(stage: &mut Stage, turn: &Turn, rng: &mut Rng) {
    calls(stage, turn, (CATALOG, 1), attacker(8), true, |call| call.refused(&KEY_INVALID), rng);
}

fn spread(stage: &mut Stage, turn: &Turn, rng: &mut Rng) {
    let ip = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0xa77a, (turn.step * 7 % 60) as u16, 0, 0, 0, 1));
    calls(stage, turn, (NOTIFY, 0), ip, false, |call| Call { status: 401, ..call }, rng);
}

fn function_keys(stage: &mut Stage, turn: &Turn, rng: &mut Rng) {
    let key = keys::function_key(rng);
    let wrong = if key.starts_with('A') { 'B' } else { 'A' };
    let query = format!("code={wrong}{}", key.get(1..).unwrap_or_default());
    asks(
        stage,
        turn,
        METER,
        "/api/meters/10017/latest",
        attacker(24),
        |call| Call { status: 401, query: &query, ..call },
        rng,
    );
}

/// Fails to sign in as somebody of the directory.
fn guessed(stage: &mut Stage, turn: &Turn, number: u64, ip: IpAddr, rng: &mut Rng) {
    let upn = format!("guessed.name{number}@contoso.example");
    let object = format!("{:08x}-1111-4222-8333-444455556666", 0x5a00_0000 + number);
    stage.fail_sign_in(turn.at, &upn, &object, ip, rng);
}

fn spray(stage: &mut Stage, turn: &Turn, rng: &mut Rng) {
    guessed(stage, turn, turn.step, attacker(9), rng);
}

fn slow_spray(stage: &mut Stage, turn: &Turn, rng: &mut Rng) {
    guessed(stage, turn, 100 + turn.step, attacker(12), rng);
}

fn one_person(stage: &mut Stage, turn: &Turn, rng: &mut Rng) {
    let who: &Actor = PEOPLE[2];
    let ip = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0xa77b, (turn.step % 30) as u16, 0, 0, 0, 1)).to_string();
    stage.sign_in(&SignIn { ip: &ip, code: 50_126, country: "BR", ..SignIn::new(turn.at, who) }, rng);
}

fn easy_auth(stage: &mut Stage, turn: &Turn, rng: &mut Rng) {
    asks(stage, turn, NOTIFY, "/.auth/login/aad/callback", attacker(13), |call| Call { status: 401, ..call }, rng);
}

fn publishing(stage: &mut Stage, turn: &Turn, rng: &mut Rng) {
    asks(stage, turn, ORDERS, "/api/settings", attacker(14), |call| Call { status: 401, scm: true, ..call }, rng);
}

fn accepted(stage: &mut Stage, turn: &Turn, rng: &mut Rng) {
    let forged = turn.step < 8;
    let refused = forged.then_some(&TOKEN_SIGNATURE);
    let status = if forged { 401 } else { 200 };
    calls(stage, turn, (PARTNER, 0), attacker(17), true, |call| Call { refusal: refused, status, ..call }, rng);
}

fn foreign(stage: &mut Stage, turn: &Turn, rng: &mut Rng) {
    calls(stage, turn, (PARTNER, 0), attacker(18), true, |call| call.refused(&TOKEN_ISSUER), rng);
}

fn login(stage: &mut Stage, turn: &Turn, rng: &mut Rng) {
    asks(stage, turn, NOTIFY, "/api/login", attacker(19), |call| Call { status: 401, method: "POST", ..call }, rng);
}
