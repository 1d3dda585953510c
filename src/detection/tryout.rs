//! What would a changed detector make of what is known already?
//!
//! A [`Tryout`] compiles the changed text beside the detector that runs, runs its cases, and holds both against
//! events of alerts. Only an event that the running detector still matches when its redacted record is read again
//! tells anything of the changed one: a secret that was seen in it is seen no more. Where only the limit is other,
//! what was measured for the alert says whether it would have fired. It changes nothing, and keeps no event.

use std::sync::Arc;

use crate::redaction::{RedactedEvent, Redactor};

use super::because::measured;
use super::cases::{self, CaseResult, KEY};
use super::{Because, Catalogue, Counting, Detector, Limit, Matcher, Measure, Problem, Signals};

/// What a changed detector makes of an alert, as far as what was kept of it tells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Judged {
    /// Events that were kept and tell something.
    pub asked: u64,
    /// How many of them it matches.
    pub matches: u64,
    /// Whether what was measured passes its limit; `None` where that can't be told.
    pub fires: Option<bool>,
}

/// A changed detector beside the one that runs.
#[derive(Debug)]
pub struct Tryout {
    changed: Catalogue,
    before: Arc<Detector>,
    matchers: [Matcher; 2],
}

impl Tryout {
    /// Compiles `text` as what the detector `id` of `catalogue` should become.
    ///
    /// # Errors
    ///
    /// Returns every problem of the text, and why such a detector can't be tried.
    pub fn of(catalogue: &Catalogue, id: &str, text: &str) -> Result<Self, Vec<Problem>> {
        let whole = |says: &str| vec![Problem { file: String::new(), line: 0, says: says.to_owned() }];
        let Some(number) = catalogue.detectors.place_of(id) else {
            return Err(whole("No detector that runs is called so."));
        };
        let Some(file) = catalogue.files.get(id) else {
            return Err(whole("It is a Sigma rule: change its file, and compare with `gatewatch replay --compare`."));
        };
        let changed = catalogue.alone(&file.path, text, file.cases.as_deref())?;
        let before = Arc::clone(&catalogue.detectors.all[number]);
        if before.counting.sees_findings() || changed.detectors.all.iter().any(|one| one.counting.sees_findings()) {
            return Err(whole(
                "It goes by what other detectors find, so it can't be tried alone: compare with `gatewatch replay --compare`.",
            ));
        }
        let matcher = |rule: &super::Rule| Matcher::new(Arc::from([rule.clone()]), KEY);
        let matchers = [matcher(&catalogue.rules[number]), matcher(&changed.rules[0])];
        Ok(Self { changed, before, matchers })
    }

    /// Runs the cases of the detector against the changed text, one by one as they are asked for.
    pub fn cases(&self, redactor: &Redactor) -> impl Iterator<Item = CaseResult> {
        cases::each(&self.changed, redactor)
    }

    /// Adds to `judged` what an event of an alert tells.
    pub fn event(&self, event: &RedactedEvent<'_>, hash: u128, judged: &mut Judged) {
        let matched = |matcher: &Matcher| {
            let mut signals = Signals::default();
            matcher.observe(event, hash, &mut signals);
            !signals.finish().0.is_empty()
        };
        if matched(&self.matchers[0]) {
            judged.asked += 1;
            judged.matches += u64::from(matched(&self.matchers[1]));
        }
    }

