//! `gatewatch decode`: what each record of a file becomes and why, for someone who doubts it.
//!
//! The file is read, scanned, decoded and redacted by the daemon's code; nothing is kept. A record
//! is told value by value, each with the member and the bytes it came from, and the record itself
//! stands below so that one can look. Memory is one message's.

use std::fmt::Write as _;
use std::process::ExitCode;

use serde_json::{Value, json};

use crate::clock::Timestamp;
use crate::dashboard::visible;
use crate::redaction::explain::{Became, Explained, FieldTold, Origin};
use crate::redaction::{Doubted, Doubts, Redactor, Settings};
use crate::sources::{FileReader, ReadState};
use crate::telemetry::{Batch, Field, StreamId};

use super::args::{Decode, Shape};
use super::setup;
use super::talk::{Failure, print_while_read, say};

/// Bytes read at a time.
const BATCH: usize = 256 * 1024;
/// Letters of a value that a person is shown.
const SHOWN: usize = 200;

/// Explains the file's records.
pub fn decode(options: &Decode) -> Result<ExitCode, Failure> {
    let hiding = setup::hiding(options.data.as_deref(), &Settings::default())?;
    let read = |error: crate::sources::SourceError| Failure::Io(error.to_string());
    let mut reader = FileReader::open(&options.file, StreamId(0), 0).map_err(read)?;
    let mut told = Told { options, records: 0, broken: 0, messages: 0, open: true };
    let mut state = ReadState::More;
    while state == ReadState::More && told.open {
        let mut batch = Batch::default();
        state = reader.read(&mut batch, BATCH).map_err(read)?;
        told.batch(&hiding.redactor, &batch)?;
    }
    if let Some(wanted) = options.record.filter(|wanted| wanted.get() > told.records && told.open) {
        return Err(Failure::Usage(format!("there is no record {wanted}: the file has {}", told.records)));
    }
    if options.record.is_none() && told.open {
        say(&format!("{} records in {} messages; {} could not be decoded", told.records, told.messages, told.broken));
    }
    Ok(if options.check && told.broken > 0 { ExitCode::from(1) } else { ExitCode::SUCCESS })
}

/// What was told so far.
struct Told<'o> {
    options: &'o Decode,
    records: u64,
    broken: u64,
    messages: u64,
    /// Somebody still reads, and there is more to tell.
    open: bool,
}

