//! What does a detector's file say, and is it sound?
//!
//! Compiling reports every problem of a file, each with its line and how to mend it: a key that
//! nobody knows is a problem too, for a misspelt `quiet` would otherwise be silently ignored.

use std::time::Duration;

use xxhash_rust::xxh3::xxh3_64;

use crate::posture::document::{self, Located, Section, unknown};
use crate::posture::{Problem, Problems, Threats};
use crate::telemetry::{Field, Kind};

use super::aside::Aside;
use super::condition::Condition;
use super::counting::{self, Counted};
use super::finders::Named;
use super::offered::{offered, steps};
use super::rule::{Leveling, Rule, Term, Weigh};
use super::{Counting, Detector, Family, Level, never, placeholders, techniques, when};

const KEYS: [&str; 26] = [
    "id",
    "title",
    "level",
    "threat",
    "group",
    "attack",
    "needs",
    "why",
    "triage",
    "false_alarms",
    "says",
    "when",
    "quiet",
    "match",
    "threshold",
    "distinct",
    "ratio",
    "sum",
    "average",
    "percentile",
    "sequence",
    "first_seen",
    "absence",
    "baseline",
    "risk",
    "travel",
];
/// How long an attack must be over before its alert is closed, where the file does not say.
const QUIET: Duration = Duration::from_hours(1);

/// What a detector's file says, with the lines on which it says so.
#[derive(Clone, Debug)]
pub struct DetectorSpec {
    file: String,
    tree: Located,
}

/// A detector ready to run: what the engine and the alert book know of it, and what the matcher does.
#[derive(Clone, Debug)]
pub struct Compiled {
    /// What the engine, the alert book and people need to know.
    pub detector: Detector,
    /// What the matcher needs to know.
    pub rule: Rule,
    /// The group that its file asks for, and on which line.
    pub(super) group: Option<(String, usize)>,
    /// What its steps name whose findings they take.
    pub(super) finders: Vec<Named>,
}

/// The texts of a detector that people read.
struct Texts {
    title: String,
    why: String,
    triage: String,
    false_alarms: String,
    says: String,
    says_line: usize,
}

impl DetectorSpec {
    /// Reads the YAML of `file`, a path relative to the detectors' folder.
    ///
    /// # Errors
    ///
    /// Returns the place where the text stops being YAML.
    pub fn read(file: &str, text: &str) -> Result<Self, Problem> {
        Ok(Self { file: file.to_owned(), tree: document::read(file, text)? })
    }

    /// Compiles the detector; its threat must be among `threats`.
    ///
    /// # Errors
    ///
    /// Returns every problem of the file, in order of their lines.
    pub fn compile(self, threats: &Threats) -> Result<Compiled, Vec<Problem>> {
        let mut problems = Problems::of(&self.file);
        let version = state_version(&self.tree);
        never::answers_itself(&self.tree, &mut problems);
        let compiled = self
            .tree
            .section("A detector", &mut problems)
            .and_then(|section| compile(section, &self.file, version, threats, &mut problems));
        match compiled {
            Some(compiled) if problems.is_empty() => Ok(compiled),
            _ => Err(problems.into_list()),
        }
    }
}

