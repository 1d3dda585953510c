//! Which exception would have kept a false alarm quiet, and which case shows it?
//!
//! Both come out of an alert's redacted evidence: the exception says all that the events have in common, whom
//! the alert is about first; the case gives the events to the detector and expects it to be silent under that
//! exception. Of an alert whose events were not all kept, only whom and what it named throughout is said, for
//! what a few events share the others need not. What is offered was read back by the code that will read it
//! from its file. A case makes at most 2,000 events.

mod cases;
mod recalled;
mod shared;
mod yaml;

use std::fmt::Write as _;
use std::sync::Arc;

use crate::clock::Timestamp;
use crate::redaction::Redactor;
use crate::telemetry::{Entity, Field};

use super::{Catalogue, Exceptions};
pub use recalled::Recalled;
use yaml::quoted;

/// Bytes of a reason and of an owner.
const MOST_TEXT: usize = 500;

/// What one detector saw of an alert.
#[derive(Clone, Debug)]
pub struct Saw {
    /// The detector's id.
    pub detector: Arc<str>,
    /// How many events it matched.
    pub count: u64,
    /// From the first event it matched to the one at which it fired.
    pub span: (Timestamp, Timestamp),
    /// The events that were kept; `None` where nothing can be read out of what is left.
    pub events: Vec<Option<Recalled>>,
}

impl Saw {
    /// Tells whether every event it matched is here.
    fn is_whole(&self) -> bool {
        self.events.len() as u64 >= self.count && self.events.iter().all(Option::is_some)
    }

    fn known(&self) -> impl Iterator<Item = &Recalled> {
        self.events.iter().flatten()
    }
}

/// A false alarm.
#[derive(Clone, Debug)]
pub struct Alarm {
    /// The alert's id, as it is written.
    pub id: String,
    /// Its title.
    pub title: String,
    /// Whom it is about.
    pub entity: Entity,
    /// Everything that the evidence names.
    pub entities: Vec<Entity>,
    /// Whether those are so many that some may be missing.
    pub cut: bool,
    /// The app concerned.
    pub app: Option<Arc<str>>,
    /// What each of its detectors saw.
    pub saw: Vec<Saw>,
}

/// What people say of an exception.
#[derive(Clone, Debug)]
pub struct Said {
    /// Who answers for it.
    pub owner: String,
    /// Why it is no trouble.
    pub reason: String,
    /// When it is written.
    pub created: Timestamp,
    /// When it ends.
    pub expires: Timestamp,
}

/// An exception and cases, as their files take them.
#[derive(Debug)]
pub struct Proposal {
    /// The exceptions' entries, most often one.
    pub entry: String,
    /// The cases, where the detectors can have any.
    pub cases: Option<String>,
    /// What whoever takes it should know.
    pub notes: Vec<String>,
    /// The entries as they were read back.
    pub exceptions: Exceptions,
}

/// What an exception asks of events: fields and their values, and for which detectors.
struct Asks<'a> {
    saws: Vec<&'a Saw>,
    when: Vec<(Field, String)>,
}

