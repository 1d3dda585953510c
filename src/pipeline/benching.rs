//! What do detectors' files say of alerts, and what would a changed one make of them?
//!
//! An alert's kept events are read again, as for offers, and held against the file's conditions, or against a
//! changed detector. Cases stop at two seconds, and what was left out is said.

use std::sync::Arc;
use std::time::Duration;

use bumpalo::Bump;

use crate::alerts::Alert;
use crate::clock::Clock;
use crate::dashboard::{LitLines, Trial, Tried};
use crate::detection::{Judged, Lit, Problem, Tryout};
use crate::redaction::RedactedEvent;
use crate::telemetry::{Batch, StreamId};

use super::Offering;

/// How long the cases of a changed detector may take.
const PATIENCE: Duration = Duration::from_secs(2);

impl Offering {
    /// Returns the lines of its detector's file that the events of `alert` fulfil.
    pub fn lit(&self, alert: &Alert) -> Option<LitLines> {
        let lit = Lit::of(&self.catalogue.files.get(&alert.detector)?.text)?;
        let mut lines = LitLines { matched: lit.always(), counting: lit.counting(), events: 0 };
        self.each_kept(alert, |event, _| {
            lines.events += 1;
            lines.matched.extend(lit.lines(event));
        });
        Some(lines)
    }

    /// Compiles `text` in place of the detector called `id`, and runs its cases.
    ///
    /// # Errors
    ///
    /// Returns every problem of the text.
    pub fn attempt(self: &Arc<Self>, id: &str, text: &str, clock: &Clock) -> Result<Trial, Vec<Problem>> {
        let tryout = Tryout::of(&self.catalogue, id, text)?;
        let (began, mut cases, mut cut) = (clock.elapsed(), Vec::new(), false);
        for case in tryout.cases(&self.stage.redactor) {
            cases.push((case.name, case.wrong));
            if clock.elapsed().saturating_sub(began) > PATIENCE {
                cut = true;
                break;
            }
        }
        let (by, id) = (Arc::clone(self), id.to_owned());
        Ok(Trial { cases, cut, of: Arc::new(move |alert| by.tried(&tryout, &id, alert)) })
    }

    fn tried(&self, tryout: &Tryout, id: &str, alert: &Alert) -> Tried {
        let mut judged = Judged::default();
        for one in alert.apart().iter().filter(|one| *one.detector == *id) {
            self.each_kept(one, |event, hash| tryout.event(event, hash, &mut judged));
            judged.fires = one.because.as_ref().and_then(|because| tryout.fires(because));
        }
        Tried { asked: judged.asked, matches: judged.matches, fires: judged.fires }
    }

    /// Gives `each` the kept events of an alert of one detector that still read as they did.
    fn each_kept(&self, alert: &Alert, mut each: impl FnMut(&RedactedEvent<'_>, u128)) {
        let mut arena = Bump::new();
        for evidence in &alert.evidence {
            let Some(record) = evidence.record.as_deref() else { continue };
            let mut batch = Batch::default();
            batch.push(record.as_bytes(), StreamId(0), 0, 0, None);
            let mut first = true;
            self.stage.each_event(&batch, &mut arena, |event, hash| {
                if first && event.category() == evidence.category && event.time() == evidence.time {
                    first = false;
                    each(event, hash);
                }
            });
        }
    }
}
