//! What can go wrong, told so that a user can mend it: the file, the place, the remedy.
//! Leaves out exit codes and status numbers: [`Error::kind`] is what a caller maps to its own.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use crate::naming::NearMiss;

/// Result of everything in this crate that reads a user's data.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Who has to act on an [`Error`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// A file or an option of the user's must change.
    BadInput,
    /// The plan can't be carried out.
    BadPlan,
    /// The caller asked to stop.
    Cancelled,
    /// The work itself failed (no space, no threads, no optimum).
    Failed,
}

/// An error of the pruning engine.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file that can't be opened or read.
    #[error("{}: cannot be read: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file that can't be written.
    #[error("{}: cannot be written: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Text that is not what its format says.
    #[error("{}:{line}:{column}: {message}", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// Line, from 1.
        line: usize,
        /// Column in characters, from 1.
        column: usize,
        /// What is wrong, and the remedy.
        message: String,
    },
    /// Names of two inputs that don't match.
    #[error("{0}")]
    Names(Box<NameMismatch>),
    /// An option with a value that makes no sense.
    #[error("{0}")]
    Option(String),
    /// A plan that can't be carried out.
    #[error("{0}")]
    Plan(String),
    /// The caller asked to stop.
    #[error("cancelled")]
    Cancelled,
    /// The work itself failed.
    #[error("{0}")]
    Failed(String),
}

impl Error {
    /// Who has to act.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Read { .. } | Self::Syntax { .. } | Self::Names(_) | Self::Option(_) => ErrorKind::BadInput,
            Self::Plan(_) => ErrorKind::BadPlan,
            Self::Cancelled => ErrorKind::Cancelled,
            Self::Write { .. } | Self::Failed(_) => ErrorKind::Failed,
        }
    }

    pub(crate) fn syntax(path: &Path, line: usize, column: usize, message: impl Into<String>) -> Self {
        Self::Syntax { path: path.to_owned(), line, column, message: message.into() }
    }

    pub(crate) fn read(path: &Path, source: std::io::Error) -> Self {
        // Only unpacking meets an end before its time, and says no more than that.
        let source = match source.kind() {
            std::io::ErrorKind::UnexpectedEof => {
                std::io::Error::new(source.kind(), "the compressed file is cut short; get it anew")
            }
            _ => source,
        };
        Self::Read { path: path.to_owned(), source }
    }

    pub(crate) fn write(path: &Path, source: std::io::Error) -> Self {
        Self::Write { path: path.to_owned(), source }
    }
}

/// Two files whose names should be the same and are not.
#[derive(Debug, Clone)]
pub struct NameMismatch {
    /// The file whose names have no partner.
    pub path: PathBuf,
    /// The file (or thing) in which they were sought.
    pub sought_in: String,
    /// What the names are: "taxa", "families".
    pub what: &'static str,
    /// Names of `path` that were not found.
    pub unknown: Vec<String>,
    /// Names of the other side that were not used: the likely intended partners.
    pub unused: Vec<String>,
    /// Which of both sides are nearly the same.
    pub near: Vec<NearMiss>,
    /// What to do.
    pub remedy: &'static str,
}

impl std::fmt::Display for NameMismatch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{}: {} {} not in {}: {}",
            self.path.display(),
            self.unknown.len(),
            self.what,
            self.sought_in,
            listing(&self.unknown)
        )?;
        if !self.unused.is_empty() {
            write!(f, "; without a partner there: {}", listing(&self.unused))?;
        }
        for (at, NearMiss { name, meant, option }) in self.near.iter().enumerate() {
            write!(f, "{}'{name}' is nearly '{meant}'", if at == 0 { "; " } else { ", " })?;
            if let Some(option) = option {
                write!(f, " ({option} takes one for the other)")?;
            }
        }
        write!(f, "; {}", self.remedy)
    }
}

/// Names in quotes, the first 20 of them and how many more there are.
pub fn listing(names: &[String]) -> String {
    const SHOWN: usize = 20;
    let mut text = String::new();
    for (i, name) in names.iter().take(SHOWN).enumerate() {
        let _ = write!(text, "{}'{name}'", if i == 0 { "" } else { ", " });
    }
    if names.len() > SHOWN {
        let _ = write!(text, " and {} more", names.len() - SHOWN);
    }
    text
}
