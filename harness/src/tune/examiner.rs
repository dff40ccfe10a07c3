//! Who looks twice at plans that are about to win: on other inputs, and with other numbers of threads.

use super::TuneError;
use scaletune_descriptor::Plan;
use serde::Serialize;

/// A plan that is about to be saved, or that would be if another fell.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Candidate {
    /// The budget that it is for.
    pub threads: i64,
    /// The plan.
    pub plan: Plan,
}

/// A strategy seen to give another answer than the reference plan. It can't win any budget.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Wrong {
    /// The strategy: the plan's values on choice axes.
    pub strategy: Plan,
    /// The plan under which it showed.
    pub under: Plan,
    /// On what it showed, such as `the inputs` or `a simulated workload (seed 2)`.
    pub on: String,
    /// The first difference.
    pub difference: String,
}

/// Compares candidates with the reference plan on what the race has not seen.
pub trait Examiner {
    /// Compares them; one entry for each plan that gave another answer, in no particular order. `strategy` is left for the
    /// caller to fill in.
    ///
    /// # Errors
    /// The user interrupted, or the reference plan itself does not do.
    fn examine(&mut self, candidates: &[Candidate]) -> Result<Vec<Wrong>, TuneError>;
}

/// Looks at nothing: the answers that the race has compared have to do.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unexamined;

impl Examiner for Unexamined {
    fn examine(&mut self, _candidates: &[Candidate]) -> Result<Vec<Wrong>, TuneError> {
        Ok(Vec::new())
    }
}
