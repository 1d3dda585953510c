//! Which members of an object do we want, and what do they say?
//!
//! A [`Members`] is filled while an object is read, one slot a wanted name; reading asks for
//! slots by name, so a category's file is a list of what goes where. Names are matched in any
//! case. Of several members with one name the first that says something wins. At most 254 names.

use std::marker::PhantomData;

use bumpalo::collections::Vec;

use crate::telemetry::Text;

use super::cursor::{Cursor, Fault, Shape, Value};
use super::doc::{Doc, Piece, trim};
use super::eight::number;
use super::plain::Stands;

/// The names that are wanted of one kind of object.
pub(super) trait Name: Copy {
    /// Returns the name that `key` is, in any case.
    fn of(key: &[u8]) -> Option<Self>;
    /// How many names there are, at most 254.
    const COUNT: usize;
    /// Returns its slot, below [`Name::COUNT`].
    fn slot(self) -> usize;
}

/// The wanted members of one object.
pub(super) struct Members<'s, N> {
    /// Where the object stands.
    pub(super) doc: Doc<'s>,
    filled: [u64; 4],
    /// For each name that is filled, where its value stands among `values`.
    slots: &'s mut [u8],
    /// In the arena, as the slots are: an array in here would be moved about with it.
    values: Vec<'s, Value>,
    names: PhantomData<N>,
}

impl<'s, N: Name> Members<'s, N> {
    /// Returns no members of `doc` yet.
    pub(super) fn new(doc: Doc<'s>) -> Self {
        let slots = doc.arena.alloc_slice_fill_copy(N::COUNT, 0);
        let values = Vec::with_capacity_in(N::COUNT, doc.arena);
        Self { doc, filled: [0; 4], slots, values, names: PhantomData }
    }

    /// Forgets all members; those to come are of `doc`.
    pub(super) fn clear(&mut self, doc: Doc<'s>) {
        self.doc = doc;
        self.filled = [0; 4];
        self.values.clear();
    }

    /// Tells whether nothing was found.
    pub(super) fn is_empty(&self) -> bool {
        self.filled == [0; 4]
    }

    /// Tells whether none of the names was found that stand before `name` in their list, at most 64.
    pub(super) fn none_before(&self, name: N) -> bool {
        self.filled[0] & ((1 << (name.slot() & 63)) - 1) == 0
    }

    /// Returns the name of the member whose key stands at `key`.
    #[inline]
    pub(super) fn name(&self, key: Value) -> Option<N> {
        if key.escaped { N::of(self.doc.says(key).as_bytes()) } else { N::of(self.doc.bytes(key)) }
    }

    /// Keeps `value` as that of `name`, unless there is one or it says nothing.
    #[inline]
    pub(super) fn keep(&mut self, name: N, value: Value) {
        let slot = name.slot();
        let (word, bit) = (&mut self.filled[(slot / 64) & 3], 1 << (slot & 63));
        // What says nothing is no longer than `null`.
        if *word & bit != 0 || value.end - value.start <= 4 && self.doc.is_absent(value) {
            return;
        }
        *word |= bit;
        self.slots[slot] = self.values.len() as u8;
        self.values.push(value);
    }

    /// Reads the object at the cursor, whose brackets are the `level`th. What was read before a
    /// fault is kept.
    pub(super) fn read(&mut self, cursor: &mut Cursor<'s>, level: u32) -> Result<(), Fault> {
        let mut more = cursor.enter();
        while more {
            if self.read_plain(cursor) == Stands::AtKey {
                let key = cursor.key()?;
                let value = cursor.value(level + 1)?;
                if let Some(name) = self.name(key) {
                    self.keep(name, value);
                }
            }
            more = cursor.goes_on()?;
        }
        Ok(())
    }

