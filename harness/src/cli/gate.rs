//! `scaletune gate`: is a new plugin's answer the old one's, and is it as fast?

mod bench;
mod bout;
mod record;
mod selftest;

use super::arguments::MeasuringArguments;
use super::exit::Exit;
use super::terminal::Terminal;
use super::{Context, SEED, as_json, print};
use crate::document::{DocumentError, write_whole};
use crate::gate::{Baseline, Case, Looks, Observer, Report, Side, Suite, Verdict, Work, junit, lines, markdown};
use crate::measure::{InstructionCounter, Machine, Monotonic, usable_cores};
use crate::plugin::{Catalogue, SearchPath};
use crate::trial::Measurement;
use clap::Args;
use scaletune_descriptor::{Descriptor, Plan};
use std::path::{Path, PathBuf};

/// Exit status of an inconclusive verdict under `--strict`: neither a pass nor a regress.
const INCONCLUSIVE: u8 = 4;

/// Most rounds of a case unless told otherwise.
const ROUNDS: u16 = 64;

/// `scaletune gate`
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    scaletune gate --baseline baseline.json --write   (record answers and times of these plugins)\n  \
    scaletune gate --baseline baseline.json --against old   (judge these plugins, those in old run beside them)")]
pub(super) struct GateArguments {
    /// Answers and times that were recorded
    #[arg(long, value_name = "FILE.json", required_unless_present_any = ["against", "selftest"])]
    pub(super) baseline: Option<PathBuf>,
    /// A folder of older plugins, to run beside those on trial
    #[arg(long, value_name = "DIR", conflicts_with_all = ["write", "selftest"])]
    pub(super) against: Option<PathBuf>,
    /// What to measure [default: what the baseline holds, else every engine on its demo workload]
    #[arg(long, value_name = "FILE.toml")]
    pub(super) suite: Option<PathBuf>,
    /// Record the baseline instead of judging by it
    #[arg(long, requires = "baseline", conflicts_with_all = ["selftest", "max_time"])]
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
    /// Also count instructions in one thread (perf or valgrind): they settle what CPU time leaves open
    #[arg(long, conflicts_with_all = ["write", "selftest"])]
    pub(super) instructions: bool,
    /// How much more CPU time is a pass [default: 5]
    #[arg(long, value_name = "PERCENT")]
    pub(super) margin: Option<f64>,
    /// How much more wall time in one thread is no alarm [default: 25]
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

/// What every case of one gate shares.
struct Gate<'a> {
    arguments: &'a GateArguments,
    /// The older plugins.
    against: Option<Catalogue>,
    looks: Looks,
    machine: Machine,
    clock: Monotonic,
    counter: Option<InstructionCounter>,
}

pub(super) fn run(context: &mut Context, arguments: &GateArguments) -> Result<(), Exit> {
    let clock = Monotonic::start();
    [&arguments.junit, &arguments.markdown].into_iter().flatten().try_for_each(|path| can_be_written(path))?;
    if let Some(path) = arguments.baseline.as_ref().filter(|_| arguments.write) {
        can_be_written(path)?;
    }
    let against = match &arguments.against {
        Some(folder) if !folder.is_dir() => {
            return Err(Exit::input(format!(
                "--against {}: is no folder; name one with older plugins",
                folder.display()
            )));
        }
        Some(folder) => {
            let search = SearchPath::new(std::slice::from_ref(folder), None, None);
            if search.files().is_empty() {
                return Err(Exit::input(format!(
                    "--against {}: holds no plugin (a file libscaletune_NAME.so); name the folder with the older plugins",
                    folder.display()
                )));
            }
            Some(Catalogue::new(search, context.catalogue.trust().clone(), context.worker.clone()))
        }
        None => None,
    };
    let looks = Looks::up_to(usize::from(arguments.rounds.unwrap_or(ROUNDS)));
    let counter = if arguments.instructions { InstructionCounter::find() } else { None };
    let gate = Gate { arguments, against, looks, machine: Machine::this(), clock, counter };
    if arguments.selftest {
        return selftest::run(context, &gate);
    }
    match &arguments.baseline {
        Some(path) if arguments.write => record::run(context, &gate, path),
        Some(path) => {
            let baseline = Baseline::load(path)?;
            judge(context, &gate, Some((path.as_path(), &baseline)))
        }
        None => judge(context, &gate, None),
    }
}

