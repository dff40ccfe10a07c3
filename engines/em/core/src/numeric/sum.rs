//! Sums in a stated order. NumPy's orders are kept because Telescope's answers hang on them: with them a small
//! matrix gives Telescope's numbers to the last bit.

/// Above this many values NumPy splits a sum in two halves.
const PAIRWISE_BLOCK: usize = 128;

/// The sum of `values` in the order of NumPy's pairwise summation (`np.add.reduce` over contiguous doubles).
pub fn pairwise_sum(values: &[f64]) -> f64 {
    let count = values.len();
    if count < 8 {
        return values.iter().fold(0.0, |sum, value| sum + value);
    }
    if count > PAIRWISE_BLOCK {
        let half = count / 2;
        let (left, right) = values.split_at(half - half % 8);
        return pairwise_sum(left) + pairwise_sum(right);
    }
    let (groups, rest) = values.as_chunks::<8>();
    let mut lanes = [0.0; 8];
    if let Some((first, others)) = groups.split_first() {
        lanes = *first;
        for group in others {
            for (lane, value) in lanes.iter_mut().zip(group) {
                *lane += value;
            }
        }
    }
    let [a, b, c, d, e, f, g, h] = lanes;
    rest.iter().fold(((a + b) + (c + d)) + ((e + f) + (g + h)), |sum, value| sum + value)
}

/// The sum of one row of a sparse matrix in SciPy's order (`np.add.reduceat`): the first value, plus the pairwise sum
/// of the others. 0 for an empty row.
pub fn row_sum(values: &[f64]) -> f64 {
    match values.split_first() {
        Some((first, rest)) => first + pairwise_sum(rest),
        None => 0.0,
    }
}

/// A sum that carries its rounding errors along (Neumaier 1974): practically independent of the order of its terms.
#[derive(Debug, Clone, Copy, Default)]
pub struct CompensatedSum {
    sum: f64,
    error: f64,
}

impl CompensatedSum {
    /// Adds one term.
    #[inline]
    pub fn add(&mut self, term: f64) {
        let sum = self.sum + term;
        self.error += if self.sum.abs() >= term.abs() { (self.sum - sum) + term } else { (term - sum) + self.sum };
        self.sum = sum;
    }

    /// Adds another sum with its error.
    pub fn merge(&mut self, other: Self) {
        self.add(other.sum);
        self.error += other.error;
    }

    /// The sum, rounded once.
    pub fn value(self) -> f64 {
        self.sum + self.error
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairwise_sums_differ_from_running_sums_as_numpy_does() {
        let values: Vec<f64> = (1..=300).map(|i| 1.0 / (f64::from(i) * f64::from(i).sqrt())).collect();
        let exact = {
            let mut sum = CompensatedSum::default();
            values.iter().for_each(|v| sum.add(*v));
            sum.value()
        };
        assert!((pairwise_sum(&values) - exact).abs() <= 2e-15);
        assert_eq!(pairwise_sum(&[1e16, 1.0, 1.0, -1e16]), 0.0);
        assert_eq!(row_sum(&[1e16, 1.0, 1.0, -1e16]), 2.0);
        assert_eq!(row_sum(&[1e16, 1.0, 1.0]), 1e16 + 2.0);
        assert_eq!(pairwise_sum(&[1e16, 1.0, 1.0]), 1e16);
        // Eight lanes: the ones meet each other before the large values.
        assert_eq!(pairwise_sum(&[1e16, 1.0, -1e16, 1.0, 1.0, 1.0, 1.0, 1.0]), 4.0);
        assert_eq!(row_sum(&[]), 0.0);
    }

    #[test]
    fn a_compensated_sum_does_not_depend_on_the_order() {
        let values: Vec<f64> = (0..10_000).map(|i| (f64::from(i) * 0.37).sin() * 1e8_f64.powi(i % 3)).collect();
        let forward = values.iter().fold(CompensatedSum::default(), |mut sum, v| {
            sum.add(*v);
            sum
        });
        let mut halves = CompensatedSum::default();
        for half in values.rchunks(4_321) {
            let mut part = CompensatedSum::default();
            half.iter().rev().for_each(|v| part.add(*v));
            halves.merge(part);
        }
        assert_eq!(forward.value(), halves.value());
    }
}
