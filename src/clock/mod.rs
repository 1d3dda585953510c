//! What time is it, and how far has the telemetry come?
//!
//! Detection runs on the event's own time, so the system's clock is read in this room alone and
//! handed in by `cli`; everything else takes a [`Timestamp`] or a [`Clock`] as an argument.
//! A [`Watermarks`] keeps one timestamp for each partition and lane, nothing for each event.

pub mod duration;
mod timestamp;
mod watermarks;

pub use timestamp::Timestamp;
pub use watermarks::{Lanes, Watermarks};

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

/// Tells the time: the system's in a daemon, a fixed or a stepped one in a test.
#[derive(Clone)]
pub struct Clock {
    wall: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    elapsed: Arc<dyn Fn() -> Duration + Send + Sync>,
}

impl Clock {
    /// Returns the machine's own clock. Only `cli` calls this.
    #[expect(clippy::disallowed_methods, reason = "this is the room that reads the system's clock")]
    pub fn system() -> Self {
        let start = Instant::now();
        Self {
            wall: Arc::new(|| {
                let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
                Timestamp::from_nanos(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
            }),
            elapsed: Arc::new(move || start.elapsed()),
        }
    }

    /// Returns a clock that always says `at`: for tests and for replays.
    pub fn fixed(at: Timestamp) -> Self {
        Self { wall: Arc::new(move || at), elapsed: Arc::new(|| Duration::ZERO) }
    }

    /// Returns a clock that began at `from` and is as old as `elapsed` says: for tests that wait for nobody.
    pub fn steered(from: Timestamp, elapsed: impl Fn() -> Duration + Send + Sync + 'static) -> Self {
        let elapsed: Arc<dyn Fn() -> Duration + Send + Sync> = Arc::new(elapsed);
        let passed = elapsed.clone();
        Self { wall: Arc::new(move || from.plus(passed())), elapsed }
    }

    /// Returns the time of day, UTC.
    pub fn now(&self) -> Timestamp {
        (self.wall)()
    }

    /// Returns how long this clock has run; never goes back.
    pub fn elapsed(&self) -> Duration {
        (self.elapsed)()
    }
}

impl std::fmt::Debug for Clock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Clock").finish_non_exhaustive()
    }
}
