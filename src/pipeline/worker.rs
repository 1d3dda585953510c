//! Stage 1: what a worker makes of a batch, with no state but its arena.
//!
//! Decoding and finishing meet here, so this is the one file outside `telemetry` and `redaction`
//! that sees an event before it is redacted: it passes each straight on to the redactor.

mod contained;
mod events;
mod look;
mod together;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::ops::Range;
use std::sync::Arc;

use bumpalo::Bump;
use xxhash_rust::xxh3::{Xxh3, xxh3_128_with_seed};

use crate::clock::{Clock, Timestamp};
use crate::context::{Asked, Context, Seen, Topology, Where};
use crate::dashboard::Tap;
use crate::detection::{Matcher, Signal, Told};
use crate::posture::observed::Seeing;
use crate::redaction::{Link, RedactedEvent, Redactor, Replacement, splice};
use crate::store::{LETTER_BYTES, NewDeadLetter};
use crate::telemetry::{Batch, Category, Event, Mark, Position, Scanned, StreamId, Undecodable};

use super::listening::Listening;
use super::uses::{Noted, Uses};

use super::tapped::offer;
use contained::contained;
use together::Work;

/// What every worker needs; shared, and replaced whole when detectors are reloaded.
#[derive(Clone, Debug)]
pub struct Stage {
    /// Takes secrets and people out.
    pub redactor: Arc<Redactor>,
    /// Knows who called and what lies behind what.
    pub topology: Topology,
    /// Knows where addresses lie, who lists them, and what should be there.
    pub context: Arc<Context>,
    /// Finds what concerns a detector.
    pub matcher: Matcher,
    /// Seed of the content hash by which duplicates are known: the installation's own.
    pub content_seed: u64,
    /// Whether the redacted stream is written, so that messages must be put together again.
    pub keep_redacted: bool,
    /// Shows the redacted events to those who watch; costs nothing while nobody does.
    pub tap: Tap,
    /// Tells a time that can't be from one that can: a record from the future would carry every
    /// watermark there, and all that comes after it would be late for ever.
    pub clock: Clock,
}

/// A message as the coordinator sees it.
#[derive(Debug)]
pub struct MessageSeen {
    /// Where it came from.
    pub stream: StreamId,
    /// Its offset.
    pub offset: i64,
    /// Where to go on after it.
    pub next: i64,
    /// Its size in bytes, as read.
    pub size: u32,
    /// Its decoded records, in [`Worked::records`].
    pub records: Range<u32>,
    /// Its records that could not be decoded, in [`Worked::dead`].
    pub dead: Range<u32>,
    /// The message without secrets and people, where the redacted stream is written.
    pub redacted: Option<Vec<u8>>,
}

/// A decoded record as the coordinator sees it.
#[derive(Debug)]
pub struct RecordSeen {
    /// Its place in the message.
    pub index: u32,
    /// Keyed hash of its content, or of its own id where its category has one.
    pub hash: u128,
    /// When it happened.
    pub time: Timestamp,
    /// What wrote it.
    pub category: Category,
    /// Its signals, in [`Worked::signals`].
    pub signals: Range<u32>,
    /// Its matches that were held back, in [`Worked::held`].
    pub held: Range<u32>,
    /// What it says of keys, in [`Worked::uses`].
    pub noted: Noted,
}

/// What a worker made of a batch.
#[derive(Debug, Default)]
pub struct Worked {
    /// The batch's messages, in order.
    pub messages: Vec<MessageSeen>,
    /// Their records, in order.
    pub records: Vec<RecordSeen>,
    /// The records' signals, in order.
    pub signals: Vec<Signal>,
    /// The exceptions that held the records' matches back, in order.
    pub held: Vec<Arc<str>>,
    /// What could not be decoded, redacted.
    pub dead: Vec<NewDeadLetter>,
    /// What came of each app and gateway.
    pub listening: Listening,
    /// What the records prove of apps, gateways and endpoints.
    pub seeing: Seeing,
    /// Replacements made, by kind.
    pub redactions: BTreeMap<Arc<str>, u64>,
    /// What got a second fingerprint, during the overlap of a rotation.
    pub links: Vec<Link>,
    /// What the records say of keys.
    pub uses: Uses,
    /// What the source said beside its messages.
    pub marks: Vec<Mark>,
}

impl Stage {
    /// Scans, decodes, redacts and matches `batch`. A message that makes any of these panic becomes
    /// a dead letter without its bytes; the others are worked as if it were not there.
    pub fn work(&self, batch: &Batch, arena: &mut Bump) -> Worked {
        self.work_on(batch, arena, &mut Told::default())
    }

