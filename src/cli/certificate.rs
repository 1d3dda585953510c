//! When are the certificate's files read again?
//!
//! Ten seconds after they change at the latest: a look at two files costs nothing, and sees what
//! renames and symbolic links do (as Kubernetes' secrets come), which a watch on a file may miss.

use std::sync::Arc;
use std::time::Duration;

use crate::access::{Looked, Tls};

const EVERY: Duration = Duration::from_secs(10);

/// Follows the files until the runtime ends.
pub async fn follow(tls: Arc<Tls>) {
    loop {
        tokio::time::sleep(EVERY).await;
        let seen = tls.clone();
        match tokio::task::spawn_blocking(move || seen.look()).await {
            Ok(Looked::Taken) => tracing::info!("the dashboard's certificate was read again"),
            Ok(Looked::Refused(why)) => tracing::error!("the dashboard's certificate stays as it was: {why}"),
            Ok(Looked::Same) => {}
            Err(_) => return,
        }
    }
}
