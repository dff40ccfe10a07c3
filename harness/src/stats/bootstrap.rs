//! Bootstrap intervals.
//!
//! Method: the percentile bootstrap (B. Efron, 1979). The samples are drawn again with replacement, [`RESAMPLES`] times,
//! from a stated seed; the interval reaches between the quantiles of the statistic that leave out half of
//! `1 - confidence` on either side.
//!
//! What it can't do: the interval of a median never leaves the samples' range, so that of n samples it can't cover more
//! than `1 - 2^(1-n)`: 50 % for two samples, 94 % for five, 97 % for six. Verdicts therefore ask for five samples or
//! more (`crate::tune`), and an interval of a single sample does not exist.

use super::{Generator, median, order::quantile_of_sorted};
use serde::{Deserialize, Serialize};

/// How often the samples are drawn again.
const RESAMPLES: usize = 1000;
/// The confidence of every interval that is printed.
pub const CONFIDENCE: f64 = 0.95;

/// Intervals of fewer samples than this decide nothing: of two like plans with five samples each, all five of one lie
/// below all of the other in 1 of 126 cases, with three samples already in 1 of 10.
pub const LEAST_SAMPLES: usize = 5;

/// Where a figure may well lie.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// Lower end, included.
    pub low: f64,
    /// Upper end, included.
    pub high: f64,
}

impl Interval {
    /// True where the two share a point.
    pub fn overlaps(&self, other: &Interval) -> bool {
        self.low <= other.high && other.low <= self.high
    }

    /// True where all of this one is larger than all of `other`.
    pub fn is_above(&self, other: &Interval) -> bool {
        self.low > other.high
    }

    /// True where `value` lies in it.
    pub fn contains(&self, value: f64) -> bool {
        (self.low..=self.high).contains(&value)
    }
}

/// A median and how sure it is.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// Median of the samples.
    pub median: f64,
    /// Its interval; none for a single sample.
    pub interval: Option<Interval>,
    /// How many samples there are.
    pub samples: usize,
}

impl Estimate {
    /// The median of `samples` with its 95 % interval. None without samples.
    pub fn of(samples: &[f64], seed: u64) -> Option<Estimate> {
        Estimate::with_confidence(samples, CONFIDENCE, seed)
    }

    /// As [`Estimate::of`], with another confidence (0 to 1).
    pub fn with_confidence(samples: &[f64], confidence: f64, seed: u64) -> Option<Estimate> {
        let middle = median(samples)?;
        let of_median = |drawn: &[f64]| median(drawn);
        let interval = bootstrap_interval(samples, confidence, seed, of_median);
        Some(Estimate { median: middle, interval, samples: samples.len() })
    }
}

/// The interval of any statistic of `samples`. None for fewer than two samples, or where the statistic has no value on
/// any of the redrawn sets.
pub fn bootstrap_interval<T: Copy>(
    samples: &[T],
    confidence: f64,
    seed: u64,
    statistic: impl Fn(&[T]) -> Option<f64>,
) -> Option<Interval> {
    if samples.len() < 2 {
        return None;
    }
    let mut values: Vec<f64> = Vec::with_capacity(RESAMPLES);
    resample(samples, RESAMPLES, seed, |drawn| values.extend(statistic(drawn)));
    interval_of(&mut values, confidence)
}

/// Draws as many of `samples` as there are, with replacement, and hands them to `each`; `times` times.
pub fn resample<T: Copy>(samples: &[T], times: usize, seed: u64, mut each: impl FnMut(&[T])) {
    let mut generator = Generator::new(seed);
    let mut drawn = samples.to_vec();
    for _ in 0..times {
        for place in &mut drawn {
            *place = samples[generator.below(samples.len())];
        }
        each(&drawn);
    }
}

/// How many times as long `numerator` took as `denominator`, where the samples at one index were taken side by side: the
/// median of the ratios pair by pair, so that a machine that slows down for a while slows both. Samples without a
/// partner are left out. None without a pair.
pub fn paired_ratio(numerator: &[f64], denominator: &[f64], seed: u64) -> Option<Estimate> {
    let ratios: Vec<f64> = numerator.iter().zip(denominator).map(|(above, below)| above / below).collect();
    Estimate::of(&ratios, seed)
}

/// How many times as large the median of `numerator` is as that of `denominator`, where the samples were not taken side
/// by side: both are redrawn, apart. None without samples on either side.
pub fn unpaired_ratio(numerator: &[f64], denominator: &[f64], confidence: f64, seed: u64) -> Option<Estimate> {
    let ratio = median(numerator)? / median(denominator)?;
    let samples = numerator.len().min(denominator.len());
    if samples < 2 {
        return Some(Estimate { median: ratio, interval: None, samples });
    }
    let medians = |samples: &[f64], seed: u64| {
        let mut medians = Vec::with_capacity(RESAMPLES);
        resample(samples, RESAMPLES, seed, |drawn| medians.extend(median(drawn)));
        medians
    };
    let (above, below) = (medians(numerator, seed), medians(denominator, seed.wrapping_add(1)));
    let mut ratios: Vec<f64> = above.iter().zip(&below).map(|(above, below)| above / below).collect();
    Some(Estimate { median: ratio, interval: interval_of(&mut ratios, confidence), samples })
}

