//! Cuts in BAM: virtual offsets at which a record starts.

use std::collections::BTreeSet;

use crate::{
    index::{BinIndex, end_block_at},
    unit::{Pieces, Place, Range, Unit, VirtualOffset},
};

/// The places of one file at which it can be cut.
#[derive(Debug)]
pub(super) struct Offsets<'a> {
    pub(super) bins: &'a BinIndex,
    /// First record that has a contig.
    begin: VirtualOffset,
    /// Behind the last record that has a contig.
    end: VirtualOffset,
    size: u64,
    /// Places between `begin` and `end` at which a record starts, in order.
    places: Vec<VirtualOffset>,
}

impl<'a> Offsets<'a> {
    pub(super) fn new(bins: &'a BinIndex, first_record: VirtualOffset, size: u64) -> Self {
        // Without records behind the placed ones the file must end there, and the walk sees to it. Some indexers write the
        // file's own end, or a place within its last, empty block.
        let is_end = |end: VirtualOffset| bins.unplaced == Some(0) || end.block() > end_block_at(size);
        let end = match bins.contigs.iter().filter_map(|contig| contig.end()).max() {
            Some(end) if is_end(end) => VirtualOffset::END,
            Some(end) => end,
            None => first_record,
        };
        let mut places: Vec<VirtualOffset> = bins.contigs.iter().flat_map(|contig| contig.places()).collect();
        let last = VirtualOffset::new(end_block_at(size), 0);
        places.retain(|&place| first_record < place && place < end && place <= last);
        places.sort_unstable();
        places.dedup();
        Offsets { bins, begin: first_record, end, size, places }
    }

    pub(super) fn by_reference(&self) -> Vec<Unit> {
        self.cut_at(self.bins.contigs.iter().filter_map(|contig| contig.begin()))
    }

    pub(super) fn by_bytes(&self, count: usize) -> Vec<Unit> {
        let (first, last) = (self.begin.block(), self.byte(self.end));
        let count = count.max(1) as u64;
        let target = |part: u64| first + (u128::from(last - first) * u128::from(part) / u128::from(count)) as u64;
        self.cut_at((1..count).filter_map(|part| self.nearest(target(part))))
    }

    pub(super) fn in_front_of(&self, firsts: &[Place]) -> Vec<Unit> {
        self.cut_at(firsts.iter().filter_map(|place| {
            let contig = self.bins.contigs.get(place.reference)?;
            let behind = || self.bins.contigs[place.reference..].iter().find_map(|contig| contig.end());
            contig.place_before(&self.bins.scheme, place.position).or_else(behind)
        }))
    }

    pub(super) fn unplaced(&self) -> Option<Unit> {
        (self.bins.unplaced != Some(0) && self.end != VirtualOffset::END)
            .then(|| self.unit(vec![Range { begin: self.end, end: VirtualOffset::END, until: None }]))
    }

    pub(super) fn unit(&self, ranges: Vec<Range>) -> Unit {
        let bytes = |range: &Range| self.byte(range.end).saturating_sub(range.begin.block()).max(1);
        Unit { bytes: ranges.iter().map(bytes).sum(), pieces: Pieces::Ranges(ranges) }
    }

    /// The units between the cuts; those at or beyond the ends cut nothing.
    fn cut_at(&self, cuts: impl Iterator<Item = VirtualOffset>) -> Vec<Unit> {
        let last = VirtualOffset::new(end_block_at(self.size), 0).min(self.end);
        let mut cuts: BTreeSet<VirtualOffset> = cuts.filter(|&cut| self.begin < cut && cut < last).collect();
        cuts.insert(self.end);
        let mut begin = self.begin;
        let mut units = Vec::with_capacity(cuts.len());
        for end in cuts {
            if begin < end {
                units.push(self.unit(vec![Range { begin, end, until: None }]));
            }
            begin = end;
        }
        units
    }

    /// The place whose block begins nearest to a byte of the file.
    fn nearest(&self, byte: u64) -> Option<VirtualOffset> {
        let at = self.places.partition_point(|place| place.block() < byte);
        let (before, after) = (at.checked_sub(1).map(|at| self.places[at]), self.places.get(at).copied());
        match (before, after) {
            (Some(before), Some(after)) if byte - before.block() <= after.block() - byte => Some(before),
            (before, after) => after.or(before),
        }
    }

    fn byte(&self, place: VirtualOffset) -> u64 {
        if place == VirtualOffset::END { self.size } else { place.block() }
    }
}
