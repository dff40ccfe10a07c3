//! The order in which bedtools reports the regions that overlap one interval.
//!
//! bedtools keeps regions in bins of 16 kb * 8^level, a region in the smallest bin that holds it whole, and looks
//! through the bins of an interval from level 0 up, in each in file order. (Not UCSC's scheme, whose smallest bin is
//! 128 kb.)

use std::collections::HashMap;

use super::Region;

/// log2 of the smallest bin.
const FIRST_SHIFT: u32 = 14;
/// log2 of the growth from level to level.
const NEXT_SHIFT: u32 = 3;
/// The bins of the last level are wider than any position.
const LEVELS: u32 = 8;

/// (contig, level, bin)
type Key = (u32, u32, u32);

/// Regions by bin.
pub(crate) struct BinIndex {
    bins: HashMap<Key, Vec<u32>>,
    /// Levels in use, so that small files do not look in vain.
    used: [bool; LEVELS as usize],
}

impl BinIndex {
    pub(crate) fn new(regions: &[Region]) -> Self {
        let mut index = BinIndex { bins: HashMap::new(), used: [false; LEVELS as usize] };
        for (number, region) in (0..).zip(regions) {
            let (level, bin) = smallest(region.start, region.end);
            index.used[level as usize] = true;
            index.bins.entry((region.contig, level, bin)).or_default().push(number);
        }
        index
    }

    /// Numbers of the regions that overlap [start, end), in bedtools' order.
    pub(crate) fn overlapping(&self, regions: &[Region], contig: u32, start: u32, end: u32, found: &mut Vec<u32>) {
        found.clear();
        for level in (0..LEVELS).filter(|&level| self.used[level as usize]) {
            for bin in bin(level, start)..=bin(level, start.max(end.saturating_sub(1))) {
                if let Some(numbers) = self.bins.get(&(contig, level, bin)) {
                    found.extend(numbers.iter().filter(|&&number| {
                        let region = &regions[number as usize];
                        region.start < end && region.end > start
                    }));
                }
            }
        }
    }
}

fn bin(level: u32, position: u32) -> u32 {
    position.checked_shr(FIRST_SHIFT + NEXT_SHIFT * level).unwrap_or(0)
}

/// Level and bin that hold [start, end) whole.
fn smallest(start: u32, end: u32) -> (u32, u32) {
    let last = start.max(end.saturating_sub(1));
    (0..LEVELS)
        .map(|level| (level, bin(level, start), bin(level, last)))
        .find(|&(_, first, last)| first == last)
        .map_or((LEVELS - 1, 0), |(level, bin, _)| (level, bin))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn region(contig: u32, start: u32, end: u32) -> Region {
        Region { contig, start, end, labels: Default::default() }
    }

    #[test]
    fn small_bins_come_first_then_file_order() {
        let regions =
            [region(0, 0, 1_000_000), region(0, 10, 20_000), region(0, 5, 50), region(0, 6, 60), region(1, 0, 99)];
        let index = BinIndex::new(&regions);
        let mut found = vec![];
        index.overlapping(&regions, 0, 20, 21, &mut found);
        assert_eq!(found, [2, 3, 1, 0]);
        index.overlapping(&regions, 0, 50, 51, &mut found);
        assert_eq!(found, [3, 1, 0]);
        index.overlapping(&regions, 2, 50, 51, &mut found);
        assert!(found.is_empty());
    }

    proptest! {
        /// The same set as a plain walk, ordered by (level, bin, number).
        #[test]
        fn equals_a_plain_walk(
            spans in proptest::collection::vec((0u32..2, 0u32..3_000_000_000, 0u32..400_000), 0..40),
            contig in 0u32..2, start in 0u32..3_000_000_000, length in 1u32..100_000,
            near in any::<bool>(),
        ) {
            let squeeze = if near { 10_000 } else { 1 };
            let regions: Vec<Region> =
                spans.iter().map(|&(contig, start, length)| region(contig, start / squeeze, start / squeeze + length)).collect();
            let (start, end) = (start / squeeze, start / squeeze + length);
            let mut found = vec![];
            BinIndex::new(&regions).overlapping(&regions, contig, start, end, &mut found);
            let mut expected: Vec<_> = (0u32..).zip(&regions)
                .filter(|(_, r)| r.contig == contig && r.start < end && r.end > start)
                .map(|(number, r)| (smallest(r.start, r.end), number)).collect();
            expected.sort();
            prop_assert_eq!(found, expected.into_iter().map(|(_, number)| number).collect::<Vec<_>>());
        }
    }
}
