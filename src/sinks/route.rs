//! Which sinks hear of which alerts, and when?
//!
//! The tables `[[routes]]`: the first that fits counts, unless it says `continue`. Without any, every
//! sink hears of everything. What a route says of messages (together, at most, again) concerns
//! channels that people read; programs are told every change at once. Time of day is the clock's when
//! an alert is told, at a fixed distance from UTC.

use std::time::Duration;

use chrono::{Datelike as _, Timelike as _};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::alerts::{Alert, Entity, Family, Level, sayable};
use crate::clock::{Timestamp, duration};

/// Which alerts go where, and how they are told there.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Route {
    /// The sinks, by name.
    pub to: Vec<String>,
    /// Only alerts of these families.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub families: Vec<Family>,
    /// Only alerts of these levels.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub levels: Vec<Level>,
    /// Only alerts at least this bad.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_least: Option<Level>,
    /// Only alerts about these apps: names, with `*` and `?`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub apps: Vec<Pattern>,
    /// Only alerts about these entities: values with or without their kind (`ip/203.0.113.*`), or what people call
    /// them, with `*` and `?`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub entities: Vec<Pattern>,
    /// Only alerts of these detectors: ids, with `*` and `?`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub detectors: Vec<Pattern>,
    /// Only at these hours, `08:00-18:00`; `22:00-06:00` is the night.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hours: Option<Hours>,
    /// Only on these days.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub days: Vec<Day>,
    /// How far hours and days are from UTC, `+01:00`.
    #[serde(default)]
    pub utc_offset: Offset,
    /// Whether the routes below are looked at too.
    #[serde(default)]
    pub r#continue: bool,
    /// What alerts of one message have in common.
    #[serde(default = "detector_and_app")]
    pub group_by: Vec<GroupBy>,
    /// How long a message waits for more alerts to go with it.
    #[serde(with = "duration", default = "twenty_seconds")]
    pub wait: Duration,
    /// How often an alert that nobody took is told again; `0s` is never.
    #[serde(with = "duration", default = "four_hours")]
    pub repeat: Duration,
    /// How many messages go to a sink at most; what is beyond waits and goes in one.
    #[serde(default)]
    pub at_most: Rate,
}

const fn twenty_seconds() -> Duration {
    Duration::from_secs(20)
}

const fn four_hours() -> Duration {
    Duration::from_hours(4)
}

fn detector_and_app() -> Vec<GroupBy> {
    vec![GroupBy::Detector, GroupBy::App]
}

/// What alerts of one message may have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum GroupBy {
    /// The detector.
    Detector,
    /// The family.
    Family,
    /// The level.
    Level,
    /// The app.
    App,
    /// Whom they are about.
    Entity,
}

/// A day of the week.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the names say it")]
pub enum Day {
    Mon,
    Tue,
    Wed,
    Thu,
    Fri,
    Sat,
    Sun,
}

/// Returns what an entity goes by: its value, what people call it, and either with its kind.
fn names_of(entity: &Entity) -> [String; 4] {
    let (value, name) = (entity.value.to_string(), sayable(&entity.value));
    let kinded = |name: &str| format!("{}/{name}", entity.kind);
    let said = name.as_deref().map_or_else(|| kinded(&value), kinded);
    [kinded(&value), value, entity.sayable(), said]
}

impl Route {
    /// Returns the route by which every one of `sinks` hears of everything.
    pub fn everything(sinks: impl Iterator<Item = String>) -> Self {
        Self {
            to: sinks.collect(),
            families: Vec::new(),
            levels: Vec::new(),
            at_least: None,
            apps: Vec::new(),
            entities: Vec::new(),
            detectors: Vec::new(),
            hours: None,
            days: Vec::new(),
            utc_offset: Offset::default(),
            r#continue: false,
            group_by: detector_and_app(),
            wait: twenty_seconds(),
            repeat: four_hours(),
            at_most: Rate::default(),
        }
    }

