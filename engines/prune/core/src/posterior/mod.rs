//! What probably happened: the state at every node, and gains and losses along every branch, given the data.
//!
//! States are marginal posteriors. Changes come in two kinds: that the two ends of a branch differ, and the
//! expected number of events on it, which counts those that a later one undid (Minin and Suchard 2008,
//! J. Math. Biol. 56:391).
//!
//! Families go through in stretches, which are handed on in their order and forgotten: memory does not grow with their
//! number. Within a stretch, sums are formed and equal columns shared in units of a size that only the tree decides, so
//! that neither stretches nor workers change a digit.

mod events;
mod plain;
mod stretches;
mod unit;

use std::ops::Range;
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::kernel::InstructionSet;
use crate::kernel::evaluator::{Rating, Workers};
use crate::kernel::lane_posterior::{SameRates, Steps};
use crate::kernel::program::Program;
use crate::kernel::schedule::Schedule;
use crate::likelihood::Parameters;
use crate::model::{Rates, Transition};
use crate::monitor::Monitor;
use crate::plan::{Kernel, Plan};
use crate::states::{Patterns, TipStates};
use crate::tree::Tree;

pub(crate) use events::events;

/// Expected changes on one branch, summed over families.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct BranchChanges {
    /// Probability of absence above and presence below.
    pub gains: f64,
    /// Probability of presence above and absence below.
    pub losses: f64,
    /// Expected number of gains, undone ones included.
    pub gain_events: f64,
    /// Expected number of losses, undone ones included.
    pub loss_events: f64,
}

impl BranchChanges {
    /// Adds `weight` times another.
    pub(crate) fn add(&mut self, weight: f64, other: &Self) {
        self.gains += weight * other.gains;
        self.losses += weight * other.losses;
        self.gain_events += weight * other.gain_events;
        self.loss_events += weight * other.loss_events;
    }
}

/// One family's probable change on one branch.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FamilyChange {
    /// The node below the branch.
    pub node: u32,
    /// The family.
    pub family: u32,
    /// Probability of a gain between the ends.
    pub gain: f64,
    /// Probability of a loss between the ends.
    pub loss: f64,
}

/// What is wanted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Wanted {
    /// States at inner nodes.
    pub states: bool,
    /// Changes on branches; families are listed where a gain or loss is at least this probable.
    pub changes: Option<f64>,
}

/// All of it in memory. Families that are impossible have states of NaN and no changes.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Posterior {
    /// Inner nodes, in postorder.
    pub inner: Vec<u32>,
    /// Probability of presence, family by family, each over `inner`; empty if not wanted.
    pub present: Vec<f64>,
    /// By node; that of the root is 0.
    pub branches: Vec<BranchChanges>,
    /// By node, then family.
    pub families: Vec<FamilyChange>,
}

/// Some families' share of it, before it is forgotten.
#[derive(Debug)]
pub struct Part<'a> {
    /// The families.
    pub families: Range<usize>,
    /// Which row of `rows` is that of each family: equal columns share one.
    pub row_of: &'a [u32],
    /// Probabilities of presence, a row over the inner nodes each; NaN where a family is impossible; empty if not
    /// wanted.
    pub rows: &'a [f64],
    /// Numbers a row.
    pub width: usize,
    /// Probable changes, by node, then family.
    pub listed: &'a [FamilyChange],
}

/// What each category's rates do to every branch, where all families share them.
struct Common {
    rates: Vec<(Rates, Vec<Transition>)>,
    lanes: Vec<(Steps, SameRates)>,
}

/// Posteriors of every family of a matrix, ready to be computed.
pub struct Posteriors {
    tree: Arc<Tree>,
    states: Arc<TipStates>,
    parameters: Parameters,
    own: Option<Vec<Rates>>,
    wanted: Wanted,
    workers: Arc<Workers>,
    set: InstructionSet,
    /// False: one family after the other, in numbers that can't underflow.
    in_lanes: bool,
    /// Equal columns, where the plan has them computed once.
    patterns: Option<Arc<Patterns>>,
    inner: Vec<u32>,
    /// Place of every inner node among these.
    place_of: Vec<u32>,
    schedule: Schedule,
    common: Option<Common>,
    unit: usize,
    stretch: usize,
}

/// Cells (families by inner nodes) of a unit at most, and its families.
const UNIT_CELLS: usize = 1 << 19;
const UNIT_FAMILIES: usize = 1024;
/// Cells of a stretch at most.
const STRETCH_CELLS: usize = 1 << 21;

impl Posteriors {
    /// Lays the work out. `own`: rates of each family, if they have their own.
    ///
    /// # Errors
    /// Rates that differ are asked for and not given.
    pub fn new(
        tree: &Arc<Tree>,
        states: &Arc<TipStates>,
        parameters: &Parameters,
        own: Option<&[Rates]>,
        wanted: Wanted,
        plan: Plan,
        workers: &Arc<Workers>,
    ) -> Result<Self> {
        let best = InstructionSet::available()[0];
        Self::with_instruction_set(tree, states, parameters, own, wanted, plan, workers, best)
    }