fn judge(context: &mut Context, gate: &Gate<'_>, baseline: Option<(&Path, &Baseline)>) -> Result<(), Exit> {
    let mut notes = Vec::new();
    let arguments = gate.arguments;
    if arguments.instructions && gate.counter.is_none() {
        notes.push("instructions are not available here: neither perf nor valgrind counts them".to_string());
    }
    let differences = baseline.map(|(_, baseline)| bout::differences(gate, baseline)).unwrap_or_default();
    if !differences.is_empty() {
        let what = if gate.against.is_some() { "answers and pairs" } else { "answers and speedups" };
        notes.push(format!(
            "the baseline was recorded on another machine ({}): its times don't count, only {what} do",
            differences.join("; ")
        ));
    }
    let suite = suite(context, gate, baseline, &mut notes)?;
    let mut reports = Vec::new();
    for (index, case) in suite.cases.iter().enumerate() {
        let left = suite.cases.len() - index;
        reports.push(bout::run(context, gate, case, baseline, differences.is_empty(), left)?);
    }
    context.terminal.finish();
    let report = Report::new(gate.machine.clone(), &gate.looks, reports, notes);
    if let Some(path) = &arguments.junit {
        let text = junit(&report, arguments.strict).map_err(Exit::failed)?;
        write_whole(path, text.as_bytes()).map_err(written)?;
    }
    if let Some(path) = &arguments.markdown {
        write_whole(path, markdown(&report).as_bytes()).map_err(written)?;
    }
    if context.json {
        print(&as_json(&report)?)?;
    } else {
        lines(&report).iter().for_each(|line| context.terminal.note(line));
    }
    let failing: Vec<&str> = report
        .cases
        .iter()
        .filter(|case| case.verdict.fails(arguments.strict))
        .map(|case| case.name.as_str())
        .collect();
    match report.verdict {
        verdict if verdict.fails(arguments.strict) => {
            let status = if verdict == Verdict::Regress { 1 } else { INCONCLUSIVE };
            Err(Exit { status, message: format!("gate: {verdict} in {}", failing.join(", ")) })
        }
        Verdict::Inconclusive => {
            context.terminal.warn("gate: inconclusive; more --rounds or a quieter machine may tell");
            Ok(())
        }
        _ => Ok(()),
    }
}

/// What to measure: the user's suite, else the baseline's, else every engine that makes a workload.
fn suite(
    context: &Context,
    gate: &Gate<'_>,
    baseline: Option<(&Path, &Baseline)>,
    notes: &mut Vec<String>,
) -> Result<Suite, Exit> {
    let arguments = gate.arguments;
    let mut suite = match (&arguments.suite, baseline) {
        (Some(path), _) => Suite::read(path)?,
        (None, Some((path, baseline))) => baseline.suite(path),
        (None, None) => {
            let catalogue = gate.against.as_ref().unwrap_or(&context.catalogue);
            let mut names = Vec::new();
            for entry in catalogue.entries().into_iter().filter(|entry| !entry.is_hidden()) {
                match entry.plugin.map(|plugin| plugin.descriptor) {
                    Ok(Descriptor { name, simulate: Some(_), .. }) => names.push(name),
                    Ok(Descriptor { name, .. }) => {
                        notes.push(format!("engine `{name}` makes no workloads: name inputs for it in a --suite"));
                    }
                    Err(reason) => notes.push(format!("{} is not measured: {reason}", entry.path.display())),
                }
            }
            Suite::of_engines(names.iter().map(String::as_str))
        }
    };
    if suite.cases.is_empty() {
        return Err(Exit::input(
            "there is nothing to measure: no engine makes workloads; name cases with --suite FILE",
        ));
    }
    for case in &mut suite.cases {
        let (cpu, wall, scaling) = (arguments.margin, arguments.wall_margin, arguments.scaling_margin);
        case.margins = case.margins.with(cpu, wall, scaling).map_err(|fault| Exit::input(format!("--{fault}")))?;
        if !arguments.measuring.threads.is_empty() {
            case.threads = arguments.measuring.budgets(usable_cores());
        }
    }
    Ok(suite)
}

/// Told before the work, not after it.
fn can_be_written(path: &Path) -> Result<(), Exit> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let refused = |why: String| Exit::input(format!("{}: {why}", path.display()));
    if path.is_dir() {
        return Err(refused("is a folder; name a file".into()));
    }
    tempfile::tempfile_in(folder).map(drop).map_err(|error| refused(format!("can't be written: {error}")))
}

/// Of a document that is written: the machine's fault.
fn written(error: DocumentError) -> Exit {
    Exit::failed(error.to_string())
}

/// Shows how a case goes.
struct Watch<'a> {
    terminal: &'a mut Terminal,
    case: &'a str,
}

impl Observer for Watch<'_> {
    fn round(&mut self, round: usize, rounds: usize) {
        self.terminal.bar(self.case, round as u64, rounds as u64);
    }

    fn measured(&mut self, side: Side, plan: &Plan, measurement: &Measurement) {
        let side = match side {
            Side::Baseline => "baseline",
            Side::Candidate => "candidate",
        };
        let Measurement { wall_s, cpu_s, .. } = measurement;
        self.terminal.detail(&format!("{wall_s:9.4} s {cpu_s:9.4} s CPU  {side:<9} {plan}"));
    }
}
