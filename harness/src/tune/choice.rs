//! Which of the plans left wins.

use super::contender::Contender;
use crate::stats::{CONFIDENCE, Interval};
use std::cmp::Ordering;

/// Peak memory within this ratio is the same: allocators and the page cache of libraries vary by as much.
const SAME_MEMORY: f64 = 1.05;

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
}

/// Chooses among `plans` (indices, in the engine's order). None where none of them has been measured.
pub(super) fn choose(contenders: &[Contender], plans: &[usize], seed: u64) -> Option<Choice> {
    let median = |index: &usize| contenders[*index].median().unwrap_or(f64::INFINITY);
    let by_median = |left: &usize, right: &usize| median(left).total_cmp(&median(right));
    let standing: Vec<usize> = plans.iter().copied().filter(|index| contenders[*index].stands()).collect();
    let fastest = standing.iter().copied().min_by(by_median)?;
    // A single sample has no interval: nothing is known of its spread, so it ties with its own value only.
    let interval = |index: usize| -> Option<Interval> {
        let estimate = contenders[index].estimate(CONFIDENCE, seed)?;
        Some(estimate.interval.unwrap_or(Interval { low: estimate.median, high: estimate.median }))
    };
    let best = interval(fastest)?;
    let overlaps = |index: &usize| interval(*index).is_some_and(|own| own.overlaps(&best));
    let level: Vec<usize> = standing.iter().copied().filter(overlaps).collect();

    let fewest = level.iter().map(|index| contenders[*index].threads_used).min()?;
    let thrifty: Vec<usize> = level.iter().copied().filter(|index| contenders[*index].threads_used == fewest).collect();
    let least = thrifty.iter().map(|index| contenders[*index].memory()).min()? as f64;
    let small = thrifty.iter().copied().filter(|index| contenders[*index].memory() as f64 <= least * SAME_MEMORY);
    // `min_by` keeps the first of equals: the engine's order.
    let winner = small.min_by(by_median)?;

    let by_level = |left: &usize, right: &usize| -> Ordering {
        level.contains(right).cmp(&level.contains(left)).then(by_median(left, right))
    };
    let runner_up = standing.iter().copied().filter(|index| *index != winner).min_by(by_level);
    Some(Choice { winner, runner_up, fastest, level })
}
