//! Presence/absence matrices as files have them: rows and columns with names, orientation unknown.
//! Which side holds the taxa is found later, by matching names with a tree (see [`crate::states`]).

mod alignment;
mod cells;
mod columns;
mod read;
mod records;

use std::num::NonZeroU32;
use std::path::PathBuf;

use crate::bits::BitRows;

pub use read::read;

/// How a matrix file is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MatrixFormat {
    /// Found from the text: `>` begins FASTA, two numbers alone on the first line PHYLIP; tabs there mean
    /// [`Self::Tsv`], a second column `Non-unique Gene name` means [`Self::GenePresenceAbsence`], other commas mean
    /// [`Self::Csv`].
    #[default]
    Auto,
    /// Tab-separated `0`, `1`, or missing (`?`, `-`, `NA`, empty): plain TSV, and Roary's and Panaroo's `.Rtab`.
    Tsv,
    /// Comma-separated, otherwise as [`Self::Tsv`]: PERSISTE's form.
    Csv,
    /// `gene_presence_absence.csv` of Roary, Panaroo and those who write alike: an empty cell is absence, the name of a
    /// locus presence; or the cells are `0` and `1`.
    GenePresenceAbsence,
    /// PHYLIP, one sequence of `0`, `1`, `?` and `-` a taxon: in a line, in several, or interleaved.
    Phylip,
    /// FASTA, one such sequence a taxon; a name ends at the first blank.
    Fasta,
}

/// How a matrix is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ReadOptions {
    /// Its form.
    pub format: MatrixFormat,
    /// Cells may be counts, and from this one on the family is present; without it a number above 1 is an error.
    pub present_from: Option<NonZeroU32>,
}

/// What the rows of a table are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowsAre {
    /// Families or taxa: the tree's names tell.
    ToldByNames,
    /// Families, by the format (gene tables of pangenome tools).
    Families,
    /// Taxa, by the format (alignments).
    Taxa,
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
    /// What the rows are.
    pub rows: RowsAre,
    /// Sentences for the user: columns that were taken for descriptions.
    pub notes: Vec<String>,
}
