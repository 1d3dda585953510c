//! What do events tell of each app, gateway and endpoint?
//!
//! Workers count what each record proves ([`Seeing`]), the core adds it up here, and an epoch keeps it.
//! Facts that are new are kept at once; of those that only grew, a thousand with each epoch, so that a
//! kill may cost a count but never a fact. At most 20,000 endpoints and 50,000 ways between parts are
//! kept, and the newest write to each of 10,000 resources. Where there is no room, what was not seen for
//! thirty days of event time, or as long as what is seen counts, gives way; but for what proves that a control
//! does not hold, for no time mends that. What is beyond is counted.

mod fact;
mod rows;
mod seeing;
mod writes;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use fact::{Fact, Facts, Tally};
pub use rows::Row;
pub use seeing::Seeing;
pub use writes::{Writes, paths};

use crate::clock::Timestamp;

/// Endpoints kept, with room for 2,500 apps and gateways among them.
pub const MAX_ENDPOINTS: usize = 22_500;
/// Ways kept.
pub const MAX_FLOWS: usize = 50_000;
/// Resources of which the newest write is kept.
pub const MAX_WRITES: usize = 10_000;

/// What was not seen for so long gives way where there is no room.
const GIVES_WAY: Duration = Duration::from_hours(30 * 24);
/// What proves the contrary of a control.
const CONTRARY: [Fact; 5] =
    [Fact::ByAdminKey, Fact::NoSubscription, Fact::PastGateway, Fact::OldTls, Fact::AdminAnswered];

/// What sort of thing was observed. The numbers are kept in the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum What {
    /// A function app, or a function of one.
    App,
    /// A gateway, or an operation of one.
    Gateway,
    /// A gateway called an app, or a host.
    Way,
    /// An identity reached a resource.
    Reach,
    /// A gateway allowed an origin.
    Origin,
}

/// An app, a gateway, a function or an operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spotted {
    /// What sort of thing it is: `App` or `Gateway`.
    pub what: What,
    /// What was observed.
    pub facts: Facts,
}

/// Somebody changed a resource in the control plane.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Write {
    /// The resource's id, lower case.
    pub resource: Arc<str>,
    /// The operation, lower case.
    pub operation: Arc<str>,
    /// Who: a fingerprint or an id.
    pub by: Arc<str>,
    /// From which address.
    pub from: Arc<str>,
    /// When, event time.
    pub at: Timestamp,
}

/// A way: what sort, from, to.
pub type Flow = (What, Arc<str>, Arc<str>);

/// All that was observed.
#[derive(Clone, Debug, Default)]
pub struct Observed {
    /// By name: `app`, `app/function`, `gateway`, `gateway/operation`, lower case.
    pub endpoints: BTreeMap<Arc<str>, Spotted>,
    /// Ways between parts.
    pub flows: BTreeMap<Flow, Tally>,
    /// The newest write to each resource, by its id.
    pub writes: BTreeMap<Arc<str>, Write>,
    /// Records of endpoints, and of ways, for which there was no room.
    pub beyond: (u64, u64),
    /// Counts how often anything was added.
    pub version: u64,
    /// For how long what was seen counts; none of it gives way before.
    pub counts_for: Duration,
    /// What has new facts since the last epoch, and what only grew.
    fresh: BTreeSet<Arc<str>>,
    grown: BTreeSet<Arc<str>>,
    fresh_flows: BTreeSet<Flow>,
    fresh_writes: BTreeSet<Arc<str>>,
    gone_writes: Vec<Arc<str>>,
    gone: Vec<Arc<str>>,
    gone_flows: Vec<Flow>,
    /// Before then no endpoint, and no way, gives way.
    full_until: [Timestamp; 2],
    /// The last name whose counts were kept: the next epoch goes on from there.
    kept_until: Option<Arc<str>>,
}

impl Observed {
    /// Adds what a batch says.
    pub fn add(&mut self, seeing: Seeing) {
        if seeing.spots.is_empty() && seeing.writes.is_empty() && seeing.beyond == 0 {
            return;
        }
        self.version += 1;
        self.beyond.0 += seeing.beyond;
        for spot in &seeing.spots {
            let (from, to) = seeing.names(spot);
            let (from, to) = (lower(from), lower(to));
            match spot.what {
                What::App | What::Gateway => {
                    let name: Arc<str> = match (&*to, spot.what) {
                        ("", _) => from,
                        // An app's function is called by both names already.
                        (_, What::App) if to.contains('/') => to,
                        _ => format!("{from}/{to}").into(),
                    };
                    self.spot(name, spot.what, spot.facts, &spot.tally);
                }
                what => self.flow((what, from, to), &spot.tally),
            }
        }
        for write in seeing.writes {
            self.write(write);
        }
    }

