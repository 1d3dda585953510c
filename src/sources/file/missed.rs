//! Which files may have had more when they went?
//!
//! A file that was being read when Gatewatch stopped, and whose path leads to another one now, was
//! rotated while nobody looked. If it is not found, what was written last to it may never have been
//! read. That can't be mended by waiting, so it is said for a minute, once for each start.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::{Path, PathBuf};

use crate::telemetry::StreamName;

use super::follow::Files;
use super::found::Found;

/// At which look all that is there has been found, quiet files and archives too.
const LOOK: u64 = 8;
/// For how many looks it is said.
const SAID: u64 = 60;

impl Files {
    /// Returns which file each path led to when it was last read.
    pub(super) fn newest(&self) -> Vec<StreamName> {
        let mut newest = BTreeMap::new();
        for name in self.resume.keys() {
            let id = self.streams.id(name);
            let known = newest.entry(name.topic.as_str()).or_insert((id, name));
            if id > known.0 {
                *known = (id, name);
            }
        }
        newest.into_values().map(|(_, name)| name.clone()).collect()
    }

    /// Finds out, once, which of the files that were read last are not there any more, though their paths lead to others.
    pub(super) fn find_missed(&mut self, found: &BTreeMap<PathBuf, Found>) {
        if self.looks == LOOK {
            let there: HashSet<i32> = self.present().collect();
            // One that is empty was truncated where it was, or has had nothing since: nothing shows that more was in it.
            let other = |name: &StreamName| found.get(Path::new(&name.topic)).is_some_and(|found| found.length > 0);
            let away = |name: &StreamName| other(name) && !there.contains(&name.partition);
            let known = std::mem::take(&mut self.known);
            self.missed = known.into_iter().filter(away).map(|name| name.topic).collect::<BTreeSet<_>>();
        } else if self.looks == LOOK + SAID {
            self.missed.clear();
        }
    }

    /// Says which files may not have been read to their ends.
    pub(super) fn missed(&self) -> Option<String> {
        let more = self.missed.len().saturating_sub(1);
        let more = if more > 0 { format!(", and {more} more") } else { String::new() };
        self.missed.first().map(|path| {
            format!(
                "The end of a file may not have been read: what was {path}{more} of the source {} when it was read last is \
                 neither there nor beside it any more. If it was moved or compressed, gatewatch replay shows what is in it.",
                self.source
            )
        })
    }
}
