//! Cuts in CRAM: positions at which a slice starts.
//!
//! A record belongs to the span in which it starts, wherever its slice lies.

use std::collections::BTreeSet;

use crate::{
    index::Slice,
    unit::{Interval, Pieces, Place, Unit},
};

/// The slices of one file, by contig and start.
#[derive(Debug)]
pub(super) struct Spans {
    slices: Vec<(Place, Slice)>,
    has_unplaced: bool,
}

impl Spans {
    pub(super) fn new(slices: &[Slice]) -> Self {
        let has_unplaced = slices.iter().any(|slice| slice.reference.is_none());
        let placed = |slice: &Slice| Some((Place { reference: slice.reference?, position: slice.start }, *slice));
        let mut slices: Vec<(Place, Slice)> = slices.iter().filter_map(placed).collect();
        slices.sort_by_key(|&(place, slice)| (place, slice.offset));
        Spans { slices, has_unplaced }
    }

    pub(super) fn by_reference(&self) -> Vec<Unit> {
        let mut references: Vec<usize> = self.slices.iter().map(|(place, _)| place.reference).collect();
        references.dedup();
        self.cut_at(references.into_iter().map(|reference| Place { reference, position: 0 }))
    }

    pub(super) fn by_bytes(&self, count: usize) -> Vec<Unit> {
        let total: u128 = self.slices.iter().map(|(_, slice)| u128::from(slice.bytes)).sum();
        let count = count.max(1) as u128;
        let mut cuts = Vec::new();
        let (mut before, mut part) = (0, 1);
        for (place, slice) in &self.slices {
            if part < count && before * count >= total * part {
                cuts.push(*place);
                part = before * count / total.max(1) + 1;
            }
            before += u128::from(slice.bytes);
        }
        self.cut_at(cuts.into_iter())
    }

    pub(super) fn in_front_of(&self, firsts: &[Place]) -> Vec<Unit> {
        // The slice that holds the site: the last that starts at or before it.
        let cut = |first: &Place| {
            let at = self.slices.partition_point(|(place, _)| place <= first);
            let place = self.slices.get(at.checked_sub(1)?)?.0;
            Some(if place.reference == first.reference {
                place
            } else {
                Place { reference: first.reference, position: 0 }
            })
        };
        self.cut_at(firsts.iter().filter_map(cut))
    }

    pub(super) fn unplaced(&self) -> Option<Unit> {
        self.has_unplaced.then_some(Unit { pieces: Pieces::Unplaced, bytes: 1 })
    }

    /// What of a unit can hold a record over one of the intervals (sorted, without overlaps); `None` if nothing.
    pub(super) fn clip(&self, unit: Unit, intervals: &[Interval]) -> Option<Unit> {
        let Pieces::Spans(spans) = &unit.pieces else { return Some(unit) };
        let mut kept: Vec<Interval> = Vec::new();
        for span in spans {
            for part in self.parts(*span) {
                let end = self.furthest_from(part);
                let first =
                    intervals.partition_point(|wanted| (wanted.reference, wanted.end) <= (part.reference, part.start));
                let Some(wanted) = intervals.get(first) else { continue };
                if wanted.reference != part.reference || wanted.start >= end {
                    continue;
                }
                match kept.last_mut() {
                    Some(last) if last.reference == part.reference && last.end == part.start => last.end = part.end,
                    _ => kept.push(part),
                }
            }
        }
        (!kept.is_empty()).then(|| self.unit(kept))
    }

    /// A span, cut at every start of a slice within it.
    fn parts(&self, span: Interval) -> Vec<Interval> {
        let place = |position| Place { reference: span.reference, position };
        let from = self.slices.partition_point(|(start, _)| *start <= place(span.start));
        let to = self.slices.partition_point(|(start, _)| *start < place(span.end));
        let mut parts = Vec::new();
        let mut start = span.start;
        for (cut, _) in self.slices.get(from..to).unwrap_or_default() {
            if cut.position > start {
                parts.push(Interval { start, end: cut.position, ..span });
                start = cut.position;
            }
        }
        parts.push(Interval { start, ..span });
        parts
    }

    /// Behind the last base of any record that starts in a part: of the slices that start there, and of the one before, which
    /// may hold records that start where the part does.
    fn furthest_from(&self, part: Interval) -> i64 {
        let place = |position| Place { reference: part.reference, position };
        let from = self.slices.partition_point(|(start, _)| *start < place(part.start)).saturating_sub(1);
        let to = self.slices.partition_point(|(start, _)| *start < place(part.end));
        let slices = self.slices.get(from..to).unwrap_or_default();
        slices
            .iter()
            .filter(|(start, _)| start.reference == part.reference)
            .map(|(_, slice)| slice.end)
            .max()
            .unwrap_or(part.start)
    }

