//! One thread budget: its plans, and which of them are still in.

use super::{Request, TuneError};
use scaletune_descriptor::{Plan, PlanSpace};

/// One thread budget.
pub(super) struct Budget {
    pub(super) threads: i64,
    /// Whether the user asked for it; a budget of one is raced in any case.
    pub(super) wanted: bool,
    /// Every plan that fits, in the engine's order.
    pub(super) space: Vec<Plan>,
    /// The engine's default plan.
    pub(super) default: Plan,
    /// The plans still in the race, by index in the field.
    pub(super) racing: Vec<usize>,
    /// Those that have left it as slower.
    pub(super) slower: Vec<usize>,
}

impl Budget {
    /// The budgets of `request`, ascending, one thread first.
    pub(super) fn all(request: &Request<'_>) -> Result<Vec<Budget>, TuneError> {
        let mut threads: Vec<i64> = request.threads.to_vec();
        threads.push(1);
        threads.sort_unstable();
        threads.dedup();
        threads.into_iter().map(|threads| Budget::new(request, threads)).collect()
    }

    fn new(request: &Request<'_>, threads: i64) -> Result<Budget, TuneError> {
        let wanted = request.threads.contains(&threads);
        let space = |fixed| PlanSpace::new(request.descriptor, threads, fixed).for_inputs(request.input_class);
        let free = Plan::new();
        let mut chosen = space(request.fixed);
        // What the user fixed may need more than one thread: the serial yardstick is then the best of all.
        if !wanted && chosen.default_plan().is_err() {
            chosen = space(&free);
        }
        let (space, default) = (chosen.plans()?, chosen.default_plan()?);
        Ok(Budget { threads, wanted, space, default, racing: Vec::new(), slower: Vec::new() })
    }
}
