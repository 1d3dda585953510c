//! Which messages go now, and which alerts in each?
//!
//! A group goes once it has waited long enough, as long as the rate has room: milder messages take none from
//! worse ones. When more are ready than there is room for, the worst go each by itself and all the others in
//! the last message that may go, so that no alert waits for milder ones. A clock that was set back holds
//! nothing up.

use std::collections::BTreeMap;
use std::time::Duration;

use sha2::{Digest as _, Sha256};

use crate::alerts::{Alert, AlertId, AlertState, Level};
use crate::clock::Timestamp;

use super::super::any::Hears;
use super::super::notice::{News, Notice};
use super::late::is_for_later;
use super::{Dispatcher, Gathered, Group, GroupKey, Told};

/// How often it is looked for alerts to tell again.
const LOOK: Duration = Duration::from_secs(10);
/// How long what waits to be told and is held back now waits on.
pub(super) const HELD: Duration = Duration::from_mins(1);

impl Dispatcher {
    /// Tells whether a message is due at `now`.
    pub fn is_due(&mut self, now: Timestamp) -> bool {
        if now < self.looked {
            self.set_back(now);
        }
        if now >= self.looked.plus(LOOK) {
            self.looked = now;
            self.repeats = self.told.iter().any(|(key, told)| self.is_to_repeat(*key, told, now));
        }
        self.repeats || self.is_late_due(now) || self.groups.iter().any(|(key, group)| self.is_ready(key, group, now))
    }

    /// Returns which alerts wait to be told, to which sink and until when, `most` at most.
    pub fn waits(&self, most: usize) -> Vec<(AlertId, &str, Timestamp)> {
        let gathered =
            self.places.iter().filter_map(|(&(sink, alert), key)| Some((sink, alert, self.groups.get(key)?.due)));
        let late = self.late.iter().map(|(&(sink, alert), &(_, due))| (sink, alert, due));
        let named =
            |(sink, alert, due): (usize, AlertId, Timestamp)| Some((alert, self.sinks.get(sink)?.name.as_str(), due));
        gathered.chain(late).filter_map(named).take(most).collect()
    }

    fn is_ready(&self, key: &GroupKey, group: &Group, now: Timestamp) -> bool {
        group.due <= now && self.room((key.0, key.1), group.worst(), now) > 0
    }

    /// Puts right what a clock that went ahead and was set back to `now` would hold up: nothing was told later than
    /// that, and nothing waits longer than it would from now on.
    pub(super) fn set_back(&mut self, now: Timestamp) {
        self.looked = self.looked.min(now);
        for ((_, alert), told) in self.told.iter_mut().filter(|(_, told)| told.at > now) {
            told.at = now;
            self.changed.alert(*alert);
        }
        for (key, group) in &mut self.groups {
            let route = self.routes.get(key.1);
            let opens = route.filter(|_| is_for_later(key)).and_then(|route| route.opens_after(now));
            let latest = opens.unwrap_or(now.plus(route.map_or(HELD, |route| route.wait.max(HELD))));
            let (due, since) = (group.due.min(latest), group.since.min(now));
            if (due, since) != (group.due, group.since) {
                (group.due, group.since) = (due, since);
                self.changed.group(key);
            }
        }
        for ((_, alert), (route, due)) in &mut self.late {
            let opens = self.routes.get(*route).and_then(|route| route.opens_after(now)).unwrap_or(now);
            if *due > opens.max(now.plus(HELD)) {
                *due = opens;
                self.changed.alert(*alert);
            }
        }
        for went in self.went.values_mut().filter(|went| went.iter().any(|(at, _)| *at > now)) {
            went.retain(|(at, _)| *at <= now);
            self.changed.head();
        }
    }

    fn is_to_repeat(&self, (sink, _): (usize, AlertId), told: &Told, now: Timestamp) -> bool {
        let reads = self.sinks[sink].hears == Hears::Messages;
        reads && self.again(told.route).is_some_and(|repeat| now >= told.at.plus(repeat))
    }

    /// Returns how many messages whose worst alert is of `level` may go now; milder ones that went take no room.
    fn room(&self, way: (usize, usize), level: Level, now: Timestamp) -> usize {
        let Some(rate) = self.routes.get(way.1).map(|route| route.at_most) else { return usize::MAX };
        let takes_room = |(at, worst): &&(Timestamp, Level)| now < at.plus(rate.per) && *worst >= level;
        let recent = self.went.get(&way).map_or(0, |went| went.iter().filter(takes_room).count());
        rate.messages.saturating_sub(recent)
    }

    /// Returns the messages that are due at `now`; `look` tells how an alert stands and whether it is
    /// held back, and what is waits on.
    pub fn due(&mut self, now: Timestamp, look: impl Fn(AlertId) -> Option<(Alert, bool)>) -> Vec<Gathered> {
        if std::mem::take(&mut self.repeats) {
            self.repeat(now, &look);
        }
        let mut messages = Vec::new();
        for (way, mut ready) in self.ready(now, look) {
            ready.sort_by_key(|(_, group)| (std::cmp::Reverse(group.worst()), group.due));
            let mut alone = ready.into_iter().peekable();
            while let Some((key, mut group)) = alone.next() {
                // This message takes the last room that the next one has.
                if alone.peek().is_some_and(|(_, next)| self.room(way, next.worst(), now) <= 1) {
                    alone.by_ref().for_each(|(_, other)| group.fold(other));
                }
                messages.push(self.message(&key, group, now));
            }
        }
        messages
    }

