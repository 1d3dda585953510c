//! How much of a labelled world do the shipped detectors see, how often do they cry wolf, and how
//! soon do they speak?
//!
//! Weeks of a fleet (`gatewatch simulate --weeks`) go through the whole path, seed after seed, on one
//! thread. Each alert is held against the labels; what it says is in `docs/detection-bench.md`. Run:
//! `./dev bench detection`, or `./dev bench detection seeds=3 from=1 weeks=2 threads=2 detectors=DIR`
//! for fewer seeds, fewer weeks, more threads and other detectors; and `missed`, `false` or `all` for
//! each attack that was missed, each alert that was false, every alert.

#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_macros,
    clippy::print_stdout,
    reason = "a benchmark measures time and prints"
)]
#![expect(clippy::unwrap_used, reason = "a benchmark that can't be set up has nothing to say")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bumpalo::Bump;
use gatewatch::alerts::{Alert, AlertId, Change, Level, Transition};
use gatewatch::clock::{Clock, Timestamp};
use gatewatch::context::{ClientSettings, InventorySettings, Topology};
use gatewatch::detection::Catalogue;
use gatewatch::pipeline::{Core, CoreSettings, Stage};
use gatewatch::redaction::{KeyRing, Redactor, Settings};
use gatewatch::simulate::{Label, Weeks, World};
use gatewatch::telemetry::{Batch, StreamId, StreamName, Streams};

const BATCH_BYTES: usize = 256 * 1024;
/// An alert that comes so long after an attack's end still is about it.
const GRACE: Duration = Duration::from_hours(1);
/// An alert that names an attacker within a day of the attack is not false, whatever it says.
const AFTERMATH: Duration = Duration::from_hours(24);
const APPS: usize = 6;

/// What whoever runs this fleet has told Gatewatch of it; all else is as it is shipped.
const TOLD: &str = r#"
[gateways.apim-shop]
addresses = ["203.0.113.251"]
[gateways.apim-partner]
addresses = ["203.0.113.252"]
[apps.orders-api]
behind = ["apim-shop"]
[apps.catalog-api]
behind = ["apim-shop"]
[apps.payments-fn]
behind = ["apim-partner"]
[apps.partner-api]
behind = ["apim-partner"]
"#;

/// One moment at which somebody was told: an alert opened, or opened again.
struct Telling {
    at: Timestamp,
    id: AlertId,
}

/// How one attack of one world went.
struct Outcome {
    name: String,
    family: String,
    /// The first right alert: after how long, by which detector.
    found: Option<(Duration, Arc<str>)>,
}

#[derive(Default)]
struct Results {
    outcomes: Vec<Outcome>,
    /// Alerts of medium and more that are about no attack: detector, level, app or gateway, sentence.
    wrong: Vec<(Arc<str>, Level, String)>,
    /// All alerts of medium and more.
    loud: usize,
    records: u64,
}

fn main() {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let number = |name: &str, usual: u64| {
        words.iter().find_map(|word| word.strip_prefix(name)?.strip_prefix('=')?.parse().ok()).unwrap_or(usual)
    };
    let (seeds, weeks) = (number("seeds", 10), number("weeks", 4));
    let asked = |name: &str| words.iter().any(|word| word == name);
    let began = Instant::now();
    let folder = words.iter().find_map(|word| word.strip_prefix("detectors="));
    let compiled = folder.map_or_else(Catalogue::shipped, |folder| Catalogue::load(folder.as_ref())).unwrap();
    let first = number("from", 1);
    let asked = (asked("missed"), asked("false"), asked("all"));
    let next = std::sync::atomic::AtomicU64::new(first);
    let played = std::sync::Mutex::new(BTreeMap::new());
    std::thread::scope(|scope| {
        for _ in 0..number("threads", 1) {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                    if seed >= first + seeds {
                        break;
                    }
                    let results = play(seed, weeks as u16, &compiled, asked);
                    played.lock().unwrap().insert(seed, results);
                }
            });
        }
    });
    let mut results = Results::default();
    for (_, of_seed) in played.into_inner().unwrap() {
        results.outcomes.extend(of_seed.outcomes);
        results.wrong.extend(of_seed.wrong);
        results.loud += of_seed.loud;
        results.records += of_seed.records;
    }
    results.print(seeds * weeks, began.elapsed());
}

