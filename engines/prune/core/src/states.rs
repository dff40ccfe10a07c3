//! The states at the tips of one tree, one bit each.
//!
//! How they come from a matrix is [`Matched`]'s, which columns are equal `Patterns`'.

mod cells;
mod matched;
mod patterns;

use std::sync::{Arc, OnceLock};

use crate::bits::BitRows;
use crate::error::Result;
use crate::kernel::evaluator::Workers;
use crate::monitor::Unwatched;
use crate::tree::Tree;

pub use cells::{BLOCK, Cell};
pub use matched::Matched;
pub(crate) use patterns::Patterns;

/// State of one cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// 0.
    Absent,
    /// 1.
    Present,
    /// Unknown: either.
    Missing,
}

/// States of every family at every tip, one bit each, tips in the tree's order.
#[derive(Debug, Clone, Default)]
pub struct TipStates {
    families: Vec<String>,
    present: BitRows,
    missing: Vec<Option<Box<[u8]>>>,
    /// Found when first asked for; the states decide them.
    patterns: OnceLock<Arc<Patterns>>,
}

impl TipStates {
    /// All states missing.
    pub fn unknown(families: Vec<String>, tips: usize) -> Self {
        let present = BitRows::zeros(tips, families.len());
        let all = all_bits(families.len(), present.row(0).len());
        Self { families, present, missing: vec![Some(all); tips], patterns: OnceLock::new() }
    }

    /// All states absent, to be filled in with [`Self::set`].
    pub fn absent(families: Vec<String>, tips: usize) -> Self {
        let present = BitRows::zeros(tips, families.len());
        Self { families, present, missing: vec![None; tips], patterns: OnceLock::new() }
    }

    /// Sets one state.
    pub fn set(&mut self, tip: usize, family: usize, state: State) {
        self.patterns.take();
        let (byte, bit) = (family / 8, 1u8 << (family % 8));
        let row = &mut self.present.row_mut(tip)[byte];
        if state == State::Present {
            *row |= bit;
        } else {
            *row &= !bit;
        }
        if state == State::Missing {
            let stride = self.present.row(tip).len();
            self.missing[tip].get_or_insert_with(|| vec![0; stride].into())[byte] |= bit;
        } else if let Some(missing) = &mut self.missing[tip] {
            missing[byte] &= !bit;
        }
    }

    /// One state.
    pub fn get(&self, tip: usize, family: usize) -> State {
        let is = |row: &[u8]| row[family / 8] >> (family % 8) & 1 == 1;
        if self.missing[tip].as_ref().is_some_and(|row| is(row)) {
            State::Missing
        } else if is(self.present.row(tip)) {
            State::Present
        } else {
            State::Absent
        }
    }

    /// Family names, in the order of every per-family result.
    pub fn families(&self) -> &[String] {
        &self.families
    }

    /// Number of families.
    pub fn family_count(&self) -> usize {
        self.families.len()
    }

    /// Number of tips.
    pub fn tip_count(&self) -> usize {
        self.missing.len()
    }

    /// Is any state unknown?
    pub fn has_missing(&self) -> bool {
        self.missing.iter().any(Option::is_some)
    }

    /// Size of the packed states in memory.
    pub fn size_bytes(&self) -> usize {
        self.present.size_bytes() + self.missing.iter().flatten().map(|row| row.len()).sum::<usize>()
    }

    /// Presence bits of a tip, padded; 0 where missing.
    pub(crate) fn present_row(&self, tip: usize) -> &[u8] {
        self.present.row(tip)
    }

    /// Number of distinct columns.
    pub fn distinct_columns(&self) -> usize {
        self.patterns().count()
    }

    /// Which columns are equal.
    pub(crate) fn patterns(&self) -> &Arc<Patterns> {
        self.patterns.get_or_init(|| {
            let missing = self.has_missing().then(|| {
                let mut rows = BitRows::zeros(self.tip_count(), self.family_count());
                for (tip, row) in self.missing.iter().enumerate() {
                    if let Some(row) = row {
                        rows.row_mut(tip).copy_from_slice(row);
                    }
                }
                rows.transposed()
            });
            Arc::new(Patterns::of_rows(&self.present.transposed(), missing.as_ref()))
        })
    }

    /// Missing bits of a tip, padded; `None` if it has none.
    pub(crate) fn missing_row(&self, tip: usize) -> Option<&[u8]> {
        self.missing[tip].as_deref()
    }

