//! Plans that are wrong, crash or take too much, and what ends a tune early.

use super::super::*;
use super::bench::{Behaviour, Bench};
use super::engines::*;
use super::setting::Setting;

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
fn a_plan_whose_trial_was_ended_for_its_memory_is_out_and_says_why() {
    let law = |plan: &Plan| match algorithm(plan) {
        ("c", 2.0) => Behaviour::Hogs(900 * MIB),
        (_, workers) => Behaviour::Takes(4.0 / workers, 10 * MIB),
    };
    let descriptor = small();
    let outcome = Setting::new(&descriptor, &[2]).run(&mut Bench::new(law, 0.05, 1), 1).unwrap();
    let hog = outcome.plan("algorithm=c,workers=2");
    assert_eq!((&hog.out, hog.times_s.len()), (&Some(Out::Memory(900 * MIB)), 0));
    assert_eq!(hog.out.as_ref().unwrap().to_string(), "takes 900 MiB of memory, more than it may");
    assert!(outcome.winner(2).ends_with("workers=2"));
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
fn time_is_kept() {
    let descriptor = large();
    let mut bench = Bench::new(behaviour_of_large, 0.05, 5);
    let mut setting = Setting::new(&descriptor, &[4]);
    setting.max_time = Some(Duration::from_secs(120));
    let outcome = setting.run(&mut bench, 1).unwrap();
    assert!(outcome.out_of_time);
    // The trial that runs when the time is up is finished. What is kept for fresh rounds is not spent where none are needed.
    assert!((60.0..130.0).contains(&outcome.elapsed_s), "{}", outcome.elapsed_s);
}

#[test]
fn a_search_that_is_cut_leaves_time_for_the_race() {
    let descriptor = large();
    for budgets in [&[4][..], &[2, 3, 4]] {
        let mut bench = Bench::new(behaviour_of_large, 0.05, 5);
        let mut setting = Setting::new(&descriptor, budgets);
        setting.max_time = Some(Duration::from_secs(100 * budgets.len() as u64 + 50));
        let outcome = setting.run(&mut bench, 1).unwrap();
        assert!(outcome.out_of_time);
        for budget in &outcome.budgets {
            assert!(budget.table.len() > 4, "{budget:?}");
            let most = budget.table.iter().map(|(index, _)| outcome.plans[*index].times_s.len()).max();
            assert!(most >= Some(2), "{budget:?}");
            // What won over the default did so in five rounds or more; else the default is kept, and that is said.
            let is_default = budget.winner == budget.default;
            let rounds = budget.default_ratio.map_or(0, |ratio| ratio.samples);
            assert!(if is_default { budget.doubt.is_some() } else { rounds >= 5 }, "{budget:?}");
        }
    }
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
