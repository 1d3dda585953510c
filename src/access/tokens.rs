//! The tokens of an installation: one small file, only its owner's to read.
//!
//! `gatewatch token` writes the file while the daemon runs; the daemon looks for a change at most
//! once a second. While the file can't be read, tokens known before are taken for an hour more, for telemetry
//! is not to be lost by a slip, and after it none, for one may have been revoked: nobody is let in
//! for want of a file. At most 1,000 tokens.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use data_encoding::{BASE32_NOPAD, HEXLOWER};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::{Identity, Role};
use crate::clock::Timestamp;

/// Tokens an installation may have.
const MAX_TOKENS: usize = 1_000;
/// Letters a token's name may have.
const MAX_NAME: usize = 64;
/// A longer text is not a token of ours.
const MAX_TOKEN_BYTES: usize = 128;
/// How often the file is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How long tokens are taken that were known before the file could not be read.
const LAST_KNOWN: Duration = Duration::from_hours(1);

/// Why tokens could not be read or changed. Its text says how to mend it.
#[derive(Debug, thiserror::Error)]
pub enum TokensError {
    /// The file can't be read, written or understood.
    #[error("{}: {problem}", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it, and how to mend it.
        problem: String,
    },
    /// The name is empty, too long or taken.
    #[error("{0}")]
    Name(String),
    /// There are as many tokens as there may be.
    #[error(
        "there are {MAX_TOKENS} tokens, the most there can be: revoke one with `gatewatch token revoke ID --data DIR`"
    )]
    Full,
    /// The machine has no random numbers to give.
    #[error("this machine gives no random numbers: {0}")]
    Random(String),
}

/// A token as it is kept: never the secret itself.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    id: String,
    name: String,
    role: Role,
    /// SHA-256 of the secret part, hexadecimal.
    sha256: String,
    created: Timestamp,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct TokensFile {
    tokens: Vec<Kept>,
}

/// What may be shown of a token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TokenInfo {
    /// Eight hexadecimal digits; part of the token, not secret.
    pub id: String,
    /// Whose it is, or what for.
    pub name: String,
    /// What it allows.
    pub role: Role,
    /// When it was made, wall time.
    pub created: Timestamp,
}

/// A token just made: the only time it can be seen.
#[derive(Debug)]
pub struct NewToken {
    /// Its id, to revoke it by.
    pub id: String,
    /// The whole token, `gw_<id>_<secret>`.
    pub token: String,
}

/// What tells one version of the file from another.
type Stamp = (u64, i64, i64, u64);

#[derive(Debug, Default)]
struct Loaded {
    looked_at: Option<Duration>,
    stamp: Option<Stamp>,
    tokens: Vec<Kept>,
    /// The file is there and can't be read: since when, and why.
    broken: Option<(Duration, String)>,
    /// People have needed a token since the start, and the file has said nothing else since: one that is deleted lets
    /// nobody in.
    guards: bool,
}

fn guard(tokens: &[Kept]) -> bool {
    tokens.iter().any(|token| token.role != Role::Ingest)
}

/// What is wrong with the file under a running daemon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokensTrouble {
    /// What, and how to mend it; up to the first colon nothing that strangers may not know.
    pub says: String,
    /// No token is taken any more.
    pub lapsed: bool,
}

/// The tokens of an installation.
///
/// The lock is held to look at the file's time once a second and to compare one hash.
#[derive(Debug)]
pub struct Tokens {
    path: PathBuf,
    loaded: Mutex<Loaded>,
}

