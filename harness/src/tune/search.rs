//! Which plans of a large space are worth a race.
//!
//! A walk by groups of axes that belong together: the strategies (one by one where their combinations are too many), the
//! split of the threads, each size. Of the plans that differ from the best one only in a group, and stay as near to it as
//! the constraints allow in all else (as many busy threads first of all: strategies are compared at equal threads), those
//! not yet seen are measured once, with the best one among them; then the next group, from whatever is best then. A lucky
//! sample does not last: the best plan is measured again in each batch.
//!
//! The walk is made from the engine's default, from what won for the smaller budget, and from the best of some random
//! plans: from a local optimum one of the others leads away.

use super::budget::Budget;
use super::field::Field;
use super::{Phase, TuneError};
use scaletune_descriptor::{Axis, AxisKind, Descriptor, Plan, Value};
use std::collections::{BTreeMap, BTreeSet};

/// More combinations of strategies than this are not tried together.
const MOST_COMBINATIONS: usize = 32;
/// The walk ends after so many passes over the groups, if it has not settled before.
const MOST_PASSES: usize = 4;
/// A plan that took this many times as long as the best one does not go into the race.
const FAR: f64 = 1.5;
/// Plans within this ratio of the best one are about as good while the search goes on.
const NEAR: f64 = 1.05;
/// Of so many random plans the best one begins a walk.
const RANDOM_PLANS: usize = 4;

/// Finds the plans that each budget's race begins with.
pub(super) fn run(field: &mut Field<'_>, budgets: &mut [Budget]) -> Result<(), TuneError> {
    let mut earlier: Option<Plan> = None;
    for budget in budgets {
        let whole = budget.space.len() <= field.request.effort.whole();
        budget.racing = if whole {
            budget.space.iter().map(|plan| field.enter(plan)).collect()
        } else {
            field.observer.phase(Phase::Search { threads: budget.threads });
            let kinds = Kinds::new(field.request.descriptor, &budget.space);
            Walk { field, budget, kinds }.run(earlier.as_ref())?;
            finalists(field, budget)
        };
        let median = |index: &&usize| field.contenders[**index].median().unwrap_or(f64::INFINITY);
        let best = budget.racing.iter().min_by(|left, right| median(left).total_cmp(&median(right)));
        // A whole space is not measured yet: then its default speaks for it.
        let best = best.filter(|_| !whole).map_or(&budget.default, |index| &field.contenders[*index].plan);
        earlier = Some(best.clone());
    }
    Ok(())
}

/// The best plans seen so far for this budget, the default always among them.
fn finalists(field: &mut Field<'_>, budget: &Budget) -> Vec<usize> {
    let default = field.enter(&budget.default);
    let mut seen: Vec<(f64, usize)> = Vec::new();
    for plan in &budget.space {
        let index = field.enter(plan);
        let contender = &field.contenders[index];
        seen.extend(contender.median().filter(|_| contender.out.is_none()).map(|median| (median, index)));
    }
    seen.sort_by(|left, right| left.0.total_cmp(&right.0));
    let limit = seen.first().map_or(f64::INFINITY, |(best, _)| best * FAR);
    let mut racing = Vec::new();
    for (place, (median, index)) in seen.into_iter().enumerate() {
        let promising = place < field.request.effort.finalists() && median <= limit;
        if promising || index == default {
            racing.push(index);
        }
    }
    // Where the time was up before anything was measured, the race still has something to begin with.
    if racing.is_empty() {
        racing.push(default);
    }
    racing
}

/// Axes that are varied together.
struct Group {
    axes: Vec<String>,
    splits_threads: bool,
}

/// Kinds of strategies: combinations of them that allow the same splits of the threads are of one kind.
struct Kinds {
    choices: Vec<String>,
    kinds: BTreeMap<Vec<Value>, usize>,
}

impl Kinds {
    fn new(descriptor: &Descriptor, space: &[Plan]) -> Kinds {
        let choices = axes_where(descriptor, is_choice);
        let threads = axes_where(descriptor, is_threads);
        let mut splits: BTreeMap<Vec<Value>, BTreeSet<Vec<Value>>> = BTreeMap::new();
        for plan in space {
            splits.entry(values(plan, &choices)).or_default().insert(values(plan, &threads));
        }
        let mut known: Vec<BTreeSet<Vec<Value>>> = Vec::new();
        let kinds = splits.into_iter().map(|(strategies, splits)| {
            let kind = known.iter().position(|other| *other == splits).unwrap_or_else(|| {
                known.push(splits);
                known.len() - 1
            });
            (strategies, kind)
        });
        Kinds { kinds: kinds.collect(), choices }
    }

