//! How does one wish reach a thousand alerts, and how is it taken back?
//!
//! A [`Bulk`] names the alerts that were counted, each as it stood then: one that stands otherwise
//! by now is left and named, and so is one that refuses. What was done is kept alert by alert, so
//! that undoing it puts back exactly what it changed, and leaves what somebody has changed since.
//! At most 10,000 alerts at a time.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;

use super::{Action, Alert, AlertBook, AlertId, Command, SilenceDeed, Standing, Transition};

/// Alerts that one wish may reach.
pub const MOST_ALERTS: usize = 10_000;

/// One wish for many alerts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bulk {
    /// Names it, to be undone.
    pub id: u64,
    /// Who.
    pub by: String,
    /// When, wall time.
    pub at: Timestamp,
    /// What is wished.
    pub action: Action,
    /// The question that found the alerts, as it was asked.
    pub query: String,
    /// The alerts that were counted, each as it stood then.
    pub targets: Vec<(AlertId, Standing)>,
}

/// What a bulk change did to one alert.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BulkChange {
    /// Which.
    pub alert: AlertId,
    /// How it stood before.
    pub before: Standing,
    /// How it stood after.
    pub after: Standing,
}

/// What a bulk change did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BulkDone {
    /// Its name.
    pub id: u64,
    /// Who.
    pub by: String,
    /// When, wall time.
    pub at: Timestamp,
    /// What was wished.
    pub action: Action,
    /// The question that found the alerts.
    pub query: String,
    /// What it changed.
    pub changed: Vec<BulkChange>,
}

/// What became of a wish.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Done {
    /// How many alerts have changed.
    pub changed: usize,
    /// Those that have not, and why.
    pub left: Vec<(AlertId, String)>,
}

/// What somebody wants done with alerts.
#[derive(Clone, Debug, PartialEq)]
pub enum Deed {
    /// With one.
    One(Command),
    /// With many.
    Bulk(Box<Bulk>),
    /// A bulk change is taken back.
    Undo(Box<Undo>),
    /// With a silence.
    Silence(SilenceDeed),
}

/// A bulk change to be taken back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Undo {
    /// What it had done.
    pub of: BulkDone,
    /// Who takes it back.
    pub by: String,
    /// When, wall time.
    pub at: Timestamp,
}

impl Deed {
    /// Returns who does it, and when.
    pub fn by(&self) -> (&str, Timestamp) {
        match self {
            Self::One(command) => (command.by(), command.at()),
            Self::Bulk(bulk) => (&bulk.by, bulk.at),
            Self::Undo(undo) => (&undo.by, undo.at),
            Self::Silence(SilenceDeed::Add(silence)) => (&silence.by, silence.made_at),
            Self::Silence(SilenceDeed::End { by, at, .. }) => (by, *at),
        }
    }

    /// Returns the alerts it is about.
    pub fn alerts(&self) -> Vec<AlertId> {
        match self {
            Self::One(command) => vec![command.alert()],
            Self::Bulk(bulk) => bulk.targets.iter().map(|(alert, _)| *alert).collect(),
            Self::Undo(undo) => undo.of.changed.iter().map(|change| change.alert).collect(),
            Self::Silence(_) => Vec::new(),
        }
    }
}

/// What came of a deed: what is to be told, journalled, kept and answered.
#[derive(Debug, Default)]
pub struct Acted {
    /// What happened to alerts, in order.
    pub transitions: Vec<Transition>,
    /// The commands that were done, for the journal.
    pub commands: Vec<Command>,
    /// What a bulk change did, to be undone.
    pub bulk: Option<BulkDone>,
    /// The bulk change that was taken back.
    pub undone: Option<u64>,
    /// The answer.
    pub done: Done,
}

impl AlertBook {
    /// Does what somebody wants done. `stored` has those of the deed's alerts that the book has not.
    ///
    /// # Errors
    ///
    /// Says why a single command can't be done; of many alerts, those that refuse are left.
    pub fn act(&mut self, deed: &Deed, stored: &HashMap<AlertId, Alert>) -> Result<Acted, String> {
        let mut acted = Acted::default();
        match deed {
            Deed::One(command) => {
                self.one(command.clone(), None, stored, &mut acted)?;
            }
            Deed::Bulk(bulk) => {
                let mut changed = Vec::new();
                for (alert, counted) in &bulk.targets {
                    let command = bulk.action.command(*alert, &bulk.by, bulk.at);
                    match self.one(command, Some(counted), stored, &mut acted) {
                        Ok(change) => changed.push(change),
                        Err(why) => acted.done.left.push((*alert, why)),
                    }
                }
                let Bulk { id, by, at, action, query, .. } = (**bulk).clone();
                acted.bulk = Some(BulkDone { id, by, at, action, query, changed });
            }
            Deed::Undo(undo) => {
                for BulkChange { alert, before, after } in &undo.of.changed {
                    let (alert, by, at) = (*alert, undo.by.clone(), undo.at);
                    let command =
                        Command::Restore { alert, by, at, from: Box::new(after.clone()), to: Box::new(before.clone()) };
                    if let Err(why) = self.one(command, None, stored, &mut acted) {
                        acted.done.left.push((alert, why));
                    }
                }
                acted.undone = Some(undo.of.id);
            }
            // Silences are not the book's: they change what is told, not what is so.
            Deed::Silence(_) => {}
        }
        Ok(acted)
    }

    fn one(
        &mut self,
        command: Command,
        counted: Option<&Standing>,
        stored: &HashMap<AlertId, Alert>,
        acted: &mut Acted,
    ) -> Result<BulkChange, String> {
        let id = command.alert();
        let Some(alert) = self.get(id).or_else(|| stored.get(&id)) else {
            return Err(format!("There is no alert {id}; it may be older than what is kept."));
        };
        let before = Standing::of(alert);
        if counted.is_some_and(|counted| *counted != before) {
            return Err(format!("Alert {id} has changed since it was counted."));
        }
        let transitions = if self.get(id).is_some() {
            vec![self.command(&command)?]
        } else {
            self.command_on(alert.clone(), &command)?
        };
        let after = transitions.last().map_or_else(|| before.clone(), |last| Standing::of(last.alert()));
        acted.transitions.extend(transitions);
        acted.commands.push(command);
        acted.done.changed += 1;
        Ok(BulkChange { alert: id, before, after })
    }
}
