//! What has matched, and waits for its place in the order of events?
//!
//! An alert opens once no earlier event can come, which takes the allowed lateness. A detector that
//! fires at every event has nothing to wait for but that order, so people may see what it saw at once:
//! for eyes only, it is no alert, nobody is told, and nothing is kept. At most 256 matches are
//! followed; of more the later ones are not shown until their alerts open.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

use crate::clock::Timestamp;
use crate::dashboard::AheadSeen;
use crate::detection::{Counting, Detector, Detectors, Signal};
use crate::telemetry::Entity;

use super::Core;

/// Matches followed.
const MOST: usize = 256;
/// Matches shown.
const SHOWN: usize = 20;

/// Matches whose alerts have not opened yet.
#[derive(Debug, Default)]
pub struct Coming {
    /// By detector and its key: the event time, and what to show unless its alert is open already.
    waiting: BTreeMap<(u16, u128), (Timestamp, Option<AheadSeen>)>,
    changed: bool,
    /// Of each detector, whether it fires at every event.
    at_once: Vec<bool>,
}

impl Coming {
    /// Returns nothing yet of these detectors.
    pub fn of(detectors: &Detectors) -> Self {
        let at_once = |detector: &Arc<Detector>| matches!(detector.counting, Counting::Match);
        Self { at_once: detectors.all.iter().map(at_once).collect(), ..Self::default() }
    }

    /// Tells whether a match of `signal`'s detector may be shown before its alert opens. Asked of every signal.
    pub fn takes(&self, signal: &Signal) -> bool {
        self.at_once.get(usize::from(signal.detector)).is_some_and(|at_once| *at_once && !signal.learns)
    }

    /// Notes a match that it takes and that has not been evaluated; `is_open` tells whether its alert is open
    /// already.
    pub fn note(&mut self, detector: &Detector, signal: &Signal, is_open: impl FnOnce(&Entity) -> bool) {
        let place = (signal.detector, signal.key);
        if self.waiting.contains_key(&place) || self.waiting.len() >= MOST {
            return;
        }
        let entity = signal.entity();
        let seen = (!is_open(&entity)).then(|| AheadSeen {
            detector: detector.id.clone(),
            title: detector.title.clone(),
            level: signal.level,
            family: detector.family,
            entity,
            app: signal.observed().app.clone(),
            at: signal.time,
        });
        self.changed |= seen.is_some();
        self.waiting.insert(place, (signal.time, seen));
    }

    /// Forgets what has been evaluated: its alerts are open, or something spoke against them.
    pub fn settle(&mut self, evaluated: impl Fn(u16, Timestamp) -> bool) {
        self.waiting.retain(|&(detector, _), (at, seen)| {
            let stays = !evaluated(detector, *at);
            self.changed |= !stays && seen.is_some();
            stays
        });
    }

    /// Returns what to show, the worst first, then the newest, if that is not what it was when this was asked
    /// last.
    pub fn news(&mut self) -> Option<Vec<AheadSeen>> {
        if !std::mem::take(&mut self.changed) {
            return None;
        }
        let mut shown: Vec<AheadSeen> = self.waiting.values().filter_map(|(_, seen)| seen.clone()).collect();
        shown.sort_by_key(|seen| (Reverse(seen.level), Reverse(seen.at)));
        shown.truncate(SHOWN);
        Some(shown)
    }
}

impl Core {
    /// Returns what people may see before its alert opens, if that has changed since this was asked last.
    pub fn news(&mut self) -> Option<Vec<AheadSeen>> {
        self.coming.news()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::detection::{Catalogue, Observed};
    use crate::telemetry::{Category, EntityKind, Position, StreamId};

    fn detectors() -> Arc<Detectors> {
        Catalogue::shipped().unwrap().detectors
    }

    fn signal(detectors: &Detectors, id: &str, entity: &str, key: u128, second: i64) -> Signal {
        let observed = Observed {
            time: Timestamp::from_seconds(second),
            hash: key,
            position: Position { stream: StreamId(0), offset: 0, index: 0 },
            category: Category::AppServiceHTTPLogs,
            app: Some("shop".into()),
            entities: Vec::new(),
            record: None,
        };
        let mut signal = Signal::new(&observed, &Entity::new(EntityKind::Ip, entity), None);
        signal.detector = u16::try_from(detectors.place_of(id).unwrap()).unwrap();
        signal.key = key;
        signal
    }

    const MATCH: &str = "key-usage.admin_endpoint_answered";

    fn note(coming: &mut Coming, detectors: &Detectors, signal: &Signal, open: bool) {
        if coming.takes(signal) {
            coming.note(&detectors.all[usize::from(signal.detector)], signal, |_| open);
        }
    }

    #[test]
    fn a_match_is_shown_at_once_and_gone_when_it_was_evaluated() {
        let all = detectors();
        let mut coming = Coming::of(&all);
        note(&mut coming, &all, &signal(&all, MATCH, "203.0.113.7", 1, 10), false);
        note(&mut coming, &all, &signal(&all, MATCH, "203.0.113.7", 1, 11), false);
        let shown = coming.news().unwrap();
        assert_eq!(
            shown.iter().map(|seen| (&*seen.entity.value, &*seen.detector)).collect::<Vec<_>>(),
            [("203.0.113.7", MATCH)]
        );
        assert_eq!(coming.news(), None, "nothing has changed since");
        coming.settle(|_, at| at <= Timestamp::from_seconds(9));
        assert_eq!(coming.news(), None);
        coming.settle(|_, at| at <= Timestamp::from_seconds(10));
        assert_eq!(coming.news(), Some(Vec::new()));
    }

    #[test]
    fn what_counts_or_is_open_already_is_not_shown() {
        let all = detectors();
        let mut coming = Coming::of(&all);
        note(&mut coming, &all, &signal(&all, "auth-failures.spike_from_one_address", "203.0.113.7", 1, 10), false);
        note(&mut coming, &all, &signal(&all, MATCH, "203.0.113.8", 2, 10), true);
        assert_eq!(coming.news(), None);
    }

    #[test]
    fn a_flood_of_matches_is_bounded() {
        let all = detectors();
        let mut coming = Coming::of(&all);
        for key in 0..10_000 {
            note(&mut coming, &all, &signal(&all, MATCH, "203.0.113.7", key, 10), false);
        }
        assert_eq!((coming.waiting.len(), coming.news().unwrap().len()), (MOST, SHOWN));
    }
}
