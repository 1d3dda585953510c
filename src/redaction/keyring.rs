//! Whose fingerprints are these?
//!
//! An installation has one secret of 32 bytes; every key in use is derived from it (HKDF-SHA-256,
//! one sub-key for each purpose), so a fingerprint of a person can't be compared with one of a
//! secret. The secret is never printed, and its file is refused when others can read it. A ring
//! holds at most 16 keys: old ones, the one in use, and at most one that is coming, which takes
//! over at the first start after its day. More are refused.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hkdf::Hkdf;
use sha2::Sha256;

use crate::clock::Timestamp;

mod change;
mod error;

pub use error::KeyError;

/// The most keys a ring holds.
const CEILING: usize = 16;
/// The highest number of a key.
const HIGHEST: u16 = 999;

/// What stands above the keys in their file.
const HEADER: &str = "# Gatewatch's secret key. Fingerprints of secrets and people are made with it: whoever has it can\n\
                      # test guesses against them, and without it old fingerprints can't be compared with new ones.\n\
                      # Keep it secret, keep it safe, back it up with the store (`gatewatch backup`).\n";

/// The installation's secret keys. Its Debug never shows a byte of them.
#[derive(Clone)]
pub struct KeyRing {
    /// Oldest first, never empty.
    keys: Vec<Key>,
    /// The place of the one in use; the one after it is coming.
    in_use: usize,
    /// What hashes content, which outlives the key it was derived of: detectors' memory is kept by it.
    content: Option<[u8; 32]>,
    /// The highest number that was ever given, so that none is given twice.
    last: u16,
}

#[derive(Clone)]
struct Key {
    id: String,
    secret: [u8; 32],
    /// When it was made, where that is known.
    created: Option<Timestamp>,
    /// When it takes over; `None` for one that was in use from the start.
    from: Option<Timestamp>,
}

/// Where a key stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyState {
    /// Another has taken over; with it old fingerprints can still be computed.
    Old,
    /// Fingerprints are made with it.
    InUse,
    /// It takes over at the first start after this; until then both are known.
    Coming(Timestamp),
}

/// A key as it may be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyInfo {
    /// Its id, such as `k1`.
    pub id: String,
    /// When it was made, where that is known.
    pub created: Option<Timestamp>,
    /// Where it stands.
    pub state: KeyState,
}

impl KeyRing {
    /// Reads the keys in `path`, or makes a new one there (readable by its owner alone, durable
    /// before this returns). The second value tells whether it was made.
    pub fn load_or_create(path: &Path) -> Result<(Self, bool), KeyError> {
        match Self::load(path) {
            Err(KeyError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {}
            loaded => return loaded.map(|ring| (ring, false)),
        }
        let ring = Self::ephemeral()?;
        match ring.write_new(path) {
            Ok(()) => Ok((ring, true)),
            // Another process was faster: its key counts.
            Err(source) if source.kind() == io::ErrorKind::AlreadyExists => Ok((Self::load(path)?, false)),
            Err(source) => Err(KeyError::Io { path: path.to_owned(), what: "written", source }),
        }
    }

    /// Reads the keys in `path`; refuses a file that others can read.
    pub fn load(path: &Path) -> Result<Self, KeyError> {
        match File::open(path) {
            Ok(file) => Self::read(path, &file),
            Err(source) => Err(match crate::owner::told(path) {
                Some(mend) if source.kind() == io::ErrorKind::PermissionDenied => {
                    KeyError::Anothers { path: path.to_owned(), mend }
                }
                _ => KeyError::Io { path: path.to_owned(), what: "read", source },
            }),
        }
    }

    /// Reads the keys in `file`, which is at `path`.
    fn read(path: &Path, file: &File) -> Result<Self, KeyError> {
        let failed = |source| KeyError::Io { path: path.to_owned(), what: "read", source };
        let mode = file.metadata().map_err(failed)?.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            return Err(KeyError::Exposed { path: path.to_owned(), mode });
        }
        let mut text = String::new();
        file.take(64 << 10).read_to_string(&mut text).map_err(failed)?;
        Self::from_text(&text)
    }

    /// Reads keys from a text: a line each of key id and base64, and for one that was made by a
    /// rotation `created=` and `from=`; empty lines and `#` are skipped. In use is the last that
    /// has no `from=`, until [`KeyRing::at`] is told the time.
    pub fn from_text(text: &str) -> Result<Self, KeyError> {
        let mut ring = Self { keys: Vec::new(), in_use: 0, content: None, last: 0 };
        for (at, line) in text.lines().enumerate() {
            let line = line.trim();
            if !line.is_empty() && !line.starts_with('#') {
                ring.take_line(line).map_err(|why| KeyError::Malformed { line: at + 1, why })?;
            }
        }
        if ring.keys.is_empty() {
            return Err(KeyError::Malformed { line: 1, why: "there is no key in it" });
        }
        Ok(ring.at(Timestamp::MIN))
    }

