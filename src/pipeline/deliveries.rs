//! Who is being told what right now?
//!
//! The [`Dispatcher`] says who hears of what; what it says goes into the outbox with the epoch, and
//! its own state beside it. The outbox in the store is the truth; this keeps a few deliveries of
//! each sink under way, in tasks of their own, and records what became of each, if need be once the
//! store can be written again. After a crash whatever was not settled is delivered again, with the same
//! idempotency key. A receiver that asks to be left alone for a while is, by all deliveries.

use std::collections::{HashSet, VecDeque};
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
use crate::sinks::{
    AnySink, Audience, Dispatcher, LONGEST_ASKED, News, Outlet, RenderedDelivery, Route, SinkError, idempotency_key,
    next_attempt,
};
use crate::store::{Attempt, Delivery, Epoch, Store, StoreError};
use crate::telemetry::Streams;

use super::parts::Ask;

/// Deliveries of one sink under way at a time.
const UNDER_WAY: usize = 8;

/// A clock that goes back by more than this was set.
const SET_BACK: Duration = Duration::from_secs(1);

/// What became of one attempt.
#[derive(Clone, Debug)]
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
    /// Until when the receiver wants no other either.
    pub pause: Option<Timestamp>,
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
    /// Until when the receiver wants to be left alone.
    paused: Timestamp,
}

