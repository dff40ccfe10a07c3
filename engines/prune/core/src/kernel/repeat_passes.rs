//! Passes over subtree repeats: every distinct pattern of every subtree once up for values, once down for gradients.
//!
//! The same sums as in lanes (see [`super::lane_gradient`]), by another road: faster where patterns repeat much.
//! Leaves out data that ordinary numbers can't carry: the evaluator sends those elsewhere.

use super::repeats::{Repeats, TIP_CLASSES, TIP_VECTORS};
use super::sums::Sums;
use super::wide::{INVERSE_STEP, STEP, STEP_BITS};
use crate::model::Transition;
use crate::tree::Tree;

/// Columns whose patterns are found together: fixed, so that chunks and workers can't change a digit.
pub(crate) const UNIT_COLUMNS: usize = 4096;

type Pair = [f64; 2];

/// Memory of one worker.
#[derive(Default)]
pub(crate) struct PassScratch {
    /// Carried partials of every class.
    values: Vec<Pair>,
    adjoints: Vec<Pair>,
    /// How often each class was scaled; unused where nothing is.
    steps: Vec<i32>,
    logs: Vec<f64>,
}

/// One evaluation's numbers.
pub(crate) struct Task<'a> {
    pub(crate) tree: &'a Tree,
    pub(crate) transitions: &'a [Transition],
    pub(crate) prior: [f64; 2],
    /// Can any class need scaling?
    pub(crate) scaled: bool,
    /// Weight of every column of the matrix.
    pub(crate) weights: &'a [f64],
}

impl Repeats {
    /// Log-likelihoods of the columns into `out`, and the weighted sums; impossible columns count nothing.
    pub(crate) fn gradient(&self, task: &Task<'_>, scratch: &mut PassScratch, out: &mut [f64]) -> Sums {
        if task.scaled {
            self.gradient_of::<true>(task, scratch, out)
        } else {
            self.gradient_of::<false>(task, scratch, out)
        }
    }

    /// Log-likelihoods alone.
    pub(crate) fn log_likelihoods(
        &self,
        transitions: &[Transition],
        prior: [f64; 2],
        scaled: bool,
        scratch: &mut PassScratch,
        out: &mut [f64],
    ) {
        let count = self.class_count();
        let PassScratch { values, steps, logs, .. } = scratch;
        values.resize(count, [0.0; 2]);
        steps.clear();
        steps.resize(count, 0);
        if scaled {
            self.upward::<true>(transitions, values, steps);
        } else {
            self.upward::<false>(transitions, values, steps);
        }
        let root = self.offset(self.root());
        logs.clear();
        logs.extend(values[root..].iter().zip(&steps[root..]).map(|(value, &steps)| {
            let likelihood = prior[0] * value[0] + prior[1] * value[1];
            likelihood.ln() - f64::from(steps * STEP_BITS) * std::f64::consts::LN_2
        }));
        for (out, &class) in out.iter_mut().zip(self.classes()) {
            *out = logs[class as usize];
        }
    }

    fn gradient_of<const SCALED: bool>(&self, task: &Task<'_>, scratch: &mut PassScratch, out: &mut [f64]) -> Sums {
        let count = self.class_count();
        let PassScratch { values, adjoints, steps, logs } = scratch;
        values.resize(count, [0.0; 2]);
        adjoints.clear();
        adjoints.resize(count, [0.0; 2]);
        if SCALED {
            steps.clear();
            steps.resize(count, 0);
        }
        self.upward::<SCALED>(task.transitions, values, steps);
        let mut sums = Sums::zeros(task.tree.node_count());
        self.at_root::<SCALED>(task, values, steps, adjoints, logs, &mut sums);
        for (out, &class) in out.iter_mut().zip(self.classes()) {
            *out = logs[class as usize];
        }
        self.downward::<SCALED>(task.transitions, values, adjoints, &mut sums);
        sums
    }

