//! `scaletune gate`: is a new plugin's answer the old one's, and is it as fast?

mod arguments;
mod bench;
mod bout;
mod counting;
mod forecast;
mod ground;
mod ledger;
mod record;
mod selftest;
mod sides;
mod start;

use super::exit::Exit;
use super::terminal::Terminal;
use super::{Context, SEED, as_json, print};
use crate::document::{DocumentError, write_whole};
use crate::gate::{
    Answer, Baseline, Case, CaseReport, Looks, Observer, Report, Side, Suite, Verdict, Work, junit, lines, markdown,
};
use crate::measure::{InstructionCounter, Machine, Monotonic, ThreadBudget};
use crate::plugin::{Catalogue, SearchPath};
use crate::trial::Measurement;
use arguments::Counting;
pub(super) use arguments::GateArguments;
use ground::{Early, Ground};
use ledger::Ledger;
use scaletune_descriptor::{Descriptor, Plan};
use start::Start;
use std::cell::OnceCell;
use std::path::{Path, PathBuf};

/// Exit status of an inconclusive verdict under `--strict`: neither a pass nor a regress.
const INCONCLUSIVE: u8 = 4;

/// Most rounds of a case unless told otherwise.
const ROUNDS: u16 = 64;

/// What every case of one gate shares.
struct Gate<'a> {
    arguments: &'a GateArguments,
    /// The older plugins.
    against: Option<Catalogue>,
    /// Most rounds of a case.
    rounds: usize,
    /// When a case is looked at that does not go on from earlier jobs.
    looks: Looks,
    machine: Machine,
    /// Threads where neither suite nor user says.
    budget: ThreadBudget,
    clock: Monotonic,
    /// Who counts instructions, once it is asked for: to find out takes a moment.
    counter: OnceCell<Option<InstructionCounter>>,
}

impl Gate<'_> {
    fn counter(&self) -> Option<InstructionCounter> {
        *self.counter.get_or_init(InstructionCounter::find)
    }
}

pub(super) fn run(context: &mut Context, arguments: &GateArguments) -> Result<(), Exit> {
    let clock = Monotonic::start();
    if arguments.baseline.is_none() && arguments.against.is_none() && !arguments.selftest {
        return Err(Exit::input(
            "gate: there is nothing to hold these plugins against; name a folder of older plugins (--against DIR) or a \
             recorded baseline (--baseline FILE.json), for example: scaletune gate --against old-plugins",
        ));
    }
    [&arguments.junit, &arguments.markdown].into_iter().flatten().try_for_each(|path| can_be_written(path))?;
    if let Some(path) = arguments.baseline.as_ref().filter(|_| arguments.write) {
        can_be_written(path)?;
    }
    let against = arguments.against.as_ref().map(|folder| older(context, folder)).transpose()?;
    let ledger = arguments.history.as_deref().map(Ledger::open).transpose()?;
    let rounds = usize::from(arguments.rounds.unwrap_or(ROUNDS));
    let looks = if ledger.is_some() { Looks::carrying(0, rounds) } else { Looks::up_to(rounds) };
    let (machine, budget, counter) = (Machine::this(), context.budget()?, OnceCell::new());
    let gate = Gate { arguments, against, rounds, looks, machine, budget, clock, counter };
    if arguments.selftest {
        return selftest::run(context, &gate);
    }
    match &arguments.baseline {
        Some(path) if arguments.write => record::run(context, &gate, path),
        Some(path) => {
            let baseline = Baseline::load(path)?;
            judge(context, &gate, Some((path.as_path(), &baseline)), ledger)
        }
        None => judge(context, &gate, None, ledger),
    }
}

/// The older plugins, in `folder`.
fn older(context: &Context, folder: &PathBuf) -> Result<Catalogue, Exit> {
    if !folder.is_dir() {
        return Err(Exit::input(format!(
            "--against {}: is not a folder; name the one with the older plugins",
            folder.display()
        )));
    }
    let search = SearchPath::new(std::slice::from_ref(folder), None, None);
    if search.files().is_empty() {
        return Err(Exit::input(format!(
            "--against {}: holds no plugin (a file libscaletune_NAME.so); name the folder with the older plugins",
            folder.display()
        )));
    }
    Ok(Catalogue::new(search, context.catalogue.trust().clone(), context.worker.clone()))
}

