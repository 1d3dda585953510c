//! Every other category: what the services around the apps write on an ordinary day.
//!
//! A record now and then of each, so that every decoder is fed: benign, of the same apps, people
//! and addresses as the rest of the world. Which it is is chance, so each comes about as often.

use std::net::IpAddr;

use crate::clock::Timestamp;

use super::fleet::{self, APPS, CATALOG, NOTIFY, ORDERS, PARTNER, PAYMENTS, SUBSCRIPTION};
use super::json::{Json, Ticks};
use super::rng::Rng;
use super::stage::Stage;
use super::{directory_logs, edge_logs, insights_logs, platform_logs, storage_logs};

/// What one record is made of.
pub(super) struct Made {
    pub(super) at: Timestamp,
    pub(super) id: u128,
    /// An app, never the one that goes quiet.
    pub(super) app: usize,
    /// A browser's address.
    pub(super) ip: IpAddr,
}

impl Made {
    /// Returns a number below `limit`, the same each time for one `place`.
    pub(super) fn number(&self, place: u32, limit: u64) -> i64 {
        (((self.id >> (place * 9)) as u64) % limit) as i64
    }

    /// Tells whether this is one record in `times`.
    pub(super) fn one_in(&self, times: u64) -> bool {
        self.number(12, times) == 0
    }
}

/// Writes what comes after a record's time.
type Write = fn(&mut Json<'_>, &Made);

static RECORDS: [Write; 29] = [
    platform_logs::console,
    platform_logs::app_log,
    platform_logs::platform,
    platform_logs::publishing,
    platform_logs::restriction,
    platform_logs::file,
    platform_logs::authentication,
    platform_logs::antivirus,
    insights_logs::request,
    insights_logs::request,
    insights_logs::dependency,
    insights_logs::trace,
    insights_logs::exception,
    directory_logs::person,
    directory_logs::client,
    directory_logs::application,
    directory_logs::managed_identity,
    directory_logs::change,
    edge_logs::front_door,
    edge_logs::front_door_firewall,
    edge_logs::application_gateway,
    edge_logs::application_gateway_firewall,
    edge_logs::web_socket,
    storage_logs::vault,
    storage_logs::read,
    storage_logs::write,
    storage_logs::delete,
    storage_logs::sql,
    storage_logs::cosmos,
];

impl Stage {
    /// Writes one record of another category.
    pub(super) fn other(&mut self, at: Timestamp, rng: &mut Rng) {
        let app = *rng.pick(&[ORDERS, CATALOG, PAYMENTS, PARTNER, NOTIFY]);
        let made = Made { at, id: rng.guid(), app, ip: fleet::browser(rng) };
        let write = *rng.pick(&RECORDS);
        self.packer.add(15, |out| {
            let mut json = Json::open(out);
            json.plain("time", Ticks(at));
            write(&mut json, &made);
            json.close();
            true
        });
    }
}

/// Returns the id of a resource of `app`'s group, below its provider.
pub(super) fn resource(app: usize, below: &str) -> String {
    format!("/SUBSCRIPTIONS/{SUBSCRIPTION}/RESOURCEGROUPS/{}/PROVIDERS/{below}", APPS[app].group)
}
