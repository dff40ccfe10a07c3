//! Which locus an alignment belongs to.

use serde::{Deserialize, Serialize};

use super::Block;
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

/// Which strand a fragment comes from, by its reads' directions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum StrandedMode {
    /// Strands are ignored.
    #[default]
    None,
    /// Read 1 reverse, read 2 forward.
    RF,
    /// Single reads reverse.
    R,
    /// Read 1 forward, read 2 reverse.
    FR,
    /// Single reads forward.
    F,
}

impl StrandedMode {
    /// First and last letter: true for `F`.
    fn letters(self) -> Option<(bool, bool)> {
        match self {
            Self::None => None,
            Self::RF => Some((false, true)),
            Self::R => Some((false, false)),
            Self::FR => Some((true, false)),
            Self::F => Some((true, true)),
        }
    }

    /// The strand of a fragment whose first read is `reverse`; `None` where strands are ignored. Of a pair the mode's
    /// last letter counts, of a single read the first.
    fn strand(self, pair: bool, reverse: bool) -> Option<Strand> {
        let (first, last) = self.letters()?;
        let forward = if pair { reverse == last } else { reverse != first };
        Some(if forward { Strand::Forward } else { Strand::Reverse })
    }
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
    /// Strands.
    pub stranded: StrandedMode,
}

impl Default for OverlapOptions {
    /// Telescope's.
    fn default() -> Self {
        Self {
            mode: OverlapMode::Threshold,
            threshold: 0.2,
            rule: OverlapRule::Telescope,
            stranded: StrandedMode::None,
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
    lookup: &'a Lookup,
    options: OverlapOptions,
    found: Vec<Overlap>,
}

impl<'a> Assigner<'a> {
    /// Assigns by `lookup` under `options`.
    pub fn new(lookup: &'a Lookup, options: OverlapOptions) -> Self {
        Self { lookup, options, found: Vec::new() }
    }

    /// The locus of an alignment on contig number `reference`: `blocks` are merged and sorted, `length` is their sum,
    /// `pair` says whether both mates are in it, `reverse` whether read 1 (or the only read) is on the reverse strand.
    pub fn assign(&mut self, reference: i32, blocks: &[Block], length: i64, pair: bool, reverse: bool) -> Option<u32> {
        let strand = self.options.stranded.strand(pair, reverse);
        let early = self.options.mode == OverlapMode::Threshold && self.options.rule == OverlapRule::Telescope;
        let found = &mut self.found;
        found.clear();
        for block in blocks {
            let first = block.start + i32::from(!early);
            self.lookup.visit(reference, first, block.end, strand, |hit| add(found, hit));
        }
        let lookup = self.lookup;
        let only = |wanted: &dyn Fn(&Overlap) -> bool| {
            let mut all = found.iter().filter(|overlap| wanted(overlap));
            match (all.next(), all.next()) {
                (Some(overlap), None) => Some(overlap.locus),
                _ => None,
            }
        };
        match self.options.mode {
            OverlapMode::Threshold => {
                let best = found.iter().max_by_key(|overlap| {
                    let name = lookup.name_rank(overlap.locus);
                    (overlap.bases, std::cmp::Reverse((overlap.first, name)))
                })?;
                (best.bases as f64 > length as f64 * self.options.threshold).then_some(best.locus)
            }
            OverlapMode::Union => only(&|_| true),
            OverlapMode::IntersectionStrict => only(&|overlap| overlap.bases == length),
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