    fn take_line(&mut self, line: &str) -> Result<(), &'static str> {
        let mut words = line.split_whitespace();
        let id = words.next().unwrap_or_default();
        let secret = words.next().ok_or("there is no space after the key id")?;
        if id == "last" {
            self.last = number(secret).ok_or("`last` is not `k` and one to three digits")?.max(self.last);
            return Ok(());
        }
        let bytes = STANDARD.decode(secret).ok().and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
        let bytes = bytes.ok_or("the key is not 32 bytes of base64");
        if id == "content" {
            self.content = Some(bytes?);
            return Ok(());
        }
        let of_id = number(id).ok_or("the key id is not `k` and one to three digits")?;
        if self.keys.len() == CEILING || self.keys.iter().any(|known| known.id == id) {
            return Err("the key id is there twice, or there are more than 16 keys");
        }
        let mut key = Key { id: id.to_owned(), secret: bytes?, created: None, from: None };
        for word in words {
            let (name, time) = word.split_once('=').ok_or("what follows the key is not `created=` or `from=`")?;
            let time = Timestamp::parse_rfc3339(time).ok_or("a time is not written as RFC 3339 does")?;
            match name {
                "created" => key.created = Some(time),
                "from" => key.from = Some(time),
                _ => return Err("what follows the key is not `created=` or `from=`"),
            }
        }
        self.last = self.last.max(of_id);
        self.keys.push(key);
        Ok(())
    }

    /// Makes a key that is kept nowhere: its fingerprints can't be compared with any other run's.
    pub fn ephemeral() -> Result<Self, KeyError> {
        let key = Key { id: "k1".to_owned(), secret: random()?, created: None, from: None };
        Ok(Self { keys: vec![key], in_use: 0, content: None, last: 1 })
    }

    /// Returns the ring as it is at `now`: in use is the last key whose day has come.
    #[must_use]
    pub fn at(mut self, now: Timestamp) -> Self {
        let has_come = |key: &Key| key.from.is_none_or(|from| from <= now);
        self.in_use = self.keys.iter().rposition(has_come).unwrap_or(0);
        self
    }

    /// Returns the ring once for each key, as if that were the one in use.
    pub(super) fn each(&self) -> impl Iterator<Item = Self> {
        (0..self.keys.len()).map(|place| Self { in_use: place, ..self.clone() })
    }

    /// Returns the text that [`KeyRing::from_text`] reads: secret, for a backup alone.
    pub fn to_secret_text(&self) -> String {
        let mut text = HEADER.to_owned();
        for key in &self.keys {
            text.extend([key.id.as_str(), " ", &STANDARD.encode(key.secret)]);
            for (name, time) in [("created", key.created), ("from", key.from)] {
                if let Some(time) = time {
                    text.extend([" ", name, "=", &time.to_string()]);
                }
            }
            text.push('\n');
        }
        if let Some(content) = &self.content {
            text.extend(["# What detectors' memory is kept by; no fingerprint is made with it.\n", "content "]);
            text.extend([&STANDARD.encode(content), "\n"]);
        }
        if self.keys.iter().filter_map(|key| number(&key.id)).max().unwrap_or_default() < self.last {
            text.extend(["last k", &self.last.to_string(), "\n"]);
        }
        text
    }

    /// Returns the id of the key in use, such as `k1`.
    pub fn id(&self) -> &str {
        self.keys.get(self.in_use).map_or("k0", |key| &key.id)
    }

    /// Returns every key as it may be shown, oldest first.
    pub fn list(&self) -> Vec<KeyInfo> {
        let info = |(place, key): (usize, &Key)| {
            let state = match place.cmp(&self.in_use) {
                std::cmp::Ordering::Less => KeyState::Old,
                std::cmp::Ordering::Equal => KeyState::InUse,
                std::cmp::Ordering::Greater => KeyState::Coming(key.from.unwrap_or(Timestamp::MAX)),
            };
            KeyInfo { id: key.id.clone(), created: key.created, state }
        };
        self.keys.iter().enumerate().map(info).collect()
    }

    /// Returns the ring as it will be once the key that is coming has taken over, if one is.
    pub(super) fn coming(&self) -> Option<Self> {
        (self.in_use + 1 < self.keys.len()).then(|| Self { in_use: self.in_use + 1, ..self.clone() })
    }

    /// Returns a seed for hashes of content (duplicates, order), which must differ by installation.
    pub fn content_key(&self) -> u64 {
        self.siphash_key().0 ^ self.siphash_key().1.rotate_left(32)
    }

    /// Returns the key of detection's hashes of values that an attacker picks.
    pub fn siphash_key(&self) -> (u64, u64) {
        let key = self.content.unwrap_or_else(|| self.derive("content"));
        let word = |at: usize| key[at..at + 8].iter().fold(0u64, |word, byte| word << 8 | u64::from(*byte));
        (word(0), word(8))
    }

    /// Returns what tells this installation's keys from another's, and nothing of them: it stays as they are rotated.
    pub fn mark(&self) -> [u8; 16] {
        let (one, other) = self.siphash_key();
        let mut mark = [0; 16];
        let made =
            Hkdf::<Sha256>::new(Some(b"gatewatch installation v1"), &[one.to_be_bytes(), other.to_be_bytes()].concat())
                .expand(b"mark", &mut mark);
        debug_assert!(made.is_ok(), "16 bytes are fewer than HKDF's limit");
        mark
    }

    /// Derives the key in use for one purpose.
    pub(super) fn derive(&self, purpose: &str) -> [u8; 32] {
        let secret = self.keys.get(self.in_use).map_or(&[0; 32], |key| &key.secret);
        let mut key = [0; 32];
        let made = Hkdf::<Sha256>::new(Some(b"gatewatch fingerprints v1"), secret).expand(purpose.as_bytes(), &mut key);
        debug_assert!(made.is_ok(), "32 bytes are fewer than HKDF's limit");
        key
    }

    /// Writes a file beside `path` that its owner alone can read, durable, and returns its name.
    fn draft(&self, path: &Path) -> io::Result<PathBuf> {
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(format!(".new-{}", std::process::id()));
        let draft = folder_of(path).join(name);
        // What an earlier crash left under this name holds a key that nothing was made with.
        match fs::remove_file(&draft) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
        let written = file.write_all(self.to_secret_text().as_bytes()).and_then(|()| file.sync_all());
        // Before it has a name that is read: a daemon of another user must be able to.
        match written.and_then(|()| crate::owner::keep(&file, path)) {
            Ok(()) => Ok(draft),
            Err(error) => {
                fs::remove_file(&draft)?;
                Err(error)
            }
        }
    }

    fn write_new(&self, path: &Path) -> io::Result<()> {
        let draft = self.draft(path)?;
        // A link, unlike a rename, never replaces a key that another process has just made.
        let linked = fs::hard_link(&draft, path);
        fs::remove_file(&draft)?;
        linked?;
        File::open(folder_of(path))?.sync_all()
    }
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Returns the number of a key's id.
fn number(id: &str) -> Option<u16> {
    let digits = id.strip_prefix('k')?;
    let fits = (1..=3).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    fits.then(|| digits.parse().ok())?
}

