//! E and M step in one pass over packed rows. Each chunk has column sums of its own, and they are added in the
//! order of the chunks: the same bits for every number of workers.

use super::EStep;
use super::packed::{Cut, Packed, ambiguous_rows};
use crate::matrix::{Index, MatrixView, with_view};
use crate::model::Model;
use crate::{EmError, Monitor, Workers};

/// Columns in one task of adding up.
const COLUMNS: usize = 1 << 11;

pub(super) fn build<'a>(model: &'a Model<'a>, workers: &'a Workers) -> Box<dyn EStep + 'a> {
    build_cut(model, workers, Cut::of(model.matrix))
}

/// As [`build`], with chunks of another size.
pub(super) fn build_cut<'a>(model: &'a Model<'a>, workers: &'a Workers, cut: Cut) -> Box<dyn EStep + 'a> {
    with_view!(model.matrix, view => build_view(model, view, workers, cut))
}

fn build_view<'a, C: Index, R: Index>(
    model: &'a Model<'a>,
    view: MatrixView<'a, C, R>,
    workers: &'a Workers,
    cut: Cut,
) -> Box<dyn EStep + 'a> {
    let features = model.matrix.features();
    let rows = ambiguous_rows(view);
    let tables = [features, model.weights.len()];
    let (packed, _) = Packed::<C, R>::new(view, rows, cut, |column| (column, false), tables);
    let partial = vec![vec![0.0; features]; packed.chunks()];
    Box::new(Fused { model, packed, partial, workers })
}

struct Fused<'a, C, R> {
    model: &'a Model<'a>,
    packed: Packed<C, R>,
    partial: Vec<Vec<f64>>,
    workers: &'a Workers,
}

impl<C: Index, R: Index> EStep for Fused<'_, C, R> {
    fn column_sums(&mut self, product: &[f64], sums: &mut [f64], monitor: &dyn Monitor) -> Result<(), EmError> {
        let (packed, weights) = (&self.packed, &self.model.weights);
        self.workers.for_each(monitor, "em", &mut self.partial, |chunk, partial| {
            partial.fill(0.0);
            packed.add_chunk(chunk, weights, product, partial, &mut Vec::new());
        })?;
        add_in_order(&self.partial, sums, self.workers, monitor)
    }
}

/// `sums[j]` = sum over parts, in order, of `parts[.][j]`.
pub(super) fn add_in_order(
    parts: &[Vec<f64>],
    sums: &mut [f64],
    workers: &Workers,
    monitor: &dyn Monitor,
) -> Result<(), EmError> {
    let mut stretches: Vec<&mut [f64]> = sums.chunks_mut(COLUMNS).collect();
    workers.for_each(monitor, "em", &mut stretches, |index, stretch| {
        stretch.fill(0.0);
        let from = index * COLUMNS;
        for part in parts {
            for (sum, value) in stretch.iter_mut().zip(&part[from..]) {
                *sum += value;
            }
        }
    })
}
