//! What probably happened: the state at every node, and gains and losses along every branch, given the data.
//!
//! States are marginal posteriors. Changes come in two kinds: that the two ends of a branch differ, and the
//! expected number of events on it, which counts those that a later one undid (Minin and Suchard 2008,
//! J. Math. Biol. 56:391). Runs in numbers that can't underflow, family by family.

use std::sync::{Arc, Mutex};

use crate::error::{Error, Result};
use crate::kernel::evaluator::{Rating, Workers};
use crate::kernel::reference::{Workspace, transitions};
use crate::likelihood::Parameters;
use crate::model::{Rates, Transition};
use crate::monitor::Monitor;
use crate::states::TipStates;
use crate::tree::Tree;

/// Families whose sums are formed together: fixed, so that workers can't change a digit.
const UNIT_FAMILIES: usize = 64;

/// Expected changes on one branch, summed over families.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct BranchChanges {
    /// Probability of absence above and presence below.
    pub gains: f64,
    /// Probability of presence above and absence below.
    pub losses: f64,
    /// Expected number of gains, undone ones included.
    pub gain_events: f64,
    /// Expected number of losses, undone ones included.
    pub loss_events: f64,
}

/// One family's probable change on one branch.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FamilyChange {
    /// The node below the branch.
    pub node: u32,
    /// The family.
    pub family: u32,
    /// Probability of a gain between the ends.
    pub gain: f64,
    /// Probability of a loss between the ends.
    pub loss: f64,
}

/// What is wanted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Wanted {
    /// States at inner nodes.
    pub states: bool,
    /// Changes on branches; families are listed where a gain or loss is at least this probable.
    pub changes: Option<f64>,
}

/// The outcome. Families that are impossible have states of NaN and no changes.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Posterior {
    /// Inner nodes, in postorder.
    pub inner: Vec<u32>,
    /// Probability of presence, family by family, each over `inner`; empty if not wanted.
    pub present: Vec<f64>,
    /// By node; that of the root is 0.
    pub branches: Vec<BranchChanges>,
    /// By node, then family.
    pub families: Vec<FamilyChange>,
}

/// Rates and category weights of one family.
struct Case<'a> {
    rates: Rates,
    transitions: &'a [Transition],
}

/// Computes the posterior of every family.
pub fn posterior(
    tree: &Arc<Tree>,
    states: &TipStates,
    parameters: &Parameters,
    own: Option<&[Rates]>,
    wanted: Wanted,
    workers: &Workers,
    monitor: &dyn Monitor,
) -> Result<Posterior> {
    let inner: Vec<u32> = (0..tree.node_count()).filter(|&n| tree.tip_rank(n).is_none()).map(|n| n as u32).collect();
    let families = states.family_count();
    let mut present = if wanted.states { vec![f64::NAN; families * inner.len()] } else { vec![] };
    let common: Option<Vec<(Rates, Vec<Transition>)>> = match parameters.rating {
        Rating::Same(rates) => {
            Some(parameters.categories.iter().map(|&k| (rates.scaled(k), transitions(tree, rates.scaled(k)))).collect())
        }
        Rating::Own { .. } => None,
    };
    if common.is_none() && own.is_none_or(|own| own.len() != families) {
        return Err(Error::Option("rates: one pair a family is needed".to_owned()));
    }
    let parts = Mutex::new(Vec::new());
    let row = if wanted.states { inner.len() * UNIT_FAMILIES } else { 0 };
    let mut rest = present.as_mut_slice();
    let pieces: Vec<(usize, &mut [f64])> = (0..families)
        .step_by(UNIT_FAMILIES)
        .map(|first| {
            let (own_part, others) =
                std::mem::take(&mut rest).split_at_mut(row.min((families - first) * inner.len()).min(row));
            rest = others;
            (first, own_part)
        })
        .collect();
    workers.each("posterior", pieces, monitor, |(): &mut (), index, (first, out)| {
        let mut unit = UnitWork::new(tree, wanted);
        for family in first..(first + UNIT_FAMILIES).min(families) {
            let out = if wanted.states {
                &mut out[(family - first) * inner.len()..(family - first + 1) * inner.len()]
            } else {
                &mut [][..]
            };
            match &common {
                Some(common) => {
                    let cases: Vec<Case<'_>> =
                        common.iter().map(|(rates, t)| Case { rates: *rates, transitions: t }).collect();
                    unit.family(tree, states, family, parameters, &cases, &inner, out);
                }
                None => {
                    let Rating::Own { factor } = parameters.rating else { continue };
                    let rates = own.map_or(Rates { gain: 0.0, loss: 0.0 }, |own| own[family].scaled(factor));
                    let own_cases: Vec<(Rates, Vec<Transition>)> = parameters
                        .categories
                        .iter()
                        .map(|&k| (rates.scaled(k), transitions(tree, rates.scaled(k))))
                        .collect();
                    let cases: Vec<Case<'_>> =
                        own_cases.iter().map(|(rates, t)| Case { rates: *rates, transitions: t }).collect();
                    unit.family(tree, states, family, parameters, &cases, &inner, out);
                }
            }
        }
        parts.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push((index, unit.sums, unit.listed));
    })?;
    let mut parts = parts.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    parts.sort_by_key(|(index, ..)| *index);
    let mut branches = vec![BranchChanges::default(); if wanted.changes.is_some() { tree.node_count() } else { 0 }];
    let mut listed = Vec::new();
    for (_, sums, changes) in parts {
        for (into, from) in branches.iter_mut().zip(&sums) {
            into.gains += from.gains;
            into.losses += from.losses;
            into.gain_events += from.gain_events;
            into.loss_events += from.loss_events;
        }
        listed.extend(changes);
    }
    listed.sort_by_key(|change: &FamilyChange| (change.node, change.family));
    Ok(Posterior { inner, present, branches, families: listed })
}

