//! Order statistics.

/// The middle value; of an even number of samples, the mean of the two in the middle. None without samples.
pub fn median(samples: &[f64]) -> Option<f64> {
    quantile(samples, 0.5)
}

/// The value below which the share `q` (0 to 1) of the samples lies, interpolated linearly between neighbours
/// (Hyndman and Fan's definition 7, the default of R and NumPy). None without samples. NaN sorts above all numbers.
pub fn quantile(samples: &[f64], q: f64) -> Option<f64> {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    quantile_of_sorted(&sorted, q)
}

/// As [`quantile`], of samples in ascending order.
pub(super) fn quantile_of_sorted(sorted: &[f64], q: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    let place = q.clamp(0.0, 1.0) * last as f64;
    let below = place.floor() as usize;
    let (low, high) = (sorted[below], sorted[(below + 1).min(last)]);
    // Equal neighbours are returned as they are: infinity - infinity is not a number.
    if low == high { Some(low) } else { Some(low + (high - low) * (place - below as f64)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn known_values() {
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[3.0]), Some(3.0));
        assert_eq!(median(&[4.0, 1.0, 3.0, 2.0]), Some(2.5));
        // R: quantile(c(1, 2, 4, 8, 16), c(0, .1, .25, .9, 1), type = 7)
        let samples = [16.0, 1.0, 8.0, 2.0, 4.0];
        for (q, expected) in [(0.0, 1.0), (0.1, 1.4), (0.25, 2.0), (0.9, 12.8), (1.0, 16.0)] {
            assert!((quantile(&samples, q).unwrap() - expected).abs() < 1e-12, "{q}");
        }
        assert_eq!(median(&[f64::INFINITY, f64::INFINITY]), Some(f64::INFINITY));
    }

    proptest! {
        #[test]
        fn half_of_the_samples_lie_on_each_side(samples in proptest::collection::vec(-1e9..1e9f64, 1..50)) {
            let middle = median(&samples).unwrap();
            let half = samples.len().div_ceil(2);
            prop_assert!(samples.iter().filter(|sample| **sample <= middle).count() >= half);
            prop_assert!(samples.iter().filter(|sample| **sample >= middle).count() >= half);
        }

        #[test]
        fn order_does_not_matter_and_quantiles_ascend(
            samples in proptest::collection::vec(-1e9..1e9f64, 1..50), a in 0.0..1.0f64, b in 0.0..1.0f64,
        ) {
            let mut reversed = samples.clone();
            reversed.reverse();
            prop_assert_eq!(quantile(&samples, a), quantile(&reversed, a));
            prop_assert!(quantile(&samples, a.min(b)) <= quantile(&samples, a.max(b)));
        }
    }
}
