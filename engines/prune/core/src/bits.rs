//! Rows of bits, one byte for eight columns, padded so that every row starts on a whole cache line of columns.
//! Leaves out what a bit means.

use std::ops::Range;

/// Columns that a row's length is a multiple of: one cache line.
pub const ROW_COLUMNS: usize = 512;

/// A matrix of bits. Bit `c % 8` of byte `c / 8` of a row is column `c`; bits past the last column are 0.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BitRows {
    columns: usize,
    stride: usize,
    bytes: Vec<u8>,
}

impl BitRows {
    /// `rows` rows of zeros.
    pub fn zeros(rows: usize, columns: usize) -> Self {
        let stride = columns.div_ceil(ROW_COLUMNS) * (ROW_COLUMNS / 8);
        Self { columns, stride, bytes: vec![0; rows * stride] }
    }

    /// Number of columns.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.bytes.len().checked_div(self.stride).unwrap_or(0)
    }

    /// The bytes of `row`, padding included.
    pub fn row(&self, row: usize) -> &[u8] {
        &self.bytes[row * self.stride..(row + 1) * self.stride]
    }

    /// The bytes of `row`, padding included.
    pub fn row_mut(&mut self, row: usize) -> &mut [u8] {
        &mut self.bytes[row * self.stride..(row + 1) * self.stride]
    }

    /// All rows, padding included.
    pub fn rows_mut(&mut self) -> impl Iterator<Item = &mut [u8]> {
        self.bytes.chunks_exact_mut(self.stride.max(1))
    }

    /// One bit.
    pub fn get(&self, row: usize, column: usize) -> bool {
        self.bytes[row * self.stride + column / 8] >> (column % 8) & 1 == 1
    }

    /// Sets one bit to 1.
    pub fn set(&mut self, row: usize, column: usize) {
        self.bytes[row * self.stride + column / 8] |= 1 << (column % 8);
    }

    /// Adds a row of zeros and returns it.
    pub fn push_row(&mut self) -> &mut [u8] {
        let start = self.bytes.len();
        self.bytes.resize(start + self.stride, 0);
        &mut self.bytes[start..]
    }

    /// Takes the last row away.
    pub fn pop_row(&mut self) {
        self.bytes.truncate(self.bytes.len().saturating_sub(self.stride));
    }

    /// Is any bit set?
    pub fn any(&self) -> bool {
        self.bytes.iter().any(|&b| b != 0)
    }

    /// Size in memory.
    pub fn size_bytes(&self) -> usize {
        self.bytes.len()
    }

    /// Row `r` becomes row `places[r]` of `count`; the others are 0.
    pub fn placed(&self, count: usize, places: &[usize]) -> Self {
        let mut out = Self::zeros(count, self.columns);
        for (row, &place) in places.iter().enumerate() {
            out.row_mut(place).copy_from_slice(self.row(row));
        }
        out
    }

    /// Rows become columns.
    pub fn transposed(&self) -> Self {
        let order: Vec<usize> = (0..self.columns).collect();
        self.transposed_to(self.columns, &order)
    }

    /// Column `c` becomes row `places[c]` of `count`; rows that no column becomes are 0.
    pub fn transposed_to(&self, count: usize, places: &[usize]) -> Self {
        let rows = self.rows();
        let mut out = Self::zeros(count, rows);
        let mut block = [0u64; 64];
        for row_block in 0..rows.div_ceil(64) {
            for column_block in 0..self.columns.div_ceil(64) {
                for (i, word) in block.iter_mut().enumerate() {
                    let row = row_block * 64 + i;
                    *word = if row < rows { word_at(self.row(row), column_block) } else { 0 };
                }
                transpose_64(&mut block);
                for (i, word) in block.iter().enumerate() {
                    if let Some(&place) = places.get(column_block * 64 + i) {
                        out.row_mut(place)[row_block * 8..row_block * 8 + 8].copy_from_slice(&word.to_le_bytes());
                    }
                }
            }
        }
        out
    }
}

/// Bits `columns` of a row, a number each.
pub(crate) fn numbers(row: &[u8], columns: &Range<usize>) -> Vec<u32> {
    let first = columns.start / 8;
    let bytes = &row[first..columns.end.div_ceil(8)];
    let mut numbers = Vec::with_capacity(bytes.len() * 8);
    for &byte in bytes {
        // Eight at a time.
        numbers.extend::<[u32; 8]>(std::array::from_fn(|bit| u32::from(byte & 1 << bit != 0)));
    }
    numbers.truncate(columns.end - first * 8);
    numbers.drain(..columns.start % 8);
    numbers
}

fn word_at(row: &[u8], index: usize) -> u64 {
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&row[index * 8..index * 8 + 8]);
    u64::from_le_bytes(bytes)
}

/// Transposes a 64 x 64 block: bit `j` of word `i` changes places with bit `i` of word `j`.
/// Swaps off-diagonal squares of halving size, as in Warren, Hacker's Delight, section 7-3.
fn transpose_64(block: &mut [u64; 64]) {
    let mut width = 32;
    let mut mask = u64::MAX >> 32;
    while width != 0 {
        let mut i = 0;
        while i < 64 {
            let swap = (block[i] >> width ^ block[i + width]) & mask;
            block[i] ^= swap << width;
            block[i + width] ^= swap;
            i = (i + width + 1) & !width;
        }
        width >>= 1;
        mask ^= mask << width;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn transposing_moves_every_bit(rows in 0usize..140, columns in 1usize..140, seed in any::<u64>()) {
            let mut bits = BitRows::zeros(rows, columns);
            let mut state = seed | 1;
            for r in 0..rows {
                for c in 0..columns {
                    state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
                    if state >> 63 == 1 { bits.set(r, c); }
                }
            }
            let flipped = bits.transposed();
            prop_assert_eq!(flipped.columns(), rows);
            for r in 0..rows {
                for c in 0..columns { prop_assert_eq!(bits.get(r, c), flipped.get(c, r)); }
                let range = columns / 3..columns;
                let expected: Vec<u32> = range.clone().map(|c| u32::from(bits.get(r, c))).collect();
                prop_assert_eq!(numbers(bits.row(r), &range), expected);
            }
        }
    }
}
