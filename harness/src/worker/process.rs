//! The parent's side: what a worker can be asked, and what it answers.

use super::child::ENTRY_ARGUMENT;
use super::conversation::Conversation;
use super::description::Description;
use super::protocol::{Defect, Drill, Ended, Job, Level, RepeatRule, Step, Totals};
use super::usage::Usage;
use crate::measure::Machine;
use crate::trial::{self, StageTime, Trace};
use scaletune_descriptor::Plan;
use serde_json::{Map, Value};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// How workers are started: this program, called again.
#[derive(Clone, Debug)]
pub struct Worker {
    pub(super) executable: PathBuf,
    /// The words in front of a worker's own.
    under: Vec<OsString>,
}

/// Gives thread budget and plan once the class of the inputs is known, or says why there is none.
pub type Choose<'a> = dyn FnMut(&Map<String, Value>) -> Result<(i64, Plan), String> + 'a;

/// What a worker may not exceed.
#[derive(Clone, Copy, Debug, Default)]
pub struct Limits {
    /// Wall time of the whole process; none = as long as it takes.
    pub time: Option<Duration>,
    /// Bytes that it may hold at once; none = as many as the kernel gives.
    ///
    /// The parent watches what the worker holds, and ends it beyond that. A limit of its address space (`RLIMIT_AS`)
    /// would break honest engines: mapped files, stacks of threads and the allocator's arenas take addresses, not memory.
    pub memory: Option<u64>,
}

impl Limits {
    /// These limits; without one for memory, what this machine, or its control group, lets the worker use.
    pub fn new(time: Option<Duration>, memory: Option<u64>) -> Limits {
        let all = || Some(Machine::this().memory_bytes).filter(|bytes| *bytes > 0);
        Limits { time, memory: memory.or_else(all) }
    }
}

/// One plan on one workload.
#[derive(Clone, Debug)]
pub struct Run<'a> {
    /// Plugin file.
    pub plugin: &'a Path,
    /// Input values by name.
    pub inputs: &'a Map<String, Value>,
    /// Existing, empty folder for the outputs.
    pub folder: &'a Path,
    /// How often to repeat `run`.
    pub repeat: RepeatRule,
    /// What it may not exceed.
    pub limits: Limits,
}

/// What a worker measured, and what the engine reported.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Report {
    /// The sizes that matter for speed.
    pub input_class: Map<String, Value>,
    /// Wall seconds of `open`, `prepare`, `run`, `write`, then of the engine's own stages.
    pub stages: Vec<StageTime>,
    /// Wall seconds of open + prepare + one run + write.
    pub wall_s: f64,
    /// What the kernel counted in the same, and the CPU time of every process that the engine started.
    pub usage: Usage,
    /// Peak resident set, bytes.
    pub peak_rss_bytes: u64,
    /// Most threads that two looks in a row saw; 0 where the work was too short for that.
    pub peak_threads: u64,
    /// How long its threads were ready to run and waited for a core, seconds added up, as far as the parent's looks saw it;
    /// none where the kernel does not count it.
    pub run_delay_s: Option<f64>,
    /// Threads of the engine that lived on after `close`.
    pub threads_left: u64,
    /// Processes of the engine that lived on after the worker; they have been ended.
    pub processes_left: u64,
    /// Timed repeats of `run`.
    pub runs: u32,
    /// Figures that the engine reported: name, value, unit.
    pub metrics: Vec<(String, f64, String)>,
    /// Tasks of the last run.
    pub trace: Trace,
}

/// Why a worker gave no report.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    /// Whose fault it is.
    pub kind: FailureKind,
    /// The call that it happened in; none where no worker was reached.
    pub step: Option<Step>,
    /// How it came to an end.
    pub ending: Ending,
    /// How long that call had been running, as the parent saw it.
    pub after: Duration,
    /// What happened, in which call, in one line.
    pub message: String,
    /// The end of what the engine wrote to standard error.
    pub stderr: String,
}

