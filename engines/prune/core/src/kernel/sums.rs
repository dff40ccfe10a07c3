//! What a reverse sweep sums up: derivatives by the probabilities of change over every branch.
//! Leaves out what follows from them for rates and lengths (see [`super::gradient`]).

/// Families that padding and plain sweeps count in: fixed, so that chunks and workers can't change a digit.
pub(crate) const UNIT_FAMILIES: usize = 512;

/// Weighted sums over families of the derivatives of the log-likelihood.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Sums {
    /// By the probabilities of gain and of loss over the branch above each node.
    pub(crate) branches: Vec<[f64; 2]>,
    /// By the two probabilities of the root's prior.
    pub(crate) prior: [f64; 2],
}

impl Sums {
    pub(crate) fn zeros(nodes: usize) -> Self {
        Self { branches: vec![[0.0; 2]; nodes], prior: [0.0; 2] }
    }

    pub(crate) fn add(&mut self, other: &Self) {
        for (into, from) in self.branches.iter_mut().zip(&other.branches) {
            into[0] += from[0];
            into[1] += from[1];
        }
        self.prior[0] += other.prior[0];
        self.prior[1] += other.prior[1];
    }
}
