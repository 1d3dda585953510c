//! Which browsers have shown who sits there? Kept here, so that logging out and revoking end them.
//!
//! The cookie is 256 random bits, new at each login; what is kept is their hash. A session ends after
//! eight hours unused (what an open page asks by itself is no use), after a day in any case, with its token if a token began it, and when the
//! daemon restarts. Of more than 16 of one holder, or 1,024, the one longest unused ends first.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use data_encoding::BASE64URL_NOPAD;
use sha2::{Digest, Sha256};

use super::{Identity, Role, Tokens};

const MAX_SESSIONS: usize = 1_024;
/// Of them, those of one holder: nobody puts others out by logging in.
const MAX_OF_ONE: usize = 16;
const IDLE: Duration = Duration::from_hours(8);
const LIFE: Duration = Duration::from_hours(24);
/// A cookie of ours has 43 letters.
const COOKIE_LETTERS: usize = 43;

#[derive(Debug)]
enum Holder {
    /// Whoever holds the token of this id.
    Token(String),
    /// Somebody whom an identity provider named.
    Person(Identity),
}

impl Holder {
    fn same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Token(one), Self::Token(other)) => one == other,
            (Self::Person(one), Self::Person(other)) => one.name == other.name,
            _ => false,
        }
    }
}

#[derive(Debug)]
struct Session {
    holder: Holder,
    began: Duration,
    used: Duration,
}

/// Sessions of browsers. The lock is held for one look-up.
#[derive(Debug, Default)]
pub struct Sessions {
    open: Mutex<HashMap<[u8; 32], Session>>,
}

impl Sessions {
    /// Starts a session for who shows `token`; returns the cookie's value and who it is, or
    /// `None` if the token is nobody's or may not see pages.
    pub fn begin(&self, tokens: &Tokens, token: &str, elapsed: Duration) -> Option<(String, Identity)> {
        let (id, identity) = tokens.verify_with_id(token.trim(), elapsed)?;
        if !identity.role.may(Role::Viewer) {
            return None;
        }
        Some((self.open(Holder::Token(id), elapsed)?, identity))
    }

    /// Starts a session for somebody whom an identity provider named; returns the cookie's value.
    pub fn begin_for(&self, identity: Identity, elapsed: Duration) -> Option<String> {
        if identity.role.may(Role::Viewer) { self.open(Holder::Person(identity), elapsed) } else { None }
    }

    fn open(&self, holder: Holder, elapsed: Duration) -> Option<String> {
        let mut secret = [0_u8; 32];
        getrandom::fill(&mut secret).ok()?;
        let cookie = BASE64URL_NOPAD.encode(&secret);
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let own = |session: &Session| session.holder.same(&holder);
        let full = open.values().filter(|session| own(session)).count() >= MAX_OF_ONE;
        if full || open.len() >= MAX_SESSIONS {
            let ending = open.iter().filter(|(_, session)| !full || own(session));
            let oldest = ending.min_by_key(|(_, session)| session.used).map(|(key, _)| *key);
            oldest.map(|key| open.remove(&key));
        }
        open.insert(hash(&cookie), Session { holder, began: elapsed, used: elapsed });
        Some(cookie)
    }

    /// Returns whose session `cookie` is, if it has not ended, and notes that it is used.
    pub fn identity(&self, tokens: &Tokens, cookie: &str, elapsed: Duration) -> Option<Identity> {
        self.asked(tokens, cookie, elapsed, true)
    }

    /// As [`Sessions::identity`], for what a page asks without anybody who need sit before it: no use of it.
    pub fn look(&self, tokens: &Tokens, cookie: &str, elapsed: Duration) -> Option<Identity> {
        self.asked(tokens, cookie, elapsed, false)
    }

    fn asked(&self, tokens: &Tokens, cookie: &str, elapsed: Duration, is_use: bool) -> Option<Identity> {
        if cookie.len() != COOKIE_LETTERS {
            return None;
        }
        let key = hash(cookie);
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let session = open.get_mut(&key)?;
        let over = elapsed.saturating_sub(session.used) > IDLE || elapsed.saturating_sub(session.began) > LIFE;
        let holder = match &session.holder {
            _ if over => None,
            Holder::Token(id) => tokens.holder(id, elapsed),
            Holder::Person(identity) => Some(identity.clone()),
        };
        match holder {
            None => drop(open.remove(&key)),
            Some(_) if is_use => session.used = elapsed,
            Some(_) => {}
        }
        holder
    }

