//! What parent and child say to each other: one JSON document a line.

use super::usage::Usage;
use crate::trial::{StageTime, Task};
use scaletune_descriptor::Plan;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::path::{Path, PathBuf};

/// Version of what parent and child say to each other. Both say theirs first: while a long tune runs, the program's file
/// may be replaced by another build, whose workers would be misunderstood.
pub(super) const PROTOCOL: u32 = 1;

/// The first line on the child's standard input.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Opening {
    /// [`PROTOCOL`] of the parent.
    pub(super) protocol: u32,
    /// Existing, empty folder for what is passing, the child's own; none where it has nothing to write.
    pub(super) temporary: Option<PathBuf>,
    /// What the child is to do.
    pub(super) job: Job,
}

impl Opening {
    /// Where the child may write: the folders for its outputs, and that for what is passing.
    pub(super) fn writable(&self) -> impl Iterator<Item = &Path> {
        let again = match &self.job {
            Job::Work { drill, .. } => drill.again.as_ref().map(|(_, _, folder)| folder.as_path()),
            _ => None,
        };
        self.job.folder().into_iter().chain(again).chain(self.temporary.as_deref())
    }

    /// Reads the line.
    ///
    /// # Errors
    /// It is of another version, in words for the user, or can't be read.
    pub(super) fn parse(line: &str) -> Result<Opening, String> {
        let value: Value = serde_json::from_str(line).map_err(|error| format!("the job can't be read: {error}"))?;
        // The version first: what another one means by a job is not for this one to guess.
        match value.get("protocol").and_then(Value::as_u64) {
            Some(theirs) if theirs == u64::from(PROTOCOL) => {
                serde_json::from_value(value).map_err(|error| format!("the job can't be read: {error}"))
            }
            Some(theirs) => Err(other_protocol(theirs, u64::from(PROTOCOL))),
            None => Err("the job names no version of the protocol".into()),
        }
    }
}

/// What to say where the two sides are of different builds.
pub(super) fn other_protocol(program: u64, worker: u64) -> String {
    format!(
        "the program speaks version {program} of the workers' protocol and its worker version {worker}: the program's \
         file was replaced while it ran; run the command again"
    )
}

/// What the child is to do.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "job")]
pub(super) enum Job {
    /// Load the plugin and say what it is.
    Describe {
        /// Plugin file.
        plugin: PathBuf,
    },
    /// Open the inputs, ask for a plan, run it, write the outputs.
    Work {
        /// Plugin file.
        plugin: PathBuf,
        /// Input values by name.
        inputs: Map<String, Value>,
        /// Existing, empty folder for the outputs.
        folder: PathBuf,
        /// How often to repeat `run`.
        repeat: RepeatRule,
        /// What else the session is put through.
        drill: Drill,
    },
    /// Make a workload.
    Simulate {
        /// Plugin file.
        plugin: PathBuf,
        /// Preset, seed, sizes.
        request: Value,
        /// Existing, empty folder for the files.
        folder: PathBuf,
    },
}

impl Job {
    /// Where its outputs go, if it has any.
    pub(super) fn folder(&self) -> Option<&Path> {
        match self {
            Job::Describe { .. } => None,
            Job::Work { folder, .. } | Job::Simulate { folder, .. } => Some(folder),
        }
    }
}

/// The answer to [`Event::Opened`]; the second line on the child's standard input.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct PlanLine {
    pub(super) threads: i64,
    pub(super) axes: Plan,
}

/// What a session is put through beyond a run, to see whether its engine keeps the contract.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Drill {
    /// Is asked to stop before `run` begins.
    pub cancel: bool,
    /// Is prepared, run and written again: thread budget, plan, existing and empty folder.
    pub again: Option<(i64, Plan, PathBuf)>,
}

/// How often `run` is repeated within one trial.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct RepeatRule {
    /// Seconds of measured `run` to reach; a first run shorter than this only warms up.
    pub min_seconds: f64,
    /// Most repeats.
    pub max_runs: u32,
}

impl RepeatRule {
    /// Production: one run.
    pub const ONCE: RepeatRule = RepeatRule { min_seconds: 0.0, max_runs: 1 };
    /// A trial: long enough that the clock and the scheduler don't show.
    pub const TRIAL: RepeatRule = RepeatRule { min_seconds: 0.1, max_runs: 200 };
}

/// How much a log line matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Something failed.
    Error,
    /// The user should know.
    Warn,
    /// The user may like to know.
    Info,
    /// For the engine's author.
    Debug,
}

