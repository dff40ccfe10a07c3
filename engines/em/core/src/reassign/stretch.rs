//! What one stretch of rows contributes: whole counts summed up, fractions and ties listed in row order.

use super::Source;
use crate::matrix::{Index, MatrixView, with_view};
use crate::model::Model;
use crate::numeric::row_sum;
use crate::solver::reciprocal;

/// Two weights closer than this, relative to the larger, differ by rounding only.
const ROUNDING: f64 = 1e-12;

/// Consecutive rows and their contributions from the final and the initial weights.
pub(super) struct Stretch {
    rows: std::ops::Range<usize>,
    pub(super) sides: [Side; 2],
    pub(super) near_ties: u64,
}

/// Contributions from one kind of weights.
#[derive(Default)]
pub(super) struct Side {
    pub(super) single_best: Vec<u32>,
    pub(super) unique: Vec<u32>,
    pub(super) all: Vec<u32>,
    pub(super) average: Vec<(u32, f64)>,
    pub(super) conf: Vec<(u32, f64)>,
    /// Of every row with several best columns: how many, then which, ascending.
    pub(super) tie_columns_by_size: Vec<u32>,
}

impl Stretch {
    pub(super) fn new(rows: std::ops::Range<usize>, features: usize) -> Self {
        let side = || Side {
            single_best: vec![0; features],
            unique: vec![0; features],
            all: vec![0; features],
            ..Side::default()
        };
        Self { rows, sides: [side(), side()], near_ties: 0 }
    }

    pub(super) fn gather(&mut self, model: &Model<'_>, sources: &[Source; 2], conf_prob: f64) {
        with_view!(model.matrix, view => self.gather_view(view, &model.weights, sources, conf_prob));
    }

    fn gather_view<C: Index, R: Index>(
        &mut self,
        view: MatrixView<'_, C, R>,
        weights: &[f64],
        sources: &[Source; 2],
        conf_prob: f64,
    ) {
        let mut z = Vec::new();
        for row in self.rows.clone() {
            let (columns, _) = view.row(row);
            for (kind, (source, side)) in sources.iter().zip(&mut self.sides).enumerate() {
                source.row(view, weights, row, &mut z);
                side.add(columns, &z, conf_prob);
                if kind == 0 && is_near_tie(&z) {
                    self.near_ties += 1;
                }
            }
        }
    }
}

impl Side {
    /// Adds one row; takes `z` over as scratch only where the mode `conf` needs it.
    fn add<C: Index>(&mut self, columns: &[C], z: &[f64], conf_prob: f64) {
        let largest = z.iter().copied().fold(0.0, f64::max);
        if largest <= 0.0 {
            return;
        }
        let best = || columns.iter().zip(z).filter(|(_, value)| **value == largest).map(|(column, _)| column.at());
        let count = best().count();
        if count == 1 {
            best().for_each(|column| self.single_best[column] += 1);
        } else {
            self.tie_columns_by_size.push(count as u32);
            self.tie_columns_by_size.extend(best().map(|column| column as u32));
        }
        let share = 1.0 / count as f64;
        self.average.extend(best().map(|column| (column as u32, share)));
        for (column, _) in columns.iter().zip(z).filter(|(_, value)| **value > 0.0) {
            self.all[column.at()] += 1;
        }
        if let [column] = columns {
            self.unique[column.at()] += 1;
        }
        if largest >= conf_prob {
            let kept: Vec<f64> = z.iter().map(|&value| if value >= conf_prob { value } else { 0.0 }).collect();
            let factor = reciprocal(row_sum(&kept));
            let shares = columns.iter().zip(kept).filter(|(_, value)| *value > 0.0);
            self.conf.extend(shares.map(|(column, value)| (column.at() as u32, value * factor)));
        }
    }
}

fn is_near_tie(z: &[f64]) -> bool {
    let (mut first, mut second) = (0.0_f64, 0.0_f64);
    for &value in z {
        if value > first {
            second = first;
            first = value;
        } else if value > second && value < first {
            second = value;
        }
    }
    second > 0.0 && first - second <= ROUNDING * first
}
