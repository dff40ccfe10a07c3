//! Likelihoods of a whole matrix under a plan: who computes what, on which thread, into which place.
//!
//! Every family's value is computed from that family alone and sums are formed in family order (or over fixed
//! units of families), so that neither chunks nor workers change a digit.
//! Leaves out rate categories, ascertainment and fitting (see [`crate::likelihood`]).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock};
use std::time::Instant;

use rayon::prelude::*;

use super::lane_gradient::{self, Sums, Tape, UNIT_FAMILIES, Unit};
use super::lanes::{self, BLOCK_FAMILIES, Columns, Scratch};
use super::patterns::Patterns;
use super::program::{Op, Program};
use super::rate_program::RateProgram;
use super::reference::{self, Workspace};
use super::repeat_passes::{PassScratch, Task, UNIT_COLUMNS};
use super::repeats::Repeats;
use super::schedule::{CODE_BITS, Codes, Schedule};
use super::simd::InstructionSet;
use crate::error::{Error, Result};
use crate::model::{Rates, RootPrior, TransitionSlope};
use crate::monitor::{self, Monitor};
use crate::plan::{Kernel, Plan};
use crate::states::TipStates;
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

/// Threads of one plan: none for one worker, else an own pool.
pub struct Workers {
    pool: Option<rayon::ThreadPool>,
    count: usize,
}

impl Workers {
    /// Starts the plan's threads.
    pub fn new(count: usize) -> Result<Self> {
        let pool = (count > 1)
            .then(|| rayon::ThreadPoolBuilder::new().num_threads(count).thread_name(|i| format!("prune-{i}")).build())
            .transpose()
            .map_err(|e| Error::Failed(format!("{count} worker threads could not be started: {e}")))?;
        Ok(Self { pool, count })
    }

    /// How many compute.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Runs `work(scratch, index, piece)` for every piece, each worker with a scratch of its own.
    pub(crate) fn each<P: Send, S: Default>(
        &self,
        task: &str,
        pieces: Vec<P>,
        monitor: &dyn Monitor,
        work: impl Fn(&mut S, usize, P) + Sync,
    ) -> Result<()> {
        let stopped = AtomicBool::new(false);
        let done = AtomicU64::new(0);
        let total = pieces.len() as u64;
        let began = Instant::now();
        let step = |scratch: &mut S, index: usize, piece: P| {
            if stopped.load(Ordering::Relaxed) || monitor.cancelled() {
                stopped.store(true, Ordering::Relaxed);
                return;
            }
            let start = began.elapsed().as_secs_f64();
            work(scratch, index, piece);
            let worker = rayon::current_thread_index().unwrap_or(0);
            monitor.span(task, worker, start, began.elapsed().as_secs_f64());
            monitor.progress(task, done.fetch_add(1, Ordering::Relaxed) + 1, total);
        };
        match &self.pool {
            None => {
                let mut scratch = S::default();
                for (index, piece) in pieces.into_iter().enumerate() {
                    step(&mut scratch, index, piece);
                }
            }
            Some(pool) => pool.install(|| {
                pieces
                    .into_par_iter()
                    .enumerate()
                    .with_max_len(1)
                    .for_each_init(S::default, |scratch, (index, piece)| step(scratch, index, piece));
            }),
        }
        if stopped.load(Ordering::Relaxed) { Err(Error::Cancelled) } else { Ok(()) }
    }
}

/// How the columns are computed.
enum Method {
    Reference,
    Lanes { schedule: Schedule, codes: Codes },
    Repeats(Vec<Repeats>),
}

/// A matrix laid out for one plan.
pub struct Evaluator {
    tree: Arc<Tree>,
    /// Distinct columns, or all of them.
    columns: Arc<TipStates>,
    patterns: Option<Patterns>,
    /// Families that each column stands for, padded to whole units.
    weights: Vec<f64>,
    /// Rates of each column, where families have their own.
    own: Option<Vec<Rates>>,
    method: Method,
    /// Of gradients and of bounds: without clusters.
    plain: Schedule,
    kernel: Kernel,
    chunk: usize,
    workers: Arc<Workers>,
    set: InstructionSet,
    families: usize,
    /// Columns without any data: their likelihood is exactly 1.
    empty: Vec<u32>,
    /// Patterns for gradients, found when the first is asked for; none where too few repeat.
    repeats: OnceLock<Option<Vec<Repeats>>>,
    /// Memory of passes over repeats and of tapes, kept between evaluations: megabytes that the system would
    /// otherwise have to hand out and clear each time.
    passes: Kept<PassScratch>,
    tapes: Kept<Tape>,
}

