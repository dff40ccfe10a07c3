//! Which of the plans left wins.
//!
//! The engine's default wins unless another plan is faster beyond doubt: in [`LEAST_SAMPLES`] rounds or more against it the
//! interval of the ratio lies below 1, and so it does in rounds that had no part in choosing the plan ([`super::confirm`]).
//! Of several such plans those that can't be told from the fastest are as good: of these the one with the fewest busy
//! threads wins, then the one with clearly less memory, then the first in the engine's order. No step asks which of two
//! like plans was luckier, so the same tune twice gives the same winner.

use super::contender::Contender;
use super::race::is_far_slower;
use crate::stats::{CONFIDENCE, Estimate, Interval, LEAST_SAMPLES};
use serde::Serialize;
use std::cmp::Ordering;
use std::fmt;

/// Peak memory within this ratio is the same: allocators and the page cache of libraries vary by as much.
const SAME_MEMORY: f64 = 1.10;

/// Fewer threads may cost so much by the median of the pairs: with few samples, plans that can't be told apart may differ
/// by more than a user would give for a thread.
const SAME_TIME: f64 = 1.10;

/// The confidence with which fresh rounds must confirm a plan, and with which two plans are told apart where it decides
/// who wins: twenty tunes in a row should come to the same.
const STRICT: f64 = 0.99;

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

/// How many times as long one plan took as another, in the rounds from batch `from` on that measured both.
fn ratio(own: &Contender, other: &Contender, from: usize, confidence: f64, seed: u64) -> Option<Estimate> {
    let (above, below) = own.pairs_since(other, from);
    let ratios: Vec<f64> = above.iter().zip(&below).map(|(above, below)| above / below).collect();
    Estimate::with_confidence(&ratios, confidence, seed)
}

/// Whether enough rounds say that the ratio is below 1.
fn is_faster(ratio: Option<Estimate>) -> bool {
    ratio.is_some_and(|it| it.samples >= LEAST_SAMPLES && it.interval.is_some_and(|interval| interval.high < 1.0))
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
            && is_faster(ratio(&contenders[*index], &contenders[default], 0, CONFIDENCE, seed))
    };
    let better: Vec<usize> = plans.iter().copied().filter(beats).collect();
    let mut nominees: Vec<usize> = as_good(contenders, &better, seed).into_iter().collect();
    nominees.extend(fastest(contenders, &better).filter(|index| !nominees.contains(index)));
    nominees
}

/// Of `plans` the one with the smallest median.
fn fastest(contenders: &[Contender], plans: &[usize]) -> Option<usize> {
    let median = |index: &usize| contenders[*index].median().unwrap_or(f64::INFINITY);
    plans.iter().copied().min_by(|left, right| median(left).total_cmp(&median(right)))
}