    /// The units between the cuts. Each contig that has records is covered from its first position to its last.
    fn cut_at(&self, cuts: impl Iterator<Item = Place>) -> Vec<Unit> {
        let mut references: Vec<usize> = self.slices.iter().map(|(place, _)| place.reference).collect();
        references.dedup();
        let unit_cuts: BTreeSet<Place> = cuts.collect();
        let mut units: Vec<Vec<Interval>> = vec![Vec::new()];
        for reference in references {
            let place = |position| Place { reference, position };
            let mut start = 0;
            for cut in unit_cuts.range(place(0)..place(i64::MAX)) {
                if cut.position > start {
                    add(&mut units, Interval { reference, start, end: cut.position });
                }
                units.push(Vec::new());
                start = cut.position;
            }
            add(&mut units, Interval { reference, start, end: i64::MAX });
        }
        units.into_iter().filter(|spans| !spans.is_empty()).map(|spans| self.unit(spans)).collect()
    }

    fn unit(&self, spans: Vec<Interval>) -> Unit {
        let bytes = |span: &Interval| -> u64 {
            let place = |position| Place { reference: span.reference, position };
            let from = self.slices.partition_point(|(start, _)| *start < place(span.start));
            let to = self.slices.partition_point(|(start, _)| *start < place(span.end));
            self.slices.get(from..to).unwrap_or_default().iter().map(|(_, slice)| slice.bytes).sum()
        };
        Unit { bytes: spans.iter().map(bytes).sum::<u64>().max(1), pieces: Pieces::Spans(spans) }
    }
}

fn add(units: &mut [Vec<Interval>], span: Interval) {
    if let Some(last) = units.last_mut() {
        last.push(span);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slice(reference: usize, start: i64, end: i64, offset: u64) -> Slice {
        Slice { reference: Some(reference), start, end, offset, bytes: 100 }
    }

    fn spans() -> Spans {
        let unplaced = Slice { reference: None, start: 0, end: 0, offset: 900, bytes: 10 };
        Spans::new(&[
            slice(0, 10, 9000, 0),
            slice(0, 5000, 6000, 100),
            slice(0, 7000, 7500, 200),
            slice(2, 3, 50, 300),
            unplaced,
        ])
    }

    fn span(reference: usize, start: i64, end: i64) -> Interval {
        Interval { reference, start, end }
    }

    fn kept(wanted: Interval) -> Vec<Interval> {
        let spans = spans();
        let units = spans.by_bytes(1).into_iter().filter_map(|unit| spans.clip(unit, &[wanted]));
        units.flat_map(|unit| unit.spans().to_vec()).collect()
    }

    #[test]
    fn contigs_are_covered_from_their_first_position_to_their_last() {
        let all: Vec<_> = spans().by_reference().iter().map(|unit| unit.spans().to_vec()).collect();
        assert_eq!(all, [[span(0, 0, i64::MAX)], [span(2, 0, i64::MAX)]]);
        let cut: Vec<_> = spans().by_bytes(2).iter().map(|unit| unit.spans().to_vec()).collect();
        assert_eq!(cut, [vec![span(0, 0, 7000)], vec![span(0, 7000, i64::MAX), span(2, 0, i64::MAX)]]);
        assert!(spans().unplaced().is_some());
    }

    #[test]
    fn units_are_cut_at_the_slice_that_holds_a_site() {
        let place = |reference, position| Place { reference, position };
        let starts = |firsts: &[Place]| -> Vec<Interval> {
            spans().in_front_of(firsts).iter().map(|unit| unit.spans()[0]).collect()
        };
        assert_eq!(starts(&[place(0, 5500)]), [span(0, 0, 5000), span(0, 5000, i64::MAX)]);
        assert_eq!(starts(&[place(2, 1)]), [span(0, 0, i64::MAX), span(2, 0, i64::MAX)]);
    }

    #[test]
    fn a_part_is_kept_for_records_that_the_slice_before_may_hold() {
        // Only the first slice reaches 8000, and its last records may start at 5000, where the second slice does.
        assert_eq!(kept(span(0, 8000, 8001)), [span(0, 10, 7000)]);
        assert_eq!(kept(span(0, 7200, 7201)), [span(0, 10, i64::MAX)]);
        assert_eq!(kept(span(2, 20, 21)), [span(2, 3, i64::MAX)]);
        assert_eq!(kept(span(2, 60, 61)), []);
        assert_eq!(kept(span(1, 0, 100)), []);
    }
}
