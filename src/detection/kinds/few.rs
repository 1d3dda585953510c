//! An entity that has spoken a few times.
//!
//! Floods are made of those that speak once, and most others speak a few times within a window. So a kind that
//! keeps times, values or numbers begins with the one event alone, in place, goes on with up to eight side by side,
//! and gets a state of its own kind when there are more, or when it comes close to firing: until then no event is
//! kept as evidence, and what there is need not be in any order.

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use crate::clock::Timestamp;
use crate::detection::{Counting, Signal};

use super::amount::Amount;
use super::distinct::Distinct;
use super::kept::BEFORE;
use super::percentile::Percentile;
use super::ratio::Ratio;
use super::threshold::Threshold;
use super::{Cost, State};

/// Events that are kept side by side.
const MOST: usize = 8;
/// Those, and one more.
pub type Marks = SmallVec<[Mark; MOST + 1]>;
/// Bytes that one of [`Cost::items`] stands for.
const ITEM: usize = 16;

/// An event: when it was, and its value or number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// When it was.
    pub at: Timestamp,
    /// Its value or number.
    pub value: u64,
}

/// The events of the window, in the order in which they were looked at: times and values by turns, or times alone
/// where these are all that counts.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Few(Box<[u64]>);

/// The one event, in place. As it is stored: what an older version has kept reads so.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Lone {
    value: u64,
    /// [`Timestamp::MIN`] before it is taken in.
    at: Timestamp,
}

impl Lone {
    /// Returns the state of an entity that has not spoken, if its kind begins so and one event is far from making
    /// it fire.
    pub fn of(counting: &Counting, signal: &Signal) -> Option<State> {
        let first = Mark { at: signal.time, value: signal.value };
        is_far(counting, &[first]).then_some(State::Lone(Self { value: 0, at: Timestamp::MIN }))
    }

    /// Returns its event.
    pub fn marks(&self) -> Marks {
        self.newest().map(|at| Mark { at, value: self.value }).into_iter().collect()
    }

    /// Returns when its event was.
    pub fn newest(&self) -> Option<Timestamp> {
        (self.at > Timestamp::MIN).then_some(self.at)
    }

    /// Returns what it takes.
    pub const fn cost() -> Cost {
        Cost { items: 1, bytes: 0 }
    }
}

impl Few {
    fn of(counting: &Counting, marks: &[Mark]) -> Self {
        let time = |mark: &Mark| mark.at.nanos().cast_unsigned();
        if is_times(counting) {
            return Self(marks.iter().map(time).collect());
        }
        Self(marks.iter().flat_map(|mark| [time(mark), mark.value]).collect())
    }

    /// Returns its events.
    pub fn marks(&self, counting: &Counting) -> Marks {
        let width = if is_times(counting) { 1 } else { 2 };
        let mark = |words: &[u64]| Mark {
            at: Timestamp::from_nanos(words.first().map_or(0, |time| time.cast_signed())),
            value: words.get(1).copied().unwrap_or(0),
        };
        self.0.chunks(width).map(mark).collect()
    }

    /// Returns when its newest event was.
    pub fn newest(&self, counting: &Counting) -> Option<Timestamp> {
        self.marks(counting).iter().map(|mark| mark.at).max()
    }

    /// Returns what it takes.
    pub fn cost(&self) -> Cost {
        Cost { items: size_of_val(&*self.0).div_ceil(ITEM), bytes: 0 }
    }
}

impl State {
    /// Takes an event in where a few are kept side by side and it leaves the entity far from firing; tells whether
    /// it did. If it did not, this is as its kind keeps it from now on.
    pub(super) fn takes_in(&mut self, counting: &Counting, signal: &Signal) -> bool {
        let Some(mut marks) = self.marks(counting) else { return false };
        let at = signal.time;
        let newest = marks.iter().map(|mark| mark.at).fold(at, Timestamp::max);
        let start = counting.window().map_or(Timestamp::MIN, |window| window.start(newest));
        if at < start {
            return true;
        }
        marks.push(Mark { at, value: signal.value });
        let live: Marks = marks.iter().copied().filter(|mark| mark.at >= start).collect();
        if live.len() > MOST || !is_far(counting, &live) {
            marks.pop();
            *self = unfolded(counting, &marks);
            return false;
        }
        *self = if let [only] = live[..] {
            Self::Lone(Lone { value: only.value, at: only.at })
        } else {
            Self::Few(Few::of(counting, &live))
        };
        true
    }

    /// Returns the same as its kind keeps it, if it is kept side by side.
    pub(super) fn unfolded(&self, counting: &Counting) -> Option<Self> {
        self.marks(counting).map(|marks| unfolded(counting, &marks))
    }

    fn marks(&self, counting: &Counting) -> Option<Marks> {
        match self {
            Self::Lone(lone) => Some(lone.marks()),
            Self::Few(few) => Some(few.marks(counting)),
            _ => None,
        }
    }
}

/// Tells whether nothing but the times of events counts.
fn is_times(counting: &Counting) -> bool {
    matches!(counting, Counting::Threshold { .. })
}

