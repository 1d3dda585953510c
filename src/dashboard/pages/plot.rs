//! What does an alert's measure look like beside its limit?
//!
//! Drawn here as SVG from the numbers that the alert keeps, so that it needs no script and is the same tomorrow;
//! the same numbers stand in a table below. Three forms: how a count rose to its limit, a value beside what was
//! expected, and moments on a line of time. Of one event that is enough by itself there is no plot. At most as
//! many marks as an alert keeps events.

use std::time::Duration;

use super::super::words::grouped;
use crate::alerts::{Alert, Because, Limit, Measure};
use crate::clock::Timestamp;

/// The drawing's width; it is shown at most so wide, and scrolls in its box where there is less room.
const WIDTH: f64 = 440.0;
/// From the left and right edge to what is drawn.
const EDGE: f64 = 12.0;
/// Where the line of time lies in a drawing that rises.
const FLOOR: f64 = 150.0;
/// How close two lines may be and have their words both.
const APART: f64 = 18.0;

/// A rectangle.
pub(super) struct Area {
    pub(super) class: &'static str,
    pub(super) x: String,
    pub(super) y: String,
    pub(super) width: String,
    pub(super) height: String,
}

/// A line from one point to another, or through several.
pub(super) struct Line {
    pub(super) class: &'static str,
    pub(super) points: String,
}

/// A moment.
pub(super) struct Dot {
    pub(super) class: &'static str,
    pub(super) x: String,
    pub(super) y: String,
    pub(super) says: String,
}

/// Words beside what is drawn.
pub(super) struct Word {
    /// `start`, `middle` or `end`.
    pub(super) anchor: &'static str,
    pub(super) class: &'static str,
    pub(super) x: String,
    pub(super) y: String,
    pub(super) says: String,
}

/// What is drawn, and the numbers of it.
pub(super) struct Plot {
    pub(super) says: String,
    pub(super) height: u32,
    pub(super) areas: Vec<Area>,
    pub(super) lines: Vec<Line>,
    pub(super) dots: Vec<Dot>,
    pub(super) words: Vec<Word>,
    /// What, and how much or when.
    pub(super) rows: Vec<(String, String)>,
}

/// Puts values where they lie in the drawing.
struct Scale {
    from: f64,
    to: f64,
    start: f64,
    end: f64,
}

impl Scale {
    fn at(&self, value: f64) -> f64 {
        let part = (value - self.from) / (self.to - self.from).max(f64::MIN_POSITIVE);
        self.start + part.clamp(0.0, 1.0) * (self.end - self.start)
    }
}

impl Plot {
    pub(super) const WIDTH: u32 = WIDTH as u32;

    /// Returns the plot of what `alert` rests on, if there is something to see.
    pub(super) fn of(alert: &Alert) -> Option<Self> {
        let because = alert.because.as_ref()?;
        let finite = [because.value, because.peak].into_iter().all(|value| value.is_finite() && value >= 0.0);
        let limits = match because.limit {
            Limit::AtLeast(limit) | Limit::MoreThan(limit) => limit.is_finite(),
            Limit::Band(from, to) => from.is_finite() && to.is_finite() && from <= to,
        };
        if !finite || !limits {
            return None;
        }
        let mut plot = match because.measure {
            _ if matches!(because.limit, Limit::Band(..)) => Self::beside(because),
            Measure::Events | Measure::Values | Measure::Sum | Measure::Risk => Self::rise(alert, because),
            Measure::Share
            | Measure::Average
            | Measure::Percentile(_)
            | Measure::Usual
            | Measure::Speed
            | Measure::Bulk => Self::beside(because),
            Measure::Silence => Self::silence(because),
            Measure::Event | Measure::Steps | Measure::Unanswered | Measure::Unseen => Self::moments(alert, because)?,
        };
        plot.numbers(alert, because);
        Some(plot)
    }

    fn empty(height: u32) -> Self {
        let (areas, lines, dots) = (Vec::new(), Vec::new(), Vec::new());
        Self { says: String::new(), height, areas, lines, dots, words: Vec::new(), rows: Vec::new() }
    }

