//! `scaletune check-engine`: whether a plugin file keeps the contract, for authors of engines.

mod bench;
mod course;

use super::arguments::{duration, size};
use super::exit::Exit;
use super::{Context, as_json, print};
use crate::conformance::{Check, Verdict, as_text, count};
use clap::Args;
use serde::Serialize;
use std::path::PathBuf;
use std::time::Duration;

/// Version of the result's form.
const SCHEMA_VERSION: u32 = 1;
/// What a worker may hold where nobody says otherwise, bytes: the check is for small workloads.
const MEMORY: u64 = 4 << 30;

/// `scaletune check-engine`
#[derive(Args, Debug)]
#[command(after_help = "Example: scaletune check-engine target/debug/libscaletune_count.so")]
pub(super) struct CheckEngineArguments {
    /// The plugin file
    #[arg(value_name = "FILE")]
    pub(super) file: PathBuf,
    /// Take the inputs from FILE, not from a workload that the engine makes
    #[arg(long, value_name = "FILE.toml")]
    pub(super) inputs: Option<PathBuf>,
    /// Size of the workload that the engine makes [default: its smallest]
    #[arg(long, conflicts_with = "inputs")]
    pub(super) preset: Option<String>,
    /// Most threads of the plans that are run
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=4096))]
    pub(super) threads: u32,
    /// Most plans that are run beside the reference
    #[arg(long, value_name = "N", default_value_t = 12)]
    pub(super) most_plans: usize,
    /// Give up a run after this long
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "60s")]
    pub(super) time_limit: Duration,
    /// Give up a run that holds this much memory [default: 4G]
    #[arg(long, value_name = "SIZE", value_parser = size)]
    pub(super) max_memory: Option<u64>,
}

/// The result as JSON.
#[derive(Serialize)]
struct Document<'a> {
    schema_version: u32,
    file: &'a PathBuf,
    engine: Option<&'a str>,
    passed: bool,
    checks: &'a [Check],
}

pub(super) fn run(context: &mut Context, arguments: &CheckEngineArguments) -> Result<(), Exit> {
    let file = &arguments.file;
    if !file.is_file() {
        let what = if file.exists() { "is not a file" } else { "is not there" };
        return Err(Exit::input(format!("{}: {what}; name a plugin file", file.display())));
    }
    let (checks, engine) = course::take(context, arguments)?;
    context.terminal.finish();
    let failed = count(&checks, Verdict::Fail);
    if context.json {
        let (passed, engine) = (failed == 0, engine.as_deref());
        print(&as_json(&Document { schema_version: SCHEMA_VERSION, file, engine, passed, checks: &checks })?)?;
    } else {
        print(&as_text(&checks))?;
    }
    match failed {
        0 => Ok(()),
        1 => Err(Exit { status: 1, message: format!("{}: 1 check failed", file.display()) }),
        failed => Err(Exit { status: 1, message: format!("{}: {failed} checks failed", file.display()) }),
    }
}
