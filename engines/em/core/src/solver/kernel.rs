//! The inner loop of the E and M step: one pass over packed rows that reads each entry once, keeps the row in
//! registers, and adds its share to the column sums. The only module of the crate with `unsafe` code: unchecked
//! table reads, whose bounds [`Entries::new`] proves once.

#![allow(unsafe_code)]

use std::ops::Range;

use crate::matrix::Index;
use crate::numeric::row_sum;
use crate::solver::reciprocal;

/// Consecutive packed rows of equal length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Run {
    /// Entries of each row, at least 2.
    pub(super) length: u32,
    /// Number of rows.
    pub(super) rows: u32,
    /// Whether each row's first entry is the hub, whose shares are listed instead of summed.
    pub(super) hub: bool,
}

/// Packed entries whose columns and ranks are known to lie within their tables. The fields are set once, here, which is
/// what makes the unchecked reads sound.
#[derive(Debug)]
pub(super) struct Entries<C, R> {
    runs: Vec<Run>,
    columns: Vec<C>,
    ranks: Vec<R>,
    table_columns: usize,
    table_ranks: usize,
}

impl<C: Index, R: Index> Entries<C, R> {
    /// Entries for tables of `table_columns` columns and `table_ranks` weights.
    ///
    /// # Panics
    /// If an entry points outside its table.
    pub(super) fn new(
        runs: Vec<Run>,
        columns: Vec<C>,
        ranks: Vec<R>,
        [table_columns, table_ranks]: [usize; 2],
    ) -> Self {
        assert!(columns.iter().all(|column| column.at() < table_columns), "a column lies outside its table");
        assert!(ranks.iter().all(|rank| rank.at() < table_ranks), "a rank lies outside its table");
        Self { runs, columns, ranks, table_columns, table_ranks }
    }

    /// The runs.
    pub(super) fn runs(&self) -> &[Run] {
        &self.runs
    }

    /// Adds the share of every row of some runs, which are those of the given entries, to the column sums.
    ///
    /// # Panics
    /// If a table has another size than the entries were checked for, or the runs have another number of entries.
    pub(super) fn add(&self, runs: Range<usize>, entries: Range<usize>, tables: &mut Tables<'_>) {
        let sizes = (tables.product.len(), tables.sums.len(), tables.weights.len());
        assert_eq!(sizes, (self.table_columns, self.table_columns, self.table_ranks));
        let runs = &self.runs[runs];
        let covered: usize = runs.iter().map(|run| run.length as usize * run.rows as usize).sum();
        assert_eq!(covered, entries.len());
        let rows = Rows { runs, columns: &self.columns[entries.clone()], ranks: &self.ranks[entries] };
        // SAFETY: `new` has checked every column and rank against the sizes that were just compared, and the runs cover
        // the entries.
        unsafe { add_rows(rows, tables) };
    }
}

/// Entries of consecutive runs.
#[derive(Clone, Copy)]
struct Rows<'a, C, R> {
    runs: &'a [Run],
    columns: &'a [C],
    ranks: &'a [R],
}

/// The tables that entries point into, and where the shares go.
pub(super) struct Tables<'a> {
    /// Weight of each rank.
    pub(super) weights: &'a [f64],
    /// pi theta of each column.
    pub(super) product: &'a [f64],
    /// Column sums, added to.
    pub(super) sums: &'a mut [f64],
    /// The hub's share in each row of a run with a hub, in order.
    pub(super) hub: &'a mut Vec<f64>,
}

/// Adds the share of every row to the column sums.
///
/// # Safety
/// Every column is below `product.len()` and `sums.len()`, every rank below `weights.len()`, and the runs cover
/// exactly the entries of `columns` and `ranks`.
unsafe fn add_rows<C: Index, R: Index>(rows: Rows<'_, C, R>, tables: &mut Tables<'_>) {
    let mut from = 0;
    let mut scratch = Vec::new();
    for run in rows.runs {
        let length = run.length as usize;
        let to = from + length * run.rows as usize;
        let part = Part { columns: &rows.columns[from..to], ranks: &rows.ranks[from..to] };
        from = to;
        macro_rules! dispatch {
            ($($known:literal)*) => {
                match (length, run.hub) {
                    // SAFETY: the caller's promise covers every part of the entries.
                    $(($known, false) => unsafe { add_run::<C, R, $known, false>(part, tables) },)*
                    // SAFETY: as above.
                    $(($known, true) => unsafe { add_run::<C, R, $known, true>(part, tables) },)*
                    // SAFETY: as above.
                    _ => unsafe { add_long_run(part, length, run.hub, tables, &mut scratch) },
                }
            };
        }
        dispatch!(2 3 4 5 6 7 8 9 10 11 12 13 14 15 16);
    }
}

