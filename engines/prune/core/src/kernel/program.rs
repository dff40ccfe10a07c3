//! A schedule with the numbers of one evaluation filled in, and rescaling put where it can be needed.
//!
//! How small partials can become is bounded while the program is built, so that most steps need no check.
//! Three bounds travel with the top of the stack, in bits: how small its larger component can be (`larger`),
//! how small a component that isn't exactly zero can be (`smallest`), and whether a zero can occur.
//! Ordinary numbers carry 1,022 bits. Where branches without change (or nearly so) let `smallest` go past
//! that, a component may be lost that would have counted: such stretches are *risky*, and a family whose
//! larger component became small there is left to the reference kernel.

use super::reference;
use super::schedule::{CODE_BITS, Cluster, Leaf, Schedule, Step};
use super::wide::STEP_BITS;
use crate::model::{Rates, RootPrior, Transition};
use crate::states::TipStates;
use crate::tree::Tree;

/// What 16 codes contribute, by state above.
#[repr(align(64))]
#[derive(Debug, Clone, Copy)]
pub(crate) struct Table(pub(crate) [[f64; 16]; 2]);

/// An instruction of a program with the same rates for every family.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Op {
    /// Start or multiply by a tip: `[state][above]`.
    Tip { first: bool, tip: u32, missing: bool, columns: [[f64; 2]; 2] },
    /// Start or multiply by a cluster.
    Cluster { first: bool, cluster: u32 },
    /// Carry along a branch.
    Carry { node: u32, p: [[f64; 2]; 2] },
    /// Carry along a branch on which change is at most as likely as not: one operation less, no digits lost.
    CarryShort { node: u32, gain: f64, loss: f64 },
    /// Put the top aside.
    Push,
    /// Multiply by what was put aside.
    MultiplyPopped,
    /// Scale small families up, at most so many times.
    Rescale { rounds: u32, risky: bool },
}

/// One evaluation's instructions.
pub(crate) struct Program {
    pub(crate) ops: Vec<Op>,
    pub(crate) tables: Vec<Table>,
    pub(crate) depth: usize,
    pub(crate) prior: [f64; 2],
    /// A likelihood below 2^-256 can't be trusted.
    pub(crate) risky_root: bool,
}

/// Bits below which nothing is rescaled, and to which rescaling leads.
const KEPT_BITS: f64 = STEP_BITS as f64;
/// `larger` at which rescaling is put in: early enough that two such operands, carried along ordinary branches
/// (entries above 2^-90), multiply to less than [`RISKY_BITS`].
const RESCALE_BITS: f64 = 360.0;
/// `smallest` at which components may be lost.
const RISKY_BITS: f64 = 900.0;
/// A branch (or prior) with no entry smaller than this hides what is lost.
const MIXING_BITS: f64 = 600.0;

/// See the module's text.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bound {
    pub(crate) larger: f64,
    pub(crate) smallest: f64,
    pub(crate) zero: bool,
    pub(crate) risky: bool,
}

impl Bound {
    /// Of a set of vectors.
    pub(crate) fn of(vectors: impl Iterator<Item = [f64; 2]>) -> Self {
        // Bits fall as values rise: those of the lowest value are the most. No value is NaN.
        let lower = |a: f64, b: f64| if a < b { a } else { b };
        let positive = |x: f64| if x > 0.0 { x } else { 1.0 };
        let (mut larger, mut smallest, mut zero) = (1.0f64, 1.0f64, false);
        for [x, y] in vectors {
            zero |= (x == 0.0) | (y == 0.0);
            larger = lower(larger, if x > y { x } else { y });
            smallest = lower(smallest, lower(positive(x), positive(y)));
        }
        Self { larger: bits(larger), smallest: bits(smallest), zero, risky: false }
    }

    fn times(self, other: Self) -> Self {
        let smallest = self.smallest + other.smallest;
        let larger = if self.zero || other.zero {
            smallest
        } else {
            (self.larger + other.smallest).min(self.smallest + other.larger)
        };
        let risky = self.risky || other.risky || smallest.max(larger) > RISKY_BITS;
        Self { larger, smallest, zero: self.zero || other.zero, risky }
    }

    fn carried(self, branch: Branch) -> Self {
        let larger = self.larger + branch.staying;
        if branch.smallest <= MIXING_BITS && !branch.zero {
            Self { larger, smallest: branch.smallest + self.larger, zero: false, risky: false }
        } else {
            Self { larger, smallest: self.smallest + branch.smallest, ..self }
        }
    }

    /// What rescaling it needs, and the bound after that.
    fn rescaled(self, limit: f64) -> (Option<(u32, bool)>, Self) {
        if self.risky || self.larger > RISKY_BITS {
            return (Some((1, true)), Self { larger: KEPT_BITS, ..self });
        }
        if self.larger <= limit {
            return (None, self);
        }
        let rounds = ((self.larger - KEPT_BITS) / KEPT_BITS).ceil() as u32;
        (Some((rounds, false)), Self { larger: KEPT_BITS, ..self })
    }
}

