//! Would a detector's cases notice if somebody changed it?
//!
//! Every threshold of every shipped detector is moved up and down, every clause of its conditions, every value
//! of a list there, every detector that a step names and everything it needs is taken away, and every level becomes another; each time at least
//! one of the cases beside it must fail, or the part that was changed is one that nobody would miss.
//! Counts move by one, durations by half and by double. What is changed is the file as YAML reads it, and what
//! runs is the real matcher and engine.

#![expect(clippy::unwrap_used, reason = "a test fails where it unwraps")]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use gatewatch::detection::{Catalogue, cases};
use gatewatch::posture::document::{self, Node, parse_duration, write_duration};
use gatewatch::redaction::{KeyRing, Redactor, Settings};
use serde_json::{Map, Value, json};

/// Mutants that do what the detector does, and why no case can tell them apart: file, change, reason.
const EQUIVALENT: [(&str, &str, &str); 0] = [];

/// Keys of a detector under which it says how it counts.
const KINDS: [&str; 13] = [
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
/// Keys under which a condition stands.
const CONDITIONS: [&str; 4] = ["when", "once", "expected", "of"];
const LIMITS: [&str; 4] = ["gt", "gte", "lt", "lte"];

/// A detector with one change.
struct Mutant {
    /// Where, and what it was and is.
    change: String,
    detector: Value,
}

/// What stands in a file, as JSON, which is YAML too.
fn json_of(node: &Node) -> Value {
    match node {
        Node::Null => Value::Null,
        Node::Bool(value) => json!(value),
        Node::Number(value) => json!(value),
        Node::Real(value) => json!(value),
        Node::Text(text) => json!(text),
        Node::List(items) => items.iter().map(|item| json_of(&item.node)).collect(),
        Node::Map(entries) => {
            Value::Object(entries.iter().map(|(key, value)| (key.text.clone(), json_of(&value.node))).collect())
        }
    }
}

/// Every change of `detector`.
fn mutants(detector: &Value) -> Vec<Mutant> {
    let mut found = Vec::new();
    let Value::Object(keys) = detector else { return found };
    if let Some(Value::Array(needs)) =
        keys.get("needs").filter(|needs| needs.as_array().is_some_and(|all| all.len() > 1))
    {
        found.extend((0..needs.len()).map(|n| without_item(detector, "/needs", n)));
    }
    levels(detector, &keys["level"], "/level", &mut found);
    for (key, value) in keys.iter().filter(|(key, _)| KINDS.contains(&key.as_str()) || *key == "when") {
        let at = format!("/{key}");
        if key == "when" {
            clauses(detector, value, &at, &mut found);
        } else {
            thresholds(detector, value, &at, &mut found);
        }
    }
    found
}

/// Makes each level at `at` another.
fn levels(whole: &Value, value: &Value, at: &str, found: &mut Vec<Mutant>) {
    match value {
        Value::Object(map) => {
            for (key, value) in map.iter().filter(|(key, _)| *key != "by") {
                levels(whole, value, &format!("{at}/{}", key.replace('~', "~0").replace('/', "~1")), found);
            }
        }
        level => {
            let other = if level == "high" { "medium" } else { "high" };
            found.push(replaced(whole, at, json!(other)));
        }
    }
}

/// Moves each number and duration at `at` and below it; conditions there lose their clauses.
fn thresholds(whole: &Value, value: &Value, at: &str, found: &mut Vec<Mutant>) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                let below = format!("{at}/{key}");
                if CONDITIONS.contains(&key.as_str()) && value.is_object() {
                    clauses(whole, value, &below, found);
                } else if let ("detector", Value::Array(named)) = (key.as_str(), value) {
                    found.extend((0..named.len()).map(|n| without_item(whole, &below, n)));
                } else {
                    thresholds(whole, value, &below, found);
                }
            }
        }
        Value::Array(items) => {
            for (n, item) in items.iter().enumerate() {
                thresholds(whole, item, &format!("{at}/{n}"), found);
            }
        }
        _ => moved(value).into_iter().for_each(|other| found.push(replaced(whole, at, other))),
    }
}

