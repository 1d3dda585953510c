//! What stands in one file, message by message?
//!
//! A [`FileReader`] is synchronous, so that a replay runs at full speed without a runtime; a
//! source runs it on a thread. gzip and zstd are told by their first bytes, not their names, and
//! are streamed: a bomb costs time, not memory. Offsets are those of the uncompressed text, so
//! resuming a compressed file reads over what is behind.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use crate::sources::SourceError;
use crate::telemetry::{Batch, StreamId};

use super::json::Json;
use super::lines::{DOCUMENT, Found, LINE, Lines};
use super::place;

/// How much is read at once.
const CHUNK: usize = 256 * 1024;
/// The largest window a zstd frame may ask memory for, as a power of two: 128 MiB.
const ZSTD_WINDOW: u32 = 27;

/// Whether there is more to read now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadState {
    /// The batch is full, there may be more.
    More,
    /// All there is now has been read.
    End,
}

/// What becomes of a last line without a newline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// It is handed out: nothing more will come.
    Final,
    /// It waits for its newline.
    Growing,
    /// Nothing has come for a while: it is handed out if it is whole JSON.
    Quiet,
}

/// Reads the messages of one file, or of standard input.
pub struct FileReader {
    path: PathBuf,
    input: Box<dyn Read + Send>,
    compressed: bool,
    /// It is compressed and ends in the middle: more may come.
    unfinished: bool,
    stream: StreamId,
    ending: Ending,
    /// How much of a last line was found not to be whole.
    asked: usize,
    /// A document that is too long is cut off, and no error.
    cuts: bool,
    lines: Lines,
    buffer: Vec<u8>,
    /// Where the unread part of the buffer begins.
    start: usize,
    /// The offset of the buffer's unread part in the text.
    offset: i64,
    /// What is added to offsets to tell this writing of the file from those before.
    writing: i64,
    /// The first part of a line or document that is too long, and its offset; the rest is being skipped.
    cut: Option<(Vec<u8>, i64)>,
}

impl FileReader {
    /// Opens `path` (`-` is standard input), whose messages belong to `stream`, at the offset `from`.
    ///
    /// Fails with [`SourceError::Transient`] if the file can't be opened or is shorter than `from`.
    pub fn open(path: &Path, stream: StreamId, from: i64) -> Result<Self, SourceError> {
        if path == Path::new("-") {
            return Self::read_from(path, Box::new(io::stdin()), stream, from);
        }
        let file = File::open(path).map_err(|error| {
            SourceError::Transient(format!(
                "{} could not be opened: {error}. Check the path and who may read it.",
                path.display()
            ))
        })?;
        Self::of(path, file, stream, from)
    }

    /// Reads an open file; `path` is for messages to people.
    pub(super) fn of(path: &Path, mut file: File, stream: StreamId, from: i64) -> Result<Self, SourceError> {
        let regular = file.metadata().is_ok_and(|meta| meta.is_file());
        if !regular {
            return Self::read_from(path, Box::new(file), stream, from);
        }
        let mut head = [0; 4];
        let trouble = |error: io::Error| unreadable(path, &error);
        let length = read_up_to(&mut file, &mut head).map_err(trouble)?;
        refuse_utf_16(path, &head[..length])?;
        if compression(&head[..length]).is_some() {
            file.seek(SeekFrom::Start(0)).map_err(trouble)?;
            return Self::read_from(path, Box::new(file), stream, from);
        }
        file.seek(SeekFrom::Start(place::in_text(from).unsigned_abs())).map_err(trouble)?;
        Ok(Self::new(path, Box::new(file), false, stream, from))
    }

    /// Reads anything from its beginning, uncompressing it if need be, and passes over what is before `from`.
    fn read_from(
        path: &Path,
        mut input: Box<dyn Read + Send>,
        stream: StreamId,
        from: i64,
    ) -> Result<Self, SourceError> {
        let trouble = |error: io::Error| unreadable(path, &error);
        let mut head = [0; 4];
        let length = read_up_to(&mut input, &mut head).map_err(trouble)?;
        refuse_utf_16(path, &head[..length])?;
        let kind = compression(&head[..length]);
        let whole = io::Cursor::new(head[..length].to_vec()).chain(input);
        let mut input: Box<dyn Read + Send> = match kind {
            None => Box::new(whole),
            Some(Compression::Gzip) => {
                Box::new(flate2::bufread::MultiGzDecoder::new(BufReader::with_capacity(CHUNK, whole)))
            }
            Some(Compression::Zstd) => {
                let mut decoder = zstd::Decoder::new(whole).map_err(trouble)?;
                decoder.window_log_max(ZSTD_WINDOW).map_err(trouble)?;
                Box::new(decoder)
            }
        };
        let skip = place::in_text(from).unsigned_abs();
        let skipped = io::copy(&mut input.by_ref().take(skip), &mut io::sink()).map_err(trouble)?;
        if skipped < skip {
            return Err(SourceError::Transient(format!(
                "{} has {skipped} bytes, but was read up to {skip} before: it is not the same file.",
                path.display()
            )));
        }
        Ok(Self::new(path, input, kind.is_some(), stream, from))
    }

