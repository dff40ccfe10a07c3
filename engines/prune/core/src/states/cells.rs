//! Cells of a matrix in memory become bits, 64 families at a time.
//! Leaves out where the cells lie, and whose they are.

use super::{TipStates, all_bits};
use crate::kernel::simd::low_bits;

/// Families that are packed together.
pub const BLOCK: usize = 64;

/// A number as a state: 0 absent, 1 present.
pub trait Cell: Copy {
    /// 0 and 1 as they are, any other value as a number above.
    fn code(self) -> u8;

    /// Does it stand for missing data?
    fn is_missing(self) -> bool {
        false
    }
}

impl Cell for u8 {
    fn code(self) -> u8 {
        self
    }
}

macro_rules! integers {
    ($($number:ty, $unsigned:ty;)*) => {$(
        impl Cell for $number {
            fn code(self) -> u8 {
                // As an unsigned number what is negative is large.
                (self as $unsigned).min(2) as u8
            }
        }
    )*};
}

macro_rules! floats {
    ($($number:ty),*) => {$(
        impl Cell for $number {
            fn code(self) -> u8 {
                u8::from(self == 1.0) | u8::from(self != 0.0 && self != 1.0) << 1
            }

            fn is_missing(self) -> bool {
                self.is_nan()
            }
        }
    )*};
}

integers! { i8, u8; u16, u16; i16, u16; u32, u32; i32, u32; u64, u64; i64, u64; }
floats!(f32, f64);

impl TipStates {
    /// Sets all states of a tip, one cell a family.
    ///
    /// # Errors
    /// The place of the first cell that is not a state; what is set then is void.
    ///
    /// # Panics
    /// If there are not as many cells as families.
    pub fn set_tip<T: Cell>(&mut self, tip: usize, cells: &[T]) -> Result<(), usize> {
        assert_eq!(cells.len(), self.families.len(), "one cell a family");
        self.patterns.take();
        self.missing[tip] = None;
        let (row, gaps) = (self.present.row_mut(tip), &mut self.missing[tip]);
        let (blocks, rest) = cells.as_chunks::<BLOCK>();
        for (block, cells) in blocks.iter().enumerate() {
            put(row, gaps, block, cells).map_err(|place| block * BLOCK + place)?;
        }
        match rest {
            [] => Ok(()),
            rest => put(row, gaps, blocks.len(), rest).map_err(|place| blocks.len() * BLOCK + place),
        }
    }

    /// Sets the states of families `block * 64` and up at a tip, at most 64, one cell a family.
    ///
    /// # Errors
    /// The place in `cells` of the first that is not a state; what is set then is void.
    ///
    /// # Panics
    /// If there are more cells than such families, or fewer though families follow.
    pub fn set_block<T: Cell>(&mut self, tip: usize, block: usize, cells: &[T]) -> Result<(), usize> {
        let families = self.families.len().saturating_sub(block * BLOCK).min(BLOCK);
        assert_eq!(cells.len(), families, "one cell a family");
        if cells.is_empty() {
            return Ok(());
        }
        self.patterns.take();
        let gaps = &mut self.missing[tip];
        put(self.present.row_mut(tip), gaps, block, cells)?;
        // A tip of which all is known has no row.
        gaps.take_if(|row| row.iter().all(|&byte| byte == 0));
        Ok(())
    }

    /// All states of a tip are unknown.
    pub fn set_missing(&mut self, tip: usize) {
        self.patterns.take();
        let row = self.present.row_mut(tip);
        row.fill(0);
        self.missing[tip] = Some(all_bits(self.families.len(), row.len()));
    }

    /// Are all states the same, whatever the families' names?
    pub fn same_cells(&self, other: &Self) -> bool {
        self.present == other.present && self.missing == other.missing
    }
}

