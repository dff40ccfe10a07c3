//! The document `sweep.json`. Times are seconds, sizes bytes, as plain numbers.

use super::layout::Layout;
use super::named::Claim;
use super::timeline::Timeline;
use crate::document::{DocumentError, check_spent, check_time, write_whole};
use crate::measure::Machine;
use crate::trial::Measurement;
use scaletune_descriptor::Plan;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::path::Path;

/// Version of the document's form; another one is not read.
pub const SCHEMA_VERSION: u32 = 1;

/// What a sweep measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sweep {
    /// Version of this form.
    pub schema_version: u32,
    /// The version of scaletune that made it.
    pub scaletune_version: String,
    /// When it was last written, RFC 3339.
    pub created: String,
    /// The engine.
    pub engine: String,
    /// Its version.
    pub engine_version: String,
    /// What the engine was built from, where it says.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub engine_build: String,
    /// SHA-256 of the plugin's file; none where an earlier version wrote the document, or a part of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plugin_sha256: Option<String>,
    /// Where it was measured.
    pub machine: Machine,
    /// The inputs; a file is told by its name, without the folder.
    pub inputs: Map<String, Value>,
    /// Their files.
    #[serde(default)]
    pub files: Vec<InputFile>,
    /// The sizes of the inputs that matter for speed.
    pub input_class: Map<String, Value>,
    /// The seed of all its randomness.
    pub seed: u64,
    /// Whether the inputs were dropped from the page cache before each trial.
    pub cold: bool,
    /// Whether everything asked for was measured.
    pub complete: bool,
    /// Trials made.
    pub trials: usize,
    /// Median seconds that a worker takes to start, to load the plugin and to end. In no other figure.
    #[serde(default)]
    pub worker_start_s: Option<f64>,
    /// Seconds spent, earlier parts of a continued sweep included.
    pub elapsed_s: f64,
    /// The plan whose answer counts.
    pub reference: Plan,
    /// The axes that count threads.
    pub thread_axes: Vec<String>,
    /// The row that speedups are told against: the fastest right one with one busy thread; none before it is measured.
    pub serial_row: Option<usize>,
    /// A row for each plan and budget.
    pub rows: Vec<Row>,
}

/// A file among the inputs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InputFile {
    /// The input.
    pub input: String,
    /// The file's name, without its folder.
    pub file: String,
    /// Its size.
    pub bytes: u64,
    /// Type of the file system that it lay on, such as `ext4` or `lustre`; none where that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file_system: Option<String>,
}

impl InputFile {
    /// Whether it may be `other`: what is known of both is the same.
    pub fn is_like(&self, other: &InputFile) -> bool {
        let elsewhere = self.file_system.as_ref().zip(other.file_system.as_ref()).is_some_and(|(a, b)| a != b);
        (&self.input, &self.file, self.bytes) == (&other.input, &other.file, other.bytes) && !elsewhere
    }
}

/// One plan under one budget.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// Its name, where it came from a file of named plans.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What others said of it at this budget.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claim: Option<Claim>,
    /// The plan.
    pub plan: Plan,
    /// The budget.
    pub threads: i64,
    /// Threads that the plan keeps busy.
    pub threads_used: i64,
    /// Median wall time of a whole run.
    pub median_s: Option<f64>,
    /// Lower end of its 95 % bootstrap interval.
    pub ci_low_s: Option<f64>,
    /// Upper end of its 95 % bootstrap interval.
    pub ci_high_s: Option<f64>,
    /// Median CPU time.
    pub cpu_s: Option<f64>,
    /// Largest peak memory of any trial.
    pub peak_rss_bytes: Option<u64>,
    /// Median number of times that a thread gave up its core to wait.
    #[serde(default)]
    pub voluntary_switches: Option<u64>,
    /// Median number of times that a thread was made to give up its core.
    #[serde(default)]
    pub involuntary_switches: Option<u64>,
    /// Median number of bytes that read calls gave.
    #[serde(default)]
    pub read_bytes: Option<u64>,
    /// Median number of bytes that came from a disk.
    #[serde(default)]
    pub disk_read_bytes: Option<u64>,
    /// Times as fast as the best one-thread plan; none for a plan whose answer is wrong or was not compared.
    pub speedup: Option<f64>,
    /// Speedup per busy thread.
    pub efficiency: Option<f64>,
    /// Karp and Flatt's serial fraction; none for one thread.
    pub serial_fraction: Option<f64>,
    /// CPU time over that of one thread, with the same strategy where there is such a plan: above 1 is work that parallelism
    /// adds. None where that was not measured.
    #[serde(default)]
    pub cpu_inflation: Option<f64>,
    /// Whether its answer is the reference's.
    pub equivalence: Verdict,
    /// The first difference.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub difference: Option<String>,
    /// The plan of the same strategy that gave another answer: this one can't be called fast either.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tainted: Option<String>,
    /// Why it gave no measurement.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
    /// Whether it keeps more threads busy than there are usable cores.
    pub oversubscribed: bool,
    /// Whether it takes so little that a worker's start, `worker_start_s`, is a third or more of each run.
    #[serde(default)]
    pub near_overhead: bool,
    /// Median seconds of each stage.
    pub stages: Map<String, Value>,
    /// What its workers did; kept for the best plan of each budget and for named ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeline: Option<Timeline>,
    /// Every trial, in order.
    pub samples: Vec<Measurement>,
}

