//! `scaletune predict`: what more threads would bring, with the error of the prediction.

use super::exit::Exit;
use super::{Context, SEED, as_json, load, print};
use crate::predict::{Figure, Fit, HeldOut, Policy, Schedule, SchedulePoint, Work, predict, refuse_the_impossible};
use crate::report::figures::{counted, seconds, threads};
use crate::stats::Interval;
use crate::trial::Task;
use clap::Args;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// `scaletune predict`
#[derive(Args, Debug)]
#[command(after_help = "Example: scaletune predict reports/count/sweep.json --threads 16,32   (a sweep of yours)\n\
    Exit status 2: no law is fitted, since fewer than 4 thread counts were measured; a schedule is shown all the same.")]
pub(super) struct PredictArguments {
    /// A sweep's document, or the manifest of one run, whose tasks alone are scheduled
    #[arg(value_name = "SWEEP.json|RUN.json")]
    pub(super) sweep: PathBuf,
    /// Thread budgets to predict, separated by commas
    #[arg(long, value_name = "N,...", value_delimiter = ',', required = true, value_parser = clap::value_parser!(u32).range(1..=65536))]
    pub(super) threads: Vec<u32>,
}

pub(super) fn run(context: &Context, arguments: &PredictArguments) -> Result<(), Exit> {
    let threads: Vec<i64> = arguments.threads.iter().map(|threads| i64::from(*threads)).collect();
    let mut text = String::new();
    if let Some(manifest) = manifest(&arguments.sweep) {
        let points = of_manifest(&arguments.sweep, &manifest, &threads)?;
        if context.json {
            return print(&json!({ "schedule": { "points": points } }).to_string());
        }
        _ = writeln!(text, "Schedule of this run's tasks; what they share is not in it. One run has no interval.");
        tell_points(&mut text, &points);
        return print(&text);
    }
    let sweep = load(&arguments.sweep)?;
    let declined = |why: String| Exit::input(format!("no law is fitted: {why}"));
    let prediction = predict(&sweep, &threads, SEED).map_err(|why| declined(why.to_string()))?;
    // Who asks for a law and gets none should see so by the exit status, too.
    let outcome = prediction.no_fits.clone().map_or(Ok(()), |why| Err(declined(why)));
    if context.json {
        print(&as_json(&prediction)?)?;
        return outcome;
    }
    for fit in &prediction.fits {
        tell(&mut text, fit);
    }
    if let Some(schedule) = &prediction.schedule {
        tell_schedule(&mut text, schedule);
    }
    if let Some(why) = &prediction.no_schedule {
        _ = writeln!(text, "No schedule: {why}.");
    }
    print(&text)?;
    outcome
}

/// The document, where it is the manifest of a run. What else it may be is told by whoever reads sweeps.
fn manifest(path: &Path) -> Option<Value> {
    let document: Value = serde_json::from_slice(&std::fs::read(path).ok()?).ok()?;
    document.get("tasks").is_some_and(Value::is_array).then_some(document)
}

/// A schedule of a run's tasks for each budget.
fn of_manifest(path: &Path, manifest: &Value, threads: &[i64]) -> Result<Vec<SchedulePoint>, Exit> {
    let fault = |what: &dyn std::fmt::Display| Exit::input(format!("{}: {what}", path.display()));
    let tasks: Vec<Task> = serde_json::from_value(manifest["tasks"].clone()).map_err(|error| fault(&error))?;
    let figure = |value: &Value| value.as_f64().ok_or_else(|| fault(&"is not a manifest of a run: a time is missing"));
    let (wall_s, run_s) = (figure(&manifest["wall_s"])?, figure(&manifest["stages"]["run"])?);
    let work = Work::new((wall_s - run_s).max(0.0), run_s, &tasks, 1, 1.0).map_err(|why| fault(&why))?;
    let used = manifest["threads_used"].as_f64().unwrap_or(1.0).max(1.0);
    let one_s = work.seconds(Policy::InOrder, 1);
    let point = |threads: &i64| {
        let workers = (*threads as f64 * work.workers() as f64 / used) as usize;
        SchedulePoint::new(&work, workers.max(1), *threads, one_s)
    };
    let points: Vec<SchedulePoint> = threads.iter().map(point).collect();
    refuse_the_impossible(&points, used as i64).map_err(|why| fault(&why))?;
    Ok(points)
}

fn tell(text: &mut String, fit: &Fit) {
    let share = |figure: &Figure| {
        let Figure { value, interval } = figure;
        format!("{:.4} [{:.4}, {:.4}]", value, interval.low, interval.high)
    };
    let coherency = fit.coherency.map(|figure| format!(", coherency {}", share(&figure))).unwrap_or_default();
    let peak = fit.peak_threads.map(|threads| format!(", fastest at {threads:.0} threads")).unwrap_or_default();
    _ = writeln!(text, "{}: serial fraction {}{coherency}{peak}", fit.law, share(&fit.serial_fraction));
    tell_held_out(text, &fit.held_out);
    for point in &fit.points {
        let Figure { value, interval } = point.seconds;
        _ = writeln!(
            text,
            "  {}: {} [{}, {}], speedup {:.2}, efficiency {:.0} %",
            threads(point.threads),
            seconds(value),
            seconds(interval.low),
            seconds(interval.high),
            point.speedup.value,
            100.0 * point.efficiency
        );
    }
}

fn tell_held_out(text: &mut String, held: &HeldOut) {
    _ = writeln!(
        text,
        "  held out: {} took {}, predicted were {} ({:+.1} %)",
        threads(held.threads),
        seconds(held.measured_s),
        seconds(held.predicted_s),
        100.0 * held.relative_error
    );
}

fn tell_schedule(text: &mut String, schedule: &Schedule) {
    let cut = if schedule.cut_by_workers { "cut finer for more workers" } else { "cut as they are" };
    _ = writeln!(
        text,
        "Schedule: {} of {}, {cut}; what they share is not in it",
        counted(schedule.tasks as i64, "task"),
        counted(schedule.workers as i64, "worker")
    );
    if let Some(held) = &schedule.held_out {
        tell_held_out(text, held);
    }
    tell_points(text, &schedule.points);
}

fn tell_points(text: &mut String, points: &[SchedulePoint]) {
    for point in points {
        _ = writeln!(
            text,
            "  {}: {}{} in order, {} by stealing, {} longest first; speedup {:.2}{}, efficiency {:.0} %",
            threads(point.threads),
            seconds(point.in_order_s),
            between(point.interval, seconds),
            seconds(point.work_stealing_s),
            seconds(point.longest_first_s),
            point.speedup,
            between(point.speedup_interval, |end| format!("{end:.2}")),
            100.0 * point.efficiency
        );
    }
}

/// An interval behind its figure.
fn between(interval: Option<Interval>, figure: impl Fn(f64) -> String) -> String {
    interval.map_or_else(String::new, |Interval { low, high }| format!(" [{}, {}]", figure(low), figure(high)))
}