    /// Works `batch` as [`Stage::work`] does, as one of many that all go the same way: detectors are not
    /// told what changes nothing because they were `told` it before.
    pub fn work_on(&self, batch: &Batch, arena: &mut Bump, told: &mut Told) -> Worked {
        contained(batch, arena, |batch, arena| self.work_all(batch, arena, told))
    }

    fn work_all(&self, batch: &Batch, arena: &mut Bump, told: &mut Told) -> Worked {
        let scanned = self.redactor.scan(batch);
        let worked = Worked {
            marks: batch.marks.clone(),
            messages: Vec::with_capacity(batch.messages.len()),
            records: Vec::with_capacity(batch.messages.len().max(batch.bytes.len() / 1_024)),
            ..Worked::default()
        };
        // Lost if this panics: what was not handed over was told nobody.
        let signals = self.matcher.signals(batch.bytes.len(), told);
        let mut work = Work::new(worked, signals, self.asked(), self.clock.now());
        let mut next = 0;
        while next < batch.messages.len() {
            arena.reset();
            next = self.messages(&scanned, next, arena, &mut work);
        }
        let (worked, by_now) = work.finish();
        *told = by_now;
        Worked { links: self.redactor.new_links(), ..worked }
    }

    /// What is asked of context: by detectors and exceptions, and by who watches the events pass.
    fn asked(&self) -> Asked {
        let watched = self.tap.is_open();
        self.context.answers(if watched { Asked::ALL } else { self.matcher.asked() })
    }

    /// Puts the client in the place of the last hop, and marks what a gateway has seen before.
    fn locate(&self, event: &mut Event<'_>) {
        let found = self.topology.look(&Seen {
            kind: event.kind,
            app: event.app.map(|text| text.value),
            gateway: event.gateway.map(|text| text.value),
            peer: event.source_ip,
            forwarded: event.forwarded.map(|text| text.value),
            front_door_client: event.front_door.client.map(|text| text.value),
            front_door_socket: event.front_door.socket.map(|text| text.value),
            front_door_id: event.front_door.id.map(|text| text.value),
        });
        event.layer = event.layer.or(found.layer);
        let Some(client) = found.client.filter(|_| event.peer.is_none()) else { return };
        let written = match client.written {
            Where::Forwarded => event.forwarded,
            Where::FrontDoorSocket => event.front_door.socket,
            Where::FrontDoorClient => event.front_door.client,
        };
        event.peer = event.source_text;
        event.source_text = written.and_then(|text| text.part(client.at));
        (event.source_ip, event.source_port) = (Some(client.ip), client.port);
    }

    /// A record's own id may repeat in other requests of one correlation, so time and address
    /// are hashed with it.
    fn hash(&self, event: &RedactedEvent<'_>) -> u128 {
        let Some(id) = event.own_id() else { return xxh3_128_with_seed(event.scanned_record(), self.content_seed) };
        let mut hash = Xxh3::with_seed(self.content_seed);
        hash.update(event.category().name().as_bytes());
        hash.update(&event.time().nanos().to_le_bytes());
        match event.source_ip() {
            Some(IpAddr::V4(ip)) => hash.update(&ip.octets()),
            Some(IpAddr::V6(ip)) => hash.update(&ip.octets()),
            None => {}
        }
        hash.update(id.as_bytes());
        hash.digest128()
    }

    fn dead_letter(
        &self,
        scanned: &Scanned<'_>,
        message: usize,
        what: &Undecodable,
        people: &[Replacement],
    ) -> NewDeadLetter {
        let at = &scanned.batch().messages[message];
        let bytes = scanned.bytes(message);
        let end = what.bytes.end.min(u32::try_from(bytes.len()).unwrap_or(u32::MAX));
        let mut kept = splice(bytes, what.bytes.start.min(end)..end, people);
        let size = len(&kept);
        kept.truncate(LETTER_BYTES);
        NewDeadLetter {
            position: Position { stream: at.stream, offset: at.offset, index: what.index },
            reason: what.reason.name(),
            size,
            bytes: self.redactor.hide(&kept).into_owned(),
        }
    }
}

