//! Is a folder of detectors complete, as well as sound?
//!
//! Loading demands what running needs; `gatewatch detectors check` demands what the person on call and the next
//! author need too: texts that say something, a case in which the detector fires and one in which it is silent,
//! telemetry that something makes. Every problem of every file is told at once, those of files that do not
//! compile among the others.

use std::collections::BTreeMap;
use std::path::Path;

use super::catalogue::{Parts, THREATS, beside, is_detector, shipped_files, whole};
use super::folder::Folder;
use super::spec::Compiled;
use super::{Case, Problem};

/// Letters that a text for people has at least.
const LEAST: usize = 20;

/// Checks the folder `dir`, or the shipped detectors, as `gatewatch detectors check` does. Of the shipped ones,
/// every threat must be watched for too.
pub fn check(dir: Option<&Path>) -> Vec<Problem> {
    let (files, mut problems) = match dir {
        Some(dir) => {
            let folder = Folder::read(dir);
            (folder.files, folder.problems)
        }
        None => (shipped_files(), Vec::new()),
    };
    problems.extend(check_files(&files, dir.is_none()));
    problems.sort();
    problems
}

fn check_files(files: &BTreeMap<String, String>, is_all: bool) -> Vec<Problem> {
    let parts = Parts::read(files);
    let mut problems = parts.problems;
    for path in files.keys().filter(|path| is_detector(path)) {
        match parts.cases.get(path) {
            Some(cases) => shown(&beside(path), cases, &mut problems),
            // What can't be read has been told.
            None if files.contains_key(&beside(path)) => {}
            None => problems.push(whole(
                path,
                &format!(
                    "It has no cases. Write `{}`: one in which it fires, one in which it is silent.",
                    beside(path)
                ),
            )),
        }
    }
    for (path, one) in &parts.compiled {
        said(path, one, &mut problems);
        fed(path, one, &mut problems);
    }
    problems.extend(parts.groups.unfit(parts.compiled.iter().map(|(_, one)| &one.detector), is_all));
    for threat in parts.threats.all.iter().filter(|_| is_all) {
        if !parts.compiled.iter().any(|(_, one)| *one.detector.threat == *threat.id) {
            problems
                .push(whole(THREATS, &format!("No detector watches for `{}`. Write one, or remove it.", threat.id)));
        }
    }
    problems
}

/// The cases show when it fires and when it does not.
fn shown(file: &str, cases: &[Case], problems: &mut Vec<Problem>) {
    if cases.iter().all(|case| case.alert.is_empty()) {
        problems.push(whole(file, "No case makes it fire. Add one whose `alert` names an entity."));
    }
    if cases.iter().all(|case| !case.alert.is_empty()) {
        problems.push(whole(file, "No case shows when it is silent. Add one with `alert: []`."));
    }
    for (place, case) in cases.iter().enumerate() {
        if let Some(first) = cases.iter().take(place).find(|first| first.name == case.name) {
            let says =
                format!("The case on line {} is called `{}` too. Say what this one shows.", first.line, case.name);
            problems.push(Problem { file: file.to_owned(), line: case.line, says });
        }
    }
}

/// The texts say something to a person.
fn said(path: &str, one: &Compiled, problems: &mut Vec<Problem>) {
    let detector = &one.detector;
    for (key, text, mend) in [
        ("why", &detector.why, "Say why it matters, to somebody who has never seen it."),
        ("triage", &detector.triage, "Say what to do first, in numbered steps."),
        ("false_alarms", &detector.false_alarms, "Say when it is wrong, and what to do then."),
    ] {
        if text.trim().chars().count() < LEAST {
            problems.push(whole(path, &format!("`{key}` says only `{}`. {mend}", text.trim())));
        }
    }
    if !detector.triage.trim_start().starts_with("1.") {
        problems.push(whole(path, "`triage` has no steps. Begin with `1.`, what to do first."));
    }
}

/// Something makes what it needs.
fn fed(path: &str, one: &Compiled, problems: &mut Vec<Problem>) {
    for kind in one.rule.kinds.iter().filter(|kind| kind.categories().next().is_none()) {
        let says = format!("It needs `{}`, which no decoder makes. Take it out of `needs`.", kind.name());
        problems.push(whole(path, &says));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "\
id: probing.x
title: t
level: low
threat: key-theft
attack: { version: '18', techniques: [] }
needs: [http.request]
why: It matters because somebody may get in.
triage: 1. Look who it is, and whether they may.
false_alarms: None is known, so it would be a bug.
says: s
match: { by: app }
";
    const CASES: &str = "\
- name: one fires
  given: [ { event: { kind: http.request, app: a } } ]
  alert: [a]
- name: one does not
  given: [ { event: { kind: function.log, app: a } } ]
  alert: []
";

    fn problems(detector: &str, cases: Option<&str>) -> Vec<String> {
        let mut files = BTreeMap::from([("probing/x.yaml".to_owned(), detector.to_owned())]);
        files.extend(cases.map(|cases| ("probing/x.test.yaml".to_owned(), cases.to_owned())));
        let mut problems = check_files(&files, false);
        problems.sort();
        problems.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_complete_detector_is_in_order() {
        assert_eq!(problems(GOOD, Some(CASES)), [""; 0]);
    }

    #[test]
    fn a_detector_without_cases_is_told_where_to_write_them() {
        assert_eq!(
            problems(GOOD, None),
            [
                "probing/x.yaml: It has no cases. Write `probing/x.test.yaml`: one in which it fires, one in which it is silent."
            ]
        );
    }

    #[test]
    fn cases_that_show_one_side_only_are_not_enough() {
        assert_eq!(
            problems(GOOD, Some(&CASES.replace("alert: [a]", "alert: []").replace("one does not", "one fires"))),
            [
                "probing/x.test.yaml: No case makes it fire. Add one whose `alert` names an entity.",
                "probing/x.test.yaml:4: The case on line 1 is called `one fires` too. Say what this one shows.",
            ]
        );
        assert_eq!(
            problems(GOOD, Some(&CASES.replace("alert: []", "alert: [a]"))),
            ["probing/x.test.yaml: No case shows when it is silent. Add one with `alert: []`."]
        );
    }

    #[test]
    fn what_does_not_compile_hides_nothing_else() {
        let broken = GOOD.replace("level: low", "level: lwo").replace("threat: key-theft", "threat: key-teft");
        assert_eq!(
            problems(&broken, Some(&CASES.replace("alert: []", "alert: [a]"))),
            [
                "probing/x.test.yaml: No case shows when it is silent. Add one with `alert: []`.",
                "probing/x.yaml:3: `lwo` is not a level. Did you mean `low`?",
                "probing/x.yaml:4: `key-teft` is not a threat of threats.yaml. Did you mean `key-theft`?",
            ]
        );
    }

    #[test]
    fn texts_that_say_nothing_are_told() {
        let text = GOOD
            .replace("It matters because somebody may get in.", "Bad.")
            .replace("1. Look who", "Look who")
            .replace("None is known, so it would be a bug.", "None.");
        assert_eq!(
            problems(&text, Some(CASES)),
            [
                "probing/x.yaml: `false_alarms` says only `None.`. Say when it is wrong, and what to do then.",
                "probing/x.yaml: `triage` has no steps. Begin with `1.`, what to do first.",
                "probing/x.yaml: `why` says only `Bad.`. Say why it matters, to somebody who has never seen it.",
            ]
        );
    }
}
