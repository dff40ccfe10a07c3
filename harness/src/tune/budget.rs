//! One thread budget: its plans, and which of them are still in.

use super::{Request, TuneError};
use crate::stats::LEAST_SAMPLES;
use scaletune_descriptor::{Plan, PlanSpace};

/// One thread budget.
pub(super) struct Budget<'a> {
    pub(super) threads: i64,
    /// Whether the user asked for it; a budget of one is raced in any case.
    pub(super) wanted: bool,
    /// The plans worth measuring, in the engine's order; those that the search has come upon between them follow.
    pub(super) plans: Vec<Plan>,
    /// All plans that fit.
    pub(super) space: PlanSpace<'a>,
    /// The engine's default plan.
    pub(super) default: Plan,
    /// The plans still in the race, by index in the field.
    pub(super) racing: Vec<usize>,
    /// Those that have left it as slower.
    pub(super) slower: Vec<usize>,
    /// Those that had fresh rounds against the default.
    pub(super) confirmed: Vec<usize>,
}

impl<'a> Budget<'a> {
    /// The budgets of `request`, ascending, one thread first.
    pub(super) fn all(request: &Request<'a>) -> Result<Vec<Budget<'a>>, TuneError> {
        let mut threads: Vec<i64> = request.threads.to_vec();
        threads.push(1);
        threads.sort_unstable();
        threads.dedup();
        threads.into_iter().map(|threads| Budget::new(request, threads)).collect()
    }

    fn new(request: &Request<'a>, threads: i64) -> Result<Budget<'a>, TuneError> {
        let wanted = request.threads.contains(&threads);
        let of = |fixed| PlanSpace::new(request.descriptor, threads, fixed).for_inputs(request.input_class);
        let mut space = of(request.fixed);
        // What the user fixed may need more than one thread: the serial yardstick is then the best of all.
        if !wanted && space.default_plan().is_err() {
            space = of(&Plan::new());
        }
        let (plans, default) = (space.plans()?, space.default_plan()?);
        Ok(Budget {
            threads,
            wanted,
            plans,
            space,
            default,
            racing: Vec::new(),
            slower: Vec::new(),
            confirmed: Vec::new(),
        })
    }

    /// Seconds that five rounds of each budget's default against one other plan take, where the defaults together take so
    /// many.
    pub(super) fn confirmation_s(of_defaults: f64) -> f64 {
        2.0 * LEAST_SAMPLES as f64 * of_defaults
    }

    /// Adds a plan of the space to those worth measuring.
    pub(super) fn add(&mut self, plan: &Plan) {
        if !self.plans.contains(plan) {
            self.plans.push(plan.clone());
        }
    }
}
