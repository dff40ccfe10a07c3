//! Likelihoods of a whole matrix under a plan: who computes what, on which thread, into which place.
//!
//! Every family's value is computed from that family alone and sums are formed in family order (or over fixed
//! units of families), so that neither chunks nor workers change a digit.
//! Leaves out rate categories, ascertainment and fitting (see [`crate::likelihood`]).

use std::sync::{Arc, Mutex, OnceLock};

use super::folds::{Fold, FoldScratch};
pub use super::gradient::Gradient;
use super::lanes::{self, BLOCK_FAMILIES, Columns, Scratch};
use super::program::{Op, Program};
use super::rate_program::RateProgram;
use super::reference::{self, Workspace};
use super::repeat_passes::PassScratch;
use super::repeats::Repeats;
use super::schedule::{CODE_BITS, Codes, Schedule};
use super::simd::InstructionSet;
use super::sums::UNIT_FAMILIES;
pub use super::workers::Workers;
use super::workers::{Kept, lock};
use crate::error::{Error, Result};
use crate::model::{Rates, RootPrior};
use crate::monitor::Monitor;
use crate::plan::{Kernel, Plan};
use crate::states::{Patterns, TipStates};
use crate::tree::Tree;

/// The rates of one evaluation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Rating {
    /// One pair for all families.
    Same(Rates),
    /// Each family's own pair, as given to [`Evaluator::new`], times a factor.
    Own {
        /// The factor: 1, or the rate of a category.
        factor: f64,
    },
}

/// How the columns are computed.
pub(super) enum Method {
    Reference,
    Lanes {
        schedule: Schedule,
        codes: Codes,
    },
    /// A chunk each.
    Repeats(Vec<Repeats>),
}

/// A matrix laid out for one plan.
pub struct Evaluator {
    pub(super) tree: Arc<Tree>,
    /// Distinct columns, or all of them.
    pub(super) columns: Arc<TipStates>,
    pub(super) patterns: Option<Arc<Patterns>>,
    /// Families that each column stands for, padded to whole units.
    pub(super) weights: Vec<f64>,
    /// Rates of each column, where families have their own.
    pub(super) own: Option<Vec<Rates>>,
    pub(super) method: Method,
    /// Of gradients and of bounds: without clusters.
    pub(super) plain: Schedule,
    pub(super) kernel: Kernel,
    pub(super) chunk: usize,
    pub(super) workers: Arc<Workers>,
    pub(super) set: InstructionSet,
    pub(super) families: usize,
    /// Columns without any data: their likelihood is exactly 1.
    pub(super) empty: Vec<u32>,
    /// Folded subtrees for gradients, found when the first is asked for.
    pub(super) folds: OnceLock<Vec<Fold>>,
    /// Patterns for gradients, where chunks differ from the units that those are summed over.
    pub(super) repeats: OnceLock<Vec<Repeats>>,
    /// Memory of passes and tapes, kept between evaluations: megabytes that the system would otherwise have to hand
    /// out and clear each time.
    pub(super) passes: Kept<PassScratch>,
    pub(super) fold_scratch: Kept<FoldScratch>,
}

impl Evaluator {
    /// Lays `states` out. `own`: rates of each family, if they have their own.
    pub fn new(
        tree: Arc<Tree>,
        states: Arc<TipStates>,
        own: Option<&[Rates]>,
        plan: Plan,
        workers: Arc<Workers>,
    ) -> Result<Self> {
        Self::with_instruction_set(tree, states, own, plan, workers, InstructionSet::available()[0])
    }

