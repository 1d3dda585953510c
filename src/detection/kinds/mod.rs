//! When does a detector fire for an entity?
//!
//! One file a kind of counting. Each sees the matched events of one entity in canonical order,
//! keeps what it needs to answer, and once it has fired says what of the rest belongs to the same
//! attack, until that goes quiet, which the engine decides for all kinds alike. An event
//! that comes too late takes its place in the window as far as the window still reaches.

mod absence;
mod amount;
mod asks;
mod baseline;
mod correlation;
mod distinct;
mod ending;
mod few;
mod firing;
mod first_seen;
mod kept;
mod percentile;
mod ratio;
#[cfg(test)]
mod reference;
mod rhythm;
mod risk;
mod sequence;
mod shown;
mod standing;
mod threshold;
mod together;
mod travel;
mod unanswered;
mod usual;
mod usual_share;
mod usual_values;
mod voice;
mod window;

pub use baseline::{Baselining, Measured};
pub use distinct::EXACT;
pub use first_seen::{Bulk, Only};
pub use kept::Kept;
pub use ratio::Share;
pub use risk::{Risking, Weighed, value_of, weight};
pub use shown::Shown;
pub use travel::{Traveling, pack as pack_place};
pub use voice::Voice;
pub use window::Window;

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;

use super::because::Earlier;
use super::{Counting, Flip, Level, Signal};
use absence::Absence;
use amount::Amount;
use baseline::Baseline;
use correlation::Correlation;
use distinct::Distinct;
use few::{Few, Lone};
use first_seen::FirstSeen;
use percentile::Percentile;
use ratio::Ratio;
use rhythm::Rhythm;
use risk::Risk;
use sequence::Sequence;
use threshold::Threshold;
use together::Together;
use travel::Travel;
use unanswered::Unanswered;
use usual::Usual;

/// Different times that a window tells apart at most, where its detector asks for no more.
const TIMES: usize = 64;
/// Different times that any window tells apart at most.
const MOST_TIMES: usize = 1_024;

/// What a kind remembers of one entity.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum State {
    /// Nothing: every event fires.
    Match,
    /// Times.
    Threshold(Threshold),
    /// Times and values.
    Distinct(Box<Distinct>),
    /// How far it has come.
    Sequence(Box<Sequence>),
    /// Values.
    FirstSeen(Box<FirstSeen>),
    /// Its last sign of life.
    Absence(Box<Absence>),
    /// Events of two sorts.
    Ratio(Box<Ratio>),
    /// What they add up to.
    Amount(Box<Amount>),
    /// Numbers.
    Percentile(Box<Percentile>),
    /// Which steps have come.
    Together(Box<Together>),
    /// What is to follow yet.
    Unanswered(Box<Unanswered>),
    /// What it does at each hour.
    Baseline(Box<Baseline>),
    /// When it is heard of.
    Rhythm(Box<Rhythm>),
    /// What others have found.
    Risk(Box<Risk>),
    /// Where it was.
    Travel(Box<Travel>),
    /// How far the events of several rules have come.
    Correlation(Box<Correlation>),
    /// Of a value, not of an entity: since when it has been shown.
    Shown(Shown),
    /// One event, of a kind that keeps times, values or numbers.
    Lone(Lone),
    /// A few of them.
    Few(Few),
    /// How many different values it shows at each hour, or which share of its events is of the other sort.
    Usual(Box<Usual>),
}

/// A detector fires: what it rests on.
#[derive(Debug)]
pub struct Firing {
    /// Matched events.
    pub count: u64,
    /// Different values among them.
    pub distinct: u64,
    /// The first matched event.
    pub first: Timestamp,
    /// The last matched event; later than the one that fired only if that one came late.
    pub last: Timestamp,
    /// Events before the one that fired.
    pub kept: Vec<Kept>,
    /// What was measured.
    pub value: f64,
    /// What was expected, where that is not the same for all.
    pub band: Option<(f64, f64)>,
    /// How much earlier a lower limit would have fired.
    pub earlier: Option<Earlier>,
    /// How many of the events could be missing.
    pub spare: u64,
    /// What else would have made a difference.
    pub flips: Vec<Flip>,
    /// How bad it is, where that does not follow from the events.
    pub level: Option<Level>,
    /// Of new values: they are more than so many, and so are taken for one event.
    pub bulk: Option<u32>,
}

/// What an event is of an attack that goes on.
#[derive(Debug)]
pub enum Goes {
    /// Nothing of it.
    Apart,
    /// It is counted, and prolongs nothing.
    Beside,
    /// It belongs to it; with what is measured now.
    On(f64),
    /// It is one more of what fired: whoever has closed the alert must hear of it.
    Anew(Firing),
}

/// What an entity's state may use while it looks at one event, and what it gave up.
#[derive(Debug)]
pub struct Room {
    /// Bytes of events with their records that may still be kept.
    pub spare: usize,
    /// Bytes of events without their records that may still be kept.
    pub spare_bare: usize,
    /// Values given up because a ceiling was reached.
    pub evicted: u64,
    /// Whether the event's value is one that entities have shown for long enough.
    pub common: bool,
}

