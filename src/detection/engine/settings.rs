//! How much may the engine keep?

/// How much the engine may keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EngineSettings {
    /// Entities that one detector follows at most, over all shards; the longest untouched goes first.
    /// Of what is learnt by the hour of the week there are 20,000 at most, over all detectors and shards:
    /// beyond it, new entities are not followed, which counts as evicted.
    pub max_entities: usize,
    /// Bytes of redacted records, and of the names beside them, that waiting signals may hold at most; beyond
    /// it evidence keeps position and time only. Each detector may hold a quarter as much for what is about to fire.
    /// One signal for every 192 bytes may wait; if more do, detectors that wait for one watermark
    /// and have more than their share evaluate the oldest of theirs before it has passed them, which
    /// counts as evicted.
    pub max_waiting_bytes: usize,
}
