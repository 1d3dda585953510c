//! What do maintenance windows and inhibitions hold back, and who is told when they let go?
//!
//! An alert that they hide may never change again: once no rule holds it back any longer, it is told
//! of if it is still open, the worst first, 100 at a time until none is left. One that a silence
//! hides as well waits for the end of that. Of two that would hold back each other only the later is. Which alerts wait is kept with each epoch.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;

use super::super::{Alert, AlertId, AlertState, Matcher};
use super::{MOST_TOLD, Mutes, Over, SILENCE};

const DAY_SECONDS: i64 = 86_400;

/// While a source is open, nobody is told of its targets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Inhibition {
    /// Its name.
    pub name: String,
    /// The alerts that make others not worth telling.
    pub source: Matcher,
    /// The others.
    pub target: Matcher,
    /// What source and target must have in common.
    pub equal: Vec<Equal>,
}

/// What a source and a target have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Equal {
    /// The app.
    App,
    /// What they are about.
    Entity,
    /// The family.
    Family,
    /// The detector.
    Detector,
}

impl Inhibition {
    /// Returns what a source and a target must agree in; `None` for an alert that lacks it.
    fn key(&self, alert: &Alert) -> Option<String> {
        let part = |equal: &Equal| match equal {
            Equal::App => alert.app.as_deref().map(str::to_owned),
            Equal::Entity => Some(format!("{}/{}", alert.entity.kind, alert.entity.value)),
            Equal::Family => Some(alert.family.name().to_owned()),
            Equal::Detector => Some(alert.detector.to_string()),
        };
        let parts: Option<Vec<String>> = self.equal.iter().map(part).collect();
        parts.map(|parts| parts.join("\u{0}"))
    }

    /// Tells whether `alert` makes others not worth telling.
    fn is_source(&self, alert: &Alert) -> bool {
        alert.state != AlertState::Closed && self.source.admits_any(alert)
    }
}

/// A time that comes again, in which nobody is told of some alerts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Maintenance {
    /// Its name.
    pub name: String,
    /// Which alerts.
    pub alerts: Matcher,
    /// On which days it begins; none: on every day.
    #[serde(default)]
    pub days: Vec<Weekday>,
    /// From when on, UTC, such as `22:00`.
    pub from: TimeOfDay,
    /// Until when, UTC; before `from`, it is the next day's.
    pub to: TimeOfDay,
}

/// A day of the week.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the names say it")]
pub enum Weekday {
    Mon,
    Tue,
    Wed,
    Thu,
    Fri,
    Sat,
    Sun,
}

impl Weekday {
    const ALL: [Self; 7] = [Self::Mon, Self::Tue, Self::Wed, Self::Thu, Self::Fri, Self::Sat, Self::Sun];
}

/// A time of day: seconds since midnight, UTC; written `22:00`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TimeOfDay(i64);

impl TryFrom<String> for TimeOfDay {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let read = text.split_once(':').filter(|(hours, minutes)| hours.len() == 2 && minutes.len() == 2);
        let read = read.and_then(|(hours, minutes)| Some((hours.parse::<u8>().ok()?, minutes.parse::<u8>().ok()?)));
        match read {
            Some((hours, minutes)) if hours < 24 && minutes < 60 => {
                Ok(Self(i64::from(hours) * 3_600 + i64::from(minutes) * 60))
            }
            _ => Err(format!("`{text}` is no time of day: write hours and minutes, UTC, such as \"22:00\"")),
        }
    }
}

impl From<TimeOfDay> for String {
    fn from(time: TimeOfDay) -> Self {
        format!("{:02}:{:02}", time.0 / 3_600, time.0 % 3_600 / 60)
    }
}

impl Maintenance {
    /// Tells whether `now` lies in it.
    pub fn is_active(&self, now: Timestamp) -> bool {
        let seconds = now.nanos().div_euclid(1_000_000_000);
        let (day, time) = (seconds.div_euclid(DAY_SECONDS), seconds.rem_euclid(DAY_SECONDS));
        // 1970-01-01 was a Thursday.
        let begins_on = |day: i64| {
            let weekday = Weekday::ALL.get(usize::try_from((day + 3).rem_euclid(7)).unwrap_or(0));
            self.days.is_empty() || weekday.is_some_and(|weekday| self.days.contains(weekday))
        };
        if self.from <= self.to {
            return begins_on(day) && self.from.0 <= time && time < self.to.0;
        }
        (begins_on(day) && self.from.0 <= time) || (begins_on(day - 1) && time < self.to.0)
    }
}

