pub(crate) mod bench;

use super::*;
use bench::{Behaviour, Bench};
use scaletune_descriptor::{Axis, Constraint, IntegerDefault, Output, PlanSpace, Role};

const MIB: u64 = 1 << 20;

/// An engine with `algorithm` (a, b, c) and `workers`.
pub(crate) fn small() -> Descriptor {
    Descriptor {
        name: "small".into(),
        version: "1".into(),
        build: String::new(),
        summary: String::new(),
        inputs: vec![],
        axes: vec![
            Axis::choice("algorithm", "", &[("a", ""), ("b", ""), ("c", "")]),
            Axis::threads("workers", "", Role::Compute, 1, IntegerDefault::MAX),
        ],
        constraints: vec![Constraint::parse("workers <= threads").unwrap()],
        facts: Default::default(),
        helpers: vec![],
        reference: Plan::new(),
        outputs: vec![Output::new("out", "out.tsv", "tsv", "")],
        stages: vec![],
        simulate: None,
    }
}

/// An engine like the allele counter, with hundreds of plans for eight threads.
pub(crate) fn large() -> Descriptor {
    let constraint = |text| Constraint::parse(text).unwrap();
    Descriptor {
        axes: vec![
            Axis::choice("partition", "", &[("chromosome", ""), ("sites", ""), ("bytes", "")]),
            Axis::choice("decode", "", &[("inline", ""), ("per-reader", ""), ("shared-pool", "")]),
            Axis::choice("reader", "", &[("htslib", ""), ("raw", ""), ("noodles", "")]),
            Axis::threads("workers", "", Role::Compute, 1, IntegerDefault::MAX),
            Axis::threads("decode-threads", "", Role::Io, 0, IntegerDefault::Number(0)),
            Axis::size("tasks-per-worker", "", 1, 16, 4),
        ],
        constraints: vec![
            constraint("decode == inline -> decode-threads == 0"),
            constraint("decode != inline -> decode-threads >= 1"),
            constraint("decode != per-reader -> workers + decode-threads <= threads"),
            constraint("decode == per-reader -> workers * (1 + decode-threads) <= threads"),
            constraint("workers == 1 -> tasks-per-worker == 1"),
        ],
        ..small()
    }
}

/// Wall and CPU seconds of a plan of [`large`]: decompression and parsing overlap where they have threads of their own;
/// where they share one, decompression costs `inline_cost` times as much.
pub(crate) fn law_of_large(plan: &Plan, inline_cost: f64) -> (f64, f64) {
    let (workers, inflaters) =
        (plan.integer("workers").unwrap() as f64, plan.integer("decode-threads").unwrap() as f64);
    let imbalance = match plan.word("partition").unwrap() {
        "chromosome" => 1.4,
        "sites" => 1.12,
        _ => 1.0,
    };
    let imbalance = if workers > 1.0 { imbalance } else { 1.0 };
    let parse = match plan.word("reader").unwrap() {
        "htslib" => 4.5,
        "raw" => 3.0,
        _ => 3.6,
    };
    let tasks = (plan.integer("tasks-per-worker").unwrap() as f64).log2();
    let chunking = if workers > 1.0 { 1.0 + 0.04 * (tasks - 3.0).abs() } else { 1.0 };
    let (inflate, work) = match plan.word("decode").unwrap() {
        "inline" => (5.0 * inline_cost, (parse + 5.0 * inline_cost) / workers * imbalance),
        "per-reader" => (5.5, (parse / workers).max(5.5 / (workers * inflaters)) * imbalance),
        _ => (5.25, (parse / workers * imbalance).max(5.25 / inflaters)),
    };
    (0.2 + work * chunking * (1.0 + 0.02 * (workers + inflaters)), 0.2 + parse + inflate)
}

pub(crate) fn behaviour_of_large(plan: &Plan) -> Behaviour {
    let (seconds, cpu_s) = law_of_large(plan, 1.0);
    Behaviour::Works(seconds, cpu_s, MIB)
}

