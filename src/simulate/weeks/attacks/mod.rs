//! What is done to the fleet over weeks, beside the attacks of the short world?
//!
//! Much of it is slow, quiet, or waits: hours, days or weeks lie between its steps. Each attacker has
//! an address that nobody else uses, each stolen session a person of its own.

mod auth;
mod control;
mod directory;
mod keys;
mod origins;
mod probing;

use std::net::IpAddr;

use crate::simulate::attacks::{Plan, Turn};
use crate::simulate::fleet::APPS;
use crate::simulate::rng::Rng;
use crate::simulate::stage::{Call, Stage, path_of};

/// Returns the attacks that only weeks have.
pub(super) fn plans() -> impl Iterator<Item = &'static Plan> {
    [auth::PLANS, keys::PLANS, origins::PLANS, probing::PLANS, control::PLANS, directory::PLANS].into_iter().flatten()
}

/// Calls function `of` past its gateway, or through it where `through`; `change` says how.
fn calls(
    stage: &mut Stage,
    turn: &Turn,
    (app, function): (usize, usize),
    ip: IpAddr,
    through: bool,
    change: impl for<'a> FnOnce(Call<'a>) -> Call<'a>,
    rng: &mut Rng,
) {
    let path = path_of(app, function, rng);
    let call = change(Call { agent: "python-requests/2.31.0", ..Call::of(turn.at, app, function, &path, ip) });
    if through { stage.call(&call, rng) } else { stage.direct(&call, rng) }
}

/// Asks `app` itself for `path`; `change` says how.
fn asks<'a>(
    stage: &mut Stage,
    turn: &Turn,
    app: usize,
    path: &'a str,
    ip: IpAddr,
    change: impl FnOnce(Call<'a>) -> Call<'a>,
    rng: &mut Rng,
) {
    let call = change(Call { agent: "curl/8.9.1", ..Call::new(turn.at, app, path, ip) });
    stage.direct(&call, rng);
}

/// Returns the resource id of `app`'s site below its group, and what lies below it.
fn site(app: usize, below: &str) -> String {
    format!("Microsoft.Web/sites/{}{below}", APPS[app].name)
}
