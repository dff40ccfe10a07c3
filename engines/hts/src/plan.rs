//! Cutting a file into units by means of its index.

mod offsets;
mod spans;
mod sparse;

use crate::{
    AlignmentFile,
    index::{Content, Index},
    unit::{Interval, Place, Unit},
};
use offsets::Offsets;
use spans::Spans;

/// Cuts one file into units. Units come in file order, none is empty of bytes, and however many there are, together they hold
/// every record that has a contig, once. Records without a contig, which end a sorted file, are in no unit but
/// [`Planner::unplaced`].
#[derive(Debug)]
pub struct Planner<'a>(Cuts<'a>);

#[derive(Debug)]
enum Cuts<'a> {
    Offsets(Offsets<'a>),
    Spans(Spans),
}

impl<'a> Planner<'a> {
    pub(crate) fn new(file: &AlignmentFile, index: &'a Index) -> Self {
        Planner(match &index.content {
            Content::Bins(bins) => Cuts::Offsets(Offsets::new(bins, file.first_record(), file.size())),
            Content::Slices(slices) => Cuts::Spans(Spans::new(slices)),
        })
    }

    /// One unit for every contig that has records.
    pub fn by_reference(&self) -> Vec<Unit> {
        match &self.0 {
            Cuts::Offsets(offsets) => offsets.by_reference(),
            Cuts::Spans(spans) => spans.by_reference(),
        }
    }

    /// At most `count` units of as equal numbers of compressed bytes as the index allows.
    pub fn by_bytes(&self, count: usize) -> Vec<Unit> {
        match &self.0 {
            Cuts::Offsets(offsets) => offsets.by_bytes(count),
            Cuts::Spans(spans) => spans.by_bytes(count),
        }
    }

    /// At most `count` units, cut in front of sites so that between the cuts lie as equal numbers of them as the index allows.
    /// Sites may repeat and come in any order.
    pub fn by_sites(&self, sites: &[Place], count: usize) -> Vec<Unit> {
        let mut sites = sites.to_vec();
        sites.sort_unstable();
        let count = count.clamp(1, sites.len().max(1));
        let firsts: Vec<Place> = (1..count).map(|part| sites[part * sites.len() / count]).collect();
        match &self.0 {
            Cuts::Offsets(offsets) => offsets.in_front_of(&firsts),
            Cuts::Spans(spans) => spans.in_front_of(&firsts),
        }
    }

    /// The records without a contig; `None` where the index says that there are none.
    pub fn unplaced(&self) -> Option<Unit> {
        match &self.0 {
            Cuts::Offsets(offsets) => offsets.unplaced(),
            Cuts::Spans(spans) => spans.unplaced(),
        }
    }

    /// Of each unit what can hold a record that overlaps one of the intervals; units that hold none are left out. The intervals
    /// may overlap and come in any order.
    ///
    /// A walk then shows every overlapping record, once and in file order, and possibly some that overlap nothing. Where
    /// leaving out bytes costs more than reading them, nothing is left out.
    pub fn overlapping(&self, units: Vec<Unit>, intervals: &[Interval]) -> Vec<Unit> {
        let intervals = merged(intervals);
        match &self.0 {
            Cuts::Offsets(offsets) => {
                let wanted = offsets.overlapping(&intervals);
                units.into_iter().filter_map(|unit| offsets.clip(unit, &wanted)).collect()
            }
            Cuts::Spans(spans) => units.into_iter().filter_map(|unit| spans.clip(unit, &intervals)).collect(),
        }
    }
}

/// The intervals by place, without overlaps; empty ones are left out.
fn merged(intervals: &[Interval]) -> Vec<Interval> {
    let mut sorted: Vec<Interval> =
        intervals.iter().copied().filter(|interval| interval.start < interval.end).collect();
    sorted.sort_unstable();
    let mut merged: Vec<Interval> = Vec::with_capacity(sorted.len());
    for interval in sorted {
        match merged.last_mut() {
            Some(last) if last.reference == interval.reference && last.end >= interval.start => {
                last.end = last.end.max(interval.end);
            }
            _ => merged.push(interval),
        }
    }
    merged
}
