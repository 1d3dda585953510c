//! How does a key file change, so that no crash leaves it without its keys?
//!
//! The new file is whole and durable beside the old one before it takes its name. What a destroyed
//! key was written in is overwritten after that: in its own blocks, as far as the file system keeps
//! to them. One process at a time changes a file.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;

use super::{CEILING, HIGHEST, Key, KeyError, KeyRing, folder_of, random};
use crate::clock::Timestamp;

impl KeyRing {
    /// Makes a new key in the file at `path`, which takes over `overlap` after `now`; returns the
    /// ring as it is at `now`. With no overlap it is in use at once.
    pub fn rotate(path: &Path, now: Timestamp, overlap: Duration) -> Result<Self, KeyError> {
        change(path, now, false, |ring| ring.add(random()?, now, overlap))
    }

    /// Takes key `id` out of the file at `path`, and overwrites what it was written in; returns
    /// the ring as it is at `now`.
    pub fn destroy(path: &Path, now: Timestamp, id: &str) -> Result<Self, KeyError> {
        change(path, now, true, |ring| ring.remove(id))
    }

    fn add(&mut self, secret: [u8; 32], now: Timestamp, overlap: Duration) -> Result<(), KeyError> {
        if let Some(coming) = self.coming() {
            return Err(KeyError::Rotating { coming: coming.id().to_owned() });
        }
        if self.keys.len() == CEILING || self.last == HIGHEST {
            return Err(KeyError::Full);
        }
        // Detectors' memory is kept by it, and goes on whatever becomes of the key it came of.
        self.content.get_or_insert(self.derive("content"));
        self.last += 1;
        let from = Some(now.plus(overlap));
        self.keys.push(Key { id: format!("k{}", self.last), secret, created: Some(now), from });
        Ok(())
    }

    fn remove(&mut self, id: &str) -> Result<(), KeyError> {
        let Some(place) = self.keys.iter().position(|key| key.id == id) else {
            let known: Vec<&str> = self.keys.iter().map(|key| key.id.as_str()).collect();
            return Err(KeyError::Unknown { id: id.to_owned(), known: known.join(", ") });
        };
        if place == self.in_use {
            return Err(KeyError::InUse { id: id.to_owned() });
        }
        self.keys.remove(place);
        Ok(())
    }
}

/// Changes the file at `path`; with `overwrite` nothing of what it was stays in its blocks.
fn change(
    path: &Path,
    now: Timestamp,
    overwrite: bool,
    how: impl FnOnce(&mut KeyRing) -> Result<(), KeyError>,
) -> Result<KeyRing, KeyError> {
    let failed = |what| move |source| KeyError::Io { path: path.to_owned(), what, source };
    // Where it is a link, what it leads to is changed.
    let real = fs::canonicalize(path).map_err(failed("read"))?;
    let mut old = OpenOptions::new().read(true).write(true).open(&real).map_err(failed("written"))?;
    if rustix::fs::flock(&old, rustix::fs::FlockOperation::NonBlockingLockExclusive).is_err()
        || !is_still(&old, &real).map_err(failed("read"))?
    {
        return Err(KeyError::Changing { path: path.to_owned() });
    }
    let mut ring = KeyRing::read(path, &old)?.at(now);
    how(&mut ring)?;
    let ring = ring.at(now);
    let put = |ring: &KeyRing| {
        let draft = ring.draft(&real)?;
        fs::rename(&draft, &real)?;
        File::open(folder_of(&real))?.sync_all()
    };
    put(&ring).map_err(failed("written"))?;
    if overwrite {
        wipe(&mut old).map_err(failed("overwritten"))?;
    }
    Ok(ring)
}

/// Tells whether `file` is what stands at `path`: another process may have put a new one there.
fn is_still(file: &File, path: &Path) -> io::Result<bool> {
    let (ours, there) = (file.metadata()?, fs::metadata(path)?);
    Ok((ours.dev(), ours.ino()) == (there.dev(), there.ino()))
}

