//! `gatewatch threats init`: a first `model.yaml`, from what is configured and what the daemon has observed.
//!
//! The store is opened for reading, beside a running daemon or without one; where there is none, the files
//! alone speak. Of it is read who called what with which key (10,000 keys at most), and what a gateway is.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::clock::Timestamp;
use crate::posture::intended::Observed;
use crate::posture::observed::What;
use crate::store::{Reader, StoreError};

use super::super::talk::Failure;

/// Keys whose callers are read.
const MAX_KEYS: usize = 10_000;

/// Returns what was observed of apps, functions and gateways, by their names in events.
pub fn observed(data: &Path) -> Result<BTreeMap<String, Observed>, Failure> {
    let failed = |error: StoreError| Failure::Io(format!("what was observed can't be read: {error}"));
    let reader = Reader::open(data).map_err(failed)?;
    let spotted = crate::posture::observed::Observed::restore(&reader.observed().map_err(failed)?);
    let mut seen: BTreeMap<String, (BTreeSet<String>, Timestamp)> = BTreeMap::new();
    for key in reader.keys_used().map_err(failed)?.into_iter().take(MAX_KEYS) {
        for line in reader.key_callers(&key).map_err(failed)? {
            let place = line.caller.place.to_ascii_lowercase();
            let (callers, last) = seen.entry(place).or_insert((BTreeSet::new(), line.last_seen));
            callers.insert(line.caller.address.to_string());
            *last = line.last_seen.max(*last);
        }
    }
    let is_gateway = |place: &str| {
        let site = place.split('/').next().unwrap_or(place);
        [place, site].iter().any(|name| spotted.endpoints.get(*name).is_some_and(|one| one.what == What::Gateway))
    };
    let observed = |(place, (callers, last)): (String, (BTreeSet<String>, Timestamp))| {
        let gateway = is_gateway(&place);
        (place, Observed { callers: callers.len(), last, gateway })
    };
    Ok(seen.into_iter().map(observed).collect())
}
