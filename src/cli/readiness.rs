//! `gatewatch keys readiness`: may this key be revoked, or who would be left standing?
//!
//! It may go when nobody has used it for a while and silence means silence: uses were noted all that time,
//! none had to give way, and the apps that it opens were heard. In doubt it is not yet. What can't be seen in
//! any log is said with every answer. It reads the daemon's folder and changes nothing; a key has 500 callers
//! at most.

use std::collections::{BTreeMap, BTreeSet};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use crate::clock::{Timestamp, duration};
use crate::store::{CallerLine, KeyChange, KeyDay, KeyReach, Reader, StoreError, day_of};
use crate::telemetry::{sayable, sayable_whole};

use super::key_args::KeysReadiness;
use super::keys::opened;
use super::readiness_told::{json, second, text};
use super::talk::{Failure, print};

/// An app that was not heard for so long may be deaf.
const DEAF: Duration = Duration::from_hours(24);
/// Names under other keys of the installation that are followed.
const LINKS: usize = 16;

/// Whether a key may be revoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nobody uses it.
    Safe,
    /// Somebody does, or silence says nothing.
    NotYet,
    /// It has opened nothing that was seen.
    Unknown,
}

/// Another key that a caller uses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Successor {
    /// Its id or fingerprint.
    pub key: Arc<str>,
    /// Since when this caller uses it.
    pub since: Timestamp,
    /// The last time.
    pub last: Timestamp,
}

/// One caller of the key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// Its address.
    pub address: Arc<str>,
    /// What it asks: `app/function`, app or gateway.
    pub place: Arc<str>,
    /// Its first use.
    pub first_seen: Timestamp,
    /// Its last use, refused or not.
    pub last_seen: Timestamp,
    /// Its last use that was not refused.
    pub last_accepted: Option<Timestamp>,
    /// Its newest days.
    pub days: Vec<KeyDay>,
    /// Whether it has used the key within what was asked.
    pub still: bool,
    /// The key that it uses besides, and did not at first.
    pub successor: Option<Successor>,
}

/// What is known of a key that is to be revoked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Readiness {
    /// Its id or fingerprint.
    pub key: String,
    /// What it is called besides, under other keys of the installation.
    pub linked: Vec<String>,
    /// Who has used it, the last first.
    pub callers: Vec<Caller>,
    /// What was done to keys of the same places, newest first.
    pub changes: Vec<KeyChange>,
    /// How far what is known reaches; `None` where nothing was read.
    pub reach: Option<KeyReach>,
    /// How long it must be quiet.
    pub quiet: Duration,
    /// Why silence says nothing, where it does not.
    pub doubts: Vec<String>,
}

impl Readiness {
    /// Returns whether it may be revoked.
    pub fn verdict(&self) -> Verdict {
        if self.callers.is_empty() {
            Verdict::Unknown
        } else if self.doubts.is_empty() && !self.callers.iter().any(|caller| caller.still) {
            Verdict::Safe
        } else {
            Verdict::NotYet
        }
    }

    /// Returns the last time that the key was used and not refused.
    pub fn last_accepted(&self) -> Option<Timestamp> {
        self.callers.iter().filter_map(|caller| caller.last_accepted).max()
    }
}

