//! How is a check told to tools that read JUnit XML?
//!
//! A suite for each control, a case in it for each element: what is not configured fails, what is
//! unknown or accepted is skipped.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::posture::controls::{State, Verdict};

use super::super::junit::escaped;
use super::Checked;

/// Returns the XML.
pub fn written(checked: &Checked<'_>) -> String {
    let mut by_control: BTreeMap<&str, Vec<&Verdict<'_>>> = BTreeMap::new();
    for one in &checked.report.verdicts {
        by_control.entry(&one.control.id).or_default().push(one);
    }
    let accepted = checked.accepted.count(checked.report);
    let (tests, failures) = (checked.report.verdicts.len(), checked.report.count(State::NotConfigured) - accepted);
    let (skipped, errors) = (checked.report.count(State::Unknown) + accepted, checked.model.problems.len());
    let mut out = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"gatewatch threats check\" tests=\"{}\" \
         failures=\"{failures}\" errors=\"{errors}\" skipped=\"{skipped}\" time=\"0\">\n",
        tests + errors
    );
    for (id, verdicts) in by_control {
        let count = |of: &dyn Fn(&Verdict<'_>) -> bool| verdicts.iter().filter(|one| of(one)).count();
        let skipped = |one: &Verdict<'_>| match one.outcome.state {
            State::Unknown => true,
            State::NotConfigured => !checked.accepted.is_open(one),
            State::Configured => false,
        };
        _ = writeln!(
            out,
            "  <testsuite name=\"{}\" tests=\"{}\" failures=\"{}\" errors=\"0\" skipped=\"{}\" time=\"0\">",
            escaped(id),
            verdicts.len(),
            count(&|one| checked.accepted.is_open(one)),
            count(&skipped)
        );
        for one in verdicts {
            case(checked, one, &mut out);
        }
        out.push_str("  </testsuite>\n");
    }
    if errors > 0 {
        _ = writeln!(
            out,
            "  <testsuite name=\"files\" tests=\"{errors}\" failures=\"0\" errors=\"{errors}\" skipped=\"0\" time=\"0\">"
        );
        for problem in &checked.model.problems {
            let told = escaped(&problem.to_string());
            _ = writeln!(
                out,
                "    <testcase classname=\"files\" name=\"{}\" time=\"0\"><error message=\"{told}\" type=\"file\"/></testcase>",
                escaped(&problem.file)
            );
        }
        out.push_str("  </testsuite>\n");
    }
    out.push_str("</testsuites>\n");
    out
}

fn case(checked: &Checked<'_>, one: &Verdict<'_>, out: &mut String) {
    let says = escaped(&one.outcome.says);
    _ = write!(
        out,
        "    <testcase classname=\"{}\" name=\"{} {}\" time=\"0\"",
        escaped(&one.control.id),
        one.sort.name(),
        escaped(&one.element)
    );
    let answer = checked.accepted.answer(one).map(|answer| escaped(&answer.told()));
    match one.outcome.state {
        State::NotConfigured if !checked.accepted.is_open(one) => {
            _ = writeln!(out, "><skipped message=\"{says}: {}\"/></testcase>", answer.unwrap_or_default());
        }
        State::Configured => out.push_str("/>\n"),
        State::Unknown => _ = writeln!(out, "><skipped message=\"{says}\"/></testcase>"),
        State::NotConfigured => {
            _ = writeln!(
                out,
                "><failure message=\"{says}\" type=\"{}\">at {}\nwhy: {}\nmend: {}{}</failure></testcase>",
                one.control.level.name(),
                escaped(&one.outcome.at.to_string()),
                escaped(&one.control.why),
                escaped(&one.control.mend),
                answer.map(|answer| format!("\n{answer}")).unwrap_or_default()
            );
        }
    }
}
