//! Which plans of a large space the search finds.

use super::super::*;
use super::bench::{Behaviour, Bench};
use super::engines::*;
use super::setting::Setting;
use scaletune_descriptor::PlanSpace;

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
