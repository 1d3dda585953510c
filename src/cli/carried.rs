//! What does a start make of a key's rotation?
//!
//! Once a new key has taken over, alerts that were open under the old key's names are called by
//! the new ones, so that the next finding about the same key or person is theirs. What was linked
//! under a key that has been destroyed is forgotten first. Costs one look-up for each entity of an
//! alert that is open or cooling down.

use crate::alerts::Alert;
use crate::redaction::KeyRing;
use crate::store::{Store, StoreError};

use super::talk::{Failure, say};

/// Carries `alerts` over to the key in use.
pub fn carried_over(store: &mut Store, keys: &KeyRing, alerts: &mut [Alert]) -> Result<(), Failure> {
    let ids: Vec<String> = keys.list().into_iter().map(|key| key.id).collect();
    let forgotten = store.keep_links_of(&ids).map_err(failed)?;
    if forgotten > 0 {
        say(&format!("Forgot {forgotten} links of fingerprints under keys that have been destroyed."));
    }
    let mut failure = None;
    for alert in alerts {
        alert.rename(|name| match store.newer_name(name, keys.id()) {
            Ok(newer) => newer.map(Into::into),
            Err(error) => {
                failure = Some(error);
                None
            }
        });
    }
    failure.map_or(Ok(()), |error| Err(failed(error)))
}

#[expect(clippy::needless_pass_by_value, reason = "it is the whole of a `map_err`")]
fn failed(error: StoreError) -> Failure {
    Failure::Io(error.to_string())
}
