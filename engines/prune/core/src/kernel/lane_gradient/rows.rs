//! Memory in rows: a vector for each vector of families of a block.

use crate::kernel::simd::Simd;

/// Place of vector `v` of row `row`, in doubles.
#[inline(always)]
pub(super) fn place<S: Simd, const N: usize>(row: usize, v: usize) -> usize {
    (row * N + v) * S::WIDTH
}

/// Vector `v` of row `row`.
///
/// # Safety
/// The processor must have the instruction set of `S`, and the memory so many rows.
#[inline(always)]
pub(super) unsafe fn read<S: Simd, const N: usize>(rows: *const f64, row: usize, v: usize) -> S::V {
    // SAFETY: the caller vouches for it.
    unsafe { S::load(rows.add(place::<S, N>(row, v))) }
}

/// # Safety
/// As [`read`].
#[inline(always)]
pub(super) unsafe fn write<S: Simd, const N: usize>(rows: *mut f64, row: usize, v: usize, x: S::V) {
    // SAFETY: the caller vouches for it.
    unsafe { S::store(rows.add(place::<S, N>(row, v)), x) }
}

/// Vector `v` of both states, in two rows from `row` on.
///
/// # Safety
/// As [`read`].
#[inline(always)]
pub(super) unsafe fn read_pair<S: Simd, const N: usize>(rows: *const f64, row: usize, v: usize) -> [S::V; 2] {
    // SAFETY: the caller vouches for it.
    unsafe { [read::<S, N>(rows, row, v), read::<S, N>(rows, row + 1, v)] }
}

/// # Safety
/// As [`read`].
#[inline(always)]
pub(super) unsafe fn write_pair<S: Simd, const N: usize>(rows: *mut f64, row: usize, v: usize, pair: [S::V; 2]) {
    // SAFETY: the caller vouches for it.
    unsafe {
        write::<S, N>(rows, row, v, pair[0]);
        write::<S, N>(rows, row + 1, v, pair[1]);
    }
}
