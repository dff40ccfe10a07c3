//! One block of families through a program, forward and backward.

use super::{Tape, Unit};
use crate::kernel::lanes::BLOCK_FAMILIES;
use crate::kernel::program::Op;
use crate::kernel::simd::{Simd, ln};
use crate::kernel::wide::{INVERSE_STEP, STEP};
use crate::states::TipStates;

/// A pair of vectors for each vector of families. Read and written one by one with a known index, which is what
/// keeps them in registers.
struct Pairs<S: Simd, const N: usize> {
    absent: [S::V; N],
    present: [S::V; N],
}

impl<S: Simd, const N: usize> Pairs<S, N> {
    #[inline(always)]
    fn of(x: S::V) -> Self {
        Self { absent: [x; N], present: [x; N] }
    }

    #[inline(always)]
    fn get(&self, v: usize) -> [S::V; 2] {
        [self.absent[v], self.present[v]]
    }

    #[inline(always)]
    fn set(&mut self, v: usize, [absent, present]: [S::V; 2]) {
        self.absent[v] = absent;
        self.present[v] = present;
    }
}

/// What going forward leaves beside the tape.
struct Forward<S: Simd, const N: usize> {
    top: Pairs<S, N>,
    /// How often each family was scaled.
    steps: [S::V; N],
    /// Families to leave over, a bit each.
    doubtful: u64,
}

/// Sweeps families from `local` of the unit on; writes logarithms, adds to the tape's sums.
///
/// # Safety
/// The processor must have the instruction set of `S`; the tape must have been made to measure for the unit.
#[inline(always)]
pub(super) unsafe fn block<S: Simd, const N: usize>(
    unit: &Unit<'_>,
    local: usize,
    tape: &mut Tape,
    out: &mut [f64],
    left_over: &mut Vec<u32>,
) {
    // SAFETY: the caller vouches for it.
    unsafe {
        let mut forward = forward::<S, N>(unit, local, tape);
        let adjoint = at_root::<S, N>(unit, local, &mut forward, tape, out);
        for lane in 0..out.len() {
            if forward.doubtful >> lane & 1 == 1 {
                left_over.push((unit.first + local + lane) as u32);
            }
        }
        backward::<S, N>(unit, local, adjoint, tape);
    }
}

/// Places of vector `v` of both states in entry `at` of a tape of pairs.
#[inline(always)]
fn places<S: Simd, const N: usize>(at: usize, v: usize) -> [usize; 2] {
    [(at * 2 * N + v) * S::WIDTH, (at * 2 * N + N + v) * S::WIDTH]
}

#[inline(always)]
unsafe fn read<S: Simd, const N: usize>(tape: *const f64, at: usize, v: usize) -> [S::V; 2] {
    let [absent, present] = places::<S, N>(at, v);
    // SAFETY: the caller vouches for the instruction set and the tape's length.
    unsafe { [S::load(tape.add(absent)), S::load(tape.add(present))] }
}

#[inline(always)]
unsafe fn write<S: Simd, const N: usize>(tape: *mut f64, at: usize, v: usize, pair: [S::V; 2]) {
    let [absent, present] = places::<S, N>(at, v);
    // SAFETY: the caller vouches for the instruction set and the tape's length.
    unsafe {
        S::store(tape.add(absent), pair[0]);
        S::store(tape.add(present), pair[1]);
    }
}

#[inline(always)]
unsafe fn times<S: Simd>(a: [S::V; 2], b: [S::V; 2]) -> [S::V; 2] {
    // SAFETY: the caller vouches for the instruction set.
    unsafe { [S::mul(a[0], b[0]), S::mul(a[1], b[1])] }
}

