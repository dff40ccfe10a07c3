//! Which build of a plugin it is: the digest of its file, and whether that file is still there.
//!
//! Version and build in a descriptor are what an author wrote; a file that was compiled anew may say the same. Libraries
//! that a plugin is linked to are not looked at.

use crate::publish::figures;
use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// How many digits of a digest are shown to a person.
const SHOWN: usize = 12;

/// A plugin's file, as it was when it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PluginFile {
    path: PathBuf,
    sha256: String,
    stamp: Stamp,
}

/// What changes with a file, and costs nothing to ask: device, inode, bytes, seconds and nanoseconds of the last change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp(u64, u64, u64, i64, i64);

impl Stamp {
    /// That of the file at `path`.
    pub(super) fn read(path: &Path) -> io::Result<Stamp> {
        std::fs::metadata(path).map(|metadata| Stamp::of(&metadata))
    }

    fn of(metadata: &Metadata) -> Stamp {
        Stamp(metadata.dev(), metadata.ino(), metadata.len(), metadata.mtime(), metadata.mtime_nsec())
    }
}

impl PluginFile {
    /// Reads the file at `path`.
    ///
    /// # Errors
    /// It can't be read.
    pub fn read(path: &Path) -> io::Result<PluginFile> {
        // Before the reading: a file that is replaced meanwhile then differs from its stamp.
        let stamp = Stamp::read(path)?;
        let sha256 = figures(path, "")?.sha256;
        Ok(PluginFile { path: path.into(), sha256, stamp })
    }

    /// Whether it is the file that had this stamp.
    pub(super) fn is(&self, stamp: Stamp) -> bool {
        self.stamp == stamp
    }

    /// SHA-256 of its content, as `sha256sum` prints it.
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    /// Whether the path still holds the same content. The content is read again only where the file was touched.
    ///
    /// # Errors
    /// In words that name both: it holds another, or can't be read any more.
    pub fn check_unchanged(&self) -> Result<(), String> {
        let path = self.path.display();
        let gone = |error: io::Error| format!("the plugin {path} was removed meanwhile: {error}");
        if Stamp::read(&self.path).map_err(gone)? == self.stamp {
            return Ok(());
        }
        let now = PluginFile::read(&self.path).map_err(gone)?;
        if now.sha256 == self.sha256 {
            return Ok(());
        }
        Err(format!(
            "the plugin {path} was replaced meanwhile: sha256 {} before, {} now",
            short(&self.sha256),
            short(&now.sha256)
        ))
    }
}

/// The beginning of a digest: enough for a person to tell two builds apart.
pub fn short(sha256: &str) -> &str {
    sha256.get(..SHOWN).unwrap_or(sha256)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_replaced_is_seen_and_a_copy_of_it_is_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("libscaletune_a.so");
        std::fs::write(&path, "abc").unwrap();
        let file = PluginFile::read(&path).unwrap();
        assert_eq!(file.sha256(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!(file.check_unchanged(), Ok(()));
        // The same content under another inode, as a second `make install` leaves it.
        let again = folder.path().join("again");
        std::fs::write(&again, "abc").unwrap();
        std::fs::rename(&again, &path).unwrap();
        assert_eq!(file.check_unchanged(), Ok(()));

        std::fs::write(&again, "abd").unwrap();
        std::fs::rename(&again, &path).unwrap();
        let fault = file.check_unchanged().unwrap_err();
        assert!(fault.contains("libscaletune_a.so was replaced meanwhile: sha256 ba7816bf8f01 before, "), "{fault}");
        std::fs::remove_file(&path).unwrap();
        assert!(file.check_unchanged().unwrap_err().contains("was removed meanwhile"));
        assert!(PluginFile::read(&path).is_err());
    }

    #[test]
    fn what_is_shown_of_a_digest_is_its_beginning() {
        assert_eq!(short("0123456789abcdef"), "0123456789ab");
        // A document may hold anything.
        assert_eq!((short("abc"), short("äöüäöüäöü"), short("")), ("abc", "äöüäöü", ""));
    }
}
