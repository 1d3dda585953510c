//! Where does each record of a message begin and end?
//!
//! A message is any number of values: records, arrays of records, or objects with `records` in
//! them. A [`Splitter`] gives out each record as it is read, so those before a cut or a fault are
//! out before it is seen. It is lent memory for one record at a time; what it gives out stays in the
//! arena, which a message of nothing but tiny records would fill with hundreds of times its size: beyond
//! [`ROOM`] and 32 times its own length, what is left of it is not read.

mod export;

use std::ops::Range;

use crate::telemetry::{Event, Undecodable, UndecodableReason};

use super::categories::otlp::Export;
use super::cursor::{Cursor, Fault};
use super::doc::Doc;
use super::plain::Stands;
use super::record::{Message, Record};
use super::recovery::{Inside, Recovery};
use super::vocabulary::Envelope;

/// How much a message's events may take of the arena beside what their text explains, bytes.
const ROOM: usize = 32 << 20;
/// How many times its own length a message may take.
const GROWTH: usize = 32;

/// Reads a message's records one after the other.
pub(super) struct Splitter<'s, 'e> {
    message: Message<'s>,
    doc: Doc<'s>,
    /// Whether the message is UTF-8; if not, `doc` has `?` where it is not.
    sound: bool,
    cursor: Cursor<'s>,
    record: &'e mut Record<'s>,
    /// What is read of an export of OpenTelemetry, from the first one on.
    export: Option<Box<Export<'s>>>,
    recovery: Recovery<'s>,
    index: u32,
    /// A fault was passed: brackets around records may not match.
    mended: bool,
    /// The cut was reported.
    cut: bool,
    /// Up to where the arena may grow.
    ceiling: usize,
    each: &'e mut dyn FnMut(Result<&'s mut Event<'s>, Undecodable>),
}

