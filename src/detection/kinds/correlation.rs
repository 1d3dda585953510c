//! Correlation: have the events of several rules come together for this entity as a Sigma [`Plan`] says?
//!
//! Every event is told to the nodes of the plan, children first; a node whose condition holds at it is an event of
//! its parent's. Windows slide with each event. In order, a node remembers for each input the latest beginning of
//! a row that has come so far: that is all it takes to miss none. At most 10,000 times or values a node, and for
//! each input one time.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::detection::Signal;
use crate::detection::correlation_plan::{Input, Joint, Limit, Node, Plan};
use crate::detection::explain::said;
use crate::detection::in_words::{amount, in_words};
use crate::detection::stats::{Measures, Tally, Values};

use super::kept::Newest;
use super::sequence::took;
use super::{Cost, Firing, MOST_TIMES, Room};

/// Different values that a node tells apart at most; the oldest go first.
const MOST_VALUES: usize = 20_001;

/// How far one entity has come.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Correlation {
    nodes: Vec<Seen>,
    newest: Option<Timestamp>,
    kept: Newest,
}

/// What one node has seen.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Seen {
    /// Its events in the window.
    times: Tally,
    /// For each input, when it last happened; in order, when the row that ends there began.
    last: Vec<Option<Timestamp>>,
    values: Values,
    measures: Measures,
}

/// One event as a node sees it.
struct At<'a> {
    signal: &'a Signal,
    /// The place of the input that it is of.
    input: usize,
    newest: Timestamp,
}

impl Correlation {
    /// Takes in an event; returns what it completes.
    pub fn observe(&mut self, plan: &Plan, signal: &Signal, room: &mut Room) -> Option<Firing> {
        let newest = self.newest.map_or(signal.time, |newest| newest.max(signal.time));
        self.newest = Some(newest);
        self.nodes.resize_with(plan.nodes.len(), Seen::default);
        let mut happened = vec![None; plan.nodes.len()];
        for (number, node) in plan.nodes.iter().enumerate() {
            let is = |input: &Input| match input {
                Input::Step(step) => (*step == signal.step).then_some(signal.time),
                Input::Node(child) => happened.get(usize::from(*child)).copied().flatten(),
            };
            let mut first = None;
            for (input, begun) in node.inputs.iter().enumerate().filter_map(|(at, input)| Some((at, is(input)?))) {
                let at = At { signal, input, newest };
                first = first.max(self.nodes[number].take(node, &at, room).map(|first| first.min(begun)));
            }
            happened[number] = first;
        }
        let (root, seen) = (plan.nodes.last()?, self.nodes.last()?);
        let start = newest.minus(plan.span());
        let Some(first) = happened.last().copied().flatten() else {
            if seen.is_near(root) {
                self.kept.push(signal, room);
            }
            return None;
        };
        let (distinct, value) = (seen.distinct(root), seen.measured(root, signal));
        let kept = self.kept.take_since(start);
        let flips = root.is_row().then(|| took(first, signal.time)).flatten().into_iter().collect();
        Some(Firing { distinct, kept, value, flips, ..Firing::of(seen.times.total().max(1), first, newest) })
    }

    /// Says how far its nodes have come, the whole last.
    pub fn standing(&self, plan: &Plan) -> String {
        let Some(newest) = self.newest else { return "nothing has come yet".to_owned() };
        let whole = plan.nodes.len().saturating_sub(1);
        let of = |(number, (node, seen)): (usize, (&Node, &Seen))| match number {
            _ if whole == 0 => seen.standing(node, newest),
            _ if number == whole => format!("the whole: {}", seen.standing(node, newest)),
            _ => format!("correlation {}: {}", number + 1, seen.standing(node, newest)),
        };
        plan.nodes.iter().zip(&self.nodes).enumerate().map(of).collect::<Vec<_>>().join("; ")
    }

    /// Returns the last moment at which it can still matter.
    pub fn until(&self, span: Duration) -> Option<Timestamp> {
        self.newest.map(|at| at.plus(span))
    }

    /// Returns what it takes.
    pub fn cost(&self) -> Cost {
        let of = |seen: &Seen| seen.times.items() + seen.last.len() + seen.values.len() + seen.measures.len();
        Cost { items: self.nodes.iter().map(of).sum(), bytes: self.kept.bytes() }
    }
}