/// Tells whether these events of a window neither fire nor come so close to it that one of them is kept as evidence.
fn is_far(counting: &Counting, marks: &[Mark]) -> bool {
    let soon = marks.len() + BEFORE;
    match *counting {
        Counting::Threshold { at_least, .. } => soon < at_least as usize,
        Counting::Distinct { more_than, .. } => soon <= more_than as usize,
        Counting::Ratio { among, .. }
        | Counting::Percentile { among, .. }
        | Counting::Amount { average: true, among, .. } => soon < among as usize,
        Counting::Amount { more_than, .. } => {
            let sum: i128 = marks.iter().map(|mark| i128::from(mark.value.cast_signed())).sum();
            sum <= i128::from(more_than) / 2 && sum <= i128::from(more_than)
        }
        _ => false,
    }
}

fn unfolded(counting: &Counting, marks: &[Mark]) -> State {
    match counting {
        Counting::Distinct { .. } => State::Distinct(Box::new(Distinct::of_few(marks))),
        Counting::Ratio { .. } => State::Ratio(Box::new(Ratio::of_few(marks))),
        Counting::Percentile { within, .. } => State::Percentile(Box::new(Percentile::of_few(marks, *within))),
        Counting::Amount { .. } => State::Amount(Box::new(Amount::of_few(marks))),
        _ => State::Threshold(Threshold::of_few(marks)),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use crate::detection::engine::trial::signal_of;
    use crate::detection::kinds::Room;
    use crate::detection::{Share, Window};

    fn asked() -> impl Strategy<Value = Counting> {
        let within = (1_u64..40, any::<bool>())
            .prop_map(|(seconds, tumbling)| Window { within: Duration::from_secs(seconds), tumbling });
        (0_u8..6, 1_u32..16, 0_i64..30, within).prop_map(|(kind, many, limit, within)| match kind {
            0 => Counting::Threshold { at_least: many, within },
            1 => Counting::Distinct { more_than: many, within },
            2 => Counting::Ratio { at_least: Share(500_000), among: many, within },
            3 => Counting::Percentile { rank: 60, more_than: limit / 4, among: many, within },
            4 => Counting::Amount { average: true, more_than: limit / 4, among: many, within },
            _ => Counting::Amount { average: false, more_than: limit, among: 1, within },
        })
    }

    proptest! {
        #[test]
        fn what_is_kept_side_by_side_comes_to_the_same(
            counting in asked(),
            // Mostly in order, now and then late.
            said in prop::collection::vec((0_i64..6, -3_i64..8), 1..60),
        ) {
            let room = || Room { spare: 1 << 20, spare_bare: 1 << 20, evicted: 0, common: false };
            let mut plain = unfolded(&counting, &[]);
            let (mut state, mut newest) = (None::<State>, 0);
            for (n, (step, value)) in said.into_iter().enumerate() {
                let late = if step == 5 { 7 } else { 0 };
                newest += step;
                let signal = signal_of(1, newest - late, value.cast_unsigned(), 0, n as u128);
                let state = state.get_or_insert_with(|| State::new(&counting, &signal));
                let one = state.observe(&counting, &signal, &mut room());
                let other = plain.observe(&counting, &signal, &mut room());
                prop_assert_eq!(format!("{one:?}"), format!("{other:?}"));
                prop_assert_eq!(state.until(&counting), plain.until(&counting));
                prop_assert_eq!(state.standing(&counting), plain.standing(&counting));
                let saved = postcard::to_stdvec(&*state).unwrap();
                *state = postcard::from_bytes(&saved).unwrap();
                if one.is_some() {
                    break;
                }
            }
        }
    }

    #[test]
    fn what_an_older_version_kept_of_one_event_reads_as_it_was() {
        let kept = State::Lone(Lone { value: 7, at: Timestamp::from_nanos(-1) });
        let bytes = postcard::to_stdvec(&kept).unwrap();
        assert_eq!(bytes, [17, 7, 1], "the variant, the value, the time");
    }

    #[test]
    fn an_address_with_four_requests_takes_little() {
        let within: Window = Duration::from_hours(2).into();
        for (counting, bytes) in [
            (Counting::Threshold { at_least: 1_000, within }, 32),
            (Counting::Distinct { more_than: 500, within }, 64),
            (Counting::Amount { average: false, more_than: 1_000_000, among: 1, within }, 64),
        ] {
            let signals = (0..4).map(|n| signal_of(1, n, n.cast_unsigned(), 0, n as u128));
            let mut room = Room { spare: 0, spare_bare: 0, evicted: 0, common: false };
            let state = signals.fold(None::<State>, |state, signal| {
                let mut state = state.unwrap_or_else(|| State::new(&counting, &signal));
                assert!(state.observe(&counting, &signal, &mut room).is_none());
                Some(state)
            });
            let Some(State::Few(Few(words))) = state else { panic!("{state:?}") };
            assert_eq!((size_of_val(&*words), size_of::<State>()), (bytes, 24));
        }
    }
}
