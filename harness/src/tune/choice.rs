//! Which of the plans left wins.
//!
//! The engine's default wins unless another plan is faster beyond doubt: in [`LEAST_SAMPLES`] rounds or more against it the
//! interval of the ratio lies below 1, and so it does in rounds that had no part in choosing the plan ([`super::confirm`]).
//! Of several such plans those that can't be told from the fastest are as good: of these the one with the fewest busy
//! threads wins, then the one with clearly less memory, then the first in the engine's order. No step asks which of two
//! like plans was luckier, so the same tune twice gives the same winner.

use super::contender::Contender;
use super::race::is_far_slower;
use crate::stats::{CONFIDENCE, Estimate, Interval, LEAST_SAMPLES, median};
use serde::Serialize;
use std::cmp::Ordering;
use std::fmt;

/// Peak memory within this ratio is the same: allocators and the page cache of libraries vary by as much.
const SAME_MEMORY: f64 = 1.10;

/// Fewer threads may cost so much by the median of the pairs: with few samples, plans that can't be told apart may differ
/// by more than a user would give for a thread.
pub(super) const SAME_TIME: f64 = 1.10;

/// The confidence with which fresh rounds must confirm a plan.
const CONFIRMED: f64 = 0.99;

/// The confidence with which two plans are told apart where it decides who of them wins: there are many to be told from,
/// and twenty tunes in a row should come to the same.
const TOLD_APART: f64 = 0.999;

/// What the plans still in come to.
#[derive(Debug, PartialEq)]
pub(super) struct Choice {
    /// The plan to use.
    pub(super) winner: usize,
    /// The fastest of the others.
    pub(super) runner_up: Option<usize>,
    /// The smallest median.
    pub(super) fastest: usize,
    /// Plans that can't be told from the fastest, the fastest included.
    pub(super) level: Vec<usize>,
    /// Why the winner is only the best guess.
    pub(super) doubt: Option<Doubt>,
}

/// Why a winner is provisional: another plan may be better, and nobody can tell yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "why", content = "rounds")]
pub enum Doubt {
    /// There were so many rounds against the default, where five decide.
    FewRounds(usize),
    /// So many rounds were undisturbed by other work on the machine, where five decide.
    Disturbed(usize),
}

impl fmt::Display for Doubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (rounds, what) = match self {
            Doubt::FewRounds(rounds) => (rounds, "there was time for"),
            Doubt::Disturbed(rounds) => (rounds, "other work on the machine left undisturbed"),
        };
        let plural = if *rounds == 1 { "" } else { "s" };
        write!(f, "{what} {rounds} round{plural} against the default, and fewer than {LEAST_SAMPLES} decide nothing")
    }
}

/// How many times as long one plan took as another, in each undisturbed round from batch `from` on that measured both.
fn ratios(own: &Contender, other: &Contender, from: usize) -> Vec<f64> {
    let (above, below) = own.pairs_since(other, from);
    above.iter().zip(&below).map(|(above, below)| above / below).collect()
}

/// Whether enough rounds from batch `from` on say that `own` takes less time than `other`.
fn is_faster(own: &Contender, other: &Contender, from: usize, confidence: f64, seed: u64) -> bool {
    let ratios = ratios(own, other, from);
    // Redrawing takes a while: first what needs none.
    if ratios.len() < LEAST_SAMPLES || median(&ratios).is_none_or(|median| median >= 1.0) {
        return false;
    }
    let estimate = Estimate::with_confidence(&ratios, confidence, seed);
    estimate.is_some_and(|it| it.interval.is_some_and(|interval| interval.high < 1.0))
}

/// Whether fresh rounds, those from batch `from` on, have confirmed that `own` is faster than the default.
pub(super) fn is_confirmed(own: &Contender, default: &Contender, from: usize, seed: u64) -> bool {
    is_faster(own, default, from, CONFIRMED, seed)
}

/// The plans that may win over the default, and so deserve fresh rounds against it: the one that would win, and the
/// fastest. Empty where nothing looks better than the default, or the default is out.
pub(super) fn nominate(contenders: &[Contender], plans: &[usize], default: usize, seed: u64) -> Vec<usize> {
    if !contenders[default].stands() {
        return Vec::new();
    }
    let beats = |index: &usize| {
        *index != default
            && contenders[*index].stands()
            && is_faster(&contenders[*index], &contenders[default], 0, CONFIDENCE, seed)
    };
    let better: Vec<usize> = plans.iter().copied().filter(beats).collect();
    let mut nominees: Vec<usize> = as_good(contenders, &better, seed).into_iter().collect();
    nominees.extend(fastest(contenders, &better).filter(|index| !nominees.contains(index)));
    nominees
}