    /// As [`Self::new`], with a chosen instruction set, which must be available.
    pub fn with_instruction_set(
        tree: Arc<Tree>,
        states: Arc<TipStates>,
        own: Option<&[Rates]>,
        plan: Plan,
        workers: Arc<Workers>,
        set: InstructionSet,
    ) -> Result<Self> {
        let plan = plan.validated()?;
        if !InstructionSet::available().contains(&set) {
            return Err(Error::Plan(format!("this processor has no {}", set.name())));
        }
        if own.is_some_and(|rates| rates.len() != states.family_count()) {
            return Err(Error::Option("rates: one pair a family is needed".to_owned()));
        }
        let families = states.family_count();
        let patterns = matches!(plan.kernel, Kernel::Patterns | Kernel::Auto).then(|| match own {
            None => Arc::clone(states.patterns()),
            Some(rates) => Arc::new(states.patterns().refined(rates)),
        });
        // Without repetition the copy would only cost memory.
        let patterns = patterns.filter(|found| found.count() < families);
        let (columns, weights, own) = match &patterns {
            None => (states, vec![1.0; families], own.map(<[Rates]>::to_vec)),
            Some(found) => {
                let unnamed = vec![String::new(); found.count()];
                let columns = states.select_unnamed_on(&found.representatives, unnamed, &workers)?;
                let own = own.map(|own| found.representatives.iter().map(|&f| own[f as usize]).collect());
                (Arc::new(columns), found.weights(), own)
            }
        };
        let mut weights = weights;
        weights.resize(columns.family_count().div_ceil(UNIT_FAMILIES) * UNIT_FAMILIES, 0.0);
        let chunk = plan.chunk.div_ceil(BLOCK_FAMILIES) * BLOCK_FAMILIES;
        let plain = Schedule::new(&tree, &columns, 0);
        let empty = columns.wholly_missing();
        let method = match plan.kernel {
            Kernel::PerFamily => Method::Reference,
            Kernel::Lanes | Kernel::Patterns => Method::Lanes { schedule: plain.clone(), codes: Codes::default() },
            Kernel::Repeats if own.is_none() => Method::Repeats(Repeats::find_all(&tree, &columns, chunk, &workers)?),
            // With rates of its own a family shares no subtree with another.
            Kernel::Repeats | Kernel::Auto => {
                // AVX2 permutes too few lanes for tables of 16: reading them one by one costs thrice the
                // arithmetic that they save.
                let tables = own.is_none() && set != InstructionSet::Avx2;
                let bits = if tables { CODE_BITS } else { 0 };
                let schedule = Schedule::new(&tree, &columns, bits);
                let codes = Codes::new(&schedule, &columns, &workers)?;
                Method::Lanes { schedule, codes }
            }
        };
        Ok(Self {
            tree,
            columns,
            patterns,
            weights,
            own,
            method,
            plain,
            kernel: plan.kernel,
            chunk,
            workers,
            set,
            families,
            empty,
            folds: OnceLock::new(),
            repeats: OnceLock::new(),
            passes: Kept::default(),
            fold_scratch: Kept::default(),
        })
    }

    /// Number of distinct columns that are computed.
    pub fn column_count(&self) -> usize {
        self.columns.family_count()
    }

    /// Number of families.
    pub fn family_count(&self) -> usize {
        self.families
    }

    /// What is computed, in words.
    pub fn describe(&self) -> String {
        match &self.method {
            Method::Reference => "per-family loop".to_owned(),
            Method::Lanes { schedule, codes } => format!(
                "{} lanes over {} columns, {} subtrees from tables ({} bytes of codes)",
                self.set.name(),
                self.columns.family_count(),
                schedule.clusters.len(),
                codes.size_bytes()
            ),
            Method::Repeats(chunks) => {
                let distinct: usize = chunks.iter().map(Repeats::distinct).sum();
                let all = self.columns.family_count() * self.tree.tip_count().saturating_sub(1);
                format!("repeats: {distinct} of {all} updates distinct")
            }
        }
    }