/// The classes of failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureKind {
    /// The user's input.
    BadInput,
    /// The plan does not go with these inputs.
    UnsupportedPlan,
    /// The user interrupted.
    Cancelled,
    /// The engine failed, panicked, crashed, hung, or is none.
    Engine,
    /// The harness could not start or reach the worker.
    Harness,
}

/// How a worker's work came to an end that is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The call returned a status other than ok.
    Returned,
    /// The call panicked, and said so.
    Panicked,
    /// The process died.
    Crashed,
    /// It was ended at the time limit.
    TimedOut,
    /// It was ended at the memory limit: the bytes that it held.
    OutOfMemory(u64),
    /// The file is not a plugin for this host.
    Unusable(Defect),
    /// The parent ended it, or never reached it.
    Harness,
}

/// Who hears what an engine says while it works.
pub trait Observer {
    /// How far a stage has come; `total` 0 = not known.
    fn progress(&mut self, stage: &str, done: u64, total: u64);
    /// A line for the user.
    fn log(&mut self, level: Level, message: &str);
}

/// An observer that hears nothing.
pub struct Quiet;

impl Observer for Quiet {
    fn progress(&mut self, _: &str, _: u64, _: u64) {}
    fn log(&mut self, _: Level, _: &str) {}
}

/// The description of a plugin file.
///
/// # Errors
/// It is not a plugin, or not one for this host.
pub fn describe(worker: &Worker, plugin: &Path, limits: Limits) -> Result<Description, Failure> {
    let job = Job::Describe { plugin: plugin.to_path_buf() };
    let heard = Conversation::start(worker, &job, limits)?.listen(&mut no_plan, &mut Quiet)?;
    let nothing = || {
        let ending = Ending::Unusable(Defect::Description);
        Failure::new(FailureKind::Engine, Some(Step::Describe), ending, "describe() gave nothing")
    };
    heard.description.ok_or_else(nothing)
}

/// Has a plugin make a workload in `folder`.
///
/// # Errors
/// The request can't be met.
pub fn simulate(
    worker: &Worker,
    plugin: &Path,
    request: &Value,
    folder: &Path,
    limits: Limits,
    observer: &mut dyn Observer,
) -> Result<(), Failure> {
    let job = Job::Simulate { plugin: plugin.into(), request: request.clone(), folder: absolute(folder)? };
    Conversation::start(worker, &job, limits)?.listen(&mut no_plan, observer).map(drop)
}

/// The same folder whatever the current one is.
fn absolute(folder: &Path) -> Result<PathBuf, Failure> {
    let failed = |error| Failure::harness(format!("{}: {error}", folder.display()));
    std::path::absolute(folder).map_err(failed)
}

fn no_plan(_: &Map<String, Value>) -> Result<(i64, Plan), String> {
    Err("this job needs no plan".into())
}

impl Worker {
    /// Workers are `executable __worker`.
    pub fn new(executable: PathBuf) -> Worker {
        Worker { executable, under: Vec::new() }
    }

    /// The same, workers running under another program, such as one that counts instructions: `words` come first.
    pub fn under(&self, words: Vec<OsString>) -> Worker {
        Worker { under: words, ..self.clone() }
    }

    /// The command that starts one. Its current folder is that of its outputs, so that what an engine writes under a
    /// bare name is found there, and not where the user stands. `temporary` is its own folder for what is passing.
    pub(super) fn command(&self, folder: Option<&Path>, temporary: Option<&Path>) -> Command {
        let mut command = match self.under.split_first() {
            Some((program, words)) => {
                let mut command = Command::new(program);
                command.args(words).arg(&self.executable);
                command
            }
            None => Command::new(&self.executable),
        };
        if let Some(folder) = folder {
            command.current_dir(folder);
        }
        if let Some(temporary) = temporary {
            command.env("TMPDIR", temporary);
        }
        command.arg(ENTRY_ARGUMENT);
        command
    }

