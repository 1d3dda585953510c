//! Have the files of `[context]`, or the model of `[posture]`, changed?
//!
//! A thread of its own looks every two seconds, or when it is poked by SIGHUP, so that reading a large
//! database holds nothing up. A file is read once it has stayed as it is for one look more, lest half
//! of one that is being written pass for the whole; who replaces files at once (`mv`) need not mind.
//! What was read goes to the coordinator, whole or as the list of what is wrong.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};
use sha2::{Digest, Sha256};

use crate::clock::Clock;
use crate::config::{Config, Surrounded, surroundings};
use crate::context::ContextProblem;
use crate::detection::Detectors;

use super::parts::Ask;

/// How often files are looked at.
const EVERY: Duration = Duration::from_secs(2);

/// What came of reading the files anew.
#[derive(Debug)]
pub struct Reread {
    /// What they say, or what is wrong.
    pub became: Result<Surrounded, Vec<ContextProblem>>,
    /// SHA-256 of each file, by its path.
    pub sums: BTreeMap<String, String>,
}

/// How a file looks from outside: when it was written, its size, and which file it is.
pub type Look = Option<(Duration, u64, u64)>;

/// Watches the files that a configuration names.
#[derive(Debug)]
pub struct Reloader {
    config: Config,
    detectors: Arc<Detectors>,
    /// Tells whether a risk is accepted for too long.
    clock: Clock,
    files: Vec<PathBuf>,
    /// How they looked when they were read last.
    read: Vec<Look>,
    /// How they looked a moment ago.
    seen: Vec<Look>,
}

impl Reloader {
    /// Returns one that takes the files to be as they were read.
    pub fn new(config: Config, detectors: Arc<Detectors>, clock: Clock) -> Self {
        let mut files = config.context.files();
        files.extend(config.posture.model.clone());
        let now: Vec<Look> = files.iter().map(|file| look(file)).collect();
        Self { config, detectors, clock, files, read: now.clone(), seen: now }
    }

    /// Tells whether there is no file to look at.
    pub fn is_idle(&self) -> bool {
        self.files.is_empty()
    }

    /// Returns SHA-256 of each file, by its path.
    pub fn sums(&self) -> BTreeMap<String, String> {
        self.files.iter().filter_map(|file| Some((file.display().to_string(), sum(file)?))).collect()
    }

    /// Looks at the files; returns what they say if they have changed and stayed so, or if `poked`.
    pub fn check(&mut self, poked: bool) -> Option<Reread> {
        let now: Vec<Look> = self.files.iter().map(|file| look(file)).collect();
        let settled = now == self.seen;
        self.seen.clone_from(&now);
        if !poked && (!settled || now == self.read) {
            return None;
        }
        let sums = self.sums();
        let became = surroundings(&self.config, &self.detectors, self.clock.now());
        // What changed while it was read is read again.
        self.read = now;
        Some(Reread { became, sums })
    }

    /// Looks until the other end of `pokes` or of `to` is gone.
    pub fn run(mut self, pokes: &Receiver<()>, to: &Sender<Ask>) {
        loop {
            let poked = match pokes.recv_timeout(EVERY) {
                Ok(()) => true,
                Err(RecvTimeoutError::Timeout) => false,
                Err(RecvTimeoutError::Disconnected) => return,
            };
            if let Some(reread) = self.check(poked)
                && to.send(Ask::Surround(Box::new(reread))).is_err()
            {
                return;
            }
        }
    }
}

/// Returns how a file looks from outside; nothing if it can't be asked.
pub fn look(file: &Path) -> Look {
    use std::os::unix::fs::MetadataExt as _;
    let about = std::fs::metadata(file).ok()?;
    let written = about.modified().ok()?.duration_since(std::time::UNIX_EPOCH).ok()?;
    Some((written, about.len(), about.ino()))
}

/// Returns SHA-256 of `bytes`, hexadecimal.
pub fn sum_of(bytes: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(&Sha256::digest(bytes))
}

/// Returns SHA-256 of a file, hexadecimal; nothing if it can't be read.
pub fn sum(file: &Path) -> Option<String> {
    let mut hash = Sha256::new();
    std::io::copy(&mut std::fs::File::open(file).ok()?, &mut hash).ok()?;
    Some(data_encoding::HEXLOWER.encode(&hash.finalize()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detection::Catalogue;

    fn reloader(folder: &Path) -> Reloader {
        let text = format!("context.lists.bad.file = '{}'", folder.join("bad").display());
        let config: Config = toml::from_str(&text).unwrap();
        Reloader::new(config, Catalogue::shipped().unwrap().detectors, Clock::system())
    }

    #[test]
    fn a_file_is_read_once_it_has_changed_and_stayed_so() {
        let folder = tempfile::tempdir().unwrap();
        let write = |text: &str| std::fs::write(folder.path().join("bad"), text).unwrap();
        write("203.0.113.0/24\n");
        let mut reloader = reloader(folder.path());
        assert!(reloader.check(false).is_none());
        write("203.0.113.0/24\n198.51.100.0/2");
        assert!(reloader.check(false).is_none(), "it may still be written");
        write("203.0.113.0/24\n198.51.100.0/24\n");
        assert!(reloader.check(false).is_none());
        let reread = reloader.check(false).unwrap();
        let context = reread.became.unwrap().context;
        assert_eq!(context.lists.of_address("198.51.100.7".parse().unwrap()).0, Some("bad"));
        assert_eq!(reread.sums.len(), 1);
        assert!(reloader.check(false).is_none());
        assert!(reloader.check(true).is_some(), "who pokes wants it read");
    }

    #[test]
    fn what_is_wrong_is_told_once_and_what_is_gone_is_wrong() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("bad");
        std::fs::write(&file, "203.0.113.0/24\n").unwrap();
        let mut reloader = reloader(folder.path());
        std::fs::remove_file(&file).unwrap();
        assert!(reloader.check(false).is_none());
        let problems = reloader.check(false).unwrap().became.unwrap_err();
        assert!(problems[0].to_string().contains("bad: it can't be read"), "{problems:?}");
        assert!(reloader.check(false).is_none());
    }
}
