//! What more threads would bring: laws fitted to a sweep, with their error told.
//!
//! Both laws are fitted to the fastest right plan of each budget that the machine can really run (oversubscribed points
//! are left out), by least squares of relative errors with coefficients that can't be negative:
//! - Amdahl: `T(p) = T1 ((1 - s) / p + s)` (G. M. Amdahl, 1967).
//! - USL, the universal scalability law: `T(p) = T1 ((1 - s) / p + s + k (p - 1))`, which is
//!   `C(p) = p / (1 + s (p - 1) + k p (p - 1))` turned around (N. J. Gunther, 1993): `s` is contention, `k` coherency.
//!
//! Intervals come from redrawing the trials of each budget: they hold what noise does, not what the law leaves out. How
//! far a law can be trusted is shown by the largest measured budget, predicted from the others alone.
//!
//! Beside the laws stands a simulated schedule of the tasks that were measured ([`schedule()`]): it knows nothing of
//! contention, and a law nothing of tasks.
//!
//! With fewer than [`LEAST_COUNTS`] thread counts no law is fitted: any curve goes through three points. The schedule needs
//! one.
#![forbid(unsafe_code)]

mod fit;
mod schedule;
#[cfg(test)]
mod tests;

pub use fit::Law;
use schedule::{MOST_EFFICIENCY, MOST_ERROR};
pub use schedule::{NoSchedule, Policy, Schedule, SchedulePoint, Work, refuse_the_impossible, schedule};

use crate::stats::{CONFIDENCE, Generator, Interval, median, quantile};
use crate::sweep::Sweep;
use fit::Curve;
use serde::Serialize;

/// Fewest thread counts that carry a prediction.
pub const LEAST_COUNTS: usize = 4;
/// How often the trials are redrawn.
const RESAMPLES: usize = 1000;

/// What the laws say of a sweep.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Prediction {
    /// The budgets that the laws are fitted to, with the median of the fastest right plan.
    pub measured: Vec<Measured>,
    /// One fit for each law, the one with the smaller error on the held-out budget first; none where the data can't carry
    /// them.
    pub fits: Vec<Fit>,
    /// Why there are none.
    pub no_fits: Option<String>,
    /// A simulated schedule of the tasks that were measured.
    pub schedule: Option<Schedule>,
    /// Why there is none.
    pub no_schedule: Option<String>,
}

/// A measured budget.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Measured {
    /// The budget.
    pub threads: i64,
    /// Median seconds of its fastest right plan.
    pub median_s: f64,
}

/// One law, fitted.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Fit {
    /// The law.
    pub law: Law,
    /// Seconds on one thread, by the law.
    pub one_thread_s: Figure,
    /// Serial share (Amdahl) or contention (USL).
    pub serial_fraction: Figure,
    /// Coherency: the share that each further thread adds; none under Amdahl.
    pub coherency: Option<Figure>,
    /// Threads beyond which it gets slower; none where it never does.
    pub peak_threads: Option<f64>,
    /// The largest measured budget, predicted from the others.
    pub held_out: HeldOut,
    /// What was asked for.
    pub points: Vec<Point>,
}

/// A figure with its 95 % interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Figure {
    /// The figure.
    pub value: f64,
    /// Where it may well lie, by the noise of the trials.
    pub interval: Interval,
}

/// The largest measured budget, predicted from the others.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct HeldOut {
    /// The budget.
    pub threads: i64,
    /// Seconds predicted.
    pub predicted_s: f64,
    /// Seconds measured.
    pub measured_s: f64,
    /// Predicted over measured, less one.
    pub relative_error: f64,
}

/// A predicted budget.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Point {
    /// The budget.
    pub threads: i64,
    /// Seconds.
    pub seconds: Figure,
    /// Times as fast as the best one-thread plan, as measured.
    pub speedup: Figure,
    /// Speedup per thread.
    pub efficiency: f64,
}

/// Why no law is fitted.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Declined {
    /// Too few thread counts.
    #[error(
        "{found} thread count{} measured that the machine can run without oversubscription; fitting a law needs {LEAST_COUNTS}: \
         sweep over more, such as --threads 1,2,4,8", if *found == 1 { " was" } else { "s were" }
    )]
    TooFewCounts {
        /// How many there are.
        found: usize,
    },
    /// Trials that are too few for an interval.
    #[error(
        "budget {threads} has {found} trial{}; fitting a law needs {LEAST_TRIALS} of each: sweep with --repeat 5 or more",
        if *found == 1 { "" } else { "s" }
    )]
    TooFewTrials {
        /// The budget.
        threads: i64,
        /// How many it has.
        found: usize,
    },
    /// A budget that makes no sense.
    #[error("{0} is not a number of threads to predict for")]
    BadThreads(i64),
}

/// Fewest trials of each budget.
const LEAST_TRIALS: usize = 3;

/// One budget's trials.
struct Count {
    threads: i64,
    times: Vec<f64>,
}

