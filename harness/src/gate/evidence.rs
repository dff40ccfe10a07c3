//! Evidence of cases that time left open, kept from one job to the next: a JSON document.
//!
//! A gate that goes on from job to job is one sequential test, interrupted: its looks are those of [`Looks::carrying`],
//! counted from the first job, and what it keeps is where it stood: the rounds of the points that are open, and the checks
//! of those that are decided. So what is kept enters the same test, and can't be counted twice:
//! - a verdict ends it, and its evidence goes: the next gate of the same pair begins anew;
//! - it goes on only with the very same two plugins, inputs, plans, margins and machine ([`About`]).
//!
//! [`Looks::carrying`]: super::Looks::carrying

use super::check::Check;
use super::rounds::Sample;
use super::{Case, Margins, Point, Side};
use crate::document::{DocumentError, write_whole};
use crate::measure::Machine;
use crate::publish::FileFigures;
use scaletune_descriptor::Plan;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::path::Path;

/// Version of the document's form; another one is not read.
const SCHEMA_VERSION: u32 = 1;
/// Most entries that are kept, the newest: those of builds that are gone are never asked for again.
const MOST_ENTRIES: usize = 200;

/// What evidence is about. All of it must be the same for a gate to go on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct About {
    /// The case's name in the suite.
    pub case: String,
    /// The engine.
    pub engine: String,
    /// The axes that are fixed.
    pub fixed: Plan,
    /// The margins that are judged by.
    pub margins: Margins,
    /// SHA-256 of the plugins' files, the older one's first.
    pub plugins: [String; 2],
    /// The engine's versions, the older one's first.
    pub engine_versions: [String; 2],
    /// The inputs by name, files without their folders.
    pub values: Map<String, Value>,
    /// The input files, each under its input's name.
    pub inputs: Vec<FileFigures>,
    /// The version of scaletune that took the times.
    pub scaletune_version: String,
    /// True where a debug build of it did.
    pub debug_build: bool,
    /// Where.
    pub machine: Machine,
}

impl About {
    /// About a case on this machine, by this program.
    pub fn new(case: &Case, plugins: [String; 2], engine_versions: [String; 2], machine: Machine) -> About {
        About {
            case: case.name.clone(),
            engine: case.engine.clone(),
            fixed: case.fixed.clone(),
            margins: case.margins,
            plugins,
            engine_versions,
            values: Map::new(),
            inputs: Vec::new(),
            scaletune_version: env!("CARGO_PKG_VERSION").into(),
            debug_build: cfg!(debug_assertions),
            machine,
        }
    }

    fn is_like(&self, other: &About) -> bool {
        // A machine is the same within limits of its own.
        let moved = About { machine: other.machine.clone(), ..self.clone() };
        moved == *other && self.machine.differences(&other.machine).is_empty()
    }
}

/// One thread count of a case that was left open.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Carried {
    /// The point.
    pub point: Point,
    /// Its checks where they are decided; none where it is open.
    pub decided: Vec<Check>,
    /// Every round's trial of the older plugin.
    pub baseline: Vec<Sample>,
    /// Every round's trial of the newer one.
    pub candidate: Vec<Sample>,
}

impl Carried {
    pub(super) fn samples(&self, side: Side) -> &[Sample] {
        match side {
            Side::Baseline => &self.baseline,
            Side::Candidate => &self.candidate,
        }
    }

    pub(super) fn is_open(&self) -> bool {
        self.decided.is_empty()
    }
}

/// Where a gate stood when its last job ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// What it is about.
    pub about: About,
    /// Jobs so far.
    pub jobs: usize,
    /// When the last one ended, RFC 3339.
    pub updated: String,
    /// Complete rounds of all jobs.
    pub rounds: usize,
    /// Each thread count, one thread first.
    pub points: Vec<Carried>,
}

impl Evidence {
    /// What makes it useless for these points, in words.
    pub fn misfit(&self, points: &[Point]) -> Option<String> {
        let same = self.points.iter().map(|carried| &carried.point).eq(points);
        (!same).then(|| "they are of other plans or numbers of threads".into())
    }