/// Overwrites a file that has lost its name.
fn wipe(file: &mut File) -> io::Result<()> {
    let size = usize::try_from(file.metadata()?.len()).unwrap_or_default();
    for byte in [0xff, 0x00] {
        file.seek(SeekFrom::Start(0))?;
        file.write_all(&vec![byte; size])?;
        file.sync_all()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    const DAY: Duration = Duration::from_hours(24);

    fn at(day: i64) -> Timestamp {
        Timestamp::from_seconds(1_780_000_000 + day * 86_400)
    }

    fn ring() -> (tempfile::TempDir, std::path::PathBuf, KeyRing) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        let (ring, _) = KeyRing::load_or_create(&path).unwrap();
        (folder, path, ring)
    }

    #[test]
    fn a_new_key_takes_over_when_the_overlap_has_ended_and_not_before() {
        let (folder, path, _) = ring();
        KeyRing::rotate(&path, at(0), DAY * 30).unwrap();
        assert_eq!(KeyRing::load(&path).unwrap().id(), "k1");
        assert_eq!(KeyRing::load(&path).unwrap().at(at(29)).id(), "k1");
        assert_eq!(KeyRing::load(&path).unwrap().at(at(30)).id(), "k2");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing else is left behind");
    }

    #[test]
    fn what_root_rotates_the_daemon_s_user_can_still_read() {
        let (folder, path, _) = ring();
        if std::os::unix::fs::chown(&path, Some(54_321), Some(54_321)).is_err() {
            return; // Only root gives files away.
        }
        KeyRing::rotate(&path, at(0), DAY).unwrap();
        let meta = fs::metadata(&path).unwrap();
        assert_eq!((meta.uid(), meta.gid(), meta.mode() & 0o777), (54_321, 54_321, 0o600));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing else is left behind");
    }

    #[test]
    fn detectors_memory_outlives_the_rotation_and_the_end_of_the_old_key() {
        let (_folder, path, before) = ring();
        let first = before.siphash_key();
        KeyRing::rotate(&path, at(0), Duration::ZERO).unwrap();
        let second = KeyRing::load(&path).unwrap().at(at(0));
        assert_eq!((second.id(), second.siphash_key()), ("k2", first));
        KeyRing::destroy(&path, at(1), "k1").unwrap();
        let third = KeyRing::load(&path).unwrap().at(at(1));
        assert_eq!((third.id(), third.siphash_key()), ("k2", first));
        assert_eq!(third.derive("secret"), second.derive("secret"));
    }

    #[test]
    fn only_one_key_comes_at_a_time_and_one_that_is_destroyed_never_comes_back() {
        let (_folder, path, _) = ring();
        KeyRing::rotate(&path, at(0), DAY).unwrap();
        assert!(KeyRing::rotate(&path, at(0), DAY).unwrap_err().to_string().contains("destroy k2"));
        KeyRing::destroy(&path, at(0), "k2").unwrap();
        let third = KeyRing::rotate(&path, at(0), DAY).unwrap();
        let ids: Vec<String> = third.list().into_iter().map(|key| key.id).collect();
        assert_eq!(ids, ["k1", "k3"], "a number is never given twice");
    }

    #[test]
    fn the_key_in_use_can_not_be_destroyed() {
        let (_folder, path, _) = ring();
        for (id, says) in [("k1", "in use"), ("k7", "there is no key `k7`: there are k1")] {
            let error = KeyRing::destroy(&path, at(0), id).unwrap_err().to_string();
            assert!(error.contains(says), "{error}");
        }
    }

    #[test]
    fn the_blocks_of_a_destroyed_key_are_overwritten() {
        let (folder, path, _) = ring();
        KeyRing::rotate(&path, at(0), Duration::ZERO).unwrap();
        // Another name for what the key is written in, to see what becomes of it.
        let witness = folder.path().join("witness");
        fs::hard_link(&path, &witness).unwrap();
        let secret = fs::read_to_string(&path).unwrap();
        KeyRing::destroy(&path, at(1), "k1").unwrap();
        assert_eq!(fs::read(&witness).unwrap(), vec![0; secret.len()]);
        assert!(!fs::read_to_string(&path).unwrap().contains("k1 "));
    }

    #[test]
    fn a_file_that_another_process_changes_is_left_alone() {
        let (_folder, path, _) = ring();
        let held = File::open(&path).unwrap();
        rustix::fs::flock(&held, rustix::fs::FlockOperation::NonBlockingLockExclusive).unwrap();
        assert!(matches!(KeyRing::rotate(&path, at(0), DAY), Err(KeyError::Changing { .. })));
    }
}
