//! One block of families through the steps, forward and backward, category after category.
#![expect(clippy::needless_range_loop, reason = "an index that the compiler knows keeps vectors in registers")]

use super::branches::{Branch, Branches};
use super::meeting::{Meeting, SLACK, Turn, add_to, place, read_pair, times, write_pair};
use super::{Found, Op, Step, Steps, Tape, Unit};
use crate::kernel::lanes::BLOCK_FAMILIES;
use crate::kernel::simd::{Line, Simd};
use crate::kernel::wide::{INVERSE_STEP, STEP};
use crate::posterior::FamilyChange;

/// Categories with less of a family's likelihood count nothing.
const LEAST_SHARE: f64 = 1e-200;

/// What going forward leaves beside the tape.
struct Forward<S: Simd, const N: usize> {
    top: [[S::V; 2]; N],
    /// How often each family was scaled.
    steps: [S::V; N],
    likelihood: [S::V; N],
    /// Families to leave over, a bit each.
    doubtful: u64,
}

/// `p v`, from the lower end of a branch to the upper.
///
/// # Safety
/// The processor must have the instruction set of `S`.
#[inline(always)]
unsafe fn up<S: Simd>(p: [[S::V; 2]; 2], below: [S::V; 2]) -> [S::V; 2] {
    // SAFETY: the caller vouches for it.
    unsafe { p.map(|row| S::mul_add(row[1], below[1], S::mul(row[0], below[0]))) }
}

/// Computes the families from the unit's column `first` on. `false` where a family turned out to be odd after it had
/// been added to the sums.
///
/// # Safety
/// The processor must have the instruction set of `S`; the tape must have been made to measure for the unit.
#[inline(always)]
pub(super) unsafe fn block<S: Simd, const N: usize, B: Branches<S>>(
    unit: &Unit<'_>,
    categories: &[(&Steps, B)],
    first: usize,
    tape: &mut Tape,
    found: &mut Found,
) -> bool {
    let lanes = N * S::WIDTH;
    let count = lanes.min(unit.count - first);
    let within = u64::MAX >> (64 - count);
    let left_over = &mut found.left_over[first..first + count];
    let mut left = left_over.iter().enumerate().fold(0u64, |bits, (lane, &left)| bits | u64::from(left) << lane);
    // SAFETY: the caller vouches for instruction set and tape.
    unsafe {
        let mut possible = within;
        if categories.len() > 1 {
            let mut values = Vec::with_capacity(categories.len());
            for &(steps, branches) in categories {
                let forward = forward::<S, N, B>(unit, steps, branches, first, tape);
                left |= forward.doubtful;
                values.push(forward.values());
            }
            possible &= share_out(&values, lanes, Line::doubles_mut(&mut tape.shares));
        }
        let (mut odd, last) = (0, categories.len() - 1);
        for (index, &(steps, branches)) in categories.iter().enumerate() {
            let forward = forward::<S, N, B>(unit, steps, branches, first, tape);
            left |= forward.doubtful;
            if last == 0 {
                possible &= forward.possible();
                Line::doubles_mut(&mut tape.shares).fill(1.0);
            }
            let alive = possible & !left;
            let turn = Turn { index, last: index == last, alive };
            odd |= backward::<S, N, B>(unit, steps, branches, first, forward, turn, tape, &mut found.listed);
        }
        for (lane, flag) in left_over.iter_mut().enumerate() {
            *flag = (left | odd) >> lane & 1 == 1;
            if unit.needs.states && possible >> lane & 1 == 0 {
                let all = Line::doubles_mut(&mut tape.present)[lane..].iter_mut().step_by(lanes);
                all.for_each(|present| *present = f64::NAN);
            }
        }
        odd == 0
    }
}

