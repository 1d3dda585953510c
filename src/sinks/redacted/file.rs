//! The redacted stream to a file: each message and a line feed, and beside it a `.positions`
//! file with a line of JSON for each: where it begins in the file, how many bytes it has, and
//! where it was read. The file is written before its positions, so what a kill leaves is cut
//! back to the last message that has both.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::telemetry::StreamName;

use super::SinkError;

const BUFFER: usize = 1 << 20;
/// How far back the last whole line of positions is looked for.
const TAIL: u64 = 1 << 20;

/// A line of the `.positions` file.
#[derive(Debug, Serialize, Deserialize)]
struct Line<'l> {
    /// The message's first byte in the file.
    at: u64,
    /// Its length in bytes, without the line feed that ends it.
    length: u64,
    #[serde(borrow)]
    source: std::borrow::Cow<'l, str>,
    #[serde(borrow)]
    topic: std::borrow::Cow<'l, str>,
    partition: i32,
    offset: i64,
}

/// Writes redacted messages to a file.
#[derive(Debug)]
pub struct RedactedFile {
    path: PathBuf,
    file: File,
    positions: File,
    /// Written and buffered bytes of the file.
    length: u64,
    /// Written bytes of both files: what a failed write is cut back to.
    written: (u64, u64),
    bytes: Vec<u8>,
    lines: Vec<u8>,
}

impl RedactedFile {
    /// Starts a new file at `path`; one that is there is overwritten.
    ///
    /// # Errors
    ///
    /// Says that the file can't be written.
    pub fn create(path: &Path) -> Result<Self, SinkError> {
        Self::open(path, true)
    }

    /// Goes on with the file at `path`, or starts it; what a crash left half-written is cut off.
    ///
    /// # Errors
    ///
    /// Says that the file can't be written, or that its `.positions` file does not belong to it.
    pub fn resume(path: &Path) -> Result<Self, SinkError> {
        Self::open(path, false)
    }

    fn open(path: &Path, truncate: bool) -> Result<Self, SinkError> {
        let mut beside = path.as_os_str().to_owned();
        beside.push(".positions");
        let beside = PathBuf::from(beside);
        if !truncate && !beside.exists() && path.metadata().is_ok_and(|file| file.len() > 0) {
            return Err(SinkError::Reject(format!(
                "{} is there already and has no .positions file beside it, so it is not a redacted stream: name \
                 another file",
                path.display()
            )));
        }
        Self::open_both(path, &beside, truncate).map_err(|error| failed(path, &error))
    }

    fn open_both(path: &Path, beside: &Path, truncate: bool) -> std::io::Result<Self> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(truncate).mode(0o600);
        // The positions first: a file that has them beside it, even none yet, is ours.
        let mut positions = options.open(beside)?;
        let mut file = options.open(path)?;
        let written = whole(&mut file, &mut positions)?;
        let (bytes, lines) = (Vec::with_capacity(BUFFER), Vec::new());
        let mut this = Self { path: path.into(), file, positions, length: written.0, written, bytes, lines };
        this.cut_back()?;
        Ok(this)
    }

    /// Adds one message, in memory until enough has come together.
    pub fn append(&mut self, stream: &StreamName, offset: i64, bytes: &[u8]) -> Result<(), SinkError> {
        if self.bytes.len() >= BUFFER {
            self.spill()?;
        }
        let StreamName { source, topic, partition } = stream;
        let (at, length) = (self.length, bytes.len() as u64);
        let line = Line { at, length, source: source.into(), topic: topic.into(), partition: *partition, offset };
        let line = serde_json::to_string(&line)
            .map_err(|error| SinkError::Reject(format!("a position of {stream} can't be written ({error})")))?;
        self.bytes.extend_from_slice(bytes);
        self.bytes.push(b'\n');
        self.lines.extend_from_slice(line.as_bytes());
        self.lines.push(b'\n');
        self.length += length + 1;
        Ok(())
    }

    /// Writes what is buffered and waits for the disk.
    pub fn flush(&mut self) -> Result<(), SinkError> {
        self.spill()?;
        // The system forgets what it could not write after saying so once: trying again would prove nothing.
        self.file.sync_data().and_then(|()| self.positions.sync_data()).map_err(|error| {
            SinkError::Reject(format!(
                "the disk did not take {} ({error}): mend it, or free space on it, and start again",
                self.path.display()
            ))
        })
    }

    /// Writes the buffers, the messages before their positions; after an error they are kept.
    fn spill(&mut self) -> Result<(), SinkError> {
        let mut written = self.file.write_all(&self.bytes);
        if written.is_ok() {
            written = self.positions.write_all(&self.lines);
        }
        if let Err(error) = written {
            // If the half-written end can't be cut off either, the next attempt says so again.
            let _ = self.cut_back();
            return Err(failed(&self.path, &error));
        }
        self.written.0 += self.bytes.len() as u64;
        self.written.1 += self.lines.len() as u64;
        self.bytes.clear();
        self.lines.clear();
        Ok(())
    }

    /// Puts both files back to what was written whole.
    fn cut_back(&mut self) -> std::io::Result<()> {
        self.file.set_len(self.written.0)?;
        self.positions.set_len(self.written.1)?;
        self.file.seek(SeekFrom::Start(self.written.0))?;
        self.positions.seek(SeekFrom::Start(self.written.1))?;
        Ok(())
    }
}

