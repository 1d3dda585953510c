//! What is renamed, deleted or moved away, seen or not.

use std::fs::{self, OpenOptions};
use std::io::Write;

use proptest::prelude::{Just, Strategy};

use super::*;

#[test]
fn a_renamed_file_is_read_to_its_end_before_the_one_that_took_its_path() {
    let mut world = World::followed();
    world.append("a.log", "one\n");
    assert_eq!(world.read(), ["one"]);
    world.append("a.log", "two\nlast without newline");
    world.rename("a.log", "a.log.1");
    world.append("a.log", "three\n");
    assert_eq!(world.read(), ["two", "three"]);
    assert_eq!(world.read_for(tail::QUIET), ["last without newline"]);
    assert_eq!(world.read(), Vec::<String>::new());
}

#[test]
fn what_a_writer_still_writes_to_a_renamed_file_is_read_beside_the_new_one() {
    let mut world = World::followed();
    world.append("a.log", "one\ntw");
    assert_eq!(world.read(), ["one"]);
    world.rename("a.log", "a.log.1");
    assert_eq!(world.read(), Vec::<String>::new());
    world.append("a.log.1", "o\nthree\n");
    assert_eq!(world.read(), ["two", "three"]);
    world.append("a.log", "new\n");
    world.append("a.log.1", "four\n");
    let mut read = world.read();
    read.sort();
    assert_eq!(read, ["four", "new"]);
    // As long as something comes, it is open.
    assert_eq!(world.read_for(tail::QUIET - 3), Vec::<String>::new());
    world.append("a.log.1", "five\n");
    assert_eq!(world.read(), ["five"]);
    assert_eq!(world.read_for(tail::QUIET + 1), Vec::<String>::new());
    assert_eq!(world.files.tails.len(), 1);
}

#[test]
fn what_is_written_to_a_renamed_file_across_a_restart_is_read() {
    let mut world = World::followed();
    world.append("a.log", "one\n");
    assert_eq!(world.read(), ["one"]);
    world.rename("a.log", "a.log.1");
    world.append("a.log", "new\n");
    assert_eq!(world.read(), ["new"]);
    world.restart();
    assert_eq!(world.read(), Vec::<String>::new());
    world.append("a.log.1", "two\n");
    assert_eq!(world.read(), ["two"]);
    assert_eq!(world.read_for(tail::QUIET + 2), Vec::<String>::new());
    assert_eq!((world.files.tails.len(), world.files.parked.len()), (1, 0));
}

#[test]
fn a_file_that_was_renamed_and_still_matches_is_followed_on() {
    let mut world = World::followed();
    world.append("a.log", "one\n");
    assert_eq!(world.read(), ["one"]);
    world.rename("a.log", "a-1.log");
    assert_eq!(world.read_for(2 * tail::QUIET), Vec::<String>::new());
    world.append("a-1.log", "two\n");
    world.append("a.log", "new\n");
    let mut read = world.read();
    read.sort();
    assert_eq!(read, ["new", "two"]);
    world.restart();
    world.append("a-1.log", "three\n");
    assert_eq!(world.read(), ["three"]);
}

#[test]
fn a_deleted_file_is_closed_soon() {
    let mut world = World::followed();
    world.append("a.log", "one\n");
    assert_eq!(world.read(), ["one"]);
    world.append("a.log", "two\nlast");
    fs::remove_file(world.path("a.log")).unwrap();
    assert_eq!(world.read_for(7), ["two", "last"]);
    assert_eq!(world.files.tails.len(), 0);
}

#[test]
fn what_a_rotation_moved_behind_a_link_while_nobody_looked_is_finished_first() {
    let mut world = World::followed();
    fs::create_dir(world.path("pod")).unwrap();
    world.append("pod/0.log", "one\n");
    std::os::unix::fs::symlink(world.path("pod/0.log"), world.path("a.log")).unwrap();
    assert_eq!(world.read(), ["one"]);
    world.append("pod/0.log", "two\n");
    world.rename("pod/0.log", "pod/0.log.1");
    world.append("pod/0.log", "three\n");
    world.restart();
    assert_eq!(world.read(), ["two", "three"]);
    world.restart();
    assert_eq!(world.read(), Vec::<String>::new());
}

