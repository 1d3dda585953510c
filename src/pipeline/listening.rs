//! What did a batch bring of each app and gateway?
//!
//! Workers count it record by record, before duplicates are known: coverage asks what arrives at
//! all. A batch's records mostly have few senders, so 64 are remembered. Of a batch, 1,024
//! elements are told apart; records of others count in the totals alone.

use std::collections::HashMap;
use std::sync::Arc;

use crate::clock::Timestamp;
use crate::posture::{ElementKind, Heard, Lateness, Named, sender, spoken_of};
use crate::redaction::RedactedEvent;
use crate::telemetry::{Category, Field, Value};

/// Elements of a batch that are told apart.
const MAX_ELEMENTS: usize = 1_024;
/// Bytes of an element's name; Azure's are shorter.
const MAX_NAME: usize = 128;
const NONE: u8 = u8::MAX;
/// How many senders are remembered.
const RECENT: usize = 64;
/// Spreads what differs in few bits over the slots.
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;

/// What came of one element.
#[derive(Clone, Debug)]
pub struct ElementHeard {
    /// What sort of thing it is.
    pub kind: ElementKind,
    /// Its name, lower case.
    pub name: Arc<str>,
    /// Its resource id, where a record had it.
    pub resource: Option<Arc<str>>,
    /// The oldest event time.
    pub first: Timestamp,
    /// What came of each category.
    pub heard: Vec<Heard>,
    /// Where each category stands in `heard`.
    places: [u8; Category::ALL.len()],
}

/// What a batch brought of each element.
#[derive(Debug, Default)]
pub struct Listening {
    elements: Vec<ElementHeard>,
    places: HashMap<ElementKind, HashMap<Arc<str>, usize>>,
    /// None before the first record.
    recent: Vec<Recent>,
    /// Whether a message did not say when it was received, so that now was taken for it.
    by_clock: bool,
}

/// The elements of an earlier record.
#[derive(Clone, Debug, Default)]
struct Recent {
    of: Option<(Category, Box<str>, Box<str>)>,
    /// The number of the resource id.
    number: Option<u8>,
    sender: Option<usize>,
    spoken_of: Option<usize>,
}

impl Listening {
    /// Counts a record of the batch, which was received at `received`, or else `now`.
    pub fn hear(&mut self, event: &RedactedEvent<'_>, received: Option<Timestamp>, now: Timestamp) {
        self.by_clock |= received.is_none();
        let text = |field| match event.get(field) {
            Some(Value::Text(text)) => Some(text),
            _ => None,
        };
        // A record without a time that can be read came when it came: else it would be as old as time itself.
        let received = received.unwrap_or(now);
        let (time, late_by) = if event.timed() { (event.time(), Some(received)) } else { (received, None) };
        let (category, resource, app) = (event.category(), text(Field::Resource), event.app());
        let (key, number) = ((resource.unwrap_or_default(), app.unwrap_or_default()), event.resource_number());
        let ends = ending(key.0) ^ ending(key.1).rotate_left(21) ^ u64::from(category.lane());
        let slot = (ends.wrapping_mul(SPREAD) >> (u64::BITS - RECENT.trailing_zeros())) as usize;
        self.recent.resize(RECENT, Recent::default());
        let recent = &self.recent[slot];
        let same = |(of, id, name): &(Category, Box<str>, Box<str>)| {
            let known = number.is_some() && recent.number == number;
            debug_assert!(!known || **id == *key.0, "two resources have one number");
            *of == category && **name == *key.1 && (known || **id == *key.0)
        };
        if !recent.of.as_ref().is_some_and(same) {
            let from = sender(category, resource, app, text(Field::Gateway));
            let from = from.and_then(|from| self.element(from, time));
            let spoken_of = spoken_of(category, resource, app).and_then(|of| self.element(of, time));
            // Without a resource the gateway's name decides, which is not remembered.
            let of = resource.map(|_| (category, key.0.into(), key.1.into()));
            self.recent[slot] = Recent { of, number, sender: from, spoken_of };
        }
        let weight = match event.get(Field::Weight) {
            Some(Value::Number(weight)) => u64::try_from(weight).unwrap_or(1),
            _ => 1,
        };
        let Recent { sender, spoken_of, .. } = self.recent[slot];
        for place in [sender, spoken_of].into_iter().flatten() {
            if let Some(element) = self.elements.get_mut(place) {
                element.hear(category, time, weight, late_by);
            }
        }
    }