impl Seen {
    /// Takes in an event of one of its inputs; returns when what it completes began.
    fn take(&mut self, node: &Node, at: &At<'_>, room: &mut Room) -> Option<Timestamp> {
        let start = at.newest.minus(node.within);
        let now = at.signal.time;
        if now < start {
            return None;
        }
        self.times.add(now, MOST_TIMES);
        self.times.forget_before(start);
        let all = |limits: &[Limit], number: f64| Limit::all_hold(limits, number);
        let holds = match &node.joint {
            Joint::Count(limits) => all(limits, self.times.total() as f64),
            Joint::Values(limits) => {
                self.values.see(at.signal.value, now);
                self.values.forget_before(start);
                if self.values.len() > MOST_VALUES {
                    room.evicted += 1;
                    self.values.forget_oldest(self.values.len() - MOST_VALUES);
                }
                all(limits, self.values.len() as f64)
            }
            Joint::Together(least) => {
                self.saw(at.input, node.inputs.len(), now);
                return self.together(*least, start);
            }
            Joint::Ordered => return self.ordered(at.input, node, now),
            Joint::Sum(limits) => {
                self.measure(at, start, room);
                all(limits, self.measures.sum())
            }
            Joint::Average(limits) => {
                self.measure(at, start, room);
                all(limits, self.measures.sum() / self.measures.len().max(1) as f64)
            }
            Joint::Percentile(percent, limits) => {
                self.measure(at, start, room);
                self.measures.percentile(*percent).is_some_and(|number| all(limits, number))
            }
            Joint::Share(limits) => {
                let number = self.measure(at, start, room);
                all(limits, self.measures.share(number))
            }
        };
        let first = self.measures.first().or(self.times.first()).unwrap_or(now);
        holds.then_some(first)
    }

    fn measure(&mut self, at: &At<'_>, start: Timestamp, room: &mut Room) -> f64 {
        let number = f64::from_bits(at.signal.value);
        room.evicted += self.measures.add(at.signal.time, number);
        self.measures.forget_before(start);
        number
    }

    fn saw(&mut self, input: usize, inputs: usize, now: Timestamp) {
        self.last.resize(inputs, None);
        if let Some(last) = self.last.get_mut(input) {
            *last = (*last).max(Some(now));
        }
    }

    /// Returns when the first of at least `least` inputs happened that have all happened since `start`.
    fn together(&self, least: u32, start: Timestamp) -> Option<Timestamp> {
        let within = || self.last.iter().flatten().filter(|last| **last >= start);
        (within().count() >= least as usize).then(|| within().min().copied()).flatten()
    }

    /// Returns when the row began that this event of `input` completes.
    fn ordered(&mut self, input: usize, node: &Node, now: Timestamp) -> Option<Timestamp> {
        self.last.resize(node.inputs.len(), None);
        let begun = match input.checked_sub(1) {
            None => Some(now),
            Some(before) => self.last[before].filter(|begun| in_time(*begun, now, node.within)),
        }?;
        let row = &mut self.last[input];
        *row = (*row).max(Some(begun));
        let complete = input + 1 == node.inputs.len();
        complete.then_some(begun)
    }

    /// Tells whether little is missing, so that its events are worth keeping.
    fn is_near(&self, node: &Node) -> bool {
        let seen = self.last.iter().flatten().count();
        match node.joint {
            Joint::Together(_) | Joint::Ordered => seen + 2 > node.inputs.len().max(2),
            _ => self.times.total() > 1,
        }
    }

    /// Says how far it is from happening.
    fn standing(&self, node: &Node, newest: Timestamp) -> String {
        let (events, within) = (self.times.total(), in_words(node.within));
        let of_events = |what: String, limits: &[Limit]| {
            format!("{what} {events} events within {within}; it takes {}", said(limits))
        };
        match &node.joint {
            Joint::Count(limits) => format!("{events} events within {within}; it takes {}", said(limits)),
            Joint::Values(limits) => of_events(format!("{} different values in", self.values.len()), limits),
            Joint::Sum(limits) => of_events(format!("a sum of {} in", amount(self.measures.sum())), limits),
            Joint::Average(limits) => {
                let average = self.measures.sum() / self.measures.len().max(1) as f64;
                of_events(format!("an average of {} in", amount(average)), limits)
            }
            Joint::Percentile(percent, limits) => {
                let number = self.measures.percentile(*percent).unwrap_or_default();
                of_events(format!("percentile {percent} is {} in", amount(number)), limits)
            }
            Joint::Share(limits) => of_events("values counted in".to_owned(), limits),
            Joint::Together(least) => {
                format!("{} within {within}; it takes {least} of them", self.come(node, newest))
            }
            Joint::Ordered => format!("{} within {within}; it takes all, in this order", self.come(node, newest)),
        }
    }

    /// Says which of its inputs have come and still count.
    fn come(&self, node: &Node, newest: Timestamp) -> String {
        let of = |(place, input): (usize, &Input)| {
            let named = match input {
                Input::Step(step) => format!("rule {}", u32::from(*step) + 1),
                Input::Node(inner) => format!("correlation {}", u32::from(*inner) + 1),
            };
            let last = self.last.get(place).copied().flatten().filter(|at| in_time(*at, newest, node.within));
            format!("{named} {}", if last.is_some() { "has come" } else { "has not come" })
        };
        node.inputs.iter().enumerate().map(of).collect::<Vec<_>>().join(", ")
    }

    /// Returns what is held against the limits.
    fn measured(&self, node: &Node, signal: &Signal) -> f64 {
        match &node.joint {
            Joint::Count(_) => self.times.total() as f64,
            Joint::Values(_) => self.values.len() as f64,
            Joint::Together(_) | Joint::Ordered => self.distinct(node) as f64,
            Joint::Sum(_) => self.measures.sum(),
            Joint::Average(_) => self.measures.sum() / self.measures.len().max(1) as f64,
            Joint::Percentile(percent, _) => self.measures.percentile(*percent).unwrap_or_default(),
            Joint::Share(_) => self.measures.share(f64::from_bits(signal.value)),
        }
    }

