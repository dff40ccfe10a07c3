//! The records that were seen, counted as an index counts them: what finds a file that was cut short and ends well.
//!
//! A BAM file cut between two blocks, with an end-of-file block put behind, passes every check but this one.

use crate::{AlignmentFile, ContigStatistics, Error, alignment::Alignment, flag};

/// Counts of the records seen, for each contig. Those of several units add up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tally {
    /// Mapped and unmapped; first of the records without a contig, then of every contig.
    counts: Vec<[u64; 2]>,
}

impl Tally {
    /// Nothing seen yet of a file.
    pub fn new(file: &AlignmentFile) -> Self {
        Tally { counts: vec![[0; 2]; file.contigs().len() + 1] }
    }

    /// Counts a record of the file.
    #[inline]
    pub fn see<A: Alignment>(&mut self, record: &A) {
        let is_unmapped = usize::from(record.flags() & flag::UNMAPPED != 0);
        // Readers promise that the contig is one of the file's, or -1.
        if let Some(counts) = self.counts.get_mut(record.reference_id().wrapping_add(1) as u32 as usize) {
            counts[is_unmapped] += 1;
        }
    }

    /// Adds what another worker saw of the same file.
    pub fn add(&mut self, other: &Tally) {
        for (counts, others) in self.counts.iter_mut().zip(&other.counts) {
            counts[0] += others[0];
            counts[1] += others[1];
        }
    }

    /// Records seen on every contig, in the order of the header.
    pub fn contigs(&self) -> impl ExactSizeIterator<Item = ContigStatistics> + '_ {
        self.counts[1..].iter().map(|&[mapped, unmapped]| ContigStatistics { mapped, unmapped })
    }

    /// Records seen without a contig.
    pub fn unplaced(&self) -> u64 {
        self.counts[0].iter().sum()
    }

    /// Compares what was seen with the index, after a walk over every record with a contig; `false` where the index does not
    /// count, so that nothing could be compared.
    ///
    /// # Errors
    /// A contig has fewer or more records than the index says.
    pub fn check_placed(&self, file: &AlignmentFile) -> Result<bool, Error> {
        let Some(statistics) = file.statistics() else { return Ok(false) };
        for ((contig, seen), indexed) in file.contigs().iter().zip(self.contigs()).zip(&statistics.contigs) {
            let kinds = [("mapped", seen.mapped, indexed.mapped), ("unmapped", seen.unmapped, indexed.unmapped)];
            for (kind, seen, indexed) in kinds {
                if seen != indexed {
                    let place = format!("{kind} on contig {}", contig.name);
                    return Err(Error::RecordsMissing { path: file.path().to_owned(), place, seen, indexed });
                }
            }
        }
        Ok(true)
    }

    /// The same for the records without a contig, after a walk over those.
    ///
    /// # Errors
    /// There are fewer or more than the index says.
    pub fn check_unplaced(&self, file: &AlignmentFile) -> Result<bool, Error> {
        let Some(indexed) = file.statistics().and_then(|statistics| statistics.unplaced) else { return Ok(false) };
        let seen = self.unplaced();
        if seen == indexed {
            return Ok(true);
        }
        Err(Error::RecordsMissing { path: file.path().to_owned(), place: "without a contig".to_owned(), seen, indexed })
    }
}