    /// Adds what a later part of the batch brought.
    pub fn append(&mut self, later: Self) {
        self.by_clock |= later.by_clock;
        for element in later.elements {
            let named = Named { kind: element.kind, name: &element.name, resource: element.resource.as_deref() };
            let Some(place) = self.element(named, element.first) else { continue };
            let here = &mut self.elements[place];
            here.first = here.first.min(element.first);
            for heard in &element.heard {
                here.of(heard.category).add(heard);
            }
        }
    }

    /// Returns what came of each element. Of what was written before anybody read, which is so unless
    /// its streams were `live`, the clock can't say how late it was.
    pub fn into_elements(mut self, live: bool) -> Vec<ElementHeard> {
        if self.by_clock && !live {
            let heard = self.elements.iter_mut().flat_map(|element| &mut element.heard);
            heard.for_each(|heard| heard.late = Lateness::default());
        }
        self.elements
    }

    pub(super) fn element(&mut self, named: Named<'_>, at: Timestamp) -> Option<usize> {
        if named.name.is_empty() || named.name.len() > MAX_NAME {
            return None;
        }
        let places = self.places.entry(named.kind).or_default();
        if let Some(&place) = places.get(named.name) {
            let resource = &mut self.elements[place].resource;
            if resource.is_none() {
                *resource = named.resource.map(Arc::from);
            }
            return Some(place);
        }
        let place = self.elements.len();
        if place >= MAX_ELEMENTS {
            return None;
        }
        let name = Arc::<str>::from(named.name);
        places.insert(name.clone(), place);
        self.elements.push(ElementHeard {
            kind: named.kind,
            name,
            resource: named.resource.map(Arc::from),
            first: at,
            heard: Vec::new(),
            places: [NONE; Category::ALL.len()],
        });
        Some(place)
    }
}

/// Returns the last eight bytes of `name` as a number: where names differ at all, they mostly do so there.
fn ending(name: &str) -> u64 {
    match name.as_bytes().last_chunk() {
        Some(bytes) => u64::from_le_bytes(*bytes),
        None => name.bytes().fold(name.len() as u64, |word, byte| word << 8 | u64::from(byte)),
    }
}

impl ElementHeard {
    fn hear(&mut self, category: Category, time: Timestamp, weight: u64, received: Option<Timestamp>) {
        self.first = self.first.min(time);
        self.of(category).hear(time, weight, received);
    }

