//! The whole path and each of its stages on one core, beside `serde_json::Value` parsing the
//! same bytes in the same run.
//!
//! Four sets of simulated telemetry: messages of many records as Event Hubs delivers them, and
//! single records; then two in which every record is part of an attack: all attacks there are, and
//! a flood of addresses that are refused once each. Each figure is the best of several rounds, the
//! rounds of all stages interleaved, so that a machine whose speed drifts slows all alike. Run:
//! `./dev bench`, or `cargo bench --bench path -- records whole` for one set and one stage. `dump`
//! prints every transition of every alert instead, to compare two versions; `signals` how many signals
//! each detector is given.

#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_macros,
    clippy::print_stdout,
    reason = "a benchmark measures time and prints"
)]
#![expect(clippy::unwrap_used, reason = "a benchmark that can't be set up has nothing to say")]

mod sets;

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bumpalo::Bump;
use gatewatch::detection::{Catalogue, Told};
use gatewatch::pipeline::{Core, CoreSettings};
use gatewatch::redaction::{KeyRing, Redactor};
use gatewatch::telemetry::{Batch, decode};
use sets::{SETS, Set, keys, redactor, spent, stage, streams};

const ROUNDS: usize = 7;

fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).collect();
    let any = !SETS.iter().any(|(name, _)| wanted.iter().any(|word| word == name));
    let keys = keys();
    let redactor = redactor(&keys);
    let dump = wanted.iter().any(|word| word == "dump");
    let signals = wanted.iter().any(|word| word == "signals");
    if !dump && !signals {
        println!("{:<9} {:<26} {:>12} {:>9} {:>12} {:>8}", "set", "stage", "records/s", "MB/s", "µs/record", "× Value");
    }
    for (_, set) in SETS.iter().filter(|(name, _)| any || wanted.iter().any(|word| word == name)) {
        if dump {
            tell(&set(), &keys, &redactor);
        } else if signals {
            count(&set(), &keys, &redactor);
        } else {
            measure(&set(), &keys, &redactor, &wanted);
        }
    }
}

/// Prints how many signals each detector is given, of a hundred records.
fn count(set: &Set, keys: &KeyRing, redactor: &Arc<Redactor>) {
    let compiled = Catalogue::shipped().unwrap();
    let stage = stage(&compiled, keys, redactor);
    let (mut arena, mut told) = (Bump::new(), Told::default());
    let mut given = vec![0_u64; compiled.detectors.all.len()];
    for batch in &set.batches {
        for signal in stage.work_on(batch, &mut arena, &mut told).signals {
            given[usize::from(signal.detector)] += 1;
        }
    }
    let mut told: Vec<(u64, &str)> =
        given.iter().zip(&compiled.detectors.all).map(|(many, detector)| (*many, &*detector.id)).collect();
    told.sort_unstable_by(|a, b| b.cmp(a));
    let of_hundred = |many: u64| many as f64 * 100.0 / set.records as f64;
    println!("{:<9} {:>8.1} of a hundred records", set.name, of_hundred(given.iter().sum()));
    for (many, id) in told.into_iter().filter(|(many, _)| *many > 0).take(40) {
        println!("{:<9} {:>8.1} {id}", set.name, of_hundred(many));
    }
}

/// Prints every transition of every alert.
fn tell(set: &Set, keys: &KeyRing, redactor: &Arc<Redactor>) {
    let compiled = Catalogue::shipped().unwrap();
    let stage = stage(&compiled, keys, redactor);
    let mut core = Core::new(compiled.detectors, streams(), &CoreSettings::replay());
    let (mut arena, mut told) = (Bump::new(), Told::default());
    for batch in &set.batches {
        core.absorb(stage.work_on(batch, &mut arena, &mut told));
        core.tick().iter().for_each(|transition| println!("{transition:?}"));
    }
    core.finish().iter().for_each(|transition| println!("{transition:?}"));
    println!("{:?}", core.accounting());
}

fn measure(set: &Set, keys: &KeyRing, redactor: &Arc<Redactor>, wanted: &[String]) {
    let compiled = Catalogue::shipped().unwrap();
    let stage = stage(&compiled, keys, redactor);
    let names = ["serde_json::Value", "scan", "scan + decode", "scan + decode + finish", "… + match", "whole path"];
    let asked = |name: &str| wanted.iter().any(|word| name.contains(word.as_str()));
    let all = !names.into_iter().any(asked);
    let mut best = [Duration::MAX; 6];
    let start = Instant::now();
    for _ in 0..ROUNDS {
        let mut core = Core::new(compiled.detectors.clone(), streams(), &CoreSettings::replay());
        let mut arenas: [Bump; 3] = Default::default();
        let [decoding, finishing, matching] = &mut arenas;
        let rounds: [&mut dyn FnMut(&Batch); 6] = [
            &mut |batch| {
                (0..batch.messages.len())
                    .for_each(|n| drop(black_box(serde_json::from_slice::<serde_json::Value>(batch.message(n)))));
            },
            &mut |batch| drop(black_box(redactor.scan(batch))),
            &mut |batch| decoded(redactor, batch, decoding, false),
            &mut |batch| decoded(redactor, batch, finishing, true),
            &mut {
                let mut told = Told::default();
                let stage = &stage;
                move |batch: &Batch| drop(black_box(stage.work_on(batch, matching, &mut told)))
            },
            &mut {
                let (mut arena, mut told) = (Bump::new(), Told::default());
                let stage = &stage;
                let core = &mut core;
                move |batch: &Batch| {
                    core.absorb(stage.work_on(batch, &mut arena, &mut told));
                    black_box(core.tick());
                }
            },
        ];
        for (n, round) in rounds.into_iter().enumerate().filter(|(n, _)| all || asked(names[*n])) {
            let began = spent(start);
            set.batches.iter().for_each(&mut *round);
            best[n] = best[n].min(spent(start).saturating_sub(began));
        }
    }
    for (name, took) in names.iter().zip(best).filter(|(_, took)| *took < Duration::MAX) {
        let seconds = took.as_secs_f64();
        println!(
            "{:<9} {:<26} {:>12.0} {:>9.0} {:>12.3} {:>8.2}",
            set.name,
            name,
            set.records as f64 / seconds,
            set.bytes as f64 / seconds / 1e6,
            seconds * 1e6 / set.records as f64,
            if best[0] < Duration::MAX { best[0].as_secs_f64() / seconds } else { f64::NAN }
        );
    }
}

fn decoded(redactor: &Redactor, batch: &Batch, arena: &mut Bump, finish: bool) {
    let scanned = redactor.scan(batch);
    for message in 0..batch.messages.len() {
        arena.reset();
        decode(&scanned, message, arena, |event| {
            if let (Ok(event), true) = (event, finish) {
                black_box(redactor.finish(event).replacements().len());
            }
        });
    }
}
