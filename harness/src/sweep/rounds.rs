//! The rounds of a sweep.

use super::document::{InputFile, SCHEMA_VERSION, Sweep};
use super::origin::Origin;
use super::targets::Target;
use super::timeline::Timeline;
use super::{Observer, Request, SweepError, figures};
use crate::measure::Clock;
use crate::stats::{Estimate, Generator, LEAST_SAMPLES, median};
use crate::trial::{Equivalence, Executor, Measurement, TrialError};
use scaletune_descriptor::{Descriptor, Plan};
use std::collections::BTreeMap;

/// Most samples of a plan where the user does not say.
const MOST_SAMPLES: usize = 21;
/// A plan has been measured enough once its interval is so narrow: its width over its median.
const NARROW: f64 = 0.05;

/// A disturbed trial is taken again, up to so many times the trials that would be needed undisturbed: a machine that stays
/// busy ends the sweep, too.
const MOST_REPEATS: usize = 2;

/// A plan and its trials; several rows may share it.
struct Series {
    plan: Plan,
    /// Whether it is the engine's default for some budget.
    is_default: bool,
    samples: Vec<Measurement>,
    failure: Option<String>,
    /// What the workers did in each trial that told of tasks, with its wall time.
    timelines: Vec<(f64, Timeline)>,
}

impl Series {
    /// Takes a trial in.
    fn add(&mut self, descriptor: &Descriptor, mut measurement: Measurement) {
        let trace = std::mem::take(&mut measurement.trace);
        let timeline = Timeline::new(descriptor, &self.plan, trace);
        self.timelines.extend(timeline.map(|timeline| (measurement.wall_s, timeline)));
        self.samples.push(measurement);
    }

    /// What the workers did in the trial nearest to the median time: speedups are told of that time, and tasks of a
    /// faster trial would promise more than the plan does.
    fn timeline(&self) -> Option<&Timeline> {
        let typical_s = median(&self.times())?;
        let off = |of: &&(f64, Timeline)| (of.0 - typical_s).abs();
        self.timelines.iter().min_by(|left, right| off(left).total_cmp(&off(right))).map(|(_, timeline)| timeline)
    }

    /// No need to measure it again.
    fn is_settled(&self, request: &Request<'_>) -> bool {
        if self.failure.is_some() || self.samples.iter().any(|it| matches!(it.equivalence, Equivalence::Different(_))) {
            return true;
        }
        let undisturbed = self.samples.iter().filter(|sample| !sample.is_disturbed()).count();
        match request.repeat {
            Some(repeat) => undisturbed >= repeat.max(1) || self.samples.len() >= MOST_REPEATS * repeat.max(1),
            None => {
                self.samples.len() >= MOST_SAMPLES || (undisturbed >= LEAST_SAMPLES && self.is_narrow(request.seed))
            }
        }
    }

    fn is_narrow(&self, seed: u64) -> bool {
        let estimate = Estimate::of(&self.times(), seed);
        let interval = estimate.and_then(|estimate| Some((estimate.interval?, estimate.median)));
        interval.is_some_and(|(interval, median)| interval.high - interval.low <= NARROW * median)
    }

    /// Wall seconds of the trials that count.
    fn times(&self) -> Vec<f64> {
        Measurement::that_count(&self.samples).iter().map(|sample| sample.wall_s).collect()
    }
}

fn alike(earlier: &[InputFile], now: &[InputFile]) -> bool {
    earlier.len() == now.len() && earlier.iter().zip(now).all(|(earlier, now)| earlier.is_like(now))
}

pub(super) struct Rounds<'a> {
    request: &'a Request<'a>,
    targets: Vec<Target>,
    /// For each target its series.
    of_target: Vec<usize>,
    series: Vec<Series>,
    executor: &'a mut dyn Executor,
    clock: &'a dyn Clock,
    observer: &'a mut dyn Observer,
    generator: Generator,
    trials: usize,
    /// Seconds that earlier parts of a continued sweep took.
    earlier_s: f64,
    /// The build of which all trials are, those of earlier parts included; none where these do not say.
    plugin_sha256: Option<String>,
    /// What the yardstick took just before this round.
    yardstick_s: Option<f64>,
}

