//! Where adjoints from above meet partials from below: what stands on nodes and branches, one vector of families at a
//! time.

use super::Unit;
use super::branches::Branch;
use crate::kernel::simd::Simd;
use crate::posterior::FamilyChange;

/// By how much of their weight the posteriors of a branch may miss it: beyond all rounding, below what is seen.
pub(super) const SLACK: f64 = 1e-9;

/// What one category adds to the others.
#[derive(Clone, Copy)]
pub(super) struct Turn {
    /// Of how many it is the next.
    pub(super) index: usize,
    /// Nothing comes after.
    pub(super) last: bool,
    /// Families that are listed if they change, a bit each.
    pub(super) alive: u64,
}

#[inline(always)]
pub(super) fn place<S: Simd, const N: usize>(row: usize, v: usize) -> usize {
    (row * N + v) * S::WIDTH
}

/// # Safety
/// The processor must have the instruction set of `S`; the memory must hold the rows.
#[inline(always)]
pub(super) unsafe fn read_pair<S: Simd, const N: usize>(rows: *const f64, row: usize, v: usize) -> [S::V; 2] {
    // SAFETY: the caller vouches for it.
    unsafe { [S::load(rows.add(place::<S, N>(row, v))), S::load(rows.add(place::<S, N>(row + 1, v)))] }
}

/// # Safety
/// As [`read_pair`].
#[inline(always)]
pub(super) unsafe fn write_pair<S: Simd, const N: usize>(rows: *mut f64, row: usize, v: usize, pair: [S::V; 2]) {
    // SAFETY: the caller vouches for it.
    unsafe {
        S::store(rows.add(place::<S, N>(row, v)), pair[0]);
        S::store(rows.add(place::<S, N>(row + 1, v)), pair[1]);
    }
}

/// # Safety
/// The processor must have the instruction set of `S`.
#[inline(always)]
pub(super) unsafe fn times<S: Simd>(a: [S::V; 2], b: [S::V; 2]) -> [S::V; 2] {
    // SAFETY: the caller vouches for it.
    unsafe { [S::mul(a[0], b[0]), S::mul(a[1], b[1])] }
}

/// Adds to the sums of a node's branch.
#[inline(always)]
pub(super) unsafe fn add_to<S: Simd>(unit: &Unit<'_>, sums: *mut f64, node: usize, more: [S::V; 4]) {
    if unit.needs.changes.is_none() {
        return;
    }
    for (index, more) in more.into_iter().enumerate() {
        // SAFETY: the caller vouches for the instruction set and for four vectors a node.
        unsafe {
            let place = sums.add((4 * node + index) * S::WIDTH);
            S::store(place, S::add(S::load(place), more));
        }
    }
}

/// Where adjoints from above meet partials from below: what changes on branches is counted there.
pub(super) struct Meeting<'a, S: Simd, const N: usize> {
    pub(super) unit: &'a Unit<'a>,
    pub(super) first: usize,
    pub(super) turn: Turn,
    pub(super) present: *mut f64,
    pub(super) changes: *mut f64,
    pub(super) weights: [S::V; N],
    /// The category's share in each family's likelihood: what posteriors add up to.
    pub(super) share: [S::V; N],
    /// By how much they may miss it.
    pub(super) slack: [S::V; N],
    /// Families whose posteriors miss it by more, a bit each.
    pub(super) odd: u64,
    pub(super) listed: &'a mut Vec<FamilyChange>,
}

impl<S: Simd, const N: usize> Meeting<'_, S, N> {
    /// Takes both posteriors of a node, which must add up; keeps that of presence.
    #[inline(always)]
    pub(super) unsafe fn at_node(&mut self, node: usize, v: usize, both: [S::V; 2]) {
        // SAFETY: the caller vouches for instruction set and tape.
        unsafe {
            let zero = S::splat(0.0);
            let miss = S::sub(S::add(both[0], both[1]), self.share[v]);
            let miss = S::max(miss, S::sub(zero, miss));
            let missed = !S::less(miss, self.slack[v]) & (u8::MAX >> (8 - S::WIDTH));
            self.odd |= u64::from(missed) << (v * S::WIDTH);
            if self.unit.needs.states && self.unit.tree.tip_rank(node).is_none() {
                let to = self.present.add(place::<S, N>(self.unit.place_of[node] as usize, v));
                let before = if self.turn.index > 0 { S::load(to) } else { zero };
                S::store(to, S::add(before, both[1]));
            }
        }
    }

    #[inline(always)]
    #[expect(clippy::too_many_arguments, reason = "all of them vary from call to call")]
    pub(super) unsafe fn of(
        &mut self,
        node: usize,
        branch: impl Branch<S>,
        v: usize,
        p: [[S::V; 2]; 2],
        above: [S::V; 2],
        below: [S::V; 2],
        sums: &mut [S::V; 4],
    ) {
        let Some(least) = self.unit.needs.changes else { return };
        // SAFETY: the caller vouches for instruction set and tape.
        unsafe {
            let ends = above.map(|above| below.map(|below| S::mul(above, below)));
            let mut gain = S::mul(ends[0][1], p[0][1]);
            let mut loss = S::mul(ends[1][0], p[1][0]);
            let events = branch.events(self.first + v * S::WIDTH).map(|of| {
                let absent = S::mul_add(ends[0][1], of[0][1], S::mul(ends[0][0], of[0][0]));
                S::mul_add(ends[1][1], of[1][1], S::mul_add(ends[1][0], of[1][0], absent))
            });
            for (sum, own) in sums.iter_mut().zip([gain, loss, events[0], events[1]]) {
                *sum = S::mul_add(self.weights[v], own, *sum);
            }
            if self.turn.index > 0 {
                let [gains, losses] = read_pair::<S, N>(self.changes, 2 * node, v);
                (gain, loss) = (S::add(gain, gains), S::add(loss, losses));
            }
            if !self.turn.last {
                write_pair::<S, N>(self.changes, 2 * node, v, [gain, loss]);
                return;
            }
            let least = S::splat(least);
            let small = S::less(gain, least) & S::less(loss, least);
            let alive = (self.turn.alive >> (v * S::WIDTH)) as u8 & (u8::MAX >> (8 - S::WIDTH));
            let listed = alive & !small;
            if listed != 0 {
                let mut values = [[0.0; 8]; 2];
                S::store(values[0].as_mut_ptr(), gain);
                S::store(values[1].as_mut_ptr(), loss);
                self.list(node, v * S::WIDTH, listed, &values);
            }
        }
    }

    #[inline(never)]
    fn list(&mut self, node: usize, lane: usize, mut lanes: u8, [gains, losses]: &[[f64; 8]; 2]) {
        while lanes != 0 {
            let own = lanes.trailing_zeros() as usize;
            lanes &= lanes - 1;
            let family = (self.first + lane + own) as u32;
            self.listed.push(FamilyChange { node: node as u32, family, gain: gains[own], loss: losses[own] });
        }
    }
}