/// What a tip contributes, and the difference (present minus absent) of its own vector.
#[inline(always)]
unsafe fn tip<S: Simd>(
    states: &TipStates,
    tip: u32,
    missing: bool,
    of: [[f64; 2]; 2],
    vector: usize,
) -> ([S::V; 2], S::V) {
    // SAFETY: the caller vouches for the instruction set; rows are padded to whole blocks.
    unsafe {
        let mask = S::mask(states.present_row(tip as usize).as_ptr(), vector);
        let mut pair = [
            S::select(mask, S::splat(of[0][0]), S::splat(of[1][0])),
            S::select(mask, S::splat(of[0][1]), S::splat(of[1][1])),
        ];
        let mut difference = S::select(mask, S::splat(-1.0), S::splat(1.0));
        if missing && let Some(unknown) = states.missing_row(tip as usize) {
            let unknown = S::mask(unknown.as_ptr(), vector);
            let one = S::splat(1.0);
            pair = [S::select(unknown, pair[0], one), S::select(unknown, pair[1], one)];
            difference = S::select(unknown, difference, S::splat(0.0));
        }
        (pair, difference)
    }
}

/// The factor of rescaling for a pair, its number of steps, and which families need any; `None` if none does.
#[inline(always)]
unsafe fn rescaling<S: Simd>([x, y]: [S::V; 2], rounds: u32) -> Option<(S::V, S::V, u8)> {
    // SAFETY: the caller vouches for the instruction set.
    unsafe {
        let threshold = S::splat(INVERSE_STEP);
        let mut larger = S::max(x, y);
        let first = S::less(larger, threshold);
        if first == 0 {
            return None;
        }
        let (one, zero) = (S::splat(1.0), S::splat(0.0));
        let mut factor = one;
        let mut steps = zero;
        for _ in 0..rounds.min(3) {
            let mask = S::mask_from(S::less(larger, threshold));
            let scale = S::select(mask, one, S::splat(STEP));
            larger = S::mul(larger, scale);
            factor = S::mul(factor, scale);
            steps = S::add(steps, S::select(mask, zero, one));
        }
        Some((factor, steps, first))
    }
}

/// Where the entries of a folded subtree begin, and their places for the families from `local` on.
#[inline(always)]
unsafe fn places_of(unit: &Unit<'_>, cluster: u32, local: usize) -> (usize, *const u16) {
    let folded = &unit.folded;
    let start = folded.starts[cluster as usize] as usize;
    // SAFETY: rows are as long as the stride, which covers the unit.
    (start, unsafe { folded.places.as_ptr().add(cluster as usize * folded.stride + local) })
}

/// Runs the program; entry i of the tape is the top before instruction i.
#[inline(always)]
unsafe fn forward<S: Simd, const N: usize>(unit: &Unit<'_>, local: usize, tape: &mut Tape) -> Forward<S, N> {
    let vector = (unit.first + local) / S::WIDTH;
    let ops = &unit.program.ops;
    let entries = tape.entries.as_mut_ptr();
    // SAFETY: the caller vouches for the instruction set and the tape's length.
    unsafe {
        let mut top = Pairs::<S, N>::of(S::splat(1.0));
        let mut steps = [S::splat(0.0); N];
        let mut doubtful = 0u64;
        for (at, op) in ops.iter().enumerate() {
            if !matches!(op, Op::Tip { first: true, .. } | Op::Cluster { first: true, .. }) {
                for v in 0..N {
                    write::<S, N>(entries, at, v, top.get(v));
                }
            }
            match *op {
                Op::Tip { first, tip: rank, missing, columns } => {
                    for v in 0..N {
                        let (leaf, _) = tip::<S>(unit.states, rank, missing, columns, vector + v);
                        top.set(v, if first { leaf } else { times::<S>(top.get(v), leaf) });
                    }
                }
                Op::Cluster { first, cluster } => {
                    let (start, at_each) = places_of(unit, cluster, local);
                    let values = unit.folded.values.as_ptr().add(start).cast();
                    for v in 0..N {
                        let leaf = S::pairs_at(values, at_each.add(v * S::WIDTH));
                        if first {
                            top.set(v, leaf);
                        } else {
                            write::<S, N>(entries, ops.len() + 1 + cluster as usize, v, leaf);
                            top.set(v, times::<S>(top.get(v), leaf));
                        }
                    }
                }
                Op::Carry { p, .. } => {
                    let (p00, p01) = (S::splat(p[0][0]), S::splat(p[0][1]));
                    let (p10, p11) = (S::splat(p[1][0]), S::splat(p[1][1]));
                    for v in 0..N {
                        let [x, y] = top.get(v);
                        top.set(v, [S::mul_add(p01, y, S::mul(p00, x)), S::mul_add(p11, y, S::mul(p10, x))]);
                    }
                }
                Op::CarryShort { gain, loss, .. } => {
                    let (gain, loss) = (S::splat(gain), S::splat(loss));
                    for v in 0..N {
                        let [x, y] = top.get(v);
                        let difference = S::sub(y, x);
                        top.set(v, [S::mul_add(gain, difference, x), S::neg_mul_add(loss, difference, y)]);
                    }
                }
                Op::Push => {}
                Op::MultiplyPopped => {
                    let from = tape.partners[at] as usize;
                    for v in 0..N {
                        top.set(v, times::<S>(top.get(v), read::<S, N>(entries, from, v)));
                    }
                }
                Op::Rescale { rounds, risky } => {
                    for (v, steps) in steps.iter_mut().enumerate() {
                        let pair = top.get(v);
                        if let Some((factor, more, small)) = rescaling::<S>(pair, rounds) {
                            top.set(v, times::<S>(pair, [factor; 2]));
                            *steps = S::add(*steps, more);
                            if risky {
                                doubtful |= u64::from(small) << (v * S::WIDTH);
                            }
                        }
                    }
                }
            }
        }
        Forward { top, steps, doubtful }
    }
}

