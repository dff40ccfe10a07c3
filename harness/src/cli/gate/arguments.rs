//! What `scaletune gate` is told.

use super::super::arguments::MeasuringArguments;
use clap::{Args, ValueEnum};
use std::path::PathBuf;

/// `scaletune gate`
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    scaletune gate --against old --strict   (judge these plugins, those in the folder old run beside them)\n  \
    scaletune gate --baseline baseline.json --write   (record answers and times of these plugins)\n  \
    scaletune gate --baseline baseline.json --against old   (judge by the recorded answers, and beside those in old)")]
pub(in crate::cli) struct GateArguments {
    /// Answers and times that were recorded
    #[arg(long, value_name = "FILE.json")]
    pub(super) baseline: Option<PathBuf>,
    /// A folder of older plugins, to run beside those on trial
    #[arg(long, value_name = "DIR", conflicts_with_all = ["write", "selftest"])]
    pub(super) against: Option<PathBuf>,
    /// What to measure [default: what the baseline holds, else every engine on its demo workload]
    #[arg(long, value_name = "FILE.toml")]
    pub(super) suite: Option<PathBuf>,
    /// Record the baseline instead of judging by it
    #[arg(long, requires = "baseline", conflicts_with = "selftest")]
    pub(super) write: bool,
    /// Set equal plugins against each other: how often is the gate wrong here, and what can it see?
    #[arg(long, conflicts_with_all = ["baseline", "junit", "markdown"])]
    pub(super) selftest: bool,
    /// Only the smallest workloads and few pairs
    #[arg(long, requires = "selftest")]
    pub(super) quick: bool,
    /// Also write the verdict as JUnit XML
    #[arg(long, value_name = "FILE.xml", conflicts_with = "write")]
    pub(super) junit: Option<PathBuf>,
    /// Also write the verdict as Markdown
    #[arg(long, value_name = "FILE.md", conflicts_with = "write")]
    pub(super) markdown: Option<PathBuf>,
    /// End with exit status 4 where the verdict is inconclusive
    #[arg(long)]
    pub(super) strict: bool,
    /// Count instructions in one thread (perf or valgrind), which settle what CPU time leaves open; without WHEN: always
    #[arg(long, value_name = "WHEN", default_value = "auto", num_args = 0..=1, default_missing_value = "always",
          conflicts_with_all = ["write", "selftest"])]
    pub(super) instructions: Counting,
    /// Go on where earlier jobs left the same plugins open, and keep what this one leaves open
    #[arg(long, value_name = "FILE.json", requires = "against", conflicts_with_all = ["write", "selftest"])]
    pub(super) history: Option<PathBuf>,
    /// How much more CPU time is a pass [default: 5]
    #[arg(long, value_name = "PERCENT")]
    pub(super) margin: Option<f64>,
    /// How much more wall time in one thread raises no alarm [default: 25]
    #[arg(long, value_name = "PERCENT")]
    pub(super) wall_margin: Option<f64>,
    /// How much of the speedup may be lost [default: 20]
    #[arg(long, value_name = "PERCENT")]
    pub(super) scaling_margin: Option<f64>,
    /// Most rounds of a case; they are looked at after 8, 16, 32 and so on [default: 64]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(8..=256))]
    pub(super) rounds: Option<u16>,
    /// How long, and for which budgets.
    #[command(flatten)]
    pub(super) measuring: MeasuringArguments,
}

/// When instructions are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Counting {
    /// Where CPU time leaves a case open
    Auto,
    /// For every case
    Always,
    /// Never
    Never,
}
