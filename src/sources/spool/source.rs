//! What has been spooled and not been read yet?
//!
//! A [`SpoolSource`] reads only what is on disk for good, frame by frame, on a thread of its own.
//! A damaged frame costs the rest of its segment, which comes as a gap with its exact range in
//! bytes. One frame is in memory at a time beside the batch.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

use crate::sources::pump::{NAP, Outlet, Pump};
use crate::sources::{ResumePoints, Source, SourceError};
use crate::telemetry::{Batch, Mark, StreamId, StreamName, Streams};

use super::frame::{self, Frame, HEADER};
use super::{Spool, path};

/// How full a batch gets.
const FULL: usize = 256 * 1024;

/// Returns the stream of the source called `name`.
pub(super) fn stream(name: &str) -> StreamName {
    StreamName { source: name.to_owned(), topic: "spool".to_owned(), partition: 0 }
}

/// Reads a [`Spool`] as a source.
#[derive(Debug)]
pub struct SpoolSource {
    pump: Pump,
    spool: Spool,
    id: StreamId,
    /// Up to where messages were handed out.
    at: u64,
}

impl SpoolSource {
    /// Begins to read `spool` at its resume point, as the source called `name`. `absorbed` says
    /// up to where the store knows each stream: a spool that ends before that goes on behind it.
    ///
    /// Fails with [`SourceError::Transient`] if the spool's folder can't be written.
    pub fn open(
        name: &str,
        spool: Spool,
        streams: &Streams,
        resume: &ResumePoints,
        absorbed: &ResumePoints,
    ) -> Result<Self, SourceError> {
        let stream = stream(name);
        let id = streams.id(&stream);
        let point = |points: &ResumePoints| points.get(&stream).map_or(0, |&at| at.max(0).unsigned_abs());
        let from = spool.begin_at(point(resume), point(absorbed));
        let from = from.map_err(|error| SourceError::Transient(spool.io(error).to_string()))?;
        let mut reading = Reading { spool: spool.clone(), id, at: from, file: None, at_end: false };
        let pump = Pump::start(&format!("spool {name}"), move |outlet| reading.run(&outlet))?;
        Ok(Self { pump, spool, id, at: from })
    }

    /// Returns how many bytes have not been handed out yet.
    pub fn lag(&self) -> Vec<(StreamId, i64)> {
        vec![(self.id, i64::try_from(self.spool.behind(self.at)).unwrap_or(i64::MAX))]
    }

    /// Returns how many bytes are kept because they have not been read and committed yet.
    pub fn kept(&self) -> u64 {
        self.spool.waiting()
    }
}

impl Source for SpoolSource {
    async fn next(&mut self) -> Result<Batch, SourceError> {
        let batch = self.pump.next().await?;
        let gaps = batch.marks.iter().filter_map(|mark| if let Mark::Gap { to, .. } = mark { Some(*to) } else { None });
        let read = batch.messages.iter().map(|message| message.next).chain(gaps).max();
        self.at = self.at.max(read.unwrap_or_default().max(0).unsigned_abs());
        Ok(batch)
    }

    fn committed(&mut self, positions: &[(StreamId, i64)]) {
        for (_, position) in positions.iter().filter(|(id, _)| *id == self.id) {
            self.spool.forget((*position).max(0).unsigned_abs());
        }
    }

    /// Does nothing: bodies are read in the order in which they came.
    fn hold(&mut self, _: &[StreamId]) {}
}

/// The reading thread's own state.
struct Reading {
    spool: Spool,
    id: StreamId,
    at: u64,
    /// The open segment and its first position.
    file: Option<(File, u64)>,
    at_end: bool,
}

impl Reading {
    fn run(&mut self, outlet: &Outlet) {
        let mut batch = Batch { marks: vec![Mark::Opened(self.id)], ..Batch::default() };
        while !outlet.closed() {
            let read = self.fill(&mut batch);
            let nothing = batch.is_empty();
            if !nothing && !outlet.send(Ok(std::mem::take(&mut batch))) {
                return;
            }
            if let Err(error) = read {
                let text = format!("The spool in {} can't be read: {error}.", self.spool.0.folder.display());
                if !outlet.send(Err(SourceError::Transient(text))) {
                    return;
                }
            }
            if nothing {
                std::thread::sleep(NAP);
            }
        }
    }

