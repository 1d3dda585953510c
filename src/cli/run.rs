//! `gatewatch run`: puts the daemon together and runs it until it is told to stop.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use crossbeam_channel::{Receiver, Sender, bounded};
use tokio::runtime::Runtime;

use crate::alerts::{Alert, AlertId, AlertState, MuteRules, Mutes};
use crate::clock::Clock;
use crate::config::Config;
use crate::dashboard::{Board, Changes};
use crate::metrics::Metrics;
use crate::pipeline::{
    Ask, BACKLOG, Backlog, Core, Crew, Daemon, DaemonParts, DaemonSettings, Deliveries, FromSource, HELD_BACK,
    Offering, Orders, Outputs, SourceInfo, Watch, supervise,
};
use crate::sinks::Dispatcher;
use crate::sources::ResumePoints;
use crate::store::{RESTORED, Reader, Recovered, Store, StreamPosition};
use crate::telemetry::{StreamId, StreamName, Streams};

use super::anew::Turns;
use super::args::Run;
use super::carried;
use super::detector_files::{Files, GoingBy};
use super::serving::{Serving, pages};
use super::shown::{Origin, board};
use super::sources::{self, Opened};
use super::talk::{Failure, say};
use super::{around, posture, setup};

/// Batches that wait between the sources and the workers.
const BATCHES_WAITING: usize = 4;
/// Asks of pages and deliveries that wait for the coordinator.
const ASKS_WAITING: usize = 256;

/// Runs the daemon as configured.
pub fn run(options: &Run) -> Result<ExitCode, Failure> {
    let config = setup::config(options.config.as_deref())?;
    let (missing, text) = setup::missing(options.config.as_deref());
    if !missing.is_empty() {
        return Err(setup::complain(&missing, &text));
    }
    setup::unread(options.config.as_deref())?;
    if config.sources.is_empty() {
        return Err(Failure::Config(
            "no source is configured, so there is nothing to read. Make a configuration with `gatewatch config generate > gatewatch.toml`, \
             fill in where the logs come from, and start with --config gatewatch.toml. To just look around: gatewatch demo"
                .into(),
        ));
    }
    let data = setup::data(options.data.as_deref(), &config);
    if let Some(says) = super::config::passing(&config) {
        setup::note(&says);
    }
    let scheme = if config.dashboard.tls.is_some() { "https" } else { "http" };
    let origin = Origin::of(options.config.as_deref(), options.data.is_some());
    daemon((&config, origin), &data, &Clock::system(), |address| {
        say(&format!("Gatewatch runs. Dashboard: {scheme}://{address}/"));
    })
}

/// Runs a daemon with its data in `data`; `ready` hears the dashboard's address once it listens.
pub fn daemon(
    (config, origin): (&Config, Origin),
    data: &Path,
    clock: &Clock,
    ready: impl FnOnce(SocketAddr),
) -> Result<ExitCode, Failure> {
    logging();
    // A provider that is there already is as good.
    drop(rustls::crypto::ring::default_provider().install_default());
    // Before anything is begun that is to be ended in order.
    let turns = Turns::begin()?;
    let mut going_by = Some(Files::begin(config, clock)?);
    let mut ready = Some(ready);
    loop {
        let ready = |address| {
            if let Some(ready) = ready.take() {
                ready(address);
            }
        };
        // What could not be gone by when it was taken up is read again.
        let by = going_by.take().map_or_else(|| Files::begin(config, clock), Ok);
        match by.and_then(|by| turn((config, origin.clone()), data, clock, (by, &turns), ready)) {
            Ok(ended) => match (ended?, turns.next()) {
                (_, Some(next)) => going_by = Some(next),
                (durable, None) => return farewell(durable),
            },
            // One that was running a moment ago is begun again; one that broke off while it ran ends the process.
            Err(failure) if turns.is_later() => turns.wait(failure)?,
            Err(failure) => return Err(failure),
        }
    }
}

