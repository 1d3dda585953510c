//! What happens while a page is open.
//!
//! Server-sent events carry ids and levels of alerts, never rows: a page asks for those when its
//! reader wants them. At most 64 streams, 16 of one person; each ends after ten minutes and the browser comes back
//! with the last id it saw. Whether its reader may still see is asked every ten seconds.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Query, State};
use axum::http::{HeaderName, StatusCode, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::{Stream, StreamExt, stream};
use serde_json::json;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::watch;
use tokio::time::timeout;

use super::app::{ASK_AGAIN, App};
use super::asking::Asking;
use super::board::AheadSeen;
use super::changes::{ChangeNote, Changes, Missed};
use super::door::Viewer;
use super::filter::Filter;
use super::shares::Share;

const HEARTBEAT: Duration = Duration::from_secs(15);
const RETRY: Duration = Duration::from_secs(3);
/// What was just seen is told no more often than this.
const AHEAD_EVERY: Duration = Duration::from_millis(200);
const LIFE: Duration = Duration::from_mins(10);

/// One page that follows.
struct Follower {
    changes: Changes,
    filter: Filter,
    waiting: VecDeque<Event>,
    app: Arc<App>,
    asking: Asking,
    /// When it was last asked whether they may still see.
    asked: Duration,
    coming: Receiver<ChangeNote>,
    ahead: watch::Receiver<Arc<[AheadSeen]>>,
    _share: Share,
}

/// `GET /events`: changes of alerts that the view in the query concerns, from `Last-Event-ID`
/// (or `since`) on.
pub(super) async fn events(
    State(app): State<Arc<App>>,
    Viewer(who): Viewer,
    Query(pairs): Query<Vec<(String, String)>>,
    asking: Asking,
) -> Response {
    let share = match app.share(&app.live, &who) {
        Ok(share) => share,
        Err(says) => {
            let later = [(header::RETRY_AFTER, "60")];
            return (StatusCode::SERVICE_UNAVAILABLE, later, format!("{says}\n")).into_response();
        }
    };
    let since = pairs.iter().find(|(name, _)| name == "since").map(|(_, id)| id.as_str());
    let last = asking.headers.get("last-event-id").and_then(|id| id.to_str().ok()).or(since).map(str::to_owned);
    let filter = Filter::of(&pairs, app.parts.clock.now(), None);
    let follower = Follower::new((app, asking), filter, last.as_deref(), share);
    let events = follower.events().take_until(tokio::time::sleep(LIFE));
    let sse = Sse::new(events).keep_alive(KeepAlive::new().interval(HEARTBEAT));
    ([(HeaderName::from_static("x-accel-buffering"), "no")], sse).into_response()
}

impl Follower {
    fn new((app, asking): (Arc<App>, Asking), filter: Filter, last: Option<&str>, share: Share) -> Self {
        let changes = app.parts.changes.clone();
        let (missed, coming, newest) = changes.follow(last);
        // The greeting stands for everything up to `newest`, unless notes follow it.
        let greeting = |name| Event::default().event(name).retry(RETRY).data("{}");
        let mut waiting = VecDeque::new();
        match missed {
            Missed::TooMuch => waiting.push_back(greeting("reset").id(changes.id(newest))),
            Missed::Notes(notes) if notes.is_empty() => waiting.push_back(greeting("hello").id(changes.id(newest))),
            Missed::Notes(notes) => {
                waiting.push_back(greeting("hello"));
                waiting.extend(notes.iter().filter(|note| filter.admits(note)).map(|note| event(&changes, note)));
            }
        }
        let asked = app.parts.clock.elapsed();
        let ahead = app.parts.board.ahead.subscribe();
        Self { changes, filter, waiting, app, asking, asked, coming, ahead, _share: share }
    }

    fn events(self) -> impl Stream<Item = Result<Event, Infallible>> + Send {
        stream::unfold(self, |mut follower| async move {
            loop {
                if !follower.app.still_sees(&follower.asking, &mut follower.asked).await {
                    return None;
                }
                if let Some(event) = follower.waiting.pop_front() {
                    return Some((Ok(event), follower));
                }
                let told = async {
                    tokio::select! {
                        coming = follower.coming.recv() => Some(coming),
                        Ok(()) = follower.ahead.changed() => None,
                    }
                };
                let Ok(coming) = timeout(ASK_AGAIN, told).await else { continue };
                let Some(coming) = coming else {
                    // One word stands for all that comes within a moment.
                    tokio::time::sleep(AHEAD_EVERY).await;
                    follower.ahead.mark_unchanged();
                    return Some((Ok(Event::default().event("ahead").data("{}")), follower));
                };
                match coming {
                    Ok(note) if follower.filter.admits(&note) => {
                        let event = event(&follower.changes, &note);
                        follower.waiting.push_back(event);
                    }
                    Ok(_) => {}
                    Err(RecvError::Lagged(_)) => {
                        follower.waiting.push_back(Event::default().event("reset").data("{}"));
                    }
                    Err(RecvError::Closed) => return None,
                }
            }
        })
    }
}

fn event(changes: &Changes, note: &ChangeNote) -> Event {
    let data = json!({
        "alert": note.alert.to_string(),
        "what": note.what,
        "state": note.state.name(),
        "level": note.level.name(),
    });
    Event::default().event("change").id(changes.id(note.seq)).data(data.to_string())
}
