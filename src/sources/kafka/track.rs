//! How far has each partition been read, and what has been asked of the reader?
//!
//! A [`Track`] is shared by the polling thread and the pipeline's side, so a lock guards it; the
//! lock is held for a look-up, never while anything blocks. A partition is never forgotten, not
//! even while another member has it: when it comes back, reading goes on at our own position.
//! As many partitions as the topics have.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rdkafka::Statistics;
use rdkafka::error::RDKafkaErrorCode;

use crate::telemetry::{Mark, StreamId, StreamName, Streams};

use super::explain::weight;

/// One partition, ours now or before.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) id: StreamId,
    /// The offset of the next message to hand out; unknown until the first one if the broker was
    /// slow to tell.
    pub(super) next: Option<i64>,
    pub(super) assigned: bool,
    /// Where this reader began it.
    began: Option<i64>,
    at_end: bool,
    /// The client has said since the last message that a partition of this number was read to its end.
    may_end: bool,
    /// We have paused it: what was fetched ahead has been thrown away, and an empty queue tells nothing.
    paused: bool,
    /// The end of the partition as of the last statistics.
    end: Option<i64>,
    /// It has stopped with an error as of the last statistics.
    pub(super) stopped: bool,
    /// It is not what we have read by this name, and why: it is never ours again.
    stray: Option<String>,
}

impl Part {
    /// Tells whether it must not be read whoever has it.
    pub(super) fn is_stray(&self) -> bool {
        self.stray.is_some()
    }
}

/// Topic, partition, and the position to be at.
pub(super) type Place = (String, i32, i64);

/// Where every partition stands.
#[derive(Debug, Default)]
pub(super) struct Track {
    parts: BTreeMap<String, BTreeMap<i32, Part>>,
    /// What is to be said about partitions, in order, with the next batch.
    pub(super) marks: Vec<Mark>,
    /// The assignment has changed: what is paused must be paused again.
    pub(super) reassigned: bool,
    /// Where partitions were begun that had no resume point: to be committed, so that a restart
    /// before the first epoch begins there too.
    pub(super) begun: Vec<Place>,
    /// Partitions whose position the broker does not have, as events in the queue; which ones,
    /// only the statistics say.
    pub(super) resets: usize,
    /// Fresh statistics have come in.
    pub(super) measured: bool,
    /// That the cluster is not the one that was read before.
    pub(super) other_cluster: Option<String>,
    /// The error that says most since it was last taken.
    trouble: Option<(RDKafkaErrorCode, String)>,
    /// What [`super::KafkaReader::hold`] asked for.
    pub(super) hold: BTreeSet<StreamId>,
    pub(super) hold_changed: bool,
    /// What [`super::KafkaReader::committed`] asked for.
    pub(super) commit: Vec<(StreamId, i64)>,
}

/// A [`Track`] that two threads share.
#[derive(Debug, Default)]
pub(super) struct Shared(Mutex<Track>);

impl Shared {
    pub(super) fn lock(&self) -> MutexGuard<'_, Track> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Track {
    pub(super) fn get(&self, topic: &str, partition: i32) -> Option<&Part> {
        self.parts.get(topic)?.get(&partition)
    }

    /// Begins or takes back a partition at `next`, which the broker may not know.
    pub(super) fn assign(&mut self, topic: &str, partition: i32, next: Option<i64>, source: &str, streams: &Streams) {
        let name = || StreamName { source: source.to_owned(), topic: topic.to_owned(), partition };
        let of_topic = self.parts.entry(topic.to_owned()).or_default();
        let part = of_topic.entry(partition).or_insert_with(|| Part {
            id: streams.id(&name()),
            next: None,
            assigned: false,
            began: next,
            at_end: false,
            may_end: false,
            paused: false,
            end: None,
            stopped: false,
            stray: None,
        });
        if part.stray.is_some() {
            return;
        }
        part.next = next;
        part.assigned = true;
        part.at_end = false;
        (part.may_end, part.paused) = (false, false);
        part.stopped = false;
        self.marks.push(Mark::Opened(part.id));
        self.reassigned = true;
    }

    /// Says once more which partitions of ours have been read to their ends, and which have not.
    pub(super) fn remind(&mut self) {
        let marks: Vec<Mark> = self.assigned().map(|(_, _, part)| Mark::AtEnd(part.id, part.at_end)).collect();
        self.marks.extend(marks);
    }