    /// Takes out the groups that are due and of which something can be told, by sink and route, where
    /// there is room for a message.
    fn ready(
        &mut self,
        now: Timestamp,
        look: impl Fn(AlertId) -> Option<(Alert, bool)>,
    ) -> BTreeMap<(usize, usize), Vec<(GroupKey, Group)>> {
        let is_ready = |(key, group): &(&GroupKey, &Group)| self.is_ready(key, group, now);
        let ready: Vec<_> = self.groups.iter().filter(is_ready).map(|(key, _)| key.clone()).collect();
        let mut found: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for key in ready {
            let Some(Group { waiting, mut more, due, since }) = self.groups.remove(&key) else { continue };
            self.changed.group(&key);
            let is_held = |notice: &Notice| look(notice.alert).is_some_and(|(_, held)| held);
            let (held, told): (Vec<_>, Vec<_>) = waiting.into_iter().partition(is_held);
            if !held.is_empty() {
                // Those that are only counted go with the first that are told.
                let (waits, since) = if told.is_empty() { (std::mem::take(&mut more), since) } else { (0, now) };
                self.groups.insert(key.clone(), Group { waiting: held, more: waits, due: now.plus(HELD), since });
            }
            if told.is_empty() {
                continue;
            }
            for notice in &told {
                self.places.remove(&(key.0, notice.alert));
            }
            found.entry((key.0, key.1)).or_default().push((key, Group { waiting: told, more, due, since }));
        }
        found
    }

    /// Counts a message that goes now, and gives it its key.
    fn message(&mut self, (sink, route, values): &GroupKey, group: Group, now: Timestamp) -> Gathered {
        self.sent = self.sent.wrapping_add(1);
        let per = self.routes.get(*route).map(|route| route.at_most.per).unwrap_or_default();
        let went = self.went.entry((*sink, *route)).or_default();
        went.retain(|(at, _)| now < at.plus(per));
        went.push((now, group.worst()));
        self.cuts.counted = self.cuts.counted.saturating_add(group.more);
        self.changed.head();
        let key = format!("g{}:{}", group_id(&self.sinks[*sink].name, *route, values), self.sent);
        Gathered { sink: *sink, key, notices: group.waiting, more: group.more }
    }

    fn repeat(&mut self, now: Timestamp, look: impl Fn(AlertId) -> Option<(Alert, bool)>) {
        let due: Vec<_> = self
            .told
            .iter()
            .filter(|(key, told)| self.is_to_repeat(**key, told, now))
            .map(|(key, told)| (*key, *told))
            .collect();
        for ((sink, id), told) in due {
            self.changed.alert(id);
            match look(id) {
                Some((alert, false)) if alert.state == AlertState::Open => {
                    let notice = Notice::about(&alert, News::Still, self.external_url.as_deref());
                    self.remember((sink, told.route), &alert, now);
                    if self.places.contains_key(&(sink, id)) {
                        // It waits to be told as it is.
                        self.refresh(sink, &notice);
                        continue;
                    }
                    self.gather((sink, told.route), &alert, notice, (now, Some(told.at)), None);
                }
                Some((alert, _)) if alert.state != AlertState::Closed => {
                    self.told.insert((sink, id), Told { at: now, ..told });
                }
                _ => drop(self.told.remove(&(sink, id))),
            }
        }
    }
}

/// Returns what a group is called in keys.
fn group_id(sink: &str, route: usize, values: &[String]) -> String {
    let mut hash = Sha256::new();
    for part in [sink, &route.to_string()].into_iter().chain(values.iter().map(String::as_str)) {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    let id = hash.finalize().iter().take(8).fold(0_u64, |id, &byte| id << 8 | u64::from(byte));
    format!("{id:016x}")
}

#[cfg(test)]
mod tests {
    use super::super::tests::{alert, at, dispatcher, due, opened};
    use super::*;
    use crate::alerts::Transition;
    use crate::sinks::Audience;

    #[test]
    fn milder_messages_take_no_room_from_worse_ones() {
        let mut one = dispatcher("[[routes]]\nto = ['channel']\nwait = '0s'\nat_most = '2 per 1h'");
        let levels = [Level::Low, Level::Low, Level::Low, Level::High, Level::Medium, Level::High, Level::Critical];
        let mut went = Vec::new();
        for (id, level) in (1..).zip(levels) {
            one.take(&Transition::Opened(alert(id, level)), at(id.cast_signed()), Audience::All);
            let messages = due(&mut one, id.cast_signed());
            went.extend(messages.into_iter().map(|(told, _)| told.into_iter().map(|(id, _)| id).collect::<Vec<_>>()));
        }
        // The third waits; what is worse takes it along, as both would go in one message anyway.
        assert_eq!(went, [vec![1], vec![2], vec![3, 4], vec![5], vec![6], vec![7]]);
        assert_eq!(due(&mut one, 3_600), [] as [(Vec<(u64, News)>, u64); 0]);
    }

    #[test]
    fn a_clock_that_is_set_back_holds_nothing_up() {
        let route = "[[routes]]\nto = ['channel']\nat_most = '1 per 1h'\nrepeat = '2h'";
        let day = 86_400;
        let mut one = dispatcher(route);
        one.take(&opened(1), at(day), Audience::All);
        assert_eq!(due(&mut one, day + 20).len(), 1);
        one.take(&opened(2), at(day + 30), Audience::All);
        let saved: Vec<Vec<u8>> = one.save().into_iter().map(|(_, bytes)| bytes).collect();
        let mut again = dispatcher(route);
        assert!(again.restore(&saved, at(0)));
        assert_eq!(due(&mut one, 0), [], "it is noticed here, or at a start");
        for mut one in [one, again] {
            assert_eq!(due(&mut one, 60), [(vec![(2, News::Opened)], 0)]);
            assert!(one.is_due(at(7_200)), "both are told again in two hours, not in a day");
        }
    }
}
