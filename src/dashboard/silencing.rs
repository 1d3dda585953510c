//! What does a silence cost, and how does it come into force?
//!
//! A silence is made after looking: at what it would have hidden in the last 30 days and how many of
//! those were true positives; the same look says what is usual, from which on it trips. At most 100,000
//! alerts are looked at, the newest. Pages and the API both come through here.

use std::sync::atomic::{AtomicU64, Ordering};

use super::acting::{Outcome, send};
use super::app::App;
use crate::access::Identity;
use crate::alerts::{Deed, LOOKS_BACK, Level, Matcher, Preview, Query, Silence, SilenceDeed, SilenceId, Usual};
use crate::clock::Timestamp;
use crate::store::{AlertQuery, StoreError};

/// Alerts that a preview looks at.
const MOST_LOOKED_AT: usize = 100_000;
/// The worst that a silence hides which names no level, and of which there is no history.
const NO_HISTORY: Level = Level::Low;

/// What a silence would have hidden.
#[derive(Debug)]
pub(super) struct Looked {
    pub(super) preview: Preview,
    /// Whether every alert of the time was looked at.
    pub(super) complete: bool,
    /// The level above which it trips: what is named, or else the worst there was.
    pub(super) at_most: Level,
}

/// What somebody wants silenced.
#[derive(Debug)]
pub(super) struct Wish {
    pub(super) matcher: Matcher,
    pub(super) reason: String,
    /// Now, if that is later.
    pub(super) starts_at: Timestamp,
    pub(super) ends_at: Timestamp,
}

/// Why there is no silence.
#[derive(Debug)]
pub(super) enum Refused {
    /// It can't be made: all that is wrong with it, and how to mend it.
    Wish(Vec<String>),
    /// The past can't be read.
    Unread(StoreError),
    /// The pipeline did not take it.
    Undone(Outcome),
}

/// Returns what a silence of `matcher` would have hidden.
pub(super) async fn look(app: &App, matcher: &Matcher) -> Result<Looked, StoreError> {
    let since = app.parts.clock.now().minus(LOOKS_BACK);
    // A person is typed by name, and alerts know them by another.
    let meant = matcher.clone().reworded(&|text, typed| app.parts.hide.of(text, typed));
    let about = Query { since: Some(since), ..meant.query() };
    let query = AlertQuery { about, after: None, limit: MOST_LOOKED_AT };
    let read = app.readers.read(move |reader| {
        let mut preview = Preview::default();
        let complete = reader.each_alert(&query, |alert| preview.add(&meant, &alert))?;
        Ok((preview.finish(), complete))
    });
    let (preview, complete) = read.await?;
    let at_most = matcher.at_most.or(preview.worst).unwrap_or(NO_HISTORY);
    Ok(Looked { preview, complete, at_most })
}

/// Makes a silence in `who`'s name; returns it with what it costs, and whether it is durable already.
pub(super) async fn make(app: &App, who: Identity, wish: Wish) -> Result<(Silence, Looked, Outcome), Refused> {
    let now = app.parts.clock.now();
    let silence = Silence {
        id: fresh_id(now),
        matcher: wish.matcher,
        by: who.name,
        reason: wish.reason.trim().to_owned(),
        made_at: now,
        starts_at: wish.starts_at.max(now),
        ends_at: wish.ends_at,
        usual: Usual::default(),
        recent: Vec::new(),
        ended: None,
    };
    // What it is called in the answer is what is kept.
    let mut silence = silence.reworded(&|text, typed| app.parts.hide.of(text, typed));
    let wrong = silence.flaws();
    if !wrong.is_empty() {
        return Err(Refused::Wish(wrong));
    }
    let looked = look(app, &silence.matcher).await.map_err(Refused::Unread)?;
    silence.usual = looked.preview.usual.clone();
    silence.matcher.at_most = Some(looked.at_most);
    match send(app, Deed::Silence(SilenceDeed::Add(Box::new(silence.clone())))).await {
        done @ (Outcome::Done(_) | Outcome::Recording) => Ok((silence, looked, done)),
        undone => Err(Refused::Undone(undone)),
    }
}

/// Ends a silence now, in `who`'s name.
pub(super) async fn end(app: &App, who: Identity, id: SilenceId) -> Outcome {
    send(app, Deed::Silence(SilenceDeed::End { id, by: who.name, at: app.parts.clock.now() })).await
}

/// Returns a name that no silence has yet: the moment, and how many were named before.
fn fresh_id(now: Timestamp) -> SilenceId {
    static NAMED: AtomicU64 = AtomicU64::new(1);
    let moment = now.nanos().unsigned_abs().wrapping_mul(0x9e37_79b9_7f4a_7c15);
    SilenceId(moment.wrapping_add(NAMED.fetch_add(1, Ordering::Relaxed).wrapping_mul(0xd1b5_4a32_d192_ed03)))
}
