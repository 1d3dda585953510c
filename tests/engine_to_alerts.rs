//! From signals to final alerts: the answer depends on the input alone.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use gatewatch::alerts::{Alert, AlertBook, BookSettings, Matcher, MuteRules, Mutes, Preview, Silence, SilenceId};
use gatewatch::clock::{Lanes, Timestamp, Watermarks};
use gatewatch::detection::correlation_plan::{Compare, Input, Joint, Limit, Node, Plan};
use gatewatch::detection::{
    Attack, Baselining, Bulk, Counting, Detector, Detectors, Engine, EngineSettings, Family, Finders, Level, Measured,
    Observed, Only, Risking, Share, Signal, Traveling, Window,
};
use gatewatch::telemetry::{Category, Entity, EntityKind, Position, StreamId};
use proptest::prelude::*;

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn detector(id: &str, counting: Counting, quiet: u64, together: bool) -> Arc<Detector> {
    Arc::new(Detector {
        id: id.into(),
        family: Family::AuthFailures,
        title: "A title".into(),
        level: Level::High,
        threat: "key-theft".into(),
        group: (together && !alone(&counting)).then(|| "seen".into()),
        attack: Attack::default(),
        needs: Lanes::ALL,
        why: "".into(),
        triage: "".into(),
        false_alarms: "".into(),
        says: "{entity}: {count}, {examples} in {window}".into(),
        entity: EntityKind::Ip,
        counting,
        quiet: secs(quiet),
        version: 1,
    })
}

/// Detectors of every kind; `together`, those that may are one group.
fn detectors(together: bool) -> Arc<Detectors> {
    let detector = |id: &str, counting: Counting, quiet: u64| detector(id, counting, quiet, together);
    let only = Only { few: None, settled: None };
    let first_seen = |bulk| Counting::FirstSeen { learn: secs(10), forget: secs(60), bulk, only };
    let amount = |average, more_than| Counting::Amount { average, more_than, among: 2, within: secs(30).into() };
    let bulk = Bulk { more_than: 1, within: secs(8), level: Level::Low };
    let baseline = Baselining {
        measured: Measured::Average,
        every: secs(60),
        learn: Duration::ZERO,
        tolerance: 20,
        sides: (true, true),
        at_least: 2,
    };
    Arc::new(Detectors {
        all: vec![
            detector("a.match", Counting::Match, 9),
            detector("b.threshold", Counting::Threshold { at_least: 4, within: secs(40).into() }, 12),
            detector("c.distinct", Counting::Distinct { more_than: 2, within: secs(30).into() }, 40),
            detector("d.sequence", sequence(vec![2, 1], None, false), 20),
            detector("e.first", first_seen(None), 15),
            detector("f.absence", Counting::Absence { after: secs(25), at_least: 2 }, 15),
            detector("g.tumbling", Counting::Threshold { at_least: 3, within: Window::tumbling(secs(30)) }, 9),
            detector("h.ratio", Counting::Ratio { at_least: Share(600_000), among: 3, within: secs(40).into() }, 9),
            detector("i.sum", amount(false, 6), 12),
            detector("j.average", amount(true, 2), 12),
            detector("k.percentile", percentile(), 9),
            detector("l.together", sequence(vec![1, 2], Some(secs(20)), true), 20),
            detector("m.bulk", first_seen(Some(bulk)), 15),
            detector("n.unanswered", Counting::Unanswered { within: secs(12) }, 15),
            detector("o.baseline", Counting::Baseline(baseline), 9),
            detector("p.rhythm", Counting::Rhythm { missing: 1, minutes: false, learn: Duration::ZERO }, 9),
            detector("q.risk", Counting::Risk(Risking { at_least: 70, tactics: 1, half_life: secs(20) }), 9),
            detector("r.travel", travel(), 9),
            detector("s.correlation", correlation(), 9),
            detector("sa.values", Counting::Baseline(Baselining { measured: Measured::Distinct, ..baseline }), 9),
            detector("sb.share", Counting::Baseline(Baselining { measured: Measured::Ratio, ..baseline }), 9),
            detector("t.after", after(vec![by("b.threshold"), Finders::default()], false), 15),
            detector("u.before", after(vec![Finders::default(), of_family()], false), 15),
            detector("v.joined", after(vec![Finders::default(), by("c.distinct")], true), 15),
            detector("w.found", after(vec![by("a.match"), of_family(), by("g.tumbling")], false), 15),
        ],
    })
}

/// The place of the one that travels among the detectors.
const TRAVEL: u16 = 17;
/// The place of the risk.
const RISK: u16 = TRAVEL - 1;

fn sequence(steps: Vec<u32>, gap: Option<Duration>, any_order: bool) -> Counting {
    Counting::Sequence { steps, within: secs(60), gap, any_order, found: Vec::new() }
}

