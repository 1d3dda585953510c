//! Do the shipped detectors do what their cases say?
//!
//! Once through the engine, and once through a reference that counts the slow and obvious way, so
//! that a mistake in either shows.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use gatewatch::clock::Timestamp;
use gatewatch::detection::cases::{self, CaseResult, Rehearsal};
use gatewatch::detection::{
    Baselining, Catalogue, Counting, Detector, Family, Finding, Measured, Signal, Window, check, describe,
};
use gatewatch::redaction::{KeyRing, Redactor, Settings};

fn shipped() -> Catalogue {
    Catalogue::shipped().unwrap_or_else(|problems| {
        panic!("{}", problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
    })
}

#[expect(clippy::unwrap_used, reason = "a test without a redactor has nothing to say")]
fn redactor() -> Redactor {
    Redactor::new(&KeyRing::ephemeral().unwrap(), &Settings::default()).unwrap()
}

fn failures(results: &[CaseResult]) -> Vec<String> {
    let wrong = |result: &CaseResult| {
        result.wrong.as_ref().map(|wrong| format!("{}:{} {}: {wrong}", result.file, result.line, result.name))
    };
    results.iter().filter_map(wrong).collect()
}

#[test]
fn the_shipped_catalogue_has_no_problem() {
    assert_eq!(check(None), []);
}

#[test]
fn three_detectors_at_least_stand_in_each_main_family() {
    let catalogue = shipped();
    let of = |family| catalogue.detectors.all.iter().filter(|detector| detector.family == family).count();
    for family in [Family::AuthFailures, Family::KeyUsage, Family::LeakedSecrets, Family::SuspiciousOrigins] {
        assert!(of(family) >= 3, "{family}");
    }
    assert!(catalogue.detectors.all.len() >= 14);
}

#[test]
fn every_case_holds_by_the_reference() {
    let results = cases::run_with(&shipped(), &redactor(), |detector, rehearsal| reference(detector, &rehearsal));
    assert_eq!(failures(&results), Vec::<String>::new());
}

#[test]
fn every_case_holds_by_the_engine() {
    let results = cases::run(&shipped(), &redactor());
    assert_eq!(failures(&results), Vec::<String>::new());
}

#[test]
fn a_folder_replaces_the_shipped_detectors() {
    let from_disk = Catalogue::load(std::path::Path::new("detectors")).unwrap();
    let ids = |catalogue: &Catalogue| -> Vec<_> {
        catalogue.detectors.all.iter().map(|detector| (detector.id.clone(), detector.version)).collect()
    };
    assert_eq!(ids(&from_disk), ids(&shipped()));
}

#[test]
fn a_case_that_does_not_come_out_as_it_says_proves_no_detector() {
    let folder = tempfile::tempdir().unwrap();
    let probing = folder.path().join("probing");
    std::fs::create_dir(&probing).unwrap();
    let text = "id: probing.door\ntitle: t\nlevel: medium\nthreat: key-theft\nattack: { version: '18', techniques: [] }\n\
                needs: [http.request]\nwhy: w\ntriage: t\nfalse_alarms: f\nsays: '{entity} is at the door'\n\
                when: { request.path: /door }\nmatch: { by: source.ip }\n";
    std::fs::write(probing.join("door.yaml"), text).unwrap();
    let proven = |path: &str| {
        let case = format!(
            "- name: somebody at the door\n  given:\n    - event: {{ kind: http.request, source.ip: 203.0.113.1, request.path: {path} }}\n\
             \x20 alert: [\"203.0.113.1\"]\n"
        );
        std::fs::write(probing.join("door.test.yaml"), case).unwrap();
        let catalogue = Catalogue::load(folder.path()).unwrap();
        assert!(catalogue.is_tested("probing.door"), "it says so");
        cases::proven(&catalogue, &redactor()).len()
    };
    assert_eq!((proven("/door"), proven("/window")), (1, 0));
}

#[test]
fn what_is_said_to_be_tested_of_the_shipped_detectors_fires() {
    let catalogue = shipped();
    let proven = cases::proven(&catalogue, &redactor());
    let said = catalogue.detectors.all.iter().filter(|detector| catalogue.is_tested(&detector.id));
    assert_eq!(said.filter(|detector| !proven.contains(&detector.id)).count(), 0);
    assert!(proven.len() > 100);
}

#[test]
fn a_detector_explains_itself() {
    let catalogue = shipped();
    let text = describe(catalogue.detectors.named("key-usage.one_key_many_addresses").unwrap());
    assert!(text.contains("more than 20 different values for one key within 10m"), "{text}");
}

/// Counts the slow and obvious way.
fn reference(detector: &Arc<Detector>, rehearsal: &Rehearsal) -> Vec<Finding> {
    let mut by_key: BTreeMap<u128, Vec<&Signal>> = BTreeMap::new();
    for signal in &rehearsal.signals {
        by_key.entry(signal.key).or_default().push(signal);
    }
    let all = &rehearsal.signals;
    let fired = by_key.values().filter(|signals| fires(detector, signals, all, rehearsal.until));
    fired.map(|signals| finding(detector, signals, all)).collect()
}

fn fires(detector: &Detector, signals: &[&Signal], all: &[Signal], until: Timestamp) -> bool {
    let at = |signal: &Signal| signal.time;
    let window = |last: usize, within: Window| {
        let start = within.start(at(signals[last]));
        signals[..=last].iter().filter(move |signal| at(signal) >= start)
    };
    let any = |holds: &dyn Fn(usize) -> bool| (0..signals.len()).any(holds);
    match &detector.counting {
        Counting::Match => true,
        Counting::Threshold { at_least, within } => any(&|last| window(last, *within).count() >= *at_least as usize),
        Counting::Distinct { more_than, within } => any(&|last| {
            window(last, *within).map(|signal| signal.value).collect::<BTreeSet<_>>().len() > *more_than as usize
        }),
        Counting::Sequence { steps, within, gap: None, any_order: false, .. } => any(&|last| {
            let (mut step, mut seen) = (0, 0);
            for signal in window(last, (*within).into()) {
                if step < steps.len() && usize::from(signal.step) == step {
                    seen += 1;
                    if seen == steps[step] {
                        (step, seen) = (step + 1, 0);
                    }
                }
            }
            step == steps.len()
        }),
        Counting::Ratio { at_least, among, within } => any(&|last| {
            let (all, part) = (window(last, *within).count(), window(last, *within).filter(|s| s.value == 1).count());
            all >= *among as usize && part as f64 >= at_least.of_one() * all as f64
        }),
        Counting::Amount { average, more_than, among, within } => any(&|last| {
            let numbers: Vec<_> = window(last, *within).map(|signal| signal.value.cast_signed()).collect();
            let (sum, limit) = (numbers.iter().sum::<i64>(), *more_than * numbers.len() as i64);
            if *average { numbers.len() >= *among as usize && sum > limit } else { sum > *more_than }
        }),
        Counting::Percentile { rank, more_than, among, within } => any(&|last| {
            let mut numbers: Vec<_> = window(last, *within).map(|signal| signal.value.cast_signed()).collect();
            numbers.sort_unstable();
            numbers.len() >= *among as usize
                && numbers[(numbers.len() * usize::from(*rank)).div_ceil(100).max(1) - 1] > *more_than
        }),
        Counting::FirstSeen { bulk: None, .. } => any(&|last| first_sight(detector, signals, last, all)),
        Counting::Baseline(asked) => any(&|last| is_unusual(signals, last, *asked)),
        Counting::Rhythm { missing, minutes: true, learn } => rhythm_breaks(signals, *missing, *learn, until),
        Counting::Unanswered { within } => any(&|last| {
            let (first, end) = (at(signals[last]), at(signals[last]).plus(*within));
            let answers = |signal: &&&Signal| signal.step == 1 && at(signal) >= first && at(signal) <= end;
            signals[last].step == 0 && end <= until && signals.iter().filter(answers).count() == 0
        }),
        Counting::Absence { after, at_least } => any(&|last| {
            let next = signals.get(last + 1).map_or(until, |signal| at(signal));
            next.since(at(signals[last])) > *after && window(last, (*after).into()).count() >= *at_least as usize
        }),
        Counting::Travel(asked) => any(&|last| {
            let Some(before) = last.checked_sub(1) else { return false };
            let (from, to) = (signals[before], signals[last]);
            let (km, apart) = (kilometres(from.value, to.value), at(to).since(at(from)));
            let hours = apart.as_secs_f64().max(1.0) / 3_600.0;
            apart <= asked.within && km >= f64::from(asked.at_least) && km > hours * f64::from(asked.faster_than)
        }),
        other => panic!("the reference does not know how to count {other:?}"),
    }
}

/// Returns how far two packed places are from each other on a ball, by the angle between them.
fn kilometres(from: u64, to: u64) -> f64 {
    let degrees = |bits: u64| f64::from(f32::from_bits(bits as u32)).to_radians();
    let unit = |place: u64| {
        let (latitude, longitude) = (degrees(place >> 32), degrees(place));
        [latitude.cos() * longitude.cos(), latitude.cos() * longitude.sin(), latitude.sin()]
    };
    let cosine: f64 = unit(from).iter().zip(unit(to)).map(|(a, b)| a * b).sum();
    6_371.0 * cosine.clamp(-1.0, 1.0).acos()
}

/// Tells whether a value is new to its entity, which is known, shows few, and shows what others long have.
fn first_sight(detector: &Detector, signals: &[&Signal], last: usize, all: &[Signal]) -> bool {
    let Counting::FirstSeen { learn, forget, only, .. } = detector.counting else { return false };
    let (now, value) = (signals[last].time, signals[last].value);
    let recent = || signals[..last].iter().filter(|signal| now.since(signal.time) <= forget);
    let values: BTreeSet<u64> = recent().map(|signal| signal.value).chain([value]).collect();
    let mut shown: Vec<Timestamp> =
        all.iter().filter(|signal| signal.value == value && signal.time <= now).map(|signal| signal.time).collect();
    shown.sort_unstable();
    let pause = shown.windows(2).rposition(|pair| pair[1].since(pair[0]) > forget);
    let since = shown[pause.map_or(0, |at| at + 1)];
    now.since(signals[0].time) >= learn
        && recent().all(|signal| signal.value != value)
        && only.few.is_none_or(|few| values.len() <= few as usize)
        && only.settled.is_none_or(|settled| now.since(since) >= settled)
}

/// Tells whether the hour up to an event has more of them than the hours before it: on average, and so far
/// beyond it as chance alone does not go. Good for entities that do the same at each hour or each day.
fn is_unusual(signals: &[&Signal], last: usize, asked: Baselining) -> bool {
    let hour = |signal: &Signal| signal.time.nanos() / 3_600_000_000_000;
    let (first, now) = (hour(signals[0]), hour(signals[last]));
    if asked.measured == Measured::Ratio {
        return is_unusual_share(signals, last, asked);
    }
    let worth = |signal: &&&Signal| if asked.measured == Measured::Sum { signal.value as f64 } else { 1.0 };
    let many = |of: i64| -> f64 {
        if asked.measured == Measured::Distinct {
            let of_hour = signals[..=last].iter().filter(|signal| hour(signal) == of);
            return of_hour.map(|signal| signal.value).collect::<BTreeSet<_>>().len() as f64;
        }
        signals[..=last].iter().filter(|signal| hour(signal) == of).map(|signal| worth(&signal)).sum()
    };
    let known = (now - first) as u64 * 3_600 >= asked.learn.as_secs();
    if !known || many(now) < f64::from(asked.at_least) {
        return false;
    }
    let days: Vec<i64> = (1..=(now - first) / 24).map(|day| now - 24 * day).collect();
    let usual = days.iter().map(|of| kept(many(*of))).sum::<f64>() / days.len().max(1) as f64;
    let high = ((usual + 0.375).sqrt() + f64::from(asked.tolerance) / 20.0).powi(2) - 0.375;
    many(now) > high
}

/// Tells whether of the whole hour of an event a larger share is of the other sort than of the same hours of the days
/// before, and further beyond it than chance among so many goes, if that share is known by no more than came then.
fn is_unusual_share(signals: &[&Signal], last: usize, asked: Baselining) -> bool {
    let hour = |signal: &Signal| signal.time.nanos() / 3_600_000_000_000;
    let (first, now) = (hour(signals[0]), hour(signals[last]));
    let of = |at: i64| {
        let came: Vec<_> = signals.iter().filter(|signal| hour(signal) == at).collect();
        (came.len() as f64, came.iter().filter(|signal| signal.value == 1).count() as f64)
    };
    let (all, part) = of(now);
    if ((now - first) as u64) * 3_600 < asked.learn.as_secs() || all < f64::from(asked.at_least) {
        return false;
    }
    let known = (1..=(now - first) / 24)
        .map(|day| of(now - 24 * day))
        .fold((0.0, 0.0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
    let odds = (known.1 + 0.5) / (known.0 - known.1 + 0.5);
    // Of so many events with such odds a Poisson count tells as much, if each counts for so many times more.
    let high = (all * odds + 0.375).sqrt() + f64::from(asked.tolerance) / 20.0 * (1.0 + all / known.0).sqrt();
    part * (1.0 + odds) > high.powi(2) - 0.375
}

/// Returns a number as it is remembered: to its first ten bits, as the middle of what begins with them.
fn kept(number: f64) -> f64 {
    let step = 2_f64.powi(number.max(1.0).log2().floor() as i32 - 10);
    if step < 1.0 { number } else { (number / step).floor() * step + step / 2.0 }
}

/// Tells whether in a silence so many minutes went by in which the entity was heard as a rule: on the days
/// before, in the same hour.
fn rhythm_breaks(signals: &[&Signal], missing: u32, learn: Duration, until: Timestamp) -> bool {
    let minute = |at: Timestamp| at.nanos() / 60_000_000_000;
    let heard: BTreeSet<i64> = signals.iter().map(|signal| minute(signal.time)).collect();
    let first = minute(signals[0].time);
    let usual = |hour: i64| {
        let days: Vec<i64> = (1..=(hour * 60 - first) / 1_440).map(|day| (hour - 24 * day) * 60).collect();
        let heard: usize = days.iter().map(|start| heard.range(*start..start + 60).count()).sum();
        heard as f64 / (60 * days.len().max(1)) as f64
    };
    let silence = |from: i64, to: i64| {
        let missed: f64 = (from / 60..=to / 60)
            .map(|hour| usual(hour) * ((to.min(hour * 60 + 60) - from.max(hour * 60)).max(0) as f64))
            .sum();
        missed >= f64::from(missing) && to - first >= learn.as_secs() as i64 / 60
    };
    let ends = heard.iter().skip(1).copied().chain([minute(until)]);
    heard.iter().zip(ends).any(|(&from, to)| to - from > i64::from(missing) && silence(from, to))
}

/// How many events are part of the trouble: of first sights, those alone; of a distinct, those within
/// reach of too many values.
fn belonging(detector: &Detector, signals: &[&Signal], all: &[Signal]) -> u64 {
    if let Counting::FirstSeen { .. } = detector.counting {
        return (0..signals.len()).filter(|&last| first_sight(detector, signals, last, all)).count() as u64;
    }
    let Counting::Distinct { more_than, within } = detector.counting else { return signals.len() as u64 };
    let mut part = BTreeSet::new();
    for (last, signal) in signals.iter().enumerate() {
        let reach = |&n: &usize| signals[n].time >= within.start(signal.time);
        let window: Vec<usize> = (0..=last).filter(reach).collect();
        let values: BTreeSet<u64> = window.iter().map(|&n| signals[n].value).collect();
        if values.len() > more_than as usize {
            part.extend(window);
        }
    }
    part.len() as u64
}

fn finding(detector: &Detector, signals: &[&Signal], all: &[Signal]) -> Finding {
    let first = signals[0];
    Finding {
        detector: detector.id.clone(),
        entity: first.entity(),
        entities: first.observed().entities.clone(),
        app: first.observed().app.clone(),
        owner: None,
        level: signals.iter().map(|signal| signal.level).max().unwrap_or(detector.level),
        fired: true,
        at: first.time,
        first: first.time,
        last: signals[signals.len() - 1].time,
        count: belonging(detector, signals, all),
        why: String::new(),
        because: None,
        peak: 0.0,
        evidence: Vec::new(),
        late: false,
    }
}
