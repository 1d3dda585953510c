//! Which statement answers a question about alerts?
//!
//! Lists are read in the order (`last_seen`, id) from the index that narrows most, which is named,
//! for the planner has no statistics to choose by; where few alerts hold the words that are searched
//! for, those are looked at alone. Everything that filters is bound, never pasted.

use std::fmt::Write as _;

use rusqlite::types::Value;

use crate::alerts::{AlertId, Assignee, Level, Not, Query};
use crate::clock::Timestamp;
use crate::telemetry::written;

use super::alert_rows::{level_number, state_number};
use super::reader::whole;

/// Which alerts, newest `last_seen` first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlertQuery {
    /// What is asked.
    pub about: Query,
    /// Only alerts that come after this one in the order (a cursor: last_seen and id).
    pub after: Option<(Timestamp, AlertId)>,
    /// At most this many.
    pub limit: usize,
}

impl Default for AlertQuery {
    /// Every alert, and none of them.
    fn default() -> Self {
        Self { about: Query::any(), after: None, limit: 0 }
    }
}

impl From<Query> for AlertQuery {
    fn from(about: Query) -> Self {
        Self { about, after: None, limit: usize::MAX }
    }
}

/// What the full-text index says of the words that are searched for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Words {
    /// None are.
    Unasked,
    /// So few alerts hold what is asked that they are looked up one by one; with them the one that is called so.
    Few(String, Option<AlertId>),
    /// So many that they are looked for in the order of the list, by whoever reads it.
    Many,
}

/// A statement in the making.
pub(super) struct Statement {
    pub filter: String,
    pub values: Vec<Value>,
}

impl Statement {
    fn bind(&mut self, before: &str, value: Value) {
        self.values.push(value);
        let _ = write!(self.filter, "{before}?{}", self.values.len());
    }

    fn bind_text(&mut self, before: &str, value: &str) {
        self.bind(before, Value::Text(value.to_owned()));
    }
}

/// Returns the statement that reads `columns` of what a question means, in order, and its values.
pub(super) fn select(query: &AlertQuery, words: &Words, columns: &str) -> (String, Vec<Value>) {
    let (index, more) = match words {
        Words::Few(..) => ("NOT INDEXED".to_owned(), ""),
        Words::Unasked | Words::Many => {
            let (name, more) = index(&query.about);
            (format!("INDEXED BY {name}"), more)
        }
    };
    let mut all = Statement { filter: format!("1{more}"), values: Vec::new() };
    narrow(&mut all, &query.about);
    if let Words::Few(matching, id) = words {
        all.bind_text(" AND alerts.rowid IN (SELECT rowid FROM alert_words WHERE alert_words MATCH ", matching);
        if let Some(id) = id {
            all.bind_text(" UNION SELECT rowid FROM alerts WHERE id = ", &id.to_string());
        }
        all.filter += ")";
    }
    if let Some((last_seen, id)) = query.after {
        all.bind(" AND (last_seen, id) < (", Value::Integer(last_seen.nanos()));
        all.bind_text(", ", &id.to_string());
        all.filter += ")";
    }
    all.filter += " ORDER BY last_seen DESC, id DESC";
    if *words != Words::Many {
        all.bind(" LIMIT ", Value::Integer(whole(query.limit)));
    }
    let Statement { filter, values } = all;
    (format!("SELECT {columns} FROM alerts {index} WHERE {filter}"), values)
}

/// Returns the index that narrows most, and what must be said for it to be used.
fn index(query: &Query) -> (&'static str, &'static str) {
    let unclosed = !query.states.is_empty() && query.states.iter().all(|&state| state_number(state) < 2);
    match query {
        Query { entity: Some(_), .. } => ("alerts_by_entity", ""),
        Query { assignee: Some(Assignee::Named(_)), .. } => ("alerts_assigned", " AND assignee IS NOT NULL"),
        _ if unclosed => ("alerts_unclosed", " AND state < 2"),
        // The others would look at each alert itself for when it opened.
        Query { opened: (Some(_), _) | (_, Some(_)), .. } => ("alerts_by_time", ""),
        Query { class: Some(_), .. } => ("alerts_judged", " AND class IS NOT NULL"),
        Query { detector: Some(_), .. } => ("alerts_by_detector", ""),
        Query { app: Some(_), .. } => ("alerts_by_app", ""),
        Query { at_least: Some(Level::High | Level::Critical), .. } => ("alerts_severe", " AND level >= 3"),
        Query { family: Some(_), .. } => ("alerts_by_family", ""),
        _ => ("alerts_by_time", ""),
    }
}