/// What holds alerts back beside silences.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MuteRules {
    /// Inhibitions.
    pub inhibit: Vec<Inhibition>,
    /// Maintenance windows.
    pub maintenance: Vec<Maintenance>,
}

/// A source among others: who opened first comes first.
type Place = (Timestamp, AlertId);

/// Sources that are later than a target and are looked at for one that it does not hold back itself.
const MOST_LATER: usize = 64;

/// The open sources of one inhibition.
#[derive(Debug, Default)]
pub(super) struct Sources {
    /// By what targets must agree in.
    open: BTreeMap<String, BTreeSet<Place>>,
    /// The other way round: what a source is of may change while it is open.
    keys: BTreeMap<AlertId, (String, Timestamp)>,
}

impl Sources {
    /// Keeps the alert as a source under `key`, or not at all; tells whether it is one no longer under another key.
    fn put(&mut self, alert: &Alert, key: Option<String>) -> bool {
        let now = key.map(|key| (key, alert.opened_at));
        let before = self.keys.get(&alert.id);
        if before == now.as_ref() {
            return false;
        }
        let before = self.keys.remove(&alert.id);
        if let Some((key, at)) = &before
            && let Some(open) = self.open.get_mut(key)
        {
            open.remove(&(*at, alert.id));
            if open.is_empty() {
                self.open.remove(key);
            }
        }
        if let Some((key, at)) = now {
            self.open.entry(key.clone()).or_default().insert((at, alert.id));
            self.keys.insert(alert.id, (key, at));
        }
        before.is_some()
    }
}

impl Mutes {
    /// Returns which maintenance windows and inhibitions hold `alert` back, as marks name them and for people.
    pub(super) fn by_rules(&self, alert: &Alert, now: Timestamp) -> Vec<(String, String)> {
        let windows = self.rules.maintenance.iter().filter(|rule| rule.is_active(now) && rule.alerts.admits(alert));
        let windows = windows.map(|rule| (format!("maintenance:{}", rule.name), format!("maintenance {}", rule.name)));
        let inhibited = self.rules.inhibit.iter().zip(&self.sources).filter_map(|(rule, sources)| {
            let key = rule.key(alert).filter(|_| rule.target.admits(alert))?;
            let source = self.inhibits(sources.open.get(&key)?, alert)?;
            Some((format!("inhibited:{}", rule.name), format!("{} while alert {source} is open", rule.name)))
        });
        windows.chain(inhibited).collect()
    }

    /// Returns one of the `open` sources that holds `alert` back. Of two that would hold back each other, the one
    /// that opened first is told of: else nobody would hear of either.
    fn inhibits(&self, open: &BTreeSet<Place>, alert: &Alert) -> Option<AlertId> {
        let mut others = open.iter().filter(|(_, source)| *source != alert.id).take(MOST_LATER).peekable();
        let (at, first) = others.peek()?;
        if (*at, *first) < (alert.opened_at, alert.id) {
            return Some(*first);
        }
        let holds = |(number, key): &(usize, String)| {
            let rule = self.rules.inhibit.get(*number);
            rule.is_some_and(|rule| rule.is_source(alert) && rule.key(alert).as_ref() == Some(key))
        };
        let is_held = |source: &AlertId| self.targets.get(source).is_some_and(|of| of.iter().any(holds));
        others.map(|(_, source)| *source).find(|source| !is_held(source))
    }

    /// Keeps account of whether `alert` is an open source of inhibition, and of which it is a target then.
    pub(super) fn source(&mut self, alert: &Alert) {
        let mut is_one = false;
        for (rule, sources) in self.rules.inhibit.iter().zip(&mut self.sources) {
            let is_source = rule.is_source(alert);
            is_one |= is_source;
            self.loosened |= sources.put(alert, rule.key(alert).filter(|_| is_source));
        }
        let targets = self.rules.inhibit.iter().enumerate().filter(|(_, rule)| is_one && rule.target.admits(alert));
        let targets: Vec<_> = targets.filter_map(|(number, rule)| Some((number, rule.key(alert)?))).collect();
        let before = match targets.is_empty() {
            true => self.targets.remove(&alert.id),
            false if self.targets.get(&alert.id) == Some(&targets) => None,
            false => self.targets.insert(alert.id, targets),
        };
        self.loosened |= before.is_some();
    }