/// Of `plans`, in the engine's order, the one to take: of those that can't be told from the fastest the one with the fewest
/// threads, then the least memory, then the first.
fn as_good(contenders: &[Contender], plans: &[usize], seed: u64) -> Option<usize> {
    let best = fastest(contenders, plans)?;
    let is_level = |index: &usize| {
        if *index == best {
            return true;
        }
        let pairs = ratio(&contenders[*index], &contenders[best], 0, STRICT, seed);
        // Too few rounds together: by the medians alone.
        let medians = || Some(contenders[*index].median()? / contenders[best].median()?);
        match pairs.filter(|it| it.samples >= LEAST_SAMPLES) {
            Some(it) => it.median <= SAME_TIME && it.interval.is_none_or(|interval| interval.low <= 1.0),
            None => medians().is_some_and(|ratio| ratio <= SAME_TIME),
        }
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
    let median = |index: &usize| contenders[*index].median().unwrap_or(f64::INFINITY);
    let by_median = |left: &usize, right: &usize| median(left).total_cmp(&median(right));
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

    let against = |index: usize, from: usize, confidence: f64| {
        ratio(&contenders[index], &contenders[default], from, confidence, seed)
    };
    let is_confirmed = |index: &usize| {
        *index != default && is_faster(against(*index, 0, CONFIDENCE)) && is_faster(against(*index, fresh_from, STRICT))
    };
    let (winner, doubt) = if default_stands {
        let better: Vec<usize> = standing.iter().copied().filter(is_confirmed).collect();
        match as_good(contenders, &better, seed) {
            Some(winner) => (winner, None),
            None => (default, doubt_of_default(contenders, &standing, default, fresh_from, seed)),
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
    standing: &[usize],
    default: usize,
    fresh_from: usize,
    seed: u64,
) -> Option<Doubt> {
    let own = &contenders[default];
    if own.times().len() < LEAST_SAMPLES && standing.len() > 1 {
        return Some(Doubt::FewRounds(own.times().len()));
    }
    let mut fewest: Option<Doubt> = None;
    for other in standing.iter().filter(|index| **index != default).map(|index| &contenders[*index]) {
        if is_far_slower(&other.times(), own.median()?) {
            continue;
        }
        let all = ratio(other, own, 0, CONFIDENCE, seed);
        let (from, pairs) = match all {
            // It looks better: what counts are the rounds that would have confirmed it.
            Some(it) if is_faster(all) && it.samples >= LEAST_SAMPLES => (fresh_from, ratio(other, own, fresh_from, STRICT, seed)),
            _ => (0, all),
        };
        let undisturbed = pairs.map_or(0, |it| it.samples);
        let looks_better = all.map_or_else(|| other.median() < own.median(), |it| it.median < 1.0);
        if undisturbed < LEAST_SAMPLES && looks_better {
            let measured = other.rounds_with(own, from);
            let doubt = if measured >= LEAST_SAMPLES { Doubt::Disturbed(undisturbed) } else { Doubt::FewRounds(undisturbed) };
            fewest.get_or_insert(doubt);
        }
    }
    fewest
}

#[cfg(test)]
mod tests {
    use super::*;
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
    const LEVEL: [f64; 5] = [1.04, 1.14, 1.24, 1.34, 1.44];
    const OVERLAPPING: [f64; 5] = [1.1, 1.2, 1.3, 1.4, 1.5];
    const SLOW: [f64; 5] = [2.0, 2.1, 2.2, 2.3, 2.4];

    fn winner(contenders: &[Contender]) -> usize {
        choose(contenders, &(0..contenders.len()).collect::<Vec<_>>(), 1).unwrap().winner
    }

    #[test]
    fn threads_then_memory_then_time_then_order() {
        let all = [contender(&FAST, 4, 100), contender(&LEVEL, 2, 900), contender(&SLOW, 1, 1)];
        assert_eq!(winner(&all), 1);
        assert_eq!(winner(&[contender(&FAST, 2, 200), contender(&LEVEL, 2, 100)]), 1);
        // It can't be told from the fastest, and yet is 8 % slower for all that is known.
        assert_eq!(winner(&[contender(&FAST, 4, 100), contender(&OVERLAPPING, 2, 100)]), 0);
        // Memory within a few percent is the same: then the faster one.
        assert_eq!(winner(&[contender(&LEVEL, 2, 100), contender(&FAST, 2, 104)]), 1);
        assert_eq!(winner(&[contender(&FAST, 2, 100), contender(&FAST, 2, 100)]), 0);
    }

    #[test]
    fn the_runner_up_is_the_fastest_of_the_others() {
        let all = [contender(&SLOW, 1, 1), contender(&LEVEL, 2, 1), contender(&FAST, 2, 1)];
        let choice = choose(&all, &[0, 1, 2], 1).unwrap();
        assert_eq!(choice, Choice { winner: 2, runner_up: Some(1), fastest: 2, level: vec![1, 2] });
        assert_eq!(choose(&all, &[0], 1).unwrap().runner_up, None);
        assert_eq!(choose(&all, &[], 1), None);
        assert_eq!(choose(&[contender(&[], 1, 1)], &[0], 1), None);
    }

    #[test]
    fn a_single_sample_claims_nothing() {
        let all = [contender(&[1.24], 1, 1), contender(&FAST, 2, 1)];
        assert_eq!(winner(&all), 0);
        let all = [contender(&[1.5], 1, 1), contender(&FAST, 2, 1)];
        assert_eq!(winner(&all), 1);
    }
}
