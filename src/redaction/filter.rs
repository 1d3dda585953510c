//! How does any text lose its secrets, line by line?
//!
//! A line comes out for each line that goes in, in order; what is not hidden stays byte for byte:
//! invalid UTF-8, blank lines, `\r\n`, a missing last newline. Lines are handled as they arrive, so
//! a followed log is not held back. A line longer than [`LONGEST_LINE`] is not kept in memory: notices
//! take the place of all its values, or of the whole if it is no JSON. Whoever wants to know what was found, and where, is told line by line.

use std::collections::BTreeMap;
use std::io::{self, BufRead, Write};
use std::ops::Range;
use std::sync::Arc;

use bumpalo::Bump;

use super::fields::{Fields, Part};
use super::key_lines::{Body, KeyLines};
use super::{Kind, Redactor, Replacement, explain, people, redacted_message};
use crate::telemetry::{About, Batch, Confidence, Privilege, Scanned, StreamId, decode};

/// The longest line that is scanned, bytes.
pub const LONGEST_LINE: usize = 16 << 20;

/// What a [`filter`] did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FilterSummary {
    /// Lines read, and written.
    pub lines: u64,
    /// Bytes read.
    pub bytes: u64,
    /// Lines that were too long to scan, and hidden: each value of a record, of another line all.
    pub too_long: u64,
    /// What was hidden, by kind.
    pub redactions: BTreeMap<Arc<str>, u64>,
}

/// Something that was found and hidden.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Its line, from 1.
    pub line: u64,
    /// Its first byte in that line, from 1.
    pub column: u64,
    /// Its first byte in the input, from 0.
    pub offset: u64,
    /// Its length, bytes.
    pub length: u64,
    /// The member that holds it, where the line is JSON: `records[0].properties.url`. Of one line
    /// 1,024 members are told apart.
    pub path: Option<String>,
    /// Its kind's name.
    pub kind: Arc<str>,
    /// What it lets its holder do.
    pub privilege: Option<Privilege>,
    /// How sure we are; of what only the meaning of its field tells, a name or an address, nothing.
    pub confidence: Option<Confidence>,
    /// A secret, rather than personal data.
    pub secret: bool,
    /// A dummy, which nobody need be told of.
    pub dummy: bool,
    /// What stands in its place.
    pub fingerprint: Arc<str>,
    /// What it says of itself.
    pub about: Option<Arc<About>>,
}

/// Hears of what was found, in the order of where it stood.
pub type Teller<'t> = &'t mut dyn FnMut(Seen) -> io::Result<()>;

/// Copies `input` to `output`, line by line, without its secrets and people.
///
/// Lines that are Azure records lose the names of people too. Fails when reading or writing fails.
pub fn filter(redactor: &Redactor, input: &mut impl BufRead, output: &mut impl Write) -> io::Result<FilterSummary> {
    run(redactor, input, output, None)
}

/// Does what [`filter`] does, and tells of all that it hides.
///
/// Fails when reading, writing or telling fails.
pub fn filter_telling(
    redactor: &Redactor,
    input: &mut impl BufRead,
    output: &mut impl Write,
    tell: Teller<'_>,
) -> io::Result<FilterSummary> {
    run(redactor, input, output, Some(tell))
}

fn run(
    redactor: &Redactor,
    input: &mut impl BufRead,
    output: &mut impl Write,
    tell: Option<Teller<'_>>,
) -> io::Result<FilterSummary> {
    let (lines, arena, summary) = (Lines::default(), Bump::new(), FilterSummary::default());
    let mut filter = Filter { redactor, lines, arena, summary, tell, written: Written::default() };
    loop {
        let chunk = match input.fill_buf() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            chunk => chunk?,
        };
        if chunk.is_empty() {
            break;
        }
        let size = chunk.len();
        filter.summary.bytes += size as u64;
        filter.take(chunk, output)?;
        input.consume(size);
    }
    filter.end(output)?;
    output.flush()?;
    Ok(filter.summary)
}

/// The lines that have been read and not been written.
#[derive(Default)]
struct Lines {
    batch: Batch,
    /// The line endings, as they came.
    endings: Vec<&'static [u8]>,
    /// What each of them is of a private key over several lines.
    keys: KeyLines,
    bodies: Vec<Body>,
    /// The start of a line whose end has not been read.
    rest: Vec<u8>,
    /// What is known of that line, if it is too long to keep.
    too_long: Option<TooLong>,
}

