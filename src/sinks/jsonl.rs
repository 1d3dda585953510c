//! Alerts as lines of a file.
//!
//! One line a transition, on the disk before it counts as delivered. A line may come twice (id
//! and revision in it tell), and after a crash in the middle of one the next begins on a line of
//! its own. With `rotate_bytes` the file is renamed to `.1`, `.2`, … as it grows, and five old
//! ones are kept; without, it grows until somebody moves it away, which may happen at any time.

use std::fs::{self, File, OpenOptions};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use crate::alerts::{Level, Transition};
use crate::telemetry::Streams;

use super::{RenderedDelivery, Sink, SinkError, line};

const OLD_FILES: u32 = 5;

/// How alerts are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// Gatewatch's own.
    #[default]
    Native,
    /// OCSF Detection Finding.
    Ocsf,
}

/// A sink that appends to a file: the table `[sinks.jsonl.NAME]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JsonlSettings {
    /// The file; its folder must exist.
    pub path: PathBuf,
    /// `native` or `ocsf`.
    #[serde(default)]
    pub format: Format,
    /// Only alerts at least this bad.
    #[serde(default)]
    pub at_least: Option<Level>,
    /// Rename the file once a line would make it larger than this many bytes.
    #[serde(default)]
    pub rotate_bytes: Option<u64>,
}

/// Appends a line for each transition.
#[derive(Debug)]
pub struct Jsonl {
    settings: Arc<JsonlSettings>,
    /// Held while a line is written: two deliveries must not rotate the file at once.
    writing: Arc<Mutex<()>>,
}

impl Jsonl {
    /// Returns the sink; opens nothing yet.
    pub fn new(settings: JsonlSettings) -> Self {
        Self { settings: Arc::new(settings), writing: Arc::default() }
    }
}

impl Sink for Jsonl {
    fn render(&self, transition: &Transition, streams: &Streams) -> Option<String> {
        let alert = transition.alert();
        if self.settings.at_least.is_some_and(|least| alert.level < least) {
            return None;
        }
        Some(line(self.settings.format, transition, streams))
    }

    async fn deliver(&self, delivery: &RenderedDelivery<'_>) -> Result<String, SinkError> {
        let (settings, writing) = (Arc::clone(&self.settings), Arc::clone(&self.writing));
        let line = delivery.payload.to_owned();
        let done = tokio::task::spawn_blocking(move || {
            let _alone = writing.lock().unwrap_or_else(PoisonError::into_inner);
            append(&settings, &line).map_err(|error| {
                SinkError::retry(format!(
                    "{} can't be written ({error}): it must lie in a folder that the user who runs gatewatch may \
                     write, on a disk with free space",
                    settings.path.display()
                ))
            })
        });
        match done.await {
            Ok(Ok(())) => Ok("written".into()),
            Ok(Err(error)) => Err(error),
            Err(stopped) => Err(SinkError::retry(format!("writing was interrupted ({stopped})"))),
        }
    }
}

fn append(settings: &JsonlSettings, line: &str) -> std::io::Result<()> {
    let (mut file, mut length) = open(&settings.path)?;
    if length > 0 && settings.rotate_bytes.is_some_and(|most| length + line.len() as u64 >= most) {
        rotate(&settings.path)?;
        (file, length) = open(&settings.path)?;
    }
    let mut bytes = Vec::with_capacity(line.len() + 2);
    if length > 0 && !ends_a_line(&mut file)? {
        bytes.push(b'\n');
    }
    bytes.extend_from_slice(line.as_bytes());
    bytes.push(b'\n');
    file.write_all(&bytes)?;
    file.sync_data()?;
    if length == 0 {
        sync_folder(&settings.path)?;
    }
    Ok(())
}

fn open(path: &Path) -> std::io::Result<(File, u64)> {
    let file = OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(path)?;
    let length = file.metadata()?.len();
    Ok((file, length))
}

fn ends_a_line(file: &mut File) -> std::io::Result<bool> {
    let mut last = [0];
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut last)?;
    Ok(last == *b"\n")
}

fn rotate(path: &Path) -> std::io::Result<()> {
    let old = |number: u32| {
        let mut name = path.as_os_str().to_owned();
        name.push(format!(".{number}"));
        PathBuf::from(name)
    };
    for number in (1..OLD_FILES).rev() {
        match fs::rename(old(number), old(number + 1)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    fs::rename(path, old(1))
}

/// Makes a new file's name durable.
fn sync_folder(path: &Path) -> std::io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::super::{sample, sample_streams};
    use super::*;

    fn sink(path: &Path, rotate_bytes: Option<u64>) -> Jsonl {
        Jsonl::new(JsonlSettings { path: path.into(), format: Format::Native, at_least: None, rotate_bytes })
    }

    fn write(sink: &Jsonl, lines: &[&str]) -> Result<(), SinkError> {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        lines
            .iter()
            .try_for_each(|payload| runtime.block_on(sink.deliver(&RenderedDelivery { key: "k:1", payload })).map(drop))
    }

    #[test]
    fn each_transition_is_a_line_with_its_id_and_revision() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("alerts.jsonl");
        let sink = sink(&path, None);
        let line = sink.render(&Transition::Opened(sample()), &sample_streams()).unwrap();
        let fields: Value = serde_json::from_str(&line).unwrap();
        assert_eq!((&fields["id"], &fields["revision"]), (&"0000000000003f9a".into(), &2.into()));
        write(&sink, &[&line, &line]).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), format!("{line}\n{line}\n"));
    }

    #[test]
    fn a_line_torn_by_a_crash_spoils_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("alerts.jsonl");
        fs::write(&path, "{\"to").unwrap();
        write(&sink(&path, None), &["{}"]).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "{\"to\n{}\n");
    }

    #[test]
    fn a_file_that_grows_is_rotated_and_five_old_ones_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("alerts.jsonl");
        let lines: Vec<String> = (0..9).map(|n| n.to_string().repeat(8)).collect();
        write(&sink(&path, Some(10)), &lines.iter().map(String::as_str).collect::<Vec<_>>()).unwrap();
        let mut names: Vec<_> =
            fs::read_dir(folder.path()).unwrap().map(|one| one.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        assert_eq!(names[1..], [1, 2, 3, 4, 5].map(|number| format!("alerts.jsonl.{number}")));
        assert_eq!(fs::read_to_string(&path).unwrap(), "88888888\n");
        assert_eq!(fs::read_to_string(folder.path().join("alerts.jsonl.5")).unwrap(), "33333333\n");
    }

    #[test]
    fn a_folder_that_is_not_there_is_worth_another_try_once_it_is_made() {
        let failed = write(&sink(Path::new("/nowhere/alerts.jsonl"), None), &["{}"]).unwrap_err();
        assert!(matches!(failed, SinkError::Retry { ref says, .. } if says.contains("/nowhere/alerts.jsonl")));
    }

    #[test]
    fn a_level_keeps_milder_alerts_out() {
        let settings =
            JsonlSettings { at_least: Some(Level::Critical), ..(*sink(Path::new("x"), None).settings).clone() };
        assert_eq!(Jsonl::new(settings).render(&Transition::Opened(sample()), &sample_streams()), None);
    }
}
