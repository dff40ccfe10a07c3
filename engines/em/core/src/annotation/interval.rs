//! An interval of a locus, in twelve bytes: a genome's repeats are millions of them.

use super::Strand;

/// More loci than can be numbered: two bits are the strand's.
pub(super) const MOST_LOCI: u32 = 1 << 30;

/// The number of a locus and a strand, in four bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Tagged(u32);

impl Tagged {
    fn new(locus: u32, strand: Strand) -> Self {
        debug_assert!(locus < MOST_LOCI, "the builder sees to it");
        Self(locus << 2 | strand as u32)
    }

    pub(super) fn locus(self) -> u32 {
        self.0 >> 2
    }

    pub(super) fn strand(self) -> Strand {
        match self.0 & 3 {
            0 => Strand::Forward,
            1 => Strand::Reverse,
            _ => Strand::None,
        }
    }
}

/// A stretch of one locus on one contig.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interval {
    /// First base, counted from 1.
    pub first: i32,
    /// Last base.
    pub last: i32,
    pub(super) tagged: Tagged,
}

impl Interval {
    pub(super) fn new(first: i32, last: i32, locus: u32, strand: Strand) -> Self {
        Self { first, last, tagged: Tagged::new(locus, strand) }
    }

    /// Number of the locus.
    pub fn locus(&self) -> u32 {
        self.tagged.locus()
    }

    /// Its strand.
    pub fn strand(&self) -> Strand {
        self.tagged.strand()
    }

    /// Bases.
    pub(super) fn length(&self) -> u64 {
        (i64::from(self.last) - i64::from(self.first) + 1) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locus_and_strand_are_kept() {
        for strand in [Strand::Forward, Strand::Reverse, Strand::None] {
            for locus in [0, 1, MOST_LOCI - 1] {
                let interval = Interval::new(1, i32::MAX, locus, strand);
                assert_eq!((interval.locus(), interval.strand()), (locus, strand));
                assert_eq!(interval.length(), i32::MAX as u64);
            }
        }
        assert_eq!(size_of::<Interval>(), 12);
    }
}
