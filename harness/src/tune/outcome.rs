//! What a tune found, in full: every plan, every sample.

use super::budget::Budget;
use super::choice::{Choice, Doubt, choose};
use super::contender::Contender;
use super::field::Field;
use super::race::is_far_slower;
use super::{Candidate, Effort, TuneError, Wrong};
use crate::measure::Disturbance;
use crate::stats::{CONFIDENCE, Estimate, LEAST_SAMPLES, Scaling, paired_ratio};
use crate::trial::StageTime;
use scaletune_descriptor::Plan;
use serde::Serialize;
use std::fmt;

/// What a tune found.
#[derive(Clone, Debug, Serialize)]
pub struct Outcome {
    /// The seed of all its randomness.
    pub seed: u64,
    /// How hard it tried.
    pub effort: Effort,
    /// Trials made, the reference's included.
    pub trials: usize,
    /// Seconds by the clock.
    pub elapsed_s: f64,
    /// Whether the time was up before it was done.
    pub out_of_time: bool,
    /// What else the machine did during all trials.
    pub disturbance: Disturbance,
    /// Trials whose wall time says more of that than of their plan.
    pub disturbed_trials: usize,
    /// Strategies that gave another answer somewhere, and so can't win anywhere.
    pub wrong: Vec<Wrong>,
    /// Every plan that was measured, or that failed to be; the reference is the first.
    pub plans: Vec<PlanOutcome>,
    /// The budgets that were asked for, ascending.
    pub budgets: Vec<BudgetOutcome>,
    /// The fastest plan with one busy thread, as an index into `plans`: what speedups are told against.
    pub one_thread: usize,
}

/// What is known of one plan.
#[derive(Clone, Debug, Serialize)]
pub struct PlanOutcome {
    /// The plan.
    pub plan: Plan,
    /// Threads that it keeps busy.
    pub threads_used: i64,
    /// Whether these are more than the usable cores.
    pub oversubscribed: bool,
    /// Wall seconds of each trial, in order.
    pub times_s: Vec<f64>,
    /// Their median with its interval; none where it was never measured.
    pub estimate: Option<Estimate>,
    /// Median CPU seconds.
    pub cpu_s: Option<f64>,
    /// Largest peak memory of any trial.
    pub peak_rss_bytes: u64,
    /// Median seconds of each stage.
    pub stages: Vec<StageTime>,
    /// Why it can't win, whatever its time.
    pub out: Option<Out>,
}

/// Why a plan can't win, whatever its time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "why", content = "detail")]
pub enum Out {
    /// It gives another answer; the first difference.
    Wrong(String),
    /// Another plan with the same strategy gives another answer, here or elsewhere.
    WrongStrategy {
        /// The plan under which it showed.
        under: String,
        /// On what it showed.
        on: String,
        /// The first difference.
        difference: String,
    },
    /// Its answer could not be compared.
    NotCompared,
    /// The engine failed under it.
    Failed(String),
    /// The engine can't run it on these inputs.
    Unsupported(String),
    /// It takes more memory than is allowed: its peak in bytes, or what it held when its trial was ended.
    Memory(u64),
}

impl fmt::Display for Out {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Out::Wrong(difference) => write!(f, "wrong answer: {difference}"),
            Out::WrongStrategy { under, on, difference } => {
                write!(f, "wrong answer of its strategy: under {under} on {on}: {difference}")
            }
            Out::NotCompared => f.write_str("its answer was not compared"),
            Out::Failed(why) => write!(f, "failed: {why}"),
            Out::Unsupported(why) => write!(f, "not supported here: {why}"),
            Out::Memory(bytes) => write!(f, "takes {} MiB of memory, more than it may", bytes.div_ceil(1 << 20)),
        }
    }
}

/// What is known of one thread budget.
#[derive(Clone, Debug, Serialize)]
pub struct BudgetOutcome {
    /// The budget.
    pub threads: i64,
    /// The plan to use. This and all below are indices into the outcome's `plans`.
    pub winner: usize,
    /// The fastest of the others that give the right answer; one that can't be told from the fastest comes first.
    pub runner_up: Option<usize>,
    /// The engine's default plan.
    pub default: usize,
    /// Why the default can't be kept; none where it can.
    pub default_out: Option<Out>,
    /// Why the winner is provisional: the default, kept because nobody can tell yet whether another plan is better.
    pub doubt: Option<Doubt>,
    /// Times as long as the winner that the default took, round by round; none where they never met in a round.
    pub default_ratio: Option<Estimate>,
    /// Times as long as the winner that the best one-thread plan took.
    pub one_thread_ratio: Option<Estimate>,
    /// Speedup, efficiency and serial fraction of the winner.
    pub scaling: Option<Scaling>,
    /// Plans worth measuring for the budget; the search need not have measured them all.
    pub space: usize,
    /// Every plan of this budget that was measured, or that failed to be, the winner first, then by time.
    pub table: Vec<(usize, Standing)>,
}