/// Plays one world, and holds what was told against its labels.
fn play(seed: u64, weeks: u16, compiled: &Catalogue, (missed, wrong, all): (bool, bool, bool)) -> Results {
    let mut results = Results::default();
    let start = Timestamp::parse_rfc3339("2026-03-02T00:00:00Z").unwrap();
    let world = World::of_weeks(Weeks { seed, start, weeks, attacks: Vec::new(), clean: false }).unwrap();
    let labels = world.labels();
    let (tellings, alerts, records) = told(world, compiled);
    results.records += records;
    for label in labels.iter().filter(|label| !label.incident) {
        let right = tellings.iter().find(|telling| found(telling, &alerts[&telling.id], label));
        let found = right.map(|telling| (telling.at.since(label.start), alerts[&telling.id].detector.clone()));
        if missed && found.is_none() {
            println!("seed {seed}: missed {} ({} to {}, {})", label.name, label.start, label.end, label.entity);
        }
        results.outcomes.push(Outcome { name: label.name.clone(), family: label.family.clone(), found });
    }
    for telling in &tellings {
        let alert = &alerts[&telling.id];
        if all {
            println!("seed {seed}: told {} {} {}: {}", telling.at, alert.level, alert.detector, alert.why);
        }
        if alert.level < Level::Medium {
            continue;
        }
        results.loud += 1;
        if labels.iter().any(|label| concerns(telling, alert, label)) {
            continue;
        }
        if wrong {
            println!("seed {seed}: {} {} {}: {}", telling.at, alert.level, alert.detector, alert.why);
        }
        results.wrong.push((alert.detector.clone(), alert.level, alert.app.as_deref().unwrap_or("-").into()));
    }
    results
}

/// Returns who was told what and when, in order, each alert as it ended, and how many records there were.
fn told(world: World, compiled: &Catalogue) -> (Vec<Telling>, BTreeMap<AlertId, Alert>, u64) {
    let keys = KeyRing::from_text("k1 AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=").unwrap();
    let told: InventorySettings = toml::from_str(TOLD).unwrap();
    let stage = Stage {
        redactor: Arc::new(Redactor::new(&keys, &Settings::default()).unwrap()),
        topology: Topology::new(&ClientSettings::default(), &told.apps, &told.gateways),
        context: Arc::default(),
        tap: gatewatch::dashboard::Tap::default(),
        matcher: compiled.matcher(keys.siphash_key()),
        content_seed: keys.content_key(),
        keep_redacted: false,
        clock: Clock::system(),
    };
    let streams = Streams::restore(vec![StreamName { source: "bench".into(), topic: "bench".into(), partition: 0 }]);
    let mut core = Core::new(compiled.detectors.clone(), streams, &CoreSettings::replay());
    let (mut tellings, mut alerts) = (Vec::new(), BTreeMap::new());
    let mut keep = |transitions: Vec<Transition>| {
        for transition in transitions {
            let alert = transition.alert();
            match &transition {
                Transition::Opened(_) => tellings.push(Telling { at: alert.opened_at, id: alert.id }),
                // Somebody is told that it is back, or worse than it was.
                Transition::Updated(_, Change::Reopened | Change::Raised { .. }) => {
                    tellings.push(Telling { at: alert.last_seen, id: alert.id });
                }
                _ => {}
            }
            alerts.insert(alert.id, alert.clone());
        }
    };
    let (mut arena, mut batch) = (Bump::new(), Batch::default());
    for (offset, message) in (0_i64..).zip(world) {
        batch.push(&message.bytes, StreamId(0), offset, offset + 1, None);
        if batch.bytes.len() >= BATCH_BYTES {
            core.absorb(stage.work(&std::mem::take(&mut batch), &mut arena));
            keep(core.tick());
        }
    }
    core.absorb(stage.work(&batch, &mut arena));
    keep(core.tick());
    keep(core.finish());
    let accounting = core.accounting();
    alerts.extend(core.book().alerts().map(|alert| (alert.id, alert.clone())));
    tellings.sort_by_key(|telling| (telling.at, telling.id));
    (tellings, alerts, accounting.records)
}

/// Tells whether whoever was told then knows of the attack: in time, of its family, bad enough.
fn found(telling: &Telling, alert: &Alert, label: &Label) -> bool {
    within(telling, label, GRACE)
        && Level::ALL.iter().any(|level| level.name() == label.min_level && alert.level >= *level)
        && of_family(alert, label)
        && if label.entity.is_empty() { same_app(alert, label) } else { names(alert, label) }
}