    /// Tells whether `alert` takes this route at `now`.
    pub fn fits(&self, alert: &Alert, now: Timestamp) -> bool {
        self.means(alert) && self.is_open_at(now)
    }

    /// Tells whether `alert` takes this route at its hours.
    pub fn means(&self, alert: &Alert) -> bool {
        let any = |patterns: &[Pattern], texts: &[&str]| {
            patterns.is_empty() || patterns.iter().any(|pattern| texts.iter().any(|text| pattern.matches(text)))
        };
        (self.families.is_empty() || self.families.contains(&alert.family))
            && (self.levels.is_empty() || self.levels.contains(&alert.level))
            && self.at_least.is_none_or(|least| alert.level >= least)
            && any(&self.apps, &alert.app.as_deref().map_or(Vec::new(), |app| vec![app]))
            && (self.entities.is_empty()
                || any(&self.entities, &names_of(&alert.entity).each_ref().map(|name| &**name)))
            && any(&self.detectors, &[&alert.detector])
    }

    /// Tells whether it is only open at some hours or on some days.
    pub fn has_hours(&self) -> bool {
        self.hours.is_some() || !self.days.is_empty()
    }

    /// Returns when its hours begin next; they do within eight days.
    pub fn opens_after(&self, now: Timestamp) -> Option<Timestamp> {
        const DAY: i64 = 86_400;
        let offset = i64::from(self.utc_offset.0) * 60;
        let local = now.nanos().div_euclid(1_000_000_000) + offset;
        let today = local - local.rem_euclid(DAY) - offset;
        let from = self.hours.map_or(0, |hours| i64::from(hours.from) * 60);
        // A day that is named may begin in the middle of a night's hours.
        let starts =
            (0..=8).flat_map(|day| [0, from].map(|second| Timestamp::from_seconds(today + day * DAY + second)));
        starts.into_iter().find(|start| *start > now && self.is_open_at(*start))
    }

    /// Tells whether `now` is among its hours and days.
    pub fn is_open_at(&self, now: Timestamp) -> bool {
        const DAYS: [Day; 7] = [Day::Mon, Day::Tue, Day::Wed, Day::Thu, Day::Fri, Day::Sat, Day::Sun];
        let local = now.to_chrono() + chrono::Duration::minutes(i64::from(self.utc_offset.0));
        let minute = local.hour() * 60 + local.minute();
        let day = DAYS[local.weekday().num_days_from_monday() as usize];
        (self.days.is_empty() || self.days.contains(&day)) && self.hours.is_none_or(|hours| hours.hold(minute))
    }

    /// Returns what `alert` has in common with those it may be told with.
    pub fn in_common(&self, alert: &Alert) -> Vec<String> {
        let of = |by: &GroupBy| match by {
            GroupBy::Detector => alert.detector.to_string(),
            GroupBy::Family => alert.family.name().to_owned(),
            GroupBy::Level => alert.level.name().to_owned(),
            GroupBy::App => alert.app.as_deref().unwrap_or_default().to_owned(),
            GroupBy::Entity => format!("{} {}", alert.entity.kind, alert.entity.value),
        };
        self.group_by.iter().map(of).collect()
    }
}

/// A text with `*` and `?`, upper and lower case the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern(glob::Pattern);

impl Pattern {
    /// Tells whether `text` fits.
    pub fn matches(&self, text: &str) -> bool {
        let how = glob::MatchOptions { case_sensitive: false, ..glob::MatchOptions::default() };
        self.0.matches_with(text, how)
    }

    /// Returns the pattern as it is written.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl<'de> Deserialize<'de> for Pattern {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        let pattern = glob::Pattern::new(&text);
        pattern.map(Self).map_err(|error| serde::de::Error::custom(format!("{text:?} is no pattern: {}", error.msg)))
    }
}

impl Serialize for Pattern {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.as_str())
    }
}

/// A stretch of each day, minutes from midnight; the end is not part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hours {
    from: u32,
    to: u32,
}

