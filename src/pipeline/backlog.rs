//! Of which alerts is nobody told because they are old?
//!
//! A first start reads the past, and nobody is to be paged for it: an alert whose last event is older
//! than `notify_max_age` is passed over. But what happened while Gatewatch was away, or its source was,
//! is news however late it is read: of a source that is known that is all from its first start on (and
//! the age before), and all that comes by a stream which had been read to its end before this start.
//! What people or a mute that ends do with an alert is of now. It remembers as many streams as have a
//! position.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::alerts::{Alert, Change, Transition};
use crate::clock::Timestamp;
use crate::detection::drifting::CONTROL_WEAKENED;
use crate::store::{Epoch, StreamPosition};
use crate::telemetry::{StreamId, Streams};

use super::retries::is_of_retries;

/// What it is called in an epoch.
pub const BACKLOG: &str = "backlog";

/// What an epoch keeps of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Known {
    /// When each source was first read, wall time.
    begun: BTreeMap<String, Timestamp>,
    /// Streams that have been read to their end.
    ended: BTreeSet<StreamId>,
}

/// Tells news from what was there before anybody asked.
#[derive(Debug)]
pub struct Backlog {
    most: Duration,
    streams: Streams,
    known: Known,
    /// Streams that had been read to their end when this daemon began.
    before: BTreeSet<StreamId>,
    unsaved: bool,
}

impl Backlog {
    /// Returns one that passes over what is older than `most`, and goes on from what an epoch has `kept`. A store
    /// that has kept nothing, though it has `positions`, is of an older version: its streams are known. Tells beside
    /// it whether what was kept could be read.
    pub fn restored(
        most: Duration,
        kept: Option<&[u8]>,
        positions: &[StreamPosition],
        streams: &Streams,
    ) -> (Self, bool) {
        let read = kept.map(postcard::from_bytes::<Known>);
        let sound = !matches!(read, Some(Err(_)));
        let is_source = |stream: &StreamId| streams.name(*stream).is_some_and(|name| !is_of_retries(&name));
        let all = || positions.iter().map(|position| position.stream).filter(is_source).collect();
        let known = match read {
            Some(Ok(known)) => known,
            _ => Known { ended: all(), ..Known::default() },
        };
        (Self { most, streams: streams.clone(), before: known.ended.clone(), known, unsaved: false }, sound)
    }

    /// Tells whether nobody is to hear of `transition` who does not know its alert, as it is old at `now`.
    pub fn passes_over(&self, transition: &Transition, now: Timestamp) -> bool {
        let of_now = matches!(
            transition,
            Transition::Updated(_, Change::Unsilenced { .. } | Change::ReopenedBy { .. } | Change::Restored { .. })
        );
        !of_now && self.is_old(transition.alert(), now)
    }

    /// Tells whether `alert` is no news at `now`.
    pub fn is_old(&self, alert: &Alert, now: Timestamp) -> bool {
        // What follows from a reading is news, however long ago the newest event was.
        if alert.last_seen >= now.minus(self.most) || *alert.detector == *CONTROL_WEAKENED {
            return false;
        }
        let since = |begun: Timestamp| alert.last_seen >= begun.minus(self.most);
        let evidence = alert.all_evidence();
        if evidence.is_empty() {
            // Of what is missing there is no event: it is missed since the first source was read.
            return !self.known.begun.values().min().copied().is_some_and(since);
        }
        let from: BTreeSet<StreamId> = evidence.iter().map(|one| one.position.stream).collect();
        let is_news = |stream: &StreamId| {
            let name = self.streams.name(*stream).filter(|name| !is_of_retries(name));
            let begun = name.and_then(|name| self.known.begun.get(&name.source).copied());
            self.before.contains(stream) || begun.is_some_and(since)
        };
        !from.iter().any(is_news)
    }

    /// Takes in what `epoch` says of streams, and which of them are read to their end.
    pub fn note(&mut self, epoch: &Epoch, live: &BTreeSet<StreamId>) {
        for (_, name) in &epoch.streams {
            if !self.known.begun.contains_key(&name.source) {
                self.known.begun.insert(name.source.clone(), epoch.at);
                self.unsaved = true;
            }
        }
        for stream in live {
            self.unsaved |= self.known.ended.insert(*stream);
        }
        for stream in &epoch.forgotten {
            self.unsaved |= self.known.ended.remove(stream);
        }
    }

