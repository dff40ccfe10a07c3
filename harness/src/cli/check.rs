//! `scaletune check`: golden cases under every strategy.

use super::arguments::duration;
use super::exit::Exit;
use super::{Context, as_json, print};
use crate::check::{self, Case, CaseError, CaseReport, Golden, Plans, RunError, Settings};
use crate::plugin::Plugin;
use crate::profile::checkout;
use crate::scratch::Scratch;
use clap::Args;
use serde::Serialize;
use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::PathBuf;
use std::time::Duration;

/// Version of the result's form.
const SCHEMA_VERSION: u32 = 1;

/// `scaletune check`
#[derive(Args, Debug)]
#[command(
    after_help = "Without --golden the project's own cases are run: those of the checkout that the program stands \
    in, else those compiled in. Every strategy is run with thread knobs at their lowest and at 2; opt-in values only \
    where a case names them.\n\nExample: scaletune check prune --plans default"
)]
pub(super) struct CheckArguments {
    /// Only cases of these engines
    #[arg(value_name = "ENGINE")]
    pub(super) engines: Vec<String>,
    /// Run every strategy, or the reference and the default plan only
    #[arg(long, value_name = "WHICH", default_value = "all")]
    pub(super) plans: PlansWord,
    /// Take the cases from the `case.toml` files in DIR and below
    #[arg(long, value_name = "DIR")]
    pub(super) golden: Option<PathBuf>,
    /// Take the cases from FILE; its paths are relative to --golden
    #[arg(long, value_name = "FILE.toml", requires = "golden")]
    pub(super) index: Option<PathBuf>,
    /// Show what new expected files would change
    #[arg(long)]
    pub(super) bless: bool,
    /// With --bless: write them
    #[arg(long, requires = "bless")]
    pub(super) yes: bool,
    /// Workers at a time [default: the usable cores]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=256))]
    pub(super) jobs: Option<u32>,
    /// Give up a run after this long
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "5m")]
    pub(super) time_limit: Duration,
}

/// Which plans.
#[derive(clap::ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PlansWord {
    /// Every strategy
    All,
    /// The reference and the default plan
    Default,
}

/// The result as JSON.
#[derive(Serialize)]
struct Document<'a> {
    schema_version: u32,
    passed: bool,
    cases: &'a [CaseReport],
}

/// The same of new expected files.
#[derive(Serialize)]
struct Blessed<'a> {
    schema_version: u32,
    written: bool,
    files: &'a [check::Proposal],
}

impl From<CaseError> for Exit {
    fn from(error: CaseError) -> Exit {
        Exit::input(error.to_string())
    }
}

pub(super) fn run(context: &mut Context, arguments: &CheckArguments) -> Result<(), Exit> {
    let (cases, place, _keep) = cases(arguments)?;
    let cases = chosen(cases, &arguments.engines)?;
    let plugins = plugins(context, &cases)?;
    let mut goldens = Vec::new();
    for case in &cases {
        let Some(plugin) = plugins.iter().find(|plugin| plugin.descriptor.name == case.document.engine) else {
            continue;
        };
        goldens.push(Golden::new(case, plugin, arguments.bless).map_err(Exit::input)?);
    }
    let usable = context.budget()?.threads;
    let settings = Settings {
        plans: match arguments.plans {
            PlansWord::All => Plans::All,
            PlansWord::Default => Plans::Default { threads: usable as i64 },
        },
        jobs: arguments.jobs.map_or(usable, |jobs| jobs as usize),
        time_limit: arguments.time_limit,
        blessing: arguments.bless,
    };
    let count = goldens.len();
    context.terminal.detail(&format!("{count} case{} of {place}", if count == 1 { "" } else { "s" }));
    let terminal = &context.terminal;
    let reports = check::run(&goldens, &context.worker, &settings, &mut |done, total| {
        terminal.bar("check", done as u64, total as u64);
    });
    context.terminal.finish();
    let reports = reports.map_err(|error| match error {
        RunError::Cancelled => Exit::interrupted(),
        RunError::Defective(fault) => Exit::input(fault),
        RunError::Machine(fault) => Exit::failed(fault),
    })?;
    if arguments.bless {
        return bless(context, &goldens, &reports, arguments.yes);
    }
    let failed = reports.iter().filter(|report| !report.passed()).count();
    if context.json {
        print(&as_json(&Document { schema_version: SCHEMA_VERSION, passed: failed == 0, cases: &reports })?)?;
    } else if !context.terminal.is_quiet() || failed > 0 {
        print(&table(&reports, context.terminal.is_verbose()))?;
    }
    if failed == 0 {
        let runs: usize = reports.iter().map(|report| report.plans.len()).sum();
        context.terminal.note(&format!("{count} cases of {place}, {runs} runs: all as expected"));
        return Ok(());
    }
    Err(Exit { status: 1, message: format!("{failed} of {count} cases failed") })
}

/// The cases, where they are from in words, and what must be kept for as long as they are used.
fn cases(arguments: &CheckArguments) -> Result<(Vec<Case>, String, Option<Scratch>), Exit> {
    if let Some(folder) = &arguments.golden {
        if !folder.is_dir() {
            return Err(Exit::input(format!("{}: is not a folder", folder.display())));
        }
        let cases = match &arguments.index {
            Some(index) => check::from_index(index, folder)?,
            None => check::from_folder(folder)?,
        };
        return Ok((cases, folder.display().to_string(), None));
    }
    own_cases()
}

