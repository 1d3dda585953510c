//! Reads from the store for pages, without ever holding up the threads that serve them.
//!
//! At most four connections, each used by one blocking thread at a time; who finds none free
//! waits three seconds at most and is then told so. A connection that failed is not used again.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;

use crate::store::{Reader, StoreError};

const CONNECTIONS: usize = 4;
const PATIENCE: Duration = Duration::from_secs(3);

/// A few reading connections.
#[derive(Clone, Debug)]
pub(super) struct Readers {
    data: Arc<PathBuf>,
    /// Held to push or pop one connection.
    idle: Arc<Mutex<Vec<Reader>>>,
    free: Arc<Semaphore>,
}

impl Readers {
    pub(super) fn new(data: PathBuf) -> Self {
        Self { data: Arc::new(data), idle: Arc::default(), free: Arc::new(Semaphore::new(CONNECTIONS)) }
    }

    /// Runs `read` on a connection; the error says what the store said.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Reader) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let busy = || StoreError::Failed("many pages are being read at this moment: try again in a few seconds".into());
        let permit = tokio::time::timeout(PATIENCE, self.free.clone().acquire_owned());
        let permit = permit.await.map_err(|_| busy())?.map_err(|_| busy())?;
        let (data, idle) = (self.data.clone(), self.idle.clone());
        let work = tokio::task::spawn_blocking(move || {
            let kept = idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let reader = kept.map_or_else(|| Reader::open(&data), Ok)?;
            let answer = read(&reader)?;
            idle.lock().unwrap_or_else(PoisonError::into_inner).push(reader);
            drop(permit);
            Ok(answer)
        });
        work.await.unwrap_or_else(|_| Err(StoreError::Failed("reading the store broke off".into())))
    }
}
