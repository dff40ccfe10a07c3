//! Builds a score matrix row by row, or from entries in any order.

use super::ScoreMatrix;
use super::index::{Compact, NARROW};
use crate::EmError;

/// Collects rows; duplicates within a row keep the largest score.
#[derive(Debug, Default)]
pub struct MatrixBuilder {
    offsets: Vec<usize>,
    columns: Vec<u32>,
    scores: Vec<u32>,
}

impl MatrixBuilder {
    /// An empty matrix.
    pub fn new() -> Self {
        Self { offsets: vec![0], ..Self::default() }
    }

    /// Number of rows so far.
    pub fn rows(&self) -> usize {
        self.offsets.len() - 1
    }

    /// Adds a row of (column, raw score) in any order; `entries` is sorted in place and stripped of duplicates.
    pub fn push_row(&mut self, entries: &mut Vec<(u32, u32)>) {
        // Descending score within a column: the first of each column is the one to keep.
        entries.sort_unstable_by_key(|&(column, score)| (column, std::cmp::Reverse(score)));
        entries.dedup_by_key(|entry| entry.0);
        for &(column, score) in entries.iter() {
            debug_assert!(score > 0, "raw scores start at 1");
            self.columns.push(column);
            self.scores.push(score);
        }
        self.offsets.push(self.columns.len());
    }

    /// Builds a matrix of `rows` by `features` from (row, column, raw score) in any order.
    ///
    /// # Errors
    /// If there are more features than can be numbered.
    ///
    /// # Panics
    /// If a row or column lies outside the shape.
    pub fn from_entries(rows: usize, features: usize, entries: &[(u32, u32, u32)]) -> Result<ScoreMatrix, EmError> {
        let mut starts = vec![0_usize; rows + 1];
        for entry in entries {
            starts[entry.0 as usize + 1] += 1;
        }
        for row in 0..rows {
            starts[row + 1] += starts[row];
        }
        let mut next = starts.clone();
        let mut by_row = vec![(0, 0); entries.len()];
        for &(row, column, score) in entries {
            let slot = &mut next[row as usize];
            by_row[*slot] = (column, score);
            *slot += 1;
        }
        let mut builder = Self::new();
        let mut row_entries = Vec::new();
        for row in starts.windows(2) {
            row_entries.clear();
            row_entries.extend_from_slice(&by_row[row[0]..row[1]]);
            builder.push_row(&mut row_entries);
        }
        builder.finish(features)
    }

    /// The matrix, with `features` columns.
    ///
    /// # Errors
    /// If there are more features than can be numbered.
    ///
    /// # Panics
    /// If a column is not below `features`.
    pub fn finish(self, features: usize) -> Result<ScoreMatrix, EmError> {
        let Self { mut offsets, columns, scores } = self;
        if features as u64 > 1 << 32 {
            return Err(EmError::TooLarge { what: "features", found: features as u64, most: 1 << 32 });
        }
        let rows = offsets.len() as u64 - 1;
        if rows > 1 << 32 {
            return Err(EmError::TooLarge { what: "fragments", found: rows, most: 1 << 32 });
        }
        assert!(columns.iter().all(|&column| (column as usize) < features), "a column lies outside the matrix");
        let distinct = distinct(&scores);
        let columns = if features <= NARROW {
            Compact::Narrow(columns.into_iter().map(|column| column as u16).collect())
        } else {
            Compact::Wide(columns)
        };
        let rank = Ranks::new(&distinct);
        let ranks = if distinct.len() <= NARROW {
            Compact::Narrow(scores.into_iter().map(|score| rank.of(score) as u16).collect())
        } else {
            Compact::Wide(scores.into_iter().map(|score| rank.of(score) as u32).collect())
        };
        offsets.shrink_to_fit();
        Ok(ScoreMatrix { offsets, columns, ranks, scores: distinct, features })
    }
}

/// Scores below this get their ranks from a table, larger ones by bisection.
const TABLE: usize = 1 << 20;

fn distinct(scores: &[u32]) -> Vec<u32> {
    let mut seen = vec![false; TABLE];
    let mut large = Vec::new();
    for &score in scores {
        match seen.get_mut(score as usize) {
            Some(mark) => *mark = true,
            None => large.push(score),
        }
    }
    large.sort_unstable();
    large.dedup();
    (0..TABLE as u32).filter(|&score| seen[score as usize]).chain(large).collect()
}

/// Looks up the rank of a score among the distinct ones.
struct Ranks<'a> {
    table: Vec<u32>,
    distinct: &'a [u32],
}

impl<'a> Ranks<'a> {
    fn new(distinct: &'a [u32]) -> Self {
        let size = distinct.last().map_or(0, |&largest| (largest as usize + 1).min(TABLE));
        let mut table = vec![0; size];
        for (rank, &score) in distinct.iter().enumerate() {
            if let Some(slot) = table.get_mut(score as usize) {
                *slot = rank as u32;
            }
        }
        Self { table, distinct }
    }

    fn of(&self, score: u32) -> usize {
        match self.table.get(score as usize) {
            Some(&rank) => rank as usize,
            None => self.distinct.partition_point(|&other| other < score),
        }
    }
}
