//! What would this secret be called if it were found?
//!
//! For its owner, who holds it and wants to find it in alerts. What the scan recognises has the
//! kind that it says; what only a name beside it tells has, of any kind, the same last part, so the
//! likeliest kinds are listed. Under each key that the ring holds.

use crate::telemetry::{Confidence, Fingerprint, Privilege};

use super::fingerprint::{Fingerprinter, Memo};
use super::keyring::{KeyInfo, KeyRing};
use super::kind::Kind;
use super::people::normal;
use super::{Redactor, merge};

/// A fingerprint that a secret has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identified {
    /// The key it is made under.
    pub key: KeyInfo,
    /// The fingerprint.
    pub fingerprint: Fingerprint,
    /// How sure the kind is; `None` where it is one of several that it may be.
    pub confidence: Option<Confidence>,
    /// What it lets its holder do, where that is known.
    pub privilege: Option<Privilege>,
}

impl Redactor {
    /// Returns what `secret` would be called, under each of `keys`; secrets are found in it as in
    /// a record, so a whole connection string gives those of its key.
    pub fn identify(&self, keys: &KeyRing, secret: &[u8]) -> Vec<Identified> {
        let mut found = self.find(secret);
        merge(&mut found);
        let found = found.iter().filter(|one| !one.already);
        let mut all: Vec<_> =
            found.map(|one| (one.kind, one.read(secret), Some(one.confidence), one.privilege)).collect();
        if all.is_empty() {
            all = likely(secret).into_iter().map(|kind| (kind, secret, None, None)).collect();
        }
        let makers = keys.each().map(|ring| Fingerprinter::new(&ring, self.rules.names()));
        let makers: Vec<(KeyInfo, Fingerprinter)> = keys.list().into_iter().zip(makers).collect();
        let mut told = Vec::new();
        for (kind, value, confidence, privilege) in all {
            for (key, maker) in &makers {
                let fingerprint = maker.of(kind, &normal(kind, value), &mut Memo::default());
                told.push(Identified { key: key.clone(), fingerprint, confidence, privilege });
            }
        }
        told
    }
}

/// Returns the kinds that a text which shows none is likeliest to be.
fn likely(text: &[u8]) -> Vec<Kind> {
    let hex = text.len() == 32 && text.iter().all(u8::is_ascii_hexdigit);
    let mut kinds = vec![Kind::FunctionKey, Kind::ApiKey, Kind::Password];
    if hex {
        kinds.insert(0, Kind::SubscriptionKey);
    }
    if text.contains(&b' ') {
        kinds.insert(0, Kind::Person);
    }
    kinds
}
