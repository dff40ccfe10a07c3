//! In which order the records of a file come.

use scaletune_hts::{Alignment, AlignmentFile, Reader, SortOrder, Visitor};
use serde::{Deserialize, Serialize};

use super::LoadPlan;
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

/// Finds out the order of `file`: what the header says; else *sorted* if no record of the first ten thousand lies
/// before the one in front of it. (A collated file that looks like that is grouped correctly all the same.)
///
/// # Errors
/// If the first records cannot be read.
pub fn detect_order(file: &AlignmentFile, plan: &LoadPlan) -> Result<InputOrder, EmError> {
    let header = file.header();
    if header.is_grouped_by_name() {
        return Ok(InputOrder::Collated);
    }
    if header.sort_order() == SortOrder::Coordinate {
        return Ok(InputOrder::Sorted);
    }
    let mut reader = Reader::open(file, &plan.reader_plan()?)?;
    let mut sniff = Sniff { last: (0, i64::MIN), seen: 0 };
    match reader.walk(&file.whole_file(), &mut sniff) {
        Ok(()) | Err(Sniffed::Enough) => Ok(InputOrder::Sorted),
        Err(Sniffed::Descends) => Ok(InputOrder::Collated),
        Err(Sniffed::Failed(error)) => Err(error.into()),
    }
}

struct Sniff {
    /// Contig (none last) and start.
    last: (u32, i64),
    seen: usize,
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
        self.seen += 1;
        if self.seen == SNIFFED { Err(Sniffed::Enough) } else { Ok(()) }
    }
}
