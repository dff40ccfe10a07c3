//! `scaletune tune`: the fastest plan for each thread budget, proved to give the reference's answer, saved as a profile.
//!
//! What has been measured is kept in a journal until the tune is done: one that was stopped goes on.

mod journal;
mod words;

use super::arguments::{BenchArguments, size};
use super::choice::fixed;
use super::exit::Exit;
use super::terminal::Terminal;
use super::trials::Trials;
use super::workload::Workload;
use super::{Context, SEED, overhead, print, simulate};
use crate::measure::{Machine, Monotonic};
use crate::plugin::Plugin;
use crate::profile::{Evidence, Point, Profile, RunnerUp, Store};
use crate::stats::Estimate;
use crate::trial::Measurement;
use crate::tune::{BudgetOutcome, Effort, Observer, Out, Outcome, Phase, Request, TuneError, measure_reference, tune};
use clap::{ArgMatches, Args};
use scaletune_descriptor::Plan;
use serde_json::json;
use std::path::PathBuf;

/// `scaletune tune`
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    scaletune tune count --demo\n  \
    scaletune tune count --bam S.bam --variants V.vcf.gz --effort quick   (your files)")]
pub(super) struct TuneArguments {
    /// Of what, how long, and for which budgets.
    #[command(flatten)]
    pub(super) bench: BenchArguments,
    /// Fix an axis; may be given more than once
    #[arg(long, value_name = "AXIS=VALUE")]
    pub(super) set: Vec<String>,
    /// How hard to try
    #[arg(long, value_enum, default_value_t = EffortWord::Normal)]
    pub(super) effort: EffortWord,
    /// Leave out plans that take more memory than this, such as 500M, 4G; their trials are ended
    #[arg(long, value_name = "SIZE", value_parser = size)]
    pub(super) max_memory: Option<u64>,
    /// Begin anew, though a tune like this was stopped
    #[arg(long)]
    pub(super) fresh: bool,
    /// Save the profile to FILE instead of where `run` looks
    #[arg(long, value_name = "FILE")]
    pub(super) save: Option<PathBuf>,
}

/// How hard to try.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum EffortWord {
    /// A few rounds
    Quick,
    /// Enough rounds to tell a few percent apart
    Normal,
    /// Many rounds
    Thorough,
}

pub(super) fn run(
    context: &mut Context,
    plugin: &Plugin,
    arguments: &TuneArguments,
    matches: &ArgMatches,
) -> Result<(), Exit> {
    let clock = Monotonic::start();
    let descriptor = &plugin.descriptor;
    let set = fixed(descriptor, &arguments.set, None)?;
    let demo = || simulate::demo(context, plugin);
    let workload = Workload::new(descriptor, matches, &arguments.bench.workload, demo, &[])?;
    let budget = context.budget()?;
    let usable = budget.usable_cores;
    let threads = arguments.bench.measuring.budgets(budget.threads);
    if let Some(most) = threads.iter().max().filter(|most| **most > usable as i64) {
        context.terminal.warn(&format!("{most} threads are more than the {usable} usable cores"));
    }
    // Where a profile can't be saved the user should know before the work, not after it.
    let folder = match &arguments.save {
        Some(_) => None,
        None => Some(Store::of_this_process().folder_for_saving().map(PathBuf::from).ok_or_else(|| {
            Exit::input("there is no folder to save the profile in (HOME is not set); give --save FILE")
        })?),
    };

    let worker = context.worker.clone();
    let trials = Trials::new(&worker, plugin, &workload, arguments.bench.measuring.time_limit)?;
    let trials = trials.within(arguments.max_memory);
    let asked = json!({
        "threads": threads, "set": set, "effort": format!("{:?}", arguments.effort),
        "max_memory": arguments.max_memory, "seed": SEED,
    });
    let asked = asked.as_object().cloned().unwrap_or_default();
    let mut trials = journal::open(context, plugin, &workload, asked, arguments.fresh, trials)?;
    let ended = |error: &TuneError, kept: usize| match (error, kept) {
        (TuneError::Cancelled, 1..) => Exit {
            status: 130,
            message: format!("interrupted; {kept} trials are kept: the same command goes on with them"),
        },
        _ => Exit::of_tuning(&descriptor.name, error),
    };
    let overhead_s = overhead::measure(&worker, plugin)?;
    let reference = measure_reference(descriptor, &mut trials).map_err(|error| ended(&error, trials.kept()))?;
    let input_class = trials.executor().input_class().clone();
    let request = Request {
        descriptor,
        reference,
        input_class: &input_class,
        fixed: &set,
        threads: &threads,
        usable_cores: usable,
        effort: match arguments.effort {
            EffortWord::Quick => Effort::Quick,
            EffortWord::Normal => Effort::Normal,
            EffortWord::Thorough => Effort::Thorough,
        },
        max_time: arguments.bench.measuring.max_time,
        max_memory: arguments.max_memory,
        seed: SEED,
    };
    let mut watch = Watch { terminal: &mut context.terminal, phase: String::new() };
    let outcome = tune(&request, &mut trials, &clock, &mut watch).map_err(|error| ended(&error, trials.kept()))?;
    context.terminal.finish();

    let mut profile = Profile::new(&descriptor.name, &descriptor.version, Machine::this(), input_class.clone());
    profile.worker_s = Some(overhead_s);
    let opt_in = descriptor.is_opt_in(&set);
    for budget in &outcome.budgets {
        profile.set(point(&outcome, budget));
    }
    // An opt-in value is another algorithm: never taken unless it is named, so never saved either.
    let saved = if opt_in { None } else { Some(save(&profile, arguments.save.clone(), folder, context)?) };
    if let Some(warning) = overhead::warning(&outcome, overhead_s) {
        context.terminal.warn(&warning);
    }
    let answered = trials.answered();
    if !outcome.out_of_time {
        trials.remove()?;
    }
    if context.json {
        let json =
            json!({"outcome": outcome, "profile": saved, "trials_from_before": answered, "worker_s": overhead_s});
        return print(&json.to_string());
    }
    outcome.budgets.iter().for_each(|budget| words::show(&context.terminal, &outcome, budget));
    let before = if answered > 0 { format!(", {answered} of them from before") } else { String::new() };
    let spent = format!(
        "{} trials{before} in {:.0} s; a worker takes {:.1} ms beside its work",
        outcome.trials,
        outcome.elapsed_s,
        1e3 * overhead_s
    );
    let early = if outcome.out_of_time { "; the time was up: the same command goes on from here" } else { "" };
    context.terminal.note(&format!("{spent}{early}"));
    match saved {
        Some(path) => context.terminal.note(&format!("profile: {}", path.display())),
        None => context.terminal.note("no profile was saved: an opt-in value is only taken where it is named"),
    }
    Ok(())
}

