//! Loci and where they lie: a builder takes rows in any order, and the annotation that it makes stays as it is.
//!
//! Coordinates are a GTF's: 1-based, first and last base included.

mod attributes;
mod builder;
mod gtf;
mod interval;
mod lines;
mod lookup;
mod names;
mod row;

pub use builder::Builder;
pub use gtf::{GtfOptions, read_gtf};
pub use interval::Interval;
pub use lookup::{Hit, Lookup};

use hashbrown::{HashMap, HashSet};
use names::Names;

/// The strand of an interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Strand {
    /// `+`
    Forward,
    /// `-`
    Reverse,
    /// `.`, or anything else: on neither.
    #[default]
    None,
}

/// What of an annotation an alignment file can't reach.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Missing<'a> {
    /// Contigs of the annotation that the file does not have, sorted.
    pub contigs: Vec<&'a str>,
    /// Loci that lie on no other contig.
    pub loci: usize,
}

/// The loci of an annotation, in order of first appearance, and their intervals. A locus is all rows with one value of
/// the chosen attribute, which is its name.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Annotation {
    names: Names,
    /// Intervals by contig, those of one locus side by side, disjoint and ascending.
    contigs: HashMap<String, Vec<Interval>>,
}

impl Annotation {
    /// How many loci there are.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Whether there is no locus.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The name of a locus, whose number must be below [`len`](Self::len).
    pub fn name(&self, locus: u32) -> &str {
        self.names.get(locus as usize)
    }

    /// The names of the loci by number.
    pub fn names(&self) -> impl ExactSizeIterator<Item = &str> {
        (0..self.len()).map(|number| self.names.get(number))
    }

    /// Adds the bases that each locus covers to its place in `lengths`: `place` says where that is, if it has one. Walks
    /// through all intervals; most runs hit few of the loci, so that lengths are not kept.
    pub fn add_lengths(&self, lengths: &mut [u64], place: impl Fn(u32) -> Option<usize>) {
        for interval in self.contigs.values().flatten() {
            if let Some(place) = place(interval.locus()) {
                lengths[place] += interval.length();
            }
        }
    }

    /// Names of the contigs that carry a locus, sorted.
    pub fn contigs(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.contigs.keys().map(String::as_str).collect();
        names.sort_unstable();
        names
    }

    /// What lies out of reach of a file that has `contigs`.
    pub fn missing<'a>(&self, contigs: impl IntoIterator<Item = &'a str>) -> Missing<'_> {
        let known: HashSet<&str> = contigs.into_iter().collect();
        let mut missing = self.contigs();
        missing.retain(|contig| !known.contains(contig));
        if missing.is_empty() {
            return Missing::default();
        }
        let mut reached = vec![false; self.len()];
        for interval in known.into_iter().flat_map(|contig| self.intervals(contig)) {
            reached[interval.locus() as usize] = true;
        }
        Missing { contigs: missing, loci: reached.into_iter().filter(|reached| !reached).count() }
    }

    /// Intervals whose strand is neither `+` nor `-`.
    pub fn strandless(&self) -> usize {
        self.contigs.values().flatten().filter(|interval| interval.strand() == Strand::None).count()
    }

    /// The intervals of one contig, by locus.
    pub fn intervals(&self, contig: &str) -> &[Interval] {
        self.contigs.get(contig).map_or(&[], Vec::as_slice)
    }
}

#[cfg(test)]
mod tests;
