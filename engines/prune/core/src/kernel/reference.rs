//! The plain loop: one family after the other, node by node, in numbers that can't underflow.
//!
//! Every other kernel must agree with this one, and hands it the few families that ordinary numbers can't carry.

use super::wide::{Wide, row_times};
use crate::model::{Rates, RootPrior, Transition};
use crate::states::{State, TipStates};
use crate::tree::Tree;

/// Transition matrices of every branch, by node; the root's is never used.
pub(crate) fn transitions(tree: &Tree, rates: Rates) -> Vec<Transition> {
    (0..tree.node_count()).map(|node| Transition::new(rates, tree.length(node))).collect()
}

/// What a pass over one family needs; reused from family to family.
pub(crate) struct Workspace {
    /// Partial likelihoods of each node.
    partials: Vec<[Wide; 2]>,
    /// Partials carried to the upper end of each branch.
    carried: Vec<[Wide; 2]>,
    /// Adjoints of the partials.
    adjoints: Vec<[Wide; 2]>,
    prefix: Vec<[Wide; 2]>,
}

impl Workspace {
    pub(crate) fn new(tree: &Tree) -> Self {
        let nodes = tree.node_count();
        let zero = [Wide::ZERO; 2];
        Self { partials: vec![zero; nodes], carried: vec![zero; nodes], adjoints: vec![], prefix: vec![] }
    }

    pub(crate) fn partials(&self, node: usize) -> [Wide; 2] {
        self.partials[node]
    }

    /// d (likelihood) / d (partials of `node`), of unit likelihood; after [`Self::downward`].
    pub(crate) fn adjoints(&self, node: usize) -> [Wide; 2] {
        self.adjoints[node]
    }

    /// Likelihood of one family.
    pub(crate) fn upward(
        &mut self,
        tree: &Tree,
        transitions: &[Transition],
        prior: [f64; 2],
        state: impl Fn(usize) -> State,
    ) -> Wide {
        for (node, &Transition(p)) in transitions.iter().enumerate() {
            let partials = match tree.tip_rank(node) {
                Some(tip) => match state(tip) {
                    State::Absent => [Wide::ONE, Wide::ZERO],
                    State::Present => [Wide::ZERO, Wide::ONE],
                    State::Missing => [Wide::ONE; 2],
                },
                None => tree.children(node).iter().fold([Wide::ONE; 2], |product, &child| {
                    let carried = self.carried[child as usize];
                    [product[0].times(carried[0]), product[1].times(carried[1])]
                }),
            };
            self.partials[node] = partials;
            if node != tree.root() {
                self.carried[node] = [row_times(p[0], partials), row_times(p[1], partials)];
            }
        }
        row_times(prior, self.partials[tree.root()])
    }

    /// After [`Self::upward`] of a possible family: adjoints of every node's partials, and for every branch
    /// `on_branch(node, above, below)`, where `above` is the adjoint of the carried partials and `below` the
    /// partials; `above[s] * p[s][c] * below[c]` is the posterior of state s above and c below the branch.
    pub(crate) fn downward(
        &mut self,
        tree: &Tree,
        transitions: &[Transition],
        prior: [f64; 2],
        likelihood: Wide,
        mut on_branch: impl FnMut(usize, [Wide; 2], [Wide; 2]),
    ) {
        self.adjoints.resize(tree.node_count(), [Wide::ZERO; 2]);
        self.adjoints[tree.root()] = prior.map(|p| Wide::new(p).over(likelihood));
        for node in (0..tree.node_count()).rev() {
            let children = tree.children(node);
            // prefix[i]: adjoint times what the children before i carry; the loop adds those after i.
            self.prefix.clear();
            let mut product = self.adjoints[node];
            for &child in children {
                self.prefix.push(product);
                let carried = self.carried[child as usize];
                product = [product[0].times(carried[0]), product[1].times(carried[1])];
            }
            let mut after = [Wide::ONE; 2];
            for (i, &child) in children.iter().enumerate().rev() {
                let child = child as usize;
                let above = [self.prefix[i][0].times(after[0]), self.prefix[i][1].times(after[1])];
                on_branch(child, above, self.partials[child]);
                let Transition(p) = transitions[child];
                self.adjoints[child] = [row_times([p[0][0], p[1][0]], above), row_times([p[0][1], p[1][1]], above)];
                let carried = self.carried[child];
                after = [after[0].times(carried[0]), after[1].times(carried[1])];
            }
        }
    }
}

/// Log-likelihood of each of `families`, all under the same rates.
pub(crate) fn log_likelihoods(
    tree: &Tree,
    states: &TipStates,
    families: std::ops::Range<usize>,
    rates: Rates,
    prior: RootPrior,
    out: &mut [f64],
) {
    let transitions = transitions(tree, rates);
    let prior = prior.probabilities(rates);
    let mut work = Workspace::new(tree);
    for (family, out) in families.zip(out) {
        *out = work.upward(tree, &transitions, prior, |tip| states.get(tip, family)).ln();
    }
}

/// Log-likelihood of one family under its own rates.
pub(crate) fn log_likelihood(
    tree: &Tree,
    states: &TipStates,
    family: usize,
    rates: Rates,
    prior: RootPrior,
    work: &mut Workspace,
) -> f64 {
    let transitions = transitions(tree, rates);
    work.upward(tree, &transitions, prior.probabilities(rates), |tip| states.get(tip, family)).ln()
}
