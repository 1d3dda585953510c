//! Which lines of a detector's file did an event fulfil?
//!
//! The conditions of the file are compiled clause by clause, each with the lines on which it stands, and held
//! against the event. What is not an alternative holds for every event that was matched, also for one whose
//! record no longer tells of the secret that was seen in it; of alternatives, and of the values of a list that
//! has a line for each, those are lit that hold. As many clauses as the file has.

use std::collections::BTreeSet;

use crate::posture::Problems;
use crate::posture::document::{self, Key, Located, Node};
use crate::redaction::RedactedEvent;

use super::condition::Condition;
use super::counting::KINDS;
use super::scene::Scene;
use super::when;

/// Operators whose values may stand on a line each.
const LISTED: [&str; 5] = ["contains", "starts_with", "ends_with", "regex", "in_network"];

/// The conditions of a detector's file, by line.
#[derive(Debug)]
pub struct Lit {
    clauses: Vec<Part>,
    counting: (usize, usize),
}

#[derive(Debug)]
enum Part {
    /// One clause: from line to line, and what it asks. Of values on a line each, their lines and what each asks.
    Clause { lines: (usize, usize), asks: Condition, values: Vec<(usize, Condition)> },
    /// Alternatives, and the line that says so.
    Any { line: usize, of: Vec<Vec<Part>> },
}

impl Lit {
    /// Reads a detector's file; `None` of one that is no detector.
    pub fn of(text: &str) -> Option<Self> {
        let Node::Map(entries) = document::read("", text).ok()?.node else { return None };
        let (mut clauses, mut counting) = (Vec::new(), (0, 0));
        for (key, value) in entries {
            if key.text == "when" {
                clauses.extend(parts(value));
            } else if KINDS.contains(&key.text.as_str()) {
                counting = (key.line, last_line(&value).max(key.line));
                clauses.extend(within_counting(value));
            }
        }
        Some(Self { clauses, counting })
    }

    /// Returns the lines that say how it counts, the first and the last.
    pub const fn counting(&self) -> (usize, usize) {
        self.counting
    }

    /// Returns the lines that hold for every event that was matched.
    pub fn always(&self) -> BTreeSet<usize> {
        let mut lines = BTreeSet::new();
        for part in &self.clauses {
            if let Part::Clause { lines: (first, last), .. } = part {
                lines.extend(*first..=*last);
            }
        }
        lines
    }

    /// Returns the lines that `event` fulfils.
    pub fn lines(&self, event: &RedactedEvent<'_>) -> BTreeSet<usize> {
        let mut lines = BTreeSet::new();
        light(&self.clauses, Scene::new(event, None), &mut lines);
        lines
    }
}

/// Conditions that stand in the section of the counting: the steps of a sequence, what a share is of.
fn within_counting(section: Located) -> Vec<Part> {
    let Node::Map(entries) = section.node else { return Vec::new() };
    let mut found = Vec::new();
    for (key, value) in entries {
        match (key.text.as_str(), value.node) {
            ("steps", Node::List(steps)) => {
                found.push(Part::Any { line: key.line, of: steps.into_iter().map(of_step).collect() });
            }
            ("of", node @ Node::Map(_)) => {
                let of = vec![parts(Located { line: value.line, node })];
                found.push(Part::Any { line: key.line, of });
            }
            _ => {}
        }
    }
    found
}

/// The condition of a step; how many events it takes is counted.
fn of_step(step: Located) -> Vec<Part> {
    let Node::Map(entries) = step.node else { return Vec::new() };
    entries.into_iter().find(|(key, _)| key.text == "when").map(|(_, when)| parts(when)).unwrap_or_default()
}

fn parts(condition: Located) -> Vec<Part> {
    let Node::Map(entries) = condition.node else { return Vec::new() };
    let mut all = Vec::new();
    for (key, value) in entries {
        match (key.text.as_str(), value.node) {
            ("any", Node::List(items)) => {
                all.push(Part::Any { line: key.line, of: items.into_iter().map(parts).collect() });
            }
            ("all", Node::List(items)) => all.extend(items.into_iter().flat_map(parts)),
            (_, node) => all.push(clause(&key, Located { line: value.line, node })),
        }
    }
    all
}

