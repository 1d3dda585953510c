//! `/model/changes`: what got weaker, stronger, came and went, the newest first.
//!
//! The last seven days are counted back from the newest event, so that a replayed past has a week too. 100
//! changes are shown at once.

use std::sync::Arc;
use std::time::Duration;

use askama::Template;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;

use super::super::super::app::App;
use super::super::super::door::Viewer;
use super::super::super::words::grouped;
use super::super::{Frame, render};
use super::{Head, Pager, Wish, absolute, class, encoded, offered, shown};
use crate::posture::living::{Drift, DriftKind, Living, Stands};

/// Changes shown at once.
const EACH: usize = 100;
const WEEK: Duration = Duration::from_hours(7 * 24);
/// Every kind, the most urgent first.
pub(super) const KINDS: [DriftKind; 5] =
    [DriftKind::Weaker, DriftKind::Stronger, DriftKind::Came, DriftKind::Went, DriftKind::Written];

/// A change as it is shown.
pub(super) struct ChangeRow {
    pub(super) at: String,
    pub(super) iso: String,
    pub(super) kind: DriftKind,
    pub(super) part: String,
    pub(super) part_encoded: String,
    pub(super) control: String,
    pub(super) states: Option<(Stands, Stands)>,
    pub(super) classes: (&'static str, &'static str),
    pub(super) says: String,
    pub(super) by: Option<(String, String)>,
    pub(super) alert: Option<String>,
}

impl ChangeRow {
    pub(super) fn of(drift: &Drift) -> Self {
        Self {
            at: absolute(drift.at),
            iso: drift.at.to_string(),
            kind: drift.kind,
            part: drift.part.to_string(),
            part_encoded: encoded(&drift.part),
            control: drift.control.to_string(),
            states: drift.states,
            classes: drift.states.map_or(("", ""), |(before, after)| (class(before), class(after))),
            says: drift.says.to_string(),
            by: drift.by.as_ref().map(|(who, whence)| (who.to_string(), whence.to_string())),
            alert: drift.alert.as_deref().map(encoded),
        }
    }
}

/// Returns the changes of the last week, and from when to when that is.
pub(super) fn week(living: &Living) -> (Vec<&Drift>, Option<(String, String)>) {
    let Some(to) = living.at.or_else(|| living.drifts.first().map(|drift| drift.at)) else {
        return (Vec::new(), None);
    };
    let from = to.minus(WEEK);
    let within = living.drifts.iter().filter(|drift| drift.at > from).collect();
    (within, Some((absolute(from), absolute(to))))
}

#[derive(Template)]
#[template(path = "model_changes.html")]
struct Changes {
    frame: Frame,
    head: Head,
    /// Of the week, by kind: how many, and where only those are.
    sums: Vec<(DriftKind, String, String)>,
    span: Option<(String, String)>,
    rows: Vec<ChangeRow>,
    pager: Pager,
    /// The name of the kind that is asked for; empty for any.
    kind: &'static str,
    everything: String,
    apps: Vec<String>,
    app: Option<String>,
}

/// `GET /model/changes`: `app`, `kind`, `page`.
pub(in crate::dashboard) async fn page(
    State(app): State<Arc<App>>,
    Viewer(who): Viewer,
    Query(pairs): Query<Vec<(String, String)>>,
    headers: HeaderMap,
) -> Response {
    shown(&app, (who, headers), Wish(pairs), |asked| {
        render(
            StatusCode::OK,
            &Changes::of(asked.frame("Changes of the threat model"), asked.living, asked.site, asked.wish),
        )
    })
    .await
}

impl Changes {
    fn of(frame: Frame, living: &Living, site: Option<u32>, wish: &Wish) -> Self {
        let kind = wish.get("kind").and_then(|name| KINDS.into_iter().find(|kind| kind.name() == name));
        let site_name = site.and_then(|site| living.part(site)).map(|part| &*part.name);
        // A part that went is in the model no longer: it is known by its name.
        let of_site = |drift: &Drift| {
            site_name.is_none_or(|name| {
                drift.part.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            })
        };
        let (recent, span) = week(living);
        let address = wish.address("/model/changes", "kind");
        let sum = |kind: DriftKind| {
            let count = recent.iter().filter(|drift| drift.kind == kind && of_site(drift)).count();
            (kind, grouped(count as u64), format!("{address}kind={}", kind.name()))
        };
        let sums = KINDS.into_iter().map(sum).collect();
        let wanted = |drift: &&Drift| of_site(drift) && kind.is_none_or(|kind| kind == drift.kind);
        let all: Vec<&Drift> = living.drifts.iter().filter(wanted).collect();
        let (pager, range) = Pager::of(all.len(), EACH, wish.page(), &wish.address("/model/changes", ""));
        Self {
            frame,
            head: Head::of(living, "changes", site),
            sums,
            span,
            rows: all.get(range).unwrap_or_default().iter().map(|drift| ChangeRow::of(drift)).collect(),
            pager,
            kind: kind.map_or("", DriftKind::name),
            everything: address.trim_end_matches(['?', '&']).to_owned(),
            apps: offered(living),
            app: wish.get("app").map(str::to_owned),
        }
    }
}
