//! What the board shows of apps and gateways, and the figures that follow from it.
//!
//! The board keeps 10,000 elements; of those that come later only the number of records is kept.

use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::clock::Timestamp;
use crate::dashboard::{Board, ElementSeen};
use crate::metrics::Metrics;
use crate::posture::{missing, too_early};
use crate::telemetry::Category;

use super::listening::ElementHeard;

/// Elements on the board.
const MAX_ELEMENTS: usize = 10_000;
/// How often the figures are reckoned.
pub(super) const EVERY: Duration = Duration::from_secs(30);

/// Adds what a batch brought of an element to the board.
pub(super) fn show(board: &Board, brought: &ElementHeard) {
    let key = (brought.kind, brought.name.clone());
    if !board.elements.contains_key(&key) && board.elements.len() >= MAX_ELEMENTS {
        let records = brought.heard.iter().map(|heard| heard.records).sum();
        board.unplaced.fetch_add(records, Ordering::Relaxed);
        return;
    }
    let nothing = || ElementSeen { resource: None, first: brought.first, heard: Vec::new() };
    let mut seen = board.elements.entry(key).or_insert_with(nothing);
    seen.first = seen.first.min(brought.first);
    if seen.resource.is_none() {
        seen.resource.clone_from(&brought.resource);
    }
    for heard in &brought.heard {
        match seen.heard.iter_mut().find(|known| known.category == heard.category) {
            Some(known) => known.add(heard),
            None => seen.heard.push(heard.clone()),
        }
    }
}

/// Sets the figures of what is missing and how old each category is.
pub(super) fn figures(board: &Board, metrics: &Metrics, now: Timestamp) {
    let (needs, newest) = (board.needs(), board.health().newest);
    let mut lacking = [0_i64; Category::ALL.len()];
    let mut last = [Timestamp::MIN; Category::ALL.len()];
    for seen in &board.elements {
        for heard in &seen.heard {
            let last = &mut last[usize::from(heard.category.lane())];
            *last = heard.newest.max(*last);
        }
        if too_early(seen.first, newest) {
            continue;
        }
        for gap in missing(seen.key().0, &seen.heard, &needs).iter().filter(|gap| gap.blinds()) {
            lacking[usize::from(gap.category.lane())] += 1;
        }
    }
    for (category, (lacking, last)) in Category::ALL.into_iter().zip(lacking.into_iter().zip(last)) {
        metrics.coverage_missing.set(&[category.name()], lacking);
        if last > Timestamp::MIN {
            let age = if now > last { now.since(last).as_secs() } else { 0 };
            metrics.category_age_seconds.set(&[category.name()], i64::try_from(age).unwrap_or(i64::MAX));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use crate::posture::{ElementKind, Heard, Need};
    use crate::telemetry::Kind;

    use super::super::listening::Listening;
    use super::*;

    const AT: Timestamp = Timestamp::from_seconds(1_795_442_400);

    fn brought(name: &str, heard: &[Category]) -> ElementHeard {
        let mut listening = Listening::default();
        let named = crate::posture::Named { kind: ElementKind::App, name, resource: None };
        let place = listening.element(named, AT).unwrap();
        let mut element = listening.into_elements(true).swap_remove(place);
        element.heard = heard.iter().copied().map(Heard::nothing).collect();
        element.heard.iter_mut().for_each(|heard| heard.hear(AT, 1, Some(AT)));
        element
    }

    fn board() -> Board {
        let board = Board::default();
        let need = |kinds: &[Kind]| Need { detector: "a.b".into(), title: "t".into(), kinds: kinds.to_vec() };
        board.set_needs(vec![need(&[Kind::HttpRequest]), need(&[Kind::HttpRequest, Kind::GatewayRequest])]);
        board
    }

    fn lacking(board: &Board, newest: Timestamp) -> String {
        let metrics = Metrics::new("0").unwrap();
        board.set_health(crate::dashboard::Health { newest: Some(newest), ..Default::default() });
        figures(board, &metrics, newest);
        let text = metrics.render();
        let line =
            text.lines().find(|line| line.starts_with("gatewatch_coverage_missing{category=\"AppServiceHTTPLogs\"}"));
        line.and_then(|line| line.split(' ').nth(1)).unwrap_or_default().to_owned()
    }

    #[test]
    fn an_app_without_its_access_log_counts_once_it_has_been_listened_to() {
        let board = board();
        show(&board, &brought("orders", &[Category::FunctionAppLogs]));
        assert_eq!(lacking(&board, AT.plus(Duration::from_mins(9))), "0");
        assert_eq!(lacking(&board, AT.plus(Duration::from_mins(10))), "1");
        show(&board, &brought("orders", &[Category::AppServiceHTTPLogs]));
        assert_eq!(lacking(&board, AT.plus(Duration::from_mins(10))), "0");
    }

    #[test]
    fn an_element_too_many_is_counted_and_not_kept() {
        let board = board();
        for n in 0..=MAX_ELEMENTS {
            show(&board, &brought(&format!("app-{n}"), &[Category::FunctionAppLogs]));
        }
        assert_eq!((board.elements.len(), board.unplaced.load(Ordering::Relaxed)), (MAX_ELEMENTS, 1));
        show(&board, &brought("app-7", &[Category::FunctionAppLogs]));
        let seen = board.elements.get(&(ElementKind::App, Arc::from("app-7"))).unwrap();
        assert_eq!(seen.heard[0].records, 2);
    }
}
