//! Works out what takes many milliseconds, without holding up the threads that serve.
//!
//! A few things at once; who finds none free waits three seconds at most, and is then told so. What has begun ends
//! also when nobody waits for it any more, and counts as long as it runs.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;

const PATIENCE: Duration = Duration::from_secs(3);

/// Threads aside.
#[derive(Debug)]
pub(super) struct Aside(Arc<Semaphore>);

impl Aside {
    /// Returns what does `most` things at once.
    pub(super) fn new(most: usize) -> Self {
        Self(Arc::new(Semaphore::new(most)))
    }

    /// Returns what `work` comes to; nothing if there was no room for it, or it broke off.
    pub(super) async fn work<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
        let permit = tokio::time::timeout(PATIENCE, self.0.clone().acquire_owned()).await.ok()?.ok()?;
        let working = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            work()
        });
        working.await.ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_has_begun_takes_its_room_until_it_ends() {
        let aside = Arc::new(Aside::new(1));
        let (go, wait) = std::sync::mpsc::sync_channel::<u8>(1);
        let by = aside.clone();
        let (begun, began) = tokio::sync::oneshot::channel();
        let first = tokio::spawn(async move {
            by.work(move || {
                begun.send(()).unwrap();
                wait.recv().unwrap()
            })
            .await
        });
        began.await.unwrap();
        let permit = aside.0.clone().try_acquire_owned();
        assert!(permit.is_err(), "what has begun counts");
        go.send(7).unwrap();
        assert_eq!(first.await.unwrap(), Some(7));
        assert_eq!(aside.work(|| 8).await, Some(8));
    }
}