impl Tokens {
    /// Opens the tokens in `path`; a file that is not there yet holds none.
    ///
    /// # Errors
    ///
    /// [`TokensError::File`] if others than its owner may read it, or it is not what we write.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, TokensError> {
        let path = path.into();
        let (tokens, stamp) = read(&path)?;
        Ok(Self {
            path,
            loaded: Mutex::new(Loaded { looked_at: None, stamp, guards: guard(&tokens), tokens, broken: None }),
        })
    }

    /// Makes a token called `name` and returns it, this once.
    ///
    /// # Errors
    ///
    /// Refuses a name that is empty, longer than 64 letters, taken or somebody else's, and the 1,001st token.
    pub fn create(&self, name: &str, role: Role, now: Timestamp) -> Result<NewToken, TokensError> {
        let name = name.trim();
        if name.is_empty() || name.chars().count() > MAX_NAME || name.chars().any(char::is_control) {
            return Err(TokensError::Name(format!("a token's name has 1 to {MAX_NAME} letters, such as `dana`")));
        }
        if name.contains('@') || name.eq_ignore_ascii_case("local") {
            return Err(TokensError::Name(format!(
                "`{name}` could be taken for somebody else: names with `@` are those of an identity provider, and \
                 `local` sits at this machine; call it `dana` or `dana-laptop`"
            )));
        }
        let mut bytes = [0_u8; 36];
        getrandom::fill(&mut bytes).map_err(|error| TokensError::Random(error.to_string()))?;
        let (id, secret) = bytes.split_at(4);
        let id = HEXLOWER.encode(id);
        let secret = BASE32_NOPAD.encode(secret).to_ascii_lowercase();
        let kept = Kept { id: id.clone(), name: name.into(), role, sha256: hash(&secret), created: now };
        self.change(|tokens| {
            if tokens.iter().any(|token| token.name == name) {
                return Err(TokensError::Name(format!(
                    "there is a token called `{name}`: choose another name, or revoke that one first"
                )));
            }
            if tokens.len() >= MAX_TOKENS {
                return Err(TokensError::Full);
            }
            tokens.push(kept);
            Ok(())
        })?;
        Ok(NewToken { token: format!("gw_{id}_{secret}"), id })
    }

    /// Returns all tokens, oldest first, as the file has them now.
    pub fn list(&self) -> Result<Vec<TokenInfo>, TokensError> {
        let (tokens, _) = read(&self.path)?;
        Ok(tokens.into_iter().map(|t| TokenInfo { id: t.id, name: t.name, role: t.role, created: t.created }).collect())
    }

    /// Takes token `id` away; returns `false` if there is none.
    pub fn revoke(&self, id: &str) -> Result<bool, TokensError> {
        let mut found = false;
        self.change(|tokens| {
            let before = tokens.len();
            tokens.retain(|token| token.id != id);
            found = tokens.len() < before;
            Ok(())
        })?;
        Ok(found)
    }

    /// Returns who shows this token; `elapsed` is how long the daemon has run.
    pub fn verify(&self, bearer: &str, elapsed: Duration) -> Option<Identity> {
        self.verify_with_id(bearer, elapsed).map(|(_, identity)| identity)
    }

    /// As [`Tokens::verify`], with the token's id, for a session that must end with its token.
    pub(super) fn verify_with_id(&self, bearer: &str, elapsed: Duration) -> Option<(String, Identity)> {
        if bearer.len() > MAX_TOKEN_BYTES {
            return None;
        }
        let (id, secret) = bearer.strip_prefix("gw_")?.split_once('_')?;
        let shown = hash(secret);
        let loaded = self.look(elapsed);
        let kept = loaded.tokens.iter().find(|token| token.id == id)?;
        let same: bool = kept.sha256.as_bytes().ct_eq(shown.as_bytes()).into();
        same.then(|| (kept.id.clone(), Identity { name: kept.name.clone(), role: kept.role }))
    }

    /// Returns whose token `id` is, as long as it is not revoked.
    pub(super) fn holder(&self, id: &str, elapsed: Duration) -> Option<Identity> {
        let loaded = self.look(elapsed);
        let kept = loaded.tokens.iter().find(|token| token.id == id)?;
        Some(Identity { name: kept.name.clone(), role: kept.role })
    }

    /// Tells whether people need a token: there is one that is not for ingest alone, the file can't be read, or it had
    /// such a one and is gone.
    pub fn guard_people(&self, elapsed: Duration) -> bool {
        let loaded = self.look(elapsed);
        loaded.broken.is_some() || loaded.guards
    }

    /// Returns what is wrong with the file, if it can't be read: a token that is not known may be in it.
    pub fn trouble(&self, elapsed: Duration) -> Option<TokensTrouble> {
        let loaded = self.look(elapsed);
        let (since, why) = loaded.broken.as_ref()?;
        let left = LAST_KNOWN.saturating_sub(elapsed.saturating_sub(*since));
        let known = match left.as_secs().div_ceil(60) {
            0 => "no token is taken until it can".to_owned(),
            minutes => format!("tokens known before are taken for {minutes} min more, new ones are not"),
        };
        Some(TokensTrouble { says: format!("the token file can't be read: {why}; {known}"), lapsed: left.is_zero() })
    }

    /// Reads the file again if it has changed since the last look, which was at least a second ago.
    fn look(&self, elapsed: Duration) -> MutexGuard<'_, Loaded> {
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        if loaded.looked_at.is_some_and(|at| elapsed.saturating_sub(at) < LOOK_EVERY) {
            return loaded;
        }
        loaded.looked_at = Some(elapsed);
        let present = stamp(&self.path);
        if loaded.broken.is_some() || present != loaded.stamp {
            match read(&self.path) {
                Ok((tokens, stamp)) => {
                    let guards = guard(&tokens) || loaded.guards && stamp.is_none();
                    *loaded = Loaded { looked_at: Some(elapsed), stamp, tokens, broken: None, guards };
                }
                Err(why) => {
                    let since = loaded.broken.as_ref().map_or(elapsed, |(since, _)| *since);
                    if elapsed.saturating_sub(since) >= LAST_KNOWN {
                        loaded.tokens.clear();
                    }
                    loaded.stamp = present;
                    loaded.broken = Some((since, why.to_string()));
                }
            }
        }
        loaded
    }

    /// Reads, changes and replaces the file under a lock that other processes respect.
    fn change(&self, how: impl FnOnce(&mut Vec<Kept>) -> Result<(), TokensError>) -> Result<(), TokensError> {
        let failed = |error: std::io::Error| problem(&self.path, format!("can't be written: {error}"));
        let lock = lock_file(&self.path.with_extension("lock")).map_err(failed)?;
        lock.lock().map_err(failed)?;
        crate::owner::keep(&lock, &self.path).map_err(failed)?;
        let (mut tokens, _) = read(&self.path)?;
        how(&mut tokens)?;
        write(&self.path, &TokensFile { tokens: tokens.clone() }).map_err(failed)?;
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        *loaded = Loaded { looked_at: None, stamp: stamp(&self.path), guards: guard(&tokens), tokens, broken: None };
        Ok(())
    }
}

