//! Value and exact gradient in lanes: a program runs forward, leaving on a tape what the way back needs, and then
//! backward, carrying adjoints. One reverse sweep gives the derivative by every branch's two probabilities of
//! change, from which those by rates and lengths follow.
//!
//! Folded subtrees are leaves: what each of their patterns contributes is read from a table, and what comes back is
//! summed by pattern, for [`super::folds`] to carry on below.
#![allow(unsafe_code)]

mod sweeps;

use super::lanes::BLOCK_FAMILIES;
use super::program::{Op, Program};
use super::simd::{InstructionSet, Simd, for_every_set};
use super::sums::{Sums, UNIT_FAMILIES};
use crate::states::TipStates;
use crate::tree::Tree;

/// Memory of one worker.
#[derive(Default)]
pub(crate) struct Tape {
    /// The top before every instruction, then after the last, then what every folded subtree contributed.
    entries: Vec<f64>,
    /// For every product with what was put aside, the instruction that did so.
    partners: Vec<u32>,
    adjoints: Vec<f64>,
    sums: Vec<f64>,
    /// Sums of the adjoints of every entry of every folded subtree.
    pub(super) folded: Vec<[f64; 2]>,
}

/// What the lanes know of folded subtrees.
pub(crate) struct Folded<'a> {
    /// What every entry contributes; those of subtree `i` from `starts[i]`.
    pub(crate) values: &'a [[f64; 2]],
    pub(crate) starts: &'a [u32],
    /// Place of every family's entry behind its subtree's start, in doubles; a row a subtree, padded to whole blocks.
    pub(crate) places: &'a [u16],
    pub(crate) stride: usize,
}

/// One unit's task.
pub(crate) struct Unit<'a> {
    pub(crate) tree: &'a Tree,
    pub(crate) program: &'a Program,
    pub(crate) states: &'a TipStates,
    pub(crate) folded: Folded<'a>,
    /// Weight of every family, padded to whole units.
    pub(crate) weights: &'a [f64],
    pub(crate) first: usize,
}

/// Log-likelihoods of a unit's families, and the sums; those of folded subtrees' entries stay in the tape, from
/// the same places as their values. Families that ordinary numbers can't carry are left out of the sums and pushed to
/// `left_over`; impossible ones (minus infinity) are left out too.
pub(crate) fn run(
    set: InstructionSet,
    unit: &Unit<'_>,
    out: &mut [f64],
    left_over: &mut Vec<u32>,
    tape: &mut Tape,
) -> Sums {
    let folded = &unit.folded;
    assert!(unit.first.is_multiple_of(UNIT_FAMILIES));
    assert!(unit.first + out.len() <= unit.states.family_count());
    assert!(unit.weights.len() >= unit.first + out.len().next_multiple_of(BLOCK_FAMILIES));
    assert!(folded.starts.is_empty() || folded.stride >= out.len().next_multiple_of(BLOCK_FAMILIES));
    assert!(folded.places.len() >= folded.starts.len() * folded.stride);
    tape.folded.clear();
    tape.folded.resize(folded.values.len(), [0.0; 2]);
    tape.lay_out(unit.program);
    // SAFETY: the set is one of those that the processor has, and the range lies within the columns.
    unsafe { blocks_on(set, unit, out, left_over, tape) }
}

impl Tape {
    /// Finds which results meet again.
    fn lay_out(&mut self, program: &Program) {
        let mut aside = Vec::with_capacity(program.depth);
        self.partners.clear();
        self.partners.resize(program.ops.len(), 0);
        for (at, op) in program.ops.iter().enumerate() {
            match op {
                Op::Push => aside.push(at as u32),
                // The builder of schedules pops only what it pushed.
                Op::MultiplyPopped => self.partners[at] = aside.pop().unwrap_or_default(),
                _ => {}
            }
        }
    }
}

for_every_set! {
    fn blocks_on(unit: &Unit<'_>, out: &mut [f64], left_over: &mut Vec<u32>, tape: &mut Tape) -> Sums = blocks[4, 4, 2]
}

/// # Safety
/// The processor must have the instruction set of `S`; the unit must be as [`run`] asks for.
#[inline(always)]
unsafe fn blocks<S: Simd, const N: usize>(
    unit: &Unit<'_>,
    out: &mut [f64],
    left_over: &mut Vec<u32>,
    tape: &mut Tape,
) -> Sums {
    let nodes = unit.tree.node_count();
    let entries = unit.program.ops.len() + 1 + unit.folded.starts.len();
    tape.entries.resize(entries * 2 * N * S::WIDTH, 0.0);
    tape.adjoints.resize(unit.program.depth * 2 * N * S::WIDTH, 0.0);
    tape.sums.clear();
    tape.sums.resize((nodes + 1) * 2 * S::WIDTH, 0.0);
    for (index, out) in out.chunks_mut(N * S::WIDTH).enumerate() {
        // SAFETY: the caller vouches for the instruction set; the tape was made to measure above.
        unsafe { sweeps::block::<S, N>(unit, index * N * S::WIDTH, tape, out, left_over) };
    }
    let lanes = |at: usize| tape.sums[at * S::WIDTH..(at + 1) * S::WIDTH].iter().sum::<f64>();
    Sums {
        branches: (0..nodes).map(|node| [lanes(2 * node), -lanes(2 * node + 1)]).collect(),
        prior: [lanes(2 * nodes), lanes(2 * nodes + 1)],
    }
}