    /// Returns what the epoch is to keep, if that has changed.
    pub fn save(&mut self) -> Option<Vec<u8>> {
        if !std::mem::take(&mut self.unsaved) {
            return None;
        }
        postcard::to_stdvec(&self.known).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alerts::Evidence;
    use crate::sinks::sample;
    use crate::telemetry::{Position, StreamName};

    const AGE: Duration = Duration::from_hours(6);
    /// The first start.
    const BEGUN: Timestamp = Timestamp::from_seconds(1_000_000);

    fn hours(of: i64) -> Timestamp {
        Timestamp::from_seconds(1_000_000 + of * 3_600)
    }

    fn named(source: &str, partition: i32) -> StreamName {
        StreamName { source: source.into(), topic: "t".into(), partition }
    }

    fn streams() -> Streams {
        let retried = StreamName { source: "dead-letters".into(), topic: "retried".into(), partition: 0 };
        Streams::restore(vec![named("hub", 0), named("hub", 1), retried])
    }

    /// An alert whose last event, of `stream`, was at `last`.
    fn alert(stream: u32, last: Timestamp) -> Alert {
        let sample = sample();
        let position = Position { stream: StreamId(stream), ..sample.evidence[0].position };
        let evidence = vec![Evidence { position, ..sample.evidence[0].clone() }];
        Alert { evidence, members: Vec::new(), last_seen: last, ..sample }
    }

    fn first() -> Backlog {
        let (mut backlog, _) = Backlog::restored(AGE, None, &[], &streams());
        let named = [0, 2].map(|n| (StreamId(n), (*streams().name(StreamId(n)).unwrap()).clone())).to_vec();
        backlog.note(&Epoch { at: BEGUN, streams: named, ..Epoch::default() }, &BTreeSet::new());
        backlog
    }

    /// The same after a restart.
    fn restarted(mut backlog: Backlog, ended: &[u32]) -> Backlog {
        let live = ended.iter().copied().map(StreamId).collect();
        backlog.note(&Epoch { at: hours(1), ..Epoch::default() }, &live);
        let kept = backlog.save().expect("it has changed");
        assert_eq!(backlog.save(), None, "and is written once");
        Backlog::restored(AGE, Some(&kept), &[], &streams()).0
    }

    #[test]
    fn nobody_is_paged_for_the_past_that_a_first_start_reads() {
        let backlog = first();
        let old = |last, now| backlog.is_old(&alert(0, last), now);
        assert!(old(hours(-7), BEGUN) && !old(hours(-5), BEGUN));
        // Nor if it takes hours, or a restart comes between.
        assert!(old(hours(-7), hours(9)));
        let again = restarted(first(), &[]);
        assert!(again.is_old(&alert(0, hours(-7)), hours(2)));
    }

    #[test]
    fn what_happened_in_a_long_outage_is_told() {
        let backlog = first();
        assert!(!backlog.is_old(&alert(0, hours(10)), hours(18)), "the source was away");
        let again = restarted(first(), &[0]);
        assert!(!again.is_old(&alert(0, hours(10)), hours(18)), "the daemon was away");
        assert!(!again.is_old(&alert(1, hours(10)), hours(18)), "a partition that is new since");
        assert!(!again.is_old(&alert(0, hours(-7)), hours(2)), "it had been read to its end");
        assert!(again.is_old(&alert(1, hours(-7)), hours(2)), "this one had not");
        let missing = Alert { evidence: Vec::new(), ..alert(0, hours(10)) };
        assert!(!again.is_old(&missing, hours(18)));
    }

    #[test]
    fn a_store_of_an_older_version_has_known_streams() {
        let at = |stream| StreamPosition { stream: StreamId(stream), resume: 1, absorbed: 1 };
        let (backlog, sound) = Backlog::restored(AGE, Some(b"\xff"), &[at(0), at(2)], &streams());
        assert!(!sound && !backlog.is_old(&alert(0, hours(-9)), BEGUN));
        assert!(backlog.is_old(&alert(2, hours(-9)), BEGUN), "letters are of any time");
    }

    #[test]
    fn dead_letters_that_are_tried_again_are_as_old_as_they_are() {
        let backlog = restarted(first(), &[0]);
        assert!(backlog.is_old(&alert(2, hours(10)), hours(18)));
    }

    #[test]
    fn what_people_do_and_what_a_mute_lets_go_is_of_now() {
        let backlog = first();
        let old = || alert(0, hours(-9));
        let by = || "dana".to_owned();
        let passed = |change| backlog.passes_over(&Transition::Updated(old(), change), BEGUN);
        assert!(passed(Change::Events) && passed(Change::Reopened));
        assert!(!passed(Change::Unsilenced { why: "silence 7 has expired".into() }));
        assert!(!passed(Change::ReopenedBy { by: by(), reason: "not over".into() }));
        assert!(!passed(Change::Restored { by: by() }));
        assert!(backlog.passes_over(&Transition::Opened(old()), BEGUN));
    }
}
