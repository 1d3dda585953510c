//! What becomes of an alert that nobody hears of because of the hour?
//!
//! Where routes would lead to people but for their hours, and no other leads to any, the alert waits for those
//! hours. Channels read then how it stands, even if it is over: in messages of their own, which wait by a mark in
//! their key. Incidents and programs hear of what is still open and nobody has; what opened and ended outside
//! their hours called for nobody. At most 8,192 of those wait; beyond it the newest are not told, which is counted.

use crate::alerts::{Alert, AlertId, AlertState};
use crate::clock::Timestamp;

use super::super::any::Hears;
use super::super::notice::{News, Notice};
use super::due::HELD;
use super::{Audience, Dispatcher, GroupKey, MOST_TOLD};

/// What the key of a group ends with that waits for hours.
pub(super) const LATER: &str = "later";

/// Tells whether a group waits for its route's hours.
pub(super) fn is_for_later((_, _, values): &GroupKey) -> bool {
    values.last().is_some_and(|last| last == LATER)
}

impl Dispatcher {
    /// Lets an alert that nobody hears of now, `found` being who does, wait for the hours of the routes that mean it.
    pub(super) fn put_off(&mut self, alert: &Alert, notice: &Notice, found: &[(usize, usize)], now: Timestamp) {
        let is_read = |(sink, _): &(usize, usize)| self.sinks[*sink].hears != Hears::Everything;
        if alert.state == AlertState::Closed || found.iter().any(is_read) {
            return;
        }
        for (sink, route) in self.closed_ways(alert, found, now) {
            let Some(opens) = self.routes.get(route).and_then(|route| route.opens_after(now)) else { continue };
            if self.news((sink, route), alert, notice.news, now).is_none() {
                continue;
            }
            if self.sinks[sink].hears == Hears::Messages {
                self.remember((sink, route), alert, now);
                let notice = Notice { news: News::Opened, ..notice.clone() };
                self.gather((sink, route), alert, notice, (now, None), Some(opens));
            } else if self.late.len() < MOST_TOLD || self.late.contains_key(&(sink, alert.id)) {
                self.late.entry((sink, alert.id)).or_insert((route, opens));
                self.changed.alert(alert.id);
            } else {
                self.cuts.forgotten += 1;
                self.changed.head();
            }
        }
    }

