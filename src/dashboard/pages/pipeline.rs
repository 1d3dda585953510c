//! `/pipeline`: what is being read, how far, what could not be, and where it goes.
//!
//! Everything but dead letters and counters comes from the board, so it shows a store in trouble
//! too. At most 500 streams, 200 apps and gateways, 200 exceptions and 10 dead letters are listed; what is left out
//! is said.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use askama::Template;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;

use super::super::app::App;
use super::super::board::{Board, ExceptionSeen};
use super::super::coverage::{Covered, covered};
use super::super::door::Viewer;
use super::super::words::{When, bytes, grouped, rate, span};
use super::strip::Strip;
use super::{Frame, render};
use crate::clock::Timestamp;
use crate::posture::{HUB, Heard, Missing, Need, RULE};
use crate::store::{Accounting, DeadLetter, LetterQuery};

const MAX_STREAMS: usize = 500;
const MAX_ELEMENTS: usize = 200;
const MAX_DEAD: usize = 10;
const MAX_EXCEPTIONS: usize = 200;
/// Bytes of a dead letter that are shown.
const MAX_SHOWN: usize = 1_024;

struct Source {
    name: String,
    kind: &'static str,
    state: String,
    failing: bool,
    records: String,
    bytes: String,
    messages: String,
}

struct Stream {
    name: String,
    offset: String,
    lag: Option<String>,
    behind: bool,
    newest: Option<When>,
}

/// An app, a gateway or what else sends telemetry.
struct Element {
    /// By which the page knows it again.
    id: String,
    name: String,
    kind: &'static str,
    records: String,
    early: bool,
    gaps: Vec<Gap>,
    switches: Vec<String>,
    arrives: Vec<Arrives>,
}

/// What does not come.
struct Gap {
    /// Whether somebody is blind for it for sure.
    certain: bool,
    category: &'static str,
    says: String,
    note: &'static str,
    detectors: Vec<(String, String)>,
}

/// What comes.
struct Arrives {
    category: &'static str,
    when: When,
    /// How late, in words.
    late: Option<String>,
    /// One of how many was kept.
    sampled: Option<String>,
}

struct Coverage {
    elements: Vec<Element>,
    more: usize,
    all: usize,
    /// Elements to which detectors are blind.
    blind: usize,
    /// Records of elements beyond the board's ceiling.
    unplaced: Option<String>,
    hub: &'static str,
    rule: &'static str,
}

struct Sink {
    name: String,
    kind: &'static str,
    waiting: String,
    delivered: String,
    failing: Option<(String, When)>,
}

struct Dead {
    id: i64,
    from: String,
    reason: String,
    when: When,
    bytes: String,
    cut: bool,
}

struct Exception {
    id: String,
    detectors: String,
    owner: String,
    reason: String,
    standing: &'static str,
    ended: bool,
    ends: String,
    held_back: String,
}

/// A name and how many.
type Figure = (String, String);