/// Packs a block of a tip into its bits of presence, and of missing data if there are any.
#[inline(always)]
fn put<T: Cell>(row: &mut [u8], gaps: &mut Option<Box<[u8]>>, block: usize, cells: &[T]) -> Result<(), usize> {
    let [present, missing] = pack(cells)?;
    let bytes = block * BLOCK / 8..(block + 1) * BLOCK / 8;
    row[bytes.clone()].copy_from_slice(&present.to_le_bytes());
    if missing != 0 {
        gaps.get_or_insert_with(|| vec![0; row.len()].into())[bytes].copy_from_slice(&missing.to_le_bytes());
    } else if let Some(gaps) = gaps {
        gaps[bytes].fill(0);
    }
    Ok(())
}

/// Bits of up to 64 cells: which are present, which missing; or the place of the first that is not a state.
#[inline(always)]
fn pack<T: Cell>(cells: &[T]) -> Result<[u64; 2], usize> {
    let mut codes = [0; BLOCK];
    for (code, cell) in codes.iter_mut().zip(cells) {
        *code = cell.code();
    }
    if codes.iter().fold(0, |all, code| all | code) <= 1 {
        return Ok([low_bits(&codes), 0]);
    }
    let [mut present, mut missing] = [0; 2];
    for (place, cell) in cells.iter().enumerate() {
        match cell.code() {
            0 => {}
            1 => present |= 1 << place,
            _ if cell.is_missing() => missing |= 1 << place,
            _ => return Err(place),
        }
    }
    Ok([present, missing])
}

#[cfg(test)]
mod tests {
    use super::super::State;
    use super::*;
    use proptest::prelude::*;

    /// What a cell means, from the value alone.
    fn state(value: f64) -> Option<State> {
        match value {
            _ if value.is_nan() => Some(State::Missing),
            0.0 => Some(State::Absent),
            1.0 => Some(State::Present),
            _ => None,
        }
    }

    /// Sets a tip in every way, and compares with what the values mean one by one.
    fn check<T: Cell>(cells: &[T], values: &[f64]) {
        let names = vec![String::new(); cells.len()];
        let mut rows = TipStates::unknown(names.clone(), 2);
        let mut blocks = TipStates::absent(names.clone(), 2);
        let by_row = rows.set_tip(1, cells);
        let by_block = cells
            .chunks(BLOCK)
            .enumerate()
            .try_for_each(|(block, cells)| blocks.set_block(1, block, cells).map_err(|place| block * BLOCK + place));
        assert_eq!(by_row, by_block);
        if let Some(wrong) = values.iter().position(|&value| state(value).is_none()) {
            assert_eq!(by_row, Err(wrong));
            return;
        }
        assert_eq!(by_row, Ok(()));
        let mut single = TipStates::absent(names, 2);
        for (family, &value) in values.iter().enumerate() {
            single.set(1, family, state(value).unwrap());
        }
        assert!(blocks.same_cells(&single));
        blocks.set_missing(0);
        assert!(rows.same_cells(&blocks));
    }

    proptest! {
        #[test]
        fn cells_are_packed_as_they_are_set_one_by_one(
            drawn in prop::collection::vec(prop_oneof![12 => 0..2i32, 1 => Just(2), 1 => Just(-1), 1 => Just(255)], 0..200),
            all_known in any::<bool>(),
        ) {
            let numbers: Vec<i32> = drawn.iter().map(|&n| if all_known { n & 1 } else { n }).collect();
            let values: Vec<f64> = numbers.iter().map(|&n| f64::from(n)).collect();
            check(&numbers, &values);
            check(&numbers.iter().map(|&n| i64::from(n)).collect::<Vec<_>>(), &values);
            check(&numbers.iter().map(|&n| n as u64).collect::<Vec<_>>(), &values);
            check(&numbers.iter().map(|&n| n as u8).collect::<Vec<_>>(), &values);
            check(&numbers.iter().map(|&n| n as i16).collect::<Vec<_>>(), &values);
            // 255 is missing data here.
            let values: Vec<f64> = values.iter().map(|&n| if n == 255.0 { f64::NAN } else { n }).collect();
            check(&values, &values);
            check(&values.iter().map(|&n| n as f32).collect::<Vec<_>>(), &values);
        }
    }
}
