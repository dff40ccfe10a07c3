//! What went wrong, and the exception that says so.

use pyo3::exceptions::{PyKeyboardInterrupt, PyOSError, PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use scaletune_count_core::Error as CountError;
use scaletune_em_core::EmError;
use scaletune_prune_core::error::{Error as PruneError, ErrorKind as PruneKind};
use std::collections::BTreeSet;
use std::error::Error;
use std::io;
use std::path::Path;
use std::sync::LazyLock;

/// A failure, free of the interpreter so that any thread may meet it.
#[derive(Debug)]
pub(crate) enum Failure {
    /// ValueError: an argument, or what a file says, can't be used.
    Value(String),
    /// OSError, or the subclass that belongs to the number: the system refused, or a file is damaged.
    Os { code: Option<i32>, message: String, path: Option<String> },
    /// RuntimeError: the engine or the machine.
    Runtime(String),
    /// The user asked to stop.
    Cancelled,
}

pub(crate) type Result<T, E = Failure> = std::result::Result<T, E>;

impl Failure {
    /// The argument is at fault.
    pub(crate) fn argument(name: &str, problem: impl std::fmt::Display) -> Failure {
        Failure::Value(format!("{name}: {problem}"))
    }

    /// The system's word on a file that the user names.
    pub(crate) fn file(path: &Path, error: &io::Error) -> Failure {
        let message = error.to_string();
        let message = message.split(" (os error").next().unwrap_or_default().to_owned();
        Failure::Os { code: error.raw_os_error(), message, path: Some(path.display().to_string()) }
    }

    /// By what stands behind the error: the system's refusal, or else damage.
    fn damaged(error: &(dyn Error + 'static)) -> Failure {
        let mut source = Some(error);
        while let Some(cause) = source {
            if let Some(io) = cause.downcast_ref::<io::Error>() {
                return Failure::Os { code: io.raw_os_error(), message: error.to_string(), path: None };
            }
            source = cause.source();
        }
        Failure::Os { code: None, message: error.to_string(), path: None }
    }

    fn alignments(error: &scaletune_hts::Error) -> Failure {
        use scaletune_hts::Error as Hts;
        match error {
            Hts::SamText { .. } | Hts::NotAlignments { .. } | Hts::NotSorted { .. } | Hts::Unsupported { .. } => {
                Failure::Value(error.to_string())
            }
            _ => Failure::damaged(error),
        }
    }
}

impl From<CountError> for Failure {
    fn from(error: CountError) -> Failure {
        match &error {
            CountError::Cancelled => Failure::Cancelled,
            CountError::Alignments(inner) => Failure::alignments(inner),
            CountError::Read { .. } | CountError::Write { .. } => Failure::damaged(&error),
            CountError::Internal(_) => Failure::Runtime(error.to_string()),
            CountError::Variants(inner) if has_io(inner) => Failure::damaged(&error),
            _ => Failure::Value(keywords(&error.to_string())),
        }
    }
}

impl From<EmError> for Failure {
    fn from(error: EmError) -> Failure {
        match &error {
            EmError::Cancelled => Failure::Cancelled,
            EmError::Alignments(inner) => Failure::alignments(inner),
            EmError::Read { .. } | EmError::Write { .. } => Failure::damaged(&error),
            EmError::Threads { .. } => Failure::Runtime(error.to_string()),
            EmError::Option { option, value, remedy } => {
                Failure::argument(&option.replace('-', "_"), format!("is {value}; {remedy}"))
            }
            _ => Failure::Value(keywords(&error.to_string())),
        }
    }
}

impl From<PruneError> for Failure {
    fn from(error: PruneError) -> Failure {
        match error.kind() {
            PruneKind::Cancelled => Failure::Cancelled,
            PruneKind::Failed => Failure::Runtime(error.to_string()),
            _ if matches!(error, PruneError::Read { .. }) => Failure::damaged(&error),
            _ => Failure::Value(keywords(&error.to_string())),
        }
    }
}

impl From<scaletune_sdk::Error> for Failure {
    fn from(error: scaletune_sdk::Error) -> Failure {
        Failure::Value(keywords(&error.to_string()))
    }
}

fn has_io(error: &(dyn Error + 'static)) -> bool {
    std::iter::successors(Some(error), |error| (*error).source()).any(|error| error.is::<io::Error>())
}

/// The names of a command's flags as those of keywords: `--min-base-quality` is `min_base_quality=`, and input
/// `min-base-quality` is `min_base_quality`. Flags of other programs, which messages name as a remedy, stay as they are.
pub(crate) fn keywords(text: &str) -> String {
    let mut quoted = text.split("input `");
    let mut named = quoted.next().unwrap_or_default().to_owned();
    for piece in quoted {
        let (name, rest) = piece.split_once('`').unwrap_or((piece, ""));
        named.push_str(&name.replace('-', "_"));
        named.push_str(rest);
    }
    let mut pieces = named.split("--");
    let mut out = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let end = piece.find(|c: char| !(c.is_ascii_lowercase() || c == '-')).unwrap_or(piece.len());
        let name = piece[..end].trim_end_matches('-');
        if !is_input(name) || out.ends_with(|c: char| c.is_alphanumeric()) {
            out.push_str("--");
            out.push_str(piece);
        } else {
            out.push_str(&name.replace('-', "_"));
            out.push('=');
            out.push_str(&piece[name.len()..]);
        }
    }
    out
}

/// Whether an engine has an input of this name.
fn is_input(name: &str) -> bool {
    static NAMES: LazyLock<BTreeSet<String>> = LazyLock::new(|| {
        let engines =
            [scaletune_count_face::descriptor(), scaletune_em_face::descriptor(), scaletune_prune_face::descriptor()];
        engines.into_iter().flat_map(|engine| engine.inputs).map(|input| input.name).collect()
    });
    NAMES.contains(name)
}

impl From<Failure> for PyErr {
    fn from(failure: Failure) -> PyErr {
        match failure {
            Failure::Value(message) => PyValueError::new_err(message),
            Failure::Runtime(message) => PyRuntimeError::new_err(message),
            Failure::Cancelled => PyKeyboardInterrupt::new_err(()),
            // With a number OSError makes itself the right subclass.
            Failure::Os { code: Some(code), message, path: Some(path) } => PyOSError::new_err((code, message, path)),
            Failure::Os { code: Some(code), message, path: None } => PyOSError::new_err((code, message)),
            Failure::Os { code: None, message, .. } => PyOSError::new_err(message),
        }
    }
}
