//! The tuner: the fastest plan for each thread budget, proved to give the reference's answer.
//!
//! How it goes, after [`measure_reference`] has fixed the answer that counts:
//! 1. *Search*, budget by budget. A space of a few dozen plans is taken whole. In a larger one the stages are searched
//!    apart, each judged by its own seconds, from the engine's default (and from what won for the smaller budget); the
//!    threads are split anew; the best of the stages are added up, and what that promises is measured. The best few go on.
//! 2. *Race*, all budgets together. Rounds in random order from a stated seed measure every plan that is still in, so
//!    that a slow spell of the machine hits all alike. A plan that gives another answer takes its whole strategy out, at
//!    every budget; one that fails or takes too much memory is out, and why is kept. Far slower plans leave early, others
//!    once their interval lies wholly above the best one's.
//! 3. *Confirmation*. What looks faster than the engine's default is measured against it in fresh rounds.
//! 4. *Choice*. The default, unless another plan is faster beyond doubt (`choice`).
//! 5. *Examination*. Winner and runner-up are compared with the reference on other inputs and numbers of threads
//!    ([`Examiner`]); a strategy that falls there is out, and the choice is made again.
//!
//! The engine's default plan and the one-thread plans are always among those measured, so that gains can be told.
//!
//! Pure over [`Executor`] and [`Clock`]: tests run it on made-up cost laws without waiting. Left out: how a trial is made
//! (`crate::worker`), what is saved (`crate::profile`).
#![forbid(unsafe_code)]

mod budget;
mod choice;
mod confirm;
mod contender;
mod effort;
mod examiner;
mod field;
mod journal;
mod observer;
mod outcome;
mod race;
mod search;
#[cfg(test)]
pub(crate) mod tests;

pub use choice::Doubt;
pub use effort::Effort;
pub use examiner::{Candidate, Examiner, Unexamined, Wrong};
pub use journal::{Journal, JournalError, Subject};
pub use observer::{Observer, Phase, Silent};
pub use outcome::{BudgetOutcome, Out, Outcome, PlanOutcome, Standing};

use crate::measure::Clock;
use crate::stats::LEAST_SAMPLES;
use crate::trial::{Executor, Measurement, TrialError};
use budget::Budget;
use field::Field;
use scaletune_descriptor::{Descriptor, NoPlan, Plan};
use serde_json::{Map, Value};
use std::time::Duration;

/// What to tune.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    /// The engine.
    pub descriptor: &'a Descriptor,
    /// The reference plan, measured.
    pub reference: Reference,
    /// The inputs' class, as the engine told it: facts in it rule plans out.
    pub input_class: &'a Map<String, Value>,
    /// Axes that the user has fixed.
    pub fixed: &'a Plan,
    /// Thread budgets to find a plan for; a budget of one is always raced with them.
    pub threads: &'a [i64],
    /// Cores that this process may use; plans with more busy threads are marked.
    pub usable_cores: usize,
    /// How hard to try.
    pub effort: Effort,
    /// Seconds that a trial takes by the clock, from what the reference took.
    pub trial_s: f64,
    /// Stop measuring at this reading of the clock.
    pub max_time: Option<Duration>,
    /// Plans whose peak memory is above this, bytes, are out.
    pub max_memory: Option<u64>,
    /// Where randomness starts.
    pub seed: u64,
}

/// The reference plan and what it took.
#[derive(Clone, Debug)]
pub struct Reference {
    /// The plan.
    pub plan: Plan,
    /// Its measurement.
    pub measurement: Measurement,
}

/// Why there is no result.
#[derive(Debug, thiserror::Error, PartialEq)]
pub enum TuneError {
    /// The reference plan could not be measured: there is no answer to compare with.
    #[error("reference plan {plan}: {cause}; without its answer no plan can be trusted")]
    Reference {
        /// The plan.
        plan: Plan,
        /// Why.
        cause: TrialError,
    },
    /// No plan fits a budget.
    #[error(transparent)]
    NoPlan(#[from] NoPlan),
    /// The engine refuses the inputs.
    #[error("{0}")]
    BadInput(String),
    /// The reference plan itself gives another answer than a golden case expects.
    #[error(
        "reference plan {plan} gives another answer than golden case `{case}` expects: {difference}; nothing it says can be trusted"
    )]
    Golden {
        /// The case.
        case: String,
        /// The plan.
        plan: Plan,
        /// The first difference.
        difference: String,
    },
    /// Every plan for a budget is out.
    #[error("no plan for {threads} threads is left: {causes}")]
    NothingLeft {
        /// The budget.
        threads: i64,
        /// Plans and why they are out, the first few.
        causes: String,
    },
    /// The user interrupted.
    #[error("interrupted")]
    Cancelled,
}

