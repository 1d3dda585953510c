//! What serves people and senders while a daemon runs, and how it ends: what was begun is answered first.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use crossbeam_channel::Sender;
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::alerts::Alert;
use crate::clock::Clock;
use crate::config::Config;
use crate::dashboard::{Bench, Board, Changes, Offers, Parts, Tap};
use crate::metrics::Metrics;
use crate::pipeline::{Ask, Offering};
use crate::telemetry::Streams;

use super::anew::Turns;
use super::shown::{Origin, configured};
use super::talk::Failure;

/// What listens in one run.
#[derive(Debug)]
pub struct Serving {
    end: Mutex<Option<watch::Sender<()>>>,
    ending: watch::Receiver<()>,
    tasks: Mutex<Vec<JoinHandle<()>>>,
    /// Who comes second waits until the first has seen everything end.
    closing: tokio::sync::Mutex<()>,
}

impl Serving {
    /// Returns one that serves nobody yet.
    pub fn new() -> Self {
        let (end, ending) = watch::channel(());
        Self { end: Mutex::new(Some(end)), ending, tasks: Mutex::default(), closing: tokio::sync::Mutex::default() }
    }

    /// Returns what ends when nothing more is to be taken in.
    pub fn ending(&self) -> impl Future<Output = ()> + Send + 'static {
        let mut ending = self.ending.clone();
        async move {
            // It never speaks: its other end is dropped.
            while ending.changed().await.is_ok() {}
        }
    }

    /// Adds something that serves until then.
    pub fn add(&self, task: JoinHandle<()>) {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner).push(task);
    }

    /// Takes nothing more in and waits for what is under way: within two seconds, whoever is still connected.
    pub async fn close(&self) {
        drop(self.end.lock().unwrap_or_else(PoisonError::into_inner).take());
        let _first = self.closing.lock().await;
        let tasks = std::mem::take(&mut *self.tasks.lock().unwrap_or_else(PoisonError::into_inner));
        for task in tasks {
            // How it ended has been logged.
            drop(task.await);
        }
    }
}

/// Serves the pages; returns where.
pub fn pages(
    (runtime, turns, serving): (&Runtime, &Turns, &Serving),
    (config, origin): (&Config, Origin),
    (data, clock): (&Path, &Clock),
    streams: &Streams,
    (board, metrics, changes, tap): (&Arc<Board>, &Arc<Metrics>, &Changes, &Tap),
    (to, offering): (Sender<Ask>, Arc<Offering>),
) -> Result<SocketAddr, Failure> {
    let (tokens, ways) = turns.door(config, data, clock)?;
    let (tls, proxies) = (ways.tls.clone(), ways.proxies.clone());
    let listen = config.dashboard.listen;
    let listener = turns.listen("the dashboard", listen).map_err(|error| {
        Failure::Io(format!("the dashboard can't listen on {listen}: {error}. Choose another address with listen in [dashboard], or stop what holds it."))
    })?;
    let address = listener.local_addr().unwrap_or(listen);
    let (commands, mut asked) = tokio::sync::mpsc::channel::<crate::dashboard::Ask>(64);
    runtime.spawn(async move {
        while let Some(ask) = asked.recv().await {
            let ask = Ask::Deed(ask.deed, ask.origin, ask.reply);
            if tokio::task::block_in_place(|| to.send(ask).is_err()) {
                return;
            }
        }
    });
    runtime.spawn(super::token_file::follow(tokens.clone(), board.clone(), clock.clone()));
    let parts = Parts {
        board: board.clone(),
        data: data.to_path_buf(),
        commands,
        changes: changes.clone(),
        tap: tap.clone(),
        tokens,
        sessions: turns.sessions.clone(),
        clock: clock.clone(),
        streams: streams.clone(),
        metrics: metrics.clone(),
        bench: bench(&offering, clock),
        hide: offering.hide(),
        open_metrics: config.dashboard.open_metrics,
        offers: Offers::new(move |alert, asker| offering.offer(alert, asker)),
        settings: configured(config, data, origin),
        native: |alert: &Alert, streams: &Streams| crate::sinks::native(alert, streams),
        listen: address,
        external_url: config.dashboard.external_url.clone(),
        hosts: config.dashboard.hosts.clone(),
    };
    let router = crate::dashboard::router_with(parts, ways).map_err(Failure::Config)?;
    if let Some(why) = tls.as_ref().and_then(|tls| tls.exposed()) {
        tracing::warn!("{why}");
    }
    tls.clone().map(|tls| runtime.spawn(super::certificate::follow(tls)));
    let ending = serving.ending();
    serving.add(runtime.spawn(async move {
        if let Err(error) = crate::dashboard::serve_with(listener, router, (tls, proxies), ending).await {
            tracing::error!("the dashboard stopped: {error}");
        }
    }));
    Ok(address)
}

/// Returns what answers questions about detectors' files.
fn bench(offering: &Arc<Offering>, clock: &Clock) -> Bench {
    let (lights, tries, clock) = (offering.clone(), offering.clone(), clock.clone());
    Bench::new(move |alert| lights.lit(alert), move |id, text| tries.attempt(id, text, &clock))
}
