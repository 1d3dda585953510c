//! `/model/report`: the threat model as an auditor takes it, for the browser to print.
//!
//! All on one page, so each list has a ceiling and says what is beyond it: 200 apps with their reasons, 500
//! states that are not as they should be and 200 that are accepted, 200 changes. `app` makes it of one app. What
//! could not be seen stands in it as plainly as what could.

use std::cmp::Reverse;
use std::sync::Arc;

use askama::Template;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;

use super::super::super::app::App;
use super::super::super::board::Board;
use super::super::super::coverage::covered;
use super::super::super::door::Viewer;
use super::super::super::words::grouped;
use super::super::{Frame, render};
use super::changes::{ChangeRow, KINDS, week};
use super::controls::{PartRows, gathered};
use super::{Head, Wish, absolute, legend, shown, sites};
use crate::clock::Timestamp;
use crate::posture::living::{DriftKind, Living, Part, Sight, Standing, Stands};

const MOST_APPS: usize = 200;
const MOST_STATES: usize = 500;
const MOST_ACCEPTED: usize = 200;
const MOST_CHANGES: usize = 200;
const MOST_SENDERS: usize = 200;
/// Things listed that could not be seen.
const MOST_UNSEEN: usize = 200;

struct RiskRow {
    name: String,
    kind: &'static str,
    owner: Option<String>,
    score: Option<u8>,
    reasons: Vec<(u8, &'static str, String)>,
}

struct ControlSum {
    id: String,
    title: String,
    level: &'static str,
    counts: [String; Stands::ALL.len()],
    events: String,
}

struct ThreatSum {
    title: String,
    stride: &'static str,
    counts: [String; Sight::ALL.len()],
    controls: Vec<String>,
    tells: Vec<&'static str>,
}

struct Sender {
    name: String,
    kind: &'static str,
    arrives: Vec<String>,
    missing: Vec<String>,
}

/// A list that was cut, and how many items are beyond.
struct Cut<T> {
    items: Vec<T>,
    more: usize,
}

impl<T> Cut<T> {
    fn of(all: impl Iterator<Item = T>, total: usize, most: usize) -> Self {
        let items: Vec<T> = all.take(most).collect();
        Self { more: total.saturating_sub(items.len()), items }
    }
}

#[derive(Template)]
#[template(path = "model_report.html")]
struct Report {
    frame: Frame,
    head: Head,
    made: String,
    by: String,
    reviews: Vec<(String, String, String, bool)>,
    read: Vec<(String, String)>,
    scope: Vec<(&'static str, String)>,
    senders: Cut<Sender>,
    risks: Cut<RiskRow>,
    totals: Vec<(Stands, String)>,
    controls: Vec<ControlSum>,
    findings: Cut<PartRows>,
    accepted: Cut<PartRows>,
    threats: Vec<ThreatSum>,
    sights: [Sight; Sight::ALL.len()],
    states: [Stands; Stands::ALL.len()],
    week: Option<(String, String)>,
    sums: Vec<(DriftKind, usize)>,
    changes: Cut<ChangeRow>,
    unseen: Cut<(String, String)>,
}

/// `GET /model/report`: `app`.
pub(in crate::dashboard) async fn page(
    State(app): State<Arc<App>>,
    Viewer(who): Viewer,
    Query(pairs): Query<Vec<(String, String)>>,
    headers: HeaderMap,
) -> Response {
    let by = app.clone();
    shown(&app, (who, headers), Wish(pairs), move |asked| {
        let (frame, name) = (asked.frame("Threat model report"), asked.who.name.clone());
        render(
            StatusCode::OK,
            &Report::of(frame, (asked.living, &by.parts.board), asked.site, (by.parts.clock.now(), name)),
        )
    })
    .await
}

impl Report {
    fn of(frame: Frame, (living, board): (&Living, &Board), site: Option<u32>, (now, by): (Timestamp, String)) -> Self {
        let parts: Vec<(u32, &Part)> =
            living.placed().filter(|(at, _)| site.is_none_or(|site| living.site_of(*at) == site)).collect();
        let name = site.and_then(|site| living.part(site)).map(|part| part.name.to_string());
        let (totals, controls) = controls(living, &parts);
        let (recent, span) = week(living);
        let recent: Vec<_> = recent
            .into_iter()
            .filter(|drift| name.as_ref().is_none_or(|name| drift.part.starts_with(name.as_str())))
            .collect();
        let sums = KINDS.into_iter().map(|kind| (kind, recent.iter().filter(|one| one.kind == kind).count()));
        let wrong = |stands: Stands| matches!(stands, Stands::NotConfigured | Stands::Contradicted);
        Self {
            frame,
            head: Head::of(living, "report", site),
            made: absolute(now),
            by,
            reviews: living
                .reviews
                .iter()
                .map(|one| (one.by.clone(), absolute(one.on), one.version.clone(), one.version == living.version))
                .collect(),
            read: living.read.iter().map(|(what, at)| (what.clone(), absolute(*at))).collect(),
            scope: scope(&parts),
            senders: senders(board, name.as_deref()),
            risks: risks(living, site),
            totals,
            controls,
            findings: states(living, &parts, MOST_STATES, wrong),
            accepted: states(living, &parts, MOST_ACCEPTED, |stands| stands == Stands::Accepted),
            threats: threats(living, site),
            sights: Sight::ALL,
            states: legend(),
            week: span,
            sums: sums.collect(),
            changes: Cut::of(recent.iter().map(|one| ChangeRow::of(one)), recent.len(), MOST_CHANGES),
            unseen: unseen(living, &parts),
        }
    }

