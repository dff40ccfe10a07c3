//! The climb, by the crate `basin`: a port of L-BFGS-B 3.0 (Byrd, Lu, Nocedal, Zhu 1995; Morales and Nocedal 2011)
//! in plain Rust that follows the Fortran iteration by iteration, with bounds, without C or BLAS, released every
//! few weeks. Of the others, `argmin` has no bounded quasi-Newton, `lbfgsb` and `nlopt` wrap C, `ganesh` brings a
//! linear-algebra stack and a table printer along.

use basin::{
    BoxBounds, ConstraintDescription, ConstraintSet, Constraints, CostFunction, Executor, FirstOrderState, Lbfgsb,
};

use super::Objective;
use crate::error::{Error, Result};
use crate::monitor;

struct Descent<'a> {
    objective: &'a Objective<'a>,
    low: Vec<f64>,
    high: Vec<f64>,
}

impl Constraints for Descent<'_> {
    type Set = ConstraintSet<BoxBounds<Vec<f64>>>;

    fn constraints(&self) -> <Self::Set as ConstraintDescription>::Borrowed<'_> {
        ConstraintSet::new().with_bounds(BoxBounds::new(Some(&self.low), Some(&self.high)))
    }
}

impl CostFunction for Descent<'_> {
    type Param = Vec<f64>;
    type Output = f64;
    type Error = Error;

    fn cost(&self, x: &Vec<f64>) -> Result<f64> {
        Ok(-self.objective.at(x)?.objective)
    }
}

impl basin::Gradient for Descent<'_> {
    type Gradient = Vec<f64>;

    fn gradient(&self, x: &Vec<f64>) -> Result<Vec<f64>> {
        Ok(self.cost_and_gradient(x)?.1)
    }

    fn cost_and_gradient(&self, x: &Vec<f64>) -> Result<(f64, Vec<f64>)> {
        monitor::check(self.objective.monitor())?;
        let point = self.objective.at(x)?;
        Ok((-point.objective, point.gradient.iter().map(|g| -g).collect()))
    }
}

/// Climbs from `start` to where the objective grows by less than 1e-11 of itself.
pub(super) fn climb(objective: &Objective<'_>, start: Vec<f64>) -> Result<Vec<f64>> {
    const ITERATIONS: u64 = 500;
    let problem = Descent {
        objective,
        low: objective.layout.bounds.iter().map(|b| b[0]).collect(),
        high: objective.layout.bounds.iter().map(|b| b[1]).collect(),
    };
    let solver =
        Lbfgsb::new().with_absolute_projected_gradient_tolerance(1e-6).with_relative_cost_reduction_tolerance(1e-11);
    match Executor::new(problem, solver, FirstOrderState::new(start)).max_iter(ITERATIONS).run() {
        Ok(result) => Ok(result.param().clone()),
        Err(basin::ConstraintSolveError::Evaluation(error)) => Err(error),
        Err(other) => Err(Error::Failed(format!("the fit could not be started: {other}"))),
    }
}