/// A line too long to keep.
struct TooLong {
    length: u64,
    /// The reading of it, if it may be a record: then its values are hidden one by one.
    fields: Option<Fields>,
    hidden: u64,
}

impl TooLong {
    /// Goes on with `part` of it.
    fn pass(&mut self, part: &[u8], output: &mut impl Write) -> io::Result<()> {
        self.length += part.len() as u64;
        let Some(fields) = &mut self.fields else { return Ok(()) };
        fields.pass(part, &mut |part| field(part, &mut self.hidden, output))
    }

    /// Ends it; returns how many values it had, or that all of it is one.
    fn end(&mut self, output: &mut impl Write) -> io::Result<u64> {
        if let Some(fields) = &mut self.fields {
            fields.end(&mut |part| field(part, &mut self.hidden, output))?;
        } else {
            self.hidden += 1;
            write!(output, "[gatewatch: line of {} bytes hidden: too long to scan]", self.length)?;
        }
        Ok(self.hidden)
    }
}

/// Writes what stands in the place of `part`, and counts what it hides.
fn field(part: Part<'_>, hidden: &mut u64, output: &mut impl Write) -> io::Result<()> {
    match part {
        Part::Sign(sign) => output.write_all(&[sign]),
        Part::Stays(stays) => output.write_all(stays),
        Part::Text(start, end) | Part::Bare(start, end) => {
            *hidden += 1;
            write!(output, "\"[gatewatch: {} bytes hidden]\"", end - start)
        }
    }
}

struct Filter<'r, 't> {
    redactor: &'r Redactor,
    lines: Lines,
    arena: Bump,
    summary: FilterSummary,
    tell: Option<Teller<'t>>,
    written: Written,
}

/// How far the lines that were written reach in the input.
#[derive(Default)]
struct Written {
    lines: u64,
    bytes: u64,
}

impl Filter<'_, '_> {
    fn take(&mut self, mut chunk: &[u8], output: &mut impl Write) -> io::Result<()> {
        while let Some(newline) = memchr::memchr(b'\n', chunk) {
            let (line, rest) = chunk.split_at(newline);
            chunk = &rest[1..];
            self.extend(line, output)?;
            self.line(b"\n", output)?;
        }
        self.extend(chunk, output)?;
        self.write(output)?;
        output.flush()
    }

    /// Adds to the line being read.
    fn extend(&mut self, part: &[u8], output: &mut impl Write) -> io::Result<()> {
        if self.lines.too_long.is_none() && self.lines.rest.len() + part.len() > LONGEST_LINE {
            // What came before it is written before it.
            self.write(output)?;
            let begun = std::mem::take(&mut self.lines.rest);
            let fields = Fields::of(if begun.is_empty() { part } else { &begun });
            let mut long = TooLong { length: 0, fields, hidden: 0 };
            long.pass(&begun, output)?;
            self.lines.too_long = Some(long);
        }
        if let Some(long) = &mut self.lines.too_long {
            return long.pass(part, output);
        }
        self.lines.rest.extend_from_slice(part);
        Ok(())
    }

    /// Ends the line being read.
    fn line(&mut self, newline: &'static [u8], output: &mut impl Write) -> io::Result<()> {
        self.summary.lines += 1;
        if let Some(mut long) = self.lines.too_long.take() {
            self.summary.too_long += 1;
            let kind = Kind::Unscanned.name().unwrap_or_default();
            *self.summary.redactions.entry(kind.into()).or_default() += long.end(output)?;
            self.written.lines += 1;
            self.written.bytes += long.length + newline.len() as u64;
            return output.write_all(newline);
        }
        let Lines { batch, endings, rest, keys, bodies, .. } = &mut self.lines;
        let (line, ending): (&[u8], &'static [u8]) = match rest.strip_suffix(b"\r") {
            Some(line) if !newline.is_empty() => (line, b"\r\n"),
            _ => (rest, newline),
        };
        bodies.push(keys.read(line));
        batch.push(line, StreamId(0), 0, 0, None);
        endings.push(ending);
        rest.clear();
        Ok(())
    }