impl Proposal {
    /// Returns what would have kept `alarm` quiet. Any redactor will do.
    ///
    /// # Errors
    ///
    /// Says why nothing can be offered.
    pub fn of(alarm: &Alarm, said: &Said, catalogue: &Catalogue, redactor: &Redactor) -> Result<Self, String> {
        let mut all: Vec<Asks<'_>> = Vec::new();
        let mut notes = Vec::new();
        for saw in &alarm.saw {
            let Some(number) = catalogue.detectors.place_of(&saw.detector) else {
                notes.push(format!("The detector {} does not run any more, so it needs no exception.", saw.detector));
                continue;
            };
            let when = shared::conditions(alarm, saw, catalogue, number)?;
            if let [(field, value)] = when.as_slice() {
                notes.push(format!(
                    "This holds back all that {} sees of {} {value}, until it expires: its events have nothing else in \
                     common.",
                    saw.detector,
                    field.name()
                ));
            }
            if !saw.is_whole() && !catalogue.detectors.all[number].counting.has_no_event() {
                notes.push(partly(saw));
            }
            match all.iter_mut().find(|known| known.when == when) {
                Some(known) => known.saws.push(saw),
                None => all.push(Asks { saws: vec![saw], when }),
            }
        }
        if all.is_empty() {
            return Err("None of the alert's detectors runs any more, so there is nothing to except.".to_owned());
        }
        let entry = entries(alarm, &all, said);
        let exceptions = Exceptions::read("exceptions.yaml", &entry, &catalogue.detectors).map_err(|problems| {
            let first = problems.first().map(|problem| problem.says.clone()).unwrap_or_default();
            format!("No exception can say what this alert is about: {first}")
        })?;
        let mut texts = Vec::new();
        for asks in &all {
            for saw in &asks.saws {
                match cases::case(alarm, saw, &asks.when, catalogue, redactor) {
                    Ok((text, note)) => {
                        texts.push(text);
                        notes.extend(note);
                    }
                    Err(why) => notes.push(why),
                }
            }
        }
        let cases = (!texts.is_empty()).then(|| texts.concat());
        Ok(Self { entry, cases, notes, exceptions })
    }
}

fn partly(saw: &Saw) -> String {
    let kept = saw.known().count();
    format!(
        "{kept} of the {} events of {} are kept: the exception says whom and what the alert names throughout, and nothing \
         of what the events did.",
        saw.count, saw.detector
    )
}

fn entries(alarm: &Alarm, all: &[Asks<'_>], said: &Said) -> String {
    let day = |at: Timestamp| at.to_string().chars().take(10).collect::<String>();
    let short = |text: &str| quoted(&yaml::line(text, MOST_TEXT));
    let mut out = String::new();
    for (number, asks) in all.iter().enumerate() {
        let more = if number == 0 { String::new() } else { format!("-{}", number + 1) };
        let detectors: Vec<&str> = asks.saws.iter().map(|saw| &*saw.detector).collect();
        let when: Vec<String> =
            asks.when.iter().map(|(field, value)| format!("    {}: {}\n", field.name(), quoted(value))).collect();
        // Writing to a String cannot fail.
        let _ = write!(
            out,
            "- id: fp-{}{more}\n  detectors: [{}]\n  when:\n{}  owner: {}\n  reason: {}\n  created: {}\n  expires: {}\n",
            alarm.id,
            detectors.join(", "),
            when.concat(),
            short(&said.owner),
            short(&said.reason),
            day(said.created),
            day(said.expires),
        );
    }
    out
}

impl Exceptions {
    /// Tells how many of `events`, what detector `id` saw, it covers as far as is known of them; an event of
    /// which nothing can be read any more goes by `entity` and `app` alone, as what is found in no event does.
    pub fn covered(
        &self,
        catalogue: &Catalogue,
        id: &str,
        events: &[Option<Recalled>],
        (at, entity, app): (Timestamp, &Entity, Option<&str>),
    ) -> (usize, usize) {
        let Some(number) = catalogue.detectors.place_of(id) else { return (0, events.len().max(1)) };
        let about = |field: Field| match field {
            Field::App => app.or_else(|| shared::is_of(field, entity).then_some(&*entity.value)),
            field => shared::is_of(field, entity).then_some(&*entity.value),
        };
        let by_itself = || self.covers_texts(number, at, &about);
        if events.is_empty() || catalogue.detectors.all[number].counting.has_no_event() {
            return (usize::from(by_itself()), 1);
        }
        let covers = |event: &&Option<Recalled>| match event {
            None => by_itself(),
            Some(event) => {
                let secret = shared::is_of(Field::SecretId, entity).then_some(&*entity.value);
                self.covers_texts(number, event.time, &event.with(secret))
            }
        };
        (events.iter().filter(covers).count(), events.len())
    }
}

#[cfg(test)]
mod tests;
