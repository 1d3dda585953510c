//! What is known about this event beside what its record says?
//!
//! One look for each event that has something to look up, and only where somebody asks: a detector,
//! an exception, or a person who watches. Addresses repeat within a batch, so what was found for one
//! is kept for its next [`SLOTS`] others; nothing outlives the batch. It must be asked before
//! addresses are hidden.

use std::net::IpAddr;

use crate::clock::Timestamp;
use crate::telemetry::{Field, Known, Place};

use super::intent::{Act, Intents};
use super::inventory::{Inventory, Named};
use super::lists::{About, Lists};
use super::places::Places;

/// Addresses that are remembered within a batch; one gives way to the next of its slot.
const SLOTS: usize = 256;

/// Places, lists and the inventory: replaced whole.
#[derive(Debug, Default)]
pub struct Context {
    /// Where addresses lie.
    pub places: Places,
    /// Which lists hold them.
    pub lists: Lists,
    /// What there should be, and whose it is.
    pub inventory: Inventory,
    /// What was meant.
    pub intents: Intents,
}

/// What somebody asks of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// What is known of addresses.
    pub addresses: bool,
    /// What the inventory says.
    pub inventory: bool,
    /// What was meant.
    pub intent: bool,
}

impl Asked {
    /// Everything.
    pub const ALL: Self = Self { addresses: true, inventory: true, intent: true };

    /// Returns what is asked by conditions of which `mentions` tells whether they name such a field.
    pub fn by(mentions: impl Fn(fn(Field) -> bool) -> bool) -> Self {
        Self {
            addresses: mentions(Field::of_address),
            inventory: mentions(Field::of_inventory),
            intent: mentions(Field::of_intent),
        }
    }

    /// Returns what one of the two asks.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            addresses: self.addresses || other.addresses,
            inventory: self.inventory || other.inventory,
            intent: self.intent || other.intent,
        }
    }
}

/// What was found for the addresses of one batch.
#[derive(Debug, Default)]
pub struct Memo<'c> {
    /// Empty until something is looked up.
    slots: Vec<Option<(IpAddr, Found<'c>)>>,
}

#[derive(Clone, Copy, Debug)]
struct Found<'c> {
    place: Place<'c>,
    lists: Option<&'c str>,
    tags: Option<&'c str>,
}

impl Context {
    /// Returns which of `asked` it can say anything to at all.
    pub fn answers(&self, asked: Asked) -> Asked {
        Asked {
            addresses: asked.addresses && !(self.places.is_empty() && self.lists.is_empty()),
            inventory: asked.inventory && !self.inventory.is_empty(),
            intent: asked.intent && !self.intents.is_empty(),
        }
    }

    /// Looks up what is asked about those whom an event names, and what it does; `None` where nothing is
    /// known.
    #[inline]
    pub fn look<'c>(
        &'c self,
        asked: Asked,
        named: &Named<'_>,
        act: Option<&Act<'_>>,
        memo: &mut Memo<'c>,
    ) -> Option<Known<'c>> {
        let mut known = Known::default();
        if let Some(ip) = named.ip.filter(|_| asked.addresses) {
            let Found { place, lists, tags } = self.address(ip, memo);
            (known.place, known.lists, known.tags) = (place, lists, tags);
        }
        if asked.inventory {
            known.inventory = self.inventory.look(named);
        }
        if let Some(act) = act.filter(|_| asked.intent) {
            known.intent = self.intents.look(act);
        }
        (known != Known::default()).then_some(known)
    }

    fn address<'c>(&'c self, ip: IpAddr, memo: &mut Memo<'c>) -> Found<'c> {
        if memo.slots.is_empty() {
            memo.slots.resize(SLOTS, None);
        }
        let slot = &mut memo.slots[slot(ip)];
        if let Some((known, found)) = slot
            && *known == ip
        {
            return *found;
        }
        let (lists, tags) = self.lists.of_address(ip);
        let found = Found { place: self.places.of(ip), lists, tags };
        *slot = Some((ip, found));
        found
    }

    /// Returns what is known of each file of addresses.
    pub fn about(&self) -> impl Iterator<Item = &About> {
        self.places.about().chain(self.lists.about())
    }

    /// Says which files are too old at `now`.
    pub fn stale(&self, now: Timestamp) -> Vec<String> {
        self.about().filter_map(|about| about.stale(now)).collect()
    }
}

/// Returns the slot of an address. Whoever chooses addresses may choose them to fall together: what
/// that costs him is the look-up that he would have cost anyway.
fn slot(ip: IpAddr) -> usize {
    let bits = match ip {
        IpAddr::V4(ip) => u64::from(u32::from(ip)),
        IpAddr::V6(ip) => {
            let bits = u128::from(ip);
            (bits >> 64) as u64 ^ bits as u64
        }
    };
    (bits.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as usize
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::context::lists::{Form, ListSettings};

    fn context() -> Context {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("bad");
        std::fs::write(&file, "203.0.113.0/24\n").unwrap();
        let form = Form::Plain;
        let list =
            ListSettings { file, form, column: None, service_tags: vec![], tags: vec!["x".into()], max_age: None };
        let lists = Lists::load(&BTreeMap::from([("bad".to_owned(), list)]), &[]).unwrap();
        let inventory = Inventory::new(&toml::from_str("apps.shop.owner = 'dana'").unwrap());
        Context { lists, inventory, ..Context::default() }
    }

    fn named(ip: &str) -> Named<'static> {
        let time = Timestamp::from_seconds(0);
        Named { app: Some("shop"), function: None, origin: None, key: None, ip: ip.parse().ok(), time }
    }

    #[test]
    fn only_what_is_asked_is_looked_up() {
        let context = context();
        let all = Asked { intent: false, ..Asked::ALL };
        assert_eq!(context.answers(Asked::ALL), all, "nobody has said what is meant");
        assert_eq!(Context::default().answers(all), Asked::default());
        let look = |asked, ip| context.look(asked, &named(ip), None, &mut Memo::default());
        let known = look(all, "203.0.113.7").unwrap();
        assert_eq!((known.lists, known.tags, known.inventory.app_owner), (Some("bad"), Some("x"), Some("dana")));
        let addresses = Asked { inventory: false, ..all };
        assert_eq!(look(addresses, "203.0.113.7").unwrap().inventory.app, None);
        assert_eq!(look(addresses, "192.0.2.1"), None);
        assert_eq!(look(Asked::default(), "203.0.113.7"), None);
    }

    #[test]
    fn what_is_remembered_of_one_address_is_never_said_of_another() {
        let (context, mut memo) = (context(), Memo::default());
        let asked = Asked { addresses: true, ..Asked::default() };
        for round in 0..3 {
            for n in 0..2048_u32 {
                let ip = format!("203.0.{}.{}", 112 + n % 4, n / 4 % 256);
                let known = context.look(asked, &named(&ip), None, &mut memo);
                assert_eq!(known.and_then(|known| known.lists).is_some(), ip.starts_with("203.0.113."), "{round} {ip}");
            }
        }
    }
}
