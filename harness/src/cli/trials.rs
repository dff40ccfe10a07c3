//! Real trials: each plan in a worker of its own, its outputs compared with the reference's.
//!
//! The reference is the first plan measured, or the answer of another run that [`Trials::answering_to`] names.

use super::workload::Workload;
use crate::equiv;
use crate::measure::{Disturbance, Load, yardstick};
use crate::plugin::Plugin;
use crate::scratch::{NoScratch, Scratch};
use crate::trial::{Equivalence, Executor, Measurement, TrialError};
use crate::worker::{Limits, Quiet, RepeatRule, Run, Worker};
use scaletune_descriptor::{Output, Plan};
use serde_json::{Map, Value};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tempfile::TempDir;

/// A trial may take this many times the reference's time before it counts as hung ...
const LIMIT_FACTOR: f64 = 20.0;
/// ... but at least this long.
const LEAST_LIMIT: Duration = Duration::from_secs(60);

/// The answer that counts.
enum Reference {
    /// The first plan's.
    Own(TempDir),
    /// Another run's, in a folder that others keep.
    Given(PathBuf),
}

impl Reference {
    fn path(&self) -> &Path {
        match self {
            Reference::Own(folder) => folder.path(),
            Reference::Given(folder) => folder,
        }
    }
}

/// Runs trials of one engine on one workload. The first plan measured is the reference of all that follow, unless one is
/// given.
pub(super) struct Trials<'a> {
    worker: &'a Worker,
    plugin: &'a Plugin,
    workload: &'a Workload,
    limits: Limits,
    /// What every trial but the first may hold, bytes.
    max_memory: Option<u64>,
    repeat: RepeatRule,
    folder: Scratch,
    reference: Option<Reference>,
    outputs: &'a [Output],
    input_class: Map<String, Value>,
}

impl<'a> Trials<'a> {
    /// Outputs go to a temporary folder. Without a `time_limit` the first trial has as long as it takes, and all others
    /// a multiple of that.
    ///
    /// # Errors
    /// The folder can't be made.
    pub(super) fn new(
        worker: &'a Worker,
        plugin: &'a Plugin,
        workload: &'a Workload,
        time_limit: Option<Duration>,
    ) -> Result<Trials<'a>, NoScratch> {
        let folder = Scratch::new()?;
        let (limits, repeat) = (Limits::new(time_limit, None), RepeatRule::TRIAL);
        let (outputs, input_class) = (plugin.descriptor.outputs.as_slice(), Map::new());
        let (max_memory, reference) = (None, None);
        Ok(Trials { worker, plugin, workload, limits, max_memory, repeat, folder, reference, outputs, input_class })
    }

    /// The same, a trial that holds more than `max_memory` bytes being ended. The first one alone may hold what the
    /// machine has: without its answer no plan could be trusted.
    pub(super) fn within(mut self, max_memory: Option<u64>) -> Trials<'a> {
        self.max_memory = max_memory;
        self
    }

    /// The same, every trial compared with the files in `folder` by the rules of `outputs`: those of whoever gave the
    /// answer, so that an engine that loosens its rules does not pass by them.
    pub(super) fn answering_to(mut self, folder: PathBuf, outputs: &'a [Output]) -> Trials<'a> {
        (self.reference, self.outputs) = (Some(Reference::Given(folder)), outputs);
        self
    }

    /// The files of the reference, once there are any.
    pub(super) fn reference(&self) -> Option<&Path> {
        self.reference.as_ref().map(Reference::path)
    }

    /// Moves the reference's files to a folder in `folder`, which outlives these trials; its path.
    ///
    /// # Errors
    /// There are none yet, or they can't be moved.
    pub(super) fn keep_reference(&mut self, folder: &Path) -> std::io::Result<PathBuf> {
        let own = self.reference().ok_or_else(|| std::io::Error::other("nothing was measured"))?;
        let kept = folder.join("reference");
        std::fs::rename(own, &kept)?;
        self.reference = Some(Reference::Given(kept.clone()));
        Ok(kept)
    }

    /// The same, each trial running its work once: what is measured from cold caches can't be repeated.
    pub(super) fn once(mut self) -> Trials<'a> {
        self.repeat = RepeatRule::ONCE;
        self
    }

    /// The sizes that matter for speed, known once a trial has been run.
    pub(super) fn input_class(&self) -> &Map<String, Value> {
        &self.input_class
    }
}

impl Executor for Trials<'_> {
    fn measure(&mut self, plan: &Plan) -> Result<Measurement, TrialError> {
        let descriptor = &self.plugin.descriptor;
        // Read before the worker loads it, so that what is measured is what is named.
        let file = self.plugin.file().map_err(|error| TrialError::BadInput(error.to_string()))?;
        let io_error = |error: std::io::Error| TrialError::Failed(format!("{}: {error}", self.folder.path().display()));
        let folder = TempDir::new_in(self.folder.path()).map_err(io_error)?;
        let run = Run {
            plugin: &self.plugin.path,
            inputs: &self.workload.values,
            folder: folder.path(),
            repeat: self.repeat,
            limits: self.limits,
        };
        let threads = descriptor.threads_used(plan);
        let load = Load::now();
        let report = self.worker.run(&run, &mut |_| Ok((threads, plan.clone())), &mut Quiet);
        let report = report.map_err(TrialError::from);
        // One that is replaced under a worker may make it crash: what happened is told, not what came of it.
        if !matches!(report, Err(TrialError::Cancelled)) {
            file.check_unchanged().map_err(|why| {
                TrialError::BadInput(format!("{why}; this trial does not count; begin again when it stays as it is"))
            })?;
        }
        let report = report?;
        let disturbance = load.and_then(|load| load.until_now());
        let disturbance = disturbance.map(|it| Disturbance { run_delay_s: report.run_delay_s, ..it });
        let allowed = threads + descriptor.helper_threads(plan);
        if report.peak_threads as i64 > allowed {
            let seen = report.peak_threads;
            return Err(TrialError::Failed(format!("ran {seen} threads where its plan allows {allowed}")));
        }
        // A limit by the first trial's time, and its class: whose reference counts does not matter for these.
        if self.input_class.is_empty() {
            self.input_class = report.input_class.clone();
        }
        let limit = Duration::from_secs_f64(report.wall_s * LIMIT_FACTOR).max(LEAST_LIMIT);
        self.limits.time.get_or_insert(limit);
        self.limits.memory = self.limits.memory.into_iter().chain(self.max_memory).min();
        let equivalence = match &self.reference {
            Some(reference) => {
                equiv::compare_folders(reference.path(), folder.path(), self.outputs, &self.workload.inputs)
                    .map_err(|error| TrialError::Failed(error.to_string()))?
            }
            None => {
                self.reference = Some(Reference::Own(folder));
                Equivalence::Same
            }
        };
        Ok(Measurement {
            wall_s: report.wall_s,
            cpu_s: report.usage.cpu_s,
            peak_rss_bytes: report.peak_rss_bytes,
            peak_threads: report.peak_threads,
            voluntary_switches: report.usage.voluntary_switches,
            involuntary_switches: report.usage.involuntary_switches,
            read_bytes: report.usage.read_bytes,
            disk_read_bytes: report.usage.disk_read_bytes,
            runs: report.runs,
            stages: report.stages,
            equivalence,
            disturbance,
            yardstick_s: None,
            slowdown: None,
            trace: report.trace,
        })
    }

    /// The better of two: one alone may have met a moment's interruption.
    fn yardstick_s(&mut self) -> Option<f64> {
        let ((_, one), (_, other)) = (yardstick(1), yardstick(1));
        Some(one.min(other))
    }
}
