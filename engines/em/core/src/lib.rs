//! Multi-mapper EM for transposable elements: Telescope's model (Bendall et al. 2019,
//! doi:10.1371/journal.pcbi.1006453), to its last bit on matrices of up to a quarter of a million entries, and within
//! 1e-12 beyond.
//!
//! The crate is plain Rust: option structs in, tables out. It knows nothing of plugins, plans in text form or JSON,
//! and starts exactly the threads that it is told to.

#![deny(unsafe_code)]

pub mod annotation;
mod error;
pub mod fragment;
pub mod load;
pub mod matrix;
pub mod model;
mod monitor;
pub mod numeric;
pub mod reassign;
pub mod report;
pub mod scores;
pub mod session;
pub mod simulate;
pub mod solver;
pub mod updated_bam;
mod workers;

pub use error::EmError;
pub use matrix::{MatrixBuilder, ScoreMatrix};
pub use model::{EmOptions, Parameters};
pub use monitor::{Monitor, Unwatched};
pub use reassign::{Mode, reassign};
pub use scores::Scores;
pub use solver::{EmFit, Solver, fit};
pub use workers::Workers;
