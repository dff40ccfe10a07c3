//! `scaletune tune`: the fastest plan for each thread budget, proved to give the reference's answer, saved as a profile.
//!
//! What has been measured is kept in a journal until the tune is done: one that was stopped goes on.

mod examine;
mod journal;
mod place;
mod words;

use super::arguments::{BenchArguments, size};
use super::choice::fixed;
use super::exit::Exit;
use super::terminal::Terminal;
use super::trials::Trials;
use super::workload::Workload;
use super::{Context, SEED, overhead, print, simulate};
use crate::measure::{Clock, Machine, Monotonic};
use crate::plugin::Plugin;
use crate::profile::{Compared, Evidence, Point, Profile, Ratio, RunnerUp};
use crate::stats::Estimate;
use crate::trial::Measurement;
use crate::tune::{
    BudgetOutcome, Effort, Observer, Out, Outcome, Phase, Request, TuneError, least_time_s, measure_reference, tune,
};
use clap::{ArgMatches, Args};
use examine::{Bench, Examination, Verify};
use place::{Place, settle};
use scaletune_descriptor::{Descriptor, Plan};
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
    /// Start over instead of resuming an interrupted tune
    #[arg(long)]
    pub(super) fresh: bool,
    /// Save the profile to FILE instead of where `run` looks; needed with --demo
    #[arg(long, value_name = "FILE")]
    pub(super) save: Option<PathBuf>,
    /// Compare what wins with the reference on other workloads, numbers of threads and golden cases
    #[arg(long, value_enum, default_value_t = Verify::Quick)]
    pub(super) verify: Verify,
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
    let opt_in = descriptor.is_opt_in(&set);
    let place = Place::new(context, arguments.save.as_deref(), arguments.bench.workload.demo, opt_in)?;
    place.announce(context);

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
    let begun_s = clock.now_s();
    let reference = measure_reference(descriptor, &mut trials).map_err(|error| ended(&error, trials.kept()))?;
    let trial_s = clock.now_s() - begun_s;
    let input_class = trials.executor().input_class().clone();
    let answer = trials.executor().reference().map(PathBuf::from).unwrap_or_default();
    let max_time = arguments.bench.measuring.max_time;
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
        trial_s,
        max_time: max_time.map(|limit| limit.mul_f64(arguments.verify.measuring_share())),
        max_memory: arguments.max_memory,
        seed: SEED,
    };
    let least_s = least_time_s(&request, clock.now_s()).map_err(|error| Exit::of_tuning(&descriptor.name, &error))?;
    if let Some(limit) = request.max_time.filter(|limit| limit.as_secs_f64() < least_s) {
        let would_do = (least_s / arguments.verify.measuring_share()).ceil();
        let given = limit.as_secs_f64() / arguments.verify.measuring_share();
        context.terminal.warn(&format!(
            "--max-time {given:.0}s is too short for five rounds (a trial takes about {trial_s:.2} s), and nothing is \
             decided on fewer: {would_do:.0}s would do"
        ));
    }
    let bench = Bench {
        worker: &worker,
        plugin,
        workload: &workload,
        reference: answer,
        input_class: &input_class,
        seed: SEED,
        threads: &threads,
        verify: arguments.verify,
        clock: &clock,
        max_time,
        time_limit: arguments.bench.measuring.time_limit,
        max_memory: arguments.max_memory,
        trial_s,
    };
    let mut examination = Examination::new(bench);
    let mut watch = Watch { terminal: &mut context.terminal, phase: String::new() };
    let outcome = tune(&request, &mut trials, &mut examination, &clock, &mut watch)
        .map_err(|error| ended(&error, trials.kept()))?;
    context.terminal.finish();

    let mut profile = Profile::new(&descriptor.name, &descriptor.version, Machine::this(), input_class.clone());
    profile.worker_s = Some(overhead_s);
    profile.plugin_sha256 = Some(plugin.file()?.sha256().into());
    profile.file_systems = workload.file_systems(descriptor);
    for budget in &outcome.budgets {
        let strategy = descriptor.strategy(&outcome.plans[budget.winner].plan);
        profile.set(point(
            &outcome,
            budget,
            compared(&outcome, descriptor, &strategy, examination.compared(&strategy)),
        ));
    }
    // What was found is told whatever comes of saving it.
    let saved = save(profile.clone(), &place, &outcome, descriptor);
    outcome.wrong.iter().for_each(|wrong| context.terminal.warn(&words::wrong(wrong)));
    if let Some(warning) = overhead::warning(&outcome, overhead_s) {
        context.terminal.warn(&warning);
    }
    for (budget, doubt) in outcome.budgets.iter().filter_map(|budget| Some((budget, budget.doubt?))) {
        let threads = words::threads(budget.threads);
        context.terminal.warn(&format!("{threads}: provisional, the default is kept: {doubt}"));
    }
    let answered = trials.answered();
    let cleared = if outcome.out_of_time { Ok(()) } else { trials.remove() };
    if context.json {
        let json = json!({
            "outcome": outcome,
            "points": profile.points,
            "profile": saved.as_ref().ok().and_then(|saved| saved.path.clone()),
            "not_compared_for_want_of_time": examination.left_out(),
            "trials_from_before": answered,
            "worker_s": overhead_s,
        });
        print(&json.to_string())?;
    } else {
        outcome.budgets.iter().for_each(|budget| words::show(&context.terminal, &outcome, budget));
        for point in &profile.points {
            words::compared(&context.terminal, point);
        }
        examination.notes().iter().for_each(|note| context.terminal.detail(note));
        if examination.left_out() > 0 {
            let left_out = examination.left_out();
            let plural = if left_out == 1 { "" } else { "s" };
            context.terminal.note(&format!("{left_out} more comparison{plural} had no time; --verify full makes them"));
        }
        let before = if answered > 0 { format!(", {answered} of them from before") } else { String::new() };
        let spent = format!(
            "{} trials{before} in {:.0} s; start-up overhead: {:.1} ms per worker",
            outcome.trials,
            clock.now_s(),
            1e3 * overhead_s
        );
        let early = if outcome.out_of_time { "; the time was up: the same command goes on from here" } else { "" };
        context.terminal.note(&format!("{spent}{early}"));
        words::beside(&outcome).into_iter().for_each(|words| context.terminal.note(&words));
    }
    let saved = saved?;
    saved.words.iter().for_each(|words| context.terminal.note(words));
    match (&saved.path, &place) {
        (Some(path), _) => context.terminal.note(&format!("profile: {}", path.display())),
        (None, Place::Nowhere(reason)) => context.terminal.note(&format!("no profile was saved: {reason}")),
        (None, _) => {}
    }
    cleared.map_err(Exit::from)
}

