//! How does an alert stand, and what may a person make of that?
//!
//! An alert is open, acknowledged or closed; a closed one has a [`Class`] if a person said what it
//! was. Each command changes the [`Standing`] or is refused with the reason; none is half done.
//! Whoever reopens an alert is believed: quiet is counted from that moment on, not from its last
//! event.

use serde::{Deserialize, Serialize};

use super::entry::Entry;
use super::{Alert, AlertState, Change, Closing, Command, Transition};

/// What an alert was, by the word of the person who closed it.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// An attack or a leak.
    TruePositive,
    /// What the detector saw is so, and is allowed.
    Benign,
    /// What the detector says is not so.
    FalsePositive,
    /// Nobody could tell.
    #[default]
    Undetermined,
}

impl Class {
    /// Every class.
    pub const ALL: [Self; 4] = [Self::TruePositive, Self::Benign, Self::FalsePositive, Self::Undetermined];

    /// Returns the class's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::TruePositive => "true-positive",
            Self::Benign => "benign",
            Self::FalsePositive => "false-positive",
            Self::Undetermined => "undetermined",
        }
    }

    /// Returns the class of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.name() == name)
    }
}

/// All of an alert that people change: what a bulk change keeps, to be undone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// Where it stands.
    pub state: AlertState,
    /// Who has it.
    pub assignee: Option<String>,
    /// Why it is closed.
    pub closing: Option<Closing>,
}

impl Standing {
    /// Returns how `alert` stands.
    pub fn of(alert: &Alert) -> Self {
        Self { state: alert.state, assignee: alert.assignee.clone(), closing: alert.closing.clone() }
    }
}

impl Alert {
    /// Returns what the alert was, by the word of whoever closed it.
    pub fn class(&self) -> Option<Class> {
        match self.closing {
            Some(Closing::ByPerson { class, .. }) => Some(class),
            _ => None,
        }
    }
}

/// Does what a person asked of the alert in `entry`; a refusal changes nothing.
pub(super) fn act(entry: &mut Entry, command: &Command) -> Result<Transition, String> {
    match command {
        Command::Acknowledge { by, .. } => {
            must_be_open(&entry.alert, "acknowledged")?;
            if entry.alert.state == AlertState::Acknowledged && entry.alert.assignee.as_ref() == Some(by) {
                return Err(format!("Alert {} is acknowledged by {by} already.", entry.alert.id));
            }
            entry.alert.state = AlertState::Acknowledged;
            entry.alert.assignee = Some(by.clone());
            Ok(entry.emit(Change::Acknowledged { by: by.clone() }))
        }
        Command::Assign { by, to, .. } => {
            must_be_open(&entry.alert, "assigned")?;
            if entry.alert.assignee.as_ref() == Some(to) {
                return Err(format!("Alert {} is assigned to {to} already.", entry.alert.id));
            }
            entry.alert.assignee = Some(to.clone());
            Ok(entry.emit(Change::Assigned { by: by.clone(), to: to.clone() }))
        }
        Command::Unassign { by, .. } => {
            must_be_open(&entry.alert, "given back")?;
            if entry.alert.assignee.take().is_none() {
                return Err(format!("Alert {} is assigned to nobody.", entry.alert.id));
            }
            entry.alert.state = AlertState::Open;
            Ok(entry.emit(Change::Unassigned { by: by.clone() }))
        }
        Command::Close { by, reason, class, .. } => {
            may_close(&entry.alert, *class)?;
            Ok(entry.close(Closing::ByPerson { by: by.clone(), reason: reason.clone(), class: *class }))
        }
        Command::Reopen { by, reason, at, .. } => {
            if entry.is_open() {
                return Err(format!("Alert {} is not closed, so it can't be opened again.", entry.alert.id));
            }
            stand(entry, &Standing { state: AlertState::Open, assignee: None, closing: None }, *at);
            Ok(entry.emit(Change::ReopenedBy { by: by.clone(), reason: reason.clone() }))
        }
        Command::Note { by, text, .. } => Ok(entry.emit(Change::Noted { by: by.clone(), text: text.clone() })),
        Command::Restore { by, from, to, at, .. } => {
            if Standing::of(&entry.alert) != **from {
                return Err(format!("Alert {} has changed since.", entry.alert.id));
            }
            stand(entry, to, *at);
            Ok(entry.emit(Change::Restored { by: by.clone() }))
        }
    }
}

fn must_be_open(alert: &Alert, what: &str) -> Result<(), String> {
    if alert.state != AlertState::Closed {
        return Ok(());
    }
    Err(format!("Alert {} is closed already; it can't be {what}. Open it again first.", alert.id))
}

/// One that is closed may be closed again to say what it was, if that says anything new.
fn may_close(alert: &Alert, class: Class) -> Result<(), String> {
    let known = alert.class().unwrap_or_default();
    if alert.state != AlertState::Closed || known != class {
        return Ok(());
    }
    Err(format!(
        "Alert {} is closed already, as {}. Close it with another class to say what it was.",
        alert.id,
        known.name()
    ))
}

/// Lets the alert stand as `to` says; one that opens again counts quiet from `at` on.
fn stand(entry: &mut Entry, to: &Standing, at: crate::clock::Timestamp) {
    if !entry.is_open() && to.state != AlertState::Closed {
        entry.active = entry.active.max(at);
    }
    let Standing { state, assignee, closing } = to.clone();
    (entry.alert.state, entry.alert.assignee, entry.alert.closing) = (state, assignee, closing);
}

impl Change {
    /// Returns what changed, by whom, and in which words: the name of those words and the words.
    pub fn told(&self) -> (&'static str, Option<&str>, Option<(&'static str, &str)>) {
        match self {
            Self::Events => ("events", None, None),
            Self::Raised { from } => ("raised", None, Some(("from", from.name()))),
            Self::Joined { detector } => ("joined", None, Some(("detector", detector))),
            Self::Reopened => ("reopened", None, None),
            Self::Acknowledged { by } => ("acknowledged", Some(by), None),
            Self::Assigned { by, to } => ("assigned", Some(by), Some(("to", to))),
            Self::Unassigned { by } => ("unassigned", Some(by), None),
            Self::ReopenedBy { by, reason } => ("reopened", Some(by), Some(("reason", reason))),
            Self::Noted { by, text } => ("noted", Some(by), Some(("text", text))),
            Self::Unsilenced { why } => ("unsilenced", None, Some(("why", why))),
            Self::Restored { by } => ("restored", Some(by), None),
        }
    }
}
