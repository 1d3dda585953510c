//! Where does a record come from?
//!
//! A [`Position`] is small and copied with every signal; the long names (source, topic) are kept
//! once, in [`Streams`], whose numbers the store keeps so that they mean the same after a restart.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use serde::{Deserialize, Serialize};

/// A partition of a topic, a file, or the HTTP spool: its number in [`Streams`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct StreamId(pub u32);

/// What a [`StreamId`] stands for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct StreamName {
    /// The source's name in the configuration.
    pub source: String,
    /// The topic, the file's path, or `spool`.
    pub topic: String,
    /// The partition; 0 where there are none.
    pub partition: i32,
}

impl fmt::Display for StreamName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.source, self.topic, self.partition)
    }
}

/// Where a record lies: stream, offset of its message, and its place in the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Position {
    /// The partition or file.
    pub stream: StreamId,
    /// The message's Kafka offset, or the offset of its first byte.
    pub offset: i64,
    /// The record's place in its message's `records`, from 0.
    pub index: u32,
}

/// The names behind stream numbers; cheap to clone, shared by sources, pipeline and store.
///
/// The lock is held for a look-up or an insertion only, once a partition and batch. Streams are
/// as many as partitions and files that are read, and were until a while ago; the number of one
/// that was forgotten is not given to another.
#[derive(Clone, Debug, Default)]
pub struct Streams(Arc<RwLock<Names>>);

#[derive(Debug, Default)]
struct Names {
    by_number: Vec<Option<Arc<StreamName>>>,
    numbers: HashMap<Arc<StreamName>, u32>,
}

impl Streams {
    /// Returns the table with `names` in it: number `n` is `names[n]`, `None` for one forgotten.
    pub fn restore<N: Into<Option<StreamName>>>(names: Vec<N>) -> Self {
        let by_number: Vec<Option<Arc<StreamName>>> = names.into_iter().map(|name| name.into().map(Arc::new)).collect();
        let numbered = by_number.iter().enumerate();
        let numbers = numbered.filter_map(|(n, name)| Some((name.clone()?, number(n)))).collect();
        Self(Arc::new(RwLock::new(Names { by_number, numbers })))
    }

    /// Returns the number of the stream called `name`, a new one if it has none yet.
    pub fn id(&self, name: &StreamName) -> StreamId {
        let mut names = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(&known) = names.numbers.get(name) {
            return StreamId(known);
        }
        let (name, id) = (Arc::new(name.clone()), number(names.by_number.len()));
        names.by_number.push(Some(name.clone()));
        names.numbers.insert(name, id);
        StreamId(id)
    }

    /// Returns the name behind `id`; `None` for one that was forgotten.
    pub fn name(&self, id: StreamId) -> Option<Arc<StreamName>> {
        let names = self.0.read().unwrap_or_else(PoisonError::into_inner);
        names.by_number.get(id.0 as usize).cloned().flatten()
    }

    /// Returns the streams from number `first` on, with their names.
    pub fn since(&self, first: usize) -> Vec<(StreamId, Arc<StreamName>)> {
        let names = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let numbered = names.by_number.iter().enumerate().skip(first);
        numbered.filter_map(|(n, name)| Some((StreamId(number(n)), name.clone()?))).collect()
    }

    /// Returns how many numbers were given.
    pub fn given(&self) -> usize {
        self.0.read().unwrap_or_else(PoisonError::into_inner).by_number.len()
    }

    /// Forgets the name behind `id`; a stream of that name is another one from now on.
    pub fn forget(&self, id: StreamId) {
        let mut names = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(name) = names.by_number.get_mut(id.0 as usize).and_then(Option::take) {
            names.numbers.remove(&name);
        }
    }
}

fn number(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_never_given_twice_though_its_name_may_be_forgotten() {
        let name = |topic: &str| StreamName { source: "files".into(), topic: topic.into(), partition: 0 };
        let streams = Streams::restore(vec![Some(name("a")), None]);
        assert_eq!((streams.id(&name("a")), streams.id(&name("b"))), (StreamId(0), StreamId(2)));
        streams.forget(StreamId(0));
        assert_eq!(streams.name(StreamId(0)), None);
        assert_eq!(streams.id(&name("a")), StreamId(3));
        let since: Vec<StreamId> = streams.since(1).into_iter().map(|(id, _)| id).collect();
        assert_eq!((since, streams.given()), (vec![StreamId(2), StreamId(3)], 4));
    }
}