    /// Reads until the batch is full or all that is durable has been read.
    fn fill(&mut self, batch: &mut Batch) -> io::Result<()> {
        loop {
            let (durable, segments) = {
                let state = self.spool.lock();
                (state.durable, state.segments.clone())
            };
            let first = segments.first().copied().unwrap_or_default();
            if self.at < first {
                // An older store than the spool: what was between has been read and deleted before.
                self.skip(batch, first);
            }
            if self.at >= durable {
                if !std::mem::replace(&mut self.at_end, true) {
                    batch.marks.push(Mark::AtEnd(self.id, true));
                }
                return Ok(());
            }
            let segment = segments.iter().rev().find(|&&start| start <= self.at).copied().unwrap_or_default();
            let next = segments.iter().find(|&&start| start > segment).copied();
            let end = next.unwrap_or(durable).min(durable);
            while self.at < end {
                if batch.bytes.len() >= FULL {
                    return Ok(());
                }
                if !self.read_one(batch, segment, end)? {
                    self.skip(batch, end);
                }
            }
        }
    }

    /// Moves one frame to the batch; `false` if it is damaged.
    fn read_one(&mut self, batch: &mut Batch, segment: u64, end: u64) -> io::Result<bool> {
        if self.file.as_ref().is_none_or(|(_, start)| *start != segment) {
            match File::open(path(&self.spool.0.folder, segment)) {
                Ok(file) => self.file = Some((file, segment)),
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
                Err(error) => return Err(error),
            }
        }
        let Some((file, _)) = &mut self.file else { return Ok(false) };
        let left = end - self.at;
        file.seek(SeekFrom::Start(self.at - segment))?;
        let mut bytes = Vec::new();
        file.take(left.min(HEADER as u64)).read_to_end(&mut bytes)?;
        if let Frame::Short { length } = frame::decode(&bytes)
            && length > HEADER
            && length as u64 <= left
        {
            file.take((length - HEADER) as u64).read_to_end(&mut bytes)?;
        }
        let Frame::Whole { length, message, seen } = frame::decode(&bytes) else { return Ok(false) };
        let next = self.at + length as u64;
        if std::mem::take(&mut self.at_end) {
            batch.marks.push(Mark::AtEnd(self.id, false));
        }
        batch.push(message, self.id, self.at as i64, next as i64, None);
        if let Some(at) = batch.messages.last_mut() {
            at.seen = seen;
        }
        self.at = next;
        Ok(true)
    }

    fn skip(&mut self, batch: &mut Batch, to: u64) {
        batch.marks.push(Mark::Gap { stream: self.id, from: self.at as i64, to: to as i64 });
        self.at = to;
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;
    use crate::sources::SpoolError;

    fn spool(folder: &Path) -> Spool {
        Spool::open(folder, 1 << 30).unwrap()
    }

    /// Reads `spool` from `from` to its end: messages with their next positions, and marks.
    fn read(spool: &Spool, from: u64) -> (Vec<(String, i64)>, Vec<Mark>) {
        let mut reading = Reading { spool: spool.clone(), id: StreamId(0), at: from, file: None, at_end: false };
        let (mut messages, mut marks) = (Vec::new(), Vec::new());
        while !reading.at_end {
            let mut batch = Batch::default();
            reading.fill(&mut batch).unwrap();
            for (index, at) in batch.messages.iter().enumerate() {
                messages.push((String::from_utf8_lossy(batch.message(index)).into_owned(), at.next));
            }
            marks.extend(batch.marks);
        }
        marks.retain(|mark| matches!(mark, Mark::Gap { .. }));
        (messages, marks)
    }

    fn texts(spool: &Spool, from: u64) -> Vec<String> {
        read(spool, from).0.into_iter().map(|(text, _)| text).collect()
    }

    #[test]
    fn what_was_spooled_is_read_after_a_restart_at_any_position() {
        let folder = tempfile::tempdir().unwrap();
        for text in ["one", "two", "three"] {
            spool(folder.path()).append(text.as_bytes(), &[]).unwrap();
        }
        let (messages, _) = read(&spool(folder.path()), 0);
        assert_eq!(texts(&spool(folder.path()), 0), ["one", "two", "three"]);
        assert_eq!(texts(&spool(folder.path()), messages[0].1.unsigned_abs()), ["two", "three"]);
    }

    #[test]
    fn a_torn_last_frame_is_cut_off_wherever_it_was_torn() {
        let folder = tempfile::tempdir().unwrap();
        spool(folder.path()).append_all(&[(b"one", &[]), (b"two", &[])]).unwrap();
        let file = path(folder.path(), 0);
        let whole = fs::read(&file).unwrap();
        for cut in 1..=(whole.len() / 2) {
            fs::write(&file, &whole[..whole.len() - cut]).unwrap();
            let spool = spool(folder.path());
            assert_eq!(spool.cut(), (whole.len() / 2 - cut) as u64);
            assert_eq!(texts(&spool, 0), if cut * 2 == whole.len() + 1 { vec![] } else { vec!["one"] });
            spool.append(b"new", &[]).unwrap();
            assert_eq!(texts(&spool, 0), ["one", "new"]);
        }
    }

    #[test]
    fn a_damaged_frame_is_a_gap_and_what_comes_after_it_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        spool(folder.path()).append_all(&[(b"one", &[]), (b"two", &[]), (b"three", &[])]).unwrap();
        let file = path(folder.path(), 0);
        let mut bytes = fs::read(&file).unwrap();
        let (length, second) = (bytes.len() as i64, (bytes.len() - 2) / 3);
        bytes[second + HEADER + 5] ^= 1;
        fs::write(&file, &bytes).unwrap();
        let spool = spool(folder.path());
        spool.append(b"four", &[]).unwrap();
        let (messages, marks) = read(&spool, 0);
        assert_eq!(messages.iter().map(|(text, _)| text.as_str()).collect::<Vec<_>>(), ["one", "four"]);
        assert_eq!(marks, [Mark::Gap { stream: StreamId(0), from: second as i64, to: length }]);
    }

