//! The same tune twice gives the same winner, and a winner that is not the default is faster than it.

use super::super::*;
use super::bench::{Behaviour, Bench};
use super::engines::*;
use super::setting::Setting;

/// Who wins `threads` in each of twenty tunes of `law` with other seeds and other noise.
fn winners(law: impl Fn(&Plan) -> Behaviour, threads: i64, effort: Effort, noise: f64, shared: bool) -> Vec<String> {
    let descriptor = small();
    let tune = |seed: u64| {
        let bench = Bench::new(&law, noise, 500 + seed);
        let mut bench = if shared { bench.shared_with_others() } else { bench };
        let budgets = [1, threads];
        let mut setting = Setting::new(&descriptor, &budgets);
        setting.effort = effort;
        setting.run(&mut bench, seed).unwrap().winner(threads)
    };
    (0..20).map(tune).collect()
}

fn all_are(winners: &[String], expected: &str) {
    let others: Vec<&String> = winners.iter().filter(|winner| *winner != expected).collect();
    assert!(others.is_empty(), "{} of {} are not {expected}: {others:?}", others.len(), winners.len());
}

#[test]
fn of_like_plans_the_default_wins_each_time() {
    let law = |_: &Plan| Behaviour::Takes(1.0, MIB);
    for effort in [Effort::Quick, Effort::Normal, Effort::Thorough] {
        for (noise, shared) in [(0.02, false), (0.2, false), (0.05, true)] {
            all_are(&winners(law, 4, effort, noise, shared), "algorithm=a,workers=4");
        }
    }
}

#[test]
fn of_like_plans_that_beat_the_default_the_first_with_the_fewest_threads_wins_each_time() {
    let law = |plan: &Plan| Behaviour::Takes(if algorithm(plan).0 == "a" { 2.0 } else { 1.0 }, MIB);
    for effort in [Effort::Quick, Effort::Normal] {
        all_are(&winners(law, 4, effort, 0.05, false), "algorithm=b,workers=1");
    }
    // Memory counts where the difference is more than allocators make.
    for (c_mib, expected) in [(96, "algorithm=b,workers=1"), (50, "algorithm=c,workers=1")] {
        let law = move |plan: &Plan| match algorithm(plan).0 {
            "a" => Behaviour::Takes(2.0, 100 * MIB),
            "b" => Behaviour::Takes(1.0, 100 * MIB),
            _ => Behaviour::Takes(1.0, c_mib * MIB),
        };
        all_are(&winners(law, 4, Effort::Normal, 0.03, false), expected);
    }
}

#[test]
fn what_is_clearly_faster_wins_each_time_also_on_a_shared_machine() {
    let law = |plan: &Plan| {
        let (name, workers) = algorithm(plan);
        Behaviour::Takes(if name == "b" { 2.0 } else { 4.0 } / workers, MIB)
    };
    for effort in [Effort::Quick, Effort::Normal] {
        let winners = winners(law, 4, effort, 0.05, true);
        assert!(winners.iter().all(|winner| winner.starts_with("algorithm=b")), "{effort:?}: {winners:?}");
        let four = winners.iter().filter(|winner| winner.ends_with("workers=4")).count();
        assert!(four >= 18, "{effort:?}: {winners:?}");
    }
}

#[test]
fn a_time_that_is_too_short_keeps_the_default_in_doubt_and_the_time_that_would_do_does() {
    let descriptor = small();
    // The default is the slowest of all: there is something to find.
    let law = |plan: &Plan| Behaviour::Takes(if algorithm(plan).0 == "a" { 2.0 } else { 1.0 }, MIB);
    let tune = |max_time: Option<f64>| {
        let mut setting = Setting::new(&descriptor, &[1, 2]);
        setting.max_time = max_time.map(Duration::from_secs_f64);
        setting.run(&mut Bench::new(law, 0.02, 1), 1).unwrap()
    };
    for seconds in [0.0, 3.0, 10.0] {
        let outcome = tune(Some(seconds));
        assert!(outcome.out_of_time);
        for budget in &outcome.budgets {
            assert!(budget.doubt.is_some(), "{seconds}: {budget:?}");
            assert_eq!(budget.winner, budget.default, "{seconds}");
            assert!(!outcome.plans[budget.winner].times_s.is_empty());
        }
    }
    let mut bench = Bench::new(law, 0.02, 1);
    let reference = measure_reference(&descriptor, &mut bench).unwrap();
    let trial_s = reference.measurement.wall_s;
    let (class, fixed) = (Map::new(), Plan::new());
    let request = Request {
        descriptor: &descriptor,
        reference,
        input_class: &class,
        fixed: &fixed,
        threads: &[1, 2],
        usable_cores: 4,
        effort: Effort::Normal,
        trial_s,
        max_time: None,
        max_memory: None,
        seed: 1,
    };
    let enough_s = least_time_s(&request, trial_s).unwrap();
    assert!((20.0..150.0).contains(&enough_s), "{enough_s}");
    for budget in tune(Some(enough_s)).budgets.iter().chain(&tune(None).budgets) {
        assert!(budget.doubt.is_none() && budget.winner != budget.default, "{enough_s}: {budget:?}");
    }
}
