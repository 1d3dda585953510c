//! What do two cores, a thousand Sigma rules more, and many different values cost the engine?
//!
//! Everything in one run: the whole path on one thread and on two, beside `serde_json::Value` on one; the whole path
//! with 1,000 made-up Sigma rules beside the path without them; an event of a `distinct` with 100 and with 100,000
//! different values in its window; and an event of a Sigma `value_count` with 5,000. One thread is measured by the
//! processor time that it had, two by the clock on the wall: look at how busy they were before you believe it on a
//! machine that others use. Each figure is the best of several rounds, all interleaved. Run: `./dev bench engine`, or
//! `cargo bench --bench engine -- threads` for one part: `threads`, `rules`, `distinct` or `values`.

#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_macros,
    clippy::print_stdout,
    reason = "a benchmark measures time and prints"
)]
#![expect(clippy::unwrap_used, reason = "a benchmark that can't be set up has nothing to say")]

mod sets;
#[path = "sets/sigma.rs"]
mod sigma;

use std::collections::BTreeMap;
use std::hint::black_box;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use bumpalo::Bump;
use gatewatch::clock::{Timestamp, Watermarks};
use gatewatch::detection::sigma::{Placeholders, Rules};
use gatewatch::detection::{Catalogue, Engine, Signal, Told};
use gatewatch::pipeline::{Core, CoreSettings, Crew, Stage};
use gatewatch::telemetry::{Batch, StreamId};
use sets::{SETS, Set, fill, keys, redactor, spent, stage, streams};

const ROUNDS: usize = 7;
const RULES: usize = 1_000;
/// Events in the window of the detector that counts different values.
const WINDOW: usize = 100_000;
/// Different values in the window of each group of a correlation, and how many groups there are.
const VALUES: usize = 5_000;
const GROUPS: usize = 4;

fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).collect();
    let asked = |part: &str| wanted.is_empty() || wanted.iter().any(|word| word == part);
    for (name, set) in SETS.iter().filter(|(name, _)| matches!(*name, "messages" | "records")) {
        if !asked("threads") && !asked("rules") {
            continue;
        }
        let set = set();
        if asked("threads") {
            println!("\n{name}: the whole path beside serde_json::Value on one thread");
            threads(&set);
        }
        if asked("rules") {
            println!("\n{name}: the whole path with {RULES} Sigma rules more");
            more_rules(&set);
        }
    }
    if asked("distinct") {
        println!("\ndistinct: {WINDOW} events in the window of one entity");
        distinct();
    }
    if asked("values") {
        println!("\nvalue_count: the whole path, {GROUPS} groups");
        values();
    }
}

fn row(what: &str, took: Duration, events: usize, compared: &str) {
    let seconds = took.as_secs_f64();
    let (rate, each) = (events as f64 / seconds, seconds * 1e6 / events as f64);
    println!("  {what:<34} {rate:>12.0} records/s {each:>9.3} µs each   {compared}");
}

fn threads(set: &Set) {
    let shipped = Catalogue::shipped().unwrap();
    let stage = path_of(&shipped);
    let [mut value, mut one, mut two, mut busy] = [Duration::MAX; 4];
    let start = Instant::now();
    for _ in 0..ROUNDS {
        let began = spent(start);
        for batch in &set.batches {
            (0..batch.messages.len())
                .for_each(|n| drop(black_box(serde_json::from_slice::<serde_json::Value>(batch.message(n)))));
        }
        value = value.min(spent(start).saturating_sub(began));
        one = one.min(whole(set, &stage, &shipped));
        let (took, had) = on_two(set, &stage, &shipped);
        if took < two {
            (two, busy) = (took, had);
        }
    }
    let times = |took: Duration, goal: &str| format!("{:.2} × Value{goal}", value.as_secs_f64() / took.as_secs_f64());
    let goal = if set.name == "messages" { " (goal 3.0)" } else { " (goal 2.4)" };
    row("serde_json::Value", value, set.records, "");
    row("one thread", one, set.records, &times(one, ""));
    let cores = busy.as_secs_f64() / two.as_secs_f64();
    row("two threads, wall clock", two, set.records, &format!("{}, {cores:.2} cores busy", times(two, goal)));
}

