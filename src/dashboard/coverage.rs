//! What arrives of each app and gateway, and what is missing: for the page and for programs.
//!
//! Reckoned anew for each request from what the board holds, at most 10,000 elements; the blindest
//! first, then those silent longest.

use std::cmp::Reverse;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::extract::State;
use axum::response::{IntoResponse, Json, Response};
use serde::Serialize;
use utoipa::ToSchema;

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

/// How late records came, from the event to its receipt.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Lateness {
    /// So late or less were half of them.
    half: Option<u64>,
    /// So late or less were 95 of 100.
    most: Option<u64>,
}

/// A category of telemetry that comes.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Arriving {
    category: &'static str,
    records: u64,
    last_event: String,
    late_seconds: Lateness,
    /// One of how many records was kept by whoever sent them, if that is known.
    sampled_one_of: Option<f64>,
}

/// A category of telemetry that does not come.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Lacking {
    category: &'static str,
    says: String,
    note: &'static str,
    /// Whether detectors are blind for it for sure.
    certain: bool,
    /// Detectors that are blind for it.
    blind: Vec<String>,
    /// Detectors that see less for it.
    partly: Vec<String>,
}

/// An app, a gateway or what else sends telemetry.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Element {
    kind: &'static str,
    name: String,
    /// Its id in Azure.
    resource: Option<String>,
    /// It was first heard of less than ten minutes ago.
    too_early: bool,
    arrives: Vec<Arriving>,
    missing: Vec<Lacking>,
    /// Commands that switch on what is missing.
    switch_on: Vec<String>,
}

/// What arrives, and what is missing, since the start.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Coverage {
    /// The blindest first.
    elements: Vec<Element>,
    /// Further elements.
    more: usize,
    /// Records of elements beyond the 10,000 that are followed.
    records_of_others: u64,
}

/// Says what arrives of each app and gateway, what is missing, who is blind for it, and what switches it on.
#[utoipa::path(
    get,
    path = "/api/v1/coverage",
    tag = "telemetry",
    responses((status = 200, description = "At most 1,000 of them, the blindest first.", body = Coverage))
)]
pub(super) async fn api(State(app): State<Arc<App>>, _: Viewer) -> Response {
    let board = &app.parts.board;
    let needs = board.needs();
    let all = covered(board, &needs);
    let more = all.len().saturating_sub(MAX_LISTED);
    let elements = all.iter().take(MAX_LISTED).map(|one| element(one, &needs)).collect();
    Json(Coverage { elements, more, records_of_others: board.unplaced.load(Ordering::Relaxed) }).into_response()
}

fn element(one: &Covered, needs: &[Need]) -> Element {
    let arrives = |heard: &Heard| Arriving {
        category: heard.category.name(),
        records: heard.records,
        last_event: heard.newest.to_string(),
        late_seconds: Lateness {
            half: heard.late.within(50).map(|late| late.as_secs()),
            most: heard.late.within(95).map(|late| late.as_secs()),
        },
        sampled_one_of: heard.sampled(),
    };
    let lacks = |gap: &Missing| {
        let ids = |of: &[usize]| {
            of.iter().filter_map(|&at| needs.get(at)).map(|need| need.detector.to_string()).collect::<Vec<_>>()
        };
        Lacking {
            category: gap.category.name(),
            says: gap.says(&one.name),
            note: gap.terms.note(),
            certain: !one.early && gap.blinds(),
            blind: ids(&gap.blind),
            partly: ids(&gap.partly),
        }
    };
    Element {
        kind: one.kind.name(),
        name: one.name.to_string(),
        resource: one.resource.as_deref().map(str::to_owned),
        too_early: one.early,
        arrives: one.heard.iter().map(arrives).collect(),
        missing: one.missing.iter().map(lacks).collect(),
        switch_on: one.switches(),
    }
}
