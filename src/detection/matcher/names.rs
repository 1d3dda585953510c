//! By what names does a detector keep its state?
//!
//! By those of the key in use; while a rotation overlaps, also by those of the key that is coming, so that it knows
//! everybody when that one takes over.

use std::hash::Hasher;

use crate::detection::gathered::Gathered;
use crate::detection::scene::Scene;
use crate::telemetry::{Field, Value};

/// Under which key's names something is hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Names {
    /// Those of the key in use.
    InUse,
    /// Those of the key that is coming.
    Coming,
}

impl Names {
    /// Feeds a field's value to a hasher under these names.
    pub(super) fn feed(self, to: &mut Gathered<impl Hasher>, field: Field, value: Value<'_>, scene: Scene<'_, '_>) {
        match value {
            Value::Text(text) if self == Self::Coming => {
                let coming = scene.event.coming(text);
                feed_term(to, field, Value::Text(coming.as_deref().unwrap_or(text)), scene);
            }
            value => feed_term(to, field, value, scene),
        }
    }
}

/// A function is told by its app too: two apps may each have one called `hello`.
fn feed_term(to: &mut Gathered<impl Hasher>, field: Field, value: Value<'_>, scene: Scene<'_, '_>) {
    if field == Field::Function
        && let Some(app) = scene.event.app()
    {
        to.feed(Value::Text(app));
    }
    to.feed(value);
}