    /// As [`Self::new`], with a chosen instruction set, which must be available.
    ///
    /// # Errors
    /// As [`Self::new`]; the set is not available.
    #[expect(clippy::too_many_arguments, reason = "one more than the usual form has")]
    pub fn with_instruction_set(
        tree: &Arc<Tree>,
        states: &Arc<TipStates>,
        parameters: &Parameters,
        own: Option<&[Rates]>,
        wanted: Wanted,
        plan: Plan,
        workers: &Arc<Workers>,
        set: InstructionSet,
    ) -> Result<Self> {
        if !InstructionSet::available().contains(&set) {
            return Err(Error::Plan(format!("this processor has no {}", set.name())));
        }
        let families = states.family_count();
        let own = match parameters.rating {
            Rating::Same(_) => None,
            Rating::Own { factor } => match own {
                Some(own) if own.len() == families => {
                    Some(own.iter().map(|rates| rates.scaled(factor)).collect::<Vec<_>>())
                }
                _ => return Err(Error::Option("rates: one pair a family is needed".to_owned())),
            },
        };
        let inner: Vec<u32> =
            (0..tree.node_count()).filter(|&n| tree.tip_rank(n).is_none()).map(|n| n as u32).collect();
        let mut place_of = vec![0; tree.node_count()];
        inner.iter().zip(0..).for_each(|(&node, place)| place_of[node as usize] = place);
        let patterns = matches!(plan.kernel, Kernel::Patterns | Kernel::Auto).then(|| match &own {
            None => Arc::clone(states.patterns()),
            Some(rates) => Arc::new(states.patterns().refined(rates)),
        });
        let whole = |cells: usize| cells / inner.len().max(1) / 64 * 64;
        let unit = whole(UNIT_CELLS).clamp(64, UNIT_FAMILIES);
        // Several stretches for each worker, if there are so many.
        let share = families.div_ceil(4 * workers.count());
        let stretch = plan.chunk.min(whole(STRETCH_CELLS)).min(if workers.count() > 1 { share } else { usize::MAX });
        let schedule = Schedule::new(tree, states, 0);
        let common = match parameters.rating {
            Rating::Same(rates) => {
                let rates = parameters.categories.iter().map(|&rate| rates.scaled(rate));
                Some(Common::new(tree, states, &schedule, rates, parameters))
            }
            Rating::Own { .. } => None,
        };
        Ok(Self {
            tree: Arc::clone(tree),
            states: Arc::clone(states),
            parameters: parameters.clone(),
            own,
            wanted,
            workers: Arc::clone(workers),
            set,
            in_lanes: plan.kernel != Kernel::PerFamily,
            patterns: patterns.filter(|found| found.count() < families),
            inner,
            place_of,
            schedule,
            common,
            unit,
            stretch: stretch.max(1).next_multiple_of(unit),
        })
    }

    /// Inner nodes, in postorder.
    pub fn inner(&self) -> &[u32] {
        &self.inner
    }

    /// What was asked for.
    pub fn wanted(&self) -> Wanted {
        self.wanted
    }

    /// Families of a stretch.
    pub fn stretch(&self) -> usize {
        self.stretch
    }

    /// All of it, in memory.
    ///
    /// # Errors
    /// The caller asked to stop.
    pub fn collect(&self, monitor: &dyn Monitor) -> Result<Posterior> {
        let width = if self.wanted.states { self.inner.len() } else { 0 };
        let mut present = Vec::with_capacity(width * self.states.family_count());
        let mut families = Vec::new();
        let add = |(rows, listed): &mut (Vec<f64>, Vec<FamilyChange>), part: &Part<'_>| {
            if part.width > 0 {
                let row = |&row: &u32| &part.rows[row as usize * part.width..][..part.width];
                part.row_of.iter().for_each(|at| rows.extend_from_slice(row(at)));
            }
            listed.extend_from_slice(part.listed);
        };
        let branches = self.each_stretch(monitor, Default::default, add, |(rows, listed)| {
            present.extend_from_slice(&rows);
            families.extend(listed);
            Ok(())
        })?;
        families.sort_by_key(|change: &FamilyChange| (change.node, change.family));
        Ok(Posterior { inner: self.inner.clone(), present, branches, families })
    }
}

impl std::fmt::Debug for Posteriors {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Posteriors")
            .field("parameters", &self.parameters)
            .field("wanted", &self.wanted)
            .finish_non_exhaustive()
    }
}

impl Common {
    fn new(
        tree: &Tree,
        states: &TipStates,
        schedule: &Schedule,
        rates: impl Iterator<Item = Rates>,
        parameters: &Parameters,
    ) -> Self {
        let prior = parameters.prior;
        let rates: Vec<_> = rates.map(|rates| (rates, crate::kernel::reference::transitions(tree, rates))).collect();
        let lanes = rates.iter().map(|(rates, _)| {
            let program = Program::new(tree, states, schedule, *rates, prior);
            (Steps::of(&program), SameRates::new(tree, *rates, prior))
        });
        Self { lanes: lanes.collect(), rates }
    }
}
