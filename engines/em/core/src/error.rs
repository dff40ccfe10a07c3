//! Everything that can go wrong, in words that name the file, the place and the remedy.

use std::io;
use std::path::{Path, PathBuf};

/// An error of the EM engine.
#[derive(Debug, thiserror::Error)]
pub enum EmError {
    /// A file cannot be opened or read.
    #[error("cannot read {}: {source}; check the path and its permissions", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file cannot be created or written.
    #[error("cannot write {}: {source}; check that the folder exists and has room", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// An alignment file cannot be read, or does not suit the plan.
    #[error(transparent)]
    Alignments(#[from] scaletune_hts::Error),
    /// A text file breaks its format.
    #[error("{}, line {line}: {problem}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        line: u64,
        /// What is wrong, and how to mend it.
        problem: String,
    },
    /// An input is readable, but cannot be used.
    #[error("{}: {problem}", path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// What is wrong, and how to mend it.
        problem: String,
    },
    /// An option lies outside its range.
    #[error("{option} is {value}; {remedy}")]
    Option {
        /// The option's name as a user types it.
        option: &'static str,
        /// The value given.
        value: String,
        /// What is accepted.
        remedy: &'static str,
    },
    /// SQUAREM with a prior too weak to keep the problem's fixed point unique.
    #[error(
        "the solver squarem needs theta-prior of at least {least}, and it is {given}: below that the EM has \
         several fixed points and squarem may reach another one than EM does; use solver=fused, or raise theta-prior"
    )]
    PriorTooWeak {
        /// The value given.
        given: f64,
        /// The smallest one accepted.
        least: f64,
    },
    /// The worker threads could not be started.
    #[error("cannot start {workers} worker threads: {reason}; ask for fewer workers")]
    Threads {
        /// How many were asked for.
        workers: usize,
        /// What the system said.
        reason: String,
    },
    /// The score matrix would need more entries or features than can be numbered.
    #[error("the score matrix has {found} {what}, more than the {most} that can be numbered; split the input")]
    TooLarge {
        /// "features" or "fragments".
        what: &'static str,
        /// How many there are.
        found: u64,
        /// How many are possible.
        most: u64,
    },
    /// The caller asked to stop.
    #[error("stopped on request")]
    Cancelled,
}

impl EmError {
    /// Names the file that `source` came from.
    pub fn read(path: &Path, source: io::Error) -> Self {
        Self::Read { path: path.to_owned(), source }
    }

    /// Names the text file that `source` came from, which may be gzipped: then the fault may be in the data.
    pub fn read_text(path: &Path, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput => {
                Self::unusable(path, format!("its gzipped data is cut short or damaged ({source}); get the file again"))
            }
            _ => Self::read(path, source),
        }
    }

    /// Names the file that could not be written.
    pub fn write(path: &Path, source: io::Error) -> Self {
        Self::Write { path: path.to_owned(), source }
    }

    /// Names the line that breaks the format.
    pub fn malformed(path: &Path, line: u64, problem: impl Into<String>) -> Self {
        Self::Malformed { path: path.to_owned(), line, problem: problem.into() }
    }

    /// Names the input that cannot be used.
    pub fn unusable(path: &Path, problem: impl Into<String>) -> Self {
        Self::Unusable { path: path.to_owned(), problem: problem.into() }
    }
}