/// Writes logarithms and sums by the prior; returns the adjoints of the top.
#[inline(always)]
unsafe fn at_root<S: Simd, const N: usize>(
    unit: &Unit<'_>,
    local: usize,
    forward: &mut Forward<S, N>,
    tape: &mut Tape,
    out: &mut [f64],
) -> Pairs<S, N> {
    let mut logs = [0.0f64; BLOCK_FAMILIES];
    // SAFETY: the caller vouches for the instruction set; a block is at most BLOCK_FAMILIES doubles, and weights are
    // padded to whole blocks.
    unsafe {
        let prior = [S::splat(unit.program.prior[0]), S::splat(unit.program.prior[1])];
        let zero = S::splat(0.0);
        let mut adjoint = Pairs::<S, N>::of(zero);
        let mut by_prior = [zero; 2];
        for v in 0..N {
            let [absent, present] = forward.top.get(v);
            let likelihood = S::mul_add(prior[0], absent, S::mul(prior[1], present));
            let to = logs.as_mut_ptr().add(v * S::WIDTH);
            if S::less(likelihood, S::splat(f64::MIN_POSITIVE)) == 0 {
                S::store(to, ln::<S>(likelihood, forward.steps[v]));
            } else {
                let (mut values, mut counts) = ([0.0; 8], [0.0; 8]);
                S::store(values.as_mut_ptr(), likelihood);
                S::store(counts.as_mut_ptr(), forward.steps[v]);
                for lane in 0..S::WIDTH {
                    *to.add(lane) = values[lane].ln() - counts[lane] * 256.0 * std::f64::consts::LN_2;
                }
            }
            if unit.program.risky_root {
                forward.doubtful |= u64::from(S::less(likelihood, S::splat(INVERSE_STEP))) << (v * S::WIDTH);
            }
            let counted = S::less(zero, likelihood) & !((forward.doubtful >> (v * S::WIDTH)) as u8);
            let weight = S::load(unit.weights.as_ptr().add(unit.first + local + v * S::WIDTH));
            let weight = S::select(S::mask_from(counted), zero, S::div(weight, likelihood));
            adjoint.set(v, [S::mul(prior[0], weight), S::mul(prior[1], weight)]);
            by_prior = [S::mul_add(weight, absent, by_prior[0]), S::mul_add(weight, present, by_prior[1])];
        }
        add_to::<S>(tape.sums.as_mut_ptr(), unit.tree.node_count(), by_prior[0], by_prior[1]);
        out.copy_from_slice(&logs[..out.len()]);
        adjoint
    }
}

#[inline(always)]
unsafe fn add_to<S: Simd>(sums: *mut f64, node: usize, gain: S::V, loss: S::V) {
    // SAFETY: the caller vouches for the instruction set and for two vectors a node.
    unsafe {
        let place = sums.add(2 * node * S::WIDTH);
        S::store(place, S::add(S::load(place), gain));
        let place = place.add(S::WIDTH);
        S::store(place, S::add(S::load(place), loss));
    }
}