/// Scratch memory that outlives a call.
#[derive(Default)]
struct Kept<S>(Mutex<Vec<S>>);

impl<S: Default> Kept<S> {
    fn with<R>(&self, work: impl FnOnce(&mut S) -> R) -> R {
        let kept = lock(&self.0).pop();
        let mut scratch = kept.unwrap_or_default();
        let result = work(&mut scratch);
        lock(&self.0).push(scratch);
        result
    }
}

/// A gradient by the parameters of the model.
#[derive(Debug, Clone, PartialEq)]
pub struct Gradient {
    /// By the gain rate.
    pub gain: f64,
    /// By the loss rate.
    pub loss: f64,
    /// By the length of the branch above each node; 0 for the root.
    pub lengths: Vec<f64>,
    /// By the two probabilities of the root's prior, if it is not tied to the rates.
    pub prior: [f64; 2],
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
        let patterns = matches!(plan.kernel, Kernel::Patterns | Kernel::Auto).then(|| Patterns::find(&states, own));
        // Without repetition the copy would only cost memory.
        let patterns = patterns.filter(|found| found.representatives.len() < families);
        let (columns, weights, own) = match &patterns {
            None => (states, vec![1.0; families], own.map(<[Rates]>::to_vec)),
            Some(found) => {
                let unnamed = vec![String::new(); found.representatives.len()];
                let columns = states.select_unnamed(&found.representatives, unnamed);
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
            Kernel::Repeats if own.is_none() => Method::Repeats(find_repeats(&tree, &columns, chunk, &workers)?),
            // With rates of its own a family shares no subtree with another.
            Kernel::Repeats | Kernel::Auto => {
                let bits = if own.is_some() { 0 } else { CODE_BITS };
                let schedule = Schedule::new(&tree, &columns, bits);
                let codes = Codes::new(&schedule, &columns);
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
            repeats: OnceLock::new(),
            passes: Kept::default(),
            tapes: Kept::default(),
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
    fn expand(&self, mut values: Vec<f64>) -> Vec<f64> {
        for &column in &self.empty {
            values[column as usize] = 0.0;
        }
        match &self.patterns {
            None => values,
            Some(patterns) => patterns.of_family.iter().map(|&p| values[p as usize]).collect(),
        }
    }

    /// Runs `work` over chunks of the columns; returns the columns left over.
    fn chunked<S: Default>(
        &self,
        values: &mut [f64],
        monitor: &dyn Monitor,
        work: impl Fn(&mut S, usize, &mut [f64], &mut Vec<u32>) + Sync,
    ) -> Result<Vec<u32>> {
        let left_over = Mutex::new(Vec::new());
        self.workers.each("evaluate", values.chunks_mut(self.chunk).collect(), monitor, |scratch, index, out| {
            let mut left = Vec::new();
            work(scratch, index * self.chunk, out, &mut left);
            if !left.is_empty() {
                lock(&left_over).extend(left);
            }
        })?;
        Ok(left_over.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner))
    }

    fn reference(&self, rating: Rating, prior: RootPrior, values: &mut [f64], monitor: &dyn Monitor) -> Result<()> {
        let chunks = values.chunks_mut(self.chunk).collect();
        match rating {
            Rating::Same(rates) => self.workers.each("evaluate", chunks, monitor, |(): &mut (), index, out| {
                let first = index * self.chunk;
                let range = first..first + out.len();
                reference::log_likelihoods(&self.tree, &self.columns, range, rates, prior, out);
            }),
            Rating::Own { factor } => {
                let own = self.own_rates()?;
                self.workers.each("evaluate", chunks, monitor, |(): &mut (), index, out| {
                    let mut work = Workspace::new(&self.tree);
                    for (i, out) in out.iter_mut().enumerate() {
                        let family = index * self.chunk + i;
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
        let wide = risky(&program);
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

    /// Log-likelihood of every family under one pair of rates, and the gradient of their weighted sum. `weight`
    /// turns a column's log-likelihood into what each family with that column weighs (1, or a posterior);
    /// impossible families weigh nothing.
    pub fn gradient(
        &self,
        rates: Rates,
        prior: RootPrior,
        weights: Option<&[f64]>,
        monitor: &dyn Monitor,
    ) -> Result<(Vec<f64>, Gradient)> {
        let weights = match weights {
            None => None,
            Some(of_family) => {
                let mut columns = vec![0.0; self.weights.len()];
                for (family, weight) in of_family.iter().enumerate() {
                    let column = self.patterns.as_ref().map_or(family, |p| p.of_family[family] as usize);
                    columns[column] += weight;
                }
                Some(columns)
            }
        };
        let weights = weights.as_deref().unwrap_or(&self.weights);
        let mut values = vec![0.0; self.columns.family_count()];
        let (mut sums, left_over) = if matches!(self.method, Method::Reference) {
            let all = (0..self.columns.family_count() as u32).collect();
            (Sums::zeros(self.tree.node_count()), all)
        } else {
            let program = Program::new(&self.tree, &self.columns, &self.plain, rates, prior);
            match self.gradient_repeats()?.filter(|_| !risky(&program)) {
                Some(units) => {
                    let scaled = program.ops.iter().any(|op| matches!(op, Op::Rescale { .. }));
                    let task = Task {
                        tree: &self.tree,
                        transitions: &reference::transitions(&self.tree, rates),
                        prior: prior.probabilities(rates),
                        scaled,
                        weights,
                    };
                    (self.repeat_gradient(units, &task, &mut values, monitor)?, vec![])
                }
                None => self.lane_gradient(&program, weights, &mut values, monitor)?,
            }
        };
        self.reference_gradient(&left_over, rates, prior, weights, &mut values, &mut sums, monitor)?;
        Ok((self.expand(values), self.chain(rates, &sums)))
    }

    /// The patterns over which gradients are formed, if enough of them repeat (or the plan says so).
    fn gradient_repeats(&self) -> Result<Option<&[Repeats]>> {
        if self.kernel == Kernel::Lanes {
            return Ok(None);
        }
        if self.repeats.get().is_none() {
            let found = self.find_repeats(UNIT_COLUMNS)?;
            let distinct: usize = found.iter().map(Repeats::distinct).sum();
            let all = self.columns.family_count() * self.tree.tip_count().saturating_sub(1);
            let useful = self.kernel == Kernel::Repeats || (distinct as f64) < REPEATING * all as f64;
            // Another thread may have been first: its patterns are the same.
            let _ = self.repeats.set(useful.then_some(found));
        }
        Ok(self.repeats.get().and_then(Option::as_deref))
    }

    fn find_repeats(&self, chunk: usize) -> Result<Vec<Repeats>> {
        find_repeats(&self.tree, &self.columns, chunk, &self.workers)
    }

    fn repeat_gradient(
        &self,
        units: &[Repeats],
        task: &Task<'_>,
        values: &mut [f64],
        monitor: &dyn Monitor,
    ) -> Result<Sums> {
        let parts = Mutex::new(Vec::with_capacity(units.len()));
        let pieces: Vec<_> = values.chunks_mut(UNIT_COLUMNS).zip(units).collect();
        self.workers.each("gradient", pieces, monitor, |(): &mut (), index, (out, unit)| {
            let sums = self.passes.with(|scratch| unit.gradient(task, scratch, out));
            lock(&parts).push((index, sums));
        })?;
        let mut parts = parts.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
        parts.sort_by_key(|(index, _)| *index);
        let mut total = Sums::zeros(self.tree.node_count());
        for (_, sums) in parts {
            total.add(&sums);
        }
        Ok(total)
    }

    fn lane_gradient(
        &self,
        program: &Program,
        weights: &[f64],
        values: &mut [f64],
        monitor: &dyn Monitor,
    ) -> Result<(Sums, Vec<u32>)> {
        let codes = Codes::default();
        let columns = Columns { states: &self.columns, codes: &codes };
        let units = values.len().div_ceil(UNIT_FAMILIES);
        let parts = Mutex::new(Vec::with_capacity(units));
        self.workers.each(
            "gradient",
            values.chunks_mut(UNIT_FAMILIES).collect(),
            monitor,
            |(): &mut (), index, out| {
                let first = index * UNIT_FAMILIES;
                let unit = Unit { tree: &self.tree, program, columns: &columns, weights, first };
                let mut left = Vec::new();
                let sums = self.tapes.with(|tape| lane_gradient::run(self.set, &unit, out, &mut left, tape));
                lock(&parts).push((index, sums, left));
            },
        )?;
        let mut parts = parts.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
        parts.sort_by_key(|(index, ..)| *index);
        let mut total = Sums::zeros(self.tree.node_count());
        let mut left_over = Vec::new();
        for (_, sums, left) in parts {
            total.add(&sums);
            left_over.extend(left);
        }
        Ok((total, left_over))
    }

    #[expect(clippy::too_many_arguments, reason = "one step of `gradient`, apart only to be read apart")]
    fn reference_gradient(
        &self,
        columns: &[u32],
        rates: Rates,
        prior: RootPrior,
        weights: &[f64],
        values: &mut [f64],
        sums: &mut Sums,
        monitor: &dyn Monitor,
    ) -> Result<()> {
        if columns.is_empty() {
            return Ok(());
        }
        let transitions = reference::transitions(&self.tree, rates);
        let prior = prior.probabilities(rates);
        let root = self.tree.root();
        let parts = Mutex::new(Vec::new());
        self.workers.each(
            "gradient",
            columns.chunks(UNIT_FAMILIES).collect(),
            monitor,
            |(): &mut (), index, columns: &[u32]| {
                let mut work = Workspace::new(&self.tree);
                let mut sums = Sums::zeros(self.tree.node_count());
                let mut logs = Vec::with_capacity(columns.len());
                for &column in columns {
                    let family = column as usize;
                    let likelihood = work.upward(&self.tree, &transitions, prior, |tip| self.columns.get(tip, family));
                    logs.push((family, likelihood.ln()));
                    if likelihood.is_zero() {
                        continue;
                    }
                    let weight = weights[family];
                    work.downward(&self.tree, &transitions, prior, likelihood, |node, above, below| {
                        let difference = below[1].minus(below[0]);
                        sums.branches[node][0] += weight * above[0].times(difference).value();
                        sums.branches[node][1] -= weight * above[1].times(difference).value();
                    });
                    let partials = work.partials(root);
                    for (sum, partial) in sums.prior.iter_mut().zip(partials) {
                        *sum += weight * partial.over(likelihood).value();
                    }
                }
                lock(&parts).push((index, sums, logs));
            },
        )?;
        let mut parts = parts.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
        parts.sort_by_key(|(index, ..)| *index);
        for (_, part, logs) in parts {
            sums.add(&part);
            for (family, value) in logs {
                values[family] = value;
            }
        }
        Ok(())
    }

    /// From probabilities of change to rates and lengths.
    fn chain(&self, rates: Rates, sums: &Sums) -> Gradient {
        let mut gradient =
            Gradient { gain: 0.0, loss: 0.0, lengths: vec![0.0; self.tree.node_count()], prior: sums.prior };
        for node in 0..self.tree.node_count() {
            if node == self.tree.root() {
                continue;
            }
            let [gain, loss] = sums.branches[node];
            let slope = TransitionSlope::new(rates, self.tree.length(node));
            gradient.gain += gain * slope.by_gain[0] + loss * slope.by_gain[1];
            gradient.loss += gain * slope.by_loss[0] + loss * slope.by_loss[1];
            gradient.lengths[node] = gain * slope.by_length[0] + loss * slope.by_length[1];
        }
        gradient
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

impl Gradient {
    /// Adds what the rates do through a stationary prior at the root.
    pub fn with_stationary_prior(mut self, rates: Rates) -> Self {
        let square = rates.total() * rates.total();
        if square > 0.0 {
            let difference = self.prior[1] - self.prior[0];
            self.gain += difference * rates.loss / square;
            self.loss -= difference * rates.gain / square;
        }
        self
    }
}

/// Share of distinct updates below which repeats beat lanes for gradients (measured: a distinct update costs
/// about three times a lane's).
const REPEATING: f64 = 0.33;

/// Can a value leave the range of doubles on its way?
fn risky(program: &Program) -> bool {
    let risky = |op: &Op| matches!(op, Op::Rescale { risky: true, .. });
    program.risky_root || program.ops.iter().any(risky)
}

fn find_repeats(tree: &Tree, columns: &TipStates, chunk: usize, workers: &Workers) -> Result<Vec<Repeats>> {
    let count = columns.family_count();
    let ranges: Vec<_> = (0..count).step_by(chunk).map(|first| first..(first + chunk).min(count)).collect();
    let found = Mutex::new(Vec::with_capacity(ranges.len()));
    workers.each("repeats", ranges, &monitor::Unwatched, |(): &mut (), index, range| {
        let repeats = Repeats::find(tree, columns, range);
        lock(&found).push((index, repeats));
    })?;
    let mut found = found.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    found.sort_by_key(|(index, _)| *index);
    Ok(found.into_iter().map(|(_, repeats)| repeats).collect())
}

/// A lock whose holder panicked still guards whole results: the panic itself is what ends the call.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
