//! What came of the cases.

use crate::equiv::Difference;
use crate::scratch::Scratch;
use scaletune_descriptor::Plan;
use serde::Serialize;

/// What came of a case.
#[derive(Debug, Serialize)]
pub struct CaseReport {
    /// The case.
    pub case: String,
    /// The engine.
    pub engine: String,
    /// What the expected files come from.
    pub answer: String,
    /// Every plan that was run, the reference first.
    pub plans: Vec<PlanReport>,
    /// What the reference plan wrote, for new expected files.
    #[serde(skip)]
    pub(super) written: Option<Scratch>,
}

/// What came of a case under a plan.
#[derive(Clone, Debug, Serialize)]
pub struct PlanReport {
    /// The plan.
    pub plan: Plan,
    /// What came of it.
    #[serde(flatten)]
    pub verdict: Verdict,
}

/// What came of a run.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "verdict")]
pub enum Verdict {
    /// The expected files.
    Same,
    /// Others.
    Different {
        /// What it was compared with.
        against: Against,
        /// The first difference.
        difference: Difference,
    },
    /// None.
    Failed {
        /// Why.
        reason: String,
    },
}

/// What an output was compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Against {
    /// An expected file.
    Golden,
    /// What the reference plan wrote, since no expected file covers it.
    Reference,
}

impl CaseReport {
    /// The plans that did not give the expected files.
    pub fn failures(&self) -> impl Iterator<Item = &PlanReport> {
        self.plans.iter().filter(|report| report.verdict != Verdict::Same)
    }

    /// Whether every plan gave the expected files.
    pub fn passed(&self) -> bool {
        !self.plans.is_empty() && self.failures().next().is_none()
    }
}

impl std::fmt::Display for Verdict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Verdict::Same => f.write_str("same"),
            Verdict::Different { against: Against::Golden, difference } => write!(f, "{difference}"),
            Verdict::Different { against: Against::Reference, difference } => {
                write!(f, "{difference}; expected is what the reference plan gave")
            }
            Verdict::Failed { reason } => f.write_str(reason),
        }
    }
}
