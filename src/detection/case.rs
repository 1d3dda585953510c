//! What does a case of a detector say? Given these events, these entities have an alert.
//!
//! A case is a few groups of events, each repeated at a pace with fields that vary by number. Read
//! like detectors: every problem at once, with its line. A case makes at most 20,000 events.

use std::fmt::Write as _;
use std::time::Duration;

use crate::posture::document;
use crate::posture::document::{Key, Located, Node, Section, unknown};
use crate::posture::{Problem, Problems};
use crate::telemetry::{Field, Kind};

use super::condition::Condition;
use super::{Level, case_raw, raw, when};

const MAX_EVENTS: i64 = 20_000;
const KEYS: [&str; 8] = ["name", "detector", "except", "given", "alert", "level", "count", "then_silence"];
/// Fields that a case may not set: they follow from others.
const DERIVED: [Field; 1] = [Field::Category];
/// What a secret of an event may say of itself.
const SECRET_KEYS: [&str; 13] = [
    "kind",
    "privilege",
    "confidence",
    "id",
    "where",
    "dummy",
    "age_days",
    "days_left",
    "issuer",
    "audience",
    "app",
    "permissions",
    "resource",
];
/// Those of [`SECRET_KEYS`] that were read out of the secret.
const SAID: [Field; 7] = [
    Field::SecretAgeDays,
    Field::SecretDaysLeft,
    Field::SecretIssuer,
    Field::SecretAudience,
    Field::SecretApp,
    Field::SecretPermissions,
    Field::SecretResource,
];

/// One case of a detector.
#[derive(Clone, Debug)]
pub struct Case {
    /// The file it stands in.
    pub file: String,
    /// The line it begins on.
    pub line: usize,
    /// What it shows, as a sentence.
    pub name: String,
    /// The events, group by group.
    pub given: Vec<Group>,
    /// How long the telemetry goes on after the last event, so that silence can be seen.
    pub then_silence: Duration,
    /// The entities for which the detector must fire; no others may.
    pub alert: Vec<String>,
    /// The worst level its findings must have.
    pub level: Option<Level>,
    /// How many events its findings must count in all.
    pub count: Option<u64>,
    /// The detector it is for, where it says so: one in a file of its own must.
    pub detector: Option<String>,
    /// What counts for nothing, as if an exception said so.
    pub(super) except: Option<Condition>,
}

/// Events that differ by a number only.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// How many.
    pub repeat: u32,
    /// How far apart.
    pub every: Duration,
    /// How long after the case's beginning the first is.
    pub start: Duration,
    /// What kind of event.
    pub kind: Kind,
    /// Fields and their templates; `{n}` is the event's number, from 1.
    pub fields: Vec<(Field, String)>,
    /// Members of the raw record that are no field, and their templates.
    pub raw: serde_json::Map<String, serde_json::Value>,
    /// Secrets seen in each event.
    pub secrets: Vec<SecretSeen>,
}

/// A secret seen in an event of a case.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SecretSeen {
    /// Its kind's name.
    pub kind: String,
    /// What it lets its holder do, by name; `None` where that is unknown.
    pub privilege: Option<String>,
    /// How sure we are, by name; `proven` where the case does not say.
    pub confidence: Option<String>,
    /// Its fingerprint, a template.
    pub id: String,
    /// The field it stands in; by the kind of event where the case does not say.
    pub place: Option<String>,
    /// Whether it is a dummy.
    pub dummy: bool,
    /// What it says of itself.
    pub said: Vec<(Field, String)>,
}

impl Case {
    /// Reads the cases of a file.
    ///
    /// # Errors
    ///
    /// Returns every problem of the file.
    pub fn read_all(file: &str, text: &str) -> Result<Vec<Self>, Vec<Problem>> {
        let tree = document::read(file, text).map_err(|problem| vec![problem])?;
        let mut problems = Problems::of(file);
        let cases = match tree.node {
            Node::List(items) => items.into_iter().filter_map(|item| case(file, item, &mut problems)).collect(),
            other => {
                problems.add(tree.line, format!("A file of cases is a list of cases, not {}.", other.describe()));
                Vec::new()
            }
        };
        if problems.is_empty() { Ok(cases) } else { Err(problems.into_list()) }
    }
}

