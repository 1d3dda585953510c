//! Is this the file that was read before?
//!
//! A path is not: rotation moves files from under it. So a file is known by its inode and its
//! first bytes, hashed to a number that stands for the partition in its stream's name: the path
//! says where it was first seen, the number which of the files that had this path it is. Device
//! numbers are left out, for they change when a machine restarts; the first bytes tell apart a
//! file that was truncated, or one that was given a deleted one's inode.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::{DirEntryExt, FileExt, MetadataExt};
use std::path::{Path, PathBuf};

use super::json::Json;
use super::reader::{Ending, compression};

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
/// tell: it has no whole line, and may yet get one.
pub(super) fn identity(file: &File, inode: Inode, ending: Ending) -> io::Result<Option<i32>> {
    let head = Head::of(file)?;
    let text = &head.bytes[..head.length];
    let known = memchr::memchr(b'\n', text).is_some() || text.len() == HEAD || compression(text).is_some();
    let enough = match ending {
        Ending::Final => true,
        Ending::Growing => known,
        Ending::Quiet => known || Json::is_whole(text),
    };
    Ok(enough.then(|| number(head.line(), inode)))
}

/// Returns the numbers by which an archive may have been known while it was shorter than what counts, the last first.
pub(super) fn former(file: &File, inode: Inode) -> Vec<i32> {
    let Ok(head) = Head::of(file) else { return Vec::new() };
    (1..head.line().len()).rev().map(|length| number(&head.bytes[..length], inode)).collect()
}

/// The first bytes of a file.
struct Head {
    bytes: [u8; HEAD],
    length: usize,
}

impl Head {
    fn of(file: &File) -> io::Result<Self> {
        let (mut bytes, mut length) = ([0; HEAD], 0);
        while length < HEAD {
            match file.read_at(&mut bytes[length..], length as u64) {
                Ok(0) => break,
                Ok(read) => length += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(Self { bytes, length })
    }

    /// Returns those that count.
    fn line(&self) -> &[u8] {
        let text = &self.bytes[..self.length];
        &text[..memchr::memchr(b'\n', text).unwrap_or(text.len())]
    }
}

fn number(head: &[u8], inode: Inode) -> i32 {
    let hash = xxhash_rust::xxh3::xxh3_64_with_seed(head, inode.number);
    i32::try_from(hash & 0x7fff_ffff).unwrap_or(0)
}

/// Tells whether `file` is compressed, by its first bytes.
pub(super) fn is_archive(file: &File) -> bool {
    let mut head = [0; 4];
    file.read_at(&mut head, 0).is_ok_and(|length| compression(&head[..length]).is_some())
}

/// Returns the files beside `path` whose names begin with its name: where a rotation puts them. Where a link leads to
/// it, that is beside what it leads to.
pub(super) fn beside(path: &Path) -> Vec<PathBuf> {
    let mut names = named_like(path);
    if let Some(behind) = behind_links(path) {
        names.extend(named_like(&behind));
    }
    names
}

/// Returns the file that `path` leads to, if it leads elsewhere; it need not be there.
pub(super) fn behind_links(path: &Path) -> Option<PathBuf> {
    let behind = std::fs::canonicalize(path).or_else(|_| {
        let to = std::fs::read_link(path)?;
        Ok::<_, io::Error>(path.parent().map_or(to.clone(), |folder| folder.join(&to)))
    });
    behind.ok().filter(|behind| behind != path)
}

fn named_like(path: &Path) -> Vec<PathBuf> {
    let (Some(folder), Some(name)) = (folder(path), path.file_name().and_then(|name| name.to_str())) else {
        return Vec::new();
    };
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let names = entries
        .filter_map(Result::ok)
        .filter(|entry| entry.file_name().to_str().is_some_and(|found| found.starts_with(name) && found != name));
    names.take(1_000).map(|entry| entry.path()).collect()
}

fn folder(path: &Path) -> Option<&Path> {
    path.parent().map(|folder| if folder.as_os_str().is_empty() { Path::new(".") } else { folder })
}

/// What lies in folders, each looked into once.
#[derive(Debug, Default)]
pub(super) struct Folders(HashMap<PathBuf, HashMap<u64, PathBuf>>);

impl Folders {
    /// Finds the file `inode` in the folder of `path`, or of what it leads to; returns where it is and how long.
    pub(super) fn find(&mut self, path: &Path, inode: Inode) -> Option<(PathBuf, u64)> {
        let behind = behind_links(path);
        std::iter::once(path).chain(behind.as_deref()).filter_map(folder).find_map(|folder| {
            let names = self.0.entry(folder.to_owned()).or_insert_with(|| {
                let entries = std::fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
                entries.map(|entry| (entry.ino(), entry.path())).collect()
            });
            let path = names.get(&inode.number)?;
            let meta = std::fs::metadata(path).ok().filter(|meta| Inode::of(meta) == inode)?;
            Some((path.clone(), meta.len()))
        })
    }
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