    /// Returns a reader over bytes in memory, such as a request's body.
    pub(in crate::sources) fn over(bytes: Vec<u8>) -> Self {
        Self::new(Path::new("the body"), Box::new(io::Cursor::new(bytes)), false, StreamId(0), 0)
    }

    fn new(path: &Path, input: Box<dyn Read + Send>, compressed: bool, stream: StreamId, from: i64) -> Self {
        let offset = place::in_text(from);
        Self {
            path: path.to_owned(),
            input,
            compressed,
            unfinished: false,
            stream,
            ending: Ending::Final,
            asked: 0,
            cuts: false,
            lines: Lines::new(),
            buffer: Vec::new(),
            start: 0,
            offset,
            writing: from.max(0) - offset,
            cut: None,
        }
    }

    /// Says what becomes of a last line without a newline.
    pub(super) fn set_ending(&mut self, ending: Ending) {
        self.ending = ending;
    }

    /// Cuts off a document that is too long, as it does a line: its source has others to read.
    pub(super) fn cutting(mut self) -> Self {
        self.cuts = true;
        self
    }

    /// Tells whether the file is compressed.
    pub fn compressed(&self) -> bool {
        self.compressed
    }

    /// Tells whether reading failed because a compressed file ends in the middle.
    pub(super) fn unfinished(&self) -> bool {
        self.unfinished
    }

    /// Returns the offset of the next message in the text.
    pub fn offset(&self) -> i64 {
        self.cut.as_ref().map_or(self.offset, |(_, offset)| *offset)
    }

    /// Returns what to resume at: the offset of the next message, and in which writing of the file.
    pub(super) fn position(&self) -> i64 {
        self.writing + self.offset()
    }

    /// Appends messages to `batch` until it has `max_bytes`, or all there is now is read. One
    /// message longer than that fits.
    ///
    /// Fails with [`SourceError::Transient`] if reading does, and with [`SourceError::Fatal`] at a
    /// JSON document over many lines that is longer than 64 MiB.
    pub fn read(&mut self, batch: &mut Batch, max_bytes: usize) -> Result<ReadState, SourceError> {
        loop {
            if batch.bytes.len() >= max_bytes {
                return Ok(ReadState::More);
            }
            if self.take_one(batch, false)? {
                continue;
            }
            if self.fill()? {
                continue;
            }
            if self.compressed || self.ending == Ending::Final || self.quiet_end() {
                if self.take_one(batch, true)? {
                    continue;
                }
                self.push_cut(batch);
            }
            return Ok(ReadState::End);
        }
    }

    /// Tells whether the file has been quiet behind a last line that is whole, though no newline ends it. Should it be
    /// written on after all, the rest is a message of its own.
    fn quiet_end(&mut self) -> bool {
        let text = &self.buffer[self.start..];
        if self.ending != Ending::Quiet || self.cut.is_some() || text.len() == self.asked {
            return false;
        }
        self.asked = text.len();
        Json::is_whole(text)
    }

    /// Appends what one read brings, so that a pipe that pauses holds back nothing it has written.
    pub(super) fn read_available(&mut self, batch: &mut Batch, max_bytes: usize) -> Result<ReadState, SourceError> {
        if !self.fill()? {
            return self.read(batch, max_bytes);
        }
        while self.take_one(batch, false)? {}
        Ok(ReadState::More)
    }

    /// Moves one message from the buffer to the batch; `false` if none is complete.
    fn take_one(&mut self, batch: &mut Batch, whole: bool) -> Result<bool, SourceError> {
        if self.cut.is_some() {
            return Ok(self.skip_line(batch));
        }
        let text = &self.buffer[self.start..];
        if text.is_empty() {
            return Ok(false);
        }
        match self.lines.next(text, whole) {
            Found::Unfinished => Ok(false),
            Found::LongDocument if !self.cuts => Err(SourceError::Fatal(format!(
                "{} is one JSON document longer than {} MiB: write one record a line, such as with jq -c '.records[]'.",
                self.path.display(),
                DOCUMENT >> 20
            ))),
            Found::LongLine | Found::LongDocument => {
                self.cut = Some((text[..LINE].to_vec(), self.offset));
                self.advance(LINE);
                Ok(true)
            }
            Found::Message { bytes, with_end } => {
                let at = self.writing + self.offset;
                let message = &text[..bytes];
                if !message.trim_ascii().is_empty() {
                    batch.push(message, self.stream, at, at + with_end as i64, None);
                }
                self.advance(with_end);
                Ok(true)
            }
        }
    }

