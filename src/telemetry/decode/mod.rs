//! From a scanned message to events: one file a category.
//!
//! A message is read once, from left to right, by a parser that takes what Azure writes where it
//! is no JSON (`cursor`); a record that even this can't read is left out and the next is found
//! (`recovery`). What is read is not copied: texts are borrowed from the message, and only those
//! with escapes in them live in the arena. Work is linear in the message's length.

mod aadsts;
mod address;
mod any_value;
mod arm;
mod asked;
mod auth_path;
mod categories;
mod cursor;
mod doc;
mod eight;
mod identity;
mod marks;
mod members;
mod plain;
mod raw;
mod raw_paths;
mod record;
mod recovery;
mod refusal;
mod resource;
mod splitter;
mod time;
mod tls;
mod token;
mod url;
mod vocabulary;

pub use address::{Address, address};
pub(super) use resource::KnownResources;

use bumpalo::Bump;

pub use raw::{NoPath, RawPath};
pub use raw_paths::{RawPaths, Seen, escaped_texts};

use super::{Event, Position, Scanned, Undecodable, UndecodableReason};
use record::{Message, Record};
use splitter::Splitter;

/// Decodes message `message` of `scanned`, giving `each` one event or one reason for each record.
///
/// Events and texts that must be unescaped live in `arena`. Nothing panics; what can't be decoded comes out
/// as [`Undecodable`] and the records around it as events.
pub fn decode<'s>(
    scanned: &'s Scanned<'_>,
    message: usize,
    arena: &'s Bump,
    each: impl FnMut(Result<&'s mut Event<'s>, Undecodable>),
) {
    Decoder::new(scanned, arena).decode(message, each);
}

/// Decodes several messages of a batch into one arena, with memory that one record takes.
pub struct Decoder<'s, 'b> {
    scanned: &'s Scanned<'b>,
    arena: &'s Bump,
    record: Option<Record<'s>>,
}

impl<'s, 'b> Decoder<'s, 'b> {
    /// Returns what decodes messages of `scanned`.
    pub const fn new(scanned: &'s Scanned<'b>, arena: &'s Bump) -> Self {
        Self { scanned, arena, record: None }
    }

    /// Does what [`decode`] does with message `message`.
    pub fn decode(&mut self, message: usize, mut each: impl FnMut(Result<&'s mut Event<'s>, Undecodable>)) {
        let (scanned, arena) = (self.scanned, self.arena);
        let (bytes, sightings) = scanned.message(message);
        let from = &scanned.batch().messages[message];
        let shared = Message {
            scanned: bytes,
            sightings,
            position: Position { stream: from.stream, offset: from.offset, index: 0 },
            received: from.received,
            arena,
            resources: scanned.resources(),
        };
        let start = if bytes.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
        let blank = bytes.get(start..).is_none_or(|rest| rest.trim_ascii().is_empty());
        if blank {
            let all = 0..bytes.len() as u32;
            return each(Err(Undecodable { reason: UndecodableReason::Empty, bytes: all, index: 0 }));
        }
        match simdutf8::basic::from_utf8(bytes) {
            Ok(text) => Splitter::new(shared, (text, true), &mut self.record, &mut each).run(start),
            Err(_) => Splitter::new(shared, (readable(bytes, arena), false), &mut self.record, &mut each).run(start),
        }
    }
}

/// Returns `bytes` as text, byte for byte, each byte that is not UTF-8 as `?`.
fn readable<'s>(bytes: &[u8], arena: &'s Bump) -> &'s str {
    let mut text = bumpalo::collections::String::with_capacity_in(bytes.len(), arena);
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().map(|_| '?'));
    }
    text.into_bump_str()
}
