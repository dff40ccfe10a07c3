//! The document: one engine on one machine and one class of inputs.

use crate::document::{check_ratio, check_spent, check_time};
use crate::measure::Machine;
use crate::plugin::short;
use crate::stats::LEAST_SAMPLES;
use scaletune_descriptor::Plan;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use std::io::Write;
use std::path::{Path, PathBuf};

/// Version of the document's form; another one is not read.
const SCHEMA_VERSION: u32 = 1;

/// The best plans of one engine on one machine and one class of inputs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Profile {
    /// Version of this form.
    pub schema_version: u32,
    /// The engine.
    pub engine: String,
    /// Its version.
    pub engine_version: String,
    /// SHA-256 of the plugin's file that was measured; none where an earlier version made the profile, or a part of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plugin_sha256: Option<String>,
    /// The version of scaletune that made it.
    pub scaletune_version: String,
    /// When it was made or last added to, RFC 3339.
    pub created: String,
    /// Where it was made.
    pub machine: Machine,
    /// The sizes that matter for speed, of the input that it was made with.
    pub input_class: Map<String, Value>,
    /// Types of the file systems that its files lay on, sorted, such as `ext4` or `lustre`; empty where it had none, or an
    /// earlier version made the profile.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub file_systems: Vec<String>,
    /// It holds for inputs whose sizes are at most so many times as large, or as small, as those above.
    #[serde(default = "size_factor")]
    pub size_factor: f64,
    /// Seconds that a worker took beside its work, to start, load the plugin and end; the times below leave this out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worker_s: Option<f64>,
    /// The best plan for each thread budget, ascending.
    pub points: Vec<Point>,
}

/// How far from the sizes measured a profile holds where it does not say: what is best for a small file need not be for
/// one ten times as large.
pub const SIZE_FACTOR: f64 = 4.0;

fn size_factor() -> f64 {
    SIZE_FACTOR
}

/// The best plan for one thread budget.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// The budget.
    pub threads: i64,
    /// Threads that the plan keeps busy.
    pub threads_used: i64,
    /// The plan.
    pub plan: Plan,
    /// Whether it is the engine's default, kept because nobody can tell yet whether another plan is better.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub provisional: bool,
    /// Why it is provisional, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why_provisional: Option<String>,
    /// On what the plan's strategy gave the reference's answer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub compared: Vec<Compared>,
    /// What speaks for it.
    pub evidence: Evidence,
}

/// Something on which a strategy gave the reference plan's answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Compared {
    /// What it was, such as `these inputs`, or `a simulated workload (preset small, seed 2)`.
    pub on: String,
    /// Busy threads of the plans that were compared, ascending.
    pub threads: Vec<i64>,
}

impl Point {
    /// Why the plan is no more than a guess, in words; none where it is more. A profile of an earlier version may hold a
    /// plan that was chosen on fewer trials than can decide.
    pub fn doubt(&self) -> Option<String> {
        let samples = self.evidence.samples;
        if self.provisional {
            return Some(self.why_provisional.clone().unwrap_or_else(|| "too little was measured to tell".into()));
        }
        let plural = if samples == 1 { "" } else { "s" };
        (samples < LEAST_SAMPLES)
            .then(|| format!("it rests on {samples} trial{plural}, and fewer than {LEAST_SAMPLES} decide nothing"))
    }
}

/// What speaks for a plan. Times are wall seconds of a whole run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// Median.
    pub median_s: f64,
    /// Lower end of its interval.
    pub ci_low_s: f64,
    /// Upper end of its interval.
    pub ci_high_s: f64,
    /// Trials.
    pub samples: usize,
    /// Median of the engine's default plan for the same budget.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_median_s: Option<f64>,
    /// How many times as long as this plan the default took, round by round; none where it is the default, or never met it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_ratio: Option<Ratio>,
    /// Why the default could not be kept, such as a wrong answer; none where it could.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_out: Option<String>,
    /// Median of the best plan with one busy thread.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub one_thread_median_s: Option<f64>,
    /// Speedup over one thread, divided by the threads used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub efficiency: Option<f64>,
    /// The second best plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runner_up: Option<RunnerUp>,
    /// Plans that were compared.
    pub plans_compared: usize,
}

impl Evidence {
    fn check_times(&self) -> Result<(), String> {
        let times = [
            ("median_s", Some(self.median_s)),
            ("ci_low_s", Some(self.ci_low_s)),
            ("ci_high_s", Some(self.ci_high_s)),
            ("default_median_s", self.default_median_s),
            ("one_thread_median_s", self.one_thread_median_s),
            ("the runner-up's median_s", self.runner_up.as_ref().map(|other| other.median_s)),
        ];
        for (name, seconds) in times {
            seconds.map_or(Ok(()), |seconds| check_time(name, seconds))?;
        }
        let ratio = self.default_ratio.map(|Ratio { median, low, high, .. }| [median, low, high]);
        ratio.into_iter().flatten().try_for_each(|part| check_ratio("default_ratio", part))?;
        self.efficiency.map_or(Ok(()), |efficiency| check_ratio("efficiency", efficiency))
    }
}

/// A ratio of times, with its interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ratio {
    /// Median of the rounds' ratios.
    pub median: f64,
    /// Lower end of its interval.
    pub low: f64,
    /// Upper end of its interval.
    pub high: f64,
    /// Rounds in which both were measured.
    pub rounds: usize,
}

/// The second best plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunnerUp {
    /// The plan.
    pub plan: Plan,
    /// Its median.
    pub median_s: f64,
}

