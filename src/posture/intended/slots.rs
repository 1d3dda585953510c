//! What does `model.yaml` say of deployment slots?
//!
//! A slot that is declared is an app of its own, called `app/slot`: it has what is said of its app, its
//! functions too, but for ways, networks and what its identity reaches, which it says for itself. One that
//! is not declared has what is said of its app, and no ways.

use super::sites::{OF_MEANT, items, meant, name, reaches};
use super::{Endpoint, Meant, Site};
use crate::posture::Problems;
use crate::posture::document::Located;

/// Slots read of one app; Azure allows 20.
const MAX_SLOTS: usize = 20;

/// Reads the slots of an app, as apps of their own.
pub(super) fn read(list: Located, app: &Site, problems: &mut Problems) -> Vec<Site> {
    let mut slots: Vec<Site> = Vec::new();
    let list = items(list, "slots", problems);
    if let Some(beyond) = list.get(MAX_SLOTS) {
        problems.add(beyond.line, format!("`slots` has more than {MAX_SLOTS} items; Azure allows no more."));
    }
    for item in list.into_iter().take(MAX_SLOTS) {
        let line = item.line;
        let Some(mut section) = item.section("A slot", problems) else { continue };
        let name = name(&mut section, "Name the slot as Azure does, such as `name: staging`.", false, problems);
        let outer = Meant { gateways: None, networks: None, ..app.meant.clone() };
        let meant = meant(&mut section, &outer, problems);
        let reaches = reaches(&mut section, problems);
        let keys: Vec<&str> = OF_MEANT.iter().copied().chain(["reaches"]).collect();
        section.finish("a key of a slot", &keys, problems);
        let Some(name) = name else { continue };
        if name == "production" {
            problems.add(line, "`production` is the app itself. Say it there.");
        }
        let whole = format!("{}/{name}", app.name);
        if slots.iter().any(|known| *known.name == *whole) {
            problems.add(line, format!("There are two slots `{whole}`. Keep one of them."));
        }
        let of = |one: &Endpoint| Endpoint {
            name: one.name.replacen(&*app.name, &whole, 1).into(),
            route: one.route.clone(),
            meant: unless_said(&one.meant, &app.meant, &meant),
            line: one.line,
        };
        let endpoints = app.endpoints.iter().map(of).collect();
        slots.push(Site { name: whole.as_str().into(), meant: meant.clone(), reaches, endpoints, line, ..app.clone() });
    }
    slots
}

/// Returns what is meant for a function in a slot: what it says for itself, else what the slot says.
fn unless_said(own: &Meant, of_app: &Meant, of_slot: &Meant) -> Meant {
    fn either<T: Clone + PartialEq>(own: &T, of_app: &T, of_slot: &T) -> T {
        if own == of_app { of_slot.clone() } else { own.clone() }
    }
    Meant {
        authentication: either(&own.authentication, &of_app.authentication, &of_slot.authentication),
        issuers: either(&own.issuers, &of_app.issuers, &of_slot.issuers),
        audiences: either(&own.audiences, &of_app.audiences, &of_slot.audiences),
        origins: either(&own.origins, &of_app.origins, &of_slot.origins),
        callers: either(&own.callers, &of_app.callers, &of_slot.callers),
        gateways: of_slot.gateways.clone(),
        networks: of_slot.networks.clone(),
    }
}