/// Steps of which some are what others find.
fn after(found: Vec<Finders>, any_order: bool) -> Counting {
    Counting::Sequence { steps: vec![1; found.len()], within: secs(60), gap: None, any_order, found }
}

fn by(id: &str) -> Finders {
    Finders { detectors: vec![id.into()], families: Vec::new() }
}

fn of_family() -> Finders {
    Finders { detectors: Vec::new(), families: vec![Family::AuthFailures] }
}

fn percentile() -> Counting {
    Counting::Percentile { rank: 60, more_than: 2, among: 2, within: secs(30).into() }
}

fn travel() -> Counting {
    Counting::Travel(Traveling { faster_than: 100, at_least: 200, within: secs(60) })
}

/// A place as the value of a signal: one of five, of which two are near each other.
fn place(value: u64) -> u64 {
    let places = [(52.5, 13.4), (52.4, 13.1), (48.9, 2.4), (35.7, 139.7), (-33.9, 151.2)];
    let (latitude, longitude): (f32, f32) = places[value as usize];
    u64::from(latitude.to_bits()) << 32 | u64::from(longitude.to_bits())
}

/// Two events of a rule, and then one of another that shows a second value.
fn correlation() -> Counting {
    let limit = || vec![Limit::new(Compare::AtLeast, 2.0)];
    let node = |inputs, joint| Node { inputs, joint, within: secs(40) };
    let many = node(vec![Input::Step(0)], Joint::Count(limit()));
    let values = node(vec![Input::Step(1)], Joint::Values(limit()));
    let both = node(vec![Input::Node(0), Input::Node(1)], Joint::Ordered);
    Counting::Correlation(Arc::new(Plan { nodes: vec![many, values, both] }))
}

/// Tells whether a detector's alert can be no other's.
fn alone(counting: &Counting) -> bool {
    matches!(
        counting,
        Counting::Absence { .. } | Counting::Rhythm { .. } | Counting::Risk(_) | Counting::Correlation(_)
    )
}

/// Several keys share an entity, as they do when a detector counts by more than its entity.
fn signals() -> impl Strategy<Value = Vec<Signal>> {
    prop::collection::vec((0_u16..24, 0_u64..4, 0_u64..2, 0_i64..300, 0_u64..5, 0_u8..2), 0..250).prop_map(|said| {
        // A risk sees what the others have found, and no events; nor does the last.
        let said = said.into_iter().filter(|said| said.0 != RISK);
        let made = said.zip(1_u128..).map(|((detector, who, key, at, value, step), n)| {
            let observed = Observed {
                time: Timestamp::from_seconds(at),
                hash: n * 0x9e37_79b9 % 1_009,
                position: Position { stream: StreamId(0), offset: n as i64, index: 0 },
                category: Category::GatewayLogs,
                app: Some("shop".into()),
                entities: vec![Entity::new(EntityKind::Function, format!("shop/{value}"))],
                record: Some(format!("{{\"n\":{n}}}").into()),
            };
            let entity = Entity::new(EntityKind::Ip, format!("203.0.113.{who}"));
            let mut signal = Signal::new(&observed, &entity, Some(&format!("v{value}")));
            signal.detector = detector;
            signal.level = if n % 7 == 0 { Level::Critical } else { Level::Medium };
            let value = if detector == TRAVEL { place(value) } else { value };
            (signal.step, signal.shard, signal.value) = (step, who as u8, value);
            signal.key = u128::from(who * 2 + key);
            signal
        });
        let mut made: Vec<_> = made.collect();
        made.sort_by_key(|signal| signal.time);
        made
    })
}

fn until(at: Timestamp) -> Watermarks {
    let mut now = Watermarks::new(Duration::ZERO, Duration::ZERO);
    now.advance(at);
    now
}

/// Final alerts of `threads` engines that share the shards, read with `delays`, looked at as `ticks` says.
fn alerts(together: bool, signals: &[Signal], delays: &[i64], ticks: &[bool], threads: usize) -> Vec<Alert> {
    told(together, signals, (delays, ticks, threads), &mut |_| {})
}