    /// A count that rose to its limit.
    fn rise(alert: &Alert, because: &Because) -> Self {
        let mut plot = Self::empty(190);
        let most = because.peak.max(because.value).max(upper(because.limit)).max(1.0);
        let span = seconds(because.from, because.to).max(0.001);
        let time = Scale { from: 0.0, to: span * 1.04, start: EDGE, end: WIDTH - EDGE };
        let value = Scale { from: 0.0, to: most * 1.15, start: FLOOR, end: 14.0 };
        let first = if matches!(because.measure, Measure::Events | Measure::Values) { 1.0 } else { 0.0 };
        let mut points = vec![(0.0, first)];
        if let Some(earlier) = because.earlier.filter(|earlier| earlier.limit < because.value && earlier.limit > first)
        {
            points.push(((span - earlier.by.as_secs_f64()).max(0.0), earlier.limit));
        }
        points.push((span, because.value));
        let at: Vec<(f64, f64)> = points.iter().map(|(x, y)| (time.at(*x), value.at(*y))).collect();
        let (x, y) = (time.at(span), value.at(because.value));
        plot.level("limit", value.at(upper(because.limit)), (EDGE, WIDTH - EDGE));
        plot.line("floor", &[(EDGE, FLOOR), (WIDTH - EDGE, FLOOR)]);
        plot.line("value", &at);
        let limit = value.at(upper(because.limit));
        plot.word("start", "limit", (EDGE, limit - 5.0), fires(because));
        if because.peak > because.value {
            let peak = value.at(because.peak);
            plot.level("peak", peak, (EDGE, WIDTH - EDGE));
            if (peak - limit).abs() > APART {
                plot.word("start", "soft", (EDGE, peak - 5.0), format!("{} at most since", because.said(because.peak)));
            }
        }
        plot.ticks(alert, because, &time, FLOOR);
        plot.dot("fired", (x, y), format!("fired at {}", clock(because.to)));
        // Below the moment, where the line that rises to it has left room.
        plot.word("end", "strong", (WIDTH - EDGE, f64::midpoint(y, FLOOR) + 4.0), because.value_said());
        plot.axis(because.from, because.to, FLOOR + 20.0);
        plot.says = format!(
            "From {} to {} it rose to {}; it {}.",
            clock(because.from),
            clock(because.to),
            because.value_said(),
            fires(because)
        );
        plot
    }

    /// A value beside what was expected, or beside its limit.
    fn beside(because: &Because) -> Self {
        let mut plot = Self::empty(96);
        let most = because.peak.max(because.value).max(upper(because.limit)).max(f64::MIN_POSITIVE);
        let to = if because.measure == Measure::Share { 1.0 } else { most * 1.12 };
        let scale = Scale { from: 0.0, to, start: EDGE, end: WIDTH - EDGE };
        let (top, tall) = (34.0, 26.0);
        plot.area("track", (EDGE, top), (WIDTH - 2.0 * EDGE, tall));
        match because.limit {
            Limit::Band(from, to) => {
                plot.area("band", (scale.at(from), top), ((scale.at(to) - scale.at(from)).max(2.0), tall));
                let anchor = near(scale.at(to));
                plot.word(
                    anchor,
                    "good",
                    (scale.at(to), top + tall + 18.0),
                    format!("expected {}", because.limit_said()),
                );
            }
            Limit::AtLeast(limit) | Limit::MoreThan(limit) => {
                plot.line("limit", &[(scale.at(limit), top - 4.0), (scale.at(limit), top + tall + 4.0)]);
                plot.word(near(scale.at(limit)), "limit", (scale.at(limit), top + tall + 18.0), fires(because));
            }
        }
        let x = scale.at(because.value);
        plot.area("bar", (EDGE, top + 8.0), ((x - EDGE).max(1.0), tall - 16.0));
        plot.dot("fired", (x, top + tall / 2.0), format!("fired at {}", clock(because.to)));
        plot.word(near(x), "strong", (x, top - 10.0), because.value_said());
        if because.peak > because.value {
            let peak = scale.at(because.peak);
            plot.line("peak", &[(peak, top - 2.0), (peak, top + tall + 2.0)]);
        }
        plot.says = match because.limit {
            Limit::Band(..) => format!("It was {}; {} was expected.", because.value_said(), because.limit_said()),
            _ => format!("It was {}; it {}.", because.value_said(), fires(because)),
        };
        plot
    }

