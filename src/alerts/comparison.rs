//! Which alerts come, go and change when other detectors look at the same events?
//!
//! Detectors are compared one by one, for one of them is what somebody has changed: what several saw as one
//! alert is taken apart first ([`Alert::apart`](super::Alert::apart)).
//!
//! Two alerts are the same trouble if detector and entity are the same and their events overlap in
//! time, so one that only opens earlier is earlier, not gone and come. Of several that overlap, the
//! earliest are paired. As many pairs as alerts: the caller has all of them in memory anyway.

use std::cmp::Ordering;
use std::time::Duration;

use crate::clock::Timestamp;

use super::{Alert, Level};

/// The same trouble under two sets of detectors; one of them at least has an alert of it.
#[derive(Clone, Copy, Debug)]
pub enum Pair<'a> {
    /// The alert is there with both.
    Both(&'a Alert, &'a Alert),
    /// The alert is no more with the other detectors.
    Gone(&'a Alert),
    /// The alert is there only with the other detectors.
    Come(&'a Alert),
}

/// How an alert differs under the other detectors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shift {
    /// It opens so much earlier.
    Earlier(Duration),
    /// It opens so much later.
    Later(Duration),
    /// It is as bad as the second now, not as the first.
    Level(Level, Level),
    /// It counts so many events now, not as the first.
    Count(u64, u64),
}

impl<'a> Pair<'a> {
    /// Returns the alert: with the other detectors, if it is there with both.
    pub fn alert(&self) -> &'a Alert {
        match self {
            Self::Both(_, alert) | Self::Gone(alert) | Self::Come(alert) => alert,
        }
    }

    /// Returns what is different; nothing of an alert that comes or goes.
    pub fn shifts(&self) -> Vec<Shift> {
        let Self::Both(now, other) = self else { return Vec::new() };
        let opened = match other.opened_at.cmp(&now.opened_at) {
            Ordering::Less => Some(Shift::Earlier(now.opened_at.since(other.opened_at))),
            Ordering::Greater => Some(Shift::Later(other.opened_at.since(now.opened_at))),
            Ordering::Equal => None,
        };
        let level = (now.level != other.level).then_some(Shift::Level(now.level, other.level));
        let count = (now.count != other.count).then_some(Shift::Count(now.count, other.count));
        [opened, level, count].into_iter().flatten().collect()
    }

    /// Tells whether the alert is the same with both.
    pub fn is_same(&self) -> bool {
        matches!(self, Self::Both(..)) && self.shifts().is_empty()
    }
}

/// Pairs the alerts of two replays of the same events, in order of detector, time and entity.
pub fn compare<'a>(now: &'a [Alert], other: &'a [Alert]) -> Vec<Pair<'a>> {
    let (now, other) = (in_order(now), in_order(other));
    let (mut left, mut right) = (now.into_iter().peekable(), other.into_iter().peekable());
    let mut pairs = Vec::new();
    loop {
        // Whoever is first goes: with the other if that is the same trouble, else alone.
        let pair = match (left.peek(), right.peek()) {
            (None, None) => break,
            (Some(_), None) => left.next().map(Pair::Gone),
            (None, Some(_)) => right.next().map(Pair::Come),
            (Some(a), Some(b)) => match trouble(a).cmp(&trouble(b)) {
                Ordering::Less => left.next().map(Pair::Gone),
                Ordering::Greater => right.next().map(Pair::Come),
                Ordering::Equal if a.last_seen < b.first_seen => left.next().map(Pair::Gone),
                Ordering::Equal if b.last_seen < a.first_seen => right.next().map(Pair::Come),
                Ordering::Equal => left.next().zip(right.next()).map(|(now, other)| Pair::Both(now, other)),
            },
        };
        pairs.extend(pair);
    }
    pairs.sort_by(|a, b| place(a.alert()).cmp(&place(b.alert())));
    pairs
}

fn in_order(alerts: &[Alert]) -> Vec<&Alert> {
    let mut alerts: Vec<&Alert> = alerts.iter().collect();
    alerts.sort_by(|a, b| (trouble(a), a.first_seen, a.id).cmp(&(trouble(b), b.first_seen, b.id)));
    alerts
}

fn trouble(alert: &Alert) -> (&str, &super::Entity) {
    (&alert.detector, &alert.entity)
}

fn place(alert: &Alert) -> (&str, Timestamp, &super::Entity) {
    (&alert.detector, alert.opened_at, &alert.entity)
}

#[cfg(test)]
pub(super) mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::alerts::{AlertId, AlertState, Attack, Entity, EntityKind, Family};

    pub fn alert(entity: &str, seen: (i64, i64, i64), level: Level, count: u64) -> Alert {
        let at = |minutes: i64| Timestamp::from_seconds(60 * minutes);
        Alert {
            id: AlertId(seen.1.unsigned_abs()),
            fingerprint: 0,
            revision: 1,
            group: None,
            members: Vec::new(),
            detector: "probing.scanner".into(),
            family: Family::Probing,
            level,
            title: "t".into(),
            entity: Entity::new(EntityKind::Ip, entity),
            entities: Vec::new(),
            app: None,
            owner: None,
            first_seen: at(seen.0),
            opened_at: at(seen.1),
            last_seen: at(seen.2),
            count,
            why: String::new(),
            because: None,
            triage: Arc::from(""),
            attack: Attack::default(),
            threat: Arc::from(""),
            state: AlertState::Open,
            assignee: None,
            closing: None,
            evidence: Vec::new(),
            late: false,
        }
    }

    fn told(now: &[Alert], other: &[Alert]) -> Vec<String> {
        let tell = |pair: &Pair<'_>| {
            let what = match pair {
                Pair::Gone(_) => "gone".to_owned(),
                Pair::Come(_) => "come".to_owned(),
                Pair::Both(..) => format!("{:?}", pair.shifts()),
            };
            format!("{} {what}", pair.alert().entity.value)
        };
        compare(now, other).iter().map(tell).collect()
    }

    #[test]
    fn an_alert_that_only_opens_earlier_is_neither_gone_nor_come() {
        let now = [alert("a", (0, 16, 20), Level::High, 20)];
        let other = [alert("a", (0, 10, 20), Level::High, 20)];
        assert_eq!(told(&now, &other), ["a [Earlier(360s)]"]);
        assert_eq!(told(&other, &now), ["a [Later(360s)]"]);
        assert_eq!(told(&now, &now), ["a []"]);
    }

    #[test]
    fn a_level_and_a_count_that_differ_are_told() {
        let now = [alert("a", (0, 5, 9), Level::High, 20)];
        let other = [alert("a", (0, 5, 9), Level::Low, 31)];
        assert_eq!(told(&now, &other), ["a [Level(High, Low), Count(20, 31)]"]);
    }

    #[test]
    fn what_comes_at_another_time_or_for_another_entity_is_another_alert() {
        let now = [alert("a", (0, 5, 9), Level::High, 20), alert("b", (0, 5, 9), Level::High, 20)];
        let other = [alert("a", (10, 15, 19), Level::High, 20), alert("c", (0, 5, 9), Level::High, 20)];
        assert_eq!(told(&now, &other), ["a gone", "b gone", "c come", "a come"]);
    }

    #[test]
    fn of_one_long_alert_and_two_short_ones_the_first_are_paired() {
        let now = [alert("a", (0, 5, 60), Level::High, 20)];
        let other = [alert("a", (0, 5, 20), Level::High, 20), alert("a", (40, 45, 60), Level::High, 20)];
        assert_eq!(told(&now, &other), ["a []", "a come"]);
    }
}
