//! The reference: one row after the other, in the matrix's order, in one thread, as Telescope sums.

use std::time::Instant;

use super::EStep;
use crate::matrix::{Index, MatrixView, with_view};
use crate::model::Model;
use crate::numeric::row_sum;
use crate::{EmError, Monitor};

/// Rows between two checks for cancellation.
const STRIDE: usize = 1 << 16;

pub(super) struct Stock<'a> {
    model: &'a Model<'a>,
    row: Vec<f64>,
}

impl<'a> Stock<'a> {
    pub(super) fn new(model: &'a Model<'a>) -> Self {
        Self { model, row: Vec::new() }
    }

    fn sum_rows<C: Index, R: Index>(
        &mut self,
        view: MatrixView<'_, C, R>,
        product: &[f64],
        sums: &mut [f64],
        monitor: &dyn Monitor,
    ) -> Result<(), EmError> {
        let weights = &self.model.weights;
        for row in 0..view.rows() {
            if row % STRIDE == 0 && monitor.cancelled() {
                return Err(EmError::Cancelled);
            }
            let (columns, ranks) = view.row(row);
            if columns.len() < 2 {
                continue;
            }
            let mut largest = 0.0_f64;
            self.row.clear();
            self.row.extend(columns.iter().zip(ranks).map(|(column, rank)| {
                let weight = weights[rank.at()];
                largest = largest.max(weight);
                weight * product[column.at()]
            }));
            let factor = reciprocal(row_sum(&self.row));
            for (column, value) in columns.iter().zip(&self.row) {
                sums[column.at()] += (value * factor) * largest;
            }
        }
        Ok(())
    }
}

impl EStep for Stock<'_> {
    fn column_sums(&mut self, product: &[f64], sums: &mut [f64], monitor: &dyn Monitor) -> Result<(), EmError> {
        sums.fill(0.0);
        let matrix = self.model.matrix;
        let start = Instant::now();
        let done = with_view!(matrix, view => self.sum_rows(view, product, sums, monitor));
        monitor.span("em", 0, start, Instant::now());
        done
    }
}

/// 1/x, or 0 where that overflows: a row whose weights have all underflowed drops out.
#[inline]
pub(crate) fn reciprocal(x: f64) -> f64 {
    let reciprocal = 1.0 / x;
    if reciprocal.is_infinite() { 0.0 } else { reciprocal }
}
