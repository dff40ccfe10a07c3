//! The sparse filter for BAM: of a unit only the ranges that can hold records over wanted intervals.
//!
//! The index names, for an interval, stretches of the file that run on far behind it (bins of little data are merged into
//! ones eight times as wide). Since records are sorted, a walk can stop at the first that starts behind the interval: each
//! range keeps that place as its `until`.

use super::offsets::Offsets;
use crate::unit::{Interval, Pieces, Place, Range, Unit};

/// A range that is left costs part of a block inflated twice, so a gap must be wider than this many compressed bytes to pay.
const SMALLEST_GAP: u64 = 64 << 10;

impl Offsets<'_> {
    /// The ranges that hold every record over one of the intervals (sorted, without overlaps), in file order and disjoint.
    pub(super) fn overlapping(&self, intervals: &[Interval]) -> Vec<Range> {
        let mut found = Vec::new();
        for interval in intervals {
            let Some(contig) = self.bins.contigs.get(interval.reference) else { continue };
            let until = Some(Place { reference: interval.reference, position: interval.end });
            let chunks = contig.overlapping(&self.bins.scheme, interval.start, interval.end);
            found.extend(chunks.into_iter().map(|chunk| Range { begin: chunk.begin, end: chunk.end, until }));
        }
        found.sort_unstable_by_key(|range| (range.begin, range.end));
        disjoint(found)
    }

    /// What of a unit lies in the ranges; `None` if nothing.
    pub(super) fn clip(&self, unit: Unit, wanted: &[Range]) -> Option<Unit> {
        let Pieces::Ranges(ranges) = &unit.pieces else { return Some(unit) };
        let mut kept = Vec::new();
        for range in ranges {
            let first = wanted.partition_point(|wanted| wanted.end <= range.begin);
            kept.extend(wanted[first..].iter().take_while(|wanted| wanted.begin < range.end).map(|wanted| Range {
                begin: wanted.begin.max(range.begin),
                end: wanted.end.min(range.end),
                until: earlier(wanted.until, range.until),
            }));
        }
        (!kept.is_empty()).then(|| self.unit(kept))
    }
}

/// Merges ranges, sorted by their begin, so that none overlaps another.
fn disjoint(found: Vec<Range>) -> Vec<Range> {
    let mut ranges: Vec<Range> = Vec::new();
    for next in found {
        let Some(last) = ranges.last_mut() else {
            ranges.push(next);
            continue;
        };
        if next.begin >= last.end {
            if next.begin.block() - last.end.block() > SMALLEST_GAP {
                ranges.push(next);
            } else {
                // The bytes between are read, and whatever the first range would have stopped at.
                (last.end, last.until) = (next.end, later(last.until, next.until));
            }
            continue;
        }
        let end = last.end.max(next.end);
        let until = later(last.until, next.until);
        if until != last.until && next.begin.block() - last.begin.block() > SMALLEST_GAP {
            // Where the second range begins it takes over what is left of the first, which may stop before.
            last.end = next.begin;
            ranges.push(Range { begin: next.begin, end, until });
        } else {
            (last.end, last.until) = (end, until);
        }
    }
    ranges.retain(|range| range.begin < range.end);
    ranges
}

/// `None` is behind every place.
fn later(a: Option<Place>, b: Option<Place>) -> Option<Place> {
    a.zip(b).map(|(a, b)| a.max(b))
}

fn earlier(a: Option<Place>, b: Option<Place>) -> Option<Place> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::unit::VirtualOffset;

    fn range(begin: u64, end: u64, until: i64) -> Range {
        let until = Some(Place { reference: 0, position: until });
        Range { begin: VirtualOffset::new(begin, 0), end: VirtualOffset::new(end, 0), until }
    }

    #[test]
    fn near_ranges_become_one_and_far_ones_stay() {
        assert_eq!(disjoint(vec![range(0, 10, 5), range(20, 30, 9)]), [range(0, 30, 9)]);
        assert_eq!(
            disjoint(vec![range(0, 10, 5), range(200_000, 300_000, 9)]),
            [range(0, 10, 5), range(200_000, 300_000, 9)]
        );
    }

    #[test]
    fn a_later_range_takes_over_what_is_left_of_the_first() {
        let found = vec![range(0, 400_000, 5), range(200_000, 300_000, 9)];
        assert_eq!(disjoint(found), [range(0, 200_000, 5), range(200_000, 400_000, 9)]);
    }

    #[test]
    fn a_range_within_one_that_runs_on_is_swallowed() {
        assert_eq!(disjoint(vec![range(0, 400_000, 9), range(200_000, 300_000, 5)]), [range(0, 400_000, 9)]);
    }
}
