//! A batch from which the secrets are gone.
//!
//! Most messages hide nothing and are the batch's own bytes; the few others carry a copy with
//! their secrets spliced out, and what was seen there. Only the redactor makes one of a batch.

use std::ops::Range;

use super::decode::KnownResources;
use super::{Batch, Sighting};

/// A batch after the redactor's scan: what decoding reads.
#[derive(Debug)]
pub struct Scanned<'b> {
    batch: &'b Batch,
    /// Messages that hid something.
    hidden: Vec<ScannedMessage>,
    /// For each message of the batch the number of its place among them, from 1; 0 if it hid nothing.
    places: Vec<u32>,
    resources: KnownResources,
}

/// A message that hid something.
#[derive(Clone, Debug, Default)]
pub struct ScannedMessage {
    /// Its bytes with the secrets replaced.
    pub bytes: Vec<u8>,
    /// What was seen, in the order of [`Sighting::at`].
    pub sightings: Vec<Sighting>,
    /// Where each of them stood in the message as it was; empty where nobody knows any more.
    pub stood: Vec<Range<u32>>,
}

impl<'b> Scanned<'b> {
    /// Returns `batch` with `hidden` in place of the messages it names, ascending by index.
    pub fn new(batch: &'b Batch, hidden: Vec<(u32, ScannedMessage)>) -> Self {
        debug_assert!(hidden.is_sorted_by_key(|(index, _)| *index));
        let mut places = vec![0; batch.messages.len()];
        let hidden = (1..).zip(hidden).map(|(place, (index, message))| {
            if let Some(at) = places.get_mut(index as usize) {
                *at = place;
            }
            message
        });
        Self { hidden: hidden.collect(), batch, places, resources: KnownResources::default() }
    }

    /// Returns the batch's messages: where each came from.
    pub fn batch(&self) -> &'b Batch {
        self.batch
    }

    /// Returns what decoding has learnt of the batch's resource ids.
    pub(super) fn resources(&self) -> &KnownResources {
        &self.resources
    }

    /// Returns what [`Scanned::bytes`] and [`Scanned::sightings`] do.
    pub(super) fn message(&self, index: usize) -> (&[u8], &[Sighting]) {
        match self.changed(index) {
            Some(message) => (&message.bytes, &message.sightings),
            None => (self.batch.message(index), &self.batch.messages[index].seen),
        }
    }

    /// Returns message `index`'s bytes without secrets.
    pub fn bytes(&self, index: usize) -> &[u8] {
        self.changed(index).map_or_else(|| self.batch.message(index), |message| &message.bytes)
    }

    /// Returns what was seen in message `index`, in the order of where it stands.
    pub fn sightings(&self, index: usize) -> &[Sighting] {
        self.changed(index).map_or(&self.batch.messages[index].seen, |message| &message.sightings)
    }

    /// Returns where sighting `nth` of message `index` stood in the message as it was.
    pub fn stood(&self, index: usize, nth: usize) -> Option<Range<u32>> {
        match self.changed(index) {
            Some(message) => message.stood.get(nth).cloned(),
            None => self.batch.messages[index].seen.get(nth).map(|seen| seen.at.clone()),
        }
    }

    /// Returns message `index` if it hides something.
    #[inline]
    pub fn changed(&self, index: usize) -> Option<&ScannedMessage> {
        let place = self.places.get(index)?.checked_sub(1)?;
        self.hidden.get(place as usize)
    }
}

/// Part of a message that could not be decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Undecodable {
    /// Why.
    pub reason: UndecodableReason,
    /// Which bytes of the scanned message.
    pub bytes: Range<u32>,
    /// Its place among the message's records, from 0.
    pub index: u32,
}

/// Why something could not be decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum UndecodableReason {
    /// Neither JSON nor anything that can be repaired to it.
    NotJson,
    /// JSON, but not an object where a record should stand.
    NotAnObject,
    /// The message breaks off in the middle of this record.
    CutOff,
    /// Not UTF-8.
    NotUtf8,
    /// Nested deeper than 64 levels.
    TooDeep,
    /// What is left of a message that has taken as much memory as one may: it is of tiny records only.
    TooLarge,
    /// An empty message.
    Empty,
}

impl UndecodableReason {
    /// Every reason.
    pub const ALL: [Self; 7] =
        [Self::NotJson, Self::NotAnObject, Self::CutOff, Self::NotUtf8, Self::TooDeep, Self::TooLarge, Self::Empty];

    /// Returns the reason as summaries, metrics and dead letters write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NotJson => "not_json",
            Self::NotAnObject => "not_an_object",
            Self::CutOff => "cut_off",
            Self::NotUtf8 => "not_utf8",
            Self::TooDeep => "too_deep",
            Self::TooLarge => "too_large",
            Self::Empty => "empty",
        }
    }

    /// Returns one sentence for people: what it is and what to do.
    pub const fn says(self) -> &'static str {
        match self {
            Self::NotJson => {
                "The record is not JSON and could not be repaired. Check what else writes to this topic or file."
            }
            Self::NotAnObject => "A record must be a JSON object; this is another kind of value.",
            Self::CutOff => "The message ends in the middle of this record. Check the producer's size limits.",
            Self::NotUtf8 => {
                "The record is not UTF-8 text. Check that the producer does not compress it or send binary."
            }
            Self::TooDeep => "The record is nested deeper than 64 levels, deeper than any Azure record.",
            Self::TooLarge => {
                "The message holds far more records than any of Azure's, each of a few bytes; from here on it was not read. Split the message."
            }
            Self::Empty => "The message is empty.",
        }
    }
}
