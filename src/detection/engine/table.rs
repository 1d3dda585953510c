//! Which entities does one detector follow in one shard?
//!
//! Entities lie in the order of the moment at which what is known of them stops mattering. That
//! one order serves three ends: entities that no longer matter leave at its front, silence is
//! seen there, and when a ceiling is reached the front is given up. It follows from the entities'
//! own state alone, so it is the same after a restart. An entity's place is corrected only when
//! it comes to the front, so an event costs one look-up.

mod cells;
mod changes;
mod order;
mod values;

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::detection::kinds::{Cost, Firing, Goes, Room, State};
use crate::detection::{Detector, Level, Signal};
use crate::telemetry::Entity;

use super::found::{Found, MOST_EVIDENCE};
use super::key::Key;
use cells::Cells;
use changes::Changes;
use order::Order;

/// The latest moment an entity may matter: later than every event, but not for ever.
const LAST: Timestamp = Timestamp::from_nanos(i64::MAX - 1);

/// How often a detector fires anew for an entity while one attack goes on: enough for whoever has closed the alert.
const MOST_ANEW: u8 = 4;

/// What one table may hold.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Entities.
    pub cells: usize,
    /// Times and values of all its entities.
    pub items: usize,
    /// Bytes of kept events of all its entities.
    pub bytes: usize,
}

/// Under what rule an event is looked at.
#[derive(Clone, Copy, Debug)]
pub struct Rule<'a> {
    /// The detector.
    pub detector: &'a Detector,
    /// Its place among the detectors.
    pub number: u16,
    /// Everything up to this was evaluated before this tick.
    pub released: Timestamp,
    /// Whether the event came too late.
    pub late: bool,
    /// What the table may hold.
    pub limits: Limits,
    /// Whether the event's value is one that entities have shown for long enough.
    pub common: bool,
}

/// An attack that goes on.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Episode {
    /// Whom the detector fired for.
    pub entity: Entity,
    /// The last event of the attack.
    pub last: Timestamp,
    /// Further events that may be shown as evidence.
    pub unshown: u8,
    /// How often it may fire anew.
    pub anew: u8,
    /// How bad the worst of them was.
    pub level: Level,
}

impl Episode {
    /// Returns what it is after it fired anew.
    fn again(self, last: Timestamp, level: Level) -> Self {
        let (last, level) = (last.max(self.last), level.max(self.level));
        Self { last, anew: self.anew.saturating_sub(1), level, ..self }
    }
}

/// What is known of one entity.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Cell {
    pub(super) state: State,
    episode: Option<Box<Episode>>,
    /// Its place in the order; [`Timestamp::MAX`] as long as it has none.
    #[serde(skip)]
    queued: Timestamp,
    #[serde(skip)]
    dirty: bool,
}

/// The entities of one detector in one shard.
#[derive(Debug)]
pub struct Table {
    cells: Cells,
    order: Order,
    /// No entity stops mattering before this.
    next: Timestamp,
    cost: Cost,
    changes: Changes,
}

enum Met {
    Nothing,
    Further(f64),
    Fired(Firing),
}

impl Table {
    /// Returns an empty table.
    pub fn new() -> Self {
        Self {
            cells: Cells::default(),
            order: Order::default(),
            next: Timestamp::MAX,
            cost: Cost::default(),
            changes: Changes::none(),
        }
    }

    /// Returns the moment before which no entity stops mattering.
    pub fn next(&self) -> Timestamp {
        self.next
    }

