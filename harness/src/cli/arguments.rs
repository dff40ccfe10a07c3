//! The command line, but for what an engine adds to it (`workload.rs`).

use super::{
    check, check_engine, compare, completions, doctor, engines, gate, manual, new_engine, predict, profile, report,
    run, simulate, summary, sweep, tune,
};
use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;

/// Bench, tune and run compute engines for genomics.
#[derive(Debug, Parser)]
#[command(
    name = "scaletune",
    version,
    propagate_version = true,
    arg_required_else_help = true,
    after_help = "Example: scaletune tune count --demo"
)]
pub(super) struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub(super) command: Command,
    /// What every command takes.
    #[command(flatten)]
    pub(super) common: Common,
}

/// What every command takes.
#[derive(Args, Debug)]
#[command(next_help_heading = "Common options")]
pub(super) struct Common {
    /// Look for plugins in DIR first; may be given more than once
    #[arg(long, global = true, value_name = "DIR")]
    pub(super) engine_path: Vec<PathBuf>,
    /// Load plugins from DIR although other users may write there; may be given more than once
    #[arg(long, global = true, value_name = "DIR")]
    pub(super) trust: Vec<PathBuf>,
    /// Print the result as JSON on standard output, and nothing else there
    #[arg(long, global = true)]
    pub(super) json: bool,
    /// Say nothing but warnings and errors
    #[arg(short, long, global = true)]
    pub(super) quiet: bool,
    /// Say more
    #[arg(short, long, global = true, conflicts_with = "quiet")]
    pub(super) verbose: bool,
    /// No progress bar
    #[arg(long, global = true)]
    pub(super) no_progress: bool,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// List the engines, or show one in full
    Engines(engines::EnginesArguments),
    /// Check that a plugin keeps the contract, for authors of engines
    CheckEngine(check_engine::CheckEngineArguments),
    /// Write a small engine to start from, in C or Rust
    NewEngine(new_engine::NewEngineArguments),
    /// Run an engine on your data, under the best plan known
    Run(run::RunArguments),
    /// Find the fastest plan for your data and machine, and save it as a profile
    Tune(tune::TuneArguments),
    /// List, show, check, merge, export or remove profiles
    Profile(profile::ProfileArguments),
    /// Measure how an engine scales, plan by plan, and write a report
    Sweep(sweep::SweepArguments),
    /// Check that engines give the right answers under every strategy
    Check(check::CheckArguments),
    /// Judge new plugins by older ones: the same answers, as fast?
    Gate(gate::GateArguments),
    /// Make a workload to try an engine on
    Simulate(simulate::SimulateArguments),
    /// Write a sweep's report again
    Report(report::ReportArguments),
    /// Set two sweeps side by side
    Compare(compare::CompareArguments),
    /// Predict from a sweep what more threads would bring
    Predict(predict::PredictArguments),
    /// Set many runs side by side, and say what to ask a scheduler for
    Summary(summary::SummaryArguments),
    /// Say what is found here and what is missing: engines, cores, profiles, counters, peers
    Doctor(doctor::DoctorArguments),
    /// Print the completions of a shell
    Completions(completions::CompletionsArguments),
    /// Write the manual pages, for those who package
    #[command(hide = true)]
    Man(manual::ManualArguments),
}

/// What commands that measure have in common.
#[derive(Args, Debug)]
#[command(next_help_heading = "Measuring")]
pub(super) struct MeasuringArguments {
    /// Thread budgets, separated by commas; one thread is always measured beside them [default: the usable cores]
    #[arg(short = 't', short_alias = '@', long, value_name = "N,...", value_delimiter = ',', value_parser = clap::value_parser!(u32).range(1..=4096))]
    pub(super) threads: Vec<u32>,
    /// Stop measuring after this long, such as 90s, 30m, 12h
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub(super) max_time: Option<std::time::Duration>,
    /// Give up a trial after this long [default: 20 times the reference's time, at least 60s]
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub(super) time_limit: Option<std::time::Duration>,
}

impl MeasuringArguments {
    /// The thread budgets: those given, else the one that holds where nobody says.
    pub(super) fn budgets(&self, default: usize) -> Vec<i64> {
        match self.threads.as_slice() {
            [] => vec![default as i64],
            given => given.iter().map(|threads| i64::from(*threads)).collect(),
        }
    }
}

