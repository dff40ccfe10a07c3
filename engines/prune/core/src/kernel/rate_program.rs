//! A schedule for families that each have rates of their own: lengths instead of matrices, rates in lanes.

use super::program::{Bound, Branch, Event, bounded, limit};
use super::schedule::{Leaf, Schedule, Step};
use crate::bits::ROW_COLUMNS;
use crate::model::{Rates, RootPrior, Transition};
use crate::states::TipStates;
use crate::tree::Tree;

/// An instruction of a [`RateProgram`].
#[derive(Debug, Clone, Copy)]
pub(crate) enum RateOp {
    /// Start or multiply by a tip at the end of a branch.
    Tip { first: bool, tip: u32, missing: bool, length: f64 },
    /// Carry along a branch.
    Carry { node: u32, length: f64 },
    /// Put the top aside.
    Push,
    /// Multiply by what was put aside.
    MultiplyPopped,
    /// Scale small families up, at most so many times.
    Rescale { rounds: u32, risky: bool },
}

/// One evaluation's instructions and rates.
pub(crate) struct RateProgram {
    pub(crate) ops: Vec<RateOp>,
    pub(crate) depth: usize,
    /// -(gain + loss) of every family, padded.
    pub(crate) minus_total: Vec<f64>,
    /// Stationary probabilities of every family, padded.
    pub(crate) absent: Vec<f64>,
    /// See `absent`.
    pub(crate) present: Vec<f64>,
    /// The same for all, or `None` for each family's own stationary prior.
    pub(crate) prior: Option<[f64; 2]>,
    pub(crate) risky_root: bool,
    /// Families that go to the reference kernel: a rate of 0 makes impossible what the bounds take for possible.
    pub(crate) degenerate: Vec<u32>,
}

impl RateProgram {
    /// Fills in a schedule (without clusters) for rates that differ.
    pub(crate) fn new(tree: &Tree, states: &TipStates, schedule: &Schedule, rates: &[Rates], prior: RootPrior) -> Self {
        let padded = rates.len().div_ceil(ROW_COLUMNS) * ROW_COLUMNS;
        let mut minus_total = vec![-1.0; padded];
        let mut absent = vec![0.5; padded];
        let mut present = vec![0.5; padded];
        let mut degenerate = Vec::new();
        let (mut lowest, mut highest) = (f64::INFINITY, 0.0f64);
        for (family, &pair) in rates.iter().enumerate() {
            let total = pair.total();
            if pair.gain.min(pair.loss) / total < 1e-100 || !(1e-100..=1e100).contains(&total) {
                degenerate.push(family as u32);
                continue;
            }
            lowest = lowest.min(pair.gain.min(pair.loss));
            highest = highest.max(total);
            minus_total[family] = -total;
            [absent[family], present[family]] = pair.stationary();
        }
        if highest == 0.0 {
            (lowest, highest) = (0.5, 1.0);
        }
        // Every entry of every family's matrix is at least that of the process with the highest total in which
        // both directions have the lowest rate: (1 - exp(-rt)) / r falls with r, and so does exp(-rt).
        let entries = |node: u32| {
            if node as usize == tree.root() {
                return Transition::IDENTITY.0;
            }
            let exponent = highest * tree.length(node as usize);
            let change = lowest / highest * -(-exponent).exp_m1();
            let stay = (-exponent).exp() + change;
            [[stay, change], [change, stay]]
        };
        let leaf = |leaf: Leaf| match leaf {
            Leaf::Tip(tip) => {
                let p = entries(tree.tips()[tip as usize]);
                Bound::of([[p[0][0], p[1][0]], [p[0][1], p[1][1]]].into_iter())
            }
            // Schedules without clusters have none.
            Leaf::Cluster(_) => Bound::of(std::iter::empty()),
        };
        let fixed = match prior {
            RootPrior::Stationary => None,
            RootPrior::Fixed(p) => Some(p),
        };
        let share = lowest / highest;
        let length = |node: u32| if node as usize == tree.root() { 0.0 } else { tree.length(node as usize) };
        let mut ops = Vec::with_capacity(schedule.steps.len() + 16);
        let worst_prior = fixed.unwrap_or([share, share]);
        let branch = |node| Branch::of(entries(node));
        let limit = limit(schedule, leaf, branch, worst_prior);
        let risky_root = bounded(schedule, leaf, branch, worst_prior, limit, |event| {
            ops.push(match event {
                Event::Rescale { rounds, risky } => RateOp::Rescale { rounds, risky },
                Event::Step(Step::Push) => RateOp::Push,
                Event::Step(Step::MultiplyPopped) => RateOp::MultiplyPopped,
                Event::Step(Step::Carry(node)) => RateOp::Carry { node, length: length(node) },
                Event::Step(step @ (Step::Start(leaf) | Step::Multiply(leaf))) => {
                    let first = matches!(step, Step::Start(_));
                    let tip = match leaf {
                        Leaf::Tip(tip) | Leaf::Cluster(tip) => tip,
                    };
                    let missing = states.missing_row(tip as usize).is_some();
                    RateOp::Tip { first, tip, missing, length: length(tree.tips()[tip as usize]) }
                }
            });
        });
        Self { ops, depth: schedule.depth, minus_total, absent, present, prior: fixed, risky_root, degenerate }
    }
}
