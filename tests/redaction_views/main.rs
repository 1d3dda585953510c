//! Secrets in texts that have to be decoded: every kind in every way of writing, what nobody is to be
//! woken for, and what must hold of any text put together of them.

#![expect(clippy::unwrap_used, reason = "a test that can't go on should stop where it is")]

mod clean;
mod elements;
mod every;
mod oracle;
mod promises;
mod rests;
mod written;

use gatewatch::redaction::{KeyRing, Redactor, Settings};
use gatewatch::telemetry::{Batch, Sighting, StreamId};

/// What a scan made of a text.
pub(crate) struct Seen {
    pub(crate) bytes: Vec<u8>,
    pub(crate) sightings: Vec<Sighting>,
}

impl Seen {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }

    /// The last part of each secret's fingerprint, which says nothing of its kind.
    pub(crate) fn codes(&self) -> Vec<String> {
        let secrets = self.sightings.iter().filter(|one| one.secret);
        secrets.map(|one| one.fingerprint.0.rsplit(':').next().unwrap().to_owned()).collect()
    }
}

pub(crate) fn redactor() -> &'static Redactor {
    static ONE: std::sync::OnceLock<Redactor> = std::sync::OnceLock::new();
    ONE.get_or_init(|| {
        let keys = KeyRing::from_text("k1 AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=").unwrap();
        Redactor::new(&keys, &Settings::default()).unwrap()
    })
}

pub(crate) fn scan(text: &[u8]) -> Seen {
    let mut batch = Batch::default();
    batch.push(text, StreamId(0), 0, 1, None);
    let scanned = redactor().scan(&batch);
    Seen { bytes: scanned.bytes(0).to_vec(), sightings: scanned.sightings(0).to_vec() }
}

pub(crate) fn chance(seed: u64) -> impl FnMut() -> u64 {
    let mut state = seed;
    move || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}
