//! Value and exact gradient in lanes: a program runs forward, leaving the top of the stack on a tape, and then
//! backward, carrying adjoints. One reverse sweep gives the derivative by every branch's two probabilities of
//! change, from which those by rates and lengths follow.
#![allow(unsafe_code)]

use super::lanes::{BLOCK_FAMILIES, Columns};
use super::program::{Op, Program};
#[cfg(target_arch = "x86_64")]
use super::simd::{Avx2, Avx512};
use super::simd::{InstructionSet, Portable, Simd, ln};
use super::wide::{INVERSE_STEP, STEP};
use crate::tree::Tree;

/// Families whose sums are formed together: fixed, so that chunks and workers can't change a digit.
pub(crate) const UNIT_FAMILIES: usize = 512;

/// Weighted sums over families of the derivatives of the log-likelihood.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Sums {
    /// By the probabilities of gain and of loss over the branch above each node.
    pub(crate) branches: Vec<[f64; 2]>,
    /// By the two probabilities of the root's prior.
    pub(crate) prior: [f64; 2],
}

impl Sums {
    pub(crate) fn zeros(nodes: usize) -> Self {
        Self { branches: vec![[0.0; 2]; nodes], prior: [0.0; 2] }
    }

    pub(crate) fn add(&mut self, other: &Self) {
        for (into, from) in self.branches.iter_mut().zip(&other.branches) {
            into[0] += from[0];
            into[1] += from[1];
        }
        self.prior[0] += other.prior[0];
        self.prior[1] += other.prior[1];
    }
}

/// Memory of one worker.
#[derive(Default)]
pub(crate) struct Tape {
    tops: Vec<f64>,
    adjoints: Vec<f64>,
    sums: Vec<f64>,
}

/// One unit's task.
pub(crate) struct Unit<'a> {
    pub(crate) tree: &'a Tree,
    pub(crate) program: &'a Program,
    pub(crate) columns: &'a Columns<'a>,
    /// Weight of every family, padded to whole units.
    pub(crate) weights: &'a [f64],
    pub(crate) first: usize,
}

