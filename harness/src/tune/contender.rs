//! A plan and what has been measured of it.

use super::Out;
use crate::measure::Disturbance;
use crate::stats::{Estimate, median};
use crate::trial::{Measurement, StageTime};
use scaletune_descriptor::Plan;

/// A plan and what has been measured of it.
#[derive(Debug)]
pub(super) struct Contender {
    pub(super) plan: Plan,
    pub(super) threads_used: i64,
    /// Measurements, with the number of the batch in which they were taken.
    samples: Vec<(usize, Measurement)>,
    /// Why it can't win, whatever its time.
    pub(super) out: Option<Out>,
}

impl Contender {
    pub(super) fn new(plan: Plan, threads_used: i64) -> Contender {
        Contender { plan, threads_used, samples: Vec::new(), out: None }
    }

    pub(super) fn add(&mut self, batch: usize, measurement: Measurement) {
        self.samples.push((batch, measurement));
    }

    /// Measured, and not out.
    pub(super) fn stands(&self) -> bool {
        self.out.is_none() && !self.samples.is_empty()
    }

    /// Wall seconds of every trial.
    pub(super) fn times(&self) -> Vec<f64> {
        self.figures(|measurement| measurement.wall_s)
    }

    pub(super) fn median(&self) -> Option<f64> {
        median(&self.times())
    }

    pub(super) fn estimate(&self, confidence: f64, seed: u64) -> Option<Estimate> {
        Estimate::with_confidence(&self.times(), confidence, seed)
    }

    pub(super) fn median_cpu(&self) -> Option<f64> {
        median(&self.figures(|measurement| measurement.cpu_s))
    }

    /// Largest peak of any trial.
    pub(super) fn memory(&self) -> u64 {
        self.samples.iter().map(|(_, measurement)| measurement.peak_rss_bytes).max().unwrap_or(0)
    }

    /// Median of each stage, in the order of the first trial.
    pub(super) fn stages(&self) -> Vec<StageTime> {
        let Some((_, first)) = self.samples.first() else { return Vec::new() };
        let of = |name: &str| -> Vec<f64> {
            let stages = self.samples.iter().flat_map(|(_, measurement)| &measurement.stages);
            stages.filter(|stage| stage.name == name).map(|stage| stage.seconds).collect()
        };
        let stage =
            |stage: &StageTime| Some(StageTime { name: stage.name.clone(), seconds: median(&of(&stage.name))? });
        first.stages.iter().filter_map(stage).collect()
    }

    /// Median seconds of one stage; none where a trial did not report it.
    pub(super) fn stage(&self, name: &str) -> Option<f64> {
        let of = |(_, measurement): &(usize, Measurement)| {
            measurement.stages.iter().find(|stage| stage.name == name).map(|stage| stage.seconds)
        };
        median(&self.samples.iter().map(of).collect::<Option<Vec<f64>>>()?)
    }

    /// Times of this plan and of `other` from the batches that measured both, undisturbed by other work. Of a disturbed
    /// batch CPU times tell the same where each has one busy thread and nothing came from a disk: such a plan does not wait
    /// for anything but its core.
    pub(super) fn pairs(&self, other: &Contender) -> (Vec<f64>, Vec<f64>) {
        self.pairs_since(other, 0)
    }

    /// As [`Contender::pairs`], of the batches from `from` on.
    pub(super) fn pairs_since(&self, other: &Contender, from: usize) -> (Vec<f64>, Vec<f64>) {
        let with_one = self.threads_used == 1 && other.threads_used == 1;
        let telling = |(own, theirs): (&Measurement, &Measurement)| match own.is_disturbed() || theirs.is_disturbed() {
            false => Some((own.wall_s, theirs.wall_s)),
            true => (with_one && only_computes(own) && only_computes(theirs)).then_some((own.cpu_s, theirs.cpu_s)),
        };
        self.together(other, from).filter_map(telling).unzip()
    }

    /// Batches from `from` on that measured this plan and `other`, disturbed or not.
    pub(super) fn rounds_with(&self, other: &Contender, from: usize) -> usize {
        self.together(other, from).count()
    }

    fn together<'c>(
        &'c self,
        other: &'c Contender,
        from: usize,
    ) -> impl Iterator<Item = (&'c Measurement, &'c Measurement)> {
        let partner = |batch: usize| other.samples.iter().find(move |(theirs, _)| *theirs == batch);
        let recent = self.samples.iter().filter(move |(batch, _)| *batch >= from);
        recent.filter_map(move |(batch, own)| Some((own, &partner(*batch)?.1)))
    }

    /// What else the machine did during all trials together, and how many of them it disturbed.
    pub(super) fn disturbance(&self) -> (Disturbance, usize) {
        let mut sum = Disturbance::default();
        self.samples.iter().filter_map(|(_, trial)| trial.disturbance).for_each(|disturbance| sum += disturbance);
        (sum, self.samples.iter().filter(|(_, trial)| trial.is_disturbed()).count())
    }

    fn figures(&self, figure: impl Fn(&Measurement) -> f64) -> Vec<f64> {
        self.samples.iter().map(|(_, measurement)| figure(measurement)).collect()
    }
}

/// Whether a trial computed all the time that it had a core: its CPU time is known, and nothing came from a disk.
fn only_computes(trial: &Measurement) -> bool {
    trial.cpu_s > 0.0 && trial.disk_read_bytes == 0
}
