//! Compares what is about to win with the reference plan: on the inputs with other numbers of threads, on simulated
//! workloads with other seeds and another size, and on the engine's golden cases.

mod made;
mod plans;

use crate::check::{self, Against, Case, Golden, Plans, RunError, Settings};
use crate::cli::check::own_cases;
use crate::cli::exit::Exit;
use crate::cli::trials::Trials;
use crate::cli::workload::Workload;
use crate::measure::Clock;
use crate::plugin::Plugin;
use crate::profile::Compared;
use crate::scratch::Scratch;
use crate::trial::{Equivalence, Executor, TrialError};
use crate::tune::{Candidate, Examiner, TuneError, Wrong};
use crate::worker::Worker;
use made::{Made, Recipe, make, recipes};
use plans::{every_thread, plans};
use scaletune_descriptor::Plan;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

/// How thoroughly what is about to win is compared with the reference plan on what the race has not seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(in crate::cli) enum Verify {
    /// Not at all
    None,
    /// For at most a quarter of the time
    Quick,
    /// On everything, however long it takes
    Full,
}

impl Verify {
    /// The part of the time that may be spent on measuring.
    pub(super) fn measuring_share(self) -> f64 {
        match self {
            Verify::None | Verify::Full => 1.0,
            Verify::Quick => 1.0 - QUICK_SHARE,
        }
    }
}

/// What a quick examination takes of the time at most.
const QUICK_SHARE: f64 = 0.25;
/// On simulated workloads a strategy is tried with these numbers of threads, too, where the user grants more than one: cores
/// are shared then, which costs time and changes no answer, and odd numbers cut work where even ones don't.
const ODD_THREADS: [i64; 3] = [3, 5, 7];
/// A run of a golden case may take this long.
const CASE_LIMIT: Duration = Duration::from_secs(300);

/// What candidates are compared on.
pub(super) struct Bench<'a> {
    pub(super) worker: &'a Worker,
    pub(super) plugin: &'a Plugin,
    pub(super) workload: &'a Workload,
    /// What the reference plan wrote for these inputs.
    pub(super) reference: PathBuf,
    pub(super) input_class: &'a Map<String, Value>,
    /// The seed of the workload that is tuned on, where it is simulated.
    pub(super) seed: u64,
    pub(super) threads: &'a [i64],
    pub(super) verify: Verify,
    pub(super) clock: &'a dyn Clock,
    pub(super) max_time: Option<Duration>,
    pub(super) time_limit: Option<Duration>,
    pub(super) max_memory: Option<u64>,
    /// Seconds that a trial of the reference plan took.
    pub(super) trial_s: f64,
}

/// The examiner, and what it has seen so far.
pub(super) struct Examination<'a> {
    bench: Bench<'a>,
    /// Workloads beside the inputs; none where one could not be made.
    made: BTreeMap<usize, Option<Made>>,
    cases: Option<(Vec<Case>, Option<Scratch>)>,
    spent_s: f64,
    /// On what each strategy gave the reference's answer.
    compared: BTreeMap<Plan, Vec<Compared>>,
    /// Comparisons for which there was no time.
    left_out: usize,
    /// What could not be compared on, and why.
    notes: Vec<String>,
}

/// What one comparison came to.
enum Seen {
    Same,
    Wrong(String),
    /// It can't be run on this, or takes too much memory: nothing can be said.
    Nothing,
}

