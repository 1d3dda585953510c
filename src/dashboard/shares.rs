//! How much of what is scarce may one person hold?
//!
//! Live streams, taps and exports are few: without a share for each person, one script of one of them would keep
//! all others out. Whoever comes without a name, at a machine where nobody shows a token, stands for everybody
//! and may have all. It keeps a count for each person who holds something, so no more than there is to hold.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What there is a few of.
#[derive(Debug)]
pub(super) struct Shares {
    /// What it is, as in `live streams`.
    what: &'static str,
    /// How many may be held at once, and how many by one person.
    all: usize,
    each: usize,
    /// By whom. The lock is held for one look-up.
    held: Mutex<HashMap<Option<String>, usize>>,
}

/// One of them, held until it is dropped.
#[derive(Debug)]
pub(super) struct Share {
    of: Arc<Shares>,
    who: Option<String>,
}

impl Shares {
    /// Returns what there is `all` of, and `each` for one person.
    pub(super) fn new(what: &'static str, all: usize, each: usize) -> Arc<Self> {
        Arc::new(Self { what, all, each, held: Mutex::default() })
    }

    /// Takes one for `who`.
    ///
    /// # Errors
    ///
    /// Says that there is none left, of all or for them.
    pub(super) fn take(self: &Arc<Self>, who: Option<&str>) -> Result<Share, String> {
        let mut held = self.held();
        if held.values().sum::<usize>() >= self.all {
            return Err(format!("{} {} at once are all there are: end one, or come again later", self.all, self.what));
        }
        let who = who.map(str::to_owned);
        let theirs = held.entry(who.clone()).or_default();
        if who.is_some() && *theirs >= self.each {
            return Err(format!(
                "one person may have {} of the {} {} at once: end yours first",
                self.each, self.all, self.what
            ));
        }
        *theirs += 1;
        Ok(Share { of: self.clone(), who })
    }

    fn held(&self) -> MutexGuard<'_, HashMap<Option<String>, usize>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut held = self.of.held();
        if let Some(count) = held.get_mut(&self.who) {
            *count -= 1;
            if *count == 0 {
                held.remove(&self.who);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_person_can_t_take_what_others_need_and_what_ends_comes_back() {
        let shares = Shares::new("taps", 4, 2);
        let dana: Vec<_> = (0..2).map(|_| shares.take(Some("dana")).unwrap()).collect();
        assert_eq!(
            shares.take(Some("dana")).unwrap_err(),
            "one person may have 2 of the 4 taps at once: end yours first"
        );
        let eve = shares.take(Some("eve")).unwrap();
        let omar = shares.take(Some("omar")).unwrap();
        assert_eq!(
            shares.take(Some("kim")).unwrap_err(),
            "4 taps at once are all there are: end one, or come again later"
        );
        drop((eve, omar));
        assert!(shares.take(Some("dana")).is_err() && shares.take(Some("kim")).is_ok());
        drop(dana);
        assert!(shares.held().is_empty());
    }

    #[test]
    fn who_has_no_name_stands_for_everybody() {
        let shares = Shares::new("taps", 4, 2);
        let all: Vec<_> = (0..4).map(|_| shares.take(None).unwrap()).collect();
        assert!(shares.take(None).is_err());
        drop(all);
    }
}
