//! A file that is about to be put in place: all that needs room on a disk is done, what is left is a rename.

use super::{TargetError, io_error, is_special, parent_of};
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

/// A file on its target's file system, synced: only its name is still another.
pub(super) enum Ready {
    /// In the staging folder.
    Staged(PathBuf),
    /// Beside a target that is on another file system than the staging folder.
    Beside(NamedTempFile),
}

impl Ready {
    /// Brings `from` to the file system of `to`, and syncs it.
    ///
    /// # Errors
    /// It can't be read, or not be written there.
    pub(super) fn make(from: PathBuf, to: &Path) -> Result<Ready, TargetError> {
        if to.as_os_str().is_empty() || is_special(to) {
            return Ok(Ready::Staged(from));
        }
        let parent = parent_of(to);
        let device = |path: &Path| path.metadata().map(|metadata| metadata.dev()).map_err(io_error("looking at", path));
        if device(&from)? == device(parent)? {
            sync(&from).map_err(io_error("syncing", &from))?;
            return Ok(Ready::Staged(from));
        }
        // A flagged output on another file system: copied beside it, so that the last step is a rename there, too.
        let mut beside = NamedTempFile::new_in(parent).map_err(io_error("writing", to))?;
        let mut source = File::open(&from).map_err(io_error("reading", &from))?;
        io::copy(&mut source, beside.as_file_mut()).map_err(io_error("writing", to))?;
        // A temporary file is the owner's alone; this one is to be what it would have been otherwise.
        let mode = source.metadata().map_err(io_error("looking at", &from))?.permissions();
        beside.as_file().set_permissions(mode).map_err(io_error("writing", to))?;
        beside.as_file().sync_all().map_err(io_error("syncing", to))?;
        Ok(Ready::Beside(beside))
    }

    /// Makes it `to`, in one step as far as any reader can see; an empty path is standard output.
    ///
    /// # Errors
    /// It can't be written there.
    pub(super) fn place(self, to: &Path) -> Result<(), TargetError> {
        if to.as_os_str().is_empty() {
            return copy_to_stdout(self.path());
        }
        if is_special(to) {
            let mut source = File::open(self.path()).map_err(io_error("reading", self.path()))?;
            let mut sink = File::options().write(true).open(to).map_err(io_error("opening", to))?;
            return io::copy(&mut source, &mut sink).map(drop).map_err(io_error("writing", to));
        }
        let renamed = match self {
            Ready::Staged(path) => fs::rename(path, to),
            Ready::Beside(file) => file.persist(to).map(drop).map_err(|error| error.error),
        };
        renamed.map_err(io_error("renaming into place", to))?;
        // So that the new name survives a power cut as well.
        sync(parent_of(to)).map_err(io_error("syncing the folder of", to))
    }

    fn path(&self) -> &Path {
        match self {
            Ready::Staged(path) => path,
            Ready::Beside(file) => file.path(),
        }
    }
}

fn copy_to_stdout(from: &Path) -> Result<(), TargetError> {
    let mut file = File::open(from).map_err(io_error("reading", from))?;
    match io::copy(&mut file, &mut io::stdout().lock()) {
        // A reader that has seen enough, such as `head`, is not a failure.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        Err(error) => Err(io_error("writing", Path::new("standard output"))(error)),
        Ok(_) => Ok(()),
    }
}

fn sync(path: &Path) -> io::Result<()> {
    File::open(path).and_then(|file| file.sync_all())
}