    /// Carried values of every class of every operand, without scaling.
    pub(super) fn forest_up<'a>(&self, transitions: &[Transition], scratch: &'a mut PassScratch) -> &'a [Pair] {
        let PassScratch { values, steps, .. } = scratch;
        values.resize(self.class_count(), [0.0; 2]);
        self.upward::<false>(transitions, values, steps);
        values
    }

    /// After [`Self::forest_up`]: adds the sums below classes whose adjoints are given, in parts.
    pub(super) fn forest_down(
        &self,
        transitions: &[Transition],
        parts: impl Iterator<Item = (u32, Pair)>,
        scratch: &mut PassScratch,
        sums: &mut Sums,
    ) {
        let PassScratch { values, adjoints, .. } = scratch;
        adjoints.clear();
        adjoints.resize(self.class_count(), [0.0; 2]);
        for (class, part) in parts {
            adjoints[class as usize] = plus(adjoints[class as usize], part);
        }
        self.downward::<false>(transitions, values, adjoints, sums);
    }

    fn upward<const SCALED: bool>(&self, transitions: &[Transition], values: &mut [Pair], steps: &mut [i32]) {
        for tip in 0..self.tip_count() {
            for (class, vector) in TIP_VECTORS.into_iter().enumerate() {
                values[tip * TIP_CLASSES + class] = carried_along(self.path(tip), transitions, vector);
            }
        }
        for (index, join) in self.joins().iter().enumerate() {
            let operand = self.tip_count() + index;
            let (left, right, start) = (self.offset(join.left), self.offset(join.right), self.offset(operand as u32));
            let (below, own) = values.split_at_mut(start);
            let pairs = self.pairs(join);
            let mut path = self.path(operand);
            let first = path.next().map_or(Transition::IDENTITY, |node| transitions[node as usize]);
            if path.next().is_some() {
                // Unary nodes are rare: products first, then all branches of each.
                join_up::<SCALED>(pairs, &Transition::IDENTITY, [left, right], below, own, steps);
                for value in &mut own[..pairs.len()] {
                    *value = carried_along(self.path(operand), transitions, *value);
                }
            } else {
                join_up::<SCALED>(pairs, &first, [left, right], below, own, steps);
            }
        }
    }

    /// Logarithms, and the adjoints of the root's classes.
    fn at_root<const SCALED: bool>(
        &self,
        task: &Task<'_>,
        values: &[Pair],
        steps: &[i32],
        adjoints: &mut [Pair],
        logs: &mut Vec<f64>,
        sums: &mut Sums,
    ) {
        let root = self.offset(self.root());
        logs.clear();
        for (k, value) in values[root..].iter().enumerate() {
            let likelihood = task.prior[0] * value[0] + task.prior[1] * value[1];
            let scale = if SCALED { f64::from(steps[root + k] * STEP_BITS) } else { 0.0 };
            logs.push(likelihood.ln() - scale * std::f64::consts::LN_2);
            adjoints[root + k] = [0.0, likelihood];
        }
        // First the classes' weights, in column order.
        let first = self.families().start;
        for (column, &class) in self.classes().iter().enumerate() {
            adjoints[root + class as usize][0] += task.weights[first + column];
        }
        for (adjoint, value) in adjoints[root..].iter_mut().zip(&values[root..]) {
            let [weight, likelihood] = *adjoint;
            let share = if likelihood > 0.0 { weight / likelihood } else { 0.0 };
            *adjoint = task.prior.map(|p| p * share);
            sums.prior[0] += share * value[0];
            sums.prior[1] += share * value[1];
        }
    }

    fn downward<const SCALED: bool>(
        &self,
        transitions: &[Transition],
        values: &[Pair],
        adjoints: &mut [Pair],
        sums: &mut Sums,
    ) {
        let mut along = Vec::new();
        for (index, join) in self.joins().iter().enumerate().rev() {
            let operand = self.tip_count() + index;
            let (left, right, start) = (self.offset(join.left), self.offset(join.right), self.offset(operand as u32));
            let (below, own) = adjoints.split_at_mut(start);
            let pairs = self.pairs(join);
            let mut path = self.path(operand);
            let first = path.next();
            if path.next().is_some() {
                for (&[a, b], own) in pairs.iter().zip(&mut *own) {
                    let product = times(values[left + a as usize], values[right + b as usize]);
                    let Rescaled { product, .. } = rescaled::<SCALED>(product);
                    *own = back_along(self.path(operand), transitions, product, *own, &mut along, sums);
                }
                join_down::<SCALED>(pairs, &Transition::IDENTITY, [left, right], values, own, below);
            } else {
                let transition = first.map_or(Transition::IDENTITY, |node| transitions[node as usize]);
                let branch = join_down::<SCALED>(pairs, &transition, [left, right], values, own, below);
                if let Some(node) = first {
                    sums.branches[node as usize][0] += branch[0];
                    sums.branches[node as usize][1] -= branch[1];
                }
            }
        }
        for tip in 0..self.tip_count() {
            for (class, vector) in TIP_VECTORS.into_iter().enumerate() {
                let adjoint = adjoints[tip * TIP_CLASSES + class];
                back_along(self.path(tip), transitions, vector, adjoint, &mut along, sums);
            }
        }
    }
}

/// Products of pairs of classes, carried along one branch. Apart from its caller, so that all of it stays in
/// registers.
#[inline(never)]
fn join_up<const SCALED: bool>(
    pairs: &[[u32; 2]],
    transition: &Transition,
    [left, right]: [usize; 2],
    below: &[Pair],
    own: &mut [Pair],
    steps: &mut [i32],
) {
    let start = below.len();
    let left_values = &below[left..];
    let right_values = &below[right..];
    let mut own = own;
    let mut at = start;
    for run in pairs.chunk_by(same_left) {
        let u = left_values[run[0][0] as usize];
        let (own_run, rest) = own.split_at_mut(run.len());
        own = rest;
        for (&[a, b], own) in run.iter().zip(own_run) {
            let Rescaled { product, rounds, .. } = rescaled::<SCALED>(times(u, right_values[b as usize]));
            if SCALED {
                steps[at] = steps[left + a as usize] + steps[right + b as usize] + rounds;
                at += 1;
            }
            *own = carried(transition, product);
        }
    }
}

