//! `gatewatch demo`: a simulated fleet under attack, watched by the real daemon.
//!
//! The fleet writes its telemetry into a file that the daemon follows. It has lived for half an
//! hour when the demo begins, so that there is something to see at once, and goes on in real
//! time until the demo ends. Beside it stand what is configured and what is meant of it; in the first
//! minutes somebody undoes some of that, and it is mended again.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use crate::clock::{Clock, Timestamp};
use crate::config::Config;
use crate::context::{AppSettings, GatewaySettings, Hop};
use crate::posture::PostureSettings;
use crate::simulate::{Options, SCENE, Step, Weakness, World, app_names, configured, intended};
use crate::sources::{FileSettings, Start};

use super::args::Demo;
use super::talk::{Failure, say};

/// How much of its life the fleet has behind it.
const PAST: Duration = Duration::from_mins(30);
/// One world's length; the next has the next seed.
const LENGTH: Duration = Duration::from_mins(40);
const RECORDS_A_SECOND: u32 = 40;
/// The owner's model, and what is configured, in the data folder: by names that nobody else's files there have.
const MODEL: &str = "demo-model.yaml";
const CONFIGURED: &str = "demo-configured";
/// From where the shop's gateway calls what lies behind it.
const EGRESS: &str = "203.0.113.251/32";
/// A telemetry file larger than this is put aside, as a log rotator would.
const ROTATE_BYTES: u64 = 64 * 1024 * 1024;

/// Runs the demo until it is interrupted.
pub fn demo(options: &Demo) -> Result<ExitCode, Failure> {
    if !options.listen.ip().to_canonical().is_loopback() {
        return Err(Failure::Usage(format!(
            "the demo shows itself to this machine alone, and {} can be reached by others: it has neither TLS nor tokens \
             that last. From elsewhere: ssh -L 8321:127.0.0.1:8321 HOST; what others are to reach is for gatewatch run, see \
             docs/deploy.md",
            options.listen
        )));
    }
    let (data, temporary) = match &options.data {
        Some(data) => (data.clone(), false),
        None => (std::env::temp_dir().join(format!("gatewatch-demo-{}", std::process::id())), true),
    };
    super::setup::folder(&data)?;
    let telemetry = data.join("telemetry.ndjson");
    let clock = Clock::system();
    let files = data.join(CONFIGURED);
    write_configured(&files, Weakness::default()).and_then(|()| std::fs::write(data.join(MODEL), intended())).map_err(
        |error| Failure::Io(format!("what is configured could not be written to {}: {error}", data.display())),
    )?;
    let writer = Fleet {
        path: telemetry.clone(),
        configured: files,
        seed: options.seed,
        began: clock.now().minus(PAST),
        clock: clock.clone(),
    };
    let thread = std::thread::Builder::new().name("fleet".into()).spawn(move || writer.live());
    thread.map_err(|error| Failure::Io(format!("the simulated fleet could not be started: {error}")))?;
    let config = config(options, &telemetry, &data);
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

fn config(options: &Demo, telemetry: &Path, data: &Path) -> Config {
    let mut config = Config::default();
    let files = FileSettings { paths: vec![telemetry.display().to_string()], follow: true, start: Start::Earliest };
    config.sources.file.insert("fleet".into(), files);
    config.dashboard.listen = options.listen;
    config.detection.lateness = Duration::from_secs(10);
    config.posture = PostureSettings {
        model: Some(data.join(MODEL)),
        configured: vec![data.join(CONFIGURED)],
        read_every: Duration::from_secs(5),
        ..PostureSettings::default()
    };
    // Who lists one app lists all: what is not listed is told of.
    config.apps.extend(app_names().map(|app| (app.to_owned(), AppSettings::default())));
    // The app whose gateway somebody goes past.
    let behind = AppSettings { behind: vec!["apim-shop".to_owned()], ..AppSettings::default() };
    config.apps.insert("orders-api".to_owned(), behind);
    let addresses = EGRESS.parse().into_iter().map(Hop::Network).collect();
    config.gateways.insert("apim-shop".to_owned(), GatewaySettings { addresses, ..GatewaySettings::default() });
    config
}

/// Writes those files of the configuration that are not there as they should be.
fn write_configured(folder: &Path, weakness: Weakness) -> std::io::Result<()> {
    for (name, text) in configured(weakness) {
        let path = folder.join(name);
        if std::fs::read_to_string(&path).is_ok_and(|there| there == text) {
            continue;
        }
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent)?;
        }
        // At once, so that nobody reads half of it.
        let beside = path.with_extension("new");
        std::fs::write(&beside, text)?;
        std::fs::rename(beside, path)?;
    }
    Ok(())
}

struct Fleet {
    path: PathBuf,
    configured: PathBuf,
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
        let mut scene = SCENE.iter().peekable();
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
                let now = self.clock.now();
                while let Some(step) = scene.next_if(|step| now >= self.began.plus(PAST).plus(step.after)) {
                    self.play(step, now, &mut file)?;
                }
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

    fn play(&self, step: &Step, at: Timestamp, file: &mut impl Write) -> std::io::Result<()> {
        for message in step.play(self.seed, at) {
            file.write_all(&message.bytes)?;
            file.write_all(b"\n")?;
        }
        file.flush()?;
        write_configured(&self.configured, step.weakness)
    }

    fn open(&self) -> std::io::Result<std::io::BufWriter<std::fs::File>> {
        let file = std::fs::File::options().create(true).append(true).open(&self.path)?;
        Ok(std::io::BufWriter::new(file))
    }
}
