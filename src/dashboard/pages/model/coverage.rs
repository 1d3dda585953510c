//! `/model/coverage`: is each threat seen on each endpoint, and if not, what would show it?
//!
//! Every cell has a sign and a word; one that nobody speaks of is blind. Threats are summed over all
//! endpoints that are asked for; of those, 200 are shown at once, those that fire or are blindest first.

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
use super::{Head, Pager, Wish, encoded, offered, part_address, shown};
use crate::posture::living::{Living, Sight};

/// Endpoints shown at once.
const EACH: usize = 200;

/// A threat, over all endpoints.
struct ThreatRow {
    id: String,
    title: String,
    stride: &'static str,
    counts: [String; Sight::ALL.len()],
    /// The categories of telemetry that would show it.
    tells: Vec<&'static str>,
}

/// An endpoint.
struct EndpointRow {
    name: String,
    href: String,
    /// By threat, with the alert where it fires.
    cells: Vec<(Sight, Option<String>)>,
}

#[derive(Template)]
#[template(path = "model_coverage.html")]
struct Coverage {
    frame: Frame,
    head: Head,
    threats: Vec<ThreatRow>,
    rows: Vec<EndpointRow>,
    pager: Pager,
    sights: [Sight; Sight::ALL.len()],
    apps: Vec<String>,
    app: Option<String>,
}

/// `GET /model/coverage`: `app`, `page`.
pub(in crate::dashboard) async fn page(
    State(app): State<Arc<App>>,
    Viewer(who): Viewer,
    Query(pairs): Query<Vec<(String, String)>>,
    headers: HeaderMap,
) -> Response {
    shown(&app, (who, headers), Wish(pairs), |asked| {
        render(StatusCode::OK, &Coverage::of(asked.frame("Coverage of threats"), asked.living, asked.site, asked.wish))
    })
    .await
}

impl Coverage {
    fn of(frame: Frame, living: &Living, site: Option<u32>, wish: &Wish) -> Self {
        let threats = living.threats.all.len();
        let mut counts = vec![[0_u64; Sight::ALL.len()]; threats];
        let mut ranked: Vec<(usize, usize, u32)> = Vec::new();
        for (at, part) in living.endpoints(site) {
            let sights = part.sights(threats);
            for (counts, sight) in counts.iter_mut().zip(&sights) {
                counts[*sight as usize] += 1;
            }
            let count = |wanted: Sight| sights.iter().filter(|sight| **sight == wanted).count();
            ranked.push((count(Sight::Firing), count(Sight::Blind), at));
        }
        ranked.sort_by_key(|(firing, blind, at)| (Reverse(*firing), Reverse(*blind), *at));
        let (pager, range) = Pager::of(ranked.len(), EACH, wish.page(), &wish.address("/model/coverage", ""));
        let rows = ranked.get(range).unwrap_or_default().iter().filter_map(|(.., at)| {
            let part = living.part(*at)?;
            let cell = |(threat, sight): (usize, Sight)| (sight, part.alert(threat).map(|alert| encoded(alert)));
            Some(EndpointRow {
                name: part.name.to_string(),
                href: part_address(part),
                cells: part.sights(threats).into_iter().enumerate().map(cell).collect(),
            })
        });
        let rows = rows.collect();
        let threat = |(at, counts): (usize, [u64; Sight::ALL.len()])| {
            let threat = living.threats.all.get(at)?;
            Some(ThreatRow {
                id: threat.id.clone(),
                title: threat.title.clone(),
                stride: threat.stride.name(),
                counts: counts.map(grouped),
                tells: living.would_tell(at),
            })
        };
        Self {
            frame,
            head: Head::of(living, "coverage", site),
            threats: counts.into_iter().enumerate().filter_map(threat).collect(),
            rows,
            pager,
            sights: Sight::ALL,
            apps: offered(living),
            app: wish.get("app").map(str::to_owned),
        }
    }
}