    /// What makes it unfit to be kept or gone on with, in words.
    pub fn fault(&self) -> Option<&'static str> {
        let complete = |carried: &Carried| {
            let (baseline, candidate) = (carried.baseline.len(), carried.candidate.len());
            baseline == candidate && if carried.is_open() { baseline == self.rounds } else { baseline <= self.rounds }
        };
        let sound = |sample: &Sample| [sample.wall_s, sample.cpu_s].iter().all(|time| time.is_finite() && *time > 0.0);
        let sound = |carried: &Carried| carried.baseline.iter().chain(&carried.candidate).all(sound);
        if !self.points.iter().all(complete) || self.points.first().is_none_or(|one| one.baseline.len() != self.rounds)
        {
            Some("does not have a pair of trials for each round")
        } else if !self.points.iter().all(sound) {
            Some("has a time that is not above zero")
        } else if self.points.iter().flat_map(|carried| &carried.decided).any(Check::is_open) {
            Some("calls an open check decided")
        } else {
            None
        }
    }
}

/// The document: the evidence of all cases that were left open.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct History {
    /// Version of this form.
    pub schema_version: u32,
    /// The evidence, the oldest first.
    pub open: Vec<Evidence>,
}

impl History {
    /// Reads a document; one that is not there is empty.
    ///
    /// # Errors
    /// The file can't be read, or holds something else.
    pub fn load(path: &Path) -> Result<History, DocumentError> {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Ok(History { schema_version: SCHEMA_VERSION, open: Vec::new() });
            }
            Err(error) => return Err(DocumentError::io(path)(error)),
        };
        let remedy = "remove it to begin anew";
        let fault = |what: String| DocumentError::content(path, format!("{what}; {remedy}"));
        let value: Value = serde_json::from_str(&text).map_err(|error| fault(format!("is not JSON: {error}")))?;
        match value.get("schema_version").and_then(Value::as_u64) {
            Some(version) if version == u64::from(SCHEMA_VERSION) => {}
            Some(version) => {
                return Err(fault(format!("has form {version}; this scaletune reads form {SCHEMA_VERSION}")));
            }
            None => return Err(fault("is not a history: it has no schema_version".into())),
        }
        let history: History =
            serde_json::from_value(value).map_err(|error| fault(format!("is not a history: {error}")))?;
        match history.open.iter().find_map(|evidence| Some((&evidence.about.case, evidence.fault()?))) {
            Some((case, what)) => Err(fault(format!("is not a history: case `{case}` {what}"))),
            None => Ok(history),
        }
    }

    /// Writes the document in one step.
    ///
    /// # Errors
    /// It can't be written.
    pub fn save(&self, path: &Path) -> Result<(), DocumentError> {
        let bytes = serde_json::to_vec(self).map_err(|error| DocumentError::content(path, error.to_string()))?;
        write_whole(path, &bytes)
    }

    /// The evidence about just this.
    pub fn find(&self, about: &About) -> Option<&Evidence> {
        self.open.iter().find(|evidence| evidence.about.is_like(about))
    }

    /// What makes the machine of evidence about the same another one, in words; empty where there is none.
    pub fn elsewhere(&self, about: &About) -> Vec<String> {
        let moved =
            |evidence: &&Evidence| About { machine: evidence.about.machine.clone(), ..about.clone() } == evidence.about;
        let newest = self.open.iter().rev().find(moved);
        newest.map(|evidence| about.machine.differences(&evidence.about.machine)).unwrap_or_default()
    }

    /// Takes out what it has about this, and puts in what is left open of it.
    pub fn replace(&mut self, about: &About, left: Option<Evidence>) {
        self.open.retain(|evidence| !evidence.about.is_like(about));
        self.open.extend(left);
        let over = self.open.len().saturating_sub(MOST_ENTRIES);
        self.open.drain(..over);
    }
}