    /// Records that a partition is ours no longer.
    pub(super) fn revoke(&mut self, topic: &str, partition: i32) {
        if let Some(part) = self.part(topic, partition)
            && part.assigned
        {
            part.assigned = false;
            let id = part.id;
            self.marks.push(Mark::Closed(id));
        }
        self.reassigned = true;
    }

    /// Records that the message at `offset` is handed out; returns its stream, or `None` if it is
    /// none that we wait for: of a partition taken away, or one handed out before.
    pub(super) fn read(&mut self, topic: &str, partition: i32, offset: i64) -> Option<StreamId> {
        let part = self.part(topic, partition)?;
        if !part.assigned || part.next.is_some_and(|next| offset < next) {
            return None;
        }
        part.next = Some(offset + 1);
        part.may_end = false;
        let id = part.id;
        if std::mem::take(&mut part.at_end) {
            self.marks.push(Mark::AtEnd(id, false));
        }
        Some(id)
    }

    /// Records that some topic's partition number `partition` has been read to its end. The
    /// client does not say which topic's; if it could be several, the statistics will tell.
    pub(super) fn ended(&mut self, partition: i32) {
        let ours = self.parts.values_mut().filter_map(|parts| parts.get_mut(&partition));
        let mut ours: Vec<&mut Part> = ours.filter(|part| part.assigned || part.is_stray()).collect();
        for part in &mut ours {
            part.may_end = !part.paused;
        }
        if let [part] = ours.as_mut_slice()
            && part.assigned
            && !part.at_end
        {
            part.at_end = true;
            let id = part.id;
            self.marks.push(Mark::AtEnd(id, true));
        }
    }

    /// Records that partitions of ours were paused or are read again; either way nothing that was
    /// fetched before is left in the client's queue.
    pub(super) fn pause(&mut self, which: impl Fn(StreamId) -> bool, paused: bool) {
        for part in self.parts.values_mut().flat_map(BTreeMap::values_mut).filter(|part| which(part.id)) {
            (part.paused, part.may_end) = (paused, false);
        }
    }

    /// Takes in fresh statistics: ends, lags, and which partitions have stopped.
    pub(super) fn measure(&mut self, statistics: &Statistics) {
        for (name, topic) in &statistics.topics {
            for (&number, seen) in &topic.partitions {
                let Some(part) = self.part(name, number) else { continue };
                if !part.assigned {
                    continue;
                }
                part.stopped = seen.fetch_state == "none";
                let end = if seen.ls_offset >= 0 { seen.ls_offset } else { seen.hi_offset };
                part.end = part.end.max((end >= 0).then_some(end));
                // Transaction markers at the end are never handed out: then an empty queue tells, unless it
                // is empty because the partition was paused.
                let ahead = part.next.is_some_and(|next| next > seen.eof_offset);
                let empty = part.may_end && seen.fetchq_cnt == 0 && seen.next_offset == seen.eof_offset;
                let read = part.next == Some(seen.eof_offset) || empty;
                if seen.eof_offset >= 0 && read && !ahead && !part.at_end {
                    part.at_end = true;
                    let id = part.id;
                    self.marks.push(Mark::AtEnd(id, true));
                }
            }
        }
        self.measured = true;
    }

    /// Records where a partition ends.
    pub(super) fn ends(&mut self, topic: &str, partition: i32, end: i64) {
        if let Some(part) = self.part(topic, partition) {
            part.end = part.end.max(Some(end));
        }
    }

    /// Moves a partition over messages that are gone.
    pub(super) fn skip(&mut self, topic: &str, partition: i32, from: i64, to: i64) {
        if let Some(part) = self.part(topic, partition) {
            part.next = Some(to);
            part.stopped = false;
            let stream = part.id;
            self.marks.push(Mark::Gap { stream, from, to });
        }
    }

    /// Stops a partition for good, for it is not what we have read by its name; `why` says so to people.
    pub(super) fn strays(&mut self, topic: &str, partition: i32, why: String) {
        self.revoke(topic, partition);
        if let Some(part) = self.part(topic, partition) {
            part.stray = Some(why);
        }
    }

