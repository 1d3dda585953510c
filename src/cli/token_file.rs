//! Is the token file still one that can be read?
//!
//! Looked at every five seconds, whether anybody asks or not: what root leaves there that the daemon can't read would
//! else be found when nobody comes in and nothing is sent in. Told once when it begins, and when it is over.

use std::sync::Arc;
use std::time::Duration;

use crate::access::Tokens;
use crate::clock::Clock;
use crate::dashboard::Board;

const EVERY: Duration = Duration::from_secs(5);

/// Follows the file until the runtime ends.
pub async fn follow(tokens: Arc<Tokens>, board: Arc<Board>, clock: Clock) {
    loop {
        let (seen, now) = (tokens.clone(), clock.elapsed());
        let Ok(trouble) = tokio::task::spawn_blocking(move || seen.trouble(now)).await else { return };
        let says = trouble.as_ref().map(|trouble| trouble.says.clone());
        match (board.set_door(says), trouble) {
            (None, Some(trouble)) => tracing::error!("{}", trouble.says),
            (Some(_), None) => tracing::info!("the token file can be read again"),
            _ => {}
        }
        tokio::time::sleep(EVERY).await;
    }
}