    /// Looks at one event; events come in canonical order, late ones before the others.
    pub fn take(&mut self, rule: &Rule<'_>, signal: &Signal, found: &mut Found) {
        let at = signal.time;
        self.expire(rule, if rule.late { rule.released } else { rule.detector.counting.over_before(at) }, found);
        let key = Key::from(signal.key);
        let counting = &rule.detector.counting;
        let begins = || State::begins_with(counting, signal) && !(rule.late && rule.is_silence_over(at));
        if self.cells.len() >= rule.limits.cells && begins() && !self.cells.contains(key) {
            if counting.is_seasonal() && self.is_settled(rule) {
                // What took weeks to learn does not give way to a name that nobody has heard of.
                found.evicted += 1;
                return;
            }
            while self.cells.len() >= rule.limits.cells && self.evict(rule, found) {}
        }
        let place = match self.cells.place(key) {
            Some(place) => place,
            None if begins() => {
                if counting.is_absence() {
                    found.speaks(rule, key, signal);
                }
                self.cells.insert(key, Cell::new(State::new(counting, signal)))
            }
            None => return,
        };
        let cell = self.cells.at(place);
        if cell.state.wakes() {
            found.speaks(rule, key, signal);
        }
        let before = cell.state.cost();
        let limit = rule.limits.bytes;
        let mut room = Room {
            spare: limit.saturating_sub(self.cost.bytes),
            spare_bare: limit.saturating_mul(2).saturating_sub(self.cost.bytes),
            evicted: 0,
            common: rule.common,
        };
        match cell.meet(rule, signal, &mut room) {
            Met::Nothing => {}
            Met::Further(now) => {
                if let Some(episode) = &mut cell.episode {
                    found.continues(rule, key, signal, episode, now);
                }
            }
            Met::Fired(firing) => {
                let (before, last) = (cell.episode.take(), firing.last.max(at));
                let (shown, level) = found.fires(rule, key, signal, firing);
                let unshown = MOST_EVIDENCE.saturating_sub(shown) as u8;
                let first = Episode { entity: signal.entity(), last, unshown, anew: MOST_ANEW, level };
                cell.episode = Some(Box::new(before.map_or(first, |before| before.again(last, level))));
            }
        }
        found.evicted += room.evicted;
        let after = cell.state.cost();
        self.cost.items = (self.cost.items + after.items).saturating_sub(before.items);
        self.cost.bytes = (self.cost.bytes + after.bytes).saturating_sub(before.bytes);
        self.touched(rule, key, place);
        while self.cost.items > rule.limits.items && self.cells.len() > 1 && self.evict(rule, found) {}
    }

    /// Books when a cell that has changed, and lies at `place`, stops mattering.
    fn touched(&mut self, rule: &Rule<'_>, key: Key, place: usize) {
        let cell = self.cells.at(place);
        let Some(until) = cell.until(rule.detector) else {
            self.remove(key);
            return;
        };
        let queued = cell.queued;
        cell.queued = until.min(queued);
        let is_dirty = std::mem::replace(&mut cell.dirty, true);
        self.settle(key, until, queued, is_dirty);
    }

    /// Books that a cell matters `until` then, and has changed.
    fn settle(&mut self, key: Key, until: Timestamp, queued: Timestamp, is_dirty: bool) {
        if until < queued {
            self.order.push(until, key);
            self.order.tidy(&self.cells);
            self.next = self.next.min(until);
        }
        if !is_dirty {
            self.changes.note(key, false, &self.cells);
        }
    }

    /// Lets go what stopped mattering until `passed`, itself included, and reports who fell silent.
    pub fn expire(&mut self, rule: &Rule<'_>, passed: Timestamp, found: &mut Found) {
        if self.next > passed {
            return;
        }
        while let Some((key, until)) = self.front(rule, passed) {
            self.elapse(rule, key, until, found);
        }
        self.next = self.order.first().map_or(Timestamp::MAX, |(queued, _)| queued);
    }

    /// Lets time reach `at` for one entity: what is due fires, and one that no longer matters leaves.
    fn elapse(&mut self, rule: &Rule<'_>, key: Key, at: Timestamp, found: &mut Found) {
        let Some(cell) = self.cells.get_mut(key) else { return };
        let before = cell.state.cost();
        let is_due = cell.state.alarm(&rule.detector.counting).is_some_and(|alarm| alarm <= at);
        if is_due && let Some((voice, mut firing)) = cell.state.elapse(&rule.detector.counting, at) {
            found.elapses(rule, key, &voice, &mut firing, at);
        }
        let after = cell.state.cost();
        self.cost.items = (self.cost.items + after.items).saturating_sub(before.items);
        self.cost.bytes = (self.cost.bytes + after.bytes).saturating_sub(before.bytes);
        if !is_due || cell.until(rule.detector).is_none_or(|next| next <= at) {
            self.remove(key);
        } else if !std::mem::replace(&mut cell.dirty, true) {
            self.changes.note(key, false, &self.cells);
        }
    }

    /// Returns who stops mattering first, if that is until `passed`.
    fn front(&mut self, rule: &Rule<'_>, passed: Timestamp) -> Option<(Key, Timestamp)> {
        loop {
            let (queued, mixed) = self.order.first()?;
            if queued > passed {
                return None;
            }
            let cell = self.cells.queued(queued, mixed);
            let Some((key, until, cell)) = cell.and_then(|(key, cell)| Some((key, cell.until(rule.detector)?, cell)))
            else {
                self.order.pop();
                continue;
            };
            if until == queued {
                return Some((key, until));
            }
            cell.queued = until;
            self.order.pop();
            self.order.push(until, key);
        }
    }

    /// Tells whether who would stop mattering first has been known for long.
    fn is_settled(&mut self, rule: &Rule<'_>) -> bool {
        let first = self.front(rule, Timestamp::MAX);
        first.and_then(|(key, _)| self.cells.get(key)).is_some_and(|cell| cell.state.is_settled())
    }

