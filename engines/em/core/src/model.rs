//! The probability model and its constants: weights from raw scores, priors, and the step from column sums to new
//! parameters. Source: Bendall et al. 2019, doi:10.1371/journal.pcbi.1006453, and Telescope's own order of operations.
//!
//! The whole state of the EM is one vector of column sums over ambiguous fragments; unique fragments are constants.

use serde::{Deserialize, Serialize};

use crate::matrix::{Index, MatrixView, ScoreMatrix, with_view};
use crate::numeric::{expm1_nearest, pairwise_sum};
use crate::{EmError, Monitor};

/// The exponent of the best possible score: q = expm1(100 raw / max raw).
const SCALE: f64 = 100.0;

/// Parameters of the EM.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EmOptions {
    /// Prior on pi, in fragments of the largest weight. At least 0.
    pub pi_prior: f64,
    /// Prior on theta, in fragments of the largest weight. At least 0.
    pub theta_prior: f64,
    /// The EM has converged once a step changes pi (or the log-likelihood) by less than this.
    pub epsilon: f64,
    /// The most steps. 0 is as 1: Telescope looks at the limit after a step.
    pub max_iterations: u32,
    /// Stop on the change of the log-likelihood instead of pi's.
    pub use_likelihood: bool,
    /// Compute the log-likelihood after every step, not only the last.
    pub trace_likelihood: bool,
}

impl Default for EmOptions {
    /// Telescope's defaults.
    fn default() -> Self {
        Self {
            pi_prior: 0.0,
            theta_prior: 200_000.0,
            epsilon: 1e-7,
            max_iterations: 100,
            use_likelihood: false,
            trace_likelihood: false,
        }
    }
}

impl EmOptions {
    /// Checks every parameter's range.
    ///
    /// # Errors
    /// Names the option and what it accepts.
    pub fn validate(&self) -> Result<(), EmError> {
        let finite = |option, value: f64| {
            if value.is_finite() && value >= 0.0 {
                Ok(())
            } else {
                Err(EmError::Option { option, value: value.to_string(), remedy: "give a finite number, 0 or more" })
            }
        };
        finite("pi-prior", self.pi_prior)?;
        finite("theta-prior", self.theta_prior)?;
        finite("em-epsilon", self.epsilon)
    }
}

/// pi and theta, one value a feature.
#[derive(Debug, Clone, PartialEq)]
pub struct Parameters {
    /// Share of all fragments that comes from the feature.
    pub pi: Vec<f64>,
    /// Share of the ambiguous fragments that is reassigned to the feature.
    pub theta: Vec<f64>,
}

impl Parameters {
    /// The product of pi and theta, which is all that an ambiguous row sees.
    pub fn product_into(&self, product: &mut Vec<f64>) {
        product.clear();
        product.extend(self.pi.iter().zip(&self.theta).map(|(pi, theta)| pi * theta));
    }
}

/// Everything about a score matrix that stays the same from step to step.
#[derive(Debug)]
pub struct Model<'a> {
    /// The scores.
    pub matrix: &'a ScoreMatrix,
    /// Weight q of each distinct score, ascending.
    pub weights: Vec<f64>,
    /// T: sum over rows of the largest weight of the row.
    pub total_weight: f64,
    /// A: the same over rows with more than one entry.
    pub ambiguous_weight: f64,
    /// W: the largest of these weights.
    pub max_weight: f64,
    /// p0: column sums of the weights of rows with one entry.
    pub unique_sums: Vec<f64>,
    pi_prior_weight: f64,
    theta_prior_weight: f64,
}

impl<'a> Model<'a> {
    /// Computes the constants of `matrix` under `options`. Time and memory O(N + K).
    pub fn new(matrix: &'a ScoreMatrix, options: &EmOptions) -> Self {
        // Telescope multiplies by the reciprocal, then by 100: two roundings that are kept.
        let reciprocal = 1.0 / f64::from(matrix.max_score());
        let weights: Vec<f64> =
            matrix.scores().iter().map(|&score| expm1_nearest((f64::from(score) * reciprocal) * SCALE)).collect();
        let (row_weights, unique_sums) = with_view!(matrix, view => row_constants(view, &weights, matrix.features()));
        let total_weight = pairwise_sum(&row_weights);
        let max_weight = row_weights.iter().copied().fold(0.0, f64::max);
        let mut ambiguous_weights = row_weights;
        with_view!(matrix, view => {
            for (weight, row) in ambiguous_weights.iter_mut().zip(view.offsets.windows(2)) {
                if row[1] - row[0] < 2 {
                    *weight = 0.0;
                }
            }
        });
        Self {
            matrix,
            weights,
            total_weight,
            ambiguous_weight: pairwise_sum(&ambiguous_weights),
            max_weight,
            unique_sums,
            pi_prior_weight: options.pi_prior * max_weight,
            theta_prior_weight: options.theta_prior * max_weight,
        }
    }

    /// The uniform start: 1/K everywhere.
    pub fn start(&self) -> Parameters {
        let features = self.matrix.features();
        let uniform = 1.0 / features as f64;
        Parameters { pi: vec![uniform; features], theta: vec![uniform; features] }
    }

    /// The M step: new parameters from the column sums over ambiguous rows.
    pub fn parameters_into(&self, sums: &[f64], parameters: &mut Parameters) {
        let features = sums.len() as f64;
        let pi_denominator = self.total_weight + self.pi_prior_weight * features;
        let theta_denominator = self.ambiguous_weight + self.theta_prior_weight * features;
        parameters.pi.clear();
        parameters.pi.extend(
            sums.iter().zip(&self.unique_sums).map(|(sum, own)| ((own + sum) + self.pi_prior_weight) / pi_denominator),
        );
        parameters.theta.clear();
        // Without ambiguous rows and without a prior theta is undefined and nothing reads it: 0, not 0/0.
        parameters.theta.extend(sums.iter().map(|sum| {
            if theta_denominator > 0.0 { (sum + self.theta_prior_weight) / theta_denominator } else { 0.0 }
        }));
    }

    /// The weighted pseudo-counts of the priors, (P, H).
    pub fn prior_weights(&self) -> (f64, f64) {
        (self.pi_prior_weight, self.theta_prior_weight)
    }
}

/// Largest weight of each row, and the column sums of single-entry rows in row order.
fn row_constants<C: Index, R: Index>(
    view: MatrixView<'_, C, R>,
    weights: &[f64],
    features: usize,
) -> (Vec<f64>, Vec<f64>) {
    let mut unique_sums = vec![0.0; features];
    let row_weights = (0..view.rows())
        .map(|row| {
            let (columns, ranks) = view.row(row);
            let weight = ranks.iter().max().map_or(0.0, |rank| weights[rank.at()]);
            if let [column] = columns {
                unique_sums[column.at()] += weight;
            }
            weight
        })
        .collect();
    (row_weights, unique_sums)
}

/// Fails if the caller asked to stop.
pub(crate) fn check(monitor: &dyn Monitor) -> Result<(), EmError> {
    if monitor.cancelled() { Err(EmError::Cancelled) } else { Ok(()) }
}
