//! What is done for several records before the next thing is done for the first of them?
//!
//! Everything: 64 records, or one message of more, are decoded; then they are finished, then heard, then hashed and
//! tried, and then their signals are made. Done in turns, record by record, each of these pushes the instructions of
//! the others out of the processor's nearest cache, which made the whole path a tenth slower.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use bumpalo::Bump;

use crate::clock::Timestamp;
use crate::context::{Asked, Memo};
use crate::detection::{Signals, Told, Tried};
use crate::redaction::{RedactedEvent, Replacement, splice};
use crate::store::{LETTER_BYTES, NewDeadLetter};
use crate::telemetry::{Decoder, Event, Scanned, Undecodable};

use super::{MessageSeen, RecordSeen, Stage, Worked, len, offer};

/// Records that are decoded before the first of them is finished.
const TOGETHER: usize = 64;
/// How far ahead of the clock a record's time may be.
const AHEAD_OF_CLOCK: Duration = Duration::from_hours(1);

/// A batch in work.
pub(super) struct Work<'c> {
    worked: Worked,
    signals: Signals,
    redactions: Redactions,
    /// What is asked of context, and what it has said so far.
    asked: Asked,
    memo: Memo<'c>,
    now: Timestamp,
    /// What happens later than this can't have happened.
    latest: Timestamp,
    /// Of the records at hand that can have happened: their hashes, and what was tried on them.
    hashes: Vec<u128>,
    tried: Tried,
    /// How many of them have been looked at.
    done: usize,
}

/// Messages whose records are at hand.
struct Records<'s> {
    /// The number of the first message.
    first: usize,
    /// Where the records of each message end.
    ends: Vec<usize>,
    events: Vec<Result<RedactedEvent<'s>, Undecodable>>,
}

impl Work<'_> {
    /// Returns what is begun with `worked`, and gives `signals`, at `now` by the clock.
    pub(super) fn new(worked: Worked, signals: Signals, asked: Asked, now: Timestamp) -> Self {
        Self {
            worked,
            signals,
            redactions: Redactions::default(),
            asked,
            memo: Memo::default(),
            now,
            latest: now.plus(AHEAD_OF_CLOCK),
            hashes: Vec::new(),
            tried: Tried::default(),
            done: 0,
        }
    }

    /// Returns what was made of the batch, and what its detectors have been told by now.
    pub(super) fn finish(mut self) -> (Worked, Told) {
        let held = self.signals.take_held();
        let (signals, told) = self.signals.finish();
        (Worked { signals, held, redactions: self.redactions.by_kind(), ..self.worked }, told)
    }

    /// Tells whether a record can have happened.
    fn can_be(&self, event: &RedactedEvent<'_>) -> bool {
        event.time() <= self.latest
    }
}

impl Records<'_> {
    /// Returns the messages' numbers, and where the records of each stand.
    fn messages(&self) -> impl Iterator<Item = (usize, Range<usize>)> {
        let ranges = self.ends.iter().scan(0, |from, end| Some(std::mem::replace(from, *end)..*end));
        (self.first..).zip(ranges)
    }
}

