//! The score matrix: fragments by features, raw scores, compressed by row.
//!
//! Columns and scores are stored in two bytes each wherever they fit (up to 65,536 features, up to 65,536 distinct
//! scores): four bytes an entry. Scores are kept as ranks among the distinct scores, so that a kernel reads its
//! weights from one small table. Knows nothing of names, files and the model.

mod builder;
mod index;

pub use builder::MatrixBuilder;
pub use index::Index;

use index::Compact;

/// A sparse matrix of raw alignment scores. Rows are fragments, columns are features; column 0 is the feature of
/// fragments that hit no locus. Within a row the columns ascend and none comes twice; every score is at least 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScoreMatrix {
    offsets: Vec<usize>,
    columns: Compact,
    ranks: Compact,
    scores: Vec<u32>,
    features: usize,
}

/// One layout of a matrix, for code that is generic over the widths.
#[derive(Debug, Clone, Copy)]
pub struct MatrixView<'a, C, R> {
    /// Start of each row in `columns` and `ranks`, and one past the end of the last: N + 1 values.
    pub offsets: &'a [usize],
    /// Column of each entry, below the number of features.
    pub columns: &'a [C],
    /// Rank of each entry's score among the distinct scores.
    pub ranks: &'a [R],
}

impl<'a, C: Index, R: Index> MatrixView<'a, C, R> {
    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.offsets.len() - 1
    }

    /// Columns and ranks of one row.
    #[inline]
    pub fn row(&self, row: usize) -> (&'a [C], &'a [R]) {
        let range = self.offsets[row]..self.offsets[row + 1];
        (&self.columns[range.clone()], &self.ranks[range])
    }
}

/// Runs `$body` with `$view` bound to the matrix in the layout that it has.
macro_rules! with_view {
    ($matrix:expr, $view:ident => $body:expr) => {{
        let matrix: &$crate::matrix::ScoreMatrix = $matrix;
        match matrix.layout() {
            $crate::matrix::Layout::NarrowNarrow($view) => $body,
            $crate::matrix::Layout::NarrowWide($view) => $body,
            $crate::matrix::Layout::WideNarrow($view) => $body,
            $crate::matrix::Layout::WideWide($view) => $body,
        }
    }};
}
pub(crate) use with_view;

/// The four layouts: width of the columns, then of the ranks.
pub(crate) enum Layout<'a> {
    NarrowNarrow(MatrixView<'a, u16, u16>),
    NarrowWide(MatrixView<'a, u16, u32>),
    WideNarrow(MatrixView<'a, u32, u16>),
    WideWide(MatrixView<'a, u32, u32>),
}

impl ScoreMatrix {
    /// Number of fragments, N.
    pub fn rows(&self) -> usize {
        self.offsets.len() - 1
    }

    /// Number of features, K, `__no_feature` included whether or not a fragment hits it.
    pub fn features(&self) -> usize {
        self.features
    }

    /// Number of stored scores.
    pub fn entries(&self) -> usize {
        self.columns.len()
    }

    /// The distinct raw scores, ascending.
    pub fn scores(&self) -> &[u32] {
        &self.scores
    }

    /// The largest raw score; 0 in an empty matrix.
    pub fn max_score(&self) -> u32 {
        self.scores.last().copied().unwrap_or(0)
    }

    /// Number of rows with exactly one entry.
    pub fn unique_rows(&self) -> usize {
        self.offsets.windows(2).filter(|pair| pair[1] - pair[0] == 1).count()
    }

    /// Number of entries in the longest row.
    pub fn longest_row(&self) -> usize {
        self.offsets.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap_or(0)
    }

    /// Column and raw score of every entry of a row, columns ascending.
    ///
    /// # Panics
    /// If `row` is not below [`rows`](Self::rows).
    pub fn row(&self, row: usize) -> impl Iterator<Item = (usize, u32)> + '_ {
        (self.offsets[row]..self.offsets[row + 1]).map(|at| (self.columns.get(at), self.scores[self.ranks.get(at)]))
    }

    /// Bytes of memory that the matrix holds.
    pub fn bytes(&self) -> usize {
        self.columns.bytes() + self.ranks.bytes() + self.offsets.len() * size_of::<usize>() + self.scores.len() * 4
    }

    pub(crate) fn layout(&self) -> Layout<'_> {
        let offsets = self.offsets.as_slice();
        match (&self.columns, &self.ranks) {
            (Compact::Narrow(columns), Compact::Narrow(ranks)) => {
                Layout::NarrowNarrow(MatrixView { offsets, columns, ranks })
            }
            (Compact::Narrow(columns), Compact::Wide(ranks)) => {
                Layout::NarrowWide(MatrixView { offsets, columns, ranks })
            }
            (Compact::Wide(columns), Compact::Narrow(ranks)) => {
                Layout::WideNarrow(MatrixView { offsets, columns, ranks })
            }
            (Compact::Wide(columns), Compact::Wide(ranks)) => Layout::WideWide(MatrixView { offsets, columns, ranks }),
        }
    }

    /// The same matrix as a `sprs` matrix of raw scores, N x K, compressed by row.
    pub fn to_sprs(&self) -> sprs::CsMat<u32> {
        let indices = (0..self.entries()).map(|at| self.columns.get(at)).collect();
        let data = (0..self.entries()).map(|at| self.scores[self.ranks.get(at)]).collect();
        sprs::CsMat::new((self.rows(), self.features), self.offsets.clone(), indices, data)
    }

    /// Takes a `sprs` matrix of raw scores, N x K; explicit zeros are dropped.
    ///
    /// # Errors
    /// If there are more features than can be numbered.
    pub fn from_sprs(matrix: &sprs::CsMat<u32>) -> Result<Self, crate::EmError> {
        let by_row = matrix.to_csr();
        let mut builder = MatrixBuilder::new();
        let mut entries = Vec::new();
        for row in by_row.outer_iterator() {
            entries.clear();
            entries.extend(row.iter().filter(|(_, score)| **score > 0).map(|(column, score)| (column as u32, *score)));
            builder.push_row(&mut entries);
        }
        builder.finish(by_row.cols())
    }
}

#[cfg(test)]
mod tests;