pub(crate) struct Setting<'a> {
    descriptor: &'a Descriptor,
    threads: &'a [i64],
    fixed: &'a str,
    effort: Effort,
    max_time: Option<Duration>,
    max_memory: Option<u64>,
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
        clock: impl Fn(&E) -> bench::BenchClock,
        seed: u64,
    ) -> (Result<Outcome, TuneError>, E) {
        let clock = clock(&executor);
        (self.tune(&mut executor, &clock, seed), executor)
    }

    fn tune(&self, bench: &mut dyn Executor, clock: &dyn Clock, seed: u64) -> Result<Outcome, TuneError> {
        let reference = measure_reference(self.descriptor, bench)?;
        let (class, fixed) = (Map::new(), Plan::parse(self.fixed).unwrap());
        let request = Request {
            descriptor: self.descriptor,
            reference,
            input_class: &class,
            fixed: &fixed,
            threads: self.threads,
            usable_cores: 4,
            effort: self.effort,
            max_time: self.max_time,
            max_memory: self.max_memory,
            seed,
        };
        tune(&request, bench, clock, &mut Silent)
    }
}

fn algorithm(plan: &Plan) -> (&str, f64) {
    (plan.word("algorithm").unwrap(), plan.integer("workers").unwrap() as f64)
}

impl BudgetOutcome {
    /// The winner's plan.
    pub(super) fn winner_plan(&self, outcome: &Outcome) -> String {
        outcome.plans[self.winner].plan.to_string()
    }
}

impl Outcome {
    fn winner(&self, threads: i64) -> String {
        let budget = self.budgets.iter().find(|budget| budget.threads == threads).unwrap();
        self.plans[budget.winner].plan.to_string()
    }

    fn plan(&self, text: &str) -> &PlanOutcome {
        self.plans.iter().find(|plan| plan.plan.to_string() == text).unwrap()
    }
}

#[test]
fn the_fastest_plan_wins_for_each_budget() {
    let law = |plan: &Plan| {
        let (name, workers) = algorithm(plan);
        // b starts slower and scales better.
        let seconds = match name {
            "a" => 2.0 + 6.0 / workers,
            "b" => 0.5 + 9.0 / workers,
            _ => 20.0,
        };
        Behaviour::Takes(seconds, 10 * MIB)
    };
    let descriptor = small();
    let outcome = Setting::new(&descriptor, &[4, 2, 1]).run(&mut Bench::new(law, 0.05, 1), 1).unwrap();
    assert_eq!(outcome.winner(1), "algorithm=a,workers=1");
    assert_eq!(outcome.winner(4), "algorithm=b,workers=4");
    assert_eq!(outcome.budgets.iter().map(|budget| budget.threads).collect::<Vec<_>>(), [1, 2, 4]);
    let four = &outcome.budgets[2];
    // The default is a with four workers: 3.5 s against 2.75 s. One thread takes 8 s.
    let ratio = four.default_ratio.unwrap();
    assert!((ratio.median - 3.5 / 2.75).abs() < 0.05, "{ratio:?}");
    assert!((four.one_thread_ratio.unwrap().median - 8.0 / 2.75).abs() < 0.15);
    let scaling = four.scaling.unwrap();
    assert!((scaling.speedup - 8.0 / 2.75).abs() < 0.15 && (scaling.efficiency - scaling.speedup / 4.0).abs() < 1e-12);
    assert_eq!(outcome.plans[outcome.one_thread].plan.to_string(), "algorithm=a,workers=1");
    // c was far slower and left early; its samples are kept all the same.
    let far = outcome.plan("algorithm=c,workers=1");
    assert!((1..=2).contains(&far.times_s.len()), "{far:?}");
    let standing =
        |text: &str| four.table.iter().find(|(index, _)| outcome.plans[*index].plan.to_string() == text).unwrap().1;
    assert_eq!(standing("algorithm=c,workers=1"), Standing::FarSlower);
    assert_eq!(standing("algorithm=b,workers=4"), Standing::Winner);
    assert_eq!(outcome.plans[four.table[0].0].plan.to_string(), "algorithm=b,workers=4");
    assert!(outcome.plans.iter().all(|plan| plan.stages.len() == 2 && plan.cpu_s.is_some()));
}

