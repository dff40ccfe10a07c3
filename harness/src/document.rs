//! Files that are written whole or not at all, and what can go wrong with those that are read.
//!
//! Left out: what stands in them, and the outputs of runs, which come from a staging folder (`crate::publish`).
#![forbid(unsafe_code)]

mod seconds;

pub(crate) use seconds::{check_ratio, check_spent, check_time};

use std::io::Write;
use std::path::{Path, PathBuf};

/// Why a document can't be read or written.
#[derive(Debug, thiserror::Error)]
pub enum DocumentError {
    /// The system refuses.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The file holds something else.
    #[error("{}: {fault}", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong, and the remedy.
        fault: String,
    },
}

impl DocumentError {
    /// What the system says of this file.
    pub(crate) fn io(path: &Path) -> impl FnOnce(std::io::Error) -> DocumentError {
        move |source| DocumentError::Io { path: path.into(), source }
    }

    /// What is wrong with what stands in this file.
    pub(crate) fn content(path: &Path, fault: impl Into<String>) -> DocumentError {
        DocumentError::Content { path: path.into(), fault: fault.into() }
    }
}

/// Writes a file in one step as far as any reader can see.
///
/// # Errors
/// The file can't be written.
pub fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), DocumentError> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o666);
    let write = || {
        let mut file = tempfile::Builder::new().prefix(".scaletune-document-").permissions(mode).tempfile_in(folder)?;
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        file.persist(path)?;
        Ok(())
    };
    write().map_err(DocumentError::io(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_whole_and_faults_name_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.json");
        for bytes in [b"longer".as_slice(), b"new"] {
            write_whole(&path, bytes).unwrap();
            assert_eq!(std::fs::read(&path).unwrap(), bytes);
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
        let error = write_whole(&folder.path().join("absent/a.json"), b"").unwrap_err().to_string();
        assert!(error.contains("absent/a.json: "), "{error}");
    }
}