fn compile(
    mut file: Section,
    path: &str,
    version: u64,
    threats: &Threats,
    problems: &mut Problems,
) -> Option<Compiled> {
    let id = id(&mut file, path, problems);
    let texts = texts(&mut file, problems);
    let leveling = leveling(&mut file, problems);
    let threat = threat(&mut file, threats, problems);
    let group = file.take("group").and_then(|group| Some((group.text("`group`", problems)?, group.line)));
    let attack = techniques::take(&mut file, problems);
    let when_line = file.line;
    let when = file.take("when").map(|when| (when.line, when::compile(when, problems)));
    let counted_line = counting::KINDS.iter().find(|kind| file.has(kind)).map_or(file.line, |kind| file.line_of(kind));
    let counted = counting::take(&mut file, problems);
    let offered = offered(&mut file, counted.as_ref(), problems);
    let quiet = file.take("quiet").map(|quiet| quiet.duration("`quiet`", problems));
    file.finish("a key of a detector", &KEYS, problems);

    let ((family, id), texts, level, (kinds, lanes)) = (id?, texts?, leveling?, offered?);
    let mut counted = counted?;
    let (line, condition) = when.unwrap_or((when_line, Condition::Always));
    if !counted.counting.sees_events() && !matches!(condition, Condition::Always) {
        let which = if counted.counting.is_risk() { "A `risk`" } else { "Such a sequence" };
        problems.add(line, format!("{which} sees what other detectors find, and no events. Leave `when` out."));
    }
    let steps = steps(&mut counted, &condition);
    if counted.counting.sees_events() {
        let part = if let Weigh::Part(part) = &counted.weigh { Some(part) } else { None };
        never::possible(&steps, &counted.counting, part, &kinds, line, problems);
        never::countable(&counted, counted_line, problems);
    }
    let finders = std::mem::take(&mut counted.finders);
    let quiet = quiet.flatten().unwrap_or_else(|| usual_quiet(&counted.counting));
    let detector = Detector {
        id: id.into(),
        family,
        title: texts.title.into(),
        level: level.usual(),
        threat: threat?.into(),
        group: None,
        attack: attack?,
        needs: lanes,
        why: texts.why.into(),
        triage: texts.triage.into(),
        false_alarms: texts.false_alarms.into(),
        says: texts.says.as_str().into(),
        entity: counted.entity,
        counting: counted.counting.clone(),
        quiet,
        version,
    };
    let rule = rule(counted, steps, kinds, level);
    placeholders::filled(&texts.says, texts.says_line, &rule, &detector.counting, problems);
    Some(Compiled { detector, rule, group, finders })
}

fn rule(counted: Counted, steps: Vec<Condition>, kinds: Vec<Kind>, level: Leveling) -> Rule {
    let terms = || counted.by.iter().chain(&counted.value).flat_map(Term::fields);
    let of_level = matches!(&level, Leveling::By { field, .. } if field.of_secret());
    let part = if let Weigh::Part(when) = &counted.weigh { Some(when) } else { None };
    let mentions = |named: &dyn Fn(Field) -> bool| steps.iter().chain(part).any(|step| step.mentions(&named));
    let of_secret = of_level || terms().any(Field::of_secret) || mentions(&Field::of_secret);
    let of_hash = terms().any(|field| field == Field::SecretHash) || mentions(&|field| field == Field::SecretHash);
    let of_confidence = mentions(&|field| field == Field::SecretConfidence);
    let light = counted.counting.is_absence();
    let of_values = matches!(counted.counting, Counting::FirstSeen { .. });
    let coarse = counted.counting.coarse();
    let looked_at: Vec<Condition> = steps.iter().chain(part).cloned().collect();
    let Counted { by, value, entity, weigh, .. } = counted;
    let aside = Aside::counted(&looked_at, &kinds, (&by, &value), of_secret || light);
    let by_app = !of_secret && by.len() == 1 && by[0].sole() == Some(Field::App);
    Rule {
        steps,
        kinds,
        by,
        value,
        weigh,
        level,
        entity,
        of_secret,
        aside,
        of_confidence,
        light,
        by_app,
        of_hash,
        answered: matches!(counted.counting, Counting::Unanswered { .. }),
        of_values,
        coarse,
    }
}

pub(super) fn usual_quiet(counting: &Counting) -> Duration {
    match counting {
        Counting::FirstSeen { .. }
        | Counting::Absence { .. }
        | Counting::Rhythm { .. }
        | Counting::Unanswered { .. } => 24 * QUIET,
        Counting::Correlation(plan) => QUIET.max(2 * plan.span()),
        Counting::Risk(asked) => QUIET.max(asked.half_life),
        _ => counting.window().map_or(QUIET, |window| QUIET.max(2 * window.within)),
    }
}

