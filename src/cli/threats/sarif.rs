//! How is a check told to code scanning, in SARIF 2.1.0?

use crate::posture::export::{Finding, NotRead, sarif_of};

use super::Checked;

/// Returns the SARIF.
pub fn written(checked: &Checked<'_>) -> String {
    let problems = checked.model.problems.iter();
    let not_read = problems.map(|one| -> NotRead<'_> { (&one.file, one.line, &one.says) });
    let findings = checked.report.findings().map(|one| Finding {
        control: one.control,
        sort: one.sort.name(),
        element: &one.element,
        says: &one.outcome.says,
        at: Some(&one.outcome.at),
        accepted: false,
    });
    sarif_of(checked.controls, not_read, findings)
}
