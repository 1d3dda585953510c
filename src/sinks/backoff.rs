//! When is a failed delivery tried again?
//!
//! After one second, then twice as long each time, to ten minutes at most; a seed spreads the
//! deliveries of one outage over the second half of each wait, so that a receiver which comes
//! back is not met by all of them at once. A receiver may ask for longer, up to an hour.

use std::time::Duration;

use crate::clock::Timestamp;

const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_mins(10);
/// The longest that a receiver may ask for; nothing waits longer.
pub const LONGEST_ASKED: Duration = Duration::from_hours(1);

/// Returns when to try again after `attempts` failures, the one at `now` included.
///
/// `jitter_seed` is the delivery's number; `retry_after` is what the receiver asked for.
pub fn next_attempt(attempts: u32, now: Timestamp, jitter_seed: u64, retry_after: Option<Duration>) -> Timestamp {
    let doubled = FIRST.saturating_mul(1_u32.checked_shl(attempts.saturating_sub(1)).unwrap_or(u32::MAX));
    let half = doubled.min(LONGEST) / 2;
    // 1,024 steps of the second half are fine enough to spread a thousand deliveries.
    let spread = u32::try_from(mixed(jitter_seed ^ (u64::from(attempts) << 56)) % 1_024).unwrap_or(0);
    let wait = half + half * spread / 1_024;
    now.plus(wait.max(retry_after.unwrap_or_default().min(LONGEST_ASKED)))
}

/// Spreads neighbouring numbers over all 64 bits.
const fn mixed(seed: u64) -> u64 {
    let seed = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let seed = (seed ^ (seed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let seed = (seed ^ (seed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    seed ^ (seed >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wait(attempts: u32, seed: u64, asked: Option<u64>) -> Duration {
        let now = Timestamp::from_seconds(1_000);
        next_attempt(attempts, now, seed, asked.map(Duration::from_secs)).since(now)
    }

    #[test]
    fn waits_double_up_to_ten_minutes() {
        for seed in 0..100 {
            for (attempts, longest) in [(1, 1_000), (2, 2_000), (5, 16_000), (11, 600_000), (4_000_000_000, 600_000)] {
                let waited = wait(attempts, seed, None).as_millis();
                assert!((longest / 2..longest).contains(&waited), "{attempts} attempts wait {waited} ms");
            }
        }
    }

    #[test]
    fn deliveries_of_one_outage_are_spread() {
        let waits: std::collections::BTreeSet<_> = (0..100).map(|seed| wait(8, seed, None)).collect();
        assert!(waits.len() > 90);
    }

    #[test]
    fn a_receiver_may_ask_for_longer_but_not_for_ever() {
        assert_eq!(wait(1, 1, Some(120)), Duration::from_mins(2));
        assert_eq!(wait(1, 1, Some(1_000_000)), Duration::from_hours(1));
        assert!(wait(9, 1, Some(1)) > Duration::from_secs(100));
    }
}