/// What of a detector that learns says only when it fires: with another value it goes on with what it has learnt.
const TUNED: [&str; 8] = ["tolerance", "at_least", "side", "learn", "few", "settled", "bulk", "missing"];

/// Returns a hash of all that the detector's state depends on. What took weeks to learn outlives that somebody tunes
/// it, or leaves out what is a false alarm.
fn state_version(tree: &Located) -> u64 {
    let mut text = String::from("2;");
    let document::Node::Map(entries) = &tree.node else { return xxh3_64(text.as_bytes()) };
    let learns = |key: &str| matches!(key, "baseline" | "first_seen");
    let learning = entries.iter().any(|(key, _)| learns(&key.text));
    for (key, value) in entries {
        let name = key.text.as_str();
        if !(counting::KINDS.contains(&name) || name == "needs" || name == "when" && !learning) {
            continue;
        }
        text.push_str(name);
        match &value.node {
            document::Node::Map(inside) if learns(name) => {
                for (key, value) in inside.iter().filter(|(key, _)| !TUNED.contains(&key.text.as_str())) {
                    text.push_str(&key.text);
                    value.node.canonical(&mut text);
                }
            }
            node => node.canonical(&mut text),
        }
    }
    xxh3_64(text.as_bytes())
}

fn id(file: &mut Section, path: &str, problems: &mut Problems) -> Option<(Family, String)> {
    let value =
        file.demand("id", "Write family and name, such as `id: key-usage.one_key_many_addresses`.", problems)?;
    let id = value.text("`id`", problems)?;
    let parts = id.split_once('.').filter(|(_, name)| {
        let letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'_' | b'-');
        !name.is_empty() && name.len() <= 64 && name.bytes().all(letter)
    });
    let Some((prefix, name)) = parts else {
        problems
            .add(value.line, format!("`{id}` is not an id. Write family, dot, and a name of a-z, 0-9, `_` and `-`."));
        return None;
    };
    let family = Family::ALL.into_iter().find(|family| family.name() == prefix);
    if family.is_none() {
        problems.add(value.line, unknown(prefix, "a family", Family::ALL.iter().map(|family| family.name())));
    }
    if path != format!("{prefix}/{name}.yaml") {
        problems
            .add(value.line, format!("`{id}` must stand in `{prefix}/{name}.yaml`. Move the file, or change the id."));
    }
    Some((family?, id))
}

fn texts(file: &mut Section, problems: &mut Problems) -> Option<Texts> {
    let title = file.demand_text("title", "Say in a few words what an alert is called.", problems);
    let why = file.demand_text("why", "Say why it matters, to somebody who has never seen it.", problems);
    let triage = file.demand_text("triage", "Say what to do first, in numbered steps.", problems);
    let false_alarms = file.demand_text("false_alarms", "Say when it is wrong, and what to do then.", problems);
    let says =
        file.demand("says", "Write the alert's sentence, such as `says: \"{entity} failed {count} times\"`.", problems);
    let says = says.and_then(|says| {
        let text = says.text("`says`", problems)?;
        placeholders::known(&text, says.line, problems);
        Some((text, says.line))
    });
    let (says, says_line) = says?;
    Some(Texts { title: title?, why: why?, triage: triage?, false_alarms: false_alarms?, says, says_line })
}

/// Returns the level called `name`; there being none is a problem.
pub(super) fn level_named(name: &str, line: usize, problems: &mut Problems) -> Option<Level> {
    let level = Level::ALL.into_iter().find(|level| level.name() == name);
    if level.is_none() {
        problems.add(line, unknown(name, "a level", Level::ALL.iter().map(|level| level.name())));
    }
    level
}