    /// Writes all whole lines.
    fn write(&mut self, output: &mut impl Write) -> io::Result<()> {
        let batch = std::mem::take(&mut self.lines.batch);
        let scanned = self.redactor.scan_lines(&batch, &std::mem::take(&mut self.lines.bodies));
        for (index, ending) in self.lines.endings.drain(..).enumerate() {
            for sighting in scanned.sightings(index).iter().filter(|seen| !seen.is_hash()) {
                *self.summary.redactions.entry(sighting.kind.clone()).or_default() += 1;
            }
            let bytes = scanned.bytes(index);
            let replacements = hidden(self.redactor, &scanned, index, &self.arena);
            if let Some(tell) = &mut self.tell {
                told(&scanned, index, &replacements, &self.written).into_iter().try_for_each(tell)?;
            }
            self.written.lines += 1;
            self.written.bytes += (batch.message(index).len() + ending.len()) as u64;
            for kind in replacements.iter().filter_map(kind_of) {
                *self.summary.redactions.entry(kind.into()).or_default() += 1;
            }
            if replacements.is_empty() {
                output.write_all(bytes)?;
            } else {
                output.write_all(&redacted_message(bytes, &replacements))?;
            }
            output.write_all(ending)?;
            self.arena.reset();
        }
        Ok(())
    }

    fn end(&mut self, output: &mut impl Write) -> io::Result<()> {
        if self.lines.rest.is_empty() && self.lines.too_long.is_none() {
            return Ok(());
        }
        self.line(b"", output)?;
        self.write(output)
    }
}

/// Returns what is hidden in line `index`, which comes after what was `written`.
fn told(scanned: &Scanned<'_>, index: usize, finished: &[Replacement], written: &Written) -> Vec<Seen> {
    let sightings = scanned.sightings(index);
    let finds = || sightings.iter().enumerate().filter(|(_, seen)| !seen.is_hash());
    if sightings.is_empty() && finished.is_empty() {
        return Vec::new();
    }
    let bytes = scanned.bytes(index);
    let at = |range: &Range<u32>| range.start as usize..range.end as usize;
    let places = finds().map(|(_, seen)| at(&seen.at)).chain(finished.iter().map(|one| at(&one.raw)));
    let json = bytes.trim_ascii_start().first().is_some_and(|first| matches!(first, b'{' | b'['));
    let mut paths = if json { explain::paths(bytes, places) } else { Vec::new() }.into_iter();
    let mut here = |stood: Range<u32>| {
        let (start, length) = (u64::from(stood.start), u64::from(stood.end - stood.start));
        let path = paths.next().flatten();
        (written.lines + 1, start + 1, written.bytes + start, length, path)
    };
    let mut all = Vec::with_capacity(sightings.len() + finished.len());
    for (nth, seen) in finds() {
        let (line, column, offset, length, path) = here(scanned.stood(index, nth).unwrap_or(seen.at.clone()));
        all.push(Seen {
            line,
            column,
            offset,
            length,
            path,
            kind: seen.kind.clone(),
            privilege: seen.privilege,
            confidence: Some(seen.confidence),
            secret: seen.secret,
            dummy: seen.dummy,
            fingerprint: seen.fingerprint.0.clone(),
            about: seen.about.clone(),
        });
    }
    for one in finished {
        let kind = kind_of(one);
        // What the scan has replaced before it has moved it.
        let before = sightings.iter().rposition(|seen| seen.at.end <= one.raw.start);
        let moved = before.and_then(|nth| Some((sightings.get(nth)?.at.end, scanned.stood(index, nth)?.end)));
        let start = moved.map_or(one.raw.start, |(now, stood)| one.raw.start - now + stood);
        let (line, column, offset, length, path) = here(start..start + (one.raw.end - one.raw.start));
        let Some(kind) = kind else { continue };
        all.push(Seen {
            line,
            column,
            offset,
            length,
            path,
            kind: kind.into(),
            privilege: None,
            confidence: None,
            secret: false,
            dummy: false,
            fingerprint: one.with.clone(),
            about: None,
        });
    }
    all.sort_by_key(|seen| seen.offset);
    all
}

/// Returns the kind of what `replacement` hides; `None` where a policy has put it back.
fn kind_of(replacement: &Replacement) -> Option<&str> {
    people::told(&replacement.with)
}

/// Returns what [`Redactor::finish`] hides in line `index`, if it is Azure's records.
fn hidden(redactor: &Redactor, scanned: &Scanned<'_>, index: usize, arena: &Bump) -> Vec<Replacement> {
    let mut replacements = Vec::new();
    if !scanned.bytes(index).trim_ascii_start().starts_with(b"{") {
        return replacements;
    }
    decode(scanned, index, arena, |event| match event {
        Ok(event) => replacements.extend_from_slice(redactor.finish(event).replacements()),
        Err(broken) => replacements.extend(redactor.personal_in(scanned.bytes(index), broken.bytes)),
    });
    replacements.sort_by_key(|replacement| replacement.raw.start);
    replacements
}