/// Shares of categories in the likelihoods `values` (number and how often it was scaled, by lane); returns which
/// families are possible.
fn share_out(values: &[[[f64; BLOCK_FAMILIES]; 2]], lanes: usize, shares: &mut [f64]) -> u64 {
    let mut possible = 0;
    for lane in 0..lanes {
        let positive = values.iter().filter(|value| value[0][lane] > 0.0);
        let steps = positive.map(|value| value[1][lane]).fold(f64::INFINITY, f64::min);
        // Those scaled more often are smaller; past three steps nothing is left of them.
        let scaled = |value: &[[f64; BLOCK_FAMILIES]; 2]| {
            let more = (value[1][lane] - steps).clamp(0.0, 4.0);
            if value[0][lane] > 0.0 { value[0][lane] * INVERSE_STEP.powi(more as i32) } else { 0.0 }
        };
        let total: f64 = values.iter().map(scaled).sum();
        possible |= u64::from(total > 0.0) << lane;
        for (index, value) in values.iter().enumerate() {
            let share = if total > 0.0 { scaled(value) / total } else { 0.0 };
            shares[index * lanes + lane] = if share < LEAST_SHARE { 0.0 } else { share };
        }
    }
    possible
}

impl<S: Simd, const N: usize> Forward<S, N> {
    /// Likelihoods, and how often they were scaled.
    #[inline(always)]
    unsafe fn values(&self) -> [[f64; BLOCK_FAMILIES]; 2] {
        let mut values = [[0.0; BLOCK_FAMILIES]; 2];
        for v in 0..N {
            // SAFETY: the caller vouches for the instruction set; a block is at most so many doubles.
            unsafe {
                S::store(values[0].as_mut_ptr().add(v * S::WIDTH), self.likelihood[v]);
                S::store(values[1].as_mut_ptr().add(v * S::WIDTH), self.steps[v]);
            }
        }
        values
    }

    #[inline(always)]
    unsafe fn possible(&self) -> u64 {
        // SAFETY: the caller vouches for the instruction set.
        (0..N).fold(0, |bits, v| unsafe {
            bits | u64::from(S::less(S::splat(0.0), self.likelihood[v])) << (v * S::WIDTH)
        })
    }
}

/// What a tip's data allow, absence and presence.
#[inline(always)]
unsafe fn allowed<S: Simd>(unit: &Unit<'_>, tip: u32, missing: bool, vector: usize) -> [S::V; 2] {
    // SAFETY: the caller vouches for the instruction set; rows are padded to whole blocks.
    unsafe {
        let (zero, one) = (S::splat(0.0), S::splat(1.0));
        let mask = S::mask(unit.states.present_row(tip as usize).as_ptr(), vector);
        let pair = [S::select(mask, one, zero), S::select(mask, zero, one)];
        match unit.states.missing_row(tip as usize) {
            Some(unknown) if missing => {
                let unknown = S::mask(unknown.as_ptr(), vector);
                pair.map(|known| S::select(unknown, known, one))
            }
            _ => pair,
        }
    }
}

