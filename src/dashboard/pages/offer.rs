//! What does an alert's page say so that a false alarm does not come again?

use super::super::offers::Offered;

/// What is offered for an alert that was closed as a false positive.
pub(super) enum Offer {
    /// Sentences about it, the exception's entry, and the cases.
    Made { says: Vec<String>, exception: String, cases: Option<String> },
    /// Why there is none.
    None(String),
}

impl From<Result<Offered, String>> for Offer {
    fn from(offered: Result<Offered, String>) -> Self {
        match offered {
            Ok(offered) => {
                let says = std::iter::once(offered.says()).chain(offered.offer.notes.clone()).collect();
                Self::Made { says, exception: offered.offer.exception, cases: offered.offer.cases }
            }
            Err(why) => Self::None(why),
        }
    }
}
