//! One family after the other, in numbers that can't underflow: the reference, and for the few families that ordinary
//! numbers can't carry.

use super::{BranchChanges, FamilyChange, events};
use crate::kernel::reference::Workspace;
use crate::likelihood::Parameters;
use crate::model::{Rates, Transition};
use crate::states::{State, TipStates};
use crate::tree::Tree;

/// Memory for one family at a time.
pub(super) struct Plain {
    work: Workspace,
    /// Of the family at hand, by node.
    changes: Vec<BranchChanges>,
}

/// A column, and where its result goes.
pub(super) struct Task<'a> {
    pub(super) tree: &'a Tree,
    pub(super) states: &'a TipStates,
    /// The column, as the states number it.
    pub(super) column: usize,
    /// As it is listed.
    pub(super) family: u32,
    pub(super) parameters: &'a Parameters,
    /// Rates of every category, with what they do to every branch.
    pub(super) categories: &'a [(Rates, Vec<Transition>)],
    pub(super) inner: &'a [u32],
    /// Probability from which changes are listed.
    pub(super) least: Option<f64>,
}

impl Plain {
    pub(super) fn new(tree: &Tree, changes: bool) -> Self {
        let count = if changes { tree.node_count() } else { 0 };
        Self { work: Workspace::new(tree), changes: vec![BranchChanges::default(); count] }
    }

    /// Fills in `present` (empty, or over the inner nodes; NaN where the family is impossible), lists changes, and
    /// returns them by node; none for an impossible family.
    pub(super) fn family(
        &mut self,
        task: &Task<'_>,
        present: &mut [f64],
        listed: &mut Vec<FamilyChange>,
    ) -> Option<&[BranchChanges]> {
        let Task { tree, parameters, .. } = *task;
        let state = |tip: usize| -> State { task.states.get(tip, task.column) };
        present.fill(f64::NAN);
        let likelihoods: Vec<_> = task
            .categories
            .iter()
            .map(|(rates, steps)| self.work.upward(tree, steps, parameters.prior.probabilities(*rates), state))
            .collect();
        let total = likelihoods.iter().copied().reduce(|a, b| a.plus(b)).filter(|total| !total.is_zero())?;
        present.fill(0.0);
        self.changes.fill(BranchChanges::default());
        for ((rates, steps), &likelihood) in task.categories.iter().zip(&likelihoods) {
            if likelihood.is_zero() {
                continue;
            }
            let weight = likelihood.over(total).value();
            let prior = parameters.prior.probabilities(*rates);
            if likelihoods.len() > 1 {
                self.work.upward(tree, steps, prior, state);
            }
            let changes = &mut self.changes;
            self.work.downward(tree, steps, prior, likelihood, |node, above, below| {
                let Some(sum) = changes.get_mut(node) else { return };
                // Posterior of (s above, c below), without the transition's own probability.
                let ends = |s: usize, c: usize| above[s].times(below[c]).value() * weight;
                let p = steps[node].0;
                sum.gains += ends(0, 1) * p[0][1];
                sum.losses += ends(1, 0) * p[1][0];
                let (gains, losses) = events(*rates, tree.length(node));
                for s in 0..2 {
                    for c in 0..2 {
                        let share = ends(s, c);
                        sum.gain_events += share * gains[s][c];
                        sum.loss_events += share * losses[s][c];
                    }
                }
            });
            for (out, &node) in present.iter_mut().zip(task.inner) {
                let (adjoint, partial) = (self.work.adjoints(node as usize), self.work.partials(node as usize));
                *out += weight * adjoint[1].times(partial[1]).value();
            }
        }
        present.iter_mut().for_each(|present| *present = present.clamp(0.0, 1.0));
        if let Some(least) = task.least {
            let probable =
                |(node, own): &(usize, &BranchChanges)| *node != tree.root() && own.gains.max(own.losses) >= least;
            let change = |(node, own): (usize, &BranchChanges)| FamilyChange {
                node: node as u32,
                family: task.family,
                gain: own.gains,
                loss: own.losses,
            };
            listed.extend(self.changes.iter().enumerate().filter(probable).map(change));
        }
        Some(&self.changes)
    }
}