/// Where a plan stands within a budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// The plan to use.
    Winner,
    /// Can't be told from the fastest; uses more threads or memory than the winner, or comes later in the order.
    Level,
    /// Slower: its interval lies wholly above the fastest one's, or did when it left the race.
    Slower,
    /// So far behind after a sample or two that it was not measured to the end.
    FarSlower,
    /// The search saw it once or twice and went on from plans that looked better: too few samples to tell how it ranks.
    NotPursued,
    /// It can't win, whatever its time.
    Out,
}

/// What each budget comes to, in the order of `budgets`.
///
/// # Errors
/// Every plan of a budget is out.
pub(super) fn choices(field: &mut Field<'_>, budgets: &[Budget<'_>]) -> Result<Vec<Choice>, TuneError> {
    let (seed, fresh_from) = (field.request.seed, field.fresh_from());
    let choice = |budget: &Budget<'_>| {
        let default = field.enter(&budget.default);
        let eligible = eligible(field, budget);
        let choice = choose(&field.contenders, &eligible, default, fresh_from, seed);
        choice.ok_or_else(|| nothing_left(field, budget))
    };
    budgets.iter().map(choice).collect()
}

/// The plans that win, and those that would if these fell: what has to be looked at twice.
///
/// # Errors
/// Every plan of a budget is out.
pub(super) fn candidates(field: &mut Field<'_>, budgets: &[Budget<'_>]) -> Result<Vec<Candidate>, TuneError> {
    let mut candidates = Vec::new();
    for (budget, choice) in budgets.iter().zip(choices(field, budgets)?).filter(|(budget, _)| budget.wanted) {
        let plans = std::iter::once(choice.winner).chain(choice.runner_up);
        let candidate =
            |index: usize| Candidate { threads: budget.threads, plan: field.contenders[index].plan.clone() };
        candidates.extend(plans.map(candidate));
    }
    candidates.sort();
    candidates.dedup();
    Ok(candidates)
}

/// Draws the conclusions.
pub(super) fn conclude(field: &mut Field<'_>, budgets: &[Budget<'_>]) -> Result<Outcome, TuneError> {
    let seed = field.request.seed;
    let choices = choices(field, budgets)?;
    // One thread comes first among the budgets.
    let one_thread = choices.first().map(|choice| choice.fastest).ok_or(TuneError::Cancelled)?;
    let mut results = Vec::new();
    for (budget, choice) in budgets.iter().zip(&choices).filter(|(budget, _)| budget.wanted) {
        let default = field.enter(&budget.default);
        results.push(budget_outcome(field, budget, choice, default, one_thread));
    }
    let cores = field.request.usable_cores as i64;
    let plans = field.contenders.iter().map(|contender| PlanOutcome {
        plan: contender.plan.clone(),
        threads_used: contender.threads_used,
        oversubscribed: contender.threads_used > cores,
        times_s: contender.times(),
        estimate: contender.estimate(CONFIDENCE, seed),
        cpu_s: contender.median_cpu(),
        peak_rss_bytes: contender.memory(),
        stages: contender.stages(),
        out: contender.out.clone(),
    });
    let mut disturbance = Disturbance::default();
    let mut disturbed_trials = 0;
    for (beside, disturbed) in field.contenders.iter().map(Contender::disturbance) {
        disturbance += beside;
        disturbed_trials += disturbed;
    }
    let outcome = Outcome {
        disturbance,
        disturbed_trials,
        seed,
        effort: field.request.effort,
        trials: field.trials(),
        elapsed_s: field.elapsed_s(),
        out_of_time: field.is_cut(),
        wrong: field.wrong.clone(),
        plans: plans.collect(),
        budgets: results,
        one_thread,
    };
    Ok(outcome.without_unmeasured())
}

/// The plans that may win this budget, in the engine's order: those still racing, and those that raced for another
/// budget and were measured as well as these. Where all of them are out: any that has been measured, and the reference
/// plan, which is right whatever its time.
pub(super) fn eligible(field: &mut Field<'_>, budget: &Budget<'_>) -> Vec<usize> {
    let listed: Vec<usize> = budget.plans.iter().map(|plan| field.enter(plan)).collect();
    let reference = field.enter(&field.request.reference.plan.clone());
    let contenders = &field.contenders;
    let measured = |index: &usize| contenders[*index].times().len() >= LEAST_SAMPLES;
    let may_win = |index: &usize| budget.racing.contains(index) || (measured(index) && !budget.slower.contains(index));
    let pursued: Vec<usize> = listed.iter().copied().filter(may_win).collect();
    if pursued.iter().any(|index| contenders[*index].stands()) {
        return pursued;
    }
    let mut rest: Vec<usize> = listed.into_iter().filter(|index| contenders[*index].stands()).collect();
    let keeps_what_is_fixed =
        field.request.fixed.iter().all(|(axis, value)| contenders[reference].plan.get(axis) == Some(value));
    if rest.is_empty() && contenders[reference].threads_used <= budget.threads && keeps_what_is_fixed {
        rest.push(reference);
    }
    rest
}