    /// How long nothing was heard.
    fn silence(because: &Because) -> Self {
        let mut plot = Self::empty(96);
        let span = seconds(because.from, because.to).max(because.value).max(0.001);
        let time = Scale { from: 0.0, to: span, start: EDGE + 8.0, end: WIDTH - EDGE - 8.0 };
        let (top, tall) = (34.0, 26.0);
        let (from, to) = (time.at(0.0), time.at(span));
        plot.area("silent", (from, top), (to - from, tall));
        plot.dot("event", (from, top + tall / 2.0), format!("last heard at {}", clock(because.from)));
        plot.dot("fired", (to, top + tall / 2.0), format!("fired at {}", clock(because.to)));
        plot.word(
            "middle",
            "strong",
            (f64::midpoint(from, to), top - 10.0),
            format!("nothing heard for {}", because.value_said()),
        );
        plot.axis(because.from, because.to, top + tall + 20.0);
        plot.says = format!("From {} to {} nothing was heard.", clock(because.from), clock(because.to));
        plot
    }

    /// Moments on a line of time: steps, or a thing that was never seen before.
    fn moments(alert: &Alert, because: &Because) -> Option<Self> {
        let times: Vec<Timestamp> = alert.evidence.iter().map(|one| one.time).collect();
        let first = times.iter().copied().chain([because.from]).min()?;
        let last = times.iter().copied().chain([because.to]).max()?;
        let span = seconds(first, last);
        if span < 0.001 || (because.measure == Measure::Event && times.len() < 2) {
            return None;
        }
        let mut plot = Self::empty(104);
        let time = Scale { from: 0.0, to: span, start: EDGE + 8.0, end: WIDTH - EDGE - 8.0 };
        let middle = 52.0;
        plot.line("floor", &[(EDGE, middle), (WIDTH - EDGE, middle)]);
        let fired = time.at(seconds(first, because.to));
        plot.line("limit", &[(fired, middle - 20.0), (fired, middle + 12.0)]);
        let how = match because.measure {
            Measure::Unseen => "new, and fired",
            // Another detector had opened the alert.
            _ if because.to != alert.opened_at => "this detector fired",
            _ => "fired",
        };
        plot.word(near(fired), "strong", (fired, middle - 26.0), format!("{how} {}", clock(because.to)));
        if times.iter().all(|at| *at != because.from) {
            plot.dot(
                "event",
                (time.at(seconds(first, because.from)), middle),
                format!("the first, {}", clock(because.from)),
            );
        }
        let steps = because.measure == Measure::Steps;
        for (n, at) in times.iter().enumerate() {
            let says = if steps { format!("step event {} at {}", n + 1, clock(*at)) } else { clock(*at) };
            plot.dot("event", (time.at(seconds(first, *at)), middle), says);
        }
        plot.axis(first, last, middle + 34.0);
        plot.says = format!(
            "{} from {} to {}; it fired at {}.",
            if times.len() == 1 {
                "One event is kept,".to_owned()
            } else {
                format!("{} events are kept,", times.len())
            },
            clock(first),
            clock(last),
            clock(because.to)
        );
        Some(plot)
    }

    /// The numbers of what is drawn.
    fn numbers(&mut self, alert: &Alert, because: &Because) {
        let mut row = |what: &str, says: String| self.rows.push((what.to_owned(), says));
        row("first event that was measured", because.from.to_string());
        if let Some(earlier) = because.earlier {
            let at = because.to.minus(earlier.by);
            row(&format!("{} at the latest", because.said(earlier.limit)), at.to_string());
        }
        row("fired", because.to.to_string());
        row("measured then", because.value_said());
        if because.peak > because.value {
            row("at most since", because.said(because.peak));
        }
        match because.limit {
            Limit::Band(..) => row("expected", because.limit_said()),
            _ => row("limit", because.limit_said()),
        }
        row("events that were measured", grouped(because.events));
        for one in &alert.evidence {
            row("an event that is kept", one.time.to_string());
        }
    }

    fn ticks(&mut self, alert: &Alert, because: &Because, time: &Scale, floor: f64) {
        for one in &alert.evidence {
            let since = seconds(because.from, one.time);
            if one.time >= because.from && since <= time.to {
                self.dot("event", (time.at(since), floor), format!("an event that is kept, {}", clock(one.time)));
            }
        }
    }

    fn axis(&mut self, from: Timestamp, to: Timestamp, y: f64) {
        self.word("start", "soft", (EDGE, y), clock(from));
        self.word("end", "soft", (WIDTH - EDGE, y), clock(to));
    }

    fn level(&mut self, class: &'static str, y: f64, (from, to): (f64, f64)) {
        self.line(class, &[(from, y), (to, y)]);
    }

    fn line(&mut self, class: &'static str, points: &[(f64, f64)]) {
        let points: Vec<String> = points.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
        self.lines.push(Line { class, points: points.join(" ") });
    }

