//! What a branch does to families in lanes: the same to all, or to each by rates of its own.

use crate::bits::ROW_COLUMNS;
use crate::kernel::rate_program::RateProgram;
use crate::kernel::simd::{Simd, decay};
use crate::model::{Rates, RootPrior, Transition};
use crate::tree::Tree;

/// Expected numbers of events, times the probability of the lower end, by both ends: `[above][below]`.
pub(super) type Events<V> = [[V; 2]; 2];

/// Transitions and expected events of every branch, for rates that all families share.
pub(crate) struct SameRates {
    pub(super) nodes: Vec<SameBranch>,
    prior: [f64; 2],
}

#[derive(Clone, Copy)]
pub(super) struct SameBranch {
    p: [[f64; 2]; 2],
    gains: Events<f64>,
    losses: Events<f64>,
}

impl SameRates {
    pub(crate) fn new(tree: &Tree, rates: Rates, prior: RootPrior) -> Self {
        let of = |node: usize| {
            if node == tree.root() {
                let none = [[0.0; 2]; 2];
                return SameBranch { p: Transition::IDENTITY.0, gains: none, losses: none };
            }
            let (gains, losses) = crate::posterior::events(rates, tree.length(node));
            SameBranch { p: Transition::new(rates, tree.length(node)).0, gains, losses }
        };
        Self { nodes: (0..tree.node_count()).map(of).collect(), prior: prior.probabilities(rates) }
    }
}

/// Rates of every column, padded.
pub(crate) struct OwnRates {
    minus_total: Vec<f64>,
    absent: Vec<f64>,
    present: Vec<f64>,
    prior: Option<[f64; 2]>,
    /// By node; 0 for the root.
    pub(super) lengths: Vec<f64>,
}

impl OwnRates {
    /// Takes the rates of a program over the same columns.
    pub(crate) fn new(tree: &Tree, program: RateProgram) -> Self {
        let RateProgram { minus_total, absent, present, prior, .. } = program;
        let length = |node: usize| if node == tree.root() { 0.0 } else { tree.length(node) };
        Self { minus_total, absent, present, prior, lengths: (0..tree.node_count()).map(length).collect() }
    }

    pub(super) fn len(&self) -> usize {
        debug_assert!(self.minus_total.len().is_multiple_of(ROW_COLUMNS));
        self.minus_total.len()
    }
}

/// One branch, for vectors of families.
pub(super) trait Branch<S: Simd>: Copy {
    /// `p[above][below]`, for the vector that begins with the unit's column `at`.
    unsafe fn transition(self, at: usize) -> [[S::V; 2]; 2];
    /// Expected gains and losses.
    unsafe fn events(self, at: usize) -> [Events<S::V>; 2];
}

/// All branches of one category.
pub(super) trait Branches<S: Simd>: Copy {
    type Branch: Branch<S>;
    unsafe fn branch(self, node: usize) -> Self::Branch;
    /// Probabilities of absence and presence at the root.
    unsafe fn prior(self, at: usize) -> [S::V; 2];
}

#[derive(Clone, Copy)]
pub(super) struct Same<'a> {
    pub(super) rates: &'a SameRates,
}

impl<S: Simd> Branches<S> for Same<'_> {
    type Branch = SameBranch;

    #[inline(always)]
    unsafe fn branch(self, node: usize) -> SameBranch {
        self.rates.nodes[node]
    }

    #[inline(always)]
    unsafe fn prior(self, _: usize) -> [S::V; 2] {
        // SAFETY: the caller vouches for the instruction set.
        unsafe { [S::splat(self.rates.prior[0]), S::splat(self.rates.prior[1])] }
    }
}

#[inline(always)]
unsafe fn splat<S: Simd>(all: [[f64; 2]; 2]) -> [[S::V; 2]; 2] {
    // SAFETY: the caller vouches for the instruction set.
    unsafe { [[S::splat(all[0][0]), S::splat(all[0][1])], [S::splat(all[1][0]), S::splat(all[1][1])]] }
}

