//! The hidden folder beside a target in which an engine writes.
//!
//! Its name is `.NAME.scaletune-RANDOM`; a lock on a file in it says that its owner lives. What a killed run left behind
//! has no owner any more and is cleared away by the next run for the same target.

use rustix::fs::{FlockOperation, flock};
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

const INFIX: &str = ".scaletune-";
const LOCK: &str = "lock";
const FILES: &str = "files";
const OWN: &str = "own";

/// A staging folder; dropping it removes it with all that is left in it.
#[derive(Debug)]
pub struct Staging {
    folder: tempfile::TempDir,
    _lock: File,
}

impl Staging {
    /// A staging folder in `parent` for the target `name`; abandoned ones for the same target are removed first.
    ///
    /// # Errors
    /// The folder can't be made.
    pub fn beside(parent: &Path, name: &OsStr) -> io::Result<Staging> {
        let mut prefix = OsStr::new(".").to_os_string();
        prefix.push(name);
        prefix.push(INFIX);
        clear_abandoned(parent, &prefix)?;
        loop {
            let folder = tempfile::Builder::new().prefix(&prefix).tempdir_in(parent)?;
            // Another run that clears up may have been faster between making and locking: try again then.
            if let Some(lock) = try_lock(folder.path())?
                && folder.path().join(LOCK).exists()
            {
                fs::create_dir(folder.path().join(FILES))?;
                fs::create_dir(folder.path().join(OWN))?;
                return Ok(Staging { folder, _lock: lock });
            }
        }
    }

    /// Where the engine writes: an existing, empty folder.
    pub fn files(&self) -> PathBuf {
        self.folder.path().join(FILES)
    }

    /// What lies beside [`Staging::files`] and is none of ours: written by an engine that left its folder.
    ///
    /// # Errors
    /// The folder can't be read.
    pub fn strays(&self) -> io::Result<Vec<String>> {
        let names = fs::read_dir(self.folder.path())?
            .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
            .collect::<io::Result<Vec<_>>>()?;
        let ours = |name: &String| name == LOCK || name == FILES || name == OWN;
        Ok(names.into_iter().filter(|name| !ours(name)).collect())
    }

    /// A path apart from [`Staging::files`] for what the harness itself prepares.
    pub fn own(&self, name: &str) -> PathBuf {
        self.folder.path().join(OWN).join(name)
    }
}

/// Takes the lock of a staging folder; none where its owner lives or it has just been removed.
fn try_lock(folder: &Path) -> io::Result<Option<File>> {
    let lock = match File::options().create(true).append(true).open(folder.join(LOCK)) {
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

/// A staging folder that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leftover {
    /// The folder.
    pub path: PathBuf,
    /// A run is at work in it. False: its run was killed, and the next run for the same target clears it away.
    pub in_use: bool,
}

/// The staging folders in `parent`, sorted; nothing is changed.
///
/// # Errors
/// `parent` can't be listed.
pub fn leftovers(parent: &Path) -> io::Result<Vec<Leftover>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(parent)? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if !(name.starts_with('.') && name.contains(INFIX) && entry.file_type()?.is_dir()) {
            continue;
        }
        // No lock file: killed before it was made.
        let in_use = File::open(entry.path().join(LOCK)).is_ok_and(|lock| {
            flock(&lock, FlockOperation::NonBlockingLockShared) == Err(rustix::io::Errno::WOULDBLOCK)
        });
        found.push(Leftover { path: entry.path(), in_use });
    }
    found.sort_by(|left, right| left.path.cmp(&right.path));
    Ok(found)
}

fn clear_abandoned(parent: &Path, prefix: &OsStr) -> io::Result<()> {
    for entry in fs::read_dir(parent)? {
        let entry = entry?;
        let ours = entry.file_name().as_encoded_bytes().starts_with(prefix.as_encoded_bytes());
        if !ours || !entry.file_type()?.is_dir() {
            continue;
        }
        let folder = entry.path();
        let Ok(Some(lock)) = try_lock(&folder) else { continue };
        // Only where locks work does holding one mean that nobody else does.
        let exclusive = File::open(folder.join(LOCK)).is_ok_and(|other| {
            flock(&other, FlockOperation::NonBlockingLockExclusive) == Err(rustix::io::Errno::WOULDBLOCK)
        });
        if exclusive {
            fs::remove_dir_all(&folder)?;
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
        let name = OsStr::new("counts.tsv");
        let living = Staging::beside(parent.path(), name).unwrap();
        std::fs::write(living.files().join("half"), "x").unwrap();
        let abandoned = parent.path().join(".counts.tsv.scaletune-dead");
        fs::create_dir_all(abandoned.join(FILES)).unwrap();
        let unrelated = parent.path().join(".other.tsv.scaletune-dead");
        fs::create_dir_all(&unrelated).unwrap();

        let told = leftovers(parent.path()).unwrap();
        let told: Vec<_> = told.iter().map(|it| (it.path.as_path(), it.in_use)).collect();
        let own = living.files();
        let own = own.parent().unwrap();
        assert_eq!(told.len(), 3);
        assert!(
            told.contains(&(own, true)) && told.contains(&(&abandoned, false)) && told.contains(&(&unrelated, false))
        );

        let second = Staging::beside(parent.path(), name).unwrap();
        assert!(living.files().join("half").exists());
        assert!(!abandoned.exists());
        assert!(unrelated.exists());
        let (first, second_folder) = (living.files(), second.files());
        drop((living, second));
        assert!(!first.exists() && !second_folder.exists());
    }
}