    #[test]
    fn a_wrong_length_never_costs_what_was_acknowledged_behind_it_without_a_word() {
        let folder = tempfile::tempdir().unwrap();
        spool(folder.path()).append_all(&[(b"one", &[]), (b"two", &[]), (b"three", &[])]).unwrap();
        let file = path(folder.path(), 0);
        let whole = fs::read(&file).unwrap();
        let rest = whole.len() as u32 - HEADER as u32;
        // More than is there, and exactly as much as is there.
        for claimed in [1 << 20, rest] {
            let bytes = [&claimed.to_le_bytes()[..], &whole[4..]].concat();
            fs::write(&file, &bytes).unwrap();
            let spool = spool(folder.path());
            assert_eq!((fs::read(&file).unwrap(), spool.cut()), (bytes, 0));
            spool.append(b"four", &[]).unwrap();
            let (messages, marks) = read(&spool, 0);
            assert_eq!(messages.iter().map(|(text, _)| text.as_str()).collect::<Vec<_>>(), ["four"]);
            assert_eq!(marks, [Mark::Gap { stream: StreamId(0), from: 0, to: whole.len() as i64 }]);
            fs::remove_file(path(folder.path(), whole.len() as u64)).unwrap();
        }
    }

    #[test]
    fn a_full_spool_refuses_until_reading_has_been_committed() {
        let folder = tempfile::tempdir().unwrap();
        let spool = Spool::open(folder.path(), 100).unwrap();
        spool.append(&[b'x'; 60], &[]).unwrap();
        let error = spool.append(&[b'x'; 60], &[]).unwrap_err();
        assert!(matches!(error, SpoolError::Full { used: 72, ceiling: 100 }), "{error:?}");
        spool.forget(72);
        spool.append(&[b'x'; 60], &[]).unwrap();
    }

    #[test]
    fn what_would_never_fit_is_not_told_to_come_again() {
        let folder = tempfile::tempdir().unwrap();
        let spool = Spool::open(folder.path(), 100).unwrap();
        spool.append(&[b'x'; 60], &[]).unwrap();
        let error = spool.append(&[b'x'; 100], &[]).unwrap_err();
        assert!(matches!(error, SpoolError::TooMuch { needed: 112, ceiling: 100 }), "{error:?}");
    }

    #[test]
    fn segments_below_the_committed_position_are_deleted() {
        let folder = tempfile::tempdir().unwrap();
        let spool = spool(folder.path());
        let large = vec![b'x'; 3 << 20];
        for _ in 0..8 {
            spool.append(&large, &[]).unwrap();
        }
        let count = || fs::read_dir(folder.path()).unwrap().count();
        assert_eq!(count(), 3);
        let (messages, _) = read(&spool, 0);
        spool.forget(messages[5].1.unsigned_abs());
        assert_eq!(count(), 1);
        assert_eq!(texts(&spool, messages[5].1.unsigned_abs()).len(), 2);
    }