#[test]
fn a_race_that_is_decided_early_still_measures_the_winner_well() {
    let law = |plan: &Plan| Behaviour::Takes(if algorithm(plan).0 == "b" { 1.0 } else { 10.0 }, MIB);
    let descriptor = small();
    let outcome = Setting::new(&descriptor, &[1]).run(&mut Bench::new(law, 0.05, 1), 1).unwrap();
    // Five rounds give an interval; more would tell nothing new. The default is measured as often, for the gain.
    assert_eq!(outcome.plan("algorithm=b,workers=1").times_s.len(), 5);
    assert_eq!(outcome.plan("algorithm=a,workers=1").times_s.len(), 6);
    assert_eq!(outcome.plan("algorithm=c,workers=1").times_s.len(), 1);
}

#[test]
fn wrong_crashing_and_greedy_plans_never_win_and_say_why() {
    let law = |plan: &Plan| match algorithm(plan) {
        ("a", 2.0) => Behaviour::Lies(0.1),
        ("b", 2.0) => Behaviour::Crashes,
        ("c", 2.0) => Behaviour::Takes(0.2, 900 * MIB),
        (_, workers) => Behaviour::Takes(4.0 / workers, 10 * MIB),
    };
    let descriptor = small();
    let mut setting = Setting::new(&descriptor, &[2]);
    setting.max_memory = Some(100 * MIB);
    let outcome = setting.run(&mut Bench::new(law, 0.05, 1), 1).unwrap();
    let out = |text: &str| outcome.plan(text).out.clone().unwrap();
    assert_eq!(out("algorithm=a,workers=2"), Out::Wrong("row 1: one off".into()));
    assert_eq!(out("algorithm=b,workers=2"), Out::Failed("was killed by signal 11".into()));
    assert_eq!(out("algorithm=c,workers=2"), Out::Memory(900 * MIB));
    assert!(outcome.winner(2).ends_with("workers=1"));
    // Without the limit the greedy one is simply the fastest.
    setting.max_memory = None;
    let outcome = setting.run(&mut Bench::new(law, 0.05, 1), 1).unwrap();
    assert_eq!(outcome.winner(2), "algorithm=c,workers=2");
    // A plan is out after its first trial: nobody waits for it again.
    assert_eq!(outcome.plan("algorithm=a,workers=2").times_s.len(), 1);
}

#[test]
fn where_nothing_is_left_the_causes_are_told() {
    let law = |plan: &Plan| match algorithm(plan) {
        (_, 1.0) => Behaviour::Takes(1.0, MIB),
        _ => Behaviour::Crashes,
    };
    let descriptor = small();
    let mut setting = Setting::new(&descriptor, &[2]);
    setting.fixed = "workers=2";
    let error = setting.run(&mut Bench::new(law, 0.0, 1), 1).unwrap_err();
    assert_eq!(
        error.to_string(),
        "no plan for 2 threads is left: algorithm=a,workers=2: failed: was killed by signal 11; \
         algorithm=b,workers=2: failed: was killed by signal 11; algorithm=c,workers=2: failed: was killed by signal 11"
    );
}

#[test]
fn fewer_threads_win_where_more_do_not_help() {
    let law = |plan: &Plan| {
        let (name, workers) = algorithm(plan);
        let seconds = if name == "a" { 1.0 + 0.5 * (workers - 2.0).abs() } else { 5.0 };
        Behaviour::Takes(seconds, MIB)
    };
    let descriptor = small();
    let outcome = Setting::new(&descriptor, &[4]).run(&mut Bench::new(law, 0.05, 3), 1).unwrap();
    assert_eq!(outcome.winner(4), "algorithm=a,workers=2");
}

#[test]
fn among_equals_fewest_threads_then_least_memory_then_the_order() {
    let law = |plan: &Plan| {
        let (name, _) = algorithm(plan);
        // A little slower, but not so much that anyone could tell.
        if name == "c" { Behaviour::Takes(2.01, 10 * MIB) } else { Behaviour::Takes(2.0, 30 * MIB) }
    };
    let descriptor = small();
    let outcome = Setting::new(&descriptor, &[4]).run(&mut Bench::new(law, 0.05, 1), 1).unwrap();
    assert_eq!(outcome.winner(4), "algorithm=c,workers=1");
    let equal = |_: &Plan| Behaviour::Takes(2.0, MIB);
    let outcome = Setting::new(&descriptor, &[4]).run(&mut Bench::new(equal, 0.0, 1), 1).unwrap();
    assert_eq!(outcome.winner(4), "algorithm=a,workers=1");
    assert_eq!(outcome.budgets[0].table.iter().filter(|(_, standing)| *standing == Standing::Level).count(), 11);
}