impl Told<'_> {
    fn batch(&mut self, redactor: &Redactor, batch: &Batch) -> Result<(), Failure> {
        let doubts = Doubts::of(redactor, batch);
        for (message, at) in batch.messages.iter().enumerate() {
            let mut out = String::new();
            let first = self.records;
            doubts.decode(message, |record| {
                self.records += 1;
                self.broken += u64::from(record.is_broken());
                if self.wants(&record) {
                    let place = Place { number: self.records, message: self.messages + 1, offset: at.offset };
                    out += &match self.options.format {
                        Shape::Json => object(&place, &record.explain()).to_string() + "\n",
                        Shape::Text => text(&place, &record.explain()),
                    };
                }
            });
            self.messages += 1;
            let found = self.options.record.is_some_and(|wanted| (first + 1..=self.records).contains(&wanted.get()));
            self.open = (out.is_empty() || print_while_read(out.as_bytes())?) && (!found || self.options.check);
            if !self.open {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Tells whether the record that was counted last is to be told: of a check those that can't be decoded.
    fn wants(&self, record: &Doubted<'_, '_, '_>) -> bool {
        match self.options.record {
            Some(wanted) => wanted.get() == self.records,
            None => !self.options.check || record.is_broken(),
        }
    }
}

/// Where a record stands in the file.
struct Place {
    /// Origin 1, over the whole file.
    number: u64,
    /// Origin 1.
    message: u64,
    /// The message's first byte in the (uncompressed) file.
    offset: i64,
}

/// Returns how the time is known, in words.
fn time_says(became: &Became) -> String {
    match (became.timed, became.time == Timestamp::default()) {
        (true, _) => format!("the record's own, {}", from(&became.time_from)),
        (false, true) => "unknown: the record says none that can be read, nor does the file".into(),
        (false, false) => "that of its receipt: the record says none that can be read".into(),
    }
}

fn from(from: &Origin) -> String {
    match from {
        Origin::Place { member, bytes, layers } => {
            let member = member.as_deref().map_or_else(|| "the record".into(), visible);
            let escapes = match layers {
                0 | 1 => String::new(),
                2 => ", in a string of JSON".into(),
                n => format!(", {} strings of JSON deep", n - 1),
            };
            format!("{member}, bytes {}..{}{escapes}", bytes.start, bytes.end)
        }
        Origin::Members(members) => format!("by {}", names(members, " and ")),
        Origin::AnyOf(members) => format!("by {}: any of them is enough", names(members, " or ")),
        Origin::Nowhere => "no member says it".into(),
    }
}

fn names(members: &[String], between: &str) -> String {
    members.iter().map(|member| visible(member)).collect::<Vec<_>>().join(between)
}

/// Returns `value` for a person, shortened.
fn short(value: &str) -> String {
    let mut shown: String = visible(value).chars().take(SHOWN).collect();
    if value.chars().count() > SHOWN {
        let _ = write!(shown, "… ({} bytes)", value.len());
    }
    shown
}

fn text(place: &Place, record: &Explained) -> String {
    let Place { number, message, offset } = place;
    let mut out = String::new();
    let mut line = |label: &str, value: &str, why: &str| {
        let why = if why.is_empty() { String::new() } else { format!("  ← {why}") };
        // Writing to a string can't fail.
        let _ = writeln!(out, "  {label:<19} {value}{why}");
    };
    let position = format!("message {message} (byte {offset} of the file), its record {}", record.index);
    match &record.became {
        Err(why) => {
            line("position", &position, "");
            line("undecodable", &format!("{}: {}", why.reason.name(), why.reason.says()), "");
            line(
                "stands at",
                &format!("bytes {}..{} of the message without its secrets", why.bytes.start, why.bytes.end),
                "",
            );
        }
        Ok(became) => {
            line("position", &position, "");
            line("time", &became.time.to_string(), &time_says(became));
            // What everything else follows from comes first.
            let head = [Field::Category, Field::Kind, Field::Outcome, Field::Reason];
            let first = |field: &Field| head.iter().position(|known| known == field).unwrap_or(head.len());
            // A weight of one is what every record has that was not sampled.
            let plain = |one: &&FieldTold| one.field == Field::Weight && one.value == "1";
            let mut fields: Vec<_> = became.fields.iter().filter(|one| !plain(one)).collect();
            fields.sort_by_key(|one| first(&one.field));
            for one in fields {
                let why = match (one.field, &one.from) {
                    (Field::Kind, Origin::Nowhere) => "of the category".into(),
                    (Field::Category, Origin::Nowhere) => "no member names one that is known".into(),
                    (_, whence) => from(whence),
                };
                line(one.field.name(), &short(&one.value), &why);
            }
            for hidden in &became.hidden {
                let member = hidden.member.as_deref().map_or_else(|| "the record".into(), visible);
                let says = hidden.says.as_ref().map_or(String::new(), |says| format!(" ({says})"));
                let why = format!("{member}, bytes {}..{}", hidden.bytes.start, hidden.bytes.end);
                line("hidden", &format!("{}{says}", hidden.with), &why);
            }
            for limit in &became.limits {
                line("limit", limit, "");
            }
        }
    }
    let shown = String::from_utf8_lossy(&record.record);
    let shown: Vec<String> = shown.lines().map(visible).collect();
    format!("record {number}\n{out}\n{}\n\n", shown.join("\n"))
}

fn object(place: &Place, record: &Explained) -> Value {
    let origin = |from: &Origin| match from {
        Origin::Place { member, bytes, layers } => {
            json!({ "member": member, "bytes": [bytes.start, bytes.end], "layers": layers })
        }
        Origin::Members(members) => json!({ "members": members }),
        Origin::AnyOf(members) => json!({ "any_of": members }),
        Origin::Nowhere => json!({}),
    };
    let mut object = json!({
        "record": place.number,
        "position": { "message": place.message, "offset": place.offset, "record": record.index },
        "redacted": String::from_utf8_lossy(&record.record),
    });
    match &record.became {
        Err(why) => {
            object["undecodable"] = json!({
                "reason": why.reason.name(),
                "says": why.reason.says(),
                "bytes": [why.bytes.start, why.bytes.end],
            });
        }
        Ok(became) => {
            let time_from = origin(&became.time_from);
            object["time"] = json!({ "value": became.time.to_string(), "own": became.timed, "from": time_from });
            let fields = became.fields.iter();
            let fields =
                fields.map(|one| json!({ "field": one.field.name(), "value": one.value, "from": origin(&one.from) }));
            object["fields"] = fields.collect();
            let hidden = became.hidden.iter().map(|one| {
                json!({
                    "with": one.with, "says": one.says, "member": one.member,
                    "bytes": [one.bytes.start, one.bytes.end],
                })
            });
            object["hidden"] = hidden.collect();
            object["limits"] = json!(became.limits);
        }
    }
    object
}
