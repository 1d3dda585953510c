//! What does a detector do, in words? For `gatewatch detectors list` and `explain`.

use std::fmt::Write as _;

use crate::posture::document::write_duration;

use super::correlation_plan::{Input, Joint, Limit, Plan};
use super::in_words::amount;
use super::{Baselining, Bulk, Counting, Detector, Measured, Only, Window};

/// Returns one line: level, id and title.
pub fn summary(detector: &Detector) -> String {
    format!("{:<13} {:<48} {}", detector.level.name(), detector.id, detector.title)
}

/// Returns all that a person needs to know of a detector: what fires it, why it matters, what to
/// do first and when it is wrong.
pub fn describe(detector: &Detector) -> String {
    let mut out = String::new();
    _ = writeln!(out, "{}\n{}\n", detector.id, detector.title);
    _ = writeln!(out, "  level    {}", detector.level);
    _ = writeln!(out, "  fires    {}", counts(detector));
    _ = writeln!(out, "  closes   {}", closing(detector).trim_start_matches("closes "));
    if let Some(group) = &detector.group {
        _ = writeln!(
            out,
            "  group    {group}: one alert with what others of it find about the same {}",
            detector.entity
        );
    }
    if !detector.threat.is_empty() {
        _ = writeln!(out, "  threat   {}", detector.threat);
    }
    if !detector.attack.techniques.is_empty() {
        let techniques = detector.attack.techniques.join(", ");
        _ = writeln!(out, "  attack   {techniques} (ATT&CK v{})", detector.attack.version);
    }
    for (heading, text) in [
        ("Why it matters", &detector.why),
        ("What to do first", &detector.triage),
        ("When it is wrong", &detector.false_alarms),
    ] {
        _ = writeln!(out, "\n{heading}");
        for line in text.lines() {
            _ = writeln!(out, "  {line}");
        }
    }
    out
}

/// Says when its alert closes.
pub(super) fn closing(detector: &Detector) -> String {
    format!("closes after {} without a further event", write_duration(detector.quiet))
}

/// Says what fires a detector.
pub fn fires(detector: &Detector) -> String {
    counts(detector)
}

/// Says what fires it.
pub(super) fn counts(detector: &Detector) -> String {
    let entity = detector.entity;
    match &detector.counting {
        Counting::Match => format!("at every matching event, one alert for each {entity}"),
        Counting::Threshold { at_least, within } => {
            format!("at {at_least} matching events of one {entity} {}", over(*within))
        }
        Counting::Distinct { more_than, within } => {
            format!("at more than {more_than} different values for one {entity} {}", over(*within))
        }
        Counting::Ratio { at_least, among, within } => format!(
            "when {} % or more of {among} matching events or more of one {entity} are what `of` says, {}",
            amount(at_least.of_one() * 100.0),
            over(*within)
        ),
        Counting::Amount { average: false, more_than, within, .. } => {
            format!("when the number adds up to more than {more_than} for one {entity} {}", over(*within))
        }
        Counting::Amount { more_than, among, within, .. } => format!(
            "when the number is more than {more_than} on average, of {among} events or more of one {entity} {}",
            over(*within)
        ),
        Counting::Percentile { rank, more_than, among, within } => format!(
            "when {} % of the numbers are above {more_than}, of {among} events or more of one {entity} {}",
            100 - rank,
            over(*within)
        ),
        other => others(other, detector),
    }
}

/// The same, of those that do not count in a window.
fn others(counting: &Counting, detector: &Detector) -> String {
    let entity = detector.entity;
    match counting {
        Counting::Sequence { steps, within, gap, any_order, found } => {
            let (joint, order) = if *any_order { (" and ", "in any order") } else { (", then ", "in order") };
            let of = |(step, many): (usize, &u32)| match found.get(step) {
                None => many.to_string(),
                Some(finders) if finders.is_none() => format!("{many} event{}", plural(*many)),
                Some(finders) => format!("{many} finding{} of {}", plural(*many), finders.said()),
            };
            let steps = steps.iter().enumerate().map(of).collect::<Vec<_>>().join(joint);
            let steps = if found.is_empty() { format!("{steps} events of its steps") } else { steps };
            let gap = gap.map(|gap| format!(", none longer than {} after the one before", write_duration(gap)));
            let (within, gap) = (write_duration(*within), gap.unwrap_or_default());
            format!("at {steps}, {order}, for one {entity} within {within}{gap}")
        }
        Counting::FirstSeen { learn, forget, bulk, only } => {
            let known = if learn.is_zero() { "" } else { " that has been known for " };
            let learn = if learn.is_zero() { String::new() } else { write_duration(*learn) };
            let bulk = bulk.map(in_bulk).unwrap_or_default();
            let forget = write_duration(*forget);
            format!("at a value not seen for {forget} for one {entity}{known}{learn}{}{bulk}", passed_over(*only))
        }
        Counting::Unanswered { within } => {
            format!("when one event of one {entity} is not followed by the other within {}", write_duration(*within))
        }
        Counting::Baseline(asked) => baseline(*asked, detector),
        Counting::Travel(asked) => format!(
            "when one {entity} is in two places {} km apart or more, faster than {} km/h and within {}",
            asked.at_least,
            asked.faster_than,
            write_duration(asked.within)
        ),
        Counting::Risk(asked) => format!(
            "when what other detectors find about one {entity} adds up to {}, from {} tactics or more; a finding is \
             worth half after {}",
            asked.at_least,
            asked.tactics,
            write_duration(asked.half_life)
        ),
        Counting::Rhythm { missing, minutes, learn } => format!(
            "when one {entity} known for {} sends nothing while {missing} {} should have come at such an hour",
            write_duration(*learn),
            if *minutes { "minutes with an event" } else { "events" }
        ),
        Counting::Correlation(plan) => format!("{} of one {entity}", correlation(plan)),
        Counting::Absence { after, at_least } => {
            format!("when one {entity} that sent {at_least} events or more sends none for {}", write_duration(*after))
        }
        _ => String::new(),
    }
}

