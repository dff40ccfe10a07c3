//! The sparse filter for BAM: of a unit only the ranges that can hold records over wanted intervals.
//!
//! The index names, for an interval, stretches of the file that run on far behind it (bins of little data are merged into
//! ones eight times as wide). Since records are sorted, a walk can stop at the first that starts behind the interval: each
//! range keeps that place as its `until`.

use super::offsets::Offsets;
use crate::unit::{Interval, Pieces, Place, Range, Unit};

/// Leaving a range and going on at another costs a block that is inflated in part for nothing, so what is left out must be
/// more than this many compressed bytes to pay.
const SMALLEST_GAP: u64 = 32 << 10;

/// A range, and the byte of the file near which its walk probably meets its `until`.
#[derive(Debug, Clone, Copy)]
struct Wanted {
    range: Range,
    stop: u64,
}

impl Offsets<'_> {
    /// The ranges that hold every record over one of the intervals (sorted, without overlaps), in file order and disjoint.
    pub(super) fn overlapping(&self, intervals: &[Interval]) -> Vec<Range> {
        let scheme = &self.bins.scheme;
        let mut found = Vec::new();
        for interval in intervals {
            let Some(contig) = self.bins.contigs.get(interval.reference) else { continue };
            let until = Some(Place { reference: interval.reference, position: interval.end });
            let stop = contig.byte_near(scheme, interval.end);
            for chunk in contig.overlapping(scheme, interval.start, interval.end) {
                let range = Range { begin: chunk.begin, end: chunk.end, until };
                found.push(Wanted { range, stop: stop.min(chunk.end.block()) });
            }
        }
        found.sort_unstable_by_key(|wanted| (wanted.range.begin, wanted.range.end));
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
fn disjoint(found: Vec<Wanted>) -> Vec<Range> {
    let mut kept: Vec<Wanted> = Vec::new();
    for next in found {
        let Some(last) = kept.last_mut() else {
            kept.push(next);
            continue;
        };
        let until = later(last.range.until, next.range.until);
        let end = last.range.end.max(next.range.end);
        let is_far = next.range.begin.block().saturating_sub(last.stop) > SMALLEST_GAP;
        if is_far && (next.range.begin >= last.range.end || until != last.range.until) {
            // Where the second range begins it takes over what is left of the first, which may stop before.
            last.range.end = last.range.end.min(next.range.begin);
            let stop = last.stop.max(next.stop);
            kept.push(Wanted { range: Range { begin: next.range.begin, end, until }, stop });
        } else {
            // The bytes between are read, and whatever the first range would have stopped at.
            last.range = Range { begin: last.range.begin, end, until };
            last.stop = last.stop.max(next.stop);
        }
    }
    kept.into_iter().map(|wanted| wanted.range).filter(|range| range.begin < range.end).collect()
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

    fn place(position: i64) -> Option<Place> {
        Some(Place { reference: 0, position })
    }

    fn range(begin: u64, end: u64, until: i64) -> Range {
        Range { begin: VirtualOffset::new(begin, 0), end: VirtualOffset::new(end, 0), until: place(until) }
    }

    fn wanted(begin: u64, stop: u64, end: u64, until: i64) -> Wanted {
        Wanted { range: range(begin, end, until), stop }
    }

    #[test]
    fn near_ranges_become_one_and_far_ones_stay() {
        assert_eq!(disjoint(vec![wanted(0, 10, 10, 5), wanted(20, 30, 30, 9)]), [range(0, 30, 9)]);
        let far = vec![wanted(0, 10, 10, 5), wanted(200_000, 300_000, 300_000, 9)];
        assert_eq!(disjoint(far), [range(0, 10, 5), range(200_000, 300_000, 9)]);
    }

    #[test]
    fn a_later_range_takes_over_what_is_left_of_one_that_stops_early() {
        let found = vec![wanted(0, 20_000, 400_000, 5), wanted(200_000, 210_000, 300_000, 9)];
        assert_eq!(disjoint(found), [range(0, 200_000, 5), range(200_000, 400_000, 9)]);
    }

    #[test]
    fn ranges_stay_one_where_the_first_stops_only_shortly_before_the_second() {
        let found = vec![wanted(0, 190_000, 400_000, 5), wanted(200_000, 210_000, 300_000, 9)];
        assert_eq!(disjoint(found), [range(0, 400_000, 9)]);
    }

    #[test]
    fn a_range_within_one_that_runs_on_is_swallowed() {
        let found = vec![wanted(0, 20_000, 400_000, 9), wanted(200_000, 210_000, 300_000, 5)];
        assert_eq!(disjoint(found), [range(0, 400_000, 9)]);
    }
}
