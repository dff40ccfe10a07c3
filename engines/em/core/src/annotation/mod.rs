//! Loci and where they lie: a builder takes rows in any order, and the annotation that it makes stays as it is.
//!
//! Coordinates are a GTF's: 1-based, first and last base included.

mod attributes;
mod builder;
mod gtf;
mod lines;
mod lookup;
mod names;
mod row;

pub use builder::Builder;
pub use gtf::{GtfOptions, read_gtf};
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

/// A stretch of one locus on one contig.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interval {
    /// First base, counted from 1.
    pub first: i32,
    /// Last base.
    pub last: i32,
    /// Number of the locus.
    pub locus: u32,
    /// Its strand.
    pub strand: Strand,
}

/// A locus: all rows of a GTF with one value of the chosen attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Locus<'a> {
    /// The attribute's value.
    pub name: &'a str,
    /// Bases covered.
    pub length: u64,
}

/// What of an annotation an alignment file can't reach.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Missing<'a> {
    /// Contigs of the annotation that the file does not have, sorted.
    pub contigs: Vec<&'a str>,
    /// Loci that lie on no other contig.
    pub loci: usize,
}

/// The loci of an annotation, in order of first appearance, and their intervals.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Annotation {
    names: Names,
    lengths: Vec<u64>,
    /// Intervals by contig, those of one locus side by side, disjoint and ascending.
    contigs: HashMap<String, Vec<Interval>>,
}

impl Annotation {
    /// How many loci there are.
    pub fn len(&self) -> usize {
        self.lengths.len()
    }

    /// Whether there is no locus.
    pub fn is_empty(&self) -> bool {
        self.lengths.is_empty()
    }

    /// The locus of that number, which must be below [`len`](Self::len).
    pub fn locus(&self, number: u32) -> Locus<'_> {
        let number = number as usize;
        Locus { name: self.names.get(number), length: self.lengths[number] }
    }

    /// The loci by number.
    pub fn loci(&self) -> impl ExactSizeIterator<Item = Locus<'_>> {
        (0..self.len() as u32).map(|number| self.locus(number))
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
            reached[interval.locus as usize] = true;
        }
        Missing { contigs: missing, loci: reached.into_iter().filter(|reached| !reached).count() }
    }

    /// Intervals whose strand is neither `+` nor `-`.
    pub fn strandless(&self) -> usize {
        self.contigs.values().flatten().filter(|interval| interval.strand == Strand::None).count()
    }

    /// The intervals of one contig, by locus.
    pub fn intervals(&self, contig: &str) -> &[Interval] {
        self.contigs.get(contig).map_or(&[], Vec::as_slice)
    }
}

#[cfg(test)]
mod tests;