fn ratio(Estimate { median, interval, samples }: Estimate) -> Ratio {
    let (low, high) = interval.map_or((median, median), |interval| (interval.low, interval.high));
    Ratio { median, low, high, rounds: samples }
}

/// Where a profile was saved, and what became of the one that lay there.
struct Saved {
    path: Option<PathBuf>,
    words: Vec<String>,
}

/// Saves the profile; one that is there for the same machine and inputs keeps its other budgets and better evidence.
fn save(profile: Profile, place: &Place, outcome: &Outcome, descriptor: &Descriptor) -> Result<Saved, Exit> {
    let Some(path) = place.path(&profile) else { return Ok(Saved { path: None, words: Vec::new() }) };
    let (profile, words) = settle(profile, &path, &outcome.wrong, descriptor);
    profile.save(&path).map_err(|error| Exit::failed(error.to_string()))?;
    Ok(Saved { path: Some(path), words })
}

/// On what a strategy gave the reference's answer: the trials of the tune, and what the examination has seen.
fn compared(outcome: &Outcome, descriptor: &Descriptor, strategy: &Plan, mut examined: Vec<Compared>) -> Vec<Compared> {
    let own = "these inputs";
    let measured = outcome.plans.iter().filter(|plan| !plan.times_s.is_empty() && plan.out.is_none());
    let mut threads: Vec<i64> =
        measured.filter(|plan| descriptor.strategy(&plan.plan) == *strategy).map(|plan| plan.threads_used).collect();
    threads.extend(examined.iter().filter(|it| it.on == own).flat_map(|it| it.threads.clone()));
    threads.sort_unstable();
    threads.dedup();
    examined.retain(|it| it.on != own);
    examined.insert(0, Compared { on: own.into(), threads });
    examined
}

/// What speaks for the winner of a budget.
fn point(outcome: &Outcome, budget: &BudgetOutcome, compared: Vec<Compared>) -> Point {
    let plan = |index: usize| &outcome.plans[index];
    let median = |index: usize| plan(index).estimate.map(|estimate| estimate.median);
    let winner = plan(budget.winner);
    let Estimate { median: median_s, interval, samples } =
        winner.estimate.unwrap_or(Estimate { median: f64::NAN, interval: None, samples: 0 });
    Point {
        threads: budget.threads,
        threads_used: winner.threads_used,
        plan: winner.plan.clone(),
        provisional: budget.doubt.is_some(),
        why_provisional: budget.doubt.map(|doubt| doubt.to_string()),
        compared,
        evidence: Evidence {
            median_s,
            ci_low_s: interval.map_or(median_s, |interval| interval.low),
            ci_high_s: interval.map_or(median_s, |interval| interval.high),
            samples,
            default_median_s: median(budget.default),
            default_ratio: budget.default_ratio.filter(|_| budget.winner != budget.default).map(ratio),
            default_out: budget.default_out.as_ref().map(ToString::to_string),
            one_thread_median_s: median(outcome.one_thread),
            efficiency: budget.scaling.map(|scaling| scaling.efficiency),
            runner_up: budget
                .runner_up
                .and_then(|index| median(index).map(|median_s| RunnerUp { plan: plan(index).plan.clone(), median_s })),
            plans_compared: budget.table.len(),
        },
    }
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
            Phase::Confirm { round, rounds } => format!("confirm {round}/{rounds}"),
            Phase::Examine => "compare".into(),
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
            Out::Unsupported(_) | Out::WrongStrategy { .. } => {}
        }
    }
}
