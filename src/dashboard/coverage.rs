//! What arrives of each app and gateway, and what is missing: for the page and for programs.
//!
//! Reckoned anew for each request from what the board holds, at most 10,000 elements; the blindest
//! first, then those silent longest.

use std::cmp::Reverse;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::extract::State;
use axum::response::{IntoResponse, Json, Response};
use serde_json::{Value, json};

use super::app::App;
use super::board::Board;
use super::door::Viewer;
use crate::clock::Timestamp;
use crate::posture::{ElementKind, Heard, Missing, Need, Terms, commands, missing, too_early};

/// Elements in one answer.
const MAX_LISTED: usize = 1_000;

/// One app, gateway or what else sends telemetry.
pub(super) struct Covered {
    pub(super) kind: ElementKind,
    pub(super) name: Arc<str>,
    pub(super) resource: Option<Arc<str>>,
    /// What came, the newest first.
    pub(super) heard: Vec<Heard>,
    /// What is missing, the worst first.
    pub(super) missing: Vec<Missing>,
    /// Whether it has been listened to for too short a time to say what is missing.
    pub(super) early: bool,
}

impl Covered {
    /// Returns how many detectors are blind to it for sure.
    pub(super) fn blind(&self) -> usize {
        self.missing.iter().filter(|gap| !self.early && gap.blinds()).map(|gap| gap.blind.len()).sum()
    }

    /// Returns the newest event time.
    pub(super) fn newest(&self) -> Timestamp {
        self.heard.first().map_or(Timestamp::MIN, |heard| heard.newest)
    }

    /// Returns the commands that switch on what is missing: one for all that every such element can
    /// send, one each for what depends on something: Azure refuses a setting as a whole.
    pub(super) fn switches(&self) -> Vec<String> {
        let (sure, unsure): (Vec<_>, Vec<_>) = self.missing.iter().partition(|gap| gap.terms == Terms::Always);
        let sure: Vec<_> = sure.into_iter().map(|gap| gap.category).collect();
        let resource = self.resource.as_deref();
        let mut all = commands(self.kind, resource, &sure);
        all.extend(unsure.into_iter().flat_map(|gap| commands(self.kind, resource, &[gap.category])));
        all
    }
}

/// Returns every element on the board, the blindest first.
pub(super) fn covered(board: &Board, needs: &[Need]) -> Vec<Covered> {
    let newest = board.health().newest;
    let mut all: Vec<Covered> = board
        .elements
        .iter()
        .map(|seen| {
            let (kind, name) = seen.key().clone();
            let mut heard = seen.heard.clone();
            heard.sort_by_key(|heard| Reverse(heard.newest));
            let missing = missing(kind, &heard, needs);
            let early = too_early(seen.first, newest);
            Covered { kind, name, resource: seen.resource.clone(), heard, missing, early }
        })
        .collect();
    all.sort_by_cached_key(|one| (Reverse(one.blind()), one.newest(), one.kind, one.name.clone()));
    all
}

/// Returns the names of the apps on the board, in no order.
pub(super) fn apps(board: &Board) -> impl Iterator<Item = String> {
    let apps = board.elements.iter().filter(|seen| seen.key().0 == ElementKind::App);
    apps.map(|seen| seen.key().1.to_string())
}

/// `GET /api/v1/coverage`: what arrives of each app and gateway, and what is missing.
pub(super) async fn api(State(app): State<Arc<App>>, _: Viewer) -> Response {
    let board = &app.parts.board;
    let needs = board.needs();
    let all = covered(board, &needs);
    let more = all.len().saturating_sub(MAX_LISTED);
    let elements: Vec<Value> = all.iter().take(MAX_LISTED).map(|one| element(one, &needs)).collect();
    let unplaced = board.unplaced.load(Ordering::Relaxed);
    Json(json!({ "elements": elements, "more": more, "records_of_others": unplaced })).into_response()
}

fn element(one: &Covered, needs: &[Need]) -> Value {
    let arrives = |heard: &Heard| {
        json!({
            "category": heard.category.name(),
            "records": heard.records,
            "last_event": heard.newest.to_string(),
            "late_seconds": { "half": heard.late.within(50).map(|late| late.as_secs()), "most": heard.late.within(95).map(|late| late.as_secs()) },
            "sampled_one_of": heard.sampled(),
        })
    };
    let lacks = |gap: &Missing| {
        let ids = |of: &[usize]| {
            of.iter().filter_map(|&at| needs.get(at)).map(|need| need.detector.to_string()).collect::<Vec<_>>()
        };
        json!({
            "category": gap.category.name(),
            "says": gap.says(&one.name),
            "note": gap.terms.note(),
            "certain": !one.early && gap.blinds(),
            "blind": ids(&gap.blind),
            "partly": ids(&gap.partly),
        })
    };
    json!({
        "kind": one.kind.name(),
        "name": &*one.name,
        "resource": one.resource.as_deref(),
        "too_early": one.early,
        "arrives": one.heard.iter().map(arrives).collect::<Vec<_>>(),
        "missing": one.missing.iter().map(lacks).collect::<Vec<_>>(),
        "switch_on": one.switches(),
    })
}
