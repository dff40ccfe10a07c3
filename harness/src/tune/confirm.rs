//! Fresh rounds of the plans that look better than the default, against the default.
//!
//! Of many plans the one that looks best does so by luck, too. Rounds that had no part in choosing it have no such luck.

use super::budget::Budget;
use super::choice::nominate;
use super::field::Field;
use super::{Phase, TuneError};

/// Measures, for each budget, the plans that may be saved over the default once more, and the default beside them. Plans
/// that were confirmed before are left alone.
pub(super) fn run(field: &mut Field<'_>, budgets: &mut [Budget<'_>]) -> Result<(), TuneError> {
    let mut plans = Vec::new();
    for budget in budgets.iter_mut().filter(|budget| budget.wanted) {
        let default = field.enter(&budget.default);
        let eligible = super::outcome::eligible(field, budget);
        let nominees = nominate(&field.contenders, &eligible, default, field.request.seed);
        let fresh: Vec<usize> = nominees.into_iter().filter(|index| !budget.confirmed.contains(index)).collect();
        if !fresh.is_empty() {
            plans.push(default);
            plans.extend(&fresh);
            budget.confirmed.extend(fresh);
        }
    }
    plans.sort_unstable();
    plans.dedup();
    if plans.is_empty() {
        return Ok(());
    }
    let rounds = field.request.effort.fresh_rounds();
    field.begin_fresh_rounds();
    for round in 1..=rounds {
        field.observer.phase(Phase::Confirm { round, rounds });
        if !field.batch(&plans, plans.len() * (rounds - round))? {
            break;
        }
    }
    Ok(())
}