fn case(file: &str, item: Located, problems: &mut Problems) -> Option<Case> {
    let line = item.line;
    let mut section = item.section("A case", problems)?;
    let name = section.demand_text("name", "Say what the case shows, as a sentence.", problems);
    let given = section.demand("given", "List groups of events.", problems);
    let given: Vec<_> = match given.map(|given| (given.line, given.node)) {
        Some((_, Node::List(groups))) => groups.into_iter().filter_map(|one| group(one, problems)).collect(),
        Some((line, _)) => {
            problems.add(line, "`given` must be a list of groups of events.");
            Vec::new()
        }
        None => Vec::new(),
    };
    if given.iter().map(|group| i64::from(group.repeat)).sum::<i64>() > MAX_EVENTS {
        problems.add(line, format!("A case has at most {MAX_EVENTS} events."));
    }
    let alert = section.demand("alert", "List the entities that get an alert, or write `alert: []`.", problems);
    let alert = alert.map(|list| list.texts("An entity", problems).into_iter().map(|(entity, _)| entity).collect());
    let level = section.take("level").and_then(|level| {
        let name = level.text("`level`", problems)?;
        let found = Level::ALL.into_iter().find(|level| level.name() == name);
        if found.is_none() {
            problems.add(level.line, unknown(&name, "a level", Level::ALL.iter().map(|level| level.name())));
        }
        found
    });
    let count = section.take("count").and_then(|count| count.number("`count`", 0, i64::MAX, problems));
    let then_silence = section.take("then_silence").and_then(|time| time.duration("`then_silence`", problems));
    let detector = section.take("detector").and_then(|detector| detector.text("`detector`", problems));
    let except = section.take("except").map(|except| when::compile(except, problems));
    section.finish("a key of a case", &KEYS, problems);
    Some(Case {
        file: file.to_owned(),
        line,
        name: name?,
        given,
        then_silence: then_silence.unwrap_or_default(),
        alert: alert?,
        level,
        count: count.and_then(|count| u64::try_from(count).ok()),
        detector,
        except,
    })
}

fn group(item: Located, problems: &mut Problems) -> Option<Group> {
    let mut section = item.section("A group of events", problems)?;
    let repeat = section.take("repeat").and_then(|repeat| repeat.number("`repeat`", 1, MAX_EVENTS, problems));
    let every = section.take("every").and_then(|every| every.duration("`every`", problems));
    let start = section.take("start").and_then(|start| start.duration("`start`", problems));
    let event = section.demand("event", "Say what the event's fields are.", problems);
    let vary = section.take("vary").and_then(|vary| vary.section("`vary`", problems));
    section.finish("a key of a group", &["repeat", "every", "start", "vary", "event"], problems);

    let mut group = Group {
        repeat: repeat.and_then(|repeat| u32::try_from(repeat).ok()).unwrap_or(1),
        every: every.unwrap_or(Duration::from_secs(1)),
        start: start.unwrap_or_default(),
        kind: Kind::Other,
        fields: Vec::new(),
        raw: serde_json::Map::new(),
        secrets: Vec::new(),
    };
    let mut event = event?.section("`event`", problems)?;
    group.kind = kind(&mut event, problems)?;
    if let Some(secret) = event.take("secret") {
        let secrets = match secret.node {
            Node::List(secrets) => secrets,
            node => vec![Located { line: secret.line, node }],
        };
        group.secrets = secrets.into_iter().filter_map(|one| seen(one, problems)).collect();
    }
    for (key, value) in event.rest() {
        set(&mut group, &key, &value, problems);
    }
    for (key, value) in vary.map(|mut vary| vary.rest()).unwrap_or_default() {
        set(&mut group, &key, &value, problems);
    }
    Some(group)
}

fn kind(event: &mut Section, problems: &mut Problems) -> Option<Kind> {
    let value = event.demand("kind", "Say what kind of event, such as `kind: http.request`.", problems)?;
    let name = value.text("`kind`", problems)?;
    let kind = Kind::named(&name);
    if kind.is_none() {
        problems.add(value.line, unknown(&name, "a kind of event", Kind::ALL.iter().map(|kind| kind.name())));
    }
    kind
}

fn set(group: &mut Group, key: &Key, value: &Located, problems: &mut Problems) {
    if key.text == "raw" || key.text.starts_with(raw::PREFIX) {
        return case_raw::set(&mut group.raw, key, value, problems);
    }
    let Some(text) = value.text(&format!("`{}`", key.text), problems) else { return };
    if key.text == "secret.id" {
        for secret in &mut group.secrets {
            secret.id.clone_from(&text);
        }
        return;
    }
    let Some(field) = when::field(&key.text, key.line, problems) else { return };
    if DERIVED.contains(&field) || field.of_secret() {
        problems.add(key.line, format!("`{}` can't be set: write `secret: {{ … }}`, or set `kind`.", key.text));
        return;
    }
    let is_one = |names: &Vec<&str>| match field.has_many() {
        true => text.split(' ').all(|word| names.contains(&word)),
        false => names.contains(&text.as_str()),
    };
    let known = when::names(field).filter(|names| !is_one(names));
    if let Some(names) = known.filter(|_| !text.contains('{')) {
        problems.add(value.line, unknown(&text, &format!("a value of `{}`", key.text), names.into_iter()));
    }
    group.fields.retain(|(set, _)| *set != field);
    group.fields.push((field, text));
}

