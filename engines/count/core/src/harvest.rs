//! What a scan brings home from a part of the file.

use crate::{
    allele::Class,
    cells::BarcodesSeen,
    ledger::{LedgerPart, NAMES, Reason},
};

/// Parts are handed over once they hold this many observations: few enough to bound memory and to let the merge keep up
/// with the scan, many enough that the handing over costs nothing.
const FULL: usize = 1 << 10;

/// REF, ALT and other.
pub(crate) type Counts = [u32; 3];

/// A count that stands until an earlier one of the same template is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Candidate {
    /// 128-bit hash of the read name, in halves so that 24 bytes suffice.
    name: [u64; 2],
    pub(crate) site: u32,
    /// Class in the two highest bits, cell below.
    mark: u32,
}

impl Candidate {
    pub(crate) fn new(name: u128, site: u32, class: Class, cell: u32) -> Self {
        Candidate { name: [(name >> 64) as u64, name as u64], site, mark: (class as u32) << 30 | cell }
    }

    pub(crate) fn name(&self) -> u128 {
        u128::from(self.name[0]) << 64 | u128::from(self.name[1])
    }

    /// Index of the class: REF, ALT, other.
    pub(crate) fn class(&self) -> usize {
        (self.mark >> 30) as usize
    }

    pub(crate) fn cell(&self) -> u32 {
        self.mark & ((1 << 30) - 1)
    }
}

/// Records that were seen, and how those that reach a site fared. One record counts under one reason at most.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tally {
    pub(crate) records: u64,
    /// Records whose reference span holds a site.
    pub(crate) overlapping: u64,
    pub(crate) dropped: [u64; NAMES.len()],
}

impl Tally {
    pub(crate) fn drop(&mut self, reason: Reason) {
        self.dropped[reason as usize] += 1;
    }

    pub(crate) fn add(&mut self, other: &Tally) {
        self.records += other.records;
        self.overlapping += other.overlapping;
        for (sum, count) in self.dropped.iter_mut().zip(other.dropped) {
            *sum += count;
        }
    }
}

/// Counts of neighbouring sites.
#[derive(Debug, Default)]
pub(crate) struct Window {
    /// Number of the first site.
    pub(crate) first: u32,
    pub(crate) counts: Vec<Counts>,
}

impl Window {
    #[inline]
    pub(crate) fn add(&mut self, site: u32, class: Class) {
        if self.counts.is_empty() {
            self.first = site;
        }
        // A record never covers a site before the first that an earlier record of the contig covered, or nearly never:
        // an earlier record may have had a gap there.
        if site < self.first {
            let missing = (self.first - site) as usize;
            self.counts.splice(0..0, std::iter::repeat_n([0; 3], missing));
            self.first = site;
        }
        let index = (site - self.first) as usize;
        if index >= self.counts.len() {
            self.counts.resize(index + 1, [0; 3]);
        }
        self.counts[index][class as usize] += 1;
    }
}

/// Records that start behind the end that the header gives their contig.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Beyond {
    pub(crate) records: u64,
    /// The first one's contig, by its number, 0-based start and name.
    pub(crate) reference: i32,
    pub(crate) start: i64,
    pub(crate) name: Vec<u8>,
}

impl Beyond {
    /// Adds records that come later in the file.
    pub(crate) fn add(first: &mut Option<Beyond>, later: Option<Beyond>) {
        match (first.as_mut(), later) {
            (Some(first), Some(later)) => first.records += later.records,
            (None, later) => *first = later,
            (Some(_), None) => {}
        }
    }
}

/// A stretch of records in file order, all on one contig or before any.
#[derive(Debug, Default)]
pub(crate) struct Harvest {
    /// In file order.
    pub(crate) candidates: Vec<Candidate>,
    pub(crate) window: Window,
    pub(crate) ledger: LedgerPart,
    pub(crate) tally: Tally,
    /// Reference id and start of the first and of the last record.
    pub(crate) extent: Option<[(i32, i64); 2]>,
    pub(crate) beyond: Option<Beyond>,
    pub(crate) barcodes: BarcodesSeen,
}

impl Harvest {
    pub(crate) fn is_full(&self) -> bool {
        self.candidates.len() >= FULL || self.ledger.len() >= FULL || self.window.counts.len() >= FULL
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_candidate_keeps_what_it_is_given_in_24_bytes() {
        assert_eq!(size_of::<Candidate>(), 24);
        for class in Class::ALL {
            let candidate = Candidate::new(u128::MAX - 5, 7, class, (1 << 30) - 1);
            assert_eq!((candidate.name(), candidate.site), (u128::MAX - 5, 7));
            assert_eq!((candidate.class(), candidate.cell()), (class as usize, (1 << 30) - 1));
        }
    }

    #[test]
    fn a_window_grows_both_ways() {
        let mut window = Window::default();
        for site in [5, 8, 3, 5] {
            window.add(site, Class::Alternate);
        }
        let counts: Vec<u32> = window.counts.iter().map(|counts| counts[1]).collect();
        assert_eq!((window.first, counts), (3, vec![1, 0, 2, 0, 0, 1]));
    }
}
