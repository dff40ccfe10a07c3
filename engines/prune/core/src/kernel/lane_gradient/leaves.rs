//! What folded subtrees contribute to families, and the sums of what comes back, one subtree after the other.
//!
//! A leaf is the pair of one family's states, moved as it is: lanes of even number lie in its first row, those of odd
//! number in the second, so that [`Simd::zip`] makes vectors of states of them, and pairs of those again.

use super::rows::place;
use super::{Tape, Unit};
use crate::kernel::simd::Simd;

/// Copies the leaves of `count` blocks from family `first` of the unit on from their tables.
///
/// # Safety
/// The processor must have the instruction set of `S`; the tape must have been made to measure for the unit, and the
/// blocks be those of one stretch.
#[inline(always)]
pub(super) unsafe fn read<S: Simd, const N: usize>(unit: &Unit<'_>, first: usize, count: usize, tape: &mut Tape) {
    let values = unit.folded.values.as_ptr();
    let leaves = tape.leaves.as_mut_ptr().cast::<f64>();
    // SAFETY: the caller vouches for the tape's length; there is an entry at every place.
    unsafe {
        each::<S, N>(unit, first, count, |start, entries, rows| {
            let values = values.add(start).cast::<f64>();
            let of = |lane: usize| values.add(usize::from(*entries.add(lane)));
            for (odd, row) in rows.into_iter().enumerate() {
                for lane in (odd..S::WIDTH).step_by(4) {
                    S::copy_pairs(of(lane), of(lane + 2), leaves.add(row + (lane - odd)));
                }
            }
        });
    }
}

/// Adds the adjoints of the leaves to the sums of their entries.
///
/// # Safety
/// As [`read`].
#[inline(always)]
pub(super) unsafe fn sum<S: Simd, const N: usize>(unit: &Unit<'_>, first: usize, count: usize, tape: &mut Tape) {
    let sums = tape.folded.as_mut_ptr();
    let leaves = tape.leaves.as_ptr().cast::<f64>();
    // SAFETY: as in `read`; there is a sum for every entry.
    unsafe {
        each::<S, N>(unit, first, count, |start, entries, rows| {
            let sums = sums.add(start).cast::<f64>();
            for lane in 0..S::WIDTH {
                let [absent, present] = *leaves.add(rows[lane % 2] + lane / 2 * 2).cast::<[f64; 2]>();
                let sum = sums.add(usize::from(*entries.add(lane))).cast::<[f64; 2]>();
                let [by_absent, by_present] = *sum;
                *sum = [by_absent + absent, by_present + present];
            }
        });
    }
}

/// Calls `work` for every vector of leaves of every folded subtree with the subtree's first entry; the places of the
/// lanes' own entries behind that, in doubles; and those of the vector in both rows.
///
/// # Safety
/// As [`read`].
#[inline(always)]
unsafe fn each<S: Simd, const N: usize>(
    unit: &Unit<'_>,
    first: usize,
    count: usize,
    work: impl Fn(usize, *const u16, [usize; 2]),
) {
    let folded = &unit.folded;
    for (cluster, &start) in folded.starts.iter().enumerate() {
        // SAFETY: rows of places are as long as the stride, which covers the unit.
        let mut entries = unsafe { folded.places.as_ptr().add(cluster * folded.stride + first) };
        for block in 0..count {
            let row = 2 * (block * folded.starts.len() + cluster);
            for v in 0..N {
                work(start as usize, entries, [place::<S, N>(row, v), place::<S, N>(row + 1, v)]);
                // SAFETY: as above.
                entries = unsafe { entries.add(S::WIDTH) };
            }
        }
    }
}