/// Goes back along the tape; adds to the sums.
#[inline(always)]
unsafe fn backward<S: Simd, const N: usize>(unit: &Unit<'_>, local: usize, mut adjoint: Pairs<S, N>, tape: &mut Tape) {
    let vector = (unit.first + local) / S::WIDTH;
    let ops = &unit.program.ops;
    let entries = tape.entries.as_ptr();
    let adjoints = tape.adjoints.as_mut_ptr();
    let sums = tape.sums.as_mut_ptr();
    let folded_sums = tape.folded.as_mut_ptr();
    let mut level = 0;
    // SAFETY: the caller vouches for the instruction set; tape, adjoints and sums were made to measure.
    unsafe {
        let zero = S::splat(0.0);
        for (at, op) in ops.iter().enumerate().rev() {
            match *op {
                Op::Tip { first, tip: rank, missing, columns } => {
                    let (mut gain, mut loss) = (zero, zero);
                    for v in 0..N {
                        let z = adjoint.get(v);
                        let (leaf, difference) = tip::<S>(unit.states, rank, missing, columns, vector + v);
                        let own = if first { z } else { times::<S>(z, read::<S, N>(entries, at, v)) };
                        adjoint.set(v, times::<S>(z, leaf));
                        gain = S::mul_add(own[0], difference, gain);
                        loss = S::mul_add(own[1], difference, loss);
                    }
                    add_to::<S>(sums, unit.tree.tips()[rank as usize] as usize, gain, loss);
                }
                Op::Cluster { first, cluster } => {
                    let (start, at_each) = places_of(unit, cluster, local);
                    let folded_sums = folded_sums.add(start).cast();
                    for v in 0..N {
                        let z = adjoint.get(v);
                        let mut own = z;
                        if !first {
                            own = times::<S>(z, read::<S, N>(entries, at, v));
                            let leaf = read::<S, N>(entries, ops.len() + 1 + cluster as usize, v);
                            adjoint.set(v, times::<S>(z, leaf));
                        }
                        S::add_pairs(folded_sums, at_each.add(v * S::WIDTH), own);
                    }
                }
                Op::Carry { node, .. } | Op::CarryShort { node, .. } => {
                    let (p01, p10, p00, p11) = match *op {
                        Op::Carry { p, .. } => (p[0][1], p[1][0], p[0][0], p[1][1]),
                        Op::CarryShort { gain, loss, .. } => (gain, loss, 1.0 - gain, 1.0 - loss),
                        _ => (0.0, 0.0, 1.0, 1.0),
                    };
                    let (p01, p10) = (S::splat(p01), S::splat(p10));
                    let (p00, p11) = (S::splat(p00), S::splat(p11));
                    let (mut gain, mut loss) = (zero, zero);
                    for v in 0..N {
                        let z = adjoint.get(v);
                        let [x, y] = read::<S, N>(entries, at, v);
                        let difference = S::sub(y, x);
                        gain = S::mul_add(z[0], difference, gain);
                        loss = S::mul_add(z[1], difference, loss);
                        let absent = S::mul_add(p10, z[1], S::mul(p00, z[0]));
                        adjoint.set(v, [absent, S::mul_add(p01, z[0], S::mul(p11, z[1]))]);
                    }
                    add_to::<S>(sums, node as usize, gain, loss);
                }
                Op::Push => {
                    level -= 1;
                    for v in 0..N {
                        adjoint.set(v, read::<S, N>(adjoints, level, v));
                    }
                }
                Op::MultiplyPopped => {
                    let from = tape.partners[at] as usize;
                    for v in 0..N {
                        let z = adjoint.get(v);
                        write::<S, N>(adjoints, level, v, times::<S>(z, read::<S, N>(entries, at, v)));
                        adjoint.set(v, times::<S>(z, read::<S, N>(entries, from, v)));
                    }
                    level += 1;
                }
                Op::Rescale { rounds, .. } => {
                    for v in 0..N {
                        if let Some((factor, _, _)) = rescaling::<S>(read::<S, N>(entries, at, v), rounds) {
                            adjoint.set(v, times::<S>(adjoint.get(v), [factor; 2]));
                        }
                    }
                }
            }
        }
    }
}
