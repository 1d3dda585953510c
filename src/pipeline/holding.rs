//! Which streams are read no further for now?
//!
//! Those that are far ahead of the slowest in event time: what they bring would only wait. A backlog is read so fast
//! that a second of it is about what may wait, so whether half of that waits is asked five times a second. Once it
//! does, streams are held that are a little ahead, and that is looked at all the time: else signals would be evaluated
//! before what belongs before them has come.

use std::time::Duration;

use crate::telemetry::StreamId;

use super::Core;

/// How far ahead of the slowest a stream may be.
const FAR: Duration = Duration::from_mins(10);
/// How full what may wait is when that much waits.
const MUCH: f64 = 0.5;
/// How far while much waits.
const NEAR: Duration = Duration::from_mins(1);

impl Core {
    /// Returns how many signals wait of those that may, 0 to 1; beyond 1 the oldest are about to go before their time.
    pub fn fullness(&self) -> f64 {
        self.engine.fullness()
    }

    /// Returns how long what [`Core::to_hold`] said may stand before it is asked again.
    pub fn orders_stand(&self) -> Duration {
        // Within a second more signals came than the other half takes.
        Duration::from_millis(if self.fullness() > MUCH { 20 } else { 200 })
    }

    /// Returns the streams to read no further for now: those that are too far ahead of the slowest in
    /// event time; and, while what waited before a restart is read again and nothing can be
    /// evaluated, all others if much waits. What is read again is never held, however far it had come before.
    pub fn to_hold(&self) -> Vec<StreamId> {
        let behind = |stream: &StreamId| self.progress.get(stream).is_some_and(|known| known.again < known.known_until);
        let again = |stream: &StreamId| self.recovering.contains(stream) || behind(stream);
        let much = self.fullness() > MUCH;
        if much && !self.recovering.is_empty() {
            return self.progress.keys().filter(|stream| !again(stream)).copied().collect();
        }
        let ahead = self.watermarks.ahead(if much { NEAR } else { FAR }).into_iter().map(StreamId);
        ahead.filter(|stream| !again(stream)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;
    use crate::detection::{Catalogue, EngineSettings, Observed, Signal};
    use crate::pipeline::CoreSettings;
    use crate::telemetry::{Category, Entity, EntityKind, Position, Streams};

    #[test]
    fn once_half_of_what_may_wait_does_a_stream_is_held_that_is_a_little_ahead() {
        let (mut core, signal) = (core(), signal());
        for (stream, second) in [(0, 0), (1, 300), (2, 30)] {
            core.watermarks.open(stream);
            core.watermarks.observe(stream, 0, Timestamp::from_seconds(second));
        }
        assert_eq!((core.to_hold(), core.orders_stand()), (Vec::new(), Duration::from_millis(200)));
        for _ in 0..33_000 {
            core.engine.apply(signal.clone());
        }
        assert_eq!((core.to_hold(), core.orders_stand()), (vec![StreamId(1)], Duration::from_millis(20)));
    }

    #[test]
    fn a_stream_that_is_read_again_is_not_held_and_all_others_wait_for_it_once_much_waits() {
        let (mut core, signal) = (core(), signal());
        for (stream, second) in [(0, 0), (1, 3_600), (2, 30)] {
            core.watermarks.open(stream);
            core.watermarks.observe(stream, 0, Timestamp::from_seconds(second));
            core.progress.entry(StreamId(stream)).or_default();
        }
        assert_eq!(core.to_hold(), [StreamId(1)]);
        core.recovering.insert(StreamId(1));
        assert_eq!(core.to_hold(), []);
        for _ in 0..33_000 {
            core.engine.apply(signal.clone());
        }
        assert_eq!(core.to_hold(), [StreamId(0), StreamId(2)]);
    }

    fn core() -> Core {
        let settings = CoreSettings {
            engine: EngineSettings { max_entities: 1_000, max_waiting_bytes: 1 << 20 },
            ..CoreSettings::replay()
        };
        Core::new(Catalogue::shipped().unwrap().detectors, Streams::default(), &settings)
    }

    fn signal() -> Signal {
        let observed = Observed {
            time: Timestamp::from_seconds(200),
            hash: 1,
            position: Position { stream: StreamId(1), offset: 0, index: 0 },
            category: Category::GatewayLogs,
            app: None,
            entities: Vec::new(),
            record: None,
        };
        Signal::new(&observed, &Entity::new(EntityKind::Ip, "203.0.113.7"), None)
    }
}
