//! Who watches a tune.

use super::Out;
use crate::trial::Measurement;
use scaletune_descriptor::Plan;

/// What the tuner is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Looking for promising plans for this budget.
    Search {
        /// The budget.
        threads: i64,
    },
    /// Measuring the promising ones in turn.
    Race {
        /// This round, from 1.
        round: usize,
        /// The last round there may be.
        rounds: usize,
    },
    /// Measuring what won against the default once more.
    Confirm {
        /// This round, from 1.
        round: usize,
        /// The last round.
        rounds: usize,
    },
    /// Comparing what won with the reference on other inputs and numbers of threads.
    Examine,
}

/// Told what the tuner does, as it does it; whoever draws a progress bar implements it.
pub trait Observer {
    /// A phase begins.
    fn phase(&mut self, _phase: Phase) {}

    /// A trial begins: the `done + 1`-th of about `expected`.
    fn trial(&mut self, _plan: &Plan, _done: usize, _expected: usize) {}

    /// A trial gave a measurement.
    fn measured(&mut self, _plan: &Plan, _measurement: &Measurement) {}

    /// A plan is out for good.
    fn out(&mut self, _plan: &Plan, _why: &Out) {}
}

/// Watches nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Observer for Silent {}