fn clause(key: &Key, value: Located) -> Part {
    let asks = |value: Located| when::clause(key, value, 0, &mut Problems::of(""));
    let last = last_line(&value).max(key.line);
    let listed = match &value.node {
        Node::List(items) => Some((key.line, None, items)),
        Node::Map(entries) => match entries.as_slice() {
            [(operator, Located { node: Node::List(items), .. })] if LISTED.contains(&operator.text.as_str()) => {
                Some((operator.line, Some(operator), items))
            }
            _ => None,
        },
        _ => None,
    };
    let Some((head, operator, items)) = listed.filter(|_| last > key.line) else {
        return Part::Clause { lines: (key.line, last), asks: asks(value), values: Vec::new() };
    };
    let values = items.iter().map(|item| {
        let node = match operator {
            Some(operator) => Node::Map(vec![(operator.clone(), item.clone())]),
            None => item.node.clone(),
        };
        (item.line, asks(Located { line: item.line, node }))
    });
    let values = values.collect();
    Part::Clause { lines: (key.line, head), asks: asks(value), values }
}

fn last_line(value: &Located) -> usize {
    let within = match &value.node {
        Node::List(items) => items.iter().map(last_line).max(),
        Node::Map(entries) => entries.iter().map(|(key, value)| last_line(value).max(key.line)).max(),
        _ => None,
    };
    within.unwrap_or(0).max(value.line)
}

fn light(parts: &[Part], scene: Scene<'_, '_>, lines: &mut BTreeSet<usize>) {
    for part in parts {
        match part {
            Part::Clause { lines: (first, last), asks, values } => {
                if asks.holds(scene) {
                    lines.extend(*first..=*last);
                    let held = values.iter().filter(|(_, asks)| asks.holds(scene));
                    lines.extend(held.map(|(line, _)| *line));
                }
            }
            Part::Any { line, of } => {
                for item in of.iter().filter(|item| item.iter().all(|part| holds(part, scene))) {
                    lines.insert(*line);
                    light(item, scene, lines);
                }
            }
        }
    }
}

fn holds(part: &Part, scene: Scene<'_, '_>) -> bool {
    match part {
        Part::Clause { asks, .. } => asks.holds(scene),
        Part::Any { of, .. } => of.iter().any(|item| item.iter().all(|part| holds(part, scene))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detection::Case;
    use crate::detection::cases::play;
    use crate::redaction::{KeyRing, Redactor, Settings};

    const FILE: &str = "\
id: x.y
when:
  outcome: failure
  response.status:
    - 401
    - 403
  request.path: { contains: [a, b] }
  any:
    - { request.method: GET }
    - request.method: POST
      source.ip: 10.0.0.0/8
threshold:
  by: source.ip
  at_least: 3
  within: 1m
";

    /// The lines that one request fulfils.
    fn lit_by(lit: &Lit, event: &str) -> Vec<usize> {
        let redactor = Redactor::new(&KeyRing::ephemeral().unwrap(), &Settings::default()).unwrap();
        let text =
            format!("- name: n\n  alert: []\n  given:\n    - event: {{ kind: http.request, app: a, {event} }}\n");
        let cases = Case::read_all("x.test.yaml", &text).unwrap();
        let mut lines = Vec::new();
        play(&cases[0], &redactor, |event, _| lines = lit.lines(event).into_iter().collect());
        lines
    }

    #[test]
    fn what_is_no_alternative_holds_always_and_the_counting_is_known_by_its_lines() {
        let lit = Lit::of(FILE).unwrap();
        assert_eq!(lit.always().into_iter().collect::<Vec<_>>(), [3, 4, 7]);
        assert_eq!(lit.counting(), (12, 15));
        assert!(Lit::of("- a").is_none());
    }

    #[test]
    fn of_alternatives_and_of_values_on_a_line_each_those_are_lit_that_hold() {
        let lit = Lit::of(FILE).unwrap();
        let lines = |method: &str, ip: &str| {
            let event = format!(
                "outcome: failure, response.status: 403, request.path: /a, request.method: {method}, source.ip: {ip}"
            );
            lit_by(&lit, &event)
        };
        assert_eq!(lines("GET", "203.0.113.7"), [3, 4, 6, 7, 8, 9]);
        assert_eq!(lines("POST", "10.1.2.3"), [3, 4, 6, 7, 8, 10, 11]);
        assert_eq!(lines("POST", "203.0.113.7"), [3, 4, 6, 7]);
    }

    #[test]
    fn of_a_sequence_those_steps_are_lit_that_an_event_took() {
        let lit = Lit::of(
            "sequence:\n  by: source.ip\n  steps:\n    - at_least: 2\n      when: { outcome: failure }\n    - when:\n        outcome: success\n",
        );
        let lit = lit.unwrap();
        assert!(lit.always().is_empty());
        assert_eq!(lit.counting(), (1, 7));
        assert_eq!(lit_by(&lit, "outcome: success, response.status: 200"), [3, 7]);
        assert_eq!(lit_by(&lit, "outcome: failure, response.status: 403"), [3, 5]);
    }
}