/// The values beside a threshold; none of what is no threshold, or below the least there is.
fn moved(value: &Value) -> Vec<Value> {
    match value {
        Value::Number(_) => {
            let number = value.as_i64().unwrap();
            [number + 1, number - 1].into_iter().filter(|&other| other >= 1).map(|other| json!(other)).collect()
        }
        Value::String(text) => match (parse_duration(text), text.strip_suffix('%')) {
            (Some(time), _) => vec![json!(write_duration(time * 2)), json!(write_duration(time / 2))],
            (_, Some(percent)) => {
                let percent: i64 = percent.parse().unwrap();
                vec![json!(format!("{}%", percent + 1)), json!(format!("{}%", percent - 1))]
            }
            _ => Vec::new(),
        },
        _ => Vec::new(),
    }
}

/// Takes each clause of the condition at `at` away, and each value of a list, and moves each limit.
fn clauses(whole: &Value, condition: &Value, at: &str, found: &mut Vec<Mutant>) {
    let Value::Object(map) = condition else { return };
    for (key, value) in map {
        let below = format!("{at}/{}", key.replace('~', "~0").replace('/', "~1"));
        found.push(without(whole, at, key));
        match value {
            _ if LIMITS.contains(&key.as_str()) => {
                let limit = value.as_i64().unwrap();
                for other in [limit + 1, limit - 1] {
                    found.push(replaced(whole, &below, json!(other)));
                }
            }
            Value::Array(items) if key == "any" || key == "all" => {
                for (n, item) in items.iter().enumerate() {
                    if items.len() > 1 {
                        found.push(without_item(whole, &below, n));
                    }
                    several(whole, item, &format!("{below}/{n}"), found);
                }
            }
            Value::Object(_) => several(whole, value, &below, found),
            Value::Array(items) if items.len() > 1 => {
                for n in 0..items.len() {
                    found.push(without_item(whole, &below, n));
                }
            }
            _ => {}
        }
    }
}

/// As [`clauses`], but what has one clause only goes as a whole.
fn several(whole: &Value, condition: &Value, at: &str, found: &mut Vec<Mutant>) {
    let before = found.len();
    clauses(whole, condition, at, found);
    if let Value::Object(map) = condition
        && map.len() == 1
    {
        found.remove(before);
    }
}

fn replaced(whole: &Value, at: &str, other: Value) -> Mutant {
    let mut detector = whole.clone();
    let place = detector.pointer_mut(at).unwrap();
    let change = format!("{at}: {place} becomes {other}");
    *place = other;
    Mutant { change, detector }
}

fn without(whole: &Value, at: &str, key: &str) -> Mutant {
    let mut detector = whole.clone();
    let map = detector.pointer_mut(at).unwrap().as_object_mut().unwrap();
    map.remove(key).unwrap();
    if map.is_empty() {
        // What every event has: a condition must say something.
        *map = Map::from_iter([("kind".to_owned(), json!({ "exists": true }))]);
    }
    Mutant { change: format!("{at}: without {key}"), detector }
}

fn without_item(whole: &Value, at: &str, n: usize) -> Mutant {
    let mut detector = whole.clone();
    let gone = detector.pointer_mut(at).unwrap().as_array_mut().unwrap().remove(n);
    Mutant { change: format!("{at}: without {gone}"), detector }
}

/// Tells whether a case of the detector fails. One that no longer compiles is noticed too.
fn is_noticed(file: &str, detector: &Value, its_cases: &str, redactor: &Redactor) -> bool {
    let mut files = others(file, detector);
    if files.is_empty() {
        let threat = json!([{ "id": detector["threat"], "title": "t", "stride": "spoofing", "description": "d",
            "controls": ["c"], "needs": ["http.request"] }]);
        files.insert("threats.yaml".to_owned(), threat.to_string());
    }
    files.insert(format!("{file}.yaml"), detector.to_string());
    files.insert(format!("{file}.test.yaml"), its_cases.to_owned());
    Catalogue::build(&files)
        .map_or(true, |catalogue| cases::each(&catalogue, redactor).any(|result| result.wrong.is_some()))
}

