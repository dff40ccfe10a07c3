//! Families in vector lanes: blocks of N vectors go through a program together, the top of the stack in registers.
//!
//! Leaves out which families share a block and on which thread (see [`super::evaluator`]).
#![allow(unsafe_code)]

use super::program::{Op, Program};
use super::rate_program::{RateOp, RateProgram};
use super::schedule::Codes;
use super::simd::{InstructionSet, Line, Simd, decay, for_every_set};
use super::top::Top;
use crate::states::TipStates;

/// Families that every block divides: chunks start at multiples of it.
pub(crate) const BLOCK_FAMILIES: usize = 64;

/// What the lanes read, beside the program.
pub(crate) struct Columns<'a> {
    pub(crate) states: &'a TipStates,
    pub(crate) codes: &'a Codes,
}

/// Memory of one worker.
#[derive(Default)]
pub(crate) struct Scratch {
    stack: Vec<Line>,
}

/// Log-likelihoods of families `first..first + out.len()`, `first` a multiple of [`BLOCK_FAMILIES`]. Families
/// that ordinary numbers can't carry are pushed to `left_over`, and what stands in `out` for them is void.
pub(crate) fn run(
    set: InstructionSet,
    program: &Program,
    columns: &Columns<'_>,
    first: usize,
    out: &mut [f64],
    left_over: &mut Vec<u32>,
    scratch: &mut Scratch,
) {
    check_range(columns.states, first, out.len());
    // SAFETY: the set is one of those that the processor has, and the range lies within the columns.
    unsafe { run_on(set, program, columns, first, out, left_over, scratch) }
}

for_every_set! {
    fn run_on(
        program: &Program,
        columns: &Columns<'_>,
        first: usize,
        out: &mut [f64],
        left_over: &mut Vec<u32>,
        scratch: &mut Scratch,
    ) = blocks[8, 4, 2]
}

/// As [`run`], for families each with rates of its own.
pub(crate) fn run_rates(
    set: InstructionSet,
    program: &RateProgram,
    states: &TipStates,
    first: usize,
    out: &mut [f64],
    left_over: &mut Vec<u32>,
    scratch: &mut Scratch,
) {
    check_range(states, first, out.len());
    // SAFETY: as above; the program's rates are padded like the columns.
    unsafe { run_rates_on(set, program, states, first, out, left_over, scratch) }
}

for_every_set! {
    fn run_rates_on(
        program: &RateProgram,
        states: &TipStates,
        first: usize,
        out: &mut [f64],
        left_over: &mut Vec<u32>,
        scratch: &mut Scratch,
    ) = rate_blocks[4, 2, 2]
}

fn check_range(states: &TipStates, first: usize, count: usize) {
    assert!(first.is_multiple_of(BLOCK_FAMILIES) && first + count <= states.family_count());
}

/// # Safety
/// The processor must have the instruction set of `S`; families `first..first + out.len()` must be within the
/// columns, whose rows are padded to whole blocks.
#[inline(always)]
unsafe fn blocks<S: Simd, const N: usize>(
    program: &Program,
    columns: &Columns<'_>,
    first: usize,
    out: &mut [f64],
    left_over: &mut Vec<u32>,
    scratch: &mut Scratch,
) {
    Line::make_room(&mut scratch.stack, program.depth * 2 * N * S::WIDTH);
    let stack = scratch.stack.as_mut_ptr().cast();
    let mut from = first;
    for out in out.chunks_mut(N * S::WIDTH) {
        // SAFETY: the caller vouches for instruction set and range; the stack holds the program's depth.
        unsafe { block::<S, N>(program, columns, from, stack, out, left_over) };
        from += N * S::WIDTH;
    }
}

