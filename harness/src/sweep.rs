//! A sweep: how an engine scales, plan by plan, over several thread counts.
//!
//! Unlike the tuner it drops nothing for being slow: every plan asked for is measured, in rounds of random order from a
//! stated seed, until its interval is narrow or the rounds are spent. One thread is always measured, since it is what
//! speedups are told against. The document is handed out after every round, so that a sweep that is stopped can go on.
//!
//! - [`Request`], [`sweep()`]: what to measure, and measuring it.
//! - [`Axes`]: which plans; [`NamedPlans`]: plans with a name, from a TOML file.
//! - [`Sweep`], [`Row`]: the document `sweep.json`.
//!
//! Left out: pictures and words (`crate::report`), models (`crate::predict`).
#![forbid(unsafe_code)]

mod cold;
mod document;
mod figures;
mod layout;
mod named;
mod origin;
mod rounds;
mod schema;
mod targets;
#[cfg(test)]
pub(crate) mod tests;
mod timeline;

pub use cold::Cold;
pub use document::{InputFile, Row, SCHEMA_VERSION, Sweep, Verdict};
pub use named::{Claim, NamedPlan, NamedPlans, NamedPlansError};
pub use origin::Origin;
pub use schema::SCHEMA;
pub use targets::Axes;
pub use timeline::{MOST_TASKS, Timeline};

use crate::document::DocumentError;
use crate::measure::{Clock, Machine};
use crate::trial::{Executor, Measurement};
use crate::tune::Reference;
use scaletune_descriptor::{Descriptor, NoPlan, Plan, PlanError};
use serde_json::{Map, Value};
use std::time::Duration;

/// What to measure.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    /// The engine.
    pub descriptor: &'a Descriptor,
    /// SHA-256 of the plugin's file.
    pub plugin_sha256: &'a str,
    /// The reference plan, measured.
    pub reference: Reference,
    /// The inputs, files by name alone.
    pub inputs: &'a Map<String, Value>,
    /// The files among them.
    pub files: &'a [InputFile],
    /// Their class, as the engine told it.
    pub input_class: &'a Map<String, Value>,
    /// Thread budgets; one thread is measured in any case.
    pub threads: &'a [i64],
    /// Which plans for each budget.
    pub axes: Axes,
    /// Plans with a name, measured beside them.
    pub named: &'a NamedPlans,
    /// Samples of each plan; none = until the interval is narrow.
    pub repeat: Option<usize>,
    /// Stop measuring at this reading of the clock.
    pub max_time: Option<Duration>,
    /// Whether the executor drops the inputs from the page cache before each trial; told in the report.
    pub cold: bool,
    /// Median seconds that a worker takes to start and end, where it was measured.
    pub worker_start_s: Option<f64>,
    /// The machine.
    pub machine: Machine,
    /// Where randomness starts.
    pub seed: u64,
}

/// Why there is no sweep.
#[derive(Debug, thiserror::Error)]
pub enum SweepError {
    /// No plan fits a budget.
    #[error(transparent)]
    NoPlan(#[from] NoPlan),
    /// A named plan, or `--axes`, asks for what the engine does not have.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The engine refuses the inputs.
    #[error("{0}")]
    BadInput(String),
    /// The earlier sweep is of something else.
    #[error("can't continue the earlier sweep: {0}; sweep into another folder (--out DIR)")]
    Foreign(String),
    /// What was measured could not be written.
    #[error("{0}")]
    Checkpoint(#[from] DocumentError),
    /// The user interrupted; what was measured has been handed out.
    #[error("interrupted")]
    Cancelled,
}

/// Who watches a sweep.
pub trait Observer {
    /// A trial begins: the `done + 1`-th of at most `expected`, and about so many seconds are left, if all are needed.
    fn trial(&mut self, _plan: &Plan, _done: usize, _expected: usize, _left_s: f64) {}

    /// A trial gave a measurement.
    fn measured(&mut self, _plan: &Plan, _measurement: &Measurement) {}

    /// A plan gave another answer, or none.
    fn failed(&mut self, _plan: &Plan, _why: &str) {}

    /// A round is over, or the user interrupted: the document so far, to be written.
    ///
    /// # Errors
    /// It can't be written; the sweep ends.
    fn checkpoint(&mut self, _sweep: &Sweep) -> Result<(), DocumentError> {
        Ok(())
    }
}

/// Watches nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Observer for Silent {}

/// Measures what is asked for; what `earlier` holds of it is not measured again. `clock` must have begun with the command.
///
/// # Errors
/// See [`SweepError`].
pub fn sweep(
    request: &Request<'_>,
    earlier: Option<Sweep>,
    executor: &mut dyn Executor,
    clock: &dyn Clock,
    observer: &mut dyn Observer,
) -> Result<Sweep, SweepError> {
    let targets = targets::targets(request)?;
    let mut rounds = rounds::Rounds::new(request, targets, executor, clock, observer);
    if let Some(earlier) = earlier {
        rounds.take_over(&earlier)?;
    }
    rounds.run()
}