    fn of(&mut self, category: Category) -> &mut Heard {
        let lane = usize::from(category.lane());
        if self.places[lane] == NONE {
            self.places[lane] = self.heard.len() as u8;
            self.heard.push(Heard::nothing(category));
        }
        &mut self.heard[usize::from(self.places[lane])]
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use bumpalo::Bump;

    use crate::clock::{Clock, Timestamp};
    use crate::detection::Matcher;
    use crate::posture::ElementKind;
    use crate::redaction::{KeyRing, Redactor, Settings};
    use crate::telemetry::{Batch, Category, StreamId};

    use super::super::Stage;
    use super::ElementHeard;

    const GROUP: &str = "/SUBSCRIPTIONS/0F00/RESOURCEGROUPS/G/PROVIDERS";

    /// What a worker hears in these records, received at 12:00:30.
    fn heard(records: &[String], live: bool, stamped: bool) -> Vec<ElementHeard> {
        let now: Timestamp = Timestamp::from_seconds(1_795_435_230);
        let redactor = Redactor::new(&KeyRing::ephemeral().unwrap(), &Settings::default()).unwrap();
        let stage = Stage {
            redactor: Arc::new(redactor),
            matcher: Matcher::new(Vec::new().into(), (1, 2)),
            content_seed: 3,
            keep_redacted: false,
            clock: Clock::fixed(now),
            topology: crate::context::Topology::default(),
            context: Arc::default(),
            tap: crate::dashboard::Tap::default(),
        };
        let mut batch = Batch::default();
        for (offset, record) in (0..).zip(records) {
            batch.push(record.as_bytes(), StreamId(0), offset, offset + 1, stamped.then_some(now));
        }
        stage.work(&batch, &mut Bump::new()).listening.into_elements(live)
    }

    fn record(category: &str, resource: &str, time: &str) -> String {
        format!(
            r#"{{"time":"2026-11-23T{time}Z","category":"{category}","resourceId":"{GROUP}/{resource}","properties":{{}}}}"#
        )
    }

    fn shown(elements: &[ElementHeard]) -> Vec<String> {
        let categories = |element: &ElementHeard| {
            let each = element.heard.iter().map(|heard| format!("{} {}", heard.category.name(), heard.records));
            each.collect::<Vec<_>>().join(", ")
        };
        elements.iter().map(|element| format!("{} {}: {}", element.kind, element.name, categories(element))).collect()
    }

    #[test]
    fn each_record_counts_for_its_sender_and_for_what_it_speaks_of() {
        let records = [
            record("FunctionAppLogs", "MICROSOFT.WEB/SITES/Shop", "12:00:00"),
            record("FunctionAppLogs", "MICROSOFT.WEB/SITES/SHOP/SLOTS/STAGING", "12:00:01"),
            record("AppServiceHTTPLogs", "MICROSOFT.WEB/SITES/SHOP", "12:00:02"),
            record("GatewayLogs", "MICROSOFT.APIMANAGEMENT/SERVICE/GATE", "12:00:03"),
            record("Administrative", "MICROSOFT.WEB/SITES/SHOP/CONFIG/APPSETTINGS", "12:00:04"),
        ];
        let elements = heard(&records, true, true);
        assert_eq!(
            shown(&elements),
            [
                "function app shop: FunctionAppLogs 2, AppServiceHTTPLogs 1, ActivityLog 1",
                "API Management gate: GatewayLogs 1",
                "subscription 0f00: ActivityLog 1",
            ]
        );
        let app = &elements[0];
        assert_eq!((app.kind, app.first), (ElementKind::App, Timestamp::from_seconds(1_795_435_200)));
        assert!(app.resource.as_deref().is_some_and(|id| id.ends_with("/microsoft.web/sites/shop")));
        assert_eq!(app.heard[0].category, Category::FunctionAppLogs);
        assert_eq!(app.heard[0].late.within(50), Some(Duration::from_secs(32)));
    }

    #[test]
    fn what_was_written_before_anybody_read_is_not_called_late() {
        let records = [record("FunctionAppLogs", "MICROSOFT.WEB/SITES/SHOP", "11:00:00")];
        let late = |live, stamped| heard(&records, live, stamped)[0].heard[0].late.within(50);
        assert_eq!(late(false, false), None);
        assert!(late(true, false).is_some() && late(false, true).is_some());
    }

    #[test]
    fn a_record_whose_time_can_t_be_read_makes_no_app_older_than_what_came_of_it() {
        let untimed = record("FunctionAppLogs", "MICROSOFT.WEB/SITES/SHOP", "no time at all");
        for stamped in [true, false] {
            let element = &heard(std::slice::from_ref(&untimed), true, stamped)[0];
            let now = Timestamp::from_seconds(1_795_435_230);
            assert_eq!((element.first, element.heard[0].newest, element.heard[0].late.within(50)), (now, now, None));
        }
        let timed = record("FunctionAppLogs", "MICROSOFT.WEB/SITES/SHOP", "12:00:00");
        let element = &heard(&[untimed, timed], true, true)[0];
        assert_eq!(element.first, Timestamp::from_seconds(1_795_435_200));
    }

    #[test]
    fn a_flood_of_names_is_bounded() {
        let names = (0..2_000).map(|n| record("FunctionAppLogs", &format!("MICROSOFT.WEB/SITES/A{n}"), "12:00:00"));
        let long = record("FunctionAppLogs", &format!("MICROSOFT.WEB/SITES/{}", "x".repeat(5_000)), "12:00:00");
        let records: Vec<String> = std::iter::once(long).chain(names).collect();
        assert_eq!(heard(&records, true, true).len(), super::MAX_ELEMENTS);
    }
}
