//! What the EM works on: a score matrix, the names and lengths of its features, and what is known of the run that it
//! came from. Read from alignments, from a table of scores, or from a checkpoint.

mod checkpoint;
mod findings;
mod run_info;
mod table;

pub use checkpoint::{decode, encode, read_checkpoint, write_checkpoint};
pub use findings::Findings;
pub use run_info::RunInfo;
pub(crate) use table::open_text;
pub use table::read_table;

use crate::ScoreMatrix;

/// A column of the matrix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Feature {
    /// Name of the locus, or the key of fragments that hit none.
    pub name: String,
    /// Bases covered, 0 where unknown.
    pub length: u64,
}

/// Scores and what belongs to them.
#[derive(Debug, Clone, PartialEq)]
pub struct Scores {
    /// Fragments by features.
    pub matrix: ScoreMatrix,
    /// One a column; the first is that of fragments that hit no locus.
    pub features: Vec<Feature>,
    /// What is known of the input.
    pub run_info: RunInfo,
    /// What else loading found; `None` for a table of scores.
    pub findings: Option<Findings>,
}

impl Scores {
    /// The seed of the random stream that Telescope would use: ((total fragments mod N) K) mod (2^32 - 1).
    pub fn seed(&self) -> u32 {
        let rows = self.matrix.rows() as u128;
        if rows == 0 {
            return 0;
        }
        let product = u128::from(self.run_info.total_fragments) % rows * self.matrix.features() as u128;
        (product % u128::from(u32::MAX)) as u32
    }
}