/// The calls of an engine, as a failure names them; in the order of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "the header documents each call")]
pub enum Step {
    Load,
    Describe,
    Open,
    InputClass,
    Prepare,
    Run,
    Write,
    Close,
    Simulate,
}

impl std::fmt::Display for Step {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Step::Load => "loading",
            Step::Describe => "describe",
            Step::Open => "open",
            Step::InputClass => "input_class",
            Step::Prepare => "prepare",
            Step::Run => "run",
            Step::Write => "write",
            Step::Close => "close",
            Step::Simulate => "simulate",
        })
    }
}

/// What the child reports.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "event")]
pub(super) enum Event {
    /// The child's first word: its [`PROTOCOL`], and its process, which the parent did not start itself.
    Hello { protocol: u32, pid: i32 },
    /// A call into the engine begins.
    Step { step: Step },
    /// The answer to [`Job::Describe`], and why it is not a descriptor, by member and line: only the child has the text.
    Described { descriptor: Value, fault: Option<String> },
    /// The inputs are open; the child waits for a [`PlanLine`].
    Opened { input_class: Map<String, Value> },
    /// A line for the user.
    Log { level: Level, message: String },
    /// How far a stage has come.
    Progress { stage: String, done: u64, total: u64 },
    /// A figure.
    Metric { name: String, value: f64, unit: String },
    /// A task of the last run.
    Task(Task),
    /// All is done and closed.
    Done(Totals),
    /// A call failed.
    Failed { step: Step, kind: Kind, message: String },
    /// The supervisor's word, the last one: the child and all that it started have ended.
    Ended(Ended),
}

/// How a child ended, and what it left.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Ended {
    /// Its exit status, if it ended by itself.
    pub(super) code: Option<i32>,
    /// The signal that ended it.
    pub(super) signal: Option<i32>,
    /// Peak resident set in bytes, an upper bound.
    pub(super) peak_rss_bytes: u64,
    /// Processes that it had started and that lived on after it; they have been ended.
    pub(super) processes_left: u64,
    /// CPU seconds of all processes that it started and did not wait for.
    pub(super) others_cpu_s: f64,
}

/// What the child measured of itself by the time it ends.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Totals {
    /// Wall seconds of `open`, `prepare`, `run` (median), `write`, and of the engine's own stages (last run).
    pub(super) stages: Vec<StageTime>,
    /// What the kernel counted in `open`, `prepare`, `run` (median) and `write` together.
    pub(super) usage: Usage,
    /// Wall seconds of the last run.
    pub(super) last_run_s: f64,
    /// Timed repeats of `run`.
    pub(super) runs: u32,
    /// Calls of `run`, those that only warmed up included.
    pub(super) calls: u32,
    /// Peak resident set in bytes.
    pub(super) peak_rss_bytes: u64,
    /// Threads of the engine that live on after `close`.
    pub(super) threads_left: u64,
}

/// The classes of failure, as the ABI's status tells them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Kind {
    BadInput,
    UnsupportedPlan,
    Cancelled,
    Failed,
    Panicked,
    /// The file is not a plugin, or not one for this host.
    Incompatible(Defect),
}

/// What makes a file no plugin for this host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Defect {
    /// It is not a library that can be loaded.
    File,
    /// It exports no entry point.
    Symbol,
    /// The entry point gives no table.
    Table,
    /// The table is of another version, or too short.
    Version,
    /// The table lacks a function.
    Functions,
    /// What it says of itself can't be read.
    Description,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_version_is_refused_in_words() {
        let opening = Opening { protocol: PROTOCOL, temporary: None, job: Job::Describe { plugin: "/p.so".into() } };
        let line = serde_json::to_string(&opening).unwrap();
        assert!(line.starts_with(&format!("{{\"protocol\":{PROTOCOL},")), "{line}");
        assert!(matches!(Opening::parse(&line).unwrap().job, Job::Describe { .. }));
        // What a later job holds is not looked at.
        let later = Opening::parse(r#"{"protocol": 99, "job": {"job": "dance"}}"#).unwrap_err();
        assert!(later.contains("version 99") && later.contains("run the command again"), "{later}");
        assert!(Opening::parse(r#"{"job": "describe", "plugin": "/p.so"}"#).unwrap_err().contains("names no version"));
        assert!(Opening::parse("").unwrap_err().contains("can't be read"));
    }
}
