//! Posteriors in lanes: a program runs forward, leaving the partials of every node on a tape, and backward, carrying
//! adjoints; where both meet stands what probably happened at a node or on a branch. Rate categories are averaged by
//! their share of each family's likelihood.
//!
//! At every branch the posteriors of its two ends must add up to a family's weight. Families for which they don't,
//! because ordinary numbers can't carry them, are left over, as are those whose partials became too small.
//!
//! Leaves out which families go together and what is done with the result (see [`crate::posterior`]).
#![allow(unsafe_code)]

mod branches;
mod meeting;
mod sweeps;

use super::lanes::BLOCK_FAMILIES;
use super::program::{self, Program};
use super::rate_program::{RateOp, RateProgram};
use super::simd::{InstructionSet, Line, Simd, for_every_set};
use crate::posterior::{BranchChanges, FamilyChange};
use crate::states::TipStates;
use crate::tree::Tree;

use branches::{Branches, Own, Same};
pub(crate) use branches::{OwnRates, SameRates};

/// An instruction; branches are looked up by node.
#[derive(Debug, Clone, Copy)]
enum Op {
    Tip { first: bool, tip: u32, missing: bool },
    Carry { node: u32 },
    Push,
    MultiplyPopped,
    Rescale { rounds: u32, risky: bool },
}

/// An instruction, and where it leaves its part of the tape.
#[derive(Debug, Clone, Copy)]
struct Step {
    op: Op,
    /// Its first row.
    row: u32,
    /// Of a product with what was put aside: the first row of the step that did so.
    partner: u32,
}

/// The steps of one rate category.
pub(crate) struct Steps {
    steps: Vec<Step>,
    rows: usize,
    depth: usize,
    risky_root: bool,
}

impl Steps {
    /// Of a program without clusters.
    pub(crate) fn of(program: &Program) -> Self {
        let ops = program.ops.iter().filter_map(|&op| match op {
            program::Op::Tip { first, tip, missing, .. } => Some(Op::Tip { first, tip, missing }),
            program::Op::Carry { node, .. } | program::Op::CarryShort { node, .. } => Some(Op::Carry { node }),
            program::Op::Push => Some(Op::Push),
            program::Op::MultiplyPopped => Some(Op::MultiplyPopped),
            program::Op::Rescale { rounds, risky } => Some(Op::Rescale { rounds, risky }),
            // Schedules without clusters have none.
            program::Op::Cluster { .. } => None,
        });
        Self::laid_out(ops, program.depth, program.risky_root)
    }

    /// Of a program for rates that differ.
    pub(crate) fn of_own(program: &RateProgram) -> Self {
        let ops = program.ops.iter().map(|&op| match op {
            RateOp::Tip { first, tip, missing, .. } => Op::Tip { first, tip, missing },
            RateOp::Carry { node, .. } => Op::Carry { node },
            RateOp::Push => Op::Push,
            RateOp::MultiplyPopped => Op::MultiplyPopped,
            RateOp::Rescale { rounds, risky } => Op::Rescale { rounds, risky },
        });
        Self::laid_out(ops, program.depth, program.risky_root)
    }

    fn laid_out(ops: impl Iterator<Item = Op>, depth: usize, risky_root: bool) -> Self {
        let mut aside = Vec::with_capacity(depth);
        let mut next = 0;
        let steps = ops
            .map(|op| {
                let partner = match op {
                    Op::Push => {
                        aside.push(next);
                        0
                    }
                    // The builder of schedules pops only what it pushed.
                    Op::MultiplyPopped => aside.pop().unwrap_or_default(),
                    _ => 0,
                };
                let step = Step { op, row: next, partner };
                next += match op {
                    Op::Tip { first: true, .. } => 0,
                    Op::Rescale { .. } => 1,
                    _ => 2,
                };
                step
            })
            .collect();
        Self { steps, rows: next as usize, depth, risky_root }
    }
}

/// The rates of a unit, a rate category each, with its steps.
pub(crate) enum Categories<'a> {
    /// The same for all families.
    Same(&'a [(Steps, SameRates)]),
    /// Each family's own, the unit's first family's first.
    Own(&'a [(Steps, OwnRates)]),
}

/// What is wanted of each unit.
#[derive(Clone, Copy)]
pub(crate) struct Needs {
    /// States at inner nodes.
    pub(crate) states: bool,
    /// Changes on branches; those are listed where a gain or a loss is at least this probable.
    pub(crate) changes: Option<f64>,
}

/// Columns that go through together.
pub(crate) struct Unit<'a> {
    pub(crate) tree: &'a Tree,
    pub(crate) states: &'a TipStates,
    /// The first column, a multiple of [`BLOCK_FAMILIES`].
    pub(crate) first: usize,
    pub(crate) count: usize,
    pub(crate) categories: Categories<'a>,
    /// How many families each column stands for, padded to whole blocks.
    pub(crate) weights: &'a [f64],
    /// Place of every inner node among these; any number for tips.
    pub(crate) place_of: &'a [u32],
    pub(crate) inner: usize,
    pub(crate) needs: Needs,
}

