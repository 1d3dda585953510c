//! What do the events of a false alarm have in common?
//!
//! Whom the alert is about, always. Of events that were all kept, every field below that all of them have
//! with the same value; of others, those that name somebody or something, if they agree and the alert names
//! no second one. What the detector counts or learns the values of is left out where more events came than
//! were kept. What is found in no event is asked by whom it is about and its app alone. Of what is seen for the
//! first time it is that value and for whom it was new: what is held back is not learnt, so an exception that asked
//! for more would put the alert off to the next event.

use crate::detection::rule::Term;
use crate::detection::scene::entity_kind;
use crate::detection::{Catalogue, Counting};
use crate::telemetry::{Entity, EntityKind, Field};

use super::{Alarm, Saw};

/// Fields that name who or what takes part.
const NAMING: [Field; 9] = [
    Field::App,
    Field::Function,
    Field::Gateway,
    Field::SourceIp,
    Field::KeyId,
    Field::IdentityId,
    Field::IdentityApp,
    Field::IdentityName,
    Field::Origin,
];
/// Fields that say what was done.
const DOING: [Field; 5] = [Field::Operation, Field::Rule, Field::Target, Field::RequestHost, Field::RequestPath];

/// Tells whether `field` is one that names entities of this one's kind.
pub(super) fn is_of(field: Field, entity: &Entity) -> bool {
    entity_kind(field) == Some(entity.kind)
}

/// Returns what an exception asks so that it covers what `saw` holds.
pub(super) fn conditions(
    alarm: &Alarm,
    saw: &Saw,
    catalogue: &Catalogue,
    number: usize,
) -> Result<Vec<(Field, String)>, String> {
    let rule = &catalogue.rules[number];
    let own = own_field(alarm, saw, rule.by.first())
        .ok_or_else(|| format!("Nothing that {} keeps says whom the alert is about.", saw.detector))?;
    let own_is = own.0;
    let mut when = vec![own];
    if catalogue.detectors.all[number].counting.has_no_event() {
        when.extend(alarm.app.as_ref().map(|app| (Field::App, app.to_string())).filter(|app| app.0 != own_is));
        return Ok(when);
    }
    if saw.known().next().is_none() {
        return Ok(when);
    }
    if let Counting::FirstSeen { .. } = catalogue.detectors.all[number].counting {
        let terms = rule.by.iter().skip(1).chain(&rule.value);
        let all =
            terms.filter_map(|term| term.fields().find_map(|field| Some((field, shared(saw, field)?.to_owned()))));
        when.extend(all.filter(|(field, _)| *field != own_is).collect::<Vec<_>>());
        return Ok(when);
    }
    let counted = |field: &Field| rule.value.iter().any(|term| term.fields().any(|one| one == *field));
    for field in NAMING.iter().chain(&DOING).filter(|field| **field != own_is) {
        let may_differ = DOING.contains(field) || counted(field) || alarm.cut || !is_sole(alarm, *field);
        if saw.is_whole() || !may_differ {
            when.extend(shared(saw, *field).map(|value| (*field, value.to_owned())));
        }
    }
    Ok(when)
}

/// Returns the field that says whom the alert is about, and how its events write it.
fn own_field(alarm: &Alarm, saw: &Saw, by: Option<&Term>) -> Option<(Field, String)> {
    let of_kind = |field: &&Field| is_of(**field, &alarm.entity);
    let candidates: Vec<Field> = match by {
        Some(term) => term.fields().collect(),
        None => Field::ALL.iter().filter(of_kind).copied().collect(),
    };
    let value = &*alarm.entity.value;
    let says = |field: Field| {
        let texts =
            saw.known().filter_map(|event| if field == Field::SecretId { Some(value) } else { event.get(field) });
        texts.filter(|text| same(text, value)).map(|text| (field, text.to_owned())).next()
    };
    let known = candidates.iter().find_map(|field| says(*field));
    // Nothing that was kept says it: the alert itself does.
    known.or_else(|| candidates.iter().find(of_kind).map(|field| (*field, value.to_owned())))
}

/// Names are the alert's in any case, and a function's may stand there without its app.
fn same(text: &str, entity: &str) -> bool {
    let bare = |text: &str| text.trim_end_matches('/').to_ascii_lowercase();
    let (text, entity) = (bare(text), bare(entity));
    text == entity || entity.rsplit_once('/').is_some_and(|(_, last)| last == text)
}

/// Tells whether the alert names no more than one of what `field` names.
fn is_sole(alarm: &Alarm, field: Field) -> bool {
    let kind = entity_kind(field);
    let of_kind = alarm.entities.iter().filter(|entity| Some(entity.kind) == kind);
    // A person may have a name and an id beside it.
    of_kind.count() <= usize::from(kind != Some(EntityKind::Identity))
}

/// Returns the value that `field` has in every event.
fn shared(saw: &Saw, field: Field) -> Option<&str> {
    let mut values = saw.known().map(|event| event.get(field));
    let first = values.next()??;
    values.all(|value| value.is_some_and(|value| value.eq_ignore_ascii_case(first))).then_some(first)
}
