//! Reads from the store for pages, without ever holding up the threads that serve them.
//!
//! At most four connections, each used by one blocking thread at a time; who finds none free
//! waits three seconds at most and is then told so. What takes longer than two seconds (an export or a
//! change of many: thirty), or nobody waits for any more, is broken off. A connection that failed is not used again.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;

use crate::clock::Clock;
use crate::store::{Reader, StoreError};

const CONNECTIONS: usize = 4;
const PATIENCE: Duration = Duration::from_secs(3);
/// How long a page may be read.
const SHORT: Duration = Duration::from_secs(2);
/// How long what is asked for as a whole may be read.
const LONG: Duration = Duration::from_secs(30);

/// A few reading connections.
#[derive(Clone, Debug)]
pub(super) struct Readers {
    data: Arc<PathBuf>,
    clock: Clock,
    /// Held to push or pop one connection.
    idle: Arc<Mutex<Vec<Reader>>>,
    free: Arc<Semaphore>,
}

/// Says that nobody waits for the answer any more, when it is dropped.
struct Waiting(Arc<AtomicBool>);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Readers {
    pub(super) fn new(data: PathBuf, clock: Clock) -> Self {
        Self { data: Arc::new(data), clock, idle: Arc::default(), free: Arc::new(Semaphore::new(CONNECTIONS)) }
    }

    /// Runs `read` on a connection, for two seconds at most; the error says what the store said.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Reader) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.within(SHORT, read).await
    }

    /// Runs `read` on a connection, for thirty seconds at most: for exports, changes of many, and trying out.
    pub(super) async fn read_whole<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Reader) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.within(LONG, read).await
    }

    async fn within<T: Send + 'static>(
        &self,
        most: Duration,
        read: impl FnOnce(&Reader) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let busy = || StoreError::Failed("many pages are being read at this moment: try again in a few seconds".into());
        let permit = tokio::time::timeout(PATIENCE, self.free.clone().acquire_owned());
        let permit = permit.await.map_err(|_| busy())?.map_err(|_| busy())?;
        let (data, idle, clock) = (self.data.clone(), self.idle.clone(), self.clock.clone());
        let gone = Arc::new(AtomicBool::new(false));
        let _waiting = Waiting(gone.clone());
        let work = tokio::task::spawn_blocking(move || {
            let kept = idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let mut reader = kept.map_or_else(|| Reader::open(&data), Ok)?;
            let began = clock.elapsed();
            let stop = move || gone.load(Ordering::Relaxed) || clock.elapsed().saturating_sub(began) > most;
            let answer = reader.bounded(stop, read)?;
            idle.lock().unwrap_or_else(PoisonError::into_inner).push(reader);
            drop(permit);
            Ok(answer)
        });
        work.await.unwrap_or_else(|_| Err(StoreError::Failed("reading the store broke off".into())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alerts::Query;
    use crate::clock::Timestamp;
    use crate::store::Store;

    #[tokio::test]
    async fn a_page_that_reads_for_too_long_is_told_how_to_ask_for_less() {
        let data = tempfile::tempdir().unwrap();
        drop(Store::open(data.path()).unwrap());
        let seconds = std::sync::atomic::AtomicU64::new(0);
        // A second goes by each time somebody looks.
        let clock =
            Clock::steered(Timestamp::MIN, move || Duration::from_secs(seconds.fetch_add(1, Ordering::Relaxed)));
        let readers = Readers::new(data.path().to_owned(), clock);
        let endless = |reader: &Reader| -> Result<u64, StoreError> {
            loop {
                reader.facets(&Query { text: Some("x".into()), ..Query::any() }, 9)?;
            }
        };
        for _ in 0..=CONNECTIONS {
            let says = readers.read(endless).await.unwrap_err().to_string();
            assert!(says.contains("too wide") && says.contains("since:24h"), "{says}");
        }
        assert_eq!(readers.read(Reader::newest_change).await.unwrap(), 0);
    }
}
