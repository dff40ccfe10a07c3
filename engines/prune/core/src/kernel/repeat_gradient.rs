//! Value and exact gradient over subtree repeats: every distinct pattern of every subtree once up, once down.
//!
//! The same sums as in lanes (see [`super::lane_gradient`]), by another road: faster where patterns repeat much.
//! Leaves out data that ordinary numbers can't carry: the evaluator sends those elsewhere.

use super::lane_gradient::Sums;
use super::repeats::{Repeats, TIP_CLASSES};
use super::wide::{INVERSE_STEP, STEP, STEP_BITS};
use crate::model::Transition;
use crate::tree::Tree;

/// Columns whose patterns are found together: fixed, so that chunks and workers can't change a digit.
pub(crate) const UNIT_COLUMNS: usize = 4096;

type Pair = [f64; 2];

/// Memory of one worker.
#[derive(Default)]
pub(crate) struct GradientScratch {
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
    pub(crate) fn gradient(&self, task: &Task<'_>, scratch: &mut GradientScratch, out: &mut [f64]) -> Sums {
        if task.scaled {
            self.gradient_of::<true>(task, scratch, out)
        } else {
            self.gradient_of::<false>(task, scratch, out)
        }
    }

    fn gradient_of<const SCALED: bool>(&self, task: &Task<'_>, scratch: &mut GradientScratch, out: &mut [f64]) -> Sums {
        let count = self.tip_count() * TIP_CLASSES + self.distinct();
        let GradientScratch { values, adjoints, steps, logs } = scratch;
        values.resize(count, [0.0; 2]);
        adjoints.clear();
        adjoints.resize(count, [0.0; 2]);
        if SCALED {
            steps.clear();
            steps.resize(count, 0);
        }
        self.upward::<SCALED>(task, values, steps);
        let mut sums = Sums::zeros(task.tree.node_count());
        self.at_root::<SCALED>(task, values, steps, adjoints, logs, &mut sums);
        for (out, &class) in out.iter_mut().zip(self.classes()) {
            *out = logs[class as usize];
        }
        self.downward::<SCALED>(task, values, adjoints, &mut sums);
        sums
    }

    fn upward<const SCALED: bool>(&self, task: &Task<'_>, values: &mut [Pair], steps: &mut [i32]) {
        for tip in 0..self.tip_count() {
            for (class, vector) in TIP_VECTORS.into_iter().enumerate() {
                values[tip * TIP_CLASSES + class] = carried_along(self.path(tip), task.transitions, vector);
            }
        }
        for (index, join) in self.joins().iter().enumerate() {
            let operand = self.tip_count() + index;
            let (left, right, start) = (self.offset(join.left), self.offset(join.right), self.offset(operand as u32));
            let (below, own) = values.split_at_mut(start);
            let (left_values, right_values) = (&below[left..], &below[right..]);
            let mut path = self.path(operand);
            let first = path.next().map_or(Transition::IDENTITY, |node| task.transitions[node as usize]);
            let straight = path.next().is_none();
            let pairs = self.pairs(join);
            for (k, (&[a, b], own)) in pairs.iter().zip(own).enumerate() {
                let mut product = times(left_values[a as usize], right_values[b as usize]);
                if SCALED {
                    steps[start + k] = steps[left + a as usize] + steps[right + b as usize];
                    if product[0].max(product[1]) < INVERSE_STEP {
                        product = product.map(|x| x * STEP);
                        steps[start + k] += 1;
                    }
                }
                *own = if straight {
                    carried(&first, product)
                } else {
                    carried_along(self.path(operand), task.transitions, product)
                };
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

    fn downward<const SCALED: bool>(&self, task: &Task<'_>, values: &[Pair], adjoints: &mut [Pair], sums: &mut Sums) {
        let mut along = Vec::new();
        for (index, join) in self.joins().iter().enumerate().rev() {
            let operand = self.tip_count() + index;
            let (left, right, start) = (self.offset(join.left), self.offset(join.right), self.offset(operand as u32));
            let (below, own) = adjoints.split_at_mut(start);
            let mut path = self.path(operand);
            let first = path.next();
            let straight = path.next().is_none();
            let transition = first.map_or(Transition::IDENTITY, |node| task.transitions[node as usize]);
            let mut branch = [0.0; 2];
            for (&[a, b], own) in self.pairs(join).iter().zip(own) {
                let (a, b) = (left + a as usize, right + b as usize);
                let (u, v) = (values[a], values[b]);
                let mut product = times(u, v);
                let mut factor = 1.0;
                if SCALED && product[0].max(product[1]) < INVERSE_STEP {
                    factor = STEP;
                    product = product.map(|x| x * STEP);
                }
                let mut z = if straight {
                    let difference = product[1] - product[0];
                    branch[0] += own[0] * difference;
                    branch[1] += own[1] * difference;
                    back(&transition, *own)
                } else {
                    back_along(self.path(operand), task.transitions, product, *own, &mut along, sums)
                };
                if SCALED {
                    z = z.map(|x| x * factor);
                }
                let (by_left, by_right) = (times(z, v), times(z, u));
                below[a] = plus(below[a], by_left);
                below[b] = plus(below[b], by_right);
            }
            if let (Some(node), true) = (first, straight) {
                sums.branches[node as usize][0] += branch[0];
                sums.branches[node as usize][1] -= branch[1];
            }
        }
        for tip in 0..self.tip_count() {
            for (class, vector) in TIP_VECTORS.into_iter().enumerate() {
                let adjoint = adjoints[tip * TIP_CLASSES + class];
                back_along(self.path(tip), task.transitions, vector, adjoint, &mut along, sums);
            }
        }
    }
}

/// Vectors of a tip that is absent, present, missing.
const TIP_VECTORS: [Pair; TIP_CLASSES] = [[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]];

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