    /// Returns in which state nothing was reviewed at all.
    fn reviewed(&self) -> bool {
        self.reviews.iter().any(|(.., current)| *current)
    }
}

fn scope(parts: &[(u32, &Part)]) -> Vec<(&'static str, String)> {
    use crate::posture::living::PartKind;
    PartKind::ALL
        .into_iter()
        .map(|kind| (kind.name(), parts.iter().filter(|(_, part)| part.kind == kind).count() as u64))
        .filter(|(_, count)| *count > 0)
        .map(|(name, count)| (name, grouped(count)))
        .collect()
}

fn senders(board: &Board, only: Option<&str>) -> Cut<Sender> {
    let needs = board.needs();
    let all = covered(board, &needs);
    let wanted: Vec<_> = all.iter().filter(|one| only.is_none_or(|name| one.name.eq_ignore_ascii_case(name))).collect();
    let shown = wanted.iter().map(|one| Sender {
        name: one.name.to_string(),
        kind: one.kind.name(),
        arrives: one
            .heard
            .iter()
            .map(|heard| format!("{} (last {})", heard.category.name(), absolute(heard.newest)))
            .collect(),
        missing: one.missing.iter().map(|gap| gap.says(&one.name)).collect(),
    });
    Cut::of(shown, wanted.len(), MOST_SENDERS)
}

fn risks(living: &Living, site: Option<u32>) -> Cut<RiskRow> {
    let all: Vec<_> = sites(living).into_iter().filter(|(at, _)| site.is_none_or(|site| site == *at)).collect();
    let shown = all.iter().map(|(at, part)| {
        let risk = living.risks.iter().find(|risk| risk.part == *at);
        RiskRow {
            name: part.name.to_string(),
            kind: part.kind.name(),
            owner: part.owner.as_deref().map(str::to_owned),
            score: risk.map(|risk| risk.score),
            reasons: risk.map_or_else(Vec::new, |risk| {
                risk.reasons.iter().map(|(points, level, says)| (*points, level.name(), says.clone())).collect()
            }),
        }
    });
    Cut::of(shown, all.len(), MOST_APPS)
}

fn controls(living: &Living, parts: &[(u32, &Part)]) -> (Vec<(Stands, String)>, Vec<ControlSum>) {
    let mut totals = [0_u64; Stands::ALL.len()];
    let mut counts = vec![([0_u64; Stands::ALL.len()], 0_u64); living.controls.all.len()];
    for standing in parts.iter().flat_map(|(_, part)| &part.standings) {
        totals[standing.stands as usize] += 1;
        if let Some((counts, events)) = counts.get_mut(usize::from(standing.control)) {
            counts[standing.stands as usize] += 1;
            *events += standing.evidence.as_deref().map_or(0, |one| one.count);
        }
    }
    let mut rows: Vec<_> =
        living.controls.all.iter().zip(counts).filter(|(_, (counts, _))| counts.iter().sum::<u64>() > 0).collect();
    rows.sort_by_key(|(control, (counts, _))| {
        let at = |stands: Stands| counts[stands as usize];
        (Reverse(at(Stands::Contradicted)), Reverse(at(Stands::NotConfigured)), Reverse(control.level))
    });
    let row = |(control, (counts, events)): (&crate::posture::controls::Control, ([u64; 6], u64))| ControlSum {
        id: control.id.clone(),
        title: control.title.clone(),
        level: control.level.name(),
        counts: legend().map(|stands| grouped(counts[stands as usize])),
        events: grouped(events),
    };
    let totals = legend().into_iter().map(|stands| (stands, grouped(totals[stands as usize]))).collect();
    (totals, rows.into_iter().map(row).collect())
}

/// Returns the states that are wanted, the worst and weightiest first, by their parts.
fn states(living: &Living, parts: &[(u32, &Part)], most: usize, wanted: impl Fn(Stands) -> bool) -> Cut<PartRows> {
    let mut found: Vec<(u32, &Part, &Standing)> = Vec::new();
    for (at, part) in parts {
        found.extend(part.standings.iter().filter(|one| wanted(one.stands)).map(|one| (*at, *part, one)));
    }
    let total = found.len();
    let level = |one: &Standing| one.control(&living.controls).map(|control| control.level);
    found.sort_by_cached_key(|(at, _, one)| (Reverse(one.stands), Reverse(level(one)), *at));
    found.truncate(most);
    // Those that are told are told part by part.
    found.sort_by_key(|(at, ..)| *at);
    let shown: Vec<(&Part, &Standing)> = found.iter().map(|(_, part, one)| (*part, *one)).collect();
    Cut { items: gathered(living, &shown), more: total - found.len() }
}

fn threats(living: &Living, site: Option<u32>) -> Vec<ThreatSum> {
    let mut counts = vec![[0_u64; Sight::ALL.len()]; living.threats.all.len()];
    for (_, part) in living.endpoints(site) {
        for (counts, sight) in counts.iter_mut().zip(part.sights(living.threats.all.len())) {
            counts[sight as usize] += 1;
        }
    }
    let row = |(at, (threat, counts)): (usize, (&crate::posture::Threat, [u64; 4]))| ThreatSum {
        title: threat.title.clone(),
        stride: threat.stride.name(),
        counts: counts.map(grouped),
        controls: threat.controls.clone(),
        tells: living.would_tell(at),
    };
    living.threats.all.iter().zip(counts).enumerate().map(row).collect()
}

/// Returns what can't be told: the controls that are unknown, with how often and what would tell.
fn unseen(living: &Living, parts: &[(u32, &Part)]) -> Cut<(String, String)> {
    let mut counts = vec![0_u64; living.controls.all.len()];
    let unknown = parts.iter().flat_map(|(_, part)| &part.standings).filter(|one| one.stands == Stands::Unknown);
    for standing in unknown {
        if let Some(count) = counts.get_mut(usize::from(standing.control)) {
            *count += 1;
        }
    }
    let mut all: Vec<_> = living.controls.all.iter().zip(counts).filter(|(_, count)| *count > 0).collect();
    all.sort_by_key(|(_, count)| Reverse(*count));
    let total = all.len();
    let shown = all.into_iter().map(|(control, count)| {
        (format!("{}: unknown on {}", control.title, grouped(count)), control.would_tell.clone())
    });
    Cut::of(shown, total, MOST_UNSEEN)
}
