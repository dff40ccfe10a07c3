//! Fresh rounds of the plans that look better than the default, against the default.
//!
//! Of many plans the one that looks best does so by luck, too. Rounds that had no part in choosing it have no such luck.

use super::budget::Budget;
use super::choice::{is_confirmed, nominate};
use super::field::Field;
use super::{Phase, TuneError};

/// Of two like plans one is the faster in all of so many rounds in 1 of 128 cases. With fewer, luck would be taken for proof
/// too often.
const FEWEST_ROUNDS: usize = 7;

/// Measures, for each budget, the plans that may be saved over the default once more, and the default beside them. Plans
/// that were confirmed before are left alone.
pub(super) fn run(field: &mut Field<'_>, budgets: &mut [Budget<'_>]) -> Result<(), TuneError> {
    let mut plans = Vec::new();
    let mut pairs: Vec<(usize, usize)> = Vec::new();
    for budget in budgets.iter_mut().filter(|budget| budget.wanted) {
        let default = field.enter(&budget.default);
        let eligible = super::outcome::eligible(field, budget);
        let nominees = nominate(&field.contenders, &eligible, default, field.request.seed);
        let fresh: Vec<usize> = nominees.into_iter().filter(|index| !budget.confirmed.contains(index)).collect();
        if !fresh.is_empty() {
            plans.push(default);
            plans.extend(&fresh);
            pairs.extend(fresh.iter().map(|index| (*index, default)));
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
        let (contenders, from, seed) = (&field.contenders, field.fresh_from(), field.request.seed);
        let is_settled = |(index, default): &(usize, usize)| {
            !contenders[*index].stands() || is_confirmed(&contenders[*index], &contenders[*default], from, seed)
        };
        if round >= FEWEST_ROUNDS && pairs.iter().all(is_settled) {
            break;
        }
    }
    Ok(())
}
