//! Who has been wrong too often?
//!
//! Each address may be wrong ten times, and once more every six seconds; an IPv6 address stands for
//! its /64. What is right always comes in: tokens can't be guessed, and a limit that also held back
//! who is right would let a stranger behind the same proxy lock everybody out. At most 4,096
//! addresses; beyond that the one longest quiet is forgotten.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

const BURST: f64 = 10.0;
const EVERY: Duration = Duration::from_secs(6);
const MAX_ADDRESSES: usize = 4_096;

#[derive(Debug)]
struct Tries {
    left: f64,
    at: Duration,
}

/// Wrong attempts by address. The lock is held for one look-up, or for one pass at the ceiling.
#[derive(Debug, Default)]
pub struct Attempts {
    by: Mutex<HashMap<Option<IpAddr>, Tries>>,
    /// Lines that may still be written of them, whoever was wrong.
    lines: Mutex<Option<Tries>>,
}

/// Lines that may be written at once of wrong attempts, and how often one more.
const LINES: f64 = 30.0;
const LINE_EVERY: Duration = Duration::from_secs(2);

impl Tries {
    /// Takes one of at most `burst`, of which one comes back `every` so often; else returns how long to wait.
    fn take(&mut self, burst: f64, every: Duration, elapsed: Duration) -> Option<Duration> {
        let earned = elapsed.saturating_sub(self.at).as_secs_f64() / every.as_secs_f64();
        *self = Self { left: (self.left + earned).min(burst), at: elapsed };
        if self.left < 1.0 {
            return Some(every.mul_f64(1.0 - self.left));
        }
        self.left -= 1.0;
        None
    }
}

impl Attempts {
    /// Counts one wrong attempt of `address`; returns how long to wait, if there were too many.
    pub fn wrong(&self, address: Option<IpAddr>, elapsed: Duration) -> Option<Duration> {
        let key = address.map(network);
        let mut by = self.by.lock().unwrap_or_else(PoisonError::into_inner);
        if by.len() >= MAX_ADDRESSES && !by.contains_key(&key) {
            let quiet = by.iter().min_by_key(|(_, tries)| tries.at).map(|(key, _)| *key);
            quiet.map(|key| by.remove(&key));
        }
        let tries = by.entry(key).or_insert(Tries { left: BURST, at: elapsed });
        tries.take(BURST, EVERY, elapsed)
    }

    /// Takes back a wrong attempt that was counted before it was known to be one, and was none.
    pub fn was_right(&self, address: Option<IpAddr>) {
        let mut by = self.by.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(tries) = by.get_mut(&address.map(network)) {
            tries.left = (tries.left + 1.0).min(BURST);
        }
    }

    /// Tells whether a line may be written of another wrong attempt.
    pub fn worth_a_line(&self, elapsed: Duration) -> bool {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        let lines = lines.get_or_insert(Tries { left: LINES, at: elapsed });
        lines.take(LINES, LINE_EVERY, elapsed).is_none()
    }
}

/// Returns whose an address is: of IPv6 its /64.
pub(crate) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(attempts: &Attempts, address: &str, seconds: u64) -> bool {
        attempts.wrong(Some(address.parse().unwrap()), Duration::from_secs(seconds)).is_some()
    }

    #[test]
    fn after_ten_wrong_ones_an_address_waits_and_others_do_not() {
        let attempts = Attempts::default();
        assert!((0..10).all(|_| !wrong(&attempts, "203.0.113.7", 0)));
        assert!(wrong(&attempts, "203.0.113.7", 1));
        attempts.was_right("203.0.113.7".parse().ok());
        assert!(!wrong(&attempts, "203.0.113.7", 1) && wrong(&attempts, "203.0.113.7", 1));
        assert!(!wrong(&attempts, "203.0.113.8", 1));
        assert!(!wrong(&attempts, "203.0.113.7", 7) && wrong(&attempts, "203.0.113.7", 7));
    }

    #[test]
    fn a_whole_network_of_ipv6_is_one_address() {
        let attempts = Attempts::default();
        for n in 0..10 {
            assert!(!wrong(&attempts, &format!("2001:db8::{n}"), 0));
        }
        assert!(wrong(&attempts, "2001:db8::ffff", 0));
        assert!(!wrong(&attempts, "2001:db8:0:1::1", 0));
    }

    #[test]
    fn a_flood_of_wrong_attempts_is_a_trickle_of_lines() {
        let attempts = Attempts::default();
        let lines = (0..100_000_u64).filter(|n| attempts.worth_a_line(Duration::from_millis(*n))).count();
        assert_eq!(lines, 30 + 49);
    }

    #[test]
    fn a_flood_of_addresses_is_bounded() {
        let attempts = Attempts::default();
        for n in 0..10_000_u32 {
            attempts.wrong(Some(IpAddr::V4(n.into())), Duration::from_secs(n.into()));
        }
        assert_eq!(attempts.by.lock().unwrap().len(), MAX_ADDRESSES);
    }
}
