//! Whom does a record name, and how are they written?
//!
//! Names are written on the batch's sheet, each once: the entity that an alert is about is that of
//! the record where it is one of its entities. A record names at most 32 entities.

use crate::redaction::RedactedEvent;
use crate::telemetry::{EntityKind, Field, MOST_NAME, Value, cut_name};

use super::matcher::MAX_SECRETS;
use super::rule::Term;
use super::scene::{Scene, write};
use super::sheet::{Sheet, Span, cut};

/// Entities of a record that are kept.
pub(super) const MAX_ENTITIES: usize = 32;
/// Bytes of a value that are shown.
pub(super) const MAX_SHOWN: usize = 256;

/// Writes a field's value as alerts do; cut, for callers choose how long many are.
fn write_name(field: Field, value: Value<'_>, scene: Scene<'_, '_>, out: &mut String) {
    let begin = out.len();
    match (field, value, scene.event.app()) {
        (Field::Function, Value::Text(name), Some(app)) if !name.contains('/') => {
            let start = out.len();
            out.extend([app, "/", name]);
            out[start..].make_ascii_lowercase();
        }
        (Field::Origin, Value::Text(origin), _) => write(Value::Text(origin.trim_end_matches('/')), out),
        _ => write(value, out),
    }
    cut_name(out, begin);
}

/// Returns the app's name as an entity has it: cut, where it is long.
fn app_name(app: Span, sheet: &mut Sheet) -> Span {
    if sheet.text(app).len() <= MOST_NAME {
        return app;
    }
    let mut name = sheet.text(app).to_owned();
    cut_name(&mut name, 0);
    sheet.name(|names| names.push_str(&name))
}

/// Returns the name of the alert's entity, that of the record where it is one of its entities.
pub(super) fn entity_of(
    kind: EntityKind,
    (field, value): (Field, Value<'_>),
    scene: Scene<'_, '_>,
    sheet: &mut Sheet,
) -> Span {
    let same = |name: Span| match value {
        Value::Text(text) => sheet.text(name).eq_ignore_ascii_case(text),
        Value::Ip(_) => true,
        Value::Number(_) => false,
    };
    let known = sheet.newest_entities().iter().find(|(known, name)| *known == kind && same(*name));
    let known = known.map(|(_, name)| *name);
    match sheet.newest_app().filter(|_| kind == EntityKind::App).or(known) {
        Some(name) => app_name(name, sheet),
        None => sheet.name(|names| write_name(field, value, scene, names)),
    }
}

/// Writes the values of `terms`, cut.
pub(super) fn show(terms: &[Term], scene: Scene<'_, '_>, out: &mut String) {
    let start = out.len();
    for (number, (field, value)) in terms.iter().filter_map(|term| term.get(scene)).enumerate() {
        if number > 0 {
            out.push(' ');
        }
        write_name(field, value, scene, out);
    }
    out.truncate(start + cut(&out[start..], MAX_SHOWN).len());
}

/// Writes who and what the record names.
pub(super) fn add_entities(event: &RedactedEvent<'_>, app: Option<Span>, sheet: &mut Sheet) {
    const NAMING: [(EntityKind, Field); 8] = [
        (EntityKind::Ip, Field::SourceIp),
        (EntityKind::Key, Field::KeyId),
        (EntityKind::Function, Field::Function),
        (EntityKind::Identity, Field::IdentityName),
        (EntityKind::Identity, Field::IdentityId),
        (EntityKind::Identity, Field::IdentityApp),
        (EntityKind::Origin, Field::Origin),
        (EntityKind::Gateway, Field::Gateway),
    ];
    let scene = Scene::new(event, None);
    if let Some(app) = app {
        let name = app_name(app, sheet);
        sheet.add_entity(EntityKind::App, name);
    }
    // Asked for one by one, each is a load; by number, each is a jump.
    let values = [
        event.get(Field::SourceIp),
        event.get(Field::KeyId),
        event.get(Field::Function),
        event.get(Field::IdentityName),
        event.get(Field::IdentityId),
        event.get(Field::IdentityApp),
        event.get(Field::Origin),
        event.get(Field::Gateway),
    ];
    for ((kind, field), value) in NAMING.into_iter().zip(values) {
        if let Some(value) = value.filter(|value| !matches!(value, Value::Text(""))) {
            let name = sheet.name(|names| write_name(field, value, scene, names));
            sheet.add_entity(kind, name);
        }
    }
    for secret in event.sightings().iter().filter(|seen| seen.secret && !seen.dummy).take(MAX_SECRETS) {
        let known = sheet.newest_entities();
        let is_known = |&(kind, name): &(EntityKind, Span)| {
            kind == EntityKind::Secret && sheet.text(name) == &*secret.fingerprint.0
        };
        if known.len() < MAX_ENTITIES && !known.iter().any(is_known) {
            let name = sheet.name(|names| names.push_str(&secret.fingerprint.0));
            sheet.add_entity(EntityKind::Secret, name);
        }
    }
}
