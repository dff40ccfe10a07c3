//! Why records that overlap a site did not count there.
//!
//! A record overlaps a site when its reference span (aligned bases, deletions and skips) holds it. At every site
//! REF + ALT + other + all reasons = overlapping records; [`Ledger::check`] holds the engine to it by counting the
//! overlaps a second way.

use std::ops::Range;

/// Why a record did not count at a site that it overlaps. The order is that of the columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reason {
    /// Unmapped, or dropped by its flags.
    Flag,
    /// MAPQ too low.
    MappingQuality,
    /// Base quality too low.
    BaseQuality,
    /// The site lies in a deletion or an intron of the record.
    Gap,
    /// The record has no sequence.
    NoSequence,
    /// The base is an IUPAC letter other than A, C, G, T, N.
    OtherLetter,
    /// Its template has counted already.
    NameUsed,
    /// The record was looked at at another site.
    Elsewhere,
    /// Counting per cell: no listed barcode.
    Barcode,
}

/// Column names, in the order of [`Reason`]; the last only when counting per cell.
pub(crate) const NAMES: [&str; 9] =
    ["flag", "mapq", "base_quality", "gap", "no_sequence", "other_letter", "name_used", "elsewhere", "barcode"];

/// How often each reason held.
pub(crate) type Reasons = [u32; NAMES.len()];

/// Reasons by site.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    pub(crate) reasons: Vec<Reasons>,
    /// Differences of the number of overlapping records from site to site; one longer than the sites.
    overlap_changes: Vec<i64>,
}

/// A ledger's entries from a part of the file.
#[derive(Debug, Default)]
pub(crate) struct LedgerPart {
    dropped: Vec<(u32, Reason)>,
    overlapped: Vec<Range<u32>>,
}

impl LedgerPart {
    pub(crate) fn drop_at(&mut self, site: u32, reason: Reason) {
        self.dropped.push((site, reason));
    }

    pub(crate) fn overlap(&mut self, sites: Range<u32>) {
        self.overlapped.push(sites);
    }

    pub(crate) fn len(&self) -> usize {
        self.dropped.len() + self.overlapped.len()
    }
}

impl Ledger {
    pub(crate) fn new(sites: usize) -> Self {
        Ledger { reasons: vec![Reasons::default(); sites], overlap_changes: vec![0; sites + 1] }
    }

    pub(crate) fn add(&mut self, part: &LedgerPart) {
        for &(site, reason) in &part.dropped {
            self.drop_at(site, reason);
        }
        for sites in &part.overlapped {
            self.overlap_changes[sites.start as usize] += 1;
            self.overlap_changes[sites.end as usize] -= 1;
        }
    }

    pub(crate) fn drop_at(&mut self, site: u32, reason: Reason) {
        self.reasons[site as usize][reason as usize] += 1;
    }

    /// The first site where counts and reasons do not add up to the overlapping records, as (site, sum, overlaps).
    pub(crate) fn check(&self, counted: impl Fn(u32) -> u64) -> Result<(), (u32, u64, i64)> {
        let mut overlapping = 0;
        for ((site, reasons), change) in (0..).zip(&self.reasons).zip(&self.overlap_changes) {
            overlapping += change;
            let sum = counted(site) + reasons.iter().map(|&count| u64::from(count)).sum::<u64>();
            if i64::try_from(sum) != Ok(overlapping) {
                return Err((site, sum, overlapping));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_check_sees_a_missing_reason() {
        let mut ledger = Ledger::new(4);
        let mut part = LedgerPart::default();
        part.overlap(1..3);
        part.overlap(2..4);
        part.drop_at(1, Reason::Gap);
        part.drop_at(2, Reason::Flag);
        ledger.add(&part);
        let counted = |site| u64::from(site == 2 || site == 3);
        assert_eq!(ledger.check(counted), Ok(()));
        assert_eq!(ledger.check(|site| u64::from(site == 3)), Err((2, 1, 2)));
        assert_eq!(ledger.reasons[1], [0, 0, 0, 1, 0, 0, 0, 0, 0]);
    }
}
