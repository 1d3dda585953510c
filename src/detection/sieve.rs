//! Which of a list's conditions may an event fulfil at all?
//!
//! What each of them [`Needs`] stands here by columns: for each status, reason and missing field a bit a
//! condition, so that one look at each column tells all of them apart. It lets through what the needs would,
//! but for how paths begin and end.

use crate::telemetry::Reason;

use super::needs::{Has, Needs, OTHER};
use super::words::Gated;

/// Needs of a list of conditions, by columns of 64 conditions a word.
#[derive(Clone, Debug, Default)]
pub(super) struct Sieve {
    words: usize,
    /// Which of the columns of statuses each status has.
    status: Vec<u16>,
    statuses: Vec<u64>,
    reasons: Vec<u64>,
    /// For each field that one of them needs: those that do.
    fields: Vec<(u128, Vec<u64>)>,
    /// For each gate, those that need no word which it looks for.
    calm: [Vec<u64>; Gated::ALL.len()],
}

impl Sieve {
    /// Returns the sieve of conditions that need this.
    pub(super) fn of(list: &[&Needs]) -> Self {
        let words = list.len().div_ceil(64);
        let column = |holds: &dyn Fn(&Needs) -> bool| {
            let mut column = vec![0_u64; words];
            for (place, _) in list.iter().enumerate().filter(|(_, needs)| holds(needs)) {
                column[place / 64] |= 1 << (place % 64);
            }
            column
        };
        let mut columns: Vec<Vec<u64>> = Vec::new();
        let mut number = |status: usize| {
            let column = column(&|needs| needs.takes_status(status));
            let place = columns.iter().position(|known| *known == column).unwrap_or_else(|| {
                columns.push(column);
                columns.len() - 1
            });
            // No more than statuses.
            place as u16
        };
        let status: Vec<u16> = (0..=OTHER).map(&mut number).collect();
        let reasons = Reason::ALL.iter().flat_map(|reason| column(&|needs| needs.takes_reason(*reason)));
        let asked = list.iter().fold(0, |asked, needs| asked | needs.fields());
        let bits = (0..u128::BITS).map(|bit| 1_u128 << bit).filter(|bit| asked & bit != 0);
        Self {
            words,
            status,
            statuses: columns.concat(),
            reasons: reasons.collect(),
            fields: bits.map(|bit| (bit, column(&|needs| needs.fields() & bit != 0))).collect(),
            calm: Gated::ALL.map(|gate| column(&|needs| !needs.is_sought(gate))),
        }
    }

    /// Returns how many words of conditions there are.
    pub(super) fn words(&self) -> usize {
        self.words
    }

    /// Returns which conditions of the `word`th 64 an event with `has` may fulfil.
    #[inline]
    pub(super) fn may(&self, has: &Has, word: usize) -> u64 {
        let status = usize::from(self.status.get(has.status()).copied().unwrap_or_default());
        let mut may = self.statuses[status * self.words + word] & self.reasons[has.reason() * self.words + word];
        for (gate, column) in Gated::ALL.into_iter().zip(&self.calm) {
            if !has.calm().and(gate).is_none() {
                may &= column[word];
            }
        }
        for (field, column) in &self.fields {
            if !has.has(*field) {
                may &= !column[word];
            }
        }
        may
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detection::condition::Condition;
    use crate::telemetry::Field;

    #[test]
    fn however_many_different_statuses_are_asked_for_none_is_let_through_for_another() {
        let of = |status: i64| Needs::of(&Condition::Number(Field::ResponseStatus, vec![status]));
        let all: Vec<Needs> = (100..600).map(of).collect();
        let sieve = Sieve::of(&all.iter().collect::<Vec<_>>());
        for has in super::super::needs::sample_events().into_iter().filter(|has| has.status() < OTHER) {
            let let_through: Vec<usize> =
                (0..all.len()).filter(|place| sieve.may(&has, place / 64) >> (place % 64) & 1 == 1).collect();
            let wanted: Vec<usize> = has.status().checked_sub(100).filter(|place| *place < 500).into_iter().collect();
            assert_eq!(let_through, wanted);
        }
    }

    #[test]
    fn a_sieve_lets_through_what_the_needs_do() {
        let all = super::super::needs::samples();
        for needs in [&all[..], &all[..1], &[]] {
            let list: Vec<&Needs> = needs.iter().collect();
            let sieve = Sieve::of(&list);
            assert_eq!(sieve.words(), list.len().div_ceil(64));
            for has in super::super::needs::sample_events() {
                let let_through: Vec<bool> =
                    (0..list.len()).map(|place| sieve.may(&has, place / 64) >> (place % 64) & 1 == 1).collect();
                let wanted: Vec<bool> = list.iter().map(|needs| needs.are_met(&has)).collect();
                assert_eq!(let_through, wanted);
            }
        }
    }
}