#[derive(Clone, Copy)]
struct Part<'a, C, R> {
    columns: &'a [C],
    ranks: &'a [R],
}

/// Rows of `LENGTH` entries.
///
/// # Safety
/// As [`add_rows`]; `LENGTH` divides the number of entries.
#[inline]
unsafe fn add_run<C: Index, R: Index, const LENGTH: usize, const HUB: bool>(
    entries: Part<'_, C, R>,
    tables: &mut Tables<'_>,
) {
    let (columns, _) = entries.columns.as_chunks::<LENGTH>();
    let (ranks, _) = entries.ranks.as_chunks::<LENGTH>();
    for (columns, ranks) in columns.iter().zip(ranks) {
        let mut values = [0.0; LENGTH];
        let mut largest = 0.0;
        for at in 0..LENGTH {
            // SAFETY: ranks and columns are in bounds by the caller's promise.
            let (weight, product) = unsafe {
                (*tables.weights.get_unchecked(ranks[at].at()), *tables.product.get_unchecked(columns[at].at()))
            };
            largest = if weight > largest { weight } else { largest };
            values[at] = weight * product;
        }
        let factor = reciprocal(short_row_sum(&values));
        let first = usize::from(HUB);
        if HUB {
            tables.hub.push((values[0] * factor) * largest);
        }
        for at in first..LENGTH {
            // SAFETY: columns are in bounds by the caller's promise.
            let sum = unsafe { tables.sums.get_unchecked_mut(columns[at].at()) };
            *sum += (values[at] * factor) * largest;
        }
    }
}

/// [`row_sum`] of a short row of known length, unrolled; the same order.
#[inline]
fn short_row_sum<const LENGTH: usize>(values: &[f64; LENGTH]) -> f64 {
    const { assert!(LENGTH >= 2 && LENGTH <= 16) };
    if LENGTH <= 8 {
        let mut rest = values[1];
        for value in &values[2..] {
            rest += value;
        }
        return values[0] + rest;
    }
    let [a, b, c, d, e, f, g, h] = std::array::from_fn(|lane| values[(lane + 1).min(LENGTH - 1)]);
    let mut rest = ((a + b) + (c + d)) + ((e + f) + (g + h));
    for value in &values[9.min(LENGTH)..] {
        rest += value;
    }
    values[0] + rest
}

/// Rows of any length.
///
/// # Safety
/// As [`add_rows`]; `length` divides the number of entries.
unsafe fn add_long_run<C: Index, R: Index>(
    entries: Part<'_, C, R>,
    length: usize,
    hub: bool,
    tables: &mut Tables<'_>,
    values: &mut Vec<f64>,
) {
    for (columns, ranks) in entries.columns.chunks_exact(length).zip(entries.ranks.chunks_exact(length)) {
        let mut largest = 0.0;
        values.clear();
        values.extend(columns.iter().zip(ranks).map(|(column, rank)| {
            // SAFETY: ranks and columns are in bounds by the caller's promise.
            let (weight, product) =
                unsafe { (*tables.weights.get_unchecked(rank.at()), *tables.product.get_unchecked(column.at())) };
            largest = if weight > largest { weight } else { largest };
            weight * product
        }));
        let factor = reciprocal(row_sum(values));
        let first = usize::from(hub);
        if hub {
            tables.hub.push((values[0] * factor) * largest);
        }
        for (column, value) in columns.iter().zip(values.iter()).skip(first) {
            // SAFETY: columns are in bounds by the caller's promise.
            let sum = unsafe { tables.sums.get_unchecked_mut(column.at()) };
            *sum += (value * factor) * largest;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_and_long_rows_are_summed_in_the_same_order() {
        fn compare<const LENGTH: usize>() {
            for seed in 0..200_u64 {
                let values: [f64; LENGTH] = std::array::from_fn(|at| {
                    let mixed = (seed * 31 + at as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 11;
                    (mixed as f64) * 2.0_f64.powi(-((mixed % 60) as i32))
                });
                assert_eq!(short_row_sum(&values).to_bits(), row_sum(&values).to_bits(), "length {LENGTH}");
            }
        }
        compare::<2>();
        compare::<3>();
        compare::<7>();
        compare::<8>();
        compare::<9>();
        compare::<10>();
        compare::<15>();
        compare::<16>();
    }
}
