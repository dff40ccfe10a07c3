//! Amdahl's law stage by stage: which stage limits.

use super::Section;
use crate::report::chart::{PARTS, part_s};
use crate::report::figures::{percent, seconds, threads, times};
use crate::report::labels::Labels;
use crate::report::trust::Trust;
use crate::report::words::headline_row;
use crate::stats::{Generator, Interval, LEAST_SAMPLES, interval_of, karp_flatt, median, speedup};
use crate::sweep::{Row, Sweep};
use crate::trial::Measurement;

/// How often trials are drawn anew to see how sure the end of speedup is.
const RESAMPLES: usize = 1000;
/// An end of speedup is told where its interval's upper end is at most so many times the lower one.
const TELLING: f64 = 2.0;

/// What each stage keeps of one thread's time in the headline's plan.
pub(in crate::report) struct Limits<'a> {
    best: &'a Row,
    stages: Vec<Stage<'a>>,
    /// Most that speedup can become, by the stages' serial seconds; infinite where none is serial.
    pub(in crate::report) most: f64,
    /// Its 95 % bootstrap interval; none where there are too few trials for one.
    interval: Option<Interval>,
}

/// A stage on one thread and on the headline's threads. Seconds.
pub(in crate::report) struct Stage<'a> {
    pub(in crate::report) name: &'a str,
    one_s: f64,
    many_s: f64,
    /// The part that more threads don't shorten, by Amdahl's law.
    serial_s: f64,
    /// Whether it is one of the four that make up the whole; an engine's own stages lie within these.
    is_part: bool,
}

impl<'a> Limits<'a> {
    /// None where the best plan of the machine has one thread, and where no plan with one thread can be compared with it.
    pub(in crate::report) fn new(sweep: &'a Sweep) -> Option<Limits<'a>> {
        let best = headline_row(sweep)?;
        if best.threads_used < 2 {
            return None;
        }
        let serial = sweep.one_thread_for(best)?;
        let stage = |name: &'a str, is_part: bool| {
            let (one_s, many_s) = (part_s(serial, name)?, part_s(best, name)?);
            Some(Stage { name, one_s, many_s, serial_s: serial_s(one_s, many_s, best.threads_used), is_part })
        };
        let own = best.stages.keys().map(String::as_str).filter(|name| !PARTS.contains(name));
        let stages: Vec<Stage<'a>> = PARTS
            .iter()
            .filter_map(|part| stage(part, true))
            .chain(own.filter_map(|name| stage(name, false)))
            .collect();
        let parts = || stages.iter().filter(|stage| stage.is_part);
        let whole: f64 = parts().map(|stage| stage.one_s).sum();
        let most = whole / parts().map(|stage| stage.serial_s).sum::<f64>();
        let interval = interval(serial, best, sweep.seed);
        (whole > 0.0).then_some(Limits { best, stages, most, interval })
    }

    /// The interval of the end of speedup, where it says something: narrow enough, and beyond what was measured. Stages vary,
    /// and their medians need not add up to that of the whole.
    pub(in crate::report) fn told(&self) -> Option<Interval> {
        let Interval { low, high } = self.interval?;
        let measured = self.best.speedup.unwrap_or(1.0).max(1.0);
        (high <= TELLING * low && self.most > measured && high > measured).then_some(Interval { low, high })
    }

    /// The part of the whole that keeps most, and its share of all that is serial.
    pub(in crate::report) fn worst(&self) -> Option<(&Stage<'a>, f64)> {
        let parts = || self.stages.iter().filter(|stage| stage.is_part);
        let all: f64 = parts().map(|stage| stage.serial_s).sum();
        let worst = parts().max_by(|left, right| left.serial_s.total_cmp(&right.serial_s))?;
        (all > 0.0).then(|| (worst, worst.serial_s / all))
    }
}

