//! The arithmetic of measurements: medians, bootstrap intervals, paired ratios, scaling figures.
//!
//! Pure: no clock, no file, no global state; the same samples and seed give the same figures on every machine.
//! - [`median`], [`quantile`]: order statistics.
//! - [`Estimate`]: the median of some samples with its bootstrap interval, or that of the sign test.
//! - [`paired_ratio`]: how many times as long one of two interleaved series took.
//! - [`unpaired_ratio`]: the same of two series that were taken at different times.
//! - [`Scaling`]: speedup, efficiency and the serial fraction of Karp and Flatt.
//! - [`Generator`]: the random numbers of all this.
//!
//! Left out: models fitted to several thread counts (`crate::predict`).
#![forbid(unsafe_code)]

mod bootstrap;
mod order;
mod random;
mod scaling;
mod sign;

pub use bootstrap::{
    CONFIDENCE, Estimate, Interval, LEAST_SAMPLES, bootstrap_interval, interval_of, paired_ratio, resample,
    unpaired_ratio,
};
pub use order::{median, quantile};
pub use random::Generator;
pub use scaling::{Scaling, efficiency, karp_flatt, speedup};
