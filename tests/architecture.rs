//! The house stands as the table below has it: who imports what, how long a file is, where unredacted
//! values and the system's clock are named.
//!
//! Source is read as text, so a path that a macro puts together is not seen; clippy's
//! `disallowed-methods` stands behind the clock, the type system behind the rest.

#![expect(clippy::unwrap_used, reason = "a test fails where it unwraps")]

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// What a room may import. `clock` may be imported by all and is not repeated.
const TABLE: [(&str, &[&str]); 18] = [
    ("clock", &[]),
    ("owner", &[]),
    ("telemetry", &[]),
    ("sources", &["telemetry", "access"]),
    ("redaction", &["telemetry", "owner"]),
    ("context", &["telemetry"]),
    ("posture", &["telemetry", "redaction", "context"]),
    ("detection", &["telemetry", "redaction", "context", "posture"]),
    ("alerts", &["telemetry", "posture", "detection"]),
    ("sinks", &["telemetry", "redaction", "alerts"]),
    ("store", &["telemetry", "redaction", "alerts"]),
    ("access", &["owner"]),
    ("simulate", &["telemetry"]),
    ("metrics", &[]),
    ("dashboard", &["alerts", "posture", "store", "access", "metrics"]),
    (
        "config",
        &[
            "telemetry",
            "sources",
            "redaction",
            "context",
            "posture",
            "detection",
            "alerts",
            "sinks",
            "store",
            "access",
            "simulate",
            "metrics",
            "dashboard",
        ],
    ),
    (
        "pipeline",
        &[
            "telemetry",
            "sources",
            "redaction",
            "context",
            "posture",
            "detection",
            "alerts",
            "sinks",
            "store",
            "access",
            "simulate",
            "metrics",
            "dashboard",
            "config",
        ],
    ),
    (
        "cli",
        &[
            "telemetry",
            "sources",
            "redaction",
            "context",
            "posture",
            "detection",
            "alerts",
            "sinks",
            "store",
            "access",
            "simulate",
            "metrics",
            "dashboard",
            "config",
            "pipeline",
        ],
    ),
];

/// Names that say nothing about what lives behind them.
const VAGUE: [&str; 5] = ["util", "common", "helpers", "misc", "types"];

/// Where a value that may still hold secrets or people can be named at all, beside the rooms
/// `telemetry` and `redaction`: where the two are put together, and where the cases of detectors
/// make up events of their own.
const UNREDACTED: [&str; 2] = ["src/pipeline/worker", "src/detection/case_event"];

/// A file of the product: its room, its path below the package, its text.
struct File {
    room: String,
    path: String,
    text: String,
}

impl File {
    /// The text without comments and without what stands in its tests.
    fn code(&self) -> String {
        product(&self.text).lines().map(|line| uncommented(line).to_owned() + "\n").collect()
    }
}

/// What stands before the tests: a function that tests alone have, further up, is no end.
fn product(text: &str) -> &str {
    text.split("\n#[cfg(test)]\nmod tests {").next().unwrap_or_default()
}

/// A line up to its comment; `//` after a `:` or within quotes is an address, not a comment.
fn uncommented(line: &str) -> &str {
    let mut from = 0;
    while let Some(at) = line[from..].find("//") {
        let at = from + at;
        if !line[..at].ends_with(':') && line[..at].matches('"').count().is_multiple_of(2) {
            return &line[..at];
        }
        from = at + 2;
    }
    line
}

fn sources() -> Vec<File> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    let mut folders = vec![root.join("src")];
    while let Some(folder) = folders.pop() {
        let mut entries: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        entries.sort();
        for path in entries {
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let inside = path.strip_prefix(root).unwrap().to_string_lossy().into_owned();
                let room = inside.split('/').nth(1).unwrap_or_default().trim_end_matches(".rs").to_owned();
                files.push(File { room, path: inside, text: std::fs::read_to_string(&path).unwrap() });
            }
        }
    }
    files
}

/// The rooms that `code` names: `crate::room`, `crate::{room, other::Thing}`, `gatewatch::room`.
fn imports(code: &str) -> BTreeSet<String> {
    let mut rooms = BTreeSet::new();
    for start in ["crate::", "gatewatch::"] {
        for (at, _) in code.match_indices(start) {
            if code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_') {
                continue;
            }
            let rest = code[at + start.len()..].trim_start();
            match rest.strip_prefix('{') {
                Some(list) => rooms.extend(heads(list)),
                None => rooms.extend(word(rest)),
            }
        }
    }
    rooms
}

/// The first word of each member of a braced list, without what stands in inner braces.
fn heads(list: &str) -> Vec<String> {
    let (mut depth, mut end) = (1, list.len());
    let mut flat = String::new();
    for (at, c) in list.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            c if depth == 1 => flat.push(c),
            _ => {}
        }
        if depth == 0 {
            end = at;
            break;
        }
    }
    debug_assert!(end <= list.len());
    flat.split(',').filter_map(|member| word(member.trim())).collect()
}

fn word(text: &str) -> Option<String> {
    let word: String = text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    (!word.is_empty()).then_some(word)
}

/// Tells whether `code` names `name` as a whole word.
fn names(code: &str, name: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    code.match_indices(name).any(|(at, _)| !code[..at].ends_with(part) && !code[at + name.len()..].starts_with(part))
}