    /// Families of which nothing is known at any tip.
    pub fn wholly_missing(&self) -> Vec<u32> {
        let Some(rows) = self.missing.iter().map(Option::as_deref).collect::<Option<Vec<&[u8]>>>() else {
            return vec![];
        };
        let known_nowhere = |family: &usize| rows.iter().all(|row| row[family / 8] >> (family % 8) & 1 == 1);
        (0..self.family_count()).filter(known_nowhere).map(|family| family as u32).collect()
    }

    /// How many families are absent wherever there are data on them.
    pub fn absent_families(&self) -> usize {
        let mut somewhere = vec![0u8; self.family_count().div_ceil(8)];
        for tip in 0..self.tip_count() {
            somewhere.iter_mut().zip(self.present.row(tip)).for_each(|(all, one)| *all |= one);
        }
        let present: u32 = somewhere.iter().map(|byte| byte.count_ones()).sum();
        self.family_count() - present as usize - self.wholly_missing().len()
    }

    /// The same states at the tips of another tree, which has tips of the same names; none where one is not there.
    pub fn on(&self, own: &Tree, other: &Tree) -> Option<Self> {
        let index = own.tip_index();
        let places: Vec<usize> =
            (0..other.tip_count()).map(|tip| index.get(other.tip_name(tip)).copied()).collect::<Option<_>>()?;
        let mut present = BitRows::zeros(places.len(), self.families.len());
        for (tip, &place) in places.iter().enumerate() {
            present.row_mut(tip).copy_from_slice(self.present.row(place));
        }
        let missing = places.iter().map(|&place| self.missing[place].clone()).collect();
        // Equal columns stay equal, whatever the order of the tips.
        Some(Self { families: self.families.clone(), present, missing, patterns: self.patterns.clone() })
    }

    /// The chosen families, in the given order.
    pub fn select(&self, chosen: &[u32]) -> Self {
        let names = chosen.iter().map(|&f| self.families[f as usize].clone()).collect();
        self.select_unnamed(chosen, names)
    }

    pub(crate) fn select_unnamed(&self, chosen: &[u32], families: Vec<String>) -> Self {
        let (mut present, mut missing) = self.empty_selection(chosen);
        let rows = present.rows_mut().zip(&mut missing).enumerate();
        rows.for_each(|(tip, (row, missing))| self.select_row(tip, chosen, row, missing));
        Self { families, present, missing, patterns: OnceLock::new() }
    }

    /// As [`Self::select_unnamed`], by several workers.
    pub(crate) fn select_unnamed_on(&self, chosen: &[u32], families: Vec<String>, workers: &Workers) -> Result<Self> {
        let (mut present, mut missing) = self.empty_selection(chosen);
        let rows = present.rows_mut().zip(&mut missing).collect();
        workers.each("select", rows, &Unwatched, |(): &mut (), tip, (row, missing)| {
            self.select_row(tip, chosen, row, missing);
        })?;
        Ok(Self { families, present, missing, patterns: OnceLock::new() })
    }

    fn empty_selection(&self, chosen: &[u32]) -> (BitRows, Vec<Option<Box<[u8]>>>) {
        (BitRows::zeros(self.tip_count(), chosen.len()), vec![None; self.tip_count()])
    }

    fn select_row(&self, tip: usize, chosen: &[u32], present: &mut [u8], missing: &mut Option<Box<[u8]>>) {
        let gather = |from: &[u8], to: &mut [u8]| {
            for (new, &old) in chosen.iter().enumerate() {
                to[new / 8] |= (from[old as usize / 8] >> (old % 8) & 1) << (new % 8);
            }
        };
        gather(self.present.row(tip), present);
        *missing = self.missing[tip].as_ref().and_then(|row| {
            let mut out = vec![0; present.len()];
            gather(row, &mut out);
            out.iter().any(|&b| b != 0).then(|| out.into_boxed_slice())
        });
    }
}

/// A row with the first `count` bits set.
fn all_bits(count: usize, bytes: usize) -> Box<[u8]> {
    (0..bytes).map(|byte| (0..8).fold(0, |bits, bit| bits | u8::from(byte * 8 + bit < count) << bit)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absent_families_are_those_with_data_and_without_presence() {
        let mut states = TipStates::absent(vec![String::new(); 20], 3);
        states.set(1, 4, State::Present);
        states.set(2, 19, State::Present);
        states.set(0, 7, State::Missing);
        (0..3).for_each(|tip| states.set(tip, 9, State::Missing));
        assert_eq!(states.absent_families(), 17);
        assert_eq!(TipStates::unknown(vec![String::new(); 5], 2).absent_families(), 0);
        assert_eq!(TipStates::default().absent_families(), 0);
    }
}