/// Returns how many bytes of both files are whole: up to the last message that has its position.
fn whole(file: &mut File, positions: &mut File) -> std::io::Result<(u64, u64)> {
    let (length, lines) = (file.metadata()?.len(), positions.metadata()?.len());
    let start = lines.saturating_sub(TAIL);
    positions.seek(SeekFrom::Start(start))?;
    let mut tail = Vec::new();
    positions.take(TAIL).read_to_end(&mut tail)?;
    let mut ours = lines == 0;
    while let Some(end) = tail.iter().rposition(|&byte| byte == b'\n') {
        tail.truncate(end);
        let begin = tail.iter().rposition(|&byte| byte == b'\n').map_or(0, |before| before + 1);
        let line = tail.get(begin..).and_then(|line| serde_json::from_slice::<Line<'_>>(line).ok());
        ours |= line.is_some();
        if let Some(message_end) = line.and_then(|line| line.at.checked_add(line.length)?.checked_add(1))
            && message_end <= length
        {
            return Ok((message_end, start + end as u64 + 1));
        }
    }
    if ours && start == 0 {
        return Ok((0, 0));
    }
    Err(std::io::Error::new(std::io::ErrorKind::InvalidData, "its .positions file does not belong to it"))
}

fn failed(path: &Path, error: &std::io::Error) -> SinkError {
    SinkError::retry(format!(
        "{} can't be written ({error}): it must lie in a folder that the user who runs gatewatch may write, on a disk \
         with free space; else name another file",
        path.display()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream() -> StreamName {
        StreamName { source: "files".into(), topic: "/logs/a\tb.jsonl".into(), partition: 0 }
    }

    fn append(file: &mut RedactedFile, messages: &[&[u8]]) {
        for (offset, message) in (100..).zip(messages) {
            file.append(&stream(), offset, message).unwrap();
        }
    }

    /// Reads every message by its position.
    fn messages(path: &Path) -> Vec<(i64, Vec<u8>)> {
        let bytes = std::fs::read(path).unwrap();
        let positions = std::fs::read_to_string(format!("{}.positions", path.display())).unwrap();
        let lines = positions.lines().map(|line| serde_json::from_str::<Line<'_>>(line).unwrap());
        lines.map(|line| (line.offset, bytes[line.at as usize..(line.at + line.length) as usize].to_vec())).collect()
    }

    #[test]
    fn each_message_is_found_by_its_position_byte_for_byte() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("clean");
        let mut file = RedactedFile::create(&path).unwrap();
        append(&mut file, &[b"{\"a\":1}", b"", b"two\nlines\xff"]);
        file.flush().unwrap();
        let found = messages(&path);
        assert_eq!(found, [(100, b"{\"a\":1}".to_vec()), (101, Vec::new()), (102, b"two\nlines\xff".to_vec())]);
        assert_eq!(std::fs::read(&path).unwrap(), b"{\"a\":1}\n\ntwo\nlines\xff\n");
    }

    #[test]
    fn what_a_crash_left_half_written_is_cut_off() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("clean");
        let positions = folder.path().join("clean.positions");
        let mut file = RedactedFile::create(&path).unwrap();
        append(&mut file, &[b"one", b"two"]);
        file.flush().unwrap();
        drop(file);
        for (more, more_lines, cut) in [(&b"thr"[..], &b""[..], 0), (b"three\n", b"{\"at\":8", 0), (b"", b"", 2)] {
            let (bytes, lines) = (std::fs::read(&path).unwrap(), std::fs::read(&positions).unwrap());
            std::fs::write(&path, [&bytes[..bytes.len() - cut], more].concat()).unwrap();
            std::fs::write(&positions, [&lines[..], more_lines].concat()).unwrap();
            let mut file = RedactedFile::resume(&path).unwrap();
            append(&mut file, &[b"new"]);
            file.flush().unwrap();
            let found: Vec<_> = messages(&path).into_iter().map(|(_, message)| message).collect();
            let kept: &[&[u8]] = if cut > 0 { &[b"one", b"two", b"new"] } else { &[b"one", b"two"] };
            assert_eq!(&found[..kept.len()], kept);
            assert_eq!(found.last().unwrap(), b"new");
        }
    }

    #[test]
    fn a_crash_before_the_first_position_starts_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("clean");
        drop(RedactedFile::create(&path).unwrap());
        std::fs::write(&path, "half a mess").unwrap();
        let mut file = RedactedFile::resume(&path).unwrap();
        append(&mut file, &[b"one"]);
        file.flush().unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"one\n");
    }

    #[test]
    fn a_file_that_is_not_ours_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mine");
        std::fs::write(&path, "precious").unwrap();
        for _ in 0..2 {
            let refused = RedactedFile::resume(&path).unwrap_err().to_string();
            assert!(refused.contains("not a redacted stream"), "{refused}");
        }
        assert_eq!(std::fs::read(&path).unwrap(), b"precious");
    }

    #[test]
    fn a_stream_larger_than_the_buffer_is_written_in_order() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("clean");
        let mut file = RedactedFile::create(&path).unwrap();
        let large = vec![b'x'; 700_000];
        append(&mut file, &[&large, b"a", &large, b"b", &large]);
        file.flush().unwrap();
        assert_eq!(
            messages(&path).into_iter().map(|(_, bytes)| bytes.len()).collect::<Vec<_>>(),
            [700_000, 1, 700_000, 1, 700_000]
        );
    }
}
