//! Loci and where they lie.
//!
//! Coordinates are a GTF's: 1-based, first and last base included.

mod attributes;
mod gtf;
mod lookup;
mod row;

pub use gtf::{GtfOptions, read_gtf};
pub use lookup::{Hit, Lookup};

use std::collections::BTreeMap;

use hashbrown::{HashMap, HashSet};

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
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Locus {
    /// The attribute's value.
    pub name: String,
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
    loci: Vec<Locus>,
    numbers: HashMap<String, u32>,
    /// Intervals by contig and locus; those of one locus do not overlap.
    contigs: HashMap<String, BTreeMap<u32, Vec<Interval>>>,
}

impl Annotation {
    /// Adds one row. It is merged with every interval of the same locus that it overlaps; the strand is the row's.
    pub fn add(&mut self, contig: &str, first: i32, last: i32, strand: Strand, locus: &str) {
        let next = self.loci.len() as u32;
        let number = *self.numbers.entry_ref(locus).or_insert(next);
        if number == next {
            self.loci.push(Locus { name: locus.to_owned(), length: 0 });
        }
        let length = &mut self.loci[number as usize].length;
        let mut merged = Interval { first, last, locus: number, strand };
        let intervals = self.contigs.entry_ref(contig).or_default().entry(number).or_default();
        intervals.retain(|other| {
            let overlaps = other.first <= merged.last && merged.first <= other.last;
            if overlaps {
                merged.first = merged.first.min(other.first);
                merged.last = merged.last.max(other.last);
                *length -= span(other);
            }
            !overlaps
        });
        *length += span(&merged);
        intervals.push(merged);
    }

    /// Loci by number.
    pub fn loci(&self) -> &[Locus] {
        &self.loci
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
        let mut reached = vec![false; self.loci.len()];
        for interval in known.into_iter().flat_map(|contig| self.intervals(contig)) {
            reached[interval.locus as usize] = true;
        }
        Missing { contigs: missing, loci: reached.into_iter().filter(|reached| !reached).count() }
    }

    /// Intervals whose strand is neither `+` nor `-`.
    pub fn strandless(&self) -> usize {
        let all = self.contigs.values().flat_map(|loci| loci.values().flatten());
        all.filter(|interval| interval.strand == Strand::None).count()
    }

    /// The intervals of one contig, by locus.
    pub fn intervals(&self, contig: &str) -> impl Iterator<Item = Interval> + '_ {
        self.contigs.get(contig).into_iter().flat_map(|loci| loci.values().flatten().copied())
    }
}

fn span(interval: &Interval) -> u64 {
    (i64::from(interval.last) - i64::from(interval.first) + 1) as u64
}
