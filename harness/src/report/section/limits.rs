//! Amdahl's law stage by stage: which stage limits.

use super::Section;
use crate::report::chart::{PARTS, part_s};
use crate::report::figures::{percent, seconds, threads, times};
use crate::report::labels::Labels;
use crate::report::trust::Trust;
use crate::report::words::headline_row;
use crate::stats::{karp_flatt, speedup};
use crate::sweep::{Row, Sweep};

/// What each stage keeps of one thread's time in the headline's plan.
pub(in crate::report) struct Limits<'a> {
    best: &'a Row,
    stages: Vec<Stage<'a>>,
    /// Most that speedup can become, by the stages' serial seconds; infinite where none is serial.
    pub(in crate::report) most: f64,
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
    /// None where the best plan of the machine has one thread.
    pub(in crate::report) fn new(sweep: &'a Sweep) -> Option<Limits<'a>> {
        let (best, serial) = (headline_row(sweep)?, sweep.serial()?);
        if best.threads_used < 2 {
            return None;
        }
        let stage = |name: &'a str, is_part: bool| {
            let (one_s, many_s) = (part_s(serial, name)?, part_s(best, name)?);
            let share = speedup(one_s, many_s).and_then(|speedup| karp_flatt(speedup, best.threads_used));
            // A stage that took longer on many threads is serial in all that it took there.
            let serial_s = share.map_or(0.0, |share| (one_s * share).clamp(0.0, many_s));
            Some(Stage { name, one_s, many_s, serial_s, is_part })
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
        (whole > 0.0).then_some(Limits { best, stages, most })
    }

    /// Whether the end lies beyond what was measured. Stages vary, and their medians need not add up to that of the whole.
    pub(in crate::report) fn is_ahead(&self) -> bool {
        self.most > self.best.speedup.unwrap_or(1.0).max(1.0)
    }

    /// The part of the whole that keeps most, and its share of all that is serial.
    pub(in crate::report) fn worst(&self) -> Option<(&Stage<'a>, f64)> {
        let parts = || self.stages.iter().filter(|stage| stage.is_part);
        let all: f64 = parts().map(|stage| stage.serial_s).sum();
        let worst = parts().max_by(|left, right| left.serial_s.total_cmp(&right.serial_s))?;
        (all > 0.0).then(|| (worst, worst.serial_s / all))
    }
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
    } else if !limits.is_ahead() {
        "The stages vary too much here to tell where speedup ends.".to_string()
    } else if limits.most.is_finite() {
        format!(
            "Added up over open, prepare, run and write, it ends speedup at {} however many threads there are.",
            times(limits.most)
        )
    } else {
        "No stage keeps any.".to_string()
    };
    let words = format!(
        "One thread, by its best plan, against the best plan on {budget}. Serial: what of the stage more threads would not \
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
