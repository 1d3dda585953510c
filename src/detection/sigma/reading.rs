//! What do the fields that rules ask for say in one event? Read when first asked for, and once.
//!
//! A field of the event is at hand; for what stands in the record alone, all paths of its category are read in
//! one walk, the first time that a rule asks for one. What is made of it lives as long as the batch's arena.

use bumpalo::Bump;
use bumpalo::collections::Vec as List;

use crate::redaction::RedactedEvent;
use crate::telemetry::{Field, RawPaths, Seen, Value, escaped_texts};

use super::fields::Place;
use super::test::Said;

/// What a rule asks for, as the records of one category hold it.
#[derive(Clone, Debug, Default)]
pub(super) struct Slot {
    /// Places outside the record's paths.
    pub(super) places: Vec<Place>,
    /// Whether the record is walked for it.
    pub(super) walked: bool,
    /// Whether it is the whole record.
    pub(super) whole: bool,
}

/// The slots of one category, and the paths that fill them.
#[derive(Clone, Debug, Default)]
pub(super) struct Slots {
    pub(super) list: Vec<Slot>,
    pub(super) paths: RawPaths,
    /// Which slots a path fills, by its number.
    pub(super) fills: Vec<Vec<u16>>,
}

/// The values of one event.
pub(super) struct Reading<'g, 'e, 's> {
    slots: &'g Slots,
    event: &'e RedactedEvent<'s>,
    arena: &'e Bump,
    values: List<'e, Read<'e>>,
    walked: bool,
}

struct Read<'e> {
    done: bool,
    values: List<'e, Said<'e>>,
}

impl Slot {
    /// Tells whether it knows no empty text: an event's fields that are empty are not there.
    pub(super) fn is_bare(&self) -> bool {
        !self.walked && !self.whole
    }
}

impl<'g, 'e, 's: 'e> Reading<'g, 'e, 's> {
    /// Returns a reading of `event` in which nothing is read yet.
    pub(super) fn new(slots: &'g Slots, event: &'e RedactedEvent<'s>) -> Self {
        let arena: &'e Bump = event.arena();
        let mut values = List::with_capacity_in(slots.list.len(), arena);
        values.extend(slots.list.iter().map(|_| Read { done: false, values: List::new_in(arena) }));
        Self { slots, event, arena, values, walked: false }
    }

    /// Returns the values of `slot`, and whether it knows no empty text.
    pub(super) fn get(&mut self, slot: u16) -> (&[Said<'e>], bool) {
        let place = usize::from(slot);
        let Some(of) = self.slots.list.get(place) else { return (&[], true) };
        if of.walked && !self.walked {
            self.walk();
        }
        if let Some(read) = self.values.get_mut(place).filter(|read| !read.done) {
            read.done = true;
            read_places(of, self.event, self.arena, &mut read.values);
        }
        (self.values.get(place).map_or(&[][..], |read| read.values.as_slice()), of.is_bare())
    }

    /// Tells whether `slot` is the whole record.
    pub(super) fn is_whole(&self, slot: u16) -> bool {
        self.slots.list.get(usize::from(slot)).is_some_and(|slot| slot.whole)
    }

    /// Returns the first value of `slot` that says something.
    pub(super) fn first(&mut self, slot: u16) -> Option<&'e str> {
        self.get(slot).0.iter().find(|said| !said.null && !said.text.is_empty()).map(|said| said.text)
    }

    /// Returns the event.
    pub(super) fn event(&self) -> &'e RedactedEvent<'s> {
        self.event
    }

    /// Returns where what is made of it may live.
    pub(super) fn arena(&self) -> &'e Bump {
        self.arena
    }

    fn walk(&mut self) {
        self.walked = true;
        let (fills, values) = (&self.slots.fills, &mut self.values);
        self.slots.paths.each(self.event.record_text(), self.arena, |path, seen| {
            let said = match seen {
                Seen::Null => Said { text: "", null: true },
                Seen::Text(text) | Seen::Whole(text) => Said { text, null: false },
            };
            for slot in fills.get(usize::from(path)).into_iter().flatten() {
                if let Some(read) = values.get_mut(usize::from(*slot)) {
                    read.values.push(said);
                }
            }
        });
    }
}

fn read_places<'e, 's: 'e>(slot: &Slot, event: &'e RedactedEvent<'s>, arena: &'e Bump, out: &mut List<'e, Said<'e>>) {
    let mut push = |text: &'e str| out.push(Said { text, null: false });
    if slot.whole {
        let record = event.record_text();
        push(record);
        escaped_texts(record, arena, &mut push);
    }
    for place in &slot.places {
        let text = match place {
            Place::Field(field) => text_of(event, *field, arena),
            Place::Path(_) => None,
            Place::Uri => uri(event, "", arena),
            Place::Url => text_of(event, Field::RequestHost, arena)
                .and_then(|host| uri(event, arena.alloc_str(&format!("https://{host}")), arena)),
            Place::Extension => extension(event),
            Place::Provider => {
                text_of(event, Field::Operation, arena).and_then(|name| name.split_once('/')).map(|(name, _)| name)
            }
        };
        if let Some(text) = text.filter(|text| !text.is_empty()) {
            push(text);
        }
    }
}

fn text_of<'e>(event: &'e RedactedEvent<'_>, field: Field, arena: &'e Bump) -> Option<&'e str> {
    Some(match event.get(field)? {
        Value::Text(text) => text,
        Value::Number(number) => arena.alloc_str(&number.to_string()),
        Value::Ip(ip) => arena.alloc_str(&ip.to_canonical().to_string()),
    })
}

fn uri<'e>(event: &'e RedactedEvent<'_>, before: &str, arena: &'e Bump) -> Option<&'e str> {
    let Some(Value::Text(path)) = event.get(Field::RequestPath) else { return None };
    let query = match event.get(Field::RequestQuery) {
        Some(Value::Text(query)) if !query.is_empty() => query,
        _ if before.is_empty() => return Some(path),
        _ => "",
    };
    let mut text = bumpalo::collections::String::with_capacity_in(before.len() + path.len() + query.len() + 1, arena);
    text.push_str(before);
    text.push_str(path);
    if !query.is_empty() {
        text.push('?');
        text.push_str(query);
    }
    Some(text.into_bump_str())
}

fn extension<'e>(event: &'e RedactedEvent<'_>) -> Option<&'e str> {
    let Some(Value::Text(path)) = event.get(Field::RequestPath) else { return None };
    let name = path.rsplit('/').next()?;
    name.rsplit_once('.').map(|(_, extension)| extension)
}