    /// Log-likelihood of every family, natural logarithm, minus infinity where impossible.
    pub fn log_likelihoods(&self, rating: Rating, prior: RootPrior, monitor: &dyn Monitor) -> Result<Vec<f64>> {
        let mut values = vec![0.0; self.columns.family_count()];
        let mut left_over = match (&self.method, rating) {
            (Method::Reference, _) => {
                self.reference(rating, prior, &mut values, monitor)?;
                vec![]
            }
            (Method::Lanes { schedule, codes }, Rating::Same(rates)) => {
                let program = Program::new(&self.tree, &self.columns, schedule, rates, prior);
                let columns = Columns { states: &self.columns, codes };
                self.chunked(&mut values, monitor, |scratch: &mut Scratch, first, out, left| {
                    lanes::run(self.set, &program, &columns, first, out, left, scratch);
                })?
            }
            (Method::Lanes { schedule, .. }, Rating::Own { factor }) => {
                let rates: Vec<Rates> = self.own_rates()?.iter().map(|r| r.scaled(factor)).collect();
                let program = RateProgram::new(&self.tree, &self.columns, schedule, &rates, prior);
                let mut left = self.chunked(&mut values, monitor, |scratch: &mut Scratch, first, out, left| {
                    lanes::run_rates(self.set, &program, &self.columns, first, out, left, scratch);
                })?;
                left.extend(&program.degenerate);
                left
            }
            (Method::Repeats(chunks), Rating::Same(rates)) => {
                self.repeats(chunks, rates, prior, &mut values, monitor)?;
                vec![]
            }
            (Method::Repeats(_), Rating::Own { .. }) => {
                return Err(Error::Option("rates: this evaluator was laid out for one pair".to_owned()));
            }
        };
        left_over.sort_unstable();
        left_over.dedup();
        self.redo(&left_over, rating, prior, &mut values, monitor)?;
        Ok(self.expand(values))
    }

    fn own_rates(&self) -> Result<&[Rates]> {
        self.own
            .as_deref()
            .ok_or_else(|| Error::Option("rates: this evaluator was laid out without rates per family".to_owned()))
    }

    /// Values of families from those of columns.
    pub(super) fn expand(&self, mut values: Vec<f64>) -> Vec<f64> {
        for &column in &self.empty {
            values[column as usize] = 0.0;
        }
        match &self.patterns {
            None => values,
            Some(patterns) => patterns.of_family.iter().map(|&p| values[p as usize]).collect(),
        }
    }