impl<'a> Rounds<'a> {
    pub(super) fn new(
        request: &'a Request<'a>,
        targets: Vec<Target>,
        executor: &'a mut dyn Executor,
        clock: &'a dyn Clock,
        observer: &'a mut dyn Observer,
    ) -> Rounds<'a> {
        let mut series: Vec<Series> = Vec::new();
        let mut of_target = Vec::new();
        for target in &targets {
            let index = series.iter().position(|known| known.plan == target.plan).unwrap_or_else(|| {
                series.push(Series {
                    plan: target.plan.clone(),
                    is_default: false,
                    samples: Vec::new(),
                    failure: None,
                    timelines: Vec::new(),
                });
                series.len() - 1
            });
            series[index].is_default |= target.is_default;
            of_target.push(index);
        }
        // The reference is the first target; it was measured to know its answer. Its inputs were in the page cache then.
        if !request.cold {
            series[0].add(request.descriptor, request.reference.measurement.clone());
        }
        let generator = Generator::new(request.seed);
        Rounds {
            request,
            targets,
            of_target,
            series,
            executor,
            clock,
            observer,
            generator,
            trials: 1,
            earlier_s: 0.0,
            plugin_sha256: Some(request.plugin_sha256.into()),
            yardstick_s: None,
        }
    }

    /// Takes over what an earlier sweep of the same thing measured.
    pub(super) fn take_over(&mut self, earlier: &Sweep) -> Result<(), SweepError> {
        let request = self.request;
        Origin::of(request).check(earlier)?;
        if earlier.input_class != *request.input_class || earlier.inputs != *request.inputs {
            return Err(SweepError::Foreign("it is of other inputs".into()));
        }
        if !alike(&earlier.files, request.files) {
            return Err(SweepError::Foreign("it is of other inputs, or these lay on another file system".into()));
        }
        for series in &mut self.series {
            if let Some(row) = earlier.rows.iter().find(|row| row.plan == series.plan) {
                // A failure may have been the machine's: it is tried once more.
                series.samples.splice(0..0, row.samples.iter().cloned());
                // The document keeps one trial's tasks: those of the median trial.
                series.timelines.extend(row.median_s.zip(row.timeline.clone()));
            }
        }
        self.plugin_sha256 = self.plugin_sha256.take().filter(|_| earlier.plugin_sha256.is_some());
        self.trials += earlier.trials;
        self.earlier_s = earlier.elapsed_s;
        Ok(())
    }

    pub(super) fn run(mut self) -> Result<Sweep, SweepError> {
        loop {
            let mut open: Vec<usize> =
                (0..self.series.len()).filter(|index| !self.series[*index].is_settled(self.request)).collect();
            if open.is_empty() {
                return self.finish(true);
            }
            self.generator.shuffle(&mut open);
            if self.request.max_time.is_some() {
                // Time may be up before the round is over: first what a reader asks for first.
                let promising = self.promising();
                open.sort_by_key(|index| !(self.series[*index].is_default || promising.contains(index)));
            }
            self.yardstick_s = self.executor.yardstick_s();
            for (place, index) in open.iter().enumerate() {
                if self.request.max_time.is_some_and(|limit| self.clock.now_s() >= limit.as_secs_f64()) {
                    return self.finish(false);
                }
                self.announce(*index, &open[place..]);
                if let Err(error) = self.measure(*index) {
                    self.observer.checkpoint(&self.document(false))?;
                    return Err(error);
                }
            }
            self.observer.checkpoint(&self.document(false))?;
        }
    }

    /// The fastest series of each budget so far.
    fn promising(&self) -> Vec<usize> {
        let mut best: BTreeMap<i64, (f64, usize)> = BTreeMap::new();
        for (target, index) in self.targets.iter().zip(&self.of_target) {
            let Some(median_s) = median(&self.series[*index].times()) else { continue };
            let known = best.entry(target.threads).or_insert((median_s, *index));
            if median_s < known.0 {
                *known = (median_s, *index);
            }
        }
        best.into_values().map(|(_, index)| index).collect()
    }

    fn finish(self, complete: bool) -> Result<Sweep, SweepError> {
        let sweep = self.document(complete);
        self.observer.checkpoint(&sweep)?;
        Ok(sweep)
    }

    /// Tells the observer how much is still to be done: what is left of this round, and the rounds after it.
    fn announce(&mut self, index: usize, rest: &[usize]) {
        let goal = self.request.repeat.unwrap_or(LEAST_SAMPLES);
        let mut expected = self.trials;
        let mut left_s = 0.0;
        for (other, series) in self.series.iter().enumerate() {
            let this_round = usize::from(rest.contains(&other));
            let trials = goal.saturating_sub(series.samples.len()).max(this_round);
            let typical = median(&series.times()).unwrap_or(self.request.reference.measurement.wall_s);
            if !series.is_settled(self.request) {
                expected += trials;
                left_s += typical * trials as f64;
            }
        }
        self.observer.trial(&self.series[index].plan, self.trials, expected, left_s);
    }

    fn measure(&mut self, index: usize) -> Result<(), SweepError> {
        let series = &mut self.series[index];
        let result = self.executor.measure(&series.plan);
        self.trials += 1;
        match result {
            Ok(measurement) => {
                let measurement = Measurement { yardstick_s: self.yardstick_s, ..measurement };
                self.observer.measured(&series.plan, &measurement);
                if let Equivalence::Different(difference) = &measurement.equivalence {
                    self.observer.failed(&series.plan, &format!("wrong answer: {difference}"));
                }
                series.add(self.request.descriptor, measurement);
                self.compare_yardsticks();
            }
            Err(TrialError::BadInput(why)) => return Err(SweepError::BadInput(why)),
            Err(TrialError::Cancelled) => return Err(SweepError::Cancelled),
            Err(error @ (TrialError::UnsupportedPlan(_) | TrialError::Failed(_) | TrialError::Memory(_))) => {
                self.observer.failed(&series.plan, &error.to_string());
                series.failure = Some(error.to_string());
            }
        }
        Ok(())
    }

    /// Holds every trial's yardstick against the fastest of all, which a later round may have changed.
    fn compare_yardsticks(&mut self) {
        let samples = || self.series.iter().flat_map(|series| &series.samples);
        let Some(fastest) = samples().filter_map(|sample| sample.yardstick_s).min_by(f64::total_cmp) else { return };
        for sample in self.series.iter_mut().flat_map(|series| &mut series.samples) {
            sample.slowdown = sample.yardstick_s.map(|own| own / fastest);
        }
    }

    fn document(&self, complete: bool) -> Sweep {
        let request = self.request;
        let cores = request.machine.usable_cores;
        let mut rows: Vec<_> = self
            .targets
            .iter()
            .zip(&self.of_target)
            .map(|(target, index)| {
                let series = &self.series[*index];
                figures::row(
                    request.descriptor,
                    target,
                    &series.samples,
                    series.timeline(),
                    series.failure.as_deref(),
                    cores,
                    request.seed,
                )
            })
            .collect();
        figures::taint(&mut rows, request.descriptor, &request.reference.plan);
        let serial_row = figures::scale(&mut rows);
        figures::mark_near_overhead(&mut rows, request.worker_start_s);
        figures::thin(&mut rows);
        let thread_axes = request.descriptor.axes.iter().filter(|axis| axis.is_threads());
        Sweep {
            schema_version: SCHEMA_VERSION,
            scaletune_version: env!("CARGO_PKG_VERSION").into(),
            created: jiff::Timestamp::now().to_string(),
            engine: request.descriptor.name.clone(),
            engine_version: request.descriptor.version.clone(),
            engine_build: request.descriptor.build.clone(),
            plugin_sha256: self.plugin_sha256.clone(),
            machine: request.machine.clone(),
            inputs: request.inputs.clone(),
            files: request.files.to_vec(),
            input_class: request.input_class.clone(),
            seed: request.seed,
            cold: request.cold,
            complete,
            trials: self.trials,
            worker_start_s: request.worker_start_s,
            elapsed_s: self.earlier_s + self.clock.now_s(),
            reference: request.reference.plan.clone(),
            thread_axes: thread_axes.map(|axis| axis.name.clone()).collect(),
            serial_row,
            rows,
        }
    }
}
