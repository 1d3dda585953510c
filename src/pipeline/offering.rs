//! What is offered for a false alarm: where evidence becomes events again.
//!
//! An alert keeps its events as redacted records. They are read here as a redacted stream is read again, with
//! the daemon's decoders, redactor and topology; a record that was cut, or reads otherwise than it did, says
//! nothing. The detectors are those that the daemon started with.

use std::sync::Arc;
use std::time::Duration;

use bumpalo::Bump;

use crate::alerts::{Alert, Asker, Closing, Covered, Evidence, Judge, LOOKS_BACK, Offer, Typed};
use crate::dashboard::Hide;
use crate::detection::proposal::{Alarm, Proposal, Recalled, Said, Saw};
use crate::detection::{Because, Catalogue, Exceptions};
use crate::telemetry::{Batch, StreamId};

use super::Stage;

/// How long an offered exception lasts.
const LASTS: Duration = Duration::from_hours(24 * 90);
/// As many entities as an alert names at most.
const MOST_ENTITIES: usize = 32;

/// Offers exceptions.
#[derive(Debug)]
pub struct Offering {
    pub(super) stage: Stage,
    pub(super) catalogue: Catalogue,
}

impl Offering {
    /// Returns one that reads evidence as `stage` does.
    pub fn new(stage: Stage, catalogue: Catalogue) -> Self {
        Self { stage, catalogue }
    }

    /// Returns what takes out of what people type what may not be kept: by the redactor that reads evidence.
    pub fn hide(&self) -> Hide {
        let redactor = self.stage.redactor.clone();
        Hide::new(move |text, typed| {
            let kept = match typed {
                Typed::Words => redactor.hide(text.as_bytes()),
                Typed::Name => redactor.hide_secrets(text.as_bytes()),
            };
            String::from_utf8_lossy(&kept).into_owned()
        })
    }

    /// Returns what would have kept `alert` from being.
    ///
    /// # Errors
    ///
    /// Says why nothing can be offered.
    pub fn offer(self: &Arc<Self>, alert: &Alert, asker: &Asker) -> Result<Offer, String> {
        let alarm = Alarm {
            id: alert.id.to_string(),
            title: alert.title.to_string(),
            entity: alert.entity.clone(),
            entities: alert.entities.clone(),
            cut: alert.entities.len() >= MOST_ENTITIES,
            app: alert.app.clone(),
            saw: alert.apart().iter().map(|one| self.saw(one)).collect(),
        };
        let (owner, reason) = match &alert.closing {
            Some(Closing::ByPerson { by, reason, .. }) if !reason.trim().is_empty() => (by.clone(), reason.clone()),
            _ => (asker.name.clone(), format!("A false alarm: {}, alert {}", alert.title, alert.id)),
        };
        let said = Said { owner, reason, created: asker.at, expires: asker.at.plus(LASTS) };
        let Proposal { entry, cases, notes, exceptions } =
            Proposal::of(&alarm, &said, &self.catalogue, &self.stage.redactor)?;
        let by = Arc::clone(self);
        let judge = Judge(Arc::new(move |alert| by.covered(alert, &exceptions)));
        Ok(Offer { exception: entry, cases, notes, judge })
    }

    fn saw(&self, alert: &Alert) -> Saw {
        let from = alert.because.as_ref().map_or(alert.first_seen, |because: &Because| because.from);
        Saw {
            detector: Arc::clone(&alert.detector),
            count: alert.count,
            span: (from.min(alert.opened_at), alert.opened_at),
            events: self.recall(alert),
        }
    }

    /// Reads the events of an alert of one detector.
    fn recall(&self, alert: &Alert) -> Vec<Option<Recalled>> {
        let mut arena = Bump::new();
        alert.evidence.iter().map(|one| self.recalled(one, alert, &mut arena)).collect()
    }

    fn recalled(&self, evidence: &Evidence, alert: &Alert, arena: &mut Bump) -> Option<Recalled> {
        let mut batch = Batch::default();
        batch.push(evidence.record.as_deref()?.as_bytes(), StreamId(0), 0, 0, None);
        let mut read = None;
        self.stage.each_event(&batch, arena, |event, _| {
            if event.category() == evidence.category && event.time() == evidence.time {
                read = Some(Recalled::of(event, &alert.entities));
            }
        });
        read
    }

    /// Tells how much of `alert` the exceptions cover that were written a while ago, as if they held ever since.
    fn covered(&self, alert: &Alert, exceptions: &Exceptions) -> Covered {
        let mut sums = (0, 0);
        for one in alert.apart() {
            let about = (one.last_seen, &one.entity, one.app.as_deref());
            let (covered, all) = exceptions.covered(&self.catalogue, &one.detector, &self.recall(&one), about);
            sums = (sums.0 + covered, sums.1 + all);
        }
        match sums {
            (0, _) => Covered::Nothing,
            (covered, all) if covered == all => Covered::Whole,
            _ => Covered::Part,
        }
    }
}

const _: () = assert!(LASTS.as_secs() >= LOOKS_BACK.as_secs(), "what was seen in the time before is covered");
