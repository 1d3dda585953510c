//! Which statement answers a question about alerts?
//!
//! Lists are read in the order (`last_seen`, id) from the index that narrows most, which is named,
//! for the planner has no statistics to choose by. Everything that filters is bound, never pasted.

use std::fmt::Write as _;

use rusqlite::types::Value;

use crate::alerts::{AlertId, AlertState, Assignee, Class, EntityKind, Family, Level, Query};
use crate::clock::Timestamp;

use super::alert_rows::{level_number, state_number};
use super::reader::whole;

/// Which alerts, newest `last_seen` first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AlertQuery {
    /// `open`, `acknowledged` or `closed`; empty: all.
    pub states: Vec<String>,
    /// Empty: all.
    pub families: Vec<Family>,
    /// At least this bad.
    pub at_least: Option<Level>,
    /// Only this app.
    pub app: Option<String>,
    /// Only this detector.
    pub detector: Option<String>,
    /// Only those about this, of that kind if one is named.
    pub entity: Option<(Option<EntityKind>, String)>,
    /// Only those of this person, or of nobody.
    pub assignee: Option<Assignee>,
    /// Only those that were this.
    pub class: Option<Class>,
    /// Only those with an event at or after this.
    pub since: Option<Timestamp>,
    /// Only those without an event after this.
    pub until: Option<Timestamp>,
    /// Words that title, why, entity or detector must hold; each may be the beginning of one.
    pub text: Option<String>,
    /// Only alerts that come after this one in the order (a cursor: last_seen and id).
    pub after: Option<(Timestamp, AlertId)>,
    /// At most this many.
    pub limit: usize,
}

impl From<&Query> for AlertQuery {
    fn from(query: &Query) -> Self {
        Self {
            states: query.states.iter().map(|state| state.name().to_owned()).collect(),
            families: query.family.into_iter().collect(),
            at_least: query.at_least,
            app: query.app.clone(),
            detector: query.detector.clone(),
            entity: query.entity.clone(),
            assignee: query.assignee.clone(),
            class: query.class,
            since: query.since,
            until: query.until,
            text: query.text.clone(),
            after: None,
            limit: usize::MAX,
        }
    }
}

/// A statement in the making.
struct Statement {
    filter: String,
    values: Vec<Value>,
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

/// Returns the statement for a list and its values; `None` where nothing can match.
pub(super) fn select_alerts(query: &AlertQuery) -> Option<(String, Vec<Value>)> {
    let states: Vec<i64> = query.states.iter().filter_map(|name| state_named(name)).collect();
    if !query.states.is_empty() && states.is_empty() {
        return None;
    }
    let (index, more) = index(query, &states);
    let mut all = Statement { filter: format!("1{more}"), values: Vec::new() };
    if !states.is_empty() {
        let list: Vec<String> = states.iter().map(ToString::to_string).collect();
        let _ = write!(all.filter, " AND state IN ({})", list.join(", "));
    }
    if let Some(level) = query.at_least {
        let _ = write!(all.filter, " AND level >= {}", level_number(level));
    }
    narrow(&mut all, query);
    if let Some((last_seen, id)) = query.after {
        all.bind(" AND (last_seen, id) < (", Value::Integer(last_seen.nanos()));
        all.bind_text(", ", &id.to_string());
        all.filter += ")";
    }
    all.bind(" ORDER BY last_seen DESC, id DESC LIMIT ", Value::Integer(whole(query.limit)));
    let Statement { filter, values } = all;
    Some((format!("SELECT id, alert FROM alerts INDEXED BY {index} WHERE {filter}"), values))
}

/// Returns the index that narrows most, and what must be said for it to be used.
fn index(query: &AlertQuery, states: &[i64]) -> (&'static str, &'static str) {
    let unclosed = !states.is_empty() && states.iter().all(|&state| state < 2);
    match query {
        AlertQuery { entity: Some(_), .. } => ("alerts_by_entity", ""),
        AlertQuery { assignee: Some(Assignee::Named(_)), .. } => ("alerts_assigned", " AND assignee IS NOT NULL"),
        _ if unclosed => ("alerts_unclosed", " AND state < 2"),
        AlertQuery { class: Some(_), .. } => ("alerts_judged", " AND class IS NOT NULL"),
        AlertQuery { detector: Some(_), .. } => ("alerts_by_detector", ""),
        AlertQuery { app: Some(_), .. } => ("alerts_by_app", ""),
        AlertQuery { at_least: Some(Level::High | Level::Critical), .. } => ("alerts_severe", " AND level >= 3"),
        AlertQuery { families, .. } if families.len() == 1 => ("alerts_by_family", ""),
        _ => ("alerts_by_time", ""),
    }
}

fn narrow(all: &mut Statement, query: &AlertQuery) {
    if let Some(app) = &query.app {
        all.bind_text(" AND app = ", app);
    }
    if let Some(detector) = &query.detector {
        all.bind_text(" AND detector = ", detector);
    }
    if let Some((kind, value)) = &query.entity {
        all.bind_text(" AND entity = ", value);
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
    if let Some(since) = query.since {
        all.bind(" AND last_seen >= ", Value::Integer(since.nanos()));
    }
    if let Some(until) = query.until {
        all.bind(" AND last_seen <= ", Value::Integer(until.nanos()));
    }
    for (n, family) in query.families.iter().enumerate() {
        all.bind_text(if n == 0 { " AND family IN (" } else { ", " }, family.name());
    }
    if !query.families.is_empty() {
        all.filter += ")";
    }
    if let Some(words) = query.text.as_deref().and_then(full_text) {
        all.bind_text(" AND rowid IN (SELECT rowid FROM alert_words WHERE alert_words MATCH ", &words);
        all.filter += ")";
    }
}

fn state_named(name: &str) -> Option<i64> {
    use AlertState::{Acknowledged, Closed, Open};
    [Open, Acknowledged, Closed].into_iter().find(|state| state.name() == name).map(state_number)
}

/// Makes a full-text question of what a person typed: every word, each perhaps unfinished; at
/// most 16 of them. Nothing typed is taken for an operator. `None` if there is no word in it.
fn full_text(typed: &str) -> Option<String> {
    let words = typed.split(|c: char| c.is_whitespace() || c.is_control());
    let words = words.filter(|word| word.chars().any(char::is_alphanumeric)).take(16);
    let quoted: Vec<String> = words.map(|word| format!("\"{}\"*", word.replace('"', " "))).collect();
    (!quoted.is_empty()).then(|| quoted.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_person_types_is_words_never_operators() {
        assert_eq!(full_text("203.0.113.7 key"), Some("\"203.0.113.7\"* \"key\"*".into()));
        assert_eq!(full_text("a\" OR b"), Some("\"a \"* \"OR\"* \"b\"*".into()));
        assert_eq!(full_text(" -- * "), None);
    }

    #[test]
    fn a_list_of_states_nobody_knows_is_empty() {
        assert_eq!(select_alerts(&AlertQuery { states: vec!["gone".into()], ..AlertQuery::default() }), None);
    }
}
