//! Which entities may have begun a sequence that waits?
//!
//! Nearly every request that succeeds would end a sequence that nobody has begun. Such a signal changes no answer, so
//! it need be neither put in order nor looked at. A filter says of an entity that nothing that waits begins a sequence of
//! it; it may err the other way, and then the signal is looked at. Of two halves of 8 KB the older is emptied when
//! all that stands in it has been evaluated.

use crate::clock::Timestamp;
use crate::detection::Signal;

/// Bits of a half.
const BITS: u32 = 16;

/// The entities of which a first step waits.
#[derive(Debug, Default)]
pub struct Openings {
    now: Half,
    before: Half,
}

#[derive(Debug, Default)]
struct Half {
    /// Empty as long as nothing stands in it.
    bits: Vec<u64>,
    newest: Option<Timestamp>,
}

impl Openings {
    /// Notes that `signal`, a first step, waits.
    pub fn note(&mut self, signal: &Signal) {
        let half = &mut self.now;
        half.bits.resize(1 << (BITS - 6), 0);
        let place = place(signal);
        half.bits[place / 64] |= 1 << (place % 64);
        half.newest = half.newest.max(Some(signal.time));
    }

    /// Tells whether a first step may wait of the entity that `signal` is about.
    pub fn may_have(&self, signal: &Signal) -> bool {
        let place = place(signal);
        let is_in = |half: &Half| half.bits.get(place / 64).is_some_and(|word| word >> (place % 64) & 1 == 1);
        is_in(&self.now) || is_in(&self.before)
    }

    /// Forgets what it can: everything up to `passed` has been evaluated.
    pub fn pass(&mut self, passed: Timestamp) {
        if self.before.newest.is_none_or(|newest| newest <= passed) && self.now.newest.is_some() {
            let mut emptied = std::mem::replace(&mut self.before, std::mem::take(&mut self.now));
            emptied.bits.clear();
            self.now.bits = emptied.bits;
        }
    }
}

/// Returns the bit of the detector and entity that `signal` is about.
fn place(signal: &Signal) -> usize {
    let mixed = ((signal.key >> 64) as u64).rotate_left(29) ^ signal.key as u64 ^ u64::from(signal.detector) << 32;
    (mixed.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (u64::BITS - BITS)) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detection::engine::trial::signal_of;

    fn of(who: i64, second: i64) -> Signal {
        signal_of(who as u64, second, 0, 0, 0)
    }

    #[test]
    fn what_waits_is_never_forgotten_and_the_rest_is_in_time() {
        let mut openings = Openings::default();
        assert!(!openings.may_have(&of(1, 0)));
        for second in 0..1_000 {
            openings.note(&of(second, second));
            openings.pass(Timestamp::from_seconds(second - 30));
            for waits in (second - 29).max(0)..=second {
                assert!(openings.may_have(&of(waits, waits)), "{waits} at {second}");
            }
        }
        assert!((0..900).filter(|&old| openings.may_have(&of(old, old))).count() < 5);
    }
}
