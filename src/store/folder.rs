//! May the store live in this folder, and is it ours alone?
//!
//! SQLite's log needs shared memory and honest locks, which network file systems do not give, so
//! those are refused before anything is written. One process at a time holds the lock file.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{Read as _, Seek as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};

use super::StoreError;

/// The database's name in the data folder.
pub const DATABASE: &str = "gatewatch.db";
const LOCK: &str = "lock";

/// The data folder, locked as long as this lives.
#[derive(Debug)]
pub(super) struct Folder {
    /// Where the database lies.
    pub database: PathBuf,
    /// Open for as long as the lock is held; closing it releases the lock.
    _lock: File,
}

impl Folder {
    /// Creates the folder if there is none (for its owner only), checks it and takes its lock.
    pub fn take(data: &Path) -> Result<Self, StoreError> {
        DirBuilder::new().recursive(true).mode(0o700).create(data).map_err(|error| unusable(data, &error))?;
        refuse_network(data)?;
        let lock = lock(data)?;
        let database = data.join(DATABASE);
        own(&database).map_err(|error| unusable(data, &error))?;
        Ok(Self { database, _lock: lock })
    }
}

/// Creates `path` if there is none; lets only its owner read it. SQLite gives its log the same rights.
pub(super) fn own(path: &Path) -> std::io::Result<()> {
    let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)?;
    file.set_permissions(fs::Permissions::from_mode(0o600))
}

fn unusable(data: &Path, error: &std::io::Error) -> StoreError {
    StoreError::Unusable(format!(
        "the data folder {} can't be used ({error}): it must be a folder that the user who runs gatewatch may write; \
         mend its rights or name another with --data",
        data.display()
    ))
}

fn lock(data: &Path) -> Result<File, StoreError> {
    let path = data.join(LOCK);
    let mut options = OpenOptions::new();
    let open = options.read(true).write(true).create(true).truncate(false).mode(0o600).open(&path);
    let mut file = open.map_err(|error| unusable(data, &error))?;
    if flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
        let mut holder = String::new();
        // Who holds it is a courtesy: where it can't be read, the message does without.
        let _ = (&file).take(20).read_to_string(&mut holder);
        let process = if holder.is_empty() { String::new() } else { format!(" (process {})", holder.trim()) };
        return Err(StoreError::Unusable(format!(
            "another gatewatch{process} uses the data folder {}: stop it, or start this one with another --data",
            data.display()
        )));
    }
    let write = |file: &mut File| {
        file.set_len(0)?;
        file.rewind()?;
        writeln!(file, "{}", std::process::id())
    };
    match write(&mut file) {
        Ok(()) => Ok(file),
        Err(error) if error.kind() == std::io::ErrorKind::StorageFull => Err(StoreError::Full(format!(
            "the disk that holds the data folder {} is full: free some space and start again",
            data.display()
        ))),
        Err(error) => Err(unusable(data, &error)),
    }
}

#[cfg(target_os = "linux")]
fn refuse_network(data: &Path) -> Result<(), StoreError> {
    let kind = rustix::fs::statfs(data).map_err(|error| unusable(data, &error.into()))?.f_type;
    // The kernel's number has 32 bits; the type that carries it differs from machine to machine.
    let Some(name) = network_name(kind as u32) else { return Ok(()) };
    if name == "FUSE" && is_fuse_on_a_disk(data) {
        return Ok(());
    }
    Err(on_network(data, name))
}

#[cfg(target_os = "linux")]
fn on_network(data: &Path, name: &str) -> StoreError {
    StoreError::Unusable(format!(
        "the data folder {} lies on a network file system ({name}), where a database is not safe: name a folder on a \
         local disk with --data",
        data.display()
    ))
}

#[cfg(not(target_os = "linux"))]
fn refuse_network(_data: &Path) -> Result<(), StoreError> {
    Ok(())
}

/// Returns the name of the network or shared file system with this number.
#[cfg(target_os = "linux")]
const fn network_name(magic: u32) -> Option<&'static str> {
    Some(match magic {
        0x0000_6969 => "NFS",
        0x0000_517B => "SMB",
        0xFF53_4D42 => "CIFS",
        0xFE53_4D42 => "SMB 2 or later",
        0x6573_5546 => "FUSE",
        0x0102_1997 => "9P",
        0x00C3_6400 => "Ceph",
        0x5346_414F | 0x6B41_4653 => "AFS",
        0x0BD0_0BD0 => "Lustre",
        0x7375_7245 => "Coda",
        0x0116_1970 => "GFS2",
        0x7461_636F => "OCFS2",
        0x1983_0326 => "BeeGFS",
        0x4750_4653 => "GPFS",
        0x0000_564C => "NCP",
        _ => return None,
    })
}

/// Tells whether a FUSE file system sits on a block device (NTFS, exFAT) and not on a network.
#[cfg(target_os = "linux")]
fn is_fuse_on_a_disk(data: &Path) -> bool {
    let (Ok(at), Ok(mounts)) = (fs::canonicalize(data), fs::read_to_string("/proc/self/mountinfo")) else {
        return false;
    };
    // The fifth word is where it is mounted; the first after the lone dash is its kind. The
    // longest mount point that holds the folder is the one it lies on.
    let lines = mounts.lines().filter_map(|line| {
        let (mount, kind) = line.split_once(" - ")?;
        let point = mount.split(' ').nth(4)?;
        at.starts_with(point).then(|| (point.len(), kind.split(' ').next() == Some("fuseblk")))
    });
    lines.max_by_key(|&(length, _)| length).is_some_and(|(_, on_a_disk)| on_a_disk)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_data_folder_is_readable_by_its_owner_alone() {
        let home = tempfile::tempdir().unwrap();
        let data = home.path().join("a/b");
        let folder = Folder::take(&data).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&data), mode(&folder.database)), (0o700, 0o600));
    }

    #[test]
    fn a_second_daemon_is_told_who_has_the_folder() {
        let data = tempfile::tempdir().unwrap();
        let first = Folder::take(data.path()).unwrap();
        let refused = Folder::take(data.path()).unwrap_err().to_string();
        assert!(refused.contains(&format!("(process {})", std::process::id())), "{refused}");
        assert!(refused.contains("--data"), "{refused}");
        drop(first);
        assert!(Folder::take(data.path()).is_ok());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn network_file_systems_are_known_by_their_numbers_and_local_ones_are_not() {
        for (magic, name) in [(0x6969, "NFS"), (0xFF53_4D42, "CIFS"), (0xFE53_4D42, "SMB 2 or later")] {
            assert_eq!(network_name(magic), Some(name));
            let says = on_network(Path::new("/mnt/share"), name).to_string();
            assert!(
                says.contains("/mnt/share") && says.contains(name) && says.contains("local disk with --data"),
                "{says}"
            );
        }
        // ext4, xfs, btrfs, tmpfs, overlayfs, zfs
        for magic in [0xEF53, 0x5846_5342, 0x9123_683E, 0x0102_1994, 0x794C_7630, 0x2FC1_2FC1] {
            assert_eq!(network_name(magic), None);
        }
    }

    #[test]
    fn a_file_where_the_folder_should_be_is_explained() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let refused = Folder::take(file.path()).unwrap_err().to_string();
        assert!(refused.contains("--data"), "{refused}");
    }
}