    fn spot(&mut self, name: Arc<str>, what: What, facts: u32, tally: &Tally) {
        let full = |all: &Self| !all.endpoints.contains_key(&name) && all.endpoints.len() >= MAX_ENDPOINTS;
        if full(self) {
            self.make_room(tally.last);
        }
        if full(self) {
            self.beyond.0 = self.beyond.0.saturating_add(tally.count);
            return;
        }
        let nothing = || Spotted { what, facts: Facts::default() };
        let new = self.endpoints.entry(name.clone()).or_insert_with(nothing).facts.add(facts, tally);
        if new {
            self.grown.remove(&name);
            self.fresh.insert(name);
        } else if !self.fresh.contains(&name) {
            self.grown.insert(name);
        }
    }

    /// Lets go of all endpoints that were not seen for long, at `now`.
    fn make_room(&mut self, now: Timestamp) {
        if now < self.full_until[0] {
            return;
        }
        let gives_way = self.gives_way();
        let last = |one: &Spotted| one.facts.newest().unwrap_or(Timestamp::MIN);
        let stays = |one: &Spotted| CONTRARY.iter().any(|fact| one.facts.of(*fact).is_some());
        let old = self.endpoints.iter().filter(|(_, one)| last(one).plus(gives_way) <= now && !stays(one));
        let old: Vec<Arc<str>> = old.map(|(name, _)| name.clone()).collect();
        for name in &old {
            self.endpoints.remove(name);
            self.fresh.remove(name);
            self.grown.remove(name);
        }
        self.gone.extend(old);
        let oldest = self.endpoints.values().filter(|one| !stays(one)).map(last).min();
        // Where none may give way, none is looked for at every name.
        self.full_until[0] = oldest.unwrap_or(now).plus(gives_way);
    }

    /// Lets go of all ways that were not used for long, at `now`.
    fn make_room_for_flows(&mut self, now: Timestamp) {
        if now < self.full_until[1] {
            return;
        }
        let gives_way = self.gives_way();
        let old = self.flows.iter().filter(|(_, tally)| tally.last.plus(gives_way) <= now);
        let old: Vec<Flow> = old.map(|(flow, _)| flow.clone()).collect();
        for flow in &old {
            self.flows.remove(flow);
            self.fresh_flows.remove(flow);
        }
        self.gone_flows.extend(old);
        let oldest = self.flows.values().map(|tally| tally.last).min();
        self.full_until[1] = oldest.map_or(now, |oldest| oldest.plus(gives_way));
    }

    fn gives_way(&self) -> Duration {
        self.counts_for.max(GIVES_WAY)
    }

    fn flow(&mut self, flow: Flow, tally: &Tally) {
        // Its key in the store is of lines.
        if flow.1.contains('\n') || flow.2.contains('\n') {
            self.beyond.1 = self.beyond.1.saturating_add(tally.count);
            return;
        }
        if let Some(known) = self.flows.get_mut(&flow) {
            // Its newest time is kept once an hour, for a way is drawn the same whenever it was used last.
            let hours = |at: Timestamp| at.nanos() / 3_600_000_000_000;
            let tells = hours(known.last) != hours(tally.last);
            known.add(tally);
            if tells {
                self.fresh_flows.insert(flow);
            }
            return;
        }
        if self.flows.len() >= MAX_FLOWS {
            self.make_room_for_flows(tally.last);
        }
        if self.flows.len() >= MAX_FLOWS {
            self.beyond.1 = self.beyond.1.saturating_add(tally.count);
        } else {
            self.flows.insert(flow.clone(), *tally);
            self.fresh_flows.insert(flow);
        }
    }

    fn write(&mut self, write: Write) {
        let known = self.writes.get(&write.resource).map(|known| known.at);
        if known.is_some_and(|known| known > write.at) {
            return;
        }
        if known.is_none() && self.writes.len() >= MAX_WRITES {
            let oldest = self.writes.values().min_by(|a, b| (a.at, &a.resource).cmp(&(b.at, &b.resource)));
            if let Some(oldest) = oldest.map(|oldest| oldest.resource.clone()) {
                self.writes.remove(&oldest);
                self.fresh_writes.remove(&oldest);
                self.gone_writes.push(oldest);
            }
        }
        self.fresh_writes.insert(write.resource.clone());
        self.writes.insert(write.resource.clone(), write);
    }

    /// Returns the newest event time of anything that was observed.
    pub fn newest(&self) -> Option<Timestamp> {
        self.endpoints.values().filter_map(|one| one.facts.of(Fact::Asked)).map(|tally| tally.last).max()
    }
}