    /// Skips the rest of a message that is too long; at its end hands out the first part.
    fn skip_line(&mut self, batch: &mut Batch) -> bool {
        let (bytes, ended) = self.lines.skip(&self.buffer[self.start..]);
        self.advance(bytes);
        if ended {
            self.push_cut(batch);
        }
        ended
    }

    fn push_cut(&mut self, batch: &mut Batch) {
        if let Some((part, offset)) = self.cut.take() {
            batch.push(&part, self.stream, self.writing + offset, self.writing + self.offset, None);
        }
    }

    fn advance(&mut self, by: usize) {
        self.start += by;
        self.offset += by as i64;
        self.asked = 0;
    }

    /// Reads more into the buffer; `false` at the end of what there is.
    fn fill(&mut self) -> Result<bool, SourceError> {
        self.buffer.drain(..self.start);
        self.start = 0;
        let before = self.buffer.len();
        // Doubles with what is pending, so that a long document is moved a few times only.
        let chunk = CHUNK.max(before.min(DOCUMENT));
        self.buffer.resize(before + chunk, 0);
        let read = loop {
            match self.input.read(&mut self.buffer[before..]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => break read,
            }
        };
        self.buffer.truncate(before + *read.as_ref().unwrap_or(&0));
        match read {
            Ok(read) => Ok(read > 0),
            Err(error) => {
                self.unfinished = self.compressed && error.kind() == io::ErrorKind::UnexpectedEof;
                Err(unreadable(&self.path, &error))
            }
        }
    }
}

impl std::fmt::Debug for FileReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "FileReader({} at {})", self.path.display(), self.offset)
    }
}

/// How a file is compressed.
pub(super) enum Compression {
    Gzip,
    Zstd,
}

/// Tells by its first bytes how a file is compressed, if it is.
pub(super) fn compression(head: &[u8]) -> Option<Compression> {
    match head {
        [0x1f, 0x8b, ..] => Some(Compression::Gzip),
        [0x28, 0xb5, 0x2f, 0xfd] => Some(Compression::Zstd),
        _ => None,
    }
}

/// Says of a text in UTF-16 that it is one: nothing in it could be read, line by line.
fn refuse_utf_16(path: &Path, head: &[u8]) -> Result<(), SourceError> {
    if matches!(head, [0xff, 0xfe, _, 0] | [0xfe, 0xff, 0, _]) {
        return Err(SourceError::Transient(format!(
            "{} is UTF-16 text, as PowerShell's > writes it, and not UTF-8: write it with Out-File -Encoding utf8.",
            path.display()
        )));
    }
    Ok(())
}