/// Predicts the time for each of `threads` from what `sweep` measured: by the laws, by a schedule, or by whichever of them
/// the data can carry.
///
/// # Errors
/// They can carry neither: why no law is fitted.
pub fn predict(sweep: &Sweep, threads: &[i64], seed: u64) -> Result<Prediction, Declined> {
    if let Some(bad) = threads.iter().find(|threads| **threads < 1) {
        return Err(Declined::BadThreads(*bad));
    }
    let (schedule, no_schedule) = match schedule(sweep, threads) {
        Ok(schedule) => (Some(schedule), None),
        Err(why) => (None, Some(why.to_string())),
    };
    let (measured, fits, no_fits) = match counts(sweep) {
        Ok(counts) => {
            let (measured, mut fits) = fit_laws(sweep, &counts, threads, seed);
            fits.retain(|fit| fit.is_possible() && fit.held_out.relative_error.abs() <= MOST_ERROR);
            let why = || {
                let held = counts.last().map_or(0, |count| count.threads);
                format!(
                    "no forecast: each law is more than {:.0} % off what {held} threads took, or has threads used to \
                     more than 100 %; the trials were disturbed, or neither law holds here",
                    100.0 * MOST_ERROR
                )
            };
            let no_fits = fits.is_empty().then(why);
            (measured, fits, no_fits)
        }
        Err(declined) if schedule.is_none() => return Err(declined),
        Err(declined) => (Vec::new(), Vec::new(), Some(declined.to_string())),
    };
    Ok(Prediction { measured, fits, no_fits, schedule, no_schedule })
}

impl Fit {
    /// Whether no budget beyond those measured has its threads used to more than there is.
    fn is_possible(&self) -> bool {
        let mut beyond = self.points.iter().filter(|point| point.threads >= self.held_out.threads);
        beyond.all(|point| point.efficiency <= MOST_EFFICIENCY)
    }
}

/// What the laws are fitted to, and one fit for each.
fn fit_laws(sweep: &Sweep, counts: &[Count], threads: &[i64], seed: u64) -> (Vec<Measured>, Vec<Fit>) {
    let observed = points(counts, |count| median(&count.times));
    let serial_s = sweep.serial().and_then(|row| row.median_s).unwrap_or(observed[0].1);
    let mut fits: Vec<Fit> =
        Law::ALL.iter().map(|law| fit_law(*law, counts, &observed, serial_s, threads, seed)).collect();
    fits.sort_by(|left, right| left.held_out.relative_error.abs().total_cmp(&right.held_out.relative_error.abs()));
    let measured =
        observed.iter().map(|(threads, median_s)| Measured { threads: *threads as i64, median_s: *median_s });
    (measured.collect(), fits)
}

/// The budgets that count: their fastest right plan, where it fits the machine.
fn counts(sweep: &Sweep) -> Result<Vec<Count>, Declined> {
    let fitting = |threads: &i64| *threads <= sweep.machine.usable_cores as i64;
    let best = sweep.budgets().into_iter().filter(fitting).filter_map(|threads| sweep.best(threads));
    let counts: Vec<Count> = best.map(|row| Count { threads: row.threads, times: row.times() }).collect();
    if counts.len() < LEAST_COUNTS {
        return Err(Declined::TooFewCounts { found: counts.len() });
    }
    match counts.iter().find(|count| count.times.len() < LEAST_TRIALS) {
        Some(count) => Err(Declined::TooFewTrials { threads: count.threads, found: count.times.len() }),
        None => Ok(counts),
    }
}

fn points(counts: &[Count], mut time: impl FnMut(&Count) -> Option<f64>) -> Vec<(f64, f64)> {
    counts.iter().filter_map(|count| Some((count.threads as f64, time(count)?))).collect()
}

fn fit_law(law: Law, counts: &[Count], observed: &[(f64, f64)], serial_s: f64, threads: &[i64], seed: u64) -> Fit {
    let curve = Curve::fit(law, observed);
    let mut generator = Generator::new(seed);
    let redrawn: Vec<Curve> = (0..RESAMPLES)
        .map(|_| {
            let drawn = points(counts, |count| {
                let any = |_| count.times[generator.below(count.times.len())];
                median(&(0..count.times.len()).map(any).collect::<Vec<_>>())
            });
            Curve::fit(law, &drawn)
        })
        .collect();
    let figure = |of: &dyn Fn(&Curve) -> f64| {
        let values: Vec<f64> = redrawn.iter().map(of).collect();
        let tail = (1.0 - CONFIDENCE) / 2.0;
        let value = of(&curve);
        let end = |q| quantile(&values, q).unwrap_or(value);
        Figure { value, interval: Interval { low: end(tail), high: end(1.0 - tail) } }
    };
    let (last, rest) = (observed[observed.len() - 1], &observed[..observed.len() - 1]);
    let predicted_s = Curve::fit(law, rest).seconds(last.0);
    let point = |threads: &i64| {
        let count = *threads as f64;
        let speedup = figure(&|curve| serial_s / curve.seconds(count));
        Point {
            threads: *threads,
            seconds: figure(&|curve| curve.seconds(count)),
            speedup,
            efficiency: speedup.value / count,
        }
    };
    Fit {
        law,
        one_thread_s: figure(&|curve| curve.seconds(1.0)),
        serial_fraction: figure(&Curve::serial_fraction),
        coherency: (law == Law::Usl).then(|| figure(&Curve::coherency)),
        peak_threads: curve.peak_threads(),
        held_out: HeldOut {
            threads: last.0 as i64,
            predicted_s,
            measured_s: last.1,
            relative_error: predicted_s / last.1 - 1.0,
        },
        points: threads.iter().map(point).collect(),
    }
}