/// Adds what a question asks for, but for its words.
pub(super) fn narrow(all: &mut Statement, query: &Query) {
    if !query.states.is_empty() {
        let list: Vec<String> = query.states.iter().map(|state| state_number(*state).to_string()).collect();
        let _ = write!(all.filter, " AND state IN ({})", list.join(", "));
    }
    if let Some(level) = query.at_least {
        let _ = write!(all.filter, " AND level >= {}", level_number(level));
    }
    if let Some(level) = query.at_most {
        let _ = write!(all.filter, " AND level <= {}", level_number(level));
    }
    if let Some(app) = &query.app {
        all.bind_text(" AND app = ", app);
    }
    if let Some(detector) = &query.detector {
        all.bind_text(" AND detector = ", detector);
    }
    if let Some((kind, value)) = &query.entity {
        is_entity(all, " AND ", value);
        if let Some(kind) = kind {
            all.bind_text(" AND entity_kind = ", kind.name());
        }
    }
    match &query.assignee {
        Some(Assignee::Named(who)) => all.bind_text(" AND assignee = ", who),
        Some(Assignee::Nobody) => all.filter += " AND assignee IS NULL",
        None => {}
    }
    if let Some(class) = query.class {
        all.bind_text(" AND class = ", class.name());
    }
    // What opened later was seen later: that bounds how far an index is read.
    if let Some(since) = query.since.max(query.opened.0) {
        all.bind(" AND last_seen >= ", Value::Integer(since.nanos()));
    }
    if let Some(from) = query.opened.0 {
        all.bind(" AND opened_at >= ", Value::Integer(from.nanos()));
    }
    if let Some(to) = query.opened.1 {
        all.bind(" AND opened_at < ", Value::Integer(to.nanos()));
    }
    if let Some(until) = query.until {
        all.bind(" AND last_seen <= ", Value::Integer(until.nanos()));
    }
    if let Some(family) = query.family {
        all.bind_text(" AND family = ", family.name());
    }
    for not in &query.not {
        leave_out(all, not);
    }
}

/// Asks for what is about `value`, as it is typed or as alerts write it.
fn is_entity(all: &mut Statement, before: &str, value: &str) {
    let written = written(value);
    all.filter += before;
    all.bind_text("entity IN (", value);
    // Two that differ are in no one order of the index.
    if *written != *value {
        all.bind_text(", ", &written);
    }
    all.filter += ")";
}

/// Leaves out what a question does not want; what has no such value stays.
fn leave_out(all: &mut Statement, not: &Not) {
    match not {
        Not::Level(level) => {
            let _ = write!(all.filter, " AND level <> {}", level_number(*level));
        }
        Not::Family(family) => all.bind_text(" AND family <> ", family.name()),
        Not::App(app) => all.bind_text(" AND app IS NOT ", app),
        Not::Detector(detector) => all.bind_text(" AND detector <> ", detector),
        Not::Entity(None, value) => is_entity(all, " AND NOT ", value),
        Not::Entity(Some(kind), value) => {
            is_entity(all, " AND NOT (", value);
            all.bind_text(" AND entity_kind = ", kind.name());
            all.filter += ")";
        }
        Not::Assignee(Assignee::Named(who)) => all.bind_text(" AND assignee IS NOT ", who),
        Not::Assignee(Assignee::Nobody) => all.filter += " AND assignee IS NOT NULL",
        Not::Class(class) => all.bind_text(" AND class IS NOT ", class.name()),
    }
}

/// Makes a full-text question of what a person typed: every word, each perhaps unfinished; at
/// most 16 of them. Nothing typed is taken for an operator. `None` if there is no word in it.
pub(super) fn full_text(typed: &str) -> Option<String> {
    let words = typed.split(|c: char| c.is_whitespace() || c.is_control());
    let words = words.filter(|word| word.chars().any(char::is_alphanumeric)).take(16);
    let quoted: Vec<String> = words.map(|word| format!("\"{}\"*", word.replace('"', " "))).collect();
    (!quoted.is_empty()).then(|| quoted.join(" "))
}

/// Returns the id of an alert, where that is all a person typed: 16 hexadecimal digits.
pub(super) fn whole_id(typed: &str) -> Option<AlertId> {
    let typed = typed.trim();
    (typed.len() == 16 && typed.bytes().all(|byte| byte.is_ascii_hexdigit())).then(|| typed.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sixteen_hexadecimal_digits_are_an_id_and_nothing_else_is() {
        assert_eq!(whole_id(" 00000000000000aB "), Some(AlertId(0xab)));
        for typed in ["ab", "+0000000000000ab", "00000000000000ab key", "00000000000000ag", "00000000000000a\u{e9}"] {
            assert_eq!(whole_id(typed), None, "{typed}");
        }
    }

    #[test]
    fn what_a_person_types_is_words_never_operators() {
        assert_eq!(full_text("203.0.113.7 key"), Some("\"203.0.113.7\"* \"key\"*".into()));
        assert_eq!(full_text("a\" OR b"), Some("\"a \"* \"OR\"* \"b\"*".into()));
        assert_eq!(full_text(" -- * "), None);
    }
}
