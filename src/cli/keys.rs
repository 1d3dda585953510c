//! `gatewatch keys`: by which keys fingerprints are made, and what a secret is called under them.
//!
//! Whether a caller's key may go is told in [`super::readiness`].

use std::fs::File;
use std::io::{IsTerminal, Read};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};

use crate::clock::{Clock, Timestamp};
use crate::config::Config;
use crate::redaction::{Identified, KeyError, KeyInfo, KeyRing, KeyState};
use crate::sources::Secret;
use crate::store::Reader;
use crate::telemetry::{Confidence, Privilege, sayable_whole};

use super::key_args::{KeyPlace, Keys, KeysDestroy, KeysFingerprint, KeysLinks, KeysRotate};
use super::talk::{Failure, print, say};
use super::{readiness, setup};

/// The longest secret that is read, bytes: private keys and certificates fit.
const LONGEST_SECRET: u64 = 64 << 10;

/// Lists, makes and destroys keys, or says what a secret is called under them.
pub fn keys(command: &Keys) -> Result<ExitCode, Failure> {
    let now = Clock::system().now();
    match command {
        Keys::List(place) => list(place, now),
        Keys::Rotate(options) => rotate(options, now),
        Keys::Destroy(options) => destroy(options, now),
        Keys::Fingerprint(options) => fingerprint(options, now),
        Keys::Links(options) => links(options),
        Keys::Readiness(options) => return readiness::readiness(options, now),
    }?;
    Ok(ExitCode::SUCCESS)
}

fn list(place: &KeyPlace, now: Timestamp) -> Result<(), Failure> {
    let (config, data) = opened(place)?;
    for key in setup::ring(&config, &data)?.at(now).list() {
        let created = key.created.map_or_else(|| "-".to_owned(), |at| at.to_string());
        print(&format!("{:<5} {created:<32} {}\n", key.id, stands(&key)))?;
    }
    Ok(())
}

fn rotate(options: &KeysRotate, now: Timestamp) -> Result<(), Failure> {
    let file = file(&options.place)?;
    let ring = KeyRing::rotate(&file, now, options.overlap).map_err(failed)?;
    let keys = ring.list();
    let made = keys.last().map(|key| (key.id.clone(), key.state));
    match made {
        Some((id, KeyState::Coming(from))) => say(&format!(
            "Made key {id} in {}. Restart the daemon: from then on its detectors learn the names under {id} beside \
             those under {}. {id} takes over at the first start after {from}. Back the keys up: gatewatch backup FILE",
            file.display(),
            ring.id(),
        )),
        Some((id, _)) => say(&format!(
            "Made key {id} in {}. It takes over when the daemon is restarted, and detectors that follow keys and \
             people learn them anew. Back the keys up: gatewatch backup FILE",
            file.display(),
        )),
        None => {}
    }
    Ok(())
}

fn destroy(options: &KeysDestroy, now: Timestamp) -> Result<(), Failure> {
    let file = file(&options.place)?;
    if !options.yes {
        return Err(Failure::Usage(format!(
            "nothing brings key {id} back: no secret or person can be matched with a fingerprint that it made, and what \
             it links is forgotten. If that is wanted: gatewatch keys destroy {id} --yes",
            id = options.id
        )));
    }
    KeyRing::destroy(&file, now, &options.id).map_err(failed)?;
    say(&format!(
        "Key {id} is gone from {}, and what it was written in is overwritten, as far as the file system writes in place. \
         A running daemon knows it until it is restarted, and its links are forgotten then. Backups that hold it must be \
         destroyed too: `gatewatch backup` wrote it into each.",
        file.display(),
        id = options.id,
    ));
    Ok(())
}

fn fingerprint(options: &KeysFingerprint, now: Timestamp) -> Result<(), Failure> {
    let (config, data) = opened(&options.place)?;
    let keys = setup::ring(&config, &data)?.at(now);
    let secret = secret(options.file.as_deref())?;
    let redactor = setup::redactor(&keys, &config.redaction)?;
    let all = redactor.identify(&keys, &secret);
    if all.iter().all(|one| one.confidence.is_none()) {
        say("It is no kind that can be told by its form; where a name beside it tells, it is called one of these:");
    }
    for Identified { key, fingerprint, confidence, privilege } in all {
        let says: Vec<&str> =
            [confidence.map(Confidence::name), privilege.map(Privilege::name)].into_iter().flatten().collect();
        let name = sayable_whole(&fingerprint.0).unwrap_or_default();
        let line = format!("{:<56} {name:<32} {:<11} {}", fingerprint.0, stands_shortly(&key), says.join(", "));
        print(&format!("{}\n", line.trim_end()))?;
    }
    Ok(())
}

