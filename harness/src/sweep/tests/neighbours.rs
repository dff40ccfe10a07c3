//! Sweeps beside other work, and sweeps whose time is up early.

use super::*;
use crate::measure::Disturbance;
use crate::trial::TrialError;
use crate::tune::tests::bench::BenchClock;

/// A bench whose machine is shared: others take a share of the cores in each trial, and it is slower in some rounds.
struct Shared<L, D> {
    bench: Bench<L>,
    others: D,
    yardsticks: Vec<f64>,
    trials: usize,
    rounds: usize,
}

impl<L: Fn(&Plan) -> Behaviour, D: Fn(usize) -> f64> Shared<L, D> {
    fn new(bench: Bench<L>, others: D) -> Shared<L, D> {
        Shared { bench, others, yardsticks: vec![0.01], trials: 0, rounds: 0 }
    }
}

impl<L: Fn(&Plan) -> Behaviour, D: Fn(usize) -> f64> Executor for Shared<L, D> {
    fn measure(&mut self, plan: &Plan) -> Result<Measurement, TrialError> {
        let share = (self.others)(self.trials);
        self.trials += 1;
        let mut measurement = self.bench.measure(plan)?;
        // Who shares the cores waits.
        measurement.wall_s *= 1.0 + share;
        measurement.disturbance = Some(Disturbance { capacity_s: 1.0, others_s: share, ..Disturbance::default() });
        Ok(measurement)
    }

    fn yardstick_s(&mut self) -> Option<f64> {
        self.rounds += 1;
        Some(self.yardsticks[self.rounds % self.yardsticks.len()])
    }
}

fn run(executor: &mut dyn Executor, clock: &BenchClock, repeat: Option<usize>, max_time: Option<Duration>) -> Sweep {
    let descriptor = small();
    let reference = measure_reference(&descriptor, executor).unwrap();
    let (inputs, named) = (Map::new(), NamedPlans::default());
    let request = Request {
        descriptor: &descriptor,
        plugin_sha256: "0a1b",
        reference,
        inputs: &inputs,
        files: &[],
        input_class: &inputs,
        worker_start_s: None,
        threads: &[1, 2, 4],
        axes: Axes::Strategies,
        named: &named,
        repeat,
        max_time,
        cold: false,
        machine: machine(4),
        seed: 1,
    };
    sweep(&request, None, executor, clock, &mut Silent).unwrap()
}

/// Ten seconds of work, shared by the workers.
fn shared_out(plan: &Plan) -> Behaviour {
    let workers = plan.integer("workers").unwrap_or(1);
    Behaviour::Works(10.0 / workers as f64, 10.0, MIB)
}

#[test]
fn disturbed_trials_are_taken_again_and_do_not_count() {
    let bench = Bench::new(shared_out, 0.0, 1);
    let clock = bench.clock();
    let mut shared = Shared::new(bench, |trial| if trial % 3 == 1 { 0.9 } else { 0.0 });
    let sweep = run(&mut shared, &clock, Some(5), None);
    assert!(sweep.complete);
    for row in &sweep.rows {
        assert_eq!(row.trials_that_count().len(), 5, "{}", row.plan);
        let wanted_s = 10.0 / row.plan.integer("workers").unwrap() as f64;
        assert!((row.median_s.unwrap() - wanted_s).abs() < 1e-9 && row.ci_high_s.unwrap() - wanted_s < 1e-9);
    }
    assert!(sweep.rows.iter().any(|row| row.samples.len() > 5), "what was disturbed is kept all the same");
}

#[test]
fn a_machine_that_stays_busy_ends_the_sweep_too() {
    let bench = Bench::new(shared_out, 0.0, 1);
    let clock = bench.clock();
    let sweep = run(&mut Shared::new(bench, |_| 0.5), &clock, Some(3), None);
    assert!(sweep.complete);
    assert!(sweep.rows.iter().all(|row| row.samples.len() == 6 && row.trials_that_count().len() == 6));
}

#[test]
fn rounds_in_which_the_machine_is_slower_are_taken_again() {
    let bench = Bench::new(shared_out, 0.0, 1);
    let clock = bench.clock();
    let mut shared = Shared::new(bench, |_| 0.0);
    shared.yardsticks = vec![0.010, 0.016, 0.010];
    let sweep = run(&mut shared, &clock, Some(5), None);
    for row in &sweep.rows {
        assert!(row.trials_that_count().iter().all(|trial| trial.slowdown.is_none_or(|slowdown| slowdown == 1.0)));
        assert!(row.samples.iter().any(|trial| trial.slowdown == Some(1.6)), "{}", row.plan);
    }
}

#[test]
fn defaults_come_first_where_time_may_be_up() {
    let bench = Bench::new(shared_out, 0.0, 1);
    let clock = bench.clock();
    let mut shared = Shared::new(bench, |_| 0.0);
    // The reference takes 10 s; the defaults of 1, 2 and 4 threads take 17.5 s, in whatever order.
    let sweep = run(&mut shared, &clock, Some(3), Some(Duration::from_secs_f64(26.0)));
    assert!(!sweep.complete);
    let (descriptor, free) = (small(), Plan::new());
    let measured = |plan: &Plan| sweep.rows.iter().any(|row| row.plan == *plan && !row.samples.is_empty());
    for threads in [2, 4] {
        let default = scaletune_descriptor::PlanSpace::new(&descriptor, threads, &free).default_plan().unwrap();
        assert!(measured(&default), "{threads}: {default}");
    }
    assert!(sweep.rows.iter().any(|row| row.samples.is_empty()));
}

#[test]
fn another_strategy_with_one_thread_is_not_what_threads_added_to() {
    // Strategy `a` works half as much as the others; nobody had time to see it with two threads.
    let law = |plan: &Plan| {
        let work_s = if plan.word("algorithm") == Some("a") { 5.0 } else { 10.0 };
        Behaviour::Works(work_s / plan.integer("workers").unwrap_or(1) as f64, work_s, MIB)
    };
    let bench = Bench::new(law, 0.0, 1);
    let clock = bench.clock();
    let sweep = run(&mut Shared::new(bench, |_| 0.0), &clock, Some(1), None);
    assert!(sweep.rows.iter().all(|row| row.cpu_inflation == Some(1.0)), "each is told against its own strategy");

    let mut rows = sweep.rows.clone();
    let with_one = |row: &Row, own: bool| row.threads_used == 1 && (row.plan.word("algorithm") == Some("b")) == own;
    let of_b =
        rows.iter().find(|row| row.threads_used == 4 && row.plan.word("algorithm") == Some("b")).unwrap().clone();
    let base = |rows: &[Row]| super::super::figures::one_thread_for(rows, &of_b).map(|row| row.plan.to_string());
    assert_eq!(base(&rows), Some("algorithm=b,workers=1".into()));
    // Its turn had not come: nothing is told.
    rows.iter_mut().filter(|row| with_one(row, true)).for_each(|row| {
        row.samples.clear();
        (row.median_s, row.equivalence) = (None, Verdict::NotCompared);
    });
    assert_eq!(base(&rows), None);
    // There is no such plan at all: the best of the others is what one thread takes.
    rows.retain(|row| !with_one(row, true));
    assert_eq!(base(&rows), Some("algorithm=a,workers=1".into()));
}
