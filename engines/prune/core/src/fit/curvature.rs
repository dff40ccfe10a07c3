//! Second derivatives from differences of exact gradients: Newton's last digits, and variances.

use super::{Objective, Point};
use crate::error::Result;

/// Takes Newton steps while they shrink the gradient. Returns the point and, if it is a maximum in the parameters
/// that are not at a bound, their variances.
pub(super) fn polish(objective: &Objective<'_>, start: Vec<f64>) -> Result<(Vec<f64>, Point, Option<Vec<f64>>)> {
    const STEPS: usize = 4;
    let mut x = start;
    let mut point = objective.at(&x)?;
    let mut free = objective.free(&x, &point.gradient);
    let mut hessian = hessian(objective, &x, &free)?;
    for _ in 0..STEPS {
        let norm = size(&point, &free);
        if norm < 1e-9 * (1.0 + point.objective.abs() * 1e-4) {
            break;
        }
        let Some(factor) = Cholesky::new(&hessian, free.len()) else { break };
        let step = factor.solve(&free.iter().map(|&i| point.gradient[i]).collect::<Vec<f64>>());
        let mut next = x.clone();
        for (&i, s) in free.iter().zip(&step) {
            let [low, high] = objective.layout.bounds[i];
            next[i] = (next[i] + s).clamp(low, high);
        }
        let moved = objective.at(&next)?;
        let next_free = objective.free(&next, &moved.gradient);
        // Not by the objective: this close to the top it only shows noise.
        if next_free != free || size(&moved, &free) >= norm {
            break;
        }
        let far = step.iter().any(|s| s.abs() > 1e-4);
        (x, point, free) = (next, moved, next_free);
        if far {
            hessian = self::hessian(objective, &x, &free)?;
        }
    }
    let variances = Cholesky::new(&hessian, free.len()).map(|factor| factor.inverse_diagonal());
    Ok((x, point, variances))
}

fn size(point: &Point, free: &[usize]) -> f64 {
    free.iter().map(|&i| point.gradient[i].abs()).fold(0.0, f64::max)
}

/// Minus the matrix of second derivatives by the free parameters, row by row, by differences of fourth order.
fn hessian(objective: &Objective<'_>, x: &[f64], free: &[usize]) -> Result<Vec<f64>> {
    const STEP: f64 = 2e-3;
    let count = free.len();
    let mut rows = vec![0.0; count * count];
    for (row, &i) in free.iter().enumerate() {
        let at = |steps: f64| {
            let mut moved = x.to_vec();
            moved[i] += steps * STEP;
            objective.at(&moved).map(|point| point.gradient)
        };
        let (down2, down1, up1, up2) = (at(-2.0)?, at(-1.0)?, at(1.0)?, at(2.0)?);
        for (column, &j) in free.iter().enumerate() {
            let slope = (8.0 * (up1[j] - down1[j]) - (up2[j] - down2[j])) / (12.0 * STEP);
            rows[row * count + column] = -slope;
        }
    }
    for row in 0..count {
        for column in 0..row {
            let mean = 0.5 * (rows[row * count + column] + rows[column * count + row]);
            rows[row * count + column] = mean;
            rows[column * count + row] = mean;
        }
    }
    Ok(rows)
}

/// A factor of a symmetric positive definite matrix.
struct Cholesky {
    lower: Vec<f64>,
    count: usize,
}

impl Cholesky {
    fn new(matrix: &[f64], count: usize) -> Option<Self> {
        let mut lower = vec![0.0; count * count];
        for row in 0..count {
            for column in 0..=row {
                let dot: f64 = (0..column).map(|k| lower[row * count + k] * lower[column * count + k]).sum();
                let rest = matrix[row * count + column] - dot;
                lower[row * count + column] = if row == column {
                    if !(rest > 0.0 && rest.is_finite()) {
                        return None;
                    }
                    rest.sqrt()
                } else {
                    rest / lower[column * count + column]
                };
            }
        }
        Some(Self { lower, count })
    }

    fn solve(&self, right: &[f64]) -> Vec<f64> {
        let n = self.count;
        let mut y = right.to_vec();
        for row in 0..n {
            let dot: f64 = (0..row).map(|k| self.lower[row * n + k] * y[k]).sum();
            y[row] = (y[row] - dot) / self.lower[row * n + row];
        }
        for row in (0..n).rev() {
            let dot: f64 = (row + 1..n).map(|k| self.lower[k * n + row] * y[k]).sum();
            y[row] = (y[row] - dot) / self.lower[row * n + row];
        }
        y
    }

    fn inverse_diagonal(&self) -> Vec<f64> {
        (0..self.count)
            .map(|i| {
                let mut unit = vec![0.0; self.count];
                unit[i] = 1.0;
                self.solve(&unit)[i]
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn solves_and_inverts() {
        let matrix = [4.0, 2.0, 0.6, 2.0, 5.0, 1.5, 0.6, 1.5, 3.8];
        let factor = Cholesky::new(&matrix, 3).unwrap();
        let x = factor.solve(&[1.0, 2.0, 3.0]);
        for row in 0..3 {
            let product: f64 = (0..3).map(|k| matrix[row * 3 + k] * x[k]).sum();
            assert!((product - (row + 1) as f64).abs() < 1e-14);
        }
        assert!((factor.inverse_diagonal()[0] - (5.0 * 3.8 - 1.5 * 1.5) / 53.6).abs() < 1e-14);
        assert!(Cholesky::new(&[1.0, 2.0, 2.0, 1.0], 2).is_none());
    }
}