fn complain(problems: &[String]) {
    let mut all = String::new();
    for problem in problems {
        let _ = writeln!(all, "  {problem}");
    }
    assert!(problems.is_empty(), "the house is not as the table has it:\n{all}");
}

#[test]
fn every_room_imports_only_what_the_table_allows() {
    let rooms: BTreeSet<&str> = TABLE.iter().map(|(room, _)| *room).collect();
    let mut problems = Vec::new();
    for file in sources().iter().filter(|file| !["main", "lib"].contains(&file.room.as_str())) {
        let Some((_, allowed)) = TABLE.iter().find(|(room, _)| *room == file.room) else {
            problems.push(format!("{}: no room `{}` stands in the table", file.path, file.room));
            continue;
        };
        for room in imports(&file.code()) {
            let fine = room == "clock" || room == file.room || allowed.contains(&room.as_str());
            if rooms.contains(room.as_str()) && !fine {
                problems.push(format!("{}: `{}` may not import `{room}`", file.path, file.room));
            }
        }
    }
    complain(&problems);
}

#[test]
fn nobody_reaches_another_room_through_super() {
    let mut problems = Vec::new();
    for file in sources().iter().filter(|file| file.room != "lib" && file.room != "main") {
        // Files in `src/room/` are one `super` below their room, those in `src/room/part/` two.
        let below = file.path.matches('/').count() - 1;
        let steps = if file.path.ends_with("/mod.rs") { below.saturating_sub(1) } else { below };
        let too_far = "super::".repeat(steps + 1);
        if file.code().contains(&too_far) {
            problems.push(format!("{}: `{too_far}` leaves the room: say `crate::`", file.path));
        }
    }
    complain(&problems);
}

#[test]
fn no_file_is_longer_than_400_lines_before_its_tests() {
    let long = |file: &File| {
        let lines = product(&file.text).lines().count();
        (lines > 400).then(|| format!("{}: {lines} lines, at most 400", file.path))
    };
    complain(&sources().iter().filter_map(long).collect::<Vec<_>>());
}

#[test]
fn the_system_clock_is_named_in_clock_and_cli_alone() {
    let mut problems = Vec::new();
    for file in sources().iter().filter(|file| !["clock", "cli"].contains(&file.room.as_str())) {
        for clock in ["SystemTime::now", "Instant::now", "Utc::now", "Local::now", "Clock::system"] {
            if names(&file.code(), clock) && !(clock == "Clock::system" && file.room == "main") {
                problems.push(format!("{}: `{clock}`: take a `Clock` or a `Timestamp`", file.path));
            }
        }
    }
    complain(&problems);
}

#[test]
fn unredacted_values_are_named_in_telemetry_and_redaction_alone() {
    let mut problems = Vec::new();
    for file in sources() {
        let inside = ["telemetry", "redaction"].contains(&file.room.as_str());
        if inside || UNREDACTED.iter().any(|path| file.path.starts_with(path)) {
            continue;
        }
        for name in unredacted(&file.code()) {
            problems.push(format!("{}: names `{name}`, which may still hold secrets or people", file.path));
        }
    }
    complain(&problems);
}

/// What `code` takes from `telemetry` that exposes unredacted values.
fn unredacted(code: &str) -> Vec<&'static str> {
    let mut found = Vec::new();
    for (name, path) in [
        ("Event", "telemetry::Event"),
        ("Text", "telemetry::Text"),
        ("Original", "telemetry::Original"),
        ("decode", "telemetry::decode"),
    ] {
        let listed = code
            .match_indices("telemetry::{")
            .any(|(at, brace)| heads(&code[at + brace.len()..]).iter().any(|head| head == name));
        if listed || names(code, path) {
            found.push(name);
        }
    }
    found
}

#[test]
fn no_room_has_a_name_that_says_nothing() {
    let vague = |file: &File| {
        let parts = file.path.trim_end_matches(".rs").split('/');
        let bad = parts.filter(|part| VAGUE.contains(part)).map(|part| format!("{}: `{part}` says nothing", file.path));
        bad.collect::<Vec<_>>()
    };
    complain(&sources().iter().flat_map(vague).collect::<Vec<_>>());
}

#[test]
fn the_table_itself_has_no_cycle() {
    let mut standing: Vec<&str> = Vec::new();
    while standing.len() < TABLE.len() {
        let next = TABLE
            .iter()
            .find(|(room, needs)| !standing.contains(room) && needs.iter().all(|need| standing.contains(need)));
        let (room, _) = next.expect("the rooms left import each other in a circle");
        standing.push(room);
    }
}

#[test]
fn the_reader_of_imports_sees_every_way_to_write_one() {
    let read = |code| imports(code).into_iter().collect::<Vec<_>>();
    assert_eq!(read("use crate::alerts::Alert;"), ["alerts"]);
    assert_eq!(read("use crate::{alerts::{Alert, Book}, store};"), ["alerts", "store"]);
    assert_eq!(read("let x: crate::store::Reader = y;"), ["store"]);
    assert_eq!(read("use mycrate::store;"), Vec::<String>::new());
    assert_eq!(uncommented("a(\"http://b\"); // crate::store"), "a(\"http://b\"); ");
    assert_eq!(unredacted("use crate::telemetry::{EventId, Text};"), ["Text"]);
    assert_eq!(unredacted("use crate::telemetry::Entity;"), Vec::<&str>::new());
}
