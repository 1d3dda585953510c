//! Where does the next record begin, when one can't be read?
//!
//! First the broken record's end is sought by counting brackets. If its quotes or brackets are
//! broken too, the next record is known by its beginning: on a new line, or with a key that
//! records begin with. The work is bounded: brackets are counted over at most eight times the
//! message's length in all, and after sixteen times its length was read in vain the rest is left.

use memchr::{memchr, memchr_iter, memchr2, memchr3};

use super::cursor::Fault;

/// What stands around a value.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Inside {
    /// Nothing: it is one of the message's own values.
    Nothing,
    /// An array that is one of the message's own values.
    Array,
    /// An array that is an object's `records`.
    Records,
    /// An array that is an object's `resourceLogs`, of OpenTelemetry.
    Resources,
    /// An array that is an object's `scopeLogs`, in one of those.
    Scopes,
    /// An array that is an object's `logRecords`, in one of those.
    Logs,
}

impl Inside {
    /// Tells whether an object there may hold `records` rather than be one.
    pub(super) fn may_wrap(self) -> bool {
        matches!(self, Self::Nothing | Self::Array)
    }
}

/// Keys that a record begins with, and hardly anything inside a record does.
const BEGINNINGS: [&[u8]; 14] = [
    b"time",
    b"timestamp",
    b"timegenerated",
    b"resourceid",
    b"_resourceid",
    b"category",
    b"operationname",
    b"level",
    b"records",
    b"rolelocation",
    b"eventipaddress",
    b"eventstamptype",
    b"timeunixnano",
    b"observedtimeunixnano",
];

/// The longest key that is compared.
const KEY: usize = 64;

/// Finds the next record, within bounds.
pub(super) struct Recovery<'s> {
    bytes: &'s [u8],
    /// How many bytes may still be passed in counting brackets.
    counting: usize,
    /// How many bytes may still be read in vain.
    reading: usize,
}

impl<'s> Recovery<'s> {
    /// Returns the recovery of the message `text`.
    pub(super) fn new(text: &'s str) -> Self {
        let length = text.len().saturating_add(64);
        Self { bytes: text.as_bytes(), counting: length.saturating_mul(8), reading: length.saturating_mul(16) }
    }

    /// Returns where to go on after what began at `start` and proved unreadable at `failed`.
    pub(super) fn next(&mut self, start: usize, failed: usize, fault: Fault, inside: Inside) -> usize {
        let (balanced, counted) = self.balance(start);
        let limit = balanced.unwrap_or(self.bytes.len());
        let next = if balanced.is_some() && fault == Fault::TooDeep {
            limit
        } else {
            self.beginning(start + 1..limit, inside, self.first_key(start)).unwrap_or(limit)
        };
        self.counting = self.counting.saturating_sub(counted.saturating_sub(next));
        self.worth(failed, next.max(start + 1))
    }

    /// Returns where the next record begins that a string swallowed: it opened at `open`, in what
    /// began at `start`, and never closed. A cut message has no record behind its cut.
    pub(super) fn swallowed(&mut self, start: usize, open: usize, inside: Inside) -> Option<usize> {
        let next = self.beginning(open + 1..self.bytes.len(), inside, self.first_key(start))?;
        Some(self.worth(self.bytes.len(), next))
    }

    /// Returns where to go on after rubbish that begins at `start` and proved such at `failed`.
    pub(super) fn after_rubbish(&mut self, start: usize, failed: usize, inside: Inside) -> usize {
        let from = (start + 1).min(self.bytes.len());
        let rest = &self.bytes[from..];
        let next = if inside == Inside::Nothing {
            let end = memchr(b'\n', rest).map_or(self.bytes.len(), |at| from + at);
            let begins = |&at: &usize| self.begins_record(from + at, b"");
            memchr_iter(b'{', &self.bytes[from..end]).find(begins).map_or(end, |at| from + at)
        } else {
            memchr3(b',', b']', b'{', rest).map_or(self.bytes.len(), |at| from + at)
        };
        self.worth(failed, next)
    }