#[inline(always)]
unsafe fn block<S: Simd, const N: usize>(
    program: &Program,
    columns: &Columns<'_>,
    first: usize,
    stack: *mut f64,
    out: &mut [f64],
    left_over: &mut Vec<u32>,
) {
    let vector = first / S::WIDTH;
    let mut level = 0;
    // SAFETY: see `blocks`; every row read below is padded to whole blocks, every push has its pop.
    unsafe {
        let mut top = Top::<S, N>::new();
        for op in &program.ops {
            match *op {
                Op::Tip { first, tip, missing, columns: [absent, present] } => {
                    let row = columns.states.present_row(tip as usize).as_ptr();
                    let (a0, a1) = (S::splat(absent[0]), S::splat(absent[1]));
                    let (p0, p1) = (S::splat(present[0]), S::splat(present[1]));
                    if !missing {
                        for v in 0..N {
                            let mask = S::mask(row, vector + v);
                            top.join(first, v, [S::select(mask, a0, p0), S::select(mask, a1, p1)]);
                        }
                    } else if let Some(unknown) = columns.states.missing_row(tip as usize) {
                        let one = S::splat(1.0);
                        for v in 0..N {
                            let mask = S::mask(row, vector + v);
                            let unknown = S::mask(unknown.as_ptr(), vector + v);
                            let pair = [S::select(mask, a0, p0), S::select(mask, a1, p1)];
                            top.join(first, v, pair.map(|known| S::select(unknown, known, one)));
                        }
                    }
                }
                Op::Cluster { first, cluster } => {
                    let codes = columns.codes.of(cluster, vector * S::WIDTH).as_ptr();
                    let table = &program.tables[cluster as usize];
                    for v in 0..N {
                        top.join(first, v, S::look_up(table, codes, v));
                    }
                }
                Op::Carry { p, .. } => {
                    let p = p.map(|row| row.map(|x| S::splat(x)));
                    for v in 0..N {
                        let (x, y) = (top.absent[v], top.present[v]);
                        top.absent[v] = S::mul_add(p[0][1], y, S::mul(p[0][0], x));
                        top.present[v] = S::mul_add(p[1][1], y, S::mul(p[1][0], x));
                    }
                }
                Op::CarryShort { gain, loss, .. } => {
                    let (gain, loss) = (S::splat(gain), S::splat(loss));
                    for v in 0..N {
                        let (x, y) = (top.absent[v], top.present[v]);
                        let difference = S::sub(y, x);
                        top.absent[v] = S::mul_add(gain, difference, x);
                        top.present[v] = S::neg_mul_add(loss, difference, y);
                    }
                }
                Op::Push => {
                    top.push(stack, level);
                    level += 1;
                }
                Op::MultiplyPopped => {
                    level -= 1;
                    top.multiply_popped(stack, level);
                }
                Op::Rescale { rounds, risky } => top.rescale(rounds, risky),
            }
        }
        let prior = program.prior.map(|p| S::splat(p));
        top.finish(|_| prior, program.risky_root, first, out, left_over);
    }
}

/// # Safety
/// As [`blocks`].
#[inline(always)]
unsafe fn rate_blocks<S: Simd, const N: usize>(
    program: &RateProgram,
    states: &TipStates,
    first: usize,
    out: &mut [f64],
    left_over: &mut Vec<u32>,
    scratch: &mut Scratch,
) {
    Line::make_room(&mut scratch.stack, program.depth * 2 * N * S::WIDTH);
    let stack = scratch.stack.as_mut_ptr().cast();
    let mut from = first;
    for out in out.chunks_mut(N * S::WIDTH) {
        // SAFETY: the caller vouches for instruction set and range; the stack holds the program's depth.
        unsafe { rate_block::<S, N>(program, states, from, stack, out, left_over) };
        from += N * S::WIDTH;
    }
}

