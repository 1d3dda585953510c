//! What does a Sigma rule that an event fulfils signal?

use std::hash::Hasher;
use std::sync::Arc;

use siphasher::sip::SipHasher13;
use siphasher::sip128::{Hasher128, SipHasher13 as SipHasher13Wide};

use crate::detection::gathered::Gathered;
use crate::detection::naming::MAX_SHOWN;
use crate::detection::scene::{Scene, write};
use crate::detection::sheet::cut;
use crate::detection::sigma::{Hit, Set};
use crate::detection::signal::Place;
use crate::detection::signals::Drafted;
use crate::telemetry::{EntityKind, Value};

use super::{Draft, MAX_SIGNALS, Matcher};

impl Matcher {
    /// Returns the matcher with these Sigma rules, whose detectors are among its own.
    #[must_use]
    pub fn with_sigma(self, sigma: Option<Arc<Set>>) -> Self {
        Self { sigma, ..self }
    }

    /// Adds the signal of a rule that fires, or counts for a correlation.
    pub(super) fn sigma_signal(&self, hit: &Hit<'_>, draft: &mut Draft<'_, '_, '_>) {
        // What rules of others say takes nothing from our own detectors.
        if draft.of_sigma >= MAX_SIGNALS {
            return;
        }
        let mut of_key = Gathered::new(SipHasher13Wide::new_with_keys(self.key.0, self.key.1));
        of_key.byte(hit.kind as u8);
        std::iter::once(&hit.entity).chain(hit.by).for_each(|text| of_key.feed(Value::Text(text)));
        let key = of_key.into_hasher().finish128().as_u128();
        let mut of_value = Gathered::new(SipHasher13::new_with_keys(self.key.0, !self.key.1));
        hit.values.iter().for_each(|text| of_value.feed(Value::Text(text)));
        let value = match hit.number {
            Some(number) => number.to_bits(),
            None if hit.values.is_empty() => 0,
            None => of_value.into_hasher().finish(),
        };
        draft.of_sigma += 1;
        let scene = Scene::new(draft.event, None);
        if let Some(id) = self.exceptions.cover(hit.detector, scene) {
            draft.hold(None, id);
            return;
        }
        let (time, hash, sheet) = draft.sheet(false);
        let ip = hit.entity.parse().ok().filter(|_| hit.kind == EntityKind::Ip);
        let named = cut(hit.entity, MAX_SHOWN);
        let entity = sheet.name(|names| write(ip.map_or(Value::Text(named), Value::Ip), names));
        let shown =
            (!hit.values.is_empty()).then(|| sheet.name(|names| names.push_str(cut(&hit.values.join(" "), MAX_SHOWN))));
        let place = Place { row: sheet.rows() - 1, kind: hit.kind, entity, shown };
        let shard = self.shard_of(hit.kind, sheet.text(entity));
        draft.signals.list.push(Drafted {
            detector: hit.detector,
            level: hit.level,
            step: hit.step,
            sheet: 0,
            learns: false,
            key,
            value,
            time,
            hash,
            shard,
            place,
        });
    }
}
