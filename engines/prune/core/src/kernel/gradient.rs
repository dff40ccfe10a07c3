//! Gradients of the log-likelihood by rates, branch lengths and root prior: which road, and the chain rule.
//! Leaves out the sweeps themselves (see [`super::folds`], [`super::lane_gradient`], [`super::repeat_passes`]).

use super::evaluator::{Evaluator, Method};
use super::folds::{FOLD_COLUMNS, Fold, FoldTask};
use super::program::{Op, Program};
use super::reference::{self, Workspace};
use super::repeat_passes::{Task, UNIT_COLUMNS};
use super::repeats::Repeats;
use super::sums::{Sums, UNIT_FAMILIES};
use crate::error::Result;
use crate::model::{Rates, RootPrior, Transition, TransitionSlope};
use crate::monitor::Monitor;
use crate::plan::Kernel;

/// A gradient by the parameters of the model.
#[derive(Debug, Clone, PartialEq)]
pub struct Gradient {
    /// By the gain rate.
    pub gain: f64,
    /// By the loss rate.
    pub loss: f64,
    /// By the length of the branch above each node; 0 for the root.
    pub lengths: Vec<f64>,
    /// By the two probabilities of the root's prior, if it is not tied to the rates.
    pub prior: [f64; 2],
}

impl Evaluator {
    /// Log-likelihood of every family under one pair of rates, and the gradient of their weighted sum. `weight`
    /// turns a column's log-likelihood into what each family with that column weighs (1, or a posterior);
    /// impossible families weigh nothing.
    pub fn gradient(
        &self,
        rates: Rates,
        prior: RootPrior,
        weights: Option<&[f64]>,
        monitor: &dyn Monitor,
    ) -> Result<(Vec<f64>, Gradient)> {
        let weights = match weights {
            None => None,
            Some(of_family) => {
                let mut columns = vec![0.0; self.weights.len()];
                for (family, weight) in of_family.iter().enumerate() {
                    let column = self.patterns.as_ref().map_or(family, |p| p.of_family[family] as usize);
                    columns[column] += weight;
                }
                Some(columns)
            }
        };
        let weights = weights.as_deref().unwrap_or(&self.weights);
        let mut values = vec![0.0; self.columns.family_count()];
        let (mut sums, left_over) = if matches!(self.method, Method::Reference) {
            let all = (0..self.columns.family_count() as u32).collect();
            (Sums::zeros(self.tree.node_count()), all)
        } else {
            let transitions = reference::transitions(&self.tree, rates);
            match self.repeat_task(&transitions, rates, prior, weights)? {
                Some((units, task)) => (self.repeat_gradient(units, &task, &mut values, monitor)?, vec![]),
                None => {
                    let task = FoldTask {
                        tree: &self.tree,
                        states: &self.columns,
                        transitions: &transitions,
                        prior: prior.probabilities(rates),
                        weights,
                        plain: &self.plain,
                        set: self.set,
                    };
                    self.fold_gradient(&task, &mut values, monitor)?
                }
            }
        };
        self.reference_gradient(&left_over, rates, prior, weights, &mut values, &mut sums, monitor)?;
        Ok((self.expand(values), self.chain(rates, &sums)))
    }