    #[test]
    fn a_spool_that_was_emptied_never_uses_a_position_twice() {
        let folder = tempfile::tempdir().unwrap();
        let spool = spool(folder.path());
        assert_eq!(spool.begin_at(5_000, 5_000).unwrap(), 5_000);
        spool.append(b"new", &[]).unwrap();
        assert_eq!(texts(&spool, 5_000), ["new"]);
        assert_eq!(texts(&Spool::open(folder.path(), 1 << 20).unwrap(), 5_000), ["new"]);
    }

    #[test]
    fn a_new_spool_after_a_restore_begins_behind_all_that_the_store_knows() {
        let folder = tempfile::tempdir().unwrap();
        let new = spool(folder.path());
        assert_eq!(new.begin_at(100, 5_000).unwrap(), 5_000);
        new.append(b"new", &[]).unwrap();
        assert_eq!(read(&new, 5_000), (vec![("new".to_owned(), 5_000 + new.behind(5_000) as i64)], Vec::new()));
        assert_eq!(new.begin_at(5_000, 5_000).unwrap(), 5_000);
    }

    #[test]
    fn an_older_spool_than_the_store_is_read_and_then_goes_on_behind_what_the_store_knows() {
        let folder = tempfile::tempdir().unwrap();
        let older = spool(folder.path());
        older.append(b"old", &[]).unwrap();
        let end = older.behind(0) as i64;
        assert_eq!(older.begin_at(0, 5_000).unwrap(), 0);
        older.append(b"new", &[]).unwrap();
        let (messages, gaps) = read(&older, 0);
        assert_eq!(messages.iter().map(|(text, _)| text.as_str()).collect::<Vec<_>>(), ["old", "new"]);
        assert_eq!(gaps, [Mark::Gap { stream: StreamId(0), from: end, to: 5_000 }]);
    }

    #[test]
    fn a_spool_is_readable_by_its_owner_alone() {
        use std::os::unix::fs::PermissionsExt as _;
        let data = tempfile::tempdir().unwrap();
        let folder = data.path().join("spool/http");
        drop(spool(&folder));
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!([mode(folder.parent().unwrap()), mode(&folder), mode(&path(&folder, 0))], [0o700, 0o700, 0o600]);
    }

    #[test]
    fn many_threads_append_at_once_and_nothing_is_lost() {
        let folder = tempfile::tempdir().unwrap();
        let spool = spool(folder.path());
        std::thread::scope(|scope| {
            for thread in 0..8 {
                let spool = spool.clone();
                scope.spawn(move || {
                    for number in 0..25 {
                        spool.append(format!("{thread}:{number}").as_bytes(), &[]).unwrap();
                    }
                });
            }
        });
        let mut read = texts(&Spool::open(folder.path(), 1 << 20).unwrap(), 0);
        read.sort();
        read.dedup();
        assert_eq!(read.len(), 200);
    }

    #[tokio::test]
    async fn a_source_hands_out_what_was_seen_with_the_message_and_says_when_it_has_caught_up() {
        let folder = tempfile::tempdir().unwrap();
        let spool = spool(folder.path());
        spool.append(b"one", &[]).unwrap();
        let streams = Streams::default();
        let none = ResumePoints::new();
        let mut source = SpoolSource::open("http", spool.clone(), &streams, &none, &none).unwrap();
        let batch = source.next().await.unwrap();
        assert_eq!(batch.message(0), b"one");
        assert_eq!(batch.marks, [Mark::Opened(StreamId(0)), Mark::AtEnd(StreamId(0), true)]);
        assert_eq!(source.lag(), [(StreamId(0), 0)]);
        assert!(source.kept() > 0, "it is read and not committed");
        source.committed(&[(StreamId(0), batch.messages[0].next)]);
        assert_eq!(source.kept(), 0);
        spool.append(b"two", &[]).unwrap();
        let batch = loop {
            let batch = source.next().await.unwrap();
            if !batch.is_empty() {
                break batch;
            }
        };
        assert_eq!(batch.message(0), b"two");
        assert_eq!(batch.marks, [Mark::AtEnd(StreamId(0), false), Mark::AtEnd(StreamId(0), true)]);
    }
}
