//! By which plans a candidate is compared.

use crate::tune::Candidate;
use scaletune_descriptor::{Descriptor, Plan, PlanSpace};
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// Every number of threads up to the largest budget; of many a ladder.
pub(super) fn every_thread(budgets: &[i64]) -> Vec<i64> {
    let most = budgets.iter().copied().max().unwrap_or(1).max(1);
    let stands = |threads: &i64| *threads <= 8 || threads.count_ones() <= 2 || budgets.contains(threads);
    (1..=most).filter(stands).collect()
}

/// The plans by which candidates are compared: themselves first, then their strategies with each number of threads, those of
/// all candidates in turn. What is the reference plan, or does not go with the inputs, is left out.
pub(super) fn plans(
    descriptor: &Descriptor,
    candidates: &[Candidate],
    threads: &[i64],
    class: &Map<String, Value>,
) -> Vec<Plan> {
    let reference = descriptor.reference_plan().ok();
    let mut plans: Vec<Plan> = Vec::new();
    let mut add = |plan: Option<Plan>| {
        plans.extend(plan.filter(|it| Some(it) != reference.as_ref() && !descriptor.is_opt_in(it)));
    };
    let space =
        |threads, fixed: &Plan| PlanSpace::new(descriptor, threads, fixed).for_inputs(class).default_plan().ok();
    for candidate in candidates {
        add(space(candidate.threads, &candidate.plan));
    }
    for threads in threads {
        for candidate in candidates {
            let mut sizes = candidate.plan.clone();
            descriptor.axes.iter().filter(|axis| axis.is_threads()).for_each(|axis| sizes.unset(&axis.name));
            add(space(*threads, &sizes).or_else(|| space(*threads, &descriptor.strategy(&candidate.plan))));
        }
    }
    let mut seen = BTreeSet::new();
    plans.retain(|plan| seen.insert(plan.clone()));
    plans
}
