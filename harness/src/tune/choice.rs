//! Which of the plans left wins.

use super::contender::Contender;
use crate::stats::{CONFIDENCE, Interval};
use std::cmp::Ordering;

/// Peak memory within this ratio is the same: allocators and the page cache of libraries vary by as much.
const SAME_MEMORY: f64 = 1.05;

/// Fewer threads may cost so much by the medians: with few samples, plans that can't be told apart may differ by more than
/// a user would give for a thread.
const SAME_TIME: f64 = 1.05;

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

    let limit = median(&fastest) * SAME_TIME;
    let as_good: Vec<usize> = level.iter().copied().filter(|index| median(index) <= limit).collect();
    let fewest = as_good.iter().map(|index| contenders[*index].threads_used).min()?;
    let thrifty: Vec<usize> = as_good.into_iter().filter(|index| contenders[*index].threads_used == fewest).collect();
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
