//! Who is being told what right now?
//!
//! The outbox in the store is the truth; this keeps a few deliveries of each sink under way,
//! in tasks of their own, and records what became of each. After a crash whatever was not
//! settled is delivered again, with the same idempotency key.

use std::collections::HashSet;
use std::sync::Arc;

use crossbeam_channel::Sender;
use tokio::runtime::Handle;

use crate::alerts::Transition;
use crate::clock::Timestamp;
use crate::sinks::{AnySink, RenderedDelivery, Sink, SinkError, idempotency_key, next_attempt};
use crate::store::{Delivery, Store, StoreError};
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
    runtime: Handle,
    to: Sender<Ask>,
    clock: crate::clock::Clock,
}

impl Deliveries {
    /// Returns deliveries to `sinks`, by name, run on `runtime`; what becomes of them goes to `to`.
    pub fn new(sinks: Vec<(String, AnySink)>, runtime: Handle, to: Sender<Ask>, clock: crate::clock::Clock) -> Self {
        let lane = |(name, sink)| Lane { name, sink: Arc::new(sink), under_way: HashSet::new() };
        Self { lanes: sinks.into_iter().map(lane).collect(), runtime, to, clock }
    }

    /// Returns one delivery for each sink that wants to hear of `transition`.
    pub fn rendered(&self, transition: &Transition, streams: &Streams, now: Timestamp) -> Vec<Delivery> {
        let alert = transition.alert();
        let key = idempotency_key(alert);
        let delivery = |lane: &Lane| {
            let payload = lane.sink.render(transition, streams)?;
            Some(Delivery { id: 0, sink: lane.name.clone(), key: key.clone(), payload, attempts: 0, due: now })
        };
        self.lanes.iter().filter_map(delivery).collect()
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
            None => Ok("delivered"),
            Some(says) => Err((says.as_str(), settled.again)),
        };
        store.settle(settled.delivery.id, outcome, now)
    }
}

async fn attempt(name: String, sink: &AnySink, delivery: Delivery, clock: &crate::clock::Clock) -> Settled {
    let rendered = RenderedDelivery { key: &delivery.key, payload: &delivery.payload };
    let outcome = sink.deliver(&rendered).await;
    let now = clock.now();
    let (failure, again) = match outcome {
        Ok(_) => (None, None),
        Err(SinkError::Reject(says)) => (Some(says), None),
        Err(SinkError::Retry { says, after }) => {
            let seed = delivery.id.unsigned_abs();
            (Some(says), Some(next_attempt(delivery.attempts + 1, now, seed, after)))
        }
    };
    Settled { sink: name, kind: sink.kind(), delivery, failure, again }
}
