//! Did more open in this hour than is usual, and in which hour?
//!
//! The alerts that opened in each of the last 24 hours, or in each six hours of seven days, as a picture that is drawn
//! here and needs no script: each bar is a link to what opened then. A sentence says when the last hour stands
//! out: at least ten of medium and more, and more than three times as many as in any of the 23 before. At most
//! 50,000 alerts are looked at, the newest.

use std::time::Duration;

use super::super::filter::Filter;
use super::super::words::grouped;
use crate::alerts::{Level, Line, Term};
use crate::clock::Timestamp;

/// Alerts that are looked at.
pub(super) const MOST: usize = 50_000;
const HOUR: Duration = Duration::from_hours(1);
const HOURS: usize = 24;
/// How many alerts of medium and more make a surge, and how many times as many as before.
const LEAST: usize = 10;
const TIMES: usize = 3;
/// The picture's height, and the width of a bar in it.
const HEIGHT: usize = 48;
const WIDTH: usize = 20;

/// One part of a bar, in the picture's units.
pub(super) struct Part {
    pub(super) level: &'static str,
    pub(super) x: usize,
    pub(super) y: usize,
    pub(super) height: usize,
}

/// One bar, and the list of what opened then.
pub(super) struct Bar {
    pub(super) x: usize,
    pub(super) title: String,
    pub(super) from: String,
    pub(super) to: String,
    /// Its query string.
    pub(super) address: String,
    /// Whether the list is of this time.
    pub(super) chosen: bool,
    pub(super) last: bool,
}

/// What opened in the last 24 hours, or seven days.
pub(super) struct Hours {
    pub(super) parts: Vec<Part>,
    pub(super) bars: Vec<Bar>,
    pub(super) width: usize,
    pub(super) says: String,
    /// How long ago the first bar begins.
    pub(super) begins: &'static str,
    /// The query string of the same list over the other range, and what that is called.
    pub(super) other: (String, &'static str),
    /// The question of a list by when alerts opened, but for that.
    pub(super) base: String,
    pub(super) week: bool,
    pub(super) surge: Option<String>,
}

/// Counts of one bar or hour, by level.
type Count = [usize; Level::ALL.len()];

/// How many bars of which length are shown.
const fn bars(week: bool) -> (usize, Duration) {
    if week { (28, Duration::from_hours(6)) } else { (HOURS, HOUR) }
}

/// Returns where the last bar ends: at the full hour to come, or the next quarter of a day.
fn end(now: Timestamp, length: Duration) -> Timestamp {
    let (now, length) = (now.nanos(), i64::try_from(length.as_nanos()).unwrap_or(i64::MAX));
    Timestamp::from_nanos(now.saturating_add(length - 1).div_euclid(length).saturating_mul(length))
}

impl Hours {
    pub(super) const HEIGHT: usize = HEIGHT;
    pub(super) const BAR: usize = WIDTH;

    /// Returns since when alerts are looked at.
    pub(super) fn since(now: Timestamp, week: bool) -> Timestamp {
        let (many, length) = bars(week);
        // A surge is looked for in the 24 hours up to this moment.
        end(now, length).minus(length * many as u32).min(now.minus(HOUR * HOURS as u32))
    }

