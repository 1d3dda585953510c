//! More files than can be open at once.

use std::fs;
use std::path::PathBuf;

use super::*;

/// Makes as many files as can be open at once, and `more`.
fn crowd(world: &World, more: usize) -> usize {
    let files = follow::CEILING + more;
    (0..files).for_each(|n| world.append(&format!("{n:04}.log"), &format!("one of {n}\n")));
    files
}

#[test]
fn more_files_than_can_be_open_are_all_read_and_followed() {
    let mut world = World::followed();
    let files = crowd(&world, 30);
    assert_eq!(world.read().len(), files);
    // Whoever is idle makes room, whoever speaks gets it.
    for n in [0, 300, files - 1] {
        world.append(&format!("{n:04}.log"), &format!("two of {n}\n"));
    }
    let mut read = world.read();
    read.sort();
    assert_eq!(read, ["two of 0", "two of 300", &format!("two of {}", files - 1)]);
    // One that is moved away is read to its end, parked or not.
    for n in 0..files {
        world.append(&format!("{n:04}.log"), "three\n");
        world.rename(&format!("{n:04}.log"), &format!("{n:04}.log.1"));
    }
    let read: usize = (0..3).map(|_| world.read().len()).sum();
    assert_eq!(read, files);
    // As long as their writers may not have heard of it, what they write is read.
    world.append("0000.log.1", "four\n");
    world.append("0541.log.1", "four\n");
    assert_eq!(world.read(), ["four", "four"]);
    assert_eq!(world.read_for(tail::QUIET + 2), Vec::<String>::new());
    assert_eq!((world.files.tails.len(), world.files.parked.len()), (0, 0));
}

#[test]
fn files_that_never_end_take_turns_and_that_some_wait_is_said() {
    let mut world = World::followed();
    let files = crowd(&world, 30);
    let mut seen = BTreeSet::new();
    let mut complaint = None;
    for _ in 0..30 {
        // Nobody reads to the end.
        let mut batch = Batch::default();
        world.files.look(&mut batch).unwrap();
        complaint = complaint.or(world.files.complaint());
        seen.extend(world.files.tails.iter().map(|tail| tail.id));
    }
    assert_eq!(seen.len(), files);
    let says = complaint.unwrap();
    assert!(says.starts_with("30 files of the source files wait") && says.contains("second source"), "{says}");
    assert_eq!(world.read().len(), files);
    let mut batch = Batch::default();
    world.files.look(&mut batch).unwrap();
    assert_eq!(world.files.complaint(), None);
}

#[test]
fn a_file_without_a_place_holds_event_time_back_until_it_is_read() {
    let mut world = World::followed();
    crowd(&world, 1);
    let mut batch = Batch::default();
    world.files.look(&mut batch).unwrap();
    let waiting = world.files.parked.values().next().unwrap().id;
    assert!(batch.marks.contains(&Mark::Opened(waiting)));
    assert!(!batch.marks.contains(&Mark::AtEnd(waiting, true)));
}

#[test]
fn a_parked_file_that_is_written_anew_is_read_anew() {
    let mut world = World::followed();
    let files = crowd(&world, 30);
    assert_eq!(world.read().len(), files);
    let parked: Vec<PathBuf> = world.files.parked.values().map(|parked| PathBuf::from(&parked.name.topic)).collect();
    assert!(!parked.is_empty());
    fs::write(&parked[0], format!("{}\n", fs::read_to_string(&parked[0]).unwrap().repeat(2).trim())).unwrap();
    fs::write(&parked[1], "other\n").unwrap();
    let mut read = world.read();
    read.extend(world.read());
    assert_eq!(read.iter().filter(|line| *line == "other").count(), 1, "{read:?}");
    assert_eq!(read.len(), 2, "{read:?}");
}