    /// Runs `work` over pieces of the columns; returns the columns left over.
    fn chunked<S: Default>(
        &self,
        values: &mut [f64],
        monitor: &dyn Monitor,
        work: impl Fn(&mut S, usize, &mut [f64], &mut Vec<u32>) + Sync,
    ) -> Result<Vec<u32>> {
        let piece = self.piece(1);
        let left_over = Mutex::new(Vec::new());
        self.workers.each("evaluate", values.chunks_mut(piece).collect(), monitor, |scratch, index, out| {
            let mut left = Vec::new();
            work(scratch, index * piece, out, &mut left);
            if !left.is_empty() {
                lock(&left_over).extend(left);
            }
        })?;
        Ok(left_over.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner))
    }

    /// Columns that a worker takes at a time, whole blocks; `cost` of an update beside one in lanes.
    fn piece(&self, cost: usize) -> usize {
        let piece = self.workers.piece(self.columns.family_count(), self.tree.tip_count() * cost, self.chunk);
        piece.next_multiple_of(BLOCK_FAMILIES)
    }

    fn reference(&self, rating: Rating, prior: RootPrior, values: &mut [f64], monitor: &dyn Monitor) -> Result<()> {
        // Plain numbers, one at a time, cost some 32 times what lanes do.
        let piece = self.piece(32);
        let chunks = values.chunks_mut(piece).collect();
        match rating {
            Rating::Same(rates) => self.workers.each("evaluate", chunks, monitor, |(): &mut (), index, out| {
                let first = index * piece;
                let range = first..first + out.len();
                reference::log_likelihoods(&self.tree, &self.columns, range, rates, prior, out);
            }),
            Rating::Own { factor } => {
                let own = self.own_rates()?;
                self.workers.each("evaluate", chunks, monitor, |(): &mut (), index, out| {
                    let mut work = Workspace::new(&self.tree);
                    for (i, out) in out.iter_mut().enumerate() {
                        let family = index * piece + i;
                        let rates = own[family].scaled(factor);
                        *out = reference::log_likelihood(&self.tree, &self.columns, family, rates, prior, &mut work);
                    }
                })
            }
        }
    }

    /// Values of the columns that lanes left over, from the reference kernel.
    fn redo(
        &self,
        columns: &[u32],
        rating: Rating,
        prior: RootPrior,
        values: &mut [f64],
        monitor: &dyn Monitor,
    ) -> Result<()> {
        if columns.is_empty() {
            return Ok(());
        }
        let own = if matches!(rating, Rating::Own { .. }) { self.own_rates()? } else { &[] };
        let redone = Mutex::new(Vec::with_capacity(columns.len()));
        self.workers.each("redo", columns.chunks(64).collect(), monitor, |(): &mut (), _, columns: &[u32]| {
            let mut work = Workspace::new(&self.tree);
            let transitions = match rating {
                Rating::Same(rates) => reference::transitions(&self.tree, rates),
                Rating::Own { .. } => vec![],
            };
            for &column in columns {
                let family = column as usize;
                let value = match rating {
                    Rating::Same(rates) => work
                        .upward(&self.tree, &transitions, prior.probabilities(rates), |tip| {
                            self.columns.get(tip, family)
                        })
                        .ln(),
                    Rating::Own { factor } => {
                        let rates = own[family].scaled(factor);
                        reference::log_likelihood(&self.tree, &self.columns, family, rates, prior, &mut work)
                    }
                };
                lock(&redone).push((family, value));
            }
        })?;
        for (family, value) in redone.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner) {
            values[family] = value;
        }
        Ok(())
    }

    fn repeats(
        &self,
        chunks: &[Repeats],
        rates: Rates,
        prior: RootPrior,
        values: &mut [f64],
        monitor: &dyn Monitor,
    ) -> Result<()> {
        // The bounds of the lanes hold here too: the same products in another order.
        let program = Program::new(&self.tree, &self.columns, &self.plain, rates, prior);
        let wide = program.is_risky();
        let scaled = program.ops.iter().any(|op| matches!(op, Op::Rescale { .. }));
        let transitions = reference::transitions(&self.tree, rates);
        let prior = prior.probabilities(rates);
        let pieces: Vec<_> = values.chunks_mut(self.chunk).zip(chunks).collect();
        self.workers.each("evaluate", pieces, monitor, |(): &mut (), _, (out, repeats)| {
            debug_assert_eq!(repeats.families().len(), out.len());
            if wide {
                repeats.wide_log_likelihoods(&transitions, prior, out);
            } else {
                self.passes.with(|scratch| {
                    repeats.log_likelihoods(&transitions, prior, scaled, scratch, out);
                });
            }
        })
    }

    /// Rates from which a fit can start: presence as frequent as in the data, one change per root-to-tip distance.
    pub fn guess_rates(&self) -> Rates {
        let (mut present, mut known) = (0.0, 0.0);
        for tip in 0..self.columns.tip_count() {
            let count = |row: &[u8]| f64::from(row.iter().map(|b| b.count_ones()).sum::<u32>());
            present += count(self.columns.present_row(tip));
            let missing = self.columns.missing_row(tip).map_or(0.0, count);
            known += self.columns.family_count() as f64 - missing;
        }
        let frequency = if known > 0.0 { (present / known).clamp(0.01, 0.99) } else { 0.5 };
        let mut depths = vec![0.0; self.tree.node_count()];
        for node in (0..self.tree.node_count()).rev() {
            depths[node] = self.tree.parent(node).map_or(0.0, |p| depths[p]) + self.tree.length(node);
        }
        let depth = self.tree.tips().iter().map(|&t| depths[t as usize]).sum::<f64>() / self.tree.tip_count() as f64;
        let total = if depth > 0.0 { 1.0 / depth } else { 1.0 };
        Rates { gain: frequency * total, loss: (1.0 - frequency) * total }
    }

    /// The tree.
    pub fn tree(&self) -> &Tree {
        &self.tree
    }

    /// The pool.
    pub fn workers(&self) -> &Workers {
        &self.workers
    }
}
