//! The FASTA file that a CRAM file was made with, where htslib finds its index.
//!
//! htslib makes an index that is missing, and always beside the FASTA file. That takes a folder that can be written to,
//! which one with data often is not, and which an engine's worker is never given. Then the index is made elsewhere, beside
//! a link to the FASTA file, for this run only.

use std::{
    fs::{self, File},
    io::Read,
    path::{Path, PathBuf},
    sync::Arc,
};

use tempfile::TempDir;

use crate::{
    index::Warning,
    indexing::{beside, index_reference},
};

/// A FASTA file. Copies share what was made for it.
#[derive(Debug, Clone)]
pub(crate) struct Reference {
    given: PathBuf,
    made: Option<Made>,
}

/// A link to the FASTA file with an index beside it.
#[derive(Debug, Clone)]
struct Made {
    link: PathBuf,
    _folder: Arc<TempDir>,
}

impl Reference {
    /// The FASTA file at `path`, whose index is made where there is none: beside it if that can be, else in the temporary
    /// folder. What can't be made is left to htslib, which says why.
    pub(crate) fn new(path: &Path) -> Self {
        let given = path.to_owned();
        let made = if is_indexed(path) { None } else { make(path) };
        Reference { given, made }
    }

    /// As the caller named it: for messages.
    pub(crate) fn path(&self) -> &Path {
        &self.given
    }

    /// Where htslib finds it and its index.
    pub(crate) fn readable(&self) -> &Path {
        self.made.as_ref().map_or(&self.given, |made| &made.link)
    }

    /// What a user should hear of.
    pub(crate) fn warning(&self) -> Option<Warning> {
        self.made.as_ref().map(|_| Warning::PassingIndex { path: self.given.clone() })
    }
}

/// The indexes that htslib asks for: of the contigs, and of the blocks where the file is compressed.
fn indexes(path: &Path) -> Vec<PathBuf> {
    let mut start = [0; 2];
    let is_compressed = File::open(path).and_then(|mut file| file.read_exact(&mut start)).is_ok() && start == [31, 139];
    let endings: &[&str] = if is_compressed { &["fai", "gzi"] } else { &["fai"] };
    endings.iter().map(|ending| beside(path, ending)).collect()
}

fn is_indexed(path: &Path) -> bool {
    indexes(path).iter().all(|index| index.exists())
}

/// Makes the index; where it comes to lie beside the FASTA file there is nothing to keep.
fn make(path: &Path) -> Option<Made> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let name = path.file_name()?;
    // In a folder of its own first, so that nobody sees half an index. That it can be made says whether one may write there.
    let here = tempfile::Builder::new().prefix(".scaletune-index-").tempdir_in(parent);
    let stays = here.is_ok();
    let folder = here.or_else(|_| tempfile::tempdir()).ok()?;
    let link = folder.path().join(name);
    std::os::unix::fs::symlink(path.canonicalize().ok()?, &link).ok()?;
    index_reference(&link).ok()?;
    if stays {
        for (made, index) in indexes(&link).iter().zip(indexes(path)) {
            fs::rename(made, index).ok()?;
        }
        return None;
    }
    Some(Made { link, _folder: Arc::new(folder) })
}
