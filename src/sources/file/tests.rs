//! Following files as a daemon does: appends, truncations and restarts.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::PathBuf;

use super::*;
use crate::clock::Timestamp;

mod crowd;
mod kinds;
mod rotation;

/// A folder with a log in it, and what was read of it.
struct World {
    folder: tempfile::TempDir,
    streams: Streams,
    files: Files,
    resume: ResumePoints,
    /// How far each stream was read: the pipeline takes what is not beyond for read already.
    absorbed: BTreeMap<StreamId, i64>,
}

impl World {
    fn new(settings: impl Fn(&str) -> FileSettings) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let streams = Streams::default();
        let settings = settings(&folder.path().join("*.log").display().to_string());
        let resume = ResumePoints::new();
        let files = Files::new("files", settings, streams.clone(), &resume);
        Self { folder, streams, files, resume, absorbed: BTreeMap::new() }
    }

    fn followed() -> Self {
        Self::new(|path| FileSettings { follow: true, ..FileSettings::once(&[path]) })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn append(&self, name: &str, text: &str) {
        self.append_bytes(name, text.as_bytes());
    }

    /// Writes a file compressed, or a part to one.
    fn compress(&self, name: &str, text: &str) -> Vec<u8> {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        gzip.write_all(text.as_bytes()).unwrap();
        let bytes = gzip.finish().unwrap();
        self.append_bytes(name, &bytes);
        bytes
    }

    fn append_bytes(&self, name: &str, bytes: &[u8]) {
        let mut file = OpenOptions::new().create(true).append(true).open(self.path(name)).unwrap();
        file.write_all(bytes).unwrap();
    }

    fn rename(&self, from: &str, to: &str) {
        fs::rename(self.path(from), self.path(to)).unwrap();
    }

    /// Looks and reads twice, as two seconds would; returns the messages.
    fn read(&mut self) -> Vec<String> {
        self.read_for(2)
    }

    /// Looks and reads as often as `seconds` would; returns the messages.
    fn read_for(&mut self, seconds: u64) -> Vec<String> {
        let mut all = Vec::new();
        for _ in 0..seconds {
            let mut batch = Batch::default();
            self.files.look(&mut batch).unwrap();
            while self.files.read(&mut batch, &BTreeSet::new()).unwrap() {}
            self.files.close_finished(&mut batch);
            for (index, at) in batch.messages.iter().enumerate() {
                let absorbed = self.absorbed.insert(at.stream, at.next).unwrap_or(0);
                assert!(absorbed <= at.offset && at.offset < at.next, "passes for read: {at:?} after {absorbed}");
                all.push(String::from_utf8(batch.message(index).to_vec()).unwrap());
                self.resume.insert((*self.streams.name(at.stream).unwrap()).clone(), at.next);
            }
        }
        all
    }

    /// Ends the source and begins another one at the resume points.
    fn restart(&mut self) {
        let settings = self.files.settings.clone();
        let names = self.streams.since(0).into_iter().map(|(_, name)| (*name).clone()).collect();
        self.streams = Streams::restore::<StreamName>(names);
        self.files = Files::new("files", settings, self.streams.clone(), &self.resume);
    }
}

#[test]
fn what_is_appended_is_read_and_a_half_line_waits() {
    let mut world = World::followed();
    world.append("a.log", "one\ntw");
    assert_eq!(world.read(), ["one"]);
    world.append("a.log", "o\nthree\n");
    assert_eq!(world.read(), ["two", "three"]);
    assert_eq!(world.read(), Vec::<String>::new());
}

#[test]
fn a_file_that_was_truncated_is_read_from_its_new_beginning() {
    let mut world = World::followed();
    world.append("a.log", "one\ntwo\n");
    assert_eq!(world.read(), ["one", "two"]);
    fs::write(world.path("a.log"), "new\n").unwrap();
    assert_eq!(world.read(), ["new"]);
    // Longer than before: its first bytes tell.
    fs::write(world.path("a.log"), "again, and longer than it was\n").unwrap();
    assert_eq!(world.read(), ["again, and longer than it was"]);
}

#[test]
fn a_file_that_was_written_anew_from_the_same_first_line_is_read_anew() {
    let mut world = World::followed();
    world.append("a.log", "head\none\n");
    assert_eq!(world.read(), ["head", "one"]);
    // As long as before, longer, and shorter.
    fs::write(world.path("a.log"), "head\ntwo\n").unwrap();
    assert_eq!(world.read(), ["head", "two"]);
    fs::write(world.path("a.log"), "head\nthree\nfour\n").unwrap();
    assert_eq!(world.read(), ["head", "three", "four"]);
    fs::write(world.path("a.log"), "head\n").unwrap();
    assert_eq!(world.read(), ["head"]);
    world.append("a.log", "five\n");
    assert_eq!(world.read(), ["five"]);
}

#[test]
fn a_file_that_was_written_anew_while_nobody_looked_is_read_anew() {
    let mut world = World::followed();
    world.append("a.log", "head\none\ntwo\n");
    assert_eq!(world.read().len(), 3);
    for _ in 0..2 {
        world.restart();
        fs::write(world.path("a.log"), "head\n").unwrap();
        assert_eq!(world.read(), ["head"]);
        world.append("a.log", "then more of it\n");
        assert_eq!(world.read(), ["then more of it"]);
    }
    world.restart();
    assert_eq!(world.read(), Vec::<String>::new());
}

