//! What does a start take over, and what does it make of a key's rotation?
//!
//! Once a new key has taken over, alerts that were open under the old key's names are called by
//! the new ones, so that the next finding about the same key or person is theirs. What was linked
//! under a key that has been destroyed is forgotten first. Costs one look-up for each entity of an
//! alert that is open or cooling down.

use std::path::Path;
use std::time::Duration;

use crate::alerts::{Alert, AlertState, Closing};
use crate::clock::Timestamp;
use crate::config::Config;
use crate::detection::Catalogue;
use crate::redaction::KeyRing;
use crate::store::{AlertQuery, Epoch, KEY_FILE, Reader, Recovered, Store, StoreError};

use super::setup::{Hiding, daemon_hiding};
use super::talk::{Failure, say};

/// The name under which the store keeps the mark of its installation's keys.
const MARK: &str = "installation";

/// Returns what hides things under the installation's keys, if they are those of the store.
pub fn hiding(
    (config, data): (&Config, &Path),
    store: &mut Store,
    recovered: &Recovered,
    now: Timestamp,
) -> Result<Hiding, Failure> {
    if config.key.is_none() {
        key_is_there(data, recovered)?;
    }
    let hiding = daemon_hiding(config, data)?;
    same_installation((store, data), &hiding.keys, recovered, now)?;
    Ok(hiding)
}

/// Refuses to make a new key for what a store holds that was written under another: the same secret would have another
/// name, and every alert would open once more.
fn key_is_there(data: &Path, recovered: &Recovered) -> Result<(), Failure> {
    let key = data.join(KEY_FILE);
    let marked = recovered.values.contains_key(MARK);
    let used = marked || !recovered.positions.is_empty() || !recovered.alerts.is_empty();
    if !used && key.exists() {
        say(&format!(
            "The store in {} is new, though the installation's key is older. If there was one here, stop this daemon, move the folder away and bring a backup back with gatewatch restore.",
            data.display()
        ));
    }
    if !used || key.exists() {
        return Ok(());
    }
    Err(Failure::Io(format!(
        "the store in {} was written under a key that is gone: there is no {}. Put it back, or restore a backup (gatewatch restore), which holds both; under a new key every secret and person would have another name. To begin afresh, name another --data folder.",
        data.display(),
        key.display()
    )))
}

/// Refuses keys under which the store was not written; a store that has no mark yet is given that of `keys`.
fn same_installation(
    (store, data): (&mut Store, &Path),
    keys: &KeyRing,
    recovered: &Recovered,
    now: Timestamp,
) -> Result<(), Failure> {
    match recovered.values.get(MARK) {
        Some(mark) if *mark == keys.mark() => Ok(()),
        Some(_) => Err(Failure::Io(format!(
            "the store in {} was written under the keys of another installation: every secret and person would have another name. Put its own key back, or restore a backup (gatewatch restore), which holds both. To begin afresh, name another --data folder.",
            data.display()
        ))),
        None => {
            let (at, accounting) = (now, recovered.accounting.clone());
            let epoch = Epoch { at, accounting, values: vec![(MARK, keys.mark().to_vec())], ..Epoch::default() };
            store.commit(&epoch).map_err(failed)
        }
    }
}

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

/// Alerts closed within their cooldown are taken back; this much more for detectors that wait longest.
const COOLING_MARGIN: Duration = Duration::from_hours(1);

/// Returns what the store kept, of closed alerts those that may be opened again.
pub fn recover(
    store: &mut Store,
    newest: Timestamp,
    cooldown: Duration,
    catalogue: &Catalogue,
) -> Result<Recovered, Failure> {
    let absences = catalogue.detectors.all.iter().filter(|detector| detector.counting.is_absence());
    let longest = absences.map(|detector| detector.quiet).max().unwrap_or_default().max(cooldown);
    let since = |memory: Duration| newest.minus(memory).minus(COOLING_MARGIN);
    let mut recovered = store.recover(since(longest)).map_err(|error| Failure::Io(error.to_string()))?;
    recovered.alerts.retain(|alert| {
        let cooling = alert.last_seen >= since(cooldown) || alert.closing == Some(Closing::Resumed);
        alert.state != AlertState::Closed || cooling
    });
    Ok(recovered)
}

/// Returns the event time of the newest alert, which the wall clock has nothing to do with.
pub fn newest_alert(data: &Path) -> Timestamp {
    let query = AlertQuery { limit: 1, ..AlertQuery::default() };
    let newest = Reader::open(data).and_then(|reader| reader.alerts(&query)).unwrap_or_default();
    newest.first().map_or(Timestamp::MIN, |alert| alert.last_seen)
}