/// Whether a plan's answer is the reference's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It is.
    Same,
    /// It is not.
    Different,
    /// Nobody knows: it was never measured, or there was nothing to compare with.
    NotCompared,
}

impl Row {
    /// What cannot be a time, in words.
    fn check_times(&self) -> Result<(), String> {
        for (name, seconds) in [("median_s", self.median_s), ("ci_low_s", self.ci_low_s), ("ci_high_s", self.ci_high_s)]
        {
            seconds.map_or(Ok(()), |seconds| check_time(name, seconds))?;
        }
        self.cpu_s.map_or(Ok(()), |seconds| check_spent("cpu_s", seconds))?;
        self.samples.iter().try_for_each(|sample| sample.check_times().map_err(|fault| format!("a sample's {fault}")))
    }

    /// Wall seconds of the trials that count.
    pub fn times(&self) -> Vec<f64> {
        self.trials_that_count().iter().map(|sample| sample.wall_s).collect()
    }

    /// The trials that its figures are made of: see [`Measurement::that_count`].
    pub fn trials_that_count(&self) -> Vec<&Measurement> {
        Measurement::that_count(&self.samples)
    }

    /// What the row is called: its name, or its plan.
    pub fn label(&self) -> String {
        self.name.clone().unwrap_or_else(|| self.plan.to_string())
    }

    /// The timeline, where its balance and idle time say anything: where its tasks are neither too short nor too small a
    /// part of the run.
    pub fn telling_timeline(&self) -> Option<&Timeline> {
        let timeline = self.timeline.as_ref()?;
        timeline.is_telling(self.median_s?).then_some(timeline)
    }

    /// True where it was measured, and neither its answer nor that of a plan with the same strategy is wrong.
    pub fn is_valid(&self) -> bool {
        self.equivalence == Verdict::Same && self.tainted.is_none() && self.failure.is_none() && self.median_s.is_some()
    }
}

impl Sweep {
    /// Reads a document.
    ///
    /// # Errors
    /// The file can't be read, or is not a sweep of this version.
    pub fn load(path: &Path) -> Result<Sweep, DocumentError> {
        let text = std::fs::read_to_string(path).map_err(DocumentError::io(path))?;
        Sweep::parse(&text).map_err(|fault| DocumentError::content(path, fault))
    }

    fn parse(text: &str) -> Result<Sweep, String> {
        let value: Value = serde_json::from_str(text).map_err(|error| format!("is not JSON: {error}"))?;
        match value.get("schema_version").and_then(Value::as_u64) {
            Some(version) if version == u64::from(SCHEMA_VERSION) => {}
            Some(version) => return Err(format!("has form {version}; this scaletune reads form {SCHEMA_VERSION}")),
            None => return Err("is not a sweep: it has no schema_version; `scaletune sweep` writes one".into()),
        }
        let sweep: Sweep = serde_json::from_value(value).map_err(|error| format!("is not a sweep: {error}"))?;
        match sweep.serial_row {
            Some(row) if row >= sweep.rows.len() => Err(format!("serial_row {row} is not a row")),
            _ => sweep.check_times().map(|()| sweep),
        }
    }

    /// What cannot be a time, in words that name the place.
    fn check_times(&self) -> Result<(), String> {
        self.worker_start_s.map_or(Ok(()), |seconds| check_spent("worker_start_s", seconds))?;
        check_spent("elapsed_s", self.elapsed_s)?;
        for (index, row) in self.rows.iter().enumerate() {
            row.check_times().map_err(|fault| format!("row {index}: {fault}"))?;
        }
        Ok(())
    }

    /// Writes the document, in one step as far as any reader can see.
    ///
    /// # Errors
    /// The file can't be written.
    pub fn save(&self, path: &Path) -> Result<(), DocumentError> {
        let mut bytes = Vec::new();
        self.serialize(&mut serde_json::Serializer::with_formatter(&mut bytes, Layout::default()))
            .map_err(|error| DocumentError::content(path, error.to_string()))?;
        bytes.push(b'\n');
        write_whole(path, &bytes)
    }

    /// The row that speedups are told against.
    pub fn serial(&self) -> Option<&Row> {
        self.rows.get(self.serial_row?)
    }

    /// The row that tells what threads added to `row`; none where no such plan was measured.
    pub fn one_thread_for(&self, row: &Row) -> Option<&Row> {
        super::figures::one_thread_for(&self.rows, row)
    }

    /// Types of the file systems that its input files lay on, as far as they are known, sorted.
    pub fn file_systems(&self) -> Vec<&str> {
        let mut types: Vec<&str> = self.files.iter().filter_map(|file| file.file_system.as_deref()).collect();
        types.sort_unstable();
        types.dedup();
        types
    }

    /// The budgets, ascending.
    pub fn budgets(&self) -> Vec<i64> {
        let mut budgets: Vec<i64> = self.rows.iter().map(|row| row.threads).collect();
        budgets.sort_unstable();
        budgets.dedup();
        budgets
    }

    /// The fastest right row of a budget.
    pub fn best(&self, threads: i64) -> Option<&Row> {
        let rows = self.rows.iter().filter(|row| row.threads == threads && row.is_valid());
        rows.min_by(|left, right| {
            let median = |row: &Row| row.median_s.unwrap_or(f64::INFINITY);
            median(left).total_cmp(&median(right))
        })
    }
}
