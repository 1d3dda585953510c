//! What do the parameters of an address ask for?
//!
//! A question about alerts in one line (`query`) or by its parts, and what the address takes beside
//! it. A name that an address does not know is refused, as is a value that means nothing: all that is
//! wrong is said at once.

use axum::response::Response;
use utoipa::IntoParams;

use super::super::filter::cursor;
use super::problem::{Flaw, flawed, short};
use crate::alerts::query::{NAMES, meant};
use crate::alerts::{AlertId, Class, Family, Level, Query};
use crate::clock::Timestamp;

/// A question about alerts; the parts must all hold.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "it describes what is read from pairs, so that all that is wrong can be said at once")]
pub(super) struct Question {
    /// A question in one line, such as `state:open level:high app:fn-orders -family:probing since:24h guessing`: names
    /// with values, `-` before one leaves it out, levels take `>=`, `<=`, `>`, `<` and `=`, and words without a name are
    /// searched for. What stands beside it narrows it.
    query: Option<String>,
    /// In this state; `active` is open and acknowledged.
    #[param(inline)]
    state: Option<States>,
    /// At least this bad.
    #[param(inline)]
    level: Option<Level>,
    /// Of this family.
    #[param(inline)]
    family: Option<Family>,
    /// Of this app.
    #[param(example = "fn-orders", min_length = 1)]
    app: Option<String>,
    /// By this detector in front.
    #[param(example = "auth-failures.key_guessing", min_length = 1)]
    detector: Option<String>,
    /// About this: `ip/203.0.113.7`, or the value alone.
    #[param(example = "ip/203.0.113.7", min_length = 1)]
    entity: Option<String>,
    /// Whose they are; `none`: nobody's.
    #[param(example = "none", min_length = 1)]
    assignee: Option<String>,
    /// Closed as this.
    #[param(inline)]
    class: Option<Class>,
    /// With an event since then: RFC 3339, or how long ago, such as `24h`.
    #[param(example = "24h", min_length = 1)]
    since: Option<String>,
    /// Without an event after that: RFC 3339, or how long ago.
    #[param(example = "30m", min_length = 1)]
    until: Option<String>,
    /// Opened between: `FROM..TO`, either of which may be left out; RFC 3339, or how long ago.
    #[param(example = "2h..1h", min_length = 1)]
    opened: Option<String>,
    /// Words in title, why, detector, entity or id; each may be the beginning of one.
    #[param(example = "guessing")]
    q: Option<String>,
    /// The same as `q`.
    text: Option<String>,
}

/// States that may be asked for by one name.
#[derive(Debug, utoipa::ToSchema, serde::Serialize)]
#[serde(rename_all = "lowercase")]
#[expect(dead_code, reason = "it describes names that `alerts::Query` reads")]
pub(super) enum States {
    Active,
    Open,
    Acknowledged,
    Closed,
    All,
}

/// Which part of a list is wanted.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "it describes what is read from pairs, so that all that is wrong can be said at once")]
pub(super) struct Page {
    /// At most so many in one answer.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u16>,
    /// What the answer before called `next`.
    after: Option<String>,
}

/// Reads a question; it begins as `start`. What the address takes beside it has the names `own` and is given to `take`.
#[expect(clippy::result_large_err, reason = "the error is the answer itself, made once a request")]
pub(super) fn question(
    pairs: &[(String, String)],
    (start, now): (Query, Timestamp),
    own: &[&str],
    take: impl FnMut(&str, &str) -> Result<(), String>,
) -> Result<Query, Response> {
    let (query, flaws) = read(pairs, (start, now), own, take);
    if flaws.is_empty() { Ok(query) } else { Err(flawed(flaws)) }
}

fn read(
    pairs: &[(String, String)],
    (mut query, now): (Query, Timestamp),
    own: &[&str],
    mut take: impl FnMut(&str, &str) -> Result<(), String>,
) -> (Query, Vec<Flaw>) {
    let mut flaws = Vec::new();
    // A line first, so that what stands beside it narrows it.
    for (name, line) in pairs.iter().filter(|(name, _)| name == "query") {
        if let Err(wrong) = query.narrow(line, now) {
            flaws.extend(wrong.0.iter().map(|wrong| Flaw::of(name, wrong.to_string())));
        }
    }
    let names: Vec<&str> = ["query", "q"].into_iter().chain(NAMES).chain(own.iter().copied()).collect();
    for (name, value) in pairs.iter().filter(|(name, _)| name != "query") {
        let taken = match name.as_str() {
            name if !names.contains(&name) => Err(unknown(name, &names)),
            name if own.contains(&name) => take(name, value),
            "q" => query.set("text", value, now),
            name => query.set(name, value, now),
        };
        flaws.extend(taken.err().map(|says| Flaw::of(name, says)));
    }
    (query, flaws)
}

/// Reads what an address takes that asks no question about alerts.
#[expect(clippy::result_large_err, reason = "the error is the answer itself, made once a request")]
pub(in crate::dashboard) fn plain(
    pairs: &[(String, String)],
    own: &[&str],
    mut take: impl FnMut(&str, &str) -> Result<(), String>,
) -> Result<(), Response> {
    let mut flaws = Vec::new();
    for (name, value) in pairs {
        let known = own.contains(&name.as_str());
        let taken = if known { take(name, value) } else { Err(unknown(name, own)) };
        flaws.extend(taken.err().map(|says| Flaw::of(name, says)));
    }
    if flaws.is_empty() { Ok(()) } else { Err(flawed(flaws)) }
}

fn unknown(name: &str, names: &[&str]) -> String {
    let takes = if names.is_empty() { "none is taken".to_owned() } else { names.join(", ") };
    format!("`{}` is no parameter of this address{}: {takes}.", short(name), meant(name, names))
}

/// Reads a whole number from 1 to `most`.
pub(super) fn number(name: &str, value: &str, most: usize) -> Result<usize, String> {
    let number = value.trim().parse().ok().filter(|number| (1..=most).contains(number));
    number.ok_or_else(|| format!("`{name}` is a whole number from 1 to {most}."))
}

/// Reads where a page begins.
pub(super) fn begins(value: &str) -> Result<(Timestamp, AlertId), String> {
    cursor(value).ok_or_else(|| "`after` is what the answer before called `next`, as it stood there.".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_that_is_wrong_with_an_address_is_said_at_once() {
        let pairs =
            [("query", "state:opn famly:x"), ("lvel", "high"), ("limit", "0"), ("family", "key-usag"), ("app", " ")];
        let pairs: Vec<(String, String)> = pairs.iter().map(|&(name, value)| (name.into(), value.into())).collect();
        let now = Timestamp::from_seconds(0);
        let take = |name: &str, value: &str| number(name, value, 200).map(drop);
        let (_, flaws) = read(&pairs, (Query::default(), now), &["limit"], take);
        let says: Vec<(&str, &str)> = flaws
            .iter()
            .map(|flaw| (flaw.parameter.as_deref().unwrap(), flaw.detail.split(": ").next().unwrap()))
            .collect();
        assert_eq!(
            says,
            [
                ("query", "`opn` is no state (did you mean `open`?)"),
                ("query", "`famly` is nothing to ask alerts by (did you mean `family`?)"),
                ("lvel", "`lvel` is no parameter of this address (did you mean `level`?)"),
                ("limit", "`limit` is a whole number from 1 to 200."),
                ("family", "`key-usag` is no family (did you mean `key-usage`?)"),
                ("app", "`app` has no value"),
            ]
        );
    }
}