#[test]
fn like_plans_are_not_told_apart() {
    let mut descriptor = small();
    descriptor.axes.truncate(1);
    descriptor.axes[0] = Axis::choice("algorithm", "", &[("a", ""), ("b", "")]);
    descriptor.constraints.clear();
    for effort in [Effort::Quick, Effort::Normal, Effort::Thorough] {
        let claims = (0..40).filter(|seed| {
            let law = |_: &Plan| Behaviour::Takes(1.0, MIB);
            let mut setting = Setting::new(&descriptor, &[1]);
            setting.effort = effort;
            let outcome = setting.run(&mut Bench::new(law, 0.2, 1000 + seed), *seed).unwrap();
            outcome.budgets[0].table.iter().any(|(_, standing)| *standing == Standing::Slower)
        });
        let claims = claims.count();
        assert!(claims <= 2, "{effort:?}: {claims} of 40");
    }
}

#[test]
fn a_search_comes_close_to_trying_everything() {
    let descriptor = large();
    let none = Plan::new();
    let space = PlanSpace::new(&descriptor, 8, &none).plans().unwrap();
    assert!(space.len() >= 200, "{}", space.len());
    // Where inflating inline costs nothing extra the default's strategy wins; where it does, a shared pool.
    for (inline_cost, strategy) in [(1.0, "decode=inline"), (1.7, "decode=shared-pool")] {
        let law = |plan: &Plan| law_of_large(plan, inline_cost).0;
        let best = space.iter().map(law).fold(f64::INFINITY, f64::min);
        for (effort, seeds, most) in [(Effort::Quick, 4, 1.05), (Effort::Normal, 4, 1.04), (Effort::Thorough, 1, 1.04)]
        {
            for seed in 0..seeds {
                let behaviour = |plan: &Plan| Behaviour::Works(law(plan), law_of_large(plan, inline_cost).1, MIB);
                let mut bench = Bench::new(behaviour, 0.05, 77 + seed);
                let mut setting = Setting::new(&descriptor, &[8]);
                setting.effort = effort;
                let outcome = setting.run(&mut bench, seed).unwrap();
                let winner = &outcome.plans[outcome.budgets[0].winner].plan;
                assert!(law(winner) <= most * best, "{effort:?} {seed}: {winner}, {} against {best}", law(winner));
                assert!(winner.to_string().contains(strategy), "{effort:?} {seed}: {winner}");
                let exhaustive = space.len() * effort.rounds();
                assert_eq!(outcome.trials, bench.history.len());
                assert!(outcome.trials * 20 <= exhaustive, "{effort:?} {seed}: {} of {exhaustive}", outcome.trials);
            }
        }
    }
}

#[test]
fn a_standing_says_no_more_than_was_measured() {
    let descriptor = large();
    let mut bench = Bench::new(behaviour_of_large, 0.1, 3);
    let outcome = Setting::new(&descriptor, &[1, 2, 4]).run(&mut bench, 1).unwrap();
    let mut seen = std::collections::BTreeSet::new();
    for budget in &outcome.budgets {
        let best = outcome.plans[budget.winner].estimate.unwrap();
        for (index, standing) in &budget.table {
            let plan = &outcome.plans[*index];
            let median = plan.estimate.unwrap().median;
            seen.insert(format!("{standing:?}"));
            match standing {
                Standing::Winner | Standing::Level => assert!(plan.times_s.len() >= 5, "{plan:?}"),
                Standing::Slower => assert!(plan.times_s.len() >= 5 && median > best.median, "{plan:?} {best:?}"),
                Standing::FarSlower => assert!(median > 1.4 * best.median, "{plan:?} {best:?}"),
                Standing::NotPursued => assert!(plan.times_s.len() < 5, "{plan:?}"),
                Standing::Out => panic!("{plan:?}"),
            }
        }
    }
    for standing in ["Winner", "Level", "Slower", "FarSlower", "NotPursued"] {
        assert!(seen.contains(standing), "{seen:?}");
    }
}

