//! Files that are not plain lines, and paths that are no files.

use std::fs;

use super::*;

#[test]
fn a_file_of_one_line_without_a_newline_is_read_once_it_is_quiet_and_whole() {
    let mut world = World::followed();
    world.append("a.log", "{\"a\": [1");
    world.append("b.log", "no json");
    world.append("c.log", "{\"c\": 1}\n{\"c\": 2}");
    assert_eq!(world.read(), ["{\"c\": 1}"]);
    assert_eq!(world.read_for(10), ["{\"c\": 2}"]);
    world.append("a.log", "]}");
    world.append("c.log", "\n{\"c\": 3}\n");
    assert_eq!(world.read(), ["{\"c\": 3}"]);
    assert_eq!(world.read_for(10), ["{\"a\": [1]}"]);
    world.restart();
    assert_eq!(world.read_for(20), Vec::<String>::new());
    world.append("a.log", "\n{\"a\": 2}\n");
    assert_eq!(world.read(), ["{\"a\": 2}"]);
}

#[test]
fn a_torn_document_keeps_nothing_after_it_from_being_read() {
    let mut world = World::followed();
    world.append("a.log", "{\"time\":\"x\",\"resourceId\":\"y\",\n{\"a\":1}\n{\"a\":2}\n");
    assert_eq!(world.read(), ["{\"time\":\"x\",\"resourceId\":\"y\",", "{\"a\":1}", "{\"a\":2}"]);
}

#[test]
fn an_archive_that_is_written_in_parts_is_read_to_its_end_and_on() {
    let mut world = World::followed();
    let lines: Vec<String> = (0..2_000).map(|n| (n * 7_919 % 1_000_003).to_string()).collect();
    let bytes = world.compress("whole", &(lines.join("\n") + "\n"));
    world.append_bytes("a.log", &bytes[..bytes.len() / 2]);
    let mut read = world.read_for(5);
    assert!(!read.is_empty() && read.len() < lines.len());
    world.append_bytes("a.log", &bytes[bytes.len() / 2..]);
    read.extend(world.read_for(3));
    assert_eq!(read, lines);
    world.compress("a.log", "a second part\n");
    assert_eq!(world.read_for(3), ["a second part"]);
    world.restart();
    assert_eq!(world.read_for(3), Vec::<String>::new());
}

#[test]
fn a_small_archive_that_grows_is_known_by_what_it_was() {
    let mut world = World::followed();
    world.compress("a.log", "one\n");
    assert_eq!(world.read_for(3), ["one"]);
    world.compress("a.log", "two\n");
    assert_eq!(world.read_for(3), ["two"]);
    world.restart();
    world.compress("a.log", "three\n");
    assert_eq!(world.read_for(3), ["three"]);
}

#[test]
fn an_archive_that_stays_without_its_end_is_told_of_once() {
    let mut world = World::followed();
    let bytes = world.compress("whole", "one\ntwo\n");
    world.append_bytes("a.log", &bytes[..bytes.len() - 4]);
    let told: Vec<String> = (0..200)
        .filter_map(|_| {
            let mut batch = Batch::default();
            let looked = world.files.look(&mut batch);
            world.files.read(&mut batch, &BTreeSet::new()).unwrap();
            world.files.close_finished(&mut batch);
            looked.err().map(|error| error.to_string())
        })
        .collect();
    assert!(matches!(&told[..], [says] if says.contains("a.log could not be read on")), "{told:?}");
}

#[test]
fn a_pattern_that_leads_to_no_file_is_complained_of_with_what_it_leads_to() {
    let mut world = World::followed();
    let folder = world.folder.path().display().to_string();
    world.files.settings.paths.push(folder.clone());
    world.append("b.txt", "one\n");
    world.read_for(5);
    assert_eq!(world.files.remark(), None);
    world.read_for(5);
    let says = world.files.remark().unwrap();
    let parts =
        ["files waits for files in vain", &format!("no file matches {folder}/*.log;"), &format!("write {folder}/*")];
    assert!(parts.iter().all(|part| says.contains(part)), "{says}");
    world.append("a.log", "one\n");
    assert_eq!(world.read(), ["one"]);
    fs::remove_file(world.path("a.log")).unwrap();
    world.read_for(20);
    let says = world.files.remark().unwrap();
    assert!(!says.contains("no file matches"), "what has led to a file is away, and no mistake: {says}");
}

#[test]
fn an_archive_among_followed_files_is_read_once() {
    let mut world = World::followed();
    fs::write(world.path("a.log"), zstd::encode_all(&b"one\ntwo"[..], 1).unwrap()).unwrap();
    // Too short to tell a growing file by, but nothing else comes.
    let long: Vec<String> = (0..400).map(|n| (n * 7_919 % 1_000_003).to_string()).collect();
    fs::write(world.path("b.log"), zstd::encode_all(long.join("\n").as_bytes(), 1).unwrap()).unwrap();
    assert!(world.read().len() >= 400);
    assert_eq!(world.read(), Vec::<String>::new());
}

#[test]
fn a_file_that_cant_be_read_is_complained_of_until_it_can() {
    let mut world = World::followed();
    world.files.unread.insert("/var/log/azure/a.json".into(), "Permission denied (os error 13)".into());
    let says = world.files.complaint().unwrap();
    assert!(says.contains("/var/log/azure/a.json of the source files can't be read: Permission denied"), "{says}");
    world.read();
    assert_eq!(world.files.complaint(), None);
}

#[test]
fn a_text_in_utf_16_is_complained_of_and_the_others_are_read() {
    let mut world = World::followed();
    let text: Vec<u8> = "\u{feff}{\"a\":1}\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    world.append_bytes("a.log", &text);
    world.append("b.log", "one\n");
    assert_eq!(world.read(), ["one"]);
    let says = world.files.complaint().unwrap();
    assert!(says.contains("a.log is UTF-16 text") && says.contains("-Encoding utf8. If"), "{says}");
}
