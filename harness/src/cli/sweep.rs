//! `scaletune sweep`: how an engine scales, as a document and a report.

use super::arguments::BenchArguments;
use super::exit::Exit;
use super::terminal::Terminal;
use super::trials::Trials;
use super::workload::Workload;
use super::{Context, SEED, as_json, overhead, print, simulate};
use crate::document::DocumentError;
use crate::measure::{Machine, Monotonic, file_system};
use crate::plugin::Plugin;
use crate::report;
use crate::sweep::{Axes, Cold, InputFile, NamedPlans, Observer, Origin, Request, Sweep, SweepError, sweep};
use crate::trial::{Executor, Measurement};
use crate::tune::measure_reference;
use clap::{ArgMatches, Args};
use scaletune_descriptor::{Descriptor, Plan};
use std::path::{Path, PathBuf};

/// The document in the folder.
const DOCUMENT: &str = "sweep.json";

/// `scaletune sweep`
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    scaletune sweep count --demo --threads 1,2 --max-time 20s --out demo\n  \
    scaletune sweep count --bam S.bam --variants V.vcf.gz --threads 1,2,4 --out mine   (your files)")]
pub(super) struct SweepArguments {
    /// Of what, how long, and for which budgets.
    #[command(flatten)]
    pub(super) bench: BenchArguments,
    /// Axes whose values are all measured, separated by commas, or all [default: the strategies]
    #[arg(long, value_name = "AXIS,...|all", value_delimiter = ',')]
    pub(super) axes: Vec<String>,
    /// Also measure the plans named in FILE
    #[arg(long, value_name = "FILE.toml")]
    pub(super) plans: Option<PathBuf>,
    /// Trials of each plan [default: until its interval is narrow]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(super) repeat: Option<u32>,
    /// Drop the inputs from the page cache before each trial
    #[arg(long)]
    pub(super) cold: bool,
    /// Write sweep.json and the report to this folder [default: reports/ENGINE within a checkout, else ./ENGINE-sweep]
    #[arg(long, value_name = "DIR")]
    pub(super) out: Option<PathBuf>,
    /// Go on with the sweep that is in the folder
    #[arg(long)]
    pub(super) resume: bool,
}

pub(super) fn run(
    context: &mut Context,
    plugin: &Plugin,
    arguments: &SweepArguments,
    matches: &ArgMatches,
) -> Result<(), Exit> {
    let clock = Monotonic::start();
    let descriptor = &plugin.descriptor;
    let folder = arguments.out.clone().unwrap_or_else(|| default_folder(&descriptor.name));
    let document = folder.join(DOCUMENT);
    let earlier = earlier(&document, arguments.resume)?;
    let machine = Machine::this();
    if let Some(earlier) = &earlier {
        let plugin_sha256 = plugin.file()?.sha256();
        let origin = Origin { descriptor, plugin_sha256, machine: &machine, cold: arguments.cold };
        origin.check(earlier).map_err(|error| Exit::input(error.to_string()))?;
    }
    if earlier.as_ref().is_some_and(|earlier| earlier.plugin_sha256.is_none()) {
        context.terminal.warn(&format!(
            "{}: does not name the build of the plugin that it measured, as an earlier version wrote it: whether that is \
             the one here can't be told",
            document.display()
        ));
    }
    let named = match &arguments.plans {
        Some(path) => NamedPlans::read(path, &descriptor.name).map_err(|error| Exit::input(error.to_string()))?,
        None => NamedPlans::default(),
    };
    let demo = || simulate::demo(context, plugin);
    let workload = Workload::new(descriptor, matches, &arguments.bench.workload, demo, &[])?;
    std::fs::create_dir_all(&folder).map_err(|error| Exit::input(format!("{}: {error}", folder.display())))?;
    let threads = arguments.bench.measuring.budgets(context.budget()?.threads);

    let worker = context.worker.clone();
    let mut trials = Trials::new(&worker, plugin, &workload, arguments.bench.measuring.time_limit)?;
    if arguments.cold {
        trials = trials.once();
    }
    let reference =
        measure_reference(descriptor, &mut trials).map_err(|error| Exit::of_tuning(&descriptor.name, &error))?;
    let input_class = trials.input_class().clone();
    let (inputs, files) = (workload.stated(descriptor), input_files(&workload, descriptor)?);
    let request = Request {
        descriptor,
        plugin_sha256: plugin.file()?.sha256(),
        reference,
        inputs: &inputs,
        files: &files,
        input_class: &input_class,
        threads: &threads,
        axes: match arguments.axes.as_slice() {
            [] => Axes::Strategies,
            [all] if all == "all" => Axes::All,
            names => Axes::Named(names.to_vec()),
        },
        named: &named,
        repeat: arguments.repeat.map(|repeat| repeat as usize),
        max_time: arguments.bench.measuring.max_time,
        cold: arguments.cold,
        worker_start_s: Some(overhead::measure(&worker, plugin)?),
        machine,
        seed: SEED,
    };
    let paths = workload.files(descriptor).into_iter().map(|(_, path)| path).collect();
    let mut executor: Box<dyn Executor> =
        if arguments.cold { Box::new(Cold::new(trials, paths)) } else { Box::new(trials) };
    let mut watch = Watch { terminal: &mut context.terminal, document: &document };
    let outcome = sweep(&request, earlier, executor.as_mut(), &clock, &mut watch);
    context.terminal.finish();
    let result = outcome.map_err(|error| match error {
        SweepError::Cancelled => Exit {
            status: 130,
            message: format!("interrupted; {} holds what was measured, --resume goes on with it", document.display()),
        },
        SweepError::Checkpoint(error) => Exit::failed(error.to_string()),
        error => Exit::input(error.to_string()),
    })?;
    result.save(&document).map_err(|error| Exit::failed(error.to_string()))?;
    finish(context, &result, &folder)
}

