//! What `gatewatch replay --compare` says to somebody who is about to change detectors.

use std::path::{Path, PathBuf};
use std::process::Output;

use crate::world::{gatewatch, messages, write};

/// A world on disk, and a folder with the shipped detectors to change.
struct Bench {
    dir: tempfile::TempDir,
    world: PathBuf,
}

impl Bench {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let world = dir.path().join("world.ndjson");
        write(&world, &messages(2, 10_000));
        copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("detectors"), &dir.path().join("detectors"));
        Self { dir, world }
    }

    fn folder(&self) -> PathBuf {
        self.dir.path().join("detectors")
    }

    fn change(&self, file: &str, from: &str, to: &str) {
        let file = self.folder().join(file);
        let text = std::fs::read_to_string(&file).unwrap();
        assert!(text.contains(from), "{text}");
        std::fs::write(file, text.replace(from, to)).unwrap();
    }

    fn compare(&self, more: &[&str]) -> Output {
        let mut command = gatewatch();
        command.arg("replay").arg(&self.world).arg("--compare").arg(self.folder()).args(more);
        command.output().unwrap()
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let (path, to) = (entry.as_ref().unwrap().path(), to.join(entry.unwrap().file_name()));
        if path.is_dir() {
            copy(&path, &to);
        } else {
            std::fs::copy(path, to).unwrap();
        }
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn the_same_detectors_find_the_same() {
    let compared = Bench::new().compare(&[]);
    assert_eq!(compared.status.code(), Some(0), "{}", text(&compared.stderr));
    let said = text(&compared.stdout);
    assert!(said.starts_with("0 come, 0 gone, 0 changed, ") && !said.contains(" 0 the same"), "{said}");
}

#[test]
fn alerts_that_come_go_and_open_earlier_are_listed_and_fail_the_comparison() {
    let bench = Bench::new();
    bench.change("auth-failures/spike_from_one_address.yaml", "at_least: 20", "at_least: 8");
    bench.change("probing/scanner.yaml", "sqlmap", "no-such-tool");
    bench.change("probing/admin_probing.yaml", "level: ", "level: critical #");
    for end in ["yaml", "test.yaml"] {
        std::fs::remove_file(bench.folder().join(format!("probing/path_probing.{end}"))).unwrap();
    }
    let report = bench.dir.path().join("report.xml");
    let compared = bench.compare(&["--junit", report.to_str().unwrap()]);
    assert_eq!(compared.status.code(), Some(1), "{}", text(&compared.stderr));
    let said = text(&compared.stdout);
    let row = |detector: &str| said.lines().find(|line| line.contains(detector)).unwrap_or_else(|| panic!("{said}"));
    assert!(row("probing.path_probing").starts_with("gone "), "{said}");
    assert!(row("auth-failures.spike_from_one_address").contains("earlier by "), "{said}");
    assert!(row("probing.admin_probing").contains(" → critical"), "{said}");
    assert!(!said.contains('\u{1b}'), "no colours off a terminal");
    let xml = std::fs::read_to_string(report).unwrap();
    let case = |name: &str| {
        let (_, case) = xml.split_once(&format!("name=\"{name}\"")).unwrap();
        case.split("<testcase").next().unwrap().to_owned()
    };
    assert!(case("path_probing").contains("<failure message=\"0 come, 1 gone\""), "{xml}");
    assert!(
        !case("admin_probing").contains("<failure") && case("admin_probing").contains("<system-out>worse"),
        "{xml}"
    );
    assert!(case("injection").starts_with(" time=\"0\"/>"), "{xml}");
    assert_eq!(xml.matches("<testcase").count(), gatewatch_detectors(), "{xml}");
}

fn gatewatch_detectors() -> usize {
    text(&gatewatch().args(["detectors", "list"]).output().unwrap().stdout).lines().count()
}

#[test]
fn what_can_not_be_compared_is_refused_with_the_way_out() {
    let bench = Bench::new();
    let folder = bench.folder();
    let from_stdin = gatewatch().args(["replay", "-", "--compare"]).arg(&folder).output().unwrap();
    assert_eq!(from_stdin.status.code(), Some(64));
    assert!(text(&from_stdin.stderr).contains("name files"));
    assert_eq!(bench.compare(&["--alerts", "-"]).status.code(), Some(64));
    bench.change("probing/scanner.yaml", "level:", "levle:");
    let broken = bench.compare(&[]);
    assert_eq!(broken.status.code(), Some(2));
    assert!(text(&broken.stderr).contains("probing/scanner.yaml"));
}