fn lower(name: &str) -> Arc<str> {
    if name.bytes().any(|byte| byte.is_ascii_uppercase()) { name.to_ascii_lowercase().into() } else { name.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: Timestamp = Timestamp::from_seconds(1_795_442_400);

    #[test]
    fn an_endpoint_and_a_write_too_many_are_counted_or_give_way() {
        let mut observed = Observed::default();
        for n in 0..=MAX_ENDPOINTS {
            observed.spot(format!("app/{n}").into(), What::App, Fact::Asked.bit(), &Tally::new(2, AT));
        }
        assert_eq!((observed.endpoints.len(), observed.beyond), (MAX_ENDPOINTS, (2, 0)));
        for n in 0..=MAX_WRITES {
            let at = AT.plus(std::time::Duration::from_secs(n as u64));
            let (resource, none) = (Arc::from(format!("/r/{n}")), Arc::from(""));
            observed.write(Write { resource, operation: "o".into(), by: Arc::clone(&none), from: none, at });
        }
        assert_eq!(observed.writes.len(), MAX_WRITES);
        assert!(!observed.writes.contains_key("/r/0"), "the oldest gave way");
    }

    #[test]
    fn what_was_not_seen_for_long_gives_way_where_there_is_no_room() {
        let mut observed = Observed::default();
        let spot = |observed: &mut Observed, name: String, days: u64| {
            let at = AT.plus(Duration::from_hours(24 * days));
            observed.spot(name.into(), What::App, Fact::Asked.bit(), &Tally::new(1, at));
        };
        for n in 0..MAX_ENDPOINTS {
            spot(&mut observed, format!("app/{n}"), 0);
        }
        observed.rows();
        spot(&mut observed, "app/7".into(), 20);
        spot(&mut observed, "app/new".into(), 29);
        assert_eq!((observed.endpoints.len(), observed.beyond), (MAX_ENDPOINTS, (1, 0)), "none is old enough");
        spot(&mut observed, "app/new".into(), 30);
        let left: Vec<&str> = observed.endpoints.keys().map(|name| &**name).collect();
        assert_eq!(left, ["app/7", "app/new"]);
        let rows = observed.rows();
        assert!(rows.contains(&(0, "app/8".to_owned(), Vec::new())), "it is let go in the store, too");
        let flow = |n: usize| (What::Way, Arc::from("a"), Arc::from(format!("b{n}")));
        for n in 0..MAX_FLOWS {
            observed.flow(flow(n), &Tally::new(1, AT));
        }
        observed.flow(flow(MAX_FLOWS), &Tally::new(1, AT.plus(GIVES_WAY)));
        assert_eq!((observed.flows.len(), observed.beyond.1), (1, 0));
        assert!(observed.rows().contains(&(1, format!("2\na\nb{}", 8), Vec::new())));
    }

    #[test]
    fn what_counts_yet_and_what_proves_that_a_control_does_not_hold_gives_no_way() {
        let mut observed = Observed { counts_for: 2 * GIVES_WAY, ..Observed::default() };
        let spot = |observed: &mut Observed, name: &str, fact: Fact, days: u64| {
            let at = AT.plus(Duration::from_hours(24 * days));
            observed.spot(name.into(), What::App, Fact::Asked.bit() | fact.bit(), &Tally::new(1, at));
        };
        spot(&mut observed, "app/past", Fact::PastGateway, 0);
        for n in 1..MAX_ENDPOINTS {
            spot(&mut observed, &format!("app/{n}"), Fact::Asked, 0);
        }
        spot(&mut observed, "app/new", Fact::Asked, 59);
        assert_eq!((observed.endpoints.len(), observed.beyond), (MAX_ENDPOINTS, (1, 0)), "all of it counts yet");
        spot(&mut observed, "app/new", Fact::Asked, 60);
        let left: Vec<&str> = observed.endpoints.keys().map(|name| &**name).collect();
        assert_eq!(left, ["app/new", "app/past"]);
    }

    #[test]
    fn a_name_of_two_lines_makes_no_way() {
        let mut observed = Observed::default();
        observed.flow((What::Way, "a\nb".into(), "c".into()), &Tally::new(3, AT));
        assert_eq!((observed.flows.len(), observed.beyond), (0, (0, 3)));
    }

    #[test]
    fn counts_of_all_names_are_kept_in_turn() {
        let mut observed = Observed::default();
        let spot = |observed: &mut Observed| {
            for n in 0..1_500 {
                observed.spot(format!("app/{n:04}").into(), What::App, Fact::Asked.bit(), &Tally::new(1, AT));
            }
        };
        spot(&mut observed);
        observed.rows();
        let last = |observed: &mut Observed| {
            spot(observed);
            observed.rows().last().map(|(_, key, _)| key.clone())
        };
        assert_eq!(last(&mut observed).as_deref(), Some("app/0999"));
        assert_eq!(last(&mut observed).as_deref(), Some("app/0499"), "it went on from the last and round");
    }

    #[test]
    fn new_facts_are_kept_at_once_and_counts_by_and_by() {
        let mut observed = Observed::default();
        for n in 0..1_500 {
            observed.spot(format!("app/{n}").into(), What::App, Fact::Asked.bit(), &Tally::new(1, AT));
        }
        assert_eq!(observed.rows().len(), 1_500);
        for n in 0..1_500 {
            observed.spot(format!("app/{n}").into(), What::App, Fact::Asked.bit(), &Tally::new(1, AT));
        }
        assert_eq!((observed.rows().len(), observed.rows().len(), observed.rows().len()), (1_000, 500, 0));
    }
}
