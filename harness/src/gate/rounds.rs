//! The rounds: every open point measured once by each side, in random order, until nothing is open.

use super::{Bench, Carried, Looks, Observer, Point, Side, Yardstick};
use crate::measure::Clock;
use crate::stats::Generator;
use crate::trial::{Equivalence, Measurement, TrialError};
use scaletune_descriptor::Plan;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// What is to be measured.
pub(super) struct Rounds<'a> {
    /// The points, that of one thread first: it is measured for as long as any is.
    pub(super) points: &'a [Point],
    /// Whose plugins.
    pub(super) sides: &'a [Side],
    /// Whether a yardstick is taken beside each point.
    pub(super) with_yardstick: bool,
    /// When to look.
    pub(super) looks: &'a Looks,
    /// Stop measuring at this reading of the clock.
    pub(super) max_time: Option<Duration>,
    /// Where the random order starts.
    pub(super) seed: u64,
    /// Where an earlier job stood, `looks.before()` rounds on: the points, or none.
    pub(super) carried: &'a [Carried],
}

/// What one trial took.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// Wall seconds of a whole run.
    pub wall_s: f64,
    /// CPU seconds of the same.
    pub cpu_s: f64,
    /// The largest resident set, bytes.
    pub peak_rss_bytes: u64,
    /// Whether its wall time says more of other work on the machine than of the plan.
    pub disturbed: bool,
}

/// The samples of all rounds so far, those of earlier jobs first. Of every point and side, sample `i` was taken in round `i`: a point that is closed
/// is not measured again.
pub(super) struct Tally {
    /// By point, then by side.
    samples: Vec<[Vec<Sample>; 2]>,
    /// By point.
    yardsticks: Vec<Vec<Yardstick>>,
}

impl Tally {
    fn going_on(points: usize, carried: &[Carried]) -> Tally {
        let of =
            |point: usize, side| carried.get(point).map(|carried| carried.samples(side).to_vec()).unwrap_or_default();
        Tally {
            samples: (0..points).map(|point| [of(point, Side::Baseline), of(point, Side::Candidate)]).collect(),
            yardsticks: vec![Vec::new(); points],
        }
    }

    pub(super) fn of(&self, point: usize, side: Side) -> &[Sample] {
        &self.samples[point][side as usize]
    }

    pub(super) fn yardsticks(&self, point: usize) -> &[Yardstick] {
        &self.yardsticks[point]
    }
}

/// Why the rounds ended before their time.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Fault {
    /// A wrong answer: the first difference.
    Different(Side, String),
    /// No answer.
    Failed(Side, String),
}

/// How the rounds ended.
pub(super) struct Ended {
    pub(super) tally: Tally,
    pub(super) rounds: usize,
    pub(super) out_of_time: bool,
    pub(super) fault: Option<Fault>,
}

impl Rounds<'_> {
    /// Measures until `open`, asked at every look which points are, says none; or until the limit, the end of the time,
    /// or the first wrong answer or failure.
    ///
    /// # Errors
    /// The user interrupted.
    pub(super) fn run(
        &self,
        bench: &mut dyn Bench,
        clock: &dyn Clock,
        observer: &mut dyn Observer,
        mut open: impl FnMut(&Tally) -> Vec<bool>,
    ) -> Result<Ended, Interrupted> {
        let before = self.looks.before();
        // Another order in each job.
        let mut generator = Generator::new(self.seed.wrapping_add(before as u64));
        let tally = Tally::going_on(self.points.len(), self.carried);
        let mut ended = Ended { tally, rounds: before, out_of_time: false, fault: None };
        let mut is_open: Vec<bool> =
            (0..self.points.len()).map(|point| self.carried.get(point).is_none_or(Carried::is_open)).collect();
        while is_open.iter().any(|open| *open) && ended.rounds < self.looks.limit() {
            observer.round(ended.rounds + 1 - before, self.looks.limit() - before);
            let mut order: Vec<usize> = (0..self.points.len()).filter(|point| *point == 0 || is_open[*point]).collect();
            generator.shuffle(&mut order);
            for point in order {
                if self.max_time.is_some_and(|limit| clock.now_s() >= limit.as_secs_f64()) {
                    ended.out_of_time = true;
                    return Ok(ended);
                }
                let mut sides = self.sides.to_vec();
                generator.shuffle(&mut sides);
                for side in sides {
                    let plan = self.points[point].plan(side);
                    match judge(side, plan, bench.measure(side, plan), observer)? {
                        Ok(sample) => ended.tally.samples[point][side as usize].push(sample),
                        Err(fault) => {
                            ended.fault = Some(fault);
                            return Ok(ended);
                        }
                    }
                }
                if self.with_yardstick {
                    ended.tally.yardsticks[point].push(bench.yardstick(self.points[point].threads_used()));
                }
            }
            ended.rounds += 1;
            if self.looks.contains(ended.rounds) {
                is_open = open(&ended.tally);
            }
        }
        Ok(ended)
    }
}

/// The user interrupted.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("interrupted")]
pub struct Interrupted;

fn judge(
    side: Side,
    plan: &Plan,
    outcome: Result<Measurement, TrialError>,
    observer: &mut dyn Observer,
) -> Result<Result<Sample, Fault>, Interrupted> {
    let measurement = match outcome {
        Ok(measurement) => measurement,
        Err(TrialError::Cancelled) => return Err(Interrupted),
        Err(error) => return Ok(Err(Fault::Failed(side, format!("plan {plan}: {error}")))),
    };
    observer.measured(side, plan, &measurement);
    Ok(match measurement.equivalence {
        Equivalence::Same => Ok(Sample {
            wall_s: measurement.wall_s,
            cpu_s: measurement.cpu_s,
            peak_rss_bytes: measurement.peak_rss_bytes,
            disturbed: measurement.is_disturbed(),
        }),
        Equivalence::Different(difference) => Err(Fault::Different(side, format!("plan {plan}: {difference}"))),
        Equivalence::NotCompared => Err(Fault::Failed(side, format!("plan {plan}: its answer was not compared"))),
    })
}