struct UnitWork {
    work: Workspace,
    wanted: Wanted,
    sums: Vec<BranchChanges>,
    listed: Vec<FamilyChange>,
    /// Of the family at hand, by node.
    changes: Vec<BranchChanges>,
}

impl UnitWork {
    fn new(tree: &Tree, wanted: Wanted) -> Self {
        let count = if wanted.changes.is_some() { tree.node_count() } else { 0 };
        Self {
            work: Workspace::new(tree),
            wanted,
            sums: vec![BranchChanges::default(); count],
            listed: vec![],
            changes: vec![BranchChanges::default(); count],
        }
    }

    #[expect(clippy::too_many_arguments, reason = "all of them vary from call to call")]
    fn family(
        &mut self,
        tree: &Tree,
        states: &TipStates,
        family: usize,
        parameters: &Parameters,
        cases: &[Case<'_>],
        inner: &[u32],
        present: &mut [f64],
    ) {
        let state = |tip: usize| states.get(tip, family);
        let likelihoods: Vec<_> = cases
            .iter()
            .map(|case| {
                let prior = parameters.prior.probabilities(case.rates);
                self.work.upward(tree, case.transitions, prior, state)
            })
            .collect();
        let total = likelihoods.iter().copied().reduce(|a, b| a.plus(b));
        let Some(total) = total.filter(|total| !total.is_zero()) else { return };
        present.fill(0.0);
        self.changes.fill(BranchChanges::default());
        for (case, &likelihood) in cases.iter().zip(&likelihoods) {
            if likelihood.is_zero() {
                continue;
            }
            let weight = likelihood.over(total).value();
            let prior = parameters.prior.probabilities(case.rates);
            if cases.len() > 1 {
                self.work.upward(tree, case.transitions, prior, state);
            }
            let changes = &mut self.changes;
            self.work.downward(tree, case.transitions, prior, likelihood, |node, above, below| {
                let Some(sum) = changes.get_mut(node) else { return };
                // Posterior of (s above, c below), without the transition's own probability.
                let ends = |s: usize, c: usize| above[s].times(below[c]).value() * weight;
                let p = case.transitions[node].0;
                sum.gains += ends(0, 1) * p[0][1];
                sum.losses += ends(1, 0) * p[1][0];
                let (gains, losses) = events(case.rates, tree.length(node));
                for s in 0..2 {
                    for c in 0..2 {
                        let share = ends(s, c);
                        sum.gain_events += share * gains[s][c];
                        sum.loss_events += share * losses[s][c];
                    }
                }
            });
            for (out, &node) in present.iter_mut().zip(inner) {
                let (adjoint, partial) = (self.work.adjoints(node as usize), self.work.partials(node as usize));
                *out += weight * adjoint[1].times(partial[1]).value();
            }
        }
        if let Some(least) = self.wanted.changes {
            for (node, (sum, own)) in self.sums.iter_mut().zip(&self.changes).enumerate() {
                sum.gains += own.gains;
                sum.losses += own.losses;
                sum.gain_events += own.gain_events;
                sum.loss_events += own.loss_events;
                if node != tree.root() && own.gains.max(own.losses) >= least {
                    let (node, family) = (node as u32, family as u32);
                    self.listed.push(FamilyChange { node, family, gain: own.gains, loss: own.losses });
                }
            }
        }
    }
}

/// Expected numbers of gains and of losses over a branch, times the probability of its lower end, by the states
/// of the upper and lower end.
///
/// `E[gains; b | a] = integral of P(a, 0; s) g P(1, b; t - s) ds`, with `P(a, b; s) = pi_b + k e^(-rs)`.
fn events(rates: Rates, length: f64) -> ([[f64; 2]; 2], [[f64; 2]; 2]) {
    let total = rates.total();
    if total * length == 0.0 {
        return ([[0.0; 2]; 2], [[0.0; 2]; 2]);
    }
    let [absent, present] = rates.stationary();
    let changed = -(-total * length).exp_m1() / total;
    let kept = length * (-total * length).exp();
    let integral = |constants: [f64; 2], decays: [f64; 2]| {
        constants[0] * constants[1] * length
            + (constants[0] * decays[1] + decays[0] * constants[1]) * changed
            + decays[0] * decays[1] * kept
    };
    // P(a, 0) = absent + k, k = present from 0, -absent from 1; P(1, b) likewise; and so on.
    let to_absent = [[absent, present], [absent, -absent]];
    let to_present = [[present, -present], [present, absent]];
    let from = |row: [f64; 2], other: [f64; 2]| integral([row[0], other[0]], [row[1], other[1]]).max(0.0);
    let mut gains = [[0.0; 2]; 2];
    let mut losses = [[0.0; 2]; 2];
    for above in 0..2 {
        for below in 0..2 {
            let after_gain = if below == 0 { to_absent[1] } else { to_present[1] };
            let after_loss = if below == 0 { to_absent[0] } else { to_present[0] };
            gains[above][below] = rates.gain * from(to_absent[above], after_gain);
            losses[above][below] = rates.loss * from(to_present[above], after_loss);
        }
    }
    (gains, losses)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_agree_with_a_numerical_integral() {
        for (gain, loss, length) in [(0.5, 1.5, 0.7), (2.0, 0.1, 3.0), (0.0, 1.0, 1.0)] {
            let rates = Rates { gain, loss };
            let (gains, losses) = events(rates, length);
            for above in 0..2 {
                for below in 0..2 {
                    // Simpson's rule over 2,000 intervals.
                    let n = 2000;
                    let (mut g, mut l) = (0.0, 0.0);
                    for i in 0..=n {
                        let weight = if i == 0 || i == n { 1.0 } else { f64::from(2 + 2 * (i % 2)) };
                        let s = length * f64::from(i) / f64::from(n);
                        let (first, second) = (Transition::new(rates, s).0, Transition::new(rates, length - s).0);
                        g += weight * first[above][0] * gain * second[1][below];
                        l += weight * first[above][1] * loss * second[0][below];
                    }
                    let scale = length / f64::from(n) / 3.0;
                    assert!((gains[above][below] - g * scale).abs() < 1e-11, "{gain} {loss} {above} {below}");
                    assert!((losses[above][below] - l * scale).abs() < 1e-11, "{gain} {loss} {above} {below}");
                }
            }
        }
    }
}
