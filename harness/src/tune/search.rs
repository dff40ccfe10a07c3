//! Which plans of a large space are worth a race.
//!
//! The stages are searched apart. Axes are taken in groups that belong together: for each stage its strategies (one by one
//! where their combinations are too many), the split of the threads over all stages, each size. Of the plans that differ
//! from the one the walk is at only in a group, and stay as near to it as the constraints allow in all else (as many busy
//! threads first of all: strategies are compared at equal threads), those not yet seen are measured once. A group of one
//! stage is judged by the seconds of that stage, in which the noise of the others does not show; the walk takes the best
//! on and goes to the next group. So it measures a sum of the stages' plans, not their product.
//!
//! The walk is made from the engine's default, from what won for the smaller budget, and from the best of some random
//! plans: from a local optimum one of the others leads away. A last walk begins at the plan with the fewest threads that may
//! be as good as the best: the race would choose it, and what is best with many threads need not be so with few. A lucky sample does not last: the plan the walk is at is
//! measured again in each batch. Where the splits of the threads are too many to be listed, the walk ends with steps around
//! the best that halve until they are of one thread.
//!
//! At the end the stages are added up (`sum`): combinations that were never measured together and promise to be as good
//! as the best are measured, too. Which one is faster, the race decides by whole runs alone.

mod groups;
mod sum;

use super::budget::Budget;
use super::field::Field;
use super::{Phase, TuneError};
use groups::{Group, Kinds, distance, groups, neighbours};
use scaletune_descriptor::Plan;
use std::collections::BTreeMap;
use sum::Sum;

/// The walk ends after so many passes over the groups, if it has not settled before.
const MOST_PASSES: usize = 4;
/// A plan that took this many times as long as the best one does not go into the race.
const FAR: f64 = 1.5;
/// Plans within this ratio of the best one are about as good while the search goes on.
const NEAR: f64 = 1.05;
/// A plan within this ratio of the best may be as good once it is measured more often: wall times on a shared machine vary
/// by as much.
const NOISE: f64 = 1.2;
/// CPU times within this ratio of the least are the same: they vary by as much.
const SAME_WORK: f64 = 1.02;
/// What the searches of all budgets may take of the time: the race has to tell apart what they have found.
const SHARE: f64 = 0.5;
/// Of so many random plans the best one begins a walk.
const RANDOM_PLANS: usize = 4;

/// Finds the plans that each budget's race begins with.
pub(super) fn run(field: &mut Field<'_>, budgets: &mut [Budget<'_>]) -> Result<(), TuneError> {
    let mut earlier: Option<Plan> = None;
    let searches = budgets.len() as f64;
    for (place, budget) in budgets.iter_mut().enumerate() {
        field.grant(SHARE * (place + 1) as f64 / searches);
        let whole = budget.plans.len() <= field.request.effort.whole() && !budget.space.is_thinned();
        budget.racing = if whole {
            budget.plans.iter().map(|plan| field.enter(plan)).collect()
        } else {
            field.observer.phase(Phase::Search { threads: budget.threads });
            let groups = groups(field.request.descriptor, &budget.plans);
            let kinds = Kinds::new(field.request.descriptor, &budget.plans);
            let is_coarse = budget.space.is_thinned();
            Walk { field, budget, kinds, is_coarse }.run(&groups, earlier.as_ref())?;
            finalists(field, budget)
        };
        let median = |index: &&usize| field.contenders[**index].median().unwrap_or(f64::INFINITY);
        let best = budget.racing.iter().min_by(|left, right| median(left).total_cmp(&median(right)));
        // A whole space is not measured yet: then its default speaks for it.
        let best = best.filter(|_| !whole).map_or(&budget.default, |index| &field.contenders[*index].plan);
        earlier = Some(best.clone());
    }
    field.grant(1.0);
    Ok(())
}