    /// Reads the row at the cursor as [`Members::read`] does an object: a column may have its type's letter
    /// behind its name, as in `httpStatus_d`.
    pub(super) fn read_row(&mut self, cursor: &mut Cursor<'s>, level: u32) -> Result<(), Fault> {
        let mut key = cursor.first_key()?;
        while let Some(at) = key {
            let value = cursor.value(level + 1)?;
            let column = || match self.doc.bytes(at) {
                [name @ .., b'_', b's' | b'd' | b'g' | b'b' | b't'] => N::of(name),
                _ => None,
            };
            if let Some(name) = self.name(at).or_else(column) {
                self.keep(name, value);
            }
            key = cursor.next_key()?;
        }
        Ok(())
    }

    /// Reads the object in the string at the cursor on the way, if no escape in it may be a quote;
    /// returns the string. Else the cursor has not moved and nothing was read.
    pub(super) fn read_in_place(&mut self, cursor: &mut Cursor<'s>) -> Option<Value> {
        const OPENS: &[u8] = b"\"{\\\"";
        let (before, start) = (self.doc, cursor.at + 1);
        let doc = before.in_place().filter(|doc| doc.text.as_bytes()[cursor.at..].starts_with(OPENS))?;
        self.clear(doc);
        let mut inside = doc.cursor(start);
        let whole = self.read(&mut inside, 1).is_ok() && inside.space() == Some(b'"');
        if !whole {
            self.clear(before);
            return None;
        }
        let end = inside.at;
        cursor.at = end + 1;
        Some(Value { start: start as u32, end: end as u32, shape: Shape::String, escaped: true, single: false })
    }

    /// Returns the place of `name`'s value.
    #[inline]
    pub(super) fn get(&self, name: N) -> Option<Value> {
        let slot = name.slot();
        let filled = self.filled[(slot / 64) & 3] & 1 << (slot & 63) != 0;
        filled.then(|| self.values[usize::from(self.slots[slot])])
    }

    /// Returns what `name` says, if it is no object and no array.
    #[inline]
    pub(super) fn text(&self, name: N) -> Option<Text<'s>> {
        self.get(name).filter(is_text).map(|value| self.doc.text(value))
    }

    /// Returns what `name` says, to take parts of it.
    #[inline]
    pub(super) fn piece(&self, name: N) -> Option<Piece<'s>> {
        self.get(name).filter(is_text).map(|value| self.doc.piece(value))
    }

    /// Returns `name` as a whole number, be it written as a number or as a text.
    pub(super) fn number(&self, name: N) -> Option<i64> {
        let value = self.get(name).filter(is_text)?;
        if let Some(number) = number(self.doc.text.as_bytes(), value.start as usize, value.end as usize) {
            return Some(number);
        }
        let text = trim(self.doc.says(value));
        if text.len() < 18 && text.bytes().all(|byte| byte.is_ascii_digit()) && !text.is_empty() {
            return Some(text.bytes().fold(0, |number, digit| number * 10 + i64::from(digit - b'0')));
        }
        text.parse().ok().or_else(|| text.parse::<f64>().ok().filter(|number| number.is_finite()).map(|n| n as i64))
    }

    /// Returns `name`, which is written in seconds, in milliseconds.
    pub(super) fn seconds(&self, name: N) -> Option<i64> {
        let text = trim(self.doc.says(self.get(name).filter(is_text)?));
        let seconds = text.parse::<f64>().ok().filter(|seconds| seconds.is_finite() && *seconds >= 0.0)?;
        Some((seconds * 1000.0).round() as i64)
    }
}

/// Tells whether `value` is no object and no array.
pub(super) fn is_text(value: &Value) -> bool {
    matches!(value.shape, Shape::String | Shape::Scalar)
}

/// Calls `each` with every wanted member that says something, of the object that `value` of `doc`
/// is or holds as a string.
pub(super) fn each<'s, N: Name>(doc: Doc<'s>, value: Value, mut each: impl FnMut(N, Text<'s>)) {
    every(doc, value, |name, doc, value| {
        if is_text(&value) {
            each(name, doc.text(value));
        }
    });
}