#[test]
fn a_restart_goes_on_where_reading_was_left() {
    let mut world = World::followed();
    world.append("a.log", "one\ntwo\n");
    assert_eq!(world.read(), ["one", "two"]);
    world.restart();
    world.append("a.log", "three\n");
    assert_eq!(world.read(), ["three"]);
}

#[test]
fn new_files_are_read_whole_though_the_first_start_was_at_the_latest() {
    let mut world = World::new(|path| FileSettings {
        follow: true,
        start: crate::sources::Start::Latest,
        ..FileSettings::once(&[path])
    });
    world.append("a.log", "old\n");
    assert_eq!(world.read(), Vec::<String>::new());
    world.append("a.log", "new\n");
    world.append("b.log", "all of it\n");
    let mut read = world.read();
    read.sort();
    assert_eq!(read, ["all of it", "new"]);
}

#[test]
fn what_new_files_had_before_a_restart_is_read_though_the_first_start_was_at_the_latest() {
    let mut world = World::new(|path| FileSettings {
        follow: true,
        start: crate::sources::Start::Latest,
        ..FileSettings::once(&[path])
    });
    world.append("a.log", "old\n");
    assert_eq!(world.read(), Vec::<String>::new());
    for (id, at) in std::mem::take(&mut world.files.starts) {
        world.resume.insert((*world.streams.name(id).unwrap()).clone(), at);
    }
    world.append("a.log", "new\n");
    world.append("b.log", "all of it\n");
    world.restart();
    let mut read = world.read();
    read.sort();
    assert_eq!(read, ["all of it", "new"]);
}

#[test]
fn that_a_file_is_gone_is_said_once_and_that_it_is_back_by_opening_it() {
    let mut world = World::followed();
    for name in ["a.log", "b.log", "c.log"] {
        world.append(name, "one\n");
    }
    world.read();
    world.restart();
    let gone = |world: &mut World| {
        let mut batch = Batch::default();
        for _ in 0..2 * gone::OFTEN {
            world.files.look(&mut batch).unwrap();
            while world.files.read(&mut batch, &BTreeSet::new()).unwrap() {}
            world.files.close_finished(&mut batch);
        }
        assert_eq!(batch.messages.len(), 0, "nothing is read twice");
        let ids = batch.marks.iter().filter_map(|mark| if let Mark::Gone(id) = mark { Some(*id) } else { None });
        let ids = ids.map(|id| world.streams.name(id).unwrap().topic.clone());
        ids.map(|topic| topic[topic.len() - 5..].to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(gone(&mut world), Vec::<String>::new());
    world.rename("a.log", "away");
    fs::remove_file(world.path("b.log")).unwrap();
    world.rename("c.log", "d.log");
    let mut said = gone(&mut world);
    said.sort();
    assert_eq!(said, ["a.log", "b.log"]);
    assert_eq!(gone(&mut world), Vec::<String>::new());
    world.rename("away", "a.log");
    assert_eq!(gone(&mut world), Vec::<String>::new());
    world.rename("a.log", "away");
    assert_eq!(gone(&mut world), ["a.log"]);
}

/// Opens a source that reads `path` once.
fn open(path: &str, streams: Streams) -> Result<FileSource, SourceError> {
    let clock = Clock::fixed(Timestamp::from_seconds(0));
    FileSource::open("files", FileSettings::once(&[path]), streams, &ResumePoints::new(), &clock)
}

#[tokio::test]
async fn a_source_that_does_not_follow_ends_with_every_file_closed() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["a.log", "b.log"] {
        fs::write(folder.path().join(name), format!("{name} 1\n{name} 2")).unwrap();
    }
    let path = folder.path().join("*.log").display().to_string();
    let streams = Streams::default();
    let mut source = open(&path, streams).unwrap();
    let (mut read, mut marks) = (BTreeMap::new(), Vec::new());
    let error = loop {
        match source.next().await {
            Ok(batch) => {
                for (index, at) in batch.messages.iter().enumerate() {
                    read.insert(String::from_utf8(batch.message(index).to_vec()).unwrap(), at.stream);
                }
                marks.extend(batch.marks);
            }
            Err(error) => break error,
        }
    };
    assert!(matches!(error, SourceError::Ended));
    assert_eq!(read.keys().collect::<Vec<_>>(), ["a.log 1", "a.log 2", "b.log 1", "b.log 2"]);
    let expected =
        [Mark::Opened(StreamId(0)), Mark::Opened(StreamId(1)), Mark::Closed(StreamId(0)), Mark::Closed(StreamId(1))];
    assert_eq!(marks, expected);
}

#[tokio::test]
async fn a_source_without_a_file_says_so() {
    let mut source = open("/nowhere/*.log", Streams::default()).unwrap();
    let error = source.next().await.unwrap_err();
    assert!(error.to_string().contains("no file matches /nowhere/*.log"), "{error}");
    let mut source = open("/proc", Streams::default()).unwrap();
    let error = source.next().await.unwrap_err();
    assert!(error.to_string().contains("/proc is a folder, write /proc/*"), "{error}");
}
