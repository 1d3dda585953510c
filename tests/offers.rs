//! Does the exception that is offered for an alert do what its backtest says, and no more?
//!
//! Each alert of a simulated world is taken for a false alarm: the same messages are replayed under the exception
//! that is offered for it. The alert must be gone and every other must be as it was, but for those that the
//! backtest names. The offered cases run as `gatewatch detectors test --cases` runs them.

#![expect(clippy::unwrap_used, reason = "a test fails where it unwraps")]
#![expect(clippy::disallowed_macros, reason = "what was measured is printed")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use bumpalo::Bump;
use gatewatch::alerts::{Alert, AlertId, AlertState, Asker, Covered, Offer, Pair, Transition, compare};
use gatewatch::clock::{Clock, Timestamp};
use gatewatch::detection::{Case, Catalogue, Exceptions, cases};
use gatewatch::pipeline::{Core, CoreSettings, Offering, Stage, Surroundings};
use gatewatch::redaction::{KeyRing, Redactor, Settings};
use gatewatch::simulate::{Options, World};
use gatewatch::telemetry::{Batch, StreamId, StreamName, Streams};

/// 2026-03-02T08:00:00Z, a Monday.
const START: Timestamp = Timestamp::from_seconds(1_772_438_400);
const BATCH_BYTES: usize = 256 * 1024;

/// A world, and what is needed to replay it.
struct Ground {
    catalogue: Catalogue,
    stage: Stage,
    batches: Vec<Batch>,
}

impl Ground {
    fn new(seed: u64) -> Self {
        let keys = KeyRing::ephemeral().unwrap();
        let catalogue = Catalogue::shipped().unwrap();
        let stage = Stage {
            redactor: Arc::new(Redactor::new(&keys, &Settings::default()).unwrap()),
            topology: gatewatch::context::Topology::default(),
            context: Arc::default(),
            matcher: catalogue.matcher(keys.siphash_key()),
            content_seed: keys.content_key(),
            keep_redacted: false,
            tap: gatewatch::dashboard::Tap::default(),
            clock: Clock::system(),
        };
        let duration = Duration::from_mins(40);
        let options = Options { seed, start: START, duration, rate: 5, attacks: Vec::new(), clean: false };
        let mut batches = vec![Batch::default()];
        for (offset, message) in (0_i64..).zip(World::new(options).unwrap()) {
            if batches.last().unwrap().bytes.len() >= BATCH_BYTES {
                batches.push(Batch::default());
            }
            batches.last_mut().unwrap().push(&message.bytes, StreamId(0), offset, offset + 1, None);
        }
        Self { catalogue, stage, batches }
    }

    /// The final alerts under `exceptions`, each detector's by itself.
    fn replay(&self, exceptions: Exceptions) -> Vec<Alert> {
        let mut stage = self.stage.clone();
        stage.matcher = stage.matcher.with_exceptions(Arc::new(exceptions));
        let stream = StreamName { source: "test".into(), topic: "world".into(), partition: 0 };
        let streams = Streams::restore(vec![stream]);
        let mut core = Core::new(self.catalogue.detectors.clone(), streams, &CoreSettings::replay());
        core.set_surroundings(Surroundings::of(&stage));
        let (mut finals, mut arena) = (BTreeMap::new(), Bump::new());
        for batch in &self.batches {
            core.absorb(stage.work(batch, &mut arena));
            keep(&mut finals, &core.tick());
        }
        keep(&mut finals, &core.finish());
        finals.extend(core.book().alerts().map(|alert| (alert.id, alert.clone())));
        finals.into_values().collect()
    }

    fn offer(&self, alert: &Alert) -> Result<Offer, String> {
        let offering = Arc::new(Offering::new(self.stage.clone(), self.catalogue.clone()));
        offering.offer(alert, &Asker { name: "dana".into(), at: START })
    }
}

fn keep(finals: &mut BTreeMap<AlertId, Alert>, transitions: &[Transition]) {
    let closed = transitions.iter().map(Transition::alert).filter(|alert| alert.state == AlertState::Closed);
    finals.extend(closed.map(|alert| (alert.id, alert.clone())));
}

fn apart(alerts: &[Alert]) -> Vec<Alert> {
    alerts.iter().flat_map(Alert::apart).collect()
}

fn called(alert: &Alert) -> String {
    format!("{} about {}", alert.detector, alert.entity.value)
}

#[test]
fn an_offered_exception_hides_its_alert_and_what_its_backtest_names_and_nothing_else() {
    let ground = Ground::new(11);
    let before = ground.replay(Exceptions::default());
    assert!(before.len() > 20, "{}", before.len());
    let (mut fired, mut cased, mut longest) = (0, 0, Duration::ZERO);
    let mut wrong = Vec::new();
    let clock = Clock::system();
    for alert in &before {
        let began = clock.elapsed();
        let offer = ground.offer(alert).unwrap_or_else(|why| panic!("{}: {why}", called(alert)));
        longest = longest.max(clock.elapsed().saturating_sub(began));
        let exceptions = Exceptions::read("offered.yaml", &offer.exception, &ground.catalogue.detectors).unwrap();
        assert_eq!((offer.judge.0)(alert), Covered::Whole, "{}\n{}", called(alert), offer.exception);
        let after = ground.replay(exceptions);
        if after.iter().any(|other| other.id == alert.id) {
            wrong.push(format!("{} is still there ({} events)\n{}", called(alert), alert.count, offer.exception));
        }
        let named = before.iter().filter(|other| (offer.judge.0)(other) != Covered::Nothing);
        let named: BTreeSet<String> = named.flat_map(Alert::apart).map(|alert| called(&alert)).collect();
        let (now, other) = (apart(&before), apart(&after));
        for pair in compare(&now, &other).iter().filter(|pair| !pair.is_same()) {
            if matches!(pair, Pair::Come(_)) || !named.contains(&called(pair.alert())) {
                wrong.push(format!(
                    "for {}: {} is not as it was\n{}",
                    called(alert),
                    called(pair.alert()),
                    offer.exception
                ));
            }
        }
        let Some(text) = &offer.cases else { continue };
        cased += 1;
        let read = Case::read_all("offered.test.yaml", text).unwrap_or_else(|problems| panic!("{problems:?}\n{text}"));
        for result in cases::run_loose(&ground.catalogue, &read, &ground.stage.redactor).unwrap() {
            assert_eq!(result.wrong, None, "{text}");
        }
        let loud = text.lines().filter(|line| !line.starts_with("  except:") && !is_condition(line));
        let loud = loud.collect::<Vec<_>>().join("\n");
        let read = Case::read_all("loud.test.yaml", &loud).unwrap();
        let results = cases::run_loose(&ground.catalogue, &read, &ground.stage.redactor).unwrap();
        let fires = results.iter().all(|result| result.wrong.is_some());
        let said = offer.notes.iter().any(|note| note.contains("too few were kept"));
        assert_eq!(fires, !said, "{:?}\n{loud}", offer.notes);
        fired += usize::from(fires);
        if !fires {
            println!("does not fire by itself: {}", called(alert));
        }
    }
    println!("{} alerts, {cased} with cases, {fired} of them fire without the exception", before.len());
    println!("an offer took {longest:?} at most");
    assert!(wrong.is_empty(), "{}: {}", wrong.len(), wrong.join("\n"));
    assert!(fired * 2 > cased, "{fired} of {cased} cases fire without the exception");
}

/// A line of what a case excepts, which is indented less than its events.
fn is_condition(line: &str) -> bool {
    line.starts_with("    ") && !line.starts_with("     ") && !line.starts_with("    - ")
}