    /// Returns the sinks to which routes would lead but for their hours, and by which of them.
    fn closed_ways(&self, alert: &Alert, found: &[(usize, usize)], now: Timestamp) -> Vec<(usize, usize)> {
        let mut ways: Vec<(usize, usize)> = Vec::new();
        for (number, route) in self.routes.iter().enumerate().filter(|(_, route)| route.means(alert)) {
            if route.is_open_at(now) {
                if !route.r#continue {
                    break;
                }
                continue;
            }
            let to = route.to.iter().filter_map(|name| self.sinks.iter().position(|sink| sink.name == *name));
            for sink in to {
                let wanted = self.sinks[sink].at_least.is_none_or(|least| alert.level >= least);
                if wanted && ways.iter().chain(found).all(|(known, _)| *known != sink) {
                    ways.push((sink, number));
                }
            }
        }
        ways
    }

    /// Takes an alert out of the message that waits for its hours, if it is told by a route that is open now; returns
    /// what it waited to be told as.
    pub(super) fn no_later(&mut self, (sink, route): (usize, usize), alert: AlertId, now: Timestamp) -> Option<News> {
        let key = self.places.get(&(sink, alert)).filter(|key| is_for_later(key))?.clone();
        self.routes.get(route).filter(|route| route.is_open_at(now))?;
        let group = self.groups.get_mut(&key)?;
        let place = group.waiting.iter().position(|known| known.alert == alert)?;
        let known = group.waiting.remove(place);
        if group.waiting.is_empty() && group.more == 0 {
            self.groups.remove(&key);
        }
        self.changed.group(&key);
        self.places.remove(&(sink, alert));
        Some(known.news)
    }

    /// Forgets that an alert waits for the hours of `sink`: it was told, or is over.
    pub(super) fn not_later(&mut self, sink: usize, alert: AlertId) {
        if self.late.remove(&(sink, alert)).is_some() {
            self.changed.alert(alert);
        }
    }

    /// Tells whether there is something to tell that waited for its hours.
    pub(super) fn is_late_due(&self, now: Timestamp) -> bool {
        self.late.values().any(|(_, due)| *due <= now)
    }

    /// Returns the alerts whose hours have come, and the sinks that hear of them, one at a time; `look` is that of
    /// [`Dispatcher::due`].
    pub fn late(&mut self, now: Timestamp, look: impl Fn(AlertId) -> Option<(Alert, bool)>) -> Vec<(usize, Alert)> {
        let due: Vec<_> = self.late.iter().filter(|(_, (_, due))| *due <= now).map(|(key, way)| (*key, *way)).collect();
        let mut told = Vec::new();
        for ((sink, id), (route, _)) in due {
            let (alert, held) = match look(id) {
                Some((alert, held)) if alert.state != AlertState::Closed => (alert, held),
                _ => {
                    self.not_later(sink, id);
                    continue;
                }
            };
            if held {
                self.late.insert((sink, id), (route, now.plus(HELD)));
                self.changed.alert(id);
                continue;
            }
            self.not_later(sink, id);
            // Nobody is called for what somebody has.
            if self.sinks[sink].hears == Hears::Everything || alert.state == AlertState::Open {
                self.remember((sink, route), &alert, now);
                told.push((sink, alert));
            }
        }
        told
    }

    /// Tells whether who may hear of a change is to hear of it at their hours.
    pub(super) fn may_wait(&self, audience: Audience) -> bool {
        audience == Audience::All && self.routes.iter().any(super::Route::has_hours)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{acknowledged, alert, at, closed, dispatcher, due, opened};
    use super::*;
    use crate::alerts::{Change, Level, Transition};

    const PROGRAM: usize = 0;
    const PAGER: usize = 2;
    /// The epoch was at midnight.
    const HOUR: i64 = 3_600;

    fn look(id: AlertId) -> Option<(Alert, bool)> {
        let state = match id.0 {
            // It was over long ago.
            2 => return None,
            3 => AlertState::Acknowledged,
            _ => AlertState::Open,
        };
        Some((Alert { state, ..alert(id.0, Level::Medium) }, id.0 == 4))
    }

    fn late(one: &mut Dispatcher, seconds: i64) -> Vec<(usize, u64)> {
        assert!(one.is_due(at(seconds)));
        one.late(at(seconds), look).into_iter().map(|(sink, alert)| (sink, alert.id.0)).collect()
    }

    #[test]
    fn what_nobody_hears_of_because_of_the_hour_is_told_when_the_hours_begin() {
        let text = "[[routes]]\nto = ['channel', 'pager']\nhours = '08:00-18:00'\n[[routes]]\nto = ['program']";
        let mut one = dispatcher(text);
        assert_eq!(one.take(&opened(1), at(HOUR), Audience::All), [(PROGRAM, News::Opened)]);
        for id in 2..=4 {
            one.take(&opened(id), at(2 * HOUR), Audience::All);
        }
        assert_eq!(one.take(&closed(2), at(3 * HOUR), Audience::All), [(PROGRAM, News::Closed)]);
        one.take(&acknowledged(3), at(3 * HOUR), Audience::All);
        // Over a restart too, and whatever is told again meanwhile.
        let saved: Vec<Vec<u8>> = one.save().into_iter().map(|(_, bytes)| bytes).collect();
        let mut one = dispatcher(text);
        assert!(one.restore(&saved, at(4 * HOUR)));
        assert_eq!(due(&mut one, 6 * HOUR), []);
        assert!(one.late(at(6 * HOUR), look).is_empty());
        assert_eq!(late(&mut one, 8 * HOUR), [(PAGER, 1)], "not what is over, taken or held back");
        let morning = vec![(1, News::Opened), (2, News::Closed), (3, News::Acknowledged), (4, News::Opened)];
        assert_eq!(due(&mut one, 8 * HOUR), [(morning, 0)]);
        assert!(one.late(at(8 * HOUR + 59), look).is_empty());
        // In the evening who heard of it hears how it ends, and at once.
        let over = one.take(&closed(1), at(20 * HOUR), Audience::All);
        assert_eq!(over, [(PROGRAM, News::Closed), (PAGER, News::Closed)]);
        let again = vec![(1, News::Closed), (3, News::Still), (4, News::Still)];
        assert_eq!(due(&mut one, 20 * HOUR + 20), [(again, 0)]);
    }

    #[test]
    fn what_people_hear_of_by_another_route_waits_for_no_hours() {
        let text = "[[routes]]\nto = ['pager']\nhours = '22:00-06:00'\n[[routes]]\nto = ['channel']";
        let mut one = dispatcher(text);
        one.take(&opened(1), at(12 * HOUR), Audience::All);
        assert_eq!(due(&mut one, 12 * HOUR + 20), [(vec![(1, News::Opened)], 0)]);
        one.is_due(at(22 * HOUR));
        assert!(one.late(at(22 * HOUR), look).is_empty());
    }

    #[test]
    fn what_gets_worse_does_not_wait_for_hours_where_another_route_leads_to_the_same_people() {
        let text = "[[routes]]\nto = ['channel']\nhours = '08:00-18:00'\n\
                    [[routes]]\nto = ['channel']\nat_least = 'high'";
        let mut one = dispatcher(text);
        for id in 1..=2 {
            one.take(&opened(id), at(HOUR), Audience::All);
        }
        let worse = Change::Raised { from: Level::Medium };
        one.take(&Transition::Updated(alert(1, Level::High), worse), at(2 * HOUR), Audience::All);
        assert_eq!(due(&mut one, 2 * HOUR + 20), [(vec![(1, News::Opened)], 0)]);
        assert_eq!(due(&mut one, 8 * HOUR), [(vec![(2, News::Opened)], 0)]);
    }

    #[test]
    fn what_is_told_before_its_hours_came_is_not_told_again() {
        let text = "[[routes]]\nto = ['pager']\nhours = '08:00-18:00'\n[[routes]]\nto = ['pager']\nat_least = 'high'";
        let mut one = dispatcher(text);
        assert_eq!(one.take(&opened(1), at(HOUR), Audience::All), []);
        let worse = Transition::Opened(alert(1, Level::High));
        assert_eq!(one.take(&worse, at(2 * HOUR), Audience::All), [(PAGER, News::Opened)]);
        one.is_due(at(9 * HOUR));
        assert!(one.late(at(9 * HOUR), look).is_empty());
    }
}