/// The project's own cases: those of the checkout that the program stands in, else those compiled in.
pub(super) fn own_cases() -> Result<(Vec<Case>, String, Option<Scratch>), Exit> {
    let executable = std::env::current_exe().and_then(|path| path.canonicalize());
    let own = executable.ok().as_deref().and_then(checkout).map(|root| root.join("testdata"));
    match own.filter(|folder| folder.is_dir()) {
        Some(folder) => Ok((check::from_folder(&folder)?, folder.display().to_string(), None)),
        None => {
            let (cases, keep) = check::compiled_in()?;
            Ok((cases, "the program".into(), Some(keep)))
        }
    }
}

/// The cases of these engines; of all where none is named.
fn chosen(cases: Vec<Case>, engines: &[String]) -> Result<Vec<Case>, Exit> {
    let known: BTreeSet<&str> = cases.iter().map(|case| case.document.engine.as_str()).collect();
    if let Some(engine) = engines.iter().find(|engine| !known.contains(engine.as_str())) {
        let known = known.into_iter().collect::<Vec<_>>().join(", ");
        return Err(Exit::input(format!("there is no case for engine `{engine}`; there are cases for {known}")));
    }
    let wanted = |case: &Case| engines.is_empty() || engines.contains(&case.document.engine);
    Ok(cases.into_iter().filter(wanted).collect())
}

/// The plugin of every engine that a case names.
fn plugins(context: &Context, cases: &[Case]) -> Result<Vec<Plugin>, Exit> {
    let engines: BTreeSet<&str> = cases.iter().map(|case| case.document.engine.as_str()).collect();
    let find = |engine| {
        context.catalogue.find(engine).map_err(|error| {
            let exit = Exit::from(error);
            Exit { message: format!("{}; name the engines to check to leave others out", exit.message), ..exit }
        })
    };
    engines.into_iter().map(find).collect()
}

/// A line a case, then the first difference of each that failed.
fn table(reports: &[CaseReport], verbose: bool) -> String {
    let width =
        |texts: &mut dyn Iterator<Item = &str>, title: &str| texts.map(str::len).max().unwrap_or(0).max(title.len());
    let case = width(&mut reports.iter().map(|report| report.case.as_str()), "case");
    let engine = width(&mut reports.iter().map(|report| report.engine.as_str()), "engine");
    let mut text = format!("{:case$}  {:engine$}  plans  verdict\n", "case", "engine");
    for report in reports {
        let (plans, failed) = (report.plans.len(), report.failures().count());
        let verdict = if failed == 0 { "as expected".into() } else { format!("FAILED under {failed} of {plans}") };
        // Writing to a string can't fail.
        let _ = writeln!(text, "{:case$}  {:engine$}  {plans:>5}  {verdict}", report.case, report.engine);
    }
    for report in reports {
        let shown = if verbose { usize::MAX } else { 1 };
        for failure in report.failures().take(shown) {
            let _ = writeln!(text, "\n{} under {}:\n  {}", report.case, failure.plan, failure.verdict);
        }
        let more = report.failures().count().saturating_sub(shown);
        if more > 0 {
            let _ = writeln!(text, "  ({more} more plans failed; -v shows them)");
        }
    }
    text
}

/// Shows what new expected files would change, and writes them if told to.
fn bless(context: &Context, goldens: &[Golden<'_>], reports: &[CaseReport], yes: bool) -> Result<(), Exit> {
    let (mut proposals, mut refused): (Vec<check::Proposal>, usize) = (Vec::new(), 0);
    for (golden, report) in goldens.iter().zip(reports) {
        match check::propose(golden, report) {
            Ok(own) => {
                if !own.is_empty() {
                    context.terminal.note(&format!("{}: the answer should come from: {}", report.case, report.answer));
                }
                for new in own {
                    // Cases may share an expected file; then they must agree on it.
                    match proposals.iter().find(|other| other.path == new.path) {
                        None => proposals.push(new),
                        Some(other) if other.same_contents(&new) => {}
                        Some(_) => {
                            refused += 1;
                            let (case, path) = (&report.case, new.path.display());
                            context
                                .terminal
                                .note(&format!("{case}: can't be blessed: other cases want another {path}"));
                        }
                    }
                }
            }
            Err(refusal) => {
                refused += 1;
                context.terminal.note(&format!("{}: can't be blessed: {}", refusal.case, refusal.reason));
            }
        }
    }
    let count = proposals.len();
    if !context.json {
        proposals.iter().try_for_each(|proposal| print(&proposal.diff))?;
    }
    let written = yes && refused == 0 && count > 0;
    if written {
        check::write(&proposals).map_err(|(path, error)| {
            Exit::failed(format!("{}: {error}; files before it are written", path.display()))
        })?;
    }
    if context.json {
        print(&as_json(&Blessed { schema_version: SCHEMA_VERSION, written, files: &proposals })?)?;
    }
    if refused > 0 {
        return Err(Exit { status: 1, message: format!("{refused} cases can't be blessed; nothing was written") });
    }
    if count == 0 {
        context.terminal.note("the expected files are what the engines write: nothing to bless");
        return Ok(());
    }
    if !written {
        return Err(Exit { status: 1, message: format!("{count} files would change; add --yes to write them") });
    }
    context.terminal.note(&format!("{count} files written; look at them once more before you commit"));
    Ok(())
}
