//! Makes an annotation of rows.

use hashbrown::HashMap;

use super::interval::MOST_LOCI;
use super::names::Interner;
use super::{Annotation, Interval, Strand};
use crate::EmError;

/// Rows that wait for their loci to be numbered.
const BATCH: usize = 256;

/// Takes rows in the order of the file.
#[derive(Debug, Default)]
pub struct Builder {
    loci: Interner,
    /// Rows by contig, and the contigs' numbers.
    contigs: Vec<(String, Vec<Interval>)>,
    numbers: HashMap<String, usize>,
    last: usize,
    /// The rows that came last, and the names of their loci, one behind the other.
    waiting: Vec<Waiting>,
    names: String,
}

/// A row whose locus has no number yet.
#[derive(Debug)]
struct Waiting {
    contig: usize,
    first: i32,
    last: i32,
    strand: Strand,
    half: u32,
    /// Where its locus ends in the names.
    end: usize,
}

impl Builder {
    /// Adds a row.
    pub fn add(&mut self, contig: &str, first: i32, last: i32, strand: Strand, locus: &str) {
        let contig = self.contig(contig);
        self.names.push_str(locus);
        let (half, end) = (Interner::half(locus), self.names.len());
        self.waiting.push(Waiting { contig, first, last, strand, half, end });
        if self.waiting.len() == BATCH {
            self.number_loci();
        }
    }

    fn contig(&mut self, contig: &str) -> usize {
        // Files are mostly sorted by contig.
        if self.contigs.get(self.last).is_none_or(|(name, _)| name != contig) {
            let next = self.contigs.len();
            self.last = *self.numbers.entry_ref(contig).or_insert(next);
            if self.last == next {
                self.contigs.push((contig.to_owned(), Vec::new()));
            }
        }
        self.last
    }

    fn number_loci(&mut self) {
        let Self { loci, contigs, waiting, names, .. } = self;
        waiting.iter().for_each(|row| loci.fetch(row.half));
        let mut start = 0;
        for row in waiting.drain(..) {
            let locus = loci.number(&names[start..row.end], row.half);
            start = row.end;
            contigs[row.contig].1.push(Interval::new(row.first, row.last, locus, row.strand));
        }
        names.clear();
    }

    /// Merges the rows of each locus that overlap; a merged interval has the strand of its last row.
    ///
    /// # Errors
    /// If there are more loci than can be numbered.
    pub fn finish(mut self) -> Result<Annotation, EmError> {
        self.number_loci();
        let (found, most) = (self.loci.len() as u64, u64::from(MOST_LOCI));
        if found > most {
            return Err(EmError::TooLarge { what: "loci", found, most });
        }
        let contigs = self.contigs.into_iter().map(|(name, rows)| (name, merged(rows))).collect();
        Ok(Annotation { names: self.loci.finish(), contigs })
    }
}

/// Rows of one contig as disjoint intervals of each locus.
fn merged(rows: Vec<Interval>) -> Vec<Interval> {
    let apart = rows.windows(2).all(|pair| {
        let (a, b) = (&pair[0], &pair[1]);
        a.locus() < b.locus() || (a.locus() == b.locus() && a.last < b.first)
    });
    if apart {
        let mut rows = rows;
        rows.shrink_to_fit();
        return rows;
    }
    // The row's number, to know which came last.
    let mut numbered: Vec<(Interval, u32)> = rows.into_iter().zip(0..).collect();
    numbered.sort_unstable_by_key(|(row, number)| (row.locus(), row.first, *number));
    numbered.dedup_by(|(next, number), (whole, last)| {
        let overlaps = next.locus() == whole.locus() && next.first <= whole.last;
        if overlaps {
            whole.last = whole.last.max(next.last);
            if *number > *last {
                (whole.tagged, *last) = (next.tagged, *number);
            }
        }
        overlaps
    });
    numbered.into_iter().map(|(interval, _)| interval).collect()
}
