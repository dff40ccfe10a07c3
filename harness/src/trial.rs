//! A trial: one plan on one workload, measured once. What the tuner and the sweep see of the world.
//!
//! The real executor spawns a worker process (`crate::worker`); tests use one with a fake clock.

use scaletune_descriptor::Plan;
use serde::{Deserialize, Serialize};

/// What one trial measured. Times are seconds, sizes bytes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measurement {
    /// A whole production run: open + prepare + one run + write.
    pub wall_s: f64,
    /// User and system CPU time of the same.
    pub cpu_s: f64,
    /// Largest resident set of the worker process.
    pub peak_rss_bytes: u64,
    /// Most threads seen at once, the main thread included; 0 where the trial was too short to look.
    pub peak_threads: u64,
    /// How often `run` was repeated to get its figure.
    pub runs: u32,
    /// Wall seconds of `open`, `prepare`, `run`, `write`, and of the stages that the engine reports, in order.
    pub stages: Vec<StageTime>,
    /// Whether the files that it wrote equal the reference's.
    pub equivalence: Equivalence,
}

/// Wall time of one stage.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StageTime {
    /// Its name.
    pub name: String,
    /// Wall seconds.
    pub seconds: f64,
}

/// Whether a plan gave the reference's answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "verdict", content = "difference")]
pub enum Equivalence {
    /// Every output is equal by its rules.
    Same,
    /// The first difference, as a person reads it: file, row, column, expected, found.
    Different(String),
    /// There was nothing to compare with.
    NotCompared,
}

/// Why a trial gave no measurement.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TrialError {
    /// The engine refuses the inputs: no plan will do better.
    #[error("{0}")]
    BadInput(String),
    /// The engine can't run this plan on these inputs: another one may do.
    #[error("{0}")]
    UnsupportedPlan(String),
    /// The engine failed, crashed or hung under this plan.
    #[error("{0}")]
    Failed(String),
    /// The user interrupted.
    #[error("interrupted")]
    Cancelled,
}

/// Runs trials.
pub trait Executor {
    /// Runs `plan` once, in a process of its own, and compares its outputs with the reference's where there is one.
    ///
    /// # Errors
    /// Why there is no measurement.
    fn measure(&mut self, plan: &Plan) -> Result<Measurement, TrialError>;
}
