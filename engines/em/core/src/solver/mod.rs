//! The EM: one driver for the iteration, and interchangeable ways to compute its only costly part, the column sums
//! of one E step.
//!
//! | solver | row order of the sums | threads |
//! |---|---|---|
//! | `stock` | the matrix's, as Telescope: its very bits | one |
//! | `fused` | the matrix's in small matrices, else rows of equal length together | any number, same bits |
//! | `blocked` | as `fused`, in connected components that are skipped once nothing changes | any number, same bits |
//! | `squarem` | as `fused`; fewer steps, another path: opt-in | any number, same bits |
//!
//! All but `squarem` walk through the same iterates; where the summation order differs they differ in the last bits.

mod blocked;
mod components;
mod driver;
mod fused;
mod kernel;
mod likelihood;
mod packed;
mod squarem;
mod stock;

pub(crate) use stock::reciprocal;

pub use components::{Components, HUB};
pub use driver::{EmFit, TraceRow};
pub use squarem::LEAST_THETA_PRIOR;

use serde::{Deserialize, Serialize};

use crate::model::{EmOptions, Model};
use crate::{EmError, Monitor, ScoreMatrix, Workers};

/// The way to solve the EM.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Solver {
    /// Row by row in one thread, in Telescope's order.
    Stock,
    /// E and M step in one pass over packed rows.
    Fused,
    /// Connected components in lockstep.
    Blocked,
    /// Squared extrapolation (Varadhan and Roland 2008): another path to the fixed point.
    Squarem,
}

/// Computes the column sums of one E step.
pub(crate) trait EStep {
    /// `sums[j]` = sum over ambiguous rows of `w_i z_ij`, with z from `product` = pi * theta.
    fn column_sums(&mut self, product: &[f64], sums: &mut [f64], monitor: &dyn Monitor) -> Result<(), EmError>;
}

/// Runs the EM on `matrix`. The result is the same for every number of workers.
///
/// # Errors
/// If an option is out of range, the solver refuses the options, or the caller asked to stop.
pub fn fit(
    matrix: &ScoreMatrix,
    options: &EmOptions,
    solver: Solver,
    workers: &Workers,
    monitor: &dyn Monitor,
) -> Result<EmFit, EmError> {
    options.validate()?;
    if solver == Solver::Squarem {
        squarem::require_prior(options)?;
    }
    if matrix.rows() == 0 {
        return Ok(EmFit::empty(matrix.features()));
    }
    let model = Model::new(matrix, options);
    match solver {
        Solver::Stock => driver::iterate(&model, options, &mut stock::Stock::new(&model), workers, monitor),
        Solver::Fused => {
            let mut step = fused::build(&model, workers);
            driver::iterate(&model, options, step.as_mut(), workers, monitor)
        }
        Solver::Blocked => {
            let mut step = blocked::build(&model, workers);
            driver::iterate(&model, options, step.as_mut(), workers, monitor)
        }
        Solver::Squarem => {
            let mut step = fused::build(&model, workers);
            squarem::iterate(&model, options, step.as_mut(), workers, monitor)
        }
    }
}

#[cfg(test)]
mod tests;
