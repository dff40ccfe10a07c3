//! One block of families through a program, forward; what begins the way back.

use super::backward::{add_to, backward};
use super::rows::{read_pair, write, write_pair};
use super::{Action, Step, Tape, Unit};
use crate::kernel::lanes::BLOCK_FAMILIES;
use crate::kernel::program::Op;
use crate::kernel::simd::{Simd, ln};
use crate::kernel::wide::{INVERSE_STEP, STEP};
use crate::states::TipStates;

/// A pair of vectors for each vector of families. Read and written one by one with a known index, which is what
/// keeps them in registers.
pub(super) struct Pairs<S: Simd, const N: usize> {
    absent: [S::V; N],
    present: [S::V; N],
}

impl<S: Simd, const N: usize> Pairs<S, N> {
    #[inline(always)]
    pub(super) fn of(x: S::V) -> Self {
        Self { absent: [x; N], present: [x; N] }
    }

    #[inline(always)]
    pub(super) fn get(&self, v: usize) -> [S::V; 2] {
        [self.absent[v], self.present[v]]
    }

    #[inline(always)]
    pub(super) fn set(&mut self, v: usize, [absent, present]: [S::V; 2]) {
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

/// Where a block stands.
#[derive(Clone, Copy)]
pub(super) struct Place {
    /// Its first family, in the unit.
    pub(super) local: usize,
    /// Its first leaf, in the stretch.
    pub(super) leaves: usize,
}

/// Sweeps the families of a block; writes logarithms, adds to the tape's sums.
///
/// # Safety
/// The processor must have the instruction set of `S`; the tape must have been made to measure for the unit.
#[inline(always)]
pub(super) unsafe fn block<S: Simd, const N: usize>(
    unit: &Unit<'_>,
    place: Place,
    tape: &mut Tape,
    out: &mut [f64],
    left_over: &mut Vec<u32>,
) {
    let local = place.local;
    // SAFETY: the caller vouches for it.
    unsafe {
        let mut forward = forward::<S, N>(unit, place, tape);
        at_root::<S, N>(unit, local, &mut forward, tape, out);
        for lane in 0..out.len() {
            if forward.doubtful >> lane & 1 == 1 {
                left_over.push((unit.first + local + lane) as u32);
            }
        }
        backward::<S, N>(unit, place, tape);
    }
}

/// # Safety
/// The processor must have the instruction set of `S`.
#[inline(always)]
pub(super) unsafe fn times<S: Simd>(a: [S::V; 2], b: [S::V; 2]) -> [S::V; 2] {
    // SAFETY: the caller vouches for the instruction set.
    unsafe { [S::mul(a[0], b[0]), S::mul(a[1], b[1])] }
}

/// What a tip contributes, and the difference (present minus absent) of its own vector.
///
/// # Safety
/// The processor must have the instruction set of `S`; the vector must be one of the tip's row.
#[inline(always)]
pub(super) unsafe fn tip<S: Simd>(
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

/// Runs the program, leaving on the tape what each instruction needs on the way back.
#[inline(always)]
unsafe fn forward<S: Simd, const N: usize>(unit: &Unit<'_>, place: Place, tape: &mut Tape) -> Forward<S, N> {
    let vector = (unit.first + place.local) / S::WIDTH;
    let entries = tape.entries.as_mut_ptr().cast::<f64>();
    let leaves = tape.leaves.as_ptr().cast::<f64>();
    // SAFETY: the caller vouches for the instruction set and the tape's length.
    unsafe {
        let mut top = Pairs::<S, N>::of(S::splat(1.0));
        let mut steps = [S::splat(0.0); N];
        let mut doubtful = 0u64;
        for &Step { action, row, partner } in &tape.steps {
            let row = row as usize;
            let op = match action {
                Action::One(op) => op,
                Action::LeafAndCarry { cluster, gain, loss, .. } => {
                    let (gain, loss) = (S::splat(gain), S::splat(loss));
                    for v in 0..N {
                        let leaf = S::zip(read_pair::<S, N>(leaves, 2 * (place.leaves + cluster as usize), v));
                        write_pair::<S, N>(entries, row, v, top.get(v));
                        let [x, y] = times::<S>(top.get(v), leaf);
                        let difference = S::sub(y, x);
                        top.set(v, [S::mul_add(gain, difference, x), S::neg_mul_add(loss, difference, y)]);
                    }
                    continue;
                }
            };
            match op {
                Op::Tip { first, tip: rank, missing, columns } => {
                    for v in 0..N {
                        let (leaf, _) = tip::<S>(unit.states, rank, missing, columns, vector + v);
                        join::<S, N>(&mut top, first, v, leaf, entries, row);
                    }
                }
                Op::Cluster { first, cluster } => {
                    for v in 0..N {
                        let leaf = S::zip(read_pair::<S, N>(leaves, 2 * (place.leaves + cluster as usize), v));
                        join::<S, N>(&mut top, first, v, leaf, entries, row);
                    }
                }
                Op::Carry { p, .. } => {
                    let (p00, p01) = (S::splat(p[0][0]), S::splat(p[0][1]));
                    let (p10, p11) = (S::splat(p[1][0]), S::splat(p[1][1]));
                    for v in 0..N {
                        let [x, y] = top.get(v);
                        write::<S, N>(entries, row, v, S::sub(y, x));
                        top.set(v, [S::mul_add(p01, y, S::mul(p00, x)), S::mul_add(p11, y, S::mul(p10, x))]);
                    }
                }
                Op::CarryShort { gain, loss, .. } => {
                    let (gain, loss) = (S::splat(gain), S::splat(loss));
                    for v in 0..N {
                        let [x, y] = top.get(v);
                        let difference = S::sub(y, x);
                        write::<S, N>(entries, row, v, difference);
                        top.set(v, [S::mul_add(gain, difference, x), S::neg_mul_add(loss, difference, y)]);
                    }
                }
                Op::Push => {
                    for v in 0..N {
                        write_pair::<S, N>(entries, row, v, top.get(v));
                    }
                }
                Op::MultiplyPopped => {
                    for v in 0..N {
                        let popped = read_pair::<S, N>(entries, partner as usize, v);
                        join::<S, N>(&mut top, false, v, popped, entries, row);
                    }
                }
                Op::Rescale { rounds, risky } => {
                    for (v, steps) in steps.iter_mut().enumerate() {
                        let pair = top.get(v);
                        write::<S, N>(entries, row, v, S::splat(1.0));
                        if let Some((factor, more, small)) = rescaling::<S>(pair, rounds) {
                            write::<S, N>(entries, row, v, factor);
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

/// The top becomes an operand (`first`), or is left on the tape and multiplied by it.
#[inline(always)]
unsafe fn join<S: Simd, const N: usize>(
    top: &mut Pairs<S, N>,
    first: bool,
    v: usize,
    operand: [S::V; 2],
    entries: *mut f64,
    row: usize,
) {
    // SAFETY: the caller vouches for the instruction set and the tape's length.
    unsafe {
        if first {
            top.set(v, operand);
        } else {
            write_pair::<S, N>(entries, row, v, top.get(v));
            top.set(v, times::<S>(top.get(v), operand));
        }
    }
}

/// Writes logarithms, sums by the prior, and the adjoints of the top.
#[inline(always)]
unsafe fn at_root<S: Simd, const N: usize>(
    unit: &Unit<'_>,
    local: usize,
    forward: &mut Forward<S, N>,
    tape: &mut Tape,
    out: &mut [f64],
) {
    let adjoints = tape.adjoints.as_mut_ptr().cast::<f64>();
    let mut logs = [0.0f64; BLOCK_FAMILIES];
    // SAFETY: the caller vouches for the instruction set; a block is at most BLOCK_FAMILIES doubles, and weights are
    // padded to whole blocks.
    unsafe {
        let prior = [S::splat(unit.program.prior[0]), S::splat(unit.program.prior[1])];
        let zero = S::splat(0.0);
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
            write_pair::<S, N>(adjoints, 0, v, [S::mul(prior[0], weight), S::mul(prior[1], weight)]);
            by_prior = [S::mul_add(weight, absent, by_prior[0]), S::mul_add(weight, present, by_prior[1])];
        }
        add_to::<S>(tape.sums.as_mut_ptr().cast::<f64>(), unit.tree.node_count(), by_prior[0], by_prior[1]);
        out.copy_from_slice(&logs[..out.len()]);
    }
}