fn hash(secret: &str) -> String {
    HEXLOWER.encode(&Sha256::digest(secret.as_bytes()))
}

fn stamp(path: &Path) -> Option<Stamp> {
    let meta = fs::metadata(path).ok()?;
    // Of the change, not of the writing: another owner or mode is one too.
    Some((meta.ino(), meta.ctime(), meta.ctime_nsec(), meta.len()))
}

fn problem(path: &Path, problem: impl Into<String>) -> TokensError {
    TokensError::File { path: path.into(), problem: problem.into() }
}

fn read(path: &Path) -> Result<(Vec<Kept>, Option<Stamp>), TokensError> {
    let stamp = stamp(path);
    let meta = match fs::metadata(path) {
        Ok(meta) => meta,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok((Vec::new(), None)),
        Err(error) => return Err(problem(path, format!("can't be read: {error}"))),
    };
    if meta.permissions().mode() & 0o077 != 0 {
        return Err(problem(path, format!("others may read it: run `chmod 600 {}`", path.display())));
    }
    let bytes = fs::read(path).map_err(|error| {
        let mend = crate::owner::told(path).filter(|_| error.kind() == std::io::ErrorKind::PermissionDenied);
        problem(path, mend.unwrap_or_else(|| format!("can't be read: {error}")))
    })?;
    let file: TokensFile = serde_json::from_slice(&bytes).map_err(|error| {
        problem(
            path,
            format!("is not a token file ({error}): restore it from a backup, or delete it and make new tokens"),
        )
    })?;
    Ok((file.tokens, stamp))
}

/// Opens what one process at a time holds. A link is not followed: the folder may be somebody else's than root's.
fn lock_file(path: &Path) -> std::io::Result<File> {
    let no_link = rustix::fs::OFlags::NOFOLLOW.bits().cast_signed();
    OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).custom_flags(no_link).open(path)
}