/// The files of the shipped detectors whose findings a detector's steps take.
fn others(file: &str, detector: &Value) -> BTreeMap<String, String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("detectors");
    let texts = |value: &Value| match value {
        Value::Array(all) => all.iter().filter_map(|one| Some(one.as_str()?.to_owned())).collect(),
        one => one.as_str().map(str::to_owned).into_iter().collect::<Vec<_>>(),
    };
    let steps = detector.pointer("/sequence/steps").and_then(Value::as_array).into_iter().flatten();
    let mut paths = BTreeSet::new();
    for step in steps {
        paths.extend(texts(&step["detector"]).iter().map(|id| format!("{}.yaml", id.replacen('.', "/", 1))));
        for family in texts(&step["family"]) {
            let names = std::fs::read_dir(root.join(&family)).unwrap();
            let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
            paths.extend(names.filter(|name| !name.ends_with(".test.yaml")).map(|name| format!("{family}/{name}")));
        }
    }
    paths.remove(&format!("{file}.yaml"));
    let files = paths.into_iter().map(|path| (path.clone(), std::fs::read_to_string(root.join(&path)).unwrap()));
    // Those that go by others' findings themselves are never meant, and name some that are not here.
    files.filter(|(_, text)| !text.contains("- detector:") && !text.contains("- family:")).collect()
}

/// The shipped detectors: path without its ending, detector, cases.
fn shipped() -> Vec<(String, Value, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("detectors");
    let catalogue = Catalogue::shipped().unwrap();
    let read = |path: &str| std::fs::read_to_string(root.join(path)).unwrap();
    let one = |id: &str| {
        let file = id.replacen('.', "/", 1);
        let tree = document::read(&file, &read(&format!("{file}.yaml"))).unwrap();
        let its_cases = read(&format!("{file}.test.yaml"));
        (file, json_of(&tree.node), its_cases)
    };
    catalogue.detectors.all.iter().map(|detector| one(&detector.id)).collect()
}

#[test]
fn nothing_of_a_detector_changes_without_a_case_that_fails() {
    let redactor = Redactor::new(&KeyRing::ephemeral().unwrap(), &Settings::default()).unwrap();
    let all = shipped();
    // Else every mutant would fail, and nothing be said by it.
    for (file, detector, its_cases) in &all {
        assert!(!is_noticed(file, detector, its_cases, &redactor), "{file} fails as it is, written as JSON");
    }
    let jobs: Vec<_> = all
        .iter()
        .flat_map(|(file, detector, its_cases)| {
            mutants(detector).into_iter().map(move |mutant| (file, mutant, its_cases))
        })
        .collect();
    let next = AtomicUsize::new(0);
    let survivors = Mutex::new(BTreeSet::new());
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some((file, mutant, its_cases)) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if !is_noticed(file, &mutant.detector, its_cases, &redactor) {
                        survivors.lock().unwrap().insert((file.as_str(), mutant.change.as_str()));
                    }
                }
            });
        }
    });
    let survivors = survivors.into_inner().unwrap();
    let exempt: BTreeSet<_> = EQUIVALENT.iter().map(|(file, change, _)| (*file, *change)).collect();
    let mut said = String::new();
    for (file, change) in survivors.difference(&exempt) {
        writeln!(said, "  detectors/{file}.test.yaml: no case fails with {change}").unwrap();
    }
    for (file, change) in exempt.difference(&survivors) {
        writeln!(said, "  {file}: a case fails with {change}, so it needs no exemption").unwrap();
    }
    assert!(said.is_empty(), "of {} mutants:\n{said}", jobs.len());
    assert!(jobs.len() > 1_000, "{} mutants: are they found at all?", jobs.len());
}
