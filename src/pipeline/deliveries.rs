//! Who is being told what right now?
//!
//! The [`Dispatcher`] says who hears of what; what it says goes into the outbox with the epoch, and
//! its own state beside it. The outbox in the store is the truth; this keeps a few deliveries of
//! each sink under way, in tasks of their own, and records what became of each. After a crash
//! whatever was not settled is delivered again, with the same idempotency key.

use std::collections::HashSet;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use crossbeam_channel::Sender;
use tokio::runtime::Handle;

use crate::alerts::{Alert, AlertId, Transition};
use crate::clock::Timestamp;
use crate::detection::drifting::CONTROL_WEAKENED;
use crate::sinks::{
    AnySink, Audience, Dispatcher, Outlet, RenderedDelivery, Route, SinkError, idempotency_key, next_attempt,
};
use crate::store::{Attempt, Delivery, Epoch, Store, StoreError};
use crate::telemetry::Streams;

use super::parts::Ask;

/// Deliveries of one sink under way at a time.
const UNDER_WAY: usize = 8;

/// What became of one attempt.
#[derive(Debug)]
pub struct Settled {
    /// The sink's name.
    pub sink: String,
    /// The sink's kind.
    pub kind: &'static str,
    /// The delivery.
    pub delivery: Delivery,
    /// What the receiver answered, in short; empty after a failure.
    pub note: String,
    /// How long it took.
    pub took: Duration,
    /// What went wrong, if something did.
    pub failure: Option<String>,
    /// When to try again; `None` with a failure means never.
    pub again: Option<Timestamp>,
}

impl Settled {
    /// Returns the outcome as metrics name it.
    pub fn outcome_word(&self) -> &'static str {
        match (&self.failure, self.again) {
            (None, _) => "delivered",
            (Some(_), Some(_)) => "retried",
            (Some(_), None) => "refused",
        }
    }
}

#[derive(Debug)]
struct Lane {
    name: String,
    sink: Arc<AnySink>,
    under_way: HashSet<i64>,
}

/// The sinks, and which deliveries are under way.
#[derive(Debug)]
pub struct Deliveries {
    lanes: Vec<Lane>,
    dispatcher: Dispatcher,
    runtime: Handle,
    to: Sender<Ask>,
    clock: crate::clock::Clock,
}

impl Deliveries {
    /// Returns deliveries to `outlets` by `routes`, run on `runtime`; what becomes of them goes to
    /// `to`. `external_url` is where people reach the dashboard.
    pub fn new(
        outlets: Vec<Outlet>,
        (routes, external_url): (Vec<Route>, Option<&str>),
        runtime: Handle,
        to: Sender<Ask>,
        clock: crate::clock::Clock,
    ) -> Self {
        let dispatcher = Dispatcher::new(&outlets, routes, external_url);
        let lane = |one: Outlet| Lane { name: one.name, sink: Arc::new(one.sink), under_way: HashSet::new() };
        Self { lanes: outlets.into_iter().map(lane).collect(), dispatcher, runtime, to, clock }
    }

    /// Goes on where the newest epoch stood; `open` are the alerts that are not closed. Sinks that
    /// must be reminded of those are, from now on.
    pub fn resume(&mut self, saved: &[Vec<u8>], open: &[Alert]) {
        let now = self.clock.now();
        if !self.dispatcher.restore(saved, now) {
            tracing::warn!("what was to be told together is not known any more: it was kept by another version");
        }
        for (number, lane) in self.lanes.iter().enumerate() {
            let Some(every) = lane.sink.reminded_every() else { continue };
            let heard: Vec<Alert> =
                open.iter().filter(|alert| self.dispatcher.has_heard(number, alert.id)).cloned().collect();
            let (sink, name) = (Arc::clone(&lane.sink), lane.name.clone());
            self.runtime.spawn(async move {
                sink.resume(heard.into_iter()).await;
                let mut beat = tokio::time::interval(every);
                loop {
                    beat.tick().await;
                    if let Err(error) = sink.remind().await {
                        tracing::warn!(sink = name, "what is open could not be told again: {error}");
                    }
                }
            });
        }
    }

    /// Puts into `epoch` the deliveries of what happened in it and of what waited until `now`, and
    /// what a restart must know. Of events older than `most` nobody is told who does not know their
    /// alert, of what is `held` back only who has it open; `look` tells how an alert stands and
    /// whether it is held back now.
    pub fn fill(
        &mut self,
        epoch: &mut Epoch,
        streams: &Streams,
        (now, most): (Timestamp, Duration),
        held: impl Fn(&Alert) -> bool,
        look: impl Fn(AlertId) -> Option<(Alert, bool)>,
    ) {
        for (transition, _) in &epoch.transitions {
            let alert = transition.alert();
            // What follows from a reading is news, however long ago the newest event was.
            let old = alert.last_seen < now.minus(most) && *alert.detector != *CONTROL_WEAKENED;
            let audience = match (held(alert), old) {
                (true, _) => Audience::Keeping,
                (false, true) => Audience::Knowing,
                (false, false) => Audience::All,
            };
            epoch.outbox.extend(self.take(transition, streams, now, audience));
        }
        epoch.outbox.extend(self.due(now, look));
        epoch.values.extend(self.dispatcher.save());
    }

