//! Is it still the cluster whose positions we have?
//!
//! Another one by the same source's name, such as a namespace that everything has moved to, may have
//! more messages than were read of the first: nothing else would show that its beginning was
//! skipped. So what a source's cluster calls itself is kept in a file beside the store; where it calls
//! itself otherwise people are told, and reading goes on at our positions, for it may be the same one
//! under another name. One line a source.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::settings::{KafkaSettings, Profile};

/// What is known of the cluster that a source reads.
#[derive(Debug)]
pub(super) struct Cluster {
    source: String,
    file: PathBuf,
    /// The namespace's host: what Event Hubs answers by an id of its own is not documented.
    host: Option<String>,
    /// There are positions of this source, so that there is something to take for another's.
    read_before: bool,
}

impl Cluster {
    /// Returns what `folder` knows of the cluster of `source`, of which there are positions or not.
    pub(super) fn of(folder: &Path, source: &str, settings: &KafkaSettings, read_before: bool) -> Self {
        let host = settings.brokers.trim().split([':', ',']).next().unwrap_or_default().to_ascii_lowercase();
        let host = (settings.profile == Profile::EventHubs).then_some(host);
        let file = folder.join(utf8_percent_encode(source, NON_ALPHANUMERIC).to_string());
        Self { source: source.to_owned(), file, host, read_before }
    }

    /// Compares with what was there before the cluster that answers now, under the `id` that it gives
    /// itself; keeps that if nothing was read before. Returns what people should know.
    pub(super) fn meet(&self, id: Option<String>) -> Option<String> {
        let now = self.host.clone().or(id)?;
        let before = fs::read_to_string(&self.file).ok().map(|text| text.trim().to_owned());
        match before.filter(|_| self.read_before) {
            Some(before) if before == now => None,
            Some(before) => Some(format!(
                "The source {} has read another cluster ({before}) than the one that answers now ({now}), and is read on at \
                 the positions in that one: what lies before them here is never read. To begin with the new cluster, give the \
                 source a new name in the configuration, with start = \"earliest\" to read all that is there. If it is the same \
                 cluster under another name, delete {} and start Gatewatch again.",
                self.source,
                self.file.display()
            )),
            // What can't be kept is met as something new the next time.
            None => self.keep(&now).err().and(None),
        }
    }

    fn keep(&self, now: &str) -> io::Result<()> {
        if let Some(folder) = self.file.parent() {
            DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        }
        fs::write(&self.file, format!("{now}\n"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn met(folder: &Path, settings: &KafkaSettings, read_before: bool, id: &str) -> Option<String> {
        Cluster::of(folder, "the/logs", settings, read_before).meet(Some(id.to_owned()))
    }

    #[test]
    fn another_cluster_by_the_name_of_one_that_was_read_is_told_until_somebody_decides() {
        let folder = tempfile::tempdir().unwrap();
        let settings = KafkaSettings::new("broker:9092", &["logs"]);
        // The first start, and one of an installation from before anything was kept.
        for read_before in [false, true] {
            let folder = folder.path().join(read_before.to_string());
            assert_eq!(met(&folder, &settings, read_before, "one"), None);
            assert_eq!(met(&folder, &settings, true, "one"), None);
            for _ in 0..2 {
                let says = met(&folder, &settings, true, "two").unwrap_or_default();
                assert!(says.contains("(one)") && says.contains("(two)") && says.contains("earliest"), "{says}");
            }
            assert_eq!(met(&folder, &settings, false, "two"), None, "nothing was read: there is nothing to lose");
            assert_eq!(met(&folder, &settings, true, "two"), None);
        }
    }

    #[test]
    fn another_namespace_is_another_cluster_whatever_it_answers() {
        let folder = tempfile::tempdir().unwrap();
        let of = |host: &str| KafkaSettings {
            profile: Profile::EventHubs,
            ..KafkaSettings::new(format!("{host}.servicebus.windows.net:9093"), &["logs"])
        };
        assert_eq!(met(folder.path(), &of("one"), true, "same"), None);
        assert_eq!(met(folder.path(), &of("One"), true, "other"), None);
        assert!(met(folder.path(), &of("two"), true, "same").is_some());
    }
}
