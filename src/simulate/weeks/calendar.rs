//! Which days are like no others, and how busy is each kind of caller when?
//!
//! Nights, weekends and holidays are quiet for offices and busy for shops; a sale triples the shop's
//! requests for two days. All of it follows from the seed; a run too short for a thing goes
//! without it. It holds a handful of days.

use std::ops::Range;
use std::time::Duration;

use crate::clock::Timestamp;
use crate::simulate::rng::Rng;
use crate::simulate::traffic;

/// Who makes it busy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::simulate) enum Curve {
    /// Machines that never rest.
    Flat,
    /// Shoppers: evenings, weekends, sales.
    Shop,
    /// Offices: working hours of working days.
    Office,
}

/// The days of one run.
#[derive(Clone, Debug, Default)]
pub(in crate::simulate) struct Calendar {
    /// Midnight of the day on which the run begins: days are counted from there.
    midnight: Timestamp,
    /// Days on which no office works.
    holidays: Vec<u64>,
    /// The days of the sale.
    sale: Range<u64>,
    /// From when on the shop's new function is called.
    pub(in crate::simulate) released: Option<Timestamp>,
    /// From when on a new partner calls.
    pub(in crate::simulate) joined: Option<Timestamp>,
}

/// How busy an office is in each hour of a working day, in thousandths.
static OFFICE: [u64; 25] = [
    60, 60, 60, 60, 60, 90, 250, 600, 900, 1000, 1000, 950, 800, 900, 1000, 980, 900, 700, 400, 200, 120, 90, 70, 60,
    60,
];

impl Calendar {
    /// Returns the days of the run that `seed` makes.
    pub(in crate::simulate) fn new(seed: u64, run: &Range<Timestamp>) -> Self {
        let mut rng = Rng::new(seed, 5);
        let midnight = midnight(run.start);
        let days = run.end.since(midnight).as_secs() / 86_400;
        let day = |number: u64| midnight.plus(Duration::from_hours(24 * number));
        // A Friday and the Monday after it, as at Easter, in the second week or later.
        let week = rng.between(1, (days / 7).max(3) - 2);
        let friday = (0..7).find(|&past| weekday(day(7 * week + past)) == 4).unwrap_or(0) + 7 * week;
        let sale = rng.between(8, days.max(12) - 4);
        let hour = |number: u64, rng: &mut Rng| day(number).plus(Duration::from_secs(rng.between(32_400, 54_000)));
        Self {
            midnight,
            holidays: if days >= 14 { vec![friday, friday + 3] } else { Vec::new() },
            sale: if days >= 12 { sale..sale + 2 } else { 0..0 },
            released: (days >= 14).then(|| hour(rng.between(8, days - 3), &mut rng)),
            joined: (days >= 21).then(|| hour(rng.between(15, days - 3), &mut rng)),
        }
    }

    fn day(&self, at: Timestamp) -> u64 {
        at.since(self.midnight).as_secs() / 86_400
    }

    /// Returns when a second of a day is.
    pub(super) fn at(&self, day: u64, second: u64) -> Timestamp {
        self.midnight.plus(Duration::from_secs(day * 86_400 + second))
    }

    /// Returns the day of the week, Monday 0 to Sunday 6.
    pub(super) fn weekday(&self, day: u64) -> u64 {
        weekday(self.at(day, 0))
    }

    /// Tells whether offices work on this day.
    pub(super) fn works(&self, day: u64) -> bool {
        self.weekday(day) < 5 && !self.holidays.contains(&day)
    }

    /// Tells whether the shop has its sale.
    pub(super) fn on_sale(&self, at: Timestamp) -> bool {
        self.sale.contains(&self.day(at))
    }

    /// Returns how busy it is, in thousandths of a working day's busiest hour.
    pub(in crate::simulate) fn busy(&self, curve: Curve, at: Timestamp) -> u64 {
        let minute = at.nanos().div_euclid(60_000_000_000).rem_euclid(1_440) as u64;
        let between = |hours: &[u64; 25]| {
            let (hour, past) = ((minute / 60) as usize, minute % 60);
            (hours[hour] * (60 - past) + hours[hour + 1] * past) / 60
        };
        let free = !self.works(self.day(at));
        match curve {
            Curve::Flat => 1_000,
            Curve::Shop => {
                let busy = between(&traffic::BUSY) * if free { 6 } else { 5 } / 5;
                if self.on_sale(at) { busy * 3 } else { busy }
            }
            Curve::Office => between(&OFFICE) * if free { 1 } else { 8 } / 8,
        }
    }
}

/// Returns the midnight before `at`, UTC.
fn midnight(at: Timestamp) -> Timestamp {
    const DAY: i64 = 86_400_000_000_000;
    Timestamp::from_nanos(at.nanos().div_euclid(DAY).saturating_mul(DAY))
}

/// Returns the day of the week, Monday 0 to Sunday 6, UTC.
fn weekday(at: Timestamp) -> u64 {
    (at.nanos().div_euclid(86_400_000_000_000) + 3).rem_euclid(7) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-03-02T00:00:00Z, a Monday.
    const MONDAY: Timestamp = Timestamp::from_seconds(1_772_409_600);

    fn month() -> Calendar {
        Calendar::new(1, &(MONDAY..MONDAY.plus(Duration::from_hours(24 * 28))))
    }

    #[test]
    fn the_week_begins_on_monday() {
        assert_eq!(weekday(MONDAY), 0);
        assert_eq!(weekday(MONDAY.plus(Duration::from_hours(24 * 6))), 6);
    }

    #[test]
    fn a_holiday_is_a_friday_and_the_monday_after_it() {
        for seed in 0..20 {
            let month = Calendar::new(seed, &(MONDAY..MONDAY.plus(Duration::from_hours(24 * 28))));
            let weekdays: Vec<u64> = month.holidays.iter().map(|day| day % 7).collect();
            assert_eq!(weekdays, [4, 0], "{:?}", month.holidays);
            assert!(month.holidays.iter().all(|&day| !month.works(day) && day < 28));
            assert!(month.sale.end <= 28 && month.released.is_some() && month.joined.is_some());
        }
    }

    #[test]
    fn offices_rest_at_night_on_weekends_and_holidays_and_a_sale_triples_the_shop() {
        let month = month();
        let at = |day: u64, hour: u64| MONDAY.plus(Duration::from_hours(24 * day + hour));
        let noon = |curve, day| month.busy(curve, at(day, 10));
        assert!(month.busy(Curve::Office, at(1, 3)) * 10 < noon(Curve::Office, 1));
        assert!(noon(Curve::Office, 5) * 7 < noon(Curve::Office, 1));
        assert!(noon(Curve::Office, month.holidays[0]) * 7 < noon(Curve::Office, 1));
        assert!(noon(Curve::Shop, month.sale.start) >= noon(Curve::Shop, 1) * 3);
        assert_eq!(noon(Curve::Flat, 5), noon(Curve::Flat, 1));
    }
}
