//! Folders for work in progress, each with a lock that says that its owner lives.
//!
//! Whoever ends well removes its own; what a killed process left behind has no owner any more and is cleared away by the
//! next one that makes a folder of that name. Leaves out what is put in them.

use rustix::fs::{FlockOperation, flock};
use serde::Serialize;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

const LOCK: &str = "lock";
const FILES: &str = "files";
/// How the names of those in the system's temporary folder begin.
const PREFIX: &str = "scaletune-work-";

/// Why there is no folder for work in progress.
#[derive(Debug, thiserror::Error)]
#[error("temporary folder {}: {source}; set TMPDIR to a folder that can be written", .path.display())]
pub struct NoScratch {
    path: PathBuf,
    source: io::Error,
}

impl From<NoScratch> for io::Error {
    fn from(error: NoScratch) -> io::Error {
        io::Error::new(error.source.kind(), error.to_string())
    }
}

/// A folder that this process holds; dropping it removes it with all that is left in it.
#[derive(Debug)]
pub struct Scratch {
    folder: tempfile::TempDir,
    files: PathBuf,
    _lock: File,
}

impl Scratch {
    /// One in the system's temporary folder.
    ///
    /// # Errors
    /// The folder can't be made.
    pub fn new() -> Result<Scratch, NoScratch> {
        let path = std::env::temp_dir();
        let made = std::path::absolute(&path).and_then(|folder| Scratch::new_in(&folder, PREFIX.as_ref()));
        made.map_err(|source| NoScratch { path, source })
    }

    /// One in `parent` whose name begins with `prefix`; abandoned ones called so are removed first.
    ///
    /// # Errors
    /// The folder can't be made.
    pub fn new_in(parent: &Path, prefix: &OsStr) -> io::Result<Scratch> {
        clear_abandoned(parent, prefix)?;
        loop {
            let folder = tempfile::Builder::new().prefix(prefix).tempdir_in(parent)?;
            // Another process that clears up may have been faster between making and locking: try again then.
            if let Some(lock) = try_lock(folder.path())?
                && folder.path().join(LOCK).exists()
            {
                let files = folder.path().join(FILES);
                fs::create_dir(&files)?;
                return Ok(Scratch { folder, files, _lock: lock });
            }
        }
    }

    /// Where files go: existing, and empty at first.
    pub fn path(&self) -> &Path {
        &self.files
    }

    /// The folder around [`Scratch::path`]; nothing there is for others to read.
    pub fn around(&self) -> &Path {
        self.folder.path()
    }

    /// What lies in [`Scratch::around`] and is none of ours nor of `known`.
    ///
    /// # Errors
    /// The folder can't be read.
    pub fn strays(&self, known: &[&str]) -> io::Result<Vec<String>> {
        let names = fs::read_dir(self.folder.path())?
            .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
            .collect::<io::Result<Vec<_>>>()?;
        let ours = |name: &String| name == LOCK || name == FILES || known.contains(&name.as_str());
        Ok(names.into_iter().filter(|name| !ours(name)).collect())
    }
}

/// A folder that is there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Leftover {
    /// The folder.
    pub path: PathBuf,
    /// Its owner is at work. False: its owner was killed, and the next one that makes such a folder clears it away. None:
    /// not known, since it is another user's.
    pub in_use: Option<bool>,
}

/// Those in the system's temporary folder, sorted; nothing is changed.
///
/// # Errors
/// That folder can't be listed.
pub fn leftovers() -> io::Result<Vec<Leftover>> {
    leftovers_in(&std::env::temp_dir(), |name| name.starts_with(PREFIX))
}

/// The folders in `parent` whose names are such, sorted; nothing is changed.
///
/// # Errors
/// `parent` can't be listed.
pub fn leftovers_in(parent: &Path, is_one: impl Fn(&str) -> bool) -> io::Result<Vec<Leftover>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(parent)? {
        let entry = entry?;
        if !(is_one(&entry.file_name().to_string_lossy()) && entry.file_type()?.is_dir()) {
            continue;
        }
        let in_use = match File::open(entry.path().join(LOCK)) {
            Ok(lock) => Some(flock(&lock, FlockOperation::NonBlockingLockShared) == Err(rustix::io::Errno::WOULDBLOCK)),
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => None,
            // Killed before it had a lock.
            Err(_) => Some(false),
        };
        found.push(Leftover { path: entry.path(), in_use });
    }
    found.sort_by(|left, right| left.path.cmp(&right.path));
    Ok(found)
}

