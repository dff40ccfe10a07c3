//! `scaletune report` and `scaletune compare`: sweeps, told again.

use super::arguments::{CompareArguments, ReportArguments};
use super::exit::Exit;
use super::{Context, as_json, load, print};
use crate::report::{Comparison, write};
use std::path::Path;

/// Where redrawing starts, so that a comparison can be repeated.
const SEED: u64 = 1;

pub(super) fn run(context: &Context, arguments: &ReportArguments) -> Result<(), Exit> {
    let sweep = load(&arguments.sweep)?;
    let beside = arguments.sweep.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let folder = arguments.out.as_deref().unwrap_or(beside);
    let failed = |error: std::io::Error| Exit::failed(format!("{}: {error}", folder.display()));
    std::fs::create_dir_all(folder).map_err(failed)?;
    let written = write(&sweep, folder, arguments.csv).map_err(failed)?;
    if context.json {
        return print(&as_json(&written)?);
    }
    written.iter().for_each(|path| context.terminal.note(&path.display().to_string()));
    Ok(())
}

pub(super) fn compare(context: &Context, arguments: &CompareArguments) -> Result<(), Exit> {
    let comparison = Comparison::new(&load(&arguments.a)?, &load(&arguments.b)?, SEED);
    if context.json {
        return print(&as_json(&comparison)?);
    }
    print(&comparison.markdown())
}