/// Makes a file that was not there, whatever a crash has left under its name.
fn fresh(path: &Path) -> std::io::Result<File> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    OpenOptions::new().create_new(true).write(true).mode(0o600).open(path)
}

/// Writes beside the file, then renames over it: a reader sees the old or the new one, whole.
fn write(path: &Path, file: &TokensFile) -> std::io::Result<()> {
    let beside = path.with_extension("new");
    let mut out = fresh(&beside)?;
    out.write_all(&serde_json::to_vec_pretty(file)?)?;
    out.sync_all()?;
    if let Err(error) = crate::owner::keep(&out, path) {
        fs::remove_file(&beside)?;
        return Err(error);
    }
    fs::rename(&beside, path)?;
    if let Some(folder) = path.parent() {
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_795_442_400);

    fn in_folder() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tokens.json");
        (folder, path)
    }

    fn seconds(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    #[test]
    fn a_token_says_who_shows_it_until_it_is_revoked() {
        let (_folder, path) = in_folder();
        let tokens = Tokens::open(&path).unwrap();
        let made = tokens.create("dana", Role::Operator, NOW).unwrap();
        let dana = Identity { name: "dana".into(), role: Role::Operator };
        assert_eq!(tokens.verify(&made.token, seconds(0)), Some(dana));
        assert!(tokens.revoke(&made.id).unwrap());
        assert!(!tokens.revoke(&made.id).unwrap());
        assert_eq!(tokens.verify(&made.token, seconds(0)), None);
    }

    #[test]
    fn a_wrong_or_malformed_token_is_nobodys() {
        let (_folder, path) = in_folder();
        let tokens = Tokens::open(&path).unwrap();
        let made = tokens.create("dana", Role::Viewer, NOW).unwrap();
        let huge = "gw_".repeat(1_000_000);
        for wrong in ["", "gw_", "gw__", "gw_é_é", &made.token[..made.token.len() - 1], &made.token[3..], &huge] {
            assert_eq!(tokens.verify(wrong, seconds(0)), None, "{wrong:.20}");
        }
    }

    #[test]
    fn the_file_holds_no_secret_and_is_its_owners_alone() {
        let (_folder, path) = in_folder();
        let tokens = Tokens::open(&path).unwrap();
        let made = tokens.create("dana", Role::Viewer, NOW).unwrap();
        let secret = made.token.rsplit_once('_').unwrap().1;
        assert!(!fs::read_to_string(&path).unwrap().contains(secret));
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(made.token.len(), "gw_".len() + 8 + 1 + 52);
    }

    #[test]
    fn a_running_daemon_sees_what_the_command_changed_within_a_second() {
        let (_folder, path) = in_folder();
        let daemon = Tokens::open(&path).unwrap();
        assert!(!daemon.guard_people(seconds(10)));
        let command = Tokens::open(&path).unwrap();
        let made = command.create("dana", Role::Admin, NOW).unwrap();
        assert_eq!(daemon.verify(&made.token, Duration::from_millis(10_900)), None);
        assert!(daemon.verify(&made.token, seconds(11)).is_some());
        assert!(daemon.guard_people(seconds(11)));
        command.revoke(&made.id).unwrap();
        assert!(daemon.verify(&made.token, seconds(12)).is_none());
    }

    #[test]
    fn tokens_for_ingest_alone_leave_the_pages_to_the_local_operator() {
        let (_folder, path) = in_folder();
        let tokens = Tokens::open(&path).unwrap();
        tokens.create("shipper", Role::Ingest, NOW).unwrap();
        assert!(!tokens.guard_people(seconds(0)));
    }

    #[test]
    fn a_file_that_breaks_under_a_running_daemon_is_told_and_known_tokens_are_taken_for_an_hour_and_no_longer() {
        let (_folder, path) = in_folder();
        let tokens = Tokens::open(&path).unwrap();
        let made = tokens.create("dana", Role::Admin, NOW).unwrap();
        let other = tokens.create("eve", Role::Admin, NOW).unwrap();
        assert_eq!(tokens.trouble(seconds(4)), None);
        fs::write(&path, "{").unwrap();
        assert!(tokens.verify(&made.token, seconds(5)).is_some());
        let trouble = tokens.trouble(seconds(65)).unwrap();
        assert!(trouble.says.starts_with("the token file can't be read: ") && !trouble.lapsed, "{trouble:?}");
        assert!(
            trouble.says.ends_with("tokens known before are taken for 59 min more, new ones are not"),
            "{trouble:?}"
        );
        assert_eq!(tokens.verify(&made.token, seconds(3605)), None);
        assert!(tokens.trouble(seconds(3605)).unwrap().lapsed);
        assert!(tokens.guard_people(seconds(3605)), "nobody is let in for want of a file");
        let whole = TokensFile { tokens: vec![] };
        write(&path, &whole).unwrap();
        assert_eq!(tokens.trouble(seconds(3607)), None);
        assert_eq!(tokens.verify(&other.token, seconds(3607)), None, "what the file says counts again at once");
    }

    #[test]
    fn a_file_that_others_may_read_from_now_on_is_told_under_a_running_daemon_too() {
        let (_folder, path) = in_folder();
        Tokens::open(&path).unwrap().create("dana", Role::Admin, NOW).unwrap();
        let tokens = Tokens::open(&path).unwrap();
        assert_eq!(tokens.trouble(seconds(4)), None);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(tokens.trouble(seconds(5)).unwrap().says.contains("chmod 600"));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        assert_eq!(tokens.trouble(seconds(6)), None);
    }

    #[test]
    fn what_root_changes_the_daemon_s_user_can_still_read() {
        use std::os::unix::fs::chown;
        let (folder, path) = in_folder();
        let tokens = Tokens::open(&path).unwrap();
        let made = tokens.create("dana", Role::Admin, NOW).unwrap();
        if [folder.path(), &path].iter().any(|path| chown(path, Some(54_321), Some(54_321)).is_err()) {
            return; // Only root gives files away.
        }
        tokens.create("eve", Role::Viewer, NOW).unwrap();
        tokens.revoke(&made.id).unwrap();
        for name in ["tokens.json", "tokens.lock"] {
            let meta = fs::metadata(folder.path().join(name)).unwrap();
            assert_eq!((meta.uid(), meta.gid(), meta.mode() & 0o777), (54_321, 54_321, 0o600), "{name}");
        }
    }

    #[test]
    fn no_link_that_somebody_has_put_there_is_written_through() {
        let (folder, path) = in_folder();
        let victim = folder.path().join("victim");
        fs::write(&victim, "whole").unwrap();
        std::os::unix::fs::symlink(&victim, path.with_extension("new")).unwrap();
        Tokens::open(&path).unwrap().create("dana", Role::Admin, NOW).unwrap();
        std::os::unix::fs::symlink(&victim, folder.path().join("other.lock")).unwrap();
        let refused = Tokens::open(folder.path().join("other.json")).unwrap().create("dana", Role::Admin, NOW);
        assert!(matches!(refused, Err(TokensError::File { .. })));
        assert_eq!(fs::read_to_string(&victim).unwrap(), "whole");
    }

    #[test]
    fn a_file_that_others_may_read_is_refused_with_the_mend() {
        let (_folder, path) = in_folder();
        Tokens::open(&path).unwrap().create("dana", Role::Admin, NOW).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(Tokens::open(&path).unwrap_err().to_string().contains("chmod 600"));
    }

    #[test]
    fn no_token_is_called_as_somebody_else_is() {
        let (_folder, path) = in_folder();
        let tokens = Tokens::open(&path).unwrap();
        for name in ["dana@contoso.example", "@", "local", "LOCAL"] {
            let says = tokens.create(name, Role::Admin, NOW).unwrap_err().to_string();
            assert!(says.contains("somebody else"), "{says}");
        }
        assert!(tokens.create("localhost", Role::Viewer, NOW).is_ok());
    }

    #[test]
    fn a_name_is_taken_once() {
        let (_folder, path) = in_folder();
        let tokens = Tokens::open(&path).unwrap();
        tokens.create("dana", Role::Viewer, NOW).unwrap();
        assert!(matches!(tokens.create(" dana ", Role::Viewer, NOW), Err(TokensError::Name(_))));
        assert!(matches!(tokens.create("", Role::Viewer, NOW), Err(TokensError::Name(_))));
        assert_eq!(tokens.list().unwrap().len(), 1);
    }
}