/// Calls `each` with every wanted member that is there and says something, whatever its shape, and
/// the doc it stands in; of the object that `value` of `doc` is or holds as a string.
pub(super) fn every<'s, N: Name>(doc: Doc<'s>, value: Value, mut each: impl FnMut(N, Doc<'s>, Value)) {
    all(doc, value, |doc, key, value| {
        if let Some(name) = N::of(doc.says(key).as_bytes()).filter(|_| !doc.is_absent(value)) {
            each(name, doc, value);
        }
    });
}

/// Calls `each` with the doc, key and value of every member, wanted or not, of the object that `value` of
/// `doc` is or holds as a string.
pub(super) fn all<'s>(doc: Doc<'s>, value: Value, mut each: impl FnMut(Doc<'s>, Value, Value)) {
    let Some((doc, at)) = object(doc, value) else { return };
    let mut cursor = doc.cursor(at);
    // It may break off: what came before still counts.
    let mut next = cursor.first_key();
    while let Ok(Some(key)) = next {
        let Ok(value) = cursor.value(2) else { return };
        each(doc, key, value);
        next = cursor.next_key();
    }
}

/// Calls `each` with every element of the array that `value` of `doc` is or holds as a string, and
/// the doc it stands in.
pub(super) fn elements<'s>(doc: Doc<'s>, value: Value, mut each: impl FnMut(Doc<'s>, Value)) {
    let (doc, start) = match value.shape {
        Shape::Array => (doc, value.start as usize),
        Shape::String => match doc.nested(value).map(|doc| opened(doc, b'[')) {
            Some(Some(found)) => found,
            _ => return,
        },
        _ => return,
    };
    let mut cursor = doc.cursor(start + 1);
    // It may break off: what came before still counts.
    while !matches!(cursor.space(), None | Some(b']')) {
        let Ok(value) = cursor.value(2) else { return };
        each(doc, value);
        if cursor.space() == Some(b',') {
            cursor.at += 1;
        }
    }
}

/// Returns the doc in which the object stands that `value` is or holds as a string, and where.
pub(super) fn object(doc: Doc<'_>, value: Value) -> Option<(Doc<'_>, usize)> {
    match value.shape {
        Shape::Object => Some((doc, value.start as usize)),
        Shape::String => opened(doc.nested(value)?, b'{'),
        _ => None,
    }
}

/// Reads the object that stands there; it may break off: what came before still counts.
pub(super) fn read<N: Name>((doc, at): (Doc<'_>, usize)) -> Option<Members<'_, N>> {
    let mut members = Members::new(doc);
    let _ = members.read(&mut doc.cursor(at), 1);
    (!members.is_empty()).then_some(members)
}

fn opened(doc: Doc<'_>, bracket: u8) -> Option<(Doc<'_>, usize)> {
    let rest = doc.text.get(doc.begin as usize..)?;
    let at = doc.text.len() - rest.trim_ascii_start().len();
    (doc.text.as_bytes().get(at) == Some(&bracket)).then_some((doc, at))
}

/// Makes an enum of names, matched in any case; written as Azure does, for that matches fastest.
macro_rules! names {
    ($(#[doc = $doc:literal])* $Names:ident { $($Variant:ident $text:literal,)* }) => {
        $(#[doc = $doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(in crate::telemetry::decode) enum $Names { $($Variant,)* }

        impl $Names {
            const ALL: &[Self] = &[$(Self::$Variant,)*];
            const INDEX: &$crate::telemetry::index::Index<{ Self::ALL.len() }> = {
                static INDEX: $crate::telemetry::index::Index<{ $Names::ALL.len() }> =
                    $crate::telemetry::index::Index::new([$($text,)*]);
                &INDEX
            };
        }

        impl $crate::telemetry::decode::members::Name for $Names {
            const COUNT: usize = Self::ALL.len();

            #[inline]
            fn of(key: &[u8]) -> Option<Self> {
                $Names::ALL.get($Names::INDEX.place(key)?).copied()
            }

            #[inline]
            fn slot(self) -> usize {
                self as usize
            }
        }
    };
}

pub(super) use names;
