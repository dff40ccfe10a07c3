//! A trial: one plan on one workload, measured once. What the tuner and the sweep see of the world.
//!
//! The real executor spawns a worker process (`crate::worker`); tests use one with a fake clock.

use crate::document::{check_spent, check_time};
use crate::measure::Disturbance;
use scaletune_descriptor::Plan;
use serde::{Deserialize, Serialize};

/// What one trial measured. Times are seconds, sizes bytes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Measurement {
    /// A whole production run: open + prepare + one run + write.
    pub wall_s: f64,
    /// User and system CPU time of the same.
    pub cpu_s: f64,
    /// Largest resident set of the worker process.
    pub peak_rss_bytes: u64,
    /// Most threads seen at once, the main thread included; 0 where the trial was too short to look.
    pub peak_threads: u64,
    /// How often a thread gave up its core of its own accord, to wait, in a whole production run.
    #[serde(default)]
    pub voluntary_switches: u64,
    /// How often a thread was made to give up its core, in a whole production run.
    #[serde(default)]
    pub involuntary_switches: u64,
    /// Bytes that read calls gave, in a whole production run; pages of mapped files are not in it.
    #[serde(default)]
    pub read_bytes: u64,
    /// Bytes that had to come from a disk for it.
    #[serde(default)]
    pub disk_read_bytes: u64,
    /// How often `run` was repeated to get its figure.
    pub runs: u32,
    /// Wall seconds of `open`, `prepare`, `run`, `write`, and of the stages that the engine reports, in order.
    pub stages: Vec<StageTime>,
    /// Whether the files that it wrote equal the reference's.
    pub equivalence: Equivalence,
    /// What else the machine did meanwhile; none where the kernel did not say, and in older documents.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disturbance: Option<Disturbance>,
    /// CPU seconds of a fixed piece of arithmetic just before the round that it was measured in; none where it was not taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub yardstick_s: Option<f64>,
    /// How many times as long that took as in the fastest round: the machine itself was so much slower.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slowdown: Option<f64>,
    /// Who did what when in the last run. Kept by those who want it: it may be long.
    #[serde(skip)]
    pub trace: Trace,
}

/// From this disturbance on a trial's wall time says more of the machine than of the plan: what is worth telling two plans
/// apart by is less than that.
const DISTURBED: f64 = 0.2;
/// The kernel counts other work in ticks of ten milliseconds: so few of them may be one process that was up at the wrong time.
const LEAST_S: f64 = 0.03;
/// The same for a machine that is slower by itself: its host is busy, or its clock was turned down.
const SLOWED_DOWN: f64 = 1.25;

impl Measurement {
    /// Whether its times can be times: one that is read from a file may hold anything.
    ///
    /// # Errors
    /// What can't, in words.
    pub fn check_times(&self) -> Result<(), String> {
        check_time("wall_s", self.wall_s)?;
        check_spent("cpu_s", self.cpu_s)?;
        self.stages.iter().try_for_each(|stage| check_spent("stage", stage.seconds))
    }

    /// Whether its wall time says more of what else happened on the machine than of the plan.
    pub fn is_disturbed(&self) -> bool {
        let took = |it: Disturbance| it.share() >= DISTURBED && it.others_s + it.steal_s >= LEAST_S;
        self.disturbance.is_some_and(took) || self.slowdown.is_some_and(|it| it >= SLOWED_DOWN)
    }

    /// The trials that count: the undisturbed ones where they are at least half of all, else all.
    pub fn that_count(trials: &[Measurement]) -> Vec<&Measurement> {
        let calm: Vec<&Measurement> = trials.iter().filter(|trial| !trial.is_disturbed()).collect();
        if 2 * calm.len() >= trials.len() { calm } else { trials.iter().collect() }
    }
}

/// Who did what when in one run. Seconds since the run began.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Trace {
    /// Wall seconds of that run.
    pub run_s: f64,
    /// The tasks that the engine told of, in the order in which they ended.
    pub tasks: Vec<Task>,
}

/// A task of a run. Seconds since the run began.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Task {
    /// What it was.
    #[serde(rename = "task")]
    pub name: String,
    /// Who did it, from 0.
    pub worker: u32,
    /// When it began.
    pub begin_s: f64,
    /// When it ended.
    pub end_s: f64,
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
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "verdict", content = "difference")]
pub enum Equivalence {
    /// Every output is equal by its rules.
    Same,
    /// The first difference, as a person reads it: file, row, column, expected, found.
    Different(String),
    /// There was nothing to compare with.
    #[default]
    NotCompared,
}

/// Why a trial gave no measurement.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TrialError {
    /// The engine refuses the inputs, or its plugin was replaced while it was measured: no plan will do better.
    #[error("{0}")]
    BadInput(String),
    /// The engine can't run this plan on these inputs: another one may do.
    #[error("{0}")]
    UnsupportedPlan(String),
    /// The engine failed, crashed or hung under this plan.
    #[error("{0}")]
    Failed(String),
    /// The plan took more memory than it may, and was ended: the bytes that it held then.
    #[error("was ended holding {} MB of memory, more than it may", .0 / 1_000_000)]
    Memory(u64),
    /// The user interrupted.
    #[error("interrupted")]
    Cancelled,
}

/// Whether a plan takes so little that, of each run of it, a third or more is the start of a worker, `overhead_s`: what it
/// gains over another plan then hardly shows.
pub fn is_near_overhead(seconds: f64, overhead_s: f64) -> bool {
    seconds <= 2.0 * overhead_s
}

/// Runs trials.
pub trait Executor {
    /// Runs `plan` once, in a process of its own, and compares its outputs with the reference's where there is one.
    ///
    /// # Errors
    /// Why there is no measurement.
    fn measure(&mut self, plan: &Plan) -> Result<Measurement, TrialError>;

    /// CPU seconds that a fixed piece of arithmetic takes now: how fast the machine is at the moment. None where time is
    /// made up.
    fn yardstick_s(&mut self) -> Option<f64> {
        None
    }
}
