//! What happens to alerts, for a program that follows?
//!
//! Server-sent events from the store's history: each has that line's number as its id, so that whoever
//! comes back with the last one, also after a restart, gets each later change once. What is too old
//! for that is said by a `gap`. The pipeline's word that something changed only wakes a stream up. At
//! most 64 streams with those of pages, 16 of one person; each ends after ten minutes and its reader comes back. Whether the
//! reader may still see is asked every ten seconds.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::HeaderName;
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::{StreamExt, stream};
use serde_json::json;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use utoipa::IntoParams;

use super::super::app::App;
use super::super::asking::Asking;
use super::super::changes::ChangeNote;
use super::super::door::Viewer;
use super::super::shares::Share;
use super::asked::{Question, question};
use super::forms::ChangeForm;
use super::problem::{Flaw, Pairs, busy, flawed, unreadable};
use crate::alerts::Query;
use crate::store::{Reader, StoreError};

const HEARTBEAT: Duration = Duration::from_secs(15);
const RETRY: Duration = Duration::from_secs(3);
const LIFE: Duration = Duration::from_mins(10);
const WANTED: &str = "the last id that was seen, a whole number as the stream had it";

/// Where a stream begins.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "it describes what is read from pairs, so that all that is wrong can be said at once")]
pub(super) struct From {
    /// The last id that was seen; `0`: from the beginning of what is kept. Without it the stream begins now.
    #[param(minimum = 0)]
    after: Option<i64>,
}

/// A program that follows.
struct Follower {
    app: Arc<App>,
    query: Query,
    /// The last line that was looked at.
    seen: i64,
    /// The last that the reader was told of.
    told: i64,
    waiting: VecDeque<Event>,
    /// When it was last asked whether they may still see.
    asked: Duration,
    coming: Receiver<ChangeNote>,
    _share: Share,
    /// Whether it was said that lines are gone: once a stream.
    warned: bool,
}

/// Follows what happens to alerts, as server-sent events.
///
/// `hello` says that it has begun. `change` is one change of one alert: its data is a `Change`, its id what to come back
/// with, in `Last-Event-ID` or `after`: each later change comes once, also after a restart. `gap` says that changes after
/// that id are no longer kept, or that the id is of another store: load anew, and go on with the id of the gap. The
/// question is about alerts as they stand when they are told of; without `state` in any state.
#[utoipa::path(
    get,
    path = "/api/v1/events",
    tag = "alerts",
    params(
        Question,
        From,
        ("Last-Event-ID" = Option<String>, Header, description = "The last id that was seen; it goes before `after`."),
    ),
    responses(
        (status = 200, description = "A stream of events; a comment every 15 seconds is a sign of life.", body = String, content_type = "text/event-stream"),
        (status = 400, description = "The question or the id is not understood: all that is wrong is in `errors`."),
        (status = 503, description = "64 streams are open already, or 16 of one person, or the store can't be read now."),
    )
)]
pub(super) async fn events(
    State(app): State<Arc<App>>,
    Viewer(who): Viewer,
    Pairs(pairs): Pairs,
    asking: Asking,
) -> Response {
    let mut after = None;
    let asked = question(&pairs, (Query::any(), app.parts.clock.now()), &["after"], |_, value| {
        after = Some(line(value).ok_or_else(|| format!("`after` is {WANTED}."))?);
        Ok(())
    });
    let query = match asked {
        Ok(query) => query,
        Err(answer) => return answer,
    };
    if let Some(last) = asking.headers.get("last-event-id").filter(|last| !last.is_empty()) {
        let Some(last) = last.to_str().ok().and_then(line) else {
            return flawed(vec![Flaw::of("Last-Event-ID", format!("`Last-Event-ID` is {WANTED}."))]);
        };
        after = Some(last);
    }
    let share = match app.share(&app.live, &who) {
        Ok(share) => share,
        Err(says) => return busy(&says),
    };
    // From here on nothing is missed: what comes wakes the stream, and it reads what was written since.
    let coming = app.parts.changes.follow(None).1;
    let newest = match app.readers.read(Reader::newest_change).await {
        Ok(newest) => newest,
        Err(error) => return unreadable(&error),
    };
    let seen = after.unwrap_or(newest);
    let hello = Event::default().event("hello").retry(RETRY).data(json!({"newest": newest.to_string()}).to_string());
    let hello = if after.is_none() { hello.id(newest.to_string()) } else { hello };
    let waiting = VecDeque::from([hello]);
    let asked = app.parts.clock.elapsed();
    let follower = Follower { app, query, seen, told: seen, waiting, asked, coming, warned: false, _share: share };
    let events = stream::unfold((follower, after.is_some(), asking), next).take_until(tokio::time::sleep(LIFE));
    ([(HeaderName::from_static("x-accel-buffering"), "no")], Sse::new(events)).into_response()
}

fn line(text: &str) -> Option<i64> {
    text.trim().parse().ok().filter(|line| *line >= 0)
}

type Following = (Follower, bool, Asking);

/// Returns the next event; `look` tells whether there may be lines that were not looked at.
async fn next((mut follower, mut look, asking): Following) -> Option<(Result<Event, Infallible>, Following)> {
    loop {
        let app = follower.app.clone();
        if !app.still_sees(&asking, &mut follower.asked).await {
            return None;
        }
        if let Some(event) = follower.waiting.pop_front() {
            return Some((Ok(event), (follower, look, asking)));
        }
        if look {
            // A store that can't be read now ends the stream: its reader comes back with its last id.
            look = follower.look().await.ok()?;
            continue;
        }
        match tokio::time::timeout(HEARTBEAT, follower.coming.recv()).await {
            Ok(Ok(_) | Err(RecvError::Lagged(_))) => while follower.coming.try_recv().is_ok() {},
            Ok(Err(RecvError::Closed)) => return None,
            Err(_) => {
                let app = follower.app.clone();
                if !app.still_sees(&asking, &mut follower.asked).await {
                    return None;
                }
                follower.sign_of_life();
            }
        }
        look = true;
    }
}

impl Follower {
    /// Takes in what was written since; tells whether there is more.
    async fn look(&mut self) -> Result<bool, StoreError> {
        let (after, query) = (self.seen, self.query.clone());
        let looked = self.app.readers.read(move |reader| reader.changes_after(after, &query)).await?;
        if let Some(from) = looked.gap.filter(|_| !std::mem::replace(&mut self.warned, true)) {
            let says = "changes after this id are no longer kept, or it is of another store: load anew";
            let gap = Event::default().event("gap").id(from.to_string());
            self.waiting.push_back(gap.data(json!({"after": after.to_string(), "says": says}).to_string()));
        }
        for line in &looked.lines {
            let data = serde_json::to_string(&ChangeForm::of(line)).unwrap_or_default();
            self.waiting.push_back(Event::default().event("change").id(line.id.to_string()).data(data));
            self.told = line.id;
        }
        self.seen = looked.upto;
        Ok(looked.more)
    }

    /// Says that the stream lives, and how far it has come if nothing did that its reader asked for.
    fn sign_of_life(&mut self) {
        let sign = Event::default().comment("");
        let sign = if self.seen > self.told { sign.id(self.seen.to_string()) } else { sign };
        self.told = self.seen;
        self.waiting.push_back(sign);
    }
}