    /// Returns `next`, or the message's end if too much was read in vain; it was read to `failed`.
    fn worth(&mut self, failed: usize, next: usize) -> usize {
        let vain = failed.saturating_sub(next);
        if vain > self.reading {
            return self.bytes.len();
        }
        self.reading -= vain;
        next
    }

    /// Tells whether a value that ends at `at` is followed by what may follow one there.
    pub(super) fn ends_well(&self, at: usize, inside: Inside) -> bool {
        let rest = self.bytes.get(at..).unwrap_or_default();
        if inside == Inside::Nothing {
            let line = memchr(b'\n', rest).map_or(rest, |end| &rest[..end]);
            return line.trim_ascii().is_empty();
        }
        rest.trim_ascii_start().first().is_none_or(|byte| matches!(byte, b',' | b']'))
    }

    /// Returns the end of the object or array at `start`, by counting brackets outside strings;
    /// before the bracket that closes what is around it. Returns how far it counted, too.
    fn balance(&self, start: usize) -> (Option<usize>, usize) {
        let (mut curly, mut square, mut before, mut at) = (0_usize, 0_usize, 0, start);
        let most = start.saturating_add(self.counting);
        while let Some(&byte) = self.bytes.get(at).filter(|_| at < most) {
            match byte {
                b'"' => at = self.string_end(at, byte),
                b'\'' if matches!(before, b'{' | b'[' | b',' | b':') => at = self.string_end(at, byte),
                b'{' => curly += 1,
                b'[' => square += 1,
                b'}' if curly == 0 => return (Some(at), at),
                b']' if square == 0 => return (Some(at), at),
                b'}' => curly -= 1,
                b']' => square -= 1,
                _ => {}
            }
            at += 1;
            if curly + square == 0 {
                return (Some(at), at);
            }
            if !byte.is_ascii_whitespace() {
                before = byte;
            }
        }
        (None, at)
    }

    /// Returns where the string closes that opens at `at`; the message's end if it does not.
    fn string_end(&self, at: usize, quote: u8) -> usize {
        let mut end = at + 1;
        while let Some(found) = self.bytes.get(end..).and_then(|rest| memchr2(quote, b'\\', rest)) {
            end += found;
            if self.bytes[end] == quote {
                return end;
            }
            end += 2;
        }
        self.bytes.len()
    }

    /// Returns the first place in `range` where a record seems to begin.
    fn beginning(&self, range: std::ops::Range<usize>, inside: Inside, first_key: &[u8]) -> Option<usize> {
        let within = self.bytes.get(range.clone())?;
        memchr_iter(b'{', within).map(|at| range.start + at).find(|&at| {
            let before = self.bytes.get(..at).unwrap_or_default();
            let new_line = inside == Inside::Nothing && before.last() == Some(&b'\n');
            let after_one = || matches!(before.trim_ascii_end().last(), Some(b',' | b'}'));
            new_line || self.begins_record(at, first_key) && after_one()
        })
    }

    fn begins_record(&self, at: usize, first_key: &[u8]) -> bool {
        let key = self.first_key(at);
        !key.is_empty() && (key == first_key || BEGINNINGS.iter().any(|known| known.eq_ignore_ascii_case(key)))
    }

    /// Returns the first key of the object at `at`; nothing if it has none that is short.
    fn first_key(&self, at: usize) -> &'s [u8] {
        let inside = self.bytes.get(at + 1..).unwrap_or_default();
        let inside = inside.get(..inside.len().min(4 * KEY)).unwrap_or_default().trim_ascii_start();
        let Some((&quote @ (b'"' | b'\''), rest)) = inside.split_first() else { return b"" };
        let rest = rest.get(..rest.len().min(KEY)).unwrap_or_default();
        memchr(quote, rest).and_then(|end| rest.get(..end)).unwrap_or_default()
    }
}