    fn of(&self, plan: &Plan) -> Option<usize> {
        self.kinds.get(&values(plan, &self.choices)).copied()
    }
}

struct Walk<'w, 'a> {
    field: &'w mut Field<'a>,
    budget: &'w Budget,
    kinds: Kinds,
}

impl Walk<'_, '_> {
    fn run(&mut self, earlier: Option<&Plan>) -> Result<(), TuneError> {
        let descriptor = self.field.request.descriptor;
        let groups = groups(descriptor, &self.budget.space);
        let mut starts = vec![vec![self.budget.default.clone()]];
        // The strategies that won with fewer threads, with more threads.
        if let Some(earlier) = earlier {
            let aim = self.budget.threads;
            let nearest = self.budget.space.iter().min_by_key(|plan| distance(descriptor, (earlier, aim), plan, &[]));
            starts.push(nearest.into_iter().cloned().collect());
        }
        for _ in 0..self.field.request.effort.random_walks() {
            let generator = &mut self.field.generator;
            let mut any = || self.budget.space[generator.below(self.budget.space.len())].clone();
            starts.push((0..RANDOM_PLANS).map(|_| any()).collect());
        }
        for plans in starts {
            let plans: Vec<usize> = plans.iter().map(|plan| self.field.enter(plan)).collect();
            if !self.measure(&plans, None)? || !self.walk(&groups, plans)? {
                break;
            }
        }
        Ok(())
    }

    /// Walks on from the best of `path` until nothing gets better; false where the time is up.
    fn walk(&mut self, groups: &[Group], mut path: Vec<usize>) -> Result<bool, TuneError> {
        let descriptor = self.field.request.descriptor;
        for _ in 0..MOST_PASSES {
            let before = self.best(&path);
            for group in groups {
                let Some(best) = self.best(&path) else { return Ok(true) };
                let mut around = Vec::new();
                for centre in self.centres(best, group, &path) {
                    let centre = self.field.contenders[centre].plan.clone();
                    let plans = neighbours(descriptor, &centre, group, &self.budget.space);
                    around.extend(plans.into_iter().map(|plan| self.field.enter(plan)));
                }
                if !self.measure(&around, Some(best))? {
                    return Ok(false);
                }
                path.extend(around);
            }
            if self.best(&path) == before {
                break;
            }
        }
        Ok(true)
    }

    /// Where the walk goes on: of those within a few percent of the smallest median, the one with the least CPU time. Where
    /// another stage is the bottleneck a strategy that saves work is no faster yet, but leaves threads to spare.
    fn best(&self, plans: &[usize]) -> Option<usize> {
        let contenders = &self.field.contenders;
        let standing = || plans.iter().copied().filter(|index| contenders[*index].stands());
        let median = |index: usize| contenders[index].median().unwrap_or(f64::INFINITY);
        let limit = standing().map(median).fold(f64::INFINITY, f64::min) * NEAR;
        let work = |index: &usize| contenders[*index].median_cpu().unwrap_or(f64::INFINITY);
        standing().filter(|index| median(*index) <= limit).min_by(|left, right| work(left).total_cmp(&work(right)))
    }

    /// The plans around which a group is varied: the best one, and for the split of the threads the best plan of each other
    /// kind of strategies that splits them in ways of its own. How good such a one is shows only once they are well split.
    fn centres(&self, best: usize, group: &Group, path: &[usize]) -> Vec<usize> {
        if !group.splits_threads {
            return vec![best];
        }
        let contenders = &self.field.contenders;
        let median = |index: usize| contenders[index].median().unwrap_or(f64::INFINITY);
        let mut ranked: Vec<usize> = path.iter().copied().filter(|index| contenders[*index].stands()).collect();
        ranked.sort_by(|left, right| median(*left).total_cmp(&median(*right)));
        let mut centres = vec![best];
        for index in ranked {
            let kind = self.kinds.of(&contenders[index].plan);
            if centres.iter().all(|known| self.kinds.of(&contenders[*known].plan) != kind) {
                centres.push(index);
            }
        }
        centres
    }