    /// Tells whether what was measured for an alert passes the changed limit; `None` where more than that is
    /// other, or where it was not measured.
    pub fn fires(&self, because: &Because) -> Option<bool> {
        let after = &self.changed.detectors.all.first()?.counting;
        let (measure, limit) = measured(after);
        let same_window =
            self.before.counting.window().map(|window| window.within) == after.window().map(|window| window.within);
        // What is not counted has no limit that could be another.
        let counted = !matches!(
            measure,
            Measure::Event | Measure::Steps | Measure::Usual | Measure::Silence | Measure::Unanswered | Measure::Bulk
        ) && !matches!(after, Counting::Baseline(_));
        if !counted || !same_window || measure != because.measure || measured(&self.before.counting).0 != measure {
            return None;
        }
        match (measure, limit) {
            (_, Limit::AtLeast(limit)) => Some(because.peak >= limit),
            // Of values no more are counted than twice the limit that held then.
            (Measure::Values, Limit::MoreThan(limit)) => {
                let capped = matches!(because.limit, Limit::MoreThan(then) if because.peak > 2.0 * then);
                if because.peak > limit { Some(true) } else { (!capped).then_some(false) }
            }
            (_, Limit::MoreThan(limit)) => Some(because.peak > limit),
            (_, Limit::Band(..)) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::Duration;

    use super::*;
    use crate::clock::Timestamp;
    use crate::detection::Case;
    use crate::detection::cases::play;
    use crate::redaction::{KeyRing, Settings};

    const FILE: &str = "\
id: probing.x
title: t
threat: key-theft
attack: { version: '18', techniques: [T1110] }
why: w
triage: t
false_alarms: f
says: '{entity} did it'
level: low
needs: [http.request]
when: { outcome: failure }
threshold: { by: source.ip, at_least: 20, within: 5m }
";
    const CASES: &str = "\
- name: twenty are enough
  given:
    - repeat: 20
      every: 1s
      event: { kind: http.request, outcome: failure, app: a, response.status: 403, source.ip: 203.0.113.1 }
  alert: [203.0.113.1]
";

    fn tryout(from: &str, to: &str) -> Result<Tryout, Vec<Problem>> {
        assert!(FILE.contains(from));
        let files = BTreeMap::from([
            ("probing/x.yaml".to_owned(), FILE.to_owned()),
            ("probing/x.test.yaml".to_owned(), CASES.to_owned()),
        ]);
        Tryout::of(&Catalogue::build(&files).unwrap(), "probing.x", &FILE.replace(from, to))
    }

    fn because(peak: f64) -> Because {
        Because {
            measure: Measure::Events,
            value: 20.0,
            peak,
            limit: Limit::AtLeast(20.0),
            within: Some(Duration::from_mins(5)),
            from: Timestamp::MIN,
            to: Timestamp::MIN,
            events: 20,
            earlier: None,
            spare: 0,
            others: Vec::new(),
        }
    }

    #[test]
    fn another_limit_is_held_against_the_highest_that_was_measured() {
        let fires = |peak| tryout("at_least: 20", "at_least: 50").unwrap().fires(&because(peak));
        assert_eq!((fires(49.0), fires(50.0)), (Some(false), Some(true)));
        let window = tryout("within: 5m", "within: 10m").unwrap();
        assert_eq!(window.fires(&because(50.0)), None, "in another window something else would have been measured");
    }

    #[test]
    fn cases_run_against_the_changed_text_and_problems_name_their_line() {
        let redactor = Redactor::new(&KeyRing::ephemeral().unwrap(), &Settings::default()).unwrap();
        let wrong = |to: &str| {
            let tryout = tryout("at_least: 20", to).unwrap();
            tryout.cases(&redactor).map(|case| case.wrong.is_some()).collect::<Vec<_>>()
        };
        assert_eq!((wrong("at_least: 19"), wrong("at_least: 21")), (vec![false], vec![true]));
        let problems = tryout("outcome: failure", "outcom: failure").unwrap_err();
        assert_eq!(
            problems[0].to_string(),
            "probing/x.yaml:11: `outcom` is not a field of an event. Did you mean `outcome`?"
        );
    }

    #[test]
    fn a_text_that_would_take_too_long_to_compile_is_refused_before_it_is_compiled() {
        let refused = |clause: &str, many: usize| {
            let to = format!("when: {{ any: [{}] }}", vec![clause; many].join(", "));
            tryout("when: { outcome: failure }", &to).unwrap_err()[0].to_string()
        };
        for (clause, many) in [("{ request.path: { regex: a.b } }", 201), ("{ request.path: a }", 6_000)] {
            let says = refused(clause, many);
            assert!(says.contains("probing/x.yaml:11: ") && says.contains("Split the detector"), "{says}");
        }
    }

    #[test]
    fn an_event_that_the_running_detector_does_not_match_tells_nothing() {
        let redactor = Redactor::new(&KeyRing::ephemeral().unwrap(), &Settings::default()).unwrap();
        let tryout = tryout("{ outcome: failure }", "{ outcome: failure, response.status: 401 }").unwrap();
        let mut judged = Judged::default();
        let mut given = |event: &str| {
            let text = format!(
                "- name: n\n  alert: []\n  given:\n    - event: {{ kind: http.request, app: a, source.ip: 203.0.113.1, {event} }}\n"
            );
            let cases = Case::read_all("x.test.yaml", &text).unwrap();
            play(&cases[0], &redactor, |event, hash| tryout.event(event, hash, &mut judged));
        };
        given("outcome: failure, response.status: 401");
        given("outcome: failure, response.status: 403");
        given("outcome: success, response.status: 200");
        assert_eq!((judged.asked, judged.matches), (2, 1));
    }
}
