//! The plans between those that are listed: other splits of the threads.

use super::PlanSpace;
use crate::axis::EVERY_THREAD;
use crate::{Axis, Plan};

impl PlanSpace<'_> {
    /// Whether [`PlanSpace::plans`] leaves out numbers of threads.
    pub fn is_thinned(&self) -> bool {
        self.threads > EVERY_THREAD && self.descriptor.axes.iter().any(Axis::is_threads)
    }

    /// The plans of the space, listed by [`PlanSpace::plans`] or not, that differ from `plan` only in numbers of threads:
    /// one by `step` more or less, or two by as much in opposite directions.
    pub fn around(&self, plan: &Plan, step: i64) -> Vec<Plan> {
        let free = |axis: &&Axis| axis.is_threads() && self.fixed.get(&axis.name).is_none();
        let knobs: Vec<&Axis> = self.descriptor.axes.iter().filter(free).collect();
        let mut found = Vec::new();
        let mut add = |changes: &[(&Axis, i64)]| {
            let mut other = plan.clone();
            for (axis, change) in changes {
                other.set(axis.name.as_str(), plan.integer(&axis.name).unwrap_or_default() + change);
            }
            if self.holds(&other) {
                found.push(other);
            }
        };
        for (place, one) in knobs.iter().enumerate() {
            add(&[(one, step)]);
            add(&[(one, -step)]);
            for other in &knobs[place + 1..] {
                add(&[(one, step), (other, -step)]);
                add(&[(one, -step), (other, step)]);
            }
        }
        found
    }

    /// Whether a plan with a value for every axis is one of the space.
    fn holds(&self, plan: &Plan) -> bool {
        let mut with_facts = plan.clone();
        self.facts.iter().for_each(|(name, value)| with_facts.set(name, value.clone()));
        self.descriptor.check_plan(plan).is_ok()
            && self.descriptor.constraints.iter().all(|it| it.holds(&with_facts, self.threads) != Some(false))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::descriptor::tests::counter;
    use std::collections::BTreeSet;

    #[test]
    fn a_large_budget_lists_what_fills_it_and_reaches_the_rest() {
        let (descriptor, fixed) = (counter(), Plan::parse("tasks-per-worker=1").unwrap());
        let space = PlanSpace::new(&descriptor, 64, &fixed);
        let plans = space.plans().unwrap();
        assert!(plans.len() < 300, "{}", plans.len());
        let split = |plan: &Plan| (plan.integer("workers").unwrap(), plan.integer("decode-threads").unwrap());
        let of = |decode: &str| -> BTreeSet<(i64, i64)> {
            plans.iter().filter(|plan| plan.word("decode") == Some(decode)).map(split).collect()
        };
        // Both ends, halves, thirds, and both ways of filling the budget.
        let inline: Vec<i64> = of("inline").into_iter().map(|(workers, _)| workers).collect();
        assert_eq!(inline, [1, 2, 3, 4, 6, 7, 8, 12, 16, 21, 24, 32, 48, 56, 60, 62, 63, 64]);
        assert!(
            [(63, 1), (62, 2), (60, 4), (48, 16), (32, 32), (1, 63)].iter().all(|it| of("shared-pool").contains(it))
        );
        assert!([(32, 1), (21, 2), (16, 3), (12, 4), (7, 8), (1, 63)].iter().all(|it| of("per-reader").contains(it)));

        // From any listed plan, by steps of 16 to 1, to one that is not listed.
        let mut here = plans.iter().find(|plan| plan.word("decode") == Some("shared-pool")).unwrap().clone();
        let goal = (41, 19);
        let far = |plan: &Plan| split(plan).0.abs_diff(goal.0) + split(plan).1.abs_diff(goal.1);
        for step in [16, 8, 4, 2, 1] {
            while let Some(nearer) = space.around(&here, step).into_iter().find(|plan| far(plan) < far(&here)) {
                assert!(descriptor.threads_used(&nearer) <= 64 && nearer.word("decode") == Some("shared-pool"));
                here = nearer;
            }
        }
        assert_eq!(split(&here), goal);
        let fixed = Plan::parse("workers=5,tasks-per-worker=1").unwrap();
        let around = PlanSpace::new(&descriptor, 64, &fixed);
        let plan = Plan::parse("decode=shared-pool,workers=5,decode-threads=3,tasks-per-worker=1").unwrap();
        assert!(around.around(&plan, 1).iter().all(|plan| split(plan).0 == 5) && around.around(&plan, 1).len() == 2);
    }
}
