//! Which of our partitions does librdkafka fetch at the moment?

use rdkafka::TopicPartitionList;
use rdkafka::consumer::Consumer;

use crate::telemetry::StreamId;

use super::poll::Poller;

impl Poller {
    /// Pauses those of our partitions, or goes on reading them.
    pub(super) fn pause(&self, pause: bool, which: impl Fn(StreamId) -> bool) {
        let list = self.list(&which);
        if list.count() == 0 {
            return;
        }
        self.shared.lock().pause(which, pause);
        let _ = if pause { self.consumer.pause(&list) } else { self.consumer.resume(&list) };
    }

    fn list(&self, which: impl Fn(StreamId) -> bool) -> TopicPartitionList {
        let track = self.shared.lock();
        let mut list = TopicPartitionList::new();
        for (topic, number, part) in track.assigned() {
            if which(part.id) {
                list.add_partition(topic, number);
            }
        }
        list
    }
}