    /// Returns what `opened` comes to.
    pub(super) fn of(opened: &[(Timestamp, Level)], filter: &Filter, now: Timestamp) -> Self {
        let (many_bars, length) = bars(filter.week);
        let end = end(now, length);
        let counts = counted(opened, end, length, many_bars);
        let base = base(filter);
        let asked = filter.query(0).about.opened;
        let most = counts.iter().map(|count| count.iter().sum::<usize>()).max().unwrap_or_default().max(1);
        let mut shown = Self {
            parts: Vec::new(),
            bars: Vec::new(),
            width: WIDTH * many_bars,
            says: said(&counts, opened.len(), filter.week),
            begins: if filter.week { "7 days ago" } else { "24 h ago" },
            other: other(filter),
            base: base.to_string(),
            week: filter.week,
            surge: surge(&counted(opened, now, HOUR, HOURS)),
        };
        for (at, count) in counts.iter().enumerate() {
            let mut top = HEIGHT;
            // The worst stands at the bottom, where bars are compared.
            for (level, many) in Level::ALL.into_iter().zip(count).rev().filter(|(_, many)| **many > 0) {
                // What is there is seen, however few.
                let height = (many * HEIGHT / most).max(1).min(top);
                top -= height;
                shown.parts.push(Part { level: level.name(), x: at * WIDTH, y: top, height });
            }
            let from = end.minus(length * (many_bars - at) as u32);
            let to = from.plus(length);
            let title = format!("{} from {}", many(count.iter().sum()), from.to_chrono().format("%-d %B %H:%M UTC"));
            let span = Term::new("opened", format!("{from}..{to}"));
            shown.bars.push(Bar {
                x: at * WIDTH,
                title,
                from: from.to_string(),
                to: to.to_string(),
                address: filter.address_of(&base.with(span)),
                chosen: asked != (None, None)
                    && asked.0.is_none_or(|asked| from >= asked)
                    && asked.1.is_none_or(|asked| to <= asked),
                last: at + 1 == many_bars,
            });
        }
        shown
    }
}

/// Returns the question of a view without when alerts opened: in any state, if it names none, as the bars are.
fn base(filter: &Filter) -> Line {
    let base = filter.line.without_name("opened");
    if base.asks_by("state") { base } else { base.with(Term::new("state", "all")) }
}

fn other(filter: &Filter) -> (String, &'static str) {
    let mut other = filter.clone();
    other.week = !filter.week;
    (other.address(), if filter.week { "24 hours" } else { "7 days" })
}

/// Counts what opened in each of `many` stretches that end at `end`.
fn counted(opened: &[(Timestamp, Level)], end: Timestamp, length: Duration, many: usize) -> Vec<Count> {
    let mut counts = vec![Count::default(); many];
    for (at, level) in opened {
        let back = (end.since(*at).as_nanos().saturating_sub(1) / length.as_nanos()) as usize;
        if let Some(count) = many.checked_sub(back + 1).and_then(|at| counts.get_mut(at)) {
            count[*level as usize] += 1;
        }
    }
    counts
}

fn said(counts: &[Count], looked_at: usize, week: bool) -> String {
    let all: usize = counts.iter().flatten().sum();
    let range = if week { "7 days" } else { "24 hours" };
    match all {
        0 => format!("No alert opened in the last {range}"),
        all if looked_at >= MOST => format!("More than {} opened in the last {range}: the newest are shown", many(all)),
        all => format!("{} opened in the last {range}", many(all)),
    }
}

fn many(count: usize) -> String {
    match count {
        1 => "1 alert".to_owned(),
        count => format!("{} alerts", grouped(count as u64)),
    }
}

/// Says that the last hour stands out, if it does.
fn surge(counts: &[Count]) -> Option<String> {
    let grave = |hour: &Count| hour[Level::Medium as usize..].iter().sum::<usize>();
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
        let hours = Hours::of(&all, &Filter::default(), NOW);
        let parts: Vec<_> = hours.parts.iter().map(|part| (part.level, part.x, part.y, part.height)).collect();
        assert_eq!(parts, [("high", 0, 24, 24), ("critical", 460, 12, 36), ("low", 460, 0, 12)]);
        assert_eq!(hours.says, "6 alerts opened in the last 24 hours");
        assert!(hours.surge.is_none());
        for none in [vec![], opened(30, 5, Level::High)] {
            let hours = Hours::of(&none, &Filter::default(), NOW);
            assert_eq!((hours.parts.len(), hours.says.as_str()), (0, "No alert opened in the last 24 hours"));
        }
    }

    fn view(question: &str, week: bool) -> Filter {
        let range = if week { "7d" } else { "" };
        Filter::of(&[("q".into(), question.into()), ("range".into(), range.into())], NOW, None)
    }

    #[test]
    fn a_bar_is_a_link_to_what_opened_then_in_any_state_and_the_chosen_ones_are_marked() {
        let later = NOW.plus(Duration::from_mins(5));
        let hours = Hours::of(&[], &view("app:a opened:2026-11-23T12:00:00Z..2026-11-23T14:00:00Z", false), later);
        let chosen: Vec<&str> = hours.bars.iter().filter(|bar| bar.chosen).map(|bar| bar.from.as_str()).collect();
        assert_eq!(chosen, ["2026-11-23T12:00:00Z", "2026-11-23T13:00:00Z"]);
        let last = hours.bars.last().unwrap();
        assert_eq!(
            (last.from.as_str(), last.title.as_str()),
            ("2026-11-23T14:00:00Z", "0 alerts from 23 November 14:00 UTC")
        );
        assert_eq!(last.address, "q=app:a%20state:all%20opened:2026-11-23T14:00:00Z..2026-11-23T15:00:00Z");
        assert_eq!((hours.base.as_str(), hours.bars.len()), ("app:a state:all", 24));
        assert!(Hours::of(&[], &view("state:open", false), NOW).base == "state:open");
    }

    #[test]
    fn seven_days_are_bars_of_six_hours() {
        let hours = Hours::of(&opened(100, 2, Level::Low), &view("", true), NOW);
        assert_eq!((hours.bars.len(), hours.says.as_str()), (28, "2 alerts opened in the last 7 days"));
        assert!(hours.bars[0].address.ends_with("&range=7d") && !hours.other.0.contains("range"));
    }

    #[test]
    fn a_surge_is_far_more_than_any_hour_before_and_of_medium_and_more() {
        let before = opened(5, 3, Level::Medium);
        let surge =
            |level, many| Hours::of(&[before.clone(), opened(0, many, level)].concat(), &Filter::default(), NOW).surge;
        assert!(surge(Level::High, 10).unwrap().contains("10 alerts of medium level"));
        assert!(surge(Level::High, 9).is_none() && surge(Level::Low, 50).is_none());
    }
}
