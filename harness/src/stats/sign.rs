//! The interval of a median that the sign test gives.
//!
//! Method: of n independent samples, the number that lie below the true median is binomial with probability 1/2. So the
//! median lies between the r-th smallest and the r-th largest sample but with probability `2 P(B < r)`, whatever the
//! distribution (W. R. Thompson, 1936). Unlike the bootstrap's interval it holds for any error, however small, and needs no
//! redrawing; with few samples it is wider, and there may be none that is so sure.

use super::{Estimate, Interval, order::quantile_of_sorted};

impl Estimate {
    /// The median of `samples` with the sign test's interval, which misses the true one with probability `error` at most.
    /// None without samples; without an interval where they are too few.
    pub fn by_signs(samples: &[f64], error: f64) -> Option<Estimate> {
        let mut sorted = samples.to_vec();
        sorted.sort_by(f64::total_cmp);
        let median = quantile_of_sorted(&sorted, 0.5)?;
        let rank = rank(sorted.len(), error);
        let interval =
            rank.checked_sub(1).map(|below| Interval { low: sorted[below], high: sorted[sorted.len() - rank] });
        Some(Estimate { median, interval, samples: sorted.len() })
    }
}

/// The largest r with `2 P(B < r) <= error`, B binomial of `n` tosses of a fair coin; 0 where there is none.
fn rank(n: usize, error: f64) -> usize {
    // In logarithms: 2^-n is not a number from n = 1075 on.
    let mut term = -(n as f64) * std::f64::consts::LN_2;
    let (mut tail, mut rank) = (0.0, 0);
    while rank < n / 2 {
        // Here `term` is the logarithm of P(B = rank).
        tail += term.exp();
        if 2.0 * tail > error {
            break;
        }
        term += ((n - rank) as f64).ln() - ((rank + 1) as f64).ln();
        rank += 1;
    }
    rank
}

#[cfg(test)]
mod tests {
    use super::super::Generator;
    use super::*;

    #[test]
    fn ranks_are_those_of_the_binomial_distribution() {
        // R: qbinom(error / 2, n, 0.5), where the sum below it is still within; tables of the sign test.
        for (n, error, expected) in
            [(5, 0.05, 0), (6, 0.05, 1), (8, 0.0125, 1), (8, 0.0075, 0), (10, 0.05, 2), (20, 0.05, 6), (25, 0.01, 6)]
        {
            assert_eq!(rank(n, error), expected, "{n} {error}");
        }
        // The normal distribution's, where numbers are large: n/2 - z sqrt(n)/2.
        let expected = 10_000.0 / 2.0 - 2.575_83 * 50.0;
        assert!((rank(10_000, 0.01) as f64 - expected).abs() < 1.5);
        assert_eq!((rank(0, 0.5), rank(1, 0.5)), (0, 0));
    }

    #[test]
    fn the_interval_is_made_of_samples_and_errs_as_seldom_as_it_says() {
        let eight = Estimate::by_signs(&[5.0, 1.0, 8.0, 2.0, 4.0, 3.0, 7.0, 6.0], 0.0125).unwrap();
        assert_eq!((eight.median, eight.interval), (4.5, Some(Interval { low: 1.0, high: 8.0 })));
        assert_eq!(Estimate::by_signs(&[1.0, 2.0], 0.05).unwrap().interval, None);
        assert_eq!(Estimate::by_signs(&[], 0.05), None);
        let mut generator = Generator::new(3);
        // A skewed distribution whose median is 1.
        let missed = (0..2000).filter(|_| {
            let samples: Vec<f64> = (0..24).map(|_| -generator.unit().max(1e-300).log2()).collect();
            !Estimate::by_signs(&samples, 0.1).unwrap().interval.unwrap().contains(1.0)
        });
        let missed = missed.count();
        assert!((60..=200).contains(&missed), "{missed} of 2000");
    }
}