impl Hours {
    const fn hold(self, minute: u32) -> bool {
        if self.from <= self.to {
            self.from <= minute && minute < self.to
        } else {
            minute >= self.from || minute < self.to
        }
    }
}

/// Reads `08:30` as minutes; `24:00` is the end of a day.
fn minutes(text: &str) -> Option<u32> {
    let (hours, minutes) = text.trim().split_once(':')?;
    let two = |text: &str| text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
    if !(two(hours) && two(minutes)) {
        return None;
    }
    let (hours, minutes): (u32, u32) = (hours.parse().ok()?, minutes.parse().ok()?);
    (minutes < 60 && hours * 60 + minutes <= 24 * 60).then_some(hours * 60 + minutes)
}

fn clock(minutes: u32) -> String {
    format!("{:02}:{:02}", minutes / 60, minutes % 60)
}

impl<'de> Deserialize<'de> for Hours {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        let parts = text.split_once('-').and_then(|(from, to)| Some((minutes(from)?, minutes(to)?)));
        match parts {
            Some((from, to)) if from != to => Ok(Self { from, to }),
            _ => Err(serde::de::Error::custom(format!("`{text}` are no hours: write \"08:00-18:00\""))),
        }
    }
}

impl Serialize for Hours {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&format!("{}-{}", clock(self.from), clock(self.to)))
    }
}

/// A distance from UTC, minutes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Offset(i32);

impl<'de> Deserialize<'de> for Offset {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        let sign = match text.as_bytes().first() {
            Some(b'+') => Some(1),
            Some(b'-') => Some(-1),
            _ => None,
        };
        let found = sign.zip(text.get(1..).and_then(minutes)).filter(|(_, minutes)| *minutes <= 14 * 60);
        let found = found.and_then(|(sign, minutes)| Some(Self(sign * i32::try_from(minutes).ok()?)));
        found.ok_or_else(|| {
            serde::de::Error::custom(format!("`{text}` is no distance from UTC: write \"+01:00\" or \"-05:00\""))
        })
    }
}

impl Serialize for Offset {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let sign = if self.0 < 0 { '-' } else { '+' };
        to.serialize_str(&format!("{sign}{}", clock(self.0.unsigned_abs())))
    }
}

/// So many messages in so long a time: `30 per 1h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// How many, from 1 to 1,000.
    pub messages: usize,
    /// In how long a time.
    pub per: Duration,
}

impl Default for Rate {
    fn default() -> Self {
        Self { messages: 30, per: Duration::from_hours(1) }
    }
}

impl<'de> Deserialize<'de> for Rate {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        let parts = text.split_once(" per ");
        let parts = parts.and_then(|(messages, per)| Some((messages.trim().parse().ok()?, duration::parse(per)?)));
        match parts {
            Some((messages @ 1..=1_000, per)) if !per.is_zero() => Ok(Self { messages, per }),
            _ => Err(serde::de::Error::custom(format!(
                "`{text}` is no rate: write \"30 per 1h\", with 1 to 1000 messages"
            ))),
        }
    }
}

