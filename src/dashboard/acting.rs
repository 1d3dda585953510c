//! How does what a person does reach the pipeline?
//!
//! A deed goes into a bounded channel; the page waits two seconds for the answer at most (a change
//! of many alerts, and what takes it back, fifteen), then says that it is being recorded. A full
//! channel is said at once: nothing queues behind a page.

use std::time::Duration;

use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::oneshot;

use super::app::App;
use crate::access::Identity;
use crate::alerts::{Action, AlertId, Deed, Done};
use crate::store::Origin;

tokio::task_local! {
    /// From where the request comes that is being answered, so that no handler can forget to say so.
    pub(super) static ORIGIN: Origin;
}

/// How long a page waits for the pipeline's answer.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long, when the answer says what became of each of many alerts.
const LONG_PATIENCE: Duration = Duration::from_secs(15);

/// A deed on its way to the pipeline.
#[derive(Debug)]
pub struct Ask {
    /// What somebody wants done.
    pub deed: Deed,
    /// From where.
    pub origin: Origin,
    /// Takes the answer once the deed is durable, or why it can't be done. Nobody may be there
    /// any more to hear it.
    pub reply: oneshot::Sender<Result<Done, String>>,
}

/// What became of a deed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It is done and durable.
    Done(Done),
    /// It was accepted and is being recorded.
    Recording,
    /// The alert does not allow it: what the book says.
    Refused(String),
    /// The pipeline takes nothing now.
    Busy(&'static str),
}

/// Returns from where the request comes that is being answered.
pub(super) fn origin() -> Origin {
    ORIGIN.try_with(Clone::clone).unwrap_or_default()
}

/// Sends what `who` wishes of one alert to the pipeline and waits for its answer, but not for long.
pub(super) async fn act(app: &App, alert: AlertId, who: &Identity, wish: &Action) -> Outcome {
    send(app, Deed::One(wish.command(alert, &who.name, app.parts.clock.now()))).await
}

/// Sends a deed to the pipeline, without the secrets that were typed into it, and waits for its answer,
/// but not for long.
pub(super) async fn send(app: &App, deed: Deed) -> Outcome {
    let patience = if matches!(deed, Deed::One(_)) { PATIENCE } else { LONG_PATIENCE };
    let deed = deed.reworded(&|text, typed| app.parts.hide.of(text, typed));
    let (reply, answer) = oneshot::channel();
    match app.parts.commands.try_send(Ask { deed, origin: origin(), reply }) {
        Err(TrySendError::Full(_)) => {
            return Outcome::Busy("The daemon has many commands to record at this moment. Try again in a few seconds.");
        }
        Err(TrySendError::Closed(_)) => return Outcome::Busy("The daemon is stopping and takes no commands."),
        Ok(()) => {}
    }
    match tokio::time::timeout(patience, answer).await {
        Ok(Ok(Ok(done))) => Outcome::Done(done),
        Ok(Ok(Err(why))) => Outcome::Refused(why),
        Ok(Err(_)) => Outcome::Busy("The daemon stopped before it could record this."),
        Err(_) => Outcome::Recording,
    }
}
