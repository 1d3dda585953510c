//! What if the broker no longer has what we want to read next?
//!
//! The client says only that some partition is in that state; the statistics say which ones have
//! stopped, and the broker what it still has. Older messages gone are a gap, and reading goes on
//! behind it; a partition that ends before our position is another topic by the same name: it alone
//! is not read, and people are told.

use rdkafka::TopicPartitionList;
use rdkafka::consumer::{Consumer, RebalanceProtocol};
use rdkafka::topic_partition_list::Offset;

use super::poll::{ANSWER, Poller};
use super::track::Place;

impl Poller {
    /// Moves partitions on whose position the broker no longer has, and says what is missing.
    /// Which ones those are is in the statistics; how many of them, in the queue's errors: one
    /// whose error is still in the queue has messages there too.
    pub(super) fn fill_gaps(&self) {
        let mut track = self.shared.lock();
        if !std::mem::take(&mut track.measured) {
            return;
        }
        let expected = track.resets;
        let stopped: Vec<Place> = track
            .assigned()
            .filter(|(_, _, part)| part.stopped && !part.is_stray())
            .filter_map(|(topic, number, part)| Some((topic.to_owned(), number, part.next?)))
            .collect();
        drop(track);
        let (mut moved, mut strays) = (Vec::new(), Vec::new());
        for (topic, partition, next) in stopped {
            // Without an answer the next statistics lead here again.
            let Ok((low, high)) = self.consumer.fetch_watermarks(&topic, partition, ANSWER) else { return };
            if next > high {
                let why = self.explainer.recreated(&topic, partition, next, low, high);
                strays.push((topic, partition, why));
            } else {
                moved.push((topic, partition, next, next.max(low)));
            }
        }
        if moved.iter().filter(|(_, _, from, to)| from < to).count() + strays.len() > expected {
            return;
        }
        let mut track = self.shared.lock();
        track.resets = 0;
        for (topic, partition, from, to) in moved.iter().filter(|(_, _, from, to)| from < to) {
            track.skip(topic, *partition, *from, *to);
        }
        for (topic, partition, why) in strays {
            track.strays(&topic, partition, why);
        }
        drop(track);
        if !moved.is_empty() {
            self.reposition(&moved);
        }
    }

    /// Assigns moved partitions again, at where they are now.
    fn reposition(&self, moved: &[(String, i32, i64, i64)]) {
        let mut list = TopicPartitionList::new();
        if matches!(self.consumer.rebalance_protocol(), RebalanceProtocol::Cooperative) {
            for (topic, partition, _, to) in moved {
                let _ = list.add_partition_offset(topic, *partition, Offset::Offset(*to));
            }
            let _ = self.consumer.incremental_unassign(&list);
            let _ = self.consumer.incremental_assign(&list);
        } else {
            let track = self.shared.lock();
            for (topic, number, part) in track.assigned() {
                let at = part.next.map_or(Offset::Beginning, Offset::Offset);
                let _ = list.add_partition_offset(topic, number, at);
            }
            drop(track);
            let _ = self.consumer.assign(&list);
        }
        self.shared.lock().reassigned = true;
    }
}
