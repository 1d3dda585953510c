//! Who reads what is configured and reckons the threat model, for commands that run the daemon.

use std::path::Path;
use std::sync::Arc;

use crossbeam_channel::{Sender, bounded};
use tokio::runtime::Runtime;

use crate::config::Config;
use crate::dashboard::Board;
use crate::detection::Catalogue;
use crate::metrics::Metrics;
use crate::pipeline::{Ask, Reckoner, Stage, seers};
use crate::posture::controls::shipped;
use crate::posture::intended::Intended;
use crate::posture::living::Sources;
use crate::store::Reader;

use super::talk::Failure;

/// Begins to read and reckon on a thread of its own; returns where what is to be reckoned goes. SIGHUP
/// reads at once.
pub fn begin(
    (runtime, to, data): (&Runtime, &Sender<Ask>, &Path),
    (config, catalogue, stage, intended): (&Config, &Catalogue, &Stage, &Arc<Intended>),
    (board, metrics): (&Arc<Board>, &Arc<Metrics>),
) -> Result<Sender<Sources>, Failure> {
    use tokio::signal::unix::{SignalKind, signal};
    let controls = shipped().map_err(|problems| {
        let told: Vec<String> = problems.iter().map(ToString::to_string).collect();
        Failure::Config(told.join("\n"))
    })?;
    let known = (controls, catalogue.threats.clone(), seers(catalogue));
    let shown = (board.clone(), metrics.clone(), stage.clock.clone());
    let mut reckoner = Reckoner::new(config.posture.clone(), stage.redactor.clone(), known, shown);
    reckoner.mean(intended);
    if config.detection.detectors.is_some() {
        // The cases of those that come with the program are run when it is made.
        reckoner.doubt(catalogue);
    }
    if let Ok(reader) = Reader::open(data) {
        reckoner.fired(&reader);
    }
    let ((reckon, wanted), (poke, pokes)) = (bounded(1), bounded(1));
    runtime.spawn(async move {
        let Ok(mut hangup) = signal(SignalKind::hangup()) else { return std::future::pending().await };
        while hangup.recv().await.is_some() {
            // One that waits already is enough.
            let _ = poke.try_send(());
        }
    });
    let to = to.clone();
    let thread = std::thread::Builder::new().name("posture".into()).spawn(move || reckoner.run(&wanted, &pokes, &to));
    thread.map(drop).map_err(|error| Failure::Io(format!("the threat model can't be followed: {error}")))?;
    Ok(reckon)
}