fn read_up_to(input: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut length = 0;
    while length < buffer.len() {
        match input.read(&mut buffer[length..]) {
            Ok(0) => break,
            Ok(read) => length += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(length)
}

fn unreadable(path: &Path, error: &io::Error) -> SourceError {
    SourceError::Transient(format!(
        "{} could not be read on: {error}. If it is compressed, it may be damaged or not written to its end yet.",
        path.display()
    ))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn messages(reader: &mut FileReader) -> Vec<String> {
        let mut all = Vec::new();
        loop {
            let mut batch = Batch::default();
            let state = reader.read(&mut batch, 1_000).unwrap();
            all.extend((0..batch.messages.len()).map(|at| String::from_utf8_lossy(batch.message(at)).into_owned()));
            if state == ReadState::End {
                return all;
            }
        }
    }

    fn file(bytes: &[u8]) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(bytes).unwrap();
        file
    }

    fn open(file: &tempfile::NamedTempFile, from: i64) -> FileReader {
        FileReader::open(file.path(), StreamId(1), from).unwrap()
    }

    #[test]
    fn a_file_is_read_line_by_line_and_its_last_line_needs_no_newline() {
        assert_eq!(messages(&mut open(&file(b"{\"a\":1}\n\n  \n{\"b\":2}"), 0)), ["{\"a\":1}", "{\"b\":2}"]);
    }

    #[test]
    fn positions_are_where_a_line_begins_and_where_to_go_on() {
        let file = file(b"one\ntwo\nthree\n");
        let mut batch = Batch::default();
        open(&file, 0).read(&mut batch, 1_000).unwrap();
        let positions: Vec<(i64, i64)> = batch.messages.iter().map(|at| (at.offset, at.next)).collect();
        assert_eq!(positions, [(0, 4), (4, 8), (8, 14)]);
        assert_eq!(messages(&mut open(&file, 4)), ["two", "three"]);
    }

    #[test]
    fn compressed_files_are_read_and_resumed_by_the_offsets_of_their_text() {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(b"one\ntwo\n").unwrap();
        let mut bytes = gzip.finish().unwrap();
        let mut second = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        second.write_all(b"three\n").unwrap();
        bytes.extend(second.finish().unwrap());
        assert_eq!(messages(&mut open(&file(&bytes), 0)), ["one", "two", "three"]);
        assert_eq!(messages(&mut open(&file(&bytes), 4)), ["two", "three"]);
        let zst = zstd::encode_all(&b"one\ntwo\n"[..], 1).unwrap();
        assert_eq!(messages(&mut open(&file(&zst), 4)), ["two"]);
    }

    #[test]
    fn a_damaged_archive_is_an_error_after_what_could_be_read() {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::none());
        gzip.write_all(b"one\ntwo\n").unwrap();
        let bytes = gzip.finish().unwrap();
        let mut reader = open(&file(&bytes[..bytes.len() - 6]), 0);
        let mut batch = Batch::default();
        let error = reader.read(&mut batch, 1_000).unwrap_err();
        assert_eq!(batch.messages.len(), 2);
        assert!(error.to_string().contains("damaged"), "{error}");
    }

    #[test]
    fn a_growing_files_last_line_waits_for_its_newline() {
        let mut file = file(b"one\ntw");
        let mut reader = open(&file, 0);
        reader.set_ending(Ending::Growing);
        assert_eq!(messages(&mut reader), ["one"]);
        assert_eq!(reader.offset(), 4);
        file.write_all(b"o\nth").unwrap();
        assert_eq!(messages(&mut reader), ["two"]);
        reader.set_ending(Ending::Final);
        assert_eq!(messages(&mut reader), ["th"]);
    }

    #[test]
    fn a_quiet_files_last_line_is_handed_out_if_it_is_whole_and_its_newline_is_no_message() {
        let mut file = file(b"{\"a\":1}\n{\"b\":");
        let mut reader = open(&file, 0);
        reader.set_ending(Ending::Quiet);
        assert_eq!(messages(&mut reader), ["{\"a\":1}"]);
        file.write_all(b"[]}").unwrap();
        reader.set_ending(Ending::Growing);
        assert_eq!(messages(&mut reader), Vec::<String>::new());
        reader.set_ending(Ending::Quiet);
        assert_eq!(messages(&mut reader), ["{\"b\":[]}"]);
        file.write_all(b"\n{\"c\":1}\n").unwrap();
        assert_eq!(messages(&mut reader), ["{\"c\":1}"]);
        assert_eq!(reader.offset(), 25);
    }

    #[test]
    fn a_document_that_is_too_long_is_an_error_or_cut_off_where_there_are_others_to_read() {
        let mut bytes = b"{\n".to_vec();
        while bytes.len() <= DOCUMENT {
            bytes.extend_from_slice(b" \"a\":\n 1,\n".repeat(100_000).as_slice());
        }
        bytes.extend_from_slice(b"}\n{\"b\":1}\n");
        let file = file(&bytes);
        let error = open(&file, 0).read(&mut Batch::default(), 1_000).unwrap_err();
        assert!(error.to_string().contains("longer than 64 MiB"), "{error}");
        let mut batch = Batch::default();
        let mut reader = open(&file, 0).cutting();
        reader.set_ending(Ending::Growing);
        reader.read(&mut batch, 128 << 20).unwrap();
        assert_eq!(batch.messages.len(), 2);
        assert_eq!((batch.message(0).len(), batch.message(1)), (LINE, &b"{\"b\":1}"[..]));
        assert_eq!(batch.messages[0].next, bytes.len() as i64 - 8);
    }

    #[test]
    fn of_a_line_that_is_too_long_the_first_part_is_handed_on() {
        let mut bytes = vec![b'x'; LINE + 5];
        bytes.extend_from_slice(b"\nnext\n");
        let mut reader = open(&file(&bytes), 0);
        let mut batch = Batch::default();
        reader.read(&mut batch, 64 << 20).unwrap();
        assert_eq!(batch.message(0).len(), LINE);
        assert_eq!(batch.messages[0].next, LINE as i64 + 6);
        assert_eq!(batch.message(1), b"next");
    }

    #[test]
    fn of_a_text_in_utf_16_that_is_said() {
        let text: Vec<u8> = "\u{feff}{\"a\":1}\r\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let error = FileReader::open(file(&text).path(), StreamId(1), 0).unwrap_err();
        assert!(error.to_string().contains("is UTF-16 text"), "{error}");
    }

    #[test]
    fn a_pretty_printed_document_is_one_message_and_garbage_passes_through() {
        assert_eq!(messages(&mut open(&file(b"{\n \"records\": []\n}\n"), 0)), ["{\n \"records\": []\n}"]);
        let mut batch = Batch::default();
        open(&file(b"\xff\xfe\n"), 0).read(&mut batch, 100).unwrap();
        assert_eq!(batch.message(0), b"\xff\xfe");
    }
}