/// First every case's answer, so that a wrong one shows before minutes of rounds and the length of these can be said; then
/// the speed.
fn judge(
    context: &mut Context,
    gate: &Gate<'_>,
    baseline: Option<(&Path, &Baseline)>,
    mut ledger: Option<Ledger>,
) -> Result<(), Exit> {
    let mut notes = Vec::new();
    let arguments = gate.arguments;
    if arguments.instructions == Counting::Always && gate.counter().is_none() {
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
    let sides = sides::of_suite(context, gate, &suite, baseline.map(|(_, baseline)| baseline))?;
    let worker = context.worker.clone();
    let mut reports: Vec<CaseReport> = suite.cases.iter().map(blank).collect();
    let mut grounds = Vec::new();
    for (case, report) in suite.cases.iter().zip(&mut reports) {
        let ground = Ground::of(context, case, &sides[&case.engine], baseline, report);
        grounds.push(unless_early(ground, report)?);
    }
    let mut starts = Vec::new();
    for (ground, report) in grounds.iter().zip(&mut reports) {
        let start = match ground {
            Some(ground) => unless_early(Start::of(gate, &worker, ground, ledger.as_ref(), report), report)?,
            None => None,
        };
        starts.push(start);
    }
    let ready: Vec<&Start<'_>> = starts.iter().flatten().collect();
    if let Some(forecast) = forecast::words(gate, &ready) {
        context.terminal.note(&forecast);
    }
    let mut left = ready.len();
    for (index, ((start, ground), report)) in starts.into_iter().zip(&grounds).zip(&mut reports).enumerate() {
        let began = gate.clock_time();
        if let (Some(start), Some(ground)) = (start, ground) {
            let shared = bout::Shared { ledger: ledger.as_mut(), same_machine: differences.is_empty(), left };
            bout::run(context, gate, ground, start, shared, report)?;
            left -= 1;
        }
        report.conclude();
        if !context.terminal.has_bar() {
            let took = gate.clock_time().saturating_sub(began);
            context.terminal.note(&forecast::finished(index + 1, suite.cases.len(), report, took));
        }
    }
    context.terminal.finish();
    let report = Report::new(gate.machine.clone(), &gate.looks, reports, notes);
    // Before the verdict, which may be the end: but a verdict is told also where this fails.
    let kept = ledger.map_or(Ok(()), |ledger| ledger.save());
    if let Err(error) = &kept {
        context.terminal.warn(&error.to_string());
    }
    tell(context, arguments, &report)?;
    kept.map_err(written)
}

/// A case of which nothing is known yet.
fn blank(case: &Case) -> CaseReport {
    CaseReport {
        name: case.name.clone(),
        engine: case.engine.clone(),
        baseline_version: None,
        candidate_version: None,
        verdict: Verdict::Inconclusive,
        answer: Answer::NotCompared("nothing was measured".into()),
        points: Vec::new(),
        rounds: 0,
        earlier: None,
        margins: case.margins,
        notes: Vec::new(),
    }
}

/// What was found, or nothing where the case has ended; then `report` says how.
fn unless_early<T>(found: Result<T, Early>, report: &mut CaseReport) -> Result<Option<T>, Exit> {
    match found {
        Ok(found) => Ok(Some(found)),
        Err(Early::Answer(answer)) => {
            report.answer = answer;
            Ok(None)
        }
        Err(Early::Exit(exit)) => Err(exit),
    }
}

/// The verdict to whoever wants it, and the exit status.
fn tell(context: &mut Context, arguments: &GateArguments, report: &Report) -> Result<(), Exit> {
    if let Some(path) = &arguments.junit {
        let text = junit(report, arguments.strict).map_err(Exit::failed)?;
        write_whole(path, text.as_bytes()).map_err(written)?;
    }
    if let Some(path) = &arguments.markdown {
        write_whole(path, markdown(report).as_bytes()).map_err(written)?;
    }
    if context.json {
        print(&as_json(report)?)?;
    } else {
        lines(report).iter().for_each(|line| context.terminal.note(line));
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
            let open = report.cases.iter().filter(|case| case.verdict == Verdict::Inconclusive);
            let by_time = open.clone().any(|case| matches!(case.answer, Answer::Same(_)));
            let remedy = match (by_time, &arguments.history, &arguments.against) {
                (false, ..) => "not everything was compared",
                (true, Some(_), _) => "the next job with the same --history goes on",
                (true, None, Some(_)) => {
                    "more --rounds or a quieter machine may tell, and --history FILE lets the next job go on"
                }
                (true, None, None) => "more --rounds or a quieter machine may tell",
            };
            let open: Vec<&str> = open.map(|case| case.name.as_str()).collect();
            context.terminal.warn(&format!("gate: inconclusive in {}; {remedy}", open.join(", ")));
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
        let why: String = notes.iter().map(|note| format!("; {note}")).collect();
        return Err(Exit::input(format!(
            "there is nothing to measure: no engine makes workloads; name cases with --suite FILE{why}"
        )));
    }
    let nobody_says = arguments.measuring.threads.is_empty() && suite.cases.iter().any(|case| case.threads.is_empty());
    if let Some(reason) = gate.budget.reason().filter(|_| nobody_says) {
        notes.push(format!("threads: {reason}"));
    }
    for case in &mut suite.cases {
        let (cpu, wall, scaling) = (arguments.margin, arguments.wall_margin, arguments.scaling_margin);
        case.margins = case.margins.with(cpu, wall, scaling).map_err(|fault| Exit::input(format!("--{fault}")))?;
        if !arguments.measuring.threads.is_empty() {
            case.threads = arguments.measuring.budgets(gate.budget.threads);
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