/// Of `plans` the one with the smallest median.
fn fastest(contenders: &[Contender], plans: &[usize]) -> Option<usize> {
    let middle = |index: &usize| contenders[*index].median().unwrap_or(f64::INFINITY);
    plans.iter().copied().min_by(|left, right| middle(left).total_cmp(&middle(right)))
}

/// Of `plans`, in the engine's order, the one to take: of those that can't be told from the fastest the one with the fewest
/// threads, then the least memory, then the first.
fn as_good(contenders: &[Contender], plans: &[usize], seed: u64) -> Option<usize> {
    let best = fastest(contenders, plans)?;
    let is_level = |index: &usize| {
        if *index == best {
            return true;
        }
        let (own, best) = (&contenders[*index], &contenders[best]);
        let ratios = ratios(own, best, 0);
        if ratios.len() < LEAST_SAMPLES {
            // Too few rounds together: by the medians alone.
            return own.median().zip(best.median()).is_some_and(|(own, best)| own <= best * SAME_TIME);
        }
        let Some(estimate) = Estimate::with_confidence(&ratios, TOLD_APART, seed) else { return false };
        estimate.median <= SAME_TIME && estimate.interval.is_none_or(|interval| interval.low <= 1.0)
    };
    let level: Vec<usize> = plans.iter().copied().filter(is_level).collect();
    let fewest = level.iter().map(|index| contenders[*index].threads_used).min()?;
    let thrifty: Vec<usize> = level.into_iter().filter(|index| contenders[*index].threads_used == fewest).collect();
    let least = thrifty.iter().map(|index| contenders[*index].memory()).min()? as f64;
    thrifty.into_iter().find(|index| contenders[*index].memory() as f64 <= least * SAME_MEMORY)
}

/// Chooses among `plans` (indices, in the engine's order) and the default; rounds from batch `fresh_from` on had no part in
/// nominating anyone. None where none of them has been measured.
pub(super) fn choose(
    contenders: &[Contender],
    plans: &[usize],
    default: usize,
    fresh_from: usize,
    seed: u64,
) -> Option<Choice> {
    let middle = |index: &usize| contenders[*index].median().unwrap_or(f64::INFINITY);
    let by_median = |left: &usize, right: &usize| middle(left).total_cmp(&middle(right));
    let mut standing: Vec<usize> = plans.iter().copied().filter(|index| contenders[*index].stands()).collect();
    let default_stands = contenders[default].stands();
    if default_stands && !standing.contains(&default) {
        standing.push(default);
    }
    let fastest = fastest(contenders, &standing)?;
    // A single sample has no interval: nothing is known of its spread, so it ties with its own value only.
    let interval = |index: usize| -> Option<Interval> {
        let estimate = contenders[index].estimate(CONFIDENCE, seed)?;
        Some(estimate.interval.unwrap_or(Interval { low: estimate.median, high: estimate.median }))
    };
    let best = interval(fastest)?;
    let overlaps = |index: &usize| interval(*index).is_some_and(|own| own.overlaps(&best));
    let level: Vec<usize> = standing.iter().copied().filter(overlaps).collect();

    let may_replace = |index: &usize| {
        let (own, default) = (&contenders[*index], &contenders[default]);
        is_faster(own, default, 0, CONFIDENCE, seed) && is_confirmed(own, default, fresh_from, seed)
    };
    let (winner, doubt) = if default_stands {
        let better: Vec<usize> = standing.iter().copied().filter(may_replace).collect();
        match as_good(contenders, &better, seed) {
            Some(winner) => (winner, None),
            None => (default, doubt_of_default(contenders, plans, default, fresh_from, seed)),
        }
    } else {
        // There is no default to keep: the best of those that were measured well, else of any.
        let enough = |index: &usize| contenders[*index].times().len() >= LEAST_SAMPLES;
        let well: Vec<usize> = standing.iter().copied().filter(enough).collect();
        let winner = as_good(contenders, if well.is_empty() { &standing } else { &well }, seed)?;
        let rounds = contenders[winner].times().len();
        (winner, (rounds < LEAST_SAMPLES).then_some(Doubt::FewRounds(rounds)))
    };

    let by_level = |left: &usize, right: &usize| -> Ordering {
        level.contains(right).cmp(&level.contains(left)).then(by_median(left, right))
    };
    let runner_up = standing.iter().copied().filter(|index| *index != winner).min_by(by_level);
    Some(Choice { winner, runner_up, fastest, level, doubt })
}

