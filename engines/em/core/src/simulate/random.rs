//! Random numbers from the generator that the engine has anyway.

use crate::reassign::Mt19937;

pub(super) struct Random(Mt19937);

impl Random {
    pub(super) fn new(seed: u32) -> Self {
        Self(Mt19937::new(seed))
    }

    /// Below `bound`, which is at least 1.
    pub(super) fn below(&mut self, bound: usize) -> usize {
        self.0.choice(u32::try_from(bound).unwrap_or(u32::MAX)) as usize
    }

    /// From 0 (included) to 1 (excluded), 53 bits.
    pub(super) fn unit(&mut self) -> f64 {
        let (high, low) = (u64::from(self.0.next_u32() >> 5), u64::from(self.0.next_u32() >> 6));
        ((high << 26) + low) as f64 / (1_u64 << 53) as f64
    }

    pub(super) fn chance(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// Trials up to and with the first success: at least 1, on average 1 / probability.
    pub(super) fn geometric(&mut self, probability: f64) -> usize {
        1 + ((1.0 - self.unit()).ln() / (1.0 - probability).ln()) as usize
    }

    pub(super) fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }
}