fn more_rules(set: &Set) {
    let made = Rules::build(&sigma::rules(RULES), &Placeholders::new());
    assert!(made.refused.is_empty() && made.silent.is_empty(), "{:?} {:?}", made.refused, made.silent);
    let without = Catalogue::shipped().unwrap();
    let with = without.clone().with_sigma(&made).unwrap();
    let [plain, more] = [&without, &with].map(path_of);
    let mut best = [Duration::MAX; 2];
    for _ in 0..ROUNDS {
        best[0] = best[0].min(whole(set, &plain, &without));
        best[1] = best[1].min(whole(set, &more, &with));
    }
    let of = with.detectors.all.len() - without.detectors.all.len();
    row("without", best[0], set.records, "");
    let ratio = best[1].as_secs_f64() / best[0].as_secs_f64();
    let held = of_hundred(set, &more, &with);
    row("with", best[1], set.records, &format!("{ratio:.2} × the time without (goal 2.00); {of} run, {held}"));
}

/// Says how many matches of Sigma rules there are.
fn of_hundred(set: &Set, stage: &Stage, compiled: &Catalogue) -> String {
    let (mut arena, mut matches) = (Bump::new(), 0_usize);
    for batch in &set.batches {
        let worked = stage.work(batch, &mut arena);
        let is_sigma = |signal: &&Signal| compiled.detectors.all[usize::from(signal.detector)].is_sigma();
        matches += worked.signals.iter().filter(is_sigma).count();
    }
    format!("{:.1} matches of a hundred records", matches as f64 * 100.0 / set.records as f64)
}

/// Returns what the whole path takes of one thread.
fn whole(set: &Set, stage: &Stage, compiled: &Catalogue) -> Duration {
    let mut core = Core::new(compiled.detectors.clone(), streams(), &CoreSettings::replay());
    let (mut arena, mut told) = (Bump::new(), Told::default());
    let start = Instant::now();
    let began = spent(start);
    for batch in &set.batches {
        core.absorb(stage.work_on(batch, &mut arena, &mut told));
        black_box(core.tick());
    }
    spent(start).saturating_sub(began)
}

/// Returns what the whole path takes on the wall clock as `replay --threads 2` runs it, and how much of a
/// processor all threads together had.
fn on_two(set: &Set, stage: &Stage, compiled: &Catalogue) -> (Duration, Duration) {
    let mut core = Core::new(compiled.detectors.clone(), streams(), &CoreSettings::replay());
    let batches: Vec<Batch> = set.batches.iter().map(copy).collect();
    let mut crew = Crew::new(2, Arc::new(ArcSwap::from_pointee(stage.clone())));
    let (start, began) = (Instant::now(), spent_by_all());
    for batch in batches {
        crew.submit(batch);
        while !crew.has_room() {
            core.absorb(crew.take().unwrap());
            black_box(core.tick());
        }
    }
    while let Some(worked) = crew.take() {
        core.absorb(worked);
        black_box(core.tick());
    }
    (start.elapsed(), spent_by_all().saturating_sub(began))
}

fn copy(batch: &Batch) -> Batch {
    Batch { bytes: batch.bytes.clone(), messages: batch.messages.clone(), marks: batch.marks.clone() }
}

/// Returns the time that all threads which run now have had a processor; nothing where Linux does not say it.
fn spent_by_all() -> Duration {
    let threads = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let told = threads.filter_map(|thread| std::fs::read_to_string(thread.path().join("schedstat")).ok());
    told.filter_map(|told| told.split(' ').next()?.parse().ok()).map(Duration::from_nanos).sum()
}

/// One app that is called from many addresses.
const CALLERS: &str = "id: probing.callers\ntitle: Callers\nlevel: low\nthreat: key-theft\n\
    attack: { version: \"18\", techniques: [T1110] }\nneeds: [http.request]\nwhy: made up\ntriage: none\n\
    false_alarms: none\nsays: '{entity} did it'\nwhen: { kind: http.request }\n\
    distinct: { count: source.ip, by: app, more_than: 200000, within: 1h }\n";

fn distinct() {
    let files = BTreeMap::from([("probing/callers.yaml".to_owned(), CALLERS.to_owned())]);
    let compiled = Catalogue::build(&files).unwrap_or_else(|problems| panic!("{problems:?}"));
    let stage = path_of(&compiled);
    let sizes = [100, WINDOW];
    let signals = sizes.map(|many| signals(&stage, many));
    let mut best = [Duration::MAX; 2];
    for _ in 0..ROUNDS {
        for (best, signals) in best.iter_mut().zip(&signals) {
            *best = (*best).min(counted(&compiled, signals.clone()));
        }
    }
    for (many, took) in sizes.into_iter().zip(best) {
        let ratio = took.as_secs_f64() / best[0].as_secs_f64();
        row(&format!("{many} different"), took, WINDOW, &format!("{ratio:.2} × (goal 1.00)"));
    }
}

