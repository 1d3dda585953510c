//! Where are the log records of an OpenTelemetry export?
//!
//! In `resourceLogs[].scopeLogs[].logRecords[]`: what is said of all records of a resource or a
//! scope stands outside them. Each record is given out as it is read, as elsewhere. Where a
//! resource stands behind its records it is looked for ahead, which reads them twice; an export is
//! read at most three times over.

use crate::telemetry::UndecodableReason;

use super::super::categories::otlp::Export;
use super::super::cursor::Fault;
use super::super::members::Name as _;
use super::super::recovery::Inside;
use super::super::vocabulary::ExportPart;
use super::Splitter;

impl Splitter<'_, '_> {
    /// Reads the object at the cursor, of an export: the logs of a resource or of a scope, or a
    /// record. After a fault one may stand where another should.
    pub(super) fn exported(&mut self, inside: Inside) {
        let start = self.cursor.at;
        self.begin(inside, start);
        let mut from = start;
        match self.parts(inside, &mut from) {
            Ok(()) if from == start => self.log(inside, start),
            Ok(()) => {}
            Err(_) if self.cut => {}
            Err(fault) if from == start => self.recover(start, fault, inside),
            Err(Fault::CutOff) if self.mended => self.cursor.at = self.doc.text.len(),
            Err(Fault::CutOff) => self.give_up(from, UndecodableReason::CutOff),
            Err(Fault::Broken | Fault::TooDeep | Fault::Escaped) => self.pass_rubbish(from, inside),
        }
        if let (Some(export), Inside::Logs) = (&mut self.export, inside) {
            // What was seen up to here belongs to no record to come.
            export.seen_to(self.cursor.at);
        }
    }

    /// Makes ready for the object at `start`, which stands `inside`.
    fn begin(&mut self, inside: Inside, start: usize) {
        let doc = self.doc;
        let known = self.message.resources;
        let export = self.export.get_or_insert_with(|| Box::new(Export::new(doc, known)));
        match inside {
            Inside::Scopes => export.begin_scope(),
            Inside::Logs => {}
            _ => export.begin_resource(start),
        }
        export.begin_log();
        self.look_ahead(inside, start);
    }

    /// Reads what is said of all records in the object at `start`, unless it stands first anyway.
    fn look_ahead(&mut self, inside: Inside, start: usize) {
        let wanted = match inside {
            Inside::Resources => ExportPart::Resource,
            Inside::Scopes => ExportPart::Scope,
            _ => return,
        };
        let Some(export) = &mut self.export else { return };
        let doc = self.doc;
        let mut ahead = doc.cursor(start);
        let mut key = ahead.first_key();
        // A fault is found again, and told, where the records are read.
        while let Ok(Some(name)) = key {
            if ExportPart::of(doc.says(name).as_bytes()) == Some(wanted) && ahead.space() == Some(b'{') {
                let _ = export.shared(wanted, &mut ahead);
                return;
            }
            if ahead.value(2).is_err() {
                return;
            }
            key = ahead.next_key();
        }
    }

    /// Reads the members of the object at the cursor. Once there were records in it, `from` is where
    /// the last of its members with records ends.
    fn parts(&mut self, inside: Inside, from: &mut usize) -> Result<(), Fault> {
        let mut key = self.cursor.first_key()?;
        while let Some(at) = key {
            let next = self.cursor.space();
            match ExportPart::of(self.doc.says(at).as_bytes()) {
                Some(ExportPart::ScopeLogs) if next == Some(b'[') && inside == Inside::Resources => {
                    self.array(Inside::Scopes);
                    *from = self.cursor.at;
                }
                Some(ExportPart::LogRecords) if next == Some(b'[') && inside != Inside::Logs => {
                    self.array(Inside::Logs);
                    *from = self.cursor.at;
                }
                Some(part) => match &mut self.export {
                    Some(export) => export.read(part, &mut self.cursor)?,
                    None => drop(self.cursor.value(2)?),
                },
                None => drop(self.cursor.value(2)?),
            }
            if self.cut {
                return Ok(());
            }
            key = self.cursor.next_key()?;
        }
        Ok(())
    }

    /// Gives out the record that was read from `start` on; an object without records that is none
    /// itself is passed over, as OpenTelemetry asks for.
    fn log(&mut self, inside: Inside, start: usize) {
        let range = start..self.cursor.at;
        if inside != Inside::Logs && self.export.as_ref().is_none_or(|export| export.says_nothing()) {
            return;
        }
        if !self.sound && !self.is_sound(&range) {
            return self.bad(UndecodableReason::NotUtf8, range);
        }
        let Some(export) = &mut self.export else { return };
        let event = export.event(&self.message, self.index, range);
        self.index += 1;
        (self.each)(Ok(self.message.arena.alloc(event)));
    }
}
