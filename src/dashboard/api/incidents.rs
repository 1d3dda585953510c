//! Which alerts belong together, for programs?
//!
//! The newest 10,000 alerts of the time that is asked about are grouped anew at each question; an
//! answer says whether that was all of them.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Json, Response};
use utoipa::IntoParams;

use super::super::app::App;
use super::super::door::Viewer;
use super::alert_form::EntityForm;
use super::asked::{number, plain};
use super::forms::{Incident as IncidentForm, IncidentList};
use super::problem::{Flaw, Pairs, flawed, unreadable};
use crate::alerts::{Incident, Part, Query, incidents};
use crate::store::AlertQuery;

/// Alerts that are grouped.
const MOST_ALERTS: usize = 10_000;
const MAX_LIMIT: usize = 200;

/// Which incidents are wanted.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "it describes what is read from pairs, so that all that is wrong can be said at once")]
pub(in crate::dashboard) struct Asked {
    /// A question about alerts, in one line; without it those of the last seven days, in whatever state.
    #[param(example = "state:all since:7d")]
    query: Option<String>,
    /// Only those of so many alerts or more.
    #[param(minimum = 1, maximum = 1_000, default = 2)]
    least: Option<u16>,
    /// At most so many.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u16>,
}

/// Lists incidents: alerts that share an entity and came within an hour of each other.
///
/// Those that were active last come first.
#[utoipa::path(
    get,
    path = "/api/v1/incidents",
    tag = "alerts",
    params(Asked),
    responses(
        (status = 200, description = "The incidents.", body = IncidentList),
        (status = 400, description = "The question is not understood: all that is wrong is in `errors`."),
        (status = 503, description = "The store can't be read now."),
    )
)]
pub(in crate::dashboard) async fn list(State(app): State<Arc<App>>, _: Viewer, Pairs(pairs): Pairs) -> Response {
    let (mut line, mut least, mut limit) = (String::from("state:all since:7d"), 2, 50);
    let asked = plain(&pairs, &["query", "least", "limit"], |name, value| {
        match name {
            "query" => value.clone_into(&mut line),
            "least" => least = number(name, value, 1_000)?,
            _ => limit = number(name, value, MAX_LIMIT)?,
        }
        Ok(())
    });
    let about = match asked.map(|()| Query::parse(&line, app.parts.clock.now())) {
        Ok(Ok(about)) => about,
        Ok(Err(wrong)) => return flawed(wrong.0.iter().map(|wrong| Flaw::of("query", wrong.to_string())).collect()),
        Err(answer) => return answer,
    };
    let query = AlertQuery { about, after: None, limit: MOST_ALERTS };
    let read = app.readers.read(move |reader| {
        let mut parts = Vec::new();
        let all = reader.each_alert(&query, |alert| parts.push(Part::of(&alert)))?;
        let mut found = incidents(parts);
        found.retain(|incident| incident.alerts.len() >= least);
        Ok((found, all))
    });
    match read.await {
        Ok((found, complete)) => {
            let incidents = found.iter().take(limit).map(shown).collect();
            Json(IncidentList { incidents, count: found.len(), complete }).into_response()
        }
        Err(error) => unreadable(&error),
    }
}

fn shown(incident: &Incident) -> IncidentForm {
    IncidentForm {
        id: incident.id.to_string(),
        state: if incident.closed { "closed" } else { "open" },
        level: incident.level,
        first_seen: incident.span.0,
        last_seen: incident.span.1,
        alerts: incident.alerts.iter().map(ToString::to_string).collect(),
        shared: incident.shared.iter().map(EntityForm::of).collect(),
    }
}
