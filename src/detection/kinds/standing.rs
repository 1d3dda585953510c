//! How far is an entity from what makes its detector fire? In words, for `explain`.

use super::{Counting, State};

impl State {
    /// Says what is remembered of an entity, beside what it is held against.
    pub fn standing(&self, counting: &Counting) -> String {
        match (self, counting) {
            (Self::Lone(_) | Self::Few(_), counting) => {
                self.unfolded(counting).map(|state| state.standing(counting)).unwrap_or_default()
            }
            (Self::Threshold(state), &Counting::Threshold { at_least, within }) => state.standing(at_least, within),
            (Self::Distinct(state), &Counting::Distinct { more_than, within }) => state.standing(more_than, within),
            (Self::Ratio(state), &Counting::Ratio { at_least, among, within }) => {
                state.standing(at_least, among, within)
            }
            (Self::Amount(state), counting) => counting.asked().map(|asked| state.standing(asked)).unwrap_or_default(),
            (Self::Percentile(state), counting) => {
                counting.ranked().map(|asked| state.standing(asked)).unwrap_or_default()
            }
            (Self::Sequence(state), counting) => {
                counting.steps().map(|steps| state.standing(steps)).unwrap_or_default()
            }
            (Self::Together(state), counting) => {
                counting.steps().map(|steps| state.standing(steps)).unwrap_or_default()
            }
            (Self::FirstSeen(state), counting) => state.standing(counting),
            (Self::Absence(state), &Counting::Absence { after, at_least }) => state.standing(after, at_least),
            (Self::Unanswered(state), &Counting::Unanswered { within }) => state.standing(within),
            (Self::Baseline(state), &Counting::Baseline(asked)) => state.standing(asked),
            (Self::Usual(state), &Counting::Baseline(asked)) => state.standing(asked),
            (Self::Rhythm(state), &Counting::Rhythm { missing, learn, minutes }) => {
                state.standing(missing, minutes, learn)
            }
            (Self::Risk(state), &Counting::Risk(asked)) => state.standing(asked),
            (Self::Travel(state), &Counting::Travel(asked)) => state.standing(asked),
            (Self::Correlation(state), Counting::Correlation(plan)) => state.standing(plan),
            _ => "every matching event fires".to_owned(),
        }
    }
}
