//! Gradients with subtree repeats below and lanes above: subtrees with few distinct patterns are *folded*, each
//! pattern of theirs computed once, up for its value and down for its derivatives; above them families go through in
//! lanes, reading a folded subtree from a table and summing what comes back by pattern.
//!
//! Leaves out the sweeps themselves (see [`super::lane_gradient`], [`super::repeat_passes`]).

use std::ops::Range;

use super::lane_gradient::{self, Folded, Tape, Unit};
use super::lanes::BLOCK_FAMILIES;
use super::program::{Bound, Program};
use super::repeat_passes::PassScratch;
use super::repeats::{Limit, Repeats};
use super::schedule::Schedule;
use super::simd::InstructionSet;
use super::sums::{Sums, UNIT_FAMILIES};
use crate::model::Transition;
use crate::states::TipStates;
use crate::tree::Tree;

/// Columns whose subtrees are folded together: fixed, so that chunks and workers can't change a digit.
pub(crate) const FOLD_COLUMNS: usize = 16 * UNIT_FAMILIES;

/// Patterns of a folded subtree at most: tables of more leave the nearest cache.
const MOST_CLASSES: usize = 1024;
/// Columns for each pattern of a subtree that is worth folding: both ways, a pattern costs about as much as this many
/// columns in lanes.
const COLUMNS_A_CLASS: usize = 4;
/// Entries of a class that all columns have.
const SPREAD: usize = 16;
/// Tips of a folded subtree at most: its values then need no rescaling under ordinary rates.
const MOST_TIPS: usize = 64;
/// Below this neither a probability of change nor a pattern's value is left to ordinary numbers without rescaling: two
/// of them multiply to a normal number.
const SMALLEST: f64 = 3.054_936_363_499_605e-151;

/// Some columns with their folded subtrees.
pub(crate) struct Fold {
    columns: Range<usize>,
    repeats: Repeats,
    schedule: Schedule,
    /// Where the entries of each folded subtree begin among those of all.
    starts: Vec<u32>,
    /// Place among the classes of all operands of every entry. Frequent classes have several entries, which their
    /// columns take in turn: a sum can't take the next number before it has taken the last.
    entries: Vec<u32>,
    /// Place of every column's entry behind its subtree's first, in doubles; a row a subtree.
    rows: Vec<u16>,
    stride: usize,
}

/// Memory of one worker.
#[derive(Default)]
pub(crate) struct FoldScratch {
    passes: PassScratch,
    values: Vec<[f64; 2]>,
    tape: Tape,
}

/// One evaluation.
pub(crate) struct FoldTask<'a> {
    pub(crate) tree: &'a Tree,
    pub(crate) states: &'a TipStates,
    pub(crate) transitions: &'a [Transition],
    pub(crate) prior: [f64; 2],
    /// Weight of every column of the matrix, padded to whole blocks.
    pub(crate) weights: &'a [f64],
    /// The schedule without folds, for what ordinary numbers can't carry there.
    pub(crate) plain: &'a Schedule,
    pub(crate) set: InstructionSet,
}

impl Fold {
    /// Folds `columns`, which start at a multiple of [`FOLD_COLUMNS`].
    pub(crate) fn find(tree: &Tree, states: &TipStates, columns: Range<usize>) -> Self {
        let classes = (columns.len() / COLUMNS_A_CLASS).clamp(1, MOST_CLASSES);
        Self::of(Repeats::find_within(tree, states, columns.clone(), Limit { classes, tips: MOST_TIPS }), tree, columns)
    }

    /// Without folds.
    pub(crate) fn none(tree: &Tree, columns: Range<usize>) -> Self {
        Self::of(Repeats::none(tree, columns.clone()), tree, columns)
    }

