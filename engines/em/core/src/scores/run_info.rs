//! Counts of fragments by kind, as the first line of the run statistics shows them.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What was read. Counts that only alignments can tell are `None` for a table of scores, and print as `NA`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct RunInfo {
    /// Loci of the annotation, whether or not a fragment hits them.
    pub annotated_features: u64,
    /// Fragments of the input.
    pub total_fragments: u64,
    /// Fragments whose first record is a proper pair's.
    pub pair_mapped: Option<u64>,
    /// Paired fragments whose first record is in no proper pair, and that are not wholly unmapped.
    pub pair_mixed: Option<u64>,
    /// Mapped fragments of unpaired reads.
    pub single_mapped: Option<u64>,
    /// Fragments without a mapped alignment.
    pub unmapped: Option<u64>,
    /// Fragments with one mapped alignment.
    pub unique: Option<u64>,
    /// Fragments with more than one mapped alignment.
    pub ambig: Option<u64>,
    /// Rows of the matrix with one entry.
    pub overlap_unique: u64,
    /// Rows of the matrix with more than one entry.
    pub overlap_ambig: u64,
}

impl RunInfo {
    /// Keys and values, in order, without the version.
    pub fn fields(&self) -> [(&'static str, Option<u64>); 10] {
        [
            ("annotated_features", Some(self.annotated_features)),
            ("total_fragments", Some(self.total_fragments)),
            ("pair_mapped", self.pair_mapped),
            ("pair_mixed", self.pair_mixed),
            ("single_mapped", self.single_mapped),
            ("unmapped", self.unmapped),
            ("unique", self.unique),
            ("ambig", self.ambig),
            ("overlap_unique", Some(self.overlap_unique)),
            ("overlap_ambig", Some(self.overlap_ambig)),
        ]
    }
}

/// `key:value` pairs parted by tabs.
impl fmt::Display for RunInfo {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (key, value)) in self.fields().into_iter().enumerate() {
            let separator = if index == 0 { "" } else { "\t" };
            match value {
                Some(value) => write!(out, "{separator}{key}:{value}")?,
                None => write!(out, "{separator}{key}:NA")?,
            }
        }
        Ok(())
    }
}