    /// Returns the deliveries to make of `transition`, of which `audience` may hear.
    fn take(
        &mut self,
        transition: &Transition,
        streams: &Streams,
        now: Timestamp,
        audience: Audience,
    ) -> Vec<Delivery> {
        let key = idempotency_key(transition.alert());
        let delivery = |(sink, news): (usize, _)| {
            let lane = &self.lanes[sink];
            let payload = lane.sink.render(transition, news, streams)?;
            Some(Delivery::new(&lane.name, &key, payload, now))
        };
        self.dispatcher.take(transition, now, audience).into_iter().filter_map(delivery).collect()
    }

    /// Tells whether a message that waited is due.
    pub fn is_due(&mut self, now: Timestamp) -> bool {
        self.dispatcher.is_due(now)
    }

    /// Returns the messages that waited and are due; `look` is that of [`Deliveries::fill`].
    fn due(&mut self, now: Timestamp, look: impl Fn(AlertId) -> Option<(Alert, bool)>) -> Vec<Delivery> {
        let delivery = |message: crate::sinks::Gathered| {
            let lane = &self.lanes[message.sink];
            let payload = lane.sink.compose(&message.notices, message.more, &message.key)?;
            let about = message.notices.iter().map(|notice| notice.alert.to_string()).collect();
            Some(Delivery { about, ..Delivery::new(&lane.name, &message.key, payload, now) })
        };
        self.dispatcher.due(now, look).into_iter().filter_map(delivery).collect()
    }

    /// Starts what is due.
    ///
    /// # Errors
    ///
    /// Those of the store.
    pub fn start(&mut self, store: &mut Store, now: Timestamp) -> Result<(), StoreError> {
        for lane in &mut self.lanes {
            if lane.under_way.len() >= UNDER_WAY {
                continue;
            }
            for delivery in store.due(&lane.name, now, UNDER_WAY)? {
                if lane.under_way.len() >= UNDER_WAY || !lane.under_way.insert(delivery.id) {
                    continue;
                }
                let (name, sink, to, clock) =
                    (lane.name.clone(), lane.sink.clone(), self.to.clone(), self.clock.clone());
                self.runtime.spawn(async move {
                    let settled = attempt(name, &sink, delivery, &clock).await;
                    tokio::task::block_in_place(|| drop(to.send(Ask::Settled(settled))));
                });
            }
        }
        Ok(())
    }

    /// Shows how many deliveries of each sink wait, those of no sink any more left out.
    pub fn show(&self, watch: &mut super::Watch, waiting: &[(String, u64)]) {
        watch.cuts(self.dispatcher.cuts());
        for lane in &self.lanes {
            let wait = waiting.iter().find(|(name, _)| *name == lane.name).map_or(0, |(_, n)| *n);
            watch.waiting(&lane.name, lane.sink.kind(), wait);
        }
    }

    /// Records what became of an attempt.
    ///
    /// # Errors
    ///
    /// Those of the store.
    pub fn settled(&mut self, store: &mut Store, settled: &Settled, now: Timestamp) -> Result<(), StoreError> {
        if let Some(lane) = self.lanes.iter_mut().find(|lane| lane.name == settled.sink) {
            lane.under_way.remove(&settled.delivery.id);
        }
        let outcome = match &settled.failure {
            None => Ok(settled.note.as_str()),
            Some(says) => Err((says.as_str(), settled.again)),
        };
        store.settle(settled.delivery.id, outcome, Attempt { at: now, took: settled.took })
    }
}

/// Returns what comes of `delivering`; if it panics it is to be tried again, for a delivery that never
/// settles would keep its place under way for ever.
async fn caught(delivering: impl Future<Output = Result<String, SinkError>>) -> Result<String, SinkError> {
    let mut delivering = pin!(delivering);
    let says = "the delivery broke off: this is a defect of Gatewatch, the log says where; please report it";
    poll_fn(|context| {
        // After a panic it is not polled any more.
        catch_unwind(AssertUnwindSafe(|| delivering.as_mut().poll(context)))
            .unwrap_or_else(|_| Poll::Ready(Err(SinkError::Retry { says: says.into(), after: None })))
    })
    .await
}

async fn attempt(name: String, sink: &AnySink, delivery: Delivery, clock: &crate::clock::Clock) -> Settled {
    let rendered = RenderedDelivery { key: &delivery.key, payload: &delivery.payload };
    let began = clock.elapsed();
    let outcome = caught(sink.deliver(&rendered)).await;
    let (now, took) = (clock.now(), clock.elapsed().saturating_sub(began));
    let (note, failure, again) = match outcome {
        Ok(note) => (note, None, None),
        Err(SinkError::Reject(says)) => (String::new(), Some(says), None),
        Err(SinkError::Retry { says, after }) => {
            let seed = delivery.id.unsigned_abs();
            (String::new(), Some(says), Some(next_attempt(delivery.attempts + 1, now, seed, after)))
        }
    };
    Settled { sink: name, kind: sink.kind(), delivery, note, took, failure, again }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_delivery_that_panics_is_tried_again() {
        let broken = async {
            tokio::task::yield_now().await;
            panic!("a defect")
        };
        assert!(matches!(caught(broken).await, Err(SinkError::Retry { .. })));
        assert_eq!(caught(async { Ok("200".to_owned()) }).await.unwrap(), "200");
    }
}
