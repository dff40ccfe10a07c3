//! Stretches of families, computed by several workers and handed on in their order.

use super::unit::Scratch;
use super::{BranchChanges, Part, Posteriors};
use crate::error::Result;
use crate::monitor::Monitor;

impl Posteriors {
    /// Computes every stretch of families and hands it on, in the order of the families; returns the changes on every
    /// branch, by node, empty if they are not wanted.
    ///
    /// A worker makes something of a stretch by `start` and, for each part of it in turn, `add`; `take` gets that, one
    /// stretch at a time. So many stretches are in memory as there are workers.
    ///
    /// # Errors
    /// The caller asked to stop, or `take` failed.
    pub fn each_stretch<E: Send>(
        &self,
        monitor: &dyn Monitor,
        start: impl Fn() -> E + Sync,
        add: impl Fn(&mut E, &Part<'_>) + Sync,
        mut take: impl FnMut(E) -> Result<()> + Send,
    ) -> Result<Vec<BranchChanges>> {
        let families = self.states.family_count();
        let nodes = if self.wanted.changes.is_some() { self.tree.node_count() } else { 0 };
        let mut total = vec![BranchChanges::default(); nodes];
        let stretches: Vec<_> =
            (0..families).step_by(self.stretch).map(|first| first..(first + self.stretch).min(families)).collect();
        let work = |scratch: &mut Scratch, stretch: std::ops::Range<usize>| {
            let mut made = start();
            let mut sums = Vec::with_capacity(stretch.len().div_ceil(self.unit));
            for first in stretch.clone().step_by(self.unit) {
                let mut own = Vec::new();
                let part = self.unit(first..(first + self.unit).min(stretch.end), scratch, &mut own);
                add(&mut made, &part);
                sums.push(own);
            }
            (made, sums)
        };
        self.workers.in_order("posterior", stretches, monitor, work, |(made, sums)| {
            for own in &sums {
                total.iter_mut().zip(own).for_each(|(sum, own)| sum.add(1.0, own));
            }
            take(made)
        })?;
        Ok(total)
    }
}