/// Returns the signals of two windows of requests from `many` addresses, by batches.
fn signals(stage: &Stage, many: usize) -> Vec<Vec<Signal>> {
    let every = Duration::from_hours(1) / WINDOW as u32;
    let records: Vec<Vec<u8>> = (0..2 * WINDOW).map(|n| request("shop", n % many, every * n as u32)).collect();
    let mut arena = Bump::new();
    let batches = records.chunks(1_000).map(|records| {
        let mut batch = Batch::default();
        (0_i64..).zip(records).for_each(|(n, record)| batch.push(record, StreamId(0), n, n + 1, None));
        stage.work(&batch, &mut arena).signals
    });
    let batches: Vec<_> = batches.collect();
    assert!(batches.iter().all(|batch| batch.len() == 1_000), "every request is one signal");
    batches
}

/// Returns what the engine takes for the second half of `signals`, when the window is full.
fn counted(compiled: &Catalogue, signals: Vec<Vec<Signal>>) -> Duration {
    let mut engine = Engine::new(compiled.detectors.clone(), CoreSettings::replay().engine);
    let mut watermarks = Watermarks::new(Duration::ZERO, Duration::ZERO);
    let (start, full, mut began) = (Instant::now(), signals.len() / 2, Duration::ZERO);
    for (n, batch) in signals.into_iter().enumerate() {
        if n == full {
            began = spent(start);
        }
        let newest = batch.last().unwrap().time;
        for signal in batch {
            engine.apply(signal);
        }
        watermarks.advance(newest);
        assert!(engine.tick(&watermarks).is_empty(), "it does not fire");
    }
    let took = spent(start).saturating_sub(began);
    assert_eq!(engine.evicted(), 0, "everything was counted");
    took
}

const VALUE_COUNT: &str = "title: Called\nname: called\nlogsource: { category: webserver }\ndetection:\n  \
    selection: { cs-method: GET }\n  condition: selection\n---\ntitle: Callers\ncorrelation:\n  \
    type: value_count\n  rules: [called]\n  group-by: [cs-host]\n  timespan: 10m\n  \
    condition: { field: c-ip, gte: 6000 }\nlevel: low\n";

/// Windows follow one another closely enough that most of the set is read with full ones.
fn values() {
    let rules = Rules::build(&[("made.yml".to_owned(), VALUE_COUNT.to_owned())], &Placeholders::new());
    assert!(rules.refused.is_empty() && rules.silent.is_empty(), "{:?} {:?}", rules.refused, rules.silent);
    let without = Catalogue::build(&BTreeMap::new()).unwrap();
    let with = without.clone().with_sigma(&rules).unwrap();
    let every = Duration::from_mins(10) / (VALUES * GROUPS) as u32;
    let sets = [100, VALUES].map(|many| {
        let app = |n: usize| format!("shop-{}", n % GROUPS);
        fill("values", (0..).map(|n| request(&app(n), n / GROUPS % many, every * n as u32)))
    });
    let [plain, counting] = [&without, &with].map(path_of);
    let mut best = [Duration::MAX; 3];
    for _ in 0..ROUNDS {
        best[0] = best[0].min(whole(&sets[1], &plain, &without));
        best[1] = best[1].min(whole(&sets[0], &counting, &with));
        best[2] = best[2].min(whole(&sets[1], &counting, &with));
    }
    row("no rule", best[0], sets[1].records, "");
    for ((many, took), set) in [100, VALUES].into_iter().zip(&best[1..]).zip(&sets) {
        let more = (took.as_secs_f64() / set.records as f64 - best[0].as_secs_f64() / sets[1].records as f64) * 1e6;
        row(&format!("{many} different a window"), *took, set.records, &format!("{more:.3} µs more than no rule"));
    }
}

/// Returns the record of a request to `app` from caller `n`, `after` the start.
fn request(app: &str, n: usize, after: Duration) -> Vec<u8> {
    let at = Timestamp::parse_rfc3339("2026-03-02T08:00:00Z").unwrap().plus(after);
    let caller = Ipv4Addr::from(0x0b00_0000 + n as u32);
    format!(
        r#"{{"time":"{at}","resourceId":"/SUBSCRIPTIONS/0A1B2C3D-0000-4000-8000-000000000001/RESOURCEGROUPS/RG/PROVIDERS/MICROSOFT.WEB/SITES/{app}","category":"AppServiceHTTPLogs","properties":{{"CsMethod":"GET","CsUriStem":"/api/orders","CIp":"{caller}","UserAgent":"bench","CsHost":"{app}.azurewebsites.net","ScStatus":200,"TimeTaken":12}}}}"#
    )
    .into_bytes()
}

fn path_of(compiled: &Catalogue) -> Stage {
    let keys = keys();
    stage(compiled, &keys, &redactor(&keys))
}