/// The files among the inputs, by name and size: what tells one workload from another, wherever it lies.
fn input_files(workload: &Workload, descriptor: &Descriptor) -> Result<Vec<InputFile>, Exit> {
    let file = |(input, path): (String, PathBuf)| {
        let bytes =
            std::fs::metadata(&path).map_err(|error| Exit::input(format!("{}: {error}", path.display())))?.len();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Ok(InputFile { input, file: name, bytes, file_system: file_system(&path) })
    };
    workload.files(descriptor).into_iter().map(file).collect()
}

/// Writes the report, and says in a few lines what it says.
fn finish(context: &Context, sweep: &Sweep, folder: &Path) -> Result<(), Exit> {
    let written = report::write(sweep, folder, false).map_err(|error| Exit::failed(error.to_string()))?;
    if context.json {
        return print(&as_json(sweep)?);
    }
    context.terminal.note(&report::trust(sweep));
    report::verdict(sweep).iter().for_each(|line| context.terminal.note(line));
    if let Some(first) = written.first() {
        context.terminal.note(&format!("report: {}", first.display()));
    }
    Ok(())
}

/// The sweep to go on with. Without `--resume` a document that is there is in the way: hours may stand in it.
fn earlier(document: &Path, resume: bool) -> Result<Option<Sweep>, Exit> {
    match (document.exists(), resume) {
        (true, true) => Ok(Some(Sweep::load(document)?)),
        (true, false) => Err(Exit::input(format!(
            "{}: is there already; --resume goes on with it, --out DIR begins another",
            document.display()
        ))),
        (false, _) => Ok(None),
    }
}

/// `reports/ENGINE` of the checkout that the program stands in, where the current folder lies in it, else a folder here.
fn default_folder(engine: &str) -> PathBuf {
    let executable = std::env::current_exe().and_then(|path| path.canonicalize()).unwrap_or_default();
    let here = std::env::current_dir().and_then(|folder| folder.canonicalize()).unwrap_or_default();
    let checkout = executable
        .ancestors()
        .skip(1)
        .find(|root| root.join("Cargo.toml").is_file() && root.join("reports").is_dir() && here.starts_with(root));
    checkout.map_or_else(|| PathBuf::from(format!("{engine}-sweep")), |root| root.join("reports").join(engine))
}

/// Shows how a sweep goes, and keeps what it has measured.
struct Watch<'a> {
    terminal: &'a mut Terminal,
    document: &'a Path,
}

impl Observer for Watch<'_> {
    fn trial(&mut self, _plan: &Plan, done: usize, expected: usize, left_s: f64) {
        self.terminal.bar(&format!("{left_s:.0} s left"), done as u64, expected as u64);
    }

    fn measured(&mut self, plan: &Plan, measurement: &Measurement) {
        self.terminal.measured(plan, measurement);
    }

    fn failed(&mut self, plan: &Plan, why: &str) {
        self.terminal.bad_plan(plan, why);
    }

    fn checkpoint(&mut self, sweep: &Sweep) -> Result<(), DocumentError> {
        sweep.save(self.document)
    }
}
