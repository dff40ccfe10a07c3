//! How a command ends other than well: exit status and one line that says why.

use crate::document::DocumentError;
use crate::plugin::PluginError;
use crate::publish::TargetError;
use crate::scratch::NoScratch;
use crate::trial::TrialError;
use crate::tune::TuneError;
use crate::worker::{Failure, FailureKind};
use scaletune_descriptor::Plan;

/// Exit status and message of a command that did not succeed.
#[derive(Debug)]
pub(super) struct Exit {
    /// 1 verdict, 2 bad usage or input, 3 engine or machine, 4 verdict left open (`gate --strict`), 130 interrupted.
    pub(super) status: u8,
    /// What happened and what to do; empty where all has been said.
    pub(super) message: String,
}

impl Exit {
    /// Bad usage or bad input: nothing was written.
    pub(super) fn input(message: impl Into<String>) -> Exit {
        Exit { status: 2, message: message.into() }
    }

    /// An engine, or the machine, failed.
    pub(super) fn failed(message: impl Into<String>) -> Exit {
        Exit { status: 3, message: message.into() }
    }

    /// The user interrupted.
    pub(super) fn interrupted() -> Exit {
        Exit { status: 130, message: "interrupted; nothing was written".into() }
    }

    /// A worker's failure, of `engine`, perhaps under a plan.
    pub(super) fn of_worker(engine: &str, plan: Option<&str>, failure: &Failure) -> Exit {
        let plan = plan.map(|plan| format!("; plan {plan}")).unwrap_or_default();
        match failure.kind {
            FailureKind::BadInput | FailureKind::UnsupportedPlan => Exit::input(failure.message.clone()),
            FailureKind::Cancelled => Exit::interrupted(),
            FailureKind::Engine => Exit::failed(format!("engine `{engine}` {}{plan}", failure.message)),
            FailureKind::Harness => Exit::failed(failure.message.clone()),
        }
    }

    /// A trial that `of` can't do without gave no measurement.
    pub(super) fn of_trial(of: &str, plan: &Plan, error: &TrialError) -> Exit {
        match error {
            TrialError::Cancelled => Exit::interrupted(),
            TrialError::BadInput(why) | TrialError::UnsupportedPlan(why) => Exit::input(format!("{of}: {why}")),
            TrialError::Failed(_) | TrialError::Memory(_) => Exit::failed(format!("{of}: plan {plan}: {error}")),
        }
    }

    /// Why nothing could be tuned or swept.
    pub(super) fn of_tuning(engine: &str, error: &TuneError) -> Exit {
        match error {
            TuneError::NoPlan(_) | TuneError::BadInput(_) => Exit::input(error.to_string()),
            TuneError::Cancelled => Exit::interrupted(),
            TuneError::Golden { .. } => Exit { status: 1, message: format!("engine `{engine}`: {error}") },
            TuneError::Reference { .. } | TuneError::NothingLeft { .. } => {
                Exit::failed(format!("engine `{engine}`: {error}"))
            }
        }
    }
}

impl From<DocumentError> for Exit {
    /// Of a document that the user names: bad input.
    fn from(error: DocumentError) -> Exit {
        Exit::input(error.to_string())
    }
}

impl From<PluginError> for Exit {
    fn from(error: PluginError) -> Exit {
        Exit::from(&error)
    }
}

impl From<&PluginError> for Exit {
    fn from(error: &PluginError) -> Exit {
        let status = if matches!(error, PluginError::Unknown { .. }) { 2 } else { 3 };
        Exit { status, message: error.to_string() }
    }
}

impl From<TargetError> for Exit {
    fn from(error: TargetError) -> Exit {
        let status = if matches!(error, TargetError::Unusable(_)) { 2 } else { 3 };
        Exit { status, message: error.to_string() }
    }
}

impl From<NoScratch> for Exit {
    /// The user's environment names a folder that is of no use.
    fn from(error: NoScratch) -> Exit {
        Exit::input(error.to_string())
    }
}

impl From<std::io::Error> for Exit {
    fn from(error: std::io::Error) -> Exit {
        Exit::failed(error.to_string())
    }
}