/// Takes the lock of a folder; none where its owner lives or it has just been removed.
fn try_lock(folder: &Path) -> io::Result<Option<File>> {
    // Not through a link, which somebody may have laid in a folder for all.
    let flags = rustix::fs::OFlags::NOFOLLOW.bits() as i32;
    let lock = match File::options().create(true).append(true).custom_flags(flags).open(folder.join(LOCK)) {
        Ok(lock) => lock,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    match flock(&lock, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(Some(lock)),
        Err(rustix::io::Errno::WOULDBLOCK) => Ok(None),
        // A file system without locks can't tell the living from the dead: leave what is there.
        Err(rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::NOLCK | rustix::io::Errno::INVAL) => Ok(Some(lock)),
        Err(error) => Err(error.into()),
    }
}

/// Removes this user's folders that have no owner any more.
fn clear_abandoned(parent: &Path, prefix: &OsStr) -> io::Result<()> {
    for entry in fs::read_dir(parent)? {
        let entry = entry?;
        if !entry.file_name().as_encoded_bytes().starts_with(prefix.as_encoded_bytes()) {
            continue;
        }
        // In a folder for all others may come and go, or be called like ours.
        let Ok(metadata) = entry.metadata() else { continue };
        if !metadata.is_dir() || metadata.uid() != rustix::process::geteuid().as_raw() {
            continue;
        }
        let folder = entry.path();
        let Ok(Some(lock)) = try_lock(&folder) else { continue };
        // Only where locks work does holding one mean that nobody else does.
        let exclusive = File::open(folder.join(LOCK)).is_ok_and(|other| {
            flock(&other, FlockOperation::NonBlockingLockExclusive) == Err(rustix::io::Errno::WOULDBLOCK)
        });
        if exclusive {
            // What can't be removed stays, and is shown by `leftovers`: no reason to do without a folder.
            drop(fs::remove_dir_all(&folder));
        }
        drop(lock);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_living_owner_keeps_its_folder_and_a_dead_one_does_not() {
        let parent = tempfile::tempdir().unwrap();
        let prefix = OsStr::new("work-");
        let living = Scratch::new_in(parent.path(), prefix).unwrap();
        fs::write(living.path().join("half"), "x").unwrap();
        let abandoned = parent.path().join("work-dead");
        fs::create_dir_all(abandoned.join(FILES)).unwrap();
        let unrelated = parent.path().join("other-dead");
        fs::create_dir_all(&unrelated).unwrap();

        let told = leftovers_in(parent.path(), |name| name.contains('-')).unwrap();
        let told: Vec<_> = told.iter().map(|it| (it.path.as_path(), it.in_use)).collect();
        assert_eq!(told.len(), 3);
        assert!(told.contains(&(living.around(), Some(true))));
        assert!(told.contains(&(&abandoned, Some(false))) && told.contains(&(&unrelated, Some(false))));

        let second = Scratch::new_in(parent.path(), prefix).unwrap();
        assert!(living.path().join("half").exists() && unrelated.exists());
        assert!(!abandoned.exists());
        let (first, second_folder) = (living.around().to_path_buf(), second.around().to_path_buf());
        drop((living, second));
        assert!(!first.exists() && !second_folder.exists());
    }

    #[test]
    fn a_link_in_the_place_of_the_lock_is_not_followed() {
        let parent = tempfile::tempdir().unwrap();
        let trap = parent.path().join("work-trap");
        fs::create_dir(&trap).unwrap();
        let victim = parent.path().join("victim");
        std::os::unix::fs::symlink(&victim, trap.join(LOCK)).unwrap();
        let _own = Scratch::new_in(parent.path(), OsStr::new("work-")).unwrap();
        assert!(trap.exists() && !victim.exists());
    }
}