impl Stage {
    /// Works messages from `first` on until they have had [`TOGETHER`] records; returns where to go on.
    pub(super) fn messages<'c: 's, 's>(
        &'c self,
        scanned: &'s Scanned<'_>,
        first: usize,
        arena: &'s Bump,
        work: &mut Work<'c>,
    ) -> usize {
        let (mut decoded, mut ends) = (Vec::with_capacity(2 * TOGETHER), Vec::with_capacity(TOGETHER));
        let mut decoder = Decoder::new(scanned, arena);
        for message in first..scanned.batch().messages.len() {
            decoder.decode(message, |one| decoded.push(one));
            ends.push(decoded.len());
            if decoded.len() >= TOGETHER {
                break;
            }
        }
        let finished = |one: Result<_, _>| one.map(|event| self.finished(event, arena, work));
        let records = Records { first, ends, events: decoded.into_iter().map(finished).collect() };
        hear(scanned, &records, work);
        self.try_on(&records, work);
        for (message, of_message) in records.messages() {
            self.message(scanned, message, &records.events[of_message], work);
        }
        first + records.ends.len()
    }

    /// Returns an event with what is known beside its record, and without people.
    fn finished<'c: 's, 's>(
        &'c self,
        event: &'s mut Event<'s>,
        arena: &'s Bump,
        work: &mut Work<'c>,
    ) -> RedactedEvent<'s> {
        self.locate(event);
        if work.asked != Asked::default() {
            event.known = self.look(event, work.asked, &mut work.memo).map(|known| &*arena.alloc(known));
        }
        self.redactor.finish(event)
    }

    fn try_on(&self, records: &Records<'_>, work: &mut Work<'_>) {
        let (mut hashes, mut tried) = (std::mem::take(&mut work.hashes), std::mem::take(&mut work.tried));
        hashes.clear();
        tried.clear();
        let seen = || records.events.iter().flatten().filter(|event| work.can_be(event));
        hashes.extend(seen().map(|event| self.hash(event)));
        seen().for_each(|event| self.matcher.try_on(event, &mut tried));
        (work.hashes, work.tried, work.done) = (hashes, tried, 0);
    }

    fn message(
        &self,
        scanned: &Scanned<'_>,
        message: usize,
        events: &[Result<RedactedEvent<'_>, Undecodable>],
        work: &mut Work<'_>,
    ) {
        let at = &scanned.batch().messages[message];
        let (first_record, first_dead) = (len(&work.worked.records), len(&work.worked.dead));
        let mut replacements: Vec<Replacement> = Vec::new();
        let seen = scanned.sightings(message).iter().filter(|seen| !seen.is_hash());
        seen.for_each(|seen| work.redactions.count(&seen.kind));
        for event in events {
            match event {
                Ok(event) => {
                    work.redactions.people += event.replacements().len() as u64;
                    if self.keep_redacted {
                        replacements.extend_from_slice(event.replacements());
                    }
                    if work.can_be(event) {
                        self.record(event, work);
                    } else {
                        work.worked.dead.push(ahead_of_the_clock(event));
                    }
                }
                Err(undecodable) => {
                    let people = self.redactor.personal_in(scanned.bytes(message), undecodable.bytes.clone());
                    work.worked.dead.push(self.dead_letter(scanned, message, undecodable, &people));
                    replacements.extend(people);
                }
            }
        }
        let redacted = self.keep_redacted.then(|| {
            let bytes = scanned.bytes(message);
            let all = 0..u32::try_from(bytes.len()).unwrap_or(u32::MAX);
            replacements.sort_by_key(|replacement| replacement.raw.start);
            splice(bytes, all, &replacements)
        });
        work.worked.messages.push(MessageSeen {
            stream: at.stream,
            offset: at.offset,
            next: at.next,
            size: at.bytes.end - at.bytes.start,
            records: first_record..len(&work.worked.records),
            dead: first_dead..len(&work.worked.dead),
            redacted,
        });
    }

    /// Looks at a record, the next one of those that were tried.
    fn record(&self, event: &RedactedEvent<'_>, work: &mut Work<'_>) {
        if self.tap.is_open() {
            offer(&self.tap, event);
        }
        let Work { worked, signals, hashes, tried, done, .. } = work;
        let hash = hashes[*done];
        let (first_signal, first_held) = (signals.len() as u32, signals.held_back() as u32);
        self.matcher.observe_tried(event, hash, (tried, *done), signals);
        *done += 1;
        let noted = worked.uses.note(event);
        worked.records.push(RecordSeen {
            index: event.position().index,
            hash,
            time: event.time(),
            category: event.category(),
            signals: first_signal..signals.len() as u32,
            held: first_held..signals.held_back() as u32,
            noted,
        });
    }
}

/// Notes of whom the records come, and what they prove.
fn hear(scanned: &Scanned<'_>, records: &Records<'_>, work: &mut Work<'_>) {
    for (message, of_message) in records.messages() {
        let received = scanned.batch().messages[message].received;
        for event in records.events[of_message].iter().flatten().filter(|event| event.time() <= work.latest) {
            work.worked.listening.hear(event, received, work.now);
            work.worked.seeing.see(event);
        }
    }
}

fn ahead_of_the_clock(event: &RedactedEvent<'_>) -> NewDeadLetter {
    let mut bytes = event.record().into_owned();
    let size = len(&bytes);
    bytes.truncate(LETTER_BYTES);
    NewDeadLetter { position: event.position(), reason: "from_the_future", bytes, size }
}

/// What was taken out, by kind.
#[derive(Default)]
struct Redactions {
    /// Few kinds stand in a batch, and each has one name.
    secrets: Vec<(Arc<str>, u64)>,
    people: u64,
}

impl Redactions {
    fn count(&mut self, kind: &Arc<str>) {
        match self.secrets.iter_mut().find(|(known, _)| Arc::ptr_eq(known, kind)) {
            Some((_, many)) => *many += 1,
            None => self.secrets.push((kind.clone(), 1)),
        }
    }

    fn by_kind(self) -> BTreeMap<Arc<str>, u64> {
        let mut all = BTreeMap::new();
        let people = (Arc::from("person"), self.people);
        for (kind, many) in self.secrets.into_iter().chain([people].into_iter().filter(|(_, many)| *many > 0)) {
            *all.entry(kind).or_default() += many;
        }
        all
    }
}