/// Whether the default is kept for want of rounds, and not because nothing was faster.
fn doubt_of_default(
    contenders: &[Contender],
    plans: &[usize],
    default: usize,
    fresh_from: usize,
    seed: u64,
) -> Option<Doubt> {
    let own = &contenders[default];
    if own.times().len() < LEAST_SAMPLES {
        return Some(Doubt::FewRounds(own.times().len()));
    }
    // What fresh rounds have not confirmed is no faster, and its like that they had no time for are not either.
    let asked = |other: &Contender| ratios(other, own, fresh_from).len();
    let was_asked = plans.iter().any(|index| *index != default && asked(&contenders[*index]) >= LEAST_SAMPLES);
    let others = plans.iter().filter(|index| **index != default).map(|index| &contenders[*index]);
    for other in others.filter(|it| it.out.is_none() && !is_far_slower(&it.times(), own.median().unwrap_or(0.0))) {
        // Where it looks better, what counts are the rounds that would have confirmed it.
        let looks_faster = is_faster(other, own, 0, CONFIDENCE, seed);
        if looks_faster && was_asked {
            continue;
        }
        let from = if looks_faster { fresh_from } else { 0 };
        let undisturbed = ratios(other, own, from).len();
        let looks_better = median(&ratios(other, own, 0)).is_none_or(|ratio| ratio < 1.0);
        if undisturbed < LEAST_SAMPLES && looks_better {
            let were_enough = other.rounds_with(own, from) >= LEAST_SAMPLES;
            return Some(if were_enough { Doubt::Disturbed(undisturbed) } else { Doubt::FewRounds(undisturbed) });
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::Disturbance;
    use crate::trial::{Equivalence, Measurement};
    use scaletune_descriptor::Plan;

    /// A contender with these times, threads and memory.
    fn contender(times: &[f64], threads: i64, memory: u64) -> Contender {
        let mut contender = Contender::new(Plan::new(), threads);
        for (batch, wall_s) in times.iter().enumerate() {
            let measurement = Measurement {
                wall_s: *wall_s,
                cpu_s: *wall_s,
                peak_rss_bytes: memory,
                peak_threads: 1,
                runs: 1,
                stages: vec![],
                equivalence: Equivalence::Same,
                ..Measurement::default()
            };
            contender.add(batch, measurement);
        }
        contender
    }

    const FAST: [f64; 5] = [1.0, 1.1, 1.2, 1.3, 1.4];
    const LEVEL: [f64; 5] = [1.04, 1.14, 1.24, 1.34, 1.24];
    const SLOW: [f64; 5] = [2.0, 2.1, 2.2, 2.3, 2.4];

    fn all(contenders: &[Contender], default: usize, fresh_from: usize) -> Choice {
        choose(contenders, &(0..contenders.len()).collect::<Vec<_>>(), default, fresh_from, 1).unwrap()
    }

    /// The winner where the default, 0, is out, so that it has no say.
    fn winner(contenders: &[(&[f64], i64, u64)]) -> usize {
        let mut default = contender(&[1.0], 1, 1);
        default.out = Some(super::super::Out::NotCompared);
        let others = contenders.iter().map(|(times, threads, memory)| contender(times, *threads, *memory));
        all(&std::iter::once(default).chain(others).collect::<Vec<_>>(), 0, usize::MAX).winner - 1
    }

    #[test]
    fn threads_then_memory_then_order() {
        assert_eq!(winner(&[(&FAST, 4, 100), (&LEVEL, 2, 900), (&SLOW, 1, 1)]), 1);
        assert_eq!(winner(&[(&FAST, 2, 200), (&LEVEL, 2, 100)]), 1);
        // Memory within a tenth is the same: then the first, not the one that was luckier.
        assert_eq!(winner(&[(&LEVEL, 2, 109), (&FAST, 2, 100)]), 0);
        assert_eq!(winner(&[(&LEVEL, 2, 111), (&FAST, 2, 100)]), 1);
        assert_eq!(winner(&[(&FAST, 2, 100), (&FAST, 2, 100)]), 0);
        // Told from the fastest: a thread less is worth a tenth, and no more.
        assert_eq!(winner(&[(&FAST, 4, 100), (&FAST.map(|it| 1.2 * it), 2, 100)]), 0);
    }

    #[test]
    fn the_default_wins_unless_fresh_rounds_say_otherwise() {
        let twice = |times: &[f64]| [times, times].concat();
        let contenders = [contender(&twice(&SLOW), 2, 1), contender(&twice(&FAST), 2, 1)];
        assert_eq!(nominate(&contenders, &[0, 1], 0, 1), [1]);
        // Batches 5 to 9 are fresh.
        assert_eq!((all(&contenders, 0, 5).winner, all(&contenders, 0, 5).doubt), (1, None));
        // Four fresh rounds decide nothing, and none at all even less.
        let choice = all(&contenders, 0, 6);
        assert_eq!((choice.winner, choice.doubt), (0, Some(Doubt::FewRounds(4))));
        assert_eq!(all(&contenders, 0, usize::MAX).doubt, Some(Doubt::FewRounds(0)));
        // Luck in the race that fresh rounds do not bear out: a tie, and so the default, whatever its threads and memory.
        let lucky = contender(&[&FAST[..], &SLOW[..]].concat(), 1, 1);
        let contenders = [contender(&twice(&SLOW), 2, 100), lucky];
        let choice = all(&contenders, 0, 5);
        assert_eq!((choice.winner, choice.runner_up, choice.doubt), (0, Some(1), None));
    }

    #[test]
    fn a_default_that_was_hardly_measured_is_kept_in_doubt() {
        for samples in 0..5 {
            let contenders = [contender(&FAST[..samples], 2, 1), contender(&[0.9, 0.95][..samples.min(2)], 1, 1)];
            if samples == 0 {
                assert_eq!(choose(&contenders, &[0, 1], 0, usize::MAX, 1), None);
                continue;
            }
            let choice = all(&contenders, 0, usize::MAX);
            assert_eq!((choice.winner, choice.doubt), (0, Some(Doubt::FewRounds(samples))));
        }
        // Slower beyond doubt, or left early as far slower: nothing is left open.
        let contenders = [contender(&FAST, 2, 1), contender(&SLOW, 1, 1), contender(&[9.0], 1, 1)];
        assert_eq!((all(&contenders, 0, usize::MAX).winner, all(&contenders, 0, usize::MAX).doubt), (0, None));
    }

    #[test]
    fn disturbed_rounds_do_not_count() {
        let mut disturbed = contender(&[], 2, 1);
        for batch in 0..10 {
            let measurement = Measurement {
                wall_s: 1.0,
                disturbance: Some(Disturbance {
                    capacity_s: 1.0,
                    others_s: if batch < 7 { 0.0 } else { 0.5 },
                    ..Disturbance::default()
                }),
                equivalence: Equivalence::Same,
                ..Measurement::default()
            };
            disturbed.add(batch, measurement);
        }
        let contenders = [contender(&[2.0; 10], 2, 1), disturbed];
        let choice = all(&contenders, 0, 5);
        assert_eq!((choice.winner, choice.doubt), (0, Some(Doubt::Disturbed(2))));
        assert!(choice.doubt.unwrap().to_string().contains("left undisturbed 2 rounds"), "{}", choice.doubt.unwrap());
    }

    #[test]
    fn on_a_busy_machine_cpu_time_tells_plans_with_one_thread_apart() {
        let beside = |threads: i64, cpu_s: f64, disk_read_bytes: u64| {
            let mut contender = Contender::new(Plan::new(), threads);
            for batch in 0..12 {
                let disturbance = Disturbance { capacity_s: 1.0, others_s: 0.6, ..Disturbance::default() };
                // Wall time is the neighbours'.
                let wall_s = [3.0, 1.0, 2.0][(batch + cpu_s as usize) % 3];
                let trial = Measurement { wall_s, cpu_s, disk_read_bytes, ..Measurement::default() };
                contender.add(batch, Measurement { disturbance: Some(disturbance), ..trial });
            }
            contender
        };
        let decided = |threads, read| {
            let choice = all(&[beside(threads, 1.0, 0), beside(threads, 0.8, read)], 0, 5);
            (choice.winner, choice.doubt)
        };
        assert_eq!(decided(1, 0), (1, None));
        // What waited for a disk may take longer for all that, and with two threads CPU time is not what is waited for.
        assert_eq!(decided(1, 4096).0, 0);
        assert_eq!(decided(2, 0), (0, Some(Doubt::Disturbed(0))));
    }

    #[test]
    fn the_runner_up_is_the_fastest_of_the_others() {
        let mut default = contender(&[1.0], 1, 1);
        default.out = Some(super::super::Out::NotCompared);
        let four = [default, contender(&SLOW, 1, 1), contender(&LEVEL, 2, 1), contender(&FAST, 2, 1)];
        let choice = all(&four, 0, usize::MAX);
        assert_eq!((choice.winner, choice.runner_up, choice.fastest), (2, Some(3), 3));
        assert_eq!(choice.level, [2, 3]);
        assert_eq!(choose(&four, &[1], 0, usize::MAX, 1).unwrap().runner_up, None);
        assert_eq!(choose(&four, &[], 0, usize::MAX, 1), None);
        assert_eq!(choose(&[contender(&[], 1, 1)], &[0], 0, usize::MAX, 1), None);
    }
}
