//! Presence/absence matrices as files have them: rows and columns with names, orientation unknown.
//! Which side holds the taxa is found later, by matching names with a tree (see [`crate::states`]).

mod read;
mod records;

use std::path::PathBuf;

use crate::bits::BitRows;

pub use read::read;

/// How a matrix file is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MatrixFormat {
    /// Found from the text: tabs mean [`Self::Tsv`], a second column `Non-unique Gene name` means
    /// [`Self::GenePresenceAbsence`], other commas mean [`Self::Csv`].
    #[default]
    Auto,
    /// Tab-separated `0`, `1`, or missing (`?`, `-`, `NA`, empty): plain TSV, and Roary's and Panaroo's `.Rtab`.
    Tsv,
    /// Comma-separated, otherwise as [`Self::Tsv`]: PERSISTE's form.
    Csv,
    /// Roary's or Panaroo's `gene_presence_absence.csv`: an empty cell is absence, any other presence.
    GenePresenceAbsence,
}

/// A matrix of absence, presence and missing data with names on both sides.
#[derive(Debug, Clone)]
pub struct Table {
    /// Where it was read from, for messages.
    pub path: PathBuf,
    /// Names of the rows, in file order, no two alike.
    pub row_names: Vec<String>,
    /// Names of the columns, in file order, no two alike.
    pub column_names: Vec<String>,
    /// 1 where present.
    pub present: BitRows,
    /// 1 where missing; `None` if nothing is.
    pub missing: Option<BitRows>,
    /// The format says that rows are families (gene tables of pangenome tools).
    pub rows_are_families: bool,
}