fn random() -> Result<[u8; 32], KeyError> {
    let mut secret = [0; 32];
    getrandom::fill(&mut secret).map_err(|error| KeyError::Random(error.to_string()))?;
    Ok(secret)
}

/// Shows ids only.
impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.keys.iter().map(|key| &key.id)).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_made_once_and_read_ever_after() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        let (made, new) = KeyRing::load_or_create(&path).unwrap();
        let (read, again) = KeyRing::load_or_create(&path).unwrap();
        assert!(new && !again);
        assert_eq!(made.derive("secret"), read.derive("secret"));
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing else is left behind");
    }

    #[test]
    fn a_key_that_others_can_read_is_refused_with_the_remedy() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        KeyRing::load_or_create(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        let error = KeyRing::load_or_create(&path).unwrap_err().to_string();
        assert!(error.contains("chmod 600") && error.contains("644"), "{error}");
    }

    #[test]
    fn a_damaged_key_is_an_error_that_names_the_line_and_not_the_key() {
        for text in ["", "k1", "k1 c2hvcnQ=", "1 AAAA", "k1234 AAAA", "# only a remark"] {
            let error = KeyRing::from_text(text).unwrap_err().to_string();
            assert!(error.contains("line 1"), "{error}");
            assert!(!error.contains("c2hvcnQ"), "{error}");
        }
    }

    #[test]
    fn the_last_key_of_a_ring_is_in_use_and_purposes_have_different_keys() {
        let one = KeyRing::ephemeral().unwrap();
        let text = format!("{}k2 {}\n", one.to_secret_text(), STANDARD.encode([7; 32]));
        let ring = KeyRing::from_text(&text).unwrap();
        assert_eq!(ring.id(), "k2");
        assert_ne!(ring.derive("secret"), ring.derive("person"));
        assert_ne!(ring.derive("secret"), one.derive("secret"));
    }

    #[test]
    fn debug_shows_no_byte_of_a_key() {
        assert_eq!(format!("{:?}", KeyRing::ephemeral().unwrap()), "[\"k1\"]");
    }
}
