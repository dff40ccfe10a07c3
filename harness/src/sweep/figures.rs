//! From samples to the figures of a row.

use super::document::{Row, Verdict};
use super::targets::Target;
use super::timeline::Timeline;
use crate::stats::{Estimate, Interval, Scaling, median};
use crate::trial::{Equivalence, Measurement, is_near_overhead};
use scaletune_descriptor::{Descriptor, Plan, Value as PlanValue};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// The row of a target, all but what needs the serial row.
pub(super) fn row(
    descriptor: &Descriptor,
    target: &Target,
    samples: &[Measurement],
    timeline: Option<&Timeline>,
    failure: Option<&str>,
    cores: usize,
    seed: u64,
) -> Row {
    let counted = Measurement::that_count(samples);
    let times: Vec<f64> = counted.iter().map(|sample| sample.wall_s).collect();
    let estimate = Estimate::of(&times, seed);
    let interval: Option<Interval> = estimate.and_then(|estimate| estimate.interval);
    let threads_used = descriptor.threads_used(&target.plan);
    let difference = samples.iter().find_map(|sample| match &sample.equivalence {
        Equivalence::Different(difference) => Some(difference.clone()),
        _ => None,
    });
    let all_same = !samples.is_empty() && samples.iter().all(|sample| sample.equivalence == Equivalence::Same);
    let equivalence = match (&difference, all_same) {
        (Some(_), _) => Verdict::Different,
        (None, true) => Verdict::Same,
        (None, false) => Verdict::NotCompared,
    };
    let middle = |of: &dyn Fn(&Measurement) -> u64| {
        median(&counted.iter().map(|sample| of(sample) as f64).collect::<Vec<_>>()).map(|middle| middle.round() as u64)
    };
    Row {
        name: target.name.clone(),
        claim: target.claim,
        plan: target.plan.clone(),
        threads: target.threads,
        threads_used,
        median_s: estimate.map(|estimate| estimate.median),
        ci_low_s: interval.map(|interval| interval.low),
        ci_high_s: interval.map(|interval| interval.high),
        cpu_s: median(&counted.iter().map(|sample| sample.cpu_s).collect::<Vec<_>>()),
        peak_rss_bytes: samples.iter().map(|sample| sample.peak_rss_bytes).max(),
        voluntary_switches: middle(&|sample| sample.voluntary_switches),
        involuntary_switches: middle(&|sample| sample.involuntary_switches),
        read_bytes: middle(&|sample| sample.read_bytes),
        disk_read_bytes: middle(&|sample| sample.disk_read_bytes),
        speedup: None,
        efficiency: None,
        serial_fraction: None,
        cpu_inflation: None,
        equivalence,
        difference,
        tainted: None,
        failure: failure.map(str::to_string),
        oversubscribed: threads_used > cores as i64,
        near_overhead: false,
        stages: stages(&counted),
        timeline: timeline.cloned(),
        samples: samples.to_vec(),
    }
}

fn stages(samples: &[&Measurement]) -> Map<String, Value> {
    let Some(first) = samples.first() else { return Map::new() };
    let of = |name: &str| -> Vec<f64> {
        let all = samples.iter().flat_map(|sample| &sample.stages);
        all.filter(|stage| stage.name == name).map(|stage| stage.seconds).collect()
    };
    first.stages.iter().map(|stage| (stage.name.clone(), Value::from(median(&of(&stage.name))))).collect()
}

/// Marks the rows whose strategy gave another answer under some plan: it is no luck to be had with another number of
/// threads. The reference plan alone stays: its answer is the one that counts.
pub(super) fn taint(rows: &mut [Row], descriptor: &Descriptor, reference: &Plan) {
    let wrong = rows.iter().filter(|row| row.equivalence == Verdict::Different);
    let wrong: Vec<(Plan, String)> = wrong.map(|row| (descriptor.strategy(&row.plan), row.plan.to_string())).collect();
    for row in rows.iter_mut().filter(|row| row.plan != *reference) {
        let strategy = descriptor.strategy(&row.plan);
        row.tainted = wrong.iter().find(|(theirs, _)| *theirs == strategy).map(|(_, plan)| plan.clone());
    }
}

