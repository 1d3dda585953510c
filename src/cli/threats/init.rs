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
    let gateways = gateways(&spotted);
    let is_gateway = |place: &str| gateways.contains(place.split('/').next().unwrap_or(place));
    let observed = |(place, (callers, last)): (String, (BTreeSet<String>, Timestamp))| {
        let gateway = is_gateway(&place);
        (place, Observed { callers: callers.len(), last, gateway })
    };
    Ok(seen.into_iter().map(observed).collect())
}

/// Returns the names of what was observed as a gateway, be it by its operations alone.
fn gateways(spotted: &crate::posture::observed::Observed) -> BTreeSet<&str> {
    let gateways = spotted.endpoints.iter().filter(|(_, one)| one.what == What::Gateway);
    gateways.map(|(name, _)| name.split('/').next().unwrap_or_default()).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::posture::observed::{Facts, Observed, Spotted};

    #[test]
    fn a_gateway_is_one_though_all_its_records_name_an_operation() {
        let mut spotted = Observed::default();
        for (name, what) in
            [("apim-partner/orders", What::Gateway), ("apim-shop", What::Gateway), ("fn-orders/import", What::App)]
        {
            spotted.endpoints.insert(Arc::from(name), Spotted { what, facts: Facts::default() });
        }
        assert_eq!(gateways(&spotted).into_iter().collect::<Vec<_>>(), ["apim-partner", "apim-shop"]);
    }
}
