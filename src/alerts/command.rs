//! What may people ask of an alert?
//!
//! An [`Action`] is what somebody wishes, of one alert or of many; a [`Command`] is that wish with
//! the alert, the person and the moment, as the journal keeps it, so that whoever replays the
//! inputs sees the same. Texts are bounded here, once: a reason has at most 1,000 letters, a note
//! 4,000, a name 100.

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;

use super::{AlertId, Class, Standing, hides};

const MOST_REASON: usize = 1_000;
const MOST_NOTE: usize = 4_000;
const MOST_NAME: usize = 100;

/// What people ask of an alert; journalled, so that a restart sees the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Command {
    /// I take it.
    Acknowledge {
        /// Which.
        alert: AlertId,
        /// Who.
        by: String,
        /// When, wall time.
        at: Timestamp,
    },
    /// Somebody is to take it.
    Assign {
        /// Which.
        alert: AlertId,
        /// Who says so.
        by: String,
        /// When, wall time.
        at: Timestamp,
        /// Who is to take it.
        to: String,
    },
    /// Nobody has it any more.
    Unassign {
        /// Which.
        alert: AlertId,
        /// Who says so.
        by: String,
        /// When, wall time.
        at: Timestamp,
    },
    /// It is over; or, of one that is closed, what it was after all.
    Close {
        /// Which.
        alert: AlertId,
        /// Who.
        by: String,
        /// When, wall time.
        at: Timestamp,
        /// Why, in their words.
        reason: String,
        /// What it was.
        #[serde(default)]
        class: Class,
    },
    /// It is not over.
    Reopen {
        /// Which.
        alert: AlertId,
        /// Who.
        by: String,
        /// When, wall time.
        at: Timestamp,
        /// Why, in their words.
        reason: String,
    },
    /// Something to remember.
    Note {
        /// Which.
        alert: AlertId,
        /// Who.
        by: String,
        /// When, wall time.
        at: Timestamp,
        /// What, in their words.
        text: String,
    },
    /// It stands as it did before a bulk change, if nothing has changed it since.
    Restore {
        /// Which.
        alert: AlertId,
        /// Who.
        by: String,
        /// When, wall time.
        at: Timestamp,
        /// How the bulk change left it.
        from: Box<Standing>,
        /// How it stood before.
        to: Box<Standing>,
    },
}

impl Command {
    /// Returns which alert is meant.
    pub const fn alert(&self) -> AlertId {
        self.whole().0
    }

    /// Returns who asks.
    pub const fn by(&self) -> &String {
        self.whole().1
    }

    /// Returns when, wall time.
    pub const fn at(&self) -> Timestamp {
        self.whole().2
    }

    /// Returns what was done, as audit and activity name it.
    pub const fn did(&self) -> &'static str {
        self.whole().3
    }

    const fn whole(&self) -> (AlertId, &String, Timestamp, &'static str) {
        match self {
            Self::Acknowledge { alert, by, at } => (*alert, by, *at, "acknowledged"),
            Self::Assign { alert, by, at, .. } => (*alert, by, *at, "assigned"),
            Self::Unassign { alert, by, at } => (*alert, by, *at, "unassigned"),
            Self::Close { alert, by, at, .. } => (*alert, by, *at, "closed"),
            Self::Reopen { alert, by, at, .. } => (*alert, by, *at, "reopened"),
            Self::Note { alert, by, at, .. } => (*alert, by, *at, "noted"),
            Self::Restore { alert, by, at, .. } => (*alert, by, *at, "restored"),
        }
    }
}

/// What somebody wishes done, of one alert or of many.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "kebab-case", tag = "do", deny_unknown_fields)]
pub enum Action {
    /// I take it.
    Acknowledge,
    /// Somebody is to take it.
    Assign {
        /// Who.
        #[schema(pattern = r"\S", max_length = 100)]
        to: String,
    },
    /// Nobody has it any more.
    Unassign,
    /// It is over.
    Close {
        /// What it was.
        #[serde(default)]
        class: Class,
        /// Why.
        #[schema(pattern = r"\S", max_length = 1000)]
        reason: String,
    },
    /// It is not over.
    Reopen {
        /// Why.
        #[schema(pattern = r"\S", max_length = 1000)]
        reason: String,
    },
    /// Something to remember.
    Note {
        /// What.
        #[schema(pattern = r"\S", max_length = 4000)]
        text: String,
    },
}

