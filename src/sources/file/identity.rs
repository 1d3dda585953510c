//! Is this the file that was read before?
//!
//! A path is not: rotation moves files from under it. So a file is known by its inode and its
//! first bytes, hashed to a number that stands for the partition in its stream's name: the path
//! says where it was first seen, the number which of the files that had this path it is. Device
//! numbers are left out, for they change when a machine restarts; the first bytes tell apart a
//! file that was truncated, or one that was given a deleted one's inode.

use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

use super::reader::compression;

/// How many of the first bytes count: up to the first newline, and this many at most.
const HEAD: usize = 256;

/// What tells an open file from others for as long as this process runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Inode {
    device: u64,
    number: u64,
}

impl Inode {
    pub(super) fn of(meta: &std::fs::Metadata) -> Self {
        Self { device: meta.dev(), number: meta.ino() }
    }
}

/// Returns the number by which `file` is known over restarts; `None` while it is too short to
/// tell: it `grows` and has no whole line.
pub(super) fn identity(file: &File, inode: Inode, grows: bool) -> io::Result<Option<i32>> {
    let mut head = [0; HEAD];
    let mut length = 0;
    while length < HEAD {
        match file.read_at(&mut head[length..], length as u64) {
            Ok(0) => break,
            Ok(read) => length += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    let line = memchr::memchr(b'\n', &head[..length]);
    if line.is_none() && length < HEAD && grows && compression(&head[..length]).is_none() {
        return Ok(None);
    }
    let head = &head[..line.unwrap_or(length)];
    let hash = xxhash_rust::xxh3::xxh3_64_with_seed(head, inode.number);
    Ok(Some(i32::try_from(hash & 0x7fff_ffff).unwrap_or(0)))
}

/// Tells whether `file` is compressed, by its first bytes.
pub(super) fn is_archive(file: &File) -> bool {
    let mut head = [0; 4];
    file.read_at(&mut head, 0).is_ok_and(|length| compression(&head[..length]).is_some())
}

/// Returns the files beside `path` whose names begin with its name: where a rotation puts them.
pub(super) fn beside(path: &Path) -> Vec<PathBuf> {
    let (Some(folder), Some(name)) = (path.parent(), path.file_name().and_then(|name| name.to_str())) else {
        return Vec::new();
    };
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let names = entries
        .filter_map(Result::ok)
        .filter(|entry| entry.file_name().to_str().is_some_and(|found| found.starts_with(name) && found != name));
    names.take(1_000).map(|entry| entry.path()).collect()
}

/// Returns where a line begins at or after `size`, which may lie within one.
pub(super) fn next_line(file: &File, size: u64) -> io::Result<u64> {
    let mut before = [0];
    if size == 0 || (file.read_at(&mut before, size - 1)? == 1 && before[0] == b'\n') {
        return Ok(size);
    }
    // The line is being written: it began before us, and all of it is read.
    let mut end = size;
    let mut chunk = [0; 4096];
    while end > 0 && size - end < (16 << 20) {
        let start = end.saturating_sub(chunk.len() as u64);
        let length = (end - start) as usize;
        let read = file.read_at(&mut chunk[..length], start)?;
        if let Some(at) = memchr::memrchr(b'\n', &chunk[..read]) {
            return Ok(start + at as u64 + 1);
        }
        end = start;
    }
    Ok(end)
}
