//! Which alerts wait to be told in one message, and which of them are named?
//!
//! An alert is named once, as it stands by then, or counted once: 50 are named, the worst. Which were counted
//! is not kept, for they may be very many: one that is not named, though its sink was told of it since the
//! group began, is one of them.

use serde::{Deserialize, Serialize};

use crate::alerts::{Alert, AlertId, Level};
use crate::clock::Timestamp;

use super::super::notice::{News, Notice};
use super::late::LATER;
use super::{Dispatcher, MOST_GROUPS, MOST_WAITING};

/// Alerts that wait to be told in one message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Group {
    /// Those that are named.
    pub waiting: Vec<Notice>,
    /// How many more there are.
    pub more: u64,
    /// When it goes.
    pub due: Timestamp,
    /// When it began; of one that an older version kept it is not known.
    #[serde(default = "never")]
    pub since: Timestamp,
}

const fn never() -> Timestamp {
    Timestamp::MAX
}

impl Group {
    /// Returns the level of the worst alert in it.
    pub fn worst(&self) -> Level {
        self.waiting.iter().map(|notice| notice.level).max().unwrap_or(Level::Informational)
    }

    /// Takes in the alerts of `other`: the worst are named and come first, those beyond are counted.
    pub fn fold(&mut self, other: Self) {
        self.waiting.extend(other.waiting);
        self.waiting.sort_by_key(|notice| std::cmp::Reverse(notice.level));
        let beyond = self.waiting.len().saturating_sub(MOST_WAITING);
        self.waiting.truncate(MOST_WAITING);
        self.more = self.more.saturating_add(other.more).saturating_add(beyond as u64);
        self.due = self.due.min(other.due);
        self.since = self.since.min(other.since);
    }
}

impl Dispatcher {
    /// Returns what waits to be told to `sink` of an alert.
    fn waiting(&mut self, sink: usize, alert: AlertId) -> Option<&mut Notice> {
        let group = self.groups.get_mut(self.places.get(&(sink, alert))?)?;
        group.waiting.iter_mut().find(|known| known.alert == alert)
    }

    /// Notes that what waits to be told to `sink` of an alert has changed, if anything does.
    fn waits_changed(&mut self, sink: usize, alert: AlertId) {
        if let Some(key) = self.places.get(&(sink, alert)) {
            self.changed.group(key);
        }
    }

    /// Brings what waits to be told of an alert up to date.
    pub(super) fn refresh(&mut self, sink: usize, notice: &Notice) {
        if let Some(known) = self.waiting(sink, notice.alert) {
            *known = Notice { news: known.news, by: known.by.clone(), reason: known.reason.clone(), ..notice.clone() };
            self.waits_changed(sink, notice.alert);
        }
    }

    /// Lets `notice` wait to be told to a sink by a route, `before` is when that was last told of the alert, `opens`
    /// when the route's hours begin if it waits for those.
    pub(super) fn gather(
        &mut self,
        (sink, route): (usize, usize),
        alert: &Alert,
        notice: Notice,
        (now, before): (Timestamp, Option<Timestamp>),
        opens: Option<Timestamp>,
    ) {
        let as_known = |known: News, news| if matches!(news, News::Worse | News::Unsilenced) { known } else { news };
        let waited = self.no_later((sink, route), alert.id, now);
        let notice = Notice { news: waited.map_or(notice.news, |known| as_known(known, notice.news)), ..notice };
        self.waits_changed(sink, notice.alert);
        if let Some(known) = self.waiting(sink, notice.alert) {
            // What opened and got worse before anybody was told has opened.
            *known = Notice { news: as_known(known.news, notice.news), ..notice };
            return;
        }
        let Some(way) = self.routes.get(route) else { return };
        let (due, mut key) = (opens.unwrap_or(now.plus(way.wait)), (sink, route, way.in_common(alert)));
        if !self.groups.contains_key(&key) && self.groups.len() >= MOST_GROUPS {
            key.2 = Vec::new();
            self.cuts.merged += 1;
            self.changed.head();
        }
        if opens.is_some() {
            key.2.push(LATER.to_owned());
        }
        self.changed.group(&key);
        let fresh = || Group { waiting: Vec::new(), more: 0, due, since: now };
        let group = self.groups.entry(key.clone()).or_insert_with(fresh);
        let id = notice.alert;
        if group.waiting.len() < MOST_WAITING {
            group.waiting.push(notice);
        } else {
            let is_counted = before.is_some_and(|at| at >= group.since);
            group.more += u64::from(!is_counted);
            // The worst are named.
            let mildest = group.waiting.iter_mut().min_by_key(|known| known.level);
            let Some(mildest) = mildest.filter(|known| known.level < notice.level) else { return };
            self.places.remove(&(sink, mildest.alert));
            *mildest = notice;
        }
        self.places.insert((sink, id), key);
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{acknowledged, at, closed, dispatcher, due, opened};
    use crate::sinks::Audience;

    #[test]
    fn an_alert_beyond_fifty_is_counted_once_whatever_becomes_of_it() {
        let mut one = dispatcher("[[routes]]\nto = ['channel']");
        for step in [opened, acknowledged, closed] {
            for id in 0..60 {
                one.take(&step(id), at(1), Audience::All);
            }
        }
        let messages = due(&mut one, 21);
        assert_eq!(messages.iter().map(|(told, more)| (told.len(), *more)).collect::<Vec<_>>(), [(50, 10)]);
        assert_eq!(one.cuts().counted, 10);
        // What is told anew is counted anew.
        for id in 0..60 {
            one.take(&opened(id), at(30), Audience::All);
        }
        assert_eq!(due(&mut one, 50)[0].1, 10);
        for id in 0..60 {
            one.take(&closed(id), at(60), Audience::All);
        }
        assert_eq!(due(&mut one, 80)[0].1, 10);
    }
}