fn seen(item: Located, problems: &mut Problems) -> Option<SecretSeen> {
    let mut section = item.section("`secret`", problems)?;
    let kind = section.demand_text("kind", "Name its kind, such as `kind: azure-function-key`.", problems);
    let id = section.demand_text("id", "Give its fingerprint, such as `id: azure-function-key:k1:AAAA2222`.", problems);
    let mut named = |key: &str, field: Field, problems: &mut Problems| {
        let value = section.take(key)?;
        let text = value.text(&format!("`{key}`"), problems)?;
        let names = when::names(field)?;
        if !names.contains(&text.as_str()) {
            problems.add(value.line, unknown(&text, &format!("a value of `{}`", field.name()), names.into_iter()));
        }
        Some(text)
    };
    let privilege = named("privilege", Field::SecretPrivilege, problems);
    let confidence = named("confidence", Field::SecretConfidence, problems);
    let place = named("where", Field::SecretWhere, problems);
    let dummy = section.take("dummy").is_some_and(|dummy| dummy.node == Node::Bool(true));
    let mut said = Vec::new();
    for field in SAID {
        let key = field.name().trim_start_matches("secret.");
        let Some(value) = section.take(key) else { continue };
        let Some(text) = value.text(&format!("`{key}`"), problems) else { continue };
        if matches!(field, Field::SecretAgeDays | Field::SecretDaysLeft) && text.parse::<i32>().is_err() {
            problems.add(value.line, format!("`{key}` is a number of days, such as `{key}: -1`."));
        }
        said.push((field, text));
    }
    section.finish("a key of `secret`", &SECRET_KEYS, problems);
    Some(SecretSeen { kind: kind?, privilege, confidence, id: id?, place, dummy, said })
}

/// Fills in a template: `{n}` is the number, `{n%15}`, `{n/15}` and `{n+15}` reckon with it.
pub(super) fn fill(template: &str, number: u32) -> String {
    let mut out = String::with_capacity(template.len());
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        out.push_str(before);
        let Some((inside, behind)) = after.split_once('}') else {
            out.push('{');
            rest = after;
            continue;
        };
        match reckon(inside, number) {
            Some(value) => _ = write!(out, "{value}"),
            None => _ = write!(out, "{{{inside}}}"),
        }
        rest = behind;
    }
    out.push_str(rest);
    out
}

fn reckon(expression: &str, number: u32) -> Option<u32> {
    let rest = expression.trim().strip_prefix('n')?;
    let mut signs = rest.chars();
    let Some(sign) = signs.next() else { return Some(number) };
    let by: u32 = signs.as_str().trim().parse().ok()?;
    match sign {
        '%' => number.checked_rem(by),
        '/' => number.checked_div(by),
        '+' => number.checked_add(by),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_reckons_with_the_events_number() {
        assert_eq!(fill("10.0.{n/250}.{n%250}", 501), "10.0.2.1");
        assert_eq!(fill("{n+1}-{n}-{m}-{n%0}-{", 1), "2-1-{m}-{n%0}-{");
    }

    #[test]
    fn every_problem_of_a_case_has_its_line() {
        let text = "\
- name: a
  given:
    - every: 5
      event: { kind: http.reqest, outcome: success }
    - event: { kind: http.request, outcome: sucess, sorce.ip: 1.2.3.4 }
  alret: []
";
        let said: Vec<_> = Case::read_all("a.test.yaml", text).unwrap_err().iter().map(ToString::to_string).collect();
        assert_eq!(
            said,
            [
                "a.test.yaml:1: `alert` is missing. List the entities that get an alert, or write `alert: []`.",
                "a.test.yaml:3: `every` must be a duration such as `30s`, `10m`, `1h` or `7d` (up to 3650d), not `5`.",
                "a.test.yaml:4: `http.reqest` is not a kind of event. Did you mean `http.request`?",
                "a.test.yaml:5: `sorce.ip` is not a field of an event. Did you mean `source.ip`?",
                "a.test.yaml:5: `sucess` is not a value of `outcome`. Did you mean `success`?",
                "a.test.yaml:6: `alret` is not a key of a case. Did you mean `alert`?",
            ]
        );
    }
}
