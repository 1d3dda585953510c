//! How does what people do become durable, and when are they answered?
//!
//! A deed is done at once, told with the next epoch, and answered once that is durable. Alerts
//! that have left the book are read from the store, unless what waits for the next epoch has them
//! newer.

use std::collections::{HashMap, HashSet, VecDeque};

use tokio::sync::oneshot;

use crate::alerts::{Alert, AlertId, Deed, Done, Mark, Over, Silence, SilenceDeed, Transition};
use crate::clock::Timestamp;
use crate::dashboard::Telling;
use crate::sinks::Audience;
use crate::store::{AuditEntry, Epoch, Origin, StoreError};

use super::super::backlog::BACKLOG;
use super::super::people::{HELD_BACK, done_already};
use super::{Daemon, DaemonParts};

/// Takes the answer.
pub(super) type Reply = oneshot::Sender<Result<Done, String>>;

/// What was held back since the last epoch, and what people did with silences.
#[derive(Debug, Default)]
pub(super) struct Held {
    /// Changes that nobody is told of: alert and revision.
    changes: HashSet<(AlertId, u32)>,
    marks: Vec<(Mark, Timestamp)>,
    silences: HashMap<u64, Silence>,
    audit: Vec<AuditEntry>,
    origins: Vec<(String, Timestamp, Origin)>,
}

impl Daemon {
    /// Does what somebody wants done. What the store can't read of it is that person's answer, and no end of the daemon.
    pub(super) fn deed(&mut self, deed: &Deed, origin: Origin, reply: Reply) {
        let (by, at) = deed.by();
        let origin = (by.to_owned(), at, origin);
        if let Deed::Silence(deed) = deed {
            return self.silence_deed(deed, origin, reply);
        }
        let done = self.stored(deed).and_then(|stored| self.parts.core.act(deed, &stored));
        match done {
            Ok((transitions, done)) => {
                self.held.origins.push(origin);
                self.told_since.get_or_insert(self.parts.clock.elapsed());
                self.dirty = true;
                self.tell(transitions);
                self.answers.push((reply, done));
            }
            Err(why) => drop(reply.send(Err(why))),
        }
    }

    fn silence_deed(&mut self, deed: &SilenceDeed, origin: (String, Timestamp, Origin), reply: Reply) {
        let (who, at, did, with) = match deed {
            SilenceDeed::Add(silence) => (&silence.by, silence.made_at, "silenced", serde_json::to_string(silence)),
            SilenceDeed::End { id, by, at } => (by, *at, "ended a silence", serde_json::to_string(&id.to_string())),
        };
        match self.parts.mutes.act(deed.clone()) {
            Ok(over) => {
                self.held.origins.push(origin);
                self.held.audit.push(AuditEntry { at, who: who.clone(), did, with: with.unwrap_or_default() });
                self.told_since.get_or_insert(self.parts.clock.elapsed());
                self.dirty = true;
                if let Some(over) = over {
                    self.unsilence(&over);
                }
                self.answers.push((reply, Done::default()));
            }
            Err(why) => drop(reply.send(Err(why))),
        }
    }

    /// Ends silences whose time is up, and tells what windows and inhibitions no longer hold back.
    pub(super) fn end_silences(&mut self) {
        let now = self.parts.clock.now();
        let mut over = self.parts.mutes.tick(now);
        let book = self.parts.core.book();
        over.extend(self.parts.mutes.release(now, |id| book.get(id)));
        for over in over {
            self.dirty = true;
            self.unsilence(&over);
        }
    }

    fn unsilence(&mut self, over: &Over) {
        let transitions = self.parts.core.unsilence(over);
        self.tell(transitions);
    }

