//! A sign of life to an outside dead-man's switch: called while everything is well, so that
//! somebody notices when it no longer is.

use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Runtime;

use crate::clock::Clock;
use crate::dashboard::Board;

/// A snapshot older than this tells nothing.
const STALE: Duration = Duration::from_secs(15);

/// Starts to call the configured address while the daemon is ready.
pub fn heartbeat(runtime: &Runtime, to: Option<(String, Duration)>, board: &Arc<Board>, clock: &Clock) {
    let Some((url, every)) = to else { return };
    let (board, clock) = (board.clone(), clock.clone());
    runtime.spawn(async move {
        let client = match reqwest::Client::builder()
            .timeout(Duration::from_secs(10))
            .redirect(reqwest::redirect::Policy::none())
            .build()
        {
            Ok(client) => client,
            Err(error) => {
                tracing::error!("the heartbeat can't be sent: {error}");
                return;
            }
        };
        let mut failing = false;
        loop {
            tokio::time::sleep(every).await;
            let health = board.health();
            // A coordinator that no longer beats is as bad as one that complains.
            let fresh = health.at.is_some_and(|at| clock.now().since(at) < STALE);
            if !(health.ready && fresh) {
                continue;
            }
            let sent = client.get(&url).send().await.and_then(reqwest::Response::error_for_status);
            match sent {
                Ok(_) => failing = false,
                Err(error) if !failing => {
                    failing = true;
                    tracing::warn!("the heartbeat did not arrive: {}", error.without_url());
                }
                Err(_) => {}
            }
        }
    });
}