/// What speaks for the winner of a budget.
fn point(outcome: &Outcome, budget: &BudgetOutcome) -> Point {
    let plan = |index: usize| &outcome.plans[index];
    let median = |index: usize| plan(index).estimate.map(|estimate| estimate.median);
    let winner = plan(budget.winner);
    let Estimate { median: median_s, interval, samples } =
        winner.estimate.unwrap_or(Estimate { median: f64::NAN, interval: None, samples: 0 });
    Point {
        threads: budget.threads,
        threads_used: winner.threads_used,
        plan: winner.plan.clone(),
        evidence: Evidence {
            median_s,
            ci_low_s: interval.map_or(median_s, |interval| interval.low),
            ci_high_s: interval.map_or(median_s, |interval| interval.high),
            samples,
            default_median_s: median(budget.default),
            one_thread_median_s: median(outcome.one_thread),
            efficiency: budget.scaling.map(|scaling| scaling.efficiency),
            runner_up: budget
                .runner_up
                .and_then(|index| median(index).map(|median_s| RunnerUp { plan: plan(index).plan.clone(), median_s })),
            plans_compared: budget.table.len(),
        },
    }
}

/// Saves the profile; one that is there for the same machine and inputs keeps its other budgets.
fn save(
    profile: &Profile,
    wish: Option<PathBuf>,
    folder: Option<PathBuf>,
    context: &mut Context,
) -> Result<PathBuf, Exit> {
    let path = wish.unwrap_or_else(|| folder.unwrap_or_default().join(profile.file_name()));
    let mut profile = profile.clone();
    if path.exists() {
        match Profile::load(&path) {
            Ok(earlier) => profile.absorb(&earlier),
            Err(error) => context.terminal.warn(&format!("{error}; it is replaced")),
        }
    }
    profile.save(&path).map_err(|error| Exit::failed(error.to_string()))?;
    Ok(path)
}

/// Shows how a tune goes.
struct Watch<'a> {
    terminal: &'a mut Terminal,
    phase: String,
}

impl Observer for Watch<'_> {
    fn phase(&mut self, phase: Phase) {
        self.phase = match phase {
            Phase::Search { threads } => format!("search {threads}"),
            Phase::Race { round, rounds } => format!("race {round}/{rounds}"),
        };
    }

    fn trial(&mut self, _plan: &Plan, done: usize, expected: usize) {
        self.terminal.bar(&self.phase, done as u64, expected as u64);
    }

    fn measured(&mut self, plan: &Plan, measurement: &Measurement) {
        self.terminal.measured(plan, measurement);
    }

    fn out(&mut self, plan: &Plan, why: &Out) {
        match why {
            Out::Wrong(_) | Out::NotCompared | Out::Failed(_) => self.terminal.bad_plan(plan, why),
            // Asked for by the user: no cause for a warning.
            Out::Memory(_) => self.terminal.note(&format!("plan {plan} is left out: {why}")),
            Out::Unsupported(_) => {}
        }
    }
}