impl<S: Simd> Branch<S> for SameBranch {
    #[inline(always)]
    unsafe fn transition(self, _: usize) -> [[S::V; 2]; 2] {
        // SAFETY: the caller vouches for the instruction set.
        unsafe { splat::<S>(self.p) }
    }

    #[inline(always)]
    unsafe fn events(self, _: usize) -> [Events<S::V>; 2] {
        // SAFETY: the caller vouches for the instruction set.
        unsafe { [splat::<S>(self.gains), splat::<S>(self.losses)] }
    }
}

#[derive(Clone, Copy)]
pub(super) struct Own<'a> {
    pub(super) rates: &'a OwnRates,
}

#[derive(Clone, Copy)]
pub(super) struct OwnBranch<'a> {
    rates: &'a OwnRates,
    length: f64,
}

impl<'a, S: Simd> Branches<S> for Own<'a> {
    type Branch = OwnBranch<'a>;

    #[inline(always)]
    unsafe fn branch(self, node: usize) -> OwnBranch<'a> {
        OwnBranch { rates: self.rates, length: self.rates.lengths[node] }
    }

    #[inline(always)]
    unsafe fn prior(self, at: usize) -> [S::V; 2] {
        // SAFETY: the caller vouches for the instruction set and for rates padded to whole blocks.
        unsafe {
            match self.rates.prior {
                Some([absent, present]) => [S::splat(absent), S::splat(present)],
                None => [S::load(self.rates.absent.as_ptr().add(at)), S::load(self.rates.present.as_ptr().add(at))],
            }
        }
    }
}

impl<S: Simd> Branch<S> for OwnBranch<'_> {
    #[inline(always)]
    unsafe fn transition(self, at: usize) -> [[S::V; 2]; 2] {
        // SAFETY: the caller vouches for the instruction set and for rates padded to whole blocks.
        unsafe {
            let lanes = |values: &[f64]| S::load(values.as_ptr().add(at));
            let (changed, kept) = decay::<S>(S::mul(lanes(&self.rates.minus_total), S::splat(self.length)));
            let (loss, gain) =
                (S::mul(lanes(&self.rates.absent), changed), S::mul(lanes(&self.rates.present), changed));
            [[S::add(loss, kept), gain], [loss, S::add(gain, kept)]]
        }
    }

    /// The lanes' form of [`crate::posterior::events`], multiplied out.
    #[inline(always)]
    unsafe fn events(self, at: usize) -> [Events<S::V>; 2] {
        // SAFETY: the caller vouches for the instruction set and for rates padded to whole blocks.
        unsafe {
            let lanes = |values: &[f64]| S::load(values.as_ptr().add(at));
            let zero = S::splat(0.0);
            let (a, b) = (lanes(&self.rates.absent), lanes(&self.rates.present));
            let (minus_total, t) = (lanes(&self.rates.minus_total), S::splat(self.length));
            let total = S::sub(zero, minus_total);
            let (changed, kept) = decay::<S>(S::mul(minus_total, t));
            let (changed, kept) = (S::div(changed, total), S::mul(t, kept));
            let (aa, ab, bb) = (S::mul(a, a), S::mul(a, b), S::mul(b, b));
            let (gain, loss) = (S::mul(b, total), S::mul(a, total));
            // x t + y changed + z kept, never below 0, times the rate.
            let sum = |rate, x, y, z| {
                let positive = S::max(S::mul_add(x, t, S::mul_add(y, changed, S::mul(z, kept))), zero);
                S::mul(rate, positive)
            };
            let minus = |x| S::sub(zero, x);
            let (both, twice_aa, twice_bb) = (S::add(aa, bb), S::add(aa, aa), S::add(bb, bb));
            let gains = [
                [sum(gain, aa, S::sub(ab, aa), minus(ab)), sum(gain, ab, both, ab)],
                [sum(gain, aa, minus(twice_aa), aa), sum(gain, ab, S::sub(aa, ab), minus(aa))],
            ];
            let losses = [
                [sum(loss, ab, S::sub(bb, ab), minus(bb)), sum(loss, bb, minus(twice_bb), bb)],
                [sum(loss, ab, both, ab), sum(loss, bb, S::sub(ab, bb), minus(ab))],
            ];
            [gains, losses]
        }
    }
}
