//! `/attack`: which of an attacker's techniques would be seen, and which were?
//!
//! The techniques that detectors name, by the tactic that each serves, in the order of an attack. A detector is blind
//! where no telemetry that it needs has come since the start; a technique is, where all of its detectors are. As
//! many cells as detectors name techniques.

use std::collections::BTreeMap;
use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;

use super::super::app::App;
use super::super::board::Board;
use super::super::door::Viewer;
use super::super::words::grouped;
use super::detectors::LOOKS_BACK;
use super::technique::Technique;
use super::{Frame, render, store_problem};
use crate::posture::Kind;
use crate::store::Fired;

/// Detectors of a technique that are shown at once: those that fired most.
const FEW: usize = 4;

/// A detector of a technique.
struct Watcher {
    id: String,
    title: String,
    page: String,
    alerts: u64,
    alerts_shown: String,
    blind: bool,
}

/// A technique, and who watches for it.
struct Cell {
    technique: Technique,
    watchers: Vec<Watcher>,
    /// Those beyond the first few.
    more: Vec<Watcher>,
    /// `fired`, `watched` or `blind`.
    standing: &'static str,
}

/// A tactic, and its techniques.
struct Column {
    tactic: &'static str,
    cells: Vec<Cell>,
}

#[derive(Template)]
#[template(path = "attack.html")]
struct Attack {
    frame: Frame,
    columns: Vec<Column>,
    /// Techniques that fired, that are watched, that nobody could see.
    counts: [usize; 3],
}

/// `GET /attack`.
pub(in crate::dashboard) async fn page(
    State(app): State<Arc<App>>,
    Viewer(who): Viewer,
    headers: HeaderMap,
) -> Response {
    let now = app.parts.clock.now();
    match app.readers.read(move |reader| reader.fired(now.minus(LOOKS_BACK))).await {
        Ok(fired) => {
            let frame = Frame::new("ATT&CK", "detectors", Some(who), &headers);
            render(StatusCode::OK, &Attack::of(frame, &app.parts.board, &fired))
        }
        Err(error) => store_problem(&error, who, &headers),
    }
}

impl Attack {
    fn of(frame: Frame, board: &Board, fired: &BTreeMap<String, Fired>) -> Self {
        let fed = fed(board);
        let mut columns: BTreeMap<(usize, &'static str), BTreeMap<String, Vec<Watcher>>> = BTreeMap::new();
        for seen in &board.detectors {
            for (technique, tactic) in seen.techniques.iter().zip(&seen.tactics) {
                let alerts = fired.get(seen.key()).map_or(0, |came| came.alerts);
                let watcher = Watcher {
                    id: seen.key().clone(),
                    title: seen.title.clone(),
                    page: super::detector::address(seen.key()),
                    alerts,
                    alerts_shown: grouped(alerts),
                    blind: !fed.get(seen.key()).copied().unwrap_or(true),
                };
                let column = columns.entry(tactic.unwrap_or((usize::MAX, "other"))).or_default();
                column.entry(technique.clone()).or_default().push(watcher);
            }
        }
        let mut counts = [0; 3];
        let columns = columns.into_iter().map(|((_, tactic), cells)| {
            let cells = cells.into_iter().map(|(id, watchers)| Cell::of(&id, watchers, &mut counts));
            Column { tactic, cells: cells.collect() }
        });
        let columns = columns.collect();
        Self { frame, columns, counts }
    }
}

impl Cell {
    fn of(id: &str, mut watchers: Vec<Watcher>, counts: &mut [usize; 3]) -> Self {
        watchers.sort_by(|a, b| b.alerts.cmp(&a.alerts).then_with(|| a.id.cmp(&b.id)));
        let (place, standing) = if watchers.iter().any(|one| one.alerts > 0) {
            (0, "fired")
        } else if watchers.iter().all(|one| one.blind) {
            (2, "blind")
        } else {
            (1, "watched")
        };
        counts[place] += 1;
        let more = watchers.split_off(watchers.len().min(FEW));
        Self { technique: Technique::named(id), watchers, more, standing }
    }
}

/// Returns for each detector that needs something whether any of it has come since the start.
fn fed(board: &Board) -> BTreeMap<String, bool> {
    let mut come: Vec<Kind> = Vec::new();
    for seen in &board.elements {
        come.extend(seen.heard.iter().flat_map(|heard| heard.category.makes()));
    }
    let needs = board.needs();
    let fed =
        |kinds: &[Kind]| if kinds.is_empty() { !come.is_empty() } else { kinds.iter().any(|kind| come.contains(kind)) };
    needs.iter().map(|need| (need.detector.to_string(), fed(&need.kinds))).collect()
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;
    use crate::access::Identity;
    use crate::dashboard::board::DetectorSeen;
    use crate::posture::Need;

    fn shown(fired: &[&str]) -> Attack {
        let board = samples::board();
        let seen = |technique: &str, tactic| DetectorSeen {
            techniques: vec![technique.into()],
            tactics: vec![tactic],
            ..samples::detector()
        };
        board.detectors.insert("auth.a".into(), seen("T1110.001", Some((7, "credential-access"))));
        board.detectors.insert("probing.b".into(), seen("T1595", Some((0, "reconnaissance"))));
        board.detectors.insert("control.c".into(), seen("T9999", None));
        let need = |id: &str, kind| Need { detector: id.into(), title: "t".into(), kinds: vec![kind] };
        let kind = |name: &str| Kind::ALL.into_iter().find(|kind| kind.name() == name).unwrap();
        board.set_needs(vec![
            need("auth.a", kind("http.request")),
            need("probing.b", kind("http.request")),
            need("control.c", kind("control.operation")),
        ]);
        let fired = fired.iter().map(|id| ((*id).to_owned(), Fired { alerts: 3, ..Fired::default() })).collect();
        let frame = Frame::new("x", "detectors", Some(Identity::local()), &HeaderMap::new());
        Attack::of(frame, &board, &fired)
    }

    #[test]
    fn techniques_stand_by_tactic_in_the_order_of_an_attack_and_say_whether_they_would_be_seen() {
        let page = shown(&["auth.a"]);
        let told: Vec<_> = page
            .columns
            .iter()
            .map(|one| (one.tactic, one.cells[0].technique.id.as_str(), one.cells[0].standing))
            .collect();
        assert_eq!(
            told,
            [
                ("reconnaissance", "T1595", "watched"),
                ("credential-access", "T1110.001", "fired"),
                ("other", "T9999", "blind")
            ]
        );
        assert_eq!(page.counts, [1, 1, 1]);
        assert!(page.render().unwrap().contains("nothing that it needs has come"));
    }
}
