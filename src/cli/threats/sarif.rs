//! How is a check told to code scanning, in SARIF 2.1.0?

use crate::posture::export::{Finding, NotRead, sarif_of};

use super::Checked;
use super::accepted::Answer;

/// Returns the SARIF.
pub fn written(checked: &Checked<'_>) -> String {
    let problems = checked.model.problems.iter();
    let not_read = problems.map(|one| -> NotRead<'_> { (&one.file, one.line, &one.says) });
    let findings = checked.report.findings().map(|one| {
        let answer = checked.accepted.answer(one);
        let (accepted, beside) = match answer {
            Some(answer @ Answer::Holds(_)) => (Some(answer.told()), String::new()),
            Some(answer @ Answer::Ended(_)) => (None, format!(" It {}.", answer.told())),
            None => (None, String::new()),
        };
        let (control, sort, element, says) = (one.control, one.sort.name(), &*one.element, &*one.outcome.says);
        Finding { control, sort, element, says, at: Some(&one.outcome.at), accepted, beside }
    });
    sarif_of(checked.controls, not_read, findings)
}