    /// Workers are this program.
    ///
    /// # Errors
    /// The program's own file can't be found.
    pub fn this_program() -> std::io::Result<Worker> {
        std::env::current_exe().map(Worker::new)
    }

    /// Runs one plan; `choose` gives thread budget and plan once the inputs are open and their class is known.
    ///
    /// # Errors
    /// Why there is no report. What `choose` says against the inputs comes back as [`FailureKind::UnsupportedPlan`].
    pub fn run(&self, run: &Run<'_>, choose: &mut Choose<'_>, observer: &mut dyn Observer) -> Result<Report, Failure> {
        self.drill(run, Drill::default(), choose, observer)
    }

    /// As [`Worker::run`], and puts the session through more.
    ///
    /// # Errors
    /// As [`Worker::run`].
    pub fn drill(
        &self,
        run: &Run<'_>,
        drill: Drill,
        choose: &mut Choose<'_>,
        observer: &mut dyn Observer,
    ) -> Result<Report, Failure> {
        let job = Job::Work {
            plugin: run.plugin.to_path_buf(),
            inputs: run.inputs.clone(),
            folder: absolute(run.folder)?,
            repeat: run.repeat,
            drill,
        };
        Conversation::start(self, &job, run.limits)?.listen(choose, observer).map(Heard::into_report)
    }
}

impl Failure {
    pub(super) fn new(kind: FailureKind, step: Option<Step>, ending: Ending, message: impl Into<String>) -> Failure {
        let (message, stderr) = (message.into(), String::new());
        Failure { kind, step, ending, after: Duration::ZERO, message, stderr }
    }

    pub(super) fn harness(message: String) -> Failure {
        Failure::new(FailureKind::Harness, None, Ending::Harness, message)
    }
}

impl From<Failure> for trial::TrialError {
    fn from(failure: Failure) -> trial::TrialError {
        match (failure.kind, failure.ending) {
            (FailureKind::BadInput, _) => trial::TrialError::BadInput(failure.message),
            (FailureKind::UnsupportedPlan, _) => trial::TrialError::UnsupportedPlan(failure.message),
            (FailureKind::Cancelled, _) => trial::TrialError::Cancelled,
            (FailureKind::Engine, Ending::OutOfMemory(held)) => trial::TrialError::Memory(held),
            (FailureKind::Engine | FailureKind::Harness, _) => trial::TrialError::Failed(failure.message),
        }
    }
}

/// All that was heard by the end.
#[derive(Default)]
pub(super) struct Heard {
    pub(super) description: Option<Description>,
    pub(super) report: Report,
    /// Calls of `run`.
    calls: u32,
}

impl Heard {
    /// Takes in how the worker ended. What ran beside it is shared out over the calls of `run`, as its own figures are
    /// those of one call: which of them started it nobody knows.
    pub(super) fn end(&mut self, ended: &Ended) {
        self.report.usage.cpu_s += ended.others_cpu_s / f64::from(self.calls.max(1));
        self.report.processes_left = ended.processes_left;
        if self.report.peak_rss_bytes == 0 {
            self.report.peak_rss_bytes = ended.peak_rss_bytes;
        }
    }

    pub(super) fn add(&mut self, totals: Totals) {
        let calls = ["open", "prepare", "run", "write"];
        self.report.wall_s = totals.stages.iter().filter(|s| calls.contains(&s.name.as_str())).map(|s| s.seconds).sum();
        self.report.usage = totals.usage;
        self.report.trace.run_s = totals.last_run_s;
        self.report.runs = totals.runs;
        self.calls = totals.calls;
        self.report.stages = totals.stages;
        self.report.peak_rss_bytes = totals.peak_rss_bytes;
        self.report.threads_left = totals.threads_left;
    }

    fn into_report(self) -> Report {
        self.report
    }
}