    fn distinct(&self, node: &Node) -> u64 {
        match node.joint {
            Joint::Values(_) => self.values.len() as u64,
            Joint::Together(_) | Joint::Ordered => self.last.iter().flatten().count() as u64,
            _ => 1,
        }
    }
}

fn in_time(begun: Timestamp, now: Timestamp, within: Duration) -> bool {
    begun <= now && now <= begun.plus(within)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::detection::correlation_plan::Compare;
    use crate::detection::engine::trial::signal_of;

    use super::*;

    /// How long ago an event still counts, seconds.
    const WITHIN: i64 = 20;

    fn fired(joint: &Joint, inputs: u8, said: &[(i64, u8, u64)]) -> Vec<bool> {
        let node = Node {
            inputs: (0..inputs).map(Input::Step).collect(),
            joint: joint.clone(),
            within: Duration::from_secs(WITHIN.unsigned_abs()),
        };
        let plan = Plan { nodes: vec![node] };
        let mut state = Correlation::default();
        let mut room = Room { spare: 0, spare_bare: 0, evicted: 0, common: true };
        let signals = (0_u128..).zip(said);
        let signals = signals.map(|(n, &(at, step, value))| signal_of(1, at, value, step, n));
        signals.map(|signal| state.observe(&plan, &signal, &mut room).is_some()).collect()
    }

    /// The same, in so many words: every event is looked at anew.
    fn plainly(joint: &Joint, inputs: u8, said: &[(i64, u8, u64)]) -> Vec<bool> {
        let holds = |now: usize| {
            let (at, last, value) = said[now];
            let window: Vec<_> = said[..=now].iter().filter(|(time, ..)| *time >= at - WITHIN).collect();
            let numbers = || window.iter().map(|(_, _, value)| f64::from_bits(*value));
            match joint {
                Joint::Count(limits) => Limit::all_hold(limits, window.len() as f64),
                Joint::Values(limits) => {
                    let mut values: Vec<u64> = window.iter().map(|(_, _, value)| *value).collect();
                    values.sort_unstable();
                    values.dedup();
                    Limit::all_hold(limits, values.len() as f64)
                }
                Joint::Together(least) => {
                    (0..inputs).filter(|step| window.iter().any(|(_, own, _)| own == step)).count() >= *least as usize
                }
                Joint::Ordered => {
                    // Some row of events, each behind the one before, ends here.
                    let mut next = 0;
                    for (_, step, _) in &window {
                        next += u8::from(*step == next);
                    }
                    last + 1 == inputs && (next == inputs)
                }
                Joint::Sum(limits) => Limit::all_hold(limits, numbers().sum()),
                Joint::Average(limits) => Limit::all_hold(limits, numbers().sum::<f64>() / window.len() as f64),
                Joint::Percentile(..) => true,
                Joint::Share(limits) => {
                    let same = window.iter().filter(|(_, _, own)| *own == value).count();
                    Limit::all_hold(limits, 100.0 * same as f64 / window.len() as f64)
                }
            }
        };
        (0..said.len()).map(holds).collect()
    }

    proptest! {
        #[test]
        fn a_node_holds_where_looking_at_every_event_anew_says_so(
            mut said in prop::collection::vec((0_i64..60, 0_u8..3, 0_u8..6), 1..40), to in 1_u8..5,
        ) {
            said.sort_by_key(|said| said.0);
            let said: Vec<_> = said.into_iter().map(|(at, step, value)| (at, step, f64::from(value).to_bits())).collect();
            let limits = |how| vec![Limit::new(how, f64::from(to))];
            for joint in [
                Joint::Count(limits(Compare::AtLeast)),
                Joint::Count(vec![Limit::new(Compare::More, 1.0), Limit::new(Compare::AtMost, f64::from(to))]),
                Joint::Values(limits(Compare::AtLeast)),
                Joint::Together(3),
                Joint::Together(2),
                Joint::Ordered,
                Joint::Sum(limits(Compare::More)),
                Joint::Average(limits(Compare::Less)),
                Joint::Share(vec![Limit::new(Compare::AtMost, 25.0)]),
            ] {
                prop_assert_eq!(fired(&joint, 3, &said), plainly(&joint, 3, &said), "{:?}", joint);
            }
        }
    }

    #[test]
    fn a_plan_begins_with_what_its_first_input_begins_with() {
        let node = |inputs: Vec<Input>, joint| Node { inputs, joint, within: Duration::from_secs(1) };
        let many = node(vec![Input::Step(1)], Joint::Count(vec![Limit::new(Compare::AtLeast, 2.0)]));
        let plan = Plan { nodes: vec![many, node(vec![Input::Node(0), Input::Step(0)], Joint::Ordered)] };
        assert_eq!((plan.begins_with(1), plan.begins_with(0)), (true, false));
        assert_eq!(plan.span(), Duration::from_secs(2));
    }
}
