//! One block of families back through a program.

use super::rows::{read, read_pair, write_pair};
use super::sweeps::{Pairs, Place, times, tip};
use super::{Action, Step, Tape, Unit};
use crate::kernel::program::Op;
use crate::kernel::simd::Simd;

/// Adds to the sums of a node's branch.
///
/// # Safety
/// The processor must have the instruction set of `S`; there must be two vectors a node.
#[inline(always)]
pub(super) unsafe fn add_to<S: Simd>(sums: *mut f64, node: usize, gain: S::V, loss: S::V) {
    // SAFETY: the caller vouches for the instruction set and for two vectors a node.
    unsafe {
        let place = sums.add(2 * node * S::WIDTH);
        S::store(place, S::add(S::load(place), gain));
        let place = place.add(S::WIDTH);
        S::store(place, S::add(S::load(place), loss));
    }
}

/// Adjoints at the lower end of a short branch. What goes over is at most half of either: no digit is lost.
#[inline(always)]
unsafe fn back<S: Simd>(gain: S::V, loss: S::V, z: [S::V; 2]) -> [S::V; 2] {
    // SAFETY: the caller vouches for the instruction set.
    unsafe {
        let moved = S::neg_mul_add(loss, z[1], S::mul(gain, z[0]));
        [S::sub(z[0], moved), S::add(z[1], moved)]
    }
}

/// Goes back along the tape; adds to the sums, and puts the adjoints of leaves into their places.
///
/// # Safety
/// As [`super::sweeps::block`], whose way forward must be over.
#[inline(always)]
pub(super) unsafe fn backward<S: Simd, const N: usize>(unit: &Unit<'_>, place: Place, tape: &mut Tape) {
    let vector = (unit.first + place.local) / S::WIDTH;
    let entries = tape.entries.as_ptr().cast::<f64>();
    let leaves = tape.leaves.as_mut_ptr().cast::<f64>();
    let adjoints = tape.adjoints.as_mut_ptr().cast::<f64>();
    let sums = tape.sums.as_mut_ptr().cast::<f64>();
    let mut level = 1;
    // SAFETY: the caller vouches for the instruction set; tape, adjoints and sums were made to measure.
    unsafe {
        let zero = S::splat(0.0);
        // From memory: where loops with an index of theirs fill pairs, these can't be in registers.
        let mut adjoint = Pairs::<S, N>::of(zero);
        for v in 0..N {
            adjoint.set(v, read_pair::<S, N>(adjoints, 0, v));
        }
        for &Step { action, row, partner } in tape.steps.iter().rev() {
            let row = row as usize;
            let op = match action {
                Action::One(op) => op,
                Action::LeafAndCarry { cluster, node, gain: p01, loss: p10 } => {
                    let (p01, p10) = (S::splat(p01), S::splat(p10));
                    let (mut gain, mut loss) = (zero, zero);
                    let place = 2 * (place.leaves + cluster as usize);
                    for v in 0..N {
                        let z = adjoint.get(v);
                        let before = read_pair::<S, N>(entries, row, v);
                        let leaf = S::zip(read_pair::<S, N>(leaves, place, v));
                        // Minus the difference.
                        let fall = S::neg_mul_add(before[1], leaf[1], S::mul(before[0], leaf[0]));
                        gain = S::neg_mul_add(z[0], fall, gain);
                        loss = S::neg_mul_add(z[1], fall, loss);
                        let below = back::<S>(p01, p10, z);
                        adjoint.set(v, times::<S>(below, leaf));
                        write_pair::<S, N>(leaves, place, v, S::zip(times::<S>(below, before)));
                    }
                    add_to::<S>(sums, node as usize, gain, loss);
                    continue;
                }
            };
            match op {
                Op::Tip { first, tip: rank, missing, columns } => {
                    let (mut gain, mut loss) = (zero, zero);
                    for v in 0..N {
                        let z = adjoint.get(v);
                        let (leaf, difference) = tip::<S>(unit.states, rank, missing, columns, vector + v);
                        let own = if first { z } else { times::<S>(z, read_pair::<S, N>(entries, row, v)) };
                        adjoint.set(v, times::<S>(z, leaf));
                        gain = S::mul_add(own[0], difference, gain);
                        loss = S::mul_add(own[1], difference, loss);
                    }
                    add_to::<S>(sums, unit.tree.tips()[rank as usize] as usize, gain, loss);
                }
                Op::Cluster { first, cluster } => {
                    let place = 2 * (place.leaves + cluster as usize);
                    for v in 0..N {
                        let z = adjoint.get(v);
                        let mut own = z;
                        if !first {
                            own = times::<S>(z, read_pair::<S, N>(entries, row, v));
                            adjoint.set(v, times::<S>(z, S::zip(read_pair::<S, N>(leaves, place, v))));
                        }
                        write_pair::<S, N>(leaves, place, v, S::zip(own));
                    }
                }
                Op::Carry { node, p } => {
                    let (p00, p01) = (S::splat(p[0][0]), S::splat(p[0][1]));
                    let (p10, p11) = (S::splat(p[1][0]), S::splat(p[1][1]));
                    let (mut gain, mut loss) = (zero, zero);
                    for v in 0..N {
                        let z = adjoint.get(v);
                        let difference = read::<S, N>(entries, row, v);
                        gain = S::mul_add(z[0], difference, gain);
                        loss = S::mul_add(z[1], difference, loss);
                        let absent = S::mul_add(p10, z[1], S::mul(p00, z[0]));
                        adjoint.set(v, [absent, S::mul_add(p01, z[0], S::mul(p11, z[1]))]);
                    }
                    add_to::<S>(sums, node as usize, gain, loss);
                }
                Op::CarryShort { node, gain: p01, loss: p10 } => {
                    let (p01, p10) = (S::splat(p01), S::splat(p10));
                    let (mut gain, mut loss) = (zero, zero);
                    for v in 0..N {
                        let z = adjoint.get(v);
                        let difference = read::<S, N>(entries, row, v);
                        gain = S::mul_add(z[0], difference, gain);
                        loss = S::mul_add(z[1], difference, loss);
                        adjoint.set(v, back::<S>(p01, p10, z));
                    }
                    add_to::<S>(sums, node as usize, gain, loss);
                }
                Op::Push => {
                    level -= 1;
                    for v in 0..N {
                        adjoint.set(v, read_pair::<S, N>(adjoints, 2 * level, v));
                    }
                }
                Op::MultiplyPopped => {
                    for v in 0..N {
                        let z = adjoint.get(v);
                        let own = times::<S>(z, read_pair::<S, N>(entries, row, v));
                        write_pair::<S, N>(adjoints, 2 * level, v, own);
                        adjoint.set(v, times::<S>(z, read_pair::<S, N>(entries, partner as usize, v)));
                    }
                    level += 1;
                }
                Op::Rescale { .. } => {
                    for v in 0..N {
                        let factor = read::<S, N>(entries, row, v);
                        adjoint.set(v, times::<S>(adjoint.get(v), [factor; 2]));
                    }
                }
            }
        }
    }
}