/// The sinks, and which deliveries are under way.
#[derive(Debug)]
pub struct Deliveries {
    lanes: Vec<Lane>,
    dispatcher: Dispatcher,
    /// What became of deliveries and is not recorded yet, as the store could not be written; those are under way.
    unsettled: VecDeque<(Settled, Timestamp)>,
    /// When it was last looked for what is due.
    looked: Option<Timestamp>,
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
        let lane = |Outlet { name, sink, .. }| {
            let (under_way, paused) = (HashSet::new(), Timestamp::MIN);
            Lane { name, sink: Arc::new(sink), under_way, paused }
        };
        let (lanes, unsettled) = (outlets.into_iter().map(lane).collect(), VecDeque::new());
        Self { lanes, dispatcher, unsettled, looked: None, runtime, to, clock }
    }

    /// Goes on where the newest epoch stood; `open` are the alerts that are not closed. Sinks that
    /// must be reminded of those are, from now on. If what was kept `is_behind`, messages went out that it knows
    /// nothing of.
    pub fn resume(&mut self, saved: &[Vec<u8>], is_behind: bool, open: &[Alert]) {
        let now = self.clock.now();
        if is_behind {
            self.dispatcher.count_anew(now);
        }
        if !self.dispatcher.restore(saved, now) {
            tracing::warn!("what was to be told together is not known any more: it was kept by another version");
        }
        for (sink, alerts) in self.dispatcher.take_gone() {
            tracing::warn!(
                sink,
                alerts,
                "this sink is in the configuration no more, and heard of alerts that are not over: it does not hear how \
                 they end. A sink that was renamed is a new one"
            );
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

    /// Puts into `epoch` the deliveries of what happened in it, of which `audience` says who may hear, and of
    /// what waited until `now`, and what a restart must know. `look` tells how an alert stands and whether
    /// it is held back now. Returns the alerts that opened of which nobody is told because they are old.
    pub fn fill(
        &mut self,
        epoch: &mut Epoch,
        streams: &Streams,
        now: Timestamp,
        audience: impl Fn(&Transition) -> Audience,
        look: impl Fn(AlertId) -> Option<(Alert, bool)>,
    ) -> Vec<AlertId> {
        let mut passed_over = Vec::new();
        for (transition, _) in &epoch.transitions {
            let audience = audience(transition);
            let opened = matches!(transition, Transition::Opened(_));
            passed_over.extend((opened && audience == Audience::Knowing).then_some(transition.alert().id));
            epoch.outbox.extend(self.take(transition, streams, now, audience));
        }
        for (sink, alert) in self.dispatcher.late(now, &look) {
            let lane = &self.lanes[sink];
            let key = idempotency_key(&alert);
            let payload = lane.sink.render(&Transition::Opened(alert), News::Opened, streams);
            epoch.outbox.extend(payload.map(|payload| Delivery::new(&lane.name, &key, payload, now)));
        }
        epoch.outbox.extend(self.due(now, look));
        epoch.values.extend(self.dispatcher.save());
        passed_over
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

    /// Returns which alerts wait to be told, to which sink and until when, `most` at most.
    pub fn waits(&self, most: usize) -> Vec<(AlertId, &str, Timestamp)> {
        self.dispatcher.waits(most)
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
        self.settle(store)?;
        self.hasten(store, now)?;
        for lane in &mut self.lanes {
            if lane.under_way.len() >= UNDER_WAY || now < lane.paused {
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

    /// Tells whether any is under way.
    pub fn are_under_way(&self) -> bool {
        self.lanes.iter().any(|lane| !lane.under_way.is_empty())
    }

    /// Makes due what a clock that went ahead and was set back would hold up.
    fn hasten(&mut self, store: &mut Store, now: Timestamp) -> Result<(), StoreError> {
        let beyond = match self.looked {
            Some(looked) if now.plus(SET_BACK) < looked => Some(now),
            Some(_) => None,
            // Before a restart it may have been any time.
            None => Some(now.plus(LONGEST_ASKED)),
        };
        for (lane, beyond) in self.lanes.iter_mut().filter_map(|lane| Some((lane, beyond?))) {
            lane.paused = lane.paused.min(beyond);
            store.hasten(&lane.name, now, beyond)?;
        }
        self.looked = Some(now);
        Ok(())
    }

    /// Shows how many deliveries of each sink wait, and says which wait for a sink that is no more.
    pub fn show(&self, watch: &mut super::Watch, waiting: &[(String, u64)]) {
        watch.cuts(self.dispatcher.cuts());
        for lane in &self.lanes {
            let wait = waiting.iter().find(|(name, _)| *name == lane.name).map_or(0, |(_, n)| *n);
            watch.waiting(&lane.name, lane.sink.kind(), wait);
        }
        for (name, wait) in waiting.iter().filter(|(name, _)| self.lanes.iter().all(|lane| lane.name != *name)) {
            watch.left_behind(name, *wait);
        }
    }

    /// Records what became of an attempt; while the store can't be written, that waits.
    ///
    /// # Errors
    ///
    /// Those of the store.
    pub fn settled(&mut self, store: &mut Store, mut settled: Settled, now: Timestamp) -> Result<(), StoreError> {
        // The clock may have been set back since it was tried.
        for at in [&mut settled.again, &mut settled.pause].into_iter().flatten() {
            *at = (*at).min(now.plus(LONGEST_ASKED));
        }
        let lane = self.lanes.iter_mut().find(|lane| lane.name == settled.sink);
        if let Some((until, lane)) = settled.pause.zip(lane) {
            lane.paused = lane.paused.max(until);
        }
        self.unsettled.push_back((settled, now));
        self.settle(store)
    }

    fn settle(&mut self, store: &mut Store) -> Result<(), StoreError> {
        while let Some((settled, at)) = self.unsettled.front() {
            let outcome = match &settled.failure {
                None => Ok(settled.note.as_str()),
                Some(says) => Err((says.as_str(), settled.again)),
            };
            store.settle(settled.delivery.id, outcome, Attempt { at: *at, took: settled.took })?;
            let (sink, id) = (settled.sink.clone(), settled.delivery.id);
            self.unsettled.pop_front();
            if let Some(lane) = self.lanes.iter_mut().find(|lane| lane.name == sink) {
                lane.under_way.remove(&id);
            }
        }
        Ok(())
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
    let base = Settled {
        sink: name,
        kind: sink.kind(),
        note: String::new(),
        took,
        failure: None,
        again: None,
        pause: None,
        delivery,
    };
    match outcome {
        Ok(note) => Settled { note, ..base },
        Err(SinkError::Reject(says)) => Settled { failure: Some(says), ..base },
        Err(SinkError::Retry { says, after }) => {
            let (tries, seed) = (base.delivery.attempts + 1, base.delivery.id.unsigned_abs());
            let again = Some(next_attempt(tries, now, seed, after));
            let pause = after.map(|after| now.plus(after.min(LONGEST_ASKED)));
            Settled { failure: Some(says), again, pause, ..base }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::sinks::{Format, Jsonl, JsonlSettings};

    const NOW: Timestamp = Timestamp::from_seconds(1_000_000);

    /// A sink that writes to a file, and a store in which a delivery for it waits that is `due`.
    fn home(due: Timestamp) -> (tempfile::TempDir, Store, Deliveries, crossbeam_channel::Receiver<Ask>) {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("alerts.jsonl");
        let settings = JsonlSettings { path, format: Format::Native, at_least: None, rotate_bytes: None };
        let outlet = Outlet { name: "file".into(), sink: AnySink::Jsonl(Jsonl::new(settings)), at_least: None };
        let (to, asks) = crossbeam_channel::bounded(9);
        let clock = crate::clock::Clock::fixed(NOW);
        let deliveries = Deliveries::new(vec![outlet], (Vec::new(), None), Handle::current(), to, clock);
        let mut store = Store::open(&home.path().join("data")).unwrap();
        let outbox = vec![Delivery::new("file", "a:1", "{}".into(), due)];
        store.commit(&Epoch { outbox, ..Epoch::default() }).unwrap();
        (home, store, deliveries, asks)
    }

    fn failed(pause: Option<Timestamp>) -> Settled {
        let delivery = Delivery { id: 77, ..Delivery::new("file", "b:1", String::new(), NOW) };
        let (failure, note) = (Some("429".to_owned()), String::new());
        let (sink, kind, took) = ("file".into(), "jsonl", Duration::ZERO);
        Settled { sink, kind, delivery, note, took, failure, again: pause, pause }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_receiver_that_asks_to_be_left_alone_is_by_all_deliveries() {
        let (_home, mut store, mut deliveries, asks) = home(NOW);
        let later = NOW.plus(Duration::from_mins(5));
        deliveries.settled(&mut store, failed(Some(later)), NOW).unwrap();
        deliveries.start(&mut store, NOW).unwrap();
        assert!(deliveries.lanes[0].under_way.is_empty());
        deliveries.start(&mut store, later).unwrap();
        assert_eq!(deliveries.lanes[0].under_way.len(), 1);
        let Ok(Ask::Settled(settled)) = asks.recv_timeout(Duration::from_mins(1)) else { panic!("it is not made") };
        assert_eq!((settled.failure.as_deref(), settled.pause), (None, None));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_clock_that_was_set_back_holds_no_delivery() {
        let day = NOW.plus(Duration::from_hours(24));
        // While it runs, and over a restart.
        for before in [Some(day), None] {
            let (_home, mut store, mut deliveries, _asks) = home(day.plus(Duration::from_mins(1)));
            deliveries.looked = before;
            deliveries.lanes[0].paused = before.unwrap_or(NOW);
            deliveries.start(&mut store, NOW).unwrap();
            assert_eq!(deliveries.lanes[0].under_way.len(), 1);
        }
        // What waits its turn goes on waiting.
        let (_home, mut store, mut deliveries, _asks) = home(NOW.plus(Duration::from_mins(10)));
        for seconds in [0, 5, 4] {
            deliveries.start(&mut store, NOW.plus(Duration::from_secs(seconds))).unwrap();
        }
        assert!(deliveries.lanes[0].under_way.is_empty());
    }

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
