//! Distinct columns: families with the same states (and rates) share one computation.
//! Leaves out where the rows come from that are compared (see [`super::TipStates::patterns`]).

use std::collections::HashMap;

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use xxhash_rust::xxh3::xxh3_64;

use crate::bits::BitRows;
use crate::model::Rates;

/// Which families share a column.
#[derive(Debug, Clone, Default)]
pub(crate) struct Patterns {
    /// The pattern of each family, numbered in order of first appearance.
    pub(crate) of_family: Vec<u32>,
    /// The first family with each pattern.
    pub(crate) representatives: Vec<u32>,
}

impl Patterns {
    /// Finds equal rows of a matrix with one row a family.
    pub(super) fn of_rows(present: &BitRows, missing: Option<&BitRows>) -> Self {
        // Beyond are zeros in every row.
        let used = present.columns().div_ceil(8);
        let known = |family: u32| &present.row(family as usize)[..used];
        let unknown = |family: u32| missing.map_or(&[][..], |rows| &rows.row(family as usize)[..used]);
        let hash = |family: u32| {
            let gaps = missing.map_or(0, |_| xxh3_64(unknown(family)));
            xxh3_64(known(family)) ^ gaps.rotate_left(1)
        };
        let count = present.rows();
        let mut seen: HashTable<u32> = HashTable::with_capacity(count);
        let mut patterns = Self { of_family: Vec::with_capacity(count), representatives: vec![] };
        for family in 0..count as u32 {
            let fresh = patterns.representatives.len() as u32;
            let first = |id: u32| patterns.representatives[id as usize];
            let same = |&id: &u32| known(first(id)) == known(family) && unknown(first(id)) == unknown(family);
            let id = match seen.entry(hash(family), same, |&id| hash(first(id))) {
                Entry::Occupied(known) => *known.get(),
                Entry::Vacant(place) => {
                    place.insert(fresh);
                    patterns.representatives.push(family);
                    fresh
                }
            };
            patterns.of_family.push(id);
        }
        patterns
    }

    /// Families with the same column that share their rates too.
    pub(crate) fn refined(&self, rates: &[Rates]) -> Self {
        if self.count() == rates.len() {
            return self.clone();
        }
        let mut seen = HashMap::new();
        let mut refined = Self { of_family: Vec::with_capacity(rates.len()), representatives: vec![] };
        for (family, (&pattern, pair)) in self.of_family.iter().zip(rates).enumerate() {
            let fresh = refined.representatives.len() as u32;
            let id = *seen.entry((pattern, pair.gain.to_bits(), pair.loss.to_bits())).or_insert(fresh);
            if id == fresh {
                refined.representatives.push(family as u32);
            }
            refined.of_family.push(id);
        }
        refined
    }

    /// Number of distinct columns.
    pub(crate) fn count(&self) -> usize {
        self.representatives.len()
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