/// Log-likelihoods of a unit's families, and the sums. Families that ordinary numbers can't carry are left out
/// of the sums and pushed to `left_over`; impossible ones (minus infinity) are left out too.
pub(crate) fn run(
    set: InstructionSet,
    unit: &Unit<'_>,
    out: &mut [f64],
    left_over: &mut Vec<u32>,
    tape: &mut Tape,
) -> Sums {
    assert!(unit.first.is_multiple_of(UNIT_FAMILIES) && out.len() <= UNIT_FAMILIES);
    assert!(unit.first + out.len() <= unit.columns.states.family_count());
    assert!(unit.weights.len() >= unit.first + UNIT_FAMILIES);
    // SAFETY: the set is one of those that the processor has, and the range lies within the columns.
    unsafe {
        match set {
            #[cfg(target_arch = "x86_64")]
            InstructionSet::Avx512 => run_avx512(unit, out, left_over, tape),
            #[cfg(target_arch = "x86_64")]
            InstructionSet::Avx2 => run_avx2(unit, out, left_over, tape),
            _ => blocks::<Portable, 2>(unit, out, left_over, tape),
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512dq,avx512vl,avx2,fma")]
unsafe fn run_avx512(unit: &Unit<'_>, out: &mut [f64], left_over: &mut Vec<u32>, tape: &mut Tape) -> Sums {
    // SAFETY: the caller vouches for AVX-512.
    unsafe { blocks::<Avx512, 4>(unit, out, left_over, tape) }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
unsafe fn run_avx2(unit: &Unit<'_>, out: &mut [f64], left_over: &mut Vec<u32>, tape: &mut Tape) -> Sums {
    // SAFETY: the caller vouches for AVX2.
    unsafe { blocks::<Avx2, 4>(unit, out, left_over, tape) }
}

#[inline(always)]
unsafe fn blocks<S: Simd, const N: usize>(
    unit: &Unit<'_>,
    out: &mut [f64],
    left_over: &mut Vec<u32>,
    tape: &mut Tape,
) -> Sums {
    let nodes = unit.tree.node_count();
    tape.tops.resize((unit.program.ops.len() + 1) * 2 * N * S::WIDTH, 0.0);
    tape.adjoints.resize(unit.program.depth * 2 * N * S::WIDTH, 0.0);
    tape.sums.clear();
    tape.sums.resize((nodes + 1) * 2 * S::WIDTH, 0.0);
    let mut first = unit.first;
    for out in out.chunks_mut(N * S::WIDTH) {
        // SAFETY: the caller vouches for the instruction set; the tape was made to measure above.
        unsafe {
            forward::<S, N>(unit, first, tape);
            backward::<S, N>(unit, first, tape, out, left_over);
        }
        first += N * S::WIDTH;
    }
    let lanes = |at: usize| tape.sums[at * S::WIDTH..(at + 1) * S::WIDTH].iter().sum::<f64>();
    Sums {
        branches: (0..nodes).map(|node| [lanes(2 * node), -lanes(2 * node + 1)]).collect(),
        prior: [lanes(2 * nodes), lanes(2 * nodes + 1)],
    }
}

/// Places of vector `v` of both states in entry `at` of a tape of pairs.
#[inline(always)]
fn places<S: Simd, const N: usize>(at: usize, v: usize) -> [usize; 2] {
    [(at * 2 * N + v) * S::WIDTH, (at * 2 * N + N + v) * S::WIDTH]
}

#[inline(always)]
unsafe fn read<S: Simd, const N: usize>(tape: *const f64, at: usize, v: usize) -> [S::V; 2] {
    // SAFETY: the caller vouches for the instruction set and the tape's length.
    unsafe { places::<S, N>(at, v).map(|place| S::load(tape.add(place))) }
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

/// What a tip contributes, and the difference (present minus absent) of its own vector.
#[inline(always)]
unsafe fn tip<S: Simd>(
    columns: &Columns<'_>,
    tip: u32,
    missing: bool,
    of: [[f64; 2]; 2],
    vector: usize,
) -> ([S::V; 2], S::V) {
    // SAFETY: the caller vouches for the instruction set; rows are padded to whole blocks.
    unsafe {
        let mask = S::mask(columns.states.present_row(tip as usize).as_ptr(), vector);
        let mut pair = [0, 1].map(|above| S::select(mask, S::splat(of[0][above]), S::splat(of[1][above])));
        let mut difference = S::select(mask, S::splat(-1.0), S::splat(1.0));
        if missing && let Some(unknown) = columns.states.missing_row(tip as usize) {
            let unknown = S::mask(unknown.as_ptr(), vector);
            pair = pair.map(|known| S::select(unknown, known, S::splat(1.0)));
            difference = S::select(unknown, difference, S::splat(0.0));
        }
        (pair, difference)
    }
}

#[inline(always)]
unsafe fn carry<S: Simd>(op: &Op, [x, y]: [S::V; 2]) -> [S::V; 2] {
    // SAFETY: the caller vouches for the instruction set.
    unsafe {
        match *op {
            Op::Carry { p, .. } => p.map(|row| S::mul_add(S::splat(row[1]), y, S::mul(S::splat(row[0]), x))),
            Op::CarryShort { gain, loss, .. } => {
                let difference = S::sub(y, x);
                [S::mul_add(S::splat(gain), difference, x), S::neg_mul_add(S::splat(loss), difference, y)]
            }
            _ => [x, y],
        }
    }
}

/// The factor of rescaling for a pair, if any family needs one.
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

/// Runs the program; entry i of the tape is the top before instruction i.
#[inline(always)]
unsafe fn forward<S: Simd, const N: usize>(unit: &Unit<'_>, first: usize, tape: &mut Tape) {
    let vector = first / S::WIDTH;
    let tops = tape.tops.as_mut_ptr();
    // SAFETY: the caller vouches for the instruction set and the tape's length.
    unsafe {
        let one = S::splat(1.0);
        let mut top = [[one; 2]; N];
        let mut pushed: Vec<usize> = Vec::with_capacity(unit.program.depth);
        for (at, op) in unit.program.ops.iter().enumerate() {
            for (v, pair) in top.iter().enumerate() {
                write::<S, N>(tops, at, v, *pair);
            }
            match *op {
                Op::Tip { first, tip: rank, missing, columns } => {
                    for (v, pair) in top.iter_mut().enumerate() {
                        let (leaf, _) = tip::<S>(unit.columns, rank, missing, columns, vector + v);
                        *pair = if first { leaf } else { [S::mul(pair[0], leaf[0]), S::mul(pair[1], leaf[1])] };
                    }
                }
                // Programs of gradients are built without clusters.
                Op::Cluster { .. } => {}
                Op::Carry { .. } | Op::CarryShort { .. } => {
                    for pair in &mut top {
                        *pair = carry::<S>(op, *pair);
                    }
                }
                Op::Push => pushed.push(at),
                Op::MultiplyPopped => {
                    if let Some(from) = pushed.pop() {
                        for (v, pair) in top.iter_mut().enumerate() {
                            let popped = read::<S, N>(tops, from, v);
                            *pair = [S::mul(pair[0], popped[0]), S::mul(pair[1], popped[1])];
                        }
                    }
                }
                Op::Rescale { rounds, .. } => {
                    for pair in &mut top {
                        if let Some((factor, _, _)) = rescaling::<S>(*pair, rounds) {
                            *pair = [S::mul(pair[0], factor), S::mul(pair[1], factor)];
                        }
                    }
                }
            }
        }
        for (v, pair) in top.iter().enumerate() {
            write::<S, N>(tops, unit.program.ops.len(), v, *pair);
        }
    }
}

/// Goes back along the tape; adds to the sums and writes logarithms.
#[inline(always)]
unsafe fn backward<S: Simd, const N: usize>(
    unit: &Unit<'_>,
    first: usize,
    tape: &mut Tape,
    out: &mut [f64],
    left_over: &mut Vec<u32>,
) {
    let vector = first / S::WIDTH;
    let program = unit.program;
    let tops = tape.tops.as_ptr();
    let adjoints = tape.adjoints.as_mut_ptr();
    let sums = tape.sums.as_mut_ptr();
    let nodes = unit.tree.node_count();
    // SAFETY: the caller vouches for the instruction set; tape, adjoints and sums were made to measure.
    unsafe {
        let zero = S::splat(0.0);
        let add_to = |node: usize, gain: S::V, loss: S::V| {
            let place = sums.add(2 * node * S::WIDTH);
            S::store(place, S::add(S::load(place), gain));
            let place = place.add(S::WIDTH);
            S::store(place, S::add(S::load(place), loss));
        };
        // Which families count must be known before the first adjoint: risky ones show while going forward.
        let mut steps = [zero; N];
        let mut doubtful = 0u64;
        for (at, op) in program.ops.iter().enumerate() {
            if let Op::Rescale { rounds, risky } = *op {
                for (v, steps) in steps.iter_mut().enumerate() {
                    if let Some((_, more, small)) = rescaling::<S>(read::<S, N>(tops, at, v), rounds) {
                        *steps = S::add(*steps, more);
                        if risky {
                            doubtful |= u64::from(small) << (v * S::WIDTH);
                        }
                    }
                }
            }
        }
        let prior = program.prior.map(|p| S::splat(p));
        let mut adjoint = [[zero; 2]; N];
        let mut logs = [0.0f64; BLOCK_FAMILIES];
        let mut by_prior = [zero; 2];
        for v in 0..N {
            let [absent, present] = read::<S, N>(tops, program.ops.len(), v);
            let likelihood = S::mul_add(prior[0], absent, S::mul(prior[1], present));
            let mut values = [0.0; 8];
            let mut counts = [0.0; 8];
            S::store(values.as_mut_ptr(), likelihood);
            S::store(counts.as_mut_ptr(), steps[v]);
            if S::less(likelihood, S::splat(f64::MIN_POSITIVE)) == 0 {
                S::store(logs.as_mut_ptr().add(v * S::WIDTH), ln::<S>(likelihood, steps[v]));
            } else {
                for i in 0..S::WIDTH {
                    logs[v * S::WIDTH + i] = values[i].ln() - counts[i] * 256.0 * std::f64::consts::LN_2;
                }
            }
            let mut weights = [0.0; 8];
            for (i, weight) in weights.iter_mut().enumerate().take(S::WIDTH) {
                let lane = v * S::WIDTH + i;
                if program.risky_root && values[i] < INVERSE_STEP {
                    doubtful |= 1 << lane;
                }
                if values[i] > 0.0 && doubtful >> lane & 1 == 0 {
                    *weight = unit.weights[first + lane] / values[i];
                }
            }
            let weight = S::load(weights.as_ptr());
            adjoint[v] = prior.map(|p| S::mul(p, weight));
            by_prior[0] = S::mul_add(weight, absent, by_prior[0]);
            by_prior[1] = S::mul_add(weight, present, by_prior[1]);
        }
        add_to(nodes, by_prior[0], by_prior[1]);
        out.copy_from_slice(&logs[..out.len()]);
        for lane in 0..out.len() {
            if doubtful >> lane & 1 == 1 {
                left_over.push((first + lane) as u32);
            }
        }
        let mut level = 0;
        let mut popped: Vec<usize> = Vec::with_capacity(program.depth);
        // Where each product's other factor lies on the tape, found going forward.
        let mut partners: Vec<usize> = Vec::with_capacity(program.depth);
        for (at, op) in program.ops.iter().enumerate() {
            match op {
                Op::Push => popped.push(at),
                Op::MultiplyPopped => partners.extend(popped.pop()),
                _ => {}
            }
        }
        for (at, op) in program.ops.iter().enumerate().rev() {
            match *op {
                Op::Tip { first, tip: rank, missing, columns } => {
                    let (mut gain, mut loss) = (zero, zero);
                    for (v, z) in adjoint.iter_mut().enumerate() {
                        let (leaf, difference) = tip::<S>(unit.columns, rank, missing, columns, vector + v);
                        let mut own = *z;
                        if !first {
                            let before = read::<S, N>(tops, at, v);
                            own = [S::mul(z[0], before[0]), S::mul(z[1], before[1])];
                            *z = [S::mul(z[0], leaf[0]), S::mul(z[1], leaf[1])];
                        }
                        gain = S::mul_add(own[0], difference, gain);
                        loss = S::mul_add(own[1], difference, loss);
                    }
                    add_to(unit.tree.tips()[rank as usize] as usize, gain, loss);
                }
                Op::Cluster { .. } => {}
                Op::Carry { node, .. } | Op::CarryShort { node, .. } => {
                    let (p01, p10, p00, p11) = match *op {
                        Op::Carry { p, .. } => (p[0][1], p[1][0], p[0][0], p[1][1]),
                        Op::CarryShort { gain, loss, .. } => (gain, loss, 1.0 - gain, 1.0 - loss),
                        _ => (0.0, 0.0, 1.0, 1.0),
                    };
                    let [p01, p10, p00, p11] = [p01, p10, p00, p11].map(|p| S::splat(p));
                    let (mut gain, mut loss) = (zero, zero);
                    for (v, z) in adjoint.iter_mut().enumerate() {
                        let [x, y] = read::<S, N>(tops, at, v);
                        let difference = S::sub(y, x);
                        gain = S::mul_add(z[0], difference, gain);
                        loss = S::mul_add(z[1], difference, loss);
                        *z = [S::mul_add(p10, z[1], S::mul(p00, z[0])), S::mul_add(p01, z[0], S::mul(p11, z[1]))];
                    }
                    add_to(node as usize, gain, loss);
                }
                Op::Push => {
                    level -= 1;
                    for (v, z) in adjoint.iter_mut().enumerate() {
                        *z = read::<S, N>(adjoints, level, v);
                    }
                }
                Op::MultiplyPopped => {
                    let from = partners.pop().unwrap_or_default();
                    for (v, z) in adjoint.iter_mut().enumerate() {
                        let before = read::<S, N>(tops, at, v);
                        let other = read::<S, N>(tops, from, v);
                        let own = [S::mul(z[0], before[0]), S::mul(z[1], before[1])];
                        write::<S, N>(adjoints, level, v, own);
                        *z = [S::mul(z[0], other[0]), S::mul(z[1], other[1])];
                    }
                    level += 1;
                }
                Op::Rescale { rounds, .. } => {
                    for (v, z) in adjoint.iter_mut().enumerate() {
                        if let Some((factor, _, _)) = rescaling::<S>(read::<S, N>(tops, at, v), rounds) {
                            *z = [S::mul(z[0], factor), S::mul(z[1], factor)];
                        }
                    }
                }
            }
        }
    }
}