/// Says whether a key may be revoked: 0 if so, 1 if not.
pub fn readiness(options: &KeysReadiness, now: Timestamp) -> Result<ExitCode, Failure> {
    let (_, data) = opened(&options.place)?;
    let reader = Reader::open(&data).map_err(io)?;
    let (key, names) = resolve(&reader, &options.key)?;
    let known = gather(&reader, key, names, options.quiet, now).map_err(io)?;
    let told = if options.json { format!("{}\n", json(&known)) } else { text(&known) };
    print(&told)?;
    Ok(if known.verdict() == Verdict::Safe { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

#[expect(clippy::needless_pass_by_value, reason = "it is what map_err wants")]
fn io(error: StoreError) -> Failure {
    Failure::Io(error.to_string())
}

/// Finds the key that is meant, and all that it is called.
fn resolve(reader: &Reader, asked: &str) -> Result<(String, Vec<String>), Failure> {
    // An alert says `key amber-falcon`.
    let word = asked.split_whitespace().last().unwrap_or_default();
    if word.is_empty() {
        return Err(Failure::Usage(
            "name the key: amber-falcon, a fingerprint, or an APIM subscription's id".to_owned(),
        ));
    }
    let all = reader.keys_used().map_err(io)?;
    let is_named = |key: &&String| sayable(key).as_deref() == Some(word) || sayable_whole(key).as_deref() == Some(word);
    let exact = all.iter().find(|key| key.eq_ignore_ascii_case(word));
    let named: Vec<&String> = exact.map_or_else(|| all.iter().filter(is_named).collect(), |key| vec![key]);
    let key = named.first().map_or_else(|| word.to_owned(), |key| (*key).clone());
    let names = linked(reader, &key).map_err(io)?;
    let others: Vec<&&String> = named.iter().filter(|other| ***other != key && !names.contains(**other)).collect();
    if !others.is_empty() {
        let each = named.iter().map(|key| format!("  {}  {key}\n", sayable_whole(key).unwrap_or_default()));
        let each: String = each.collect();
        return Err(Failure::Usage(format!(
            "{} keys are called {word}; name one of them in full:\n{each}",
            named.len()
        )));
    }
    Ok((key, names))
}

/// Returns what the key is called under other keys of the installation.
fn linked(reader: &Reader, key: &str) -> Result<Vec<String>, StoreError> {
    let mut names = vec![key.to_owned()];
    let mut next = 0;
    while let Some(name) = names.get(next).cloned().filter(|_| names.len() < LINKS) {
        for link in reader.links(Some(&name), LINKS)? {
            for other in [link.older, link.newer] {
                if !names.contains(&other) {
                    names.push(other);
                }
            }
        }
        next += 1;
    }
    names.remove(0);
    Ok(names)
}

fn gather(
    reader: &Reader,
    key: String,
    linked: Vec<String>,
    quiet: Duration,
    now: Timestamp,
) -> Result<Readiness, StoreError> {
    let reach = reader.key_reach()?;
    let newest = reach.map_or(Timestamp::MIN, |reach| reach.newest);
    let names: Vec<&String> = std::iter::once(&key).chain(&linked).collect();
    let mut rows: BTreeMap<(Arc<str>, Arc<str>), CallerLine> = BTreeMap::new();
    for name in &names {
        for line in reader.key_callers(name)? {
            let at = (Arc::clone(&line.caller.address), Arc::clone(&line.caller.place));
            match rows.get_mut(&at) {
                Some(known) => merge(known, line),
                None => _ = rows.insert(at, line),
            }
        }
    }
    let mut callers = Vec::new();
    for line in rows.into_values() {
        let successor = successor(reader, &line, &names)?;
        callers.push(Caller {
            address: line.caller.address,
            place: line.caller.place,
            first_seen: line.first_seen,
            last_seen: line.last_seen,
            last_accepted: line.last_accepted,
            days: line.days,
            still: line.last_accepted.is_some_and(|last| last > newest.minus(quiet)),
            successor,
        });
    }
    callers.sort_by(|a, b| (b.last_seen, &a.address, &a.place).cmp(&(a.last_seen, &b.address, &b.place)));
    let places: BTreeSet<String> = callers.iter().map(|caller| element(&caller.place).to_owned()).collect();
    let mut doubts = reach.map(|reach| doubts(&reach, quiet, now)).unwrap_or_default();
    let mut changes = Vec::new();
    for place in &places {
        doubts.extend(deaf(place, reader.heard_of(place)?, newest));
        changes.extend(reader.key_changes(place)?);
    }
    changes.sort_by_key(|change| std::cmp::Reverse(change.at));
    Ok(Readiness { key, linked, callers, changes, reach, quiet, doubts })
}

/// Adds what is known of a caller under another name of the key.
fn merge(known: &mut CallerLine, more: CallerLine) {
    known.first_seen = known.first_seen.min(more.first_seen);
    known.last_seen = known.last_seen.max(more.last_seen);
    known.last_accepted = known.last_accepted.max(more.last_accepted);
    for day in more.days {
        match known.days.binary_search_by_key(&day.day, |known| known.day) {
            Ok(at) => {
                known.days[at].used += day.used;
                known.days[at].refused += day.refused;
            }
            Err(at) => known.days.insert(at, day),
        }
    }
}

/// Returns the key that this caller came to use here later than this one, the last used of several.
fn successor(reader: &Reader, line: &CallerLine, names: &[&String]) -> Result<Option<Successor>, StoreError> {
    let others = reader.keys_of(&line.caller.address, &line.caller.place)?;
    let later = others
        .into_iter()
        .filter(|other| other.first_seen > line.first_seen && !names.iter().any(|name| ***name == *other.caller.key));
    let later = later.filter_map(|other| {
        Some(Successor { last: other.last_accepted?, key: other.caller.key, since: other.first_seen })
    });
    Ok(later.max_by(|a, b| (a.last, &a.key).cmp(&(b.last, &b.key))))
}

/// Returns why silence says nothing, as far as it is everybody's.
fn doubts(reach: &KeyReach, quiet: Duration, now: Timestamp) -> Vec<String> {
    let from = reach.newest.minus(quiet);
    let mut doubts = Vec::new();
    if now > reach.newest.plus(DEAF) {
        doubts.push(format!(
            "The newest event that was read is of {}: what came since is not known. Is the daemon running, and do its sources read?",
            second(reach.newest)
        ));
    }
    if reach.since > from {
        doubts.push(format!(
            "Uses of keys are noted since {} only; ask again when that is {} ago, or with a shorter --quiet.",
            second(reach.since),
            duration::format(quiet)
        ));
    }
    if let Some(at) = reach.lost_at.filter(|at| *at > from) {
        doubts.push(format!(
            "There were more callers than are kept: uses up to {} may be missing here ({} gave way in all).",
            second(at),
            reach.lost
        ));
    }
    doubts
}

fn deaf(place: &str, heard: Option<Timestamp>, newest: Timestamp) -> Option<String> {
    match heard {
        Some(heard) if heard.plus(DEAF) >= newest => None,
        Some(heard) => {
            let heard = second(heard);
            Some(format!("Nothing at all was heard of {place} since {heard}: are its logs still sent here?"))
        }
        None => Some(format!("Nothing is known of the logs of {place}: are they sent here?")),
    }
}

/// Returns the app or gateway of a place.
fn element(place: &str) -> &str {
    place.split_once('/').map_or(place, |(app, _)| app)
}

/// Returns how often a caller has used the key, and how often it was refused, in the days that `quiet` reaches.
pub fn within(days: &[KeyDay], newest: Timestamp, quiet: Duration) -> (u64, u64) {
    let from = day_of(newest.minus(quiet));
    let days = days.iter().filter(|day| day.day >= from);
    days.fold((0, 0), |(used, refused), day| (used + u64::from(day.used), refused + u64::from(day.refused)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Epoch, KeyCaller, KeyUsage, KeyUse, Store};

    const OLD: &str = "azure-function-key:k1:7Q2M4KXJ3VBNC5TD";
    const NEW: &str = "azure-function-key:k2:AAAABBBBCCCCDDDD";

    fn at(hours: i64) -> Timestamp {
        Timestamp::from_seconds(hours * 3_600)
    }

    /// What is known of `key` at hour 1,000, after uses of `(key, hour)` by one caller.
    fn known(uses: &[(&str, i64)], heard: i64, key: &str) -> Readiness {
        let data = tempfile::tempdir().unwrap();
        let mut store = Store::open(data.path()).unwrap();
        let one = |&(key, hour): &(&str, i64)| {
            let caller = KeyCaller { key: key.into(), address: "203.0.113.7".into(), place: "orders/import".into() };
            let at = at(hour);
            let used = KeyUse { first: at, last: at, accepted: Some(at), opened: true, used: 1, refused: 0 };
            ((caller, day_of(at)), used)
        };
        let key_usage = KeyUsage {
            uses: uses.iter().map(one).collect(),
            heard: [("orders".into(), at(heard))].into(),
            newest: Some(at(1_000)),
            ..KeyUsage::default()
        };
        let links = vec![(OLD.into(), NEW.into())];
        store.commit(&Epoch { links, key_usage, ..Epoch::default() }).unwrap();
        let reader = Reader::open(data.path()).unwrap();
        let (key, names) = resolve(&reader, key).unwrap();
        gather(&reader, key, names, Duration::from_hours(7 * 24), at(1_001)).unwrap()
    }

    #[test]
    fn uses_under_both_names_of_a_key_count_whichever_is_asked_for() {
        let uses = [(OLD, 500), (NEW, 990)];
        for asked in [OLD, NEW] {
            let known = known(&uses, 1_000, asked);
            assert_eq!((known.callers.len(), known.verdict()), (1, Verdict::NotYet), "{asked}");
            let caller = &known.callers[0];
            assert_eq!((caller.first_seen, caller.last_accepted, caller.days.len()), (at(500), Some(at(990)), 2));
            assert_eq!(caller.successor, None, "it is the same key");
        }
    }

    #[test]
    fn silence_of_a_key_is_nothing_where_its_app_is_silent() {
        assert_eq!(known(&[(OLD, 500)], 1_000, OLD).verdict(), Verdict::Safe);
        let deaf = known(&[(OLD, 500)], 900, OLD);
        assert_eq!(deaf.verdict(), Verdict::NotYet);
        assert!(text(&deaf).contains("Nothing at all was heard of orders since"), "{}", text(&deaf));
    }

    #[test]
    fn what_was_noted_for_less_than_the_silence_asked_for_proves_nothing() {
        let known = known(&[("sub", 900)], 1_000, "SUB");
        assert_eq!((known.key.as_str(), known.verdict()), ("sub", Verdict::NotYet));
    }
}
