//! `scaletune predict`: what more threads would bring, with the error of the prediction.

use super::exit::Exit;
use super::{Context, as_json, load, print};
use crate::predict::{Figure, Fit, predict};
use clap::Args;
use std::fmt::Write as _;
use std::path::PathBuf;

/// Where redrawing starts, so that a prediction can be repeated.
const SEED: u64 = 1;

/// `scaletune predict`
#[derive(Args, Debug)]
#[command(after_help = "Example: scaletune predict reports/count/sweep.json --threads 16,32   (a sweep of yours)")]
pub(super) struct PredictArguments {
    /// The sweep's document
    #[arg(value_name = "SWEEP.json")]
    pub(super) sweep: PathBuf,
    /// Thread budgets to predict, separated by commas
    #[arg(long, value_name = "N,...", value_delimiter = ',', required = true, value_parser = clap::value_parser!(u32).range(1..=65536))]
    pub(super) threads: Vec<u32>,
}

pub(super) fn run(context: &Context, arguments: &PredictArguments) -> Result<(), Exit> {
    let sweep = load(&arguments.sweep)?;
    let threads: Vec<i64> = arguments.threads.iter().map(|threads| i64::from(*threads)).collect();
    let prediction = predict(&sweep, &threads, SEED).map_err(|declined| Exit::input(declined.to_string()))?;
    if context.json {
        return print(&as_json(&prediction)?);
    }
    let mut text = String::new();
    for fit in &prediction.fits {
        tell(&mut text, fit);
    }
    print(&text)
}

fn tell(text: &mut String, fit: &Fit) {
    let share = |figure: &Figure| {
        let Figure { value, interval } = figure;
        format!("{:.4} [{:.4}, {:.4}]", value, interval.low, interval.high)
    };
    let coherency = fit.coherency.map(|figure| format!(", coherency {}", share(&figure))).unwrap_or_default();
    let peak = fit.peak_threads.map(|threads| format!(", fastest at {threads:.0} threads")).unwrap_or_default();
    _ = writeln!(text, "{}: serial fraction {}{coherency}{peak}", fit.law, share(&fit.serial_fraction));
    let held = &fit.held_out;
    _ = writeln!(
        text,
        "  held out: {} threads take {:.4} s, {:.4} s were predicted ({:+.1} %)",
        held.threads,
        held.measured_s,
        held.predicted_s,
        100.0 * held.relative_error
    );
    for point in &fit.points {
        let Figure { value, interval } = point.seconds;
        _ = writeln!(
            text,
            "  {} threads: {value:.4} s [{:.4}, {:.4}], speedup {:.2}, efficiency {:.0} %",
            point.threads,
            interval.low,
            interval.high,
            point.speedup.value,
            100.0 * point.efficiency
        );
    }
}
