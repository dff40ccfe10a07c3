//! Which plans of a large space the search finds.

use super::super::*;
use super::bench::{Behaviour, Bench};
use super::engines::*;
use super::setting::Setting;
use scaletune_descriptor::PlanSpace;

/// Of plans that can't be told apart the first wins; so much slower than the best it may be.
const TIED: f64 = 1.10;

/// Seconds of the best plan that was measured.
fn found(outcome: &Outcome, law: impl Fn(&Plan) -> f64) -> f64 {
    let measured = outcome.budgets[0].table.iter().map(|(index, _)| law(&outcome.plans[*index].plan));
    measured.fold(f64::INFINITY, f64::min)
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
                assert!(law(winner) <= TIED * best, "{effort:?} {seed}: {winner}, {} against {best}", law(winner));
                let found = found(&outcome, law);
                assert!(found <= most * best, "{effort:?} {seed}: {found} against {best}");
                assert!(winner.to_string().contains(strategy), "{effort:?} {seed}: {winner}");
                let exhaustive = space.len() * effort.rounds();
                assert_eq!(outcome.trials, bench.history.len());
                assert!(outcome.trials * 20 <= exhaustive, "{effort:?} {seed}: {} of {exhaustive}", outcome.trials);
            }
        }
    }
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

#[test]
fn stages_are_searched_apart_and_added_up() {
    let (descriptor, none) = (staged(), Plan::new());
    let space = PlanSpace::new(&descriptor, 8, &none).plans().unwrap();
    assert!(space.len() >= 5000, "{}", space.len());
    let seconds = |plan: &Plan| {
        let (load, em, other) = law_of_staged(plan);
        load + em + other
    };
    let best = space.iter().map(seconds).fold(f64::INFINITY, f64::min);
    for (effort, seeds) in [(Effort::Quick, 2), (Effort::Normal, 1)] {
        for seed in 0..seeds {
            let law = |plan: &Plan| {
                let (load, em, other) = law_of_staged(plan);
                Behaviour::Staged(load, em, other)
            };
            let mut bench = Bench::new(law, 0.05, 300 + seed);
            let mut setting = Setting::new(&descriptor, &[8]);
            setting.effort = effort;
            let outcome = setting.run(&mut bench, seed).unwrap();
            let winner = &outcome.plans[outcome.budgets[0].winner].plan;
            assert!(seconds(winner) <= TIED * best, "{effort:?} {seed}: {winner}, {} against {best}", seconds(winner));
            let found = found(&outcome, seconds);
            assert!(found <= 1.04 * best, "{effort:?} {seed}: {found} against {best}");
            // A sum of the stages' plans, not their product.
            let measured = outcome.budgets[0].table.len();
            assert!(measured * 20 <= space.len(), "{effort:?} {seed}: {measured} of {}", space.len());
        }
    }
}

#[test]
fn many_threads_are_split_by_steps_that_halve() {
    let (descriptor, threads) = (large(), 64);
    let seconds = |plan: &Plan| law_of_many_threads(plan).0;
    let budgets = [threads];
    let none = Plan::new();
    let listed = PlanSpace::new(&descriptor, threads, &none).plans().unwrap().len();
    // Every split, listed or not, with the strategies and the size that are best under this law.
    let mut best = f64::INFINITY;
    let mut splits = 0;
    for decode in ["inline", "per-reader", "shared-pool"] {
        for (workers, inflaters) in (1..=threads).flat_map(|workers| (0..=threads).map(move |it| (workers, it))) {
            let busy = if decode == "per-reader" { workers * (1 + inflaters) } else { workers + inflaters };
            if busy <= threads && (decode == "inline") == (inflaters == 0) {
                let text = format!("partition=bytes,decode={decode},reader=raw,tasks-per-worker=8");
                let mut plan = Plan::parse(&text).unwrap();
                plan.set("workers", workers);
                plan.set("decode-threads", inflaters);
                best = best.min(seconds(&plan));
                splits += 1;
            }
        }
    }
    assert!(splits > 2000, "{splits}");
    let mut near = 0;
    for (effort, seeds) in [(Effort::Quick, 2), (Effort::Normal, 1)] {
        for seed in 0..seeds {
            let mut bench = Bench::new(
                |plan: &Plan| Behaviour::Works(seconds(plan), law_of_many_threads(plan).1, MIB),
                0.05,
                40 + seed,
            );
            let mut setting = Setting::new(&descriptor, &budgets);
            setting.effort = effort;
            let outcome = setting.run(&mut bench, seed).unwrap();
            let winner = &outcome.plans[outcome.budgets[0].winner].plan;
            let (found, measured) = (seconds(winner), outcome.budgets[0].table.len());
            // The best plans of two kinds of strategies are 7 % apart, each far from the other.
            assert!(found <= 1.1 * best, "{effort:?} {seed}: {winner}, {found} against {best}");
            near += usize::from(found <= 1.05 * best);
            assert!(measured < 400, "{effort:?} {seed}: {measured} of {listed} listed");
        }
    }
    assert!(near >= 2, "{near} of 3 within 5 %");
}