/// Runs the steps, leaving on the tape what each needs on the way back.
#[inline(always)]
unsafe fn forward<S: Simd, const N: usize, B: Branches<S>>(
    unit: &Unit<'_>,
    steps: &Steps,
    branches: B,
    first: usize,
    tape: &mut Tape,
) -> Forward<S, N> {
    let vector = (unit.first + first) / S::WIDTH;
    let entries = tape.entries.as_mut_ptr().cast::<f64>();
    // SAFETY: the caller vouches for instruction set and tape.
    unsafe {
        let zero = S::splat(0.0);
        let mut top = [[S::splat(1.0); 2]; N];
        let mut scaled = [zero; N];
        let mut doubtful = 0u64;
        for &Step { op, row, partner } in &steps.steps {
            let row = row as usize;
            match op {
                Op::Tip { first: fresh, tip, missing } => {
                    let branch = branches.branch(unit.tree.tips()[tip as usize] as usize);
                    for v in 0..N {
                        let below = allowed::<S>(unit, tip, missing, vector + v);
                        let leaf = up::<S>(branch.transition(first + v * S::WIDTH), below);
                        if fresh {
                            top[v] = leaf;
                        } else {
                            write_pair::<S, N>(entries, row, v, top[v]);
                            top[v] = times::<S>(top[v], leaf);
                        }
                    }
                }
                Op::Carry { node } => {
                    let branch = branches.branch(node as usize);
                    for v in 0..N {
                        write_pair::<S, N>(entries, row, v, top[v]);
                        top[v] = up::<S>(branch.transition(first + v * S::WIDTH), top[v]);
                    }
                }
                Op::Push => {
                    for v in 0..N {
                        write_pair::<S, N>(entries, row, v, top[v]);
                    }
                }
                Op::MultiplyPopped => {
                    for v in 0..N {
                        write_pair::<S, N>(entries, row, v, top[v]);
                        top[v] = times::<S>(top[v], read_pair::<S, N>(entries, partner as usize, v));
                    }
                }
                Op::Rescale { rounds, risky } => {
                    for v in 0..N {
                        let (factor, small) = scale::<S>(&mut top[v], &mut scaled[v], rounds);
                        S::store(entries.add(place::<S, N>(row, v)), factor);
                        if risky {
                            doubtful |= u64::from(small) << (v * S::WIDTH);
                        }
                    }
                }
            }
        }
        let mut likelihood = [zero; N];
        for v in 0..N {
            let prior = branches.prior(first + v * S::WIDTH);
            likelihood[v] = S::mul_add(prior[0], top[v][0], S::mul(prior[1], top[v][1]));
            let least = if steps.risky_root { INVERSE_STEP } else { f64::MIN_POSITIVE };
            let small = S::less(likelihood[v], S::splat(least));
            // Nothing but 0 is below what ordinary numbers can be.
            let impossible = !S::less(zero, likelihood[v]);
            let small = if steps.risky_root { small } else { small & !impossible };
            doubtful |= u64::from(small) << (v * S::WIDTH);
        }
        Forward { top, steps: scaled, likelihood, doubtful }
    }
}

/// Scales families up whose larger partial is small; returns by what, and which they are.
#[inline(always)]
unsafe fn scale<S: Simd>(pair: &mut [S::V; 2], scaled: &mut S::V, rounds: u32) -> (S::V, u8) {
    // SAFETY: the caller vouches for the instruction set.
    unsafe {
        let (zero, one, threshold) = (S::splat(0.0), S::splat(1.0), S::splat(INVERSE_STEP));
        let mut larger = S::max(pair[0], pair[1]);
        let first = S::less(larger, threshold);
        let mut factor = one;
        if first != 0 {
            for _ in 0..rounds.min(3) {
                let mask = S::mask_from(S::less(larger, threshold));
                let step = S::select(mask, one, S::splat(STEP));
                larger = S::mul(larger, step);
                factor = S::mul(factor, step);
                *scaled = S::add(*scaled, S::select(mask, zero, one));
            }
            *pair = times::<S>(*pair, [factor; 2]);
        }
        (factor, first)
    }
}

