//! The gate's verdict and all that led to it.

use super::check::together;
use super::{Check, Looks, Margins, Metric, Role, Verdict};
use crate::measure::Machine;
use scaletune_descriptor::Plan;
use serde::{Deserialize, Serialize};

/// Version of the report's form in JSON.
const SCHEMA_VERSION: u32 = 1;

/// The verdict and all that led to it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Version of this form.
    pub schema_version: u32,
    /// The version of scaletune that wrote it.
    pub scaletune_version: String,
    /// When, RFC 3339.
    pub created: String,
    /// Where.
    pub machine: Machine,
    /// The gravest verdict of any case.
    pub verdict: Verdict,
    /// Rounds after which the samples were looked at.
    pub looks: Vec<usize>,
    /// Confidence of each look's intervals; where the gate goes on from job to job, the least of them.
    pub confidence: f64,
    /// True where cases that time leaves open go on in the next job.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub carries: bool,
    /// The cases, in the suite's order.
    pub cases: Vec<CaseReport>,
    /// What a reader should know of the whole.
    pub notes: Vec<String>,
}

/// One engine on one workload with one choice of strategies.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CaseReport {
    /// Its name in the suite.
    pub name: String,
    /// The engine.
    pub engine: String,
    /// The baseline's version, where there is a baseline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub baseline_version: Option<String>,
    /// The candidate's version; none where the candidate has no such engine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub candidate_version: Option<String>,
    /// The graver of answer and points.
    pub verdict: Verdict,
    /// Whether the answer is right.
    pub answer: Answer,
    /// Each thread count.
    pub points: Vec<PointReport>,
    /// Complete rounds, those of earlier jobs counted in.
    pub rounds: usize,
    /// The earlier jobs of the same gate, where it goes on from them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub earlier: Option<EarlierJobs>,
    /// The margins that it was judged by.
    pub margins: Margins,
    /// What a reader should know of this case.
    pub notes: Vec<String>,
}

/// Jobs whose rounds a case goes on from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EarlierJobs {
    /// How many.
    pub jobs: usize,
    /// Their rounds.
    pub rounds: usize,
}

/// Whether the candidate gave the right answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "is", content = "why")]
pub enum Answer {
    /// Every output of every trial was equal by its rules, to what this names.
    Same(String),
    /// The first difference.
    Different(String),
    /// The candidate gave none.
    Failed(String),
    /// There was nothing to compare with.
    NotCompared(String),
}

impl Answer {
    /// What follows.
    pub fn verdict(&self) -> Verdict {
        match self {
            Answer::Same(_) => Verdict::Pass,
            Answer::Different(_) | Answer::Failed(_) => Verdict::Regress,
            Answer::NotCompared(_) => Verdict::Inconclusive,
        }
    }
}

/// One thread count of a case.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PointReport {
    /// The budget.
    pub threads: i64,
    /// Threads that the plans keep busy.
    pub threads_used: i64,
    /// The baseline's figures, where it was measured.
    pub baseline: Option<Figures>,
    /// The candidate's figures, where it was measured.
    pub candidate: Option<Figures>,
    /// What was compared.
    pub checks: Vec<Check>,
    /// What follows.
    pub verdict: Verdict,
}

/// Medians of one side at one thread count.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    /// Its plan.
    pub plan: Plan,
    /// Wall seconds of a whole run: open + prepare + run + write.
    pub wall_s: f64,
    /// CPU seconds of the same.
    pub cpu_s: f64,
    /// The largest resident set of any trial, bytes.
    pub peak_rss_bytes: u64,
    /// Trials.
    pub samples: usize,
    /// Instructions of a whole run, where they were counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instructions: Option<u64>,
}

impl PointReport {
    /// True where CPU time was to decide, and could not.
    pub fn instructions_would_settle(&self) -> bool {
        self.verdict == Verdict::Inconclusive && self.is_judged_by_cpu_time()
    }

    /// Takes in the instructions of a whole run of each side. They settle what CPU time leaves open; of work that waits
    /// for something else, and is judged by the wall, they say nothing.
    pub fn settle(&mut self, baseline: u64, candidate: u64, margin: f64) {
        for (figures, count) in [(&mut self.baseline, baseline), (&mut self.candidate, candidate)] {
            figures.iter_mut().for_each(|figures| figures.instructions = Some(count));
        }
        let role = if self.is_judged_by_cpu_time() { Role::Settles } else { Role::Shown };
        self.checks.push(Check::exact(Metric::Instructions, role, margin, candidate as f64 / baseline as f64));
        self.verdict = together(&self.checks);
    }

    fn is_judged_by_cpu_time(&self) -> bool {
        self.checks.iter().any(|check| check.metric == Metric::Cpu && check.role == Role::Decides)
    }
}

impl CaseReport {
    /// Takes the verdict that follows from answer and points.
    pub fn conclude(&mut self) {
        let points = self.points.iter().map(|point| point.verdict).max().unwrap_or(Verdict::Pass);
        // A wrong answer's speed is of no interest, and an answer that could not be compared is not a pass.
        self.verdict = self.answer.verdict().max(points);
    }
}

impl Report {
    /// A report made now.
    pub fn new(machine: Machine, looks: &Looks, cases: Vec<CaseReport>, notes: Vec<String>) -> Report {
        Report {
            schema_version: SCHEMA_VERSION,
            scaletune_version: env!("CARGO_PKG_VERSION").into(),
            created: jiff::Timestamp::now().to_string(),
            machine,
            verdict: cases.iter().map(|case| case.verdict).max().unwrap_or(Verdict::Inconclusive),
            looks: looks.rounds().to_vec(),
            confidence: looks.confidence(),
            carries: looks.carries(),
            cases,
            notes,
        }
    }
}
