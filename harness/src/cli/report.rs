//! `scaletune report`: a sweep's report, written again.

use super::exit::Exit;
use super::{Context, as_json, load, print};
use crate::report::write;
use clap::Args;
use std::path::{Path, PathBuf};

/// `scaletune report`
#[derive(Args, Debug)]
#[command(after_help = "Example: scaletune report reports/count/sweep.json --csv   (a sweep of yours)")]
pub(super) struct ReportArguments {
    /// The sweep's document
    #[arg(value_name = "SWEEP.json")]
    pub(super) sweep: PathBuf,
    /// Write to this folder [default: the document's]
    #[arg(long, value_name = "DIR")]
    pub(super) out: Option<PathBuf>,
    /// Also write report.csv
    #[arg(long)]
    pub(super) csv: bool,
}

pub(super) fn run(context: &Context, arguments: &ReportArguments) -> Result<(), Exit> {
    let sweep = load(&arguments.sweep)?;
    let beside = arguments.sweep.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let folder = arguments.out.as_deref().unwrap_or(beside);
    std::fs::create_dir_all(folder).map_err(|error| Exit::failed(format!("{}: {error}", folder.display())))?;
    let written = write(&sweep, folder, arguments.csv).map_err(|error| Exit::failed(error.to_string()))?;
    if context.json {
        return print(&as_json(&written)?);
    }
    written.iter().for_each(|path| context.terminal.note(&path.display().to_string()));
    Ok(())
}