#[inline(always)]
unsafe fn rate_block<S: Simd, const N: usize>(
    program: &RateProgram,
    states: &TipStates,
    first: usize,
    stack: *mut f64,
    out: &mut [f64],
    left_over: &mut Vec<u32>,
) {
    let vector = first / S::WIDTH;
    let mut level = 0;
    // SAFETY: see `rate_blocks`; rates are padded to whole blocks.
    unsafe {
        let lanes = |values: &[f64], v: usize| S::load(values.as_ptr().add(first + v * S::WIDTH));
        let mut top = Top::<S, N>::new();
        for op in &program.ops {
            match *op {
                RateOp::Tip { first, tip, missing, length } => {
                    let row = states.present_row(tip as usize).as_ptr();
                    let unknown = if missing { states.missing_row(tip as usize) } else { None };
                    let (zero, one) = (S::splat(0.0), S::splat(1.0));
                    for v in 0..N {
                        let (changed, kept) = decay::<S>(S::mul(lanes(&program.minus_total, v), S::splat(length)));
                        let mask = S::mask(row, vector + v);
                        // From state s to the tip's state: its stationary share of the change, plus what is kept if equal.
                        let share = S::select(mask, lanes(&program.absent, v), lanes(&program.present, v));
                        let base = S::mul(share, changed);
                        let mut pair =
                            [S::add(base, S::select(mask, kept, zero)), S::add(base, S::select(mask, zero, kept))];
                        if let Some(unknown) = unknown {
                            let unknown = S::mask(unknown.as_ptr(), vector + v);
                            pair = pair.map(|known| S::select(unknown, known, one));
                        }
                        top.join(first, v, pair);
                    }
                }
                RateOp::Carry { length, .. } => {
                    for v in 0..N {
                        let (changed, kept) = decay::<S>(S::mul(lanes(&program.minus_total, v), S::splat(length)));
                        let (x, y) = (top.absent[v], top.present[v]);
                        let mean = S::mul_add(lanes(&program.absent, v), x, S::mul(lanes(&program.present, v), y));
                        let mixed = S::mul(mean, changed);
                        top.absent[v] = S::mul_add(kept, x, mixed);
                        top.present[v] = S::mul_add(kept, y, mixed);
                    }
                }
                RateOp::Push => {
                    top.push(stack, level);
                    level += 1;
                }
                RateOp::MultiplyPopped => {
                    level -= 1;
                    top.multiply_popped(stack, level);
                }
                RateOp::Rescale { rounds, risky } => top.rescale(rounds, risky),
            }
        }
        let risky = program.risky_root;
        match program.prior {
            Some(prior) => {
                let prior = prior.map(|p| S::splat(p));
                top.finish(|_| prior, risky, first, out, left_over);
            }
            None => {
                let stationary = |v| [lanes(&program.absent, v), lanes(&program.present, v)];
                top.finish(stationary, risky, first, out, left_over);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::evaluator::Workers;
    use crate::kernel::schedule::{CODE_BITS, Schedule};
    use crate::model::{Rates, RootPrior};
    use crate::simulate::{Simulation, simulate};

    /// Also where no plan uses tables (AVX2), what they say must be right.
    #[test]
    fn tables_change_nothing_on_any_instruction_set() {
        for missing in [0.0, 0.03] {
            let request = Simulation { taxa: 23, families: 200, missing, seed: 9, ..Simulation::default() };
            compare(&simulate(&request).unwrap());
        }
    }

    fn compare(drawn: &crate::simulate::Simulated) {
        let rates = Rates { gain: 0.5, loss: 1.5 };
        let values = |set, bits| {
            let schedule = Schedule::new(&drawn.tree, &drawn.states, bits);
            let codes = Codes::new(&schedule, &drawn.states, &Workers::new(1).unwrap()).unwrap();
            let program = Program::new(&drawn.tree, &drawn.states, &schedule, rates, RootPrior::Stationary);
            let columns = Columns { states: &drawn.states, codes: &codes };
            let mut out = vec![0.0; 200];
            let mut left_over = Vec::new();
            run(set, &program, &columns, 0, &mut out, &mut left_over, &mut Scratch::default());
            assert!(left_over.is_empty());
            (out, schedule.clusters.len())
        };
        let (expected, none) = values(InstructionSet::Portable, 0);
        assert_eq!(none, 0);
        for set in InstructionSet::available() {
            for bits in [0, 2, CODE_BITS] {
                let (found, clusters) = values(set, bits);
                assert!(bits != CODE_BITS || clusters > 0);
                for (f, e) in found.iter().zip(&expected) {
                    assert!((f - e).abs() < 1e-12 * e.abs(), "{} {bits}: {f} {e}", set.name());
                }
            }
        }
    }
}
