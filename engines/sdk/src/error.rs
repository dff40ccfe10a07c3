//! Why a call failed, in the classes that the host tells apart.

use scaletune_abi::Status;

/// Why a call failed: what is wrong, where, and what to do about it.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    kind: Kind,
    message: String,
}

/// Whose fault it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// The user's input: exit status 2.
    BadInput,
    /// The plan asks for what these inputs don't allow: exit status 2.
    UnsupportedPlan,
    /// The host asked to stop: exit status 130.
    Cancelled,
    /// The engine or the machine: exit status 3.
    Failed,
}

impl Error {
    /// The user's input is at fault. The text names the file and place, and the remedy.
    pub fn bad_input(message: impl Into<String>) -> Error {
        Error { kind: Kind::BadInput, message: message.into() }
    }

    /// The plan can't be run on these inputs. The text names the axis.
    pub fn unsupported_plan(message: impl Into<String>) -> Error {
        Error { kind: Kind::UnsupportedPlan, message: message.into() }
    }

    /// The host asked to stop.
    pub fn cancelled() -> Error {
        Error { kind: Kind::Cancelled, message: "interrupted".into() }
    }

    /// The engine or the machine failed.
    pub fn failed(message: impl Into<String>) -> Error {
        Error { kind: Kind::Failed, message: message.into() }
    }

    /// Whose fault it is.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    pub(crate) fn status(&self) -> Status {
        match self.kind {
            Kind::BadInput => Status::BAD_INPUT,
            Kind::UnsupportedPlan => Status::UNSUPPORTED_PLAN,
            Kind::Cancelled => Status::CANCELLED,
            Kind::Failed => Status::FAILED,
        }
    }
}

impl From<scaletune_descriptor::InputError> for Error {
    fn from(error: scaletune_descriptor::InputError) -> Error {
        Error::bad_input(error.to_string())
    }
}