    fn area(&mut self, class: &'static str, (x, y): (f64, f64), (width, height): (f64, f64)) {
        let [x, y, width, height] = [x, y, width, height].map(|value| format!("{value:.1}"));
        self.areas.push(Area { class, x, y, width, height });
    }

    fn dot(&mut self, class: &'static str, (x, y): (f64, f64), says: String) {
        self.dots.push(Dot { class, x: format!("{x:.1}"), y: format!("{y:.1}"), says });
    }

    fn word(&mut self, anchor: &'static str, class: &'static str, (x, y): (f64, f64), says: String) {
        self.words.push(Word { anchor, class, x: format!("{x:.1}"), y: format!("{y:.1}"), says });
    }
}

/// Returns where words begin so that they stay within the drawing.
fn near(x: f64) -> &'static str {
    match x {
        x if x < WIDTH * 0.3 => "start",
        x if x > WIDTH * 0.7 => "end",
        _ => "middle",
    }
}

fn upper(limit: Limit) -> f64 {
    match limit {
        Limit::AtLeast(limit) | Limit::MoreThan(limit) | Limit::Band(_, limit) => limit,
    }
}

fn fires(because: &Because) -> String {
    match because.limit {
        Limit::AtLeast(_) => format!("fires at {}", because.limit_said()),
        Limit::MoreThan(_) => format!("fires above {}", because.limit_said()),
        Limit::Band(..) => format!("fires outside of {}", because.limit_said()),
    }
}

fn seconds(from: Timestamp, to: Timestamp) -> f64 {
    let span: Duration = to.since(from);
    span.as_secs_f64()
}

fn clock(at: Timestamp) -> String {
    at.to_chrono().format("%H:%M:%S UTC").to_string()
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;

    fn plot(change: impl FnOnce(&mut Because)) -> Option<Plot> {
        let mut alert = samples::alert();
        change(alert.because.as_mut().unwrap());
        Plot::of(&alert)
    }

    fn says(plot: &Plot) -> Vec<&str> {
        plot.words.iter().map(|word| word.says.as_str()).collect()
    }

    #[test]
    fn a_count_rises_to_its_limit_and_the_numbers_stand_in_a_table() {
        let plot = plot(|_| {}).unwrap();
        assert!(plot.says.contains("rose to 21 different values; it fires above 20 different values"), "{}", plot.says);
        assert_eq!(says(&plot)[..2], ["fires above 20 different values", "34 different values at most since"]);
        let rows: Vec<&str> = plot.rows.iter().map(|(what, _)| what.as_str()).collect();
        assert_eq!(rows[1..5], ["fired", "measured then", "at most since", "limit"]);
        let lower = |class: &str| {
            let line = plot.lines.iter().find(|line| line.class == class).unwrap();
            line.points.rsplit(',').next().unwrap().parse::<f64>().unwrap()
        };
        assert!(lower("peak") < lower("value") && lower("value") < lower("limit"), "higher values lie higher");
    }

    #[test]
    fn a_value_lies_beside_the_band_that_was_expected() {
        let plot = plot(|because| {
            because.measure = Measure::Usual;
            because.value = 63.0;
            because.peak = 63.0;
            because.limit = Limit::Band(2.0, 14.0);
        });
        let plot = plot.unwrap();
        assert_eq!(plot.says, "It was 63; 2 to 14 was expected.");
        let classes: Vec<&str> = plot.areas.iter().map(|area| area.class).collect();
        assert_eq!(classes, ["track", "band", "bar"]);
        let end = |at: usize| plot.areas[at].x.parse::<f64>().unwrap() + plot.areas[at].width.parse::<f64>().unwrap();
        assert!(end(1) < end(2) && end(2) < end(0), "the bar ends beyond the band");
    }

    #[test]
    fn one_event_that_is_enough_has_no_plot_and_neither_has_what_is_no_number() {
        assert!(plot(|because| because.measure = Measure::Event).is_none());
        assert!(plot(|because| because.value = f64::NAN).is_none());
        assert!(plot(|because| because.limit = Limit::Band(0.0, f64::INFINITY)).is_none());
    }

    #[test]
    fn silence_is_a_stretch_of_time() {
        let plot = plot(|because| {
            because.measure = Measure::Silence;
            because.value = 60.0;
            because.limit = Limit::AtLeast(60.0);
        });
        assert!(says(&plot.unwrap()).contains(&"nothing heard for 1 min"));
    }
}
