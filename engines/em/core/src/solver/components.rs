//! Connected components of features: two features belong together if an ambiguous fragment hits both. The feature
//! of fragments that hit no locus is left out, since it would glue most families into one.

use crate::matrix::{Index, MatrixView};

/// The column that holds no component together.
pub const HUB: usize = 0;

/// The component of each feature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Components {
    /// Component of each column, numbered in the order of their first columns; `None` for the hub and for columns
    /// without an ambiguous row.
    pub of_column: Vec<Option<u32>>,
    /// Number of components.
    pub count: usize,
}

impl Components {
    /// Finds the components of `matrix`. Time O(entries), memory O(K).
    pub fn of(matrix: &crate::ScoreMatrix) -> Self {
        crate::matrix::with_view!(matrix, view => Self::of_view(view, matrix.features()))
    }

    pub(super) fn of_view<C: Index, R: Index>(view: MatrixView<'_, C, R>, features: usize) -> Self {
        let mut forest = Forest { parent: (0..features as u32).collect() };
        let mut touched = vec![false; features];
        for row in 0..view.rows() {
            let (columns, _) = view.row(row);
            if columns.len() < 2 {
                continue;
            }
            let mut others = columns.iter().map(|column| column.at()).filter(|&column| column != HUB);
            if let Some(first) = others.next() {
                touched[first] = true;
                for other in others {
                    touched[other] = true;
                    forest.unite(first as u32, other as u32);
                }
            }
        }
        let mut number = vec![None; features];
        let mut of_column = vec![None; features];
        let mut count = 0;
        for column in (0..features).filter(|&column| touched[column]) {
            let root = forest.root(column as u32) as usize;
            let component = *number[root].get_or_insert_with(|| {
                count += 1;
                count - 1
            });
            of_column[column] = Some(component);
        }
        Self { of_column, count: count as usize }
    }
}

/// Disjoint sets, with path halving; the smaller number becomes the root.
struct Forest {
    parent: Vec<u32>,
}

impl Forest {
    fn root(&mut self, mut column: u32) -> u32 {
        while self.parent[column as usize] != column {
            let above = self.parent[self.parent[column as usize] as usize];
            self.parent[column as usize] = above;
            column = above;
        }
        column
    }

    fn unite(&mut self, a: u32, b: u32) {
        let (a, b) = (self.root(a), self.root(b));
        self.parent[a.max(b) as usize] = a.min(b);
    }
}
