//! Row by row: the final weights, and which features the selected mode assigns the fragment to. What the counts sum
//! up, for those who need each fragment's answer.

use super::{Mode, Mt19937, Source};
use crate::EmFit;
use crate::matrix::with_view;
use crate::model::Model;

/// Walks the rows in order; each row's answer adds up to the report's counts.
#[derive(Debug)]
pub struct Assignments<'a> {
    model: &'a Model<'a>,
    source: Source,
    mode: Mode,
    conf_prob: f64,
    stream: Mt19937,
    next: usize,
    z: Vec<f64>,
}

/// One feature of a row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Share {
    /// Its column.
    pub column: usize,
    /// The final weight z.
    pub z: f64,
    /// Whether the mode assigns the fragment to it, wholly or in part.
    pub assigned: bool,
}

impl<'a> Assignments<'a> {
    pub(super) fn new(model: &'a Model<'a>, fit: &EmFit, mode: Mode, conf_prob: f64, stream: Mt19937) -> Self {
        Self { model, source: Source::after(&fit.previous), mode, conf_prob, stream, next: 0, z: Vec::new() }
    }

    /// The next row's features, columns ascending.
    ///
    /// # Panics
    /// If there is no further row.
    pub fn next_row(&mut self) -> Vec<Share> {
        let row = self.next;
        self.next += 1;
        with_view!(self.model.matrix, view => self.source.row(view, &self.model.weights, row, &mut self.z));
        let largest = self.z.iter().copied().fold(0.0, f64::max);
        let best: Vec<usize> = (0..self.z.len()).filter(|&at| self.z[at] == largest && largest > 0.0).collect();
        let chosen = match (self.mode, best.len()) {
            (Mode::Choose, 1..) => Some(best[self.stream.choice(best.len() as u32) as usize]),
            _ => None,
        };
        let assigned = |at: usize| {
            let z = self.z[at];
            match self.mode {
                Mode::Exclude => best == [at],
                Mode::Choose => chosen == Some(at),
                Mode::Average => z == largest && largest > 0.0,
                Mode::Conf => z > 0.0 && z >= self.conf_prob,
                Mode::Unique => z > 0.0 && self.z.len() == 1,
                Mode::All => z > 0.0,
            }
        };
        let columns = self.model.matrix.row(row).map(|(column, _)| column);
        columns.enumerate().map(|(at, column)| Share { column, z: self.z[at], assigned: assigned(at) }).collect()
    }
}
