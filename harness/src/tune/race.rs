//! Rounds in which every plan that is still in is measured once.

use super::budget::Budget;
use super::choice::SAME_TIME;
use super::field::Field;
use super::{Phase, TuneError};
use crate::stats::LEAST_SAMPLES;

/// A plan whose samples all took more than this many times the best median leaves once it has been measured twice ...
const FAR_TWICE: f64 = 1.5;
/// ... and after a single sample where it took more than this. Wall times on a shared machine vary by 20 %, with spells
/// of twice as long: one sample three times as long as the best is not a spell, and costs no second look.
const FAR_ONCE: f64 = 3.0;
/// So many rounds should find time: nothing is decided on fewer.
const WANTED_ROUNDS: usize = LEAST_SAMPLES;
/// A plan leaves the race only with this confidence; it is asked many times whether it should.
const RACE_CONFIDENCE: f64 = 0.99;

/// Runs rounds until the effort is spent, every budget is decided, or the time is up.
pub(super) fn run(field: &mut Field<'_>, budgets: &mut [Budget<'_>]) -> Result<(), TuneError> {
    let rounds = field.request.effort.rounds();
    let mut fallen = field.wrong.len();
    reopen(field, budgets);
    let defaults: Vec<usize> = budgets.iter().map(|budget| field.enter(&budget.default)).collect();
    fit_into_time(field, budgets, &defaults, WANTED_ROUNDS);
    for round in 1..=rounds {
        let plans = racing(budgets, &defaults);
        if round > LEAST_SAMPLES && budgets.iter().all(|budget| budget.racing.len() <= 1) {
            break;
        }
        field.observer.phase(Phase::Race { round, rounds });
        let in_time = field.batch(&plans, plans.len() * (rounds - round))?;
        if field.wrong.len() > fallen {
            fallen = field.wrong.len();
            reopen(field, budgets);
        }
        for budget in budgets.iter_mut() {
            budget.racing.retain(|index| field.contenders[*index].out.is_none());
            drop_slower(field, budget);
        }
        if !in_time {
            break;
        }
        if round < WANTED_ROUNDS {
            fit_into_time(field, budgets, &defaults, WANTED_ROUNDS - round);
        }
    }
    Ok(())
}

/// Where a strategy fell, those that left the race as slower than its plans are in again.
fn reopen(field: &Field<'_>, budgets: &mut [Budget<'_>]) {
    if field.wrong.is_empty() {
        return;
    }
    for budget in budgets {
        let back = std::mem::take(&mut budget.slower);
        budget.racing.extend(back);
        budget.racing.retain(|index| field.contenders[*index].out.is_none());
    }
}

/// The plans of a round. Gains are told over the default plans: they stay to the end.
fn racing(budgets: &[Budget<'_>], defaults: &[usize]) -> Vec<usize> {
    let mut plans: Vec<usize> = budgets.iter().flat_map(|budget| budget.racing.iter().copied()).collect();
    plans.extend(defaults);
    plans.sort_unstable();
    plans.dedup();
    plans
}

/// Leaves out the slowest of what has been measured while the time that is left is too short for so many rounds of all.
fn fit_into_time(field: &mut Field<'_>, budgets: &mut [Budget<'_>], defaults: &[usize], rounds: usize) {
    let Some(left_s) = field.time_left_s() else { return };
    loop {
        let seconds = |index: &usize| field.contenders[*index].median().unwrap_or(0.0);
        let round_s: f64 = racing(budgets, defaults).iter().map(seconds).sum();
        // A space that goes into the race whole has not been measured: there is nothing to choose by.
        let measured = budgets.iter_mut().filter(|budget| budget.racing.iter().all(|index| seconds(index) > 0.0));
        let widest = measured.max_by_key(|budget| budget.racing.len()).filter(|budget| budget.racing.len() > 1);
        let Some(widest) = widest.filter(|_| round_s * rounds as f64 > left_s) else { return };
        let by_time = |left: &&usize, right: &&usize| seconds(left).total_cmp(&seconds(right));
        let slowest = widest.racing.iter().max_by(by_time).copied();
        widest.racing.retain(|index| Some(*index) != slowest);
        field.leave_out();
    }
}

/// Whether these times are so far above the best median that more of them would change nothing.
pub(super) fn is_far_slower(times: &[f64], best_median: f64) -> bool {
    let quickest = times.iter().copied().fold(f64::INFINITY, f64::min);
    match times.len() {
        0 => false,
        1 => quickest > FAR_ONCE * best_median,
        _ => quickest > FAR_TWICE * best_median,
    }
}

/// Takes the plans out of the race that are slower beyond doubt.
fn drop_slower(field: &Field<'_>, budget: &mut Budget<'_>) {
    let median = |index: usize| field.contenders[index].median().unwrap_or(f64::INFINITY);
    let Some(best) = budget.racing.iter().copied().min_by(|a, b| median(*a).total_cmp(&median(*b))) else { return };
    let best_median = median(best);
    let seed = field.request.seed;
    let best_interval = field.contenders[best].estimate(RACE_CONFIDENCE, seed).and_then(|estimate| estimate.interval);
    let is_slower = |index: &usize| {
        let times = field.contenders[*index].times();
        let far = is_far_slower(&times, best_median);
        let enough = times.len() >= LEAST_SAMPLES && field.contenders[best].times().len() >= LEAST_SAMPLES;
        // What lies so near may yet be as good for all that matters, and with fewer threads: it stays.
        let apart = median(*index) > SAME_TIME * best_median;
        let interval = || field.contenders[*index].estimate(RACE_CONFIDENCE, seed)?.interval;
        far || (enough && apart && interval().zip(best_interval).is_some_and(|(own, best)| own.is_above(&best)))
    };
    let (slower, racing): (Vec<usize>, Vec<usize>) = budget.racing.iter().partition(|index| is_slower(index));
    budget.racing = racing;
    budget.slower.extend(slower);
}