fn nothing_left(field: &Field<'_>, budget: &Budget<'_>) -> TuneError {
    let outs = field.contenders.iter().filter(|contender| budget.plans.contains(&contender.plan));
    let causes: Vec<String> =
        outs.filter_map(|contender| Some(format!("{}: {}", contender.plan, contender.out.as_ref()?))).take(3).collect();
    let causes = if causes.is_empty() { "the time was up before one was measured".into() } else { causes.join("; ") };
    TuneError::NothingLeft { threads: budget.threads, causes }
}

fn budget_outcome(
    field: &mut Field<'_>,
    budget: &Budget<'_>,
    choice: &Choice,
    default: usize,
    serial: usize,
) -> BudgetOutcome {
    let fastest_s = field.contenders[choice.fastest].median().unwrap_or(f64::INFINITY);
    let mut table = Vec::new();
    for plan in &budget.plans {
        let index = field.enter(plan);
        let contender = &field.contenders[index];
        let standing = match () {
            () if contender.out.is_some() => Standing::Out,
            () if contender.times().is_empty() => continue,
            () if index == choice.winner => Standing::Winner,
            () if choice.level.contains(&index) => Standing::Level,
            () if contender.times().len() >= LEAST_SAMPLES => Standing::Slower,
            () if is_far_slower(&contender.times(), fastest_s) => Standing::FarSlower,
            () => Standing::NotPursued,
        };
        table.push((index, standing));
    }
    // The reference plan, taken because everything else is out, need not be one of those worth measuring.
    if !table.iter().any(|(index, _)| *index == choice.winner) {
        table.push((choice.winner, Standing::Winner));
    }
    let rank = |standing: Standing| match standing {
        Standing::Winner => 0,
        Standing::Level => 1,
        Standing::Slower => 2,
        Standing::NotPursued => 3,
        Standing::FarSlower => 4,
        Standing::Out => 5,
    };
    let median = |index: usize| field.contenders[index].median().unwrap_or(f64::INFINITY);
    table.sort_by(|left, right| rank(left.1).cmp(&rank(right.1)).then(median(left.0).total_cmp(&median(right.0))));
    // Where all others left the race early the best of these is still worth naming.
    let follows = |(index, standing): &(usize, Standing)| (*standing != Standing::Out).then_some(*index);
    let runner_up = choice.runner_up.or_else(|| table.iter().skip(1).find_map(follows));
    let winner = &field.contenders[choice.winner];
    let ratio = |other: usize| {
        let (above, below) = field.contenders[other].pairs(winner);
        paired_ratio(&above, &below, field.request.seed)
    };
    BudgetOutcome {
        threads: budget.threads,
        winner: choice.winner,
        runner_up,
        default,
        default_out: field.contenders[default].out.clone(),
        doubt: choice.doubt,
        default_ratio: ratio(default),
        one_thread_ratio: ratio(serial),
        scaling: Scaling::new(median(serial), median(choice.winner), winner.threads_used),
        space: budget.plans.len(),
        table,
    }
}

impl Outcome {
    /// Leaves out plans that were listed but never tried.
    fn without_unmeasured(mut self) -> Outcome {
        let tried = |plan: &PlanOutcome| !plan.times_s.is_empty() || plan.out.is_some();
        let defaults: Vec<usize> = self.budgets.iter().map(|budget| budget.default).collect();
        let mut renumbered = Vec::new();
        let mut kept = Vec::new();
        for (index, plan) in std::mem::take(&mut self.plans).into_iter().enumerate() {
            renumbered.push(kept.len());
            // A default that the time did not suffice for is still named.
            if tried(&plan) || defaults.contains(&index) {
                kept.push(plan);
            }
        }
        self.plans = kept;
        self.one_thread = renumbered[self.one_thread];
        for budget in &mut self.budgets {
            budget.winner = renumbered[budget.winner];
            budget.default = renumbered[budget.default];
            budget.runner_up = budget.runner_up.map(|index| renumbered[index]);
            budget.table.iter_mut().for_each(|(index, _)| *index = renumbered[*index]);
        }
        self
    }
}
