//! What do the pages and exports of the threat model of 500 apps with 20,000 endpoints cost?
//!
//! Each page and export is made three times, and the best is printed with its size. The exit code is 1 if a
//! page takes more than 300 ms, the limit of pages. Run: `./dev bench model`.

#![expect(clippy::disallowed_macros, clippy::print_stdout, reason = "a benchmark prints")]
#![expect(clippy::unwrap_used, reason = "a benchmark that can't be set up has nothing to say")]

#[path = "../tests/model_house/mod.rs"]
#[expect(dead_code, reason = "the tests use the rest of it")]
mod model_house;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::http::{Request, header};
use gatewatch::access::Tokens;
use gatewatch::alerts::Streams;
use gatewatch::clock::Clock;
use gatewatch::dashboard::{Board, Changes, Offers, Parts, Tap, router};
use gatewatch::metrics::Metrics;
use gatewatch::posture::export::{Format, written};
use gatewatch::sinks::native;
use tower::ServiceExt as _;

const ENDPOINTS: usize = 20_000;
const LIMIT: Duration = Duration::from_millis(300);
const PAGES: [&str; 11] = [
    "/model",
    "/model?app=fn-7",
    "/model/coverage",
    "/model/coverage?page=100",
    "/model/controls",
    "/model/controls?state=unknown&page=50",
    "/model/changes",
    "/model/report",
    "/model/report?app=fn-7",
    "/api/v1/model",
    "/api/v1/model/parts?limit=200&after=19000",
];

fn main() -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let folder = tempfile::tempdir().unwrap();
    drop(gatewatch::store::Store::open(folder.path()).unwrap());
    let living = Arc::new(model_house::fleet(ENDPOINTS));
    let board = Arc::new(Board::default());
    board.set_living(Arc::clone(&living));
    let router = router(Parts {
        bench: gatewatch::dashboard::Bench::default(),
        settings: gatewatch::dashboard::Settings::default(),
        board,
        data: folder.path().into(),
        commands: tokio::sync::mpsc::channel(1).0,
        changes: Changes::new(7),
        tap: Tap::default(),
        tokens: Arc::new(Tokens::open(folder.path().join("tokens.json")).unwrap()),
        sessions: Arc::default(),
        clock: Clock::fixed(model_house::NOW),
        streams: Streams::default(),
        metrics: Arc::new(Metrics::new("0.0.0").unwrap()),
        open_metrics: false,
        hide: gatewatch::dashboard::Hide::new(|text, _| text.to_owned()),
        offers: Offers::new(|_, _| Err(String::new())),
        native,
        listen: "127.0.0.1:8080".parse().unwrap(),
        external_url: None,
        hosts: Vec::new(),
    })
    .unwrap();
    let mut worst = Duration::ZERO;
    for path in PAGES {
        let once = || {
            let request = Request::get(path).header(header::HOST, "127.0.0.1:8080").body(Body::empty()).unwrap();
            runtime.block_on(async {
                let answer = router.clone().oneshot(request).await.unwrap();
                assert!(answer.status().is_success(), "{path}: {}", answer.status());
                to_bytes(answer.into_body(), usize::MAX).await.unwrap().len()
            })
        };
        worst = worst.max(best(path, once));
    }
    for format in Format::ALL {
        best(format.name(), || written(&living, format, None, &[]).len());
    }
    println!("the slowest page took {worst:.1?}; the limit is {LIMIT:?}");
    if worst > LIMIT { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// Prints the best of three, and returns it.
fn best(name: &str, work: impl Fn() -> usize) -> Duration {
    let clock = Clock::system();
    let mut best = (Duration::MAX, 0);
    for _ in 0..3 {
        let start = clock.elapsed();
        let bytes = work();
        best = best.min((clock.elapsed().saturating_sub(start), bytes));
    }
    println!("{name:<44} {:>10.1?} {:>9} kB", best.0, best.1 / 1_000);
    best.0
}
