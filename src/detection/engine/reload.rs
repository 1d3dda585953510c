//! What stays when other detectors are taken up?
//!
//! What those know whose id and version stay, and what waits for them.

use std::sync::Arc;

use crate::detection::Detectors;

use super::queue::Queue;
use super::saved::tag_of;
use super::{Engine, Line, seasonal};

impl Engine {
    /// Runs `detectors` from now on. Those whose id and version are known keep their state and
    /// what waits for them; signals made for the old ones must all have been applied.
    pub fn reload(&mut self, detectors: Arc<Detectors>) {
        let tags: Vec<u64> = detectors.all.iter().map(|detector| tag_of(detector)).collect();
        let mut lines: Vec<Option<Line>> = self.lines.drain(..).map(Some).collect();
        let old: Vec<Option<usize>> = tags.iter().map(|tag| self.tags.iter().position(|old| old == tag)).collect();
        let mut queues = Vec::new();
        for (number, (place, detector)) in old.iter().zip(&detectors.all).enumerate() {
            let queue = Queue::of(&mut queues, detector);
            let mut line =
                place.and_then(|place| lines.get_mut(place)?.take()).unwrap_or_else(|| Line::new(queue, detector));
            line.queue = queue;
            line.late.iter_mut().chain(&mut line.evidence).for_each(|signal| signal.detector = number as u16);
            self.lines.push(line);
        }
        for mut signal in std::mem::replace(&mut self.queues, queues).iter_mut().flat_map(|old| old.waiting.take_all())
        {
            let Some(number) = old.iter().position(|place| *place == Some(usize::from(signal.detector))) else {
                continue;
            };
            signal.detector = number as u16;
            let queue = self.lines.get(number).and_then(|line| self.queues.get_mut(line.queue));
            if let Some(queue) = queue {
                queue.push(signal, self.lines[number].in_order);
            }
        }
        for shard in &mut self.shards {
            let mut tables = std::mem::take(&mut shard.tables);
            let mut moved = |place: &Option<usize>| tables.get_mut((*place)?)?.take();
            shard.tables = old.iter().map(&mut moved).collect();
            shard.must_be_whole |= tables.iter().any(Option::is_some);
        }
        self.seasonal = seasonal(&detectors);
        (self.tags, self.detectors) = (tags, detectors);
    }
}
