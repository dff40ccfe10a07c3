//! The FASTA file that CRAM is decoded with, and its index.
//!
//! htslib makes an index that is missing, beside the file: in a folder that may not be writable, and that is somebody's raw
//! data. It is made in the temporary folder here, and goes with the alignments.

use std::ffi::OsString;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::{Error, bgzf::Source, htslib, index::Warning};

/// A reference that is ready to be decoded with.
#[derive(Debug)]
pub(crate) struct Reference {
    given: PathBuf,
    /// The file, or a link to it beside which its index lies.
    indexed: PathBuf,
    folder: Option<TempDir>,
}

impl Reference {
    /// Opens a FASTA file, plain or compressed by bgzip.
    ///
    /// # Errors
    /// It can't be opened, is not FASTA, or its index can't be made.
    pub(crate) fn open(given: &Path) -> Result<Reference, Error> {
        Source::open(given)?;
        let reference = |indexed, folder| Reference { given: given.to_owned(), indexed, folder };
        if is_indexed(given) {
            return Ok(reference(given.to_owned(), None));
        }
        let cannot = |error: std::io::Error| Error::Reference {
            path: given.to_owned(),
            problem: format!(
                "has no index, and none can be made in the temporary folder: {error}; run samtools faidx on it"
            ),
        };
        let folder = tempfile::Builder::new().prefix("scaletune-reference-").tempdir().map_err(cannot)?;
        let name = given.file_name().map_or_else(|| "reference.fa".into(), OsString::from);
        let link = folder.path().join(name);
        std::fs::canonicalize(given).and_then(|file| symlink(file, &link)).map_err(cannot)?;
        htslib::index_fasta(given, &link)?;
        Ok(reference(link, Some(folder)))
    }

    /// What the user called it.
    pub(crate) fn given(&self) -> &Path {
        &self.given
    }

    /// What a user should hear of: an index is made anew each time, which takes seconds for a large genome.
    pub(crate) fn warning(&self) -> Option<Warning> {
        self.folder.as_ref().map(|_| Warning::PassingIndex { path: self.given.clone() })
    }

    /// The path under which htslib finds an index.
    pub(crate) fn indexed(&self) -> &Path {
        &self.indexed
    }
}

/// Whether the index is there, and that of the blocks where it is compressed.
fn is_indexed(path: &Path) -> bool {
    let beside = |ending: &str| {
        let mut name = path.as_os_str().to_os_string();
        name.push(ending);
        Path::new(&name).is_file()
    };
    let is_compressed = path.extension().is_some_and(|it| it == "gz" || it == "bgz");
    beside(".fai") && (!is_compressed || beside(".gzi"))
}
