//! Which alerts belong together, for programs?
//!
//! The newest 10,000 alerts of the time that is asked about are grouped anew at each question; an
//! answer says whether that was all of them.

use std::sync::Arc;

use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Json, Response};
use serde_json::{Value, json};

use super::super::app::App;
use super::super::door::Viewer;
use super::problem::{problem, unreadable};
use crate::alerts::{self, Incident, Part, incidents};
use crate::store::AlertQuery;

/// Alerts that are grouped.
const MOST_ALERTS: usize = 10_000;
const MAX_LIMIT: usize = 200;

/// `GET /api/v1/incidents`: that were active last first; `query` narrows the alerts (without it
/// those of the last seven days, in whatever state), `least` leaves out those of fewer alerts (2),
/// `limit`.
pub(in crate::dashboard) async fn list(
    State(app): State<Arc<App>>,
    _: Viewer,
    Query(pairs): Query<Vec<(String, String)>>,
) -> Response {
    let (query, least, limit) = match asked(&pairs, app.parts.clock.now()) {
        Ok(asked) => asked,
        Err(says) => return problem(StatusCode::BAD_REQUEST, &says),
    };
    let read = app.readers.read(move |reader| {
        let mut parts = Vec::new();
        let all = reader.each_alert(&query, |alert| parts.push(Part::of(alert)))?;
        let mut found = incidents(parts);
        found.retain(|incident| incident.alerts.len() >= least);
        Ok((found, all))
    });
    match read.await {
        Ok((found, all)) => {
            let shown: Vec<Value> = found.iter().take(limit).map(shown).collect();
            Json(json!({"incidents": shown, "count": found.len(), "complete": all})).into_response()
        }
        Err(error) => unreadable(&error),
    }
}

fn asked(pairs: &[(String, String)], now: crate::clock::Timestamp) -> Result<(AlertQuery, usize, usize), String> {
    let (mut line, mut least, mut limit) = ("state:all since:7d", 2, 50);
    let number = |name: &str, text: &str| text.parse().map_err(|_| format!("`{name}` is a whole number."));
    for (name, value) in pairs {
        match name.as_str() {
            "query" => line = value,
            "least" => least = number(name, value)?,
            "limit" => limit = number(name, value)?,
            _ => return Err("this takes `query`, `least` and `limit`.".into()),
        }
    }
    let query = alerts::Query::parse(line, now)?;
    Ok((AlertQuery { limit: MOST_ALERTS, ..AlertQuery::from(&query) }, least, limit.clamp(1, MAX_LIMIT)))
}

fn shown(incident: &Incident) -> Value {
    let entity = |entity: &alerts::Entity| json!({"kind": entity.kind.name(), "value": &*entity.value});
    json!({
        "id": incident.id.to_string(),
        "state": if incident.closed { "closed" } else { "open" },
        "level": incident.level.name(),
        "first_seen": incident.span.0,
        "last_seen": incident.span.1,
        "alerts": incident.alerts.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "shared": incident.shared.iter().map(entity).collect::<Vec<_>>(),
    })
}