/// The reverse of [`join_up`]: adds to the adjoints below, and returns the sums over the branch.
#[inline(never)]
fn join_down<const SCALED: bool>(
    pairs: &[[u32; 2]],
    transition: &Transition,
    [left, right]: [usize; 2],
    values: &[Pair],
    own: &[Pair],
    below: &mut [Pair],
) -> Pair {
    let right_values = &values[right..];
    let mut branch = [0.0; 2];
    let mut own = own;
    for run in pairs.chunk_by(same_left) {
        let a = left + run[0][0] as usize;
        let u = values[a];
        let mut by_left = [0.0; 2];
        let (own_run, rest) = own.split_at(run.len());
        own = rest;
        for (&[_, b], &own) in run.iter().zip(own_run) {
            let v = right_values[b as usize];
            let Rescaled { product, factor, .. } = rescaled::<SCALED>(times(u, v));
            let difference = product[1] - product[0];
            branch = [branch[0] + own[0] * difference, branch[1] + own[1] * difference];
            let mut z = back(transition, own);
            if SCALED {
                z = z.map(|x| x * factor);
            }
            by_left = plus(by_left, times(z, v));
            let by_right = &mut below[right + b as usize];
            *by_right = plus(*by_right, times(z, u));
        }
        below[a] = plus(below[a], by_left);
    }
    branch
}

/// A product after scaling, the factor, and its number of steps.
struct Rescaled {
    product: Pair,
    factor: f64,
    rounds: i32,
}

/// Scales a product up if it is small. In large trees every other product is: no branch for one step.
#[inline(always)]
fn rescaled<const SCALED: bool>(product: Pair) -> Rescaled {
    if !SCALED {
        return Rescaled { product, factor: 1.0, rounds: 0 };
    }
    let small = product[0].max(product[1]) < INVERSE_STEP;
    let factor = if small { STEP } else { 1.0 };
    let once = product.map(|x| x * factor);
    if once[0].max(once[1]) < INVERSE_STEP {
        return scaled_up(product);
    }
    Rescaled { product: once, factor, rounds: i32::from(small) }
}

#[cold]
fn scaled_up(mut product: Pair) -> Rescaled {
    let (mut factor, mut rounds) = (1.0, 0);
    while product[0].max(product[1]) < INVERSE_STEP && product != [0.0; 2] {
        product = product.map(|x| x * STEP);
        factor *= STEP;
        rounds += 1;
    }
    Rescaled { product, factor, rounds }
}

fn same_left(one: &[u32; 2], next: &[u32; 2]) -> bool {
    one[0] == next[0]
}

#[inline(always)]
fn times(a: Pair, b: Pair) -> Pair {
    [a[0] * b[0], a[1] * b[1]]
}

#[inline(always)]
fn plus(a: Pair, b: Pair) -> Pair {
    [a[0] + b[0], a[1] + b[1]]
}

#[inline(always)]
fn carried(Transition(p): &Transition, [x, y]: Pair) -> Pair {
    [p[0][0] * x + p[0][1] * y, p[1][0] * x + p[1][1] * y]
}

/// The adjoint at the lower end of a branch from that at the upper one.
#[inline(always)]
fn back(Transition(p): &Transition, [x, y]: Pair) -> Pair {
    [p[0][0] * x + p[1][0] * y, p[0][1] * x + p[1][1] * y]
}

fn carried_along(path: impl Iterator<Item = u32>, transitions: &[Transition], vector: Pair) -> Pair {
    path.fold(vector, |vector, node| carried(&transitions[node as usize], vector))
}

/// Goes back along several branches, adding to the sum of each.
fn back_along(
    path: impl Iterator<Item = u32>,
    transitions: &[Transition],
    vector: Pair,
    adjoint: Pair,
    along: &mut Vec<(u32, f64)>,
    sums: &mut Sums,
) -> Pair {
    along.clear();
    let mut vector = vector;
    for node in path {
        along.push((node, vector[1] - vector[0]));
        vector = carried(&transitions[node as usize], vector);
    }
    let mut adjoint = adjoint;
    for &(node, difference) in along.iter().rev() {
        sums.branches[node as usize][0] += adjoint[0] * difference;
        sums.branches[node as usize][1] -= adjoint[1] * difference;
        adjoint = back(&transitions[node as usize], adjoint);
    }
    adjoint
}