fn len<T>(of: &[T]) -> u32 {
    u32::try_from(of.len()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detection::Catalogue;
    use crate::redaction::{KeyRing, Settings};

    const NOON: &str = "2026-03-02T12:00:00Z";

    fn stage() -> Stage {
        Stage {
            redactor: Arc::new(Redactor::new(&KeyRing::ephemeral().unwrap(), &Settings::default()).unwrap()),
            matcher: Matcher::new(Vec::new().into(), (1, 2)),
            content_seed: 3,
            keep_redacted: true,
            tap: Tap::default(),
            topology: Topology::default(),
            context: Arc::default(),
            clock: Clock::fixed(Timestamp::parse_rfc3339(NOON).unwrap()),
        }
    }

    fn record(time: &str) -> String {
        format!(
            r#"{{"time":"{time}","category":"Other","resourceId":"/SUBSCRIPTIONS/S/RESOURCEGROUPS/G/PROVIDERS/MICROSOFT.WEB/SITES/SHOP"}}"#
        )
    }

    fn batch(messages: &[String]) -> Batch {
        let mut batch = Batch { marks: vec![Mark::AtEnd(StreamId(0), true)], ..Batch::default() };
        for (offset, message) in (0..).zip(messages) {
            batch.push(message.as_bytes(), StreamId(0), offset, offset + 1, None);
        }
        batch
    }

    #[test]
    fn a_message_that_makes_a_worker_panic_is_a_dead_letter_and_the_others_go_on() {
        let stage = stage();
        let messages = [record(NOON), "a message with the bug in it".to_owned(), record(NOON)];
        let whole = batch(&messages);
        let worked = contained(&whole, &mut Bump::new(), |batch, arena| {
            assert!(memchr::memmem::find(&batch.bytes, b"the bug").is_none(), "a bug was found");
            stage.work_all(batch, arena, &mut Told::default())
        });
        let dead: Vec<_> =
            worked.dead.iter().map(|dead| (dead.position.offset, dead.reason, dead.bytes.len())).collect();
        assert_eq!(dead, [(1, "panicked", 0)], "its bytes may hold what was not hidden");
        let seen: Vec<_> =
            worked.messages.iter().map(|m| (m.offset, m.next, m.records.clone(), m.dead.clone())).collect();
        assert_eq!(seen, [(0, 1, 0..1, 0..0), (1, 2, 1..1, 0..1), (2, 3, 1..2, 1..1)]);
        assert_eq!(worked.records.len(), 2);
        assert_eq!(worked.marks, whole.marks);
        let redacted: Vec<_> = worked.messages.iter().map(|m| m.redacted.as_ref().unwrap().is_empty()).collect();
        assert_eq!(redacted, [false, true, false]);
    }

    #[test]
    fn what_changes_nothing_is_told_once_an_hour_unless_it_happened_before_or_detectors_are_others() {
        let fresh = || Stage { matcher: Catalogue::shipped().unwrap().matcher((1, 2)), ..stage() };
        let (shipped, mut told) = (fresh(), Told::default());
        let first = shipped.matcher.place_of_first_seen();
        let mut signals = |stage: &Stage, time: &str| {
            let record = format!(
                r#"{{"time":"2026-03-02T{time}Z","category":"GatewayLogs","callerIpAddress":"203.0.113.7","resourceId":"/SUBSCRIPTIONS/S/RESOURCEGROUPS/G/PROVIDERS/MICROSOFT.APIMANAGEMENT/SERVICE/GATE","properties":{{"method":"GET","url":"https://g.example/a","responseCode":200,"apimSubscriptionId":"s-1","operationId":"get"}}}}"#
            );
            let worked = stage.work_on(&batch(&[record]), &mut Bump::new(), &mut told);
            worked.signals.iter().filter(|signal| first.contains(&signal.detector)).count()
        };
        let of_new = signals(&shipped, "11:10:00");
        assert!(of_new > 0);
        assert_eq!(signals(&shipped, "11:20:00"), 0);
        assert_eq!(signals(&shipped, "11:05:00"), of_new, "it happened before");
        assert_eq!(signals(&shipped, "11:05:01"), 0);
        assert_eq!(signals(&shipped, "12:00:00"), of_new, "the hour is over");
        assert_eq!(signals(&fresh(), "12:00:01"), of_new, "nobody has told these");
    }

    #[test]
    fn a_record_from_the_future_is_a_dead_letter_and_moves_no_time() {
        let messages = [record("2026-03-02T12:59:59Z"), record("2026-03-02T13:00:01Z"), record("9999-12-31T00:00:00Z")];
        let worked = stage().work(&batch(&messages), &mut Bump::new());
        assert_eq!(worked.records.len(), 1, "an hour ahead of the clock may be");
        let dead: Vec<_> = worked.dead.iter().map(|dead| (dead.position.offset, dead.reason)).collect();
        assert_eq!(dead, [(1, "from_the_future"), (2, "from_the_future")]);
        assert!(worked.dead[0].bytes.starts_with(b"{\"time\":\"2026-03-02T13:00:01Z\""));
    }
}