/// Fills in what is told against one thread, and returns the serial row: the fastest right one with one busy thread.
/// Speedup is told against that one, CPU time against [`one_thread_for`] the row.
pub(super) fn scale(rows: &mut [Row]) -> Option<usize> {
    let median = |row: &Row| row.median_s.unwrap_or(f64::INFINITY);
    let serial = (0..rows.len())
        .filter(|index| rows[*index].is_valid() && rows[*index].threads_used == 1)
        .min_by(|left, right| median(&rows[*left]).total_cmp(&median(&rows[*right])))?;
    let serial_s = median(&rows[serial]);
    let bases: Vec<Option<f64>> = rows.iter().map(|row| one_thread_for(rows, row)?.cpu_s).collect();
    for (row, serial_cpu_s) in rows.iter_mut().zip(bases).filter(|(row, _)| row.is_valid()) {
        let scaling = Scaling::new(serial_s, median(row), row.threads_used);
        row.speedup = scaling.map(|scaling| scaling.speedup);
        row.efficiency = scaling.map(|scaling| scaling.efficiency);
        row.serial_fraction = scaling.and_then(|scaling| scaling.serial_fraction);
        row.cpu_inflation = row.cpu_s.zip(serial_cpu_s).map(|(own, serial)| own / serial).filter(|it| it.is_finite());
    }
    Some(serial)
}

/// The row that tells what threads added to `row`: the fastest right one with one busy thread and the same strategy (words on
/// the same axes); where there is none and every plan with one thread was tried, the fastest right one of any strategy. A
/// sweep that was stopped says nothing of strategies whose turn had not come: they may be what cost the time.
pub(super) fn one_thread_for<'r>(rows: &'r [Row], row: &Row) -> Option<&'r Row> {
    let is_word = |(_, value): &(&str, &PlanValue)| matches!(value, PlanValue::Word(_));
    let alike = |other: &&Row| other.plan.iter().filter(is_word).eq(row.plan.iter().filter(is_word));
    let with_one = || rows.iter().filter(|other| other.threads_used == 1);
    let fastest = |one: &&Row, other: &&Row| {
        let median = |row: &Row| row.median_s.unwrap_or(f64::INFINITY);
        median(one).total_cmp(&median(other))
    };
    let own = with_one().filter(|other| other.is_valid()).filter(alike).min_by(fastest);
    let all_tried = with_one().all(|other| !other.samples.is_empty() || other.failure.is_some());
    own.or_else(|| with_one().filter(|other| other.is_valid() && all_tried).min_by(fastest))
}

/// Marks rows that take little beside the start of a worker.
pub(super) fn mark_near_overhead(rows: &mut [Row], worker_start_s: Option<f64>) {
    for row in rows {
        row.near_overhead = row.median_s.zip(worker_start_s).is_some_and(|(own, start)| is_near_overhead(own, start));
    }
}

/// Leaves the timelines of named rows and of the fastest right one of each budget: the others would fill the document.
pub(super) fn thin(rows: &mut [Row]) {
    let mut best: BTreeMap<i64, (f64, usize)> = BTreeMap::new();
    for (index, row) in rows.iter().enumerate().filter(|(_, row)| row.is_valid()) {
        let median_s = row.median_s.unwrap_or(f64::INFINITY);
        let known = best.entry(row.threads).or_insert((median_s, index));
        if median_s < known.0 {
            *known = (median_s, index);
        }
    }
    for (index, row) in rows.iter_mut().enumerate() {
        if row.name.is_none() && !best.values().any(|(_, kept)| *kept == index) {
            row.timeline = None;
        }
    }
}