/// What came of a unit.
#[derive(Default)]
pub(crate) struct Found {
    /// Probabilities of presence, column by column, each over the inner nodes; NaN where impossible, void where left
    /// over.
    pub(crate) present: Vec<f64>,
    /// By node, over the columns that are not left over, each as often as it weighs.
    pub(crate) sums: Vec<BranchChanges>,
    /// Changes probable enough, in no order; families are columns of the unit.
    pub(crate) listed: Vec<FamilyChange>,
    /// Columns that the reference kernel must compute.
    pub(crate) left_over: Vec<bool>,
}

/// Memory of one worker.
#[derive(Default)]
pub(crate) struct Tape {
    entries: Vec<Line>,
    /// Adjoints of what waits.
    aside: Vec<Line>,
    /// Of every inner node: probability of presence.
    present: Vec<Line>,
    /// Of every node: gain and loss, over the categories so far.
    changes: Vec<Line>,
    /// Of every category: its share of each family's likelihood.
    shares: Vec<Line>,
    /// Of every node: sums of gains, losses and both kinds of events.
    sums: Vec<Line>,
}

/// Computes a unit. `found.left_over` says beforehand which columns are not to be looked at, and afterwards also which
/// ordinary numbers can't carry; `found` is made to measure.
pub(crate) fn run(set: InstructionSet, unit: &Unit<'_>, tape: &mut Tape, found: &mut Found) {
    assert!(unit.first.is_multiple_of(BLOCK_FAMILIES) && unit.first + unit.count <= unit.states.family_count());
    let padded = unit.count.next_multiple_of(BLOCK_FAMILIES);
    assert!(unit.weights.len() >= padded && unit.place_of.len() == unit.tree.node_count());
    if let Categories::Own(own) = &unit.categories {
        assert!(own.iter().all(|(_, rates)| rates.len() >= padded && rates.lengths.len() == unit.tree.node_count()));
    }
    if let Categories::Same(same) = &unit.categories {
        assert!(same.iter().all(|(_, rates)| rates.nodes.len() == unit.tree.node_count()));
    }
    found.present.resize(if unit.needs.states { unit.count * unit.inner } else { 0 }, 0.0);
    found.left_over.resize(unit.count, false);
    loop {
        found.listed.clear();
        // SAFETY: the set is one of those that the processor has; the range lies within the columns, whose rows are
        // padded to whole blocks, as are weights and rates.
        if unsafe { blocks_on(set, unit, tape, found) } {
            return;
        }
        // Sums hold what must not be in them: once more, without the columns that turned out to be odd.
    }
}