/// How small the entries of a branch's transition matrix are, in bits.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Branch {
    /// The smallest entry that isn't zero.
    smallest: f64,
    /// The smaller of the two of the diagonal.
    staying: f64,
    zero: bool,
}

impl Branch {
    pub(crate) fn of(p: [[f64; 2]; 2]) -> Self {
        let all = [p[0][0], p[0][1], p[1][0], p[1][1]];
        let smallest = all.into_iter().filter(|&v| v > 0.0).fold(0.0, |worst, v| bits(v).max(worst));
        let zero = all.contains(&0.0);
        Self { smallest, staying: bits(p[0][0].min(p[1][1])).min(1e6), zero }
    }
}

/// -log2 of a value in [0, 1], rounded up to whole bits.
fn bits(value: f64) -> f64 {
    // The exponent field; subnormal numbers come out as 1,023 bits, past every threshold as they should.
    if value <= 0.0 { f64::INFINITY } else { (1023 - (value.to_bits() >> 52) as i64).max(0) as f64 }
}

/// Bounds along a schedule: calls `emit(step)` for every step and `rescale(rounds, risky)` where it belongs.
/// `limit`: the bits of `larger` past which that is. Returns whether the root is risky.
pub(crate) fn bounded(
    schedule: &Schedule,
    leaf: impl Fn(Leaf) -> Bound,
    branch: impl Fn(u32) -> Branch,
    prior: [f64; 2],
    limit: f64,
    mut emit: impl FnMut(Event),
) -> bool {
    let mut aside: Vec<Bound> = Vec::with_capacity(schedule.depth);
    let mut top = Bound { larger: 0.0, smallest: 0.0, zero: false, risky: false };
    for &step in &schedule.steps {
        emit(Event::Step(step));
        match step {
            Step::Start(first) => top = leaf(first),
            Step::Carry(node) => {
                top = top.carried(branch(node));
                continue;
            }
            Step::Push => {
                aside.push(top);
                continue;
            }
            Step::Multiply(next) => top = top.times(leaf(next)),
            // The builder of schedules pops only what it pushed.
            Step::MultiplyPopped => {
                if let Some(popped) = aside.pop() {
                    top = top.times(popped);
                }
            }
        }
        let (rescale, after) = top.rescaled(limit);
        if let Some((rounds, risky)) = rescale {
            emit(Event::Rescale { rounds, risky });
        }
        top = after;
    }
    let smallest = prior.into_iter().filter(|&p| p > 0.0).fold(0.0, |worst: f64, p| worst.max(bits(p)));
    let mixes = prior.iter().all(|&p| p > 0.0) && smallest <= MIXING_BITS;
    top.larger + smallest > RISKY_BITS || (!mixes && (top.risky || top.smallest + smallest > RISKY_BITS))
}

/// The limit for [`bounded`]: trees whose values fit into doubles as they are need no rescaling at all.
pub(crate) fn limit(
    schedule: &Schedule,
    leaf: impl Fn(Leaf) -> Bound,
    branch: impl Fn(u32) -> Branch,
    prior: [f64; 2],
) -> f64 {
    let mut fits = true;
    let risky_root =
        bounded(schedule, leaf, branch, prior, RISKY_BITS, |event| fits &= matches!(event, Event::Step(_)));
    if fits && !risky_root { RISKY_BITS } else { RESCALE_BITS }
}

/// What [`bounded`] reports.
pub(crate) enum Event {
    Step(Step),
    Rescale { rounds: u32, risky: bool },
}

impl Program {
    /// Fills in a schedule for one pair of rates.
    pub(crate) fn new(tree: &Tree, states: &TipStates, schedule: &Schedule, rates: Rates, prior: RootPrior) -> Self {
        let mut transitions = reference::transitions(tree, rates);
        transitions[tree.root()] = Transition::IDENTITY;
        let transition = |node: u32| transitions[node as usize].0;
        let mut carried = Vec::new();
        let tables: Vec<Table> = schedule.clusters.iter().map(|c| table(tree, c, &transition, &mut carried)).collect();
        let bound = |(Table([zero, one]), cluster): (&Table, &Cluster)| {
            let used = 1usize << cluster.bits;
            Bound::of(zero[..used].iter().zip(&one[..used]).map(|(&zero, &one)| [zero, one]))
        };
        let bounds: Vec<Bound> = tables.iter().zip(&schedule.clusters).map(bound).collect();
        let program = Self::above(tree, states, schedule, &transitions, prior.probabilities(rates), &bounds);
        Self { tables, ..program }
    }

