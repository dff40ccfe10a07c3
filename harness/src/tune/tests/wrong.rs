//! A strategy that gives another answer anywhere can't win anywhere.

use super::super::*;
use super::bench::{Behaviour, Bench};
use super::engines::*;
use super::setting::Setting;

/// Finds fault with one algorithm, under plans that no race sees, and counts its calls.
struct Finds<'a> {
    algorithm: &'a str,
    seen: Vec<Candidate>,
}

impl Examiner for Finds<'_> {
    fn examine(&mut self, candidates: &[Candidate]) -> Result<Vec<Wrong>, TuneError> {
        self.seen.extend(candidates.iter().cloned());
        let faulty = candidates.iter().filter(|it| it.plan.word("algorithm") == Some(self.algorithm));
        let wrong = |candidate: &Candidate| Wrong {
            strategy: Plan::new(),
            under: candidate.plan.clone(),
            on: "another workload".into(),
            difference: "row 7: one off".into(),
        };
        Ok(faulty.map(wrong).collect())
    }
}

/// `b` is the fastest, then `c`, then the default `a`; all scale.
fn law(plan: &Plan) -> Behaviour {
    let (name, workers) = algorithm(plan);
    let seconds = match name {
        "a" => 8.0,
        "b" => 2.0,
        _ => 4.0,
    };
    Behaviour::Takes(seconds / workers, MIB)
}

#[test]
fn one_wrong_plan_takes_its_strategy_out_of_every_budget() {
    let descriptor = small();
    // Right with one and two workers, wrong with four only.
    let law = |plan: &Plan| if algorithm(plan) == ("b", 4.0) { Behaviour::Lies(0.5) } else { law(plan) };
    let outcome = Setting::new(&descriptor, &[1, 2, 4]).run(&mut Bench::new(law, 0.05, 1), 1).unwrap();
    for threads in [1, 2, 4] {
        assert_eq!(outcome.winner(threads), format!("algorithm=c,workers={threads}"));
    }
    let [wrong] = &outcome.wrong[..] else { panic!("{:?}", outcome.wrong) };
    assert_eq!(
        (wrong.strategy.to_string(), wrong.under.to_string()),
        ("algorithm=b".into(), "algorithm=b,workers=4".into())
    );
    let out = |text: &str| outcome.plan(text).out.clone();
    assert_eq!(out("algorithm=b,workers=4"), Some(Out::Wrong("row 1: one off".into())));
    let words = out("algorithm=b,workers=2").unwrap().to_string();
    assert_eq!(words, "wrong answer of its strategy: under algorithm=b,workers=4 on these inputs: row 1: one off");
    for budget in &outcome.budgets {
        assert!(!outcome.plans[budget.runner_up.unwrap()].plan.to_string().contains("algorithm=b"));
    }
}

#[test]
fn a_winner_that_falls_on_another_workload_gives_way_to_one_that_was_looked_at_too() {
    let descriptor = small();
    let budgets = [1, 2];
    let mut examiner = Finds { algorithm: "b", seen: Vec::new() };
    let setting = Setting::new(&descriptor, &budgets);
    let outcome = setting.run_examined(&mut Bench::new(law, 0.05, 1), &mut examiner, 1).unwrap();
    for threads in [1, 2] {
        assert_eq!(outcome.winner(threads), format!("algorithm=c,workers={threads}"));
        let budget = outcome.budgets.iter().find(|budget| budget.threads == threads).unwrap();
        assert_eq!(budget.doubt, None);
        let winner = outcome.plans[budget.winner].plan.clone();
        assert!(examiner.seen.contains(&Candidate { threads, plan: winner }), "{:?}", examiner.seen);
    }
    // Nothing is looked at twice.
    let mut once = examiner.seen.clone();
    once.sort();
    once.dedup();
    assert_eq!(once.len(), examiner.seen.len());
    assert_eq!(outcome.wrong[0].on, "another workload");
}

#[test]
fn a_default_that_is_wrong_is_not_kept() {
    let descriptor = small();
    let mut examiner = Finds { algorithm: "a", seen: Vec::new() };
    // Everything is slower than the default, and the default is wrong on another workload.
    let law = |plan: &Plan| Behaviour::Takes(if algorithm(plan).0 == "a" { 1.0 } else { 3.0 }, MIB);
    let setting = Setting::new(&descriptor, &[2]);
    let outcome = setting.run_examined(&mut Bench::new(law, 0.05, 1), &mut examiner, 1).unwrap();
    let budget = &outcome.budgets[0];
    assert!(matches!(budget.default_out, Some(Out::WrongStrategy { .. })), "{budget:?}");
    assert_ne!(budget.winner, budget.default);
    // The reference plan is right by definition; it shares the strategy's name, and no more than that.
    assert!(outcome.plans[budget.winner].out.is_none());
}

#[test]
fn where_all_else_is_wrong_the_reference_plan_is_left() {
    let descriptor = small();
    let law = |plan: &Plan| match algorithm(plan) {
        ("a", 1.0) => Behaviour::Takes(4.0, MIB),
        _ => Behaviour::Lies(0.1),
    };
    let outcome = Setting::new(&descriptor, &[2]).run(&mut Bench::new(law, 0.0, 1), 1).unwrap();
    assert_eq!(outcome.winner(2), "algorithm=a,workers=1");
    assert_eq!(outcome.wrong.len(), 3);
}
