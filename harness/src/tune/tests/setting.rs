//! A tune of a made-up engine, and what a test asks of its outcome.

use super::super::*;
use super::bench::{Behaviour, Bench, BenchClock};

/// What to tune, and how.
pub(crate) struct Setting<'a> {
    pub(super) descriptor: &'a Descriptor,
    pub(super) threads: &'a [i64],
    pub(super) fixed: &'a str,
    pub(super) effort: Effort,
    pub(super) max_time: Option<Duration>,
    pub(super) max_memory: Option<u64>,
}

impl<'a> Setting<'a> {
    pub(crate) fn new(descriptor: &'a Descriptor, threads: &'a [i64]) -> Setting<'a> {
        Setting { descriptor, threads, fixed: "", effort: Effort::Normal, max_time: None, max_memory: None }
    }

    pub(crate) fn run(&self, bench: &mut Bench<impl Fn(&Plan) -> Behaviour>, seed: u64) -> Result<Outcome, TuneError> {
        let clock = bench.clock();
        self.tune(bench, &clock, seed)
    }

    /// As `run`, with an executor around a bench; gives that back, too.
    pub(crate) fn run_with<E: Executor>(
        &self,
        mut executor: E,
        clock: impl Fn(&E) -> BenchClock,
        seed: u64,
    ) -> (Result<Outcome, TuneError>, E) {
        let clock = clock(&executor);
        (self.tune(&mut executor, &clock, seed), executor)
    }

    /// As `run`, with somebody who looks twice.
    pub(super) fn run_examined(
        &self,
        bench: &mut Bench<impl Fn(&Plan) -> Behaviour>,
        examiner: &mut dyn Examiner,
        seed: u64,
    ) -> Result<Outcome, TuneError> {
        let clock = bench.clock();
        self.examined(bench, examiner, &clock, seed)
    }

    fn tune(&self, bench: &mut dyn Executor, clock: &dyn Clock, seed: u64) -> Result<Outcome, TuneError> {
        self.examined(bench, &mut Unexamined, clock, seed)
    }

    fn examined(
        &self,
        bench: &mut dyn Executor,
        examiner: &mut dyn Examiner,
        clock: &dyn Clock,
        seed: u64,
    ) -> Result<Outcome, TuneError> {
        let reference = measure_reference(self.descriptor, bench)?;
        let trial_s = reference.measurement.wall_s;
        let (class, fixed) = (Map::new(), Plan::parse(self.fixed).unwrap());
        let request = Request {
            descriptor: self.descriptor,
            reference,
            input_class: &class,
            fixed: &fixed,
            threads: self.threads,
            usable_cores: 4,
            effort: self.effort,
            trial_s,
            max_time: self.max_time,
            max_memory: self.max_memory,
            seed,
        };
        tune(&request, bench, examiner, clock, &mut Silent)
    }
}

impl BudgetOutcome {
    /// The winner's plan.
    pub(in crate::tune) fn winner_plan(&self, outcome: &Outcome) -> String {
        outcome.plans[self.winner].plan.to_string()
    }
}

impl Outcome {
    /// The plan that won the budget.
    pub(super) fn winner(&self, threads: i64) -> String {
        let budget = self.budgets.iter().find(|budget| budget.threads == threads).unwrap();
        self.plans[budget.winner].plan.to_string()
    }

    /// What is known of the plan.
    pub(super) fn plan(&self, text: &str) -> &PlanOutcome {
        self.plans.iter().find(|plan| plan.plan.to_string() == text).unwrap()
    }
}