    /// Fills in a schedule, what its clusters contribute being known elsewhere: `clusters` bound it.
    pub(crate) fn above(
        tree: &Tree,
        states: &TipStates,
        schedule: &Schedule,
        transitions: &[Transition],
        prior: [f64; 2],
        clusters: &[Bound],
    ) -> Self {
        // No branch leads to the root.
        let transition = |node: u32| {
            if node as usize == tree.root() { Transition::IDENTITY.0 } else { transitions[node as usize].0 }
        };
        let columns = |tip: u32| {
            let p = transition(tree.tips()[tip as usize]);
            [[p[0][0], p[1][0]], [p[0][1], p[1][1]]]
        };
        let missing = |tip: u32| states.missing_row(tip as usize).is_some();
        let leaf = |leaf: Leaf| match leaf {
            Leaf::Tip(tip) => {
                let [absent, present] = columns(tip);
                Bound::of([absent, present].into_iter())
            }
            Leaf::Cluster(index) => clusters[index as usize],
        };
        let mut ops = Vec::with_capacity(schedule.steps.len() + 16);
        let branch = |node| Branch::of(transition(node));
        let limit = limit(schedule, leaf, branch, prior);
        let risky_root = bounded(schedule, leaf, branch, prior, limit, |event| {
            ops.push(match event {
                Event::Rescale { rounds, risky } => Op::Rescale { rounds, risky },
                Event::Step(Step::Push) => Op::Push,
                Event::Step(Step::MultiplyPopped) => Op::MultiplyPopped,
                Event::Step(Step::Carry(node)) => {
                    let p = transition(node);
                    if p[0][1].max(p[1][0]) > 0.5 {
                        Op::Carry { node, p }
                    } else {
                        Op::CarryShort { node, gain: p[0][1], loss: p[1][0] }
                    }
                }
                Event::Step(step @ (Step::Start(leaf) | Step::Multiply(leaf))) => {
                    let first = matches!(step, Step::Start(_));
                    match leaf {
                        Leaf::Tip(tip) => Op::Tip { first, tip, missing: missing(tip), columns: columns(tip) },
                        Leaf::Cluster(cluster) => Op::Cluster { first, cluster },
                    }
                }
            });
        });
        Self { ops, tables: vec![], depth: schedule.depth, prior, risky_root }
    }
}

impl Program {
    /// Can a value leave the range of doubles on its way?
    pub(crate) fn is_risky(&self) -> bool {
        self.risky_root || self.ops.iter().any(|op| matches!(op, Op::Rescale { risky: true, .. }))
    }
}

/// Codes of a cluster.
const CODES: usize = 1 << CODE_BITS;

/// What every code of a cluster contributes. `carried` is memory, for what each node does.
fn table(
    tree: &Tree,
    cluster: &Cluster,
    transition: &impl Fn(u32) -> [[f64; 2]; 2],
    carried: &mut Vec<[[f64; CODES]; 2]>,
) -> Table {
    carried.clear();
    let mut product = [[1.0; CODES]; 2];
    for &node in &cluster.nodes {
        let p = transition(node);
        let up = match tree.tip_rank(node as usize) {
            Some(rank) => tip_table(cluster, rank, p),
            None => {
                let mut partials = [[1.0; CODES]; 2];
                for child in tree.children(node as usize) {
                    // Children stand before their parents.
                    if let Some(at) = cluster.nodes[..carried.len()].iter().position(|n| n == child) {
                        multiply(&mut partials, &carried[at]);
                    }
                }
                let [absent, present] = &partials;
                let mut up = [[0.0; CODES]; 2];
                for (up, row) in up.iter_mut().zip(p) {
                    for ((up, a), p) in up.iter_mut().zip(absent).zip(present) {
                        *up = row[0] * a + row[1] * p;
                    }
                }
                up
            }
        };
        if cluster.tops.contains(&node) {
            multiply(&mut product, &up);
        }
        carried.push(up);
    }
    Table(product)
}

fn multiply(into: &mut [[f64; CODES]; 2], by: &[[f64; CODES]; 2]) {
    for (into, by) in into.iter_mut().zip(by) {
        into.iter_mut().zip(by).for_each(|(x, y)| *x *= y);
    }
}

/// What every code of a cluster says of one of its tips, at the upper end of the branch.
fn tip_table(cluster: &Cluster, rank: usize, p: [[f64; 2]; 2]) -> [[f64; CODES]; 2] {
    let mut up = [[1.0; CODES]; 2];
    if let Some(&(_, present, missing)) = cluster.tips.iter().find(|tip| tip.0 as usize == rank) {
        for (up, row) in up.iter_mut().zip(p) {
            for (code, up) in up.iter_mut().enumerate() {
                *up = if code >> present & 1 == 1 { row[1] } else { row[0] };
            }
            if let Some(bit) = missing {
                up.iter_mut()
                    .enumerate()
                    .filter(|(code, _)| code >> bit & 1 == 1)
                    .for_each(|(_, up)| *up = row[0] + row[1]);
            }
        }
    }
    up
}