fn leveling(file: &mut Section, problems: &mut Problems) -> Option<Leveling> {
    let value = file.demand("level", "Write `level: high`, or levels by a field.", problems)?;
    if !matches!(value.node, document::Node::Map(_)) {
        let name = value.text("`level`", problems)?;
        return level_named(&name, value.line, problems).map(Leveling::Fixed);
    }
    let mut section = value.section("`level`", problems)?;
    let by = section.demand("by", "Name the field that decides, such as `by: secret.privilege`.", problems)?;
    let name = by.text("`by`", problems)?;
    let field = when::field(&name, by.line, problems)?;
    let default = section.demand_text("default", "Give the level of all other values.", problems)?;
    let default = level_named(&default, section.line, problems)?;
    let mut of = Vec::new();
    for (key, value) in section.rest() {
        if let Some(names) = when::names(field).filter(|names| !names.contains(&key.text.as_str())) {
            problems.add(key.line, unknown(&key.text, &format!("a value of `{name}`"), names.into_iter()));
        }
        let level = value.text("A level", problems).and_then(|level| level_named(&level, value.line, problems));
        of.extend(level.map(|level| (key.text.into(), level)));
    }
    Some(Leveling::By { field, of, default })
}

fn threat(file: &mut Section, threats: &Threats, problems: &mut Problems) -> Option<String> {
    let value = file.demand("threat", "Name a threat of threats.yaml.", problems)?;
    let id = value.text("`threat`", problems)?;
    if threats.named(&id).is_none() {
        problems.add(value.line, threats.unknown(&id));
    }
    Some(id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Lanes;
    use crate::telemetry::Category;

    const THREATS: &str = "\
- { id: key-theft, title: t, stride: spoofing, description: d, controls: [c], needs: [http.request] }
";
    const GOOD: &str = "\
id: key-usage.many
title: Many
level: high
threat: key-theft
attack: { version: 18, techniques: [T1078.004] }
needs: [http.request]
why: why
triage: triage
false_alarms: none
says: '{entity} did {count}'
when: { outcome: success }
threshold: { by: key.id, at_least: 3, within: 10m }
";

    fn compile(text: &str) -> Result<Compiled, Vec<String>> {
        let threats = Threats::read(THREATS).unwrap();
        let spec = DetectorSpec::read("key-usage/many.yaml", text).unwrap();
        spec.compile(&threats).map_err(|problems| problems.iter().map(ToString::to_string).collect())
    }

    fn problems_of(from: &str, to: &str) -> Vec<String> {
        assert!(GOOD.contains(from), "{from}");
        compile(&GOOD.replace(from, to)).unwrap_err()
    }

    #[test]
    fn a_sound_detector_compiles() {
        let detector = compile(GOOD).unwrap().detector;
        assert_eq!(detector.counting, Counting::Threshold { at_least: 3, within: Duration::from_mins(10).into() });
        assert_eq!((detector.family, detector.level), (Family::KeyUsage, Level::High));
        assert_eq!(detector.needs, Kind::HttpRequest.lanes());
        assert_eq!(detector.quiet, QUIET);
    }

    #[test]
    fn who_tunes_a_detector_keeps_what_it_has_learnt() {
        let version = |when: &str, counting: &str| {
            let text = GOOD.replace("when: { outcome: success }", when);
            let count = "threshold: { by: key.id, at_least: 3, within: 10m }";
            compile(&text.replace(count, counting)).unwrap_or_else(|problems| panic!("{problems:?}")).detector.version
        };
        let when = "when: { outcome: success }";
        let baseline = "baseline: { by: key.id, every: 1h, learn: 7d, tolerance: 4, at_least: 10 }";
        let tuned = "baseline: { by: key.id, every: 1h, learn: 14d, tolerance: 6, at_least: 20, side: above }";
        let less = "when: { outcome: success, not: { source.ip: 192.0.2.1 } }";
        assert_eq!(version(when, baseline), version(less, tuned));
        assert_ne!(version(when, baseline), version(when, &baseline.replace("1h", "30m")));
        assert_ne!(version(when, baseline), version(when, &baseline.replace("key.id", "app")));
        let threshold = "threshold: { by: key.id, at_least: 3, within: 10m }";
        assert_ne!(version(when, threshold), version(less, threshold));
    }

    #[test]
    fn a_category_stands_for_all_that_it_makes_and_for_no_other_that_makes_the_same() {
        let compiled = compile(&GOOD.replace("[http.request]", "[AppServiceHTTPLogs]")).unwrap();
        assert_eq!(compiled.rule.kinds, [Kind::HttpRequest, Kind::SignIn]);
        assert_eq!(compiled.detector.needs, Lanes(0).with(Category::AppServiceHTTPLogs.lane()));
    }

    #[test]
    fn every_problem_is_reported_with_its_line_and_its_mend() {
        let text = "\
id: key-usage.other
titel: Many
level: hihg
threat: key-teft
attack: { version: 18, techniques: [1078] }
needs: [http.reqest]
why: why
triage: triage
false_alarms: none
says: '{entitty} did {count'
when: { outcom: success, reason: key-invalit, response.status: high, source.ip: 300.1.1.1, request.path: { regex: '(' } }
threshold: { by: request.path, at_least: 0, within: 10 }
distinct: {}
";
        assert_eq!(
            compile(text).unwrap_err(),
            [
                "key-usage/many.yaml:1: `key-usage.other` must stand in `key-usage/other.yaml`. Move the file, or change the id.",
                "key-usage/many.yaml:1: `title` is missing. Say in a few words what an alert is called.",
                "key-usage/many.yaml:2: `titel` is not a key of a detector. Did you mean `title`?",
                "key-usage/many.yaml:3: `hihg` is not a level. Did you mean `high`?",
                "key-usage/many.yaml:4: `key-teft` is not a threat of threats.yaml. Did you mean `key-theft`?",
                "key-usage/many.yaml:5: `1078` is not an ATT&CK technique. Write `T1110` or `T1110.001`.",
                "key-usage/many.yaml:6: `http.reqest` is not a kind of event. Did you mean `http.request`?",
                "key-usage/many.yaml:10: `entitty` is not a placeholder of `says`. Did you mean `entity`?",
                "key-usage/many.yaml:10: `says` has a `{` without its `}`.",
                "key-usage/many.yaml:11: The regular expression can't be compiled: unclosed group. See docs.rs/regex.",
                "key-usage/many.yaml:11: `300.1.1.1` is not an address or network. Write `203.0.113.7` or `10.0.0.0/8`.",
                "key-usage/many.yaml:11: `key-invalit` is not a value of `reason`. Did you mean `key-invalid`?",
                "key-usage/many.yaml:11: `outcom` is not a field of an event. Did you mean `outcome`?",
                "key-usage/many.yaml:11: `response.status` must be a whole number, not `high`.",
                "key-usage/many.yaml:12: A detector counts in exactly one way, this one has threshold and distinct. Use one of: match, threshold, distinct, ratio, sum, average, percentile, sequence, first_seen, absence, baseline, risk, travel.",
                "key-usage/many.yaml:12: The first of `by` names who or what an alert is about. Put one of these first: app, function, gateway, source.ip, identity.name, identity.id, identity.app, key.id, origin, secret.id, secret.hash.",
                "key-usage/many.yaml:12: `at_least` must be a whole number from 1 to 10000, not `0`.",
                "key-usage/many.yaml:12: `within` must be a duration such as `30s`, `10m`, `1h` or `7d` (up to 3650d), not `10`.",
            ]
        );
    }

    #[test]
    fn a_condition_that_no_event_can_fulfil_is_a_problem() {
        assert_eq!(
            problems_of("{ outcome: success }", "{ kind: function.log }"),
            [
                "key-usage/many.yaml:11: The condition can hold for no event of the kinds in `needs`. Compare `kind` and `outcome`."
            ]
        );
    }

    #[test]
    fn what_can_never_fire_is_a_problem() {
        let when = "when: { outcome: success }\nthreshold: { by: key.id, at_least: 3, within: 10m }";
        let told = |counts: &str| problems_of(when, counts).join("\n");
        let once = "absence: { by: app, once: { outcome: failure }, expected: { outcome: failure }, within: 5m }";
        let share = "ratio: { of: { outcome: failure }, by: app, at_least: 50%, among: 9, within: 1h }";
        let steps = "steps: [ { when: { outcome: failure } }, { when: { outcome: success } } ]";
        for (counts, says) in [
            (
                "distinct: { count: key.id, by: key.id, more_than: 3, within: 10m }".to_owned(),
                "`count` is a part of `by`",
            ),
            (format!("when: {{ outcome: success }}\n{share}"), "`of` can hold for no event that `when` lets through"),
            (
                format!(
                    "when: {{ response.status: {{ lt: 400 }} }}\n{}",
                    share.replace("outcome: failure", "response.status: 500")
                ),
                "`response.status` contradicts itself",
            ),
            (
                "when: { response.status: { gte: 500, lt: 400 } }\nmatch: { by: app }".to_owned(),
                "The condition can hold for no event: what",
            ),
            (once.to_owned(), "`once` and `expected` are the same"),
            (format!("sequence: {{ by: app, within: 5m, gap: 10m, {steps} }}"), "`gap` is longer than `within`"),
        ] {
            assert!(told(&counts).contains(says), "{counts}: {}", told(&counts));
        }
    }

    #[test]
    fn forms_that_do_not_mix_and_alternatives_of_two_kinds_are_told_so() {
        let counting = "threshold: { by: key.id, at_least: 3, within: 10m }";
        assert_eq!(
            problems_of(counting, "absence: { by: app, after: 20m, missing: 30, learn: 7d }"),
            [
                "key-usage/many.yaml:12: `after` belongs to another form of `absence`. Write one of: `after` and `at_least`; `missing` and `learn`; `once`, `expected` and `within`."
            ]
        );
        assert_eq!(
            problems_of(counting, "match: { by: [function | app] }"),
            [
                "key-usage/many.yaml:12: An alert is about one kind of entity, and `function | app` are several. Name one of them, or such as `identity.id | identity.name`, which are one kind."
            ]
        );
        assert_eq!(
            problems_of("{ outcome: success }", "{ any: [] }"),
            ["key-usage/many.yaml:11: `any` and `all` take a list of conditions, not an empty one."]
        );
    }

    #[test]
    fn an_operator_that_does_not_fit_its_field_is_a_problem() {
        assert_eq!(
            problems_of("{ outcome: success }", "{ source.ip: { starts_with: '10.' } }"),
            ["key-usage/many.yaml:11: `source.ip` is an address: use an address or `in_network`."]
        );
        assert_eq!(
            problems_of("{ outcome: success }", "{ request.path: { gte: 5 } }"),
            ["key-usage/many.yaml:11: `request.path` is not a number: `gte` can't compare it."]
        );
    }

    #[test]
    fn levels_by_a_field_name_values_that_exist() {
        let level = "level: { by: secret.privilege, mastre: critical, default: low }";
        assert!(problems_of("level: high", level)[0].ends_with("Did you mean `master`?"));
        let mended = GOOD.replace("level: high", &level.replace("mastre", "master"));
        assert!(compile(&mended).unwrap().rule.of_secret);
    }

    #[test]
    fn state_survives_a_better_title_but_not_another_condition() {
        let version = |text: &str| compile(text).unwrap().detector.version;
        assert_eq!(version(GOOD), version(&GOOD.replace("title: Many", "title: A great many")));
        assert_eq!(version(GOOD), version(&GOOD.replace("{ outcome: success }", "\n  outcome: success")));
        assert_ne!(version(GOOD), version(&GOOD.replace("within: 10m", "within: 11m")));
        assert_ne!(version(GOOD), version(&GOOD.replace("outcome: success", "outcome: failure")));
    }

    proptest::proptest! {
        #[test]
        fn no_file_makes_compiling_panic(line in 0..12_usize, with in "[ -~\u{e9}]{0,40}") {
            let lines: Vec<_> = GOOD.lines().enumerate().map(|(at, text)| if at == line { with.as_str() } else { text }).collect();
            let threats = Threats::read(THREATS).unwrap();
            if let Ok(spec) = DetectorSpec::read("key-usage/many.yaml", &lines.join("\n")) {
                _ = spec.compile(&threats);
            }
        }
    }
}
