//! `/detectors`: what watches, how often did each fire, and was it right?
//!
//! Counts are of the last 30 days; precision is what people said when they closed alerts, so of a
//! detector that nobody judged there is none. Every detector that runs is on the page.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use askama::Template;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;

use super::super::app::App;
use super::super::board::{Board, DetectorSeen};
use super::super::door::Viewer;
use super::super::words::{When, grouped};
use super::days::{DAYS, Days};
use super::{Frame, render, store_problem};
use crate::alerts::Family;
use crate::clock::Timestamp;
use crate::store::Fired;

/// How far back counts go.
pub(super) const LOOKS_BACK: Duration = Duration::from_hours(24 * 30);

struct Row {
    id: String,
    title: String,
    level: &'static str,
    why: String,
    /// The address of its page.
    page: String,
    /// The query string of its alerts of 30 days.
    asked: String,
    alerts: u64,
    alerts_shown: String,
    last: Option<When>,
    days: Option<Days>,
    /// How many events it has matched since the start.
    matched: String,
    /// `94 % of 17`, and whether that is so little that it costs nerves.
    precision: Option<(String, bool)>,
}

struct Group {
    family: &'static str,
    rows: Vec<Row>,
}

#[derive(Template)]
#[template(path = "detectors.html")]
struct Detectors {
    frame: Frame,
    groups: Vec<Group>,
    total: usize,
    fired: usize,
    /// What the list is narrowed to.
    only_fired: bool,
    family: Option<&'static str>,
    families: [&'static str; Family::ALL.len()],
}

/// `GET /detectors`: `family`, `fired=yes`.
pub(in crate::dashboard) async fn page(
    State(app): State<Arc<App>>,
    Viewer(who): Viewer,
    Query(pairs): Query<Vec<(String, String)>>,
    headers: HeaderMap,
) -> Response {
    let asked = |name: &str| pairs.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    let family = asked("family").and_then(|name| Family::ALL.into_iter().find(|family| family.name() == name));
    let only_fired = asked("fired") == Some("yes");
    let now = app.parts.clock.now();
    let read = app.readers.read(move |reader| {
        let fired = reader.fired(now.minus(LOOKS_BACK))?;
        let mut days = BTreeMap::new();
        for (id, came) in &fired {
            if came.alerts > 0 {
                days.insert(id.clone(), reader.fired_by_day(id, now, DAYS)?);
            }
        }
        Ok((fired, days))
    });
    match read.await {
        Ok((fired, days)) => {
            let frame = Frame::new("Detectors", "detectors", Some(who), &headers);
            let came = Came { fired, days, now };
            render(StatusCode::OK, &Detectors::of(frame, &app.parts.board, &came, (family, only_fired)))
        }
        Err(error) => store_problem(&error, who, &headers),
    }
}

/// What came of detectors, by their ids.
struct Came {
    fired: BTreeMap<String, Fired>,
    days: BTreeMap<String, Vec<u64>>,
    now: Timestamp,
}

impl Detectors {
    fn of(frame: Frame, board: &Board, all: &Came, (family, only_fired): (Option<Family>, bool)) -> Self {
        let matched = board.matched();
        let mut groups: BTreeMap<Family, Vec<Row>> = BTreeMap::new();
        let (mut total, mut with_alerts) = (0, 0);
        for seen in &board.detectors {
            let came = all.fired.get(seen.key()).copied().unwrap_or_default();
            total += 1;
            with_alerts += usize::from(came.alerts > 0);
            if family.is_none_or(|family| family == seen.family) && (!only_fired || came.alerts > 0) {
                let row = Row::of(seen.key(), &seen, came, (all, &matched));
                groups.entry(seen.family).or_default().push(row);
            }
        }
        let groups = groups.into_iter().map(|(family, mut rows)| {
            rows.sort_by(|a, b| b.alerts.cmp(&a.alerts).then_with(|| a.id.cmp(&b.id)));
            Group { family: family.name(), rows }
        });
        Self {
            frame,
            groups: groups.collect(),
            total,
            fired: with_alerts,
            only_fired,
            family: family.map(Family::name),
            families: Family::ALL.map(Family::name),
        }
    }
}

impl Row {
    fn of(id: &str, seen: &DetectorSeen, came: Fired, (all, matched): (&Came, &[u64])) -> Self {
        Self {
            id: id.to_owned(),
            title: seen.title.clone(),
            level: seen.level.name(),
            why: seen.why.clone(),
            page: super::detector::address(id),
            asked: super::detector::asked(id),
            alerts: came.alerts,
            alerts_shown: grouped(came.alerts),
            last: came.last.map(|at| When::new(at, all.now)),
            days: all.days.get(id).and_then(|counts| Days::of(counts)),
            matched: grouped(matched.get(seen.place).copied().unwrap_or_default()),
            precision: right(came),
        }
    }
}

/// Says how often a detector was right of how many judged, and whether that is so little that it costs nerves.
pub(super) fn right(came: Fired) -> Option<(String, bool)> {
    came.precision().map(|(part, of)| {
        let percent = (part * 100.0).round();
        (format!("{percent:.0} % of {}", grouped(of)), percent < 50.0 && of >= 5)
    })
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;
    use crate::access::Identity;

    fn shown(fired: &[(&str, Fired)], narrowed: (Option<Family>, bool)) -> String {
        let frame = Frame::new("Detectors", "detectors", Some(Identity::local()), &HeaderMap::new());
        let board = Board::default();
        board.detectors.insert("key-usage.one".into(), samples::detector());
        let other = DetectorSeen { family: Family::Probing, title: "A sweep".into(), ..samples::detector() };
        board.detectors.insert("probing.two".into(), other);
        board.set_matched(Arc::from([4_711, 0]));
        let days = BTreeMap::from([("key-usage.one".to_owned(), vec![3; 30])]);
        let fired = fired.iter().map(|(id, fired)| ((*id).to_owned(), *fired)).collect();
        let came = Came { fired, days, now: samples::NOW };
        Detectors::of(frame, &board, &came, narrowed).render().unwrap()
    }

    #[test]
    fn a_detector_says_how_often_it_fired_and_how_often_it_was_right() {
        let came = Fired { alerts: 1_234, last: Some(samples::NOW), judged: [1, 1, 8] };
        let html = shown(&[("key-usage.one", came)], (None, false));
        for part in
            ["1,234", "20 % of 10", "A sweep", "probing.two", "4,711", "3.0 a day", "/detectors/key%2Dusage%2Eone"]
        {
            assert!(html.contains(part), "{part} is missing in {html}");
        }
    }

    #[test]
    fn those_that_fired_or_of_one_family_are_shown_alone() {
        let came = Fired { alerts: 1, ..Fired::default() };
        assert!(!shown(&[("key-usage.one", came)], (None, true)).contains("A sweep"));
        assert!(shown(&[], (Some(Family::Probing), false)).contains("A sweep"));
        assert!(shown(&[], (None, true)).contains("None has fired"));
    }
}