    /// Says that the cluster is another one, and of the first partition that has strayed why it is not
    /// read, and how many more there are.
    pub(super) fn complaint(&self) -> Option<String> {
        let mut strays = self.all().filter_map(|(_, _, part)| part.stray.as_deref());
        let first = strays.next();
        let more = match strays.count() {
            0 => None,
            more => Some(format!("({more} more partitions are not read for the same reason.)")),
        };
        let all: Vec<&str> = self.other_cluster.as_deref().into_iter().chain(first).chain(more.as_deref()).collect();
        (!all.is_empty()).then(|| all.join(" "))
    }

    /// Keeps the error that says most.
    pub(super) fn trouble(&mut self, code: RDKafkaErrorCode, reason: &str) {
        if self.trouble.as_ref().is_none_or(|(known, _)| weight(code) >= weight(*known)) {
            self.trouble = Some((code, reason.chars().take(1_000).collect()));
        }
    }

    pub(super) fn take_trouble(&mut self) -> Option<(RDKafkaErrorCode, String)> {
        self.trouble.take()
    }

    /// Returns every partition that is ours now, with where it stands.
    pub(super) fn assigned(&self) -> impl Iterator<Item = (&str, i32, &Part)> {
        self.all().filter(|(_, _, part)| part.assigned)
    }

    /// Returns each of our partitions' lag in messages, as far as the broker has told its end.
    pub(super) fn lag(&self) -> Vec<(StreamId, i64)> {
        let lag = |part: &Part| Some((part.id, part.end?.saturating_sub(part.next?).max(0)));
        self.assigned().filter_map(|(_, _, part)| lag(part)).collect()
    }

    /// Returns where this reader began each partition it has had.
    pub(super) fn starts(&self) -> Vec<(StreamId, i64)> {
        self.all().filter_map(|(_, _, part)| Some((part.id, part.began?))).collect()
    }

    fn all(&self) -> impl Iterator<Item = (&str, i32, &Part)> {
        self.parts.iter().flat_map(|(topic, parts)| parts.iter().map(|(&number, part)| (topic.as_str(), number, part)))
    }

