//! Few plans that stand for all: every strategy, once with few threads and once with more.

use super::{MOST_PLANS, NoPlan, PlanSpace, Search};
use crate::{Axis, AxisKind, Descriptor, IntegerDefault, Plan, Value};
use std::cell::Cell;
use std::collections::BTreeMap;

/// Most threads that a thread knob gets.
const MOST_OF_A_KNOB: i64 = 2;

impl PlanSpace<'_> {
    /// Every combination of strategies that the constraints allow. Each comes with every thread knob at its smallest and
    /// with every one at 2 (or what the constraints pin it to), sizes at their default; and, where it has sizes, with
    /// every knob at 2 and every size at its smallest. Opt-in values come only where they are fixed. Of the budget only
    /// as much is used as these plans take.
    ///
    /// # Errors
    /// No plan fits.
    pub fn strategies(&self) -> Result<Vec<Plan>, NoPlan> {
        let mut groups: BTreeMap<Plan, Vec<Plan>> = BTreeMap::new();
        let (steps, mut found) = (Cell::new(self.steps), 0);
        let search = Search { space: self, threads: self.threads, spared: None, candidates, steps: &steps };
        search.walk(0, &mut self.facts.clone(), &mut |plan| {
            let plan = self.without_facts(plan);
            groups.entry(words(self.descriptor, &plan)).or_default().push(plan);
            found += 1;
            found > MOST_PLANS
        });
        if steps.get() == 0 || found > MOST_PLANS {
            return Err(self.no_plan(true));
        }
        let plans: Vec<Plan> = groups.into_values().flat_map(|group| corners(self.descriptor, group)).collect();
        if plans.is_empty() { Err(self.no_plan(false)) } else { Ok(plans) }
    }
}

/// Numbers that an axis may get in such a plan.
fn candidates(axis: &Axis, threads: i64) -> Vec<Value> {
    match &axis.kind {
        AxisKind::Integer { min, max, role: Some(_), .. } => {
            let most = max.unwrap_or(MOST_OF_A_KNOB).min(MOST_OF_A_KNOB).max(*min);
            (*min..=most).map(Value::Integer).collect()
        }
        AxisKind::Integer { min, default: IntegerDefault::Number(number), .. } if number != min => {
            vec![Value::Integer(*min), Value::Integer(*number)]
        }
        AxisKind::Integer { min, .. } => vec![Value::Integer(*min)],
        AxisKind::Choice { .. } => axis.worth_trying(threads),
    }
}

/// The strategies of a plan, without its numbers.
fn words(descriptor: &Descriptor, plan: &Plan) -> Plan {
    let mut words = plan.clone();
    for axis in descriptor.axes.iter().filter(|axis| matches!(axis.kind, AxisKind::Integer { .. })) {
        words.unset(&axis.name);
    }
    words
}

/// Of plans with the same strategies: all knobs low, all knobs high, and the latter with small sizes. Where constraints
/// let the knobs not move together, all of them.
fn corners(descriptor: &Descriptor, group: Vec<Plan>) -> Vec<Plan> {
    // Where the numbers of an axis stand within the group: 0 = smallest, 1 = largest.
    let end = |axis: &Axis, largest: bool| {
        let numbers = group.iter().filter_map(|plan| plan.integer(&axis.name));
        if largest { numbers.max() } else { numbers.min() }
    };
    let corner =
        |many_threads: bool, large: bool| {
            group.iter().find(|plan| {
                descriptor.axes.iter().filter(|axis| matches!(axis.kind, AxisKind::Integer { .. })).all(|axis| {
                    plan.integer(&axis.name) == end(axis, if axis.is_threads() { many_threads } else { large })
                })
            })
        };
    // With few threads constraints often pin the sizes.
    let low = corner(false, true).or_else(|| corner(false, false));
    let (Some(low), Some(high)) = (low, corner(true, true)) else { return group };
    let mut chosen: Vec<Plan> = Vec::new();
    for plan in [Some(low), Some(high), corner(true, false)].into_iter().flatten() {
        if !chosen.contains(plan) {
            chosen.push(plan.clone());
        }
    }
    chosen
}

#[cfg(test)]
mod tests {
    use crate::descriptor::tests::counter;
    use crate::{Plan, PlanSpace};
    use serde_json::Map;

    fn strategies(fixed: &str, format: &str) -> Vec<String> {
        let (descriptor, fixed) = (counter(), Plan::parse(fixed).unwrap());
        let class = Map::from_iter([("format".to_string(), format.into())]);
        let plans = PlanSpace::new(&descriptor, 64, &fixed).for_inputs(&class).strategies().unwrap();
        assert!(plans.iter().all(|plan| descriptor.check_plan(plan).is_ok()));
        plans.iter().map(Plan::to_string).collect()
    }

    #[test]
    fn every_strategy_with_few_threads_and_with_more() {
        let all = strategies("", "bam");
        assert_eq!(
            all,
            [
                "decode=inline,decode-threads=0,tasks-per-worker=1,workers=1",
                "decode=inline,decode-threads=0,tasks-per-worker=4,workers=2",
                "decode=inline,decode-threads=0,tasks-per-worker=1,workers=2",
                "decode=per-reader,decode-threads=1,tasks-per-worker=1,workers=1",
                "decode=per-reader,decode-threads=2,tasks-per-worker=4,workers=2",
                "decode=per-reader,decode-threads=2,tasks-per-worker=1,workers=2",
                "decode=shared-pool,decode-threads=1,tasks-per-worker=1,workers=1",
                "decode=shared-pool,decode-threads=2,tasks-per-worker=4,workers=2",
                "decode=shared-pool,decode-threads=2,tasks-per-worker=1,workers=2",
            ]
        );
    }

    #[test]
    fn what_is_fixed_and_what_the_inputs_allow_narrows_it() {
        assert!(strategies("", "cram").iter().all(|plan| !plan.contains("shared-pool")));
        let fixed = strategies("workers=2,tasks-per-worker=16", "bam");
        assert_eq!(fixed.len(), 5, "{fixed:?}");
        assert!(fixed.iter().all(|plan| plan.contains("tasks-per-worker=16,workers=2")));
    }

    #[test]
    fn opt_in_values_come_only_when_named() {
        let mut descriptor = counter();
        descriptor.axes[0] = descriptor.axes[0].clone().with_opt_in("shared-pool");
        let none = Plan::new();
        let plans = PlanSpace::new(&descriptor, 64, &none).strategies().unwrap();
        assert!(plans.iter().all(|plan| !descriptor.is_opt_in(plan)) && !plans.is_empty());
        let named = Plan::parse("decode=shared-pool").unwrap();
        assert_eq!(PlanSpace::new(&descriptor, 64, &named).strategies().unwrap().len(), 3);
    }
}