/// What an entity's state takes beyond its fixed size.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// Times and values, of 16 bytes each.
    pub items: usize,
    /// Bytes of kept events.
    pub bytes: usize,
}

impl State {
    /// Returns the state of an entity of which `signal` is the first event.
    pub fn new(counting: &Counting, signal: &Signal) -> Self {
        if let Some(lone) = Lone::of(counting, signal) {
            return lone;
        }
        match counting {
            Counting::Match => Self::Match,
            Counting::Threshold { .. } => Self::Threshold(Threshold::default()),
            Counting::Distinct { .. } => Self::Distinct(Box::default()),
            Counting::Sequence { any_order: true, .. } => Self::Together(Box::default()),
            Counting::Sequence { .. } => Self::Sequence(Box::default()),
            Counting::FirstSeen { .. } => Self::FirstSeen(Box::new(FirstSeen::since(signal.time))),
            Counting::Absence { .. } => Self::Absence(Box::new(Absence::new(signal))),
            Counting::Ratio { .. } => Self::Ratio(Box::default()),
            Counting::Amount { .. } => Self::Amount(Box::default()),
            Counting::Percentile { .. } => Self::Percentile(Box::default()),
            Counting::Unanswered { .. } => Self::Unanswered(Box::new(Unanswered::new(signal))),
            Counting::Baseline(asked) => Usual::new(*asked, signal).map_or_else(
                || Self::Baseline(Box::new(Baseline::new(*asked, signal))),
                |usual| Self::Usual(Box::new(usual)),
            ),
            Counting::Rhythm { .. } => Self::Rhythm(Box::new(Rhythm::new(signal))),
            Counting::Risk(_) => Self::Risk(Box::default()),
            Counting::Travel(_) => Self::Travel(Box::default()),
            Counting::Correlation(_) => Self::Correlation(Box::default()),
        }
    }

    /// Tells whether an entity is worth following from `signal` on: the later steps of a
    /// sequence begin nothing, and most entities only ever show those.
    pub fn begins_with(counting: &Counting, signal: &Signal) -> bool {
        match counting {
            Counting::Sequence { any_order: false, .. } => signal.step == 0,
            Counting::Correlation(plan) => plan.begins_with(signal.step),
            _ => true,
        }
    }

    /// Looks at an event outside an attack; returns what it completes.
    pub fn observe(&mut self, counting: &Counting, signal: &Signal, room: &mut Room) -> Option<Firing> {
        if self.takes_in(counting, signal) {
            return None;
        }
        match (self, counting) {
            (Self::Match, _) => Some(Firing::of_one(signal)),
            (Self::Threshold(state), &Counting::Threshold { at_least, within }) => {
                state.observe(at_least, within, signal, room)
            }
            (Self::Distinct(state), &Counting::Distinct { more_than, within }) => {
                state.observe(more_than, within, signal, room)
            }
            (Self::Ratio(state), &Counting::Ratio { at_least, among, within }) => {
                state.observe(at_least, among, within, signal, room)
            }
            (Self::Amount(state), counting) => state.observe(counting.asked()?, signal, room),
            (Self::Percentile(state), counting) => state.observe(counting.ranked()?, signal, room),
            (Self::Sequence(state), counting) => state.observe(counting.steps()?, signal, room),
            (Self::Together(state), counting) => state.observe(counting.steps()?, signal, room),
            (Self::FirstSeen(state), &Counting::FirstSeen { learn, bulk, .. }) => {
                let novel = state.is_told(counting, signal, room).filter(|_| state.knows(learn, signal))?;
                if bulk.is_some() && !signal.learns {
                    state.hold(signal, room);
                }
                bulk.is_none().then(|| state.firing(novel, signal))
            }
            (Self::Unanswered(state), _) => {
                state.observe(signal, room);
                None
            }
            (Self::Baseline(state), &Counting::Baseline(asked)) => state.observe(asked, signal, room),
            (Self::Usual(state), &Counting::Baseline(asked)) => state.observe(asked, signal, room),
            (Self::Risk(state), &Counting::Risk(asked)) => state.observe(asked, signal, room),
            (Self::Travel(state), &Counting::Travel(asked)) => state.observe(asked, signal, room),
            (Self::Rhythm(state), &Counting::Rhythm { minutes, .. }) => {
                state.observe(minutes, signal, room);
                None
            }
            (Self::Absence(state), &Counting::Absence { after, at_least }) => {
                state.observe(after, at_least, signal, room);
                None
            }
            (Self::Correlation(state), Counting::Correlation(plan)) => state.observe(plan, signal, room),
            _ => None,
        }
    }

