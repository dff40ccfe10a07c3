//! The content of `em.json`: everything about the EM that a comparison may need, at full precision. Serialising it is
//! left to whoever writes the file; numbers must be printed so that they read back as they were.

use serde::Serialize;

use crate::EmFit;
use crate::reassign::{Mode, Reassignment};
use crate::scores::{Findings, Scores};

/// The EM's result in full.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EmReport {
    /// Number of steps.
    pub iterations: u32,
    /// Whether the stop test held, as opposed to the limit on steps.
    pub converged: bool,
    /// After the last step.
    pub log_likelihood: f64,
    /// (iteration, log-likelihood where it was computed, change of pi) of every step.
    pub trace: Vec<(u32, Option<f64>, f64)>,
    /// Features in column order.
    pub loci: Vec<String>,
    /// Share of all fragments by feature.
    pub pi: Vec<f64>,
    /// Share of the ambiguous fragments by feature.
    pub theta: Vec<f64>,
    /// Counts under every mode.
    pub reassign: ReassignVectors,
    /// Seed of the random stream.
    pub seed: u32,
    /// Fragments whose two best final weights differ by rounding only.
    pub near_ties: u64,
    /// What loading found in the alignments; `None` for a table of scores.
    pub alignments: Option<Findings>,
}

/// Counts by feature, each from a fresh random stream.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[allow(missing_docs)]
pub struct ReassignVectors {
    pub final_exclude: Vec<f64>,
    pub final_choose: Vec<f64>,
    pub final_average: Vec<f64>,
    pub final_conf: Vec<f64>,
    pub final_unique: Vec<f64>,
    pub final_all: Vec<f64>,
    pub init_exclude: Vec<f64>,
    pub init_choose: Vec<f64>,
    pub init_average: Vec<f64>,
    pub init_conf: Vec<f64>,
    pub init_unique: Vec<f64>,
    pub init_all: Vec<f64>,
}

impl EmReport {
    /// Gathers the report.
    pub fn new(scores: &Scores, fit: &EmFit, counts: &Reassignment, seed: u32) -> Self {
        let last = |mode| counts.last.mode(mode).to_vec();
        let initial = |mode| counts.initial.mode(mode).to_vec();
        Self {
            iterations: fit.iterations,
            converged: fit.converged,
            log_likelihood: fit.log_likelihood,
            trace: fit.trace.iter().map(|row| (row.iteration, row.log_likelihood, row.difference)).collect(),
            loci: scores.features.iter().map(|feature| feature.name.clone()).collect(),
            pi: fit.parameters.pi.clone(),
            theta: fit.parameters.theta.clone(),
            reassign: ReassignVectors {
                final_exclude: last(Mode::Exclude),
                final_choose: last(Mode::Choose),
                final_average: last(Mode::Average),
                final_conf: last(Mode::Conf),
                final_unique: last(Mode::Unique),
                final_all: last(Mode::All),
                init_exclude: initial(Mode::Exclude),
                init_choose: initial(Mode::Choose),
                init_average: initial(Mode::Average),
                init_conf: initial(Mode::Conf),
                init_unique: initial(Mode::Unique),
                init_all: initial(Mode::All),
            },
            seed,
            near_ties: counts.near_ties,
            alignments: scores.findings,
        }
    }
}