    /// Ends the session `cookie`.
    pub fn end(&self, cookie: &str) {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).remove(&hash(cookie));
    }
}

fn hash(cookie: &str) -> [u8; 32] {
    Sha256::digest(cookie.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;

    const HOUR: u64 = 3600;

    struct House {
        _folder: tempfile::TempDir,
        tokens: Tokens,
        sessions: Sessions,
    }

    impl House {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let tokens = Tokens::open(folder.path().join("tokens.json")).unwrap();
            Self { _folder: folder, tokens, sessions: Sessions::default() }
        }

        fn token(&self, name: &str, role: Role) -> super::super::NewToken {
            self.tokens.create(name, role, Timestamp::from_seconds(0)).unwrap()
        }

        fn holds(&self, cookie: &str, seconds: u64) -> bool {
            self.sessions.identity(&self.tokens, cookie, Duration::from_secs(seconds)).is_some()
        }

        fn begin(&self, token: &str, seconds: u64) -> Option<String> {
            self.sessions.begin(&self.tokens, token, Duration::from_secs(seconds)).map(|(cookie, _)| cookie)
        }
    }

    #[test]
    fn a_session_lasts_while_it_is_used_but_no_longer_than_a_day() {
        let house = House::new();
        let cookie = house.begin(&house.token("dana", Role::Viewer).token, 0).unwrap();
        for hour in [7, 14, 21, 24] {
            assert!(house.holds(&cookie, hour * HOUR), "{hour}");
        }
        assert!(!house.holds(&cookie, 24 * HOUR + 1));
    }

    #[test]
    fn a_session_unused_for_eight_hours_is_over() {
        let house = House::new();
        let cookie = house.begin(&house.token("dana", Role::Viewer).token, 0).unwrap();
        assert!(!house.holds(&cookie, 8 * HOUR + 1));
        assert!(!house.holds(&cookie, 0));
    }

    #[test]
    fn a_page_that_is_left_open_keeps_no_session_alive() {
        let house = House::new();
        let cookie = house.begin(&house.token("dana", Role::Viewer).token, 0).unwrap();
        let look = |seconds| house.sessions.look(&house.tokens, &cookie, Duration::from_secs(seconds)).is_some();
        assert!((0..=8).all(|hour| look(hour * HOUR)));
        assert!(!look(8 * HOUR + 1));
    }

    #[test]
    fn a_session_ends_with_its_token_and_by_logging_out() {
        let house = House::new();
        let token = house.token("dana", Role::Viewer);
        let (first, second) = (house.begin(&token.token, 0).unwrap(), house.begin(&token.token, 0).unwrap());
        house.sessions.end(&first);
        assert!(!house.holds(&first, 1));
        assert!(house.holds(&second, 1));
        house.tokens.revoke(&token.id).unwrap();
        assert!(!house.holds(&second, 2));
    }

    #[test]
    fn a_token_for_ingest_starts_no_session() {
        let house = House::new();
        assert_eq!(house.begin(&house.token("shipper", Role::Ingest).token, 0), None);
    }

    #[test]
    fn of_too_many_sessions_the_one_longest_unused_ends() {
        let house = House::new();
        let token = house.token("dana", Role::Viewer).token;
        let first = house.begin(&token, 0).unwrap();
        let second = house.begin(&token, 1).unwrap();
        assert!(house.holds(&first, 2));
        for n in 0..MAX_SESSIONS - 1 {
            let person = Identity { name: format!("{n}@contoso.example"), role: Role::Viewer };
            house.sessions.begin_for(person, Duration::from_secs(3)).unwrap();
        }
        assert!(house.holds(&first, 4));
        assert!(!house.holds(&second, 4));
    }

    #[test]
    fn who_logs_in_again_and_again_puts_nobody_else_out() {
        let house = House::new();
        let (dana, eli) = (house.token("dana", Role::Viewer).token, house.token("eli", Role::Viewer).token);
        let other = house.begin(&dana, 0).unwrap();
        let own: Vec<_> = (0..2 * MAX_SESSIONS as u64).map(|n| house.begin(&eli, n).unwrap()).collect();
        let now = 2 * MAX_SESSIONS as u64;
        assert!(house.holds(&other, now));
        assert_eq!(own.iter().filter(|cookie| house.holds(cookie, now)).count(), MAX_OF_ONE);
    }
}
