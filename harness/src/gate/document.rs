//! Files that are written whole or not at all, and what can go wrong with those that are read.

use std::io::Write;
use std::path::{Path, PathBuf};

/// Why a suite or baseline can't be read or written.
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
    pub(super) fn io(path: &Path) -> impl FnOnce(std::io::Error) -> DocumentError {
        move |source| DocumentError::Io { path: path.into(), source }
    }

    pub(super) fn content(path: &Path, fault: impl Into<String>) -> DocumentError {
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
        let mut file = tempfile::Builder::new().prefix(".scaletune-gate-").permissions(mode).tempfile_in(folder)?;
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        file.persist(path)?;
        Ok(())
    };
    write().map_err(DocumentError::io(path))
}