/// What lies between the quantiles that leave out half of `1 - confidence` on either side.
pub fn interval_of(values: &mut [f64], confidence: f64) -> Option<Interval> {
    values.sort_by(f64::total_cmp);
    let tail = (1.0 - confidence) / 2.0;
    Some(Interval { low: quantile_of_sorted(values, tail)?, high: quantile_of_sorted(values, 1.0 - tail)? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn one_sample_has_no_interval() {
        assert_eq!(Estimate::of(&[], 1), None);
        assert_eq!(Estimate::of(&[2.0], 1), Some(Estimate { median: 2.0, interval: None, samples: 1 }));
    }

    #[test]
    fn equal_samples_leave_no_doubt() {
        let estimate = Estimate::of(&[2.0; 7], 1).unwrap();
        assert_eq!(estimate.interval, Some(Interval { low: 2.0, high: 2.0 }));
    }

    #[test]
    fn few_samples_give_their_whole_range() {
        let interval = Estimate::of(&[1.0, 5.0, 2.0, 4.0, 3.0], 1).unwrap().interval.unwrap();
        assert_eq!(interval, Interval { low: 1.0, high: 5.0 });
    }

    #[test]
    fn the_interval_covers_the_true_median_about_as_often_as_it_says() {
        let mut generator = Generator::new(11);
        for (confidence, expected) in [(0.95, 360..=396), (0.8, 260..=350)] {
            let covered = (0..400).filter(|seed| {
                // Log-uniform between 0.5 and 2: the true median is 1.
                let samples: Vec<f64> = (0..15).map(|_| (2.0 * generator.unit() - 1.0).exp2()).collect();
                let estimate = Estimate::with_confidence(&samples, confidence, *seed).unwrap();
                estimate.interval.unwrap().contains(1.0)
            });
            let covered = covered.count();
            assert!(expected.contains(&covered), "{covered} of 400 at {confidence}");
        }
    }

    #[test]
    fn a_paired_ratio_sees_through_drift() {
        // The machine becomes ten times slower meanwhile; B is 10 % slower than A throughout.
        let a: Vec<f64> = (0..9).map(|i| 1.0 + f64::from(i)).collect();
        let b: Vec<f64> = a.iter().map(|seconds| seconds * 1.1).collect();
        let ratio = paired_ratio(&b, &a, 1).unwrap();
        let interval = ratio.interval.unwrap();
        assert!((ratio.median - 1.1).abs() < 1e-12 && interval.low > 1.09 && interval.high < 1.11);
        assert!(
            Estimate::of(&a, 1).unwrap().interval.unwrap().overlaps(&Estimate::of(&b, 1).unwrap().interval.unwrap())
        );
        assert_eq!(paired_ratio(&[1.0, 2.0, 3.0], &[1.0], 1).unwrap().samples, 1);
    }

    #[test]
    fn an_unpaired_ratio_covers_the_true_one_about_as_often_as_it_says() {
        let mut generator = Generator::new(5);
        let covered = (0..400).filter(|seed| {
            // Log-uniform, the medians 1.2 and 1.
            let mut draw = |middle: f64, count: usize| -> Vec<f64> {
                (0..count).map(|_| middle * (generator.unit() - 0.5).exp2()).collect()
            };
            let (above, below) = (draw(1.2, 16), draw(1.0, 32));
            unpaired_ratio(&above, &below, 0.95, *seed).unwrap().interval.unwrap().contains(1.2)
        });
        let covered = covered.count();
        assert!((360..=398).contains(&covered), "{covered} of 400");
        assert_eq!(unpaired_ratio(&[2.0], &[1.0, 1.0], 0.95, 1).unwrap().interval, None);
        assert_eq!(unpaired_ratio(&[], &[1.0], 0.95, 1), None);
        let sure = unpaired_ratio(&[3.0; 5], &[2.0; 5], 0.95, 1).unwrap();
        assert_eq!((sure.median, sure.interval), (1.5, Some(Interval { low: 1.5, high: 1.5 })));
    }

    #[test]
    fn intervals_are_compared_end_by_end() {
        let interval = |low, high| Interval { low, high };
        assert!(interval(1.0, 2.0).overlaps(&interval(2.0, 3.0)));
        assert!(!interval(2.0, 3.0).is_above(&interval(1.0, 2.0)));
        assert!(interval(2.1, 3.0).is_above(&interval(1.0, 2.0)));
        assert!(!interval(1.0, 2.0).is_above(&interval(2.1, 3.0)));
    }

    proptest! {
        #[test]
        fn intervals_hold_their_median_and_repeat(
            samples in proptest::collection::vec(0.001..1e4f64, 2..30), seed: u64,
        ) {
            let estimate = Estimate::of(&samples, seed).unwrap();
            let interval = estimate.interval.unwrap();
            prop_assert_eq!(Estimate::of(&samples, seed), Some(estimate));
            let narrow = Estimate::with_confidence(&samples, 0.5, seed).unwrap().interval.unwrap();
            prop_assert!(interval.low <= narrow.low && narrow.high <= interval.high);
            let (low, high) = samples.iter().fold((f64::MAX, f64::MIN), |(l, h), s| (l.min(*s), h.max(*s)));
            prop_assert!(low <= interval.low && interval.high <= high);
            prop_assert!(interval.contains(estimate.median));
        }
    }
}