fn links(options: &KeysLinks) -> Result<(), Failure> {
    let (_, data) = opened(&options.place)?;
    let io = |error: crate::store::StoreError| Failure::Io(error.to_string());
    let reader = Reader::open(&data).map_err(io)?;
    let found = reader.links(options.fingerprint.as_deref(), options.limit as usize).map_err(io)?;
    if found.is_empty() {
        say("There are no links like this: they are made while a key is coming, of what is seen then.");
    }
    for link in found {
        print(&format!("{} {} {}\n", link.at, link.older, link.newer))?;
    }
    Ok(())
}

/// Reads the configuration and finds the data folder.
pub(super) fn opened(place: &KeyPlace) -> Result<(Config, PathBuf), Failure> {
    let config = setup::config(place.config.as_deref())?;
    let data = setup::data(place.data.as_deref(), &config);
    Ok((config, data))
}

/// Returns the file that holds the keys.
fn file(place: &KeyPlace) -> Result<PathBuf, Failure> {
    let (config, data) = opened(place)?;
    match config.key {
        None => Ok(data.join(crate::store::KEY_FILE)),
        Some(Secret::File { file }) => Ok(file),
        Some(_) => Err(Failure::Config(
            "the installation's key stands in a variable or in the configuration itself, where it can't be changed from \
             here: put it into a file, and write key = { file = \"…\" }"
                .to_owned(),
        )),
    }
}

fn stands(key: &KeyInfo) -> String {
    match key.state {
        KeyState::Old => "old: its fingerprints can still be computed".to_owned(),
        KeyState::InUse => "in use".to_owned(),
        KeyState::Coming(from) => format!("coming: takes over at the first start after {from}"),
    }
}

fn stands_shortly(key: &KeyInfo) -> &'static str {
    match key.state {
        KeyState::Old => "old",
        KeyState::InUse => "in use",
        KeyState::Coming(_) => "coming",
    }
}

/// Reads the secret: a file, a terminal without echo, or whatever standard input is.
fn secret(file: Option<&Path>) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let read = match file {
        Some(file) => File::open(file).and_then(|file| file.take(LONGEST_SECRET + 1).read_to_end(&mut bytes)),
        None if std::io::stdin().is_terminal() => without_echo(&mut bytes),
        None => std::io::stdin().lock().take(LONGEST_SECRET + 1).read_to_end(&mut bytes),
    };
    let from = file.map_or_else(|| "standard input".to_owned(), |file| file.display().to_string());
    read.map_err(|error| Failure::Io(format!("{from} could not be read: {error}")))?;
    while bytes.last().is_some_and(u8::is_ascii_whitespace) {
        bytes.pop();
    }
    match bytes.len() {
        0 => Err(Failure::Usage(format!("{from} holds no secret: it is empty"))),
        n if n as u64 > LONGEST_SECRET => {
            Err(Failure::Usage(format!("{from} is longer than 64 KiB, where one secret was expected")))
        }
        _ => Ok(bytes),
    }
}

/// Reads one line of the terminal. Echo is off meanwhile, and so are the keys that would end the
/// process and leave it off.
fn without_echo(bytes: &mut Vec<u8>) -> std::io::Result<usize> {
    let stdin = std::io::stdin();
    say("The secret (it is not shown; Enter ends it):");
    let before = tcgetattr(&stdin)?;
    let mut silent = before.clone();
    silent.local_modes.remove(LocalModes::ECHO | LocalModes::ISIG);
    tcsetattr(&stdin, OptionalActions::Flush, &silent)?;
    let mut line = String::new();
    let read = stdin.read_line(&mut line);
    tcsetattr(&stdin, OptionalActions::Now, &before)?;
    // Ctrl-C is a character now.
    if line.contains('\u{3}') {
        line.clear();
    }
    bytes.extend_from_slice(line.as_bytes());
    read
}

fn failed(error: KeyError) -> Failure {
    match error {
        KeyError::Unknown { .. } | KeyError::InUse { .. } | KeyError::Rotating { .. } | KeyError::Full => {
            Failure::Usage(error.to_string())
        }
        other => Failure::Io(other.to_string()),
    }
}