/// The seconds of a stage that more threads don't shorten, by Amdahl's law.
fn serial_s(one_s: f64, many_s: f64, threads: i64) -> f64 {
    let share = speedup(one_s, many_s).and_then(|speedup| karp_flatt(speedup, threads));
    // A stage that took longer on many threads is serial in all that it took there.
    share.map_or(0.0, |share| (one_s * share).clamp(0.0, many_s))
}

/// Where speedup ends, with the trials of both plans drawn anew.
fn interval(serial: &Row, best: &Row, seed: u64) -> Option<Interval> {
    let (one, many) = (serial.trials_that_count(), best.trials_that_count());
    if one.len().min(many.len()) < LEAST_SAMPLES {
        return None;
    }
    let mut generator = Generator::new(seed);
    let draw = |trials: &[&Measurement], name: &str, places: &[usize]| {
        let of = |trial: &Measurement| trial.stages.iter().find(|stage| stage.name == name).map(|stage| stage.seconds);
        median(&places.iter().filter_map(|place| of(trials[*place])).collect::<Vec<_>>())
    };
    let mut ends = Vec::with_capacity(RESAMPLES);
    for _ in 0..RESAMPLES {
        let mut places =
            |trials: &[&Measurement]| -> Vec<usize> { trials.iter().map(|_| generator.below(trials.len())).collect() };
        let (places_one, places_many) = (places(&one), places(&many));
        let (mut whole, mut serial_sum) = (0.0, 0.0);
        for part in PARTS {
            let drawn = draw(&one, part, &places_one).zip(draw(&many, part, &places_many));
            let Some((one_s, many_s)) = drawn else { continue };
            whole += one_s;
            serial_sum += serial_s(one_s, many_s, best.threads_used);
        }
        ends.push(whole / serial_sum);
    }
    // An end without end is one beyond all others.
    ends.iter_mut().filter(|end| !end.is_finite()).for_each(|end| *end = f64::MAX);
    interval_of(&mut ends, crate::stats::CONFIDENCE)
}

/// A row for each stage.
pub(super) fn section(sweep: &Sweep, _labels: &Labels<'_>) -> Option<Section> {
    // Beside other work, stages take what the others leave: nothing follows for the engine.
    let limits = Trust::of(sweep).allows_blame().then(|| Limits::new(sweep))??;
    let line = |stage: &Stage<'_>| {
        vec![
            if stage.is_part { stage.name.to_string() } else { format!("· {}", stage.name) },
            seconds(stage.one_s),
            seconds(stage.many_s),
            speedup(stage.one_s, stage.many_s).map_or_else(super::dash, times),
            seconds(stage.serial_s),
            if stage.many_s > 0.0 { percent(stage.serial_s / stage.many_s) } else { super::dash() },
        ]
    };
    let budget = threads(limits.best.threads);
    let end = if limits.most <= 1.0 && limits.best.speedup.is_none_or(|speedup| speedup <= 1.0) {
        "More threads only made it slower.".to_string()
    } else if !limits.most.is_finite() {
        "No stage keeps any.".to_string()
    } else if let Some(interval) = limits.told() {
        format!(
            "Added up over open, prepare, run and write, it ends speedup at {} [{}, {}] however many threads there are.",
            times(limits.most),
            times(interval.low),
            times(interval.high)
        )
    } else {
        "The stages vary too much here, or were measured too seldom, to tell where speedup ends.".to_string()
    };
    let words = format!(
        "One thread, with the same strategy where one thread can have it, against the best plan on {budget}. Serial: what of the stage more threads would not \
         shorten, by Amdahl's law. {end} Stages with a dot are the engine's own and lie within the others."
    );
    Some(Section {
        title: "Which stage limits".into(),
        words: vec![words],
        heads: vec![
            ("Stage", false),
            ("One thread", true),
            ("Best plan", true),
            ("Speedup", true),
            ("Serial", true),
            ("Serial share", true),
        ],
        rows: limits.stages.iter().map(line).collect(),
    })
}
