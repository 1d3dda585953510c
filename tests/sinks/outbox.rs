//! The pipeline's own outbox and deliveries, with the later times told instead of waited for.

use std::time::Duration;

use crossbeam_channel::{Receiver, bounded};
use gatewatch::alerts::Transition;
use gatewatch::clock::{Clock, Timestamp};
use gatewatch::pipeline::{Ask, Deliveries, Settled};
use gatewatch::sinks::{Audience, Outlet, Route, sample_streams};
use gatewatch::store::{Epoch, Reader, Store};
use tokio::runtime::Runtime;

/// What is under way may take this long on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);

pub struct Outbox {
    folder: tempfile::TempDir,
    store: Store,
    deliveries: Deliveries,
    asks: Receiver<Ask>,
    runtime: Runtime,
    now: Timestamp,
}

impl Outbox {
    pub fn new(outlets: Vec<Outlet>, routes: Vec<Route>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let (to, asks) = bounded(64);
        let clock = Clock::system();
        let now = clock.now();
        let external = Some("https://watch.example.com");
        let deliveries = Deliveries::new(outlets, (routes, external), runtime.handle().clone(), to, clock);
        Self { folder, store, deliveries, asks, runtime, now }
    }

    /// Tells of transitions, one epoch each, and of what waited to be told together.
    pub fn tell(&mut self, transitions: &[Transition]) {
        for transition in transitions {
            self.epoch(vec![transition.clone()]);
        }
        self.now = self.now.plus(Duration::from_mins(5));
        if self.deliveries.is_due(self.now) {
            self.epoch(Vec::new());
        }
    }

    fn epoch(&mut self, transitions: Vec<Transition>) {
        let transitions = transitions.into_iter().map(|transition| (transition, self.now)).collect();
        let mut epoch = Epoch { transitions, ..Epoch::default() };
        // These alerts are of long ago, and meant to be told.
        self.deliveries.fill(&mut epoch, &sample_streams(), self.now, |_| Audience::All, |_| None);
        self.store.commit(&epoch).unwrap();
    }

    /// Delivers until nothing waits; returns what became of each attempt.
    pub fn deliver(&mut self) -> Vec<Settled> {
        let mut all = Vec::new();
        while Reader::open(self.folder.path()).unwrap().waiting().unwrap().iter().any(|(_, waiting)| *waiting > 0) {
            assert!(all.len() < 100, "it never arrives: {:?}", all.last());
            all.push(self.attempt());
        }
        all
    }

    /// Makes one attempt; returns what became of it.
    pub fn attempt(&mut self) -> Settled {
        self.deliveries.start(&mut self.store, self.now).unwrap();
        let Ok(Ask::Settled(settled)) = self.asks.recv_timeout(PATIENCE) else { panic!("no delivery is under way") };
        self.deliveries.settled(&mut self.store, settled.clone(), self.now).unwrap();
        // Later than any wait.
        self.now = self.now.plus(Duration::from_hours(2));
        settled
    }

    pub fn data(&self) -> &std::path::Path {
        self.folder.path()
    }

    pub fn runtime(&self) -> &Runtime {
        &self.runtime
    }
}

/// Keys and outcomes of attempts, in order.
pub fn outcomes(settled: &[Settled]) -> Vec<(&str, &'static str)> {
    settled.iter().map(|one| (one.delivery.key.as_str(), one.outcome_word())).collect()
}