/// The same; `hear` is told of every change as it comes.
fn told(
    together: bool,
    signals: &[Signal],
    (delays, ticks, threads): (&[i64], &[bool], usize),
    hear: &mut dyn FnMut(&Alert),
) -> Vec<Alert> {
    let detectors = detectors(together);
    let settings = EngineSettings { max_entities: 100_000, max_waiting_bytes: 1 << 20 };
    let mut engines: Vec<_> = (0..threads).map(|_| Engine::new(Arc::clone(&detectors), settings)).collect();
    let mut book = AlertBook::new(BookSettings { update_every: secs(15), cooldown: secs(60), max_alerts: 1_000 });
    let mut arrivals: Vec<_> = signals.iter().zip(delays.iter().cycle()).collect();
    arrivals.sort_by_key(|(signal, delay)| signal.time.plus(secs(**delay as u64)));
    let mut rows = BTreeMap::new();
    let mut look = |engines: &mut Vec<Engine>, now: &Watermarks| {
        for engine in engines {
            let findings = engine.tick(now);
            for transition in book.apply(&detectors, findings) {
                hear(transition.alert());
                rows.insert(transition.alert().id, transition.alert().clone());
            }
        }
        for transition in book.tick(&detectors, now) {
            hear(transition.alert());
            rows.insert(transition.alert().id, transition.alert().clone());
        }
        for alert in book.alerts() {
            rows.insert(alert.id, alert.clone());
        }
        rows.values().cloned().collect::<Vec<_>>()
    };
    for (n, (signal, _)) in arrivals.iter().enumerate() {
        engines[usize::from(signal.shard) % threads].apply((*signal).clone());
        let ahead = arrivals[n + 1..].iter().map(|(signal, _)| signal.time).min();
        if let Some(ahead) = ahead
            && ticks[n % ticks.len()]
        {
            look(&mut engines, &until(ahead.minus(Duration::from_nanos(1))));
        }
    }
    let mut alerts = look(&mut engines, &until(Timestamp::from_seconds(330)));
    for alert in &mut alerts {
        alert.revision = 0;
    }
    alerts
}

/// A silence of what `alert` is of and about, by the part of it that `part` chooses.
fn silence_like(alert: &Alert, part: u8, finals: &[Alert]) -> (Silence, Preview) {
    let detector = (part & 1 == 1).then(|| alert.detector.to_string());
    let entity = (part & 2 == 2).then(|| format!("ip/{}", alert.entity.value));
    let app = (part == 0).then(|| "shop".to_owned());
    let matcher = Matcher { detector, entity, app, ..Matcher::default() };
    let mut preview = Preview::default();
    for alert in finals {
        preview.add(&matcher, alert);
    }
    let preview = preview.finish();
    let made_at = Timestamp::from_seconds(0);
    let silence = Silence {
        id: SilenceId(1),
        matcher: Matcher { at_most: preview.worst, ..matcher },
        by: "dana".into(),
        reason: "a test".into(),
        made_at,
        starts_at: made_at,
        ends_at: made_at.plus(Duration::from_hours(1)),
        usual: preview.usual.clone(),
        recent: Vec::new(),
        ended: None,
    };
    (silence, preview)
}

proptest! {
    #[test]
    fn what_a_silence_would_have_hidden_is_what_it_hides_on_the_same_history(
        signals in signals(),
        delays in prop::collection::vec(0_i64..40, 1..9),
        ticks in prop::collection::vec(prop::bool::weighted(0.5), 3..17),
        which in 0_usize..1_000,
        part in 0_u8..4,
        together: bool,
    ) {
        let finals = alerts(together, &signals, &[0], &[false], 1);
        prop_assume!(!finals.is_empty());
        let (silence, preview) = silence_like(&finals[which % finals.len()], part, &finals);
        let mut mutes = Mutes::new(MuteRules::default(), vec![silence], std::iter::empty(), Vec::new());
        let (mut hidden, mut heard) = (BTreeSet::new(), BTreeSet::new());
        let mut tripped = Vec::new();
        let again = told(together, &signals, (&delays, &ticks, 3), &mut |alert| {
            let verdict = mutes.judge(alert, Timestamp::from_seconds(60));
            let side = if verdict.marks.is_empty() { &mut heard } else { &mut hidden };
            side.insert(alert.id);
            tripped.extend(verdict.over);
        });
        prop_assert_eq!(again, finals, "a silence changes nothing that is kept");
        // Before others join, an alert looks like what is meant and may be worse: it trips, which tells more.
        prop_assume!(!together || tripped.is_empty());
        prop_assert!(tripped.is_empty(), "{:?}", tripped);
        // One that others come to see, which are not meant, is told from then on.
        prop_assert!(together || hidden.is_disjoint(&heard));
        hidden.retain(|id| !heard.contains(id));
        prop_assert_eq!(hidden, preview.hidden.into_iter().collect::<BTreeSet<_>>());
    }

    #[test]
    fn final_alerts_depend_on_the_input_alone(
        signals in signals(),
        delays in prop::collection::vec(0_i64..40, 1..9),
        ticks in prop::collection::vec(prop::bool::weighted(0.5), 3..17),
        together: bool,
    ) {
        let expected = alerts(together, &signals, &[0], &[false], 1);
        prop_assert_eq!(alerts(together, &signals, &delays, &ticks, 1), expected.clone());
        prop_assert_eq!(alerts(together, &signals, &delays, &ticks, 3), expected);
    }
}
