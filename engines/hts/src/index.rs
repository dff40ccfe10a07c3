//! The index of an alignment file: BAI, CSI or CRAI, found, read and compared with the file.
//!
//! Read here, not by htslib, since a plan needs what that hides: every place where a record is known to start. What is not
//! here: which places a plan takes ([`crate::Planner`]).

mod bai;
mod bins;
mod crai;
mod csi;
mod cursor;

use std::{
    fmt, fs,
    path::{Path, PathBuf},
};

pub(crate) use bins::BinIndex;
pub(crate) use crai::Slice;

use crate::{
    Error, Format,
    bgzf::{END_BLOCK, Source},
    unit::VirtualOffset,
};

/// How many records an index counts on one contig.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ContigStatistics {
    /// Records with the contig and without the flag for unmapped.
    pub mapped: u64,
    /// Records with the contig (their mate's) and with the flag for unmapped.
    pub unmapped: u64,
}

/// How many records an index counts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Statistics {
    /// For every contig, in the order of the header.
    pub contigs: Vec<ContigStatistics>,
    /// Records without a contig; `None` where the index does not say.
    pub unplaced: Option<u64>,
}

/// Something about a file that a user should hear of, and that stops no work.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Warning {
    /// The index was made before the file was last changed.
    StaleIndex {
        /// The index.
        index: PathBuf,
        /// The alignment file.
        path: PathBuf,
    },
    /// The reference has no index beside it: one was made that goes with the alignments.
    PassingIndex {
        /// The FASTA file.
        path: PathBuf,
    },
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Warning::StaleIndex { index, path } => {
                let (index, path) = (index.display(), path.display());
                write!(
                    f,
                    "{index}: is older than {path}; if that was changed, make the index again with: samtools index '{path}'"
                )
            }
            Warning::PassingIndex { path } => {
                let path = path.display();
                write!(
                    f,
                    "{path}: has no index; one was made for now; make one that stays with: samtools faidx '{path}'"
                )
            }
        }
    }
}

/// An index in memory.
#[derive(Debug)]
pub(crate) struct Index {
    pub(crate) path: PathBuf,
    pub(crate) content: Content,
}

#[derive(Debug)]
pub(crate) enum Content {
    /// BAI and CSI.
    Bins(BinIndex),
    /// CRAI: the slices in file order.
    Slices(Vec<Slice>),
}

impl Index {
    /// Reads the index at `path`, or whichever of the usual names there is; `None` if there is none.
    pub(crate) fn find(file: &Path, format: Format, path: Option<&Path>) -> Result<Option<Self>, Error> {
        let found = match path {
            Some(path) => Some(path.to_owned()),
            None => usual_names(file, format).into_iter().find(|name| name.is_file()),
        };
        let Some(path) = found else { return Ok(None) };
        let bytes = fs::read(&path).map_err(|source| Error::Open { path: path.clone(), source })?;
        let content = match format {
            Format::Bam => read_bins(&bytes).map(Content::Bins),
            Format::Cram | Format::Sam => crai::read(&bytes).map(Content::Slices),
        };
        match content {
            Ok(content) => Ok(Some(Index { path, content })),
            Err(problem) => Err(Error::Index { index: path, path: file.to_owned(), problem }),
        }
    }

    /// The names that are tried beside the file, for an error text.
    pub(crate) fn names_tried(file: &Path, format: Format) -> String {
        let names: Vec<String> = usual_names(file, format).iter().map(|name| name.display().to_string()).collect();
        names.join(", ")
    }

    /// Compares the index with the file: its contigs, its places and its age.
    pub(crate) fn check(&self, file: &Source, known: usize) -> Result<Option<Warning>, Error> {
        let contigs = match &self.content {
            Content::Bins(bins) => bins.contigs.len(),
            Content::Slices(slices) => {
                slices.iter().filter_map(|slice| slice.reference).max().map_or(0, |number| number + 1)
            }
        };
        if contigs > known {
            let problem =
                format!("it lists {contigs} contigs and the file's header {known}, so it is the index of another file");
            return Err(Error::Index { index: self.path.clone(), path: file.owned_path(), problem });
        }
        let points_beyond = match &self.content {
            // No record starts behind what ends the file; but the records' end is the file's own in many an index.
            Content::Bins(bins) => {
                let beyond =
                    |place: Option<VirtualOffset>, limit| place.map(VirtualOffset::block).filter(|&byte| byte > limit);
                beyond(bins.last_end(), file.size()).or(beyond(bins.last_begin(), end_block_at(file.size())))
            }
            Content::Slices(slices) => {
                slices.iter().map(|slice| slice.offset).max().filter(|&offset| offset >= file.size())
            }
        };
        if let Some(points_to) = points_beyond {
            let (path, index) = (file.owned_path(), self.path.clone());
            return Err(Error::IndexBeyondEnd { path, index, size: file.size(), points_to });
        }
        let modified = |path: &Path| {
            fs::metadata(path)
                .and_then(|about| about.modified())
                .map_err(|source| Error::Open { path: path.to_owned(), source })
        };
        let is_stale = modified(&self.path)? < modified(file.path())?;
        Ok(is_stale.then(|| Warning::StaleIndex { index: self.path.clone(), path: file.owned_path() }))
    }

    /// What the index counts for a file of so many contigs; `None` where it does not count.
    pub(crate) fn statistics(&self, contigs: usize) -> Option<Statistics> {
        match &self.content {
            Content::Bins(bins) => bins.statistics(contigs),
            Content::Slices(_) => None,
        }
    }
}

/// Byte at which the block that ends a BAM file of so many bytes begins.
pub(crate) fn end_block_at(size: u64) -> u64 {
    size.saturating_sub(END_BLOCK.len() as u64)
}

fn usual_names(file: &Path, format: Format) -> Vec<PathBuf> {
    let endings: &[&str] = match format {
        Format::Bam => &["bai", "csi"],
        Format::Cram | Format::Sam => &["crai"],
    };
    let mut names = Vec::new();
    for ending in endings {
        let mut appended = file.as_os_str().to_owned();
        appended.push(".");
        appended.push(ending);
        names.extend([PathBuf::from(appended), file.with_extension(ending)]);
    }
    names
}

fn read_bins(bytes: &[u8]) -> Result<BinIndex, String> {
    match bytes {
        [b'B', b'A', b'I', 1, ..] => bai::read(bytes),
        [b'C', b'S', b'I', 1, ..] => csi::read(bytes),
        [31, 139, ..] => {
            let inflated = cursor::gunzip(bytes)?;
            match inflated.as_slice() {
                [b'C', b'S', b'I', 1, ..] => csi::read(&inflated),
                _ => Err("is compressed, and no CSI index inside".to_owned()),
            }
        }
        _ => Err("is neither a BAI nor a CSI index".to_owned()),
    }
}
