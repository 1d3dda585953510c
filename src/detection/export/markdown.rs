//! What does every detector watch for, as a page?
//!
//! One section a detector, family by family, in the words of its file; how it counts is told as `explain` tells
//! it. The page is made from what runs, so it can't be behind it.

use std::fmt::Write as _;

use crate::detection::explain::{closing, counts};
use crate::detection::rule::{Leveling, Rule};
use crate::detection::{Catalogue, Detector, Family};
use crate::telemetry::Kind;

/// Returns the page of the detectors of `catalogue`.
pub fn markdown(catalogue: &Catalogue) -> String {
    let all = || catalogue.detectors.all.iter().zip(catalogue.rules.iter());
    let mut page = String::from(
        "# Detectors\n\n<!-- Made by `gatewatch detectors export --markdown`: change the detectors' files, not this page. -->\n\n",
    );
    // Writing to a string can't fail.
    _ = writeln!(
        page,
        "{} detectors. How each is written is told in [detectors/README.md](../detectors/README.md), what each covers \
         in [detections.md](detections.md).\n",
        catalogue.detectors.all.len()
    );
    let families = || Family::ALL.into_iter().filter(|family| all().any(|(one, _)| one.family == *family));
    page.push_str("| family | detectors |\n| --- | --- |\n");
    for family in families() {
        let many = all().filter(|(one, _)| one.family == family).count();
        _ = writeln!(page, "| [{family}](#{family}) | {many} |");
    }
    for family in families() {
        _ = writeln!(page, "\n## {family}");
        for (detector, rule) in all().filter(|(one, _)| one.family == family) {
            section(detector, rule, &mut page);
        }
    }
    page
}

fn section(detector: &Detector, rule: &Rule, page: &mut String) {
    _ = writeln!(page, "\n### {}\n", detector.title);
    _ = writeln!(page, "`{}`\n", detector.id);
    _ = writeln!(page, "- **Level**: {}", level(&rule.level));
    _ = writeln!(page, "- **Fires** {}; {}", counts(detector), closing(detector));
    if let Some(group) = &detector.group {
        _ = writeln!(
            page,
            "- **Group**: `{group}`, one alert with what others of it find about the same {}",
            detector.entity
        );
    }
    _ = writeln!(page, "- **Needs**: {}", needs(detector, rule));
    if !detector.threat.is_empty() {
        _ = writeln!(page, "- **Threat**: `{}`", detector.threat);
    }
    if !detector.attack.techniques.is_empty() {
        let techniques: Vec<String> = detector.attack.techniques.iter().map(|id| technique(id)).collect();
        _ = writeln!(page, "- **ATT&CK** {}: {}", detector.attack.version, techniques.join(", "));
    }
    for (heading, text) in
        [("Why", &detector.why), ("Triage", &detector.triage), ("False alarms", &detector.false_alarms)]
    {
        _ = writeln!(page, "\n**{heading}**\n\n{}", text.trim());
    }
}

fn level(level: &Leveling) -> String {
    match level {
        Leveling::Fixed(level) => level.to_string(),
        Leveling::By { field, of, default } => {
            let of: Vec<String> = of.iter().map(|(value, level)| format!("{level} for {value}")).collect();
            format!("by `{}`: {}, else {default}", field.name(), of.join(", "))
        }
    }
}

fn needs(detector: &Detector, rule: &Rule) -> String {
    if !detector.counting.finders().is_empty() {
        let own = rule.kinds.iter().map(|kind| format!("`{}`, ", kind.name()));
        return format!("{}what the detectors need whose findings it takes", own.collect::<String>());
    }
    if rule.kinds.is_empty() || rule.kinds.len() == Kind::ALL.len() {
        return "any telemetry".to_owned();
    }
    let kinds: Vec<String> = rule.kinds.iter().map(|kind| format!("`{}`", kind.name())).collect();
    kinds.join(", ")
}

fn technique(id: &str) -> String {
    format!("[{id}](https://attack.mitre.org/techniques/{}/)", id.replace('.', "/"))
}
