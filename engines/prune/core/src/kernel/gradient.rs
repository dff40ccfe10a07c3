//! Gradients of the log-likelihood by rates, branch lengths and root prior: which road, and the chain rule.
//! Leaves out the sweeps themselves (see [`super::lane_gradient`], [`super::repeat_passes`]).

use std::sync::Mutex;

use super::evaluator::{Evaluator, Method, find_repeats, risky};
use super::lane_gradient::{self, Sums, UNIT_FAMILIES, Unit};
use super::lanes::Columns;
use super::program::{Op, Program};
use super::reference::{self, Workspace};
use super::repeat_passes::{Task, UNIT_COLUMNS};
use super::repeats::Repeats;
use super::schedule::Codes;
use super::workers::lock;
use crate::error::Result;
use crate::model::{Rates, RootPrior, TransitionSlope};
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
            let program = Program::new(&self.tree, &self.columns, &self.plain, rates, prior);
            let scaled = program.ops.iter().any(|op| matches!(op, Op::Rescale { .. }));
            match self.gradient_repeats(scaled)?.filter(|_| !risky(&program)) {
                Some(units) => {
                    let task = Task {
                        tree: &self.tree,
                        transitions: &reference::transitions(&self.tree, rates),
                        prior: prior.probabilities(rates),
                        scaled,
                        weights,
                    };
                    (self.repeat_gradient(units, &task, &mut values, monitor)?, vec![])
                }
                None => self.lane_gradient(&program, weights, &mut values, monitor)?,
            }
        };
        self.reference_gradient(&left_over, rates, prior, weights, &mut values, &mut sums, monitor)?;
        Ok((self.expand(values), self.chain(rates, &sums)))
    }

    /// The patterns over which gradients are formed, if enough of them repeat (or the plan says so).
    fn gradient_repeats(&self, scaled: bool) -> Result<Option<&[Repeats]>> {
        if self.kernel == Kernel::Lanes {
            return Ok(None);
        }
        if self.repeats.get().is_none() {
            let found = find_repeats(&self.tree, &self.columns, UNIT_COLUMNS, &self.workers)?;
            let distinct: usize = found.iter().map(Repeats::distinct).sum();
            let all = self.columns.family_count() * self.tree.tip_count().saturating_sub(1);
            let share = distinct as f64 / (all as f64).max(1.0);
            // Another thread may have been first: its patterns are the same.
            let _ = self.repeats.set((found, share));
        }
        let limit = if scaled { REPEATING_SCALED } else { REPEATING };
        let useful = |(_, share): &&(Vec<Repeats>, f64)| self.kernel == Kernel::Repeats || *share < limit;
        Ok(self.repeats.get().filter(useful).map(|(found, _)| found.as_slice()))
    }

    fn repeat_gradient(
        &self,
        units: &[Repeats],
        task: &Task<'_>,
        values: &mut [f64],
        monitor: &dyn Monitor,
    ) -> Result<Sums> {
        let parts = Mutex::new(Vec::with_capacity(units.len()));
        let pieces: Vec<_> = values.chunks_mut(UNIT_COLUMNS).zip(units).collect();
        self.workers.each("gradient", pieces, monitor, |(): &mut (), index, (out, unit)| {
            let sums = self.passes.with(|scratch| unit.gradient(task, scratch, out));
            lock(&parts).push((index, sums));
        })?;
        let mut parts = parts.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
        parts.sort_by_key(|(index, _)| *index);
        let mut total = Sums::zeros(self.tree.node_count());
        for (_, sums) in parts {
            total.add(&sums);
        }
        Ok(total)
    }

    fn lane_gradient(
        &self,
        program: &Program,
        weights: &[f64],
        values: &mut [f64],
        monitor: &dyn Monitor,
    ) -> Result<(Sums, Vec<u32>)> {
        let codes = Codes::default();
        let columns = Columns { states: &self.columns, codes: &codes };
        let units = values.len().div_ceil(UNIT_FAMILIES);
        let parts = Mutex::new(Vec::with_capacity(units));
        self.workers.each(
            "gradient",
            values.chunks_mut(UNIT_FAMILIES).collect(),
            monitor,
            |(): &mut (), index, out| {
                let first = index * UNIT_FAMILIES;
                let unit = Unit { tree: &self.tree, program, columns: &columns, weights, first };
                let mut left = Vec::new();
                let sums = self.tapes.with(|tape| lane_gradient::run(self.set, &unit, out, &mut left, tape));
                lock(&parts).push((index, sums, left));
            },
        )?;
        let mut parts = parts.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
        parts.sort_by_key(|(index, ..)| *index);
        let mut total = Sums::zeros(self.tree.node_count());
        let mut left_over = Vec::new();
        for (_, sums, left) in parts {
            total.add(&sums);
            left_over.extend(left);
        }
        Ok((total, left_over))
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
        let parts = Mutex::new(Vec::new());
        self.workers.each(
            "gradient",
            columns.chunks(UNIT_FAMILIES).collect(),
            monitor,
            |(): &mut (), index, columns: &[u32]| {
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
                lock(&parts).push((index, sums, logs));
            },
        )?;
        let mut parts = parts.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
        parts.sort_by_key(|(index, ..)| *index);
        for (_, part, logs) in parts {
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

/// Share of distinct updates below which repeats beat lanes for gradients, from the cost of one of each: 4 ns
/// beside 1.35 ns on 100 taxa.
const REPEATING: f64 = 0.33;
/// The same where values must be scaled: 14 ns beside 2 ns on 2,000 taxa.
const REPEATING_SCALED: f64 = 0.14;