/// Why a profile can't be read or written.
#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    /// The file can't be read or written.
    #[error("profile {}: {source}", .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is not a profile of this version.
    #[error("profile {}: {reason}", .path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
}

impl Profile {
    /// An empty profile, made now.
    pub fn new(engine: &str, engine_version: &str, machine: Machine, input_class: Map<String, Value>) -> Profile {
        Profile {
            schema_version: SCHEMA_VERSION,
            engine: engine.into(),
            engine_version: engine_version.into(),
            plugin_sha256: None,
            scaletune_version: env!("CARGO_PKG_VERSION").into(),
            created: jiff::Timestamp::now().to_string(),
            machine,
            input_class,
            file_systems: Vec::new(),
            size_factor: SIZE_FACTOR,
            worker_s: None,
            points: Vec::new(),
        }
    }

    /// Reads a profile.
    ///
    /// # Errors
    /// The file can't be read, or is not a profile of this version.
    pub fn load(path: &Path) -> Result<Profile, ProfileError> {
        let text = std::fs::read_to_string(path).map_err(|source| ProfileError::Io { path: path.into(), source })?;
        let content = |reason| ProfileError::Content { path: path.into(), reason };
        let value: Value = serde_json::from_str(&text).map_err(|error| content(format!("is not JSON: {error}")))?;
        // The version first: what a later form means is not for this one to guess.
        match value.get("schema_version").and_then(Value::as_u64) {
            Some(version) if version == u64::from(SCHEMA_VERSION) => {}
            Some(version) => {
                return Err(content(format!("has form {version}; this scaletune reads form {SCHEMA_VERSION}")));
            }
            None => return Err(content("is not a profile: it has no schema_version".into())),
        }
        let profile: Profile =
            serde_json::from_value(value).map_err(|error| content(format!("is incomplete: {error}")))?;
        if profile.points.is_empty() {
            return Err(content("holds no plan".into()));
        }
        if profile.size_factor.is_nan() || profile.size_factor < 1.0 {
            return Err(content(format!("size_factor {} is not 1 or more", profile.size_factor)));
        }
        profile.check_times().map_err(content)?;
        Ok(profile)
    }

    /// What cannot be a time, in words that name the place.
    fn check_times(&self) -> Result<(), String> {
        self.worker_s.map_or(Ok(()), |seconds| check_spent("worker_s", seconds))?;
        for point in &self.points {
            point.evidence.check_times().map_err(|fault| format!("threads {}: {fault}", point.threads))?;
        }
        Ok(())
    }

    /// Writes the profile, in one step as far as any reader can see.
    ///
    /// # Errors
    /// The file can't be written, or could not be read again: a figure is not a time.
    pub fn save(&self, path: &Path) -> Result<(), ProfileError> {
        let failed = |source| ProfileError::Io { path: path.into(), source };
        self.check_times().map_err(|reason| ProfileError::Content { path: path.into(), reason })?;
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        std::fs::create_dir_all(folder).map_err(failed)?;
        let text = serde_json::to_string_pretty(self).map_err(|error| failed(error.into()))? + "\n";
        let mut file = tempfile::Builder::new().prefix(".profile-").tempfile_in(folder).map_err(failed)?;
        file.write_all(text.as_bytes()).and_then(|()| file.as_file().sync_all()).map_err(failed)?;
        // A temporary file is the owner's alone; a profile is for all who may read the folder.
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o644);
        file.as_file().set_permissions(mode).map_err(failed)?;
        file.persist(path).map_err(|error| failed(error.error))?;
        Ok(())
    }

    /// Sets the plan for a budget, in place of any that there was.
    pub fn set(&mut self, point: Point) {
        self.points.retain(|known| known.threads != point.threads);
        self.points.push(point);
        self.points.sort_by_key(|point| point.threads);
    }

    /// True where `other` was made by the same version of the engine, on the same machine, for the same inputs: its
    /// points and these can stand in one profile. What one of the two does not say, such as the build of the plugin in a
    /// profile of an earlier version, does not tell them apart.
    pub fn is_like(&self, other: &Profile) -> bool {
        self.engine == other.engine
            && self.engine_version == other.engine_version
            && self.build_difference(other.plugin_sha256.as_deref()).is_none()
            && self.machine.digest() == other.machine.digest()
            && self.machine.differences(&other.machine).is_empty()
            && self.input_class == other.input_class
            && file_systems_difference(&other.file_systems, &self.file_systems).is_none()
    }

    /// `build HERE here, THERE there`, where it was made with another build of the plugin than that with the digest
    /// `here`; none where either is not known.
    pub fn build_difference(&self, here: Option<&str>) -> Option<String> {
        let (here, there) = (here?, self.plugin_sha256.as_deref()?);
        (here != there).then(|| format!("build {} here, {} there", short(here), short(there)))
    }

    /// A file name that engines, machines and classes of inputs do not share.
    pub fn file_name(&self) -> String {
        let class = Value::Object(self.input_class.clone()).to_string();
        format!("{}-{}-{}.json", self.engine, self.machine.digest(), short_hash(&class))
    }
}

/// `inputs on HERE here, on THERE there`, where the files lie on other file systems; none where either is not known.
pub(super) fn file_systems_difference(here: &[String], there: &[String]) -> Option<String> {
    let differ = !here.is_empty() && !there.is_empty() && here != there;
    differ.then(|| format!("inputs on {} here, on {} there", here.join(" and "), there.join(" and ")))
}

fn short_hash(text: &str) -> String {
    Sha256::digest(text).iter().take(4).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
pub(super) mod tests;
