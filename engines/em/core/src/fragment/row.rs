//! One fragment's contribution: counts of its kind, the range of scores, and its row of the matrix.

use hashbrown::HashMap;

use super::pairing::kind_depends_on_order;
use super::{Alignment, Assigner, Block, Bundle, Direction, Kind, Pairing, Record, SameEnds, StrandTally, flag};

/// A mapped alignment and what was decided about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MappedAlignment {
    /// Place of the record (read 1 of a pair) in the bundle.
    pub first: u32,
    /// Place of the mate's record.
    pub second: Option<u32>,
    /// Sum of the aligner's scores.
    pub score: i64,
    /// Aligned bases.
    pub length: i64,
    /// Its locus, if any.
    pub locus: Option<u32>,
    /// Whether it is the best alignment of the fragment to its locus (or to none).
    pub primary: bool,
}

impl MappedAlignment {
    fn value(&self) -> i64 {
        self.score + self.length
    }
}

/// One entry of a row, before scores are shifted to start at 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RowEntry {
    /// The locus; `None` is the feature of alignments that hit none.
    pub locus: Option<u32>,
    /// Score plus length of the best alignment.
    pub value: i64,
    /// Score of that alignment.
    pub score: i64,
}

/// What became of a fragment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FragmentRow {
    /// It has no mapped alignment, or none that hits a locus.
    None,
    /// Its entries are in [`FragmentWork::entries`].
    Entries,
}

/// Counts over fragments, and the range of scores over all mapped alignments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FragmentTally {
    /// All fragments.
    pub total: u64,
    /// Proper pairs.
    pub pair_mapped: u64,
    /// Pairs that are not proper.
    pub pair_mixed: u64,
    /// Mapped single reads.
    pub single_mapped: u64,
    /// Without a mapped alignment.
    pub unmapped: u64,
    /// One mapped alignment.
    pub unique: u64,
    /// Several mapped alignments.
    pub ambig: u64,
    /// Proper pairs with a record whose mate is missing.
    pub orphans: u64,
    /// Fragments whose kind another order of their records may change (see `scores::Findings`).
    pub kind_by_order: u64,
    /// Proper pairs with two records of the same ends.
    pub same_ends: u64,
    /// Records that were lost to another one with the same ends.
    pub lost: u64,
    /// Alignments whose locus shares no more bases than another one, so that start and name decided.
    pub overlap_ties: u64,
    /// How alignments lie to the loci that they hit.
    pub strands: StrandTally,
    /// Smallest and largest score.
    pub scores: Option<(i64, i64)>,
}

impl FragmentTally {
    /// Adds another tally.
    pub fn add(&mut self, other: &Self) {
        self.total += other.total;
        self.pair_mapped += other.pair_mapped;
        self.pair_mixed += other.pair_mixed;
        self.single_mapped += other.single_mapped;
        self.unmapped += other.unmapped;
        self.unique += other.unique;
        self.ambig += other.ambig;
        self.orphans += other.orphans;
        self.kind_by_order += other.kind_by_order;
        self.same_ends += other.same_ends;
        self.lost += other.lost;
        self.overlap_ties += other.overlap_ties;
        self.strands.add(&other.strands);
        if let Some((low, high)) = other.scores {
            self.see(low);
            self.see(high);
        }
    }

    fn see(&mut self, score: i64) {
        let (low, high) = self.scores.unwrap_or((score, score));
        self.scores = Some((low.min(score), high.max(score)));
    }
}

/// From this many alignments on a table finds their features.
const MANY: usize = 32;

/// Works on one fragment after the other; keeps its memory between them.
#[derive(Debug)]
pub struct FragmentWork<'a> {
    assigner: Assigner<'a>,
    pairing: Pairing,
    merged: Vec<Block>,
    /// Whether the primary record leads, not the first.
    by_primary: bool,
    /// The best alignment of each entry.
    best: Vec<u32>,
    /// The entry of each feature, where there are many alignments.
    places: HashMap<Option<u32>, u32>,
    /// The mapped alignments of the last fragment, in order.
    pub alignments: Vec<MappedAlignment>,
    /// The row of the last fragment: features by descending score of their best alignments, equal ones in order of
    /// first appearance. Columns of the matrix are numbered in this order.
    pub entries: Vec<RowEntry>,
}

/// A mapped record without the tag AS: its place in the bundle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MissingScore(pub usize);

impl<'a> FragmentWork<'a> {
    /// Assigns alignments by `assigner` and pairs them by `same_ends`. `by_primary` says which record leads the bundles that
    /// will come: the primary one, as in a sorted file, or the first.
    pub fn new(assigner: Assigner<'a>, same_ends: SameEnds, by_primary: bool) -> Self {
        Self {
            assigner,
            pairing: Pairing::new(same_ends),
            merged: Vec::new(),
            by_primary,
            best: Vec::new(),
            places: HashMap::new(),
            alignments: Vec::new(),
            entries: Vec::new(),
        }
    }

