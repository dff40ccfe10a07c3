//! `scaletune compare`: two sweeps side by side.

use super::exit::Exit;
use super::{Context, SEED, as_json, load, print};
use crate::report::Comparison;
use clap::Args;
use std::path::PathBuf;

/// `scaletune compare`
#[derive(Args, Debug)]
#[command(after_help = "Example: scaletune compare before/sweep.json after/sweep.json   (sweeps of yours)")]
pub(super) struct CompareArguments {
    /// The first sweep
    #[arg(value_name = "A.json")]
    pub(super) a: PathBuf,
    /// The second sweep
    #[arg(value_name = "B.json")]
    pub(super) b: PathBuf,
}

pub(super) fn run(context: &Context, arguments: &CompareArguments) -> Result<(), Exit> {
    let comparison = Comparison::new(&load(&arguments.a)?, &load(&arguments.b)?, SEED);
    if context.json {
        return print(&as_json(&comparison)?);
    }
    print(&comparison.markdown())
}