const fn plural(many: u32) -> &'static str {
    if many == 1 { "" } else { "s" }
}

/// Says what the events of several rules must do, the last node of the plan first.
fn correlation(plan: &Plan) -> String {
    let Some((root, number)) = plan.nodes.last().zip(plan.nodes.len().checked_sub(1)) else { return String::new() };
    node(plan, root, number)
}

fn node(plan: &Plan, of: &super::correlation_plan::Node, number: usize) -> String {
    let input = |input: &Input| match input {
        Input::Step(step) => format!("an event of rule {}", u32::from(*step) + 1),
        // Children come before their parents, so this ends.
        Input::Node(child) => match plan.nodes.get(usize::from(*child)).filter(|_| usize::from(*child) < number) {
            Some(inner) => format!("({})", node(plan, inner, usize::from(*child))),
            None => String::new(),
        },
    };
    let inputs: Vec<String> = of.inputs.iter().map(input).collect();
    let inputs = inputs.join(if of.joint == Joint::Ordered { ", then " } else { ", " });
    let how = match &of.joint {
        Joint::Count(limits) => format!("events {} of", said(limits)),
        Joint::Values(limits) => format!("different values {} among", said(limits)),
        Joint::Together(all) if *all as usize == of.inputs.len() => "all, in any order, of".to_owned(),
        Joint::Together(least) => format!("{least} different of"),
        Joint::Ordered => "in this order".to_owned(),
        Joint::Sum(limits) => format!("a sum {} over", said(limits)),
        Joint::Average(limits) => format!("an average {} over", said(limits)),
        Joint::Percentile(percent, limits) => format!("a percentile {percent} {} over", said(limits)),
        Joint::Share(limits) => format!("a value's share, percent, {} among", said(limits)),
    };
    format!("at {how}: {inputs}, within {}", write_duration(of.within))
}

/// Says what a number must be.
pub(super) fn said(limits: &[Limit]) -> String {
    use super::correlation_plan::Compare;
    let one = |limit: &Limit| {
        let sign = match limit.how {
            Compare::Equal => "=",
            Compare::Other => "≠",
            Compare::Less => "<",
            Compare::AtMost => "≤",
            Compare::More => ">",
            Compare::AtLeast => "≥",
        };
        format!("{sign} {}", limit.to())
    };
    limits.iter().map(one).collect::<Vec<_>>().join(" and ")
}

/// Says which new values are passed over.
fn passed_over(only: Only) -> String {
    let few = only.few.map(|few| format!("; passed over once it has shown more than {few}"));
    let settled = only
        .settled
        .map(|settled| format!("; passed over while nobody has shown the value for {}", write_duration(settled)));
    few.unwrap_or_default() + &settled.unwrap_or_default()
}

fn in_bulk(bulk: Bulk) -> String {
    let (many, within) = (bulk.more_than, write_duration(bulk.within));
    format!("; more than {many} of them within {within} are told as one event, {}", bulk.level)
}

fn baseline(asked: Baselining, detector: &Detector) -> String {
    let what = match asked.measured {
        Measured::Count => "how many matching events there are",
        Measured::Sum => "what the number adds up to",
        Measured::Average => "the number's average",
        Measured::Distinct => "how many different values there are",
        Measured::Ratio => "the share of what `of` says",
    };
    let side = match asked.sides {
        (true, true) => "above or below",
        (true, false) => "above",
        _ => "below",
    };
    let least = match asked.measured {
        Measured::Average | Measured::Ratio => format!("of {} events or more", asked.at_least),
        _ => format!("and {} at least", asked.at_least),
    };
    format!(
        "when {what} in {} is {side} what one {} does at such an hour of the week, by more than {} times what it \
         strays as a rule, {least}; known for {}",
        write_duration(asked.every),
        detector.entity,
        amount(f64::from(asked.tolerance) / 10.0),
        write_duration(asked.learn)
    )
}

fn over(window: Window) -> String {
    let length = write_duration(window.within);
    if window.tumbling { format!("in one of the {length} that lie side by side") } else { format!("within {length}") }
}