/// Runs the engine's reference plan, whose answer every later plan is compared with.
///
/// # Errors
/// There is no such plan, or it can't be measured.
pub fn measure_reference(descriptor: &Descriptor, executor: &mut dyn Executor) -> Result<Reference, TuneError> {
    let plan = descriptor.reference_plan()?;
    match executor.measure(&plan) {
        Ok(measurement) => Ok(Reference { plan, measurement }),
        Err(TrialError::BadInput(message)) => Err(TuneError::BadInput(message)),
        Err(TrialError::Cancelled) => Err(TuneError::Cancelled),
        Err(cause) => Err(TuneError::Reference { plan, cause }),
    }
}

/// Finds the best plan for each budget. `clock` must have begun with the command, so that its reading is the time spent.
///
/// # Errors
/// No plan fits or is left for a budget, the inputs are refused, or the user interrupts.
pub fn tune(
    request: &Request<'_>,
    executor: &mut dyn Executor,
    examiner: &mut dyn Examiner,
    clock: &dyn Clock,
    observer: &mut dyn Observer,
) -> Result<Outcome, TuneError> {
    let mut budgets = Budget::all(request)?;
    let mut field = Field::new(request, executor, clock, observer);
    // Whatever comes of it, each default is known: it is what a budget falls back on.
    let defaults: Vec<usize> =
        budgets.iter().filter(|it| it.wanted).map(|budget| field.enter(&budget.default)).collect();
    field.measure_once(&defaults)?;
    // A trial takes longer by the clock than the run that it measures; as much longer for every plan.
    let beside = request.trial_s / request.reference.measurement.wall_s.max(f64::MIN_POSITIVE);
    let of_defaults: f64 = defaults.iter().filter_map(|index| field.contenders[*index].median()).sum();
    field.reserve(Budget::confirmation_s(of_defaults * beside.max(1.0)));
    search::run(&mut field, &mut budgets)?;
    race::run(&mut field, &mut budgets)?;
    confirm::run(&mut field, &mut budgets)?;
    let mut examined: Vec<Candidate> = Vec::new();
    loop {
        let mut candidates = outcome::candidates(&mut field, &budgets)?;
        candidates.retain(|candidate| !examined.contains(candidate));
        if candidates.is_empty() {
            return outcome::conclude(&mut field, &budgets);
        }
        field.observer.phase(Phase::Examine);
        let found = examiner.examine(&candidates)?;
        examined.extend(candidates);
        if !found.is_empty() {
            found.into_iter().for_each(|wrong| field.taint(wrong));
            // What was slower than a wrong plan may now be the best.
            race::run(&mut field, &mut budgets)?;
            confirm::run(&mut field, &mut budgets)?;
        }
    }
}

/// Seconds of measuring, the examination left out, that give every budget five rounds of its default against the best
/// plan, of which `spent_s` are spent: an estimate, on the safe side where plans are faster than the reference.
///
/// # Errors
/// No plan fits a budget.
pub fn least_time_s(request: &Request<'_>, spent_s: f64) -> Result<f64, TuneError> {
    let budgets = Budget::all(request)?;
    let least = LEAST_SAMPLES as f64;
    let plans: usize = budgets.iter().map(|budget| budget.plans.len().min(request.effort.whole())).sum();
    // Every plan once; then four more rounds of each budget's default and of what is left beside it.
    let race = plans as f64 + (least - 1.0) * 2.0 * budgets.len() as f64;
    let of_defaults = request.trial_s * request.threads.len() as f64;
    Ok(spent_s + race * request.trial_s + Budget::confirmation_s(of_defaults))
}
