//! A text of an event: its value, and where it stands in the raw bytes.
//!
//! Redaction happens in the raw record, so every text remembers its raw range and how many
//! layers of JSON escapes lie between the two (none, a string, a string in a string).

use std::ops::Range;

/// How many layers of JSON string escapes were undone to read a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Layers(pub u8);

/// A text of an event, its value unescaped, and where it lies in the scanned message.
#[derive(Clone, Copy)]
pub struct Text<'s> {
    /// The text as a person reads it.
    pub value: &'s str,
    /// Where it starts in the scanned message's bytes (inside its quotes).
    pub start: u32,
    /// Where it ends.
    pub end: u32,
    /// The layers between the raw bytes and the value.
    pub layers: Layers,
}

impl Text<'_> {
    /// Returns the raw bytes' range in the scanned message.
    pub fn raw(&self) -> Range<u32> {
        self.start..self.end
    }

    /// Returns the part `range` of the value, `None` where that is no range of it. Its place is its own
    /// if the text was read as it stands, and the whole text's if escapes were undone.
    #[must_use]
    pub fn part(&self, range: Range<usize>) -> Option<Self> {
        let value = self.value.get(range.clone())?;
        let as_it_stands = (self.end - self.start) as usize == self.value.len();
        let place = |at: usize| self.start + at as u32;
        let (start, end) = if as_it_stands { (place(range.start), place(range.end)) } else { (self.start, self.end) };
        Some(Self { value, start, end, layers: self.layers })
    }
}

/// Hides the value: it may be personal.
impl std::fmt::Debug for Text<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Text({} bytes at {}..{})", self.value.len(), self.start, self.end)
    }
}