/// The best plans seen so far for this budget, the default always among them.
fn finalists(field: &mut Field<'_>, budget: &Budget<'_>) -> Vec<usize> {
    let default = field.enter(&budget.default);
    let mut seen: Vec<(f64, usize)> = Vec::new();
    for plan in &budget.plans {
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

struct Walk<'w, 'a, 'b> {
    field: &'w mut Field<'a>,
    budget: &'w mut Budget<'b>,
    kinds: Kinds,
    /// Whether splits of the threads have been left out so far.
    is_coarse: bool,
}

impl Walk<'_, '_, '_> {
    fn run(&mut self, groups: &[Group], earlier: Option<&Plan>) -> Result<(), TuneError> {
        let descriptor = self.field.request.descriptor;
        let mut starts = vec![vec![self.budget.default.clone()]];
        // The strategies that won with fewer threads, with more threads.
        if let Some(earlier) = earlier {
            let aim = self.budget.threads;
            let nearest = self.budget.plans.iter().min_by_key(|plan| distance(descriptor, (earlier, aim), plan, &[]));
            starts.push(nearest.into_iter().cloned().collect());
        }
        for _ in 0..self.field.request.effort.random_walks() {
            let generator = &mut self.field.generator;
            let mut any = || self.budget.plans[generator.below(self.budget.plans.len())].clone();
            starts.push((0..RANDOM_PLANS).map(|_| any()).collect());
        }
        for plans in starts {
            let plans: Vec<usize> = plans.iter().map(|plan| self.field.enter(plan)).collect();
            if !self.measure(&plans, None)? || !self.walk(groups, plans)? {
                return Ok(());
            }
        }
        if let Some(thriftiest) = self.thriftiest()
            && !self.walk(groups, vec![thriftiest])?
        {
            return Ok(());
        }
        self.add_up()
    }

    /// Of the plans seen that may be as good as the best, those with the fewest threads, and of these the fastest.
    fn thriftiest(&mut self) -> Option<usize> {
        let seen = self.seen();
        let contenders = &self.field.contenders;
        let median = |index: &usize| contenders[*index].median().unwrap_or(f64::INFINITY);
        let limit = seen.iter().map(median).fold(f64::INFINITY, f64::min) * NOISE;
        let near = seen.iter().copied().filter(|index| median(index) <= limit);
        let threads = |index: &usize| contenders[*index].threads_used;
        near.min_by(|left, right| threads(left).cmp(&threads(right)).then(median(left).total_cmp(&median(right))))
    }

    /// The plans of this budget that have been measured, and are not out.
    fn seen(&mut self) -> Vec<usize> {
        let known: Vec<usize> = self.budget.plans.iter().map(|plan| self.field.enter(plan)).collect();
        known.into_iter().filter(|index| self.field.contenders[*index].stands()).collect()
    }

    /// Walks on from the best of `path` until nothing gets better; false where the time is up.
    fn walk(&mut self, groups: &[Group], mut path: Vec<usize>) -> Result<bool, TuneError> {
        let descriptor = self.field.request.descriptor;
        let Some(mut here) = self.best(&path, None) else { return Ok(true) };
        for _ in 0..MOST_PASSES {
            let before = here;
            for group in groups {
                let mut around = Vec::new();
                for centre in self.centres(here, group, &path) {
                    let centre = self.field.contenders[centre].plan.clone();
                    let (plans, is_cut) = neighbours(descriptor, &centre, group, &self.budget.plans);
                    self.is_coarse |= is_cut;
                    around.extend(plans.into_iter().map(|plan| self.field.enter(plan)));
                }
                if !self.measure(&around, Some(here))? {
                    return Ok(false);
                }
                path.extend(&around);
                // By its stage a plan can only be held against those that are like it in all other stages.
                let rivals = if group.stage.is_some() { [around, vec![here]].concat() } else { path.clone() };
                here = self.best(&rivals, group.stage.as_deref()).unwrap_or(here);
            }
            if here == before {
                break;
            }
        }
        if self.is_coarse { self.refine(here) } else { Ok(true) }
    }

    /// Walks from `here` through all splits of the threads, listed or not, by steps that halve where none of them is better;
    /// false where the time is up.
    fn refine(&mut self, mut here: usize) -> Result<bool, TuneError> {
        let mut step = (self.budget.threads / 4).max(1);
        while step >= 1 {
            let plans = self.budget.space.around(&self.field.contenders[here].plan, step);
            plans.iter().for_each(|plan| self.budget.add(plan));
            let around: Vec<usize> = plans.iter().map(|plan| self.field.enter(plan)).collect();
            if !self.measure(&around, Some(here))? {
                return Ok(false);
            }
            let contenders = &self.field.contenders;
            let median = |index: &usize| contenders[*index].median().unwrap_or(f64::INFINITY);
            let standing = around.into_iter().filter(|index| contenders[*index].stands());
            match standing.min_by(|left, right| median(left).total_cmp(&median(right))) {
                Some(best) if median(&best) < median(&here) => here = best,
                _ => step /= 2,
            }
        }
        Ok(true)
    }

    /// Measures the plans never measured whose stages, added up, promise about as much as the best one.
    fn add_up(&mut self) -> Result<(), TuneError> {
        let known: Vec<usize> = self.budget.plans.iter().map(|plan| self.field.enter(plan)).collect();
        let seen = self.seen();
        let contenders = &self.field.contenders;
        let Some(best) = self.best(&seen, None) else { return Ok(()) };
        let limit = contenders[best].median().unwrap_or(f64::INFINITY) * NEAR;
        let samples: Vec<_> = seen.iter().map(|index| &contenders[*index]).collect();
        let Some(sum) = Sum::new(self.field.request.descriptor, &self.budget.plans, &samples) else { return Ok(()) };
        let unseen = known.iter().filter(|index| contenders[**index].times().is_empty());
        let promise = |index: &usize| Some((sum.predict(&contenders[*index].plan)?, *index));
        let mut promising: Vec<(f64, usize)> =
            unseen.filter_map(promise).filter(|(seconds, _)| *seconds <= limit).collect();
        promising.sort_by(|left, right| left.0.total_cmp(&right.0));
        promising.truncate(self.field.request.effort.finalists());
        let plans: Vec<usize> = promising.into_iter().map(|(_, index)| index).collect();
        self.measure(&plans, Some(best)).map(drop)
    }

    /// Where the walk goes on: of those within a few percent of the smallest median (of the stage's seconds, where all have
    /// reported it, else of the whole run's), those with the least CPU time, and of these the fastest. Where another stage is
    /// the bottleneck a strategy that saves work is no faster yet, but leaves threads to spare.
    fn best(&self, plans: &[usize], stage: Option<&str>) -> Option<usize> {
        let contenders = &self.field.contenders;
        let standing: Vec<usize> = plans.iter().copied().filter(|index| contenders[*index].stands()).collect();
        let of_stage = |index: &usize| contenders[*index].stage(stage?);
        let seconds: Option<Vec<f64>> = standing.iter().map(of_stage).collect();
        let of_run = |index: &usize| contenders[*index].median().unwrap_or(f64::INFINITY);
        let seconds = seconds.unwrap_or_else(|| standing.iter().map(of_run).collect());
        let least = |of: &[f64]| of.iter().copied().fold(f64::INFINITY, f64::min);
        let limit = least(&seconds) * NEAR;
        let mut near: Vec<(usize, f64)> = standing.into_iter().zip(seconds).filter(|(_, it)| *it <= limit).collect();
        let work = |index: usize| contenders[index].median_cpu().unwrap_or(f64::INFINITY);
        let work_limit = least(&near.iter().map(|(index, _)| work(*index)).collect::<Vec<_>>()) * SAME_WORK;
        near.retain(|(index, _)| work(*index) <= work_limit);
        near.into_iter().min_by(|left, right| left.1.total_cmp(&right.1)).map(|(index, _)| index)
    }

    /// The plans around which a group is varied: the one the walk is at, and for the split of the threads the best plan of
    /// each other kind of strategies that splits them in ways of its own. How good such a one is shows only once they are
    /// well split.
    fn centres(&self, here: usize, group: &Group, path: &[usize]) -> Vec<usize> {
        if !group.splits_threads {
            return vec![here];
        }
        let mut by_kind: BTreeMap<Option<usize>, Vec<usize>> = BTreeMap::new();
        for index in path {
            by_kind.entry(self.kinds.of(&self.field.contenders[*index].plan)).or_default().push(*index);
        }
        by_kind.remove(&self.kinds.of(&self.field.contenders[here].plan));
        let others = by_kind.values().filter_map(|plans| self.best(plans, None));
        std::iter::once(here).chain(others).collect()
    }

    /// Measures the new ones of `plans`, and `here` among them; false where the time is up.
    fn measure(&mut self, plans: &[usize], here: Option<usize>) -> Result<bool, TuneError> {
        let mut batch: Vec<usize> =
            plans.iter().copied().filter(|index| self.field.contenders[*index].times().is_empty()).collect();
        batch.sort_unstable();
        batch.dedup();
        if batch.is_empty() {
            return Ok(!self.field.time_is_up());
        }
        batch.extend(here.filter(|here| !plans.contains(here)));
        let later = self.field.request.effort.finalists() * self.field.request.effort.rounds();
        self.field.batch(&batch, later)
    }
}