impl<'s, 'e> Splitter<'s, 'e> {
    /// Returns a splitter of `text`, which is `message`'s (byte for byte, if it is not `sound`).
    pub(super) fn new(
        message: Message<'s>,
        (text, sound): (&'s str, bool),
        record: &'e mut Option<Record<'s>>,
        each: &'e mut dyn FnMut(Result<&'s mut Event<'s>, Undecodable>),
    ) -> Self {
        let doc = Doc::message(text, message.arena);
        let (cursor, recovery) = (doc.cursor(0), Recovery::new(text));
        let record = record.get_or_insert_with(|| Record::new(doc));
        let ceiling = message.arena.allocated_bytes().saturating_add(ROOM + text.len().saturating_mul(GROWTH));
        Self {
            message,
            doc,
            sound,
            cursor,
            record,
            export: None,
            recovery,
            index: 0,
            mended: false,
            cut: false,
            ceiling,
            each,
        }
    }

    /// Reads the whole message from byte `start` on.
    pub(super) fn run(&mut self, start: usize) {
        self.cursor.at = start;
        let binary = !self.sound && !matches!(self.cursor.space(), Some(b'{' | b'['));
        if binary {
            return self.give_up(start, UndecodableReason::NotUtf8);
        }
        while let Some(byte) = self.cursor.space() {
            match byte {
                b'{' => self.object(Inside::Nothing),
                b'[' => self.array(Inside::Array),
                b',' if self.index > 0 => self.cursor.at += 1,
                b']' | b'}' if self.mended => self.cursor.at += 1,
                b'\'' => self.pass_rubbish(self.cursor.at, Inside::Nothing),
                _ => self.no_object(Inside::Nothing),
            }
        }
    }

    /// Reads the elements of the array at the cursor.
    fn array(&mut self, inside: Inside) {
        self.cursor.at += 1;
        loop {
            match self.cursor.space() {
                Some(b']') => {
                    self.cursor.at += 1;
                    return;
                }
                Some(b',') => self.cursor.at += 1,
                Some(b'{') => self.object(inside),
                Some(b'\'') => self.pass_rubbish(self.cursor.at, inside),
                Some(_) => self.no_object(inside),
                None if self.mended => return,
                None => return self.give_up(self.cursor.at, UndecodableReason::CutOff),
            }
        }
    }

    /// Reads the object at the cursor: a record, or one that has records in it.
    fn object(&mut self, inside: Inside) {
        if self.message.arena.allocated_bytes() > self.ceiling {
            return self.give_up(self.cursor.at, UndecodableReason::TooLarge);
        }
        if matches!(inside, Inside::Resources | Inside::Scopes | Inside::Logs) {
            return self.exported(inside);
        }
        let start = self.cursor.at;
        self.record.clear(self.doc);
        match self.members(inside) {
            Ok(true) => self.found(start..self.cursor.at),
            Ok(false) => {}
            Err(fault) => self.recover(start, fault, inside),
        }
    }

    /// Reads the members of the object at the cursor; returns `false` if they were `records` or the
    /// `resourceLogs` of an export of OpenTelemetry.
    fn members(&mut self, inside: Inside) -> Result<bool, Fault> {
        let mut more = self.cursor.enter();
        while more {
            if self.record.envelope.read_plain(&mut self.cursor) == Stands::BehindValue {
                more = self.cursor.goes_on()?;
                continue;
            }
            let at = self.cursor.key()?;
            let next = self.cursor.space();
            match self.record.envelope.name(at) {
                Some(Envelope::Records) if next == Some(b'[') && inside.may_wrap() && self.record.is_empty() => {
                    self.wrapped(Inside::Records);
                    return Ok(false);
                }
                Some(Envelope::ResourceLogs) if next == Some(b'[') && inside.may_wrap() && self.record.is_empty() => {
                    self.wrapped(Inside::Resources);
                    return Ok(false);
                }
                Some(Envelope::Properties | Envelope::EventProperties)
                    if next == Some(b'{') && self.record.properties.is_empty() =>
                {
                    self.record.properties_at = Some(self.cursor.at);
                    self.record.properties.read(&mut self.cursor, 2)?;
                }
                Some(Envelope::Properties) if next == Some(b'"') && self.record.read_in_place(&mut self.cursor) => {}
                Some(Envelope::Identity) if next == Some(b'{') && self.record.claims.is_empty() => {
                    self.record.identity_at = Some(self.cursor.at);
                    self.record.claims.read(&mut self.cursor, 2)?;
                }
                Some(name) => {
                    let value = self.cursor.value(2)?;
                    self.record.envelope.keep(name, value);
                }
                None => {
                    self.cursor.value(2)?;
                }
            }
            more = self.cursor.goes_on()?;
        }
        Ok(true)
    }

    /// Reads the array of records at the cursor and the rest of the object around it.
    fn wrapped(&mut self, inside: Inside) {
        self.array(inside);
        let mut from = self.cursor.at;
        match self.rest(&mut from) {
            Ok(()) => {}
            Err(Fault::CutOff) if self.mended => self.cursor.at = self.doc.text.len(),
            Err(Fault::CutOff) => self.give_up(from, UndecodableReason::CutOff),
            Err(Fault::Broken | Fault::TooDeep | Fault::Escaped) => self.pass_rubbish(from, Inside::Nothing),
        }
    }

    fn rest(&mut self, from: &mut usize) -> Result<(), Fault> {
        if self.cut {
            return Ok(());
        }
        while let Some(key) = self.cursor.next_key()? {
            let name = self.record.envelope.name(key);
            match name.filter(|_| self.cursor.space() == Some(b'[')) {
                Some(Envelope::Records) => self.array(Inside::Records),
                Some(Envelope::ResourceLogs) => self.array(Inside::Resources),
                _ => {
                    self.cursor.value(2)?;
                }
            }
            *from = self.cursor.at;
        }
        Ok(())
    }

    /// Passes what stands at the cursor, where a record should, and is no object.
    fn no_object(&mut self, inside: Inside) {
        let start = self.cursor.at;
        match self.cursor.value(1) {
            Ok(_) if self.recovery.ends_well(self.cursor.at, inside) => {
                self.bad(UndecodableReason::NotAnObject, start..self.cursor.at);
            }
            Err(Fault::CutOff) => self.give_up(start, UndecodableReason::CutOff),
            Err(Fault::TooDeep) => self.recover(start, Fault::TooDeep, inside),
            Ok(_) | Err(Fault::Broken | Fault::Escaped) => {
                self.pass_rubbish(start, inside);
            }
        }
    }

    fn pass_rubbish(&mut self, start: usize, inside: Inside) {
        self.cursor.at = self.recovery.after_rubbish(start, self.cursor.at, inside);
        self.mended = true;
        let rubbish = self.doc.text.get(start..self.cursor.at).unwrap_or_default();
        if !rubbish.trim_ascii().is_empty() {
            self.bad(UndecodableReason::NotJson, start..self.cursor.at);
        }
    }

    /// Leaves out what begins at `start` and could not be read; goes on where the next record is.
    fn recover(&mut self, start: usize, fault: Fault, inside: Inside) {
        let failed = self.cursor.at;
        let reason = match fault {
            Fault::CutOff => match self.recovery.swallowed(start, failed, inside) {
                None => return self.give_up(start, UndecodableReason::CutOff),
                Some(next) => {
                    self.cursor.at = next;
                    self.mended = true;
                    return self.bad(UndecodableReason::NotJson, start..next);
                }
            },
            Fault::TooDeep => UndecodableReason::TooDeep,
            Fault::Broken | Fault::Escaped => UndecodableReason::NotJson,
        };
        self.cursor.at = self.recovery.next(start, failed, fault, inside);
        self.mended = true;
        self.bad(reason, start..self.cursor.at);
    }

    fn give_up(&mut self, start: usize, reason: UndecodableReason) {
        self.cursor.at = self.doc.text.len();
        if !self.cut {
            self.cut = true;
            self.bad(reason, start..self.cursor.at);
        }
    }

    fn found(&mut self, range: Range<usize>) {
        if !self.sound && !self.is_sound(&range) {
            return self.bad(UndecodableReason::NotUtf8, range);
        }
        let event = self.record.event(&self.message, self.index, range);
        self.index += 1;
        (self.each)(Ok(event));
    }

    fn bad(&mut self, reason: UndecodableReason, range: Range<usize>) {
        let text = self.doc.text.get(range.clone()).unwrap_or_default().trim_ascii_end();
        let end = range.start + text.len();
        let sound = self.sound || self.is_sound(&(range.start..end));
        let reason = if sound || reason == UndecodableReason::CutOff { reason } else { UndecodableReason::NotUtf8 };
        let bytes = range.start as u32..end as u32;
        let index = self.index;
        self.index += 1;
        (self.each)(Err(Undecodable { reason, bytes, index }));
    }

    fn is_sound(&self, range: &Range<usize>) -> bool {
        self.message.scanned.get(range.clone()).is_some_and(|bytes| std::str::from_utf8(bytes).is_ok())
    }
}