    /// Keeps account of whether `alert` waits until no rule holds it back; `by` are those that do.
    pub(super) fn wait(&mut self, alert: &Alert, by: Option<&str>) {
        let before = match by.filter(|_| alert.state != AlertState::Closed) {
            Some(by) => self.waiting.insert(alert.id, by.to_owned()).filter(|before| before == by),
            None if self.waiting.remove(&alert.id).is_some() => None,
            None => return,
        };
        self.unsaved |= before.is_none();
    }

    /// Lets alerts wait that are to be told of, but not all at once.
    pub(super) fn wait_their_turn(&mut self, alerts: Vec<AlertId>, by: &str) {
        self.unsaved |= !alerts.is_empty();
        self.loosened |= !alerts.is_empty();
        self.waiting.extend(alerts.into_iter().map(|alert| (alert, by.to_owned())));
    }

    /// Tells whether a silence has let the alert go, and its turn has not come.
    pub(super) fn has_turn(&self, alert: &Alert) -> bool {
        let of_silence = |by: &String| by.split_once(':').is_some_and(|(kind, _)| kind == SILENCE);
        alert.state != AlertState::Closed && self.waiting.get(&alert.id).is_some_and(of_silence)
    }

    /// Returns the alerts that rules hid, and hide no longer at `now`; `look` finds those in the book.
    pub fn release<'a>(&mut self, now: Timestamp, look: impl Fn(AlertId) -> Option<&'a Alert>) -> Vec<Over> {
        let active: Vec<bool> = self.rules.maintenance.iter().map(|rule| rule.is_active(now)).collect();
        if active == self.active && !self.loosened {
            return Vec::new();
        }
        let (mut free, mut gone) = (Vec::new(), Vec::new());
        for id in self.waiting.keys() {
            match look(*id).filter(|alert| alert.state != AlertState::Closed) {
                Some(alert) if !self.by_rules(alert, now).is_empty() => {}
                Some(alert) if !self.is_silenced(*id) => free.push((Reverse(alert.level), *id)),
                _ => gone.push(*id),
            }
        }
        free.sort_unstable();
        (self.active, self.loosened) = (active, free.len() > MOST_TOLD);
        free.truncate(MOST_TOLD);
        self.unsaved |= !free.is_empty() || !gone.is_empty();
        for id in gone {
            self.waiting.remove(&id);
        }
        let mut over: BTreeMap<String, Vec<AlertId>> = BTreeMap::new();
        for (_, id) in free {
            if let Some(by) = self.waiting.remove(&id) {
                over.entry(by).or_default().push(id);
            }
        }
        let says = |by: &str| match by.split_once(':') {
            Some(("maintenance", name)) => format!("maintenance {name} is over"),
            Some((SILENCE, id)) => format!("silence {id} has ended"),
            Some((_, name)) => format!("inhibition {name} no longer holds it back"),
            None => format!("{by} is over"),
        };
        over.into_iter().map(|(by, tell)| Over { says: says(&by), tell }).collect()
    }

    fn is_silenced(&self, alert: AlertId) -> bool {
        self.hidden.values().any(|hidden| hidden.contains_key(&alert))
    }

    /// Returns which alerts wait until no rule holds them back, for the epoch, if that has changed.
    pub fn save(&mut self) -> Option<Vec<u8>> {
        if !std::mem::take(&mut self.unsaved) {
            return None;
        }
        serde_json::to_vec(&self.waiting.iter().collect::<Vec<_>>()).ok()
    }

    /// Takes back what [`Mutes::save`] said; tells whether it could be read.
    pub fn restore(&mut self, bytes: &[u8]) -> bool {
        let Ok(waiting) = serde_json::from_slice::<Vec<(AlertId, String)>>(bytes) else { return false };
        self.waiting = waiting.into_iter().collect();
        self.loosened = true;
        true
    }
}