    /// Measures the new ones of `plans`, and `best` among them; false where the time is up.
    fn measure(&mut self, plans: &[usize], best: Option<usize>) -> Result<bool, TuneError> {
        let mut batch: Vec<usize> =
            plans.iter().copied().filter(|index| self.field.contenders[*index].times().is_empty()).collect();
        batch.sort_unstable();
        batch.dedup();
        if batch.is_empty() {
            return Ok(!self.field.time_is_up());
        }
        batch.extend(best.filter(|best| !plans.contains(best)));
        let later = self.field.request.effort.finalists() * self.field.request.effort.rounds();
        self.field.batch(&batch, later)
    }
}

fn is_choice(kind: &AxisKind) -> bool {
    matches!(kind, AxisKind::Choice { .. })
}

fn is_threads(kind: &AxisKind) -> bool {
    matches!(kind, AxisKind::Integer { role: Some(_), .. })
}

fn axes_where(descriptor: &Descriptor, wanted: impl Fn(&AxisKind) -> bool) -> Vec<String> {
    descriptor.axes.iter().filter(|axis| wanted(&axis.kind)).map(|axis| axis.name.clone()).collect()
}

fn values(plan: &Plan, axes: &[String]) -> Vec<Value> {
    axes.iter().filter_map(|axis| plan.get(axis).cloned()).collect()
}

/// The axes that vary within `space`, in groups that are varied together.
fn groups(descriptor: &Descriptor, space: &[Plan]) -> Vec<Group> {
    let varies = |axis: &String| space.iter().any(|plan| plan.get(axis) != space[0].get(axis));
    let choices = axes_where(descriptor, is_choice);
    let combinations: BTreeSet<Vec<Value>> = space.iter().map(|plan| values(plan, &choices)).collect();
    let mut groups = Vec::new();
    if combinations.len() <= MOST_COMBINATIONS {
        groups.push(choices);
    } else {
        groups.extend(choices.into_iter().map(|axis| vec![axis]));
    }
    let threads = axes_where(descriptor, is_threads);
    groups.push(threads.clone());
    groups.extend(
        axes_where(descriptor, |kind| !is_choice(kind) && !is_threads(kind)).into_iter().map(|axis| vec![axis]),
    );
    let group =
        |axes: Vec<String>| Group { splits_threads: axes == threads, axes: axes.into_iter().filter(varies).collect() };
    groups.into_iter().map(group).filter(|group| !group.axes.is_empty()).collect()
}

/// For each combination of values that the group's axes have in `space`: the plan with these that is nearest to `centre`
/// in all else. Strategies that `centre` has outside the group are kept.
fn neighbours<'a>(descriptor: &Descriptor, centre: &Plan, group: &Group, space: &'a [Plan]) -> Vec<&'a Plan> {
    let kept: Vec<&Axis> =
        descriptor.axes.iter().filter(|axis| is_choice(&axis.kind) && !group.axes.contains(&axis.name)).collect();
    let aim = descriptor.threads_used(centre);
    let mut nearest: BTreeMap<Vec<Value>, (u64, &Plan)> = BTreeMap::new();
    for plan in space {
        if kept.iter().any(|axis| plan.get(&axis.name) != centre.get(&axis.name)) {
            continue;
        }
        let apart = distance(descriptor, (centre, aim), plan, &group.axes);
        let entry = nearest.entry(values(plan, &group.axes)).or_insert((apart, plan));
        if apart < entry.0 {
            *entry = (apart, plan);
        }
    }
    nearest.into_values().map(|(_, plan)| plan).collect()
}

/// How far `plan` is from `centre`, and from as many busy threads as are aimed at, in all axes but those left out: a
/// strategy weighs more than any number, busy threads more than how they are split, threads more than sizes, which count
/// in doublings.
fn distance(descriptor: &Descriptor, (centre, aim): (&Plan, i64), plan: &Plan, left_out: &[String]) -> u64 {
    let axes = descriptor.axes.iter().filter(|axis| !left_out.contains(&axis.name));
    let apart = axes.map(|axis| match (&axis.kind, centre.integer(&axis.name), plan.integer(&axis.name)) {
        (AxisKind::Choice { .. }, ..) => u64::from(centre.get(&axis.name) != plan.get(&axis.name)) << 50,
        (AxisKind::Integer { role: Some(_), .. }, Some(one), Some(other)) => one.abs_diff(other) << 10,
        (AxisKind::Integer { role: None, .. }, Some(one), Some(other)) => {
            let doublings = |number: i64| (number.unsigned_abs() + 1).ilog2();
            u64::from(doublings(one).abs_diff(doublings(other)))
        }
        _ => 0,
    });
    (descriptor.threads_used(plan).abs_diff(aim) << 30) + apart.sum::<u64>()
}
