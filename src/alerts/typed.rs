//! What of a deed did somebody type, and may it be kept as it is?
//!
//! People paste: a note holds the key that leaked, a reason the colleague's address. Every such text is
//! handed to whoever takes secrets out of it, before the deed goes anywhere. What a deed got from the
//! store is left as it is.

use super::{Action, Command, Deed, Matcher, Silence, SilenceDeed};

/// What kind of text somebody typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Typed {
    /// In their own words: neither a secret nor a person is kept.
    Words,
    /// Whom they mean, or a question: no secret is kept, but people go by their names.
    Name,
}

impl Action {
    /// Returns the wish with every text as `hide` leaves it.
    #[must_use]
    pub fn reworded(self, hide: &impl Fn(&str, Typed) -> String) -> Self {
        match self {
            Self::Assign { to } => Self::Assign { to: hide(&to, Typed::Name) },
            Self::Close { class, reason } => Self::Close { class, reason: hide(&reason, Typed::Words) },
            Self::Reopen { reason } => Self::Reopen { reason: hide(&reason, Typed::Words) },
            Self::Note { text } => Self::Note { text: hide(&text, Typed::Words) },
            Self::Acknowledge | Self::Unassign => self,
        }
    }
}

impl Matcher {
    /// Returns it with every name that somebody typed as `hide` leaves it: so alerts name it too.
    #[must_use]
    pub fn reworded(mut self, hide: &impl Fn(&str, Typed) -> String) -> Self {
        for named in [&mut self.detector, &mut self.entity, &mut self.app] {
            *named = named.take().map(|name| hide(&name, Typed::Words));
        }
        self
    }
}

impl Silence {
    /// Returns it with every text that somebody typed as `hide` leaves it.
    #[must_use]
    pub fn reworded(mut self, hide: &impl Fn(&str, Typed) -> String) -> Self {
        self.reason = hide(&self.reason, Typed::Words);
        self.matcher = self.matcher.reworded(hide);
        self
    }
}

impl Deed {
    /// Returns the deed with every text that somebody typed as `hide` leaves it.
    #[must_use]
    pub fn reworded(self, hide: &impl Fn(&str, Typed) -> String) -> Self {
        match self {
            Self::One(mut command) => {
                match &mut command {
                    Command::Assign { to, .. } => *to = hide(to, Typed::Name),
                    Command::Close { reason: words, .. }
                    | Command::Reopen { reason: words, .. }
                    | Command::Note { text: words, .. } => *words = hide(words, Typed::Words),
                    Command::Acknowledge { .. } | Command::Unassign { .. } | Command::Restore { .. } => {}
                }
                Self::One(command)
            }
            Self::Bulk(mut bulk) => {
                bulk.action = bulk.action.reworded(hide);
                bulk.query = hide(&bulk.query, Typed::Name);
                Self::Bulk(bulk)
            }
            Self::Silence(SilenceDeed::Add(silence)) => {
                Self::Silence(SilenceDeed::Add(Box::new(silence.reworded(hide))))
            }
            Self::Undo(_) | Self::Silence(SilenceDeed::End { .. }) => self,
        }
    }
}