impl<'a> Examination<'a> {
    pub(super) fn new(bench: Bench<'a>) -> Examination<'a> {
        let (made, compared) = (BTreeMap::new(), BTreeMap::new());
        Examination { bench, made, cases: None, spent_s: 0.0, compared, left_out: 0, notes: Vec::new() }
    }

    /// On what this strategy gave the reference's answer.
    pub(super) fn compared(&self, strategy: &Plan) -> Vec<Compared> {
        self.compared.get(strategy).cloned().unwrap_or_default()
    }

    /// Comparisons for which there was no time.
    pub(super) fn left_out(&self) -> usize {
        self.left_out
    }

    /// What could not be compared on, and why.
    pub(super) fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Whether something that takes so many seconds still fits into the time.
    fn has_time_for(&self, seconds: f64, since_s: f64) -> bool {
        let Bench { verify, clock, max_time, .. } = &self.bench;
        let now_s = clock.now_s();
        let spent_s = self.spent_s + now_s - since_s;
        match (verify, max_time) {
            (Verify::None, _) => false,
            (Verify::Full, _) => true,
            (Verify::Quick, Some(limit)) => now_s + seconds <= limit.as_secs_f64(),
            // A quarter of the whole is a third of what was spent on all else.
            (Verify::Quick, None) => spent_s + seconds <= (now_s - spent_s) * QUICK_SHARE / (1.0 - QUICK_SHARE),
        }
    }

    fn same(&mut self, plan: &Plan, on: &str) {
        let descriptor = &self.bench.plugin.descriptor;
        let threads = descriptor.threads_used(plan);
        let all = self.compared.entry(descriptor.strategy(plan)).or_default();
        let index = all.iter().position(|it| it.on == on).unwrap_or_else(|| {
            all.push(Compared { on: on.into(), threads: Vec::new() });
            all.len() - 1
        });
        let known = &mut all[index].threads;
        known.push(threads);
        known.sort_unstable();
        known.dedup();
    }

    /// Compares on these inputs with every number of threads.
    fn on_inputs(&mut self, candidates: &[Candidate], found: &mut Vec<Wrong>, since_s: f64) -> Result<(), TuneError> {
        let Bench { worker, plugin, workload, time_limit, max_memory, .. } = self.bench;
        let threads = every_thread(self.bench.threads);
        let mut trials = Trials::new(worker, plugin, workload, time_limit)
            .map_err(|error| TuneError::BadInput(format!("a temporary folder: {error}")))?
            .within(max_memory)
            .once()
            .answering_to(self.bench.reference.clone(), &plugin.descriptor.outputs);
        let class = self.bench.input_class;
        let plans = plans(&plugin.descriptor, candidates, &threads, class);
        self.compare(&mut trials, &plans, 0, ("these inputs", self.bench.trial_s), found, since_s)
    }

    /// Compares on a simulated workload.
    fn on_simulated(
        &mut self,
        number: usize,
        recipe: &Recipe,
        candidates: &[Candidate],
        found: &mut Vec<Wrong>,
        since_s: f64,
    ) -> Result<(), TuneError> {
        if !self.made.contains_key(&number) {
            if number > 0 && !self.has_time_for(0.0, since_s) {
                self.left_out += 1;
                return Ok(());
            }
            let made = match make(&self.bench, recipe) {
                Ok(made) => Some(made),
                Err(TrialError::Cancelled) => return Err(TuneError::Cancelled),
                Err(error) => {
                    self.notes.push(format!("{} could not be compared on: {error}", recipe.name));
                    None
                }
            };
            self.made.insert(number, made);
        }
        let Some(Some(made)) = self.made.remove(&number) else { return Ok(()) };
        let Bench { worker, plugin, time_limit, max_memory, .. } = self.bench;
        let mut threads = every_thread(self.bench.threads);
        if threads.iter().any(|threads| *threads > 1) {
            threads.extend(ODD_THREADS);
        }
        let result = Trials::new(worker, plugin, &made.workload, time_limit)
            .map_err(|error| TuneError::BadInput(format!("a temporary folder: {error}")))
            .and_then(|trials| {
                let trials = trials.within(max_memory).once();
                let mut trials = trials.answering_to(made.reference.clone(), &plugin.descriptor.outputs);
                let plans = plans(&plugin.descriptor, candidates, &threads, &made.class);
                // However short the time: nothing is saved that only one workload has seen.
                let least = if number == 0 { candidates.len() } else { 0 };
                self.compare(&mut trials, &plans, least, (&made.name, made.seconds), found, since_s)
            });
        self.made.insert(number, Some(made));
        result
    }

    /// Compares plans on one workload, of which a run takes so many seconds: the first `least` of them whatever the time, the
    /// others while there is some. A strategy that fell is not looked at again.
    fn compare(
        &mut self,
        trials: &mut Trials<'_>,
        plans: &[Plan],
        least: usize,
        (on, seconds): (&str, f64),
        found: &mut Vec<Wrong>,
        since_s: f64,
    ) -> Result<(), TuneError> {
        let descriptor = &self.bench.plugin.descriptor;
        for (place, plan) in plans.iter().enumerate() {
            let strategy = descriptor.strategy(plan);
            if found.iter().any(|wrong| wrong.strategy == strategy) {
                continue;
            }
            if place >= least && !self.has_time_for(seconds, since_s) {
                self.left_out += plans.len() - place;
                return Ok(());
            }
            // A failure may be the machine's: one that comes again is the engine's.
            let once = trials.measure(plan);
            let again = if matches!(once, Err(TrialError::Failed(_))) { trials.measure(plan) } else { once };
            let seen = match again {
                Ok(measurement) => match measurement.equivalence {
                    Equivalence::Same => Seen::Same,
                    Equivalence::Different(difference) => Seen::Wrong(difference),
                    Equivalence::NotCompared => Seen::Nothing,
                },
                Err(TrialError::Failed(why)) => Seen::Wrong(format!("failed: {why}")),
                Err(TrialError::UnsupportedPlan(_) | TrialError::Memory(_)) => Seen::Nothing,
                Err(TrialError::BadInput(why)) => return Err(TuneError::BadInput(why)),
                Err(TrialError::Cancelled) => return Err(TuneError::Cancelled),
            };
            self.take(seen, plan, on, found);
        }
        Ok(())
    }

    fn take(&mut self, seen: Seen, plan: &Plan, on: &str, found: &mut Vec<Wrong>) {
        match seen {
            Seen::Same => self.same(plan, on),
            Seen::Wrong(difference) => {
                let strategy = self.bench.plugin.descriptor.strategy(plan);
                found.push(Wrong { strategy, under: plan.clone(), on: on.into(), difference });
            }
            Seen::Nothing => {}
        }
    }

    /// Compares on the golden cases of the engine.
    fn on_cases(&mut self, candidates: &[Candidate], found: &mut Vec<Wrong>, since_s: f64) -> Result<(), TuneError> {
        let Bench { worker, plugin, .. } = self.bench;
        let engine = &plugin.descriptor.name;
        let (cases, keep) = match self.cases.take() {
            Some(known) => known,
            None => match own_cases() {
                Ok((mut cases, _, keep)) => {
                    cases.retain(|case| case.document.engine == *engine);
                    (cases, keep)
                }
                Err(Exit { message, .. }) => {
                    self.notes.push(format!("golden cases could not be compared on: {message}"));
                    (Vec::new(), None)
                }
            },
        };
        let mut threads = every_thread(self.bench.threads);
        threads.retain(|threads| *threads <= 2 || Some(threads) == self.bench.threads.iter().max());
        let mut result = Ok(());
        let mut seconds = 0.0;
        for (place, case) in cases.iter().enumerate() {
            if !self.has_time_for(seconds, since_s) {
                self.left_out += cases.len() - place;
                break;
            }
            let strategies: BTreeSet<Plan> = candidates.iter().map(|it| plugin.descriptor.strategy(&it.plan)).collect();
            let strategies: Vec<Plan> =
                strategies.into_iter().filter(|it| !found.iter().any(|wrong| wrong.strategy == *it)).collect();
            let begun_s = self.bench.clock.now_s();
            result = self.on_case(worker, case, &strategies, &threads, found);
            seconds = self.bench.clock.now_s() - begun_s;
            if result.is_err() {
                break;
            }
        }
        self.cases = Some((cases, keep));
        result
    }

    fn on_case(
        &mut self,
        worker: &Worker,
        case: &Case,
        strategies: &[Plan],
        threads: &[i64],
        found: &mut Vec<Wrong>,
    ) -> Result<(), TuneError> {
        let name = format!("golden case `{}`", case.name);
        let golden = match Golden::new(case, self.bench.plugin, false) {
            Ok(golden) => golden,
            Err(fault) => {
                self.notes.push(format!("{name} could not be compared on: {fault}"));
                return Ok(());
            }
        };
        let plans = Plans::Strategies { of: strategies, threads };
        let settings = Settings { plans, jobs: 1, time_limit: CASE_LIMIT, blessing: false };
        let reports = match check::run(&[golden], worker, &settings, &mut |_, _| {}) {
            Ok(reports) => reports,
            Err(RunError::Cancelled) => return Err(TuneError::Cancelled),
            Err(RunError::Defective(fault) | RunError::Machine(fault)) => {
                self.notes.push(format!("{name} could not be compared on: {fault}"));
                return Ok(());
            }
        };
        for report in reports.iter().flat_map(|report| &report.plans).enumerate() {
            let (place, report) = report;
            let seen = match &report.verdict {
                check::Verdict::Same => Seen::Same,
                // The reference plan against the expected file: then no answer of this engine can be trusted.
                check::Verdict::Different { against: Against::Golden, difference } if place == 0 => {
                    let (plan, difference) = (report.plan.clone(), difference.to_string());
                    return Err(TuneError::Golden { case: case.name.clone(), plan, difference });
                }
                check::Verdict::Different { difference, .. } => Seen::Wrong(difference.to_string()),
                check::Verdict::Failed { .. } if place == 0 => {
                    self.notes.push(format!("{name} could not be compared on: {}", report.verdict));
                    return Ok(());
                }
                check::Verdict::Failed { reason } => Seen::Wrong(format!("failed: {reason}")),
            };
            if place > 0 || strategies.contains(&self.bench.plugin.descriptor.strategy(&report.plan)) {
                self.take(seen, &report.plan, &name, found);
            }
        }
        Ok(())
    }
}

impl Examiner for Examination<'_> {
    fn examine(&mut self, candidates: &[Candidate]) -> Result<Vec<Wrong>, TuneError> {
        let since_s = self.bench.clock.now_s();
        let mut found = Vec::new();
        if self.bench.verify != Verify::None {
            let recipes = recipes(&self.bench);
            // What tells most in the least time comes first: workloads are small, inputs and cases need not be.
            let mut result = Ok(());
            for (number, recipe) in recipes.iter().enumerate() {
                result = result.and_then(|()| self.on_simulated(number, recipe, candidates, &mut found, since_s));
            }
            result?;
            self.on_inputs(candidates, &mut found, since_s)?;
            self.on_cases(candidates, &mut found, since_s)?;
        }
        self.spent_s += self.bench.clock.now_s() - since_s;
        Ok(found)
    }
}
