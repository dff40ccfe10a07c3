//! Distinct columns: families with the same states (and rates) share one computation.

use std::collections::HashMap;

use crate::bits::BitRows;
use crate::model::Rates;
use crate::states::TipStates;

/// Which families share a column.
#[derive(Debug, Clone, Default)]
pub(crate) struct Patterns {
    /// The pattern of each family, numbered in order of first appearance.
    pub(crate) of_family: Vec<u32>,
    /// The first family with each pattern.
    pub(crate) representatives: Vec<u32>,
}

impl Patterns {
    /// Finds equal columns; with `rates`, families must have the same of those too.
    pub(crate) fn find(states: &TipStates, rates: Option<&[Rates]>) -> Self {
        let columns = by_family(states);
        let mut seen: HashMap<(&[u8], [u64; 2]), u32> = HashMap::with_capacity(states.family_count());
        let mut patterns = Self::default();
        for family in 0..states.family_count() {
            let pair = rates.map_or([0; 2], |r| [r[family].gain.to_bits(), r[family].loss.to_bits()]);
            let next = patterns.representatives.len() as u32;
            let id = *seen.entry((columns.row(family), pair)).or_insert(next);
            if id == next {
                patterns.representatives.push(family as u32);
            }
            patterns.of_family.push(id);
        }
        patterns
    }

    /// Families per pattern.
    pub(crate) fn weights(&self) -> Vec<f64> {
        let mut weights = vec![0.0; self.representatives.len()];
        for &pattern in &self.of_family {
            weights[pattern as usize] += 1.0;
        }
        weights
    }
}

/// One row a family: presence bits of all tips, then missing bits of those that have any.
fn by_family(states: &TipStates) -> BitRows {
    let with_missing: Vec<usize> = (0..states.tip_count()).filter(|&t| states.missing_row(t).is_some()).collect();
    if with_missing.is_empty() {
        // The usual case needs no copy, which would be the peak of memory.
        return states.present_rows().transposed();
    }
    let mut rows = BitRows::zeros(states.tip_count() + with_missing.len(), states.family_count());
    for tip in 0..states.tip_count() {
        rows.row_mut(tip).copy_from_slice(states.present_row(tip));
    }
    for (i, &tip) in with_missing.iter().enumerate() {
        if let Some(row) = states.missing_row(tip) {
            rows.row_mut(states.tip_count() + i).copy_from_slice(row);
        }
    }
    rows.transposed()
}

/// Number of distinct columns of a matrix.
pub fn distinct_columns(states: &TipStates) -> usize {
    Patterns::find(states, None).representatives.len()
}