#[test]
fn the_same_seed_gives_the_same_outcome() {
    let descriptor = large();
    let run = |seed| {
        let mut bench = Bench::new(behaviour_of_large, 0.05, 5);
        let outcome = Setting::new(&descriptor, &[2, 4]).run(&mut bench, seed).unwrap();
        (serde_json::to_string(&outcome).unwrap(), bench.history)
    };
    assert_eq!(run(1), run(1));
    assert_ne!(run(1).1, run(2).1);
}

#[test]
fn rounds_are_shuffled() {
    let descriptor = small();
    let mut bench = Bench::new(|_: &Plan| Behaviour::Takes(1.0, MIB), 0.1, 5);
    Setting::new(&descriptor, &[1]).run(&mut bench, 1).unwrap();
    // The reference first, then three plans a round.
    let rounds: Vec<&[Plan]> = bench.history[1..].chunks(3).collect();
    assert_eq!(rounds.len(), Effort::Normal.rounds());
    for round in &rounds {
        let mut plans = round.to_vec();
        plans.sort();
        plans.dedup();
        assert_eq!(plans.len(), 3);
    }
    assert!(rounds.windows(2).any(|pair| pair[0] != pair[1]));
}

#[test]
fn time_is_kept() {
    let descriptor = large();
    let mut bench = Bench::new(behaviour_of_large, 0.05, 5);
    let mut setting = Setting::new(&descriptor, &[4]);
    setting.max_time = Some(Duration::from_secs(120));
    let outcome = setting.run(&mut bench, 1).unwrap();
    assert!(outcome.out_of_time);
    // The trial that runs when the time is up is finished.
    assert!((120.0..130.0).contains(&outcome.elapsed_s), "{}", outcome.elapsed_s);
}

#[test]
fn an_interrupt_or_bad_input_ends_it_at_once() {
    let descriptor = small();
    for (behaviour, error) in [
        (Behaviour::Cancels, TuneError::Cancelled),
        (Behaviour::Refuses, TuneError::BadInput("input `bam`: truncated".into())),
    ] {
        let law = move |plan: &Plan| match algorithm(plan) {
            ("b", _) => behaviour,
            _ => Behaviour::Takes(1.0, MIB),
        };
        let mut bench = Bench::new(law, 0.0, 1);
        assert_eq!(Setting::new(&descriptor, &[1]).run(&mut bench, 1).unwrap_err(), error);
        assert_eq!(algorithm(bench.history.last().unwrap()).0, "b");
        let mut bench = Bench::new(move |_: &Plan| behaviour, 0.0, 1);
        assert_eq!(Setting::new(&descriptor, &[1]).run(&mut bench, 1).unwrap_err(), error);
    }
    let mut bench = Bench::new(|_: &Plan| Behaviour::Crashes, 0.0, 1);
    let error = Setting::new(&descriptor, &[1]).run(&mut bench, 1).unwrap_err();
    assert!(error.to_string().starts_with("reference plan algorithm=a,workers=1: was killed by signal 11"));
}

#[test]
fn what_the_user_fixes_stays() {
    let descriptor = large();
    let mut bench = Bench::new(behaviour_of_large, 0.05, 5);
    let mut setting = Setting::new(&descriptor, &[6]);
    setting.fixed = "decode=shared-pool,reader=htslib";
    let outcome = setting.run(&mut bench, 1).unwrap();
    let winner = outcome.winner(6);
    assert!(winner.contains("decode=shared-pool") && winner.contains("reader=htslib"), "{winner}");
    // No such plan fits one thread: speedup is told against the best serial plan of all.
    assert!(outcome.plans[outcome.one_thread].plan.to_string().contains("decode=inline"));
    let plans = outcome.budgets[0].table.iter().map(|(index, _)| &outcome.plans[*index]);
    assert!(plans.clone().all(|plan| plan.plan.word("decode") == Some("shared-pool")));
    assert!(plans.filter(|plan| plan.oversubscribed).all(|plan| plan.threads_used > 4));
    setting.fixed = "workers=9";
    assert!(matches!(setting.run(&mut bench, 1).unwrap_err(), TuneError::NoPlan(_)));
}
