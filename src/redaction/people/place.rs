//! Now that its place is known: may what the scan has hidden stay after all?
//!
//! Only for kinds about which places decide. What a place asks for is put into the record and into
//! the event's own texts, where the scan's replacement stands; what can't be found there again stays
//! hidden. Linear in the event's sightings times its texts.

use std::sync::Arc;

use super::{Action, Over, People};
use crate::redaction::fingerprint::{Fingerprinter, Memo, unescaped};
use crate::redaction::kind::Kind;
use crate::redaction::redacted::Replacement;
use crate::telemetry::{Event, Sighting, Text};

/// What a sighting becomes in its place.
pub struct Placed {
    /// What is replaced in the scanned message, and by what; `None` where it stays as the scan left it.
    pub replacement: Option<Replacement>,
    /// What the event's texts say there, and what they say then.
    old: Arc<str>,
    new: String,
    at: std::ops::Range<u32>,
}

impl People {
    /// Returns what becomes of what the scan has hidden in `event`, where its place asks for another
    /// thing than the scan did.
    pub fn placed(
        &self,
        fingerprints: &Fingerprinter,
        over: &Over<'_>,
        event: &Event<'_>,
        memo: &mut Memo,
    ) -> Vec<Placed> {
        let each = event.sightings.iter().filter(|one| one.original.is_some());
        each.filter_map(|one| self.place(fingerprints, over, one, event, memo)).collect()
    }

    fn place(
        &self,
        fingerprints: &Fingerprinter,
        over: &Over<'_>,
        one: &Sighting,
        event: &Event<'_>,
        memo: &mut Memo,
    ) -> Option<Placed> {
        let original = one.original.as_ref()?;
        let kind = Kind::ALL.into_iter().find(|kind| kind.name() == Some(&*one.kind))?;
        let action = over.action(kind, &one.at);
        let old = event.scanned.get(one.at.start as usize..one.at.end as usize)?;
        let old: Arc<str> = Arc::from(std::str::from_utf8(old).ok()?);
        if action == over.strictest(kind) && action != Action::Remove {
            return Some(Placed { replacement: None, new: old.to_string(), old, at: one.at.clone() });
        }
        let raw = original.unredacted();
        let (with, new, around) = match self.instead(fingerprints, kind, raw, action, memo) {
            // As it stood, byte for byte.
            None => {
                let raw = std::str::from_utf8(raw).ok()?;
                (Arc::from(raw), plain(raw), original.quotes())
            }
            Some(with) => (with.clone(), with.to_string(), 0),
        };
        let replaced = one.at.start.saturating_sub(around)..one.at.end + around;
        Some(Placed { replacement: Some(Replacement { raw: replaced, with }), old, new, at: one.at.clone() })
    }
}

/// Returns what `raw` says as JSON's string: escapes undone, percent signs not.
fn plain(raw: &str) -> String {
    if !raw.contains('\\') {
        return raw.to_owned();
    }
    let once = unescaped(raw.as_bytes());
    let said = if once.contains(&b'\\') { unescaped(&once) } else { once };
    String::from_utf8_lossy(&said).into_owned()
}

/// Puts what is `placed` into the texts of `event`.
pub fn say(event: &mut Event<'_>, placed: &[Placed]) {
    let arena = event.arena;
    let texts = [
        &mut event.identity.name,
        &mut event.identity.id,
        &mut event.request.path,
        &mut event.request.query,
        &mut event.referrer,
        &mut event.message,
        &mut event.target,
        &mut event.client.agent,
        &mut event.forwarded,
        &mut event.origin,
    ];
    for text in texts.into_iter().flatten() {
        let mut said = None;
        let mut from = 0;
        for one in placed.iter().filter(|one| within(text, one)) {
            let now: &str = said.as_deref().unwrap_or(text.value);
            let Some(at) = now.get(from..).and_then(|rest| rest.find(&*one.old)) else { continue };
            let at = from + at;
            from = at + one.new.len();
            let next = format!("{}{}{}", &now[..at], one.new, &now[at + one.old.len()..]);
            said = Some(next);
        }
        if let Some(said) = said {
            text.value = arena.alloc_str(&said);
        }
    }
}

fn within(text: &Text<'_>, one: &Placed) -> bool {
    text.start <= one.at.start && one.at.end <= text.end
}
