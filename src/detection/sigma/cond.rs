//! What a Sigma rule asks of the records of one category: an [`Expr`](super::expr::Expr) whose fields are found.

use std::sync::Arc;

use crate::detection::words::{Case, How};

use super::expr::Sound;
use super::reading::Reading;
use super::test::compare;

/// A condition on the values of an event.
#[derive(Clone, Debug)]
pub(super) enum Cond {
    /// All of these hold.
    All(Vec<Cond>),
    /// One of these holds.
    Any(Vec<Cond>),
    /// This does not.
    Not(Box<Cond>),
    /// A value of the slot fulfils the test.
    Is(u16, Arc<Sound>),
    /// A value of the first slot stands so to one of the second.
    Same(u16, u16, Option<How>, Case),
}

/// Values of a field that are compared with those of another, at most.
const MOST_COMPARED: usize = 16;

impl Cond {
    /// Tells whether the event fulfils it.
    pub(super) fn holds(&self, reading: &mut Reading<'_, '_, '_>) -> bool {
        match self {
            Self::All(parts) => parts.iter().all(|part| part.holds(reading)),
            Self::Any(parts) => parts.iter().any(|part| part.holds(reading)),
            Self::Not(inner) => !inner.holds(reading),
            Self::Is(slot, sound) => {
                let (values, bare) = reading.get(*slot);
                sound.test.holds(values, bare)
            }
            Self::Same(one, other, how, case) => {
                let mut texts = [""; MOST_COMPARED];
                let mut count = 0;
                for (said, text) in reading.get(*other).0.iter().filter(|said| !said.null).zip(&mut texts) {
                    *text = said.text;
                    count += 1;
                }
                let others = &texts[..count];
                let same = |text: &str| others.iter().any(|other| compare(text, *how, other, *case));
                reading.get(*one).0.iter().take(MOST_COMPARED).any(|said| !said.null && same(said.text))
            }
        }
    }
}