    /// Takes changes up for the next epoch, and finds out of which of them nobody is told.
    pub(super) fn tell(&mut self, transitions: Vec<Transition>) {
        if transitions.is_empty() {
            return;
        }
        self.told_since.get_or_insert(self.parts.clock.elapsed());
        self.reckoned.told += 1;
        let now = self.parts.clock.now();
        let mut waiting = VecDeque::from(transitions);
        while let Some(transition) = waiting.pop_front() {
            let alert = transition.alert();
            let old = self.parts.backlog.passes_over(&transition, now);
            let mutes = &mut self.parts.mutes;
            let verdict = if old { mutes.judge_old(alert, now) } else { mutes.judge(alert, now) };
            if !verdict.marks.is_empty() {
                self.held.changes.insert((alert.id, alert.revision));
                self.held.marks.extend(verdict.marks.into_iter().map(|mark| (mark, now)));
            }
            self.pending.push((transition, now));
            // A silence that has tripped trips no second time, so this ends.
            for over in &verdict.over {
                waiting.extend(self.parts.core.unsilence(over));
            }
        }
        for silence in self.parts.mutes.take_changed() {
            self.held.silences.insert(silence.id.0, silence);
        }
    }

    /// Puts into the epoch what was held back and what became of silences.
    pub(super) fn put_held(&mut self, epoch: &mut Epoch) {
        for silence in self.parts.mutes.take_changed() {
            self.held.silences.insert(silence.id.0, silence);
        }
        epoch.silences = std::mem::take(&mut self.held.silences).into_values().collect();
        epoch.marks = std::mem::take(&mut self.held.marks);
        epoch.audit = std::mem::take(&mut self.held.audit);
        epoch.origins = std::mem::take(&mut self.held.origins);
        epoch.values.extend(self.parts.mutes.save().map(|bytes| (HELD_BACK, bytes)));
    }

    /// Puts into the epoch what sinks are told of its changes, and of what waited until now.
    pub(super) fn outbox(&mut self, epoch: &mut Epoch) {
        let now = self.parts.clock.now();
        let changes = std::mem::take(&mut self.held.changes);
        let DaemonParts { deliveries, streams, core, backlog, mutes, .. } = &mut self.parts;
        backlog.note(epoch, &core.live);
        let audience = |transition: &Transition| {
            let alert = transition.alert();
            match changes.contains(&(alert.id, alert.revision)) {
                true => Audience::Keeping,
                false if backlog.passes_over(transition, now) => Audience::Knowing,
                false => Audience::All,
            }
        };
        let look = |id: AlertId| core.book().get(id).map(|alert| (alert.clone(), mutes.holds_back(alert, now)));
        let passed_over = deliveries.fill(epoch, streams, now, audience, look);
        let waits = self.parts.deliveries.waits(Telling::MOST);
        self.parts.watch.telling(passed_over, &waits);
        epoch.values.extend(self.parts.backlog.save().map(|bytes| (BACKLOG, bytes)));
    }

    /// Returns those of the deed's alerts that the book no longer has, as they are now.
    fn stored(&self, deed: &Deed) -> Result<HashMap<AlertId, Alert>, String> {
        if let Deed::Bulk(bulk) = deed
            && self.parts.store.knows_bulk(bulk.id).map_err(|error| unreadable(&error))?
        {
            return Err(done_already(bulk.id));
        }
        let mut missing: HashSet<AlertId> = deed.alerts().into_iter().collect();
        missing.retain(|id| self.parts.core.book().get(*id).is_none());
        let mut found = HashMap::new();
        for (transition, _) in self.pending.iter().rev() {
            let alert = transition.alert();
            if missing.remove(&alert.id) {
                found.insert(alert.id, alert.clone());
            }
        }
        for id in missing {
            if let Some(alert) = self.parts.store.alert(id).map_err(|error| unreadable(&error))? {
                found.insert(id, alert);
            }
        }
        Ok(found)
    }
}

fn unreadable(error: &StoreError) -> String {
    format!(
        "nothing was done: the store can't read what this is about ({error}); a backup that is whole can be brought back with `gatewatch restore`"
    )
}
