//! What can go wrong, in words that name the file, the place and the remedy.

use std::{
    io,
    path::{Path, PathBuf},
};

/// Why a count did not happen.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The alignment file.
    #[error(transparent)]
    Alignments(#[from] scaletune_hts::Error),
    /// The variant file.
    #[error(transparent)]
    Variants(#[from] scaletune_hts::variants::Error),
    /// A file that can't be read.
    #[error("{}: can't be read: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Standard input, a pipe or a device.
    #[error(
        "{}: is a stream, and it is read more than once, by several readers and at any place; write it to a file and name \
         that file",
        path.display()
    )]
    Stream {
        /// What was named.
        path: PathBuf,
    },
    /// A file whose content can't be used.
    #[error("{}{}: {problem}", path.display(), place(*line))]
    File {
        /// The file.
        path: PathBuf,
        /// Its line, counted from 1; 0 when the whole file is meant.
        line: u64,
        /// What is wrong, and the remedy.
        problem: String,
    },
    /// A record of the alignment file that can't be used.
    #[error("{}: {problem}", path.display())]
    Record {
        /// The file.
        path: PathBuf,
        /// What is wrong, at which place, and the remedy.
        problem: String,
    },
    /// Options that contradict each other.
    #[error("{0}")]
    Options(String),
    /// A plan that can't be done.
    #[error("{0}")]
    Plan(String),
    /// The caller asked to stop.
    #[error("cancelled")]
    Cancelled,
    /// A file that can't be written.
    #[error("{}: can't be written: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The engine contradicts itself.
    #[error("internal error: {0}; please report it")]
    Internal(String),
}

/// Whose fault an error is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// The input or the options.
    BadInput,
    /// The plan.
    UnsupportedPlan,
    /// Nobody's: the caller asked to stop.
    Cancelled,
    /// The machine's or the engine's.
    Failed,
}

fn place(line: u64) -> String {
    if line == 0 { String::new() } else { format!(", line {line}") }
}

impl Error {
    /// Whose fault it is.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Error::Alignments(_)
            | Error::Variants(_)
            | Error::Read { .. }
            | Error::Stream { .. }
            | Error::File { .. }
            | Error::Record { .. }
            | Error::Options(_) => ErrorKind::BadInput,
            Error::Plan(_) => ErrorKind::UnsupportedPlan,
            Error::Cancelled => ErrorKind::Cancelled,
            Error::Write { .. } | Error::Internal(_) => ErrorKind::Failed,
        }
    }

    pub(crate) fn read(path: &Path) -> impl FnOnce(io::Error) -> Error {
        let path = path.to_owned();
        move |source| Error::Read { path, source }
    }

    pub(crate) fn write(path: &Path) -> impl FnOnce(io::Error) -> Error {
        let path = path.to_owned();
        move |source| Error::Write { path, source }
    }

    pub(crate) fn file(path: &Path, line: u64, problem: impl Into<String>) -> Error {
        Error::File { path: path.to_owned(), line, problem: problem.into() }
    }
}