    fn of(repeats: Repeats, tree: &Tree, columns: Range<usize>) -> Self {
        // A block more, or rows of whole units would all compete for the same places in the caches.
        let stride = columns.len().next_multiple_of(BLOCK_FAMILIES) + BLOCK_FAMILIES;
        let mut rows = vec![0; repeats.tops().len() * stride];
        let mut starts = Vec::with_capacity(repeats.tops().len());
        let mut entries = Vec::new();
        for (top, row) in repeats.tops().iter().zip(rows.chunks_exact_mut(stride)) {
            starts.push(entries.len() as u32);
            spread(&top.classes, repeats.classes_of(top.operand), &mut entries, row);
        }
        let folded: Vec<u32> = repeats.tops().iter().map(|top| top.node).collect();
        let schedule = Schedule::above(tree, &folded);
        Self { columns, repeats: repeats.without_classes(), schedule, starts, entries, rows, stride }
    }

    /// Log-likelihoods of the columns into `out`, and the weighted sums. Columns that ordinary numbers can't carry
    /// are left out of the sums and pushed to `left_over`; impossible ones count nothing.
    pub(crate) fn gradient(
        &self,
        task: &FoldTask<'_>,
        scratch: &mut FoldScratch,
        out: &mut [f64],
        left_over: &mut Vec<u32>,
    ) -> Sums {
        let FoldScratch { passes, values, tape } = scratch;
        let folds = !self.starts.is_empty() && self.fold_up(task, passes, values);
        if !folds {
            values.clear();
        }
        let subtrees = if folds { self.starts.len() } else { 0 };
        let bounds: Vec<Bound> =
            (0..subtrees).map(|index| Bound::of(self.values_of(index, values).iter().copied())).collect();
        let schedule = if folds { &self.schedule } else { task.plain };
        let program = Program::above(task.tree, task.states, schedule, task.transitions, task.prior, &bounds);
        let unit = Unit {
            tree: task.tree,
            program: &program,
            states: task.states,
            folded: Folded { values, starts: &self.starts[..subtrees], places: &self.rows, stride: self.stride },
            weights: task.weights,
            first: self.columns.start,
        };
        let mut sums = lane_gradient::run(task.set, &unit, out, left_over, tape);
        if folds {
            let adjoints = self.entries.iter().copied().zip(tape.folded.iter().copied());
            self.repeats.forest_down(task.transitions, adjoints, passes, &mut sums);
        }
        sums
    }

    /// Values of every pattern of every folded subtree; `false` if they are too small for ordinary numbers.
    fn fold_up(&self, task: &FoldTask<'_>, passes: &mut PassScratch, values: &mut Vec<[f64; 2]>) -> bool {
        let small = |x: f64| (x > 0.0) & (x < SMALLEST);
        if task.transitions.iter().any(|t| t.0.as_flattened().iter().any(|&p| small(p))) {
            return false;
        }
        let all = self.repeats.forest_up(task.transitions, passes);
        // In pieces without a way out of them, which take vectors.
        if all.as_flattened().chunks(256).any(|piece| piece.iter().fold(false, |found, &x| found | small(x))) {
            return false;
        }
        values.clear();
        values.extend(self.entries.iter().map(|&class| all[class as usize]));
        true
    }

    /// The part of a list over all entries that belongs to one subtree.
    fn values_of<'a>(&self, index: usize, all: &'a [[f64; 2]]) -> &'a [[f64; 2]] {
        let end = self.starts.get(index + 1).map_or(self.entries.len(), |&start| start as usize);
        &all[self.starts[index] as usize..end]
    }
}

