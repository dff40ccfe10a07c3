//! The top of the stack of a block of families, and what every program does with it.
//!
//! Methods are `unsafe` as those of [`Simd`] are: the processor must have the instruction set.
#![allow(unsafe_code)]

use super::lanes::BLOCK_FAMILIES;
use super::simd::{Simd, ln};
use super::wide::{INVERSE_STEP, STEP};

/// The top of the stack, and how often each family was scaled.
pub(super) struct Top<S: Simd, const N: usize> {
    pub(super) absent: [S::V; N],
    pub(super) present: [S::V; N],
    steps: [S::V; N],
    /// Families to leave over, a bit each.
    doubtful: u64,
}

impl<S: Simd, const N: usize> Top<S, N> {
    #[inline(always)]
    pub(super) unsafe fn new() -> Self {
        // SAFETY: the caller vouches for the instruction set.
        let zero = unsafe { S::splat(0.0) };
        Self { absent: [zero; N], present: [zero; N], steps: [zero; N], doubtful: 0 }
    }

    /// Takes (`first`) or multiplies by a pair.
    #[inline(always)]
    pub(super) unsafe fn join(&mut self, first: bool, v: usize, pair: [S::V; 2]) {
        // SAFETY: the caller vouches for the instruction set.
        unsafe {
            self.absent[v] = if first { pair[0] } else { S::mul(self.absent[v], pair[0]) };
            self.present[v] = if first { pair[1] } else { S::mul(self.present[v], pair[1]) };
        }
    }

    #[inline(always)]
    pub(super) unsafe fn push(&self, stack: *mut f64, level: usize) {
        for v in 0..N {
            // SAFETY: the caller vouches for the instruction set and for `level + 1` levels of stack.
            unsafe {
                S::store(stack.add((level * 2 * N + v) * S::WIDTH), self.absent[v]);
                S::store(stack.add((level * 2 * N + N + v) * S::WIDTH), self.present[v]);
            }
        }
    }

    #[inline(always)]
    pub(super) unsafe fn multiply_popped(&mut self, stack: *const f64, level: usize) {
        for v in 0..N {
            // SAFETY: as in `push`.
            unsafe {
                let absent = S::load(stack.add((level * 2 * N + v) * S::WIDTH));
                let present = S::load(stack.add((level * 2 * N + N + v) * S::WIDTH));
                self.join(false, v, [absent, present]);
            }
        }
    }

    #[inline(always)]
    pub(super) unsafe fn rescale(&mut self, rounds: u32, risky: bool) {
        // SAFETY: the caller vouches for the instruction set.
        unsafe {
            let threshold = S::splat(INVERSE_STEP);
            let mut small = 0u32;
            for v in 0..N {
                small |= u32::from(S::less(S::max(self.absent[v], self.present[v]), threshold));
            }
            if small != 0 {
                self.rescale_small(rounds, risky);
            }
        }
    }

    /// Families need it once in hundreds of steps.
    #[inline(always)]
    unsafe fn rescale_small(&mut self, rounds: u32, risky: bool) {
        // SAFETY: the caller vouches for the instruction set.
        unsafe {
            let (one, step) = (S::splat(1.0), S::splat(STEP));
            let zero = S::splat(0.0);
            for v in 0..N {
                for _ in 0..rounds {
                    let small = S::less(S::max(self.absent[v], self.present[v]), S::splat(INVERSE_STEP));
                    if small == 0 {
                        break;
                    }
                    if risky {
                        self.doubtful |= u64::from(small) << (v * S::WIDTH);
                    }
                    let mask = S::mask_from(small);
                    let factor = S::select(mask, one, step);
                    self.absent[v] = S::mul(self.absent[v], factor);
                    self.present[v] = S::mul(self.present[v], factor);
                    self.steps[v] = S::add(self.steps[v], S::select(mask, zero, one));
                }
            }
        }
    }

    /// Writes logarithms; `prior` gives the two probabilities of vector `v`.
    #[inline(always)]
    pub(super) unsafe fn finish(
        mut self,
        prior: impl Fn(usize) -> [S::V; 2],
        risky_root: bool,
        first: usize,
        out: &mut [f64],
        left_over: &mut Vec<u32>,
    ) {
        let mut logs = [0.0f64; BLOCK_FAMILIES];
        // SAFETY: the caller vouches for the instruction set; N vectors are at most BLOCK_FAMILIES doubles.
        unsafe {
            for v in 0..N {
                let [absent, present] = prior(v);
                let likelihood = S::mul_add(absent, self.absent[v], S::mul(present, self.present[v]));
                let to = logs.as_mut_ptr().add(v * S::WIDTH);
                let small = S::less(likelihood, S::splat(f64::MIN_POSITIVE));
                if small == 0 {
                    S::store(to, ln::<S>(likelihood, self.steps[v]));
                } else {
                    let mut values = [0.0; BLOCK_FAMILIES];
                    let mut steps = [0.0; BLOCK_FAMILIES];
                    S::store(values.as_mut_ptr(), likelihood);
                    S::store(steps.as_mut_ptr(), self.steps[v]);
                    for i in 0..S::WIDTH {
                        *to.add(i) = values[i].ln() - steps[i] * 256.0 * std::f64::consts::LN_2;
                    }
                }
                if risky_root {
                    self.doubtful |= u64::from(S::less(likelihood, S::splat(INVERSE_STEP))) << (v * S::WIDTH);
                }
            }
        }
        out.copy_from_slice(&logs[..out.len()]);
        while self.doubtful != 0 {
            let lane = self.doubtful.trailing_zeros() as usize;
            self.doubtful &= self.doubtful - 1;
            if lane < out.len() {
                left_over.push((first + lane) as u32);
            }
        }
    }
}