for_every_set! {
    fn blocks_on(unit: &Unit<'_>, tape: &mut Tape, found: &mut Found) -> bool = blocks[2, 4, 2]
}

/// All blocks of a unit. `false` where sums are void because a column was left over too late.
///
/// # Safety
/// The processor must have the instruction set of `S`; the unit must be as [`run`] asks for.
#[inline(always)]
unsafe fn blocks<S: Simd, const N: usize>(unit: &Unit<'_>, tape: &mut Tape, found: &mut Found) -> bool {
    // SAFETY: the caller vouches for instruction set and unit.
    let sound = unsafe {
        match &unit.categories {
            Categories::Same(all) => {
                let all: Vec<_> = all.iter().map(|(steps, rates)| (steps, Same { rates })).collect();
                every::<S, N, _>(unit, &all, tape, found)
            }
            Categories::Own(all) => {
                let all: Vec<_> = all.iter().map(|(steps, rates)| (steps, Own { rates })).collect();
                every::<S, N, _>(unit, &all, tape, found)
            }
        }
    };
    let nodes = if unit.needs.changes.is_some() { unit.tree.node_count() } else { 0 };
    let sums = Line::doubles(&tape.sums);
    let lanes = |at: usize| sums[at * S::WIDTH..(at + 1) * S::WIDTH].iter().sum::<f64>();
    found.sums.clear();
    found.sums.extend((0..nodes).map(|node| BranchChanges {
        gains: lanes(4 * node),
        losses: lanes(4 * node + 1),
        gain_events: lanes(4 * node + 2),
        loss_events: lanes(4 * node + 3),
    }));
    sound
}

/// # Safety
/// As [`blocks`].
#[inline(always)]
unsafe fn every<S: Simd, const N: usize, B: Branches<S>>(
    unit: &Unit<'_>,
    categories: &[(&Steps, B)],
    tape: &mut Tape,
    found: &mut Found,
) -> bool {
    let lanes = N * S::WIDTH;
    let Needs { states, changes } = unit.needs;
    let nodes = if changes.is_some() { unit.tree.node_count() } else { 0 };
    let most = |of: fn(&Steps) -> usize| categories.iter().map(|(steps, _)| of(steps)).max().unwrap_or_default();
    Line::make_room(&mut tape.entries, (most(|steps| steps.rows) + 2) * lanes);
    Line::make_room(&mut tape.aside, (most(|steps| steps.depth) + 1) * 2 * lanes);
    Line::make_room(&mut tape.present, if states { unit.inner * lanes } else { 0 });
    Line::make_room(&mut tape.changes, if categories.len() > 1 { nodes * 2 * lanes } else { 0 });
    Line::make_room(&mut tape.shares, categories.len() * lanes);
    tape.sums.clear();
    Line::make_room(&mut tape.sums, nodes * 4 * S::WIDTH);
    let mut sound = true;
    for first in (0..unit.count).step_by(lanes) {
        // SAFETY: the caller vouches for the instruction set; the tape was made to measure.
        sound &= unsafe { sweeps::block::<S, N, B>(unit, categories, first, tape, found) };
        if states {
            transpose(unit, Line::doubles(&tape.present), lanes, first, &mut found.present);
        }
    }
    sound
}

/// From a row a node to a row a column.
#[inline(always)]
fn transpose(unit: &Unit<'_>, from: &[f64], lanes: usize, first: usize, to: &mut [f64]) {
    /// Nodes whose rows stay in the nearest cache.
    const NODES: usize = 64;
    let inner = unit.inner;
    let count = lanes.min(unit.count - first);
    for start in (0..inner).step_by(NODES) {
        let end = (start + NODES).min(inner);
        for lane in 0..count {
            let row = &mut to[(first + lane) * inner + start..(first + lane) * inner + end];
            let column = from[start * lanes + lane..].iter().step_by(lanes);
            row.iter_mut().zip(column).for_each(|(to, &from)| *to = from.clamp(0.0, 1.0));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Rates, RootPrior};
    use crate::newick::{MissingLengths, parse};
    use crate::states::State;
    use std::path::Path;

    /// Steps whose author saw no danger, and rates that are one: scaling up makes infinite what the other state of the
    /// root would have made of it.
    #[test]
    fn families_whose_posteriors_do_not_add_up_are_left_over_and_not_summed() {
        let tree = parse("(a:0,b:1);", Path::new("t"), MissingLengths::Refuse).unwrap();
        let mut states = TipStates::absent(vec![String::new(); 70], 2);
        for family in [3, 69] {
            states.set(0, family, State::Present);
        }
        let tiny = 2f64.powi(-300);
        let prior = RootPrior::Fixed([1.0, tiny * tiny * tiny]);
        let ops = [
            Op::Tip { first: true, tip: 0, missing: false },
            Op::Tip { first: false, tip: 1, missing: false },
            Op::Rescale { rounds: 1, risky: false },
        ];
        let steps = Steps::laid_out(ops.into_iter(), 0, false);
        let categories = [(steps, SameRates::new(&tree, Rates { gain: 0.5, loss: tiny }, prior))];
        let mut weights = vec![1.0; 70];
        weights.resize(128, 0.0);
        let unit = Unit {
            tree: &tree,
            states: &states,
            first: 0,
            count: 70,
            categories: Categories::Same(&categories),
            weights: &weights,
            place_of: &[0, 0, 0],
            inner: 1,
            needs: Needs { states: true, changes: Some(0.5) },
        };
        for set in InstructionSet::available() {
            let mut found = Found::default();
            run(set, &unit, &mut Tape::default(), &mut found);
            let left: Vec<usize> = (0..70).filter(|&column| found.left_over[column]).collect();
            assert_eq!(left, [3, 69], "{}", set.name());
            let others = (0..70).filter(|column| !left.contains(column));
            assert!(others.map(|column| found.present[column]).all(|present| present < 1e-9));
            // The others are absent throughout.
            assert!(found.sums.iter().all(|sum| sum.gains < 1e-9 && sum.losses < 1e-9), "{:?}", found.sums);
            assert!(found.listed.is_empty());
        }
    }
}
