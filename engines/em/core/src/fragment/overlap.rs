//! Which locus an alignment belongs to.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};

use super::{Block, Direction, StrandRule, StrandedMode};
use crate::EmError;
use crate::annotation::{Hit, Lookup, Strand};

/// How overlap decides. The two modes named after HTSeq's (Anders et al. 2015, doi:10.1093/bioinformatics/btu638)
/// count true bases; where HTSeq would call an alignment ambiguous, it belongs to no locus here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OverlapMode {
    /// The locus with the largest overlap, if that exceeds a share of the alignment's length.
    #[default]
    Threshold,
    /// The only locus that shares a base with the alignment.
    Union,
    /// The only locus that covers every aligned base.
    IntersectionStrict,
}

/// How overlapping bases are counted in the mode `threshold`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OverlapRule {
    /// As Telescope: each block begins one base early, since its 0-based start is looked up as if it were 1-based.
    #[default]
    Telescope,
    /// The bases that are shared.
    Exact,
}

/// Options of the assignment of alignments to loci.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct OverlapOptions {
    /// How overlap decides.
    pub mode: OverlapMode,
    /// In the mode `threshold`: the share of the alignment's length that the overlap must exceed.
    pub threshold: f64,
    /// In the mode `threshold`: how bases are counted.
    pub rule: OverlapRule,
    /// Which strand reads come from.
    pub stranded: StrandedMode,
    /// How strands are told.
    pub strand_rule: StrandRule,
}

impl Default for OverlapOptions {
    /// Telescope's.
    fn default() -> Self {
        Self {
            mode: OverlapMode::Threshold,
            threshold: 0.2,
            rule: OverlapRule::Telescope,
            stranded: StrandedMode::None,
            strand_rule: StrandRule::Telescope,
        }
    }
}

impl OverlapOptions {
    /// # Errors
    /// If the threshold is not between 0 and 1.
    pub fn validate(&self) -> Result<(), EmError> {
        if (0.0..=1.0).contains(&self.threshold) {
            return Ok(());
        }
        let value = self.threshold.to_string();
        Err(EmError::Option { option: "overlap-threshold", value, remedy: "give a number from 0 to 1" })
    }
}

/// What was decided about an alignment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Assigned {
    /// Its locus, if any.
    pub locus: Option<u32>,
    /// Whether another locus shares as many bases, so that start and name decided.
    pub tied: bool,
    /// The strand on which it shares more bases with loci, whatever the mode wants; `None` where neither has more.
    pub strand: Option<Strand>,
}

/// Overlap of one locus with one alignment.
#[derive(Debug, Clone, Copy)]
struct Overlap {
    locus: u32,
    first: i32,
    bases: i64,
}

/// Assigns alignments to loci; keeps its memory between them.
#[derive(Debug)]
pub struct Assigner<'a> {
    lookup: &'a Lookup<'a>,
    options: OverlapOptions,
    found: Vec<Overlap>,
}

impl<'a> Assigner<'a> {
    /// Assigns by `lookup` under `options`.
    pub fn new(lookup: &'a Lookup<'a>, options: OverlapOptions) -> Self {
        Self { lookup, options, found: Vec::new() }
    }

    /// Decides on an alignment on contig number `reference`: `blocks` are merged and sorted, `length` is their sum.
    pub fn assign(&mut self, reference: i32, blocks: &[Block], length: i64, read: Direction) -> Assigned {
        let wanted = self.options.stranded.strand(self.options.strand_rule, read);
        let early = self.options.mode == OverlapMode::Threshold && self.options.rule == OverlapRule::Telescope;
        let found = &mut self.found;
        found.clear();
        let (mut forward, mut reverse) = (0, 0);
        for block in blocks {
            let first = block.start + i32::from(!early);
            self.lookup.visit(reference, first, block.end, |hit| {
                match hit.strand {
                    Strand::Forward => forward += hit.overlap,
                    Strand::Reverse => reverse += hit.overlap,
                    Strand::None => {}
                }
                if wanted.is_none_or(|strand| strand == hit.strand) {
                    add(found, hit);
                }
            });
        }
        let strand = match forward.cmp(&reverse) {
            Ordering::Greater => Some(Strand::Forward),
            Ordering::Less => Some(Strand::Reverse),
            Ordering::Equal => None,
        };
        let (locus, tied) = match self.options.mode {
            OverlapMode::Threshold => self.largest(length),
            OverlapMode::Union => (self.only(|_| true), false),
            OverlapMode::IntersectionStrict => (self.only(|overlap| overlap.bases == length), false),
        };
        Assigned { locus, tied, strand }
    }

    /// The locus with the largest overlap, and whether others have as large a one.
    fn largest(&self, length: i64) -> (Option<u32>, bool) {
        let order = |a: &&Overlap, b: &&Overlap| {
            let by_name = || self.lookup.name(b.locus).cmp(self.lookup.name(a.locus));
            a.bases.cmp(&b.bases).then(b.first.cmp(&a.first)).then_with(by_name)
        };
        match self.found.iter().max_by(order) {
            Some(best) if best.bases as f64 > length as f64 * self.options.threshold => {
                let tied = self.found.iter().filter(|other| other.bases == best.bases).count() > 1;
                (Some(best.locus), tied)
            }
            _ => (None, false),
        }
    }

    fn only(&self, wanted: impl Fn(&Overlap) -> bool) -> Option<u32> {
        let mut all = self.found.iter().filter(|overlap| wanted(overlap));
        match (all.next(), all.next()) {
            (Some(overlap), None) => Some(overlap.locus),
            _ => None,
        }
    }
}

fn add(found: &mut Vec<Overlap>, hit: Hit) {
    match found.iter_mut().find(|overlap| overlap.locus == hit.locus) {
        Some(overlap) => {
            overlap.bases += hit.overlap;
            overlap.first = overlap.first.min(hit.first);
        }
        None => found.push(Overlap { locus: hit.locus, first: hit.first, bases: hit.overlap }),
    }
}