struct Figures {
    /// Records, and what became of them.
    sum: Vec<(&'static str, String)>,
    /// Whether the parts make up the whole.
    adds_up: bool,
    tables: Vec<(&'static str, Vec<Figure>)>,
    others: Vec<(&'static str, String)>,
}

#[derive(Template)]
#[template(path = "pipeline.html")]
struct Pipeline {
    frame: Frame,
    strip: Strip,
    sources: Vec<Source>,
    streams: Vec<Stream>,
    more_streams: usize,
    coverage: Coverage,
    sinks: Vec<Sink>,
    /// What ceilings cut of what sinks were told.
    cuts: Vec<String>,
    exceptions: Vec<Exception>,
    more_exceptions: usize,
    dead: Vec<Dead>,
    figures: Figures,
    /// Why the store could not be asked.
    unread: Option<String>,
}

/// `GET /pipeline`.
pub(in crate::dashboard) async fn page(
    State(app): State<Arc<App>>,
    Viewer(who): Viewer,
    headers: HeaderMap,
) -> Response {
    let newest = LetterQuery { limit: MAX_DEAD, ..LetterQuery::default() };
    let read = app.readers.read(move |reader| Ok((reader.dead_letters(&newest)?, reader.accounting()?)));
    let (kept, unread) = match read.await {
        Ok(kept) => (kept, None),
        Err(error) => (Default::default(), Some(error.to_string())),
    };
    let frame = Frame::new("Pipeline", "pipeline", Some(who), &headers);
    let page = Pipeline::of(frame, &app.parts.board, app.parts.clock.now(), &kept.0, &kept.1, unread);
    render(StatusCode::OK, &page)
}

impl Pipeline {
    fn of(
        frame: Frame,
        board: &Board,
        now: Timestamp,
        dead: &[DeadLetter],
        sums: &Accounting,
        unread: Option<String>,
    ) -> Self {
        let (streams, more_streams) = streams(board, now);
        Self {
            frame,
            strip: Strip::of(board, now),
            sources: sources(board),
            streams,
            more_streams,
            coverage: Coverage::of(board, now),
            sinks: sinks(board, now),
            cuts: cuts(board),
            exceptions: board.exceptions().iter().take(MAX_EXCEPTIONS).map(|one| Exception::of(one, now)).collect(),
            more_exceptions: board.exceptions().len().saturating_sub(MAX_EXCEPTIONS),
            dead: dead.iter().map(|letter| Dead::of(letter, now)).collect(),
            figures: Figures::of(board, sums),
            unread,
        }
    }
}

fn sources(board: &Board) -> Vec<Source> {
    let mut rows: Vec<Source> = board
        .sources
        .iter()
        .map(|seen| Source {
            name: seen.key().clone(),
            kind: seen.kind,
            state: seen.state.clone(),
            failing: seen.failing,
            records: rate(seen.records_per_second),
            bytes: bytes(seen.bytes_per_second),
            messages: grouped(seen.messages),
        })
        .collect();
    rows.sort_by(|a, b| b.failing.cmp(&a.failing).then_with(|| a.name.cmp(&b.name)));
    rows
}

fn streams(board: &Board, now: Timestamp) -> (Vec<Stream>, usize) {
    let mut all: Vec<_> = board.streams.iter().map(|seen| (seen.key().clone(), seen.value().clone())).collect();
    all.sort_by(|a, b| b.1.lag.cmp(&a.1.lag).then_with(|| a.0.cmp(&b.0)));
    let more = all.len().saturating_sub(MAX_STREAMS);
    let row = |(name, seen): (crate::alerts::StreamName, super::super::board::StreamSeen)| Stream {
        name: name.to_string(),
        offset: seen.offset.to_string(),
        behind: seen.lag.is_some_and(|lag| lag > 0),
        lag: seen.lag.map(|lag| grouped(lag.max(0) as u64)),
        newest: seen.newest.map(|at| When::new(at, now)),
    };
    (all.into_iter().take(MAX_STREAMS).map(row).collect(), more)
}

impl Coverage {
    fn of(board: &Board, now: Timestamp) -> Self {
        let needs = board.needs();
        let all = covered(board, &needs);
        let unplaced = board.unplaced.load(Ordering::Relaxed);
        Self {
            more: all.len().saturating_sub(MAX_ELEMENTS),
            all: all.len(),
            blind: all.iter().filter(|one| one.blind() > 0).count(),
            elements: all.iter().take(MAX_ELEMENTS).map(|one| Element::of(one, &needs, now)).collect(),
            unplaced: (unplaced > 0).then(|| grouped(unplaced)),
            hub: HUB,
            rule: RULE,
        }
    }
}

impl Element {
    fn of(one: &Covered, needs: &[Need], now: Timestamp) -> Self {
        Self {
            id: format!("on-{:?}-{}", one.kind, one.name).replace(char::is_whitespace, "-"),
            name: one.name.to_string(),
            kind: one.kind.name(),
            records: grouped(one.heard.iter().map(|heard| heard.records).sum()),
            early: one.early,
            gaps: one.missing.iter().map(|gap| Gap::of(gap, one, needs)).collect(),
            switches: one.switches(),
            arrives: one.heard.iter().map(|heard| Arrives::of(heard, now)).collect(),
        }
    }
}

impl Gap {
    fn of(gap: &Missing, one: &Covered, needs: &[Need]) -> Self {
        let named = |&at: &usize| needs.get(at).map(|need| (need.detector.to_string(), need.title.to_string()));
        Self {
            certain: gap.blinds() && !one.early,
            category: gap.category.name(),
            says: gap.says(&one.name),
            note: gap.terms.note(),
            detectors: gap.blind.iter().chain(&gap.partly).filter_map(named).collect(),
        }
    }
}

impl Arrives {
    fn of(heard: &Heard, now: Timestamp) -> Self {
        let late = heard.late.within(50).zip(heard.late.within(95));
        Self {
            category: heard.category.name(),
            when: When::new(heard.newest, now),
            late: late.map(|(half, most)| {
                let half = if half == most { "up to".to_owned() } else { format!("{}, 95% in", span(half)) };
                format!("late {half} {}", span(most))
            }),
            sampled: heard.sampled().map(|of| format!("1 of {of:.1} kept")),
        }
    }
}

fn cuts(board: &Board) -> Vec<String> {
    let reached = board.cuts.iter().filter(|seen| seen.total > 0);
    let mut cuts: Vec<String> = reached.map(|seen| format!("{} {}.", grouped(seen.total), seen.says)).collect();
    cuts.sort();
    cuts
}

fn sinks(board: &Board, now: Timestamp) -> Vec<Sink> {
    let mut rows: Vec<Sink> = board
        .sinks
        .iter()
        .map(|seen| Sink {
            name: seen.key().clone(),
            kind: seen.kind,
            waiting: grouped(seen.waiting),
            delivered: grouped(seen.delivered),
            failing: seen.failing.clone().map(|(says, at)| (says, When::new(at, now))),
        })
        .collect();
    rows.sort_by(|a, b| a.name.cmp(&b.name));
    rows
}

impl Exception {
    fn of(seen: &ExceptionSeen, now: Timestamp) -> Self {
        Self {
            id: seen.id.clone(),
            detectors: seen.detectors.clone(),
            owner: seen.owner.clone(),
            reason: seen.reason.clone(),
            standing: seen.standing,
            ended: seen.expires <= now,
            ends: seen.expires.to_string(),
            held_back: grouped(seen.held_back),
        }
    }
}

impl Dead {
    fn of(letter: &DeadLetter, now: Timestamp) -> Self {
        let shown = &letter.bytes[..letter.bytes.len().min(MAX_SHOWN)];
        Self {
            id: letter.id,
            from: letter.from.clone(),
            reason: letter.reason.clone(),
            when: When::new(letter.at, now),
            bytes: String::from_utf8_lossy(shown).into_owned(),
            cut: letter.bytes.len() > MAX_SHOWN,
        }
    }
}

impl Figures {
    fn of(board: &Board, sums: &Accounting) -> Self {
        let [records, decoded, dead, filtered, duplicates] = board.health().records;
        let table = |of: &std::collections::BTreeMap<String, u64>| {
            let mut rows: Vec<_> = of.iter().filter(|(_, count)| **count > 0).collect();
            rows.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
            rows.into_iter().map(|(name, count)| (name.clone(), grouped(*count))).collect()
        };
        let parts = [dead, filtered, duplicates].into_iter().fold(decoded, u64::saturating_add);
        Self {
            sum: vec![
                ("records", grouped(records)),
                ("decoded", grouped(decoded)),
                ("dead letters", grouped(dead)),
                ("filtered", grouped(filtered)),
                ("duplicates", grouped(duplicates)),
            ],
            adds_up: records == parts,
            tables: vec![
                ("Decoded, by category", table(&sums.decoded)),
                ("Dead letters, by reason", table(&sums.dead_letters)),
                ("Redactions, by kind", table(&sums.redactions)),
            ],
            others: vec![
                ("messages", grouped(sums.messages)),
                ("read", bytes(sums.bytes as f64)),
                ("late signals", grouped(sums.late)),
                ("entities evicted", grouped(sums.evicted)),
                ("offsets lost upstream", grouped(sums.lost_upstream)),
            ],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;
    use crate::access::Identity;

    fn shown(unread: Option<String>) -> String {
        let frame = Frame::new("Pipeline", "pipeline", Some(Identity::local()), &HeaderMap::new());
        let (dead, sums) = (samples::dead_letters(), samples::accounting());
        Pipeline::of(frame, &samples::board(), samples::NOW, &dead, &sums, unread).render().unwrap()
    }

    #[test]
    fn the_page_shows_lag_silence_dead_letters_and_where_things_go() {
        let html = shown(None);
        for part in ["fleet/logs/3", "1,234", "fn-orders", "pager", "connection refused", "not_json", "decoded"] {
            assert!(html.contains(part), "{part} is missing in {html}");
        }
    }

    #[test]
    fn the_page_says_what_a_ceiling_cut_of_what_sinks_are_told() {
        let html = |total| {
            let frame = Frame::new("Pipeline", "pipeline", Some(Identity::local()), &HeaderMap::new());
            let (board, dead, sums) = (samples::board(), samples::dead_letters(), samples::accounting());
            board.cuts.insert("counted", crate::dashboard::CutSeen { total, says: "alerts were counted", said: false });
            Pipeline::of(frame, &board, samples::NOW, &dead, &sums, None).render().unwrap()
        };
        assert!(html(1_234).contains("Since the first start 1,234 alerts were counted."), "{}", html(1_234));
        assert!(!html(0).contains("Since the first start"));
    }

    #[test]
    fn the_page_shows_exceptions_with_their_owner_their_end_and_what_they_held_back() {
        let html = shown(None);
        for part in ["pentest-march", "Dana Reyes", "order 4711", "ends soon", "1,204"] {
            assert!(html.contains(part), "{part} is missing in {html}");
        }
    }

    #[test]
    fn a_store_that_cant_be_read_takes_nothing_else_from_the_page() {
        let html = shown(Some("the disk is gone".into()));
        assert!(html.contains("the disk is gone") && html.contains("fleet/logs/3"));
    }

    #[test]
    fn the_app_to_which_most_are_blind_comes_first_and_says_how_to_mend_it() {
        let html = shown(None);
        let found = html.find("fn-legacy-import").unwrap();
        assert!(found < html.find("fn-orders").unwrap(), "the blindest comes first");
        for part in [
            "fn-legacy-import sends no AppServiceHTTPLogs: two detectors are blind to it.",
            "az monitor diagnostic-settings create",
            "microsoft.web/sites/fn-legacy-import",
            "EVENT_HUB",
            "1 of 4.0 kept",
        ] {
            assert!(html.contains(part), "{part} is missing in {html}");
        }
    }
}