/// Goes back along the tape; returns families whose posteriors don't add up.
#[inline(always)]
#[expect(clippy::too_many_arguments, reason = "one step of `block`, apart only to be read apart")]
unsafe fn backward<S: Simd, const N: usize, B: Branches<S>>(
    unit: &Unit<'_>,
    steps: &Steps,
    branches: B,
    first: usize,
    forward: Forward<S, N>,
    turn: Turn,
    tape: &mut Tape,
    listed: &mut Vec<FamilyChange>,
) -> u64 {
    let vector = (unit.first + first) / S::WIDTH;
    let entries = tape.entries.as_ptr().cast::<f64>();
    let aside = tape.aside.as_mut_ptr().cast::<f64>();
    let root = unit.tree.root();
    let mut level = 0;
    // SAFETY: the caller vouches for instruction set and tape.
    unsafe {
        let zero = S::splat(0.0);
        let mut meeting = Meeting::<S, N> {
            unit,
            first,
            turn,
            present: tape.present.as_mut_ptr().cast(),
            changes: tape.changes.as_mut_ptr().cast(),
            weights: [zero; N],
            share: [zero; N],
            slack: [zero; N],
            odd: 0,
            listed,
        };
        let sums = tape.sums.as_mut_ptr().cast::<f64>();
        let mut adjoint = [[zero; 2]; N];
        for v in 0..N {
            meeting.weights[v] = S::load(unit.weights.as_ptr().add(first + v * S::WIDTH));
            let own = S::load(tape.shares.as_ptr().cast::<f64>().add((turn.index * N + v) * S::WIDTH));
            let counted = (turn.alive >> (v * S::WIDTH)) as u8 & S::less(zero, forward.likelihood[v]);
            let counted = S::mask_from(counted);
            let share = S::select(counted, zero, own);
            meeting.share[v] = share;
            meeting.slack[v] = S::mul_add(share, S::splat(SLACK), S::splat(f64::MIN_POSITIVE));
            let seed = S::select(counted, zero, S::div(own, forward.likelihood[v]));
            adjoint[v] = branches.prior(first + v * S::WIDTH).map(|prior| S::mul(prior, seed));
        }
        for v in 0..N {
            meeting.at_node(root, v, times::<S>(adjoint[v], forward.top[v]));
        }
        for &Step { op, row, partner } in steps.steps.iter().rev() {
            let row = row as usize;
            match op {
                Op::Tip { first: fresh, tip, missing } => {
                    let node = unit.tree.tips()[tip as usize] as usize;
                    let branch = branches.branch(node);
                    let mut sums_here = [zero; 4];
                    for v in 0..N {
                        let p = branch.transition(first + v * S::WIDTH);
                        let below = allowed::<S>(unit, tip, missing, vector + v);
                        let leaf = up::<S>(p, below);
                        let above =
                            if fresh { adjoint[v] } else { times::<S>(adjoint[v], read_pair::<S, N>(entries, row, v)) };
                        adjoint[v] = times::<S>(adjoint[v], leaf);
                        meeting.at_node(node, v, times::<S>(above, leaf));
                        if node != root {
                            meeting.of(node, branch, v, p, above, below, &mut sums_here);
                        }
                    }
                    add_to::<S>(unit, sums, node, sums_here);
                }
                Op::Carry { node } => {
                    let node = node as usize;
                    let branch = branches.branch(node);
                    let mut sums_here = [zero; 4];
                    for v in 0..N {
                        let p = branch.transition(first + v * S::WIDTH);
                        let (above, below) = (adjoint[v], read_pair::<S, N>(entries, row, v));
                        adjoint[v] = up::<S>([[p[0][0], p[1][0]], [p[0][1], p[1][1]]], above);
                        meeting.at_node(node, v, times::<S>(adjoint[v], below));
                        meeting.of(node, branch, v, p, above, below, &mut sums_here);
                    }
                    add_to::<S>(unit, sums, node, sums_here);
                }
                Op::Push => {
                    level -= 1;
                    for (v, adjoint) in adjoint.iter_mut().enumerate() {
                        *adjoint = read_pair::<S, N>(aside, 2 * level, v);
                    }
                }
                Op::MultiplyPopped => {
                    for v in 0..N {
                        let before = read_pair::<S, N>(entries, row, v);
                        write_pair::<S, N>(aside, 2 * level, v, times::<S>(adjoint[v], before));
                        adjoint[v] = times::<S>(adjoint[v], read_pair::<S, N>(entries, partner as usize, v));
                    }
                    level += 1;
                }
                Op::Rescale { .. } => {
                    for (v, adjoint) in adjoint.iter_mut().enumerate() {
                        let factor = S::load(entries.add(place::<S, N>(row, v)));
                        *adjoint = times::<S>(*adjoint, [factor; 2]);
                    }
                }
            }
        }
        meeting.odd & turn.alive
    }
}
