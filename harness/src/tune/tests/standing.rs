//! What is said of each plan.

use super::super::*;
use super::bench::Bench;
use super::engines::*;
use super::setting::Setting;

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
