//! Many runs in one table, made of their manifests; and what to ask a scheduler for, the next time.

mod table;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::fmt;

/// How much more to ask for than the largest run took: a fifth.
const HEADROOM: f64 = 1.2;
/// A scheduler's smallest sensible request.
const LEAST_MINUTES: f64 = 1.0;
/// In MiB.
const LEAST_MEMORY: f64 = 100.0;

/// What a manifest (`run.json`) says of one run.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Record {
    /// Where its outputs are: the manifest's path without `.run.json`, or its folder.
    pub run: String,
    /// The engine's name.
    pub engine: String,
    /// The engine's version.
    pub version: String,
    /// Where it ran.
    pub host: Option<String>,
    /// The scheduler's number of the job.
    pub job: Option<String>,
    /// When it began (RFC 3339).
    pub began: Option<String>,
    /// Seconds that it took.
    pub wall_s: f64,
    /// CPU seconds of all its threads.
    pub cpu_s: f64,
    /// Threads that it was given.
    pub threads: i64,
    /// Threads times hours: what it kept from others.
    pub core_hours: f64,
    /// Most memory at any time.
    pub peak_rss_bytes: Option<u64>,
    /// `axis=value,...`
    pub plan: String,
    /// Warnings, as they were shown.
    pub warnings: Vec<String>,
    /// Figures that the engine reported, in its order.
    pub metrics: Vec<(String, f64)>,
}

/// A document that is not a run's manifest, and why.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}; name the run.json that `scaletune run` wrote beside its outputs")]
pub struct NotAManifest(String);

#[derive(Deserialize)]
struct Manifest {
    engine: Engine,
    host: Option<String>,
    job: Option<Value>,
    began: Option<String>,
    wall_s: f64,
    cpu_s: f64,
    threads: i64,
    peak_rss_bytes: Option<u64>,
    plan: Map<String, Value>,
    #[serde(default)]
    warnings: Vec<String>,
    #[serde(default)]
    metrics: Map<String, Value>,
}

#[derive(Deserialize)]
struct Engine {
    name: String,
    version: String,
}

impl Record {
    /// Reads the manifest of a run whose outputs are at `run`.
    ///
    /// # Errors
    /// The text is not JSON, or not a manifest: what is missing.
    pub fn parse(run: &str, text: &str) -> Result<Record, NotAManifest> {
        let manifest: Manifest = serde_json::from_str(text)
            .map_err(|error| NotAManifest(format!("is not the manifest of a run ({error})")))?;
        for (name, seconds) in [("wall_s", manifest.wall_s), ("cpu_s", manifest.cpu_s)] {
            if !seconds.is_finite() || seconds < 0.0 {
                return Err(NotAManifest(format!("`{name}` is {seconds}, which is not a time")));
            }
        }
        let plan: Vec<String> = manifest.plan.iter().map(|(axis, value)| format!("{axis}={}", word(value))).collect();
        let metrics =
            manifest.metrics.iter().filter_map(|(name, metric)| Some((name.clone(), metric["value"].as_f64()?)));
        Ok(Record {
            run: run.into(),
            engine: manifest.engine.name,
            version: manifest.engine.version,
            host: manifest.host,
            job: manifest.job.filter(|job| !job.is_null()).map(|job| word(&job)),
            began: manifest.began,
            wall_s: manifest.wall_s,
            cpu_s: manifest.cpu_s,
            threads: manifest.threads,
            core_hours: manifest.threads.max(1) as f64 * manifest.wall_s / 3600.0,
            peak_rss_bytes: manifest.peak_rss_bytes,
            plan: plan.join(","),
            warnings: manifest.warnings,
            metrics: metrics.collect(),
        })
    }
}

/// A JSON value without quotation marks around a text.
fn word(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_string)
}

/// Many runs.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Summary {
    /// In the order in which they were given.
    pub runs: Vec<Record>,
    /// What they took together.
    pub totals: Totals,
    /// What to ask for, for each run, the next time; none where there is no run.
    pub request: Option<Request>,
}

/// What many runs took together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Totals {
    /// How many.
    pub runs: usize,
    /// Of all.
    pub core_hours: f64,
    /// Of all.
    pub cpu_hours: f64,
    /// Of the one that took longest.
    pub longest_s: f64,
    /// Of the one that took most.
    pub most_memory_bytes: u64,
    /// How many runs had a warning.
    pub with_warnings: usize,
}

/// What to ask a scheduler for: the largest of the runs, and a fifth more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Request {
    /// Threads.
    pub cpus: i64,
    /// Whole minutes.
    pub minutes: u64,
    /// Whole MiB, a multiple of 50; none where no manifest has a figure.
    pub memory_mib: Option<u64>,
}

impl Summary {
    /// The summary of these runs.
    pub fn of(runs: Vec<Record>) -> Summary {
        let mut totals = Totals { runs: runs.len(), ..Totals::default() };
        for run in &runs {
            totals.core_hours += run.core_hours;
            totals.cpu_hours += run.cpu_s / 3600.0;
            totals.longest_s = totals.longest_s.max(run.wall_s);
            totals.most_memory_bytes = totals.most_memory_bytes.max(run.peak_rss_bytes.unwrap_or(0));
            totals.with_warnings += usize::from(!run.warnings.is_empty());
        }
        let request = runs.iter().map(|run| run.threads).max().map(|cpus| Request {
            cpus,
            minutes: (totals.longest_s * HEADROOM / 60.0).max(LEAST_MINUTES).ceil() as u64,
            memory_mib: (totals.most_memory_bytes > 0).then(|| {
                let mib = totals.most_memory_bytes as f64 * HEADROOM / f64::from(1 << 20);
                (mib.max(LEAST_MEMORY) / 50.0).ceil() as u64 * 50
            }),
        });
        Summary { runs, totals, request }
    }
}

impl fmt::Display for Request {
    /// As options of Slurm.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "--cpus-per-task={} --time={}:{:02}:00", self.cpus, self.minutes / 60, self.minutes % 60)?;
        self.memory_mib.map_or(Ok(()), |mib| write!(f, " --mem={mib}M"))
    }
}

#[cfg(test)]
mod tests;