/// Gives the classes of one subtree their entries, and the columns one each.
fn spread(classes: &[u32], places: Range<usize>, entries: &mut Vec<u32>, row: &mut [u16]) {
    let mut counts = vec![0usize; places.len()];
    classes.iter().for_each(|&class| counts[class as usize] += 1);
    // First entry, number of entries, the next to be taken.
    let mut own = Vec::with_capacity(places.len());
    let mut first = 0u16;
    for (place, count) in places.zip(counts) {
        let copies = (count * SPREAD / classes.len()).next_power_of_two().min(SPREAD) as u16;
        entries.extend(std::iter::repeat_n(place as u32, usize::from(copies)));
        own.push((first, copies, 0));
        first += copies;
    }
    for (to, &class) in row.iter_mut().zip(classes) {
        let (first, copies, next) = &mut own[class as usize];
        *to = 2 * (*first + *next);
        // A power of two.
        *next = (*next + 1) & (*copies - 1);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::kernel::evaluator::{Evaluator, Gradient, Workers};
    use crate::model::{Rates, RootPrior};
    use crate::monitor::Unwatched;
    use crate::plan::{Kernel, Plan};
    use crate::simulate::{Simulated, Simulation, simulate};

    fn drawn(taxa: usize, families: usize, missing: f64) -> Simulated {
        simulate(&Simulation { taxa, families, missing, seed: 5, ..Simulation::default() }).unwrap()
    }

    fn gradient(
        drawn: &Simulated,
        kernel: Kernel,
        set: InstructionSet,
        workers: usize,
        rates: Rates,
    ) -> (Vec<f64>, Gradient) {
        let plan = Plan { kernel, workers, ..Plan::default() };
        let threads = Arc::new(Workers::new(workers).unwrap());
        let (tree, states) = (Arc::new(drawn.tree.clone()), Arc::new(drawn.states.clone()));
        let evaluator = Evaluator::with_instruction_set(tree, states, None, plan, threads, set).unwrap();
        evaluator.gradient(rates, RootPrior::Stationary, None, &Unwatched).unwrap()
    }

    fn assert_close(found: &Gradient, expected: &Gradient, what: &str) {
        let all = |g: &Gradient| [&[g.gain, g.loss, g.prior[0], g.prior[1]], g.lengths.as_slice()].concat();
        for (i, (f, e)) in all(found).iter().zip(all(expected)).enumerate() {
            assert!((f - e).abs() <= 1e-9 * e.abs().max(1e-3), "{what}: {i}: {f:e} instead of {e:e}");
        }
    }

    /// Folded wholly, in part, in several stretches, with missing data; numbers that only the plain sweep can carry.
    #[test]
    fn folding_changes_no_gradient() {
        for (taxa, families, missing) in [(60, 300, 0.0), (60, 1300, 0.05), (4, 200, 0.0), (1, 10, 0.0)] {
            let drawn = drawn(taxa, families, missing);
            let columns = 0..drawn.states.family_count();
            let folds = Fold::find(&drawn.tree, &drawn.states, columns);
            assert!(taxa == 1 || folds.repeats.joins().len() > taxa / 2, "{taxa}: nothing is folded");
            assert_eq!(folds.schedule.steps.len() > 1, taxa == 60);
            for rates in [Rates { gain: 0.5, loss: 1.5 }, Rates { gain: 1e-160, loss: 0.3 }] {
                let (values, expected) = gradient(&drawn, Kernel::PerFamily, InstructionSet::Portable, 1, rates);
                for set in InstructionSet::available() {
                    for kernel in [Kernel::Lanes, Kernel::Patterns, Kernel::Repeats, Kernel::Auto] {
                        let what = format!("{taxa}x{families} {rates:?} {} {}", kernel.name(), set.name());
                        let (found, slope) = gradient(&drawn, kernel, set, 1, rates);
                        for (f, e) in found.iter().zip(&values) {
                            assert!((f - e).abs() <= 1e-11 * e.abs(), "{what}: {f} instead of {e}");
                        }
                        assert_close(&slope, &expected, &what);
                    }
                }
            }
        }
    }

    #[test]
    fn workers_change_no_digit() {
        let drawn = drawn(12, 2 * FOLD_COLUMNS + 700, 0.01);
        for kernel in [Kernel::Lanes, Kernel::Auto] {
            let of = |workers| {
                gradient(&drawn, kernel, InstructionSet::available()[0], workers, Rates { gain: 0.5, loss: 1.5 })
            };
            let one = of(1);
            for workers in [2, 3, 8] {
                assert_eq!(of(workers), one);
            }
        }
    }
}