impl Serialize for Rate {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&format!("{} per {}", self.messages, duration::format(self.per)))
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    fn route(text: &str) -> Route {
        toml::from_str(&format!("to = ['ops']\n{text}")).unwrap()
    }

    fn at(text: &str) -> Timestamp {
        Timestamp::parse_rfc3339(text).unwrap()
    }

    fn fits(text: &str) -> bool {
        // A Monday.
        route(text).fits(&sample(), at("2026-03-02T08:30:00Z"))
    }

    #[test]
    fn a_route_is_by_family_level_app_entity_and_detector() {
        for (fitting, other) in [
            ("families = ['key-usage']", "families = ['probing', 'identity']"),
            ("levels = ['high']", "levels = ['critical', 'low']"),
            ("at_least = 'high'", "at_least = 'critical'"),
            ("apps = ['SH*']", "apps = ['fn-*']"),
            ("entities = ['k-?']", "entities = ['k-1?']"),
            ("entities = ['key k-1']", "entities = ['ip *']"),
            ("entities = ['key/k-?']", "entities = ['ip/k-?']"),
            ("detectors = ['key-usage.*']", "detectors = ['key-usage']"),
        ] {
            assert!(fits(fitting), "{fitting}");
            assert!(!fits(other), "{other}");
        }
        assert!(fits("") && !fits("apps = ['shop']\nlevels = ['low']"));
    }

    #[test]
    fn a_route_is_by_time_of_day_at_its_distance_from_utc() {
        for fitting in [
            "hours = '08:00-18:00'",
            "hours = '08:30-08:31'",
            "hours = '22:00-09:00'",
            "days = ['mon', 'sun']",
            "hours = '09:30-10:00'\nutc_offset = '+01:00'",
            "days = ['sun']\nhours = '22:00-24:00'\nutc_offset = '-10:00'",
        ] {
            assert!(fits(fitting), "{fitting}");
        }
        for other in ["hours = '08:31-18:00'", "hours = '08:00-08:30'", "hours = '22:00-06:00'", "days = ['tue']"] {
            assert!(!fits(other), "{other}");
        }
    }

    #[test]
    fn a_route_is_open_again_when_its_hours_begin() {
        let opens = |text: &str, now: &str| route(text).opens_after(at(now)).unwrap();
        for (text, now, then) in [
            ("hours = '08:00-18:00'", "2026-03-02T03:10:00Z", "2026-03-02T08:00:00Z"),
            ("hours = '08:00-18:00'", "2026-03-02T18:00:00Z", "2026-03-03T08:00:00Z"),
            ("hours = '22:00-06:00'", "2026-03-02T06:00:00Z", "2026-03-02T22:00:00Z"),
            ("hours = '09:00-10:00'\nutc_offset = '+01:30'", "2026-03-02T08:45:00Z", "2026-03-03T07:30:00Z"),
            ("hours = '20:00-21:00'\nutc_offset = '-05:00'", "2026-03-02T03:00:00Z", "2026-03-03T01:00:00Z"),
            // Monday, and again.
            ("days = ['mon']", "2026-03-03T00:00:00Z", "2026-03-09T00:00:00Z"),
            ("days = ['sat']\nhours = '22:00-06:00'", "2026-03-06T23:00:00Z", "2026-03-07T00:00:00Z"),
            ("days = ['mon']\nhours = '08:00-18:00'", "2026-03-02T18:30:00Z", "2026-03-09T08:00:00Z"),
        ] {
            assert_eq!(opens(text, now), at(then), "{text} at {now}");
        }
    }

    #[test]
    fn what_a_route_says_is_read_as_it_was_written() {
        let text = "hours = '22:00-06:00'\nutc_offset = '-05:30'\nat_most = '5 per 10m'\napps = ['a*']\nrepeat = '0s'";
        let one = route(text);
        let again: Route = toml::from_str(&toml::to_string(&one).unwrap()).unwrap();
        assert_eq!(one, again);
    }

    #[test]
    fn what_can_not_be_meant_is_told_with_an_example() {
        let wrong = |text: &str| toml::from_str::<Route>(&format!("to = ['ops']\n{text}")).unwrap_err().to_string();
        for (text, says) in [
            ("hours = '8-18'", "08:00-18:00"),
            ("hours = '08:00-25:00'", "08:00-18:00"),
            ("hours = '+8:00-18:00'", "08:00-18:00"),
            ("utc_offset = 'CET'", "+01:00"),
            ("utc_offset = '+20:00'", "+01:00"),
            ("at_most = 'many'", "30 per 1h"),
            ("at_most = '0 per 1h'", "1 to 1000"),
            ("apps = ['a**b']", "is no pattern"),
            ("days = ['monday']", "mon"),
        ] {
            assert!(wrong(text).contains(says), "{text}: {}", wrong(text));
        }
    }
}
