//! Curves of time over threads.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A law of scaling.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Law {
    /// Amdahl's law.
    Amdahl,
    /// The universal scalability law.
    Usl,
}

impl Law {
    /// Both.
    pub const ALL: [Law; 2] = [Law::Amdahl, Law::Usl];
}

impl fmt::Display for Law {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Law::Amdahl => "Amdahl",
            Law::Usl => "USL",
        })
    }
}

/// `T(p) = parallel / p + serial + crosstalk (p - 1)`: both laws, Amdahl's without crosstalk.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Curve {
    parallel: f64,
    serial: f64,
    crosstalk: f64,
}

/// Most coefficients of a law.
const COEFFICIENTS: usize = 3;

impl Curve {
    /// The curve with the least sum of squared relative errors at `points` (threads, seconds), no coefficient negative.
    ///
    /// With three coefficients every set of those that are not zero can be tried: the best feasible one is the minimum
    /// (a convex problem's minimum lies within the face whose free minimum is feasible and best).
    pub(super) fn fit(law: Law, points: &[(f64, f64)]) -> Curve {
        let coefficients = if law == Law::Usl { 3 } else { 2 };
        let rows: Vec<[f64; COEFFICIENTS]> =
            points.iter().map(|(p, seconds)| [1.0 / p, 1.0, p - 1.0].map(|term| term / seconds)).collect();
        let error = |curve: &[f64; COEFFICIENTS]| -> f64 {
            let miss = |row: &[f64; COEFFICIENTS]| row.iter().zip(curve).map(|(term, by)| term * by).sum::<f64>() - 1.0;
            rows.iter().map(|row| miss(row).powi(2)).sum()
        };
        let candidates = (1..1usize << coefficients).filter_map(|set| least_squares(&rows, set));
        let feasible = candidates.filter(|curve| curve.iter().all(|coefficient| *coefficient >= 0.0));
        let best = feasible.min_by(|left, right| error(left).total_cmp(&error(right)));
        let [parallel, serial, crosstalk] = best.unwrap_or([0.0; COEFFICIENTS]);
        Curve { parallel, serial, crosstalk }
    }

    pub(super) fn seconds(&self, threads: f64) -> f64 {
        self.parallel / threads + self.serial + self.crosstalk * (threads - 1.0)
    }

    pub(super) fn serial_fraction(&self) -> f64 {
        self.serial / (self.parallel + self.serial)
    }

    pub(super) fn coherency(&self) -> f64 {
        self.crosstalk / (self.parallel + self.serial)
    }

    /// Where the time is least; none where it falls for ever.
    pub(super) fn peak_threads(&self) -> Option<f64> {
        (self.crosstalk > 0.0).then(|| (self.parallel / self.crosstalk).sqrt().max(1.0))
    }
}

/// The least-squares solution of `rows * x = 1` where only the coefficients in `set` (as bits) may differ from zero, by
/// the normal equations. None where these are singular.
fn least_squares(rows: &[[f64; COEFFICIENTS]], set: usize) -> Option<[f64; COEFFICIENTS]> {
    let used: Vec<usize> = (0..COEFFICIENTS).filter(|index| set >> index & 1 == 1).collect();
    let mut system: Vec<Vec<f64>> = used
        .iter()
        .map(|i| {
            let products = used.iter().map(|j| rows.iter().map(|row| row[*i] * row[*j]).sum());
            products.chain([rows.iter().map(|row| row[*i]).sum()]).collect()
        })
        .collect();
    let size = used.len();
    for column in 0..size {
        let pivot = (column..size).max_by(|a, b| system[*a][column].abs().total_cmp(&system[*b][column].abs()))?;
        system.swap(column, pivot);
        let scale = system[column][column];
        if scale.abs() < 1e-14 {
            return None;
        }
        let lead = system[column].clone();
        for (_, row) in system.iter_mut().enumerate().filter(|(index, _)| *index != column) {
            let factor = row[column] / scale;
            row.iter_mut().zip(&lead).for_each(|(value, by)| *value -= factor * by);
        }
    }
    let mut solution = [0.0; COEFFICIENTS];
    for (place, index) in used.iter().enumerate() {
        solution[*index] = system[place][size] / system[place][place];
    }
    Some(solution)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_constant_is_all_serial_and_a_hyperbola_all_parallel() {
        let counts = [1.0, 2.0, 4.0, 8.0];
        let constant = Curve::fit(Law::Usl, &counts.map(|p| (p, 3.0)));
        assert!((constant.serial_fraction() - 1.0).abs() < 1e-6 && constant.coherency() < 1e-9);
        let perfect = Curve::fit(Law::Amdahl, &counts.map(|p| (p, 8.0 / p)));
        assert!(perfect.serial_fraction() < 1e-9 && (perfect.seconds(16.0) - 0.5).abs() < 1e-9);
        assert_eq!(perfect.peak_threads(), None);
    }

    #[test]
    fn coefficients_are_never_negative() {
        // Faster than linear: no law with sane coefficients does that.
        let points = [(1.0, 8.0), (2.0, 3.0), (4.0, 1.0), (8.0, 0.2)];
        for law in Law::ALL {
            let curve = Curve::fit(law, &points);
            assert!(curve.serial >= 0.0 && curve.parallel >= 0.0 && curve.crosstalk >= 0.0, "{curve:?}");
        }
    }

    proptest! {
        #[test]
        fn exact_data_give_the_parameters_back(
            one in 0.01..1e4f64, serial in 0.0..1.0f64, coherency in 0.0..0.02f64,
        ) {
            let time = |p: f64| one * ((1.0 - serial) / p + serial + coherency * (p - 1.0));
            let points: Vec<(f64, f64)> = [1.0, 2.0, 3.0, 4.0, 8.0, 16.0].iter().map(|p| (*p, time(*p))).collect();
            let curve = Curve::fit(Law::Usl, &points);
            prop_assert!((curve.serial_fraction() - serial).abs() < 1e-6, "{:?}", curve);
            prop_assert!((curve.coherency() - coherency).abs() < 1e-6);
            prop_assert!((curve.seconds(64.0) / time(64.0) - 1.0).abs() < 1e-5);
            if coherency > 1e-6 && serial < 0.999 {
                let peak = ((1.0 - serial) / coherency).sqrt().max(1.0);
                prop_assert!((curve.peak_threads().unwrap() / peak - 1.0).abs() < 1e-2);
            }
        }

        /// Brute force: no feasible neighbour is better.
        #[test]
        fn the_fit_is_a_minimum(times in proptest::collection::vec(0.1..10.0f64, 4), law in 0..2usize) {
            let points: Vec<(f64, f64)> = [1.0, 2.0, 4.0, 8.0].into_iter().zip(times).collect();
            let law = Law::ALL[law];
            let error = |c: &Curve| -> f64 { points.iter().map(|(p, t)| (c.seconds(*p) / t - 1.0).powi(2)).sum() };
            let best = Curve::fit(law, &points);
            for step in [1e-3, -1e-3] {
                let moved = [
                    Curve { parallel: best.parallel + step, ..best },
                    Curve { serial: best.serial + step, ..best },
                    Curve { crosstalk: best.crosstalk + step, ..best },
                ];
                for other in &moved[..if law == Law::Usl { 3 } else { 2 }] {
                    if other.parallel >= 0.0 && other.serial >= 0.0 && other.crosstalk >= 0.0 {
                        prop_assert!(error(&best) <= error(other) + 1e-9, "{best:?} {other:?}");
                    }
                }
            }
        }
    }
}