impl Action {
    /// Returns the wish to close for `reason`, or what is wrong with the reason.
    ///
    /// # Errors
    ///
    /// Says what is wrong with the reason.
    pub fn close(class: Class, reason: &str) -> Result<Self, String> {
        Self::Close { class, reason: reason.to_owned() }.checked()
    }

    /// Returns the wish with its texts trimmed.
    ///
    /// # Errors
    ///
    /// Says which text is missing or too long.
    pub fn checked(self) -> Result<Self, String> {
        Ok(match self {
            Self::Close { class, reason } => {
                let says = "Say why it is closed, in a few words: the next one who meets this will want to know.";
                Self::Close { class, reason: text(&reason, MOST_REASON, "reason", says)? }
            }
            Self::Reopen { reason } => {
                let says = "Say why it is opened again, in a few words: whoever closed it will want to know.";
                Self::Reopen { reason: text(&reason, MOST_REASON, "reason", says)? }
            }
            Self::Assign { to } => {
                let to = text(&to, MOST_NAME, "name", "Say who is to take it: the name of their token.")?;
                if to.chars().any(|c| hides(c) || c.is_control()) {
                    return Err("A name has no letters that hide or turn text: type it anew.".to_owned());
                }
                Self::Assign { to }
            }
            Self::Note { text: note } => {
                Self::Note { text: text(&note, MOST_NOTE, "note", "A note needs words in it.")? }
            }
            plain => plain,
        })
    }

    /// Returns it as the command of one person about one alert.
    pub fn command(&self, alert: AlertId, by: &str, at: Timestamp) -> Command {
        let by = by.to_owned();
        match self.clone() {
            Self::Acknowledge => Command::Acknowledge { alert, by, at },
            Self::Assign { to } => Command::Assign { alert, by, at, to },
            Self::Unassign => Command::Unassign { alert, by, at },
            Self::Close { class, reason } => Command::Close { alert, by, at, reason, class },
            Self::Reopen { reason } => Command::Reopen { alert, by, at, reason },
            Self::Note { text } => Command::Note { alert, by, at, text },
        }
    }
}

fn text(typed: &str, most: usize, what: &str, missing: &str) -> Result<String, String> {
    let typed = typed.trim();
    if typed.is_empty() {
        return Err(missing.to_owned());
    }
    let letters = typed.chars().count();
    if letters > most {
        return Err(format!("The {what} has {letters} letters, and at most {most} are kept: shorten it."));
    }
    Ok(typed.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_is_missing_or_too_long_is_refused_with_the_way_out() {
        let close = |reason: &str| Action::close(Class::Benign, reason);
        assert_eq!(close(" our scanner "), Ok(Action::Close { class: Class::Benign, reason: "our scanner".into() }));
        assert!(close("  ").unwrap_err().contains("in a few words"));
        assert!(close(&"x".repeat(1_001)).unwrap_err().contains("1001 letters, and at most 1000"));
        assert!(Action::Assign { to: String::new() }.checked().unwrap_err().contains("who is to take it"));
        assert!(Action::Note { text: "\n".into() }.checked().is_err());
        for hidden in ["da\u{202e}na", "\u{200b}", "da\nna", "da\u{7}na"] {
            let said = Action::Assign { to: hidden.into() }.checked().unwrap_err();
            assert!(said.contains("hide or turn text"), "{hidden:?}: {said}");
        }
    }

    #[test]
    fn what_the_journal_of_an_older_version_holds_is_read_as_it_was_meant() {
        let old = r#"{"close":{"alert":5,"by":"dana","at":"2026-03-02T08:00:00Z","reason":"ours"}}"#;
        let command: Command = serde_json::from_str(old).unwrap();
        let Command::Close { class, .. } = command else { panic!("{command:?}") };
        assert_eq!(class, Class::Undetermined);
    }
}
