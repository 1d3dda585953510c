//! Whose is a file that takes another's place?
//!
//! The other's still: what root changes at a terminal, a daemon with a user of its own must go on reading.
//! Where it can't be given to its owner nothing is changed, and the error says who could. Nothing is kept.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{MetadataExt as _, fchown};
use std::path::Path;

/// Gives `new` to the owner and the group of what it is to take the place of, else of the folder that it is put into.
///
/// # Errors
///
/// If it belongs to somebody else and can't be given to them: says as whom to do it. What has a second name is left alone,
/// for that may be anybody's file.
pub fn keep(new: &File, place: &Path) -> io::Result<()> {
    let is_root = rustix::process::geteuid().is_root();
    let before = match fs::metadata(place) {
        // In a folder that is only written to, as by its group, what is new is its writer's.
        Err(error) if error.kind() == io::ErrorKind::NotFound && !is_root => return Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => fs::metadata(folder_of(place))?,
        // Left to root by mistake: the folder says whose it is.
        found => Some(found?)
            .filter(|file| !is_root || file.uid() != 0)
            .map_or_else(|| fs::metadata(folder_of(place)), Ok)?,
    };
    let ours = new.metadata()?;
    if (ours.uid(), ours.gid()) == (before.uid(), before.gid()) {
        return Ok(());
    }
    if !ours.is_file() || ours.nlink() != 1 {
        return Err(io::Error::other(
            "what is to be written has another name too, or is no file: look at who put it there",
        ));
    }
    let given = fchown(new, Some(before.uid()), Some(before.gid()));
    // Of what its owner alone reads, the group says nothing.
    if given.is_err() && ours.uid() == before.uid() {
        return Ok(());
    }
    given.map_err(|error| {
        let (whose, who) = (user(before.uid()), user(ours.uid()));
        io::Error::new(
            error.kind(),
            format!("it belongs to {whose} and {who} can't write it for them ({error}): run this as {whose}"),
        )
    })
}

/// Says whose the file at `path` is, if it is not ours: why we may not read it, and what mends that.
pub fn told(path: &Path) -> Option<String> {
    let (there, own) = (fs::metadata(path).ok()?.uid(), rustix::process::geteuid().as_raw());
    if there == own {
        return None;
    }
    let (whose, who) = (user(there), user(own));
    Some(format!("it belongs to {whose} and this runs as {who}: run `chown {own} {}`", path.display()))
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Returns how people call a user: by name where the machine knows it.
fn user(uid: u32) -> String {
    let known = fs::read_to_string("/etc/passwd").unwrap_or_default();
    named(&known, uid).map_or_else(|| format!("user {uid}"), |name| format!("{name} (user {uid})"))
}

fn named(known: &str, uid: u32) -> Option<&str> {
    let uid = uid.to_string();
    known.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)? == uid).then_some(name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Somebody who is not the one that runs tests.
    const OTHER: u32 = 54_321;

    #[test]
    fn a_user_is_called_by_name_where_the_machine_knows_it() {
        let known = "root:x:0:0::/root:/bin/sh\ngatewatch:x:998:997::/:/bin/false\n";
        assert_eq!((named(known, 998), named(known, 99)), (Some("gatewatch"), None));
    }

    #[test]
    fn a_file_that_takes_another_s_place_belongs_to_the_same_owner() {
        let folder = tempfile::tempdir().unwrap();
        let (old, new) = (folder.path().join("old"), folder.path().join("new"));
        fs::write(&old, "").unwrap();
        let file = File::create(&new).unwrap();
        keep(&file, &old).unwrap();
        if std::os::unix::fs::chown(&old, Some(OTHER), Some(OTHER)).is_err() {
            return; // Only root gives files away.
        }
        keep(&file, &old).unwrap();
        let now = fs::metadata(&new).unwrap();
        assert_eq!((now.uid(), now.gid()), (OTHER, OTHER));
        let says = told(&old).unwrap();
        assert!(says.contains("it belongs to user 54321") && says.contains("chown 0 "), "{says}");
    }

    #[test]
    fn a_file_in_a_new_place_belongs_to_whose_the_folder_is() {
        let folder = tempfile::tempdir().unwrap();
        let file = File::create(folder.path().join("new")).unwrap();
        if std::os::unix::fs::chown(folder.path(), Some(OTHER), None).is_err() {
            return;
        }
        keep(&file, &folder.path().join("none")).unwrap();
        assert_eq!(file.metadata().unwrap().uid(), OTHER);
    }

    #[test]
    fn what_has_another_name_is_given_to_nobody() {
        let folder = tempfile::tempdir().unwrap();
        let (old, new) = (folder.path().join("old"), folder.path().join("new"));
        fs::write(&old, "").unwrap();
        let file = File::create(&new).unwrap();
        fs::hard_link(&new, folder.path().join("another")).unwrap();
        if std::os::unix::fs::chown(&old, Some(OTHER), None).is_err() {
            return;
        }
        assert!(keep(&file, &old).unwrap_err().to_string().contains("another name"));
    }
}
