//! In which order the records of a file come.

use hashbrown::HashSet;
use scaletune_hts::{Alignment, AlignmentFile, Reader, SortOrder, Visitor};
use serde::{Deserialize, Serialize};
use std::hash::BuildHasherDefault;
use xxhash_rust::xxh3::xxh3_128;

use super::LoadPlan;
use super::extract::AsIs;
use crate::EmError;

/// The order of records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum InputOrder {
    /// The records of a name stand together.
    Collated,
    /// By coordinate.
    Sorted,
}

/// Records that are looked at where the header does not say.
const SNIFFED: usize = 10_000;

/// Finds out the order of `file`: what the header says, `SO:coordinate` before all else. Where it says nothing, the first
/// ten thousand records do: *collated* if one lies before the one in front of it, or if there are no more and no name comes
/// back; else *sorted*. (A collated file that is taken for sorted is read correctly all the same: loading finds out.)
///
/// # Errors
/// If the first records cannot be read.
pub fn detect_order(file: &AlignmentFile, plan: &LoadPlan) -> Result<InputOrder, EmError> {
    let header = file.header();
    // Sorting by coordinate leaves a `GO:query` of the file before in some headers.
    if header.sort_order() == SortOrder::Coordinate {
        return Ok(InputOrder::Sorted);
    }
    if header.is_grouped_by_name() {
        return Ok(InputOrder::Collated);
    }
    let mut reader = Reader::open(file, &plan.reader_plan()?)?;
    let mut sniff = Sniff { last: (0, i64::MIN), seen: 0, names: NameRuns::default() };
    match reader.walk(&file.whole_file(), &mut sniff) {
        Ok(()) if !sniff.names.come_back() => Ok(InputOrder::Collated),
        Ok(()) | Err(Sniffed::Enough) => Ok(InputOrder::Sorted),
        Err(Sniffed::Descends) => Ok(InputOrder::Collated),
        Err(Sniffed::Failed(error)) => Err(error.into()),
    }
}

struct Sniff {
    /// Contig (none last) and start.
    last: (u32, i64),
    seen: usize,
    names: NameRuns,
}

/// Names that were finished among the first of a file or part of it: where one comes back, names do not stand together.
#[derive(Debug, Default)]
pub(super) struct NameRuns {
    closed: HashSet<u128, BuildHasherDefault<AsIs>>,
    open: Option<u128>,
    first: Option<u128>,
    runs: u64,
    come_back: bool,
}

impl NameRuns {
    /// The hash of the next record's name.
    #[inline]
    pub(super) fn see(&mut self, hash: u128) {
        if self.open == Some(hash) {
            return;
        }
        self.runs += 1;
        self.first.get_or_insert(hash);
        let closed = self.open.replace(hash);
        if self.come_back || self.closed.len() >= SNIFFED {
            return;
        }
        self.closed.extend(closed);
        self.come_back = self.closed.contains(&hash);
    }

    /// Whether a name was seen to come back.
    pub(super) fn come_back(&self) -> bool {
        self.come_back
    }

    /// Runs of records with one name, in parts that follow upon each other.
    pub(super) fn count<'a>(parts: impl Iterator<Item = &'a Self>) -> u64 {
        let (mut runs, mut last) = (0, None);
        for part in parts.filter(|part| part.first.is_some()) {
            runs += part.runs - u64::from(part.first == last);
            last = part.open;
        }
        runs
    }
}

enum Sniffed {
    Enough,
    Descends,
    Failed(scaletune_hts::Error),
}

impl From<scaletune_hts::Error> for Sniffed {
    fn from(error: scaletune_hts::Error) -> Self {
        Self::Failed(error)
    }
}

impl Visitor for Sniff {
    type Error = Sniffed;

    fn record<A: Alignment>(&mut self, record: &A) -> Result<(), Sniffed> {
        let place = (record.reference_id() as u32, record.start());
        if place < self.last {
            return Err(Sniffed::Descends);
        }
        self.last = place;
        self.names.see(xxh3_128(record.name()));
        self.seen += 1;
        if self.seen == SNIFFED { Err(Sniffed::Enough) } else { Ok(()) }
    }
}
