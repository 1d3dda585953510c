//! What a comparison of alerts says to tools that read JUnit XML: one case for each detector.
//!
//! A case fails if alerts of its detector come or go. That an alert is only earlier, worse or longer is told
//! in the case's output and fails nothing. A detector that saw no secrets, because they were hidden before, and is another
//! in the two runs is skipped.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::time::Duration;

use crate::alerts::Pair;

use super::compare::change;
use super::unseen::Unseen;

/// What is said of a detector that could not be compared.
const SKIPPED: &str =
    "      <skipped message=\"records were redacted before: it looks at secrets, and sees none in them\"/>\n";

/// Returns the report: a case for each of `detectors`, and for each that has alerts.
pub fn report<'d>(
    detectors: impl Iterator<Item = &'d str>,
    pairs: &'d [Pair<'_>],
    unseen: &Unseen,
    took: Duration,
) -> String {
    let mut of: BTreeMap<&str, Vec<&Pair<'_>>> = BTreeMap::new();
    for pair in pairs {
        of.entry(&pair.alert().detector).or_default().push(pair);
    }
    let all: BTreeSet<&str> = detectors.chain(of.keys().copied()).collect();
    let (mut cases, mut failures, mut skipped) = (String::new(), 0, 0);
    for id in &all {
        let pairs = of.get(id).map_or(&[][..], Vec::as_slice);
        match case(id, pairs, unseen.hides(id), &mut cases) {
            Outcome::Passed => {}
            Outcome::Failed => failures += 1,
            Outcome::Skipped => skipped += 1,
        }
    }
    let (tests, seconds) = (all.len(), took.as_secs_f64());
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <testsuites name=\"gatewatch\" tests=\"{tests}\" failures=\"{failures}\" time=\"{seconds:.3}\">\n  \
         <testsuite name=\"replay --compare\" tests=\"{tests}\" failures=\"{failures}\" errors=\"0\" skipped=\"{skipped}\" \
         time=\"{seconds:.3}\">\n{cases}  </testsuite>\n</testsuites>\n"
    )
}

/// What came of a case.
enum Outcome {
    Passed,
    Failed,
    Skipped,
}

/// Writes the case of one detector; `hidden` says that it saw no secrets, so that nothing can be said of it.
fn case(id: &str, pairs: &[&Pair<'_>], hidden: bool, out: &mut String) -> Outcome {
    let (family, name) = id.split_once('.').unwrap_or(("", id));
    let come = pairs.iter().filter(|pair| matches!(pair, Pair::Come(_))).count();
    let gone = pairs.iter().filter(|pair| matches!(pair, Pair::Gone(_))).count();
    let fails = come + gone > 0;
    let skipped = hidden && !fails;
    let (mut broken, mut noted) = (String::new(), String::new());
    for pair in pairs.iter().filter(|pair| !pair.is_same()) {
        let alert = pair.alert();
        let (what, about) = (change(pair, &pair.shifts()), alert.entity.sayable());
        let told = if matches!(pair, Pair::Both(..)) { &mut noted } else { &mut broken };
        // Writing to a string can't fail.
        _ = writeln!(told, "{what}: {}, {about}, at {}: {}", alert.level, alert.opened_at, alert.why);
    }
    _ = write!(out, "    <testcase classname=\"{}\" name=\"{}\" time=\"0\"", escaped(family), escaped(name));
    if broken.is_empty() && noted.is_empty() && !skipped {
        out.push_str("/>\n");
        return Outcome::Passed;
    }
    out.push_str(">\n");
    if fails {
        let message = format!("{come} come, {gone} gone");
        _ = writeln!(out, "      <failure message=\"{message}\" type=\"alerts\">{}</failure>", escaped(&broken));
    }
    if skipped {
        out.push_str(SKIPPED);
    }
    if !noted.is_empty() {
        _ = writeln!(out, "      <system-out>{}</system-out>", escaped(&noted));
    }
    out.push_str("    </testcase>\n");
    match (fails, skipped) {
        (true, _) => Outcome::Failed,
        (false, true) => Outcome::Skipped,
        (false, false) => Outcome::Passed,
    }
}

/// Returns `text` as it may stand in XML 1.0, which has no way to write most control characters.
pub fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' | '\t' => out.push(c),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detection::{Catalogue, Exceptions};

    #[test]
    fn a_detector_without_a_difference_passes() {
        let ids = ["probing.scanner", "key-usage.many"].into_iter();
        let report = report(ids, &[], &Unseen::default(), Duration::from_millis(1500));
        assert_eq!(
            report,
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
             <testsuites name=\"gatewatch\" tests=\"2\" failures=\"0\" time=\"1.500\">\n  \
             <testsuite name=\"replay --compare\" tests=\"2\" failures=\"0\" errors=\"0\" skipped=\"0\" time=\"1.500\">\n    \
             <testcase classname=\"key-usage\" name=\"many\" time=\"0\"/>\n    \
             <testcase classname=\"probing\" name=\"scanner\" time=\"0\"/>\n  \
             </testsuite>\n</testsuites>\n"
        );
    }

    #[test]
    fn a_detector_that_saw_no_secrets_and_is_another_is_skipped() {
        let (now, none) = (Catalogue::shipped().unwrap(), Catalogue::build(&BTreeMap::new()).unwrap());
        let exceptions = Exceptions::default();
        let unseen = Unseen::of(1, (&now, &exceptions), (&none, &exceptions));
        let blind = now.blind()[0];
        let report = report([&*blind.id].into_iter(), &[], &unseen, Duration::ZERO);
        assert!(report.contains("failures=\"0\" errors=\"0\" skipped=\"1\""), "{report}");
        assert!(report.contains("<skipped message=\"records were redacted before: "), "{report}");
    }

    #[test]
    fn what_stands_in_an_alert_can_break_no_report() {
        assert_eq!(escaped("a<b>&\"c\"\u{1b}[31m\n"), "a&lt;b&gt;&amp;&quot;c&quot;\u{fffd}[31m\n");
    }
}