/// Runs it with one set of detectors; returns whether all that was read is durable, or why it broke off. What keeps it
/// from beginning is an error of its own.
fn turn(
    (config, origin): (&Config, Origin),
    data: &Path,
    clock: &Clock,
    ((catalogue, files), turns): (GoingBy, &Turns),
    ready: impl FnOnce(SocketAddr),
) -> Result<Result<bool, Failure>, Failure> {
    let (reloader, around, intended) = around::begin(config, &catalogue, clock)?;
    let mut store = Store::open(data).map_err(|error| Failure::Io(error.to_string()))?;
    let mut recovered = carried::recover(&mut store, carried::newest_alert(data), config.alerts.cooldown, &catalogue)?;
    let hiding = turns.hiding(|| carried::hiding((config, data), &mut store, &recovered, clock.now()))?;
    carried::carried_over(&mut store, &hiding.keys, &mut recovered.alerts)?;
    let streams = Streams::restore(std::mem::take(&mut recovered.streams));
    let [resume, absorbed] = points(&recovered, &streams);
    let (settings, (kept, backlog)) = (setup::core(config, true), kept(config, &mut recovered, &streams));
    let mut core = Core::new(catalogue.detectors.clone(), streams.clone(), &settings);
    core.restore(recovered, streams.given(), &settings).map_err(|says| {
        Failure::Io(format!("{says}. Restore a backup, or begin afresh with another --data folder."))
    })?;
    let runtime = runtime()?;
    let _inside = runtime.enter();
    let outputs = Outputs::new(sources::outputs(config)?);
    around::tell_unheard(config, &catalogue, &around, hiding.redactor.rules());
    let stage = setup::stage(&hiding, &catalogue, around, !outputs.is_empty(), clock);
    let opened = sources::open(config, data, &hiding.redactor, &streams, (&resume, &absorbed), clock)?;
    let (infos, (to_asks, asks), board) = (infos(&opened), bounded(ASKS_WAITING), Arc::new(board(&catalogue)));
    let metrics = Arc::new(Metrics::new(env!("CARGO_PKG_VERSION")).map_err(|e| Failure::Io(e.to_string()))?);
    let changes = Changes::new(clock.now().millis() as u32);
    let (mutes, deliveries) = telling((&store, &core), (config, &backlog), (&runtime, &to_asks, clock), kept)?;
    let watch = figures((&board, &metrics, &changes, &infos), &core, &deliveries, (config, data));
    watch.detectors_read(files.told(), turns.is_later());
    let known = (config, &catalogue, &stage, &intended);
    let reckon = posture::begin((&runtime, &to_asks, data), known, (&board, &metrics))?;
    around::follow(&runtime, reloader, to_asks.clone(), (&mut core, &stage, clock), (intended, files.sums()))?;
    let (serving, follows) = (Arc::new(Serving::new()), to_asks.clone());
    let shown = (&board, &metrics, &changes, &stage.tap);
    let asked = (to_asks, Arc::new(Offering::new(stage.clone(), catalogue)));
    let address = pages((&runtime, turns, &serving), (config, origin), (data, clock), &streams, shown, asked)?;
    let address_file = setup::leave_address(data, address, &config.dashboard);
    let (batches, orders) = start((&runtime, turns), (opened, core.reopening()), (data, &metrics), clock, &serving)?;
    turns.follow(&runtime, files, follows, serving.clone())?;
    crate::pipeline::heartbeat(&runtime, config.heartbeat.as_ref().map(|h| (h.url.clone(), h.every)), &board, clock);
    let parts = DaemonParts {
        core,
        crew: Crew::new(setup::workers(config), Arc::new(ArcSwap::from_pointee(stage))),
        store,
        streams,
        clock: clock.clone(),
        outputs,
        mutes,
        backlog,
        deliveries,
        watch,
        batches,
        asks,
        orders,
        reckon,
        sources: infos,
        settings: rhythm(config, data),
    };
    ready(address);
    let ended = Daemon::new(parts).run(&turns.stop);
    // One that is left behind leads nowhere, and the next start writes it anew.
    drop(std::fs::remove_file(address_file));
    runtime.block_on(serving.close());
    runtime.shutdown_timeout(Duration::from_secs(3));
    Ok(ended.map_err(|error| Failure::Io(error.to_string())))
}

/// What was kept of who was told what, whether that may not be the newest, and what was held back.
type Kept = (Vec<Vec<u8>>, bool, Option<Vec<u8>>);

/// Takes out what was kept for the dispatcher and the mutes, and what tells old alerts from news.
fn kept(config: &Config, recovered: &mut Recovered, streams: &Streams) -> (Kept, Backlog) {
    let values = &mut recovered.values;
    let dispatch: Vec<Vec<u8>> = Dispatcher::names().filter_map(|name| values.remove(name)).collect();
    let is_behind = dispatch.is_empty() || values.contains_key(RESTORED);
    let (held_back, of_old) = (values.remove(HELD_BACK), values.remove(BACKLOG));
    let most = config.alerts.notify_max_age;
    let (backlog, sound) = Backlog::restored(most, of_old.as_deref(), &recovered.positions, streams);
    if !sound {
        tracing::warn!("which alerts are old is not known any more: what every known stream brings is told");
    }
    ((dispatch, is_behind, held_back), backlog)
}

