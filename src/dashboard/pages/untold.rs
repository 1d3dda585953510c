//! Why is there no delivery about an alert?
//!
//! Each reason that is known is said by itself: what holds it back first, then what waits, then that it was old.
//! Where none is known, all that it can be is said, and not more.

use super::super::telling::Telling;
use super::super::words::When;
use crate::alerts::{Alert, Silence};
use crate::clock::Timestamp;
use crate::store::{Reader, StoreError};

/// Silences that are looked through for the one that holds an alert back: more than there are in force.
const MOST_SILENCES: usize = 1_000;

/// What holds an alert back.
#[derive(Debug, Default)]
pub(super) struct Held {
    /// `silence:…`, `inhibited:…` or `maintenance:…`.
    by: Vec<String>,
    /// Those silences.
    silences: Vec<Silence>,
}

impl Held {
    /// Reads what holds `alert` back.
    ///
    /// # Errors
    ///
    /// [`StoreError::Failed`] if it can't be read.
    pub(super) fn read(reader: &Reader, alert: &Alert) -> Result<Self, StoreError> {
        let by = reader.held_back(&[alert.id])?.remove(&alert.id).unwrap_or_default();
        if !by.iter().any(|by| by.starts_with("silence:")) {
            return Ok(Self { by, silences: Vec::new() });
        }
        let all = reader.silences(true, MOST_SILENCES)?.into_iter().map(|(silence, _)| silence);
        let silences = all.filter(|silence| by.contains(&format!("silence:{}", silence.id))).collect();
        Ok(Self { by, silences })
    }
}

/// One reason.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Untold {
    pub(super) says: String,
    /// The page that shows what is behind it.
    pub(super) link: Option<&'static str>,
}

impl Untold {
    fn new(says: impl Into<String>) -> Self {
        Self { says: says.into(), link: None }
    }

    fn held(by: &str, silences: &[Silence], now: Timestamp) -> Self {
        let (sort, name) = by.split_once(':').unwrap_or(("", by));
        match sort {
            "silence" => {
                let found = silences.iter().find(|silence| silence.id.to_string() == name);
                let says = found.map_or_else(
                    || format!("A silence that is not kept any more ({name}) held it back."),
                    |silence| match &silence.ended {
                        None => format!(
                            "Nobody is told while the silence of {} lasts, until {}: {}",
                            silence.by,
                            When::new(silence.ends_at, now).absolute,
                            silence.reason
                        ),
                        Some((at, _)) => format!(
                            "Nobody was told while the silence of {} lasted, until {}: {}",
                            silence.by,
                            When::new(*at, now).absolute,
                            silence.reason
                        ),
                    },
                );
                Self { says, link: Some("/silences") }
            }
            "inhibited" => Self::new(format!(
                "The inhibition {name} of the configuration holds it back, for an alert that is open stands for this one."
            )),
            "maintenance" => Self::new(format!("The maintenance window {name} of the configuration holds it back.")),
            _ => Self::new(format!("It is held back by {by}.")),
        }
    }
}

/// Returns all that is known about why nobody, or not everybody, is told of `alert`.
pub(super) fn reasons(alert: &Alert, held: &Held, telling: &Telling, now: Timestamp) -> Vec<Untold> {
    let mut all: Vec<Untold> = held.by.iter().map(|by| Untold::held(by, &held.silences, now)).collect();
    // What ends by itself, or where somebody can end it, comes first.
    all.sort_by_key(|one| one.link.is_none());
    for (sink, until) in telling.waits.get(&alert.id).into_iter().flatten() {
        if *until <= now {
            all.push(Untold::new(format!(
                "The sink {sink} is to be told as soon as its route lets another message go."
            )));
            continue;
        }
        let at = When::new(*until, now);
        all.push(Untold::new(format!(
            "The sink {sink} is to be told at {} ({}): its route gathers alerts into one message, or waits for its hours.",
            at.absolute, at.ago
        )));
    }
    if telling.old.contains(&alert.id) {
        all.push(Untold::new(
            "It was older than notify_max_age in [alerts] when it was read, so nobody is called for it; what people do \
             with it is told.",
        ));
    }
    all
}

/// Says what it can be where no reason is known and nothing was delivered; `sinks` are there at all.
pub(super) fn unknown(sinks: bool) -> Untold {
    Untold::new(if sinks {
        "No delivery is kept of it: no route takes it, its events were older than notify_max_age in [alerts] when they \
         were read, or it is so long ago that its deliveries are not kept any more."
    } else {
        "No sink is configured, so nobody is told of anything."
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::Duration;

    use super::super::samples;
    use super::*;
    use crate::alerts::{Ending, Matcher, SilenceId, Usual};

    fn silence() -> Silence {
        Silence {
            id: SilenceId(0x6b3e),
            matcher: Matcher::default(),
            by: "dana".into(),
            reason: "drill".into(),
            made_at: samples::NOW,
            starts_at: samples::NOW,
            ends_at: samples::NOW.plus(Duration::from_hours(1)),
            usual: Usual::default(),
            recent: Vec::new(),
            ended: None,
        }
    }

    fn said(held: &Held, telling: &Telling) -> Vec<String> {
        reasons(&samples::alert(), held, telling, samples::NOW).into_iter().map(|one| one.says).collect()
    }

    #[test]
    fn the_silence_that_hides_an_alert_is_named_first_with_whose_it_is_and_leads_to_its_page() {
        let by = vec!["inhibited:worse".to_owned(), "silence:0000000000006b3e".to_owned()];
        let mut held = Held { by, silences: vec![silence()] };
        let all = reasons(&samples::alert(), &held, &Telling::default(), samples::NOW);
        assert!(all[0].says.contains("the silence of dana lasts") && all[0].says.ends_with(": drill"), "{all:?}");
        assert_eq!(all[0].link, Some("/silences"));
        assert!(all[1].says.contains("inhibition worse"), "{all:?}");
        held.silences[0].ended = Some((samples::NOW, Ending::Expired));
        assert!(said(&held, &Telling::default())[0].contains("lasted, until"));
        held.silences.clear();
        assert!(said(&held, &Telling::default())[0].contains("not kept any more (0000000000006b3e)"));
    }

    #[test]
    fn what_waits_says_for_which_sink_and_until_when_and_what_was_old_says_so() {
        let id = samples::alert().id;
        let until = samples::NOW.plus(Duration::from_secs(15));
        let telling = Telling { waits: BTreeMap::from([(id, vec![("ops".into(), until)])]), old: [id].into() };
        let all = said(&Held::default(), &telling);
        assert!(all[0].starts_with("The sink ops is to be told at") && all[0].contains("in 15 s"), "{all:?}");
        assert!(all[1].contains("older than notify_max_age"), "{all:?}");
        let late = Telling { waits: BTreeMap::from([(id, vec![("ops".into(), samples::NOW)])]), ..Telling::default() };
        assert!(said(&Held::default(), &late)[0].contains("as soon as its route"), "a rate holds it up");
        assert!(said(&Held::default(), &Telling::default()).is_empty());
        assert!(unknown(false).says.starts_with("No sink is configured"));
    }
}
