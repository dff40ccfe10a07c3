//! The hidden folder beside a target in which an engine writes.
//!
//! Its name is `.NAME.scaletune-RANDOM`; what a killed run left behind is cleared away by the next run for the same
//! target, as [`Scratch`] does.

use crate::scratch::{Leftover, Scratch, leftovers_in};
use sha2::{Digest, Sha256};
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

const INFIX: &str = ".scaletune-";
const OWN: &str = "own";

/// A staging folder; dropping it removes it with all that is left in it.
#[derive(Debug)]
pub struct Staging(Scratch);

impl Staging {
    /// A staging folder in `parent` for the target `name`; abandoned ones for the same target are removed first.
    ///
    /// # Errors
    /// The folder can't be made.
    pub fn beside(parent: &Path, name: &OsStr) -> io::Result<Staging> {
        let mut prefix = OsStr::new(".").to_os_string();
        prefix.push(shortened(name));
        prefix.push(INFIX);
        let scratch = Scratch::new_in(parent, &prefix)?;
        std::fs::create_dir(scratch.around().join(OWN))?;
        Ok(Staging(scratch))
    }

    /// Where the engine writes: an existing, empty folder.
    pub fn files(&self) -> PathBuf {
        self.0.path().to_path_buf()
    }

    /// What lies beside [`Staging::files`] and is none of ours: written by an engine that left its folder.
    ///
    /// # Errors
    /// The folder can't be read.
    pub fn strays(&self) -> io::Result<Vec<String>> {
        self.0.strays(&[OWN])
    }

    /// A path apart from [`Staging::files`] for what the harness itself prepares.
    pub fn own(&self, name: &str) -> PathBuf {
        self.0.around().join(OWN).join(name)
    }
}

/// A name that leaves room for what is put around it. A long one ends in a digest, so that each target keeps a name of
/// its own.
fn shortened(name: &OsStr) -> OsString {
    const MOST: usize = 160;
    let bytes = name.as_bytes();
    if bytes.len() <= MOST {
        return name.to_os_string();
    }
    let digest = Sha256::digest(bytes);
    let digest: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    let mut short = OsStr::from_bytes(&bytes[..MOST]).to_os_string();
    short.push(digest);
    short
}

/// The staging folders in `parent`, sorted; nothing is changed.
///
/// # Errors
/// `parent` can't be listed.
pub fn leftovers(parent: &Path) -> io::Result<Vec<Leftover>> {
    leftovers_in(parent, |name| name.starts_with('.') && name.contains(INFIX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_dead_of_one_target_are_not_those_of_another() {
        let parent = tempfile::tempdir().unwrap();
        let dead = |name: &str| {
            let folder = parent.path().join(name);
            std::fs::create_dir(&folder).unwrap();
            folder
        };
        let (same, other, plain) = (dead(".a.tsv.scaletune-1"), dead(".b.tsv.scaletune-1"), dead("a.tsv.scaletune-1"));
        let found: Vec<_> = leftovers(parent.path()).unwrap().into_iter().map(|it| (it.path, it.in_use)).collect();
        assert_eq!(found, [(same.clone(), Some(false)), (other.clone(), Some(false))]);
        let staging = Staging::beside(parent.path(), OsStr::new("a.tsv")).unwrap();
        assert!(!same.exists() && other.exists() && plain.exists());
        assert_eq!(staging.strays().unwrap(), [""; 0]);
        std::fs::write(staging.files().join("../stray"), "").unwrap();
        std::fs::write(staging.own("manifest"), "").unwrap();
        assert_eq!(staging.strays().unwrap(), ["stray"]);
    }
}
