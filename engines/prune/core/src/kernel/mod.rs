//! Ways to compute likelihoods and their gradients. Every one agrees with [`reference`] to 1e-10.

pub mod evaluator;
mod lane_gradient;
mod lanes;
pub(crate) mod patterns;
mod program;
mod rate_program;
pub(crate) mod reference;
mod repeat_passes;
mod repeats;
mod schedule;
mod simd;
pub(crate) mod wide;

pub use patterns::distinct_columns;
pub use simd::InstructionSet;
