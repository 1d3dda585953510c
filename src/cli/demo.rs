//! `gatewatch demo`: a simulated fleet under attack, watched by the real daemon.
//!
//! The fleet writes its telemetry into a file that the daemon follows. It has lived for half an
//! hour when the demo begins, so that there is something to see at once, and goes on in real
//! time until the demo ends.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use crate::clock::{Clock, Timestamp};
use crate::config::Config;
use crate::simulate::{Options, World};
use crate::sources::{FileSettings, Start};

use super::args::Demo;
use super::talk::{Failure, say};

/// How much of its life the fleet has behind it.
const PAST: Duration = Duration::from_mins(30);
/// One world's length; the next has the next seed.
const LENGTH: Duration = Duration::from_mins(40);
const RECORDS_A_SECOND: u32 = 40;
/// A telemetry file larger than this is put aside, as a log rotator would.
const ROTATE_BYTES: u64 = 64 * 1024 * 1024;

/// Runs the demo until it is interrupted.
pub fn demo(options: &Demo) -> Result<ExitCode, Failure> {
    let (data, temporary) = match &options.data {
        Some(data) => (data.clone(), false),
        None => (std::env::temp_dir().join(format!("gatewatch-demo-{}", std::process::id())), true),
    };
    super::setup::folder(&data)?;
    let telemetry = data.join("telemetry.ndjson");
    let clock = Clock::system();
    let writer =
        Fleet { path: telemetry.clone(), seed: options.seed, began: clock.now().minus(PAST), clock: clock.clone() };
    let thread = std::thread::Builder::new().name("fleet".into()).spawn(move || writer.live());
    thread.map_err(|error| Failure::Io(format!("the simulated fleet could not be started: {error}")))?;
    let config = config(options, &telemetry);
    let ended = super::run::daemon((&config, super::shown::Origin::default()), &data, &clock, |address| {
        say(&format!(
            "A simulated fleet of Azure Functions and gateways is under attack; Gatewatch watches it.\n\n    http://{address}/\n\nCtrl-C ends it."
        ));
    });
    if temporary {
        // What is left behind in a temporary folder is the system's to clear.
        drop(std::fs::remove_dir_all(&data));
    }
    ended
}

fn config(options: &Demo, telemetry: &Path) -> Config {
    let mut config = Config::default();
    let files = FileSettings { paths: vec![telemetry.display().to_string()], follow: true, start: Start::Earliest };
    config.sources.file.insert("fleet".into(), files);
    config.dashboard.listen = options.listen;
    config.detection.lateness = Duration::from_secs(10);
    config
}

struct Fleet {
    path: PathBuf,
    seed: u64,
    began: Timestamp,
    clock: Clock,
}

impl Fleet {
    fn live(self) {
        if let Err(error) = self.write() {
            say(&format!("The simulated fleet has stopped: {} could not be written: {error}", self.path.display()));
        }
    }

    fn write(&self) -> std::io::Result<()> {
        let mut file = self.open()?;
        let mut begins = self.began;
        for round in 0.. {
            let options = Options {
                seed: self.seed + round,
                start: begins,
                duration: LENGTH,
                rate: RECORDS_A_SECOND,
                attacks: Vec::new(),
                clean: false,
            };
            let Ok(world) = World::new(options) else { return Ok(()) };
            for message in world {
                let early = message.at.since(self.clock.now());
                if !early.is_zero() {
                    file.flush()?;
                    std::thread::sleep(early);
                }
                file.write_all(&message.bytes)?;
                file.write_all(b"\n")?;
            }
            begins = begins.plus(LENGTH);
            file.flush()?;
            if self.path.metadata()?.len() > ROTATE_BYTES {
                std::fs::rename(&self.path, self.path.with_extension("ndjson.1"))?;
                file = self.open()?;
            }
        }
        Ok(())
    }

    fn open(&self) -> std::io::Result<std::io::BufWriter<std::fs::File>> {
        let file = std::fs::File::options().create(true).append(true).open(&self.path)?;
        Ok(std::io::BufWriter::new(file))
    }
}