/// Returns of what nobody is told, and deliveries of the rest; both go on where the newest epoch stood.
fn telling(
    (store, core): (&Store, &Core),
    (config, backlog): (&Config, &Backlog),
    (runtime, to, clock): (&Runtime, &Sender<Ask>, &Clock),
    (dispatch, is_behind, held_back): Kept,
) -> Result<(Mutes, Deliveries), Failure> {
    let open: Vec<Alert> = core.book().alerts().filter(|alert| alert.state != AlertState::Closed).cloned().collect();
    let (silences, hidden) = store.silences().map_err(|error| Failure::Io(error.to_string()))?;
    let rules = MuteRules { inhibit: config.alerts.inhibit.clone(), maintenance: config.alerts.maintenance.clone() };
    let routes = (config.routes.clone(), config.dashboard.external_url.as_deref());
    let outlets = sources::sinks(config, None, clock)?;
    let mut deliveries = Deliveries::new(outlets, routes, runtime.handle().clone(), to.clone(), clock.clone());
    deliveries.resume(&dispatch, is_behind, &open);
    // What was old when it was hidden is not told of once it is not.
    let by_id: BTreeMap<AlertId, &Alert> = open.iter().map(|alert| (alert.id, alert)).collect();
    let was_old = |id, at| by_id.get(&id).is_some_and(|alert| backlog.is_old(alert, at));
    let hidden = hidden.into_iter().filter(|(_, id, at)| !was_old(*id, *at)).map(|(silence, id, _)| (silence, id));
    let mut mutes = Mutes::new(rules, silences, open.iter(), hidden.collect());
    if held_back.is_some_and(|bytes| !mutes.restore(&bytes)) {
        tracing::warn!("which alerts were held back is not known any more: they are told of with their next change");
    }
    Ok((mutes, deliveries))
}

/// Says whether everything read became durable before the end.
fn farewell(durable: bool) -> Result<ExitCode, Failure> {
    if durable {
        say("Gatewatch has stopped; everything read is durable.");
        return Ok(ExitCode::SUCCESS);
    }
    Err(Failure::Io(
        "Gatewatch has stopped, but the last of what it read could not be written: it is read again after the next \
         start. The log says what to mend."
            .into(),
    ))
}

/// Writes the daemon's log to stderr, at the level of `GATEWATCH_LOG` (default `info`).
fn logging() {
    let level = crate::config::variable("GATEWATCH_LOG").unwrap_or_else(|| "info".into());
    let filter = tracing_subscriber::EnvFilter::new(level);
    let to = tracing_subscriber::fmt().with_env_filter(filter).with_target(false).with_writer(std::io::stderr);
    // Another logger is already there only in tests.
    drop(to.with_ansi(super::talk::colored()).try_init());
}

fn runtime() -> Result<Runtime, Failure> {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).thread_name("async").enable_all().build();
    runtime.map_err(|error| Failure::Io(format!("the asynchronous runtime could not be started: {error}")))
}

/// Brings the figures to where they stood before anybody can look at them.
fn figures(
    (board, metrics, changes, infos): (&Arc<Board>, &Arc<Metrics>, &Changes, &[SourceInfo]),
    core: &Core,
    deliveries: &Deliveries,
    (config, data): (&Config, &Path),
) -> Watch {
    let mut watch = Watch::new(board.clone(), metrics.clone(), changes.clone(), infos, core.detectors().all.len());
    watch.warn_before = around::warn_before(config);
    watch.totals(core);
    let waiting = Reader::open(data).and_then(|reader| reader.waiting());
    deliveries.show(&mut watch, &waiting.unwrap_or_default());
    watch
}

fn infos(opened: &[Opened]) -> Vec<SourceInfo> {
    opened.iter().map(|source| SourceInfo { name: source.name.clone(), kind: source.source.kind() }).collect()
}

fn rhythm(config: &Config, data: &Path) -> DaemonSettings {
    DaemonSettings {
        silence: config.detection.silence,
        store: config.store.clone(),
        data: data.to_path_buf(),
        reads_first: !config.posture.configured.is_empty(),
    }
}

/// Returns where each stream is to be read on, and up to where it was absorbed.
fn points(recovered: &Recovered, streams: &Streams) -> [ResumePoints; 2] {
    let of: [fn(&StreamPosition) -> i64; 2] = [|position| position.resume, |position| position.absorbed];
    of.map(|which| {
        let named = |position: &StreamPosition| Some(((*streams.name(position.stream)?).clone(), which(position)));
        recovered.positions.iter().filter_map(named).collect::<BTreeMap<StreamName, i64>>()
    })
}

type Started = (Receiver<FromSource>, Vec<tokio::sync::watch::Sender<Orders>>);

fn start(
    (runtime, turns): (&Runtime, &Turns),
    (opened, reopening): (Vec<Opened>, Vec<(StreamId, i64)>),
    (data, metrics): (&Path, &Arc<Metrics>),
    clock: &Clock,
    serving: &Serving,
) -> Result<Started, Failure> {
    let (to, batches) = bounded(BATCHES_WAITING);
    let mut orders = Vec::new();
    for (number, Opened { source, open, http, .. }) in opened.into_iter().enumerate() {
        let (order, listen) = tokio::sync::watch::channel(Orders { reopening: reopening.clone(), ..Orders::default() });
        orders.push(order);
        if let Some(http) = http {
            sources::listen((runtime, turns, serving), http, (data, metrics), clock)?;
        }
        runtime.spawn(supervise(number, source, open, to.clone(), listen));
    }
    Ok((batches, orders))
}
