//! `scaletune summary`: many runs in one table.

use super::exit::Exit;
use super::{Context, as_json, print};
use crate::report::figures::{counted, seconds};
use crate::summary::{Record, Summary};
use clap::Args;
use std::path::{Path, PathBuf};

/// `scaletune summary`
#[derive(Args, Debug)]
#[command(after_help = "Example: scaletune summary */*run.json > runs.tsv   (those that your runs wrote)\n\
    The table goes to standard output. What the runs took together, and what to ask a scheduler for next time, goes to \
    standard error.")]
pub(super) struct SummaryArguments {
    /// Manifests, or folders that hold a run.json
    #[arg(value_name = "RUN.json", required = true)]
    runs: Vec<PathBuf>,
}

pub(super) fn run(context: &Context, arguments: &SummaryArguments) -> Result<(), Exit> {
    let records = arguments.runs.iter().map(|path| record(path)).collect::<Result<Vec<_>, Exit>>()?;
    let summary = Summary::of(records);
    if context.json {
        return print(&as_json(&summary)?);
    }
    print(&summary.tsv())?;
    let totals = &summary.totals;
    context.terminal.note(&format!(
        "{}: {:.3} core-hours, {:.3} CPU hours; the longest {}, the most memory {:.0} MiB; {} with warnings",
        counted(totals.runs as i64, "run"),
        totals.core_hours,
        totals.cpu_hours,
        seconds(totals.longest_s),
        totals.most_memory_bytes as f64 / f64::from(1 << 20),
        totals.with_warnings,
    ));
    if let Some(request) = &summary.request {
        context.terminal.note(&format!("ask for {request} a run next time (the largest of these, and a fifth more)"));
    }
    Ok(())
}

/// The run whose manifest this is, or whose folder.
fn record(path: &Path) -> Result<Record, Exit> {
    let file = if path.is_dir() { path.join("run.json") } else { path.to_path_buf() };
    let fault = |why: String| Exit::input(format!("{}: {why}", file.display()));
    if path.is_dir() && !file.exists() {
        return Err(fault(format!("no such file; name the manifests there, such as {}/*.run.json", path.display())));
    }
    let text = std::fs::read_to_string(&file).map_err(|error| fault(error.to_string()))?;
    Record::parse(&run_of(&file), &text).map_err(|error| fault(error.to_string()))
}

/// What the manifest at `file` belongs to: an output that it stands beside, or the folder that it stands in.
fn run_of(file: &Path) -> String {
    let text = file.display().to_string();
    let folder = || file.parent().map(|it| it.display().to_string()).filter(|it| !it.is_empty());
    match text.strip_suffix(".run.json") {
        Some(output) => output.to_string(),
        None => folder().unwrap_or_else(|| ".".into()),
    }
}