    /// Gives up who would stop mattering first.
    fn evict(&mut self, rule: &Rule<'_>, found: &mut Found) -> bool {
        let Some((key, _)) = self.front(rule, Timestamp::MAX) else { return false };
        self.remove(key);
        found.evicted += 1;
        true
    }

    fn remove(&mut self, key: Key) {
        let Some(cell) = self.cells.remove(key) else { return };
        let cost = cell.state.cost();
        self.cost.items = self.cost.items.saturating_sub(cost.items);
        self.cost.bytes = self.cost.bytes.saturating_sub(cost.bytes);
        self.changes.note(key, true, &self.cells);
        self.order.tidy(&self.cells);
    }

    /// Tells whether anything has changed since the last delta.
    pub fn has_changed(&self) -> bool {
        !self.changes.is_nothing()
    }

    /// Returns the keys of what has changed since this was called last, there or gone; `None` of too much.
    pub fn take_changes(&mut self) -> Option<Vec<Key>> {
        std::mem::replace(&mut self.changes, Changes::none()).keys(&mut self.cells)
    }

    /// Returns what is known of `key`.
    pub fn get(&self, key: Key) -> Option<&Cell> {
        self.cells.get(key)
    }

    /// Returns every entity, in order of their keys.
    pub fn all(&self) -> Vec<(Key, &Cell)> {
        let mut all: Vec<_> = self.cells.iter().collect();
        all.sort_unstable_by_key(|&(key, _)| key);
        all
    }

    /// Returns how many entities it follows.
    pub fn len(&self) -> usize {
        self.cells.len()
    }

    /// Puts back what was saved: the entity as it was then, or (`None`) that there is none.
    pub fn put_back(&mut self, key: Key, cell: Option<Cell>) {
        match cell {
            Some(cell) => drop(self.cells.insert(key, cell)),
            None => drop(self.cells.remove(key)),
        }
    }

    /// Puts what was put back in order.
    pub fn reorder(&mut self, detector: &Detector) {
        self.cost = Cost::default();
        self.cells.retain(|cell| cell.until(detector).is_some());
        for (_, cell) in self.cells.iter_mut() {
            cell.queued = cell.until(detector).unwrap_or(LAST);
            let cost = cell.state.cost();
            self.cost.items += cost.items;
            self.cost.bytes += cost.bytes;
        }
        self.order.refill(&self.cells);
        self.next = self.order.first().map_or(Timestamp::MAX, |(queued, _)| queued);
    }
}

impl Cell {
    /// Returns a cell that has no place in the order yet.
    const fn new(state: State) -> Self {
        Self { state, episode: None, queued: Timestamp::MAX, dirty: false }
    }

    fn meet(&mut self, rule: &Rule<'_>, signal: &Signal, room: &mut Room) -> Met {
        let at = signal.time;
        let counting = &rule.detector.counting;
        if let Some(episode) = &mut self.episode {
            if at <= episode.last.plus(rule.detector.quiet) {
                return match self.state.goes_on(counting, signal, room) {
                    Goes::Apart => Met::Nothing,
                    Goes::Beside => Met::Further(0.0),
                    Goes::Anew(firing) if episode.anew > 0 => Met::Fired(firing),
                    Goes::On(now) => {
                        episode.last = episode.last.max(at);
                        Met::Further(now)
                    }
                    Goes::Anew(firing) => {
                        episode.last = episode.last.max(at);
                        Met::Further(firing.value)
                    }
                };
            }
            self.episode = None;
            self.state.afresh();
        }
        self.state.observe(counting, signal, room).map_or(Met::Nothing, Met::Fired)
    }

    /// Says what is remembered of it, and whether an attack goes on.
    pub fn standing(&self, detector: &Detector) -> String {
        let state = self.state.standing(&detector.counting);
        match &self.episode {
            Some(episode) => {
                format!("{state}; its alert is open, for events until {}", episode.last.plus(detector.quiet))
            }
            None => state,
        }
    }

    /// Returns when time must be let reach it: at its alarm, or when what is known stops mattering.
    fn until(&self, detector: &Detector) -> Option<Timestamp> {
        let attack = self.episode.as_ref().map(|episode| episode.last.plus(detector.quiet));
        let until = self.state.until(&detector.counting).max(attack);
        let alarm = self.state.alarm(&detector.counting);
        until.map(|until| alarm.map_or(until, |alarm| alarm.min(until)).min(LAST))
    }
}

impl Rule<'_> {
    /// Tells whether silence after an event at `at` would have been reported before this tick.
    fn is_silence_over(&self, at: Timestamp) -> bool {
        self.detector.counting.patience().is_some_and(|patience| at.plus(patience) <= self.released)
    }
}