/// Tells whether the alert is right, or at least about somebody who did attack then: an attack of
/// minutes at one app excuses what is said of that app in the same hour.
fn concerns(telling: &Telling, alert: &Alert, label: &Label) -> bool {
    if label.incident {
        let right = label.detectors.iter().any(|id| **id == *alert.detector);
        return right && within(telling, label, GRACE);
    }
    let short = label.end.since(label.start) <= GRACE;
    let here = alert.app.is_some() && alert.app.as_deref() == label.app.as_deref();
    let meant = label.entity.is_empty() && of_family(alert, label) && same_app(alert, label);
    within(telling, label, AFTERMATH) && !label.entity.is_empty() && names(alert, label)
        || within(telling, label, GRACE) && (meant || short && here)
}

fn within(telling: &Telling, label: &Label, after: Duration) -> bool {
    label.start <= telling.at && telling.at <= label.end.plus(after)
}

fn of_family(alert: &Alert, label: &Label) -> bool {
    label.also.iter().chain([&label.family]).any(|family| alert.families().any(|seen| family == seen.name()))
}

fn same_app(alert: &Alert, label: &Label) -> bool {
    alert.app.as_deref().is_none_or(|app| label.app.as_deref().is_none_or(|expected| app == expected))
}

fn names(alert: &Alert, label: &Label) -> bool {
    // What ends in a colon is the beginning of several addresses.
    let is = |value: &str| value == label.entity || label.entity.ends_with(':') && value.starts_with(&label.entity);
    alert.entities.iter().chain([&alert.entity]).any(|entity| is(&entity.value))
}

impl Results {
    fn print(&self, app_weeks: u64, took: Duration) {
        let found: Vec<Duration> = self.outcomes.iter().filter_map(|outcome| Some(outcome.found.as_ref()?.0)).collect();
        let app_weeks = app_weeks as f64 * APPS as f64;
        println!("records                                   {:>10}", self.records);
        println!("seconds                                   {:>10.0}", took.as_secs_f64());
        println!("attacks                                   {:>10}", self.outcomes.len());
        println!("attacks found, %                          {:>10.1}", percent(found.len(), self.outcomes.len()));
        println!("alerts of medium and more                 {:>10}", self.loud);
        println!("false ones for each app and week          {:>10.2}", self.wrong.len() as f64 / app_weeks);
        println!("delay, median, seconds                    {:>10}", quantile(&found, 50));
        println!("delay, p90, seconds                       {:>10}", quantile(&found, 90));
        println!();
        println!("{:<36} {:<19} {:>9} {:>9}  first seen by", "attack", "family", "found", "delay, s");
        let mut by_name: BTreeMap<(&str, &str), Vec<&Outcome>> = BTreeMap::new();
        for outcome in &self.outcomes {
            by_name.entry((&outcome.family, &outcome.name)).or_default().push(outcome);
        }
        for ((family, name), of) in by_name {
            let found: Vec<&(Duration, Arc<str>)> = of.iter().filter_map(|outcome| outcome.found.as_ref()).collect();
            let delays: Vec<Duration> = found.iter().map(|(delay, _)| *delay).collect();
            let mut by: Vec<&str> = found.iter().map(|(_, by)| &**by).collect();
            by.sort_unstable();
            by.dedup();
            let rate = format!("{}/{}", found.len(), of.len());
            println!("{name:<36} {family:<19} {rate:>9} {:>9}  {}", quantile(&delays, 50), by.join(", "));
        }
        println!();
        println!("{:<46} {:<8} {:>6} {:>14}", "false alerts by detector", "level", "alerts", "an app's week");
        let mut by_detector: BTreeMap<(&str, Level), usize> = BTreeMap::new();
        for (detector, level, _) in &self.wrong {
            *by_detector.entry((detector, *level)).or_default() += 1;
        }
        let mut rows: Vec<_> = by_detector.into_iter().collect();
        rows.sort_by_key(|&(key, times)| (std::cmp::Reverse(times), key));
        for ((detector, level), times) in rows {
            println!("{detector:<46} {:<8} {times:>6} {:>14.3}", level.name(), times as f64 / app_weeks);
        }
        let mut by_app: BTreeMap<&str, usize> = BTreeMap::new();
        self.wrong.iter().for_each(|(_, _, app)| *by_app.entry(app).or_default() += 1);
        println!();
        println!("false alerts by app: {by_app:?}");
    }
}

fn percent(part: usize, of: usize) -> f64 {
    100.0 * part as f64 / of.max(1) as f64
}

/// Returns the delay that so many in a hundred do not exceed, in seconds; `-` of none.
fn quantile(delays: &[Duration], percent: usize) -> String {
    let mut sorted = delays.to_vec();
    sorted.sort_unstable();
    let at = (sorted.len() * percent).div_ceil(100).saturating_sub(1);
    sorted.get(at).map_or_else(|| "-".into(), |delay| format!("{:.0}", delay.as_secs_f64()))
}