/// What is measured, how long, and for which budgets: what `tune` and `sweep` begin with.
#[derive(Args, Debug)]
pub(super) struct BenchArguments {
    /// The engine
    #[arg(value_name = "ENGINE")]
    pub(super) engine: String,
    /// Which workload.
    #[command(flatten)]
    pub(super) workload: WorkloadArguments,
    /// How long, and for which budgets.
    #[command(flatten)]
    pub(super) measuring: MeasuringArguments,
}

/// Which workload.
#[derive(Args, Debug)]
#[command(next_help_heading = "Workload")]
pub(super) struct WorkloadArguments {
    /// Take the inputs from FILE; flags given beside it count more
    #[arg(long, value_name = "FILE.toml", conflicts_with = "demo")]
    pub(super) inputs: Option<PathBuf>,
    /// Use a small simulated workload
    #[arg(long)]
    pub(super) demo: bool,
}

/// Which plan.
#[derive(Args, Debug)]
#[command(next_help_heading = "Plan")]
pub(super) struct PlanArguments {
    /// Fix an axis; may be given more than once
    #[arg(long, value_name = "AXIS=VALUE")]
    pub(super) set: Vec<String>,
    /// Fix several axes at once
    #[arg(long, value_name = "AXIS=VALUE,...")]
    pub(super) plan: Option<String>,
    /// Take the plan from this profile
    #[arg(long, value_name = "FILE", conflicts_with = "no_profile")]
    pub(super) profile: Option<PathBuf>,
    /// Use no saved profile
    #[arg(long)]
    pub(super) no_profile: bool,
}

/// `90s`, `30m`, `12h`, `1.5h`.
pub(super) fn duration(text: &str) -> Result<std::time::Duration, String> {
    let (number, unit) = split_unit(text);
    let factor = match unit {
        "s" => 1.0,
        "ms" => 1e-3,
        "m" | "min" => 60.0,
        "h" => 3600.0,
        "" if !number.is_empty() => return Err(format!("a time needs its unit: {number}s, {number}m or {number}h?")),
        _ => return Err("a time is a number with s, m or h, such as 90s".into()),
    };
    let seconds: f64 = number.parse().map_err(|_| "a time is a number with s, m or h, such as 90s")?;
    std::time::Duration::try_from_secs_f64(seconds * factor).map_err(|error| error.to_string())
}

/// `500M`, `4G`, `4GiB`: powers of 1024; `4096B`.
pub(super) fn size(text: &str) -> Result<u64, String> {
    let (number, unit) = split_unit(text);
    if unit.is_empty() && !number.is_empty() {
        return Err(format!("a size needs its unit: {number}M or {number}G? ({number}B are bytes)"));
    }
    let factor: u64 = match unit.trim_end_matches("iB").trim_end_matches('B') {
        "" => 1,
        "K" | "k" => 1 << 10,
        "M" => 1 << 20,
        "G" => 1 << 30,
        "T" => 1 << 40,
        _ => return Err("a size is a number with K, M, G or T, such as 4G".into()),
    };
    let number: f64 = number.parse().map_err(|_| "a size is a number with K, M, G or T, such as 4G")?;
    if number.is_finite() && number > 0.0 {
        Ok((number * factor as f64) as u64)
    } else {
        Err("a size is above zero".into())
    }
}

fn split_unit(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len());
    (text[..end].trim(), &text[end..])
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;
    use std::time::Duration;

    #[test]
    fn the_command_line_is_sound() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn times_and_sizes_are_read() {
        assert_eq!(duration("90s").unwrap(), Duration::from_secs(90));
        assert_eq!(duration("90").unwrap_err(), "a time needs its unit: 90s, 90m or 90h?");
        assert_eq!(size("5").unwrap_err(), "a size needs its unit: 5M or 5G? (5B are bytes)");
        assert_eq!(size("4096B").unwrap(), 4096);
        assert_eq!(duration("1.5h").unwrap(), Duration::from_secs(5400));
        assert_eq!(duration("250ms").unwrap(), Duration::from_millis(250));
        assert!(duration("-1s").is_err() && duration("soon").is_err() && duration("1d").is_err());
        assert_eq!(size("4G").unwrap(), 4 << 30);
        assert_eq!(size("500MB").unwrap(), 500 << 20);
        assert_eq!(size("4GiB").unwrap(), 4 << 30);
        assert!(size("0G").is_err() && size("x").is_err());
    }
}