    /// The patterns to go over, if the plan says so and ordinary numbers can carry the values.
    fn repeat_task<'a>(
        &'a self,
        transitions: &'a [Transition],
        rates: Rates,
        prior: RootPrior,
        weights: &'a [f64],
    ) -> Result<Option<(&'a [Repeats], Task<'a>)>> {
        let Method::Repeats(chunks) = &self.method else { return Ok(None) };
        let program = Program::new(&self.tree, &self.columns, &self.plain, rates, prior);
        let scaled = program.ops.iter().any(|op| matches!(op, Op::Rescale { .. }));
        if program.is_risky() {
            return Ok(None);
        }
        let units = if self.chunk == UNIT_COLUMNS {
            chunks
        } else if let Some(units) = self.repeats.get() {
            units
        } else {
            let found = Repeats::find_all(&self.tree, &self.columns, UNIT_COLUMNS, &self.workers)?;
            self.repeats.get_or_init(|| found)
        };
        let prior = prior.probabilities(rates);
        Ok(Some((units, Task { tree: &self.tree, transitions, prior, scaled, weights })))
    }

    fn repeat_gradient(
        &self,
        units: &[Repeats],
        task: &Task<'_>,
        values: &mut [f64],
        monitor: &dyn Monitor,
    ) -> Result<Sums> {
        let pieces: Vec<_> = values.chunks_mut(UNIT_COLUMNS).zip(units).collect();
        let parts = self.workers.ordered("gradient", pieces, monitor, |(out, unit)| {
            self.passes.with(|scratch| unit.gradient(task, scratch, out))
        })?;
        let mut total = Sums::zeros(self.tree.node_count());
        parts.iter().for_each(|sums| total.add(sums));
        Ok(total)
    }

    fn fold_gradient(
        &self,
        task: &FoldTask<'_>,
        values: &mut [f64],
        monitor: &dyn Monitor,
    ) -> Result<(Sums, Vec<u32>)> {
        let folds = self.folds(monitor)?;
        let pieces: Vec<_> = values.chunks_mut(FOLD_COLUMNS).zip(folds).collect();
        let parts = self.workers.ordered("gradient", pieces, monitor, |(out, fold)| {
            let mut left = Vec::new();
            let sums = self.fold_scratch.with(|scratch| fold.gradient(task, scratch, out, &mut left));
            (sums, left)
        })?;
        let mut total = Sums::zeros(self.tree.node_count());
        let mut left_over = Vec::new();
        for (sums, left) in parts {
            total.add(&sums);
            left_over.extend(left);
        }
        Ok((total, left_over))
    }

    /// The subtrees to fold, found when the first gradient is asked for.
    fn folds(&self, monitor: &dyn Monitor) -> Result<&[Fold]> {
        if let Some(folds) = self.folds.get() {
            return Ok(folds);
        }
        let count = self.columns.family_count();
        let units = (0..count).step_by(FOLD_COLUMNS).map(|first| first..(first + FOLD_COLUMNS).min(count));
        let found = self.workers.ordered("fold", units.collect(), monitor, |columns| {
            if self.kernel == Kernel::Lanes {
                Fold::none(&self.tree, columns)
            } else {
                Fold::find(&self.tree, &self.columns, columns)
            }
        })?;
        // Another thread may have been first: its folds are the same.
        Ok(self.folds.get_or_init(|| found))
    }

    #[expect(clippy::too_many_arguments, reason = "one step of `gradient`, apart only to be read apart")]
    fn reference_gradient(
        &self,
        columns: &[u32],
        rates: Rates,
        prior: RootPrior,
        weights: &[f64],
        values: &mut [f64],
        sums: &mut Sums,
        monitor: &dyn Monitor,
    ) -> Result<()> {
        if columns.is_empty() {
            return Ok(());
        }
        let transitions = reference::transitions(&self.tree, rates);
        let prior = prior.probabilities(rates);
        let root = self.tree.root();
        let units = columns.chunks(UNIT_FAMILIES).collect();
        let parts = self.workers.ordered("gradient", units, monitor, |columns: &[u32]| {
            let mut work = Workspace::new(&self.tree);
            let mut sums = Sums::zeros(self.tree.node_count());
            let mut logs = Vec::with_capacity(columns.len());
            for &column in columns {
                let family = column as usize;
                let likelihood = work.upward(&self.tree, &transitions, prior, |tip| self.columns.get(tip, family));
                logs.push((family, likelihood.ln()));
                if likelihood.is_zero() {
                    continue;
                }
                let weight = weights[family];
                work.downward(&self.tree, &transitions, prior, likelihood, |node, above, below| {
                    let difference = below[1].minus(below[0]);
                    sums.branches[node][0] += weight * above[0].times(difference).value();
                    sums.branches[node][1] -= weight * above[1].times(difference).value();
                });
                let partials = work.partials(root);
                for (sum, partial) in sums.prior.iter_mut().zip(partials) {
                    *sum += weight * partial.over(likelihood).value();
                }
            }
            (sums, logs)
        })?;
        for (part, logs) in parts {
            sums.add(&part);
            for (family, value) in logs {
                values[family] = value;
            }
        }
        Ok(())
    }

    /// From probabilities of change to rates and lengths.
    fn chain(&self, rates: Rates, sums: &Sums) -> Gradient {
        let mut gradient =
            Gradient { gain: 0.0, loss: 0.0, lengths: vec![0.0; self.tree.node_count()], prior: sums.prior };
        for node in 0..self.tree.node_count() {
            if node == self.tree.root() {
                continue;
            }
            let [gain, loss] = sums.branches[node];
            let slope = TransitionSlope::new(rates, self.tree.length(node));
            gradient.gain += gain * slope.by_gain[0] + loss * slope.by_gain[1];
            gradient.loss += gain * slope.by_loss[0] + loss * slope.by_loss[1];
            gradient.lengths[node] = gain * slope.by_length[0] + loss * slope.by_length[1];
        }
        gradient
    }
}

impl Gradient {
    /// Adds what the rates do through a stationary prior at the root.
    pub fn with_stationary_prior(mut self, rates: Rates) -> Self {
        let square = rates.total() * rates.total();
        if square > 0.0 {
            let difference = self.prior[1] - self.prior[0];
            self.gain += difference * rates.loss / square;
            self.loss -= difference * rates.gain / square;
        }
        self
    }
}
