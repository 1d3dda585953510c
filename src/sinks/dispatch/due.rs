//! Which messages go now, and which alerts in each?
//!
//! A group goes once it has waited long enough, as long as the rate has room. When more are ready than
//! there is room for, the worst go each by itself and all the others in the last message that may go,
//! so that no alert waits for milder ones.

use std::collections::BTreeMap;
use std::time::Duration;

use sha2::{Digest as _, Sha256};

use crate::alerts::{Alert, AlertId, AlertState};
use crate::clock::Timestamp;

use super::super::any::Hears;
use super::super::notice::{News, Notice};
use super::{Dispatcher, Gathered, Group, GroupKey, Told};

/// How often it is looked for alerts to tell again.
const LOOK: Duration = Duration::from_secs(10);
/// How long what waits to be told and is held back now waits on.
const HELD: Duration = Duration::from_mins(1);

impl Dispatcher {
    /// Tells whether a message is due at `now`.
    pub fn is_due(&mut self, now: Timestamp) -> bool {
        if now >= self.looked.plus(LOOK) {
            self.looked = now;
            self.repeats = self.told.iter().any(|(key, told)| self.is_to_repeat(*key, told, now));
        }
        self.repeats || self.groups.iter().any(|(key, group)| group.due <= now && self.room((key.0, key.1), now) > 0)
    }

    fn is_to_repeat(&self, (sink, _): (usize, AlertId), told: &Told, now: Timestamp) -> bool {
        let reads = self.sinks[sink].hears == Hears::Messages;
        reads && self.again(told.route).is_some_and(|repeat| now >= told.at.plus(repeat))
    }

    /// Returns how many messages may go now.
    fn room(&self, way: (usize, usize), now: Timestamp) -> usize {
        let Some(rate) = self.routes.get(way.1).map(|route| route.at_most) else { return usize::MAX };
        let recent = self.went.get(&way).map_or(0, |went| went.iter().filter(|at| now < at.plus(rate.per)).count());
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
            let mut alone = ready.into_iter();
            let mut room = self.room(way, now);
            while let Some((key, mut group)) = alone.next() {
                if room == 1 {
                    alone.by_ref().for_each(|(_, other)| group.fold(other));
                }
                room = room.saturating_sub(1);
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
        let is_ready = |key: &GroupKey, group: &Group| group.due <= now && self.room((key.0, key.1), now) > 0;
        let ready: Vec<_> =
            self.groups.iter().filter(|(key, group)| is_ready(key, group)).map(|(key, _)| key.clone()).collect();
        let mut found: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for key in ready {
            let Some(Group { waiting, mut more, due }) = self.groups.remove(&key) else { continue };
            self.changed.group(&key);
            let is_held = |notice: &Notice| look(notice.alert).is_some_and(|(_, held)| held);
            let (held, told): (Vec<_>, Vec<_>) = waiting.into_iter().partition(is_held);
            if !held.is_empty() {
                let waits = if told.is_empty() { std::mem::take(&mut more) } else { 0 };
                self.groups.insert(key.clone(), Group { waiting: held, more: waits, due: now.plus(HELD) });
            }
            if told.is_empty() {
                continue;
            }
            for notice in &told {
                self.places.remove(&(key.0, notice.alert));
            }
            found.entry((key.0, key.1)).or_default().push((key, Group { waiting: told, more, due }));
        }
        found
    }

    /// Counts a message that goes now, and gives it its key.
    fn message(&mut self, (sink, route, values): &GroupKey, group: Group, now: Timestamp) -> Gathered {
        self.sent = self.sent.wrapping_add(1);
        let per = self.routes.get(*route).map(|route| route.at_most.per).unwrap_or_default();
        let went = self.went.entry((*sink, *route)).or_default();
        went.retain(|at| now < at.plus(per));
        went.push(now);
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
                    self.gather((sink, told.route), &alert, notice, now);
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
