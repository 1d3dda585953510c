//! Did more open in this hour than is usual?
//!
//! The alerts that opened in each of the last 24 hours, as a picture that is drawn here and needs no
//! script, and a sentence when the last hour stands out: at least ten of medium and more, and more than
//! three times as many as in any of the 23 before. At most 20,000 alerts are looked at, the newest.

use std::time::Duration;

use super::super::words::grouped;
use crate::alerts::Level;
use crate::clock::Timestamp;

/// Alerts that are looked at.
pub(super) const MOST: usize = 20_000;
const HOUR: Duration = Duration::from_hours(1);
const HOURS: usize = 24;
/// How many alerts of medium and more make a surge, and how many times as many as before.
const LEAST: usize = 10;
const TIMES: usize = 3;
/// The picture's height, and the width of an hour in it.
const HEIGHT: usize = 48;
const WIDTH: usize = 20;

/// One part of a bar, in the picture's units.
pub(super) struct Part {
    pub(super) level: &'static str,
    pub(super) x: usize,
    pub(super) y: usize,
    pub(super) height: usize,
}

/// What opened in the last 24 hours.
pub(super) struct Hours {
    pub(super) parts: Vec<Part>,
    /// What each hour says, and where it begins in the picture.
    pub(super) titles: Vec<(usize, String)>,
    pub(super) says: String,
    pub(super) surge: Option<String>,
}

impl Hours {
    pub(super) const WIDTH: usize = WIDTH * HOURS;
    pub(super) const HEIGHT: usize = HEIGHT;

    /// Returns since when alerts are looked at.
    pub(super) fn since(now: Timestamp) -> Timestamp {
        now.minus(HOUR * HOURS as u32)
    }

    /// Returns what `opened` comes to; `None` of nothing.
    pub(super) fn of(opened: &[(Timestamp, Level)], now: Timestamp) -> Option<Self> {
        let mut counts = [[0_usize; Level::ALL.len()]; HOURS];
        for (at, level) in opened {
            let back = (now.since(*at).as_secs() / HOUR.as_secs()) as usize;
            if let Some(hour) = HOURS.checked_sub(back + 1) {
                counts[hour][*level as usize] += 1;
            }
        }
        let sum = |hour: &[usize; Level::ALL.len()]| hour.iter().sum::<usize>();
        let most = counts.iter().map(sum).max().filter(|most| *most > 0)?;
        let mut parts = Vec::new();
        let mut titles = Vec::new();
        for (hour, count) in counts.iter().enumerate() {
            let mut top = HEIGHT;
            // The worst stands at the bottom, where bars are compared.
            for (level, many) in Level::ALL.into_iter().zip(count).rev().filter(|(_, many)| **many > 0) {
                // What is there is seen, however few.
                let height = (many * HEIGHT / most).max(1).min(top);
                top -= height;
                parts.push(Part { level: level.name(), x: hour * WIDTH, y: top, height });
            }
            let from = now.minus(HOUR * (HOURS - hour) as u32);
            titles.push((hour * WIDTH, format!("{} from {}", many(sum(count)), from.to_chrono().format("%H:%M UTC"))));
        }
        let all: usize = counts.iter().map(sum).sum();
        Some(Self { parts, titles, says: format!("{} opened in the last 24 hours", many(all)), surge: surge(&counts) })
    }
}

fn many(count: usize) -> String {
    match count {
        1 => "1 alert".to_owned(),
        count => format!("{} alerts", grouped(count as u64)),
    }
}

/// Says that the last hour stands out, if it does.
fn surge(counts: &[[usize; Level::ALL.len()]; HOURS]) -> Option<String> {
    let grave = |hour: &[usize; Level::ALL.len()]| hour[Level::Medium as usize..].iter().sum::<usize>();
    let (now, before) = counts.split_last()?;
    let (now, most) = (grave(now), before.iter().map(grave).max().unwrap_or_default());
    let before = if most == 0 { "none in any".to_owned() } else { format!("at most {} in each", grouped(most as u64)) };
    (now >= LEAST && now > TIMES * most).then(|| {
        let now = many(now);
        format!("A surge: {now} of medium level and more opened within the last hour, {before} of the 23 hours before.")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dashboard::pages::samples::NOW;

    fn opened(hours_ago: u64, many: usize, level: Level) -> Vec<(Timestamp, Level)> {
        vec![(NOW.minus(Duration::from_secs(hours_ago * 3_600 + 60)), level); many]
    }

    #[test]
    fn each_hour_is_a_bar_whose_worst_stands_at_the_bottom() {
        let all = [opened(0, 3, Level::Critical), opened(0, 1, Level::Low), opened(23, 2, Level::High)].concat();
        let hours = Hours::of(&all, NOW).unwrap();
        let parts: Vec<_> = hours.parts.iter().map(|part| (part.level, part.x, part.y, part.height)).collect();
        assert_eq!(parts, [("high", 0, 24, 24), ("critical", 460, 12, 36), ("low", 460, 0, 12)]);
        assert_eq!(hours.says, "6 alerts opened in the last 24 hours");
        assert!(hours.surge.is_none());
        assert!(Hours::of(&[], NOW).is_none() && Hours::of(&opened(30, 5, Level::High), NOW).is_none());
    }

    #[test]
    fn a_surge_is_far_more_than_any_hour_before_and_of_medium_and_more() {
        let before = opened(5, 3, Level::Medium);
        let surge = |level, many| Hours::of(&[before.clone(), opened(0, many, level)].concat(), NOW).unwrap().surge;
        assert!(surge(Level::High, 10).unwrap().contains("10 alerts of medium level"));
        assert!(surge(Level::High, 9).is_none() && surge(Level::Low, 50).is_none());
    }
}
