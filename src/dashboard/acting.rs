//! How does what a person does reach the pipeline?
//!
//! A command goes into a bounded channel; the page waits two seconds for the answer at most, then
//! says that it is being recorded. A full channel is said at once: nothing queues behind a page.

use std::time::Duration;

use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::oneshot;

use super::app::App;
use crate::access::Identity;
use crate::alerts::{AlertId, Command};

/// How long a page waits for the pipeline's answer.
const PATIENCE: Duration = Duration::from_secs(2);
/// Letters that a reason may have.
const MAX_REASON: usize = 1_000;

/// A command on its way to the pipeline.
#[derive(Debug)]
pub struct Ask {
    /// What somebody wants done.
    pub command: Command,
    /// Takes the answer once the command is durable, or why it can't be done. Nobody may be
    /// there any more to hear it.
    pub reply: oneshot::Sender<Result<(), String>>,
}

/// What became of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It is done and durable.
    Done,
    /// It was accepted and is being recorded.
    Recording,
    /// The alert does not allow it: what the book says.
    Refused(String),
    /// The pipeline takes no commands now.
    Busy(&'static str),
}

/// What a person asks of an alert.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Wish {
    Acknowledge,
    Close { reason: String },
}

impl Wish {
    /// Returns the wish to close for `reason`, or what is wrong with the reason.
    pub(super) fn close(reason: &str) -> Result<Self, &'static str> {
        let reason = reason.trim();
        if reason.is_empty() {
            return Err("Say why it is closed, in a few words: the next one who meets this will want to know.");
        }
        if reason.chars().count() > MAX_REASON {
            return Err("The reason is longer than 1,000 letters: shorten it.");
        }
        Ok(Self::Close { reason: reason.into() })
    }
}

/// Sends what `who` wishes to the pipeline and waits for its answer, but not for long.
pub(super) async fn act(app: &App, alert: AlertId, who: &Identity, wish: Wish) -> Outcome {
    let (by, at) = (who.name.clone(), app.parts.clock.now());
    let command = match wish {
        Wish::Acknowledge => Command::Acknowledge { alert, by, at },
        Wish::Close { reason } => Command::Close { alert, by, at, reason },
    };
    let (reply, answer) = oneshot::channel();
    match app.parts.commands.try_send(Ask { command, reply }) {
        Err(TrySendError::Full(_)) => {
            return Outcome::Busy("The daemon has many commands to record at this moment. Try again in a few seconds.");
        }
        Err(TrySendError::Closed(_)) => return Outcome::Busy("The daemon is stopping and takes no commands."),
        Ok(()) => {}
    }
    match tokio::time::timeout(PATIENCE, answer).await {
        Ok(Ok(Ok(()))) => Outcome::Done,
        Ok(Ok(Err(why))) => Outcome::Refused(why),
        Ok(Err(_)) => Outcome::Busy("The daemon stopped before it could record this."),
        Err(_) => Outcome::Recording,
    }
}