#[test]
fn a_renamed_file_that_still_matches_is_not_read_again() {
    let mut world = World::followed();
    world.append("a.log", "one\n");
    assert_eq!(world.read(), ["one"]);
    world.rename("a.log", "b.log");
    world.append("a.log", "two\n");
    assert_eq!(world.read(), ["two"]);
    world.restart();
    world.append("a.log", "three\n");
    assert_eq!(world.read(), ["three"]);
}

#[test]
fn what_a_rotation_moved_while_nobody_looked_is_finished_first() {
    let mut world = World::followed();
    world.append("a.log", "one\n");
    assert_eq!(world.read(), ["one"]);
    world.append("a.log", "two\n");
    world.rename("a.log", "a.log.1");
    world.append("a.log", "three\n");
    world.restart();
    assert_eq!(world.read(), ["two", "three"]);
    world.restart();
    assert_eq!(world.read(), Vec::<String>::new());
}

#[test]
fn a_file_that_went_while_nobody_looked_is_named_for_a_minute() {
    let mut world = World::followed();
    world.append("a.log", "one\n");
    world.append("b.log", "{\"b\": 1}");
    world.compress("c.log", "one\n");
    world.append("d.log", "one\n");
    assert_eq!(world.read_for(12).len(), 4);
    world.restart();
    assert_eq!(world.read_for(10), Vec::<String>::new());
    assert_eq!(world.files.remark(), None);
    // One is moved far away, one beside, one has no successor.
    for (name, to) in [("a.log", "far"), ("b.log", "b.log.1"), ("d.log", "d.log.1")] {
        world.rename(name, to);
    }
    world.append("a.log", "two\n");
    world.append("b.log", "{\"b\": 2}\n");
    world.restart();
    assert_eq!(world.read_for(10), ["two", "{\"b\": 2}"]);
    let says = world.files.remark().unwrap();
    assert!(says.contains("a.log of the source files") && says.contains("gatewatch replay"), "{says}");
    world.read_for(60);
    assert_eq!(world.files.remark(), None);
    world.restart();
    world.read_for(10);
    assert_eq!(world.files.remark(), None);
}

/// What may happen to a log, second by second.
#[derive(Clone, Debug)]
enum Happens {
    Written { lines: usize, half: bool },
    Rotated,
    Reopened,
    Looked,
    Restarted,
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]
    #[test]
    fn whatever_is_written_is_read_once_through_rotations_and_restarts(
        happens in proptest::collection::vec(
            proptest::prop_oneof![
                4 => (0_usize..3, proptest::bool::ANY).prop_map(|(lines, half)| Happens::Written { lines, half }),
                1 => Just(Happens::Rotated),
                2 => Just(Happens::Reopened),
                4 => Just(Happens::Looked),
                1 => Just(Happens::Restarted),
            ],
            0..40,
        )
    ) {
        let mut world = World::followed();
        let reopen = |world: &World| {
            OpenOptions::new().create(true).append(true).open(world.path("a.log")).unwrap()
        };
        let (mut file, mut half, mut rotations, mut reopened) = (reopen(&world), String::new(), 0, true);
        let (mut written, mut read) = (Vec::new(), Vec::new());
        for it in happens {
            match it {
                Happens::Written { lines, half: and_half } => {
                    for _ in 0..lines {
                        let line = format!("{}line {}", std::mem::take(&mut half), written.len());
                        file.write_all(format!("line {}\n", written.len()).as_bytes()).unwrap();
                        written.push(line);
                    }
                    if and_half {
                        file.write_all(b"half ").unwrap();
                        half.push_str("half ");
                    }
                }
                // What was never seen under its path is nobody's.
                Happens::Rotated if world.path("a.log").exists() => {
                    if reopened {
                        let line = format!("{}line {}", std::mem::take(&mut half), written.len());
                        file.write_all(format!("line {}\n", written.len()).as_bytes()).unwrap();
                        written.push(line);
                    }
                    reopened = false;
                    read.extend(world.read_for(2));
                    rotations += 1;
                    world.rename("a.log", &format!("a.log.{rotations}"));
                }
                Happens::Reopened if half.is_empty() => {
                    reopened |= !world.path("a.log").exists();
                    file = reopen(&world);
                }
                Happens::Rotated | Happens::Reopened => {}
                Happens::Looked => read.extend(world.read_for(1)),
                Happens::Restarted => world.restart(),
            }
        }
        read.extend(world.read_for(5));
        read.sort();
        written.sort();
        proptest::prop_assert_eq!(read, written);
    }
}