    fn part(&mut self, topic: &str, partition: i32) -> Option<&mut Part> {
        self.parts.get_mut(topic)?.get_mut(&partition)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn track(parts: &[(&str, i32)]) -> Track {
        let (mut track, streams) = (Track::default(), Streams::default());
        for &(topic, partition) in parts {
            track.assign(topic, partition, Some(10), "kafka", &streams);
        }
        track.marks.clear();
        track
    }

    #[test]
    fn a_message_handed_out_before_is_not_handed_out_again() {
        let mut track = track(&[("a", 0)]);
        assert_eq!(track.read("a", 0, 9), None);
        assert_eq!(track.read("a", 0, 10), Some(StreamId(0)));
        assert_eq!(track.read("a", 0, 10), None);
    }

    #[test]
    fn a_partition_that_comes_back_goes_on_where_it_was() {
        let mut track = track(&[("a", 0)]);
        track.read("a", 0, 10);
        track.revoke("a", 0);
        assert_eq!(track.read("a", 0, 11), None);
        assert_eq!(track.get("a", 0).and_then(|part| part.next), Some(11));
        assert_eq!(track.marks, [Mark::Closed(StreamId(0))]);
    }

    #[test]
    fn a_partition_that_has_strayed_is_never_read_again_and_holds_up_nobody() {
        let mut track = track(&[("a", 0), ("b", 0)]);
        track.strays("a", 0, "a/0 was made anew.".to_owned());
        assert_eq!((track.read("a", 0, 10), track.read("b", 0, 10)), (None, Some(StreamId(1))));
        assert_eq!(track.marks, [Mark::Closed(StreamId(0))]);
        track.revoke("a", 0);
        track.assign("a", 0, None, "kafka", &Streams::default());
        assert_eq!((track.read("a", 0, 10), track.get("a", 0).and_then(|part| part.next)), (None, Some(10)));
        // Whose end that is nobody knows: of the other it must not be said.
        track.ended(0);
        assert_eq!(track.marks, [Mark::Closed(StreamId(0))]);
        assert_eq!(track.complaint().as_deref(), Some("a/0 was made anew."));
        track.strays("b", 0, "b/0 was made anew.".to_owned());
        assert!(track.complaint().is_some_and(|says| says.contains("1 more")));
    }

    #[test]
    fn an_end_is_said_once_and_taken_back_by_the_next_message() {
        let mut track = track(&[("a", 0), ("a", 1)]);
        track.ended(0);
        track.ended(0);
        track.read("a", 0, 10);
        assert_eq!(track.marks, [Mark::AtEnd(StreamId(0), true), Mark::AtEnd(StreamId(0), false)]);
    }

    /// Statistics in which partition 0 of topics `a` and `b` has an empty queue, fetched up to 12, with
    /// these ends; negative if they are not known.
    fn statistics(ends: [i64; 2]) -> Statistics {
        let empty = r#"{"min":0,"max":0,"avg":0,"sum":0,"cnt":0,"stddev":0,"hdrsize":0,"p50":0,"p75":0,"p90":0,"p95":0,"p99":0,"p99_99":0,"outofrange":0}"#;
        let topic = |name: &str, end: i64| {
            format!(
                r#""{name}":{{"topic":"{name}","age":1,"metadata_age":1,"batchsize":{empty},"batchcnt":{empty},"partitions":{{
                "0":{{"partition":0,"broker":1,"leader":1,"desired":true,"unknown":false,"msgq_cnt":0,
                "msgq_bytes":0,"xmit_msgq_cnt":0,"xmit_msgq_bytes":0,"fetchq_cnt":0,"fetchq_size":0,"fetch_state":"active",
                "query_offset":-1001,"next_offset":12,"app_offset":12,"stored_offset":-1001,"committed_offset":-1001,
                "eof_offset":{end},"lo_offset":0,"hi_offset":10,"ls_offset":10,"consumer_lag":0,"consumer_lag_stored":0,
                "txmsgs":0,"txbytes":0,"rxmsgs":0,"rxbytes":0,"msgs":0,"rx_ver_drops":0,"msgs_inflight":0,
                "next_ack_seq":0,"next_err_seq":0,"acked_msgid":0}}}}}}"#
            )
        };
        let text = format!(
            r#"{{"name":"","client_id":"","type":"consumer","ts":0,"time":0,"age":0,"replyq":0,"msg_cnt":0,"msg_size":0,"msg_max":0,
            "msg_size_max":0,"tx":0,"tx_bytes":0,"rx":0,"rx_bytes":0,"txmsgs":0,"txmsg_bytes":0,"rxmsgs":0,"rxmsg_bytes":0,
            "simple_cnt":0,"metadata_cache_cnt":0,"brokers":{{}},"topics":{{{},{}}}}}"#,
            topic("a", ends[0]),
            topic("b", ends[1])
        );
        serde_json::from_str(&text).unwrap()
    }

    #[test]
    fn an_end_that_could_be_of_two_topics_waits_for_the_statistics() {
        let mut track = track(&[("a", 0), ("b", 0)]);
        track.ended(0);
        assert_eq!(track.marks, []);
        track.measure(&statistics([-1001, 10]));
        assert_eq!(track.marks, [Mark::AtEnd(StreamId(1), true)]);
        assert_eq!(track.lag(), [(StreamId(0), 0), (StreamId(1), 0)]);
    }

    #[test]
    fn an_empty_queue_behind_transactions_is_an_end_once_the_client_has_said_so() {
        let mut track = track(&[("a", 0), ("b", 0)]);
        track.measure(&statistics([12, -1001]));
        assert_eq!(track.marks, []);
        track.ended(0);
        track.measure(&statistics([12, -1001]));
        assert_eq!(track.marks, [Mark::AtEnd(StreamId(0), true)]);
    }

    #[test]
    fn a_queue_that_was_emptied_by_a_pause_is_no_end() {
        let mut track = track(&[("a", 0), ("b", 0)]);
        track.ended(0);
        track.pause(|_| true, true);
        track.measure(&statistics([12, 12]));
        track.ended(0);
        track.measure(&statistics([12, 12]));
        track.pause(|id| id == StreamId(0), false);
        track.measure(&statistics([12, 12]));
        assert_eq!(track.marks, []);
        track.ended(0);
        track.measure(&statistics([12, 12]));
        assert_eq!(track.marks, [Mark::AtEnd(StreamId(0), true)]);
    }
}
