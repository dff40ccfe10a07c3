//! Assignment weights z of one row, from the parameters before the last step, or from the scores alone.

use crate::matrix::{Index, MatrixView};
use crate::model::Parameters;
use crate::numeric::row_sum;
use crate::solver::reciprocal;

/// Where the weights of a row come from.
#[derive(Debug)]
pub(crate) enum Source {
    /// The normalised weights of the scores: the state before the EM.
    Initial,
    /// The E step with these parameters.
    Final {
        /// pi, for unique rows.
        pi: Vec<f64>,
        /// pi theta, for ambiguous rows.
        product: Vec<f64>,
    },
}

impl Source {
    /// The E step with `parameters`.
    pub(crate) fn after(parameters: &Parameters) -> Self {
        let mut product = Vec::new();
        parameters.product_into(&mut product);
        Self::Final { pi: parameters.pi.clone(), product }
    }

    /// Writes z of every entry of `row` to `z`.
    pub(crate) fn row<C: Index, R: Index>(
        &self,
        view: MatrixView<'_, C, R>,
        weights: &[f64],
        row: usize,
        z: &mut Vec<f64>,
    ) {
        let (columns, ranks) = view.row(row);
        z.clear();
        let entries = columns.iter().zip(ranks);
        match self {
            Self::Initial => z.extend(ranks.iter().map(|rank| weights[rank.at()])),
            Self::Final { product, .. } if columns.len() > 1 => {
                z.extend(entries.map(|(column, rank)| weights[rank.at()] * product[column.at()]));
            }
            Self::Final { pi, .. } => {
                z.extend(entries.map(|(column, rank)| weights[rank.at()] * pi[column.at()]));
            }
        }
        let factor = reciprocal(row_sum(z));
        z.iter_mut().for_each(|value| *value *= factor);
    }
}