    /// Works out one fragment and counts it. Alignments are assigned only if `candidate`: a caller that knows that no
    /// record of the fragment comes near a locus spares that.
    ///
    /// # Errors
    /// If a mapped record has no score.
    pub fn fragment(
        &mut self,
        bundle: &Bundle,
        candidate: bool,
        tally: &mut FragmentTally,
    ) -> Result<FragmentRow, MissingScore> {
        let kind = self.pairing.pair(bundle);
        tally.total += 1;
        tally.orphans += u64::from(self.pairing.orphan);
        tally.kind_by_order += u64::from(kind_depends_on_order(bundle, self.by_primary));
        tally.same_ends += u64::from(self.pairing.repeated);
        tally.lost += u64::from(self.pairing.lost);
        self.alignments.clear();
        self.entries.clear();
        match kind {
            Kind::SingleUnmapped | Kind::PairUnmapped => {
                tally.unmapped += 1;
                return Ok(FragmentRow::None);
            }
            Kind::SingleMapped | Kind::PairMapped | Kind::PairMixed => self.map(bundle, candidate, tally)?,
        }
        // Telescope stops at a fragment of these kinds that has no mapped alignment; here it counts as unmapped.
        let counter = match kind {
            _ if self.alignments.is_empty() => &mut tally.unmapped,
            Kind::PairMapped => &mut tally.pair_mapped,
            Kind::PairMixed => &mut tally.pair_mixed,
            _ => &mut tally.single_mapped,
        };
        *counter += 1;
        match self.alignments.len() {
            0 => return Ok(FragmentRow::None),
            1 => tally.unique += 1,
            _ => tally.ambig += 1,
        }
        if self.alignments.iter().all(|alignment| alignment.locus.is_none()) {
            return Ok(FragmentRow::None);
        }
        self.fill_row();
        Ok(FragmentRow::Entries)
    }

    fn map(&mut self, bundle: &Bundle, candidate: bool, tally: &mut FragmentTally) -> Result<(), MissingScore> {
        for index in 0..self.pairing.alignments.len() {
            let pair = self.pairing.alignments[index];
            let first = &bundle.records[pair.first as usize];
            if first.has(flag::UNMAPPED) {
                continue;
            }
            let mate = pair.second.map(|second| &bundle.records[second as usize]);
            let mut score = i64::from(first.score.ok_or(MissingScore(pair.first as usize))?);
            if let (Some(second), Some(mate)) = (pair.second, mate) {
                score += match mate.score {
                    Some(score) => i64::from(score),
                    None if mate.has(flag::UNMAPPED) => 0,
                    None => return Err(MissingScore(second as usize)),
                };
            }
            tally.see(score);
            let (mut length, mut locus) = (0, None);
            if candidate {
                length = self.merge_blocks(bundle, first, mate);
                let read = Direction::of(first, mate.is_some());
                let found = self.assigner.assign(first.reference, &self.merged, length, read);
                locus = found.locus;
                tally.overlap_ties += u64::from(found.tied);
                if let Some(strand) = found.strand {
                    tally.strands.see(read, strand);
                }
            }
            let (first, second) = (pair.first, pair.second);
            self.alignments.push(MappedAlignment { first, second, score, length, locus, primary: false });
        }
        Ok(())
    }

    /// Sorts and merges the blocks of one or two records where at most one base lies between; their length.
    fn merge_blocks(&mut self, bundle: &Bundle, first: &Record, mate: Option<&Record>) -> i64 {
        self.merged.clear();
        self.merged.extend_from_slice(bundle.blocks_of(first));
        if let Some(mate) = mate {
            self.merged.extend_from_slice(bundle.blocks_of(mate));
        }
        self.merged.sort_by_key(|block| block.start);
        self.merged.dedup_by(|next, last| {
            let near = next.start <= last.end.saturating_add(1);
            if near {
                last.end = last.end.max(next.end);
            }
            near
        });
        self.merged.iter().map(|block| i64::from(block.end) - i64::from(block.start)).sum()
    }

    /// The best alignment to each feature; the first of equals.
    fn fill_row(&mut self) {
        let many = self.alignments.len() > MANY;
        self.places.clear();
        self.best.clear();
        for (at, alignment) in self.alignments.iter().enumerate() {
            let entry = RowEntry { locus: alignment.locus, value: alignment.value(), score: alignment.score };
            let known = if many {
                self.places.get(&entry.locus).map(|&place| place as usize)
            } else {
                self.entries.iter().position(|known| known.locus == entry.locus)
            };
            match known {
                Some(known) if entry.value > self.entries[known].value => {
                    self.entries[known] = entry;
                    self.best[known] = at as u32;
                }
                Some(_) => {}
                None => {
                    if many {
                        self.places.insert(entry.locus, self.entries.len() as u32);
                    }
                    self.entries.push(entry);
                    self.best.push(at as u32);
                }
            }
        }
        self.best.iter().for_each(|&at| self.alignments[at as usize].primary = true);
        self.entries.sort_by_key(|entry| std::cmp::Reverse(entry.score));
    }

    /// The alignments of the last fragment, unmapped ones, too, as records of the bundle.
    pub fn pairs(&self) -> &[Alignment] {
        &self.pairing.alignments
    }

    /// The features whose best alignment has the best score of the last fragment, in order of first appearance.
    pub fn best_features(&self) -> impl Iterator<Item = Option<u32>> + '_ {
        let best = self.entries.first().map(|entry| entry.score);
        self.entries.iter().take_while(move |entry| Some(entry.score) == best).map(|entry| entry.locus)
    }
}
