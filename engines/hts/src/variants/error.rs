//! What can be wrong with a variant file, in words that name the file, the place and the remedy.

use std::{
    io,
    path::{Path, PathBuf},
};

/// Samples that an error text names before it says how many more there are.
const NAMED: usize = 20;

/// A variant file that can't be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file can't be opened.
    #[error("{}: can't be opened: {source}", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Neither VCF nor BCF.
    #[error("{}: neither VCF (it begins with '##fileformat=VCF') nor BCF; give a .vcf, .vcf.gz or .bcf file", path.display())]
    NotVariants {
        /// The file.
        path: PathBuf,
    },
    /// Bytes can't be read or inflated.
    #[error("{}: can't be read after {place}: {source}; the file is cut short or damaged, copy or make it again", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The last good place.
        place: String,
        /// Why.
        source: io::Error,
    },
    /// A BGZF file without its end-of-file block.
    #[error("{}: its last 28 bytes are not the BGZF end-of-file block: the file is cut short; copy or make it again", path.display())]
    NoEndBlock {
        /// The file.
        path: PathBuf,
    },
    /// A line or record that breaks the format.
    #[error("{}, {place}: {problem}", path.display())]
    Record {
        /// The file.
        path: PathBuf,
        /// `line N` or `record N`.
        place: String,
        /// What is wrong.
        problem: String,
    },
    /// The wanted sample is not in the file.
    #[error("{}: {problem}", path.display())]
    Sample {
        /// The file.
        path: PathBuf,
        /// What is wrong, and the samples there are.
        problem: String,
    },
}

impl Error {
    pub(super) fn no_such_sample(path: &Path, sample: &str, samples: &[String]) -> Self {
        let mut problem = if samples.is_empty() {
            format!("has no samples, so none called '{sample}'; leave the sample out to count at every record")
        } else {
            let named: Vec<&str> = samples.iter().take(NAMED).map(String::as_str).collect();
            let more = match samples.len().saturating_sub(NAMED) {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            format!("has no sample '{sample}'; it has: {}{more}", named.join(", "))
        };
        if sample.contains(',') {
            problem.push_str(" (one sample a run: no list is taken)");
        }
        Error::Sample { path: path.to_owned(), problem }
    }
}