    /// Looks at an event during an attack.
    pub fn goes_on(&mut self, counting: &Counting, signal: &Signal, room: &mut Room) -> Goes {
        match (&mut *self, counting) {
            (Self::Sequence(_), Counting::Sequence { steps, .. }) => {
                let is_last = usize::from(signal.step) + 1 == steps.len();
                let whole = self.observe(counting, signal, room);
                whole.map_or(if is_last { Goes::Beside } else { Goes::Apart }, Goes::Anew)
            }
            (Self::FirstSeen(state), _) => {
                let novel = state.is_told(counting, signal, room);
                novel.map_or(Goes::Apart, |novel| Goes::Anew(state.firing(novel, signal)))
            }
            _ => self.further(counting, signal, room).map_or(Goes::Apart, Goes::On),
        }
    }

    /// Looks at an event during an attack; returns what is measured now if it belongs to it.
    fn further(&mut self, counting: &Counting, signal: &Signal, room: &mut Room) -> Option<f64> {
        match (self, counting) {
            (Self::Threshold(state), &Counting::Threshold { at_least, within }) => {
                Some(state.further(at_least, within, signal.time))
            }
            (Self::Distinct(state), &Counting::Distinct { more_than, within }) => {
                state.further(more_than, within, signal)
            }
            (Self::Correlation(state), Counting::Correlation(plan)) => {
                state.observe(plan, signal, room).map(|firing| firing.value)
            }
            (Self::Ratio(state), &Counting::Ratio { among, within, .. }) => state.further(among, within, signal),
            (Self::Amount(state), counting) => state.further(counting.asked()?, signal),
            (Self::Percentile(state), counting) => state.further(counting.ranked()?, signal),
            (Self::Baseline(state), &Counting::Baseline(asked)) => state.further(asked, signal, room),
            (Self::Usual(state), &Counting::Baseline(asked)) => state.further(asked, signal, room),
            (Self::Risk(state), &Counting::Risk(asked)) => Some(state.further(asked, signal)),
            (Self::Travel(state), &Counting::Travel(asked)) => state.further(asked, signal, room),
            _ => Some(0.0),
        }
    }

    /// Returns when the passing of time itself may make it fire.
    pub fn alarm(&self, counting: &Counting) -> Option<Timestamp> {
        match (self, counting) {
            (Self::Absence(state), &Counting::Absence { after, .. }) => Some(state.last().plus(after)),
            (Self::FirstSeen(state), &Counting::FirstSeen { bulk: Some(bulk), .. }) => state.alarm(bulk),
            (Self::Unanswered(state), &Counting::Unanswered { within }) => state.alarm(within),
            (Self::Baseline(state), &Counting::Baseline(asked)) => state.alarm(asked),
            (Self::Usual(state), &Counting::Baseline(asked)) => state.alarm(asked),
            (Self::Rhythm(state), &Counting::Rhythm { missing, .. }) => state.alarm(missing),
            _ => None,
        }
    }

    /// Looks at it at `at`, the time of its alarm; returns what fires, and for whom.
    pub fn elapse(&mut self, counting: &Counting, at: Timestamp) -> Option<(Voice, Firing)> {
        match (self, counting) {
            (Self::Absence(state), &Counting::Absence { after, at_least }) => state.elapse(after, at_least, at),
            (Self::FirstSeen(state), &Counting::FirstSeen { bulk: Some(bulk), .. }) => state.elapse(bulk),
            (Self::Unanswered(state), &Counting::Unanswered { within }) => state.elapse(within, at),
            (Self::Baseline(state), &Counting::Baseline(asked)) => state.elapse(asked, at),
            (Self::Usual(state), &Counting::Baseline(asked)) => state.elapse(asked, at),
            (Self::Rhythm(state), &Counting::Rhythm { missing, learn, .. }) => state.elapse(missing, learn, at),
            _ => None,
        }
    }

    /// Tells, once, whether it is heard of again after its silence has fired.
    pub fn wakes(&mut self) -> bool {
        if let Self::Rhythm(state) = self { state.wakes() } else { false }
    }

    /// Tells whether it does not give way to an entity that is new.
    pub fn is_settled(&self) -> bool {
        match self {
            Self::Baseline(state) => state.is_settled(),
            Self::Usual(state) => state.is_settled(),
            Self::Rhythm(state) => state.is_settled(),
            _ => false,
        }
    }

    /// Returns what it takes beyond its fixed size.
    pub fn cost(&self) -> Cost {
        match self {
            Self::Match | Self::Shown(_) => Cost::default(),
            Self::Lone(_) => Lone::cost(),
            Self::Few(few) => few.cost(),
            Self::Threshold(state) => state.cost(),
            Self::Distinct(state) => state.cost(),
            Self::Sequence(state) => state.cost(),
            Self::FirstSeen(state) => state.cost(),
            Self::Absence(state) => state.cost(),
            Self::Ratio(state) => state.cost(),
            Self::Amount(state) => state.cost(),
            Self::Percentile(state) => state.cost(),
            Self::Together(state) => state.cost(),
            Self::Unanswered(state) => state.cost(),
            Self::Baseline(state) => state.cost(),
            Self::Usual(state) => state.cost(),
            Self::Rhythm(state) => state.cost(),
            Self::Risk(state) => state.cost(),
            Self::Travel(state) => state.cost(),
            Self::Correlation(state) => state.cost(),
        }
    }
}
