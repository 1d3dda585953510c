//! Which case shows a false alarm to its detector?
//!
//! The events that were kept, as they came; where they are too few for the detector to fire, each is repeated,
//! so that as many come as it matched, over the time it took. Whether the case makes the detector fire without
//! the exception is tried, and said where it does not: then it shows that these events are quiet, and no more.

use std::fmt::Write as _;
use std::time::Duration;

use crate::clock::duration;
use crate::detection::cases::Ground;
use crate::detection::{Case, Catalogue, Rule};
use crate::redaction::Redactor;
use crate::telemetry::{Entity, Field, Privilege};

use super::yaml::{flow, line, quoted};
use super::{Alarm, Recalled, Saw, shared};

/// Events that a case makes at most.
const MOST_EVENTS: u64 = 2_000;
/// Letters of what a case is called.
const MOST_NAME: usize = 160;

/// Returns the case of what `saw` holds under the exception `when`, and what is to be said of it.
pub(super) fn case(
    alarm: &Alarm,
    saw: &Saw,
    when: &[(Field, String)],
    catalogue: &Catalogue,
    redactor: &Redactor,
) -> Result<(String, Option<String>), String> {
    let none = |why: &str| Err(format!("There is no case for {}: {why}.", saw.detector));
    let number = catalogue.detectors.place_of(&saw.detector).filter(|_| saw.known().next().is_some());
    let Some(number) = number else { return none("nothing can be read out of what is left of its events") };
    let detector = &catalogue.detectors.all[number];
    if detector.is_sigma() {
        return none("a Sigma rule has no cases");
    }
    if detector.counting.has_no_event() {
        return none("it fires at what does not come, or at what others find, and no event shows that");
    }
    let rule = &catalogue.rules[number];
    let variants = variants(rule);
    let ground = Ground::of(catalogue, number);
    let mut quiet = None;
    for repeated in [false, true] {
        for variant in &variants {
            let given = given(alarm, saw, rule, (repeated, variant));
            let text = |except: bool| written(alarm, saw, except.then_some(when), &given);
            let Some(loud) = read(&text(false)) else { continue };
            let whole = text(true);
            let Some(case) = read(&whole) else { continue };
            if ground.fires(&case, redactor) {
                continue;
            }
            if ground.fires(&loud, redactor) {
                return Ok((whole, None));
            }
            quiet = quiet.or(Some(whole));
        }
    }
    let Some(quiet) = quiet else { return none("its events can't be written as one") };
    let note = format!(
        "The case for {} shows that these events are quiet and no more: too few were kept for it to fire without the \
         exception.",
        saw.detector
    );
    Ok((quiet, Some(note)))
}

/// How a secret may have been: what it said of itself is in no redacted record, but the detector fired at it.
fn variants(rule: &Rule) -> Vec<String> {
    let mut variants = vec![String::new()];
    if rule.of_secret {
        variants.extend(["suspected", "context"].map(|name| format!(", confidence: {name}")));
    }
    if rule.asks(|field| field == Field::SecretPrivilege) {
        variants.extend(Privilege::ALL.map(|privilege| format!(", privilege: {}", privilege.name())));
    }
    variants
}

fn read(text: &str) -> Option<Case> {
    Case::read_all("offered.test.yaml", text).ok()?.pop()
}

fn written(alarm: &Alarm, saw: &Saw, except: Option<&[(Field, String)]>, given: &str) -> String {
    let name = format!("{} about {} is a false alarm ({})", alarm.title, alarm.entity.sayable(), alarm.id);
    let mut out = format!("- name: {}\n  detector: {}\n", quoted(&line(&name, MOST_NAME)), saw.detector);
    if let Some(when) = except {
        out.push_str("  except:\n");
        for (field, value) in when {
            // Writing to a String cannot fail.
            let _ = writeln!(out, "    {}: {}", field.name(), quoted(&staged(value)));
        }
    }
    out + "  given:\n" + given + "  alert: []\n"
}

/// Returns a value as the events of a case have it: what JSON would escape is `'` there.
fn staged(value: &str) -> String {
    value.replace(|c: char| c.is_control() || matches!(c, '"' | '\\'), "'")
}

/// Writes the events; `repeated`: each as often as makes up what was matched.
fn given(alarm: &Alarm, saw: &Saw, rule: &Rule, (repeated, variant): (bool, &str)) -> String {
    let mut events: Vec<&Recalled> = saw.known().collect();
    events.sort_by_key(|event| event.time);
    let first = events.first().map(|event| event.time).unwrap_or_default();
    let each = (saw.count.min(MOST_EVENTS) / events.len().max(1) as u64).max(1);
    // A case tells whole seconds, one at least.
    let every = Duration::from_secs((saw.span.1.since(saw.span.0).as_secs() / each).max(1));
    let mut out = String::new();
    for (place, event) in events.iter().enumerate() {
        let times = each + u64::from((place as u64) < saw.count.min(MOST_EVENTS) % events.len() as u64);
        let mut lead = "    - ";
        if repeated && times > 1 {
            let _ = write!(out, "{lead}repeat: {times}\n      every: {}\n", duration::format(every));
            lead = "      ";
        } else {
            let start = Duration::from_secs(event.time.since(first).as_secs());
            if !start.is_zero() {
                let _ = writeln!(out, "{lead}start: {}", duration::format(start));
                lead = "      ";
            }
        }
        let _ = write!(out, "{lead}event:\n        kind: {}\n", event.kind.name());
        for (field, text) in event.fields.iter().filter(|(field, text)| says(*field, text)) {
            let _ = writeln!(out, "        {}: {}", field.name(), quoted(&staged(text)));
        }
        if rule.of_secret || rule.of_hash {
            out.push_str(&secrets(&alarm.entity, event, variant));
        }
        if let Some(raw) = event.raw.as_ref().filter(|_| rule.looks_at_raw()) {
            let _ = writeln!(out, "        raw: {}", flow(raw));
        }
    }
    out
}

/// Tells whether a field says anything that a case does not say by itself.
fn says(field: Field, text: &str) -> bool {
    let silent = matches!((field, text), (Field::Outcome | Field::Reason, "unknown") | (Field::Weight, "1"));
    !silent && !matches!(field, Field::Kind | Field::Category) && !field.of_secret()
}

fn secrets(entity: &Entity, event: &Recalled, variant: &str) -> String {
    let own = shared::is_of(Field::SecretId, entity).then(|| entity.value.to_string());
    let mut out = String::new();
    for id in event.secrets.iter().cloned().chain(own.filter(|own| !event.secrets.contains(own))) {
        let kind = id.split(':').next().unwrap_or_default();
        let place = [(Field::RequestQuery, "query"), (Field::Message, "message"), (Field::Referrer, "referrer")];
        let stands = |field: Field| event.get(field).is_some_and(|text| text.contains(&id));
        let place = place.iter().find(|(field, _)| stands(*field)).map_or("record", |(_, name)| name);
        let _ = writeln!(out, "          - {{ kind: {}, id: {}, where: {place}{variant} }}", quoted(kind), quoted(&id));
    }
    if out.is_empty() { out } else { format!("        secret:\n{out}") }
}
