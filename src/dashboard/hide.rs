//! How does what people type lose its secrets?
//!
//! Handed in by whoever has the installation's redactor, which this room knows nothing of. Every text
//! that would be kept goes through it once, on its way to the pipeline or the store. It keeps no state.

use std::fmt;
use std::sync::Arc;

use crate::alerts::Typed;

type Take = dyn Fn(&str, Typed) -> String + Send + Sync;

/// Takes out of what people type what nobody may keep.
#[derive(Clone)]
pub struct Hide(Arc<Take>);

impl Hide {
    /// Returns what hides by `take`.
    pub fn new(take: impl Fn(&str, Typed) -> String + Send + Sync + 'static) -> Self {
        Self(Arc::new(take))
    }

    /// Returns the text as it may be kept.
    pub(super) fn of(&self, text: &str, typed: Typed) -> String {
        (self.0)(text, typed)
    }
}

impl fmt::Debug for Hide {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hide")
    }
}
