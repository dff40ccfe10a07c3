//! The log-likelihood after a step: sum over entries of z log(1 + n), z from the old parameters and n from the new.
//!
//! Each fixed stretch of rows has its own compensated sum and the stretches are added in order, so that neither the
//! number of workers nor the solver shows, and a stop test on its change does not stop on rounding.

use crate::matrix::{Index, MatrixView, with_view};
use crate::model::{Model, Parameters};
use crate::numeric::{CompensatedSum, row_sum};
use crate::solver::reciprocal;
use crate::{EmError, Monitor, Workers};

/// Rows in one task.
const STRETCH: usize = 1 << 14;

pub(super) fn log_likelihood(
    model: &Model<'_>,
    old: &Parameters,
    new: &Parameters,
    workers: &Workers,
    monitor: &dyn Monitor,
) -> Result<f64, EmError> {
    let rows = model.matrix.rows();
    let mut parts = vec![CompensatedSum::default(); rows.div_ceil(STRETCH)];
    let (mut old_product, mut new_product) = (Vec::new(), Vec::new());
    old.product_into(&mut old_product);
    new.product_into(&mut new_product);
    with_view!(model.matrix, view => {
        let task = StretchTask { model, view, old: [&old.pi, &old_product], new: [&new.pi, &new_product] };
        workers.for_each(monitor, "likelihood", &mut parts, |index, part| {
            *part = task.sum(index * STRETCH..rows.min((index + 1) * STRETCH));
        })?;
    });
    let mut total = CompensatedSum::default();
    parts.into_iter().for_each(|part| total.merge(part));
    Ok(total.value())
}

/// Factors of unique rows (pi) and of ambiguous rows (pi theta), old and new.
struct StretchTask<'a, C, R> {
    model: &'a Model<'a>,
    view: MatrixView<'a, C, R>,
    old: [&'a [f64]; 2],
    new: [&'a [f64]; 2],
}

impl<C: Index, R: Index> StretchTask<'_, C, R> {
    fn sum(&self, rows: std::ops::Range<usize>) -> CompensatedSum {
        let weights = &self.model.weights;
        let mut total = CompensatedSum::default();
        let mut values = Vec::new();
        for row in rows {
            let (columns, ranks) = self.view.row(row);
            let kind = usize::from(columns.len() > 1);
            let (old, new) = (self.old[kind], self.new[kind]);
            values.clear();
            values.extend(columns.iter().zip(ranks).map(|(column, rank)| weights[rank.at()] * old[column.at()]));
            let factor = reciprocal(row_sum(&values));
            for ((column, rank), value) in columns.iter().zip(ranks).zip(&values) {
                total.add((value * factor) * (weights[rank.at()] * new[column.at()]).ln_1p());
            }
        }
        total
    }
}
