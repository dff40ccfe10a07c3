//! Value and exact gradient in lanes: a program runs forward, leaving on a tape what the way back needs, and then
//! backward, carrying adjoints. One reverse sweep gives the derivative by every branch's two probabilities of
//! change, from which those by rates and lengths follow.
//!
//! Folded subtrees are leaves: what each of their patterns contributes is read from a table, and what comes back is
//! summed by pattern, for [`super::folds`] to carry on below. Families go through in stretches: each table is read for
//! all families of a stretch before the next one is, so that it is in the nearest cache while it is in use.
#![allow(unsafe_code)]

mod backward;
mod leaves;
mod rows;
mod sweeps;

use super::lanes::BLOCK_FAMILIES;
use super::program::{Op, Program};
use super::simd::{InstructionSet, Line, Simd, for_every_set};
use super::sums::{Sums, UNIT_FAMILIES};
use crate::states::TipStates;
use crate::tree::Tree;

/// Families whose leaves are read, and summed up, together: so many that a table is used often while it is near, and so
/// few that the leaves of a tree of some hundred tips stay in the second cache. A multiple of every block.
const STRETCH_FAMILIES: usize = 512;

/// Memory of one worker.
#[derive(Default)]
pub(crate) struct Tape {
    /// What the instructions leave for the way back, in rows of a vector for each vector of families.
    entries: Vec<Line>,
    steps: Vec<Step>,
    /// Adjoints of the top at the root, then of what waits.
    adjoints: Vec<Line>,
    /// What each folded subtree contributes to each family of a stretch, two rows each; on the way back, its adjoints.
    leaves: Vec<Line>,
    sums: Vec<Line>,
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
    // SAFETY: the set is one of those that the processor has, and the range lies within the columns.
    unsafe { blocks_on(set, unit, out, left_over, tape) }
}

/// What is done at once, and where it leaves its part of the tape.
#[derive(Clone, Copy)]
struct Step {
    action: Action,
    /// Its first row.
    row: u32,
    /// Of a product with what was put aside: the first row of the step that did so.
    partner: u32,
}

/// What is done at once, forward and backward.
#[derive(Clone, Copy)]
enum Action {
    /// One instruction.
    One(Op),
    /// A folded subtree's leaf joins, and the product is carried along a branch: nothing lies on the tape between.
    LeafAndCarry { cluster: u32, node: u32, gain: f64, loss: f64 },
}

impl Tape {
    /// Makes steps of the instructions. Returns the number of rows.
    fn lay_out(&mut self, program: &Program) -> usize {
        let mut aside = Vec::with_capacity(program.depth);
        let mut next = 0;
        self.steps.clear();
        let mut ops = program.ops.iter().copied().peekable();
        while let Some(op) = ops.next() {
            let carry = |next: &Op| matches!(next, Op::CarryShort { .. });
            let action = match op {
                Op::Cluster { first: false, cluster } => match ops.next_if(carry) {
                    Some(Op::CarryShort { node, gain, loss }) => Action::LeafAndCarry { cluster, node, gain, loss },
                    _ => Action::One(op),
                },
                _ => Action::One(op),
            };
            let partner = match op {
                Op::Push => {
                    aside.push(next);
                    0
                }
                // The builder of schedules pops only what it pushed.
                Op::MultiplyPopped => aside.pop().unwrap_or_default(),
                _ => 0,
            };
            self.steps.push(Step { action, row: next, partner });
            next += match op {
                Op::Tip { first: true, .. } | Op::Cluster { first: true, .. } => 0,
                // Only the difference of the two states, or the factor.
                Op::Carry { .. } | Op::CarryShort { .. } | Op::Rescale { .. } => 1,
                _ => 2,
            };
        }
        next as usize
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
    const { assert!(STRETCH_FAMILIES.is_multiple_of(BLOCK_FAMILIES)) };
    let nodes = unit.tree.node_count();
    let rows = tape.lay_out(unit.program);
    Line::make_room(&mut tape.entries, rows * N * S::WIDTH);
    Line::make_room(&mut tape.leaves, unit.folded.starts.len() * 2 * STRETCH_FAMILIES);
    Line::make_room(&mut tape.adjoints, (unit.program.depth + 1) * 2 * N * S::WIDTH);
    tape.sums.clear();
    Line::make_room(&mut tape.sums, (nodes + 1) * 2 * S::WIDTH);
    for (index, out) in out.chunks_mut(STRETCH_FAMILIES).enumerate() {
        let first = index * STRETCH_FAMILIES;
        let count = out.len().div_ceil(N * S::WIDTH);
        // SAFETY: the caller vouches for the instruction set; the tape was made to measure above.
        unsafe {
            leaves::read::<S, N>(unit, first, count, tape);
            for (block, out) in out.chunks_mut(N * S::WIDTH).enumerate() {
                let place =
                    sweeps::Place { local: first + block * N * S::WIDTH, leaves: block * unit.folded.starts.len() };
                sweeps::block::<S, N>(unit, place, tape, out, left_over);
            }
            leaves::sum::<S, N>(unit, first, count, tape);
        }
    }
    let sums = Line::doubles(&tape.sums);
    let lanes = |at: usize| sums[at * S::WIDTH..(at + 1) * S::WIDTH].iter().sum::<f64>();
    Sums {
        branches: (0..nodes).map(|node| [lanes(2 * node), -lanes(2 * node + 1)]).collect(),
        prior: [lanes(2 * nodes), lanes(2 * nodes + 1)],
    }
}
