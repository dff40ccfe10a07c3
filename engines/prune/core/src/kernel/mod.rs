//! Ways to compute likelihoods and their gradients. Every one agrees with the reference kernel (`per-family`) to 1e-10.

pub mod evaluator;
mod folds;
mod gradient;
mod lane_gradient;
pub(crate) mod lane_posterior;
pub(crate) mod lanes;
pub(crate) mod program;
pub(crate) mod rate_program;
pub(crate) mod reference;
mod repeat_passes;
mod repeats;
pub(crate) mod schedule;
pub(crate) mod simd;
mod sums;
mod top;
pub(crate) mod wide;
pub(crate) mod workers;

pub use simd::InstructionSet;
