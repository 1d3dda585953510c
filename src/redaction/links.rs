//! What is the same thing called under the key that is coming?
//!
//! During the overlap of a rotation every value is hashed under both keys, and what its two
//! fingerprints are is remembered here for as long as its record is being worked: detectors learn
//! the new name beside the old. Two generations of at most 65,536 links each are kept; what has
//! not been seen for a whole generation goes, so of the values that workers have in hand at once, those
//! beyond 65,536 may be learnt by their old name alone. A link that goes is made again when its value is seen
//! again. As many wait to be written down; what is beyond that is written down when it is seen
//! again after it had gone.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::fingerprint::{name_before, tail_at};
use crate::telemetry::Fingerprint;

/// Links of one generation, and links that wait to be written down.
const CEILING: usize = 65_536;

/// Two fingerprints of one value: the one in use, and the one that is coming.
pub type Link = (Arc<str>, Arc<str>);

/// Fingerprints in use, with those that are coming.
#[derive(Debug, Default)]
pub struct Links(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    young: HashMap<Arc<str>, Arc<str>>,
    old: HashMap<Arc<str>, Arc<str>>,
    fresh: Vec<Link>,
}

impl Links {
    /// Remembers that `now` will be `coming`.
    pub fn keep(&self, now: &Fingerprint, coming: &Fingerprint) {
        let mut kept = self.lock();
        if kept.young.contains_key(&now.0) {
            return;
        }
        if kept.young.len() == CEILING {
            kept.old = std::mem::take(&mut kept.young);
        }
        let known = kept.old.remove(&now.0).is_some();
        kept.young.insert(now.0.clone(), coming.0.clone());
        if !known && kept.fresh.len() < CEILING {
            kept.fresh.push((now.0.clone(), coming.0.clone()));
        }
    }

    /// Returns `text` with the fingerprints that are coming in place of those in use; `None` where
    /// there is none to replace.
    pub fn coming(&self, text: &str) -> Option<String> {
        let bytes = text.as_bytes();
        let mut kept = None;
        let mut out = String::new();
        let mut from = 0;
        for colon in memchr::memchr_iter(b':', bytes) {
            let Some(tail) = tail_at(&bytes[colon..]) else { continue };
            let start = colon - name_before(&bytes[..colon]);
            let (Some(old), true) = (text.get(start..colon + tail), start >= from) else { continue };
            let kept = kept.get_or_insert_with(|| self.lock());
            let Some(new) = kept.young.get(old).or_else(|| kept.old.get(old)) else { continue };
            out.push_str(&text[from..start]);
            out.push_str(new);
            from = colon + tail;
        }
        (from > 0).then(|| out + &text[from..])
    }

    /// Returns the links that are new since the last call.
    pub fn fresh(&self) -> Vec<Link> {
        std::mem::take(&mut self.lock().fresh)
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        // What it holds is whole between any two of its steps.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(key: u8, n: u32) -> Fingerprint {
        let digits = data_encoding::BASE32.encode(&[&[0; 6][..], &n.to_be_bytes()].concat());
        Fingerprint(format!("person:k{key}:{digits}").into())
    }

    #[test]
    fn every_fingerprint_in_a_text_gets_its_coming_name_and_the_rest_stays() {
        let links = Links::default();
        links.keep(&named(1, 7), &named(2, 70));
        let text = |a: &Fingerprint, b: &Fingerprint| format!("/u/{a}?by={a}&other={b}");
        assert_eq!(links.coming(&text(&named(1, 7), &named(1, 8))), Some(text(&named(2, 70), &named(1, 8))));
        assert_eq!(links.coming("10:20:30 :k1:"), None);
        assert_eq!(links.coming(&text(&named(1, 9), &named(1, 8))), None);
    }

    #[test]
    fn what_is_seen_again_stays_however_many_come_and_is_written_down_once() {
        let links = Links::default();
        let count = CEILING as u32 * 3;
        for n in 0..count {
            links.keep(&named(1, n), &named(2, n));
            if n % 1_000 == 0 {
                links.keep(&named(1, 0), &named(2, 0));
            }
        }
        assert_eq!(links.coming(&named(1, 0).0).as_deref(), Some(&*named(2, 0).0));
        assert_eq!(links.coming(&named(1, 5).0), None, "not seen for long");
        let kept = links.lock();
        assert!(kept.young.len() + kept.old.len() <= 2 * CEILING);
        drop(kept);
        let fresh = links.fresh();
        assert_eq!((fresh.len(), fresh.iter().filter(|link| *link.0 == *named(1, 0).0).count()), (CEILING, 1));
        assert!(links.fresh().is_empty());
    }
}
