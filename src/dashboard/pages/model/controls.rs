//! `/model/controls`: the state of each control, by app and part, the worst first.
//!
//! 200 states are shown at once. Counts are of all that the filter leaves, whatever their state.

use std::cmp::Reverse;
use std::sync::Arc;

use askama::Template;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;

use super::super::super::app::App;
use super::super::super::door::Viewer;
use super::super::super::words::grouped;
use super::super::{Frame, render};
use super::{Head, Pager, Wish, absolute, class, encoded, legend, offered, references, shown, shown_place};
use crate::posture::Level;
use crate::posture::living::{Living, Part, Standing, Stands};

/// States shown at once.
const EACH: usize = 200;

/// A control on a part.
pub(super) struct ControlRow {
    pub(super) id: String,
    pub(super) title: String,
    pub(super) level: &'static str,
    pub(super) stands: Stands,
    pub(super) class: &'static str,
    pub(super) says: String,
    /// How many events, from when to when, and the alert.
    pub(super) evidence: Option<(String, String, String, Option<String>)>,
    pub(super) place: String,
    why: String,
    pub(super) mend: String,
    would_tell: String,
    references: String,
    threats: String,
}

/// A part with its controls.
pub(super) struct PartRows {
    pub(super) name: String,
    pub(super) kind: &'static str,
    pub(super) owner: Option<String>,
    pub(super) rows: Vec<ControlRow>,
}

#[derive(Template)]
#[template(path = "model_controls.html")]
struct Controls {
    frame: Frame,
    head: Head,
    counts: Vec<(Stands, String, String)>,
    all: (String, String),
    parts: Vec<PartRows>,
    pager: Pager,
    apps: Vec<String>,
    app: Option<String>,
    part: Option<String>,
    /// The name of the state or level that is asked for; empty for any.
    state: &'static str,
    level: &'static str,
    levels: [Level; Level::ALL.len()],
    states: [Stands; Stands::ALL.len()],
}

/// `GET /model/controls`: `app`, `part`, `state`, `level`, `page`.
pub(in crate::dashboard) async fn page(
    State(app): State<Arc<App>>,
    Viewer(who): Viewer,
    Query(pairs): Query<Vec<(String, String)>>,
    headers: HeaderMap,
) -> Response {
    shown(&app, (who, headers), Wish(pairs), |asked| {
        render(StatusCode::OK, &Controls::of(asked.frame("Controls"), asked.living, asked.site, asked.wish))
    })
    .await
}

impl Controls {
    fn of(frame: Frame, living: &Living, site: Option<u32>, wish: &Wish) -> Self {
        let state = wish.get("state").and_then(|name| Stands::ALL.into_iter().find(|stands| stands.name() == name));
        let level = wish.get("level").and_then(|name| Level::ALL.into_iter().find(|level| level.name() == name));
        let part = wish.get("part");
        let about = |at: u32, one: &Part| {
            site.is_none_or(|site| living.site_of(at) == site)
                && part.is_none_or(|name| one.name.eq_ignore_ascii_case(name))
        };
        let mut parts: Vec<(u32, &Part)> = living.placed().filter(|(at, one)| about(*at, one)).collect();
        parts.retain(|(_, part)| !part.standings.is_empty());
        parts.sort_by_cached_key(|(at, part)| (Reverse(part.worst()), living.site_of(*at), *at));
        let mut counts = [0_u64; Stands::ALL.len()];
        let mut shown: Vec<(&Part, &Standing)> = Vec::new();
        for (_, part) in &parts {
            for standing in &part.standings {
                let is = |level: Level| standing.control(&living.controls).is_some_and(|one| one.level == level);
                if level.is_none_or(is) {
                    counts[standing.stands as usize] += 1;
                    if state.is_none_or(|state| state == standing.stands) {
                        shown.push((part, standing));
                    }
                }
            }
        }
        let (pager, range) = Pager::of(shown.len(), EACH, wish.page(), &wish.address("/model/controls", ""));
        let address = wish.address("/model/controls", "state");
        let count = |stands: Stands| {
            let address = format!("{address}state={}", encoded(stands.name()));
            (stands, grouped(counts[stands as usize]), address)
        };
        Self {
            frame,
            head: Head::of(living, "controls", site),
            counts: legend().into_iter().map(count).collect(),
            all: (grouped(counts.iter().sum()), address.trim_end_matches(['?', '&']).to_owned()),
            parts: gathered(living, shown.get(range).unwrap_or_default()),
            pager,
            apps: offered(living),
            app: wish.get("app").map(str::to_owned),
            part: part.map(str::to_owned),
            state: state.map_or("", Stands::name),
            level: level.map_or("", Level::name),
            levels: Level::ALL,
            states: legend(),
        }
    }
}

/// Returns states by their parts.
pub(super) fn gathered(living: &Living, shown: &[(&Part, &Standing)]) -> Vec<PartRows> {
    let mut parts: Vec<PartRows> = Vec::new();
    for (part, standing) in shown {
        let Some(row) = ControlRow::of(living, standing) else { continue };
        match parts.last_mut() {
            Some(last) if last.name == *part.name && last.kind == part.kind.name() => last.rows.push(row),
            _ => parts.push(PartRows {
                name: part.name.to_string(),
                kind: part.kind.name(),
                owner: part.owner.as_deref().map(str::to_owned),
                rows: vec![row],
            }),
        }
    }
    parts
}

impl ControlRow {
    pub(super) fn of(living: &Living, standing: &Standing) -> Option<Self> {
        let control = standing.control(&living.controls)?;
        let evidence = standing.evidence.as_deref().map(|one| {
            (grouped(one.count), absolute(one.first), absolute(one.last), one.alert.as_deref().map(encoded))
        });
        Some(Self {
            id: control.id.clone(),
            title: control.title.clone(),
            level: control.level.name(),
            stands: standing.stands,
            class: class(standing.stands),
            says: standing.says.to_string(),
            evidence,
            place: shown_place(standing.place.as_ref()),
            why: control.why.clone(),
            mend: control.mend.clone(),
            would_tell: control.would_tell.clone(),
            references: references(control),
            threats: control.threats.join(", "),
        })
    }
}
